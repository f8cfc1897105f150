#include "sim/drop_private.h"
#include "sim/laned.h"
#include "sim/lost.h"
#include "sim/relay.h"
#include "sim/twin_journal.h"
#include "sim/virtual/virtual.h"

#include "base/json.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define RUN_MS_MAX (INT64_C(6) * 3600 * 1000) /* after which a lane must be quiet */
#define STEPS_MAX 400000u
/* At realistic rates so many times as seldom: three checkouts in ten see a fault. */
#define SELDOM 14u

/* Two sets that take each other's place; the limited rules are in both, with the same ids. */
#define LIMITED_RULES                                                                    \
	"{\"id\":\"twice\",\"kind\":\"amount\",\"scope\":{\"sku\":[\"400000\","          \
	"\"400007\"]},"                                                                  \
	"\"params\":{\"amount_minor\":60,\"max_units\":1},\"who\":{\"member\":true},"    \
	"\"limits\":{\"per_member\":2},\"text\":{\"en\":\"0.60 off, twice a member\"}}," \
	"{\"id\":\"daily\",\"kind\":\"basket_amount\",\"scope\":{\"all\":true},"         \
	"\"params\":{\"amount_minor\":4},\"who\":{\"member\":true},"                     \
	"\"limits\":{\"per_day\":1}},"                                                   \
	"{\"id\":\"first-two\",\"kind\":\"basket_amount\",\"scope\":{\"all\":true},"     \
	"\"params\":{\"amount_minor\":3},\"limits\":{\"total\":2}}"

static const char *const rules_texts[SIM_RULE_SETS] = {
	"{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":["
	"{\"id\":\"ten\",\"kind\":\"percent\",\"scope\":{\"all\":true},"
	"\"params\":{\"percent_bp\":1000},\"who\":{\"member\":true},"
	"\"text\":{\"en\":\"10 % for members\"}}," LIMITED_RULES "]}",
	"{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":["
	"{\"id\":\"five\",\"kind\":\"percent\",\"scope\":{\"all\":true},"
	"\"params\":{\"percent_bp\":500},\"text\":{\"en\":\"5 % for "
	"all\"}}," LIMITED_RULES "]}",
};

/* splitmix64 (Steele, Lea, Flood): every seed gives a full, different sequence. */
uint64_t
world_random(struct world *w)
{
	uint64_t z = (w->rng += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

bool
world_chance(struct world *w, uint32_t n)
{
	if (w->quiet || w->opt.calm)
		return false;
	return world_random(w) % n == 0;
}

void
world_hit(struct world *w, enum sim_fault f)
{
	w->res->faults[f]++;
	w->res->hit += !w->hit;
	w->hit = true;
}

bool
world_fault(struct world *w, enum sim_fault f, uint32_t n)
{
	if (!world_chance(w, w->absurd ? n : n * SELDOM))
		return false;
	world_hit(w, f);
	return true;
}

int64_t
world_delay(struct world *w, int64_t min_ms, int64_t max_ms)
{
	return min_ms + (int64_t)(world_random(w) % (uint64_t)(max_ms - min_ms + 1));
}

/* As vsnprintf, for what stands in most lines; false where it takes more than this. */
static bool
format_plainly(struct strbuf *b, const char *fmt, va_list ap)
{
	const char *percent;

	for (; (percent = strchr(fmt, '%')) != NULL; fmt = percent + 2) {
		strbuf_add(b, (struct str){ fmt, (size_t)(percent - fmt) });
		if (percent[1] == 's') {
			const char *text = va_arg(ap, const char *);

			if (text == NULL)
				return false;
			strbuf_add(b, str_of(text));
		} else if (percent[1] == 'd') {
			strbuf_int(b, va_arg(ap, int));
		} else if (percent[1] == 'u') {
			strbuf_int(b, va_arg(ap, unsigned));
		} else if (strncmp(percent, "%lld", 4) == 0) {
			strbuf_int(b, va_arg(ap, long long));
			percent += 2;
		} else {
			return false;
		}
	}
	strbuf_add(b, str_of(fmt));
	return !b->truncated;
}

void
world_trace(struct world *w, const char *fmt, ...)
{
	struct strbuf b;
	char line[256];
	va_list ap;
	int n;

	strbuf_init(&b, line, sizeof(line));
	va_start(ap, fmt);
	if (format_plainly(&b, fmt, ap)) {
		n = (int)b.used;
	} else {
		va_end(ap);
		va_start(ap, fmt);
		n = vsnprintf(line, sizeof(line), fmt, ap);
	}
	va_end(ap);
	if (w->opt.trace != NULL)
		(void)fprintf(w->opt.trace, "%10lld %s\n", (long long)w->now.mono_ms,
			      line);
	for (int i = 0; i < n && i < (int)sizeof(line) - 1; i++)
		w->res->trace_hash = (w->res->trace_hash ^ (uint8_t)line[i]) *
				     UINT64_C(1099511628211); /* FNV-1a */
	w->res->trace_hash ^= (uint64_t)w->now.mono_ms;
}

void
world_broken(struct world *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (w->res->broken)
		return;
	w->res->broken = true;
	n = snprintf(w->res->what, sizeof(w->res->what),
		     "at %lld ms: ", (long long)w->now.mono_ms);
	va_start(ap, fmt);
	(void)vsnprintf(w->res->what + n, sizeof(w->res->what) - (size_t)n, fmt, ap);
	va_end(ap);
	world_trace(w, "BROKEN %s", w->res->what);
}

struct message *
world_post(struct world *w, enum message_kind kind, int64_t in_ms)
{
	struct message *m;

	if (w->messages_count == MESSAGES_MAX) {
		world_broken(w, INV_ALIVE "too many messages under way");
		w->messages_count--;
	}
	m = &w->messages[w->messages_count++];
	memset(m, 0, sizeof(*m));
	m->kind = kind;
	m->at_ms = w->now.mono_ms + in_ms;
	m->order = ++w->order;
	m->who = -1;
	w->due[m - w->messages] = (struct due){ m->at_ms, m->order };
	return m;
}

void
world_member(struct world *w, int who, struct lane_member *m)
{
	struct journal_uses_query q = { .business_day = w->now.business_day };
	struct journal_ref j = w->store;
	uint32_t count = 0;

	memset(m, 0, sizeof(*m));
	m->member.b[0] = 0x4d;
	m->member.b[15] = (uint8_t)(who + 1);
	m->subjects[0] = m->member;
	m->subjects[0].b[0] = 0x53;
	m->subjects_count = 1;
	m->has_tender = true;
	(void)snprintf(m->number, sizeof(m->number), "%d", 1000 + who);
	(void)snprintf(m->token, sizeof(m->token), "tok_%d", who);
	q.member = m->member;
	if (!w->down && w->core != NULL) {
		/* As lane.c asks: without the checkout's own, of the day on which it began. */
		const struct lane_display *d = lane_core_display(w->core);

		q.except = d->checkout;
		if (d->phase != PHASE_IDLE && d->phase != PHASE_DONE &&
		    d->phase != PHASE_CANCELLED)
			q.business_day = d->business_day;
	}
	if (w->journal_gone) {
		m->uses_unknown = true;
		return;
	}
	if (j.ops->uses(j.impl, &q, w->uses_memory, 16, &count) == 0) {
		m->uses = w->uses_memory;
		m->uses_count = count;
	}
	(void)j.ops->touch_sum(j.impl, m->member, q.business_day,
			       &m->touch_paid_today_minor);
}

/* ---- the lane's life ----------------------------------------------------- */

void
world_crash_point(struct world *w)
{
	bool here = ++w->res->crash_points == w->opt.crash_at;

	if (w->crashed)
		return;
	if (w->opt.crash_at == 0)
		here = world_fault(w, SIM_FAULT_LANED_DIES, 60);
	if (!here)
		return;
	w->crashed = true;
	world_trace(w, "laned dies");
	if (w->bridged)
		virtual_kill(VIRTUAL_LANED);
}

static int
before_commit(void *ctx, bool durable)
{
	struct world *w = ctx;

	(void)durable;
	world_crash_point(w);
	if (w->crashed)
		return -EIO; /* dead: nothing is kept */
	if (w->disk_full) {
		w->res->failed_commits++;
		return -ENOSPC;
	}
	if (world_fault(w, SIM_FAULT_DISK_FULL, 300)) {
		w->disk_full = true;
		(void)world_post(w, MSG_DISK_OK, world_delay(w, 1000, 40000));
		w->res->failed_commits++;
		return -ENOSPC;
	}
	return 0;
}

static void
after_commit(void *ctx, bool durable)
{
	(void)durable;
	world_crash_point(ctx);
}

static int
find_member(void *ctx, struct ulid member, struct lane_member *ret)
{
	struct world *w = ctx;

	if (member.b[0] != 0x4d || member.b[15] == 0 || member.b[15] > MEMBERS)
		return -ENOENT;
	world_member(w, member.b[15] - 1, ret);
	return 0;
}

static void
bury(struct world *w)
{
	w->res->crashes++;
	w->laned = laned_free(w->laned);
	w->effects = effects_free(w->effects);
	w->core = lane_core_free(w->core);
	if (w->twin != NULL)
		twin_journal_crash(w->twin);
	else
		mem_journal_crash(w->journal);
	w->lane_epoch++;
	w->down = true;
	w->bio_up = false;
	sensor_connection_lost(w);
	if (w->drop != NULL)
		drop_lane_died(w->drop);
	terminal_lane_died(w);
	w->crashed = false;
	(void)world_post(w, MSG_RESTART, world_delay(w, 200, 4000));
}

static const struct pricing_rules *the_rules(unsigned set);

void
world_environment(const struct world *w, struct lane_env *ret_env)
{
	struct lane_env env = {
		.rules = the_rules(w->rule_set),
		.limits = LANE_LIMITS_DEFAULT,
		.payment = PAYMENT_RULES_DEFAULT,
		.currency = "EUR",
		.store = STR("s1"),
		.lane = STR("l1"),
		.language = STR("en"),
		.can_pay = true,
		.can_refund = true,
		.claim_first = w->claim_first,
		.pos_asks = w->terminal,
		.two_phase = w->terminal,
	};

	env.payment.partial_ok = w->opt.seed % 3 == 0;
	if (w->conf_set == 1) {
		env.payment.sending_ms = 20000;
		env.payment.not_taken_ms = 60000;
		env.limits.touch_checkout_minor = 2000;
	} else if (w->conf_set == 2) {
		env.payment.unknown_max_ms = 180000;
		env.payment.undo_alarm_ms = 60000;
		env.budget.nodes_max = 50;
	}
	*ret_env = env;
}

/* What changed outside is taken over, and the core looks at what is open again. */
static void
take_environment(struct world *w)
{
	struct lane_event ev = { .kind = LANE_EV_RULES };
	struct lane_env env;

	world_environment(w, &env);
	if (w->laned != NULL)
		laned_environment(w->laned, &env);
	if (lane_core_set_env(w->core, &env) < 0)
		abort();
	(void)world_step(w, &ev); /* cannot be refused */
}

void
world_reload(struct world *w)
{
	w->conf_set = (w->conf_set + 1) % SIM_CONF_SETS;
	world_trace(w, "configuration %u", w->conf_set);
	if (!w->down)
		take_environment(w);
}

static void
tell_clock(struct world *w)
{
	struct lane_event ev = { .kind = LANE_EV_CLOCK, .up = !w->doubted };

	if (w->down)
		return;           /* it looks when it starts */
	(void)world_step(w, &ev); /* a fault flag: the core takes it in every state */
}

/* Somebody sets the clock: by minutes, or into another day; and it may not be believed. */
void
world_clock_jumps(struct world *w)
{
	if (!w->doubted && world_fault(w, SIM_FAULT_DOUBTED, 6)) {
		w->doubted = true;
		(void)world_post(w, MSG_CLOCK_OK, world_delay(w, 5000, 120000));
		tell_clock(w);
	}
	if (world_chance(w, 2)) {
		w->now.wall_ms += world_delay(w, 0, 7200000) - 3600000;
	} else {
		w->now.wall_ms += 86400000;
		w->now.business_day++;
	}
	world_trace(w, "the clock jumps to %lld", (long long)w->now.wall_ms);
}

static void
bring_up(struct world *w)
{
	struct lane_env env;
	int rc;

	if (world_fault(w, SIM_FAULT_CLOCK, 6))
		world_clock_jumps(w); /* while it was away */
	world_environment(w, &env);
	if (w->bridged)
		env.can_pay = env.can_refund = false; /* until the adapter is there */
	w->down = false;
	if (lane_core_new(&env, &w->core) < 0 ||
	    effects_new(w->core, disk_journal(w), &world_ops, w, &w->effects) < 0)
		abort();
	if (w->bridged) {
		virtual_born(VIRTUAL_LANED);
		w->laned = laned_new(w);
	}
	rc = effects_restore(w->effects, find_member, &w->now);
	world_trace(w, "laned up (%d), %u open", rc, lane_core_payments_count(w->core));
	if (w->crashed) {
		world_look_at_laned(w);
		return;
	}
	if (w->bridged)
		laned_open(w->laned);
	if (!w->bridged || w->relay != NULL)
		world_post(w, MSG_ADAPTER_UP, world_delay(w, 10, 3000))->epoch =
			w->lane_epoch;
	if (w->crashed) {
		world_look_at_laned(w);
		return;
	}
	if (w->doubted)
		tell_clock(w);
	if (w->down)
		return;
	if (w->terminal && w->relay == NULL)
		(void)world_post(w, MSG_TERM_UP, world_delay(w, 10, 3000));
	world_post(w, MSG_BIO_UP, world_delay(w, 10, 1000))->epoch = w->lane_epoch;
}

static void
others_lose_power(struct world *w)
{
	if (w->relay != NULL)
		relay_die(w);
	terminal_forgets(w);
	if (w->drop != NULL)
		drop_power_loss(w->drop);
	else
		adapter_restart(w);
}

int
world_step(struct world *w, struct lane_event *ev)
{
	int rc;

	if (w->down)
		return -EPIPE;
	if (w->laned != NULL) {
		rc = laned_step(w->laned, ev);
	} else {
		rc = effects_step(w->effects, ev, &w->now);
		world_trace(w, "%s -> %d %s", lane_event_name(ev->kind), rc,
			    checkout_phase_name(lane_core_display(w->core)->phase));
	}
	world_look_at_laned(w);
	return rc;
}

void
world_look_at_laned(struct world *w)
{
	if (!w->crashed)
		return;
	bury(w);
	if (w->power_went) {
		w->power_went = false;
		disk_lost_power(w);
		others_lose_power(w);
	}
}

void
world_power_loss(struct world *w)
{
	world_trace(w, "the power goes");
	if (w->twin != NULL)
		twin_journal_power(w->twin, world_random(w));
	if (!w->down) {
		w->crashed = true;
		if (w->bridged)
			virtual_kill(VIRTUAL_LANED);
		bury(w);
	} else if (w->twin != NULL) {
		twin_journal_crash(w->twin);
	}
	disk_lost_power(w);
	others_lose_power(w);
}

/* The rules are compiled once: they are constant and borrowed by every lane. */
static const struct pricing_rules *
the_rules(unsigned set)
{
	static struct pricing_rules *rules[SIM_RULE_SETS];
	static struct pricing_errors errors;
	struct arena *arena;
	const struct value *v;

	if (rules[set] != NULL)
		return rules[set];
	arena = arena_new(1u << 20);
	if (arena == NULL ||
	    json_parse(arena, str_of(rules_texts[set]), 0, &v, NULL) < 0 ||
	    pricing_rules_compile(v, &errors, &rules[set]) < 0) {
		(void)fprintf(stderr, "sim: rules: %s\n", errors.list[0].what);
		abort();
	}
	(void)arena_free(arena); /* gives NULL */
	return rules[set];
}

static bool
is_totalled(const struct lane_display *d)
{
	return d->phase == PHASE_TOTALLED || d->phase == PHASE_CONFIRMING ||
	       d->phase == PHASE_PAYING || d->phase == PHASE_CHECKING;
}

/* The checkout that goes on has one whole set: the new one, or what was told before. */
static void
check_swap(struct world *w, const struct lane_display *before)
{
	const struct lane_display *d = lane_core_display(w->core);
	const struct pricing_result *r = lane_core_priced(w->core);

	if (is_totalled(before) && ulid_eq(before->checkout, d->checkout) &&
	    (before->total_minor != d->total_minor || before->prices != d->prices))
		world_broken(w, INV_TOTAL "other offers changed a total of %lld to %lld",
			     (long long)before->total_minor, (long long)d->total_minor);
	for (size_t i = 0; r != NULL && i < r->rules_count; i++) {
		if (r->rules_count != pricing_rules_count(the_rules(w->rule_set)) ||
		    str_is(r->rules[i].id, w->rule_set == 0 ? "five" : "ten"))
			world_broken(w, INV_TOTAL "a price of offers that are gone");
	}
}

void
world_swap_rules(struct world *w)
{
	struct lane_display before;

	w->rule_set = (w->rule_set + 1) % SIM_RULE_SETS;
	w->res->swaps++;
	world_trace(w, "rule set %u", w->rule_set);
	if (w->down)
		return;
	before = *lane_core_display(w->core);
	take_environment(w);
	if (!w->down)
		check_swap(w, &before);
}

/* ---- time ---------------------------------------------------------------- */

static int
next_message(const struct world *w)
{
	int best = -1;

	for (uint32_t i = 0; i < w->messages_count; i++) {
		const struct due *m = &w->due[i];

		if (best < 0 || m->at_ms < w->due[best].at_ms ||
		    (m->at_ms == w->due[best].at_ms && m->order < w->due[best].order))
			best = (int)i;
	}
	return best;
}

static void
advance(struct world *w, int64_t to_ms)
{
	if (to_ms <= w->now.mono_ms)
		return;
	w->now.wall_ms += to_ms - w->now.mono_ms;
	w->now.mono_ms = to_ms;
}

static void
deliver(struct world *w, const struct message *m)
{
	if (m->kind == MSG_RESTART)
		bring_up(w);
	else if (m->kind == MSG_DISK_OK)
		w->disk_full = false;
	else if (m->kind == MSG_BACKUP)
		disk_restores(w);
	else if (m->kind == MSG_CLOCK_OK) {
		w->doubted = false;
		tell_clock(w);
	} else
		peers_message(w, m);
}

/* When laned does something by itself. */
static int64_t
lane_due(const struct world *w)
{
	if (w->down)
		return LANE_NEVER;
	return w->laned != NULL ? laned_due(w->laned) : lane_core_deadline(w->core);
}

static void
lane_works(struct world *w)
{
	struct lane_event tick = { .kind = LANE_EV_TICK };

	if (w->laned == NULL) {
		(void)world_step(w, &tick); /* a tick cannot be refused */
		return;
	}
	laned_work(w->laned);
	world_look_at_laned(w);
}

static int64_t
adapter_due(struct world *w)
{
	if (w->relay != NULL)
		return relay_due(w);
	return w->drop != NULL ? drop_due(w->drop) : LANE_NEVER;
}

static void
adapter_works(struct world *w)
{
	if (w->relay != NULL)
		relay_work(w);
	else
		drop_work(w->drop);
}

bool
world_happen(struct world *w, int64_t until_ms)
{
	int64_t lane = lane_due(w);
	int64_t adapter = adapter_due(w);
	int i = next_message(w);
	int64_t message = i < 0 ? LANE_NEVER : w->due[i].at_ms;
	int64_t first = lane < message ? lane : message;
	struct message m;

	first = adapter < first ? adapter : first;
	if (first == LANE_NEVER || first > until_ms) {
		if (until_ms != LANE_NEVER)
			advance(w, until_ms);
		return false;
	}
	if (++w->res->steps > STEPS_MAX || w->now.mono_ms > RUN_MS_MAX)
		world_broken(w, INV_ALIVE "the lane does not come to rest");
	advance(w, first);
	if (adapter == first) {
		adapter_works(w);
	} else if (lane < message) {
		lane_works(w);
	} else {
		m = w->messages[i];
		assert(m.at_ms == w->due[i].at_ms); /* nobody changed it since */
		w->messages[i] = w->messages[--w->messages_count];
		w->due[i] = w->due[w->messages_count];
		deliver(w, &m);
	}
	return true;
}

/* Every hundredth run writes the real journal too; a planted bug is in the other one. */
static bool
takes_sqlite(const struct sim_options *o)
{
	return o->sqlite || (o->bug == SIM_BUG_NONE && o->seed % 100 == 50);
}

static void
journals_differ(void *ctx, const char *what)
{
	world_broken(ctx, INV_TWINS "the SQLite journal and the one in memory differ: %s",
		     what);
}

static bool
cut_here(void *ctx, uint64_t *ret_seed)
{
	struct world *w = ctx;

	if (w->crashed || !world_fault(w, SIM_FAULT_POWER, 80))
		return false;
	*ret_seed = world_random(w);
	return true;
}

/* In the middle of a commit: laned is dead, and all else when it has left its step. */
static void
power_went(void *ctx)
{
	struct world *w = ctx;

	world_trace(w, "the power goes in a commit");
	w->crashed = w->power_went = true;
	if (w->bridged)
		virtual_kill(VIRTUAL_LANED);
}

/*
 * Of sixteen seeds one runs the real bridge, nine the real adapter without it, one the real one before
 * a terminal, three a POS that asks.
 */
static enum sim_adapter
takes_adapter(const struct sim_options *o)
{
	uint64_t turn = o->seed / 4 % 16;

	if (o->adapter != SIM_ADAPTER_BY_SEED)
		return o->adapter;
	if (o->plugin == NULL)
		return SIM_ADAPTER_SCRIPTED;
	return turn == 0                        ? SIM_ADAPTER_BRIDGE
	       : turn <= 9                      ? SIM_ADAPTER_DROP
	       : turn == 10 && o->relay != NULL ? SIM_ADAPTER_RELAY
	       : turn >= 11 && turn <= 13       ? SIM_ADAPTER_TERMINAL
						: SIM_ADAPTER_SCRIPTED;
}

static bool
is_absurd(const struct sim_options *o)
{
	return o->rates == SIM_ABSURD ||
	       (o->rates == SIM_RATES_BY_SEED && o->seed / 64 % 4 == 3);
}

static void
count(struct world *w, enum sim_adapter adapter)
{
	if (adapter == SIM_ADAPTER_BRIDGE)
		w->res->bridged = w->res->checkouts;
	else if (adapter == SIM_ADAPTER_DROP)
		w->res->dropped = w->res->checkouts;
	else if (adapter == SIM_ADAPTER_TERMINAL)
		w->res->asked = w->res->checkouts;
	else if (adapter == SIM_ADAPTER_RELAY) {
		w->res->relayed = w->res->checkouts;
		w->res->relay_paid = w->res->paid_token;
	}
	if (w->twin != NULL)
		w->res->journalled = w->res->checkouts;
}

void
sim_run(const struct sim_options *o, struct sim_result *ret)
{
	struct world *w = calloc(1, sizeof(*w));
	struct mem_faults faults = { before_commit, after_commit, w, false, false };
	enum sim_adapter adapter = takes_adapter(o);

	if (w == NULL)
		abort();
	memset(ret, 0, sizeof(*ret));
	ret->trace_hash = UINT64_C(14695981039346656037);
	w->opt = *o;
	w->res = ret;
	w->rng = o->seed;
	w->absurd = is_absurd(o);
	w->bridged = adapter == SIM_ADAPTER_BRIDGE || adapter == SIM_ADAPTER_RELAY;
	w->terminal = adapter == SIM_ADAPTER_TERMINAL || adapter == SIM_ADAPTER_RELAY;
	w->agreed.who = -1;
	w->claim_first = o->profile == SIM_CLAIM_FIRST ||
			 (o->profile == SIM_PROFILE_BY_SEED && o->seed % 4 == 1);
	w->lit_for = -1;
	w->down = w->hit = true;
	w->now.mono_ms = 1000;
	w->now.wall_ms = INT64_C(1790000000000);
	w->now.business_day = 20260921;
	w->journal = mem_journal_new();
	faults.lies = o->bug == SIM_BUG_JOURNAL_LIES;
	faults.drops_undo = o->bug == SIM_BUG_UNDO_FORGOTTEN;
	mem_journal_faults(w->journal, &faults);
	w->store = mem_journal_ref(w->journal);
	if (takes_sqlite(o)) {
		const struct twin_hooks hooks = { journals_differ, cut_here, power_went,
						  w };

		w->twin = twin_journal_new(w->journal, &hooks);
		w->store = twin_journal_ref(w->twin);
	}
	disk_begin(w);
	if (w->bridged)
		bridge_side_begin(w);
	if (adapter == SIM_ADAPTER_RELAY)
		w->relay = relay_new(w, o->relay);
	else if (adapter == SIM_ADAPTER_DROP || w->bridged)
		w->drop = drop_new(w, o->plugin);
	bring_up(w);
	pos_begin(w);
	while (!ret->broken && world_happen(w, LANE_NEVER))
		;
	if (!ret->broken)
		peers_settled(w);
	if (w->relay != NULL)
		relay_settled(w);
	count(w, adapter);
	w->relay = relay_free(w->relay);
	w->drop = drop_free(w->drop);
	w->laned = laned_free(w->laned);
	if (w->bridged)
		bridge_side_end();
	(void)effects_free(w->effects); /* gives NULL */
	(void)lane_core_free(w->core);  /* gives NULL */
	w->twin = twin_journal_free(w->twin);
	(void)mem_journal_free(w->journal);
	(void)lost_free(w->lost);    /* gives NULL */
	(void)lost_free(w->alarmed); /* gives NULL */
	free(w);
}

const char *
sim_adapter_name(enum sim_adapter a)
{
	static const char *const names[SIM_ADAPTERS] = {
		[SIM_ADAPTER_BY_SEED] = "by-seed",   [SIM_ADAPTER_SCRIPTED] = "scripted",
		[SIM_ADAPTER_DROP] = "drop",         [SIM_ADAPTER_BRIDGE] = "bridge",
		[SIM_ADAPTER_TERMINAL] = "terminal", [SIM_ADAPTER_RELAY] = "relay",
	};

	return a < SIM_ADAPTERS ? names[a] : "?";
}

const char *
sim_rates_name(enum sim_rates r)
{
	static const char *const names[SIM_RATES] = {
		[SIM_RATES_BY_SEED] = "by-seed",
		[SIM_REALISTIC] = "realistic",
		[SIM_ABSURD] = "absurd",
	};

	return r < SIM_RATES ? names[r] : "?";
}

const char *
sim_disk_name(enum sim_disk d)
{
	static const char *const names[SIM_DISKS] = {
		[SIM_DISK_BY_SEED] = "by-seed",
		[SIM_DISK_HONEST] = "honest",
		[SIM_DISK_LYING] = "lying",
	};

	return d < SIM_DISKS ? names[d] : "?";
}

const char *
sim_fault_name(enum sim_fault f)
{
	static const char *const names[SIM_FAULTS] = {
		[SIM_FAULT_DROPPED] = "dropped",
		[SIM_FAULT_DOUBLED] = "doubled",
		[SIM_FAULT_REORDERED] = "reordered",
		[SIM_FAULT_PARTIAL] = "partial",
		[SIM_FAULT_LATE] = "late",
		[SIM_FAULT_CORRUPTED] = "corrupted",
		[SIM_FAULT_MUTE] = "mute",
		[SIM_FAULT_AMOUNT] = "other-amount",
		[SIM_FAULT_REFUSED] = "refused",
		[SIM_FAULT_LINE_DOWN] = "line-down",
		[SIM_FAULT_PEER_DIES] = "peer-restart",
		[SIM_FAULT_PEER_SLOW] = "peer-slow",
		[SIM_FAULT_LANED_DIES] = "laned-dies",
		[SIM_FAULT_ADAPTER_DIES] = "adapter-dies",
		[SIM_FAULT_LINK_CUT] = "link-cut",
		[SIM_FAULT_BIO] = "bio-mute",
		[SIM_FAULT_READER] = "reader-fault",
		[SIM_FAULT_CACHE] = "cache-unreadable",
		[SIM_FAULT_IO] = "file-not-written",
		[SIM_FAULT_DISK_FULL] = "disk-full",
		[SIM_FAULT_POWER] = "power-loss",
		[SIM_FAULT_TORN] = "torn-file",
		[SIM_FAULT_LIED] = "lost-though-synced",
		[SIM_FAULT_COMMITS_LOST] = "commits-lost",
		[SIM_FAULT_JOURNAL_GONE] = "journal-gone",
		[SIM_FAULT_CLOCK] = "clock-jump",
		[SIM_FAULT_DOUBTED] = "clock-doubted",
		[SIM_FAULT_RELOAD] = "reload",
		[SIM_FAULT_RULES] = "other-offers",
	};

	return f < SIM_FAULTS ? names[f] : "?";
}

const char *
sim_profile_name(enum sim_profile p)
{
	static const char *const names[SIM_PROFILES] = {
		[SIM_PROFILE_BY_SEED] = "by-seed",
		[SIM_TOUCH_FIRST] = "touch-first",
		[SIM_CLAIM_FIRST] = "claim-first",
	};

	return p < SIM_PROFILES ? names[p] : "?";
}

const char *
sim_bug_name(enum sim_bug b)
{
	static const char *const names[SIM_BUGS] = {
		[SIM_BUG_NONE] = "none",
		[SIM_BUG_JOURNAL_LIES] = "journal-lies",
		[SIM_BUG_UNKNOWN_IS_NO] = "unknown-is-no",
		[SIM_BUG_UNDO_FORGOTTEN] = "undo-forgotten",
		[SIM_BUG_SEND_WITHOUT_ASK] = "send-without-ask",
		[SIM_BUG_SENSOR_STAYS_LIT] = "sensor-stays-lit",
		[SIM_BUG_FINGER_UNTOLD] = "finger-untold",
		[SIM_BUG_TOUCHES_MIXED] = "touches-mixed",
	};

	return b < SIM_BUGS ? names[b] : "?";
}
