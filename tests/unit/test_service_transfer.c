/*
 * Records of other systems and whoever is erased meanwhile: a whole service over a real gallery.db
 * and laned's end of its socket.
 */
#include "bio/service_search.h"

#include "base/clock.h"
#include "base/keys.h"
#include "bio/finger/fmr.h"
#include "bio/service.h"
#include "bio/store_fetch.h"
#include "hold_kit.h"
#include "synth/synth.h"
#include "tempdir.h"
#include "unit.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIXELS (SYNTH_WIDTH * SYNTH_HEIGHT)
#define SEED UINT64_C(930000)
#define REFERENCES_MAX 64u
#define RECORD_BYTES 4096u
/* Rounds a test waits at most; each waits for an event, so that none is a time limit. */
#define ROUNDS_MAX 5000

/* Fingers of a member, and of somebody whose record is imported; made before the tests are forked. */
enum person { MEMBER, NEWCOMER, PEOPLE };
static struct finger_features prints[PEOPLE];

static char dir[TEMPDIR_BYTES], folder[TEMPDIR_PATH_BYTES];
static struct loop *loop;
static struct conf *conf;
static struct service *service;
static struct rpc_peer *laned;
static struct store_readers *readers; /* of the gallery that can be held */

static struct ulid
subject_of(enum person p)
{
	return (struct ulid){ { (uint8_t)(p + 1) } };
}

/* ---- laned's end ------------------------------------------------------------------- */

static void
on_any(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
       const struct value *params)
{
	(void)ctx;
	(void)peer;
	(void)params;
	rpc_reply(call, NULL);
}

static const struct rpc_method methods[] = {
	{ "bio.hello", UINT32_MAX, 0, on_any },
	{ "bio.state", UINT32_MAX, 0, on_any },
};
static const struct rpc_hooks hooks = { .methods = methods, .methods_count = 2 };

struct answer {
	unsigned count;
	int error; /* its code, or 0 */
	bool fault;
	int64_t references;
};

static void
on_answer(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct answer *a = ctx;

	a->count++;
	a->error = error != NULL ? error->code : 0;
	if (result == NULL)
		return;
	a->fault = value_member(result, "fault") != NULL;
	(void)value_get_int(result, "references", 0, 1000, &a->references); /* or 0 */
}

static void
put_consent(struct json_out *o)
{
	char hash[65];

	memset(hash, 'a', 64);
	hash[64] = '\0';
	json_open_object(o, "consent");
	json_cstr(o, "text_version", "v1");
	json_cstr(o, "text_sha256", hash);
	json_cstr(o, "language", "en");
	json_open_array(o, "purposes");
	json_cstr(o, NULL, "identify");
	json_close(o);
	json_int(o, "retention_days", 365);
	json_cstr(o, "time", "2026-01-01T00:00:00Z");
	json_close(o);
}

/* {subject}, and with file a consent and the file's name. */
static void
request(const char *method, enum person p, const char *file, struct answer *a)
{
	struct json_out *o = json_out_new(4096);
	char text[ULID_TEXT_BYTES];

	json_open_object(o, NULL);
	ulid_text(text, subject_of(p));
	json_cstr(o, "subject", text);
	if (file != NULL) {
		json_cstr(o, "file", file);
		put_consent(o);
	}
	json_close(o);
	*a = (struct answer){ 0 };
	ck_assert_int_eq(rpc_request(laned, method, o, 0, on_answer, a), 0);
	json_out_free(o);
}

static void
wait_for(const struct answer *a)
{
	for (int i = 0; i < ROUNDS_MAX && a->count < 1; i++)
		ck_assert_int_eq(loop_once(loop, 100), 0);
	ck_assert_uint_eq(a->count, 1);
}

/* Whatever was sent before has been handled, whatever is held. */
static void
settle(void)
{
	struct answer a;

	request("bio.status", MEMBER, NULL, &a);
	wait_for(&a);
	ck_assert_int_eq(a.error, 0);
}

/* ---- the service ---------------------------------------------------------------------- */

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static void
extract_all(void)
{
	const struct synth_options easy = { SYNTH_WIDTH, SYNTH_HEIGHT, 20, 0 };
	static uint8_t picture[PIXELS];
	struct sample s = { .width = SYNTH_WIDTH,
			    .height = SYNTH_HEIGHT,
			    .dpi = SYNTH_DPI,
			    .modality = MODALITY_FINGER,
			    .grey = picture };
	struct finger_extractor *x = finger_extractor_new();

	require(x != NULL);
	for (unsigned p = 0; p < PEOPLE; p++) {
		struct synth_master *m = synth_master_new(SEED + p);

		require(m != NULL);
		require(synth_master_render(m, 0, &easy, picture) == 0);
		require(finger_extract(x, &s, &prints[p]) == 0);
		synth_master_free(m);
	}
	finger_extractor_free(x);
}

static void
enrol_member(void)
{
	const struct store_consent consent = { .text_version = "v1",
					       .language = "en",
					       .purposes = PURPOSE_IDENTIFY,
					       .retention_days = 365,
					       .time_ms = clock_wall_ms() };
	const struct finger_features *one = &prints[MEMBER];
	struct gallery_name name = { subject_of(MEMBER), 2, 0 };
	uint8_t packed[REFERENCE_BYTES_MAX];
	struct store_reference r = { .finger = 2, .data = packed };

	ck_assert_int_eq(reference_make(&one, 1, packed, &r.bytes), 0);
	ck_assert_int_eq(store_enrol(service->store, name.subject, &consent, &r, 1), 0);
	name.key = r.key;
	ck_assert_int_eq(gallery_add(service->gallery, &name, packed, r.bytes), 0);
}

/* With one member, in a gallery whose searches can be held. */
static void
start(void)
{
	struct gallery_source held;
	char text[256];
	int fds[2];

	tempdir_make(dir);
	(void)snprintf(folder, sizeof(folder), "%s/transfer", dir); /* fits */
	(void)snprintf(text, sizeof(text),
		       "[paths]\nbio_state = %s\n[privacy]\nprofile = us_other\n",
		       dir); /* fits */
	tempdir_write(dir, "laned.conf", text, strlen(text));
	ck_assert_int_eq(keys_load(tempdir_path(dir, "laned.conf"), &conf), 0);
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
		0);
	ck_assert_int_eq(rpc_peer_new(loop, fds[1], 1, &hooks, &laned), 0);
	ck_assert_int_eq(service_new(loop, conf, fds[0], &service), 0);
	for (int i = 0; i < ROUNDS_MAX && !service->searchable; i++)
		ck_assert_int_eq(loop_once(loop, 100), 0);
	ck_assert(service->searchable);
	ck_assert_int_eq(store_readers_new(service->store, &readers), 0);
	held = hold_kit_source(store_readers_source(readers));
	gallery_free(service->gallery);
	service->gallery = gallery_new(REFERENCES_MAX, &held);
	ck_assert_ptr_nonnull(service->gallery);
	enrol_member();
}

static void
finish(void)
{
	service = service_free(service);
	laned = rpc_peer_free(laned);
	readers = store_readers_free(readers);
	loop_free(loop);
	conf_free(conf);
	ck_assert_int_eq(rmdir(folder), 0); /* it is empty */
	tempdir_remove(dir);
}

/* A record of this print in the transfer folder. */
static void
put_record(const char *name, enum person p)
{
	static uint8_t record[RECORD_BYTES];
	const struct fmr_view view = { .position = 2, .features = prints[p] };
	const struct fmr_view *const views[] = { &view };
	struct fmr_head head = fmr_head_of(FMR_ISO_2005, views, 1);
	size_t bytes = fmr_bytes(FMR_ISO_2005, views, 1);

	ck_assert_uint_le(bytes, sizeof(record));
	ck_assert_int_eq(fmr_write(&head, views, 1, record, bytes), 0);
	tempdir_write(folder, name, record, bytes);
}

static bool
is_in_folder(const char *name)
{
	return access(tempdir_path(folder, name), F_OK) == 0;
}

static bool
is_enrolled(enum person p)
{
	int rc = store_has_consent(service->store, subject_of(p), clock_wall_ms());

	ck_assert(rc == 0 || rc == -ENOENT);
	return rc == 0;
}

/* ---- tests ------------------------------------------------------------------------------ */

START_TEST(who_is_erased_while_a_record_is_imported_stays_erased)
{
	struct answer import, erase;

	start();
	put_record("in.fmr", NEWCOMER);
	hold_kit_next(HOLD_UNTIL_TOLD, NULL);
	request("bio.import", NEWCOMER, "in.fmr", &import);
	settle();
	hold_kit_wait_begun();
	request("bio.erase", NEWCOMER, NULL, &erase);
	settle();
	ck_assert_uint_eq(import.count, 0);
	hold_kit_let_go();
	wait_for(&import);
	ck_assert(import.fault);
	wait_for(&erase);
	ck_assert_int_eq(erase.error, RPC_NOT_FOUND);
	ck_assert(!is_enrolled(NEWCOMER));
	ck_assert_uint_eq(gallery_stats(service->gallery).references, 1);
	finish();
}
END_TEST

START_TEST(what_is_imported_after_that_is_kept)
{
	struct answer import, erase;

	start();
	request("bio.erase", NEWCOMER, NULL, &erase);
	wait_for(&erase);
	put_record("in.fmr", NEWCOMER);
	hold_kit_next(HOLD_UNTIL_TOLD, NULL);
	request("bio.import", NEWCOMER, "in.fmr", &import);
	settle();
	hold_kit_wait_begun();
	request("bio.erase", MEMBER, NULL, &erase); /* somebody else */
	settle();
	hold_kit_let_go();
	wait_for(&import);
	ck_assert(!import.fault);
	ck_assert_int_eq(import.references, 1);
	ck_assert(is_enrolled(NEWCOMER) && !is_enrolled(MEMBER));
	wait_for(&erase);
	ck_assert_uint_eq(gallery_stats(service->gallery).references, 1);
	finish();
}
END_TEST

START_TEST(a_record_that_nobody_fetched_goes_when_somebody_is_erased)
{
	struct answer erase;

	start();
	put_record("export-1.fmr", MEMBER);
	settle();
	ck_assert(is_in_folder("export-1.fmr"));
	request("bio.erase", MEMBER, NULL, &erase);
	wait_for(&erase);
	ck_assert_int_eq(erase.references, 1);
	ck_assert(!is_in_folder("export-1.fmr"));
	finish();
}
END_TEST

START_TEST(a_record_that_nobody_fetched_goes_at_the_end)
{
	start();
	put_record("export-1.fmr", MEMBER);
	service = service_free(service);
	ck_assert(!is_in_folder("export-1.fmr"));
	finish();
}
END_TEST

int
main(void)
{
	const TTest *const list_of_tests[] = {
		who_is_erased_while_a_record_is_imported_stays_erased,
		what_is_imported_after_that_is_kept,
		a_record_that_nobody_fetched_goes_when_somebody_is_erased,
		a_record_that_nobody_fetched_goes_at_the_end,
	};

	extract_all();
	return unit_run("service_transfer", list_of_tests,
			sizeof(list_of_tests) / sizeof(list_of_tests[0]));
}
