#include "unit.h"

#include "base/log.h"
#include "base/log_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#define OUTPUT_BYTES_MAX (256u * 1024u)

static int log_fd = -1, real_stderr = -1;

/* Everything written to stderr from here to captured() goes into memory. */
static void
capture(void)
{
	log_fd = memfd_create("log", MFD_CLOEXEC);
	ck_assert_int_ge(log_fd, 0);
	real_stderr = dup(STDERR_FILENO);
	ck_assert_int_ge(real_stderr, 0);
	ck_assert_int_ge(dup2(log_fd, STDERR_FILENO), 0);
	log_open("test", LOG_DEBUG);
}

static const char *
captured(void)
{
	static char text[OUTPUT_BYTES_MAX];
	ssize_t n;

	ck_assert_int_ge(dup2(real_stderr, STDERR_FILENO), 0);
	n = pread(log_fd, text, sizeof(text) - 1, 0);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	(void)close(log_fd);
	(void)close(real_stderr);
	return text;
}

static unsigned
lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

START_TEST(line_has_level_program_and_text)
{
	capture();
	log_err("disk %s", "full");
	log_warn("two");
	log_notice("three");
	log_info("four %d", 4);
	log_debug("five");
	log_event(LOG_INFO, "some-id", "01ARZ3NDEK0000000000000000", "six");
	ck_assert_str_eq(captured(),
			 "err test: disk full\n"
			 "warning test: two\n"
			 "notice test: three\n"
			 "info test: four 4\n"
			 "debug test: five\n"
			 "info test: six (checkout 01ARZ3NDEK0000000000000000)\n");
}
END_TEST

START_TEST(levels_below_the_set_one_are_dropped)
{
	capture();
	log_set_level(LOG_WARNING);
	log_notice("no");
	log_warn("yes");
	log_set_level(LOG_DEBUG);
	log_debug("yes");
	ck_assert_str_eq(captured(), "warning test: yes\ndebug test: yes\n");
}
END_TEST

START_TEST(level_words_are_read)
{
	int level = 77;

	ck_assert_int_eq(log_level_parse("err", &level), 0);
	ck_assert_int_eq(level, LOG_ERR);
	ck_assert_int_eq(log_level_parse("warning", &level), 0);
	ck_assert_int_eq(level, LOG_WARNING);
	ck_assert_int_eq(log_level_parse("notice", &level), 0);
	ck_assert_int_eq(level, LOG_NOTICE);
	ck_assert_int_eq(log_level_parse("info", &level), 0);
	ck_assert_int_eq(level, LOG_INFO);
	ck_assert_int_eq(log_level_parse("debug", &level), 0);
	ck_assert_int_eq(level, LOG_DEBUG);
	ck_assert_int_eq(log_level_parse("error", &level), -EINVAL);
	ck_assert_int_eq(log_level_parse("", &level), -EINVAL);
	ck_assert_int_eq(log_level_parse("Info", &level), -EINVAL);
	ck_assert_int_eq(level, LOG_DEBUG);
}
END_TEST

START_TEST(control_characters_cannot_forge_a_line)
{
	capture();
	log_info("a%sb", "\nerr test: forged\r\t\x1b[31m\x7f");
	log_info("c%sd", "\xc3\xa4\xc2\x85\xe2\x82\xac"); /* a next-line control inside */
	log_info("e%sf", "\xff\xc3\xa4");                 /* no UTF-8 */
	ck_assert_str_eq(captured(),
			 "info test: a\\x0aerr test: forged\\x0d\\x09\\x1b[31m\\x7fb\n"
			 "info test: c\xc3\xa4\\xc2\\x85\xe2\x82\xac"
			 "d\n"
			 "info test: e\\xff\\xc3\\xa4f\n");
}
END_TEST

START_TEST(card_numbers_are_masked)
{
	capture();
	log_info("token %s%s%s%s!", "4111", "1111", "1111", "1111");
	log_info("token %s-%s-%s-%s 12/28", "4111", "1111", "1111", "1111");
	ck_assert_str_eq(captured(), "info test: token ****************!\n"
				     "info test: token ****-****-****-**** 12/28\n");
}
END_TEST

START_TEST(a_long_message_is_cut_and_no_digits_stand_at_the_cut)
{
	char filler[2000], id[16];
	const char *out;

	for (size_t n = 1000; n < 1030; n++) {
		memset(filler, 'x', n);
		filler[n] = '\0';
		(void)snprintf(id, sizeof(id), "%zu", n); /* below the rate limit */
		capture();
		log_event(LOG_INFO, id, NULL, "%s%s%s%s%s and more", filler, "4111",
			  "1111", "1111", "1111");
		out = captured();
		ck_assert_uint_eq(lines_of(out), 1);
		ck_assert_uint_lt(strlen(out), 1100);
		ck_assert_ptr_null(strchr(out, '1'));
	}
}
END_TEST

START_TEST(repeats_beyond_twenty_are_not_written)
{
	unsigned long warnings = log_warnings();
	const char *out;

	capture();
	for (int i = 0; i < 50; i++) {
		log_event(LOG_WARNING, "kind-a", NULL, "a %d", i);
		log_warn("b %d", i);
	}
	log_event(LOG_INFO, "kind-c", NULL, "c");
	out = captured();
	ck_assert_uint_eq(lines_of(out), 41);
	ck_assert_ptr_nonnull(strstr(out, "warning test: a 19\n"));
	ck_assert_ptr_null(strstr(out, "warning test: a 20\n"));
	ck_assert_ptr_nonnull(strstr(out, "warning test: b 19\n"));
	ck_assert_ptr_null(strstr(out, "warning test: b 20\n"));
	ck_assert_uint_eq(log_warnings() - warnings, 40);
}
END_TEST

/* However long nothing else is said: what ends tells how much it has not. */
START_TEST(repeats_are_told_at_the_end)
{
	const char *out;

	capture();
	for (int i = 0; i < 50; i++)
		log_event(LOG_WARNING, "kind-a", NULL, "a %d", i);
	log_tell_repeats(false); /* its minute is not over */
	log_tell_repeats(true);
	log_tell_repeats(true);
	out = captured();
	ck_assert_uint_eq(lines_of(out), 21);
	ck_assert_ptr_nonnull(
		strstr(out, "30 more messages like \"kind-a\" were not written\n"));
}
END_TEST

START_TEST(errno_is_left_alone)
{
	capture();
	errno = ENOSPC;
	log_err("x");
	ck_assert_int_eq(errno, ENOSPC);
	(void)captured();
}
END_TEST

static void *
worker(void *arg)
{
	const char *name = arg;
	char id[32];

	for (int i = 0; i < 100; i++) {
		(void)snprintf(id, sizeof(id), "%s-%d", name, i / 10);
		log_event(LOG_INFO, id, NULL, "from %s", name);
	}
	return NULL;
}

START_TEST(threads_write_whole_lines)
{
	static char names[4][8] = { "one", "two", "three", "four" };
	unsigned counts[4] = { 0, 0, 0, 0 };
	pthread_t threads[4];
	const char *out;

	capture();
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, worker, names[i]), 0);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	out = captured();
	ck_assert_uint_eq(lines_of(out), 400);
	while (*out != '\0') {
		for (size_t i = 0; i < 4; i++) {
			char want[32];

			(void)snprintf(want, sizeof(want), "info test: from %s\n",
				       names[i]);
			counts[i] += strncmp(out, want, strlen(want)) == 0;
		}
		out = strchr(out, '\n') + 1;
	}
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(counts[i], 100);
}
END_TEST

/* ---- the limit itself, under a clock of ours */

START_TEST(a_window_lasts_a_minute)
{
	static struct log_limit l;
	char key[LOG_LIMIT_KEY_BYTES];
	unsigned long n = 0;

	for (unsigned i = 0; i < LOG_LIMIT_BURST; i++)
		ck_assert(log_limit_take(&l, "a", 1000 + i));
	for (int i = 0; i < 7; i++)
		ck_assert(!log_limit_take(&l, "a", 1000 + LOG_LIMIT_WINDOW_MS - 1));
	ck_assert(log_limit_take(&l, "b", 1000 + LOG_LIMIT_WINDOW_MS - 1));
	ck_assert(!log_limit_report(&l, 1000 + LOG_LIMIT_WINDOW_MS - 1, key, &n));
	ck_assert(log_limit_report(&l, 1000 + LOG_LIMIT_WINDOW_MS, key, &n));
	ck_assert_str_eq(key, "a");
	ck_assert_uint_eq(n, 7);
	ck_assert(!log_limit_report(&l, 1000 + LOG_LIMIT_WINDOW_MS, key, &n));
	ck_assert(log_limit_take(&l, "a", 1000 + LOG_LIMIT_WINDOW_MS));
}
END_TEST

START_TEST(a_kind_without_an_end_passes_twenty_a_minute)
{
	static struct log_limit l;
	unsigned passed = 0;

	for (int64_t t = 0; t < 10 * LOG_LIMIT_WINDOW_MS; t += 100)
		passed += log_limit_take(&l, "a", t);
	ck_assert_uint_eq(passed, 10 * LOG_LIMIT_BURST);
}
END_TEST

START_TEST(more_kinds_than_slots_forget_the_oldest)
{
	static struct log_limit l;
	char key[LOG_LIMIT_KEY_BYTES];

	for (unsigned i = 0; i < LOG_LIMIT_SLOTS + 10; i++) {
		(void)snprintf(key, sizeof(key), "kind %u", i);
		for (unsigned k = 0; k < LOG_LIMIT_BURST; k++)
			ck_assert(log_limit_take(&l, key, i));
		ck_assert(!log_limit_take(&l, key, i));
	}
	ck_assert(log_limit_take(&l, "kind 0", 100)); /* forgotten */
	(void)snprintf(key, sizeof(key), "kind %u", LOG_LIMIT_SLOTS + 9);
	ck_assert(!log_limit_take(&l, key, 100));
}
END_TEST

START_TEST(long_keys_are_cut_and_empty_ones_pass)
{
	static struct log_limit l;
	char a[100], b[100];

	memset(a, 'k', sizeof(a));
	memcpy(b, a, sizeof(a));
	a[99] = b[99] = '\0';
	b[60] = 'x'; /* differs behind the cut only */
	for (unsigned i = 0; i < LOG_LIMIT_BURST; i++)
		ck_assert(log_limit_take(&l, a, 0));
	ck_assert(!log_limit_take(&l, b, 0));
	for (unsigned i = 0; i < 2 * LOG_LIMIT_BURST; i++)
		ck_assert(log_limit_take(&l, "", 0));
}
END_TEST

UNIT_MAIN("log", line_has_level_program_and_text, levels_below_the_set_one_are_dropped,
	  level_words_are_read, control_characters_cannot_forge_a_line,
	  card_numbers_are_masked, a_long_message_is_cut_and_no_digits_stand_at_the_cut,
	  repeats_beyond_twenty_are_not_written, repeats_are_told_at_the_end,
	  errno_is_left_alone, threads_write_whole_lines, a_window_lasts_a_minute,
	  a_kind_without_an_end_passes_twenty_a_minute,
	  more_kinds_than_slots_forget_the_oldest, long_keys_are_cut_and_empty_ones_pass)
