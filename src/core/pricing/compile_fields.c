#include "core/pricing/compile_fields.h"

#include <inttypes.h>

static const char *
value_kind_name(const struct value *v)
{
	static const char *const names[] = {
		[VALUE_NULL] = "null",        [VALUE_BOOL] = "true or false",
		[VALUE_INT] = "a number",     [VALUE_DECIMAL] = "a decimal number",
		[VALUE_STRING] = "a text",    [VALUE_ARRAY] = "a list",
		[VALUE_OBJECT] = "an object",
	};

	return names[v->kind];
}

bool
fields_is_kind(struct compiler *c, const struct value *v, enum value_kind want,
	       const char *what)
{
	if (v->kind == want)
		return true;
	compile_fault(c, v, "%s is %s; it must be %s", what, value_kind_name(v),
		      value_kind_name(&(struct value){ .kind = want }));
	return false;
}

void
fields_int(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	int64_t *target = field_at(base, f);

	if (!fields_is_kind(c, v, VALUE_INT, f->name))
		return;
	if (v->i < f->min || v->i > f->max) {
		compile_fault(c, v,
			      "%s is %" PRId64 "; it must be %" PRId64 " to %" PRId64,
			      f->name, v->i, f->min, f->max);
		return;
	}
	*target = v->i;
}

void
fields_bool(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	bool *target = field_at(base, f);

	if (fields_is_kind(c, v, VALUE_BOOL, f->name))
		*target = v->i != 0;
}

bool
fields_is_plain(struct compiler *c, const struct value *v, const char *what)
{
	for (size_t i = 0; i < v->s.n; i++)
		if ((unsigned char)v->s.p[i] < 0x20 || v->s.p[i] == 0x7f) {
			compile_fault(c, v, "%s has a control character; leave it out",
				      what);
			return false;
		}
	return true;
}

bool
fields_is_text(struct compiler *c, const struct value *v, const char *what, size_t n_max)
{
	if (!fields_is_kind(c, v, VALUE_STRING, what))
		return false;
	if (v->s.n == 0 || v->s.n > n_max) {
		compile_fault(c, v, "%s has %zu bytes; it must have 1 to %zu", what,
			      v->s.n, n_max);
		return false;
	}
	return fields_is_plain(c, v, what);
}

void
fields_str(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	struct str *target = field_at(base, f);

	if (fields_is_text(c, v, f->name, COMPILE_STRING_BYTES_MAX))
		*target = compile_copy(c, v->s);
}

void
fields_strs(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	struct strs *target = field_at(base, f);
	struct str *list;
	uint32_t n = 0;

	if (!fields_is_kind(c, v, VALUE_ARRAY, f->name))
		return;
	if (v->count == 0 || v->count > RULE_LIST_MAX) {
		compile_fault(c, v, "%s has %u entries; it must have 1 to %u", f->name,
			      v->count, RULE_LIST_MAX);
		return;
	}
	list = arena_array(c->arena, v->count, sizeof(*list));
	if (list == NULL) {
		c->out_of_memory = true;
		return;
	}
	for (const struct value *e = v->first; e != NULL; e = e->next)
		if (fields_is_text(c, e, f->name, COMPILE_STRING_BYTES_MAX))
			list[n++] = compile_copy(c, e->s);
	*target = (struct strs){ list, n };
}
/* The field of a name that the kind takes, else any of the name. */
static const struct field *
field_find(const struct field *fields, struct str name, unsigned kind_bit)
{
	const struct field *any = NULL;

	for (const struct field *f = fields; f->name != NULL; f++) {
		if (!str_is(name, f->name))
			continue;
		if (((f->need | f->may) & kind_bit) != 0)
			return f;
		any = f;
	}
	return any;
}

void
fields_read(struct compiler *c, const struct value *v, const struct field *fields,
	    unsigned kind_bit, void *base)
{
	for (const struct value *m = v->first; m != NULL; m = m->next) {
		const struct field *f = field_find(fields, m->name, kind_bit);

		if (f == NULL)
			compile_fault(c, m, "unknown member \"%.40s\"; leave it out",
				      m->name.p);
		else if (((f->need | f->may) & kind_bit) == 0)
			compile_fault(c, m, "this kind of rule takes no \"%s\"", f->name);
		else
			f->read(c, m, f, base);
	}
	for (const struct field *f = fields; f->name != NULL; f++)
		if ((f->need & kind_bit) != 0 && value_member(v, f->name) == NULL)
			compile_fault(c, v, "\"%s\" is missing", f->name);
}
