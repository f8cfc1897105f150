#ifndef LANED_DROP_DROP_H
#define LANED_DROP_DROP_H

/* The drop adapter: an exchange folder. What its parts share. */
#include "messages.h"

#define DROP_REQUESTS_MAX 128u
#define DROP_FILES_MAX 1024u /* taken by one scan; the rest by the next */
#define DROP_SUSPECTS_MAX 16u
#define DROP_OUT_BYTES_MAX (512u * 1024u)

#define DROP_IN "in"
#define DROP_OUT "out"

/* A request under way. Its memory is freed, and so zeroed, by the host. */
struct drop_request {
	struct drop_request *next;
	struct drop *drop;
	uint64_t req, timer;
	uint32_t type;
	uint32_t timeout_ms;
	struct laned_key key;
	int to_send;  /* not yet written to the folder */
	int answered; /* its completion is on the way to laned */
	char name
		[DROP_NAME_BYTES]; /* OFFER, RECEIPT, PAY, REFUND, CONFIRM with receipts: the file */
	size_t text_bytes;
	char text[]; /* its content */
};

/* A file of this scan. */
struct drop_file {
	enum drop_kind kind;
	uint32_t stem_bytes;
	uint32_t name_bytes;
	uint64_t bytes;
	uint64_t version; /* of the content that was read */
	char name[LANED_NAME_BYTES_MAX];
};

/* A scan's memory. */
struct drop_scan {
	uint32_t count, at;
	int overflow;
	uint32_t nodes_room, lines_room, files_room;
	struct laned_json_node *nodes; /* enough for the largest file so far */
	struct laned_line *lines;
	struct drop_file *files;
};

struct drop {
	struct laned_host *host;
	const struct laned_host_api *api;
	int64_t answer_ms, poll_ms;
	int up, stopping, in_broken;
	struct drop_request *requests;
	uint32_t requests_count;
	int offer_missing; /* the file of the last one could not be written: nothing is charged */
	/* intake */
	struct drop_scan *scan;  /* NULL: none under way */
	struct drop_scan *spare; /* the memory of the last one */
	int again;               /* something came while it was */
	uint64_t retry_timer;
	uint32_t acks_due;
	int ack_status;
	uint32_t
		answer_types; /* bit mask of the request types the file in hand answers */
	struct laned_key answer_key;
	struct {
		uint64_t hash, bytes;
	} suspects[DROP_SUSPECTS_MAX];
	int suspects_met; /* in this scan */
	uint64_t received, sent, errors;
};

/* text and an optional detail as one line of the log. */
void drop_log(struct drop *d, uint32_t level, const char *text, struct laned_str detail);

/* Takes what lies in the folder, one file after the other; safe to call at any time. */
void drop_intake_start(struct drop *d);
/* Forgets the scan under way: laned is gone, or the end. Files stay. */
void drop_intake_stop(struct drop *d);

/* That, and its memory. */
void drop_intake_free(struct drop *d);

int drop_submit(struct drop *d, const struct laned_request *q);
void drop_recover(struct drop *d, const struct laned_entry *entries, size_t count);
/* The folder was looked through: now ask about what is still open. */
void drop_requests_due(struct drop *d);
struct drop_request *drop_request_free(struct drop_request *r);
/* All of them; their completions will not come from here. */
void drop_requests_drop(struct drop *d);

#endif
