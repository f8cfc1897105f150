/*
 * Searches beside the loop: a whole service over a real gallery.db and laned's end of its socket. The
 * gallery's source can be held where a search fetches a reference, so that whatever happens
 * meanwhile happens for certain.
 */
#include "bio/service_judge.h"
#include "bio/service_search.h"

#include "base/clock.h"
#include "bio/store_record.h"
#include "hold_kit.h"
#include "service_kit.h"
#include "synth/synth.h"
#include "unit.h"

#define MEMBERS 2u
#define PEOPLE 3u /* the last one is no member */
#define IMPRESSIONS 3u
#define PIXELS (SYNTH_WIDTH * SYNTH_HEIGHT)
#define SEED UINT64_C(920000)
#define IDENTIFIED_MAX 16u
/* Rounds a test waits at most; each waits for an event, so that none is a time limit. */
#define ROUNDS_MAX 5000

/* Touches of people's fingers, made once before the tests are forked. */
static struct finger_features prints[PEOPLE][IMPRESSIONS];
static uint8_t pictures[PEOPLE][IMPRESSIONS][PIXELS];

static struct service_kit kit;

/* ---- laned's end --------------------------------------------------------------- */

static struct {
	struct rpc_peer *peer;
	unsigned hellos, touches, identified, progress;
	char probe[ULID_TEXT_BYTES]; /* of the last touch */
	struct {
		struct ulid probe, subject;
		char outcome[16];
		int64_t wait_s;
	} list[IDENTIFIED_MAX];            /* bio.identified */
	char outcomes[IDENTIFIED_MAX][16]; /* enrol.progress */
} told;

static struct ulid
read_ulid(const struct value *params, const char *name)
{
	struct ulid id = { { 0 } };
	struct str text;

	if (value_get_str(params, name, ULID_TEXT_BYTES, &text) == 0)
		ck_assert_int_eq(ulid_parse(text, &id), 0);
	return id;
}

static void
read_text(const struct value *params, const char *name, char *buf, size_t bytes)
{
	struct str text;

	ck_assert_int_eq(value_get_str(params, name, bytes - 1, &text), 0);
	ck_assert_int_eq(str_copy(buf, bytes, text), 0);
}

static void
on_hello(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	 const struct value *params)
{
	(void)ctx;
	(void)peer;
	(void)params;
	told.hellos++;
	rpc_reply(call, NULL);
}

static void
on_state(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	 const struct value *params)
{
	(void)ctx;
	(void)peer;
	(void)call;
	(void)params;
}

static void
on_touch(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	 const struct value *params)
{
	(void)ctx;
	(void)peer;
	(void)call;
	read_text(params, "probe", told.probe, sizeof(told.probe));
	told.touches++;
}

static void
on_identified(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	      const struct value *params)
{
	unsigned i = told.identified++;

	(void)ctx;
	(void)peer;
	(void)call;
	ck_assert_uint_lt(i, IDENTIFIED_MAX);
	told.list[i].probe = read_ulid(params, "probe");
	told.list[i].subject = read_ulid(params, "subject");
	read_text(params, "outcome", told.list[i].outcome, sizeof(told.list[i].outcome));
	(void)value_get_int(params, "wait_s", 0, 1000, &told.list[i].wait_s); /* or 0 */
}

static void
on_progress(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	    const struct value *params)
{
	unsigned i = told.progress++;

	(void)ctx;
	(void)peer;
	(void)call;
	ck_assert_uint_lt(i, IDENTIFIED_MAX);
	read_text(params, "outcome", told.outcomes[i], sizeof(told.outcomes[i]));
}

static const struct rpc_method laned_methods[] = {
	{ "bio.hello", UINT32_MAX, 0, on_hello },
	{ "bio.state", UINT32_MAX, 0, on_state },
	{ "bio.touch", UINT32_MAX, 0, on_touch },
	{ "bio.identified", UINT32_MAX, 0, on_identified },
	{ "enrol.progress", UINT32_MAX, 0, on_progress },
};

static void
on_closed(void *ctx, struct rpc_peer *peer, int err)
{
	(void)ctx;
	(void)peer;
	(void)err;
	told.peer = NULL;
}

static const struct rpc_hooks laned_hooks = { .methods = laned_methods,
					      .methods_count = 5,
					      .closed = on_closed };

/* One request's answer. */
struct answer {
	unsigned count;
	int error; /* its code, or 0 */
	char outcome[16];
	struct ulid subject;
	int64_t references;
};

static void
on_answer(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct answer *a = ctx;
	struct str text;

	a->count++;
	a->error = error != NULL ? error->code : 0;
	if (result == NULL)
		return;
	a->subject = read_ulid(result, "subject");
	if (value_get_str(result, "outcome", sizeof(a->outcome) - 1, &text) == 0)
		ck_assert_int_eq(str_copy(a->outcome, sizeof(a->outcome), text), 0);
	(void)value_get_int(result, "references", 0, 1000, &a->references); /* or 0 */
}

/* {name: id}, and with others {subjects: [others]}. */
static struct json_out *
message_of(const char *name, struct ulid id, const struct ulid *others, size_t count)
{
	struct json_out *o = json_out_new(4096);
	char text[ULID_TEXT_BYTES];

	json_open_object(o, NULL);
	ulid_text(text, id);
	json_cstr(o, name, text);
	if (others != NULL) {
		json_open_array(o, "subjects");
		for (size_t i = 0; i < count; i++) {
			ulid_text(text, others[i]);
			json_cstr(o, NULL, text);
		}
		json_close(o);
	}
	return o;
}

/* Takes params, an open object. */
static void
request(const char *method, struct json_out *params, struct answer *a)
{
	json_close(params);
	*a = (struct answer){ 0 };
	ck_assert_int_eq(rpc_request(told.peer, method, params, 0, on_answer, a), 0);
	json_out_free(params);
}

static void
request_about(const char *method, const char *name, struct ulid id, struct answer *a)
{
	request(method, message_of(name, id, NULL, 0), a);
}

static void
notify_about(const char *method, struct ulid probe)
{
	struct json_out *o = message_of("probe", probe, NULL, 0);

	json_close(o);
	ck_assert_int_eq(rpc_notify(told.peer, method, o), 0);
	json_out_free(o);
}

static void
wait_for(const unsigned *counter, unsigned n)
{
	for (int i = 0; i < ROUNDS_MAX && *counter < n; i++)
		ck_assert_int_eq(loop_once(kit.loop, 100), 0);
	ck_assert_uint_eq(*counter, n);
}

/* Whatever was sent before has been handled; and so is what comes now, whatever is held. */
static void
settle(void)
{
	struct answer a;
	struct json_out *o = json_out_new(64);

	json_open_object(o, NULL);
	request("bio.status", o, &a);
	wait_for(&a.count, 1);
	ck_assert_int_eq(a.error, 0);
}

/* ---- the service --------------------------------------------------------------- */

static void
extract_all(void)
{
	for (unsigned p = 0; p < PEOPLE; p++)
		service_kit_prints(SEED + p, IMPRESSIONS, pictures[p][0], prints[p]);
}

static struct ulid
subject_of(unsigned person)
{
	return (struct ulid){ { (uint8_t)(person + 1) } };
}

static struct ulid
probe_of(unsigned n)
{
	return (struct ulid){ { 0x70, (uint8_t)(n + 1) } };
}

static void
enrol_member(unsigned person)
{
	service_kit_enrol(&kit, subject_of(person), &prints[person][0]);
}

static void
start(const char *more)
{
	memset(&told, 0, sizeof(told));
	service_kit_start(&kit, more, &laned_hooks);
	told.peer = kit.laned;
	wait_for(&told.hellos, 1);
	for (unsigned p = 0; p < MEMBERS; p++)
		enrol_member(p);
}

#define PLAIN "[privacy]\nprofile = us_other\n[bio]\n"

static void
finish(void)
{
	kit.laned = told.peer;
	service_kit_finish(&kit);
}

static void
put_probe(unsigned n, const struct finger_features *f)
{
	*probes_put(kit.service->probes, probe_of(n), clock_mono_ms()) = *f;
}

/* A search for this probe is held. */
static void
hold_identify(unsigned n, const struct finger_features *f, enum hold_kit how)
{
	put_probe(n, f);
	hold_kit_next(how, kit.service->ask_search);
	notify_about("bio.identify", probe_of(n));
	settle();
	hold_kit_wait_begun();
	ck_assert_uint_eq(told.identified, 0);
}

static uint64_t
decisions(enum record_kind kind)
{
	struct store_summary sum;
	uint64_t n = 0;

	ck_assert_int_eq(store_summary(kit.service->store, 0, &sum), 0);
	for (int why = 0; why < DECIDE_WHYS; why++)
		n += sum.decisions[kind][why];
	return n;
}

/* ---- a reader ------------------------------------------------------------------ */

static struct reader *
close_reader(struct reader *r)
{
	(void)r;
	return NULL;
}

static const struct reader_driver fake_driver = { .name = "fake", .close = close_reader };
static struct reader reader;

static void
seat_new(void)
{
	struct seat *seat = &kit.service->seats[0];

	*seat = (struct seat){ .service = kit.service,
			       .driver = &fake_driver,
			       .reader = &reader };
	seat->options.name = "front";
	seat->view = secret_region_new(sizeof(*seat->view));
	ck_assert_ptr_nonnull(seat->view);
	reader = (struct reader){ .driver = &fake_driver,
				  .options = &seat->options,
				  .events = service_touch_events,
				  .state = READER_READY,
				  .since_wall_ms = 1 };
	reader.events.ctx = seat;
	kit.service->seats_count = 1;
	service_touch_opened(seat);
	seat->view->capture.ready_ms -= CAPTURE_START_MS;
}

/* A finger is laid down, seen and lifted. */
static void
touch_reader(const uint8_t *grey)
{
	struct sample *s = NULL;

	ck_assert_int_eq(sample_new(SYNTH_WIDTH, SYNTH_HEIGHT, SYNTH_DPI, &s), 0);
	memcpy(s->grey, grey, PIXELS);
	reader_set_state(&reader, READER_CAPTURING);
	reader.events.touched(reader.events.ctx, &reader);
	(void)reader.events.sample(reader.events.ctx, &reader, s);
	reader.events.lifted(reader.events.ctx, &reader);
	reader_set_state(&reader, READER_READY);
}

/* ---- questions ----------------------------------------------------------------- */

START_TEST(a_frame_that_comes_during_a_search_does_not_wait_for_it)
{
	start(PLAIN);
	seat_new();
	hold_identify(0, &prints[0][1], HOLD_UNTIL_TOLD);
	touch_reader(pictures[2][0]);
	wait_for(&told.touches, 1); /* read, and told */
	settle();
	ck_assert_uint_eq(told.identified, 0); /* and that one is still searched for */
	hold_kit_let_go();
	wait_for(&told.identified, 1);
	ck_assert_str_eq(told.list[0].outcome, "accept");
	ck_assert(ulid_eq(told.list[0].subject, subject_of(0)));
	finish();
}
END_TEST

START_TEST(questions_are_answered_and_written_down_in_the_order_they_came)
{
	const struct ulid both[] = { subject_of(0), subject_of(1) };
	struct answer verify, decide;

	start(PLAIN);
	put_probe(1, &prints[1][1]);
	put_probe(2, &prints[2][1]);
	hold_identify(0, &prints[0][1], HOLD_UNTIL_TOLD);
	request("bio.verify", message_of("probe", probe_of(1), &both[1], 1), &verify);
	request("bio.decide", message_of("probe", probe_of(0), both, 2), &decide);
	notify_about("bio.identify", probe_of(2));
	settle();
	ck_assert_uint_eq(verify.count + decide.count + told.identified, 0);
	ck_assert_uint_eq(decisions(RECORD_IDENTIFY) + decisions(RECORD_VERIFY), 0);
	hold_kit_let_go();
	wait_for(&told.identified, 2);
	ck_assert_uint_eq(verify.count, 1);
	ck_assert_uint_eq(decide.count, 1);
	ck_assert(ulid_eq(told.list[0].probe, probe_of(0)));
	ck_assert_str_eq(told.list[0].outcome, "accept");
	ck_assert_str_eq(verify.outcome, "accept");
	ck_assert(ulid_eq(verify.subject, subject_of(1)));
	ck_assert_str_eq(decide.outcome, "accept");
	ck_assert(ulid_eq(decide.subject, subject_of(0)));
	ck_assert(ulid_eq(told.list[1].probe, probe_of(2)));
	ck_assert_str_ne(told.list[1].outcome, "accept");
	ck_assert_uint_eq(decisions(RECORD_IDENTIFY), 2);
	ck_assert_uint_eq(decisions(RECORD_VERIFY), 1);
	ck_assert_uint_eq(decisions(RECORD_DECIDE), 1);
	finish();
}
END_TEST

START_TEST(a_question_too_many_is_told_to_come_again)
{
	struct answer verify;
	struct ulid subject = subject_of(0);

	start(PLAIN);
	hold_identify(0, &prints[0][1], HOLD_UNTIL_TOLD);
	for (unsigned i = 1; i < PROBES_MAX; i++)
		notify_about("bio.identify", probe_of(0));
	settle();
	ck_assert_uint_eq(told.identified, 0);
	notify_about("bio.identify", probe_of(0));
	request("bio.verify", message_of("probe", probe_of(0), &subject, 1), &verify);
	settle();
	ck_assert_uint_eq(told.identified, 1);
	ck_assert_str_eq(told.list[0].outcome, "retry");
	ck_assert_uint_eq(verify.count, 1);
	ck_assert_str_eq(verify.outcome, "retry");
	hold_kit_let_go();
	wait_for(&told.identified, 1 + PROBES_MAX);
	for (unsigned i = 1; i <= PROBES_MAX; i++)
		ck_assert_str_eq(told.list[i].outcome, "accept");
	ck_assert_uint_eq(decisions(RECORD_IDENTIFY), PROBES_MAX);
	ck_assert_uint_eq(decisions(RECORD_VERIFY), 0);
	finish();
}
END_TEST

/* The back-off comes after GUARD_FREE failures, also when all were asked for before the first. */
START_TEST(a_question_that_waited_knows_of_the_failures_before_it)
{
	start("[privacy]\nprofile = us_other\n[bio]\nguard = on\n");
	for (unsigned i = 1; i < PROBES_MAX; i++)
		put_probe(i, &prints[2][1]);
	hold_identify(0, &prints[2][1], HOLD_UNTIL_TOLD);
	for (unsigned i = 1; i < PROBES_MAX; i++)
		notify_about("bio.identify", probe_of(i));
	settle();
	hold_kit_let_go();
	wait_for(&told.identified, PROBES_MAX);
	for (unsigned i = 0; i < PROBES_MAX; i++) {
		bool compared = i <= GUARD_FREE;

		ck_assert_str_eq(told.list[i].outcome, compared ? "reject" : "retry");
		ck_assert_int_eq(told.list[i].wait_s > 0, !compared);
	}
	finish();
}
END_TEST

START_TEST(a_search_of_less_than_all_that_finds_nobody_is_a_failure)
{
	start("[privacy]\nprofile = us_other\n[bio]\nguard = on\n");
	kit.service->searchable = false; /* as without room for all */
	for (unsigned i = 0; i < GUARD_FREE + 2; i++) {
		put_probe(i, &prints[2][1]);
		notify_about("bio.identify", probe_of(i));
		wait_for(&told.identified, i + 1);
	}
	for (unsigned i = 0; i < GUARD_FREE + 2; i++) {
		bool compared = i <= GUARD_FREE;

		ck_assert_str_eq(told.list[i].outcome, compared ? "ambiguous" : "retry");
		ck_assert_int_eq(told.list[i].wait_s > 0, !compared);
	}
	finish();
}
END_TEST

/* ---- what ends a search --------------------------------------------------------- */

START_TEST(a_probe_that_is_dropped_ends_its_search)
{
	struct answer verify;
	struct ulid subject = subject_of(1);

	start(PLAIN);
	put_probe(1, &prints[1][1]);
	hold_identify(0, &prints[0][1], HOLD_UNTIL_CANCELLED);
	request("bio.verify", message_of("probe", probe_of(1), &subject, 1), &verify);
	settle();
	notify_about("bio.drop", probe_of(1)); /* waits: nothing to end */
	settle();
	ck_assert_uint_eq(told.identified, 0);
	notify_about("bio.drop", probe_of(0));
	wait_for(&told.identified, 1);
	ck_assert_str_eq(told.list[0].outcome, "retry");
	wait_for(&verify.count, 1);
	ck_assert_str_eq(verify.outcome, "retry");
	finish();
}
END_TEST

/* An errand behind a search: when its work is done the search has ended, and was not told yet. */
static void
mark(struct errand *e)
{
	(void)e;
	hold_kit_tell_begun();
}

static void
marked(struct errand *e)
{
	(void)e;
}

static void
wait_ended(struct errand *marker)
{
	*marker = (struct errand){ .work = mark, .done = marked, .class = ERRAND_URGENT };
	errands_post(kit.service->errands, marker);
	hold_kit_let_go();
	hold_kit_wait_begun();
}

START_TEST(one_that_is_dropped_when_its_search_has_just_ended_is_not_accepted)
{
	struct errand marker;

	start(PLAIN);
	hold_identify(0, &prints[0][1], HOLD_UNTIL_TOLD);
	wait_ended(&marker);
	probes_drop(kit.service->probes, probe_of(0));
	service_ask_follow(kit.service);
	wait_for(&told.identified, 1);
	ck_assert_str_eq(told.list[0].outcome, "retry");
	finish();
}
END_TEST

START_TEST(so_does_one_that_gives_way_to_newer_ones)
{
	start(PLAIN);
	seat_new();
	hold_identify(0, &prints[0][1], HOLD_UNTIL_CANCELLED);
	for (unsigned i = 1; i < PROBES_MAX; i++)
		put_probe(i, &prints[2][1]);
	touch_reader(pictures[2][0]);
	wait_for(&told.identified, 1);
	ck_assert_str_eq(told.list[0].outcome, "retry");
	ck_assert_uint_eq(told.touches, 1);
	finish();
}
END_TEST

START_TEST(when_laned_goes_nothing_is_answered_or_written_down)
{
	struct answer verify = { 0 };
	struct ulid subject = subject_of(1);

	start(PLAIN);
	put_probe(1, &prints[1][1]);
	hold_identify(0, &prints[0][1], HOLD_UNTIL_CANCELLED);
	request("bio.verify", message_of("probe", probe_of(1), &subject, 1), &verify);
	settle();
	told.peer = rpc_peer_free(told.peer);
	for (int i = 0; i < ROUNDS_MAX && service_search_runs(kit.service->ask_search);
	     i++)
		ck_assert_int_eq(loop_once(kit.loop, 100), 0);
	ck_assert(!service_search_runs(kit.service->ask_search));
	ck_assert_int_eq(verify.error, RPC_GONE);
	ck_assert_uint_eq(told.identified, 0);
	ck_assert_uint_eq(decisions(RECORD_IDENTIFY) + decisions(RECORD_VERIFY), 0);
	finish();
}
END_TEST

START_TEST(free_ends_a_search_and_answers_nothing)
{
	struct answer verify, erase;
	struct ulid subject = subject_of(1);

	start(PLAIN);
	put_probe(1, &prints[1][1]);
	hold_identify(0, &prints[0][1], HOLD_UNTIL_CANCELLED);
	request("bio.verify", message_of("probe", probe_of(1), &subject, 1), &verify);
	request_about("bio.erase", "subject", subject, &erase);
	settle();
	kit.service = service_free(kit.service);
	for (int i = 0; i < ROUNDS_MAX && told.peer != NULL; i++)
		ck_assert_int_eq(loop_once(kit.loop, 100), 0);
	ck_assert_uint_eq(told.identified, 0);
	ck_assert_int_eq(verify.error, RPC_GONE);
	ck_assert_int_eq(erase.error, RPC_GONE);
	finish();
}
END_TEST

/* ---- what changes meanwhile ------------------------------------------------------ */

START_TEST(whoever_is_erased_during_a_search_is_not_accepted)
{
	const struct ulid both[] = { subject_of(0), subject_of(1) };
	struct answer erase, verify, again;

	start(PLAIN);
	hold_identify(0, &prints[0][1], HOLD_UNTIL_TOLD);
	request("bio.verify", message_of("probe", probe_of(0), both, 2), &verify);
	request_about("bio.erase", "subject", subject_of(0), &erase);
	settle();
	ck_assert_uint_eq(erase.count, 0); /* until memory, too, has forgotten */
	hold_kit_let_go();
	wait_for(&told.identified, 1);
	ck_assert_str_ne(told.list[0].outcome, "accept");
	wait_for(&erase.count, 1);
	ck_assert_int_eq(erase.error, 0);
	ck_assert_int_eq(erase.references, 1);
	wait_for(&verify.count, 1);
	ck_assert_str_ne(verify.outcome, "accept");
	ck_assert_uint_eq(gallery_stats(kit.service->gallery).references, 1);
	put_probe(1, &prints[1][1]); /* the other one is as before */
	request("bio.verify", message_of("probe", probe_of(1), both, 2), &verify);
	request_about("bio.erase", "subject", subject_of(0), &again);
	wait_for(&again.count, 1);
	ck_assert_str_eq(verify.outcome, "accept");
	ck_assert_int_eq(again.error, RPC_NOT_FOUND);
	finish();
}
END_TEST

/* Between two searches: no fetch of the first one is held any more, one of the second is. */
static void
hold_again(struct errand *e)
{
	(void)e;
	hold_kit_next(HOLD_UNTIL_TOLD, NULL);
}

/* More are erased than are remembered: the search begins again, and finds who is left. */
START_TEST(after_many_erasures_a_search_begins_again)
{
	static struct answer erase[ERASED_KEPT + 1];
	struct errand between = { .work = hold_again,
				  .done = marked,
				  .class = ERRAND_URGENT };

	start(PLAIN);
	hold_identify(0, &prints[1][1], HOLD_UNTIL_TOLD);
	for (unsigned i = 0; i <= ERASED_KEPT; i++)
		request_about("bio.erase", "subject",
			      (struct ulid){ { 0x55, (uint8_t)i } }, &erase[i]);
	settle();
	ck_assert_uint_eq(erase[0].count, 0);
	errands_post(kit.service->errands, &between);
	hold_kit_let_go();
	wait_for(&erase[ERASED_KEPT].count, 1);
	hold_kit_wait_begun();
	settle();
	ck_assert_uint_eq(told.identified, 0);
	hold_kit_let_go();
	wait_for(&told.identified, 1);
	ck_assert_str_eq(told.list[0].outcome, "accept");
	ck_assert(ulid_eq(told.list[0].subject, subject_of(1)));
	ck_assert_uint_eq(decisions(RECORD_IDENTIFY), 1);
	finish();
}
END_TEST

/* {subjects: [subject], timeout_ms} */
static void
request_arm(struct ulid subject, struct answer *a)
{
	struct json_out *o = json_out_new(4096);
	char text[ULID_TEXT_BYTES];

	ulid_text(text, subject);
	json_open_object(o, NULL);
	json_open_array(o, "subjects");
	json_cstr(o, NULL, text);
	json_close(o);
	json_int(o, "timeout_ms", 600000);
	request("bio.arm", o, a);
	wait_for(&a->count, 1);
	ck_assert_int_eq(a->error, 0);
}

/* The claim is withdrawn: its probes are forgotten, and what is compared with them. */
START_TEST(a_claim_that_is_withdrawn_during_a_comparison_accepts_nobody)
{
	struct ulid subject = subject_of(0);
	struct answer arm, disarm, verify;
	struct json_out *o;

	start("[privacy]\nprofile = us_strict\n");
	request_arm(subject, &arm);
	put_probe(0, &prints[0][1]);
	request("bio.verify", message_of("probe", probe_of(0), &subject, 1), &verify);
	wait_for(&verify.count, 1);
	ck_assert_str_eq(verify.outcome, "accept");
	hold_kit_next(HOLD_UNTIL_CANCELLED, kit.service->ask_search);
	request("bio.verify", message_of("probe", probe_of(0), &subject, 1), &verify);
	settle();
	hold_kit_wait_begun();
	o = json_out_new(64);
	json_open_object(o, NULL);
	request("bio.disarm", o, &disarm);
	wait_for(&verify.count, 1);
	ck_assert_str_eq(verify.outcome, "retry");
	finish();
}
END_TEST

/* ---- enrolment ------------------------------------------------------------------- */

static struct ulid
session_of(unsigned n)
{
	return (struct ulid){ { 0x53, (uint8_t)(n + 1) } };
}

static void
begin_session(unsigned n, struct ulid subject)
{
	struct json_out *o = json_out_new(4096);
	struct answer a;
	char text[ULID_TEXT_BYTES], hash[65];

	memset(hash, 'a', 64);
	hash[64] = '\0';
	json_open_object(o, NULL);
	ulid_text(text, session_of(n));
	json_cstr(o, "session", text);
	ulid_text(text, subject);
	json_cstr(o, "subject", text);
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
	request("enrol.begin", o, &a);
	wait_for(&a.count, 1);
	ck_assert_int_eq(a.error, 0);
}

/* The search for the first impression of the session is held. */
static void
hold_impression(const uint8_t *grey, enum hold_kit how)
{
	hold_kit_next(how, kit.service->enrol_search);
	touch_reader(grey);
	settle();
	hold_kit_wait_begun();
	ck_assert_uint_eq(told.progress, 0);
}

START_TEST(an_impression_that_comes_during_the_duplicate_search_waits_for_it)
{
	start(PLAIN);
	seat_new();
	begin_session(0, subject_of(2));
	hold_impression(pictures[2][0], HOLD_UNTIL_TOLD);
	touch_reader(pictures[2][1]);
	settle();
	ck_assert_uint_eq(told.progress, 0);
	touch_reader(pictures[2][2]); /* one is enough */
	wait_for(&told.progress, 1);
	ck_assert_str_eq(told.outcomes[0], "retry");
	hold_kit_let_go();
	wait_for(&told.progress, 3);
	ck_assert_str_eq(told.outcomes[1], "taken");
	ck_assert_str_eq(told.outcomes[2], "taken");
	finish();
}
END_TEST

START_TEST(a_duplicate_is_told_when_it_is_found)
{
	start(PLAIN);
	seat_new();
	begin_session(0, subject_of(2));
	hold_impression(pictures[1][1], HOLD_UNTIL_TOLD);
	hold_kit_let_go();
	wait_for(&told.progress, 1);
	ck_assert_str_eq(told.outcomes[0], "duplicate");
	finish();
}
END_TEST

START_TEST(who_is_erased_during_the_search_is_nobody_s_duplicate)
{
	struct answer erase;

	start(PLAIN);
	seat_new();
	begin_session(0, subject_of(2));
	hold_impression(pictures[1][1], HOLD_UNTIL_TOLD);
	request_about("bio.erase", "subject", subject_of(1), &erase);
	settle();
	hold_kit_let_go();
	wait_for(&told.progress, 1);
	ck_assert_str_eq(told.outcomes[0], "taken");
	finish();
}
END_TEST

START_TEST(a_session_that_is_cancelled_takes_its_search_along)
{
	struct answer cancel;

	start(PLAIN);
	seat_new();
	begin_session(0, subject_of(2));
	hold_impression(pictures[1][1], HOLD_UNTIL_CANCELLED); /* a duplicate */
	request_about("enrol.cancel", "session", session_of(0), &cancel);
	settle();
	ck_assert_uint_eq(cancel.count, 1);
	begin_session(1, subject_of(2));
	touch_reader(pictures[2][0]);
	wait_for(&told.progress, 1);
	ck_assert_str_eq(told.outcomes[0],
			 "taken"); /* what was found there is forgotten */
	settle();
	ck_assert_uint_eq(told.progress, 1);
	finish();
}
END_TEST

/* The same id again, though laned never gives one twice: what was found is of the session before. */
START_TEST(what_a_session_found_is_not_the_next_one_s)
{
	struct answer cancel;
	struct errand marker;

	start(PLAIN);
	seat_new();
	begin_session(0, subject_of(2));
	hold_impression(pictures[2][0], HOLD_UNTIL_TOLD);
	request_about("enrol.cancel", "session", session_of(0), &cancel);
	settle();
	begin_session(0, subject_of(2));
	touch_reader(pictures[1][1]); /* waits for the search before */
	settle();
	ck_assert_uint_eq(told.progress, 0);
	wait_ended(&marker);
	wait_for(&told.progress, 1);
	ck_assert_str_eq(told.outcomes[0], "duplicate");
	finish();
}
END_TEST

START_TEST(what_is_committed_during_a_search_is_found_after_it)
{
	struct answer commit, erase;

	start(PLAIN "enrol_fingers = 1\nenrol_impressions = 1\n");
	seat_new();
	begin_session(0, subject_of(2));
	touch_reader(pictures[2][0]);
	wait_for(&told.progress, 1);
	ck_assert_str_eq(told.outcomes[0], "complete");
	put_probe(1, &prints[2][1]);
	hold_identify(0, &prints[2][1], HOLD_UNTIL_TOLD);
	request_about("enrol.commit", "session", session_of(0), &commit);
	settle();
	ck_assert_uint_eq(commit.count, 0);
	notify_about("bio.identify", probe_of(1));
	settle();
	hold_kit_let_go();
	wait_for(&told.identified, 2);
	ck_assert_str_ne(told.list[0].outcome, "accept");
	ck_assert_str_eq(told.list[1].outcome, "accept");
	ck_assert(ulid_eq(told.list[1].subject, subject_of(2)));
	ck_assert_uint_eq(commit.count, 1);
	ck_assert_int_eq(commit.references, 1);
	request_about("bio.erase", "subject", subject_of(2), &erase);
	wait_for(&erase.count, 1);
	ck_assert_int_eq(erase.references, 1);
	ck_assert_uint_eq(gallery_stats(kit.service->gallery).references, MEMBERS);
	finish();
}
END_TEST

int
main(void)
{
	const TTest *const list_of_tests[] = {
		a_frame_that_comes_during_a_search_does_not_wait_for_it,
		questions_are_answered_and_written_down_in_the_order_they_came,
		a_question_too_many_is_told_to_come_again,
		a_question_that_waited_knows_of_the_failures_before_it,
		a_search_of_less_than_all_that_finds_nobody_is_a_failure,
		a_probe_that_is_dropped_ends_its_search,
		one_that_is_dropped_when_its_search_has_just_ended_is_not_accepted,
		so_does_one_that_gives_way_to_newer_ones,
		when_laned_goes_nothing_is_answered_or_written_down,
		free_ends_a_search_and_answers_nothing,
		whoever_is_erased_during_a_search_is_not_accepted,
		after_many_erasures_a_search_begins_again,
		a_claim_that_is_withdrawn_during_a_comparison_accepts_nobody,
		an_impression_that_comes_during_the_duplicate_search_waits_for_it,
		a_duplicate_is_told_when_it_is_found,
		who_is_erased_during_the_search_is_nobody_s_duplicate,
		a_session_that_is_cancelled_takes_its_search_along,
		what_a_session_found_is_not_the_next_one_s,
		what_is_committed_during_a_search_is_found_after_it,
	};

	extract_all();
	return unit_run("service_ask", list_of_tests,
			sizeof(list_of_tests) / sizeof(list_of_tests[0]));
}
