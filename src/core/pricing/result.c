#include "core/pricing/result.h"
#include "core/pricing/points.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Collects the shares of the chosen solution, in the caller's line numbers. */
struct collector {
	struct recorder recorder;
	const struct problem *p;
	struct result *result;
	int64_t *free_units; /* of each line, by an item offer */
	int error;
};

struct result *
result_new(const struct pricing_rules *rules, size_t lines_count)
{
	struct result *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->line_net = calloc(lines_count + 1, sizeof(*r->line_net));
	r->rules = calloc((size_t)rules->count + 1, sizeof(*r->rules));
	if (r->line_net == NULL || r->rules == NULL)
		return result_free(r);
	for (uint32_t i = 0; i < rules->count; i++) {
		r->rules[i].id = rules->rules[i].id;
		r->rules[i].reason = PRICING_NOT_IN_SCOPE;
	}
	r->shown.line_net_minor = r->line_net;
	r->shown.rules = r->rules;
	r->shown.rules_count = rules->count;
	return r;
}

void
result_reset(struct result *r)
{
	size_t rules_count = r->shown.rules_count;

	for (uint32_t i = 0; i < r->touched_count; i++) {
		struct pricing_rule_result *rule = &r->rules[r->touched[i]];

		*rule = (struct pricing_rule_result){ .id = rule->id,
						      .reason = PRICING_NOT_IN_SCOPE };
	}
	r->touched_count = 0;
	r->shown = (struct pricing_result){ .line_net_minor = r->line_net,
					    .rules = r->rules,
					    .rules_count = rules_count };
}

struct result *
result_free(struct result *r)
{
	if (r != NULL) {
		free(r->line_net);
		free(r->shares);
		free(r->rules);
		free(r->touched);
	}
	free(r);
	return NULL;
}

/* ---- the trace ---- */

static void
on_share(struct recorder *r, uint32_t live, uint32_t line, int64_t qty_milli, int64_t off)
{
	struct collector *c = (struct collector *)r;
	struct result *result = c->result;
	uint32_t rule = c->p->live[live].index;

	for (size_t i = result->shown.shares_count; i-- > 0;) {
		struct pricing_share *s = &result->shares[i];

		if (s->rule != rule)
			break;
		if (s->line_index != c->p->original[line])
			continue;
		s->qty_milli += qty_milli;
		s->discount_minor += off;
		return;
	}
	if (result->shown.shares_count == result->shares_room) {
		size_t room = result->shares_room == 0 ? 16 : 2 * result->shares_room;
		struct pricing_share *grown =
			realloc(result->shares, room * sizeof(*grown));

		if (grown == NULL) {
			c->error = -ENOMEM;
			return;
		}
		result->shares = grown;
		result->shares_room = room;
	}
	result->shares[result->shown.shares_count++] =
		(struct pricing_share){ rule, c->p->original[line], qty_milli, off };
}

static void
on_applied(struct recorder *r, uint32_t live, uint32_t times)
{
	struct collector *c = (struct collector *)r;

	c->result->rules[c->p->live[live].index].applications += times;
}

static void
on_freed(struct recorder *r, uint32_t item, uint32_t units)
{
	struct collector *c = (struct collector *)r;

	c->free_units[c->p->items[item].line] += units;
}

/* Whether a basket rule's spend was reached after item offers. */
static bool
spend_reached(const struct priced *x, const struct live *l, const int64_t *net)
{
	return l->rule->layer != LAYER_BASKET ||
	       layers_spend_ok(l, layers_base(&x->problem, l, net));
}

/*
 * Why a rule that may be used does not apply. Of several forms the one counts that came furthest.
 */
static int
reason_of(const struct priced *x, uint32_t live, const int64_t *net,
	  const struct layers_scratch *scratch, enum pricing_reason *reason)
{
	const struct problem *p = &x->problem;
	const struct live *l = &p->live[live];
	bool first = live == 0 || p->live[live - 1].index != l->index, saves = true;
	int rc = 0;

	if (*reason == PRICING_APPLIED || *reason == PRICING_LIMIT)
		return 0;
	if (first)
		*reason = PRICING_CONDITION;
	if (!spend_reached(x, l, net))
		return 0;
	if (l->rule->layer == LAYER_UNIT)
		rc = layers_saves_alone(p, live, scratch, &saves);
	if (rc < 0)
		return rc;
	if (saves)
		*reason = PRICING_BEATEN;
	else if (*reason == PRICING_CONDITION)
		*reason = PRICING_NO_SAVING;
	return 0;
}

/* The reason of every rule, and what it took off. net: after layers 1 and 2. */
static int
explain(struct priced *x, struct result *result, const int64_t *net)
{
	const struct problem *p = &x->problem;
	struct layers_scratch alone = {
		.takes = arena_array(p->arena, p->items_count + LAYERS_ALONE_TAKES,
				     sizeof(*alone.takes)),
		.off = arena_array(p->arena, p->lines_count, sizeof(*alone.off)),
	};
	int rc = 0;

	if (alone.takes == NULL || alone.off == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->met_count; i++)
		result->rules[p->met[i].rule].reason = p->met[i].reason;
	for (size_t i = 0; i < result->shown.shares_count; i++) {
		struct pricing_rule_result *r = &result->rules[result->shares[i].rule];

		r->reason = PRICING_APPLIED;
		r->discount_minor += result->shares[i].discount_minor;
	}
	for (uint32_t j = 0; rc == 0 && j < p->live_count; j++)
		rc = reason_of(x, j, net, &alone,
			       &result->rules[p->live[j].index].reason);
	return rc;
}

/* The rules that the basket met are those that the result will speak of. */
static int
touch(const struct problem *p, struct result *r)
{
	if (r->touched_room < p->met_count) {
		uint32_t *grown = realloc(r->touched, p->met_count * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		r->touched = grown;
		r->touched_room = p->met_count;
	}
	for (uint32_t i = 0; i < p->met_count; i++)
		r->touched[i] = p->met[i].rule;
	r->touched_count = p->met_count;
	return 0;
}

/* Puts the solution into what the caller gets. */
int
result_write(struct priced *x, struct result *result)
{
	const struct problem *p = &x->problem;
	const struct solution *sol = &x->solution;
	struct collector c = { .recorder = { on_share, on_applied, on_freed },
			       .p = p,
			       .result = result };
	struct plan stacks = sol->plan;
	int64_t *net = arena_array(p->arena, 3 * (size_t)p->lines_count, sizeof(*net)),
		total;
	int64_t *off;
	int rc = touch(p, result);

	if (net == NULL || rc < 0)
		return -ENOMEM;
	off = net + p->lines_count;
	c.free_units = off + p->lines_count;
	rc = layers_unit(p, sol->takes, sol->takes_count, off, &c.recorder, NULL);
	for (uint32_t line = 0; line < p->lines_count; line++) {
		net[line] = p->lines[line]->amount_minor - off[line];
		off[line] = net[line];
	}
	stacks.basket_count = 0;
	if (rc == 0)
		rc = layers_rest(p, &stacks, off, NULL, &total);
	if (rc == 0)
		rc = layers_rest(p, &sol->plan, net, &c.recorder, &total);
	if (rc == 0)
		rc = c.error;
	if (rc == 0)
		rc = explain(x, result, off);
	if (rc == 0)
		rc = points_write(p, x->member, net, c.free_units, result);
	for (uint32_t line = 0; rc == 0 && line < p->lines_count; line++)
		result->line_net[p->original[line]] = net[line];
	result->shown.shares = result->shares;
	if (rc == 0) {
		result->shown.gross_minor = p->gross_minor;
		result->shown.total_minor = total;
		result->shown.saving_minor = p->gross_minor - total;
		result->shown.gap_minor = total - sol->bound_minor;
		result->shown.optimal = total <= sol->bound_minor;
	}
	return rc;
}
