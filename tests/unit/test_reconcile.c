#include "unit.h"

#include "base/plain/money.h"
#include "core/reconcile.h"

#include <errno.h>

/* Each difference between the journal and the other side has its name. */
#define ROWS_MAX 6u

/* One payment of 10.00 under key 1, reference "R1", ticket "T1". */
static struct reconcile_ours
ours(enum payment_state state, int64_t returned)
{
	struct reconcile_ours o = {
		.key = { { 1 } },
		.ticket = STR("T1"),
		.ref = STR("R1"),
		.currency = STR("EUR"),
		.state = state,
		.asked_minor = 1000,
		.answered_minor = 1000,
		.returned_minor = returned,
	};

	return o;
}

struct seen {
	struct reconcile_result rows[ROWS_MAX];
	uint32_t count;
};

static int
see(void *ctx, const struct reconcile_result *r)
{
	struct seen *s = ctx;

	ck_assert_uint_lt(s->count, ROWS_MAX);
	s->rows[s->count++] = *r;
	return 0;
}

static struct seen
run(const struct reconcile_ours *o, uint32_t o_count, const struct reconcile_theirs *t,
    uint32_t t_count)
{
	struct reconcile_input in = { o, o_count, t, t_count };
	struct seen s = { .count = 0 };

	ck_assert_int_eq(reconcile_run(&in, see, &s), 0);
	return s;
}

static const struct {
	enum payment_state state;
	int64_t returned;
	int64_t amounts[3]; /* of the other side, 0 none */
	enum reconcile_kind kind;
} rows[] = {
	{ PAYMENT_CONFIRMED, 0, { 1000 }, RECONCILE_AGREES },
	{ PAYMENT_CONFIRMED, 0, { 400, 600 }, RECONCILE_AGREES },
	{ PAYMENT_CONFIRMED, 0, { 0 }, RECONCILE_NOT_THERE },
	{ PAYMENT_CONFIRMED, 0, { 999 }, RECONCILE_AMOUNT },
	{ PAYMENT_CONFIRMED, 0, { 1001 }, RECONCILE_AMOUNT },
	{ PAYMENT_CONFIRMED, 0, { 1000, 1000 }, RECONCILE_TWICE },
	{ PAYMENT_CONFIRMED, 0, { 1000, 1000, -1000 }, RECONCILE_AGREES },
	{ PAYMENT_CONFIRMED, 0, { 1000, -1000 }, RECONCILE_TAKEN_BACK },
	{ PAYMENT_CONFIRMED, 300, { 1000, -300 }, RECONCILE_RETURNED },
	{ PAYMENT_CONFIRMED, 1000, { 1000, -1000 }, RECONCILE_RETURNED },
	{ PAYMENT_CONFIRMED, 1000, { 1000, 1000, -1000 }, RECONCILE_TWICE },
	{ PAYMENT_CONFIRMED, 300, { 400, 600 }, RECONCILE_AGREES },
	{ PAYMENT_CONFIRMED, 300, { 1000 }, RECONCILE_AGREES }, /* not refunded yet */
	{ PAYMENT_CONFIRMED, 300, { 1000, -200 }, RECONCILE_AMOUNT },
	{ PAYMENT_UNDONE, 0, { 0 }, RECONCILE_AGREES },
	{ PAYMENT_UNDONE, 0, { 1000, -1000 }, RECONCILE_UNDONE },
	{ PAYMENT_UNDONE, 0, { 1000 }, RECONCILE_NOT_UNDONE },
	{ PAYMENT_UNDONE, 0, { 1000, -900 }, RECONCILE_NOT_UNDONE },
	{ PAYMENT_DECLINED, 0, { 0 }, RECONCILE_AGREES },
	{ PAYMENT_DECLINED, 0, { 1000 }, RECONCILE_CHARGED },
	{ PAYMENT_NOT_SENT, 0, { 1000 }, RECONCILE_CHARGED },
	{ PAYMENT_CANCELLED, 0, { 1000 }, RECONCILE_CHARGED },
	{ PAYMENT_CREATED, 0, { 1000 }, RECONCILE_CHARGED },
	{ PAYMENT_UNKNOWN, 0, { 1000 }, RECONCILE_RESOLVES },
	{ PAYMENT_SENDING, 0, { 1000 }, RECONCILE_RESOLVES },
	{ PAYMENT_APPROVED, 0, { 1000 }, RECONCILE_RESOLVES },
	{ PAYMENT_PARTIAL, 0, { 0 }, RECONCILE_OPEN },
	{ PAYMENT_UNKNOWN, 0, { 0 }, RECONCILE_OPEN },
	{ PAYMENT_UNDO_QUEUED, 0, { 1000 }, RECONCILE_RESOLVES },
	{ PAYMENT_ANSWER_SENDING, 0, { 1000, -1000 }, RECONCILE_OPEN },
	{ PAYMENT_UNDO_FAILED, 0, { 1000 }, RECONCILE_UNDO_FAILED },
	{ PAYMENT_UNDO_FAILED, 0, { 0 }, RECONCILE_UNDO_FAILED },
};

START_TEST(every_state_against_every_sum_has_its_name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reconcile_ours o = ours(rows[i].state, rows[i].returned);
		struct reconcile_theirs t[3];
		uint32_t n = 0;
		struct seen s;

		memset(t, 0, sizeof(t));
		for (; n < 3 && rows[i].amounts[n] != 0; n++) {
			t[n].ref = STR("R1");
			t[n].amount_minor = rows[i].amounts[n];
		}
		s = run(&o, 1, t, n);
		ck_assert_uint_eq(s.count, 1);
		ck_assert_msg(s.rows[0].kind == rows[i].kind, "row %zu: %s", i,
			      reconcile_name(s.rows[0].kind));
	}
}
END_TEST

/* A refund of 300 of the payment with the key of ours(). */
static struct reconcile_ours
refund(enum payment_state state)
{
	struct reconcile_ours o = ours(state, 0);

	o.kind = PAYMENT_REFUND;
	o.original = o.key;
	o.original_ref = STR("R1");
	o.key = (struct key128){ { 50 } };
	o.ref = STR("B1");
	o.ticket = STR("01RETURN");
	o.asked_minor = 300;
	o.answered_minor = state == PAYMENT_REFUNDED ? 300 : 0;
	return o;
}

static const struct {
	enum payment_state state;
	int64_t amounts[2];
	enum reconcile_kind kind;
} refund_rows[] = {
	{ PAYMENT_REFUNDED, { -300 }, RECONCILE_AGREES },
	{ PAYMENT_REFUNDED, { 0 }, RECONCILE_NOT_BACK },
	{ PAYMENT_REFUNDED, { -299 }, RECONCILE_AMOUNT },
	{ PAYMENT_REFUNDED, { -300, -300 }, RECONCILE_BACK_TWICE },
	{ PAYMENT_REFUNDED, { -300, 300 }, RECONCILE_AMOUNT },
	{ PAYMENT_UNKNOWN, { 0 }, RECONCILE_OPEN },
	{ PAYMENT_CREATED, { 0 }, RECONCILE_OPEN },
	{ PAYMENT_UNKNOWN, { -300 }, RECONCILE_BACK_RESOLVES },
	{ PAYMENT_DECLINED, { 0 }, RECONCILE_AGREES },
	{ PAYMENT_DECLINED, { -300 }, RECONCILE_BACK },
	{ PAYMENT_CANCELLED, { -300 }, RECONCILE_BACK },
};

START_TEST(every_state_of_a_refund_against_every_sum_has_its_name)
{
	for (size_t i = 0; i < sizeof(refund_rows) / sizeof(refund_rows[0]); i++) {
		struct reconcile_ours o = refund(refund_rows[i].state);
		struct reconcile_theirs t[2];
		uint32_t n = 0;
		struct seen s;

		memset(t, 0, sizeof(t));
		for (; n < 2 && refund_rows[i].amounts[n] != 0; n++) {
			t[n].ref = STR("B1");
			t[n].amount_minor = refund_rows[i].amounts[n];
		}
		s = run(&o, 1, t, n);
		ck_assert_uint_eq(s.count, 1);
		ck_assert_msg(s.rows[0].kind == refund_rows[i].kind, "row %zu: %s", i,
			      reconcile_name(s.rows[0].kind));
	}
}
END_TEST

/* Processors book a refund under its own name, or under that of the payment. */
START_TEST(money_back_under_the_payments_name_is_its_refund)
{
	static const struct reconcile_theirs names[] = {
		{ .ref = { "B1", 2 }, .amount_minor = -300 },
		{ .key = { { 50 } }, .amount_minor = -300 },
		{ .ref = { "R1", 2 }, .amount_minor = -300 },
		{ .key = { { 1 } }, .amount_minor = -300 },
		{ .ticket = { "T1", 2 }, .amount_minor = -300 },
		{ .ticket = { "01RETURN", 8 }, .amount_minor = -300 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct reconcile_ours o[2] = { ours(PAYMENT_CONFIRMED, 0),
					       refund(PAYMENT_REFUNDED) };
		struct reconcile_theirs t[2] = {
			{ .ref = STR("R1"), .amount_minor = 1000 }, names[i]
		};
		struct seen s = run(o, 2, t, 2);

		ck_assert_uint_eq(s.count, 2);
		ck_assert_int_eq(s.rows[0].kind, RECONCILE_AGREES);
		ck_assert_int_eq(s.rows[1].kind, RECONCILE_AGREES);
		ck_assert_ptr_eq(s.rows[1].theirs, &t[1]);
		ck_assert_int_eq(s.rows[1].ours_minor, -300);
		/* The payment was on another day. */
		if (names[i].ticket.n == 2)
			continue; /* the ticket of the sale says nothing then */
		s = run(&o[1], 1, &t[1], 1);
		ck_assert_uint_eq(s.count, 1);
		ck_assert_int_eq(s.rows[0].kind, RECONCILE_AGREES);
	}
}
END_TEST

/* One was declined, and the goods' next unit went back: the entry is of that one. */
START_TEST(of_several_refunds_the_one_that_went_back_counts)
{
	struct reconcile_ours o[3] = { refund(PAYMENT_DECLINED), refund(PAYMENT_UNKNOWN),
				       refund(PAYMENT_REFUNDED) };
	struct reconcile_theirs t[2] = { { .ref = STR("R1"), .amount_minor = -300 },
					 { .ref = STR("R1"), .amount_minor = -300 } };
	struct seen s;

	for (uint8_t i = 0; i < 3; i++) {
		o[i].key.b[1] = i;
		o[i].ref = STR("");
	}
	s = run(o, 3, t, 2);
	ck_assert_int_eq(s.rows[0].kind, RECONCILE_AGREES);
	ck_assert_int_eq(s.rows[1].kind, RECONCILE_BACK_RESOLVES);
	ck_assert_int_eq(s.rows[2].kind, RECONCILE_AGREES);
}
END_TEST

/* In whatever order they stand in the file. */
START_TEST(an_entry_with_a_refunds_own_name_is_not_given_away)
{
	struct reconcile_ours o[2] = { refund(PAYMENT_REFUNDED),
				       refund(PAYMENT_REFUNDED) };
	struct reconcile_theirs t[2] = { { .ref = STR("R1"), .amount_minor = -300 },
					 { .ref = STR("B1"), .amount_minor = -300 } };
	struct seen s;

	o[1].key.b[1] = 1;
	o[1].ref = STR("B2");
	s = run(o, 2, t, 2);
	ck_assert_uint_eq(s.count, 2);
	ck_assert_int_eq(s.rows[0].kind, RECONCILE_AGREES);
	ck_assert_int_eq(s.rows[1].kind, RECONCILE_AGREES);
	ck_assert_ptr_eq(s.rows[1].theirs, &t[0]);
}
END_TEST

START_TEST(money_back_of_another_amount_is_no_refund_of_ours)
{
	struct reconcile_ours o[2] = { ours(PAYMENT_CONFIRMED, 0),
				       refund(PAYMENT_REFUNDED) };
	struct reconcile_theirs t[2] = { { .ref = STR("R1"), .amount_minor = 1000 },
					 { .ref = STR("R1"), .amount_minor = -200 } };
	struct seen s = run(o, 2, t, 2);

	ck_assert_int_eq(s.rows[0].kind, RECONCILE_AMOUNT);
	ck_assert_int_eq(s.rows[1].kind, RECONCILE_NOT_BACK);
}
END_TEST

/*
 * A refund failed, and its money stands in the file as given back under the payment's name, or the
 * charge with the wrong sign: these look the same. Both are named, in whatever state the refund is.
 */
START_TEST(money_back_in_the_place_of_a_charge_is_the_refund_that_may_be_it)
{
	static const struct {
		enum payment_state state;
		int64_t amount;
		enum reconcile_kind charge, back;
	} cases[] = {
		{ PAYMENT_DECLINED, -300, RECONCILE_NOT_THERE, RECONCILE_BACK },
		{ PAYMENT_NOT_SENT, -300, RECONCILE_NOT_THERE, RECONCILE_BACK },
		{ PAYMENT_UNKNOWN, -300, RECONCILE_NOT_THERE, RECONCILE_BACK_RESOLVES },
		{ PAYMENT_REFUNDED, -300, RECONCILE_NOT_THERE, RECONCILE_AGREES },
		/* Of no refund's amount. */
		{ PAYMENT_DECLINED, -301, RECONCILE_AMOUNT, RECONCILE_AGREES },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reconcile_ours o[2] = { ours(PAYMENT_CONFIRMED, 0),
					       refund(cases[i].state) };
		struct reconcile_theirs t = { .key = o[0].key,
					      .amount_minor = cases[i].amount };
		struct seen s;

		o[0].asked_minor = o[0].answered_minor = 300;
		s = run(o, 2, &t, 1);
		ck_assert_uint_eq(s.count, 2);
		ck_assert_msg(s.rows[0].kind == cases[i].charge, "row %zu: %s", i,
			      reconcile_name(s.rows[0].kind));
		ck_assert_msg(s.rows[1].kind == cases[i].back, "row %zu: %s", i,
			      reconcile_name(s.rows[1].kind));
		ck_assert_int_eq(s.rows[0].theirs_minor + s.rows[1].theirs_minor,
				 cases[i].amount);
	}
}
END_TEST

START_TEST(an_entry_belongs_by_key_then_reference_then_ticket)
{
	struct reconcile_ours o[3] = { ours(PAYMENT_CONFIRMED, 0),
				       ours(PAYMENT_CONFIRMED, 0),
				       ours(PAYMENT_CONFIRMED, 0) };
	struct reconcile_theirs t[3] = {
		{ .ticket = STR("T3"), .amount_minor = 1000 },
		{ .ref = STR("R2"), .ticket = STR("T1"), .amount_minor = 1000 },
		{ .key = { { 1 } }, .ref = STR("R2"), .amount_minor = 1000 },
	};
	struct seen s;

	o[1].key.b[0] = 2;
	o[1].ref = STR("R2");
	o[1].ticket = STR("T2");
	o[2].key.b[0] = 3;
	o[2].ref = STR("");
	o[2].ticket = STR("T3");
	s = run(o, 3, t, 3);
	ck_assert_uint_eq(s.count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_ptr_eq(s.rows[i].ours, &o[i]);
		ck_assert_ptr_eq(s.rows[i].theirs, &t[2 - i]);
		ck_assert_int_eq(s.rows[i].kind, RECONCILE_AGREES);
	}
}
END_TEST

/* A ticket that was declined first and paid by a second attempt. */
START_TEST(of_several_payments_of_a_ticket_the_paid_one_counts)
{
	struct reconcile_ours o[3] = { ours(PAYMENT_DECLINED, 0),
				       ours(PAYMENT_CONFIRMED, 0),
				       ours(PAYMENT_UNDONE, 0) };
	struct reconcile_theirs t = { .ticket = STR("T1"), .amount_minor = 1000 };
	struct seen s;

	o[1].key.b[0] = 2;
	o[2].key.b[0] = 3;
	s = run(o, 3, &t, 1);
	ck_assert_uint_eq(s.count, 3);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(s.rows[i].kind, RECONCILE_AGREES);
	ck_assert_ptr_eq(s.rows[1].theirs, &t);
	o[1].state = PAYMENT_UNKNOWN;
	s = run(o, 3, &t, 1);
	ck_assert_int_eq(s.rows[1].kind, RECONCILE_RESOLVES);
}
END_TEST

/* A POS log names tickets only. Each part of a split one has its own line there, in any order. */
START_TEST(parts_of_a_split_ticket_are_told_by_their_amounts)
{
	struct reconcile_ours o[3] = { ours(PAYMENT_CONFIRMED, 0),
				       ours(PAYMENT_CONFIRMED, 0),
				       ours(PAYMENT_DECLINED, 0) };
	struct reconcile_theirs t[3] = { { .ticket = STR("T1"), .amount_minor = 700 },
					 { .ticket = STR("T1"), .amount_minor = 1000 },
					 { .ticket = STR("T1"), .amount_minor = 1000 } };
	struct seen s;

	o[1].key.b[0] = 2;
	o[1].answered_minor = 700;
	o[2].key.b[0] = 3;
	s = run(o, 3, t, 2);
	ck_assert_uint_eq(s.count, 3);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(s.rows[i].kind, RECONCILE_AGREES);
	ck_assert_ptr_eq(s.rows[0].theirs, &t[1]);
	ck_assert_ptr_eq(s.rows[1].theirs, &t[0]);
	s = run(o, 3, t, 1);
	ck_assert_int_eq(s.rows[0].kind, RECONCILE_NOT_THERE);
	s = run(o, 3, t, 3);
	ck_assert_int_eq(s.rows[0].kind, RECONCILE_TWICE);
	ck_assert_int_eq(s.rows[1].kind, RECONCILE_AGREES);
	ck_assert_int_eq(s.rows[2].kind, RECONCILE_AGREES);
}
END_TEST

/* The refund is of the second part, and the line of money back names their ticket only. */
START_TEST(money_back_by_a_split_ticket_finds_its_refund)
{
	struct reconcile_ours o[3] = { ours(PAYMENT_CONFIRMED, 0),
				       ours(PAYMENT_CONFIRMED, 0),
				       ours(PAYMENT_REFUNDED, 0) };
	struct reconcile_theirs t[3] = { { .ticket = STR("T1"), .amount_minor = 1000 },
					 { .ticket = STR("T1"), .amount_minor = 700 },
					 { .ticket = STR("T1"), .amount_minor = -300 } };
	struct seen s;

	o[1].key.b[0] = 2;
	o[1].answered_minor = 700;
	o[2].kind = PAYMENT_REFUND;
	o[2].key.b[0] = 3;
	o[2].ref = STR("");
	o[2].original = o[1].key;
	o[2].asked_minor = o[2].answered_minor = 300;
	s = run(o, 3, t, 3);
	ck_assert_uint_eq(s.count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_int_eq(s.rows[i].kind, RECONCILE_AGREES);
		ck_assert_ptr_eq(s.rows[i].theirs, &t[i]);
	}
}
END_TEST

START_TEST(strangers_and_other_currencies_are_told)
{
	struct reconcile_ours o = ours(PAYMENT_CONFIRMED, 0);
	struct reconcile_theirs t[4] = {
		{ .ref = STR("R1"), .currency = STR("USD"), .amount_minor = 1000 },
		{ .ref = STR("R9"), .amount_minor = 70, .line = 3 },
		{ .amount_minor = -5, .line = 4 }, /* without any name */
		{ .key = { { 9 } }, .ref = STR("R1"), .amount_minor = 1, .line = 5 },
	};
	struct seen s = run(&o, 1, t, 4);

	ck_assert_uint_eq(s.count, 4);
	ck_assert_int_eq(s.rows[0].kind, RECONCILE_CURRENCY);
	for (uint32_t i = 1; i < 4; i++) {
		ck_assert_int_eq(s.rows[i].kind, RECONCILE_NOT_HERE);
		ck_assert_uint_eq(s.rows[i].theirs->line, 2 + i);
		ck_assert_ptr_null(s.rows[i].ours);
	}
}
END_TEST

START_TEST(strangers_of_one_name_are_told_together)
{
	struct reconcile_theirs t[6] = {
		{ .ref = STR("R8"), .amount_minor = 70, .line = 2 },
		{ .ref = STR("R9"), .amount_minor = 5, .line = 3 },
		{ .amount_minor = 1, .line = 4 },
		{ .ref = STR("R8"), .amount_minor = -70, .line = 5 },
		{ .amount_minor = -1, .line = 6 },
		{ .ref = STR("R9"), .amount_minor = 6, .line = 7 },
	};
	struct seen s = run(NULL, 0, t, 6);

	ck_assert_uint_eq(s.count, 4);
	ck_assert_int_eq(s.rows[0].kind, RECONCILE_ELSEWHERE);
	ck_assert_uint_eq(s.rows[0].theirs->line, 2);
	ck_assert_uint_eq(s.rows[0].charges + s.rows[0].credits, 2);
	ck_assert_int_eq(s.rows[1].kind, RECONCILE_NOT_HERE);
	ck_assert_int_eq(s.rows[1].theirs_minor, 11);
	ck_assert_uint_eq(s.rows[2].theirs->line,
			  4); /* nameless ones have nothing in common */
	ck_assert_uint_eq(s.rows[3].theirs->line, 6);
}
END_TEST

START_TEST(nothing_against_nothing_is_nothing)
{
	struct seen s = run(NULL, 0, NULL, 0);

	ck_assert_uint_eq(s.count, 0);
	for (int k = 0; k < RECONCILE_KINDS; k++) {
		ck_assert_str_ne(reconcile_name((enum reconcile_kind)k), "");
		ck_assert_int_eq(reconcile_is_difference((enum reconcile_kind)k),
				 k > RECONCILE_ELSEWHERE);
	}
}
END_TEST

START_TEST(a_sum_that_overflows_is_refused)
{
	struct reconcile_ours o = ours(PAYMENT_CONFIRMED, 0);
	struct reconcile_theirs t[2] = {
		{ .ref = STR("R1"), .amount_minor = INT64_MAX },
		{ .ref = STR("R1"), .amount_minor = 1 },
	};
	struct reconcile_input in = { &o, 1, t, 2 };
	struct seen s = { .count = 0 };

	ck_assert_int_eq(reconcile_run(&in, see, &s), -ERANGE);
	ck_assert_uint_eq(s.count, 0);
}
END_TEST

UNIT_MAIN("reconcile", every_state_against_every_sum_has_its_name,
	  every_state_of_a_refund_against_every_sum_has_its_name,
	  money_back_under_the_payments_name_is_its_refund,
	  of_several_refunds_the_one_that_went_back_counts,
	  an_entry_with_a_refunds_own_name_is_not_given_away,
	  money_back_of_another_amount_is_no_refund_of_ours,
	  money_back_in_the_place_of_a_charge_is_the_refund_that_may_be_it,
	  an_entry_belongs_by_key_then_reference_then_ticket,
	  of_several_payments_of_a_ticket_the_paid_one_counts,
	  parts_of_a_split_ticket_are_told_by_their_amounts,
	  money_back_by_a_split_ticket_finds_its_refund,
	  strangers_and_other_currencies_are_told,
	  strangers_of_one_name_are_told_together, nothing_against_nothing_is_nothing,
	  a_sum_that_overflows_is_refused)
