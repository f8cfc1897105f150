#include "bench/prompt.h"

#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
prompt_init(struct prompt *p)
{
	struct lane_member *m = &p->member;

	p->now = (struct timepoint){ .mono_ms = 1000,
				     .wall_ms = INT64_C(1790000000000),
				     .business_day = 20260921 };
	m->member.b[0] = m->subjects[0].b[0] = 1;
	m->subjects_count = 1;
	m->has_tender = true;
	(void)snprintf(m->number, sizeof(m->number), "1000"); /* both fit */
	(void)snprintf(m->token, sizeof(m->token), "tok_1");
}

void
prompt_open(struct prompt *p, const struct pricing_rules *rules,
	    struct journal_ref journal, const struct effects_ops *ops)
{
	struct lane_env env = {
		.rules = rules,
		.limits = LANE_LIMITS_DEFAULT,
		.payment = PAYMENT_RULES_DEFAULT,
		.currency = "EUR",
		.store = STR("s1"),
		.lane = STR("l1"),
		.language = STR("en"),
		.can_pay = true,
		.can_refund = true,
	};

	env.limits.touch_day_minor = INT64_MAX / 2;
	if (lane_core_new(&env, &p->core) < 0 ||
	    effects_new(p->core, journal, ops, p, &p->effects) < 0)
		abort();
}

void
prompt_close(struct prompt *p)
{
	p->effects = effects_free(p->effects);
	p->core = lane_core_free(p->core);
	p->pending_count = 0;
	p->off = false;
}

struct pricing_rules *
prompt_rules(const char *text)
{
	static struct pricing_errors errors;
	struct arena *arena = arena_new(1u << 20);
	struct pricing_rules *rules = NULL;
	const struct value *v;

	if (arena == NULL || json_parse(arena, str_of(text), 0, &v, NULL) < 0 ||
	    pricing_rules_compile(v, &errors, &rules) < 0)
		abort();
	arena_free(arena);
	return rules;
}

struct lane_event *
prompt_post(struct prompt *p, enum lane_event_kind kind)
{
	struct lane_event *ev = &p->pending[p->pending_count];

	if (p->pending_count == PROMPT_PENDING_MAX)
		abort();
	p->pending_count++;
	memset(ev, 0, sizeof(*ev));
	ev->kind = kind;
	return ev;
}

static void
one_step(struct prompt *p, struct lane_event *ev)
{
	int rc = effects_step(p->effects, ev, &p->now);

	if (p->stepped != NULL)
		p->stepped(p, ev, rc);
}

void
prompt_step(struct prompt *p, struct lane_event *ev)
{
	p->now.mono_ms += 100;
	p->now.wall_ms += 100;
	if (p->off)
		return;
	one_step(p, ev);
	while (p->pending_count > 0 && !p->off) {
		struct lane_event next = p->pending[0];

		p->pending_count--;
		memmove(&p->pending[0], &p->pending[1],
			p->pending_count * sizeof(p->pending[0]));
		one_step(p, &next);
	}
}

void
prompt_basket(struct prompt *p, const struct prompt_basket *b)
{
	struct basket_line lines[PROMPT_LINES_MAX];
	struct lane_event ev = { .kind = LANE_EV_BASKET };

	memset(lines, 0, sizeof(lines));
	for (uint32_t i = 0; i < PROMPT_LINES_MAX; i++) {
		lines[i].line = i + 1;
		(void)snprintf(lines[i].code, sizeof(lines[i].code), "40000%u",
			       i); /* fits */
		lines[i].qty_milli = 1000;
		lines[i].unit_price_minor = lines[i].amount_minor = 100 + i;
	}
	ev.basket = (struct lane_basket){ .ticket = str_of(b->ticket),
					  .rev = b->rev,
					  .currency = STR("EUR"),
					  .lines = lines,
					  .lines_count = b->count,
					  .final = b->final,
					  .closed = b->closed };
	prompt_step(p, &ev);
}

void
prompt_touch(struct prompt *p, const char *probe)
{
	struct lane_event ev = { .kind = LANE_EV_TOUCH };

	ev.touch.probe = str_of(probe);
	prompt_step(p, &ev);
}

/* ---- ops --------------------------------------------------------------------------------- */

int
prompt_on_fresh(void *ctx, const struct timepoint *now, struct lane_fresh *ret)
{
	struct prompt *p = ctx;
	uint8_t random[10] = { 0 };

	p->fresh++;
	memcpy(random, &p->fresh, sizeof(p->fresh));
	ret->checkout = ulid_make(now->wall_ms, random);
	memset(&ret->key, 1, sizeof(ret->key));
	memcpy(ret->key.b, &p->fresh, sizeof(p->fresh));
	return 0;
}

int
prompt_on_bio(void *ctx, const struct lane_effect *fx)
{
	struct prompt *p = ctx;
	struct lane_event *ev;

	if (fx->kind != FX_IDENTIFY && fx->kind != FX_VERIFY)
		return 0;
	memcpy(p->probe, fx->bio.probe, sizeof(p->probe));
	ev = prompt_post(p,
			 fx->kind == FX_IDENTIFY ? LANE_EV_IDENTIFIED : LANE_EV_VERIFIED);
	ev->bio.probe = str_of(p->probe);
	ev->bio.outcome = BIO_ACCEPT;
	ev->bio.member = &p->member;
	return 0;
}

int
prompt_on_resolve(void *ctx, const struct lane_effect *fx, struct lane_event *ev)
{
	(void)ctx;
	(void)fx;
	(void)ev;
	return -ENOENT;
}

void
prompt_on_show(void *ctx, const struct lane_display *d)
{
	(void)ctx;
	(void)d;
}
