/* control.sock: status, watching, the cashier's keys, and what lanectl drives. */
#include "lane/lane_private.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES_MAX 512u
#define BIO_TIMEOUT_MS 10000
#define GROUPS_MAX 64
#define CONTROL_PEERS_MAX 32u

/* ---- small answers ------------------------------------------------------------- */

static void
on_status(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct lane *l = ctx;
	struct json_out *o = lane_message(l);

	(void)params;
	status_write(l, o, control_sees_receipts(peer));
	json_close(o);
	rpc_reply(call, o);
}

/* What laned-bio does not answer is missing from the checks, and they say so. */
static void
reply_doctor(struct lane *l, struct rpc_call *call, const struct value *bio,
	     const char *why)
{
	struct json_out *o = lane_message(l);

	(void)why;
	doctor_write(l, o, bio);
	json_close(o);
	rpc_reply(call, o);
}

static void
on_doctor(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	(void)peer;
	(void)params;
	if (call != NULL) /* else nobody would be told */
		readers_ask(ctx, call, reply_doctor);
}

static void
on_reload(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct json_out *o = json_out_new(MESSAGE_BYTES_MAX);
	int rc;

	(void)peer;
	(void)params;
	json_open_object(o, NULL);
	rc = lane_reload_into(ctx, o);
	json_close(o);
	if (rc == 0)
		rpc_reply(call, o);
	else
		rpc_fail(call, RPC_REFUSED,
			 "the configuration has errors; the old one stands "
			 "(see `lanectl config check`)");
	json_out_free(o);
}

/* One of the cashier's keys: an event without more. */
static void
simple_event(struct lane *l, struct rpc_call *call, enum lane_event_kind kind)
{
	struct lane_event ev = { .kind = kind };
	int rc = lane_step(l, &ev);

	if (rc == 0)
		rpc_reply(call, NULL);
	else
		rpc_fail(call, RPC_REFUSED, "not in this phase (%s)", strerror(-rc));
}

static void
on_other_tender(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		const struct value *params)
{
	(void)peer;
	(void)params;
	simple_event(ctx, call, LANE_EV_OTHER_TENDER);
}

static void
on_remove_member(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		 const struct value *params)
{
	(void)peer;
	(void)params;
	simple_event(ctx, call, LANE_EV_REMOVE_MEMBER);
}

static void
on_training(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	    const struct value *params)
{
	struct lane_event ev = { .kind = LANE_EV_TRAINING };
	int rc;

	(void)peer;
	if (value_get_bool(params, "on", &ev.up) < 0) {
		rpc_fail(call, RPC_PARAMS, "on: true or false is wanted");
		return;
	}
	rc = lane_step(ctx, &ev);
	if (rc == 0)
		rpc_reply(call, NULL);
	else
		rpc_fail(call, RPC_REFUSED, "not while a checkout is open");
}

/* ---- watching --------------------------------------------------------------------- */

static void
on_watch(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	 const struct value *params)
{
	struct lane *l = ctx;
	size_t at = WATCHERS_MAX;

	(void)params;
	for (size_t i = WATCHERS_MAX; i-- > 0;)
		if (l->control.watchers[i] == NULL)
			at = i;
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		if (l->control.watchers[i] == peer)
			at = i; /* asking twice is no second watch */
	if (at == WATCHERS_MAX) {
		rpc_fail(call, RPC_REFUSED, "too many watch already (%u)", WATCHERS_MAX);
		return;
	}
	l->control.watchers[at] = peer;
	rpc_reply(call, NULL);
	control_changed(l);
}

/* Tells those watchers that see receipts, or the others. */
static void
tell_watchers(struct lane *l, bool receipts)
{
	struct json_out *o = NULL;

	for (size_t i = 0; i < WATCHERS_MAX; i++) {
		struct rpc_peer *peer = l->control.watchers[i];

		if (peer == NULL || control_sees_receipts(peer) != receipts)
			continue;
		if (o == NULL) {
			o = lane_message(l);
			status_checkout(l, o, receipts);
			json_close(o);
		}
		if (rpc_notify(peer, "lane.changed", o) < 0)
			log_debug("a watcher does not read");
	}
}

void
control_changed(struct lane *l)
{
	l->control.changes++;
	tell_watchers(l, false);
	tell_watchers(l, true);
}

/* ---- laned-bio on behalf of a client -------------------------------------------------- */

/* Hands laned-bio's answer on. ctx is the call. */
static void
pass_answer(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct json_out *o;

	if (error != NULL) {
		rpc_fail(ctx, error->code == RPC_GONE ? RPC_REFUSED : error->code, "%s",
			 error->code == RPC_GONE ? "laned-bio went away"
						 : error->message);
		return;
	}
	o = json_out_new(MESSAGE_BYTES_MAX);
	if (o != NULL)
		json_value(o, NULL, result);
	rpc_reply(ctx, o);
	json_out_free(o);
}

static void
on_present(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	   const struct value *params)
{
	struct lane *l = ctx;
	struct json_out *o;
	struct str file;

	(void)peer;
	if (strcmp(conf_str(l->conf, "lane", "environment"), "test") != 0) {
		rpc_fail(call, RPC_REFUSED,
			 "present exists in the test environment only");
		return;
	}
	if (value_get_str(params, "file", 128, &file) < 0) {
		rpc_fail(call, RPC_PARAMS, "file: the base name of an image is wanted");
		return;
	}
	if (l->bio.peer == NULL) {
		rpc_fail(call, RPC_REFUSED, "laned-bio is not running");
		return;
	}
	o = lane_message(l);
	json_str(o, "file", file);
	json_close(o);
	if (rpc_request(l->bio.peer, "bio.present", o, BIO_TIMEOUT_MS, pass_answer,
			call) < 0)
		rpc_fail(call, RPC_REFUSED, "laned-bio does not take more requests now");
}

/* A checkout that has ended is shown for a while, and no more open than none. */
static bool
is_checkout_open(const struct lane *l)
{
	enum checkout_phase phase = lane_core_display(l->core)->phase;

	return phase != PHASE_IDLE && phase != PHASE_DONE && phase != PHASE_CANCELLED;
}

static void
on_identify(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	    const struct value *params)
{
	struct lane *l = ctx;

	(void)params;
	if (call == NULL)
		return; /* nobody would be told */
	if (l->control.identify != NULL)
		rpc_fail(call, RPC_REFUSED, "another client waits for the next touch");
	else if (l->bio.peer == NULL)
		rpc_fail(call, RPC_REFUSED, "laned-bio is not running");
	else if (is_checkout_open(l))
		rpc_fail(call, RPC_REFUSED, "a checkout is open");
	else if (l->env.claim_first)
		rpc_fail(call, RPC_REFUSED,
			 "this lane's privacy profile lights the sensor only after a "
			 "claim, "
			 "and compares with nobody else");
	else
		l->control.identify = call;
	if (l->control.identify == call) {
		l->control.identify_peer = peer;
		l->control.identify_probe[0] = '\0';
	}
}

/* Whoever waited for the next touch does not get it. */
static void
end_identify(struct lane *l, const char *why)
{
	struct rpc_call *call = l->control.identify;

	l->control.identify = NULL;
	l->control.identify_peer = NULL;
	if (call != NULL)
		rpc_fail(call, RPC_REFUSED, "%s", why);
}

bool
control_has_touch(const struct lane *l)
{
	return l->control.enrol.open ||
	       (l->control.identify != NULL && l->control.identify_probe[0] == '\0' &&
		!is_checkout_open(l));
}

/* The next touch belongs to a client's identify, not to a checkout. */
bool
control_take_touch(struct lane *l, struct str probe)
{
	struct json_out *o;

	if (l->control.identify == NULL || l->control.identify_probe[0] != '\0')
		return false;
	if (is_checkout_open(l)) {
		end_identify(l, "a checkout is open"); /* the touch is the shopper's */
		return false;
	}
	if (str_copy(l->control.identify_probe, sizeof(l->control.identify_probe),
		     probe) < 0)
		return false;
	o = lane_message(l);
	json_str(o, "probe", probe);
	json_close(o);
	if (rpc_notify(l->bio.peer, "bio.identify", o) < 0)
		log_warn("bio.identify could not be sent");
	return true;
}

bool
control_take_identified(struct lane *l, struct str probe, const struct value *params)
{
	struct rpc_call *call = l->control.identify;
	struct member_record record;
	struct str outcome = { "", 0 };
	struct ulid subject, member;
	struct json_out *o;

	if (call == NULL || !str_is(probe, l->control.identify_probe))
		return false;
	l->control.identify = NULL;
	l->control.identify_peer = NULL;
	(void)value_get_str(params, "outcome", 16, &outcome); /* missing shows as empty */
	o = lane_message(l);
	json_str(o, "outcome", outcome);
	if (get_ulid(params, "subject", &subject) == 0 &&
	    members_of_subject(l->cache, subject, &member) == 0 &&
	    members_get(l->cache, member, &record) == 0) {
		put_ulid(o, "member", member);
		json_cstr(o, "number", record.number);
	}
	json_close(o);
	rpc_reply(call, o);
	return true;
}

void
control_bio_gone(struct lane *l)
{
	end_identify(l, "laned-bio went away");
	l->control.enrol.open = false;
}

void
control_enrol_progress(struct lane *l, const struct value *params)
{
	struct json_out *o;

	if (!l->control.enrol.open || l->control.enrol.peer == NULL)
		return;
	o = json_out_new(MESSAGE_BYTES_MAX);
	if (o == NULL)
		return;
	json_value(o, NULL, params);
	if (rpc_notify(l->control.enrol.peer, "enrol.progress", o) < 0)
		log_debug("the enrolment's client does not read");
	json_out_free(o);
}

/* ---- the socket -------------------------------------------------------------------------- */

static const struct rpc_method own_methods[] = {
	{ "lane.status", ROLES_VIEW, 0, on_status },
	{ "lane.doctor", ROLES_VIEW, 0, on_doctor },
	{ "lane.readers", ROLES_VIEW, 0, readers_method },
	{ "bio.report", ROLES_VIEW, 0, bio_report_method },
	{ "lane.reload", ROLES_ADMIN, 0, on_reload },
	{ "lane.other_tender", ROLES_OPERATE | ROLE_POS, 0, on_other_tender },
	{ "lane.remove_member", ROLES_OPERATE | ROLE_POS, 0, on_remove_member },
	{ "lane.training", ROLES_OPERATE, 0, on_training },
	{ "lane.watch", ROLES_VIEW, 0, on_watch },
	{ "bio.present", ROLES_OPERATE, 0, on_present },
	{ "bio.identify", ROLES_OPERATE, 0, on_identify },
	{ "pos.basket", ROLE_POS | ROLE_ADMIN, 0, pos_basket },
	{ "pos.claim", ROLE_POS | ROLES_OPERATE, 0, pos_claim },
	{ "pos.cancel", ROLE_POS | ROLE_ADMIN, 0, pos_cancel },
};
#define OWN_METHODS (sizeof(own_methods) / sizeof(own_methods[0]))
#define METHODS_MAX 64u

/* A client that goes takes its import, its watch, its identify and its enrolment with it. */
static void
on_closed(void *ctx, struct rpc_peer *peer, int err)
{
	struct lane *l = ctx;

	(void)err;
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		if (l->control.watchers[i] == peer)
			l->control.watchers[i] = NULL;
	if (l->control.import_peer == peer) {
		l->control.import = import_free(l->control.import);
		l->control.import_peer = NULL;
	}
	if (l->control.identify_peer == peer)
		end_identify(l, "the client is gone");
	if (l->control.enrol.peer == peer)
		control_enrol_drop(l);
	if (l->control.given == peer)
		l->control.given = NULL;
}

static bool
in_group(const char *name, const struct passwd *pw, gid_t gid)
{
	const struct group *g = getgrnam(name);
	gid_t groups[GROUPS_MAX];
	int n = GROUPS_MAX;
	gid_t wanted;

	if (g == NULL)
		return false;
	wanted = g->gr_gid;
	if (gid == wanted)
		return true;
	if (pw == NULL || getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

/* root and our own uid are admin; the rest by the groups of the peer's uid. */
static uint32_t
on_accept(void *ctx, pid_t pid, uid_t uid, gid_t gid)
{
	const struct passwd *pw = getpwuid(uid);
	uint32_t role = 0;

	(void)ctx;
	(void)pid;
	if (uid == 0 || uid == geteuid())
		return ROLE_ADMIN | ROLE_POS;
	if (in_group("laned-pos", pw, gid))
		role |= ROLE_POS;
	if (in_group("laned-admin", pw, gid))
		return role | ROLE_ADMIN;
	if (in_group("laned-operate", pw, gid))
		return role | ROLE_OPERATE;
	if (in_group("laned-view", pw, gid))
		return role | ROLE_VIEW;
	return role;
}

/* All methods in one table, made once. */
static const struct rpc_method *
all_methods(struct lane *l, size_t *ret_count)
{
	struct rpc_method *table =
		arena_array(l->control.arena, METHODS_MAX, sizeof(*table));
	size_t n = 0;

	if (table == NULL)
		return NULL;
	for (size_t i = 0; i < OWN_METHODS; i++)
		table[n++] = own_methods[i];
	for (size_t i = 0; i < control_member_methods_count; i++)
		table[n++] = control_member_methods[i];
	for (size_t i = 0; i < control_record_methods_count; i++)
		table[n++] = control_record_methods[i];
	for (size_t i = 0; i < control_template_methods_count; i++)
		table[n++] = control_template_methods[i];
	for (size_t i = 0; i < control_return_methods_count; i++)
		table[n++] = control_return_methods[i];
	for (size_t i = 0; i < control_receipt_methods_count; i++)
		table[n++] = control_receipt_methods[i];
	for (size_t i = 0; i < control_payment_methods_count; i++)
		table[n++] = control_payment_methods[i];
	assert(n <= METHODS_MAX);
	*ret_count = n;
	return table;
}

int
control_open(struct lane *l, int fd)
{
	char path[PATH_BYTES_MAX];
	struct rpc_listen_options o = { .path = path,
					.mode = 0666,
					.peers_max = CONTROL_PEERS_MAX,
					.hooks = &l->control.hooks,
					.accept = on_accept };

	l->control.arena = arena_new(METHODS_MAX * sizeof(struct rpc_method) + 64);
	if (l->control.arena == NULL)
		return -ENOMEM;
	l->control.hooks = (struct rpc_hooks){ .ctx = l, .closed = on_closed };
	l->control.hooks.methods = all_methods(l, &l->control.hooks.methods_count);
	if (l->control.hooks.methods == NULL)
		return -ENOMEM;
	if (fd >= 0)
		return rpc_peer_new(l->loop, fd, ROLE_ADMIN | ROLE_POS, &l->control.hooks,
				    &l->control.given);
	if (snprintf(path, sizeof(path), "%s/control.sock",
		     conf_str(l->conf, "paths", "run")) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return rpc_listen(l->loop, &o, &l->control.listener);
}

void
control_close(struct lane *l)
{
	/* Nothing that the other links still say on their way out may reach a freed peer. */
	memset(l->control.watchers, 0, sizeof(l->control.watchers));
	end_identify(l, "laned is stopping");
	l->control.enrol.open = false;
	l->control.enrol.peer = NULL;
	l->control.given = rpc_peer_free(l->control.given);
	l->control.listener = rpc_listener_free(l->control.listener);
	l->control.import = import_free(l->control.import);
	l->control.arena = arena_free(l->control.arena);
}
