#include "adapter/host_splice.h"

#include "adapter/join.h"
#include "adapter/watch.h"

#include <errno.h>
#include <stdlib.h>

/* Two connections of the plug-in that are tied together. */
struct tie {
	struct host_splices *all;
	struct join *join; /* NULL: a free place */
	uint64_t conns[2]; /* by enum framer_side */
	laned_ack_fn done; /* of a tunnel */
	void *user;
};

struct host_splices {
	struct host_conns *conns;
	struct endpoints *endpoints;
	struct tie ties[HOST_SPLICES_MAX];
};

static struct tie *
free_tie(struct host_splices *hs)
{
	for (size_t i = 0; i < HOST_SPLICES_MAX; i++)
		if (hs->ties[i].join == NULL) {
			hs->ties[i] = (struct tie){ .all = hs };
			return &hs->ties[i];
		}
	return NULL;
}

static void
forget(struct host_splices *hs, uint64_t conn)
{
	host_conns_revoke(hs->conns, conn, false, LANED_OK);
	if (hs->endpoints != NULL)
		endpoints_forget(hs->endpoints, conn);
}

/* The transaction is over, and both connections are the plug-in's again. */
static void
give_back(struct tie *t, struct stream *const streams[2], const struct splice_rest *rest)
{
	struct host_splices *hs = t->all;

	/* What is behind the end of a transaction comes as the first of the next one. */
	if (rest->n > 0 && stream_unread(streams[rest->side], rest->data, rest->n) < 0) {
		stream_close(streams[FRAMER_POS]);
		stream_close(streams[FRAMER_TERMINAL]);
		forget(hs, t->conns[FRAMER_POS]);
		forget(hs, t->conns[FRAMER_TERMINAL]);
		return;
	}
	for (int i = FRAMER_POS; i <= FRAMER_TERMINAL; i++) {
		struct framer *f = hs->endpoints == NULL
					   ? NULL
					   : endpoints_framer(hs->endpoints, t->conns[i]);

		if (f != NULL)
			framer_init(f, f->framing);
		host_conns_give_back(hs->conns, t->conns[i], streams[i]);
	}
}

static void
on_ended(void *ctx, enum join_end end, struct stream *const streams[2],
	 const struct splice_rest *rest)
{
	struct tie *t = ctx;
	struct tie was = *t;
	unsigned mark;

	t->join = NULL;
	if (end == JOIN_TRANSACTION) {
		give_back(&was, streams, rest);
	} else {
		forget(was.all, was.conns[FRAMER_POS]);
		forget(was.all, was.conns[FRAMER_TERMINAL]);
	}
	if (was.done == NULL)
		return;
	mark = watch_enter(CRASH_ACK, 0);
	was.done(was.user, end == JOIN_TRANSACTION ? LANED_OK : LANED_GONE);
	watch_leave(mark);
}

/* Takes both streams out of their connections; not open, or not there: neither. */
static int
take_both(struct host_splices *hs, const uint64_t conns[2], struct stream *streams[2])
{
	streams[0] = host_conns_take(hs->conns, conns[0]);
	streams[1] = conns[0] == conns[1] ? NULL : host_conns_take(hs->conns, conns[1]);
	if (streams[0] != NULL && streams[1] != NULL && stream_is_open(streams[0]) &&
	    stream_is_open(streams[1]))
		return LANED_OK;
	for (int i = 0; i < 2; i++)
		if (streams[i] != NULL)
			host_conns_give_back(hs->conns, conns[i], streams[i]);
	return LANED_GONE;
}

/* The one whose connection is the POS's, or a, is the POS's side; first came from a. */
static enum framer_side
side_of_a(struct host_splices *hs, uint64_t a, uint64_t b)
{
	if (hs->endpoints == NULL || endpoints_framer(hs->endpoints, a) != NULL)
		return FRAMER_POS;
	return endpoints_framer(hs->endpoints, b) != NULL ? FRAMER_TERMINAL : FRAMER_POS;
}

static int
status_of(int rc)
{
	switch (-rc) {
	case 0:
		return LANED_OK;
	case EAGAIN:
		return LANED_AGAIN;
	case EMSGSIZE:
		return LANED_TOO_LARGE;
	case ENOMEM:
		return LANED_NO_MEMORY;
	default:
		return LANED_GONE;
	}
}

struct tying {
	uint64_t a, b;
	const uint8_t *first;
	size_t n;
	const struct framer *framer; /* of a tunnel, which has seen first */
	laned_ack_fn done;
	void *user;
};

static int
tie(struct host_splices *hs, const struct tying *y)
{
	enum framer_side side = side_of_a(hs, y->a, y->b);
	struct tie *t = free_tie(hs);
	struct join_options o = { .framer = y->framer,
				  .stop = y->framer != NULL,
				  .ended = on_ended,
				  .ctx = t };
	int rc;

	if (t == NULL)
		return LANED_AGAIN;
	t->conns[side] = y->a;
	t->conns[!side] = y->b;
	t->done = y->done;
	t->user = y->user;
	rc = take_both(hs, t->conns, o.streams);
	if (rc != LANED_OK)
		return rc;
	/* Before anything else, and while an error can still be told. */
	if (y->n > 0)
		rc = status_of(stream_send(o.streams[!side], y->first, y->n));
	if (rc == LANED_OK && join_new(&o, NULL, 0, &t->join) < 0)
		rc = LANED_NO_MEMORY; /* the first bytes are out; the plug-in ends both */
	if (rc == LANED_OK)
		return rc;
	for (int i = 0; i < 2; i++)
		host_conns_give_back(hs->conns, t->conns[i], o.streams[i]);
	return rc;
}

int
host_splices_new(struct host_conns *conns, struct host_splices **ret_splices)
{
	struct host_splices *hs = calloc(1, sizeof(*hs));

	if (hs == NULL)
		return -ENOMEM;
	hs->conns = conns;
	*ret_splices = hs;
	return 0;
}

struct host_splices *
host_splices_free(struct host_splices *hs)
{
	if (hs == NULL)
		return NULL;
	for (size_t i = 0; i < HOST_SPLICES_MAX; i++)
		(void)join_free(hs->ties[i].join);
	free(hs);
	return NULL;
}

void
host_splices_set_endpoints(struct host_splices *hs, struct endpoints *e)
{
	hs->endpoints = e;
}

unsigned
host_splices_count(const struct host_splices *hs)
{
	unsigned n = 0;

	for (size_t i = 0; i < HOST_SPLICES_MAX; i++)
		n += hs->ties[i].join != NULL;
	return n;
}

int
host_splice(struct host_splices *hs, uint64_t a, uint64_t b, const uint8_t *first,
	    size_t n)
{
	const struct tying y = { .a = a, .b = b, .first = first, .n = n };

	return (first == NULL && n > 0) || a == b ? LANED_INVALID : tie(hs, &y);
}

int
host_tunnel(struct host_splices *hs, const struct laned_tunnel *t)
{
	enum framing framing = hs->endpoints == NULL ? FRAMING_CONNECTION
						     : endpoints_framing(hs->endpoints);
	struct framer framer;
	struct tying y;
	bool ended;

	if (t == NULL || t->size < sizeof(*t) || (t->first == NULL && t->n > 0) ||
	    t->a == t->b || t->done == NULL)
		return LANED_INVALID;
	if (framing == FRAMING_CONNECTION)
		return LANED_UNSUPPORTED;
	framer_init(&framer, framing);
	for (size_t at = 0; at < t->n;)
		at += framer_feed(&framer, side_of_a(hs, t->a, t->b), t->first + at,
				  t->n - at, &ended);
	y = (struct tying){ .a = t->a,
			    .b = t->b,
			    .first = t->first,
			    .n = t->n,
			    .framer = &framer,
			    .done = t->done,
			    .user = t->user };
	return tie(hs, &y);
}
