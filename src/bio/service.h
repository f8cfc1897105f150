#ifndef LANED_BIO_SERVICE_H
#define LANED_BIO_SERVICE_H

#include "base/conf.h"
#include "base/loop.h"

/*
 * laned-bio itself: readers, extraction, gallery, enrolment and the conversation with laned.
 * Everything runs on the loop's thread, but what is done with the gallery: that is errands.h's, and
 * the search's workers'.
 */
struct service;

/*
 * The configuration's readers, as far as they can be checked without a look at a device: 0, or
 * -EINVAL, logged.
 */
int service_check(const struct conf *conf);

/*
 * Opens the store, the gallery and the readers and begins loading and connecting. fd >= 0 is a
 * connected socket to laned, else it connects to <paths.run>/bio.sock. conf is borrowed. A
 * reader that cannot be opened is tried again and keeps nothing else from starting. 0 or a negative
 * errno, logged with its cause.
 */
int service_new(struct loop *l, const struct conf *conf, int fd,
		struct service **ret_service);
struct service *service_free(struct service *s);

#endif
