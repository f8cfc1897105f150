/*
 * The driver of the U.are.U 4000 family against each fault that the model of the reader knows, struck
 * once and struck for ever: what a capture survives, what takes a reset, and that nothing hangs.
 */
#include "bio/usb/uru4000.h"

#include "usb/mock_reader.h"

#include "unit.h"

#include <errno.h>

#define PRESENTATIONS_MAX 8u
#define FOR_EVER 1000000u

enum outcome { CAPTURED, RESET, GONE };

static const struct {
	enum outcome once, stays;
	bool picture_lost; /* no way to know of it: the sample is not what lay on the glass */
	bool only_v2;      /* the plain readers have no occasion for it */
	bool no_occasion; /* the driver never asks */
} expected[URU_FAULTS] = {
	[URU_STALL_CONTROL] = { .once = CAPTURED, .stays = RESET },
	[URU_STALL_STANDARD] = { .once = CAPTURED,
				 .stays = CAPTURED,
				 .no_occasion = true },
	[URU_SHORT_REGISTER] = { .once = CAPTURED, .stays = RESET },
	[URU_LONG_REGISTER] = { .once = CAPTURED, .stays = RESET },
	[URU_EMPTY_REGISTER] = { .once = CAPTURED, .stays = RESET },
	[URU_STALL_IMAGE] = { .once = RESET, .stays = RESET },
	[URU_EMPTY_IMAGE] = { .once = CAPTURED, .stays = RESET },
	[URU_SHORT_IMAGE] = { .once = CAPTURED, .stays = RESET },
	[URU_LONG_IMAGE] = { .once = CAPTURED, .stays = RESET },
	[URU_NO_IMAGE] = { .once = CAPTURED, .stays = RESET },
	[URU_HEADERLESS_IMAGE] = { .once = CAPTURED,
				   .stays = CAPTURED,
				   .picture_lost = true },
	[URU_LYING_ROWS] = { .once = CAPTURED, .stays = RESET },
	[URU_LYING_BLOCKS] = { .once = CAPTURED, .stays = RESET },
	[URU_CLEAR_IMAGE] = { .once = CAPTURED, .stays = CAPTURED },
	[URU_NEW_KEY_IMAGE] = { .once = CAPTURED, .stays = CAPTURED },
	[URU_WRONG_KEY] = { .once = CAPTURED, .stays = RESET },
	[URU_STALL_MESSAGE] = { .once = RESET, .stays = RESET },
	[URU_LATE_MESSAGE] = { .once = CAPTURED, .stays = RESET },
	[URU_LOST_MESSAGE] = { .once = CAPTURED, .stays = RESET },
	[URU_DOUBLE_MESSAGE] = { .once = CAPTURED, .stays = CAPTURED },
	[URU_LONG_MESSAGE] = { .once = CAPTURED, .stays = RESET },
	[URU_SHORT_MESSAGE] = { .once = CAPTURED, .stays = RESET },
	[URU_STALE_MESSAGE] = { .once = CAPTURED, .stays = CAPTURED },
	[URU_NOISE_MESSAGE] = { .once = CAPTURED, .stays = CAPTURED },
	[URU_NO_POWER] = { .once = CAPTURED, .stays = RESET },
	[URU_REFUSE_ANSWER] = { .once = CAPTURED, .stays = RESET, .only_v2 = true },
	[URU_WRONG_STATE] = { .once = CAPTURED, .stays = CAPTURED },
	[URU_SILENT] = { .once = RESET, .stays = RESET },
	[URU_DISCONNECT] = { .once = GONE, .stays = GONE },
	[URU_DISCONNECT_END] = { .once = GONE, .stays = GONE },
};

static struct mock_reader r;

/* A driver's device for the model that is plugged. */
static void
open_driver(void)
{
	static const struct usb_device_options o = { .invert = READER_NO,
						     .rotate = READER_NO,
						     .label = "uru4000 1-4" };
	const struct uru_model *m = r.d.model;

	ck_assert_ptr_nonnull(
		mock_open(&r.m, &uru4000_driver, m->vendor, m->product, &o));
	r.m.driver->start(r.m.device);
}

static void
attach(bool v2, enum uru_fault f, unsigned count, unsigned skip)
{
	mock_reader_init(&r, v2 ? 0x045e : 0x05ba, v2 ? 0x00ca : 0x000a);
	r.d.delays = uru_delays_recorded;
	uru_device_arm(&r.d, f, -1, count, skip);
	uru_device_reset(&r.d, 0); /* faults of the plug strike now */
	open_driver();
}

static bool
ended(void)
{
	return r.m.broken > 0 || r.m.samples > 0;
}

/* Until a presentation gives a sample or the reader is given up. */
static void
present_until_it_ends(void)
{
	for (unsigned i = 0; i < 2 * PRESENTATIONS_MAX && !ended(); i++) {
		mock_reader_finger(&r, i % 2 == 0);
		ck_assert(mock_reader_run(&r));
		/* What the driver waits for it asks again after a while. */
		if (!ended() && r.m.timer_set)
			mock_fire(&r.m);
		ck_assert(mock_reader_run(&r));
	}
	ck_assert(ended());
}

static void
detach(void)
{
	if (r.m.gone > 0)
		r.m.refuse = ENODEV; /* as the port of a device that is no more */
	ck_assert(mock_close(&r.m));
}

static void
check(enum uru_fault f, enum outcome o)
{
	ck_assert_msg((r.m.samples > 0) == (o == CAPTURED), "%s: %s", uru_fault_name(f),
		      r.m.why == NULL ? "captured" : r.m.why);
	ck_assert_uint_eq(r.m.broken, o != CAPTURED);
	ck_assert_uint_eq(r.m.gone, o == GONE);
	if (o == CAPTURED && !expected[f].picture_lost)
		ck_assert_mem_eq(r.m.last->grey, r.d.expected, URU_RASTER_BYTES);
}

START_TEST(a_fault_of_the_device_ends_in_a_capture_or_a_reset)
{
	enum uru_fault f = (enum uru_fault)(_i / 2);
	bool v2 = _i % 2 != 0, strikes = v2 || !expected[f].only_v2;

	attach(v2, f, 1, 0);
	present_until_it_ends();
	check(f, expected[f].once);
	ck_assert_uint_eq(r.d.counters.faults, strikes && !expected[f].no_occasion);
	detach();
	attach(v2, f, FOR_EVER, 0);
	present_until_it_ends();
	check(f, strikes ? expected[f].stays : CAPTURED);
	detach();
}
END_TEST

/* After the reset that it takes, the reader works. */
START_TEST(what_takes_a_reset_works_after_it)
{
	enum uru_fault f = (enum uru_fault)_i;

	if (expected[f].stays != RESET)
		return;
	attach(expected[f].only_v2, f, FOR_EVER, 0);
	present_until_it_ends();
	detach();
	uru_device_disarm(&r.d);
	uru_device_reset(&r.d, r.now_us);
	memset(&r.m, 0, sizeof(r.m));
	memset(r.carried, 0, sizeof(r.carried));
	r.d.controls = r.d.images = r.d.messages = NULL; /* what detach ended by hand */
	open_driver();
	present_until_it_ends();
	check(f, CAPTURED);
	detach();
}
END_TEST

/* Stalls and wrong lengths at each single request of the conversation. */
START_TEST(a_fault_at_any_request_costs_no_capture)
{
	static const enum uru_fault faults[] = { URU_STALL_CONTROL, URU_SHORT_REGISTER,
						 URU_LONG_REGISTER, URU_EMPTY_REGISTER };
	unsigned struck = 0;

	for (unsigned skip = 0; skip < 20; skip++) {
		attach(true, faults[_i], 1, skip);
		present_until_it_ends();
		ck_assert_uint_eq(r.m.broken, 0);
		ck_assert_mem_eq(r.m.last->grey, r.d.expected, URU_RASTER_BYTES);
		struck += r.d.counters.faults;
		detach();
	}
	ck_assert_uint_ge(struck, _i == 0 ? 10 : 5);
}
END_TEST

/* A message that is lost, late, doubled or cut, whichever of the conversation it is. */
START_TEST(a_fault_of_any_message_costs_no_capture)
{
	static const enum uru_fault faults[] = { URU_LOST_MESSAGE, URU_LATE_MESSAGE,
						 URU_DOUBLE_MESSAGE, URU_SHORT_MESSAGE,
						 URU_LONG_MESSAGE };

	for (unsigned skip = 0; skip < 6; skip++) {
		attach(false, faults[_i], 1, skip);
		present_until_it_ends();
		ck_assert_uint_eq(r.m.broken, 0);
		ck_assert_mem_eq(r.m.last->grey, r.d.expected, URU_RASTER_BYTES);
		mock_reader_finger(&r, false);
		ck_assert(mock_reader_run(&r));
		if (r.m.lifted == 0 && r.m.timer_set)
			mock_fire(&r.m);
		ck_assert(mock_reader_run(&r));
		/* A lift that could not be read is none; the reader starts again. */
		ck_assert_uint_ge(r.m.lifted + (r.m.ready > 1), 1);
		ck_assert(r.m.lifted > 0 || faults[_i] == URU_LONG_MESSAGE);
		detach();
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("uru4000_faults");
	TCase *c = tcase_create("uru4000_faults");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, a_fault_of_the_device_ends_in_a_capture_or_a_reset, 0,
			    2 * URU_FAULTS);
	tcase_add_loop_test(c, what_takes_a_reset_works_after_it, 0, URU_FAULTS);
	tcase_add_loop_test(c, a_fault_at_any_request_costs_no_capture, 0, 4);
	tcase_add_loop_test(c, a_fault_of_any_message_costs_no_capture, 0, 5);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
