#include "core/pricing/problem.h"
#include "core/pricing/index.h"
#include "core/pricing/portion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A rule meeting a line, as the index finds them. */
struct meeting {
	uint32_t rule, line;
};

struct meetings {
	struct meeting *at;
	uint32_t count, room;
	uint32_t *last_line; /* of each rule: the last line it met, plus one */
};

struct who {
	const struct pricing_member *member;
	const struct pricing_basket *basket;
	const struct timepoint *at;
	struct civil civil;
};

static int
line_order(const void *a, const void *b)
{
	const struct pricing_line *const *x = a, *const *y = b;

	return (*x)->line < (*y)->line ? -1 : (*x)->line > (*y)->line;
}

static bool
line_measured(const struct pricing_line *line)
{
	return line->weighed || line->qty_milli % 1000 != 0;
}

static int
check_line(const struct pricing_line *line)
{
	if (line->qty_milli <= 0 || line->amount_minor < 0 || line->floor_minor < 0 ||
	    line->unit_price_minor < 0 || line->unit_price_minor > MONEY_MINOR_MAX ||
	    line->qty_milli > INT64_C(1000) * PROBLEM_UNITS_MAX)
		return -EINVAL;
	return line->amount_minor > PROBLEM_GROSS_MAX ? -ERANGE : 0;
}

static int
sort_lines(struct problem *p, const struct pricing_basket *basket)
{
	uint32_t n = (uint32_t)basket->lines_count;
	int rc;

	p->lines = arena_array(p->arena, n, sizeof(struct pricing_line *));
	p->original = arena_array(p->arena, n, sizeof(*p->original));
	p->floors = arena_array(p->arena, n, sizeof(*p->floors));
	p->line_items = arena_array(p->arena, n + 1, sizeof(*p->line_items));
	if (p->lines == NULL || p->original == NULL || p->floors == NULL ||
	    p->line_items == NULL)
		return -ENOMEM;
	p->lines_count = n;
	for (uint32_t i = 0; i < n; i++) {
		rc = check_line(&basket->lines[i]);
		if (rc < 0)
			return rc;
		p->lines[i] = &basket->lines[i];
		p->gross_minor += basket->lines[i].amount_minor;
	}
	qsort(p->lines, n, sizeof(struct pricing_line *), line_order);
	for (uint32_t i = 0; i < n; i++) {
		const struct pricing_line *line = p->lines[i];

		if (i > 0 && p->lines[i - 1]->line == line->line)
			return -EINVAL;
		p->original[i] = (uint32_t)(line - basket->lines);
		p->floors[i] = line->floor_minor < line->amount_minor
				       ? line->floor_minor
				       : line->amount_minor;
	}
	return p->gross_minor > PROBLEM_GROSS_MAX ? -ERANGE : 0;
}

static void
add_item(struct problem *p, uint32_t line, uint32_t units, int64_t value, int64_t floor)
{
	p->items[p->items_count++] = (struct item){
		.line = line,
		.units = units,
		.measured = line_measured(p->lines[line]),
		.value = value,
		.room = value > floor ? value - floor : 0,
		.qty_milli = p->lines[line]->qty_milli,
	};
	p->units_total += units;
}

static int
make_items(struct problem *p)
{
	p->items = arena_array(p->arena, 2 * (size_t)p->lines_count, sizeof(*p->items));
	if (p->items == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->lines_count; i++) {
		const struct pricing_line *line = p->lines[i];
		uint32_t units = 1, dearer;
		int64_t floor;

		if (!line_measured(line))
			units = (uint32_t)(line->qty_milli / 1000);
		floor = (p->floors[i] + units - 1) / units;
		dearer = (uint32_t)(line->amount_minor % units);
		p->line_items[i] = p->items_count;
		if (dearer > 0)
			add_item(p, i, dearer, line->amount_minor / units + 1, floor);
		add_item(p, i, units - dearer, line->amount_minor / units, floor);
	}
	p->line_items[p->lines_count] = p->items_count;
	return 0;
}

static bool
among(struct strs list, struct str s)
{
	for (uint32_t i = 0; i < list.count; i++)
		if (str_eq(list.at[i], s))
			return true;
	return false;
}

/* Whether category is one of the list's or lies below one of them. */
static bool
below(struct strs list, struct str category)
{
	for (uint32_t i = 0; i < list.count; i++) {
		struct str top = list.at[i];

		if (category.n >= top.n && memcmp(category.p, top.p, top.n) == 0 &&
		    (category.n == top.n || category.p[top.n] == '/'))
			return true;
	}
	return false;
}

/* The part of a scope that the index does not know. */
static bool
in_scope(const struct rule *rule, const struct pricing_line *line)
{
	const struct scope *s = &rule->scope;

	if (line->unit_price_minor < s->price_min ||
	    line->unit_price_minor > s->price_max ||
	    (s->exclude_reduced && line->reduced))
		return false;
	if ((rule->kind == KIND_N_FOR_PRICE || rule->kind == KIND_BUY_GET ||
	     rule->kind == KIND_BUY_GET_CHEAPEST) &&
	    line_measured(line))
		return false;
	return !among(s->not_sku, line->code) && !among(s->not_brand, line->brand) &&
	       !below(s->not_category, line->category);
}

static int
meet(struct problem *p, struct meetings *m, const uint32_t *rules, uint32_t count,
     uint32_t line)
{
	for (uint32_t i = 0; i < count; i++) {
		struct meeting *grown;

		if (m->last_line[rules[i]] == line + 1 ||
		    !in_scope(&p->rules->rules[rules[i]], p->lines[line]))
			continue;
		m->last_line[rules[i]] = line + 1;
		if (m->count == m->room) {
			m->room = m->room == 0 ? 256 : 2 * m->room;
			grown = arena_array(p->arena, m->room, sizeof(*grown));
			if (grown == NULL)
				return -ENOMEM;
			if (m->count > 0)
				memcpy(grown, m->at, m->count * sizeof(*grown));
			m->at = grown;
		}
		m->at[m->count++] = (struct meeting){ rules[i], line };
	}
	return 0;
}

static int
meet_line(struct problem *p, struct meetings *m, uint32_t line)
{
	const struct index *x = &p->rules->index;
	const struct pricing_line *l = p->lines[line];
	const uint32_t *found;
	uint32_t n;
	int rc;

	if (l->excluded)
		return 0;
	rc = meet(p, m, x->all, x->all_count, line);
	found = index_find(x, INDEX_SKU, l->code, &n);
	if (rc == 0)
		rc = meet(p, m, found, n, line);
	found = index_find(x, INDEX_BRAND, l->brand, &n);
	if (rc == 0)
		rc = meet(p, m, found, n, line);
	for (size_t end = 1; rc == 0 && end <= l->category.n; end++) {
		if (end < l->category.n && l->category.p[end] != '/')
			continue;
		found = index_find(x, INDEX_CATEGORY, (struct str){ l->category.p, end },
				   &n);
		rc = meet(p, m, found, n, line);
	}
	return rc;
}

static bool
time_fits(const struct rule *r, const struct who *who)
{
	int64_t utc = who->at->wall_ms;
	int64_t local = utc + (int64_t)who->at->local_offset_s * 1000;
	int minute = who->civil.hour * 60 + who->civil.minute;
	bool fits = r->hours_count == 0;

	if ((r->has_from && (r->from_zoned ? utc : local) < r->from_ms) ||
	    (r->has_to && (r->to_zoned ? utc : local) >= r->to_ms))
		return false;
	if (r->days != 0 && (r->days & 1u << who->civil.weekday) == 0)
		return false;
	for (uint32_t i = 0; i < r->hours_count; i++) {
		struct span s = r->hours[i];

		if (s.from_min < s.to_min)
			fits |= minute >= s.from_min && minute < s.to_min;
		else
			fits |= minute >= s.from_min || minute < s.to_min;
	}
	return fits;
}

static bool
any_of(const struct str *list, size_t count, struct strs wanted)
{
	for (size_t i = 0; i < count; i++)
		if (among(wanted, list[i]))
			return true;
	return false;
}

static enum pricing_reason
who_fits(const struct rule *r, const struct who *who)
{
	const struct pricing_member *m = who->member;

	if ((r->stores.count > 0 && !among(r->stores, who->basket->store)) ||
	    (r->lanes.count > 0 && !among(r->lanes, who->basket->lane)))
		return PRICING_PLACE;
	if (!time_fits(r, who))
		return PRICING_TIME;
	if ((r->member || r->groups.count > 0 || r->first_purchase) && !m->known)
		return PRICING_NOT_MEMBER;
	if (r->first_purchase && !m->first_purchase)
		return PRICING_NOT_GROUP;
	if (r->groups.count > 0 && !any_of(m->groups, m->groups_count, r->groups))
		return PRICING_NOT_GROUP;
	if (r->coupon.n > 0 &&
	    !any_of(m->coupons, m->coupons_count, (struct strs){ &r->coupon, 1 }))
		return PRICING_NO_COUPON;
	return PRICING_APPLIED;
}

/* How often a rule may still be used in this basket. */
static int64_t
uses_left(const struct rule *r, const struct pricing_member *m)
{
	const struct pricing_use none = { 0 }, *use = &none;
	int64_t left = r->per_basket > 0 ? r->per_basket : INT64_MAX;

	for (size_t i = 0; i < m->uses_count; i++)
		if (str_eq(m->uses[i].rule, r->id))
			use = &m->uses[i];
	if (r->per_member > 0 && r->per_member - use->member_used < left)
		left = r->per_member - use->member_used;
	if (r->per_day > 0 && r->per_day - use->member_day_used < left)
		left = r->per_day - use->member_day_used;
	if (r->total > 0 && r->total - use->total_used < left)
		left = r->total - use->total_used;
	return left;
}

/* Units that a rule's own condition or one group of it asks for. */
static int64_t
units_asked(const struct rule *r)
{
	int64_t asked = 0;

	if (r->kind == KIND_N_FOR_PRICE)
		asked = r->units;
	else if (r->kind == KIND_BUY_GET || r->kind == KIND_BUY_GET_CHEAPEST)
		asked = r->buy + r->get;
	return r->min_units > asked ? r->min_units : asked;
}

/*
 * Units and spend in scope, before any offer. What a spend counted after item offers asks for
 * must be there before them all the same.
 */
static bool
conditions_fit(struct problem *p, const struct live *l)
{
	const struct rule *r = l->rule;
	int64_t units = 0, spend = 0;
	bool spent;

	for (uint32_t i = 0; i < l->items_count; i++) {
		const struct item *item = &p->items[l->items[i]];

		units += item->units;
		spend += item->value * item->units;
	}
	spent = spend >= r->min_spend_minor &&
		(r->over_spend_minor == 0 || spend > r->over_spend_minor);
	if (spent && units + 1 == units_asked(r) && p->missed_count < MISSED_MAX)
		p->missed[p->missed_count++] =
			(struct missed){ l->index,
					 p->items[l->items[l->items_count - 1]].line };
	return spent && units >= units_asked(r);
}

/* Takes units from the end: the cheapest, and of equals those of the later line. */
static int
cap_to_cheapest(struct problem *p, struct live *l)
{
	int64_t left = l->rule->max_units;

	l->caps = arena_array(p->arena, l->items_count, sizeof(*l->caps));
	if (l->caps == NULL)
		return -ENOMEM;
	for (uint32_t i = l->items_count; i-- > 0;) {
		uint32_t units = p->items[l->items[i]].units;

		l->caps[i] = left < units ? (uint32_t)left : units;
		left -= l->caps[i];
	}
	return 0;
}

static int
finish_live(struct problem *p, struct live *l, int64_t left)
{
	const struct rule *r = l->rule;
	int64_t group = 0, cap = UINT32_MAX;

	if (r->kind == KIND_N_FOR_PRICE)
		group = r->units;
	else if (r->kind == KIND_BUY_GET || r->kind == KIND_BUY_GET_CHEAPEST)
		group = r->buy + r->get;
	if (group > 0 && left < UINT32_MAX / group)
		cap = left * group;
	if (group == 0 && r->max_units > 0)
		cap = r->max_units;
	l->units_cap = (uint32_t)cap;
	l->coupled = r->layer == LAYER_UNIT && (group > 0 || r->max_units > 0);
	return r->cheapest_first ? cap_to_cheapest(p, l) : 0;
}

/* Dearest first, as every search and every sharing wants them. */
static void
sort_items(const struct problem *p, uint32_t *items, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		uint32_t item = items[i], j = i;

		while (j > 0 && (p->items[items[j - 1]].value < p->items[item].value ||
				 (p->items[items[j - 1]].value == p->items[item].value &&
				  items[j - 1] > item))) {
			items[j] = items[j - 1];
			j--;
		}
		items[j] = item;
	}
}

static int
collect_items(struct problem *p, struct live *l, const struct meeting *met,
	      uint32_t count)
{
	l->items = arena_array(p->arena, 2 * (size_t)count, sizeof(*l->items));
	if (l->items == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t k = p->line_items[met[i].line];
		     k < p->line_items[met[i].line + 1]; k++)
			l->items[l->items_count++] = k;
	sort_items(p, l->items, l->items_count);
	return 0;
}

/* One rule that met count lines: live, or the reason why not. */
static int
judge(struct problem *p, const struct meeting *met, uint32_t count, const struct who *who)
{
	struct live l = { .index = met->rule, .rule = &p->rules->rules[met->rule] };
	enum pricing_reason reason = who_fits(l.rule, who);
	int64_t left = uses_left(l.rule, who->member);
	int rc;

	if (reason == PRICING_APPLIED && left <= 0)
		reason = PRICING_LIMIT;
	p->reasons[met->rule] = (uint8_t)reason;
	if (reason != PRICING_APPLIED)
		return 0;
	rc = collect_items(p, &l, met, count);
	if (rc < 0)
		return rc;
	p->reasons[met->rule] = PRICING_CONDITION;
	if (!conditions_fit(p, &l))
		return 0;
	p->reasons[met->rule] = PRICING_BEATEN;
	rc = finish_live(p, &l, left);
	if (rc == 0)
		p->live[p->live_count++] = l;
	return rc;
}

/* By rule; within a rule they stay in the order of the lines. *first[i]: of rule i. */
static struct meeting *
sort_meetings(struct problem *p, const struct meetings *m, uint32_t *first)
{
	struct meeting *sorted = arena_array(p->arena, m->count, sizeof(*sorted));

	if (sorted == NULL)
		return NULL;
	for (uint32_t i = 0; i < m->count; i++)
		first[m->at[i].rule + 1]++;
	for (uint32_t i = 0; i < p->rules->count; i++)
		first[i + 1] += first[i];
	for (uint32_t i = 0; i < m->count; i++)
		sorted[first[m->at[i].rule]++] = m->at[i];
	for (uint32_t i = p->rules->count; i > 0; i--)
		first[i] = first[i - 1];
	first[0] = 0;
	return sorted;
}

static int
find_live(struct problem *p, const struct who *who)
{
	struct meetings m = { 0 };
	struct meeting *sorted;
	uint32_t *first, rules = 0, n = p->rules->count;
	int rc = 0;

	m.last_line = arena_array(p->arena, n, sizeof(*m.last_line));
	first = arena_array(p->arena, (size_t)n + 1, sizeof(*first));
	p->reasons = arena_alloc(p->arena, n);
	p->missed = arena_array(p->arena, MISSED_MAX, sizeof(*p->missed));
	if (m.last_line == NULL || first == NULL || p->reasons == NULL ||
	    p->missed == NULL)
		return -ENOMEM;
	memset(p->reasons, PRICING_NOT_IN_SCOPE, n);
	for (uint32_t i = 0; rc == 0 && i < p->lines_count; i++)
		rc = meet_line(p, &m, i);
	if (rc < 0 || m.count == 0)
		return rc;
	sorted = sort_meetings(p, &m, first);
	for (uint32_t i = 0; i < n; i++)
		rules += first[i + 1] > first[i];
	p->live = arena_array(p->arena, rules, sizeof(*p->live));
	if (sorted == NULL || p->live == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; rc == 0 && i < n; i++)
		if (first[i + 1] > first[i])
			rc = judge(p, sorted + first[i], first[i + 1] - first[i], who);
	return rc;
}

int
problem_build(const struct pricing_rules *rules, const struct pricing_basket *basket,
	      const struct pricing_member *member, const struct timepoint *at,
	      struct problem *p)
{
	struct who who = { .member = member, .basket = basket, .at = at };
	int rc;

	if (basket->lines_count > PRICING_LINES_MAX)
		return -EINVAL;
	p->rules = rules;
	who.civil = civil_of(at->wall_ms, at->local_offset_s);
	rc = sort_lines(p, basket);
	if (rc == 0)
		rc = make_items(p);
	if (rc == 0)
		rc = find_live(p, &who);
	return rc;
}
