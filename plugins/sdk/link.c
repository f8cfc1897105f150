#include "laned/sdk.h"

#include <string.h>

#define RECONNECT_MS_MIN 1000u
#define RECONNECT_MS_MAX 30000u
#define RETRY_MS 1000u /* what laned could not store is given to it again */

struct laned_link {
	struct laned_host *host;
	const struct laned_host_api *api;
	struct laned_link_config c;
	int up, open;
	uint64_t conn, again; /* again: the timer of the next try to connect */
	uint32_t wait_ms;
	/* The first frame is with laned (busy), or to be given out again (retry). */
	int busy;
	uint64_t busy_conn, retry;
	size_t frame_bytes;
	struct laned_inbox in;
	char *copy;
	uint8_t memory[];
};

static void connect_now(void *user);

/* The connection is gone; what lay unread in it the peer says again. */
static void
lost(struct laned_link *l)
{
	l->open = 0;
	l->conn = 0;
	l->in.used = 0;
	l->api->timer_cancel(l->host, l->retry);
	l->retry = 0;
	l->c.closed(l->c.user);
	if (!l->up || l->again != 0)
		return;
	if (l->api->timer_set(l->host, l->wait_ms, connect_now, l, &l->again) != LANED_OK)
		l->api->log(l->host, LANED_LOG_ERR,
			    laned_str_of("no timer: the peer is not called again"));
	l->wait_ms =
		2 * l->wait_ms < RECONNECT_MS_MAX ? 2 * l->wait_ms : RECONNECT_MS_MAX;
}

void
laned_link_hang_up(struct laned_link *l)
{
	if (l->conn == 0)
		return;
	l->api->conn_close(l->host, l->conn); /* no event of it comes any more */
	lost(l);
}

/* ---- frames ------------------------------------------------------------------------------- */

/* The first frame is done with. */
static void
end_frame(struct laned_link *l, int status)
{
	laned_inbox_drop(&l->in, l->frame_bytes);
	l->c.taken(l->c.user, status);
}

static void take_frames(void *user);

/* What cannot be given out again is forgotten with its connection. */
static void
retry_later(struct laned_link *l)
{
	if (l->retry == 0 &&
	    l->api->timer_set(l->host, RETRY_MS, take_frames, l, &l->retry) != LANED_OK)
		laned_link_hang_up(l);
}

static int
is_for_later(int status)
{
	return status == LANED_AGAIN || status == LANED_GONE;
}

static void
give_out(struct laned_link *l, const struct laned_frame *f)
{
	uint64_t conn = l->conn;
	int rc;

	memcpy(l->copy, l->in.p + f->begin, f->n);
	l->copy[f->n] = '\0';
	l->frame_bytes = f->bytes;
	l->busy_conn = conn;
	rc = l->c.frame(l->c.user, l->copy, f->n);
	if (rc == LANED_LINK_WAIT)
		l->busy = 1;
	else if (l->conn != conn)
		return; /* it was hung up meanwhile */
	else if (is_for_later(rc))
		retry_later(l);
	else
		end_frame(l, rc);
}

/* One frame after the other, the next one when the one before is done with. */
static void
take_frames(void *user)
{
	struct laned_link *l = user;
	struct laned_frame f;
	int rc;

	l->retry = 0;
	while (l->open && !l->busy && l->retry == 0) {
		rc = laned_inbox_next(&l->in, &f);
		if (rc == LANED_AGAIN)
			return;
		if (rc == LANED_OK) {
			give_out(l, &f);
			continue;
		}
		l->api->log(l->host, LANED_LOG_WARNING,
			    laned_str_of("what the peer sends is no frame"));
		laned_link_hang_up(l);
	}
}

void
laned_link_done(struct laned_link *l, int status)
{
	int here = l->conn != 0 && l->conn == l->busy_conn;

	l->busy = 0;
	if (here && is_for_later(status))
		retry_later(l);
	else if (here)
		end_frame(l, status);
	if (l->retry == 0)
		take_frames(l);
}

/* ---- the connection ----------------------------------------------------------------------- */

static void
on_opened(void *user, uint64_t conn)
{
	struct laned_link *l = user;

	(void)conn; /* there is one */
	l->open = 1;
	l->wait_ms = RECONNECT_MS_MIN;
	l->c.opened(l->c.user);
}

static void
on_data(void *user, uint64_t conn, const uint8_t *data, size_t n)
{
	struct laned_link *l = user;

	/* Piece by piece: what one callback brings may be many frames. */
	while (n > 0 && l->conn == conn) {
		size_t room = l->in.bytes - l->in.used, part = n < room ? n : room;

		if (part == 0) {
			l->api->log(l->host, LANED_LOG_WARNING,
				    laned_str_of("the peer says more than waits for an "
						 "answer"));
			laned_link_hang_up(l);
			return;
		}
		(void)laned_inbox_add(&l->in, data, part); /* there is room */
		data += part;
		n -= part;
		if (l->retry == 0)
			take_frames(l);
	}
}

static void
on_closed(void *user, uint64_t conn, int status)
{
	(void)conn;
	(void)status; /* the host has logged why */
	lost(user);
}

static const struct laned_conn_events events = {
	.size = sizeof(struct laned_conn_events),
	.opened = on_opened,
	.data = on_data,
	.closed = on_closed,
};

static void
connect_now(void *user)
{
	struct laned_link *l = user;

	l->again = 0;
	if (l->api->conn_open(l->host, l->c.option, &events, l, &l->conn) != LANED_OK)
		lost(l);
}

int
laned_link_send(struct laned_link *l, struct laned_str bytes)
{
	if (!l->open)
		return LANED_GONE;
	return l->api->conn_send(l->host, l->conn, (const uint8_t *)bytes.p, bytes.n);
}

int
laned_link_is_open(const struct laned_link *l)
{
	return l->open;
}

void
laned_link_up(struct laned_link *l)
{
	l->up = 1;
	l->wait_ms = RECONNECT_MS_MIN;
	if (l->conn == 0 && l->again == 0)
		connect_now(l);
}

void
laned_link_down(struct laned_link *l)
{
	l->up = l->open = l->busy = 0;
	if (l->conn != 0)
		l->api->conn_close(l->host, l->conn);
	l->conn = 0;
	l->in.used = 0;
	l->api->timer_cancel(l->host, l->again);
	l->api->timer_cancel(l->host, l->retry);
	l->again = l->retry = 0;
}

int
laned_link_new(struct laned_host *h, const struct laned_host_api *api,
	       const struct laned_link_config *c, struct laned_link **ret_link)
{
	struct laned_link *l = api->alloc(h, sizeof(*l) + 2 * c->bytes_max + 1);

	if (l == NULL)
		return LANED_NO_MEMORY;
	l->host = h;
	l->api = api;
	l->c = *c;
	l->in = (struct laned_inbox){ l->memory, c->bytes_max, 0, c->framing };
	l->copy = (char *)l->memory + c->bytes_max;
	*ret_link = l;
	return LANED_OK;
}

struct laned_link *
laned_link_free(struct laned_link *l)
{
	if (l != NULL) {
		laned_link_down(l);
		l->api->free(l->host, l);
	}
	return NULL;
}
