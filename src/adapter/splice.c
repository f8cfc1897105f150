#include "adapter/splice.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static enum framer_side
other(enum framer_side side)
{
	return side == FRAMER_POS ? FRAMER_TERMINAL : FRAMER_POS;
}

static void
held_free(struct splice_held *h)
{
	if (h->data != NULL) {
		explicit_bzero(h->data, h->n);
		(void)munmap(h->data, h->n); /* mapped by hold() */
	}
	*h = (struct splice_held){ .data = NULL };
}

/* Keeps a copy in memory of its own. False: there is none. */
static bool
hold(struct splice_held *h, const uint8_t *data, size_t n)
{
	void *m =
		mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert(h->data == NULL);
	if (m == MAP_FAILED)
		return false;
	(void)madvise(m, n, MADV_DONTDUMP); /* there are no dumps anyway */
	memcpy(m, data, n);
	*h = (struct splice_held){ m, n };
	return true;
}

/* The other side hears of an end once it has got everything. */
static enum splice_status
settle(struct splice *s)
{
	for (int i = FRAMER_POS; i <= FRAMER_TERMINAL; i++) {
		enum framer_side to = other((enum framer_side)i);

		if (s->held[i].data != NULL)
			continue;
		if (s->closed[i])
			return SPLICE_OVER;
		if (s->ended[i] && !s->shut[to]) {
			s->shut[to] = true;
			s->ops->shutdown(s->lines[to]);
		}
	}
	return SPLICE_ON;
}

static bool
may_stop(const struct splice *s)
{
	return s->stop && s->held[0].data == NULL && s->held[1].data == NULL &&
	       !s->ended[0] && !s->ended[1];
}

/* How many of n bytes come before the end at which the splice is to stop; n: there is none. */
static size_t
feed(struct splice *s, enum framer_side side, const uint8_t *data, size_t n,
     bool *ret_stop)
{
	size_t taken = 0;

	while (s->framed && taken < n) {
		bool ended;

		taken += framer_feed(&s->framer, side, data + taken, n - taken, &ended);
		if (ended && *ret_stop)
			return taken;
	}
	*ret_stop = false;
	return n;
}

void
splice_init(struct splice *s, const struct splice_ops *ops, void *pos, void *terminal,
	    const struct framer *framer)
{
	*s = (struct splice){ .ops = ops, .lines = { pos, terminal } };
	if (framer != NULL) {
		s->framer = *framer;
		s->framed = true;
	}
}

int
splice_hold(struct splice *s, enum framer_side side, const uint8_t *data, size_t n)
{
	bool stop = false;

	(void)feed(s, side, data, n, &stop);
	s->bytes[side] += n;
	return hold(&s->held[side], data, n) ? 0 : -ENOMEM;
}

void
splice_end(struct splice *s)
{
	held_free(&s->held[FRAMER_POS]);
	held_free(&s->held[FRAMER_TERMINAL]);
}

enum splice_status
splice_data(struct splice *s, enum framer_side side, const uint8_t *data, size_t n,
	    struct splice_rest *ret_rest)
{
	bool stop = may_stop(s), passed = false;
	size_t send = feed(s, side, data, n, &stop);
	int rc = 0;

	assert(s->held[side].data == NULL); /* a paused line sends nothing */
	s->bytes[side] += n;
	if (send > 0)
		rc = s->ops->send(s->lines[other(side)], data, send);
	if (rc == 0 && !stop)
		return SPLICE_ON;
	if (rc == 0) {
		*ret_rest = (struct splice_rest){ side, data + send, n - send };
		return SPLICE_ENDED;
	}
	/* A line that takes nothing any more says "closed" itself, or has; else it says "drained". */
	if (rc != -EAGAIN)
		return SPLICE_OVER;
	(void)feed(s, side, data + send, n - send, &passed);
	s->ops->pause(s->lines[side], true);
	return hold(&s->held[side], data, n) ? SPLICE_ON : SPLICE_OVER;
}

enum splice_status
splice_drained(struct splice *s, enum framer_side side)
{
	enum framer_side from = other(side);
	struct splice_held *h = &s->held[from];
	int rc;

	if (h->data == NULL)
		return SPLICE_ON;
	rc = s->ops->send(s->lines[side], h->data, h->n);
	if (rc == -EAGAIN)
		return SPLICE_ON;
	held_free(h);
	if (rc < 0)
		return SPLICE_OVER;
	if (!s->closed[from])
		s->ops->pause(s->lines[from], false);
	return settle(s);
}

enum splice_status
splice_ended(struct splice *s, enum framer_side side)
{
	s->ended[side] = true;
	return settle(s);
}

bool
splice_is_idle(const struct splice *s)
{
	return s->framed && s->framer.state == FRAMER_IDLE && s->held[0].data == NULL &&
	       s->held[1].data == NULL && !s->ended[0] && !s->ended[1];
}

enum splice_status
splice_closed(struct splice *s, enum framer_side side)
{
	s->closed[side] = true;
	held_free(&s->held[other(side)]); /* for nobody any more */
	return settle(s);
}
