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
	KIND_BASKET_AMOUNT,
	KIND_EVERY_N,
	KIND_FULL_GROUPS,
	KIND_FIRST_AND_NEXT,
	KIND_CHEAPEST_PERCENT,
	KIND_BUNDLE,
	KIND_DISTINCT_SET,
	KIND_PACK,
	KIND_BUY_WEIGHT,
	KIND_BASKET_TIERS,
	KIND_POINTS_EARN,
	KIND_POINTS_BURN,
	KINDS_COUNT
};

enum rule_layer { LAYER_UNIT = 1, LAYER_STACK, LAYER_BASKET, LAYER_POINTS };

/*
 * How a rule of layer 1 takes units. The parts of the engine look at this and not at the kind: what
 * differs between kinds of one shape is in size, skip, each and reward.
 */
enum rule_shape {
	SHAPE_UNITS, /* each line's units for themselves */
	SHAPE_GROUP, /* in groups of size, dearest first; all but the first skip are reduced */
	SHAPE_NEXT,   /* the dearest unit one way, all others another */
	SHAPE_SET,    /* one unit of each of several codes */
	SHAPE_BUNDLE, /* so many units of each component */
	SHAPE_WHOLE   /* every unit in scope or none */
};

/* What a reward leaves to pay: a part less, an amount less, or a price. */
enum reward_form { REWARD_NONE, REWARD_PERCENT, REWARD_AMOUNT, REWARD_PRICE };

struct reward {
	enum reward_form form;
	int64_t x; /* basis points or minor units */
};

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
#define BUNDLE_PARTS_MAX 8u
#define BUNDLE_UNITS_MAX 20
#define SET_ENTRIES_MAX 20u
#define TIERS_MAX 12u
#define WEIGHT_G_MAX 1000000
#define POINTS_MAX 1000000
#define NO_ITEM UINT32_MAX

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

/* What a bundle's component or params.contains names: any of the lists. */
struct goods {
	struct strs sku, category, brand;
	int64_t units;
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
	int64_t buy_g, get_g;
	int64_t set_units_max; /* of a distinct set's entry: below the next one's units */
	int64_t points, per_minor, max_points, value_minor, min_points, max_bp;
	struct goods *parts; /* of a bundle */
	uint32_t parts_count;
	struct goods contains; /* units 0: no such condition */

	/* What the compiler makes of the kind and its parameters. */
	enum rule_shape shape;
	uint32_t size, skip; /* SHAPE_GROUP, and the groups of buy_get_cheapest */
	bool each;           /* a group's units are reduced each for itself */
	struct reward reward, first;
	bool unweighed, weighed_only; /* lines that it takes */
	/*
	 * A rule of several forms (tiers, entries of a table): each as a rule of its own that
	 * differs only in parameters. At most one of them applies, as of a group.
	 */
	struct rule *variants;
	uint32_t variants_count;

	/* When and where. */
	bool has_from, has_to, from_zoned, to_zoned;
	bool from_is_day,
		to_is_day;      /* given as dates: a span over midnight keeps to them */
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
	int64_t budget_minor;                           /* 0 = none */

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

/* What need not be looked at when a basket meets a rule, so that the rule itself need not be. */
#define EASY_COUNTED 1u  /* every counted line that the index finds is in scope */
#define EASY_MEASURED 2u /* and every weighed one */
#define EASY_WHO 4u      /* for everybody, everywhere, always, as often as he likes */

struct index {
	struct index_slot *slots;
	uint32_t slots_count; /* a power of two */
	uint32_t *postings;
	uint32_t *all; /* rules whose scope is everything */
	uint32_t all_count;
	bool wide;     /* some rule looks at whole baskets */
	uint8_t *easy; /* EASY_ bits of each rule: what need not be looked at */
};

struct pricing_rules {
	struct arena *arena;
	char currency[4];
	enum rounding rounding;
	struct rule *rules; /* by ascending id */
	uint32_t count;
	uint32_t groups_count; /* with those that the variants of a rule make */
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
	const struct rule *rule; /* of several forms: this one */
	uint32_t index;          /* into the rule set */
	uint32_t variant;
	uint32_t *items; /* dearest first, ties by line */
	uint32_t *caps;  /* units of each item it may take at most, NULL: all */
	uint32_t items_count;
	uint32_t
		units_cap; /* units in the basket; of a bundle and by weight: applications */
	bool coupled;      /* ties items together: must be searched */
	int64_t budget_left; /* what the rule may take off, INT64_MAX: no limit */
	uint8_t *parts;      /* a bundle: bits of the components that each item fits */
	uint32_t *
		same; /* a set: the item before of the same code, as an index here, NO_ITEM */
};

/* A rule that one more unit of a line would let apply, as far as its own condition goes. */
struct missed {
	uint32_t rule, variant, line;
};

/* A rule in whose scope some lines are, and what came of it; all others are not in scope. */
struct met {
	uint32_t rule;
	enum pricing_reason reason;
	uint32_t *lines, lines_count; /* ascending */
};

struct problem {
	const struct pricing_rules *rules;
	struct arena *arena;
	const struct pricing_line **lines; /* by ascending line id */
	uint32_t *original;                /* their index in the basket */
	uint64_t *versions;                /* what struct matched has */
	uint32_t lines_count;
	int64_t *floors; /* of a line: min(floor, amount) */
	struct item *items;
	uint32_t items_count;
	uint32_t *line_items; /* first item of each line; lines_count + 1 entries */
	struct live *live;
	uint32_t live_count;
	struct live *points; /* rules of points: they change no price */
	uint32_t points_count;
	struct met *met; /* by ascending rule */
	uint32_t met_count;
	struct missed *missed;
	uint32_t missed_count;
	int64_t gross_minor;
	uint64_t units_total;
};

/* Units of an item that take part in a rule of layer 1. */
struct take {
	uint32_t live, item, units;
	uint32_t part; /* of a bundle: which component */
};

#endif
