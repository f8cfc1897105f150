/* What the sandbox lets through, tried in a process of its own. */
#include "unit.h"

#include "adapter/host_typing.h"
#include "adapter/sandbox.h"
#include "base/stream.h"
#include "cert_kit.h"
#include "tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HELD = 0, NOT_ENTERED = 10, LET_THROUGH = 20, TOO_STRICT = 30, NO_LIMIT = 40 };

/* As in the program: these two stand before the sandbox is entered. */
static struct loop *l;
static struct streams *ss;
static char dir[TEMPDIR_BYTES]; /* of credentials */

/* Enters the sandbox in a child, runs fn there, and gives back what it returned. */
static int
in_sandbox(enum adapter_seccomp mode, unsigned needs, int (*fn)(void))
{
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0 && (loop_new(&l) < 0 || streams_new(l, dir, &ss) < 0))
		_exit(NOT_ENTERED);
	if (child == 0)
		_exit(sandbox_enter(mode, needs) < 0 ? NOT_ENTERED : fn());
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static bool
is_filtered(void)
{
	return strcmp(sandbox_words(ADAPTER_SECCOMP_ENFORCE), "seccomp enforced") == 0;
}

static int
forbidden_calls(void)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	if (execv("/bin/true", argv) == 0 || errno != EPERM)
		return LET_THROUGH;
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
		return LET_THROUGH + 1;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) >= 0 || errno != EPERM)
		return LET_THROUGH + 2;
	if (kill(1, 0) == 0 || errno != EPERM)
		return LET_THROUGH + 3;
	if (fork() >= 0 || (errno != EPERM && errno != EAGAIN))
		return LET_THROUGH + 4;
	if (chown("/nowhere", 0, 0) == 0 || errno != EPERM)
		return LET_THROUGH + 5;
	if (ioctl(0, TIOCMGET, &(int){ 0 }) == 0 || errno != EPERM)
		return LET_THROUGH + 6;
	if (flock(0, LOCK_SH) == 0 || errno != EPERM)
		return LET_THROUGH + 7;
	if (listen(0, 1) == 0 || errno != EPERM)
		return LET_THROUGH + 8;
	return HELD;
}

static int
needed_calls(void)
{
	struct rlimit r;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) < 0)
		return TOO_STRICT;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || close(fd) < 0)
		return TOO_STRICT + 1;
	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return TOO_STRICT + 2;
	return r.rlim_max <= SANDBOX_FILES_MAX ? HELD : NO_LIMIT;
}

/* ---- connections ------------------------------------------------------------------------- */

#define ROUNDS_MAX 10000

struct seen {
	struct stream *peer;
	unsigned opened, closed, bytes;
	int err;
};

static void
on_opened(void *ctx)
{
	((struct seen *)ctx)->opened++;
}

static void
on_data(void *ctx, const uint8_t *data, size_t n)
{
	(void)data;
	((struct seen *)ctx)->bytes += (unsigned)n;
}

static void
on_closed(void *ctx, int err)
{
	((struct seen *)ctx)->closed++;
	((struct seen *)ctx)->err = err;
}

static const struct stream_events events = { .opened = on_opened,
					     .data = on_data,
					     .closed = on_closed };

static void
on_accepted(void *ctx, struct stream *s)
{
	((struct seen *)ctx)->peer = s;
	stream_set_events(s, &events, ctx);
}

/* Opens an address and waits for what comes of it. */
static int
try_open(const char *text, struct seen *seen, struct stream **ret_stream)
{
	char why[STREAM_WHY_BYTES];
	struct address a;

	if (address_parse(str_of(text), &a, why) < 0 ||
	    stream_open(ss, &a, &events, seen, ret_stream, why) < 0)
		return TOO_STRICT + 3;
	for (int i = 0; i < ROUNDS_MAX && seen->opened + seen->closed == 0; i++)
		if (loop_once(l, 1000) < 0)
			return TOO_STRICT + 4;
	return seen->opened > 0 ? HELD : TOO_STRICT + 5;
}

/* A listener, a peer and a byte from one to the other. */
static int
talk(const char *listen_at, const char *scheme, const char *parameters)
{
	struct seen client = { .peer = NULL }, server = { .peer = NULL };
	struct stream_listen_options o = {
		.fd = -1, .peers_max = 1, .accepted = on_accepted, .ctx = &server
	};
	struct stream_listener *listener = NULL;
	struct stream *s = NULL;
	char text[64], why[STREAM_WHY_BYTES];
	struct address a;
	int rc;

	o.address = &a;
	if (address_parse(str_of(listen_at), &a, why) < 0)
		return TOO_STRICT + 6;
	if (stream_listen(ss, &o, &listener, why) < 0)
		return TOO_STRICT + 7;
	(void)snprintf(text, sizeof(text), "%s://127.0.0.1:%u%s", scheme,
		       (unsigned)stream_listener_port(listener), parameters); /* fits */
	rc = try_open(text, &client, &s);
	if (rc != HELD || stream_send(s, (const uint8_t *)"x", 1) < 0)
		return rc != HELD ? rc : TOO_STRICT + 8;
	for (int i = 0; i < ROUNDS_MAX && server.bytes == 0; i++)
		if (loop_once(l, 1000) < 0)
			return TOO_STRICT + 4;
	return server.bytes == 1 ? HELD : TOO_STRICT + 9;
}

static int
talk_tcp(void)
{
	return talk("tcp://127.0.0.1:0", "tcp", "");
}

/* Credentials are read, and keys agreed on, after the sandbox was entered. */
static int
talk_tls(void)
{
	return talk("tls://127.0.0.1:0?cert=good.crt&key=good.key&clients=any", "tls",
		    "?ca=ca");
}

static int
trust_system(void)
{
	int rc = talk("tls://127.0.0.1:0?cert=good.crt&key=good.key&clients=any", "tls",
		      "?ca=system");

	return rc == TOO_STRICT + 5 ? HELD : LET_THROUGH + 12; /* ours is none of those */
}

/* A name is asked for: of /etc/hosts, or nobody has it; but never "not permitted". */
static int
ask_name(void)
{
	struct seen client = { .peer = NULL };
	struct stream *s = NULL;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || close(fd) < 0)
		return TOO_STRICT + 10;
	(void)try_open("tcp://localhost:1", &client, &s); /* nobody listens there */
	return client.closed == 1 && client.err != -EPERM ? HELD : TOO_STRICT + 11;
}

static char pty_path[64];

static int
open_serial(void)
{
	struct seen seen = { .peer = NULL };
	struct stream *s = NULL;
	char text[96];
	int rc;

	(void)snprintf(text, sizeof(text), "serial://%s?9600,8N1", pty_path); /* fits */
	rc = try_open(text, &seen, &s);
	stream_free(s);
	return rc;
}

static int
no_serial(void)
{
	return open_serial() == TOO_STRICT + 5 ? HELD : LET_THROUGH + 9;
}

static int
no_internet(void)
{
	return talk_tcp() == TOO_STRICT + 7 ? HELD : LET_THROUGH + 10;
}

/* Typing into a terminal that is open is never allowed. */
static int
no_typing(void)
{
	int fd = open(pty_path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return TOO_STRICT + 12;
	return ioctl(fd, TIOCSTI, "x") < 0 && errno == EPERM ? HELD : LET_THROUGH + 11;
}

/* A terminal is no keyboard, and says so where it may be asked. */
static int
ask_keyboard(void)
{
	uint8_t keys[HOST_TYPING_KEYS_BYTES];
	int fd = open(pty_path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return TOO_STRICT + 13;
	if (ioctl(fd, EVIOCGBIT(EV_KEY, sizeof(keys)), keys) >= 0 || errno == EPERM)
		return TOO_STRICT + 14;
	if (ioctl(fd, EVIOCGKEY(sizeof(keys)), keys) >= 0 || errno != EPERM)
		return LET_THROUGH + 12; /* which keys are down */
	return ioctl(fd, EVIOCGRAB, 1) < 0 && errno == EPERM ? HELD : LET_THROUGH + 13;
}

static int
no_keyboard(void)
{
	return ask_keyboard() == TOO_STRICT + 14 ? HELD : LET_THROUGH + 14;
}

START_TEST(each_kind_of_address_gets_what_it_needs)
{
	const unsigned tcp = SANDBOX_INET | SANDBOX_LISTEN;
	const struct {
		unsigned needs;
		int (*fn)(void);
	} rows[] = {
		{ tcp, talk_tcp },
		{ tcp, talk_tls },
		{ tcp, trust_system },
		{ tcp | SANDBOX_NAMES, ask_name },
		{ SANDBOX_SERIAL, open_serial },
		{ SANDBOX_SERIAL | SANDBOX_LISTEN | SANDBOX_NAMES, no_internet },
		{ tcp | SANDBOX_NAMES, no_serial },
		{ SANDBOX_SERIAL, no_typing },
		{ SANDBOX_TYPING, ask_keyboard },
		{ SANDBOX_TYPING, no_serial },
		{ tcp | SANDBOX_SERIAL, no_keyboard },
	};
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (!is_filtered())
		return; /* a sanitizer's build, or one without seccomp: nothing to try */
	tempdir_make(dir);
	cert_kit_make(dir);
	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master) | unlockpt(master), 0);
	ck_assert_int_eq(ptsname_r(master, pty_path, sizeof(pty_path)), 0);
	ck_assert_int_eq(in_sandbox(ADAPTER_SECCOMP_ENFORCE, rows[_i].needs, rows[_i].fn),
			 HELD);
	ck_assert_int_eq(close(master), 0);
	tempdir_remove(dir);
}
END_TEST

START_TEST(calls_that_no_adapter_needs_are_refused)
{
	if (!is_filtered())
		return; /* a sanitizer's build, or one without seccomp: nothing to try */
	ck_assert_int_eq(in_sandbox(ADAPTER_SECCOMP_ENFORCE, 0, forbidden_calls), HELD);
}
END_TEST

START_TEST(what_the_host_needs_goes_through_in_every_mode)
{
	ck_assert_int_eq(in_sandbox(ADAPTER_SECCOMP_ENFORCE, 0, needed_calls), HELD);
	ck_assert_int_eq(in_sandbox(ADAPTER_SECCOMP_LOG, 0, needed_calls), HELD);
	ck_assert_int_eq(in_sandbox(ADAPTER_SECCOMP_OFF, 0, needed_calls), HELD);
}
END_TEST

START_TEST(each_mode_says_what_it_is)
{
	ck_assert_ptr_nonnull(strstr(sandbox_words(ADAPTER_SECCOMP_ENFORCE), "seccomp"));
	ck_assert_ptr_nonnull(strstr(sandbox_words(ADAPTER_SECCOMP_LOG), "seccomp"));
	ck_assert_ptr_nonnull(strstr(sandbox_words(ADAPTER_SECCOMP_OFF), "seccomp"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("adapter_sandbox");
	TCase *c = tcase_create("adapter_sandbox");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_test(c, calls_that_no_adapter_needs_are_refused);
	tcase_add_test(c, what_the_host_needs_goes_through_in_every_mode);
	tcase_add_loop_test(c, each_kind_of_address_gets_what_it_needs, 0, 8);
	tcase_add_test(c, each_mode_says_what_it_is);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
