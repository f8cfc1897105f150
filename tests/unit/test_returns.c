#include "unit.h"

#include "base/plain/money.h"
#include "core/returns.h"

#include <errno.h>

/* Refunds of a line: any order, any cut, in all exactly what was paid. */
#define SALES 20000u

static uint64_t state = 42;

/* xorshift64* (Vigna): the same numbers on every machine. */
static uint64_t
rnd(uint64_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(2685821657736338717) % below;
}

static const struct {
	int64_t net, parts, k, share;
} shares[] = {
	{ 500, 3, 0, 0 },
	{ 500, 3, 1, 167 },
	{ 500, 3, 2, 333 },
	{ 500, 3, 3, 500 },
	{ 0, 5, 3, 0 },
	{ 1, 2, 1, 1 },
	{ 1, 2, 2, 1 },
	{ 199, 350, 349, 198 },
	{ 7, 1, 1, 7 },
	{ 2, 4, 1, 1 },
	{ 2, 4, 2, 1 },
	{ MONEY_MINOR_MAX, RETURNS_PARTS_MAX, RETURNS_PARTS_MAX, MONEY_MINOR_MAX },
	{ MONEY_MINOR_MAX, RETURNS_PARTS_MAX, 1, 1000 },
};

START_TEST(a_share_is_the_line_cut_in_parts_and_rounded_half_up)
{
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		int64_t share = -1;

		ck_assert_int_eq(returns_share(shares[i].net, shares[i].parts,
					       shares[i].k, &share),
				 0);
		ck_assert_int_eq(share, shares[i].share);
	}
}
END_TEST

static const struct {
	int64_t net, parts, k;
} wrong[] = {
	{ -1, 1, 1 },
	{ 5, 0, 0 },
	{ 5, -1, 0 },
	{ 5, 2, 3 },
	{ 5, 2, -1 },
	{ MONEY_MINOR_MAX + 1, 2, 1 },
	{ 5, RETURNS_PARTS_MAX + 1, 1 },
};

START_TEST(what_is_no_sale_is_refused)
{
	int64_t v = 77;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(
			returns_share(wrong[i].net, wrong[i].parts, wrong[i].k, &v),
			-EINVAL);
	ck_assert_int_eq(returns_refund(&(struct returns_step){ 5, 2, 1, 2 }, &v),
			 -EINVAL);
	ck_assert_int_eq(returns_refund(&(struct returns_step){ 5, 2, 1, -1 }, &v),
			 -EINVAL);
	ck_assert_int_eq(returns_refund(&(struct returns_step){ 5, 2, 1, INT64_MAX }, &v),
			 -EINVAL);
	ck_assert_int_eq(returns_refund(&(struct returns_step){ 5, 2, INT64_MAX, 1 }, &v),
			 -EINVAL);
	ck_assert_int_eq(v, 77);
}
END_TEST

/* Prices of cents and of fortunes, single units and tonnes. */
static void
random_line(struct returns_step *s)
{
	static const uint64_t nets[] = { 2, 100, 5000, 1000000, MONEY_MINOR_MAX };
	static const uint64_t parts[] = { 1, 3, 12, 5000, RETURNS_PARTS_MAX };

	s->net_minor = (int64_t)rnd(nets[rnd(5)] + 1);
	s->parts = 1 + (int64_t)rnd(parts[rnd(5)]);
	s->before = s->take = 0;
}

/* The refunds of a sale whose parts come back in cuts of random size. */
START_TEST(refunds_add_up_to_what_was_paid_however_it_is_cut)
{
	for (unsigned n = 0; n < SALES; n++) {
		struct returns_step s;
		int64_t sum = 0, most;

		random_line(&s);
		most = s.parts / (1 + (int64_t)rnd(20)) + 1;
		while (s.before < s.parts) {
			int64_t refund = -1, exact;

			s.take = 1 + (int64_t)rnd((uint64_t)most);
			if (s.take > s.parts - s.before)
				s.take = s.parts - s.before;
			ck_assert_int_eq(returns_refund(&s, &refund), 0);
			ck_assert_int_ge(refund, 0);
			/* Never farther than one minor unit from its exact share. */
			ck_assert_int_eq(money_muldiv(s.net_minor, s.take, s.parts,
						      ROUND_DOWN, &exact),
					 0);
			ck_assert_int_ge(refund, exact > 0 ? exact - 1 : 0);
			ck_assert_int_le(refund, exact + 2);
			sum += refund;
			s.before += s.take;
		}
		ck_assert_int_eq(sum, s.net_minor);
	}
}
END_TEST

START_TEST(parts_are_units_or_thousandths)
{
	static const struct {
		int64_t qty;
		bool weighed, measured;
		int64_t parts;
	} rows[] = {
		{ 1000, false, false, 1 },
		{ 5000000, false, false, 5000 },
		{ 1000, true, true, 1000 },
		{ 350, true, true, 350 },
		{ 2500, false, true, 2500 },
		{ 1, false, true, 1 },
		{ 1000000000, true, true, RETURNS_PARTS_MAX },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool measured = !rows[i].measured;

		ck_assert_int_eq(returns_parts(rows[i].qty, rows[i].weighed, &measured),
				 rows[i].parts);
		ck_assert_int_eq(measured, rows[i].measured);
	}
}
END_TEST

UNIT_MAIN("returns", a_share_is_the_line_cut_in_parts_and_rounded_half_up,
	  what_is_no_sale_is_refused, refunds_add_up_to_what_was_paid_however_it_is_cut,
	  parts_are_units_or_thousandths)
