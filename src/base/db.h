#ifndef LANED_BASE_DB_H
#define LANED_BASE_DB_H

#include "base/plain/str.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Each file holds a table schema_info(one, version, min_reader) of one row, beside application_id
 * and user_version. SQLite as this project uses it: WAL, STRICT tables, foreign keys, numbered migrations. Only base
 * and the store files of a program include this header. Every call may block on disk.
 */
struct db_migration {
	int version; /* 1, 2, ... */
	int min_reader; /* the oldest program version of the schema that can read the result */
	const char *sql; /* run in one transaction */
};

struct db_spec {
	const char *path;
	int32_t application_id;
	const struct db_migration *migrations;
	size_t migrations_count;
	bool full_sync;     /* synchronous=FULL, else NORMAL */
	bool secure_delete; /* and auto_vacuum */
	const char *vfs;    /* NULL = the default */
};

struct db; /* a connection with a cache of prepared statements */

/*
 * Opens or creates and migrates. 0; -EUCLEAN the file is damaged or no database; -EMEDIUMTYPE it
 * is some other program's (application_id); -ENOTSUP it asks for a newer reader (never touched);
 * -ENOSPC; -EROFS; -EACCES; -ENOENT the folder is missing; -EIO; -ENOMEM. *why gets a text.
 */
int db_open(const struct db_spec *spec, struct db **ret_db, char why[256]);
struct db *db_close(struct db *d);
sqlite3 *db_handle(struct db *d);
bool db_created(const struct db *d); /* the file was made by this open */

/*
 * 0 or the negative errno for an SQLite result code, extended or not (SQLITE_ROW and SQLITE_DONE
 * are 0): -EEXIST a uniqueness conflict; -EINVAL another constraint or bad SQL; -EUCLEAN; -ENOSPC;
 * -EROFS; -EBUSY; -EIO; -ENOMEM; -EACCES; -EFBIG.
 */
int db_errno(int sqlite_rc);
const char *db_message(struct db *d);

/* Runs SQL text without results. 0 or negative errno. */
int db_exec(struct db *d, const char *sql);

/*
 * A prepared statement from the cache (key: the address of sql, which must be a string literal),
 * reset and with bindings cleared. NULL on error: db_last_error tells. Release by db_done.
 */
sqlite3_stmt *db_stmt(struct db *d, const char *sql);
int db_last_error(const struct db *d);
/* Steps a statement that must give no row, releases it. 0 or negative errno (-EEXIST on conflict). */
int db_run(struct db *d, sqlite3_stmt *s);
/* 1 a row, 0 done, or a negative errno. */
int db_step(struct db *d, sqlite3_stmt *s);
void db_done(sqlite3_stmt *s);

/*
 * Binding helpers; parameter index from 1. The bytes are copied. A failure is kept and comes out
 * of the next db_run or db_step of the statement. A NULL statement is fine everywhere: db_run and
 * db_step then give db_last_error, so that only they need a check.
 */
void db_bind_str(sqlite3_stmt *s, int i, struct str v);
void db_bind_cstr(sqlite3_stmt *s, int i, const char *v); /* NULL binds null */
void db_bind_blob(sqlite3_stmt *s, int i, const void *p, size_t n);
void db_bind_int(sqlite3_stmt *s, int i, int64_t v);
/* The column's text, borrowed until the next step; empty when null. */
struct str db_col_str(sqlite3_stmt *s, int i);
struct str db_col_blob(sqlite3_stmt *s, int i);

/* BEGIN IMMEDIATE / COMMIT / ROLLBACK. db_commit rolls back when it fails. */
int db_begin(struct db *d);
int db_commit(struct db *d);
void db_rollback(struct db *d);

/* PRAGMA quick_check: 0 or -EUCLEAN. */
int db_check(struct db *d);

/* Moves the write-ahead log into the file and empties it: what was deleted is gone from disk. */
int db_checkpoint(struct db *d);

/* Copies a consistent snapshot into a new file (VACUUM INTO), synced. -EEXIST; other errno. */
int db_backup(struct db *d, const char *path);

#endif
