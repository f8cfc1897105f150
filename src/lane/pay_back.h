#ifndef LANED_LANE_PAY_BACK_H
#define LANED_LANE_PAY_BACK_H

#include "lane/lane_private.h"
#include "lane/refund.h"

/*
 * How the money of a return goes back: to the token that paid, by a refund of ours, as far as that can
 * be; the rest by whatever the cashier does. All zero: nothing goes to a token.
 */
struct pay_back {
	int64_t token_minor;    /* of the refund; 0 none */
	int64_t captured_minor; /* what the payment took; no refund goes above it */
	bool read;              /* of the journal: refund is what has become of it */
	const char *why;        /* not all of it goes to the token; NULL */
	struct payment refund;
};

/*
 * What stands of the token payments of a checkout: confirmed, less what went back, or may have, because
 * the ticket was void (goods that came back do not count: the receipt itself says what is left of
 * them). 0; errors of the journal.
 */
int pay_back_standing(struct lane *l, struct ulid checkout, int64_t *ret_minor);
/*
 * What of f->refund_minor can go back to the token now, as a refund that is created and not stored. 0,
 * also when nothing can (*ret says why); errors of the journal, -EIO no random key.
 */
int pay_back_plan(struct lane *l, const struct refund *f, struct ulid id,
		  struct pay_back *ret);
/* What has become of the money of a return. 0, also when there is no refund; errors of the journal. */
int pay_back_read(struct lane *l, struct ulid id, int64_t refund_minor,
		  struct pay_back *ret);
/* Member "pay_back" of an answer. */
void pay_back_put(struct json_out *o, const struct pay_back *b, int64_t refund_minor);

#endif
