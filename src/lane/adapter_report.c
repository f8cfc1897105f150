/* What an adapter's host says of itself: is its plug-in loaded, what did it die of, is it bypassed. */
#include "lane/lane_private.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

#define AT_MS_MAX (INT64_C(1) << 46)

/* Words of a plug-in: shown, so they are looked at. "" for what is missing or odd. */
static void
get_text(struct lane *l, const struct value *v, const char *name, char *text,
	 size_t bytes)
{
	struct str s;

	text[0] = '\0';
	if (value_get_str(v, name, bytes - 1, &s) == 0 && !pos_guard(l, s))
		(void)str_copy(text, bytes, s); /* else it stays empty */
}

static void
take_crash(struct lane *l, const struct value *v, struct adapter_crash *ret_crash)
{
	struct adapter_crash c = { .known = true };
	struct str id;

	get_text(l, v, "plugin", c.plugin, sizeof(c.plugin));
	get_text(l, v, "version", c.version, sizeof(c.version));
	/* Checked by its own format: a part of hex may look like a card number, but not the whole. */
	if (value_get_str(v, "build_id", sizeof(c.build_id) - 1, &id) == 0 &&
	    str_copy(c.build_id, sizeof(c.build_id), id) == 0 &&
	    (strspn(c.build_id, "0123456789abcdef") != id.n ||
	     (strspn(c.build_id, "0123456789") == id.n && pos_guard(l, id))))
		c.build_id[0] = '\0';
	get_text(l, v, "how", c.how, sizeof(c.how));
	get_text(l, v, "signal", c.signal, sizeof(c.signal));
	get_text(l, v, "doing", c.doing, sizeof(c.doing));
	(void)value_get_int(v, "at_ms", 0, AT_MS_MAX, &c.at_wall_ms); /* 0: not told */
	(void)value_get_int(v, "deaths", 0, INT32_MAX, &c.deaths);    /* as above */
	*ret_crash = c;
}

static void
take_odd(struct adapter_link *a, const struct value *v)
{
	struct adapter_odd *odd = &a->report.odd, was = *odd;

	*odd = (struct adapter_odd){ .known = true, .since_mono_ms = clock_mono_ms() };
	get_text(a->lane, v, "what", odd->what, sizeof(odd->what));
	(void)value_get_int(v, "at_ms", 0, AT_MS_MAX, &odd->at_wall_ms); /* 0: not told */
	if (was.known && was.at_wall_ms == odd->at_wall_ms)
		*odd = was; /* told before, with something else */
}

/* "SIGSEGV", "hang": what it died of. */
static const char *
cause(const struct adapter_crash *c)
{
	return c->signal[0] != '\0' ? c->signal : c->how;
}

static void
log_crash(const struct adapter_link *a, const struct adapter_crash *before)
{
	const struct adapter_crash *c = &a->report.crash;

	if (!c->known || (before->known && before->at_wall_ms == c->at_wall_ms))
		return; /* told already */
	log_event(LOG_ERR, "adapter-died", NULL,
		  "adapter %s: plug-in %s (build %s) died: %s in %s", a->name, c->plugin,
		  c->build_id[0] == '\0' ? "unknown" : c->build_id, cause(c), c->doing);
}

void
adapter_report_take(struct adapter_link *a, const struct value *v)
{
	struct adapter_report *r = &a->report;
	struct adapter_crash before = r->crash;
	const struct value *crash, *odd;

	get_text(a->lane, v, "state", r->state, sizeof(r->state));
	get_text(a->lane, v, "why", r->why, sizeof(r->why));
	get_text(a->lane, v, "bypass_why", r->bypass_why, sizeof(r->bypass_why));
	r->bypass = value_get_bool(v, "bypass", &r->bypass) == 0 && r->bypass;
	r->since_mono_ms = clock_mono_ms();
	r->crash = (struct adapter_crash){ .known = false };
	if (value_get_object(v, "crash", &crash) == 0)
		take_crash(a->lane, crash, &r->crash);
	log_crash(a, &before);
	if (value_get_object(v, "odd", &odd) == 0)
		take_odd(a, odd);
	control_changed(a->lane);
}

void
adapter_report_method(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		      const struct value *params)
{
	struct adapter_link *a = ctx;
	struct str s;

	(void)peer;
	if (value_get_str(params, "environment", 8, &s) < 0 ||
	    !str_is(s, conf_str(a->lane->conf, "lane", "environment"))) {
		rpc_fail(call, RPC_REFUSED, "environment: this lane is %s",
			 conf_str(a->lane->conf, "lane", "environment"));
		return;
	}
	adapter_report_take(a, params);
	rpc_reply(call, NULL);
}

void
adapter_report_gone(struct adapter_link *a)
{
	a->report.state[0] = '\0';
	a->report.bypass = false;
	control_changed(a->lane);
}

const struct adapter_crash *
adapter_report_crash(const struct adapter_link *a)
{
	const struct adapter_report *r = &a->report;

	if (!r->crash.known)
		return NULL;
	/* It has worked well for a while: it is not reproached any more. */
	if (a->greeted && clock_mono_ms() - r->since_mono_ms > ADAPTER_WELL_MS)
		return NULL;
	return &r->crash;
}

static const struct adapter_odd *
report_odd(const struct adapter_link *a)
{
	const struct adapter_odd *odd = &a->report.odd;

	return odd->known && clock_mono_ms() - odd->since_mono_ms <= ADAPTER_WELL_MS
		       ? odd
		       : NULL;
}

void
adapter_report_put(const struct adapter_link *a, struct json_out *o)
{
	const struct adapter_report *r = &a->report;
	const struct adapter_crash *c = adapter_report_crash(a);
	const struct adapter_odd *odd = report_odd(a);

	if (r->state[0] != '\0')
		json_cstr(o, "plugin_state", a->greeted ? "loaded" : r->state);
	if (!a->greeted && r->why[0] != '\0')
		json_cstr(o, "why", r->why);
	json_bool(o, "bypass", r->bypass);
	if (r->bypass && r->bypass_why[0] != '\0')
		json_cstr(o, "bypass_why", r->bypass_why);
	if (odd != NULL) {
		json_open_object(o, "odd");
		json_cstr(o, "plugin", a->plugin);
		json_cstr(o, "version", a->version);
		json_cstr(o, "what", odd->what);
		put_time(o, "at", odd->at_wall_ms);
		json_close(o);
	}
	if (c == NULL)
		return;
	json_open_object(o, "crash");
	json_cstr(o, "plugin", c->plugin);
	json_cstr(o, "version", c->version);
	json_cstr(o, "build_id", c->build_id);
	json_cstr(o, "how", c->how);
	if (c->signal[0] != '\0')
		json_cstr(o, "signal", c->signal);
	json_cstr(o, "doing", c->doing);
	put_time(o, "at", c->at_wall_ms);
	json_int(o, "deaths", c->deaths);
	json_close(o);
}

void
adapter_report_doctor(const struct adapter_link *a, struct json_out *o)
{
	const struct adapter_crash *c = adapter_report_crash(a);
	const struct adapter_odd *odd = report_odd(a);
	char text[320];

	if (a->report.bypass) {
		(void)snprintf(text, sizeof(text), "adapter %s is bypassed: %s", a->name,
			       a->report.bypass_why); /* for people */
		doctor_put(o, "bypass", HEALTH_WARN, text,
			   "payments go straight to the terminal, without members; see "
			   "operate.md");
	}
	adapter_place_doctor(a, o);
	if (!a->greeted && strcmp(a->report.state, "unloadable") == 0) {
		(void)snprintf(text, sizeof(text), "adapter %s: %s", a->name,
			       a->report.why); /* for people */
		doctor_put(o, "plugin", HEALTH_FAIL, text,
			   "install the plug-in again, then restart the adapter");
	}
	if (odd != NULL) {
		(void)snprintf(text, sizeof(text), "adapter %s: plug-in %s %s %s",
			       a->name, a->plugin, a->version,
			       odd->what); /* for people */
		doctor_put(o, "plugin", HEALTH_WARN, text,
			   "the lane goes on; give its maker the adapter's log");
	}
	if (c == NULL)
		return;
	(void)snprintf(text, sizeof(text),
		       "adapter %s: plug-in %s %s (build %s) died: %s in %s; %lld deaths "
		       "known",
		       a->name, c->plugin, c->version,
		       c->build_id[0] == '\0' ? "unknown" : c->build_id, cause(c),
		       c->doing, (long long)c->deaths); /* for people; may be cut */
	doctor_put(o, "crash", HEALTH_WARN, text,
		   "give its maker the build id and the adapter's log");
}
