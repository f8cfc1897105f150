/* usbfs for the clients of the live bus: what the kernel does behind a device's node. */
#include "usb/live_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <linux/usbdevice_fs.h>

#define SETUP_BYTES 8u
#define URB_BYTES_MAX (1u << 20)

static void
wake(struct live_bus *l)
{
	const uint64_t one = 1;
	ssize_t n = write(l->wake_fd, &one, sizeof(one));

	(void)n; /* a full eventfd wakes, too */
}

/* ---- transfers ----------------------------------------------------------------------------- */

/*
 * A usbfs node can be written to when a transfer has ended. Ours is a terminal whose output is
 * stopped or let go, for poll and epoll know no other descriptor that could be gated.
 */
void
live_set_gate(struct live_plug *p, bool open)
{
	if (p->slave < 0 || p->gate_open == open)
		return;
	if (tcflow(p->slave, open ? TCOON : TCOOFF) == 0)
		p->gate_open = open;
}

static void
append(struct live_urb **list, struct live_urb *r)
{
	r->next = NULL;
	while (*list != NULL)
		list = &(*list)->next;
	*list = r;
}

static bool
unlist(struct live_urb **list, struct live_urb *r)
{
	for (; *list != NULL; list = &(*list)->next)
		if (*list == r) {
			*list = r->next;
			return true;
		}
	return false;
}

static struct live_urb *
free_urb(struct live_urb *r)
{
	if (r->buffer != NULL)
		g_object_unref(r->buffer);
	g_object_unref(r->urb);
	free(r);
	return NULL;
}

void
live_bus_ended(struct bench_port *port, struct uru_urb *u)
{
	struct live_urb *r = u->owner;
	struct live_plug *p = port->transport;
	struct usbdevfs_urb *x = (struct usbdevfs_urb *)r->urb->data;

	x->status = u->status;
	x->actual_length = (int)u->actual;
	(void)unlist(&p->pending, r); /* it is there */
	append(&p->done, r);
	live_set_gate(p, true);
}

/* ---- what clients ask by ioctl: 0 or a negative errno --------------------------------------- */

static int
submit(struct live_plug *p, UMockdevIoctlClient *client, UMockdevIoctlData *data)
{
	const struct usbdevfs_urb *x = (const struct usbdevfs_urb *)data->data;
	bool control = x->type == USBDEVFS_URB_TYPE_CONTROL;
	size_t before = control ? SETUP_BYTES : 0; /* of the data, in the buffer */
	struct live_urb *r;

	if (x->buffer_length < 0 || x->buffer_length > (int)URB_BYTES_MAX ||
	    (control && x->buffer_length < (int)SETUP_BYTES))
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	r->urb = g_object_ref(data);
	r->address = data->client_addr;
	r->client = client;
	if (x->buffer_length > 0)
		r->buffer = umockdev_ioctl_data_resolve(
			data, offsetof(struct usbdevfs_urb, buffer),
			(gsize)x->buffer_length, NULL);
	if (x->buffer_length > 0 && r->buffer == NULL) {
		free_urb(r);
		return -EFAULT;
	}
	r->u.endpoint = control ? 0 : x->endpoint;
	r->u.owner = r;
	r->u.bytes = (size_t)x->buffer_length - before;
	if (r->buffer != NULL)
		r->u.data = (uint8_t *)r->buffer->data + before;
	if (control && r->buffer != NULL)
		memcpy(r->u.setup, r->buffer->data, SETUP_BYTES);
	append(&p->pending, r);
	uru_device_submit(&p->port->device, &r->u, bench_now_us());
	return 0;
}

static int
discard(struct live_plug *p, gulong address)
{
	for (struct live_urb *r = p->pending; r != NULL; r = r->next)
		if (r->address == address) {
			(void)uru_device_cancel(&p->port->device,
						&r->u); /* it is there */
			return 0;
		}
	return p->gone ? -ENODEV : -EINVAL;
}

/* Gives a transfer of the client's back that has ended; it is to be freed after the answer. */
static int
reap(struct live_plug *p, UMockdevIoctlClient *client, UMockdevIoctlData *arg,
     struct live_urb **ret_reaped)
{
	UMockdevIoctlData *pointer;
	struct live_urb *r = p->done;

	while (r != NULL && r->client != client)
		r = r->next;
	if (r == NULL) {
		if (p->done == NULL && !p->gone)
			live_set_gate(p, false);
		return p->gone ? -ENODEV : -EAGAIN;
	}
	pointer = umockdev_ioctl_data_resolve(arg, 0, sizeof(void *), NULL);
	if (pointer == NULL)
		return -EFAULT;
	(void)umockdev_ioctl_data_set_ptr(pointer, 0, r->urb); /* a pointer fits */
	g_object_unref(pointer);
	(void)unlist(&p->done, r); /* it is there */
	if (p->done == NULL && !p->gone)
		live_set_gate(p, false);
	*ret_reaped = r;
	return 0;
}

static int
claim(struct live_plug *p, UMockdevIoctlClient *client, unsigned interface)
{
	const struct uru_model *m = p->port->device.model;

	if (interface > uru_model_interface(m))
		return -ENOENT;
	if (interface != uru_model_interface(m))
		return -EBUSY; /* the host's keyboard driver has it */
	if (p->port->busy)
		return -EBUSY;
	if (p->claimed[interface] != NULL && p->claimed[interface] != client &&
	    umockdev_ioctl_client_get_connected(p->claimed[interface]))
		return -EBUSY;
	p->claimed[interface] = client;
	return 0;
}

static int
unclaim(struct live_plug *p, const UMockdevIoctlClient *client, unsigned interface)
{
	if (interface >= INTERFACES || p->claimed[interface] != client)
		return -EINVAL;
	p->claimed[interface] = NULL;
	return 0;
}

/* The requests with a number or a struct of usbfs as their argument. */
static int
with_data(struct live_plug *p, UMockdevIoctlClient *client, unsigned request, void *data)
{
	unsigned first;

	memcpy(&first, data, sizeof(first)); /* each of them begins with one */
	switch (request) {
	case USBDEVFS_CLAIMINTERFACE:
	case USBDEVFS_DISCONNECT_CLAIM:
		return claim(p, client, first);
	case USBDEVFS_RELEASEINTERFACE:
		return unclaim(p, client, first);
	case USBDEVFS_GETDRIVER:
		if (first == uru_model_interface(p->port->device.model))
			return -ENODATA;
		memcpy(((struct usbdevfs_getdriver *)data)->driver, "usbhid", 7);
		return 0;
	case USBDEVFS_CLEAR_HALT:
	case USBDEVFS_SETINTERFACE:
	case USBDEVFS_SETCONFIGURATION:
		return 0;
	default:
		return -ENOTTY;
	}
}

static int
capabilities(UMockdevIoctlData *arg)
{
	const uint32_t caps = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_BULK_CONTINUATION |
			      USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
			      USBDEVFS_CAP_BULK_SCATTER_GATHER |
			      USBDEVFS_CAP_REAP_AFTER_DISCONNECT;
	UMockdevIoctlData *d = umockdev_ioctl_data_resolve(arg, 0, sizeof(caps), NULL);

	if (d == NULL)
		return -EFAULT;
	memcpy(d->data, &caps, sizeof(caps));
	g_object_unref(d);
	return 0;
}

static int
answer(struct live_plug *p, UMockdevIoctlClient *client, unsigned request,
       UMockdevIoctlData *arg, struct live_urb **ret_reaped)
{
	UMockdevIoctlData *data;
	int rc;

	if (request == USBDEVFS_REAPURBNDELAY || request == USBDEVFS_REAPURB)
		return reap(p, client, arg, ret_reaped);
	if (request == USBDEVFS_DISCARDURB)
		return discard(p, *(gulong *)arg->data);
	if (p->gone)
		return -ENODEV;
	if (request == USBDEVFS_GET_CAPABILITIES)
		return capabilities(arg);
	if (request == USBDEVFS_RESET) {
		uru_device_reset(&p->port->device, bench_now_us());
		return 0;
	}
	if (_IOC_TYPE(request) != 'U' || _IOC_SIZE(request) < sizeof(unsigned))
		return -ENOTTY;
	data = umockdev_ioctl_data_resolve(arg, 0, _IOC_SIZE(request), NULL);
	if (data == NULL)
		return -EFAULT;
	if (request == USBDEVFS_SUBMITURB)
		rc = submit(p, client, data);
	else
		rc = with_data(p, client, request, data->data);
	g_object_unref(data);
	return rc;
}

static gboolean
on_ioctl(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer user)
{
	struct live_plug *p = user;
	struct live_bus *l = p->bus;
	struct live_urb *reaped = NULL;
	int rc;

	(void)base;
	live_bus_lock(l);
	rc = answer(p, client, (unsigned)umockdev_ioctl_client_get_request(client),
		    umockdev_ioctl_client_get_arg(client), &reaped);
	live_bus_unlock(l);
	umockdev_ioctl_client_complete(client, rc < 0 ? -1 : 0, -rc);
	if (reaped != NULL)
		(void)free_urb(reaped); /* the answer holds what it needs */
	wake(l);
	return TRUE;
}

/* ---- who has the device open --------------------------------------------------------------- */

/* As at the close of a file of usbfs: its transfers are killed, its interfaces released. */
static void
forget_client(struct live_plug *p, const UMockdevIoctlClient *client)
{
	struct live_urb *r, *next;

	for (r = p->pending; r != NULL; r = next) {
		next = r->next;
		if (r->client == client)
			(void)uru_device_cancel(&p->port->device, &r->u); /* as above */
	}
	for (r = p->done; r != NULL; r = next) {
		next = r->next;
		if (r->client == client && unlist(&p->done, r))
			free_urb(r);
	}
	if (p->done == NULL && !p->gone)
		live_set_gate(p, false);
	for (size_t i = 0; i < INTERFACES; i++)
		if (p->claimed[i] == client)
			p->claimed[i] = NULL;
}

static void
drop_client(struct live_plug *p, struct live_client *c)
{
	forget_client(p, c->client);
	g_object_unref(c->client);
	free(c);
	if (p->port != NULL) {
		p->port->clients--;
		bench_say(p->port->bench, "closed %s", p->place);
	}
}

/* A terminal that no process has open is hung up, so ours has to be closed for a moment. */
static bool
nobody_has_it_open(struct live_plug *p)
{
	struct pollfd m = { .fd = p->master };
	bool nobody;

	if (p->slave < 0)
		return false;  /* unplugged */
	(void)close(p->slave); /* a terminal: nothing to lose */
	nobody = poll(&m, 1, 0) == 1 && (m.revents & POLLHUP) != 0;
	p->slave = open(p->terminal, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return nobody;
}

/*
 * The library tells nobody of a client that has closed the device, so it has to be asked; of one that
 * was killed in the middle of an ioctl it does not know at all.
 */
void
live_sweep(struct live_plug *p)
{
	struct live_client **at = &p->clients, *c;
	bool nobody = p->clients != NULL && nobody_has_it_open(p);

	while ((c = *at) != NULL) {
		if (!nobody && umockdev_ioctl_client_get_connected(c->client)) {
			at = &c->next;
		} else {
			*at = c->next;
			drop_client(p, c);
		}
	}
}

static void
on_client_connected(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer user)
{
	struct live_plug *p = user;
	struct live_client *c = calloc(1, sizeof(*c));

	(void)base;
	if (c == NULL)
		abort(); /* a test's helper has no better answer */
	c->client = g_object_ref(client);
	live_bus_lock(p->bus);
	c->next = p->clients;
	p->clients = c;
	if (p->port != NULL) {
		p->port->clients++;
		bench_say(p->port->bench, "opened %s", p->place);
	}
	live_bus_unlock(p->bus);
	wake(p->bus);
}

void
live_serve(struct live_plug *p)
{
	p->handler = umockdev_ioctl_base_new();
	(void)g_signal_connect(p->handler, "handle-ioctl", G_CALLBACK(on_ioctl), p);
	(void)g_signal_connect(p->handler, "client-connected",
			       G_CALLBACK(on_client_connected), p);
}

void
live_forget(struct live_plug *p)
{
	struct live_client *c;
	struct live_urb *r;

	while ((r = p->done) != NULL) {
		p->done = r->next;
		free_urb(r);
	}
	while ((c = p->clients) != NULL) {
		p->clients = c->next;
		g_object_unref(c->client);
		free(c);
	}
	g_object_unref(p->handler);
}
