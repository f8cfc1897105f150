/*
 * make_gallery: fills the gallery.db of a test lane with synthetic references, through the same
 * store as an enrolment, for benches and tests that need a large gallery without hours of touching.
 */
#include "base/clock.h"
#include "base/crypto.h"
#include "bio/gallery/reference.h"
#include "bio/store.h"
#include "bio/storekey.h"
#include "synth/synth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINGERS 2u
#define IMPRESSIONS 3u
#define SUBJECTS_MAX 1000000

struct work {
	struct store *store;
	struct finger_features *features; /* of one finger's impressions */
	struct synth_options options;
	uint64_t seed;
};

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

static int
make_reference(struct work *w, uint64_t finger, uint8_t *buf, size_t *ret_bytes)
{
	const struct finger_features *list[IMPRESSIONS];
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < IMPRESSIONS; i++) {
		rc = synth_features(w->seed + finger, i, &w->options, &w->features[i]);
		list[i] = &w->features[i];
	}
	return rc < 0 ? rc : reference_make(list, IMPRESSIONS, buf, ret_bytes);
}

/* A finger whose impressions cannot be consolidated is left out, as at an enrolment desk. */
static int
enrol_one(struct work *w, uint64_t subject_no, const struct store_consent *consent)
{
	static uint8_t buffers[FINGERS][REFERENCE_BYTES_MAX];
	struct store_reference references[FINGERS];
	struct ulid subject;
	size_t count = 0;
	int rc = crypto_ulid(clock_wall_ms(), &subject);

	for (unsigned f = 0; rc == 0 && f < FINGERS; f++) {
		struct store_reference *r = &references[count];

		r->data = buffers[count];
		r->finger = 2 + 5 * f; /* the two index fingers */
		rc = make_reference(w, subject_no * FINGERS + f, buffers[count],
				    &r->bytes);
		if (rc == 0)
			count++;
		else if (rc == -ENODATA || rc == -EXDEV)
			rc = 0;
	}
	if (rc < 0 || count == 0)
		return rc;
	return store_enrol(w->store, subject, consent, references, count);
}

static int
fill(struct work *w, const char *folder, uint64_t subjects)
{
	const struct store_consent consent = made_up_consent();
	struct store_options o = { .folder = folder, .environment = "test" };
	struct secret *key = NULL;
	char why[256] = "";
	int rc = storekey_load(folder, &key);

	if (rc == 0) {
		o.key = secret_bytes_const(key);
		rc = store_open(&o, &w->store, why);
	}
	for (uint64_t i = 0; rc == 0 && i < subjects; i++)
		rc = enrol_one(w, i, &consent);
	if (rc < 0)
		fprintf(stderr, "make_gallery: %s: %s %s\n", folder, strerror(-rc), why);
	store_close(w->store);
	secret_free(key);
	return rc;
}

int
main(int argc, char **argv)
{
	struct work w = { .options = synth_options_default(),
			  .seed = UINT64_C(77000000000) };
	int64_t subjects = 0;
	int rc;

	if (argc != 3 || str_to_i64(str_of(argv[2]), &subjects) < 0 || subjects < 1 ||
	    subjects > SUBJECTS_MAX) {
		fprintf(stderr,
			"usage: make_gallery FOLDER SUBJECTS\n"
			"Enrols SUBJECTS made-up people with two fingers each into "
			"FOLDER/gallery.db.\n");
		return 64;
	}
	w.features = calloc(IMPRESSIONS, sizeof(*w.features));
	if (w.features == NULL)
		return EXIT_FAILURE;
	rc = fill(&w, argv[1], (uint64_t)subjects);
	free(w.features);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
