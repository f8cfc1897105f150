#ifndef LANED_CORE_PRICING_COMPILE_FIELDS_H
#define LANED_CORE_PRICING_COMPILE_FIELDS_H

#include "core/pricing/compile.h"

/* Objects read by tables of their members. */

#define COMPILE_STRING_BYTES_MAX 200u

/* One member of an object: how it is read, and which kinds need or may have it. */
struct field {
	const char *name;
	void (*read)(struct compiler *c, const struct value *v, const struct field *f,
		     void *base);
	size_t offset;
	int64_t min, max;
	unsigned need, may;
};

static inline void *
field_at(void *base, const struct field *f)
{
	return (char *)base + f->offset;
}

/* Whether v has the kind wanted; notes a fault if not. */
bool fields_is_kind(struct compiler *c, const struct value *v, enum value_kind want,
		    const char *what);
/* Whether a text has no control characters; notes a fault if it has. */
bool fields_is_plain(struct compiler *c, const struct value *v, const char *what);
/* Whether v is a text without control characters of 1 to n_max bytes; notes a fault if not. */
bool fields_is_text(struct compiler *c, const struct value *v, const char *what,
		    size_t n_max);

/* Readers for tables: their target lies at the field's offset. */
void fields_int(struct compiler *c, const struct value *v, const struct field *f,
		void *base);
void fields_bool(struct compiler *c, const struct value *v, const struct field *f,
		 void *base);
void fields_str(struct compiler *c, const struct value *v, const struct field *f,
		void *base);
void fields_strs(struct compiler *c, const struct value *v, const struct field *f,
		 void *base);

/*
 * Reads every member of an object by the table, which ends with a field without a name; unknown,
 * unfit and missing ones are faults. A name may stand there twice for different kinds.
 */
void fields_read(struct compiler *c, const struct value *v, const struct field *fields,
		 unsigned kind_bit, void *base);

#endif
