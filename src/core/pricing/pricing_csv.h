#ifndef LANED_CORE_PRICING_PRICING_CSV_H
#define LANED_CORE_PRICING_PRICING_CSV_H

#include "base/plain/arena.h"
#include "core/pricing/pricing.h"

/*
 * Rules of the plain kinds as CSV (RFC 4180): a header of known columns, one rule a record, as
 * docs/promotions.md has it. Amounts have a decimal point and the digits of the currency,
 * percentages at most two.
 *
 * Makes the same tree in arena that JSON would give, places included (columns count characters);
 * records with a fault are left out of it, so that the others can be compiled for theirs. text is
 * borrowed for the call. 0, also when *errors has faults; -ENOMEM, also when the arena's limit is
 * reached; -EINVAL no such currency. An arena of PRICING_CSV_ARENA_FACTOR times the text is enough.
 */
#define PRICING_CSV_ARENA_FACTOR 128u
int pricing_csv_read(struct str text, const char *currency, struct arena *arena,
		     struct pricing_errors *errors, const struct value **ret_set);

#endif
