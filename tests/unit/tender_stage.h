#ifndef LANED_TESTS_UNIT_TENDER_STAGE_H
#define LANED_TESTS_UNIT_TENDER_STAGE_H

#include "core/checkout/checkout.h"

/*
 * A lane whose POS asks for its money: the core alone, an adapter that speaks for the POS, a payer, and
 * a journal of what was committed. Scenarios are lists of events, and what each brings about.
 */

enum tender_act {
	T_ITEM,       /* a basket that is not final; n = amount of its one line */
	T_TOTAL,      /* a final one */
	T_NEXT,       /* a first item of the next ticket */
	T_CLOSED,     /* the POS ended the ticket itself */
	T_MEMBER,     /* a touch that finds member n */
	T_CLAIM,      /* a claim that finds member n */
	T_TOUCH,      /* a confirming touch: n = 1 it is the member's, 0 another finger */
	T_FINGER,     /* the same, and the answer is still to come */
	T_VERIFIED,   /* it comes: n = 1 it is the member's */
	T_WANT,       /* the POS asks for n */
	T_AGAIN,      /* the same request once more */
	T_BLIND,      /* it asks for n, with a revision that is not the basket's */
	T_NAMELESS,   /* it asks for n, and its protocol knows no tickets */
	T_ELSEWHERE,  /* it asks for n of another ticket */
	T_ASK,        /* the payer: may I send? */
	T_ASK_ANSWER, /* the POS's adapter: may I tell? n = 1 with other bytes to keep */
	T_PAYER,      /* the payer: n = outcome, + 1000 for the half of it */
	T_LATE,      /* the payer, of a request that nobody knows any more: n = outcome */
	T_CONFIRMED, /* the payer: confirmed */
	T_UNDONE,    /* the payer: undone */
	T_REFUND,    /* the payer, of the refund: n = outcome */
	T_REFUSED,   /* the payer would not take the request; n = op */
	T_POS,       /* what became of the answer: n = outcome */
	T_FIRST,     /* the payer, of the first payment: n = outcome */
	T_FIRST_POS, /* what became of the answer to that one: n = outcome */
	T_STALE,     /* the same of an answer that was handed over again since */
	T_FIRST_STALE, /* and of the first payment's */
	T_POS_REFUSED, /* its adapter would not take the answer */
	T_ABORT,
	T_TAKEN,
	T_UNDO,
	T_REPEAT,
	T_FIRST_REPEAT, /* of the first payment */
	T_POS_LINK,     /* n = 1 the POS's adapter is there */
	T_PAYER_LINK,
	T_BIO_LINK,
	T_CLOCK,
	T_REMOVE,
	T_OTHER,
	T_GOODS,  /* goods of the last payment come back, and n of its money */
	T_CANCEL, /* n = 1 of the ticket before */
	T_TRAINING,
	T_PRICE_POS, /* from now on the POS has the prices */
	T_PARTIALS,  /* from now on the POS takes a part */
	T_TWO_PHASE, /* from now on the payer wants to be told */
	T_WAIT,      /* n ms */
	T_NIGHT,     /* until the next business day */
	T_JFAIL,     /* the commit of the last effects failed */
	T_RESTART /* laned, with what was committed; n = 1: it dies anew at once; 2: it knows what has ended */
};

/*
 * Effects, a letter each, in order: P payment stored, p pay, q query, c confirm, u undo, R refund,
 * J/j journal answer yes/no, Y/n reply to the POS yes/no, and answers to it: A approved, H a part,
 * D declined, X cancelled, > pass; ! alarm. All else is left out; "*" takes any.
 */
struct tender_step {
	enum tender_act act;
	int64_t n;
	enum checkout_phase phase;
	const char *fx;
	enum payment_state state; /* of the last payment, unless fx is "*" */
};

struct tender_stage;
struct tender_stage *tender_stage_new(void);
struct tender_stage *tender_stage_free(struct tender_stage *s);
void tender_stage_act(struct tender_stage *s, enum tender_act act, int64_t n);
/* The book has room for another payment and its refund. */
bool tender_stage_has_room(const struct tender_stage *s);
/* Of the last act. */
const char *tender_stage_effects(const struct tender_stage *s);
struct lane_core *tender_stage_core(struct tender_stage *s);
/* The last payment as it was committed, NULL none yet. */
const struct payment *tender_stage_payment(const struct tender_stage *s);
/* The first one; and the refund. */
const struct payment *tender_stage_first(const struct tender_stage *s);
const struct payment *tender_stage_refund(const struct tender_stage *s);

#endif
