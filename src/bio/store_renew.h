#ifndef LANED_BIO_STORE_RENEW_H
#define LANED_BIO_STORE_RENEW_H

#include "bio/gallery/gallery.h"
#include "bio/store.h"

/* A stored reference in another form: the same finger's, to be kept under the same key. */
struct store_renewal {
	struct gallery_name name;
	const uint8_t *data;
	size_t bytes;
};

/*
 * Puts references in the place of those of the same names, in one commit; consents and keys stay as
 * they are. One that is no more, was enrolled again meanwhile or has no valid consent is passed over.
 * *ret_renewed: how many were not. 0 or a negative errno: nothing was changed. Blocks on disk.
 */
int store_renew(struct store *s, const struct store_renewal *list, size_t count,
		unsigned *ret_renewed);

#endif
