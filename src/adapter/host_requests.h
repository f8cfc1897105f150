#ifndef LANED_ADAPTER_HOST_REQUESTS_H
#define LANED_ADAPTER_HOST_REQUESTS_H

#include "laned/adapter.h"

#include <stdbool.h>

/*
 * The rule of one completion: which accepted requests are open, and which were closed lately. Pure;
 * time is handed in.
 */
#define HOST_REQUESTS_MAX 256u
#define HOST_REQUESTS_CLOSED 256u /* remembered, for late answers */
#define HOST_WIRE_REQ_BYTES 65u

/* How laned named the request: a string, or an integer. */
struct host_wire_req {
	bool is_int;
	int64_t i;
	char text[HOST_WIRE_REQ_BYTES];
};

struct host_request {
	uint64_t id; /* what the plug-in knows it by; 0 = free */
	struct host_wire_req wire;
	struct laned_key key;
	uint32_t type;       /* enum laned_request_type, 0 = recovered */
	int64_t deadline_ms; /* monotonic */
	bool completing;     /* its completion is on the way to laned */
	bool by_host;        /* the host ended it in the plug-in's place */
};

struct host_requests;

/* NULL: no memory. */
struct host_requests *host_requests_new(void);
struct host_requests *host_requests_free(struct host_requests *t);

/* *r without id. 0 and the id; -EAGAIN no room. */
int host_requests_add(struct host_requests *t, const struct host_request *r,
		      uint64_t *ret_id);
/* The open request, or NULL. */
struct host_request *host_requests_find(struct host_requests *t, uint64_t id);
/*
 * May id be completed now? 0: yes, and it is marked completing; -EALREADY: it was, or is being,
 * completed by the plug-in (counted); -ESTALE: the host did it in its place, so this answer is a
 * late one; -ENOENT: never known (counted).
 */
int host_requests_complete(struct host_requests *t, uint64_t id);
/* laned took the completion (closed), or did not (open again). */
void host_requests_settle(struct host_requests *t, uint64_t id, bool taken);
/* The newest closed request of this key; NULL none. */
const struct host_request *host_requests_closed(const struct host_requests *t,
						const struct laned_key *key);
/* An open one whose deadline has come and which nobody completes, or NULL. */
struct host_request *host_requests_expired(struct host_requests *t, int64_t now_ms);
/* The nearest deadline, INT64_MAX none. */
int64_t host_requests_deadline(const struct host_requests *t);
/* The link is lost: every open one is void and is not remembered. */
void host_requests_clear(struct host_requests *t);
unsigned host_requests_open(const struct host_requests *t);
/* Completions that were ignored. */
uint64_t host_requests_ignored(const struct host_requests *t);

#endif
