#include "base/plain/value.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* Most differ at once. */
static inline bool
is_called(const struct value *m, const char *name)
{
	size_t n = m->name.n;

	if (n == 0)
		return name[0] == '\0';
	return m->name.p[0] == name[0] && strncmp(m->name.p, name, n) == 0 &&
	       name[n] == '\0';
}

static inline const struct value *
find(const struct value *v, const char *name)
{
	if (v == NULL || v->kind != VALUE_OBJECT)
		return NULL;
	for (const struct value *m = v->first; m != NULL; m = m->next)
		if (is_called(m, name))
			return m;
	return NULL;
}

/* Looks name up for a getter: 0, -ENOENT missing or null, -EPROTO another kind. */
static inline int
member_of_kind(const struct value *v, const char *name, enum value_kind kind,
	       const struct value **ret_member)
{
	const struct value *m = find(v, name);

	if (m == NULL || m->kind == VALUE_NULL)
		return -ENOENT;
	if (m->kind != kind)
		return -EPROTO;
	*ret_member = m;
	return 0;
}

const struct value *
value_member(const struct value *v, const char *name)
{
	return find(v, name);
}

int
value_get_int(const struct value *v, const char *name, int64_t min, int64_t max,
	      int64_t *ret_value)
{
	const struct value *m;
	int rc = member_of_kind(v, name, VALUE_INT, &m);

	if (rc < 0)
		return rc;
	if (m->i < min || m->i > max)
		return -ERANGE;
	*ret_value = m->i;
	return 0;
}

int
value_get_bool(const struct value *v, const char *name, bool *ret_value)
{
	const struct value *m;
	int rc = member_of_kind(v, name, VALUE_BOOL, &m);

	if (rc < 0)
		return rc;
	*ret_value = m->i != 0;
	return 0;
}

int
value_get_str(const struct value *v, const char *name, size_t n_max,
	      struct str *ret_value)
{
	const struct value *m;
	int rc = member_of_kind(v, name, VALUE_STRING, &m);

	if (rc < 0)
		return rc;
	if (m->s.n > n_max)
		return -ERANGE;
	*ret_value = m->s;
	return 0;
}

int
value_get_array(const struct value *v, const char *name, const struct value **ret_value)
{
	return member_of_kind(v, name, VALUE_ARRAY, ret_value);
}

int
value_get_object(const struct value *v, const char *name, const struct value **ret_value)
{
	return member_of_kind(v, name, VALUE_OBJECT, ret_value);
}
