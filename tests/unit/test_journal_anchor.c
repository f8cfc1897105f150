#include "unit.h"

#include "lane/journal_anchor.h"
#include "lane/journal_private.h"

#include <errno.h>
#include <unistd.h>

/* A journal that went back in time, one that hangs together no more, and who may read it. */

#define APPLICATION_ID 0x6c4a726e
#define LANE "00000000000000000000000001"
#define HEAD "000102030405060708090a0b0c0d0e0f"

static char dir[64], path[96], why[256];
static struct journal *journal;

static int
open_again(void)
{
	const struct journal_spec spec = { .path = path,
					   .environment = "test",
					   .lane = { { 1 } } };

	why[0] = '\0';
	return journal_open(&spec, &journal, why);
}

static void
setup(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/laned-anchor-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/journal.db", dir);
	ck_assert_msg(open_again() == 0, "%s", why);
}

static void
teardown(void)
{
	static const char *const ends[] = { "", "-wal", "-shm", ".kept" };
	char name[112];

	journal = journal_close(journal);
	for (size_t i = 0; i < 4; i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		(void)unlink(name); /* some are not there */
	}
	ck_assert_int_eq(rmdir(dir), 0);
}

static void
record_as(const char *what, unsigned count, bool durable)
{
	const struct lane_audit a = { .what = what, .amount_minor = 7 };

	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(journal_audit(journal, &a, 1000 + i, durable), 0);
}

static void
record(const char *what, unsigned count)
{
	record_as(what, count, true);
}

START_TEST(an_older_journal_is_told_from_the_one_that_was)
{
	char kept[112];
	struct journal_anchor a, none;

	setup();
	(void)snprintf(kept, sizeof(kept), "%s.kept", path);
	journal_anchor_take(journal, (struct ulid){ { 1 } }, 4, &none);
	ck_assert_int_eq(none.seq, 0);
	record("first", 3);
	ck_assert_int_eq(db_backup(journal->db, kept), 0);
	record("second", 2);
	journal_anchor_take(journal, (struct ulid){ { 1 } }, 5, &a);
	ck_assert_int_eq(a.seq, 5);
	ck_assert_int_eq(journal_anchor_check(journal, &a), 0);
	record("third", 1);
	ck_assert_int_eq(journal_anchor_check(journal, &a), 0);
	journal = journal_close(journal);
	/* The backup is put back: what came after it is not there. */
	ck_assert_int_eq(rename(kept, path), 0);
	ck_assert_msg(open_again() == 0, "%s", why);
	ck_assert_int_eq(journal_anchor_check(journal, &a), -ESTALE);
	/* It goes on, and has as many records as before: others. */
	record("other", 4);
	ck_assert_int_eq(journal_anchor_check(journal, &a), -ESTALE);
	ck_assert_int_eq(journal_anchor_check(journal, &none), 0);
	teardown();
}
END_TEST

/* What a power cut may take away is not noted: else a journal that lost it would be called older. */
START_TEST(an_anchor_goes_as_far_as_what_is_durable)
{
	struct journal_anchor a;

	setup();
	record("first", 2);
	record_as("touch", 3, false);
	journal_anchor_take(journal, (struct ulid){ { 1 } }, 4, &a);
	ck_assert_int_eq(a.seq, 2);
	ck_assert_int_eq(journal_anchor_check(journal, &a), 0);
	record("payment", 1); /* with it all before it is */
	journal_anchor_take(journal, (struct ulid){ { 1 } }, 4, &a);
	ck_assert_int_eq(a.seq, 6);
	/* What an earlier process wrote may be in no safer place. */
	record_as("touch", 1, false);
	journal = journal_close(journal);
	ck_assert_msg(open_again() == 0, "%s", why);
	journal_anchor_take(journal, (struct ulid){ { 1 } }, 4, &a);
	ck_assert_int_eq(a.seq, 0);
	record("payment", 1);
	journal_anchor_take(journal, (struct ulid){ { 1 } }, 4, &a);
	ck_assert_int_eq(a.seq, 8);
	ck_assert_int_eq(journal_anchor_check(journal, &a), 0);
	teardown();
}
END_TEST

START_TEST(an_anchor_is_read_as_it_was_written)
{
	/* Each but the first has one thing wrong with it. */
	static const struct {
		const char *v, *lane, *seq, *wall, *head;
	} texts[] = {
		{ "1", LANE, "1", "1", HEAD },  { "2", LANE, "1", "1", HEAD },
		{ "1", "0", "1", "1", HEAD },   { "1", LANE, "-1", "1", HEAD },
		{ "1", LANE, "1", "-1", HEAD }, { "1", LANE, "1", "1", "0001" },
	};

	struct journal_anchor a = { .lane = { { 1, 2, 3 } },
				    .seq = INT64_C(1) << 52,
				    .wall_ms = 1790000000000 };
	struct journal_anchor b;
	char text[JOURNAL_ANCHOR_BYTES];

	a.head.b[0] = 0xfe;
	a.head.b[15] = 0x01;
	journal_anchor_text(&a, text);
	ck_assert_int_eq(journal_anchor_parse(str_of(text), &b), 0);
	ck_assert(a.seq == b.seq && a.wall_ms == b.wall_ms && key128_eq(a.head, b.head) &&
		  ulid_eq(a.lane, b.lane));
	for (size_t n = 0; n + 1 < strlen(text); n++)
		ck_assert_int_lt(journal_anchor_parse((struct str){ text, n }, &b), 0);
	ck_assert_int_lt(journal_anchor_parse(STR("{}"), &b), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char line[256];

		(void)snprintf(line, sizeof(line),
			       "{\"v\":%s,\"lane\":\"%s\",\"seq\":%s,\"wall_ms\":%s,"
			       "\"head\":\"%s\"}",
			       texts[i].v, texts[i].lane, texts[i].seq, texts[i].wall,
			       texts[i].head); /* fits */
		ck_assert_msg((journal_anchor_parse(str_of(line), &b) == 0) == (i == 0),
			      "%s", line);
	}
}
END_TEST

/* One that was changed, or has a hole, in what is looked at: it is not opened. */
START_TEST(a_journal_whose_chain_is_broken_is_refused)
{
	static const char *const harm[] = {
		"UPDATE audit SET amount_minor = 8 WHERE seq = 4",
		"DELETE FROM audit WHERE seq = 3",
		"UPDATE audit SET hash = x'00' WHERE seq = 6",
	};

	for (size_t i = 0; i < sizeof(harm) / sizeof(harm[0]); i++) {
		setup();
		record("said", 6);
		ck_assert_int_eq(db_exec(journal->db, harm[i]), 0);
		journal = journal_close(journal);
		ck_assert_int_eq(open_again(), -EUCLEAN);
		ck_assert_msg(why[0] != '\0', "%s", harm[i]);
		teardown();
	}
}
END_TEST

/* Only its last records are looked at, so that opening does not grow with the years. */
START_TEST(opening_looks_at_the_end_of_the_chain)
{
	int64_t seq = 0;

	setup();
	record("said", JOURNAL_TAIL_ROWS + 10);
	ck_assert_int_eq(
		db_exec(journal->db, "UPDATE audit SET amount_minor = 8 WHERE seq = 4"),
		0);
	journal = journal_close(journal);
	ck_assert_msg(open_again() == 0, "%s", why);
	ck_assert_int_eq(journal_check(journal, &seq), -EBADMSG);
	ck_assert_int_eq(seq, 4);
	teardown();
}
END_TEST

static void
put(uint8_t key, enum payment_state state, const char *pos)
{
	struct journal_ref j = journal_ref(journal);
	struct payment p;

	memset(&p, 0, sizeof(p));
	p.key.b[0] = key;
	p.asked_minor = 5;
	p.state = state;
	(void)snprintf(p.pos_adapter, sizeof(p.pos_adapter), "%s", pos);
	ck_assert_int_eq(j.ops->begin(j.impl, true), 0);
	ck_assert_int_eq(j.ops->put_payment(j.impl, &p), 0);
	ck_assert_int_eq(j.ops->commit(j.impl), 0);
}

/* As a version of schema 3 opens it. */
static int
open_as_older(void)
{
	const struct db_spec spec = { .path = path,
				      .application_id = APPLICATION_ID,
				      .migrations = journal_migrations,
				      .migrations_count = 3,
				      .full_sync = true };
	struct db *d = NULL;
	int rc = db_open(&spec, &d, why);

	(void)db_close(d); /* gives NULL */
	return rc;
}

START_TEST(an_older_version_is_kept_out_while_a_pos_waits)
{
	setup();
	put(1, PAYMENT_SENDING, "");
	ck_assert_int_eq(open_as_older(), 0);
	put(2, PAYMENT_CREATED, "till");
	ck_assert_int_eq(open_as_older(), -ENOTSUP);
	journal = journal_close(journal);
	ck_assert_int_eq(open_as_older(), -ENOTSUP);
	ck_assert_msg(open_again() == 0, "%s", why);
	put(2, PAYMENT_ANSWER_SENDING, "till");
	ck_assert_int_eq(open_as_older(), -ENOTSUP);
	put(2, PAYMENT_CONFIRMED, "till");
	journal = journal_close(journal);
	ck_assert_int_eq(open_as_older(), 0);
	ck_assert_msg(open_again() == 0, "%s", why);
	teardown();
}
END_TEST

START_TEST(what_was_rolled_back_lets_older_versions_in)
{
	struct journal_ref j;
	struct payment p;

	setup();
	j = journal_ref(journal);
	memset(&p, 0, sizeof(p));
	p.key.b[0] = 3;
	p.asked_minor = 5;
	(void)snprintf(p.pos_adapter, sizeof(p.pos_adapter), "till");
	ck_assert_int_eq(j.ops->begin(j.impl, true), 0);
	ck_assert_int_eq(j.ops->put_payment(j.impl, &p), 0);
	j.ops->rollback(j.impl);
	ck_assert_int_eq(open_as_older(), 0);
	put(3, PAYMENT_CREATED, "till"); /* it is asked for again */
	ck_assert_int_eq(open_as_older(), -ENOTSUP);
	teardown();
}
END_TEST

UNIT_MAIN("journal_anchor", an_older_journal_is_told_from_the_one_that_was,
	  an_anchor_goes_as_far_as_what_is_durable, an_anchor_is_read_as_it_was_written,
	  a_journal_whose_chain_is_broken_is_refused,
	  opening_looks_at_the_end_of_the_chain,
	  an_older_version_is_kept_out_while_a_pos_waits,
	  what_was_rolled_back_lets_older_versions_in)
