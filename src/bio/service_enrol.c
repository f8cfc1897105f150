/* Enrolment: its messages, and the search for somebody who has the finger already. */
#include "bio/service_judge.h"
#include "bio/service_search.h"
#include "bio/service_transfer.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>

/* ---- the consent ----------------------------------------------------------- */

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

const char *
service_get_consent(const struct value *params, struct store_consent *c)
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

/* ---- the duplicate search --------------------------------------------------- */

/* Answers the impression that was looked for, and the one that came meanwhile. */
static void
conclude(struct service *s, const struct service_search *q)
{
	struct enrol_progress p;
	bool duplicate = q->references > 0 &&
			 enrol_is_duplicate(s->enrol, q->references, q->found, q->count);

	enrol_searched(s->enrol, duplicate, &p);
	service_send_progress(s, &p);
	if (enrol_next(s->enrol, &p))
		service_send_progress(s, &p);
}

static void
on_searched(struct errand *e)
{
	struct service_search *q = (struct service_search *)(void *)e;
	struct service *s = q->service;

	service_search_settle(q);
	service_load_check(s);
	if (s->enrol != NULL && enrol_sought(s->enrol) != NULL &&
	    ulid_eq(s->sought_session, enrol_session(s->enrol)) && q->error != -EAGAIN &&
	    !atomic_load(&e->cancel))
		conclude(s, q);
	service_enrol_seek(s);
}

void
service_enrol_seek(struct service *s)
{
	const struct finger_features *f;

	if (s->enrol == NULL || s->closing || service_search_runs(s->enrol_search))
		return; /* or when that one has ended */
	f = enrol_sought(s->enrol);
	if (f == NULL)
		return;
	s->sought_session = enrol_session(s->enrol);
	s->enrol_search->probe = *f;
	service_search_post(s->enrol_search);
}

int
service_enrol_open(struct service *s)
{
	s->enrol_search = service_search_new(s, on_searched);
	return s->enrol_search == NULL ? -ENOMEM : 0;
}

void
service_enrol_end(struct service *s)
{
	service_search_cancel(s->enrol_search);
	s->enrol = enrol_free(s->enrol);
}

void
service_enrol_close(struct service *s)
{
	s->enrol = enrol_free(s->enrol);
	s->enrol_search = service_search_free(s->enrol_search);
}

/* ---- methods ---------------------------------------------------------------- */

/* What is enrolled is sealed under, where the profile wants that. NULL, or what is wrong. */
static const char *
get_claims(const struct service *s, const struct value *params, struct store_claims *c)
{
	const struct value *list;

	memset(c, 0, sizeof(*c));
	if (!s->arming.by_claim)
		return NULL;
	if (value_get_array(params, "claims", &list) < 0 || list->count == 0 ||
	    list->count > STORE_CLAIMS_MAX)
		return "claims: 1..4 are wanted, for the profile seals templates under "
		       "them";
	for (const struct value *v = list->first; v != NULL; v = v->next)
		if (service_get_claim(v, c->claim[c->count++]) < 0)
			return "claims: 64 hex digits each are wanted";
	return NULL;
}

/* The fingers to be enrolled, where they are named; then there are as many. NULL, or what is wrong. */
static const char *
get_fingers(const struct value *params, struct enrol_options *o)
{
	const struct value *list;
	size_t n = 0;
	int rc = value_get_array(params, "fingers", &list);

	if (rc == -ENOENT)
		return NULL;
	if (rc < 0 || list->count == 0 || list->count > ENROL_FINGERS_MAX)
		return "fingers: a list of 1..4 is wanted";
	for (const struct value *v = list->first; v != NULL; v = v->next)
		o->positions[n++] =
			v->kind == VALUE_STRING ? enrol_position_parse(v->s) : 0;
	o->fingers = (unsigned)n;
	return enrol_positions_wrong(o->positions, n);
}

/* What will be asked for, in that order. */
static void
reply_begun(struct service *s, struct rpc_call *call, const struct enrol_options *o)
{
	struct json_out *out = service_message(s);

	json_open_array(out, "fingers");
	for (unsigned i = 0; i < o->fingers; i++)
		json_cstr(out, NULL, enrol_position_name(enrol_position(s->enrol, i)));
	json_close(out);
	json_int(out, "impressions", o->impressions);
	json_close(out);
	rpc_reply(call, out);
}

void
service_on_enrol_begin(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
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
	struct store_claims claims;
	struct ulid session, subject;
	const char *wrong;
	int rc;

	(void)peer;
	if (service_get_ulid(params, "session", &session) < 0 ||
	    service_get_ulid(params, "subject", &subject) < 0) {
		rpc_fail(call, RPC_PARAMS, "session, subject: ulids are wanted");
		return;
	}
	wrong = service_get_consent(params, &consent);
	if (wrong == NULL)
		wrong = get_claims(s, params, &claims);
	if (wrong == NULL)
		wrong = get_fingers(params, &o);
	if (wrong != NULL) {
		rpc_fail(call, RPC_PARAMS, "%s", wrong);
		return;
	}
	if (s->enrol != NULL || service_transfer_runs(s)) {
		rpc_fail(call, RPC_REFUSED,
			 s->enrol != NULL ? "another enrolment is under way"
					  : "an import is under way");
		return;
	}
	if (service_load_runs(s)) { /* who is in it already could not be told */
		rpc_fail(call, RPC_REFUSED, "the gallery is not loaded yet");
		return;
	}
	rc = enrol_new(&o, session, subject, &consent, &s->enrol);
	if (rc == 0)
		enrol_claims(s->enrol, &claims);
	secret_zero(&claims, sizeof(claims));
	service_arm_follow(s);
	if (rc < 0)
		rpc_fail(call, RPC_INTERNAL, "enrol: %s", strerror(-rc));
	else
		reply_begun(s, call, &o);
}

/* The open session when params name it; answers the call itself otherwise. */
static bool
is_session(struct service *s, struct rpc_call *call, const struct value *params)
{
	struct ulid session;

	if (s->enrol != NULL && service_get_ulid(params, "session", &session) == 0 &&
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
	case -EKEYREJECTED:
		return "none of the claims opens what is stored; erase it first";
	case -ENOTSUP:
		return "what is stored wants a claim (profile eu); erase it first";
	default:
		return strerror(-rc);
	}
}

void
service_on_enrol_commit(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
			const struct value *params)
{
	struct service *s = ctx;
	struct change *c;
	int rc;

	(void)peer;
	if (!is_session(s, call, params))
		return;
	c = service_change_new(s, call);
	rc = c == NULL ? -ENOMEM : enrol_commit(s->enrol, s->store);
	if (rc < 0) {
		if (c != NULL)
			service_change_drop(c);
		rpc_fail(call, RPC_REFUSED, "enrol: %s", commit_error(rc));
		return;
	}
	service_judge_enrolled(s, s->enrol);
	store_lock(s->store); /* a claim opened it */
	service_change_enrolled(c, s->enrol);
	s->enrol = NULL;
	service_arm_follow(s);
}

void
service_on_enrol_cancel(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
			const struct value *params)
{
	struct service *s = ctx;

	(void)peer;
	if (!is_session(s, call, params))
		return;
	service_enrol_end(s);
	service_arm_follow(s);
	rpc_reply(call, NULL);
}
