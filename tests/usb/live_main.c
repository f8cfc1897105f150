/* reader-live: a child program with readers on a bus of its own. bench.h tells how to use it. */
#include "usb/live_bus.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PRELOAD "libumockdev-preload.so.0"
#define ONCE "READER_LIVE_STARTED" /* guards against starting itself for ever */
#define LAST_WORDS_MS 5000

struct live {
	struct bench *bench;
	struct live_bus *bus;
	struct bench_options options;
	bool wait, stay;
	char *const *child;
	pid_t pid; /* of the child; 0 none */
	int exit_code;
	bool ended; /* the child has, and nobody wants another one */
	int wake_fd, signal_fd;
	sigset_t outer; /* the signal mask that the child gets */
};

/* Adds value to a variable that is a list of the environment's. */
static void
add_to_environment(const char *name, const char *value)
{
	const char *old = getenv(name);
	char text[4096];

	if (old != NULL && *old != '\0')
		(void)snprintf(text, sizeof(text), "%s:%s", value, old);
	else
		(void)snprintf(text, sizeof(text), "%s", value);
	(void)setenv(name, text, 1); /* without memory the child fails, too */
}

static void
become_child(struct live *l)
{
	char *folder = live_bus_folder(l->bus);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || null < 0 ||
	    dup2(null, STDIN_FILENO) < 0)
		_exit(126);
	if (l->options.control == NULL && l->options.fd < 0 &&
	    dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(126);
	(void)setenv("UMOCKDEV_DIR", folder, 1);         /* as above */
	(void)sigprocmask(SIG_SETMASK, &l->outer, NULL); /* cannot fail */
	execvp(l->child[0], l->child);
	(void)fprintf(stderr, "reader-live: %s: %s\n", l->child[0], strerror(errno));
	_exit(127);
}

static const char *
start_child(void *ctx)
{
	struct live *l = ctx;
	pid_t pid;

	if (l->pid != 0)
		return "it runs";
	pid = fork();
	if (pid < 0)
		return "no process can be made";
	if (pid == 0)
		become_child(l);
	l->pid = pid;
	bench_say(l->bench, "started %d", (int)pid);
	return NULL;
}

static void
reap_child(struct live *l)
{
	int status;

	if (l->pid == 0 || waitpid(l->pid, &status, WNOHANG) != l->pid)
		return;
	l->pid = 0;
	l->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	l->ended = !l->stay;
	bench_say(l->bench, "exited %d", l->exit_code);
}

/* A signal has come; true when it asks for the end. */
static bool
on_signal(struct live *l)
{
	struct signalfd_siginfo s;

	if (read(l->signal_fd, &s, sizeof(s)) != sizeof(s))
		return false;
	if (s.ssi_signo != SIGCHLD)
		return true;
	reap_child(l);
	return false;
}

static int
sooner(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

/* One round; false when it is over. */
static bool
serve(struct live *l)
{
	struct pollfd p[BENCH_POLLS + 2] = { { .fd = l->wake_fd, .events = POLLIN },
					     { .fd = l->signal_fd, .events = POLLIN } };
	uint64_t wakes;
	size_t n;
	int wait;

	live_bus_lock(l->bus);
	wait = bench_work(l->bench);
	wait = sooner(wait, live_bus_work(l->bus));
	n = bench_polls(l->bench, p + 2);
	live_bus_unlock(l->bus);
	if (poll(p, 2 + n, wait) < 0 && errno != EINTR)
		return false;
	if (p[0].revents != 0 && read(l->wake_fd, &wakes, sizeof(wakes)) < 0)
		return false;
	live_bus_lock(l->bus);
	if (p[1].revents != 0 && on_signal(l))
		l->ended = true;
	bench_serve(l->bench, p + 2, n);
	live_bus_unlock(l->bus);
	return !l->ended && !bench_quits(l->bench);
}

/* Ends the child, by force if it does not end by itself. */
static void
end_child(struct live *l)
{
	int64_t until = bench_now_us() + LAST_WORDS_MS * 1000;

	if (l->pid == 0)
		return;
	(void)kill(l->pid, SIGTERM); /* ours, and not reaped yet */
	while (l->pid != 0 && bench_now_us() < until) {
		struct pollfd p[] = { { .fd = l->signal_fd, .events = POLLIN },
				      { .fd = l->wake_fd, .events = POLLIN } };
		uint64_t wakes;

		(void)poll(p, 2,
			   (int)((until - bench_now_us()) / 1000) + 1); /* time ends it */
		live_bus_lock(l->bus);
		if (p[0].revents != 0)
			(void)on_signal(l); /* it is the end already */
		if (p[1].revents != 0 && read(l->wake_fd, &wakes, sizeof(wakes)) > 0)
			(void)bench_work(l->bench); /* the child's last transfers */
		live_bus_unlock(l->bus);
	}
	if (l->pid == 0)
		return;
	(void)kill(l->pid, SIGKILL); /* as above */
	(void)waitpid(l->pid, NULL, 0);
	l->pid = 0;
}

static const char *
plug(void *ctx, struct bench_port *p, char node[64])
{
	return live_bus_plug(((struct live *)ctx)->bus, p, node);
}

static void
unplug(void *ctx, struct bench_port *p)
{
	(void)ctx;
	live_bus_unplug(p);
}

static void
transfer_ended(void *ctx, struct bench_port *p, struct uru_urb *u)
{
	(void)ctx;
	live_bus_ended(p, u);
}

static int
set_up(struct live *l)
{
	const struct bench_transport t = {
		plug, unplug, transfer_ended, l->child[0] == NULL ? NULL : start_child,
		true, l
	};
	sigset_t ours;

	/* Before the library starts its thread, so that signals come to us. */
	(void)sigemptyset(&ours); /* these cannot fail */
	(void)sigaddset(&ours, SIGCHLD);
	(void)sigaddset(&ours, SIGTERM);
	(void)sigaddset(&ours, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ours, &l->outer);
	l->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->signal_fd < 0 || l->wake_fd < 0)
		return -errno;
	l->bus = live_bus_new(l->wake_fd);
	if (l->bus == NULL)
		return -EIO;
	return bench_new(&l->options, &t, &l->bench);
}

static int
parse(struct live *l, char **argv)
{
	char **a = argv + 1;

	l->options.fd = -1;
	while (*a != NULL && strncmp(*a, "--", 2) == 0) {
		int used = bench_option(&l->options, a);

		l->wait = l->wait || strcmp(*a, "--wait") == 0;
		l->stay = l->stay || strcmp(*a, "--stay") == 0;
		if (used == 0 && strcmp(*a, "--wait") != 0 && strcmp(*a, "--stay") != 0)
			return -EINVAL;
		a += used == 0 ? 1 : used;
	}
	l->child = a;
	return 0;
}

/*
 * The library that sends udev's messages looks for the device in sysfs, which only is there for
 * preloaded programs: so this one starts itself again. The child inherits it.
 */
static void
start_preloaded(char **argv)
{
	char path[4096];
	ssize_t n;

	if (getenv(ONCE) != NULL) {
		(void)unsetenv(ONCE); /* cannot fail */
		return;
	}
	add_to_environment("LD_PRELOAD", PRELOAD);
	/* The sanitizer's library would insist on being the first one. */
	add_to_environment("ASAN_OPTIONS", "verify_asan_link_order=0");
	(void)setenv(ONCE, "1", 1); /* without memory it fails, too */
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	(void)execv(path, argv); /* comes back only when it failed */
	(void)fprintf(stderr, "reader-live: %s\n", strerror(errno));
	exit(1);
}

int
main(int argc, char **argv)
{
	static struct live l;
	int rc;

	(void)argc;
	start_preloaded(argv);
	if (parse(&l, argv) < 0) {
		(void)fprintf(stderr, "usage: reader-live [--fd N | --control PATH] "
				      "[--fast] [--wait] [--stay] [CHILD ARGS...]\n");
		return 64;
	}
	rc = set_up(&l);
	if (rc < 0) {
		(void)fprintf(stderr, "reader-live: %s\n", strerror(-rc));
		return 1;
	}
	if (!l.wait && l.child[0] != NULL)
		(void)start_child(&l); /* says so itself; without it nothing ends us */
	while (serve(&l))
		;
	end_child(&l);
	bench_free(l.bench);
	l.bus = live_bus_free(l.bus);
	return l.exit_code;
}
