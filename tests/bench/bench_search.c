#include "bounds.h"
#include "images.h"
#include "stock.h"

#include "bio/gallery/gallery.h"
#include "bio/load.h"
#include "bio/storekey.h"
#include "synth/synth.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * bench_search: a gallery.db as make_gallery leaves it, loaded and searched by the product's own
 * code: loading, memory, identification from the picture on by each kernel, the mates that the
 * scan loses, and how fast a search lets itself be cancelled.
 */
#define PROBES_DEFAULT 50u
#define PROBES_MAX 1000u
#define KERNELS_MAX 8u
#define CANCELS 20u
#define REFERENCES_MAX 2000000u
#define MATED_SCORE                                                                      \
	4000 /* one to one at FMR 1e-4: a comparison with all would find this mate */

struct bench {
	const char *folder, *figures, *kernel;
	unsigned probes, mates; /* pictures identified, and mated searches for the loss */
	struct secret *key;
	struct store *store;
	struct store_readers *readers;
	struct gallery *gallery;
	uint64_t references;
	FILE *out; /* figures, or NULL */
	struct finger_extractor *extractor;
	struct sample **pictures;
	double last_ms; /* median of the last kernel */
};

static void
usage(FILE *f)
{
	(void)fputs(
		"usage: bench_search [options] FOLDER\n"
		"Loads FOLDER/gallery.db, made by make_gallery --pictured, and searches "
		"it\n"
		"with pictures of the people enrolled there.\n"
		"  --probes N      pictures to identify by each kernel (default 50)\n"
		"  --mates N       mated searches from features, to count the lost ones\n"
		"                  (default 0)\n"
		"  --kernel NAME   that kernel only, from loading on, such as sse2\n"
		"  --figures FILE  what was measured is added as \"KEY VALUE\" lines\n"
		"  --help          this text\n",
		f); /* nothing to do when even this cannot be written */
}

/* ---- which kernel ---------------------------------------------------------- */

/*
 * The linker puts this in the place of kernel_best for every file but its own: see bench_ldflags
 * in the Makefile. So the product has no switch for it.
 */
static const struct kernel *forced;

const struct kernel *__real_kernel_best(void);
const struct kernel *__wrap_kernel_best(void);

const struct kernel *
__wrap_kernel_best(void)
{
	return forced != NULL ? forced : __real_kernel_best();
}

static const struct kernel *
kernel_named(const char *name)
{
	for (unsigned i = 0; kernel_at(i) != NULL; i++) {
		if (strcmp(kernel_at(i)->name, name) == 0)
			return kernel_at(i);
	}
	return NULL;
}

/* ---- small things ---------------------------------------------------------- */

static double
wall_ms(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		return 0;
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
figure(const struct bench *b, const char *key, double value)
{
	if (b->out != NULL)
		(void)fprintf(b->out, "search.%" PRIu64 ".%s %.6g\n", b->references, key,
			      value); /* closing it tells of errors */
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Memory of this process that is in RAM. */
static double
resident_mb(void)
{
	char line[256];
	unsigned long kb = 0;
	FILE *f = fopen("/proc/self/status", "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "VmRSS: %lu kB", &kb) == 1)
			break;
	}
	if (f != NULL)
		(void)fclose(f); /* read only */
	return (double)kb / 1e3;
}

/* ---- loading --------------------------------------------------------------- */

static int
open_gallery(struct bench *b)
{
	struct store_options o = { .folder = b->folder, .environment = "test" };
	struct gallery_source source;
	char why[256] = "";
	int rc = storekey_load(b->folder, &b->key);

	if (rc == 0) {
		o.key = secret_bytes_const(b->key);
		rc = store_open(&o, &b->store, why);
	}
	if (rc == 0)
		rc = store_readers_new(b->store, &b->readers);
	if (rc < 0) {
		(void)fprintf(stderr, "bench_search: %s %s\n", b->folder, why);
		return rc;
	}
	source = store_readers_source(b->readers);
	b->gallery = gallery_new(REFERENCES_MAX, &source);
	return b->gallery == NULL ? -ENOMEM : 0;
}

/*
 * The size that was asked for, two digits of it: a few synthetic fingers are turned away at
 * enrolment, and a few of pictures come in addition.
 */
static uint64_t
meant(uint64_t references)
{
	uint64_t unit = 1;

	while (references / unit >= 100)
		unit *= 10;
	return (references + unit / 2) / unit * unit;
}

static int
load_all(struct bench *b)
{
	double before = resident_mb(), wall = wall_ms(), cpu = images_cpu_us();
	struct load *l = load_new(b->readers, b->gallery);
	struct gallery_stats stats;
	int rc = l == NULL ? -ENOMEM : 1;

	while (rc > 0)
		rc = load_slice(l);
	wall = (wall_ms() - wall) / 1e3;
	cpu = (images_cpu_us() - cpu) / 1e6;
	if (rc == 0 && load_counts(l).damaged > 0)
		(void)fprintf(stderr, "bench_search: %" PRIu64 " damaged references\n",
			      load_counts(l).damaged);
	(void)load_free(l); /* always NULL */
	if (rc < 0)
		return rc;
	stats = gallery_stats(b->gallery);
	b->references = meant(stats.references);
	printf("%" PRIu64 " references loaded in %.2f s (CPU %.2f s), %.0f a second; "
	       "%.0f B each in memory, the process %.1f MB (%.1f MB before)\n",
	       stats.references, wall, cpu, (double)stats.references / wall,
	       (double)stats.bytes / (double)stats.references, resident_mb(), before);
	figure(b, "load_s", wall);
	figure(b, "load_cpu_s", cpu);
	figure(b, "rss_mb", resident_mb());
	figure(b, "bytes_per_reference", (double)stats.bytes / (double)stats.references);
	return stats.references > 0 ? 0 : -ENODATA;
}

/* ---- identification -------------------------------------------------------- */

/* One picture of each pictured subject that was not enrolled. */
static int
take_pictures(struct bench *b)
{
	struct synth_options o = synth_options_default();
	int rc = 0;

	o.difficulty = STOCK_TOUCH_DIFFICULTY;
	b->extractor = finger_extractor_new();
	b->pictures = calloc(b->probes, sizeof(struct sample *));
	if (b->extractor == NULL || b->pictures == NULL)
		return -ENOMEM;
	for (unsigned i = 0; rc == 0 && i < b->probes; i++) {
		rc = sample_new(SYNTH_WIDTH, SYNTH_HEIGHT, SYNTH_DPI, &b->pictures[i]);
		if (rc == 0)
			rc = synth_image(STOCK_PICTURE_SEED + i, STOCK_IMPRESSIONS, &o,
					 b->pictures[i]->grey);
	}
	return rc;
}

/* 1 the subject came first, 0 not, or a negative errno. */
static int
identify(struct bench *b, const struct sample *picture, struct ulid subject)
{
	static struct finger_features features;
	struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
	struct gallery_query q = { .probe = &features };
	size_t count = 0;
	int rc = finger_extract(b->extractor, picture, &features);

	if (rc == 0)
		rc = gallery_search(b->gallery, &q, found, &count);
	if (rc == -ENODATA)
		return 0;
	return rc < 0 ? rc : count > 0 && ulid_eq(found[0].subject, subject);
}

static int
time_kernel(struct bench *b, const struct kernel *kernel)
{
	double *wall = calloc(b->probes, sizeof(*wall)), cpu;
	unsigned first = 0;
	int rc = wall == NULL ? -ENOMEM : 0;
	char key[64];

	forced = kernel;
	for (unsigned i = 0; rc >= 0 && i < b->probes / 10 + 1; i++)
		rc = identify(b, b->pictures[i], stock_subject(STOCK_PICTURED + i));
	cpu = images_cpu_us();
	for (unsigned i = 0; rc >= 0 && i < b->probes; i++) {
		double start = wall_ms();

		rc = identify(b, b->pictures[i], stock_subject(STOCK_PICTURED + i));
		wall[i] = wall_ms() - start;
		first += rc > 0;
	}
	cpu = (images_cpu_us() - cpu) / 1e3 / b->probes;
	if (rc >= 0) {
		qsort(wall, b->probes, sizeof(*wall), by_value);
		b->last_ms = wall[b->probes / 2];
		printf("  %-7s identification of a picture: median %.1f ms, p99 %.1f ms, "
		       "CPU %.1f ms; %u of %u found first\n",
		       kernel->name, b->last_ms, wall[b->probes * 99 / 100], cpu, first,
		       b->probes);
		(void)snprintf(key, sizeof(key), "%s.median_ms", kernel->name);
		figure(b, key, b->last_ms);
		(void)snprintf(key, sizeof(key), "%s.p99_ms", kernel->name);
		figure(b, key, wall[b->probes * 99 / 100]);
		(void)snprintf(key, sizeof(key), "%s.cpu_ms", kernel->name);
		figure(b, key, cpu);
	}
	free(wall);
	return rc < 0 ? rc : 0;
}

static int
time_kernels(struct bench *b)
{
	int rc = 0;

	if (b->kernel != NULL)
		return time_kernel(b, forced);
	/* The first is the portable one: nobody's where there is another. */
	for (unsigned i = kernel_at(1) != NULL; rc == 0 && kernel_at(i) != NULL; i++)
		rc = time_kernel(b, kernel_at(i));
	forced = NULL;
	figure(b, "best.median_ms", b->last_ms); /* the last one is the best one */
	return rc;
}

/* ---- what the scan loses --------------------------------------------------- */

struct loss {
	unsigned searches, lost;
};

/* A finger that is too poor to search with, or was not enrolled, is no search. */
static int
search_mate(struct bench *b, uint64_t finger, struct loss *loss)
{
	static struct finger_features probe;
	struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
	struct ulid mate = stock_subject(finger);
	struct gallery_query q = { .probe = &probe,
				   .subjects = &mate,
				   .subjects_count = 1 };
	struct synth_options o = synth_options_default();
	size_t count = 0;
	bool similar, listed = false;
	int rc;

	o.difficulty = STOCK_DIFFICULTY;
	rc = synth_features(STOCK_SEED + finger, STOCK_IMPRESSIONS, &o, &probe);
	if (rc == 0)
		rc = gallery_search(b->gallery, &q, found, &count);
	if (rc < 0)
		return rc == -ENODATA ? 0 : rc;
	similar = count > 0 && found[0].score >= MATED_SCORE;
	q.subjects = NULL;
	q.subjects_count = 0;
	rc = gallery_search(b->gallery, &q, found, &count);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < count; i++)
		listed |= ulid_eq(found[i].subject, mate);
	loss->searches++;
	loss->lost += similar && !listed;
	return 0;
}

static int
count_losses(struct bench *b)
{
	struct loss loss = { 0 };
	struct bounds bound;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < b->mates; i++)
		rc = search_mate(b, b->references / b->mates * i, &loss);
	if (rc < 0 || loss.searches == 0)
		return rc;
	bound = bounds_exact(loss.lost, loss.searches);
	printf("  mates lost that a comparison with all would find: %u of %u, %.2f %% "
	       "[%.2f..%.2f]\n",
	       loss.lost, loss.searches, 100.0 * loss.lost / loss.searches,
	       100.0 * bound.low, 100.0 * bound.high);
	figure(b, "loss.errors", loss.lost);
	figure(b, "loss.trials", loss.searches);
	figure(b, "loss.low", bound.low);
	figure(b, "loss.high", bound.high);
	return 0;
}

/* ---- cancelling ------------------------------------------------------------ */

struct canceller {
	atomic_bool cancel;
	double after_ms, told_ms;
};

static void *
cancel_later(void *arg)
{
	struct canceller *c = arg;
	double start = wall_ms();

	while (wall_ms() - start < c->after_ms)
		(void)usleep(100); /* woken early is no harm */
	c->told_ms = wall_ms();
	atomic_store(&c->cancel, true);
	return NULL;
}

static int
time_cancel(struct bench *b)
{
	static struct finger_features probe;
	double late[CANCELS];
	unsigned n = 0;
	int rc = finger_extract(b->extractor, b->pictures[0], &probe);

	for (unsigned i = 0; rc == 0 && i < CANCELS; i++) {
		struct canceller c = { .after_ms = b->last_ms * i / CANCELS };
		struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
		struct gallery_query q = { .probe = &probe, .cancel = &c.cancel };
		pthread_t thread;
		size_t count;

		rc = -pthread_create(&thread, NULL, cancel_later, &c);
		if (rc < 0)
			break;
		rc = gallery_search(b->gallery, &q, found, &count);
		late[n] = wall_ms();
		(void)pthread_join(thread, NULL); /* a thread of ours: it ends */
		late[n] -= c.told_ms;
		n += rc == -ECANCELED;
		rc = rc == -ECANCELED ? 0 : rc; /* it may have been done before */
	}
	if (rc < 0 || n == 0)
		return rc;
	qsort(late, n, sizeof(late[0]), by_value);
	printf("  cancelled in mid search: over after %.2f ms, at most %.2f ms\n",
	       late[n / 2], late[n - 1]);
	figure(b, "cancel_ms", late[n - 1]);
	return 0;
}

/* ---- the program ----------------------------------------------------------- */

static bool
parse_options(int argc, char **argv, struct bench *b)
{
	int i = 1;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		unsigned long number = strtoul(argv[i + 1], NULL, 10);

		if (strcmp(argv[i], "--probes") == 0)
			b->probes = (unsigned)number;
		else if (strcmp(argv[i], "--mates") == 0)
			b->mates = (unsigned)number;
		else if (strcmp(argv[i], "--kernel") == 0)
			b->kernel = argv[i + 1];
		else if (strcmp(argv[i], "--figures") == 0)
			b->figures = argv[i + 1];
		else
			return false;
	}
	b->folder = i + 1 == argc ? argv[i] : NULL;
	return b->folder != NULL && b->probes >= 1 && b->probes <= PROBES_MAX;
}

static int
run(struct bench *b)
{
	int rc = 0;

	if (b->kernel != NULL) {
		forced = kernel_named(b->kernel);
		if (forced == NULL) {
			printf("SKIP: this CPU has no kernel %s\n", b->kernel);
			return 0;
		}
	}
	if (b->figures != NULL) {
		b->out = fopen(b->figures, "ae");
		if (b->out == NULL)
			return -errno;
	}
	rc = open_gallery(b);
	if (rc == 0)
		rc = load_all(b);
	if (rc == 0)
		rc = take_pictures(b);
	if (rc == 0)
		rc = time_kernels(b);
	if (rc == 0)
		rc = time_cancel(b);
	if (rc == 0)
		rc = count_losses(b);
	if (b->out != NULL && fclose(b->out) != 0 && rc == 0)
		rc = -EIO;
	return rc;
}

int
main(int argc, char **argv)
{
	struct bench b = { .probes = PROBES_DEFAULT };
	bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
	int rc;

	if (help || !parse_options(argc, argv, &b)) {
		usage(help ? stdout : stderr);
		return help ? EXIT_SUCCESS : 2;
	}
	rc = run(&b);
	if (rc < 0)
		(void)fprintf(stderr, "bench_search: %s: %s\n", b.folder, strerror(-rc));
	for (unsigned i = 0; b.pictures != NULL && i < b.probes; i++)
		sample_free(b.pictures[i]);
	free(b.pictures);
	finger_extractor_free(b.extractor);
	(void)gallery_free(b.gallery); /* always NULL */
	(void)store_readers_free(b.readers);
	store_close(b.store);
	secret_free(b.key);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
