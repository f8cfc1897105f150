#include "oracle/ip.h"

#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef HAVE_GLPK
#include <glpk.h>
#endif

static void *
grow(void *list, int count, int *room, size_t bytes)
{
	if (count < *room)
		return list;
	*room = *room > 0 ? 2 * *room : 1024;
	list = realloc(list, (size_t)*room * bytes);
	if (list == NULL)
		abort(); /* a test without memory cannot go on */
	return list;
}

int
ip_row(struct ip *m, int64_t low, int64_t high)
{
	m->rows = grow(m->rows, m->rows_count, &m->rows_room, sizeof(m->rows[0]));
	m->rows[m->rows_count] = (struct ip_bounds){ low, high, 0 };
	return m->rows_count++;
}

int
ip_column(struct ip *m, int64_t low, int64_t high, int64_t cost)
{
	m->columns = grow(m->columns, m->columns_count, &m->columns_room,
			  sizeof(m->columns[0]));
	m->columns[m->columns_count] = (struct ip_bounds){ low, high, cost };
	m->too_large = m->too_large || m->columns_count >= IP_COLUMNS_MAX;
	return m->columns_count++;
}

void
ip_entry(struct ip *m, int row, int column, int64_t value)
{
	m->entries = grow(m->entries, m->entries_count, &m->entries_room,
			  sizeof(m->entries[0]));
	m->entries[m->entries_count++] = (struct ip_entry){ row, column, value };
}

static void
add_parts(struct ip *m)
{
	for (int p = 0; p < m->parts.count; p++) {
		m->part_row[p] = ip_row(m, 0, m->parts.at[p].units);
		m->free_row[p] = ip_row(m, 0, IP_FREE);
		m->one_free_row[p] = ip_row(m, 0, 1);
	}
}

/* What is saved in each category; what is left of lines that stacked rules look at. */
static void
add_sums(struct ip *m)
{
	const struct oracle_case *c = m->c;

	for (int k = 0; k < 64; k++) {
		m->category_row[k] = ip_row(m, 0, 0);
		m->category_saving[k] = ip_column(m, 0, m->gross, 1);
		ip_entry(m, m->category_row[k], m->category_saving[k], -1);
	}
	for (int l = 0; l < c->lines_count; l++) {
		m->line_row[l] = m->line_net[l] = -1;
		for (int i = 0; i < c->rules_count; i++)
			if (m->line_row[l] < 0 && m->allowed[i] && c->rules[i].stack &&
			    oracle_covers(c, &c->rules[i], l)) {
				m->line_row[l] =
					ip_row(m, c->lines[l].amount, c->lines[l].amount);
				m->line_net[l] = ip_column(m, 0, c->lines[l].amount, 0);
				ip_entry(m, m->line_row[l], m->line_net[l], 1);
			}
	}
}

/* At most one rule of a group. */
static void
add_groups(struct ip *m)
{
	const struct oracle_case *c = m->c;
	int row_of[64];

	for (int g = 0; g < 64; g++)
		row_of[g] = -1;
	for (int i = 0; i < c->rules_count; i++) {
		int g = c->rules[i].group, used;

		m->used_row[i] = -1;
		if (g == 0 || !m->allowed[i])
			continue;
		if (row_of[g] < 0)
			row_of[g] = ip_row(m, 0, 1);
		used = ip_column(m, 0, 1, 0);
		ip_entry(m, row_of[g], used, 1);
		m->used_row[i] = ip_row(m, -IP_FREE, 0);
		ip_entry(m, m->used_row[i], used, -2 * ORACLE_PARTS_MAX);
	}
}

static int
by_place(const void *a, const void *b)
{
	const struct ip_entry *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return (x->column > y->column) - (x->column < y->column);
}

/* What was said twice of a place adds up. */
static void
merge_entries(struct ip *m)
{
	int n = 0;

	qsort(m->entries, (size_t)m->entries_count, sizeof(m->entries[0]), by_place);
	for (int i = 0; i < m->entries_count; i++) {
		if (n > 0 && by_place(&m->entries[n - 1], &m->entries[i]) == 0)
			m->entries[n - 1].value += m->entries[i].value;
		else
			m->entries[n++] = m->entries[i];
	}
	m->entries_count = n;
}

void
ip_build(struct ip *m, const struct oracle_case *c, const bool *allowed)
{
	*m = (struct ip){ .c = c };
	oracle_parts(c, &m->parts);
	memcpy(m->allowed, allowed, (size_t)c->rules_count * sizeof(m->allowed[0]));
	for (int l = 0; l < c->lines_count; l++)
		m->gross += c->lines[l].amount;
	add_parts(m);
	add_sums(m);
	add_groups(m);
	ip_add_offers(m);
	ip_add_upper(m);
	merge_entries(m);
}

void
ip_free(struct ip *m)
{
	free(m->entries);
	free(m->rows);
	free(m->columns);
	m->entries = NULL;
	m->rows = m->columns = NULL;
}

#ifdef HAVE_GLPK

/* Whether whole numbers keep all rows, and what they save: no tolerance. */
static bool
exact(const struct ip *m, const int64_t *x, int64_t *ret_saving)
{
	int64_t *sums = calloc((size_t)m->rows_count, sizeof(*sums)), saving = 0;
	bool good = sums != NULL;

	for (int i = 0; good && i < m->entries_count; i++)
		sums[m->entries[i].row] += m->entries[i].value * x[m->entries[i].column];
	for (int i = 0; good && i < m->rows_count; i++)
		good = sums[i] >= m->rows[i].low && sums[i] <= m->rows[i].high;
	for (int i = 0; good && i < m->columns_count; i++) {
		good = x[i] >= m->columns[i].low && x[i] <= m->columns[i].high;
		saving += m->columns[i].cost * x[i];
	}
	free(sums);
	*ret_saving = saving;
	return good;
}

static int
bounds_type(const struct ip_bounds *b)
{
	if (b->low == b->high)
		return GLP_FX;
	if (b->low == -IP_FREE)
		return b->high == IP_FREE ? GLP_FR : GLP_UP;
	return b->high == IP_FREE ? GLP_LO : GLP_DB;
}

static void
load(const struct ip *m, glp_prob *p)
{
	size_t n = (size_t)m->entries_count + 1;
	int *ia = malloc(n * sizeof(*ia)), *ja = malloc(n * sizeof(*ja));
	double *ar = malloc(n * sizeof(*ar));

	if (ia == NULL || ja == NULL || ar == NULL)
		abort();
	glp_set_obj_dir(p, GLP_MAX);
	glp_add_rows(p, m->rows_count);
	glp_add_cols(p, m->columns_count);
	for (int i = 0; i < m->rows_count; i++)
		glp_set_row_bnds(p, i + 1, bounds_type(&m->rows[i]),
				 (double)m->rows[i].low, (double)m->rows[i].high);
	for (int i = 0; i < m->columns_count; i++) {
		const struct ip_bounds *b = &m->columns[i];

		glp_set_col_bnds(p, i + 1, bounds_type(b), (double)b->low,
				 (double)b->high);
		glp_set_obj_coef(p, i + 1, (double)b->cost);
		glp_set_col_kind(p, i + 1, GLP_IV);
	}
	for (int i = 0; i < m->entries_count; i++) {
		ia[i + 1] = m->entries[i].row + 1;
		ja[i + 1] = m->entries[i].column + 1;
		ar[i + 1] = (double)m->entries[i].value;
	}
	glp_load_matrix(p, m->entries_count, ia, ja, ar);
	free(ia);
	free(ja);
	free(ar);
}

static bool
read_answer(const struct ip *m, glp_prob *p, int64_t *ret_saving)
{
	int64_t *x = malloc((size_t)m->columns_count * sizeof(*x));
	bool good = x != NULL;

	for (int i = 0; good && i < m->columns_count; i++) {
		double value = glp_mip_col_val(p, i + 1);

		x[i] = (int64_t)(value < 0 ? value - 0.5 : value + 0.5);
	}
	good = good && exact(m, x, ret_saving);
	free(x);
	return good;
}

/* GLPK's own limit is of the wall clock, which says nothing on a busy machine. */
static void
watch(glp_tree *tree, void *limit)
{
	if (clock() > *(const clock_t *)limit)
		glp_ios_terminate(tree);
}

enum oracle_ip
ip_solve(const struct ip *m, int milliseconds, int64_t *ret_saving)
{
	clock_t limit = clock() + (clock_t)milliseconds * (CLOCKS_PER_SEC / 1000);
	enum oracle_ip answer = ORACLE_IP_UNSOLVED;
	glp_prob *p;
	glp_iocp how;

	if (m->too_large)
		return ORACLE_IP_TOO_LARGE;
	glp_term_out(GLP_OFF);
	p = glp_create_prob();
	load(m, p);
	glp_init_iocp(&how);
	how.presolve = GLP_ON;
	how.cb_func = watch;
	how.cb_info = &limit;
	how.mip_gap = 0;
	how.br_tech = GLP_BR_PCH;
	how.bt_tech = GLP_BT_BLB;
	/* (Cover cuts abort in GLPK 5.0 where presolving leaves no knapsack.) */
	how.gmi_cuts = how.mir_cuts = GLP_ON;
	if (glp_intopt(p, &how) == 0 && glp_mip_status(p) == GLP_OPT &&
	    read_answer(m, p, ret_saving))
		answer = ORACLE_IP_OPTIMAL;
	glp_delete_prob(p);
	return answer;
}

#else

enum oracle_ip
ip_solve(const struct ip *m, int milliseconds, int64_t *ret_saving)
{
	(void)m;
	(void)milliseconds;
	(void)ret_saving;
	return ORACLE_IP_MISSING;
}

#endif

static enum oracle_ip
solve_allowed(const struct oracle_case *c, const bool *allowed, int milliseconds,
	      int64_t *ret_saving)
{
	struct ip *m = malloc(sizeof(*m));
	enum oracle_ip answer;

	if (m == NULL)
		abort();
	ip_build(m, c, allowed);
	answer = ip_solve(m, milliseconds, ret_saving);
	ip_free(m);
	free(m);
	return answer;
}

/* Budgets and exclusive rules look at what a rule saves alone. */
static enum oracle_ip
alone(const struct oracle_case *c, int rule, int milliseconds, int64_t *ret_saving)
{
	bool allowed[ORACLE_RULES_MAX] = { false };

	allowed[rule] = true;
	return solve_allowed(c, allowed, milliseconds, ret_saving);
}

enum oracle_ip
oracle_ip_best(const struct oracle_case *c, int milliseconds, int64_t *ret_total)
{
	bool allowed[ORACLE_RULES_MAX] = { false };
	int64_t gross = 0, best = 0, saving = 0;
	struct oracle_parts parts;
	enum oracle_ip answer;

	oracle_parts(c, &parts);
	for (int l = 0; l < c->lines_count; l++)
		gross += c->lines[l].amount;
	for (int i = 0; i < c->rules_count; i++) {
		const struct oracle_rule *r = &c->rules[i];

		allowed[i] = !oracle_is_points(r) && oracle_may_apply(&parts, r);
		if (!allowed[i] || (r->budget == 0 && !r->best))
			continue;
		answer = alone(c, i, milliseconds, &saving);
		if (answer != ORACLE_IP_OPTIMAL)
			return answer;
		if (r->budget > 0 && saving > oracle_budget_left(r))
			allowed[i] = false;
		else if (r->best && saving > best)
			best = saving;
		allowed[i] = allowed[i] && !r->best;
	}
	answer = solve_allowed(c, allowed, milliseconds, &saving);
	if (answer == ORACLE_IP_OPTIMAL)
		*ret_total = gross - (saving > best ? saving : best);
	return answer;
}
