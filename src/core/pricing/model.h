#ifndef LANED_CORE_PRICING_MODEL_H
#define LANED_CORE_PRICING_MODEL_H

#include "base/plain/arena.h"
#include "core/pricing/pricing.h"

/*
 * What the parts of the price engine share: the compiled rule set and one basket's problem.
 * Nothing outside src/core/pricing includes this.
 */
enum rule_kind {
	KIND_PERCENT,
	KIND_AMOUNT,
	KIND_FIXED_PRICE,
	KIND_N_FOR_PRICE,
	KIND_BUY_GET,
	KIND_BUY_GET_CHEAPEST,
	KIND_BASKET_PERCENT,
	KIND_BASKET_AMOUNT
};

enum rule_layer { LAYER_UNIT = 1, LAYER_STACK, LAYER_BASKET };
enum rule_exclusive { EXCLUSIVE_NO, EXCLUSIVE_BEST, EXCLUSIVE_ALWAYS };

#define RULES_MAX 20000u
#define RULES_BYTES_MAX (64u << 20)
#define RULE_ID_BYTES_MAX 63u
#define RULE_LIST_MAX 10000u /* entries of one scope list */
#define RULE_TEXT_CHARS_MAX 100u
#define RULE_UNITS_MAX 1000 /* of one group of an application */
#define RULE_HOURS_MAX 8u
#define NO_GROUP UINT32_MAX
#define MISSED_MAX 4u /* hints are checked by pricing again: only so many */

struct strs {
	const struct str *at;
	uint32_t count;
};

struct rule_text {
	struct str language, text;
};

struct scope {
	bool all, exclude_reduced;
	struct strs sku, category, brand;
	struct strs not_sku, not_category, not_brand;
	int64_t price_min, price_max;
};

struct span {
	uint16_t from_min, to_min; /* minutes of the day; from > to wraps midnight */
};

struct rule {
	struct str id;
	enum rule_kind kind;
	enum rule_layer layer;
	struct scope scope;

	/* Parameters; those a kind does not have are 0. */
	int64_t percent_bp, amount_minor, price_minor, cap_minor;
	int64_t units, buy, get;
	int64_t max_units, min_units;
	int64_t min_spend_minor, over_spend_minor; /* at least; more than */
	bool cheapest_first, spend_gross;

	/* When and where. */
	bool has_from, has_to, from_zoned, to_zoned;
	int64_t from_ms, to_ms; /* from <= t < to */
	uint8_t days;           /* bit 0 = Monday; 0 = every day */
	struct span hours[RULE_HOURS_MAX];
	uint32_t hours_count;
	struct strs stores, lanes;

	/* Who. */
	bool member, first_purchase;
	struct strs groups;
	struct str coupon;

	int64_t per_basket, per_member, per_day, total; /* 0 = no limit */

	bool stack;
	enum rule_exclusive exclusive;
	struct str group;
	uint32_t group_index; /* dense, NO_GROUP without */

	int64_t priority;
	const struct rule_text *texts;
	uint32_t texts_count;
	uint32_t line, column; /* of its text */
};

/* A key of the eligibility index (what kind of key, and the key) and the rules it leads to. */
enum index_tag { INDEX_NONE, INDEX_SKU, INDEX_CATEGORY, INDEX_BRAND };

struct index_slot {
	enum index_tag tag;
	uint32_t hash;
	struct str key;
	uint32_t first, count; /* into postings */
};

struct index {
	struct index_slot *slots;
	uint32_t slots_count; /* a power of two */
	uint32_t *postings;
	uint32_t *all; /* rules whose scope is everything */
	uint32_t all_count;
};

struct pricing_rules {
	struct arena *arena;
	char currency[4];
	enum rounding rounding;
	struct rule *rules; /* by ascending id */
	uint32_t count, groups_count;
	struct index index;
};

/*
 * A run of units of one line that cost the same. A line whose amount is no multiple of its units
 * is two items; a measured line is one item of one unit.
 */
struct item {
	uint32_t line; /* into problem.lines */
	uint32_t units;
	bool measured;
	int64_t value; /* of one unit */
	int64_t room;  /* what may come off one unit at most */
	int64_t qty_milli;
};

/* A rule that this basket, member and time may use. */
struct live {
	const struct rule *rule;
	uint32_t index; /* into the rule set */
	uint32_t *items;
	uint32_t *caps; /* units of each item it may take at most, NULL: all */
	uint32_t items_count;
	uint32_t
		units_cap; /* units (or, of group kinds, units in groups) in the basket */
	bool coupled;      /* ties items together: must be searched */
};

/* A rule that one more unit of a line would let apply, as far as its own condition goes. */
struct missed {
	uint32_t rule, line;
};

struct problem {
	const struct pricing_rules *rules;
	struct arena *arena;
	const struct pricing_line **lines; /* by ascending line id */
	uint32_t *original;                /* their index in the basket */
	uint32_t lines_count;
	int64_t *floors; /* of a line: min(floor, amount) */
	struct item *items;
	uint32_t items_count;
	uint32_t *line_items; /* first item of each line; lines_count + 1 entries */
	struct live *live;
	uint32_t live_count;
	uint8_t *reasons; /* enum pricing_reason of each rule of the set */
	struct missed *missed;
	uint32_t missed_count;
	int64_t gross_minor;
	uint64_t units_total;
};

/* Units of an item that take part in a rule of layer 1. */
struct take {
	uint32_t live, item, units;
};

#endif
