/*
 * When the sensor is lit. Where the claim comes first ([privacy] sensor, or the profile) it is dark
 * until laned arms it for somebody with a release on file, or begins an enrolment, and only those
 * subjects are ever compared. Whatever goes wrong ends in the dark: the time is up, laned is away,
 * the enrolment is over.
 */
#include "bio/service_private.h"

#include "base/clock.h"
#include "base/keys.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

#define TIMEOUT_MS_MAX 600000
/* An enrolment is a minute's work; one that is left alone is ended. */
#define ENROL_LIT_MS (INT64_C(5) * 60 * 1000)

bool
service_is_lit(const struct service *s)
{
	return !s->arming.claim_first || s->arming.lit;
}

/* Compared with nobody any more: what was taken for a claim goes with it. */
static void
forget_claim(struct service *s)
{
	struct arming *a = &s->arming;

	memset(a->subjects, 0, sizeof(a->subjects));
	a->subjects_count = 0;
	a->until_ms = a->keys_until_ms = 0;
	store_lock(s->store);
	(void)probes_expire(s->probes, INT64_MAX); /* none is left to wait for */
	service_ask_follow(s);
}

static void
tell_readers(struct service *s, bool lit)
{
	s->arming.lit = lit;
	log_info("the sensor is %s", lit ? "lit" : "dark");
	for (size_t i = 0; i < s->seats_count; i++) {
		struct seat *seat = &s->seats[i];

		seat->options.dark = !lit;
		if (seat->reader == NULL)
			continue;
		if (!lit)
			service_touch_dark(seat);
		if (seat->driver->arm != NULL)
			seat->driver->arm(seat->reader, lit);
		if (lit)
			service_touch_lit(seat);
	}
	service_send_state(s);
}

static void
set_timer(struct service *s, int64_t now_ms)
{
	const struct arming *a = &s->arming;
	int64_t at = a->until_ms;

	if (a->enrol_until_ms != 0 && (at == 0 || a->enrol_until_ms < at))
		at = a->enrol_until_ms;
	if (a->keys_until_ms != 0 && (at == 0 || a->keys_until_ms < at))
		at = a->keys_until_ms;
	if (at == 0) {
		loop_timer_cancel(a->timer);
	} else if (loop_timer_set(a->timer, at > now_ms ? at - now_ms : 0) < 0) {
		log_err("the sensor's time cannot be kept; it goes dark");
		s->arming.until_ms = s->arming.enrol_until_ms = 0;
		store_lock(s->store);
	}
}

void
service_arm_follow(struct service *s)
{
	struct arming *a = &s->arming;
	int64_t now = clock_mono_ms();
	bool lit;

	if (!a->claim_first)
		return;
	if (s->enrol == NULL)
		a->enrol_until_ms = 0;
	else if (a->enrol_until_ms == 0)
		a->enrol_until_ms = now + ENROL_LIT_MS;
	set_timer(s, now);
	lit = a->until_ms != 0 || a->enrol_until_ms != 0;
	if (lit != a->lit)
		tell_readers(s, lit);
}

/* A touch taken in time may still be compared, as long as its probe is kept. */
static void
on_time(void *ctx)
{
	struct service *s = ctx;
	struct arming *a = &s->arming;
	int64_t now = clock_mono_ms();

	if (a->keys_until_ms != 0 && a->keys_until_ms <= now)
		forget_claim(s);
	if (a->until_ms != 0 && a->until_ms <= now) {
		a->until_ms = 0;
		if (a->by_claim) /* so long a touch may wait for its verification */
			a->keys_until_ms = now + PROBE_KEEP_MS;
	}
	if (a->enrol_until_ms != 0 && a->enrol_until_ms <= now) {
		log_notice("an enrolment was left alone; ended");
		service_enrol_end(s);
	}
	service_arm_follow(s);
}

int
service_arm_open(struct service *s)
{
	s->arming.claim_first = keys_claim_first(s->conf);
	s->arming.by_claim = strcmp(conf_str(s->conf, "privacy", "profile"), "eu") == 0;
	if (s->arming.claim_first)
		log_notice("the sensor is dark until somebody claims");
	return loop_timer_new(s->loop, on_time, s, &s->arming.timer);
}

void
service_arm_close(struct service *s)
{
	s->arming.timer = loop_timer_free(s->arming.timer);
}

void
service_arm_off(struct service *s)
{
	if (!s->arming.claim_first)
		return;
	forget_claim(s);
	service_arm_follow(s);
}

void
service_arm_erased(struct service *s, struct ulid subject)
{
	if (service_arm_covers(s, &subject, 1))
		service_arm_off(s);
}

bool
service_arm_forbids(const struct service *s, struct rpc_call *call)
{
	if (!s->arming.claim_first)
		return false;
	rpc_fail(call, RPC_REFUSED,
		 "the privacy profile allows one-to-one comparison only (bio.verify)");
	return true;
}

bool
service_arm_covers(const struct service *s, const struct ulid *subjects, size_t count)
{
	const struct arming *a = &s->arming;

	for (size_t i = 0; a->claim_first && i < count; i++) {
		size_t k = 0;

		while (k < a->subjects_count && !ulid_eq(a->subjects[k], subjects[i]))
			k++;
		if (k == a->subjects_count)
			return false;
	}
	return true;
}

void
service_arm_describe(const struct service *s, struct json_out *o)
{
	if (!s->arming.claim_first)
		return;
	json_bool(o, "claim_first", true);
	json_bool(o, "lit", s->arming.lit);
}

/* ---- methods -------------------------------------------------------------- */

/* NULL, or what is wrong with the parameters. */
static const char *
read_claim(const struct value *params, struct ulid *subjects, size_t *ret_count,
	   int64_t *ret_timeout_ms)
{
	const struct value *list;
	size_t n = 0;

	if (value_get_array(params, "subjects", &list) < 0 || list->count == 0 ||
	    list->count > ARM_SUBJECTS_MAX)
		return "subjects: 1..16 ulids are wanted";
	for (const struct value *v = list->first; v != NULL; v = v->next, n++)
		if (v->kind != VALUE_STRING || ulid_parse(v->s, &subjects[n]) < 0)
			return "subjects: 1..16 ulids are wanted";
	if (value_get_int(params, "timeout_ms", 1, TIMEOUT_MS_MAX, ret_timeout_ms) < 0)
		return "timeout_ms: 1..600000 is wanted";
	*ret_count = n;
	return NULL;
}

int
service_get_claim(const struct value *v, uint8_t ret_claim[STORE_CLAIM_BYTES])
{
	return v != NULL && v->kind == VALUE_STRING &&
			       hex_decode(ret_claim, STORE_CLAIM_BYTES, v->s) == 0
		       ? 0
		       : -EINVAL;
}

/* Opens what is stored of those who claimed, for as long as the claim stands. */
static int
open_claim(struct service *s, const struct ulid *subjects, size_t count,
	   const struct value *params)
{
	uint8_t claim[STORE_CLAIM_BYTES];
	int rc = service_get_claim(value_member(params, "claim"), claim);

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = store_unlock(s->store, subjects[i], claim);
	secret_zero(claim, sizeof(claim));
	if (rc < 0)
		store_lock(s->store);
	return rc;
}

static const char *
arm_error(int rc)
{
	switch (rc) {
	case -ENOKEY:
		return "no release on file";
	case -EKEYREJECTED:
		return "the claim does not open what is stored of this person";
	case -EINVAL:
		return "claim: 64 hex digits are wanted";
	default:
		return strerror(-rc);
	}
}

/* 0; -ENOKEY one of them has no release on file; the store's errors. */
static int
check_releases(struct service *s, const struct ulid *subjects, size_t count)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = store_has_consent(s->store, subjects[i], clock_wall_ms());
	return rc == -ENOENT ? -ENOKEY : rc;
}

void
service_on_arm(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	       const struct value *params)
{
	struct service *s = ctx;
	struct arming *a = &s->arming;
	struct ulid subjects[ARM_SUBJECTS_MAX] = { { { 0 } } };
	int64_t timeout_ms = 0, most = conf_int(s->conf, "privacy", "sensor_max");
	size_t count = 0;
	const char *wrong = read_claim(params, subjects, &count, &timeout_ms);
	int rc;

	(void)peer;
	if (wrong != NULL) {
		rpc_fail(call, RPC_PARAMS, "%s", wrong);
		return;
	}
	if (!a->claim_first || s->enrol != NULL) {
		rpc_fail(call, RPC_REFUSED, "arm: %s",
			 a->claim_first ? "an enrolment is under way"
					: "the sensor is always lit here");
		return;
	}
	forget_claim(s);
	rc = check_releases(s, subjects, count);
	if (rc == 0 && a->by_claim)
		rc = open_claim(s, subjects, count, params);
	if (rc == 0) {
		memcpy(a->subjects, subjects, sizeof(a->subjects));
		a->subjects_count = count;
		a->until_ms = clock_mono_ms() + (timeout_ms < most ? timeout_ms : most);
	}
	service_arm_follow(s);
	if (rc < 0)
		rpc_fail(call,
			 rc == -ENOKEY || rc == -EKEYREJECTED ? RPC_REFUSED
			 : rc == -EINVAL                      ? RPC_PARAMS
							      : RPC_INTERNAL,
			 "arm: %s", arm_error(rc));
	else
		rpc_reply(call, NULL);
}

void
service_on_disarm(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		  const struct value *params)
{
	struct service *s = ctx;

	(void)peer;
	(void)params;
	service_arm_off(s);
	if (call != NULL)
		rpc_reply(call, NULL);
}
