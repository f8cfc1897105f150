#include "ctl/rulefile.h"

#include "core/pricing/pricing_csv.h"
#include "core/pricing/pricing_lines.h"
#include "ctl/upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TREE_FACTOR 24u
#define TREE_BYTES_MIN 65536u
#define CURRENCY_DEFAULT "EUR"
/* A tree takes several times its text; only a hostile text takes more than is allowed for. */
#define TOO_MANY_VALUES "more values than a file of this size should have"

int
ctl_read_json(const char *path, size_t bytes_max, struct arena **ret_arena,
	      const struct value **ret_value)
{
	struct json_error e = { 0 };
	struct arena *arena;
	size_t bytes = 0;
	char *data = NULL;
	int rc = ctl_read_file(path, bytes_max, &data, &bytes);

	if (rc != 0)
		return rc;
	arena = arena_new(bytes * TREE_FACTOR + TREE_BYTES_MIN);
	rc = arena == NULL
		     ? -ENOMEM
		     : json_parse(arena, (struct str){ data, bytes }, 0, ret_value, &e);
	free(data);
	if (rc == 0) {
		*ret_arena = arena;
		return 0;
	}
	arena_free(arena);
	if (rc == -EBADMSG)
		return ctl_fail(CTL_DATA, "%s:%u:%u: %s", path, (unsigned)e.line,
				(unsigned)e.column, e.what);
	if (rc == -ENOMEM)
		return ctl_fail(CTL_DATA, "%s:1:1: " TOO_MANY_VALUES, path);
	return ctl_fail(CTL_INTERNAL, "%s: %s", path, strerror(-rc));
}

static void
one_fault(struct pricing_errors *errors, const struct json_error *e)
{
	struct pricing_error *slot = &errors->list[errors->count++];

	*slot = (struct pricing_error){ .line = e->line, .column = e->column };
	(void)str_copy(slot->what, sizeof(slot->what), str_of(e->what)); /* fits */
}

static int
parse_lines(struct arena *arena, struct str text, const char *currency,
	    struct pricing_errors *errors, const struct value **ret_set)
{
	struct json_lines_errors *lines = calloc(1, sizeof(*lines));
	const struct value *list = NULL;
	int rc = lines == NULL ? -ENOMEM : json_parse_lines(arena, text, 0, &list, lines);

	for (uint32_t i = 0; rc == 0 && i < lines->count; i++)
		one_fault(errors, &lines->list[i]);
	if (rc == 0) {
		errors->total = lines->total;
		rc = pricing_set_of(arena, list, currency, ret_set);
	}
	free(lines);
	return rc;
}

/* Text to a tree; what is wrong with its form is in errors. 0; -EINVAL the currency; -ENOMEM. */
static int
parse(struct arena *arena, struct str text, const char *format, const char *currency,
      struct pricing_errors *errors, const struct value **ret_set)
{
	struct json_error e = { 0 };
	int rc;

	if (strcmp(format, "csv") == 0)
		return pricing_csv_read(text, currency, arena, errors, ret_set);
	if (strcmp(format, "jsonl") == 0)
		return parse_lines(arena, text, currency, errors, ret_set);
	rc = json_parse(arena, text, 0, ret_set, &e);
	if (rc != -EBADMSG)
		return rc;
	one_fault(errors, &e);
	errors->total = 1;
	return 0;
}

static int
said(const char *path, const struct pricing_errors *errors)
{
	for (uint32_t i = 0; i < errors->count; i++) {
		const struct pricing_error *e = &errors->list[i];

		fprintf(stderr, "%s:%u:%u: %s%s%s\n", path, (unsigned)e->line,
			(unsigned)e->column, e->rule, e->rule[0] == '\0' ? "" : ": ",
			e->what);
	}
	if (errors->total > errors->count)
		fprintf(stderr, "%s: and %u more\n", path,
			(unsigned)(errors->total - errors->count));
	return ctl_fail(CTL_DATA, "%s: %u error%s", path, (unsigned)errors->total,
			errors->total == 1 ? "" : "s");
}

static int
id_order(const void *a, const void *b)
{
	struct str x = { NULL, 0 }, y = { NULL, 0 };
	size_t n;
	int d;

	(void)value_get_str(*(const struct value *const *)a, "id", SIZE_MAX, &x);
	(void)value_get_str(*(const struct value *const *)b, "id", SIZE_MAX,
			    &y); /* the set compiles: both are there */
	n = x.n < y.n ? x.n : y.n;
	d = n > 0 ? memcmp(x.p, y.p, n) : 0;
	return d != 0 ? d : (x.n > y.n) - (x.n < y.n);
}

static int
sort_rules(struct rulefile *f)
{
	const struct value *list = NULL;
	uint16_t numeric;

	f->digits = 2;
	(void)currency_find(pricing_rules_currency(f->rules), &numeric,
			    &f->digits); /* the compiler knew it */
	f->list = calloc((size_t)pricing_rules_count(f->rules) + 1,
			 sizeof(const struct value *));
	if (f->list == NULL)
		return -ENOMEM;
	(void)value_get_array(f->set, "rules", &list); /* it compiles: it is there */
	for (const struct value *v = list->first; v != NULL; v = v->next)
		f->list[f->count++] = v;
	qsort(f->list, f->count, sizeof(const struct value *), id_order);
	return 0;
}

static int
compile(struct rulefile *f, struct str text, const char *format, const char *currency)
{
	struct pricing_errors *errors = calloc(1, sizeof(*errors));
	int rc = -ENOMEM, code = CTL_OK;

	f->arena =
		arena_new(text.n * (strcmp(format, "csv") == 0 ? PRICING_CSV_ARENA_FACTOR
							       : TREE_FACTOR) +
			  TREE_BYTES_MIN);
	if (errors != NULL && f->arena != NULL)
		rc = parse(f->arena, text, format, currency, errors, &f->set);
	if (rc == 0 && f->set == NULL)
		rc = -EBADMSG;
	else if (rc == 0)
		rc = pricing_rules_compile_read(f->set, errors, &f->rules);
	if (rc == 0)
		rc = sort_rules(f);
	if (rc == -EBADMSG)
		code = said(f->path, errors);
	else if (rc == -EINVAL)
		code = ctl_fail(CTL_USAGE, "%s is no currency of ISO 4217", currency);
	else if (rc == -ENOMEM)
		code = ctl_fail(CTL_DATA, "%s:1:1: " TOO_MANY_VALUES, f->path);
	else if (rc < 0)
		code = ctl_fail(CTL_INTERNAL, "%s: %s", f->path, strerror(-rc));
	free(errors);
	return code;
}

int
rulefile_read(const char *path, const char *format, const char *currency,
	      struct rulefile *ret_file)
{
	struct rulefile f = { .path = path };
	struct str text = { NULL, 0 };
	char *data = NULL;
	int rc;

	if (format == NULL)
		format = ctl_format_of(path);
	if (format == NULL)
		format = "json";
	if (currency == NULL)
		currency = CURRENCY_DEFAULT;
	rc = ctl_read_file(path, RULEFILE_BYTES_MAX, &data, &text.n);
	if (rc != 0)
		return rc;
	text.p = data;
	rc = compile(&f, text, format, currency);
	free(data);
	if (rc != 0) {
		rulefile_free(&f);
		return rc;
	}
	*ret_file = f;
	return 0;
}

void
rulefile_free(struct rulefile *f)
{
	f->rules = pricing_rules_free(f->rules);
	f->arena = arena_free(f->arena);
	free(f->list);
	f->list = NULL;
}
