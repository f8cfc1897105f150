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
};

/*
 * The machine. Columns are the states in the order of enum payment_state. Two lines collapse two
 * steps into one commit: another tender while sending (sending, unknown, undo-queued), and an
 * unknown outcome of a payment that never asked to send (created, sending, unknown). A certain
 * "no" that the peer takes back by a late approval is undone, with an alarm. An approval that the
 * POS gives back in answer to the confirm, because it was paid otherwise meanwhile, is undone, too.
 */
/* clang-format off */
static const uint8_t table[PAYMENT_INPUTS][PAYMENT_STATES] = {
	/*                            cre snd nsn can app par dec unk ans cnf unq und ufl */
	[PAYMENT_IN_SENDING_WANTED] = {sn, ay, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf, rf},
	[PAYMENT_IN_ANSWER_WANTED]  = {rf, rf, rf, rf, an, an, rf, rf, ay, ay, rf, rf, rf},
	[PAYMENT_IN_APPROVED]       = {ap, ap, ua, ua, ok, nt, ua, ap, ok, ok, rc, ua, rc},
	[PAYMENT_IN_PARTIAL]        = {pa, pa, ua, ua, nt, ok, ua, pa, ok, ok, rc, ua, rc},
	[PAYMENT_IN_DECLINED]       = {de, de, ok, ok, al, al, ok, de, al, al, nt, ok, nt},
	[PAYMENT_IN_CANCELLED]      = {ca, ca, ok, ok, al, al, ok, ns, al, al, nt, ok, nt},
	[PAYMENT_IN_NOT_SENT]       = {ns, ns, ok, ok, nt, nt, ok, ns, nt, nt, nt, ok, nt},
	[PAYMENT_IN_NOT_FOUND]      = {ns, un, ok, ok, al, al, ok, ns, al, al, nt, ok, nt},
	[PAYMENT_IN_UNKNOWN]        = {un, un, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_IN_PROGRESS]    = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_CONFIRMED]      = {al, ap, al, al, cf, cf, al, ap, cf, ok, al, al, al},
	[PAYMENT_IN_UNDONE]         = {nt, uq, ok, ok, uq, uq, ok, uq, uq, al, ud, ok, ud},
	[PAYMENT_IN_UNDO_NOTHING]   = {nt, nt, ok, ok, al, al, ok, nt, al, al, ud, ok, nt},
	[PAYMENT_IN_UNDO_REFUSED]   = {nt, nt, ok, ok, nt, nt, ok, nt, nt, nt, uf, nt, ok},
	[PAYMENT_IN_UNDO_UNSURE]    = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_CONFIRM_UNSURE] = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_SUBMIT_REFUSED] = {ns, un, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_QUERY_REFUSED]  = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_ADAPTER_GONE]   = {ns, un, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_ADAPTER_BACK]   = {ok, ok, ok, ok, co, co, ok, qy, ok, ok, uo, ok, ok},
	[PAYMENT_IN_OTHER_TENDER]   = {ca, uq, ok, ok, ok, ok, ok, uq, ok, ok, ok, ok, ok},
	[PAYMENT_IN_VOID]           = {ca, uq, ok, ok, uq, uq, ok, uq, al, al, ok, ok, ok},
	[PAYMENT_IN_POS_UNDO]       = {ca, uq, ok, ok, uq, uq, ok, uq, uq, al, ok, ok, ok},
	[PAYMENT_IN_RESTARTED]      = {ca, un, ok, ok, co, co, ok, qy, ok, ok, uo, ok, ok},
	[PAYMENT_IN_TIME]           = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_WRONG_AMOUNT]   = {ua, ua, ua, ua, al, al, ua, ua, al, al, rc, ua, rc},
	[PAYMENT_IN_APPROVED_AGAIN] = {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
	[PAYMENT_IN_TOLD]           = {ok, ok, ok, ok, lm, lm, ok, ok, lm, ok, ok, ok, ok},
	[PAYMENT_IN_LIMIT]          = {ca, un, ok, ok, ua, ua, ok, uq, lm, ok, lm, ok, ok},
	[PAYMENT_IN_DUE]            = {ok, ok, ok, ok, co, co, ok, qy, ok, ok, uo, ok, ok},
};
/* clang-format on */

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
	return r->partial_ok && in->amount_minor > 0 && in->amount_minor < p->asked_minor;
}

/* The POS may have the approval already: no undo of our own accord. */
static bool
is_told(const struct payment *p)
{
	return p->told && payment_is_paid(p->state);
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
	return kind;
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

/* Keeps what the input tells about the payment, when the table says that it is to be stored. */
static void
keep_facts(struct payment *p, const struct payment_input *in,
	   enum payment_input_kind kind)
{
	bool approval = kind == PAYMENT_IN_APPROVED || kind == PAYMENT_IN_PARTIAL ||
			kind == PAYMENT_IN_WRONG_AMOUNT;

	keep_text(p->ref, sizeof(p->ref), in->ref);
	keep_text(p->auth, sizeof(p->auth), in->auth);
	if (approval) {
		p->approval_seen = true;
		p->answered_minor = in->amount_minor;
	} else if (kind == PAYMENT_IN_CONFIRMED && p->answered_minor == 0) {
		p->approval_seen = true;
		p->answered_minor = p->asked_minor;
	}
	if ((kind == PAYMENT_IN_SENDING_WANTED || kind == PAYMENT_IN_ANSWER_WANTED) &&
	    in->blob != NULL) {
		assert(in->blob_bytes <= PAYMENT_BLOB_BYTES_MAX);
		memcpy(p->blob, in->blob, in->blob_bytes);
		p->blob_bytes = in->blob_bytes;
	}
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
}

unsigned
payment_step(struct payment *p, const struct payment_input *in,
	     const struct payment_rules *rules, const struct timepoint *now)
{
	enum payment_input_kind kind;
	enum move m;
	unsigned actions;

	assert(p->state < PAYMENT_STATES && in->kind < PAYMENT_INPUTS);
	if (in->kind == PAYMENT_IN_RESTARTED)
		rebase(p, now);
	kind = classify(p, in, rules, now->mono_ms);
	m = (enum move)table[kind][p->state];
	assert(m != M_EMPTY);
	actions = moves[m].actions;
	if ((actions & PAYMENT_DO_STORE) != 0)
		keep_facts(p, in, kind);
	if (moves[m].next != STAY)
		enter(p, moves[m].next, rules, now);
	if (m == lm)
		p->alarmed = true;
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
	if (str_copy(fresh.ticket, sizeof(fresh.ticket), start->ticket) < 0 ||
	    str_copy(fresh.currency, sizeof(fresh.currency), start->currency) < 0 ||
	    str_copy(fresh.adapter, sizeof(fresh.adapter), start->adapter) < 0)
		return -EINVAL;
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
	*ret_actions = PAYMENT_DO_STORE | PAYMENT_DO_PAY | PAYMENT_DO_RESULT;
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

const char *
payment_alarm_text(const struct payment *p)
{
	if (p->state == PAYMENT_UNDO_FAILED)
		return "the undo was refused: give the money back by hand";
	if (payment_is_paid(p->state))
		return "approved, but whether the POS has taken it is not certain";
	if (p->state != PAYMENT_UNDO_QUEUED)
		return "the peer contradicts what it said before";
	if (p->approval_seen && p->answered_minor != p->asked_minor)
		return "approved, but not for the amount that was asked: being undone";
	if (p->tries <= 1)
		return "an approval that nobody waits for: being undone";
	return "the undo has no certain answer yet: still tried";
}

struct payment_cell
payment_table(enum payment_state s, enum payment_input_kind k)
{
	struct payment_cell cell = { false, s, 0 };
	enum move m = (enum move)table[k][s];

	cell.filled = m != M_EMPTY;
	cell.actions = moves[m].actions;
	if (moves[m].next != STAY)
		cell.next = moves[m].next;
	return cell;
}
