#ifndef LANED_CORE_PRICING_PRICING_LINES_H
#define LANED_CORE_PRICING_PRICING_LINES_H

#include "base/plain/str.h"

/*
 * JSON Lines (one rule object a line) as the text of one rule set, lines kept: what stands on line
 * n there stands on line n here, on line 1 PRICING_WRAP_COLUMNS further right. The caller frees
 * *ret_text. 0; -EINVAL no currency of three letters; -ENOMEM.
 */
#define PRICING_WRAP_COLUMNS 43u
int pricing_wrap_lines(struct str lines, const char *currency, char **ret_text,
		       size_t *ret_bytes);

#endif
