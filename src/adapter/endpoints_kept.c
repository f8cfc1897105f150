#include "adapter/endpoints_kept.h"

#include "adapter/framer.h"
#include "base/address.h"
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD "laned-endpoints = 1\n"
#define MODE 0644u /* no secret; by hand, laned-bypass reads it as another user */

const char *
endpoints_kept_folder(const char *variable, char buf[ADAPTER_PATH_BYTES])
{
	const char *folder = getenv(variable);

	if (folder == NULL || folder[0] != '/' ||
	    str_copy(buf, ADAPTER_PATH_BYTES,
		     (struct str){ folder, strcspn(folder, ":") }) < 0)
		return NULL;
	return buf;
}

static void
write_text(const struct adapter_endpoints *e, struct strbuf *b)
{
	strbuf_addf(b, HEAD "pos = %s\nterminal = %s\nframing = %s\n", e->pos,
		    e->terminal, e->framing);
}

/* The next line without its end; false: there is none. */
static bool
next_line(struct str *text, struct str *ret_line)
{
	const char *end = text->n == 0 ? NULL : memchr(text->p, '\n', text->n);

	if (end == NULL)
		return false;
	*ret_line = (struct str){ text->p, (size_t)(end - text->p) };
	text->n -= ret_line->n + 1;
	text->p = end + 1;
	return true;
}

/* "name = value" into field. -EBADMSG when the line is another one, or the field is set. */
static int
take(struct str line, const char *name, char *field, size_t bytes)
{
	size_t n = strlen(name);

	if (line.n <= n + 3 || memcmp(line.p, name, n) != 0 ||
	    memcmp(line.p + n, " = ", 3) != 0 || field[0] != '\0' ||
	    memchr(line.p, '\0', line.n) != NULL)
		return -EBADMSG;
	return str_copy(field, bytes, (struct str){ line.p + n + 3, line.n - n - 3 }) < 0
		       ? -EBADMSG
		       : 0;
}

static int
check_address(const char *text, bool listen)
{
	char why[ADDRESS_WHY_BYTES];
	struct address a;

	return address_parse(str_of(text), &a, why) < 0 ||
			       address_check(&a, listen, why) < 0
		       ? -EBADMSG
		       : 0;
}

int
endpoints_kept_parse(struct str text, struct adapter_endpoints *ret_endpoints)
{
	struct adapter_endpoints e = { .pos = "" };
	enum framing framing;
	struct str line;
	int rc = 0;

	if (text.n < sizeof(HEAD) - 1 || memcmp(text.p, HEAD, sizeof(HEAD) - 1) != 0)
		return -EBADMSG;
	text.p += sizeof(HEAD) - 1;
	text.n -= sizeof(HEAD) - 1;
	while (rc == 0 && next_line(&text, &line)) {
		rc = take(line, "pos", e.pos, sizeof(e.pos));
		if (rc < 0)
			rc = take(line, "terminal", e.terminal, sizeof(e.terminal));
		if (rc < 0)
			rc = take(line, "framing", e.framing, sizeof(e.framing));
	}
	if (rc == 0 && (text.n > 0 || framing_parse(e.framing, &framing) < 0))
		rc = -EBADMSG;
	if (rc == 0)
		rc = check_address(e.pos, true);
	if (rc == 0)
		rc = check_address(e.terminal, false);
	if (rc == 0)
		*ret_endpoints = e;
	return rc;
}

static int
read_file(int dirfd, struct arena *arena, struct str *ret_text)
{
	return files_read(dirfd, ENDPOINTS_KEPT_NAME, ENDPOINTS_KEPT_BYTES_MAX, arena,
			  ret_text);
}

static int
open_folder(const char *folder)
{
	int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder == NULL)
		return -ENOENT;
	return fd < 0 ? -errno : fd;
}

int
endpoints_kept_put(const char *folder, const struct adapter_endpoints *e)
{
	struct arena *arena = arena_new(4 * ENDPOINTS_KEPT_BYTES_MAX);
	char text[ENDPOINTS_KEPT_BYTES_MAX];
	struct str kept = { "", 0 };
	struct strbuf b;
	int fd = open_folder(folder), rc = 0;

	strbuf_init(&b, text, sizeof(text));
	write_text(e, &b);
	if (fd < 0)
		rc = fd;
	else if (arena == NULL)
		rc = -ENOMEM;
	else if (b.truncated)
		rc = -EMSGSIZE;
	else if (read_file(fd, arena, &kept) < 0 || !str_is(kept, text))
		rc = files_put(fd, ENDPOINTS_KEPT_NAME, str_of(text), MODE);
	if (fd >= 0)
		(void)close(fd); /* a folder */
	arena_free(arena);
	return rc;
}

int
endpoints_kept_drop(const char *folder)
{
	int fd = open_folder(folder), rc = 0;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (unlinkat(fd, ENDPOINTS_KEPT_NAME, 0) < 0 && errno != ENOENT)
		rc = -errno;
	(void)close(fd); /* a folder */
	return rc;
}

int
endpoints_kept_get(const char *folder, struct adapter_endpoints *ret_endpoints)
{
	struct arena *arena = arena_new(4 * ENDPOINTS_KEPT_BYTES_MAX);
	int fd = open_folder(folder), rc;
	struct str text = { "", 0 };

	if (fd < 0)
		rc = fd;
	else if (arena == NULL)
		rc = -ENOMEM;
	else
		rc = read_file(fd, arena, &text);
	if (rc == 0)
		rc = endpoints_kept_parse(text, ret_endpoints);
	if (fd >= 0)
		(void)close(fd); /* a folder */
	arena_free(arena);
	return rc;
}
