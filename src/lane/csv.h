#ifndef LANED_LANE_CSV_H
#define LANED_LANE_CSV_H

#include "base/plain/str.h"

/*
 * One record of RFC 4180 CSV: fields divided by ',', a field in double quotes may hold ',' and
 * doubled quotes. Records are lines: a quoted line break is refused.
 */
#define CSV_FIELDS_MAX 64u

/*
 * Splits line (without its line break) in place: fields point into buf, which the caller copied
 * the line into. 0 and *ret_count; -EINVAL a stray quote or text after a closing one; -E2BIG more
 * than CSV_FIELDS_MAX fields.
 */
int csv_split(char *buf, size_t n, struct str fields[CSV_FIELDS_MAX], size_t *ret_count);

#endif
