/* The record of how a plug-in's process died, and the watch that writes it. */
#include "tempdir.h"
#include "unit.h"

#include "adapter/crash_record.h"
#include "adapter/sandbox.h"
#include "adapter/watch.h"
#include "laned/adapter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "adapter-drop.crash"
#define BUILD "00112233445566778899aabbccddeeff00112233"

static char dir[TEMPDIR_BYTES];

static struct crash_record *
open_record(void)
{
	struct crash_record *r = NULL;

	ck_assert_int_eq(crash_record_open(tempdir_path(dir, NAME), &r), 0);
	return r;
}

/* As the kernel leaves it: the process is gone and the file stays. A child, so that nothing leaks. */
static int
die(void (*how)(struct crash_record *r))
{
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		struct crash_record *r = open_record();

		crash_record_plugin(r, "drop", "1.2", BUILD);
		how(r);
		_exit(99);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

static void
just_dies(struct crash_record *r)
{
	(void)r;
	(void)raise(SIGKILL); /* does not return */
}

START_TEST(an_orderly_end_is_no_death)
{
	struct stat st;

	tempdir_make(dir);
	for (int i = 0; i < 3; i++) {
		struct crash_record *r = open_record();

		ck_assert_int_eq(crash_record_error(r), 0);
		ck_assert_uint_eq(crash_record_deaths(r), 0);
		ck_assert(!crash_record_first(r));
		crash_record_close(r);
	}
	ck_assert_int_eq(stat(tempdir_path(dir, NAME), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_death_without_a_note_is_seen_by_the_next_start)
{
	struct crash_record *r;
	const struct crash_death *d;

	tempdir_make(dir);
	(void)die(just_dies);
	r = open_record();
	ck_assert_uint_eq(crash_record_deaths(r), 1);
	ck_assert(crash_record_first(r));
	d = crash_record_death(r, 0);
	ck_assert_str_eq(d->plugin, "drop");
	ck_assert_str_eq(d->version, "1.2");
	ck_assert_str_eq(d->build_id, BUILD);
	ck_assert_uint_eq(d->how, CRASH_KILLED);
	ck_assert_uint_eq(d->doing, CRASH_IDLE);
	crash_record_close(r);
	r = open_record();
	ck_assert_uint_eq(crash_record_deaths(r), 1);
	ck_assert_msg(!crash_record_first(r), "it is told once as new");
	crash_record_close(r);
	tempdir_remove(dir);
}
END_TEST

START_TEST(the_history_is_bounded_and_newest_first)
{
	struct crash_record *r;

	tempdir_make(dir);
	for (unsigned i = 0; i < CRASH_DEATHS_MAX + 3; i++)
		(void)die(just_dies);
	r = open_record();
	ck_assert_uint_eq(crash_record_deaths(r), CRASH_DEATHS_MAX);
	for (unsigned i = 1; i < CRASH_DEATHS_MAX; i++)
		ck_assert_int_ge(crash_record_death(r, i - 1)->at_mono_ms,
				 crash_record_death(r, i)->at_mono_ms);
	crash_record_close(r);
	tempdir_remove(dir);
}
END_TEST

static int wanted_signal;

static void
dies_in_pay(struct crash_record *r)
{
	const struct rlimit no_process = { 0, 0 };

	if (setrlimit(RLIMIT_NPROC, &no_process) < 0 ||
	    watch_start(crash_record_life(r), WATCH_LIMIT_MS) < 0)
		_exit(98);
	(void)watch_enter(CRASH_SUBMIT, LANED_REQ_PAY);
	(void)raise(wanted_signal);
}

START_TEST(every_deadly_signal_is_noted_and_still_kills)
{
	static const int list[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS };

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct crash_record *r;
		const struct crash_death *d;
		char words[CRASH_DOING_BYTES];
		int status;

		tempdir_make(dir);
		wanted_signal = list[i];
		status = die(dies_in_pay);
		if (sandbox_is_sanitized())
			ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) < 98);
		else
			ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == list[i]);
		r = open_record();
		ck_assert_uint_eq(crash_record_deaths(r), 1);
		d = crash_record_death(r, 0);
		ck_assert_uint_eq(d->how, CRASH_SIGNAL);
		ck_assert_uint_eq(d->signal, (unsigned)list[i]);
		ck_assert_int_eq(strncmp(crash_signal_name(d->signal), "SIG", 3), 0);
		crash_doing_words(d->doing, d->request, words);
		ck_assert_str_eq(words, "submit pay");
		ck_assert_int_gt(d->at_wall_ms, 0);
		crash_record_close(r);
		tempdir_remove(dir);
	}
}
END_TEST

static void
hangs(struct crash_record *r)
{
	const struct rlimit no_process = { 0, 0 };

	if (setrlimit(RLIMIT_NPROC, &no_process) < 0 ||
	    watch_start(crash_record_life(r), 20) < 0)
		_exit(98);
	(void)watch_enter(CRASH_TIMER, 0);
	/* A call that TSan knows: it hands an alarm on in those alone. */
	for (;;)
		(void)poll(NULL, 0, 0); /* waits for nothing */
}

START_TEST(a_call_that_does_not_return_ends_the_process_as_a_hang)
{
	struct crash_record *r;
	int status;

	tempdir_make(dir);
	status = die(hangs);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	r = open_record();
	ck_assert_uint_eq(crash_record_deaths(r), 1);
	ck_assert_uint_eq(crash_record_death(r, 0)->how, CRASH_HANG);
	ck_assert_uint_eq(crash_record_death(r, 0)->doing, CRASH_TIMER);
	crash_record_close(r);
	tempdir_remove(dir);
}
END_TEST

/* As a library might that thinks the process is its own. */
static void
hangs_deaf(struct crash_record *r)
{
	const struct rlimit no_process = { 0, 0 };
	sigset_t all;

	(void)sigfillset(&all); /* cannot fail */
	if (setrlimit(RLIMIT_NPROC, &no_process) < 0 ||
	    watch_start(crash_record_life(r), 20) < 0)
		_exit(98);
	(void)watch_enter(CRASH_TIMER, 0);
	(void)signal(SIGALRM, SIG_IGN);           /* a known signal */
	(void)sigprocmask(SIG_BLOCK, &all, NULL); /* cannot fail */
	for (;;)
		(void)getppid();
}

START_TEST(a_hang_that_blocks_all_signals_ends_all_the_same)
{
	struct crash_record *r;
	int status;

	tempdir_make(dir);
	status = die(hangs_deaf);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	r = open_record();
	ck_assert_uint_eq(crash_record_deaths(r), 1);
	ck_assert_uint_eq(crash_record_death(r, 0)->how, CRASH_KILLED);
	ck_assert_uint_eq(crash_record_death(r, 0)->doing, CRASH_TIMER);
	crash_record_close(r);
	tempdir_remove(dir);
}
END_TEST

static void
leaks_deaf(struct crash_record *r)
{
	sigset_t all;
	unsigned was;

	(void)sigfillset(&all); /* cannot fail */
	if (watch_start(crash_record_life(r), WATCH_LIMIT_MS) < 0)
		_exit(98);
	was = watch_enter(CRASH_TIMER, 0);
	(void)sigprocmask(SIG_BLOCK, &all, NULL); /* cannot fail */
	watch_used_up();
	watch_leave(was);
	_exit(97);
}

START_TEST(an_end_by_us_is_one_with_all_signals_blocked)
{
	struct crash_record *r;
	int status;

	tempdir_make(dir);
	status = die(leaks_deaf);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	r = open_record();
	ck_assert_uint_eq(crash_record_death(r, 0)->how, CRASH_LEAK);
	crash_record_close(r);
	tempdir_remove(dir);
}
END_TEST

static void
works_and_rests(struct crash_record *r)
{
	sigset_t alarm, before;
	unsigned was;

	(void)sigemptyset(&alarm);                     /* cannot fail */
	(void)sigaddset(&alarm, SIGALRM);              /* as above */
	(void)sigprocmask(SIG_BLOCK, &alarm, &before); /* as above */
	if (watch_start(crash_record_life(r), 20) < 0)
		_exit(98);
	for (int i = 0; i < 3; i++) {
		was = watch_enter(CRASH_SUBMIT, LANED_REQ_PAY);
		watch_leave(watch_enter(CRASH_ACK, 0)); /* one lies in the other */
		watch_leave(was);
		(void)sigsuspend(&before); /* the limit passes while nothing is called */
	}
	watch_stop();
	_exit(crash_record_life(r)->jobs == 3 && crash_record_life(r)->doing == CRASH_IDLE
		      ? 0
		      : 97);
}

START_TEST(a_limit_that_passes_while_idle_ends_nothing)
{
	int status;

	tempdir_make(dir);
	status = die(works_and_rests);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	tempdir_remove(dir);
}
END_TEST

static void
exits(struct crash_record *r)
{
	if (watch_start(crash_record_life(r), WATCH_LIMIT_MS) < 0)
		_exit(98);
	(void)watch_enter(CRASH_START, 0);
	exit(0);
}

START_TEST(a_plug_in_that_ends_the_process_is_named)
{
	struct crash_record *r;

	tempdir_make(dir);
	(void)die(exits);
	r = open_record();
	ck_assert_uint_eq(crash_record_deaths(r), 1);
	ck_assert_uint_eq(crash_record_death(r, 0)->how, CRASH_EXIT);
	ck_assert_uint_eq(crash_record_death(r, 0)->doing, CRASH_START);
	crash_record_close(r);
	tempdir_remove(dir);
}
END_TEST

/* Whatever the file holds: what is told from it is within its ranges. */
static void
check_told(const struct crash_record *r)
{
	for (unsigned i = 0; i < crash_record_deaths(r); i++) {
		const struct crash_death *d = crash_record_death(r, i);

		ck_assert_uint_lt(strnlen(d->plugin, sizeof(d->plugin)),
				  sizeof(d->plugin));
		for (const char *c = d->plugin; *c != '\0'; c++)
			ck_assert(*c > ' ' && *c <= '~' && *c != '"');
		ck_assert_uint_eq(strspn(d->build_id, "0123456789abcdef"),
				  strlen(d->build_id));
		ck_assert_uint_lt(d->how, CRASH_HOWS);
		ck_assert_uint_lt(d->doing, CRASH_DOINGS);
		ck_assert_int_ge(d->at_wall_ms, 0);
		ck_assert_int_ge(d->lived_ms, 0);
	}
}

START_TEST(a_damaged_file_is_forgotten_and_replaced)
{
	uint8_t *good;
	size_t n;

	tempdir_make(dir);
	(void)die(just_dies);
	(void)die(just_dies);
	good = tempdir_read(dir, NAME, &n);
	ck_assert_uint_gt(n, 1000);
	for (size_t cut = 0; cut < n; cut += 61) {
		struct crash_record *r;

		tempdir_write(dir, NAME, good, cut);
		r = open_record();
		ck_assert_uint_eq(crash_record_deaths(r), 0);
		ck_assert_int_eq(crash_record_error(r), 0);
		crash_record_close(r);
	}
	for (size_t at = 0; at < n; at++) {
		struct crash_record *r;
		uint8_t was = good[at];

		good[at] = (uint8_t)(was ^ (0x80u | at % 128));
		tempdir_write(dir, NAME, good, n);
		good[at] = was;
		r = open_record();
		check_told(r);
		crash_record_close(r);
	}
	free(good);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_link_in_its_place_is_not_followed)
{
	struct crash_record *r;
	const char *target = "do not touch";
	uint8_t *after;
	size_t n;

	tempdir_make(dir);
	tempdir_write(dir, "other", target, strlen(target));
	ck_assert_int_eq(symlink(tempdir_path(dir, "other"), tempdir_path(dir, NAME)), 0);
	r = open_record();
	ck_assert_uint_eq(crash_record_deaths(r), 0);
	ck_assert_int_eq(crash_record_error(r), 0);
	crash_record_close(r);
	after = tempdir_read(dir, "other", &n);
	ck_assert_uint_eq(n, strlen(target));
	ck_assert_mem_eq(after, target, n);
	free(after);
	tempdir_remove(dir);
}
END_TEST

START_TEST(without_a_folder_the_plug_in_runs_all_the_same)
{
	struct crash_record *r = NULL;

	ck_assert_int_eq(crash_record_open("/nowhere/at/all", &r), 0);
	ck_assert_int_eq(crash_record_error(r), -ENOENT);
	crash_record_plugin(r, "a\nb\"c", NULL, NULL);
	ck_assert_str_eq(crash_record_life(r)->plugin, "a_b_c");
	crash_record_close(r);
	ck_assert_int_eq(crash_record_open(NULL, &r), 0);
	crash_record_close(r);
}
END_TEST

UNIT_MAIN("crash_record", an_orderly_end_is_no_death,
	  a_death_without_a_note_is_seen_by_the_next_start,
	  the_history_is_bounded_and_newest_first,
	  every_deadly_signal_is_noted_and_still_kills,
	  a_call_that_does_not_return_ends_the_process_as_a_hang,
	  a_hang_that_blocks_all_signals_ends_all_the_same,
	  an_end_by_us_is_one_with_all_signals_blocked,
	  a_limit_that_passes_while_idle_ends_nothing,
	  a_plug_in_that_ends_the_process_is_named,
	  a_damaged_file_is_forgotten_and_replaced, a_link_in_its_place_is_not_followed,
	  without_a_folder_the_plug_in_runs_all_the_same)
