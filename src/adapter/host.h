#ifndef LANED_ADAPTER_HOST_H
#define LANED_ADAPTER_HOST_H

#include "adapter/adapter_conf.h"
#include "adapter/host_conns.h"
#include "adapter/host_dirs.h"
#include "adapter/host_splice.h"
#include "adapter/host_timers.h"
#include "base/loop.h"
#include "laned/adapter.h"

/*
 * The host's side of one plug-in: everything of struct laned_host_api that stays in this process.
 * What goes to laned is done by a struct host_link, the bridge or a test.
 */
#define HOST_ALLOC_BYTES_MAX (64u * 1024u * 1024u)

struct host_link {
	void *ctx;
	int (*journal)(void *ctx, uint64_t req, const struct laned_key *key,
		       uint32_t state, struct laned_str blob);
	int (*journal_find)(void *ctx, struct laned_str ref,
			    struct laned_entry *ret_entry);
	int (*event)(void *ctx, struct laned_event *ev);
	int (*pos_basket)(void *ctx, const struct laned_basket *b, laned_ack_fn ack,
			  void *user);
	int (*pos_claim)(void *ctx, struct laned_str ticket, uint32_t kind,
			 struct laned_str value, laned_ack_fn ack, void *user);
	int (*pos_cancel)(void *ctx, struct laned_str ticket, laned_ack_fn ack,
			  void *user);
	int (*complete)(void *ctx, const struct laned_result *r, laned_ack_fn ack,
			void *user);
	/* The plug-in does what none should, and lives on: some words. NULL: nobody wants to know. */
	void (*odd)(void *ctx, const char *what);
};

/* conf may be NULL (no options), the link is set before the plug-in is started. 0 or errno. */
int host_new(struct loop *l, const struct adapter_conf *conf,
	     struct laned_host **ret_host);
struct laned_host *host_free(struct laned_host *h);
void host_set_link(struct laned_host *h, const struct host_link *link);
const struct laned_host_api *host_api(void);

/* What the endpoints' owner works with. */
struct streams *host_streams(struct laned_host *h);
struct host_conns *host_conns(struct laned_host *h);
struct host_splices *host_splices(struct laned_host *h);

/* Card numbers refused at the door, and bytes that the plug-in holds. */
uint64_t host_pans_refused(const struct laned_host *h);
size_t host_allocated(const struct laned_host *h);
/* What was beyond a limit of host_limits.h; calls with a connection that is none; peers turned away. */
uint64_t host_refused(const struct laned_host *h);
/* True when s holds a card number; counted. */
bool host_guard(struct laned_host *h, struct laned_str s);

#endif
