#include "ctl/ctl.h"

#include "base/plain/money.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BUFFERS 16u
#define TEXT_BYTES 256u

/* One of a few buffers, so that several texts can stand in one printf. */
static char *
next_buffer(void)
{
	static char buffers[TEXT_BUFFERS][TEXT_BYTES];
	static unsigned next;

	return buffers[next++ % TEXT_BUFFERS];
}

int
ctl_fail(int code, const char *fmt, ...)
{
	va_list ap;

	(void)fputs("lanectl: ", stderr); /* nothing to do about a closed terminal */
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return code;
}

int
ctl_print_json(struct ctl *c, const struct value *v)
{
	struct json_out *o = json_out_new(32u << 20);
	struct str text;
	int code = CTL_OK;

	(void)c;
	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	json_value(o, NULL, v);
	if (json_out_text(o, &text) < 0)
		code = ctl_fail(CTL_INTERNAL, "the answer cannot be printed");
	else if (fwrite(text.p, 1, text.n, stdout) != text.n || putchar('\n') == EOF)
		code = CTL_INTERNAL;
	json_out_free(o);
	return code;
}

const char *
ctl_text(const struct value *v, const char *name)
{
	char *buf = next_buffer();
	struct str s = { NULL, 0 };
	size_t n = 0;

	if (value_get_str(v, name, SIZE_MAX, &s) < 0 || s.n == 0)
		return "-";
	for (size_t i = 0; i < s.n && n + 1 < TEXT_BYTES; i++)
		if ((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f)
			buf[n++] = s.p[i];
	buf[n] = '\0';
	return buf;
}

int64_t
ctl_int(const struct value *v, const char *name)
{
	int64_t i = 0;

	(void)value_get_int(v, name, INT64_MIN, INT64_MAX, &i); /* missing is 0 */
	return i;
}

bool
ctl_bool(const struct value *v, const char *name)
{
	bool b = false;

	(void)value_get_bool(v, name, &b); /* missing is false */
	return b;
}

const char *
ctl_money(const struct value *v, const char *name, const char *currency)
{
	char *buf = next_buffer(), amount[32];
	uint16_t numeric;
	uint8_t exponent = 2;

	(void)currency_find(currency, &numeric, &exponent); /* unknown: two decimals */
	if (money_format(amount, sizeof(amount), ctl_int(v, name), exponent) < 0)
		return "-";
	(void)snprintf(buf, TEXT_BYTES, "%s %s", amount, currency); /* fits */
	return buf;
}

static int
read_stream(FILE *f, size_t bytes_max, char **ret_data, size_t *ret_bytes)
{
	size_t room = 65536, n = 0, got;
	char *buf = malloc(room), *p;

	while (buf != NULL) {
		got = fread(buf + n, 1, room - n, f);
		n += got;
		if (n > bytes_max || ferror(f) || got == 0)
			break;
		if (n == room) {
			room *= 2;
			p = realloc(buf, room);
			if (p == NULL)
				free(buf);
			buf = p;
		}
	}
	if (buf == NULL)
		return -ENOMEM;
	if (n > bytes_max || ferror(f)) {
		free(buf);
		return n > bytes_max ? -EFBIG : -EIO;
	}
	*ret_data = buf;
	*ret_bytes = n;
	return 0;
}

int
ctl_read_file(const char *path, size_t bytes_max, char **ret_data, size_t *ret_bytes)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
	int rc;

	if (f == NULL)
		return ctl_fail(CTL_DATA, "%s: %s", path, strerror(errno));
	rc = read_stream(f, bytes_max, ret_data, ret_bytes);
	if (f != stdin)
		(void)fclose(f); /* read only */
	if (rc == -EFBIG)
		return ctl_fail(CTL_DATA,
				"%s: more than %zu bytes; a file of this kind has less",
				path, bytes_max);
	if (rc < 0)
		return ctl_fail(CTL_DATA, "%s: %s", path, strerror(-rc));
	return 0;
}

/* Takes n elements out of argv at i. */
static void
take(int *argc, char **argv, int i, int n)
{
	for (int k = i; k + n <= *argc; k++)
		argv[k] = argv[k + n];
	*argc -= n;
}

const char *
ctl_option(int *argc, char **argv, const char *name)
{
	size_t n = strlen(name);
	const char *value;

	for (int i = 0; i < *argc; i++) {
		if (strncmp(argv[i], name, n) != 0)
			continue;
		if (argv[i][n] == '=') {
			value = argv[i] + n + 1;
			take(argc, argv, i, 1);
			return value;
		}
		if (argv[i][n] == '\0' && i + 1 < *argc) {
			value = argv[i + 1];
			take(argc, argv, i, 2);
			return value;
		}
	}
	return NULL;
}

bool
ctl_flag(int *argc, char **argv, const char *name)
{
	for (int i = 0; i < *argc; i++)
		if (strcmp(argv[i], name) == 0) {
			take(argc, argv, i, 1);
			return true;
		}
	return false;
}
