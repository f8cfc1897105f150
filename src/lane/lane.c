#include "lane/lane_private.h"

#include "base/clock.h"
#include "base/files.h"
#include "base/keys.h"
#include "base/log.h"
#include "base/secret.h"
#include "lane/lane_env.h"
#include "lane/offers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_ARENA_BYTES (4u << 20)
#define CLOCK_LEAP_MS (INT64_C(31) * 24 * 3600 * 1000)

/* ---- steps -------------------------------------------------------------------- */

void
lane_now(const struct lane *l, struct timepoint *ret_now)
{
	if (clock_now(conf_str(l->conf, "lane", "timezone"),
		      (int32_t)conf_int(l->conf, "lane", "business_day_start"),
		      ret_now) < 0)
		log_debug("unknown time zone: UTC is used");
}

/* The core says when it wants to be woken; an idle lane is not woken at all. */
static void
set_tick(struct lane *l)
{
	int64_t deadline = lane_core_deadline(l->core), now = clock_mono_ms();

	if (deadline == LANE_NEVER)
		loop_timer_cancel(l->tick);
	else if (loop_timer_set(l->tick, deadline > now ? deadline - now : 0) < 0)
		log_err("timer: out of memory; time limits are late");
}

/*
 * Has the clock leapt since the last record or sweep? What a clock set years ahead makes old is not.
 */
static bool
clock_leapt(struct lane *l, const struct timepoint *now)
{
	bool leapt = l->believed_wall_ms != 0 &&
		     now->wall_ms - l->believed_wall_ms > CLOCK_LEAP_MS;

	if (leapt)
		log_event(LOG_WARNING, "clock-leapt", NULL,
			  "the clock is more than 31 days after the last record: the "
			  "journal "
			  "is not swept");
	else
		l->believed_wall_ms = now->wall_ms;
	return leapt;
}

/*
 * Once a business day, between two checkouts: what ended longer ago than [payment] journal_keep goes.
 * Never by a clock that is doubted.
 */
static void
sweep_daily(struct lane *l, const struct timepoint *now)
{
	int64_t before = now->wall_ms - conf_int(l->live, "payment", "journal_keep");
	int64_t deleted = 0;
	int rc;

	if (now->business_day == l->swept_day || l->journal == NULL || l->clock_doubted ||
	    lane_core_display(l->core)->phase != PHASE_IDLE)
		return;
	l->swept_day = now->business_day;
	if (clock_leapt(l, now))
		return;
	rc = journal_sweep(l->journal, before, &deleted);
	if (rc < 0)
		log_warn("journal.db: the daily sweep failed: %s; tried again tomorrow",
			 strerror(-rc));
	else if (deleted > 0)
		log_notice("journal: %lld old records swept", (long long)deleted);
}

int
lane_step(struct lane *l, struct lane_event *ev)
{
	struct timepoint now;
	int rc;

	lane_now(l, &now);
	rc = effects_step(l->effects, ev, &now);
	set_tick(l);
	sweep_daily(l, &now);
	return rc;
}

static void
on_tick(void *ctx)
{
	struct lane_event ev = { .kind = LANE_EV_TICK };

	(void)lane_step(ctx, &ev); /* time has no error */
}

struct json_out *
lane_message(struct lane *l)
{
	json_out_reset(l->out);
	json_open_object(l->out, NULL);
	return l->out;
}

/* ---- members --------------------------------------------------------------------- */

/* What the journal knows of the member: uses of limited rules, paid by touch today. */
static int
add_journal_facts(struct lane *l, struct lane_member *m)
{
	const struct lane_display *d = lane_core_display(l->core);
	struct journal_uses_query q = { .member = m->member,
					.except = d->checkout,
					.rules = l->rules };
	struct journal_ref j;
	struct timepoint now;
	bool bought = true;
	int rc;

	if (l->journal == NULL)
		return -EROFS;
	lane_now(l, &now);
	/* A checkout counts for the day on which it began, also when it goes on after midnight. */
	q.business_day = d->phase != PHASE_IDLE && d->phase != PHASE_DONE &&
					 d->phase != PHASE_CANCELLED
				 ? d->business_day
				 : now.business_day;
	j = journal_ref(l->journal);
	rc = j.ops->uses(j.impl, &q, l->uses, LANE_USES_MAX, &m->uses_count);
	m->uses = l->uses;
	if (rc == 0 && m->first_purchase) {
		rc = j.ops->bought(j.impl, m->member, q.except, &bought);
		m->first_purchase = !bought;
	}
	if (rc == 0)
		rc = j.ops->touch_sum(j.impl, m->member, q.business_day,
				      &m->touch_paid_today_minor);
	return rc;
}

/* What was used cannot be told: nothing that is limited, nothing by touch. */
static void
without_facts(struct lane_member *m)
{
	m->uses_count = 0;
	m->uses_unknown = true;
	m->first_purchase = false;
	m->has_tender = false;
}

int
lane_find_member_cb(void *ctx, struct ulid member, struct lane_member *ret_member)
{
	struct lane *l = ctx;
	struct member_record record;
	int rc = members_get(l->cache, member, &record);

	if (rc < 0)
		return rc;
	members_for_core(&record, ret_member);
	rc = add_journal_facts(l, ret_member);
	if (rc < 0) {
		log_warn("journal.db: %s; this member pays otherwise, without limited "
			 "offers",
			 strerror(-rc));
		without_facts(ret_member);
	}
	return 0;
}

int
lane_find_member(struct lane *l, struct ulid member)
{
	return lane_find_member_cb(l, member, &l->member);
}

/* ---- offers ------------------------------------------------------------------------ */

/* 0 with the rules, NULL when there are none; or they cannot be used, and the log says why. */
static int
load_rules(struct lane *l, struct pricing_rules **ret_rules)
{
	struct pricing_rules *rules = NULL;
	int rc = offers_load(l->cache, &rules);

	if (rc == -ENOENT) {
		log_notice("no offers are loaded; prices are the POS's own");
		rc = 0;
	} else if (rc < 0) {
		log_err("the offers in cache.db cannot be used (%s); import them again",
			strerror(-rc));
	} else if (strcmp(pricing_rules_currency(rules), l->env.currency) != 0) {
		log_err("the offers are in %s, this lane sells in %s; not used",
			pricing_rules_currency(rules), l->env.currency);
		rules = pricing_rules_free(rules);
		rc = -EINVAL;
	}
	if (rc == 0)
		*ret_rules = rules;
	return rc;
}

void
lane_rules_changed(struct lane *l)
{
	struct pricing_rules *old = l->rules, *rules = NULL;
	struct lane_event ev = { .kind = LANE_EV_RULES };

	/* All of the new set or nothing of it. */
	if (load_rules(l, &rules) < 0) {
		log_err("the offers before stay in force");
		return;
	}
	l->env.rules = rules;
	if (lane_core_set_env(l->core, &l->env) < 0) {
		l->env.rules = old;
		(void)pricing_rules_free(rules); /* gives NULL */
		log_err("the new offers could not be taken over; those before stay");
		return;
	}
	l->rules = rules;
	(void)pricing_rules_free(old); /* gives NULL */
	(void)lane_step(l, &ev);       /* re-prices what is open */
}

/* ---- start --------------------------------------------------------------------------- */

static void
read_env(struct lane *l)
{
	lane_env_read(l->live, l->conf, &l->env);
	(void)str_copy(l->language, sizeof(l->language),
		       str_of(conf_str(l->live, "lane",
				       "language"))); /* checked by the reader */
	l->env.language = str_of(l->language);
}

static void
read_names(struct lane *l)
{
	(void)str_copy(l->name, sizeof(l->name),
		       str_of(conf_str(l->conf, "lane", "name")));
	(void)str_copy(l->store, sizeof(l->store),
		       str_of(conf_str(l->conf, "lane", "store")));
	(void)str_copy(l->env.currency, sizeof(l->env.currency),
		       str_of(conf_str(l->conf, "lane",
				       "currency"))); /* checked by the reader */
	l->env.lane = str_of(l->name);
	l->env.store = str_of(l->store);
}

/* The faults known at start, told to the core one by one. */
static void
tell_faults(struct lane *l)
{
	struct lane_event clock = { .kind = LANE_EV_CLOCK, .up = !l->clock_doubted };
	struct lane_event environment = { .kind = LANE_EV_ENVIRONMENT,
					  .up = l->identity.matches };
	struct lane_event journal = { .kind = LANE_EV_JOURNAL_FAILED };

	(void)lane_step(l, &clock); /* fault flags: the core takes them in every state */
	(void)lane_step(l, &environment);
	if (l->journal == NULL)
		(void)lane_step(l, &journal);
}

static int
open_core(struct lane *l)
{
	struct journal_ref journal = { NULL, NULL };
	struct timepoint now;
	int32_t offset_s;
	int rc;

	l->env.payment = (struct payment_rules)PAYMENT_RULES_DEFAULT;
	read_env(l);
	(void)load_rules(l,
			 &l->rules); /* logged; without them the POS's own prices hold */
	l->env.rules = l->rules;
	rc = lane_core_new(&l->env, &l->core);
	if (rc < 0) {
		log_err("limits or currency of the configuration: %s", strerror(-rc));
		return rc;
	}
	if (l->journal != NULL)
		journal = journal_ref(l->journal);
	rc = effects_new(l->core, journal, &lane_effects_ops, l, &l->effects);
	if (rc < 0)
		return rc;
	lane_now(l, &now);
	if (clock_zone_offset(conf_str(l->conf, "lane", "timezone"), 0, &offset_s) < 0)
		log_event(
			LOG_ERR, "no-time-zone", NULL,
			"[lane] timezone: \"%s\" is no time zone of this machine; UTC is "
			"used, for the business day, too",
			conf_str(l->conf, "lane", "timezone"));
	if (l->journal != NULL &&
	    effects_restore(l->effects, lane_find_member_cb, &now) < 0)
		log_err("journal.db: the last checkout could not be read");
	tell_faults(l);
	return 0;
}

int
lane_new(const struct lane_options *o, struct lane **ret_lane)
{
	struct lane *l = calloc(1, sizeof(*l));
	int rc;

	if (l == NULL) {
		conf_free(o->conf);
		return -ENOMEM;
	}
	l->loop = o->loop;
	l->conf = l->live = o->conf;
	l->conf_file = o->conf_file;
	l->started_wall_ms = clock_wall_ms();
	l->out = json_out_new(MESSAGE_BYTES_MAX);
	l->arena = arena_new(MESSAGE_ARENA_BYTES);
	l->claim = secret_region_new(sizeof(*l->claim));
	rc = l->out == NULL || l->arena == NULL || l->claim == NULL ? -ENOMEM : 0;
	if (rc == 0)
		rc = loop_timer_new(l->loop, on_tick, l, &l->tick);
	if (rc == 0) {
		read_names(l);
		rc = state_open(l);
	}
	if (rc == 0)
		rc = open_core(l);
	if (rc == 0)
		rc = files_mkdir(conf_str(l->conf, "paths", "run"), 0755);
	if (rc == 0)
		rc = bio_link_open(l, o->bio_fd);
	if (rc == 0)
		rc = adapter_links_open(l, o->adapter_fd);
	if (rc == 0)
		rc = control_open(l, o->control_fd);
	if (rc < 0) {
		(void)lane_free(l);
		return rc;
	}
	*ret_lane = l;
	return 0;
}

struct lane *
lane_free(struct lane *l)
{
	if (l == NULL)
		return NULL;
	control_close(l);
	adapter_links_close(l);
	bio_link_close(l);
	l->effects = effects_free(l->effects);
	l->core = lane_core_free(l->core);
	l->rules = pricing_rules_free(l->rules);
	l->receipts = receipts_close(l->receipts);
	state_close(l);
	l->tick = loop_timer_free(l->tick);
	secret_region_free(l->claim, sizeof(*l->claim));
	l->out = json_out_free(l->out);
	l->arena = arena_free(l->arena);
	if (l->live != l->conf)
		conf_free(l->live);
	conf_free(l->conf);
	free(l);
	return NULL;
}

/* ---- reload ------------------------------------------------------------------------- */

static void
say_change(void *ctx, const struct conf_key *key, const char *section,
	   const char *old_value, const char *new_value)
{
	(void)ctx;
	log_notice("configuration: [%s] %s: %s -> %s%s", section, key->name,
		   old_value == NULL ? "(none)" : old_value,
		   new_value == NULL ? "(none)" : new_value,
		   key->reloadable ? "" : " (needs a restart)");
}

/* One list of the answer: keys that a reload takes over, or those that need a restart. */
struct change_list {
	struct json_out *o;
	bool reloadable;
};

static void
list_change(void *ctx, const struct conf_key *key, const char *section,
	    const char *old_value, const char *new_value)
{
	const struct change_list *list = ctx;
	char name[160];

	(void)old_value;
	(void)new_value;
	(void)snprintf(name, sizeof(name), "[%s] %s", section, key->name); /* short */
	if (key->reloadable == list->reloadable)
		json_cstr(list->o, NULL, name);
}

static void
list_changes(const struct conf *old, const struct conf *fresh, struct json_out *o)
{
	struct change_list now = { o, true }, later = { o, false };

	json_open_array(o, "changed");
	conf_diff(old, fresh, list_change, &now);
	json_close(o);
	json_open_array(o, "restart");
	conf_diff(old, fresh, list_change, &later);
	json_close(o);
}

int
lane_reload(struct lane *l)
{
	return lane_reload_into(l, NULL);
}

int
lane_reload_into(struct lane *l, struct json_out *o)
{
	struct lane_event ev = { .kind = LANE_EV_RULES };
	struct conf *fresh = NULL, *old = l->live;
	int level, rc = keys_load(l->conf_file, &fresh);

	if (rc < 0) {
		log_err("configuration not reloaded: it has errors; the old one stands");
		return rc;
	}
	conf_diff(old, fresh, say_change, NULL);
	l->live = fresh;
	read_env(l);
	rc = lane_core_set_env(l->core, &l->env);
	if (rc < 0) {
		l->live = old;
		read_env(l);
		conf_free(fresh);
		return rc;
	}
	if (log_level_parse(conf_str(fresh, "log", "level"), &level) == 0)
		log_set_level(level);
	list_changes(old, fresh, o);
	if (old != l->conf)
		conf_free(old);
	(void)lane_step(
		l, &ev); /* limits may have changed: what is open is looked at again */
	return 0;
}
