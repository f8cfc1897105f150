#include "synth/scores.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * bio_eval: error rates from score files. Each file is a set of its own (image names of different
 * files are different fingers); all scores are pooled under one threshold.
 */
static void
usage(FILE *f)
{
	(void)fputs(
		"usage: bio_eval [--label TEXT] [--both-ways] FILE...\n"
		"Each line of a FILE is \"PROBE REFERENCE SCORE\", images named\n"
		"FINGER_IMPRESSION, a higher score meaning more alike; - reads standard\n"
		"input. Prints EER, FNMR at FMR 1e-2, 1e-3 and 1e-4, rank-1 and FNIR at\n"
		"FPIR, with 95 % upper bounds as if all pairs were independent.\n",
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

static void
print_points(const char *rate, const char *limit, const struct scores_point *points,
	     int count, uint64_t trials)
{
	for (int i = 0; i < count; i++) {
		const struct scores_point *p = &points[i];

		if (p->known)
			printf("  %s@%s=%g %.2f%% (<= %.2f%%, t=%.6g)", rate, limit,
			       p->limit, 100.0 * p->rate,
			       100.0 * scores_upper_bound(p->rate, trials), p->threshold);
		else
			printf("  %s@%s=%g -", rate, limit, p->limit);
	}
	printf("\n");
}

static int
print_verification(const struct scores *s, bool first_only)
{
	struct scores_verification v;
	int rc = scores_verification(s, first_only, &v);

	if (rc < 0)
		return rc;
	printf("%-4s mated %" PRIu64 " unmated %" PRIu64
	       "  EER %.2f%%  ZeroFMR %.2f%%\n    ",
	       first_only ? "FVC" : "all", v.mated, v.unmated, 100.0 * v.eer,
	       100.0 * v.zero_fmr);
	print_points("FNMR", "FMR", v.points, SCORES_POINTS, v.mated);
	return 0;
}

static int
print_identification(const struct scores *s)
{
	struct scores_identification id;
	int rc = scores_identification(s, &id);

	if (rc < 0)
		return rc;
	printf("1:N  searches %" PRIu64 " strangers %" PRIu64
	       "  rank-1 %.2f%% (>= %.2f%%)\n    ",
	       id.searches, id.strangers, 100.0 * id.rank1,
	       100.0 - 100.0 * scores_upper_bound(1.0 - id.rank1, id.searches));
	print_points("FNIR", "FPIR", id.points, SCORES_SEARCH_POINTS, id.searches);
	return 0;
}

static int
report(const struct scores *s)
{
	int rc = print_verification(s, false);

	if (rc == 0)
		rc = print_identification(s);
	if (rc < 0)
		(void)fprintf(stderr, "bio_eval: %s\n",
			      rc == -ENODATA ? "mated or unmated pairs are missing"
					     : strerror(-rc));
	else
		(void)print_verification(s, true); /* no such pairs: nothing to print */
	return rc;
}

int
main(int argc, char **argv)
{
	struct scores *s = NULL;
	const char *label = NULL;
	bool both_ways = false;
	int i = 1, rc;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--label") == 0 && i + 1 < argc)
			label = argv[++i];
		else if (strcmp(argv[i], "--both-ways") == 0)
			both_ways = true;
		else
			break;
	}
	if (i >= argc || strncmp(argv[i], "--", 2) == 0) {
		bool help = i < argc && strcmp(argv[i], "--help") == 0;

		usage(help ? stdout : stderr);
		return help ? EXIT_SUCCESS : 2;
	}
	s = scores_new(both_ways);
	rc = s == NULL ? -ENOMEM : 0;
	for (unsigned set = 0; rc == 0 && i < argc; i++, set++)
		rc = load(s, set, argv[i]);
	if (rc == 0 && label != NULL)
		printf("%s\n", label);
	if (rc == 0)
		rc = report(s);
	(void)scores_free(s); /* returns NULL */
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
