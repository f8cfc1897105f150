#include "service_kit.h"

#include "base/clock.h"
#include "base/keys.h"
#include "hold_kit.h"
#include "synth/synth.h"
#include "unit.h"

#include <sys/socket.h>
#include <unistd.h>

#define PIXELS (SYNTH_WIDTH * SYNTH_HEIGHT)
#define REFERENCES_MAX 64u
/* Rounds that are waited at most; each waits for an event, so that none is a time limit. */
#define ROUNDS_MAX 5000

/* The same gallery again, by a source that can be held. */
static void
put_hook(struct service_kit *k)
{
	struct gallery_source held;

	ck_assert_int_eq(store_readers_new(k->service->store, &k->readers), 0);
	held = hold_kit_source(store_readers_source(k->readers));
	gallery_free(k->service->gallery);
	k->service->gallery = gallery_new(REFERENCES_MAX, &held);
	ck_assert_ptr_nonnull(k->service->gallery);
}

void
service_kit_start(struct service_kit *k, const char *more, const struct rpc_hooks *laned)
{
	char text[512];
	int fds[2];

	tempdir_make(k->dir);
	(void)snprintf(text, sizeof(text), "[paths]\nbio_state = %s\n%s", k->dir,
		       more); /* fits */
	tempdir_write(k->dir, "laned.conf", text, strlen(text));
	ck_assert_int_eq(keys_load(tempdir_path(k->dir, "laned.conf"), &k->conf), 0);
	ck_assert_int_eq(loop_new(&k->loop), 0);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
		0);
	ck_assert_int_eq(rpc_peer_new(k->loop, fds[1], 1, laned, &k->laned), 0);
	ck_assert_int_eq(service_new(k->loop, k->conf, fds[0], &k->service), 0);
	for (int i = 0; i < ROUNDS_MAX && !k->service->searchable; i++)
		ck_assert_int_eq(loop_once(k->loop, 100), 0);
	ck_assert(k->service->searchable);
	put_hook(k);
}

/* The readers are freed last: the gallery that service_free frees has its references from them. */
void
service_kit_finish(struct service_kit *k)
{
	k->service = service_free(k->service);
	k->laned = rpc_peer_free(k->laned);
	k->readers = store_readers_free(k->readers);
	loop_free(k->loop);
	conf_free(k->conf);
	(void)rmdir(tempdir_path(k->dir, "transfer")); /* it is empty, or not there */
	tempdir_remove(k->dir);
}

void
service_kit_enrol(struct service_kit *k, struct ulid subject,
		  const struct finger_features *print)
{
	const struct store_consent consent = { .text_version = "v1",
					       .language = "en",
					       .purposes = PURPOSE_IDENTIFY,
					       .retention_days = 365,
					       .time_ms = clock_wall_ms() };
	uint8_t packed[REFERENCE_BYTES_MAX];
	struct store_reference r = { .finger = 2, .data = packed };
	struct gallery_name name = { subject, 2, 0 };

	ck_assert_int_eq(reference_make(&print, 1, packed, &r.bytes), 0);
	ck_assert_int_eq(store_enrol(k->service->store, subject, &consent, &r, 1), 0);
	name.key = r.key;
	ck_assert_int_eq(gallery_add(k->service->gallery, &name, packed, r.bytes), 0);
}

static void
require(bool fact)
{
	if (!fact)
		abort();
}

void
service_kit_prints(uint64_t seed, unsigned impressions, uint8_t *grey,
		   struct finger_features *ret_prints)
{
	const struct synth_options easy = { SYNTH_WIDTH, SYNTH_HEIGHT, 20, 0 };
	static uint8_t scratch[PIXELS];
	struct sample s = { .width = SYNTH_WIDTH,
			    .height = SYNTH_HEIGHT,
			    .dpi = SYNTH_DPI,
			    .modality = MODALITY_FINGER };
	struct finger_extractor *x = finger_extractor_new();
	struct synth_master *m = synth_master_new(seed);

	require(x != NULL && m != NULL);
	for (unsigned i = 0; i < impressions; i++) {
		s.grey = grey == NULL ? scratch : grey + (size_t)i * PIXELS;
		require(synth_master_render(m, i, &easy, s.grey) == 0);
		require(finger_extract(x, &s, &ret_prints[i]) == 0);
	}
	synth_master_free(m);
	finger_extractor_free(x);
}
