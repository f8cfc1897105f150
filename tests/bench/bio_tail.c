#include "bench/images.h"
#include "synth/crowd.h"
#include "synth/tail.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * bio_tail: how often strangers score. Compares real images with each other and synthetic fingers
 * by the hundred million, prints what share of them reaches each score, how far both agree, what
 * the calibration claims against what is so, and the calibration that follows. Of enrolled
 * references against single touches (--enrol) or of single touches against each other.
 */
#define BLOCK 1000u /* fingers compared with each other; 60 MB a thread */
#define PAIRS_MAX UINT64_C(100000000000)
#define THREADS_MAX 2u
#define SETS_MAX 8u
#define ENROL_MAX 5u

/* Set by an interrupt: print what was counted until then. */
static volatile sig_atomic_t enough;

struct options {
	uint64_t pairs, seed, threads, enrol, difficulty, pictures, block;
	const char *figures; /* file to write, or NULL */
	const char *dirs[SETS_MAX];
	unsigned dirs_count;
};

/* Fingers of a block, prepared once and compared with many. */
struct party {
	struct finger_features *features;
	struct fine_side *sides;
	uint64_t *finger; /* who each is */
	unsigned count;
};

struct worker {
	const struct options *o;
	atomic_uint_fast64_t *next; /* block to do */
	uint64_t blocks;
	struct tail tail;
	pthread_t thread;
	int rc;
};

static int
party_new(struct party *p, size_t max)
{
	p->count = 0;
	p->features = calloc(max, sizeof(*p->features));
	p->sides = calloc(max, sizeof(*p->sides));
	p->finger = calloc(max, sizeof(*p->finger));
	return p->features == NULL || p->sides == NULL || p->finger == NULL ? -ENOMEM : 0;
}

static void
party_free(struct party *p)
{
	free(p->features);
	free(p->sides);
	free(p->finger);
}

/* Takes the features just written to the next place, if they tell a finger. */
static void
party_take(struct party *p, uint64_t finger)
{
	unsigned i = p->count;

	p->finger[i] = finger;
	p->count += fine_prepare(&p->sides[i], &p->features[i]);
}

static void
compare(struct fine_work *work, struct tail *tail, const struct fine_side *probe,
	const struct fine_side *reference)
{
	struct fine_evidence e;

	fine_compare(work, kernel_best(), probe, reference, &e);
	tail_add(tail, &e);
}

/* ---- synthetic ------------------------------------------------------------ */

static int
fill(const struct options *o, struct crowd *c, uint64_t block, struct party *probes,
     struct party *references)
{
	int rc = 0;

	probes->count = references->count = 0;
	for (uint64_t i = 0; i < o->block && (rc == 0 || rc == -ENODATA); i++) {
		uint64_t finger = block * o->block + i;

		rc = crowd_impression(c, finger, (uint32_t)o->enrol,
				      &probes->features[probes->count]);
		if (rc == 0)
			party_take(probes, finger);
		if (o->enrol == 0 || (rc < 0 && rc != -ENODATA))
			continue;
		rc = crowd_reference(c, finger, (unsigned)o->enrol,
				     &references->features[references->count]);
		if (rc == 0)
			party_take(references, finger);
	}
	return rc == -ENODATA ? 0 : rc;
}

static void
compare_block(const struct options *o, struct fine_work *work, const struct party *probes,
	      const struct party *references, struct tail *tail)
{
	for (unsigned i = 0; i < probes->count; i++) {
		const struct party *r = o->enrol > 0 ? references : probes;

		for (unsigned j = o->enrol > 0 ? 0 : i + 1; j < r->count; j++) {
			if (r->finger[j] != probes->finger[i])
				compare(work, tail, &probes->sides[i], &r->sides[j]);
		}
	}
}

static void *
work_through(void *arg)
{
	struct worker *w = arg;
	const struct options *o = w->o;
	struct crowd_options made = { .seed = o->seed, .pictures = o->pictures != 0 };
	struct party probes = { 0 }, references = { 0 };
	struct fine_work *work = malloc(fine_work_bytes());
	struct crowd *crowd;
	uint64_t block;

	made.synth = synth_options_default();
	made.synth.difficulty = (uint32_t)o->difficulty;
	crowd = crowd_new(&made);
	w->rc = work == NULL || crowd == NULL ? -ENOMEM : party_new(&probes, o->block);
	if (w->rc == 0)
		w->rc = party_new(&references, o->enrol > 0 ? o->block : 1);
	while (w->rc == 0 && !enough &&
	       (block = atomic_fetch_add(w->next, 1)) < w->blocks) {
		w->rc = fill(o, crowd, block, &probes, &references);
		if (w->rc < 0)
			break;
		compare_block(o, work, &probes, &references, &w->tail);
		(void)fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " blocks ", block + 1,
			      w->blocks); /* only to show that it is alive */
	}
	crowd_free(crowd);
	party_free(&references);
	party_free(&probes);
	free(work);
	return NULL;
}

static int
synthetic(const struct options *o, struct tail *sum)
{
	static struct worker workers[THREADS_MAX];
	atomic_uint_fast64_t next = 0;
	uint64_t each =
		o->enrol > 0 ? o->block * (o->block - 1) : o->block * (o->block - 1) / 2;
	unsigned started = 0;
	int rc = 0;

	for (; started < o->threads && rc == 0; started++) {
		struct worker *w = &workers[started];

		*w = (struct worker){ .o = o, .next = &next };
		w->blocks = (o->pairs + each - 1) / each;
		rc = -pthread_create(&w->thread, NULL, work_through, w);
		if (rc < 0)
			break;
	}
	for (unsigned i = 0; i < started; i++) {
		(void)pthread_join(workers[i].thread, NULL); /* of ours */
		tail_sum(sum, &workers[i].tail);
		rc = workers[i].rc < 0 ? workers[i].rc : rc;
	}
	(void)fputc('\n', stderr); /* ends the line of progress */
	return rc;
}

/* ---- real ----------------------------------------------------------------- */

/* A side of the comparison. */
struct contender {
	const struct fine_side *side;
	unsigned set;
	uint64_t finger; /* all impressions of a finger have the same, nobody else has */
};

struct real {
	const struct options *o;
	struct images sets[SETS_MAX];
	size_t images;
	struct contender *probes, *references; /* references are those made of several */
	size_t probes_count, references_count;
	struct finger_features *features; /* of the references */
	struct fine_side *sides;
};

/* The impressions of a finger by threes, or how many an enrolment takes: a reference each. */
static void
enrol_finger(struct real *r, unsigned set, size_t first, size_t count)
{
	const struct image *image = &r->sets[set].at[first];
	const struct finger_features *list[ENROL_MAX];
	const size_t enrol = r->o->enrol;

	for (size_t from = 0; from == 0 || from + enrol <= count; from += enrol) {
		size_t n = count - from < enrol ? count - from : enrol;
		size_t i = r->references_count;

		for (size_t k = 0; k < n; k++)
			list[k] =
				image[from + k].usable ? &image[from + k].features : NULL;
		if (crowd_consolidate(list, (unsigned)n, &r->features[i]) < 0 ||
		    !fine_prepare(&r->sides[i], &r->features[i]))
			continue;
		r->references[i] = (struct contender){ &r->sides[i], set,
						       (uint64_t)set << 32 | first };
		r->references_count++;
	}
}

static void
gather(struct real *r, unsigned set)
{
	const struct images *list = &r->sets[set];

	for (size_t first = 0; first < list->count;) {
		size_t n = images_of_finger(list, first);

		for (size_t i = first; i < first + n; i++) {
			if (list->at[i].usable)
				r->probes[r->probes_count++] =
					(struct contender){ &list->at[i].side, set,
							    (uint64_t)set << 32 | first };
		}
		if (r->o->enrol > 0)
			enrol_finger(r, set, first, n);
		first += n;
	}
}

/* tails: one a set, one for pairs across sets, one for all. */
static void
compare_real(const struct real *r, struct fine_work *work, struct tail *tails)
{
	const unsigned sets = r->o->dirs_count;
	const bool enrolled = r->o->enrol > 0;
	const struct contender *b = enrolled ? r->references : r->probes;
	size_t count = enrolled ? r->references_count : r->probes_count;

	for (size_t i = 0; i < r->probes_count; i++) {
		const struct contender *a = &r->probes[i];

		for (size_t j = enrolled ? 0 : i + 1; j < count; j++) {
			if (a->finger != b[j].finger)
				compare(work, &tails[a->set == b[j].set ? a->set : sets],
					a->side, b[j].side);
		}
	}
	for (unsigned s = 0; s <= sets; s++)
		tail_sum(&tails[sets + 1], &tails[s]);
}

static int
real_read(struct real *r)
{
	for (unsigned i = 0; i < r->o->dirs_count; i++) {
		const char *dir = r->o->dirs[i];
		int rc = images_list(dir, 0, &r->sets[i]);

		if (rc == 0)
			rc = images_extract(&r->sets[i]);
		if (rc < 0) {
			(void)fprintf(stderr, "bio_tail: %s: %s\n", dir, strerror(-rc));
			return rc;
		}
		r->images += r->sets[i].count;
	}
	return 0;
}

static int
real(const struct options *o, struct tail *tails)
{
	struct real *r = calloc(1, sizeof(*r));
	struct fine_work *work = malloc(fine_work_bytes());
	int rc = r == NULL || work == NULL ? -ENOMEM : 0;

	if (rc < 0)
		goto out;
	r->o = o;
	rc = real_read(r);
	if (rc < 0)
		goto out;
	r->probes = calloc(r->images, sizeof(*r->probes));
	r->references = calloc(r->images, sizeof(*r->references));
	r->features = calloc(r->images, sizeof(*r->features));
	r->sides = calloc(r->images, sizeof(*r->sides));
	rc = -ENOMEM;
	if (r->probes == NULL || r->references == NULL || r->features == NULL ||
	    r->sides == NULL)
		goto out;
	for (unsigned i = 0; i < o->dirs_count; i++)
		gather(r, i);
	compare_real(r, work, tails);
	rc = 0;
out:
	for (unsigned i = 0; r != NULL && i < o->dirs_count; i++)
		images_close(&r->sets[i]);
	if (r != NULL) {
		free(r->probes);
		free(r->references);
		free(r->features);
		free(r->sides);
	}
	free(r);
	free(work);
	return rc;
}

/* ---- the report ----------------------------------------------------------- */

static const char *
base_name(const char *dir)
{
	const char *slash = strrchr(dir, '/');

	return slash != NULL ? slash + 1 : dir;
}

/* "KEY VALUE" lines for the report. */
static int
write_figures(const char *path, const struct tail *all, const struct tail *synthetic)
{
	static const char *const rates[] = { "1e-2", "1e-3", "1e-4" };
	FILE *f = fopen(path, "we");

	if (f == NULL)
		return -errno;
	fprintf(f, "tail.pairs %" PRIu64 "\n", synthetic->pairs);
	for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		fprintf(f, "tail.ratio.%s %.2f\n", rates[i],
			tail_ratio(synthetic, all, strtod(rates[i], NULL)));
	return fclose(f) == 0 ? 0 : -errno;
}

static int
run(const struct options *o)
{
	struct tail *tails = calloc(SETS_MAX + 3, sizeof(*tails));
	struct tail_column columns[SETS_MAX + 3];
	unsigned n = 0;
	int rc = tails == NULL ? -ENOMEM : 0;

	if (rc == 0 && o->dirs_count > 0) {
		rc = real(o, tails);
		for (; n < o->dirs_count; n++)
			columns[n] =
				(struct tail_column){ base_name(o->dirs[n]), &tails[n] };
		columns[n] = (struct tail_column){ "across", &tails[n] };
		columns[n + 1] = (struct tail_column){ "all real", &tails[n + 1] };
		n += 2;
	}
	if (rc == 0 && o->pairs > 0) {
		rc = synthetic(o, &tails[n]);
		columns[n] = (struct tail_column){ "synthetic", &tails[n] };
		n++;
	}
	if (rc == 0) {
		tail_print(columns, n);
		if (o->pairs > 0 && o->dirs_count > 0)
			tail_print_calibration(&tails[n - 2], &tails[n - 1]);
		if (o->figures != NULL && o->pairs > 0 && o->dirs_count > 0)
			rc = write_figures(o->figures, &tails[n - 2], &tails[n - 1]);
	}
	free(tails);
	return rc;
}

static void
usage(FILE *f)
{
	(void)fputs(
		"usage: bio_tail [options] [DIR...]\n"
		"Scores strangers: the images of each DIR with each other and across,\n"
		"and synthetic fingers; prints how often they reach each score.\n"
		"  --pairs N       synthetic pairs (default 1000000; 0: none)\n"
		"  --enrol K       references of K impressions against single touches\n"
		"                  (default 0: touches against touches)\n"
		"  --difficulty D  of the synthetic touches (default 100)\n"
		"  --pictures 1    render and extract the synthetic touches\n"
		"  --block N       fingers compared with each other (default 1000)\n"
		"  --seed S        another population (default 1)\n"
		"  --threads N     1 or 2 (default 2)\n"
		"  --figures FILE  what the report prints, lines \"KEY VALUE\"\n"
		"An interrupt ends the counting and prints what there is.\n",
		f); /* nothing to do when even this cannot be written */
}

static void
on_interrupt(int number)
{
	(void)number;
	enough = 1;
}

static bool
option(const char *name, const char *value, struct options *o)
{
	const struct {
		const char *name;
		uint64_t *to, min, max;
	} table[] = {
		{ "--pairs", &o->pairs, 0, PAIRS_MAX },
		{ "--seed", &o->seed, 0, UINT64_MAX },
		{ "--threads", &o->threads, 1, THREADS_MAX },
		{ "--enrol", &o->enrol, 0, ENROL_MAX },
		{ "--difficulty", &o->difficulty, 0, 100 },
		{ "--pictures", &o->pictures, 0, 1 },
		{ "--block", &o->block, 2, 5000 },
	};

	if (strcmp(name, "--figures") == 0) {
		o->figures = value;
		return value != NULL;
	}
	for (size_t k = 0; k < sizeof(table) / sizeof(table[0]); k++) {
		char *end;

		if (strcmp(table[k].name, name) != 0)
			continue;
		if (value == NULL || *value < '0' || *value > '9')
			return false;
		*table[k].to = strtoull(value, &end, 10);
		return *end == '\0' && *table[k].to >= table[k].min &&
		       *table[k].to <= table[k].max;
	}
	return false;
}

int
main(int argc, char **argv)
{
	struct options o = { .pairs = 1000000,
			     .seed = 1,
			     .threads = 2,
			     .difficulty = 100,
			     .block = BLOCK };
	int rc;

	for (int i = 1; i < argc; i++) {
		bool ok;

		if (strcmp(argv[i], "--help") == 0) {
			usage(stdout);
			return EXIT_SUCCESS;
		}
		if (strncmp(argv[i], "--", 2) == 0) {
			ok = option(argv[i], i + 1 < argc ? argv[i + 1] : NULL, &o);
			i++;
		} else {
			ok = o.dirs_count < SETS_MAX;
			if (ok)
				o.dirs[o.dirs_count++] = argv[i];
		}
		if (!ok) {
			usage(stderr);
			return 2;
		}
	}
	if (signal(SIGINT, on_interrupt) == SIG_ERR)
		return EXIT_FAILURE;
	rc = run(&o);
	if (rc < 0)
		(void)fprintf(stderr, "bio_tail: %s\n", strerror(-rc));
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
