/*
 * What a host knows of the answers that it has let go, over the lives of laned: the list, and the bridge that
 * keeps and tells it. laned is played here, on a real socket.
 */
#include "unit.h"

#include "adapter/answered.h"
#include "adapter/bridge.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define A "000102030405060708090a0b0c0d0e0a"
#define B "000102030405060708090a0b0c0d0e0b"
#define C "000102030405060708090a0b0c0d0e0c"
#define LINE_BYTES 16384u

/* ---- the list ---------------------------------------------------------------------------- */

static struct laned_key
key_of(unsigned n)
{
	struct laned_key k = { { 0x55 } };

	k.b[14] = (uint8_t)(n >> 8);
	k.b[15] = (uint8_t)n;
	return k;
}

/* laned's answer to hello with these members. */
static void
hello(struct answered *t, const char *members)
{
	struct arena *arena = arena_new(65536);
	const struct value *v = NULL;

	ck_assert_int_eq(json_parse(arena, str_of(members), 0, &v, NULL), 0);
	answered_hello(t, v);
	arena_free(arena);
}

static void
is_told(const struct answered *t, const char *text)
{
	struct json_out *o = json_out_new(65536);
	struct str s = { "", 0 };

	json_open_object(o, NULL);
	answered_write(t, o);
	json_close(o);
	ck_assert_int_eq(json_out_text(o, &s), 0);
	ck_assert_msg(str_is(s, text), "%.*s", (int)s.n, s.p);
	json_out_free(o);
}

START_TEST(nothing_is_known_before_laned_has_told_what_is_open)
{
	struct answered t = { .count = 0 };
	struct laned_key k = key_of(1);

	answered_let_go(&t, &k);
	is_told(&t, "{}");
	hello(&t, "{}"); /* an older laned */
	is_told(&t, "{}");
	hello(&t, "{\"open\":[]}");
	is_told(&t, "{\"answered\":[]}");
	answered_let_go(&t, &k);
	hello(&t, "{}"); /* one that cannot say what is open */
	is_told(&t, "{}");
	hello(&t, "{\"open\":[\"" A "\",7]}"); /* one that speaks otherwise */
	is_told(&t, "{}");
}
END_TEST

START_TEST(
	what_was_open_at_first_may_have_been_answered_and_what_came_later_only_if_let_go)
{
	struct answered t = { .count = 0 };
	struct laned_key k = key_of(0x102);

	hello(&t, "{\"open\":[\"" A "\"]}");
	is_told(&t, "{\"answered\":[\"" A "\"]}");
	hello(&t, "{\"open\":[\"" A "\",\"" B "\"]}"); /* B was begun since */
	is_told(&t, "{\"answered\":[\"" A "\"]}");
	answered_let_go(&t, &k);
	answered_let_go(&t, &k);
	hello(&t,
	      "{\"open\":[]}"); /* what is over now may be open again in an older journal */
	is_told(&t, "{\"answered\":[\"" A "\",\"55000000000000000000000000000102\"]}");
}
END_TEST

START_TEST(a_list_that_is_full_forgets_what_is_over_and_else_says_nothing)
{
	struct answered t = { .count = 0 };
	struct laned_key k;

	hello(&t, "{\"open\":[]}");
	for (unsigned i = 0; i < 2 * ANSWERED_MAX; i++) {
		k = key_of(i);
		answered_let_go(&t, &k);
		if (i < ANSWERED_MAX)
			answered_over(&t, &k);
		ck_assert(t.known);
	}
	ck_assert_uint_eq(t.count, ANSWERED_MAX);
	ck_assert_mem_eq(t.list[ANSWERED_MAX - 1].key.b, k.b, sizeof(k.b));
	k = key_of(ANSWERED_MAX); /* of the list it is the oldest */
	ck_assert_mem_eq(t.list[0].key.b, k.b, sizeof(k.b));
	k = key_of(4000);
	answered_let_go(&t, &k);
	is_told(&t, "{}");
	hello(&t, "{\"open\":[\"" A "\"]}"); /* anew from here */
	is_told(&t, "{\"answered\":[\"" A "\"]}");
}
END_TEST

/* ---- the bridge -------------------------------------------------------------------------- */

static struct laned_host *adapter_host;
static const struct laned_host_api *api;
static uint64_t last_req;
static struct laned_key last_key;
static unsigned ups, downs, submits, ended, acks;

static int
on_create(struct laned_host *h, const struct laned_host_api *a, void **ret_instance)
{
	adapter_host = h;
	api = a;
	*ret_instance = &last_req; /* anything */
	return LANED_OK;
}

static int
on_start(void *instance)
{
	(void)instance;
	return LANED_OK;
}

static void
on_recover(void *instance, const struct laned_entry *entries, size_t count)
{
	(void)instance;
	(void)entries;
	(void)count;
}

static void
on_link(void *instance, int up)
{
	(void)instance;
	ups += up != 0;
	downs += up == 0;
}

static int
on_submit(void *instance, const struct laned_request *q)
{
	(void)instance;
	last_req = q->req;
	last_key = q->key;
	submits++;
	return LANED_OK;
}

static void
on_health(void *instance, struct laned_health *h)
{
	(void)instance;
	(void)h;
}

static int
on_selftest(void *instance, uint32_t level, char text[LANED_NOTE_BYTES])
{
	(void)instance;
	(void)level;
	text[0] = '\0';
	return LANED_UNSUPPORTED;
}

static void
on_stop(void *instance)
{
	(void)instance;
}

static const struct laned_adapter adapter = {
	.size = sizeof(adapter),
	.abi_minor = LANED_ABI_MINOR,
	.name = "till",
	.version = "1",
	.license = "none",
	.protocol = "none",
	.evidence = "simulated",
	.caps = LANED_CAP_TERMINAL,
	.create = on_create,
	.start = on_start,
	.recover = on_recover,
	.link = on_link,
	.submit = on_submit,
	.health = on_health,
	.selftest = on_selftest,
	.stop = on_stop,
	.destroy = on_stop,
};

static struct loop *loop;
static struct laned_host *host;
static struct plugin *plugin;
static struct bridge *bridge;
#define FOLDER "/tmp/laned-answered-XXXXXX"
static char folder[sizeof(FOLDER)], path[64];
static int listener, peer; /* laned's */
static char line[LINE_BYTES];

static void
on_ended(void *ctx, int err)
{
	(void)ctx;
	(void)err;
	ended++;
}

static void
setup(bool sole)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char why[PLUGIN_WHY_BYTES];
	struct bridge_options o = { .name = "till",
				    .environment = "test",
				    .socket = path,
				    .fd = -1,
				    .sole = sole,
				    .ended = on_ended };

	ups = downs = submits = ended = acks = 0;
	memcpy(folder, FOLDER, sizeof(FOLDER));
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/s", folder);
	memcpy(address.sun_path, path, strlen(path) + 1);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(
		bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 4), 0);
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(host_new(loop, NULL, &host), 0);
	ck_assert_int_eq(plugin_static(&adapter, &plugin, why), 0);
	o.loop = loop;
	o.host = host;
	o.plugin = plugin;
	ck_assert_int_eq(bridge_new(&o, &bridge), 0);
}

static void
teardown(void)
{
	ck_assert_uint_eq(ended, 0);
	bridge_free(bridge);
	(void)close(peer);
	(void)close(listener);
	(void)unlink(path);
	(void)rmdir(folder);
	host_free(host);
	plugin_free(plugin);
	loop_free(loop);
}

/* The bridge's next message. */
static void
read_line(void)
{
	size_t n = 0;

	while (n == 0 || line[n - 1] != '\n') {
		ssize_t rc = recv(peer, line + n, 1, MSG_DONTWAIT);

		ck_assert(rc > 0 || errno == EAGAIN);
		if (rc > 0)
			n++;
		else
			ck_assert_int_eq(loop_once(loop, 10000), 0);
		ck_assert_uint_lt(n, sizeof(line));
	}
	line[n] = '\0';
}

static void
say(const char *text)
{
	size_t n = strlen(text);

	ck_assert_int_eq(send(peer, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* laned is there (again): it hears told, or nothing of it when that is NULL, and tells what is open. */
static void
greets(const char *told, const char *open)
{
	char text[256], wanted[256];
	unsigned before = ups;

	while ((peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
		ck_assert_int_eq(loop_once(loop, 10000), 0);
	read_line();
	ck_assert_ptr_nonnull(strstr(line, "\"adapter.hello\""));
	(void)snprintf(wanted, sizeof(wanted), "\"answered\":[%s]",
		       told == NULL ? "" : told);
	if (told == NULL)
		ck_assert_ptr_null(strstr(line, "\"answered\""));
	else
		ck_assert_msg(strstr(line, wanted) != NULL, "%s", line);
	(void)snprintf(text, sizeof(text),
		       "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"recover\":[],"
		       "\"open\":[%s]}}\n",
		       open);
	say(text);
	while (ups == before)
		ck_assert_int_eq(loop_once(loop, 10000), 0);
}

static void
dies(void)
{
	unsigned before = downs;

	(void)close(peer);
	while (downs == before)
		ck_assert_int_eq(loop_once(loop, 10000), 0);
}

/* An approval under that key is handed to the plug-in. */
static void
hands_over(const char *key)
{
	char text[512];
	unsigned before = submits;

	(void)snprintf(text, sizeof(text),
		       "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"adapter.submit\","
		       "\"params\":{\"req\":\"r\",\"type\":\"answer\",\"key\":\"%s\","
		       "\"ticket\":\"1\",\"rev\":1,\"outcome\":\"approved\",\"amount\":5,"
		       "\"currency\":\"EUR\"}}\n",
		       key);
	say(text);
	while (submits == before)
		ck_assert_int_eq(loop_once(loop, 10000), 0);
	read_line(); /* that it was taken */
}

/* laned's answer to the bridge's next question, there before it is asked. */
static void
will_say(int id, bool yes)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%d,%s}\n", id,
		       yes ? "\"result\":{}"
			   : "\"error\":{\"code\":-32002,\"message\":\"no\"}");
	say(text);
}

static int
may_leave(void)
{
	struct laned_str none = { NULL, 0 };

	return api->journal(adapter_host, last_req, &last_key, LANED_J_ANSWER_SENDING,
			    none);
}

static void
on_ack(void *user, int status)
{
	(void)user;
	acks += status == LANED_OK;
}

START_TEST(an_answer_counts_as_let_go_when_the_plug_in_may_send_it_and_not_before)
{
	setup(true);
	greets(NULL, "\"" C "\"");
	dies();
	greets("\"" C "\"", "\"" A "\",\"" C "\""); /* asked for, and charged by now */
	hands_over(A);
	dies(); /* and laned is not asked any more */
	ck_assert_int_eq(may_leave(), LANED_NOT_DURABLE);
	greets("\"" C "\"", "\"" A "\",\"" C "\"");
	hands_over(A);
	will_say(2, false);
	ck_assert_int_eq(may_leave(), LANED_NOT_DURABLE);
	dies();
	greets("\"" C "\"", "\"" A "\",\"" C "\"");
	hands_over(A);
	will_say(2, true);
	ck_assert_int_eq(may_leave(), LANED_OK);
	dies();
	greets("\"" C "\",\"" A "\"", "\"" A "\"");
	teardown();
}
END_TEST

START_TEST(a_confirmed_answer_is_over_and_still_one_that_was_let_go)
{
	struct laned_result r = { .size = sizeof(r),
				  .outcome = LANED_OUT_CONFIRMED,
				  .amount = -1 };

	setup(true);
	greets(NULL, "");
	hands_over(A);
	will_say(2, true);
	ck_assert_int_eq(may_leave(), LANED_OK);
	r.req = last_req;
	r.key = last_key;
	ck_assert_int_eq(api->complete(adapter_host, &r, on_ack, NULL), LANED_OK);
	will_say(3, true);
	while (acks == 0)
		ck_assert_int_eq(loop_once(loop, 10000), 0);
	dies();
	greets("\"" A "\"", "");
	teardown();
}
END_TEST

START_TEST(a_host_that_may_not_be_the_only_one_says_nothing)
{
	setup(false);
	greets(NULL, "");
	dies();
	greets(NULL, "");
	teardown();
}
END_TEST

UNIT_MAIN(
	"adapter_answered", nothing_is_known_before_laned_has_told_what_is_open,
	what_was_open_at_first_may_have_been_answered_and_what_came_later_only_if_let_go,
	a_list_that_is_full_forgets_what_is_over_and_else_says_nothing,
	an_answer_counts_as_let_go_when_the_plug_in_may_send_it_and_not_before,
	a_confirmed_answer_is_over_and_still_one_that_was_let_go,
	a_host_that_may_not_be_the_only_one_says_nothing)
