/*
 * Questions about probes: bio.identify, bio.decide, bio.verify. One after another in the order they
 * came; each begins when the one before was answered, so that failures and what is written down are
 * as if nothing else had gone on.
 */
#include "bio/service_judge.h"
#include "bio/service_search.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SUBJECTS_DECIDE_MAX 1000u
#define SUBJECTS_VERIFY_MAX 16u
#define ASKS_MAX PROBES_MAX /* at once; probes of earlier ones are forgotten anyway */

/* One question, and the call that is answered. */
struct ask {
	struct question question;
	struct rpc_call *call; /* NULL: a notification */
	struct ulid subjects[SUBJECTS_DECIDE_MAX];
};

struct asks {
	struct ask list[ASKS_MAX]; /* a ring */
	size_t first, count;
	/* The first one's search is posted, or is being told that nobody waits for it. */
	bool searching, dropped;
	struct verdict verdict; /* of the first one, as far as it is known */
};

/* ---- answers --------------------------------------------------------------- */

/* What is told of a decision, into an open object. */
static void
put_verdict(struct json_out *o, const struct question *q, const struct verdict *v)
{
	enum decision d = decide_outcome(v->why);

	json_cstr(o, "outcome", decision_name(d));
	if (d == DECISION_ACCEPT)
		service_put_ulid(o, "subject", v->subject);
	if (d == DECISION_ACCEPT && q->kind == RECORD_IDENTIFY)
		json_bool(o, "pay_by_touch", v->pay_by_touch);
	if (v->other_finger)
		json_bool(o, "other_finger", true);
	if (v->why == WHY_REPLAY)
		json_cstr(o, "why", decide_why_name(v->why));
	if (v->wait_s > 0)
		json_int(o, "wait_s", v->wait_s);
	if (d == DECISION_RETRY || q->kind == RECORD_IDENTIFY)
		service_put_hints(o, v->hints);
}

/* Takes the call. */
static void
answer(struct service *s, const struct question *q, struct rpc_call *call,
       const struct verdict *v)
{
	struct json_out *o = service_message(s);

	if (q->kind == RECORD_IDENTIFY) {
		service_put_ulid(o, "probe", q->probe);
		put_verdict(o, q, v);
		service_notify(s, "bio.identified");
		rpc_reply(call, NULL);
	} else {
		put_verdict(o, q, v);
		json_close(o);
		rpc_reply(call, o);
	}
}

/* The first one leaves the queue; its place is not used again before the next message comes. */
static struct ask *
leave(struct asks *a)
{
	struct ask *ask = &a->list[a->first];

	assert(a->count > 0);
	a->first = (a->first + 1) % ASKS_MAX;
	a->count--;
	return ask;
}

/* Answers the first one; then it is written down, and the glass learns whose touch that was. */
static void
conclude(struct service *s)
{
	const struct verdict *v = &s->asks->verdict;
	struct ask *ask = leave(s->asks);
	const struct question *q = &ask->question;

	answer(s, q, ask->call, v);
	ask->call = NULL;
	service_judge_keep(s, q, v);
	if (decide_outcome(v->why) == DECISION_ACCEPT)
		service_touch_decided(s, q->probe, v->subject);
}

/* Goes on until a search is wanted. */
static void
go_on(struct service *s)
{
	struct asks *a = s->asks;

	while (a->count > 0 && !a->searching) {
		const struct question *q = &a->list[a->first].question;

		if (!service_judge_begin(s, q, s->ask_search, &a->verdict)) {
			conclude(s);
			continue;
		}
		a->searching = true;
		service_search_post(s->ask_search);
	}
}

static void
on_searched(struct errand *e)
{
	struct service_search *search = (struct service_search *)(void *)e;
	struct service *s = search->service;
	struct asks *a = s->asks;

	service_search_settle(search);
	service_load_check(s);
	a->searching = false;
	if (a->dropped) {
		a->dropped = false;
		(void)leave(a); /* its call is gone */
	} else if (search->error != -EAGAIN) {
		service_judge_end(s, &a->list[a->first].question, search, &a->verdict);
		conclude(s);
	}
	go_on(s);
}

/* ---- the queue -------------------------------------------------------------- */

/*
 * Takes the call and copies the question. Where too many wait, that one is answered that it comes
 * too early, and nothing is compared for it or written down.
 */
static void
ask(struct service *s, const struct question *q, struct rpc_call *call)
{
	static const struct verdict retry = { .why = WHY_EXPIRED };
	struct asks *a = s->asks;
	struct ask *slot;

	if (a->count == ASKS_MAX) {
		log_warn("more than %u questions wait for a search; the last is refused",
			 ASKS_MAX);
		answer(s, q, call, &retry);
		return;
	}
	slot = &a->list[(a->first + a->count++) % ASKS_MAX];
	assert(q->subjects_count <= SUBJECTS_DECIDE_MAX);
	slot->question = *q;
	slot->call = call;
	if (q->subjects != NULL) {
		memcpy(slot->subjects, q->subjects,
		       q->subjects_count * sizeof(slot->subjects[0]));
		slot->question.subjects = slot->subjects;
	}
	go_on(s);
}

int
service_ask_open(struct service *s)
{
	s->asks = calloc(1, sizeof(*s->asks));
	if (s->asks == NULL)
		return -ENOMEM;
	s->ask_search = service_search_new(s, on_searched);
	return s->ask_search == NULL ? -ENOMEM : 0;
}

/* Frees the calls of all, but for the place of what is being searched. */
static void
release(struct asks *a)
{
	for (size_t i = 0; i < a->count; i++) {
		struct ask *one = &a->list[(a->first + i) % ASKS_MAX];

		rpc_fail(one->call, RPC_GONE, "nobody waits for it");
		one->call = NULL;
	}
	a->count = a->searching ? 1 : 0;
	a->dropped = a->searching;
}

void
service_ask_close(struct service *s)
{
	if (s->asks == NULL)
		return;
	s->asks->searching = false;
	release(s->asks);
	s->ask_search = service_search_free(s->ask_search);
	free(s->asks);
	s->asks = NULL;
}

void
service_ask_off(struct service *s)
{
	release(s->asks);
	service_search_cancel(s->ask_search);
}

void
service_ask_follow(struct service *s)
{
	struct asks *a = s->asks;

	if (a->searching && probes_find(s->probes, a->list[a->first].question.probe,
					clock_mono_ms()) == NULL)
		service_search_cancel(s->ask_search);
}

/* ---- methods ---------------------------------------------------------------- */

/* The list of subjects; 0 and at most max of them, or -EINVAL. */
static int
get_subjects(const struct value *params, struct ulid *ids, size_t max, size_t *ret_count)
{
	const struct value *list;
	size_t n = 0;

	if (value_get_array(params, "subjects", &list) < 0 || list->count == 0 ||
	    list->count > max)
		return -EINVAL;
	for (const struct value *v = list->first; v != NULL; v = v->next, n++)
		if (v->kind != VALUE_STRING || ulid_parse(v->s, &ids[n]) < 0)
			return -EINVAL;
	*ret_count = n;
	return 0;
}

/* The probe named in params is kept; answers the call itself when it is not. */
static bool
get_probe(struct service *s, struct rpc_call *call, const struct value *params,
	  struct ulid *ret_probe)
{
	if (service_get_ulid(params, "probe", ret_probe) < 0) {
		rpc_fail(call, RPC_PARAMS, "probe: a ulid is wanted");
		return false;
	}
	if (probes_find(s->probes, *ret_probe, clock_mono_ms()) != NULL)
		return true;
	rpc_fail(call, RPC_NOT_FOUND, "probe: unknown or older than 30 s");
	return false;
}

void
service_on_identify(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		    const struct value *params)
{
	struct service *s = ctx;
	struct question q = { .kind = RECORD_IDENTIFY };
	int rc;

	(void)peer;
	if (service_arm_forbids(s, call))
		return;
	rc = service_get_ulid(params, "with", &q.with); /* missing: zero */
	if (service_get_ulid(params, "probe", &q.probe) < 0 || (rc < 0 && rc != -ENOENT))
		rpc_fail(call, RPC_PARAMS, "probe, with: ulids are wanted");
	else
		ask(s, &q, call);
}

void
service_on_decide(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		  const struct value *params)
{
	struct service *s = ctx;
	struct ulid subjects[SUBJECTS_DECIDE_MAX];
	struct question q = { .kind = RECORD_DECIDE, .subjects = subjects };

	(void)peer;
	if (service_arm_forbids(s, call))
		return;
	if (!get_probe(s, call, params, &q.probe))
		return;
	if (get_subjects(params, subjects, SUBJECTS_DECIDE_MAX, &q.subjects_count) < 0)
		rpc_fail(call, RPC_PARAMS, "subjects: 1..1000 ulids are wanted");
	else
		ask(s, &q, call);
}

void
service_on_verify(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		  const struct value *params)
{
	struct service *s = ctx;
	struct ulid subjects[SUBJECTS_VERIFY_MAX];
	struct question q = { .kind = RECORD_VERIFY, .subjects = subjects };

	(void)peer;
	if (!get_probe(s, call, params, &q.probe))
		return;
	if (get_subjects(params, subjects, SUBJECTS_VERIFY_MAX, &q.subjects_count) < 0)
		rpc_fail(call, RPC_PARAMS, "subjects: 1..16 ulids are wanted");
	else if (!service_arm_covers(s, subjects, q.subjects_count))
		rpc_fail(call, RPC_REFUSED, "the sensor was lit for somebody else");
	else
		ask(s, &q, call);
}
