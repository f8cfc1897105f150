#include "oracle/value.h"

#include <string.h>

/* The lowest price by trying everything: which units which rule takes, and which rules apply. */
#define TRIES_MAX 200000
#define GROUPS_MAX 16

struct trial {
	const struct oracle_case *c;
	struct oracle_parts parts;
	bool allowed[ORACLE_GROUPED_RULES];
	int owner[GROUPS_MAX]; /* 1 + the rule of a group that is in use */
	int left[ORACLE_PARTS_MAX];
	int64_t off[ORACLE_LINES_MAX];    /* layer 1 */
	int choice[ORACLE_GROUPED_RULES]; /* of rules of layers 2 and 3 */
	struct oracle_take take;          /* of the rule that is being filled */
	int64_t gross, best;
	long tries;
};

static void
judge(struct trial *t)
{
	int64_t net[ORACLE_LINES_MAX], total = 0;

	t->tries++;
	for (int l = 0; l < t->c->lines_count; l++)
		net[l] = t->c->lines[l].amount - t->off[l];
	if (!oracle_upper_off(&t->parts, t->choice, net))
		return;
	for (int l = 0; l < t->c->lines_count; l++)
		total += net[l];
	t->best = total < t->best ? total : t->best;
}

/* Enters a rule into its group; false when another one is in. *ret_was: to put back. */
static bool
enter(struct trial *t, int rule, int *ret_was)
{
	int group = t->c->rules[rule].group;

	*ret_was = t->owner[group];
	if (group > 0 && *ret_was != 0 && *ret_was != rule + 1)
		return false;
	t->owner[group] = group > 0 ? rule + 1 : 0;
	return true;
}

static void
leave(struct trial *t, int rule, int was)
{
	t->owner[t->c->rules[rule].group] = was;
}

static void
try_upper(struct trial *t, int rule)
{
	const struct oracle_rule *r = &t->c->rules[rule];
	int was;

	if (t->tries > TRIES_MAX)
		return;
	if (rule == t->c->rules_count) {
		judge(t);
		return;
	}
	try_upper(t, rule + 1);
	if (!t->allowed[rule] || !oracle_is_upper(r) || !enter(t, rule, &was))
		return;
	for (int k = oracle_choices(r); k > 0; k--) {
		t->choice[rule] = k;
		try_upper(t, rule + 1);
	}
	t->choice[rule] = 0;
	leave(t, rule, was);
}

/* Rules that take, of a part, all units that nobody took. */
static void
try_free(struct trial *t, int part)
{
	const struct oracle_part *at = &t->parts.at[part];

	if (part == t->parts.count) {
		try_upper(t, 0);
		return;
	}
	try_free(t, part + 1);
	for (int i = 0; i < t->c->rules_count && t->left[part] > 0; i++) {
		const struct oracle_rule *r = &t->c->rules[i];
		int64_t off;
		int was;

		if (!t->allowed[i] || !oracle_is_free(r) ||
		    !oracle_covers(t->c, r, at->line))
			continue;
		off = oracle_reward_off(&t->parts, r->reward, part, t->left[part]);
		if (off == 0 || !enter(t, i, &was))
			continue;
		t->off[at->line] += off;
		try_free(t, part + 1);
		t->off[at->line] -= off;
		leave(t, i, was);
	}
}

static void try_rule(struct trial *t, int rule);

/* The present take of a rule is whole: goes on with the next rule, when it is allowed. */
static void
taken(struct trial *t, int rule)
{
	int64_t off[ORACLE_LINES_MAX] = { 0 };
	struct oracle_take take = t->take;
	int was;

	t->tries++;
	if (oracle_take_off(&t->parts, &t->c->rules[rule], &take, off) < 0 ||
	    !enter(t, rule, &was))
		return;
	for (int l = 0; l < t->c->lines_count; l++)
		t->off[l] += off[l];
	memset(&t->take, 0, sizeof(t->take));
	try_rule(t, rule + 1);
	t->take = take;
	for (int l = 0; l < t->c->lines_count; l++)
		t->off[l] -= off[l];
	leave(t, rule, was);
}

static void
try_units(struct trial *t, int rule, int component, int part)
{
	const struct oracle_rule *r = &t->c->rules[rule];
	bool any = false;
	int cap;

	if (t->tries > TRIES_MAX)
		return;
	if (part == t->parts.count) {
		for (int p = 0; p < t->parts.count; p++)
			any = any || t->take.units[component][p] > 0;
		if (any && component + 1 < r->components_count)
			try_units(t, rule, component + 1, 0);
		else if (any)
			taken(t, rule);
		return;
	}
	cap = oracle_component_covers(t->c, r, component, t->parts.at[part].line)
		      ? oracle_part_cap(&t->parts, r, part, t->left[part])
		      : 0;
	for (int k = 0; k <= cap; k++) {
		t->take.units[component][part] = k;
		t->left[part] -= k;
		try_units(t, rule, component, part + 1);
		t->left[part] += k;
		t->take.units[component][part] = 0;
	}
}

/* Takes all its units or none. */
static void
try_whole(struct trial *t, int rule)
{
	struct oracle_take *take = &t->take;

	for (int p = 0; p < t->parts.count; p++) {
		if (!oracle_covers(t->c, &t->c->rules[rule], t->parts.at[p].line))
			continue;
		if (t->left[p] < t->parts.at[p].units)
			goto out;
		take->units[0][p] = t->left[p];
	}
	for (int p = 0; p < t->parts.count; p++)
		t->left[p] -= take->units[0][p];
	taken(t, rule);
	for (int p = 0; p < t->parts.count; p++)
		t->left[p] += take->units[0][p];
out:
	memset(take, 0, sizeof(*take));
}

static void
try_rule(struct trial *t, int rule)
{
	const struct oracle_rule *r = &t->c->rules[rule];

	if (rule == t->c->rules_count) {
		try_free(t, 0);
		return;
	}
	try_rule(t, rule + 1);
	if (!t->allowed[rule] || oracle_is_upper(r) || oracle_is_free(r) ||
	    oracle_is_points(r))
		return;
	if (oracle_is_whole(r))
		try_whole(t, rule);
	else
		try_units(t, rule, 0, 0);
}

static int64_t
best_of_allowed(struct trial *t)
{
	t->best = t->gross;
	try_rule(t, 0);
	return t->best;
}

static int64_t
best_alone(struct trial *t, int rule)
{
	memset(t->allowed, 0, sizeof(t->allowed));
	t->allowed[rule] = true;
	return best_of_allowed(t);
}

/* A rule that could take more off than its budget has left is not in the basket at all. */
static bool
fits(struct trial *t, int rule)
{
	const struct oracle_rule *r = &t->c->rules[rule];

	return oracle_may_apply(&t->parts, r) &&
	       (r->budget == 0 ||
		t->gross - best_alone(t, rule) <= oracle_budget_left(r));
}

bool
oracle_best(const struct oracle_case *c, int64_t *ret_total)
{
	struct trial t = { .c = c };
	bool in[ORACLE_GROUPED_RULES] = { false };
	int64_t best, always = INT64_MAX;

	if (c->lines_count > ORACLE_SMALL_LINES + 1 ||
	    c->rules_count > ORACLE_GROUPED_RULES)
		return false;
	oracle_parts(c, &t.parts);
	for (int p = 0; p < t.parts.count; p++)
		t.left[p] = t.parts.at[p].units;
	for (int l = 0; l < c->lines_count; l++)
		t.gross += c->lines[l].amount;
	for (int i = 0; i < c->rules_count; i++)
		in[i] = fits(&t, i);
	for (int i = 0; i < c->rules_count; i++)
		t.allowed[i] = in[i] && !c->rules[i].best && !c->rules[i].always;
	best = best_of_allowed(&t);
	for (int i = 0; i < c->rules_count; i++) {
		int64_t alone;

		if (!in[i] || (!c->rules[i].best && !c->rules[i].always))
			continue;
		alone = best_alone(&t, i);
		if (c->rules[i].best && alone < best)
			best = alone;
		if (c->rules[i].always && alone < t.gross && alone < always)
			always = alone;
	}
	*ret_total = always < INT64_MAX ? always : best;
	return t.tries <= TRIES_MAX;
}
