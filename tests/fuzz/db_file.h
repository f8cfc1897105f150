#ifndef LANED_TESTS_FUZZ_DB_FILE_H
#define LANED_TESTS_FUZZ_DB_FILE_H

/*
 * For fuzz targets of database files: a good file, made once, with the input's bytes over it from
 * the offset that its first two bytes name; with less than two bytes, a good one cut short.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DB_FILE_BYTES_MAX 262144u

static char db_file_dir[64], db_file_path[80];
static uint8_t db_file_good[DB_FILE_BYTES_MAX];
static size_t db_file_good_bytes;

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static void
db_file_remove(void)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char name[96];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", db_file_path,
			       suffixes[i]); /* fits */
		(void)unlink(name);          /* most are not there */
	}
}

static void
db_file_at_exit(void)
{
	db_file_remove();
	(void)rmdir(db_file_dir); /* nothing to do about it */
}

/* A folder where a sync costs nothing. name: of the file in it. */
static void
db_file_start(const char *name)
{
	bool memory = access("/dev/shm", W_OK) == 0;

	(void)snprintf(db_file_dir, sizeof(db_file_dir), "%s/fuzz_db.XXXXXX",
		       memory ? "/dev/shm" : "/tmp");
	require(mkdtemp(db_file_dir) != NULL);
	(void)snprintf(db_file_path, sizeof(db_file_path), "%s/%s", db_file_dir,
		       name); /* fits */
	require(atexit(db_file_at_exit) == 0);
}

/* Keeps what was made there, closed, as the good one. */
static void
db_file_keep(void)
{
	FILE *f = fopen(db_file_path, "rbe");

	require(f != NULL);
	db_file_good_bytes = fread(db_file_good, 1, sizeof(db_file_good), f);
	require(db_file_good_bytes > 4096 && db_file_good_bytes < sizeof(db_file_good));
	(void)fclose(f); /* read only */
}

static void
db_file_damage(const uint8_t *data, size_t size)
{
	static uint8_t file[DB_FILE_BYTES_MAX];
	size_t n = db_file_good_bytes, at;
	int fd;

	db_file_remove();
	fd = open(db_file_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	require(fd >= 0);
	memcpy(file, db_file_good, db_file_good_bytes);
	if (size < 2) {
		n = size == 0 ? 0 : data[0] * (size_t)1024 % db_file_good_bytes;
	} else {
		at = (data[0] + 256u * data[1]) * (size_t)4 % db_file_good_bytes;
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

#endif
