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

/* Loads what cache.db holds. 0; -ENOENT there is none; -EBADMSG it does not compile any more. */
int offers_load(struct db *cache, struct pricing_rules **ret_rules);

/*
 * Writes id, kind, text and validity of the stored offers as elements of the open array, at most
 * max. -ENOENT there are none.
 */
int offers_list(struct db *cache, uint32_t max, struct json_out *o);

/* Stores the text of a set that compiles, in the caller's transaction or alone. */
int offers_put(struct db *cache, struct str text, const char *name);

#endif
