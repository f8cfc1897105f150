#ifndef LANED_ADAPTER_WIRE_H
#define LANED_ADAPTER_WIRE_H

#include "adapter/host_requests.h"
#include "base/json.h"
#include "laned/adapter.h"

/* docs/protocol.md, adapter-NAME.sock: between its JSON and the structs of the ABI. Pure. */
#define WIRE_DISCOUNTS_MAX 2000u
#define WIRE_RECEIPTS_MAX 64u

/*
 * Reads the params of adapter.submit; strings and lists lie in arena or in params. 0; -EPROTO and
 * *ret_what names the member that is missing or wrong; -ENOMEM. req is left 0.
 */
int wire_read_submit(struct arena *arena, const struct value *params,
		     struct host_wire_req *ret_req, struct laned_request *ret_request,
		     const char **ret_what);

/* Reads an entry of adapter.hello or adapter.journal_find. 0; -EPROTO; -ENOMEM. req is left 0. */
int wire_read_entry(struct arena *arena, const struct value *entry,
		    struct host_wire_req *ret_req, struct laned_entry *ret_entry);

/* 0 or -EPROTO: member "key" as a key. */
int wire_read_key(const struct value *v, struct laned_key *ret_key);

void wire_write_req(struct json_out *o, const struct host_wire_req *req);
void wire_write_key(struct json_out *o, const struct laned_key *key);
void wire_write_blob(struct json_out *o, struct laned_str blob);
/* The members of a basket into the open object. */
void wire_write_basket(struct json_out *o, const struct laned_basket *b);
/* The members of a completion but req into the open object. */
void wire_write_result(struct json_out *o, const struct laned_result *r);
void wire_write_event(struct json_out *o, const struct laned_event *ev);
void wire_write_claim(struct json_out *o, struct laned_str ticket, uint32_t kind,
		      struct laned_str value);

/* The words of the protocol; NULL for a number that has none. */
const char *wire_outcome_name(uint32_t outcome);
const char *wire_journal_state_name(uint32_t state);
const char *wire_event_name(uint32_t type);
const char *wire_claim_name(uint32_t kind);
const char *wire_health_name(uint32_t state);

#endif
