#include "tempdir.h"

#include "unit.h"

#include <dirent.h>
#include <unistd.h>

#define PATHS 8u
#define FILE_BYTES_MAX ((size_t)64 << 20)

void
tempdir_make(char dir[TEMPDIR_BYTES])
{
	(void)snprintf(dir, TEMPDIR_BYTES, "/tmp/laned-unit.XXXXXX"); /* fits */
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

const char *
tempdir_path(const char *dir, const char *name)
{
	static char paths[PATHS][TEMPDIR_PATH_BYTES];
	static unsigned next;
	char *path = paths[next++ % PATHS];

	ck_assert_int_lt(snprintf(path, TEMPDIR_PATH_BYTES, "%s/%s", dir, name),
			 (int)TEMPDIR_PATH_BYTES);
	return path;
}

void
tempdir_remove(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			ck_assert_int_eq(unlink(tempdir_path(dir, e->d_name)), 0);
	ck_assert_int_eq(closedir(d), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}

uint8_t *
tempdir_read(const char *dir, const char *name, size_t *ret_bytes)
{
	FILE *f = fopen(tempdir_path(dir, name), "rbe");
	uint8_t *data = malloc(FILE_BYTES_MAX);

	ck_assert_ptr_nonnull(data);
	*ret_bytes = 0;
	if (f != NULL) {
		*ret_bytes = fread(data, 1, FILE_BYTES_MAX, f);
		ck_assert_int_eq(fclose(f), 0);
	}
	return data;
}

void
tempdir_write(const char *dir, const char *name, const void *data, size_t bytes)
{
	FILE *f = fopen(tempdir_path(dir, name), "wbe");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(data, 1, bytes, f), bytes);
	ck_assert_int_eq(fclose(f), 0);
}

bool
tempdir_holds(const char *dir, const void *needle, size_t bytes)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool found = false;

	ck_assert_ptr_nonnull(d);
	while (!found && (e = readdir(d)) != NULL) {
		size_t n = 0;
		uint8_t *data;

		if (e->d_name[0] == '.')
			continue;
		data = tempdir_read(dir, e->d_name, &n);
		found = memmem(data, n, needle, bytes) != NULL;
		free(data);
	}
	ck_assert_int_eq(closedir(d), 0);
	return found;
}
