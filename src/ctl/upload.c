#include "ctl/upload.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX (256u << 20)
#define CHUNK_BYTES (256u * 1024u)

const char *
ctl_format_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	if (dot == NULL)
		return NULL;
	if (strcmp(dot, ".jsonl") == 0 || strcmp(dot, ".ndjson") == 0)
		return "jsonl";
	if (strcmp(dot, ".csv") == 0)
		return "csv";
	return strcmp(dot, ".json") == 0 ? "json" : NULL;
}

/* The longest piece of at most CHUNK_BYTES that does not cut a UTF-8 character. */
static size_t
piece(const char *p, size_t n)
{
	size_t len = n < CHUNK_BYTES ? n : CHUNK_BYTES;

	if (len == n)
		return len;
	while (len > 0 && ((unsigned char)p[len] & 0xc0) == 0x80)
		len--;
	return len == 0 ? CHUNK_BYTES : len; /* no UTF-8 at all: the receiver says so */
}

static int
send_chunks(struct ctl *c, const struct upload *u, const char *data, size_t bytes)
{
	bool progress = !c->json && isatty(STDERR_FILENO);
	const struct value *v = NULL;
	size_t sent = 0;
	int rc = 0;

	while (rc == 0 && sent < bytes) {
		size_t n = piece(data + sent, bytes - sent);
		struct json_out *o = ctl_params(c);

		if (o == NULL)
			return ctl_fail(CTL_INTERNAL, "out of memory");
		json_str(o, "text", (struct str){ data + sent, n });
		rc = ctl_ask(c, "import.chunk", o, &v);
		sent += n;
		if (progress)
			fprintf(stderr, "\r%s: %3zu %%", u->path, sent * 100 / bytes);
	}
	if (progress)
		fprintf(stderr, "\r%*s\r", (int)strlen(u->path) + 8, "");
	return rc;
}

static int
print_result(struct ctl *c, const struct upload *u, const struct value *v)
{
	const struct value *errors = NULL;
	int64_t total = ctl_int(v, "errors_total");
	int rc;

	if (c->json) {
		rc = ctl_print_json(c, v);
		return rc != 0 ? rc : (total > 0 ? CTL_DATA : CTL_OK);
	}
	if (value_get_array(v, "errors", &errors) == 0)
		for (const struct value *e = errors->first; e != NULL; e = e->next)
			fprintf(stderr, "%s:%lld:%lld: %s\n", u->path,
				(long long)ctl_int(e, "line"),
				(long long)ctl_int(e, "column"), ctl_text(e, "what"));
	if (total > 0)
		return ctl_fail(CTL_DATA, "%s: %lld errors; nothing was changed", u->path,
				(long long)total);
	printf("%s: %lld added, %lld changed, %lld unchanged%s\n", u->path,
	       (long long)ctl_int(v, "added"), (long long)ctl_int(v, "changed"),
	       (long long)ctl_int(v, "unchanged"),
	       ctl_bool(v, "committed") ? "" : " (checked only)");
	return CTL_OK;
}

int
ctl_upload(struct ctl *c, const struct upload *u)
{
	const char *format = u->format != NULL ? u->format : ctl_format_of(u->path);
	const struct value *v = NULL;
	struct json_out *o;
	size_t bytes = 0;
	char *data = NULL;
	int rc;

	if (format == NULL)
		return ctl_fail(CTL_USAGE, "%s: is it jsonl, csv or json? Use --format",
				u->path);
	rc = ctl_read_file(u->path, FILE_BYTES_MAX, &data, &bytes);
	if (rc != 0)
		return rc;
	o = ctl_params(c);
	rc = o == NULL ? ctl_fail(CTL_INTERNAL, "out of memory") : 0;
	if (rc == 0) {
		const char *slash = strrchr(u->path, '/');

		json_cstr(o, "kind", u->kind);
		json_cstr(o, "format", format);
		json_cstr(o, "name", slash == NULL ? u->path : slash + 1);
		rc = ctl_ask(c, "import.begin", o, &v);
	}
	if (rc == 0)
		rc = send_chunks(c, u, data, bytes);
	free(data);
	if (rc != 0)
		return rc;
	o = ctl_params(c);
	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	json_bool(o, "check", u->check_only);
	rc = ctl_ask(c, "import.commit", o, &v);
	return rc != 0 ? rc : print_result(c, u, v);
}
