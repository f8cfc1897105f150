/* The machine of refunds: money back to a token, at most once, never forgotten, never guessed. */
#include "unit.h"

#include "core/payment/payment.h"

#include <errno.h>
#include <string.h>

#define WALKS 20000u
#define STEPS 40u
#define AMOUNT 700

static const struct timepoint start = { 1000000, INT64_C(1790000000000), 0, 20260921 };

static const struct payment_start a_refund = {
	.kind = PAYMENT_REFUND,
	.key = { { 9, 1 } },
	.original = { { 7, 1 } },
	.ticket = { "R1", 2 },
	.currency = { "EUR", 3 },
	.amount_minor = AMOUNT,
};

static struct payment
begun(void)
{
	struct payment p;
	unsigned actions;

	ck_assert_int_eq(payment_begin(&p, &a_refund, &start, &actions), 0);
	ck_assert_uint_eq(actions, PAYMENT_DO_STORE | PAYMENT_DO_PAY | PAYMENT_DO_RESULT);
	ck_assert_int_eq(p.kind, PAYMENT_REFUND);
	return p;
}

static unsigned
give_at(struct payment *p, enum payment_input_kind kind, int64_t amount, int64_t mono_ms)
{
	struct payment_rules r = PAYMENT_RULES_DEFAULT;
	struct payment_input in = { .kind = kind, .amount_minor = amount };
	struct timepoint now = start;

	now.mono_ms = mono_ms;
	now.wall_ms += mono_ms - start.mono_ms;
	return payment_step(p, &in, &r, &now);
}

static unsigned
give(struct payment *p, enum payment_input_kind kind)
{
	return give_at(p, kind, AMOUNT, start.mono_ms);
}

/* The states that a refund can have. */
static const enum payment_state own[] = {
	PAYMENT_CREATED,  PAYMENT_SENDING, PAYMENT_NOT_SENT, PAYMENT_CANCELLED,
	PAYMENT_DECLINED, PAYMENT_UNKNOWN, PAYMENT_REFUNDED,
};
#define OWN (sizeof(own) / sizeof(own[0]))

static bool
is_own(enum payment_state s)
{
	for (size_t i = 0; i < OWN; i++)
		if (own[i] == s)
			return true;
	return false;
}

START_TEST(every_event_in_every_state_has_an_answer)
{
	for (unsigned s = 0; s < PAYMENT_STATES; s++) {
		for (unsigned k = 0; k < PAYMENT_INPUTS; k++) {
			struct payment_cell c =
				payment_table(PAYMENT_REFUND, (enum payment_state)s,
					      (enum payment_input_kind)k);

			ck_assert_msg(c.filled, "%s in %s",
				      payment_input_name((enum payment_input_kind)k),
				      payment_state_name((enum payment_state)s));
			if (c.next != (enum payment_state)s)
				ck_assert_uint_ne(c.actions & PAYMENT_DO_STORE, 0);
			if (c.actions & PAYMENT_DO_ALLOW)
				ck_assert_uint_ne(c.actions & PAYMENT_DO_STORE, 0);
		}
	}
}
END_TEST

static const struct {
	enum payment_state from, to;
} arrows[] = {
	{ PAYMENT_CREATED, PAYMENT_SENDING },
	{ PAYMENT_CREATED, PAYMENT_NOT_SENT },
	{ PAYMENT_CREATED, PAYMENT_CANCELLED },
	{ PAYMENT_CREATED, PAYMENT_DECLINED },
	{ PAYMENT_CREATED, PAYMENT_UNKNOWN },
	{ PAYMENT_CREATED, PAYMENT_REFUNDED },
	{ PAYMENT_SENDING, PAYMENT_REFUNDED },
	{ PAYMENT_SENDING, PAYMENT_DECLINED },
	{ PAYMENT_SENDING, PAYMENT_CANCELLED },
	{ PAYMENT_SENDING, PAYMENT_NOT_SENT },
	{ PAYMENT_SENDING, PAYMENT_UNKNOWN },
	{ PAYMENT_UNKNOWN, PAYMENT_REFUNDED },
	{ PAYMENT_UNKNOWN, PAYMENT_DECLINED },
	{ PAYMENT_UNKNOWN, PAYMENT_NOT_SENT },
	/* A certain "no" that the peer takes back: the money is there, and a human is called. */
	{ PAYMENT_NOT_SENT, PAYMENT_REFUNDED },
	{ PAYMENT_CANCELLED, PAYMENT_REFUNDED },
	{ PAYMENT_DECLINED, PAYMENT_REFUNDED },
};

START_TEST(states_change_only_along_the_arrows)
{
	for (size_t s = 0; s < OWN; s++) {
		for (unsigned k = 0; k < PAYMENT_INPUTS; k++) {
			struct payment_cell c = payment_table(PAYMENT_REFUND, own[s],
							      (enum payment_input_kind)k);
			bool known = c.next == own[s];

			for (size_t i = 0; i < sizeof(arrows) / sizeof(arrows[0]); i++)
				known = known || (arrows[i].from == own[s] &&
						  arrows[i].to == c.next);
			ck_assert_msg(known, "%s -> %s by %s", payment_state_name(own[s]),
				      payment_state_name(c.next),
				      payment_input_name((enum payment_input_kind)k));
		}
	}
}
END_TEST

START_TEST(it_is_never_undone_and_never_confirmed)
{
	const unsigned never = PAYMENT_DO_UNDO | PAYMENT_DO_CONFIRM;

	for (size_t s = 0; s < OWN; s++)
		for (unsigned k = 0; k < PAYMENT_INPUTS; k++)
			ck_assert_uint_eq(payment_table(PAYMENT_REFUND, own[s],
							(enum payment_input_kind)k)
							  .actions &
						  never,
					  0);
}
END_TEST

START_TEST(it_is_submitted_again_only_while_it_certainly_has_not_left)
{
	for (size_t s = 0; s < OWN; s++)
		for (unsigned k = 0; k < PAYMENT_INPUTS; k++) {
			unsigned actions = payment_table(PAYMENT_REFUND, own[s],
							 (enum payment_input_kind)k)
						   .actions;

			if (own[s] != PAYMENT_CREATED)
				ck_assert_uint_eq(actions & PAYMENT_DO_PAY, 0);
		}
}
END_TEST

START_TEST(a_doubt_is_never_a_no)
{
	static const enum payment_input_kind doubts[] = {
		PAYMENT_IN_UNKNOWN,   PAYMENT_IN_ADAPTER_GONE,   PAYMENT_IN_LIMIT,
		PAYMENT_IN_RESTARTED, PAYMENT_IN_SUBMIT_REFUSED, PAYMENT_IN_NOT_FOUND,
	};

	for (size_t i = 0; i < sizeof(doubts) / sizeof(doubts[0]); i++) {
		ck_assert_int_eq(
			payment_table(PAYMENT_REFUND, PAYMENT_SENDING, doubts[i]).next,
			PAYMENT_UNKNOWN);
		if (doubts[i] != PAYMENT_IN_NOT_FOUND)
			ck_assert_int_eq(
				payment_table(PAYMENT_REFUND, PAYMENT_UNKNOWN, doubts[i])
					.next,
				PAYMENT_UNKNOWN);
	}
}
END_TEST

START_TEST(a_yes_is_never_forgotten)
{
	for (size_t s = 0; s < OWN; s++) {
		struct payment p = begun();
		unsigned actions;

		p.state = own[s];
		actions = give(&p, PAYMENT_IN_APPROVED);
		ck_assert_int_eq(p.state, PAYMENT_REFUNDED);
		/* After a certain "no" the money may be back twice: somebody must look. */
		ck_assert_int_eq((actions & PAYMENT_DO_ALARM) != 0,
				 payment_is_refused(own[s]));
		if (own[s] != PAYMENT_REFUNDED)
			ck_assert_int_eq(p.answered_minor, AMOUNT);
	}
}
END_TEST

static const struct {
	enum payment_input_kind kind;
	int64_t amount;
	const char *currency;
	bool alarm;
} answers[] = {
	{ PAYMENT_IN_APPROVED, AMOUNT, "", false },
	{ PAYMENT_IN_APPROVED, AMOUNT, "EUR", false },
	{ PAYMENT_IN_APPROVED, AMOUNT, "USD", true },
	{ PAYMENT_IN_APPROVED, AMOUNT - 1, "", true },
	{ PAYMENT_IN_APPROVED, AMOUNT + 1, "", true },
	{ PAYMENT_IN_APPROVED, 0, "", true },
	{ PAYMENT_IN_PARTIAL, AMOUNT - 1, "", true },
	{ PAYMENT_IN_PARTIAL, AMOUNT, "", true },
};

START_TEST(another_amount_is_money_that_moved_and_calls_a_human)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct payment_rules r = PAYMENT_RULES_DEFAULT;
		struct payment_input in = { .kind = answers[i].kind,
					    .amount_minor = answers[i].amount,
					    .currency = str_of(answers[i].currency) };
		struct payment p = begun();
		unsigned actions;

		r.partial_ok = true;
		p.state = PAYMENT_SENDING;
		actions = payment_step(&p, &in, &r, &start);
		ck_assert_int_eq(p.state, PAYMENT_REFUNDED);
		ck_assert_int_eq(p.answered_minor, answers[i].amount);
		ck_assert_int_eq((actions & PAYMENT_DO_ALARM) != 0, answers[i].alarm);
	}
}
END_TEST

START_TEST(an_unknown_one_is_asked_about_for_ever_with_one_alarm)
{
	struct payment_rules r = PAYMENT_RULES_DEFAULT;
	struct payment p = begun();
	int64_t t = start.mono_ms;
	unsigned queries = 0, alarms = 0;

	(void)give(&p, PAYMENT_IN_SENDING_WANTED);
	(void)give(&p, PAYMENT_IN_UNKNOWN);
	while (t < start.mono_ms + INT64_C(24) * 3600 * 1000) {
		unsigned actions;

		ck_assert_int_gt(payment_deadline(&p, &r), t);
		t = payment_deadline(&p, &r);
		actions = give_at(&p, PAYMENT_IN_TIME, 0, t);
		queries += (actions & PAYMENT_DO_QUERY) != 0;
		alarms += (actions & PAYMENT_DO_ALARM) != 0;
		ck_assert_int_eq(p.state, PAYMENT_UNKNOWN);
	}
	ck_assert_uint_gt(queries, 1200); /* at least every 72 s */
	ck_assert_uint_eq(alarms, 1);
	ck_assert_uint_ne(give_at(&p, PAYMENT_IN_NOT_FOUND, 0, t) & PAYMENT_DO_ALARM, 0);
	ck_assert_int_eq(p.state, PAYMENT_NOT_SENT);
}
END_TEST

START_TEST(one_that_nobody_took_ends_after_a_minute_with_an_alarm)
{
	struct payment_rules r = PAYMENT_RULES_DEFAULT;
	struct payment p = begun();

	ck_assert_int_eq(payment_deadline(&p, &r), start.mono_ms + r.sending_ms);
	ck_assert_uint_eq(give_at(&p, PAYMENT_IN_TIME, 0, start.mono_ms + r.sending_ms),
			  PAYMENT_DO_STORE | PAYMENT_DO_RESULT | PAYMENT_DO_ALARM);
	ck_assert_int_eq(p.state, PAYMENT_CANCELLED);
	/* What asks to send it now is told no. */
	ck_assert_uint_eq(give(&p, PAYMENT_IN_SENDING_WANTED), PAYMENT_DO_REFUSE);
}
END_TEST

START_TEST(a_restart_sends_what_was_created_and_asks_about_what_was_sent)
{
	struct payment p = begun();

	ck_assert_uint_eq(give(&p, PAYMENT_IN_RESTARTED), PAYMENT_DO_PAY);
	ck_assert_int_eq(p.state, PAYMENT_CREATED);
	ck_assert_uint_eq(give(&p, PAYMENT_IN_ADAPTER_GONE), 0);
	ck_assert_uint_eq(give(&p, PAYMENT_IN_ADAPTER_BACK), PAYMENT_DO_PAY);
	(void)give(&p, PAYMENT_IN_SENDING_WANTED);
	ck_assert_int_eq(p.state, PAYMENT_SENDING);
	(void)give(&p, PAYMENT_IN_RESTARTED);
	ck_assert_int_eq(p.state, PAYMENT_UNKNOWN);
	ck_assert_uint_eq(give(&p, PAYMENT_IN_RESTARTED), PAYMENT_DO_QUERY);
	p = begun();
	ck_assert_uint_eq(give_at(&p, PAYMENT_IN_RESTARTED, 0, start.mono_ms + 3600000),
			  PAYMENT_DO_PAY); /* and its limit is over */
	ck_assert_uint_ne(give_at(&p, PAYMENT_IN_TIME, 0, start.mono_ms + 3600000) &
				  PAYMENT_DO_ALARM,
			  0);
	ck_assert_int_eq(p.state, PAYMENT_CANCELLED);
}
END_TEST

/* A walk of any inputs that the shell gives: whatever comes, in whatever order. */
static void
walk(uint32_t seed)
{
	struct payment p = begun();
	bool allowed = false, yes = false;

	for (unsigned i = 0; i < STEPS; i++) {
		enum payment_state before = p.state;
		enum payment_input_kind kind;
		unsigned actions;

		seed = seed * 1664525u + 1013904223u;
		kind = (enum payment_input_kind)((seed >> 16) % PAYMENT_IN_WRONG_AMOUNT);
		actions = give_at(&p, kind, (seed >> 8) % 4 == 0 ? 1 : AMOUNT,
				  start.mono_ms + i * 1000);
		ck_assert(is_own(p.state));
		if (actions & PAYMENT_DO_PAY) /* the first one may still be under way */
			ck_assert(!allowed);
		allowed = allowed || (actions & PAYMENT_DO_ALLOW) != 0;
		yes = yes || kind == PAYMENT_IN_APPROVED || kind == PAYMENT_IN_PARTIAL;
		ck_assert(!yes || p.state == PAYMENT_REFUNDED);
		ck_assert(yes || p.state != PAYMENT_REFUNDED);
		/* Nothing but the peer's own word makes a "no" of what may have left. */
		if (allowed && payment_is_refused(p.state) && !payment_is_refused(before))
			ck_assert(kind == PAYMENT_IN_DECLINED ||
				  kind == PAYMENT_IN_CANCELLED ||
				  kind == PAYMENT_IN_NOT_SENT ||
				  kind == PAYMENT_IN_NOT_FOUND);
	}
}

START_TEST(no_order_of_events_breaks_it)
{
	for (uint32_t i = 0; i < WALKS; i++)
		walk(i * 2654435761u + 1);
}
END_TEST

START_TEST(it_names_the_payment_that_it_gives_back)
{
	struct payment_start s = a_refund;
	struct payment p;
	unsigned actions = 77;

	memset(&s.original, 0, sizeof(s.original));
	ck_assert_int_eq(payment_begin(&p, &s, &start, &actions), -EINVAL);
	s.original_ref = STR("R-1");
	ck_assert_int_eq(payment_begin(&p, &s, &start, &actions), 0);
	ck_assert_str_eq(p.original_ref, "R-1");
	s.amount_minor = 0;
	ck_assert_int_eq(payment_begin(&p, &s, &start, &actions), -EINVAL);
}
END_TEST

UNIT_MAIN("payment_refund", every_event_in_every_state_has_an_answer,
	  states_change_only_along_the_arrows, it_is_never_undone_and_never_confirmed,
	  it_is_submitted_again_only_while_it_certainly_has_not_left,
	  a_doubt_is_never_a_no, a_yes_is_never_forgotten,
	  another_amount_is_money_that_moved_and_calls_a_human,
	  an_unknown_one_is_asked_about_for_ever_with_one_alarm,
	  one_that_nobody_took_ends_after_a_minute_with_an_alarm,
	  a_restart_sends_what_was_created_and_asks_about_what_was_sent,
	  no_order_of_events_breaks_it, it_names_the_payment_that_it_gives_back)
