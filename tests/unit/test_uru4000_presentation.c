/*
 * One presentation of the U.are.U driver from touched to its end: several frames, a finger that
 * leaves too early or never, and trouble in between. Against the model of the reader.
 */
#include "bio/usb/uru4000.h"

#include "usb/mock_reader.h"

#include "unit.h"

#define SAY_AGAIN_OFF_MS 5000u
#define SAY_AGAIN_ON_MS 60000u

static struct mock_reader r;
/* What is told, in order: t(ouched) s(ample) f(ailed) l(ifted) r(eady) b(roken). */
static char story[256];
static struct usb_device_events inner;
static bool stop_when_ready, stop_when_failed;

static void
tell(char what)
{
	size_t n = strlen(story);

	ck_assert_uint_lt(n + 1, sizeof(story));
	story[n] = what;
	story[n + 1] = '\0';
}

static void
on_ready(void *ctx)
{
	tell('r');
	inner.ready(ctx);
	if (stop_when_ready)
		r.m.driver->stop(r.m.device);
}

static void
on_touched(void *ctx)
{
	tell('t');
	inner.touched(ctx);
}

static bool
on_sample(void *ctx, struct sample *s)
{
	tell('s');
	return inner.sample(ctx, s);
}

static void
on_failed(void *ctx, const char *why)
{
	tell('f');
	inner.failed(ctx, why);
	if (stop_when_failed)
		r.m.driver->stop(r.m.device);
}

static void
on_lifted(void *ctx)
{
	tell('l');
	inner.lifted(ctx);
}

static void
on_broken(void *ctx, bool gone, const char *why)
{
	tell('b');
	inner.broken(ctx, gone, why);
}

/* The driver's own new, with the story kept between it and the mock. */
static int
new_with_story(const struct usb_model *m, const struct usb_device_options *o,
	       struct usb_port port, const struct usb_device_events *e, void **ret_device)
{
	const struct usb_device_events between = {
		.ready = on_ready,
		.touched = on_touched,
		.sample = on_sample,
		.failed = on_failed,
		.lifted = on_lifted,
		.broken = on_broken,
		.stopped = e->stopped,
		.ctx = e->ctx,
	};

	inner = *e;
	return uru4000_driver.new(m, o, port, &between, ret_device);
}

static struct usb_device_driver driver;

static void
attach(void)
{
	static const struct usb_device_options o = { .label = "uru4000 1-4" };

	mock_reader_init(&r, 0x05ba, 0x000a);
	r.d.delays = uru_delays_recorded;
	story[0] = '\0';
	stop_when_ready = stop_when_failed = false;
	driver = uru4000_driver;
	driver.new = new_with_story;
	r.m.seed = 0x51ea2124;
	ck_assert_ptr_nonnull(mock_open(&r.m, &driver, 0x05ba, 0x000a, &o));
	r.m.driver->start(r.m.device);
}

static void
attach_and_settle(void)
{
	attach();
	ck_assert(mock_reader_run(&r));
	ck_assert_str_eq(story, "r");
	story[0] = '\0';
}

static void
detach(void)
{
	ck_assert(mock_close(&r.m));
}

static void
put(void)
{
	mock_reader_finger(&r, true);
	ck_assert(mock_reader_run(&r));
}

static void
lift(void)
{
	mock_reader_finger(&r, false);
	ck_assert(mock_reader_run(&r));
}

static const struct usb_counters *
counters(void)
{
	return uru4000_driver.counters(r.m.device);
}

START_TEST(frames_come_while_the_finger_rests_and_are_wanted)
{
	attach_and_settle();
	r.m.frames_wanted = 3;
	put();
	ck_assert_str_eq(story, "tssss");
	ck_assert_uint_eq(r.d.mode, 0x12);
	lift();
	ck_assert_str_eq(story, "tssssl");
	put();
	lift();
	ck_assert_str_eq(story, "tssssltsl");
	detach();
}
END_TEST

START_TEST(one_presentation_gives_no_more_than_its_limit)
{
	attach_and_settle();
	r.m.frames_wanted = 1000;
	put();
	ck_assert_uint_eq(strlen(story), 1 + URU4000_FRAMES_MAX);
	ck_assert_uint_eq(r.d.mode, 0x12);
	lift();
	put();
	ck_assert_uint_eq(r.m.samples, 2 * URU4000_FRAMES_MAX);
	detach();
}
END_TEST

/* The image of the empty glass never comes; what came before stands, and no failure is told. */
START_TEST(a_finger_that_leaves_between_frames_ends_with_what_there_is)
{
	unsigned before = (unsigned)_i;

	attach_and_settle();
	r.m.frames_wanted = 7;
	mock_reader_finger(&r, true);
	for (unsigned i = 0; i < 500 && r.m.samples < before; i++)
		ck_assert(mock_reader_step(&r));
	ck_assert_uint_eq(r.m.samples, before);
	r.d.finger = false; /* the reader is in no mode to say so */
	uru_device_arm(&r.d, URU_EMPTY_IMAGE, -1, 3, 0);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.samples, before);
	ck_assert_uint_eq(r.m.failed, before == 0);
	ck_assert_uint_eq(r.m.lifted, 1);
	ck_assert_uint_eq(counters()->bad_images, 3);
	ck_assert_uint_eq(r.d.mode, 0x10);
	r.m.frames_wanted = 0;
	put();
	ck_assert_uint_eq(r.m.samples, before + 1);
	detach();
}
END_TEST

START_TEST(a_bad_frame_among_good_ones_costs_only_itself)
{
	attach_and_settle();
	r.m.frames_wanted = 2;
	mock_reader_finger(&r, true);
	while (r.m.samples == 0)
		ck_assert(mock_reader_step(&r));
	uru_device_arm(&r.d, URU_SHORT_IMAGE, -1, 1, 0);
	uru_device_arm(&r.d, URU_EMPTY_IMAGE, -1, 1, 0);
	ck_assert(mock_reader_run(&r));
	ck_assert_str_eq(story, "tsss");
	ck_assert_uint_eq(counters()->bad_images, 2);
	lift();
	detach();
}
END_TEST

START_TEST(unplugged_between_frames_nothing_more_is_told)
{
	attach_and_settle();
	r.m.frames_wanted = 7;
	mock_reader_finger(&r, true);
	while (r.m.samples < 2)
		ck_assert(mock_reader_step(&r));
	r.fault_at = r.ended + 1 + (unsigned)_i;
	r.fault = USB_GONE;
	ck_assert(mock_reader_run(&r));
	ck_assert_str_eq(story + strlen(story) - 1, "b");
	ck_assert_ptr_null(strchr(story, 'l'));
	ck_assert_uint_eq(r.m.gone, 1);
	r.m.refuse = ENODEV;
	detach();
}
END_TEST

/*
 * A finger that never leaves, or water: one register write in five seconds, and each minute a look at
 * the power before it.
 */
START_TEST(a_finger_that_rests_for_ever_costs_a_register_now_and_then)
{
	unsigned control, bulk, interrupt;

	attach_and_settle();
	put();
	control = r.m.started[USB_CONTROL];
	bulk = r.m.started[USB_BULK];
	interrupt = r.m.started[USB_INTERRUPT];
	for (unsigned i = 1; i <= 100; i++) {
		ck_assert(r.m.timer_set);
		ck_assert_uint_eq(r.m.timer_ms, SAY_AGAIN_OFF_MS);
		mock_fire(&r.m);
		ck_assert(mock_reader_run(&r));
		ck_assert_uint_eq(r.m.started[USB_CONTROL], control + i + i / 12);
	}
	ck_assert_uint_eq(r.m.started[USB_BULK], bulk);
	ck_assert_uint_eq(r.m.started[USB_INTERRUPT], interrupt);
	ck_assert_str_eq(story, "ts");
	lift();
	put();
	ck_assert_str_eq(story, "tslts");
	detach();
}
END_TEST

START_TEST(a_finger_that_is_there_at_the_start_is_a_presentation)
{
	attach();
	mock_reader_finger(&r, true);
	ck_assert(mock_reader_run(&r));
	ck_assert_str_eq(story, "rts");
	lift();
	ck_assert_str_eq(story, "rtsl");
	detach();
}
END_TEST

static unsigned
transfers_of_a_presentation(void)
{
	unsigned before, n;

	attach_and_settle();
	before = r.ended;
	r.m.frames_wanted = 1;
	put();
	lift();
	n = r.ended - before;
	detach();
	return n;
}

/*
 * t, then any of s and f, then l, or r where nobody saw the lift, or b: what the service builds on.
 */
static void
check_story(void)
{
	bool open = false;

	for (const char *p = story; *p != '\0'; p++) {
		ck_assert_msg(open ? *p != 't' : *p != 's' && *p != 'f' && *p != 'l',
			      "%s", story);
		if (*p == 't')
			open = true;
		else if (*p == 'l' || *p == 'r' || *p == 'b')
			open = false;
	}
}

/* Each transfer of a presentation with two frames fails once, in each way. */
START_TEST(a_presentation_always_has_its_end)
{
	static const enum usb_status faults[] = { USB_DONE /* half of it */,
						  USB_TIMED_OUT,
						  USB_STALLED,
						  USB_CANCELLED,
						  USB_OVERFLOWED,
						  USB_FAILED,
						  USB_GONE };
	unsigned n = transfers_of_a_presentation();

	ck_assert_uint_gt(n, 8);
	for (unsigned at = 1; at <= n; at++) {
		attach_and_settle();
		r.fault_at = r.ended + at;
		r.fault = faults[_i];
		r.m.frames_wanted = 1;
		put(); /* a restart in mid-presentation captures it again */
		ck_assert_msg(r.m.lifted == 0, "lifted by nobody: %s", story);
		if (r.m.broken == 0)
			lift();
		check_story();
		ck_assert_ptr_nonnull(strchr("lrb", story[strlen(story) - 1]));
		if (faults[_i] == USB_GONE)
			r.m.refuse = ENODEV;
		detach();
	}
}
END_TEST

START_TEST(a_failure_is_told_once_for_a_presentation)
{
	attach_and_settle();
	uru_device_arm(&r.d, URU_EMPTY_IMAGE, -1, URU4000_TRIES, 0);
	put();
	ck_assert_str_eq(story, "tf");
	r.fault_at = r.ended + 1; /* while it waits for the lift */
	r.fault = USB_FAILED;
	uru_device_say(&r.d, 0x4711);
	ck_assert(mock_reader_run(&r));
	ck_assert_str_eq(story, "tfrts");
	detach();
}
END_TEST

START_TEST(stopping_where_a_presentation_is_abandoned_works)
{
	attach_and_settle();
	stop_when_failed = _i == 0;
	stop_when_ready = _i == 1;
	mock_reader_finger(&r, true);
	while (r.m.touched == 0)
		ck_assert(mock_reader_step(&r));
	r.fault_at = r.ended + 1;
	r.fault = USB_FAILED;
	ck_assert(mock_reader_run(&r));
	ck_assert_str_eq(story, _i == 0 ? "tf" : "tfr");
	ck_assert_uint_eq(r.m.stopped, 1);
	detach();
}
END_TEST

/* The kernel ends a read that it kills with no bytes and no error. */
START_TEST(a_read_that_ends_without_a_byte_starts_the_reader_again)
{
	attach_and_settle();
	r.d.status = 0x83; /* and its registers are lost */
	r.d.mode = 0;
	mock_end(&r.m, USB_INTERRUPT, USB_DONE, NULL, 0);
	ck_assert(mock_reader_run(&r));
	ck_assert_str_eq(story, "r");
	ck_assert_uint_eq(counters()->restarts, 1);
	put();
	ck_assert_str_eq(story, "rts");
	detach();
}
END_TEST

START_TEST(a_reader_that_lost_its_power_silently_is_found_within_a_minute)
{
	attach_and_settle();
	r.d.status = 0x83;
	r.d.mode = 0;
	ck_assert(r.m.timer_set);
	ck_assert_uint_eq(r.m.timer_ms, SAY_AGAIN_ON_MS);
	mock_fire(&r.m);
	ck_assert(mock_reader_run(&r));
	ck_assert_str_eq(story, "r");
	ck_assert_uint_eq(r.d.mode, 0x10);
	put();
	ck_assert_str_eq(story, "rts");
	detach();
}
END_TEST

/* Under a finger, which the reader that comes back finds there, and which nobody saw leave. */
START_TEST(a_reader_that_loses_its_power_under_a_finger_comes_back)
{
	unsigned fired = 0;

	attach_and_settle();
	put();
	r.d.status = 0x83;
	r.d.mode = 0;
	for (; counters()->restarts == 0 && fired < 12; fired++) {
		ck_assert_uint_eq(r.m.timer_ms, SAY_AGAIN_OFF_MS);
		mock_fire(&r.m);
		r.d.finger = _i == 0 || fired < 11;
		ck_assert(mock_reader_run(&r));
	}
	ck_assert_uint_eq(counters()->restarts, 1);
	ck_assert_str_eq(story, _i == 1 ? "tsr" : "tsrts");
	put();
	lift();
	ck_assert_str_eq(story, "tsrtsl");
	ck_assert_uint_eq(r.d.mode, 0x10);
	detach();
}
END_TEST

START_TEST(a_finger_lifted_during_the_check_of_power_is_seen_to_leave)
{
	attach_and_settle();
	put();
	for (unsigned i = 1; i < 12; i++) {
		mock_fire(&r.m);
		ck_assert(mock_reader_run(&r));
	}
	r.d.delays.message_us = 0; /* messages come before the requests' ends */
	r.d.delays.power_us = 0;
	mock_fire(&r.m);
	r.d.finger = false;
	uru_device_say(&r.d, 0x0200);
	ck_assert(mock_reader_run(&r));
	ck_assert_str_eq(story, "tsl");
	ck_assert_uint_eq(counters()->unexpected, 0);
	detach();
}
END_TEST

static bool
all_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/* In the driver's own buffer, once the sample is told, the image refused or the reader restarted. */
START_TEST(nothing_of_a_picture_stays_in_the_driver)
{
	size_t bytes;

	attach_and_settle();
	if (_i == 1)
		uru_device_arm(&r.d, URU_LYING_ROWS, -1, URU4000_TRIES, 0);
	mock_reader_finger(&r, true);
	for (unsigned i = 0; i < 500 && r.m.started[USB_BULK] == 0; i++)
		ck_assert(mock_reader_step(&r));
	bytes = r.m.pipe[USB_BULK].bytes;
	if (_i >= 2) { /* the key fails, after the picture has come */
		while (r.m.pipe[USB_BULK].busy)
			ck_assert(mock_reader_step(&r));
		ck_assert(!all_zero(r.m.pipe[USB_BULK].data, bytes));
		if (_i == 2)
			mock_end(&r.m, USB_INTERRUPT, USB_FAILED, NULL, 0);
		else
			r.m.driver->arm(r.m.device, false);
		ck_assert_uint_eq(r.m.samples, 0);
		ck_assert(mock_reader_step(&r));
	} else {
		ck_assert(mock_reader_run(&r));
		ck_assert_str_eq(story, _i == 1 ? "tf" : "ts");
	}
	ck_assert(all_zero(r.m.pipe[USB_BULK].data, bytes));
	detach();
}
END_TEST

START_TEST(a_finger_that_comes_during_the_check_of_power_is_seen)
{
	attach_and_settle();
	r.d.delays.message_us = 0; /* messages come before the requests' ends */
	r.d.delays.power_us = 0;
	mock_fire(&r.m);
	r.d.finger = true; /* with one message, while the register is read */
	uru_device_say(&r.d, 0x0101);
	ck_assert(mock_reader_step(&r));
	ck_assert_str_eq(story, "");
	ck_assert(mock_reader_run(&r));
	ck_assert_str_eq(story, "ts");
	ck_assert_uint_eq(counters()->unexpected, 0);
	detach();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("uru4000_presentation");
	TCase *c = tcase_create("uru4000_presentation");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_test(c, frames_come_while_the_finger_rests_and_are_wanted);
	tcase_add_test(c, one_presentation_gives_no_more_than_its_limit);
	tcase_add_loop_test(
		c, a_finger_that_leaves_between_frames_ends_with_what_there_is, 0, 3);
	tcase_add_test(c, a_bad_frame_among_good_ones_costs_only_itself);
	tcase_add_loop_test(c, unplugged_between_frames_nothing_more_is_told, 0, 4);
	tcase_add_test(c, a_finger_that_rests_for_ever_costs_a_register_now_and_then);
	tcase_add_test(c, a_finger_that_is_there_at_the_start_is_a_presentation);
	tcase_add_loop_test(c, a_presentation_always_has_its_end, 0, 7);
	tcase_add_test(c, a_failure_is_told_once_for_a_presentation);
	tcase_add_loop_test(c, stopping_where_a_presentation_is_abandoned_works, 0, 2);
	tcase_add_test(c, a_read_that_ends_without_a_byte_starts_the_reader_again);
	tcase_add_test(c, a_reader_that_lost_its_power_silently_is_found_within_a_minute);
	tcase_add_test(c, a_finger_that_comes_during_the_check_of_power_is_seen);
	tcase_add_loop_test(c, a_reader_that_loses_its_power_under_a_finger_comes_back, 0,
			    2);
	tcase_add_test(c, a_finger_lifted_during_the_check_of_power_is_seen_to_leave);
	tcase_add_loop_test(c, nothing_of_a_picture_stays_in_the_driver, 0, 4);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
