/* Refunds in the lane: what is durable is sent once, over crashes, lost links and other tickets. */
#include "lane_stage.h"
#include "unit.h"

#include <errno.h>
#include <string.h>

static const char no_rules[] = RULES("");
static const struct ware tea = { "tea", 1000, 1 };

/* A refund as the control socket commits it together with its return. */
static struct payment
keep_refund(struct stage *s, uint8_t n)
{
	struct payment_start start = {
		.kind = PAYMENT_REFUND,
		.key = { { 0x70, n } },
		.checkout = { { 1, 99 } },
		.original = { { 5 } },
		.return_id = { { 2, n } },
		.ticket = STR("T1"), /* as the ticket that is open, on purpose */
		.currency = STR("EUR"),
		.amount_minor = 300,
	};
	struct payment p;
	unsigned actions;

	ck_assert_int_eq(payment_begin(&p, &start, &s->now, &actions), 0);
	ck_assert_int_eq(s->journal.ops->begin(s->journal.impl, true), 0);
	ck_assert_int_eq(s->journal.ops->put_payment(s->journal.impl, &p), 0);
	ck_assert_int_eq(s->journal.ops->commit(s->journal.impl), 0);
	return p;
}

static struct payment
hand_over(struct stage *s, uint8_t n)
{
	struct payment p = keep_refund(s, n);
	struct lane_event ev = { .kind = LANE_EV_REFUND, .refund = &p };

	stage_give(s, &ev, 0);
	return p;
}

static enum payment_state
kept(struct stage *s, const struct payment *p)
{
	return mem_journal_find(s->memory, p->key)->state;
}

static void
ask_to_send(struct stage *s, const struct payment *p, int want)
{
	struct lane_event ev = { .kind = LANE_EV_JOURNAL_WANTED };

	ev.journal.key = p->key;
	ev.journal.req = STR("r1");
	stage_give(s, &ev, want);
}

static void
complete(struct stage *s, const struct payment *p, enum lane_op op,
	 enum lane_outcome outcome)
{
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };

	ev.completion.op = op;
	ev.completion.key = p->key;
	ev.completion.outcome = outcome;
	ev.completion.has_amount = outcome == OUTCOME_APPROVED;
	ev.completion.amount_minor = p->asked_minor;
	stage_give(s, &ev, 0);
}

static void
link_is(struct stage *s, bool up)
{
	struct lane_event ev = { .kind = LANE_EV_ADAPTER, .up = up };

	stage_give(s, &ev, 0);
}

START_TEST(it_is_sent_once_and_ends_refunded)
{
	struct stage s;
	struct payment p;

	stage_setup(&s, no_rules);
	p = hand_over(&s, 1);
	ck_assert_uint_eq(s.refunds, 1);
	ck_assert(key128_eq(s.refund.original, p.original));
	ask_to_send(&s, &p, 0);
	ck_assert_uint_eq(s.allowed, 1);
	ck_assert_int_eq(kept(&s, &p), PAYMENT_SENDING);
	complete(&s, &p, LANE_OP_REFUND, OUTCOME_APPROVED);
	ck_assert_int_eq(kept(&s, &p), PAYMENT_REFUNDED);
	stage_kill_and_restart(&s);
	ck_assert_uint_eq(s.refunds, 1);
	ck_assert_uint_eq(s.queries + s.undos + s.alarms, 0);
	stage_teardown(&s);
}
END_TEST

START_TEST(a_crash_before_it_left_sends_it_and_a_crash_after_it_asks)
{
	struct stage s;
	struct payment p;

	stage_setup(&s, no_rules);
	p = keep_refund(&s, 1); /* and dies before the core heard of it */
	stage_kill_and_restart(&s);
	ck_assert_uint_eq(s.refunds, 1);
	ck_assert(key128_eq(s.refund.key, p.key));
	stage_kill_and_restart(&s);
	ck_assert_uint_eq(s.refunds, 2); /* void with the link; the key is the same */
	ask_to_send(&s, &p, 0);
	stage_kill_and_restart(&s);
	ck_assert_uint_eq(s.refunds, 2);
	ck_assert_int_eq(kept(&s, &p), PAYMENT_UNKNOWN);
	s.now.mono_ms += 10000;
	stage_give(&s, &(struct lane_event){ .kind = LANE_EV_TICK }, 0);
	ck_assert_uint_gt(s.queries, 0);
	complete(&s, &p, LANE_OP_QUERY, OUTCOME_NOT_FOUND);
	ck_assert_int_eq(kept(&s, &p), PAYMENT_NOT_SENT);
	ck_assert_uint_eq(s.alarms, 1); /* who waited may have gone */
	ask_to_send(&s, &p, 0);
	ck_assert_uint_eq(s.refused, 1);
	stage_teardown(&s);
}
END_TEST

START_TEST(it_waits_for_the_adapter_as_long_as_somebody_waits_for_it)
{
	struct stage s;
	struct payment p;

	stage_setup(&s, no_rules);
	link_is(&s, false);
	p = hand_over(&s, 1);
	ck_assert_uint_eq(s.refunds, 0);
	link_is(&s, true);
	ck_assert_uint_eq(s.refunds, 1);
	link_is(&s, false);
	s.now.mono_ms += 61000;
	stage_give(&s, &(struct lane_event){ .kind = LANE_EV_TICK }, 0);
	ck_assert_int_eq(kept(&s, &p), PAYMENT_CANCELLED);
	ck_assert_uint_eq(s.alarms, 1);
	link_is(&s, true);
	ck_assert_uint_eq(s.refunds, 1);
	stage_teardown(&s);
}
END_TEST

/* The ticket of the return has the same number as the one that is open. */
START_TEST(no_ticket_ends_a_refund_and_no_refund_stops_a_payment)
{
	struct lane_event other = { .kind = LANE_EV_OTHER_TENDER };
	struct stage s;
	struct payment p;

	stage_setup(&s, no_rules);
	p = hand_over(&s, 1);
	ask_to_send(&s, &p, 0);
	stage_one(&s, "T1", &tea, true);
	stage_claim(&s, "a");
	ck_assert_int_eq(lane_core_display(s.core)->phase, PHASE_CONFIRMING);
	stage_give(&s, &other, 0);
	stage_cancel(&s, "T1");
	ck_assert_int_eq(kept(&s, &p), PAYMENT_SENDING);
	ck_assert_uint_eq(s.undos, 0);
	complete(&s, &p, LANE_OP_REFUND, OUTCOME_UNKNOWN);
	ck_assert_int_eq(kept(&s, &p), PAYMENT_UNKNOWN);
	s.now.mono_ms += INT64_C(3600) * 1000;
	stage_give(&s, &(struct lane_event){ .kind = LANE_EV_TICK }, 0);
	ck_assert_int_eq(kept(&s, &p), PAYMENT_UNKNOWN); /* a payment is undone by now */
	ck_assert_uint_eq(s.undos, 0);
	stage_teardown(&s);
}
END_TEST

START_TEST(a_full_disk_lets_nothing_leave)
{
	struct stage s;
	struct payment p;

	stage_setup(&s, no_rules);
	p = hand_over(&s, 1);
	s.disk_full = true;
	ask_to_send(&s, &p, 0);
	ck_assert_uint_eq(s.allowed, 0);
	ck_assert_uint_eq(s.refused, 1);
	ck_assert_int_eq(kept(&s, &p), PAYMENT_CREATED);
	ck_assert_ptr_nonnull(lane_core_refund_refused(s.core, ""));
	s.disk_full = false;
	complete(&s, &p, LANE_OP_REFUND,
		 OUTCOME_NOT_SENT); /* as an adapter that was told no */
	ck_assert_int_eq(kept(&s, &p), PAYMENT_NOT_SENT);
	stage_teardown(&s);
}
END_TEST

START_TEST(why_it_cannot_be_is_said)
{
	static const enum lane_event_kind switches[] = { LANE_EV_ADAPTER, LANE_EV_CLOCK,
							 LANE_EV_ENVIRONMENT };
	struct lane_event training = { .kind = LANE_EV_TRAINING, .up = true };
	struct stage s;

	stage_setup(&s, no_rules);
	ck_assert_ptr_null(lane_core_refund_refused(s.core, ""));
	ck_assert_ptr_nonnull(strstr(lane_core_refund_refused(s.core, "zvt"), "another"));
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		struct lane_event ev = { .kind = switches[i], .up = false };

		stage_give(&s, &ev, 0);
		ck_assert_ptr_nonnull(lane_core_refund_refused(s.core, ""));
		ev.up = true;
		stage_give(&s, &ev, 0);
		ck_assert_ptr_null(lane_core_refund_refused(s.core, ""));
	}
	stage_give(&s, &training, 0);
	ck_assert_ptr_nonnull(strstr(lane_core_refund_refused(s.core, ""), "training"));
	training.up = false;
	stage_give(&s, &training, 0);
	for (uint8_t n = 1; n <= LANE_REFUNDS_MAX; n++) {
		ck_assert_ptr_null(lane_core_refund_refused(s.core, ""));
		(void)hand_over(&s, n); /* none of them has an end yet */
	}
	ck_assert_ptr_nonnull(strstr(lane_core_refund_refused(s.core, ""), "too many"));
	s.no_refunds = true;
	stage_stop(&s);
	stage_start(&s);
	ck_assert_ptr_nonnull(
		strstr(lane_core_refund_refused(s.core, ""), "cannot give"));
	s.no_refunds = false;
	s.no_queries = true;
	stage_stop(&s);
	stage_start(&s);
	ck_assert_ptr_nonnull(strstr(lane_core_refund_refused(s.core, ""), "be asked"));
	stage_teardown(&s);
}
END_TEST

START_TEST(what_is_no_created_refund_is_refused)
{
	struct stage s;
	struct payment p, again;
	struct lane_event ev = { .kind = LANE_EV_REFUND, .refund = &again };

	stage_setup(&s, no_rules);
	p = hand_over(&s, 1);
	again = p;
	stage_give(&s, &ev, -EALREADY);
	ck_assert_uint_eq(s.refunds, 1);
	again.key.b[5] = 1;
	again.state = PAYMENT_SENDING;
	stage_give(&s, &ev, -EINVAL);
	again.state = PAYMENT_CREATED;
	again.kind = PAYMENT_PAY;
	stage_give(&s, &ev, -EINVAL);
	stage_teardown(&s);
}
END_TEST

/* Its receipt's code leaves the lane: the journal must know the sale when the goods come back. */
START_TEST(a_ticket_that_the_pos_ended_is_durable)
{
	struct stage s;
	uint64_t before;

	stage_setup(&s, no_rules);
	stage_one(&s, "T1", &tea, true);
	before = effects_counts(s.effects)->durable_commits;
	stage_close_outside(&s, "T1", &tea);
	ck_assert_uint_eq(effects_counts(s.effects)->durable_commits, before + 1);
	stage_teardown(&s);
}
END_TEST

UNIT_MAIN("lane_refund", it_is_sent_once_and_ends_refunded,
	  a_crash_before_it_left_sends_it_and_a_crash_after_it_asks,
	  it_waits_for_the_adapter_as_long_as_somebody_waits_for_it,
	  no_ticket_ends_a_refund_and_no_refund_stops_a_payment,
	  a_full_disk_lets_nothing_leave, why_it_cannot_be_is_said,
	  a_ticket_that_the_pos_ended_is_durable, what_is_no_created_refund_is_refused)
