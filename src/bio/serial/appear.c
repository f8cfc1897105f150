#include "bio/serial/appear.h"

#include "base/plain/str.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Links to links: /dev/finger -> serial/by-id/usb-... -> ../../ttyACM0. */
#define HOPS_MAX 8u
#define EVENTS_BYTES 4096u
/* A folder that came and went between looking and watching. */
#define TRIES_MAX 16u

#define WATCH_MASK                                                                       \
	((uint32_t)IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | \
	 IN_ONLYDIR)

/* A folder, and the name in it that is waited for. */
struct hop {
	int wd;
	char name[NAME_MAX + 1];
};

struct appear {
	struct loop *loop;
	const char *path;
	void (*fn)(void *ctx);
	void *ctx;
	int fd;
	struct loop_io *io;
	struct hop hops[HOPS_MAX];
	size_t hops_count;
};

/* Cuts the last name off path, into name: "/a/b" gives "/a" and "b", "/a" gives "/" and "a". */
static int
split_last(char *path, char *name)
{
	size_t n = strlen(path);
	char *slash;

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL || slash[1] == '\0')
		return -ENOENT;
	if (str_copy(name, NAME_MAX + 1, str_of(slash + 1)) < 0)
		return -ENAMETOOLONG;
	slash[slash == path ? 1 : 0] = '\0';
	return 0;
}

/*
 * Watches the nearest folder that exists above path, for what leads to it; ret_missing: that is not
 * the last folder of path. folder is changed.
 */
static int
watch_nearest(struct appear *a, char *folder, struct hop *h, bool *ret_missing)
{
	bool missing = false;
	int rc;

	for (;;) {
		rc = split_last(folder, h->name);
		if (rc < 0)
			return rc;
		h->wd = inotify_add_watch(a->fd, folder, WATCH_MASK | IN_MASK_ADD);
		if (h->wd >= 0) {
			*ret_missing = missing;
			return 0;
		}
		if (errno != ENOENT && errno != ENOTDIR)
			return -errno;
		missing = true;
	}
}

static bool
exists(const char *folder, const char *name)
{
	char path[PATH_MAX];
	struct strbuf b;

	strbuf_init(&b, path, sizeof(path));
	strbuf_addf(&b, "%s/%s", folder, name);
	return !b.truncated && access(path, F_OK) == 0;
}

/* What comes after the folder was looked for and before its parent was watched must not be missed. */
static int
add_hop(struct appear *a, const char *path)
{
	struct hop *h = &a->hops[a->hops_count];
	char folder[PATH_MAX];
	bool missing = false;
	int rc;

	for (unsigned i = 0; i < TRIES_MAX; i++) {
		if (str_copy(folder, sizeof(folder), str_of(path)) < 0)
			return -ENAMETOOLONG;
		rc = watch_nearest(a, folder, h, &missing);
		if (rc < 0)
			return rc;
		if (!missing || !exists(folder, h->name))
			break;
	}
	a->hops_count++;
	return 0;
}

/* Where the link at path leads, as an absolute path in path itself; false when it is no link. */
static bool
follow(char path[PATH_MAX])
{
	char target[PATH_MAX], joined[PATH_MAX], name[NAME_MAX + 1];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	struct strbuf b;

	if (n <= 0)
		return false;
	target[n] = '\0';
	if (target[0] == '/')
		return str_copy(path, PATH_MAX, str_of(target)) == 0;
	if (split_last(path, name) < 0)
		return false;
	strbuf_init(&b, joined, sizeof(joined));
	strbuf_addf(&b, "%s/%s", path, target);
	return !b.truncated && str_copy(path, PATH_MAX, str_of(joined)) == 0;
}

static int
add_hops(struct appear *a)
{
	char path[PATH_MAX];
	int rc = str_copy(path, sizeof(path), str_of(a->path));

	a->hops_count = 0;
	while (rc == 0 && a->hops_count < HOPS_MAX) {
		rc = add_hop(a, path);
		if (rc == 0 && !follow(path))
			break;
	}
	return rc;
}

static bool
waited_for(const struct appear *a, const struct inotify_event *e)
{
	if ((e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_Q_OVERFLOW)) != 0)
		return true;
	for (size_t i = 0; i < a->hops_count; i++)
		if (a->hops[i].wd == e->wd && e->len > 0 &&
		    strcmp(a->hops[i].name, e->name) == 0)
			return true;
	return false;
}

/* Empties the queue; true when something of it matters. */
static bool
read_events(struct appear *a)
{
	_Alignas(struct inotify_event) char buf[EVENTS_BYTES];
	bool matters = false;
	ssize_t n;

	while ((n = read(a->fd, buf, sizeof(buf))) > 0) {
		for (size_t at = 0; at + sizeof(struct inotify_event) <= (size_t)n;) {
			const struct inotify_event *e =
				(const struct inotify_event *)(const void *)(buf + at);

			matters = waited_for(a, e) || matters;
			at += sizeof(*e) + e->len;
		}
	}
	return matters;
}

static void
on_readable(void *ctx, unsigned events)
{
	struct appear *a = ctx;

	(void)events;
	if (read_events(a))
		a->fn(a->ctx); /* may free a */
}

static void
unwatch(struct appear *a)
{
	a->io = loop_io_free(a->io);
	if (a->fd >= 0)
		(void)close(a->fd); /* takes its watches along */
	a->fd = -1;
}

/* A new descriptor is the simplest way to forget the watches of before, and what they still hold. */
int
appear_again(struct appear *a)
{
	int rc;

	unwatch(a);
	a->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (a->fd < 0)
		return -errno;
	rc = add_hops(a);
	if (rc == 0)
		rc = loop_io_new(a->loop, a->fd, LOOP_READ, on_readable, a, &a->io);
	if (rc < 0)
		unwatch(a);
	return rc;
}

int
appear_new(struct loop *l, const char *path, void (*fn)(void *ctx), void *ctx,
	   struct appear **ret_appear)
{
	struct appear *a;
	int rc;

	if (path[0] != '/')
		return -EINVAL;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return -ENOMEM;
	*a = (struct appear){ .loop = l, .path = path, .fn = fn, .ctx = ctx, .fd = -1 };
	rc = appear_again(a);
	if (rc < 0) {
		appear_free(a);
		return rc;
	}
	*ret_appear = a;
	return 0;
}

struct appear *
appear_free(struct appear *a)
{
	if (a == NULL)
		return NULL;
	unwatch(a);
	free(a);
	return NULL;
}
