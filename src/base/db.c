#include "base/db_private.h"

#include "base/crash.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Distinct statements of one program; they are literals, so this is a check on bugs. */
#define STATEMENTS_MAX 1024u
#define STATEMENTS_FIRST 64u

static int
constraint_errno(int extended)
{
	switch (extended) {
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_ROWID:
		return -EEXIST;
	default: /* foreign key, not null, check, data type, trigger */
		return -EINVAL;
	}
}

int
db_errno(int sqlite_rc)
{
	static const struct {
		int code, err;
	} table[] = {
		{ SQLITE_OK, 0 },
		{ SQLITE_ROW, 0 },
		{ SQLITE_DONE, 0 },
		{ SQLITE_FULL, -ENOSPC },
		{ SQLITE_CORRUPT, -EUCLEAN },
		{ SQLITE_NOTADB, -EUCLEAN },
		{ SQLITE_FORMAT, -EUCLEAN },
		{ SQLITE_READONLY, -EROFS },
		{ SQLITE_BUSY, -EBUSY },
		{ SQLITE_LOCKED, -EBUSY },
		{ SQLITE_NOMEM, -ENOMEM },
		{ SQLITE_IOERR, -EIO },
		{ SQLITE_CANTOPEN, -EIO },
		{ SQLITE_PERM, -EACCES },
		{ SQLITE_AUTH, -EACCES },
		{ SQLITE_TOOBIG, -EFBIG },
		{ SQLITE_INTERRUPT, -EINTR },
	};

	if (sqlite_rc == SQLITE_IOERR_NOMEM)
		return -ENOMEM;
	if ((sqlite_rc & 0xff) == SQLITE_CONSTRAINT)
		return constraint_errno(sqlite_rc);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if ((sqlite_rc & 0xff) == table[i].code)
			return table[i].err;
	return -EINVAL; /* SQLITE_ERROR, MISUSE, SCHEMA ...: our SQL is wrong for this file */
}

/* As db_errno, and for a file that cannot be opened or written the system's own reason. */
static int
handle_errno(sqlite3 *handle, int sqlite_rc)
{
	int sys = handle != NULL ? sqlite3_system_errno(handle) : 0;

	if ((sqlite_rc & 0xff) == SQLITE_CANTOPEN || (sqlite_rc & 0xff) == SQLITE_IOERR)
		if (sys == ENOENT || sys == EACCES || sys == EROFS || sys == ENOSPC ||
		    sys == EDQUOT || sys == EPERM)
			return sys == EDQUOT ? -ENOSPC : sys == EPERM ? -EACCES : -sys;
	return db_errno(sqlite_rc);
}

int
db_note(struct db *d, int sqlite_rc)
{
	int rc = handle_errno(d->handle, sqlite_rc);

	if (rc < 0)
		d->last_error = rc;
	return rc;
}

sqlite3 *
db_handle(struct db *d)
{
	return d->handle;
}

bool
db_created(const struct db *d)
{
	return d->created;
}

const char *
db_message(struct db *d)
{
	return sqlite3_errmsg(d->handle);
}

int
db_last_error(const struct db *d)
{
	return d->last_error;
}

int
db_exec(struct db *d, const char *sql)
{
	bool commits = sqlite3_get_autocommit(d->handle) != 0;
	int rc;

	if (commits)
		crash_point("db.commit");
	rc = db_note(d, sqlite3_exec(d->handle, sql, NULL, NULL, NULL));
	if (commits)
		crash_point("db.committed");
	return rc;
}

static struct db_statement *
statement_slot(struct db_statement *table, size_t size, const char *sql)
{
	size_t i = ((uintptr_t)sql >> 2) * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	while (table[i & (size - 1)].sql != NULL && table[i & (size - 1)].sql != sql)
		i++;
	return &table[i & (size - 1)];
}

static int
statements_grow(struct db *d)
{
	size_t size = d->statements_size ? 2 * d->statements_size : STATEMENTS_FIRST;
	struct db_statement *table;

	if (size > 2 * STATEMENTS_MAX)
		return -ENFILE;
	table = calloc(size, sizeof(*table));
	if (table == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < d->statements_size; i++)
		if (d->statements[i].sql != NULL)
			*statement_slot(table, size, d->statements[i].sql) =
				d->statements[i];
	free(d->statements);
	d->statements = table;
	d->statements_size = size;
	return 0;
}

sqlite3_stmt *
db_stmt(struct db *d, const char *sql)
{
	struct db_statement *slot = NULL;
	sqlite3_stmt *s;
	int rc = 0;

	if (d->statements_size > 0)
		slot = statement_slot(d->statements, d->statements_size, sql);
	if (slot != NULL && slot->sql != NULL) {
		db_done(slot->stmt);
		return slot->stmt;
	}
	if (2 * (d->statements_count + 1) > d->statements_size)
		rc = statements_grow(d);
	if (rc < 0) {
		d->last_error = rc;
		return NULL;
	}
	rc = db_note(d, sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
					   &s, NULL));
	if (rc < 0)
		return NULL;
	slot = statement_slot(d->statements, d->statements_size, sql);
	slot->sql = sql;
	slot->stmt = s;
	d->statements_count++;
	return s;
}

/* One step; in autocommit mode a writing one is a commit of its own. */
static int
step(struct db *d, sqlite3_stmt *s)
{
	bool commits =
		sqlite3_get_autocommit(d->handle) != 0 && sqlite3_stmt_readonly(s) == 0;
	int rc;

	if (commits)
		crash_point("db.commit");
	rc = sqlite3_step(s);
	if (commits)
		crash_point("db.committed");
	if (rc == SQLITE_ROW)
		return 1;
	return db_note(d, rc);
}

int
db_step(struct db *d, sqlite3_stmt *s)
{
	if (s == NULL)
		return d->last_error;
	if (d->bind_error < 0) {
		d->last_error = d->bind_error;
		d->bind_error = 0;
		return d->last_error;
	}
	return step(d, s);
}

int
db_run(struct db *d, sqlite3_stmt *s)
{
	int rc = db_step(d, s);

	assert(rc != 1);
	db_done(s);
	return rc;
}

void
db_done(sqlite3_stmt *s)
{
	if (s == NULL)
		return;
	(void)sqlite3_reset(s);          /* repeats the error of the step */
	(void)sqlite3_clear_bindings(s); /* cannot fail */
}

/* Keeps a failed binding for the step. */
static void
bound(sqlite3_stmt *s, int sqlite_rc)
{
	assert(sqlite_rc != SQLITE_RANGE && sqlite_rc != SQLITE_MISUSE);
	if (sqlite_rc == SQLITE_OK)
		return;
	for (struct db *d = db_all_open; d != NULL; d = d->next)
		if (d->handle == sqlite3_db_handle(s))
			d->bind_error = db_errno(sqlite_rc);
}

void
db_bind_str(sqlite3_stmt *s, int i, struct str v)
{
	if (s != NULL)
		bound(s, sqlite3_bind_text64(s, i, v.n > 0 ? v.p : "", v.n,
					     SQLITE_TRANSIENT, SQLITE_UTF8));
}

void
db_bind_cstr(sqlite3_stmt *s, int i, const char *v)
{
	if (s == NULL)
		return;
	if (v == NULL)
		bound(s, sqlite3_bind_null(s, i));
	else
		db_bind_str(s, i, str_of(v));
}

void
db_bind_blob(sqlite3_stmt *s, int i, const void *p, size_t n)
{
	if (s != NULL)
		bound(s, sqlite3_bind_blob64(s, i, n > 0 ? p : "", n, SQLITE_TRANSIENT));
}

void
db_bind_int(sqlite3_stmt *s, int i, int64_t v)
{
	if (s != NULL)
		bound(s, sqlite3_bind_int64(s, i, v));
}

struct str
db_col_str(sqlite3_stmt *s, int i)
{
	const unsigned char *p = sqlite3_column_text(s, i);
	int n = sqlite3_column_bytes(s, i);

	return p != NULL ? (struct str){ (const char *)p, (size_t)n } : STR("");
}

struct str
db_col_blob(sqlite3_stmt *s, int i)
{
	const void *p = sqlite3_column_blob(s, i);
	int n = sqlite3_column_bytes(s, i);

	return p != NULL ? (struct str){ p, (size_t)n } : STR("");
}

int
db_begin(struct db *d)
{
	return db_note(d, sqlite3_exec(d->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL));
}

int
db_commit(struct db *d)
{
	int rc;

	crash_point("db.commit");
	rc = db_note(d, sqlite3_exec(d->handle, "COMMIT", NULL, NULL, NULL));
	if (rc < 0)
		db_rollback(d);
	else
		crash_point("db.committed");
	return rc;
}

void
db_rollback(struct db *d)
{
	if (sqlite3_get_autocommit(d->handle) != 0)
		return; /* SQLite did it when the disk was full */
	/* Fails only when it was rolled back already; nothing else could be done. */
	(void)sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
}

int
db_check(struct db *d)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(d->handle, "PRAGMA quick_check(1)", -1, &s, NULL);
	bool ok = false;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		ok = str_is(db_col_str(s, 0), "ok");
	rc = db_note(d, rc);
	(void)sqlite3_finalize(s); /* repeats the error of the step */
	if (rc == 0 && !ok)
		rc = d->last_error = -EUCLEAN;
	return rc;
}

int
db_checkpoint(struct db *d)
{
	return db_note(d,
		       sqlite3_wal_checkpoint_v2(d->handle, "main",
						 SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
}

/* What VACUUM INTO wrote must survive a power cut before it is called a backup. */
static int
sync_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		rc = -errno;
	(void)close(fd); /* nothing was written through it */
	return rc;
}

int
db_backup(struct db *d, const char *path)
{
	sqlite3_stmt *s;
	int rc;

	if (access(path, F_OK) == 0)
		return -EEXIST;
	s = db_stmt(d, "VACUUM INTO ?1");
	db_bind_cstr(s, 1, path);
	rc = db_run(d, s);
	if (rc == 0)
		rc = sync_path(path);
	if (rc < 0)
		(void)unlink(path); /* half a backup is none */
	return rc;
}
