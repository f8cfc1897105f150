/* Opening a database: whose is it, may we use it, is it up to date. */
#include "base/db_private.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY_BYTES 256u
#define BUSY_TIMEOUT_MS 2000
/* The write-ahead log shrinks to this after a checkpoint; to nothing with secure_delete. */
#define WAL_BYTES_LIMIT "4194304"
#define SQL_BYTES_MAX 256u

/* What a file says about itself. */
struct file_facts {
	int64_t application_id, version, min_reader;
	bool empty; /* no schema at all: never migrated */
};

struct db *db_all_open;

static void
explain(char *why, const char *what, const char *detail)
{
	if (why == NULL)
		return;
	/* Cutting is fine: it is for people. */
	(void)snprintf(why, WHY_BYTES, "%s%s%s", what, detail[0] ? ": " : "", detail);
}

/* Reads one integer; absent rows leave *ret_value alone. */
static int
query_int(struct db *d, const char *sql, int64_t *ret_value)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(d->handle, sql, -1, &s, NULL);

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(s);
		if (rc == SQLITE_ROW)
			*ret_value = sqlite3_column_int64(s, 0);
	}
	rc = db_note(d, rc);
	(void)sqlite3_finalize(s); /* repeats the error of the step */
	return rc;
}

static int
facts_read(struct db *d, struct file_facts *ret_facts)
{
	struct file_facts f = { .min_reader = -1 };
	int64_t objects = 0, info = 0;
	int rc;

	/* The schema first: a file that is no database fails here and nowhere else. */
	rc = query_int(d, "SELECT count(*) FROM sqlite_schema", &objects);
	if (rc == 0)
		rc = query_int(d, "PRAGMA application_id", &f.application_id);
	if (rc == 0)
		rc = query_int(d, "PRAGMA user_version", &f.version);
	if (rc == 0)
		rc = query_int(
			d,
			"SELECT count(*) FROM sqlite_schema WHERE name = 'schema_info' "
			"AND type = 'table'",
			&info);
	if (rc == 0 && info == 1 && f.application_id == d->spec.application_id)
		rc = query_int(d, "SELECT min_reader FROM schema_info WHERE version >= 0",
			       &f.min_reader);
	if (rc == -EINVAL)
		rc = -EUCLEAN; /* our words do not fit this file */
	if (rc < 0)
		return rc;
	f.empty = objects == 0 && f.application_id == 0 && f.version == 0;
	*ret_facts = f;
	return 0;
}

static int
version_newest(const struct db_spec *spec)
{
	return spec->migrations_count > 0
		       ? spec->migrations[spec->migrations_count - 1].version
		       : 0;
}

/* Whether this program may use the file. */
static int
facts_judge(const struct db_spec *spec, const struct file_facts *f, char *why)
{
	char detail[96];

	if (f->empty)
		return 0;
	if (f->application_id != spec->application_id) {
		explain(why, "this file belongs to another program", spec->path);
		return -EMEDIUMTYPE;
	}
	if (f->version < 1 || f->version > INT_MAX || f->min_reader < 0) {
		explain(why, "the file does not say its schema's version", spec->path);
		return -EUCLEAN;
	}
	if (f->min_reader > version_newest(spec)) {
		(void)snprintf(detail, sizeof(detail),
			       "it needs a reader of schema %lld, this program knows %d",
			       (long long)f->min_reader, version_newest(spec));
		explain(why, "the file was written by a newer program", detail);
		return -ENOTSUP;
	}
	return 0;
}

static void
harden(sqlite3 *handle)
{
	static const struct {
		int option, value;
	} options[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 },
		{ SQLITE_DBCONFIG_DQS_DDL, 0 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
		/* Until the file is known to be ours, its bytes stay as they are. */
		{ SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1 },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		/* An option an SQLite was built without cannot be switched. */
		(void)sqlite3_db_config(handle, options[i].option, options[i].value,
					(int *)NULL);
	(void)sqlite3_extended_result_codes(handle, 1);      /* cannot fail */
	(void)sqlite3_busy_timeout(handle, BUSY_TIMEOUT_MS); /* cannot fail */
}

static int
handle_open(struct db *d, int flags, char *why)
{
	int rc = sqlite3_open_v2(d->spec.path, &d->handle,
				 flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
				 d->spec.vfs);

	if (d->handle == NULL)
		return -ENOMEM;
	harden(d->handle);
	if (rc != SQLITE_OK) {
		explain(why, d->spec.path, sqlite3_errmsg(d->handle));
		return db_note(d, rc);
	}
	return 0;
}

static void
handle_close(struct db *d)
{
	int rc = sqlite3_close(d->handle);

	assert(rc == SQLITE_OK); /* else a statement outside the cache is left */
	(void)rc;
	d->handle = NULL;
}

/* Whether the file may be used, and for us without a write; a file that is missing is fine. */
static int
look(struct db *d, char *why)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(d->spec.vfs);
	struct file_facts facts = { .empty = false };
	int exists = 0, rc;

	if (vfs == NULL) {
		explain(why, "no such VFS", d->spec.vfs);
		return -EINVAL;
	}
	if (vfs->xAccess(vfs, d->spec.path, SQLITE_ACCESS_EXISTS, &exists) != SQLITE_OK ||
	    !exists)
		return 0;
	rc = handle_open(d, SQLITE_OPEN_READONLY, why);
	if (rc == 0)
		rc = facts_read(d, &facts);
	if (rc < 0)
		explain(why, d->spec.path, sqlite3_errmsg(d->handle));
	else
		rc = facts_judge(&d->spec, &facts, why);
	handle_close(d);
	/* A journal to be played back needs a writer: the second look will tell. */
	return rc == -EROFS || rc == -EIO || rc == -EBUSY ? 0 : rc;
}

/* Sets WAL; a VFS without shared memory has it in exclusive mode. */
static int
wal_set(struct db *d)
{
	static const char *const sql = "PRAGMA journal_mode = WAL";

	for (int try = 0; try < 2; try++) {
		sqlite3_stmt *s = NULL;
		int rc = sqlite3_prepare_v2(d->handle, sql, -1, &s, NULL);
		bool wal = false;

		if (rc == SQLITE_OK)
			rc = sqlite3_step(s);
		if (rc == SQLITE_ROW)
			wal = strcmp((const char *)sqlite3_column_text(s, 0), "wal") == 0;
		rc = db_note(d, rc);
		(void)sqlite3_finalize(s); /* repeats the error of the step */
		if (rc < 0 || wal)
			return rc;
		rc = db_exec(d, "PRAGMA locking_mode = EXCLUSIVE");
		if (rc < 0)
			return rc;
	}
	return -ENOTSUP;
}

static int
pragmas(struct db *d, bool fresh)
{
	const struct db_spec *spec = &d->spec;
	int rc = 0;

	if (fresh && spec->secure_delete) /* only before the first table */
		rc = db_exec(d, "PRAGMA auto_vacuum = FULL");
	if (rc == 0)
		rc = db_exec(d,
			     "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY");
	if (rc == 0)
		rc = wal_set(d);
	if (rc == 0)
		rc = db_exec(d, spec->full_sync ? "PRAGMA synchronous = FULL"
						: "PRAGMA synchronous = NORMAL");
	if (rc == 0 && spec->secure_delete)
		rc = db_exec(d,
			     "PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 0");
	if (rc == 0 && !spec->secure_delete)
		rc = db_exec(d, "PRAGMA secure_delete = OFF; "
				"PRAGMA journal_size_limit = " WAL_BYTES_LIMIT);
	return rc;
}

static int
foreign_keys_ok(struct db *d)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(d->handle, "PRAGMA foreign_key_check", -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	(void)sqlite3_finalize(s); /* repeats the error of the step */
	if (rc == SQLITE_ROW)
		return -EUCLEAN;
	return db_note(d, rc);
}

static int
migrate_one(struct db *d, const struct db_migration *m)
{
	char sql[SQL_BYTES_MAX];
	int rc = db_begin(d);

	if (rc < 0)
		return rc;
	(void)snprintf(
		sql, sizeof(sql),
		"CREATE TABLE IF NOT EXISTS schema_info (one INTEGER PRIMARY KEY "
		"CHECK (one = 1), version INTEGER NOT NULL, min_reader INTEGER NOT "
		"NULL) STRICT; PRAGMA application_id = %d",
		d->spec.application_id); /* fits: three numbers of 11 bytes at most */
	rc = db_exec(d, sql);
	if (rc == 0)
		rc = db_exec(d, m->sql);
	(void)snprintf(
		sql, sizeof(sql),
		"INSERT INTO schema_info VALUES (1, %d, %d) ON CONFLICT (one) DO UPDATE "
		"SET version = excluded.version, min_reader = excluded.min_reader; "
		"PRAGMA user_version = %d",
		m->version, m->min_reader, m->version); /* as above */
	if (rc == 0)
		rc = db_exec(d, sql);
	if (rc == 0)
		rc = foreign_keys_ok(d);
	if (rc == 0)
		return db_commit(d);
	db_rollback(d);
	return rc;
}

static int
migrate(struct db *d, int64_t from_version, char *why)
{
	int rc = db_exec(d, "PRAGMA foreign_keys = OFF"); /* a table may be made anew */

	for (size_t i = 0; rc == 0 && i < d->spec.migrations_count; i++) {
		const struct db_migration *m = &d->spec.migrations[i];
		char what[64];

		assert(m->version == (int)i + 1 && m->min_reader <= m->version);
		if (m->version <= from_version)
			continue;
		rc = migrate_one(d, m);
		(void)snprintf(what, sizeof(what), "migration to schema %d", m->version);
		if (rc < 0)
			explain(why, what, sqlite3_errmsg(d->handle));
	}
	if (rc == 0)
		rc = db_exec(d, "PRAGMA foreign_keys = ON");
	return rc;
}

/* Opens for writing, judges again, sets up and migrates. */
static int
use(struct db *d, char *why)
{
	struct file_facts facts = { .empty = false };
	int rc = handle_open(d, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, why);

	if (rc < 0)
		return rc;
	rc = facts_read(d, &facts);
	if (rc < 0) {
		explain(why, d->spec.path, sqlite3_errmsg(d->handle));
		return rc;
	}
	rc = facts_judge(&d->spec, &facts, why);
	if (rc < 0)
		return rc;
	if (sqlite3_db_readonly(d->handle, "main") == 1) {
		explain(why, d->spec.path, "read-only");
		return -EROFS;
	}
	d->created = facts.empty;
	rc = pragmas(d, facts.empty);
	if (rc < 0) {
		explain(why, d->spec.path, sqlite3_errmsg(d->handle));
		return rc;
	}
	rc = migrate(d, facts.version, why);
	if (rc < 0)
		return rc;
	/* From here on it is ours: closing moves the log into the file. */
	(void)sqlite3_db_config(d->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0,
				(int *)NULL); /* a switch only */
	return 0;
}

int
db_open(const struct db_spec *spec, struct db **ret_db, char why[WHY_BYTES])
{
	struct db *d = calloc(1, sizeof(*d));
	int rc;

	assert(spec->application_id != 0);
	if (why != NULL)
		why[0] = '\0';
	if (d == NULL)
		return -ENOMEM;
	d->spec = *spec;
	d->next = db_all_open;
	db_all_open = d;
	rc = look(d, why);
	if (rc == 0)
		rc = use(d, why);
	if (rc < 0) {
		if (why != NULL && why[0] == '\0')
			explain(why, spec->path, strerror(-rc));
		db_close(d);
		return rc;
	}
	*ret_db = d;
	return 0;
}

struct db *
db_close(struct db *d)
{
	if (d == NULL)
		return NULL;
	for (struct db **p = &db_all_open; *p != NULL; p = &(*p)->next) {
		if (*p != d)
			continue;
		*p = d->next;
		break;
	}
	for (size_t i = 0; i < d->statements_size; i++)
		(void)sqlite3_finalize(d->statements[i].stmt); /* repeats an old error */
	free(d->statements);
	handle_close(d);
	free(d);
	return NULL;
}
