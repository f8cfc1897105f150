/*
 * Every allocation of a scenario fails once, then all from there on: an error comes back or the
 * work is done, nothing leaks, nobody waits for ever. The allocator of this program is wrapped, so
 * that the libraries' own allocations fail as well. Under a sanitizer or valgrind it cannot be: there
 * the scenarios only run once.
 */
#include "base/conf.h"
#include "base/db.h"
#include "base/rpc.h"
#include "base/stream.h"

#include "unit.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WRAPPED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||               \
	__has_feature(memory_sanitizer)
#define WRAPPED 0
#endif
#endif
#ifndef WRAPPED
#define WRAPPED 1
#endif

#define ALLOCATIONS_MAX 20000

static bool counting, for_ever;
static long allocations, fail_at, live;

#if WRAPPED
/* The libraries must find these, whatever visibility the build gives its own functions. */
#define SEEN __attribute__((visibility("default")))

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool
fails(void)
{
	if (!counting)
		return false;
	allocations++;
	if (fail_at == 0 || allocations < fail_at || (allocations > fail_at && !for_ever))
		return false;
	errno = ENOMEM;
	return true;
}

static void *
counted(void *p, long change)
{
	if (counting && p != NULL)
		live += change;
	return p;
}

SEEN void *
malloc(size_t n)
{
	return fails() ? NULL : counted(__libc_malloc(n), 1);
}

SEEN void *
calloc(size_t count, size_t n)
{
	return fails() ? NULL : counted(__libc_calloc(count, n), 1);
}

SEEN void *
realloc(void *p, size_t n)
{
	return fails() ? NULL : counted(__libc_realloc(p, n), p == NULL);
}

SEEN void
free(void *p)
{
	__libc_free(counted(p, -1));
}
#endif

static char dir[40], file[64], parts[64];

/* ---- a conversation ---- */

static struct rpc_peer *peers[2];
static unsigned answers;

static void
on_answer(void *ctx, const struct value *result, const struct rpc_error *error)
{
	(void)ctx;
	if ((result == NULL) == (error == NULL))
		abort(); /* libcheck's own report would need memory */
	answers++;
}

static void
on_echo(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct json_out *out = json_out_new(1000);

	(void)ctx;
	(void)peer;
	if (out == NULL) {
		rpc_fail(call, RPC_INTERNAL, "no memory");
		return;
	}
	json_value(out, NULL, params);
	rpc_reply(call, out);
	json_out_free(out);
}

static void
on_closed(void *ctx, struct rpc_peer *peer, int err)
{
	(void)ctx;
	(void)err;
	for (size_t i = 0; i < 2; i++)
		if (peers[i] == peer)
			peers[i] = NULL;
}

static const struct rpc_method methods[] = { { "echo", 1, 0, on_echo } };
static const struct rpc_hooks hooks = { methods, 1, NULL, NULL, on_closed };

static void
converse(void)
{
	struct loop *loop = NULL;
	unsigned asked = 0;
	int fds[2];

	answers = 0;
	if (loop_new(&loop) < 0)
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
	for (size_t i = 0; i < 2; i++) {
		peers[i] = NULL;
		/* A failure leaves NULL; the other side then sees the end. */
		(void)rpc_peer_new(loop, fds[i], 1, &hooks, &peers[i]);
	}
	for (int i = 0; i < 5 && peers[0] != NULL; i++)
		asked += rpc_request(peers[0], "echo", NULL, 0, on_answer, NULL) == 0;
	while (answers < asked)
		if (loop_once(loop, -1) < 0)
			break;
	rpc_peer_free(peers[0]);
	rpc_peer_free(peers[1]);
	loop_free(loop);
	if (answers != asked)
		abort();
}

/* ---- a database ---- */

static const struct db_migration migrations[] = {
	{ 1, 1, "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT NOT NULL) STRICT" },
};

static void
store(void)
{
	struct db_spec spec = { .path = file,
				.application_id = 5,
				.migrations = migrations,
				.migrations_count = 1 };
	sqlite3_stmt *s;
	struct db *d;

	if (fail_at % 2 == 0)
		(void)unlink(file); /* else the one of the round before is opened */
	if (db_open(&spec, &d, NULL) < 0)
		return;
	for (int i = 0; i < 2; i++) {
		s = db_stmt(d, "INSERT INTO t (x) VALUES (?1)");
		db_bind_cstr(s, 1,
			     "a text that is long enough to need memory of its own");
		(void)db_run(d, s); /* an error is as good as a row */
	}
	if (db_begin(d) == 0) {
		(void)db_exec(d, "DELETE FROM t WHERE x = ''"); /* as above */
		(void)db_commit(d);
	}
	(void)db_check(d); /* as above */
	db_close(d);
}

/* ---- a configuration ---- */

static const struct conf_key table[] = {
	{ "lane", "number", CONF_INT, 1, 9, "2", NULL, "Number.", true },
	{ "adapter:*", "name", CONF_STRING, 0, 9, "d", NULL, "Name.", true },
};
static struct conf_errors errors;

static void
configure(void)
{
	struct conf *c;

	if (conf_load(table, 2, file, parts, &errors, &c) < 0)
		return;
	if (conf_int(c, "lane", "number") != 4) /* half a configuration is none */
		abort();
	conf_free(c);
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

/* ---- connections ---- */

static struct stream *ends[2];
static unsigned told;

static void
on_opened(void *ctx)
{
	static const uint8_t text[100];
	struct stream **end = ctx;

	(void)stream_send(*end, text, sizeof(text)); /* or not: then it is closed */
}

static void
on_data(void *ctx, const uint8_t *data, size_t n)
{
	(void)ctx;
	(void)data;
	(void)n;
	told++;
}

static void
on_stream_closed(void *ctx, int err)
{
	struct stream **end = ctx;

	(void)err;
	*end = stream_free(*end);
	told += 2;
}

static const struct stream_events stream_events = { .opened = on_opened,
						    .data = on_data,
						    .closed = on_stream_closed };

static void
on_accepted(void *ctx, struct stream *s)
{
	(void)ctx;
	if (ends[1] != NULL)
		abort();
	ends[1] = s;
	stream_set_events(s, &stream_events, &ends[1]);
}

static void
connect_streams(void)
{
	struct stream_listen_options o = { .fd = -1,
					   .peers_max = 1,
					   .accepted = on_accepted };
	struct stream_listener *listener = NULL;
	struct streams *ss = NULL;
	struct loop *loop = NULL;
	struct address a;
	char why[ADDRESS_WHY_BYTES];

	ends[0] = ends[1] = NULL;
	told = 0;
	if (address_parse(STR("tcp://127.0.0.1:0"), &a, why) < 0)
		abort();
	o.address = &a;
	if (loop_new(&loop) == 0 && streams_new(loop, NULL, &ss) == 0 &&
	    stream_listen(ss, &o, &listener, NULL) == 0) {
		streams_set_limits(ss, 20, 20);
		a.port = stream_listener_port(listener);
		/* A failure leaves NULL. */
		(void)stream_open(ss, &a, &stream_events, &ends[0], &ends[0], NULL);
		/* Without memory for a timer nobody is told, and nothing else is wrong. */
		for (int i = 0; i < 12 && told < 2 && ends[0] != NULL; i++)
			(void)loop_once(loop, 5);
		if (ends[0] != NULL)
			stream_close(ends[0]);
		(void)loop_once(loop, 0); /* whatever it says */
	}
	stream_free(ends[1]);
	stream_listener_free(listener);
	streams_free(ss);
	loop_free(loop);
}

/* ---- the loop over all allocations ---- */

/* Whether the functions above are the ones that are called: valgrind puts its own before them. */
static bool
wrapped(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return WRAPPED && (preload == NULL || strstr(preload, "vgpreload") == NULL);
}

static void
exhaust(void (*scenario)(void), long at_least)
{
	scenario(); /* what is allocated once for the process */
	for (int round = 0; round < 2; round++) {
		for (fail_at = 1;; fail_at++) {
			for_ever = round == 1;
			allocations = live = 0;
			counting = true;
			scenario();
			counting = false;
			ck_assert_msg(live == 0, "allocation %ld: %ld left", fail_at,
				      live);
			if (allocations < fail_at)
				break;
			ck_assert_int_lt(fail_at, ALLOCATIONS_MAX);
		}
		if (wrapped())
			ck_assert_int_ge(fail_at, at_least);
	}
}

START_TEST(a_conversation_survives_every_failing_allocation)
{
	exhaust(converse, 50);
}
END_TEST

START_TEST(connections_survive_every_failing_allocation)
{
	exhaust(connect_streams, 20);
}
END_TEST

START_TEST(a_database_survives_every_failing_allocation)
{
	(void)snprintf(dir, sizeof(dir), "%s/test_memory.XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(file, sizeof(file), "%s/x.db", dir);
	exhaust(store, 100);
	for (int i = 0; i < 3; i++) {
		static const char *const suffixes[] = { "", "-wal", "-shm" };
		char name[80];

		(void)snprintf(name, sizeof(name), "%s%s", file, suffixes[i]);
		ck_assert(unlink(name) == 0 || errno == ENOENT);
	}
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_configuration_survives_every_failing_allocation)
{
	char part[80];

	(void)snprintf(dir, sizeof(dir), "/tmp/test_memory.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(file, sizeof(file), "%s/x.conf", dir);
	(void)snprintf(parts, sizeof(parts), "%s", dir);
	put(file, "[lane]\nnumber = 3\n[adapter:one]\nname = q\n[adapter:two]\n");
	(void)snprintf(part, sizeof(part), "%s/z.conf", parts);
	put(part, "[lane]\nnumber = 4\n");
	exhaust(configure, 15);
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_int_eq(unlink(part), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

UNIT_MAIN("base_memory", a_conversation_survives_every_failing_allocation,
	  connections_survive_every_failing_allocation,
	  a_database_survives_every_failing_allocation,
	  a_configuration_survives_every_failing_allocation)
