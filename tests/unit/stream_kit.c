#include "stream_kit.h"

#include "unit.h"

#include <errno.h>
#include <string.h>

#define ROUNDS_MAX 20000

struct stream_kit stream_kit;

static void
maybe_free(struct stream_kit_end *e, char in)
{
	if (e->free_in == in)
		e->s = stream_free(e->s);
}

static void
on_opened(void *ctx)
{
	struct stream_kit_end *e = ctx;

	e->opened++;
	maybe_free(e, 'o');
}

static void
on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct stream_kit_end *e = ctx;

	ck_assert_uint_eq(e->opened, 1);
	e->data = realloc(e->data, e->bytes + n);
	ck_assert_ptr_nonnull(e->data);
	memcpy(e->data + e->bytes, data, n);
	e->bytes += n;
	maybe_free(e, 'd');
}

static void
on_drained(void *ctx)
{
	struct stream_kit_end *e = ctx;

	e->drained++;
	maybe_free(e, 'r');
}

static void
on_ended(void *ctx)
{
	struct stream_kit_end *e = ctx;

	e->ended++;
	maybe_free(e, 'e');
}

static void
on_closed(void *ctx, int err)
{
	struct stream_kit_end *e = ctx;

	ck_assert_uint_eq(e->closed, 0);
	e->closed++;
	e->err = err;
	maybe_free(e, 'c');
}

struct stream_events
stream_kit_events(const struct stream_kit_end *e)
{
	return (struct stream_events){ .opened = on_opened,
				       .data = on_data,
				       .drained = on_drained,
				       .ended = e->half ? on_ended : NULL,
				       .closed = on_closed };
}

void
stream_kit_accepted(void *ctx, struct stream *s)
{
	struct stream_events e = stream_kit_events(&stream_kit.server);

	(void)ctx;
	stream_kit.accepted++;
	if (stream_kit.server.s !=
	    NULL) { /* one is looked at; the others are only there */
		static const struct stream_events none = { .opened = NULL };

		stream_set_events(s, &none, NULL);
		return;
	}
	stream_kit.server.s = s;
	stream_set_events(s, &e, &stream_kit.server);
}

static void
on_refused(void *ctx, const char *peer, bool is_many)
{
	(void)ctx;
	ck_assert_ptr_nonnull(strstr(peer, "127.0.0.1:"));
	stream_kit.strangers += !is_many;
	stream_kit.many += is_many;
}

bool
stream_kit_reached(const unsigned *what, unsigned n)
{
	for (int i = 0; i < ROUNDS_MAX && *what < n; i++)
		ck_assert_int_eq(loop_once(stream_kit.loop, 1000), 0);
	return *what >= n;
}

bool
stream_kit_arrived(const struct stream_kit_end *e, size_t bytes)
{
	for (int i = 0; i < ROUNDS_MAX && e->bytes < bytes; i++)
		ck_assert_int_eq(loop_once(stream_kit.loop, 1000), 0);
	return e->bytes == bytes;
}

struct address
stream_kit_address(const char *text)
{
	char why[ADDRESS_WHY_BYTES];
	struct address a;

	ck_assert_msg(address_parse(str_of(text), &a, why) == 0, "%s: %s", text, why);
	return a;
}

int
stream_kit_listen(const char *text, unsigned peers_max)
{
	struct address a = stream_kit_address(text);
	const struct stream_listen_options o = { .address = &a,
						 .fd = -1,
						 .peers_max = peers_max,
						 .accepted = stream_kit_accepted,
						 .refused = on_refused };

	return stream_listen(stream_kit.streams, &o, &stream_kit.listener, NULL);
}

void
stream_kit_open(const char *text, struct stream_kit_end *e)
{
	struct address a = stream_kit_address(text);
	struct stream_events ev = stream_kit_events(e);
	char why[STREAM_WHY_BYTES];

	ck_assert_msg(stream_open(stream_kit.streams, &a, &ev, e, &e->s, why) == 0,
		      "%s: %s", text, why);
	ck_assert_uint_eq(e->opened + e->closed, 0);
}

void
stream_kit_open_port(const char *host, struct stream_kit_end *e)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "tcp://%s:%u", host,
		       (unsigned)stream_listener_port(stream_kit.listener));
	stream_kit_open(text, e);
}

void
stream_kit_setup(void)
{
	memset(&stream_kit.client, 0, sizeof(stream_kit.client));
	memset(&stream_kit.server, 0, sizeof(stream_kit.server));
	stream_kit.accepted = stream_kit.strangers = stream_kit.many = 0;
	stream_kit.listener = NULL;
	ck_assert_int_eq(loop_new(&stream_kit.loop), 0);
	ck_assert_int_eq(streams_new(stream_kit.loop, NULL, &stream_kit.streams), 0);
}

void
stream_kit_teardown(void)
{
	stream_free(stream_kit.client.s);
	stream_free(stream_kit.server.s);
	stream_listener_free(stream_kit.listener);
	(void)loop_once(stream_kit.loop, 0); /* what was put off */
	streams_free(stream_kit.streams);
	loop_free(stream_kit.loop);
	free(stream_kit.client.data);
	free(stream_kit.server.data);
}

void
stream_kit_connect(void)
{
	ck_assert_int_eq(stream_kit_listen("tcp://127.0.0.1:0", 8), 0);
	stream_kit_open_port("127.0.0.1", &stream_kit.client);
	ck_assert(stream_kit_reached(&stream_kit.client.opened, 1));
	ck_assert(stream_kit_reached(&stream_kit.server.opened, 1));
}

void
stream_kit_send(struct stream_kit_end *e, const char *text)
{
	ck_assert_int_eq(stream_send(e->s, (const uint8_t *)text, strlen(text)), 0);
}
