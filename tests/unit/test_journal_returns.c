#include "unit.h"

#include "journal_schemas.h"
#include "lane/journal_private.h"
#include "lane/journal_returns.h"
#include "tempdir.h"

#include <errno.h>
#include <stdlib.h>

/* Goods taken back, in the journal: durable, never twice, covered by the audit chain. */
#define SOLD_MS INT64_C(1700000000000)

static char dir[TEMPDIR_BYTES], why[256];
static struct journal *journal;

static void
open_journal(void)
{
	struct journal_spec spec = { .path = tempdir_path(dir, "journal.db"),
				     .environment = "test",
				     .lane = { { 1 } } };
	int rc = journal_open(&spec, &journal, why);

	ck_assert_msg(rc == 0, "%d %s", rc, why);
}

static void
begin(void)
{
	tempdir_make(dir);
	open_journal();
}

static void
end(void)
{
	journal = journal_close(journal);
	tempdir_remove(dir);
}

static struct journal_return
return_of(uint8_t n, const struct journal_return_line *lines, uint32_t count)
{
	struct journal_return r = {
		.id = { { 2, n } },
		.checkout = { { 9, 9 } },
		.wall_ms = SOLD_MS + 1000 * n,
		.sold_wall_ms = SOLD_MS,
		.business_day = 20231115,
		.currency = "EUR",
		.store = "store-1",
		.lane = "lane-2",
		.lines = lines,
		.lines_count = count,
	};

	for (uint32_t i = 0; i < count; i++)
		r.refund_minor += lines[i].refund_minor;
	return r;
}

static int
put(uint8_t n, uint32_t line, int64_t before, int64_t take)
{
	struct journal_return_line l = { line, 900, false, before, take, 10 * take };
	struct journal_return r = return_of(n, &l, 1);

	return journal_return_put(journal, &r);
}

struct seen {
	struct journal_returned rows[8];
	uint32_t count;
};

static int
see(void *ctx, const struct journal_returned *r)
{
	struct seen *s = ctx;

	ck_assert_uint_lt(s->count, 8);
	s->rows[s->count++] = *r;
	return 0;
}

static struct seen
look(void)
{
	struct seen s = { .count = 0 };

	ck_assert_int_eq(journal_returned(journal, (struct ulid){ { 9, 9 } }, see, &s),
			 0);
	return s;
}

START_TEST(what_came_back_of_a_sale_is_summed_whoever_asks)
{
	struct journal_ref j;
	int64_t minor = -1;

	begin();
	j = journal_ref(journal);
	ck_assert_int_eq(j.ops->returned(j.impl, (struct ulid){ { 9, 9 } }, &minor), 0);
	ck_assert_int_eq(minor, 0);
	ck_assert_int_eq(put(1, 1, 0, 2), 0);
	ck_assert_int_eq(put(2, 2, 0, 3), 0);
	ck_assert_int_eq(j.ops->returned(j.impl, (struct ulid){ { 9, 9 } }, &minor), 0);
	ck_assert_int_eq(minor, 50);
	ck_assert_int_eq(j.ops->returned(j.impl, (struct ulid){ { 9, 8 } }, &minor), 0);
	ck_assert_int_eq(minor, 0);
	end();
}
END_TEST

START_TEST(a_return_is_kept_over_a_restart)
{
	static const struct journal_return_line lines[] = {
		{ 1, 900, false, 0, 2, 333 },
		{ 4, 2200, true, 0, 350, 70 },
	};
	struct journal_return r = return_of(1, lines, 2);
	struct seen s;

	begin();
	ck_assert_int_eq(journal_return_put(journal, &r), 0);
	ck_assert_int_eq(put(2, 1, 2, 1), 0);
	journal = journal_close(journal);
	open_journal();
	s = look();
	ck_assert_uint_eq(s.count, 2);
	ck_assert_uint_eq(s.rows[0].line, 1);
	ck_assert_int_eq(s.rows[0].parts, 3);
	ck_assert_int_eq(s.rows[0].refund_minor, 343);
	ck_assert_int_eq(s.rows[0].last_wall_ms, SOLD_MS + 2000);
	ck_assert_int_eq(s.rows[0].last.b[1], 2);
	ck_assert_int_eq(s.rows[1].parts, 350);
	ck_assert_int_eq(s.rows[1].last_wall_ms, SOLD_MS + 1000);
	end();
}
END_TEST

START_TEST(nothing_is_taken_back_twice)
{
	static const struct journal_return_line both[] = {
		{ 2, 900, false, 0, 1, 5 }, /* free */
		{ 5, 900, false, 0, 1, 5 }, /* taken already */
	};
	struct journal_return r = return_of(9, both, 2);
	struct journal_counts before, after;

	begin();
	ck_assert_int_eq(put(1, 5, 0, 2), 0);
	ck_assert_int_eq(journal_counts(journal, &before), 0);
	ck_assert_int_eq(put(2, 5, 0, 1), -EEXIST);
	ck_assert_int_eq(put(2, 5, 1, 1), -EEXIST);
	ck_assert_int_eq(put(2, 5, 3, 1), -EEXIST); /* a gap */
	ck_assert_int_eq(put(2, 5, 2, 0), -EEXIST);
	ck_assert_int_eq(journal_return_put(journal, &r), -EEXIST);
	ck_assert_uint_eq(look().count, 1); /* and line 2 is not there */
	ck_assert_int_eq(journal_counts(journal, &after), 0);
	ck_assert_int_eq(before.audit, after.audit);
	ck_assert_int_eq(put(2, 5, 2, 1), 0);
	ck_assert_int_eq(put(2, 6, 0, 1), -EEXIST); /* an id that is used */
	end();
}
END_TEST

static int
count_listed(void *ctx, const struct journal_return *r)
{
	uint32_t *n = ctx;

	ck_assert_str_eq(r->lane, "lane-2");
	ck_assert_int_eq(r->id.b[1], 3 - *n);
	++*n;
	return 0;
}

START_TEST(the_list_is_newest_first)
{
	uint32_t n = 0;

	begin();
	for (uint8_t i = 1; i <= 3; i++)
		ck_assert_int_eq(put(i, i, 0, 1), 0);
	ck_assert_int_eq(journal_returns(journal, 0, count_listed, &n), -EINVAL);
	ck_assert_int_eq(journal_returns(journal, 1001, count_listed, &n), -EINVAL);
	ck_assert_int_eq(journal_returns(journal, 2, count_listed, &n), 0);
	ck_assert_uint_eq(n, 2);
	end();
}
END_TEST

static const char *const tampers[] = {
	"UPDATE returns SET refund_minor = refund_minor + 1 WHERE seq = 1",
	"UPDATE returns SET checkout = zeroblob(16)",
	"UPDATE returns SET wall_ms = wall_ms - 1",
	"UPDATE returns SET sold_ms = sold_ms + 1",
	"UPDATE returns SET lane = 'lane-3'",
	"UPDATE return_lines SET refund_minor = 0",
	"UPDATE return_lines SET parts_to = parts_to + 1",
	"UPDATE return_lines SET line = 3",
	"UPDATE return_lines SET vat_bp = 0",
	"UPDATE return_lines SET measured = 1",
	"DELETE FROM return_lines",
	"INSERT INTO return_lines VALUES (zeroblob(16), 8, 0, 1, 1, 0, 0, 0)",
};

START_TEST(a_return_that_was_changed_shows)
{
	int64_t seq;

	for (size_t i = 0; i < sizeof(tampers) / sizeof(tampers[0]); i++) {
		begin();
		ck_assert_int_eq(put(1, 5, 0, 2), 0);
		ck_assert_int_eq(journal_check(journal, &seq), 0);
		ck_assert_int_eq(db_exec(journal->db, tampers[i]), 0);
		seq = -1;
		ck_assert_msg(journal_check(journal, &seq) == -EBADMSG, "%s", tampers[i]);
		ck_assert_int_eq(seq, 1);
		end();
	}
}
END_TEST

START_TEST(the_sweep_remembers_how_far_it_forgot)
{
	int64_t deleted = 0, since = -1;

	begin();
	ck_assert_int_eq(put(1, 5, 0, 2), 0);
	ck_assert_int_eq(journal_returns_since(journal, &since), 0);
	ck_assert_int_eq(since, 0);
	ck_assert_int_eq(journal_sweep(journal, SOLD_MS, &deleted), 0);
	ck_assert_uint_eq(look().count, 1);
	ck_assert_int_eq(journal_sweep(journal, SOLD_MS + 1, &deleted), 0);
	ck_assert_int_eq(deleted, 1);
	ck_assert_uint_eq(look().count, 0);
	/* A clock that was set back does not make it know again. */
	ck_assert_int_eq(journal_sweep(journal, SOLD_MS - 5, &deleted), 0);
	ck_assert_int_eq(journal_returns_since(journal, &since), 0);
	ck_assert_int_eq(since, SOLD_MS + 1);
	ck_assert_int_eq(journal_check(journal, &since), 0);
	end();
}
END_TEST

START_TEST(a_card_number_gets_in_nowhere)
{
	struct journal_return_line l = { 1, 900, false, 0, 1, 10 };
	struct journal_return r = return_of(1, &l, 1);

	begin();
	/* Made here, so that none stands in the source: fifteen digits and their check digit. */
	(void)snprintf(r.store, sizeof(r.store), "4%014d", 0);
	(void)snprintf(r.store + 15, sizeof(r.store) - 15, "%d", 2);
	ck_assert_int_eq(journal_return_put(journal, &r), -EPERM);
	ck_assert_uint_eq(look().count, 0);
	end();
}
END_TEST

/* ---- money back to a token --------------------------------------------------- */

static struct payment
refund_of(uint8_t n, int64_t minor)
{
	return (struct payment){ .kind = PAYMENT_REFUND,
				 .key = { { 7, n } },
				 .checkout = { { 9, 9 } },
				 .original = { { 5 } },
				 .return_id = { { 2, n } },
				 .state = PAYMENT_CREATED,
				 .ticket = "R1",
				 .currency = "EUR",
				 .adapter = "drop",
				 .asked_minor = minor,
				 .created_wall_ms = 5,
				 .state_wall_ms = 5 };
}

static int
put_with_refund(uint8_t n, int64_t before, int64_t minor, int64_t captured)
{
	struct journal_return_line l = { 5, 900, false, before, 1, 10 };
	struct journal_return r = return_of(n, &l, 1);
	struct payment p = refund_of(n, minor);

	r.refund = &p;
	r.captured_minor = captured;
	return journal_return_put(journal, &r);
}

static int
count_open(void *ctx, const struct payment *p)
{
	++*(unsigned *)ctx;
	ck_assert_int_eq(p->kind, PAYMENT_REFUND);
	ck_assert_str_eq(p->adapter, "drop");
	return 0;
}

static unsigned
open_refunds(void)
{
	struct journal_ref j = journal_ref(journal);
	unsigned count = 0;

	ck_assert_int_eq(j.ops->open_payments(j.impl, count_open, &count), 0);
	return count;
}

static void
set_state(uint8_t n, enum payment_state state, int64_t answered)
{
	struct journal_ref j = journal_ref(journal);
	struct payment p;

	ck_assert_int_eq(j.ops->get_payment(j.impl, (struct key128){ { 7, n } }, &p), 0);
	ck_assert_int_eq(p.kind, PAYMENT_REFUND);
	p.state = state;
	p.answered_minor = answered;
	ck_assert_int_eq(j.ops->begin(j.impl, true), 0);
	ck_assert_int_eq(j.ops->put_payment(j.impl, &p), 0);
	ck_assert_int_eq(j.ops->commit(j.impl), 0);
}

START_TEST(a_return_and_its_refund_are_there_together_or_not_at_all)
{
	struct payment p;
	int64_t seq = 0;

	begin();
	ck_assert_int_eq(put_with_refund(1, 0, 10, 100), 0);
	journal = journal_close(journal);
	open_journal();
	ck_assert_uint_eq(open_refunds(), 1);
	ck_assert_int_eq(journal_return_refund(journal, (struct ulid){ { 2, 1 } }, &p),
			 0);
	ck_assert_int_eq(p.asked_minor, 10);
	ck_assert_int_eq(p.original.b[0], 5);
	/* The parts are gone already: no second refund either. */
	ck_assert_int_eq(put_with_refund(2, 0, 10, 100), -EEXIST);
	ck_assert_uint_eq(open_refunds(), 1);
	ck_assert_int_eq(journal_return_refund(journal, (struct ulid){ { 2, 2 } }, &p),
			 -ENOENT);
	ck_assert_int_eq(journal_check(journal, &seq), 0);
	end();
}
END_TEST

START_TEST(the_refunds_of_a_payment_never_exceed_what_it_took)
{
	struct payment p = refund_of(1, 0);
	int64_t gone = -1;

	begin();
	ck_assert_int_eq(put_with_refund(1, 0, 10, 25), 0);
	ck_assert_int_eq(put_with_refund(2, 1, 10, 25), 0);
	ck_assert_int_eq(put_with_refund(3, 2, 10, 25), -EDQUOT);
	ck_assert_uint_eq(look().rows[0].parts, 2); /* nothing of it is there */
	/* What certainly did not go back may go back; what is in doubt counts. */
	set_state(1, PAYMENT_UNKNOWN, 0);
	set_state(2, PAYMENT_DECLINED, 0);
	ck_assert_int_eq(put_with_refund(3, 2, 10, 25), 0);
	ck_assert_int_eq(put_with_refund(4, 3, 6, 25), -EDQUOT);
	set_state(1, PAYMENT_REFUNDED, 12); /* more than was asked: that counts, too */
	ck_assert_int_eq(journal_refunded(journal, &p, &gone), 0);
	ck_assert_int_eq(gone, 22);
	ck_assert_int_eq(put_with_refund(4, 3, 4, 25), -EDQUOT);
	ck_assert_int_eq(put_with_refund(4, 3, 3, 25), 0);
	end();
}
END_TEST

START_TEST(a_return_is_read_back_by_its_id)
{
	static const struct journal_return_line lines[] = {
		{ 1, 900, false, 0, 2, 333 },
		{ 4, 2200, true, 0, 350, 70 },
	};
	struct journal_return r = return_of(1, lines, 2), got;
	struct journal_return_line *back = NULL;

	begin();
	ck_assert_int_eq(journal_return_put(journal, &r), 0);
	ck_assert_int_eq(journal_return_put(journal, &r), -EEXIST); /* the same id */
	ck_assert_int_eq(journal_return_get(journal, r.id, &got, &back), 0);
	ck_assert_uint_eq(got.lines_count, 2);
	ck_assert_int_eq(got.refund_minor, 403);
	ck_assert_uint_eq(back[1].line, 4);
	ck_assert_int_eq(back[1].take, 350);
	ck_assert(back[1].measured);
	free(back);
	ck_assert_int_eq(journal_return_get(journal, (struct ulid){ { 3 } }, &got, &back),
			 -ENOENT);
	end();
}
END_TEST

/* A program before refunds reads past them: it takes none for a payment, and undoes none. */
START_TEST(an_older_program_sees_no_refund_among_its_payments)
{
	sqlite3_stmt *s;

	begin();
	ck_assert_int_eq(put_with_refund(1, 0, 10, 100), 0);
	s = db_stmt(journal->db, "SELECT count(*) FROM payments");
	ck_assert_int_eq(db_step(journal->db, s), 1);
	ck_assert_int_eq(sqlite3_column_int64(s, 0), 0);
	db_done(s);
	end();
}
END_TEST

START_TEST(the_sweep_keeps_refunds_that_have_no_end)
{
	struct payment p;
	int64_t deleted = 0;

	begin();
	ck_assert_int_eq(put_with_refund(1, 0, 10, 100), 0);
	ck_assert_int_eq(put_with_refund(2, 1, 10, 100), 0);
	set_state(1, PAYMENT_UNKNOWN, 0);
	set_state(2, PAYMENT_REFUNDED, 10);
	ck_assert_int_eq(journal_sweep(journal, SOLD_MS + 1, &deleted), 0);
	ck_assert_uint_eq(open_refunds(), 1);
	ck_assert_int_eq(journal_return_refund(journal, (struct ulid){ { 2, 2 } }, &p),
			 -ENOENT);
	end();
}
END_TEST

/* A journal as an older program left it: it is brought forward, and returns can be kept in it. */
static void
old_file(size_t schema)
{
	struct db_spec spec = { .path = tempdir_path(dir, "journal.db"),
				.application_id = JOURNAL_APPLICATION_ID,
				.migrations = old_journal,
				.migrations_count = schema,
				.full_sync = true };
	struct db *db = NULL;
	int rc = db_open(&spec, &db, why);

	ck_assert_msg(rc == 0, "%d %s", rc, why);
	ck_assert_int_eq(
		db_exec(db,
			"INSERT INTO lane VALUES (1, x'01000000000000000000000000000000',"
			" 'test');"
			"INSERT INTO checkouts (id, phase, member_state, member, flags,"
			" ticket, currency, rev, gross_minor, total_minor, saving_minor,"
			" paid_minor, business_day, opened_ms, changed_ms) VALUES"
			" (x'07000000000000000000000000000000', 'done', 'none',"
			" zeroblob(16), 0, 'T7', 'EUR', 2, 100, 90, 10, 90, 20231115, 5,"
			" 6);"
			"INSERT INTO baskets VALUES"
			" (x'07000000000000000000000000000000', 2, '[{\"line\":1,"
			"\"code\":\"a\",\"text\":\"\",\"category\":\"\",\"brand\":\"\","
			"\"qty_milli\":1000,\"unit_price\":100,\"amount\":100,"
			"\"vat_bp\":0,\"void\":false,\"weighed\":false}]');"
			"INSERT INTO reservations (checkout, rule, applications) VALUES"
			" (x'07000000000000000000000000000000', 'once', 3);"),
		0);
	(void)db_close(db); /* gives NULL */
}

START_TEST(a_journal_of_an_older_schema_goes_on)
{
	for (size_t schema = 1; schema <= sizeof(old_journal) / sizeof(old_journal[0]);
	     schema++) {
		struct journal_checkout c = { .lines = NULL };
		struct journal_ref j;
		int64_t seq = 0;

		tempdir_make(dir);
		old_file(schema);
		open_journal();
		j = journal_ref(journal);
		ck_assert_int_eq(j.ops->get_checkout(j.impl, (struct ulid){ { 7 } }, &c),
				 0);
		ck_assert_int_eq(c.record.total_minor, 90);
		ck_assert_uint_eq(c.record.lines_count, 1);
		/* Nobody kept what the line cost: that is told, and not guessed. */
		ck_assert(!c.lines[0].has_net);
		/* Reserved for whom the checkout is. */
		ck_assert_uint_eq(c.record.reserved_count, 1);
		ck_assert_str_eq(c.reserved[0].rule, "once");
		ck_assert_uint_eq(c.reserved[0].applications, 3);
		ck_assert(ulid_is_zero(c.reserved[0].member));
		journal_checkout_clear(&c);
		ck_assert_int_eq(put(1, 5, 0, 2), 0);
		ck_assert_int_eq(journal_check(journal, &seq), 0);
		end();
	}
}
END_TEST

/* Without durable memory of it there is no return: every failing commit leaves nothing. */
START_TEST(a_disk_that_fails_keeps_nothing)
{
	int64_t seq = 0;

	begin();
	ck_assert_int_eq(db_exec(journal->db, "PRAGMA query_only = 1"), 0);
	ck_assert_int_lt(put(1, 5, 0, 2), 0);
	ck_assert_int_eq(db_exec(journal->db, "PRAGMA query_only = 0"), 0);
	ck_assert_uint_eq(look().count, 0);
	ck_assert_int_eq(put(1, 5, 0, 2), 0);
	ck_assert_int_eq(journal_check(journal, &seq), 0);
	end();
}
END_TEST

UNIT_MAIN("journal_returns", what_came_back_of_a_sale_is_summed_whoever_asks,
	  a_return_is_kept_over_a_restart, nothing_is_taken_back_twice,
	  the_list_is_newest_first, a_return_that_was_changed_shows,
	  the_sweep_remembers_how_far_it_forgot, a_card_number_gets_in_nowhere,
	  a_return_and_its_refund_are_there_together_or_not_at_all,
	  the_refunds_of_a_payment_never_exceed_what_it_took,
	  a_return_is_read_back_by_its_id,
	  an_older_program_sees_no_refund_among_its_payments,
	  the_sweep_keeps_refunds_that_have_no_end, a_journal_of_an_older_schema_goes_on,
	  a_disk_that_fails_keeps_nothing)
