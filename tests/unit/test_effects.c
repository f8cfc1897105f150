#include "unit.h"

#include "lane/effects.h"
#include "sim/mem_journal.h"

#include <errno.h>

/*
 * The effects runner over a journal in memory and transports that write down what was sent. The
 * line of what happened holds 'W' for a commit and one letter a send.
 */
struct stage {
	struct mem_journal *memory;
	struct lane_core *core;
	struct effects *effects;
	struct timepoint now;
	char line[128];
	struct key128 key; /* of the last pay */
	uint8_t fresh;
	int commit_error, adapter_error, bio_error, resolve_error;
	bool no_random;
	enum payment_state at_pay, at_answer; /* what was durable when it was sent */
	struct lane_member member;
};

static void
put(struct stage *s, char c)
{
	size_t n = strlen(s->line);

	ck_assert_uint_lt(n + 1, sizeof(s->line));
	s->line[n] = c;
}

static int
before_commit(void *ctx, bool durable)
{
	struct stage *s = ctx;

	(void)durable;
	return s->commit_error;
}

static void
after_commit(void *ctx, bool durable)
{
	(void)durable;
	put(ctx, 'W');
}

static int
on_fresh(void *ctx, const struct timepoint *now, struct lane_fresh *ret)
{
	struct stage *s = ctx;

	(void)now;
	if (s->no_random)
		return -EIO;
	memset(ret, 0, sizeof(*ret));
	ret->checkout.b[0] = ret->key.b[0] = 1;
	ret->checkout.b[15] = ret->key.b[15] = ++s->fresh;
	return 0;
}

static int
on_bio(void *ctx, const struct lane_effect *fx)
{
	struct stage *s = ctx;

	put(s, fx->kind == FX_DROP_PROBE ? 'x' : 'i');
	return s->bio_error;
}

static enum payment_state
durable_state(struct stage *s, struct key128 key)
{
	const struct payment *p = mem_journal_find(s->memory, key);

	return p != NULL ? p->state : PAYMENT_STATES;
}

static int
on_adapter(void *ctx, const struct lane_effect *fx)
{
	static const char letters[LANE_EFFECT_KINDS] = {
		[FX_OFFER] = 'o',   [FX_PAY] = 'p',  [FX_QUERY] = 'q',
		[FX_CONFIRM] = 'c', [FX_UNDO] = 'u', [FX_ANSWER] = 'a',
		[FX_REFUND] = 'b',
	};
	struct stage *s = ctx;

	put(s, letters[fx->kind]);
	if (fx->kind == FX_PAY) {
		s->key = fx->pay.payment->key;
		s->at_pay = durable_state(s, s->key);
	}
	return fx->kind == FX_OFFER ? 0 : s->adapter_error;
}

static void
on_journal_answer(void *ctx, const char *req, bool ok)
{
	struct stage *s = ctx;

	ck_assert_str_eq(req, "r1");
	put(s, ok ? 'J' : 'j');
	s->at_answer = durable_state(s, s->key);
}

static int
on_resolve(void *ctx, const struct lane_effect *fx, struct lane_event *ev)
{
	struct stage *s = ctx;

	put(s, 'r');
	ck_assert(str_is(fx->claim.value, "C1"));
	ev->found.count = 1;
	ev->found.member = &s->member;
	return s->resolve_error;
}

static void
on_show(void *ctx, const struct lane_display *d)
{
	(void)ctx;
	ck_assert_int_lt(d->row, ROWS);
}

static void
on_alarm(void *ctx, const struct lane_audit *a)
{
	ck_assert_ptr_nonnull(a->text);
	put(ctx, '!');
}

static void
on_journal_error(void *ctx, int error)
{
	ck_assert_int_lt(error, 0);
	put(ctx, 'E');
}

static void
on_tender_reply(void *ctx, const struct lane_effect *fx, bool ok)
{
	struct stage *s = ctx;

	put(s, ok ? 'Y' : 'n');
	if (fx->reply.ok)
		s->key = fx->reply.key;
	s->at_answer = durable_state(s, s->key);
}

static const struct effects_ops ops = {
	.tender_reply = on_tender_reply,
	.fresh = on_fresh,
	.bio = on_bio,
	.adapter = on_adapter,
	.journal_answer = on_journal_answer,
	.resolve = on_resolve,
	.show = on_show,
	.alarm = on_alarm,
	.journal_error = on_journal_error,
};

static int
find_member(void *ctx, struct ulid member, struct lane_member *ret)
{
	struct stage *s = ctx;

	if (!ulid_eq(member, s->member.member))
		return -ENOENT;
	*ret = s->member;
	return 0;
}

static int
give(struct stage *s, struct lane_event *ev)
{
	memset(s->line, 0, sizeof(s->line));
	return effects_step(s->effects, ev, &s->now);
}

static int
give_up(struct stage *s, enum lane_event_kind kind)
{
	struct lane_event ev = { .kind = kind, .up = true };

	return give(s, &ev);
}

static void
start(struct stage *s)
{
	struct lane_env env = { .limits = LANE_LIMITS_DEFAULT,
				.payment = PAYMENT_RULES_DEFAULT,
				.currency = "EUR",
				.can_pay = true,
				.can_refund = true };

	ck_assert_int_eq(lane_core_new(&env, &s->core), 0);
	ck_assert_int_eq(
		effects_new(s->core, mem_journal_ref(s->memory), &ops, s, &s->effects),
		0);
}

static void
setup(struct stage *s)
{
	struct mem_faults f = { before_commit, after_commit, s, false, false };

	memset(s, 0, sizeof(*s));
	s->now = (struct timepoint){ 1000, INT64_C(1790000000000), 0, 20260921 };
	s->member.member.b[0] = 5;
	s->member.subjects_count = 1;
	s->member.subjects[0].b[0] = 6;
	s->member.has_tender = true;
	s->memory = mem_journal_new();
	mem_journal_faults(s->memory, &f);
	start(s);
	ck_assert_int_eq(give_up(s, LANE_EV_ADAPTER), 0);
	ck_assert_int_eq(give_up(s, LANE_EV_BIO), 0);
}

static void
teardown(struct stage *s)
{
	s->effects = effects_free(s->effects);
	s->core = lane_core_free(s->core);
	s->memory = mem_journal_free(s->memory);
}

static int
basket(struct stage *s, uint32_t rev)
{
	struct lane_event ev = { .kind = LANE_EV_BASKET };
	struct basket_line l = { .line = 1,
				 .code = "1",
				 .qty_milli = 1000,
				 .unit_price_minor = 700,
				 .amount_minor = 700 };

	ev.basket.ticket = STR("T1");
	ev.basket.rev = rev;
	ev.basket.lines = &l;
	ev.basket.lines_count = 1;
	ev.basket.final = true;
	return give(s, &ev);
}

static int
touch(struct stage *s)
{
	struct lane_event ev = { .kind = LANE_EV_TOUCH, .touch.probe = STR("p1") };

	return give(s, &ev);
}

static int
identified(struct stage *s)
{
	struct lane_event ev = { .kind = LANE_EV_IDENTIFIED };

	ev.bio.probe = STR("p1");
	ev.bio.outcome = BIO_ACCEPT;
	ev.bio.member = &s->member;
	return give(s, &ev);
}

static int
ask(struct stage *s)
{
	struct lane_event ev = { .kind = LANE_EV_JOURNAL_WANTED };

	ev.journal.key = s->key;
	ev.journal.req = STR("r1");
	return give(s, &ev);
}

static int
complete(struct stage *s, enum lane_op op, enum lane_outcome outcome)
{
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };

	ev.completion.key = s->key;
	ev.completion.op = op;
	ev.completion.outcome = outcome;
	ev.completion.has_amount = outcome == OUTCOME_APPROVED;
	ev.completion.amount_minor = 700;
	return give(s, &ev);
}

static void
to_paying(struct stage *s)
{
	ck_assert_int_eq(basket(s, 1), 0);
	ck_assert_int_eq(touch(s), 0);
	ck_assert_int_eq(identified(s), 0);
}

START_TEST(stores_are_committed_before_anything_is_sent)
{
	struct stage s;

	setup(&s);
	ck_assert_int_eq(basket(&s, 1), 0);
	ck_assert_str_eq(s.line, "Wo");
	ck_assert_int_eq(touch(&s), 0);
	ck_assert_str_eq(s.line, "Wi");
	ck_assert_int_eq(identified(&s), 0);
	ck_assert_str_eq(s.line, "Wxop");
	ck_assert_int_eq(s.at_pay, PAYMENT_CREATED);
	ck_assert_int_eq(ask(&s), 0);
	ck_assert_str_eq(s.line, "WJ");
	ck_assert_int_eq(s.at_answer, PAYMENT_SENDING);
	ck_assert_int_eq(complete(&s, LANE_OP_PAY, OUTCOME_APPROVED), 0);
	ck_assert_str_eq(s.line, "Wc");
	ck_assert_int_eq(complete(&s, LANE_OP_CONFIRM, OUTCOME_CONFIRMED), 0);
	ck_assert_str_eq(s.line, "W");
	ck_assert_int_eq(durable_state(&s, s.key), PAYMENT_CONFIRMED);
	teardown(&s);
}
END_TEST

START_TEST(a_paid_checkout_costs_four_durable_commits)
{
	struct stage s;

	setup(&s);
	to_paying(&s);
	ck_assert_int_eq(ask(&s), 0);
	ck_assert_int_eq(complete(&s, LANE_OP_PAY, OUTCOME_APPROVED), 0);
	ck_assert_int_eq(complete(&s, LANE_OP_CONFIRM, OUTCOME_CONFIRMED), 0);
	ck_assert_uint_eq(effects_counts(s.effects)->durable_commits, 4);
	teardown(&s);
}
END_TEST

/* A member is here, the total is told, and the adapter of the POS is there. */
static void
to_tender(struct stage *s)
{
	struct lane_event ev = { .kind = LANE_EV_POS_LINK };

	ev.pos.adapter = STR("till");
	ev.pos.up = true;
	ck_assert_int_eq(give(s, &ev), 0);
	ev = (struct lane_event){ .kind = LANE_EV_CLAIM, .claim.value = STR("C1") };
	ck_assert_int_eq(give(s, &ev), 0);
	ck_assert_int_eq(basket(s, 1), 0);
}

static int
want(struct stage *s)
{
	struct lane_event ev = { .kind = LANE_EV_TENDER_WANTED };

	ev.tender.adapter = STR("till");
	ev.tender.ticket = STR("T1");
	ev.tender.currency = STR("EUR");
	ev.tender.ref = STR("7001");
	ev.tender.amount_minor = 700;
	return give(s, &ev);
}

static int
verified(struct stage *s)
{
	struct lane_event ev = { .kind = LANE_EV_VERIFIED };

	ck_assert_int_eq(touch(s), 0);
	ev.bio.probe = STR("p1");
	ev.bio.outcome = BIO_ACCEPT;
	return give(s, &ev);
}

static int
later(struct stage *s, enum lane_event_kind kind)
{
	struct lane_event ev = { .kind = kind, .key = s->key };

	return give(s, &ev);
}

START_TEST(what_a_pos_asks_for_costs_four_durable_commits)
{
	struct stage s;

	setup(&s);
	to_tender(&s);
	ck_assert_int_eq(want(&s), 0);
	ck_assert_str_eq(s.line, "WY");
	ck_assert_int_eq(s.at_answer,
			 PAYMENT_CREATED); /* before the POS's adapter hears */
	ck_assert_int_eq(verified(&s), 0);
	ck_assert_ptr_nonnull(strchr(s.line, 'p'));
	ck_assert_int_eq(ask(&s), 0);
	ck_assert_int_eq(complete(&s, LANE_OP_PAY, OUTCOME_APPROVED), 0);
	ck_assert_str_eq(s.line, "Wa");
	ck_assert_int_eq(durable_state(&s, s.key), PAYMENT_ANSWER_SENDING);
	ck_assert_int_eq(complete(&s, LANE_OP_ANSWER, OUTCOME_CONFIRMED), 0);
	ck_assert_str_eq(s.line, "W");
	ck_assert_int_eq(durable_state(&s, s.key), PAYMENT_CONFIRMED);
	ck_assert_uint_eq(effects_counts(s.effects)->durable_commits, 4);
	/* It is not open any more; the POS asks for its answer all the same. */
	ck_assert_int_eq(later(&s, LANE_EV_REPEAT_WANTED), 0);
	ck_assert_str_eq(s.line, "a");
	teardown(&s);
}
END_TEST

START_TEST(what_is_not_durable_is_refused_to_the_pos)
{
	struct stage s;

	setup(&s);
	to_tender(&s);
	s.commit_error = -ENOSPC;
	ck_assert_int_eq(want(&s), 0);
	ck_assert_str_eq(s.line, "En");
	ck_assert_int_eq(durable_state(&s, s.key), PAYMENT_STATES);
	ck_assert(!effects_stored(s.effects));
	/* Nothing of it is told later, under a key that nobody was given. */
	s.commit_error = 0;
	s.now.mono_ms += 5000;
	ck_assert_int_eq(give_up(&s, LANE_EV_TICK), 0);
	ck_assert_ptr_null(strchr(s.line, 'a'));
	teardown(&s);
}
END_TEST

START_TEST(no_answer_goes_out_before_its_commit)
{
	struct stage s;

	setup(&s);
	to_tender(&s);
	ck_assert_int_eq(want(&s), 0);
	ck_assert_int_eq(verified(&s), 0);
	ck_assert_int_eq(ask(&s), 0);
	s.commit_error = -EIO;
	ck_assert_int_eq(complete(&s, LANE_OP_PAY, OUTCOME_APPROVED), 0);
	ck_assert_str_eq(s.line, "E");
	ck_assert(!effects_stored(s.effects)); /* the payer tells it again */
	s.commit_error = 0;
	s.now.mono_ms += 5000;
	ck_assert_int_eq(give_up(&s, LANE_EV_TICK), 0);
	ck_assert_str_eq(s.line, "Wa");
	teardown(&s);
}
END_TEST

START_TEST(without_a_commit_no_money_is_asked_for)
{
	struct stage s;

	setup(&s);
	ck_assert_int_eq(basket(&s, 1), 0);
	ck_assert_int_eq(touch(&s), 0);
	s.commit_error = -ENOSPC;
	ck_assert_int_eq(identified(&s), 0);
	ck_assert_str_eq(s.line, "Exo"); /* prices, but no pay */
	ck_assert(lane_core_display(s.core)->faults.journal_failed);
	ck_assert_int_eq(lane_core_display(s.core)->phase, PHASE_TOTALLED);
	/* The disk has room again: the next try clears the fault. */
	s.commit_error = 0;
	s.now.mono_ms += 6000;
	ck_assert_int_eq(give_up(&s, LANE_EV_TICK), 0);
	ck_assert_int_eq(give_up(&s, LANE_EV_TICK), 0);
	ck_assert(!lane_core_display(s.core)->faults.journal_failed);
	teardown(&s);
}
END_TEST

START_TEST(without_a_commit_the_adapter_may_not_send)
{
	struct stage s;

	setup(&s);
	to_paying(&s);
	s.commit_error = -EIO;
	ck_assert_int_eq(ask(&s), 0);
	ck_assert_str_eq(s.line, "Ej");
	ck_assert_int_eq(s.at_answer, PAYMENT_CREATED);
	s.commit_error = 0;
	ck_assert_int_eq(complete(&s, LANE_OP_PAY, OUTCOME_NOT_SENT), 0);
	ck_assert_int_eq(durable_state(&s, s.key), PAYMENT_NOT_SENT);
	teardown(&s);
}
END_TEST

START_TEST(without_a_commit_nothing_is_confirmed)
{
	struct stage s;

	setup(&s);
	to_paying(&s);
	ck_assert_int_eq(ask(&s), 0);
	s.commit_error = -EIO;
	ck_assert_int_eq(complete(&s, LANE_OP_PAY, OUTCOME_APPROVED), 0);
	ck_assert_str_eq(s.line, "E");
	s.commit_error = 0;
	s.now.mono_ms += 6000;
	ck_assert_int_eq(give_up(&s, LANE_EV_TICK), 0);
	ck_assert_str_eq(s.line, "Wc");
	teardown(&s);
}
END_TEST

START_TEST(a_lane_without_a_journal_sells)
{
	struct stage s;

	setup(&s);
	effects_set_journal(s.effects,
			    (struct journal_ref){ mem_journal_ref(s.memory).ops, NULL });
	ck_assert_int_eq(basket(&s, 1), 0);
	ck_assert_str_eq(s.line, "Eo");
	ck_assert_int_eq(touch(&s), 0);
	ck_assert_int_eq(identified(&s), 0);
	ck_assert_ptr_null(strchr(s.line, 'p'));
	ck_assert_int_eq(lane_core_display(s.core)->row, ROW_PAY_OTHER);
	ck_assert_int_eq(effects_restore(s.effects, find_member, &s.now), -EROFS);
	teardown(&s);
}
END_TEST

START_TEST(a_refused_pay_is_certainly_not_sent)
{
	struct stage s;

	setup(&s);
	s.adapter_error = -EBUSY;
	to_paying(&s);
	ck_assert_str_eq(s.line, "WxopW");
	ck_assert_int_eq(durable_state(&s, s.key), PAYMENT_NOT_SENT);
	ck_assert_int_eq(lane_core_display(s.core)->row, ROW_CANCELLED);
	teardown(&s);
}
END_TEST

START_TEST(a_reader_that_cannot_be_asked_is_not_read)
{
	struct stage s;

	setup(&s);
	s.bio_error = -EPIPE;
	ck_assert_int_eq(touch(&s), 0);
	ck_assert_int_eq(lane_core_display(s.core)->row, ROW_NOT_READ);
	teardown(&s);
}
END_TEST

START_TEST(a_claim_is_resolved_in_the_same_step)
{
	struct stage s;
	struct lane_event ev = { .kind = LANE_EV_CLAIM };

	setup(&s);
	ev.claim.value = STR("C1");
	ck_assert_int_eq(give(&s, &ev), 0);
	ck_assert_int_eq(lane_core_display(s.core)->member, MEMBER_KNOWN);
	s.resolve_error = -EIO;
	ck_assert_int_eq(give_up(&s, LANE_EV_REMOVE_MEMBER), 0);
	ck_assert_int_eq(give(&s, &ev), 0);
	ck_assert_int_eq(lane_core_display(s.core)->member, MEMBER_NONE);
	s.resolve_error = -EINPROGRESS;
	ck_assert_int_eq(give(&s, &ev), 0);
	ck_assert_int_eq(lane_core_display(s.core)->member, MEMBER_IDENTIFYING);
	teardown(&s);
}
END_TEST

START_TEST(without_random_bytes_no_step_is_made)
{
	struct stage s;

	setup(&s);
	s.no_random = true;
	ck_assert_int_eq(basket(&s, 1), -EIO);
	ck_assert_int_eq(lane_core_display(s.core)->phase, PHASE_IDLE);
	teardown(&s);
}
END_TEST

/* The process dies and comes back with what the journal holds. */
static void
restart(struct stage *s)
{
	s->effects = effects_free(s->effects);
	s->core = lane_core_free(s->core);
	mem_journal_crash(s->memory);
	start(s);
	memset(s->line, 0, sizeof(s->line));
	ck_assert_int_eq(effects_restore(s->effects, find_member, &s->now), 0);
}

START_TEST(a_restart_asks_and_never_pays_again)
{
	struct stage s;

	setup(&s);
	to_paying(&s);
	ck_assert_int_eq(ask(&s), 0);
	restart(&s);
	ck_assert_str_eq(s.line, "W");
	ck_assert_int_eq(durable_state(&s, s.key), PAYMENT_UNKNOWN);
	ck_assert_int_eq(lane_core_display(s.core)->phase, PHASE_CHECKING);
	ck_assert_ptr_nonnull(lane_core_member(s.core));
	ck_assert_int_eq(give_up(&s, LANE_EV_ADAPTER), 0);
	ck_assert_str_eq(s.line, "q");
	ck_assert_int_eq(complete(&s, LANE_OP_QUERY, OUTCOME_APPROVED), 0);
	ck_assert_str_eq(s.line, "Wc");
	teardown(&s);
}
END_TEST

START_TEST(a_checkout_s_own_reservation_does_not_count_against_it)
{
	struct stage s;
	struct journal_ref j;
	struct lane_reserved own = { "once", 1, 100, { { 0 } } };
	struct checkout_record r;

	setup(&s);
	memset(&r, 0, sizeof(r));
	r.checkout.b[0] = 9;
	r.phase = PHASE_OPEN;
	r.member_state = MEMBER_KNOWN;
	r.member = s.member.member;
	r.rev = 1;
	r.reserved = &own;
	r.reserved_count = 1;
	(void)snprintf(r.ticket, sizeof(r.ticket), "T9");
	j = mem_journal_ref(s.memory);
	ck_assert_int_eq(j.ops->begin(j.impl, false), 0);
	ck_assert_int_eq(j.ops->put_checkout(j.impl, &r), 0);
	ck_assert_int_eq(j.ops->commit(j.impl), 0);
	restart(&s);
	ck_assert_ptr_nonnull(lane_core_member(s.core));
	ck_assert_uint_eq(lane_core_member(s.core)->uses_count, 0);
	teardown(&s);
}
END_TEST

static int
unreadable(void *impl, int (*each)(void *ctx, const struct payment *p), void *ctx)
{
	(void)impl;
	(void)each;
	(void)ctx;
	return -EUCLEAN;
}

START_TEST(a_journal_that_cannot_be_read_stops_payments_and_not_sales)
{
	struct stage s;
	struct journal_ops damaged;
	struct journal_ref j;

	setup(&s);
	j = mem_journal_ref(s.memory);
	damaged = *j.ops;
	damaged.open_payments = unreadable;
	j.ops = &damaged;
	s.effects = effects_free(s.effects);
	s.core = lane_core_free(s.core);
	start(&s);
	effects_set_journal(s.effects, j);
	ck_assert_int_eq(effects_restore(s.effects, find_member, &s.now), -EUCLEAN);
	ck_assert_int_eq(give_up(&s, LANE_EV_ADAPTER), 0);
	ck_assert_int_eq(give_up(&s, LANE_EV_BIO), 0);
	to_paying(&s);
	ck_assert_str_eq(s.line, "Wxo");
	ck_assert_int_eq(lane_core_display(s.core)->row, ROW_PAY_OTHER);
	teardown(&s);
}
END_TEST

START_TEST(a_late_answer_of_a_forgotten_payment_is_still_heard)
{
	struct stage s;

	setup(&s);
	to_paying(&s);
	ck_assert_int_eq(ask(&s), 0);
	ck_assert_int_eq(complete(&s, LANE_OP_PAY, OUTCOME_DECLINED), 0);
	restart(&s);
	ck_assert_uint_eq(lane_core_payments_count(s.core), 0);
	ck_assert_int_eq(give_up(&s, LANE_EV_ADAPTER), 0);
	ck_assert_int_eq(complete(&s, LANE_OP_PAY, OUTCOME_APPROVED), 0);
	ck_assert_str_eq(s.line, "W!u"); /* approved after all: undone, with an alarm */
	ck_assert_int_eq(durable_state(&s, s.key), PAYMENT_UNDO_QUEUED);
	s.key.b[0] = 99;
	ck_assert_int_eq(complete(&s, LANE_OP_PAY, OUTCOME_APPROVED), -ENOENT);
	ck_assert_int_eq(ask(&s), -ENOENT);
	ck_assert_str_eq(s.line, "j");
	teardown(&s);
}
END_TEST

static int
unreadable_payment(void *impl, struct key128 key, struct payment *ret)
{
	(void)impl;
	(void)key;
	(void)ret;
	return -EIO;
}

START_TEST(what_is_not_stored_is_to_be_told_again)
{
	struct stage s;
	struct journal_ref j;
	struct journal_ops damaged;

	setup(&s);
	to_paying(&s);
	ck_assert_int_eq(ask(&s), 0);
	ck_assert_int_eq(complete(&s, LANE_OP_PAY, OUTCOME_DECLINED), 0);
	ck_assert(effects_stored(s.effects));
	/* The peer contradicts itself at once, while the disk is full: the journal says "declined" still. */
	s.commit_error = -ENOSPC;
	ck_assert_int_eq(complete(&s, LANE_OP_OTHER, OUTCOME_APPROVED), 0);
	ck_assert(!effects_stored(s.effects));
	ck_assert_int_eq(complete(&s, LANE_OP_OTHER, OUTCOME_APPROVED), 0);
	ck_assert(!effects_stored(s.effects));
	restart(&s);
	s.commit_error = 0;
	ck_assert_int_eq(give_up(&s, LANE_EV_ADAPTER), 0);
	ck_assert_int_eq(complete(&s, LANE_OP_OTHER, OUTCOME_APPROVED), 0);
	ck_assert(effects_stored(s.effects));
	ck_assert_int_eq(durable_state(&s, s.key), PAYMENT_UNDO_QUEUED);
	/* A journal that cannot be read, or is not there, may know the payment. */
	restart(&s);
	j = mem_journal_ref(s.memory);
	damaged = *j.ops;
	damaged.get_payment = unreadable_payment;
	s.key.b[0] = 99;
	effects_set_journal(s.effects, (struct journal_ref){ &damaged, j.impl });
	ck_assert_int_eq(complete(&s, LANE_OP_OTHER, OUTCOME_APPROVED), -ENOENT);
	ck_assert(!effects_stored(s.effects));
	effects_set_journal(s.effects, (struct journal_ref){ j.ops, NULL });
	ck_assert_int_eq(complete(&s, LANE_OP_OTHER, OUTCOME_APPROVED), -ENOENT);
	ck_assert(!effects_stored(s.effects));
	effects_set_journal(s.effects, j);
	ck_assert_int_eq(complete(&s, LANE_OP_OTHER, OUTCOME_APPROVED), -ENOENT);
	ck_assert(effects_stored(s.effects)); /* nobody's, for certain */
	teardown(&s);
}
END_TEST

/* The journal has lost it, or an older one was put back: that money has moved is told to a human. */
START_TEST(an_approval_under_a_key_that_nobody_knows_is_an_alarm)
{
	struct stage s;
	struct journal_ref j;

	setup(&s);
	j = mem_journal_ref(s.memory);
	s.key.b[0] = 99;
	ck_assert_int_eq(complete(&s, LANE_OP_OTHER, OUTCOME_APPROVED), -ENOENT);
	ck_assert_str_eq(s.line, "W!");
	ck_assert(effects_stored(s.effects));
	ck_assert_int_eq(complete(&s, LANE_OP_OTHER, OUTCOME_CONFIRMED), -ENOENT);
	ck_assert_str_eq(s.line, "W!");
	ck_assert_int_eq(complete(&s, LANE_OP_OTHER, OUTCOME_DECLINED), -ENOENT);
	ck_assert_str_eq(s.line, "");
	/* A journal that cannot be asked may know it. */
	effects_set_journal(s.effects, (struct journal_ref){ j.ops, NULL });
	ck_assert_int_eq(complete(&s, LANE_OP_OTHER, OUTCOME_APPROVED), -ENOENT);
	ck_assert_str_eq(s.line, "");
	teardown(&s);
}
END_TEST

/* A ticket that ended with a part paid by token, and the rest elsewhere. */
static void
keep_split_ticket(struct stage *s)
{
	struct journal_ref j = mem_journal_ref(s->memory);
	struct checkout_record r;
	struct payment p;

	memset(&r, 0, sizeof(r));
	memset(&p, 0, sizeof(p));
	r.checkout.b[0] = 7;
	r.phase = PHASE_DONE;
	r.tender_outside = true;
	r.rev = 1;
	r.total_minor = 700;
	r.paid_minor = 300;
	r.business_day = s->now.business_day;
	r.changed_wall_ms = s->now.wall_ms;
	(void)snprintf(r.ticket, sizeof(r.ticket), "T1");
	p.key.b[0] = 8;
	p.checkout = r.checkout;
	p.state = PAYMENT_CONFIRMED;
	p.asked_minor = 700;
	p.answered_minor = 300;
	(void)snprintf(p.ticket, sizeof(p.ticket), "T1");
	(void)snprintf(p.currency, sizeof(p.currency), "EUR");
	ck_assert_int_eq(j.ops->begin(j.impl, true), 0);
	ck_assert_int_eq(j.ops->put_checkout(j.impl, &r), 0);
	ck_assert_int_eq(j.ops->put_payment(j.impl, &p), 0);
	ck_assert_int_eq(j.ops->commit(j.impl), 0);
}

START_TEST(a_ticket_of_an_earlier_life_gives_its_part_back)
{
	struct lane_event cancel = { .kind = LANE_EV_CANCEL, .ticket = STR("T1") };
	struct stage s;
	uint32_t refunds = 0;

	setup(&s);
	keep_split_ticket(&s);
	restart(&s);
	ck_assert_int_eq(give_up(&s, LANE_EV_ADAPTER), 0);
	ck_assert_int_eq(give(&s, &cancel), 0);
	ck_assert_str_eq(s.line, "Wb"); /* and nobody has to look */
	for (uint32_t i = 0; i < mem_journal_payments_count(s.memory); i++) {
		const struct payment *p = mem_journal_payment(s.memory, i);

		refunds += p->kind == PAYMENT_REFUND && p->original.b[0] == 8 &&
			   p->asked_minor == 300;
	}
	ck_assert_uint_eq(refunds, 1);
	/* Told again it is not given back again. */
	(void)give(&s, &cancel); /* nothing is known of it any more */
	ck_assert_ptr_null(strchr(s.line, 'b'));
	/* Nor is anybody called to do so when it comes again in a later life. */
	restart(&s);
	ck_assert_int_eq(give_up(&s, LANE_EV_ADAPTER), 0);
	(void)give(&s, &cancel); /* as above */
	ck_assert_ptr_null(strchr(s.line, 'b'));
	ck_assert_ptr_null(strchr(s.line, '!'));
	teardown(&s);
}
END_TEST

static int
some_returned(void *impl, struct ulid checkout, int64_t *ret_minor)
{
	(void)impl;
	*ret_minor = checkout.b[0] == 7 ? 100 : 0;
	return 0;
}

static int
unreadable_returned(void *impl, struct ulid checkout, int64_t *ret_minor)
{
	(void)impl;
	(void)checkout;
	(void)ret_minor;
	return -EIO;
}

/* The shopper has money for some of its goods: a human looks how much of the part is left. */
START_TEST(a_ticket_of_an_earlier_life_whose_goods_came_back_gives_nothing_back_by_itself)
{
	static int (*const told[])(void *impl, struct ulid checkout,
				   int64_t *ret_minor) = { some_returned,
							   unreadable_returned };
	struct lane_event cancel = { .kind = LANE_EV_CANCEL, .ticket = STR("T1") };
	struct journal_ops with_returns;
	struct journal_ref j;
	struct stage s;

	for (unsigned i = 0; i < 2; i++) {
		setup(&s);
		j = mem_journal_ref(s.memory);
		keep_split_ticket(&s);
		restart(&s);
		ck_assert_int_eq(give_up(&s, LANE_EV_ADAPTER), 0);
		with_returns = *j.ops;
		with_returns.returned = told[i];
		j.ops = &with_returns;
		effects_set_journal(s.effects, j);
		(void)give(&s, &cancel); /* a human sees to it */
		ck_assert_ptr_null(strchr(s.line, 'b'));
		ck_assert_ptr_nonnull(strchr(s.line, '!'));
		teardown(&s);
	}
}
END_TEST

UNIT_MAIN("effects", stores_are_committed_before_anything_is_sent,
	  a_paid_checkout_costs_four_durable_commits,
	  what_a_pos_asks_for_costs_four_durable_commits,
	  what_is_not_durable_is_refused_to_the_pos, no_answer_goes_out_before_its_commit,
	  without_a_commit_no_money_is_asked_for,
	  without_a_commit_the_adapter_may_not_send,
	  without_a_commit_nothing_is_confirmed, a_lane_without_a_journal_sells,
	  a_refused_pay_is_certainly_not_sent, a_reader_that_cannot_be_asked_is_not_read,
	  a_claim_is_resolved_in_the_same_step, without_random_bytes_no_step_is_made,
	  an_approval_under_a_key_that_nobody_knows_is_an_alarm,
	  a_ticket_of_an_earlier_life_gives_its_part_back,
	  a_ticket_of_an_earlier_life_whose_goods_came_back_gives_nothing_back_by_itself,
	  a_restart_asks_and_never_pays_again,
	  a_checkout_s_own_reservation_does_not_count_against_it,
	  a_journal_that_cannot_be_read_stops_payments_and_not_sales,
	  a_late_answer_of_a_forgotten_payment_is_still_heard,
	  what_is_not_stored_is_to_be_told_again)
