#include "adapter/keeper.h"

#include "adapter/sandbox.h"
#include "adapter/throttle.h"
#include "adapter/watch.h"
#include "base/clock.h"
#include "base/daemon.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKED_MS 60000 /* a plug-in that lived so long did not die of its first job */

struct keeper {
	struct keeper_options o;
	enum keeper_state state;
	struct loop_timer *timer;
	struct plugin *plugin;
	struct bridge *bridge;
	bool due, confined;
};

/* ---- what is known of the deaths ---------------------------------------------------------- */

static bool
is_early(const struct crash_death *d)
{
	return d->loaded == 0 || (d->jobs == 0 && d->lived_ms < WORKED_MS);
}

/* A kill from outside is no fault of the plug-in, unless it was just coming up. */
static bool
is_own(const struct crash_death *d)
{
	return d->how != CRASH_KILLED || d->doing == CRASH_LOADING ||
	       d->doing == CRASH_CREATE || d->doing == CRASH_START;
}

static void
judge(const struct crash_record *r, struct throttle_verdict *ret_verdict)
{
	struct throttle_death deaths[CRASH_DEATHS_MAX];
	unsigned n = crash_record_deaths(r);

	for (unsigned i = 0; i < n; i++) {
		const struct crash_death *d = crash_record_death(r, i);

		deaths[i] = (struct throttle_death){ .at_ms = d->at_mono_ms,
						     .early = is_early(d),
						     .own = is_own(d) };
	}
	throttle_judge(deaths, n, ret_verdict);
}

/* "SIGSEGV while doing submit pay" and its like. */
static void
words_of(const struct crash_death *d, char *text, size_t bytes)
{
	char doing[CRASH_DOING_BYTES];
	const char *what = crash_how_name(d->how);

	if (d->how == CRASH_SIGNAL)
		what = crash_signal_name(d->signal);
	crash_doing_words(d->doing, d->request, doing);
	(void)snprintf(text, bytes, "%s in %s", what, doing); /* for people; may be cut */
}

static void
log_death(const struct crash_record *r)
{
	const struct crash_death *d;
	char words[64];

	if (!crash_record_first(r))
		return;
	d = crash_record_death(r, 0);
	words_of(d, words, sizeof(words));
	log_event(LOG_ERR, "adapter-died", NULL,
		  "plug-in %s %s (build %s) died: %s, after %lld ms and %u requests; "
		  "deaths known: %u",
		  d->plugin, d->version, d->build_id[0] == '\0' ? "unknown" : d->build_id,
		  words, (long long)d->lived_ms, d->jobs, crash_record_deaths(r));
}

/* ---- loading ------------------------------------------------------------------------------ */

/* True when the two describe the same options in the same order. */
static bool
same_options(const struct laned_adapter *a, const struct adapter_conf *c)
{
	struct adapter_option o;

	if (a->options_count != adapter_conf_options(c))
		return false;
	for (uint32_t i = 0; i < a->options_count; i++)
		if (adapter_conf_option_at(c, i, &o) < 0 ||
		    strcmp(o.name, a->options[i].name) != 0 ||
		    o.type != a->options[i].type)
			return false;
	return true;
}

/* "drop" of "/usr/lib/laned/adapters/drop.so". */
static void
note_file(struct keeper *k, const char *path, const struct plugin_elf *elf)
{
	const char *slash = strrchr(path, '/');
	char name[CRASH_PLUGIN_BYTES];
	size_t n;

	(void)snprintf(name, sizeof(name), "%s", slash == NULL ? path : slash + 1);
	n = strlen(name);
	if (n > 3 && strcmp(name + n - 3, ".so") == 0)
		name[n - 3] = '\0';
	crash_record_plugin(k->o.record, name, "", elf->build_id);
}

/* Before the first byte of the plug-in runs, and once. */
static int
confine(struct keeper *k, char why[PLUGIN_WHY_BYTES])
{
	int rc;

	if (k->confined)
		return 0;
	rc = sandbox_enter(adapter_conf_seccomp(k->o.conf), sandbox_needs(k->o.conf));
	if (rc < 0)
		(void)snprintf(why, PLUGIN_WHY_BYTES, "the sandbox cannot be entered: %s",
			       strerror(-rc)); /* for people */
	k->confined = rc == 0;
	return rc;
}

static int
load_file(struct keeper *k, char why[PLUGIN_WHY_BYTES])
{
	const char *path = adapter_conf_plugin_path(k->o.conf);
	struct plugin_elf elf;
	bool own = false;
	unsigned was;
	int rc = plugin_check(path, &elf, &own, why);

	if (rc < 0)
		return rc;
	if (own)
		log_warn("%s belongs to the user who started this, not to root: "
			 "unprotected",
			 path);
	note_file(k, path, &elf);
	rc = confine(k, why);
	if (rc < 0)
		return rc;
	was = watch_enter(CRASH_LOADING, 0);
	rc = plugin_load(path, &k->plugin, why);
	watch_leave(was);
	if (rc == 0 && !same_options(plugin_table(k->plugin), k->o.conf)) {
		(void)snprintf(why, PLUGIN_WHY_BYTES,
			       "it and its options.json disagree: one of them is of "
			       "another version"); /* for people */
		rc = -EPROTO;
	}
	if (rc < 0)
		return rc;
	crash_record_plugin(k->o.record, NULL, plugin_table(k->plugin)->version, NULL);
	log_notice("%s %s loaded (build %s), %s", plugin_table(k->plugin)->name,
		   plugin_table(k->plugin)->version,
		   elf.build_id[0] == '\0' ? "unknown" : elf.build_id,
		   sandbox_words(adapter_conf_seccomp(k->o.conf)));
	return 0;
}

static void
send_report(void *ctx, const char *method, struct json_out *params)
{
	struct keeper *k = ctx;

	if (k->bridge != NULL)
		bridge_notify(k->bridge, method, params);
}

static int
load(struct keeper *k, char why[PLUGIN_WHY_BYTES])
{
	struct bridge_options o = k->o.bridge;
	int rc = load_file(k, why);

	if (rc == 0) {
		report_set_way(k->o.report, send_report, k);
		o.plugin = k->plugin;
		o.report = k->o.report;
		rc = bridge_new(&o, &k->bridge);
		if (rc < 0)
			(void)snprintf(why, PLUGIN_WHY_BYTES,
				       "it refuses to be started: %s",
				       strerror(-rc)); /* for people */
	}
	if (rc < 0)
		k->plugin = plugin_free(k->plugin);
	return rc;
}

static void
set_state(struct keeper *k, enum keeper_state state, const char *why)
{
	static const char *const words[] = { "waiting", "bypass", "unloadable",
					     "loaded" };

	k->state = state;
	if (state != KEEPER_LOADED && k->bridge == NULL)
		report_set_way(k->o.report, NULL, NULL);
	report_set_state(k->o.report, words[state], why);
	if (k->o.changed != NULL)
		k->o.changed(k->o.ctx, state);
}

/* Loads, if this is the moment. 0, or why the process has to end. */
static int
try_load(struct keeper *k)
{
	char why[PLUGIN_WHY_BYTES] = "";
	int rc;

	if (k->o.may_load != NULL && !k->o.may_load(k->o.ctx))
		return 0; /* keeper_poke follows */
	k->due = false;
	rc = load(k, why);
	if (rc == 0) {
		crash_record_life(k->o.record)->loaded = 1;
		set_state(k, KEEPER_LOADED, "");
		daemon_status("looking for laned");
		return 0;
	}
	log_event(LOG_ERR, "adapter-unloadable", NULL, "%s is not loaded: %s",
		  adapter_conf_plugin_path(k->o.conf), why);
	if (!k->o.stay)
		return rc;
	daemon_status("the plug-in cannot be loaded");
	set_state(k, KEEPER_UNLOADABLE, why);
	return loop_timer_set(k->timer, KEEPER_AGAIN_MS);
}

static void
on_time(void *ctx)
{
	struct keeper *k = ctx;
	int rc;

	k->due = true;
	rc = try_load(k);
	if (rc < 0)
		k->o.ended(k->o.ctx, rc);
}

/* It died: not at once, then. */
static int
wait_for(struct keeper *k, const struct throttle_verdict *v)
{
	int64_t ms = v->load_at_ms - clock_mono_ms();
	char why[REPORT_WHY_BYTES], words[64];

	words_of(crash_record_death(k->o.record, 0), words, sizeof(words));
	(void)snprintf(why, sizeof(why), "%s: %s",
		       v->bypass ? "it died too often" : "it died",
		       words); /* for people */
	log_event(LOG_WARNING, "adapter-throttled", NULL,
		  "the plug-in is loaded again in %lld ms: %s", (long long)ms, why);
	daemon_status("the plug-in died and is not yet loaded again");
	set_state(k, v->bypass ? KEEPER_BYPASS : KEEPER_WAITING, why);
	return loop_timer_set(k->timer, ms);
}

int
keeper_new(const struct keeper_options *o, struct keeper **ret_keeper)
{
	struct keeper *k = calloc(1, sizeof(*k));
	struct throttle_verdict v;
	int rc;

	if (k == NULL)
		return -ENOMEM;
	k->o = *o;
	rc = loop_timer_new(o->loop, on_time, k, &k->timer);
	if (rc < 0) {
		free(k);
		return rc;
	}
	log_death(o->record);
	judge(o->record, &v);
	if (v.load_at_ms > clock_mono_ms()) {
		rc = wait_for(k, &v);
	} else {
		k->due = true;
		rc = try_load(k);
	}
	if (rc < 0) {
		keeper_free(k);
		return rc;
	}
	*ret_keeper = k;
	return 0;
}

struct keeper *
keeper_free(struct keeper *k)
{
	struct bridge *b;

	if (k == NULL)
		return NULL;
	b = k->bridge;
	k->bridge = NULL; /* nothing is told any more */
	bridge_free(b);
	plugin_free(k->plugin);
	loop_timer_free(k->timer);
	free(k);
	return NULL;
}

void
keeper_poke(struct keeper *k)
{
	if (k->due && k->bridge == NULL)
		loop_timer_set(k->timer, 0);
}

struct bridge *
keeper_bridge(struct keeper *k)
{
	return k->bridge;
}

enum keeper_state
keeper_state(const struct keeper *k)
{
	return k->state;
}
