#ifndef LANED_BASE_DB_PRIVATE_H
#define LANED_BASE_DB_PRIVATE_H

/* What the files db*.c share; nobody else includes this. */

#include "base/db.h"

struct db_statement {
	const char *sql; /* the literal's address is the key */
	sqlite3_stmt *stmt;
};

struct db {
	sqlite3 *handle;
	struct db_spec spec;
	struct db_statement *statements; /* open addressing, a power of two */
	size_t statements_size, statements_count;
	int last_error;
	int bind_error;
	bool created;
	struct db *next; /* all open connections, to find the one of a statement */
};

/* Every open connection. */
extern struct db *db_all_open;

/* db_errno of the outcome of an SQLite call, kept for db_last_error when it is an error. */
int db_note(struct db *d, int sqlite_rc);

#endif
