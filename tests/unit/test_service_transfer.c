/*
 * Records of other systems and whoever is erased meanwhile: a whole service over a real gallery.db
 * and laned's end of its socket.
 */
#include "bio/service_search.h"

#include "base/clock.h"
#include "bio/finger/fmr.h"
#include "hold_kit.h"
#include "service_kit.h"
#include "synth/synth.h"
#include "unit.h"

#include <errno.h>
#include <unistd.h>

#define SEED UINT64_C(930000)
#define RECORD_BYTES 4096u
/* Rounds a test waits at most; each waits for an event, so that none is a time limit. */
#define ROUNDS_MAX 5000

/* Fingers of a member, and of somebody whose record is imported; made before the tests are forked. */
enum person { MEMBER, NEWCOMER, PEOPLE };
static struct finger_features prints[PEOPLE];

static struct service_kit kit;
static char folder[TEMPDIR_PATH_BYTES];

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
	{ "bio.identified", UINT32_MAX, 0, on_any },
};

/* The peer frees itself then. */
static void
on_closed(void *ctx, struct rpc_peer *peer, int err)
{
	(void)ctx;
	(void)peer;
	(void)err;
	kit.laned = NULL;
}

static const struct rpc_hooks hooks = { .methods = methods,
					.methods_count = 3,
					.closed = on_closed };

struct answer {
	unsigned count;
	int error; /* its code, or 0 */
	char message[RPC_MESSAGE_BYTES];
	bool fault;
	int64_t references;
	size_t fingers;
};

static void
on_answer(void *ctx, const struct value *result, const struct rpc_error *error)
{
	const struct value *fingers = NULL;
	struct answer *a = ctx;

	a->count++;
	a->error = error != NULL ? error->code : 0;
	if (error != NULL)
		memcpy(a->message, error->message, sizeof(a->message));
	if (result == NULL)
		return;
	if (value_get_array(result, "fingers", &fingers) == 0)
		a->fingers = fingers->count;
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
	ck_assert_int_eq(rpc_request(kit.laned, method, o, 0, on_answer, a), 0);
	json_out_free(o);
}

/* {subjects: [subject]} */
static void
request_export(enum person p, struct answer *a)
{
	struct json_out *o = json_out_new(4096);
	char text[ULID_TEXT_BYTES];

	json_open_object(o, NULL);
	json_open_array(o, "subjects");
	ulid_text(text, subject_of(p));
	json_cstr(o, NULL, text);
	json_close(o);
	json_close(o);
	*a = (struct answer){ 0 };
	ck_assert_int_eq(rpc_request(kit.laned, "bio.export", o, 0, on_answer, a), 0);
	json_out_free(o);
}

static void
wait_for(const struct answer *a)
{
	for (int i = 0; i < ROUNDS_MAX && a->count < 1; i++)
		ck_assert_int_eq(loop_once(kit.loop, 100), 0);
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
extract_all(void)
{
	for (unsigned p = 0; p < PEOPLE; p++)
		service_kit_prints(SEED + p, 1, NULL, &prints[p]);
}

/* With one member, in a gallery whose searches can be held. */
static void
start(void)
{
	service_kit_start(&kit, "[privacy]\nprofile = us_other\n", &hooks);
	(void)snprintf(folder, sizeof(folder), "%s/transfer", kit.dir); /* fits */
	service_kit_enrol(&kit, subject_of(MEMBER), &prints[MEMBER]);
}

static void
finish(void)
{
	ck_assert_int_eq(access(folder, F_OK), 0);
	service_kit_finish(&kit);
	ck_assert_int_ne(access(folder, F_OK), 0); /* it was empty */
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
	int rc = store_has_consent(kit.service->store, subject_of(p), clock_wall_ms());

	ck_assert(rc == 0 || rc == -ENOENT);
	return rc == 0;
}

/* The record was read, and its search is held. */
static void
wait_begun(void)
{
	bool begun = false;

	for (int i = 0; i < ROUNDS_MAX && !begun; i++) {
		ck_assert_int_eq(loop_once(kit.loop, 20), 0);
		begun = hold_kit_has_begun();
	}
	ck_assert(begun);
}

/* ---- tests ------------------------------------------------------------------------------ */

START_TEST(who_is_erased_while_a_record_is_imported_stays_erased)
{
	struct answer import, erase;

	start();
	put_record("in.fmr", NEWCOMER);
	hold_kit_next(HOLD_UNTIL_TOLD, NULL);
	request("bio.import", NEWCOMER, "in.fmr", &import);
	wait_begun();
	request("bio.erase", NEWCOMER, NULL, &erase);
	settle();
	ck_assert_uint_eq(import.count, 0);
	hold_kit_let_go();
	wait_for(&import);
	ck_assert(import.fault);
	wait_for(&erase);
	ck_assert_int_eq(erase.error, RPC_NOT_FOUND);
	ck_assert(!is_enrolled(NEWCOMER));
	ck_assert_uint_eq(gallery_stats(kit.service->gallery).references, 1);
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
	wait_begun();
	request("bio.erase", MEMBER, NULL, &erase); /* somebody else */
	settle();
	hold_kit_let_go();
	wait_for(&import);
	ck_assert(!import.fault);
	ck_assert_int_eq(import.references, 1);
	ck_assert(is_enrolled(NEWCOMER) && !is_enrolled(MEMBER));
	wait_for(&erase);
	ck_assert_uint_eq(gallery_stats(kit.service->gallery).references, 1);
	finish();
}
END_TEST

/* A search of somebody's touch is held on the thread where records are read. */
static void
hold_search(void)
{
	const struct ulid probe = { { 0x70, 1 } };
	struct json_out *o = json_out_new(256);
	char text[ULID_TEXT_BYTES];

	*probes_put(kit.service->probes, probe, clock_mono_ms()) = prints[MEMBER];
	hold_kit_next(HOLD_UNTIL_TOLD, NULL);
	json_open_object(o, NULL);
	ulid_text(text, probe);
	json_cstr(o, "probe", text);
	json_close(o);
	ck_assert_int_eq(rpc_notify(kit.laned, "bio.identify", o), 0);
	json_out_free(o);
	settle();
	hold_kit_wait_begun();
}

START_TEST(a_record_is_read_while_the_loop_goes_on)
{
	struct answer record, other, import;

	start();
	put_record("in.fmr", NEWCOMER);
	put_record("more.fmr", NEWCOMER);
	hold_search();
	request("bio.record", NEWCOMER, "in.fmr", &record);
	settle();
	ck_assert_uint_eq(record.count, 0); /* it waits for its turn, and nobody for it */
	request("bio.import", NEWCOMER, "more.fmr", &other);
	wait_for(&other);
	ck_assert_int_eq(other.error, RPC_REFUSED); /* one at a time */
	hold_kit_let_go();
	wait_for(&record);
	ck_assert_int_eq(record.error, 0);
	ck_assert_uint_eq(record.fingers, 1);
	ck_assert(!is_enrolled(NEWCOMER)); /* it was shown only */
	request("bio.import", NEWCOMER, "more.fmr", &import);
	wait_for(&import);
	ck_assert_int_eq(import.references, 1);
	ck_assert(is_enrolled(NEWCOMER));
	finish();
}
END_TEST

START_TEST(who_is_erased_while_a_record_waits_to_be_read_stays_erased)
{
	struct answer import, erase;

	start();
	put_record("in.fmr", NEWCOMER);
	hold_search();
	request("bio.import", NEWCOMER, "in.fmr", &import);
	request("bio.erase", NEWCOMER, NULL, &erase);
	settle();
	ck_assert_uint_eq(import.count, 0);
	hold_kit_let_go();
	wait_for(&import);
	ck_assert(import.fault);
	wait_for(&erase);
	ck_assert(!is_enrolled(NEWCOMER));
	finish();
}
END_TEST

START_TEST(a_service_that_ends_while_a_record_waits_answers_nothing_wrong)
{
	struct answer import;

	start();
	put_record("in.fmr", NEWCOMER);
	hold_search();
	request("bio.import", NEWCOMER, "in.fmr", &import);
	settle();
	hold_kit_let_go();
	kit.service = service_free(kit.service);
	for (int i = 0; i < ROUNDS_MAX && import.count < 1; i++)
		ck_assert_int_eq(loop_once(kit.loop, 100), 0);
	ck_assert_int_ne(import.error, 0);
	finish();
}
END_TEST

START_TEST(a_record_that_is_none_is_refused)
{
	struct answer record;

	start();
	tempdir_write(folder, "junk.fmr", "FMR", 4);
	request("bio.record", NEWCOMER, "junk.fmr", &record);
	wait_for(&record);
	ck_assert(record.fault);
	put_record("in.fmr", NEWCOMER); /* and nothing is left of it */
	request("bio.record", NEWCOMER, "in.fmr", &record);
	wait_for(&record);
	ck_assert(!record.fault);
	ck_assert_uint_eq(record.fingers, 1);
	finish();
}
END_TEST

/* In profile eu: what the store alone cannot open is exported while the member's claim stands. */
START_TEST(what_a_claim_seals_is_exported_under_it)
{
	const struct store_consent consent = { .text_version = "v1",
					       .language = "en",
					       .purposes = PURPOSE_IDENTIFY,
					       .retention_days = 365,
					       .time_ms = clock_wall_ms() };
	const struct store_claims claims = { .claim = { { 7 } }, .count = 1 };
	const struct finger_features *print = &prints[MEMBER];
	static uint8_t packed[REFERENCE_BYTES_MAX];
	struct store_reference r = { .finger = 2, .data = packed };
	const struct store_enrolled list = { &r, 1 };
	struct answer export;
	struct store *store;

	service_kit_start(&kit, "[privacy]\nprofile = eu\n", &hooks);
	(void)snprintf(folder, sizeof(folder), "%s/transfer", kit.dir); /* fits */
	store = kit.service->store;
	ck_assert_int_eq(reference_make(&print, 1, packed, &r.bytes), 0);
	ck_assert_int_eq(
		store_enrol_claimed(store, subject_of(MEMBER), &consent, &claims, &list),
		0);
	store_lock(store);
	request_export(MEMBER, &export);
	wait_for(&export);
	ck_assert_int_eq(export.error, RPC_REFUSED);
	ck_assert_msg(strstr(export.message, "claim") != NULL, "%s", export.message);
	ck_assert_int_eq(store_unlock(store, subject_of(MEMBER), claims.claim[0]), 0);
	request_export(MEMBER, &export);
	wait_for(&export);
	ck_assert_int_eq(export.error, 0);
	ck_assert_uint_eq(export.fingers, 1);
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
	kit.service = service_free(kit.service);
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
		a_record_is_read_while_the_loop_goes_on,
		who_is_erased_while_a_record_waits_to_be_read_stays_erased,
		a_service_that_ends_while_a_record_waits_answers_nothing_wrong,
		a_record_that_is_none_is_refused,
		what_a_claim_seals_is_exported_under_it,
		a_record_that_nobody_fetched_goes_when_somebody_is_erased,
		a_record_that_nobody_fetched_goes_at_the_end,
	};

	extract_all();
	return unit_run("service_transfer", list_of_tests,
			sizeof(list_of_tests) / sizeof(list_of_tests[0]));
}
