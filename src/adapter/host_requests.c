#include "adapter/host_requests.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct host_requests {
	struct host_request open[HOST_REQUESTS_MAX];
	struct host_request closed[HOST_REQUESTS_CLOSED]; /* a ring */
	unsigned open_count;
	uint64_t next_id, closed_count, ignored;
};

struct host_requests *
host_requests_new(void)
{
	struct host_requests *t = calloc(1, sizeof(*t));

	if (t != NULL)
		t->next_id = 1;
	return t;
}

struct host_requests *
host_requests_free(struct host_requests *t)
{
	free(t);
	return NULL;
}

int
host_requests_add(struct host_requests *t, const struct host_request *r, uint64_t *ret_id)
{
	for (unsigned i = 0; i < HOST_REQUESTS_MAX; i++) {
		struct host_request *slot = &t->open[i];

		if (slot->id != 0)
			continue;
		*slot = *r;
		slot->id = t->next_id++;
		slot->completing = false;
		slot->by_host = false;
		t->open_count++;
		*ret_id = slot->id;
		return 0;
	}
	return -EAGAIN;
}

struct host_request *
host_requests_find(struct host_requests *t, uint64_t id)
{
	for (unsigned i = 0; id != 0 && i < HOST_REQUESTS_MAX; i++)
		if (t->open[i].id == id)
			return &t->open[i];
	return NULL;
}

/* The i-th newest of the closed ones, or NULL. */
static const struct host_request *
closed_at(const struct host_requests *t, uint64_t i)
{
	if (i >= t->closed_count || i >= HOST_REQUESTS_CLOSED)
		return NULL;
	return &t->closed[(t->closed_count - 1 - i) % HOST_REQUESTS_CLOSED];
}

const struct host_request *
host_requests_closed(const struct host_requests *t, const struct laned_key *key)
{
	const struct host_request *r;

	for (uint64_t i = 0; (r = closed_at(t, i)) != NULL; i++)
		if (memcmp(r->key.b, key->b, sizeof(key->b)) == 0)
			return r;
	return NULL;
}

static const struct host_request *
closed_by_id(const struct host_requests *t, uint64_t id)
{
	const struct host_request *r;

	for (uint64_t i = 0; (r = closed_at(t, i)) != NULL; i++)
		if (r->id == id)
			return r;
	return NULL;
}

int
host_requests_complete(struct host_requests *t, uint64_t id)
{
	struct host_request *r = host_requests_find(t, id);
	const struct host_request *closed;

	if (r == NULL) {
		closed = id == 0 ? NULL : closed_by_id(t, id);
		if (closed != NULL && closed->by_host)
			return -ESTALE;
		t->ignored++;
		return closed != NULL ? -EALREADY : -ENOENT;
	}
	if (r->completing) {
		if (r->by_host)
			return -ESTALE;
		t->ignored++;
		return -EALREADY;
	}
	r->completing = true;
	return 0;
}

void
host_requests_settle(struct host_requests *t, uint64_t id, bool taken)
{
	struct host_request *r = host_requests_find(t, id);

	if (r == NULL)
		return; /* the link was lost meanwhile */
	assert(r->completing);
	if (!taken) {
		r->completing = false;
		r->by_host = false;
		return;
	}
	t->closed[t->closed_count++ % HOST_REQUESTS_CLOSED] = *r;
	*r = (struct host_request){ .id = 0 };
	t->open_count--;
}

struct host_request *
host_requests_expired(struct host_requests *t, int64_t now_ms)
{
	for (unsigned i = 0; i < HOST_REQUESTS_MAX; i++)
		if (t->open[i].id != 0 && !t->open[i].completing &&
		    t->open[i].deadline_ms <= now_ms)
			return &t->open[i];
	return NULL;
}

int64_t
host_requests_deadline(const struct host_requests *t)
{
	int64_t nearest = INT64_MAX;
	unsigned met = 0;

	for (unsigned i = 0; met < t->open_count; i++) {
		assert(i < HOST_REQUESTS_MAX);
		if (t->open[i].id == 0)
			continue;
		met++;
		if (!t->open[i].completing && t->open[i].deadline_ms < nearest)
			nearest = t->open[i].deadline_ms;
	}
	return nearest;
}

void
host_requests_clear(struct host_requests *t)
{
	memset(t->open, 0, sizeof(t->open));
	t->open_count = 0;
}

unsigned
host_requests_open(const struct host_requests *t)
{
	return t->open_count;
}

uint64_t
host_requests_ignored(const struct host_requests *t)
{
	return t->ignored;
}
