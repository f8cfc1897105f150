#include "base/json.h"

#include <errno.h>
#include <string.h>

#define BOM "\xef\xbb\xbf"
#define SPARE_BYTES_MAX ((size_t)1 << 20)

/* Takes the next line off text, without its line break. */
static struct str
take_line(struct str *text)
{
	const char *nl = memchr(text->p, '\n', text->n);
	size_t n = nl == NULL ? text->n : (size_t)(nl - text->p);
	struct str line = { text->p, n };

	if (n > 0 && line.p[n - 1] == '\r')
		line.n--;
	n += nl != NULL;
	text->p += n;
	text->n -= n;
	return line;
}

static bool
is_blank(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ' ' && s.p[i] != '\t')
			return false;
	return true;
}

/* What json_parse_lines is at. */
struct reading {
	struct arena *arena;
	struct arena *spare; /* of lines that may be no good, once many were not */
	unsigned flags;
	struct value *array, *last;
	struct json_lines_errors *errors;
};

static int
note(struct json_lines_errors *errors, const struct json_error *e)
{
	errors->total++;
	if (errors->count < JSON_LINES_ERRORS_MAX)
		errors->list[errors->count++] = *e;
	return 0;
}

static int
append(struct reading *r, const struct value *v)
{
	struct value *copy = arena_alloc(r->arena, sizeof(*copy));

	if (copy == NULL)
		return -ENOMEM;
	*copy = *v;
	if (r->last == NULL)
		r->array->first = copy;
	else
		r->last->next = copy;
	r->last = copy;
	r->array->count++;
	return 0;
}

/* A bad line leaves its values in the arena: of a file of bad lines only the first ones may. */
static int
read_line(struct reading *r, struct str line, uint32_t number)
{
	const struct value *v = NULL;
	struct json_error e = { 0 };
	int rc = 0;

	if (r->errors->total >= JSON_LINES_ERRORS_MAX) {
		if (r->spare == NULL)
			r->spare = arena_new(SPARE_BYTES_MAX);
		if (r->spare == NULL)
			return -ENOMEM;
		rc = json_parse_from(r->spare, line, r->flags, number, &v, &e);
		arena_reset(r->spare);
		if (rc == -ENOMEM)
			rc = 0; /* a long line: the other arena decides */
	}
	if (rc == 0)
		rc = json_parse_from(r->arena, line, r->flags, number, &v, &e);
	if (rc == -EBADMSG)
		return note(r->errors, &e);
	return rc < 0 ? rc : append(r, v);
}

int
json_parse_lines(struct arena *arena, struct str text, unsigned flags,
		 const struct value **ret_array, struct json_lines_errors *errors)
{
	struct reading r = { .arena = arena,
			     .flags = flags,
			     .array = arena_alloc(arena, sizeof(*r.array)),
			     .errors = errors };
	uint32_t number = 0;
	int rc = 0;

	errors->total = errors->count = 0;
	if (r.array == NULL)
		return -ENOMEM;
	r.array->kind = VALUE_ARRAY;
	r.array->line = r.array->column = 1;
	if (text.n >= strlen(BOM) && memcmp(text.p, BOM, strlen(BOM)) == 0) {
		text.p += strlen(BOM);
		text.n -= strlen(BOM);
	}
	while (rc == 0 && text.n > 0) {
		struct str line = take_line(&text);

		number++;
		if (!is_blank(line))
			rc = read_line(&r, line, number);
	}
	arena_free(r.spare);
	if (rc == 0)
		*ret_array = r.array;
	return rc;
}
