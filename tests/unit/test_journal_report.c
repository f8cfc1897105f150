#include "unit.h"

#include "lane/journal_report.h"
#include "lane/journal_returns.h"
#include "tempdir.h"

#include <errno.h>

/* What the books want of the journal: pages of the payments of business days. */
static char dir[TEMPDIR_BYTES], why[256];
static struct journal *journal;

static void
put(uint8_t n, int32_t day, enum payment_state state)
{
	struct journal_ref j = journal_ref(journal);
	struct checkout_record r;
	struct payment p;

	memset(&r, 0, sizeof(r));
	memset(&p, 0, sizeof(p));
	r.checkout = p.checkout = (struct ulid){ { 9, n } };
	r.phase = PHASE_DONE;
	r.business_day = day;
	p.key.b[0] = n;
	p.state = state;
	p.asked_minor = p.answered_minor = 100 * n;
	ck_assert_int_eq(j.ops->begin(j.impl, true), 0);
	ck_assert_int_eq(j.ops->put_checkout(j.impl, &r), 0);
	ck_assert_int_eq(j.ops->put_payment(j.impl, &p), 0);
	ck_assert_int_eq(j.ops->commit(j.impl), 0);
}

static void
put_return(uint8_t n, uint8_t checkout, int32_t day)
{
	struct journal_return_line l = { n, 900, false, 0, 1, 10 };
	struct journal_return r = { .id = { { 2, n } },
				    .checkout = { { 9, checkout } },
				    .wall_ms = 5,
				    .business_day = day,
				    .currency = "EUR",
				    .refund_minor = 10,
				    .lines = &l,
				    .lines_count = 1 };

	ck_assert_int_eq(journal_return_put(journal, &r), 0);
}

/* Two days with three payments each; of the second one goods came back, on a third day. */
static void
begin(void)
{
	struct journal_spec spec;
	int rc;

	tempdir_make(dir);
	spec = (struct journal_spec){ .path = tempdir_path(dir, "journal.db"),
				      .environment = "test",
				      .lane = { { 1 } } };
	rc = journal_open(&spec, &journal, why);
	ck_assert_msg(rc == 0, "%d %s", rc, why);
	for (uint8_t n = 1; n <= 6; n++)
		put(n, n <= 3 ? 20261121 : 20261122,
		    n % 2 == 0 ? PAYMENT_CONFIRMED : PAYMENT_UNDONE);
	put_return(1, 2, 20261123);
	put_return(2, 2, 20261123);
}

static void
end(void)
{
	journal = journal_close(journal);
	tempdir_remove(dir);
}

struct seen {
	struct journal_report_row rows[8];
	uint32_t count;
};

static int
see(void *ctx, const struct journal_report_row *r)
{
	struct seen *s = ctx;

	ck_assert_uint_lt(s->count, 8);
	s->rows[s->count++] = *r;
	return 0;
}

START_TEST(a_day_has_its_payments_and_what_came_back)
{
	struct journal_report_query q = { 20261121, 20261121, 0, 10, false };
	struct seen s = { .count = 0 };
	int64_t count = -1, refund = -1;

	begin();
	ck_assert_int_eq(journal_report(journal, &q, see, &s), 0);
	ck_assert_uint_eq(s.count, 3);
	ck_assert_int_eq(s.rows[0].payment.key.b[0], 1);
	ck_assert_int_eq(s.rows[1].payment.state, PAYMENT_CONFIRMED);
	ck_assert_int_eq(s.rows[1].returned_minor, 20); /* whenever it was */
	ck_assert_int_eq(s.rows[0].returned_minor, 0);
	ck_assert_int_eq(s.rows[2].business_day, 20261121);
	ck_assert_int_eq(journal_report_returns(journal, &q, &count, &refund), 0);
	ck_assert_int_eq(count, 0); /* made on another day */
	q.from_day = q.to_day = 20261123;
	ck_assert_int_eq(journal_report_returns(journal, &q, &count, &refund), 0);
	ck_assert_int_eq(count, 2);
	ck_assert_int_eq(refund, 20);
	end();
}
END_TEST

/* What went back to a token is a refund of its own, and no other money that came back. */
START_TEST(refunds_are_listed_on_the_day_of_their_return)
{
	struct journal_report_query q = { 20261122, 20261122, 0, 10, true };
	struct payment p = { .kind = PAYMENT_REFUND,
			     .key = { { 77 } },
			     .checkout = { { 9, 4 } },
			     .original = { { 4 } },
			     .return_id = { { 2, 3 } },
			     .state = PAYMENT_CREATED,
			     .currency = "EUR",
			     .asked_minor = 6 };
	struct journal_return_line l = { 3, 900, false, 0, 1, 10 };
	struct journal_return r = { .id = { { 2, 3 } },
				    .checkout = { { 9, 4 } },
				    .wall_ms = 5,
				    .business_day = 20261124,
				    .currency = "EUR",
				    .refund_minor = 10,
				    .lines = &l,
				    .lines_count = 1,
				    .refund = &p,
				    .captured_minor = 400 };
	struct seen s = { .count = 0 };

	begin();
	ck_assert_int_eq(journal_return_put(journal, &r), 0);
	ck_assert_int_eq(journal_report(journal, &q, see, &s), 0);
	ck_assert_uint_eq(s.count, 0); /* sold on that day */
	q.from_day = q.to_day = 20261124;
	ck_assert_int_eq(journal_report(journal, &q, see, &s), 0);
	ck_assert_uint_eq(s.count, 1);
	ck_assert_int_eq(s.rows[0].payment.kind, PAYMENT_REFUND);
	ck_assert_int_eq(s.rows[0].payment.original.b[0], 4);
	ck_assert_int_eq(s.rows[0].business_day, 20261124);
	q = (struct journal_report_query){ 20261122, 20261122, 0, 10, false };
	s.count = 0;
	ck_assert_int_eq(journal_report(journal, &q, see, &s), 0);
	ck_assert_uint_eq(s.count, 3);
	ck_assert_int_eq(s.rows[0].payment.key.b[0], 4);
	ck_assert_int_eq(s.rows[0].returned_minor, 4); /* 10, of them 6 to the token */
	end();
}
END_TEST

/* Or 20 that came back would explain 20 that are missing of each. */
START_TEST(what_came_back_of_a_split_ticket_stands_beside_one_payment)
{
	struct journal_report_query q = { 20261121, 20261121, 0, 10, false };
	struct journal_ref j;
	struct seen s = { .count = 0 };
	struct payment p;
	int64_t sum = 0;

	begin();
	j = journal_ref(journal);
	memset(&p, 0, sizeof(p));
	p.checkout = (struct ulid){ { 9, 2 } };
	p.asked_minor = p.answered_minor = 50;
	ck_assert_int_eq(j.ops->begin(j.impl, true), 0);
	for (uint8_t n = 8; n <= 9; n++) {
		p.key.b[0] = n;
		p.state = n == 8 ? PAYMENT_CONFIRMED : PAYMENT_DECLINED;
		ck_assert_int_eq(j.ops->put_payment(j.impl, &p), 0);
	}
	ck_assert_int_eq(j.ops->commit(j.impl), 0);
	ck_assert_int_eq(journal_report(journal, &q, see, &s), 0);
	ck_assert_uint_eq(s.count, 5);
	for (uint32_t i = 0; i < s.count; i++)
		if (s.rows[i].payment.state == PAYMENT_CONFIRMED)
			sum += s.rows[i].returned_minor;
	ck_assert_int_eq(sum, 20);
	ck_assert_int_eq(s.rows[3].payment.key.b[0], 8);
	ck_assert_int_eq(s.rows[3].returned_minor, 20); /* the receipt names it */
	end();
}
END_TEST

START_TEST(pages_follow_each_other)
{
	struct journal_report_query q = { 20261121, 20261122, 0, 4, false };
	struct seen s = { .count = 0 };

	begin();
	ck_assert_int_eq(journal_report(journal, &q, see, &s), 0);
	ck_assert_uint_eq(s.count, 4);
	q.after_seq = s.rows[3].seq;
	ck_assert_int_eq(journal_report(journal, &q, see, &s), 0);
	ck_assert_uint_eq(s.count, 6);
	for (uint32_t i = 0; i < 6; i++)
		ck_assert_int_eq(s.rows[i].payment.key.b[0], (int)i + 1);
	end();
}
END_TEST

static const struct journal_report_query wrong[] = {
	{ 20261122, 20261121, 0, 5, false },
	{ -1, 5, 0, 5, false },
	{ 0, 100000000, 0, 5, false },
	{ 0, 5, -1, 5, false },
	{ 0, 5, 0, 1001, false },
	{ 0, 5, 0, 0, false },
};

START_TEST(a_query_out_of_range_is_refused)
{
	struct seen s = { .count = 0 };
	int64_t count, refund;

	begin();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_int_eq(journal_report(journal, &wrong[i], see, &s), -EINVAL);
		ck_assert_int_eq(
			journal_report_returns(journal, &wrong[i], &count, &refund),
			-EINVAL);
	}
	end();
}
END_TEST

UNIT_MAIN("journal_report", a_day_has_its_payments_and_what_came_back,
	  refunds_are_listed_on_the_day_of_their_return,
	  what_came_back_of_a_split_ticket_stands_beside_one_payment,
	  pages_follow_each_other, a_query_out_of_range_is_refused)
