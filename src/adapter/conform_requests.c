/* Conformance: what laned asks for, what becomes of it, and when nobody answers. */
#include "adapter/conform_bench.h"

#include <string.h>

struct ask {
	uint32_t type;
	uint64_t cap;
	const char *name;
};

static const struct ask asks[] = {
	{ LANED_REQ_OFFER, LANED_CAP_DISCOUNT_LINES, "offer" },
	{ LANED_REQ_PAY, LANED_CAP_PAY, "pay" },
	{ LANED_REQ_QUERY, LANED_CAP_QUERY, "query" },
	{ LANED_REQ_CONFIRM, LANED_CAP_CONFIRM, "confirm" },
	{ LANED_REQ_UNDO, LANED_CAP_UNDO, "undo" },
	{ LANED_REQ_RECEIPT, LANED_CAP_RECEIPT, "receipt" },
	{ LANED_REQ_REFUND, LANED_CAP_REFUND, "refund" },
};
#define ASKS (sizeof(asks) / sizeof(asks[0]))

/* A pay that must be taken. */
static struct known *
pay(struct bench *b)
{
	struct known *k;

	if (!bench_can(b, LANED_CAP_PAY))
		bench_skip("it does not pay");
	k = bench_submit(b, LANED_REQ_PAY, bench_key(b));
	if (k == NULL)
		bench_fail("it does not take a payment");
	return k;
}

static void
check_journal_first(struct bench *b, const struct conform_options *o)
{
	struct known *k;

	bench_launch(b, o);
	b->outputs = b->outputs_early = 0;
	k = pay(b);
	bench_run(b, BENCH_PAY_MS / 2);
	if (b->outputs_early > 0)
		bench_fail("something of a payment leaves before the journal has it");
	if (!k->journalled && b->outputs > 0)
		bench_fail("a payment leaves, and the journal was never asked");
	bench_await(b, k);
	bench_end(b);
}

static void
check_not_durable(struct bench *b, const struct conform_options *o)
{
	struct known *k;

	bench_launch(b, o);
	b->policy.journal = LANED_NOT_DURABLE;
	b->outputs = 0;
	k = pay(b);
	bench_await(b, k);
	bench_run(b, BENCH_PAY_MS);
	if (b->outputs > 0)
		bench_fail("the journal said no, and something left all the same");
	if (k->outcome != LANED_OUT_NOT_SENT)
		bench_fail("the journal said no; the outcome is %s, not not-sent",
			   bench_outcome(k->outcome));
	bench_end(b);
}

/* Nobody answers: each request ends once, and nothing about money is said that nobody knows. */
static void
check_silence(struct bench *b, const struct conform_options *o)
{
	bench_launch(b, o);
	for (size_t i = 0; i < ASKS; i++) {
		struct known *k = bench_can(b, asks[i].cap)
					  ? bench_submit(b, asks[i].type, bench_key(b))
					  : NULL;

		if (k == NULL)
			continue;
		bench_await(b, k);
		if (asks[i].type == LANED_REQ_OFFER || asks[i].type == LANED_REQ_RECEIPT)
			continue;
		if (bench_moves_money(asks[i].type)
			    ? k->outcome < LANED_OUT_UNKNOWN
			    : bench_is_yes(k->outcome) ||
				      (bench_is_certain_no(k->outcome) &&
				       k->outcome != LANED_OUT_NOT_SENT))
			bench_fail("%s: nobody answered, and the outcome is %s",
				   asks[i].name, bench_outcome(k->outcome));
	}
	bench_run(b, BENCH_LIMIT_MS);
	bench_end(b);
}

static void
check_unknown_request(struct bench *b, const struct conform_options *o)
{
	struct laned_key none;

	bench_launch(b, o);
	memset(&none, 0, sizeof(none));
	if (bench_submit(b, 4711, bench_key(b)) != NULL)
		bench_fail("it takes a request of a type that does not exist");
	if (bench_can(b, LANED_CAP_PAY) && bench_submit(b, LANED_REQ_PAY, none) != NULL)
		bench_fail("it takes a payment without a key");
	bench_run(b, BENCH_LIMIT_MS);
	bench_end(b);
}

/* The link is lost with everything open: all is void, and nothing is completed after. */
static void
check_link(struct bench *b, const struct conform_options *o)
{
	static const uint32_t states[] = { LANED_J_SENDING, LANED_J_UNKNOWN,
					   LANED_J_APPROVED, LANED_J_ANSWER_SENDING,
					   LANED_J_UNDO_QUEUED };
	enum { N = sizeof(states) / sizeof(states[0]) };
	struct laned_entry entries[N];
	const struct known *known[N];
	struct known *k;

	bench_launch(b, o);
	k = pay(b);
	bench_run(b, BENCH_SETTLE_MS);
	bench_down(b);
	bench_run(b, BENCH_LIMIT_MS);
	if (k->completions > 0)
		bench_fail("a request is completed although laned is gone");
	b->up = true; /* its ids are new */
	for (size_t i = 0; i < N; i++)
		known[i] = bench_entry(b, states[i], bench_key(b), &entries[i]);
	bench_up(b, entries, N);
	for (size_t i = 0; i < N; i++) {
		bench_await(b, known[i]);
		if (bench_is_yes(known[i]->outcome) ||
		    (bench_is_certain_no(known[i]->outcome) &&
		     known[i]->outcome != LANED_OUT_NOT_SENT))
			bench_fail("a recovered payment (state %u): nobody answered, and "
				   "the outcome is %s",
				   states[i], bench_outcome(known[i]->outcome));
	}
	bench_end(b);
}

/* Stopped in the middle of work, at several moments. */
static void
check_stop(struct bench *b, const struct conform_options *o)
{
	bench_load(b, o);
	for (int64_t ms = 0; ms < 200; ms += 7) {
		bench_host(b, (uint64_t)ms);
		if (bench_start(b) != LANED_OK)
			bench_fail("it does not start");
		bench_up(b, NULL, 0);
		for (size_t i = 0; i < ASKS; i++)
			if (bench_can(b, asks[i].cap))
				(void)bench_submit(b, asks[i].type,
						   bench_key(b)); /* or refused */
		bench_run(b, ms);
		bench_end(b);
	}
}

const struct conform_check conform_checks_requests[] = {
	{ "journal-first", "nothing of a payment leaves before the journal has it",
	  check_journal_first },
	{ "not-durable", "the journal says no: nothing leaves, and that is said",
	  check_not_durable },
	{ "silence", "nobody answers: one completion each, and no invented certainty",
	  check_silence },
	{ "strange-requests", "unknown types and empty keys are not taken",
	  check_unknown_request },
	{ "link", "laned goes and comes back: void, recovered, completed once",
	  check_link },
	{ "stop", "stopped in the middle of work, it leaves nothing", check_stop },
	{ NULL, NULL, NULL },
};
