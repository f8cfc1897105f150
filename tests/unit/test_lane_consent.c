/*
 * What a touch alone may pay, to the cent; and what it was a consent to: that revision of that basket, in a
 * lane that may touch money at all.
 */
#include "core/checkout/checkout.h"

#include "unit.h"

struct desk {
	struct lane_core *core;
	struct timepoint now;
	struct lane_effects out;
	struct lane_fresh fresh;
	uint32_t rev;
	unsigned pays; /* handed to the adapter */
};

static void
give(struct desk *d, struct lane_event *ev)
{
	d->fresh.checkout.b[0] = d->fresh.key.b[0] = 1;
	d->fresh.checkout.b[15]++;
	d->fresh.key.b[15]++;
	ev->fresh = d->fresh;
	ck_assert_int_eq(lane_core_step(d->core, ev, &d->now, &d->out), 0);
	for (uint32_t i = 0; i < d->out.count; i++)
		d->pays += d->out.list[i].kind == FX_PAY;
}

static void
total(struct desk *d, int64_t amount)
{
	struct basket_line line = { .line = 1,
				    .code = "1",
				    .qty_milli = 1000,
				    .unit_price_minor = amount,
				    .amount_minor = amount };
	struct lane_event ev = { .kind = LANE_EV_BASKET };

	ev.basket.ticket = STR("T1");
	ev.basket.rev = ++d->rev;
	ev.basket.lines = &line;
	ev.basket.lines_count = 1;
	ev.basket.final = true;
	give(d, &ev);
}

static void
touch(struct desk *d)
{
	struct lane_event ev = { .kind = LANE_EV_TOUCH };

	ev.touch.probe = STR("p1");
	give(d, &ev);
}

/* The finger is that of a member who has paid so much by touch today. */
static void
recognised(struct desk *d, int64_t today)
{
	struct lane_event ev = { .kind = LANE_EV_IDENTIFIED };
	struct lane_member m;

	memset(&m, 0, sizeof(m));
	m.member.b[15] = m.subjects[0].b[15] = 1;
	m.subjects_count = 1;
	m.has_tender = true;
	m.touch_paid_today_minor = today;
	(void)snprintf(m.token, sizeof(m.token), "tok");
	ev.bio.probe = STR("p1");
	ev.bio.outcome = BIO_ACCEPT;
	ev.bio.member = &m;
	give(d, &ev);
}

static void
open_desk(struct desk *d)
{
	struct lane_env env = { .limits = LANE_LIMITS_DEFAULT,
				.payment = PAYMENT_RULES_DEFAULT,
				.currency = "EUR",
				.language = STR("en"),
				.can_pay = true };
	struct lane_event ev = { .kind = LANE_EV_ADAPTER, .up = true };

	memset(d, 0, sizeof(*d));
	d->now = (struct timepoint){ 1000, INT64_C(1790000000000), 0, 20260921 };
	ck_assert_int_eq(lane_core_new(&env, &d->core), 0);
	give(d, &ev);
	ev.kind = LANE_EV_BIO;
	give(d, &ev);
	ev = (struct lane_event){ .kind = LANE_EV_READERS };
	give(d, &ev);
}

static void
close_desk(struct desk *d)
{
	d->core = lane_core_free(d->core);
}

static const struct {
	int64_t total, today;
	bool pays;
} limits[] = {
	{ 5000, 0, true },    { 5001, 0, false },    { 1, 9999, true },
	{ 1, 10000, false },  { 2000, 8000, true },  { 2001, 8000, false },
	{ 5000, 5000, true }, { 5000, 5001, false }, { 1, INT64_MAX, false },
};

START_TEST(a_touch_alone_pays_50_in_a_checkout_and_100_in_a_day)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct desk d;

		open_desk(&d);
		total(&d, limits[i].total);
		touch(&d);
		recognised(&d, limits[i].today);
		ck_assert_msg(d.pays == limits[i].pays, "row %zu", i);
		if (!limits[i].pays)
			ck_assert_int_eq(lane_core_display(d.core)->note,
					 NOTE_NEED_CLAIM);
		close_desk(&d);
	}
}
END_TEST

/* The amount is the same, and the basket is not. */
START_TEST(a_touch_before_the_basket_changed_pays_nothing)
{
	struct desk d;

	open_desk(&d);
	total(&d, 2000);
	touch(&d);
	total(&d, 2000);
	recognised(&d, 0);
	ck_assert_uint_eq(d.pays, 0);
	ck_assert_int_eq(lane_core_display(d.core)->phase, PHASE_CONFIRMING);
	close_desk(&d);
}
END_TEST

/* Each by itself is enough, and when it is cured the same touch pays. */
START_TEST(a_lane_that_may_not_touch_money_pays_nothing)
{
	static const enum lane_event_kind kinds[] = { LANE_EV_ENVIRONMENT, LANE_EV_CLOCK,
						      LANE_EV_ADAPTER };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (int cured = 0; cured < 2; cured++) {
			struct lane_event fault = { .kind = kinds[i], .up = false };
			struct desk d;

			open_desk(&d);
			give(&d, &fault);
			fault.up = true;
			if (cured)
				give(&d, &fault);
			total(&d, 2000);
			touch(&d);
			recognised(&d, 0);
			ck_assert_uint_eq(d.pays, (unsigned)cured);
			ck_assert_uint_eq(lane_core_payments_count(d.core),
					  (unsigned)cured);
			ck_assert_int_eq(lane_core_display(d.core)->total_minor, 2000);
			close_desk(&d);
		}
	}
}
END_TEST

UNIT_MAIN("lane_consent", a_touch_alone_pays_50_in_a_checkout_and_100_in_a_day,
	  a_touch_before_the_basket_changed_pays_nothing,
	  a_lane_that_may_not_touch_money_pays_nothing)
