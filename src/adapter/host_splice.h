#ifndef LANED_ADAPTER_HOST_SPLICE_H
#define LANED_ADAPTER_HOST_SPLICE_H

#include "adapter/endpoints.h"
#include "adapter/host_conns.h"

/*
 * splice and tunnel of the ABI: connections of the plug-in tied together, for good or for one
 * transaction. What flows through is seen by nobody, and no plug-in is needed for it.
 */
#define HOST_SPLICES_MAX 32u

struct host_splices;

/* conns is borrowed and outlives what is made here. 0 or -ENOMEM. */
int host_splices_new(struct host_conns *conns, struct host_splices **ret_splices);
/* Ends what is tied together. NULL is fine; returns NULL. */
struct host_splices *host_splices_free(struct host_splices *hs);
/* Where framing and the framers of the POS's connections are; NULL: there are no endpoints. */
void host_splices_set_endpoints(struct host_splices *hs, struct endpoints *e);
/* Tied together now. */
unsigned host_splices_count(const struct host_splices *hs);

/* As laned/adapter.h says. LANED_AGAIN: too many, or b does not take first now. */
int host_splice(struct host_splices *hs, uint64_t a, uint64_t b, const uint8_t *first,
		size_t n);
int host_tunnel(struct host_splices *hs, const struct laned_tunnel *t);

#endif
