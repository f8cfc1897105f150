#include "unit.h"

#include "core/payment/payment.h"

#include <errno.h>

static const struct timepoint start = { 1000000, INT64_C(1790000000000), 0, 20260921 };

static struct payment_rules
rules_of(bool link_up)
{
	struct payment_rules r = PAYMENT_RULES_DEFAULT;

	r.link_up = link_up;
	return r;
}

static struct payment
begun(void)
{
	struct payment p;
	struct payment_start s = {
		.key = { { 7, 1 } },
		.ticket = STR("T1"),
		.currency = STR("EUR"),
		.rev = 3,
		.amount_minor = 1234,
	};
	unsigned actions;

	ck_assert_int_eq(payment_begin(&p, &s, &start, &actions), 0);
	ck_assert_uint_eq(actions, PAYMENT_DO_STORE | PAYMENT_DO_PAY | PAYMENT_DO_RESULT);
	return p;
}

static struct payment
in_state(enum payment_state s)
{
	struct payment p = begun();

	p.state = s;
	p.approval_seen = payment_is_paid(s);
	p.answered_minor = p.approval_seen ? p.asked_minor : 0;
	return p;
}

static unsigned
give(struct payment *p, enum payment_input_kind kind, const struct timepoint *now)
{
	struct payment_rules r = rules_of(true);
	struct payment_input in = { .kind = kind, .amount_minor = 1234 };

	return payment_step(p, &in, &r, now);
}

START_TEST(every_event_in_every_state_has_an_answer)
{
	for (unsigned s = 0; s < PAYMENT_STATES; s++) {
		for (unsigned k = 0; k < PAYMENT_INPUTS; k++) {
			struct payment_cell c =
				payment_table(PAYMENT_PAY, (enum payment_state)s,
					      (enum payment_input_kind)k);

			ck_assert_msg(c.filled, "%s in %s",
				      payment_input_name((enum payment_input_kind)k),
				      payment_state_name((enum payment_state)s));
			ck_assert_int_lt(c.next, PAYMENT_STATES);
			/* A change of state is always stored. */
			if (c.next != (enum payment_state)s)
				ck_assert_uint_ne(c.actions & PAYMENT_DO_STORE, 0);
			/* Nothing is allowed that is not stored before. */
			if ((c.actions & PAYMENT_DO_ALLOW) &&
			    k != PAYMENT_IN_ANSWER_AGAIN)
				ck_assert_uint_ne(c.actions & PAYMENT_DO_STORE, 0);
		}
	}
}
END_TEST

/* The arrows of the design, and the two lines that collapse two of them. */
static const struct {
	enum payment_state from, to;
} arrows[] = {
	{ PAYMENT_CREATED, PAYMENT_SENDING },
	{ PAYMENT_CREATED, PAYMENT_NOT_SENT },
	{ PAYMENT_CREATED, PAYMENT_CANCELLED },
	{ PAYMENT_SENDING, PAYMENT_APPROVED },
	{ PAYMENT_SENDING, PAYMENT_PARTIAL },
	{ PAYMENT_SENDING, PAYMENT_DECLINED },
	{ PAYMENT_SENDING, PAYMENT_CANCELLED },
	{ PAYMENT_SENDING, PAYMENT_NOT_SENT },
	{ PAYMENT_SENDING, PAYMENT_UNKNOWN },
	{ PAYMENT_UNKNOWN, PAYMENT_APPROVED },
	{ PAYMENT_UNKNOWN, PAYMENT_PARTIAL },
	{ PAYMENT_UNKNOWN, PAYMENT_DECLINED },
	{ PAYMENT_UNKNOWN, PAYMENT_NOT_SENT },
	{ PAYMENT_UNKNOWN, PAYMENT_UNDO_QUEUED },
	{ PAYMENT_APPROVED, PAYMENT_ANSWER_SENDING },
	{ PAYMENT_APPROVED, PAYMENT_CONFIRMED },
	{ PAYMENT_APPROVED, PAYMENT_UNDO_QUEUED },
	{ PAYMENT_PARTIAL, PAYMENT_ANSWER_SENDING },
	{ PAYMENT_PARTIAL, PAYMENT_CONFIRMED },
	{ PAYMENT_PARTIAL, PAYMENT_UNDO_QUEUED },
	{ PAYMENT_ANSWER_SENDING, PAYMENT_CONFIRMED },
	{ PAYMENT_ANSWER_SENDING, PAYMENT_UNDO_QUEUED },
	{ PAYMENT_UNDO_QUEUED, PAYMENT_UNDONE },
	{ PAYMENT_UNDO_QUEUED, PAYMENT_UNDO_FAILED },
	/* Collapsed: through sending and unknown in one commit. */
	{ PAYMENT_SENDING, PAYMENT_UNDO_QUEUED },
	{ PAYMENT_CREATED, PAYMENT_UNKNOWN },
	{ PAYMENT_CREATED, PAYMENT_APPROVED },
	{ PAYMENT_CREATED, PAYMENT_PARTIAL },
	{ PAYMENT_CREATED, PAYMENT_DECLINED },
	{ PAYMENT_CREATED, PAYMENT_UNDO_QUEUED },
	/* Through approved: the POS that asked is told in the same commit. */
	{ PAYMENT_CREATED, PAYMENT_ANSWER_SENDING },
	{ PAYMENT_SENDING, PAYMENT_ANSWER_SENDING },
	{ PAYMENT_UNKNOWN, PAYMENT_ANSWER_SENDING },
	/* A certain "no" that the peer takes back is undone. */
	{ PAYMENT_NOT_SENT, PAYMENT_UNDO_QUEUED },
	{ PAYMENT_CANCELLED, PAYMENT_UNDO_QUEUED },
	{ PAYMENT_DECLINED, PAYMENT_UNDO_QUEUED },
	{ PAYMENT_UNDONE, PAYMENT_UNDO_QUEUED },
	{ PAYMENT_UNDO_FAILED, PAYMENT_UNDONE },
};

START_TEST(states_change_only_along_the_arrows)
{
	for (unsigned s = 0; s < PAYMENT_STATES; s++) {
		for (unsigned k = 0; k < PAYMENT_INPUTS; k++) {
			struct payment_cell c =
				payment_table(PAYMENT_PAY, (enum payment_state)s,
					      (enum payment_input_kind)k);
			bool known = c.next == (enum payment_state)s;

			for (size_t i = 0; i < sizeof(arrows) / sizeof(arrows[0]); i++)
				known = known ||
					(arrows[i].from == (enum payment_state)s &&
					 arrows[i].to == c.next);
			ck_assert_msg(known, "%s -> %s by %s",
				      payment_state_name((enum payment_state)s),
				      payment_state_name(c.next),
				      payment_input_name((enum payment_input_kind)k));
		}
	}
}
END_TEST

START_TEST(a_doubt_is_never_a_decline)
{
	static const enum payment_input_kind doubts[] = {
		PAYMENT_IN_UNKNOWN,   PAYMENT_IN_ADAPTER_GONE,   PAYMENT_IN_LIMIT,
		PAYMENT_IN_RESTARTED, PAYMENT_IN_SUBMIT_REFUSED, PAYMENT_IN_NOT_FOUND,
	};

	for (size_t i = 0; i < sizeof(doubts) / sizeof(doubts[0]); i++)
		ck_assert_int_eq(
			payment_table(PAYMENT_PAY, PAYMENT_SENDING, doubts[i]).next,
			PAYMENT_UNKNOWN);
}
END_TEST

START_TEST(an_approval_is_never_forgotten)
{
	/* In no state does an approval that fits leave the payment in a certain "no". */
	for (unsigned s = 0; s < PAYMENT_STATES; s++) {
		struct payment p = in_state((enum payment_state)s);

		if (s == PAYMENT_REFUNDED)
			continue; /* of refunds only */
		p.nothing_found = s == PAYMENT_UNDONE;
		p.approval_seen = payment_is_paid(p.state);
		(void)give(&p, PAYMENT_IN_APPROVED, &start); /* the state tells */
		ck_assert_msg(payment_is_paid(p.state) ||
				      p.state == PAYMENT_UNDO_QUEUED ||
				      p.state == PAYMENT_UNDO_FAILED,
			      "%s", payment_state_name((enum payment_state)s));
		ck_assert(p.approval_seen);
	}
}
END_TEST

static const struct {
	int64_t amount;
	const char *currency;
	enum payment_input_kind kind;
	bool partial_ok;
	enum payment_state state;
	bool alarm;
} amounts[] = {
	{ 1234, "", PAYMENT_IN_APPROVED, false, PAYMENT_APPROVED, false },
	{ 1234, "EUR", PAYMENT_IN_APPROVED, false, PAYMENT_APPROVED, false },
	{ 1234, "USD", PAYMENT_IN_APPROVED, false, PAYMENT_UNDO_QUEUED, true },
	{ 1233, "", PAYMENT_IN_APPROVED, true, PAYMENT_UNDO_QUEUED, true },
	{ 1235, "", PAYMENT_IN_APPROVED, false, PAYMENT_UNDO_QUEUED, true },
	{ 0, "", PAYMENT_IN_APPROVED, false, PAYMENT_UNDO_QUEUED, true },
	{ -1234, "", PAYMENT_IN_APPROVED, false, PAYMENT_UNDO_QUEUED, true },
	{ 1000, "", PAYMENT_IN_PARTIAL, true, PAYMENT_PARTIAL, false },
	{ 1000, "", PAYMENT_IN_PARTIAL, false, PAYMENT_UNDO_QUEUED, true },
	{ 1234, "", PAYMENT_IN_PARTIAL, true, PAYMENT_UNDO_QUEUED, true },
	{ 2000, "", PAYMENT_IN_PARTIAL, true, PAYMENT_UNDO_QUEUED, true },
	{ 0, "", PAYMENT_IN_PARTIAL, true, PAYMENT_UNDO_QUEUED, true },
};

START_TEST(an_answer_of_another_amount_is_undone_with_an_alarm)
{
	for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		struct payment p = in_state(PAYMENT_SENDING);
		struct payment_rules r = rules_of(true);
		struct payment_input in = { .kind = amounts[i].kind,
					    .amount_minor = amounts[i].amount,
					    .currency = str_of(amounts[i].currency) };
		unsigned actions;

		r.partial_ok = amounts[i].partial_ok;
		actions = payment_step(&p, &in, &r, &start);
		ck_assert_msg(p.state == amounts[i].state, "case %zu: %s", i,
			      payment_state_name(p.state));
		ck_assert_int_eq((actions & PAYMENT_DO_ALARM) != 0, amounts[i].alarm);
		ck_assert_int_eq((actions & PAYMENT_DO_UNDO) != 0, amounts[i].alarm);
		ck_assert_int_eq((actions & PAYMENT_DO_CONFIRM) != 0, !amounts[i].alarm);
		ck_assert_uint_ne(actions & PAYMENT_DO_STORE, 0);
	}
}
END_TEST

/* Steps the payment at its own deadlines; returns the time of the next thing done. */
static int64_t
next(struct payment *p, const struct payment_rules *r, unsigned *ret_actions)
{
	struct payment_input in = { .kind = PAYMENT_IN_TIME };
	struct timepoint now = start;

	now.mono_ms = payment_deadline(p, r);
	ck_assert_int_ne(now.mono_ms, PAYMENT_NEVER);
	now.wall_ms += now.mono_ms - start.mono_ms;
	*ret_actions = payment_step(p, &in, r, &now);
	return now.mono_ms;
}

START_TEST(queries_back_off_from_5_s_to_60_s_within_20_percent)
{
	struct payment p = in_state(PAYMENT_SENDING);
	struct payment_rules r = rules_of(true);
	int64_t want = 5000, last = start.mono_ms;
	unsigned actions;

	(void)give(&p, PAYMENT_IN_UNKNOWN, &start); /* the state tells */
	ck_assert_int_eq(p.state, PAYMENT_UNKNOWN);
	for (int i = 0; i < 10; i++) {
		int64_t at = next(&p, &r, &actions);

		ck_assert_uint_eq(actions, PAYMENT_DO_QUERY);
		ck_assert_int_ge(at - last, want * 80 / 100);
		ck_assert_int_le(at - last, want * 120 / 100);
		last = at;
		if (i >
		    0) /* the first query is 5 s after the doubt, the second 5 s later */
			want = want * 2 > 60000 ? 60000 : want * 2;
	}
	/* Jitter: two keys do not ask in step. */
	{
		struct payment q = in_state(PAYMENT_SENDING);

		q.key.b[3] = 99;
		p = in_state(PAYMENT_SENDING);
		(void)give(&p, PAYMENT_IN_UNKNOWN, &start); /* the due time tells */
		(void)give(&q, PAYMENT_IN_UNKNOWN, &start); /* as above */
		ck_assert_int_ne(q.due_mono_ms, p.due_mono_ms);
	}
}
END_TEST

START_TEST(an_unknown_is_undone_after_15_minutes)
{
	struct payment p = in_state(PAYMENT_SENDING);
	struct payment_rules r = rules_of(true);
	unsigned actions = 0;
	int64_t at = 0;

	(void)give(&p, PAYMENT_IN_UNKNOWN, &start); /* the state tells */
	for (int i = 0; i < 100 && p.state == PAYMENT_UNKNOWN; i++)
		at = next(&p, &r, &actions);
	ck_assert_int_eq(p.state, PAYMENT_UNDO_QUEUED);
	ck_assert_int_eq(at, start.mono_ms + 900000);
	ck_assert_uint_ne(actions & PAYMENT_DO_UNDO, 0);
}
END_TEST

START_TEST(without_a_status_query_an_unknown_is_undone_at_once)
{
	struct payment p = in_state(PAYMENT_SENDING);
	struct payment_rules r = rules_of(true);
	unsigned actions;

	r.can_query = false;
	(void)give(&p, PAYMENT_IN_UNKNOWN, &start); /* the state tells */
	ck_assert_int_eq(next(&p, &r, &actions), start.mono_ms);
	ck_assert_int_eq(p.state, PAYMENT_UNDO_QUEUED);
}
END_TEST

START_TEST(sending_is_unknown_after_60_s)
{
	struct payment p = begun();
	struct payment_rules r = rules_of(true);
	unsigned actions;

	ck_assert_uint_ne(give(&p, PAYMENT_IN_SENDING_WANTED, &start) & PAYMENT_DO_ALLOW,
			  0);
	ck_assert_int_eq(next(&p, &r, &actions), start.mono_ms + 60000);
	ck_assert_int_eq(p.state, PAYMENT_UNKNOWN);
}
END_TEST

START_TEST(an_approval_that_the_pos_never_heard_of_is_undone_after_120_s)
{
	struct payment p = in_state(PAYMENT_SENDING);
	struct payment_rules down = rules_of(false);
	struct payment_input in = { .kind = PAYMENT_IN_APPROVED, .amount_minor = 1234 };
	unsigned actions = payment_step(&p, &in, &down, &start);

	ck_assert_uint_eq(actions & PAYMENT_DO_CONFIRM, 0); /* nobody to tell */
	ck_assert(!p.told);
	ck_assert_int_eq(next(&p, &down, &actions), start.mono_ms + 120000);
	ck_assert_int_eq(p.state, PAYMENT_UNDO_QUEUED);
	ck_assert_uint_ne(actions & PAYMENT_DO_ALARM, 0);
}
END_TEST

START_TEST(an_approval_that_the_pos_may_have_is_never_undone_by_us)
{
	struct payment p = in_state(PAYMENT_SENDING);
	struct payment_rules r = rules_of(true);
	unsigned actions = give(&p, PAYMENT_IN_APPROVED, &start), all = 0;

	ck_assert_uint_ne(actions & PAYMENT_DO_CONFIRM, 0);
	ck_assert_uint_ne(actions & PAYMENT_DO_STORE, 0);
	ck_assert(p.told);
	for (int i = 0; i < 50; i++) {
		(void)next(&p, &r, &actions); /* the actions tell */
		all |= actions;
	}
	ck_assert_int_eq(p.state, PAYMENT_APPROVED);
	ck_assert_uint_ne(all & PAYMENT_DO_ALARM, 0);
	ck_assert_uint_ne(all & PAYMENT_DO_CONFIRM, 0);
	ck_assert_uint_eq(all & PAYMENT_DO_UNDO, 0);
	(void)give(&p, PAYMENT_IN_VOID, &start); /* the state tells */
	ck_assert_int_eq(p.state, PAYMENT_APPROVED);
	(void)give(&p, PAYMENT_IN_POS_UNDO, &start); /* but the POS may give it back */
	ck_assert_int_eq(p.state, PAYMENT_UNDO_QUEUED);
}
END_TEST

START_TEST(an_undo_calls_a_human_after_10_tries_and_goes_on_trying)
{
	struct payment p = in_state(PAYMENT_UNKNOWN);
	struct payment_rules r = rules_of(true);
	unsigned actions, alarms = 0, undos = 0;

	actions = give(&p, PAYMENT_IN_OTHER_TENDER, &start);
	ck_assert_uint_ne(actions & PAYMENT_DO_UNDO, 0);
	for (int i = 0; i < 40; i++) {
		uint32_t tries = p.tries;

		(void)next(&p, &r, &actions); /* the actions tell */
		undos += (actions & PAYMENT_DO_UNDO) != 0;
		if ((actions & PAYMENT_DO_ALARM) != 0) {
			alarms++;
			ck_assert_uint_eq(tries, 10);
			ck_assert_uint_ne(actions & PAYMENT_DO_STORE, 0);
		}
	}
	ck_assert_uint_eq(alarms, 1);
	ck_assert_uint_gt(undos, 30);
	ck_assert_int_eq(p.state, PAYMENT_UNDO_QUEUED);
	(void)give(&p, PAYMENT_IN_UNDONE, &start); /* the state tells */
	ck_assert_int_eq(p.state, PAYMENT_UNDONE);
	ck_assert_int_eq(payment_deadline(&p, &r), PAYMENT_NEVER);
}
END_TEST

START_TEST(a_late_approval_while_undoing_is_recorded_and_still_undone)
{
	struct payment p = in_state(PAYMENT_UNDO_QUEUED);
	unsigned actions = give(&p, PAYMENT_IN_APPROVED, &start);

	ck_assert_int_eq(p.state, PAYMENT_UNDO_QUEUED);
	ck_assert_uint_ne(actions & PAYMENT_DO_STORE, 0);
	ck_assert(p.approval_seen);
	/* And a peer that now knows nothing of it is not believed. */
	actions = give(&p, PAYMENT_IN_UNDO_NOTHING, &start);
	ck_assert_int_eq(p.state, PAYMENT_UNDO_FAILED);
	ck_assert_uint_ne(actions & PAYMENT_DO_ALARM, 0);
}
END_TEST

static const struct {
	enum payment_state before, after;
	bool asks; /* once the adapter is back */
} restarts[] = {
	{ PAYMENT_CREATED, PAYMENT_CANCELLED, false },
	{ PAYMENT_SENDING, PAYMENT_UNKNOWN, true },
	{ PAYMENT_UNKNOWN, PAYMENT_UNKNOWN, true },
	{ PAYMENT_APPROVED, PAYMENT_APPROVED, true },
	{ PAYMENT_PARTIAL, PAYMENT_PARTIAL, true },
	{ PAYMENT_ANSWER_SENDING, PAYMENT_ANSWER_SENDING, false },
	{ PAYMENT_UNDO_QUEUED, PAYMENT_UNDO_QUEUED, true },
	{ PAYMENT_CONFIRMED, PAYMENT_CONFIRMED, false },
	{ PAYMENT_DECLINED, PAYMENT_DECLINED, false },
};

START_TEST(a_restart_follows_the_restart_table)
{
	for (size_t i = 0; i < sizeof(restarts) / sizeof(restarts[0]); i++) {
		struct payment p = in_state(restarts[i].before);
		struct payment_rules down = rules_of(false);
		struct payment_input in = { .kind = PAYMENT_IN_RESTARTED };
		struct timepoint now = { 50, start.wall_ms + 3000, 0, 20260921 };
		const unsigned tries =
			PAYMENT_DO_QUERY | PAYMENT_DO_CONFIRM | PAYMENT_DO_UNDO;
		unsigned actions = payment_step(&p, &in, &down, &now);

		ck_assert_int_eq(p.state, restarts[i].after);
		ck_assert_uint_eq(actions & (tries | PAYMENT_DO_PAY), 0);
		actions = give(&p, PAYMENT_IN_ADAPTER_BACK, &now);
		ck_assert_int_eq((actions & tries) != 0, restarts[i].asks);
		ck_assert_uint_eq(actions & PAYMENT_DO_PAY,
				  0); /* never a second charge */
	}
}
END_TEST

START_TEST(the_time_in_a_state_goes_on_over_a_restart)
{
	struct payment p = in_state(PAYMENT_UNKNOWN);
	struct payment_rules r = rules_of(false);
	struct payment_input in = { .kind = PAYMENT_IN_RESTARTED };
	struct timepoint now = { 50, start.wall_ms + 600000, 0, 20260921 };

	(void)payment_step(&p, &in, &r, &now); /* the deadline tells */
	ck_assert_int_eq(payment_deadline(&p, &r), 50 + 300000);
	/* A clock that went back does not make it younger than new. */
	p = in_state(PAYMENT_UNKNOWN);
	now.wall_ms = start.wall_ms - 5000000;
	(void)payment_step(&p, &in, &r, &now); /* as above */
	ck_assert_int_eq(payment_deadline(&p, &r), 50 + 900000);
}
END_TEST

START_TEST(what_the_adapter_needs_for_recovery_is_kept)
{
	struct payment p = begun();
	struct payment_rules r = rules_of(true);
	struct payment_input in = { .kind = PAYMENT_IN_SENDING_WANTED,
				    .blob = (const uint8_t *)"trace 000017",
				    .blob_bytes = 12 };

	(void)payment_step(&p, &in, &r, &start); /* the record tells */
	ck_assert_uint_eq(p.blob_bytes, 12);
	ck_assert_mem_eq(p.blob, "trace 000017", 12);
	in = (struct payment_input){ .kind = PAYMENT_IN_APPROVED,
				     .amount_minor = 1234,
				     .ref = STR("R-1"),
				     .auth = STR("A99") };
	(void)payment_step(&p, &in, &r, &start); /* as above */
	ck_assert_str_eq(p.ref, "R-1");
	ck_assert_str_eq(p.auth, "A99");
	ck_assert_int_eq(p.answered_minor, 1234);
}
END_TEST

START_TEST(a_payment_needs_a_key_a_ticket_and_an_amount)
{
	struct payment p;
	unsigned actions = 77;
	struct payment_start good = { .key = { { 1 } },
				      .ticket = STR("T"),
				      .currency = STR("EUR"),
				      .amount_minor = 1 };
	struct payment_start bad[5] = { good, good, good, good, good };

	bad[0].key.b[0] = 0;
	bad[1].ticket.n = 0;
	bad[2].amount_minor = 0;
	bad[3].amount_minor = -5;
	bad[4].currency = STR("EURO");
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(payment_begin(&p, &bad[i], &start, &actions), -EINVAL);
	ck_assert_uint_eq(actions, 77);
}
END_TEST

START_TEST(names_are_those_of_the_journal)
{
	for (unsigned s = 0; s < PAYMENT_STATES; s++) {
		enum payment_state back = PAYMENT_STATES;

		ck_assert_int_eq(
			payment_state_parse(
				str_of(payment_state_name((enum payment_state)s)), &back),
			0);
		ck_assert_uint_eq(back, s);
	}
	for (unsigned k = 0; k < PAYMENT_INPUTS; k++)
		ck_assert_str_ne(payment_input_name((enum payment_input_kind)k), "?");
}
END_TEST

UNIT_MAIN("payment", every_event_in_every_state_has_an_answer,
	  states_change_only_along_the_arrows, a_doubt_is_never_a_decline,
	  an_approval_is_never_forgotten,
	  an_answer_of_another_amount_is_undone_with_an_alarm,
	  queries_back_off_from_5_s_to_60_s_within_20_percent,
	  an_unknown_is_undone_after_15_minutes,
	  without_a_status_query_an_unknown_is_undone_at_once,
	  sending_is_unknown_after_60_s,
	  an_approval_that_the_pos_never_heard_of_is_undone_after_120_s,
	  an_approval_that_the_pos_may_have_is_never_undone_by_us,
	  an_undo_calls_a_human_after_10_tries_and_goes_on_trying,
	  a_late_approval_while_undoing_is_recorded_and_still_undone,
	  a_restart_follows_the_restart_table, the_time_in_a_state_goes_on_over_a_restart,
	  what_the_adapter_needs_for_recovery_is_kept,
	  a_payment_needs_a_key_a_ticket_and_an_amount, names_are_those_of_the_journal)
