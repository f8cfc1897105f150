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
/* The short list: one in a hundred references, within these limits. */
#define SEARCH_SHORTLIST_MIN 256u
#define SEARCH_SHORTLIST_MAX 1024u
#define SEARCH_SHORTLIST_SHARE 100u

struct search_work;

/* NULL: no memory. */
struct search_work *search_work_new(void);
struct search_work *search_work_free(struct search_work *w);

/* As gallery_search. */
int search_roster(struct search_work *w, struct workers *workers, const struct roster *r,
		  const struct gallery_query *q,
		  struct gallery_candidate ret_candidates[GALLERY_CANDIDATES_MAX],
		  size_t *ret_count);

#endif
