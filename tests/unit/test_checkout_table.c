/*
 * Every event in every phase of a checkout: what it is answered with, and the phase it leads to. The
 * lane is brought to a phase in the plainest way, then gets each event with a payload that means
 * something there. A new event or phase without a row of its own fails.
 */
#include "core/checkout/checkout.h"

#include "unit.h"

#include <errno.h>

#define PRICE 2000
#define POS "till"

struct desk {
	struct lane_core *core;
	struct timepoint now;
	struct lane_effects out;
	struct lane_fresh fresh;
	struct basket_line line;
	struct lane_member member;
	struct key128 key;      /* of the payment, zero none */
	uint32_t claim, sensor; /* the last serials */
	struct payment refund;
};

static void
note(struct desk *d)
{
	for (uint32_t i = 0; i < d->out.count; i++) {
		const struct lane_effect *fx = &d->out.list[i];

		if (fx->kind == FX_STORE_PAYMENT && fx->payment->kind == PAYMENT_PAY)
			d->key = fx->payment->key;
		if (fx->kind == FX_RESOLVE_CLAIM)
			d->claim = fx->claim.serial;
		if (fx->kind == FX_ARM)
			d->sensor = fx->arm.serial;
	}
}

static int
give(struct desk *d, struct lane_event *ev)
{
	int rc;

	d->fresh.checkout.b[0] = d->fresh.key.b[0] = 1;
	d->fresh.checkout.b[15]++;
	d->fresh.key.b[15]++;
	ev->fresh = d->fresh;
	rc = lane_core_step(d->core, ev, &d->now, &d->out);
	note(d);
	return rc;
}

static struct lane_event
switched(enum lane_event_kind kind, bool up)
{
	return (struct lane_event){ .kind = kind, .up = up };
}

static struct lane_event
basket(const struct desk *d, uint32_t rev, bool final)
{
	struct lane_event ev = { .kind = LANE_EV_BASKET };

	ev.basket.ticket = STR("T1");
	ev.basket.rev = rev;
	ev.basket.lines = &d->line;
	ev.basket.lines_count = 1;
	ev.basket.final = final;
	return ev;
}

static struct lane_event
touch(const char *probe)
{
	struct lane_event ev = { .kind = LANE_EV_TOUCH };

	ev.touch.probe = str_of(probe);
	ev.touch.reader = STR("r1");
	return ev;
}

static struct lane_event
recognised(const struct desk *d, enum lane_event_kind kind, const char *probe)
{
	struct lane_event ev = { .kind = kind };

	ev.bio.probe = str_of(probe);
	ev.bio.outcome = BIO_ACCEPT;
	ev.bio.member = kind == LANE_EV_VERIFIED ? NULL : &d->member;
	return ev;
}

static struct lane_event
completion(const struct desk *d, enum lane_outcome outcome)
{
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };

	ev.completion.op = LANE_OP_PAY;
	ev.completion.key = d->key;
	ev.completion.outcome = outcome;
	ev.completion.has_amount = true;
	ev.completion.amount_minor = PRICE;
	return ev;
}

static void
must(struct desk *d, struct lane_event ev)
{
	ck_assert_int_eq(give(d, &ev), 0);
}

static void
pos_link(struct desk *d)
{
	struct lane_event ev = { .kind = LANE_EV_POS_LINK };

	ev.pos.adapter = STR(POS);
	ev.pos.up = true;
	must(d, ev);
}

static void
open_desk(struct desk *d)
{
	struct lane_env env = { .limits = LANE_LIMITS_DEFAULT,
				.payment = PAYMENT_RULES_DEFAULT,
				.currency = "EUR",
				.language = STR("en"),
				.can_pay = true,
				.can_refund = true };

	memset(d, 0, sizeof(*d));
	d->line = (struct basket_line){ .line = 1,
					.code = "1",
					.qty_milli = 1000,
					.unit_price_minor = PRICE,
					.amount_minor = PRICE };
	d->member.member.b[15] = d->member.subjects[0].b[15] = 1;
	d->member.subjects_count = 1;
	d->member.has_tender = true;
	(void)snprintf(d->member.token, sizeof(d->member.token), "tok");
	d->now = (struct timepoint){ 1000, INT64_C(1790000000000), 0, 20260921 };
	ck_assert_int_eq(lane_core_new(&env, &d->core), 0);
	must(d, switched(LANE_EV_ADAPTER, true));
	must(d, switched(LANE_EV_BIO, true));
	must(d, (struct lane_event){ .kind = LANE_EV_READERS });
	pos_link(d);
}

/* May the payment be sent? It may. */
static void
send(struct desk *d)
{
	struct lane_event ev = { .kind = LANE_EV_JOURNAL_WANTED };

	ev.journal.key = d->key;
	ev.journal.req = STR("1");
	must(d, ev);
}

static void
reach(struct desk *d, enum checkout_phase phase)
{
	struct lane_event cancel = { .kind = LANE_EV_CANCEL };

	open_desk(d);
	if (phase == PHASE_IDLE)
		return;
	must(d, basket(d, 1, false));
	if (phase >= PHASE_CONFIRMING && phase != PHASE_CANCELLED) {
		must(d, touch("p1"));
		must(d, recognised(d, LANE_EV_IDENTIFIED, "p1"));
	}
	if (phase >= PHASE_TOTALLED)
		must(d, basket(d, 2, true));
	if (phase >= PHASE_PAYING && phase != PHASE_CANCELLED) {
		must(d, touch("p2"));
		must(d, recognised(d, LANE_EV_VERIFIED, "p2"));
		send(d);
	}
	if (phase == PHASE_CHECKING)
		must(d, completion(d, OUTCOME_UNKNOWN));
	if (phase == PHASE_DONE)
		must(d, completion(d, OUTCOME_APPROVED));
	cancel.ticket = STR("T1");
	if (phase == PHASE_CANCELLED)
		must(d, cancel);
}

/* Of payments: of the one there is, or of one that nobody knows. */
static void
fill_payment(const struct desk *d, struct lane_event *ev)
{
	static const struct key128 none = { { 9 } };
	struct key128 key = key128_is_zero(d->key) ? none : d->key;

	if (ev->kind == LANE_EV_SUBMIT_REFUSED) {
		ev->submit.op = LANE_OP_PAY;
		ev->submit.key = key;
	} else if (ev->kind == LANE_EV_JOURNAL_WANTED) {
		ev->journal.key = key;
		ev->journal.req = STR("1");
	} else if (ev->kind == LANE_EV_COMPLETION) {
		*ev = completion(d, OUTCOME_APPROVED);
		ev->completion.key = key;
	} else {
		ev->key = key;
	}
}

static void
fill_refund(struct desk *d, struct lane_event *ev)
{
	struct payment_start s = { .key = { { 5 } },
				   .ticket = STR("T0"),
				   .currency = STR("EUR"),
				   .amount_minor = 100,
				   .kind = PAYMENT_REFUND,
				   .original = { { 4 } },
				   .return_id = { { 3 } } };
	unsigned actions;

	ck_assert_int_eq(payment_begin(&d->refund, &s, &d->now, &actions), 0);
	ev->refund = &d->refund;
}

static void
fill_pos(struct lane_event *ev)
{
	if (ev->kind == LANE_EV_POS_LINK) {
		ev->pos.adapter = STR(POS);
		return;
	}
	ev->tender.adapter = STR(POS);
	ev->tender.ticket = STR("T1");
	ev->tender.currency = STR("EUR");
	ev->tender.ref = STR("7001");
	ev->tender.amount_minor = PRICE;
}

/* The event as the outside would send it next. */
static struct lane_event
event_of(struct desk *d, enum lane_event_kind kind)
{
	struct lane_event ev = { .kind = kind };

	switch ((int)kind) {
	case LANE_EV_TOUCH:
		return touch("p9");
	case LANE_EV_IDENTIFIED:
	case LANE_EV_VERIFIED:
	case LANE_EV_DECIDED:
		return recognised(d, kind, "p9");
	case LANE_EV_CLAIM:
		ev.claim.ticket = STR("");
		ev.claim.value = STR("4711");
		return ev;
	case LANE_EV_CLAIM_RESOLVED:
		ev.found.serial = d->claim;
		return ev;
	case LANE_EV_BASKET:
		return basket(d, 3, true);
	case LANE_EV_CANCEL:
		ev.ticket = STR("T1");
		return ev;
	case LANE_EV_TENDER_WANTED:
	case LANE_EV_POS_LINK:
		fill_pos(&ev);
		return ev;
	case LANE_EV_REFUND:
		fill_refund(d, &ev);
		return ev;
	case LANE_EV_READERS:
		ev.readers.health = READERS_ABSENT;
		return ev;
	case LANE_EV_SENSOR:
		ev.sensor.serial = d->sensor;
		return ev;
	case LANE_EV_TRAINING:
		ev.up = true;
		return ev;
	case LANE_EV_SUBMIT_REFUSED:
	case LANE_EV_JOURNAL_WANTED:
	case LANE_EV_COMPLETION:
	case LANE_EV_POS_UNDO:
	case LANE_EV_TENDER_ABORT:
	case LANE_EV_TENDER_CONFIRMED:
	case LANE_EV_REPEAT_WANTED:
		fill_payment(d, &ev);
		return ev;
	default: /* a tick; switches: away, doubted, foreign */
		return ev;
	}
}

/*
 * A cell: a letter for the phase after it (i idle, o open, t totalled, c confirming, p paying, ? checking,
 * d done, x cancelled), and what the sender is told (nothing: taken; b busy, a already, n no such, v invalid).
 */
static const char *const cells[LANE_EVENTS][PHASES] = {
	/* idle, open, totalled, confirming, paying, checking, done, cancelled */
	[LANE_EV_TICK] = { "i", "o", "t", "c", "p", "?", "d", "x" },
	[LANE_EV_TOUCH] = { "o", "o", "t", "c", "p", "?", "o", "o" },
	[LANE_EV_IDENTIFIED] = { "ia", "oa", "ta", "ca", "pa", "?a", "da", "xa" },
	[LANE_EV_VERIFIED] = { "ia", "oa", "ta", "ca", "pa", "?a", "da", "xa" },
	[LANE_EV_DECIDED] = { "ia", "oa", "ta", "ca", "pa", "?a", "da", "xa" },
	[LANE_EV_CLAIM] = { "o", "o", "t", "c", "pb", "?b", "o", "o" },
	[LANE_EV_CLAIM_RESOLVED] = { "ia", "oa", "ta", "ca", "pa", "?a", "da", "xa" },
	[LANE_EV_BASKET] = { "t", "t", "t", "c", "p", "?", "da", "t" },
	[LANE_EV_CANCEL] = { "in", "x", "x", "x", "x", "x", "d", "xn" },
	[LANE_EV_OTHER_TENDER] = { "ib", "o", "t", "t", "t", "t", "db", "xb" },
	[LANE_EV_REMOVE_MEMBER] = { "ib", "on", "tn", "t", "pb", "?b", "db", "xb" },
	[LANE_EV_SUBMIT_REFUSED] = { "in", "on", "tn", "cn", "?", "?", "d", "xn" },
	[LANE_EV_JOURNAL_WANTED] = { "in", "on", "tn", "cn", "p", "?", "d", "xn" },
	[LANE_EV_COMPLETION] = { "in", "on", "tn", "cn", "d", "d", "d", "xn" },
	[LANE_EV_POS_UNDO] = { "in", "on", "tn", "cn", "t", "t", "d", "xn" },
	[LANE_EV_TENDER_WANTED] = { "i", "o", "t", "c", "p", "?", "d", "x" },
	[LANE_EV_TENDER_ABORT] = { "in", "on", "tn", "cn", "p", "?", "d", "xn" },
	[LANE_EV_TENDER_CONFIRMED] = { "in", "on", "tn", "cn", "p", "?", "d", "xn" },
	[LANE_EV_REPEAT_WANTED] = { "in", "on", "tn", "cn", "p", "?", "d", "xn" },
	[LANE_EV_POS_LINK] = { "i", "o", "t", "c", "p", "?", "d", "x" },
	[LANE_EV_REFUND] = { "i", "o", "t", "c", "p", "?", "d", "x" },
	[LANE_EV_BIO] = { "i", "o", "t", "t", "p", "?", "d", "x" },
	[LANE_EV_READERS] = { "i", "o", "t", "t", "p", "?", "d", "x" },
	[LANE_EV_SENSOR] = { "ia", "oa", "ta", "ca", "pa", "?a", "da", "xa" },
	[LANE_EV_ADAPTER] = { "i", "o", "t", "t", "?", "?", "d", "x" },
	[LANE_EV_CLOCK] = { "i", "o", "t", "t", "p", "?", "d", "x" },
	[LANE_EV_ENVIRONMENT] = { "i", "o", "t", "t", "p", "?", "d", "x" },
	[LANE_EV_TRAINING] = { "i", "o", "t", "c", "p", "?", "d", "x" },
	[LANE_EV_RULES] = { "i", "o", "t", "c", "p", "?", "d", "x" },
	[LANE_EV_JOURNAL_FAILED] = { "i", "o", "t", "t", "p", "?", "d", "x" },
};

static const char *
cell_of(int rc, enum checkout_phase after)
{
	static const char phases[] = "iotcp?dx";
	static char text[4];
	char what = rc == 0           ? '\0'
		    : rc == -EBUSY    ? 'b'
		    : rc == -EALREADY ? 'a'
		    : rc == -ENOENT   ? 'n'
		    : rc == -EINVAL   ? 'v'
				      : '!';

	(void)snprintf(text, sizeof(text), "%c%c", phases[after], what); /* fits */
	return text;
}

START_TEST(every_event_has_an_answer_in_every_phase)
{
	for (unsigned k = 0; k < LANE_EVENTS; k++) {
		for (unsigned p = 0; p < PHASES; p++) {
			struct lane_event ev;
			const char *cell;
			struct desk d;
			int rc;

			reach(&d, (enum checkout_phase)p);
			ck_assert_int_eq(lane_core_display(d.core)->phase, p);
			ev = event_of(&d, (enum lane_event_kind)k);
			rc = give(&d, &ev);
			cell = cell_of(rc, lane_core_display(d.core)->phase);
			ck_assert_msg(cells[k][p] != NULL,
				      "%s in %s has no answer, and is %s",
				      lane_event_name((enum lane_event_kind)k),
				      checkout_phase_name((enum checkout_phase)p), cell);
			ck_assert_msg(strcmp(cells[k][p], cell) == 0,
				      "%s in %s: %s and not %s",
				      lane_event_name((enum lane_event_kind)k),
				      checkout_phase_name((enum checkout_phase)p), cell,
				      cells[k][p]);
			lane_core_free(d.core);
		}
	}
}
END_TEST

UNIT_MAIN("checkout_table", every_event_has_an_answer_in_every_phase)
