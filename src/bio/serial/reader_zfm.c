/*
 * A sensor module on a serial line, as the service sees it: the line brings the bytes, zfm.c the
 * pictures, and this file the states, the log, and the way back after an unplug.
 */
#include "bio/serial/reader_zfm.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "bio/backoff.h"
#include "bio/serial/appear.h"
#include "bio/serial/line.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES 4096u
/* Chunks of one wakeup, so that a line that never falls silent leaves time for the others. */
#define CHUNKS_MAX 8u

struct zfm_reader {
	struct reader base;
	struct loop *loop;
	char label[READER_TEXT_BYTES];
	int fd; /* of the line; -1: not open */
	struct loop_io *io;
	struct zfm *zfm;          /* while the line is open */
	struct loop_timer *timer; /* of zfm */
	struct loop_timer *again; /* to open, or to close first */
	struct appear *appear;    /* while the line is not open */
	struct secret *input;     /* INPUT_BYTES: parts of pictures */
	bool finished, unplugged; /* zfm has ended; its line is to be closed */
	bool closing, unwatched_said;
	bool dark;               /* the sensor is off until arm */
	bool seen, absent_since; /* ready once; absent after that */
	uint32_t baud;           /* the rate that worked last */
	struct backoff backoff;
	char said[128]; /* why it does not work, as logged last */
	struct zfm_counters before;
	uint64_t opens, wakeups;
};

/* Says each reason once, not at each attempt. */
static void
say(struct zfm_reader *z, int level, const char *why, const char *what_next)
{
	if (strcmp(z->said, why) == 0)
		return;
	(void)str_copy(z->said, sizeof(z->said), str_of(why)); /* "" when too long */
	log_event(level, NULL, NULL, "reader %s: %s: %s; %s", z->base.options->name,
		  z->base.options->device, why, what_next);
}

/* why is of reader.h's words, and NULL where there is nothing to say. */
static void
state(struct zfm_reader *z, enum reader_state s, const char *why)
{
	if (s == READER_ABSENT && z->seen)
		z->absent_since = true;
	if (z->closing)
		return;
	z->base.why = why;
	reader_set_state(&z->base, s);
}

static void
not_found(struct zfm_reader *z)
{
	memset(&z->base.device, 0, sizeof(z->base.device));
	say(z, LOG_NOTICE, "is not there", "waiting for it");
	state(z, READER_ABSENT, "not-found");
}

static void
open_later(struct zfm_reader *z)
{
	int64_t ms = backoff_ms(&z->backoff);

	(void)loop_timer_set(z->again, ms); /* no memory: a change does it */
}

/* ---- what the module tells ----------------------------------------------------------------- */

static void
describe(struct zfm_reader *z)
{
	struct zfm_identity id;
	struct strbuf b;

	zfm_identity(z->zfm, &id);
	strbuf_init(&b, z->base.device.model, sizeof(z->base.device.model));
	strbuf_addf(&b, "%s, system %04x, %u baud",
		    id.model == NULL ? "ZFM module" : id.model, id.system_id, id.baud);
	(void)str_copy(z->base.device.port, sizeof(z->base.device.port),
		       str_of(z->base.options->device)); /* a longer one is left out */
	z->baud = id.baud;
}

static void
on_ready(void *ctx)
{
	struct zfm_reader *z = ctx;

	describe(z);
	line_describe(z->fd, &z->base.device);
	backoff_reset(&z->backoff);
	z->said[0] = '\0';
	if (z->absent_since)
		z->base.replugs++;
	z->absent_since = false;
	z->seen = true;
	log_info("reader %s: %s at %s", z->base.options->name, z->base.device.model,
		 z->base.options->device);
	state(z, READER_READY, NULL);
}

static void
on_touched(void *ctx)
{
	struct zfm_reader *z = ctx;

	state(z, READER_CAPTURING, NULL);
	z->base.events.touched(z->base.events.ctx, &z->base);
}

static bool
on_sample(void *ctx, struct sample *s)
{
	struct zfm_reader *z = ctx;

	z->base.captures++;
	describe(z); /* the picture's size has told which one it is */
	return z->base.events.sample(z->base.events.ctx, &z->base, s);
}

static void
on_failed(void *ctx, const char *why)
{
	struct zfm_reader *z = ctx;

	z->base.errors++;
	z->base.events.failed(z->base.events.ctx, &z->base, why);
}

static void
on_lifted(void *ctx)
{
	struct zfm_reader *z = ctx;

	z->base.events.lifted(z->base.events.ctx, &z->base);
	state(z, READER_READY, NULL);
}

/* Closes the line from the loop: zfm is still on the stack. */
static void
finish(struct zfm_reader *z)
{
	z->finished = true;
	(void)loop_io_set(z->io, 0);       /* taking away cannot fail */
	(void)loop_timer_set(z->again, 0); /* no memory: the unplug is all that is left */
}

static void
on_broken(void *ctx, enum zfm_end end, const char *why)
{
	struct zfm_reader *z = ctx;

	if (end == ZFM_GONE) {
		z->unplugged = true;
		not_found(z);
	} else {
		z->base.errors++;
		z->base.resets++;
		if (end == ZFM_MISCONFIGURED)
			say(z, LOG_ERR, why,
			    "correct it in the reader's section; trying on");
		else
			say(z, LOG_WARNING, why, "trying on");
		state(z, READER_FAULTY,
		      end == ZFM_MISCONFIGURED ? "misconfigured" : "no-answer");
	}
	finish(z);
}

/* ---- the port ------------------------------------------------------------------------------ */

static int
port_write(void *port, const uint8_t *bytes, size_t n)
{
	return line_write(((struct zfm_reader *)port)->fd, bytes, n);
}

static int
port_rate(void *port, uint32_t baud)
{
	return line_set_rate(((struct zfm_reader *)port)->fd, baud);
}

static int
port_timer(void *port, unsigned delay_ms)
{
	return loop_timer_set(((struct zfm_reader *)port)->timer, delay_ms);
}

static void
port_timer_cancel(void *port)
{
	loop_timer_cancel(((struct zfm_reader *)port)->timer);
}

static int64_t
port_now(void *port)
{
	(void)port;
	return clock_mono_ms();
}

static const struct zfm_port_ops port_ops = { port_write, port_rate, port_timer,
					      port_timer_cancel, port_now };

/* ---- opening and closing ------------------------------------------------------------------- */

static void
add_counters(struct zfm_counters *sum, const struct zfm *zfm)
{
	struct zfm_counters c;

	if (zfm == NULL)
		return;
	zfm_counters(zfm, &c);
	sum->commands += c.commands;
	sum->polls += c.polls;
	sum->images += c.images;
	sum->bad_images += c.bad_images;
	sum->errors += c.errors;
	sum->restarts += c.restarts;
	sum->unexpected += c.unexpected;
	sum->bad_packets += c.bad_packets;
	sum->noise_bytes += c.noise_bytes;
}

static void
close_line(struct zfm_reader *z)
{
	add_counters(&z->before, z->zfm);
	z->zfm = zfm_free(z->zfm);
	z->io = loop_io_free(z->io);
	if (z->fd >= 0)
		line_close(z->fd);
	z->fd = -1;
	z->finished = false;
	memset(&z->base.device, 0, sizeof(z->base.device));
}

static int
new_module(struct zfm_reader *z)
{
	const struct reader_options *o = z->base.options;
	/* One that does not do as told is left alone: each attempt is a write to its flash. */
	bool stubborn = z->baud != 0 && z->baud != o->baud;
	const struct zfm_options zo = { .baud = stubborn ? 0 : o->baud,
					.baud_first = stubborn ? z->baud : 0,
					.address = o->address,
					.password = o->password,
					.invert = o->invert == READER_YES,
					.rotate = o->rotate == READER_YES,
					.dpi = o->dpi,
					.label = z->label };
	const struct zfm_events e = { on_ready,  on_touched, on_sample, on_failed,
				      on_lifted, on_broken,  z };

	return zfm_new(&zo, (struct zfm_port){ &port_ops, z }, &e, &z->zfm);
}

static void
on_line(void *ctx, unsigned events)
{
	struct zfm_reader *z = ctx;
	uint8_t *input = secret_bytes(z->input);
	ssize_t n;

	(void)events; /* only reading is watched */
	z->wakeups++;
	for (unsigned i = 0; i < CHUNKS_MAX && !z->finished; i++) {
		n = line_read(z->fd, input, INPUT_BYTES);
		if (n == -EAGAIN)
			return;
		if (n < 0) {
			zfm_stop(z->zfm);
			z->unplugged = true;
			not_found(z);
			finish(z);
			return;
		}
		zfm_input(z->zfm, input, (size_t)n);
		secret_zero(input, (size_t)n);
		if ((size_t)n < INPUT_BYTES)
			return;
	}
}

static int
open_line(struct zfm_reader *z)
{
	const uint32_t any_rate = 57600; /* zfm sets its own */
	int rc;

	z->opens++;
	rc = line_open(z->base.options->device, any_rate, &z->fd);
	if (rc < 0)
		return rc;
	z->unplugged = false;
	rc = new_module(z);
	if (rc == 0)
		zfm_arm(z->zfm, !z->dark);
	if (rc == 0)
		rc = loop_io_new(z->loop, z->fd, LOOP_READ, on_line, z, &z->io);
	if (rc < 0)
		close_line(z);
	return rc;
}

static const struct reader_refusal refusals[] = {
	{ -EACCES, "denied", "may not be opened by its permissions" },
	{ -EPERM, "denied", "may not be opened; see the unit's DeviceAllow" },
	{ -EBUSY, "busy", "another program has it open" },
	{ -ENOTTY, "misconfigured", "is not a serial line" },
	{ -ENOMEM, "no-answer", "no memory" },
	{ 0, "no-answer", "cannot be opened" },
};

static bool
not_there(int rc)
{
	return rc == -ENOENT || rc == -ENOTDIR;
}

/* The name is there and its device has left it. */
static bool
hollow(int rc)
{
	return rc == -ENODEV || rc == -ENXIO || rc == -EIO;
}

static void
opening_failed(struct zfm_reader *z, int rc, bool watched)
{
	const struct reader_refusal *r = reader_refusal(refusals, rc);

	if (not_there(rc) || hollow(rc)) {
		not_found(z);
	} else {
		say(z, LOG_WARNING, r->text, "trying on");
		state(z, READER_FAULTY, r->why);
	}
	/* Nothing polls for what the watch will tell. */
	if (!not_there(rc) || !watched)
		open_later(z);
}

static void on_appeared(void *ctx); /* it watches anew */

/* Before each look at the path itself, so that nothing is missed between the two. */
static bool
watch(struct zfm_reader *z)
{
	const char *device = z->base.options->device;
	int rc = z->appear != NULL
			 ? appear_again(z->appear)
			 : appear_new(z->loop, device, on_appeared, z, &z->appear);

	if (rc < 0 && !z->unwatched_said)
		log_warn("reader %s: %s cannot be watched for: %s; looking every %u s",
			 z->base.options->name, device, strerror(-rc),
			 BACKOFF_MS_MAX / 1000);
	z->unwatched_said = rc < 0;
	return rc == 0;
}

static void
try_open(struct zfm_reader *z)
{
	bool watched;
	int rc;

	assert(z->fd < 0);
	loop_timer_cancel(z->again);
	watched = watch(z);
	rc = open_line(z);
	if (rc < 0) {
		opening_failed(z, rc, watched);
		return;
	}
	z->appear = appear_free(z->appear);
	zfm_start(z->zfm);
}

static void
on_appeared(void *ctx)
{
	struct zfm_reader *z = ctx;

	z->wakeups++;
	if (z->fd < 0)
		try_open(z);
}

static void
on_again(void *ctx)
{
	struct zfm_reader *z = ctx;
	bool finished = z->finished;

	z->wakeups++;
	if (finished)
		close_line(z);
	/* One that is gone before it was ready could come and go without end. */
	if (finished && !(z->unplugged && z->backoff.failures == 0)) {
		(void)watch(z); /* or the time will do */
		open_later(z);
	} else {
		try_open(z);
	}
}

static void
on_timer(void *ctx)
{
	struct zfm_reader *z = ctx;

	z->wakeups++;
	if (!z->finished)
		zfm_timeout(z->zfm);
}

/* ---- the driver ---------------------------------------------------------------------------- */

static void
zfm_reader_arm(struct reader *r, bool on)
{
	struct zfm_reader *z = (struct zfm_reader *)r;

	z->dark = !on;
	if (z->zfm != NULL && !z->finished)
		zfm_arm(z->zfm, on);
}

static struct reader *
zfm_reader_close(struct reader *r)
{
	struct zfm_reader *z = (struct zfm_reader *)r;

	if (z == NULL)
		return NULL;
	z->closing = true;
	close_line(z);
	z->appear = appear_free(z->appear);
	z->timer = loop_timer_free(z->timer);
	z->again = loop_timer_free(z->again);
	z->input = secret_free(z->input);
	free(z);
	return NULL;
}

/* What zfm_new would say, said before the line is there. */
static int
check_options(struct zfm_reader *z)
{
	int rc;

	if (z->base.options->device == NULL || z->base.options->device[0] != '/')
		return -EINVAL;
	rc = new_module(z);
	if (rc == 0)
		z->zfm = zfm_free(z->zfm);
	return rc;
}

static int
zfm_reader_open(struct loop *l, const struct reader_options *o,
		const struct reader_events *events, struct reader **ret_reader)
{
	struct zfm_reader *z = calloc(1, sizeof(*z));
	struct strbuf b;
	int rc;

	if (z == NULL)
		return -ENOMEM;
	z->base.driver = &reader_zfm;
	z->base.options = o;
	z->base.events = *events;
	z->loop = l;
	z->fd = -1;
	z->dark = o->dark;
	strbuf_init(&b, z->label, sizeof(z->label));
	strbuf_addf(&b, "zfm %s", o->device == NULL ? "" : o->device);
	rc = secret_new(INPUT_BYTES, &z->input);
	if (rc == 0)
		rc = loop_timer_new(l, on_timer, z, &z->timer);
	if (rc == 0)
		rc = loop_timer_new(l, on_again, z, &z->again);
	if (rc == 0)
		rc = check_options(z);
	if (rc < 0) {
		zfm_reader_close(&z->base);
		return rc;
	}
	state(z, READER_ABSENT, "not-found");
	try_open(z);
	*ret_reader = &z->base;
	return 0;
}

void
reader_zfm_counters(const struct reader *r, struct reader_zfm_counters *ret_counters)
{
	const struct zfm_reader *z = (const struct zfm_reader *)r;

	ret_counters->module = z->before;
	add_counters(&ret_counters->module, z->zfm);
	ret_counters->opens = z->opens;
	ret_counters->wakeups = z->wakeups;
}

const struct reader_driver reader_zfm = {
	.name = "zfm",
	.test_only = false,
	.open = zfm_reader_open,
	.close = zfm_reader_close,
	.arm = zfm_reader_arm,
};
