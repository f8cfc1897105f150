/* base/stream.h in virtual time: see lines.h. */
#include "base/stream.h"

#include "sim/virtual/lines.h"
#include "sim/virtual/virtual.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 96
#define LISTEN_MAX 2
#define NEVER INT64_MAX

/* Bytes that come at the near end together. */
struct chunk {
	struct chunk *next;
	int64_t at_ms;
	size_t n;
	uint8_t data[];
};

enum far_state { FAR_OPEN, FAR_HALF, FAR_GONE };

struct line {
	uint64_t id;         /* 0: free */
	struct stream *near; /* NULL: waits to be accepted, or has ended */
	bool waiting, near_ended;
	bool keeps; /* the process closes it, and sends what it has yet */
	struct chunk *in, **in_end;
	int64_t in_ms; /* of the last one */
	uint8_t *out;
	size_t out_n, out_room;
	enum far_state far;
	int far_err;
};

struct stream {
	struct streams *shared;
	struct stream *next;
	struct loop_timer *timer;
	struct stream_events e;
	void *ctx;
	struct line *line; /* NULL: not yet, or over */
	bool open, paused, shut, closed, told_end, wants_drained, dead, broken;
	int64_t opens_ms;
	int open_err;
	uint8_t *again; /* unread */
	size_t again_n;
	bool serial;
};

struct stream_listener {
	struct streams *shared;
	struct loop_timer *timer;
	void (*accepted)(void *ctx, struct stream *s);
	void *ctx;
	bool is_open;
};

struct streams {
	struct loop *loop;
	bool dead;
};

static struct {
	struct virtual_lines_hooks hooks;
	struct line lines[LINES_MAX];
	struct stream *streams; /* all */
	struct stream *
		current; /* one of its callbacks is under way; NULL: it was freed in it */
	struct stream_listener *listeners[LISTEN_MAX];
	uint64_t ids, pushed_back;
} net;

/* ---- lines ------------------------------------------------------------------------------- */

static struct line *
line_of(uint64_t id)
{
	for (size_t i = 0; id != 0 && i < LINES_MAX; i++)
		if (net.lines[i].id == id)
			return &net.lines[i];
	return NULL;
}

static void
line_forget(struct line *l)
{
	while (l->in != NULL) {
		struct chunk *c = l->in;

		l->in = c->next;
		free(c);
	}
	free(l->out);
	*l = (struct line){ .id = 0 };
}

/* A free place, or that of a line that both have ended. */
static struct line *
line_new(void)
{
	struct line *l = NULL;

	for (size_t i = 0; l == NULL && i < LINES_MAX; i++)
		if (net.lines[i].id == 0)
			l = &net.lines[i];
	for (size_t i = 0; l == NULL && i < LINES_MAX; i++)
		if (net.lines[i].near_ended && net.lines[i].far == FAR_GONE)
			l = &net.lines[i];
	if (l == NULL)
		return NULL;
	line_forget(l);
	l->id = ++net.ids;
	l->in_end = &l->in;
	return l;
}

static size_t
unsent(const struct line *l)
{
	return l->out_n > net.hooks.system_bytes ? l->out_n - net.hooks.system_bytes : 0;
}

/* Only what the system has still goes out. */
static void
near_gone(struct line *l, bool all)
{
	if (!all)
		l->out_n -= unsent(l);
	l->near = NULL;
	l->near_ended = true;
	l->keeps = all;
	if (l->far == FAR_GONE)
		l->out_n = 0;
	net.hooks.sent(net.hooks.ctx, l->id);
}

/* ---- what comes to a stream -------------------------------------------------------------- */

/* When something is due; NEVER. */
static int64_t
due_ms(const struct stream *s)
{
	const struct line *l = s->line;
	int64_t now_ms = virtual_now_ms();

	if (s->dead || s->closed)
		return NEVER;
	if (!s->open)
		return s->opens_ms;
	if (l == NULL)
		return NEVER;
	if (s->broken || (s->wants_drained && unsent(l) <= net.hooks.unsent_max / 2))
		return now_ms;
	if (s->told_end)
		return s->shut && (l->out_n == 0 || l->far == FAR_GONE) ? now_ms : NEVER;
	if (s->paused)
		return NEVER;
	if (s->again_n > 0)
		return now_ms;
	if (l->in != NULL)
		return l->in->at_ms;
	return l->far != FAR_OPEN ? l->in_ms : NEVER;
}

static void
arm(struct stream *s)
{
	int64_t at_ms = due_ms(s);

	if (at_ms == NEVER)
		loop_timer_cancel(s->timer);
	else
		(void)loop_timer_set(s->timer,
				     at_ms - virtual_now_ms()); /* cannot fail */
}

static void
tell_closed(struct stream *s, int err)
{
	struct line *l = s->line;

	s->closed = true;
	s->line = NULL;
	if (l != NULL) {
		l->far = FAR_GONE;
		near_gone(l, false);
	}
	if (s->e.closed != NULL)
		s->e.closed(s->ctx, err);
}

static void
tell_data(struct stream *s, const uint8_t *data, size_t n)
{
	if (s->e.data != NULL)
		s->e.data(s->ctx, data, n);
}

static void
tell_again(struct stream *s)
{
	uint8_t *data = s->again;
	size_t n = s->again_n;

	s->again = NULL;
	s->again_n = 0;
	tell_data(s, data, n);
	free(data);
}

static void
tell_chunk(struct stream *s)
{
	struct line *l = s->line;
	struct chunk *c = l->in;

	l->in = c->next;
	if (l->in == NULL)
		l->in_end = &l->in;
	tell_data(s, c->data, c->n);
	free(c);
}

static void
tell_opened(struct stream *s)
{
	if (s->line == NULL) { /* we have called */
		if (s->open_err == 0)
			s->line = line_new();
		if (s->line == NULL) {
			tell_closed(s, s->open_err != 0 ? s->open_err : -ETIMEDOUT);
			return;
		}
		s->line->near = s;
		net.hooks.stands(net.hooks.ctx, s->line->id);
	}
	s->open = true;
	if (s->e.opened != NULL)
		s->e.opened(s->ctx);
}

/* One thing that is due. */
static void
happens(struct stream *s)
{
	struct line *l = s->line;

	if (!s->open) {
		tell_opened(s);
	} else if (s->broken) {
		tell_closed(s, -ECONNRESET);
	} else if (s->wants_drained && unsent(l) <= net.hooks.unsent_max / 2) {
		s->wants_drained = false;
		if (s->e.drained != NULL)
			s->e.drained(s->ctx);
	} else if (s->told_end) {
		tell_closed(s, 0);
	} else if (s->again_n > 0) {
		tell_again(s);
	} else if (l->in != NULL) {
		tell_chunk(s);
	} else if (l->far_err == 0 && s->e.ended != NULL) {
		s->told_end = true;
		s->e.ended(s->ctx);
	} else {
		tell_closed(s, l->far_err);
	}
}

static void
on_timer(void *ctx)
{
	struct stream *s = ctx;

	if (due_ms(s) > virtual_now_ms())
		return;
	net.current = s;
	happens(s);
	if (net.current != NULL)
		arm(s);
	net.current = NULL;
}

static struct stream *
stream_new(struct streams *ss)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s == NULL || loop_timer_new(ss->loop, on_timer, s, &s->timer) < 0)
		abort();
	s->shared = ss;
	s->dead = ss->dead;
	s->next = net.streams;
	net.streams = s;
	return s;
}

/* ---- the world's ------------------------------------------------------------------------- */

void
virtual_lines_begin(const struct virtual_lines_hooks *hooks)
{
	for (size_t i = 0; i < LINES_MAX; i++)
		line_forget(&net.lines[i]);
	assert(net.streams == NULL);
	memset(&net, 0, sizeof(net));
	if (hooks != NULL)
		net.hooks = *hooks;
}

void
virtual_lines_kill(void)
{
	for (struct stream *s = net.streams; s != NULL; s = s->next) {
		struct line *l = s->line;

		s->dead = s->shared->dead = true;
		s->line = NULL;
		if (l != NULL)
			near_gone(l, false);
	}
	for (size_t i = 0; i < LINES_MAX; i++)
		if (net.lines[i].keeps) {
			net.lines[i].out_n -= unsent(&net.lines[i]);
			net.lines[i].keeps = false;
		}
	for (size_t i = 0; i < LISTEN_MAX; i++)
		if (net.listeners[i] != NULL) {
			net.listeners[i]->shared->dead = true;
			net.listeners[i] = NULL;
		}
}

void
virtual_lines_refuse(void)
{
	for (size_t i = 0; i < LINES_MAX; i++)
		if (net.lines[i].waiting) {
			net.lines[i].waiting = false;
			near_gone(&net.lines[i], false);
		}
}

static bool
somebody_listens(void)
{
	for (size_t i = 0; i < LISTEN_MAX; i++)
		if (net.listeners[i] != NULL)
			return true;
	return false;
}

static void
wake_listeners(void)
{
	for (size_t i = 0; i < LISTEN_MAX; i++)
		if (net.listeners[i] != NULL && net.listeners[i]->accepted != NULL)
			(void)loop_timer_set(net.listeners[i]->timer,
					     0); /* cannot fail */
}

uint64_t
virtual_line_connect(bool queue)
{
	struct line *l = queue || somebody_listens() ? line_new() : NULL;

	if (l == NULL)
		return 0;
	l->waiting = true;
	wake_listeners();
	return l->id;
}

bool
virtual_line_feed(uint64_t line, const void *data, size_t n, int64_t at_ms)
{
	struct line *l = line_of(line);
	struct chunk *c;

	if (l == NULL || l->near_ended || l->far != FAR_OPEN)
		return false;
	c = malloc(sizeof(*c) + n);
	if (c == NULL)
		abort();
	if (at_ms < l->in_ms)
		at_ms = l->in_ms;
	*c = (struct chunk){ .at_ms = at_ms, .n = n };
	memcpy(c->data, data, n);
	l->in_ms = at_ms;
	*l->in_end = c;
	l->in_end = &c->next;
	if (l->near != NULL)
		arm(l->near);
	return true;
}

size_t
virtual_line_take(uint64_t line, uint8_t *buf, size_t n)
{
	struct line *l = line_of(line);

	if (l == NULL)
		return 0;
	n = n < l->out_n ? n : l->out_n;
	if (n > 0)
		memcpy(buf, l->out, n);
	l->out_n -= n;
	if (l->out_n > 0)
		memmove(l->out, l->out + n, l->out_n);
	if (l->near != NULL)
		arm(l->near);
	return n;
}

size_t
virtual_line_waits(uint64_t line)
{
	const struct line *l = line_of(line);

	return l == NULL ? 0 : l->out_n;
}

void
virtual_line_end(uint64_t line, bool half, int err)
{
	struct line *l = line_of(line);

	if (l == NULL || l->far == FAR_GONE)
		return;
	l->far = half ? FAR_HALF : FAR_GONE;
	l->far_err = err;
	if (l->in_ms < virtual_now_ms())
		l->in_ms = virtual_now_ms();
	if (l->far == FAR_GONE)
		l->out_n = 0;
	if (l->near != NULL)
		arm(l->near);
}

bool
virtual_line_ended(uint64_t line)
{
	const struct line *l = line_of(line);

	if (l == NULL)
		return true;
	return l->out_n == 0 && (l->near_ended || (l->near != NULL && l->near->shut));
}

uint64_t
virtual_lines_pushed_back(void)
{
	return net.pushed_back;
}

/* ---- stream.h ---------------------------------------------------------------------------- */

int
streams_new(struct loop *l, const char *credentials, struct streams **ret_streams)
{
	struct streams *ss = calloc(1, sizeof(*ss));

	(void)credentials;
	if (ss == NULL)
		return -ENOMEM;
	ss->loop = l;
	*ret_streams = ss;
	return 0;
}

struct streams *
streams_free(struct streams *ss)
{
	free(ss);
	return NULL;
}

/* A serial line is one program's at a time. */
static bool
is_taken(const struct streams *ss)
{
	for (const struct stream *s = net.streams; s != NULL; s = s->next)
		if (s->shared == ss && s->serial && !s->closed && !s->dead)
			return true;
	return false;
}

int
stream_open(struct streams *ss, const struct address *a, const struct stream_events *e,
	    void *ctx, struct stream **ret_stream, char why[STREAM_WHY_BYTES])
{
	bool serial = a->kind == ADDRESS_SERIAL, taken = serial && is_taken(ss);
	struct stream *s = stream_new(ss);
	int64_t delay_ms = 0;

	if (why != NULL)
		why[0] = '\0';
	s->e = *e;
	s->ctx = ctx;
	s->serial = serial;
	if (!s->dead)
		s->open_err = net.hooks.opens(net.hooks.ctx, &delay_ms);
	if (taken)
		s->open_err = -EBUSY;
	s->opens_ms = virtual_now_ms() + delay_ms;
	arm(s);
	*ret_stream = s;
	return 0;
}

int
stream_send(struct stream *s, const uint8_t *data, size_t n)
{
	struct line *l = s->line;

	if (s->dead)
		return 0; /* nobody is there any more to hear it */
	if (!s->open || s->shut || s->closed || l == NULL)
		return -ENOTCONN;
	if (n > STREAM_UNSENT_MAX)
		return -EMSGSIZE;
	/* As with a big limit and small pieces: what comes after "drained" fits. */
	if (unsent(l) > net.hooks.unsent_max / 2 &&
	    unsent(l) + n > net.hooks.unsent_max) {
		s->wants_drained = true;
		net.pushed_back++;
		return -EAGAIN;
	}
	if (l->far == FAR_GONE) {
		s->broken = n > 0;
		arm(s);
		return 0;
	}
	if (l->out_n + n > l->out_room) {
		l->out_room = (l->out_n + n) * 2;
		l->out = realloc(l->out, l->out_room);
		if (l->out == NULL)
			abort();
	}
	if (n > 0)
		memcpy(l->out + l->out_n, data, n);
	l->out_n += n;
	net.hooks.sent(net.hooks.ctx, l->id);
	return 0;
}

size_t
stream_unsent(const struct stream *s)
{
	return s->line == NULL ? 0 : unsent(s->line);
}

int
stream_unread(struct stream *s, const uint8_t *data, size_t n)
{
	uint8_t *all;

	if (!s->open || s->closed)
		return s->dead ? 0 : -ENOTCONN;
	if (n == 0)
		return 0;
	all = realloc(s->again, s->again_n + n);
	if (all == NULL)
		return -ENOMEM;
	memcpy(all + s->again_n, data, n);
	s->again = all;
	s->again_n += n;
	arm(s);
	return 0;
}

void
stream_pause(struct stream *s, bool pause)
{
	s->paused = pause;
	arm(s);
}

void
stream_shutdown(struct stream *s)
{
	s->shut = true;
	if (s->line != NULL)
		net.hooks.sent(net.hooks.ctx, s->line->id);
	arm(s);
}

static struct stream *
dispose(struct stream *s, bool all)
{
	struct stream **at = &net.streams;

	if (s->line != NULL)
		near_gone(s->line, all);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	if (net.current == s)
		net.current = NULL;
	loop_timer_free(s->timer);
	free(s->again);
	free(s);
	return NULL;
}

void
stream_close(struct stream *s)
{
	(void)dispose(s, s->open); /* gives NULL */
}

struct stream *
stream_free(struct stream *s)
{
	return s == NULL ? NULL : dispose(s, false);
}

void
stream_set_events(struct stream *s, const struct stream_events *e, void *ctx)
{
	s->e = *e;
	s->ctx = ctx;
	arm(s);
}

int
stream_modem(struct stream *s, unsigned mask, unsigned lines)
{
	(void)s;
	(void)mask;
	(void)lines;
	return -ENOTTY;
}

bool
stream_is_open(const struct stream *s)
{
	return s->open && !s->closed;
}

const char *
stream_peer(const struct stream *s)
{
	return s->serial ? "a line" : "a machine";
}

const char *
stream_why(const struct stream *s)
{
	(void)s;
	return "";
}

/* ---- listening --------------------------------------------------------------------------- */

static struct line *
first_waiting(void)
{
	struct line *first = NULL;

	for (size_t i = 0; i < LINES_MAX; i++) {
		struct line *l = &net.lines[i];

		if (l->id != 0 && l->waiting && (first == NULL || l->id < first->id))
			first = l;
	}
	return first;
}

static void
on_accept(void *ctx)
{
	struct stream_listener *l = ctx;
	struct line *line = l->accepted == NULL || !l->is_open ? NULL : first_waiting();
	struct stream *s;

	if (line == NULL)
		return;
	line->waiting = false;
	s = stream_new(l->shared);
	s->line = line;
	line->near = s;
	arm(s);
	if (first_waiting() != NULL)
		(void)loop_timer_set(l->timer, 0); /* cannot fail */
	l->accepted(l->ctx, s);
}

int
stream_listen(struct streams *ss, const struct stream_listen_options *o,
	      struct stream_listener **ret_listener, char why[STREAM_WHY_BYTES])
{
	struct stream_listener *l = calloc(1, sizeof(*l));

	(void)why;
	if (l == NULL || loop_timer_new(ss->loop, on_accept, l, &l->timer) < 0)
		abort();
	l->shared = ss;
	l->accepted = o->accepted;
	l->ctx = o->ctx;
	l->is_open = true;
	for (size_t i = 0; i < LISTEN_MAX; i++)
		if (net.listeners[i] == NULL) {
			net.listeners[i] = l;
			break;
		}
	wake_listeners();
	*ret_listener = l;
	return 0;
}

struct stream_listener *
stream_listener_free(struct stream_listener *l)
{
	if (l == NULL)
		return NULL;
	for (size_t i = 0; i < LISTEN_MAX; i++)
		if (net.listeners[i] == l)
			net.listeners[i] = NULL;
	loop_timer_free(l->timer);
	free(l);
	return NULL;
}

void
stream_listener_set(struct stream_listener *l,
		    void (*accepted)(void *ctx, struct stream *s), void *ctx)
{
	l->accepted = accepted;
	l->ctx = ctx;
	if (accepted != NULL && first_waiting() != NULL)
		wake_listeners();
}

uint64_t
stream_listener_refused(const struct stream_listener *l)
{
	(void)l;
	return 0;
}

/* For test programs that are linked with helpers of other tests. */
uint16_t
stream_listener_port(const struct stream_listener *l)
{
	(void)l;
	return 0;
}
