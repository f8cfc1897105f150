/* The methods that laned may call, and those that are answered at once. */
#include "bio/service_judge.h"
#include "bio/service_search.h"
#include "bio/service_transfer.h"

#include <errno.h>
#include <string.h>

int
service_get_ulid(const struct value *params, const char *name, struct ulid *ret_id)
{
	struct str text;
	int rc = value_get_str(params, name, ULID_TEXT_BYTES, &text);

	return rc < 0 ? rc : ulid_parse(text, ret_id);
}

static void
on_report(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct service *s = ctx;
	struct json_out *o = service_message(s);
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
	if (service_get_ulid(params, "probe", &id) == 0)
		probes_drop(s->probes, id);
	service_ask_follow(s);
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
	struct json_out *o = service_message(s);

	(void)peer;
	(void)params;
	service_describe(s, o);
	service_describe_attached(s, o);
	json_close(o);
	rpc_reply(call, o);
}

static void
on_erase(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	 const struct value *params)
{
	struct service *s = ctx;
	struct ulid subject;
	struct change *c;

	(void)peer;
	if (service_get_ulid(params, "subject", &subject) < 0) {
		rpc_fail(call, RPC_PARAMS, "subject: a ulid is wanted");
		return;
	}
	c = service_change_new(s, call);
	if (c == NULL) {
		rpc_fail(call, RPC_INTERNAL, "erase: %s", strerror(ENOMEM));
		return;
	}
	service_arm_erased(s, subject);
	service_touch_erased(s, subject);
	service_transfer_erased(s, subject);
	service_change_erase(c, subject);
}

const struct rpc_method service_methods[] = {
	{ "bio.identify", UINT32_MAX, 0, service_on_identify },
	{ "bio.decide", UINT32_MAX, 0, service_on_decide },
	{ "bio.verify", UINT32_MAX, 0, service_on_verify },
	{ "bio.arm", UINT32_MAX, 0, service_on_arm },
	{ "bio.disarm", UINT32_MAX, 0, service_on_disarm },
	{ "bio.drop", UINT32_MAX, 0, on_drop },
	{ "bio.present", UINT32_MAX, 0, on_present },
	{ "bio.status", UINT32_MAX, 0, on_status },
	{ "bio.report", UINT32_MAX, 0, on_report },
	{ "bio.erase", UINT32_MAX, 0, on_erase },
	{ "bio.record", UINT32_MAX, 0, service_on_record },
	{ "bio.import", UINT32_MAX, 0, service_on_import },
	{ "bio.export", UINT32_MAX, 0, service_on_export },
	{ "enrol.begin", UINT32_MAX, 0, service_on_enrol_begin },
	{ "enrol.commit", UINT32_MAX, 0, service_on_enrol_commit },
	{ "enrol.cancel", UINT32_MAX, 0, service_on_enrol_cancel },
};
const size_t service_methods_count = sizeof(service_methods) / sizeof(service_methods[0]);
