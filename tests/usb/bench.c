#include "usb/bench.h"

#include "synth/synth.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES_MAX 1024u
#define WORDS_MAX 6u
#define OUTPUT_BYTES_MAX (1u << 22)
#define EVENT_BYTES_MAX 256u
#define NUMBER_MAX 1000000u

struct bench {
	struct bench_transport transport;
	struct bench_port ports[BENCH_PORTS];
	bool trace, quits;
	bool socket;  /* in and out are one */
	int listener; /* for the next client, or -1 */
	int in, out;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char line[LINE_BYTES_MAX];
	size_t line_bytes;
	char *output;
	size_t output_bytes, output_space;
};

int64_t
bench_now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- what is said -------------------------------------------------------------------------- */

static bool
output_room(struct bench *b, size_t n)
{
	size_t space = b->output_space;
	char *p;

	while (space - b->output_bytes < n)
		space = space == 0 ? 4096 : space * 2;
	if (space > OUTPUT_BYTES_MAX)
		return false;
	p = realloc(b->output, space);
	if (p == NULL)
		return false;
	b->output = p;
	b->output_space = space;
	return true;
}

void
bench_say(struct bench *b, const char *format, ...)
{
	char text[EVENT_BYTES_MAX];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text) - 1, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(text) - 2)
		n = (int)sizeof(text) - 2;
	text[n++] = '\n';
	if (!output_room(b, (size_t)n)) {
		(void)fprintf(stderr, "bench: nobody reads the events\n");
		abort();
	}
	memcpy(b->output + b->output_bytes, text, (size_t)n);
	b->output_bytes += (size_t)n;
}

static void
hang_up(struct bench *b)
{
	if (b->listener < 0) {
		b->quits = true; /* nobody else can come */
	} else if (b->in >= 0) {
		(void)close(b->in); /* a socket: nothing to lose */
		b->in = -1;
		b->out = -1;
	}
	b->line_bytes = 0;
}

static void
flush(struct bench *b)
{
	ssize_t n;

	if (b->out < 0 || b->output_bytes == 0)
		return;
	n = !b->socket ? write(b->out, b->output, b->output_bytes)
		       : send(b->out, b->output, b->output_bytes,
			      MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		hang_up(b);
	if (n <= 0)
		return;
	b->output_bytes -= (size_t)n;
	memmove(b->output, b->output + n, b->output_bytes);
}

/* ---- what the devices tell ----------------------------------------------------------------- */

static void
on_ended(void *ctx, struct uru_urb *u)
{
	struct bench_port *p = ctx;
	const char *pipe = u->endpoint == 0              ? "control"
			   : u->endpoint == URU_MESSAGES ? "interrupt"
			   : u->endpoint == URU_IMAGES   ? "bulk"
							 : "other";

	if (p->bench->trace)
		bench_say(p->bench, "transfer %s %u %s %s %zu", p->name, u->number, pipe,
			  u->status == 0 ? "done" : strerrorname_np(-u->status),
			  u->actual);
	p->bench->transport.ended(p->bench->transport.ctx, p, u);
}

static void
on_told(void *ctx, enum uru_event e, unsigned number)
{
	struct bench_port *p = ctx;

	if (e == URU_TOLD_DISCONNECTED)
		p->pulled = number;
	else if (e == URU_TOLD_HIT)
		bench_say(p->bench, "hit %s %s", p->name,
			  uru_fault_name((enum uru_fault)number));
	else if (e == URU_TOLD_CAPTURED)
		bench_say(p->bench, "captured %s %u", p->name, number);
	else
		bench_say(p->bench, "%s %s", uru_event_name(e), p->name);
}

/* ---- commands ------------------------------------------------------------------------------ */

struct command {
	struct bench *b;
	struct bench_port *port;
	const char *word[WORDS_MAX];
	size_t words;
};

static const char *
word(const struct command *c, size_t i, const char *otherwise)
{
	return i < c->words ? c->word[i] : otherwise;
}

static bool
number(const char *text, unsigned long max, unsigned *ret)
{
	char *end;
	unsigned long v;

	if (*text < '0' || *text > '9')
		return false;
	v = strtoul(text, &end, 10);
	if (*end != '\0' || v > max)
		return false;
	*ret = (unsigned)v;
	return true;
}

int
bench_option(struct bench_options *o, char **argv)
{
	unsigned fd;

	if (strcmp(argv[0], "--fast") == 0) {
		o->fast = true;
		return 1;
	}
	if (strcmp(argv[0], "--control") == 0 && argv[1] != NULL) {
		o->control = argv[1];
		return 2;
	}
	if (strcmp(argv[0], "--fd") == 0 && argv[1] != NULL &&
	    number(argv[1], INT32_MAX, &fd)) {
		o->fd = (int)fd;
		return 2;
	}
	return 0;
}

static struct bench_port *
port_named(struct bench *b, const char *name)
{
	for (size_t i = 0; i < BENCH_PORTS; i++)
		if (strcmp(b->ports[i].name, name) == 0)
			return &b->ports[i];
	return NULL;
}

/* Another model may see the same finger upside down. */
static void
set_model(struct bench_port *p, const struct uru_model *m)
{
	uint8_t *r = p->device.raster;

	if (p->device.model->upside_down != m->upside_down && !p->raw)
		for (size_t i = 0; i < URU_RASTER_BYTES / 2; i++) {
			uint8_t pixel = r[i];

			r[i] = r[URU_RASTER_BYTES - 1 - i];
			r[URU_RASTER_BYTES - 1 - i] = pixel;
		}
	p->device.model = m;
	memcpy(p->device.blocks, m->blocks, sizeof(p->device.blocks));
}

static const char *
do_plug(struct command *c)
{
	const struct uru_model *m = uru_model_named(word(c, 1, "05ba:000a"));
	struct bench_port *p = port_named(c->b, word(c, 2, "1-1"));
	char serial[32], node[64] = "";
	const char *why;

	if (m == NULL)
		return "no reader has this id";
	if (p == NULL)
		return "no such port";
	if (p->plugged)
		return "there is a reader on this port";
	(void)snprintf(serial, sizeof(serial), "{MODEL-%04u}", p->number + 1); /* fits */
	if (strlen(word(c, 3, serial)) >= sizeof(p->serial))
		return "the serial number is too long";
	(void)snprintf(p->serial, sizeof(p->serial), "%s", word(c, 3, serial)); /* fits */
	set_model(p, m);
	uru_device_plug(&p->device, bench_now_us());
	p->plugged = true;
	p->pulled = 0;
	why = c->b->transport.plug(c->b->transport.ctx, p, node);
	if (why != NULL) {
		p->plugged = false;
		uru_device_unplug(&p->device);
		return why;
	}
	bench_say(c->b, "plugged %s %04x:%04x %s", p->name, m->vendor, m->product, node);
	return NULL;
}

/* transfer 0: by command. */
static void
unplug(struct bench_port *p, unsigned transfer)
{
	p->plugged = false;
	p->pulled = 0;
	uru_device_unplug(&p->device);
	p->bench->transport.unplug(p->bench->transport.ctx, p);
	if (transfer == 0)
		bench_say(p->bench, "unplugged %s", p->name);
	else
		bench_say(p->bench, "unplugged %s %u", p->name, transfer);
}

void
bench_unplug(struct bench_port *p)
{
	unplug(p, 0);
}

static const char *
do_unplug(struct command *c)
{
	if (!c->port->plugged)
		return "there is no reader on this port";
	unplug(c->port, 0);
	return NULL;
}

static const char *
lay_picture(struct bench_port *p, const uint8_t *grey, unsigned width, unsigned height)
{
	uint8_t *raster = malloc(URU_RASTER_BYTES);

	if (raster == NULL)
		return "no memory";
	p->raw = false;
	uru_picture_place(p->device.model, grey, width, height, raster);
	uru_device_finger(&p->device, raster, bench_now_us());
	free(raster);
	return NULL;
}

static const char *
lay_synthetic(struct bench_port *p, unsigned finger, unsigned impression)
{
	struct synth_options o = synth_options_default();
	uint8_t *grey = malloc(URU_RASTER_BYTES);
	const char *why = "no memory";

	o.width = URU_COLUMNS;
	o.height = URU_ROWS;
	o.plain_glass = 1;
	if (grey != NULL && synth_image(finger, impression, &o, grey) == 0)
		why = lay_picture(p, grey, URU_COLUMNS, URU_ROWS);
	free(grey);
	return why;
}

static const char *
lay_file(struct bench_port *p, const char *path, bool raster)
{
	uint8_t *grey = NULL;
	unsigned width, height;
	const char *why = NULL;

	switch (uru_picture_load(path, &grey, &width, &height)) {
	case 0:
		break;
	case -EBADMSG:
		return "the file is no binary PGM of 8 bits";
	default:
		return "the file cannot be read";
	}
	if (!raster)
		why = lay_picture(p, grey, width, height);
	else if (width != URU_COLUMNS || height != URU_ROWS)
		why = "a raster has 384x290 pixels";
	if (raster && why == NULL) {
		p->raw = true;
		uru_device_finger(&p->device, grey, bench_now_us());
	}
	free(grey);
	return why;
}

static const char *
lay_card(struct bench_port *p)
{
	uint8_t *grey = malloc(URU_RASTER_BYTES);
	const char *why;

	if (grey == NULL)
		return "no memory";
	uru_picture_card(grey);
	why = lay_picture(p, grey, URU_COLUMNS, URU_ROWS);
	free(grey);
	return why;
}

static const char *
do_finger(struct command *c)
{
	unsigned finger, impression;

	if (strcmp(c->word[2], "card") == 0 && c->words == 3)
		return lay_card(c->port);
	if (strcmp(c->word[2], "raster") == 0 && c->words == 4)
		return lay_file(c->port, c->word[3], true);
	if (strcmp(c->word[2], "synth") == 0 && c->words >= 4) {
		if (!number(c->word[3], NUMBER_MAX, &finger) ||
		    !number(word(c, 4, "1"), NUMBER_MAX, &impression))
			return "finger and impression are numbers";
		return lay_synthetic(c->port, finger, impression);
	}
	return c->words == 3 ? lay_file(c->port, c->word[2], false)
			     : "finger PORT FILE | raster FILE | synth N [M] | card";
}

static const char *
do_lift(struct command *c)
{
	uru_device_lift(&c->port->device, bench_now_us());
	return NULL;
}

static const char *
do_fault(struct command *c)
{
	struct uru_device *d = &c->port->device;
	char name[64];
	unsigned count, skip;
	enum uru_fault f;
	int reg = -1;
	char *at;

	if (strcmp(c->word[2], "none") == 0) {
		uru_device_disarm(d);
		return NULL;
	}
	(void)snprintf(name, sizeof(name), "%s", c->word[2]); /* cut: no such fault */
	at = strchr(name, '@');
	if (at != NULL) {
		*at = '\0';
		reg = (int)(strtoul(at + 1, NULL, 16) & 0xffff);
	}
	f = uru_fault_named(name);
	if (f == URU_FAULTS)
		return "no such fault";
	if (!number(word(c, 3, "1"), NUMBER_MAX, &count) ||
	    !number(word(c, 4, "0"), NUMBER_MAX, &skip))
		return "COUNT and SKIP are numbers";
	if (f == URU_DISCONNECT || f == URU_DISCONNECT_END) {
		unsigned past = !d->plugged           ? 0
				: f == URU_DISCONNECT ? d->counters.submitted
						      : d->counters.ended;

		if (count <= past)
			return "that transfer is over";
		skip = count - past - 1;
		count = 1;
	}
	uru_device_arm(d, f, reg, count, skip);
	return NULL;
}

static const char *
do_busy(struct command *c)
{
	if (!c->b->transport.plays_host)
		return "not on this bench";
	c->port->busy = strcmp(c->word[2], "on") == 0;
	return NULL;
}

static const char *
do_suspend(struct command *c)
{
	bool killed = strcmp(word(c, 2, ""), "killed") == 0;

	if (!c->b->transport.plays_host)
		return "not on this bench";
	if (!c->port->plugged)
		return "there is no reader on this port";
	uru_device_suspend(&c->port->device, killed ? -ENOENT : -ESHUTDOWN);
	return NULL;
}

static const char *
do_trace(struct command *c)
{
	c->b->trace = strcmp(c->word[1], "on") == 0;
	return NULL;
}

/* Answers by itself. */
static const char *
do_stats(struct command *c)
{
	const struct uru_device *d = &c->port->device;
	const struct uru_counters *n = &d->counters;

	bench_say(c->b,
		  "ok submitted=%u ended=%u images=%u messages=%u faults=%u clients=%u "
		  "plugs=%u finger=%d mode=%02x status=%02x",
		  n->submitted, n->ended, n->images, n->messages, n->faults,
		  c->port->clients, n->plugs, d->finger, d->mode, d->status);
	return "";
}

static const char *
do_start(struct command *c)
{
	if (c->b->transport.start == NULL)
		return "there is no child";
	return c->b->transport.start(c->b->transport.ctx);
}

static const char *
do_quit(struct command *c)
{
	c->b->quits = true;
	return NULL;
}

static const struct {
	const char *name;
	size_t words_min, words_max;
	bool port; /* the first argument is one */
	/* NULL; "": has answered by itself; or an error. */
	const char *(*run)(struct command *c);
} commands[] = {
	{ "plug", 1, 4, false, do_plug },    { "unplug", 2, 2, true, do_unplug },
	{ "finger", 3, 5, true, do_finger }, { "lift", 2, 2, true, do_lift },
	{ "busy", 3, 3, true, do_busy },     { "suspend", 2, 3, true, do_suspend },
	{ "fault", 3, 5, true, do_fault },   { "trace", 2, 2, false, do_trace },
	{ "stats", 2, 2, true, do_stats },   { "start", 1, 1, false, do_start },
	{ "quit", 1, 1, false, do_quit },
};

static const char *
run_command(struct command *c)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, c->word[0]) != 0)
			continue;
		if (c->words < commands[i].words_min || c->words > commands[i].words_max)
			return "too few or too many words";
		if (commands[i].port && (c->port = port_named(c->b, c->word[1])) == NULL)
			return "no such port";
		return commands[i].run(c);
	}
	return "no such command";
}

static void
on_line(struct bench *b, char *line)
{
	struct command c = { .b = b };
	const char *why;
	char *save = NULL;

	for (char *w = strtok_r(line, " \t\r", &save); w != NULL && c.words < WORDS_MAX;
	     w = strtok_r(NULL, " \t\r", &save))
		c.word[c.words++] = w;
	if (c.words == 0 || c.word[0][0] == '#')
		return;
	why = run_command(&c);
	if (why == NULL)
		bench_say(b, "ok");
	else if (*why != '\0')
		bench_say(b, "error %s", why);
}

static void
receive(struct bench *b)
{
	size_t room = sizeof(b->line) - b->line_bytes;
	ssize_t n = !b->socket ? read(b->in, b->line + b->line_bytes, room)
			       : recv(b->in, b->line + b->line_bytes, room, MSG_DONTWAIT);
	char *end;

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			hang_up(b);
		return;
	}
	b->line_bytes += (size_t)n;
	while ((end = memchr(b->line, '\n', b->line_bytes)) != NULL) {
		size_t used = (size_t)(end - b->line) + 1;

		*end = '\0';
		on_line(b, b->line);
		b->line_bytes -= used;
		memmove(b->line, b->line + used, b->line_bytes);
	}
	if (b->line_bytes == sizeof(b->line))
		hang_up(b); /* no command is that long */
}

static void
greet(struct bench *b)
{
	int fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (b->in >= 0)
		hang_up(b);
	b->in = fd;
	b->out = fd;
}

/* ---- the bench ----------------------------------------------------------------------------- */

static int
listen_at(struct bench *b, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int rc;

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path) + 1);
	memcpy(b->path, path, strlen(path) + 1);
	b->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (b->listener < 0)
		return -errno;
	(void)unlink(path); /* a bench that is no more */
	rc = bind(b->listener, (const struct sockaddr *)&a, sizeof(a));
	if (rc == 0)
		rc = listen(b->listener, 4);
	return rc < 0 ? -errno : 0;
}

static void
choose_control(struct bench *b, const struct bench_options *o)
{
	b->socket = o->control != NULL || o->fd >= 0;
	b->listener = -1;
	b->in = b->socket ? o->fd : STDIN_FILENO; /* with control: nobody yet */
	b->out = b->socket ? o->fd : STDOUT_FILENO;
	if (o->fd >= 0)
		(void)fcntl(o->fd, F_SETFD, FD_CLOEXEC); /* not for the child */
}

int
bench_new(const struct bench_options *o, const struct bench_transport *t,
	  struct bench **ret_bench)
{
	struct bench *b = calloc(1, sizeof(*b));
	int rc;

	if (b == NULL)
		return -ENOMEM;
	b->transport = *t;
	choose_control(b, o);
	for (unsigned i = 0; i < BENCH_PORTS; i++) {
		struct bench_port *p = &b->ports[i];
		const struct uru_listener l = { on_ended, on_told, p };

		uru_device_init(&p->device, uru_model_named("05ba:000a"), p->serial, &l);
		p->device.delays = o->fast ? uru_delays_none : uru_delays_recorded;
		p->number = i;
		p->bench = b;
		(void)snprintf(p->name, sizeof(p->name), "1-%u", i + 1); /* fits */
	}
	rc = o->control == NULL ? 0 : listen_at(b, o->control);
	if (rc < 0) {
		bench_free(b);
		return rc;
	}
	*ret_bench = b;
	return 0;
}

struct bench *
bench_free(struct bench *b)
{
	if (b == NULL)
		return NULL;
	while (b->out >= 0 && b->output_bytes > 0) {
		size_t before = b->output_bytes;

		flush(b); /* the last answer */
		if (b->output_bytes == before)
			break;
	}
	if (b->listener >= 0) {
		hang_up(b);
		(void)close(b->listener); /* a socket */
		(void)unlink(b->path);    /* it was ours */
	}
	free(b->output);
	free(b);
	return NULL;
}

struct bench_port *
bench_port(struct bench *b, unsigned number)
{
	assert(number < BENCH_PORTS);
	return &b->ports[number];
}

bool
bench_quits(const struct bench *b)
{
	return b->quits;
}

size_t
bench_polls(struct bench *b, struct pollfd p[BENCH_POLLS])
{
	size_t n = 0;

	if (b->listener >= 0)
		p[n++] = (struct pollfd){ .fd = b->listener, .events = POLLIN };
	if (b->in >= 0)
		p[n++] = (struct pollfd){ .fd = b->in, .events = POLLIN };
	if (b->out >= 0 && b->output_bytes > 0)
		p[n++] = (struct pollfd){ .fd = b->out, .events = POLLOUT };
	return n;
}

void
bench_serve(struct bench *b, const struct pollfd p[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i].revents == 0)
			continue;
		if (p[i].fd == b->listener)
			greet(b);
		else if (p[i].fd == b->in && (p[i].events & POLLIN) != 0)
			receive(b);
		else if (p[i].fd == b->out)
			flush(b);
	}
}

/* Everything that is due on a port by now. */
static int64_t
work(struct bench_port *p)
{
	int64_t now = bench_now_us();

	while (p->pulled == 0 && uru_device_step(&p->device, now))
		;
	if (p->pulled != 0)
		unplug(p, p->pulled);
	return uru_device_next(&p->device);
}

int
bench_work(struct bench *b)
{
	int64_t next = URU_NEVER, now;

	for (size_t i = 0; i < BENCH_PORTS; i++) {
		int64_t at = b->ports[i].plugged ? work(&b->ports[i]) : URU_NEVER;

		if (at < next)
			next = at;
	}
	if (next == URU_NEVER)
		return -1;
	now = bench_now_us();
	return next <= now ? 0 : (int)((next - now + 999) / 1000);
}
