#ifndef LANED_TESTS_SIM_DROP_PRIVATE_H
#define LANED_TESTS_SIM_DROP_PRIVATE_H

/* What drop.c and drop_till.c share. */
#include "adapter/host_requests.h"
#include "adapter/vhost.h"
#include "sim/drop.h"

#include <setjmp.h>

/* What a message carries beside itself; freed with the side. */
struct body {
	struct body *next;
};

struct drop_side {
	struct world *w;
	const struct laned_adapter *table;
	struct vhost *host;
	void *instance; /* NULL: no process */
	struct host_link link;
	struct host_requests *requests;
	struct body *bodies;
	bool up, inside, lost;
	uint32_t link_epoch;
	int said; /* laned's answer to the journal call: -1 none */
	jmp_buf death;
};

/* Zeroed memory that begins with a body; never NULL. */
void *drop_body_new(struct drop_side *d, size_t bytes);
/* Cut to nothing when it does not fit: it is none of ours then. */
void drop_copy_text(char *buf, size_t bytes, struct str s);

#endif
