#include "base/daemon.h"

#include "config.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

/*
 * A sanitizer looks into its own process like a debugger and fails when it must not; only builds
 * with one stay traceable.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||               \
	__has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* systemd's limit is fed this many times in its span. */
#define FEEDS 3u

struct daemon {
	struct loop *loop;
	void (*reload)(void *ctx);
	void *ctx;
	struct loop_timer *watchdog;
	int64_t feed_every_ms; /* 0 = nobody watches */
	int64_t fed_ms;        /* monotonic */
};

/* Says state to systemd. Outside of it nobody listens; nothing depends on the answer. */
static void
notify(const char *state)
{
#ifdef HAVE_SYSTEMD
	(void)sd_notify(0, state);
#else
	(void)state;
#endif
}

/* The span of systemd's watchdog in ms when it watches this process; else 0. */
static int64_t
watchdog_ms(void)
{
#ifdef HAVE_SYSTEMD
	uint64_t usec = 0;

	if (sd_watchdog_enabled(0, &usec) > 0)
		return (int64_t)(usec / 1000 < INT64_MAX ? usec / 1000 : INT64_MAX);
#endif
	return 0;
}

static void
feed(struct daemon *d)
{
	notify("WATCHDOG=1");
	d->fed_ms = clock_mono_ms();
}

static void
watchdog_cb(void *ctx)
{
	struct daemon *d = ctx;

	feed(d);
	log_tell_repeats(
		false); /* after a flood there may be nothing else to say for long */
	if (loop_timer_set(d->watchdog, d->feed_every_ms) < 0)
		log_err("watchdog: no timer; systemd will restart this process");
}

static void
on_end(void *ctx, int signo)
{
	struct daemon *d = ctx;

	log_notice("signal %d: ending", signo);
	loop_stop(d->loop);
}

static void
on_hangup(void *ctx, int signo)
{
	struct daemon *d = ctx;
	char state[64];
	struct strbuf b;

	(void)signo;
	strbuf_init(&b, state, sizeof(state));
	strbuf_addf(&b, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
	notify(state);
	d->reload(d->ctx);
	notify("READY=1");
}

static int
no_core_dumps(void)
{
	struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	if (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

static int
stdin_from_null(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (fd == STDIN_FILENO) { /* it was closed: stays, without close-on-exec */
		return fcntl(fd, F_SETFD, 0) < 0 ? -errno : 0;
	}
	if (dup2(fd, STDIN_FILENO) < 0)
		rc = -errno;
	(void)close(fd); /* nothing was written */
	return rc;
}

int
daemon_harden(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	int rc;

	(void)umask(0077); /* always succeeds */
	rc = no_core_dumps();
	if (rc < 0)
		return rc;
	if (sigaction(SIGPIPE, &ignore, NULL) < 0)
		return -errno;
	return stdin_from_null();
}

int
daemon_new(struct loop *l, void (*reload)(void *ctx), void *ctx,
	   struct daemon **ret_daemon)
{
	struct daemon *d = calloc(1, sizeof(*d));
	int rc;

	if (d == NULL)
		return -ENOMEM;
	*d = (struct daemon){ .loop = l, .reload = reload, .ctx = ctx };
	rc = loop_signal(l, SIGTERM, on_end, d);
	if (rc == 0)
		rc = loop_signal(l, SIGINT, on_end, d);
	if (rc == 0)
		rc = loop_signal(l, SIGHUP, reload != NULL ? on_hangup : on_end, d);
	if (rc == 0)
		rc = loop_timer_new(l, watchdog_cb, d, &d->watchdog);
	d->feed_every_ms = watchdog_ms() / FEEDS;
	if (rc == 0 && d->feed_every_ms > 0)
		rc = loop_timer_set(d->watchdog, 0);
	if (rc < 0) {
		daemon_free(d);
		return rc;
	}
	*ret_daemon = d;
	return 0;
}

struct daemon *
daemon_free(struct daemon *d)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

	if (d == NULL)
		return NULL;
	log_tell_repeats(true);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)loop_signal(d->loop, signals[i], NULL, NULL); /* cannot fail */
	loop_timer_free(d->watchdog);
	free(d);
	return NULL;
}

static void
notify_with_status(const char *prefix, const char *status)
{
	char state[512];
	struct strbuf b;

	strbuf_init(&b, state, sizeof(state));
	strbuf_addf(&b, "%sSTATUS=", prefix);
	for (const char *c = status; *c != '\0'; c++) /* one line, whatever it holds */
		strbuf_add(&b, *c == '\n' ? STR(" ") : (struct str){ c, 1 });
	notify(state);
}

void
daemon_ready(const char *status)
{
	notify_with_status("READY=1\n", status);
}

void
daemon_status(const char *status)
{
	notify_with_status("", status);
}

void
daemon_stopping(void)
{
	notify("STOPPING=1");
}

void
daemon_still_alive(struct daemon *d)
{
	if (d->feed_every_ms > 0 && clock_mono_ms() - d->fed_ms >= d->feed_every_ms)
		feed(d);
}
