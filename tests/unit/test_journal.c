#include "unit.h"

#include "lane/journal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The SQLite journal's own: whose it is, its audit chain, its lists, and disks that fail. */

struct fixture {
	struct journal *j;
	char dir[64], path[96], why[256];
};

static int
open_as(struct fixture *f, const char *environment, uint8_t lane)
{
	struct journal_spec spec = { .path = f->path,
				     .environment = environment,
				     .lane = { { lane } } };

	f->why[0] = '\0';
	return journal_open(&spec, &f->j, f->why);
}

static void
setup(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/laned-journal-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/journal.db", f->dir);
	ck_assert_msg(open_as(f, "test", 1) == 0, "%s", f->why);
}

static void
teardown(struct fixture *f)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[112];

	f->j = journal_close(f->j);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", f->path, ends[i]);
		(void)unlink(path); /* WAL and SHM may be gone already */
	}
	ck_assert_int_eq(rmdir(f->dir), 0);
}

static struct ulid
id_of(uint8_t n)
{
	return (struct ulid){ { 9, 9, n } };
}

static int
put_checkout(struct fixture *f, uint8_t n, enum checkout_phase phase)
{
	struct journal_ref j = journal_ref(f->j);
	struct checkout_record r;
	int rc = j.ops->begin(j.impl, false);

	memset(&r, 0, sizeof(r));
	r.checkout = id_of(n);
	r.phase = phase;
	r.member = id_of(100);
	r.business_day = 20260921;
	r.changed_wall_ms = 1000 * n;
	(void)snprintf(r.ticket, sizeof(r.ticket), "T%u", n);
	if (rc < 0)
		return rc;
	rc = j.ops->put_checkout(j.impl, &r);
	if (rc < 0) {
		j.ops->rollback(j.impl);
		return rc;
	}
	return j.ops->commit(j.impl);
}

static int
put_payment(struct fixture *f, uint8_t n, uint8_t checkout, enum payment_state state)
{
	struct journal_ref j = journal_ref(f->j);
	struct payment p;
	int rc = j.ops->begin(j.impl, true);

	memset(&p, 0, sizeof(p));
	p.key.b[0] = n;
	p.checkout = id_of(checkout);
	p.state = state;
	p.asked_minor = 5;
	p.state_wall_ms = 1000 * n;
	p.blob_bytes = PAYMENT_BLOB_BYTES_MAX;
	if (rc < 0)
		return rc;
	rc = j.ops->put_payment(j.impl, &p);
	if (rc < 0) {
		j.ops->rollback(j.impl);
		return rc;
	}
	return j.ops->commit(j.impl);
}

START_TEST(a_journal_is_of_one_lane_and_environment)
{
	struct fixture f;

	setup(&f);
	f.j = journal_close(f.j);
	ck_assert_int_eq(open_as(&f, "live", 1), -EXDEV);
	ck_assert_ptr_nonnull(strstr(f.why, "environment"));
	ck_assert_int_eq(open_as(&f, "test", 2), -EXDEV);
	ck_assert_ptr_nonnull(strstr(f.why, "another lane"));
	ck_assert_int_eq(open_as(&f, "test", 1), 0);
	teardown(&f);
}
END_TEST

START_TEST(what_was_committed_survives_the_process)
{
	struct fixture f;
	struct journal_ref j;
	struct journal_checkout c;
	struct payment p;
	pid_t child;
	int status = 0;

	setup(&f);
	f.j = journal_close(f.j);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (open_as(&f, "test", 1) < 0 || put_checkout(&f, 1, PHASE_OPEN) < 0 ||
		    put_payment(&f, 1, 1, PAYMENT_SENDING) < 0 ||
		    put_checkout(&f, 2, PHASE_OPEN) < 0)
			_exit(1);
		(void)raise(SIGKILL); /* without closing anything */
		_exit(1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(open_as(&f, "test", 1), 0);
	j = journal_ref(f.j);
	ck_assert_int_eq(j.ops->get_payment(j.impl, (struct key128){ { 1 } }, &p), 0);
	ck_assert_int_eq(p.state, PAYMENT_SENDING);
	ck_assert_int_eq(j.ops->get_checkout(j.impl, id_of(2), &c), 0);
	journal_checkout_clear(&c);
	teardown(&f);
}
END_TEST

static int64_t
synchronous(struct fixture *f)
{
	sqlite3_stmt *s = db_stmt(f->j->db, "PRAGMA synchronous");
	int64_t v = -1;

	ck_assert_int_eq(db_step(f->j->db, s), 1);
	v = sqlite3_column_int64(s, 0);
	db_done(s);
	return v;
}

START_TEST(payments_are_written_full_and_touches_normal)
{
	struct fixture f;

	setup(&f);
	ck_assert_int_eq(put_checkout(&f, 1, PHASE_OPEN), 0);
	ck_assert_int_eq(synchronous(&f), 1); /* NORMAL */
	ck_assert_int_eq(put_payment(&f, 1, 1, PAYMENT_CREATED), 0);
	ck_assert_int_eq(synchronous(&f), 2); /* FULL */
	ck_assert_int_eq(put_checkout(&f, 1, PHASE_DONE), 0);
	ck_assert_int_eq(synchronous(&f), 1);
	teardown(&f);
}
END_TEST

static int
write_audits(struct fixture *f, int n)
{
	int rc = 0;

	for (int i = 0; i < n && rc == 0; i++) {
		struct lane_audit a = { .what = "member-known",
					.checkout = id_of(3),
					.amount_minor = i,
					.text = i % 2 ? "by touch" : NULL };

		rc = journal_audit(f->j, &a, 100 + i, i % 2);
	}
	return rc;
}

static const char *const tamperings[] = {
	"UPDATE audit SET amount_minor = 77 WHERE seq = 4",
	"UPDATE audit SET what = 'member-removed' WHERE seq = 4",
	"UPDATE audit SET text = text || ' ' WHERE seq = 4",
	"UPDATE audit SET wall_ms = 1 WHERE seq = 4",
	"UPDATE audit SET checkout = zeroblob(16) WHERE seq = 4",
	"DELETE FROM audit WHERE seq = 4",
};

START_TEST(the_audit_chain_shows_what_was_changed)
{
	struct fixture f;
	int64_t seq = 0;

	setup(&f);
	ck_assert_int_eq(write_audits(&f, 5), 0);
	f.j = journal_close(f.j);
	ck_assert_int_eq(open_as(&f, "test", 1), 0);
	ck_assert_int_eq(write_audits(&f, 3), 0); /* the chain goes on after a restart */
	ck_assert_int_eq(journal_check(f.j, &seq), 0);
	ck_assert_int_eq(db_exec(f.j->db, tamperings[_i]), 0);
	ck_assert_int_eq(journal_check(f.j, &seq), -EBADMSG);
	ck_assert_int_ge(seq, 4);
	ck_assert_int_le(seq, 5);
	teardown(&f);
}
END_TEST

START_TEST(a_rolled_back_audit_leaves_no_gap)
{
	struct fixture f;
	struct lane_audit a = { .what = "x" };
	int64_t seq = 0;

	setup(&f);
	ck_assert_int_eq(write_audits(&f, 2), 0);
	ck_assert_int_eq(journal_begin(f.j, false), 0);
	ck_assert_int_eq(journal_audit_append(f.j, &a, 1), 0);
	journal_rollback(f.j);
	ck_assert_int_eq(write_audits(&f, 2), 0);
	ck_assert_int_eq(journal_check(f.j, &seq), 0);
	teardown(&f);
}
END_TEST

START_TEST(a_full_disk_is_told_and_changes_nothing)
{
	struct fixture f;
	char sql[64];
	int rc = 0;
	struct journal_counts before, after;

	setup(&f);
	ck_assert_int_eq(put_checkout(&f, 1, PHASE_OPEN), 0);
	ck_assert_int_eq(put_payment(&f, 1, 1, PAYMENT_CREATED), 0);
	(void)snprintf(sql, sizeof(sql),
		       "PRAGMA max_page_count = 1"); /* = no more pages */
	ck_assert_int_eq(db_exec(f.j->db, sql), 0);
	for (uint8_t n = 2; n < 250 && rc == 0; n++) {
		ck_assert_int_eq(journal_counts(f.j, &before), 0);
		rc = put_payment(&f, n, 1, PAYMENT_CREATED);
	}
	ck_assert_int_eq(rc, -ENOSPC);
	ck_assert_int_eq(journal_counts(f.j, &after), 0);
	ck_assert_int_eq(before.payments, after.payments);
	ck_assert_int_eq(db_exec(f.j->db, "PRAGMA max_page_count = 100000"), 0);
	ck_assert_int_eq(put_payment(&f, 250, 1, PAYMENT_CREATED), 0); /* it heals */
	teardown(&f);
}
END_TEST

START_TEST(a_read_only_disk_is_told)
{
	struct fixture f;
	struct journal_ref j;
	struct payment p;

	setup(&f);
	ck_assert_int_eq(put_payment(&f, 1, 1, PAYMENT_SENDING), 0);
	ck_assert_int_eq(db_exec(f.j->db, "PRAGMA query_only = ON"), 0);
	ck_assert_int_eq(put_payment(&f, 2, 1, PAYMENT_CREATED), -EROFS);
	j = journal_ref(f.j);
	ck_assert_int_eq(j.ops->get_payment(j.impl, (struct key128){ { 1 } }, &p), 0);
	teardown(&f);
}
END_TEST

START_TEST(a_damaged_file_is_refused_and_left_alone)
{
	struct fixture f;
	struct stat before, after;
	int fd;

	setup(&f);
	ck_assert_int_eq(put_checkout(&f, 1, PHASE_OPEN), 0);
	f.j = journal_close(f.j);
	fd = open(f.path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, "this is no database, not any more", 33, 0), 33);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(stat(f.path, &before), 0);
	ck_assert_int_eq(open_as(&f, "test", 1), -EUCLEAN);
	ck_assert_str_ne(f.why, "");
	ck_assert_ptr_null(f.j);
	ck_assert_int_eq(stat(f.path, &after), 0);
	ck_assert_int_eq(before.st_size, after.st_size);
	teardown(&f);
}
END_TEST

START_TEST(a_row_that_is_not_ours_is_an_error_and_no_guess)
{
	static const char *const sqls[] = {
		"UPDATE payments SET state = 'paid-maybe'",
		"UPDATE payments SET rev = -1",
		"UPDATE payments SET checkout = x'00'",
		"UPDATE payments SET ticket = printf('%.100c', 'x')",
	};
	struct payment p;

	for (size_t i = 0; i < sizeof(sqls) / sizeof(sqls[0]); i++) {
		struct fixture f;
		struct journal_ref j;

		setup(&f);
		j = journal_ref(f.j);
		ck_assert_int_eq(put_payment(&f, 1, 1, PAYMENT_SENDING), 0);
		ck_assert_int_eq(db_exec(f.j->db, sqls[i]), 0);
		ck_assert_int_eq(j.ops->get_payment(j.impl, (struct key128){ { 1 } }, &p),
				 -EUCLEAN);
		teardown(&f);
	}
}
END_TEST

static const char *const bad_lines[] = {
	"", "{}", "[1]", "[{\"line\":-1}]", "[{\"line\":1,\"code\":7}]", "[{\"line\":1",
};

START_TEST(a_damaged_basket_is_an_error)
{
	struct fixture f;
	struct journal_ref j;
	struct journal_checkout c;
	sqlite3_stmt *s;

	setup(&f);
	j = journal_ref(f.j);
	ck_assert_int_eq(put_checkout(&f, 1, PHASE_OPEN), 0);
	s = db_stmt(f.j->db,
		    "INSERT INTO baskets (checkout, rev, lines) VALUES (?, 1, ?)");
	db_bind_blob(s, 1, id_of(1).b, 16);
	db_bind_cstr(s, 2, bad_lines[_i]);
	ck_assert_int_eq(db_run(f.j->db, s), 0);
	ck_assert_int_eq(j.ops->get_checkout(j.impl, id_of(1), &c), -EUCLEAN);
	teardown(&f);
}
END_TEST

struct seen {
	char text[64];
	unsigned count;
};

static int
see_checkout(void *ctx, const struct checkout_record *r)
{
	struct seen *s = ctx;

	(void)snprintf(s->text + strlen(s->text), sizeof(s->text) - strlen(s->text),
		       "%s ", r->ticket);
	return 0;
}

static int
see_payment(void *ctx, const struct payment *p)
{
	struct seen *s = ctx;

	(void)snprintf(s->text + strlen(s->text), sizeof(s->text) - strlen(s->text),
		       "%u ", p->key.b[0]);
	return 0;
}

static int
see_audit(void *ctx, const struct journal_audit_row *r)
{
	struct seen *s = ctx;

	ck_assert_int_eq(r->amount_minor, s->count);
	s->count++;
	return 0;
}

START_TEST(lists_are_newest_first_and_can_go_on)
{
	struct fixture f;
	struct journal_list q = { .limit = 2 };
	struct seen s = { "", 0 };

	setup(&f);
	for (uint8_t n = 1; n <= 4; n++) {
		ck_assert_int_eq(put_checkout(&f, n, PHASE_DONE), 0);
		ck_assert_int_eq(
			put_payment(&f, n, n,
				    n == 2 ? PAYMENT_UNKNOWN : PAYMENT_CONFIRMED),
			0);
	}
	ck_assert_int_eq(journal_checkouts(f.j, &q, see_checkout, &s), 0);
	ck_assert_str_eq(s.text, "T4 T3 ");
	q.after = id_of(3);
	ck_assert_int_eq(journal_checkouts(f.j, &q, see_checkout, &s), 0);
	ck_assert_str_eq(s.text, "T4 T3 T2 T1 ");
	s.text[0] = '\0';
	ck_assert_int_eq(journal_payments(f.j, &q, see_payment, &s), 0);
	q.open_only = true;
	ck_assert_int_eq(journal_payments(f.j, &q, see_payment, &s), 0);
	q.open_only = false;
	q.checkout = id_of(1);
	ck_assert_int_eq(journal_payments(f.j, &q, see_payment, &s), 0);
	ck_assert_str_eq(s.text, "4 3 2 1 ");
	s.text[0] = '\0';
	ck_assert_int_eq(journal_member_checkouts(f.j, id_of(100), see_checkout, &s), 0);
	ck_assert_str_eq(s.text, "T1 T2 T3 T4 ");
	ck_assert_int_eq(write_audits(&f, 3), 0);
	q.checkout = id_of(3);
	q.limit = 10;
	ck_assert_int_eq(journal_timeline(f.j, &q, see_audit, &s), 0);
	ck_assert_uint_eq(s.count, 3);
	q.limit = 0;
	ck_assert_int_eq(journal_checkouts(f.j, &q, see_checkout, &s), -EINVAL);
	teardown(&f);
}
END_TEST

static int
see_consent(void *ctx, const struct journal_consent *c)
{
	struct seen *s = ctx;

	s->count += c->withdrawn_wall_ms == 0 ? 1 : 100;
	ck_assert(str_is(c->purpose, "discounts"));
	return 0;
}

static int
see_born(void *ctx, struct ulid member, struct str json)
{
	struct seen *s = ctx;

	s->count += member.b[2];
	ck_assert(str_is(json, "{\"n\":1}"));
	return 0;
}

static int
see_outbox(void *ctx, int64_t seq, struct str kind, struct str json)
{
	struct seen *s = ctx;

	s->count++;
	ck_assert_int_gt(seq, 0);
	ck_assert(str_is(kind, "use") && str_is(json, "{}"));
	return 0;
}

START_TEST(what_was_born_here_is_kept_until_acknowledged)
{
	struct fixture f;
	struct seen s = { "", 0 };
	struct journal_consent c = { .consent = id_of(1),
				     .member = id_of(2),
				     .purpose = STR("discounts"),
				     .text_version = STR("1"),
				     .language = STR("et"),
				     .given_wall_ms = 5 };

	setup(&f);
	ck_assert_int_eq(journal_consent_put(f.j, &c), 0);
	ck_assert_int_eq(journal_born_put(f.j, id_of(7), STR("{\"n\":1}"), 1), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(journal_outbox_put(f.j, "use", STR("{}"), i), 0);
	f.j = journal_close(f.j);
	ck_assert_int_eq(open_as(&f, "test", 1), 0);
	ck_assert_int_eq(journal_consents(f.j, id_of(2), see_consent, &s), 0);
	ck_assert_uint_eq(s.count, 1);
	c.withdrawn_wall_ms = 9;
	ck_assert_int_eq(journal_consent_put(f.j, &c), 0);
	ck_assert_int_eq(journal_consents(f.j, id_of(2), see_consent, &s), 0);
	ck_assert_uint_eq(s.count, 101);
	s.count = 0;
	ck_assert_int_eq(journal_born(f.j, see_born, &s), 0);
	ck_assert_uint_eq(s.count, 7);
	ck_assert_int_eq(journal_born_ack(f.j, id_of(7)), 0);
	ck_assert_int_eq(journal_born(f.j, see_born, &s), 0);
	ck_assert_uint_eq(s.count, 7);
	s.count = 0;
	ck_assert_int_eq(journal_outbox_ack(f.j, 2), 0);
	ck_assert_int_eq(journal_outbox(f.j, 10, see_outbox, &s), 0);
	ck_assert_uint_eq(s.count, 1);
	teardown(&f);
}
END_TEST

START_TEST(the_sweep_spares_what_is_open)
{
	struct fixture f;
	struct journal_counts c;
	int64_t deleted = 0, last = 0;

	setup(&f);
	ck_assert_int_eq(put_checkout(&f, 1, PHASE_DONE), 0);
	ck_assert_int_eq(put_checkout(&f, 2, PHASE_DONE), 0);
	ck_assert_int_eq(put_checkout(&f, 3, PHASE_OPEN), 0);
	ck_assert_int_eq(put_checkout(&f, 4, PHASE_DONE), 0);
	ck_assert_int_eq(put_payment(&f, 1, 1, PAYMENT_CONFIRMED), 0);
	ck_assert_int_eq(put_payment(&f, 2, 2, PAYMENT_UNDO_QUEUED), 0);
	ck_assert_int_eq(journal_last_wall_ms(f.j, &last), 0);
	ck_assert_int_eq(last, 4000);
	ck_assert_int_eq(journal_sweep(f.j, 3500, &deleted), 0);
	ck_assert_int_eq(deleted, 2); /* payment 1 and checkout 1 */
	ck_assert_int_eq(journal_counts(f.j, &c), 0);
	ck_assert_int_eq(c.checkouts, 3);
	ck_assert_int_eq(c.payments, 1);
	ck_assert_int_eq(c.payments_open, 1);
	teardown(&f);
}
END_TEST

START_TEST(each_adapter_finds_its_own_by_a_reference)
{
	struct fixture f;
	struct journal_ref j;
	struct payment p, back;
	static const char *const names[] = { "till", "kiosk", "till" };
	const struct key128 none = { { 0 } };

	setup(&f);
	j = journal_ref(f.j);
	ck_assert_int_eq(j.ops->begin(j.impl, true), 0);
	for (uint8_t i = 0; i < 3; i++) {
		memset(&p, 0, sizeof(p));
		p.key.b[0] = (uint8_t)(i + 1);
		(void)snprintf(p.adapter, sizeof(p.adapter), "bank");
		(void)snprintf(p.pos_adapter, sizeof(p.pos_adapter), "%s", names[i]);
		(void)snprintf(p.pos_ref, sizeof(p.pos_ref), i < 2 ? "17" : "18");
		(void)snprintf(p.ref, sizeof(p.ref), i == 2 ? "17" : "R");
		ck_assert_int_eq(j.ops->put_payment(j.impl, &p), 0);
	}
	ck_assert_int_eq(j.ops->commit(j.impl), 0);
	ck_assert_int_eq(journal_find_of(f.j, "till", STR("17"), none, &back), 0);
	ck_assert_uint_eq(back.key.b[0], 1);
	ck_assert_int_eq(journal_find_of(f.j, "kiosk", STR("17"), none, &back), 0);
	ck_assert_uint_eq(back.key.b[0], 2);
	ck_assert_int_eq(journal_find_of(f.j, "bank", STR("17"), none, &back), 0);
	ck_assert_uint_eq(back.key.b[0], 3); /* its own reference of it */
	ck_assert_int_eq(journal_find_of(f.j, "kiosk", STR("18"), none, &back), -ENOENT);
	ck_assert_int_eq(journal_find_of(f.j, "till", STR(""), none, &back), -ENOENT);
	teardown(&f);
}
END_TEST

START_TEST(what_stood_behind_an_adapter_s_name_is_kept_with_the_payment)
{
	struct fixture f;
	struct journal_ref j;
	struct payment p, back;

	setup(&f);
	j = journal_ref(f.j);
	ck_assert_int_eq(put_checkout(&f, 1, PHASE_PAYING), 0);
	ck_assert_int_eq(put_payment(&f, 1, 1, PAYMENT_SENDING), 0);
	memset(&p, 0, sizeof(p));
	p.key.b[0] = 1;
	ck_assert_int_eq(j.ops->get_payment(j.impl, p.key, &back), 0);
	ck_assert_str_eq(back.place, "");
	for (unsigned kind = 0; kind < PAYMENT_KINDS; kind++) {
		p = back;
		p.key.b[0] = (uint8_t)(2 + kind);
		p.kind = (enum payment_kind)kind;
		p.original.b[0] = 1;
		(void)snprintf(p.place, sizeof(p.place), "bank 0123456789abcdef");
		if (p.kind == PAYMENT_PAY)
			(void)snprintf(p.pos_place, sizeof(p.pos_place), "till 8000");
		ck_assert_int_eq(j.ops->begin(j.impl, true), 0);
		ck_assert_int_eq(j.ops->put_payment(j.impl, &p), 0);
		ck_assert_int_eq(j.ops->commit(j.impl), 0);
		ck_assert_int_eq(j.ops->get_payment(j.impl, p.key, &back), 0);
		ck_assert_str_eq(back.place, "bank 0123456789abcdef");
		ck_assert_str_eq(back.pos_place,
				 p.kind == PAYMENT_PAY ? "till 8000" : "");
	}
	teardown(&f);
}
END_TEST

/* As an earlier version left it: without what came with schemas 4 and 5, and the newer table of 6. */
static const char back_to_schema_3[] =
	"DROP INDEX payments_pos_ref; DROP INDEX payments_pos_blob;"
	"DROP INDEX payments_member; ALTER TABLE payments DROP COLUMN member;"
	"ALTER TABLE payments DROP COLUMN pos_adapter;"
	"ALTER TABLE payments DROP COLUMN pos_ref;"
	"ALTER TABLE payments DROP COLUMN pos_blob;"
	"ALTER TABLE payments DROP COLUMN place;"
	"ALTER TABLE payments DROP COLUMN pos_place;"
	"DROP TABLE refunds;"
	"UPDATE schema_info SET version = 3; PRAGMA user_version = 3;";

START_TEST(a_journal_of_the_schema_before_is_taken_over)
{
	struct fixture f;
	struct journal_ref j;
	struct payment p, back;

	setup(&f);
	ck_assert_int_eq(put_checkout(&f, 1, PHASE_PAYING), 0);
	ck_assert_int_eq(put_payment(&f, 1, 1, PAYMENT_SENDING), 0);
	ck_assert_int_eq(db_exec(f.j->db, back_to_schema_3), 0);
	f.j = journal_close(f.j);
	ck_assert_msg(open_as(&f, "test", 1) == 0, "%s", f.why);
	j = journal_ref(f.j);
	memset(&p, 0, sizeof(p));
	p.key.b[0] = 1;
	ck_assert_int_eq(j.ops->get_payment(j.impl, p.key, &back), 0);
	ck_assert_int_eq(back.state, PAYMENT_SENDING);
	ck_assert(!payment_is_for_pos(&back) && back.pos_ref[0] == '\0' &&
		  back.pos_blob_bytes == 0 && !back.taken);
	/* What a POS asks for goes in beside it. */
	p = back;
	p.key.b[0] = 2;
	(void)snprintf(p.pos_adapter, sizeof(p.pos_adapter), "till");
	(void)snprintf(p.pos_ref, sizeof(p.pos_ref), "7001");
	ck_assert_int_eq(j.ops->begin(j.impl, true), 0);
	ck_assert_int_eq(j.ops->put_payment(j.impl, &p), 0);
	ck_assert_int_eq(j.ops->commit(j.impl), 0);
	ck_assert_int_eq(j.ops->find_payment(j.impl, STR("7001"), &back), 0);
	ck_assert_uint_eq(back.key.b[0], 2);
	teardown(&f);
}
END_TEST

START_TEST(without_room_to_keep_a_refund_is_written_and_no_payment_begins)
{
	struct fixture f;
	struct journal_ref j;
	struct payment p;

	setup(&f);
	j = journal_ref(f.j);
	/* A folder that is not there has as little room as a full disk. */
	(void)snprintf(f.j->reserve.path, sizeof(f.j->reserve.path), "%s/none/reserve",
		       f.dir);
	f.j->reserve.kept = false;
	memset(&p, 0, sizeof(p));
	p.key.b[0] = 1;
	p.asked_minor = 5;
	p.state = PAYMENT_CREATED;
	ck_assert_int_eq(j.ops->begin(j.impl, true), 0);
	ck_assert_int_lt(j.ops->put_payment(j.impl, &p), 0);
	p.kind = PAYMENT_REFUND;
	p.original.b[0] = 9;
	ck_assert_int_eq(j.ops->put_payment(j.impl, &p), 0);
	ck_assert_int_eq(j.ops->commit(j.impl), 0);
	teardown(&f);
}
END_TEST

int
main(void)
{
	const TTest *const list[] = {
		without_room_to_keep_a_refund_is_written_and_no_payment_begins,
		a_journal_of_the_schema_before_is_taken_over,
		what_stood_behind_an_adapter_s_name_is_kept_with_the_payment,
		each_adapter_finds_its_own_by_a_reference,
		a_journal_is_of_one_lane_and_environment,
		what_was_committed_survives_the_process,
		payments_are_written_full_and_touches_normal,
		a_rolled_back_audit_leaves_no_gap,
		a_full_disk_is_told_and_changes_nothing,
		a_read_only_disk_is_told,
		a_damaged_file_is_refused_and_left_alone,
		a_row_that_is_not_ours_is_an_error_and_no_guess,
		lists_are_newest_first_and_can_go_on,
		what_was_born_here_is_kept_until_acknowledged,
		the_sweep_spares_what_is_open,
	};
	Suite *suite = suite_create("journal");
	TCase *tc = tcase_create("journal");
	SRunner *runner = srunner_create(suite);
	int failed;

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		tcase_add_test(tc, list[i]);
	tcase_add_loop_test(tc, the_audit_chain_shows_what_was_changed, 0,
			    sizeof(tamperings) / sizeof(tamperings[0]));
	tcase_add_loop_test(tc, a_damaged_basket_is_an_error, 0,
			    sizeof(bad_lines) / sizeof(bad_lines[0]));
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
