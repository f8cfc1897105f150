/* Conformance: a peer that answers, twice, late, in parts, and things that are no answers. */
#include "adapter/conform_bench.h"

#include <string.h>

#define DAY_CHECKOUTS 1000u
#define DAY_MS INT64_C(86400000)
#define NOISE_ROUNDS 200u

static const struct peer_ops *const all_peers[] = { &peer_drop, &peer_lines };

const struct peer_ops *
peer_find(const char *protocol)
{
	for (size_t i = 0; i < sizeof(all_peers) / sizeof(all_peers[0]); i++)
		if (strcmp(all_peers[i]->protocol, protocol) == 0)
			return all_peers[i];
	return NULL;
}

void
peer_init(struct peer *p, const struct bench *b)
{
	const char *protocol =
		b->options->protocol != NULL ? b->options->protocol : b->table->name;

	memset(p, 0, sizeof(*p));
	p->ops = peer_find(protocol);
	if (p->ops == NULL)
		bench_skip("no peer is played for \"%s\"", protocol);
}

struct peer_entry *
peer_entry(struct peer *p, const struct laned_key *key)
{
	for (unsigned i = 0; i < p->entries_count; i++)
		if (memcmp(p->entries[i].key.b, key->b, sizeof(key->b)) == 0)
			return &p->entries[i];
	return NULL;
}

struct peer_entry *
peer_entry_make(struct peer *p, const struct laned_key *key)
{
	struct peer_entry *e = peer_entry(p, key);

	if (e != NULL)
		return e;
	if (p->entries_count == PEER_ENTRIES_MAX)
		bench_fail("more than %u payments", PEER_ENTRIES_MAX);
	e = &p->entries[p->entries_count++];
	*e = (struct peer_entry){ .key = *key };
	return e;
}

/* ---- its ledger, whatever the protocol ---- */

void
peer_tell(struct peer *p, struct vhost *v, const struct peer_entry *e)
{
	static const char *const words[] = {
		[PEER_NEVER_HEARD] = "not-found",
		[PEER_CAPTURED] = "approved",
		[PEER_DECLINED] = "declined",
		[PEER_UNDONE] = "cancelled",
	};

	if (!p->mute)
		p->ops->say(v, &e->key, words[e->state],
			    e->state == PEER_CAPTURED ? e->amount : -1);
}

void
peer_take_pay(struct peer *p, struct vhost *v, const struct laned_key *key,
	      int64_t amount)
{
	struct peer_entry *e = peer_entry(p, key);

	if (e == NULL) {
		e = peer_entry_make(p, key);
		e->amount = amount;
		e->state = p->declines ? PEER_DECLINED : PEER_CAPTURED;
		e->captures += e->state == PEER_CAPTURED;
	}
	peer_tell(p, v, e);
}

void
peer_take_end(struct peer *p, struct vhost *v, const struct laned_key *key, bool undo)
{
	struct peer_entry *e = peer_entry_make(p, key);
	const char *word = "not-found";

	if (e->state == PEER_CAPTURED && undo && !e->confirmed)
		e->state = PEER_UNDONE;
	else if (e->state == PEER_CAPTURED && !undo)
		e->confirmed = true;
	if (e->state == PEER_UNDONE)
		word = "undone";
	else if (e->state == PEER_CAPTURED)
		word = "confirmed";
	if (!p->mute)
		p->ops->say_end(v, key, word);
}

void
peer_run(struct peer *p, struct bench *b, int64_t ms)
{
	for (int i = 0; i < 10; i++) {
		bench_run(b, ms / 10);
		p->ops->serve(p, b->host);
	}
}

/* ---- a payment and its answer ------------------------------------------------------------ */

static struct known *
launch_and_pay(struct bench *b, const struct conform_options *o, struct peer *p)
{
	struct known *k;

	bench_launch(b, o);
	peer_init(p, b);
	if (!bench_can(b, LANED_CAP_PAY))
		bench_skip("it does not pay");
	k = bench_submit(b, LANED_REQ_PAY, bench_key(b));
	if (k == NULL)
		bench_fail("it does not take a payment");
	return k;
}

static void
want(const struct known *k, uint32_t outcome, const char *when)
{
	if (k->completions == 0)
		bench_fail("%s: no completion", when);
	if (k->outcome != outcome)
		bench_fail("%s: the outcome is %s", when, bench_outcome(k->outcome));
	if (bench_is_yes(outcome) && k->told_amount != k->amount)
		bench_fail("%s: the amount told is %lld, the peer said %lld", when,
			   (long long)k->told_amount, (long long)k->amount);
}

static void
check_answers(struct bench *b, const struct conform_options *o)
{
	static struct peer p;
	struct known *k = launch_and_pay(b, o, &p);

	peer_run(&p, b, BENCH_SETTLE_MS);
	want(k, LANED_OUT_APPROVED, "the peer approves");
	p.declines = true;
	k = bench_submit(b, LANED_REQ_PAY, bench_key(b));
	if (k == NULL)
		bench_fail("it does not take a second payment");
	peer_run(&p, b, BENCH_SETTLE_MS);
	want(k, LANED_OUT_DECLINED, "the peer declines");
	bench_end(b);
}

/* Query, confirm and undo of payments that the peer knows, and of one that it does not. */
static void
check_two_phases(struct bench *b, const struct conform_options *o)
{
	static struct peer p;
	struct known *k = launch_and_pay(b, o, &p);
	struct laned_key first = k->key;

	if (!bench_can(b, LANED_CAP_QUERY | LANED_CAP_CONFIRM | LANED_CAP_UNDO))
		bench_skip("it has no two phases");
	peer_run(&p, b, BENCH_SETTLE_MS);
	k = bench_submit(b, LANED_REQ_QUERY, first);
	if (k == NULL)
		bench_fail("it does not take a query");
	peer_run(&p, b, BENCH_SETTLE_MS);
	want(k, LANED_OUT_APPROVED, "asked about a payment that was charged");
	k = bench_submit(b, LANED_REQ_CONFIRM, first);
	peer_run(&p, b, BENCH_SETTLE_MS);
	want(k != NULL ? k : &(struct known){ 0 }, LANED_OUT_CONFIRMED, "a confirm");
	k = bench_submit(b, LANED_REQ_QUERY, bench_key(b));
	peer_run(&p, b, BENCH_SETTLE_MS);
	want(k != NULL ? k : &(struct known){ 0 }, LANED_OUT_NOT_FOUND,
	     "asked about a key that nobody knows");
	k = bench_submit(b, LANED_REQ_PAY, bench_key(b));
	peer_run(&p, b, BENCH_SETTLE_MS);
	k = k == NULL ? NULL : bench_submit(b, LANED_REQ_UNDO, k->key);
	peer_run(&p, b, BENCH_SETTLE_MS);
	want(k != NULL ? k : &(struct known){ 0 }, LANED_OUT_UNDONE, "an undo");
	bench_end(b);
}

/* Money back: as a payment, under its own key; and not at all where that was not promised. */
static void
check_refund(struct bench *b, const struct conform_options *o)
{
	static struct peer p;
	struct known *k;

	bench_launch(b, o);
	k = bench_submit(b, LANED_REQ_REFUND, bench_key(b));
	if (!bench_can(b, LANED_CAP_REFUND)) {
		if (k != NULL)
			bench_fail("it takes a refund and does not say that it can");
		bench_end(b);
		return;
	}
	peer_init(&p, b);
	if (k == NULL)
		bench_fail("it does not take a refund");
	peer_run(&p, b, BENCH_SETTLE_MS);
	want(k, LANED_OUT_APPROVED, "the peer gives back");
	if (!k->journalled)
		bench_fail("a refund leaves, and the journal was never asked");
	if (bench_can(b, LANED_CAP_QUERY)) {
		k = bench_submit(b, LANED_REQ_QUERY, k->key);
		peer_run(&p, b, BENCH_SETTLE_MS);
		want(k != NULL ? k : &(struct known){ 0 }, LANED_OUT_APPROVED,
		     "asked about a refund that was made");
	}
	p.declines = true;
	k = bench_submit(b, LANED_REQ_REFUND, bench_key(b));
	peer_run(&p, b, BENCH_SETTLE_MS);
	want(k != NULL ? k : &(struct known){ 0 }, LANED_OUT_DECLINED,
	     "the peer gives nothing back");
	bench_end(b);
}

/* The same answer again: nothing is completed twice, and nothing breaks. */
static void
check_twice(struct bench *b, const struct conform_options *o)
{
	static struct peer p;
	struct known *k = launch_and_pay(b, o, &p);

	peer_run(&p, b, BENCH_SETTLE_MS);
	want(k, LANED_OUT_APPROVED, "the peer approves");
	for (int i = 0; i < 3; i++) {
		p.ops->say(b->host, &k->key, "approved", k->amount);
		bench_run(b, BENCH_SETTLE_MS);
	}
	p.ops->say(b->host, &k->key, "declined", 0);
	bench_run(b, BENCH_LIMIT_MS);
	if (k->completions != 1)
		bench_fail("%u completions of one request", k->completions);
	bench_end(b);
}

/* laned cannot store the answer at first: it is told again. */
static void
check_stored_later(struct bench *b, const struct conform_options *o)
{
	static struct peer p;
	struct known *k = launch_and_pay(b, o, &p);

	b->policy.ack = LANED_AGAIN;
	b->policy.ack_bad = 2;
	peer_run(&p, b, BENCH_PAY_MS / 2);
	if (b->policy.ack_bad == 2)
		bench_fail("an answer of the peer is told without asking for an ack");
	if (k->completions == 0)
		bench_fail("laned could not store an answer, and it is not told again");
	want(k, LANED_OUT_APPROVED, "stored later");
	bench_end(b);
}

/* Two requests wait for one answer; laned stores the one and cannot store the other. */
static void
check_stored_in_parts(struct bench *b, const struct conform_options *o)
{
	static struct peer p;
	struct known *k = launch_and_pay(b, o, &p), *q;

	if (!bench_can(b, LANED_CAP_QUERY))
		bench_skip("it cannot be asked");
	bench_run(b, BENCH_SETTLE_MS / 2);
	q = bench_submit(b, LANED_REQ_QUERY, k->key);
	if (q == NULL)
		bench_fail("it does not take a query beside the payment");
	b->policy.ack = LANED_AGAIN;
	b->policy.ack_bad = 1;
	peer_run(&p, b, BENCH_PAY_MS / 2);
	bench_await(b, k);
	bench_await(b, q);
	if (k->completions > 1 || q->completions > 1)
		bench_fail("what laned has stored is told again");
	bench_end(b);
}

/* The answer comes after the limit: unknown first, and then it is told, as late. */
static void
check_late(struct bench *b, const struct conform_options *o)
{
	static struct peer p;
	struct known *k = launch_and_pay(b, o, &p);

	p.mute = true;
	peer_run(&p, b, BENCH_SETTLE_MS);
	bench_await(b, k);
	want(k, LANED_OUT_UNKNOWN, "no answer in time");
	p.ops->say(b->host, &k->key, "approved", k->amount);
	bench_run(b, BENCH_LIMIT_MS);
	if (b->late_approved == 0)
		bench_fail("an approval that came late was dropped");
	bench_end(b);
}

/* An approval without an amount, or for a key that nobody asked for. */
static void
check_odd_answers(struct bench *b, const struct conform_options *o)
{
	static struct peer p;
	struct known *k = launch_and_pay(b, o, &p);
	struct laned_key other = bench_key(b);

	p.mute = true;
	peer_run(&p, b, BENCH_SETTLE_MS);
	p.ops->say(b->host, &other, "approved", k->amount);
	bench_run(b, BENCH_SETTLE_MS);
	if (k->completions > 0)
		bench_fail("another payment's approval completes this one");
	p.ops->say(b->host, &k->key, "splendid", k->amount);
	bench_run(b, BENCH_SETTLE_MS);
	if (k->completions > 0 && k->outcome < LANED_OUT_UNKNOWN)
		bench_fail("an outcome that does not exist becomes %s",
			   bench_outcome(k->outcome));
	p.ops->say(b->host, &k->key, "approved", -1);
	bench_run(b, BENCH_SETTLE_MS);
	if (k->completions > 0 && bench_is_yes(k->outcome) && k->told_amount >= 0)
		bench_fail("the peer told no amount, and laned is told %lld",
			   (long long)k->told_amount);
	bench_await(b, k);
	bench_end(b);
}

/* Bytes that are no message: nothing is approved by them, and the next payment works. */
static void
check_noise(struct bench *b, const struct conform_options *o)
{
	static struct peer p;
	struct known *k = launch_and_pay(b, o, &p);
	uint64_t random = 1;

	p.mute = true;
	peer_run(&p, b, BENCH_SETTLE_MS);
	for (unsigned n = 0; n < NOISE_ROUNDS; n++) {
		for (unsigned i = 0; p.ops->noise(b->host, i, random); i++)
			random = random * UINT64_C(6364136223846793005) +
				 1442695040888963407;
		bench_run(b, BENCH_SETTLE_MS / 4);
	}
	bench_await(b, k);
	if (bench_is_yes(k->outcome) || b->late_approved > 0)
		bench_fail("noise becomes an approval");
	bench_run(b, BENCH_PAY_MS); /* it may have hung up, and connects again */
	p.mute = false;
	k = bench_submit(b, LANED_REQ_PAY, bench_key(b));
	if (k == NULL)
		bench_fail("after noise it takes no payment any more");
	peer_run(&p, b, 4 * BENCH_SETTLE_MS);
	want(k, LANED_OUT_APPROVED, "after noise the peer approves");
	bench_end(b);
}

/* ---- a day ------------------------------------------------------------------------------- */

static void
one_checkout(struct bench *b, struct peer *p, unsigned n)
{
	struct known *k;

	b->known_count = 0;
	p->ops->basket(b->host, n);
	peer_run(p, b, BENCH_SETTLE_MS);
	if (bench_can(b, LANED_CAP_DISCOUNT_LINES))
		(void)bench_submit(b, LANED_REQ_OFFER, bench_key(b)); /* counted below */
	k = bench_submit(b, LANED_REQ_PAY, bench_key(b));
	if (k == NULL)
		bench_fail("checkout %u: it takes no payment", n);
	p->declines = n % 7 == 0;
	peer_run(p, b, BENCH_SETTLE_MS);
	want(k, p->declines ? LANED_OUT_DECLINED : LANED_OUT_APPROVED, "in a day");
	if (!p->declines && bench_can(b, LANED_CAP_CONFIRM))
		(void)bench_submit(b, n % 11 == 0 ? LANED_REQ_UNDO : LANED_REQ_CONFIRM,
				   k->key); /* counted below */
	peer_run(p, b, BENCH_SETTLE_MS);
	for (unsigned i = 0; i < b->known_count; i++)
		if (b->known[i].accepted && b->known[i].completions != 1)
			bench_fail("checkout %u: a request has %u completions", n,
				   b->known[i].completions);
	p->entries_count = 0;
}

static void
check_day(struct bench *b, const struct conform_options *o)
{
	static struct peer p;
	size_t settled = 0;

	(void)launch_and_pay(b, o, &p);
	peer_run(&p, b, BENCH_SETTLE_MS);
	for (unsigned n = 1; n <= DAY_CHECKOUTS; n++) {
		one_checkout(b, &p, n);
		bench_run(b, DAY_MS / DAY_CHECKOUTS);
		if (n == 20)
			settled = vhost_allocated(b->host);
		if (n > 20 && vhost_allocated(b->host) > settled)
			bench_fail("after %u checkouts it holds %zu bytes, after 20 it "
				   "held %zu",
				   n, vhost_allocated(b->host), settled);
	}
	if (bench_can(b, LANED_CAP_BASKET_LIVE) && b->baskets < DAY_CHECKOUTS)
		bench_fail("%u of %u baskets came through", b->baskets, DAY_CHECKOUTS);
	if (vhost_aside(b->host) > 0)
		bench_fail("%zu good messages were set aside", vhost_aside(b->host));
	bench_end(b);
}

/* laned is slow with everything: what came in is not lost. */
static void
check_busy_laned(struct bench *b, const struct conform_options *o)
{
	static struct peer p;
	unsigned before;

	bench_launch(b, o);
	peer_init(&p, b);
	if (!bench_can(b, LANED_CAP_BASKET_LIVE))
		bench_skip("it brings no baskets");
	b->policy.pos_ack = LANED_AGAIN;
	p.ops->basket(b->host, 1);
	bench_run(b, BENCH_PAY_MS);
	before = b->baskets;
	if (before == 0)
		bench_fail("a basket does not come through");
	b->policy.pos_ack = LANED_OK;
	bench_run(b, BENCH_PAY_MS);
	if (b->baskets == before)
		bench_fail("laned could not take a basket, and it does not come again");
	bench_end(b);
}

const struct conform_check conform_checks_peer[] = {
	{ "answers", "the peer approves and declines: told, with the peer's amount",
	  check_answers },
	{ "two-phases", "query, confirm, undo, and a key that nobody knows",
	  check_two_phases },
	{ "refund", "money back: made, asked about, refused; or not taken at all",
	  check_refund },
	{ "twice", "the same answer again, then another one: one completion",
	  check_twice },
	{ "stored-later", "an answer that laned could not store is told again",
	  check_stored_later },
	{ "stored-in-parts",
	  "two wait for one answer, one is stored: only the other comes again",
	  check_stored_in_parts },
	{ "late", "an answer after the limit is told, as late", check_late },
	{ "odd-answers", "no amount, another key, a word that does not exist",
	  check_odd_answers },
	{ "noise", "bytes that are no message: nothing is approved, nothing breaks",
	  check_noise },
	{ "busy-laned", "what laned could not take comes again", check_busy_laned },
	{ "day", "a virtual day of a thousand checkouts: nothing grows, nothing is lost",
	  check_day },
	{ NULL, NULL, NULL },
};
