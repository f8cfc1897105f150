#include "lane_stage.h"

#include "unit.h"

#include "base/json.h"

#include <errno.h>

struct pricing_rules *
stage_compile(const char *text)
{
	struct arena *arena = arena_new(1u << 20);
	struct pricing_errors errors;
	struct pricing_rules *rules = NULL;
	const struct value *v = NULL;

	ck_assert_int_eq(json_parse(arena, str_of(text), 0, &v, NULL), 0);
	ck_assert_msg(pricing_rules_compile(v, &errors, &rules) == 0, "%s",
		      errors.list[0].what);
	(void)arena_free(arena); /* gives NULL */
	return rules;
}

static int
op_fresh(void *ctx, const struct timepoint *now, struct lane_fresh *ret_fresh)
{
	struct stage *s = ctx;

	(void)now;
	memset(ret_fresh, 0, sizeof(*ret_fresh));
	s->fresh++;
	ret_fresh->checkout.b[14] = (uint8_t)(s->fresh >> 8);
	ret_fresh->checkout.b[15] = (uint8_t)s->fresh;
	ret_fresh->key.b[14] = (uint8_t)(s->fresh >> 8);
	ret_fresh->key.b[15] = (uint8_t)s->fresh;
	return 0;
}

static int
op_bio(void *ctx, const struct lane_effect *fx)
{
	(void)ctx;
	(void)fx;
	return 0;
}

static int
op_adapter(void *ctx, const struct lane_effect *fx)
{
	struct stage *s = ctx;

	if (fx->kind == FX_PAY) {
		s->asked++;
		s->key = fx->pay.payment->key;
	}
	if (fx->kind == FX_REFUND) {
		s->refunds++;
		s->refund = *fx->pay.payment;
	}
	s->queries += fx->kind == FX_QUERY;
	s->undos += fx->kind == FX_UNDO;
	if (fx->kind != FX_OFFER)
		return 0;
	s->offer = fx->offer.serial;
	if (s->offer_error < 0)
		return s->offer_error;
	s->offers++;
	s->offered_rev = fx->offer.rev;
	s->offered_total = fx->offer.total_minor;
	s->discounts = fx->offer.discounts_count;
	s->discount_sum = 0;
	for (uint32_t i = 0; i < fx->offer.discounts_count; i++)
		s->discount_sum += fx->offer.discounts[i].amount_minor;
	if (fx->offer.discounts_count > 0)
		ck_assert_int_eq(
			str_copy(s->text, sizeof(s->text), fx->offer.discounts[0].text),
			0);
	return 0;
}

static void
op_journal_answer(void *ctx, const char *req, bool ok)
{
	struct stage *s = ctx;

	(void)req;
	s->allowed += ok;
	s->refused += !ok;
}

/* A member as the shell finds one: from the cache, with the journal's facts. */
static int
find_member(void *ctx, struct ulid member, struct lane_member *ret_member)
{
	struct stage *s = ctx;
	const struct lane_display *d = lane_core_display(s->core);
	struct journal_uses_query q = { .member = member,
					.except = d->checkout,
					.business_day = d->phase == PHASE_OPEN
								? d->business_day
								: s->now.business_day,
					.rules = s->rules };
	struct lane_member *m = &s->member;
	bool bought = false;

	memset(m, 0, sizeof(*m));
	m->member = member;
	m->subjects[0] = member;
	m->subjects_count = 1;
	m->has_tender = true;
	(void)snprintf(m->number, sizeof(m->number), "M1");
	(void)snprintf(m->token, sizeof(m->token), "tok");
	(void)snprintf(m->language, sizeof(m->language), "%s", s->language);
	(void)snprintf(m->coupons[m->coupons_count++], 33, "G1");
	m->points = 47;
	ck_assert_int_eq(
		s->journal.ops->uses(s->journal.impl, &q, s->uses, 8, &m->uses_count), 0);
	ck_assert_int_eq(
		s->journal.ops->bought(s->journal.impl, member, q.except, &bought), 0);
	m->uses = s->uses;
	m->first_purchase = s->first_purchase && !bought;
	m->uses_unknown = s->unreadable;
	*ret_member = *m;
	return 0;
}

static int
op_resolve(void *ctx, const struct lane_effect *fx, struct lane_event *ev)
{
	struct stage *s = ctx;
	struct ulid who = { { 7 } };

	who.b[15] = (uint8_t)fx->claim.value.p[0];
	(void)find_member(s, who, &s->member); /* finds everybody */
	ev->found.count = 1;
	ev->found.member = &s->member;
	ev->found.subjects = s->member.subjects;
	ev->found.subjects_count = 1;
	return 0;
}

static void
op_show(void *ctx, const struct lane_display *d)
{
	(void)ctx;
	(void)d;
}

static void
op_alarm(void *ctx, const struct lane_audit *a)
{
	struct stage *s = ctx;

	ck_assert_ptr_nonnull(a->text);
	s->alarms++;
}

static void
op_journal_error(void *ctx, int error)
{
	(void)ctx;
	(void)error;
}

static const struct effects_ops ops = { op_fresh,          op_bio,           op_adapter,
					op_journal_answer, op_resolve,       op_show,
					op_alarm,          op_journal_error, NULL };

static int
before_commit(void *ctx, bool durable)
{
	(void)durable;
	return ((struct stage *)ctx)->disk_full ? -ENOSPC : 0;
}

struct lane_env
stage_environment(const struct stage *s)
{
	struct lane_env env = {
		.rules = s->rules,
		.limits = LANE_LIMITS_DEFAULT,
		.payment = PAYMENT_RULES_DEFAULT,
		.currency = "EUR",
		.store = STR("s"),
		.lane = str_of(s->lane),
		.language = STR("de"),
		.price_pos = s->price_pos,
		.can_pay = true,
		.can_refund = !s->no_refunds,
	};

	env.payment.can_query = !s->no_queries;
	return env;
}

void
stage_give(struct stage *s, struct lane_event *ev, int want)
{
	ck_assert_int_eq(effects_step(s->effects, ev, &s->now), want);
}

void
stage_links_up(struct stage *s)
{
	struct lane_event up = { .kind = LANE_EV_ADAPTER, .up = true };

	stage_give(s, &up, 0);
	up.kind = LANE_EV_BIO;
	stage_give(s, &up, 0);
	up = (struct lane_event){ .kind = LANE_EV_READERS };
	stage_give(s, &up, 0);
}

void
stage_start(struct stage *s)
{
	struct lane_env env = stage_environment(s);

	ck_assert_int_eq(lane_core_new(&env, &s->core), 0);
	ck_assert_int_eq(effects_new(s->core, s->journal, &ops, s, &s->effects), 0);
	ck_assert_int_eq(effects_restore(s->effects, find_member, &s->now), 0);
	stage_links_up(s);
}

void
stage_setup(struct stage *s, const char *rules)
{
	struct mem_faults faults = { .before_commit = before_commit, .ctx = s };

	memset(s, 0, sizeof(*s));
	s->language = "en";
	s->lane = "2";
	s->now = (struct timepoint){ 1000, INT64_C(1790000000000), 7200, 20260921 };
	s->memory = mem_journal_new();
	mem_journal_faults(s->memory, &faults);
	s->journal = mem_journal_ref(s->memory);
	s->rules = stage_compile(rules);
	stage_start(s);
}

void
stage_stop(struct stage *s)
{
	s->effects = effects_free(s->effects);
	s->core = lane_core_free(s->core);
}

/* The process dies and comes again. */
void
stage_kill_and_restart(struct stage *s)
{
	stage_stop(s);
	mem_journal_crash(s->memory);
	stage_start(s);
}

void
stage_teardown(struct stage *s)
{
	stage_stop(s);
	s->rules = pricing_rules_free(s->rules);
	s->before = pricing_rules_free(s->before);
	s->memory = mem_journal_free(s->memory);
}

struct basket_line
stage_line_of(uint32_t number, const struct ware *w)
{
	struct basket_line l = { .line = number,
				 .qty_milli = w->units * 1000,
				 .unit_price_minor = w->price,
				 .amount_minor = w->price * w->units };

	(void)snprintf(l.code, sizeof(l.code), "%s", w->code);
	return l;
}

void
stage_basket(struct stage *s, const char *ticket, const struct basket_line *lines,
	     uint32_t count, bool final)
{
	struct lane_event ev = { .kind = LANE_EV_BASKET };

	ev.basket.ticket = str_of(ticket);
	ev.basket.rev = ++s->rev;
	ev.basket.currency = STR("EUR");
	ev.basket.lines = lines;
	ev.basket.lines_count = count;
	ev.basket.final = final;
	stage_give(s, &ev, 0);
}

void
stage_one(struct stage *s, const char *ticket, const struct ware *w, bool final)
{
	struct basket_line l = stage_line_of(1, w);

	stage_basket(s, ticket, &l, 1, final);
}

void
stage_claim(struct stage *s, const char *who)
{
	struct lane_event ev = { .kind = LANE_EV_CLAIM };

	ev.claim.kind = CLAIM_CARD;
	ev.claim.value = str_of(who);
	stage_give(s, &ev, 0);
	ck_assert_ptr_nonnull(lane_core_member(s->core));
}

void
stage_cancel(struct stage *s, const char *ticket)
{
	struct lane_event ev = { .kind = LANE_EV_CANCEL, .ticket = str_of(ticket) };

	stage_give(s, &ev, 0);
}

/* The POS ended it with its own tenders. */
void
stage_close_outside(struct stage *s, const char *ticket, const struct ware *w)
{
	struct basket_line l = stage_line_of(1, w);
	struct lane_event ev = { .kind = LANE_EV_BASKET };

	ev.basket.ticket = str_of(ticket);
	ev.basket.rev = ++s->rev;
	ev.basket.currency = STR("EUR");
	ev.basket.lines = &l;
	ev.basket.lines_count = 1;
	ev.basket.final = ev.basket.closed = true;
	stage_give(s, &ev, 0);
	ck_assert_int_eq(lane_core_display(s->core)->phase, PHASE_DONE);
}

int64_t
stage_total(const struct stage *s)
{
	return lane_core_display(s->core)->total_minor;
}

int64_t
stage_used(struct stage *s, const char *who, const char *rule)
{
	struct journal_uses_query q = { .member = { { 7 } },
					.business_day = s->now.business_day };
	struct lane_use list[8];
	uint32_t count = 0;

	q.member.b[15] = (uint8_t)who[0];
	ck_assert_int_eq(s->journal.ops->uses(s->journal.impl, &q, list, 8, &count), 0);
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(list[i].rule, rule) == 0)
			return list[i].member_used;
	}
	return 0;
}

void
stage_swap_rules(struct stage *s, const char *text)
{
	struct lane_event ev = { .kind = LANE_EV_RULES };
	struct lane_env env;

	s->before = s->rules;
	s->rules = stage_compile(text);
	env = stage_environment(s);
	ck_assert_int_eq(lane_core_set_env(s->core, &env), 0);
	s->before = pricing_rules_free(s->before);
	stage_give(s, &ev, 0);
}
