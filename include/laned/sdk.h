#ifndef LANED_SDK_H
#define LANED_SDK_H

/*
 * Codecs for plug-ins, a static library (libsdk): pure functions over the caller's memory, no
 * writable data, no system calls, no allocation.
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

/* Well-formed UTF-8 without NUL, surrogates and overlong forms: 1 or 0. */
int laned_utf8_ok(struct laned_str s);

#ifdef __cplusplus
}
#endif

#endif
