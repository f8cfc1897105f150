#include "core/pricing/problem.h"
#include "core/pricing/live.h"
#include "core/pricing/portion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
problem_check_line(const struct pricing_line *line)
{
	if (line->qty_milli <= 0 || line->amount_minor < 0 || line->floor_minor < 0 ||
	    line->unit_price_minor < 0 || line->unit_price_minor > MONEY_MINOR_MAX ||
	    line->qty_milli > INT64_C(1000) * PROBLEM_UNITS_MAX)
		return -EINVAL;
	return line->amount_minor > PROBLEM_GROSS_MAX ? -ERANGE : 0;
}

/* The lines in the order in which everything is decided, checked as a whole. */
static int
take_lines(struct problem *p, const struct matched *lines, uint32_t n)
{
	p->lines = arena_array(p->arena, n, sizeof(struct pricing_line *));
	p->original = arena_array(p->arena, n, sizeof(*p->original));
	p->versions = arena_array(p->arena, n, sizeof(*p->versions));
	p->floors = arena_array(p->arena, n, sizeof(*p->floors));
	p->line_items = arena_array(p->arena, (size_t)n + 1, sizeof(*p->line_items));
	if (p->lines == NULL || p->original == NULL || p->versions == NULL ||
	    p->floors == NULL || p->line_items == NULL)
		return -ENOMEM;
	p->lines_count = n;
	for (uint32_t i = 0; i < n; i++) {
		const struct pricing_line *line = lines[i].line;

		p->lines[i] = line;
		p->original[i] = lines[i].original;
		p->versions[i] = lines[i].version;
		p->floors[i] = line->floor_minor < line->amount_minor
				       ? line->floor_minor
				       : line->amount_minor;
		p->gross_minor += line->amount_minor;
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
collect_items(struct problem *p, struct live *l, const struct met *met)
{
	l->items = arena_array(p->arena, 2 * (size_t)met->lines_count, sizeof(*l->items));
	if (l->items == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < met->lines_count; i++)
		for (uint32_t k = p->line_items[met->lines[i]];
		     k < p->line_items[met->lines[i] + 1]; k++)
			l->items[l->items_count++] = k;
	sort_items(p, l->items, l->items_count);
	return 0;
}

/* A rule or one form of it: live when its conditions are met. */
static int
judge_form(struct problem *p, struct met *met, struct live *l, int64_t left)
{
	int rc;

	if (!live_conditions(p, l))
		return 0;
	met->reason = PRICING_BEATEN;
	rc = live_finish(p, l, left);
	if (rc < 0)
		return rc;
	if (l->rule->layer == LAYER_POINTS)
		p->points[p->points_count++] = *l;
	else
		p->live[p->live_count++] = *l;
	return 0;
}

/* One rule that the basket met: live, or the reason why not. */
static int
judge(struct problem *p, struct met *met, const struct who *who)
{
	const struct rule *rule = &p->rules->rules[met->rule];
	struct live l = { .index = met->rule, .rule = rule, .budget_left = INT64_MAX };
	int64_t left = INT64_MAX;
	int rc;

	met->reason = PRICING_APPLIED;
	if ((p->rules->index.easy[met->rule] & EASY_WHO) == 0) {
		left = who_uses_left(rule, who);
		met->reason = who_fits(rule, who);
		if (met->reason == PRICING_APPLIED && left <= 0)
			met->reason = PRICING_LIMIT;
		l.budget_left = who_budget_left(rule, who);
	}
	if (met->reason != PRICING_APPLIED)
		return 0;
	rc = collect_items(p, &l, met);
	if (rc < 0)
		return rc;
	met->reason = PRICING_CONDITION;
	if (rule->variants_count == 0)
		return judge_form(p, met, &l, left);
	for (uint32_t i = 0; rc == 0 && i < rule->variants_count; i++) {
		l.rule = &rule->variants[i];
		l.variant = i;
		rc = judge_form(p, met, &l, left);
	}
	return rc;
}

/* Sorts what the lines met by rule; within a rule they stay in their order. 0 or -ENOMEM. */
static int
sort_meetings(struct problem *p, const struct matched *lines, struct marks *marks)
{
	uint32_t total = 0, word = 0, rule, *at;

	for (uint32_t i = 0; i < p->lines_count; i++)
		total += lines[i].rules_count;
	at = arena_array(p->arena, total, sizeof(*at));
	p->met = arena_array(p->arena, total, sizeof(*p->met));
	if (at == NULL || p->met == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->lines_count; i++)
		for (uint32_t k = 0; k < lines[i].rules_count; k++) {
			marks->lines[lines[i].rules[k]]++;
			marks_set(marks, lines[i].rules[k]);
		}
	while (marks_take(marks, &word, &rule)) {
		p->met[p->met_count] = (struct met){ .rule = rule, .lines = at };
		at += marks->lines[rule];
		marks->lines[rule] = p->met_count++;
	}
	for (uint32_t i = 0; i < p->lines_count; i++)
		for (uint32_t k = 0; k < lines[i].rules_count; k++) {
			struct met *met = &p->met[marks->lines[lines[i].rules[k]]];

			met->lines[met->lines_count++] = i;
		}
	for (uint32_t i = 0; i < p->met_count; i++)
		marks->lines[p->met[i].rule] = 0;
	return 0;
}

static int
find_live(struct problem *p, const struct who *who)
{
	uint32_t live = 0, points = 0;
	int rc = 0;

	for (uint32_t i = 0; i < p->met_count; i++) {
		const struct rule *r = &p->rules->rules[p->met[i].rule];

		points += r->layer == LAYER_POINTS;
		live += r->variants_count > 0 ? r->variants_count : 1;
	}
	p->missed = arena_array(p->arena, MISSED_MAX, sizeof(*p->missed));
	p->live = arena_array(p->arena, live, sizeof(*p->live));
	p->points = arena_array(p->arena, points, sizeof(*p->points));
	if (p->missed == NULL || p->live == NULL || p->points == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; rc == 0 && i < p->met_count; i++)
		rc = judge(p, &p->met[i], who);
	return rc;
}

int
problem_build(struct problem *p, const struct matched *lines, uint32_t count,
	      const struct who *who, struct marks *marks)
{
	int rc = take_lines(p, lines, count);

	if (rc == 0)
		rc = make_items(p);
	if (rc == 0)
		rc = sort_meetings(p, lines, marks);
	if (rc == 0)
		rc = find_live(p, who);
	return rc;
}

static int
line_order(const void *a, const void *b)
{
	const struct matched *x = a, *y = b;

	return x->line->line < y->line->line ? -1 : x->line->line > y->line->line;
}

/* The rules of one line, kept. */
static int
match_line(struct matched *m, const struct pricing_rules *rules, struct marks *marks,
	   struct arena *arena)
{
	uint32_t n = meeting_find(rules, m->line, marks);
	uint32_t *kept = arena_array(arena, n, sizeof(*kept));

	if (kept == NULL)
		return -ENOMEM;
	if (n > 0)
		memcpy(kept, marks->found, n * sizeof(*kept));
	m->rules = kept;
	m->rules_count = n;
	return 0;
}

int
problem_match(const struct pricing_rules *rules, const struct pricing_basket *basket,
	      struct marks *marks, struct arena *arena, struct matched **ret_lines)
{
	uint32_t n = (uint32_t)basket->lines_count;
	struct matched *m;
	bool sorted = true;
	int rc = 0;

	if (basket->lines_count > PRICING_LINES_MAX)
		return -EINVAL;
	m = arena_array(arena, n, sizeof(*m));
	if (m == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		m[i] = (struct matched){ .line = &basket->lines[i], .original = i };
		sorted = sorted && (i == 0 || m[i - 1].line->line < m[i].line->line);
		rc = problem_check_line(m[i].line);
	}
	if (rc == 0 && !sorted)
		qsort(m, n, sizeof(*m), line_order);
	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		if (i > 0 && m[i - 1].line->line == m[i].line->line)
			return -EINVAL;
		m[i].version = VERSION_OF(i);
		rc = match_line(&m[i], rules, marks, arena);
	}
	if (rc == 0)
		*ret_lines = m;
	return rc;
}
