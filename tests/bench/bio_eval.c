#include "bounds.h"
#include "images.h"

#include "synth/scores.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * bio_eval: error rates from score files. Each file is a set of its own (image names of different
 * files are different fingers); all scores are pooled under one threshold.
 */
struct eval {
	const char *label, *det, *images_dir;
	unsigned grade_min, grade_max;
	bool both_ways;
	struct images images;
	struct scores *scores;
};

static void
usage(FILE *f)
{
	(void)fputs(
		"usage: bio_eval [options] FILE...\n"
		"Each line of a FILE is \"PROBE REFERENCE SCORE\", images named\n"
		"FINGER_IMPRESSION, a higher score meaning more alike; - reads standard\n"
		"input. Several files are pooled under one threshold. Prints EER, "
		"ZeroFMR,\n"
		"FNMR at FMR 1e-2, 1e-3 and 1e-4, rank-1 and FNIR at FPIR, with 95 %\n"
		"bounds.\n"
		"  --label TEXT    a line before the figures\n"
		"  --both-ways     each pair is two searches (files naming a pair once)\n"
		"  --det FILE      the DET curve as THRESHOLD,FMR,FNMR lines\n"
		"  --images DIR    the folder of the images, for:\n"
		"  --grades A-B    only pairs with both grades of DIR/quality.txt in "
		"A..B\n"
		"  --help          this text\n",
		f); /* nothing to do when even this cannot be written */
}

static int
load(struct scores *s, unsigned set, const char *path)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	uint64_t line = 0;
	int rc;

	if (f == NULL) {
		rc = -errno;
		(void)fprintf(stderr, "bio_eval: %s: %s\n", path, strerror(-rc));
		return rc;
	}
	rc = scores_read(s, set, f, &line);
	if (rc < 0)
		(void)fprintf(stderr, "bio_eval: %s:%" PRIu64 ": %s\n", path, line,
			      rc == -EINVAL ? "not PROBE REFERENCE SCORE"
					    : strerror(-rc));
	if (f != stdin)
		(void)fclose(f); /* read only: nothing to lose */
	return rc;
}

static bool
in_grades(void *ctx, const char *image)
{
	const struct eval *e = ctx;
	unsigned grade = images_grade(&e->images, image);

	return grade >= e->grade_min && grade <= e->grade_max;
}

/* The share of mated pairs missed at a threshold, with its bounds. 0 or a negative errno. */
static int
print_missed(const struct scores *s, double threshold)
{
	struct scores_cluster *clusters;
	struct bounds b;
	size_t count;
	int rc = scores_misses(s, threshold, &clusters, &count);

	if (rc < 0)
		return rc;
	b = bounds_clustered(clusters, count, NULL);
	free(clusters);
	printf(" [%.2f..%.2f]", 100.0 * b.low, 100.0 * b.high);
	return 0;
}

static int
print_verification(const struct scores *s, bool first_only)
{
	struct scores_verification v;
	int rc = scores_verification(s, first_only, &v);

	if (rc < 0)
		return rc;
	printf("%-4s mated %" PRIu64 " unmated %" PRIu64 "  EER %.2f%%",
	       first_only ? "FVC" : "all", v.mated, v.unmated, 100.0 * v.eer);
	rc = print_missed(s, v.eer_threshold);
	printf("  ZeroFMR %.2f%%", 100.0 * v.zero_fmr);
	if (rc == 0)
		rc = print_missed(s, v.zero_threshold);
	printf("\n    ");
	for (int i = 0; rc == 0 && i < SCORES_POINTS; i++) {
		const struct scores_point *p = &v.points[i];

		printf("  FNMR@FMR=%g ", p->limit);
		if (!p->known) {
			printf("-");
			continue;
		}
		printf("%.2f%%", 100.0 * p->rate);
		rc = print_missed(s, p->threshold);
		printf(" t=%.6g", p->threshold);
	}
	printf("\n");
	return rc;
}

/* Searches, taken as independent ones. */
static int
print_identification(const struct scores *s)
{
	struct scores_identification id;
	int rc = scores_identification(s, &id);
	struct bounds b;

	if (rc < 0)
		return rc;
	b = bounds_exact(id.rank1 * (double)id.searches, (double)id.searches);
	printf("1:N  searches %" PRIu64 " strangers %" PRIu64
	       "  rank-1 %.2f%% [%.2f..%.2f]\n    ",
	       id.searches, id.strangers, 100.0 * id.rank1, 100.0 * b.low,
	       100.0 * b.high);
	for (int i = 0; i < SCORES_SEARCH_POINTS; i++) {
		const struct scores_point *p = &id.points[i];

		printf("  FNIR@FPIR=%g ", p->limit);
		if (!p->known) {
			printf("-");
			continue;
		}
		b = bounds_exact(p->rate * (double)id.searches, (double)id.searches);
		printf("%.2f%% [%.2f..%.2f] t=%.6g", 100.0 * p->rate, 100.0 * b.low,
		       100.0 * b.high, p->threshold);
	}
	printf("\n");
	return 0;
}

static int
write_det(const struct scores *s, const char *path)
{
	struct scores_det *curve;
	size_t count;
	int rc = scores_det(s, &curve, &count);
	FILE *f;

	if (rc < 0)
		return rc;
	f = fopen(path, "we");
	rc = f == NULL ? -errno : 0;
	if (rc == 0 && fputs("threshold,fmr,fnmr\n", f) < 0)
		rc = -EIO;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		if (fprintf(f, "%.6g,%.8g,%.8g\n", curve[i].threshold, curve[i].fmr,
			    curve[i].fnmr) < 0)
			rc = -EIO;
	}
	free(curve);
	return f != NULL && fclose(f) != 0 && rc == 0 ? -errno : rc;
}

static int
report(const struct eval *e)
{
	int rc = print_verification(e->scores, false);

	if (rc == 0)
		rc = print_identification(e->scores);
	if (rc == 0 && e->det != NULL)
		rc = write_det(e->scores, e->det);
	if (rc < 0)
		(void)fprintf(stderr, "bio_eval: %s\n",
			      rc == -ENODATA ? "mated or unmated pairs are missing"
					     : strerror(-rc));
	else
		(void)print_verification(e->scores,
					 true); /* no such pairs: nothing to print */
	return rc;
}

/* The number of the first argument that is no option; 0: wrong options. */
static int
parse_options(int argc, char **argv, struct eval *e)
{
	int i = 1;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--both-ways") == 0) {
			e->both_ways = true;
			continue;
		}
		if (value == NULL)
			return 0;
		if (strcmp(argv[i], "--label") == 0)
			e->label = value;
		else if (strcmp(argv[i], "--det") == 0)
			e->det = value;
		else if (strcmp(argv[i], "--images") == 0)
			e->images_dir = value;
		else if (strcmp(argv[i], "--grades") != 0 ||
			 sscanf(value, "%1u-%1u", &e->grade_min, &e->grade_max) != 2)
			return 0;
		i++;
	}
	return i < argc && (e->images_dir != NULL) == (e->grade_max > 0) ? i : 0;
}

static int
prepare(struct eval *e)
{
	int rc;

	e->scores = scores_new(e->both_ways);
	if (e->scores == NULL)
		return -ENOMEM;
	if (e->images_dir == NULL)
		return 0;
	rc = images_list(e->images_dir, 0, &e->images);
	if (rc < 0)
		(void)fprintf(stderr, "bio_eval: %s: %s\n", e->images_dir, strerror(-rc));
	scores_keep(e->scores, in_grades, e);
	return rc;
}

int
main(int argc, char **argv)
{
	struct eval e = { 0 };
	bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
	int i = help ? 0 : parse_options(argc, argv, &e), rc;

	if (i == 0) {
		usage(help ? stdout : stderr);
		return help ? EXIT_SUCCESS : 2;
	}
	rc = prepare(&e);
	for (unsigned set = 0; rc == 0 && i < argc; i++, set++)
		rc = load(e.scores, set, argv[i]);
	if (rc == 0 && e.label != NULL)
		printf("%s\n", e.label);
	if (rc == 0)
		rc = report(&e);
	(void)scores_free(e.scores); /* returns NULL */
	images_close(&e.images);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
