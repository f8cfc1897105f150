#include "core/pricing/pricing_session.h"
#include "pricing_cases.h"
#include "unit.h"

#include <inttypes.h>

/*
 * A session that lines come into, leave and change in is priced as the same basket from scratch,
 * after every step and to the last bit of the answer.
 */
#define CASES_DEFAULT 400
#define STEPS 12

struct course {
	uint64_t seed;
	int steps;
};

/* What is in the basket: a case whose lines may be absent or have other quantities. */
struct state {
	struct oracle_case *all, *now;
	bool present[ORACLE_LINES_MAX];
	int extra[ORACLE_LINES_MAX];
	bool known;
	uint64_t s;
};

static void
make_now(struct state *t)
{
	oracle_copy(t->now, t->all);
	t->now->known = t->known;
	t->now->lines_count = 0;
	for (int i = 0; i < t->all->lines_count; i++) {
		struct oracle_line *l = &t->now->lines[t->now->lines_count];

		if (!t->present[i])
			continue;
		*l = t->all->lines[i];
		if (l->grams == 0)
			l->units += t->extra[i];
		oracle_settle(l);
		t->now->lines_count++;
	}
}

static bool
same_shares(const struct pricing_result *a, const struct pricing_result *b)
{
	if (a->shares_count != b->shares_count)
		return !cases_note("%zu shares or %zu", a->shares_count, b->shares_count);
	for (size_t i = 0; i < a->shares_count; i++) {
		const struct pricing_share *x = &a->shares[i], *y = &b->shares[i];

		if (x->rule != y->rule || x->line_index != y->line_index ||
		    x->qty_milli != y->qty_milli ||
		    x->discount_minor != y->discount_minor)
			return !cases_note("share %zu differs", i);
	}
	return true;
}

static bool
same_rules(const struct pricing_result *a, const struct pricing_result *b)
{
	for (size_t i = 0; i < a->rules_count; i++) {
		const struct pricing_rule_result *x = &a->rules[i], *y = &b->rules[i];

		if (x->reason != y->reason || x->applications != y->applications ||
		    x->discount_minor != y->discount_minor ||
		    x->missed_by_one != y->missed_by_one ||
		    (x->missed_by_one && (x->hint_line_index != y->hint_line_index ||
					  x->hint_saving_minor != y->hint_saving_minor)))
			return !cases_note("rule %zu differs: %s or %s", i,
					   pricing_reason_name(x->reason),
					   pricing_reason_name(y->reason));
	}
	return true;
}

static bool
same(const struct pricing_result *a, const struct pricing_result *b, size_t lines)
{
	if (a->total_minor != b->total_minor || a->gross_minor != b->gross_minor ||
	    a->saving_minor != b->saving_minor ||
	    a->saving_versus_stranger_minor != b->saving_versus_stranger_minor ||
	    a->optimal != b->optimal || a->gap_minor != b->gap_minor ||
	    a->nodes != b->nodes)
		return !cases_note("session %" PRId64 " gap %" PRId64 " nodes %" PRIu64
				   " stranger %" PRId64 ", scratch %" PRId64
				   " gap %" PRId64 " nodes %" PRIu64 " stranger %" PRId64,
				   a->total_minor, a->gap_minor, a->nodes,
				   a->saving_versus_stranger_minor, b->total_minor,
				   b->gap_minor, b->nodes,
				   b->saving_versus_stranger_minor);
	for (size_t i = 0; i < lines; i++)
		if (a->line_net_minor[i] != b->line_net_minor[i])
			return !cases_note("line %zu differs", i);
	return same_shares(a, b) && same_rules(a, b);
}

/* One step of the course: which line it changed, or -1 for the member. */
static int
step(struct state *t, bool *ret_gone)
{
	int i = oracle_pick(&t->s, t->all->lines_count), others = 0;

	*ret_gone = false;
	if (oracle_chance(&t->s, 10)) {
		t->known = !t->known;
		return -1;
	}
	for (int k = 0; k < t->all->lines_count; k++)
		others += k != i && t->present[k];
	if (t->present[i] && others > 0 && oracle_chance(&t->s, 35)) {
		t->present[i] = false;
		*ret_gone = true;
	} else {
		t->extra[i] = t->present[i] ? oracle_pick(&t->s, 3) : 0;
		t->present[i] = true;
	}
	return i;
}

/* Does the same step in the session, as the lane would: line by line, or the basket as a whole. */
static int
follow(struct pricing_session *s, struct state *t, const struct cases_answer *a, int line,
       bool gone)
{
	int id = line >= 0 ? t->all->lines[line].id : 0;

	if (line < 0)
		return pricing_session_set_member(s, &a->kit.member);
	if (oracle_chance(&t->s, 15))
		return pricing_session_set_lines(s, a->kit.basket.lines,
						 a->kit.basket.lines_count);
	if (gone)
		return pricing_session_void_line(s, (uint32_t)id);
	return pricing_session_set_line(s, &a->kit.basket.lines[cases_line(a, id)]);
}

static bool
step_differs(struct pricing_session *s, struct state *t)
{
	struct pricing_budget budget = {
		.nodes_max = oracle_chance(&t->s, 25) ? 1 + oracle_next(&t->s) % 200 : 0
	};
	const struct pricing_result *r = NULL;
	struct cases_answer a;
	bool gone, bad;
	int line = step(t, &gone);

	make_now(t);
	if (!cases_price(&a, t->now, 0, &budget))
		return false;
	ck_assert_int_eq(follow(s, t, &a, line, gone), 0);
	ck_assert_int_eq(pricing_session_price(s, &budget, &r), 0);
	bad = !same(r, a.r, a.kit.basket.lines_count);
	cases_free(&a);
	return bad;
}

static bool
session_differs(const struct oracle_case *c, void *ctx)
{
	const struct course *course = ctx;
	struct pricing_session *s = NULL;
	struct cases_answer whole;
	struct oracle_case *copies = malloc(2 * sizeof(*copies));
	struct state t = { .known = c->known, .s = course->seed };
	bool bad = false;

	ck_assert_ptr_nonnull(copies);
	t.all = &copies[0];
	t.now = &copies[1];
	oracle_copy(t.all, c);
	if (!cases_price(&whole, c, 0, NULL))
		goto out;
	ck_assert_int_eq(pricing_session_new(whole.kit.rules, &whole.kit.member,
					     &whole.kit.at, (struct str){ 0 },
					     (struct str){ 0 }, &s),
			 0);
	for (int i = 0; i < course->steps && !bad; i++)
		bad = step_differs(s, &t);
	pricing_session_free(s);
	cases_free(&whole);
out:
	free(copies);
	return bad;
}

START_TEST(a_session_is_priced_as_from_scratch)
{
	uint64_t first = cases_first_seed(), count = cases_count(CASES_DEFAULT);
	struct oracle_case *c = malloc(sizeof(*c));

	ck_assert_ptr_nonnull(c);
	for (uint64_t seed = first; seed < first + count; seed++) {
		struct course course = { seed, STEPS };

		cases_random(c, seed);
		if (!session_differs(c, &course))
			continue;
		while (course.steps > 1) { /* the first step that differs is enough */
			course.steps--;
			if (!session_differs(c, &course)) {
				course.steps++;
				break;
			}
		}
		cases_fail("session and scratch", c, seed, session_differs, &course);
	}
	free(c);
}
END_TEST

/* The same with more goods, so that some components stay as they are. */
START_TEST(a_session_of_a_medium_basket_is_priced_as_from_scratch)
{
	uint64_t first = cases_first_seed(), count = cases_count(CASES_DEFAULT) / 40 + 1;
	struct oracle_case *c = malloc(sizeof(*c));

	ck_assert_ptr_nonnull(c);
	for (uint64_t seed = first; seed < first + count; seed++) {
		struct course course = { seed, STEPS };

		oracle_medium(c, seed, 10, 20, cases_kinds());
		if (session_differs(c, &course))
			cases_fail("session and scratch", c, seed, session_differs,
				   &course);
	}
	free(c);
}
END_TEST

CASES_MAIN("pricing_changes", a_session_is_priced_as_from_scratch,
	   a_session_of_a_medium_basket_is_priced_as_from_scratch)
