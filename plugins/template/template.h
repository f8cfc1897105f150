#ifndef LANED_TEMPLATE_H
#define LANED_TEMPLATE_H

/*
 * A whole adapter to begin from: docs/adapters.md goes through it. It speaks to one peer, a point of
 * sale or a payment service, over one connection, in lines of JSON (messages.c). template.c has all the
 * rest, and most of it need not change for another protocol.
 */
#include "laned/sdk.h"

#define LINE_BYTES_MAX 65536u
#define NODES_MAX 4096u
#define BASKET_LINES_MAX 400u

/* What a line of the peer says. */
enum message_kind { MSG_BASKET, MSG_CLAIM, MSG_CANCEL, MSG_ANSWER };

struct message {
	enum message_kind kind;
	int64_t id; /* the peer's number of this message, to acknowledge it */
	struct laned_basket basket;
	struct laned_str ticket, value; /* CLAIM, CANCEL */
	uint32_t claim_kind;
	struct laned_result answer; /* ANSWER, but for req */
};

/* The memory in which a message is read. */
struct reader {
	struct laned_json_node nodes[NODES_MAX];
	struct laned_line lines[BASKET_LINES_MAX];
};

/*
 * Reads one line, without its end; text is changed in place and holds what m points to. LANED_OK, or
 * LANED_INVALID: not of this protocol. m->id is then the message's number, or 0.
 */
int message_read(struct reader *r, char *text, size_t n, struct message *m);
/* Writes what laned asks for, with the end of the line; LANED_OK or why it cannot be said. */
int message_write(char *buf, size_t bytes, const struct laned_request *q,
		  struct laned_str *ret_line);
int message_write_ack(char *buf, size_t bytes, int64_t id, int status,
		      struct laned_str *ret_line);

#endif
