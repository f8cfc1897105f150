#include "core/pricing/pricing_lines.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
pricing_wrap_lines(struct str lines, const char *currency, char **ret_text,
		   size_t *ret_bytes)
{
	size_t room = lines.n * 3 + 256, n, comma = 0; /* 0: no line yet */
	char *buf;

	if (strlen(currency) != 3)
		return -EINVAL;
	buf = malloc(room);
	if (buf == NULL)
		return -ENOMEM;
	n = (size_t)snprintf(buf, room,
			     "{\"laned_rules\":1,\"currency\":\"%s\",\"rules\":[",
			     currency);
	assert(n == PRICING_WRAP_COLUMNS);
	while (lines.n > 0) {
		const char *nl = memchr(lines.p, '\n', lines.n);
		size_t len = nl == NULL ? lines.n : (size_t)(nl - lines.p);
		size_t used = len > 0 && lines.p[len - 1] == '\r' ? len - 1 : len;

		if (used > 0 && comma > 0)
			buf[comma] = ','; /* behind the line before: columns stay */
		memcpy(buf + n, lines.p, used);
		n += used;
		if (used > 0) {
			comma = n;
			buf[n++] = ' ';
		}
		buf[n++] = '\n';
		lines.p += nl == NULL ? len : len + 1;
		lines.n -= nl == NULL ? len : len + 1;
	}
	buf[n++] = ']';
	buf[n++] = '}';
	*ret_text = buf;
	*ret_bytes = n;
	return 0;
}
