#ifndef LANED_TESTS_BENCH_REPORT_SETS_H
#define LANED_TESTS_BENCH_REPORT_SETS_H

#include "figures.h"
#include "images.h"
#include "report_items.h"
#include "results.h"

/* Everything that was measured, as bio_report finds it in a folder. */
#define SETS_MAX 32u
#define SETS_NAME_BYTES 64u

struct set {
	char name[SETS_NAME_BYTES];
	enum images_family family;
	struct images images;              /* listed, not extracted */
	char *scores, *enrolled, *foreign; /* paths; owned */
	struct result one, three;          /* impressions enrolled */
	struct result iso;                 /* one, as another system's minutiae */
	struct result good, best;          /* grades 3 to 5, and 4 and 5 */
	struct figures *figures;           /* of bio_scores */
};

struct sets {
	const char *out; /* the folder; borrowed */
	struct set at[SETS_MAX];
	unsigned count, optical;
	struct result pooled_one, pooled_three; /* of the optical ones */
	struct figures *figures;                /* of the other programs */
};

/*
 * Evaluates the score files of these image folders; what was not measured stays unknown. *ret_what
 * names what failed. 0; -ENAMETOOLONG; as images_list and result_of. Release with sets_close, also
 * after a failure.
 */
int sets_open(struct sets *s, const char *out, char **dirs, const char **ret_what);
void sets_close(struct sets *s);

/* out/name and suffix, for free(). NULL: no memory. */
char *sets_path(const struct sets *s, const char *name, const char *suffix);

enum rate { EER, AT_1E2, AT_1E3, AT_1E4, RATES };

/* An error rate in percent; unknown also where too few pairs could show the FMR. */
struct measured sets_rate(const struct result *r, enum rate rate);

/* NULL: there is none. */
const struct set *sets_named(const struct sets *s, const char *name);
const struct set *sets_of_family(const struct sets *s, enum images_family family);

#endif
