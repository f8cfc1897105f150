/* The driver of ZFM modules on a line that loses, damages and delays, and with a module that does. */
#include "bio/serial/zfm.h"

#include "serial/zfm_kit.h"
#include "unit.h"

/* ---- faults -------------------------------------------------------------------------------- */

/* What the module has sent after bring-up and one whole presentation. */
static struct zfm_module
whole_conversation(void)
{
	attach();
	present();
	ck_assert_uint_eq(m.samples, 1);
	detach();
	return m.module;
}

/* Bring-up and the beginning of the picture octet by octet, its inside here and there. */
static uint64_t
next_octet(uint64_t at)
{
	return at < 400 ? at + 1 : at + 97;
}

static void
expect_capture_in_the_end(void)
{
	attach_with(&defaults);
	for (unsigned i = 0; i < 4 && m.samples == 0 && m.broken == 0; i++)
		present();
	ck_assert_uint_eq(m.broken, 0);
	ck_assert_uint_ge(m.samples, 1);
	check_picture(m.last, false, false);
	ck_assert_uint_eq(m.ready, 1);
	ck_assert_uint_eq(m.touched, m.lifted);
	detach();
}

START_TEST(a_wrong_octet_anywhere_costs_no_capture)
{
	uint64_t octets = whole_conversation().octets;

	ck_assert_uint_gt(octets, 18432);
	for (uint64_t at = 0; at < octets; at = next_octet(at)) {
		prepare();
		m.module.corrupt_at = at;
		expect_capture_in_the_end();
	}
}
END_TEST

START_TEST(a_lost_octet_anywhere_costs_no_capture)
{
	uint64_t octets = whole_conversation().octets;

	for (uint64_t at = 0; at < octets; at = next_octet(at)) {
		prepare();
		m.module.lose_octet = at;
		expect_capture_in_the_end();
	}
}
END_TEST

START_TEST(a_packet_lost_doubled_or_wrong_costs_no_capture)
{
	uint64_t packets = whole_conversation().packets;

	ck_assert_uint_gt(packets, 144);
	for (uint64_t at = 0; at < packets; at++) {
		prepare();
		m.module.lose_packet = _i == 0 ? at : MODULE_NEVER;
		m.module.double_packet = _i == 1 ? at : MODULE_NEVER;
		m.module.wrong_sum = _i == 2 ? at : MODULE_NEVER;
		m.module.wrong_length = _i >= 3 ? at : MODULE_NEVER;
		m.module.length_lie = _i == 3 ? 1 : _i == 4 ? -1 : _i == 5 ? 200 : 0x4000;
		expect_capture_in_the_end();
	}
}
END_TEST

START_TEST(silence_from_any_octet_on_is_noticed_in_bounded_time)
{
	uint64_t octets = whole_conversation().octets;

	for (uint64_t at = 0; at < octets; at = next_octet(at)) {
		prepare();
		m.module.silent_from = at;
		m.module.finger = true;
		attach_with(&defaults);
		mock_run(&m, 40000);
		ck_assert_uint_eq(m.broken, 1);
		ck_assert_int_eq(m.end, ZFM_BROKEN);
		ck_assert(!m.timer_set);
		detach();
	}
}
END_TEST

START_TEST(silence_that_ends_costs_no_capture)
{
	uint64_t octets = whole_conversation().octets;

	/* (A line without a first answer, 12 octets, is scanned at other rates.) */
	for (uint64_t at = 12; at < octets; at = next_octet(at)) {
		prepare();
		m.module.silent_from = at;
		m.module.finger = true;
		attach_with(&defaults);
		while (m.module.octets < at)
			ck_assert(mock_step(&m, INT64_MAX));
		mock_run(&m, 1500);
		m.module.silent_from = MODULE_NEVER;
		mock_run(&m, 30000);
		ck_assert_uint_eq(m.broken, 0);
		ck_assert_uint_eq(m.samples, 1);
		detach();
	}
}
END_TEST

START_TEST(every_code_in_answer_to_every_command_is_survived)
{
	static const uint8_t commands[] = { 0x13, 0x0f, 0x01, 0x0a };

	for (unsigned code = 1; code < 256; code++) {
		bool ours = code == 0x13 || code == 0x20 ||
			    (code == 0x21 && commands[_i] == 0x13);

		prepare();
		m.module.codes_for = commands[_i];
		m.module.codes_count = 1;
		m.module.codes[0] = (uint8_t)code;
		m.module.finger = true;
		attach_with(&defaults);
		mock_run(&m, 20000);
		m.module.finger = false;
		mock_run(&m, 2000);
		m.module.finger = true;
		mock_run(&m, 20000);
		ck_assert_uint_eq(m.broken, ours);
		if (ours)
			ck_assert_int_eq(m.end, ZFM_MISCONFIGURED);
		else
			ck_assert_uint_ge(m.samples, 1);
		detach();
	}
}
END_TEST

START_TEST(every_code_for_good_ends_or_is_told)
{
	static const uint8_t commands[] = { 0x13, 0x0f, 0x01, 0x0a };

	for (unsigned code = 1; code < 256; code++) {
		prepare();
		m.module.codes_for = commands[_i];
		m.module.finger = true;
		attach_with(&defaults);
		for (unsigned i = 0; i < 40 && m.broken == 0; i++) {
			m.module.codes_count = MODULE_CODES;
			memset(m.module.codes, (int)code, sizeof(m.module.codes));
			mock_run(&m, 1000);
		}
		ck_assert_uint_eq(m.samples, 0);
		ck_assert(m.broken > 0 || m.failed > 0 || code == 2);
		ck_assert(m.why != NULL || code == 2);
		detach();
	}
}
END_TEST

START_TEST(late_answers_are_not_taken_for_others)
{
	prepare();
	m.delay_ms = 100 * (unsigned)_i; /* up to more than any answer is waited for */
	attach_with(&defaults);
	m.module.finger = false;
	mock_run(&m, 2 * MINUTE);
	ck_assert_uint_eq(m.touched, 0); /* no "done" of another command is a finger */
	ck_assert(m.ready == 1 || m.broken == 1);
	detach();
}
END_TEST

START_TEST(a_late_done_is_not_a_finger)
{
	attach();
	for (unsigned i = 0; i < 200; i++) {
		m.delay_ms = i % 7 == 0 ? 2300 : 0;
		mock_run(&m, 400);
		if (m.broken > 0)
			break;
		ck_assert_uint_eq(m.touched, 0);
	}
	ck_assert_uint_gt(counted().restarts, 5);
	detach();
}
END_TEST

START_TEST(a_module_that_lost_power_gets_the_password_again)
{
	attach();
	module_power_cycle(&m.module);
	mock_run(&m, 2000);
	ck_assert_uint_eq(m.module.verifies, 2);
	ck_assert_uint_eq(m.ready, 1); /* told once */
	present();
	ck_assert_uint_eq(m.samples, 1);
	/* In the middle of a picture, which is lost with it. */
	m.module.finger = true;
	mock_run(&m, 1500);
	ck_assert_uint_eq(m.touched, 2);
	m.module.finger = false;
	module_power_cycle(&m.module);
	mock_run(&m, 5000);
	ck_assert_uint_eq(m.failed, 1);
	ck_assert_str_eq(m.why, "image: the module holds none");
	ck_assert_uint_eq(m.lifted, 2);
	present();
	ck_assert_uint_eq(m.samples, 2);
	ck_assert_uint_eq(m.broken, 0);
	detach();
}
END_TEST

START_TEST(babble_is_given_up)
{
	uint8_t noise[64];

	attach();
	m.module.dead = true;
	for (unsigned i = 0; i < 60000 && m.broken == 0; i++) {
		for (size_t k = 0; k < sizeof(noise); k++)
			noise[k] = (uint8_t)(k * i + 0xef);
		mock_deliver(&m, noise, sizeof(noise));
		mock_run(&m, 10);
	}
	ck_assert_uint_eq(m.broken, 1);
	ck_assert_int_eq(m.end, ZFM_BROKEN);
	detach();
}
END_TEST

/* No pause in it, so that a timer that is set anew with every delivery never ends. */
START_TEST(babble_at_full_rate_is_given_up)
{
	static const uint8_t ends[] = { 0xef, 0x55, 0x00 };
	unsigned steps = 0;

	prepare();
	m.module.dead = true;
	m.cut = 12; /* a millisecond of the fastest line */
	if (_i < 3)
		attach_with(&defaults);
	else
		attach(); /* it begins when the module worked */
	m.module.dead = true;
	m.cut = 12;
	for (; m.broken == 0 && steps < 400000; steps++) {
		for (unsigned k = 0; m.module.out_to - m.module.out_from < 24; k++)
			module_octet(&m.module, k % 12 == 11 ? ends[_i % 3] : 0xa5);
		ck_assert(mock_step(&m, INT64_MAX));
	}
	ck_assert_uint_eq(m.broken, 1);
	ck_assert_int_eq(m.end, ZFM_BROKEN);
	ck_assert_int_lt(m.now, 3 * MINUTE);
	detach();
}
END_TEST

START_TEST(packets_that_nobody_asked_for_change_nothing)
{
	static const uint8_t two[2] = { 0, 0 };

	attach();
	for (unsigned i = 0; i < 200; i++) {
		mock_run(&m, ZFM_POLL_MS / 4);
		module_packet(&m.module, 7, two, 2);
		module_packet(&m.module, 2, two, 2);
		module_packet(&m.module, 1, two, 2);
	}
	ck_assert_uint_eq(m.touched + m.broken, 0);
	ck_assert_uint_gt(counted().unexpected, 0);
	ck_assert_uint_gt(counted().noise_bytes, 200 * 30);
	present();
	ck_assert_uint_eq(m.samples, 1);
	detach();
}
END_TEST

/* ---- the line ------------------------------------------------------------------------------ */

START_TEST(unplugging_at_every_command_ends_quietly)
{
	for (unsigned writes = 0; writes < 40; writes++) {
		prepare();
		attach_with(&defaults);
		m.writes_left = writes;
		for (unsigned i = 0; i < 10 && m.broken == 0; i++)
			present();
		ck_assert_uint_eq(m.broken, 1);
		ck_assert_int_eq(m.end, ZFM_GONE);
		ck_assert(!m.timer_set);
		detach();
	}
}
END_TEST

START_TEST(a_line_that_takes_nothing_breaks_it)
{
	prepare();
	ck_assert_int_eq(mock_open(&m, &defaults), 0);
	m.refuse_write = _i == 0 ? EAGAIN : 0;
	m.refuse_rate = _i == 1 ? EINVAL : 0;
	m.refuse_timer = _i == 2 ? ENOMEM : 0;
	zfm_start(m.zfm);
	mock_run(&m, 1000);
	ck_assert_uint_eq(m.broken, 1);
	ck_assert_int_eq(m.end, ZFM_BROKEN);
	detach();
}
END_TEST

START_TEST(stopping_at_every_step_is_silent)
{
	for (unsigned steps = 0; steps < 1000; steps += steps < 40 ? 1 : 17) {
		struct mock_line *after = &m;
		unsigned told;

		prepare();
		m.module.finger = true;
		attach_with(&defaults);
		for (unsigned i = 0; i < steps; i++)
			(void)mock_step(&m, INT64_MAX); /* the end is fine too */
		zfm_stop(m.zfm);
		told = m.ready + m.touched + m.samples + m.failed + m.lifted + m.writes;
		ck_assert(!m.timer_set);
		m.arriving = false;
		mock_run(&m, 20000);
		zfm_stop(m.zfm);
		zfm_timeout(m.zfm);
		ck_assert_uint_eq(after->ready + after->touched + after->samples +
					  after->failed + after->lifted + after->writes,
				  told);
		ck_assert_uint_eq(m.broken, 0);
		detach();
	}
}
END_TEST

START_TEST(stopping_from_inside_every_event_works)
{
	prepare();
	m.stop_when_ready = _i == 0;
	m.stop_when_touched = _i == 1;
	m.stop_when_sampled = _i == 2;
	m.stop_when_failed = _i == 3;
	m.stop_when_lifted = _i == 4;
	m.frames_wanted = 1;
	if (_i == 3)
		m.module.picture_bytes = 77;
	attach_with(&defaults);
	present();
	mock_run(&m, MINUTE);
	ck_assert(!m.timer_set);
	ck_assert_uint_eq(m.ready, 1);
	ck_assert_uint_eq(m.touched, _i >= 1);
	ck_assert_uint_eq(m.broken, 0);
	detach();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("zfm_faults");
	TCase *c = tcase_create("zfm_faults");
	SRunner *r;
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_test(c, a_wrong_octet_anywhere_costs_no_capture);
	tcase_add_test(c, a_lost_octet_anywhere_costs_no_capture);
	tcase_add_loop_test(c, a_packet_lost_doubled_or_wrong_costs_no_capture, 0, 7);
	tcase_add_test(c, silence_from_any_octet_on_is_noticed_in_bounded_time);
	tcase_add_test(c, silence_that_ends_costs_no_capture);
	tcase_add_loop_test(c, every_code_in_answer_to_every_command_is_survived, 0, 4);
	tcase_add_loop_test(c, every_code_for_good_ends_or_is_told, 0, 4);
	tcase_add_loop_test(c, late_answers_are_not_taken_for_others, 0, 26);
	tcase_add_test(c, a_late_done_is_not_a_finger);
	tcase_add_test(c, a_module_that_lost_power_gets_the_password_again);
	tcase_add_test(c, babble_is_given_up);
	tcase_add_loop_test(c, babble_at_full_rate_is_given_up, 0, 6);
	tcase_add_test(c, packets_that_nobody_asked_for_change_nothing);
	tcase_add_test(c, unplugging_at_every_command_ends_quietly);
	tcase_add_loop_test(c, a_line_that_takes_nothing_breaks_it, 0, 3);
	tcase_add_test(c, stopping_at_every_step_is_silent);
	tcase_add_loop_test(c, stopping_from_inside_every_event_works, 0, 5);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
