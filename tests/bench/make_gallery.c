/*
 * make_gallery: fills the gallery.db of a test lane with synthetic references, through the same
 * store as an enrolment, for benches and tests that need a large gallery without hours of touching.
 */
#include "stock.h"

#include "base/clock.h"
#include "bio/store_private.h"
#include "bio/storekey.h"
#include "synth/synth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FINGERS 2u
#define SUBJECTS_MAX (STOCK_MAX / FINGERS)
#define PICTURED_MAX 1000u
#define PATH_BYTES 4096u
#define PROGRESS 8192u

struct work {
	const char *folder, *stock_path;
	uint64_t subjects, pictured;
	struct store *store;
	struct stock *stock;
	struct store_consent consent;
};

static void
usage(FILE *f)
{
	(void)fputs(
		"usage: make_gallery [options] FOLDER SUBJECTS\n"
		"       make_gallery --stock FILE SUBJECTS\n"
		"Enrols SUBJECTS made-up people with two fingers each into\n"
		"FOLDER/gallery.db, or only makes their references.\n"
		"  --stock FILE   the references, kept there for the next time\n"
		"  --pictured N   and N more with a finger that pictures can be made of\n"
		"  --help         this text\n",
		f); /* nothing to do when even this cannot be written */
}

static struct store_consent
made_up_consent(void)
{
	struct store_consent c = { .purposes = PURPOSE_IDENTIFY | PURPOSE_DISCOUNTS,
				   .retention_days = 365,
				   .time_ms = clock_wall_ms() };

	(void)str_copy(c.text_version, sizeof(c.text_version),
		       STR("bench")); /* all fit */
	(void)str_copy(c.language, sizeof(c.language), STR("en"));
	(void)str_copy(c.profile, sizeof(c.profile), STR("us_other"));
	return c;
}

/* A finger whose impressions cannot be consolidated is left out, as at an enrolment desk. */
static int
enrol_one(struct work *w, uint64_t subject)
{
	struct store_reference references[FINGERS] = { 0 };
	size_t count = 0;

	for (uint64_t i = subject * FINGERS; i < (subject + 1) * FINGERS; i++) {
		struct store_reference *r = &references[count];

		r->finger = stock_finger(i);
		r->data = stock_at(w->stock, i, &r->bytes);
		count += r->bytes > 0;
	}
	if (count == 0)
		return 0;
	return store_enrol(w->store, stock_subject(subject * FINGERS), &w->consent,
			   references, count);
}

/* One picture and its features. 0; -ENODATA. */
static int
take(struct finger_extractor *x, const struct synth_master *m, uint32_t impression,
     struct finger_features *ret)
{
	struct sample *s = NULL;
	int rc = sample_new(SYNTH_WIDTH, SYNTH_HEIGHT, SYNTH_DPI, &s);

	if (rc == 0)
		rc = synth_master_render(m, impression, NULL, s->grey);
	if (rc == 0)
		rc = finger_extract(x, s, ret);
	sample_free(s);
	return rc;
}

static int
enrol_pictured(struct work *w, struct finger_extractor *x, uint64_t number,
	       struct finger_features features[STOCK_IMPRESSIONS])
{
	struct synth_master *m = synth_master_new(STOCK_PICTURE_SEED + number);
	const struct finger_features *list[STOCK_IMPRESSIONS];
	static uint8_t packed[REFERENCE_BYTES_MAX];
	struct store_reference r = { .finger = 2, .data = packed };
	int rc = m == NULL ? -ENOMEM : 0;

	for (uint32_t k = 0; rc == 0 && k < STOCK_IMPRESSIONS; k++) {
		rc = take(x, m, k, &features[k]);
		list[k] = &features[k];
	}
	(void)synth_master_free(m); /* always NULL */
	if (rc == 0)
		rc = reference_make(list, STOCK_IMPRESSIONS, packed, &r.bytes);
	if (rc == 0)
		rc = store_enrol(w->store, stock_subject(STOCK_PICTURED + number),
				 &w->consent, &r, 1);
	return rc == -ENODATA || rc == -EXDEV ? 0 : rc;
}

static int
enrol_all(struct work *w)
{
	struct finger_features *features = calloc(STOCK_IMPRESSIONS, sizeof(*features));
	struct finger_extractor *x = finger_extractor_new();
	int rc = features == NULL || x == NULL ? -ENOMEM : 0;

	for (uint64_t i = 0; rc == 0 && i < w->pictured; i++)
		rc = enrol_pictured(w, x, i, features);
	for (uint64_t i = 0; rc == 0 && i < w->subjects; i++) {
		rc = enrol_one(w, i);
		if (i % PROGRESS == PROGRESS - 1)
			(void)fprintf(stderr, "\rsubjects: %" PRIu64 " of %" PRIu64,
				      i + 1, w->subjects);
	}
	if (w->subjects >= PROGRESS)
		(void)fputc('\n', stderr);
	finger_extractor_free(x);
	free(features);
	return rc;
}

static int
fill(struct work *w)
{
	struct store_options o = { .folder = w->folder, .environment = "test" };
	struct secret *key = NULL;
	char why[256] = "";
	int rc = storekey_load(w->folder, &key);

	if (rc == 0) {
		o.key = secret_bytes_const(key);
		rc = store_open(&o, &w->store, why);
	}
	/* Nothing is lost with a power failure that could not be made again. */
	if (rc == 0)
		rc = db_exec(w->store->db, "PRAGMA synchronous=OFF");
	if (rc == 0)
		rc = enrol_all(w);
	if (rc == 0)
		rc = db_checkpoint(w->store->db);
	if (rc < 0)
		(void)fprintf(stderr, "make_gallery: %s: %s %s\n", w->folder,
			      strerror(-rc), why);
	store_close(w->store);
	secret_free(key);
	return rc;
}

static bool
parse_options(int argc, char **argv, struct work *w)
{
	int64_t number = 0;
	int i = 1;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		if (strcmp(argv[i], "--stock") == 0) {
			w->stock_path = argv[i + 1];
			continue;
		}
		if (strcmp(argv[i], "--pictured") != 0 ||
		    str_to_i64(str_of(argv[i + 1]), &number) < 0 || number < 0 ||
		    number > PICTURED_MAX)
			return false;
		w->pictured = (uint64_t)number;
	}
	if (argc - i == 2)
		w->folder = argv[i++];
	if (argc - i != 1 || str_to_i64(str_of(argv[i]), &number) < 0 || number < 1 ||
	    number > (int64_t)SUBJECTS_MAX ||
	    (w->folder == NULL && w->stock_path == NULL))
		return false;
	w->subjects = (uint64_t)number;
	return true;
}

int
main(int argc, char **argv)
{
	static struct work w;
	char path[PATH_BYTES];
	bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
	int rc;

	if (help || !parse_options(argc, argv, &w)) {
		usage(help ? stdout : stderr);
		return help ? EXIT_SUCCESS : 64;
	}
	w.consent = made_up_consent();
	if (w.stock_path == NULL) {
		if (snprintf(path, sizeof(path), "%s/stock.new", w.folder) >=
		    (int)sizeof(path))
			return EXIT_FAILURE;
		w.stock_path = path;
	}
	rc = stock_open(w.stock_path, w.subjects * FINGERS, &w.stock);
	if (rc < 0)
		(void)fprintf(stderr, "make_gallery: %s\n", strerror(-rc));
	else if (w.folder != NULL)
		rc = fill(&w);
	(void)stock_close(w.stock); /* always NULL */
	if (w.stock_path == path)
		(void)unlink(path); /* it was for this once */
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
