#ifndef LANED_BIO_RENEW_H
#define LANED_BIO_RENEW_H

#include "bio/store_fetch.h"

/*
 * Brings the references of gallery.db into the present form (reference_renew), a few at a time. What is
 * stored can be searched before and after: it is loaded the faster the next time.
 */
struct renew;

/* Both are borrowed. NULL: no memory. */
struct renew *renew_new(struct store_readers *readers, struct store *store);
struct renew *renew_free(struct renew *r);

/*
 * On the thread that works on the gallery: looks for references of another form and makes the next few
 * anew; some milliseconds. 1 there may be more; 0 these were the last; or a negative errno.
 */
int renew_find(struct renew *r);

/*
 * On the thread that works on the store, before the next renew_find: writes what the last one made, in
 * one commit. 0 or as store_renew: they are left as they were. *ret_count is raised by how many.
 */
int renew_write(struct renew *r, uint64_t *ret_count);

#endif
