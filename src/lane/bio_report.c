/* What laned-bio's own record says of its decisions, for the control socket. */
#include "lane/lane_private.h"

#include <stdlib.h>

#define ASK_TIMEOUT_MS 5000

struct report_ask {
	struct lane *lane;
	struct rpc_call *call;
};

static void
on_report(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct report_ask *ask = ctx;
	struct json_out *o;

	if (error != NULL) {
		rpc_fail(ask->call, RPC_REFUSED, "laned-bio: %s", error->message);
	} else {
		json_out_reset(ask->lane->out);
		o = ask->lane->out;
		json_value(o, NULL, result);
		rpc_reply(ask->call, o);
	}
	free(ask);
}

void
bio_report_method(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		  const struct value *params)
{
	struct lane *l = ctx;
	struct report_ask *ask;

	(void)peer;
	(void)params;
	if (call == NULL)
		return; /* nobody would be told */
	if (l->bio.peer == NULL) {
		rpc_fail(call, RPC_REFUSED,
			 "laned-bio is not running; see systemctl status laned-bio");
		return;
	}
	ask = calloc(1, sizeof(*ask));
	if (ask != NULL) {
		*ask = (struct report_ask){ l, call };
		if (rpc_request(l->bio.peer, "bio.report", NULL, ASK_TIMEOUT_MS,
				on_report, ask) == 0)
			return;
		free(ask);
	}
	rpc_fail(call, RPC_REFUSED, "laned-bio does not take more requests now");
}
