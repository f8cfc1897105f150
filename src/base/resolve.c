#include "base/resolve.h"

#include "base/loop_private.h"
#include "base/plain/str.h"

#include <assert.h>
#include <errno.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * libevent may call back from inside its own call, and must not be freed from inside a callback: so
 * the answer is kept here and told by a timer.
 */
struct resolve {
	struct evdns_base *dns;
	struct loop_timer *told;
	void (*fn)(void *ctx, const struct resolve_address *list, size_t count,
		   const char *why);
	void *ctx;
	struct resolve_address list[RESOLVE_ADDRESSES_MAX];
	size_t count;
	const char *why;
	bool answered; /* libevent holds no pointer to this any more */
	bool freed;
};

static void
destroy(struct resolve *r)
{
	loop_timer_free(r->told);
	free(r);
}

static void
take(struct resolve *r, const struct evutil_addrinfo *found)
{
	for (; found != NULL && r->count < RESOLVE_ADDRESSES_MAX;
	     found = found->ai_next) {
		struct resolve_address *a = &r->list[r->count];

		if (found->ai_addrlen > sizeof(a->address))
			continue;
		memcpy(&a->address, found->ai_addr, found->ai_addrlen);
		a->bytes = (socklen_t)found->ai_addrlen;
		r->count++;
	}
}

static void
answer_cb(int result, struct evutil_addrinfo *found, void *arg)
{
	struct resolve *r = arg;

	r->answered = true;
	if (result == 0)
		take(r, found);
	r->why = result == 0 ? "it has no address" : evutil_gai_strerror(result);
	if (found != NULL)
		evutil_freeaddrinfo(found);
	if (r->freed)
		destroy(r);
	else
		(void)loop_timer_set(r->told,
				     0); /* else the caller's own limit ends it */
}

static void
told_cb(void *ctx)
{
	struct resolve *r = ctx;

	r->fn(r->ctx, r->list, r->count, r->why); /* may free r */
}

/* Name servers, and what holds for one question: two tries of two seconds each. */
static int
make_base(struct resolve *r, struct loop *l, const char *server)
{
	int flags = EVDNS_BASE_DISABLE_WHEN_INACTIVE;

	if (server == NULL)
		flags |= EVDNS_BASE_INITIALIZE_NAMESERVERS;
	r->dns = evdns_base_new(loop_event_base(l), flags);
	if (r->dns == NULL && server == NULL) {
		/* No name server is configured: /etc/hosts is still there. */
		r->dns = evdns_base_new(loop_event_base(l),
					EVDNS_BASE_DISABLE_WHEN_INACTIVE);
		if (r->dns != NULL)
			(void)evdns_base_load_hosts(r->dns,
						    "/etc/hosts"); /* may be none */
	}
	if (r->dns == NULL)
		return -ENOMEM;
	if (server != NULL && evdns_base_nameserver_ip_add(r->dns, server) != 0)
		return -EINVAL;
	(void)evdns_base_set_option(r->dns, "timeout:", "2");  /* known options */
	(void)evdns_base_set_option(r->dns, "attempts:", "2"); /* as above */
	return 0;
}

int
resolve_new(struct loop *l, const struct resolve_question *q,
	    struct resolve **ret_resolve)
{
	static const struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC,
						      .ai_socktype = SOCK_STREAM,
						      .ai_protocol = IPPROTO_TCP };
	struct resolve *r = calloc(1, sizeof(*r));
	char service[8];
	int rc;

	assert(q->fn != NULL);
	if (r == NULL)
		return -ENOMEM;
	r->fn = q->fn;
	r->ctx = q->ctx;
	r->answered = true; /* nothing is asked yet */
	rc = loop_timer_new(l, told_cb, r, &r->told);
	if (rc == 0)
		rc = make_base(r, l, q->server);
	if (rc < 0) {
		resolve_free(r);
		return rc;
	}
	(void)snprintf(service, sizeof(service), "%u", (unsigned)q->port); /* fits */
	r->answered = false;
	/* Also when it gives no request back the callback was called, or will be. */
	(void)evdns_getaddrinfo(r->dns, q->name, service, &hints, answer_cb, r);
	*ret_resolve = r;
	return 0;
}

struct resolve *
resolve_free(struct resolve *r)
{
	bool answered;

	if (r == NULL)
		return NULL;
	answered = r->answered;
	r->freed = true;
	loop_timer_cancel(r->told);
	/* What is not answered fails, later, from the loop: answer_cb frees r then. */
	if (r->dns != NULL)
		evdns_base_free(r->dns, 1);
	if (answered)
		destroy(r);
	return NULL;
}
