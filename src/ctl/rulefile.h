#ifndef LANED_CTL_RULEFILE_H
#define LANED_CTL_RULEFILE_H

#include "ctl/ctl.h"

#include "core/pricing/pricing.h"

/*
 * A rule file (JSON, JSON Lines or CSV), read and compiled without laned. The rules themselves stay
 * at hand as values, by ascending id, so that they can be told about.
 */
struct rulefile {
	const char *path;
	struct arena *arena;
	const struct value *set;
	struct pricing_rules *rules;
	const struct value **list; /* by ascending id, as results have them */
	uint32_t count;
	uint8_t digits; /* minor digits of the currency */
};

#define RULEFILE_BYTES_MAX (32u << 20)

/*
 * format: NULL by the ending; currency: of JSON Lines and CSV, which name none. 0, or an exit code
 * with every fault said on stderr as FILE:LINE:COLUMN: RULE: what.
 */
int rulefile_read(const char *path, const char *format, const char *currency,
		  struct rulefile *ret_file);
void rulefile_free(struct rulefile *f);

/*
 * Rules that compile and still are hardly what was meant: over before now, never valid on a day
 * they name, limits that cannot matter .. said on stderr as FILE:LINE:COLUMN: warning. How many.
 */
uint32_t rulefile_warn(const struct rulefile *f, const struct timepoint *now);

/* Any JSON file as a tree in *ret_arena, which the caller frees. 0 or an exit code, said. */
int ctl_read_json(const char *path, size_t bytes_max, struct arena **ret_arena,
		  const struct value **ret_value);

#endif
