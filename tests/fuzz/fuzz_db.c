/*
 * A damaged or hostile database file: a good one with the input's bytes over it, from the offset
 * its first two bytes name; with less than two bytes, a good one cut short.
 */
#include "base/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APPLICATION 0x6c616e31
#define ROWS_MAX 1000
#define FILE_BYTES_MAX 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct db_migration migrations[] = {
	{ 1, 1,
	  "CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
	  "CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id), x BLOB) "
	  "STRICT;"
	  "INSERT INTO a VALUES (1, 'one'), (2, 'two');"
	  "INSERT INTO b VALUES (1, 1, zeroblob(6000)), (2, 2, x'00')" },
};

static char path[80];
static uint8_t good[FILE_BYTES_MAX];
static size_t good_bytes;

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static struct db_spec
spec_of(void)
{
	return (struct db_spec){ .path = path,
				 .application_id = APPLICATION,
				 .migrations = migrations,
				 .migrations_count = 1 };
}

static void
remove_all(void)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char name[96];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]); /* fits */
		(void)unlink(name); /* most are not there */
	}
}

static void
at_exit(void)
{
	remove_all();
	*strrchr(path, '/') = '\0';
	(void)rmdir(path); /* nothing to do about it */
}

/* Makes the good file once. */
static void
prepare(void)
{
	bool memory = access("/dev/shm", W_OK) == 0; /* where a sync costs nothing */
	char dir[64], why[256];
	struct db_spec spec = spec_of();
	struct db *d;
	FILE *f;

	(void)snprintf(dir, sizeof(dir), "%s/fuzz_db.XXXXXX",
		       memory ? "/dev/shm" : "/tmp");
	require(mkdtemp(dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/x.db", dir); /* fits */
	require(atexit(at_exit) == 0);
	require(db_open(&spec, &d, why) == 0);
	db_close(d);
	f = fopen(path, "rbe");
	require(f != NULL);
	good_bytes = fread(good, 1, sizeof(good), f);
	require(good_bytes > 4096 && good_bytes < sizeof(good));
	(void)fclose(f); /* read only */
}

static void
write_file(const uint8_t *data, size_t size)
{
	static uint8_t file[FILE_BYTES_MAX];
	size_t n = good_bytes, at;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	require(fd >= 0);
	memcpy(file, good, good_bytes);
	if (size < 2) {
		n = size == 0 ? 0 : data[0] * (size_t)256 % good_bytes;
	} else {
		at = (data[0] + 256u * data[1]) % good_bytes;
		data += 2;
		size -= 2;
		if (size > sizeof(file) - at)
			size = sizeof(file) - at;
		memcpy(file + at, data, size);
		n = at + size > n ? at + size : n;
	}
	require(write(fd, file, n) == (ssize_t)n);
	(void)close(fd); /* only a fuzzer's file */
}

static void
use(struct db *d)
{
	static const char *const queries[] = { "SELECT name FROM a ORDER BY name",
					       "SELECT x FROM b WHERE a = 1" };
	sqlite3_stmt *s;
	int rc;

	(void)db_check(d); /* any answer will do; it must come back */
	for (size_t i = 0; i < 2; i++) {
		s = db_stmt(d, queries[i]);
		for (int rows = 0; (rc = db_step(d, s)) == 1 && rows < ROWS_MAX; rows++)
			(void)db_col_blob(s, 0);
		db_done(s);
	}
	if (db_begin(d) == 0) {
		s = db_stmt(d, "INSERT INTO a (name) VALUES ('three')");
		if (db_run(d, s) == 0)
			(void)db_commit(d); /* any answer will do */
		else
			db_rollback(d);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct db_spec spec;
	struct db *d = NULL;
	char why[256];
	int rc;

	if (good_bytes == 0)
		prepare();
	spec = spec_of();
	write_file(data, size);
	rc = db_open(&spec, &d, why);
	require((rc == 0) == (d != NULL));
	require(rc == 0 || why[0] != '\0');
	if (rc == 0)
		use(d);
	db_close(d);
	remove_all();
	return 0;
}
