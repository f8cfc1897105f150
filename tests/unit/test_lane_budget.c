/*
 * Whatever others make up, the journal does not grow without end, and its audit says what it leaves
 * out: strangers' completions, odd answers, card numbers, claims, tickets.
 */
#include "core/checkout/checkout.h"

#include "unit.h"

#include <errno.h>

#define HOUR_MS (INT64_C(3600) * 1000)
#define FLOOD 5000u
#define ODD_HOUR 60u     /* what the core lets each of them have in an hour */
#define BEGIN_BURST 1000 /* checkouts at once, then one in three seconds */

struct desk {
	struct lane_core *core;
	struct timepoint now;
	struct lane_effects out;
	struct lane_fresh fresh;
	/* Since the last forget(). */
	unsigned rows, left_out, checkouts;
	char said[8][120]; /* of the first rows that tell what was left out */
};

static void
note(struct desk *d)
{
	for (uint32_t i = 0; i < d->out.count; i++) {
		const struct lane_effect *fx = &d->out.list[i];

		d->checkouts += fx->kind == FX_STORE_CHECKOUT;
		if (fx->kind != FX_AUDIT)
			continue;
		d->rows++;
		if (strcmp(fx->audit.what, "audit-left-out") != 0)
			continue;
		ck_assert_ptr_nonnull(fx->audit.text);
		if (d->left_out < 8)
			(void)snprintf(d->said[d->left_out], 120, "%s", fx->audit.text);
		d->left_out++;
	}
}

static void
forget(struct desk *d)
{
	d->rows = d->left_out = d->checkouts = 0;
}

static int
give(struct desk *d, struct lane_event *ev)
{
	uint32_t n = ((uint32_t)d->fresh.key.b[14] << 8 | d->fresh.key.b[15]) + 1;
	int rc;

	d->fresh.checkout.b[0] = d->fresh.key.b[0] = 1;
	d->fresh.checkout.b[14] = d->fresh.key.b[14] = (uint8_t)(n >> 8);
	d->fresh.checkout.b[15] = d->fresh.key.b[15] = (uint8_t)n;
	ev->fresh = d->fresh;
	rc = lane_core_step(d->core, ev, &d->now, &d->out);
	note(d);
	return rc;
}

static void
tick(struct desk *d, int64_t later_ms)
{
	struct lane_event ev = { .kind = LANE_EV_TICK };

	d->now.mono_ms += later_ms;
	d->now.wall_ms += later_ms;
	ck_assert_int_eq(give(d, &ev), 0);
}

static void
open_lane(struct desk *d, bool pos_asks)
{
	struct lane_env env = { .limits = LANE_LIMITS_DEFAULT,
				.payment = PAYMENT_RULES_DEFAULT,
				.currency = "EUR",
				.language = STR("en"),
				.can_pay = true,
				.pos_asks = pos_asks };
	struct lane_event ev = { .kind = LANE_EV_ADAPTER, .up = true };

	memset(d, 0, sizeof(*d));
	d->now = (struct timepoint){ 1000, INT64_C(1790000000000), 0, 20260921 };
	ck_assert_int_eq(lane_core_new(&env, &d->core), 0);
	ck_assert_int_eq(give(d, &ev), 0);
	ev.kind = LANE_EV_BIO;
	ck_assert_int_eq(give(d, &ev), 0);
	ev = (struct lane_event){ .kind = LANE_EV_READERS };
	ck_assert_int_eq(give(d, &ev), 0);
}

static void
open_desk(struct desk *d)
{
	open_lane(d, false);
}

static void
close_desk(struct desk *d)
{
	d->core = lane_core_free(d->core);
}

static int
basket(struct desk *d, unsigned ticket)
{
	struct basket_line line = { .line = 1,
				    .code = "1",
				    .qty_milli = 1000,
				    .unit_price_minor = 2000,
				    .amount_minor = 2000 };
	struct lane_event ev = { .kind = LANE_EV_BASKET };
	char name[16];

	(void)snprintf(name, sizeof(name), "T%u", ticket);
	ev.basket.ticket = str_of(name);
	ev.basket.rev = 1;
	ev.basket.lines = &line;
	ev.basket.lines_count = 1;
	ev.basket.final = true;
	return give(d, &ev);
}

static void
member_of(struct lane_member *m)
{
	memset(m, 0, sizeof(*m));
	m->member.b[15] = m->subjects[0].b[15] = 1;
	m->subjects_count = 1;
	m->has_tender = true;
	(void)snprintf(m->token, sizeof(m->token), "tok");
}

static void
identify(struct desk *d, const struct lane_member *m)
{
	struct lane_event ev = { .kind = LANE_EV_TOUCH };

	ev.touch.probe = STR("p1");
	ck_assert_int_eq(give(d, &ev), 0);
	ev = (struct lane_event){ .kind = LANE_EV_IDENTIFIED };
	ev.bio.probe = STR("p1");
	ev.bio.outcome = BIO_ACCEPT;
	ev.bio.member = m;
	ck_assert_int_eq(give(d, &ev), 0);
}

/* A member has just touched a total: the payment is created, and its key is the last fresh one. */
static struct key128
pay(struct desk *d)
{
	struct lane_member m;

	member_of(&m);
	ck_assert_int_eq(basket(d, 0), 0);
	identify(d, &m);
	ck_assert_int_eq(lane_core_display(d->core)->phase, PHASE_PAYING);
	return d->fresh.key;
}

/* An approval under a key that the journal does not know. */
static void
invent(struct desk *d, struct str adapter, unsigned n)
{
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };

	ev.completion.op = LANE_OP_OTHER;
	ev.completion.outcome = OUTCOME_APPROVED;
	ev.completion.from = adapter;
	ev.completion.stranger = true;
	ev.completion.key.b[0] = 0xff;
	ev.completion.key.b[1] = (uint8_t)(n >> 8);
	ev.completion.key.b[2] = (uint8_t)n;
	ck_assert_int_eq(give(d, &ev), -ENOENT);
}

START_TEST(invented_completions_cost_a_bounded_number_of_rows)
{
	char all[64];
	struct desk d;

	open_desk(&d);
	forget(&d);
	for (unsigned i = 0; i < FLOOD; i++)
		invent(&d, STR("mad"), i);
	ck_assert_uint_eq(d.rows, ODD_HOUR + 1);
	ck_assert_uint_eq(d.left_out, 1); /* said at once: we may die within the hour */
	ck_assert_ptr_nonnull(strstr(d.said[0], "mad"));
	forget(&d);
	ck_assert_int_le(lane_core_deadline(d.core), d.now.mono_ms + HOUR_MS);
	tick(&d, HOUR_MS);
	ck_assert_uint_eq(d.left_out, 1);
	(void)snprintf(all, sizeof(all), "%u further", FLOOD - ODD_HOUR);
	ck_assert_ptr_nonnull(strstr(d.said[0], all));
	ck_assert_ptr_nonnull(strstr(d.said[0], "mad"));
	forget(&d);
	tick(&d, HOUR_MS);
	ck_assert_uint_eq(d.left_out, 0);
	invent(&d, STR("mad"), 1);
	ck_assert_uint_eq(d.rows, 1); /* another hour */
	close_desk(&d);
}
END_TEST

START_TEST(one_adapter_that_floods_takes_no_other_ones_rows)
{
	struct desk d;

	open_desk(&d);
	for (unsigned i = 0; i < FLOOD; i++)
		invent(&d, STR("mad"), i);
	forget(&d);
	invent(&d, STR("sane"), 1);
	ck_assert_uint_eq(d.rows, 1);
	ck_assert_uint_eq(d.left_out, 0);
	close_desk(&d);
}
END_TEST

START_TEST(odd_answers_to_a_payment_cost_a_bounded_number_of_rows)
{
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };
	struct desk d;

	open_desk(&d);
	ev.completion.key = pay(&d);
	ev.completion.from = STR("mad");
	ev.completion.op = LANE_OP_PAY;
	ev.completion.outcome = OUTCOME_APPROVED;
	ev.completion.amount_minor = 2000;
	ev.completion.has_amount = true;
	ck_assert_int_eq(give(&d, &ev), 0);
	forget(&d);
	ev.completion.op = LANE_OP_QUERY;
	ev.completion.outcome = OUTCOME_DECLINED;
	for (unsigned i = 0; i < FLOOD; i++)
		ck_assert_int_eq(give(&d, &ev), 0);
	/* Each calls a human, too: the payment's own alarms, and as many of the hour as odd words. */
	ck_assert_uint_eq(d.rows, 2 * ODD_HOUR + 4 + 1);
	close_desk(&d);
}
END_TEST

/* The POS of a lane asks for the total of a member who is here, and goes away. */
static struct key128
ask_and_go(struct desk *d)
{
	struct lane_event ev = { .kind = LANE_EV_POS_LINK };
	struct lane_member m;

	member_of(&m);
	ev.pos.adapter = STR("pos");
	ev.pos.up = true;
	ck_assert_int_eq(give(d, &ev), 0);
	ck_assert_int_eq(basket(d, 0), 0);
	identify(d, &m);
	ev = (struct lane_event){ .kind = LANE_EV_TENDER_WANTED };
	ev.tender.adapter = STR("pos");
	ev.tender.ticket = STR("T0");
	ev.tender.ref = STR("r1");
	ev.tender.amount_minor = 2000;
	ck_assert_int_eq(give(d, &ev), 0);
	ck_assert_uint_eq(lane_core_payments_count(d->core), 1);
	ev = (struct lane_event){ .kind = LANE_EV_POS_LINK };
	ev.pos.adapter = STR("pos");
	ck_assert_int_eq(give(d, &ev), 0);
	return lane_core_payment(d->core, 0)->key;
}

/* Undone, approved after all, undone: as often as the payer likes to say so while an answer is owed. */
START_TEST(a_payment_that_is_turned_over_and_over_costs_few_rows)
{
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };
	struct desk d;

	open_lane(&d, true);
	ev.completion.key = ask_and_go(&d);
	ev.completion.from = STR("mad");
	ev.completion.amount_minor = 1999; /* not what was asked, nor a part that fits */
	ev.completion.has_amount = true;
	ev.completion.op = LANE_OP_PAY;
	ev.completion.outcome = OUTCOME_DECLINED;
	(void)give(&d, &ev); /* what the state makes of it shows below */
	forget(&d);
	for (unsigned i = 0; i < FLOOD; i++) {
		ev.completion.op = i % 2 == 0 ? LANE_OP_PAY : LANE_OP_UNDO;
		ev.completion.outcome = i % 2 == 0 ? OUTCOME_APPROVED : OUTCOME_UNDONE;
		ck_assert_int_eq(give(&d, &ev), 0);
	}
	ck_assert_uint_ge(d.rows, 2);
	ck_assert_uint_le(d.rows, 5); /* its states go round once */
	close_desk(&d);
}
END_TEST

START_TEST(journal_words_with_a_card_number_cost_a_bounded_number_of_rows)
{
	struct lane_event ev = { .kind = LANE_EV_JOURNAL_WANTED };
	struct desk d;
	char pan[17];

	(void)snprintf(pan, sizeof(pan), "%s%s", "41111111", "11111111");
	open_desk(&d);
	ev.journal.key = pay(&d);
	ev.journal.from = STR("mad");
	ev.journal.req = STR("1");
	ev.journal.blob = (const uint8_t *)pan;
	ev.journal.blob_bytes = 16;
	forget(&d);
	for (unsigned i = 0; i < FLOOD; i++)
		ck_assert_int_lt(give(&d, &ev), 0);
	ck_assert_uint_eq(d.rows, ODD_HOUR + 1);
	close_desk(&d);
}
END_TEST

START_TEST(a_checkouts_claims_cost_a_bounded_number_of_rows_and_its_end_says_how_many)
{
	struct lane_event ev = { .kind = LANE_EV_CLAIM };
	struct desk d;
	unsigned kept, left = 0;

	open_desk(&d);
	ck_assert_int_eq(basket(&d, 1), 0);
	ev.claim.kind = CLAIM_DIGITS;
	ev.claim.value = STR("1234");
	forget(&d);
	for (unsigned i = 0; i < FLOOD; i++)
		(void)give(&d, &ev); /* three are looked for, and the others refused */
	ck_assert_uint_le(d.rows, 101);
	ck_assert_uint_eq(d.left_out, 1);
	kept = d.rows - 1;
	forget(&d);
	ck_assert_int_eq(basket(&d, 2), 0); /* the next one ends it */
	ck_assert_uint_eq(d.left_out, 1);
	ck_assert_int_eq(sscanf(d.said[0], "%u further", &left), 1);
	ck_assert_uint_ge(kept + left, FLOOD - 3);
	close_desk(&d);
}
END_TEST

START_TEST(no_more_checkouts_begin_than_shoppers_can_come)
{
	struct desk d;
	int begun = 0, rc;

	open_desk(&d);
	forget(&d);
	for (unsigned i = 0; i < FLOOD; i++) {
		rc = basket(&d, i);
		ck_assert(rc == 0 || rc == -EAGAIN);
		begun += rc == 0;
	}
	ck_assert_int_eq(begun, BEGIN_BURST);
	ck_assert_uint_le(d.checkouts, 2 * BEGIN_BURST); /* its begin, its end */
	ck_assert_uint_le(d.rows, 4 * BEGIN_BURST + ODD_HOUR + 1);
	tick(&d, 3000);
	ck_assert_int_eq(basket(&d, FLOOD), 0); /* who really comes is served again */
	ck_assert_int_eq(basket(&d, FLOOD + 1), -EAGAIN);
	close_desk(&d);
}
END_TEST

START_TEST(rows_that_a_failing_journal_did_not_take_are_counted_in_it)
{
	struct lane_event failed = { .kind = LANE_EV_JOURNAL_FAILED };
	struct desk d;
	unsigned lost = 0;

	open_desk(&d);
	for (unsigned i = 0; i < 40; i++) {
		invent(&d, STR("mad"), i);
		ck_assert_int_eq(give(&d, &failed), 0);
	}
	tick(&d, HOUR_MS / 2); /* tried again, and not refused */
	forget(&d);
	tick(&d, 1);
	ck_assert_uint_eq(d.left_out, 1);
	ck_assert_int_eq(sscanf(d.said[0], "%u records", &lost), 1);
	ck_assert_uint_ge(lost, 40 - 24);
	forget(&d);
	tick(&d, 1);
	ck_assert_uint_eq(d.left_out, 0);
	close_desk(&d);
}
END_TEST

/* A POS asks and takes it back, asks again: each time that is another payment with its rows. */
START_TEST(requests_that_a_pos_takes_back_cost_a_bounded_number_of_rows)
{
	struct lane_event ev;
	struct desk d;
	char ref[16];
	unsigned begun = 0;

	open_lane(&d, true);
	(void)ask_and_go(&d);
	ev = (struct lane_event){ .kind = LANE_EV_POS_LINK };
	ev.pos.adapter = STR("pos");
	ev.pos.up = true;
	ck_assert_int_eq(give(&d, &ev), 0);
	forget(&d);
	for (unsigned i = 0; i < FLOOD; i++) {
		(void)snprintf(ref, sizeof(ref), "R%u", i);
		ev = (struct lane_event){ .kind = LANE_EV_TENDER_WANTED };
		ev.tender.adapter = STR("pos");
		ev.tender.ticket = STR("T0");
		ev.tender.ref = str_of(ref);
		ev.tender.amount_minor = 2000;
		ck_assert_int_eq(give(&d, &ev), 0);
		ev = (struct lane_event){ .kind = LANE_EV_TENDER_ABORT,
					  .key = d.fresh.key };
		begun += give(&d, &ev) == 0;
	}
	ck_assert_uint_ge(begun, 20); /* a cashier may try again */
	ck_assert_uint_le(begun, 50);
	ck_assert_uint_le(d.rows, 50 * 2 + 101);
	close_desk(&d);
}
END_TEST

static bool
has_row(const struct desk *d, const char *what)
{
	for (uint32_t i = 0; i < d->out.count; i++)
		if (d->out.list[i].kind == FX_AUDIT &&
		    strcmp(d->out.list[i].audit.what, what) == 0)
			return true;
	return false;
}

/* What costs money is not crowded out by what does not, nor by what others make up. */
START_TEST(an_alarm_of_a_payment_is_written_though_its_adapter_has_spent_its_rows)
{
	struct lane_event ev = { .kind = LANE_EV_JOURNAL_WANTED };
	struct key128 key;
	struct desk d;
	char pan[17];

	(void)snprintf(pan, sizeof(pan), "%s%s", "41111111", "11111111");
	open_desk(&d);
	key = pay(&d);
	ev.journal.key = key;
	ev.journal.from = STR("mad");
	ev.journal.req = STR("1");
	ev.journal.blob = (const uint8_t *)pan;
	ev.journal.blob_bytes = 16;
	for (unsigned i = 0; i < FLOOD; i++)
		(void)give(&d, &ev); /* refused */
	invent(&d, STR("mad"), 0);
	ck_assert(has_row(&d, "payment-alarm"));
	for (unsigned i = 0; i < FLOOD; i++)
		invent(&d, STR("mad"), i);
	ck_assert(!has_row(&d, "payment-alarm"));
	ev = (struct lane_event){ .kind = LANE_EV_COMPLETION };
	ev.completion.key = key;
	ev.completion.from = STR("mad");
	ev.completion.op = LANE_OP_PAY;
	ev.completion.outcome = OUTCOME_APPROVED;
	ev.completion.amount_minor = 2000;
	ev.completion.has_amount = true;
	ck_assert_int_eq(give(&d, &ev), 0);
	ev.completion.op = LANE_OP_QUERY;
	ev.completion.outcome =
		OUTCOME_DECLINED; /* "the peer contradicts what it said" */
	ck_assert_int_eq(give(&d, &ev), 0);
	ck_assert(has_row(&d, "payment-alarm"));
	close_desk(&d);
}
END_TEST

/* The last word about money is the core's own: no flood keeps it out. */
START_TEST(an_alarm_that_time_brings_is_never_left_out)
{
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };
	struct desk d;
	bool seen = false;

	open_desk(&d);
	ev.completion.key = pay(&d);
	ev.completion.from = STR("mad");
	ev.completion.op = LANE_OP_PAY;
	ev.completion.outcome = OUTCOME_UNKNOWN;
	ck_assert_int_eq(give(&d, &ev), 0);
	for (unsigned i = 0; i < FLOOD; i++) {
		invent(&d, STR("mad"), i);
		invent(&d, STR(""), i);
	}
	for (int i = 0; i < 60 && !seen; i++) {
		tick(&d, 60000);
		for (uint32_t k = 0; k < d.out.count; k++)
			seen = seen ||
			       (d.out.list[k].kind == FX_AUDIT &&
				strcmp(d.out.list[k].audit.what, "payment-alarm") == 0);
	}
	ck_assert(seen);
	close_desk(&d);
}
END_TEST

START_TEST(what_is_written_beside_the_core_has_the_same_budget)
{
	unsigned may = 0;
	struct desk d;

	open_desk(&d);
	for (unsigned i = 0; i < FLOOD; i++)
		may += lane_core_audit_spend(d.core, STR("mad"), "payment-alarm", &d.now);
	ck_assert_uint_eq(may, ODD_HOUR);
	forget(&d);
	tick(&d, 1);
	ck_assert_uint_eq(d.left_out, 1);
	forget(&d);
	tick(&d, HOUR_MS);
	ck_assert_uint_eq(d.left_out, 1);
	ck_assert_ptr_nonnull(strstr(d.said[0], "payment-alarm"));
	ck_assert(lane_core_audit_spend(d.core, STR("mad"), "payment-alarm", &d.now));
	close_desk(&d);
}
END_TEST

UNIT_MAIN("lane_budget", invented_completions_cost_a_bounded_number_of_rows,
	  one_adapter_that_floods_takes_no_other_ones_rows,
	  odd_answers_to_a_payment_cost_a_bounded_number_of_rows,
	  a_payment_that_is_turned_over_and_over_costs_few_rows,
	  journal_words_with_a_card_number_cost_a_bounded_number_of_rows,
	  a_checkouts_claims_cost_a_bounded_number_of_rows_and_its_end_says_how_many,
	  no_more_checkouts_begin_than_shoppers_can_come,
	  rows_that_a_failing_journal_did_not_take_are_counted_in_it,
	  requests_that_a_pos_takes_back_cost_a_bounded_number_of_rows,
	  an_alarm_of_a_payment_is_written_though_its_adapter_has_spent_its_rows,
	  an_alarm_that_time_brings_is_never_left_out,
	  what_is_written_beside_the_core_has_the_same_budget)
