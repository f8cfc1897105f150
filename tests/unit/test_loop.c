#include "base/loop.h"

#include "base/clock.h"
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define MARKS_MAX 16u

/* What the callbacks did, in order. */
static struct loop *loop;
static char letter_c[] = "c", letter_t[] = "t";
static char marks[MARKS_MAX + 1];

static void
mark(char c)
{
	size_t n = strlen(marks);

	ck_assert_uint_lt(n, MARKS_MAX);
	marks[n] = c;
	marks[n + 1] = '\0';
}

static void
start(void)
{
	marks[0] = '\0';
	ck_assert_int_eq(loop_new(&loop), 0);
}

static void
mark_b(void *ctx)
{
	(void)ctx;
	mark('b');
}

static void
mark_and_stop(void *ctx)
{
	mark(*(const char *)ctx);
	loop_stop(loop);
}

static void
mark_and_defer(void *ctx)
{
	(void)ctx;
	mark('a');
	ck_assert_int_eq(loop_defer(loop, mark_b, NULL), 0);
	ck_assert_int_eq(loop_defer(loop, mark_and_stop, letter_c), 0);
	mark('A');
}

START_TEST(deferred_work_runs_after_the_current_callback_in_order)
{
	struct loop_timer *t;

	start();
	ck_assert_int_eq(loop_timer_new(loop, mark_and_defer, NULL, &t), 0);
	ck_assert_int_eq(loop_timer_set(t, 0), 0);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_str_eq(marks, "aAbc");
	loop_timer_free(t);
	loop_free(loop);
}
END_TEST

START_TEST(a_timer_fires_once_and_never_early)
{
	struct loop_timer *t;
	int64_t before_us = clock_mono_us();

	start();
	ck_assert_int_eq(loop_timer_new(loop, mark_and_stop, letter_t, &t), 0);
	ck_assert_int_eq(loop_timer_set(t, 3600 * 1000), 0);
	ck_assert_int_eq(loop_timer_set(t, 20), 0); /* replaces the hour */
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_int_ge(clock_mono_us() - before_us, 20 * 1000);
	ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_str_eq(marks, "t");
	loop_timer_free(t);
	loop_free(loop);
}
END_TEST

START_TEST(a_cancelled_timer_is_silent)
{
	struct loop_timer *cancelled, *t;

	start();
	ck_assert_int_eq(loop_timer_new(loop, mark_b, NULL, &cancelled), 0);
	ck_assert_int_eq(loop_timer_new(loop, mark_and_stop, letter_t, &t), 0);
	ck_assert_int_eq(loop_timer_set(cancelled, 0), 0);
	ck_assert_int_eq(loop_timer_set(t, 5), 0);
	loop_timer_cancel(cancelled);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_str_eq(marks, "t");
	loop_timer_free(cancelled);
	loop_timer_free(t);
	loop_free(loop);
}
END_TEST

static struct loop_timer *own_timer;

static void
free_own_timer(void *ctx)
{
	(void)ctx;
	own_timer = loop_timer_free(own_timer);
	mark('f');
	loop_stop(loop);
}

START_TEST(a_timer_may_free_itself)
{
	start();
	ck_assert_int_eq(loop_timer_new(loop, free_own_timer, NULL, &own_timer), 0);
	ck_assert_int_eq(loop_timer_set(own_timer, 0), 0);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_str_eq(marks, "f");
	loop_free(loop);
}
END_TEST

struct end {
	int fd;
	struct loop_io *io;
};

static void
on_io(void *ctx, unsigned events)
{
	struct end *e = ctx;
	char byte;

	if (events & LOOP_WRITE) {
		mark('w');
		ck_assert_int_eq(loop_io_set(e->io, LOOP_READ), 0);
		return;
	}
	if (read(e->fd, &byte, 1) == 1) {
		mark(byte);
		return;
	}
	e->io = loop_io_free(e->io);
	loop_stop(loop);
}

START_TEST(a_watch_tells_reading_and_writing_and_may_free_itself)
{
	struct end e;
	int fds[2];

	start();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	e.fd = fds[0];
	ck_assert_int_eq(
		loop_io_new(loop, fds[0], LOOP_READ | LOOP_WRITE, on_io, &e, &e.io), 0);
	ck_assert_int_eq(loop_once(loop, -1), 0);
	ck_assert_str_eq(marks, "w");
	ck_assert_int_eq(write(fds[1], "xy", 2), 2);
	ck_assert_int_eq(loop_once(loop, -1), 0);
	ck_assert_str_eq(marks, "wx");
	ck_assert_int_eq(loop_io_set(e.io, 0), 0);
	ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_str_eq(marks, "wx"); /* paused */
	ck_assert_int_eq(loop_io_set(e.io, LOOP_READ), 0);
	(void)close(fds[1]);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_str_eq(marks, "wxy");
	ck_assert_ptr_null(e.io);
	(void)close(fds[0]);
	loop_free(loop);
}
END_TEST

START_TEST(what_cannot_be_watched_is_an_error)
{
	struct loop_io *io;
	char path[] = "/tmp/test_loop.XXXXXX";
	int fd = mkstemp(path);

	start();
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(loop_io_new(loop, fd, LOOP_READ, on_io, NULL, &io), -EPERM);
	(void)unlink(path);
	(void)close(fd);
	loop_free(loop);
}
END_TEST

static void
on_signal(void *ctx, int signo)
{
	(void)ctx;
	mark(signo == SIGUSR1 ? '1' : '2');
	loop_stop(loop);
}

START_TEST(signals_come_through_the_loop_until_the_watch_ends)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	start();
	ck_assert_int_eq(sigaction(SIGUSR1, &ignore, NULL), 0);
	ck_assert_int_eq(loop_signal(loop, SIGUSR1, on_signal, NULL), 0);
	ck_assert_int_eq(loop_signal(loop, SIGUSR2, on_signal, NULL), 0);
	ck_assert_int_eq(loop_signal(loop, SIGUSR2, on_signal, NULL), 0); /* replaced */
	ck_assert_int_eq(raise(SIGUSR1), 0);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_int_eq(raise(SIGUSR2), 0);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_str_eq(marks, "12");
	ck_assert_int_eq(loop_signal(loop, SIGUSR1, NULL, NULL), 0);
	ck_assert_int_eq(raise(SIGUSR1), 0); /* ignored again, else this test dies */
	ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_str_eq(marks, "12");
	loop_free(loop);
}
END_TEST

START_TEST(a_stop_before_the_run_is_not_lost)
{
	start();
	loop_stop(loop);
	ck_assert_int_eq(loop_run(loop), 0);
	loop_free(loop);
}
END_TEST

START_TEST(one_round_ends_at_its_time_and_counts_as_a_wakeup)
{
	uint64_t before;

	start();
	before = loop_wakeups(loop);
	ck_assert_int_eq(loop_once(loop, 5), 0);
	ck_assert_int_eq(loop_once(loop, 5), 0);
	ck_assert_uint_eq(loop_wakeups(loop) - before, 2);
	loop_free(loop);
}
END_TEST

START_TEST(deferred_work_is_dropped_with_its_loop)
{
	start();
	ck_assert_int_eq(loop_defer(loop, mark_b, NULL), 0);
	loop_free(loop);
	ck_assert_str_eq(marks, "");
}
END_TEST

UNIT_MAIN("loop", deferred_work_runs_after_the_current_callback_in_order,
	  a_timer_fires_once_and_never_early, a_cancelled_timer_is_silent,
	  a_timer_may_free_itself, a_watch_tells_reading_and_writing_and_may_free_itself,
	  what_cannot_be_watched_is_an_error,
	  signals_come_through_the_loop_until_the_watch_ends,
	  a_stop_before_the_run_is_not_lost,
	  one_round_ends_at_its_time_and_counts_as_a_wakeup,
	  deferred_work_is_dropped_with_its_loop)
