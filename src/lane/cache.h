#ifndef LANED_LANE_CACHE_H
#define LANED_LANE_CACHE_H

#include "base/db.h"

/*
 * cache.db: what a feed or an import can bring back - accounts, members, tenders, offers.
 * Deletable at any time; a damaged file is set aside as cache.db.damaged-<time> and made anew.
 */

/*
 * Opens it in folder. *ret_fresh tells that it is new (or was set aside), so that what was born at
 * this lane must be put back. 0 or as db_open; why gets a text, also when a file was set aside.
 */
int cache_open(const char *folder, struct db **ret_db, bool *ret_fresh, char why[256]);

/*
 * The same for a lane of that environment, live or test: tokens of the other one are never used, their
 * file is set aside as a damaged one is.
 */
int cache_open_in(const char *folder, const char *environment, struct db **ret_db,
		  bool *ret_fresh, char why[256]);

/* A second connection to the same file, for an import's long transaction. 0 or as db_open. */
int cache_open_again(const char *folder, struct db **ret_db, char why[256]);

#endif
