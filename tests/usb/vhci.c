/*
 * reader-vhci: readers on the kernel's virtual host controller (module vhci_hcd), which takes them
 * for devices on a cable. To be run as root, in a virtual machine. bench.h tells how to use it.
 */
#include "usb/bench.h"
#include "usb/usbip.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define VHCI "/sys/devices/platform/vhci_hcd.0/"
#define SPEED_FULL 2 /* of enum usb_device_speed */
#define PORT_FREE 4  /* of enum usbip_device_status */
#define FREE_TRIES 500u
#define FREE_PAUSE_US 10000u
#define INPUT_BYTES_MAX (4 * (USBIP_HEADER_BYTES + USBIP_OUT_BYTES_MAX))

struct vhci_urb {
	struct uru_urb u;
	uint32_t number;
	bool in, unlinked;
	struct vhci_urb *next;
};

/* A cable: the other end of its socket is the kernel's. */
struct cable {
	int fd; /* -1 none */
	uint8_t input[INPUT_BYTES_MAX];
	size_t input_bytes;
	struct vhci_urb *pending;
};

struct vhci {
	struct bench *bench;
	struct cable cables[BENCH_PORTS];
	int signal_fd;
};

/* ---- what goes to the kernel ---------------------------------------------------------------- */

/* The kernel reads all the time. When it does no more, the cable is off, and poll says so. */
static void
send_all(const struct cable *c, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n > 0 && c->fd >= 0) {
		ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return;
		p += sent;
		n -= (size_t)sent;
	}
}

static void
unlist(struct cable *c, const struct vhci_urb *r)
{
	for (struct vhci_urb **p = &c->pending; *p != NULL; p = &(*p)->next)
		if (*p == r) {
			*p = r->next;
			return;
		}
}

static void
on_ended(void *ctx, struct bench_port *port, struct uru_urb *u)
{
	struct cable *c = &((struct vhci *)ctx)->cables[port->number];
	struct vhci_urb *r = u->owner;
	uint8_t header[USBIP_HEADER_BYTES];

	unlist(c, r);
	if (!r->unlinked && u->status != -ESHUTDOWN) {
		usbip_encode_submitted(r->number, u->status, u->actual, header);
		send_all(c, header, sizeof(header));
		if (r->in && u->actual > 0)
			send_all(c, u->data, u->actual);
	}
	free(u->data);
	free(r);
}

/* ---- what the kernel asks ------------------------------------------------------------------- */

static bool
submit(struct cable *c, struct bench_port *port, const struct usbip_request *q)
{
	struct vhci_urb *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return false;
	r->u.data = calloc(1, q->bytes + 1);
	if (r->u.data == NULL) {
		free(r);
		return false;
	}
	if (q->data != NULL)
		memcpy(r->u.data, q->data, q->bytes);
	memcpy(r->u.setup, q->setup, sizeof(r->u.setup));
	r->u.bytes = q->bytes;
	r->u.endpoint = (uint8_t)(q->endpoint | (q->in && q->endpoint != 0 ? 0x80u : 0u));
	r->u.owner = r;
	r->number = q->number;
	r->in = q->in;
	r->next = c->pending;
	c->pending = r;
	uru_device_submit(&port->device, &r->u, bench_now_us());
	return true;
}

static void
unlink_urb(struct cable *c, struct bench_port *port, const struct usbip_request *q)
{
	uint8_t header[USBIP_HEADER_BYTES];
	struct vhci_urb *r = c->pending;
	int status = 0;

	while (r != NULL && r->number != q->unlinked)
		r = r->next;
	if (r != NULL) {
		r->unlinked = true;
		(void)uru_device_cancel(&port->device, &r->u); /* it is there */
		status = -ECONNRESET;
	}
	usbip_encode_unlinked(q->number, status, header);
	send_all(c, header, sizeof(header));
}

static bool
serve_requests(struct cable *c, struct bench_port *port)
{
	struct usbip_request q;
	size_t used;
	int rc;

	while ((rc = usbip_decode(c->input, c->input_bytes, &q, &used)) == 0) {
		if (q.command == USBIP_UNLINK)
			unlink_urb(c, port, &q);
		else if (!submit(c, port, &q))
			return false;
		c->input_bytes -= used;
		memmove(c->input, c->input + used, c->input_bytes);
	}
	return rc == -EAGAIN;
}

/* False: the kernel has let the device go, or says what cannot be. */
static bool
receive(struct cable *c, struct bench_port *port)
{
	ssize_t n = recv(c->fd, c->input + c->input_bytes,
			 sizeof(c->input) - c->input_bytes, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->input_bytes += (size_t)n;
	return n > 0 && serve_requests(c, port);
}

/* ---- plugging ------------------------------------------------------------------------------ */

/* The state of a port of the controller for full speed; -1 there is none. */
static int
port_state(unsigned number)
{
	FILE *f = fopen(VHCI "status", "re");
	char line[256], hub[8];
	int state = -1, port, s;

	if (f == NULL)
		return -1;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%7s %d %d", hub, &port, &s) == 3 &&
		    strcmp(hub, "hs") == 0 && port == (int)number)
			state = s;
	(void)fclose(f); /* read only */
	return state;
}

static const char *
attach(unsigned number, int fd)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%u %d %u %d", number, fd, 0x10001 + number,
			 SPEED_FULL);
	int file = open(VHCI "attach", O_WRONLY | O_CLOEXEC);
	bool ok;

	if (file < 0)
		return "no vhci_hcd (modprobe vhci_hcd), or not root";
	ok = write(file, text, (size_t)n) == n;
	(void)close(file); /* the write has told */
	return ok ? NULL : "vhci_hcd does not attach the device";
}

static const char *
plug(void *ctx, struct bench_port *p, char node[64])
{
	struct cable *c = &((struct vhci *)ctx)->cables[p->number];
	const char *why;
	int pair[2];

	/* The kernel takes a while to clear a port, and nothing tells of its end. */
	for (unsigned i = 0; i < FREE_TRIES && port_state(p->number) != PORT_FREE; i++)
		(void)usleep(FREE_PAUSE_US); /* looked at again in any case */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return "no socket";
	why = attach(p->number, pair[1]);
	(void)close(pair[1]); /* the kernel has it now */
	if (why != NULL) {
		(void)close(pair[0]); /* a socket */
		return why;
	}
	c->fd = pair[0];
	c->input_bytes = 0;
	(void)snprintf(node, 64, "vhci:%u", p->number); /* fits */
	return NULL;
}

static void
unplug(void *ctx, struct bench_port *p)
{
	struct cable *c = &((struct vhci *)ctx)->cables[p->number];

	if (c->fd >= 0)
		(void)close(c->fd); /* a socket: its end is what is wanted */
	c->fd = -1;
}

/* ---- the program --------------------------------------------------------------------------- */

static bool
serve(struct vhci *v)
{
	struct pollfd p[1 + BENCH_PORTS + BENCH_POLLS] = { { .fd = v->signal_fd,
							     .events = POLLIN } };
	int wait = bench_work(v->bench);
	size_t n;

	for (unsigned i = 0; i < BENCH_PORTS; i++)
		p[1 + i] = (struct pollfd){ .fd = v->cables[i].fd, .events = POLLIN };
	n = bench_polls(v->bench, p + 1 + BENCH_PORTS);
	if (poll(p, 1 + BENCH_PORTS + n, wait) < 0 && errno != EINTR)
		return false;
	if (p[0].revents != 0)
		return false;
	for (unsigned i = 0; i < BENCH_PORTS; i++)
		if (p[1 + i].revents != 0 &&
		    !receive(&v->cables[i], bench_port(v->bench, i)))
			bench_unplug(bench_port(v->bench, i));
	bench_serve(v->bench, p + 1 + BENCH_PORTS, n);
	return !bench_quits(v->bench);
}

static int
parse(char **argv, struct bench_options *o)
{
	char **a = argv + 1;

	while (*a != NULL) {
		int used = bench_option(o, a);

		if (used == 0)
			return -EINVAL;
		a += used;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	static struct vhci v;
	const struct bench_transport t = { plug, unplug, on_ended, NULL, false, &v };
	struct bench_options o = { .fd = -1 };
	sigset_t ours;
	int rc;

	(void)argc;
	if (parse(argv, &o) < 0) {
		(void)fprintf(stderr,
			      "usage: reader-vhci [--fd N | --control PATH] [--fast]\n");
		return 64;
	}
	for (unsigned i = 0; i < BENCH_PORTS; i++)
		v.cables[i].fd = -1;
	(void)sigemptyset(&ours); /* these cannot fail */
	(void)sigaddset(&ours, SIGTERM);
	(void)sigaddset(&ours, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ours, NULL);
	v.signal_fd = signalfd(-1, &ours, SFD_CLOEXEC);
	rc = v.signal_fd < 0 ? -errno : bench_new(&o, &t, &v.bench);
	if (rc < 0) {
		(void)fprintf(stderr, "reader-vhci: %s\n", strerror(-rc));
		return 1;
	}
	while (serve(&v))
		;
	for (unsigned i = 0; i < BENCH_PORTS; i++)
		if (bench_port(v.bench, i)->plugged)
			bench_unplug(bench_port(v.bench, i));
	bench_free(v.bench);
	(void)close(v.signal_fd); /* nothing to lose */
	return 0;
}
