#include "bio/finger/finger.h"
#include "bio/gallery/fine.h"
#include "bio/gallery/reference.h"
#include "bio/gallery/score.h"
#include "bio/sample.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * bio_scores: all-against-all scores of a folder of images. Images that give no features compare
 * with score 0, as failures to acquire.
 */
#define FILE_BYTES_MAX (4u << 20)
#define NAME_BYTES 64u
#define IMAGES_MAX 5000u
#define ENROL_MAX REFERENCE_IMPRESSIONS_MAX

struct image {
	char name[NAME_BYTES]; /* FINGER_IMPRESSION */
	unsigned finger_chars; /* of the name, before the last _ */
	unsigned impression;
	bool usable;
	struct finger_features features;
	struct fine_side side;
};

struct bench {
	const char *dir;
	uint32_t dpi;
	unsigned enrol; /* 0 = images against images */
	bool raw;
	struct image *images;
	size_t count;
	struct fine_work *work;
	double extract_ms, compare_us;
	uint64_t extracted, compared, failed;
};

static double
cpu_us(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0)
		return 0;
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
usage(FILE *f)
{
	(void)fputs(
		"usage: bio_scores [--dpi N] [--enrol K] [--raw] DIR\n"
		"Compares all FINGER_IMPRESSION.pgm of DIR with each other and prints\n"
		"\"PROBE REFERENCE SCORE\" lines, scores in 1/100 dB. --enrol K makes a\n"
		"reference of the first K impressions of each finger and compares all\n"
		"others with it. --raw prints scores before calibration. Times go to\n"
		"standard error.\n",
		f); /* nothing to do when even this cannot be written */
}

/* Splits NAME_IMPRESSION.pgm; false: another kind of file. */
static bool
parse_name(const char *file, struct image *image)
{
	const char *dot = strrchr(file, '.'), *bar = strrchr(file, '_');
	unsigned long n;
	char *end;

	if (dot == NULL || bar == NULL || strcmp(dot, ".pgm") != 0 || bar > dot)
		return false;
	if ((size_t)(dot - file) >= NAME_BYTES)
		return false;
	n = strtoul(bar + 1, &end, 10);
	if (end != dot || end == bar + 1 || n > 1000)
		return false;
	memcpy(image->name, file, (size_t)(dot - file));
	image->finger_chars = (unsigned)(bar - file);
	image->impression = (unsigned)n;
	return true;
}

static bool
same_finger(const struct image *a, const struct image *b)
{
	return a->finger_chars == b->finger_chars &&
	       memcmp(a->name, b->name, a->finger_chars) == 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct image *x = a, *y = b;
	int d;

	if (same_finger(x, y))
		return (x->impression > y->impression) - (x->impression < y->impression);
	d = strcmp(x->name, y->name);
	return d;
}

static int
list_images(struct bench *b)
{
	DIR *d = opendir(b->dir);
	struct dirent *e;

	if (d == NULL)
		return -errno;
	while ((e = readdir(d)) != NULL && b->count < IMAGES_MAX) {
		if (parse_name(e->d_name, &b->images[b->count]))
			b->count++;
	}
	(void)closedir(d); /* read only */
	qsort(b->images, b->count, sizeof(*b->images), by_name);
	return b->count > 0 ? 0 : -ENOENT;
}

static int
load(const struct bench *b, const struct image *image, struct sample **ret_sample)
{
	static uint8_t bytes[FILE_BYTES_MAX];
	char path[4096];
	const char *why;
	size_t n;
	FILE *f;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s.pgm", b->dir, image->name) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	f = fopen(path, "rbe");
	if (f == NULL)
		return -errno;
	n = fread(bytes, 1, sizeof(bytes), f);
	(void)fclose(f); /* read only */
	return sample_decode(bytes, n, b->dpi, ret_sample, &why);
}

static int
extract_all(struct bench *b)
{
	struct finger_extractor *x = finger_extractor_new();
	int rc = x == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < b->count && rc == 0; i++) {
		struct image *image = &b->images[i];
		struct sample *s = NULL;
		double start;

		rc = load(b, image, &s);
		if (rc < 0)
			break;
		start = cpu_us();
		image->usable = finger_extract(x, s, &image->features) == 0 &&
				fine_prepare(&image->side, &image->features);
		b->extract_ms += (cpu_us() - start) / 1e3;
		b->extracted++;
		b->failed += !image->usable;
		sample_free(s);
	}
	finger_extractor_free(x);
	return rc;
}

static int32_t
compare(struct bench *b, const struct image *probe, const struct fine_side *reference)
{
	struct fine_evidence e;
	double start = cpu_us();

	if (!probe->usable || reference == NULL)
		return 0;
	fine_compare(b->work, kernel_best(), &probe->side, reference, &e);
	b->compare_us += cpu_us() - start;
	b->compared++;
	return b->raw ? score_raw(&e) : score_of(&e);
}

static void
images_against_images(struct bench *b)
{
	for (size_t i = 0; i < b->count; i++) {
		for (size_t j = i + 1; j < b->count; j++) {
			const struct image *r = &b->images[j];

			printf("%s %s %" PRId32 "\n", b->images[i].name, r->name,
			       compare(b, &b->images[i], r->usable ? &r->side : NULL));
		}
	}
}

/*
 * A reference of usable images first..first+count-1 of one finger. When they do not fit each
 * other the last is left out, as an enrolment would ask for another touch.
 */
static bool
enrol(const struct image *first, size_t count, struct finger_features *ret_features)
{
	const struct finger_features *impressions[ENROL_MAX];
	uint8_t packed[REFERENCE_BYTES_MAX];
	size_t n = 0, bytes;

	for (size_t i = 0; i < count; i++) {
		if (first[i].usable)
			impressions[n++] = &first[i].features;
	}
	for (; n > 0; n--) {
		int rc = reference_make(impressions, n, packed, &bytes);

		if (rc == 0)
			return reference_unpack(packed, bytes, ret_features) == 0;
		(void)fprintf(stderr, "%.*s: enrolment with %zu impressions: %s\n",
			      (int)first->finger_chars, first->name, n, strerror(-rc));
	}
	return false;
}

static size_t
impressions_of(const struct bench *b, size_t first)
{
	size_t n = 1;

	while (first + n < b->count &&
	       same_finger(&b->images[first], &b->images[first + n]))
		n++;
	return n;
}

static void
images_against_references(struct bench *b)
{
	static struct finger_features features;
	static struct fine_side side;

	for (size_t first = 0; first < b->count;) {
		size_t n = impressions_of(b, first), k = n < b->enrol ? n : b->enrol;
		bool ok = enrol(&b->images[first], k, &features) &&
			  fine_prepare(&side, &features);

		for (size_t i = 0; i < b->count; i++) {
			const struct image *probe = &b->images[i];

			if (probe->impression <= b->enrol)
				continue;
			printf("%s %s %" PRId32 "\n", probe->name, b->images[first].name,
			       compare(b, probe, ok ? &side : NULL));
		}
		first += n;
	}
}

static bool
parse_options(int argc, char **argv, struct bench *b)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--dpi") == 0 && i + 1 < argc)
			b->dpi = (uint32_t)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--enrol") == 0 && i + 1 < argc)
			b->enrol = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--raw") == 0)
			b->raw = true;
		else if (argv[i][0] != '-' && b->dir == NULL)
			b->dir = argv[i];
		else
			return false;
	}
	return b->dir != NULL && b->enrol <= ENROL_MAX && b->dpi >= SAMPLE_DPI_MIN &&
	       b->dpi <= SAMPLE_DPI_MAX;
}

int
main(int argc, char **argv)
{
	struct bench b = { .dpi = 500 };
	int rc = -ENOMEM;

	if (!parse_options(argc, argv, &b)) {
		usage(stderr);
		return 2;
	}
	b.images = calloc(IMAGES_MAX, sizeof(*b.images));
	b.work = malloc(fine_work_bytes());
	if (b.images == NULL || b.work == NULL)
		goto out;
	rc = list_images(&b);
	if (rc == 0)
		rc = extract_all(&b);
	if (rc < 0)
		goto out;
	if (b.enrol > 0)
		images_against_references(&b);
	else
		images_against_images(&b);
	(void)fprintf(stderr,
		      "%zu images, %" PRIu64 " unusable; extraction %.2f ms, comparison "
		      "%.1f us (%s), CPU time\n",
		      b.count, b.failed, b.extract_ms / (double)b.extracted,
		      b.compared > 0 ? b.compare_us / (double)b.compared : 0.0,
		      kernel_best()->name);
out:
	if (rc < 0)
		(void)fprintf(stderr, "bio_scores: %s: %s\n", b.dir, strerror(-rc));
	free(b.work);
	free(b.images);
	return rc < 0 ? 1 : 0;
}
