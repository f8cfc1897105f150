#include "sim/laned.h"

#include "sim/virtual/virtual.h"

#include "base/keys.h"
#include "lane/journal_returns.h"
#include "lane/lane_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* struct lane comes first: laned's code knows nothing else. */
struct laned_side {
	struct lane lane;
	struct world *w;
};

#define PAYER "payer" /* scripted: of its link only what laned knows of it is there */
#define CONF_HEAD                                                                        \
	"[lane]\nname = l1\nstore = s1\ncurrency = EUR\nenvironment = test\n"            \
	"[paths]\nrun = /sim\n"

/* One adapter that does all; or one that poses as a terminal, and a payer. */
static const char *const conf_texts[] = {
	CONF_HEAD "[adapter:drop]\nplugin = drop\n",
	CONF_HEAD "[adapter:relay]\nplugin = relay\n"
		  "[adapter:" PAYER "]\nplugin = " PAYER "\n",
};

/* The same in every run, and constant. */
static struct conf *
conf_once(bool terminal)
{
	static struct conf *confs[2], *conf;
	char path[] = "/tmp/laned-sim-XXXXXX";
	struct conf_errors errors;
	FILE *f;
	int fd;

	conf = confs[terminal];
	if (conf != NULL)
		return conf;
	fd = mkstemp(path);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (f == NULL || fputs(conf_texts[terminal], f) < 0 || fclose(f) != 0 ||
	    conf_load(keys_table, keys_count, path, NULL, &errors, &conf) < 0) {
		(void)fprintf(stderr, "sim: the configuration of laned\n");
		abort();
	}
	(void)unlink(path); /* only a name */
	confs[terminal] = conf;
	return conf;
}

static void
on_tick(void *ctx)
{
	struct lane_event ev = { .kind = LANE_EV_TICK };

	(void)lane_step(ctx, &ev); /* time has no error */
}

/* ---- the journal, where laned asks it for more than the effects do (--wrap) ---------------- */

static struct world *of_journal;

static bool
is_world_s(const struct journal *j)
{
	return of_journal != NULL && (const void *)j == of_journal->store.impl;
}

struct journal_ref __wrap_journal_ref(struct journal *j);
struct journal_ref __real_journal_ref(struct journal *j);
int __wrap_journal_find_of(struct journal *j, const char *adapter, struct str ref,
			   struct key128 before, struct payment *ret);
int __real_journal_find_of(struct journal *j, const char *adapter, struct str ref,
			   struct key128 before, struct payment *ret);
int __wrap_journal_returned(struct journal *j, struct ulid checkout,
			    int (*each)(void *ctx, const struct journal_returned *r),
			    void *ctx);
int __real_journal_returned(struct journal *j, struct ulid checkout,
			    int (*each)(void *ctx, const struct journal_returned *r),
			    void *ctx);

struct journal_ref
__wrap_journal_ref(struct journal *j)
{
	return is_world_s(j) ? of_journal->store : __real_journal_ref(j);
}

/* The last one that this adapter knows by its reference. */
int
__wrap_journal_find_of(struct journal *j, const char *adapter, struct str ref,
		       struct key128 before, struct payment *ret)
{
	const struct mem_journal *m = of_journal == NULL ? NULL : of_journal->journal;
	bool older = key128_is_zero(before);

	if (!is_world_s(j))
		return __real_journal_find_of(j, adapter, ref, before, ret);
	for (uint32_t i = mem_journal_payments_count(m); i-- > 0;) {
		const struct payment *p = mem_journal_payment(m, i);

		if (!older) {
			older = key128_eq(p->key, before);
			continue;
		}
		if ((strcmp(p->pos_adapter, adapter) == 0 && str_is(ref, p->pos_ref)) ||
		    (strcmp(p->adapter, adapter) == 0 && str_is(ref, p->ref))) {
			*ret = *p;
			return 0;
		}
	}
	return -ENOENT;
}

/* No goods are returned here but by the world's own events. */
int
__wrap_journal_returned(struct journal *j, struct ulid checkout,
			int (*each)(void *ctx, const struct journal_returned *r),
			void *ctx)
{
	return is_world_s(j) ? 0 : __real_journal_returned(j, checkout, each, ctx);
}

void __wrap_state_anchor(struct lane *l);
void __real_state_anchor(struct lane *l);

/* How far the journal has come is noted beside it: by the number of its audits here. */
void
__wrap_state_anchor(struct lane *l)
{
	if (l->journal == NULL || !is_world_s(l->journal))
		__real_state_anchor(l);
	else if (!of_journal->behind)
		of_journal->anchored = mem_journal_audits(of_journal->journal);
}

/* As it opens its journal: a note that an older one has been put in its place stays. */
static void
look_at_journal(struct lane *l, struct world *w)
{
	if (w->journal_gone)
		return;
	l->journal = w->store.impl; /* nothing is swept from it */
	l->clock_doubted = true;
	w->behind = w->behind || mem_journal_audits(w->journal) < w->anchored;
	if (w->behind)
		(void)str_copy(l->journal_behind, sizeof(l->journal_behind),
			       STR("the journal is older than it was")); /* fits */
}

/* Every step of laned's own code comes by here (--wrap). */
int __wrap_lane_step(struct lane *l, struct lane_event *ev);
int __real_lane_step(struct lane *l, struct lane_event *ev);

int
__wrap_lane_step(struct lane *l, struct lane_event *ev)
{
	struct world *w = ((struct laned_side *)(void *)l)->w;
	enum lane_event_kind kind = ev->kind;
	int rc;

	if (kind == LANE_EV_JOURNAL_WANTED)
		w->journal_asked = ev->journal.key;
	rc = __real_lane_step(l, ev);
	if (kind == LANE_EV_COMPLETION)
		w->res->unknowns += ev->completion.outcome == OUTCOME_UNKNOWN;
	world_trace(w, "%s -> %d %s", lane_event_name(kind), rc,
		    checkout_phase_name(lane_core_display(w->core)->phase));
	return rc;
}

struct laned_side *
laned_new(struct world *w)
{
	struct laned_side *s = calloc(1, sizeof(*s));
	struct lane *l;

	if (s == NULL)
		abort();
	s->w = w;
	l = &s->lane;
	l->conf = l->live = conf_once(w->relay != NULL);
	of_journal = w->relay != NULL ? w : NULL;
	if (w->relay != NULL)
		look_at_journal(l, w);
	l->started_wall_ms = w->now.wall_ms;
	l->core = w->core;
	l->effects = w->effects;
	world_environment(w, &l->env);
	l->identity.matches = true;
	(void)str_copy(l->name, sizeof(l->name), l->env.lane);    /* fits */
	(void)str_copy(l->store, sizeof(l->store), l->env.store); /* fits */
	l->out = json_out_new(MESSAGE_BYTES_MAX);
	if (l->out == NULL || loop_new(&l->loop) < 0 ||
	    loop_timer_new(l->loop, on_tick, l, &l->tick) < 0)
		abort();
	return s;
}

void
laned_open(struct laned_side *s)
{
	enum virtual_process before = virtual_enter(VIRTUAL_LANED);
	struct lane_event ev = { .kind = LANE_EV_TICK };

	if (adapter_links_open(&s->lane, -1) < 0)
		abort();
	(void)lane_step(&s->lane, &ev); /* sets the timer */
	(void)virtual_enter(before);
}

struct laned_side *
laned_free(struct laned_side *s)
{
	enum virtual_process before;
	struct lane *l;

	if (s == NULL)
		return NULL;
	l = &s->lane;
	of_journal = NULL;
	before = virtual_enter(VIRTUAL_LANED);
	adapter_links_close(l);
	l->tick = loop_timer_free(l->tick);
	l->loop = loop_free(l->loop);
	l->out = json_out_free(l->out);
	(void)virtual_enter(before);
	free(s);
	return NULL;
}

int
laned_step(struct laned_side *s, struct lane_event *ev)
{
	enum virtual_process before = virtual_enter(VIRTUAL_LANED);
	int rc = lane_step(&s->lane, ev);

	(void)virtual_enter(before);
	return rc;
}

void
laned_environment(struct laned_side *s, struct lane_env *env)
{
	struct lane *l = &s->lane;

	/* What its hello told of the adapter outlives a reload, as in lane.c. */
	env->can_pay = l->env.can_pay;
	env->can_refund = l->env.can_refund;
	env->pos_asks = l->env.pos_asks;
	env->two_phase = l->env.two_phase;
	env->adapter = l->env.adapter;
	env->payment.can_query = l->env.payment.can_query;
	env->payment.partial_ok = l->env.payment.partial_ok;
	l->env = *env;
}

void
laned_payer(struct laned_side *s, bool up)
{
	struct lane *l = &s->lane;

	for (size_t i = 0; i < l->adapters_count; i++) {
		struct adapter_link *a = &l->adapters[i];

		if (strcmp(a->name, PAYER) != 0)
			continue;
		a->greeted = up;
		a->known = a->known || up;
		a->can_pay = a->can_query = a->can_confirm = a->can_refund = a->known;
		a->can_partial = a->known && s->w->opt.seed % 3 == 0;
		l->env.can_pay = l->env.can_refund = up;
		l->env.adapter = a->known ? STR(PAYER) : STR("");
		l->env.two_phase = a->known;
		l->env.pos_asks = adapter_pos_asks(l);
		l->env.payment.can_query = true;
		l->env.payment.partial_ok = up && a->can_partial;
	}
	if (lane_core_set_env(l->core, &l->env) < 0)
		abort();
}

bool
laned_is_asked(const struct laned_side *s)
{
	return s->lane.journal_call != NULL;
}

void
laned_tender_reply(struct laned_side *s, const struct lane_effect *fx, bool ok)
{
	lane_effects_ops.tender_reply(&s->lane, fx, ok);
}

int64_t
laned_due(const struct laned_side *s)
{
	return virtual_loop_due(s->lane.loop);
}

void
laned_work(struct laned_side *s)
{
	enum virtual_process before = virtual_enter(VIRTUAL_LANED);

	virtual_loop_work(s->lane.loop);
	(void)virtual_enter(before);
}

int
laned_adapter(struct laned_side *s, const struct lane_effect *fx)
{
	return lane_effects_ops.adapter(&s->lane, fx);
}

void
laned_journal_answer(struct laned_side *s, const char *req, bool ok)
{
	lane_effects_ops.journal_answer(&s->lane, req, ok);
}
