#include "pricing_oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TRIES_MAX 60000
#define UNITS_MAX 1024 /* of a basket */

/* A run of equal units of a line. */
struct part {
	int line, units;
	int64_t value, floor;
};

struct trial {
	const struct oracle_case *c;
	struct part parts[ORACLE_PARTS_MAX];
	int parts_count;
	bool allowed[ORACLE_RULES_MAX];
	int taken[ORACLE_RULES_MAX][ORACLE_PARTS_MAX];
	int left[ORACLE_PARTS_MAX];
	int free[ORACLE_PARTS_MAX]; /* rule without max_units on a part, or -1 */
	bool upper[ORACLE_RULES_MAX];
	int64_t best;
	long tries;
};

uint64_t
oracle_next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static int
pick(uint64_t *state, int count)
{
	return (int)(oracle_next(state) % (uint64_t)count);
}

static bool
chance(uint64_t *state, int percent)
{
	return pick(state, 100) < percent;
}

/* Most baskets have few units on several lines; some have many units on one or two. */
static void
random_lines(struct oracle_case *c, uint64_t *s)
{
	int form = pick(s, 10), most = 3, budget = 3 + pick(s, 5);
	bool coarse = chance(s, 50);

	c->lines_count = 1 + pick(s, ORACLE_LINES_MAX);
	if (form >= 7) {
		c->lines_count = 1 + pick(s, 2);
		most = budget = form == 9 ? 90 : 10;
	}
	for (int i = 0; i < c->lines_count; i++) {
		struct oracle_line *l = &c->lines[i];

		*l = (struct oracle_line){ .id = 10 * (i + 1), .category = pick(s, 3) };
		l->units = 1 + pick(s, i == 0 || most < 90 ? most : 3);
		if (l->units > budget)
			l->units = budget > 0 ? budget : 1;
		budget -= l->units;
		l->price = coarse ? 50 * (1 + pick(s, 8)) : 1 + pick(s, 600);
		l->amount = l->price * l->units;
		if (chance(s, 8)) {
			l->units = 1;
			l->grams = 100 + pick(s, 2000);
			l->amount = (l->price * l->grams + 500) / 1000;
		} else if (chance(s, 10) && l->amount > 3) {
			l->amount -= 1 + pick(s, 3);
		}
		if (chance(s, 10))
			l->floor = pick(s, (int)l->amount + 2);
		l->excluded = chance(s, 5);
		l->reduced = chance(s, 10);
	}
}

static void
random_kind(struct oracle_rule *r, uint64_t *s)
{
	static const int64_t percents[] = { 500,  1000, 1500, 2000, 2500,
					    3333, 5000, 7500, 10000 };

	r->kind = (enum oracle_kind)pick(s, ORACLE_KINDS);
	r->percent = percents[pick(s, 9)];
	switch (r->kind) {
	case ORACLE_PERCENT:
		r->stack = chance(s, 30);
		break;
	case ORACLE_AMOUNT:
		r->amount = 1 + pick(s, 150);
		r->stack = chance(s, 30);
		break;
	case ORACLE_FIXED:
		r->amount = pick(s, 400);
		break;
	case ORACLE_N_FOR:
		r->n = 2 + pick(s, 2);
		r->amount = 1 + pick(s, 900);
		break;
	case ORACLE_BUY_GET:
	case ORACLE_CHEAPEST:
		r->buy = 1 + pick(s, 2);
		r->get = 1 + pick(s, 4) / 3;
		r->percent = chance(s, 50) ? 10000 : r->percent;
		break;
	case ORACLE_BASKET_PERCENT:
		r->percent = percents[pick(s, 5)];
		r->cap = chance(s, 30) ? 1 + pick(s, 200) : 0;
		break;
	case ORACLE_BASKET_AMOUNT:
		r->amount = 1 + pick(s, 400);
		break;
	case ORACLE_KINDS:
		break;
	}
}

static void
random_rules(struct oracle_case *c, uint64_t *s)
{
	c->rules_count = 1 + pick(s, c->lines[0].units > 10 ? 2 : ORACLE_RULES_MAX);
	c->rounding = chance(s, 70) ? 0 : pick(s, 4);
	for (int i = 0; i < c->rules_count; i++) {
		struct oracle_rule *r = &c->rules[i];
		bool basket;

		*r = (struct oracle_rule){ .id = i };
		random_kind(r, s);
		basket = r->kind >= ORACLE_BASKET_PERCENT;
		r->scope = chance(s, 45)   ? -1
			   : chance(s, 40) ? pick(s, 3)
					   : 100 + 1 + pick(s, (1 << c->lines_count) - 1);
		if (r->kind <= ORACLE_FIXED && !r->stack && chance(s, 40)) {
			r->max_units = 1 + pick(s, chance(s, 20) ? 80 : 3);
			r->cheapest_first = chance(s, 30);
		}
		r->min_units = chance(s, 15) ? 1 + pick(s, 4) : 0;
		if (chance(s, basket ? 70 : 15)) {
			r->spend = 1 + pick(s, 1800);
			r->over = chance(s, 30);
			r->gross = basket && chance(s, 30);
		}
		r->uses = chance(s, 25) ? 1 + pick(s, chance(s, 20) ? 30 : 2) : 0;
		r->group = chance(s, 25) ? 1 + pick(s, 2) : 0;
		r->best = chance(s, 7);
		r->always = !r->best && chance(s, 3);
		r->no_reduced = chance(s, 20);
	}
}

void
oracle_random(struct oracle_case *c, uint64_t seed)
{
	uint64_t s = seed;

	memset(c, 0, sizeof(*c));
	random_lines(c, &s);
	random_rules(c, &s);
}

/* ---- the rules of the game ---- */

static bool
covers(const struct oracle_case *c, const struct oracle_rule *r, int line)
{
	const struct oracle_line *l = &c->lines[line];
	bool grouped = r->kind == ORACLE_N_FOR || r->kind == ORACLE_BUY_GET ||
		       r->kind == ORACLE_CHEAPEST;

	if (l->excluded || (r->no_reduced && l->reduced) || (grouped && l->grams > 0))
		return false;
	if (r->scope < 0)
		return true;
	if (r->scope < 100)
		return l->category == r->scope;
	return ((r->scope - 100) >> line & 1) != 0;
}

static bool
is_upper(const struct oracle_rule *r)
{
	return r->stack || r->kind >= ORACLE_BASKET_PERCENT;
}

static int64_t
rounded(int64_t value, int64_t bp, int mode)
{
	int64_t up = (value * bp + 5000) / 10000;

	switch (mode) {
	case 1: /* half even */
		return value * bp % 10000 == 5000 && up % 2 != 0 ? up - 1 : up;
	case 2: /* down */
		return value * bp / 10000;
	case 3: /* the net half up */
		return value - (value * (10000 - bp) + 5000) / 10000;
	default:
		return up;
	}
}

static int64_t
low(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/*
 * Shares amount by weight under room: by largest remainder among those not full; who gets more
 * than fits is filled, and the rest is shared anew among the others.
 */
static void
share(int64_t amount, const int64_t *weight, const int64_t *room, int n, int64_t *out)
{
	bool full[64] = { false };
	int64_t all = 0;

	for (int i = 0; i < n; i++) {
		out[i] = 0;
		full[i] = room[i] <= 0;
		all += room[i] > 0 ? room[i] : 0;
	}
	amount = low(amount, all);
	while (amount > 0) {
		int64_t weights = 0, given = 0, rests[64] = { 0 };
		bool overflow = false;

		for (int i = 0; i < n; i++)
			weights += full[i] ? 0 : weight[i];
		for (int i = 0; i < n; i++) {
			if (full[i])
				continue;
			out[i] = amount * weight[i] / weights;
			rests[i] = amount * weight[i] % weights;
			given += out[i];
		}
		for (; given < amount; given++) {
			int at = -1;

			for (int i = 0; i < n; i++)
				if (!full[i] && rests[i] >= 0 &&
				    (at < 0 || rests[i] > rests[at]))
					at = i;
			if (at < 0)
				break; /* cannot be: fewer units are left than parts */
			out[at]++;
			rests[at] = -1;
		}
		for (int i = 0; i < n; i++)
			overflow = overflow || (!full[i] && out[i] > room[i]);
		if (!overflow)
			return;
		for (int i = 0; i < n; i++)
			if (!full[i] && out[i] >= room[i]) {
				full[i] = true;
				out[i] = room[i];
				amount -= room[i];
			}
	}
}

static int64_t
line_floor(const struct oracle_line *l)
{
	return low(l->floor, l->amount);
}

static int64_t
unit_rule_off(const struct oracle_case *c, const struct oracle_rule *r,
	      const struct part *p, int units)
{
	const struct oracle_line *l = &c->lines[p->line];
	int64_t value = p->value * units, off, room;

	room = p->value > p->floor ? (p->value - p->floor) * units : 0;
	if (r->kind == ORACLE_PERCENT)
		off = rounded(value, r->percent, c->rounding);
	else if (l->grams > 0)
		off = (r->amount * l->grams + 500) / 1000;
	else
		off = r->amount * units;
	if (r->kind == ORACLE_FIXED)
		off = value - off;
	return off < 0 ? 0 : low(off, room);
}

/* One group of units, dearest first: takes its saving off the lines. False: it saves nothing. */
static bool
one_group(const struct trial *t, const struct oracle_rule *r, const int *unit, int size,
	  int64_t *net)
{
	int64_t weight[8], room[8], out[8], value = 0, off;
	int from = r->kind == ORACLE_N_FOR ? 0 : r->buy, n = 0;

	for (int i = from; i < size; i++, n++) {
		const struct part *p = &t->parts[unit[i]];

		weight[n] = p->value;
		room[n] = p->value > p->floor ? p->value - p->floor : 0;
		value += p->value;
	}
	off = r->kind == ORACLE_N_FOR ? value - r->amount
				      : rounded(value, r->percent, t->c->rounding);
	/* Equal units of one line are one share. */
	for (int i = n - 1; i > 0; i--)
		if (unit[from + i] == unit[from + i - 1]) {
			weight[i - 1] += weight[i];
			room[i - 1] += room[i];
			weight[i] = room[i] = 0;
		}
	if (off <= 0)
		return false;
	share(off, weight, room, n, out);
	off = 0;
	for (int i = 0; i < n; i++) {
		net[t->parts[unit[from + i]].line] -= out[i];
		off += out[i];
	}
	return off > 0;
}

/* All units a grouping rule took, in groups from the dearest. False: not whole groups. */
static bool
groups_off(const struct trial *t, int rule, int64_t *net)
{
	const struct oracle_rule *r = &t->c->rules[rule];
	int size = r->kind == ORACLE_N_FOR ? r->n : r->buy + r->get, count = 0;
	int unit[UNITS_MAX] = { 0 };

	for (int p = 0; p < t->parts_count; p++)
		for (int k = 0; k < t->taken[rule][p]; k++)
			unit[count++] = p;
	for (int i = 1; i < count; i++)
		for (int k = i;
		     k > 0 && t->parts[unit[k - 1]].value < t->parts[unit[k]].value;
		     k--) {
			int swap = unit[k];

			unit[k] = unit[k - 1];
			unit[k - 1] = swap;
		}
	if (count % size != 0 || (r->uses > 0 && count / size > r->uses))
		return false;
	for (int i = 0; i < count; i += size)
		if (!one_group(t, r, unit + i, size, net))
			return false;
	return true;
}

/* The retailer's variant: the cheapest of all units in scope. */
static void
cheapest_off(const struct trial *t, int rule, int64_t *net)
{
	const struct oracle_rule *r = &t->c->rules[rule];
	int units[ORACLE_PARTS_MAX], all = 0, got, n = 0, order[ORACLE_PARTS_MAX];
	int64_t weight[ORACLE_PARTS_MAX], room[ORACLE_PARTS_MAX], out[ORACLE_PARTS_MAX];
	int64_t value = 0;

	for (int p = 0; p < t->parts_count; p++) {
		units[p] = t->taken[rule][p];
		all += units[p];
	}
	got = all / (r->buy + r->get);
	if (r->uses > 0 && got > r->uses)
		got = r->uses;
	got *= r->get;
	while (got > 0) {
		int at = -1, k;

		for (int p = 0; p < t->parts_count; p++)
			if (units[p] > 0 &&
			    (at < 0 || t->parts[p].value <= t->parts[at].value))
				at = p;
		if (at < 0)
			break; /* cannot be: got is at most what there is */
		k = units[at] < got ? units[at] : got;
		order[n] = at;
		weight[n] = t->parts[at].value * k;
		room[n] = t->parts[at].value > t->parts[at].floor
				  ? (t->parts[at].value - t->parts[at].floor) * k
				  : 0;
		value += weight[n++];
		units[at] = 0;
		got -= k;
	}
	share(rounded(value, r->percent, t->c->rounding), weight, room, n, out);
	for (int i = 0; i < n; i++)
		net[t->parts[order[i]].line] -= out[i];
}

static bool
rule_in_use(const struct trial *t, int rule)
{
	if (is_upper(&t->c->rules[rule]))
		return t->upper[rule];
	for (int p = 0; p < t->parts_count; p++)
		if (t->taken[rule][p] > 0 || t->free[p] == rule)
			return true;
	return false;
}

/* Layer 1 of the present assignment; false when an offer takes units and saves nothing. */
static bool
layer_one(const struct trial *t, int64_t *net)
{
	for (int i = 0; i < t->c->rules_count; i++) {
		const struct oracle_rule *r = &t->c->rules[i];
		int units = 0;

		for (int p = 0; p < t->parts_count; p++)
			units += t->taken[i][p];
		if (units == 0)
			continue;
		if (r->kind == ORACLE_CHEAPEST) {
			cheapest_off(t, i, net);
		} else if (r->kind >= ORACLE_N_FOR) {
			if (!groups_off(t, i, net))
				return false;
		} else if (units > r->max_units) {
			return false;
		}
		for (int p = 0; r->kind <= ORACLE_FIXED && p < t->parts_count; p++) {
			int64_t off =
				unit_rule_off(t->c, r, &t->parts[p], t->taken[i][p]);

			if (t->taken[i][p] > 0 && off == 0)
				return false;
			net[t->parts[p].line] -= off;
		}
	}
	for (int p = 0; p < t->parts_count; p++)
		if (t->free[p] >= 0)
			net[t->parts[p].line] -= unit_rule_off(
				t->c, &t->c->rules[t->free[p]], &t->parts[p], t->left[p]);
	return true;
}

static void
layer_two(const struct trial *t, const struct oracle_rule *r, int64_t *net)
{
	for (int l = 0; l < t->c->lines_count; l++) {
		int64_t off = 0;

		if (!covers(t->c, r, l))
			continue;
		if (r->kind == ORACLE_PERCENT)
			off = rounded(net[l], r->percent, t->c->rounding);
		for (int p = 0; r->kind == ORACLE_AMOUNT && p < t->parts_count; p++)
			if (t->parts[p].line == l)
				off += unit_rule_off(t->c, r, &t->parts[p],
						     t->parts[p].units);
		net[l] -= low(off, net[l] - line_floor(&t->c->lines[l]));
	}
}

static int64_t
scope_sum(const struct oracle_case *c, const struct oracle_rule *r, const int64_t *net)
{
	int64_t sum = 0;

	for (int l = 0; l < c->lines_count; l++)
		sum += covers(c, r, l) ? net[l] : 0;
	return sum;
}

static bool
spend_ok(const struct oracle_rule *r, int64_t sum)
{
	return r->spend == 0 || (r->over ? sum > r->spend : sum >= r->spend);
}

static bool
layer_three(const struct trial *t, int64_t *net)
{
	const struct oracle_case *c = t->c;
	int64_t base[ORACLE_LINES_MAX], weight[ORACLE_LINES_MAX], room[ORACLE_LINES_MAX],
		out[ORACLE_LINES_MAX];

	memcpy(base, net, sizeof(base));
	for (int i = 0; i < c->rules_count; i++) {
		const struct oracle_rule *r = &c->rules[i];
		int64_t sum = scope_sum(c, r, base), off = r->amount;

		if (!t->upper[i] || r->kind < ORACLE_BASKET_PERCENT)
			continue;
		if (!r->gross && !spend_ok(r, sum))
			return false;
		if (r->kind == ORACLE_BASKET_PERCENT)
			off = rounded(sum, r->percent, c->rounding);
		if (r->cap > 0)
			off = low(off, r->cap);
		for (int l = 0; l < c->lines_count; l++) {
			bool in = covers(c, r, l);

			weight[l] = in ? net[l] : 0;
			room[l] = in ? net[l] - line_floor(&c->lines[l]) : 0;
		}
		share(off, weight, room, c->lines_count, out);
		for (int l = 0; l < c->lines_count; l++)
			net[l] -= out[l];
	}
	return true;
}

static void
judge(struct trial *t)
{
	int64_t net[ORACLE_LINES_MAX] = { 0 }, total = 0;
	bool group[8] = { false };

	t->tries++;
	for (int i = 0; i < t->c->rules_count; i++) {
		int g = t->c->rules[i].group;

		if (g == 0 || !rule_in_use(t, i))
			continue;
		if (group[g])
			return;
		group[g] = true;
	}
	for (int l = 0; l < t->c->lines_count; l++)
		net[l] = t->c->lines[l].amount;
	if (!layer_one(t, net))
		return;
	for (int i = 0; i < t->c->rules_count; i++)
		if (t->upper[i] && t->c->rules[i].stack)
			layer_two(t, &t->c->rules[i], net);
	if (!layer_three(t, net))
		return;
	for (int l = 0; l < t->c->lines_count; l++)
		total += net[l];
	t->best = low(t->best, total);
}

/* ---- trying everything ---- */

static bool
open_to_all(const struct oracle_rule *r)
{
	return r->kind <= ORACLE_FIXED && !r->stack && r->max_units == 0;
}

static void
try_upper(struct trial *t, int rule)
{
	if (t->tries > TRIES_MAX)
		return;
	if (rule == t->c->rules_count) {
		judge(t);
		return;
	}
	t->upper[rule] = false;
	try_upper(t, rule + 1);
	if (!t->allowed[rule] || !is_upper(&t->c->rules[rule]))
		return;
	t->upper[rule] = true;
	try_upper(t, rule + 1);
	t->upper[rule] = false;
}

static void
try_free(struct trial *t, int part)
{
	if (part == t->parts_count) {
		try_upper(t, 0);
		return;
	}
	t->free[part] = -1;
	try_free(t, part + 1);
	for (int i = 0; i < t->c->rules_count && t->left[part] > 0; i++) {
		if (!t->allowed[i] || !open_to_all(&t->c->rules[i]) ||
		    !covers(t->c, &t->c->rules[i], t->parts[part].line))
			continue;
		t->free[part] = i;
		try_free(t, part + 1);
	}
	t->free[part] = -1;
}

/* Units of a part that rule may take: all, or those among its cheapest. */
static int
part_cap(const struct trial *t, const struct oracle_rule *r, int part)
{
	int before = 0, cap;

	if (!r->cheapest_first)
		return t->left[part];
	for (int p = 0; p < t->parts_count; p++)
		if (covers(t->c, r, t->parts[p].line) &&
		    (t->parts[p].value < t->parts[part].value ||
		     (t->parts[p].value == t->parts[part].value && p > part)))
			before += t->parts[p].units;
	cap = r->max_units - before;
	return cap < 0 ? 0 : cap < t->left[part] ? cap : t->left[part];
}

static void
try_taken(struct trial *t, int rule, int part)
{
	const struct oracle_rule *r = &t->c->rules[rule];
	int cap;

	if (t->tries > TRIES_MAX)
		return;
	if (rule == t->c->rules_count) {
		try_free(t, 0);
		return;
	}
	if (part == t->parts_count || !t->allowed[rule] || is_upper(r) ||
	    open_to_all(r) || r->kind == ORACLE_CHEAPEST) {
		try_taken(t, rule + 1, 0);
		return;
	}
	cap = covers(t->c, r, t->parts[part].line) ? part_cap(t, r, part) : 0;
	for (int k = 0; k <= cap; k++) {
		t->taken[rule][part] = k;
		t->left[part] -= k;
		try_taken(t, rule, part + 1);
		t->left[part] += k;
		t->taken[rule][part] = 0;
	}
}

/* A whole-scope rule takes all its units or none. */
static void
try_whole(struct trial *t, int rule)
{
	const struct oracle_rule *r = &t->c->rules[rule];
	bool free = true;

	if (rule == t->c->rules_count) {
		try_taken(t, 0, 0);
		return;
	}
	try_whole(t, rule + 1);
	if (r->kind != ORACLE_CHEAPEST || !t->allowed[rule])
		return;
	for (int p = 0; p < t->parts_count; p++)
		if (covers(t->c, r, t->parts[p].line) && t->left[p] == 0)
			free = false;
	if (!free)
		return;
	for (int p = 0; p < t->parts_count; p++)
		if (covers(t->c, r, t->parts[p].line)) {
			t->taken[rule][p] = t->left[p];
			t->left[p] = 0;
		}
	try_whole(t, rule + 1);
	for (int p = 0; p < t->parts_count; p++)
		if (t->taken[rule][p] > 0) {
			t->left[p] = t->taken[rule][p];
			t->taken[rule][p] = 0;
		}
}

static bool
conditions_ok(const struct trial *t, const struct oracle_rule *r)
{
	int units = 0;
	int64_t gross = 0;

	for (int p = 0; p < t->parts_count; p++)
		if (covers(t->c, r, t->parts[p].line)) {
			units += t->parts[p].units;
			gross += t->parts[p].value * t->parts[p].units;
		}
	return units > 0 && units >= r->min_units && spend_ok(r, gross);
}

static void
make_parts(struct trial *t)
{
	for (int l = 0; l < t->c->lines_count; l++) {
		const struct oracle_line *line = &t->c->lines[l];
		int more = (int)(line->amount % line->units);
		int64_t base = line->amount / line->units;
		int64_t floor = (line_floor(line) + line->units - 1) / line->units;

		if (more > 0)
			t->parts[t->parts_count++] =
				(struct part){ l, more, base + 1, floor };
		t->parts[t->parts_count++] =
			(struct part){ l, line->units - more, base, floor };
	}
	for (int p = 0; p < t->parts_count; p++)
		t->left[p] = t->parts[p].units;
}

bool
oracle_best(const struct oracle_case *c, int64_t *ret_total)
{
	struct trial t = { .c = c };
	bool fits[ORACLE_RULES_MAX] = { false };
	int64_t gross = 0, best, always = INT64_MAX;

	make_parts(&t);
	for (int l = 0; l < c->lines_count; l++)
		gross += c->lines[l].amount;
	t.best = gross;
	for (int i = 0; i < c->rules_count; i++) {
		fits[i] = conditions_ok(&t, &c->rules[i]);
		t.allowed[i] = fits[i] && !c->rules[i].best && !c->rules[i].always;
	}
	try_whole(&t, 0);
	best = t.best;
	for (int i = 0; i < c->rules_count; i++) {
		const struct oracle_rule *r = &c->rules[i];

		if (!fits[i] || (!r->best && !r->always))
			continue;
		memset(t.allowed, 0, sizeof(t.allowed));
		t.allowed[i] = true;
		t.best = gross;
		try_whole(&t, 0);
		if (r->best)
			best = low(best, t.best);
		else if (t.best < gross)
			always = low(always, t.best);
	}
	*ret_total = always < INT64_MAX ? always : best;
	return t.tries <= TRIES_MAX;
}

/* ---- as JSON ---- */

struct text {
	char *at;
	size_t bytes, used;
};

__attribute__((format(printf, 2, 3))) static void
add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at + t->used, t->bytes - t->used, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < t->bytes - t->used)
		t->used += (size_t)n;
}

static void
params_json(struct text *t, const struct oracle_rule *r)
{
	const char *comma = "";

	add(t, "\"params\":{");
#define PARAM(cond, name, value)                                                         \
	do {                                                                             \
		if (cond) {                                                              \
			add(t, "%s\"" name "\":%lld", comma, (long long)(value));        \
			comma = ",";                                                     \
		}                                                                        \
	} while (0)
	PARAM(r->kind == ORACLE_PERCENT || r->kind == ORACLE_BUY_GET ||
		      r->kind == ORACLE_CHEAPEST || r->kind == ORACLE_BASKET_PERCENT,
	      "percent_bp", r->percent);
	PARAM(r->kind == ORACLE_AMOUNT || r->kind == ORACLE_BASKET_AMOUNT, "amount_minor",
	      r->amount);
	PARAM(r->kind == ORACLE_FIXED || r->kind == ORACLE_N_FOR, "price_minor",
	      r->amount);
	PARAM(r->kind == ORACLE_N_FOR, "units", r->n);
	PARAM(r->buy > 0, "buy", r->buy);
	PARAM(r->get > 0, "get", r->get);
	PARAM(r->max_units > 0, "max_units", r->max_units);
	PARAM(r->cap > 0, "cap_minor", r->cap);
	PARAM(r->min_units > 0, "min_units", r->min_units);
	PARAM(r->spend > 0 && !r->over, "min_spend_minor", r->spend);
	PARAM(r->spend > 0 && r->over, "over_spend_minor", r->spend);
#undef PARAM
	if (r->cheapest_first)
		add(t, ",\"take\":\"cheapest\"");
	if (r->gross)
		add(t, ",\"spend_of\":\"gross\"");
	add(t, "}");
}

static void
scope_json(struct text *t, const struct oracle_case *c, const struct oracle_rule *r)
{
	const char *comma = "";

	add(t, "\"scope\":{");
	if (r->scope < 0) {
		add(t, "\"all\":true");
	} else if (r->scope < 100) {
		add(t, "\"category\":[\"c%d\"]", r->scope);
	} else {
		add(t, "\"sku\":[");
		for (int l = 0; l < c->lines_count; l++)
			if (((r->scope - 100) >> l & 1) != 0) {
				add(t, "%s\"s%d\"", comma, l);
				comma = ",";
			}
		add(t, "]");
	}
	add(t, "%s},", r->no_reduced ? ",\"exclude_reduced\":true" : "");
}

static void
rule_json(struct text *t, const struct oracle_case *c, const struct oracle_rule *r)
{
	static const char *const kinds[] = { "percent",        "amount",
					     "fixed_price",    "n_for_price",
					     "buy_get",        "buy_get_cheapest",
					     "basket_percent", "basket_amount" };

	add(t, "{\"id\":\"r%d\",\"kind\":\"%s\",", r->id, kinds[r->kind]);
	scope_json(t, c, r);
	params_json(t, r);
	if (r->uses > 0)
		add(t, ",\"limits\":{\"per_basket\":%d}", r->uses);
	add(t, ",\"combine\":{\"stack\":%s", r->stack ? "true" : "false");
	if (r->group > 0)
		add(t, ",\"group\":\"g%d\"", r->group);
	if (r->best || r->always)
		add(t, ",\"exclusive\":\"%s\"", r->best ? "best" : "always");
	add(t, "}}");
}

static void
line_json(struct text *t, const struct oracle_case *c, int index)
{
	const struct oracle_line *l = &c->lines[index];

	add(t, "{\"line\":%d,\"code\":\"s%d\",\"category\":\"c%d/x\",", l->id, index,
	    l->category);
	if (l->grams > 0)
		add(t, "\"qty_milli\":%d,\"weighed\":true,", l->grams);
	else
		add(t, "\"qty\":%d,", l->units);
	add(t,
	    "\"unit_price_minor\":%lld,\"amount_minor\":%lld,\"floor_minor\":%lld,"
	    "\"excluded\":%s,\"reduced\":%s}",
	    (long long)l->price, (long long)l->amount, (long long)l->floor,
	    l->excluded ? "true" : "false", l->reduced ? "true" : "false");
}

static void
shuffle(int *order, int n, uint64_t *state)
{
	for (int i = 0; i < n; i++)
		order[i] = i;
	for (int i = n - 1; i > 0 && *state != 0; i--) {
		int k = pick(state, i + 1), swap = order[i];

		order[i] = order[k];
		order[k] = swap;
	}
}

void
oracle_json(const struct oracle_case *c, uint64_t order_seed, char *rules, char *basket,
	    size_t bytes)
{
	static const char *const roundings[] = { "half_up", "half_even", "down",
						 "net_half_up" };
	struct text r = { rules, bytes, 0 }, b = { basket, bytes, 0 };
	int order[ORACLE_RULES_MAX + ORACLE_LINES_MAX];
	uint64_t state = order_seed;

	add(&r, "{\"laned_rules\":1,\"currency\":\"EUR\",\"rounding\":\"%s\",\"rules\":[",
	    roundings[c->rounding]);
	shuffle(order, c->rules_count, &state);
	for (int i = 0; i < c->rules_count; i++) {
		add(&r, "%s\n", i > 0 ? "," : "");
		rule_json(&r, c, &c->rules[order[i]]);
	}
	add(&r, "]}");
	add(&b, "{\"lines\":[");
	shuffle(order, c->lines_count, &state);
	for (int i = 0; i < c->lines_count; i++) {
		add(&b, "%s\n", i > 0 ? "," : "");
		line_json(&b, c, order[i]);
	}
	add(&b, "]}");
}
