#include "ctl/ledger.h"

#include "ctl/keyed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MEMBER_USES_MAX 4000000u
#define KEY_BYTES_MAX 256u

/* A rule with a limit that outlives a basket. */
struct limited {
	uint32_t index; /* into the set, by ascending id */
	struct str id;
	bool by_member;
	int64_t total;
	int64_t taken_minor;
};

struct member_use {
	int64_t used, day_used;
	int32_t day;
};

struct ledger {
	struct limited *rules;
	uint32_t count;
	struct pricing_use *uses;
	struct keyed *members; /* of "rule index, member number" */
};

static bool
limit_is_set(const struct value *rule, const char *name)
{
	const struct value *limits = value_member(rule, "limits");

	return limits != NULL && value_member(limits, name) != NULL;
}

struct ledger *
ledger_new(const struct rulefile *file)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->rules = calloc((size_t)file->count + 1, sizeof(*l->rules));
	l->uses = calloc((size_t)file->count + 1, sizeof(*l->uses));
	l->members = keyed_new(sizeof(struct member_use), MEMBER_USES_MAX);
	if (l->rules == NULL || l->uses == NULL || l->members == NULL)
		return ledger_free(l);
	for (uint32_t i = 0; i < file->count; i++) {
		const struct value *rule = file->list[i];
		struct limited *m = &l->rules[l->count];

		m->by_member =
			limit_is_set(rule, "per_member") || limit_is_set(rule, "per_day");
		if (!m->by_member && !limit_is_set(rule, "total") &&
		    !limit_is_set(rule, "budget_minor"))
			continue;
		m->index = i;
		(void)value_get_str(rule, "id", SIZE_MAX,
				    &m->id); /* the set compiles: it is there */
		l->count++;
	}
	return l;
}

static struct str
key_of(char buf[KEY_BYTES_MAX], const struct limited *m, struct str number)
{
	struct strbuf b;

	strbuf_init(&b, buf, KEY_BYTES_MAX);
	strbuf_addf(&b, "%u ", (unsigned)m->index);
	strbuf_add(&b, number);
	return (struct str){ buf, b.used };
}

void
ledger_uses(struct ledger *l, const struct past_basket *b,
	    const struct pricing_use **ret_uses, size_t *ret_count)
{
	char buf[KEY_BYTES_MAX];
	size_t n = 0;

	for (uint32_t i = 0; i < l->count; i++) {
		const struct limited *m = &l->rules[i];
		struct pricing_use use = { .rule = m->id,
					   .total_used = m->total,
					   .budget_used_minor = m->taken_minor };
		const struct member_use *u = NULL;

		if (m->by_member && b->member_number.n > 0)
			u = keyed_find(l->members, key_of(buf, m, b->member_number));
		if (u != NULL) {
			use.member_used = u->used;
			use.member_day_used =
				u->day == b->at.business_day ? u->day_used : 0;
		}
		if (use.total_used > 0 || use.member_used > 0)
			l->uses[n++] = use;
	}
	*ret_uses = l->uses;
	*ret_count = n;
}

int
ledger_count(struct ledger *l, const struct past_basket *b,
	     const struct pricing_result *result)
{
	char buf[KEY_BYTES_MAX];

	for (uint32_t i = 0; i < l->count; i++) {
		struct limited *m = &l->rules[i];
		const struct pricing_rule_result *r = &result->rules[m->index];
		struct member_use *u;

		if (r->reason != PRICING_APPLIED)
			continue;
		m->total += r->applications;
		m->taken_minor += r->discount_minor;
		if (!m->by_member || b->member_number.n == 0)
			continue;
		u = keyed_get(l->members, key_of(buf, m, b->member_number));
		if (u == NULL)
			return -ENOMEM;
		if (u->day != b->at.business_day)
			u->day_used = 0;
		u->day = b->at.business_day;
		u->used += r->applications;
		u->day_used += r->applications;
	}
	return 0;
}

struct ledger *
ledger_free(struct ledger *l)
{
	if (l != NULL) {
		free(l->rules);
		free(l->uses);
		keyed_free(l->members);
	}
	free(l);
	return NULL;
}
