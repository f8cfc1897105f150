#include "adapter/vhost_splice.h"

#include "adapter/splice.h"
#include "adapter/vhost_conns.h"
#include "adapter/vhost_private.h"

#include <errno.h>
#include <stdlib.h>

struct vhost_tie;

/* One of the two connections, as the splice's ops know it. */
struct line {
	struct vhost_tie *tie;
	uint64_t conn;
	bool gone;
};

struct vhost_tie {
	struct vhost *v;
	struct splice splice;
	struct line lines[2]; /* by enum framer_side */
	laned_ack_fn done;    /* of a tunnel */
	void *user;
	bool live;
};

struct vhost_ties {
	struct vhost_tie list[VHOST_SPLICES_MAX];
};

static int
line_send(void *line, const uint8_t *data, size_t n)
{
	struct line *l = line;

	return l->gone ? -ENOTCONN : vhost_conns_put(l->tie->v, l->conn, data, n);
}

static void
line_pause(void *line, bool pause)
{
	struct line *l = line;

	if (!l->gone)
		vhost_conns_pause(l->tie->v, l->conn, pause);
}

/* Half a connection does not end here; the whole one does, and says so itself. */
static void
line_shutdown(void *line)
{
	(void)line;
}

static const struct splice_ops ops = { line_send, line_pause, line_shutdown };

static void
drop(struct line *l)
{
	if (!l->gone)
		vhost_conns_drop(l->tie->v, l->conn);
	l->gone = true;
}

static void
act(struct vhost_tie *t, enum splice_status status, const struct splice_rest *rest)
{
	struct vhost_tie was = *t;

	if (status == SPLICE_ON)
		return;
	splice_end(&t->splice);
	t->live = false;
	for (int i = FRAMER_POS; i <= FRAMER_TERMINAL; i++) {
		if (status != SPLICE_ENDED) {
			drop(&t->lines[i]);
			continue;
		}
		vhost_conns_pause(t->v, t->lines[i].conn, false);
		(void)vhost_conns_park(t->v, t->lines[i].conn, NULL, NULL);
	}
	if (status == SPLICE_ENDED && rest != NULL && rest->n > 0 &&
	    vhost_conns_unread(t->v, t->lines[rest->side].conn, rest->data, rest->n) < 0)
		drop(&t->lines[rest->side]);
	if (was.done != NULL)
		was.done(was.user, status == SPLICE_ENDED ? LANED_OK : LANED_GONE);
}

static void
on_conn(void *ctx, uint64_t conn, enum vhost_conn_event event, const uint8_t *data,
	size_t n)
{
	struct vhost_tie *t = ctx;
	enum framer_side side =
		t->lines[FRAMER_POS].conn == conn ? FRAMER_POS : FRAMER_TERMINAL;
	struct splice_rest rest = { side, data, 0 };

	switch (event) {
	case VHOST_CONN_OPENED:
		return;
	case VHOST_CONN_DATA:
		act(t, splice_data(&t->splice, side, data, n, &rest), &rest);
		return;
	case VHOST_CONN_DRAINED:
		act(t, splice_drained(&t->splice, side), NULL);
		return;
	case VHOST_CONN_CLOSED:
		t->lines[side].gone = true;
		act(t, splice_closed(&t->splice, side), NULL);
		return;
	}
}

static struct vhost_tie *
free_tie(struct vhost *v)
{
	if (v->ties == NULL)
		v->ties = calloc(1, sizeof(*v->ties));
	for (size_t i = 0; v->ties != NULL && i < VHOST_SPLICES_MAX; i++)
		if (!v->ties->list[i].live)
			return &v->ties->list[i];
	return NULL;
}

/* Both are there and open, and neither is tied already. */
static bool
can_tie(struct vhost *v, uint64_t a, uint64_t b)
{
	struct vhost_conn c;
	unsigned open = 0;

	for (size_t i = 0; v->ties != NULL && i < VHOST_SPLICES_MAX; i++)
		for (int k = 0; k < 2 && v->ties->list[i].live; k++)
			if (v->ties->list[i].lines[k].conn == a ||
			    v->ties->list[i].lines[k].conn == b)
				return false;
	for (size_t i = 0; vhost_conns_at(v, i, &c); i++)
		open += (c.id == a || c.id == b) && c.open;
	return open == 2;
}

static int
tie(struct vhost *v, const uint64_t conns[2], const uint8_t *first, size_t n,
    const struct framer *framer)
{
	struct vhost_tie *t;
	int rc;

	if (!can_tie(v, conns[0], conns[1]))
		return LANED_GONE;
	t = free_tie(v);
	if (t == NULL)
		return LANED_AGAIN;
	rc = n == 0 ? 0 : vhost_conns_put(v, conns[FRAMER_TERMINAL], first, n);
	if (rc < 0)
		return rc == -EAGAIN ? LANED_AGAIN : LANED_NO_MEMORY;
	*t = (struct vhost_tie){ .v = v, .live = true };
	for (int i = FRAMER_POS; i <= FRAMER_TERMINAL; i++) {
		t->lines[i] = (struct line){ t, conns[i], false };
		(void)vhost_conns_park(v, conns[i], on_conn, t); /* both are there */
	}
	splice_init(&t->splice, &ops, &t->lines[0], &t->lines[1], framer);
	t->splice.stop = framer != NULL;
	return LANED_OK;
}

void
vhost_set_framing(struct vhost *v, enum framing framing)
{
	v->framing = (unsigned)framing;
}

unsigned
vhost_splices(const struct vhost *v)
{
	unsigned n = 0;

	for (size_t i = 0; v->ties != NULL && i < VHOST_SPLICES_MAX; i++)
		n += v->ties->list[i].live;
	return n;
}

int
vhost_splice(struct laned_host *h, uint64_t a, uint64_t b, const uint8_t *first, size_t n)
{
	const uint64_t conns[2] = { a, b };
	struct vhost *v = vhost_of(h);
	int rc = vhost_called(v, "splice");

	if (rc != LANED_OK)
		return rc;
	if ((first == NULL && n > 0) || a == b)
		return LANED_INVALID;
	return tie(v, conns, first, n, NULL);
}

int
vhost_tunnel(struct laned_host *h, const struct laned_tunnel *t)
{
	struct vhost *v = vhost_of(h);
	int rc = vhost_called(v, "tunnel");
	uint64_t conns[2];
	struct framer framer;
	bool ended;

	if (rc != LANED_OK)
		return rc;
	if (t == NULL || t->size < sizeof(*t) || (t->first == NULL && t->n > 0) ||
	    t->a == t->b || t->done == NULL)
		return LANED_INVALID;
	if (v->framing == FRAMING_CONNECTION)
		return LANED_UNSUPPORTED;
	framer_init(&framer, (enum framing)v->framing);
	for (size_t at = 0; at < t->n;)
		at += framer_feed(&framer, FRAMER_POS, t->first + at, t->n - at, &ended);
	conns[FRAMER_POS] = t->a;
	conns[FRAMER_TERMINAL] = t->b;
	rc = tie(v, conns, t->first, t->n, &framer);
	for (size_t i = 0; rc == LANED_OK && i < VHOST_SPLICES_MAX; i++)
		if (v->ties->list[i].live && v->ties->list[i].lines[0].conn == t->a) {
			v->ties->list[i].done = t->done;
			v->ties->list[i].user = t->user;
		}
	return rc;
}

void
vhost_splices_free(struct vhost *v)
{
	for (size_t i = 0; v->ties != NULL && i < VHOST_SPLICES_MAX; i++)
		if (v->ties->list[i].live)
			splice_end(&v->ties->list[i].splice);
	free(v->ties);
	v->ties = NULL;
}
