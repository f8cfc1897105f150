/*
 * What stands between the events and the table of a payment: whose blob it is, what the POS that asked
 * is told, what a restart makes of an answer, and what a human is called for.
 */
#include "core/payment/payment.h"

#include "unit.h"

#define ASKED 1234

static const struct timepoint start = { 1000000, INT64_C(1790000000000), 0, 20260921 };

static struct payment_rules
rules_of(bool link_up, bool pos_up)
{
	struct payment_rules r = PAYMENT_RULES_DEFAULT;

	r.link_up = link_up;
	r.pos_up = pos_up;
	return r;
}

/* A payment in that state; for_pos: a POS asked for it. */
static struct payment
in_state(enum payment_state s, bool for_pos)
{
	struct payment p;
	struct payment_start begin = {
		.key = { { 7, 1 } },
		.ticket = STR("T1"),
		.currency = STR("EUR"),
		.rev = 3,
		.amount_minor = ASKED,
		.pos_adapter = for_pos ? STR("till") : STR(""),
		.pos_blob = (const uint8_t *)"till's own",
		.pos_blob_bytes = for_pos ? 10 : 0,
	};
	unsigned actions;

	ck_assert_int_eq(payment_begin(&p, &begin, &start, &actions), 0);
	p.state = s;
	p.approval_seen = payment_is_paid(s);
	p.answered_minor = p.approval_seen ? ASKED : 0;
	return p;
}

static unsigned
give_by(struct payment *p, enum payment_input_kind kind, const struct payment_rules *r)
{
	struct payment_input in = { .kind = kind, .amount_minor = ASKED };

	return payment_step(p, &in, r, &start);
}

static unsigned
give(struct payment *p, enum payment_input_kind kind)
{
	struct payment_rules r = rules_of(true, true);

	return give_by(p, kind, &r);
}

static unsigned
at(struct payment *p, int64_t after_ms)
{
	struct payment_rules r = rules_of(true, true);
	struct payment_input in = { .kind = PAYMENT_IN_TIME };
	struct timepoint now = start;

	now.mono_ms += after_ms;
	now.wall_ms += after_ms;
	return payment_step(p, &in, &r, &now);
}

START_TEST(the_blobs_of_payer_and_pos_are_kept_apart)
{
	struct payment p = in_state(PAYMENT_CREATED, true);
	struct payment_rules r = rules_of(true, true);
	struct payment_input in = { .kind = PAYMENT_IN_SENDING_WANTED,
				    .blob = (const uint8_t *)"payer's trace",
				    .blob_bytes = 13 };

	(void)payment_step(&p, &in, &r, &start); /* the record tells */
	ck_assert_uint_eq(p.blob_bytes, 13);
	ck_assert_mem_eq(p.blob, "payer's trace", 13);
	ck_assert_uint_eq(p.pos_blob_bytes, 10);
	ck_assert_mem_eq(p.pos_blob, "till's own", 10);
	p.state = PAYMENT_APPROVED;
	in = (struct payment_input){ .kind = PAYMENT_IN_ANSWER_WANTED,
				     .blob = (const uint8_t *)"answer 5",
				     .blob_bytes = 8 };
	ck_assert_uint_ne(payment_step(&p, &in, &r, &start) & PAYMENT_DO_ALLOW, 0);
	ck_assert_uint_eq(p.blob_bytes, 13);
	ck_assert_mem_eq(p.blob, "payer's trace", 13);
	ck_assert_uint_eq(p.pos_blob_bytes, 8);
	ck_assert_mem_eq(p.pos_blob, "answer 5", 8);
}
END_TEST

START_TEST(time_that_is_not_up_does_nothing)
{
	static const enum payment_state states[] = { PAYMENT_SENDING, PAYMENT_UNKNOWN,
						     PAYMENT_APPROVED,
						     PAYMENT_UNDO_QUEUED };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct payment p = in_state(states[i], false);

		p.due_mono_ms = start.mono_ms + 5000;
		ck_assert_uint_eq(at(&p, 4999), 0);
		ck_assert_uint_eq(p.tries, 0);
		ck_assert_int_eq(p.state, states[i]);
	}
}
END_TEST

START_TEST(each_state_may_call_a_human_once)
{
	struct payment p = in_state(PAYMENT_APPROVED, false);

	p.told = true;
	ck_assert_uint_ne(at(&p, 120000) & PAYMENT_DO_ALARM, 0);
	ck_assert_uint_eq(at(&p, 240000) & PAYMENT_DO_ALARM, 0);
	(void)give(&p, PAYMENT_IN_POS_UNDO); /* the state tells */
	ck_assert_int_eq(p.state, PAYMENT_UNDO_QUEUED);
	ck_assert_uint_ne(at(&p, 900000) & PAYMENT_DO_ALARM, 0);
	ck_assert_uint_eq(at(&p, 1800000) & PAYMENT_DO_ALARM, 0);
}
END_TEST

START_TEST(what_the_peer_never_had_and_then_approves_is_undone_again)
{
	struct payment p = in_state(PAYMENT_UNDO_QUEUED, false);
	unsigned actions;

	(void)give(&p, PAYMENT_IN_UNDO_NOTHING); /* the state tells */
	ck_assert_int_eq(p.state, PAYMENT_UNDONE);
	ck_assert(p.nothing_found);
	actions = give(&p, PAYMENT_IN_APPROVED);
	ck_assert_int_eq(p.state, PAYMENT_UNDO_QUEUED);
	ck_assert_uint_eq(actions & (PAYMENT_DO_UNDO | PAYMENT_DO_ALARM),
			  PAYMENT_DO_UNDO | PAYMENT_DO_ALARM);
	/* Now it is taken back for certain: the same approval once more is a repeat. */
	(void)give(&p, PAYMENT_IN_UNDONE); /* as above */
	ck_assert_int_eq(p.state, PAYMENT_UNDONE);
	ck_assert(!p.nothing_found);
	ck_assert_uint_eq(give(&p, PAYMENT_IN_APPROVED), 0);
	ck_assert_int_eq(p.state, PAYMENT_UNDONE);
}
END_TEST

START_TEST(the_currency_is_compared_whole)
{
	static const char *const others[] = { "E", "EU", "EURO", "eur", "USD" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct payment p = in_state(PAYMENT_SENDING, false);
		struct payment_rules r = rules_of(true, true);
		struct payment_input in = { .kind = PAYMENT_IN_APPROVED,
					    .amount_minor = ASKED,
					    .currency = str_of(others[i]) };

		ck_assert_uint_ne(payment_step(&p, &in, &r, &start) & PAYMENT_DO_ALARM,
				  0);
		ck_assert_int_eq(p.state, PAYMENT_UNDO_QUEUED);
	}
}
END_TEST

START_TEST(texts_of_the_peer_are_cut_to_what_fits_and_no_shorter)
{
	char long_text[PAYMENT_REF_BYTES + 5];
	const size_t lengths[] = { PAYMENT_REF_BYTES - 2, PAYMENT_REF_BYTES - 1,
				   PAYMENT_REF_BYTES, PAYMENT_REF_BYTES + 4 };

	memset(long_text, 'r', sizeof(long_text));
	for (size_t i = 0; i < 4; i++) {
		struct payment p = in_state(PAYMENT_SENDING, false);
		struct payment_rules r = rules_of(true, true);
		struct payment_input in = { .kind = PAYMENT_IN_APPROVED,
					    .amount_minor = ASKED,
					    .ref = { long_text, lengths[i] } };
		size_t want = lengths[i] < PAYMENT_REF_BYTES ? lengths[i]
							     : PAYMENT_REF_BYTES - 1;

		(void)payment_step(&p, &in, &r, &start); /* the record tells */
		ck_assert_uint_eq(strlen(p.ref), want);
	}
}
END_TEST

/* Every member of the start is in the record, and none in the place of another. */
START_TEST(what_a_payment_begins_with_is_kept)
{
	static struct payment p;
	const struct payment_start begin = {
		.key = { { 1, 1 } },
		.checkout = { { 2, 2 } },
		.ticket = STR("ticket"),
		.currency = STR("SEK"),
		.adapter = STR("payer"),
		.rev = 7,
		.amount_minor = 99,
		.by_touch = true,
		.kind = PAYMENT_REFUND,
		.original = { { 3, 3 } },
		.original_ref = STR("R-3"),
		.return_id = { { 4, 4 } },
		.pos_adapter = STR("till"),
		.pos_ref = STR("P-5"),
		.pos_blob = (const uint8_t *)"six",
		.pos_blob_bytes = 3,
		.two_phase = true,
		.member = { { 8, 8 } },
	};
	unsigned actions;

	ck_assert_int_eq(payment_begin(&p, &begin, &start, &actions), 0);
	ck_assert(key128_eq(p.key, begin.key));
	ck_assert(ulid_eq(p.checkout, begin.checkout));
	ck_assert(key128_eq(p.original, begin.original));
	ck_assert(ulid_eq(p.return_id, begin.return_id));
	ck_assert(ulid_eq(p.member, begin.member));
	ck_assert_str_eq(p.ticket, "ticket");
	ck_assert_str_eq(p.currency, "SEK");
	ck_assert_str_eq(p.adapter, "payer");
	ck_assert_str_eq(p.original_ref, "R-3");
	ck_assert_str_eq(p.pos_adapter, "till");
	ck_assert_str_eq(p.pos_ref, "P-5");
	ck_assert_uint_eq(p.pos_blob_bytes, 3);
	ck_assert_mem_eq(p.pos_blob, "six", 3);
	ck_assert_uint_eq(p.rev, 7);
	ck_assert_int_eq(p.asked_minor, 99);
	ck_assert_int_eq(p.answered_minor, 0);
	ck_assert_int_eq(p.kind, PAYMENT_REFUND);
	ck_assert_int_eq(p.state, PAYMENT_CREATED);
	ck_assert(p.by_touch && p.two_phase && !p.told && !p.taken && !p.approval_seen);
	ck_assert_int_eq(p.created_wall_ms, start.wall_ms);
	ck_assert_int_eq(p.state_wall_ms, start.wall_ms);
	ck_assert_int_eq(p.due_mono_ms, PAYMENT_NEVER);
}
END_TEST

/* ---- payments that a POS asked for ------------------------------------------ */

/* The payer has it for good; the POS still has to hear of it, or to take it. */
START_TEST(a_payer_s_confirmation_does_not_speak_for_the_pos)
{
	static const enum payment_state paid[] = { PAYMENT_APPROVED, PAYMENT_PARTIAL,
						   PAYMENT_ANSWER_SENDING };

	for (size_t i = 0; i < 3; i++) {
		struct payment p = in_state(paid[i], true);

		ck_assert_uint_eq(give(&p, PAYMENT_IN_CONFIRMED), 0); /* kept */
		ck_assert_int_eq(p.state, paid[i]);
		p.told = true;
		ck_assert_uint_eq(give(&p, PAYMENT_IN_CONFIRMED),
				  0); /* told, not taken */
		ck_assert_int_eq(p.state, paid[i]);
		p.taken = true;
		ck_assert_uint_ne(give(&p, PAYMENT_IN_CONFIRMED) & PAYMENT_DO_STORE, 0);
		ck_assert_int_eq(p.state, PAYMENT_CONFIRMED);
	}
}
END_TEST

/* A part after the whole fits nothing: it is noted, also while the POS has not taken the whole. */
START_TEST(a_payer_that_says_less_than_before_is_noted)
{
	struct payment p = in_state(PAYMENT_APPROVED, true);
	struct payment_rules r = rules_of(true, true);
	struct payment_input in = { .kind = PAYMENT_IN_PARTIAL,
				    .amount_minor = ASKED - 1 };

	r.partial_ok = true;
	ck_assert_uint_eq(payment_step(&p, &in, &r, &start), PAYMENT_DO_NOTE);
	ck_assert_int_eq(p.state, PAYMENT_APPROVED);
	ck_assert_int_eq(p.answered_minor, ASKED);
}
END_TEST

START_TEST(an_approval_that_the_pos_did_not_hear_of_ends_with_a_word_to_it)
{
	static const enum payment_state kept[] = { PAYMENT_APPROVED, PAYMENT_PARTIAL,
						   PAYMENT_ANSWER_SENDING };

	for (size_t i = 0; i < 3; i++) {
		struct payment p = in_state(kept[i], true);
		unsigned actions = at(&p, 120000);

		ck_assert_int_eq(p.state, PAYMENT_UNDO_QUEUED);
		ck_assert_uint_ne(actions & PAYMENT_DO_ANSWER, 0);
		ck_assert_uint_ne(actions & PAYMENT_DO_UNDO, 0);
		ck_assert_int_eq(payment_answer(&p), PAYMENT_ANSWER_CANCELLED);
	}
	for (size_t i = 0; i < 3; i++) { /* and what it has is not taken back */
		struct payment p = in_state(kept[i], true);

		p.told = true;
		ck_assert_uint_ne(at(&p, 120000) & PAYMENT_DO_ALARM, 0);
		ck_assert_int_eq(p.state, kept[i]);
	}
}
END_TEST

/* The process that was sending the answer is dead: nobody here knows whether it left. */
START_TEST(after_a_restart_an_answer_may_have_left)
{
	struct payment p = in_state(PAYMENT_ANSWER_SENDING, true);
	struct payment q = in_state(PAYMENT_APPROVED, true);

	(void)give(&p, PAYMENT_IN_RESTARTED); /* the record tells */
	ck_assert(p.told);
	ck_assert_uint_eq(give(&p, PAYMENT_IN_VOID) & PAYMENT_DO_UNDO, 0);
	ck_assert_int_eq(p.state, PAYMENT_ANSWER_SENDING);
	(void)give(&q, PAYMENT_IN_RESTARTED); /* as above */
	ck_assert(!q.told);
	ck_assert_uint_ne(give(&q, PAYMENT_IN_VOID) & PAYMENT_DO_UNDO, 0);
	ck_assert_int_eq(q.state, PAYMENT_UNDO_QUEUED);
}
END_TEST

static const struct {
	enum payment_state state;
	int64_t answered;
	bool passed, given_back;
	enum payment_answer answer;
} answers[] = {
	{ PAYMENT_CREATED, 0, false, false, PAYMENT_ANSWER_NONE },
	{ PAYMENT_SENDING, 0, false, false, PAYMENT_ANSWER_NONE },
	{ PAYMENT_UNKNOWN, 0, false, false, PAYMENT_ANSWER_NONE },
	{ PAYMENT_APPROVED, ASKED, false, false, PAYMENT_ANSWER_APPROVED },
	{ PAYMENT_PARTIAL, ASKED - 1, false, false, PAYMENT_ANSWER_PARTIAL },
	{ PAYMENT_ANSWER_SENDING, ASKED, false, false, PAYMENT_ANSWER_APPROVED },
	{ PAYMENT_ANSWER_SENDING, 1, false, false, PAYMENT_ANSWER_PARTIAL },
	{ PAYMENT_CONFIRMED, ASKED, false, false, PAYMENT_ANSWER_APPROVED },
	{ PAYMENT_CONFIRMED, ASKED, false, true, PAYMENT_ANSWER_CANCELLED },
	{ PAYMENT_DECLINED, 0, false, false, PAYMENT_ANSWER_DECLINED },
	{ PAYMENT_DECLINED, 0, true, false, PAYMENT_ANSWER_DECLINED },
	{ PAYMENT_CANCELLED, 0, false, false, PAYMENT_ANSWER_CANCELLED },
	{ PAYMENT_CANCELLED, 0, true, false, PAYMENT_ANSWER_PASS },
	{ PAYMENT_NOT_SENT, 0, true, false, PAYMENT_ANSWER_PASS },
	{ PAYMENT_NOT_SENT, 0, false, false, PAYMENT_ANSWER_CANCELLED },
	{ PAYMENT_UNDO_QUEUED, ASKED, true, false, PAYMENT_ANSWER_CANCELLED },
	{ PAYMENT_UNDONE, ASKED, false, false, PAYMENT_ANSWER_CANCELLED },
	{ PAYMENT_UNDO_FAILED, ASKED, false, false, PAYMENT_ANSWER_CANCELLED },
};

START_TEST(a_pos_is_told_what_the_payment_has_come_to)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct payment p = in_state(answers[i].state, true);

		p.answered_minor = answers[i].answered;
		p.passed = answers[i].passed;
		p.given_back = answers[i].given_back;
		ck_assert_msg(payment_answer(&p) == answers[i].answer, "row %zu", i);
		p.pos_adapter[0] = '\0'; /* nobody asked */
		ck_assert_int_eq(payment_answer(&p), PAYMENT_ANSWER_NONE);
	}
}
END_TEST

/* ---- what a human is told ------------------------------------------------------- */

static const struct {
	enum payment_kind kind;
	enum payment_state state;
	bool for_pos, told, seen;
	uint32_t tries;
	int64_t answered;
	const char *says;
} alarms[] = {
	{ PAYMENT_PAY, PAYMENT_UNDO_FAILED, false, true, true, 3, ASKED, "by hand" },
	{ PAYMENT_PAY, PAYMENT_APPROVED, false, true, true, 1, ASKED,
	  "whether the POS has taken it" },
	{ PAYMENT_PAY, PAYMENT_ANSWER_SENDING, true, true, true, 1, ASKED,
	  "whether the POS has taken it" },
	{ PAYMENT_PAY, PAYMENT_DECLINED, false, false, false, 0, 0, "contradicts" },
	{ PAYMENT_PAY, PAYMENT_UNDO_QUEUED, true, true, true, 1, ASKED,
	  "the POS may have it as paid" },
	{ PAYMENT_PAY, PAYMENT_UNDO_QUEUED, false, false, true, 1, ASKED + 1,
	  "not for the amount" },
	{ PAYMENT_PAY, PAYMENT_UNDO_QUEUED, false, false, true, 1, ASKED,
	  "nobody waits for" },
	{ PAYMENT_PAY, PAYMENT_UNDO_QUEUED, false, false, false, 10, 0, "still tried" },
	{ PAYMENT_PAY, PAYMENT_UNDO_QUEUED, true, true, true, 2, ASKED, "still tried" },
	{ PAYMENT_PAY, PAYMENT_UNDO_QUEUED, false, false, false, 1, 0,
	  "nobody waits for" },
	{ PAYMENT_REFUND, PAYMENT_UNKNOWN, false, false, false, 9, 0,
	  "still asked about" },
	{ PAYMENT_REFUND, PAYMENT_DECLINED, false, false, false, 0, 0,
	  "pay it back otherwise" },
	{ PAYMENT_REFUND, PAYMENT_NOT_SENT, false, false, false, 0, 0,
	  "pay it back otherwise" },
	{ PAYMENT_REFUND, PAYMENT_REFUNDED, false, false, true, 0, ASKED - 1,
	  "not the amount" },
	{ PAYMENT_REFUND, PAYMENT_REFUNDED, false, false, true, 0, ASKED, "contradicts" },
	{ PAYMENT_REFUND, PAYMENT_SENDING, false, false, true, 0, ASKED - 1,
	  "contradicts" },
};

START_TEST(an_alarm_says_what_has_happened_or_is_to_be_done)
{
	for (size_t i = 0; i < sizeof(alarms) / sizeof(alarms[0]); i++) {
		struct payment p = in_state(alarms[i].state, alarms[i].for_pos);

		p.kind = alarms[i].kind;
		p.told = alarms[i].told;
		p.approval_seen = alarms[i].seen;
		p.tries = alarms[i].tries;
		p.answered_minor = alarms[i].answered;
		ck_assert_msg(strstr(payment_alarm_text(&p), alarms[i].says) != NULL,
			      "row %zu: %s", i, payment_alarm_text(&p));
	}
}
END_TEST

UNIT_MAIN("payment_guards", the_blobs_of_payer_and_pos_are_kept_apart,
	  time_that_is_not_up_does_nothing, each_state_may_call_a_human_once,
	  what_the_peer_never_had_and_then_approves_is_undone_again,
	  the_currency_is_compared_whole,
	  texts_of_the_peer_are_cut_to_what_fits_and_no_shorter,
	  what_a_payment_begins_with_is_kept,
	  a_payer_s_confirmation_does_not_speak_for_the_pos,
	  a_payer_that_says_less_than_before_is_noted,
	  an_approval_that_the_pos_did_not_hear_of_ends_with_a_word_to_it,
	  after_a_restart_an_answer_may_have_left,
	  a_pos_is_told_what_the_payment_has_come_to,
	  an_alarm_says_what_has_happened_or_is_to_be_done)
