/* Replays a fuzz target's committed corpus: every file, and every prefix of the small ones. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (4u << 20)
#define PREFIX_BYTES_MAX 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exactly n bytes on the heap, so that a sanitizer sees a read past its end. */
static void
run_exact(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);

	if (copy == NULL)
		abort();
	memcpy(copy, data, n);
	(void)LLVMFuzzerTestOneInput(copy, n); /* libFuzzer's result is always 0 */
	free(copy);
}

static int
replay_file(const char *path)
{
	uint8_t *data = malloc(FILE_BYTES_MAX);
	FILE *f = fopen(path, "rbe");
	size_t n;

	if (f == NULL || data == NULL) {
		fprintf(stderr, "%s: cannot be read\n", path);
		free(data);
		if (f != NULL)
			(void)fclose(f); /* read only */
		return -1;
	}
	n = fread(data, 1, FILE_BYTES_MAX, f);
	(void)fclose(f); /* read only */
	run_exact(data, n);
	for (size_t i = 0; n <= PREFIX_BYTES_MAX && i < n; i++)
		run_exact(data, i);
	free(data);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	const char *src = getenv("SRCDIR");
	char dir[2048], path[4096];
	struct dirent *e;
	unsigned files = 0;
	DIR *d;

	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			if (replay_file(argv[i]) < 0)
				return 1;
		return 0;
	}
	name = name == NULL ? argv[0] : name + 1;
	if (strncmp(name, "replay_", 7) == 0)
		name += 7;
	(void)snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s",
		       src == NULL ? "." : src, name); /* a cut path fails below */
	d = opendir(dir);
	if (d == NULL) {
		fprintf(stderr, "%s: no corpus\n", dir);
		return 1;
	}
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (replay_file(path) < 0)
			return 1;
		files++;
	}
	(void)closedir(d); /* read only */
	printf("%u files replayed\n", files);
	return files == 0;
}
