#ifndef LANED_CORE_PAYMENT_PAYMENT_H
#define LANED_CORE_PAYMENT_PAYMENT_H

#include "base/plain/caltime.h"
#include "base/plain/ids.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * One payment: a pure state machine driven by one complete table. It holds no clock, does no I/O
 * and owns no memory. The caller (core/checkout) hands in what happened and the time, and gets
 * back what has to be done. "Write before you act": whenever the actions hold PAYMENT_DO_STORE,
 * that record is durable before any other action of the same answer is performed.
 */

#define PAYMENT_BLOB_BYTES_MAX 4096u
#define PAYMENT_TICKET_BYTES 65 /* texts are NUL-terminated inside these */
#define PAYMENT_REF_BYTES 65
#define PAYMENT_AUTH_BYTES 33
#define PAYMENT_CURRENCY_BYTES 4
#define PAYMENT_ADAPTER_BYTES 33
#define PAYMENT_PLACE_BYTES                                                              \
	49 /* of an adapter: its plug-in, and a hash of its endpoints */
#define PAYMENT_NEVER INT64_MAX /* a mono_ms that does not come */

/*
 * What a record is of: money for a sale, or money back for goods of one. Both run by one complete table
 * each. A refund is sent under a key of its own, is never undone and never repeated under another
 * key; what is not certain of it is asked about until it is.
 */
enum payment_kind { PAYMENT_PAY, PAYMENT_REFUND, PAYMENT_KINDS };

/* The words of the journal, the ABI and the CLI: payment_state_name() spells them. */
enum payment_state {
	PAYMENT_CREATED,
	PAYMENT_SENDING,
	PAYMENT_NOT_SENT,
	PAYMENT_CANCELLED,
	PAYMENT_APPROVED,
	PAYMENT_PARTIAL,
	PAYMENT_DECLINED,
	PAYMENT_UNKNOWN,
	PAYMENT_ANSWER_SENDING,
	PAYMENT_CONFIRMED,
	PAYMENT_UNDO_QUEUED,
	PAYMENT_UNDONE,
	PAYMENT_UNDO_FAILED,
	PAYMENT_REFUNDED, /* of a refund: the money is back */
	PAYMENT_STATES
};

/* What can happen to a payment. Every one has an answer in every state. */
enum payment_input_kind {
	/* From the adapter host, asking before it acts. */
	PAYMENT_IN_SENDING_WANTED, /* may I send? blob: what recovery needs */
	PAYMENT_IN_ANSWER_WANTED,  /* may I tell the POS the result? */
	/* What the peer says of the payment itself (a pay or a query). */
	PAYMENT_IN_APPROVED, /* amount and currency are looked at: see payment_step */
	PAYMENT_IN_PARTIAL,
	PAYMENT_IN_DECLINED,
	PAYMENT_IN_CANCELLED,
	PAYMENT_IN_NOT_SENT,  /* certainly nothing happened */
	PAYMENT_IN_NOT_FOUND, /* the peer never heard of it */
	PAYMENT_IN_UNKNOWN, /* also: timeout, crash, protocol error, anything not understood */
	PAYMENT_IN_IN_PROGRESS,
	PAYMENT_IN_CONFIRMED, /* the payer has it for good */
	/* Of the POS that asked for the money, through its adapter. */
	PAYMENT_IN_CONSENT,   /* the shopper consents, so that the payer may be asked */
	PAYMENT_IN_TAKEN,     /* it has taken the answer for good */
	PAYMENT_IN_NOT_TAKEN, /* certainly not, and it never will */
	PAYMENT_IN_ANSWER_UNSURE, /* it may have it; or its adapter would not take it now */
	PAYMENT_IN_ABORT,         /* it wants the payment stopped */
	PAYMENT_IN_ASKED_ANEW, /* it asks for the same ticket's money by another request */
	PAYMENT_IN_REPEAT,     /* it asks for the answer again */
	PAYMENT_IN_POS_BACK,   /* its adapter is there */
	/* What the peer says of an undo. */
	PAYMENT_IN_UNDONE,
	PAYMENT_IN_UNDO_NOTHING, /* it has nothing to undo under this key */
	PAYMENT_IN_UNDO_REFUSED, /* certainly not, for good */
	PAYMENT_IN_UNDO_UNSURE,  /* no certain answer: tried again */
	PAYMENT_IN_CONFIRM_UNSURE,
	/* Of our own side. */
	PAYMENT_IN_SUBMIT_REFUSED, /* the adapter would not take `pay`: nothing happened */
	PAYMENT_IN_QUERY_REFUSED,  /* it would not take a query now */
	PAYMENT_IN_ADAPTER_GONE,
	PAYMENT_IN_ADAPTER_BACK,
	PAYMENT_IN_OTHER_TENDER, /* the sale goes on without this payment */
	PAYMENT_IN_VOID,         /* the ticket itself is void */
	PAYMENT_IN_POS_UNDO,     /* the POS gives the approval back */
	PAYMENT_IN_RESTARTED,    /* loaded from the journal by a new process */
	PAYMENT_IN_TIME,         /* look at the clock: time limits and retries */
	/* Made by payment_step out of those above; callers do not pass them. */
	PAYMENT_IN_WRONG_AMOUNT,   /* approved, but not what was asked */
	PAYMENT_IN_APPROVED_AGAIN, /* a repeat of an approval that is undone already */
	PAYMENT_IN_TOLD,  /* a void or a time limit, but the POS may have the approval */
	PAYMENT_IN_LIMIT, /* the time limit of the state is over */
	PAYMENT_IN_DUE,   /* the next query, confirm or undo is due */
	PAYMENT_IN_ANSWERED, /* approved or in part, and the POS that asked is there */
	PAYMENT_IN_APPROVED_KEPT, /* approved, and the adapter of the POS is away */
	PAYMENT_IN_PARTIAL_KEPT,
	PAYMENT_IN_TAKEN_FIRST,  /* taken, and the payer is yet to be told */
	PAYMENT_IN_ANSWER_AGAIN, /* may I tell: what is stored already */
	PAYMENT_IN_CONFIRM_DUE,  /* taken: the payer is to be told, again */
	PAYMENT_INPUTS
};

/* What the caller has to do, a set of bits, in this order. */
enum payment_action {
	PAYMENT_DO_STORE = 1 << 0,  /* durable, first */
	PAYMENT_DO_ALLOW = 1 << 1,  /* answer SENDING_WANTED / ANSWER_WANTED with yes */
	PAYMENT_DO_REFUSE = 1 << 2, /* ... with no: the adapter must not send */
	/* Submit pay (only payment_begin asks for it), or the refund: again only where it is certain
	 * that the one before was void. */
	PAYMENT_DO_PAY = 1 << 3,
	PAYMENT_DO_QUERY = 1 << 4,   /* submit query */
	PAYMENT_DO_CONFIRM = 1 << 5, /* submit confirm */
	PAYMENT_DO_UNDO = 1 << 6,    /* submit undo */
	PAYMENT_DO_ALARM = 1 << 7,   /* a human must look: payment_alarm_text() */
	PAYMENT_DO_RESULT = 1 << 8,  /* the state changed: the checkout looks at it */
	PAYMENT_DO_NOTE = 1 << 9,    /* an answer that fits nothing: audit it */
	PAYMENT_DO_ANSWER = 1 << 10  /* submit payment_answer() to the POS that asked */
};

/* Time limits and what the adapter can do; all times in milliseconds. */
struct payment_rules {
	int64_t sending_ms;     /* 60 000: then unknown */
	int64_t query_first_ms; /* 5 000, doubling, +-20 % */
	int64_t query_max_ms;   /* 60 000 */
	int64_t unknown_max_ms; /* 900 000: then undo-queued */
	int64_t not_taken_ms;  /* 120 000: approved and the POS never told: undo-queued */
	int64_t undo_alarm_ms; /* 900 000 */
	uint32_t undo_alarm_tries; /* 10 */
	bool can_query; /* the peer can be asked; else unknown becomes undo-queued at once */
	bool partial_ok; /* the POS can take a partial approval */
	bool link_up; /* the adapter is there: queries, confirms and undos are worth sending */
	bool pos_up; /* the adapter of the POS that asked is there */
};
#define PAYMENT_RULES_DEFAULT                                                            \
	{                                                                                \
		60000, 5000, 60000, 900000, 120000, 900000, 10, true, false, true, false \
	}

/*
 * The record, which is also what the journal keeps (but for the mono_ms members, which are of one
 * process). No token: a pay is submitted once, and recovery goes by key and reference.
 */
struct payment {
	struct key128 key;
	struct ulid checkout;
	char ticket[PAYMENT_TICKET_BYTES];
	char currency[PAYMENT_CURRENCY_BYTES];
	char adapter[PAYMENT_ADAPTER_BYTES]; /* that it was handed to, "" not known */
	enum payment_kind kind;
	/* Of a refund: the payment that it gives back of, by its key (zero: only its reference is known
	 * here), and the return of goods that it is for (zero: the ticket was void). */
	struct key128 original;
	char original_ref[PAYMENT_REF_BYTES];
	struct ulid return_id;
	uint32_t rev;           /* of the basket that was priced and consented to */
	int64_t asked_minor;    /* > 0 */
	int64_t answered_minor; /* of the last approval, 0 none */
	enum payment_state state;
	bool by_touch; /* consented to by a finger alone: counts for the day's limit */
	bool told; /* a confirm has been handed over, or was about to be: no undo any more */
	bool approval_seen; /* an approval was recorded at some time */
	bool nothing_found; /* undone because the peer knew nothing of it */
	bool alarmed;       /* the alarm of this state was raised */
	uint32_t tries;     /* queries, confirms or undos since the state was entered */
	int64_t created_wall_ms, state_wall_ms;
	char ref[PAYMENT_REF_BYTES];
	char auth[PAYMENT_AUTH_BYTES];
	uint32_t blob_bytes;
	uint8_t blob[PAYMENT_BLOB_BYTES_MAX];
	/* Of a payment that a POS asked for: by which adapter ("" none did), and its own ids. */
	char pos_adapter[PAYMENT_ADAPTER_BYTES];
	char pos_ref[PAYMENT_REF_BYTES];
	bool taken;     /* the POS has taken the approval: the payer is to be confirmed */
	bool two_phase; /* and wants to be */
	bool passed; /* ended before anything was sent: the real terminal may have it */
	bool given_back; /* confirmed, and a refund of it was begun: the ticket was void */
	uint32_t pos_blob_bytes;
	uint8_t pos_blob[PAYMENT_BLOB_BYTES_MAX];
	struct ulid
		member; /* whose token it is; zero: of an earlier version, the checkout's */
	/* What stood behind the two names when it was handed over; "" not known. */
	char place[PAYMENT_PLACE_BYTES], pos_place[PAYMENT_PLACE_BYTES];
	/* Of this process only. */
	int64_t state_mono_ms; /* when the state was entered (after a restart: worked back) */
	int64_t due_mono_ms; /* the next try, PAYMENT_NEVER none */
};

struct payment_input {
	enum payment_input_kind kind;
	/* APPROVED, PARTIAL: what was approved. currency empty = the payment's own. */
	int64_t amount_minor;
	struct str currency;
	struct str ref, auth; /* kept when not empty (cut to what fits) */
	const uint8_t
		*blob; /* SENDING_WANTED, ANSWER_WANTED: replaces the blob; may be NULL */
	uint32_t blob_bytes; /* <= PAYMENT_BLOB_BYTES_MAX */
};

/* What a new payment is for. */
struct payment_start {
	struct key128 key;
	struct ulid checkout;
	struct str ticket, currency, adapter;
	uint32_t rev;
	int64_t amount_minor;
	bool by_touch;
	enum payment_kind kind;
	/* PAYMENT_REFUND: one of original and original_ref at least. */
	struct key128 original;
	struct str original_ref;
	struct ulid return_id;
	/* A POS asked for it: pay is submitted by PAYMENT_IN_CONSENT only. */
	struct str pos_adapter, pos_ref;
	const uint8_t *pos_blob;
	uint32_t pos_blob_bytes; /* <= PAYMENT_BLOB_BYTES_MAX */
	bool two_phase;
	struct ulid member;
	struct str place, pos_place; /* may be empty */
};

/*
 * Fills *p as created. 0 and the actions (STORE, PAY but for a POS) in *ret_actions; -EINVAL an amount <= 0, a
 * zero key, a ticket or currency that does not fit, a refund of nothing.
 */
int payment_begin(struct payment *p, const struct payment_start *start,
		  const struct timepoint *now, unsigned *ret_actions);

/*
 * One step. An APPROVED or PARTIAL whose amount or currency is not what was asked, and is no
 * partial approval that rules allow, counts as WRONG_AMOUNT (undo and alarm). Returns the set of
 * enum payment_action; 0 = nothing to do. PAYMENT_IN_TIME may be given at any time; it does at
 * most one thing and moves payment_deadline, so it is repeated until that lies in the future.
 */
unsigned payment_step(struct payment *p, const struct payment_input *in,
		      const struct payment_rules *rules, const struct timepoint *now);

/* When PAYMENT_IN_TIME wants to be given next, mono_ms; PAYMENT_NEVER. */
int64_t payment_deadline(const struct payment *p, const struct payment_rules *rules);

/* Neither certain nor given up: sending, unknown, undo-queued; with created, approved, partial and
 * answer-sending: everything that a restart must take up again. */
bool payment_is_open(enum payment_state s);
/* The outcome is not known yet: created, sending, unknown. */
bool payment_is_pending(enum payment_state s);
/* Money has been taken for the sale: approved, partial, answer-sending, confirmed. */
bool payment_is_paid(enum payment_state s);

/* What a POS that asked is told; PAYMENT_ANSWER_NONE: nothing yet. */
enum payment_answer {
	PAYMENT_ANSWER_NONE,
	PAYMENT_ANSWER_APPROVED,
	PAYMENT_ANSWER_PARTIAL,
	PAYMENT_ANSWER_DECLINED,
	PAYMENT_ANSWER_CANCELLED, /* certainly not paid by us, or being taken back */
	PAYMENT_ANSWER_PASS       /* nothing was sent: the real terminal may have it */
};
enum payment_answer payment_answer(const struct payment *p);
/* A POS asked for it. */
bool payment_is_for_pos(const struct payment *p);

/*
 * It is certain that the adapter of its POS was never allowed to send an answer, which a restart had to take
 * for possible: it counts as one that was not told. Without effect on one that is in no such doubt.
 */
void payment_answer_unsent(struct payment *p);

/* "created", "sending", "not-sent" ...; parse: 0 or -EINVAL. */
const char *payment_state_name(enum payment_state s);
int payment_state_parse(struct str name, enum payment_state *ret_state);
const char *payment_input_name(enum payment_input_kind k);
/* Why the last DO_ALARM: a fixed English text by state, nothing personal. */
const char *payment_alarm_text(const struct payment *p);

/* One cell of a table: for the test that walks all of it, and for docs. */
struct payment_cell {
	bool filled;
	enum payment_state next;
	unsigned actions;
};
struct payment_cell payment_table(enum payment_kind kind, enum payment_state s,
				  enum payment_input_kind k);
/* Of a refund: certainly nothing went back, so it is to be paid back otherwise. */
bool payment_is_refused(enum payment_state s);

#endif
