#include "core/pricing/pricing_session.h"
#include "pricing_kit.h"
#include "unit.h"

#include <errno.h>
#include <inttypes.h>

#define RULES_BYTES 16384
#define LINES 14 /* numbers of lines that come and go */
#define CASES_DEFAULT 1000
#define STEPS 24

/* LANED_PRICING_CASES sets the number of random checkouts, LANED_PRICING_SEED the first one. */
static uint64_t
setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t
next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static int
pick(uint64_t *state, int count)
{
	return (int)(next(state) % (uint64_t)count);
}

/* ---- the comparison ------------------------------------------------------ */

static bool
same_rules(const struct pricing_result *a, const struct pricing_result *b)
{
	bool same = a->rules_count == b->rules_count;

	for (size_t i = 0; same && i < a->rules_count; i++) {
		const struct pricing_rule_result *x = &a->rules[i], *y = &b->rules[i];

		same = str_eq(x->id, y->id) && x->reason == y->reason &&
		       x->applications == y->applications &&
		       x->discount_minor == y->discount_minor &&
		       x->missed_by_one == y->missed_by_one &&
		       x->hint_line_index == y->hint_line_index &&
		       x->hint_saving_minor == y->hint_saving_minor;
	}
	return same;
}

static bool
same_shares(const struct pricing_result *a, const struct pricing_result *b)
{
	bool same = a->shares_count == b->shares_count;

	for (size_t i = 0; same && i < a->shares_count; i++)
		same = a->shares[i].rule == b->shares[i].rule &&
		       a->shares[i].line_index == b->shares[i].line_index &&
		       a->shares[i].qty_milli == b->shares[i].qty_milli &&
		       a->shares[i].discount_minor == b->shares[i].discount_minor;
	return same;
}

/* The session's answer must be the one from scratch, all of it. */
static bool
same_result(const struct pricing_result *a, const struct pricing_result *b, size_t lines)
{
	bool same = a->gross_minor == b->gross_minor &&
		    a->total_minor == b->total_minor &&
		    a->saving_minor == b->saving_minor &&
		    a->saving_versus_stranger_minor == b->saving_versus_stranger_minor &&
		    a->optimal == b->optimal && a->gap_minor == b->gap_minor &&
		    a->nodes == b->nodes;

	for (size_t i = 0; same && i < lines; i++)
		same = a->line_net_minor[i] == b->line_net_minor[i];
	return same && same_rules(a, b) && same_shares(a, b);
}

/* ---- random checkouts ---------------------------------------------------- */

/* A checkout: what the session was told, kept beside it. */
struct visit {
	struct kit kit;
	struct pricing_session *session;
	struct pricing_line lines[LINES];
	bool held[LINES];
	struct pricing_member member;
	struct pricing_use use;
	bool known;
	uint64_t state;
};

static const char *const categories[] = { "c0", "c1", "c2", "c2/x", "c3" };
static const char *const codes[] = { "s0", "s1", "s2", "s3", "s4", "s5", "s6" };
static const char *const scopes[] = {
	"\"all\":true",
	"\"category\":[\"c0\"]",
	"\"category\":[\"c1\"]",
	"\"category\":[\"c2\"]",
	"\"category\":[\"c3\"]",
	"\"category\":[\"c0\",\"c1\"]",
	"\"sku\":[\"s0\",\"s3\"]",
	"\"sku\":[\"s1\"]",
};
static const char *const whos[] = { "", "", "", "\"member\":true", "\"coupon\":\"C\"" };
static const char *const limits[] = { "", "", "", "\"per_basket\":1", "\"total\":3" };
static const char *const combines[] = { "", "", "", "\"group\":\"g\"",
					"\"group\":\"h\"" };
static const char *const whens[] = { "", "", "", "\"hours\":[\"11:00-12:00\"]" };

/* The kinds by name; a, b, c stand for what is drawn for their params. */
static int
write_kind(char *at, size_t bytes, bool wide, uint64_t *s)
{
	int bp = 500 * (1 + pick(s, 12)), n = 2 + pick(s, 3), price = 100 + pick(s, 500);

	switch (pick(s, wide ? 10 : 7)) {
	case 0:
		return snprintf(at, bytes, "\"percent\",\"params\":{\"percent_bp\":%d",
				bp);
	case 1:
		return snprintf(at, bytes, "\"amount\",\"params\":{\"amount_minor\":%d",
				price / 7);
	case 2:
		return snprintf(at, bytes,
				"\"fixed_price\",\"params\":{\"price_minor\":%d", price);
	case 3:
		return snprintf(
			at, bytes,
			"\"percent\",\"params\":{\"percent_bp\":%d,\"max_units\":%d", bp,
			n);
	case 4:
		return snprintf(
			at, bytes,
			"\"buy_get\",\"params\":{\"buy\":%d,\"get\":1,\"percent_bp\":%d",
			n, bp);
	case 7:
		return snprintf(at, bytes,
				"\"buy_get_cheapest\",\"params\":{\"buy\":%d,\"get\":1,"
				"\"percent_bp\":%d",
				n, bp);
	case 8:
		return snprintf(
			at, bytes,
			"\"basket_percent\",\"params\":{\"percent_bp\":%d,\"min_spend_"
			"minor\":%d",
			bp / 4, 4 * price);
	case 9:
		return snprintf(
			at, bytes,
			"\"basket_amount\",\"params\":{\"amount_minor\":%d,\"min_spend_"
			"minor\":%d",
			price, 6 * price);
	default:
		return snprintf(
			at, bytes,
			"\"n_for_price\",\"params\":{\"units\":%d,\"price_minor\":%d", n,
			n * price / 2);
	}
}

#define DRAW(list, s) ((list)[pick(s, (int)(sizeof(list) / sizeof((list)[0])))])

static void
make_rules(struct visit *v)
{
	static char text[RULES_BYTES];
	uint64_t *s = &v->state;
	/* One visit in two has rules that look at the whole basket. */
	bool wide = pick(s, 2) == 0;
	int count = 3 + pick(s, 10);
	size_t used = 0;

	for (int i = 0; i < count; i++) {
		char kind[200];
		bool alone = wide && pick(s, 12) == 0;

		(void)write_kind(kind, sizeof(kind), wide, s); /* fits by construction */
		used += (size_t)snprintf(
			text + used, sizeof(text) - used,
			"%s{\"id\":\"r%02d\",\"kind\":%s%s},\"scope\":{%s},\"who\":{%s},"
			"\"when\":{%s},\"limits\":{%s},\"combine\":{%s}}",
			i > 0 ? "," : "", i, kind,
			pick(s, 6) == 0 ? ",\"min_units\":3" : "", DRAW(scopes, s),
			DRAW(whos, s), DRAW(whens, s), DRAW(limits, s),
			alone ? "\"exclusive\":\"best\"" : DRAW(combines, s));
	}
	ck_assert_int_eq(kit_rule_list(&v->kit, text), 0);
}

static struct pricing_line
random_line(uint32_t number, uint64_t *s)
{
	struct pricing_line l = {
		.line = number,
		.code = str_of(DRAW(codes, s)),
		.category = str_of(DRAW(categories, s)),
		.qty_milli = 1000 * (1 + pick(s, 4)),
		.unit_price_minor = 40 + 10 * pick(s, 40),
		.floor_minor = pick(s, 5) == 0 ? 50 : 0,
		.excluded = pick(s, 9) == 0,
	};

	if (pick(s, 9) == 0) {
		l.weighed = true;
		l.qty_milli = 300 + pick(s, 900);
	}
	l.amount_minor = l.unit_price_minor * l.qty_milli / 1000 + (pick(s, 6) == 0);
	return l;
}

static size_t
lines_of(const struct visit *v, struct pricing_line *lines)
{
	size_t n = 0;

	for (int i = 0; i < LINES; i++)
		if (v->held[i])
			lines[n++] = v->lines[i];
	return n;
}

static void
compare(struct visit *v, uint64_t seed, int step)
{
	struct pricing_line lines[LINES];
	struct pricing_basket basket = { .lines = lines };
	struct pricing_budget budget = { .nodes_max = pick(&v->state, 4) == 0
							      ? 1 + (uint64_t)step * 7
							      : 0 };
	const struct pricing_result *a;
	struct pricing_result *b;

	basket.lines_count = lines_of(v, lines);
	ck_assert_int_eq(pricing_session_price(v->session, &budget, &a), 0);
	ck_assert_int_eq(pricing_price(v->kit.rules, &basket,
				       v->known ? &v->member : NULL, &v->kit.at, &budget,
				       &b),
			 0);
	if (!same_result(a, b, basket.lines_count))
		ck_abort_msg(
			"seed %" PRIu64 " step %d: %" PRId64 " in the session, %" PRId64
			" from scratch (nodes %" PRIu64 " and %" PRIu64 ")",
			seed, step, a->total_minor, b->total_minor, a->nodes, b->nodes);
	pricing_result_free(b);
}

static void
change_member(struct visit *v)
{
	static const struct str coupon = { "C", 1 };

	v->known = pick(&v->state, 3) > 0; /* or only what he used changes, or nothing */
	v->use = (struct pricing_use){ .rule = STR("r01"),
				       .total_used = pick(&v->state, 4) };
	v->member = (struct pricing_member){ .known = true,
					     .coupons = &coupon,
					     .coupons_count = (size_t)pick(&v->state, 2),
					     .uses = &v->use,
					     .uses_count = 1 };
	ck_assert_int_eq(
		pricing_session_set_member(v->session, v->known ? &v->member : NULL), 0);
}

/* One change of the basket, the member or the time. */
static void
change(struct visit *v)
{
	uint32_t number = (uint32_t)pick(&v->state, LINES);
	struct pricing_line lines[LINES];

	switch (pick(&v->state, 12)) {
	case 0:
		change_member(v);
		return;
	case 1:
		v->kit.at.wall_ms += 1800000;
		pricing_session_set_time(v->session, &v->kit.at);
		return;
	case 2: /* several lines at once, in whatever order */
		for (uint32_t i = 0; i < LINES; i += 1 + number % 4) {
			v->held[i] = pick(&v->state, 3) > 0;
			v->lines[i] = random_line(i, &v->state);
		}
		ck_assert_int_eq(
			pricing_session_set_lines(v->session, lines, lines_of(v, lines)),
			0);
		return;
	case 3:
	case 4:
	case 5:
		ck_assert_int_eq(pricing_session_void_line(v->session, number),
				 v->held[number] ? 0 : -ENOENT);
		v->held[number] = false;
		return;
	default:
		v->held[number] = true;
		v->lines[number] = random_line(number, &v->state);
		ck_assert_int_eq(pricing_session_set_line(v->session, &v->lines[number]),
				 0);
		return;
	}
}

static void
visit_begin(struct visit *v, uint64_t seed)
{
	memset(v, 0, sizeof(*v));
	v->state = seed * UINT64_C(0x9e3779b97f4a7c15);
	kit_init(&v->kit);
	make_rules(v);
	ck_assert_int_eq(pricing_session_new(v->kit.rules, NULL, &v->kit.at, STR(""),
					     STR(""), &v->session),
			 0);
}

static void
visit_end(struct visit *v)
{
	pricing_session_free(v->session);
	kit_free(&v->kit);
}

START_TEST(every_answer_is_the_one_from_scratch)
{
	uint64_t first = setting("LANED_PRICING_SEED", 1);
	uint64_t count = setting("LANED_PRICING_CASES", CASES_DEFAULT);

	for (uint64_t i = 0; i < count; i++) {
		struct visit v;

		visit_begin(&v, first + i);
		for (int step = 0; step < STEPS; step++) {
			change(&v);
			compare(&v, first + i, step);
		}
		visit_end(&v);
	}
}
END_TEST

/* ---- the interface ------------------------------------------------------- */

START_TEST(a_refused_line_changes_nothing)
{
	struct visit v;
	struct pricing_line bad, line;
	const struct pricing_result *r;
	size_t n;

	visit_begin(&v, 1);
	line = random_line(3, &v.state);
	ck_assert_int_eq(pricing_session_set_line(v.session, &line), 0);
	bad = line;
	bad.qty_milli = 0;
	ck_assert_int_eq(pricing_session_set_line(v.session, &bad), -EINVAL);
	bad = line;
	bad.amount_minor = PRICING_GROSS_MINOR_MAX + 1;
	ck_assert_int_eq(pricing_session_set_line(v.session, &bad), -ERANGE);
	ck_assert_int_eq(pricing_session_set_lines(v.session, &bad, 1), -ERANGE);
	ck_assert_int_eq(pricing_session_set_lines(
				 v.session, (struct pricing_line[]){ line, line }, 2),
			 -EINVAL);
	ck_assert_int_eq(pricing_session_void_line(v.session, 4), -ENOENT);
	ck_assert_int_eq(pricing_session_lines(v.session, &n)[0].amount_minor,
			 line.amount_minor);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(pricing_session_price(v.session, NULL, &r), 0);
	ck_assert_int_eq(r->gross_minor, line.amount_minor);
	visit_end(&v);
}
END_TEST

START_TEST(too_dear_a_basket_is_refused_and_can_be_mended)
{
	struct visit v;
	struct pricing_line line;
	const struct pricing_result *r;

	visit_begin(&v, 2);
	for (uint32_t i = 0; i < 2; i++) {
		line = random_line(i, &v.state);
		line.amount_minor = PRICING_GROSS_MINOR_MAX;
		ck_assert_int_eq(pricing_session_set_line(v.session, &line), 0);
	}
	ck_assert_int_eq(pricing_session_price(v.session, NULL, &r), -ERANGE);
	ck_assert_int_eq(pricing_session_void_line(v.session, 1), 0);
	ck_assert_int_eq(pricing_session_price(v.session, NULL, &r), 0);
	ck_assert_int_eq(r->gross_minor, PRICING_GROSS_MINOR_MAX);
	visit_end(&v);
}
END_TEST

START_TEST(a_full_basket_takes_no_line_more)
{
	struct visit v;
	struct pricing_line line;

	visit_begin(&v, 3);
	line = random_line(0, &v.state);
	for (line.line = 0; line.line < PRICING_LINES_MAX; line.line++)
		ck_assert_int_eq(pricing_session_set_line(v.session, &line), 0);
	ck_assert_int_eq(pricing_session_set_line(v.session, &line), -ENOSPC);
	line.line = 7;
	line.qty_milli = 9000;
	ck_assert_int_eq(pricing_session_set_line(v.session, &line), 0);
	visit_end(&v);
}
END_TEST

UNIT_MAIN("pricing_session", every_answer_is_the_one_from_scratch,
	  a_refused_line_changes_nothing, too_dear_a_basket_is_refused_and_can_be_mended,
	  a_full_basket_takes_no_line_more)
