#ifndef LANED_CTL_SIMULATE_H
#define LANED_CTL_SIMULATE_H

#include "ctl/ledger.h"
#include "ctl/spread.h"

/*
 * Prices baskets of the past by two rule sets and adds up what differs. Deterministic; memory does
 * not grow with the baskets, only with the different goods and (limited rules) members among them,
 * both with a limit.
 */
#define SIMULATE_EXAMPLES 5u
#define SIMULATE_GOODS_MAX 200000u
#define SIMULATE_ID_BYTES 128u

struct simulate_options {
	const struct rulefile *before; /* NULL: no offers */
	const struct rulefile *after;
	bool has_at; /* all baskets at this time instead of their own */
	struct timepoint at;
	int32_t shift_days; /* or their own time, that many days later */
	uint64_t nodes_max; /* per basket; 0: the engine's */
};

/* Of all baskets, or of those of members, or of strangers. Amounts in minor units. */
struct simulate_part {
	uint64_t baskets, gain, lose;
	int64_t turnover, saving_before, saving_after;
	int64_t points_before, points_after; /* earned */
};

struct simulate_rule {
	uint64_t applications, baskets;
	int64_t discount;
	/* Why it did not apply, of the first baskets; the commonest tells most. */
	uint32_t reasons[PRICING_BEATEN + 1];
};

struct simulate_example {
	char id[SIMULATE_ID_BYTES];
	int64_t gain, turnover;
};

/* What the campaign changes for one article or category. */
struct simulate_good {
	uint64_t baskets; /* whose price of it changes */
	int64_t turnover; /* of it in those baskets, before offers */
	int64_t gain;
	uint64_t last; /* the basket it was last counted in */
};

struct simulate_top {
	struct str key; /* borrowed from the simulation */
	const struct simulate_good *good;
};

struct simulation {
	struct simulate_options options;
	struct simulate_part all, members, strangers;
	uint64_t lines, refused; /* refused: outside the ranges of the engine */
	uint64_t not_proven_before, not_proven_after;
	int64_t gap_max; /* how much cheaper a basket could still be, at most */
	int64_t first_ms, last_ms;
	bool has_times;
	int64_t gain_sum;     /* of baskets that gain */
	struct spread *gains; /* of the same */
	struct simulate_rule *rules_before, *rules_after;
	struct simulate_example best[SIMULATE_EXAMPLES], worst[SIMULATE_EXAMPLES];
	uint32_t best_count, worst_count;
	struct keyed *codes, *categories;
	bool goods_left_out; /* more different ones than are kept */
	struct ledger *ledger_before, *ledger_after;
};

/* The rule files must outlive it. NULL: no memory. */
struct simulation *simulate_new(const struct simulate_options *o);
/*
 * Prices one more basket. 0; -EINVAL or -ERANGE it is outside the engine's ranges (counted as
 * refused); -EOVERFLOW more money than can be added up; -ENOMEM.
 */
int simulate_add(struct simulation *s, const struct past_basket *b);
/* The keys that change most, at most max, into list; how many. */
uint32_t simulate_top(const struct keyed *goods, struct simulate_top *list, uint32_t max);
struct simulation *simulate_free(struct simulation *s);

#endif
