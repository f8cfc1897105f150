/* The driver of ZFM modules, over a line in virtual time with a module of our own at its end. */
#include "bio/serial/zfm.h"

#include "bio/serial/zfm_image.h"
#include "serial/zfm_kit.h"
#include "unit.h"

static const struct {
	uint32_t width, height, bits, dpi;
} pictures[] = { { 256, 288, 4, 500 }, { 208, 288, 4, 508 }, { 192, 192, 4, 508 },
		 { 256, 288, 8, 500 }, { 208, 288, 8, 508 }, { 192, 192, 8, 508 } };
#define PICTURES (sizeof(pictures) / sizeof(pictures[0]))

START_TEST(every_geometry_arrives_pixel_by_pixel)
{
	for (unsigned code = 0; code < 4; code++) {
		prepare();
		module_init(&m.module, pictures[_i].width, pictures[_i].height,
			    pictures[_i].bits);
		m.module.packet_code = code;
		attach_with(&defaults);
		present();
		ck_assert_uint_eq(m.samples, 1);
		ck_assert_uint_eq(m.last->dpi, pictures[_i].dpi);
		check_picture(m.last, false, false);
		ck_assert_uint_eq(m.touched, 1);
		ck_assert_uint_eq(m.lifted, 1);
		ck_assert_uint_eq(m.failed + m.broken, 0);
		ck_assert_uint_eq(counted().errors + counted().unexpected, 0);
		detach();
	}
}
END_TEST

START_TEST(settings_win)
{
	struct zfm_options o = defaults;

	o.invert = (_i & 1) != 0;
	o.rotate = (_i & 2) != 0;
	o.dpi = 400;
	prepare();
	attach_with(&o);
	present();
	ck_assert_uint_eq(m.samples, 1);
	ck_assert_uint_eq(m.last->dpi, 400);
	check_picture(m.last, o.invert, o.rotate);
	detach();
}
END_TEST

START_TEST(impossible_options_are_refused)
{
	static const struct zfm_options bad[] = { { .dpi = SAMPLE_DPI_MAX + 1 },
						  { .dpi = SAMPLE_DPI_MIN - 1 },
						  { .baud = 9601 },
						  { .baud = 13 * 9600 } };

	prepare();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(mock_open(&m, &bad[i]), -EINVAL);
	ck_assert_ptr_null(zfm_free(NULL));
}
END_TEST

START_TEST(bytes_may_come_in_any_portions)
{
	static const size_t cuts[] = { 1, 2, 3, 11, 12, 13, 138, 139, 140, 512 };

	prepare();
	m.cut = cuts[_i];
	attach_with(&defaults);
	present();
	ck_assert_uint_eq(m.samples, 1);
	check_picture(m.last, false, false);
	ck_assert_uint_eq(counted().bad_images, 0);
	detach();
}
END_TEST

/* ---- bring-up ------------------------------------------------------------------------------ */

START_TEST(the_ready_byte_ends_the_wait)
{
	prepare();
	attach_with(&defaults);
	mock_run(&m, 20);
	ck_assert_uint_eq(m.writes, 0);
	mock_deliver(&m, (const uint8_t *)"\x55", 1);
	mock_run(&m, 20);
	ck_assert_uint_eq(m.ready, 1);
	detach();
}
END_TEST

START_TEST(a_picture_for_somebody_else_is_waited_out)
{
	prepare();
	m.module.verified = m.module.image_held = true;
	module_send_picture(&m.module);
	attach_with(&defaults);
	/* The line is dropped with the rate, so it goes on as from a cable. */
	module_send_picture(&m.module);
	mock_run(&m, 10000);
	ck_assert_uint_eq(m.ready, 1);
	ck_assert_uint_eq(counted().errors, 0);
	present();
	check_picture(m.last, false, false);
	detach();
}
END_TEST

START_TEST(a_dark_module_is_asked_for_nothing)
{
	struct zfm_counters before, after;

	attach();
	zfm_arm(m.zfm, false);
	mock_run(&m, 1000);
	zfm_counters(m.zfm, &before);
	ck_assert(!m.timer_set); /* it costs nothing */
	present();
	zfm_counters(m.zfm, &after);
	ck_assert_uint_eq(after.commands, before.commands);
	ck_assert_uint_eq(m.touched, 0);
	zfm_arm(m.zfm, true);
	present();
	ck_assert_uint_eq(m.samples, 1);
	ck_assert_uint_eq(m.lifted, 1);
	/* Put out while a finger lies there: its presentation is over, and none follows. */
	m.module.finger = true;
	mock_run(&m, 30000);
	ck_assert_uint_eq(m.touched, 2);
	ck_assert_uint_eq(m.lifted, 1);
	zfm_arm(m.zfm, false);
	mock_run(&m, 1000);
	ck_assert_uint_eq(m.lifted, 2);
	mock_run(&m, MINUTE);
	ck_assert_uint_eq(m.touched, 2);
	detach();
}
END_TEST

START_TEST(the_password_is_given)
{
	struct zfm_options o = defaults;

	prepare();
	m.module.password = 0xcafe0017u;
	o.password = 0xcafe0017u;
	attach_with(&o);
	present();
	ck_assert_uint_eq(m.samples, 1);
	detach();
}
END_TEST

START_TEST(a_wrong_password_is_a_wrong_configuration)
{
	prepare();
	m.module.password = 1;
	attach_with(&defaults);
	mock_run(&m, MINUTE);
	ck_assert_uint_eq(m.broken, 1);
	ck_assert_int_eq(m.end, ZFM_MISCONFIGURED);
	ck_assert_str_eq(m.why, "wrong password");
	ck_assert_uint_eq(m.module.verifies, 1); /* no guessing, no hammering */
	ck_assert_uint_eq(m.ready, 0);
	detach();
}
END_TEST

START_TEST(a_wrong_address_is_a_wrong_configuration)
{
	struct zfm_options o = defaults;

	prepare();
	m.module.address = 0x01020304u;
	m.module.tells_address = _i == 0;
	attach_with(&o);
	mock_run(&m, MINUTE);
	ck_assert_uint_eq(m.broken, 1);
	if (_i == 0) {
		ck_assert_int_eq(m.end, ZFM_MISCONFIGURED);
		ck_assert_str_eq(m.why, "wrong address");
	} else {
		ck_assert_int_eq(m.end, ZFM_BROKEN);
		ck_assert_str_eq(m.why, "no module answers at any rate");
	}
	detach();
	o.address = 0x01020304u;
	prepare();
	m.module.address = o.address;
	attach_with(&o);
	present();
	ck_assert_uint_eq(m.samples, 1);
	detach();
}
END_TEST

START_TEST(an_answer_under_another_address_is_nobodys)
{
	prepare();
	m.module.dead = true;
	attach_with(&defaults);
	while (m.broken == 0) {
		unsigned writes = m.writes;

		mock_run(&m, 50);
		if (m.writes > writes) {
			m.module.address = 5;
			module_answer(&m.module, 0);
		}
		ck_assert_int_lt(m.now, MINUTE);
	}
	ck_assert_uint_eq(m.ready, 0);
	ck_assert_int_eq(m.end, ZFM_MISCONFIGURED);
	detach();
}
END_TEST

static const uint32_t rates[] = { 9600, 19200, 38400, 57600, 115200 };

START_TEST(every_rate_is_found)
{
	struct zfm_identity id;

	prepare();
	m.module.baud = rates[_i];
	attach_with(&defaults);
	mock_run(&m, 10000);
	ck_assert_uint_eq(m.ready, 1);
	zfm_identity(m.zfm, &id);
	ck_assert_uint_eq(id.baud, rates[_i]);
	ck_assert_uint_eq(id.system_id, 9);
	ck_assert_ptr_null(id.model);
	m.module.finger = true;
	mock_run(&m, MINUTE);
	ck_assert_uint_eq(m.samples, 1);
	zfm_identity(m.zfm, &id);
	ck_assert_str_eq(id.model, "R503");
	ck_assert_uint_eq(m.module.rate_changes, 0); /* auto changes nothing */
	detach();
}
END_TEST

START_TEST(the_rate_of_the_last_time_comes_first)
{
	struct zfm_options o = defaults;

	prepare();
	m.module.baud = 9600;
	o.baud_first = 9600;
	attach_with(&o);
	mock_run(&m, 600);
	ck_assert_uint_eq(m.ready, 1);
	ck_assert_uint_eq(counted().errors, 0);
	detach();
}
END_TEST

START_TEST(a_configured_rate_becomes_the_modules)
{
	struct zfm_options o = defaults;
	struct zfm_identity id;

	prepare();
	o.baud = 115200;
	m.module.rate_sticks = _i == 1;
	attach_with(&o);
	mock_run(&m, 20000);
	ck_assert_uint_eq(m.ready, 1);
	ck_assert_uint_eq(m.module.rate_changes, 1);
	zfm_identity(m.zfm, &id);
	ck_assert_uint_eq(id.baud, _i == 1 ? 57600 : 115200);
	ck_assert_uint_eq(m.module.baud, id.baud);
	present();
	ck_assert_uint_eq(m.samples, 1);
	detach();
}
END_TEST

START_TEST(a_dead_module_is_given_up_in_bounded_time)
{
	prepare();
	m.module.dead = true;
	attach_with(&defaults);
	mock_run(&m, 6000);
	ck_assert_uint_eq(m.broken, 1);
	ck_assert_int_eq(m.end, ZFM_BROKEN);
	ck_assert_str_eq(m.why, "no module answers at any rate");
	ck_assert(!m.timer_set);
	detach();
}
END_TEST

/* ---- presentations ------------------------------------------------------------------------- */

START_TEST(a_finger_that_is_there_at_the_start_is_taken)
{
	prepare();
	m.module.finger = true;
	attach_with(&defaults);
	mock_run(&m, 10000);
	ck_assert_uint_eq(m.samples, 1);
	ck_assert_uint_eq(m.lifted, 0);
	mock_run(&m, MINUTE); /* it rests: one presentation */
	ck_assert_uint_eq(m.samples, 1);
	ck_assert_uint_eq(m.touched, 1);
	detach();
}
END_TEST

START_TEST(the_picture_comes_after_the_finger_has_gone)
{
	attach();
	m.module.finger = true;
	mock_run(&m, ZFM_POLL_MS + 50);
	ck_assert_uint_eq(m.touched, 1);
	m.module.finger = false;
	mock_run(&m, 10000);
	ck_assert_uint_eq(m.samples, 1);
	ck_assert_uint_eq(m.lifted, 1);
	detach();
}
END_TEST

START_TEST(a_finger_that_flickers_is_one_presentation)
{
	attach();
	m.module.finger = true;
	mock_run(&m, 10000);
	m.module.codes_for = 1;
	m.module.codes_count = 1;
	m.module.codes[0] = 2;
	mock_run(&m, 5000);
	ck_assert_uint_eq(m.lifted, 0);
	ck_assert_uint_eq(m.touched, 1);
	m.module.finger = false;
	mock_run(&m, 1000);
	ck_assert_uint_eq(m.lifted, 1);
	present();
	ck_assert_uint_eq(m.touched, 2);
	ck_assert_uint_eq(m.samples, 2);
	detach();
}
END_TEST

START_TEST(more_frames_come_while_they_are_wanted)
{
	unsigned wanted = (unsigned)_i + 1;

	prepare();
	m.frames_wanted = (unsigned)_i;
	m.module.finger = true;
	attach_with(&defaults);
	mock_run(&m, 2 * MINUTE);
	m.module.finger = false;
	mock_run(&m, 2000);
	ck_assert_uint_eq(m.samples, wanted < ZFM_FRAMES_MAX ? wanted : ZFM_FRAMES_MAX);
	ck_assert_uint_eq(m.touched, 1);
	ck_assert_uint_eq(m.lifted, 1);
	check_picture(m.last, false, false);
	detach();
}
END_TEST

START_TEST(a_frame_that_is_wanted_from_no_finger_is_left_out)
{
	prepare();
	m.frames_wanted = 5;
	m.module.finger = true;
	attach_with(&defaults);
	mock_run(&m, 1500);
	m.module.finger = false; /* while the first one is sent */
	mock_run(&m, 30000);
	ck_assert_uint_eq(m.samples, 1);
	ck_assert_uint_eq(m.failed, 0);
	ck_assert_uint_eq(m.lifted, 1);
	detach();
}
END_TEST

START_TEST(a_finger_without_picture_is_told_and_the_next_works)
{
	attach();
	m.module.codes_for = 1;
	m.module.codes_count = _i == 0 ? ZFM_TRIES : 1;
	memset(m.module.codes, 3, sizeof(m.module.codes));
	m.module.finger = _i == 0; /* else it is lifted after one bad look */
	mock_run(&m, 2000);
	ck_assert_uint_eq(m.touched, 1);
	ck_assert_uint_eq(m.failed, 1);
	ck_assert_uint_eq(m.samples, 0);
	ck_assert_str_eq(m.why, _i == 0 ? "image: not taken" : "image: lifted too early");
	m.module.finger = false;
	mock_run(&m, 2000);
	ck_assert_uint_eq(m.lifted, 1);
	present();
	ck_assert_uint_eq(m.samples, 1);
	detach();
}
END_TEST

START_TEST(a_picture_of_another_size_is_none)
{
	static const size_t sizes[] = { 1,
					128,
					18304,
					18431,
					18433,
					20000,
					ZFM_IMAGE_BYTES_MAX + 1,
					ZFM_IMAGE_BYTES_MAX + 5000 };

	attach();
	m.module.picture_bytes = sizes[_i];
	present();
	mock_run(&m, MINUTE);
	ck_assert_uint_eq(m.samples, 0);
	ck_assert_uint_eq(m.failed, 1);
	ck_assert_uint_eq(counted().bad_images, ZFM_TRIES);
	ck_assert_uint_eq(m.lifted, 1);
	m.module.picture_bytes = 0;
	present();
	ck_assert_uint_eq(m.samples, 1);
	detach();
}
END_TEST

START_TEST(a_picture_that_never_ends_but_is_whole_counts)
{
	attach();
	m.module.no_last = true;
	present();
	ck_assert_uint_eq(m.samples, 1);
	check_picture(m.last, false, false);
	ck_assert_uint_eq(counted().bad_images, 0);
	detach();
}
END_TEST

START_TEST(many_presentations_without_image_break_it)
{
	attach();
	m.module.picture_bytes = 999;
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(m.broken, 0);
		present();
	}
	ck_assert_uint_eq(m.failed, 5);
	ck_assert_uint_eq(m.broken, 1);
	ck_assert_int_eq(m.end, ZFM_BROKEN);
	detach();
}
END_TEST

START_TEST(waiting_costs_two_wakeups_a_poll_and_five_polls_a_second)
{
	unsigned wakeups;
	uint64_t polls;

	attach();
	wakeups = m.timeouts + m.inputs;
	polls = counted().polls;
	mock_run(&m, 60 * MINUTE);
	wakeups = m.timeouts + m.inputs - wakeups;
	polls = counted().polls - polls;
	ck_assert_uint_le(polls, 5 * 3600);
	ck_assert_uint_ge(polls, 4 * 3600); /* or the finger would wait */
	ck_assert_uint_le(wakeups, 2 * polls + 2);
	ck_assert_uint_eq(counted().commands, m.writes);
	detach();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("zfm");
	TCase *c = tcase_create("zfm");
	SRunner *r;
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_loop_test(c, every_geometry_arrives_pixel_by_pixel, 0, (int)PICTURES);
	tcase_add_loop_test(c, settings_win, 0, 4);
	tcase_add_test(c, impossible_options_are_refused);
	tcase_add_loop_test(c, bytes_may_come_in_any_portions, 0, 10);
	tcase_add_test(c, the_ready_byte_ends_the_wait);
	tcase_add_test(c, a_picture_for_somebody_else_is_waited_out);
	tcase_add_test(c, the_password_is_given);
	tcase_add_test(c, a_wrong_password_is_a_wrong_configuration);
	tcase_add_loop_test(c, a_wrong_address_is_a_wrong_configuration, 0, 2);
	tcase_add_test(c, an_answer_under_another_address_is_nobodys);
	tcase_add_loop_test(c, every_rate_is_found, 0, 5);
	tcase_add_test(c, the_rate_of_the_last_time_comes_first);
	tcase_add_loop_test(c, a_configured_rate_becomes_the_modules, 0, 2);
	tcase_add_test(c, a_dead_module_is_given_up_in_bounded_time);
	tcase_add_test(c, a_finger_that_is_there_at_the_start_is_taken);
	tcase_add_test(c, the_picture_comes_after_the_finger_has_gone);
	tcase_add_test(c, a_finger_that_flickers_is_one_presentation);
	tcase_add_loop_test(c, more_frames_come_while_they_are_wanted, 0, 10);
	tcase_add_test(c, a_frame_that_is_wanted_from_no_finger_is_left_out);
	tcase_add_loop_test(c, a_finger_without_picture_is_told_and_the_next_works, 0, 2);
	tcase_add_loop_test(c, a_picture_of_another_size_is_none, 0, 8);
	tcase_add_test(c, a_picture_that_never_ends_but_is_whole_counts);
	tcase_add_test(c, many_presentations_without_image_break_it);
	tcase_add_test(c, a_dark_module_is_asked_for_nothing);
	tcase_add_test(c, waiting_costs_two_wakeups_a_poll_and_five_polls_a_second);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
