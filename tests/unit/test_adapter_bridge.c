/* The bridge between a laned of this test and an adapter of this test that misbehaves on demand. */
#include "unit.h"

#include "adapter/bridge.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY "000102030405060708090a0b0c0d0e0f"
#define COMPLETIONS_MAX 16u

/* The adapter. It keeps what it was told, and does what the test says. */
static struct laned_host *adapter_host;
static const struct laned_host_api *api;
static uint64_t last_req;
static struct laned_key last_key;
static unsigned completions_in_submit, recovered, ups, downs;
static int submit_rc;

static struct laned_result
result_of(uint32_t outcome)
{
	return (struct laned_result){ .size = sizeof(struct laned_result),
				      .outcome = outcome,
				      .req = last_req,
				      .key = last_key,
				      .amount = 5 };
}

static int
bad_create(struct laned_host *h, const struct laned_host_api *a, void **ret_instance)
{
	adapter_host = h;
	api = a;
	*ret_instance = &last_req; /* anything */
	return LANED_OK;
}

static int
bad_start(void *instance)
{
	(void)instance;
	return LANED_OK;
}

static void
bad_recover(void *instance, const struct laned_entry *entries, size_t count)
{
	(void)instance;
	recovered += (unsigned)count;
	if (count == 0)
		return;
	last_req = entries[0].req;
	last_key = entries[0].key;
}

static void
bad_link(void *instance, int up)
{
	(void)instance;
	ups += up != 0;
	downs += up == 0;
}

static int
bad_submit(void *instance, const struct laned_request *q)
{
	struct laned_result r;

	(void)instance;
	last_req = q->req;
	last_key = q->key;
	for (unsigned i = 0; i < completions_in_submit; i++) {
		r = result_of(LANED_OUT_APPROVED);
		ck_assert_int_eq(api->complete(adapter_host, &r, NULL, NULL),
				 i == 0 ? LANED_OK : LANED_REFUSED);
	}
	return submit_rc;
}

static void
bad_health(void *instance, struct laned_health *h)
{
	(void)instance;
	h->state = 99;
	memset(h->note, 'x', sizeof(h->note)); /* no NUL */
}

static int
bad_selftest(void *instance, uint32_t level, char text[LANED_NOTE_BYTES])
{
	(void)instance;
	memset(text, 'y', LANED_NOTE_BYTES);
	return level == 0 ? LANED_OK : LANED_INTERNAL;
}

static void
bad_stop(void *instance)
{
	(void)instance;
}

static const struct laned_adapter bad_adapter = {
	.size = sizeof(bad_adapter),
	.abi_minor = LANED_ABI_MINOR,
	.name = "bad",
	.version = "1",
	.license = "none",
	.protocol = "none",
	.evidence = "simulated",
	.create = bad_create,
	.start = bad_start,
	.recover = bad_recover,
	.link = bad_link,
	.submit = bad_submit,
	.health = bad_health,
	.selftest = bad_selftest,
	.stop = bad_stop,
	.destroy = bad_stop,
};

/* laned. */
struct completion {
	char req[32], outcome[32];
	bool late, after_reply;
};
static struct completion completions[COMPLETIONS_MAX];
static unsigned completions_count, answers;
static int answer_code; /* of the last answer, 0 = a result */
static char answer_state[32];
static struct loop *loop;
static struct laned_host *host;
static struct plugin *plugin;
static struct bridge *bridge;
static struct rpc_peer *laned;
static int laned_fd;
static const char *recover_text;

static void
copy_member(char *buf, size_t bytes, const struct value *v, const char *name)
{
	struct str s = { "", 0 };

	(void)value_get_str(v, name, bytes - 1, &s); /* missing: empty */
	(void)str_copy(buf, bytes, s);
}

static void
on_hello(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	 const struct value *params)
{
	struct arena *arena = arena_new(65536);
	struct json_out *o = json_out_new(65536);
	const struct value *list = NULL;

	(void)ctx;
	(void)peer;
	(void)params;
	ck_assert_int_eq(json_parse(arena, str_of(recover_text ? recover_text : "[]"), 0,
				    &list, NULL),
			 0);
	json_open_object(o, NULL);
	json_value(o, "recover", list);
	json_close(o);
	rpc_reply(call, o);
	json_out_free(o);
	arena_free(arena);
}

static void
on_complete(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	    const struct value *params)
{
	struct completion *c = &completions[completions_count];

	(void)ctx;
	(void)peer;
	ck_assert_uint_lt(completions_count++, COMPLETIONS_MAX - 1);
	copy_member(c->req, sizeof(c->req), params, "req");
	copy_member(c->outcome, sizeof(c->outcome), params, "outcome");
	c->late = false;
	(void)value_get_bool(params, "late", &c->late); /* missing: not late */
	c->after_reply = answers > 0;
	rpc_reply(call, NULL);
}

static void
on_answer(void *ctx, const struct value *result, const struct rpc_error *error)
{
	(void)ctx;
	answers++;
	answer_code = error == NULL ? 0 : error->code;
	if (result != NULL)
		copy_member(answer_state, sizeof(answer_state), result, "state");
}

static unsigned words, words_failed; /* told; and how many of them could not be stored */
static char word_type[32];

static void
on_event(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	 const struct value *params)
{
	(void)ctx;
	(void)peer;
	copy_member(word_type, sizeof(word_type), params, "type");
	if (words++ < words_failed)
		rpc_fail(call, RPC_INTERNAL, "not stored: to be told again");
	else
		rpc_reply(call, NULL);
}

static const struct rpc_method methods[] = {
	{ "adapter.hello", 1, 0, on_hello },
	{ "adapter.complete", 1, 0, on_complete },
	{ "adapter.event", 1, 0, on_event },
};
static const struct rpc_hooks hooks = { .methods = methods, .methods_count = 3 };

static void
on_ended(void *ctx, int err)
{
	unsigned *ended = ctx;

	(void)err;
	(*ended)++;
}

static unsigned ended;

static void
setup(void)
{
	char why[PLUGIN_WHY_BYTES];
	int fds[2];

	completions_count = answers = completions_in_submit = recovered = ups = downs = 0;
	ended = 0;
	submit_rc = LANED_OK;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(host_new(loop, NULL, &host), 0);
	ck_assert_int_eq(plugin_static(&bad_adapter, &plugin, why), 0);
	struct bridge_options o = { .loop = loop,
				    .host = host,
				    .plugin = plugin,
				    .name = "bad",
				    .environment = "test",
				    .fd = fds[0],
				    .grace_ms = 1,
				    .ended = on_ended,
				    .ctx = &ended };
	ck_assert_int_eq(bridge_new(&o, &bridge), 0);
	laned_fd = fds[1];
	ck_assert_int_eq(rpc_peer_new(loop, fds[1], 1, &hooks, &laned), 0);
	while (ups == 0)
		ck_assert_int_eq(loop_once(loop, 10000), 0);
	ck_assert(bridge_is_up(bridge));
}

static void
teardown(void)
{
	bridge_free(bridge);
	rpc_peer_free(laned);
	host_free(host);
	plugin_free(plugin);
	loop_free(loop);
	recover_text = NULL;
}

static void
send_submit(const char *req, int64_t timeout_ms)
{
	struct json_out *o = json_out_new(4096);

	json_open_object(o, NULL);
	json_cstr(o, "req", req);
	json_cstr(o, "type", "pay");
	json_cstr(o, "key", KEY);
	json_cstr(o, "ticket", "17");
	json_int(o, "rev", 1);
	json_int(o, "amount", 5);
	json_cstr(o, "currency", "EUR");
	json_cstr(o, "token", "t");
	json_int(o, "timeout_ms", timeout_ms);
	json_close(o);
	ck_assert_int_eq(rpc_request(laned, "adapter.submit", o, 10000, on_answer, NULL),
			 0);
	json_out_free(o);
}

static void
until(const unsigned *counter, unsigned n)
{
	while (*counter < n)
		ck_assert_int_eq(loop_once(loop, 10000), 0);
}

START_TEST(a_completion_inside_submit_comes_after_its_answer)
{
	setup();
	completions_in_submit = 1;
	send_submit("r1", 60000);
	until(&completions_count, 1);
	ck_assert(completions[0].after_reply);
	ck_assert_str_eq(completions[0].req, "r1");
	ck_assert_str_eq(completions[0].outcome, "approved");
	ck_assert(!completions[0].late);
	teardown();
}
END_TEST

START_TEST(only_the_first_completion_counts)
{
	struct laned_result r;

	setup();
	completions_in_submit = 3; /* the others are refused: bad_submit looks */
	send_submit("r1", 60000);
	until(&completions_count, 1);
	r = result_of(LANED_OUT_DECLINED);
	ck_assert_int_eq(api->complete(adapter_host, &r, NULL, NULL), LANED_REFUSED);
	r.req = 4711;
	ck_assert_int_eq(api->complete(adapter_host, &r, NULL, NULL), LANED_REFUSED);
	answers = 0;
	completions_in_submit = 0;
	send_submit("r2", 60000);
	until(&answers, 1);
	ck_assert_uint_eq(completions_count, 1);
	teardown();
}
END_TEST

START_TEST(a_request_that_was_not_accepted_completes_nothing)
{
	setup();
	completions_in_submit = 1;
	submit_rc = LANED_INVALID;
	send_submit("r1", 60000);
	until(&answers, 1);
	ck_assert_int_eq(answer_code, RPC_REFUSED);
	completions_in_submit = 0;
	submit_rc = LANED_OK;
	send_submit("r2", 60000);
	until(&answers, 2);
	ck_assert_int_eq(answer_code, 0);
	ck_assert_uint_eq(completions_count, 0);
	teardown();
}
END_TEST

START_TEST(silence_of_the_plug_in_is_unknown_and_its_answer_is_late)
{
	struct laned_result r;

	setup();
	send_submit("r1", 1);
	until(&completions_count, 1);
	ck_assert_str_eq(completions[0].outcome, "unknown");
	ck_assert_str_eq(completions[0].req, "r1");
	r = result_of(LANED_OUT_APPROVED);
	ck_assert_int_eq(api->complete(adapter_host, &r, NULL, NULL), LANED_OK);
	until(&completions_count, 2);
	ck_assert_str_eq(completions[1].outcome, "approved");
	ck_assert_str_eq(completions[1].req, "r1");
	ck_assert(completions[1].late);
	teardown();
}
END_TEST

START_TEST(late_answers_without_a_request_go_by_the_key)
{
	struct laned_result r;

	setup();
	r = result_of(LANED_OUT_APPROVED);
	r.req = 0;
	memset(&r.key, 7, sizeof(r.key));
	r.flags = LANED_RESULT_LATE;
	ck_assert_int_eq(api->complete(adapter_host, &r, NULL, NULL), LANED_OK);
	until(&completions_count, 1);
	ck_assert_str_eq(completions[0].req, "");
	ck_assert(completions[0].late);
	teardown();
}
END_TEST

START_TEST(another_request_s_key_moves_nothing)
{
	struct laned_result r;
	struct laned_str none = { NULL, 0 };
	struct laned_key other;

	setup();
	send_submit("r1", 60000);
	until(&answers, 1);
	other = last_key;
	other.b[0] ^= 1;
	ck_assert_int_eq(
		api->journal(adapter_host, last_req, &other, LANED_J_SENDING, none),
		LANED_NOT_DURABLE);
	r = result_of(LANED_OUT_DECLINED);
	r.key = other;
	ck_assert_int_eq(api->complete(adapter_host, &r, NULL, NULL), LANED_INVALID);
	r = result_of(LANED_OUT_APPROVED);
	ck_assert_int_eq(api->complete(adapter_host, &r, NULL, NULL), LANED_OK);
	until(&completions_count, 1);
	ck_assert_str_eq(completions[0].outcome, "approved");
	teardown();
}
END_TEST

START_TEST(what_is_to_be_recovered_is_a_request)
{
	struct laned_result r;

	recover_text = "[{\"req\":\"old\",\"key\":\"" KEY
		       "\",\"state\":\"sending\",\"ticket\":\"1\",\"amount\":5,"
		       "\"currency\":\"EUR\"}]";
	setup();
	ck_assert_uint_eq(recovered, 1);
	r = result_of(LANED_OUT_UNDONE);
	ck_assert_int_eq(api->complete(adapter_host, &r, NULL, NULL), LANED_OK);
	ck_assert_int_eq(api->complete(adapter_host, &r, NULL, NULL), LANED_REFUSED);
	until(&completions_count, 1);
	ck_assert_str_eq(completions[0].req, "old");
	teardown();
}
END_TEST

START_TEST(a_lost_laned_voids_requests)
{
	struct laned_str none = { NULL, 0 };
	struct laned_result r;
	struct laned_event ev = { .size = sizeof(ev),
				  .type = LANED_EV_REPEAT_WANTED,
				  .ref = { "7001", 4 },
				  .amount = -1 };

	setup();
	send_submit("r1", 60000);
	until(&answers, 1);
	laned = rpc_peer_free(laned);
	until(&ended, 1);
	ck_assert_uint_eq(downs, 1);
	ck_assert(!bridge_is_up(bridge));
	r = result_of(LANED_OUT_APPROVED);
	ck_assert_int_eq(api->complete(adapter_host, &r, NULL, NULL), LANED_GONE);
	ck_assert_int_eq(
		api->journal(adapter_host, last_req, &last_key, LANED_J_SENDING, none),
		LANED_NOT_DURABLE);
	ck_assert_int_eq(api->event(adapter_host, &ev), LANED_GONE);
	teardown();
}
END_TEST

/* laned's answer to the bridge's next question, there before it is asked. */
static void
laned_will_say(int id, int code)
{
	char line[160];
	int n = code == 0
			? snprintf(line, sizeof(line),
				   "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{}}\n", id)
			: snprintf(line, sizeof(line),
				   "{\"jsonrpc\":\"2.0\",\"id\":%d,\"error\":{"
				   "\"code\":%d,\"message\":\"no\"}}\n",
				   id, code);

	ck_assert_int_eq(write(laned_fd, line, (size_t)n), n);
}

static struct laned_event
word_of(uint32_t type)
{
	return (struct laned_event){ .size = sizeof(struct laned_event),
				     .type = type,
				     .key = { { 7 } },
				     .amount = -1 };
}

START_TEST(a_word_of_the_pos_is_taken_in_when_laned_has_stored_it_and_not_before)
{
	static const struct {
		int code, status;
	} cases[] = {
		{ 0, LANED_OK },
		{ RPC_NOT_FOUND, LANED_MISSING },
		{ RPC_REFUSED, LANED_REFUSED },
		{ RPC_INTERNAL, LANED_NOT_DURABLE }, /* it could not be stored */
		{ RPC_PARAMS, LANED_NOT_DURABLE },
	};
	static const uint32_t types[] = { LANED_EV_TENDER_CONFIRMED, LANED_EV_TENDER_UNDO,
					  LANED_EV_TENDER_ABORT };
	struct laned_event ev;
	int id = 1; /* the hello had it */

	setup();
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		bool kept = types[i] == LANED_EV_TENDER_ABORT; /* told again: ids go on */

		ev = word_of(types[i]);
		for (size_t k = 0; k < (kept ? 3 : sizeof(cases) / sizeof(cases[0]));
		     k++) {
			laned_will_say(++id, cases[k].code);
			ck_assert_int_eq(api->event(adapter_host, &ev), cases[k].status);
		}
	}
	/* Without laned nothing is taken in, and that is certain. */
	laned = rpc_peer_free(laned);
	until(&ended, 1);
	ck_assert_int_eq(api->event(adapter_host, &ev), LANED_GONE);
	teardown();
}
END_TEST

START_TEST(a_word_that_laned_could_not_store_is_the_pos_s_to_repeat)
{
	struct laned_event ev = word_of(LANED_EV_TENDER_UNDO);

	setup();
	words = 0;
	words_failed = 1;
	laned_will_say(2, RPC_INTERNAL);
	ck_assert_int_eq(api->event(adapter_host, &ev), LANED_NOT_DURABLE);
	until(&words, 1);
	ck_assert_str_eq(word_type, "tender-undo");
	/* The host says it no second time behind the adapter's back. */
	answers = 0;
	send_submit("r1", 60000);
	until(&answers, 1);
	ck_assert_uint_eq(words, 1);
	teardown();
}
END_TEST

START_TEST(an_abort_is_told_until_it_is_stored)
{
	struct laned_event ev = word_of(LANED_EV_TENDER_ABORT);

	setup();
	words = 0;
	words_failed = 2; /* the first one, and when it is told again */
	laned_will_say(2, RPC_INTERNAL);
	ck_assert_int_eq(api->event(adapter_host, &ev), LANED_NOT_DURABLE);
	until(&words, 3);
	ck_assert_str_eq(word_type, "tender-abort");
	/* Once stored it is not told again; and a flood of them ends. */
	answers = 0;
	send_submit("r1", 60000);
	until(&answers, 1);
	ck_assert_uint_eq(words, 3);
	teardown();
}
END_TEST

START_TEST(an_abort_is_told_by_the_same_link_after_a_flood)
{
	struct laned_event note = { .size = sizeof(note),
				    .type = LANED_EV_NOTE,
				    .amount = -1 };
	struct laned_event word = word_of(LANED_EV_TENDER_ABORT);
	unsigned notes = 0;
	int rc;

	setup();
	words = words_failed = 0;
	while ((rc = api->event(adapter_host, &note)) == LANED_OK)
		notes++;
	ck_assert_int_eq(rc, LANED_AGAIN);
	ck_assert_uint_eq(notes, RPC_PENDING_MAX);
	laned_will_say((int)notes + 2, RPC_INTERNAL);
	ck_assert_int_eq(api->event(adapter_host, &word), LANED_NOT_DURABLE);
	until(&words, notes + 2);
	ck_assert_str_eq(word_type, "tender-abort");
	ck_assert_uint_eq(ended, 0);
	teardown();
}
END_TEST

START_TEST(a_tender_that_laned_did_not_answer_in_time_is_aborted)
{
	struct laned_event ev = { .size = sizeof(ev),
				  .type = LANED_EV_TENDER_WANTED,
				  .ticket = { "T1", 2 },
				  .ref = { "7001", 4 },
				  .amount = 5 };

	setup();
	words = words_failed = 0;
	/* Nobody serves laned's end meanwhile: it hears of it too late. */
	ck_assert_int_eq(api->event(adapter_host, &ev), LANED_NOT_DURABLE);
	until(&words, 2);
	ck_assert_str_eq(word_type, "tender-abort");
	teardown();
}
END_TEST

START_TEST(a_repeat_that_laned_did_not_answer_is_not_waited_for)
{
	struct laned_event ev = { .size = sizeof(ev),
				  .type = LANED_EV_REPEAT_WANTED,
				  .ref = { "7001", 4 },
				  .amount = -1 };

	setup();
	words = words_failed = 0;
	ck_assert_int_eq(api->event(adapter_host, &ev), LANED_AGAIN);
	/* It is no word that is told again: the POS asks. */
	until(&words, 1);
	ck_assert_str_eq(word_type, "repeat-wanted");
	teardown();
}
END_TEST

START_TEST(nonsense_in_health_and_selftest_is_bounded)
{
	struct json_out *o = json_out_new(256);

	setup();
	ck_assert_int_eq(
		rpc_request(laned, "adapter.health", NULL, 10000, on_answer, NULL), 0);
	until(&answers, 1);
	ck_assert_str_eq(answer_state, "degraded");
	json_open_object(o, NULL);
	json_int(o, "level", 0);
	json_close(o);
	ck_assert_int_eq(
		rpc_request(laned, "adapter.selftest", o, 10000, on_answer, NULL), 0);
	until(&answers, 2);
	ck_assert_int_eq(answer_code, 0);
	json_out_free(o);
	teardown();
}
END_TEST

START_TEST(tables_that_lack_something_are_refused)
{
	struct laned_adapter t = bad_adapter;
	char why[PLUGIN_WHY_BYTES];
	struct plugin *p = NULL;

	t.recover = NULL;
	ck_assert_int_eq(plugin_static(&t, &p, why), -EPROTO);
	t = bad_adapter;
	t.size -= 1;
	ck_assert_int_eq(plugin_static(&t, &p, why), -EPROTO);
	t = bad_adapter;
	t.abi_major++;
	ck_assert_int_eq(plugin_static(&t, &p, why), -EPROTO);
	t = bad_adapter;
	t.host_minor_min = LANED_ABI_MINOR + 1;
	ck_assert_int_eq(plugin_static(&t, &p, why), -EPROTO);
	t = bad_adapter;
	t.options_count = 1;
	ck_assert_int_eq(plugin_static(&t, &p, why), -EPROTO);
	ck_assert_int_eq(plugin_static(NULL, &p, why), -EPROTO);
	ck_assert_ptr_null(p);
}
END_TEST

UNIT_MAIN("adapter_bridge", a_completion_inside_submit_comes_after_its_answer,
	  only_the_first_completion_counts,
	  a_request_that_was_not_accepted_completes_nothing,
	  silence_of_the_plug_in_is_unknown_and_its_answer_is_late,
	  late_answers_without_a_request_go_by_the_key,
	  another_request_s_key_moves_nothing, what_is_to_be_recovered_is_a_request,
	  a_lost_laned_voids_requests,
	  a_word_of_the_pos_is_taken_in_when_laned_has_stored_it_and_not_before,
	  a_word_that_laned_could_not_store_is_the_pos_s_to_repeat,
	  an_abort_is_told_until_it_is_stored,
	  an_abort_is_told_by_the_same_link_after_a_flood,
	  a_tender_that_laned_did_not_answer_in_time_is_aborted,
	  a_repeat_that_laned_did_not_answer_is_not_waited_for,
	  nonsense_in_health_and_selftest_is_bounded,
	  tables_that_lack_something_are_refused)
