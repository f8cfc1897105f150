#ifndef LANED_TEMPLATE_H
#define LANED_TEMPLATE_H

/*
 * A whole adapter to begin from: docs/adapters.md goes through it. It speaks to one peer, a point of
 * sale or a payment service, over one connection, in lines of JSON. messages.c is the protocol,
 * template.c says what the adapter is and can do; what need not change is in the SDK.
 */
#include "laned/sdk.h"

#define LINE_BYTES_MAX 65536u
#define NODES_MAX 4096u
#define BASKET_LINES_MAX 400u

/* The memory in which a message is read. */
struct message_memory {
	struct laned_json_node nodes[NODES_MAX];
	struct laned_line lines[BASKET_LINES_MAX];
};

/* As struct laned_protocol wants them; memory is a struct message_memory. */
int message_read(void *memory, char *text, size_t n, struct laned_said *m);
int message_write(void *memory, const struct laned_request *q, struct laned_writing *w);
int message_acknowledge(void *memory, int64_t id, int status, struct laned_writing *w);

#endif
