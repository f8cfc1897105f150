#include "bio/store_record.h"

#include "bio/store_private.h"

#include "base/secret.h"

#include <errno.h>
#include <string.h>

#define WHO_BYTES 8u
#define SWEEP_ROWS 256u /* so many decisions until the old ones are looked for */
#define PERIODS_KEPT 13
#define CAPTURES_AAD_BYTES 40u
#define CAPTURES_SEALED_BYTES (sizeof(struct replay_set) + CRYPTO_SEAL_OVERHEAD)
/* What keys are derived for: captures, the name of somebody in the record. */
#define CAPTURES_INFO "laned-bio captures"
#define WHO_INFO "laned-bio record"

/* Of a subject, for one purpose. 0; -ENOENT and -EBADMSG as store_subject_key. */
static int
derived_key(struct store *s, struct ulid subject, const char *info,
	    uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	uint8_t *key = s->scratch->key;
	int rc = store_subject_key(s, subject, key);

	if (rc == 0)
		rc = crypto_derive(key, info, ret_key);
	secret_zero(key, CRYPTO_KEY_BYTES);
	return rc;
}

/* ---- decisions ------------------------------------------------------------ */

/* The subject's name in the record; it tells nothing once the subject's key is destroyed. */
static int
who_of(struct store *s, struct ulid subject, uint8_t ret_who[WHO_BYTES])
{
	uint8_t key[CRYPTO_KEY_BYTES], mac[CRYPTO_SHA256_BYTES];
	int rc = derived_key(s, subject, WHO_INFO, key);

	if (rc == 0)
		rc = crypto_hmac_sha256(key, subject.b, sizeof(subject.b), mac);
	if (rc == 0)
		memcpy(ret_who, mac, WHO_BYTES);
	secret_zero(key, sizeof(key));
	return rc;
}

static int
insert_row(struct store *s, const struct record_row *row)
{
	uint8_t who[WHO_BYTES];
	bool has_who = !ulid_is_zero(row->subject) && who_of(s, row->subject, who) == 0;
	sqlite3_stmt *q = db_stmt(
		s->db,
		"INSERT INTO decisions (time_ms, kind, outcome, why, compared, threshold,"
		" quality, hints, who) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");

	db_bind_int(q, 1, row->time_ms);
	db_bind_cstr(q, 2, record_kind_name(row->kind));
	db_bind_cstr(q, 3, decision_name(decide_outcome(row->why)));
	db_bind_cstr(q, 4, decide_why_name(row->why));
	db_bind_int(q, 5, (int64_t)row->references);
	db_bind_int(q, 6, row->threshold);
	db_bind_int(q, 7, row->quality);
	db_bind_int(q, 8, row->hints);
	if (has_who)
		db_bind_blob(q, 9, who, sizeof(who));
	return db_run(s->db, q);
}

static int
sweep(struct store *s, int64_t now_ms)
{
	sqlite3_stmt *q;
	int rc;

	if (s->rows++ % SWEEP_ROWS != 0)
		return 0;
	q = db_stmt(s->db, "DELETE FROM decisions WHERE time_ms < ?1 OR decision_id <="
			   " (SELECT max(decision_id) FROM decisions) - ?2");
	db_bind_int(q, 1, now_ms - STORE_DECISIONS_MS);
	db_bind_int(q, 2, STORE_DECISIONS_MAX);
	rc = db_run(s->db, q);
	if (rc < 0)
		return rc;
	q = db_stmt(s->db, "DELETE FROM histograms WHERE period <= ?1");
	db_bind_int(q, 1, now_ms / RECORD_PERIOD_MS - PERIODS_KEPT);
	return db_run(s->db, q);
}

/* ---- histograms ----------------------------------------------------------- */

static int
add_count(struct store *s, int64_t period, unsigned kind, unsigned db, uint64_t count)
{
	sqlite3_stmt *q = db_stmt(
		s->db,
		"INSERT INTO histograms VALUES (?1, ?2, ?3, ?4)"
		" ON CONFLICT (period, kind, db) DO UPDATE SET count = count + ?4");

	db_bind_int(q, 1, period);
	db_bind_int(q, 2, kind);
	db_bind_int(q, 3, db);
	db_bind_int(q, 4, (int64_t)count);
	return db_run(s->db, q);
}

static int
add_counts(struct store *s, int64_t now_ms, const struct record_counts *add)
{
	int rc = 0;

	for (unsigned kind = 0; kind < RECORD_HISTOGRAMS; kind++)
		for (unsigned db = 0; rc == 0 && db < RECORD_BINS; db++)
			if (add->bins[kind][db] > 0)
				rc = add_count(s, now_ms / RECORD_PERIOD_MS, kind, db,
					       add->bins[kind][db]);
	return rc;
}

int
store_counts(struct store *s, int64_t now_ms, struct record_counts *ret_counts)
{
	sqlite3_stmt *q =
		db_stmt(s->db, "SELECT kind, db, sum(min(count, 1 << 40)) FROM histograms"
			       " WHERE period > ?1 AND count > 0 GROUP BY kind, db");
	struct record_counts sums = { { { 0 } } };
	int rc;

	db_bind_int(q, 1, now_ms / RECORD_PERIOD_MS - RECORD_PERIODS);
	while ((rc = db_step(s->db, q)) > 0) {
		int64_t kind = sqlite3_column_int64(q, 0),
			db = sqlite3_column_int64(q, 1);

		if (kind >= 0 && kind < RECORD_HISTOGRAMS && db >= 0 &&
		    db < (int64_t)RECORD_BINS)
			sums.bins[kind][db] = (uint64_t)sqlite3_column_int64(q, 2);
	}
	db_done(q);
	if (rc == 0)
		*ret_counts = sums;
	return rc;
}

/* ---- the guard ------------------------------------------------------------ */

static int
put_guard(struct store *s, const struct guard *g)
{
	sqlite3_stmt *q =
		db_stmt(s->db, "INSERT OR REPLACE INTO guard VALUES (1, ?1, ?2, ?3)");

	db_bind_int(q, 1, g->level);
	db_bind_int(q, 2, g->leaked_ms);
	db_bind_int(q, 3, g->failed_ms);
	return db_run(s->db, q);
}

int
store_guard(struct store *s, struct guard *ret_guard)
{
	sqlite3_stmt *q = db_stmt(s->db, "SELECT level, leaked_ms, failed_ms FROM guard");
	struct guard g = { 0 };
	int rc = db_step(s->db, q);

	if (rc > 0) {
		int64_t level = sqlite3_column_int64(q, 0);

		/* What is no level was altered: the most of them. */
		g.level = level >= 0 && level < (int64_t)GUARD_LEVEL_MAX
				  ? (uint32_t)level
				  : GUARD_LEVEL_MAX;
		g.leaked_ms = sqlite3_column_int64(q, 1);
		g.failed_ms = sqlite3_column_int64(q, 2);
	}
	db_done(q);
	if (rc >= 0)
		*ret_guard = g;
	return rc < 0 ? rc : 0;
}

/* ---- captures ------------------------------------------------------------- */

/* What binds the sealed captures to their place. */
static struct crypto_aad
captures_aad(uint8_t buf[CAPTURES_AAD_BYTES], const struct store *s, struct ulid subject)
{
	static const char purpose[8] = { 'l', 'n', 'd', '-', 'c', 'a', 'p', '1' };

	memcpy(buf, purpose, sizeof(purpose));
	memcpy(buf + 8, s->id.b, sizeof(s->id.b));
	memcpy(buf + 24, subject.b, sizeof(subject.b));
	return (struct crypto_aad){ buf, CAPTURES_AAD_BYTES };
}

/*
 * The subject's captures; an empty set when there are none, or none that can be opened: those of a
 * version before this one are of another kind.
 */
static int
get_captures(struct store *s, struct ulid subject, const uint8_t *key,
	     struct replay_set *ret_set)
{
	sqlite3_stmt *q = db_stmt(s->db, "SELECT marks FROM captures WHERE subject = ?1");
	uint8_t aad[CAPTURES_AAD_BYTES];
	int rc;

	memset(ret_set, 0, sizeof(*ret_set));
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	rc = db_step(s->db, q);
	if (rc > 0) {
		struct str sealed = db_col_blob(q, 0);

		if (sealed.n != CAPTURES_SEALED_BYTES ||
		    crypto_open(key, captures_aad(aad, s, subject), sealed,
				(uint8_t *)ret_set, sizeof(*ret_set)) < 0 ||
		    replay_check(ret_set) < 0)
			memset(ret_set, 0, sizeof(*ret_set));
	}
	db_done(q);
	return rc < 0 ? rc : 0;
}

static int
put_captures(struct store *s, struct ulid subject, const uint8_t *key,
	     const struct replay_set *set)
{
	uint8_t aad[CAPTURES_AAD_BYTES], sealed[CAPTURES_SEALED_BYTES];
	sqlite3_stmt *q;
	int rc = crypto_seal(key, captures_aad(aad, s, subject),
			     (struct str){ (const char *)set, sizeof(*set) }, sealed,
			     sizeof(sealed));

	if (rc < 0)
		return rc;
	q = db_stmt(s->db, "INSERT OR REPLACE INTO captures VALUES (?1, ?2)");
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	db_bind_blob(q, 2, sealed, sizeof(sealed));
	return db_run(s->db, q);
}

int
store_replay(struct store *s, struct ulid subject, const struct finger_features *probe,
	     int *ret_evidence)
{
	uint8_t key[CRYPTO_KEY_BYTES];
	struct replay_set set;
	int rc = derived_key(s, subject, CAPTURES_INFO, key);

	if (rc == 0)
		rc = get_captures(s, subject, key, &set);
	if (rc == 0)
		*ret_evidence = replay_evidence(&set, probe);
	secret_zero(key, sizeof(key));
	secret_zero(&set, sizeof(set));
	return rc;
}

int
store_capture(struct store *s, struct ulid subject, const struct finger_features *f)
{
	uint8_t key[CRYPTO_KEY_BYTES];
	struct replay_set set;
	int rc = derived_key(s, subject, CAPTURES_INFO, key);

	if (rc == 0)
		rc = get_captures(s, subject, key, &set);
	if (rc == 0) {
		replay_add(&set, f);
		rc = put_captures(s, subject, key, &set);
	}
	secret_zero(key, sizeof(key));
	secret_zero(&set, sizeof(set));
	return rc;
}

/* ---- all of one decision -------------------------------------------------- */

static int
write_decision(struct store *s, const struct store_decision *d)
{
	int rc = insert_row(s, &d->row);

	if (rc == 0 && d->add != NULL)
		rc = add_counts(s, d->row.time_ms, d->add);
	if (rc == 0 && d->guard != NULL)
		rc = put_guard(s, d->guard);
	if (rc == 0 && d->first_capture != NULL)
		rc = store_capture(s, d->row.subject, d->first_capture);
	if (rc == 0 && d->capture != NULL)
		rc = store_capture(s, d->row.subject, d->capture);
	return rc == 0 ? sweep(s, d->row.time_ms) : rc;
}

int
store_decision(struct store *s, const struct store_decision *d)
{
	int back, rc = db_exec(s->db, "PRAGMA synchronous = NORMAL");

	if (rc == 0)
		rc = db_begin(s->db);
	if (rc == 0) {
		rc = write_decision(s, d);
		if (rc < 0)
			db_rollback(s->db);
		else
			rc = db_commit(s->db);
	}
	back = db_exec(s->db, "PRAGMA synchronous = FULL");
	return rc < 0 ? rc : back;
}

/* ---- the summary ---------------------------------------------------------- */

static int
kind_parse(struct str name)
{
	for (int k = 0; k < RECORD_KINDS; k++)
		if (str_is(name, record_kind_name((enum record_kind)k)))
			return k;
	return -ENOENT;
}

static int
why_parse(struct str name)
{
	for (int w = 0; w < DECIDE_WHYS; w++)
		if (str_is(name, decide_why_name((enum decide_why)w)))
			return w;
	return -ENOENT;
}

static int
sum_decisions(struct store *s, int64_t since_ms, struct store_summary *sum)
{
	sqlite3_stmt *q = db_stmt(s->db, "SELECT kind, why, count(*) FROM decisions"
					 " WHERE time_ms >= ?1 GROUP BY kind, why");
	int rc;

	db_bind_int(q, 1, since_ms);
	while ((rc = db_step(s->db, q)) > 0) {
		int kind = kind_parse(db_col_str(q, 0)),
		    why = why_parse(db_col_str(q, 1));

		if (kind >= 0 && why >= 0)
			sum->decisions[kind][why] = (uint64_t)sqlite3_column_int64(q, 2);
	}
	db_done(q);
	return rc;
}

/* A decide is about a touch that was counted when it was searched for. */
static int
sum_quality(struct store *s, int64_t since_ms, struct store_summary *sum)
{
	sqlite3_stmt *q = db_stmt(
		s->db,
		"SELECT min(max(quality, 0) / 10, 9) AS tens, count(*) FROM decisions"
		" WHERE time_ms >= ?1 AND kind <> 'decide' AND"
		" why NOT IN ('not-acquired', 'expired') GROUP BY tens");
	int rc;

	db_bind_int(q, 1, since_ms);
	while ((rc = db_step(s->db, q)) > 0)
		sum->quality[sqlite3_column_int64(q, 0) % (int)STORE_QUALITIES] =
			(uint64_t)sqlite3_column_int64(q, 1);
	db_done(q);
	return rc;
}

int
store_summary(struct store *s, int64_t since_ms, struct store_summary *ret_summary)
{
	struct store_summary sum = { 0 };
	int rc = sum_decisions(s, since_ms, &sum);

	if (rc == 0)
		rc = sum_quality(s, since_ms, &sum);
	if (rc == 0)
		*ret_summary = sum;
	return rc;
}
