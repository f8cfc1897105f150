#ifndef LANED_LANE_IMPORT_H
#define LANED_LANE_IMPORT_H

#include "base/plain/str.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Imports of members and offers, in chunks, all or nothing: a second connection to cache.db holds
 * one transaction until commit; any bad entry makes the commit change nothing. One at a time.
 */
enum import_kind { IMPORT_MEMBERS, IMPORT_OFFERS };
enum import_format { IMPORT_JSONL, IMPORT_CSV, IMPORT_JSON };

#define IMPORT_ERRORS_MAX 100u
#define IMPORT_LINE_BYTES_MAX 65536u

struct import_error {
	uint32_t line, column;
	char what[256];
};

struct import_result {
	uint64_t added, changed, unchanged;
	uint64_t errors_total;
	uint64_t pans_refused; /* of them */
	uint32_t errors_count;
	struct import_error errors[IMPORT_ERRORS_MAX];
};

struct import_options {
	enum import_kind kind;
	enum import_format format; /* members: JSONL, CSV; offers: all */
	const char *folder;        /* of cache.db */
	const char *currency;      /* of the lane */
	const char *name;          /* of the file, for the record */
};

struct import;

/* 0; -EINVAL kind and format do not go together; db.h's errors. */
int import_begin(const struct import_options *o, struct import **ret_import);
/* Takes the next bytes of the file. 0; -EFBIG; -ENOMEM; db.h's errors: the import is broken. */
int import_chunk(struct import *i, struct str text);
/*
 * Ends it: result holds counts and errors. check_only rolls back whatever happens. 0; -EBADMSG
 * there are errors and nothing was changed; db.h's errors. The import can only be freed then.
 */
int import_commit(struct import *i, bool check_only,
		  const struct import_result **ret_result);
/* Rolls back what was not committed. */
struct import *import_free(struct import *i);
enum import_kind import_kind(const struct import *i);

#endif
