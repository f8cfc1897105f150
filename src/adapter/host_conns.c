#include "adapter/host_conns.h"

#include "adapter/watch.h"

#include "base/crash.h"
#include "base/log.h"
#include "base/plain/str.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 64u /* of an option */

enum conn_state {
	CONN_NONE,
	CONN_LIVE,
	CONN_PARKED, /* its stream is somebody else's */
	CONN_LEFT,   /* parked, and the plug-in has closed it */
	CONN_ENDING  /* closed is still to be told */
};

struct conn {
	struct host_conns *table;
	uint64_t id;
	enum conn_state state;
	bool opened, tell_opened;
	int status; /* of CONN_ENDING */
	struct stream *stream;
	struct laned_conn_events e;
	void *user;
	const struct host_conns_tap *tap;
	void *tap_ctx;
};

struct listener {
	struct host_conns *table;
	uint64_t id; /* 0: none */
	char name[NAME_BYTES];
	struct stream_listener *listener; /* NULL: of an endpoint */
	struct laned_conn_events e;
	void *user;
};

struct host_conns {
	struct host_conns_options o;
	const struct host_conns_endpoints *endpoints;
	void *endpoints_ctx;
	struct loop_timer *later;
	uint64_t ids;
	uint64_t misuse, refused;
	struct conn conns[HOST_CONNS_MAX];
	struct listener listeners[HOST_LISTENERS_MAX];
};

/* ---- finding ----------------------------------------------------------------------------- */

static struct conn *
conn_find(struct host_conns *t, uint64_t id)
{
	for (size_t i = 0; id != 0 && i < HOST_CONNS_MAX; i++)
		if (t->conns[i].state != CONN_NONE && t->conns[i].id == id)
			return &t->conns[i];
	return NULL;
}

static struct listener *
listener_find(struct host_conns *t, uint64_t id)
{
	for (size_t i = 0; id != 0 && i < HOST_LISTENERS_MAX; i++)
		if (t->listeners[i].id == id)
			return &t->listeners[i];
	return NULL;
}

static struct listener *
listener_named(struct host_conns *t, const char *name)
{
	for (size_t i = 0; i < HOST_LISTENERS_MAX; i++)
		if (t->listeners[i].id != 0 && strcmp(t->listeners[i].name, name) == 0)
			return &t->listeners[i];
	return NULL;
}

static void
conn_forget(struct conn *c)
{
	stream_free(c->stream);
	*c = (struct conn){ .state = CONN_NONE };
}

/* What a plug-in handed over may be longer, when it knows a later version; of minor 3 it ends before ended. */
static bool
events_ok(const struct laned_conn_events *e)
{
	return e != NULL && e->size >= offsetof(struct laned_conn_events, ended);
}

/* All that this version knows of them; what they have not is NULL. */
static struct laned_conn_events
copy_of(const struct laned_conn_events *e)
{
	struct laned_conn_events copy = { .ended = NULL };

	memcpy(&copy, e, e->size < sizeof(copy) ? e->size : sizeof(copy));
	return copy;
}

/* Each id is given once in the life of a process: a stale one never means another connection. */
static struct conn *
conn_add(struct host_conns *t, const struct laned_conn_events *e, void *user)
{
	for (size_t i = 0; i < HOST_CONNS_MAX; i++) {
		struct conn *c = &t->conns[i];

		if (c->state != CONN_NONE)
			continue;
		*c = (struct conn){ .table = t,
				    .id = ++t->ids,
				    .state = CONN_LIVE,
				    .e = copy_of(e),
				    .user = user };
		return c;
	}
	return NULL;
}

/* ---- from the streams to the plug-in ----------------------------------------------------- */

static int
status_of(int err)
{
	switch (-err) {
	case 0:
		return LANED_OK;
	case ENOMEM:
		return LANED_NO_MEMORY;
	case EKEYREJECTED:
	case EPROTO:
		return LANED_INVALID; /* of tls: not who it should be, or no TLS at all */
	case EACCES:
	case EPERM:
	case EIO:
		return LANED_IO;
	default:
		return LANED_GONE;
	}
}

static void
ensure_opened(struct conn *c)
{
	unsigned was;

	if (c->opened)
		return;
	c->opened = true;
	c->tell_opened = false;
	crash_point("host.opened");
	if (c->e.opened == NULL)
		return;
	was = watch_enter(CRASH_CONNECTION, 0);
	c->e.opened(c->user, c->id);
	watch_leave(was);
}

static void
on_opened(void *ctx)
{
	struct conn *c = ctx;

	log_debug("%s: connected with %s", c->table->o.name, stream_peer(c->stream));
	ensure_opened(c);
}

static void
on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct conn *c = ctx;
	uint64_t id = c->id;
	unsigned was;

	ensure_opened(c);
	if (c->id != id || c->state != CONN_LIVE)
		return; /* the plug-in has closed it meanwhile */
	if (c->tap != NULL && c->tap->received != NULL &&
	    c->tap->received(c->tap_ctx, id, data, n))
		return;
	crash_point("host.data");
	if (c->e.data == NULL)
		return;
	was = watch_enter(CRASH_CONNECTION, 0);
	c->e.data(c->user, id, data, n);
	watch_leave(was);
}

static void
on_drained(void *ctx)
{
	struct conn *c = ctx;
	unsigned was;

	if (c->e.drained == NULL)
		return;
	was = watch_enter(CRASH_CONNECTION, 0);
	c->e.drained(c->user, c->id);
	watch_leave(was);
}

static void
on_modem(void *ctx, unsigned lines)
{
	struct conn *c = ctx;
	uint64_t id = c->id;
	unsigned was;

	ensure_opened(c);
	if (c->id != id || c->state != CONN_LIVE)
		return; /* as in on_data */
	was = watch_enter(CRASH_CONNECTION, 0);
	c->e.modem(c->user, id, lines);
	watch_leave(was);
}

/* The peer sends no more, and the plug-in wants to know that apart from the end of the connection. */
static void
on_ended(void *ctx)
{
	struct conn *c = ctx;
	uint64_t id = c->id;
	unsigned was;

	ensure_opened(c);
	if (c->id != id || c->state != CONN_LIVE)
		return; /* as in on_data */
	crash_point("host.ended");
	was = watch_enter(CRASH_CONNECTION, 0);
	c->e.ended(c->user, id);
	watch_leave(was);
}

/* The connection is forgotten first: what the plug-in does in its last callback finds none. */
static void
tell_closed(struct conn *c, int status)
{
	struct conn gone = *c;
	unsigned was;

	stream_free(c->stream);
	*c = (struct conn){ .state = CONN_NONE };
	if (gone.tap != NULL && gone.tap->ended != NULL)
		gone.tap->ended(gone.tap_ctx, gone.id);
	crash_point("host.closed");
	if (gone.e.closed == NULL)
		return;
	was = watch_enter(CRASH_CONNECTION, 0);
	gone.e.closed(gone.user, gone.id, status);
	watch_leave(was);
}

static void
on_closed(void *ctx, int err)
{
	struct conn *c = ctx;
	const char *name = c->table->o.name;

	if (err == 0)
		log_debug("%s: %s has ended the connection", name,
			  stream_peer(c->stream));
	else
		log_info("%s: %s: %s", name, stream_peer(c->stream),
			 stream_why(c->stream));
	tell_closed(c, status_of(err));
}

/* modem is wanted only by those who look at the lines: they are polled for it. */
static void
attach(struct conn *c, struct stream *s)
{
	const struct stream_events e = { .opened = on_opened,
					 .data = on_data,
					 .drained = on_drained,
					 .modem = c->e.modem != NULL ? on_modem : NULL,
					 .ended = c->e.ended != NULL ? on_ended : NULL,
					 .closed = on_closed };

	c->stream = s;
	stream_set_events(s, &e, c);
}

static void
later_cb(void *ctx)
{
	struct host_conns *t = ctx;

	for (size_t i = 0; i < HOST_CONNS_MAX; i++) {
		struct conn *c = &t->conns[i];

		if (c->state == CONN_ENDING)
			tell_closed(c, c->status);
		else if (c->state == CONN_LIVE && c->tell_opened)
			ensure_opened(c);
	}
}

/* A stream that stands already is told as opened from the loop. */
static int
adopt(struct conn *c, struct stream *s)
{
	attach(c, s);
	if (!stream_is_open(s))
		return 0;
	c->tell_opened = true;
	return loop_timer_set(c->table->later, 0);
}

/* ---- opening ----------------------------------------------------------------------------- */

/* What the option has for an address, read. LANED_OK; LANED_MISSING; LANED_INVALID. */
static int
find_address(struct host_conns *t, const char *option, struct address *ret_address)
{
	char why[ADDRESS_WHY_BYTES];
	struct str text = { NULL, 0 };

	if (t->o.address(t->o.ctx, option, &text) < 0 || text.n == 0)
		return LANED_MISSING;
	if (address_parse(text, ret_address, why) == 0)
		return LANED_OK;
	log_err("%s: option %s: %s", t->o.name, option, why);
	return LANED_INVALID;
}

/* What making a stream or a listener said: for the log, and for the plug-in. */
static int
judge(const struct host_conns *t, const char *option, int rc, const char *why)
{
	if (rc == 0)
		return LANED_OK;
	log_err("%s: option %s: %s", t->o.name, option, why);
	switch (-rc) {
	case EINVAL:
		return LANED_INVALID;
	case ENOENT:
	case EPERM:
	case EKEYREJECTED:
		return LANED_MISSING;
	case ENOMEM:
		return LANED_NO_MEMORY;
	default:
		return LANED_IO;
	}
}

static int
open_option(struct host_conns *t, const char *option, struct stream **ret_stream)
{
	static const struct stream_events none = { .opened = NULL };
	char why[STREAM_WHY_BYTES] = "";
	struct address a;
	int rc = find_address(t, option, &a);

	if (rc != LANED_OK)
		return rc;
	rc = stream_open(t->o.streams, &a, &none, NULL, ret_stream, why);
	return judge(t, option, rc, why);
}

int
host_conns_open(struct host_conns *t, const char *option,
		const struct laned_conn_events *events, void *user, uint64_t *ret_conn)
{
	struct stream *s = NULL;
	struct conn *c;
	int rc = LANED_MISSING;

	if (option == NULL || !events_ok(events) || ret_conn == NULL)
		return LANED_INVALID;
	c = conn_add(t, events, user);
	if (c == NULL)
		return LANED_AGAIN;
	if (t->endpoints != NULL)
		rc = t->endpoints->open(t->endpoints_ctx, option, &s);
	if (rc == LANED_MISSING)
		rc = open_option(t, option, &s);
	if (rc == LANED_OK && adopt(c, s) < 0)
		rc = LANED_NO_MEMORY;
	if (rc != LANED_OK) {
		conn_forget(c);
		return rc;
	}
	*ret_conn = c->id;
	return LANED_OK;
}

/* ---- listening --------------------------------------------------------------------------- */

/* Takes s, also on failure. */
static int
accept_for(struct listener *l, struct stream *s, uint64_t *ret_conn)
{
	struct host_conns *t = l->table;
	struct conn *c = conn_add(t, &l->e, l->user);

	if (c == NULL) {
		t->refused++;
		stream_free(s);
		return -EMFILE;
	}
	if (adopt(c, s) < 0) {
		conn_forget(c);
		return -ENOMEM;
	}
	if (ret_conn != NULL)
		*ret_conn = c->id;
	return 0;
}

static void
on_accepted(void *ctx, struct stream *s)
{
	(void)accept_for(ctx, s, NULL); /* what cannot be taken is closed, and counted */
}

static void
on_refused(void *ctx, const char *peer, bool many)
{
	const struct listener *l = ctx;

	log_warn("%s: option %s: %s was turned away: %s", l->table->o.name, l->name, peer,
		 many ? "too many connections at once"
		      : "it is in no net that allow= of the address lists");
}

static int
listen_option(struct listener *l)
{
	struct host_conns *t = l->table;
	char why[STREAM_WHY_BYTES] = "";
	struct address a;
	struct stream_listen_options o = { .address = &a,
					   .fd = -1,
					   .peers_max = HOST_CONNS_PEERS_MAX,
					   .accepted = on_accepted,
					   .refused = on_refused,
					   .ctx = l };
	int rc = find_address(t, l->name, &a);

	if (rc != LANED_OK)
		return rc;
	rc = stream_listen(t->o.streams, &o, &l->listener, why);
	return judge(t, l->name, rc, why);
}

static struct listener *
listener_room(struct host_conns *t)
{
	for (size_t i = 0; i < HOST_LISTENERS_MAX; i++)
		if (t->listeners[i].id == 0)
			return &t->listeners[i];
	return NULL;
}

int
host_conns_listen(struct host_conns *t, const char *option,
		  const struct laned_conn_events *events, void *user,
		  uint64_t *ret_listener)
{
	struct listener *l;
	int rc = LANED_MISSING;

	if (option == NULL || strlen(option) >= NAME_BYTES || !events_ok(events) ||
	    ret_listener == NULL)
		return LANED_INVALID;
	if (listener_named(t, option) != NULL)
		return LANED_REFUSED;
	l = listener_room(t);
	if (l == NULL)
		return LANED_AGAIN;
	*l = (struct listener){
		.table = t, .id = ++t->ids, .e = copy_of(events), .user = user
	};
	(void)str_copy(l->name, sizeof(l->name), str_of(option)); /* fits: checked */
	if (t->endpoints != NULL)
		rc = t->endpoints->listen(t->endpoints_ctx, option);
	if (rc == LANED_MISSING)
		rc = listen_option(l);
	if (rc != LANED_OK) {
		l->id = 0;
		return rc;
	}
	*ret_listener = l->id;
	return LANED_OK;
}

static void
listener_close(struct listener *l)
{
	struct host_conns *t = l->table;

	if (l->listener != NULL) {
		t->refused += stream_listener_refused(l->listener);
		l->listener = stream_listener_free(l->listener);
	} else if (t->endpoints != NULL) {
		t->endpoints->unlisten(t->endpoints_ctx, l->name);
	}
	l->id = 0;
}

/* ---- using ------------------------------------------------------------------------------- */

/* An id that is no connection: one that was, or none at all. */
static int
no_such(struct host_conns *t, uint64_t id)
{
	t->misuse++;
	return id != 0 && id <= t->ids && listener_find(t, id) == NULL ? LANED_GONE
								       : LANED_INVALID;
}

int
host_conns_send(struct host_conns *t, uint64_t conn, const uint8_t *data, size_t n)
{
	struct conn *c = conn_find(t, conn);
	int rc;

	if (c == NULL)
		return no_such(t, conn);
	if (data == NULL && n > 0)
		return LANED_INVALID;
	if (n > LANED_CONN_BYTES_MAX)
		return LANED_TOO_LARGE;
	if (c->state != CONN_LIVE)
		return LANED_GONE;
	if (!c->opened)
		return LANED_REFUSED;
	crash_point("host.send");
	rc = stream_send(c->stream, data, n);
	if (rc == 0 && c->tap != NULL && c->tap->sent != NULL && n > 0)
		c->tap->sent(c->tap_ctx, conn, data, n);
	switch (-rc) {
	case 0:
		return LANED_OK;
	case EAGAIN:
		return LANED_AGAIN;
	case ENOMEM:
		return LANED_NO_MEMORY;
	default:
		return LANED_GONE;
	}
}

static void
conn_close(struct conn *c)
{
	struct conn was = *c;

	if (c->state == CONN_PARKED || c->state == CONN_LEFT) {
		c->state = CONN_LEFT; /* until its stream comes back */
		return;
	}
	if (c->stream != NULL)
		stream_close(c->stream); /* sends what was taken, and is gone for us */
	*c = (struct conn){ .state = CONN_NONE };
	if (was.tap != NULL && was.tap->ended != NULL)
		was.tap->ended(was.tap_ctx, was.id);
}

void
host_conns_close(struct host_conns *t, uint64_t conn)
{
	struct conn *c = conn_find(t, conn);
	struct listener *l = listener_find(t, conn);

	crash_point("host.close");
	if (c != NULL && c->state != CONN_LEFT)
		conn_close(c);
	else if (l != NULL)
		listener_close(l);
	else
		t->misuse++;
}

#define SAME(line) ((int)STREAM_##line == (int)LANED_MODEM_##line)
_Static_assert(SAME(DTR) && SAME(RTS) && SAME(CTS) && SAME(DSR) && SAME(DCD) &&
		       SAME(BREAK),
	       "the lines have one numbering");

int
host_conns_modem(struct host_conns *t, uint64_t conn, uint32_t mask, uint32_t lines)
{
	struct conn *c = conn_find(t, conn);
	int rc;

	if (c == NULL)
		return no_such(t, conn);
	if (c->state != CONN_LIVE)
		return LANED_GONE;
	rc = stream_modem(c->stream, mask, lines);
	switch (-rc) {
	case 0:
		return LANED_OK;
	case ENOTTY:
		return LANED_UNSUPPORTED;
	case EINVAL:
		return LANED_INVALID;
	case ENOTCONN:
		return c->opened ? LANED_GONE : LANED_REFUSED;
	default:
		return LANED_IO;
	}
}

/* ---- endpoints, and those who take connections over ---------------------------------------- */

void
host_conns_set_endpoints(struct host_conns *t, const struct host_conns_endpoints *e,
			 void *ctx)
{
	t->endpoints = e;
	t->endpoints_ctx = ctx;
}

int
host_conns_accepted(struct host_conns *t, const char *name, struct stream *s,
		    uint64_t *ret_conn)
{
	struct listener *l = listener_named(t, name);

	if (l == NULL) {
		stream_free(s);
		return -ENOENT;
	}
	return accept_for(l, s, ret_conn);
}

struct stream *
host_conns_take(struct host_conns *t, uint64_t conn)
{
	struct conn *c = conn_find(t, conn);
	struct stream *s;

	if (c == NULL || c->state != CONN_LIVE)
		return NULL;
	s = c->stream;
	c->stream = NULL;
	c->state = CONN_PARKED;
	return s;
}

/* The plug-in has closed it while its stream was away: only now it is over. */
static void
end_left(struct conn *c)
{
	struct conn was = *c;

	conn_forget(c);
	if (was.tap != NULL && was.tap->ended != NULL)
		was.tap->ended(was.tap_ctx, was.id);
}

void
host_conns_give_back(struct host_conns *t, uint64_t conn, struct stream *s)
{
	struct conn *c = conn_find(t, conn);

	if (c == NULL || c->state != CONN_PARKED) {
		stream_close(s);
		if (c != NULL && c->state == CONN_LEFT)
			end_left(c);
		return;
	}
	c->state = CONN_LIVE;
	attach(c, s);
}

void
host_conns_revoke(struct host_conns *t, uint64_t conn, bool tell, int status)
{
	struct conn *c = conn_find(t, conn);

	if (c == NULL || (c->state != CONN_PARKED && c->state != CONN_LEFT))
		return;
	if (!tell || c->state == CONN_LEFT || loop_timer_set(t->later, 0) < 0) {
		conn_forget(c);
		return;
	}
	c->state = CONN_ENDING;
	c->status = status;
}

int
host_conns_tap(struct host_conns *t, uint64_t conn, const struct host_conns_tap *tap,
	       void *ctx)
{
	struct conn *c = conn_find(t, conn);

	if (c == NULL)
		return -ENOENT;
	c->tap = tap;
	c->tap_ctx = ctx;
	return 0;
}

/* ---- life -------------------------------------------------------------------------------- */

int
host_conns_new(const struct host_conns_options *o, struct host_conns **ret_conns)
{
	struct host_conns *t = calloc(1, sizeof(*t));
	int rc;

	assert(o->address != NULL && o->streams != NULL);
	if (t == NULL)
		return -ENOMEM;
	t->o = *o;
	rc = loop_timer_new(o->loop, later_cb, t, &t->later);
	if (rc < 0) {
		free(t);
		return rc;
	}
	*ret_conns = t;
	return 0;
}

struct host_conns *
host_conns_free(struct host_conns *t)
{
	if (t == NULL)
		return NULL;
	for (size_t i = 0; i < HOST_LISTENERS_MAX; i++)
		if (t->listeners[i].id != 0)
			listener_close(&t->listeners[i]);
	for (size_t i = 0; i < HOST_CONNS_MAX; i++)
		if (t->conns[i].state != CONN_NONE)
			conn_forget(&t->conns[i]);
	loop_timer_free(t->later);
	free(t);
	return NULL;
}

unsigned
host_conns_count(const struct host_conns *t)
{
	unsigned n = 0;

	for (size_t i = 0; i < HOST_CONNS_MAX; i++)
		n += t->conns[i].state != CONN_NONE && t->conns[i].state != CONN_LEFT;
	return n;
}

unsigned
host_conns_listeners(const struct host_conns *t)
{
	unsigned n = 0;

	for (size_t i = 0; i < HOST_LISTENERS_MAX; i++)
		n += t->listeners[i].id != 0;
	return n;
}

bool
host_conns_has_room(const struct host_conns *t)
{
	for (size_t i = 0; i < HOST_CONNS_MAX; i++)
		if (t->conns[i].state == CONN_NONE)
			return true;
	return false;
}

uint64_t
host_conns_misuse(const struct host_conns *t)
{
	return t->misuse;
}

uint64_t
host_conns_refused(const struct host_conns *t)
{
	uint64_t n = t->refused;

	for (size_t i = 0; i < HOST_LISTENERS_MAX; i++)
		if (t->listeners[i].id != 0 && t->listeners[i].listener != NULL)
			n += stream_listener_refused(t->listeners[i].listener);
	return n;
}
