#ifndef LANED_SDK_H
#define LANED_SDK_H

/*
 * What plug-ins need and need not write again, a static library (libsdk) without writable data and
 * without system calls. Strings, keys, JSON and frames are pure functions over the caller's memory.
 * A link (one connection that is kept), calls (laned's requests under way) and a peer (both of them, and
 * all of an adapter but its protocol) live in the host's memory and use the host's table. docs/adapters.md shows how they go together; plugins/template is
 * an adapter made of them.
 */
#include "laned/adapter.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- strings and keys -------------------------------------------------------------------- */

#define LANED_KEY_HEX_BYTES 33u /* 32 hex digits and a NUL */

/* text as a laned_str; NULL gives the empty one. */
struct laned_str laned_str_of(const char *text);
int laned_str_eq(struct laned_str a, struct laned_str b); /* 1 or 0 */
int laned_str_is(struct laned_str a, const char *text);
/* Without regard to ASCII case. */
int laned_str_ends(struct laned_str a, const char *suffix);
void laned_key_hex(char buf[LANED_KEY_HEX_BYTES], const struct laned_key *key);
/* Exactly 32 hex digits of either case. LANED_OK or LANED_INVALID. */
int laned_key_parse(struct laned_str hex, struct laned_key *ret_key);
int laned_key_eq(const struct laned_key *a, const struct laned_key *b);
int laned_key_is_zero(const struct laned_key *k);

/* A bounded text builder; once something does not fit, truncated is 1. Always NUL-terminated. */
struct laned_text {
	char *p;
	size_t bytes, used;
	int truncated;
};
void laned_text_init(struct laned_text *t, char *buf, size_t bytes);
void laned_text_add(struct laned_text *t, const char *s);
void laned_text_str(struct laned_text *t, struct laned_str s);
void laned_text_int(struct laned_text *t, int64_t value);

/* ---- reading JSON ------------------------------------------------------------------------ */

/*
 * Strict JSON (RFC 8259): well-formed UTF-8, no NUL, no lone surrogates, no duplicate member names,
 * nothing after the end, at most LANED_JSON_DEPTH_MAX deep. Numbers with a fraction, an exponent
 * or beyond +-(2^53 - 1) are kept as text that no integer getter takes.
 */
#define LANED_JSON_DEPTH_MAX 32u
#define LANED_JSON_MEMBERS_MAX 256u /* of one object */

enum laned_json_kind {
	LANED_JSON_NULL,
	LANED_JSON_BOOL,
	LANED_JSON_INT,
	LANED_JSON_DECIMAL,
	LANED_JSON_STRING,
	LANED_JSON_ARRAY,
	LANED_JSON_OBJECT
};

struct laned_json_node {
	uint32_t kind;
	uint32_t line, column; /* where it begins, from 1; column counts bytes */
	uint32_t count;        /* elements or members */
	uint32_t first, next;  /* indices of nodes, 0 = none (node 0 is the root) */
	struct laned_str name; /* of a member */
	struct laned_str text; /* STRING, DECIMAL */
	int64_t i;             /* INT, BOOL */
};

/* The caller's nodes and what became of them. nodes[0] is the root. */
struct laned_json {
	struct laned_json_node *nodes;
	uint32_t nodes_max, used;
	uint32_t line, column; /* of the error, from 1 */
	const char *what;
};

/*
 * Parses text, which is changed in place (strings are decoded there) and must outlive the nodes.
 * LANED_OK; LANED_INVALID and what is wrong where; LANED_TOO_LARGE, with the same, when text is
 * longer than LANED_FILE_BYTES_MAX or has more values than nodes_max.
 */
int laned_json_parse(struct laned_json *j, char *text, size_t n);

/* The member called name of object, or NULL; NULL too when it is null. */
const struct laned_json_node *laned_json_member(const struct laned_json *j,
						const struct laned_json_node *object,
						const char *name);
/* First child and sibling, or NULL. */
const struct laned_json_node *laned_json_first(const struct laned_json *j,
					       const struct laned_json_node *parent);
const struct laned_json_node *laned_json_next(const struct laned_json *j,
					      const struct laned_json_node *node);

/* ---- writing JSON ------------------------------------------------------------------------ */

/*
 * Compact JSON into the caller's buffer. Errors are sticky: laned_json_done tells. name is NULL
 * inside an array and at the top. Strings must be UTF-8 without NUL.
 */
struct laned_json_out {
	char *p;
	size_t bytes, used;
	uint32_t depth;
	int status;
	char close[LANED_JSON_DEPTH_MAX];
	uint8_t filled[LANED_JSON_DEPTH_MAX + 1];
};

void laned_json_out_init(struct laned_json_out *o, char *buf, size_t bytes);
void laned_json_open(struct laned_json_out *o, const char *name, char bracket); /* { [ */
void laned_json_close(struct laned_json_out *o);
void laned_json_int(struct laned_json_out *o, const char *name, int64_t value);
void laned_json_bool(struct laned_json_out *o, const char *name, int value);
void laned_json_str(struct laned_json_out *o, const char *name, struct laned_str value);
/* LANED_OK and the text; LANED_TOO_LARGE; LANED_INVALID bad UTF-8 or something still open. */
int laned_json_done(const struct laned_json_out *o, struct laned_str *ret_text);
/* As laned_json_done, with a line feed behind it. */
int laned_json_line(const struct laned_json_out *o, struct laned_str *ret_line);

/* Well-formed UTF-8 without NUL, surrogates and overlong forms: 1 or 0. */
int laned_utf8_ok(struct laned_str s);

/* ---- members of a JSON object ------------------------------------------------------------ */

/*
 * Reads one member after the other; ok is 1 until one was missing or of another kind, so that it is
 * looked at once, at the end. A member that is null counts as missing.
 */
struct laned_fields {
	const struct laned_json *json;
	const struct laned_json_node *object;
	int ok;
};

/* A word and what it stands for; the last of a table has no text. */
struct laned_word {
	const char *text;
	uint32_t value;
};

/* ok is 0 when object is none. */
struct laned_fields laned_fields_of(const struct laned_json *json,
				    const struct laned_json_node *object);
/* {NULL, 0} when it is missing, which must != 0 does not allow. */
struct laned_str laned_field_str(struct laned_fields *f, const char *name, int must);
/* The value when it is missing; laned_field_must_int does not allow that, and gives 0. */
int64_t laned_field_int(struct laned_fields *f, const char *name, int64_t otherwise);
int64_t laned_field_must_int(struct laned_fields *f, const char *name);
/* 1 or 0; 0 when it is missing. */
int laned_field_bool(struct laned_fields *f, const char *name);
/* The value of its word, which must be there and of the table. */
uint32_t laned_field_word(struct laned_fields *f, const char *name,
			  const struct laned_word *words);

/* ---- frames ------------------------------------------------------------------------------ */

/* The first frame of some bytes: all of it, and where in it stands what it says. */
struct laned_frame {
	size_t bytes;
	size_t begin, n;
};

/*
 * How frames are told apart: looks at n > 0 bytes. LANED_OK: a whole frame; LANED_AGAIN: not all of
 * it is there, and bytes says how long it will be (0: not yet known); LANED_INVALID: no frame
 * begins like this. An adapter may bring one of its own.
 */
typedef int (*laned_framing_fn)(const uint8_t *p, size_t n,
				struct laned_frame *ret_frame);
int laned_framing_line(const uint8_t *p, size_t n,
		       struct laned_frame *ret_frame); /* ended by a line feed */
/* A big-endian length of two or four bytes before each, which does not count itself. */
int laned_framing_length2(const uint8_t *p, size_t n, struct laned_frame *ret_frame);
int laned_framing_length4(const uint8_t *p, size_t n, struct laned_frame *ret_frame);
/* Writes such a length, width 2 or 4. LANED_OK; LANED_TOO_LARGE: n does not fit. */
int laned_length_put(uint8_t *head, size_t width, size_t n);

/* What came and was not yet taken, in the caller's memory of bytes; used begins with 0. */
struct laned_inbox {
	uint8_t *p;
	size_t bytes, used;
	laned_framing_fn framing;
};

/* LANED_OK; LANED_TOO_LARGE: there is no room for all of it, and none of it was taken. */
int laned_inbox_add(struct laned_inbox *in, const uint8_t *data, size_t n);
/*
 * The first frame. LANED_OK; LANED_AGAIN: not all of it is there; LANED_INVALID: as the framing says;
 * LANED_TOO_LARGE: it will never fit.
 */
int laned_inbox_next(const struct laned_inbox *in, struct laned_frame *ret_frame);
/* Forgets so many bytes of the beginning. */
void laned_inbox_drop(struct laned_inbox *in, size_t bytes);

/* ---- a link ------------------------------------------------------------------------------ */

/*
 * One connection to one peer, opened by the name of an option and opened again whenever it ends (after
 * a second, then longer each time, up to half a minute), and the frames that come by it, one after
 * the other: the next one is given out when the one before is done with.
 */
struct laned_link;

#define LANED_LINK_WAIT                                                                  \
	1 /* of frame(), beside enum laned_status: laned_link_done will come */

struct laned_link_config {
	const char *option; /* of type LANED_OPT_ADDRESS; not copied */
	laned_framing_fn framing;
	size_t bytes_max; /* of a frame, and of what waits unread */
	void (*opened)(void *user);
	/* It has ended, or was hung up: what was sent and not answered is uncertain. */
	void (*closed)(void *user);
	/*
	 * What a frame says: a copy, which may be changed, with a NUL behind it. LANED_LINK_WAIT: laned
	 * was given it. LANED_AGAIN, LANED_GONE: it comes again a second later. Anything else: it is
	 * done with.
	 */
	int (*frame)(void *user, char *text, size_t n);
	/*
	 * The frame is done with, and this is what became of it: LANED_OK, laned has stored it; else
	 * laned will never take it. For protocols that acknowledge. Not called for a frame whose
	 * connection has ended meanwhile: the peer says it again.
	 */
	void (*taken)(void *user, int status);
	void *user;
};

/* c is copied. LANED_OK; LANED_NO_MEMORY. Nothing is opened yet. */
int laned_link_new(struct laned_host *h, const struct laned_host_api *api,
		   const struct laned_link_config *c, struct laned_link **ret_link);
/* As laned_link_down, and its memory. NULL is fine; returns NULL. */
struct laned_link *laned_link_free(struct laned_link *l);
/* laned is there: connects, now and until laned_link_down. */
void laned_link_up(struct laned_link *l);
/* Hangs up and forgets everything, without a callback. */
void laned_link_down(struct laned_link *l);
/* Hangs up, closed is called, and connects again later. Nothing when it is not open. */
void laned_link_hang_up(struct laned_link *l);
/* LANED_GONE: it is not open; else as conn_send. */
int laned_link_send(struct laned_link *l, struct laned_str bytes);
/* The ack of what frame() has handed to laned. */
void laned_link_done(struct laned_link *l, int status);
int laned_link_is_open(const struct laned_link *l); /* 1 or 0 */

/* ---- calls ------------------------------------------------------------------------------- */

/*
 * laned's requests under way to one peer: offers, payments, refunds, and what asks about them. Each has
 * exactly one completion, whatever happens; nothing of a payment leaves before the journal has it;
 * what may have left is never "declined", "cancelled" or "not sent".
 */
struct laned_calls;

/* What is told to the peer for one request. */
struct laned_writing {
	char *buf; /* room for the text */
	size_t bytes;
	struct laned_str text; /* to be sent; in buf, or constant */
	/*
	 * The protocol's own ids of a payment or a refund: journalled before it is sent, and in the
	 * request's blob whenever it is asked about later. At most LANED_BLOB_BYTES_MAX; empty: none.
	 */
	struct laned_str blob;
};

struct laned_calls_config {
	uint32_t calls_max; /* at one time; more are LANED_AGAIN */
	uint32_t answer_ms; /* how long an answer to a query, confirm or undo may take */
	size_t text_bytes_max;
	/* LANED_OK and w->text, perhaps w->blob; else why laned's request is refused. */
	int (*write)(void *user, const struct laned_request *q, struct laned_writing *w);
	/* LANED_OK: it has left, or may have. Never hangs up. */
	int (*send)(void *user, struct laned_str text);
	/* laned's ack of an answer that was handed over by laned_calls_answer. */
	void (*stored)(void *user, int status);
	void *user;
};

/* c is copied. LANED_OK; LANED_NO_MEMORY. */
int laned_calls_new(struct laned_host *h, const struct laned_host_api *api,
		    const struct laned_calls_config *c, struct laned_calls **ret_calls);
/* As laned_calls_forget, and its memory. NULL is fine; returns NULL. */
struct laned_calls *laned_calls_free(struct laned_calls *cs);
/*
 * For submit(): LANED_OK, and one completion will come; else certainly nothing happened: LANED_INVALID
 * without a key, an amount, or a token or payment to charge or pay back; LANED_AGAIN; as write.
 * It is sent from a timer of 0 ms. An offer, a payment and a refund are NOT_SENT while the peer is away;
 * what asks about one waits for it.
 */
int laned_calls_submit(struct laned_calls *cs, const struct laned_request *q);
/* For recover(): asks about each entry, or has it undone. */
void laned_calls_recover(struct laned_calls *cs, const struct laned_entry *entries,
			 size_t count);
/* The peer is there; it is gone, and what was sent and not answered becomes UNKNOWN. */
void laned_calls_open(struct laned_calls *cs);
void laned_calls_lost(struct laned_calls *cs);
/* laned is gone, or the end: all are void, without a completion. */
void laned_calls_forget(struct laned_calls *cs);
/*
 * Hands the peer's answer about r->key to laned: as the completion of the call that it answers, else
 * as late, which r then says. As complete(): after LANED_OK stored() is called; an answer that laned
 * cannot store now leaves the call open, for the same answer again.
 */
int laned_calls_answer(struct laned_calls *cs, struct laned_result *r);
/*
 * The key of the payment or refund with these ids, for protocols that do not carry ours: of a call, of its
 * blob, else laned's journal knows it. LANED_OK; LANED_MISSING, or as journal_find.
 */
int laned_calls_key(const struct laned_calls *cs, struct laned_str blob,
		    struct laned_key *ret_key);
uint32_t laned_calls_count(const struct laned_calls *cs);

/* ---- a peer ------------------------------------------------------------------------------ */

/*
 * A whole adapter but for its protocol: one peer (a point of sale, a payment service or both) at the
 * other end of one link, and laned's calls to it. It brings every function of struct laned_adapter but
 * create, which calls laned_peer_create, and selftest.
 */
enum laned_said_kind {
	LANED_SAID_NOTHING, /* that laned has to know */
	LANED_SAID_BASKET,
	LANED_SAID_CLAIM,
	LANED_SAID_CANCEL,
	LANED_SAID_ANSWER
};

/* What a frame of the peer says. All zero before it is read. */
struct laned_said {
	enum laned_said_kind kind;
	int64_t id; /* the peer's number of this frame, to acknowledge it; 0 none */
	struct laned_basket basket;
	struct laned_str ticket, value; /* CLAIM, CANCEL */
	uint32_t claim_kind;
	/*
	 * ANSWER, but for req. With the key all zero, ids are the blob that write() gave to the payment
	 * or refund: by them its key is found.
	 */
	struct laned_result answer;
	struct laned_str ids;
};

/* A protocol. memory is the adapter's own, zeroed when it is created. */
struct laned_protocol {
	const char *option;         /* where the peer is; of type LANED_OPT_ADDRESS */
	const char *answer_timeout; /* that of answers to queries; LANED_OPT_DURATION */
	laned_framing_fn framing;
	size_t frame_bytes_max; /* both ways */
	uint32_t calls_max;     /* requests under way */
	size_t memory_bytes;
	/*
	 * Reads a frame, which may be changed; said may point into it and into memory. LANED_OK; else
	 * laned never hears of it: it is acknowledged so when said->id tells which it was, and else
	 * the peer is hung up on.
	 */
	int (*read)(void *memory, char *text, size_t n, struct laned_said *said);
	/* What the peer is told; see struct laned_calls_config. */
	int (*write)(void *memory, const struct laned_request *q,
		     struct laned_writing *w);
	/*
	 * Writes the acknowledgement of the frame id into w->text: LANED_OK, laned has it stored, or it
	 * said nothing; else laned will never take it. NULL: the protocol has none.
	 */
	int (*acknowledge)(void *memory, int64_t id, int status, struct laned_writing *w);
};

/* p is not copied. For create(): what create() returns. */
int laned_peer_create(struct laned_host *h, const struct laned_host_api *api,
		      const struct laned_protocol *p, void **ret_instance);
/* The memory of read(), for selftest(). */
void *laned_peer_memory(void *instance);
/* The other functions of the adapter's table. */
int laned_peer_start(void *instance);
void laned_peer_recover(void *instance, const struct laned_entry *entries, size_t count);
void laned_peer_link(void *instance, int up);
int laned_peer_submit(void *instance, const struct laned_request *q);
void laned_peer_health(void *instance, struct laned_health *h);
void laned_peer_stop(void *instance);
void laned_peer_destroy(void *instance);

#ifdef __cplusplus
}
#endif

#endif
