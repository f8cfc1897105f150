/* bio.sock: the conversation with laned-bio. */
#include "lane/lane_private.h"

#include "base/log.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BIO_TIMEOUT_MS 5000
#define PATH_BYTES_MAX 512u
#define STATE_BYTES_MAX 65536u /* a larger bio.state is not shown */
#define BIO_USER "laned-bio"

static enum bio_outcome
parse_outcome(const struct value *v)
{
	struct str s = { "", 0 };

	if (value_get_str(v, "outcome", 16, &s) < 0)
		return BIO_RETRY;
	if (str_is(s, "accept"))
		return BIO_ACCEPT;
	if (str_is(s, "ambiguous"))
		return BIO_AMBIGUOUS;
	return str_is(s, "reject") ? BIO_REJECT : BIO_RETRY;
}

/* The hints of an answer as a set; NULL, missing and unknown ones are none. */
static uint32_t
parse_hints(const struct value *v)
{
	const struct value *list;
	uint32_t set = 0;

	if (value_get_array(v, "hints", &list) < 0)
		return 0;
	for (const struct value *h = list->first; h != NULL; h = h->next)
		if (h->kind == VALUE_STRING)
			set |= 1u << touch_hint_parse(h->s);
	return set;
}

/* Accepted: the member behind the subject, if this lane knows one. */
static const struct lane_member *
accepted_member(struct lane *l, const struct value *v)
{
	struct ulid subject, member;
	int rc;

	if (get_ulid(v, "subject", &subject) < 0)
		return NULL;
	rc = members_of_subject(l->cache, subject, &member);
	if (rc == 0)
		rc = lane_find_member(l, member);
	if (rc == 0)
		return &l->member;
	if (rc != -ENOENT)
		log_warn("member cache: %s; selling without", strerror(-rc));
	return NULL;
}

/* What goes with an outcome: whether it may pay, and why it was refused. */
static void
read_reservations(const struct value *v, struct lane_event *ev)
{
	struct str why = { "", 0 };
	bool pays = true;

	(void)value_get_bool(v, "pay_by_touch", &pays); /* missing: it does */
	(void)value_get_str(v, "why", 32, &why);        /* missing: none */
	(void)value_get_bool(v, "other_finger", &ev->bio.other_finger); /* missing: no */
	ev->bio.claim_to_pay = !pays;
	ev->bio.replayed = str_is(why, "replay");
}

/* ---- from laned-bio -------------------------------------------------------- */

static void
keep_state(struct lane *l, const struct value *state)
{
	struct str s;

	json_out_reset(l->bio.state);
	json_value(l->bio.state, NULL, state);
	l->bio.has_state = json_out_text(l->bio.state, &s) == 0;
}

static void
tell_core(struct lane *l, bool up)
{
	struct lane_event ev = { .kind = LANE_EV_BIO, .up = up };

	(void)lane_step(l, &ev); /* a fault flag: the core takes it in every state */
}

static void
on_hello(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	 const struct value *params)
{
	struct lane *l = ctx;
	const struct value *state = NULL;
	struct str environment, version;
	struct json_out *o;

	if (value_get_str(params, "environment", 8, &environment) < 0 ||
	    !str_is(environment, conf_str(l->conf, "lane", "environment"))) {
		log_err("laned-bio belongs to another environment; refused");
		rpc_fail(call, RPC_REFUSED, "environment: this lane is %s",
			 conf_str(l->conf, "lane", "environment"));
		return;
	}
	if (value_get_str(params, "version", sizeof(l->bio.version) - 1, &version) == 0)
		(void)str_copy(l->bio.version, sizeof(l->bio.version), version);
	l->bio.peer = peer;
	l->bio.greeted = true;
	if (value_get_object(params, "state", &state) == 0)
		keep_state(l, state);
	o = lane_message(l);
	json_cstr(o, "lane", l->name);
	json_cstr(o, "environment", conf_str(l->conf, "lane", "environment"));
	json_close(o);
	rpc_reply(call, o);
	log_notice("laned-bio is here");
	readers_take(l, state);
	tell_core(l, true);
}

static void
on_state(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	 const struct value *params)
{
	struct lane *l = ctx;

	(void)peer;
	keep_state(l, params);
	readers_take(l, params);
	if (call != NULL)
		rpc_reply(call, NULL);
}

static void
on_touch(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	 const struct value *params)
{
	struct lane *l = ctx;
	struct lane_event ev = { .kind = LANE_EV_TOUCH };

	(void)peer;
	(void)value_get_bool(params, "at_start", &ev.touch.at_start); /* missing: no */
	ev.touch.reader = str_of("");
	(void)value_get_str(params, "reader", LANE_READER_BYTES - 1,
			    &ev.touch.reader); /* missing: any may be it */
	if (value_get_str(params, "probe", LANE_PROBE_BYTES - 1, &ev.touch.probe) == 0 &&
	    !control_take_touch(l, ev.touch.probe))
		(void)lane_step(
			l, &ev); /* a touch that fits nothing is dropped by the core */
	if (call != NULL)
		rpc_reply(call, NULL);
}

static void
on_identified(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	      const struct value *params)
{
	struct lane *l = ctx;
	struct lane_event ev = { .kind = LANE_EV_IDENTIFIED };

	(void)peer;
	if (value_get_str(params, "probe", LANE_PROBE_BYTES - 1, &ev.bio.probe) == 0 &&
	    !control_take_identified(l, ev.bio.probe, params)) {
		ev.bio.outcome = parse_outcome(params);
		ev.bio.hints = parse_hints(params);
		read_reservations(params, &ev);
		if (ev.bio.outcome == BIO_ACCEPT)
			ev.bio.member = accepted_member(l, params);
		(void)lane_step(l, &ev); /* a probe nobody waits for any more */
	}
	if (call != NULL)
		rpc_reply(call, NULL);
}

static void
on_progress(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	    const struct value *params)
{
	(void)peer;
	control_enrol_progress(ctx, params);
	if (call != NULL)
		rpc_reply(call, NULL);
}

static const struct rpc_method methods[] = {
	{ "bio.hello", ROLE_BIO, PEER_NEW, on_hello },
	{ "bio.state", ROLE_BIO, PEER_GREETED, on_state },
	{ "bio.touch", ROLE_BIO, PEER_GREETED, on_touch },
	{ "bio.identified", ROLE_BIO, PEER_GREETED, on_identified },
	{ "enrol.progress", ROLE_BIO, PEER_GREETED, on_progress },
};

/* Who was refused, or has not said yet of which environment it is, is not listened to. */
static uint32_t
peer_phase(void *ctx, struct rpc_peer *peer)
{
	const struct lane *l = ctx;

	return peer == l->bio.peer ? PEER_GREETED : PEER_NEW;
}

/* ---- to laned-bio ----------------------------------------------------------- */

/* What a verify or decide was asked for, until its answer. */
struct bio_ask {
	struct lane *lane;
	enum lane_event_kind kind;
	char probe[LANE_PROBE_BYTES];
};

static void
on_answer(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct bio_ask *ask = ctx;
	struct lane_event ev = { .kind = ask->kind };

	ev.bio.probe = str_of(ask->probe);
	ev.bio.outcome = error == NULL ? parse_outcome(result) : BIO_RETRY;
	ev.bio.hints = parse_hints(result);
	if (error == NULL)
		read_reservations(result, &ev);
	if (error != NULL)
		log_warn("laned-bio: %s", error->message);
	else if (ev.bio.outcome == BIO_ACCEPT && ask->kind == LANE_EV_DECIDED)
		ev.bio.member = accepted_member(ask->lane, result);
	(void)lane_step(ask->lane, &ev); /* a probe nobody waits for any more */
	free(ask);
}

static void
put_subjects(struct json_out *o, const struct ulid *subjects, uint32_t count)
{
	char id[ULID_TEXT_BYTES];

	json_open_array(o, "subjects");
	for (uint32_t i = 0; i < count; i++) {
		ulid_text(id, subjects[i]);
		json_cstr(o, NULL, id);
	}
	json_close(o);
}

static struct json_out *
probe_message(struct lane *l, const struct lane_effect *fx, bool with_subjects)
{
	struct json_out *o = lane_message(l);

	json_cstr(o, "probe", fx->bio.probe);
	if (fx->bio.with[0] != '\0')
		json_cstr(o, "with", fx->bio.with);
	if (with_subjects)
		put_subjects(o, fx->bio.subjects, fx->bio.subjects_count);
	json_close(o);
	return o;
}

static int
ask_bio(struct lane *l, const struct lane_effect *fx, const char *method,
	enum lane_event_kind kind)
{
	struct bio_ask *ask = calloc(1, sizeof(*ask));
	int rc;

	if (ask == NULL)
		return -ENOMEM;
	ask->lane = l;
	ask->kind = kind;
	(void)str_copy(ask->probe, sizeof(ask->probe),
		       str_of(fx->bio.probe)); /* same size */
	rc = rpc_request(l->bio.peer, method, probe_message(l, fx, true), BIO_TIMEOUT_MS,
			 on_answer, ask);
	if (rc < 0)
		free(ask);
	return rc;
}

/* What bio.arm was asked for, until its answer. */
struct arm_ask {
	struct lane *lane;
	uint32_t serial;
};

static void
on_armed(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct arm_ask *ask = ctx;
	struct lane_event ev = { .kind = LANE_EV_SENSOR };

	(void)result;
	ev.sensor.serial = ask->serial;
	ev.sensor.lit = error == NULL;
	if (error != NULL)
		log_notice("the sensor stays dark: %s", error->message);
	(void)lane_step(ask->lane, &ev); /* an answer nobody waits for any more */
	free(ask);
}

static int
arm(struct lane *l, const struct lane_effect *fx)
{
	struct arm_ask *ask = calloc(1, sizeof(*ask));
	struct json_out *o;
	int rc;

	if (ask == NULL)
		return -ENOMEM;
	*ask = (struct arm_ask){ l, fx->arm.serial };
	o = lane_message(l);
	put_subjects(o, fx->arm.subjects, fx->arm.subjects_count);
	json_int(o, "timeout_ms", fx->arm.timeout_ms);
	if (fx->arm.subjects_count > 0)
		claims_put_presented(l, o, fx->arm.subjects[0]);
	json_close(o);
	rc = rpc_request(l->bio.peer, "bio.arm", o, BIO_TIMEOUT_MS, on_armed, ask);
	if (rc < 0)
		free(ask);
	return rc;
}

int
bio_link_perform(struct lane *l, const struct lane_effect *fx)
{
	struct json_out *o;

	if (l->bio.peer == NULL)
		return -ENOTCONN;
	if (fx->kind == FX_ARM)
		return arm(l, fx);
	if (fx->kind == FX_DISARM) {
		o = lane_message(l);
		json_close(o);
		return rpc_notify(l->bio.peer, "bio.disarm", o);
	}
	if (fx->kind == FX_VERIFY)
		return ask_bio(l, fx, "bio.verify", LANE_EV_VERIFIED);
	if (fx->kind == FX_DECIDE)
		return ask_bio(l, fx, "bio.decide", LANE_EV_DECIDED);
	return rpc_notify(l->bio.peer,
			  fx->kind == FX_IDENTIFY ? "bio.identify" : "bio.drop",
			  probe_message(l, fx, false));
}

/* ---- the socket --------------------------------------------------------------- */

static void
on_closed(void *ctx, struct rpc_peer *peer, int err)
{
	struct lane *l = ctx;

	(void)err;
	if (peer == l->bio.given)
		l->bio.given = NULL;
	if (peer != l->bio.peer)
		return;
	l->bio.peer = NULL;
	l->bio.greeted = false;
	l->bio.readers.count = 0;
	l->bio.has_state = false;
	log_warn("laned-bio went away; members by card, phone or QR meanwhile");
	control_bio_gone(l);
	tell_core(l, false);
}

static uint32_t
on_accept(void *ctx, pid_t pid, uid_t uid, gid_t gid)
{
	const struct passwd *pw = getpwnam(BIO_USER);

	(void)ctx;
	(void)pid;
	(void)gid;
	return uid == geteuid() || (pw != NULL && pw->pw_uid == uid) ? ROLE_BIO : 0;
}

int
bio_link_open(struct lane *l, int fd)
{
	char path[PATH_BYTES_MAX];
	struct rpc_listen_options o = { .path = path,
					.mode = 0666,
					.peers_max = 1,
					.hooks = &l->bio.hooks,
					.accept = on_accept };

	l->bio.hooks =
		(struct rpc_hooks){ .methods = methods,
				    .methods_count = sizeof(methods) / sizeof(methods[0]),
				    .ctx = l,
				    .phase = peer_phase,
				    .closed = on_closed };
	l->bio.state = json_out_new(STATE_BYTES_MAX);
	if (l->bio.state == NULL)
		return -ENOMEM;
	if (fd >= 0)
		return rpc_peer_new(l->loop, fd, ROLE_BIO, &l->bio.hooks, &l->bio.given);
	if (snprintf(path, sizeof(path), "%s/bio.sock",
		     conf_str(l->conf, "paths", "run")) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return rpc_listen(l->loop, &o, &l->bio.listener);
}

void
bio_link_close(struct lane *l)
{
	l->bio.given = rpc_peer_free(l->bio.given);
	l->bio.peer = NULL;
	l->bio.listener = rpc_listener_free(l->bio.listener);
	l->bio.state = json_out_free(l->bio.state);
}
