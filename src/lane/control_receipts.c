/* control.sock: the keys that receipts are believed by. */
#include "lane/lane_private.h"

#include "base/log.h"

static const char *const origins[] = {
	[RECEIPTS_OWN] = "own",
	[RECEIPTS_FORMER] = "former",
	[RECEIPTS_LISTED] = "listed",
};

static int
put_receipt_key(void *ctx, const struct receipts_key *k)
{
	char hex[2 * CRYPTO_PUBLIC_BYTES + 1], id[2 * RECEIPT_KEY_ID_BYTES + 1];
	struct json_out *o = ctx;

	(void)hex_encode(hex, sizeof(hex), k->public_key, sizeof(k->public_key));
	(void)hex_encode(id, sizeof(id), k->id, sizeof(k->id)); /* both fit */
	json_open_object(o, NULL);
	json_cstr(o, "origin", origins[k->origin]);
	json_cstr(o, "environment", k->live ? "live" : "test");
	json_cstr(o, "key", hex);
	json_cstr(o, "id", id);
	json_cstr(o, "name", k->name);
	json_close(o);
	return 0;
}

static void
reply_keys(struct lane *l, struct rpc_call *call)
{
	char why[RECEIPTS_WHY_BYTES];
	struct json_out *o;

	if (l->receipts == NULL) {
		rpc_fail(call, RPC_REFUSED, "%s", l->receipts_note);
		return;
	}
	o = lane_message(l);
	json_open_array(o, "keys");
	/* A list with an error is told up to it, and what is wrong. */
	(void)receipts_keys(l->receipts, put_receipt_key, o, why);
	json_close(o);
	if (why[0] != '\0')
		json_cstr(o, "fault", why);
	json_close(o);
	rpc_reply(call, o);
}

static void
on_keys(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	(void)peer;
	(void)params;
	reply_keys(ctx, call);
}

static void
on_rotate(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct lane *l = ctx;
	char why[RECEIPTS_WHY_BYTES];
	bool distrust = false;

	(void)peer;
	(void)value_get_bool(params, "distrust", &distrust); /* missing is false */
	if (l->receipts != NULL && receipts_rotate(l->receipts, distrust, why) < 0) {
		rpc_fail(call, RPC_REFUSED, "%s", why);
		return;
	}
	if (l->receipts != NULL) {
		control_audit(l, distrust ? "receipt-key-distrusted"
					  : "receipt-key-rotated");
		log_event(LOG_NOTICE, "receipt-key", NULL,
			  "a new key signs the receipts; the other lanes want its public "
			  "part");
	}
	reply_keys(l, call);
}

const struct rpc_method control_receipt_methods[] = {
	{ "receipt.keys", ROLES_VIEW, 0, on_keys },
	{ "receipt.rotate", ROLES_ADMIN, 0, on_rotate },
};
const size_t control_receipt_methods_count =
	sizeof(control_receipt_methods) / sizeof(control_receipt_methods[0]);
