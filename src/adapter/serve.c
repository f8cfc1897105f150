#include "adapter/serve.h"

#include "config.h"

#include "adapter/endpoints.h"
#include "adapter/host.h"
#include "adapter/host_lock.h"
#include "adapter/keeper.h"
#include "adapter/place.h"
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
	const struct adapter_bare *bare;
	struct loop_timer *look, *drain;
	int64_t drain_until_ms; /* 0: nobody has asked it to end */
	int result, lock;       /* a descriptor; -1: none could be had */
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

/* Where the crash record and the lock are: systemd's folder, else beside a socket in a folder of our own. */
static const char *
runtime_path(const char *name, const char *socket, const char *suffix,
	     char path[ADAPTER_PATH_BYTES])
{
	const char *folder = getenv("RUNTIME_DIRECTORY"), *slash;
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
	strbuf_addf(&b, "/adapter-%s.%s", name, suffix);
	return b.truncated ? NULL : path;
}

/* 0: this is the only host of the adapter, as far as can be known; -EBUSY. */
static int
be_the_only_one(struct serve *s, const char *name, const char *socket)
{
	char buf[ADAPTER_PATH_BYTES];
	const char *path = runtime_path(name, socket, "lock", buf);
	pid_t holder = 0;
	struct strbuf b;
	int rc = path == NULL ? -ENOENT : host_lock_take(path, &s->lock, &holder);

	/* By hand, beside the one of systemd. */
	if (rc != -EBUSY && getenv("RUNTIME_DIRECTORY") == NULL) {
		strbuf_init(&b, buf, sizeof(buf));
		strbuf_addf(&b, LANED_RUNDIR "-adapter/%s/adapter-%s.lock", name, name);
		if (!b.truncated && host_lock_ask(buf, &holder) == -EBUSY)
			rc = -EBUSY;
	}
	if (rc == -EBUSY) {
		log_err("[adapter:%s] runs already, as process %ld: one host an adapter",
			name, (long)holder);
		return rc;
	}
	if (rc < 0)
		log_debug("no lock in a runtime folder: %s", strerror(-rc));
	return 0;
}

static int
open_record(const struct adapter_conf *c, struct crash_record **ret_record)
{
	char buf[ADAPTER_PATH_BYTES];
	const char *path = runtime_path(adapter_conf_name(c), adapter_conf_socket_path(c),
					"crash", buf);
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
open_endpoints(struct serve *s, const struct adapter_endpoints *where)
{
	struct endpoints_options o = { .loop = s->loop,
				       .streams = s->streams,
				       .where = where,
				       .off = s->bare != NULL && !s->bare->enabled,
				       .ping = on_ping,
				       .changed = on_bypass,
				       .ctx = s };
	char why[STREAM_WHY_BYTES] = "";
	int rc;

	if (where->pos[0] == '\0')
		return 0;
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
	if (s->lock >= 0)
		(void)close(s->lock); /* nothing was written */
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
	struct serve s = { .lock = -1 };
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
	char place[ADAPTER_PLACE_BYTES];
	int rc;

	adapter_place(c, place);
	o.bridge.place = place;
	if (so->fd >= 0 && so->socket == NULL)
		o.bridge.socket = NULL;
	rc = be_the_only_one(&s, o.bridge.name, adapter_conf_socket_path(c));
	/* The lock is of the configured socket; a given descriptor is nobody else's. */
	o.bridge.sole = so->socket == NULL && (so->fd >= 0 || s.lock >= 0);
	if (rc == 0)
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
		rc = open_endpoints(&s, adapter_conf_endpoints(c));
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

/* Is there something else to do by now: a configuration that is right, or says something new? */
static bool
has_changed(const struct serve *s)
{
	const struct adapter_endpoints *now, *was = &s->bare->endpoints;
	struct adapter_conf *c = NULL;
	bool changed;

	if (adapter_conf_load(s->ask, &c) < 0)
		return false;
	now = adapter_conf_endpoints(c);
	changed = s->bare->enabled || adapter_conf_enabled(c) ||
		  strcmp(now->pos, was->pos) != 0 ||
		  strcmp(now->terminal, was->terminal) != 0 ||
		  strcmp(now->framing, was->framing) != 0;
	adapter_conf_free(c);
	return changed;
}

/* Not in the middle of a stranger's payment. */
static void
look(void *ctx)
{
	struct serve *s = ctx;

	bool quiet = s->endpoints == NULL || endpoints_are_quiet(s->endpoints);

	if (quiet && has_changed(s)) {
		log_notice("the configuration %s",
			   s->bare->enabled ? "can be used again" : "has changed");
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
	/* What is not known of the lane cannot be told to it, and one that is off it does not expect. */
	if (rc < 0 || bare->environment[0] == '\0' || !bare->enabled)
		return rc;
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
	struct serve s = { .ask = ask, .bare = bare, .lock = -1 };
	int rc = be_the_only_one(&s, ask->name, bare->socket);

	if (rc == 0)
		rc = loop_new(&s.loop);
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
		rc = open_endpoints(&s, &bare->endpoints);
	if (rc == 0) {
		if (s.endpoints != NULL)
			endpoints_event(s.endpoints, BYPASS_PLUGIN_GONE);
		rc = run_loop(&s, bare->enabled
					  ? "bypass: the configuration cannot be used"
					  : "switched off (enabled = no)");
	}
	if (rc < 0)
		log_err("ending: %s", strerror(-rc));
	finish(&s);
	return rc;
}
