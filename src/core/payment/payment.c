#include "core/payment/payment.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/*
 * What a cell of the table says: one of these moves. The names are short so that the table can
 * be read as a table; each stands for {next state, actions}.
 */
enum move {
	M_EMPTY, /* never in the table: a test walks all of it */
	ok,      /* harmless: nothing changes */
	nt,      /* does not fit: noted in the audit, nothing changes */
	al,      /* does not fit and may cost money: noted, and a human is called */
	rf,      /* the adapter may not act */
	ay,      /* it may, again */
	sn,      /* it may: -> sending */
	an,      /* it may: -> answer-sending */
	ap,      /* -> approved, confirm */
	pa,      /* -> partial, confirm */
	de,      /* -> declined */
	ca,      /* -> cancelled */
	ns,      /* -> not-sent */
	un,      /* -> unknown */
	uq,      /* -> undo-queued, undo */
	ua,      /* -> undo-queued, undo, alarm */
	rc,      /* an approval while undoing: recorded, still undone */
	cf,      /* -> confirmed */
	ud,      /* -> undone */
	uf,      /* -> undo-failed, alarm */
	lm,      /* too long: alarm once, go on trying */
	qy,      /* query */
	co,      /* confirm */
	uo,      /* undo */
	/* Of payments that a POS asked for. */
	py, /* the payer is asked */
	as, /* -> answer-sending: the POS is told */
	aa, /* the POS is told, again */
	yw, /* it may tell: nothing new is to be stored */
	ak, /* -> approved, to be told when the POS is back */
	pk, /* -> partial, as that */
	tk, /* taken by the POS: the payer is told */
	/* Of refunds. */
	rs, /* submit it: the one before is void, or was never made */
	rd, /* -> refunded */
	ra, /* -> refunded, alarm */
	da, /* -> declined, alarm: whoever waited may have gone */
	na, /* -> not-sent, alarm */
	la, /* -> cancelled, alarm */
	MOVES
};

#define STAY PAYMENT_STATES
#define STORE PAYMENT_DO_STORE
#define CHANGE (PAYMENT_DO_STORE | PAYMENT_DO_RESULT)

static const struct {
	enum payment_state next;
	unsigned actions;
} moves[MOVES] = {
	[ok] = { STAY, 0 },
	[nt] = { STAY, PAYMENT_DO_NOTE },
	[al] = { STAY, PAYMENT_DO_NOTE | PAYMENT_DO_ALARM },
	[rf] = { STAY, PAYMENT_DO_REFUSE },
	[ay] = { STAY, STORE | PAYMENT_DO_ALLOW },
	[sn] = { PAYMENT_SENDING, CHANGE | PAYMENT_DO_ALLOW },
	[an] = { PAYMENT_ANSWER_SENDING, CHANGE | PAYMENT_DO_ALLOW },
	[ap] = { PAYMENT_APPROVED, CHANGE | PAYMENT_DO_CONFIRM },
	[pa] = { PAYMENT_PARTIAL, CHANGE | PAYMENT_DO_CONFIRM },
	[de] = { PAYMENT_DECLINED, CHANGE },
	[ca] = { PAYMENT_CANCELLED, CHANGE },
	[ns] = { PAYMENT_NOT_SENT, CHANGE },
	[un] = { PAYMENT_UNKNOWN, CHANGE },
	[uq] = { PAYMENT_UNDO_QUEUED, CHANGE | PAYMENT_DO_UNDO },
	[ua] = { PAYMENT_UNDO_QUEUED, CHANGE | PAYMENT_DO_UNDO | PAYMENT_DO_ALARM },
	[rc] = { STAY, STORE | PAYMENT_DO_NOTE },
	[cf] = { PAYMENT_CONFIRMED, CHANGE },
	[ud] = { PAYMENT_UNDONE, CHANGE },
	[uf] = { PAYMENT_UNDO_FAILED, CHANGE | PAYMENT_DO_ALARM },
	[lm] = { STAY, STORE | PAYMENT_DO_ALARM },
	[qy] = { STAY, PAYMENT_DO_QUERY },
	[co] = { STAY, PAYMENT_DO_CONFIRM },
	[uo] = { STAY, PAYMENT_DO_UNDO },
	[py] = { STAY, PAYMENT_DO_PAY },
	[as] = { PAYMENT_ANSWER_SENDING, CHANGE | PAYMENT_DO_ANSWER },
	[aa] = { STAY, PAYMENT_DO_ANSWER },
	[yw] = { STAY, PAYMENT_DO_ALLOW },
	[ak] = { PAYMENT_APPROVED, CHANGE },
	[pk] = { PAYMENT_PARTIAL, CHANGE },
	[tk] = { STAY, CHANGE | PAYMENT_DO_CONFIRM },
	[rs] = { STAY, PAYMENT_DO_PAY },
	[rd] = { PAYMENT_REFUNDED, CHANGE },
	[ra] = { PAYMENT_REFUNDED, CHANGE | PAYMENT_DO_ALARM },
	[da] = { PAYMENT_DECLINED, CHANGE | PAYMENT_DO_ALARM },
	[na] = { PAYMENT_NOT_SENT, CHANGE | PAYMENT_DO_ALARM },
	[la] = { PAYMENT_CANCELLED, CHANGE | PAYMENT_DO_ALARM },
};

/*
 * The machine. Columns are the states in the order of enum payment_state. Two lines collapse two
 * steps into one commit: another tender while sending (sending, unknown, undo-queued), and an
 * unknown outcome of a payment that never asked to send (created, sending, unknown). A certain
 * "no" that the peer takes back by a late approval is undone, with an alarm. An approval that the
 * POS gives back in answer to the confirm, because it was paid otherwise meanwhile, is undone, too.
 */
/* clang-format off */
static const uint8_t pay_table[PAYMENT_INPUTS][PAYMENT_STATES] = {
	/*                            cre snd nsn can app par dec unk ans cnf unq und ufl rfd */
	[PAYMENT_IN_SENDING_WANTED] = {sn, ay, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf},
	[PAYMENT_IN_ANSWER_WANTED]  = {rf, rf, rf, rf, an, an, rf, rf, ay, ay, rf, rf, rf, rf},
	[PAYMENT_IN_APPROVED]       = {ap, ap, ua, ua, ok, nt, ua, ap, ok, ok, rc, ua, rc, nt},
	[PAYMENT_IN_PARTIAL]        = {pa, pa, ua, ua, nt, ok, ua, pa, ok, ok, rc, ua, rc, nt},
	[PAYMENT_IN_DECLINED]       = {de, de, ok, ok, al, al, ok, de, al, al, nt, ok, nt, nt},
	[PAYMENT_IN_CANCELLED]      = {ca, ca, ok, ok, al, al, ok, ns, al, al, nt, ok, nt, nt},
	[PAYMENT_IN_NOT_SENT]       = {ns, ns, ok, ok, nt, nt, ok, ns, nt, nt, nt, ok, nt, nt},
	[PAYMENT_IN_NOT_FOUND]      = {ns, un, ok, ok, al, al, ok, ns, al, al, nt, ok, nt, nt},
	[PAYMENT_IN_UNKNOWN]        = {un, un, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, nt},
	[PAYMENT_IN_IN_PROGRESS]    = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, nt},
	[PAYMENT_IN_CONFIRMED]      = {al, ap, al, al, cf, cf, al, ap, cf, ok, al, al, al, nt},
	[PAYMENT_IN_CONSENT]        = {py, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_TAKEN]          = {al, al, nt, nt, cf, cf, nt, al, cf, ok, al, al, al, nt},
	[PAYMENT_IN_NOT_TAKEN]      = {nt, nt, ok, ok, uq, uq, ok, nt, uq, al, ok, ok, ok, nt},
	[PAYMENT_IN_ANSWER_UNSURE]  = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, nt},
	[PAYMENT_IN_ABORT]          = {ca, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, nt},
	[PAYMENT_IN_REPEAT]         = {ok, ok, aa, aa, as, as, aa, ok, aa, aa, aa, aa, aa, nt},
	[PAYMENT_IN_POS_BACK]       = {ok, ok, ok, ok, as, as, ok, ok, ok, ok, ok, ok, ok, nt},
	[PAYMENT_IN_ASKED_ANEW]     = {ca, ok, ok, ok, ok, ok, ok, qy, ok, ok, ok, ok, ok, nt},
	[PAYMENT_IN_UNDONE]         = {nt, uq, ok, ok, uq, uq, ok, uq, uq, al, ud, ok, ud, nt},
	[PAYMENT_IN_UNDO_NOTHING]   = {nt, nt, ok, ok, al, al, ok, nt, al, al, ud, ok, nt, nt},
	[PAYMENT_IN_UNDO_REFUSED]   = {nt, nt, ok, ok, nt, nt, ok, nt, nt, nt, uf, nt, ok, nt},
	[PAYMENT_IN_UNDO_UNSURE]    = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, nt},
	[PAYMENT_IN_CONFIRM_UNSURE] = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, nt},
	[PAYMENT_IN_SUBMIT_REFUSED] = {ns, un, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, nt},
	[PAYMENT_IN_QUERY_REFUSED]  = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, nt},
	[PAYMENT_IN_ADAPTER_GONE]   = {ns, un, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, nt},
	[PAYMENT_IN_ADAPTER_BACK]   = {ok, ok, ok, ok, co, co, ok, qy, ok, ok, uo, ok, ok, nt},
	[PAYMENT_IN_OTHER_TENDER]   = {ca, uq, ok, ok, ok, ok, ok, uq, ok, ok, ok, ok, ok, nt},
	[PAYMENT_IN_VOID]           = {ca, uq, ok, ok, uq, uq, ok, uq, al, al, ok, ok, ok, nt},
	[PAYMENT_IN_POS_UNDO]       = {ca, uq, ok, ok, uq, uq, ok, uq, uq, al, ok, ok, ok, nt},
	[PAYMENT_IN_RESTARTED]      = {ca, un, ok, ok, co, co, ok, qy, ok, ok, uo, ok, ok, nt},
	[PAYMENT_IN_TIME]           = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, nt},
	[PAYMENT_IN_WRONG_AMOUNT]   = {ua, ua, ua, ua, al, al, ua, ua, al, al, rc, ua, rc, nt},
	[PAYMENT_IN_APPROVED_AGAIN] = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, nt},
	[PAYMENT_IN_TOLD]           = {ok, ok, ok, ok, lm, lm, ok, ok, lm, ok, ok, ok, ok, nt},
	[PAYMENT_IN_LIMIT]          = {ca, un, ok, ok, ua, ua, ok, uq, lm, ok, lm, ok, ok, nt},
	[PAYMENT_IN_DUE]            = {ok, ok, ok, ok, co, co, ok, qy, ok, ok, uo, ok, ok, nt},
	[PAYMENT_IN_ANSWERED]       = {as, as, nt, nt, nt, nt, nt, as, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_APPROVED_KEPT]  = {ak, ak, nt, nt, nt, nt, nt, ak, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_PARTIAL_KEPT]   = {pk, pk, nt, nt, nt, nt, nt, pk, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_TAKEN_FIRST]    = {al, al, nt, nt, tk, tk, nt, al, tk, ok, al, al, al, nt},
	[PAYMENT_IN_ANSWER_AGAIN]   = {rf, rf, yw, yw, an, an, yw, rf, yw, yw, rf, rf, rf, rf},
	[PAYMENT_IN_CONFIRM_DUE]    = {ok, ok, ok, ok, co, co, ok, ok, co, ok, ok, ok, ok, nt},
};
/* clang-format on */

/*
 * A refund. It has no second phase: "approved" is the end. Nothing leaves an unknown one but word from
 * the peer: it is asked about for ever, with one alarm when that takes too long. One that is only
 * created has certainly not left, so it is submitted again when the adapter is back, for as long as a
 * cashier waits for it. What it goes to only after a doubt, or unseen, calls a human: the money
 * that was promised to the shopper did not go back. Columns of states that a refund never has hold
 * what no caller of ours can bring about.
 */
/* clang-format off */
static const uint8_t refund_table[PAYMENT_INPUTS][PAYMENT_STATES] = {
	/*                            cre snd nsn can app par dec unk ans cnf unq und ufl rfd */
	[PAYMENT_IN_SENDING_WANTED]   = {sn, ay, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf},
	[PAYMENT_IN_ANSWER_WANTED]    = {rf, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf},
	[PAYMENT_IN_APPROVED]         = {rd, rd, ra, ra, nt, nt, ra, rd, nt, nt, nt, nt, nt, ok},
	[PAYMENT_IN_PARTIAL]          = {ra, ra, ra, ra, nt, nt, ra, ra, nt, nt, nt, nt, nt, al},
	[PAYMENT_IN_DECLINED]         = {de, de, ok, ok, nt, nt, ok, da, nt, nt, nt, nt, nt, al},
	[PAYMENT_IN_CANCELLED]        = {ca, ca, ok, ok, nt, nt, ok, na, nt, nt, nt, nt, nt, al},
	[PAYMENT_IN_NOT_SENT]         = {ns, ns, ok, ok, nt, nt, ok, na, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_NOT_FOUND]        = {ns, un, ok, ok, nt, nt, ok, na, nt, nt, nt, nt, nt, al},
	[PAYMENT_IN_UNKNOWN]          = {un, un, ok, ok, nt, nt, ok, ok, nt, nt, nt, nt, nt, ok},
	[PAYMENT_IN_IN_PROGRESS]      = {ok, ok, ok, ok, nt, nt, ok, ok, nt, nt, nt, nt, nt, ok},
	[PAYMENT_IN_CONFIRMED]        = {un, un, al, al, nt, nt, al, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_CONSENT]          = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_TAKEN]            = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_NOT_TAKEN]        = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_ANSWER_UNSURE]    = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_ABORT]            = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_REPEAT]           = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_POS_BACK]         = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_ASKED_ANEW]       = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_UNDONE]           = {un, un, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, al},
	[PAYMENT_IN_UNDO_NOTHING]     = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_UNDO_REFUSED]     = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_UNDO_UNSURE]      = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_CONFIRM_UNSURE]   = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_SUBMIT_REFUSED]   = {ns, un, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_QUERY_REFUSED]    = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_ADAPTER_GONE]     = {ok, un, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_ADAPTER_BACK]     = {rs, ok, ok, ok, ok, ok, ok, qy, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_OTHER_TENDER]     = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_VOID]             = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_POS_UNDO]         = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_RESTARTED]        = {rs, un, ok, ok, ok, ok, ok, qy, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_TIME]             = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_WRONG_AMOUNT]     = {ra, ra, ra, ra, nt, nt, ra, ra, nt, nt, nt, nt, nt, al},
	[PAYMENT_IN_APPROVED_AGAIN]   = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_TOLD]             = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_LIMIT]            = {la, un, ok, ok, ok, ok, ok, lm, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_DUE]              = {rs, ok, ok, ok, ok, ok, ok, qy, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_ANSWERED]         = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_APPROVED_KEPT]    = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_PARTIAL_KEPT]     = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_TAKEN_FIRST]      = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
	[PAYMENT_IN_ANSWER_AGAIN]     = {rf, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf},
	[PAYMENT_IN_CONFIRM_DUE]      = {nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt, nt},
};
/* clang-format on */

static uint8_t
cell_of(enum payment_kind kind, enum payment_state s, enum payment_input_kind k)
{
	return kind == PAYMENT_REFUND ? refund_table[k][s] : pay_table[k][s];
}

static const char *const state_names[PAYMENT_STATES] = {
	[PAYMENT_CREATED] = "created",
	[PAYMENT_SENDING] = "sending",
	[PAYMENT_NOT_SENT] = "not-sent",
	[PAYMENT_CANCELLED] = "cancelled",
	[PAYMENT_APPROVED] = "approved",
	[PAYMENT_PARTIAL] = "partial",
	[PAYMENT_DECLINED] = "declined",
	[PAYMENT_UNKNOWN] = "unknown",
	[PAYMENT_ANSWER_SENDING] = "answer-sending",
	[PAYMENT_CONFIRMED] = "confirmed",
	[PAYMENT_UNDO_QUEUED] = "undo-queued",
	[PAYMENT_UNDONE] = "undone",
	[PAYMENT_UNDO_FAILED] = "undo-failed",
	[PAYMENT_REFUNDED] = "refunded",
};

static const char *const input_names[PAYMENT_INPUTS] = {
	[PAYMENT_IN_SENDING_WANTED] = "sending-wanted",
	[PAYMENT_IN_ANSWER_WANTED] = "answer-wanted",
	[PAYMENT_IN_APPROVED] = "approved",
	[PAYMENT_IN_PARTIAL] = "partial",
	[PAYMENT_IN_DECLINED] = "declined",
	[PAYMENT_IN_CANCELLED] = "cancelled",
	[PAYMENT_IN_NOT_SENT] = "not-sent",
	[PAYMENT_IN_NOT_FOUND] = "not-found",
	[PAYMENT_IN_UNKNOWN] = "unknown",
	[PAYMENT_IN_IN_PROGRESS] = "in-progress",
	[PAYMENT_IN_CONFIRMED] = "confirmed",
	[PAYMENT_IN_CONSENT] = "consent",
	[PAYMENT_IN_TAKEN] = "taken",
	[PAYMENT_IN_NOT_TAKEN] = "not-taken",
	[PAYMENT_IN_ANSWER_UNSURE] = "answer-unsure",
	[PAYMENT_IN_ABORT] = "abort",
	[PAYMENT_IN_ASKED_ANEW] = "asked-anew",
	[PAYMENT_IN_REPEAT] = "repeat",
	[PAYMENT_IN_POS_BACK] = "pos-back",
	[PAYMENT_IN_UNDONE] = "undone",
	[PAYMENT_IN_UNDO_NOTHING] = "undo-nothing",
	[PAYMENT_IN_UNDO_REFUSED] = "undo-refused",
	[PAYMENT_IN_UNDO_UNSURE] = "undo-unsure",
	[PAYMENT_IN_CONFIRM_UNSURE] = "confirm-unsure",
	[PAYMENT_IN_SUBMIT_REFUSED] = "submit-refused",
	[PAYMENT_IN_QUERY_REFUSED] = "query-refused",
	[PAYMENT_IN_ADAPTER_GONE] = "adapter-gone",
	[PAYMENT_IN_ADAPTER_BACK] = "adapter-back",
	[PAYMENT_IN_OTHER_TENDER] = "other-tender",
	[PAYMENT_IN_VOID] = "void",
	[PAYMENT_IN_POS_UNDO] = "pos-undo",
	[PAYMENT_IN_RESTARTED] = "restarted",
	[PAYMENT_IN_TIME] = "time",
	[PAYMENT_IN_WRONG_AMOUNT] = "wrong-amount",
	[PAYMENT_IN_APPROVED_AGAIN] = "approved-again",
	[PAYMENT_IN_TOLD] = "told",
	[PAYMENT_IN_LIMIT] = "limit",
	[PAYMENT_IN_DUE] = "due",
	[PAYMENT_IN_ANSWERED] = "answered",
	[PAYMENT_IN_APPROVED_KEPT] = "approved-kept",
	[PAYMENT_IN_PARTIAL_KEPT] = "partial-kept",
	[PAYMENT_IN_TAKEN_FIRST] = "taken-first",
	[PAYMENT_IN_ANSWER_AGAIN] = "answer-again",
	[PAYMENT_IN_CONFIRM_DUE] = "confirm-due",
};

/*
 * The wait before try number tries + 1: doubling, +-20 % spread by the key, so that a thousand
 * lanes do not ask one processor in step. Pure: a replay waits the same.
 */
static int64_t
backoff_ms(const struct payment *p, const struct payment_rules *r)
{
	int64_t wait = r->query_first_ms;
	uint32_t h = 2166136261u; /* FNV-1a (Fowler, Noll, Vo) */

	for (uint32_t i = 1; i < p->tries && wait < r->query_max_ms; i++)
		wait *= 2;
	if (wait > r->query_max_ms)
		wait = r->query_max_ms;
	for (size_t i = 0; i < sizeof(p->key.b); i++)
		h = (h ^ p->key.b[i]) * 16777619u;
	h = (h ^ (p->tries & 0xffu)) * 16777619u;
	return wait * (80 + (int64_t)((h >> 8) % 41u)) / 100;
}

/* How long a state may last before PAYMENT_IN_LIMIT; PAYMENT_NEVER. */
static int64_t
limit_ms(const struct payment *p, const struct payment_rules *r)
{
	switch (p->state) {
	case PAYMENT_CREATED:
	case PAYMENT_SENDING:
		return r->sending_ms;
	case PAYMENT_UNKNOWN:
		if (p->alarmed) /* a refund: there is nothing else to go to */
			return PAYMENT_NEVER;
		return r->can_query ? r->unknown_max_ms : 0;
	case PAYMENT_APPROVED:
	case PAYMENT_PARTIAL:
	case PAYMENT_ANSWER_SENDING:
		return p->alarmed ? PAYMENT_NEVER : r->not_taken_ms;
	case PAYMENT_UNDO_QUEUED:
		if (p->alarmed)
			return PAYMENT_NEVER;
		return p->tries >= r->undo_alarm_tries ? 0 : r->undo_alarm_ms;
	case PAYMENT_NOT_SENT:
	case PAYMENT_CANCELLED:
	case PAYMENT_DECLINED:
	case PAYMENT_CONFIRMED:
	case PAYMENT_UNDONE:
	case PAYMENT_UNDO_FAILED:
	case PAYMENT_REFUNDED:
	case PAYMENT_STATES:
		break;
	}
	return PAYMENT_NEVER;
}

static int64_t
limit_at(const struct payment *p, const struct payment_rules *r)
{
	int64_t ms = limit_ms(p, r);

	return ms == PAYMENT_NEVER ? PAYMENT_NEVER : p->state_mono_ms + ms;
}

static bool
amount_fits(const struct payment *p, const struct payment_input *in,
	    const struct payment_rules *r)
{
	if (in->currency.n > 0 && !str_is(in->currency, p->currency))
		return false;
	if (in->kind == PAYMENT_IN_APPROVED)
		return in->amount_minor == p->asked_minor;
	return p->kind == PAYMENT_PAY && r->partial_ok && in->amount_minor > 0 &&
	       in->amount_minor < p->asked_minor;
}

/* The POS may have the approval already: no undo of our own accord. */
static bool
is_told(const struct payment *p)
{
	return (p->told || p->taken) && payment_is_paid(p->state);
}

/* What the POS is told while this approval stands has not left its adapter yet. */
static bool
is_kept(const struct payment *p)
{
	return !p->told && !p->taken && payment_is_paid(p->state) &&
	       p->state != PAYMENT_CONFIRMED;
}

static bool
same_blob(const struct payment *p, const struct payment_input *in)
{
	return in->blob == NULL || (in->blob_bytes == p->pos_blob_bytes &&
				    memcmp(in->blob, p->pos_blob, in->blob_bytes) == 0);
}

/* An approval goes to the POS that asked for it: now, or when its adapter is back. */
static enum payment_input_kind
approved_for_pos(const struct payment *p, enum payment_input_kind kind,
		 const struct payment_rules *r)
{
	if (kind == PAYMENT_IN_CONFIRMED && !payment_is_pending(p->state))
		return is_kept(p) || (p->told && !p->taken) ? PAYMENT_IN_IN_PROGRESS
							    : kind;
	if (!payment_is_pending(p->state))
		return kind;
	if (r->pos_up)
		return PAYMENT_IN_ANSWERED;
	return kind == PAYMENT_IN_PARTIAL ? PAYMENT_IN_PARTIAL_KEPT
					  : PAYMENT_IN_APPROVED_KEPT;
}

/* Is it the payer's turn? It is told once the POS has the approval, and not before. */
static enum payment_input_kind
due_for_pos(const struct payment *p, enum payment_input_kind kind)
{
	if (!payment_is_paid(p->state))
		return kind;
	return p->taken ? PAYMENT_IN_CONFIRM_DUE : PAYMENT_IN_IN_PROGRESS;
}

/* The second look at what classify() found, of a payment that a POS asked for. */
static enum payment_input_kind
classify_for_pos(const struct payment *p, const struct payment_input *in,
		 enum payment_input_kind kind, const struct payment_rules *r)
{
	switch ((int)kind) {
	case PAYMENT_IN_APPROVED:
	case PAYMENT_IN_PARTIAL:
	case PAYMENT_IN_CONFIRMED:
		return approved_for_pos(p, kind, r);
	case PAYMENT_IN_ANSWER_WANTED:
		return same_blob(p, in) || payment_is_refused(p->state)
			       ? PAYMENT_IN_ANSWER_AGAIN
			       : kind;
	case PAYMENT_IN_TAKEN:
		return p->two_phase ? PAYMENT_IN_TAKEN_FIRST : kind;
	case PAYMENT_IN_NOT_TAKEN: /* it has said otherwise, and the payer heard that */
		return p->taken && p->state != PAYMENT_CONFIRMED ? PAYMENT_IN_TOLD : kind;
	case PAYMENT_IN_POS_BACK: /* not told: the answer is void with the link it went to */
		return p->state == PAYMENT_ANSWER_SENDING && !p->told ? PAYMENT_IN_REPEAT
								      : kind;
	case PAYMENT_IN_OTHER_TENDER:
	case PAYMENT_IN_VOID:
	case PAYMENT_IN_ASKED_ANEW:
		return is_kept(p) ? PAYMENT_IN_POS_UNDO : kind;
	case PAYMENT_IN_LIMIT:
		return is_kept(p) ? PAYMENT_IN_NOT_TAKEN : kind;
	case PAYMENT_IN_ADAPTER_BACK:
	case PAYMENT_IN_RESTARTED:
	case PAYMENT_IN_DUE:
		return due_for_pos(p, kind);
	default:
		return kind;
	}
}

/* Guards: which row of the table an input is in this state. */
static enum payment_input_kind
classify(const struct payment *p, const struct payment_input *in,
	 const struct payment_rules *r, int64_t mono_ms)
{
	enum payment_input_kind kind = in->kind;

	if (kind == PAYMENT_IN_APPROVED || kind == PAYMENT_IN_PARTIAL) {
		if (p->state == PAYMENT_UNDONE && !p->nothing_found)
			kind = PAYMENT_IN_APPROVED_AGAIN;
		else if (!amount_fits(p, in, r))
			kind = PAYMENT_IN_WRONG_AMOUNT;
	} else if (kind == PAYMENT_IN_UNDO_NOTHING && p->approval_seen) {
		/* It approved, and now knows nothing: no certainty without a human. */
		kind = PAYMENT_IN_UNDO_REFUSED;
	} else if (kind == PAYMENT_IN_VOID && is_told(p)) {
		kind = PAYMENT_IN_TOLD;
	} else if (kind == PAYMENT_IN_TIME && mono_ms >= limit_at(p, r)) {
		kind = is_told(p) ? PAYMENT_IN_TOLD : PAYMENT_IN_LIMIT;
	} else if (kind == PAYMENT_IN_TIME && r->link_up && mono_ms >= p->due_mono_ms) {
		kind = PAYMENT_IN_DUE;
	}
	return payment_is_for_pos(p) ? classify_for_pos(p, in, kind, r) : kind;
}

static void
keep_text(char *buf, size_t bytes, struct str s)
{
	size_t n = s.n < bytes - 1 ? s.n : bytes - 1;

	if (s.n == 0 || memchr(s.p, 0, n) != NULL)
		return;
	memcpy(buf, s.p, n);
	buf[n] = '\0';
}

/* What either adapter needs for its recovery. */
static void
keep_blob(struct payment *p, const struct payment_input *in)
{
	bool pos = in->kind == PAYMENT_IN_ANSWER_WANTED && payment_is_for_pos(p);

	if ((in->kind != PAYMENT_IN_SENDING_WANTED &&
	     in->kind != PAYMENT_IN_ANSWER_WANTED) ||
	    in->blob == NULL)
		return;
	assert(in->blob_bytes <= PAYMENT_BLOB_BYTES_MAX);
	memcpy(pos ? p->pos_blob : p->blob, in->blob, in->blob_bytes);
	*(pos ? &p->pos_blob_bytes : &p->blob_bytes) = in->blob_bytes;
}

/* Keeps what the input tells about the payment, when the table says that it is to be stored. */
static void
keep_facts(struct payment *p, const struct payment_input *in,
	   enum payment_input_kind kind)
{
	bool approval = kind == PAYMENT_IN_APPROVED || kind == PAYMENT_IN_PARTIAL ||
			kind == PAYMENT_IN_WRONG_AMOUNT || kind == PAYMENT_IN_ANSWERED ||
			kind == PAYMENT_IN_APPROVED_KEPT ||
			kind == PAYMENT_IN_PARTIAL_KEPT;

	keep_text(p->ref, sizeof(p->ref), in->ref);
	keep_text(p->auth, sizeof(p->auth), in->auth);
	if (approval && in->kind != PAYMENT_IN_CONFIRMED) {
		p->approval_seen = true;
		p->answered_minor = in->amount_minor;
	} else if (in->kind == PAYMENT_IN_CONFIRMED && p->answered_minor == 0 &&
		   p->kind == PAYMENT_PAY) {
		p->approval_seen = true;
		p->answered_minor = p->asked_minor;
	}
	keep_blob(p, in);
	if (kind == PAYMENT_IN_TAKEN_FIRST)
		p->taken = true;
	if (kind == PAYMENT_IN_UNDO_NOTHING)
		p->nothing_found = true;
	else if (kind == PAYMENT_IN_UNDONE)
		p->nothing_found = false;
}

static void
enter(struct payment *p, enum payment_state next, const struct payment_rules *r,
      const struct timepoint *now)
{
	p->state = next;
	p->state_mono_ms = now->mono_ms;
	p->state_wall_ms = now->wall_ms;
	p->tries = 0;
	p->alarmed = false;
	p->due_mono_ms =
		next == PAYMENT_UNKNOWN ? now->mono_ms + backoff_ms(p, r) : PAYMENT_NEVER;
}

/* A try that the link cannot carry now is not made; ADAPTER_BACK makes it. */
static unsigned
schedule(struct payment *p, unsigned actions, const struct payment_rules *r,
	 const struct timepoint *now)
{
	const unsigned tries = PAYMENT_DO_QUERY | PAYMENT_DO_CONFIRM | PAYMENT_DO_UNDO;

	if (!r->pos_up)
		actions &= ~(unsigned)PAYMENT_DO_ANSWER;
	if ((actions & PAYMENT_DO_PAY) !=
	    0) { /* a refund; not by time, lest it be there twice */
		p->due_mono_ms = PAYMENT_NEVER;
		return r->link_up ? actions : actions & ~(unsigned)PAYMENT_DO_PAY;
	}
	if ((actions & tries) == 0)
		return actions;
	if (!r->link_up) {
		p->due_mono_ms = now->mono_ms;
		return actions & ~tries;
	}
	if ((actions & PAYMENT_DO_CONFIRM) != 0 && !p->told) {
		p->told = true; /* durable before the confirm leaves */
		actions |= PAYMENT_DO_STORE;
	}
	p->tries++;
	p->due_mono_ms = now->mono_ms + backoff_ms(p, r);
	return actions;
}

/* After a restart the time in the state is worked back from the records. */
static void
rebase(struct payment *p, const struct timepoint *now)
{
	int64_t age = now->wall_ms - p->state_wall_ms;

	p->state_mono_ms = now->mono_ms - (age > 0 ? age : 0);
	p->due_mono_ms = PAYMENT_NEVER;
	/* Nobody here knows whether that answer left. */
	if (p->state == PAYMENT_ANSWER_SENDING && payment_is_for_pos(p))
		p->told = true;
}

/* Nobody but the real terminal was ever asked: it may be, now. */
static bool
passes(const struct payment_input *in)
{
	return in->kind == PAYMENT_IN_TIME || in->kind == PAYMENT_IN_OTHER_TENDER ||
	       in->kind == PAYMENT_IN_SUBMIT_REFUSED ||
	       in->kind == PAYMENT_IN_ADAPTER_GONE || in->kind == PAYMENT_IN_NOT_SENT;
}

/* What follows for the POS that asked: it waits for an answer, and hears how it ended. */
static unsigned
for_pos(struct payment *p, const struct payment_input *in, enum payment_state before,
	unsigned actions)
{
	bool waits = payment_is_pending(before) ||
		     ((before == PAYMENT_APPROVED || before == PAYMENT_PARTIAL ||
		       before == PAYMENT_ANSWER_SENDING) &&
		      !p->told);
	bool ended = payment_is_refused(p->state) || p->state == PAYMENT_UNDO_QUEUED;

	if (before == PAYMENT_CREATED && payment_is_refused(p->state))
		p->passed = passes(in);
	if ((actions & PAYMENT_DO_ALLOW) != 0 && payment_is_paid(p->state))
		p->told = true; /* durable as answer-sending, whose answer may be out */
	if (waits && ended && p->state != before && in->kind != PAYMENT_IN_POS_UNDO &&
	    in->kind != PAYMENT_IN_NOT_TAKEN)
		actions |= PAYMENT_DO_ANSWER;
	return actions;
}

unsigned
payment_step(struct payment *p, const struct payment_input *in,
	     const struct payment_rules *rules, const struct timepoint *now)
{
	enum payment_state before = p->state;
	enum payment_input_kind kind;
	enum move m;
	unsigned actions;

	assert(p->state < PAYMENT_STATES && in->kind < PAYMENT_INPUTS);
	if (in->kind == PAYMENT_IN_RESTARTED)
		rebase(p, now);
	kind = classify(p, in, rules, now->mono_ms);
	m = (enum move)cell_of(p->kind, p->state, kind);
	assert(m != M_EMPTY);
	actions = moves[m].actions;
	if ((actions & PAYMENT_DO_STORE) != 0)
		keep_facts(p, in, kind);
	if (moves[m].next != STAY)
		enter(p, moves[m].next, rules, now);
	if (m == lm)
		p->alarmed = true;
	if (m == py) /* from here on the payer has its time */
		p->state_mono_ms = now->mono_ms;
	if (payment_is_for_pos(p))
		actions = for_pos(p, in, before, actions);
	if (payment_is_for_pos(p) && in->kind == PAYMENT_IN_UNDONE && p->told &&
	    payment_is_paid(before))
		actions |= PAYMENT_DO_ALARM; /* the POS may have it as paid */
	return schedule(p, actions, rules, now);
}

int
payment_begin(struct payment *p, const struct payment_start *start,
	      const struct timepoint *now, unsigned *ret_actions)
{
	struct payment fresh;

	memset(&fresh, 0, sizeof(fresh));
	if (start->amount_minor <= 0 || key128_is_zero(start->key) ||
	    start->ticket.n == 0)
		return -EINVAL;
	if (start->kind == PAYMENT_REFUND && key128_is_zero(start->original) &&
	    start->original_ref.n == 0)
		return -EINVAL;
	if (str_copy(fresh.ticket, sizeof(fresh.ticket), start->ticket) < 0 ||
	    str_copy(fresh.currency, sizeof(fresh.currency), start->currency) < 0 ||
	    str_copy(fresh.adapter, sizeof(fresh.adapter), start->adapter) < 0 ||
	    str_copy(fresh.original_ref, sizeof(fresh.original_ref),
		     start->original_ref) < 0)
		return -EINVAL;
	if (str_copy(fresh.pos_adapter, sizeof(fresh.pos_adapter), start->pos_adapter) <
		    0 ||
	    str_copy(fresh.pos_ref, sizeof(fresh.pos_ref), start->pos_ref) < 0 ||
	    start->pos_blob_bytes > sizeof(fresh.pos_blob))
		return -EINVAL;
	if (str_copy(fresh.place, sizeof(fresh.place), start->place) < 0 ||
	    str_copy(fresh.pos_place, sizeof(fresh.pos_place), start->pos_place) < 0)
		return -EINVAL;
	if (start->pos_blob_bytes > 0)
		memcpy(fresh.pos_blob, start->pos_blob, start->pos_blob_bytes);
	fresh.pos_blob_bytes = start->pos_blob_bytes;
	fresh.two_phase = start->two_phase;
	fresh.member = start->member;
	fresh.kind = start->kind;
	fresh.original = start->original;
	fresh.return_id = start->return_id;
	fresh.key = start->key;
	fresh.checkout = start->checkout;
	fresh.rev = start->rev;
	fresh.asked_minor = start->amount_minor;
	fresh.by_touch = start->by_touch;
	fresh.state = PAYMENT_CREATED;
	fresh.created_wall_ms = fresh.state_wall_ms = now->wall_ms;
	fresh.state_mono_ms = now->mono_ms;
	fresh.due_mono_ms = PAYMENT_NEVER;
	*p = fresh;
	*ret_actions = PAYMENT_DO_STORE | PAYMENT_DO_RESULT;
	if (!payment_is_for_pos(p))
		*ret_actions |= PAYMENT_DO_PAY;
	return 0;
}

int64_t
payment_deadline(const struct payment *p, const struct payment_rules *rules)
{
	int64_t at = limit_at(p, rules);

	if (rules->link_up && p->due_mono_ms < at)
		at = p->due_mono_ms;
	return at;
}

bool
payment_is_open(enum payment_state s)
{
	return s == PAYMENT_CREATED || s == PAYMENT_SENDING || s == PAYMENT_UNKNOWN ||
	       s == PAYMENT_APPROVED || s == PAYMENT_PARTIAL ||
	       s == PAYMENT_ANSWER_SENDING || s == PAYMENT_UNDO_QUEUED;
}

bool
payment_is_pending(enum payment_state s)
{
	return s == PAYMENT_CREATED || s == PAYMENT_SENDING || s == PAYMENT_UNKNOWN;
}

bool
payment_is_paid(enum payment_state s)
{
	return s == PAYMENT_APPROVED || s == PAYMENT_PARTIAL ||
	       s == PAYMENT_ANSWER_SENDING || s == PAYMENT_CONFIRMED;
}

bool
payment_is_refused(enum payment_state s)
{
	return s == PAYMENT_NOT_SENT || s == PAYMENT_CANCELLED || s == PAYMENT_DECLINED;
}

bool
payment_is_for_pos(const struct payment *p)
{
	return p->pos_adapter[0] != '\0';
}

void
payment_answer_unsent(struct payment *p)
{
	if (!payment_is_for_pos(p) || p->state != PAYMENT_ANSWER_SENDING || p->taken)
		return;
	p->told = false;
	p->alarmed = false; /* its limit takes it back now */
}

enum payment_answer
payment_answer(const struct payment *p)
{
	if (payment_is_pending(p->state) || !payment_is_for_pos(p))
		return PAYMENT_ANSWER_NONE;
	if (payment_is_paid(p->state) && !p->given_back)
		return p->answered_minor < p->asked_minor ? PAYMENT_ANSWER_PARTIAL
							  : PAYMENT_ANSWER_APPROVED;
	if (p->state == PAYMENT_DECLINED)
		return PAYMENT_ANSWER_DECLINED;
	return p->passed && payment_is_refused(p->state) ? PAYMENT_ANSWER_PASS
							 : PAYMENT_ANSWER_CANCELLED;
}

const char *
payment_state_name(enum payment_state s)
{
	return s < PAYMENT_STATES ? state_names[s] : "?";
}

int
payment_state_parse(struct str name, enum payment_state *ret_state)
{
	for (unsigned s = 0; s < PAYMENT_STATES; s++) {
		if (!str_is(name, state_names[s]))
			continue;
		*ret_state = (enum payment_state)s;
		return 0;
	}
	return -EINVAL;
}

const char *
payment_input_name(enum payment_input_kind k)
{
	return k < PAYMENT_INPUTS ? input_names[k] : "?";
}

static const char *
refund_alarm_text(const struct payment *p)
{
	if (p->state == PAYMENT_UNKNOWN)
		return "whether the money went back is not certain: still asked about";
	if (payment_is_refused(p->state))
		return "nothing went back to the token: pay it back otherwise";
	if (p->state == PAYMENT_REFUNDED && p->answered_minor != p->asked_minor)
		return "refunded, but not the amount that was asked";
	return "the peer contradicts what it said before";
}

const char *
payment_alarm_text(const struct payment *p)
{
	if (p->kind == PAYMENT_REFUND)
		return refund_alarm_text(p);
	if (p->state == PAYMENT_UNDO_FAILED)
		return "the undo was refused: give the money back by hand";
	if (payment_is_paid(p->state))
		return "approved, but whether the POS has taken it is not certain";
	if (p->state != PAYMENT_UNDO_QUEUED)
		return "the peer contradicts what it said before";
	if (payment_is_for_pos(p) && p->told && p->tries <= 1)
		return "taken back, and the POS may have it as paid";
	if (p->approval_seen && p->answered_minor != p->asked_minor)
		return "approved, but not for the amount that was asked: being undone";
	if (p->tries <= 1)
		return "an approval that nobody waits for: being undone";
	return "the undo has no certain answer yet: still tried";
}

struct payment_cell
payment_table(enum payment_kind kind, enum payment_state s, enum payment_input_kind k)
{
	struct payment_cell cell = { false, s, 0 };
	enum move m = (enum move)cell_of(kind, s, k);

	cell.filled = m != M_EMPTY;
	cell.actions = moves[m].actions;
	if (moves[m].next != STAY)
		cell.next = moves[m].next;
	return cell;
}
