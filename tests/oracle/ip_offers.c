#include "oracle/ip.h"

#include <string.h>

/* Offers on units as columns. A column that saves nothing is not made. */

/* Hangs a column of a rule into its rows: what it saves of each line, and the rule's group. */
static void
hang(struct ip *m, int rule, int column, const int64_t *off)
{
	for (int l = 0; l < m->c->lines_count; l++) {
		if (off[l] == 0)
			continue;
		ip_entry(m, m->category_row[m->c->lines[l].category], column, off[l]);
		if (m->line_row[l] >= 0)
			ip_entry(m, m->line_row[l], column, off[l]);
	}
	if (m->used_row[rule] >= 0)
		ip_entry(m, m->used_row[rule], column, 1);
}

/* units of a part: taken, and so not left to a free rule. */
static void
take(struct ip *m, int column, int part, int units)
{
	ip_entry(m, m->part_row[part], column, units);
	ip_entry(m, m->free_row[part], column, units);
}

/* Percent, amount, price without max_units: k units of a part when others took all but k. */
static void
free_rule(struct ip *m, int rule)
{
	const struct oracle_rule *r = &m->c->rules[rule];

	for (int p = 0; p < m->parts.count; p++) {
		int line = m->parts.at[p].line, all = m->parts.at[p].units;

		for (int k = 1; k <= all && oracle_covers(m->c, r, line); k++) {
			int64_t off[ORACLE_LINES_MAX] = { 0 };
			int column;

			off[line] = oracle_reward_off(&m->parts, r->reward, p, k);
			if (off[line] == 0)
				continue;
			column = ip_column(m, 0, 1, 0);
			ip_entry(m, m->part_row[p], column, k);
			ip_entry(m, m->free_row[p], column, k - all);
			ip_entry(m, m->one_free_row[p], column, 1);
			hang(m, rule, column, off);
		}
	}
}

/* The same for so many units, and the cheapest unit: one column for each number of a part. */
static void
counted_rule(struct ip *m, int rule)
{
	const struct oracle_rule *r = &m->c->rules[rule];
	int most = r->kind == ORACLE_CHEAPEST_UNIT ? 1 : r->max_units;
	int all_row = ip_row(m, 0, most);

	for (int p = 0; p < m->parts.count; p++) {
		int line = m->parts.at[p].line, one_row, cap;

		if (!oracle_covers(m->c, r, line))
			continue;
		one_row = ip_row(m, 0, 1);
		cap = oracle_part_cap(&m->parts, r, p, m->parts.at[p].units);
		for (int k = 1; k <= cap; k++) {
			int64_t off[ORACLE_LINES_MAX] = { 0 };
			int column;

			off[line] = oracle_reward_off(&m->parts, r->reward, p, k);
			if (off[line] == 0)
				continue;
			column = ip_column(m, 0, 1, 0);
			take(m, column, p, k);
			ip_entry(m, one_row, column, 1);
			ip_entry(m, all_row, column, k);
			hang(m, rule, column, off);
		}
	}
}

/* All units of the scope, or none. */
static void
whole_rule(struct ip *m, int rule)
{
	const struct oracle_rule *r = &m->c->rules[rule];
	int64_t off[ORACLE_LINES_MAX] = { 0 };
	struct oracle_take all = { .units = { { 0 } } };
	int column;

	for (int p = 0; p < m->parts.count; p++)
		if (oracle_covers(m->c, r, m->parts.at[p].line))
			all.units[0][p] = m->parts.at[p].units;
	if (oracle_take_off(&m->parts, r, &all, off) <= 0)
		return;
	column = ip_column(m, 0, 1, 0);
	for (int p = 0; p < m->parts.count; p++)
		if (all.units[0][p] > 0)
			take(m, column, p, all.units[0][p]);
	hang(m, rule, column, off);
}

/* ---- groups ---- */

/* The parts of a scope, dearest first, then by line: groups are cut in this order. */
struct order {
	int part[ORACLE_PARTS_MAX], count;
};

static void
order_parts(const struct ip *m, const struct oracle_rule *r, int component,
	    struct order *ret)
{
	ret->count = 0;
	for (int p = 0; p < m->parts.count; p++) {
		int at = ret->count;

		if (!oracle_component_covers(m->c, r, component, m->parts.at[p].line) ||
		    m->parts.at[p].units == 0)
			continue;
		for (; at > 0 &&
		       m->parts.at[ret->part[at - 1]].value < m->parts.at[p].value;
		     at--)
			ret->part[at] = ret->part[at - 1];
		ret->part[at] = p;
		ret->count++;
	}
}

/*
 * Groups of one rule follow each other in the order: a path through it. An arc from place a to
 * place b is a group from a to b (or a step without one); a group of equal units stands at a
 * place that the path visits.
 */
struct groups {
	struct ip *m;
	int rule, size;
	struct order order;
	int node_row[ORACLE_PARTS_MAX], visit_row[ORACLE_PARTS_MAX];
	int uses_row;
	int place[64]; /* of the group that is being made */
};

/* Groups of equal units that fit at a place. */
static int
stays(const struct groups *g, int place)
{
	return g->m->parts.at[g->order.part[place]].units / g->size;
}

static void
add_group(struct groups *g)
{
	int64_t off[ORACLE_LINES_MAX] = { 0 };
	int units[64], column, first = g->place[0], last = g->place[g->size - 1];
	struct ip *m = g->m;

	for (int i = 0; i < g->size; i++)
		units[i] = g->order.part[g->place[i]];
	if (oracle_group_off(&m->parts, &m->c->rules[g->rule], units, g->size, off) <= 0)
		return;
	column = ip_column(m, 0, first == last ? stays(g, first) : 1, 0);
	for (int i = 0, k; i < g->size; i += k) {
		for (k = 1; i + k < g->size && units[i + k] == units[i];)
			k++;
		take(m, column, units[i], k);
	}
	if (g->uses_row >= 0)
		ip_entry(m, g->uses_row, column, 1);
	if (first == last) {
		ip_entry(m, g->visit_row[first], column, 1);
	} else {
		ip_entry(m, g->node_row[first], column, 1);
		ip_entry(m, g->node_row[last], column, -1);
		ip_entry(m, g->visit_row[last], column, -stays(g, last));
	}
	hang(m, g->rule, column, off);
}

static void
enumerate(struct groups *g, int at, int from, int used)
{
	const struct oracle_parts *p = &g->m->parts;

	if (g->m->too_large)
		return;
	if (at == g->size) {
		add_group(g);
		return;
	}
	for (int i = from; i < g->order.count; i++) {
		int now = i == from ? used : 0;

		if (now >= p->at[g->order.part[i]].units)
			continue;
		g->place[at] = i;
		enumerate(g, at + 1, i, now + 1);
	}
}

static void
group_rule(struct ip *m, int rule)
{
	const struct oracle_rule *r = &m->c->rules[rule];
	struct groups g = { .m = m, .rule = rule, .size = oracle_group_size(r) };

	order_parts(m, r, 0, &g.order);
	g.uses_row = r->uses > 0 || r->total > 0 ? ip_row(m, 0, oracle_uses_left(r)) : -1;
	for (int i = 0; i < g.order.count; i++) {
		/* What leaves a place is what comes in; the path starts at 0. */
		g.node_row[i] = i == 0                   ? ip_row(m, 1, 1)
				: i == g.order.count - 1 ? ip_row(m, -1, -1)
							 : ip_row(m, 0, 0);
		g.visit_row[i] = ip_row(m, -IP_FREE, i == 0 ? stays(&g, 0) : 0);
	}
	for (int i = 0; i + 1 < g.order.count; i++) {
		int step = ip_column(m, 0, 1, 0);

		ip_entry(m, g.node_row[i], step, 1);
		ip_entry(m, g.node_row[i + 1], step, -1);
		ip_entry(m, g.visit_row[i + 1], step, -stays(&g, i + 1));
	}
	if (g.order.count == 1)
		m->rows[g.node_row[0]] = (struct ip_bounds){ 0, 0, 0 };
	enumerate(&g, 0, 0, 0);
}

/* ---- bundles, whose price or amount any pairing of their units gives alike ---- */

struct bundles {
	struct ip *m;
	int rule, uses_row;
	struct order order[ORACLE_COMPONENTS_MAX];
	int part[ORACLE_COMPONENTS_MAX];
};

static void
add_bundle(struct bundles *b)
{
	struct ip *m = b->m;
	const struct oracle_rule *r = &m->c->rules[b->rule];
	int64_t off[ORACLE_LINES_MAX] = { 0 };
	int units[ORACLE_COMPONENTS_MAX], column;

	memcpy(units, b->part, sizeof(units));
	for (int i = 1; i < r->components_count; i++)
		for (int k = i;
		     k > 0 &&
		     (m->parts.at[units[k - 1]].value < m->parts.at[units[k]].value ||
		      (m->parts.at[units[k - 1]].value == m->parts.at[units[k]].value &&
		       units[k - 1] > units[k]));
		     k--) {
			int swap = units[k];

			units[k] = units[k - 1];
			units[k - 1] = swap;
		}
	if (oracle_group_off(&m->parts, r, units, r->components_count, off) <= 0)
		return;
	column = ip_column(m, 0, 100, 0);
	for (int i = 0; i < r->components_count; i++)
		take(m, column, units[i], 1);
	if (b->uses_row >= 0)
		ip_entry(m, b->uses_row, column, 1);
	hang(m, b->rule, column, off);
}

static void
choose(struct bundles *b, int component)
{
	if (component == b->m->c->rules[b->rule].components_count) {
		add_bundle(b);
		return;
	}
	for (int i = 0; i < b->order[component].count; i++) {
		b->part[component] = b->order[component].part[i];
		choose(b, component + 1);
	}
}

static void
bundle_rule(struct ip *m, int rule)
{
	const struct oracle_rule *r = &m->c->rules[rule];
	struct bundles b = { .m = m, .rule = rule };

	b.uses_row = r->uses > 0 || r->total > 0 ? ip_row(m, 0, oracle_uses_left(r)) : -1;
	for (int k = 0; k < r->components_count; k++)
		order_parts(m, r, k, &b.order[k]);
	choose(&b, 0);
}

/* ---- sets and firsts ---- */

/* One unit each of different codes: the entry's percentage of the set's value, rounded once. */
static void
distinct_rule(struct ip *m, int rule)
{
	const struct oracle_rule *r = &m->c->rules[rule];
	static const int64_t nothing[ORACLE_LINES_MAX] = { 0 };
	int64_t big = 20 * m->gross + 40;
	int category = 0; /* all lines of the rule are of one */
	int size_low = ip_row(m, 0, IP_FREE), size_high = ip_row(m, -IP_FREE, 0);
	int one = ip_row(m, 0, 1), saving = ip_column(m, 0, m->gross, 0);
	int zero = ip_row(m, -IP_FREE, 0), under[ORACLE_TIERS_MAX],
	    over[ORACLE_TIERS_MAX];
	int code_row[64], entry[ORACLE_TIERS_MAX];

	ip_entry(m, zero, saving, 1);
	for (int e = 0; e < r->tiers_count; e++) {
		int64_t next = e + 1 < r->tiers_count ? r->tiers[e + 1].from - 1
						      : m->c->lines_count;

		entry[e] = ip_column(m, 0, 1, 0);
		ip_entry(m, one, entry[e], 1);
		ip_entry(m, size_low, entry[e], -r->tiers[e].from);
		ip_entry(m, size_high, entry[e], -next);
		ip_entry(m, zero, entry[e], -m->gross);
		/* 20 x saving is within 20ths of percent x value, half up. */
		under[e] = ip_row(m, -IP_FREE, 10 + big);
		over[e] = ip_row(m, -9 - big, IP_FREE);
		ip_entry(m, under[e], saving, 20);
		ip_entry(m, over[e], saving, 20);
		ip_entry(m, under[e], entry[e], big);
		ip_entry(m, over[e], entry[e], -big);
		hang(m, rule, entry[e], nothing);
	}
	for (int k = 0; k < 64; k++)
		code_row[k] = -1;
	for (int p = 0; p < m->parts.count; p++) {
		const struct oracle_line *l = &m->c->lines[m->parts.at[p].line];
		int column;

		if (m->parts.at[p].units == 0 ||
		    !oracle_covers(m->c, r, m->parts.at[p].line))
			continue;
		category = l->category;
		column = ip_column(m, 0, 1, 0);
		take(m, column, p, 1);
		ip_entry(m, size_low, column, 1);
		ip_entry(m, size_high, column, 1);
		if (code_row[l->code] < 0)
			code_row[l->code] = ip_row(m, 0, 1);
		ip_entry(m, code_row[l->code], column, 1);
		for (int e = 0; e < r->tiers_count; e++) {
			int64_t k = r->tiers[e].value / 500 * m->parts.at[p].value;

			ip_entry(m, under[e], column, -k);
			ip_entry(m, over[e], column, -k);
		}
	}
	ip_entry(m, m->category_row[category], saving, 1);
}

struct firsts {
	struct ip *m;
	int rule, all_row, first_row, some_row;
	struct order order;
	int next_row
		[ORACLE_PARTS_MAX]; /* of a place: runs need a first at or before it */
};

static void
add_firsts(struct firsts *f, int at)
{
	struct ip *m = f->m;
	const struct oracle_rule *r = &m->c->rules[f->rule];
	int part = f->order.part[at], line = m->parts.at[part].line, column;
	int64_t off[ORACLE_LINES_MAX] = { 0 };

	off[line] = oracle_reward_off(&m->parts, r->first, part, 1);
	column = ip_column(m, 0, 1, 0);
	take(m, column, part, 1);
	ip_entry(m, f->first_row, column, 1);
	ip_entry(m, f->all_row, column, 1);
	if (off[line] == 0)
		ip_entry(m, f->some_row, column, -1);
	for (int i = at; i < f->order.count; i++)
		ip_entry(m, f->next_row[i], column, -1);
	hang(m, f->rule, column, off);
}

static void
add_nexts(struct firsts *f, int at)
{
	struct ip *m = f->m;
	const struct oracle_rule *r = &m->c->rules[f->rule];
	int part = f->order.part[at], line = m->parts.at[part].line;

	for (int k = 1; k <= m->parts.at[part].units; k++) {
		int64_t off[ORACLE_LINES_MAX] = { 0 };
		int column;

		off[line] = oracle_reward_off(&m->parts, r->reward, part, k);
		if (off[line] == 0)
			continue;
		column = ip_column(m, 0, 1, 0);
		take(m, column, part, k);
		ip_entry(m, f->all_row, column, k);
		ip_entry(m, f->some_row, column, 1);
		ip_entry(m, f->next_row[at], column, 1);
		hang(m, f->rule, column, off);
	}
}

static void
first_next_rule(struct ip *m, int rule)
{
	const struct oracle_rule *r = &m->c->rules[rule];
	struct firsts f = { .m = m, .rule = rule };

	order_parts(m, r, 0, &f.order);
	f.all_row = ip_row(m, 0, r->max_units > 0 ? r->max_units : IP_FREE);
	f.first_row = ip_row(m, 0, 1);
	f.some_row = ip_row(m, 0, IP_FREE);
	for (int i = 0; i < f.order.count; i++)
		f.next_row[i] = ip_row(m, -IP_FREE, 0);
	for (int i = 0; i < f.order.count; i++) {
		add_firsts(&f, i);
		add_nexts(&f, i);
	}
}

void
ip_add_offers(struct ip *m)
{
	for (int i = 0; i < m->c->rules_count; i++) {
		const struct oracle_rule *r = &m->c->rules[i];

		if (!m->allowed[i] || oracle_is_upper(r))
			continue;
		if (oracle_is_free(r))
			free_rule(m, i);
		else if (oracle_is_whole(r))
			whole_rule(m, i);
		else if (oracle_group_size(r) > 0)
			group_rule(m, i);
		else if (r->kind == ORACLE_BUNDLE)
			bundle_rule(m, i);
		else if (r->kind == ORACLE_DISTINCT)
			distinct_rule(m, i);
		else if (r->kind == ORACLE_FIRST_NEXT)
			first_next_rule(m, i);
		else
			counted_rule(m, i);
	}
}
