#include "adapter/join.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a stream's callbacks get. */
struct join_line {
	struct join *join;
	enum framer_side side;
};

struct join {
	struct splice splice;
	struct join_options o;
	struct join_line lines[2];
	enum framer_state seen;
	bool reached; /* the terminal was open */
};

static int
line_send(void *line, const uint8_t *data, size_t n)
{
	return stream_send(line, data, n);
}

static void
line_pause(void *line, bool pause)
{
	stream_pause(line, pause);
}

static void
line_shutdown(void *line)
{
	stream_shutdown(line);
}

static const struct splice_ops ops = { line_send, line_pause, line_shutdown };

static void
dispose(struct join *j)
{
	splice_end(&j->splice);
	free(j);
}

/* Does what the splice says. j may be gone afterwards. */
static void
act(struct join *j, enum splice_status status, const struct splice_rest *rest)
{
	struct join_options o = j->o;

	switch (status) {
	case SPLICE_ON:
		if (o.turned != NULL && j->splice.framed &&
		    (j->seen == FRAMER_IDLE) != (join_state(j) == FRAMER_IDLE)) {
			j->seen = join_state(j);
			o.turned(o.ctx);
		}
		return;
	case SPLICE_ENDED:
		dispose(j);
		o.ended(o.ctx, JOIN_TRANSACTION, o.streams, rest);
		return;
	case SPLICE_OVER:
		dispose(j);
		stream_close(o.streams[FRAMER_POS]);
		stream_close(o.streams[FRAMER_TERMINAL]);
		o.ended(o.ctx, JOIN_OVER, o.streams, NULL);
		return;
	}
}

static void
on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct join_line *l = ctx;
	struct splice_rest rest = { l->side, data, 0 };
	enum splice_status status =
		splice_data(&l->join->splice, l->side, data, n, &rest);

	act(l->join, status, &rest);
}

static void
on_drained(void *ctx)
{
	struct join_line *l = ctx;

	act(l->join, splice_drained(&l->join->splice, l->side), NULL);
}

/* The terminal is there: what waited for it goes out. */
static void
on_opened(void *ctx)
{
	struct join_line *l = ctx;

	if (l->side == FRAMER_TERMINAL)
		l->join->reached = true;
	if (l->side == FRAMER_TERMINAL && l->join->splice.held[FRAMER_POS].data == NULL)
		stream_pause(l->join->o.streams[FRAMER_POS], false);
	on_drained(ctx);
}

static void
on_ended(void *ctx)
{
	struct join_line *l = ctx;

	act(l->join, splice_ended(&l->join->splice, l->side), NULL);
}

static void
on_closed(void *ctx, int err)
{
	struct join_line *l = ctx;
	const struct stream *s = l->join->o.streams[l->side];

	/* The other side learns of every end alike. */
	if (err < 0 && l->side == FRAMER_TERMINAL && !l->join->reached)
		log_warn("the terminal %s cannot be reached: %s", stream_peer(s),
			 stream_why(s)[0] == '\0' ? strerror(-err) : stream_why(s));
	act(l->join, splice_closed(&l->join->splice, l->side), NULL);
}

int
join_new(const struct join_options *o, const uint8_t *first, size_t n,
	 struct join **ret_join)
{
	static const struct stream_events events = { .opened = on_opened,
						     .data = on_data,
						     .drained = on_drained,
						     .ended = on_ended,
						     .closed = on_closed };
	struct join *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return -ENOMEM;
	assert(stream_is_open(o->streams[FRAMER_POS]));
	j->o = *o;
	splice_init(&j->splice, &ops, o->streams[FRAMER_POS], o->streams[FRAMER_TERMINAL],
		    o->framer);
	j->splice.stop = o->stop;
	if (n > 0 && splice_hold(&j->splice, FRAMER_POS, first, n) < 0) {
		free(j);
		return -ENOMEM;
	}
	j->seen = join_state(j);
	j->reached = stream_is_open(o->streams[FRAMER_TERMINAL]);
	for (int i = FRAMER_POS; i <= FRAMER_TERMINAL; i++) {
		j->lines[i] = (struct join_line){ j, (enum framer_side)i };
		stream_set_events(o->streams[i], &events, &j->lines[i]);
		stream_pause(o->streams[i], false);
	}
	if (!stream_is_open(o->streams[FRAMER_TERMINAL])) {
		stream_pause(o->streams[FRAMER_POS], true);
	} else if (n > 0) {
		stream_pause(o->streams[FRAMER_POS], true);
		/* An end of the line comes as its closed. */
		(void)splice_drained(&j->splice, FRAMER_TERMINAL);
	}
	*ret_join = j;
	return 0;
}

struct join *
join_free(struct join *j)
{
	if (j == NULL)
		return NULL;
	(void)stream_free(j->o.streams[FRAMER_POS]);
	(void)stream_free(j->o.streams[FRAMER_TERMINAL]);
	dispose(j);
	return NULL;
}

enum framer_state
join_state(const struct join *j)
{
	return j->splice.framed ? j->splice.framer.state : FRAMER_LOST;
}

uint64_t
join_bytes(const struct join *j, enum framer_side side)
{
	return j->splice.bytes[side];
}

bool
join_is_idle(const struct join *j)
{
	return splice_is_idle(&j->splice);
}

void
join_take(struct join *j, struct stream *ret_streams[2])
{
	assert(join_is_idle(j));
	ret_streams[FRAMER_POS] = j->o.streams[FRAMER_POS];
	ret_streams[FRAMER_TERMINAL] = j->o.streams[FRAMER_TERMINAL];
	dispose(j);
}
