#include "base/daemon.h"

#include "base/clock.h"
#include "config.h"
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ROUNDS_MAX 2000

static struct loop *loop;
static char dir[32], path[64];
static int notified = -1; /* systemd's end */
static unsigned reloads;

/* Plays systemd: a datagram socket, told by NOTIFY_SOCKET. */
static void
start(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	reloads = 0;
	(void)snprintf(dir, sizeof(dir), "/tmp/test_daemon.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/notify", dir);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	notified = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(notified, 0);
	ck_assert_int_eq(
		bind(notified, (const struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", path, 1), 0);
	ck_assert_int_eq(unsetenv("WATCHDOG_USEC"), 0);
	ck_assert_int_eq(unsetenv("WATCHDOG_PID"), 0);
	ck_assert_int_eq(loop_new(&loop), 0);
}

static void
finish(void)
{
	loop_free(loop);
	(void)close(notified);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* The next datagram that is there, or "". */
static const char *
heard(void)
{
	static char text[1024];
	ssize_t n = recv(notified, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
on_reload(void *ctx)
{
	(void)ctx;
	reloads++;
	loop_stop(loop);
}

START_TEST(a_hardened_process_leaks_nothing)
{
	struct sigaction pipe_action;
	struct rlimit core;
	struct stat in, null;

	ck_assert_int_eq(daemon_harden(), 0);
	ck_assert_uint_eq(umask(0), 0077);
	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &core), 0);
	ck_assert_uint_eq(core.rlim_cur, 0);
	ck_assert_uint_eq(core.rlim_max, 0);
	ck_assert_int_eq(sigaction(SIGPIPE, NULL, &pipe_action), 0);
	ck_assert(pipe_action.sa_handler == SIG_IGN);
	ck_assert_int_eq(fstat(STDIN_FILENO, &in), 0);
	ck_assert_int_eq(stat("/dev/null", &null), 0);
	ck_assert_uint_eq(in.st_rdev, null.st_rdev);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
#endif
}
END_TEST

START_TEST(a_closed_standard_input_is_filled)
{
	struct stat in, null;

	(void)close(STDIN_FILENO);
	ck_assert_int_eq(daemon_harden(), 0);
	ck_assert_int_eq(fstat(STDIN_FILENO, &in), 0);
	ck_assert_int_eq(stat("/dev/null", &null), 0);
	ck_assert_uint_eq(in.st_rdev, null.st_rdev);
}
END_TEST

START_TEST(the_signals_that_end_a_daemon_end_its_loop)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

	for (size_t i = 0; i < 3; i++) {
		struct daemon *d;

		start();
		ck_assert_int_eq(daemon_new(loop, NULL, NULL, &d), 0);
		ck_assert_int_eq(raise(signals[i]), 0);
		ck_assert_int_eq(loop_run(loop), 0);
		ck_assert_ptr_null(daemon_free(d));
		ck_assert_ptr_null(daemon_free(NULL));
		finish();
	}
}
END_TEST

START_TEST(a_hangup_reloads_and_tells_systemd)
{
	struct daemon *d;

	start();
	ck_assert_int_eq(daemon_new(loop, on_reload, NULL, &d), 0);
	ck_assert_int_eq(raise(SIGHUP), 0);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_uint_eq(reloads, 1);
#ifdef HAVE_SYSTEMD
	ck_assert_ptr_nonnull(strstr(heard(), "RELOADING=1\nMONOTONIC_USEC="));
	ck_assert_str_eq(heard(), "READY=1");
#endif
	ck_assert_str_eq(heard(), "");
	daemon_free(d);
	finish();
}
END_TEST

#ifdef HAVE_SYSTEMD
START_TEST(systemd_hears_every_state)
{
	start();
	daemon_ready("2 readers\nREADY=0");
	ck_assert_str_eq(heard(), "READY=1\nSTATUS=2 readers READY=0");
	daemon_status("selling");
	ck_assert_str_eq(heard(), "STATUS=selling");
	daemon_stopping();
	ck_assert_str_eq(heard(), "STOPPING=1");
	ck_assert_int_eq(unsetenv("NOTIFY_SOCKET"), 0);
	daemon_status("nobody listens");
	ck_assert_str_eq(heard(), "");
	finish();
}
END_TEST

static void
watchdog_of(const char *pid)
{
	char own[32];

	(void)snprintf(own, sizeof(own), "%d", (int)getpid());
	ck_assert_int_eq(setenv("WATCHDOG_USEC", "90000", 1), 0);
	ck_assert_int_eq(setenv("WATCHDOG_PID", pid != NULL ? pid : own, 1), 0);
}

START_TEST(the_watchdog_is_fed_by_the_loop)
{
	struct daemon *d;
	unsigned fed = 0;

	start();
	watchdog_of(NULL);
	ck_assert_int_eq(daemon_new(loop, NULL, NULL, &d), 0);
	ck_assert_str_eq(heard(), ""); /* only from the loop */
	for (int rounds = 0; fed < 4; rounds++) {
		ck_assert_int_lt(rounds, ROUNDS_MAX);
		ck_assert_int_eq(loop_once(loop, 1000), 0);
		fed += strcmp(heard(), "WATCHDOG=1") == 0;
	}
	daemon_free(d);
	finish();
}
END_TEST

START_TEST(long_work_feeds_the_watchdog_only_when_it_is_due)
{
	struct daemon *d;
	int64_t began_ms;

	start();
	watchdog_of(NULL);
	ck_assert_int_eq(daemon_new(loop, NULL, NULL, &d), 0);
	began_ms = clock_mono_ms();
	ck_assert_int_eq(loop_once(loop, 1000), 0);
	ck_assert_str_eq(heard(), "WATCHDOG=1");
	do {
		daemon_still_alive(d);
	} while (strcmp(heard(), "WATCHDOG=1") != 0); /* else check's own limit ends it */
	ck_assert_int_ge(clock_mono_ms() - began_ms, 30);
	daemon_free(d);
	finish();
}
END_TEST

START_TEST(nobody_is_fed_who_does_not_watch_this_process)
{
	struct daemon *d;

	for (int other = 0; other < 2; other++) {
		start();
		if (other)
			watchdog_of("1");
		ck_assert_int_eq(daemon_new(loop, NULL, NULL, &d), 0);
		ck_assert_int_eq(loop_once(loop, 60), 0);
		daemon_still_alive(d);
		ck_assert_str_eq(heard(), "");
		daemon_free(d);
		finish();
	}
}
END_TEST

UNIT_MAIN("daemon", a_hardened_process_leaks_nothing, a_closed_standard_input_is_filled,
	  the_signals_that_end_a_daemon_end_its_loop, a_hangup_reloads_and_tells_systemd,
	  systemd_hears_every_state, the_watchdog_is_fed_by_the_loop,
	  long_work_feeds_the_watchdog_only_when_it_is_due,
	  nobody_is_fed_who_does_not_watch_this_process)
#else
UNIT_MAIN("daemon", a_hardened_process_leaks_nothing, a_closed_standard_input_is_filled,
	  the_signals_that_end_a_daemon_end_its_loop, a_hangup_reloads_and_tells_systemd)
#endif
