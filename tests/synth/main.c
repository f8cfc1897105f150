#include "synth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* synthfinger: writes pictures of synthetic fingers, FINGER_IMPRESSION.pgm, into a folder. */
#define FINGERS_MAX 100000u
#define IMPRESSIONS_MAX 1000u

struct arguments {
	uint64_t fingers, impressions, seed, first, plain;
	struct synth_options options;
	uint64_t width, height, difficulty;
	const char *out;
};

static void
usage(FILE *f)
{
	(void)fputs(
		"usage: synthfinger --out DIR [options]\n"
		"Writes synthetic fingerprints DIR/FINGER_IMPRESSION.pgm, numbered from "
		"1.\n"
		"The same options give the same bytes on every machine.\n"
		"  --fingers N      fingers (default 10)\n"
		"  --impressions M  impressions of each (default 8)\n"
		"  --seed S         another population (default 1)\n"
		"  --first F        number of the first finger (default 1)\n"
		"  --width W        pixels at 500 dpi (default 328)\n"
		"  --height H       (default 364)\n"
		"  --difficulty D   0 clean and straight .. 100 careless (default 60)\n"
		"  --plain-glass 1  without the reader's white corners and lamp spot\n"
		"  --help           this text\n",
		f); /* nothing to do when even this cannot be written */
}

static int
number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long long v;

	if (text == NULL || *text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

/* 0; 1 the help was asked for; negative errno. */
static int
parse(struct arguments *a, int argc, char **argv)
{
	const struct {
		const char *name;
		uint64_t *value;
		uint64_t max;
	} table[] = {
		{ "--fingers", &a->fingers, FINGERS_MAX },
		{ "--impressions", &a->impressions, IMPRESSIONS_MAX },
		{ "--seed", &a->seed, UINT64_MAX },
		{ "--first", &a->first, FINGERS_MAX },
		{ "--width", &a->width, SYNTH_SIDE_MAX },
		{ "--height", &a->height, SYNTH_SIDE_MAX },
		{ "--difficulty", &a->difficulty, 100 },
		{ "--plain-glass", &a->plain, 1 },
	};

	for (int i = 1; i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		size_t k = 0;

		if (strcmp(argv[i], "--help") == 0)
			return 1;
		if (strcmp(argv[i], "--out") == 0 && value != NULL) {
			a->out = value;
			continue;
		}
		while (k < sizeof(table) / sizeof(table[0]) &&
		       strcmp(table[k].name, argv[i]) != 0)
			k++;
		if (k == sizeof(table) / sizeof(table[0]) ||
		    number(value, table[k].max, table[k].value) < 0) {
			(void)fprintf(stderr, "synthfinger: bad option or value: %s %s\n",
				      argv[i], value != NULL ? value : "");
			return -EINVAL;
		}
	}
	return 0;
}

static int
write_pgm(const struct arguments *a, uint64_t finger, uint64_t impression,
	  const uint8_t *grey)
{
	size_t pixels = (size_t)a->options.width * a->options.height;
	char path[4096];
	FILE *f;
	int rc = 0;

	if (snprintf(path, sizeof(path), "%s/%" PRIu64 "_%" PRIu64 ".pgm", a->out, finger,
		     impression) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	f = fopen(path, "wbe");
	if (f == NULL)
		return -errno;
	if (fprintf(f, "P5\n%" PRIu32 " %" PRIu32 "\n255\n", a->options.width,
		    a->options.height) < 0 ||
	    fwrite(grey, 1, pixels, f) != pixels)
		rc = -EIO;
	if (fclose(f) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int
write_finger(const struct arguments *a, uint64_t finger, uint8_t *grey)
{
	/* Seeds far apart, so that populations of neighbouring seeds share no finger. */
	struct synth_master *m = synth_master_new(a->seed * UINT64_C(1000003) + finger);
	int rc = m == NULL ? -ENOMEM : 0;

	for (uint64_t i = 1; rc == 0 && i <= a->impressions; i++) {
		rc = synth_master_render(m, (uint32_t)i, &a->options, grey);
		if (rc == 0)
			rc = write_pgm(a, finger, i, grey);
	}
	(void)synth_master_free(m); /* returns NULL */
	return rc;
}

int
main(int argc, char **argv)
{
	struct arguments a = { .fingers = 10,
			       .impressions = 8,
			       .seed = 1,
			       .first = 1,
			       .width = SYNTH_WIDTH,
			       .height = SYNTH_HEIGHT };
	uint8_t *grey = NULL;
	int rc;

	a.options = synth_options_default();
	a.difficulty = a.options.difficulty;
	rc = parse(&a, argc, argv);
	if (rc != 0 || a.out == NULL || a.width < SYNTH_SIDE_MIN ||
	    a.height < SYNTH_SIDE_MIN) {
		usage(rc == 1 ? stdout : stderr);
		return rc == 1 ? EXIT_SUCCESS : 2;
	}
	a.options.width = (uint32_t)a.width;
	a.options.height = (uint32_t)a.height;
	a.options.difficulty = (uint32_t)a.difficulty;
	a.options.plain_glass = (uint8_t)a.plain;
	grey = malloc((size_t)a.width * a.height);
	rc = grey == NULL ? -ENOMEM : 0;
	if (rc == 0 && mkdir(a.out, 0777) < 0 && errno != EEXIST)
		rc = -errno;
	for (uint64_t f = a.first; rc == 0 && f < a.first + a.fingers; f++)
		rc = write_finger(&a, f, grey);
	free(grey);
	if (rc < 0)
		(void)fprintf(stderr, "synthfinger: %s: %s\n", a.out, strerror(-rc));
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
