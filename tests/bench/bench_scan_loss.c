#include "bio/gallery/reference.h"
#include "bio/gallery/scan.h"
#include "bio/gallery/score.h"
#include "bio/gallery/search.h"
#include "bounds.h"
#include "images.h"
#include "synth/crowd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * bench_scan_loss: how many mates the first stages of a search lose that the fine comparison would
 * have found. Every image of the sets is a probe. It is searched among the references of all other
 * fingers of all sets, as many synthetic ones, and one mate: a reference of another impression, or
 * one of three others where a finger has eight. The mate is lost when it does not come among those
 * that a search of a large gallery keeps, by the same shares. Loss is counted over all mated searches.
 */
#define SETS_MAX 16u
#define IMPRESSIONS_EACH 8u /* of fingers of which three make one reference */
#define CONSOLIDATED 3u
#define KINDS 2u /* of references, by scan_is_sparse */
#define LESS 5u  /* what becomes of a short list of a fifth */
#define LEVELS_DB 5u
static const int32_t levels_cdb[LEVELS_DB] = { 3000, 4000, 5000, 6000, 7000 };
static const uint32_t again_share[KINDS] = { SCAN_AGAIN_SHARE, SCAN_AGAIN_SHARE_SPARSE };
static const uint32_t kept_share[KINDS] = { SEARCH_SHORTLIST_SHARE,
					    SEARCH_SHORTLIST_SHARE_SPARSE };

struct kept {
	unsigned set, finger, impression; /* of the first impression in it */
	bool consolidated, synthetic;
	struct scan_reference scan;
	struct finger_features features;
	struct fine_side side;
};

struct collection {
	struct kept *at;
	size_t count, max, real; /* real: single impressions of real fingers */
};

/* What became of the mated searches of one set and kind. */
struct tally {
	unsigned searches, lost, lost_less, lost_real, lost_synthetic;
	unsigned lost_from[LEVELS_DB];
	double kept; /* sum of the shares of all references that were kept */
};

struct bench {
	FILE *figures; /* or NULL */
	struct images sets[SETS_MAX];
	unsigned sets_count;
	struct collection references;
	struct scan_probe probe;
	struct fine_work *fine;
	uint32_t *score; /* of each reference */
	bool *sparse;    /* is it, for this probe? */
	double kept;     /* share of all strangers that this probe keeps */
	struct tally tally[2][SETS_MAX]; /* single impressions; consolidated ones */
};

static int
add(struct collection *c, const struct kept *key,
    const struct finger_features *const impressions[], size_t count)
{
	uint8_t packed[REFERENCE_BYTES_MAX];
	struct kept *k;
	size_t bytes;
	int rc = reference_make(impressions, count, packed, &bytes);

	if (rc == -ENODATA || rc == -EXDEV)
		return 0; /* such a finger is not enrolled */
	if (rc < 0)
		return rc;
	if (c->count == c->max) {
		c->max = c->max == 0 ? 256 : 2 * c->max;
		k = realloc(c->at, c->max * sizeof(*k));
		if (k == NULL)
			return -ENOMEM;
		c->at = k;
	}
	k = &c->at[c->count++];
	k->set = key->set;
	k->finger = key->finger;
	k->impression = key->impression;
	k->consolidated = key->consolidated;
	k->synthetic = key->synthetic;
	c->real += !k->synthetic && !k->consolidated;
	return reference_unpack(packed, bytes, &k->features);
}

/* The impressions k, k + 1 and k + 2 of a finger that has eight, counted round. */
static int
add_consolidated(struct collection *c, const struct kept *key, const struct image *finger,
		 unsigned k)
{
	const struct finger_features *list[CONSOLIDATED];
	struct kept three = *key;

	three.consolidated = true;
	for (unsigned i = 0; i < CONSOLIDATED; i++) {
		const struct image *m = &finger[(k + i) % IMPRESSIONS_EACH];

		if (!m->usable)
			return 0;
		list[i] = &m->features;
	}
	return add(c, &three, list, CONSOLIDATED);
}

static int
add_set(struct bench *b, unsigned set)
{
	const struct images *l = &b->sets[set];
	static struct kept key; /* too large for a stack */
	size_t n;

	for (size_t i = 0; i < l->count; i += n) {
		n = images_of_finger(l, i);
		for (unsigned k = 0; k < n; k++) {
			const struct finger_features *one = &l->at[i + k].features;
			int rc = 0;

			key.set = set;
			key.finger = (unsigned)i;
			key.impression = k;
			if (l->at[i + k].usable)
				rc = add(&b->references, &key, &one, 1);
			if (rc == 0 && n == IMPRESSIONS_EACH)
				rc = add_consolidated(&b->references, &key, &l->at[i], k);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

static int
add_synthetic(struct collection *c, size_t count)
{
	struct crowd_options o = { .seed = 1, .synth = synth_options_default() };
	static struct finger_features f;
	static struct kept key;
	const struct finger_features *one = &f;
	struct crowd *crowd;
	int rc = 0;

	o.synth.difficulty = 100; /* as fingers are laid on at a till */
	crowd = crowd_new(&o);
	if (crowd == NULL)
		return -ENOMEM;
	key.synthetic = true;
	for (uint64_t n = 0; n < count && rc == 0; n++) {
		rc = crowd_impression(crowd, n, 0, &f);
		if (rc == 0)
			rc = add(c, &key, &one, 1);
		else if (rc == -ENODATA)
			rc = 0;
	}
	(void)crowd_free(crowd); /* always NULL */
	return rc;
}

/* How many strangers of the mate's kind come no later than it, of real and of synthetic fingers. */
struct rank {
	size_t strangers[2], before[2];
	double share;
};

static bool
is_stranger(const struct kept *k, unsigned set, unsigned finger)
{
	return !k->consolidated && (k->synthetic || k->set != set || k->finger != finger);
}

static struct rank
rank_of(const struct bench *b, unsigned set, unsigned finger, size_t mate)
{
	struct rank r = { .share = 1.0 / kept_share[b->sparse[mate]] };

	for (size_t i = 0; i < b->references.count; i++) {
		const struct kept *k = &b->references.at[i];

		if (!is_stranger(k, set, finger) || b->sparse[i] != b->sparse[mate])
			continue;
		r.strangers[k->synthetic]++;
		r.before[k->synthetic] += b->score[i] >= b->score[mate];
	}
	return r;
}

static bool
lost(size_t before, size_t strangers, double share)
{
	return (double)before > share * (double)strangers;
}

static int
by_falling(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x < y) - (x > y);
}

/* The scores of the strangers of a kind, falling. How many. */
static size_t
strangers_of(const struct bench *b, unsigned set, unsigned finger, bool sparse,
	     uint32_t *sorted)
{
	size_t n = 0;

	for (size_t i = 0; i < b->references.count; i++) {
		if (b->sparse[i] == sparse &&
		    is_stranger(&b->references.at[i], set, finger))
			sorted[n++] = b->score[i];
	}
	qsort(sorted, n, sizeof(*sorted), by_falling);
	return n;
}

/* Scores all references as a search does: first all, then the better ones of each kind again. */
static int
course(struct bench *b, unsigned set, unsigned finger)
{
	const struct kernel *kernel = kernel_best();
	size_t n[KINDS], count = b->references.count;
	uint32_t *sorted = malloc(count * sizeof(*sorted)), cut[KINDS];

	if (sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct scan_reference *r = &b->references.at[i].scan;

		b->score[i] = scan_score(kernel, &b->probe, r);
		b->sparse[i] = scan_is_sparse(&b->probe, r);
	}
	b->kept = 0;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		n[kind] = strangers_of(b, set, finger, kind == 1, sorted);
		cut[kind] = n[kind] > 0 ? sorted[n[kind] / again_share[kind]] : 0;
		cut[kind] = cut[kind] > 0 ? cut[kind] : 1;
		b->kept += (double)n[kind] / kept_share[kind];
	}
	b->kept /= (double)(n[0] + n[1]);
	for (size_t i = 0; i < count; i++) {
		if (b->score[i] < cut[b->sparse[i]])
			b->score[i] = 0;
		else
			b->score[i] =
				scan_again(kernel, &b->probe, &b->references.at[i].scan);
	}
	free(sorted);
	return 0;
}

static void
count_mate(struct bench *b, const struct image *probe, size_t finger, size_t mate,
	   struct tally *t)
{
	const struct kept *k = &b->references.at[mate];
	struct rank r = rank_of(b, k->set, (unsigned)finger, mate);
	size_t before = r.before[0] + r.before[1];
	size_t strangers = r.strangers[0] + r.strangers[1];
	bool found = b->score[mate] > 0;
	struct fine_evidence e;
	int32_t score;

	fine_compare(b->fine, kernel_best(), &probe->side, &k->side, &e);
	score = score_of(&e);
	t->searches++;
	t->kept += b->kept;
	if (score >= levels_cdb[0]) {
		t->lost_less += !found || lost(before, strangers, r.share / LESS);
		t->lost_real += !found || lost(r.before[0], r.strangers[0], r.share);
		t->lost_synthetic += !found || lost(r.before[1], r.strangers[1], r.share);
	}
	if (found && !lost(before, strangers, r.share))
		return;
	t->lost++;
	for (unsigned i = 0; i < LEVELS_DB; i++)
		t->lost_from[i] += score >= levels_cdb[i];
}

/* Is the impression no part of the reference of the same finger? */
static bool
is_mate(const struct kept *k, unsigned set, size_t finger, unsigned impression)
{
	unsigned after =
		(impression + IMPRESSIONS_EACH - k->impression) % IMPRESSIONS_EACH;

	if (k->synthetic || k->set != set || k->finger != finger)
		return false;
	return k->consolidated ? after >= CONSOLIDATED : impression != k->impression;
}

static int
search_set(struct bench *b, unsigned set)
{
	const struct images *l = &b->sets[set];
	size_t n;

	for (size_t i = 0; i < l->count; i += n) {
		n = images_of_finger(l, i);
		for (unsigned k = 0; k < n; k++) {
			const struct image *probe = &l->at[i + k];
			int rc;

			if (!probe->usable)
				continue;
			scan_probe_fill(&b->probe, kernel_best(), &probe->features);
			rc = course(b, set, (unsigned)i);
			if (rc < 0)
				return rc;
			for (size_t r = 0; r < b->references.count; r++) {
				const struct kept *m = &b->references.at[r];

				if (is_mate(m, set, i, k))
					count_mate(b, probe, i, r,
						   &b->tally[m->consolidated][set]);
			}
		}
	}
	return 0;
}

static double
percent(unsigned n, unsigned of)
{
	return of > 0 ? 100.0 * n / of : 0;
}

static void
print_row(const char *name, const struct tally *t)
{
	if (t->searches == 0)
		return;
	printf("  %-14s %8u %7.2f", name, t->searches, percent(t->lost, t->searches));
	for (unsigned i = 0; i < LEVELS_DB; i++)
		printf(" %7.2f", percent(t->lost_from[i], t->searches));
	printf(" | %6.2f %6.2f | %6.2f | %5.2f\n", percent(t->lost_real, t->searches),
	       percent(t->lost_synthetic, t->searches),
	       percent(t->lost_less, t->searches), 100 * t->kept / t->searches);
}

static void
pool(struct tally *all, const struct tally *t)
{
	all->searches += t->searches;
	all->kept += t->kept;
	all->lost += t->lost;
	all->lost_less += t->lost_less;
	all->lost_real += t->lost_real;
	all->lost_synthetic += t->lost_synthetic;
	for (unsigned i = 0; i < LEVELS_DB; i++)
		all->lost_from[i] += t->lost_from[i];
}

/* Of the mates of 30 dB and more: pooled, and of the set that loses most. */
static void
figure(const struct bench *b, const char *kind, const struct tally *t)
{
	struct bounds bound = bounds_exact(t->lost_from[0], t->searches);

	if (b->figures != NULL && t->searches > 0)
		(void)fprintf(b->figures,
			      "loss.%s.errors %u\nloss.%s.trials %u\nloss.%s.low %.6f\n"
			      "loss.%s.high %.6f\nloss.%s.kept_percent %.3f\n",
			      kind, t->lost_from[0], kind, t->searches, kind, bound.low,
			      kind, bound.high, kind,
			      100 * t->kept / t->searches); /* closing tells of errors */
}

static const struct tally *
worse(const struct tally *a, const struct tally *b)
{
	return percent(a->lost_from[0], a->searches) >
			       percent(b->lost_from[0], b->searches)
		       ? a
		       : b;
}

static void
print_table(const struct bench *b)
{
	printf("mates lost by the first stages, %% of all mated searches among %zu "
	       "references\n(%zu of real fingers; %zu B each; 1 in %u looked at again "
	       "and "
	       "1 in %u kept,\nof sparse ones 1 in %u and 1 in %u)\n",
	       b->references.count, b->references.real, sizeof(struct scan_reference),
	       again_share[0], kept_share[0], again_share[1], kept_share[1]);
	for (unsigned kind = 0; kind < 2; kind++) {
		const struct tally *worst = &b->tally[kind][0];
		struct tally all = { 0 };

		printf("%s\n  %-14s %8s %7s %7s %7s %7s %7s %7s | %6s %6s | %6s | %5s\n",
		       kind == 0 ? "one impression" : "three impressions", "set",
		       "searches", "all", ">=30dB", ">=40dB", ">=50dB", ">=60dB",
		       ">=70dB", "real", "synth", "1/5", "kept");
		for (unsigned i = 0; i < b->sets_count; i++) {
			const char *bar = strrchr(b->sets[i].dir, '/');

			print_row(bar != NULL ? bar + 1 : b->sets[i].dir,
				  &b->tally[kind][i]);
			pool(&all, &b->tally[kind][i]);
			worst = worse(&b->tally[kind][i], worst);
		}
		print_row("pooled", &all);
		figure(b, kind == 0 ? "one" : "three", &all);
		figure(b, kind == 0 ? "one_worst" : "three_worst", worst);
	}
	puts("real, synth: at >= 30 dB, by the rank among real or synthetic strangers "
	     "alone;"
	     "\n1/5: at >= 30 dB, when only a fifth as many are kept"
	     "\nkept: of all references, %, in the mean of the searches");
}

static int
measure(struct bench *b)
{
	size_t real = 0;
	int rc = 0;

	for (unsigned i = 0; i < b->sets_count && rc == 0; i++)
		rc = add_set(b, i);
	real = b->references.real;
	if (rc == 0)
		rc = add_synthetic(&b->references, real);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < b->references.count; i++) {
		struct kept *k = &b->references.at[i];

		scan_reference_fill(&k->scan, kernel_best(), &k->features);
		if (!fine_prepare(&k->side, &k->features))
			return -ENODATA; /* it was enrolled */
	}
	if (b->references.count == 0)
		return -ENODATA;
	b->score = calloc(b->references.count, sizeof(*b->score));
	b->sparse = calloc(b->references.count, sizeof(*b->sparse));
	if (b->score == NULL || b->sparse == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < b->sets_count && rc == 0; i++)
		rc = search_set(b, i);
	if (rc == 0)
		print_table(b);
	return rc;
}

static void
usage(FILE *f)
{
	(void)fputs("usage: bench_scan_loss [--figures FILE] FOLDER...\n"
		    "Counts the mates that the first stages of a search among the real\n"
		    "fingers of the FOLDERs and synthetic ones lose.\n"
		    "  --figures FILE  what was measured as \"KEY VALUE\" lines\n"
		    "  --help          this text\n",
		    f); /* nothing to do when even this cannot be written */
}

static int
open_figures(struct bench *b, const char *path)
{
	b->figures = fopen(path, "we");
	return b->figures == NULL ? -errno : 0;
}

int
main(int argc, char **argv)
{
	bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
	int first = argc > 3 && strcmp(argv[1], "--figures") == 0 ? 3 : 1, rc = 0;
	struct bench *b = calloc(1, sizeof(*b));

	if (b == NULL || help || argc <= first || argv[first][0] == '-' ||
	    (unsigned)(argc - first) > SETS_MAX) {
		usage(help ? stdout : stderr);
		free(b);
		return help ? EXIT_SUCCESS : 2;
	}
	if (first > 1)
		rc = open_figures(b, argv[2]);
	b->fine = calloc(1, fine_work_bytes());
	if (b->fine == NULL)
		rc = -ENOMEM;
	for (int i = first; i < argc && rc == 0; i++) {
		rc = images_list(argv[i], 0, &b->sets[b->sets_count++]);
		if (rc == 0)
			rc = images_extract(&b->sets[b->sets_count - 1]);
	}
	if (rc == 0)
		rc = measure(b);
	if (b->figures != NULL && fclose(b->figures) != 0 && rc == 0)
		rc = -EIO;
	if (rc < 0)
		(void)fprintf(stderr, "bench_scan_loss: %s\n", strerror(-rc));
	for (unsigned i = 0; i < b->sets_count; i++)
		images_close(&b->sets[i]);
	free(b->references.at);
	free(b->score);
	free(b->sparse);
	free(b->fine);
	free(b);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
