#include "lane/cache.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x6c6e6463 /* "lndc" */
#define PATH_BYTES_MAX 512u

static const struct db_migration migrations[] = {
	{ 1, 1,
	  "CREATE TABLE accounts (account TEXT PRIMARY KEY, tier TEXT NOT NULL DEFAULT "
	  "'',"
	  " points INTEGER NOT NULL DEFAULT 0, fee_from INTEGER, fee_to INTEGER)"
	  " STRICT, WITHOUT ROWID;"
	  "CREATE TABLE members (member BLOB PRIMARY KEY CHECK (length(member) = 16),"
	  " number TEXT NOT NULL UNIQUE, account TEXT NOT NULL REFERENCES accounts,"
	  " language TEXT NOT NULL, greeting TEXT NOT NULL, minor INTEGER NOT NULL,"
	  " first_purchase INTEGER NOT NULL, groups TEXT NOT NULL, coupons TEXT NOT NULL)"
	  " STRICT, WITHOUT ROWID;"
	  "CREATE TABLE claims (kind TEXT NOT NULL, value TEXT NOT NULL,"
	  " member BLOB NOT NULL REFERENCES members ON DELETE CASCADE,"
	  " PRIMARY KEY (kind, value, member)) STRICT, WITHOUT ROWID;"
	  "CREATE INDEX claims_by_member ON claims (member);"
	  "CREATE INDEX claims_by_last4 ON claims (substr(value, -4)) WHERE kind = "
	  "'phone';"
	  "CREATE TABLE subjects (subject BLOB PRIMARY KEY CHECK (length(subject) = 16),"
	  " member BLOB NOT NULL REFERENCES members ON DELETE CASCADE) STRICT, WITHOUT "
	  "ROWID;"
	  "CREATE INDEX subjects_by_member ON subjects (member);"
	  "CREATE TABLE tenders (member BLOB NOT NULL REFERENCES members ON DELETE "
	  "CASCADE,"
	  " position INTEGER NOT NULL, kind TEXT NOT NULL, label TEXT NOT NULL,"
	  " brand TEXT NOT NULL, last4 TEXT NOT NULL, token TEXT NOT NULL,"
	  " limit_minor INTEGER NOT NULL, is_default INTEGER NOT NULL,"
	  " PRIMARY KEY (member, position)) STRICT, WITHOUT ROWID;"
	  "CREATE TABLE offers (one INTEGER PRIMARY KEY CHECK (one = 1), rules TEXT NOT "
	  "NULL,"
	  " imported_ms INTEGER NOT NULL, name TEXT NOT NULL) STRICT;" },
	/* Whose tokens these are, live or test. The version before reads past it. */
	{ 2, 1,
	  "CREATE TABLE environment (one INTEGER PRIMARY KEY CHECK (one = 1),"
	  " environment TEXT NOT NULL) STRICT;" },
};

static int
open_file(const char *path, struct db **ret_db, char why[256])
{
	struct db_spec spec = { .path = path,
				.application_id = APPLICATION_ID,
				.migrations = migrations,
				.migrations_count =
					sizeof(migrations) / sizeof(migrations[0]),
				.secure_delete = true };

	return db_open(&spec, ret_db, why);
}

/* Out of the way, with its WAL: a half of a pair is no use to anybody. */
static int
set_aside(const char *path)
{
	char to[PATH_BYTES_MAX], side[PATH_BYTES_MAX];

	if (snprintf(to, sizeof(to), "%s.damaged-%lld", path,
		     (long long)clock_wall_ms()) >= (int)sizeof(to))
		return -ENAMETOOLONG;
	if (rename(path, to) < 0)
		return -errno;
	if (snprintf(side, sizeof(side), "%s-wal", path) < (int)sizeof(side))
		(void)unlink(side); /* may not exist */
	if (snprintf(side, sizeof(side), "%s-shm", path) < (int)sizeof(side))
		(void)unlink(side); /* may not exist */
	return 0;
}

int
cache_open(const char *folder, struct db **ret_db, bool *ret_fresh, char why[256])
{
	char path[PATH_BYTES_MAX], ignored[256];
	bool aside = false;
	int rc;

	if (snprintf(path, sizeof(path), "%s/cache.db", folder) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	why[0] = '\0';
	rc = open_file(path, ret_db, why);
	if (rc == 0 && !db_created(*ret_db) && db_check(*ret_db) < 0) {
		*ret_db = db_close(*ret_db);
		rc = -EUCLEAN;
	}
	if (rc == -EUCLEAN || rc == -EMEDIUMTYPE) {
		rc = set_aside(path);
		if (rc == 0)
			rc = open_file(path, ret_db, ignored);
		(void)snprintf(why, 256, "cache.db was damaged: set aside and made anew");
		aside = true;
	}
	if (rc == 0)
		*ret_fresh = aside || db_created(*ret_db);
	return rc;
}

/* Stamps a file that has no stamp yet. 0; -EXDEV it has another one; db.h's errors. */
static int
stamp(struct db *d, const char *environment)
{
	sqlite3_stmt *s = db_stmt(d, "SELECT environment FROM environment");
	int rc = db_step(d, s);

	if (rc == 1) {
		rc = str_is(db_col_str(s, 0), environment) ? 0 : -EXDEV;
		db_done(s);
		return rc;
	}
	db_done(s);
	if (rc < 0)
		return rc;
	s = db_stmt(d, "INSERT INTO environment (one, environment) VALUES (1, ?)");
	db_bind_cstr(s, 1, environment);
	return db_run(d, s);
}

int
cache_open_in(const char *folder, const char *environment, struct db **ret_db,
	      bool *ret_fresh, char why[256])
{
	char path[PATH_BYTES_MAX], ignored[256];
	struct db *d = NULL;
	bool fresh = false;
	int rc = cache_open(folder, &d, &fresh, why);

	if (rc < 0)
		return rc;
	rc = stamp(d, environment);
	if (rc == -EXDEV &&
	    snprintf(path, sizeof(path), "%s/cache.db", folder) < (int)sizeof(path)) {
		d = db_close(d);
		rc = set_aside(path);
		if (rc == 0)
			rc = cache_open(folder, &d, &fresh, ignored);
		if (rc == 0)
			rc = stamp(d, environment);
		fresh = true;
		(void)snprintf(why, 256,
			       "cache.db was not of environment %s: set aside "
			       "and made anew",
			       environment); /* fits */
	}
	if (rc < 0) {
		(void)db_close(d); /* gives NULL */
		return rc;
	}
	*ret_db = d;
	*ret_fresh = fresh;
	return 0;
}

int
cache_open_again(const char *folder, struct db **ret_db, char why[256])
{
	char path[PATH_BYTES_MAX];

	if (snprintf(path, sizeof(path), "%s/cache.db", folder) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return open_file(path, ret_db, why);
}
