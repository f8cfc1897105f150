#include "laned/sdk.h"

static const struct laned_json_node *
member(struct laned_fields *f, const char *name, uint32_t kind, int must)
{
	const struct laned_json_node *n =
		f->object == NULL ? NULL : laned_json_member(f->json, f->object, name);

	if (n != NULL && n->kind == kind)
		return n;
	if (n != NULL || must)
		f->ok = 0;
	return NULL;
}

struct laned_fields
laned_fields_of(const struct laned_json *json, const struct laned_json_node *object)
{
	int is = object != NULL && object->kind == LANED_JSON_OBJECT;
	struct laned_fields f = { json, is ? object : NULL, is };

	return f;
}

struct laned_str
laned_field_str(struct laned_fields *f, const char *name, int must)
{
	const struct laned_json_node *n = member(f, name, LANED_JSON_STRING, must);
	struct laned_str none = { NULL, 0 };

	return n == NULL ? none : n->text;
}

int64_t
laned_field_int(struct laned_fields *f, const char *name, int64_t otherwise)
{
	const struct laned_json_node *n = member(f, name, LANED_JSON_INT, 0);

	return n == NULL ? otherwise : n->i;
}

int64_t
laned_field_must_int(struct laned_fields *f, const char *name)
{
	const struct laned_json_node *n = member(f, name, LANED_JSON_INT, 1);

	return n == NULL ? 0 : n->i;
}

int
laned_field_bool(struct laned_fields *f, const char *name)
{
	const struct laned_json_node *n = member(f, name, LANED_JSON_BOOL, 0);

	return n != NULL && n->i != 0;
}

uint32_t
laned_field_word(struct laned_fields *f, const char *name, const struct laned_word *words)
{
	struct laned_str text = laned_field_str(f, name, 1);

	for (; words->text != NULL; words++)
		if (text.p != NULL && laned_str_is(text, words->text))
			return words->value;
	f->ok = 0;
	return 0;
}
