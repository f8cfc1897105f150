#ifndef LANED_TESTS_UNIT_PRICING_KIT_H
#define LANED_TESTS_UNIT_PRICING_KIT_H

#include "base/plain/arena.h"
#include "core/pricing/pricing.h"
#include "core/pricing/pricing_value.h"

/* What the pricing tests share: rules, basket and member from JSON text; a fixed moment. */
struct kit {
	struct arena *arena;
	struct pricing_rules *rules;
	struct pricing_basket basket;
	struct pricing_member member;
	struct timepoint at;
	struct pricing_errors errors;
	struct pricing_error value_error; /* of a basket or member */
};

/* Saturday 2026-11-21, 10:00 UTC, local time one hour ahead. */
void kit_init(struct kit *k);
void kit_free(struct kit *k);
/* 0, or the compiler's error. The text is a whole rule set. */
int kit_rules(struct kit *k, const char *json);
/* As kit_rules with {"laned_rules":1,"currency":"EUR","rules":[..]} around the rules. */
int kit_rule_list(struct kit *k, const char *json);
int kit_basket(struct kit *k, const char *json);
int kit_member(struct kit *k, const char *json);
/* Prices with the default budget; fails the test when the engine does. */
struct pricing_result *kit_price(struct kit *k);
/* The result of a rule by id; NULL when there is none. */
const struct pricing_rule_result *kit_rule(const struct pricing_result *r,
					   const char *id);

#endif
