/* Streams: serial lines. */
#include "base/stream_private.h"

#include "base/crash.h"
#include "base/serial_port.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <termios.h>

#define LINES_MS 50  /* how often the lines that come in are looked at */
#define BREAK_MS 250 /* as tcsendbreak() has it, which would block */
#define MARK_BYTE 0xffu

static const struct {
	unsigned ours;
	int theirs;
} lines_table[] = { { STREAM_DTR, TIOCM_DTR },
		    { STREAM_RTS, TIOCM_RTS },
		    { STREAM_CTS, TIOCM_CTS },
		    { STREAM_DSR, TIOCM_DSR },
		    { STREAM_DCD, TIOCM_CAR } };
#define LINES (sizeof(lines_table) / sizeof(lines_table[0]))
#define LINES_IN (STREAM_CTS | STREAM_DSR | STREAM_DCD)

/* ---- the port ---------------------------------------------------------------------------- */

int
stream_serial_open(const struct address *a)
{
	const struct serial_format format = { .baud = a->baud,
					      .data_bits = a->data_bits,
					      .stop_bits = a->stop_bits,
					      .parity = a->parity,
					      .rtscts = a->rtscts,
					      .marks = true }; /* see mark() */
	int fd = -1, rc = serial_port_open(a->path, &format, &fd);

	if (rc < 0)
		return rc;
	(void)tcflush(fd, TCIFLUSH); /* what somebody else has left is noise */
	return fd;
}

void
stream_serial_leave(struct stream *s)
{
	if (s->breaking)
		(void)ioctl(s->fd, TIOCCBRK); /* a line that is gone has no break */
	/*
	 * Or close would wait for a line that takes nothing, up to half a minute. What a port has
	 * passed on already is left alone: it may still be on its way.
	 */
	if (stream_serial_unsent(s) > 0)
		(void)tcflush(s->fd, TCOFLUSH);
	serial_port_leave(s->fd);
}

size_t
stream_serial_unsent(const struct stream *s)
{
	int n = 0;

	return ioctl(s->fd, TIOCOUTQ, &n) == 0 && n > 0 ? (size_t)n : 0;
}

/* ---- what comes in ----------------------------------------------------------------------- */

/* One byte of what PARMRK makes: true and *ret_byte, it is one; *ret_break: a break came. */
static bool
mark(struct stream *s, uint8_t byte, uint8_t *ret_byte, bool *ret_break)
{
	unsigned seen = s->mark;

	s->mark = 0;
	*ret_byte = byte;
	if (seen == 0 && byte == MARK_BYTE) {
		s->mark = 1;
		return false;
	}
	if (seen == 1 && byte == 0) {
		s->mark = 2;
		return false;
	}
	/* Behind 0xff 0 stands a byte of a wrong parity, which the protocol's own check finds. */
	if (seen == 2 && byte == 0) {
		*ret_break = true;
		return false;
	}
	return true;
}

/* Between two breaks the owner may have stopped reading, or given something back. */
static void
give(struct stream *s, const uint8_t *data, size_t n)
{
	int rc = 0;

	if (s->paused || s->unread != NULL)
		rc = stream_unread(s, data, n);
	else if (s->e.data != NULL)
		s->e.data(s->ctx, data, n);
	if (rc < 0)
		stream_fail(s, rc);
}

void
stream_serial_data(struct stream *s, uint8_t *data, size_t n)
{
	size_t at = 0;

	while (at < n && !s->freed && s->state == STREAM_OPEN) {
		bool is_break = false;
		size_t from = at, to = at;

		while (at < n && !is_break) {
			uint8_t byte;

			if (mark(s, data[at++], &byte, &is_break))
				data[to++] = byte;
		}
		if (to > from)
			give(s, data + from, to - from);
		if (is_break && !s->freed && s->state == STREAM_OPEN &&
		    s->e.modem != NULL)
			s->e.modem(s->ctx, s->lines | STREAM_BREAK);
	}
}

/* ---- lines ------------------------------------------------------------------------------- */

static int
get_lines(const struct stream *s, unsigned *ret_lines)
{
	unsigned lines = 0;
	int bits;

	if (ioctl(s->fd, TIOCMGET, &bits) < 0)
		return -errno;
	for (size_t i = 0; i < LINES; i++)
		if ((bits & lines_table[i].theirs) != 0)
			lines |= lines_table[i].ours;
	*ret_lines = lines;
	return 0;
}

static void
lines_cb(void *ctx)
{
	struct stream *s = ctx;
	unsigned lines = 0;
	bool told = true;

	if (s->state != STREAM_OPEN)
		return;
	stream_enter(s);
	if (s->breaking) {
		s->breaking = false;
		(void)ioctl(s->fd, TIOCCBRK); /* as in stream_serial_leave */
	}
	if (s->e.modem != NULL && get_lines(s, &lines) == 0) {
		told = s->lines_told && ((s->lines ^ lines) & LINES_IN) == 0;
		s->lines = lines;
		s->lines_told = true;
		(void)loop_timer_set(s->poll, LINES_MS); /* as in stream_fail */
	}
	if (!told) {
		crash_point("stream.modem");
		s->e.modem(s->ctx, lines);
	}
	(void)stream_leave(s); /* nothing more is done with it */
}

void
stream_serial_watch(struct stream *s)
{
	if (s->poll == NULL && loop_timer_new(s->ss->loop, lines_cb, s, &s->poll) < 0)
		return; /* no memory: a line without its lines */
	if (s->e.modem != NULL)
		(void)loop_timer_set(s->poll, 0); /* as in stream_fail */
}

int
stream_modem(struct stream *s, unsigned mask, unsigned lines)
{
	int set = 0, clear = 0;

	if (!s->serial)
		return -ENOTTY;
	if ((mask & ~(unsigned)(STREAM_DTR | STREAM_RTS | STREAM_BREAK)) != 0)
		return -EINVAL;
	if (s->state != STREAM_OPEN)
		return -ENOTCONN;
	for (size_t i = 0; i < LINES; i++) {
		if ((mask & lines_table[i].ours) == 0)
			continue;
		if ((lines & lines_table[i].ours) != 0)
			set |= lines_table[i].theirs;
		else
			clear |= lines_table[i].theirs;
	}
	if (set != 0 && ioctl(s->fd, TIOCMBIS, &set) < 0)
		return -errno;
	if (clear != 0 && ioctl(s->fd, TIOCMBIC, &clear) < 0)
		return -errno;
	if ((mask & lines & STREAM_BREAK) == 0 || s->breaking)
		return 0;
	if (s->poll == NULL)
		return -ENOMEM;
	if (ioctl(s->fd, TIOCSBRK) < 0)
		return -errno;
	s->breaking = true;
	return loop_timer_set(s->poll, BREAK_MS);
}
