#ifndef LANED_BASE_JSON_H
#define LANED_BASE_JSON_H

#include "base/plain/arena.h"
#include "base/plain/value.h"

#include <stdbool.h>

/*
 * Strict JSON (RFC 8259): a scan of ours makes the tree, cJSON then resolves the escapes of strings
 * that have any. The scan refuses what cJSON lets pass: depth over JSON_DEPTH_MAX, bad UTF-8, lone surrogates, NUL, duplicate member names, bytes after
 * the end, integers beyond +-(2^53 - 1), fractions and exponents (unless allowed).
 */
#define JSON_DEPTH_MAX 32u

struct json_error {
	uint32_t line, column; /* from 1 */
	char what[128];
};

enum json_flags {
	JSON_DECIMALS = 1 /* numbers with fraction or exponent as VALUE_DECIMAL */
};

/*
 * Parses text into a tree in arena; keeps nothing of text. 0; -EBADMSG with *error filled (may be
 * NULL; columns count characters); -ENOMEM, also when the arena's limit is reached.
 */
int json_parse(struct arena *arena, struct str text, unsigned flags,
	       const struct value **ret_value, struct json_error *error);

/* The same for a text whose first line has another number than 1. */
int json_parse_from(struct arena *arena, struct str text, unsigned flags,
		    uint32_t first_line, const struct value **ret_value,
		    struct json_error *error);

/*
 * JSON Lines: one value a line, empty lines and one byte order mark passed over, LF or CR LF. What
 * could be read is the array *ret_array, each value with its line; of every other line the first
 * fault is noted (the first JSON_LINES_ERRORS_MAX of them, and how many there are). 0, also with
 * faults; -ENOMEM, also when the arena's limit is reached.
 */
#define JSON_LINES_ERRORS_MAX 100u
struct json_lines_errors {
	uint32_t total, count;
	struct json_error list[JSON_LINES_ERRORS_MAX];
};
int json_parse_lines(struct arena *arena, struct str text, unsigned flags,
		     const struct value **ret_array, struct json_lines_errors *errors);

/*
 * A writer of compact JSON into a growing buffer with a limit. Errors are sticky and come out of
 * json_out_text; every call on NULL (no memory for a writer) does nothing. Strings must be UTF-8
 * without NUL (else sticky -EILSEQ), integers within +-(2^53 - 1) (else -ERANGE), depth within
 * JSON_DEPTH_MAX (else -EMSGSIZE). name is the member's name inside an object and NULL inside an
 * array or at the top; one value stands at the top.
 */
struct json_out;
/* bytes_max: of the text without its NUL. NULL: no memory. */
struct json_out *json_out_new(size_t bytes_max);
struct json_out *json_out_free(struct json_out *o);
void json_out_reset(struct json_out *o);
void json_open_object(struct json_out *o, const char *name);
void json_open_array(struct json_out *o, const char *name);
/* Closes the innermost open object or array. */
void json_close(struct json_out *o);
void json_int(struct json_out *o, const char *name, int64_t value);
void json_bool(struct json_out *o, const char *name, bool value);
void json_null(struct json_out *o, const char *name);
void json_str(struct json_out *o, const char *name, struct str value);
/* NULL writes null. */
void json_cstr(struct json_out *o, const char *name, const char *value);
/* digits: a JSON number of at most 63 bytes (else sticky -EILSEQ). */
void json_decimal(struct json_out *o, const char *name, struct str digits);
/* Writes a whole tree (its names and values) as member name. */
void json_value(struct json_out *o, const char *name, const struct value *v);
/*
 * The text so far, NUL-terminated, borrowed until the next call on o. 0; -ENOMEM; -EMSGSIZE over
 * the limit; -EILSEQ; -ERANGE; -EINVAL something is still open or nothing was written.
 */
int json_out_text(struct json_out *o, struct str *ret_text);

#endif
