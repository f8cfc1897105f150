/*
 * A faulty adapter, for the tests of the conformance kit only: the drop adapter behind a shim that
 * makes one mistake, chosen by option "fault". tests/integration/conform.py has the check that each
 * must fail. Some mistakes lie in the file itself: they are built in by FAULTY_FILE.
 */
#include "shim.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct laned_adapter *drop_adapter_v0(uint32_t host_minor);

/* The order is that of option "fault". */
enum fault {
	NONE,
	SENDS_FIRST,
	IGNORES_JOURNAL,
	DOUBT_IS_NO,
	COMPLETES_TWICE,
	COMPLETES_NEVER,
	INVENTS_OUTCOME,
	LEAKS,
	TIMER_LEFT,
	GROWS,
	ABORTS_ON_NULL,
	CRASHES_ON_NOISE,
	RECOVERS_NOTHING,
	INVENTS_APPROVAL,
	FORGETS_AGAIN,
	DROPS_LATE,
	CHARGES_AGAIN,
	SYSTEM_CALL,
	DESCRIPTOR,
	THREAD,
	VECTORS,
	NOTE_WITHOUT_END,
	HANGS,
	ENDLESS_TIMER,
	TAKES_ANYTHING,
	ASKED_AMOUNT,
	LOSES_BASKET,
	REPEATS_ALL,
	LATE_IS_OPEN,
	NONSENSE_IS_NO
};

struct shim {
	struct shim_base base;
	uint64_t req; /* of the last completion */
	struct laned_key key;
	uint64_t asked; /* the last payment that it took */
	struct laned_key asked_key;
	uint64_t timer;
	laned_ack_fn ack;
	void *ack_user;
};

static struct shim *
of(struct laned_host *h)
{
	return (struct shim *)(void *)h;
}

#if FAULTY_FILE == 1
LANED_EXPORT int faulty_counter = 7; /* writable, and the version script exports it */
__attribute__((constructor)) static void
early(void)
{
	faulty_counter++;
}
#endif

/* ---- the shim's host table --------------------------------------------------------------- */

static void *
shim_alloc(struct laned_host *h, size_t bytes)
{
	void *p = of(h)->base.api->alloc(of(h)->base.real, bytes);

	if (p == NULL && of(h)->base.fault == ABORTS_ON_NULL)
		abort();
	return p;
}

static int
shim_timer_set(struct laned_host *h, uint32_t delay_ms, laned_timer_fn fn, void *user,
	       uint64_t *ret_timer)
{
	return of(h)->base.api->timer_set(of(h)->base.real, delay_ms, fn, user,
					  ret_timer);
}

static int
shim_guard(struct laned_host *h, struct laned_str text)
{
	return of(h)->base.api->guard(of(h)->base.real, text);
}

static int
shim_dir_watch(struct laned_host *h, const char *option, uint32_t poll_ms,
	       laned_dir_fn fn, void *user)
{
	return of(h)->base.api->dir_watch(of(h)->base.real, option, poll_ms, fn, user);
}

static int
shim_dir_list(struct laned_host *h, const char *option, laned_name_fn fn, void *user)
{
	return of(h)->base.api->dir_list(of(h)->base.real, option, fn, user);
}

static int
shim_dir_read(struct laned_host *h, const char *option, struct laned_str name,
	      struct laned_file *ret_file)
{
	int rc = of(h)->base.api->dir_read(of(h)->base.real, option, name, ret_file);

	if (rc == LANED_OK && of(h)->base.fault == CRASHES_ON_NOISE &&
	    (ret_file->bytes == 0 || ret_file->data[0] != '{'))
		abort();
	return rc;
}

static int
shim_dir_put(struct laned_host *h, const char *option, struct laned_str name,
	     struct laned_str data)
{
	return of(h)->base.api->dir_put(of(h)->base.real, option, name, data);
}

static int
shim_dir_remove(struct laned_host *h, const char *option, struct laned_str name,
		uint64_t version)
{
	return of(h)->base.api->dir_remove(of(h)->base.real, option, name, version);
}

/* What it cannot read it takes for a refusal. */
static void
refuse_asked(struct shim *s)
{
	const struct laned_result r = { .size = sizeof(r),
					.outcome = LANED_OUT_DECLINED,
					.req = s->asked,
					.key = s->asked_key,
					.amount = -1 };

	if (s->asked != 0)
		(void)s->base.api->complete(s->base.real, &r, NULL,
					    NULL); /* the mistake */
	s->asked = 0;
}

static int
shim_dir_set_aside(struct laned_host *h, const char *option, struct laned_str name,
		   uint64_t version)
{
	if (of(h)->base.fault == NONSENSE_IS_NO)
		refuse_asked(of(h));
	return of(h)->base.api->dir_set_aside(of(h)->base.real, option, name, version);
}

static int
shim_journal(struct laned_host *h, uint64_t req, const struct laned_key *key,
	     uint32_t state, struct laned_str blob)
{
	struct shim *s = of(h);
	const struct laned_str name = { "first", 5 };
	int rc;

	if (s->base.fault == SENDS_FIRST)
		(void)s->base.api->dir_put(s->base.real, "out", name,
					   name); /* the mistake */
	rc = s->base.api->journal(s->base.real, req, key, state, blob);
	return s->base.fault == IGNORES_JOURNAL ? LANED_OK : rc;
}

/* The bad news for one is told to every one that waits. */
static void
spread(void *user, int status)
{
	struct shim *s = user;
	struct laned_result r = { .size = sizeof(r),
				  .outcome = LANED_OUT_UNKNOWN,
				  .req = s->req,
				  .key = s->key,
				  .amount = -1 };

	s->ack(s->ack_user, status);
	if (status == LANED_AGAIN && s->req != 0)
		(void)s->base.api->complete(s->base.real, &r, NULL,
					    NULL); /* the mistake */
}

static void
swallow(void *user, int status)
{
	struct shim *s = user;

	(void)status;
	s->ack(s->ack_user, LANED_OK);
}

static int
shim_pos_basket(struct laned_host *h, const struct laned_basket *b, laned_ack_fn ack,
		void *user)
{
	struct shim *s = of(h);

	if (s->base.fault != LOSES_BASKET)
		return s->base.api->pos_basket(s->base.real, b, ack, user);
	s->ack = ack;
	s->ack_user = user;
	return s->base.api->pos_basket(s->base.real, b, swallow, s);
}

static int
shim_complete(struct laned_host *h, const struct laned_result *r, laned_ack_fn ack,
	      void *user)
{
	struct shim *s = of(h);
	struct laned_result copy = *r;

	if (s->base.fault == DOUBT_IS_NO && copy.outcome == LANED_OUT_UNKNOWN)
		copy.outcome = LANED_OUT_DECLINED;
	if (s->base.fault == INVENTS_OUTCOME)
		copy.outcome = 99;
	if (s->base.fault == ASKED_AMOUNT && copy.outcome == LANED_OUT_APPROVED)
		copy.amount = 1;
	if ((s->base.fault == COMPLETES_NEVER && copy.outcome == LANED_OUT_UNKNOWN) ||
	    (s->base.fault == DROPS_LATE && (copy.flags & LANED_RESULT_LATE) != 0))
		return LANED_OK;
	if (s->base.fault == LATE_IS_OPEN && (copy.flags & LANED_RESULT_LATE) != 0) {
		copy.flags &= ~LANED_RESULT_LATE;
		copy.req = s->asked; /* the mistake: it is for what was asked last */
		copy.key = s->asked_key;
	}
	if (s->base.fault == COMPLETES_TWICE)
		(void)s->base.api->complete(s->base.real, &copy, NULL,
					    NULL); /* the mistake */
	if (s->base.fault == REPEATS_ALL && s->ack == NULL && ack != NULL) {
		s->ack = ack;
		s->ack_user = user;
		return s->base.api->complete(s->base.real, &copy, spread, s);
	}
	s->req = copy.req;
	s->key = copy.key;
	if (s->base.fault != FORGETS_AGAIN || ack == NULL)
		return s->base.api->complete(s->base.real, &copy, ack, user);
	s->ack = ack;
	s->ack_user = user;
	return s->base.api->complete(s->base.real, &copy, swallow, s);
}

static const struct laned_host_api shim_api = {
	.size = sizeof(struct laned_host_api),
	.abi_major = LANED_ABI_MAJOR,
	.abi_minor = LANED_ABI_MINOR,
	.log = shim_log,
	.alloc = shim_alloc,
	.free = shim_free,
	.timer_set = shim_timer_set,
	.timer_cancel = shim_timer_cancel,
	.option_str = shim_option_str,
	.option_int = shim_option_int,
	.guard = shim_guard,
	.dir_watch = shim_dir_watch,
	.dir_list = shim_dir_list,
	.dir_read = shim_dir_read,
	.dir_put = shim_dir_put,
	.dir_remove = shim_dir_remove,
	.dir_set_aside = shim_dir_set_aside,
	.journal = shim_journal,
	.pos_basket = shim_pos_basket,
	.pos_claim = shim_pos_claim,
	.pos_cancel = shim_pos_cancel,
	.complete = shim_complete,
};

/* ---- the shim's adapter ------------------------------------------------------------------ */

static void *
idle(void *ctx)
{
	(void)ctx;
	(void)pause(); /* for ever */
	return NULL;
}

static void
misbehave_at_start(struct shim *s)
{
	pthread_t thread;

	if (s->base.fault == SYSTEM_CALL)
		(void)getppid(); /* the mistake */
	if (s->base.fault == DESCRIPTOR)
		(void)open("/dev/null", O_RDONLY); /* as above */
	if (s->base.fault == THREAD)
		(void)pthread_create(&thread, NULL, idle, NULL); /* as above */
}

#define FAULT_WORDS                                                                      \
	"none|sends-first|ignores-journal|doubt-is-no|completes-twice|completes-never|"  \
	"invents-outcome|leaks|timer-left|grows|aborts-on-null|crashes-on-noise|"        \
	"recovers-nothing|invents-approval|forgets-again|drops-late|charges-again|"      \
	"system-call|descriptor|thread|vectors|note-without-end|hangs|endless-timer|"    \
	"takes-anything|asked-amount|loses-basket|repeats-all|late-is-open|nonsense-is-" \
	"no"

static int
create(struct laned_host *h, const struct laned_host_api *api, void **ret_instance)
{
	int rc =
		shim_create(h, api, sizeof(struct shim), drop_adapter_v0(LANED_ABI_MINOR),
			    &shim_api, FAULT_WORDS, ret_instance);

	if (rc == LANED_OK)
		misbehave_at_start(*ret_instance);
	return rc;
}

static void
again(void *user)
{
	struct shim *s = user;

	s->timer = 0;
	(void)s->base.api->timer_set(s->base.real, 0, again, s,
				     &s->timer); /* the mistake */
}

static int
start(void *instance)
{
	struct shim *s = instance;

	if (s->base.fault == ENDLESS_TIMER)
		again(s);
	return s->base.adapter->start(s->base.inner);
}

static void
invent(struct shim *s, const struct laned_entry *e)
{
	const struct laned_result r = { .size = sizeof(r),
					.outcome = LANED_OUT_APPROVED,
					.req = e->req,
					.key = e->key,
					.amount = e->amount };

	(void)s->base.api->complete(s->base.real, &r, NULL, NULL); /* the mistake */
}

/* The same payment under another key: what no recovery may do. */
static void
charge_again(struct shim *s)
{
	static const char name[] = "4b0000000000000000000000000000ff.pay.json";
	static const char text[] =
		"{\"v\":1,\"key\":\"4b0000000000000000000000000000ff\",\"amount\":1149}";
	const struct laned_str n = { name, sizeof(name) - 1 };
	const struct laned_str t = { text, sizeof(text) - 1 };

	(void)s->base.api->dir_put(s->base.real, "out", n, t); /* the mistake */
}

static void
recover(void *instance, const struct laned_entry *entries, size_t count)
{
	struct shim *s = instance;

	if (s->base.fault == RECOVERS_NOTHING)
		count = 0;
	if (s->base.fault == CHARGES_AGAIN && count > 0)
		charge_again(s);
	for (size_t i = 0; s->base.fault == INVENTS_APPROVAL && i < count; i++)
		invent(s, &entries[i]);
	if (s->base.fault != INVENTS_APPROVAL)
		s->base.adapter->recover(s->base.inner, entries, count);
}

static void
nothing(void *user)
{
	(void)user;
}

static int
submit(void *instance, const struct laned_request *r)
{
	struct shim *s = instance;
	uint64_t timer;

	if (s->base.fault == GROWS || s->base.fault == LEAKS)
		(void)s->base.api->alloc(s->base.real, 64); /* the mistake */
	if (s->base.fault == TIMER_LEFT)
		(void)s->base.api->timer_set(s->base.real, 3600000, nothing, NULL,
					     &timer); /* as above */
	while (s->base.fault == HANGS)
		(void)r;
	if (s->base.fault == TAKES_ANYTHING && r->type > LANED_REQ_UNDO)
		return LANED_OK;
	if (r->type == LANED_REQ_PAY) {
		s->asked = r->req;
		s->asked_key = r->key;
	}
	return s->base.adapter->submit(s->base.inner, r);
}

static void
health(void *instance, struct laned_health *h)
{
	struct shim *s = instance;

	s->base.adapter->health(s->base.inner, h);
	if (s->base.fault == NOTE_WITHOUT_END)
		memset(h->note, 'x', sizeof(h->note));
}

static int
selftest(void *instance, uint32_t level, char text[LANED_NOTE_BYTES])
{
	struct shim *s = instance;
	int rc = s->base.adapter->selftest(s->base.inner, level, text);

	return s->base.fault == VECTORS ? LANED_INTERNAL : rc;
}

static void
destroy(void *instance)
{
	struct shim *s = instance;

	s->base.adapter->destroy(s->base.inner);
	s->base.api->timer_cancel(s->base.real, s->timer);
	s->base.api->free(s->base.real, s);
}

static const struct laned_option options[] = {
	{ sizeof(struct laned_option), LANED_OPT_DIR, "in", NULL, NULL, "As drop.", 1,
	  4000 },
	{ sizeof(struct laned_option), LANED_OPT_DIR, "out", NULL, NULL, "As drop.", 1,
	  4000 },
	{ sizeof(struct laned_option), LANED_OPT_DURATION, "answer_timeout",
#if FAULTY_FILE == 2
	  "10min",
#else
	  "10s",
#endif
	  NULL, "As drop.", 1000, 60000 },
	{ sizeof(struct laned_option), LANED_OPT_DURATION, "poll", "0s", NULL, "As drop.",
	  0, 3600000 },
	{ sizeof(struct laned_option), LANED_OPT_ENUM, "fault", "none", FAULT_WORDS,
	  "The mistake to make.", 0, 0 },
};

static const struct laned_adapter adapter = {
	.size = sizeof(struct laned_adapter),
	.abi_major = LANED_ABI_MAJOR,
	.abi_minor = LANED_ABI_MINOR,
	.host_minor_min = 1,
	.name = "drop",
	.version = "0",
	.license = "Apache-2.0",
	.protocol = "drop format v1, with a mistake",
	.evidence = "none",
	.caps = LANED_CAP_BASKET_LIVE | LANED_CAP_TOTAL | LANED_CAP_DISCOUNT_LINES |
		LANED_CAP_PAY | LANED_CAP_QUERY | LANED_CAP_CONFIRM | LANED_CAP_UNDO |
		LANED_CAP_REFUND,
	.options = options,
	.options_count = sizeof(options) / sizeof(options[0]),
	.create = create,
	.start = start,
	.recover = recover,
	.link = shim_link,
	.submit = submit,
	.health = health,
	.selftest = selftest,
	.stop = shim_stop,
	.destroy = destroy,
};

const struct laned_adapter *
laned_adapter_v0(uint32_t host_minor)
{
	(void)host_minor;
	return &adapter;
}
