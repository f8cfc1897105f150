/* Presentations in the service: readers that are scripts, real frames and time, and laned's end. */
#include "bio/service_private.h"

#include "base/clock.h"
#include "glass_kit.h"
#include "synth/drawer.h"
#include "synth/synth.h"
#include "unit.h"

#include <sys/socket.h>

#define PIXELS (SYNTH_WIDTH * SYNTH_HEIGHT)
/* Rounds a test waits at most; each waits for an event, so that none is a time limit. */
#define ROUNDS_MAX 5000

static const struct reader_driver fake_driver = { .name = "fake" };

static struct service service;
static struct drawer *drawer;
static struct reader readers[2];
static uint8_t good[PIXELS], fair[PIXELS], other[PIXELS], blank[PIXELS];

/* What laned was told. */
static struct {
	struct rpc_peer *peer;
	unsigned touches, states, at_start;
	char probe[ULID_TEXT_BYTES], reader[16];
	char hint[32], pad[16];
	char state[2][16];
} told;

static void
on_touch(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	 const struct value *params)
{
	struct str text;
	bool at_start = false;

	(void)ctx;
	(void)peer;
	(void)call;
	told.touches++;
	ck_assert_int_eq(value_get_str(params, "probe", sizeof(told.probe) - 1, &text),
			 0);
	ck_assert_int_eq(str_copy(told.probe, sizeof(told.probe), text), 0);
	ck_assert_int_eq(value_get_str(params, "reader", sizeof(told.reader) - 1, &text),
			 0);
	ck_assert_int_eq(str_copy(told.reader, sizeof(told.reader), text), 0);
	if (value_get_bool(params, "at_start", &at_start) == 0 && at_start)
		told.at_start++;
	ck_assert_int_eq(value_get_str(params, "pad", sizeof(told.pad) - 1, &text), 0);
	ck_assert_int_eq(str_copy(told.pad, sizeof(told.pad), text), 0);
}

static void
on_state(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	 const struct value *params)
{
	struct str text = { "", 0 };
	const struct value *list, *v;
	unsigned i = 0;

	(void)ctx;
	(void)peer;
	(void)call;
	told.states++;
	(void)value_get_str(params, "hint", sizeof(told.hint) - 1, &text); /* or none */
	ck_assert_int_eq(str_copy(told.hint, sizeof(told.hint), text), 0);
	ck_assert_int_eq(value_get_array(params, "readers", &list), 0);
	for (v = list->first; v != NULL && i < 2; v = v->next, i++) {
		ck_assert_int_eq(
			value_get_str(v, "state", sizeof(told.state[i]) - 1, &text), 0);
		ck_assert_int_eq(str_copy(told.state[i], sizeof(told.state[i]), text), 0);
	}
}

static const struct rpc_method laned_methods[] = {
	{ "bio.touch", UINT32_MAX, 0, on_touch },
	{ "bio.state", UINT32_MAX, 0, on_state },
};
static const struct rpc_hooks laned_hooks = { .methods = laned_methods,
					      .methods_count = 2 };
static const struct rpc_hooks bio_hooks = { .methods = NULL };

static void
on_connected(void *ctx, struct rpc_peer *peer)
{
	(void)ctx;
	(void)peer;
}

/* ---- pictures --------------------------------------------------------------- */

static struct sample *
sample_of(const uint8_t *grey)
{
	struct sample *s = NULL;

	ck_assert_int_eq(sample_new(SYNTH_WIDTH, SYNTH_HEIGHT, SYNTH_DPI, &s), 0);
	memcpy(s->grey, grey, PIXELS);
	return s;
}

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static int
quality_of(struct finger_extractor *x, uint8_t *grey)
{
	static struct finger_features f;
	const struct sample s = { .width = SYNTH_WIDTH,
				  .height = SYNTH_HEIGHT,
				  .dpi = SYNTH_DPI,
				  .modality = MODALITY_FINGER,
				  .grey = grey };

	return finger_extract(x, &s, &f) < 0 ? -1 : f.quality;
}

/*
 * A good print, as much of it as makes a fair one, one of another finger, and none; once, before the
 * tests are forked.
 */
static void
make_pictures(void)
{
	struct finger_extractor *x = finger_extractor_new();
	struct synth_options o = synth_options_default();
	int quality = 100;

	require(x != NULL);
	o.difficulty = 0;
	require(synth_image(11, 0, &o, good) == 0);
	require(synth_image(12, 0, &o, other) == 0);
	memset(blank, 250, sizeof(blank));
	for (size_t rows = SYNTH_HEIGHT; quality >= (int)CAPTURE_QUALITY_GOOD;
	     rows -= 20) {
		memcpy(fair, blank, PIXELS);
		memcpy(fair, good, rows * SYNTH_WIDTH);
		quality = quality_of(x, fair);
	}
	require(quality_of(x, good) >= (int)CAPTURE_QUALITY_GOOD);
	require(quality_of(x, other) >= (int)CAPTURE_QUALITY_GOOD);
	require(quality >= 15);
	require(quality_of(x, blank) < 0);
	finger_extractor_free(x);
}

/* ---- the service ------------------------------------------------------------ */

static void
seat_new(size_t i, const char *name)
{
	struct seat *seat = &service.seats[i];

	*seat = (struct seat){ .service = &service,
			       .driver = &fake_driver,
			       .reader = &readers[i] };
	seat->options.name = name;
	seat->view = secret_region_new(sizeof(*seat->view));
	ck_assert_ptr_nonnull(seat->view);
	readers[i] = (struct reader){ .driver = &fake_driver,
				      .options = &seat->options,
				      .events = service_touch_events,
				      .state = READER_READY,
				      .since_wall_ms = 1 };
	readers[i].events.ctx = seat;
	service_touch_opened(seat);
	/* Long ago, unless a test is about it. */
	seat->view->capture.ready_ms -= CAPTURE_START_MS;
}

static void
start(void)
{
	int fds[2];
	struct rpc_client_options o = { .hooks = &bio_hooks, .connected = on_connected };

	memset(&service, 0, sizeof(service));
	memset(&told, 0, sizeof(told));
	ck_assert_int_eq(loop_new(&service.loop), 0);
	ck_assert_int_eq(errands_new(service.loop, &service.errands), 0);
	ck_assert_int_eq(service_ask_open(&service), 0);
	ck_assert_int_eq(service_enrol_open(&service), 0);
	service.extractor = finger_extractor_new();
	service.probes = probes_new();
	drawer = drawer_new();
	service.gallery = gallery_new(16, drawer_source(drawer));
	service.scratch = secret_region_new(sizeof(*service.scratch));
	service.out = json_out_new(MESSAGE_BYTES_MAX);
	service.policy.quality_min = 15;
	ck_assert_int_eq(loop_timer_new(service.loop, service_touch_due, &service,
					&service.seat_timer),
			 0);
	ck_assert_int_eq(loop_timer_new(service.loop, service_expire_probes, &service,
					&service.probe_timer),
			 0);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
		0);
	o.fd_first = fds[0];
	ck_assert_int_eq(rpc_client_new(service.loop, &o, &service.client), 0);
	ck_assert_int_eq(rpc_peer_new(service.loop, fds[1], 1, &laned_hooks, &told.peer),
			 0);
	for (int i = 0; i < ROUNDS_MAX && rpc_client_peer(service.client) == NULL; i++)
		ck_assert_int_eq(loop_once(service.loop, 10), 0);
	ck_assert_ptr_nonnull(rpc_client_peer(service.client));
	seat_new(0, "front");
	seat_new(1, "back");
	service.seats_count = 2;
}

static void
finish(void)
{
	service.errands = errands_free(service.errands);
	service.client = rpc_client_free(service.client);
	service_ask_close(&service);
	service_enrol_close(&service);
	told.peer = rpc_peer_free(told.peer);
	for (size_t i = 0; i < service.seats_count; i++)
		secret_region_free(service.seats[i].view, sizeof(struct seat_view));
	loop_timer_free(service.seat_timer);
	loop_timer_free(service.probe_timer);
	probes_free(service.probes);
	gallery_free(service.gallery);
	drawer = drawer_free(drawer);
	finger_extractor_free(service.extractor);
	secret_region_free(service.scratch, sizeof(*service.scratch));
	json_out_free(service.out);
	loop_free(service.loop);
}

/* ---- what a driver does ------------------------------------------------------ */

/* However slow the machine is, time is not up before the test says so. */
static void
touch_reader(size_t i)
{
	reader_set_state(&readers[i], READER_CAPTURING);
	readers[i].events.touched(readers[i].events.ctx, &readers[i]);
	service.seats[i].view->capture.limits.time_ms = 3600000;
	service_touch_arm(&service);
}

static void
time_is_up(size_t i)
{
	service.seats[i].view->capture.limits.time_ms = 0;
	service_touch_arm(&service);
}

static bool
frame(size_t i, const uint8_t *grey)
{
	return readers[i].events.sample(readers[i].events.ctx, &readers[i],
					sample_of(grey));
}

static void
lift(size_t i)
{
	readers[i].events.lifted(readers[i].events.ctx, &readers[i]);
	reader_set_state(&readers[i], READER_READY);
}

static void
wait_touches(unsigned n)
{
	for (int i = 0; i < ROUNDS_MAX && told.touches < n; i++)
		ck_assert_int_eq(loop_once(service.loop, 100), 0);
	ck_assert_uint_eq(told.touches, n);
}

/* Everything that was sent has come. */
static void
settle_messages(void)
{
	unsigned states = told.states;

	service_send_state(&service);
	for (int i = 0; i < ROUNDS_MAX && told.states == states; i++)
		ck_assert_int_eq(loop_once(service.loop, 100), 0);
	while (told.states > states) { /* until a round brings nothing */
		states = told.states;
		ck_assert_int_eq(loop_once(service.loop, 0), 0);
	}
}

static const struct finger_features *
probe_told(void)
{
	const struct finger_features *f;
	struct ulid id;

	ck_assert_int_eq(ulid_parse(str_of(told.probe), &id), 0);
	f = probes_find(service.probes, id, clock_mono_ms());
	ck_assert_ptr_nonnull(f);
	return f;
}

/* ---- tests ------------------------------------------------------------------- */

START_TEST(a_finger_is_told_at_once_and_its_touch_when_it_is_settled)
{
	start();
	touch_reader(0);
	settle_messages();
	ck_assert_str_eq(told.state[0], "capturing");
	ck_assert_uint_eq(told.touches, 0);
	ck_assert(!frame(0, good));
	wait_touches(1);
	ck_assert_str_eq(told.reader, "front");
	ck_assert_uint_eq(told.at_start, 0);
	ck_assert_uint_gt(probe_told()->count, 12);
	lift(0);
	settle_messages();
	ck_assert_str_eq(told.state[0], "ready");
	ck_assert_uint_eq(told.touches, 1);
	finish();
}
END_TEST

START_TEST(the_time_ends_the_wait_for_a_better_frame)
{
	start();
	touch_reader(0);
	ck_assert(frame(0, blank));
	ck_assert(frame(0, fair));
	settle_messages();
	ck_assert_uint_eq(told.touches, 0);
	time_is_up(0);
	wait_touches(1); /* nothing more comes of the reader */
	ck_assert_uint_ge(probe_told()->quality, 15);
	ck_assert_uint_lt(probe_told()->quality, CAPTURE_QUALITY_GOOD);
	ck_assert(!frame(0, good));
	lift(0);
	settle_messages();
	ck_assert_uint_eq(told.touches, 1);
	finish();
}
END_TEST

START_TEST(two_readers_do_not_mix)
{
	uint16_t front, back;

	start();
	touch_reader(0);
	touch_reader(1);
	ck_assert(frame(0, fair));
	ck_assert(frame(1, blank));
	ck_assert(!frame(1, other));
	wait_touches(1);
	ck_assert_str_eq(told.reader, "back");
	back = probe_told()->count;
	ck_assert(!frame(0, good));
	wait_touches(2);
	ck_assert_str_eq(told.reader, "front");
	front = probe_told()->count;
	lift(1);
	lift(0);
	settle_messages();
	ck_assert_uint_eq(told.touches, 2);
	ck_assert_uint_gt(front, 12);
	ck_assert_uint_gt(back, 12);
	ck_assert_uint_ne(front, back); /* two fingers, chosen so */
	finish();
}
END_TEST

START_TEST(nothing_of_a_print_stays_behind)
{
	static const struct finger_features none;

	start();
	touch_reader(0);
	ck_assert(frame(0, fair));
	lift(0);
	wait_touches(1);
	ck_assert_mem_eq(capture_best(&service.seats[0].view->capture), &none,
			 sizeof(none));
	ck_assert_mem_eq(service.scratch, &none, sizeof(none));
	touch_reader(1);
	ck_assert(frame(1, fair));
	reader_set_state(&readers[1], READER_ABSENT);
	wait_touches(2); /* what was seen before it was unplugged counts */
	ck_assert_mem_eq(capture_best(&service.seats[1].view->capture), &none,
			 sizeof(none));
	ck_assert_uint_eq(service.seats[1].view->glass.count, 0);
	finish();
}
END_TEST

START_TEST(a_refused_touch_is_a_probe_without_minutiae)
{
	struct sample *fake;

	start();
	touch_reader(0);
	ck_assert(frame(0, blank));
	lift(0);
	wait_touches(1);
	ck_assert_uint_eq(probe_told()->count, 0);
	ck_assert_uint_eq(probe_told()->hints, HINT_BLANK | HINT_PRESS_AGAIN);
	touch_reader(0);
	readers[0].events.failed(readers[0].events.ctx, &readers[0], "image: none");
	wait_touches(2);
	ck_assert_uint_eq(probe_told()->hints, HINT_PRESS_AGAIN);
	lift(0);
	touch_reader(0);
	fake = sample_of(good);
	fake->pad = PAD_FAIL;
	ck_assert(!readers[0].events.sample(readers[0].events.ctx, &readers[0], fake));
	wait_touches(3);
	ck_assert_uint_eq(probe_told()->count, 0);
	ck_assert_uint_eq(probe_told()->hints, 0);
	finish();
}
END_TEST

START_TEST(what_the_reader_says_of_fakes_goes_with_the_touch)
{
	struct sample *live;

	start();
	touch_reader(0);
	live = sample_of(good);
	live->pad = PAD_PASS;
	ck_assert(!readers[0].events.sample(readers[0].events.ctx, &readers[0], live));
	wait_touches(1);
	ck_assert_str_eq(told.pad, "pass");
	lift(0);
	touch_reader(0);
	ck_assert(!frame(0, other)); /* of a reader that cannot tell */
	wait_touches(2);
	ck_assert_str_eq(told.pad, "unsupported");
	lift(0);
	/* A touch without a finger that could be read passes for nothing. */
	service.seats[0].pad = PAD_PASS;
	touch_reader(0);
	(void)frame(0, blank); /* the answer is the touch */
	lift(0);
	wait_touches(3);
	ck_assert_str_eq(told.pad, "unsupported");
	finish();
}
END_TEST

START_TEST(a_finger_there_at_the_start_is_marked_and_after_a_reset_not_told_again)
{
	start();
	service.seats[0].view->capture.ready_ms = clock_mono_ms() + 3600000;
	touch_reader(0);
	ck_assert(!frame(0, good));
	wait_touches(1);
	ck_assert_uint_eq(told.at_start, 1);
	reader_set_state(&readers[0], READER_FAULTY);
	reader_set_state(&readers[0], READER_READY);
	service.seats[0].view->capture.ready_ms += 3600000;
	touch_reader(0);
	ck_assert(!frame(0, good));
	settle_messages();
	ck_assert_uint_eq(told.touches, 1);
	ck_assert_str_eq(told.hint, "finger-rests");
	lift(0);
	settle_messages();
	ck_assert_str_eq(told.hint, "");
	touch_reader(0);
	ck_assert(!frame(0, good));
	wait_touches(2);
	ck_assert_uint_eq(told.at_start, 1);
	finish();
}
END_TEST

START_TEST(without_laned_a_touch_is_forgotten)
{
	start();
	told.peer = rpc_peer_free(told.peer);
	for (int i = 0; i < ROUNDS_MAX && rpc_client_peer(service.client) != NULL; i++)
		ck_assert_int_eq(loop_once(service.loop, 10), 0);
	touch_reader(0);
	ck_assert(!frame(0, good));
	for (size_t i = 0; i < PROBES_MAX; i++)
		ck_assert_ptr_null(probes_at(service.probes, i, clock_mono_ms()));
	service.client = rpc_client_free(service.client);
	lift(0);
	touch_reader(0);
	ck_assert(!frame(0, good)); /* also at the end of the program */
	finish();
}
END_TEST

/* The drivers here have no arm: what they deliver in the dark is the service's to drop. */
static void
put_out(bool dark)
{
	service.arming.claim_first = true;
	service.arming.lit = !dark;
	for (size_t i = 0; i < service.seats_count; i++) {
		if (dark)
			service_touch_dark(&service.seats[i]);
		else
			service_touch_lit(&service.seats[i]);
	}
}

START_TEST(a_frame_in_the_dark_is_dropped_unseen)
{
	start();
	put_out(true);
	touch_reader(0);
	ck_assert(!frame(0, good));
	readers[0].events.failed(readers[0].events.ctx, &readers[0], NULL);
	lift(0);
	settle_messages();
	ck_assert_uint_eq(told.touches, 0);
	ck_assert_int_eq(service.seats[0].view->capture.state, CAPTURE_IDLE);
	ck_assert_uint_eq(service.seats[0].view->capture.frames, 0);
	/* Nor is what was seen before it was put out. */
	put_out(false);
	service.seats[0].view->capture.ready_ms -= CAPTURE_START_MS;
	touch_reader(0);
	ck_assert(frame(0, fair));
	put_out(true);
	time_is_up(0);
	ck_assert(!frame(0, good));
	lift(0);
	settle_messages();
	ck_assert_uint_eq(told.touches, 0);
	ck_assert_uint_eq(service.seats[0].view->capture.best.count, 0);
	/* Lit again, a finger that is laid down is told. */
	put_out(false);
	service.seats[0].view->capture.ready_ms -= CAPTURE_START_MS;
	touch_reader(0);
	ck_assert(!frame(0, good));
	wait_touches(1);
	ck_assert_uint_eq(told.at_start, 0);
	finish();
}
END_TEST

/* People do not lay the same picture on the glass: two fingers, either way up. */
static struct sample *
sample_of_member(unsigned n)
{
	struct sample *s = sample_of((n & 2) != 0 ? other : good);

	for (size_t i = 0; (n & 1) != 0 && i < PIXELS / 2; i++) {
		uint8_t grey = s->grey[i];

		s->grey[i] = s->grey[PIXELS - 1 - i];
		s->grey[PIXELS - 1 - i] = grey;
	}
	return s;
}

/* n touches, decided as the members from, from + 1, ...; from 0: of one finger that nobody knows. */
static void
touches_of(unsigned n, unsigned from, const struct smear *smear)
{
	for (unsigned i = 0; i < n; i++) {
		struct sample *s = from == 0 ? sample_of(good) : sample_of_member(i);
		struct ulid subject = { { 9 } }, id;

		if (smear != NULL)
			glass_kit_smear(s, smear);
		memcpy(subject.b + 4, &(unsigned){ from + i }, sizeof(from));
		touch_reader(0);
		(void)readers[0].events.sample(readers[0].events.ctx, &readers[0], s);
		lift(0);
		wait_touches(told.touches + 1);
		ck_assert_int_eq(ulid_parse(str_of(told.probe), &id), 0);
		if (from != 0)
			service_touch_decided(&service, id, subject);
	}
	settle_messages();
}

START_TEST(a_dirty_glass_is_told_when_it_comes_and_goes)
{
	const struct smear smear = { 40, 330, 45, 90 };

	start();
	touches_of(25, 1000, NULL);
	ck_assert_str_eq(told.hint, "");
	touches_of(40, 0, &smear); /* one finger nobody knows: one person */
	ck_assert_str_eq(told.hint, "");
	touches_of(25, 2000, &smear);
	ck_assert_str_eq(told.hint, "clean-the-glass");
	touches_of(20, 3000, NULL);
	ck_assert_str_eq(told.hint, "");
	touches_of(25, 4000, &smear);
	ck_assert_str_eq(told.hint, "clean-the-glass");
	/* Gone for a night and back: it is as dirty as before. */
	reader_set_state(&readers[0], READER_ABSENT);
	settle_messages();
	ck_assert_str_eq(told.hint, "");
	reader_set_state(&readers[0], READER_READY);
	settle_messages();
	ck_assert_str_eq(told.hint, "clean-the-glass");
	/* Nothing is known of another one's. */
	reader_set_state(&readers[0], READER_ABSENT);
	readers[0].device.serial[0] = '2';
	reader_set_state(&readers[0], READER_READY);
	settle_messages();
	ck_assert_str_eq(told.hint, "");
	finish();
}
END_TEST

START_TEST(nothing_is_kept_of_the_touches_of_who_is_erased)
{
	const struct glass *g;
	struct ulid subject = { { 9 } };

	start();
	g = &service.seats[0].view->glass;
	touches_of(3, 1000, NULL);
	ck_assert_uint_eq(g->count, 3);
	memcpy(subject.b + 4, &(unsigned){ 1001 }, sizeof(unsigned));
	service_touch_erased(&service, subject);
	ck_assert_uint_eq(g->count, 2);
	for (size_t i = 0; i < GLASS_SUBJECTS; i++)
		ck_assert(!ulid_eq(g->last[i].subject, subject));
	finish();
}
END_TEST

int
main(void)
{
	const TTest *const list[] = {
		a_finger_is_told_at_once_and_its_touch_when_it_is_settled,
		the_time_ends_the_wait_for_a_better_frame,
		two_readers_do_not_mix,
		nothing_of_a_print_stays_behind,
		a_refused_touch_is_a_probe_without_minutiae,
		what_the_reader_says_of_fakes_goes_with_the_touch,
		a_finger_there_at_the_start_is_marked_and_after_a_reset_not_told_again,
		without_laned_a_touch_is_forgotten,
		a_frame_in_the_dark_is_dropped_unseen,
		a_dirty_glass_is_told_when_it_comes_and_goes,
		nothing_is_kept_of_the_touches_of_who_is_erased
	};

	make_pictures();
	return unit_run("service_touch", list, sizeof(list) / sizeof(list[0]));
}
