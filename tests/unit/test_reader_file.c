#include "bio/reader.h"

#include "synth/synth.h"

#include "tempdir.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[TEMPDIR_BYTES];
static uint8_t pgm[SYNTH_WIDTH * SYNTH_HEIGHT + 32];
static size_t pgm_bytes;

/* What the service would have been told. */
static struct {
	unsigned samples, failures, changes, touches, lifts;
	unsigned wanted; /* frames of the next presentations */
	enum reader_state at_touch;
	uint32_t width, height, dpi;
	char device[64];
} told;

static void
on_touched(void *ctx, struct reader *r)
{
	(void)ctx;
	told.at_touch = r->state;
	told.touches++;
}

static void
on_lifted(void *ctx, struct reader *r)
{
	(void)ctx;
	(void)r;
	told.lifts++;
}

static bool
on_sample(void *ctx, struct reader *r, struct sample *s)
{
	(void)ctx;
	(void)r;
	told.samples++;
	told.width = s->width;
	told.height = s->height;
	told.dpi = s->dpi;
	memcpy(told.device, s->device, sizeof(told.device));
	sample_free(s);
	return told.samples < told.wanted;
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
on_changed(void *ctx, struct reader *r)
{
	(void)ctx;
	(void)r;
	told.changes++;
}

static const struct reader_events events = { on_touched, on_sample,  on_failed,
					     on_lifted,  on_changed, NULL };
static struct reader_options options = {
	.name = "demo", .folder = dir, .dpi = 500, .test_environment = true
};

static struct reader *
start(void)
{
	static uint8_t grey[SYNTH_WIDTH * SYNTH_HEIGHT];
	struct reader *r = NULL;
	int n;

	memset(&told, 0, sizeof(told));
	tempdir_make(dir);
	ck_assert_int_eq(synth_image(1, 0, NULL, grey), 0);
	n = snprintf((char *)pgm, 32, "P5\n%u %u\n255\n", SYNTH_WIDTH, SYNTH_HEIGHT);
	memcpy(pgm + n, grey, sizeof(grey));
	pgm_bytes = (size_t)n + sizeof(grey);
	ck_assert_int_eq(reader_file.open(NULL, &options, &events, &r), 0);
	ck_assert_int_eq(r->state, READER_READY);
	return r;
}

START_TEST(a_presented_image_is_a_capture)
{
	struct reader *r = start();

	tempdir_write(dir, "1_1.pgm", pgm, pgm_bytes);
	ck_assert_int_eq(reader_file.present(r, STR("1_1.pgm")), 0);
	ck_assert_uint_eq(told.samples, 1);
	ck_assert_uint_eq(told.width, SYNTH_WIDTH);
	ck_assert_uint_eq(told.height, SYNTH_HEIGHT);
	ck_assert_uint_eq(told.dpi, 500);
	ck_assert_str_eq(told.device, "demo");
	ck_assert_uint_eq(r->captures, 1);
	ck_assert_uint_eq(r->errors, 0);
	reader_file.close(r);
	tempdir_remove(dir);
}
END_TEST

START_TEST(more_frames_are_given_as_long_as_they_are_wanted_and_there)
{
	static const struct {
		unsigned wanted, samples;
	} cases[] = { { 0, 1 }, { 1, 1 }, { 2, 2 }, { 3, 3 }, { 9, 3 } };
	struct reader *r = start();

	tempdir_write(dir, "a.pgm", pgm, pgm_bytes);
	tempdir_write(dir, "a.pgm+2", pgm, pgm_bytes);
	tempdir_write(dir, "a.pgm+3", pgm, pgm_bytes);
	tempdir_write(dir, "a.pgm+5", pgm, pgm_bytes);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&told, 0, sizeof(told));
		told.wanted = cases[i].wanted;
		ck_assert_int_eq(reader_file.present(r, STR("a.pgm")), 0);
		ck_assert_uint_eq(told.samples, cases[i].samples);
		ck_assert_uint_eq(told.touches, 1);
		ck_assert_uint_eq(told.lifts, 1);
		ck_assert_uint_eq(told.failures, 0);
		ck_assert_int_eq(told.at_touch, READER_CAPTURING);
		ck_assert_int_eq(r->state, READER_READY);
		ck_assert_uint_eq(told.changes, 2);
	}
	ck_assert_int_eq(reader_file.present(r, STR("a.pgm+2")), -EINVAL);
	tempdir_write(dir, "a.pgm+2", pgm, pgm_bytes - 1);
	memset(&told, 0, sizeof(told));
	told.wanted = 9;
	ck_assert_int_eq(reader_file.present(r, STR("a.pgm")), -EBADMSG);
	ck_assert_uint_eq(told.samples, 1);
	ck_assert_uint_eq(told.failures, 1);
	ck_assert_uint_eq(told.lifts, 1);
	reader_file.close(r);
	tempdir_remove(dir);
}
END_TEST

START_TEST(only_base_names_are_names)
{
	static const char *const names[] = {
		"",         ".",
		"..",       ".hidden",
		"../x.pgm", "/etc/passwd",
		"a/b.pgm",  "a b.pgm",
		"x.pgm\n",  "\xc3\xa4.pgm",
		"a\\b",
	};
	char longest[200];
	struct reader *r = start();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_int_eq(reader_file.present(r, str_of(names[i])), -EINVAL);
	ck_assert_int_eq(reader_file.present(r, (struct str){ "a\0b", 3 }), -EINVAL);
	memset(longest, 'a', sizeof(longest));
	ck_assert_int_eq(reader_file.present(r, (struct str){ longest, 129 }), -EINVAL);
	ck_assert_int_eq(reader_file.present(r, (struct str){ longest, 128 }), -ENOENT);
	ck_assert_uint_eq(told.samples + told.failures + told.touches, 0);
	reader_file.close(r);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_damaged_image_is_a_failure_that_is_told)
{
	static const char png_start[] = "\x89PNG\r\n\x1a\n and then nothing of it";
	struct reader *r = start();
	unsigned failures = 0;

	tempdir_write(dir, "empty", "", 0);
	tempdir_write(dir, "text", "hello", 5);
	tempdir_write(dir, "png", png_start, sizeof(png_start));
	tempdir_write(dir, "cut", pgm, pgm_bytes - 1);
	tempdir_write(dir, "head", pgm, 9);
	ck_assert_int_eq(reader_file.present(r, STR("empty")), -EBADMSG);
	ck_assert_int_eq(reader_file.present(r, STR("text")), -EBADMSG);
	ck_assert_int_eq(reader_file.present(r, STR("png")), -EBADMSG);
	ck_assert_int_eq(reader_file.present(r, STR("cut")), -EBADMSG);
	ck_assert_int_eq(reader_file.present(r, STR("head")), -EBADMSG);
	failures = 5;
	ck_assert_int_eq(mkdir(tempdir_path(dir, "folder"), 0700), 0);
	ck_assert_int_eq(reader_file.present(r, STR("folder")), -EBADMSG);
	ck_assert_int_eq(rmdir(tempdir_path(dir, "folder")), 0);
	ck_assert_int_eq(symlink("/dev/zero", tempdir_path(dir, "link")), 0);
	ck_assert_int_eq(reader_file.present(r, STR("link")), -EBADMSG);
	ck_assert_int_eq(mkfifo(tempdir_path(dir, "fifo"), 0600), 0);
	ck_assert_int_eq(reader_file.present(r, STR("fifo")), -EBADMSG); /* and no hang */
	ck_assert_uint_eq(told.failures, failures + 3);
	ck_assert_uint_eq(r->errors, told.failures);
	ck_assert_uint_eq(told.samples, 0);
	ck_assert_int_eq(r->state, READER_READY);
	reader_file.close(r);
	tempdir_remove(dir);
}
END_TEST

START_TEST(an_image_over_8_mib_is_not_read)
{
	struct reader *r = start();
	int fd = open(tempdir_path(dir, "big"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (8 << 20) + 1), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(reader_file.present(r, STR("big")), -EBADMSG);
	ck_assert_uint_eq(told.failures, 1);
	reader_file.close(r);
	tempdir_remove(dir);
}
END_TEST

START_TEST(the_file_reader_exists_in_the_test_environment_only)
{
	struct reader_options live = options;
	struct reader *r = NULL;

	tempdir_make(dir);
	live.test_environment = false;
	ck_assert_int_eq(reader_file.open(NULL, &live, &events, &r), -EPERM);
	live.test_environment = true;
	live.folder = "/nonexistent/laned";
	ck_assert_int_eq(reader_file.open(NULL, &live, &events, &r), -ENOENT);
	ck_assert_ptr_null(r);
	ck_assert_ptr_null(reader_file.close(NULL));
	ck_assert(reader_file.test_only);
	ck_assert_ptr_eq(reader_driver_find("file"), &reader_file);
	ck_assert_ptr_null(reader_driver_find("fiel"));
	tempdir_remove(dir);
}
END_TEST

START_TEST(only_a_change_of_state_is_told)
{
	struct reader *r = start();
	unsigned before = told.changes;

	reader_set_state(r, READER_READY);
	ck_assert_uint_eq(told.changes, before);
	reader_set_state(r, READER_FAULTY);
	ck_assert_uint_eq(told.changes, before + 1);
	ck_assert_str_eq(reader_state_name(r->state), "faulty");
	reader_file.close(r);
	tempdir_remove(dir);
}
END_TEST

UNIT_MAIN("reader_file", a_presented_image_is_a_capture,
	  more_frames_are_given_as_long_as_they_are_wanted_and_there,
	  only_base_names_are_names, a_damaged_image_is_a_failure_that_is_told,
	  an_image_over_8_mib_is_not_read,
	  the_file_reader_exists_in_the_test_environment_only,
	  only_a_change_of_state_is_told)
