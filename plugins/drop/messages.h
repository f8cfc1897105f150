#ifndef LANED_DROP_MESSAGES_H
#define LANED_DROP_MESSAGES_H

/* The files of drop format v1: names and contents, both ways. Pure. docs/adapter-drop.md has the format. */
#include "laned/sdk.h"

#define DROP_LINES_MAX 999u
#define DROP_NODES_MAX                                                                   \
	36000u /* a basket of DROP_LINES_MAX full lines and some of the POS's own */
#define DROP_TICKET_BYTES_MAX 64u
#define DROP_DISCOUNTS_MAX 2000u

/* What the POS writes. The order is the one in which the files of one scan are taken. */
enum drop_kind {
	DROP_OTHER, /* not ours */
	DROP_RESULT,
	DROP_DONE,
	DROP_BASKET,
	DROP_CLAIM,
	DROP_CANCEL
};

/* Which kind name is of, and its beginning (ticket or key). Names match in any ASCII case. */
enum drop_kind drop_name_kind(struct laned_str name, struct laned_str *ret_stem);
/* A ticket that can be a file's name: 1..64 of A-Z a-z 0-9 . _ -, no leading dot: 1 or 0. */
int drop_ticket_ok(struct laned_str ticket);

struct drop_result {
	struct laned_key key;
	uint32_t outcome; /* enum laned_outcome */
	int64_t amount;   /* -1: not told */
	struct laned_str auth, ref;
};

struct drop_claim {
	struct laned_str ticket, value;
	uint32_t kind; /* enum laned_claim_kind */
};

struct drop_message {
	enum drop_kind kind;
	struct drop_result result;  /* RESULT, DONE */
	struct laned_basket basket; /* BASKET */
	struct drop_claim claim;    /* CLAIM; ticket also of CANCEL */
};

/*
 * Reads files. The nodes and lines are the caller's; a message points into the text and into them.
 * guard (may be NULL) is asked about every string and number that no format of its own checks.
 */
struct drop_reader {
	struct laned_json json;
	struct laned_line *lines;
	uint32_t lines_max; /* drop_lines_max() of the text, or more */
	int (*guard)(void *ctx, struct laned_str text);
	void *guard_ctx;
	/* Of the last error. */
	uint32_t line, column;
	const char *member, *what;
};

/* No text of n bytes has more values, or is a basket of more lines than that. */
uint32_t drop_nodes_max(size_t n);
uint32_t drop_lines_max(size_t n);

/*
 * Reads the content of a file of kind whose name began with stem; changes text in place.
 * LANED_OK; LANED_INVALID, LANED_TOO_LARGE: no JSON (perhaps not all of it is there yet);
 * LANED_REFUSED: JSON, and not this format; LANED_PAN: it holds a payment card number.
 */
int drop_read(struct drop_reader *r, enum drop_kind kind, struct laned_str stem,
	      char *text, size_t n, struct drop_message *ret_message);

/* What we write, into buf. LANED_OK or as laned_json_done. */
int drop_write_offer(char *buf, size_t bytes, const struct laned_request *q,
		     struct laned_str *ret_text);
int drop_write_pay(char *buf, size_t bytes, const struct laned_request *q,
		   struct laned_str *ret_text);
/* K.refund.json: original is left out when all zero, ref when empty. */
int drop_write_refund(char *buf, size_t bytes, const struct laned_request *q,
		      struct laned_str *ret_text);
/* K.query.json, K.confirm.json, K.undo.json all hold {v, key}. */
int drop_write_key(char *buf, size_t bytes, const struct laned_key *key,
		   struct laned_str *ret_text);
/* K.confirm.json with the codes of the receipt; T.receipt.json. */
int drop_write_confirm(char *buf, size_t bytes, const struct laned_request *q,
		       struct laned_str *ret_text);
int drop_write_receipt(char *buf, size_t bytes, const struct laned_request *q,
		       struct laned_str *ret_text);

#define DROP_NAME_BYTES 80u
/* "K.pay.json" and its like. */
void drop_key_name(char buf[DROP_NAME_BYTES], const struct laned_key *key,
		   const char *what);

#endif
