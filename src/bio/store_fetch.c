#include "bio/store_fetch.h"

#include "base/secret.h"
#include "bio/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_TIMEOUT_MS 2000
/*
 * SQLite makes the pages of so small a cache at once and keeps them, also when the file changes.
 * What is not in it comes from the system's cache.
 */
#define CACHE_PAGES "18"

enum query { QUERY_FETCH, QUERY_LIST, QUERY_RANGE, QUERY_NEXT, QUERY_COUNT, QUERIES };

static const char *const sql[QUERIES] = {
	[QUERY_FETCH] =
		"SELECT r.reference_id, r.subject, r.finger, s.wrapped_key, r.sealed"
		" FROM refs r CROSS JOIN subjects s USING (subject)"
		" WHERE r.reference_id = ?1",
	[QUERY_LIST] = "SELECT reference_id, finger FROM refs WHERE subject = ?1",
	[QUERY_RANGE] =
		"SELECT r.reference_id, r.subject, r.finger, s.wrapped_key, r.sealed"
		" FROM refs r CROSS JOIN subjects s USING (subject)"
		" WHERE r.reference_id BETWEEN ?1 AND ?2 ORDER BY r.reference_id",
	[QUERY_NEXT] = "SELECT min(reference_id) FROM refs WHERE reference_id >= ?1",
	[QUERY_COUNT] = "SELECT count(*) FROM refs",
};

struct reader {
	sqlite3 *db;
	sqlite3_stmt *query[QUERIES];
	struct crypto_opener *opener;
	struct scratch *scratch;
	struct ulid gallery;
	const uint8_t *key; /* the store's */
	struct keyring *ring;
	pthread_rwlock_t *gate;
};

struct store_readers {
	struct reader reader[WORKERS_MAX];
};

/* One row of refs and the wrapped key of its subject, as the statement shows them. */
struct row {
	struct gallery_name name;
	struct str wrapped, sealed;
};

static void
close_reader(struct reader *r)
{
	for (int i = 0; i < QUERIES; i++)
		(void)sqlite3_finalize(r->query[i]); /* repeats an error of the step */
	(void)sqlite3_close(r->db);                  /* nothing is under way */
	(void)crypto_opener_free(r->opener);         /* always NULL */
	secret_region_free(r->scratch, sizeof(*r->scratch));
	*r = (struct reader){ 0 };
}

static int
open_reader(struct reader *r, struct store *s)
{
	int rc;

	r->gallery = s->id;
	r->key = s->key;
	r->ring = s->ring;
	r->gate = &s->gate;
	r->opener = crypto_opener_new();
	r->scratch = secret_region_new(sizeof(*r->scratch));
	if (r->opener == NULL || r->scratch == NULL)
		return -ENOMEM;
	rc = sqlite3_open_v2(s->path, &r->db,
			     SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX |
				     SQLITE_OPEN_PRIVATECACHE,
			     NULL);
	if (r->db == NULL)
		return -ENOMEM;
	if (rc != SQLITE_OK)
		return db_errno(rc);
	(void)sqlite3_extended_result_codes(r->db, 1);      /* cannot fail */
	(void)sqlite3_busy_timeout(r->db, BUSY_TIMEOUT_MS); /* cannot fail */
	/* Without them it works as well. */
	(void)sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	(void)sqlite3_db_config(r->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
	rc = sqlite3_exec(r->db,
			  "PRAGMA cache_size = " CACHE_PAGES
			  "; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY"
			  "; PRAGMA query_only = ON",
			  NULL, NULL, NULL);
	for (int i = 0; rc == SQLITE_OK && i < QUERIES; i++)
		rc = sqlite3_prepare_v3(r->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
					&r->query[i], NULL);
	return db_errno(rc);
}

/*
 * Has all readers read at once, and so take the memory that they will want when they do: else that
 * would be during the first search in which they happen to. It gives a row whatever is in the file.
 */
static void
rouse(struct store_readers *r)
{
	static const char text[] =
		"SELECT r.reference_id, r.subject, r.finger, s.wrapped_key, r.sealed"
		" FROM (SELECT -1 AS nobody) LEFT JOIN refs r ON r.reference_id = nobody"
		" LEFT JOIN subjects s ON s.subject = r.subject";
	sqlite3_stmt *q[WORKERS_MAX] = { NULL };

	/* What fails here fails again, where it matters. */
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		if (sqlite3_prepare_v2(r->reader[i].db, text, -1, &q[i], NULL) ==
		    SQLITE_OK)
			(void)sqlite3_step(q[i]);
	}
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		(void)sqlite3_finalize(q[i]); /* repeats an error of the step */
}

struct store_readers *
store_readers_free(struct store_readers *r)
{
	if (r == NULL)
		return NULL;
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		close_reader(&r->reader[i]);
	free(r);
	return NULL;
}

int
store_readers_new(struct store *s, struct store_readers **ret_readers)
{
	struct store_readers *r = calloc(1, sizeof(*r));
	int rc = r == NULL ? -ENOMEM : 0;

	for (unsigned i = 0; rc == 0 && i < WORKERS_MAX; i++)
		rc = open_reader(&r->reader[i], s);
	if (rc < 0) {
		(void)store_readers_free(r);
		return rc;
	}
	rouse(r);
	*ret_readers = r;
	return 0;
}

/* 1 a row, 0 the end, or a negative errno. */
static int
step(sqlite3_stmt *q)
{
	int rc = sqlite3_step(q);

	return rc == SQLITE_ROW ? 1 : db_errno(rc);
}

/* To be called before the first step. */
static void
begin(struct reader *r)
{
	(void)pthread_rwlock_rdlock(r->gate); /* cannot fail: never held twice */
}

/* Ends the read transaction. */
static void
done(struct reader *r, sqlite3_stmt *q)
{
	(void)sqlite3_reset(q);               /* repeats the error of the step */
	(void)pthread_rwlock_unlock(r->gate); /* cannot fail: held */
}

static int
get_row(sqlite3_stmt *q, struct row *ret_row)
{
	struct str subject = db_col_blob(q, 1);
	struct row row = { .name = { .finger = (uint32_t)sqlite3_column_int64(q, 2),
				     .key = (uint64_t)sqlite3_column_int64(q, 0) },
			   .wrapped = db_col_blob(q, 3),
			   .sealed = db_col_blob(q, 4) };

	if (subject.n != sizeof(row.name.subject.b) ||
	    row.wrapped.n != CRYPTO_WRAPPED_BYTES ||
	    row.sealed.n <= CRYPTO_SEAL_OVERHEAD || row.sealed.n > STORE_SEALED_BYTES_MAX)
		return -EBADMSG;
	memcpy(row.name.subject.b, subject.p, sizeof(row.name.subject.b));
	*ret_row = row;
	return 0;
}

/* What was sealed for this name. 0 or -EBADMSG. */
static int
open_row(struct reader *r, const struct row *row, const struct gallery_name *name,
	 uint8_t plain[REFERENCE_BYTES_MAX])
{
	uint8_t aad[STORE_AAD_BYTES];
	int rc = 0;

	if (!keyring_get(r->ring, name->subject, r->scratch->key))
		rc = crypto_opener_unwrap(
			r->opener, r->key, store_key_aad(aad, r->gallery, name->subject),
			(const uint8_t *)row->wrapped.p, r->scratch->key);
	if (rc == 0)
		rc = crypto_opener_open(
			r->opener, r->scratch->key,
			store_reference_aad(aad, r->gallery, name->subject, name->finger),
			row->sealed, plain);
	return rc < 0 ? -EBADMSG : 0;
}

static void
forget(struct reader *r)
{
	crypto_opener_forget(r->opener);
	secret_zero(r->scratch, sizeof(*r->scratch));
}

static int
fetch(void *ctx, unsigned worker, const struct gallery_name *name,
      uint8_t buf[REFERENCE_BYTES_MAX], size_t *ret_bytes)
{
	struct reader *r = &((struct store_readers *)ctx)->reader[worker];
	sqlite3_stmt *q = r->query[QUERY_FETCH];
	struct row row;
	int rc;

	(void)sqlite3_bind_int64(q, 1, (int64_t)name->key); /* the index is right */
	begin(r);
	rc = step(q);
	if (rc > 0)
		rc = get_row(q, &row);
	else if (rc == 0)
		rc = -ENOENT;
	if (rc == 0)
		rc = open_row(r, &row, name, buf);
	if (rc == 0)
		*ret_bytes = row.sealed.n - CRYPTO_SEAL_OVERHEAD;
	done(r, q);
	forget(r);
	return rc;
}

static int
list(void *ctx, struct ulid subject, struct gallery_name ret_names[GALLERY_FINGERS_MAX])
{
	struct reader *r = &((struct store_readers *)ctx)->reader[0];
	sqlite3_stmt *q = r->query[QUERY_LIST];
	unsigned n = 0;
	int rc;

	(void)sqlite3_bind_blob(q, 1, subject.b, sizeof(subject.b),
				SQLITE_STATIC); /* the index is right */
	begin(r);
	while ((rc = step(q)) > 0 && n < GALLERY_FINGERS_MAX)
		ret_names[n++] =
			(struct gallery_name){ subject,
					       (uint32_t)sqlite3_column_int64(q, 1),
					       (uint64_t)sqlite3_column_int64(q, 0) };
	done(r, q);
	(void)sqlite3_clear_bindings(q); /* what it points at ends here */
	return rc < 0 ? rc : (int)n;
}

struct gallery_source
store_readers_source(struct store_readers *r)
{
	return (struct gallery_source){ fetch, list, r };
}

int
store_readers_range(struct store_readers *readers, unsigned worker,
		    const struct store_range *range, uint64_t *ret_damaged)
{
	struct reader *r = &readers->reader[worker];
	sqlite3_stmt *q = r->query[QUERY_RANGE];
	int rc, rows = 0;

	/* The indexes are right. */
	(void)sqlite3_bind_int64(q, 1, (int64_t)range->first);
	(void)sqlite3_bind_int64(q, 2, (int64_t)(range->first + range->count - 1));
	begin(r);
	while ((rc = step(q)) > 0) {
		uint8_t *plain = r->scratch->plain;
		struct row row;

		rows++;
		if (get_row(q, &row) < 0 || open_row(r, &row, &row.name, plain) < 0)
			++*ret_damaged;
		else
			range->fn(range->ctx, &row.name, plain,
				  row.sealed.n - CRYPTO_SEAL_OVERHEAD);
	}
	done(r, q);
	forget(r);
	return rc < 0 ? rc : rows;
}

/* The only value of the only row; -ENOENT when it is null. */
static int
number(struct reader *r, sqlite3_stmt *q, uint64_t *ret_number)
{
	int rc;

	begin(r);
	rc = step(q);
	if (rc > 0 && sqlite3_column_type(q, 0) == SQLITE_NULL)
		rc = -ENOENT;
	if (rc > 0)
		*ret_number = (uint64_t)sqlite3_column_int64(q, 0);
	done(r, q);
	return rc < 0 ? rc : 0;
}

int
store_readers_next(struct store_readers *r, unsigned worker, uint64_t first,
		   uint64_t *ret_key)
{
	struct reader *reader = &r->reader[worker];
	sqlite3_stmt *q = reader->query[QUERY_NEXT];

	(void)sqlite3_bind_int64(q, 1, (int64_t)first); /* the index is right */
	return number(reader, q, ret_key);
}

int
store_readers_count(struct store_readers *r, unsigned worker, uint64_t *ret_count)
{
	struct reader *reader = &r->reader[worker];

	return number(reader, reader->query[QUERY_COUNT], ret_count);
}
