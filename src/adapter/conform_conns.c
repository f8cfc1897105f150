/* Conformance: connections, and peers that cut them, keep silent, or are not there. */
#include "adapter/conform_bench.h"

#include "adapter/vhost_conns.h"

#include <string.h>

#define ROUNDS 24u
#define NOISE_BYTES 300u
#define CUTS_MAX 2000u
#define MINUTES 10
/* To a peer that is not there: so often a minute at most, on average. */
#define OPENS_A_MINUTE 60u
#define QUERIES_MAX 10

static bool
has_conns(const struct bench *b)
{
	return vhost_conns_count(b->host) > 0 || vhost_conns_listeners(b->host) > 0;
}

/* A new life on a new host, up and settled; false: it does not start. */
static void
live(struct bench *b, uint64_t seed)
{
	bench_host(b, seed);
	b->known_count = 0;
	if (bench_start(b) != LANED_OK)
		bench_fail("it does not start");
	bench_up(b, NULL, 0);
	bench_run(b, BENCH_SETTLE_MS);
}

static void
begin(struct bench *b, const struct conform_options *o)
{
	bench_launch(b, o);
	if (!has_conns(b))
		bench_skip("it makes no connection");
}

/* The POS connects wherever the plug-in listens. */
static void
connect_all(struct bench *b)
{
	uint64_t conn;

	/* What it does not listen on, or has enough of, is no matter. */
	(void)vhost_conns_connect(b->host, LANED_ENDPOINT_POS, 0, &conn);
	for (uint32_t i = 0; i < b->table->options_count; i++)
		if (b->table->options[i].type == LANED_OPT_ADDRESS)
			(void)vhost_conns_connect(b->host, b->table->options[i].name, 0,
						  &conn);
}

/* Something is sent on each connection, and what comes out is thrown away. */
static void
make_noise(struct bench *b, unsigned round)
{
	static uint8_t gone[4096];
	uint8_t noise[NOISE_BYTES];
	struct vhost_conn c;

	for (unsigned i = 0; i < NOISE_BYTES; i++)
		noise[i] = (uint8_t)(i * (round + 3) + round * 91 + i / 7);
	for (size_t i = 0; vhost_conns_at(b->host, i, &c); i++) {
		const struct vhost_feed how = { .piece = round % 3 * 7,
						.gap_ms = round % 2 };

		(void)vhost_conns_feed(b->host, c.id, noise, 1 + round * 11 % NOISE_BYTES,
				       &how); /* closed meanwhile: no matter */
		while (vhost_conns_take(b->host, c.id, gone, sizeof(gone)) > 0)
			;
	}
}

/* All connections end; the i-th kind of end. */
static void
end_all(struct bench *b, unsigned round)
{
	struct vhost_conn c;
	size_t n = 0;

	while (vhost_conns_at(b->host, n, &c))
		n++;
	while (n-- > 0)
		if (vhost_conns_at(b->host, n, &c))
			(void)vhost_conns_end(b->host, c.id, round % 4,
					      round % 2 == 0 ? LANED_OK
							     : LANED_GONE); /* is held */
}

static void
look_for_misuse(const struct bench *b, const char *when)
{
	if (vhost_conns_misuse(b->host) > 0)
		bench_fail("%s: it uses a connection that has ended, or none at all "
			   "(%llu times)",
			   when, (unsigned long long)vhost_conns_misuse(b->host));
}

static void
check_misuse(struct bench *b, const struct conform_options *o)
{
	begin(b, o);
	bench_end(b);
	for (unsigned round = 0; round < ROUNDS; round++) {
		live(b, round);
		connect_all(b);
		if (round % 3 == 0)
			bench_run(b, BENCH_SETTLE_MS);
		if (bench_can(b, LANED_CAP_PAY))
			(void)bench_submit(b, LANED_REQ_PAY, bench_key(b)); /* or not */
		if (round % 4 > 0)
			make_noise(b, round);
		bench_run(b, round % 5);
		end_all(b, round);
		if (round % 2 == 0)
			bench_run(b, BENCH_SETTLE_MS);
		look_for_misuse(b, "the peer ends the connection");
		bench_down(b);
		bench_run(b, BENCH_SETTLE_MS);
		look_for_misuse(b, "laned is lost");
		bench_end(b);
		look_for_misuse(b, "it is stopped");
	}
}

/* A hundred connections that come and go leave no more than were there before. */
static void
check_leak(struct bench *b, const struct conform_options *o)
{
	unsigned most = 0;

	begin(b, o);
	for (unsigned round = 0; round < 5 * ROUNDS; round++) {
		unsigned held;

		connect_all(b);
		bench_run(b, BENCH_SETTLE_MS);
		end_all(b, 0);
		bench_run(b, MINUTES * BENCH_PAY_MS);
		held = vhost_conns_count(b->host);
		if (round < ROUNDS && held > most)
			most = held;
		else if (held > most)
			bench_fail("after %u connections that ended it holds %u, and "
				   "%u before",
				   round, held, most);
	}
	bench_end(b);
}

/* ---- with a peer that the kit plays ------------------------------------------------------- */

static struct known *
pay(struct bench *b)
{
	struct known *k = bench_submit(b, LANED_REQ_PAY, bench_key(b));

	if (k == NULL)
		bench_fail("it does not take a payment");
	return k;
}

static void
begin_with_peer(struct bench *b, const struct conform_options *o, struct peer *p)
{
	begin(b, o);
	if (!bench_can(b, LANED_CAP_PAY))
		bench_skip("it does not pay");
	peer_init(p, b);
}

static void
want_approved(const struct known *k, const char *when)
{
	if (k->completions == 0)
		bench_fail("%s: a payment is never completed", when);
	if (k->outcome != LANED_OUT_APPROVED || k->told_amount != k->amount)
		bench_fail("%s: an approved payment is told as %s", when,
			   bench_outcome(k->outcome));
}

static void
check_pieces(struct bench *b, const struct conform_options *o)
{
	static const struct vhost_feed shapes[] = {
		{ 0, 1, 0 }, { 5, 1, 1 }, { 0, 2, 3 }, { 0, 7, 0 }
	};
	static struct peer p;

	begin_with_peer(b, o, &p);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct known *k;
		unsigned baskets = b->baskets;

		vhost_conns_shape(b->host, &shapes[i]);
		k = pay(b);
		peer_run(&p, b, BENCH_SETTLE_MS);
		bench_run(b, BENCH_SETTLE_MS);
		want_approved(k, "the answer comes in pieces");
		if (!bench_can(b, LANED_CAP_BASKET_LIVE))
			continue;
		p.ops->basket(b->host, (unsigned)i + 1);
		peer_run(&p, b, BENCH_SETTLE_MS);
		bench_run(b, BENCH_SETTLE_MS);
		if (b->baskets == baskets)
			bench_fail("a basket that comes in pieces is lost");
	}
	bench_end(b);
}

/* Asks until it is certain, as laned does. */
static void
want_truth(struct bench *b, struct peer *p, const struct known *k, unsigned cut)
{
	struct laned_key key = k->key;

	for (int i = 0; i < QUERIES_MAX && k->outcome >= LANED_OUT_UNKNOWN; i++) {
		peer_run(p, b, BENCH_PAY_MS);
		k = bench_submit(b, LANED_REQ_QUERY, key);
		if (k == NULL)
			bench_fail("it does not take a query");
		peer_run(p, b, BENCH_PAY_MS);
	}
	if (k->outcome != LANED_OUT_APPROVED)
		bench_fail("cut after %u bytes of the answer: the peer has charged, and "
			   "laned is told %s",
			   cut, bench_outcome(k->outcome));
}

static unsigned
charges(const struct peer *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->entries_count; i++)
		n += p->entries[i].captures;
	return n;
}

/* The peer charges, and its answer is cut after each byte there is. */
static void
check_cuts(struct bench *b, const struct conform_options *o)
{
	static struct peer p;
	const struct peer_entry *e;

	begin_with_peer(b, o, &p);
	if (!bench_can(b, LANED_CAP_QUERY))
		bench_skip("it cannot be asked");
	bench_end(b);
	for (unsigned cut = 0; cut < CUTS_MAX; cut++) {
		const struct known *k;
		bool whole;

		live(b, cut);
		p.entries_count = 0;
		vhost_conns_cut(b->host, cut);
		k = pay(b);
		peer_run(&p, b, BENCH_SETTLE_MS);
		whole = k->completions > 0 && k->outcome == LANED_OUT_APPROVED;
		peer_run(&p, b, BENCH_LIMIT_MS);
		e = peer_entry(&p, &k->key);
		if (k->completions == 0)
			bench_fail("cut after %u bytes: a payment is never completed",
				   cut);
		if (e != NULL && e->state == PEER_CAPTURED &&
		    bench_is_certain_no(k->outcome))
			bench_fail("cut after %u bytes of the answer: a payment that was "
				   "charged is told as %s",
				   cut, bench_outcome(k->outcome));
		if (e != NULL && e->state == PEER_CAPTURED)
			want_truth(b, &p, k, cut);
		if (charges(&p) > 1)
			bench_fail("cut after %u bytes: one payment is charged %u times",
				   cut, charges(&p));
		look_for_misuse(b, "the answer is cut");
		bench_end(b);
		if (whole)
			return; /* so long is the answer */
	}
}

/* The peer goes, and comes back: so does the work. */
static void
check_back(struct bench *b, const struct conform_options *o)
{
	static struct peer p;

	begin_with_peer(b, o, &p);
	for (unsigned round = 0; round < 4; round++) {
		const struct known *k;

		end_all(b, round);
		connect_all(b);
		bench_run(b, MINUTES * BENCH_PAY_MS);
		connect_all(b);
		bench_run(b, BENCH_SETTLE_MS);
		if (vhost_conns_count(b->host) == 0)
			bench_fail("ten minutes after the connection ended there is no "
				   "new one");
		k = pay(b);
		peer_run(&p, b, BENCH_SETTLE_MS);
		want_approved(k, "the peer is back");
	}
	bench_end(b);
}

/* ---- peers that are not there ------------------------------------------------------------- */

static void
answer_all(struct bench *b, int64_t delay_ms, int status)
{
	vhost_conns_answer(b->host, LANED_ENDPOINT_TERMINAL, delay_ms, status);
	for (uint32_t i = 0; i < b->table->options_count; i++)
		if (b->table->options[i].type == LANED_OPT_ADDRESS)
			vhost_conns_answer(b->host, b->table->options[i].name, delay_ms,
					   status);
}

static void
await_no(struct bench *b, const char *when)
{
	const struct known *k;

	if (!bench_can(b, LANED_CAP_PAY))
		return;
	k = bench_submit(b, LANED_REQ_PAY, bench_key(b));
	if (k == NULL)
		return; /* certainly nothing happened */
	bench_run(b, BENCH_LIMIT_MS);
	if (k->completions == 0)
		bench_fail("%s: a payment is never completed", when);
	if (bench_is_yes(k->outcome))
		bench_fail("%s: a payment is %s", when, bench_outcome(k->outcome));
}

/* Connections are refused at once, refused late, or never answered. */
static void
check_never(struct bench *b, const struct conform_options *o)
{
	static const int64_t delays_ms[] = { 0, 10000, VHOST_NEVER };

	begin(b, o);
	bench_end(b);
	for (size_t i = 0; i < sizeof(delays_ms) / sizeof(delays_ms[0]); i++) {
		uint64_t opens;

		bench_host(b, i);
		b->known_count = 0;
		answer_all(b, delays_ms[i], LANED_GONE);
		if (bench_start(b) != LANED_OK)
			bench_fail("it does not start while its peer is not there");
		bench_up(b, NULL, 0);
		await_no(b, "the peer is not there");
		opens = vhost_conns_opens(b->host);
		bench_run(b, MINUTES * BENCH_PAY_MS);
		opens = vhost_conns_opens(b->host) - opens;
		if (opens > MINUTES * OPENS_A_MINUTE)
			bench_fail("the peer is not there, and it tries %llu times a "
				   "minute",
				   (unsigned long long)opens / MINUTES);
		look_for_misuse(b, "the peer is not there");
		bench_end(b);
	}
}

/* They stand, and nothing comes. */
static void
check_silent(struct bench *b, const struct conform_options *o)
{
	const struct known *k;

	begin(b, o);
	connect_all(b);
	bench_run(b, BENCH_SETTLE_MS);
	if (!bench_can(b, LANED_CAP_PAY))
		bench_skip("it does not pay");
	k = bench_submit(b, LANED_REQ_PAY, bench_key(b));
	bench_run(b, BENCH_LIMIT_MS);
	if (k != NULL && k->completions == 0)
		bench_fail("the peer says nothing, and a payment is never completed");
	if (k != NULL && (bench_is_yes(k->outcome) ||
			  (k->journalled && bench_is_certain_no(k->outcome))))
		bench_fail("the peer says nothing, and a payment that left is %s",
			   bench_outcome(k->outcome));
	bench_end(b);
}

const struct conform_check conform_checks_conns[] = {
	{ "conn-misuse", "connections end at any moment: no call with one that is gone",
	  check_misuse },
	{ "conn-leak", "a hundred connections come and go: none is left", check_leak },
	{ "conn-never", "the peer refuses, or never answers: patience, and a completion",
	  check_never },
	{ "conn-silent", "the peer connects and says nothing: a completion, no decline",
	  check_silent },
	{ "conn-back", "the peer goes and comes back: so does the work", check_back },
	{ "conn-pieces", "what comes byte by byte is what comes at once", check_pieces },
	{ "conn-cuts", "the answer is cut after each byte: unknown, then the truth",
	  check_cuts },
	{ NULL, NULL, NULL },
};
