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
 * mate, and how many mates the scan would lose that a comparison with all would find.
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

/* The scan alone, once per kernel, over one reference again and again. */
static int
time_kernels(void)
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
		double start = wall_ms();

		for (unsigned i = 0; i < 256 * ROUNDS; i++)
			sum += scan_score(kernel_at(k), &p, &r[i % 256]);
		printf("scan of one reference, %-6s: %.2f us (checksum %" PRIu64 ")\n",
		       kernel_at(k)->name, (wall_ms() - start) * 1e3 / (256 * ROUNDS),
		       sum);
	}
	return 0;
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
	rc = time_kernels();
	if (rc == 0)
		rc = run(references, (unsigned)probes);
	if (rc < 0)
		(void)fprintf(stderr, "bench_search: %s\n", strerror(-rc));
	return rc < 0 ? 1 : 0;
}
