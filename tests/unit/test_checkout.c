#include "unit.h"

#include "unit/checkout_scenarios.h"

#include "base/json.h"
#include "core/checkout/checkout.h"

#include <errno.h>

/* ---- the stage ----------------------------------------------------------- */

struct stage {
	struct lane_core *core;
	struct pricing_rules *rules;
	struct lane_effects out;
	struct timepoint now;
	struct key128 first, last;
	int64_t asked; /* by the last pay */
	uint32_t tickets, rev, probes, serial, armed;
	struct lane_fresh fresh;
	char probe[LANE_PROBE_BYTES], decided[LANE_PROBE_BYTES];
	char fx[64];
	bool all_failed;
};

static const char rules_text[] =
	"{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":[{\"id\":\"ten\","
	"\"kind\":\"percent\",\"scope\":{\"all\":true},\"params\":{\"percent_bp\":1000},"
	"\"who\":{\"groups\":[\"gold\"]},\"limits\":{\"per_member\":9},"
	"\"text\":{\"en\":\"ten\"}}]}";

static struct lane_member
member_of(int64_t n)
{
	struct lane_member m;

	memset(&m, 0, sizeof(m));
	m.member.b[15] = (uint8_t)n;
	m.subjects[0].b[15] = (uint8_t)n;
	m.subjects_count = n == 4 ? 0 : 1;
	m.has_tender = true;
	m.minor = n == 3;
	m.touch_paid_today_minor = n == 2 ? 8000 : 0;
	(void)snprintf(m.token, sizeof(m.token), "tok");
	(void)snprintf(m.number, sizeof(m.number), "M%d", (int)n);
	if (n == 5)
		(void)snprintf(m.groups[m.groups_count++], 33, "gold");
	return m;
}

static struct lane_env
env_of(const struct pricing_rules *rules)
{
	struct lane_env env = {
		.rules = rules,
		.limits = LANE_LIMITS_DEFAULT,
		.payment = PAYMENT_RULES_DEFAULT,
		.currency = "EUR",
		.language = STR("en"),
		.can_pay = true,
	};

	return env;
}

static void
setup(struct stage *s)
{
	struct lane_env env = env_of(NULL);
	struct pricing_errors errors;
	struct arena *arena = arena_new(1u << 20);
	const struct value *v;
	struct lane_event up = { .kind = LANE_EV_ADAPTER, .up = true };

	memset(s, 0, sizeof(*s));
	ck_assert_int_eq(json_parse(arena, str_of(rules_text), 0, &v, NULL), 0);
	ck_assert_msg(pricing_rules_compile(v, &errors, &s->rules) == 0, "%s",
		      errors.list[0].what);
	(void)arena_free(arena); /* gives NULL */
	env.rules = s->rules;
	s->now = (struct timepoint){ 1000, INT64_C(1790000000000), 0, 20260921 };
	s->tickets = 1;
	ck_assert_int_eq(lane_core_new(&env, &s->core), 0);
	ck_assert_int_eq(lane_core_step(s->core, &up, &s->now, &s->out), 0);
	up.kind = LANE_EV_BIO;
	ck_assert_int_eq(lane_core_step(s->core, &up, &s->now, &s->out), 0);
	up = (struct lane_event){ .kind = LANE_EV_READERS };
	ck_assert_int_eq(lane_core_step(s->core, &up, &s->now, &s->out), 0);
}

static void
teardown(struct stage *s)
{
	s->core = lane_core_free(s->core);
	s->rules = pricing_rules_free(s->rules);
}

static void
note_effects(struct stage *s)
{
	static const char letters[LANE_EFFECT_KINDS] = {
		[FX_STORE_CHECKOUT] = 'C',
		[FX_STORE_PAYMENT] = 'P',
		[FX_JOURNAL_ANSWER] = 'J',
		[FX_IDENTIFY] = 'i',
		[FX_VERIFY] = 'v',
		[FX_DECIDE] = 'd',
		[FX_DROP_PROBE] = 'x',
		[FX_RESOLVE_CLAIM] = 'r',
		[FX_OFFER] = 'o',
		[FX_PAY] = 'p',
		[FX_QUERY] = 'q',
		[FX_CONFIRM] = 'c',
		[FX_UNDO] = 'u',
		[FX_ALARM] = '!',
		[FX_ARM] = '+',
		[FX_DISARM] = '-',
	};
	bool sends = false;

	for (uint32_t i = 0; i < s->out.count; i++) {
		const struct lane_effect *fx = &s->out.list[i];
		size_t n = strlen(s->fx);
		char letter = letters[fx->kind];

		/* Stores come first, whatever they are. */
		ck_assert(!(sends && lane_effect_is_store(fx->kind)));
		sends = sends || !lane_effect_is_store(fx->kind);
		if (fx->kind == FX_JOURNAL_ANSWER && !fx->answer.ok)
			letter = 'j';
		if (fx->kind == FX_DECIDE)
			memcpy(s->decided, fx->bio.probe, sizeof(s->decided));
		if (fx->kind == FX_IDENTIFY && fx->bio.with[0] != '\0')
			letter = 'w';
		if (fx->kind == FX_RESOLVE_CLAIM)
			s->serial = fx->claim.serial;
		if (fx->kind == FX_ARM)
			s->armed = fx->arm.serial;
		if (fx->kind == FX_PAY) {
			s->last = fx->pay.payment->key;
			s->asked = fx->pay.payment->asked_minor;
		}
		if (fx->kind == FX_PAY && key128_is_zero(s->first))
			s->first = s->last;
		if (letter != 0 && n + 1 < sizeof(s->fx))
			s->fx[n] = letter;
	}
}

static int
step(struct stage *s, struct lane_event *ev)
{
	int rc;

	s->fresh.checkout.b[0] = 1;
	s->fresh.checkout.b[15]++;
	s->fresh.key.b[0] = 1;
	s->fresh.key.b[15]++;
	ev->fresh = s->fresh;
	rc = lane_core_step(s->core, ev, &s->now, &s->out);
	note_effects(s);
	return rc;
}

static void
do_basket(struct stage *s, const struct step *t)
{
	struct lane_event ev = { .kind = LANE_EV_BASKET };
	struct basket_line line = { .line = 1,
				    .code = "1",
				    .qty_milli = 1000,
				    .unit_price_minor = t->n,
				    .amount_minor = t->n };
	bool old = t->act == CLOSED_OLD || t->act == FIRST_AGAIN;
	char ticket[16];

	if (t->act == NEW_ITEM) {
		s->tickets++;
		s->rev = 0;
	}
	if (t->act != SAME && !old)
		s->rev++;
	(void)snprintf(ticket, sizeof(ticket), "T%u",
		       t->act == FIRST_AGAIN ? 1 : s->tickets - old);
	ev.basket.ticket = str_of(ticket);
	ev.basket.rev = s->rev + (old ? 9 : 0);
	ev.basket.lines = &line;
	ev.basket.lines_count = 1;
	ev.basket.final = t->act == TOTAL || t->act == CLOSED || t->act == FIRST_AGAIN;
	ev.basket.closed = t->act == CLOSED || t->act == CLOSED_OLD;
	(void)step(s, &ev); /* the phase and effects tell */
}

static void
do_bio(struct stage *s, const struct step *t)
{
	struct lane_event ev = { .kind = t->act == SEEN       ? LANE_EV_IDENTIFIED
					 : t->act == VERIFIED ? LANE_EV_VERIFIED
							      : LANE_EV_DECIDED };
	struct lane_member m = member_of(t->n % 1000);

	ev.bio.claim_to_pay = t->n > 1000;
	ev.bio.probe = str_of(t->act == DECIDED ? s->decided : s->probe);
	ev.bio.outcome = t->n > 0     ? BIO_ACCEPT
			 : t->n == 0  ? BIO_REJECT
			 : t->n == -1 ? BIO_RETRY
			 : t->n == -2 ? BIO_AMBIGUOUS
			 : t->n == -4 ? BIO_AMBIGUOUS
				      : BIO_ACCEPT;
	ev.bio.other_finger = t->n == -4;
	ev.bio.member = t->n > 0 && t->act != VERIFIED ? &m : NULL;
	(void)step(s, &ev); /* as above */
}

static void
do_claim(struct stage *s, const struct step *t)
{
	struct lane_event ev = { .kind = LANE_EV_CLAIM };
	struct lane_member m = member_of(t->n);
	struct ulid few[2] = { { { 1 } }, { { 2 } } };

	if (t->act == CLAIM) {
		ev.claim.kind = (enum claim_kind)t->n;
		ev.claim.value = STR("1234");
	} else {
		ev.kind = LANE_EV_CLAIM_RESOLVED;
		ev.found.serial = s->serial;
		ev.found.count = t->n < 0 ? 2 : t->n > 0;
		ev.found.member = t->n > 0 ? &m : NULL;
		ev.found.subjects = few;
		ev.found.subjects_count = t->n < 0 ? 2 : 0;
	}
	(void)step(s, &ev); /* as above */
}

static void
do_complete(struct stage *s, const struct step *t)
{
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };

	ev.completion.op = t->act == DONE_QUERY     ? LANE_OP_QUERY
			   : t->act == DONE_CONFIRM ? LANE_OP_CONFIRM
			   : t->act == DONE_UNDO    ? LANE_OP_UNDO
			   : t->act == LATE         ? LANE_OP_OTHER
						    : LANE_OP_PAY;
	ev.completion.key = t->act == LATE ? s->first : s->last;
	ev.completion.outcome = (enum lane_outcome)(t->n % 1000);
	ev.completion.has_amount = t->n < 2000;
	ev.completion.amount_minor = t->n < 1000 ? s->asked : 1;
	(void)step(s, &ev); /* as above */
}

static void
do_ask(struct stage *s, const struct step *t)
{
	struct lane_event ev = { .kind = LANE_EV_JOURNAL_WANTED };

	ev.journal.key = s->last;
	ev.journal.req = STR("17");
	ev.journal.answer = t->act == ASK_ANSWER;
	(void)step(s, &ev); /* as above */
}

static void
do_wait(struct stage *s, int64_t ms)
{
	int64_t end = s->now.mono_ms + ms;

	for (int i = 0; i < 100 && lane_core_deadline(s->core) <= end; i++) {
		struct lane_event ev = { .kind = LANE_EV_TICK };
		int64_t at = lane_core_deadline(s->core);

		if (at > s->now.mono_ms) {
			s->now.wall_ms += at - s->now.mono_ms;
			s->now.mono_ms = at;
		}
		(void)step(s, &ev); /* a tick cannot be refused */
	}
	s->now.wall_ms += end - s->now.mono_ms;
	s->now.mono_ms = end;
}

static void
do_partials(struct stage *s)
{
	struct lane_env env = env_of(s->rules);
	struct lane_event ev = { .kind = LANE_EV_RULES };

	env.payment.partial_ok = true;
	ck_assert_int_eq(lane_core_set_env(s->core, &env), 0);
	(void)step(s, &ev); /* re-prices what is open */
}

static void
do_claim_first(struct stage *s)
{
	struct lane_env env = env_of(s->rules);
	struct lane_event ev = { .kind = LANE_EV_RULES };

	env.claim_first = true;
	ck_assert_int_eq(lane_core_set_env(s->core, &env), 0);
	(void)step(s, &ev); /* re-prices what is open */
}

static void
do_sensor(struct stage *s, const struct step *t)
{
	struct lane_event ev = { .kind = LANE_EV_SENSOR };

	ev.sensor.serial = s->armed;
	ev.sensor.lit = t->n != 0;
	(void)step(s, &ev); /* the phase and effects tell */
}

static void
do_plain(struct stage *s, const struct step *t)
{
	static const enum lane_event_kind kinds[END] = {
		[TOUCH] = LANE_EV_TOUCH,
		[CANCEL] = LANE_EV_CANCEL,
		[OTHER] = LANE_EV_OTHER_TENDER,
		[REMOVE] = LANE_EV_REMOVE_MEMBER,
		[REFUSED] = LANE_EV_SUBMIT_REFUSED,
		[POS_UNDO] = LANE_EV_POS_UNDO,
		[ADAPTER] = LANE_EV_ADAPTER,
		[BIO] = LANE_EV_BIO,
		[LYING] = LANE_EV_TOUCH,
		[CLOCK] = LANE_EV_CLOCK,
		[ENVIRONMENT] = LANE_EV_ENVIRONMENT,
		[TRAINING] = LANE_EV_TRAINING,
		[JFAIL] = LANE_EV_JOURNAL_FAILED,
	};
	struct lane_event ev = { .kind = kinds[t->act] };
	char ticket[16];

	(void)snprintf(ticket, sizeof(ticket), "T%u", s->tickets);
	if (t->act == TOUCH || t->act == LYING) {
		ev.touch.at_start = t->act == LYING;
		(void)snprintf(s->probe, sizeof(s->probe), "p%u", ++s->probes);
		ev.touch.probe = str_of(s->probe);
		ev.touch.reader = t->n < 0   ? str_of("")
				  : t->n > 0 ? STR("r2")
					     : STR("r1");
	} else if (t->act == CANCEL) {
		ev.ticket = str_of(ticket);
	} else if (t->act == REFUSED) {
		ev.submit.op = (enum lane_op)t->n;
		ev.submit.key = s->last;
	} else if (t->act == POS_UNDO) {
		ev.key = s->last;
	} else {
		ev.up = t->n != 0;
	}
	(void)step(s, &ev); /* the phase and effects tell */
}

/* Fingers on the first readers; the first may be without one all the same. */
static void
put_fingers(struct lane_event *ev, int64_t n, bool first_is_free)
{
	static const struct lane_glass
		none[3] = { { "r1", false }, { "r2", false }, { "r3", false } },
		one[3] = { { "r1", true }, { "r2", false }, { "r3", false } },
		second[3] = { { "r1", false }, { "r2", true }, { "r3", false } },
		two[3] = { { "r1", true }, { "r2", true }, { "r3", false } };

	ev->readers.list = n == 0 ? none : n == 1 ? one : first_is_free ? second : two;
	ev->readers.count = 3;
}

/* A reader with a finger on it is well. */
static void
do_readers(struct stage *s, const struct step *t)
{
	struct lane_event ev = { .kind = LANE_EV_READERS };

	if (t->act == FINGER || t->act == ASIDE)
		put_fingers(&ev, t->n % 10, t->n / 10 > 0);
	else
		ev.readers.health = (enum readers_health)(t->n % READERS_AWAY);
	ev.readers.aside = t->act == ASIDE;
	(void)step(s, &ev); /* the phase and effects tell */
}

static void
act(struct stage *s, const struct step *t)
{
	memset(s->fx, 0, sizeof(s->fx));
	s->now.business_day += t->act == NEW_DAY;
	if (t->act >= ITEM && t->act <= FIRST_AGAIN)
		do_basket(s, t);
	else if (t->act == SEEN || t->act == VERIFIED || t->act == DECIDED)
		do_bio(s, t);
	else if (t->act == CLAIM || t->act == FOUND)
		do_claim(s, t);
	else if (t->act >= DONE && t->act <= LATE)
		do_complete(s, t);
	else if (t->act == ASK || t->act == ASK_ANSWER)
		do_ask(s, t);
	else if (t->act == WAIT || t->act == NEW_DAY)
		do_wait(s, t->n);
	else if (t->act == PARTIALS)
		do_partials(s);
	else if (t->act == CLAIM_FIRST)
		do_claim_first(s);
	else if (t->act == SENSOR)
		do_sensor(s, t);
	else if (t->act == READERS || t->act == FINGER || t->act == ASIDE)
		do_readers(s, t);
	else
		do_plain(s, t);
}

static bool
is_step(const struct step *t)
{
	return t->fx != NULL;
}

START_TEST(scenario_goes_as_written)
{
	const struct scenario *sc = &scenarios[_i];
	struct stage s;

	setup(&s);
	for (size_t i = 0; i < 24 && is_step(&sc->steps[i]); i++) {
		const struct step *t = &sc->steps[i];
		const struct lane_display *d;

		act(&s, t);
		d = lane_core_display(s.core);
		ck_assert_msg(d->phase == t->phase && d->member == t->member &&
				      d->row == t->row && strcmp(s.fx, t->fx) == 0,
			      "%s, step %zu: %s %s %s \"%s\" and not %s %s %s \"%s\"",
			      sc->name, i + 1, checkout_phase_name(d->phase),
			      member_state_name(d->member), display_row_name(d->row),
			      s.fx, checkout_phase_name(t->phase),
			      member_state_name(t->member), display_row_name(t->row),
			      t->fx);
	}
	teardown(&s);
}
END_TEST

/* ---- single claims ------------------------------------------------------- */

START_TEST(every_event_in_every_phase_is_answered)
{
	/* After the first n steps of each scenario, each act: no crash, and deadlines move on. */
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		for (unsigned a = 0; a < END; a++) {
			struct stage s;
			struct step t = { .act = (enum act)a, .n = 1 };

			setup(&s);
			for (size_t n = 0; n < 24 && is_step(&scenarios[i].steps[n]);
			     n++) {
				act(&s, &scenarios[i].steps[n]);
				if (n % 3 == a % 3)
					act(&s, &t);
			}
			teardown(&s);
		}
	}
}
END_TEST

START_TEST(an_idle_lane_wants_no_wakeups)
{
	struct stage s;
	const struct step steps[] = { { .act = ITEM, .n = 100 },
				      { .act = TOTAL, .n = 100 },
				      { .act = CLOSED, .n = 100 },
				      { .act = WAIT, .n = 10000 } };

	setup(&s);
	ck_assert_int_eq(lane_core_deadline(s.core), LANE_NEVER);
	for (size_t i = 0; i < 4; i++)
		act(&s, &steps[i]);
	ck_assert_int_eq(lane_core_display(s.core)->phase, PHASE_IDLE);
	ck_assert_int_eq(lane_core_deadline(s.core), LANE_NEVER);
	teardown(&s);
}
END_TEST

START_TEST(digits_may_be_tried_ten_times_an_hour_on_a_lane)
{
	struct stage s;
	const struct step ticket = { .act = NEW_ITEM, .n = 100 };
	const struct step digits = { .act = CLAIM, .n = CLAIM_DIGITS };
	const struct step nobody = { .act = FOUND, .n = 0 };
	const struct step half_an_hour = { .act = WAIT, .n = 1800000 };
	unsigned asked = 0;

	setup(&s);
	for (int i = 0; i < 12; i++) {
		if (i % 2 == 0)
			act(&s, &ticket);
		act(&s, &digits);
		asked += strchr(s.fx, 'r') != NULL;
		act(&s, &nobody);
	}
	ck_assert_uint_eq(asked, 10);
	act(&s, &half_an_hour);
	act(&s, &ticket);
	act(&s, &digits);
	ck_assert_ptr_null(strchr(s.fx, 'r'));
	act(&s, &half_an_hour);
	act(&s, &ticket);
	act(&s, &digits);
	ck_assert_ptr_nonnull(strchr(s.fx, 'r'));
	teardown(&s);
}
END_TEST

START_TEST(the_member_s_price_is_offered_asked_and_reserved)
{
	struct stage s;
	const struct step steps[] = { { .act = TOTAL, .n = 2000 },
				      { .act = TOUCH },
				      { .act = SEEN, .n = 5 } };
	const struct lane_effect *offer = NULL, *pay = NULL, *store = NULL;

	setup(&s);
	for (size_t i = 0; i < 3; i++)
		act(&s, &steps[i]);
	for (uint32_t i = 0; i < s.out.count; i++) {
		const struct lane_effect *fx = &s.out.list[i];

		offer = fx->kind == FX_OFFER ? fx : offer;
		pay = fx->kind == FX_PAY ? fx : pay;
		store = fx->kind == FX_STORE_CHECKOUT ? fx : store;
	}
	ck_assert(offer != NULL && pay != NULL && store != NULL);
	ck_assert_int_eq(offer->offer.total_minor, 1800);
	ck_assert_int_eq(offer->offer.saving_minor, 200);
	ck_assert_uint_eq(offer->offer.discounts_count, 1);
	ck_assert_int_eq(offer->offer.discounts[0].amount_minor, 200);
	ck_assert_uint_eq(offer->offer.discounts[0].line, 1);
	ck_assert(str_is(offer->offer.discounts[0].text, "ten"));
	ck_assert_str_eq(offer->offer.member_no, "M5");
	ck_assert_int_eq(pay->pay.payment->asked_minor, 1800);
	ck_assert_uint_eq(pay->pay.payment->rev, 1);
	ck_assert(pay->pay.payment->by_touch);
	ck_assert_str_eq(pay->pay.token, "tok");
	ck_assert_uint_eq(store->checkout.reserved_count, 1);
	ck_assert_str_eq(store->checkout.reserved[0].rule, "ten");
	ck_assert_int_eq(store->checkout.reserved[0].discount_minor, 200);
	ck_assert(!store->checkout.uses_count_now);
	teardown(&s);
}
END_TEST

/* The disk takes nothing of this step. True: the POS was told a price all the same. */
static bool
offers_unstored(struct stage *s, enum act a, int64_t n)
{
	const struct step t = { .act = a, .n = n }, failed = { .act = JFAIL };
	bool offers;

	act(s, &t);
	offers = strchr(s->fx, 'o') != NULL;
	act(s, &failed);
	return offers || strchr(s->fx, 'o') != NULL;
}

START_TEST(no_other_price_is_told_beside_an_undo_that_is_not_stored)
{
	const struct step paid[] = { { .act = TOTAL, .n = 2000 },
				     { .act = TOUCH },
				     { .act = SEEN, .n = 5 },
				     { .act = ASK } };
	const struct step look = { .act = WAIT, .n = 60000 };
	struct stage s;

	setup(&s);
	for (size_t i = 0; i < 4; i++)
		act(&s, &paid[i]);
	/* Approved, but not for what was asked: it is undone, and a restart would not know. */
	ck_assert(!offers_unstored(&s, DONE, 1000 + OUTCOME_APPROVED));
	ck_assert_int_eq(lane_core_display(s.core)->phase, PHASE_TOTALLED);
	ck_assert(!offers_unstored(&s, ADAPTER, 0));
	ck_assert(!offers_unstored(&s, ADAPTER, 1));
	ck_assert(!offers_unstored(&s, CLOCK, 0));
	act(&s, &look); /* the journal takes it */
	ck_assert_ptr_nonnull(strchr(s.fx, 'o'));
	teardown(&s);
}
END_TEST

static int
claim_naming(struct stage *s, const char *ticket)
{
	struct lane_event ev = { .kind = LANE_EV_CLAIM };

	ev.claim.kind = CLAIM_CARD;
	ev.claim.value = STR("1234");
	ev.claim.ticket = str_of(ticket);
	return step(s, &ev);
}

START_TEST(a_late_claim_of_an_ended_ticket_is_nobody_s_check_in)
{
	struct stage s;
	const struct step paid[] = { { .act = TOTAL, .n = 100 },
				     { .act = CLOSED, .n = 100 } };
	const struct step wait = { .act = WAIT, .n = 9000 };
	const struct step next = { .act = NEW_ITEM, .n = 100 };

	setup(&s);
	act(&s, &paid[0]);
	act(&s, &paid[1]);
	ck_assert_int_eq(claim_naming(&s, "T1"), -EALREADY);
	act(&s, &wait);
	ck_assert_int_eq(lane_core_display(s.core)->phase, PHASE_IDLE);
	ck_assert_int_eq(claim_naming(&s, "T1"), -EALREADY);
	act(&s, &next);
	ck_assert_int_eq(claim_naming(&s, "T1"), -EALREADY);
	ck_assert_int_eq(lane_core_display(s.core)->member, MEMBER_NONE);
	teardown(&s);
}
END_TEST

START_TEST(a_check_in_that_names_its_ticket_is_for_no_other)
{
	struct stage s;
	const struct step known = { .act = FOUND, .n = 5 };
	const struct step item = { .act = ITEM, .n = 100 };
	const struct step next = { .act = NEW_ITEM, .n = 100 };

	setup(&s);
	ck_assert_int_eq(claim_naming(&s, "T1"), 0);
	act(&s, &known);
	ck_assert_int_eq(lane_core_display(s.core)->member, MEMBER_KNOWN);
	act(&s, &item);
	ck_assert_int_eq(lane_core_display(s.core)->member, MEMBER_KNOWN);
	ck_assert_int_eq(lane_core_display(s.core)->total_minor, 90);
	teardown(&s);
	setup(&s);
	ck_assert_int_eq(claim_naming(&s, "T1"), 0);
	act(&s, &known);
	act(&s, &next); /* T2 */
	ck_assert_str_eq(lane_core_display(s.core)->ticket, "T2");
	ck_assert_int_eq(lane_core_display(s.core)->member, MEMBER_NONE);
	ck_assert_int_eq(lane_core_display(s.core)->total_minor, 100);
	teardown(&s);
}
END_TEST

static struct basket_line
good_line(void)
{
	struct basket_line l = { .line = 1,
				 .code = "1",
				 .qty_milli = 1000,
				 .unit_price_minor = 5,
				 .amount_minor = 5 };

	return l;
}

START_TEST(baskets_outside_their_ranges_change_nothing)
{
	struct stage s;

	setup(&s);
	for (int i = 0; i < 12; i++) {
		struct lane_event ev = { .kind = LANE_EV_BASKET };
		struct basket_line l[2] = { good_line(), good_line() };
		char longer[LANE_TICKET_BYTES + 1];

		memset(longer, 'x', sizeof(longer));
		ev.basket.ticket = STR("T1");
		ev.basket.rev = 1;
		ev.basket.lines = l;
		ev.basket.lines_count = 2;
		l[1].line = 2;
		if (i == 0)
			ev.basket.ticket = STR("");
		else if (i == 1)
			ev.basket.ticket = (struct str){ longer, sizeof(longer) };
		else if (i == 2)
			ev.basket.rev = 0;
		else if (i == 3)
			ev.basket.currency = STR("USD");
		else if (i == 4)
			l[1].line = 1;
		else if (i == 5)
			l[1].qty_milli = 0;
		else if (i == 6)
			l[1].amount_minor = MONEY_MINOR_MAX + 1;
		else if (i == 7)
			l[1].unit_price_minor = -MONEY_MINOR_MAX - 1;
		else if (i == 8)
			ev.basket.lines_count = LANE_LINES_MAX + 1;
		else if (i == 9)
			l[1].qty_milli = INT64_MAX;
		else if (i == 10)
			ev.basket.ticket = STR("4111111111111111");
		else
			ev.basket.ticket = STR("\xff");
		ck_assert_msg(step(&s, &ev) == -EINVAL, "case %d", i);
		ck_assert_int_eq(lane_core_display(s.core)->phase, PHASE_IDLE);
		ck_assert_str_eq(s.fx, "");
	}
	teardown(&s);
}
END_TEST

START_TEST(void_and_returned_lines_are_summed_and_not_priced)
{
	struct stage s;
	struct lane_event ev = { .kind = LANE_EV_BASKET };
	struct basket_line l[3] = { good_line(), good_line(), good_line() };

	setup(&s);
	l[0].amount_minor = l[0].unit_price_minor = 1000;
	l[1].line = 2;
	l[1].is_void = true;
	l[1].amount_minor = 999;
	l[2].line = 3;
	l[2].amount_minor = -25; /* a returned bottle */
	ev.basket.ticket = STR("T1");
	ev.basket.rev = 1;
	ev.basket.lines = l;
	ev.basket.lines_count = 3;
	ck_assert_int_eq(step(&s, &ev), 0);
	ck_assert_int_eq(lane_core_display(s.core)->gross_minor, 975);
	ck_assert_int_eq(lane_core_display(s.core)->total_minor, 975);
	teardown(&s);
}
END_TEST

START_TEST(card_numbers_are_masked_before_they_are_kept)
{
	struct stage s;
	struct lane_event ev = { .kind = LANE_EV_BASKET };
	struct basket_line l = good_line();

	setup(&s);
	(void)snprintf(l.text, sizeof(l.text), "card 4111 1111 1111 1111");
	ev.basket.ticket = STR("T1");
	ev.basket.rev = 1;
	ev.basket.lines = &l;
	ev.basket.lines_count = 1;
	ck_assert_int_eq(step(&s, &ev), 0);
	ck_assert_int_eq(s.out.list[0].kind, FX_STORE_CHECKOUT);
	ck_assert_ptr_null(strstr(s.out.list[0].checkout.lines[0].text, "1111"));
	teardown(&s);
}
END_TEST

START_TEST(a_blob_with_a_card_number_may_not_be_sent)
{
	struct stage s;
	const struct step steps[] = { { .act = TOTAL, .n = 2000 },
				      { .act = TOUCH },
				      { .act = SEEN, .n = 1 } };
	struct lane_event ev = { .kind = LANE_EV_JOURNAL_WANTED };
	static const char blob[] = "pan=4111111111111111";

	setup(&s);
	for (size_t i = 0; i < 3; i++)
		act(&s, &steps[i]);
	memset(s.fx, 0, sizeof(s.fx));
	ev.journal.key = s.last;
	ev.journal.req = STR("1");
	ev.journal.blob = (const uint8_t *)blob;
	ev.journal.blob_bytes = sizeof(blob) - 1;
	ck_assert_int_eq(step(&s, &ev), -EPERM);
	ck_assert_str_eq(s.fx, "j");
	teardown(&s);
}
END_TEST

static const struct {
	const char *name;
	enum checkout_phase phase;
	bool final, has_payment;
	enum payment_state payment;
	enum checkout_phase after;
	enum payment_state payment_after;
} restored[] = {
	{ "open", PHASE_OPEN, false, false, PAYMENT_CREATED, PHASE_OPEN,
	  PAYMENT_CREATED },
	{ "totalled", PHASE_TOTALLED, true, false, PAYMENT_CREATED, PHASE_TOTALLED,
	  PAYMENT_CREATED },
	{ "created", PHASE_PAYING, true, true, PAYMENT_CREATED, PHASE_TOTALLED,
	  PAYMENT_CANCELLED },
	{ "sending", PHASE_PAYING, true, true, PAYMENT_SENDING, PHASE_CHECKING,
	  PAYMENT_UNKNOWN },
	{ "unknown", PHASE_CHECKING, true, true, PAYMENT_UNKNOWN, PHASE_CHECKING,
	  PAYMENT_UNKNOWN },
	{ "approved", PHASE_DONE, true, true, PAYMENT_APPROVED, PHASE_IDLE,
	  PAYMENT_APPROVED },
	{ "undo", PHASE_TOTALLED, true, true, PAYMENT_UNDO_QUEUED, PHASE_TOTALLED,
	  PAYMENT_UNDO_QUEUED },
	{ "done", PHASE_DONE, true, false, PAYMENT_CREATED, PHASE_IDLE, PAYMENT_CREATED },
};

START_TEST(a_restart_takes_up_what_the_journal_holds)
{
	for (size_t i = 0; i < sizeof(restored) / sizeof(restored[0]); i++) {
		struct stage s;
		struct lane_env env = { .limits = LANE_LIMITS_DEFAULT,
					.payment = PAYMENT_RULES_DEFAULT,
					.currency = "EUR",
					.can_pay = true };
		struct basket_line line = good_line();
		struct lane_member m = member_of(1);
		struct checkout_record r;
		struct payment p;
		struct lane_restore held = { .checkout = &r,
					     .member = &m,
					     .payments = &p };

		memset(&s, 0, sizeof(s));
		memset(&r, 0, sizeof(r));
		memset(&p, 0, sizeof(p));
		s.now = (struct timepoint){ 10, INT64_C(1790000000000), 0, 20260921 };
		r.checkout.b[0] = p.checkout.b[0] = 7;
		r.phase = restored[i].phase;
		r.member_state = MEMBER_KNOWN;
		r.final = restored[i].final;
		r.rev = 3;
		r.lines = &line;
		r.lines_count = 1;
		(void)snprintf(r.ticket, sizeof(r.ticket), "T1");
		(void)snprintf(p.ticket, sizeof(p.ticket), "T1");
		(void)snprintf(p.currency, sizeof(p.currency), "EUR");
		p.key.b[0] = 1;
		p.asked_minor = 5;
		p.state = restored[i].payment;
		p.state_wall_ms = s.now.wall_ms - 1000;
		held.payments_count = restored[i].has_payment;
		ck_assert_int_eq(lane_core_new(&env, &s.core), 0);
		ck_assert_int_eq(lane_core_restore(s.core, &held, &s.now, &s.out), 0);
		note_effects(&s);
		ck_assert_msg(lane_core_display(s.core)->phase == restored[i].after,
			      "%s: %s", restored[i].name,
			      checkout_phase_name(lane_core_display(s.core)->phase));
		/* Nothing is sent before the adapter is back, and never a second pay. */
		ck_assert_ptr_null(strpbrk(s.fx, "pqcu"));
		if (restored[i].has_payment)
			ck_assert_int_eq(lane_core_payment(s.core, 0)->state,
					 restored[i].payment_after);
		s.core = lane_core_free(s.core);
	}
}
END_TEST

/* One answer of laned-bio with hints; the reason that the display then gives. */
static const char *
reason_after(struct stage *s, enum lane_event_kind kind, uint32_t hints)
{
	struct lane_event ev = { .kind = kind };
	const struct step touch = { .act = TOUCH };

	act(s, &touch);
	ev.bio.probe = str_of(s->probe);
	ev.bio.outcome = BIO_RETRY;
	ev.bio.hints = hints;
	ck_assert_int_eq(step(s, &ev), 0);
	return touch_hint_name(lane_core_display(s->core)->reason);
}

START_TEST(a_finger_that_is_not_read_is_told_why)
{
	struct stage s;
	const uint32_t dry = 1u << TOUCH_HINT_TOO_DRY, wet = 1u << TOUCH_HINT_TOO_WET;
	const struct step total = { .act = TOTAL, .n = 100 };
	const struct step member[] = { { .act = TOUCH }, { .act = SEEN, .n = 1 } };
	const struct step lying = { .act = LYING };

	setup(&s);
	ck_assert_str_eq(reason_after(&s, LANE_EV_IDENTIFIED, dry), "too-dry");
	ck_assert_int_eq(lane_core_display(s.core)->row, ROW_NOT_READ);
	ck_assert_str_eq(reason_after(&s, LANE_EV_IDENTIFIED, 0),
			 ""); /* not the last one */
	/* The third time it is a claim that is asked for: a reason would be no help. */
	ck_assert_str_eq(reason_after(&s, LANE_EV_IDENTIFIED, dry), "");
	ck_assert_int_eq(lane_core_display(s.core)->row, ROW_CLAIM);
	act(&s, &member[0]);
	act(&s, &member[1]);
	ck_assert_int_eq(lane_core_display(s.core)->reason, TOUCH_HINT_NONE);
	act(&s, &total);
	ck_assert_str_eq(reason_after(&s, LANE_EV_VERIFIED, wet | dry), "too-wet");
	ck_assert_int_eq(lane_core_display(s.core)->row, ROW_NOT_READ);
	act(&s, &lying);
	ck_assert_int_eq(lane_core_display(s.core)->reason, TOUCH_HINT_LIFT);
	teardown(&s);
}
END_TEST

/* What laned-bio says of its readers; true when the display was told to change. */
static bool
told(struct stage *s, enum readers_health health, bool dirty, bool rests)
{
	struct lane_event ev = { .kind = LANE_EV_READERS };
	bool show = false;

	ev.readers.health = health;
	ev.readers.dirty = dirty;
	ev.readers.rests = rests;
	put_fingers(&ev, rests, false);
	ck_assert_int_eq(step(s, &ev), 0);
	for (uint32_t i = 0; i < s->out.count; i++)
		show = show || s->out.list[i].kind == FX_SHOW;
	return show;
}

START_TEST(the_cashier_is_told_of_the_readers_once_for_each_change)
{
	struct stage s;
	const struct lane_display *d;
	struct lane_event away = { .kind = LANE_EV_BIO };

	setup(&s);
	d = lane_core_display(s.core);
	ck_assert(!told(&s, READERS_OK, false, false));
	ck_assert(told(&s, READERS_OK, true, false));
	ck_assert(d->clean_glass && !d->finger_rests && !d->faults.bio_down);
	ck_assert(!told(&s, READERS_OK, true, false));
	ck_assert(told(&s, READERS_OK, true, true));
	ck_assert(d->finger_rests);
	ck_assert_int_eq(d->row, ROW_SCANNING);
	do_wait(&s, 5000); /* and then it is plainly no finger */
	ck_assert_int_eq(d->row, ROW_IDLE);
	ck_assert_int_eq(d->reason, TOUCH_HINT_LIFT);
	ck_assert_int_eq(lane_core_deadline(s.core), LANE_NEVER);
	ck_assert(told(&s, READERS_FAULTY, false, false));
	ck_assert(!d->clean_glass && !d->finger_rests && d->faults.bio_down);
	ck_assert_int_eq(d->reason, TOUCH_HINT_NONE);
	ck_assert_int_eq(d->readers, READERS_FAULTY);
	ck_assert(told(&s, READERS_ABSENT, true, true));
	ck_assert_int_eq(d->readers, READERS_ABSENT);
	ck_assert_int_eq(step(&s, &away), 0);
	ck_assert_int_eq(d->readers, READERS_AWAY);
	ck_assert(!d->clean_glass && !d->finger_rests && d->faults.bio_down);
	teardown(&s);
}
END_TEST

int
main(void)
{
	const TTest *const list[] = {
		every_event_in_every_phase_is_answered,
		an_idle_lane_wants_no_wakeups,
		digits_may_be_tried_ten_times_an_hour_on_a_lane,
		the_member_s_price_is_offered_asked_and_reserved,
		no_other_price_is_told_beside_an_undo_that_is_not_stored,
		a_late_claim_of_an_ended_ticket_is_nobody_s_check_in,
		a_check_in_that_names_its_ticket_is_for_no_other,
		baskets_outside_their_ranges_change_nothing,
		void_and_returned_lines_are_summed_and_not_priced,
		card_numbers_are_masked_before_they_are_kept,
		a_blob_with_a_card_number_may_not_be_sent,
		a_restart_takes_up_what_the_journal_holds,
		a_finger_that_is_not_read_is_told_why,
		the_cashier_is_told_of_the_readers_once_for_each_change,
	};
	Suite *suite = suite_create("checkout");
	TCase *tc = tcase_create("checkout");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, scenario_goes_as_written, 0,
			    sizeof(scenarios) / sizeof(scenarios[0]));
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		tcase_add_test(tc, list[i]);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
