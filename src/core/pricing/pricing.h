#ifndef LANED_CORE_PRICING_PRICING_H
#define LANED_CORE_PRICING_PRICING_H

#include "base/plain/caltime.h"
#include "base/plain/money.h"
#include "base/plain/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The price engine: pure, no I/O, no clock, no globals. A rule set is compiled once and immutable;
 * a basket is priced against it for a member at a time; the result is the lowest amount payable
 * that any admissible combination of offers gives, or says that it could not prove so.
 */
struct pricing_rules;

#define PRICING_LINES_MAX 1000u
#define PRICING_GROSS_MINOR_MAX                                                          \
	INT64_C(10000000000) /* of a whole basket, before offers */
#define PRICING_NODES_DEFAULT UINT64_C(200000)
#define PRICING_ERRORS_MAX 100u

/* One fault of a rule set; line and column of the text where known (0 otherwise). */
struct pricing_error {
	uint32_t line, column;
	char rule[64];
	char what[192]; /* what is wrong and what would be right */
};

struct pricing_errors {
	uint32_t total; /* all found */
	uint32_t count; /* kept in list */
	struct pricing_error list[PRICING_ERRORS_MAX];
};

/*
 * Compiles {"laned_rules":1,"currency":..,"rules":[..]} as docs/promotions.md has it. Everything
 * needed is copied. 0; -EBADMSG with *errors filled (nothing is compiled); -ENOMEM.
 */
int pricing_rules_compile(const struct value *set, struct pricing_errors *errors,
			  struct pricing_rules **ret_rules);
struct pricing_rules *pricing_rules_free(struct pricing_rules *r);
uint32_t pricing_rules_count(const struct pricing_rules *r);
const char *pricing_rules_currency(const struct pricing_rules *r);

struct pricing_line {
	uint32_t line;       /* the POS's line number, unique in the basket */
	struct str code;     /* gtin, or plu: what a scope calls sku */
	struct str category; /* "food/dairy/milk"; a scope names any prefix */
	struct str brand;
	int64_t qty_milli; /* 1000 = one unit, or grams of a weighed line; > 0 */
	int64_t unit_price_minor;
	int64_t amount_minor; /* line amount before our offers, >= 0 */
	int64_t floor_minor;  /* never priced below, 0 = none */
	uint32_t vat_bp;
	bool weighed, excluded,
		reduced; /* excluded: no offer may touch it; reduced: already so */
};

/* Use of limited rules so far, as the lane's journal counts it. */
struct pricing_use {
	struct str rule;
	int64_t member_used, member_day_used, total_used;
	int64_t budget_used_minor; /* what it took off so far, of everybody */
};

struct pricing_member {
	bool known;
	bool first_purchase;
	const struct str *groups;
	size_t groups_count;
	const struct str *coupons;
	size_t coupons_count;
	const struct pricing_use *uses;
	size_t uses_count;
	int64_t points; /* the balance that points_burn may draw on */
	/* What was used cannot be told: no rule with a limit per member, per day or in all applies. */
	bool uses_unknown;
};

struct pricing_basket {
	const struct pricing_line *lines;
	size_t lines_count;
	struct str store, lane;
};

struct pricing_budget {
	uint64_t nodes_max;      /* of all that is asked; 0 = PRICING_NODES_DEFAULT */
	bool (*stop)(void *ctx); /* may be NULL; polled every 256 nodes */
	void *ctx;
	bool price_only; /* no hints, no comparison with a stranger: they price again */
};

/* Why a rule did not apply. */
enum pricing_reason {
	PRICING_APPLIED,
	PRICING_NOT_IN_SCOPE,
	PRICING_CONDITION, /* min units, min spend, contains */
	PRICING_NOT_MEMBER,
	PRICING_NOT_GROUP,
	PRICING_NO_COUPON,
	PRICING_TIME,
	PRICING_PLACE,
	PRICING_LIMIT,
	PRICING_NO_SAVING,
	PRICING_BEATEN /* another combination is cheaper */
};
const char *pricing_reason_name(enum pricing_reason r);

struct pricing_share {          /* what one rule takes off one line */
	uint32_t rule;          /* index into the result's rules */
	uint32_t line_index;    /* into the basket's lines */
	int64_t qty_milli;      /* of that line taking part */
	int64_t discount_minor; /* > 0 */
};

struct pricing_rule_result {
	struct str id;
	enum pricing_reason reason;
	uint32_t applications;
	int64_t discount_minor;
	bool missed_by_one; /* one more unit would make it apply: checked by re-pricing */
	uint32_t hint_line_index; /* of which line, when missed_by_one */
	int64_t hint_saving_minor;
	int64_t points; /* that it earns, or that it lets burn */
};

/* The best that a member's points can pay: a tender, not part of the price. */
struct pricing_burn {
	uint32_t rule;               /* index into the result's rules */
	int64_t points, worth_minor; /* 0: none */
};

struct pricing_result {
	int64_t gross_minor, total_minor, saving_minor;
	/* Total without membership - total; where the former is not proven, at least so much. */
	int64_t saving_versus_stranger_minor;
	int64_t *line_net_minor; /* per basket line; sums to total */
	const struct pricing_share *shares;
	size_t shares_count;
	const struct pricing_rule_result *rules; /* every rule, by ascending id */
	size_t rules_count;
	bool optimal;
	int64_t gap_minor;     /* proven: no combination is cheaper by more than this */
	uint64_t nodes;        /* hints and the comparison with a stranger included */
	int64_t points_earned; /* by all rules; they are no part of the price */
	struct pricing_burn burn;
};

/*
 * Prices a basket. member may be NULL: a stranger without coupons. 0 and *ret_result, owned by the
 * caller until pricing_result_free (it borrows rule ids from rules, which must outlive it);
 * -EINVAL a basket outside its ranges (lines, units of a line, a line number twice); -ERANGE it is
 * worth more than PRICING_GROSS_MINOR_MAX; -ENOMEM. Deterministic without stop(). Does not block;
 * any number of threads may price with the same rules.
 */
int pricing_price(const struct pricing_rules *rules, const struct pricing_basket *basket,
		  const struct pricing_member *member, const struct timepoint *at,
		  const struct pricing_budget *budget,
		  struct pricing_result **ret_result);
struct pricing_result *pricing_result_free(struct pricing_result *r);

/* The receipt text of a rule in a language, or in English, or its id. Borrowed from rules. */
struct str pricing_rule_text(const struct pricing_rules *rules, struct str id,
			     struct str language);
/* The text in this very language. 0; -ENOENT no such rule, or no text of it. Borrowed from rules. */
int pricing_rule_text_in(const struct pricing_rules *rules, struct str id,
			 struct str language, struct str *ret_text);
/* Whether uses of the rule outlive the basket: it has a limit per member, per day or in all. */
bool pricing_rule_is_limited(const struct pricing_rules *rules, struct str id);

#endif
