#include "adapter/host_typing.h"

#include "adapter/typing.h"
#include "adapter/watch.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/uinput.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEVICE_NAME "laned keyboard"
#define OPTION_BYTES 65u
#define KEYBOARDS_LOOKED_AT 64u /* /dev/input/event0 and so on */
#define SERIAL_LOOK_MS 20       /* how much of a text has left */

struct device {
	struct host_typing *all;
	char option[OPTION_BYTES];
	bool serial;
	struct typing_setting setting;
	int fd; /* of uinput; -1 */
	struct address address;
	struct stream *stream; /* NULL: not opened, or lost */
	int64_t ready_ms;      /* monotonic; not typed on before */
	struct loop_timer *timer;
	/* The text on its way. */
	bool active, cancelled, foreign, sent;
	struct typing typing;
	laned_typed_fn done;
	void *user;
};

struct keyboard {
	struct host_typing *all;
	int fd;
	struct loop_io *io;
};

struct host_typing {
	struct loop *loop;
	struct streams *streams;
	struct host_typing_ops ops;
	struct device devices[HOST_TYPING_MAX];
	unsigned count;
	struct keyboard keyboards[HOST_TYPING_KEYBOARDS];
	unsigned keyboards_count;
	bool deaf_told;
};

/* ---- the kernel ----------------------------------------------------------------------------- */

static int
kernel_open(void *ctx, const char *path, int flags)
{
	int fd = open(path, flags);

	(void)ctx;
	return fd < 0 ? -errno : fd;
}

static int
kernel_ioctl(void *ctx, int fd, unsigned long request, uintptr_t arg)
{
	(void)ctx;
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static ssize_t
kernel_write(void *ctx, int fd, const void *data, size_t n)
{
	ssize_t done = write(fd, data, n);

	(void)ctx;
	return done < 0 ? -errno : done;
}

static int
kernel_keyboard(void *ctx, unsigned i, char *path, size_t bytes)
{
	(void)ctx;
	if (i >= KEYBOARDS_LOOKED_AT)
		return -ENOENT;
	(void)snprintf(path, bytes, "/dev/input/event%u", i); /* fits */
	return 0;
}

const struct host_typing_ops host_typing_kernel = { .open = kernel_open,
						    .ioctl = kernel_ioctl,
						    .write = kernel_write,
						    .keyboard = kernel_keyboard };

/* ---- real keyboards -------------------------------------------------------------------------- */

static bool
has_key(const uint8_t *bits, unsigned code)
{
	return (bits[code / 8] >> code % 8 & 1) != 0;
}

/* A keyboard that is not ours; everything else that gives events is left alone. */
static bool
is_real_keyboard(const struct host_typing *t, int fd)
{
	uint8_t bits[HOST_TYPING_KEYS_BYTES] = { 0 };
	char name[HOST_TYPING_NAME_BYTES] = "";

	if (t->ops.ioctl(t->ops.ctx, fd, EVIOCGBIT(EV_KEY, sizeof(bits)),
			 (uintptr_t)bits) < 0 ||
	    t->ops.ioctl(t->ops.ctx, fd, EVIOCGNAME(sizeof(name)), (uintptr_t)name) < 0)
		return false;
	name[sizeof(name) - 1] = '\0';
	return strcmp(name, DEVICE_NAME) != 0 && has_key(bits, KEY_1) &&
	       has_key(bits, KEY_ENTER);
}

/* Takes what is there. True: a key went down or up. Nothing of it is kept. */
static bool
was_pressed(int fd)
{
	struct input_event list[32];
	bool pressed = false;
	ssize_t n;

	while ((n = read(fd, list, sizeof(list))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(list[0]); i++)
			pressed = pressed || list[i].type == EV_KEY;
	explicit_bzero(list, sizeof(list));
	return pressed;
}

static void
on_keyboard(void *ctx, unsigned events)
{
	struct keyboard *k = ctx;
	struct host_typing *t = k->all;

	(void)events;
	if (!was_pressed(k->fd))
		return;
	for (unsigned i = 0; i < t->count; i++)
		if (t->devices[i].active && !t->devices[i].serial)
			t->devices[i].foreign = true; /* its timer ends it */
}

static void
forget_keyboards(struct host_typing *t)
{
	for (unsigned i = 0; i < t->keyboards_count; i++) {
		loop_io_free(t->keyboards[i].io);
		(void)close(t->keyboards[i].fd); /* read only */
	}
	t->keyboards_count = 0;
}

/* Those that are there now, from now on. One that cannot be opened is not listened to. */
static void
listen_to_keyboards(struct host_typing *t)
{
	char path[64];

	if (t->keyboards_count > 0)
		return;
	for (unsigned i = 0; t->keyboards_count < HOST_TYPING_KEYBOARDS &&
			     t->ops.keyboard(t->ops.ctx, i, path, sizeof(path)) == 0;
	     i++) {
		struct keyboard *k = &t->keyboards[t->keyboards_count];
		int fd = t->ops.open(t->ops.ctx, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

		if (fd < 0)
			continue;
		*k = (struct keyboard){ .all = t, .fd = fd };
		if (!is_real_keyboard(t, fd) ||
		    loop_io_new(t->loop, fd, LOOP_READ, on_keyboard, k, &k->io) < 0) {
			(void)close(fd); /* read only */
			continue;
		}
		(void)was_pressed(fd); /* before this text; none of our business */
		t->keyboards_count++;
	}
	if (t->keyboards_count == 0 && !t->deaf_told) {
		t->deaf_told = true;
		log_warn("no real keyboard can be listened to: what is typed beside a "
			 "text is not noticed");
	}
}

/* ---- the made one ---------------------------------------------------------------------------- */

static int
make_keyboard(const struct host_typing *t, int fd)
{
	struct uinput_setup setup = { .id = { .bustype = BUS_VIRTUAL },
				      .name = DEVICE_NAME };
	const struct host_typing_ops *o = &t->ops;
	uintptr_t code;
	int rc = o->ioctl(o->ctx, fd, UI_SET_EVBIT, EV_KEY);

	for (unsigned i = 0; rc == 0 && (code = typing_key_at(i)) != 0; i++)
		rc = o->ioctl(o->ctx, fd, UI_SET_KEYBIT, code);
	if (rc == 0)
		rc = o->ioctl(o->ctx, fd, UI_DEV_SETUP, (uintptr_t)&setup);
	if (rc == 0)
		rc = o->ioctl(o->ctx, fd, UI_DEV_CREATE, 0);
	return rc;
}

static int
open_keyboard(struct host_typing *t, struct device *d)
{
	int fd =
		t->ops.open(t->ops.ctx, "/dev/uinput", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	int rc = fd < 0 ? fd : make_keyboard(t, fd);

	if (rc < 0) {
		log_err("%s: no keyboard from /dev/uinput: %s", d->option, strerror(-rc));
		if (fd >= 0)
			(void)close(fd); /* nothing was made */
		return rc;
	}
	d->fd = fd; /* closing it takes the keyboard away */
	d->ready_ms = clock_mono_ms() + HOST_TYPING_SETTLE_MS;
	return 0;
}

/* ---- a text on its way ----------------------------------------------------------------------- */

static bool
any_active(const struct host_typing *t)
{
	for (unsigned i = 0; i < t->count; i++)
		if (t->devices[i].active && !t->devices[i].serial)
			return true;
	return false;
}

static void
finish(struct device *d, int status, uint32_t typed)
{
	unsigned was;

	d->active = false;
	loop_timer_cancel(d->timer);
	explicit_bzero(d->typing.text, sizeof(d->typing.text));
	if (!any_active(d->all))
		forget_keyboards(d->all);
	if (d->done == NULL)
		return;
	crash_point("host.typed");
	was = watch_enter(CRASH_TYPED, 0);
	d->done(d->user, status, typed, d->foreign);
	watch_leave(was);
}

static int
send_step(const struct device *d, const struct typing_step *s)
{
	/* Each key on its own, as a keyboard reports it. */
	struct input_event list[2 * TYPING_EVENTS_MAX];
	const struct host_typing_ops *o = &d->all->ops;
	size_t bytes = 2 * s->count * sizeof(list[0]);
	ssize_t n;

	memset(list, 0, sizeof(list));
	for (unsigned i = 0; i < s->count; i++) {
		list[2 * i].type = EV_KEY;
		list[2 * i].code = s->events[i].code;
		list[2 * i].value = s->events[i].down;
		list[2 * i + 1].type = EV_SYN;
		list[2 * i + 1].code = SYN_REPORT;
	}
	n = bytes == 0 ? 0 : o->write(o->ctx, d->fd, list, bytes);
	explicit_bzero(list, sizeof(list));
	return n < 0 ? (int)n : n == (ssize_t)bytes ? 0 : -EIO;
}

static void
later(struct device *d, int64_t ms)
{
	if (loop_timer_set(d->timer, ms) < 0)
		finish(d, LANED_NO_MEMORY, d->typing.typed);
}

static void
type_on(struct device *d)
{
	struct typing_step s;
	bool more;

	if (d->cancelled || d->foreign) {
		typing_release(&d->typing, &s);
		(void)send_step(d, &s); /* it ends in any case */
		finish(d, d->foreign ? LANED_AGAIN : LANED_REFUSED, d->typing.typed);
		return;
	}
	more = typing_next(&d->typing, &s);
	if (!more) {
		finish(d, LANED_OK, d->typing.typed);
	} else if (send_step(d, &s) < 0) {
		log_err("%s: the keyboard takes no keys", d->option);
		finish(d, LANED_IO, d->typing.typed);
	} else {
		later(d, d->setting.pace_ms);
	}
}

/* ---- a serial line --------------------------------------------------------------------------- */

static uint32_t
left_for_the_line(const struct device *d)
{
	size_t unsent = d->stream == NULL || !d->sent ? d->typing.length
						      : stream_unsent(d->stream);

	return unsent > d->typing.length ? 0 : d->typing.length - (uint32_t)unsent;
}

static void
send_on(struct device *d)
{
	uint32_t typed = left_for_the_line(d);

	if (d->cancelled) {
		d->stream = stream_free(d->stream); /* with what has not left */
		finish(d, LANED_REFUSED, typed);
	} else if (d->stream != NULL && stream_is_open(d->stream) && !d->sent) {
		d->sent = stream_send(d->stream, (const uint8_t *)d->typing.text,
				      d->typing.length) == 0;
		later(d, d->sent && stream_unsent(d->stream) == 0 ? 0 : SERIAL_LOOK_MS);
	} else if (d->sent && typed == d->typing.length) {
		finish(d, LANED_OK, typed);
	} else if (d->sent) {
		later(d, SERIAL_LOOK_MS);
	}
}

static void
on_line_open(void *ctx)
{
	struct device *d = ctx;

	if (d->active)
		later(d, 0);
}

static void
on_line_closed(void *ctx, int err)
{
	struct device *d = ctx;
	uint32_t typed = left_for_the_line(d);

	log_warn("%s: the line ended: %s", d->option, strerror(-err));
	d->stream = stream_free(d->stream);
	if (d->active)
		finish(d, LANED_IO, typed);
}

static int
open_line(struct device *d)
{
	static const struct stream_events events = { .opened = on_line_open,
						     .closed = on_line_closed };
	char why[STREAM_WHY_BYTES] = "";
	int rc = stream_open(d->all->streams, &d->address, &events, d, &d->stream, why);

	if (rc < 0)
		log_err("%s: %s", d->option, why[0] == '\0' ? strerror(-rc) : why);
	return rc;
}

/* ---- the table's functions ------------------------------------------------------------------- */

static void
on_timer(void *ctx)
{
	struct device *d = ctx;

	if (!d->active)
		return;
	if (d->serial)
		send_on(d);
	else
		type_on(d);
}

static struct device *
find(struct host_typing *t, const char *option)
{
	for (unsigned i = 0; i < t->count; i++)
		if (strcmp(t->devices[i].option, option) == 0)
			return &t->devices[i];
	return NULL;
}

static int
begin_on_line(struct device *d, struct str text)
{
	if (text.n == 0)
		return LANED_INVALID;
	if (text.n > TYPING_TEXT_MAX)
		return LANED_TOO_LARGE;
	if (d->stream == NULL && open_line(d) < 0)
		return LANED_IO;
	d->typing = (struct typing){ .length = (uint32_t)text.n };
	memcpy(d->typing.text, text.p, text.n);
	return LANED_OK;
}

static int
begin_on_keyboard(struct device *d, struct str text)
{
	int rc;

	if (d->fd < 0)
		return LANED_IO;
	rc = typing_begin(&d->typing, &d->setting, text);
	if (rc < 0)
		return rc == -EMSGSIZE ? LANED_TOO_LARGE : LANED_INVALID;
	listen_to_keyboards(d->all);
	return LANED_OK;
}

int
host_typing_start(struct host_typing *t, const char *option, struct laned_str text,
		  laned_typed_fn done, void *user)
{
	struct device *d = find(t, option);
	struct str s = { text.p, text.n };
	int64_t wait_ms;
	int rc;

	if (d == NULL)
		return LANED_MISSING;
	if (d->active)
		return LANED_AGAIN;
	rc = d->serial ? begin_on_line(d, s) : begin_on_keyboard(d, s);
	if (rc != LANED_OK)
		return rc;
	d->active = true;
	d->cancelled = d->foreign = d->sent = false;
	d->done = done;
	d->user = user;
	wait_ms = d->ready_ms - clock_mono_ms();
	if (loop_timer_set(d->timer, wait_ms) == 0)
		return LANED_OK;
	d->done = NULL;
	finish(d, LANED_NO_MEMORY, 0);
	return LANED_NO_MEMORY;
}

int
host_typing_cancel(struct host_typing *t, const char *option)
{
	struct device *d = find(t, option);

	if (d == NULL || !d->active)
		return LANED_MISSING;
	d->cancelled = true;
	return loop_timer_set(d->timer, 0) < 0 ? LANED_NO_MEMORY : LANED_OK;
}

int
host_typing_add(struct host_typing *t, const char *option, const char *text)
{
	struct device *d = &t->devices[t->count];
	char why[TYPING_WHY_BYTES], why_address[ADDRESS_WHY_BYTES];
	struct address a;
	bool uinput = typing_setting_is(str_of(text));
	int rc;

	if (!uinput && (address_parse(str_of(text), &a, why_address) < 0 ||
			a.kind != ADDRESS_SERIAL))
		return 0;
	if (t->count == HOST_TYPING_MAX)
		return -E2BIG;
	*d = (struct device){ .all = t, .serial = !uinput, .fd = -1 };
	rc = str_copy(d->option, sizeof(d->option), str_of(option));
	if (rc == 0)
		rc = loop_timer_new(t->loop, on_timer, d, &d->timer);
	if (rc < 0)
		return rc;
	t->count++;
	if (!uinput) {
		d->address = a;
		return 0;
	}
	rc = typing_setting_parse(str_of(text), &d->setting, why);
	if (rc < 0)
		log_err("%s: %s", option, why);
	return rc < 0 ? rc : open_keyboard(t, d);
}

int
host_typing_new(struct loop *l, struct streams *streams,
		const struct host_typing_ops *ops, struct host_typing **ret_typing)
{
	struct host_typing *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->loop = l;
	t->streams = streams;
	t->ops = ops == NULL ? host_typing_kernel : *ops;
	*ret_typing = t;
	return 0;
}

struct host_typing *
host_typing_free(struct host_typing *t)
{
	if (t == NULL)
		return NULL;
	forget_keyboards(t);
	for (unsigned i = 0; i < t->count; i++) {
		loop_timer_free(t->devices[i].timer);
		stream_free(t->devices[i].stream);
		if (t->devices[i].fd >= 0)
			(void)close(t->devices[i].fd); /* the keyboard goes with it */
	}
	free(t);
	return NULL;
}
