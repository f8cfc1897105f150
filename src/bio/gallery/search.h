#ifndef LANED_BIO_GALLERY_SEARCH_H
#define LANED_BIO_GALLERY_SEARCH_H

#include "bio/gallery/gallery.h"
#include "bio/gallery/roster.h"
#include "bio/gallery/workers.h"

/*
 * One search over a roster in two stages. All working memory is made once: a search allocates
 * nothing. What comes out depends on the references and the probe only, not on the order of
 * slots, the number of threads or the CPU.
 */
/*
 * The short list: of every 400 references one, of those that scan_is_sparse tells apart eight, within
 * these limits. A count and never a time, so that the answer is the same on every machine.
 */
#define SEARCH_SHORTLIST_MIN 256u
#define SEARCH_SHORTLIST_MAX 16384u
#define SEARCH_SHORTLIST_SHARE 400u
#define SEARCH_SHORTLIST_SHARE_SPARSE 50u

struct search_work;

/* NULL: no memory. *source is copied. */
struct search_work *search_work_new(const struct gallery_source *source);
struct search_work *search_work_free(struct search_work *w);

/* Memory of one of them. */
size_t search_work_bytes(void);

/* How many references could not be had from the source. From any thread. */
uint64_t search_lost(const struct search_work *w);

/* As gallery_search. */
int search_roster(struct search_work *w, struct workers *workers, const struct roster *r,
		  const struct gallery_query *q,
		  struct gallery_candidate ret_candidates[GALLERY_CANDIDATES_MAX],
		  size_t *ret_count);

#endif
