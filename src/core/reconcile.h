#ifndef LANED_CORE_RECONCILE_H
#define LANED_CORE_RECONCILE_H

#include "base/plain/ids.h"
#include "base/plain/str.h"
#include "core/payment/payment.h"

/*
 * Payments of the journal against what the point of sale or the processor says of them. It finds what
 * nothing inside a lane can: an approval that was a lie, a charge that nobody knows, an undo that did
 * not happen. Pure; everything is handed in and borrowed.
 */

/* A payment as the journal has it. */
struct reconcile_ours {
	struct key128 key;
	struct str ticket, ref, currency;
	enum payment_state state;
	int64_t asked_minor, answered_minor;
	/* For goods of its checkout that this lane took back and that went back otherwise than by
	 * a refund of ours. */
	int64_t returned_minor;
	/* A refund, and of which payment: by its key (zero: not known), by its reference. */
	enum payment_kind kind;
	struct key128 original;
	struct str original_ref;
};

/* One entry of the other side. */
struct reconcile_theirs {
	struct key128 key;      /* zero: not told */
	struct str ref, ticket; /* empty: not told */
	struct str currency;    /* empty: as ours */
	int64_t amount_minor;   /* below zero: money back */
	uint32_t line;          /* of the file */
};

enum reconcile_kind {
	RECONCILE_AGREES,
	/* Agrees, and says something. */
	RECONCILE_UNDONE,    /* charged and taken back there, undone here */
	RECONCILE_RETURNED,  /* less by the goods taken back here */
	RECONCILE_OPEN,      /* open here, nothing there yet */
	RECONCILE_ELSEWHERE, /* not known here; there it came and went */
	/* To be looked at. */
	RECONCILE_NOT_THERE,  /* paid here, nothing there */
	RECONCILE_NOT_HERE,   /* money there that the journal has no payment for */
	RECONCILE_TWICE,      /* charged more than once */
	RECONCILE_AMOUNT,     /* another amount */
	RECONCILE_CURRENCY,   /* another currency */
	RECONCILE_TAKEN_BACK, /* paid here, taken back there */
	RECONCILE_NOT_UNDONE, /* undone here, and the money is still there */
	RECONCILE_CHARGED,    /* certainly not charged, says the journal; charged there */
	RECONCILE_RESOLVES,   /* not certain here; there it is charged */
	RECONCILE_UNDO_FAILED, /* could not be taken back here: what there is says what to do */
	/* Of refunds. */
	RECONCILE_NOT_BACK,   /* refunded here, nothing there */
	RECONCILE_BACK_TWICE, /* given back more than once */
	RECONCILE_BACK, /* certainly not refunded, says the journal; given back there */
	RECONCILE_BACK_RESOLVES, /* not certain here; there it is given back */
	RECONCILE_KINDS
};
/* "agrees", "undone", ...; and a sentence for people: what it means, and what to do. */
const char *reconcile_name(enum reconcile_kind k);
const char *reconcile_text(enum reconcile_kind k);
/* False for what is in order. */
bool reconcile_is_difference(enum reconcile_kind k);

struct reconcile_result {
	enum reconcile_kind kind;
	const struct reconcile_ours *ours;     /* NULL: NOT_HERE, ELSEWHERE */
	const struct reconcile_theirs *theirs; /* the first entry; NULL: none */
	uint32_t charges, credits;             /* entries there */
	int64_t ours_minor;                    /* what should stand */
	int64_t theirs_minor;                  /* what stands there */
};

/* By what entries are tied to payments: the first of these that an entry tells. */
struct reconcile_input {
	const struct reconcile_ours *ours;
	uint32_t ours_count;
	const struct reconcile_theirs *theirs;
	uint32_t theirs_count;
};

/*
 * Calls each once for every payment, in the order of ours, and then once for every name that no
 * payment has, in the order of theirs. An entry belongs to the payment or refund of its key, else of its
 * reference, else of its ticket (of several payments of one ticket to the one that should have been
 * charged). One of money back that has the payment's name belongs to the refund of that payment of
 * the same amount that has no entry yet, first one that is certain, last one that failed: what stands in
 * the file could be its money. 0; what each said; -ENOMEM; -ERANGE amounts whose sum
 * overflows.
 */
int reconcile_run(const struct reconcile_input *in,
		  int (*each)(void *ctx, const struct reconcile_result *r), void *ctx);

#endif
