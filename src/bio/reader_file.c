/*
 * The `file` reader: images from one folder, by base name, for the test environment. What a finger
 * on the glass is to a real reader, `present` is to this one: NAME is what the sensor sees first,
 * NAME+2, NAME+3 ... what it sees while the finger rests.
 */
#include "bio/reader.h"

#include "base/log.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGE_BYTES_MAX (8u << 20)
#define NAME_BYTES_MAX 128u
#define DPI_DEFAULT 500u
#define FRAMES_MAX 9u /* of one presentation */

struct file_reader {
	struct reader base;
	int dirfd;
	bool dark;
};

static bool
name_ok(struct str name)
{
	if (name.n == 0 || name.n > NAME_BYTES_MAX || name.p[0] == '.')
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz012345678"
			   "9_-.",
			   name.p[i]) == NULL ||
		    name.p[i] == '\0')
			return false;
	return true;
}

/* The image's bytes in locked memory; a file image is as biometric as a captured one. */
static int
read_image(int fd, struct secret **ret_bytes)
{
	struct secret *s = NULL;
	struct stat st;
	size_t used = 0;
	ssize_t n;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return -EBADMSG;
	if (st.st_size > (off_t)IMAGE_BYTES_MAX)
		return -EFBIG;
	rc = secret_new((size_t)st.st_size, &s);
	if (rc < 0)
		return rc;
	while (used < secret_size(s)) {
		n = read(fd, secret_bytes(s) + used, secret_size(s) - used);
		if (n <= 0) {
			secret_free(s);
			return n < 0 ? -errno : -EBADMSG;
		}
		used += (size_t)n;
	}
	*ret_bytes = s;
	return 0;
}

static int
file_load(struct file_reader *f, const char *name, struct sample **ret_sample,
	  const char **why)
{
	struct secret *bytes = NULL;
	int fd = openat(f->dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int rc;

	*why = "cannot be read";
	if (fd < 0)
		return -errno;
	rc = read_image(fd, &bytes);
	(void)close(fd); /* read only */
	if (rc < 0) {
		if (rc == -EFBIG)
			*why = "larger than 8 MiB";
		return rc;
	}
	rc = sample_decode(secret_bytes(bytes), secret_size(bytes),
			   f->base.options->dpi != 0 ? f->base.options->dpi : DPI_DEFAULT,
			   ret_sample, why);
	secret_free(bytes);
	return rc;
}

/* One frame of a presentation: whether another is wanted, or a negative errno. */
static int
give_frame(struct file_reader *f, const char *name)
{
	struct reader *r = &f->base;
	struct sample *s = NULL;
	const char *why = NULL;
	int rc = file_load(f, name, &s, &why);

	if (rc == -ENOENT)
		return rc;
	if (rc < 0) {
		log_warn("reader %s: image %s: %s; not a capture", r->options->name, name,
			 why == NULL ? "unreadable" : why);
		r->errors++;
		r->events.failed(r->events.ctx, r, why);
		return -EBADMSG;
	}
	(void)str_copy(s->device, sizeof(s->device),
		       str_of(r->options->name)); /* may be cut */
	r->captures++;
	return r->events.sample(r->events.ctx, r, s) ? 1 : 0;
}

/* As long as more are wanted: NAME+2, NAME+3 and so on, as far as there are such files. */
static int
give_frames(struct file_reader *f, const char *name)
{
	char next[NAME_BYTES_MAX + 8];
	int rc = give_frame(f, name);

	for (unsigned i = 2; rc > 0 && i <= FRAMES_MAX; i++) {
		(void)snprintf(next, sizeof(next), "%s+%u", name, i); /* fits */
		rc = give_frame(f, next);
		if (rc == -ENOENT)
			rc = 0; /* the finger was lifted */
	}
	return rc < 0 ? rc : 0;
}

static int
file_present(struct reader *r, struct str name)
{
	struct file_reader *f = (struct file_reader *)r;
	char buf[NAME_BYTES_MAX + 1];
	int rc;

	if (!name_ok(name) || str_copy(buf, sizeof(buf), name) < 0)
		return -EINVAL;
	if (faccessat(f->dirfd, buf, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return -ENOENT;
	if (f->dark)
		return 0; /* a finger on a glass that does not look */
	reader_set_state(r, READER_CAPTURING);
	r->events.touched(r->events.ctx, r);
	rc = give_frames(f, buf);
	r->events.lifted(r->events.ctx, r);
	reader_set_state(r, READER_READY);
	return rc;
}

static void
file_arm(struct reader *r, bool on)
{
	((struct file_reader *)r)->dark = !on;
}

static struct reader *
file_close(struct reader *r)
{
	if (r != NULL) {
		(void)close(((struct file_reader *)r)->dirfd); /* a folder */
		free(r);
	}
	return NULL;
}

static int
file_open(struct loop *l, const struct reader_options *o,
	  const struct reader_events *events, struct reader **ret_reader)
{
	struct file_reader *f;

	(void)l; /* there is nothing to watch: images come by name */
	if (!o->test_environment)
		return -EPERM;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return -ENOMEM;
	f->dirfd = open(o->folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	if (f->dirfd < 0) {
		int rc = -errno;

		free(f);
		return rc;
	}
	f->base.driver = &reader_file;
	f->base.options = o;
	f->base.events = *events;
	f->dark = o->dark;
	reader_set_state(&f->base, READER_READY);
	*ret_reader = &f->base;
	return 0;
}

const struct reader_driver reader_file = {
	.name = "file",
	.test_only = true,
	.open = file_open,
	.close = file_close,
	.present = file_present,
	.arm = file_arm,
};
