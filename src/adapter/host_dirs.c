#include "adapter/host_dirs.h"

#include "adapter/watch.h"
#include "base/crash.h"
#include "base/files.h"
#include "base/log.h"
#include "base/plain/pan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* The POS is another user: folder and files are shared by their group. */
#define FILE_MODE 0660u
#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define NAME_BYTES (LANED_NAME_BYTES_MAX + 1u)
#define CLAIMED_SUFFIX ".taken"
#define CLAIMED_BYTES (NAME_BYTES + 8u)
#define PAN_BYTES_MAX 40u /* 19 digits and the separators between them */

struct dir {
	struct host_dirs *dirs;
	char *option, *path;
	int fd, wd;
	bool missing_logged;
	uint32_t poll_ms;
	laned_dir_fn fn;
	void *user;
	struct loop_timer *timer;
};

struct host_dirs {
	struct loop *loop;
	int inotify;
	struct loop_io *io;
	unsigned count;
	struct dir dirs[HOST_DIRS_MAX];
};

static int
status_of(int err)
{
	switch (err) {
	case 0:
		return LANED_OK;
	case -ENOENT:
		return LANED_MISSING;
	case -EFBIG:
		return LANED_TOO_LARGE;
	case -ENOMEM:
		return LANED_NO_MEMORY;
	case -EINVAL:
	case -ENAMETOOLONG:
		return LANED_INVALID;
	default:
		return LANED_IO;
	}
}

static struct dir *
find(struct host_dirs *d, const char *option)
{
	for (unsigned i = 0; i < d->count; i++)
		if (strcmp(d->dirs[i].option, option) == 0)
			return &d->dirs[i];
	return NULL;
}

static void
forget(struct dir *dir)
{
	if (dir->wd >= 0)
		(void)inotify_rm_watch(dir->dirs->inotify, dir->wd); /* may be gone */
	if (dir->fd >= 0)
		(void)close(dir->fd); /* a folder: nothing to lose */
	dir->fd = dir->wd = -1;
}

/* The open folder, opened anew when another one stands at its path by now. */
static int
folder(struct dir *dir, int *ret_fd)
{
	struct stat at_path, open_one;
	int rc = 0;

	if (dir->fd >= 0 &&
	    (stat(dir->path, &at_path) < 0 || fstat(dir->fd, &open_one) < 0 ||
	     at_path.st_ino != open_one.st_ino || at_path.st_dev != open_one.st_dev))
		forget(dir);
	if (dir->fd < 0)
		dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0)
		rc = -errno;
	if (rc < 0 && !dir->missing_logged)
		log_event(LOG_ERR, "adapter-folder", NULL,
			  "folder %s (%s): %s; looking for it every %d s", dir->option,
			  dir->path, strerror(-rc), HOST_DIRS_RETRY_MS / 1000);
	else if (rc == 0 && dir->missing_logged)
		log_notice("folder %s (%s) is there again", dir->option, dir->path);
	dir->missing_logged = rc < 0;
	if (rc == 0)
		*ret_fd = dir->fd;
	return rc;
}

/* A folder that is not there is no missing file. */
static int
folder_status(struct host_dirs *d, const char *option, int *ret_fd)
{
	struct dir *dir = find(d, option);

	if (dir == NULL)
		return LANED_INVALID;
	return folder(dir, ret_fd) < 0 ? LANED_IO : LANED_OK;
}

static int
copy_name(struct str name, char buf[NAME_BYTES])
{
	if (name.n < 1 || name.n > LANED_NAME_BYTES_MAX || name.p[0] == '.' ||
	    memchr(name.p, '/', name.n) != NULL)
		return -EINVAL;
	return str_copy(buf, NAME_BYTES, name);
}

/* The name as the folder spells it: exactly, else the first that differs in case only. */
static int
match_name(int fd, struct str name, char ret_name[NAME_BYTES])
{
	const struct dirent *e;
	struct stat st;
	DIR *list;
	int copy, rc;

	rc = copy_name(name, ret_name);
	if (rc < 0)
		return rc;
	if (fstatat(fd, ret_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	list = copy < 0 ? NULL : fdopendir(copy);
	if (list == NULL) {
		rc = -errno;
		if (copy >= 0)
			(void)close(copy); /* a folder */
		return rc;
	}
	rc = -ENOENT;
	while (rc == -ENOENT && (e = readdir(list)) != NULL)
		if (strcasecmp(e->d_name, ret_name) == 0)
			rc = str_copy(ret_name, NAME_BYTES, str_of(e->d_name));
	(void)closedir(list); /* read only */
	return rc;
}

/* A number that changes with the file, be it replaced or written over. */
static uint64_t
version_of(const struct stat *st)
{
	const uint64_t parts[] = { (uint64_t)st->st_ino, (uint64_t)st->st_size,
				   (uint64_t)st->st_mtim.tv_sec,
				   (uint64_t)st->st_mtim.tv_nsec };
	uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a, by words */

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		h = (h ^ parts[i]) * UINT64_C(1099511628211);
	return h | 1;
}

/* Puts a claimed file back, unless a newer one came under its name meanwhile. */
static void
unclaim(int fd, const char *claimed, const char *name)
{
	if (renameat2(fd, claimed, fd, name, RENAME_NOREPLACE) == 0)
		return;
	if (errno != EEXIST)
		log_event(LOG_ERR, "adapter-claim", NULL,
			  "%s cannot be renamed to %s: %s", claimed, name,
			  strerror(errno));
	else
		(void)unlinkat(fd, claimed, 0); /* the newer one counts */
}

/* ---- watching ---------------------------------------------------------------------------- */

static void
arm_timer(struct dir *dir)
{
	int64_t ms = dir->wd < 0 ? HOST_DIRS_RETRY_MS : (int64_t)dir->poll_ms;

	if (ms > 0 && loop_timer_set(dir->timer, ms) < 0)
		log_err("folder %s: no timer; it is not looked at", dir->option);
}

static void
watch_now(struct dir *dir)
{
	int fd;

	if (folder(dir, &fd) == 0 && dir->wd < 0)
		dir->wd = inotify_add_watch(dir->dirs->inotify, dir->path, EVENTS);
	arm_timer(dir);
}

static void
tell(const struct dir *dir)
{
	unsigned was = watch_enter(CRASH_FOLDER, 0);

	crash_point("host.dir");
	dir->fn(dir->user);
	watch_leave(was);
}

static void
on_timer(void *ctx)
{
	struct dir *dir = ctx;

	watch_now(dir);
	if (dir->wd >= 0)
		tell(dir);
}

/* Takes one event. True when the folder's watcher should look. */
static bool
take_event(struct dir *dir, const struct inotify_event *e)
{
	if (e->wd != dir->wd)
		return false;
	if ((e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0) {
		forget(dir);
		watch_now(dir);
	}
	return true;
}

static void
on_inotify(void *ctx, unsigned events)
{
	_Alignas(struct inotify_event) char buf[4096];
	struct host_dirs *d = ctx;
	bool changed[HOST_DIRS_MAX] = { false };
	const struct inotify_event *e;
	ssize_t n;

	(void)events;
	while ((n = read(d->inotify, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*e) + e->len)) {
			e = (const void *)(buf + at);
			for (unsigned i = 0; i < d->count; i++)
				changed[i] = take_event(&d->dirs[i], e) || changed[i] ||
					     (e->mask & IN_Q_OVERFLOW) != 0;
		}
	}
	for (unsigned i = 0; i < d->count; i++)
		if (changed[i] && d->dirs[i].fn != NULL)
			tell(&d->dirs[i]);
}

/* What a process that died had claimed goes back under its name. */
static void
unclaim_all(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	char name[CLAIMED_BYTES];
	const struct dirent *e;

	if (list == NULL) {
		if (copy >= 0)
			(void)close(copy); /* a folder */
		return;
	}
	while ((e = readdir(list)) != NULL) {
		size_t n = strlen(e->d_name), suffix = sizeof(CLAIMED_SUFFIX) - 1;

		if (e->d_name[0] != '.' || n < suffix + 2 || n >= sizeof(name) ||
		    strcmp(e->d_name + n - suffix, CLAIMED_SUFFIX) != 0)
			continue;
		(void)str_copy(
			name, sizeof(name),
			(struct str){ e->d_name + 1,
				      n - suffix - 1 }); /* fits: looked at above */
		unclaim(fd, e->d_name, name);
	}
	(void)closedir(list); /* read only */
}

int
host_dirs_watch(struct host_dirs *d, const char *option, uint32_t poll_ms,
		laned_dir_fn fn, void *user)
{
	struct dir *dir = find(d, option);

	if (dir == NULL || fn == NULL || (poll_ms > 0 && poll_ms < HOST_DIRS_POLL_MS_MIN))
		return LANED_INVALID;
	if (dir->timer == NULL && loop_timer_new(d->loop, on_timer, dir, &dir->timer) < 0)
		return LANED_NO_MEMORY;
	dir->fn = fn;
	dir->user = user;
	dir->poll_ms = poll_ms;
	watch_now(dir);
	if (dir->fd >= 0)
		unclaim_all(dir->fd);
	return LANED_OK;
}

/* ---- files ------------------------------------------------------------------------------- */

int
host_dirs_list(struct host_dirs *d, const char *option, laned_name_fn fn, void *user)
{
	unsigned told = 0;
	const struct dirent *e;
	struct stat st;
	DIR *list;
	int fd = -1, copy, rc;

	rc = folder_status(d, option, &fd);
	if (rc != LANED_OK)
		return rc;
	copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	list = copy < 0 ? NULL : fdopendir(copy);
	if (list == NULL) {
		if (copy >= 0)
			(void)close(copy); /* a folder */
		return LANED_IO;
	}
	while (told < LANED_LIST_NAMES_MAX && (e = readdir(list)) != NULL) {
		struct str name = str_of(e->d_name);

		if (name.p[0] == '.' || name.n > LANED_NAME_BYTES_MAX ||
		    !str_utf8_ok(name) ||
		    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!S_ISREG(st.st_mode)) {
			if (!S_ISDIR(st.st_mode))
				log_event(LOG_WARNING, "adapter-no-file", NULL,
					  "folder %s: %s is no regular file; left alone",
					  option, e->d_name);
			continue;
		}
		told++;
		fn(user, (struct laned_str){ name.p, name.n }, (uint64_t)st.st_size);
	}
	if (told == LANED_LIST_NAMES_MAX)
		log_event(LOG_ERR, "adapter-crowded", NULL,
			  "folder %s holds more than %u files; the others are not seen",
			  option, LANED_LIST_NAMES_MAX);
	(void)closedir(list); /* read only */
	return LANED_OK;
}

int
host_dirs_open(struct host_dirs *d, const char *option, struct str name, int *ret_fd,
	       uint64_t *ret_bytes, uint64_t *ret_version)
{
	char actual[NAME_BYTES];
	struct stat st;
	int dirfd = -1, fd, rc;

	rc = folder_status(d, option, &dirfd);
	if (rc != LANED_OK)
		return rc;
	rc = match_name(dirfd, name, actual);
	if (rc < 0)
		return status_of(rc);
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	fd = openat(dirfd, actual, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return status_of(-errno);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)close(fd); /* read only */
		return LANED_IO;
	}
	*ret_fd = fd;
	*ret_bytes = (uint64_t)st.st_size;
	*ret_version = version_of(&st);
	return LANED_OK;
}

int
host_dirs_put(struct host_dirs *d, const char *option, struct str name, struct str data)
{
	char copy[NAME_BYTES];
	int fd = -1, rc;

	rc = folder_status(d, option, &fd);
	if (rc != LANED_OK)
		return rc;
	if (copy_name(name, copy) < 0)
		return LANED_INVALID;
	if (data.n > LANED_FILE_BYTES_MAX)
		return LANED_TOO_LARGE;
	crash_point("host.put");
	rc = files_put(fd, copy, data, FILE_MODE);
	crash_point("host.put done");
	if (rc < 0)
		log_event(LOG_ERR, "adapter-put", NULL, "folder %s: %s: %s", option, copy,
			  strerror(-rc));
	/* "No such file" here is a folder that went away. */
	return rc == -ENOENT ? LANED_IO : status_of(rc);
}

/*
 * Takes the file of that version out of everybody's sight, as ret_claimed. The writer may put a newer
 * one under the same name at any time, also between a look and an unlink; so the name is moved
 * first and looked at then, and a newer one is put back. -ESTALE: another stands there.
 */
static int
claim(int fd, const char *name, uint64_t version, char ret_claimed[CLAIMED_BYTES])
{
	struct strbuf b;
	struct stat st;

	strbuf_init(&b, ret_claimed, CLAIMED_BYTES);
	strbuf_addf(&b, ".%s" CLAIMED_SUFFIX, name);
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (version != 0 && version_of(&st) != version)
		return -ESTALE;
	if (renameat(fd, name, fd, ret_claimed) < 0 ||
	    fstatat(fd, ret_claimed, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	crash_point("host.claimed");
	if (version == 0 || version_of(&st) == version)
		return 0;
	unclaim(fd, ret_claimed, name);
	return -ESTALE;
}

static int
remove_status(const char *option, const char *name, int rc)
{
	if (rc == -ESTALE)
		return LANED_AGAIN;
	if (rc < 0 && rc != -ENOENT && rc != -EINVAL)
		log_event(LOG_ERR, "adapter-remove", NULL, "folder %s: %s: %s", option,
			  name, strerror(-rc));
	return status_of(rc);
}

int
host_dirs_remove(struct host_dirs *d, const char *option, struct str name,
		 uint64_t version)
{
	char actual[NAME_BYTES], claimed[CLAIMED_BYTES];
	int fd = -1, rc;

	rc = folder_status(d, option, &fd);
	if (rc != LANED_OK)
		return rc;
	rc = match_name(fd, name, actual);
	crash_point("host.remove");
	if (rc == 0 && version == 0)
		rc = files_remove(fd, actual);
	else if (rc == 0) {
		rc = claim(fd, actual, version, claimed);
		if (rc == 0)
			rc = files_remove(fd, claimed);
	}
	return remove_status(option, actual, rc);
}

/* Makes room among the files set aside: the oldest go. */
static void
make_room(int bad)
{
	for (;;) {
		int copy = openat(bad, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		DIR *list = copy < 0 ? NULL : fdopendir(copy);
		char oldest[NAME_MAX + 1] = "";
		const struct dirent *e;
		time_t oldest_s = 0;
		unsigned count = 0;
		struct stat st;

		if (list == NULL) {
			if (copy >= 0)
				(void)close(copy); /* a folder */
			return;
		}
		while ((e = readdir(list)) != NULL) {
			if (e->d_name[0] == '.' ||
			    fstatat(bad, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
				continue;
			count++;
			if (oldest[0] != '\0' && st.st_mtime >= oldest_s)
				continue;
			oldest_s = st.st_mtime;
			(void)str_copy(oldest, sizeof(oldest),
				       str_of(e->d_name)); /* as long as a name can be */
		}
		(void)closedir(list); /* read only */
		if (count < HOST_DIRS_BAD_FILES_MAX || unlinkat(bad, oldest, 0) < 0)
			return;
	}
}

static void
mask_digits(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] >= '0' && p[i] <= '9')
			p[i] = '*';
}

/*
 * Card numbers out of the first n bytes of a file. One that the end cuts through, or whose digits
 * and separators are written as JSON escapes, is not seen as one: those digits go as well.
 */
static void
mask_file(char *buf, size_t n)
{
	bool escaped = memmem(buf, n, "\\u002", 5) != NULL ||
		       memmem(buf, n, "\\u003", 5) != NULL;

	(void)pan_mask(buf, n); /* how many does not matter */
	if (escaped)
		mask_digits(buf, n);
	if (n == HOST_DIRS_BAD_BYTES_MAX)
		mask_digits(buf + n - PAN_BYTES_MAX, PAN_BYTES_MAX);
}

/* The first bytes of the file, card numbers masked, into the folder of bad ones. */
static int
copy_aside(int dirfd, int bad, const char *claimed, const char *name)
{
	int fd = openat(dirfd, claimed, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *buf = malloc(HOST_DIRS_BAD_BYTES_MAX);
	ssize_t n = 0;
	int rc = 0;

	if (fd < 0)
		rc = -errno;
	else if (buf == NULL)
		rc = -ENOMEM;
	else
		n = read(fd, buf, HOST_DIRS_BAD_BYTES_MAX);
	if (rc == 0 && n < 0)
		rc = -errno;
	if (rc == 0) {
		size_t bytes = n > 0 ? (size_t)n : 0;

		mask_file(buf, bytes);
		make_room(bad);
		rc = files_put(bad, name, (struct str){ buf, bytes }, FILE_MODE);
	}
	if (fd >= 0)
		(void)close(fd); /* read only */
	if (buf != NULL)
		explicit_bzero(buf, HOST_DIRS_BAD_BYTES_MAX);
	free(buf);
	return rc;
}

int
host_dirs_set_aside(struct host_dirs *d, const char *option, struct str name,
		    uint64_t version)
{
	char actual[NAME_BYTES], claimed[CLAIMED_BYTES], kept[NAME_BYTES];
	int fd = -1, bad, rc;

	rc = folder_status(d, option, &fd);
	if (rc != LANED_OK)
		return rc;
	rc = match_name(fd, name, actual);
	if (rc < 0)
		return status_of(rc);
	if (mkdirat(fd, HOST_DIRS_BAD, 0770) < 0 && errno != EEXIST)
		return LANED_IO;
	bad = openat(fd, HOST_DIRS_BAD, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	rc = bad < 0 ? -errno : claim(fd, actual, version, claimed);
	if (rc == 0) {
		/* A ticket can look like a card number, and it is in the name. */
		(void)str_copy(kept, sizeof(kept), str_of(actual)); /* as long */
		(void)pan_mask(kept, strlen(kept)); /* how many does not matter */
		rc = copy_aside(fd, bad, claimed, kept);
		crash_point("host.aside");
		if (rc == 0)
			rc = files_remove(fd, claimed);
		else
			unclaim(fd, claimed, actual);
	}
	if (bad >= 0)
		(void)close(bad); /* a folder; files_put synced it */
	return remove_status(option, actual, rc);
}

/* ---- making ------------------------------------------------------------------------------ */

int
host_dirs_new(struct loop *l, struct host_dirs **ret_dirs)
{
	struct host_dirs *d = calloc(1, sizeof(*d));
	int rc;

	if (d == NULL)
		return -ENOMEM;
	d->loop = l;
	d->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	rc = d->inotify < 0 ? -errno : 0;
	if (rc == 0)
		rc = loop_io_new(l, d->inotify, LOOP_READ, on_inotify, d, &d->io);
	if (rc < 0) {
		host_dirs_free(d);
		return rc;
	}
	*ret_dirs = d;
	return 0;
}

struct host_dirs *
host_dirs_free(struct host_dirs *d)
{
	if (d == NULL)
		return NULL;
	loop_io_free(d->io);
	for (unsigned i = 0; i < d->count; i++) {
		forget(&d->dirs[i]);
		loop_timer_free(d->dirs[i].timer);
		free(d->dirs[i].option);
		free(d->dirs[i].path);
	}
	if (d->inotify >= 0)
		(void)close(d->inotify); /* nothing to lose */
	free(d);
	return NULL;
}

int
host_dirs_add(struct host_dirs *d, const char *option, const char *path)
{
	struct dir *dir;

	if (d->count == HOST_DIRS_MAX)
		return -E2BIG;
	dir = &d->dirs[d->count];
	*dir = (struct dir){ .dirs = d, .fd = -1, .wd = -1 };
	dir->option = strdup(option);
	dir->path = strdup(path);
	if (dir->option == NULL || dir->path == NULL) {
		free(dir->option);
		free(dir->path);
		return -ENOMEM;
	}
	d->count++;
	return 0;
}
