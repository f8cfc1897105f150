#ifndef LANED_BASE_PLAIN_VALUE_H
#define LANED_BASE_PLAIN_VALUE_H

#include "base/plain/str.h"

#include <stdint.h>

/*
 * A read-only tree of values, as base/json.h makes it from JSON text. Everything lies in one
 * arena and is valid as long as that. Strings are UTF-8 without NUL and NUL-terminated.
 * Plain data: the pure code reads rules and records from it and knows no JSON.
 */
enum value_kind {
	VALUE_NULL,
	VALUE_BOOL,
	VALUE_INT, /* |i| <= 2^53 - 1 */
	VALUE_DECIMAL, /* a number with fraction or exponent: its text in s; refused unless allowed */
	VALUE_STRING,
	VALUE_ARRAY,
	VALUE_OBJECT
};

struct value {
	enum value_kind kind;
	uint32_t line, column;     /* where it began in its text, from 1 */
	int64_t i;                 /* VALUE_INT, VALUE_BOOL (0, 1) */
	struct str s;              /* VALUE_STRING, VALUE_DECIMAL */
	struct str name;           /* of a member of an object */
	const struct value *first; /* elements or members, in order */
	const struct value *next;  /* sibling */
	uint32_t count;            /* elements or members */
};

/* The member called name, or NULL (also when v is NULL or no object). */
const struct value *value_member(const struct value *v, const char *name);

/*
 * Typed getters: 0 and the value; -ENOENT when the member is missing or null (the target is
 * untouched, so a default may stand there); -EPROTO when it has another kind; -ERANGE when
 * outside min..max or, for strings, not 0..n_max bytes.
 */
int value_get_int(const struct value *v, const char *name, int64_t min, int64_t max,
		  int64_t *ret_value);
int value_get_bool(const struct value *v, const char *name, bool *ret_value);
int value_get_str(const struct value *v, const char *name, size_t n_max,
		  struct str *ret_value);
/* *ret_value is the array or object itself. */
int value_get_array(const struct value *v, const char *name,
		    const struct value **ret_value);
int value_get_object(const struct value *v, const char *name,
		     const struct value **ret_value);

#endif
