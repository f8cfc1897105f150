/* The connections of a host in virtual time, from the plug-in's side: in memory, nothing is real. */
#include "adapter/vhost_conns_private.h"

#include "base/address.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- finding ----------------------------------------------------------------------------- */

struct vconn *
vhost_conn_find(struct vhost_conns *t, uint64_t id)
{
	for (size_t i = 0; id != 0 && i < VCONN_SLOTS; i++)
		if (t->conns[i].id == id)
			return &t->conns[i];
	return NULL;
}

struct vconn *
vhost_conn_held(struct vhost_conns *t, uint64_t id)
{
	struct vconn *c = vhost_conn_find(t, id);

	return c != NULL && c->held ? c : NULL;
}

struct vlistener *
vhost_listener_named(struct vhost_conns *t, const char *option)
{
	for (size_t i = 0; i < HOST_LISTENERS_MAX; i++)
		if (t->listeners[i].id != 0 &&
		    strcmp(t->listeners[i].option, option) == 0)
			return &t->listeners[i];
	return NULL;
}

static struct vlistener *
listener_find(struct vhost_conns *t, uint64_t id)
{
	for (size_t i = 0; id != 0 && i < HOST_LISTENERS_MAX; i++)
		if (t->listeners[i].id == id)
			return &t->listeners[i];
	return NULL;
}

void
vhost_conn_forget(struct vconn *c)
{
	free(c->sent);
	*c = (struct vconn){ .id = 0 };
}

/* A free slot, or that of the connection that is closed longest. */
static struct vconn *
conn_room(struct vhost_conns *t)
{
	struct vconn *oldest = NULL;

	for (size_t i = 0; i < VCONN_SLOTS; i++) {
		struct vconn *c = &t->conns[i];

		if (c->id == 0)
			return c;
		if (!c->held && (oldest == NULL || c->id < oldest->id))
			oldest = c;
	}
	if (oldest != NULL)
		vhost_conn_forget(oldest);
	return oldest;
}

struct vconn *
vhost_conn_add(struct vhost_conns *t, const char *option,
	       const struct laned_conn_events *e, void *user)
{
	unsigned held = 0;
	struct vconn *c;

	for (size_t i = 0; i < VCONN_SLOTS; i++)
		held += t->conns[i].held;
	c = held < HOST_CONNS_MAX ? conn_room(t) : NULL;
	if (c == NULL)
		return NULL;
	*c = (struct vconn){
		.id = ++t->ids, .held = true, .user = user, .window = t->window
	};
	/* One that was built for an older minor version has fewer. */
	memcpy(&c->e, e, e->size < sizeof(c->e) ? e->size : sizeof(c->e));
	(void)str_copy(c->option, sizeof(c->option), str_of(option)); /* checked before */
	return c;
}

/* ---- events ------------------------------------------------------------------------------ */

int
vhost_conn_event_add(struct vhost *v, struct vconn *c, const struct vevent *what,
		     const void *data)
{
	struct vhost_conns *t = v->conns;
	struct vevent *e, **at = &t->events;
	int64_t at_ms = what->at_ms;

	if (t->events_count == VHOST_FEEDS_MAX)
		return -ENOSPC;
	e = calloc(1, sizeof(*e) + what->n);
	if (e == NULL)
		return -ENOMEM;
	if (at_ms < v->now_ms)
		at_ms = v->now_ms;
	if (at_ms < c->last_ms)
		at_ms = c->last_ms;
	c->last_ms = at_ms;
	*e = *what;
	e->at_ms = at_ms;
	e->conn = c->id;
	if (what->n > 0)
		memcpy(e->data, data, what->n);
	while (*at != NULL && (*at)->at_ms <= at_ms)
		at = &(*at)->next;
	e->next = *at;
	*at = e;
	t->events_count++;
	return 0;
}

int
vhost_conn_tell(struct vhost *v, struct vconn *c, enum vevent_kind kind, int64_t at_ms,
		int status)
{
	const struct vevent what = { .kind = kind, .at_ms = at_ms, .status = status };

	return vhost_conn_event_add(v, c, &what, NULL);
}

static void
drop_events(struct vhost_conns *t, uint64_t conn)
{
	struct vevent **at = &t->events;

	while (*at != NULL) {
		struct vevent *e = *at;

		if (e->conn != conn) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		free(e);
		t->events_count--;
	}
}

void
vhost_conn_end(struct vhost_conns *t, struct vconn *c)
{
	c->held = false;
	c->open = false;
	c->parked = NULL;
	t->paused -= c->paused;
	c->paused = false;
	drop_events(t, c->id);
}

static void
tell_parked(struct vhost *v, struct vconn *c, const struct vevent *e)
{
	vhost_conn_fn fn = c->parked;
	void *ctx = c->parked_ctx;
	uint64_t id = c->id;

	if (e->kind == EVENT_OPENED) {
		c->open = true;
		fn(ctx, id, VHOST_CONN_OPENED, NULL, 0);
	} else if (e->kind == EVENT_DATA) {
		fn(ctx, id, VHOST_CONN_DATA, e->data, e->n);
	} else if (e->kind == EVENT_DRAINED) {
		fn(ctx, id, VHOST_CONN_DRAINED, NULL, 0);
	} else if (e->kind == EVENT_CLOSED) {
		vhost_conn_end(v->conns, c);
		fn(ctx, id, VHOST_CONN_CLOSED, NULL, 0);
	}
}

static void
tell_plugin(struct vhost *v, struct vconn *c, const struct vevent *e)
{
	struct laned_conn_events fns = c->e;
	void *user = c->user;
	uint64_t id = c->id;

	switch (e->kind) {
	case EVENT_OPENED:
		c->open = true;
		if (fns.opened != NULL)
			fns.opened(user, id);
		break;
	case EVENT_DATA:
		if (fns.data != NULL)
			fns.data(user, id, e->data, e->n);
		break;
	case EVENT_DRAINED:
		if (fns.drained != NULL)
			fns.drained(user, id);
		break;
	case EVENT_MODEM:
		if (fns.modem != NULL)
			fns.modem(user, id, e->lines);
		break;
	case EVENT_CLOSED:
		vhost_conn_end(v->conns, c);
		if (fns.closed != NULL)
			fns.closed(user, id, e->status);
		break;
	}
}

/* What the other side does waits on a paused connection; that there is room again does not. */
static bool
waits(struct vhost_conns *t, const struct vevent *e)
{
	const struct vconn *c = t->paused == 0 ? NULL : vhost_conn_held(t, e->conn);

	return c != NULL && c->paused && e->kind != EVENT_DRAINED;
}

/* The first event that may happen. */
static struct vevent **
first_event(struct vhost_conns *t)
{
	struct vevent **at = &t->events;

	while (*at != NULL && waits(t, *at))
		at = &(*at)->next;
	return at;
}

int64_t
vhost_conns_due(const struct vhost *v)
{
	const struct vevent *e = *first_event(v->conns);

	if (e == NULL)
		return VHOST_NEVER;
	return e->at_ms > v->now_ms ? e->at_ms : v->now_ms; /* it may have waited */
}

void
vhost_conns_run(struct vhost *v)
{
	struct vhost_conns *t = v->conns;
	struct vevent **at = first_event(t), *e = *at;
	struct vconn *c;

	assert(e != NULL); /* it was due */
	free(t->now);
	t->now = e;
	*at = e->next;
	t->events_count--;
	c = vhost_conn_held(t, e->conn);
	if (c != NULL && c->parked != NULL)
		tell_parked(v, c, e);
	else if (c != NULL)
		tell_plugin(v, c, e);
}

/* ---- of the table ------------------------------------------------------------------------ */

/* As in the real host: of minor version 3 there is no `ended`. */
static bool
events_ok(const struct laned_conn_events *e)
{
	return e != NULL && e->size >= offsetof(struct laned_conn_events, ended);
}

static bool
is_endpoint(const char *option)
{
	return strcmp(option, LANED_ENDPOINT_POS) == 0 ||
	       strcmp(option, LANED_ENDPOINT_TERMINAL) == 0;
}

/* LANED_OK: there is an address; *ret_serial. */
static int
find_address(struct vhost *v, const char *option, bool listen, bool *ret_serial)
{
	const struct vhost_option *o = vhost_option_find(v, option);
	char why[ADDRESS_WHY_BYTES];
	struct address a;

	*ret_serial = false;
	if (strlen(option) >= VCONN_NAME_BYTES)
		return LANED_MISSING;
	if (is_endpoint(option))
		return LANED_OK;
	if (o == NULL || o->row->type != LANED_OPT_ADDRESS || o->text[0] == '\0')
		return LANED_MISSING;
	if (address_parse(str_of(o->text), &a, why) < 0 ||
	    address_check(&a, listen, why) < 0)
		return LANED_INVALID;
	*ret_serial = a.kind == ADDRESS_SERIAL;
	return LANED_OK;
}

static const struct vanswer *
answer_of(const struct vhost_conns *t, const char *option)
{
	static const struct vanswer at_once = { .status = LANED_OK };

	for (uint32_t i = 0; i < t->answers_count; i++)
		if (strcmp(t->answers[i].option, option) == 0)
			return &t->answers[i];
	return &at_once;
}

int
vhost_conn_open(struct laned_host *h, const char *option,
		const struct laned_conn_events *events, void *user, uint64_t *ret_conn)
{
	struct vhost *v = vhost_of(h);
	int rc = vhost_called(v, "conn_open");
	const struct vanswer *a;
	bool serial = false;
	struct vconn *c;

	if (rc != LANED_OK)
		return rc;
	if (option == NULL || !events_ok(events) || ret_conn == NULL)
		return LANED_INVALID;
	rc = find_address(v, option, false, &serial);
	if (rc != LANED_OK)
		return rc;
	v->conns->opens++;
	c = vhost_conn_add(v->conns, option, events, user);
	if (c == NULL)
		return LANED_AGAIN;
	c->serial = serial;
	a = answer_of(v->conns, option);
	if (a->delay_ms != VHOST_NEVER &&
	    vhost_conn_tell(v, c, a->status == LANED_OK ? EVENT_OPENED : EVENT_CLOSED,
			    v->now_ms + a->delay_ms, a->status) < 0) {
		vhost_conn_forget(c);
		return LANED_NO_MEMORY;
	}
	*ret_conn = c->id;
	return LANED_OK;
}

int
vhost_conn_listen(struct laned_host *h, const char *option,
		  const struct laned_conn_events *events, void *user,
		  uint64_t *ret_listener)
{
	struct vhost *v = vhost_of(h);
	int rc = vhost_called(v, "conn_listen");
	bool serial;

	if (rc != LANED_OK)
		return rc;
	if (option == NULL || !events_ok(events) || ret_listener == NULL)
		return LANED_INVALID;
	rc = find_address(v, option, true, &serial);
	if (rc == LANED_OK && vhost_listener_named(v->conns, option) != NULL)
		rc = LANED_REFUSED;
	if (rc != LANED_OK)
		return rc;
	for (size_t i = 0; i < HOST_LISTENERS_MAX; i++) {
		struct vlistener *l = &v->conns->listeners[i];

		if (l->id != 0)
			continue;
		*l = (struct vlistener){ .id = ++v->conns->ids,
					 .e = *events,
					 .user = user };
		(void)str_copy(l->option, sizeof(l->option), str_of(option)); /* fits */
		*ret_listener = l->id;
		return LANED_OK;
	}
	return LANED_AGAIN;
}

int
vhost_conn_append(struct vconn *c, const uint8_t *data, size_t n)
{
	uint8_t *bigger;
	size_t room = c->sent_room == 0 ? 256 : c->sent_room;

	while (room < c->sent_bytes + n)
		room *= 2;
	if (room != c->sent_room) {
		bigger = realloc(c->sent, room);
		if (bigger == NULL)
			return -ENOMEM;
		c->sent = bigger;
		c->sent_room = room;
	}
	if (n > 0)
		memcpy(c->sent + c->sent_bytes, data, n);
	c->sent_bytes += n;
	return 0;
}

/* As in the real host: an id that was one, or none at all. */
static int
no_such(struct vhost_conns *t, uint64_t id)
{
	t->misuse++;
	return id != 0 && id <= t->ids && listener_find(t, id) == NULL ? LANED_GONE
								       : LANED_INVALID;
}

int
vhost_conn_send(struct laned_host *h, uint64_t conn, const uint8_t *data, size_t n)
{
	struct vhost *v = vhost_of(h);
	struct vconn *c = vhost_conn_held(v->conns, conn);
	int rc = vhost_called(v, "conn_send");

	if (rc != LANED_OK)
		return rc;
	if (c == NULL)
		return no_such(v->conns, conn);
	if (data == NULL && n > 0)
		return LANED_INVALID;
	if (n > LANED_CONN_BYTES_MAX)
		return LANED_TOO_LARGE;
	if (c->parked != NULL)
		return LANED_GONE;
	if (!c->open)
		return LANED_REFUSED;
	if (c->sent_bytes + n > c->window) {
		c->wants_drained = true;
		return LANED_AGAIN;
	}
	return vhost_conn_append(c, data, n) < 0 ? LANED_NO_MEMORY : LANED_OK;
}

void
vhost_conn_close(struct laned_host *h, uint64_t conn)
{
	struct vhost *v = vhost_of(h);
	struct vconn *c = vhost_conn_held(v->conns, conn);
	struct vlistener *l = listener_find(v->conns, conn);

	(void)vhost_called(v, "conn_close"); /* happens all the same */
	if (c != NULL && c->parked == NULL)
		vhost_conn_end(v->conns, c);
	else if (l != NULL)
		l->id = 0;
	else if (c == NULL)
		v->conns->misuse++;
}

int
vhost_conn_modem(struct laned_host *h, uint64_t conn, uint32_t mask, uint32_t lines)
{
	struct vhost *v = vhost_of(h);
	struct vconn *c = vhost_conn_held(v->conns, conn);
	int rc = vhost_called(v, "conn_modem");

	if (rc != LANED_OK)
		return rc;
	if (c == NULL)
		return no_such(v->conns, conn);
	if (c->parked != NULL)
		return LANED_GONE;
	if (!c->serial)
		return LANED_UNSUPPORTED;
	if ((mask & ~(uint32_t)(LANED_MODEM_DTR | LANED_MODEM_RTS | LANED_MODEM_BREAK)) !=
	    0)
		return LANED_INVALID;
	if (!c->open)
		return LANED_REFUSED;
	c->lines = (c->lines & ~mask) | (lines & mask & ~(uint32_t)LANED_MODEM_BREAK);
	return LANED_OK;
}

int
vhost_secret(struct laned_host *h, const char *option, uint8_t *buf, size_t *n)
{
	static const struct vsecret usual = { .data = "vhost secret 16", .n = 16 };
	struct vhost *v = vhost_of(h);
	const struct vhost_option *o =
		option == NULL ? NULL : vhost_option_find(v, option);
	const struct vsecret *s = &usual;
	int rc = vhost_called(v, "secret");
	size_t room;

	if (rc != LANED_OK)
		return rc;
	if (option == NULL || n == NULL || (buf == NULL && *n > 0))
		return LANED_INVALID;
	for (uint32_t i = 0; i < v->conns->secrets_count; i++)
		if (strcmp(v->conns->secrets[i].option, option) == 0)
			s = &v->conns->secrets[i];
	if (o == NULL || o->row->type != LANED_OPT_SECRET || s->n == 0)
		return LANED_MISSING;
	room = *n;
	*n = s->n;
	if (s->n > room)
		return LANED_TOO_LARGE;
	memcpy(buf, s->data, s->n);
	return LANED_OK;
}

/* ---- life -------------------------------------------------------------------------------- */

int
vhost_conns_new(struct vhost *v)
{
	v->conns = calloc(1, sizeof(*v->conns));
	if (v->conns == NULL)
		return -ENOMEM;
	v->conns->cut = SIZE_MAX;
	v->conns->window = LANED_CONN_BYTES_MAX;
	return 0;
}

void
vhost_conns_free(struct vhost *v)
{
	struct vhost_conns *t = v->conns;

	if (t == NULL)
		return;
	free(t->now);
	while (t->events != NULL) {
		struct vevent *e = t->events;

		t->events = e->next;
		free(e);
	}
	for (size_t i = 0; i < VCONN_SLOTS; i++)
		free(t->conns[i].sent);
	free(t);
	v->conns = NULL;
}
