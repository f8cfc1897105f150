/*
 * A hostile adapter, for tests/integration/hostile_plugins.py only: the drop adapter, and one vice
 * that option "vice" names. It shows itself while the file that option "trigger" names is there (which
 * it removes), or always when that is empty; in a request, before or after drop took it. Vices of the
 * constructor, which knows no options, come by the environment: HOSTILE_LOAD=VICE.
 *
 * Unlike an honest plug-in it makes system calls and keeps data of its own.
 */
#include "laned/adapter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define FLOOD 20000u
#define OPTIONS_MAX 16u

const struct laned_adapter *drop_adapter_v0(uint32_t host_minor);

struct hostile {
	struct laned_host *host;
	const struct laned_host_api *api;
	void *inner;
	struct laned_str vice, trigger;
	struct laned_request pay;
};

static const struct laned_adapter *drop;
static volatile int zero;
static char calls_text[400];

/* ---- system calls that no plug-in makes -------------------------------------------------- */

static void
add(const char *name, int result)
{
	size_t n = strlen(calls_text);

	(void)snprintf(calls_text + n, sizeof(calls_text) - n, " %s=%s", name,
		       result >= 0       ? "DONE"
		       : errno == EPERM  ? "EPERM"
		       : errno == EAGAIN ? "EAGAIN"
					 : "other");
}

static int
try_fork(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	if (child > 0)
		(void)waitpid(child, NULL, 0);
	return (int)child;
}

static int
try_listen(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "hostile.sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), rc;

	if (fd < 0)
		return -1;
	rc = bind(fd, (struct sockaddr *)&a, sizeof(a));
	(void)close(fd);
	return rc;
}

static void
forbidden_calls(void)
{
	const struct rlimit more = { RLIM_INFINITY, RLIM_INFINITY };
	char *const argv[] = { (char[]){ "true" }, NULL };

	add("packet", socket(AF_PACKET, SOCK_RAW, 0));
	add("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
	add("fork", try_fork());
	add("exec", execv("/bin/true", argv));
	add("kill",
	    kill(getppid(), 0)); /* by nothing: where it is let through, nobody dies */
	add("killall", kill(-1, 0));
	add("ptrace", (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	add("setrlimit", setrlimit(RLIMIT_AS, &more));
	add("chown", chown("/tmp", 0, 0));
	add("mknod", mknod("hostile.node", S_IFREG | 0600, 0));
	add("listen", try_listen());
	add("chroot", chroot("/"));
	add("unshare", unshare(CLONE_NEWNET));
}

/* ---- ends ---------------------------------------------------------------------------------- */

__attribute__((noinline)) static int
recurse(int depth)
{
	volatile char frame[4096];

	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (char)depth;
	return depth == -1 ? 0 : recurse(depth + 1) + frame[0];
}

static void
write_out_of_bounds(struct hostile *h)
{
	volatile char *p = h->api->alloc(h->host, 64);

	while (p != NULL)
		*p++ = 'x';
}

/* True: it was one of these, and had no end. */
static int
end_by(struct hostile *h, const char *vice, size_t n)
{
	int (*volatile nowhere)(void) = NULL;

#define IS(word) (n == sizeof(word) - 1 && memcmp(vice, word, n) == 0)
	if (IS("segv"))
		*(volatile int *)(uintptr_t)zero = 1;
	else if (IS("call"))
		return nowhere();
	else if (IS("fpe"))
		return 1000 / zero;
	else if (IS("ill"))
		__builtin_trap();
	else if (IS("abort"))
		abort();
	else if (IS("overflow"))
		return recurse(0);
	else if (IS("heap") && h != NULL)
		write_out_of_bounds(h);
	else if (IS("exit"))
		exit(0);
	else if (IS("quit"))
		_exit(0);
	else if (IS("kill"))
		(void)kill(getpid(), SIGKILL);
	else if (IS("hang"))
		for (;;)
			(void)getppid();
	else
		return 0;
	return 1;
}

__attribute__((constructor)) static void
at_load(void)
{
	const char *vice = getenv("HOSTILE_LOAD");

	if (vice == NULL)
		return;
	if (strcmp(vice, "calls") == 0)
		forbidden_calls();
	else
		(void)end_by(NULL, vice, strlen(vice));
}

/* ---- floods and leaks ---------------------------------------------------------------------- */

static void
flood_events(struct hostile *h)
{
	struct laned_event ev = { .size = sizeof(ev),
				  .type = LANED_EV_NOTE,
				  .amount = -1 };

	for (unsigned i = 0; i < FLOOD; i++)
		(void)h->api->event(h->host, &ev);
}

static void
flood_logs(struct hostile *h)
{
	static const char text[] = "hostile: one line of very many";
	const struct laned_str s = { text, sizeof(text) - 1 };

	for (unsigned i = 0; i < FLOOD; i++)
		h->api->log(h->host, LANED_LOG_ERR, s);
}

static void
flood_cancels(struct hostile *h)
{
	char ticket[32];

	for (unsigned i = 0; i < FLOOD; i++) {
		int n = snprintf(ticket, sizeof(ticket), "none-%u", i);

		(void)h->api->pos_cancel(h->host, (struct laned_str){ ticket, (size_t)n },
					 NULL, NULL);
	}
}

static void
flood_journal(struct hostile *h)
{
	for (unsigned i = 0; i < FLOOD; i++)
		(void)h->api->journal(h->host, h->pay.req + i, &h->pay.key,
				      LANED_J_SENDING, (struct laned_str){ NULL, 0 });
}

/* Answers nobody waits for: flags 0 and the numbers of requests that never were, or late ones. */
static void
flood_completions(struct hostile *h, uint32_t flags)
{
	struct laned_result r = { .size = sizeof(r),
				  .outcome = LANED_OUT_APPROVED,
				  .amount = 1,
				  .flags = flags };

	for (unsigned i = 0; i < FLOOD; i++) {
		r.req = flags != 0 ? 0 : h->pay.req + 1000 + i;
		memcpy(r.key.b, &i, sizeof(i));
		r.key.b[15] = 1;
		(void)h->api->complete(h->host, &r, NULL, NULL);
	}
}

static void
leak(struct hostile *h)
{
	while (h->api->alloc(h->host, 65536) != NULL)
		;
}

static void
leak_past_the_host(void)
{
	volatile char *p;

	while ((p = malloc(1u << 20)) != NULL)
		for (size_t i = 0; i < 1u << 20; i += 4096)
			p[i] = 1;
}

static void
use_up_descriptors(void)
{
	while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
		;
}

/* Into everything that is open, laned's socket among it. */
static void
scribble(void)
{
	static const char text[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"adapter.complete\",\n\n\"";

	for (int fd = 3; fd < 128; fd++)
		(void)!write(fd, text, sizeof(text) - 1);
}

static void
close_everything(void)
{
	for (int fd = 3; fd < 128; fd++)
		(void)close(fd);
}

static void
again(void *user)
{
	struct hostile *h = user;
	uint64_t timer;

	(void)h->api->timer_set(h->host, 0, again, h, &timer);
}

static void
use_up_timers(struct hostile *h)
{
	uint64_t timer;

	while (h->api->timer_set(h->host, 3600000, again, h, &timer) == LANED_OK)
		;
}

static void
answer(struct hostile *h, uint32_t outcome, int64_t amount)
{
	const struct laned_result r = { .size = sizeof(r),
					.outcome = outcome,
					.req = h->pay.req,
					.key = h->pay.key,
					.amount = amount };

	(void)h->api->complete(h->host, &r, NULL, NULL);
}

/* ---- when ---------------------------------------------------------------------------------- */

static int
is_armed(const struct hostile *h)
{
	char path[512];

	if (h->trigger.n == 0)
		return 1;
	if (h->trigger.n >= sizeof(path))
		return 0;
	memcpy(path, h->trigger.p, h->trigger.n);
	path[h->trigger.n] = '\0';
	return unlink(path) == 0;
}

/* "submit-segv" in "submit" is "segv". Length 0: not here. */
static struct laned_str
vice_of(const struct hostile *h, const char *where)
{
	size_t n = strlen(where);
	struct laned_str none = { "", 0 };

	if (h->vice.n <= n || memcmp(h->vice.p, where, n) != 0 || h->vice.p[n] != '-' ||
	    !is_armed(h))
		return none;
	return (struct laned_str){ h->vice.p + n + 1, h->vice.n - n - 1 };
}

static void
in_timer(void *user)
{
	struct hostile *h = user;
	struct laned_str v = { h->vice.p + 6, h->vice.n - 6 }; /* behind "timer-" */

	(void)end_by(h, v.p, v.n);
}

static void
in_ack(void *user, int status)
{
	struct hostile *h = user;

	(void)status;
	(void)end_by(h, "segv", 4);
}

static void
in_request(struct hostile *h, struct laned_str v)
{
	const char *vice = v.p;
	size_t n = v.n;

	if (n == 0 || end_by(h, vice, n) != 0)
		return;
	if (IS("events"))
		flood_events(h);
	else if (IS("logs"))
		flood_logs(h);
	else if (IS("cancels"))
		flood_cancels(h);
	else if (IS("journal"))
		flood_journal(h);
	else if (IS("unknown"))
		flood_completions(h, 0);
	else if (IS("late"))
		flood_completions(h, LANED_RESULT_LATE);
	else if (IS("leak"))
		leak(h);
	else if (IS("malloc"))
		leak_past_the_host();
	else if (IS("files"))
		use_up_descriptors();
	else if (IS("scribble"))
		scribble();
	else if (IS("close"))
		close_everything();
	else if (IS("endless"))
		again(h);
	else if (IS("timers"))
		use_up_timers(h);
	else if (IS("calls"))
		forbidden_calls();
	else if (IS("twice")) {
		answer(h, LANED_OUT_DECLINED, -1);
		answer(h, LANED_OUT_APPROVED, h->pay.amount);
	}
}

/* ---- the table ------------------------------------------------------------------------------ */

static int
create(struct laned_host *host, const struct laned_host_api *api, void **ret_instance)
{
	struct hostile *h = api->alloc(host, sizeof(*h));
	struct laned_str v;
	int rc;

	if (h == NULL)
		return LANED_NO_MEMORY;
	h->host = host;
	h->api = api;
	rc = api->option_str(host, "vice", &h->vice);
	if (rc == LANED_OK)
		rc = api->option_str(host, "trigger", &h->trigger);
	if (rc == LANED_OK)
		rc = drop->create(host, api, &h->inner);
	if (rc != LANED_OK)
		return rc;
	if (calls_text[0] != '\0')
		api->log(host, LANED_LOG_NOTICE,
			 (struct laned_str){ calls_text, strlen(calls_text) });
	v = vice_of(h, "create");
	(void)end_by(h, v.p, v.n);
	*ret_instance = h;
	return LANED_OK;
}

static int
start(void *instance)
{
	struct hostile *h = instance;
	struct laned_str v = vice_of(h, "start");

	(void)end_by(h, v.p, v.n);
	return drop->start(h->inner);
}

static void
recover(void *instance, const struct laned_entry *entries, size_t count)
{
	struct hostile *h = instance;
	struct laned_str v = vice_of(h, "recover");

	(void)end_by(h, v.p, v.n);
	drop->recover(h->inner, entries, count);
}

static void
link_changed(void *instance, int up)
{
	drop->link(((struct hostile *)instance)->inner, up);
}

static void
later(struct hostile *h)
{
	static const char text[] = "none";
	uint64_t timer;

	if (h->vice.n > 6 && memcmp(h->vice.p, "timer-", 6) == 0 && is_armed(h))
		(void)h->api->timer_set(h->host, 0, in_timer, h, &timer);
	if (h->vice.n == 8 && memcmp(h->vice.p, "ack-segv", 8) == 0 && is_armed(h))
		(void)h->api->pos_cancel(h->host, (struct laned_str){ text, 4 }, in_ack,
					 h);
}

static int
submit(void *instance, const struct laned_request *q)
{
	struct hostile *h = instance;
	int rc;

	if (q->type != LANED_REQ_PAY)
		return drop->submit(h->inner, q);
	h->pay = *q;
	in_request(h, vice_of(h, "before"));
	rc = drop->submit(h->inner, q);
	in_request(h, vice_of(h, "after"));
	later(h);
	if (calls_text[0] != '\0')
		h->api->log(h->host, LANED_LOG_NOTICE,
			    (struct laned_str){ calls_text, strlen(calls_text) });
	return rc;
}

static void
health(void *instance, struct laned_health *out)
{
	drop->health(((struct hostile *)instance)->inner, out);
}

static int
selftest(void *instance, uint32_t level, char text[LANED_NOTE_BYTES])
{
	return drop->selftest(((struct hostile *)instance)->inner, level, text);
}

static void
stop(void *instance)
{
	drop->stop(((struct hostile *)instance)->inner);
}

static void
destroy(void *instance)
{
	struct hostile *h = instance;

	drop->destroy(h->inner);
	h->api->free(h->host, h);
}

LANED_EXPORT const struct laned_adapter *
laned_adapter_v0(uint32_t host_minor)
{
	static struct laned_option options[OPTIONS_MAX];
	static struct laned_adapter table;
	const struct laned_option own[] = {
		{ sizeof(own[0]), LANED_OPT_STRING, "vice", "none", NULL,
		  "What it does wrong.", 1, 64 },
		{ sizeof(own[0]), LANED_OPT_STRING, "trigger", "", NULL,
		  "Only while this file is there.", 0, 400 },
	};

	drop = drop_adapter_v0(host_minor);
	if (drop == NULL || drop->options_count > OPTIONS_MAX - 2)
		return NULL;
	table = *drop;
	memcpy(options, drop->options, drop->options_count * sizeof(options[0]));
	memcpy(options + drop->options_count, own, sizeof(own));
	table.name = "hostile";
	table.version = "0.1";
	table.options = options;
	table.options_count = drop->options_count + 2;
	table.create = create;
	table.start = start;
	table.recover = recover;
	table.link = link_changed;
	table.submit = submit;
	table.health = health;
	table.selftest = selftest;
	table.stop = stop;
	table.destroy = destroy;
	return &table;
}
