#ifndef LANED_ADAPTER_VHOST_SPLICE_H
#define LANED_ADAPTER_VHOST_SPLICE_H

#include "adapter/framer.h"
#include "adapter/vhost.h"

/*
 * splice and tunnel in virtual time: the same struct splice as in the real host, over connections that
 * lie in memory.
 */
#define VHOST_SPLICES_MAX 32u

/* The section's key "framing"; FRAMING_CONNECTION (tunnel is LANED_UNSUPPORTED) until this is called. */
void vhost_set_framing(struct vhost *v, enum framing framing);
/* Tied together now. */
unsigned vhost_splices(const struct vhost *v);

/* Of the host's table. */
int vhost_splice(struct laned_host *h, uint64_t a, uint64_t b, const uint8_t *first,
		 size_t n);
int vhost_tunnel(struct laned_host *h, const struct laned_tunnel *t);

#endif
