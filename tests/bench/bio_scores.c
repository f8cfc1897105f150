#include "images.h"
#include "strip.h"

#include "bio/gallery/reference.h"
#include "bio/gallery/score.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * bio_scores: all-against-all scores of a folder of images. Images that give no features compare
 * with score 0, as failures to acquire.
 */
#define ENROL_MAX REFERENCE_IMPRESSIONS_MAX

struct bench {
	const char *dir, *figures;
	uint32_t dpi;
	unsigned enrol; /* 0 = images against images */
	bool raw;
	enum strip foreign;
	struct images images;
	struct fine_work *work;
	double compare_us;
	uint64_t compared, fingers, not_enrolled;
};

static void
usage(FILE *f)
{
	(void)fputs(
		"usage: bio_scores [options] DIR\n"
		"Compares all FINGER_IMPRESSION.pgm of DIR with each other and prints\n"
		"\"PROBE REFERENCE SCORE\" lines, scores in 1/100 dB.\n"
		"  --dpi N         resolution (default: DIR/dpi, what is known of a\n"
		"                  family of sets by its name, 500)\n"
		"  --enrol K       a reference of the first K impressions of each "
		"finger,\n"
		"                  compared with all other images\n"
		"  --raw           scores before calibration\n"
		"  --foreign F     references as another system would keep them: their\n"
		"                  minutiae in the format iso, ansi, card or compact; "
		"each\n"
		"                  image is a probe and a reference\n"
		"  --figures FILE  what was measured as \"KEY VALUE\" lines\n"
		"  --help          this text\n"
		"Times are CPU times and go to standard error.\n",
		f); /* nothing to do when even this cannot be written */
}

static int32_t
compare(struct bench *b, const struct image *probe, const struct fine_side *reference)
{
	struct fine_evidence e;
	double start = images_cpu_us();

	if (!probe->usable || reference == NULL)
		return 0;
	fine_compare(b->work, kernel_best(), &probe->side, reference, &e);
	b->compare_us += images_cpu_us() - start;
	b->compared++;
	return b->raw ? score_raw(&e) : score_of(&e);
}

/* Turns prepared features into those of a foreign reference, if that is asked for. */
static bool
strip(const struct bench *b, const struct finger_features *from,
      struct finger_features *to, struct fine_side *side)
{
	return strip_features(b->foreign, from, to) == 0 && fine_prepare(side, to);
}

/* Each pair once; with foreign references both ways, for probe and reference are not alike. */
static void
images_against_images(struct bench *b)
{
	static struct finger_features features;
	static struct fine_side side;
	const struct image *at = b->images.at;
	bool both = b->foreign != STRIP_NONE;

	for (size_t r = 0; r < b->images.count; r++) {
		bool ok = at[r].usable && strip(b, &at[r].features, &features, &side);

		for (size_t p = 0; p < (both ? b->images.count : r); p++) {
			if (p != r)
				printf("%s %s %" PRId32 "\n", at[p].name, at[r].name,
				       compare(b, &at[p], ok ? &side : NULL));
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

static void
images_against_references(struct bench *b)
{
	static struct finger_features enrolled, features;
	static struct fine_side side;
	const struct images *list = &b->images;

	for (size_t first = 0; first < list->count;) {
		size_t n = images_of_finger(list, first), k = n < b->enrol ? n : b->enrol;
		bool ok = enrol(&list->at[first], k, &enrolled) &&
			  strip(b, &enrolled, &features, &side);

		b->fingers++;
		b->not_enrolled += !ok;
		for (size_t i = 0; i < list->count; i++) {
			const struct image *probe = &list->at[i];

			if (probe->impression <= b->enrol)
				continue;
			printf("%s %s %" PRId32 "\n", probe->name, list->at[first].name,
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
		else if (strcmp(argv[i], "--figures") == 0 && i + 1 < argc)
			b->figures = argv[++i];
		else if (strcmp(argv[i], "--foreign") == 0 && i + 1 < argc) {
			b->foreign = strip_parse(argv[++i]);
			if (b->foreign == STRIP_NONE)
				return false;
		} else if (strcmp(argv[i], "--raw") == 0)
			b->raw = true;
		else if (argv[i][0] != '-' && b->dir == NULL)
			b->dir = argv[i];
		else
			return false;
	}
	return b->dir != NULL && b->enrol <= ENROL_MAX &&
	       (b->dpi == 0 || (b->dpi >= SAMPLE_DPI_MIN && b->dpi <= SAMPLE_DPI_MAX));
}

static double
per(double sum, uint64_t n)
{
	return n > 0 ? sum / (double)n : 0.0;
}

static int
write_figures(const struct bench *b)
{
	FILE *f = b->figures != NULL ? fopen(b->figures, "we") : NULL;
	int rc = 0;

	if (b->figures == NULL)
		return 0;
	if (f == NULL)
		return -errno;
	if (fprintf(f,
		    "images %zu\nunusable %zu\ndpi %" PRIu32 "\nextraction_ms %.4f\n"
		    "comparisons %" PRIu64 "\ncomparison_us %.4f\nenrol %u\n"
		    "fingers %" PRIu64 "\nnot_enrolled %" PRIu64 "\nkernel %s\n",
		    b->images.count, b->images.unusable, b->images.dpi,
		    per(b->images.extract_ms, b->images.count), b->compared,
		    per(b->compare_us, b->compared), b->enrol, b->fingers,
		    b->not_enrolled, kernel_best()->name) < 0)
		rc = -EIO;
	return fclose(f) != 0 ? -errno : rc;
}

static int
run(struct bench *b)
{
	int rc = images_list(b->dir, b->dpi, &b->images);

	if (rc == 0)
		rc = images_extract(&b->images);
	if (rc < 0)
		return rc;
	if (b->enrol > 0)
		images_against_references(b);
	else
		images_against_images(b);
	(void)fprintf(stderr,
		      "%s: %zu images (%" PRIu32 " dpi), %zu unusable; extraction %.2f "
		      "ms, comparison %.1f us (%s), CPU time\n",
		      b->dir, b->images.count, b->images.dpi, b->images.unusable,
		      per(b->images.extract_ms, b->images.count),
		      per(b->compare_us, b->compared), kernel_best()->name);
	return fflush(stdout) != 0 ? -errno : write_figures(b);
}

int
main(int argc, char **argv)
{
	struct bench b = { 0 };
	bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
	int rc = -ENOMEM;

	if (help || !parse_options(argc, argv, &b)) {
		usage(help ? stdout : stderr);
		return help ? EXIT_SUCCESS : 2;
	}
	b.work = malloc(fine_work_bytes());
	if (b.work != NULL)
		rc = run(&b);
	if (rc < 0)
		(void)fprintf(stderr, "bio_scores: %s: %s\n", b.dir, strerror(-rc));
	images_close(&b.images);
	free(b.work);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
