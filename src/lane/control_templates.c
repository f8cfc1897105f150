/*
 * control.sock: finger minutiae records of other systems, into laned-bio and out of it. laned never
 * has one in hand: the messages name files of a folder that laned-bio and root alone may read.
 */
#include "lane/lane_private.h"

#include "base/clock.h"
#include "base/crypto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BIO_TIMEOUT_MS 30000 /* a large gallery is searched for each finger */
#define FILE_NAME_MAX 64u
#define FINGER_MAX 10
#define FORMAT_NAME_MAX 8u

/* What a request waits for. */
struct template_ask {
	struct lane *lane;
	struct rpc_call *call;
	const char *audit; /* what to record when it is done; NULL: nothing */
};

static void
on_answer(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct template_ask *ask = ctx;
	struct json_out *o;

	if (error != NULL) {
		rpc_fail(ask->call, error->code == RPC_GONE ? RPC_REFUSED : error->code,
			 "%s",
			 error->code == RPC_GONE ? "laned-bio went away"
						 : error->message);
	} else {
		json_out_reset(ask->lane->out);
		o = ask->lane->out;
		json_value(o, NULL, result);
		rpc_reply(ask->call, o);
		if (ask->audit != NULL && value_member(result, "fault") == NULL)
			control_audit(ask->lane, ask->audit);
	}
	free(ask);
}

/* Sends the open message on; answers the call when it cannot. */
static void
pass(struct lane *l, struct rpc_call *call, const char *method, struct json_out *o,
     const char *audit)
{
	struct template_ask *ask = calloc(1, sizeof(*ask));

	json_close(o);
	if (ask != NULL) {
		*ask = (struct template_ask){ l, call, audit };
		if (rpc_request(l->bio.peer, method, o, BIO_TIMEOUT_MS, on_answer, ask) ==
		    0)
			return;
		free(ask);
	}
	rpc_fail(call, RPC_REFUSED, "laned-bio does not take more requests now");
}

static bool
is_ready(struct lane *l, struct rpc_call *call)
{
	if (call == NULL)
		return false; /* nobody would be told */
	if (l->bio.peer != NULL)
		return true;
	rpc_fail(call, RPC_REFUSED,
		 "laned-bio is not running; see systemctl status laned-bio");
	return false;
}

/* file, and finger where one is named; answers the call itself when they are wrong. */
static bool
get_file(struct rpc_call *call, const struct value *params, struct str *ret_file,
	 int64_t *ret_finger)
{
	*ret_finger = 0;
	if (value_get_str(params, "file", FILE_NAME_MAX, ret_file) < 0) {
		rpc_fail(call, RPC_PARAMS,
			 "file: a name in the transfer folder is wanted");
		return false;
	}
	if (value_member(params, "finger") != NULL &&
	    value_get_int(params, "finger", 1, FINGER_MAX, ret_finger) < 0) {
		rpc_fail(call, RPC_PARAMS, "finger: a position 1..10 is wanted");
		return false;
	}
	return true;
}

static void
put_file(struct json_out *o, struct str file, int64_t finger)
{
	json_str(o, "file", file);
	if (finger != 0)
		json_int(o, "finger", finger);
}

static void
on_record(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct lane *l = ctx;
	struct json_out *o;
	struct str file;
	int64_t finger;

	(void)peer;
	if (!is_ready(l, call) || !get_file(call, params, &file, &finger))
		return;
	o = lane_message(l);
	put_file(o, file, finger);
	pass(l, call, "bio.record", o, NULL);
}

/* The member's subject, and the consent in the journal. Answers the call itself when it fails. */
static bool
prepare(struct lane *l, struct rpc_call *call, const struct value *params,
	const struct value *consent, struct ulid *ret_subject)
{
	struct member_record r;
	struct ulid id;
	int rc;

	if (control_named_member(l, call, params, &r) < 0)
		return false;
	rc = control_subject(l, &r);
	if (rc == 0)
		rc = crypto_ulid(clock_wall_ms(), &id);
	if (rc == 0)
		rc = control_consent(l, id, r.member, consent);
	if (rc < 0) {
		rpc_fail(call, rc == -EINVAL ? RPC_PARAMS : RPC_REFUSED, "import: %s",
			 rc == -EINVAL ? "consent: text_version and language are wanted"
				       : strerror(-rc));
		return false;
	}
	*ret_subject = r.subjects[0];
	return true;
}

static void
on_import(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct lane *l = ctx;
	const struct value *consent;
	struct ulid subject;
	struct json_out *o;
	struct str file;
	int64_t finger;

	(void)peer;
	if (!is_ready(l, call) || !get_file(call, params, &file, &finger))
		return;
	if (value_get_object(params, "consent", &consent) < 0) {
		rpc_fail(call, RPC_PARAMS,
			 "consent: missing; nothing is imported without one");
		return;
	}
	if (l->journal == NULL || l->control.import != NULL || l->control.enrol.open) {
		rpc_fail(call, RPC_REFUSED, "%s",
			 l->journal == NULL      ? "journal.db is not writable"
			 : l->control.enrol.open ? "an enrolment is under way"
						 : "an import is under way");
		return;
	}
	if (!prepare(l, call, params, consent, &subject))
		return;
	o = lane_message(l);
	put_ulid(o, "subject", subject);
	json_value(o, "consent", consent);
	put_file(o, file, finger);
	pass(l, call, "bio.import", o, "templates-imported");
}

static void
on_export(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct lane *l = ctx;
	struct member_record r;
	struct json_out *o;
	struct str format = { "", 0 };
	char id[ULID_TEXT_BYTES];

	(void)peer;
	if (!is_ready(l, call) || control_named_member(l, call, params, &r) < 0)
		return;
	if (r.subjects_count == 0) {
		rpc_fail(call, RPC_NOT_FOUND, "this member has no fingers here");
		return;
	}
	if (value_member(params, "format") != NULL &&
	    value_get_str(params, "format", FORMAT_NAME_MAX, &format) < 0) {
		rpc_fail(call, RPC_PARAMS, "format: iso or ansi is wanted");
		return;
	}
	o = lane_message(l);
	json_open_array(o, "subjects");
	for (size_t i = 0; i < r.subjects_count; i++) {
		ulid_text(id, r.subjects[i]);
		json_cstr(o, NULL, id);
	}
	json_close(o);
	if (format.n > 0)
		json_str(o, "format", format);
	pass(l, call, "bio.export", o, "templates-exported");
}

const struct rpc_method control_template_methods[] = {
	{ "bio.record", ROLES_ADMIN, 0, on_record },
	{ "bio.import", ROLES_ADMIN, 0, on_import },
	{ "bio.export", ROLES_ADMIN, 0, on_export },
};
const size_t control_template_methods_count =
	sizeof(control_template_methods) / sizeof(control_template_methods[0]);
