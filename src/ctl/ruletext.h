#ifndef LANED_CTL_RULETEXT_H
#define LANED_CTL_RULETEXT_H

#include "base/plain/str.h"
#include "base/plain/value.h"
#include "ctl/phrases.h"

/*
 * A rule in a few words, from the values of its file or of laned's answer. What is not as expected
 * is passed over: these are for people to look at, not checks.
 */
struct ruletext {
	const struct phrases *phrases;
	uint8_t digits; /* minor digits of the currency */
};

/* What it gives, the same in every language: "2 + 1, -50 %", "2 x, = 3.00", "-0.30" */
void ruletext_gives(const struct ruletext *t, const struct value *rule, struct strbuf *b);
/* "food/dairy, 4001 (without food/dairy/eggs)" */
void ruletext_scope(const struct ruletext *t, const struct value *rule, struct strbuf *b);
/* "from 2026-11-01, to 2026-11-30, Mon, Tue, 08:00-12:30, in store 3" */
void ruletext_when(const struct ruletext *t, const struct value *rule, struct strbuf *b);
/* "members of gold, with coupon C1" */
void ruletext_who(const struct ruletext *t, const struct value *rule, struct strbuf *b);
/* "from 3 units on, from 40.00 on" */
void ruletext_condition(const struct ruletext *t, const struct value *rule,
			struct strbuf *b);
/* "2 times a basket, 100.00 in all" */
void ruletext_limits(const struct ruletext *t, const struct value *rule,
		     struct strbuf *b);
/* An amount of the currency; one of a few buffers. */
const char *ruletext_money(const struct ruletext *t, int64_t minor);

#endif
