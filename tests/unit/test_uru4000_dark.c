/*
 * The U.are.U driver where the sensor lights for a claim only: off, it looks for no finger, and
 * switched off it stops looking wherever it was. Against the model of the reader.
 */
#include "bio/usb/uru4000.h"

#include "usb/mock_reader.h"

#include "unit.h"

#define MODE_OFF 0x70
#define MODE_FINGER_ON 0x10
#define MOMENTS 140u

static struct mock_reader r;

static void
attach(bool dark)
{
	static const struct usb_device_options o = { .label = "uru4000 1-4" };

	mock_reader_init(&r, 0x05ba, 0x000a);
	r.d.delays = uru_delays_recorded;
	r.m.seed = 0x51ea2124;
	ck_assert_ptr_nonnull(mock_open(&r.m, &uru4000_driver, 0x05ba, 0x000a, &o));
	if (dark)
		r.m.driver->arm(r.m.device, false);
	r.m.driver->start(r.m.device);
}

static void
finger(bool there)
{
	mock_reader_finger(&r, there);
	ck_assert(mock_reader_run(&r));
}

static void
arm(bool on)
{
	r.m.driver->arm(r.m.device, on);
	ck_assert(mock_reader_run(&r));
}

START_TEST(a_reader_that_starts_dark_is_ready_and_sees_nothing)
{
	attach(true);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.ready, 1);
	ck_assert_uint_eq(r.d.mode, MODE_OFF);
	finger(true);
	finger(false);
	ck_assert_uint_eq(r.m.touched + r.m.samples + r.m.failed + r.m.lifted, 0);
	ck_assert_uint_eq(r.d.mode, MODE_OFF);
	arm(true);
	ck_assert_uint_eq(r.d.mode, MODE_FINGER_ON);
	finger(true);
	finger(false);
	ck_assert_uint_eq(r.m.samples, 1);
	arm(false);
	arm(false);
	ck_assert_uint_eq(r.d.mode, MODE_OFF);
	finger(true);
	ck_assert_uint_eq(r.m.touched, 1);
	ck_assert_uint_eq(r.m.broken, 0);
	ck_assert(mock_close(&r.m));
}
END_TEST

/* After each number of events from the finger laid down on, and before it. */
START_TEST(put_out_at_any_moment_it_gives_no_image_after_that)
{
	unsigned samples, steps = (unsigned)_i;

	attach(false);
	for (unsigned i = 0; i < steps; i++) {
		if (i == 60) /* brought up by then */
			mock_reader_finger(&r, true);
		(void)mock_reader_step(&r); /* nothing left: quiet */
	}
	r.m.driver->arm(r.m.device, false);
	samples = r.m.samples;
	ck_assert(mock_reader_run(&r));
	/* The moments are all there are: from the bring-up to a finger that rests. */
	ck_assert_uint_eq(samples, steps < 60 ? 0 : steps < MOMENTS - 1 ? samples : 1);
	ck_assert_msg(r.m.samples == samples, "an image after it was put out");
	/* Put out is not lifted: a presentation that was under way ends with ready. */
	ck_assert_uint_eq(r.m.lifted, 0);
	ck_assert_uint_eq(r.m.ready, 1 + r.m.touched);
	ck_assert_uint_eq(r.m.broken, 0);
	ck_assert_uint_eq(r.d.mode, MODE_OFF);
	finger(false);
	arm(true);
	finger(true);
	ck_assert_uint_eq(r.m.samples, samples + 1);
	finger(false);
	ck_assert_uint_eq(r.m.lifted, 1);
	ck_assert(mock_close(&r.m));
}
END_TEST

START_TEST(lit_and_put_out_in_a_hurry_it_ends_as_told_last)
{
	bool on = (_i & 1) != 0;

	attach(true);
	for (int i = 0; i < _i; i++)
		(void)mock_reader_step(&r); /* as above */
	r.m.driver->arm(r.m.device, true);
	r.m.driver->arm(r.m.device, false);
	for (int i = 0; i < 3; i++)
		(void)mock_reader_step(&r);
	r.m.driver->arm(r.m.device, true);
	r.m.driver->arm(r.m.device, on);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.d.mode, on ? MODE_FINGER_ON : MODE_OFF);
	ck_assert_uint_eq(r.m.broken, 0);
	ck_assert(mock_close(&r.m));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("uru4000_dark");
	TCase *tc = tcase_create("uru4000_dark");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, a_reader_that_starts_dark_is_ready_and_sees_nothing);
	tcase_add_loop_test(tc, put_out_at_any_moment_it_gives_no_image_after_that, 0,
			    MOMENTS);
	tcase_add_loop_test(tc, lit_and_put_out_in_a_hurry_it_ends_as_told_last, 0, 60);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
