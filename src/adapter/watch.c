#include "adapter/watch.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_SHIFT 8u
#define SPARE_BYTES (2u * 1024u * 1024u) /* less than that is nothing to work with */
#define LAST_OF(limit_ms)                                                                \
	((limit_ms) + (limit_ms) / 2 + 1000) /* when the alarm did nothing */
#define STACK_BYTES 65536u /* of the handlers: the plug-in's may be used up */

static const int deadly[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS };
#define DEADLY (sizeof(deadly) / sizeof(deadly[0]))

static struct {
	struct crash_life *life; /* NULL: not started */
	timer_t timer;
	timer_t last; /* SIGKILL, for a call that has taken our handlers away, or blocks them */
	atomic_bool armed;
	int64_t limit_ms;
	_Atomic int64_t since_ms; /* of the call that goes on */
	struct sigaction before[DEADLY], alarm_before;
	stack_t stack_before;
	bool at_exit, used_up;
} self;
static uint8_t stack[STACK_BYTES];

/* Also in handlers: clock_gettime is safe there. Not while the machine sleeps. */
static int64_t
now_ms(void)
{
	struct timespec t = { .tv_sec = 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The first note is the one that counts. */
static void
note(enum crash_how how, int signo)
{
	struct crash_life *l = self.life;

	if (l == NULL || l->how != CRASH_KILLED)
		return;
	l->signal = (unsigned)signo;
	l->ended_wall_ms = clock_wall_ms();
	l->ended_mono_ms = clock_mono_ms();
	l->how = how;
}

/* Gives the signal back to whoever had it before us: the default, or a sanitizer that reports. */
static void
die_by(int signo)
{
	sigset_t one;

	for (size_t i = 0; i < DEADLY; i++)
		if (deadly[i] == signo)
			(void)sigaction(signo, &self.before[i],
					NULL);      /* a known signal */
	(void)sigemptyset(&one);                    /* cannot fail */
	(void)sigaddset(&one, signo);               /* as above */
	(void)sigprocmask(SIG_UNBLOCK, &one, NULL); /* as above */
	(void)raise(signo);                         /* a signal of this process */
}

/* systemd ends what does not feed its watchdog by SIGABRT, which may come before our own limit. */
static bool
is_from_outside(const siginfo_t *info)
{
	return info->si_code <= 0 && info->si_pid != getpid();
}

static void
on_deadly(int signo, siginfo_t *info, void *context)
{
	int saved = errno;
	bool hang = signo == SIGABRT && is_from_outside(info) && self.life != NULL &&
		    self.life->doing != CRASH_IDLE;

	(void)context;
	note(hang ? CRASH_HANG : CRASH_SIGNAL, signo);
	die_by(signo);
	errno = saved;
}

/* ms 0: not at all. */
static bool
set_timer(timer_t timer, int64_t ms)
{
	const struct itimerspec t = { .it_value = { .tv_sec = ms / 1000,
						    .tv_nsec = ms % 1000 * 1000000 } };

	return timer_settime(timer, 0, &t, NULL) == 0;
}

static void
arm(int64_t ms)
{
	self.armed = set_timer(self.timer, ms);
}

static void
on_alarm(int signo)
{
	int saved = errno;
	int64_t left;

	(void)signo;
	self.armed = false;
	if (self.life == NULL || self.life->doing == CRASH_IDLE)
		return; /* armed again by the next call */
	left = self.since_ms + self.limit_ms - now_ms();
	if (left > 0) {
		arm(left);
	} else {
		note(CRASH_HANG, SIGABRT);
		die_by(SIGABRT);
	}
	errno = saved;
}

static void
on_exit_called(void)
{
	note(CRASH_EXIT, 0);
}

static int
set_handlers(void)
{
	struct sigaction act = { .sa_sigaction = on_deadly,
				 .sa_flags = SA_ONSTACK | SA_SIGINFO };
	const stack_t own = { .ss_sp = stack, .ss_size = sizeof(stack) };
	int rc = sigaltstack(&own, &self.stack_before) < 0 ? -errno : 0;

	(void)sigfillset(&act.sa_mask); /* cannot fail */
	/* One that the kernel forces must not be blocked: the kernel would not call us. */
	for (size_t i = 0; i < DEADLY; i++)
		(void)sigdelset(&act.sa_mask, deadly[i]); /* as above */
	for (size_t i = 0; rc == 0 && i < DEADLY; i++)
		if (sigaction(deadly[i], &act, &self.before[i]) < 0)
			rc = -errno;
	act.sa_handler = on_alarm;
	act.sa_flags = SA_ONSTACK | SA_RESTART;
	if (rc == 0 && sigaction(SIGALRM, &act, &self.alarm_before) < 0)
		rc = -errno;
	return rc;
}

static int
make_timers(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct sigevent last = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	int rc;

	if (timer_create(CLOCK_MONOTONIC, &event, &self.timer) < 0)
		return -errno;
	if (timer_create(CLOCK_MONOTONIC, &last, &self.last) == 0)
		return 0;
	rc = -errno;
	(void)timer_delete(self.timer); /* made above */
	return rc;
}

int
watch_start(struct crash_life *life, unsigned limit_ms)
{
	int rc = make_timers();

	if (rc < 0)
		return rc;
	rc = set_handlers();
	if (rc == 0 && !self.at_exit && atexit(on_exit_called) != 0)
		rc = -ENOMEM;
	if (rc < 0) {
		(void)timer_delete(self.timer); /* made above */
		(void)timer_delete(self.last);  /* as above */
		return rc;
	}
	self.at_exit = true;
	self.limit_ms = limit_ms;
	self.armed = false;
	self.used_up = false;
	self.life = life;
	return 0;
}

void
watch_stop(void)
{
	if (self.life == NULL)
		return;
	self.life = NULL;
	(void)timer_delete(self.timer); /* made by watch_start */
	(void)timer_delete(self.last);  /* as above */
	for (size_t i = 0; i < DEADLY; i++)
		(void)sigaction(deadly[i], &self.before[i], NULL); /* a known signal */
	(void)sigaction(SIGALRM, &self.alarm_before, NULL);        /* as above */
	(void)sigaltstack(&self.stack_before, NULL); /* it was there before us */
}

/*
 * Nothing is left to work with, and the host could only refuse from now on. It begins anew instead.
 * Asked after each call, so that it is known whose fault it is.
 */
static bool
is_exhausted(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	bool none = fd < 0 && errno == EMFILE;
	void *volatile p = malloc(SPARE_BYTES); /* no compiler may take it away */

	if (fd >= 0)
		(void)close(fd); /* a copy */
	none = none || p == NULL;
	free(p);
	return none;
}

unsigned
watch_enter(enum crash_doing what, uint32_t request)
{
	struct crash_life *l = self.life;
	unsigned was;

	if (l == NULL)
		return 0;
	was = l->doing | l->request << REQUEST_SHIFT;
	if (l->doing == CRASH_IDLE) {
		self.since_ms = now_ms();
		/* Without it the alarm is still there. */
		(void)set_timer(self.last, LAST_OF(self.limit_ms));
	}
	l->request = request;
	l->doing = what;
	if (!self.armed)
		arm(self.limit_ms);
	return was;
}

void
watch_leave(unsigned was)
{
	struct crash_life *l = self.life;

	if (l == NULL)
		return;
	if ((was & ((1u << REQUEST_SHIFT) - 1)) == CRASH_IDLE &&
	    (self.used_up || is_exhausted())) {
		note(CRASH_LEAK, SIGABRT);
		die_by(SIGABRT);
	}
	if (l->doing == CRASH_SUBMIT)
		l->jobs++;
	if ((was & ((1u << REQUEST_SHIFT) - 1)) == CRASH_IDLE)
		(void)set_timer(self.last, 0); /* the timer is there */
	l->doing = was & ((1u << REQUEST_SHIFT) - 1);
	l->request = was >> REQUEST_SHIFT;
}

void
watch_used_up(void)
{
	self.used_up = true;
}
