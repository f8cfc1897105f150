#ifndef LANED_BASE_RESOLVE_H
#define LANED_BASE_RESOLVE_H

#include "base/loop.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Names of hosts into addresses, over the loop: /etc/hosts, then the name servers of
 * /etc/resolv.conf over UDP, both read anew for each question. Nothing else (nsswitch) is asked.
 */
#define RESOLVE_ADDRESSES_MAX 8u

struct resolve;

struct resolve_address {
	struct sockaddr_storage address;
	socklen_t bytes;
};

struct resolve_question {
	const char *name;
	uint16_t port; /* goes into the addresses */
	/* "127.0.0.1:5353" instead of the servers of the system; NULL. */
	const char *server;
	/*
	 * Called once, from the loop: count addresses of at most RESOLVE_ADDRESSES_MAX, or 0 and why.
	 * Free it then, or before to hear nothing.
	 */
	void (*fn)(void *ctx, const struct resolve_address *list, size_t count,
		   const char *why);
	void *ctx;
};

/* Asks. The strings are borrowed for the call. 0; -ENOMEM; -EINVAL server. */
int resolve_new(struct loop *l, const struct resolve_question *q,
		struct resolve **ret_resolve);
/* NULL is fine; returns NULL. */
struct resolve *resolve_free(struct resolve *r);

#endif
