#include "ctl/simulate.h"

#include "ctl/keyed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_BASKETS 1000u /* whose reasons are noted */
#define SUM_MAX (INT64_MAX / 4)
#define DAY_MS INT64_C(86400000)

struct simulation *
simulate_new(const struct simulate_options *o)
{
	struct simulation *s = calloc(1, sizeof(*s));
	uint32_t before = o->before == NULL ? 0 : o->before->count;

	if (s == NULL)
		return NULL;
	s->options = *o;
	s->gains = spread_new();
	s->rules_before = calloc((size_t)before + 1, sizeof(*s->rules_before));
	s->rules_after = calloc((size_t)o->after->count + 1, sizeof(*s->rules_after));
	s->codes = keyed_new(sizeof(struct simulate_good), SIMULATE_GOODS_MAX);
	s->categories = keyed_new(sizeof(struct simulate_good), SIMULATE_GOODS_MAX);
	s->ledger_after = ledger_new(o->after);
	if (o->before != NULL)
		s->ledger_before = ledger_new(o->before);
	if (s->gains == NULL || s->rules_before == NULL || s->rules_after == NULL ||
	    s->codes == NULL || s->categories == NULL || s->ledger_after == NULL ||
	    (o->before != NULL && s->ledger_before == NULL))
		return simulate_free(s);
	return s;
}

/* ---- pricing one basket ------------------------------------------------------------------- */

static struct timepoint
time_of(const struct simulation *s, const struct past_basket *b)
{
	struct timepoint at = b->at;

	if (s->options.has_at || !b->has_at)
		return s->options.at;
	at.wall_ms += s->options.shift_days * DAY_MS;
	if (s->options.shift_days != 0)
		at.business_day = civil_yyyymmdd(at.wall_ms, at.local_offset_s);
	return at;
}

static int
price(const struct simulation *s, const struct rulefile *file, struct ledger *ledger,
      const struct past_basket *b, struct pricing_result **ret_result)
{
	const struct pricing_budget budget = { .nodes_max = s->options.nodes_max,
					       .price_only =
						       s->all.baskets >= SAMPLE_BASKETS };
	struct pricing_member member = b->member;
	struct timepoint at = time_of(s, b);

	ledger_uses(ledger, b, &member.uses, &member.uses_count);
	return pricing_price(file->rules, &b->basket, &member, &at, &budget, ret_result);
}

/* ---- adding up ---------------------------------------------------------------------------------- */

/* Sums stay far from the end of their range, so that their differences do too. */
static int
add(int64_t *sum, int64_t amount)
{
	if (__builtin_add_overflow(*sum, amount, sum) || *sum > SUM_MAX ||
	    *sum < -SUM_MAX)
		return -EOVERFLOW;
	return 0;
}

/* before: NULL without offers before. */
static int
add_part(struct simulate_part *p, const struct pricing_result *before,
	 const struct pricing_result *after)
{
	int64_t was = before == NULL ? 0 : before->saving_minor;
	int rc = add(&p->turnover, after->gross_minor);

	if (rc == 0)
		rc = add(&p->saving_before, was);
	if (rc == 0)
		rc = add(&p->saving_after, after->saving_minor);
	if (rc == 0 && before != NULL)
		rc = add(&p->points_before, before->points_earned);
	if (rc == 0)
		rc = add(&p->points_after, after->points_earned);
	p->baskets++;
	p->gain += after->saving_minor > was;
	p->lose += after->saving_minor < was;
	return rc;
}

static int
add_rules(struct simulate_rule *rules, const struct pricing_result *r, bool reasons)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->rules_count; i++) {
		const struct pricing_rule_result *x = &r->rules[i];

		if (x->reason != PRICING_APPLIED) {
			rules[i].reasons[x->reason] += reasons;
			continue;
		}
		rules[i].baskets++;
		rules[i].applications += x->applications;
		rc = add(&rules[i].discount, x->discount_minor);
	}
	return rc;
}

static int
add_good(struct simulation *s, struct keyed *goods, struct str key,
	 const struct pricing_line *line, int64_t gain)
{
	struct simulate_good *g = keyed_get(goods, key);

	if (g == NULL) {
		if (keyed_count(goods) < SIMULATE_GOODS_MAX)
			return -ENOMEM;
		s->goods_left_out = true;
		return 0;
	}
	if (g->last != s->all.baskets) {
		g->last = s->all.baskets;
		g->baskets++;
	}
	int rc = add(&g->turnover, line->amount_minor);

	return rc == 0 ? add(&g->gain, gain) : rc;
}

/* before: NULL without offers before. */
static int
add_goods(struct simulation *s, const struct pricing_basket *b,
	  const struct pricing_result *before, const struct pricing_result *after)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->lines_count; i++) {
		const struct pricing_line *l = &b->lines[i];
		int64_t was =
			before == NULL ? l->amount_minor : before->line_net_minor[i];
		int64_t gain = was - after->line_net_minor[i];

		if (gain == 0)
			continue;
		if (l->code.n > 0)
			rc = add_good(s, s->codes, l->code, l, gain);
		if (rc == 0 && l->category.n > 0)
			rc = add_good(s, s->categories, l->category, l, gain);
	}
	return rc;
}

/* Keeps the examples with the greatest key, greatest first; equal ones in the order of the file. */
static void
keep_example(struct simulate_example *list, uint32_t *count, const struct past_basket *b,
	     int64_t gain, int64_t turnover, int64_t sign)
{
	uint32_t at = *count;

	while (at > 0 && list[at - 1].gain * sign < gain * sign)
		at--;
	if (at == SIMULATE_EXAMPLES)
		return;
	if (*count < SIMULATE_EXAMPLES)
		(*count)++;
	memmove(&list[at + 1], &list[at], (*count - at - 1) * sizeof(*list));
	list[at] = (struct simulate_example){ .gain = gain, .turnover = turnover };
	(void)str_copy(list[at].id, sizeof(list[at].id),
		       (struct str){ b->id.p, b->id.n < SIMULATE_ID_BYTES - 1
						      ? b->id.n
						      : SIMULATE_ID_BYTES - 1 });
}

static void
note_time(struct simulation *s, const struct past_basket *b)
{
	if (!b->has_at)
		return;
	if (!s->has_times || b->at.wall_ms < s->first_ms)
		s->first_ms = b->at.wall_ms;
	if (!s->has_times || b->at.wall_ms > s->last_ms)
		s->last_ms = b->at.wall_ms;
	s->has_times = true;
}

static int
add_results(struct simulation *s, const struct past_basket *b,
	    const struct pricing_result *before, const struct pricing_result *after)
{
	int64_t was = before == NULL ? 0 : before->saving_minor;
	int64_t gain = after->saving_minor - was, turnover = after->gross_minor;
	bool sample = s->all.baskets < SAMPLE_BASKETS;
	int rc = add_part(&s->all, before, after);

	if (rc == 0)
		rc = add_part(b->member.known ? &s->members : &s->strangers, before,
			      after);
	if (rc == 0 && before != NULL)
		rc = add_rules(s->rules_before, before, sample);
	if (rc == 0)
		rc = add_rules(s->rules_after, after, sample);
	if (rc == 0)
		rc = add_goods(s, &b->basket, before, after);
	s->lines += b->basket.lines_count;
	s->not_proven_before += before != NULL && !before->optimal;
	s->not_proven_after += !after->optimal;
	if (after->gap_minor > s->gap_max)
		s->gap_max = after->gap_minor;
	if (rc == 0 && gain > 0) {
		rc = add(&s->gain_sum, gain);
		spread_add(s->gains, gain);
		keep_example(s->best, &s->best_count, b, gain, turnover, 1);
	} else if (gain < 0) {
		keep_example(s->worst, &s->worst_count, b, gain, turnover, -1);
	}
	note_time(s, b);
	return rc;
}

int
simulate_add(struct simulation *s, const struct past_basket *b)
{
	struct pricing_result *before = NULL, *after = NULL;
	int rc = 0;

	if (s->options.before != NULL)
		rc = price(s, s->options.before, s->ledger_before, b, &before);
	if (rc == 0)
		rc = price(s, s->options.after, s->ledger_after, b, &after);
	if (rc == -EINVAL || rc == -ERANGE)
		s->refused++;
	if (rc == 0 && before != NULL)
		rc = ledger_count(s->ledger_before, b, before);
	if (rc == 0)
		rc = ledger_count(s->ledger_after, b, after);
	if (rc == 0)
		rc = add_results(s, b, before, after);
	pricing_result_free(before);
	pricing_result_free(after);
	return rc;
}

/* ---- what changes most ------------------------------------------------------------------------------ */

static bool
above(const struct simulate_top *a, const struct simulate_top *b)
{
	int64_t x = llabs(a->good->gain), y = llabs(b->good->gain);
	size_t n = a->key.n < b->key.n ? a->key.n : b->key.n;
	int d;

	if (x != y)
		return x > y;
	d = n > 0 ? memcmp(a->key.p, b->key.p, n) : 0;
	return d != 0 ? d < 0 : a->key.n < b->key.n;
}

uint32_t
simulate_top(const struct keyed *goods, struct simulate_top *list, uint32_t max)
{
	uint32_t count = 0;

	for (uint32_t i = 0; max > 0 && i < keyed_count(goods); i++) {
		struct simulate_top top = { { NULL, 0 }, NULL };
		uint32_t at = count;

		top.good = keyed_at(goods, i, &top.key);
		while (at > 0 && above(&top, &list[at - 1]))
			at--;
		if (at == max)
			continue;
		if (count < max)
			count++;
		memmove(&list[at + 1], &list[at], (count - at - 1) * sizeof(*list));
		list[at] = top;
	}
	return count;
}

struct simulation *
simulate_free(struct simulation *s)
{
	if (s != NULL) {
		spread_free(s->gains);
		free(s->rules_before);
		free(s->rules_after);
		keyed_free(s->codes);
		keyed_free(s->categories);
		ledger_free(s->ledger_before);
		ledger_free(s->ledger_after);
	}
	free(s);
	return NULL;
}
