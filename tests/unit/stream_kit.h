#ifndef LANED_TESTS_UNIT_STREAM_KIT_H
#define LANED_TESTS_UNIT_STREAM_KIT_H

#include "base/stream.h"

#include <stdbool.h>

/* What the tests of streams share: a loop, a listener, and two ends that note what they are told. */
struct stream_kit_end {
	struct stream *s;
	unsigned opened, drained, ended, closed;
	int err;
	uint8_t *data;
	size_t bytes;
	char free_in; /* 'o', 'd', 'r', 'e', 'c': frees itself in that callback */
	bool half;    /* wants `ended` */
};

struct stream_kit {
	struct loop *loop;
	struct streams *streams;
	struct stream_listener *listener;
	struct stream_kit_end client, server;
	unsigned accepted, strangers, many; /* the last two were turned away */
};
extern struct stream_kit stream_kit;

void stream_kit_setup(void);
void stream_kit_teardown(void);
/* Runs the loop until *what is n, or that many bytes have come; false: they never do. */
bool stream_kit_reached(const unsigned *what, unsigned n);
bool stream_kit_arrived(const struct stream_kit_end *e, size_t bytes);
struct address stream_kit_address(const char *text);
struct stream_events stream_kit_events(const struct stream_kit_end *e);
/* The first one becomes the server's; of those behind it nothing is heard. */
void stream_kit_accepted(void *ctx, struct stream *s);
/* As stream_listen. */
int stream_kit_listen(const char *text, unsigned peers_max);
void stream_kit_open(const char *text, struct stream_kit_end *e);
/* To the listener's port. */
void stream_kit_open_port(const char *host, struct stream_kit_end *e);
/* The client to the server, by way of a listener of their own. */
void stream_kit_connect(void);
void stream_kit_send(struct stream_kit_end *e, const char *text);

#endif
