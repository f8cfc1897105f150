#ifndef LANED_LANE_IDENTITY_H
#define LANED_LANE_IDENTITY_H

#include "base/plain/ids.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Who this lane is: a name for good and a key, made at the first start in <state>/identity and
 * bound to the machine-id. On another machine (a cloned disk) it does not match: no payments, no
 * undo, and doctor says why.
 */
struct identity {
	struct ulid lane;
	uint8_t machine[32]; /* keyed hash of machine-id, as kept */
	bool matches;        /* this machine is the one it was made on */
	char why[128];       /* when it does not */
};

/*
 * Reads or makes it in folder. machine_id: path of the machine-id file. 0 (look at matches);
 * -EBADMSG the file is damaged; other errno.
 */
int identity_load(const char *folder, const char *machine_id,
		  struct identity *ret_identity);

#endif
