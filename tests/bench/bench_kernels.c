#include "bio/gallery/fine.h"
#include "bio/gallery/reference.h"
#include "bio/gallery/scan.h"
#include "bio/gallery/score.h"
#include "synth/synth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * bench_kernels: by kernel, the scan of one reference and one fine comparison of prepared sides,
 * and what their preparation costs. Wall times, the shortest of several rounds.
 */
static double
wall_ms(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		return 0;
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static FILE *figures; /* or NULL */

static void
figure(const char *kernel, const char *what, double us)
{
	if (figures != NULL)
		(void)fprintf(figures, "kernel.%s.%s_us %.4f\n", kernel, what,
			      us); /* closing it tells of errors */
}

/* The shortest of several rounds: what other programs on the machine take is no cost of ours. */
static void
keep_least(double *least_us, double start_ms, double calls)
{
	double us = (wall_ms() - start_ms) * 1e3 / calls;

	*least_us = *least_us == 0 || us < *least_us ? us : *least_us;
}

/* Every kernel has to come to the same sum. */
static int
same_sum(const char *kernel, int64_t sum, int64_t *first)
{
	if (*first == 0)
		*first = sum;
	if (sum == *first)
		return 0;
	(void)fprintf(stderr, "bench_kernels: %s computes something else\n", kernel);
	return -EBADMSG;
}

/* What of a scan is timed: every reference is looked at once, the best ones again. */
typedef uint32_t (*scan_fn)(const struct kernel *kernel, const struct scan_probe *probe,
			    const struct scan_reference *reference);
#define SCANNED 256u
#define SCAN_ROUNDS 40u

static int
time_scan_by(scan_fn scan, const char *what, const struct scan_probe *p,
	     const struct scan_reference r[SCANNED])
{
	int64_t first = 0;
	int bad = 0;

	for (unsigned k = 0; kernel_at(k) != NULL; k++) {
		uint64_t sum = 0;
		double least = 0;

		for (unsigned round = 0; round < SCAN_ROUNDS; round++) {
			double start = wall_ms();

			for (unsigned i = 0; i < SCANNED; i++)
				sum += scan(kernel_at(k), p, &r[i]);
			keep_least(&least, start, SCANNED);
		}
		printf("%-5s of one reference, %-6s: %.2f us (checksum %" PRIu64 ")\n",
		       what, kernel_at(k)->name, least, sum);
		figure(kernel_at(k)->name, what, least);
		if (same_sum(kernel_at(k)->name, (int64_t)sum, &first) < 0)
			bad = -EBADMSG;
	}
	return bad;
}

/* The scan alone, once per kernel, over some references again and again. */
static int
time_scan(void)
{
	static struct finger_features f;
	static struct scan_reference r[SCANNED];
	static struct scan_probe p;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < SCANNED; i++) {
		rc = synth_features(i + 1, 0, NULL, &f);
		if (rc == 0)
			scan_reference_fill(&r[i], kernel_best(), &f);
	}
	if (rc < 0)
		return rc;
	scan_probe_fill(&p, kernel_best(), &f);
	rc = time_scan_by(scan_score, "scan", &p, r);
	return rc < 0 ? rc : time_scan_by(scan_again, "again", &p, r);
}

#define FINE_SIDES 24u /* probes, and as many references: a few mates, mostly strangers */
#define FINE_ROUNDS 30u

struct fine_bench {
	struct finger_features probe[FINE_SIDES], reference[FINE_SIDES];
	struct fine_side probes[FINE_SIDES], references[FINE_SIDES];
	uint8_t packed[FINE_SIDES][REFERENCE_BYTES_MAX];
	size_t bytes[FINE_SIDES];
};

static int
make_sides(struct fine_bench *b)
{
	struct synth_options careless = synth_options_default();
	unsigned cylinders = 0;

	careless.difficulty = 100; /* as fingers are laid on at a till */
	for (unsigned i = 0; i < FINE_SIDES; i++) {
		const struct finger_features *one[] = { &b->reference[i] };
		int rc = synth_features(i + 1, 0, &careless, &b->reference[i]);

		if (rc == 0)
			rc = synth_features(i + 1, 1, &careless, &b->probe[i]);
		if (rc == 0)
			rc = reference_make(one, 1, b->packed[i], &b->bytes[i]);
		if (rc < 0)
			return rc;
		if (!fine_prepare(&b->probes[i], &b->probe[i]))
			return -ENODATA;
		cylinders += b->probes[i].set.count;
	}
	printf("fine comparison: %u probes against %u references, %.1f cylinders each\n",
	       FINE_SIDES, FINE_SIDES, (double)cylinders / FINE_SIDES);
	return 0;
}

/* What is no part of a comparison: a probe's preparation once, a reference's once a search. */
static int
time_preparation(struct fine_bench *b)
{
	double probe = 0, reference = 0;

	for (unsigned round = 0; round < FINE_ROUNDS; round++) {
		double start = wall_ms();

		for (unsigned i = 0; i < FINE_SIDES; i++)
			(void)fine_prepare(&b->probes[i],
					   &b->probe[i]); /* as make_sides saw */
		keep_least(&probe, start, FINE_SIDES);
		start = wall_ms();
		for (unsigned i = 0; i < FINE_SIDES; i++) {
			int rc = reference_unpack(b->packed[i], b->bytes[i],
						  &b->reference[i]);

			if (rc == 0 && !fine_prepare(&b->references[i], &b->reference[i]))
				rc = -ENODATA;
			if (rc < 0)
				return rc;
		}
		keep_least(&reference, start, FINE_SIDES);
	}
	printf("preparation of a probe: %.2f us, of a packed reference: %.2f us\n", probe,
	       reference);
	return 0;
}

/* One comparison of prepared sides, once per kernel. */
static int
time_comparison(const struct fine_bench *b, struct fine_work *work)
{
	int64_t first = 0;
	int bad = 0;

	for (unsigned k = 0; kernel_at(k) != NULL; k++) {
		int64_t sum = 0;
		double least = 0;

		for (unsigned round = 0; round < FINE_ROUNDS; round++) {
			double start = wall_ms();

			for (unsigned i = 0; i < FINE_SIDES * FINE_SIDES; i++) {
				struct fine_evidence e;

				fine_compare(work, kernel_at(k),
					     &b->probes[i / FINE_SIDES],
					     &b->references[i % FINE_SIDES], &e);
				sum += score_raw(&e);
			}
			keep_least(&least, start, FINE_SIDES * FINE_SIDES);
		}
		printf("one fine comparison, %-6s: %.2f us (checksum %" PRId64 ")\n",
		       kernel_at(k)->name, least, sum);
		figure(kernel_at(k)->name, "compare", least);
		if (same_sum(kernel_at(k)->name, sum, &first) < 0)
			bad = -EBADMSG;
	}
	return bad;
}

static int
time_fine(void)
{
	struct fine_bench *b = calloc(1, sizeof(*b));
	struct fine_work *work = calloc(1, fine_work_bytes());
	int rc = -ENOMEM;

	if (b == NULL || work == NULL)
		goto out;
	rc = make_sides(b);
	if (rc == 0)
		rc = time_preparation(b);
	if (rc == 0)
		rc = time_comparison(b, work);
out:
	free(work);
	free(b);
	return rc;
}

int
main(int argc, char **argv)
{
	bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
	int rc;

	if (argc == 3 && strcmp(argv[1], "--figures") == 0) {
		figures = fopen(argv[2], "we");
		if (figures == NULL) {
			(void)fprintf(stderr, "bench_kernels: %s: %s\n", argv[2],
				      strerror(errno));
			return EXIT_FAILURE;
		}
	} else if (argc > 1) {
		(void)fputs("usage: bench_kernels [--figures FILE]\n"
			    "Times the scan of one reference and one comparison by each "
			    "kernel this CPU runs;\nwith FILE also as \"KEY VALUE\" "
			    "lines. --help: this text.\n",
			    help ? stdout : stderr);
		return help ? EXIT_SUCCESS : 2;
	}
	rc = time_scan();
	if (rc == 0)
		rc = time_fine();
	if (figures != NULL && fclose(figures) != 0 && rc == 0)
		rc = -EIO;
	if (rc < 0)
		(void)fprintf(stderr, "bench_kernels: %s\n", strerror(-rc));
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
