#ifndef LANED_LANE_OFFERS_H
#define LANED_LANE_OFFERS_H

#include "base/db.h"
#include "base/json.h"
#include "base/plain/arena.h"
#include "core/pricing/pricing.h"

/*
 * The lane's rule set: its text in cache.db, compiled once. A new one is swapped in whole or not
 * at all; an open checkout is re-priced by the new one (LANE_EV_RULES).
 */
#define OFFERS_BYTES_MAX (32u << 20)

/*
 * Compiles {"laned_rules":1,...}. 0; -EBADMSG with errors filled; -EFBIG; -ENOMEM.
 */
int offers_compile(struct str text, struct pricing_errors *errors,
		   struct pricing_rules **ret_rules);

/*
 * Reads and compiles a rule file of any format (currency: of those that name none) and writes the
 * set as JSON into whole (not NULL), as offers_put wants it. Errors as above, all of them listed;
 * -EPERM: they are the places of payment card numbers, in anything but the digits of a sku.
 */
enum offers_format { OFFERS_JSON, OFFERS_JSONL, OFFERS_CSV };
int offers_read(struct str text, enum offers_format format, const char *currency,
		struct pricing_errors *errors, struct json_out *whole,
		struct pricing_rules **ret_rules);

/* Loads what cache.db holds. 0; -ENOENT there is none; -EBADMSG it does not compile any more. */
int offers_load(struct db *cache, struct pricing_rules **ret_rules);

/*
 * Writes stored rules, from the from-th (0 is the first) on, as elements of the open array: at most
 * max and no more than fit into a message; lists of a scope are cut and then counted (sku_count).
 * *ret_next: the first one not written, 0 when that was all. -ENOENT there are none.
 */
int offers_list(struct db *cache, uint32_t from, uint32_t max, struct json_out *o,
		uint32_t *ret_next);

/* Stores the text of a set that compiles, in the caller's transaction or alone. */
int offers_put(struct db *cache, struct str text, const char *name);

#endif
