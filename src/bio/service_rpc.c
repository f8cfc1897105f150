#include "bio/service_judge.h"

#include "base/clock.h"
#include "base/log.h"
#include "config.h"

#include <errno.h>
#include <string.h>

#define SUBJECTS_DECIDE_MAX 1000u
#define SUBJECTS_VERIFY_MAX 16u
#define HELLO_TIMEOUT_MS 5000
#define ATTACHED_MAX 16u /* of each driver */

/* ---- what we send -------------------------------------------------------- */

static void
put_ulid(struct json_out *o, const char *name, struct ulid id)
{
	char text[ULID_TEXT_BYTES];

	ulid_text(text, id);
	json_cstr(o, name, text);
}

static void
put_hints(struct json_out *o, uint8_t hints)
{
	static const char *const names[] = {
		"too-dry",
		"too-wet",
		"too-small",
		"blank",
		"low-contrast",
		"few-minutiae",
		"lift-and-press-again",
		"glove",
	};

	json_open_array(o, "hints");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((hints & (1u << i)) != 0)
			json_cstr(o, NULL, names[i]);
	json_close(o);
}

/* A text that is not there is left out. */
static void
put_some(struct json_out *o, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_cstr(o, name, text);
}

static void
put_device(struct json_out *o, const struct reader_device *d)
{
	put_some(o, "model", d->model);
	put_some(o, "id", d->id);
	put_some(o, "port", d->port);
	put_some(o, "serial", d->serial);
}

static void
put_reader(struct json_out *o, const struct seat *seat)
{
	const struct reader *r = service_seat_reader(seat);
	char since[RFC3339_BYTES];

	rfc3339_text(since, r->since_wall_ms);
	json_open_object(o, NULL);
	json_cstr(o, "name", r->options->name);
	json_cstr(o, "driver", r->driver->name);
	json_cstr(o, "state", reader_state_name(r->state));
	json_cstr(o, "since", since);
	json_int(o, "captures", (int64_t)r->captures);
	json_int(o, "errors", (int64_t)r->errors);
	json_int(o, "resets", (int64_t)r->resets);
	json_int(o, "replugs", (int64_t)r->replugs);
	put_device(o, &r->device);
	put_some(o, "why", r->why);
	put_some(o, "hint", seat->hint);
	json_close(o);
}

/* The configured reader that uses this device, or NULL. */
static const char *
user_of(const struct service *s, const struct reader_driver *driver,
	const struct reader_device *d)
{
	for (size_t i = 0; i < s->seats_count; i++) {
		const struct reader *r = service_seat_reader(&s->seats[i]);

		if (r->driver == driver && r->device.port[0] != '\0' &&
		    strcmp(r->device.port, d->port) == 0)
			return r->options->name;
	}
	return NULL;
}

static void
put_attached(const struct service *s, struct json_out *o)
{
	struct reader_device found[ATTACHED_MAX];

	json_open_array(o, "attached");
	for (size_t i = 0; i < reader_drivers_count; i++) {
		const struct reader_driver *driver = reader_drivers[i];
		size_t n = driver->attached == NULL
				   ? 0
				   : driver->attached(found, ATTACHED_MAX);

		for (size_t k = 0; k < n && k < ATTACHED_MAX; k++) {
			json_open_object(o, NULL);
			json_cstr(o, "driver", driver->name);
			put_device(o, &found[k]);
			put_some(o, "reader", user_of(s, driver, &found[k]));
			json_close(o);
		}
	}
	json_close(o);
}

void
service_describe(const struct service *s, struct json_out *o)
{
	struct gallery_stats stats = gallery_stats(s->gallery);
	const char *hint = NULL;

	json_open_array(o, "readers");
	for (size_t i = 0; i < s->seats_count; i++) {
		put_reader(o, &s->seats[i]);
		if (hint == NULL)
			hint = s->seats[i].hint;
	}
	json_close(o);
	put_some(o, "hint", hint);
	json_open_object(o, "gallery");
	json_int(o, "subjects", (int64_t)stats.subjects);
	json_int(o, "references", (int64_t)stats.references);
	json_int(o, "bytes", (int64_t)stats.bytes);
	json_int(o, "damaged", (int64_t)s->loading.damaged);
	json_bool(o, "searchable", s->searchable);
	json_close(o);
	json_int(o, "unlocked_bytes", (int64_t)secret_unlocked_bytes());
	json_bool(o, "pay_by_touch", service_judge_pays(s));
	service_arm_describe(s, o);
}

static struct json_out *
begin(struct service *s)
{
	json_out_reset(s->out);
	json_open_object(s->out, NULL);
	return s->out;
}

static void
notify(struct service *s, const char *method)
{
	struct rpc_peer *peer = s->client == NULL ? NULL : rpc_client_peer(s->client);

	json_close(s->out);
	if (peer == NULL)
		return;
	if (rpc_notify(peer, method, s->out) < 0)
		log_warn("%s could not be sent", method);
}

static void
on_hello(void *ctx, const struct value *result, const struct rpc_error *error)
{
	(void)ctx;
	(void)result;
	if (error == NULL)
		log_notice("connected to laned");
	else
		log_err("laned does not accept this laned-bio: %s", error->message);
}

void
service_send_hello(struct service *s, struct rpc_peer *peer)
{
	struct json_out *o = begin(s);

	json_cstr(o, "version", LANED_VERSION);
	json_cstr(o, "environment", conf_str(s->conf, "lane", "environment"));
	json_open_object(o, "state");
	service_describe(s, o);
	json_close(o);
	json_close(o);
	if (rpc_request(peer, "bio.hello", o, HELLO_TIMEOUT_MS, on_hello, s) < 0)
		log_warn("bio.hello could not be sent");
}

void
service_send_state(struct service *s)
{
	service_describe(s, begin(s));
	notify(s, "bio.state");
}

void
service_send_touch(struct service *s, struct ulid probe, const struct reader *r,
		   bool at_start, enum pad_result pad)
{
	struct json_out *o = begin(s);

	put_ulid(o, "probe", probe);
	json_cstr(o, "reader", r->options->name);
	if (at_start)
		json_bool(o, "at_start", true);
	json_cstr(o, "pad", pad == PAD_PASS ? "pass" : "unsupported");
	notify(s, "bio.touch");
}

void
service_send_progress(struct service *s, const struct enrol_progress *p)
{
	struct json_out *o = begin(s);

	put_ulid(o, "session", enrol_session(s->enrol));
	json_int(o, "finger", p->finger + 1);
	json_int(o, "impression", p->impression + 1);
	json_cstr(o, "outcome", enrol_outcome_name(p->outcome));
	json_int(o, "quality", p->quality);
	if (p->why != NULL)
		json_cstr(o, "why", p->why);
	put_hints(o, p->hints);
	notify(s, "enrol.progress");
}

void
service_send_hold(struct service *s, const struct finger_features *f)
{
	struct json_out *o = begin(s);
	unsigned finger, impression;

	enrol_wanted(s->enrol, &finger, &impression);
	put_ulid(o, "session", enrol_session(s->enrol));
	json_int(o, "finger", finger + 1);
	json_int(o, "impression", impression + 1);
	json_cstr(o, "outcome", "hold");
	json_int(o, "quality", f->quality);
	put_hints(o, f->hints);
	notify(s, "enrol.progress");
}

/* ---- reading parameters -------------------------------------------------- */

static int
get_ulid(const struct value *params, const char *name, struct ulid *ret_id)
{
	struct str text;
	int rc = value_get_str(params, name, ULID_TEXT_BYTES, &text);

	return rc < 0 ? rc : ulid_parse(text, ret_id);
}

/* The list of subjects; 0 and at most max of them, or -EINVAL. */
static int
get_subjects(const struct value *params, struct ulid *ids, size_t max, size_t *ret_count)
{
	const struct value *list;
	size_t n = 0;

	if (value_get_array(params, "subjects", &list) < 0 || list->count == 0 ||
	    list->count > max)
		return -EINVAL;
	for (const struct value *v = list->first; v != NULL; v = v->next, n++)
		if (v->kind != VALUE_STRING || ulid_parse(v->s, &ids[n]) < 0)
			return -EINVAL;
	*ret_count = n;
	return 0;
}

/* The probe named in params is kept; answers the call itself when it is not. */
static bool
get_probe(struct service *s, struct rpc_call *call, const struct value *params,
	  struct ulid *ret_probe)
{
	if (get_ulid(params, "probe", ret_probe) < 0) {
		rpc_fail(call, RPC_PARAMS, "probe: a ulid is wanted");
		return false;
	}
	if (probes_find(s->probes, *ret_probe, clock_mono_ms()) != NULL)
		return true;
	rpc_fail(call, RPC_NOT_FOUND, "probe: unknown or older than 30 s");
	return false;
}

/* A text of the consent into buf; missing is empty. false: it does not fit or is no text. */
static bool
copy_text(const struct value *v, const char *name, char *buf, size_t bytes)
{
	struct str text = { NULL, 0 };
	int rc = value_get_str(v, name, bytes - 1, &text);

	return (rc == 0 || rc == -ENOENT) && str_copy(buf, bytes, text) == 0;
}

static unsigned
get_purposes(const struct value *consent)
{
	static const char *const names[] = { "identify", "discounts", "payment",
					     "personal", "age" };
	const struct value *list;
	unsigned bits = 0;

	if (value_get_array(consent, "purposes", &list) < 0)
		return 0;
	for (const struct value *v = list->first; v != NULL; v = v->next)
		for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (v->kind == VALUE_STRING && str_is(v->s, names[i]))
				bits |= 1u << i;
	return bits;
}

/* NULL, or what is wrong with the consent. */
static const char *
get_consent(const struct value *params, struct store_consent *c)
{
	const struct value *v;
	struct str text;

	memset(c, 0, sizeof(*c));
	if (value_get_object(params, "consent", &v) < 0)
		return "consent: missing; nothing is enrolled without one";
	if (!copy_text(v, "text_version", c->text_version, sizeof(c->text_version)) ||
	    !copy_text(v, "language", c->language, sizeof(c->language)) ||
	    !copy_text(v, "lane", c->lane, sizeof(c->lane)) ||
	    !copy_text(v, "method", c->method, sizeof(c->method)) ||
	    !copy_text(v, "staff", c->staff, sizeof(c->staff)) ||
	    !copy_text(v, "profile", c->profile, sizeof(c->profile)))
		return "consent: text_version, lane, method and staff are texts of at "
		       "most "
		       "63 bytes, language and profile of at most 15";
	if (c->text_version[0] == '\0' || c->language[0] == '\0')
		return "consent: text_version and language are wanted";
	if (value_get_str(v, "text_sha256", 64, &text) < 0 ||
	    hex_decode(c->text_sha256, sizeof(c->text_sha256), text) < 0)
		return "consent: text_sha256 is not 64 hex digits";
	if (value_get_str(v, "time", 40, &text) < 0 ||
	    rfc3339_parse(text, &c->time_ms, NULL) < 0)
		return "consent: time is not RFC 3339";
	if (value_get_int(v, "retention_days", 1, 36500, &c->retention_days) < 0)
		return "consent: retention_days is not 1..36500";
	c->purposes = get_purposes(v);
	if ((c->purposes & PURPOSE_IDENTIFY) == 0)
		return "consent: the purpose identify is not consented to";
	return NULL;
}

/* ---- methods -------------------------------------------------------------- */

/* What is told of a decision, into an open object. */
static void
put_verdict(struct json_out *o, const struct question *q, const struct verdict *v)
{
	enum decision d = decide_outcome(v->why);

	json_cstr(o, "outcome", decision_name(d));
	if (d == DECISION_ACCEPT)
		put_ulid(o, "subject", v->subject);
	if (d == DECISION_ACCEPT && q->kind == RECORD_IDENTIFY)
		json_bool(o, "pay_by_touch", v->pay_by_touch);
	if (v->why == WHY_REPLAY)
		json_cstr(o, "why", decide_why_name(v->why));
	if (v->wait_s > 0)
		json_int(o, "wait_s", v->wait_s);
	if (d == DECISION_RETRY || q->kind == RECORD_IDENTIFY)
		put_hints(o, v->hints);
}

/* After the answer: it is written down, and the glass learns whose touch that was. */
static void
finish(struct service *s, const struct question *q, const struct verdict *v)
{
	service_judge_keep(s, q, v);
	if (v->why == WHY_ABOVE)
		service_touch_decided(s, q->probe, v->subject);
}

static void
on_identify(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	    const struct value *params)
{
	struct service *s = ctx;
	struct question q = { .kind = RECORD_IDENTIFY };
	struct verdict v;
	struct json_out *o;

	(void)peer;
	if (service_arm_forbids(s, call))
		return;
	if (get_ulid(params, "probe", &q.probe) < 0) {
		rpc_fail(call, RPC_PARAMS, "probe: a ulid is wanted");
		return;
	}
	service_judge(s, &q, &v);
	o = begin(s);
	put_ulid(o, "probe", q.probe);
	put_verdict(o, &q, &v);
	notify(s, "bio.identified");
	if (call != NULL)
		rpc_reply(call, NULL);
	finish(s, &q, &v);
}

/* Answers a question about a probe that is still kept. */
static void
answer(struct service *s, struct rpc_call *call, const struct question *q)
{
	struct json_out *o;
	struct verdict v;

	service_judge(s, q, &v);
	o = begin(s);
	put_verdict(o, q, &v);
	json_close(o);
	rpc_reply(call, o);
	finish(s, q, &v);
}

static void
on_decide(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct service *s = ctx;
	struct ulid subjects[SUBJECTS_DECIDE_MAX];
	struct question q = { .kind = RECORD_DECIDE, .subjects = subjects };

	(void)peer;
	if (service_arm_forbids(s, call))
		return;
	if (!get_probe(s, call, params, &q.probe))
		return;
	if (get_subjects(params, subjects, SUBJECTS_DECIDE_MAX, &q.subjects_count) < 0)
		rpc_fail(call, RPC_PARAMS, "subjects: 1..1000 ulids are wanted");
	else
		answer(s, call, &q);
}

static void
on_verify(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct service *s = ctx;
	struct ulid subjects[SUBJECTS_VERIFY_MAX];
	struct question q = { .kind = RECORD_VERIFY, .subjects = subjects };

	(void)peer;
	if (!get_probe(s, call, params, &q.probe))
		return;
	if (get_subjects(params, subjects, SUBJECTS_VERIFY_MAX, &q.subjects_count) < 0)
		rpc_fail(call, RPC_PARAMS, "subjects: 1..16 ulids are wanted");
	else if (!service_arm_covers(s, subjects, q.subjects_count))
		rpc_fail(call, RPC_REFUSED, "the sensor was lit for somebody else");
	else
		answer(s, call, &q);
}

static void
on_report(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct service *s = ctx;
	struct json_out *o = begin(s);
	int rc;

	(void)peer;
	(void)params;
	rc = service_report(s, o);
	json_close(o);
	if (rc < 0)
		rpc_fail(call, RPC_INTERNAL, "gallery.db: %s", strerror(-rc));
	else
		rpc_reply(call, o);
}

static void
on_drop(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct service *s = ctx;
	struct ulid id;

	(void)peer;
	if (get_ulid(params, "probe", &id) == 0)
		probes_drop(s->probes, id);
	if (call != NULL)
		rpc_reply(call, NULL);
}

static void
on_present(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	   const struct value *params)
{
	struct service *s = ctx;
	struct str file;
	int rc = -ENODEV;

	(void)peer;
	if (value_get_str(params, "file", 128, &file) < 0) {
		rpc_fail(call, RPC_PARAMS, "file: the base name of an image is wanted");
		return;
	}
	if (!service_is_lit(s)) {
		rpc_fail(call, RPC_REFUSED,
			 "present: the sensor is dark; a claim lights it");
		return;
	}
	for (size_t i = 0; i < s->seats_count && rc == -ENODEV; i++)
		if (s->seats[i].reader != NULL && s->seats[i].driver->present != NULL)
			rc = s->seats[i].driver->present(s->seats[i].reader, file);
	if (rc == 0)
		rpc_reply(call, NULL);
	else
		rpc_fail(call, rc == -ENOENT ? RPC_NOT_FOUND : RPC_REFUSED, "present: %s",
			 rc == -ENODEV
				 ? "no reader of driver file is open; see [reader:NAME]"
			 : rc == -ENOENT  ? "no such image in the reader's folder"
			 : rc == -EBADMSG ? "not a readable image; the log says why"
			 : rc == -EINVAL  ? "a base name of A-Z a-z 0-9 . _ - is wanted"
					  : strerror(-rc));
}

static void
on_status(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct service *s = ctx;
	struct json_out *o = begin(s);

	(void)peer;
	(void)params;
	service_describe(s, o);
	put_attached(s, o);
	json_close(o);
	rpc_reply(call, o);
}

static void
on_erase(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	 const struct value *params)
{
	struct service *s = ctx;
	struct ulid subject;
	unsigned references = 0;
	struct json_out *o;
	int rc;

	(void)peer;
	if (get_ulid(params, "subject", &subject) < 0) {
		rpc_fail(call, RPC_PARAMS, "subject: a ulid is wanted");
		return;
	}
	(void)gallery_remove(s->gallery, subject); /* none is fine: the file decides */
	service_arm_erased(s, subject);
	service_touch_erased(s, subject);
	rc = store_erase(s->store, subject, &references);
	if (rc < 0) {
		rpc_fail(call, rc == -ENOENT ? RPC_NOT_FOUND : RPC_INTERNAL, "erase: %s",
			 strerror(-rc));
		return;
	}
	o = begin(s);
	json_int(o, "references", references);
	json_close(o);
	rpc_reply(call, o);
}

static void
on_enrol_begin(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	       const struct value *params)
{
	struct service *s = ctx;
	struct enrol_options o = {
		.fingers = (unsigned)conf_int(s->conf, "bio", "enrol_fingers"),
		.impressions = (unsigned)conf_int(s->conf, "bio", "enrol_impressions"),
		.quality_min = (uint8_t)conf_int(s->conf, "bio", "enrol_quality_min"),
		.policy = &s->policy,
	};
	struct store_consent consent;
	struct ulid session, subject;
	const char *wrong;
	int rc;

	(void)peer;
	if (get_ulid(params, "session", &session) < 0 ||
	    get_ulid(params, "subject", &subject) < 0) {
		rpc_fail(call, RPC_PARAMS, "session, subject: ulids are wanted");
		return;
	}
	wrong = get_consent(params, &consent);
	if (wrong != NULL) {
		rpc_fail(call, RPC_PARAMS, "%s", wrong);
		return;
	}
	if (s->enrol != NULL) {
		rpc_fail(call, RPC_REFUSED, "another enrolment is under way");
		return;
	}
	if (!s->searchable) { /* who is in it already could not be told */
		rpc_fail(call, RPC_REFUSED, "the gallery is not loaded yet");
		return;
	}
	rc = enrol_new(&o, session, subject, &consent, &s->enrol);
	service_arm_follow(s);
	if (rc < 0)
		rpc_fail(call, RPC_INTERNAL, "enrol: %s", strerror(-rc));
	else
		rpc_reply(call, NULL);
}

/* The open session when params name it; answers the call itself otherwise. */
static bool
is_session(struct service *s, struct rpc_call *call, const struct value *params)
{
	struct ulid session;

	if (s->enrol != NULL && get_ulid(params, "session", &session) == 0 &&
	    ulid_eq(session, enrol_session(s->enrol)))
		return true;
	rpc_fail(call, RPC_NOT_FOUND, "session: no such enrolment");
	return false;
}

static const char *
commit_error(int rc)
{
	switch (rc) {
	case -EAGAIN:
		return "not all impressions are taken";
	case -ENODATA:
		return "too few minutiae; enrol another finger";
	case -EXDEV:
		return "the impressions are not of one finger; begin again";
	case -ENOSPC:
		return "the gallery or the disk is full";
	default:
		return strerror(-rc);
	}
}

static void
on_enrol_commit(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		const struct value *params)
{
	struct service *s = ctx;
	unsigned references = 0;
	struct json_out *o;
	int rc;

	(void)peer;
	if (!is_session(s, call, params))
		return;
	rc = enrol_commit(s->enrol, s->store, s->gallery, &references);
	if (rc < 0) {
		rpc_fail(call, RPC_REFUSED, "enrol: %s", commit_error(rc));
		return;
	}
	service_judge_enrolled(s, s->enrol);
	s->enrol = enrol_free(s->enrol);
	service_arm_follow(s);
	o = begin(s);
	json_int(o, "references", references);
	json_close(o);
	rpc_reply(call, o);
	service_send_state(s);
}

static void
on_enrol_cancel(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		const struct value *params)
{
	struct service *s = ctx;

	(void)peer;
	if (!is_session(s, call, params))
		return;
	s->enrol = enrol_free(s->enrol);
	service_arm_follow(s);
	rpc_reply(call, NULL);
}

const struct rpc_method service_methods[] = {
	{ "bio.identify", UINT32_MAX, 0, on_identify },
	{ "bio.decide", UINT32_MAX, 0, on_decide },
	{ "bio.verify", UINT32_MAX, 0, on_verify },
	{ "bio.arm", UINT32_MAX, 0, service_on_arm },
	{ "bio.disarm", UINT32_MAX, 0, service_on_disarm },
	{ "bio.drop", UINT32_MAX, 0, on_drop },
	{ "bio.present", UINT32_MAX, 0, on_present },
	{ "bio.status", UINT32_MAX, 0, on_status },
	{ "bio.report", UINT32_MAX, 0, on_report },
	{ "bio.erase", UINT32_MAX, 0, on_erase },
	{ "enrol.begin", UINT32_MAX, 0, on_enrol_begin },
	{ "enrol.commit", UINT32_MAX, 0, on_enrol_commit },
	{ "enrol.cancel", UINT32_MAX, 0, on_enrol_cancel },
};
const size_t service_methods_count = sizeof(service_methods) / sizeof(service_methods[0]);
