#include "base/plain/csv.h"

#include <errno.h>
#include <string.h>

/* Takes one quoted field from buf[*at] on; leaves *at behind the closing quote. */
static int
take_quoted(char *buf, size_t n, size_t *at, struct str *ret_field)
{
	size_t in = *at + 1, out = in;

	for (;;) {
		if (in >= n)
			return -EINVAL; /* never closed */
		if (buf[in] == '"') {
			if (in + 1 >= n || buf[in + 1] != '"')
				break;
			in++;
		}
		buf[out++] = buf[in++];
	}
	*ret_field = (struct str){ buf + *at + 1, out - (*at + 1) };
	*at = in + 1;
	return 0;
}

static int
take_plain(const char *buf, size_t n, size_t *at, struct str *ret_field)
{
	size_t i = *at;

	while (i < n && buf[i] != ',') {
		if (buf[i] == '"')
			return -EINVAL;
		i++;
	}
	*ret_field = (struct str){ buf + *at, i - *at };
	*at = i;
	return 0;
}

int
csv_split(char *buf, size_t n, struct str fields[CSV_FIELDS_MAX], size_t *ret_count)
{
	size_t at = 0, count = 0;
	int rc;

	for (;;) {
		if (count == CSV_FIELDS_MAX)
			return -E2BIG;
		if (at < n && buf[at] == '"')
			rc = take_quoted(buf, n, &at, &fields[count]);
		else
			rc = take_plain(buf, n, &at, &fields[count]);
		if (rc < 0)
			return rc;
		count++;
		if (at >= n)
			break;
		if (buf[at] != ',')
			return -EINVAL;
		at++;
	}
	*ret_count = count;
	return 0;
}

size_t
csv_take(struct str text, size_t *ret_next)
{
	const char *nl = text.n == 0 ? NULL : memchr(text.p, '\n', text.n);
	size_t first = nl == NULL ? text.n : (size_t)(nl - text.p), end = first;
	bool quoted = false;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"') {
			quoted = !quoted;
		} else if (text.p[i] == '\n' && !quoted) {
			end = i;
			break;
		}
		end = i + 1;
	}
	if (quoted)
		end = first;
	*ret_next = end < text.n ? end + 1 : text.n;
	if (end > 0 && text.p[end - 1] == '\r')
		end--;
	return end;
}
