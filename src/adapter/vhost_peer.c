/* The connections of a host in virtual time, from the other side, which the caller plays. */
#include "adapter/vhost_conns_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- the other side ---------------------------------------------------------------------- */

void
vhost_conns_answer(struct vhost *v, const char *option, int64_t delay_ms, int status)
{
	struct vhost_conns *t = v->conns;
	struct vanswer *a = NULL;

	for (uint32_t i = 0; i < t->answers_count; i++)
		if (strcmp(t->answers[i].option, option) == 0)
			a = &t->answers[i];
	if (a == NULL && t->answers_count < VCONN_ANSWERS_MAX)
		a = &t->answers[t->answers_count++];
	if (a == NULL)
		return; /* more options than any adapter has */
	(void)str_copy(a->option, sizeof(a->option),
		       str_of(option)); /* names are short */
	a->delay_ms = delay_ms;
	a->status = status;
}

int
vhost_conns_connect(struct vhost *v, const char *option, int64_t delay_ms,
		    uint64_t *ret_conn)
{
	const struct vlistener *l = vhost_listener_named(v->conns, option);
	const struct vhost_option *o = vhost_option_find(v, option);
	struct vconn *c;
	int rc;

	if (l == NULL)
		return -ENOENT;
	c = vhost_conn_add(v->conns, option, &l->e, l->user);
	if (c == NULL)
		return -EMFILE;
	c->accepted = true;
	c->serial = o != NULL && strncmp(o->text, "serial:", 7) == 0;
	rc = vhost_conn_tell(v, c, EVENT_OPENED, v->now_ms + delay_ms, 0);
	if (rc < 0) {
		vhost_conn_forget(c);
		return rc;
	}
	*ret_conn = c->id;
	return 0;
}

bool
vhost_conns_at(struct vhost *v, size_t i, struct vhost_conn *ret_conn)
{
	const struct vconn *found = NULL;
	uint64_t above = 0;

	/* Ids rise: the i-th smallest one. */
	do {
		found = NULL;
		for (size_t k = 0; k < VCONN_SLOTS; k++) {
			const struct vconn *c = &v->conns->conns[k];

			if (c->held && c->id > above &&
			    (found == NULL || c->id < found->id))
				found = c;
		}
		if (found == NULL)
			return false;
		above = found->id;
	} while (i-- > 0);
	*ret_conn = (struct vhost_conn){ .id = found->id,
					 .option = found->option,
					 .accepted = found->accepted,
					 .open = found->open,
					 .sent = found->sent_bytes };
	return true;
}

uint64_t
vhost_conns_of(struct vhost *v, const char *option)
{
	uint64_t youngest = 0;

	for (size_t i = 0; i < VCONN_SLOTS; i++) {
		const struct vconn *c = &v->conns->conns[i];

		if (c->held && c->id > youngest && strcmp(c->option, option) == 0)
			youngest = c->id;
	}
	return youngest;
}

bool
vhost_conns_listens(struct vhost *v, const char *option)
{
	return vhost_listener_named(v->conns, option) != NULL;
}

size_t
vhost_conns_take(struct vhost *v, uint64_t conn, uint8_t *buf, size_t n)
{
	struct vconn *c = vhost_conn_find(v->conns, conn);

	if (c == NULL)
		return 0;
	if (n > c->sent_bytes)
		n = c->sent_bytes;
	if (n == 0)
		return 0;
	memcpy(buf, c->sent, n);
	memmove(c->sent, c->sent + n, c->sent_bytes - n);
	c->sent_bytes -= n;
	if (c->held && c->wants_drained && c->sent_bytes <= c->window / 2) {
		/* Without memory for the event the plug-in waits on, as on a slow line. */
		if (vhost_conn_tell(v, c, EVENT_DRAINED, v->now_ms, 0) == 0)
			c->wants_drained = false;
	}
	return n;
}

void
vhost_conns_window(struct vhost *v, uint64_t conn, size_t bytes)
{
	struct vconn *c = vhost_conn_find(v->conns, conn);

	if (c != NULL)
		c->window = bytes;
}

void
vhost_conns_windows(struct vhost *v, size_t bytes)
{
	v->conns->window = bytes;
}

static int
feed_pieces(struct vhost *v, struct vconn *c, const uint8_t *data, size_t n,
	    const struct vhost_feed *how)
{
	size_t piece = how->piece == 0 ? n : how->piece, at = 0;
	int64_t at_ms = v->now_ms + how->delay_ms;
	int rc = 0;

	while (rc == 0 && at < n) {
		size_t some = n - at < piece ? n - at : piece;

		rc = vhost_conn_event_add(
			v, c,
			&(struct vevent){ .kind = EVENT_DATA, .at_ms = at_ms, .n = some },
			data + at);
		at += some;
		at_ms += how->gap_ms;
	}
	return rc;
}

int
vhost_conns_feed(struct vhost *v, uint64_t conn, const void *data, size_t n,
		 const struct vhost_feed *how)
{
	struct vhost_conns *t = v->conns;
	struct vconn *c = vhost_conn_held(t, conn);
	bool cut = n > t->cut;
	int rc;

	if (c == NULL)
		return -ENOENT;
	if (cut)
		n = t->cut;
	rc = feed_pieces(v, c, data, n, how == NULL ? &t->shape : how);
	if (t->cut != SIZE_MAX)
		t->cut = cut ? SIZE_MAX : t->cut - n;
	if (rc == 0 && cut)
		rc = vhost_conns_end(v, conn, 0, LANED_OK);
	return rc;
}

void
vhost_conns_shape(struct vhost *v, const struct vhost_feed *how)
{
	v->conns->shape = *how;
}

void
vhost_conns_cut(struct vhost *v, size_t bytes)
{
	v->conns->cut = bytes;
}

int
vhost_conns_end(struct vhost *v, uint64_t conn, int64_t delay_ms, int status)
{
	struct vconn *c = vhost_conn_held(v->conns, conn);

	return c == NULL ? -ENOENT
			 : vhost_conn_tell(v, c, EVENT_CLOSED, v->now_ms + delay_ms,
					   status);
}

int
vhost_conns_lines(struct vhost *v, uint64_t conn, uint32_t lines)
{
	struct vconn *c = vhost_conn_held(v->conns, conn);

	if (c == NULL)
		return -ENOENT;
	return vhost_conn_event_add(v, c,
				    &(struct vevent){ .kind = EVENT_MODEM,
						      .at_ms = v->now_ms,
						      .lines = lines },
				    NULL);
}

uint32_t
vhost_conns_lines_set(struct vhost *v, uint64_t conn)
{
	const struct vconn *c = vhost_conn_find(v->conns, conn);

	return c == NULL ? 0 : c->lines;
}

int
vhost_set_secret(struct vhost *v, const char *option, const void *data, size_t n)
{
	struct vhost_conns *t = v->conns;
	struct vsecret *s = NULL;

	if (n > VCONN_SECRET_BYTES_MAX)
		return -E2BIG;
	if (vhost_option_find(v, option) == NULL)
		return -ENOENT;
	for (uint32_t i = 0; i < t->secrets_count; i++)
		if (strcmp(t->secrets[i].option, option) == 0)
			s = &t->secrets[i];
	if (s == NULL && t->secrets_count == VCONN_ANSWERS_MAX)
		return -E2BIG;
	if (s == NULL)
		s = &t->secrets[t->secrets_count++];
	(void)str_copy(s->option, sizeof(s->option),
		       str_of(option)); /* names are short */
	if (n > 0)
		memcpy(s->data, data, n);
	s->n = n;
	return 0;
}

unsigned
vhost_conns_count(const struct vhost *v)
{
	unsigned n = 0;

	for (size_t i = 0; i < VCONN_SLOTS; i++)
		n += v->conns->conns[i].held;
	return n;
}

unsigned
vhost_conns_listeners(const struct vhost *v)
{
	unsigned n = 0;

	for (size_t i = 0; i < HOST_LISTENERS_MAX; i++)
		n += v->conns->listeners[i].id != 0;
	return n;
}

uint64_t
vhost_conns_opens(const struct vhost *v)
{
	return v->conns->opens;
}

uint64_t
vhost_conns_misuse(const struct vhost *v)
{
	return v->conns->misuse;
}

/* ---- splice and tunnel ------------------------------------------------------------------- */

int
vhost_conns_park(struct vhost *v, uint64_t conn, vhost_conn_fn fn, void *ctx)
{
	struct vconn *c = vhost_conn_held(v->conns, conn);

	if (c == NULL)
		return -ENOENT;
	c->parked = fn;
	c->parked_ctx = ctx;
	return 0;
}

int
vhost_conns_unread(struct vhost *v, uint64_t conn, const void *data, size_t n)
{
	struct vhost_conns *t = v->conns;
	struct vevent *e, **at = &t->events;

	if (vhost_conn_held(t, conn) == NULL)
		return -ENOENT;
	if (n == 0)
		return 0;
	e = calloc(1, sizeof(*e) + n);
	if (e == NULL)
		return -ENOMEM;
	while (*at != NULL && (*at)->again)
		at = &(*at)->next;
	*e = (struct vevent){ .next = *at,
			      .at_ms = v->now_ms,
			      .conn = conn,
			      .kind = EVENT_DATA,
			      .again = true,
			      .n = n };
	memcpy(e->data, data, n);
	*at = e;
	t->events_count++;
	return 0;
}

int
vhost_conns_put(struct vhost *v, uint64_t conn, const void *data, size_t n)
{
	struct vconn *c = vhost_conn_held(v->conns, conn);

	if (c == NULL)
		return -ENOENT;
	if (c->sent_bytes > c->window / 2 && c->sent_bytes + n > c->window) {
		c->wants_drained = true;
		return -EAGAIN;
	}
	return vhost_conn_append(c, data, n);
}

void
vhost_conns_pause(struct vhost *v, uint64_t conn, bool pause)
{
	struct vconn *c = vhost_conn_held(v->conns, conn);

	if (c == NULL || c->paused == pause)
		return;
	c->paused = pause;
	if (pause)
		v->conns->paused++;
	else
		v->conns->paused--;
}

void
vhost_conns_drop(struct vhost *v, uint64_t conn)
{
	struct vconn *c = vhost_conn_held(v->conns, conn);

	if (c != NULL)
		vhost_conn_end(v->conns, c);
}
