#include "lane/effects.h"

#include "base/crash.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Events that follow from performing one list: at most one an effect. */
struct follow {
	enum lane_event_kind kind;
	struct key128 key;
	enum lane_op op;
	char probe[LANE_PROBE_BYTES];
	uint32_t serial;
};

#define FOLLOW_MAX (2u * LANE_EFFECTS_MAX)

struct effects {
	struct lane_core *core;
	struct journal_ref journal;
	const struct effects_ops *ops;
	void *ctx;
	struct lane_effects list;
	struct follow follow[FOLLOW_MAX];
	uint32_t follow_count;
	struct lane_event found; /* a claim resolved at once */
	bool has_found;
	bool stored;       /* all that this step was told is durable */
	bool totals_stale; /* what others used of limited rules is to be read again */
	struct lane_use *totals; /* LANE_USES_MAX, scratch */
	struct effects_counts counts;
};

/* A chain of events that follow from one: refusals end it soon; this ends a defect. */
#define ROUNDS_MAX 64

static void
follow_up(struct effects *e, const struct follow *f)
{
	if (e->follow_count + 1 == FOLLOW_MAX)
		return; /* one is kept free for a failed commit; timers bring the rest again */
	e->follow[e->follow_count++] = *f;
}

/* ---- stores -------------------------------------------------------------- */

static int
store_one(struct effects *e, const struct lane_effect *fx, const struct timepoint *now)
{
	const struct journal_ops *ops = e->journal.ops;
	void *impl = e->journal.impl;

	if (fx->kind == FX_STORE_CHECKOUT)
		return ops->put_checkout(impl, &fx->checkout);
	if (fx->kind == FX_STORE_PAYMENT)
		return ops->put_payment(impl, fx->payment);
	return ops->put_audit(impl, &fx->audit, now->wall_ms);
}

/*
 * A payment; uses of limited offers and points of what was paid elsewhere; and a ticket that the POS
 * ended: its receipt's code leaves the lane, which must know the sale when the goods come back.
 */
static bool
is_durable(const struct lane_effects *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		const struct lane_effect *fx = &list->list[i];
		const struct checkout_record *r = &fx->checkout;

		if (fx->kind == FX_STORE_PAYMENT)
			return true;
		if (fx->kind != FX_STORE_CHECKOUT)
			continue;
		if ((r->phase == PHASE_DONE && r->pos_closed && !r->training) ||
		    (r->uses_count_now && (r->reserved_count > 0 || r->points > 0)))
			return true;
	}
	return false;
}

/* Uses were counted or let go: what strangers may use is read again. */
static bool
changes_totals(const struct lane_effects *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		const struct lane_effect *fx = &list->list[i];

		if (fx->kind == FX_STORE_CHECKOUT && fx->checkout.reserved_count > 0 &&
		    (fx->checkout.phase == PHASE_DONE ||
		     fx->checkout.phase == PHASE_CANCELLED))
			return true;
	}
	return false;
}

/* Answers and undos of payments that were sent: no full disk may keep them out. */
static bool
is_owed(const struct lane_effects *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		const struct lane_effect *fx = &list->list[i];

		if (fx->kind == FX_STORE_PAYMENT &&
		    fx->payment->state != PAYMENT_CREATED &&
		    fx->payment->state != PAYMENT_SENDING)
			return true;
	}
	return false;
}

static bool
has_stores(const struct lane_effects *list)
{
	return list->count > 0 && lane_effect_is_store(list->list[0].kind);
}

/* Every store of the list in one commit. */
static int
store_once(struct effects *e, const struct timepoint *now)
{
	const struct journal_ops *ops = e->journal.ops;
	bool durable = is_durable(&e->list);
	int rc;

	if (e->journal.impl == NULL)
		return -EROFS;
	crash_point("before-commit");
	rc = ops->begin(e->journal.impl, durable);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < e->list.count && rc == 0; i++) {
		if (lane_effect_is_store(e->list.list[i].kind))
			rc = store_one(e, &e->list.list[i], now);
	}
	if (rc < 0) {
		ops->rollback(e->journal.impl);
		return rc;
	}
	rc = ops->commit(e->journal.impl);
	if (rc < 0)
		return rc;
	crash_point("after-commit");
	e->totals_stale = e->totals_stale || changes_totals(&e->list);
	e->counts.commits++;
	e->counts.durable_commits += durable;
	return 0;
}

/* On a full disk what is owed is stored in the space that was kept for it. */
static int
store_all(struct effects *e, const struct timepoint *now)
{
	const struct journal_ops *ops = e->journal.ops;
	int rc = store_once(e, now);

	if (rc == -ENOSPC && is_owed(&e->list) && ops->make_room != NULL &&
	    ops->make_room(e->journal.impl) == 0)
		rc = store_once(e, now);
	return rc;
}

/* ---- sends --------------------------------------------------------------- */

static enum lane_op
op_of(enum lane_effect_kind kind)
{
	if (kind == FX_PAY)
		return LANE_OP_PAY;
	if (kind == FX_QUERY)
		return LANE_OP_QUERY;
	if (kind == FX_CONFIRM)
		return LANE_OP_CONFIRM;
	if (kind == FX_REFUND)
		return LANE_OP_REFUND;
	if (kind == FX_ANSWER)
		return LANE_OP_ANSWER;
	return kind == FX_UNDO ? LANE_OP_UNDO : LANE_OP_OFFER;
}

static void
send_adapter(struct effects *e, const struct lane_effect *fx)
{
	struct follow f = { .kind = LANE_EV_SUBMIT_REFUSED, .op = op_of(fx->kind) };

	if (e->ops->adapter(e->ctx, fx) == 0)
		return;
	if (fx->kind == FX_OFFER)
		f.serial = fx->offer.serial;
	if (fx->kind == FX_PAY || fx->kind == FX_REFUND)
		f.key = fx->pay.payment->key;
	else if (fx->kind == FX_ANSWER)
		f.key = fx->tell.payment->key;
	else if (fx->kind != FX_OFFER)
		f.key = fx->payment->key;
	follow_up(e, &f);
}

static void
send_bio(struct effects *e, const struct lane_effect *fx)
{
	struct follow f = { .kind = LANE_EV_IDENTIFIED };

	if (e->ops->bio(e->ctx, fx) == 0 || fx->kind == FX_DROP_PROBE)
		return;
	if (fx->kind == FX_VERIFY)
		f.kind = LANE_EV_VERIFIED;
	else if (fx->kind == FX_DECIDE)
		f.kind = LANE_EV_DECIDED;
	memcpy(f.probe, fx->bio.probe, sizeof(f.probe));
	follow_up(e, &f);
}

static void
send_arm(struct effects *e, const struct lane_effect *fx)
{
	struct follow f = { .kind = LANE_EV_SENSOR };

	if (e->ops->bio(e->ctx, fx) == 0 || fx->kind == FX_DISARM)
		return;
	f.serial = fx->arm.serial;
	follow_up(e, &f);
}

static void
send_claim(struct effects *e, const struct lane_effect *fx)
{
	struct lane_event ev = { .kind = LANE_EV_CLAIM_RESOLVED };
	int rc = e->ops->resolve(e->ctx, fx, &ev);

	if (rc == -EINPROGRESS)
		return;
	if (rc < 0) {
		memset(&ev.found, 0, sizeof(ev.found));
		ev.kind = LANE_EV_CLAIM_RESOLVED;
	}
	ev.found.serial = fx->claim.serial;
	e->found = ev;
	e->has_found = true;
}

static void
send_one(struct effects *e, const struct lane_effect *fx, bool stored)
{
	crash_point(lane_effect_name(fx->kind));
	e->counts.sends++;
	switch (fx->kind) {
	case FX_JOURNAL_ANSWER:
		e->ops->journal_answer(e->ctx, fx->answer.req, fx->answer.ok && stored);
		break;
	case FX_IDENTIFY:
	case FX_VERIFY:
	case FX_DECIDE:
	case FX_DROP_PROBE:
		send_bio(e, fx);
		break;
	case FX_ARM:
	case FX_DISARM:
		send_arm(e, fx);
		break;
	case FX_RESOLVE_CLAIM:
		send_claim(e, fx);
		break;
	case FX_OFFER:
	case FX_PAY:
	case FX_QUERY:
	case FX_CONFIRM:
	case FX_UNDO:
	case FX_REFUND:
	case FX_ANSWER:
		send_adapter(e, fx);
		break;
	case FX_TENDER_REPLY:
		if (e->ops->tender_reply != NULL)
			e->ops->tender_reply(e->ctx, fx, fx->reply.ok && stored);
		break;
	case FX_SHOW:
		e->ops->show(e->ctx, fx->show);
		break;
	case FX_ALARM:
		e->ops->alarm(e->ctx, &fx->audit);
		break;
	case FX_STORE_CHECKOUT:
	case FX_STORE_PAYMENT:
	case FX_AUDIT:
	case LANE_EFFECT_KINDS:
		assert(0 && "stores come first and are no sends");
	}
}

/* Performs e->list. Returns whether its stores are durable (or there were none). */
static bool
perform(struct effects *e, const struct timepoint *now)
{
	int rc = has_stores(&e->list) ? store_all(e, now) : 0;

	if (rc < 0) {
		e->stored = false;
		e->counts.failed_commits++;
		e->ops->journal_error(e->ctx, rc);
	}
	for (uint32_t i = 0; i < e->list.count; i++) {
		const struct lane_effect *fx = &e->list.list[i];

		if (lane_effect_is_store(fx->kind) ||
		    (rc < 0 && lane_effect_needs_commit(fx->kind)))
			continue;
		send_one(e, fx, rc == 0);
	}
	return rc == 0;
}

/* ---- steps --------------------------------------------------------------- */

static int
step_core(struct effects *e, struct lane_event *ev, const struct timepoint *now)
{
	int rc = e->ops->fresh(e->ctx, now, &ev->fresh);

	if (rc < 0) {
		e->stored = false;
		return rc;
	}
	rc = lane_core_step(e->core, ev, now, &e->list);
	if (!perform(e, now)) {
		/* The core is told of the commit before anything else. */
		memmove(&e->follow[1], &e->follow[0],
			e->follow_count * sizeof(e->follow[0]));
		e->follow[0] = (struct follow){ .kind = LANE_EV_JOURNAL_FAILED };
		e->follow_count++;
	}
	return rc;
}

static void
event_of(const struct follow *f, struct lane_event *ev)
{
	memset(ev, 0, sizeof(*ev));
	ev->kind = f->kind;
	if (f->kind == LANE_EV_SUBMIT_REFUSED) {
		ev->submit.op = f->op;
		ev->submit.key = f->key;
		ev->submit.offer = f->serial;
	} else if (f->kind == LANE_EV_SENSOR) {
		ev->sensor.serial = f->serial; /* not lit */
	} else if (f->kind != LANE_EV_JOURNAL_FAILED) {
		ev->bio.probe = str_of(f->probe);
		ev->bio.outcome = BIO_RETRY;
	}
}

/* One list's follow-ups may have follow-ups of their own: in order, until none is left. */
static void
run_follow_ups(struct effects *e, const struct timepoint *now)
{
	for (int round = 0; round < ROUNDS_MAX && e->follow_count > 0; round++) {
		struct lane_event ev;

		event_of(&e->follow[0], &ev);
		e->follow_count--;
		memmove(&e->follow[0], &e->follow[1],
			e->follow_count * sizeof(e->follow[0]));
		/* Its result is nobody's: the core has taken note or does not wait for it. */
		(void)step_core(e, &ev, now);
	}
	e->follow_count = 0;
}

/* 0; -ENOENT the journal has none of this key; -EROFS and others: nobody knows. */
static int
adopt_key(struct effects *e, struct key128 key)
{
	struct payment p;
	int rc = -EROFS;

	for (uint32_t i = 0; i < lane_core_payments_count(e->core); i++) {
		const struct payment *known = lane_core_payment(e->core, i);

		if (!key128_eq(known->key, key))
			continue;
		(void)lane_core_adopt(e->core,
				      known); /* -EEXIST: it stays for this step */
		return 0;
	}
	if (e->journal.impl != NULL)
		rc = e->journal.ops->get_payment(e->journal.impl, key, &p);
	if (rc == 0)
		rc = lane_core_adopt(e->core, &p);
	/* The journal has it, or may have it: the core only says that it does not know it. */
	if (rc < 0 && rc != -ENOENT)
		e->stored = false;
	return rc;
}

static int
adopt_part(void *ctx, const struct payment *p)
{
	struct effects *e = ctx;

	if (lane_core_adopt(e->core, p) == -ENOSPC)
		e->stored = false; /* the cancel comes again */
	return 0;
}

/* What a ticket had paid that is cancelled after its end; of one of an earlier life the journal tells. */
static void
adopt_parts(struct effects *e, struct str ticket, const struct timepoint *now)
{
	const struct journal_ops *ops = e->journal.ops;
	struct key128 parts[LANE_PARTS_MAX];
	uint32_t count = lane_core_ended_parts(e->core, ticket, now, parts);
	struct ulid checkout;
	int64_t returned = 0;

	for (uint32_t i = 0; i < count; i++)
		(void)adopt_key(e,
				parts[i]); /* one that is not there is told by an alarm */
	if (!lane_core_ended_unknown(e->core, ticket, now, &checkout) ||
	    e->journal.impl == NULL || ops->paid_parts == NULL)
		return;
	if (ops->paid_parts(e->journal.impl, checkout, adopt_part, e) < 0)
		e->stored = false;
	/* Of what came back before the restart the core does not know either. */
	if (ops->returned != NULL &&
	    (ops->returned(e->journal.impl, checkout, &returned) < 0 || returned > 0))
		lane_core_ended_returned(e->core, checkout);
}

/* A late word of payments that the core has let go: give them back first. */
static void
adopt(struct effects *e, struct lane_event *ev, const struct timepoint *now)
{
	struct key128 key;
	int rc;

	if (ev->kind == LANE_EV_CANCEL)
		adopt_parts(e, ev->ticket, now);
	if (ev->kind == LANE_EV_COMPLETION && ev->completion.op != LANE_OP_OFFER)
		key = ev->completion.key;
	else if (ev->kind == LANE_EV_JOURNAL_WANTED)
		key = ev->journal.key;
	else if (ev->kind == LANE_EV_POS_UNDO || ev->kind == LANE_EV_TENDER_ABORT ||
		 ev->kind == LANE_EV_TENDER_CONFIRMED ||
		 ev->kind == LANE_EV_REPEAT_WANTED)
		key = ev->key;
	else
		return;
	rc = adopt_key(e, key);
	if (ev->kind == LANE_EV_COMPLETION)
		ev->completion.stranger = rc == -ENOENT;
}

/* What limited rules were used by others, for strangers. Unreadable: they get none of them. */
static void
refresh_totals(struct effects *e, struct ulid except, const struct timepoint *now)
{
	struct journal_uses_query q = { .except = except,
					.business_day = now->business_day,
					.rules = lane_core_rules(e->core) };
	uint32_t count = 0;
	int rc = -EROFS;

	if (!e->totals_stale)
		return;
	if (e->journal.impl != NULL)
		rc = e->journal.ops->uses(e->journal.impl, &q, e->totals, LANE_USES_MAX,
					  &count);
	e->totals_stale = rc < 0 && e->journal.impl != NULL;
	if (lane_core_set_totals(e->core, e->totals, count, rc < 0) < 0)
		e->totals_stale = true;
}

int
effects_step(struct effects *e, struct lane_event *ev, const struct timepoint *now)
{
	int rc;

	e->stored = true;
	e->totals_stale = e->totals_stale || ev->kind == LANE_EV_RULES;
	refresh_totals(e, lane_core_display(e->core)->checkout, now);
	adopt(e, ev, now);
	rc = step_core(e, ev, now);
	run_follow_ups(e, now);
	for (int round = 0; round < ROUNDS_MAX && e->has_found; round++) {
		e->has_found = false;
		(void)step_core(e, &e->found, now); /* as a follow-up */
		run_follow_ups(e, now);
	}
	return rc;
}

bool
effects_stored(const struct effects *e)
{
	return e->stored;
}

/* ---- restart ------------------------------------------------------------- */

struct held {
	struct payment *list;
	uint32_t count;
};

static int
hold_payment(void *ctx, const struct payment *p)
{
	struct held *h = ctx;

	if (h->count > LANE_PAYMENTS_MAX)
		return 1; /* one too many tells the core */
	h->list[h->count++] = *p;
	return 0;
}

/* What a restart needs of the journal, read as far as it goes. */
struct reading {
	struct lane_restore restore;
	struct journal_checkout last;
	struct checkout_record ended[LANE_ENDED_TICKETS];
	struct lane_member member;
	struct held held;
	/* Scratch: nobody looks beyond what was read. */
	struct lane_use uses[LANE_USES_MAX];
	struct payment payments[LANE_PAYMENTS_MAX + 1u];
};

static int
read_journal(struct effects *e, struct reading *r)
{
	const struct journal_ops *ops = e->journal.ops;
	struct ulid none = { { 0 } };
	int first = 0, rc;

	rc = ops->get_checkout(e->journal.impl, none, &r->last);
	if (rc == 0)
		r->restore.checkout = &r->last.record;
	else if (rc != -ENOENT)
		first = rc;
	r->restore.ended = r->ended;
	rc = ops->get_ended(e->journal.impl, r->ended, LANE_ENDED_TICKETS,
			    &r->restore.ended_count);
	if (rc < 0 && first == 0)
		first = rc;
	r->held.list = r->payments;
	rc = ops->open_payments(e->journal.impl, hold_payment, &r->held);
	if (rc < 0 && first == 0)
		first = rc;
	if (rc >= 0 && r->restore.checkout != NULL && r->last.record.paid_minor > 0 &&
	    r->last.record.phase != PHASE_DONE &&
	    r->last.record.phase != PHASE_CANCELLED && ops->paid_parts != NULL) {
		rc = ops->paid_parts(e->journal.impl, r->last.record.checkout,
				     hold_payment, &r->held);
		if (rc < 0 && first == 0)
			first = rc;
	}
	r->restore.payments = r->payments;
	r->restore.payments_count = r->held.count;
	r->restore.incomplete = first < 0;
	return first;
}

/* The member of the checkout, with the uses that are not this checkout's own. */
static void
read_member(struct effects *e, struct reading *r,
	    int (*find_member)(void *ctx, struct ulid member,
			       struct lane_member *ret_member))
{
	struct journal_uses_query q = { .member = r->last.record.member,
					.except = r->last.record.checkout,
					.business_day = r->last.record.business_day,
					.rules = lane_core_rules(e->core) };
	int rc;

	if (r->restore.checkout == NULL || find_member == NULL ||
	    ulid_is_zero(q.member) || find_member(e->ctx, q.member, &r->member) < 0)
		return;
	rc = e->journal.ops->uses(e->journal.impl, &q, r->uses, LANE_USES_MAX,
				  &r->member.uses_count);
	r->member.uses = r->uses;
	r->member.uses_unknown = rc < 0;
	if (rc < 0)
		r->member.uses_count = 0;
	r->restore.member = &r->member;
}

int
effects_restore(struct effects *e,
		int (*find_member)(void *ctx, struct ulid member,
				   struct lane_member *ret_member),
		const struct timepoint *now)
{
	const struct lane_restore nothing = { .incomplete = true };
	struct reading *r;
	int rc, restored;

	if (e->journal.impl == NULL)
		return -EROFS;
	r = malloc(sizeof(*r));
	if (r == NULL) {
		(void)lane_core_restore(e->core, &nothing, now,
					&e->list); /* takes none */
		return -ENOMEM;
	}
	memset(r, 0, offsetof(struct reading, uses));
	rc = read_journal(e, r);
	read_member(e, r, find_member);
	refresh_totals(e, r->last.record.checkout, now);
	restored = lane_core_restore(e->core, &r->restore, now, &e->list);
	if (!perform(e, now)) {
		struct follow failed = { .kind = LANE_EV_JOURNAL_FAILED };

		follow_up(e, &failed);
	}
	run_follow_ups(e, now);
	journal_checkout_clear(&r->last);
	free(r);
	return rc < 0 ? rc : restored;
}

/* ---- life ---------------------------------------------------------------- */

struct effects *
effects_free(struct effects *e)
{
	if (e != NULL)
		free(e->totals);
	free(e);
	return NULL;
}

int
effects_new(struct lane_core *core, struct journal_ref journal,
	    const struct effects_ops *ops, void *ctx, struct effects **ret_effects)
{
	struct effects *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return -ENOMEM;
	e->totals = malloc(LANE_USES_MAX * sizeof(*e->totals));
	if (e->totals == NULL) {
		free(e);
		return -ENOMEM;
	}
	e->totals_stale = true;
	e->core = core;
	e->journal = journal;
	e->ops = ops;
	e->ctx = ctx;
	*ret_effects = e;
	return 0;
}

void
effects_set_journal(struct effects *e, struct journal_ref journal)
{
	e->journal = journal;
}

const struct effects_counts *
effects_counts(const struct effects *e)
{
	return &e->counts;
}
