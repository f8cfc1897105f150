#ifndef LANED_CORE_PRICING_PRICING_SESSION_H
#define LANED_CORE_PRICING_PRICING_SESSION_H

#include "core/pricing/pricing.h"

/*
 * A basket that changes line by line and is priced after each change. Every answer is the one that
 * pricing_price() gives for the same lines by ascending number, to the last bit: totals, shares,
 * reasons, hints, optimal, gap and nodes. It is only found sooner: what the offers of unchanged
 * lines come to is remembered and not searched again. nodes counts what a search from scratch
 * would have spent, so that a budget cuts both at the same place. With a stop() in the budget both
 * depend on the clock, and a session gets further.
 *
 * Pure as the engine is: no I/O, no clock, no globals, one thread at a time. Memory is bounded:
 * PRICING_SESSION_BYTES_MAX for what is remembered, beside the basket and its result.
 */
struct pricing_session;

#define PRICING_SESSION_BYTES_MAX ((size_t)4 << 20)

/*
 * An empty basket. rules are borrowed and must outlive the session; everything else is copied.
 * member may be NULL: a stranger without coupons. 0 or -ENOMEM.
 */
int pricing_session_new(const struct pricing_rules *rules,
			const struct pricing_member *member, const struct timepoint *at,
			struct str store, struct str lane,
			struct pricing_session **ret_session);
struct pricing_session *pricing_session_free(struct pricing_session *s);

/*
 * Adds a line, or changes the one with this number; its texts are copied. 0; -EINVAL outside the
 * ranges of a line; -ERANGE its amount is; -ENOSPC already PRICING_LINES_MAX lines; -ENOMEM. On an
 * error the basket is as it was.
 */
int pricing_session_set_line(struct pricing_session *s, const struct pricing_line *line);
/* Takes a line out. 0; -ENOENT no line has this number. */
int pricing_session_void_line(struct pricing_session *s, uint32_t line);
/*
 * Makes the basket hold exactly these lines, in any order; those that are as they were cost next
 * to nothing. 0; -EINVAL also for a number that is there twice or more than PRICING_LINES_MAX
 * lines; the others as pricing_session_set_line(). On -ENOMEM the basket may hold some of the new
 * lines only; on the other errors it is as it was.
 */
int pricing_session_set_lines(struct pricing_session *s, const struct pricing_line *lines,
			      size_t count);

/* The lines by ascending number, valid until the next change: line_index of a result is into it. */
const struct pricing_line *pricing_session_lines(const struct pricing_session *s,
						 size_t *ret_count);

/*
 * The member signed on or off (NULL), or his uses changed: nothing remembered holds any more, unless
 * all is as it was. Copied. 0, or -ENOMEM and no change.
 */
int pricing_session_set_member(struct pricing_session *s,
			       const struct pricing_member *member);
/* The time moved on: offers may begin or end. */
void pricing_session_set_time(struct pricing_session *s, const struct timepoint *at);

/*
 * Prices the basket as it is. *ret_result belongs to the session and is valid until the next call
 * with it. budget may be NULL. Errors as pricing_price(), then the session goes on as before.
 */
int pricing_session_price(struct pricing_session *s, const struct pricing_budget *budget,
			  const struct pricing_result **ret_result);

#endif
