#include "bio/gallery/fine.h"
#include "bio/gallery/gallery.h"
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
 * bench_search: how long a search among N synthetic references takes, how often it finds the
 * mate, and how many mates the scan would lose that a comparison with all would find. Before it,
 * by kernel: the scan of one reference and one fine comparison of prepared sides, and what their
 * preparation costs.
 */
#define PROBES_DEFAULT 50u
#define IMPRESSIONS 1u

static double
clock_ms(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) != 0)
		return 0;
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double
wall_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

static struct ulid
subject_of(uint64_t n)
{
	struct ulid u = { { 0 } };

	for (unsigned i = 0; i < 8; i++)
		u.b[15 - i] = (uint8_t)(n >> 8 * i);
	return u;
}

static int
fill(struct gallery *g, uint64_t references)
{
	static struct finger_features f;
	static uint8_t packed[REFERENCE_BYTES_MAX];
	const struct finger_features *one[IMPRESSIONS] = { &f };
	double start = wall_ms(), adding = 0;

	for (uint64_t n = 0; n < references; n++) {
		size_t bytes;
		double before;
		int rc = synth_features(n + 1, 0, NULL, &f);

		if (rc == 0)
			rc = reference_make(one, IMPRESSIONS, packed, &bytes);
		if (rc == -ENODATA)
			continue; /* a finger too poor to enrol */
		before = wall_ms();
		if (rc == 0)
			rc = gallery_add(g, subject_of(n), 1, packed, bytes);
		adding += wall_ms() - before;
		if (rc < 0)
			return rc;
	}
	printf("fill: %" PRIu64 " references, %.0f B each (scan %zu B), made in %.1f s, "
	       "gallery_add %.1f us\n",
	       gallery_stats(g).references,
	       (double)gallery_stats(g).bytes / (double)gallery_stats(g).references,
	       sizeof(struct scan_reference), (wall_ms() - start) / 1e3,
	       adding * 1e3 / (double)references);
	return 0;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct tally {
	double cpu_ms; /* of all threads, all searches */
	unsigned searches, first, found, verified;
};

/* One mated search, and a comparison with the mate alone. */
static int
search(struct gallery *g, uint64_t n, struct tally *t, double *ret_ms)
{
	static struct finger_features probe;
	struct gallery_candidate c[GALLERY_CANDIDATES_MAX];
	struct ulid mate = subject_of(n);
	struct gallery_query q = { &probe, NULL, 0, NULL };
	size_t count = 0;
	double start, cpu;
	int rc = synth_features(n + 1, 1, NULL, &probe);

	if (rc < 0)
		return rc;
	start = wall_ms();
	cpu = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
	rc = gallery_search(g, &q, c, &count);
	*ret_ms = wall_ms() - start;
	t->cpu_ms += clock_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	if (rc == -ENODATA)
		return 0;
	if (rc < 0)
		return rc;
	t->searches++;
	t->first += count > 0 && ulid_eq(c[0].subject, mate);
	for (size_t i = 0; i < count; i++)
		t->found += ulid_eq(c[i].subject, mate);
	q.subjects = &mate;
	q.subjects_count = 1;
	rc = gallery_search(g, &q, c, &count);
	t->verified += rc == 0 && count == 1 && c[0].score >= 4000;
	return rc;
}

static int
run(uint64_t references, unsigned probes)
{
	struct gallery *g = gallery_new(references);
	double *ms = calloc(probes, sizeof(*ms));
	struct tally t = { 0 };
	int rc = -ENOMEM;

	if (g == NULL || ms == NULL)
		goto out;
	rc = fill(g, references);
	for (unsigned i = 0; i < probes && rc == 0; i++)
		rc = search(g, references / probes * i, &t, &ms[i]);
	if (rc < 0)
		goto out;
	qsort(ms, probes, sizeof(*ms), by_value);
	printf("search: median %.2f ms, p99 %.2f ms, CPU %.2f ms (%s)\n", ms[probes / 2],
	       ms[probes * 99 / 100], t.cpu_ms / probes, kernel_best()->name);
	printf("%u searches: mate first %u, among the candidates %u, above 40 dB one to "
	       "one %u\n",
	       t.searches, t.first, t.found, t.verified);
out:
	free(ms);
	gallery_free(g);
	return rc;
}

/* The shortest of several rounds: what other programs on the machine take is no cost of ours. */
static void
keep_least(double *least_us, double start_ms, double calls)
{
	double us = (wall_ms() - start_ms) * 1e3 / calls;

	*least_us = *least_us == 0 || us < *least_us ? us : *least_us;
}

/* The scan alone, once per kernel, over some references again and again. */
static int
time_scan(void)
{
	static struct finger_features f;
	static struct mcc_set set;
	static struct scan_reference r[256];
	static struct scan_probe p;
	enum { ROUNDS = 40 };

	for (unsigned i = 0; i < 256; i++) {
		int rc = synth_features(i + 1, 0, NULL, &f);

		if (rc < 0)
			return rc;
		mcc_build(f.minutiae, f.count, &set);
		scan_reference_fill(&r[i], &set);
	}
	scan_probe_fill(&p, &set);
	for (unsigned k = 0; kernel_at(k) != NULL; k++) {
		uint64_t sum = 0;
		double least = 0;

		for (unsigned round = 0; round < ROUNDS; round++) {
			double start = wall_ms();

			for (unsigned i = 0; i < 256; i++)
				sum += scan_score(kernel_at(k), &p, &r[i]);
			keep_least(&least, start, 256);
		}
		printf("scan of one reference, %-6s: %.2f us (checksum %" PRIu64 ")\n",
		       kernel_at(k)->name, least, sum);
	}
	return 0;
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
static void
time_comparison(const struct fine_bench *b, struct fine_work *work)
{
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
	}
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
		time_comparison(b, work);
out:
	free(work);
	free(b);
	return rc;
}

int
main(int argc, char **argv)
{
	uint64_t references = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000;
	unsigned long probes = argc > 2 ? strtoul(argv[2], NULL, 10) : PROBES_DEFAULT;
	int rc;

	if (references == 0 || probes == 0 || probes > references) {
		(void)fputs("usage: bench_search [REFERENCES [PROBES]]\n", stderr);
		return 2;
	}
	rc = time_scan();
	if (rc == 0)
		rc = time_fine();
	if (rc == 0)
		rc = run(references, (unsigned)probes);
	if (rc < 0)
		(void)fprintf(stderr, "bench_search: %s\n", strerror(-rc));
	return rc < 0 ? 1 : 0;
}
