#include "bio/store_private.h"

#include "base/clock.h"
#include "base/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define APPLICATION_ID 0x6c6e6762 /* "lngb" */

static const struct db_migration migrations[] = {
	{ 1, 1,
	  "CREATE TABLE gallery (one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT "
	  "NULL,"
	  " environment TEXT NOT NULL CHECK (environment IN ('live', 'test')),"
	  " key_check BLOB NOT NULL) STRICT;"
	  "CREATE TABLE subjects (subject BLOB PRIMARY KEY CHECK (length(subject) = 16),"
	  " wrapped_key BLOB NOT NULL, created_ms INTEGER NOT NULL) STRICT, WITHOUT "
	  "ROWID;"
	  "CREATE TABLE consents (consent_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	  " subject BLOB NOT NULL REFERENCES subjects ON DELETE CASCADE,"
	  " text_version TEXT NOT NULL CHECK (text_version <> ''),"
	  " text_sha256 BLOB NOT NULL CHECK (length(text_sha256) = 32),"
	  " language TEXT NOT NULL CHECK (language <> ''), purposes INTEGER NOT NULL,"
	  " retention_days INTEGER NOT NULL CHECK (retention_days > 0),"
	  " time_ms INTEGER NOT NULL, lane TEXT NOT NULL, method TEXT NOT NULL,"
	  " staff TEXT NOT NULL, profile TEXT NOT NULL, withdrawn_ms INTEGER,"
	  " UNIQUE (consent_id, subject)) STRICT;"
	  "CREATE INDEX consents_by_subject ON consents (subject);"
	  "CREATE TABLE refs (reference_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	  " subject BLOB NOT NULL REFERENCES subjects ON DELETE CASCADE,"
	  " consent_id INTEGER NOT NULL REFERENCES consents,"
	  " finger INTEGER NOT NULL CHECK (finger BETWEEN 1 AND 10),"
	  " version INTEGER NOT NULL, sealed BLOB NOT NULL, created_ms INTEGER NOT NULL,"
	  " UNIQUE (subject, finger),"
	  " FOREIGN KEY (consent_id, subject) REFERENCES consents (consent_id, subject)"
	  " ON DELETE CASCADE) STRICT;"
	  "CREATE INDEX refs_by_consent ON refs (consent_id, subject);"
	  "CREATE TRIGGER refs_need_consent BEFORE INSERT ON refs WHEN NOT EXISTS ("
	  " SELECT 1 FROM consents c WHERE c.consent_id = NEW.consent_id"
	  " AND c.subject = NEW.subject AND c.withdrawn_ms IS NULL AND (c.purposes & 1) "
	  "= 1)"
	  " BEGIN SELECT RAISE(ABORT, 'no valid consent'); END;"
	  "CREATE TRIGGER refs_are_not_changed BEFORE UPDATE ON refs"
	  " BEGIN SELECT RAISE(ABORT, 'references are replaced, not changed'); END;" },
	{ 2, 1,
	  "CREATE TABLE decisions (decision_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	  " time_ms INTEGER NOT NULL, kind TEXT NOT NULL, outcome TEXT NOT NULL,"
	  " why TEXT NOT NULL, compared INTEGER NOT NULL, threshold INTEGER NOT NULL,"
	  " quality INTEGER NOT NULL, hints INTEGER NOT NULL,"
	  " who BLOB CHECK (length(who) = 8)) STRICT;"
	  "CREATE TABLE histograms (period INTEGER NOT NULL, kind INTEGER NOT NULL,"
	  " db INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (period, kind, db))"
	  " STRICT, WITHOUT ROWID;"
	  "CREATE TABLE guard (one INTEGER PRIMARY KEY CHECK (one = 1),"
	  " level INTEGER NOT NULL, leaked_ms INTEGER NOT NULL,"
	  " failed_ms INTEGER NOT NULL) STRICT;"
	  "CREATE TABLE captures (subject BLOB PRIMARY KEY"
	  " REFERENCES subjects ON DELETE CASCADE, marks BLOB NOT NULL)"
	  " STRICT, WITHOUT ROWID;" },
	{ 3, 1,
	  "CREATE TABLE claim_keys (subject BLOB NOT NULL"
	  " REFERENCES subjects ON DELETE CASCADE, number INTEGER NOT NULL,"
	  " wrapped_key BLOB NOT NULL, PRIMARY KEY (subject, number))"
	  " STRICT, WITHOUT ROWID;"
	  /* Scores counted before are of another calibration: they would prove nothing. */
	  "DELETE FROM histograms;" },
	/* References are of version 2: nothing changes but who can read them. */
	{ 4, 4, "" },
};

/* Of the sealed row, not of what is in it. */
#define SEALED_VERSION 1u

/* What binds a sealed row to its place: purpose, gallery, subject, finger, format version. */
static struct crypto_aad
make_aad(uint8_t buf[STORE_AAD_BYTES], const char purpose[8], struct ulid gallery,
	 struct ulid subject, const uint8_t tail[2])
{
	memset(buf, 0, STORE_AAD_BYTES);
	memcpy(buf, purpose, 8);
	memcpy(buf + 8, gallery.b, 16);
	memcpy(buf + 24, subject.b, 16);
	memcpy(buf + 40, tail, 2);
	return (struct crypto_aad){ buf, 42 };
}

struct crypto_aad
store_key_aad(uint8_t buf[STORE_AAD_BYTES], struct ulid gallery, struct ulid subject)
{
	static const uint8_t none[2] = { 0, 0 };

	return make_aad(buf, "lnd-key\0", gallery, subject, none);
}

struct crypto_aad
store_reference_aad(uint8_t buf[STORE_AAD_BYTES], struct ulid gallery,
		    struct ulid subject, uint32_t finger)
{
	const uint8_t tail[2] = { (uint8_t)finger, SEALED_VERSION };

	return make_aad(buf, "lnd-ref\0", gallery, subject, tail);
}

/* The first row of a new file: its identity and a sealed text that proves the store key. */
static int
stamp_new(struct store *s, const char *environment)
{
	uint8_t check[CRYPTO_WRAPPED_BYTES], aad[STORE_AAD_BYTES];
	static const uint8_t zero_key[CRYPTO_KEY_BYTES];
	sqlite3_stmt *q;
	int rc = crypto_ulid(clock_wall_ms(), &s->id);

	if (rc == 0)
		rc = crypto_wrap(s->key,
				 store_key_aad(aad, s->id, (struct ulid){ { 0 } }),
				 zero_key, check);
	if (rc < 0)
		return rc;
	q = db_stmt(s->db, "INSERT INTO gallery VALUES (1, ?1, ?2, ?3)");
	if (q == NULL)
		return db_last_error(s->db);
	db_bind_blob(q, 1, s->id.b, sizeof(s->id.b));
	db_bind_cstr(q, 2, environment);
	db_bind_blob(q, 3, check, sizeof(check));
	return db_run(s->db, q);
}

static int
check_key(const struct store *s, struct str check)
{
	uint8_t key[CRYPTO_KEY_BYTES], aad[STORE_AAD_BYTES];

	if (check.n != CRYPTO_WRAPPED_BYTES ||
	    crypto_unwrap(s->key, store_key_aad(aad, s->id, (struct ulid){ { 0 } }),
			  (const uint8_t *)check.p, key) < 0)
		return -EKEYREJECTED;
	secret_zero(key, sizeof(key));
	return 0;
}

static int
check_stamp(struct store *s, const char *environment, char why[256])
{
	sqlite3_stmt *q =
		db_stmt(s->db, "SELECT id, environment, key_check FROM gallery");
	int rc;

	if (q == NULL)
		return db_last_error(s->db);
	rc = db_step(s->db, q);
	if (rc == 0) {
		db_done(q);
		return stamp_new(s, environment);
	}
	if (rc > 0) {
		struct str id = db_col_blob(q, 0);

		rc = id.n == sizeof(s->id.b) ? 0 : -EUCLEAN;
		if (rc == 0)
			memcpy(s->id.b, id.p, sizeof(s->id.b));
		if (rc == 0 && !str_is(db_col_str(q, 1), environment)) {
			(void)snprintf(
				why, 256,
				"gallery.db belongs to another environment than %s",
				environment); /* fits */
			rc = -EPERM;
		}
		if (rc == 0) {
			rc = check_key(s, db_col_blob(q, 2));
			if (rc < 0)
				(void)snprintf(why, 256,
					       "gallery.db is sealed under "
					       "another key than gallery.key");
		}
	}
	db_done(q);
	return rc;
}

/* Readers that never end must not keep a writer waiting. */
static int
gate_init(pthread_rwlock_t *gate)
{
	pthread_rwlockattr_t attr;
	int rc = pthread_rwlockattr_init(&attr);

	if (rc == 0)
		rc = pthread_rwlockattr_setkind_np(
			&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	if (rc == 0)
		rc = pthread_rwlock_init(gate, &attr);
	return -rc;
}

/* Empties the log of what was erased. -EBUSY: somebody else's reader keeps it; the next time. */
static int
clean(struct store *s)
{
	int rc;

	(void)pthread_rwlock_wrlock(
		&s->gate); /* cannot fail: this thread holds it never */
	rc = db_checkpoint(s->db);
	(void)pthread_rwlock_unlock(&s->gate); /* cannot fail: held */
	s->unclean = rc < 0;
	return rc;
}

int
store_open(const struct store_options *o, struct store **ret_store, char why[256])
{
	struct db_spec spec = { .application_id = APPLICATION_ID,
				.migrations = migrations,
				.migrations_count =
					sizeof(migrations) / sizeof(migrations[0]),
				.full_sync = true,
				.secure_delete = true };
	struct store *s;
	int rc;

	why[0] = '\0';
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	rc = snprintf(s->path, sizeof(s->path), "%s/gallery.db", o->folder) <
			     (int)sizeof(s->path)
		     ? gate_init(&s->gate)
		     : -ENAMETOOLONG;
	if (rc < 0) {
		free(s);
		return rc;
	}
	spec.path = s->path;
	s->key = o->key;
	s->scratch = secret_region_new(sizeof(*s->scratch));
	s->ring = keyring_new();
	rc = s->scratch == NULL || s->ring == NULL ? -ENOMEM
						   : db_open(&spec, &s->db, why);
	if (rc == 0)
		rc = check_stamp(s, o->environment, why);
	if (rc < 0 && why[0] == '\0')
		(void)snprintf(why, 256, "gallery.db: %s", strerror(-rc)); /* fits */
	if (rc < 0) {
		(void)store_close(s);
		return rc;
	}
	*ret_store = s;
	return 0;
}

struct store *
store_close(struct store *s)
{
	if (s != NULL) {
		if (s->db != NULL)
			(void)db_close(s->db);
		secret_region_free(s->scratch, sizeof(*s->scratch));
		s->ring = keyring_free(s->ring);
		(void)pthread_rwlock_destroy(&s->gate); /* nobody reads any more */
		free(s);
	}
	return NULL;
}

int
store_subject_key(struct store *s, struct ulid subject, uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	sqlite3_stmt *q =
		db_stmt(s->db, "SELECT wrapped_key FROM subjects WHERE subject = ?1");
	uint8_t aad[STORE_AAD_BYTES];
	int rc;

	if (q == NULL)
		return db_last_error(s->db);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	rc = db_step(s->db, q);
	if (rc > 0 && keyring_get(s->ring, subject, ret_key)) {
		rc = 0;
	} else if (rc > 0) {
		struct str w = db_col_blob(q, 0);

		rc = w.n != CRYPTO_WRAPPED_BYTES
			     ? -EBADMSG
			     : crypto_unwrap(s->key, store_key_aad(aad, s->id, subject),
					     (const uint8_t *)w.p, ret_key);
	} else if (rc == 0) {
		rc = -ENOENT;
	}
	db_done(q);
	return rc;
}

/* A new subject, with a new key under the store's. */
static int
insert_subject(struct store *s, struct ulid subject, uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	uint8_t aad[STORE_AAD_BYTES], wrapped[CRYPTO_WRAPPED_BYTES];
	sqlite3_stmt *q;
	int rc = crypto_random(ret_key, CRYPTO_KEY_BYTES);

	if (rc == 0)
		rc = crypto_wrap(s->key, store_key_aad(aad, s->id, subject), ret_key,
				 wrapped);
	if (rc < 0)
		return rc;
	q = db_stmt(s->db, "INSERT INTO subjects VALUES (?1, ?2, ?3)");
	if (q == NULL)
		return db_last_error(s->db);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	db_bind_blob(q, 2, wrapped, sizeof(wrapped));
	db_bind_int(q, 3, clock_wall_ms());
	return db_run(s->db, q);
}

/* The subject's data key: unwrapped, or made and stored when the subject is new. */
static int
key_of_enrolled(struct store *s, struct ulid subject, const struct store_claims *claims,
		uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	int rc =
		claims != NULL ? store_claims_open(s, subject, claims, ret_key) : -ENOENT;

	if (rc == -ENOENT) /* nothing that a claim opens */
		rc = store_subject_key(s, subject, ret_key);
	if (rc == -ENOENT)
		rc = insert_subject(s, subject, ret_key);
	if (rc == 0 && claims != NULL)
		rc = store_claims_put(s, subject, claims, ret_key);
	return rc;
}

static int
insert_consent(struct store *s, struct ulid subject, const struct store_consent *c)
{
	sqlite3_stmt *q = db_stmt(
		s->db,
		"INSERT INTO consents (subject, text_version, text_sha256, language,"
		" purposes, retention_days, time_ms, lane, method, staff, profile)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");

	if (q == NULL)
		return db_last_error(s->db);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	db_bind_cstr(q, 2, c->text_version);
	db_bind_blob(q, 3, c->text_sha256, sizeof(c->text_sha256));
	db_bind_cstr(q, 4, c->language);
	db_bind_int(q, 5, c->purposes);
	db_bind_int(q, 6, c->retention_days);
	db_bind_int(q, 7, c->time_ms);
	db_bind_cstr(q, 8, c->lane);
	db_bind_cstr(q, 9, c->method);
	db_bind_cstr(q, 10, c->staff);
	db_bind_cstr(q, 11, c->profile);
	return db_run(s->db, q);
}

static int
delete_reference(struct store *s, struct ulid subject, uint32_t finger)
{
	sqlite3_stmt *q =
		db_stmt(s->db, "DELETE FROM refs WHERE subject = ?1 AND finger = ?2");

	if (q == NULL)
		return db_last_error(s->db);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	db_bind_int(q, 2, finger);
	return db_run(s->db, q);
}

static int
insert_reference(struct store *s, struct ulid subject, const uint8_t *key,
		 int64_t consent_id, struct store_reference *r)
{
	uint8_t aad[STORE_AAD_BYTES], sealed[STORE_SEALED_BYTES_MAX];
	sqlite3_stmt *q;
	int rc;

	if (r->bytes == 0 || r->bytes > REFERENCE_BYTES_MAX || r->finger < 1 ||
	    r->finger > 10)
		return -EINVAL;
	rc = crypto_seal(key, store_reference_aad(aad, s->id, subject, r->finger),
			 (struct str){ (const char *)r->data, r->bytes }, sealed,
			 sizeof(sealed));
	if (rc == 0)
		rc = delete_reference(s, subject, r->finger);
	if (rc < 0)
		return rc;
	q = db_stmt(s->db,
		    "INSERT INTO refs (subject, consent_id, finger, version, sealed,"
		    " created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
	if (q == NULL)
		return db_last_error(s->db);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	db_bind_int(q, 2, consent_id);
	db_bind_int(q, 3, r->finger);
	db_bind_int(q, 4, SEALED_VERSION);
	db_bind_blob(q, 5, sealed, r->bytes + CRYPTO_SEAL_OVERHEAD);
	db_bind_int(q, 6, clock_wall_ms());
	rc = db_run(s->db, q);
	if (rc == 0)
		r->key = (uint64_t)sqlite3_last_insert_rowid(db_handle(s->db));
	return rc;
}

int
store_enrol_claimed(struct store *s, struct ulid subject,
		    const struct store_consent *consent,
		    const struct store_claims *claims,
		    const struct store_enrolled *references)
{
	uint8_t *key = s->scratch->key;
	int64_t consent_id;
	int rc;

	if ((consent->purposes & PURPOSE_IDENTIFY) == 0)
		return -EINVAL;
	rc = db_begin(s->db);
	if (rc < 0)
		return rc;
	rc = key_of_enrolled(s, subject, claims, key);
	if (rc == 0)
		rc = insert_consent(s, subject, consent);
	consent_id = sqlite3_last_insert_rowid(db_handle(s->db));
	for (size_t i = 0; rc == 0 && i < references->count; i++)
		rc = insert_reference(s, subject, key, consent_id, &references->list[i]);
	if (rc < 0)
		db_rollback(s->db);
	else
		rc = db_commit(s->db);
	if (rc == 0 && claims != NULL) {
		keyring_put(s->ring, subject, key);
		/* What the store's key alone opened before leaves the disk. */
		(void)clean(s); /* else the next time */
	}
	secret_zero(key, CRYPTO_KEY_BYTES);
	return rc;
}

int
store_enrol(struct store *s, struct ulid subject, const struct store_consent *consent,
	    struct store_reference *references, size_t count)
{
	const struct store_enrolled list = { references, count };

	return store_enrol_claimed(s, subject, consent, NULL, &list);
}

int
store_has_consent(struct store *s, struct ulid subject, int64_t now_wall_ms)
{
	sqlite3_stmt *q =
		db_stmt(s->db, "SELECT 1 FROM consents WHERE subject = ?1"
			       " AND withdrawn_ms IS NULL AND (purposes & 1) = 1"
			       " AND time_ms + retention_days * 86400000 > ?2 LIMIT 1");
	int rc;

	if (q == NULL)
		return db_last_error(s->db);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	db_bind_int(q, 2, now_wall_ms);
	rc = db_step(s->db, q);
	db_done(q);
	return rc > 0 ? 0 : rc < 0 ? rc : -ENOENT;
}

/* References of a subject; -ENOENT when there is no such subject. */
static int
count_references(struct store *s, struct ulid subject, unsigned *ret_count)
{
	sqlite3_stmt *q =
		db_stmt(s->db, "SELECT (SELECT count(*) FROM refs WHERE subject = ?1),"
			       " EXISTS (SELECT 1 FROM subjects WHERE subject = ?1)");
	int rc;

	if (q == NULL)
		return db_last_error(s->db);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	rc = db_step(s->db, q);
	if (rc > 0) {
		*ret_count = (unsigned)sqlite3_column_int64(q, 0);
		rc = sqlite3_column_int(q, 1) != 0 ? 0 : -ENOENT;
	}
	db_done(q);
	return rc;
}

int
store_erase(struct store *s, struct ulid subject, unsigned *ret_references)
{
	unsigned count = 0;
	sqlite3_stmt *q;
	int rc = count_references(s, subject, &count);

	if (rc < 0) {
		if (rc == -ENOENT && s->unclean)
			(void)clean(s); /* else the next time */
		return rc;
	}
	q = db_stmt(s->db, "DELETE FROM subjects WHERE subject = ?1");
	if (q == NULL)
		return db_last_error(s->db);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	rc = db_run(s->db, q);
	if (rc < 0)
		return rc;
	*ret_references = count;
	return clean(s);
}
