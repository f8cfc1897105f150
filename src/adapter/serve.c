#include "adapter/serve.h"

#include "adapter/endpoints.h"
#include "adapter/endpoints_kept.h"
#include "adapter/host.h"
#include "adapter/keeper.h"
#include "adapter/watch.h"
#include "base/clock.h"
#include "base/daemon.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRAIN_LOOK_MS 50

struct serve {
	struct loop *loop;
	struct daemon *daemon;
	struct crash_record *record;
	struct report *report;
	struct streams *streams; /* of serve_bypass; else the host has its own */
	struct laned_host *host;
	struct endpoints *endpoints;
	struct keeper *keeper;
	const struct adapter_conf_ask *ask;
	struct loop_timer *look, *drain;
	int64_t drain_until_ms; /* 0: nobody has asked it to end */
	int result;
};

/* ---- what the parts tell each other ------------------------------------------------------ */

static void
on_ended(void *ctx, int err)
{
	struct serve *s = ctx;

	/* Only a socket handed over by --fd ends; a path is connected to again. */
	log_notice("laned's socket ended: %s", strerror(err < 0 ? -err : err));
	if (s->endpoints == NULL)
		loop_stop(s->loop);
}

static void
on_keeper_ended(void *ctx, int err)
{
	struct serve *s = ctx;

	s->result = err;
	loop_stop(s->loop);
}

static void
on_laned(void *ctx, enum bridge_laned what)
{
	static const enum bypass_event events[] = {
		[BRIDGE_LANED_HERE] = BYPASS_LANED_HERE,
		[BRIDGE_LANED_LOST] = BYPASS_LANED_LOST,
		[BRIDGE_LANED_SILENT] = BYPASS_LANED_SILENT,
	};
	struct serve *s = ctx;

	if (s->endpoints != NULL)
		endpoints_event(s->endpoints, events[what]);
}

static void
on_keeper(void *ctx, enum keeper_state state)
{
	struct serve *s = ctx;

	if (s->endpoints != NULL)
		endpoints_event(s->endpoints, state == KEEPER_LOADED
						      ? BYPASS_PLUGIN_READY
						      : BYPASS_PLUGIN_GONE);
}

static bool
may_load(void *ctx)
{
	const struct serve *s = ctx;

	return s->endpoints == NULL || endpoints_are_quiet(s->endpoints);
}

static int
on_ping(void *ctx, int64_t timeout_ms, void (*done)(void *ctx, bool alive),
	void *done_ctx)
{
	struct serve *s = ctx;
	struct bridge *b = s->keeper == NULL ? NULL : keeper_bridge(s->keeper);

	return b == NULL ? -EPIPE : bridge_ping(b, timeout_ms, done, done_ctx);
}

static void
on_bypass(void *ctx)
{
	struct serve *s = ctx;
	const struct bypass *b = endpoints_bypass(s->endpoints);
	char text[ENDPOINTS_STATUS_BYTES];

	if (s->report != NULL)
		report_set_bypass(s->report, bypass_is_on(b), bypass_why(b));
	endpoints_status(s->endpoints, text);
	daemon_status(bypass_is_on(b) ? text : "serving");
	if (s->keeper != NULL && endpoints_are_quiet(s->endpoints))
		keeper_poke(s->keeper);
}

/* ---- the end ----------------------------------------------------------------------------- */

/* Nobody else's payment is under way through this process. */
static bool
is_quiet(const struct serve *s)
{
	return s->endpoints == NULL ||
	       (endpoints_are_quiet(s->endpoints) &&
		(s->host == NULL || host_splices_count(host_splices(s->host)) == 0));
}

static void
drain(void *ctx)
{
	struct serve *s = ctx;

	if (is_quiet(s) || clock_mono_ms() >= s->drain_until_ms ||
	    loop_timer_set(s->drain, DRAIN_LOOK_MS) < 0)
		loop_stop(s->loop);
}

/* A payment that somebody is making right now is not cut off; a second signal does not wait. */
static void
on_end(void *ctx, int signo)
{
	struct serve *s = ctx;

	if (is_quiet(s) || s->drain_until_ms != 0) {
		log_notice("signal %d: ending", signo);
		loop_stop(s->loop);
		return;
	}
	log_notice("signal %d: ending when the payment that goes to the terminal is done",
		   signo);
	s->drain_until_ms = clock_mono_ms() + SERVE_DRAIN_MS;
	drain(s);
}

/* In place of the daemon's own handlers, which end at once. */
static int
catch_end(struct serve *s)
{
	int rc = loop_timer_new(s->loop, drain, s, &s->drain);

	if (rc == 0)
		rc = loop_signal(s->loop, SIGTERM, on_end, s);
	if (rc == 0 && s->ask == NULL) /* else it looks at the configuration */
		rc = loop_signal(s->loop, SIGHUP, on_end, s);
	return rc < 0 ? rc : loop_signal(s->loop, SIGINT, on_end, s);
}

/* ---- making them ------------------------------------------------------------------------- */

/* Where the crash record is kept: systemd's folder, else beside a socket in a folder of our own. */
static const char *
record_path(const struct adapter_conf *c, char path[ADAPTER_PATH_BYTES])
{
	const char *folder = getenv("RUNTIME_DIRECTORY");
	const char *socket = adapter_conf_socket_path(c), *slash;
	struct strbuf b;
	struct stat st;

	strbuf_init(&b, path, ADAPTER_PATH_BYTES);
	if (folder != NULL && folder[0] == '/') {
		strbuf_add(&b, (struct str){ folder, strcspn(folder, ":") });
	} else {
		slash = strrchr(socket, '/');
		if (slash == NULL)
			return NULL;
		strbuf_add(&b, (struct str){ socket, (size_t)(slash - socket) });
		if (b.truncated || stat(path, &st) < 0 || st.st_uid != geteuid())
			return NULL;
	}
	strbuf_addf(&b, "/adapter-%s.crash", adapter_conf_name(c));
	return b.truncated ? NULL : path;
}

static int
open_record(const struct adapter_conf *c, struct crash_record **ret_record)
{
	char buf[ADAPTER_PATH_BYTES];
	const char *path = record_path(c, buf);
	int rc = crash_record_open(path, ret_record);

	if (rc == 0 && crash_record_error(*ret_record) < 0)
		log_notice("no crash record is kept in %s: %s",
			   path == NULL ? "a runtime folder" : path,
			   strerror(-crash_record_error(*ret_record)));
	if (rc == 0)
		rc = watch_start(crash_record_life(*ret_record),
				 adapter_conf_call_limit_ms(c));
	return rc;
}

/* From here on the POS is served, if this adapter has endpoints. */
static int
open_endpoints(struct serve *s, const struct adapter_endpoints *where, const char *state)
{
	struct endpoints_options o = { .loop = s->loop,
				       .streams = s->streams,
				       .where = where,
				       .ping = on_ping,
				       .changed = on_bypass,
				       .ctx = s };
	char why[STREAM_WHY_BYTES] = "";
	int rc;

	if (where->pos[0] == '\0') {
		rc = endpoints_kept_drop(state);
		if (rc < 0)
			log_notice("endpoints of an earlier configuration stay in %s: %s",
				   state, strerror(-rc));
		return 0;
	}
	rc = catch_end(s);
	if (rc < 0)
		return rc;
	if (s->host != NULL)
		o.streams = host_streams(s->host);
	rc = endpoints_new(&o, &s->endpoints, why);
	if (rc < 0) {
		log_err("%s cannot be listened on: %s", where->pos,
			why[0] == '\0' ? strerror(-rc) : why);
		return rc;
	}
	rc = endpoints_kept_put(state, where);
	if (rc < 0) /* it serves this configuration, not the next one */
		log_notice("the endpoints are not kept for a broken configuration: %s",
			   state == NULL ? "no state folder" : strerror(-rc));
	if (s->host != NULL) {
		endpoints_set_conns(s->endpoints, host_conns(s->host));
		host_splices_set_endpoints(host_splices(s->host), s->endpoints);
	}
	return 0;
}

static void
finish(struct serve *s)
{
	keeper_free(s->keeper);
	s->keeper = NULL;
	report_free(s->report);
	s->report = NULL;
	if (s->host != NULL)
		host_splices_set_endpoints(host_splices(s->host), NULL);
	endpoints_free(s->endpoints);
	loop_timer_free(s->look);
	loop_timer_free(s->drain);
	host_free(s->host);
	streams_free(s->streams);
	watch_stop();
	crash_record_close(s->record);
	daemon_free(s->daemon);
	loop_free(s->loop);
}

static int
run_loop(struct serve *s, const char *status)
{
	int rc;

	daemon_ready(status);
	if (s->endpoints != NULL && bypass_is_on(endpoints_bypass(s->endpoints)))
		on_bypass(s);
	rc = loop_run(s->loop);
	daemon_stopping();
	return rc == 0 ? s->result : rc;
}

int
serve_adapter(const struct adapter_conf *c, const struct serve_options *so)
{
	struct serve s = { .loop = NULL };
	struct keeper_options o = {
		.conf = c,
		.may_load = may_load,
		.changed = on_keeper,
		.bridge = { .name = adapter_conf_name(c),
			    .environment = adapter_conf_environment(c),
			    .socket = so->socket != NULL ? so->socket
							 : adapter_conf_socket_path(c),
			    .fd = so->fd,
			    .ended = on_ended,
			    .laned = on_laned,
			    .ctx = &s },
		.ended = on_keeper_ended,
		.ctx = &s,
	};
	struct report_options ro = { .name = o.bridge.name,
				     .environment = o.bridge.environment,
				     .fd = so->fd };
	int rc;

	if (so->fd >= 0 && so->socket == NULL)
		o.bridge.socket = NULL;
	rc = loop_new(&s.loop);
	if (rc == 0)
		rc = daemon_new(s.loop, NULL, NULL, &s.daemon);
	if (rc == 0)
		rc = open_record(c, &s.record);
	if (rc == 0)
		rc = host_new(s.loop, c, &s.host);
	o.loop = o.bridge.loop = ro.loop = s.loop;
	o.bridge.host = s.host;
	ro.record = s.record;
	o.record = s.record;
	ro.socket = o.bridge.socket;
	if (rc == 0)
		rc = report_new(&ro, &s.report);
	if (rc == 0)
		rc = open_endpoints(&s, adapter_conf_endpoints(c), so->state);
	o.report = s.report;
	o.stay = s.endpoints != NULL;
	if (rc == 0)
		rc = keeper_new(&o, &s.keeper);
	if (rc == 0)
		rc = run_loop(&s, keeper_state(s.keeper) == KEEPER_LOADED
					  ? "looking for laned"
					  : "without the plug-in");
	if (rc < 0)
		log_err("ending: %s", strerror(-rc));
	finish(&s);
	return rc;
}

/* ---- without a configuration ------------------------------------------------------------- */

/* Is the configuration right by now? Not in the middle of a stranger's payment. */
static void
look(void *ctx)
{
	struct serve *s = ctx;
	struct adapter_conf *c = NULL;

	if (endpoints_are_quiet(s->endpoints) && adapter_conf_load(s->ask, &c) == 0) {
		adapter_conf_free(c);
		log_notice("the configuration can be used again");
		s->result = SERVE_AGAIN;
		loop_stop(s->loop);
	} else if (loop_timer_set(s->look, SERVE_LOOK_MS) < 0) {
		log_err("no timer; SIGHUP makes the configuration be looked at");
	}
}

static int
open_bare_report(struct serve *s, const struct adapter_bare *bare,
		 const struct serve_options *so)
{
	struct report_options ro = { .loop = s->loop,
				     .name = s->ask->name,
				     .environment = bare->environment,
				     .socket = so->socket != NULL ? so->socket
								  : bare->socket,
				     .fd = so->fd };
	int rc = crash_record_open(NULL, &s->record);

	ro.record = s->record;
	if (so->fd >= 0 && so->socket == NULL)
		ro.socket = NULL;
	if (rc < 0 || bare->environment[0] == '\0')
		return rc; /* what is not known of the lane cannot be told to it */
	rc = report_new(&ro, &s->report);
	if (rc == 0) {
		report_set_state(s->report, "unloadable",
				 "its configuration or options.json cannot be used");
		report_set_way(s->report, NULL, NULL);
	}
	return rc;
}

int
serve_bypass(const struct adapter_conf_ask *ask, const struct adapter_bare *bare,
	     const struct serve_options *so)
{
	struct serve s = { .ask = ask };
	int rc = loop_new(&s.loop);

	if (rc == 0)
		rc = daemon_new(s.loop, look, &s, &s.daemon);
	if (rc == 0)
		rc = streams_new(s.loop, getenv("CREDENTIALS_DIRECTORY"), &s.streams);
	if (rc == 0)
		rc = open_bare_report(&s, bare, so);
	if (rc == 0)
		rc = loop_timer_new(s.loop, look, &s, &s.look);
	if (rc == 0)
		rc = loop_timer_set(s.look, SERVE_LOOK_MS);
	if (rc == 0)
		rc = open_endpoints(&s, &bare->endpoints, so->state);
	if (rc == 0) {
		endpoints_event(s.endpoints, BYPASS_PLUGIN_GONE);
		rc = run_loop(&s, "bypass: the configuration cannot be used");
	}
	if (rc < 0)
		log_err("ending: %s", strerror(-rc));
	finish(&s);
	return rc;
}
