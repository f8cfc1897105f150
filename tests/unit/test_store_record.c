#include "unit.h"

#include "bio/store_record.h"

#include "base/crypto.h"
#include "base/db.h"

#include "tempdir.h"

#include <errno.h>

#define NOW_MS (INT64_C(1000) * RECORD_PERIOD_MS)

static char dir[TEMPDIR_BYTES], why[256];
static const uint8_t key[CRYPTO_KEY_BYTES] = { 1, 2, 3 };
static const struct ulid subject = { { 1, 2, 3 } }, other = { { 9 } };

static struct store *
open_ok(void)
{
	struct store_options o = { dir, "test", key };
	struct store *s = NULL;
	int rc = store_open(&o, &s, why);

	ck_assert_msg(rc == 0, "%d %s", rc, why);
	return s;
}

static struct store *
fresh(void)
{
	static const struct store_consent consent = { .text_version = "v1",
						      .language = "en",
						      .purposes = PURPOSE_IDENTIFY,
						      .retention_days = 365 };
	uint8_t data[100] = { 5 };
	struct store_reference r = { 2, data, sizeof(data), 0 };
	struct store *s;

	tempdir_make(dir);
	s = open_ok();
	ck_assert_int_eq(store_enrol(s, subject, &consent, &r, 1), 0);
	ck_assert_int_eq(store_enrol(s, other, &consent, &r, 1), 0);
	return s;
}

/* The file under the store's feet. */
static int64_t
raw(const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;
	int64_t n = -1;

	ck_assert_int_eq(sqlite3_open(tempdir_path(dir, "gallery.db"), &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	if (sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return n;
}

static struct store_decision
decision(enum record_kind kind, enum decide_why w, uint8_t quality)
{
	return (struct store_decision){ .row = { .time_ms = NOW_MS,
						 .kind = kind,
						 .why = w,
						 .references = 200,
						 .threshold = 5301,
						 .quality = quality } };
}

static void
keep(struct store *s, const struct store_decision *d)
{
	ck_assert_int_eq(store_decision(s, d), 0);
}

/* Another picture for another number, and no moved one. */
static struct finger_features
features(unsigned number)
{
	struct finger_features f = { .count = 20 };
	uint32_t state = number * 7919 + 1;

	for (unsigned i = 0; i < f.count; i++) {
		state = state * 1664525u + 1013904223u;
		f.minutiae[i] = (struct minutia){ .x = (int16_t)(state >> 8 & 255),
						  .y = (int16_t)(state >> 16 & 255),
						  .angle = (uint16_t)(state >> 12) };
	}
	return f;
}

START_TEST(every_decision_is_a_row_with_its_reason)
{
	struct store *s = fresh();
	struct store_summary sum;

	for (int k = 0; k < RECORD_KINDS; k++)
		for (int w = 0; w < DECIDE_WHYS; w++) {
			struct store_decision d =
				decision((enum record_kind)k, (enum decide_why)w, 55);

			for (int n = 0; n <= k + w; n++)
				keep(s, &d);
		}
	ck_assert_int_eq(store_summary(s, NOW_MS, &sum), 0);
	for (int k = 0; k < RECORD_KINDS; k++)
		for (int w = 0; w < DECIDE_WHYS; w++)
			ck_assert_uint_eq(sum.decisions[k][w], (uint64_t)(k + w + 1));
	ck_assert_int_eq(store_summary(s, NOW_MS + 1, &sum), 0);
	ck_assert_uint_eq(sum.decisions[0][0], 0);
	ck_assert_int_eq(raw("SELECT count(*) FROM decisions WHERE kind = 'identify' AND"
			     " outcome = 'ambiguous' AND why = 'locked-out' AND"
			     " compared = 200 AND threshold = 5301 AND who IS NULL"),
			 WHY_LOCKED_OUT + 1);
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

START_TEST(quality_is_counted_once_a_touch_that_could_be_read)
{
	static const uint8_t qualities[] = { 0, 9, 10, 55, 59, 99, 100 };
	static const uint64_t want[STORE_QUALITIES] = { 2, 1, 0, 0, 0, 2, 0, 0, 0, 2 };
	struct store *s = fresh();
	struct store_decision d;
	struct store_summary sum;

	for (size_t i = 0; i < sizeof(qualities); i++) {
		d = decision(i % 2 == 0 ? RECORD_IDENTIFY : RECORD_VERIFY, WHY_BELOW,
			     qualities[i]);
		keep(s, &d);
	}
	d = decision(RECORD_DECIDE, WHY_ABOVE, 35);
	keep(s, &d);
	d = decision(RECORD_IDENTIFY, WHY_NOT_ACQUIRED, 35);
	keep(s, &d);
	ck_assert_int_eq(store_summary(s, 0, &sum), 0);
	for (size_t i = 0; i < STORE_QUALITIES; i++)
		ck_assert_uint_eq(sum.quality[i], want[i]);
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

START_TEST(nobody_is_named_in_the_record)
{
	struct store *s = fresh();
	struct store_decision d = decision(RECORD_IDENTIFY, WHY_ABOVE, 80);

	d.row.subject = subject;
	keep(s, &d);
	keep(s, &d);
	d.row.subject = other;
	keep(s, &d);
	/* The same person is the same pseudonym, which is no part of the subject. */
	ck_assert_int_eq(raw("SELECT count(DISTINCT who) FROM decisions"), 2);
	ck_assert_int_eq(raw("SELECT count(*) FROM decisions d JOIN subjects s"
			     " ON instr(d.who, substr(s.subject, 1, 4)) > 0"),
			 0);
	/* Erased: the key is gone, and with it the way from the subject to the row. */
	ck_assert_int_eq(store_erase(s, subject, &(unsigned){ 0 }), 0);
	keep(s, &d);
	d.row.subject = subject;
	keep(s, &d);
	ck_assert_int_eq(raw("SELECT count(*) FROM decisions WHERE who IS NULL"), 1);
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

START_TEST(the_record_is_a_ring_of_limited_length_and_age)
{
	struct store *s = fresh();
	struct store_decision d = decision(RECORD_IDENTIFY, WHY_BELOW, 80);

	keep(s, &d);
	d.row.time_ms += STORE_DECISIONS_MS + 1;
	for (unsigned i = 0; i < 300; i++)
		keep(s, &d);
	ck_assert_int_eq(raw("SELECT count(*) FROM decisions"), 300);
	/* As if it had been filled long since. */
	ck_assert_int_eq(raw("UPDATE sqlite_sequence SET seq = 1000000"
			     " WHERE name = 'decisions' RETURNING 1"),
			 1);
	for (unsigned i = 0; i < 300; i++)
		keep(s, &d);
	ck_assert_int_eq(raw("SELECT count(*) FROM decisions"), 300);
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

START_TEST(histograms_add_up_over_the_last_periods_and_a_restart)
{
	struct record_counts add = { { { 0 } } }, got;
	struct store *s = fresh();
	struct store_decision d = decision(RECORD_IDENTIFY, WHY_ABOVE, 80);

	add.bins[RECORD_SEARCH][7] = 2;
	add.bins[RECORD_BEST][90] = 1;
	d.add = &add;
	for (int64_t p = 0; p < RECORD_PERIODS + 2; p++) {
		d.row.time_ms = NOW_MS + p * RECORD_PERIOD_MS;
		keep(s, &d);
	}
	store_close(s);
	s = open_ok();
	ck_assert_int_eq(store_counts(s, d.row.time_ms, &got), 0);
	ck_assert_uint_eq(got.bins[RECORD_SEARCH][7], 2 * RECORD_PERIODS);
	ck_assert_uint_eq(got.bins[RECORD_BEST][90], RECORD_PERIODS);
	ck_assert_uint_eq(got.bins[RECORD_IMPOSTOR][7], 0);
	/* What no program of ours wrote is left out. */
	ck_assert_int_eq(raw("INSERT INTO histograms VALUES (1003, 99, 5, 5),"
			     " (1003, 1, 500, 5), (1003, -1, 5, 5), (1003, 1, 4, -5)"
			     " RETURNING 1"),
			 1);
	ck_assert_int_eq(store_counts(s, d.row.time_ms, &got), 0);
	ck_assert_uint_eq(got.bins[RECORD_IMPOSTOR][4], 0);
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

START_TEST(the_guard_survives_a_restart)
{
	struct guard g = { 9, 1000, 2000 }, got = { 7, 7, 7 };
	struct store *s = fresh();
	struct store_decision d = decision(RECORD_IDENTIFY, WHY_BELOW, 80);

	ck_assert_int_eq(store_guard(s, &got), 0);
	ck_assert_uint_eq(got.level, 0);
	d.guard = &g;
	keep(s, &d);
	g.level = 10;
	keep(s, &d);
	store_close(s);
	s = open_ok();
	ck_assert_int_eq(store_guard(s, &got), 0);
	ck_assert_uint_eq(got.level, 10);
	ck_assert_int_eq(got.leaked_ms, 1000);
	ck_assert_int_eq(got.failed_ms, 2000);
	ck_assert_int_eq(raw("UPDATE guard SET level = -1 RETURNING 1"), 1);
	ck_assert_int_eq(store_guard(s, &got), 0);
	ck_assert_uint_eq(got.level, GUARD_LEVEL_MAX);
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

START_TEST(captures_are_known_again_until_their_subject_is_erased)
{
	struct finger_features f = features(0), g = features(8);
	struct store *s = fresh();
	struct store_decision d = decision(RECORD_IDENTIFY, WHY_ABOVE, 80);
	int evidence = 77;

	ck_assert_int_eq(store_replay(s, subject, &f, &evidence), 0);
	ck_assert_int_eq(evidence, 0);
	d.row.subject = subject;
	d.capture = &f;
	keep(s, &d);
	store_close(s);
	s = open_ok();
	ck_assert_int_eq(store_replay(s, subject, &f, &evidence), 0);
	ck_assert_int_ge(evidence, REPLAY_SAME);
	ck_assert_int_eq(store_replay(s, subject, &g, &evidence), 0);
	ck_assert_int_lt(evidence, REPLAY_SAME);
	/* Of somebody else it is no earlier capture. */
	ck_assert_int_eq(store_replay(s, other, &f, &evidence), 0);
	ck_assert_int_eq(evidence, 0);
	for (unsigned i = 0; i < 2 * REPLAY_CAPTURES; i++) {
		g = features(10 * i);
		d.capture = &g;
		keep(s, &d);
	}
	ck_assert_int_eq(raw("SELECT length(marks) FROM captures"),
			 (int64_t)(sizeof(struct replay_set) + CRYPTO_SEAL_OVERHEAD));
	/* Another subject's captures are not taken for one's own. */
	ck_assert_int_eq(raw("INSERT INTO captures SELECT subject, (SELECT marks FROM"
			     " captures) FROM subjects WHERE subject NOT IN"
			     " (SELECT subject FROM captures) RETURNING 1"),
			 1);
	ck_assert_int_eq(store_replay(s, other, &g, &evidence), 0);
	ck_assert_int_eq(evidence, 0);
	ck_assert_int_eq(raw("UPDATE captures SET marks = randomblob(10) RETURNING 1"),
			 1);
	ck_assert_int_eq(store_replay(s, subject, &g, &evidence), 0);
	ck_assert_int_eq(evidence, 0);
	ck_assert_int_eq(store_erase(s, subject, &(unsigned){ 0 }), 0);
	ck_assert_int_eq(raw("SELECT count(*) FROM captures"), 1); /* the other's */
	ck_assert_int_eq(store_replay(s, subject, &g, &evidence), -ENOENT);
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_decision_that_fails_leaves_nothing)
{
	struct store *s = fresh();
	struct finger_features f = features(0);
	struct guard g = { 9, 1000, 2000 }, got;
	struct store_decision d = decision(RECORD_IDENTIFY, WHY_ABOVE, 80);

	d.row.subject = (struct ulid){ { 77 } }; /* nobody: no key for the capture */
	d.capture = &f;
	d.guard = &g;
	ck_assert_int_eq(store_decision(s, &d), -ENOENT);
	ck_assert_int_eq(raw("SELECT count(*) FROM decisions"), 0);
	ck_assert_int_eq(store_guard(s, &got), 0);
	ck_assert_uint_eq(got.level, 0);
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

UNIT_MAIN("store_record", every_decision_is_a_row_with_its_reason,
	  quality_is_counted_once_a_touch_that_could_be_read,
	  nobody_is_named_in_the_record, the_record_is_a_ring_of_limited_length_and_age,
	  histograms_add_up_over_the_last_periods_and_a_restart,
	  the_guard_survives_a_restart,
	  captures_are_known_again_until_their_subject_is_erased,
	  a_decision_that_fails_leaves_nothing)
