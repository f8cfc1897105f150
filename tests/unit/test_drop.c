/*
 * The drop adapter in this process, on a host that is all made up: a folder in memory, timers that
 * go off when the test says so, a laned that does as it is told. Every call is on record.
 */
#include "../../plugins/sdk/text.c"
#include "../../plugins/sdk/json_in.c"
#include "../../plugins/sdk/json_out.c"
#include "../../plugins/drop/messages.c"
#include "../../plugins/drop/requests.c"
#include "../../plugins/drop/intake.c"
#include "../../plugins/drop/drop.c"

#include "unit.h" /* libcheck has a macro called fail */

#include <stdbool.h>

#define FILES_MAX 64u
#define TIMERS_MAX 64u
#define EVENTS_MAX 256u
#define KEY_A "000102030405060708090a0b0c0d0e0f"
#define KEY_B "0f0e0d0c0b0a09080706050403020100"

struct fake_file {
	bool used;
	char dir[8], name[LANED_NAME_BYTES_MAX + 1];
	char *data;
	size_t n;
	uint64_t version;
};

struct fake_timer {
	uint64_t id;
	uint32_t delay_ms;
	laned_timer_fn fn;
	void *user;
};

/* What the adapter did, in order. */
enum event_kind { PUT, REMOVE, ASIDE, JOURNAL, COMPLETE, BASKET, CLAIM, CANCEL };
struct event {
	enum event_kind kind;
	char name[96];
	uint32_t outcome;
	uint64_t req;
	int64_t amount;
	uint32_t flags;
};

struct laned_host {
	struct fake_file files[FILES_MAX];
	struct fake_timer timers[TIMERS_MAX];
	struct event events[EVENTS_MAX];
	unsigned events_count;
	uint64_t next;
	size_t allocated;
	unsigned fail_alloc_at; /* the n-th from now fails, 0 none */
	int journal_rc, complete_rc, pos_rc, put_rc, ack_status;
	laned_ack_fn ack;
	void *ack_user;
	laned_dir_fn changed;
	void *changed_user;
	char log[8192];
};

static struct laned_host host;
static const struct laned_adapter *table;
static void *drop;

static struct event *
record(enum event_kind kind, struct laned_str name)
{
	struct event *e = &host.events[host.events_count];

	ck_assert_uint_lt(host.events_count++, EVENTS_MAX - 1);
	*e = (struct event){ .kind = kind };
	(void)snprintf(e->name, sizeof(e->name), "%.*s", (int)name.n,
		       name.p == NULL ? "" : name.p);
	return e;
}

static void
fake_log(struct laned_host *h, uint32_t level, struct laned_str text)
{
	size_t used = strlen(h->log);

	(void)snprintf(h->log + used, sizeof(h->log) - used, "%u %.*s\n", level,
		       (int)text.n, text.p);
}

static int64_t
fake_time(struct laned_host *h)
{
	(void)h;
	return 0;
}

static void *
fake_alloc(struct laned_host *h, size_t bytes)
{
	size_t *p;

	if (h->fail_alloc_at > 0 && --h->fail_alloc_at == 0)
		return NULL;
	p = calloc(1, bytes + 16);
	ck_assert_ptr_nonnull(p);
	p[0] = bytes;
	h->allocated += bytes;
	return (char *)p + 16;
}

static void
fake_free(struct laned_host *h, void *p)
{
	size_t *block = p == NULL ? NULL : (void *)((char *)p - 16);

	if (block == NULL)
		return;
	h->allocated -= block[0];
	free(block);
}

static int
fake_timer_set(struct laned_host *h, uint32_t delay_ms, laned_timer_fn fn, void *user,
	       uint64_t *ret_timer)
{
	for (unsigned i = 0; i < TIMERS_MAX; i++) {
		if (h->timers[i].id != 0)
			continue;
		h->timers[i] = (struct fake_timer){ ++h->next, delay_ms, fn, user };
		*ret_timer = h->next;
		return LANED_OK;
	}
	return LANED_AGAIN;
}

static void
fake_timer_cancel(struct laned_host *h, uint64_t timer)
{
	for (unsigned i = 0; timer != 0 && i < TIMERS_MAX; i++)
		if (h->timers[i].id == timer)
			h->timers[i].id = 0;
}

static int
fake_option_int(struct laned_host *h, const char *name, int64_t *ret_value)
{
	(void)h;
	*ret_value = strcmp(name, "poll") == 0 ? 0 : 10000;
	return LANED_OK;
}

static int
fake_guard(struct laned_host *h, struct laned_str text)
{
	(void)h;
	return laned_str_is(text, "4111111111111111") ? LANED_PAN : LANED_OK;
}

static struct fake_file *
find_file(const char *dir, struct laned_str name)
{
	for (unsigned i = 0; i < FILES_MAX; i++)
		if (host.files[i].used && strcmp(host.files[i].dir, dir) == 0 &&
		    laned_str_is(name, host.files[i].name))
			return &host.files[i];
	return NULL;
}

static void
drop_file_data(struct fake_file *f)
{
	free(f->data);
	*f = (struct fake_file){ .used = false };
}

static void
put_bytes(const char *dir, struct laned_str name, struct laned_str data)
{
	struct fake_file *f = find_file(dir, name);

	if (f != NULL)
		drop_file_data(f);
	for (unsigned i = 0; f == NULL && i < FILES_MAX; i++)
		if (!host.files[i].used)
			f = &host.files[i];
	ck_assert_ptr_nonnull(f);
	*f = (struct fake_file){ .used = true, .n = data.n, .version = ++host.next };
	(void)snprintf(f->dir, sizeof(f->dir), "%s", dir);
	(void)snprintf(f->name, sizeof(f->name), "%.*s", (int)name.n, name.p);
	f->data = malloc(data.n + 1);
	ck_assert_ptr_nonnull(f->data);
	memcpy(f->data, data.p, data.n);
}

static int
fake_watch(struct laned_host *h, const char *option, uint32_t poll_ms, laned_dir_fn fn,
	   void *user)
{
	ck_assert_str_eq(option, "in");
	ck_assert_uint_eq(poll_ms, 0);
	h->changed = fn;
	h->changed_user = user;
	return LANED_OK;
}

static int
fake_list(struct laned_host *h, const char *option, laned_name_fn fn, void *user)
{
	for (unsigned i = 0; i < FILES_MAX; i++)
		if (h->files[i].used && strcmp(h->files[i].dir, option) == 0)
			fn(user, laned_str_of(h->files[i].name), h->files[i].n);
	return LANED_OK;
}

static int
fake_read(struct laned_host *h, const char *option, struct laned_str name,
	  struct laned_file *ret_file)
{
	struct fake_file *f = find_file(option, name);

	if (f == NULL)
		return LANED_MISSING;
	ret_file->version = f->version;
	if (f->n > LANED_FILE_BYTES_MAX)
		return LANED_TOO_LARGE;
	ret_file->data = fake_alloc(h, f->n + 1);
	if (ret_file->data == NULL)
		return LANED_NO_MEMORY;
	memcpy(ret_file->data, f->data, f->n);
	ret_file->bytes = f->n;
	return LANED_OK;
}

static int
fake_put(struct laned_host *h, const char *option, struct laned_str name,
	 struct laned_str data)
{
	record(PUT, name);
	if (h->put_rc != LANED_OK)
		return h->put_rc;
	put_bytes(option, name, data);
	return LANED_OK;
}

static int
take_away(enum event_kind kind, const char *option, struct laned_str name,
	  uint64_t version)
{
	struct fake_file *f = find_file(option, name);

	if (f == NULL)
		return LANED_MISSING;
	if (version != 0 && f->version != version)
		return LANED_AGAIN;
	record(kind, name);
	drop_file_data(f);
	return LANED_OK;
}

static int
fake_remove(struct laned_host *h, const char *option, struct laned_str name,
	    uint64_t version)
{
	(void)h;
	return take_away(REMOVE, option, name, version);
}

static int
fake_aside(struct laned_host *h, const char *option, struct laned_str name,
	   uint64_t version)
{
	(void)h;
	return take_away(ASIDE, option, name, version);
}

static int
fake_journal(struct laned_host *h, uint64_t req, const struct laned_key *key,
	     uint32_t state, struct laned_str blob)
{
	char hex[LANED_KEY_HEX_BYTES];

	(void)blob;
	ck_assert_uint_eq(state, LANED_J_SENDING);
	laned_key_hex(hex, key);
	record(JOURNAL, laned_str_of(hex))->req = req;
	return h->journal_rc;
}

static int
hold_ack(laned_ack_fn ack, void *user)
{
	host.ack = ack;
	host.ack_user = user;
	return LANED_OK;
}

static int
fake_basket(struct laned_host *h, const struct laned_basket *b, laned_ack_fn ack,
	    void *user)
{
	if (h->pos_rc != LANED_OK)
		return h->pos_rc;
	record(BASKET, b->ticket)->amount = b->rev;
	return hold_ack(ack, user);
}

static int
fake_claim(struct laned_host *h, struct laned_str ticket, uint32_t kind,
	   struct laned_str value, laned_ack_fn ack, void *user)
{
	(void)value;
	if (h->pos_rc != LANED_OK)
		return h->pos_rc;
	record(CLAIM, ticket)->flags = kind;
	return hold_ack(ack, user);
}

static int
fake_cancel(struct laned_host *h, struct laned_str ticket, laned_ack_fn ack, void *user)
{
	if (h->pos_rc != LANED_OK)
		return h->pos_rc;
	record(CANCEL, ticket);
	return hold_ack(ack, user);
}

static int
fake_complete(struct laned_host *h, const struct laned_result *r, laned_ack_fn ack,
	      void *user)
{
	char hex[LANED_KEY_HEX_BYTES];
	struct event *e;

	if (h->complete_rc != LANED_OK)
		return h->complete_rc;
	laned_key_hex(hex, &r->key);
	e = record(COMPLETE, laned_str_of(hex));
	e->outcome = r->outcome;
	e->req = r->req;
	e->amount = r->amount;
	e->flags = r->flags;
	return ack == NULL ? LANED_OK : hold_ack(ack, user);
}

static const struct laned_host_api fake_api = {
	.size = sizeof(fake_api),
	.log = fake_log,
	.mono_ms = fake_time,
	.wall_ms = fake_time,
	.alloc = fake_alloc,
	.free = fake_free,
	.timer_set = fake_timer_set,
	.timer_cancel = fake_timer_cancel,
	.option_int = fake_option_int,
	.guard = fake_guard,
	.dir_watch = fake_watch,
	.dir_list = fake_list,
	.dir_read = fake_read,
	.dir_put = fake_put,
	.dir_remove = fake_remove,
	.dir_set_aside = fake_aside,
	.journal = fake_journal,
	.pos_basket = fake_basket,
	.pos_claim = fake_claim,
	.pos_cancel = fake_cancel,
	.complete = fake_complete,
};

/* ---- driving it ---------------------------------------------------------------------------- */

static void
launch(void)
{
	memset(&host, 0, sizeof(host));
	table = laned_adapter_v0(LANED_ABI_MINOR);
	ck_assert_ptr_nonnull(table);
	ck_assert_int_eq(table->create(&host, &fake_api, &drop), LANED_OK);
	ck_assert_int_eq(table->start(drop), LANED_OK);
}

static void
launch_up(void)
{
	launch();
	table->recover(drop, NULL, 0);
	table->link(drop, 1);
}

static void
end(void)
{
	table->stop(drop);
	table->destroy(drop);
	ck_assert_uint_eq(host.allocated, 0);
	for (unsigned i = 0; i < TIMERS_MAX; i++)
		ck_assert_uint_eq(host.timers[i].id, 0);
	for (unsigned i = 0; i < FILES_MAX; i++)
		drop_file_data(&host.files[i]);
}

/* Fires every timer of at most this delay that is armed now. */
static void
fire(uint32_t delay_ms)
{
	for (unsigned i = 0; i < TIMERS_MAX; i++) {
		struct fake_timer t = host.timers[i];

		if (t.id == 0 || t.delay_ms > delay_ms)
			continue;
		host.timers[i].id = 0;
		t.fn(t.user);
	}
}

static void
acknowledge(int status)
{
	laned_ack_fn ack = host.ack;

	ck_assert(ack != NULL);
	host.ack = NULL;
	ack(host.ack_user, status);
}

static void
acknowledge_all(void)
{
	while (host.ack != NULL)
		acknowledge(LANED_OK);
}

/* The POS writes a file and the folder tells. */
static void
pos_writes(const char *name, const char *text)
{
	put_bytes("in", laned_str_of(name), laned_str_of(text));
	host.changed(host.changed_user);
}

static bool
in_folder(const char *dir, const char *name)
{
	return find_file(dir, laned_str_of(name)) != NULL;
}

static const struct event *
last(enum event_kind kind)
{
	static const struct event none;

	for (unsigned i = host.events_count; i > 0; i--)
		if (host.events[i - 1].kind == kind)
			return &host.events[i - 1];
	return &none;
}

static unsigned
count(enum event_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < host.events_count; i++)
		n += host.events[i].kind == kind;
	return n;
}

static struct laned_request
request(uint32_t type, uint64_t req, const char *key)
{
	struct laned_request q = { .size = sizeof(q),
				   .type = type,
				   .req = req,
				   .ticket = laned_str_of("17"),
				   .rev = 3,
				   .amount = 1149,
				   .currency = laned_str_of("EUR"),
				   .token = laned_str_of("tok"),
				   .timeout_ms = 60000 };

	ck_assert_int_eq(laned_key_parse(laned_str_of(key), &q.key), LANED_OK);
	return q;
}

static void
submit_ok(uint32_t type, uint64_t req, const char *key)
{
	struct laned_request q = request(type, req, key);

	ck_assert_int_eq(table->submit(drop, &q), LANED_OK);
	fire(0);
}

#define RESULT(key, outcome)                                                             \
	"{\"v\":1,\"key\":\"" key "\",\"outcome\":\"" outcome "\",\"amount\":1149}"
#define DONE(key, state) "{\"v\":1,\"key\":\"" key "\",\"state\":\"" state "\"}"
#define BASKET_1                                                                         \
	"{\"v\":1,\"ticket\":\"17\",\"rev\":3,\"currency\":\"EUR\",\"lines\":["          \
	"{\"line\":1,\"gtin\":2000000000015,\"text\":\"Milk\",\"qty_milli\":1000,"       \
	"\"unit_price\":119,\"amount\":119,\"vat_bp\":900,\"x\":{\"y\":[1.5,null]}}],"   \
	"\"final\":true,\"extra\":\"ignored\"}"

/* ---- paying -------------------------------------------------------------------------------- */

START_TEST(journal_comes_before_the_file)
{
	launch_up();
	submit_ok(LANED_REQ_PAY, 5, KEY_A);
	ck_assert_uint_eq(host.events_count, 2);
	ck_assert_uint_eq(host.events[0].kind, JOURNAL);
	ck_assert_uint_eq(host.events[0].req, 5);
	ck_assert_uint_eq(host.events[1].kind, PUT);
	ck_assert_str_eq(host.events[1].name, KEY_A ".pay.json");
	end();
}
END_TEST

START_TEST(submit_itself_does_nothing_yet)
{
	struct laned_request q = request(LANED_REQ_PAY, 5, KEY_A);

	launch_up();
	ck_assert_int_eq(table->submit(drop, &q), LANED_OK);
	ck_assert_uint_eq(host.events_count, 0);
	end();
}
END_TEST

START_TEST(not_durable_means_not_sent)
{
	launch_up();
	host.journal_rc = LANED_NOT_DURABLE;
	submit_ok(LANED_REQ_PAY, 5, KEY_A);
	ck_assert_uint_eq(count(PUT), 0);
	ck_assert_uint_eq(last(COMPLETE)->outcome, LANED_OUT_NOT_SENT);
	end();
}
END_TEST

START_TEST(a_failed_put_is_unknown_and_not_declined)
{
	launch_up();
	host.put_rc = LANED_IO;
	submit_ok(LANED_REQ_PAY, 5, KEY_A);
	ck_assert_uint_eq(last(COMPLETE)->outcome, LANED_OUT_UNKNOWN);
	ck_assert_uint_eq(count(COMPLETE), 1);
	end();
}
END_TEST

static const struct {
	const char *word;
	uint32_t outcome;
} result_words[] = {
	{ RESULT(KEY_A, "approved"), LANED_OUT_APPROVED },
	{ RESULT(KEY_A, "partial"), LANED_OUT_PARTIAL },
	{ RESULT(KEY_A, "declined"), LANED_OUT_DECLINED },
	{ RESULT(KEY_A, "cancelled"), LANED_OUT_CANCELLED },
	{ RESULT(KEY_A, "unknown"), LANED_OUT_UNKNOWN },
	{ RESULT(KEY_A, "not-found"), LANED_OUT_NOT_FOUND },
};

START_TEST(every_outcome_is_told_as_it_is_and_its_file_goes_last)
{
	for (size_t i = 0; i < sizeof(result_words) / sizeof(result_words[0]); i++) {
		launch_up();
		submit_ok(LANED_REQ_PAY, 5, KEY_A);
		pos_writes(KEY_A ".result.json", result_words[i].word);
		ck_assert_uint_eq(last(COMPLETE)->outcome, result_words[i].outcome);
		ck_assert_uint_eq(last(COMPLETE)->req, 5);
		ck_assert_int_eq(last(COMPLETE)->amount, 1149);
		ck_assert_uint_eq(last(COMPLETE)->flags, 0);
		ck_assert(in_folder("in", KEY_A ".result.json")); /* until laned has it */
		acknowledge(LANED_OK);
		ck_assert(!in_folder("in", KEY_A ".result.json"));
		fire(60000); /* no timer of the request is left */
		ck_assert_uint_eq(count(COMPLETE), 1);
		end();
	}
}
END_TEST

/* What an approval without an amount is worth, laned decides: the answer is not dropped. */
START_TEST(an_approval_without_an_amount_is_told_without_one)
{
	static const char *const words[] = { "approved", "partial" };
	char text[128];

	for (size_t i = 0; i < 2; i++) {
		launch_up();
		submit_ok(LANED_REQ_PAY, 5, KEY_A);
		(void)snprintf(text, sizeof(text),
			       "{\"v\":1,\"key\":\"" KEY_A "\",\"outcome\":\"%s\"}",
			       words[i]);
		pos_writes(KEY_A ".result.json", text);
		acknowledge_all();
		ck_assert_uint_eq(last(COMPLETE)->outcome,
				  i == 0 ? LANED_OUT_APPROVED : LANED_OUT_PARTIAL);
		ck_assert_int_lt(last(COMPLETE)->amount, 0);
		ck_assert_uint_eq(count(ASIDE), 0);
		end();
	}
}
END_TEST

START_TEST(an_answer_that_cannot_be_stored_waits_and_the_sale_goes_on)
{
	launch_up();
	submit_ok(LANED_REQ_PAY, 5, KEY_A);
	put_bytes("in", laned_str_of("17.basket.json"), laned_str_of(BASKET_1));
	pos_writes(KEY_A ".result.json", RESULT(KEY_A, "approved"));
	ck_assert_uint_eq(count(BASKET), 0);
	acknowledge(LANED_AGAIN);
	ck_assert(in_folder("in", KEY_A ".result.json"));
	ck_assert_uint_eq(count(BASKET), 1);
	acknowledge(LANED_OK);
	ck_assert(!in_folder("in", "17.basket.json"));
	fire(1000);
	ck_assert_uint_eq(count(COMPLETE), 2);
	ck_assert_uint_eq(last(COMPLETE)->req, 5);
	acknowledge(LANED_OK);
	ck_assert(!in_folder("in", KEY_A ".result.json"));
	end();
}
END_TEST

START_TEST(in_progress_answers_a_query_and_leaves_the_payment_open)
{
	launch_up();
	submit_ok(LANED_REQ_PAY, 5, KEY_A);
	pos_writes(KEY_A ".result.json", RESULT(KEY_A, "in-progress"));
	ck_assert_uint_eq(count(COMPLETE), 0);
	ck_assert(!in_folder("in", KEY_A ".result.json"));
	submit_ok(LANED_REQ_QUERY, 6, KEY_A);
	pos_writes(KEY_A ".result.json", RESULT(KEY_A, "in-progress"));
	acknowledge_all();
	ck_assert_uint_eq(count(COMPLETE), 1);
	ck_assert_uint_eq(last(COMPLETE)->req, 6);
	pos_writes(KEY_A ".result.json", RESULT(KEY_A, "approved"));
	acknowledge_all();
	ck_assert_uint_eq(last(COMPLETE)->req, 5);
	ck_assert_uint_eq(last(COMPLETE)->outcome, LANED_OUT_APPROVED);
	end();
}
END_TEST

START_TEST(silence_becomes_unknown_and_the_late_answer_is_told)
{
	launch_up();
	submit_ok(LANED_REQ_PAY, 5, KEY_A);
	fire(60000);
	ck_assert_uint_eq(last(COMPLETE)->outcome, LANED_OUT_UNKNOWN);
	pos_writes(KEY_A ".result.json", RESULT(KEY_A, "approved"));
	acknowledge(LANED_OK);
	ck_assert_uint_eq(count(COMPLETE), 2);
	ck_assert_uint_eq(last(COMPLETE)->flags, LANED_RESULT_LATE);
	ck_assert_uint_eq(last(COMPLETE)->outcome, LANED_OUT_APPROVED);
	ck_assert(!in_folder("in", KEY_A ".result.json"));
	end();
}
END_TEST

START_TEST(an_answer_that_laned_could_not_take_is_told_again)
{
	launch_up();
	submit_ok(LANED_REQ_PAY, 5, KEY_A);
	pos_writes(KEY_A ".result.json", RESULT(KEY_A, "approved"));
	acknowledge(LANED_AGAIN);
	ck_assert(in_folder("in", KEY_A ".result.json"));
	fire(1000);
	ck_assert_uint_eq(count(COMPLETE), 2);
	ck_assert_uint_eq(last(COMPLETE)->req, 5);
	ck_assert_uint_eq(last(COMPLETE)->flags, 0);
	acknowledge(LANED_OK);
	ck_assert(!in_folder("in", KEY_A ".result.json"));
	end();
}
END_TEST

START_TEST(query_and_undo_withdraw_the_untaken_payment_first)
{
	static const uint32_t types[] = { LANED_REQ_QUERY, LANED_REQ_UNDO };
	static const char *const files[] = { KEY_A ".query.json", KEY_A ".undo.json" };

	for (size_t i = 0; i < 2; i++) {
		launch_up();
		submit_ok(LANED_REQ_PAY, 5, KEY_A);
		submit_ok(types[i], 6, KEY_A);
		ck_assert(!in_folder("out", KEY_A ".pay.json"));
		ck_assert(in_folder("out", files[i]));
		ck_assert_uint_eq(host.events[host.events_count - 1].kind, PUT);
		ck_assert_uint_eq(host.events[host.events_count - 2].kind, REMOVE);
		end();
	}
}
END_TEST

START_TEST(confirm_and_undo_end_with_what_the_pos_says)
{
	static const struct {
		uint32_t type;
		const char *text;
		uint32_t outcome;
	} rows[] = {
		{ LANED_REQ_CONFIRM, DONE(KEY_A, "confirmed"), LANED_OUT_CONFIRMED },
		{ LANED_REQ_UNDO, DONE(KEY_A, "undone"), LANED_OUT_UNDONE },
		{ LANED_REQ_UNDO, DONE(KEY_A, "not-found"), LANED_OUT_NOT_FOUND },
		{ LANED_REQ_UNDO, DONE(KEY_A, "confirmed"), LANED_OUT_CONFIRMED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		launch_up();
		submit_ok(rows[i].type, 7, KEY_A);
		pos_writes(KEY_A ".result.json",
			   RESULT(KEY_A, "approved")); /* not asked */
		acknowledge_all();
		ck_assert_uint_eq(last(COMPLETE)->flags, LANED_RESULT_LATE);
		pos_writes(KEY_A ".done.json", rows[i].text);
		acknowledge_all();
		ck_assert_uint_eq(last(COMPLETE)->req, 7);
		ck_assert_uint_eq(last(COMPLETE)->outcome, rows[i].outcome);
		end();
	}
}
END_TEST

START_TEST(no_answer_to_confirm_is_unknown)
{
	launch_up();
	submit_ok(LANED_REQ_CONFIRM, 7, KEY_A);
	fire(10000);
	ck_assert_uint_eq(last(COMPLETE)->outcome, LANED_OUT_UNKNOWN);
	ck_assert(
		in_folder("out", KEY_A ".confirm.json")); /* the POS may still take it */
	end();
}
END_TEST

START_TEST(requests_that_cannot_be_are_refused_at_once)
{
	struct laned_request q;
	static const char zero[] = "00000000000000000000000000000000";

	launch_up();
	q = request(LANED_REQ_PAY, 1, KEY_A);
	q.ticket = laned_str_of("../17");
	ck_assert_int_eq(table->submit(drop, &q), LANED_INVALID);
	q = request(LANED_REQ_PAY, 1, KEY_A);
	q.amount = 0;
	ck_assert_int_eq(table->submit(drop, &q), LANED_INVALID);
	q = request(LANED_REQ_PAY, 1, KEY_A);
	q.token = laned_str_of(NULL);
	ck_assert_int_eq(table->submit(drop, &q), LANED_INVALID);
	q = request(LANED_REQ_UNDO, 1, zero);
	ck_assert_int_eq(table->submit(drop, &q), LANED_INVALID);
	q = request(99, 1, KEY_A);
	ck_assert_int_eq(table->submit(drop, &q), LANED_UNSUPPORTED);
	q = request(LANED_REQ_PAY, 1, KEY_A);
	q.size -= 8;
	ck_assert_int_eq(table->submit(drop, &q), LANED_INVALID);
	table->link(drop, 0);
	q = request(LANED_REQ_PAY, 1, KEY_A);
	ck_assert_int_eq(table->submit(drop, &q), LANED_GONE);
	ck_assert_uint_eq(host.events_count, 0);
	end();
}
END_TEST

START_TEST(the_number_of_requests_is_limited)
{
	struct laned_request q = request(LANED_REQ_QUERY, 1, KEY_A);

	launch_up();
	for (unsigned i = 0; i < TIMERS_MAX; i++)
		ck_assert_int_eq(table->submit(drop, &q), LANED_OK);
	ck_assert_int_eq(table->submit(drop, &q), LANED_AGAIN);
	end();
}
END_TEST

START_TEST(an_offer_is_written_and_done)
{
	struct laned_discount d = { .size = sizeof(d),
				    .line = 1,
				    .amount = 20,
				    .text = laned_str_of("Member \"price\"") };
	struct laned_request q = request(LANED_REQ_OFFER, 9, KEY_A);
	struct fake_file *f;

	launch_up();
	q.discounts = &d;
	q.discounts_count = 1;
	q.member_no = laned_str_of("M1");
	q.total = 99;
	ck_assert_int_eq(table->submit(drop, &q), LANED_OK);
	fire(0);
	f = find_file("out", laned_str_of("17.offer.json"));
	ck_assert_ptr_nonnull(f);
	ck_assert_msg(
		laned_str_is((struct laned_str){ f->data, f->n },
			     "{\"v\":1,\"ticket\":\"17\",\"rev\":3,\"member_no\":\"M1\","
			     "\"discounts\":[{\"line\":1,\"amount\":20,\"text\":"
			     "\"Member \\\"price\\\"\"}],\"total\":99}"),
		"%.*s", (int)f->n, f->data);
	ck_assert_uint_eq(last(COMPLETE)->outcome, LANED_OUT_DONE);
	end();
}
END_TEST

/* ---- recovery ------------------------------------------------------------------------------ */

static struct laned_entry
entry(uint32_t state, uint64_t req, const char *key)
{
	struct laned_entry e = { .size = sizeof(e), .state = state, .req = req };

	ck_assert_int_eq(laned_key_parse(laned_str_of(key), &e.key), LANED_OK);
	return e;
}

START_TEST(recovery_asks_or_undoes_by_the_state)
{
	static const struct {
		uint32_t state;
		const char *file;
	} rows[] = {
		{ LANED_J_SENDING, KEY_A ".query.json" },
		{ LANED_J_UNKNOWN, KEY_A ".query.json" },
		{ LANED_J_APPROVED, KEY_A ".query.json" },
		{ LANED_J_ANSWER_SENDING, KEY_A ".query.json" },
		{ LANED_J_UNDO_QUEUED, KEY_A ".undo.json" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct laned_entry e = entry(rows[i].state, 3, KEY_A);

		launch();
		put_bytes("out", laned_str_of(KEY_A ".pay.json"), laned_str_of("{}"));
		table->recover(drop, &e, 1);
		ck_assert_uint_eq(host.events_count, 0); /* not before the link is up */
		table->link(drop, 1);
		ck_assert(in_folder("out", rows[i].file));
		ck_assert(!in_folder("out", KEY_A ".pay.json"));
		ck_assert_uint_eq(count(JOURNAL), 0);
		end();
	}
}
END_TEST

START_TEST(an_answer_that_lies_there_already_is_enough)
{
	struct laned_entry e = entry(LANED_J_SENDING, 3, KEY_A);

	launch();
	put_bytes("in", laned_str_of(KEY_A ".result.json"),
		  laned_str_of(RESULT(KEY_A, "approved")));
	table->recover(drop, &e, 1);
	table->link(drop, 1);
	acknowledge(LANED_OK);
	ck_assert_uint_eq(last(COMPLETE)->req, 3);
	ck_assert_uint_eq(last(COMPLETE)->flags, 0);
	ck_assert(!in_folder("out", KEY_A ".query.json"));
	end();
}
END_TEST

START_TEST(a_lost_link_drops_requests_and_keeps_files)
{
	launch_up();
	submit_ok(LANED_REQ_PAY, 5, KEY_A);
	pos_writes(KEY_A ".result.json", RESULT(KEY_A, "approved"));
	table->link(drop, 0); /* before laned acknowledged it */
	ck_assert(in_folder("in", KEY_A ".result.json"));
	fire(60000);
	pos_writes("17.basket.json", BASKET_1);
	ck_assert_uint_eq(count(COMPLETE), 1);
	ck_assert_uint_eq(count(BASKET), 0);
	ck_assert_uint_eq(count(REMOVE), 0);
	end();
}
END_TEST

/* ---- intake -------------------------------------------------------------------------------- */

START_TEST(a_basket_is_handed_over_whole_and_then_removed)
{
	launch_up();
	pos_writes("17.BASKET.json", BASKET_1);
	ck_assert_uint_eq(count(BASKET), 1);
	ck_assert_int_eq(last(BASKET)->amount, 3);
	ck_assert(in_folder("in", "17.BASKET.json"));
	acknowledge(LANED_OK);
	ck_assert(!in_folder("in", "17.BASKET.json"));
	end();
}
END_TEST

START_TEST(a_newer_basket_that_came_meanwhile_is_taken_too)
{
	launch_up();
	pos_writes("17.basket.json", BASKET_1);
	pos_writes("17.basket.json", BASKET_1); /* before the first is acknowledged */
	acknowledge(LANED_OK);
	ck_assert(in_folder("in", "17.basket.json"));
	fire(0);
	ck_assert_uint_eq(count(BASKET), 2);
	acknowledge(LANED_OK);
	ck_assert(!in_folder("in", "17.basket.json"));
	end();
}
END_TEST

START_TEST(answers_come_first_and_then_ticket_by_ticket)
{
	static const enum event_kind order[] = { COMPLETE, COMPLETE, BASKET,
						 CLAIM,    CANCEL,   BASKET };
	static const char *const names[] = { KEY_B, KEY_A, "9", "9", "9", "10" };
	unsigned at = 0;

	launch();
#define SMALL(ticket)                                                                    \
	"{\"v\":1,\"ticket\":\"" ticket "\",\"rev\":1,\"currency\":\"EUR\",\"lines\":[]" \
	",\"kind\":\"qr\",\"value\":\"x\"}"
	put_bytes("in", laned_str_of("10.basket.json"), laned_str_of(SMALL("10")));
	put_bytes("in", laned_str_of("9.cancel.json"), laned_str_of(SMALL("9")));
	put_bytes("in", laned_str_of("9.claim.json"), laned_str_of(SMALL("9")));
	put_bytes("in", laned_str_of("9.basket.json"), laned_str_of(SMALL("9")));
	put_bytes("in", laned_str_of(KEY_A ".done.json"),
		  laned_str_of(DONE(KEY_A, "undone")));
	put_bytes("in", laned_str_of(KEY_B ".result.json"),
		  laned_str_of(RESULT(KEY_B, "approved")));
	put_bytes("in", laned_str_of("readme.txt"), laned_str_of("not ours"));
	table->recover(drop, NULL, 0);
	table->link(drop, 1);
	acknowledge_all();
	for (unsigned i = 0; i < host.events_count; i++) {
		if (host.events[i].kind == REMOVE)
			continue;
		ck_assert_uint_lt(at, 6);
		ck_assert_uint_eq(host.events[i].kind, order[at]);
		ck_assert_str_eq(host.events[i].name, names[at]);
		at++;
	}
	ck_assert_uint_eq(at, 6);
	ck_assert(in_folder("in", "readme.txt"));
	end();
}
END_TEST

START_TEST(half_a_file_is_given_a_second_look)
{
	launch_up();
	pos_writes("17.basket.json", "{\"v\":1,\"ticket\":\"17\",");
	ck_assert_uint_eq(count(ASIDE), 0);
	pos_writes("17.basket.json", BASKET_1); /* the rest of it */
	ck_assert_uint_eq(count(BASKET), 1);
	acknowledge(LANED_OK);
	pos_writes("17.basket.json", "{\"v\":1,\"ticket\":\"17\",");
	fire(500);
	ck_assert_uint_eq(count(ASIDE), 1);
	ck_assert_ptr_nonnull(strstr(host.log, "17.basket.json:1:22: a member's name"));
	end();
}
END_TEST

START_TEST(many_halves_at_once_are_all_set_aside)
{
	char name[32];

	launch_up();
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "%u.basket.json", i); /* fits */
		put_bytes("in", laned_str_of(name), laned_str_of("{"));
	}
	host.changed(host.changed_user);
	fire(500);
	ck_assert_uint_eq(count(ASIDE), 40);
	fire(500);
	pos_writes("17.basket.json", "{"); /* the memory of them is gone */
	ck_assert_uint_eq(count(ASIDE), 40);
	end();
}
END_TEST

static const struct {
	const char *name, *text, *log;
} bad_files[] = {
	{ "17.basket.json", "{\"v\":2,\"ticket\":\"17\"}", "1:6: v must be 1" },
	{ "17.basket.json", "[]", "v must be 1" },
	{ "17.basket.json", "{\"v\":1,\"ticket\":\"17\",\"rev\":-1}",
	  "rev is out of range" },
	{ "17.basket.json", "{\"v\":1,\"ticket\":\"17\",\"rev\":1.5}",
	  "rev must be an integer" },
	{ "17.basket.json", "{\"v\":1,\"ticket\":\"1/7\",\"rev\":1}", "ticket only" },
	{ "17.basket.json",
	  "{\"v\":1,\"ticket\":\"17\",\"rev\":1,\"currency\":\"EUR\",\"lines\":[{"
	  "\"line\":1,"
	  "\"gtin\":\"123\",\"qty_milli\":1,\"unit_price\":1,\"amount\":1}]}",
	  "gtin too short" },
	{ "17.basket.json",
	  "{\"v\":1,\"ticket\":\"17\",\"rev\":1,\"currency\":\"EUR\",\"lines\":[{"
	  "\"line\":1,"
	  "\"gtin\":\"123456789\",\"qty_milli\":1,\"unit_price\":1,\"amount\":1}]}",
	  "gtin a GTIN has" },
	{ "17.basket.json",
	  "{\"v\":1,\"ticket\":\"17\",\"rev\":1,\"currency\":\"EUR\",\"lines\":3}",
	  "lines must be an array" },
	{ "17.basket.json",
	  "{\"v\":1,\"ticket\":\"18\",\"rev\":1,\"currency\":\"EUR\",\"lines\":[]}",
	  "the file's name and its content disagree" },
	{ "17.claim.json",
	  "{\"v\":1,\"ticket\":\"17\",\"kind\":\"face\",\"value\":\"x\"}",
	  "kind must be" },
	{ "17.claim.json",
	  "{\"v\":1,\"ticket\":\"17\",\"kind\":\"card\",\"value\":\"4111111111111111\"}",
	  "a payment card number" },
	{ "17.cancel.json", "{\"v\":1,\"ticket\":\"17\",\"other\":4111111111111111}",
	  "a payment card number" },
	{ KEY_A ".result.json", "{\"v\":1,\"key\":\"" KEY_A "\",\"outcome\":\"maybe\"}",
	  "outcome no word" },
	{ KEY_A ".result.json",
	  "{\"v\":1,\"key\":\"" KEY_B "\",\"outcome\":\"approved\"}", "disagree" },
	{ KEY_A ".done.json", "{\"v\":1,\"key\":\"" KEY_A "\",\"state\":\"approved\"}",
	  "state no word" },
};

START_TEST(wrong_files_are_named_and_set_aside_and_the_next_is_taken)
{
	for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
		launch_up();
		put_bytes("in", laned_str_of("99.cancel.json"),
			  laned_str_of("{\"v\":1,\"ticket\":\"99\"}"));
		pos_writes(bad_files[i].name, bad_files[i].text);
		acknowledge_all();
		ck_assert_msg(count(ASIDE) == 1, "%s", bad_files[i].text);
		ck_assert_msg(strstr(host.log, bad_files[i].log) != NULL, "%s: %s",
			      bad_files[i].text, host.log);
		ck_assert_ptr_nonnull(strstr(host.log, bad_files[i].name));
		ck_assert_ptr_null(strstr(host.log, "4111111111111111"));
		ck_assert_uint_eq(count(CANCEL), 1);
		ck_assert_uint_eq(count(BASKET) + count(CLAIM) + count(COMPLETE), 0);
		end();
	}
}
END_TEST

START_TEST(what_laned_says_of_a_file_decides)
{
	static const struct {
		int status;
		bool there, aside;
	} rows[] = { { LANED_OK, false, false },
		     { LANED_REFUSED, false, false },
		     { LANED_INVALID, false, true },
		     { LANED_AGAIN, true, false },
		     { LANED_GONE, true, false } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		launch_up();
		pos_writes("17.basket.json", BASKET_1);
		acknowledge(rows[i].status);
		ck_assert_int_eq(in_folder("in", "17.basket.json"), rows[i].there);
		ck_assert_int_eq(count(ASIDE) == 1, rows[i].aside);
		end();
	}
}
END_TEST

START_TEST(an_answer_that_laned_refuses_is_evidence)
{
	launch_up();
	submit_ok(LANED_REQ_PAY, 5, KEY_A);
	pos_writes(KEY_A ".result.json", RESULT(KEY_A, "approved"));
	acknowledge(LANED_REFUSED);
	ck_assert_uint_eq(count(ASIDE), 1);
	end();
}
END_TEST

START_TEST(every_failing_allocation_is_survived)
{
	for (unsigned n = 1; n < 12; n++) {
		struct laned_request q = request(LANED_REQ_PAY, 5, KEY_A);

		launch_up();
		host.fail_alloc_at = n;
		if (table->submit(drop, &q) == LANED_OK) {
			fire(0);
			pos_writes("17.basket.json", BASKET_1);
			acknowledge_all();
			pos_writes(KEY_A ".result.json", RESULT(KEY_A, "approved"));
			for (unsigned i = 0; i < 5; i++) {
				fire(1000);
				acknowledge_all();
			}
			ck_assert(!in_folder("in", "17.basket.json"));
			ck_assert_uint_eq(last(COMPLETE)->outcome, LANED_OUT_APPROVED);
		}
		host.fail_alloc_at = 0;
		end();
	}
}
END_TEST

START_TEST(selftest_and_health_tell)
{
	struct laned_health h = { .size = sizeof(h) };
	char text[LANED_NOTE_BYTES];

	launch();
	table->health(drop, &h);
	ck_assert_uint_eq(h.state, LANED_HEALTH_DOWN);
	table->link(drop, 1);
	submit_ok(LANED_REQ_QUERY, 1, KEY_A);
	table->health(drop, &h);
	ck_assert_uint_eq(h.state, LANED_HEALTH_UP);
	ck_assert_uint_eq(h.pending, 1);
	ck_assert_int_eq(table->selftest(drop, 0, text), LANED_OK);
	ck_assert_str_eq(text, "6 codec vectors hold");
	ck_assert_int_eq(table->selftest(drop, 1, text), LANED_UNSUPPORTED);
	end();
}
END_TEST

UNIT_MAIN("drop", journal_comes_before_the_file, submit_itself_does_nothing_yet,
	  not_durable_means_not_sent, a_failed_put_is_unknown_and_not_declined,
	  every_outcome_is_told_as_it_is_and_its_file_goes_last,
	  an_approval_without_an_amount_is_told_without_one,
	  an_answer_that_cannot_be_stored_waits_and_the_sale_goes_on,
	  in_progress_answers_a_query_and_leaves_the_payment_open,
	  silence_becomes_unknown_and_the_late_answer_is_told,
	  an_answer_that_laned_could_not_take_is_told_again,
	  query_and_undo_withdraw_the_untaken_payment_first,
	  confirm_and_undo_end_with_what_the_pos_says, no_answer_to_confirm_is_unknown,
	  requests_that_cannot_be_are_refused_at_once, the_number_of_requests_is_limited,
	  an_offer_is_written_and_done, recovery_asks_or_undoes_by_the_state,
	  an_answer_that_lies_there_already_is_enough,
	  a_lost_link_drops_requests_and_keeps_files,
	  a_basket_is_handed_over_whole_and_then_removed,
	  a_newer_basket_that_came_meanwhile_is_taken_too,
	  answers_come_first_and_then_ticket_by_ticket,
	  half_a_file_is_given_a_second_look, many_halves_at_once_are_all_set_aside,
	  wrong_files_are_named_and_set_aside_and_the_next_is_taken,
	  what_laned_says_of_a_file_decides, an_answer_that_laned_refuses_is_evidence,
	  every_failing_allocation_is_survived, selftest_and_health_tell)
