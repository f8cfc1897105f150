/* What the checks of the conformance kit stand on: a scripted laned beside the plug-in. */
#include "adapter/conform_bench.h"

#include "adapter/vhost_conns.h"
#include "adapter/wire.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WHY_BYTES 512

/*
 * The parent reads "F why" or "S why" from standard output; silence and exit 0 is a pass. n is what
 * vsnprintf said of the text from why[1] on, which is for people and may have been cut.
 */
__attribute__((noreturn)) static void
end(char kind, char why[WHY_BYTES], int n)
{
	why[0] = kind;
	if (n < 0 || n > WHY_BYTES - 2)
		n = WHY_BYTES - 2;
	/* No stdio: under the strictest filter it may not ask what its descriptor is. */
	if (write(STDOUT_FILENO, why, (size_t)n + 1) < 0)
		_exit(2);
	_exit(1);
}

void
bench_fail(const char *fmt, ...)
{
	char why[WHY_BYTES];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(why + 1, sizeof(why) - 1, fmt, ap);
	va_end(ap);
	end('F', why, n);
}

void
bench_skip(const char *fmt, ...)
{
	char why[WHY_BYTES];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(why + 1, sizeof(why) - 1, fmt, ap);
	va_end(ap);
	end('S', why, n);
}

/* ---- the host's hooks -------------------------------------------------------------------- */

static bool
is_output(const char *function)
{
	return strcmp(function, "dir_put") == 0 || strcmp(function, "conn_send") == 0 ||
	       strcmp(function, "type_start") == 0;
}

bool
bench_moves_money(uint32_t type)
{
	return type == LANED_REQ_PAY || type == LANED_REQ_REFUND;
}

/* A payment or refund was taken, and the journal has not yet said that it may leave. */
static bool
waits_for_journal(const struct bench *b)
{
	for (unsigned i = 0; i < b->known_count; i++) {
		const struct known *k = &b->known[i];

		if (bench_moves_money(k->type) && k->accepted && !k->journalled &&
		    k->completions == 0)
			return true;
	}
	return false;
}

static int
on_called(void *ctx, const char *function)
{
	struct bench *b = ctx;

	b->calls++;
	if (b->die_at != 0 && b->calls == b->die_at)
		longjmp(b->death, 1);
	if (b->fail_at != 0 && b->calls == b->fail_at) {
		(void)str_copy(b->failed_in, sizeof(b->failed_in),
			       str_of(function)); /* names are short */
		return b->fail_status;
	}
	if (is_output(function)) {
		b->outputs++;
		b->outputs_early += waits_for_journal(b);
	}
	return LANED_OK;
}

struct laned_key
bench_key(struct bench *b)
{
	struct laned_key key = { { 0x4b } };

	b->keys++;
	for (unsigned i = 0; i < 8; i++)
		key.b[15 - i] = (uint8_t)(b->keys >> (8 * i));
	return key;
}

/* ---- laned's side ------------------------------------------------------------------------ */

static struct known *
known_by_req(struct bench *b, uint64_t req)
{
	for (unsigned i = b->known_count; i-- > 0;)
		if (b->known[i].req == req)
			return &b->known[i];
	return NULL;
}

static bool
same_key(const struct laned_key *a, const struct laned_key *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static int
laned_journal(void *ctx, uint64_t req, const struct laned_key *key, uint32_t state,
	      struct laned_str blob)
{
	struct bench *b = ctx;
	struct known *k = known_by_req(b, req);

	(void)blob;
	if (!b->up || k == NULL || !same_key(&k->key, key) ||
	    (state != LANED_J_SENDING && state != LANED_J_ANSWER_SENDING))
		return LANED_NOT_DURABLE;
	if (b->policy.journal == LANED_OK)
		k->journalled = true;
	return b->policy.journal;
}

static int
laned_journal_find(void *ctx, struct laned_str ref, struct laned_entry *ret_entry)
{
	(void)ctx;
	(void)ref;
	(void)ret_entry;
	return LANED_MISSING;
}

static int
laned_event(void *ctx, struct laned_event *ev)
{
	struct bench *b = ctx;

	if (ev->type == LANED_EV_REPEAT_WANTED) /* no tender was ever taken */
		return LANED_MISSING;
	if (ev->type == LANED_EV_TENDER_ABORT || ev->type == LANED_EV_TENDER_CONFIRMED ||
	    ev->type == LANED_EV_TENDER_UNDO) {
		b->words++;
		return b->policy.word;
	}
	if (ev->type != LANED_EV_TENDER_WANTED)
		return LANED_OK;
	if (!b->policy.tenders)
		return LANED_NOT_DURABLE;
	b->ref.n = ev->blob.n < sizeof(b->ref_text) ? ev->blob.n : 0;
	b->ref.p = b->ref_text;
	memcpy(b->ref_text, ev->blob.p == NULL ? "" : ev->blob.p, b->ref.n);
	b->tender = ev->key = bench_key(b);
	return LANED_OK;
}

static int
acknowledge(struct bench *b, laned_ack_fn ack, void *user, int status)
{
	if (!b->up)
		return LANED_GONE;
	if (ack != NULL && vhost_defer(b->host, ack, user, status) < 0)
		return LANED_NO_MEMORY;
	return LANED_OK;
}

static int
laned_basket(void *ctx, const struct laned_basket *basket, laned_ack_fn ack, void *user)
{
	struct bench *b = ctx;

	(void)basket;
	b->baskets++;
	return acknowledge(b, ack, user, b->policy.pos_ack);
}

static int
laned_claim(void *ctx, struct laned_str ticket, uint32_t kind, struct laned_str value,
	    laned_ack_fn ack, void *user)
{
	struct bench *b = ctx;

	(void)ticket;
	(void)kind;
	(void)value;
	b->claims++;
	return acknowledge(b, ack, user, b->policy.pos_ack);
}

static int
laned_cancel(void *ctx, struct laned_str ticket, laned_ack_fn ack, void *user)
{
	struct bench *b = ctx;

	(void)ticket;
	b->cancels++;
	return acknowledge(b, ack, user, b->policy.pos_ack);
}

/* As the real host: one completion a request; a late answer is welcome at any time. */
static int
laned_complete(void *ctx, const struct laned_result *r, laned_ack_fn ack, void *user)
{
	struct bench *b = ctx;
	struct known *k;
	int status = LANED_OK;

	if (!b->up)
		return LANED_GONE;
	if (wire_outcome_name(r->outcome) == NULL)
		bench_fail("outcome %u is none of this ABI", r->outcome);
	if ((r->flags & LANED_RESULT_LATE) != 0) {
		b->late++;
		b->late_approved += bench_is_yes(r->outcome);
		return acknowledge(b, ack, user, LANED_OK);
	}
	k = known_by_req(b, r->req);
	if (k == NULL)
		bench_fail("request %llu, which nobody made, is completed",
			   (unsigned long long)r->req);
	if (!k->accepted)
		bench_fail("a request that was not accepted is completed");
	if (host_requests_complete(b->requests, r->req) < 0)
		bench_fail("a request is completed a second time (%s, then %s)",
			   bench_outcome(k->outcome), bench_outcome(r->outcome));
	if (ack != NULL && b->policy.ack_bad > 0) {
		b->policy.ack_bad--;
		status = b->policy.ack;
	}
	host_requests_settle(b->requests, r->req, status == LANED_OK);
	if (status == LANED_OK) {
		k->completions++;
		k->outcome = r->outcome;
		k->told_amount = r->amount;
	}
	return acknowledge(b, ack, user, status);
}

/* ---- life -------------------------------------------------------------------------------- */

void
bench_load(struct bench *b, const struct conform_options *o)
{
	char why[PLUGIN_WHY_BYTES] = "";

	memset(b, 0, sizeof(*b));
	b->options = o;
	if (plugin_load(o->path, &b->plugin, why) < 0)
		bench_fail("it cannot be loaded: %s", why);
	b->table = plugin_table(b->plugin);
	b->requests = host_requests_new();
	if (b->requests == NULL)
		bench_fail("no memory");
	b->hooks = (struct vhost_hooks){ .ctx = b, .called = on_called };
	b->link = (struct host_link){
		b,           laned_journal, laned_journal_find, laned_event, laned_basket,
		laned_claim, laned_cancel,  laned_complete,     NULL
	};
}

static void
apply_setting(struct bench *b, const char *setting)
{
	const char *value = strchr(setting, '=');
	char name[64];
	int rc = value == NULL
			 ? -EINVAL
			 : str_copy(name, sizeof(name),
				    (struct str){ setting, (size_t)(value - setting) });

	if (rc == 0)
		rc = vhost_set_option(b->host, name, value + 1);
	if (rc < 0)
		bench_fail("setting %s: %s", setting,
			   rc == -ENOENT ? "the plug-in has no such option"
					 : "its row does not allow that");
}

void
bench_host(struct bench *b, uint64_t seed)
{
	int rc;

	vhost_free(b->host);
	b->host = NULL;
	rc = vhost_new(b->table, seed, &b->hooks, &b->host);
	if (rc == -EINVAL)
		bench_fail("a default of its option table is not what its row allows");
	if (rc < 0)
		bench_fail("no memory");
	for (unsigned i = 0; i < b->options->settings_count; i++)
		apply_setting(b, b->options->settings[i]);
	vhost_set_link(b->host, &b->link);
	host_requests_clear(b->requests);
	b->up = false;
}

int
bench_start(struct bench *b)
{
	int rc = b->table->create(vhost_handle(b->host), vhost_api(), &b->instance);

	if (rc == LANED_OK && b->instance == NULL)
		bench_fail("create says LANED_OK and gives no instance");
	if (rc != LANED_OK) {
		b->instance = NULL;
		return rc;
	}
	rc = b->table->start(b->instance);
	if (rc != LANED_OK)
		bench_leave(b);
	return rc;
}

void
bench_up(struct bench *b, const struct laned_entry *entries, size_t count)
{
	b->up = true;
	b->table->recover(b->instance, entries, count);
	b->table->link(b->instance, 1);
}

void
bench_launch(struct bench *b, const struct conform_options *o)
{
	int rc;

	bench_load(b, o);
	bench_host(b, 1);
	rc = bench_start(b);
	if (rc != LANED_OK)
		bench_fail("it does not start with its defaults (%d)", rc);
	bench_up(b, NULL, 0);
	bench_run(b, BENCH_SETTLE_MS);
}

void
bench_down(struct bench *b)
{
	b->up = false;
	host_requests_clear(b->requests);
	vhost_forget_deferred(b->host);
	b->table->link(b->instance, 0);
}

void
bench_leave(struct bench *b)
{
	if (b->instance == NULL)
		return;
	b->table->stop(b->instance);
	b->up = false;
	vhost_forget_deferred(b->host);
	b->table->destroy(b->instance);
	b->instance = NULL;
}

void
bench_end(struct bench *b)
{
	bench_leave(b);
	if (vhost_timers(b->host) > 0)
		bench_fail("%u timers are left after destroy", vhost_timers(b->host));
	if (vhost_allocated(b->host) > 0)
		bench_fail("%zu bytes are left after destroy", vhost_allocated(b->host));
	if (vhost_conns_count(b->host) > 0 || vhost_conns_listeners(b->host) > 0)
		bench_fail("%u connections and %u listeners are left after destroy",
			   vhost_conns_count(b->host), vhost_conns_listeners(b->host));
}

/* ---- requests ---------------------------------------------------------------------------- */

static struct known *
known_add(struct bench *b, uint32_t type, struct laned_key key)
{
	struct known *k = &b->known[b->known_count];
	struct host_request r = { .key = key, .type = type, .deadline_ms = INT64_MAX };

	if (b->known_count == BENCH_KNOWN_MAX ||
	    host_requests_add(b->requests, &r, &r.id) < 0)
		bench_fail("%u requests are open at once: too many", BENCH_KNOWN_MAX);
	*k = (struct known){ .type = type, .key = key, .req = r.id, .told_amount = -1 };
	b->known_count++;
	return k;
}

struct known *
bench_submit(struct bench *b, uint32_t type, struct laned_key key)
{
	static const char text[] = "Offer";
	const struct laned_discount discount = {
		sizeof(discount), 1, 50, { text, sizeof(text) - 1 }
	};
	struct known *k = known_add(b, type, key);
	struct laned_request q = {
		.size = sizeof(q),
		.type = type,
		.req = k->req,
		.key = key,
		.ticket = { "17", 2 },
		.rev = 3,
		.amount = BENCH_AMOUNT,
		.currency = { "EUR", 3 },
		.token = { "tok_1", 5 },
		.timeout_ms = bench_moves_money(type) ? BENCH_PAY_MS : 0,
		.discounts = &discount,
		.discounts_count = type == LANED_REQ_OFFER,
		.member_no = { "1000", 4 },
		.total = BENCH_AMOUNT,
		.saving = 50,
	};
	int rc;

	if (type == LANED_REQ_ANSWER) {
		q.outcome = LANED_OUT_APPROVED;
		q.blob = b->ref;
	}
	if (type == LANED_REQ_REFUND) {
		q.original = (struct laned_key){ { 0x4f, 1 } };
		q.ref = (struct laned_str){ "R-1", 3 };
	}
	k->amount = q.amount;
	k->accepted = true; /* it may complete from inside */
	rc = b->table->submit(b->instance, &q);
	if (rc == LANED_OK)
		return k;
	if (k->completions > 0)
		bench_fail("a request is completed and then not accepted (%d)", rc);
	k->accepted = false;
	if (host_requests_complete(b->requests, k->req) == 0)
		host_requests_settle(b->requests, k->req, true);
	return NULL;
}

struct known *
bench_entry(struct bench *b, uint32_t state, struct laned_key key,
	    struct laned_entry *ret_entry)
{
	struct known *k = known_add(b, 0, key);

	k->accepted = true;
	k->amount = BENCH_AMOUNT;
	*ret_entry = (struct laned_entry){ .size = sizeof(*ret_entry),
					   .state = state,
					   .req = k->req,
					   .key = key,
					   .ticket = { "17", 2 },
					   .amount = BENCH_AMOUNT,
					   .currency = { "EUR", 3 } };
	return k;
}

void
bench_run(struct bench *b, int64_t ms)
{
	if (!vhost_run(b->host, vhost_now(b->host) + ms, BENCH_STEPS_MAX))
		bench_fail("it does not come to rest: %u callbacks in %lld ms",
			   BENCH_STEPS_MAX, (long long)ms);
}

void
bench_await(struct bench *b, const struct known *k)
{
	int64_t until = vhost_now(b->host) + BENCH_LIMIT_MS;

	for (unsigned n = 0; k->completions == 0 && n < BENCH_STEPS_MAX; n++)
		if (!vhost_step(b->host, until))
			break;
	if (k->completions == 0)
		bench_fail("a request of type %u was accepted and never completed",
			   k->type);
}

/* ---- words ------------------------------------------------------------------------------- */

bool
bench_can(const struct bench *b, uint64_t cap)
{
	return (b->table->caps & cap) == cap;
}

const char *
bench_outcome(uint32_t outcome)
{
	const char *name = wire_outcome_name(outcome);

	return name == NULL ? "none" : name;
}

bool
bench_is_certain_no(uint32_t outcome)
{
	return outcome == LANED_OUT_DECLINED || outcome == LANED_OUT_CANCELLED ||
	       outcome == LANED_OUT_NOT_SENT || outcome == LANED_OUT_NOT_FOUND;
}

bool
bench_is_yes(uint32_t outcome)
{
	return outcome == LANED_OUT_APPROVED || outcome == LANED_OUT_PARTIAL;
}
