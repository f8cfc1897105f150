#ifndef LANED_BASE_PLAIN_CSV_H
#define LANED_BASE_PLAIN_CSV_H

#include "base/plain/str.h"

/*
 * One record of RFC 4180 CSV: fields divided by ',', a field in double quotes may hold ',', line
 * breaks and doubled quotes.
 */
#define CSV_FIELDS_MAX 64u

/*
 * Splits a record (without the line break at its end) in place: fields point into buf, which the caller copied
 * the line into. 0 and *ret_count; -EINVAL a stray quote or text after a closing one; -E2BIG more
 * than CSV_FIELDS_MAX fields.
 */
int csv_split(char *buf, size_t n, struct str fields[CSV_FIELDS_MAX], size_t *ret_count);

/*
 * The bytes of the first record of text, without the line break at its end (LF or CR LF); a line
 * break between quotes is part of it. *ret_next: where the next record begins, text.n at the end.
 * A quote that is never closed ends with its line, so that what follows can still be read.
 */
size_t csv_take(struct str text, size_t *ret_next);

#endif
