/*
 * The reader on a serial line, live: a pseudo-terminal with a module of our own at its far end, behind
 * a link as udev makes one. Nothing here depends on how long something takes.
 */
#include "bio/serial/reader_zfm.h"

#include "bio/serial/line.h"
#include "serial/zfm_module.h"
#include "tempdir.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

#define ROUNDS_MAX 100000u
#define HAND_OVER_BYTES 512u

static struct loop *l;
static struct reader *reader;
static struct reader_options options;
static char dir[TEMPDIR_BYTES], path[TEMPDIR_PATH_BYTES];

static struct {
	unsigned touched, samples, failures, lifted, changes;
	struct sample *sample;
} told;

/* The far end: the module and its side of the line. */
static struct {
	struct zfm_module module;
	int fd;   /* -1: unplugged */
	int near; /* or the far end would see a hang-up while nobody has the near one */
	struct loop_io *io;
	uint64_t hang_up_at; /* octets that the reader gets before */
	uint64_t handed;
} far;

static void
on_touched(void *ctx, struct reader *r)
{
	(void)ctx;
	(void)r;
	told.touched++;
}

static bool
on_sample(void *ctx, struct reader *r, struct sample *s)
{
	(void)ctx;
	(void)r;
	told.samples++;
	sample_free(told.sample);
	told.sample = s;
	return false;
}

static void
on_failed(void *ctx, struct reader *r, const char *why)
{
	(void)ctx;
	(void)r;
	ck_assert_ptr_nonnull(why);
	told.failures++;
}

static void
on_lifted(void *ctx, struct reader *r)
{
	(void)ctx;
	(void)r;
	told.lifted++;
}

static void
on_changed(void *ctx, struct reader *r)
{
	(void)ctx;
	(void)r;
	told.changes++;
}

static const struct reader_events events = { on_touched, on_sample,  on_failed,
					     on_lifted,  on_changed, NULL };

static void
unplug(void)
{
	far.io = loop_io_free(far.io);
	if (far.fd >= 0)
		(void)close(far.fd); /* a test's */
	if (far.near >= 0)
		(void)close(far.near);
	far.fd = far.near = -1;
}

/* A pseudo-terminal has no rate, but knows which one was set. */
static uint32_t
rate_of(int fd)
{
	static const struct {
		speed_t speed;
		uint32_t baud;
	} rates[] = { { B9600, 9600 },
		      { B19200, 19200 },
		      { B38400, 38400 },
		      { B57600, 57600 },
		      { B115200, 115200 } };
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (rates[i].speed == cfgetospeed(&t))
			return rates[i].baud;
	return 0;
}

static void
far_ready(void *ctx, unsigned what)
{
	uint8_t bytes[HAND_OVER_BYTES];
	ssize_t n;

	(void)ctx;
	if ((what & LOOP_READ) != 0) {
		n = read(far.fd, bytes, sizeof(bytes));
		far.module.line_baud = rate_of(far.fd);
		if (n > 0)
			module_input(&far.module, bytes, (size_t)n);
	}
	if ((what & LOOP_WRITE) != 0) {
		size_t room = sizeof(bytes);

		if (far.hang_up_at - far.handed < room)
			room = (size_t)(far.hang_up_at - far.handed);
		n = (ssize_t)module_output(&far.module, bytes, room);
		ck_assert_int_eq(write(far.fd, bytes, (size_t)n), n);
		far.handed += (uint64_t)n;
		if (far.handed == far.hang_up_at) {
			unplug();
			return;
		}
	}
	ck_assert_int_eq(loop_io_set(far.io, far.module.out_to > far.module.out_from
						     ? LOOP_READ | LOOP_WRITE
						     : LOOP_READ),
			 0);
}

/* A new line, and the link to it as if udev had made it. */
static void
plug(void)
{
	char near[64], fresh[TEMPDIR_PATH_BYTES + 8];
	struct termios t;

	module_power_cycle(&far.module);
	far.handed = 0;
	far.fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	ck_assert_int_ge(far.fd, 0);
	ck_assert_int_eq(grantpt(far.fd), 0);
	ck_assert_int_eq(unlockpt(far.fd), 0);
	/* Nothing may come back before the reader has made the line raw. */
	ck_assert_int_eq(tcgetattr(far.fd, &t), 0);
	cfmakeraw(&t);
	ck_assert_int_eq(tcsetattr(far.fd, TCSANOW, &t), 0);
	ck_assert_int_eq(ptsname_r(far.fd, near, sizeof(near)), 0);
	far.near = open(near, O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(far.near, 0);
	ck_assert_int_eq(
		loop_io_new(l, far.fd, LOOP_READ | LOOP_WRITE, far_ready, NULL, &far.io),
		0);
	module_octet(&far.module, 0x55); /* it has power, and is ready */
	(void)snprintf(fresh, sizeof(fresh), "%s.new", path); /* fits */
	ck_assert_int_eq(symlink(near, fresh), 0);
	ck_assert_int_eq(rename(fresh, path), 0);
}

static void
begin(void)
{
	memset(&told, 0, sizeof(told));
	module_init(&far.module, 192, 192, 4);
	far.fd = far.near = -1;
	far.hang_up_at = UINT64_MAX;
	tempdir_make(dir);
	(void)snprintf(path, sizeof(path), "%s/finger", dir); /* fits */
	options = (struct reader_options){ .name = "front",
					   .device = path,
					   .address = 0xffffffffu };
	ck_assert_int_eq(loop_new(&l), 0);
}

static void
open_reader(void)
{
	ck_assert_int_eq(reader_zfm.open(l, &options, &events, &reader), 0);
}

static void
end(void)
{
	reader = reader_zfm.close(reader);
	unplug();
	told.sample = sample_free(told.sample);
	l = loop_free(l);
	tempdir_remove(dir);
}

static void
until_state(enum reader_state s)
{
	for (unsigned i = 0; i < ROUNDS_MAX && reader->state != s; i++)
		ck_assert_int_eq(loop_once(l, 1000), 0);
	ck_assert_int_eq(reader->state, s);
}

static void
until(const unsigned *count, unsigned n)
{
	for (unsigned i = 0; i < ROUNDS_MAX && *count < n; i++)
		ck_assert_int_eq(loop_once(l, 1000), 0);
	ck_assert_uint_ge(*count, n);
}

static void
check_picture(void)
{
	const struct zfm_module *m = &far.module;
	size_t wrong = 0;

	ck_assert_ptr_nonnull(told.sample);
	ck_assert_uint_eq(told.sample->width, m->width);
	ck_assert_uint_eq(told.sample->height, m->height);
	for (size_t i = 0; i < (size_t)m->width * m->height; i++)
		wrong += told.sample->grey[i] != module_expected(m, i);
	ck_assert_uint_eq(wrong, 0);
}

static unsigned
open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d); /* read only */
	return n;
}

START_TEST(a_finger_becomes_a_picture_through_a_real_line)
{
	static const struct {
		uint32_t width, height, bits;
	} sizes[] = {
		{ 256, 288, 4 }, { 208, 288, 4 }, { 192, 192, 4 }, { 256, 288, 8 }
	};

	begin();
	module_init(&far.module, sizes[_i].width, sizes[_i].height, sizes[_i].bits);
	plug();
	open_reader();
	ck_assert_int_eq(reader->state, READER_ABSENT);
	until_state(READER_READY);
	ck_assert_ptr_null(reader->why);
	ck_assert_str_eq(reader->device.port, path);
	ck_assert_str_eq(reader->device.model, "ZFM module, system 0009, 57600 baud");
	far.module.finger = true;
	until(&told.samples, 1);
	ck_assert_int_eq(reader->state, READER_CAPTURING);
	check_picture();
	far.module.finger = false;
	until(&told.lifted, 1);
	ck_assert_int_eq(reader->state, READER_READY);
	ck_assert_uint_eq(told.touched, 1);
	ck_assert_uint_eq(reader->captures, 1);
	ck_assert_uint_eq(reader->errors + reader->replugs + reader->resets, 0);
	end();
}
END_TEST

START_TEST(the_rate_is_found_and_kept_over_a_replug)
{
	struct reader_zfm_counters c;

	begin();
	far.module.baud = 9600;
	plug();
	open_reader();
	until_state(READER_READY);
	reader_zfm_counters(reader, &c);
	ck_assert_uint_eq(c.module.errors, 3); /* 57600 twice and 115200 */
	unplug();
	until_state(READER_ABSENT);
	plug();
	until_state(READER_READY);
	reader_zfm_counters(reader, &c);
	ck_assert_uint_eq(c.module.errors, 3);
	end();
}
END_TEST

START_TEST(a_module_that_keeps_its_rate_is_told_once)
{
	begin();
	options.baud = 115200;
	far.module.rate_sticks = true;
	plug();
	open_reader();
	until_state(READER_READY);
	ck_assert_uint_eq(far.module.rate_changes, 1);
	unplug();
	until_state(READER_ABSENT);
	plug();
	until_state(READER_READY);
	ck_assert_uint_eq(far.module.rate_changes, 1);
	end();
}
END_TEST

START_TEST(impossible_options_are_refused_at_once)
{
	begin();
	options.device = "ttyACM0";
	ck_assert_int_eq(reader_zfm.open(l, &options, &events, &reader), -EINVAL);
	options.device = NULL;
	ck_assert_int_eq(reader_zfm.open(l, &options, &events, &reader), -EINVAL);
	options.device = path;
	options.baud = 12345;
	ck_assert_int_eq(reader_zfm.open(l, &options, &events, &reader), -EINVAL);
	options.baud = 0;
	options.dpi = 5;
	ck_assert_int_eq(reader_zfm.open(l, &options, &events, &reader), -EINVAL);
	ck_assert_ptr_null(reader_zfm.close(NULL));
	end();
}
END_TEST

START_TEST(while_absent_nothing_runs)
{
	struct reader_zfm_counters c;

	begin();
	open_reader();
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(loop_once(l, 200), 0);
	ck_assert_int_eq(reader->state, READER_ABSENT);
	ck_assert_str_eq(reader->why, "not-found");
	tempdir_write(dir, "other", "x", 1); /* nobody's business */
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(loop_once(l, 20), 0);
	reader_zfm_counters(reader, &c);
	ck_assert_uint_eq(c.wakeups, 0);
	ck_assert_uint_eq(c.opens, 1);
	plug();
	until_state(READER_READY);
	reader_zfm_counters(reader, &c);
	ck_assert_uint_eq(c.opens, 2);         /* at once and rightly */
	ck_assert_uint_eq(reader->replugs, 0); /* it is the first time */
	end();
}
END_TEST

START_TEST(waiting_costs_what_the_polls_cost)
{
	struct reader_zfm_counters from, to;

	begin();
	plug();
	open_reader();
	until_state(READER_READY);
	reader_zfm_counters(reader, &from);
	until(&far.module.takes, far.module.takes + 10);
	reader_zfm_counters(reader, &to);
	ck_assert_uint_le(to.wakeups - from.wakeups,
			  3 * (to.module.polls - from.module.polls) + 3);
	end();
}
END_TEST

START_TEST(fifty_replugs_leave_nothing_behind)
{
	unsigned before = 0;

	begin();
	open_reader();
	far.module.finger = true;
	for (unsigned i = 0; i < 50; i++) {
		plug();
		until(&told.samples, i + 1);
		check_picture();
		unplug();
		until_state(READER_ABSENT);
		ck_assert_int_eq(loop_once(l, 10), 0);
		ck_assert_str_eq(reader->device.model, "");
		if (i == 0)
			before = open_descriptors();
		ck_assert_uint_eq(open_descriptors(), before);
	}
	ck_assert_uint_eq(reader->replugs, 49);
	ck_assert_uint_eq(reader->captures, 50);
	ck_assert_uint_eq(reader->resets + reader->errors, 0);
	end();
}
END_TEST

/* Hangs up after so many octets of the conversation, and is plugged in again. */
START_TEST(a_hang_up_at_every_packet_is_survived)
{
	uint64_t at[64];
	size_t n = 0;

	/* 12 octets of VfyPwd, 28 of ReadSysPara, 12 each of GenImg and UpImage, 139 a packet. */
	for (uint64_t k = 1; k <= 64; k += k < 12 ? 11 : 12)
		at[n++] = k;
	for (uint64_t k = 0; k < 144; k += 24) {
		at[n++] = 64 + k * 139;
		at[n++] = 64 + k * 139 + 70;
	}
	begin();
	open_reader();
	far.module.finger = true;
	for (size_t i = 0; i < n; i++) {
		unsigned samples = told.samples;

		far.hang_up_at = at[i];
		plug();
		for (unsigned k = 0; k < ROUNDS_MAX && far.fd >= 0; k++)
			ck_assert_int_eq(loop_once(l, 1000), 0);
		ck_assert_int_lt(far.fd, 0);
		ck_assert_uint_eq(told.samples, samples);
		far.hang_up_at = UINT64_MAX;
		plug();
		until(&told.samples, samples + 1);
		check_picture();
		unplug();
		until_state(READER_ABSENT);
	}
	ck_assert_uint_eq(reader->captures, n);
	end();
}
END_TEST

START_TEST(a_wrong_password_is_faulty_until_it_is_right)
{
	begin();
	far.module.password = 7;
	plug();
	open_reader();
	until_state(READER_FAULTY);
	ck_assert_str_eq(reader->why, "misconfigured");
	until(&far.module.verifies, 3); /* backs off, and goes on trying */
	ck_assert_int_eq(reader->state, READER_FAULTY);
	ck_assert_uint_ge(reader->resets, 2);
	far.module.password = 0;
	until_state(READER_READY);
	end();
}
END_TEST

START_TEST(unplugging_a_faulty_one_makes_it_absent)
{
	begin();
	far.module.password = 7;
	plug();
	open_reader();
	until_state(READER_FAULTY);
	ck_assert_int_eq(unlink(path), 0);
	unplug();
	until_state(READER_ABSENT);
	far.module.password = 0;
	plug();
	until_state(READER_READY);
	ck_assert_uint_eq(reader->replugs, 0); /* it never worked before */
	end();
}
END_TEST

START_TEST(a_line_that_somebody_has_is_faulty_until_it_is_free)
{
	char near[64];
	int fd;

	begin();
	plug();
	ck_assert_int_eq(ptsname_r(far.fd, near, sizeof(near)), 0);
	fd = open(near, O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	open_reader();
	ck_assert_int_eq(reader->state, READER_FAULTY);
	ck_assert_str_eq(reader->why, "busy");
	(void)close(fd); /* gives the lock back */
	until_state(READER_READY);
	ck_assert_ptr_null(reader->why);
	end();
}
END_TEST

START_TEST(what_is_no_line_is_faulty_until_it_is_one)
{
	begin();
	tempdir_write(dir, "finger", "text", 4);
	open_reader();
	ck_assert_int_eq(reader->state, READER_FAULTY);
	plug(); /* the link takes the file's place */
	until_state(READER_READY);
	end();
}
END_TEST

START_TEST(a_line_is_for_one_only)
{
	int fd = -1, other = -1;

	begin();
	plug();
	ck_assert_int_eq(line_open(path, 57600, &fd), 0);
	ck_assert_int_lt(line_open(path, 57600, &other), 0);
	ck_assert_int_eq(line_set_rate(fd, 57601), -EINVAL);
	ck_assert_int_eq(line_set_rate(fd, 115200), 0);
	ck_assert_uint_eq(rate_of(far.fd), 115200);
	ck_assert_int_eq(line_read(fd, (uint8_t[1]){ 0 }, 1), -EAGAIN);
	unplug();
	ck_assert_int_eq(line_read(fd, (uint8_t[1]){ 0 }, 1), -ENODEV);
	ck_assert_int_eq(line_write(fd, (const uint8_t *)"x", 1), -ENODEV);
	line_close(fd);
	end();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("serial_reader");
	TCase *c = tcase_create("serial_reader");
	SRunner *r;
	int failed;

	tcase_set_timeout(c, 180);
	tcase_add_loop_test(c, a_finger_becomes_a_picture_through_a_real_line, 0, 4);
	tcase_add_test(c, the_rate_is_found_and_kept_over_a_replug);
	tcase_add_test(c, a_module_that_keeps_its_rate_is_told_once);
	tcase_add_test(c, impossible_options_are_refused_at_once);
	tcase_add_test(c, while_absent_nothing_runs);
	tcase_add_test(c, waiting_costs_what_the_polls_cost);
	tcase_add_test(c, fifty_replugs_leave_nothing_behind);
	tcase_add_test(c, a_hang_up_at_every_packet_is_survived);
	tcase_add_test(c, a_wrong_password_is_faulty_until_it_is_right);
	tcase_add_test(c, unplugging_a_faulty_one_makes_it_absent);
	tcase_add_test(c, a_line_that_somebody_has_is_faulty_until_it_is_free);
	tcase_add_test(c, what_is_no_line_is_faulty_until_it_is_one);
	tcase_add_test(c, a_line_is_for_one_only);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
