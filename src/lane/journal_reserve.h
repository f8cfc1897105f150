#ifndef LANED_LANE_JOURNAL_RESERVE_H
#define LANED_LANE_JOURNAL_RESERVE_H

#include <stdbool.h>

/*
 * Space that is kept beside journal.db for what must still be written when the disk is full: answers
 * and undos of payments that were sent before. It is a file of that size; given up, the file system
 * has room for so much. Until it is kept again, no new payment begins.
 */
#define JOURNAL_RESERVE_BYTES (1024 * 1024)

struct journal_reserve {
	char path[512]; /* empty: nothing is kept, and nothing refused for want of it */
	bool kept;
};

/* Makes the file where it is not there. 0; -ENOSPC and other errno: there is no reserve. */
int journal_reserve_keep(struct journal_reserve *r);
/* Gives it up. 0: there is room now; -ENOENT there was none any more; other errno. */
int journal_reserve_spend(struct journal_reserve *r);

#endif
