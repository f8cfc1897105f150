#include "base/rpc.h"

#include "base/clock.h"
#include "rpc_raw.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ROLE 4u

static struct loop *loop;
static char dir[32], path[64];

/* What the listener's side saw. */
static struct {
	unsigned opened, closed, asked;
	uint32_t role; /* what accept() answers */
	pid_t pid;
	uid_t uid;
	gid_t gid;
	struct rpc_peer *peer;
	struct rpc_listener *listener;
	bool free_in_opened;
} seen;

/* What the client's side saw. */
static struct {
	unsigned connected, closed, gone;
	int gone_err;
	struct rpc_client *client;
	bool free_client, free_peer;
} mine;

static uint32_t
on_accept(void *ctx, pid_t pid, uid_t uid, gid_t gid)
{
	(void)ctx;
	seen.asked++;
	seen.pid = pid;
	seen.uid = uid;
	seen.gid = gid;
	return seen.role;
}

static void
on_opened(void *ctx, struct rpc_peer *peer)
{
	(void)ctx;
	seen.opened++;
	seen.peer = peer;
	ck_assert_uint_eq(rpc_peer_role(peer), ROLE);
	if (seen.free_in_opened)
		seen.listener = rpc_listener_free(seen.listener);
}

static void
on_closed(void *ctx, struct rpc_peer *peer, int err)
{
	(void)ctx;
	(void)peer;
	(void)err;
	seen.closed++;
}

static const struct rpc_hooks server_hooks = { .closed = on_closed };

static void
on_connected(void *ctx, struct rpc_peer *peer)
{
	(void)ctx;
	mine.connected++;
	ck_assert_ptr_eq(peer, rpc_client_peer(mine.client));
	if (mine.free_peer)
		rpc_peer_free(peer);
	if (mine.free_client)
		mine.client = rpc_client_free(mine.client);
}

static void
on_lost(void *ctx, struct rpc_peer *peer, int err)
{
	(void)ctx;
	(void)peer;
	(void)err;
	mine.closed++;
}

static void
on_gone(void *ctx, int err)
{
	(void)ctx;
	mine.gone++;
	mine.gone_err = err;
	mine.client = rpc_client_free(mine.client);
}

static const struct rpc_hooks client_hooks = { .closed = on_lost };

static struct rpc_listen_options
listen_options(void)
{
	return (struct rpc_listen_options){ .path = path,
					    .mode = 0660,
					    .peers_max = 2,
					    .hooks = &server_hooks,
					    .accept = on_accept,
					    .opened = on_opened };
}

static void
listen_now(void)
{
	struct rpc_listen_options o = listen_options();

	ck_assert_int_eq(rpc_listen(loop, &o, &seen.listener), 0);
}

static void
connect_now(const char *to, int fd_first)
{
	struct rpc_client_options o = { .path = to,
					.fd_first = fd_first,
					.role = 1,
					.hooks = &client_hooks,
					.connected = on_connected,
					.gone = on_gone };

	ck_assert_int_eq(rpc_client_new(loop, &o, &mine.client), 0);
	ck_assert_uint_eq(mine.connected, 0); /* never from inside */
}

static void
start(void)
{
	memset(&seen, 0, sizeof(seen));
	memset(&mine, 0, sizeof(mine));
	seen.role = ROLE;
	(void)snprintf(dir, sizeof(dir), "/tmp/test_rpc.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	ck_assert_int_eq(loop_new(&loop), 0);
}

static void
finish(void)
{
	rpc_client_free(mine.client);
	rpc_listener_free(seen.listener);
	loop_free(loop);
	ck_assert_int_eq(rmdir(dir), 0); /* the socket file is gone, too */
}

START_TEST(the_kernels_credentials_decide)
{
	int fd;

	start();
	listen_now();
	fd = rpc_connect(path);
	ck_assert_int_ge(fd, 0);
	RUN_UNTIL(seen.opened == 1);
	ck_assert_int_eq(seen.pid, getpid());
	ck_assert_uint_eq(seen.uid, geteuid());
	ck_assert_uint_eq(seen.gid, getegid());
	(void)close(fd);
	RUN_UNTIL(seen.closed == 1);
	finish();
}
END_TEST

/* Reads until the end of the stream. */
static void
read_all(int fd, char *buf, size_t bytes)
{
	size_t n = 0;

	for (int rounds = 0; n + 1 < bytes; rounds++) {
		ssize_t got = recv(fd, buf + n, bytes - 1 - n, MSG_DONTWAIT);

		ck_assert_int_lt(rounds, ROUNDS_MAX);
		if (got == 0)
			break;
		if (got > 0)
			n += (size_t)got;
		else
			ck_assert_int_eq(loop_once(loop, 10), 0);
	}
	buf[n] = '\0';
}

START_TEST(a_refused_user_hears_why_and_is_never_read)
{
	char text[256];
	int fd;

	start();
	listen_now();
	seen.role = 0;
	fd = rpc_connect(path);
	ck_assert_int_ge(fd, 0);
	read_all(fd, text, sizeof(text));
	ck_assert_str_eq(text,
			 "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32001,"
			 "\"message\":\"this user may not connect here\"}}\n");
	ck_assert_uint_eq(seen.asked, 1);
	ck_assert_uint_eq(seen.opened, 0);
	(void)close(fd);
	finish();
}
END_TEST

static void
count_peer(void *ctx, struct rpc_peer *p)
{
	unsigned *count = ctx;

	ck_assert_ptr_nonnull(p);
	(*count)++;
}

START_TEST(connections_beyond_the_limit_are_refused_until_one_ends)
{
	unsigned count = 0;
	char text[256];
	int fd[4];

	start();
	listen_now();
	for (int i = 0; i < 3; i++)
		fd[i] = rpc_connect(path);
	read_all(fd[2], text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "too many connections"));
	ck_assert_uint_eq(seen.opened, 2);
	rpc_listener_each(seen.listener, count_peer, &count);
	ck_assert_uint_eq(count, 2);
	(void)close(fd[0]);
	RUN_UNTIL(seen.closed == 1);
	fd[3] = rpc_connect(path);
	RUN_UNTIL(seen.opened == 3);
	for (int i = 1; i < 4; i++)
		(void)close(fd[i]);
	finish();
}
END_TEST

START_TEST(a_stale_socket_file_is_replaced_and_a_live_one_is_not)
{
	struct rpc_listen_options o = listen_options();
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct rpc_listener *second;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	start();
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd); /* a program that died: the file stays */
	listen_now();
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	ck_assert_int_eq(rpc_listen(loop, &o, &second), -EADDRINUSE);
	finish();
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_never_removed)
{
	struct rpc_listen_options o = listen_options();
	struct rpc_listener *l;
	int fd;

	start();
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	ck_assert_int_eq(rpc_listen(loop, &o, &l), -EADDRINUSE);
	ck_assert_int_eq(unlink(path), 0);
	finish();
}
END_TEST

START_TEST(a_path_that_does_not_fit_is_refused)
{
	struct rpc_listen_options o = listen_options();
	struct rpc_listener *l;
	char longer[200];

	start();
	memset(longer, 'p', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	o.path = longer;
	ck_assert_int_eq(rpc_listen(loop, &o, &l), -ENAMETOOLONG);
	ck_assert_int_eq(rpc_connect(longer), -ENAMETOOLONG);
	ck_assert_int_eq(rpc_connect(path), -ENOENT);
	finish();
}
END_TEST

START_TEST(somebody_elses_new_socket_is_left_alone)
{
	struct rpc_listener *old;

	start();
	listen_now();
	old = seen.listener;
	ck_assert_int_eq(unlink(path), 0);
	listen_now(); /* another program took the place */
	rpc_listener_free(old);
	ck_assert_int_eq(access(path, F_OK), 0);
	finish();
}
END_TEST

START_TEST(a_listener_may_be_freed_by_its_own_hook)
{
	int fd;

	start();
	listen_now();
	seen.free_in_opened = true;
	fd = rpc_connect(path);
	RUN_UNTIL(seen.opened == 1);
	ck_assert_ptr_null(seen.listener);
	ck_assert_uint_eq(seen.closed, 0); /* freeing tells nobody */
	ck_assert_int_eq(loop_once(loop, 0), 0);
	(void)close(fd);
	finish();
}
END_TEST

START_TEST(running_out_of_descriptors_is_survived)
{
	struct rlimit old, tight;
	int fds[64], count = 0, fd, second;

	start();
	listen_now();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	fd = rpc_connect(path);
	ck_assert_int_ge(fd, 0);
	tight = old;
	tight.rlim_cur = 64;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	while (count < 64 && (fds[count] = dup(fd)) >= 0)
		count++;
	ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_uint_eq(seen.opened, 0);
	while (count > 0)
		(void)close(fds[--count]);
	/* After the pause; the first connection need not live (a checker's own accept() drops it). */
	second = rpc_connect(path);
	ck_assert_int_ge(second, 0);
	RUN_UNTIL(seen.opened >= 1);
	(void)setrlimit(RLIMIT_NOFILE, &old);
	(void)close(second);
	(void)close(fd);
	finish();
}
END_TEST

START_TEST(a_client_waits_for_its_server_and_comes_back)
{
	start();
	connect_now(path, -1);
	ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_ptr_null(rpc_client_peer(mine.client));
	listen_now();
	RUN_UNTIL(mine.connected == 1 && seen.opened == 1);
	seen.listener = rpc_listener_free(seen.listener);
	RUN_UNTIL(mine.closed == 1);
	ck_assert_ptr_null(rpc_client_peer(mine.client));
	listen_now();
	RUN_UNTIL(mine.connected == 2 && seen.opened == 2);
	ck_assert_uint_eq(mine.gone, 0);
	finish();
}
END_TEST

START_TEST(a_client_reconnects_when_the_program_drops_its_peer)
{
	start();
	listen_now();
	mine.free_peer = true;
	connect_now(path, -1);
	RUN_UNTIL(mine.connected == 2);
	ck_assert_uint_eq(mine.closed, 0);
	finish();
}
END_TEST

START_TEST(a_client_may_be_freed_by_its_own_hook)
{
	start();
	listen_now();
	mine.free_client = true;
	connect_now(path, -1);
	RUN_UNTIL(mine.connected == 1);
	RUN_UNTIL(seen.closed == 1);
	ck_assert_ptr_null(mine.client);
	finish();
}
END_TEST

START_TEST(a_given_socket_is_used_once)
{
	int fds[2];

	start();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	connect_now(NULL, fds[0]);
	RUN_UNTIL(mine.connected == 1);
	(void)close(fds[1]);
	RUN_UNTIL(mine.gone == 1);
	ck_assert_int_eq(mine.gone_err, 0);
	ck_assert_uint_eq(mine.closed, 1);
	ck_assert_ptr_null(mine.client); /* freed by its own hook */
	finish();
}
END_TEST

START_TEST(after_the_given_socket_comes_the_path)
{
	int fds[2];

	start();
	listen_now();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	connect_now(path, fds[0]);
	RUN_UNTIL(mine.connected == 1);
	ck_assert_uint_eq(seen.opened, 0);
	(void)close(fds[1]);
	RUN_UNTIL(mine.connected == 2 && seen.opened == 1);
	finish();
}
END_TEST

START_TEST(an_unused_client_closes_its_socket)
{
	int fds[2];
	char byte;

	start();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	connect_now(NULL, fds[0]);
	mine.client = rpc_client_free(mine.client);
	ck_assert_int_eq(recv(fds[1], &byte, 1, 0), 0);
	(void)close(fds[1]);
	finish();
}
END_TEST

START_TEST(no_descriptor_is_left_behind)
{
	int before, after;

	start();
	before = dup(0);
	(void)close(before);
	for (int i = 0; i < 20; i++) {
		mine.connected = seen.opened = seen.closed = 0;
		listen_now();
		connect_now(path, -1);
		RUN_UNTIL(mine.connected == 1 && seen.opened == 1);
		mine.client = rpc_client_free(mine.client);
		RUN_UNTIL(seen.closed == 1);
		seen.listener = rpc_listener_free(seen.listener);
	}
	after = dup(0);
	(void)close(after);
	ck_assert_int_eq(after, before);
	finish();
}
END_TEST

UNIT_MAIN("rpc_listen", the_kernels_credentials_decide,
	  a_refused_user_hears_why_and_is_never_read,
	  connections_beyond_the_limit_are_refused_until_one_ends,
	  a_stale_socket_file_is_replaced_and_a_live_one_is_not,
	  a_file_that_is_no_socket_is_never_removed, a_path_that_does_not_fit_is_refused,
	  somebody_elses_new_socket_is_left_alone,
	  a_listener_may_be_freed_by_its_own_hook, running_out_of_descriptors_is_survived,
	  a_client_waits_for_its_server_and_comes_back,
	  a_client_reconnects_when_the_program_drops_its_peer,
	  a_client_may_be_freed_by_its_own_hook, a_given_socket_is_used_once,
	  after_the_given_socket_comes_the_path, an_unused_client_closes_its_socket,
	  no_descriptor_is_left_behind)
