/* members import, add, show, list, export. */
#include "ctl/upload.h"

#include <stdlib.h>
#include <string.h>

#define MEMBER_BYTES_MAX 65536u
#define ARENA_BYTES (4u << 20)

static int
run_import(struct ctl *c, int argc, char **argv)
{
	struct upload u = { .kind = "members" };

	u.check_only = ctl_flag(&argc, argv, "--check");
	u.format = ctl_option(&argc, argv, "--format");
	if (argc != 1)
		return ctl_fail(CTL_USAGE, "usage: lanectl members import FILE [--check] "
					   "[--format jsonl|csv]");
	u.path = argv[0];
	return ctl_upload(c, &u);
}

static void
print_member(const struct value *m)
{
	static const char *const lists[] = { "groups", "coupons" };
	const struct value *list = NULL;

	printf("number      %s\nmember      %s\naccount     %s\nlanguage    %s\n",
	       ctl_text(m, "number"), ctl_text(m, "member"), ctl_text(m, "account"),
	       ctl_text(m, "language"));
	for (size_t i = 0; i < 2; i++) {
		if (value_get_array(m, lists[i], &list) < 0 || list->count == 0)
			continue;
		printf("%-11s", lists[i]);
		for (const struct value *e = list->first; e != NULL; e = e->next)
			printf(" %.*s", (int)e->s.n, e->s.p);
		putchar('\n');
	}
	if (value_get_array(m, "claims", &list) == 0)
		for (const struct value *e = list->first; e != NULL; e = e->next)
			printf("claim       %s %s\n", ctl_text(e, "kind"),
			       ctl_text(e, "value"));
	if (value_get_array(m, "tenders", &list) == 0)
		for (const struct value *e = list->first; e != NULL; e = e->next)
			printf("tender      %s %s **** %s%s\n", ctl_text(e, "kind"),
			       ctl_text(e, "label"), ctl_text(e, "last4"),
			       ctl_bool(e, "default") ? " (default)" : "");
	if (value_get_array(m, "subjects", &list) == 0)
		printf("fingers     %s\n", list->count > 0 ? "linked" : "none");
}

/* Asks for one member and prints it. */
static int
one_member(struct ctl *c, const char *method, const char *name)
{
	const struct value *v = NULL, *m = NULL;
	struct json_out *o = ctl_params(c);
	int rc;

	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	json_cstr(o, "member", name);
	rc = ctl_ask(c, method, o, &v);
	if (rc != 0)
		return rc;
	if (c->json || strcmp(method, "members.export") == 0)
		return ctl_print_json(c, v);
	if (value_get_object(v, "member", &m) == 0)
		print_member(m);
	return CTL_OK;
}

static int
run_show(struct ctl *c, int argc, char **argv)
{
	if (argc != 1)
		return ctl_fail(CTL_USAGE, "usage: lanectl members show NUMBER|ID");
	return one_member(c, "members.show", argv[0]);
}

static int
run_export(struct ctl *c, int argc, char **argv)
{
	if (argc != 1)
		return ctl_fail(CTL_USAGE, "usage: lanectl members export NUMBER|ID");
	return one_member(c, "members.export", argv[0]);
}

/* A member given by options, as the object that members.add wants. */
static void
member_from_options(struct json_out *o, int *argc, char **argv)
{
	static const char *const texts[] = { "number", "account", "language",
					     "greeting" };
	static const char *const claims[] = { "card", "phone", "qr" };
	char option[32];
	const char *value;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		(void)snprintf(option, sizeof(option), "--%s", texts[i]); /* short */
		value = ctl_option(argc, argv, option);
		if (value != NULL)
			json_cstr(o, texts[i], value);
	}
	json_open_array(o, "groups");
	while ((value = ctl_option(argc, argv, "--group")) != NULL)
		json_cstr(o, NULL, value);
	json_close(o);
	json_open_array(o, "claims");
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		(void)snprintf(option, sizeof(option), "--%s", claims[i]); /* short */
		value = ctl_option(argc, argv, option);
		if (value == NULL)
			continue;
		json_open_object(o, NULL);
		json_cstr(o, "kind", claims[i]);
		json_cstr(o, "value", value);
		json_close(o);
	}
	json_close(o);
}

static int
read_member_file(const char *path, struct arena *arena, const struct value **ret_value)
{
	struct json_error e;
	size_t bytes = 0;
	char *data = NULL;
	int rc = ctl_read_file(path, MEMBER_BYTES_MAX, &data, &bytes);

	if (rc != 0)
		return rc;
	if (json_parse(arena, (struct str){ data, bytes }, 0, ret_value, &e) < 0)
		rc = ctl_fail(CTL_DATA, "%s:%u:%u: %s", path, (unsigned)e.line,
			      (unsigned)e.column, e.what);
	free(data);
	return rc;
}

static int
run_add(struct ctl *c, int argc, char **argv)
{
	const char *path = ctl_option(&argc, argv, "--file");
	const struct value *v = NULL, *given = NULL, *m = NULL;
	struct arena *arena = arena_new(ARENA_BYTES);
	struct json_out *o = ctl_params(c);
	int rc = 0;

	if (arena == NULL || o == NULL) {
		arena_free(arena);
		return ctl_fail(CTL_INTERNAL, "out of memory");
	}
	if (path != NULL) {
		rc = read_member_file(path, arena, &given);
		if (rc == 0)
			json_value(o, "member", given);
	} else {
		json_open_object(o, "member");
		member_from_options(o, &argc, argv);
		json_close(o);
	}
	if (rc == 0 && argc != 0)
		rc = ctl_fail(CTL_USAGE, "members add: %s: not understood", argv[0]);
	if (rc == 0)
		rc = ctl_ask(c, "members.add", o, &v);
	arena_free(arena);
	if (rc != 0)
		return rc;
	if (c->json)
		return ctl_print_json(c, v);
	if (value_get_object(v, "member", &m) == 0)
		printf("%s added as %s\n", ctl_text(m, "number"), ctl_text(m, "member"));
	return CTL_OK;
}

static int
run_list(struct ctl *c, int argc, char **argv)
{
	const char *after = ctl_option(&argc, argv, "--after");
	const char *limit = ctl_option(&argc, argv, "--limit");
	const struct value *v = NULL, *list = NULL;
	struct json_out *o = ctl_params(c);
	int64_t n;
	int rc;

	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	if (argc != 0 || (limit != NULL && str_to_i64(str_of(limit), &n) < 0))
		return ctl_fail(CTL_USAGE, "usage: lanectl members list [--limit N] "
					   "[--after NUMBER]");
	if (limit != NULL)
		json_int(o, "limit", n);
	if (after != NULL)
		json_cstr(o, "after", after);
	rc = ctl_ask(c, "members.list", o, &v);
	if (rc != 0)
		return rc;
	if (c->json)
		return ctl_print_json(c, v);
	if (value_get_array(v, "members", &list) == 0)
		for (const struct value *m = list->first; m != NULL; m = m->next)
			printf("%-16s %-16s %-4s %s\n", ctl_text(m, "number"),
			       ctl_text(m, "account"), ctl_text(m, "language"),
			       ctl_bool(m, "finger") ? "finger" : "");
	if (value_member(v, "next") != NULL)
		printf("... more after %s (of %lld)\n", ctl_text(v, "next"),
		       (long long)ctl_int(v, "total"));
	return CTL_OK;
}

const struct ctl_command ctl_member_commands[] = {
	{ "members import", "FILE [--check] [--format F]",
	  "JSON Lines or CSV, all or nothing", run_import },
	{ "members add", "--number N [--card C ...] | --file F", "one member", run_add },
	{ "members show", "NUMBER|ID", "one member", run_show },
	{ "members list", "[--limit N] [--after NUMBER]", "members by number", run_list },
	{ "members export", "NUMBER|ID", "everything held of a member, as JSON",
	  run_export },
	{ NULL, NULL, NULL, NULL },
};
