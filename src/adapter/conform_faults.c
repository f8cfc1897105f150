/* Conformance: the host fails, the plug-in dies, at every call there is. */
#include "adapter/conform_bench.h"

#include <string.h>

#define CALLS_MAX 400u
#define QUERIES_MAX 20

static const int statuses[] = { LANED_IO, LANED_NO_MEMORY, LANED_AGAIN };
#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))

/* Starts with the fault set; false: it refused to start, which is an answer. */
static bool
start_with_fault(struct bench *b, unsigned at, int status)
{
	bench_host(b, at);
	b->known_count = 0;
	b->calls = 0;
	b->failed_in[0] = '\0';
	b->fail_at = at;
	b->fail_status = status;
	if (bench_start(b) == LANED_OK)
		return true;
	if (b->failed_in[0] == '\0')
		bench_fail("it does not start although nothing failed");
	b->fail_at = 0;
	bench_end(b);
	return false;
}

/*
 * The completion itself may be what failed: then the host ends the request. A payment whose output
 * failed may have left all the same.
 */
static void
judge(const struct bench *b, const struct known *k)
{
	const char *in = b->failed_in;

	if (k->completions == 0 && strcmp(in, "complete") != 0)
		bench_fail("%s fails (%d), and an accepted request of type %u is never "
			   "completed",
			   in, b->fail_status, k->type);
	if (k->completions == 0 || k->type != LANED_REQ_PAY)
		return;
	if (bench_is_yes(k->outcome))
		bench_fail("%s fails, nobody answers, and the payment is %s", in,
			   bench_outcome(k->outcome));
	if (k->journalled && strcmp(in, "journal") != 0 && k->outcome < LANED_OUT_UNKNOWN)
		bench_fail("%s fails after the journal had the payment, and it is %s "
			   "instead of unknown",
			   in, bench_outcome(k->outcome));
}

static bool
try_fault(struct bench *b, unsigned at, int status)
{
	struct known *k = NULL, *q = NULL;
	bool hit;

	if (!start_with_fault(b, at, status))
		return true;
	bench_up(b, NULL, 0);
	bench_run(b, BENCH_SETTLE_MS);
	if (bench_can(b, LANED_CAP_PAY))
		k = bench_submit(b, LANED_REQ_PAY, bench_key(b));
	if (bench_can(b, LANED_CAP_QUERY))
		q = bench_submit(b, LANED_REQ_QUERY, bench_key(b));
	bench_run(b, BENCH_LIMIT_MS);
	hit = b->failed_in[0] != '\0';
	if (hit && k != NULL)
		judge(b, k);
	if (hit && q != NULL)
		judge(b, q);
	b->fail_at = 0;
	bench_end(b);
	return hit;
}

static void
check_host_errors(struct bench *b, const struct conform_options *o)
{
	bench_load(b, o);
	for (size_t s = 0; s < STATUSES; s++)
		for (unsigned at = 1; at < CALLS_MAX; at++)
			if (!try_fault(b, at, statuses[s]))
				break;
}

/* ---- death ------------------------------------------------------------------------------- */

/* A new life over the same folders, after a death. */
static void
rise(struct bench *b)
{
	struct vhost *dead = b->host;

	b->host = NULL;
	b->die_at = 0;
	b->instance = NULL;
	bench_host(b, b->calls);
	vhost_take_files(b->host, dead);
	vhost_free(dead);
	if (bench_start(b) != LANED_OK)
		bench_fail("it does not start again");
}

/* What laned would do: ask until it is certain, and take back what nobody waits for. */
static uint32_t
recover_payment(struct bench *b, struct peer *p, struct laned_key key, bool sent)
{
	struct laned_entry entry;
	struct known *k = NULL;

	if (sent)
		k = bench_entry(b, LANED_J_SENDING, key, &entry);
	bench_up(b, &entry, sent);
	for (int i = 0; sent && i < QUERIES_MAX; i++) {
		int64_t until = vhost_now(b->host) + BENCH_LIMIT_MS;

		while (k->completions == 0 && vhost_now(b->host) < until)
			peer_run(p, b, BENCH_SETTLE_MS);
		if (k->completions == 0)
			bench_fail("killed at call %u: the recovered payment is never "
				   "completed",
				   b->calls);
		if (k->outcome < LANED_OUT_UNKNOWN && k->outcome != LANED_OUT_NOT_SENT)
			return k->outcome;
		k = bench_submit(b, LANED_REQ_QUERY, key);
		if (k == NULL)
			bench_fail("it does not take a query");
	}
	if (sent)
		bench_fail("killed at call %u: after %d queries the outcome is still %s",
			   b->calls, QUERIES_MAX, bench_outcome(k->outcome));
	return LANED_OUT_NOT_SENT;
}

static void
compare_truth(const struct bench *b, struct peer *p, struct laned_key key,
	      uint32_t outcome)
{
	const struct peer_entry *e = peer_entry(p, &key);
	bool captured = e != NULL && e->state == PEER_CAPTURED;

	unsigned charged = 0;

	for (unsigned i = 0; i < p->entries_count; i++)
		charged += p->entries[i].state == PEER_CAPTURED;
	if (charged > 1)
		bench_fail("killed at call %u: one payment was charged under %u keys",
			   b->calls, charged);
	if (e != NULL && e->captures > 1)
		bench_fail("killed at call %u: one key was charged %u times", b->calls,
			   e->captures);
	if (captured && outcome != LANED_OUT_APPROVED)
		bench_fail("killed at call %u: the peer has charged, and laned is told "
			   "%s",
			   b->calls, bench_outcome(outcome));
	if (!captured && bench_is_yes(outcome))
		bench_fail("killed at call %u: nobody has charged, and laned is told %s",
			   b->calls, bench_outcome(outcome));
}

/* A life that dies at the at-th call of the table, if there are so many; then the next one. */
static bool
live_and_die(struct bench *b, struct peer *p, unsigned at)
{
	struct laned_key key = bench_key(b);
	struct known *volatile k = NULL;
	uint32_t outcome;

	bench_host(b, at);
	b->known_count = 0;
	b->calls = 0;
	b->die_at = at;
	p->entries_count = 0;
	if (setjmp(b->death) == 0) {
		if (bench_start(b) != LANED_OK)
			bench_fail("it does not start");
		bench_up(b, NULL, 0);
		peer_run(p, b, BENCH_SETTLE_MS);
		k = bench_submit(b, LANED_REQ_PAY, key);
		if (k == NULL)
			bench_fail("it does not take a payment");
		peer_run(p, b, BENCH_SETTLE_MS);
		b->die_at = 0;
		bench_end(b);
		return false; /* it was over before */
	}
	if (k != NULL && k->completions > 0)
		outcome = k->outcome;
	else
		outcome = LANED_OUT_UNKNOWN;
	{
		bool sent = b->known_count > 0 && b->known[0].journalled;

		rise(b);
		if (outcome >= LANED_OUT_UNKNOWN)
			outcome = recover_payment(b, p, key, sent);
		else
			bench_up(b, NULL, 0);
	}
	peer_run(p, b, BENCH_SETTLE_MS);
	compare_truth(b, p, key, outcome);
	bench_end(b);
	return true;
}

static void
check_death(struct bench *b, const struct conform_options *o)
{
	static struct peer p;

	bench_load(b, o);
	if (!bench_can(b, LANED_CAP_PAY | LANED_CAP_QUERY))
		bench_skip("it does not pay, or cannot be asked");
	peer_init(&p, b);
	for (unsigned at = 1; at < CALLS_MAX; at++)
		if (!live_and_die(b, &p, at))
			return;
}

const struct conform_check conform_checks_faults[] = {
	{ "host-errors",
	  "each call of the host fails once, in three ways: one completion",
	  check_host_errors },
	{ "death",
	  "killed at each call of the host, started again: charged once, and told",
	  check_death },
	{ NULL, NULL, NULL },
};
