#include "oracle/ip.h"

/* Stacked rules and basket rules: integers for what is rounded after the offers on units. */

/* value x percent / 10000 in 20ths: the percentages of medium cases are steps of 5 %. */
#define STEP 500

/* A switch for a rule of the layers 2 and 3, in its group. */
static int
add_switch(struct ip *m, int rule)
{
	int column = ip_column(m, 0, 1, 0);

	if (m->used_row[rule] >= 0)
		ip_entry(m, m->used_row[rule], column, 1);
	return column;
}

/*
 * saving is percent of `of` rounded half up when the switch is on, and 0 when it is off; exactly,
 * since a later spend may like it smaller. Returns the saving's column, whose cost counts.
 */
static int
stacked_line(struct ip *m, int on, int64_t percent, int line, int of)
{
	int64_t k = percent / STEP, amount = m->c->lines[line].amount,
		big = 20 * amount + 40;
	int saving = ip_column(m, 0, amount, 1), left = ip_column(m, 0, amount, 0);
	int under = ip_row(m, -IP_FREE, 10 + big), over = ip_row(m, -9 - big, IP_FREE);
	int off = ip_row(m, -IP_FREE, 0), next = ip_row(m, 0, 0);

	ip_entry(m, under, saving, 20);
	ip_entry(m, under, of, -k);
	ip_entry(m, under, on, big);
	ip_entry(m, over, saving, 20);
	ip_entry(m, over, of, -k);
	ip_entry(m, over, on, -big);
	ip_entry(m, off, saving, 1);
	ip_entry(m, off, on, -amount);
	/* What the next stacked rule sees. */
	ip_entry(m, next, left, 1);
	ip_entry(m, next, saving, 1);
	ip_entry(m, next, of, -1);
	m->line_net[line] = left;
	return saving;
}

/* Savings of stacked rules on the lines of a category count against later spends. */
struct stacked {
	int column[4 * ORACLE_LINES_MAX], line[4 * ORACLE_LINES_MAX], count;
};

static void
stacked_rule(struct ip *m, int rule, struct stacked *all)
{
	const struct oracle_rule *r = &m->c->rules[rule];
	int on = add_switch(m, rule);

	for (int l = 0; l < m->c->lines_count; l++)
		if (oracle_covers(m->c, r, l) && all->count < 4 * ORACLE_LINES_MAX) {
			all->line[all->count] = l;
			all->column[all->count++] =
				stacked_line(m, on, r->reward.value, l, m->line_net[l]);
		}
}

/*
 * Adds times x (what layers 1 and 2 save in the rule's scope) to a row. Returns the scope's gross:
 * the net is that less what is saved.
 */
static int64_t
add_saved(struct ip *m, const struct oracle_rule *r, const struct stacked *stacked,
	  int row, int64_t times)
{
	bool seen[64] = { false };
	int64_t sum = 0;

	for (int l = 0; l < m->c->lines_count; l++) {
		int category = m->c->lines[l].category;

		if (!oracle_covers(m->c, r, l))
			continue;
		sum += m->c->lines[l].amount;
		/* A scope is whole categories, and excluded lines save nothing. */
		if (!seen[category])
			ip_entry(m, row, m->category_saving[category], times);
		seen[category] = true;
	}
	for (int i = 0; i < stacked->count; i++)
		if (oracle_covers(m->c, r, stacked->line[i]))
			ip_entry(m, row, stacked->column[i], times);
	return sum;
}

static int64_t
gross_of(const struct ip *m, const struct oracle_rule *r, int64_t *ret_units)
{
	int64_t gross = 0;

	*ret_units = 0;
	for (int l = 0; l < m->c->lines_count; l++)
		if (oracle_covers(m->c, r, l)) {
			gross += m->c->lines[l].amount;
			*ret_units += m->c->lines[l].units;
		}
	return gross;
}

/* One basket rule, or one tier of it. */
struct basket {
	int rule, one_row; /* at most one tier */
	int64_t spend, value;
	const struct stacked *stacked;
};

static void
basket_rule(struct ip *m, const struct basket *b)
{
	const struct oracle_rule *r = &m->c->rules[b->rule];
	int on = add_switch(m, b->rule), off, under;
	int64_t units, gross = gross_of(m, r, &units), most = gross;

	ip_entry(m, b->one_row, on, 1);
	if (b->spend > 0) {
		int row = ip_row(m, -IP_FREE, 0);

		m->rows[row].high = add_saved(m, r, b->stacked, row, 1);
		ip_entry(m, row, on, b->spend);
	}
	if (r->reward.form == ORACLE_BY_AMOUNT)
		most = b->value;
	if (r->cap > 0 && r->cap < most)
		most = r->cap;
	off = ip_column(m, 0, most, 1);
	under = ip_row(m, -IP_FREE, 0);
	ip_entry(m, under, off, 1);
	ip_entry(m, under, on, -most);
	/* Nothing looks at it later, so that "at most" is enough. */
	under = ip_row(m, -IP_FREE, 0);
	if (r->reward.form == ORACLE_BY_PERCENT) {
		ip_entry(m, under, off, 20);
		m->rows[under].high =
			10 + b->value / STEP *
				     add_saved(m, r, b->stacked, under, b->value / STEP);
	} else {
		ip_entry(m, under, off, 1);
		m->rows[under].high = add_saved(m, r, b->stacked, under, 1);
	}
}

static void
basket_rules(struct ip *m, int rule, const struct stacked *stacked)
{
	const struct oracle_rule *r = &m->c->rules[rule];
	struct basket b = { .rule = rule,
			    .one_row = ip_row(m, 0, 1),
			    .value = r->reward.value,
			    .spend = r->gross ? 0 : r->spend + (r->over ? 1 : 0),
			    .stacked = stacked };
	int64_t units, gross = gross_of(m, r, &units);

	if (r->kind != ORACLE_BASKET_TIERS) {
		basket_rule(m, &b);
		return;
	}
	for (int i = 0; i < r->tiers_count; i++) {
		int64_t from = r->tiers[i].from;

		if ((r->tiers_of_units ? units : gross) < from)
			continue;
		b.spend = r->gross || r->tiers_of_units ? 0 : from;
		b.value = r->tiers[i].value;
		basket_rule(m, &b);
	}
}

void
ip_add_upper(struct ip *m)
{
	struct stacked stacked = { .count = 0 };

	for (int i = 0; i < m->c->rules_count; i++)
		if (m->allowed[i] && m->c->rules[i].stack)
			stacked_rule(m, i, &stacked);
	for (int i = 0; i < m->c->rules_count; i++)
		if (m->allowed[i] && !m->c->rules[i].stack &&
		    oracle_is_upper(&m->c->rules[i]))
			basket_rules(m, i, &stacked);
}
