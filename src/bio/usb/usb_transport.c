#include "bio/usb/usb_transport.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "bio/backoff.h"

#include <assert.h>
#include <errno.h>
#include <libusb.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WATCHES_MAX 16u
/* Right after its arrival udev may not have given us the device yet: nobody is told before. */
#define ATTEMPTS_SILENT 3u
/* A device that was open for so long has worked. */
#define STEADY_MS 10000
/* Nothing that comes later than this after a reset is the work of the reset. */
#define RESET_ARRIVAL_MS 1500
#define STOP_MS 1000
#define STOP_SLICE_US 20000

enum phase {
	PHASE_SEARCHING, /* nothing open; a change on the bus or the timer looks again */
	PHASE_OPEN,
	PHASE_CLOSING,  /* the driver has stopped; closed from the loop */
	PHASE_RESETTING /* a thread resets the device; closed when it is done */
};

struct watch {
	struct loop_io *io;
	int fd;
};

/* What a transfer's callback is given. */
struct pipe {
	struct usb_transport *t;
	enum usb_pipe which;
	struct libusb_transfer *transfer;
	uint8_t *data; /* the driver's */
	size_t bytes;
	bool busy;
};

struct usb_transport {
	struct loop *loop;
	const struct usb_transport_options *o;
	struct usb_transport_events events;
	libusb_context *usb;
	libusb_hotplug_callback_handle hotplug;
	bool hotplug_set, blind;
	struct watch watches[WATCHES_MAX];
	struct loop_timer *soon, *again, *usb_timer, *device_timer;
	enum phase phase;
	bool changed, left; /* on the bus, since soon ran last; left: our device */
	bool reset_wanted, was_broken, was_ready, freeing;
	struct backoff backoff;
	unsigned attempts; /* to open what is there, in a row */
	int64_t opened_ms, closed_ms;
	/* The open device. */
	struct usb_found found;
	libusb_device *dev;
	libusb_device_handle *handle;
	int interface; /* claimed; else negative */
	void *device;
	struct pipe pipes[USB_PIPES];
	uint8_t control[LIBUSB_CONTROL_SETUP_SIZE + USB_CONTROL_BYTES_MAX];
	/* The thread that resets. */
	pthread_t thread;
	int reset_fd, reset_rc;
	struct loop_io *reset_io;
	struct usb_transport_counters counters;
};

/* ---- libusb's events in our loop ----------------------------------------------------------- */

/* Only where libusb has no timer descriptor of its own. */
static void
arm_usb_timer(struct usb_transport *t)
{
	struct timeval tv;

	if (libusb_pollfds_handle_timeouts(t->usb))
		return;
	if (libusb_get_next_timeout(t->usb, &tv) == 1)
		(void)loop_timer_set(
			t->usb_timer,
			tv.tv_sec * 1000 + tv.tv_usec / 1000 +
				1); /* no memory: the next event catches up */
	else
		loop_timer_cancel(t->usb_timer);
}

static void
pump(void *ctx)
{
	struct usb_transport *t = ctx;
	struct timeval now = { 0, 0 };

	(void)libusb_handle_events_timeout_completed(
		t->usb, &now, NULL); /* failures show in the transfers */
	arm_usb_timer(t);
}

static void
watch_fired(void *ctx, unsigned events)
{
	(void)events;
	pump(ctx);
}

static void LIBUSB_CALL
watch_added(int fd, short events, void *user)
{
	struct usb_transport *t = user;
	unsigned wanted = ((events & POLLIN) != 0 ? LOOP_READ : 0u) |
			  ((events & POLLOUT) != 0 ? LOOP_WRITE : 0u);

	for (size_t i = 0; i < WATCHES_MAX; i++) {
		struct watch *w = &t->watches[i];

		if (w->io != NULL)
			continue;
		if (loop_io_new(t->loop, fd, wanted, watch_fired, t, &w->io) < 0)
			break;
		w->fd = fd;
		return;
	}
	t->blind = true;
}

static void LIBUSB_CALL
watch_removed(int fd, void *user)
{
	struct usb_transport *t = user;

	for (size_t i = 0; i < WATCHES_MAX; i++)
		if (t->watches[i].io != NULL && t->watches[i].fd == fd)
			t->watches[i].io = loop_io_free(t->watches[i].io);
}

static int
watch_start(struct usb_transport *t)
{
	const struct libusb_pollfd **fds;

	libusb_set_pollfd_notifiers(t->usb, watch_added, watch_removed, t);
	fds = libusb_get_pollfds(t->usb);
	if (fds == NULL)
		return -ENOMEM;
	for (size_t i = 0; fds[i] != NULL; i++)
		watch_added(fds[i]->fd, fds[i]->events, t);
	libusb_free_pollfds(fds);
	return t->blind ? -EIO : 0;
}

static void
watch_stop(struct usb_transport *t)
{
	libusb_set_pollfd_notifiers(t->usb, NULL, NULL, NULL);
	for (size_t i = 0; i < WATCHES_MAX; i++)
		t->watches[i].io = loop_io_free(t->watches[i].io);
}

/* ---- transfers ----------------------------------------------------------------------------- */

static enum usb_status
status_of(enum libusb_transfer_status s)
{
	switch (s) {
	case LIBUSB_TRANSFER_COMPLETED:
		return USB_DONE;
	case LIBUSB_TRANSFER_TIMED_OUT:
		return USB_TIMED_OUT;
	case LIBUSB_TRANSFER_CANCELLED:
		return USB_CANCELLED;
	case LIBUSB_TRANSFER_STALL:
		return USB_STALLED;
	case LIBUSB_TRANSFER_NO_DEVICE:
		return USB_GONE;
	case LIBUSB_TRANSFER_OVERFLOW:
		return USB_OVERFLOWED;
	case LIBUSB_TRANSFER_ERROR:
	default:
		return USB_FAILED;
	}
}

/* From inside libusb: nothing is closed here, which would deadlock (1.0.26 and before). */
static void LIBUSB_CALL
transfer_done(struct libusb_transfer *transfer)
{
	struct pipe *p = transfer->user_data;
	struct usb_transport *t = p->t;
	size_t actual = transfer->actual_length < 0 ? 0 : (size_t)transfer->actual_length;

	assert(p->busy);
	p->busy = false;
	if (actual > p->bytes)
		actual = p->bytes;
	if (p->which == USB_CONTROL && (t->control[0] & LIBUSB_ENDPOINT_IN) != 0)
		memcpy(p->data, t->control + LIBUSB_CONTROL_SETUP_SIZE, actual);
	t->found.driver->done(t->device, p->which, status_of(transfer->status), actual);
}

static int
submit(struct usb_transport *t, enum usb_pipe which, uint8_t *data, size_t bytes)
{
	struct pipe *p = &t->pipes[which];
	int rc;

	assert(!p->busy);
	p->data = data;
	p->bytes = bytes;
	rc = libusb_submit_transfer(p->transfer);
	if (rc < 0)
		return usb_find_errno(rc);
	p->busy = true;
	arm_usb_timer(t);
	return 0;
}

static int
port_control(void *port, struct usb_request q, uint8_t *data, size_t bytes,
	     unsigned timeout_ms)
{
	struct usb_transport *t = port;

	assert(bytes <= USB_CONTROL_BYTES_MAX);
	libusb_fill_control_setup(t->control, q.type, q.request, q.value, 0,
				  (uint16_t)bytes);
	if ((q.type & LIBUSB_ENDPOINT_IN) == 0)
		memcpy(t->control + LIBUSB_CONTROL_SETUP_SIZE, data, bytes);
	libusb_fill_control_transfer(t->pipes[USB_CONTROL].transfer, t->handle,
				     t->control, transfer_done, &t->pipes[USB_CONTROL],
				     timeout_ms);
	return submit(t, USB_CONTROL, data, bytes);
}

static int
port_bulk_in(void *port, uint8_t *data, size_t bytes, unsigned timeout_ms)
{
	struct usb_transport *t = port;

	libusb_fill_bulk_transfer(t->pipes[USB_BULK].transfer, t->handle,
				  t->found.driver->bulk_in, data, (int)bytes,
				  transfer_done, &t->pipes[USB_BULK], timeout_ms);
	return submit(t, USB_BULK, data, bytes);
}

static int
port_interrupt_in(void *port, uint8_t *data, size_t bytes)
{
	struct usb_transport *t = port;

	libusb_fill_interrupt_transfer(t->pipes[USB_INTERRUPT].transfer, t->handle,
				       t->found.driver->interrupt_in, data, (int)bytes,
				       transfer_done, &t->pipes[USB_INTERRUPT], 0);
	return submit(t, USB_INTERRUPT, data, bytes);
}

static void
port_cancel(void *port, enum usb_pipe which)
{
	struct usb_transport *t = port;

	if (t->pipes[which].busy)
		(void)libusb_cancel_transfer(
			t->pipes[which].transfer); /* over already: its callback comes */
}

static int
port_timer(void *port, unsigned delay_ms)
{
	return loop_timer_set(((struct usb_transport *)port)->device_timer, delay_ms);
}

static void
port_timer_cancel(void *port)
{
	loop_timer_cancel(((struct usb_transport *)port)->device_timer);
}

static uint32_t
port_random(void *port)
{
	struct usb_transport *t = port;
	uint32_t r = 0;

	if (t->o->random != NULL)
		return t->o->random();
	(void)crypto_random(&r,
			    sizeof(r)); /* it hides the key on the wire, nothing more */
	return r;
}

static const struct usb_port_ops port_ops = { port_control,      port_bulk_in,
					      port_interrupt_in, port_cancel,
					      port_timer,        port_timer_cancel,
					      port_random };

static void
device_timeout(void *ctx)
{
	struct usb_transport *t = ctx;

	if (t->phase == PHASE_OPEN)
		t->found.driver->timeout(t->device);
}

/* ---- finding and opening ------------------------------------------------------------------- */

static void
look_soon(struct usb_transport *t)
{
	if (!t->freeing)
		(void)loop_timer_set(t->soon,
				     0); /* no memory: the next change tries it */
}

static void
look_later(struct usb_transport *t)
{
	if (!t->freeing)
		(void)loop_timer_set(
			t->again,
			backoff_ms(&t->backoff)); /* no memory: a change does it */
}

static bool
given(const char *s)
{
	return s != NULL && s[0] != '\0';
}

/* Whether the device is one of ours and the one that the configuration names. */
static bool
suits(const struct usb_transport *t, libusb_device *dev, struct usb_found *ret_found)
{
	return usb_find_device(dev, t->o->drivers, t->o->drivers_count, ret_found) &&
	       (!given(t->o->port) || strcmp(t->o->port, ret_found->path) == 0) &&
	       (!given(t->o->serial) || strcmp(t->o->serial, ret_found->serial) == 0);
}

static void
close_device(struct usb_transport *t)
{
	for (size_t i = 0; i < USB_PIPES; i++) {
		assert(!t->pipes[i].busy);
		if (t->pipes[i].transfer != NULL)
			libusb_free_transfer(t->pipes[i].transfer);
		t->pipes[i].transfer = NULL;
	}
	if (t->handle != NULL) {
		if (t->interface >= 0)
			(void)libusb_release_interface(
				t->handle, t->interface); /* gone, or as good as closed */
		libusb_close(t->handle);
	}
	t->handle = NULL;
	t->interface = -1;
	if (t->dev != NULL)
		libusb_unref_device(t->dev);
	t->dev = NULL;
	t->phase = PHASE_SEARCHING;
}

static int
open_device(struct usb_transport *t, libusb_device *dev, const struct usb_found *f)
{
	int rc, number;

	t->blind = false;
	rc = libusb_open(dev, &t->handle);
	if (rc < 0) {
		t->handle = NULL;
		return usb_find_errno(rc);
	}
	t->dev = libusb_ref_device(dev);
	t->found = *f;
	rc = usb_find_interface(dev, f->driver);
	if (rc < 0)
		return rc;
	number = rc;
	rc = libusb_claim_interface(t->handle, number);
	if (rc < 0)
		return usb_find_errno(rc);
	t->interface = number;
	if (t->blind)
		return -EPERM; /* the loop cannot watch its descriptor */
	for (size_t i = 0; i < USB_PIPES; i++) {
		t->pipes[i] = (struct pipe){ .t = t,
					     .which = (enum usb_pipe)i,
					     .transfer = libusb_alloc_transfer(0) };
		if (t->pipes[i].transfer == NULL)
			return -ENOMEM;
	}
	return t->events.attached(t->events.ctx, &t->found,
				  (struct usb_port){ &port_ops, t }, &t->device);
}

/* Opens the first that suits and can be had. */
static void
look(struct usb_transport *t)
{
	libusb_device **list = NULL;
	ssize_t n = libusb_get_device_list(t->usb, &list);
	struct usb_found f = { 0 }, failed = { 0 };
	int rc = 0;

	loop_timer_cancel(t->again);
	t->was_broken = false;
	for (ssize_t i = 0; i < n && t->handle == NULL; i++) {
		int one;

		if (!suits(t, list[i], &f))
			continue;
		one = open_device(t, list[i], &f);
		if (one < 0) {
			close_device(t);
			failed = f;
			rc = one;
		}
	}
	if (list != NULL)
		libusb_free_device_list(list, 1);
	if (t->handle != NULL) {
		t->phase = PHASE_OPEN;
		t->left = false;
		t->reset_wanted = false;
		t->was_ready = false;
		t->attempts = 0;
		t->opened_ms = clock_mono_ms();
		t->found.driver->start(t->device);
	} else if (rc < 0) {
		t->counters.open_failures++;
		if (++t->attempts >= ATTEMPTS_SILENT)
			t->events.unusable(t->events.ctx, &failed, rc);
		look_later(t);
	} else {
		t->attempts = 0;
		t->events.nothing(t->events.ctx);
	}
}

static void
look_again(void *ctx)
{
	struct usb_transport *t = ctx;

	if (t->phase == PHASE_SEARCHING)
		look(t);
}

/* ---- closing ------------------------------------------------------------------------------- */

static void
closed(struct usb_transport *t)
{
	void *device = t->device;

	t->closed_ms = clock_mono_ms();
	if (t->left || (t->was_ready && !t->was_broken) ||
	    t->closed_ms - t->opened_ms >= STEADY_MS)
		backoff_reset(&t->backoff);
	close_device(t);
	t->device = NULL;
	t->events.detached(t->events.ctx, device);
	/* Also after unplugging: a suspended device says the same and never left the bus. */
	look_later(t);
}

static void *
reset_thread(void *arg)
{
	struct usb_transport *t = arg;
	uint64_t one = 1;

	t->reset_rc = libusb_reset_device(t->handle);
	(void)!write(t->reset_fd, &one, sizeof(one)); /* an eventfd at 0 takes it */
	return NULL;
}

static void
reset_join(struct usb_transport *t)
{
	(void)pthread_join(t->thread, NULL); /* it ends by itself */
	t->reset_io = loop_io_free(t->reset_io);
	(void)close(t->reset_fd); /* an eventfd */
	t->reset_fd = -1;
}

static void
reset_done(void *ctx, unsigned events)
{
	struct usb_transport *t = ctx;

	(void)events;
	reset_join(t);
	log_debug("usb %s: reset: %s", t->found.path,
		  t->reset_rc == 0 ? "done" : libusb_error_name(t->reset_rc));
	closed(t);
}

/* A reset takes a third of a second and more, so a thread waits for it. False: none was begun. */
static bool
reset_begin(struct usb_transport *t)
{
	t->reset_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->reset_fd < 0)
		return false;
	if (loop_io_new(t->loop, t->reset_fd, LOOP_READ, reset_done, t, &t->reset_io) <
		    0 ||
	    pthread_create(&t->thread, NULL, reset_thread, t) != 0) {
		t->reset_io = loop_io_free(t->reset_io);
		(void)close(t->reset_fd); /* an eventfd */
		t->reset_fd = -1;
		return false;
	}
	t->counters.resets++;
	t->phase = PHASE_RESETTING;
	return true;
}

static int LIBUSB_CALL
bus_changed(libusb_context *usb, libusb_device *dev, libusb_hotplug_event e, void *user)
{
	struct usb_transport *t = user;

	(void)usb;
	if (e == LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED)
		t->changed = true;
	else if (dev == t->dev)
		t->left = true;
	look_soon(t);
	return 0; /* go on listening */
}

/* What was put off from inside libusb or a driver's event. */
static void
soon(void *ctx)
{
	struct usb_transport *t = ctx;
	bool changed = t->changed;

	t->changed = false;
	if (t->phase == PHASE_CLOSING) {
		if (t->left)
			t->was_broken = false; /* whatever comes is new */
		if (!t->reset_wanted || t->left || !reset_begin(t))
			closed(t);
	} else if (t->phase == PHASE_OPEN && t->left) {
		/* A no-op where its transfers have told the driver already. */
		t->found.driver->stop(t->device);
	}
	/* A broken device that comes back by its reset keeps its pause, one that is plugged does not. */
	if (t->phase == PHASE_SEARCHING && changed &&
	    (!t->was_broken || clock_mono_ms() - t->closed_ms > RESET_ARRIVAL_MS)) {
		backoff_reset(&t->backoff);
		look(t);
	}
}

static int
start(struct usb_transport *t)
{
	int rc = libusb_init(&t->usb);

	if (rc < 0) {
		t->usb = NULL;
		return usb_find_errno(rc) == -ENOMEM ? -ENOMEM : -EIO;
	}
	rc = watch_start(t);
	if (rc < 0)
		return rc;
	rc = libusb_hotplug_register_callback(
		t->usb,
		LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT,
		LIBUSB_HOTPLUG_NO_FLAGS, LIBUSB_HOTPLUG_MATCH_ANY,
		LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY, bus_changed, t,
		&t->hotplug);
	if (rc < 0)
		return usb_find_errno(rc);
	t->hotplug_set = true;
	t->changed = true; /* what is attached already */
	return loop_timer_set(t->soon, 0);
}

int
usb_transport_new(struct loop *l, const struct usb_transport_options *o,
		  const struct usb_transport_events *e,
		  struct usb_transport **ret_transport)
{
	struct usb_transport *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL)
		return -ENOMEM;
	t->loop = l;
	t->o = o;
	t->events = *e;
	t->reset_fd = -1;
	t->interface = -1;
	rc = loop_timer_new(l, soon, t, &t->soon);
	if (rc == 0)
		rc = loop_timer_new(l, look_again, t, &t->again);
	if (rc == 0)
		rc = loop_timer_new(l, pump, t, &t->usb_timer);
	if (rc == 0)
		rc = loop_timer_new(l, device_timeout, t, &t->device_timer);
	if (rc == 0)
		rc = start(t);
	if (rc < 0)
		usb_transport_free(t);
	else
		*ret_transport = t;
	return rc;
}

void
usb_transport_ready(struct usb_transport *t)
{
	t->was_ready = true;
}

void
usb_transport_works(struct usb_transport *t)
{
	backoff_reset(&t->backoff);
}

void
usb_transport_release(struct usb_transport *t, bool reset)
{
	if (t->phase != PHASE_OPEN)
		return;
	t->phase = PHASE_CLOSING;
	t->reset_wanted = reset;
	t->was_broken = reset;
	loop_timer_cancel(t->device_timer);
	look_soon(t);
}

static bool
any_busy(const struct usb_transport *t)
{
	for (size_t i = 0; i < USB_PIPES; i++)
		if (t->pipes[i].busy)
			return true;
	return false;
}

/* Lets libusb work until the driver has stopped, or its time is up; then for what is cancelled. */
static void
finish(struct usb_transport *t)
{
	int64_t until = clock_mono_ms() + STOP_MS;
	bool cancelled = false;

	if (t->phase == PHASE_OPEN)
		t->found.driver->stop(t->device);
	while (t->phase == PHASE_OPEN || any_busy(t)) {
		struct timeval slice = { 0, STOP_SLICE_US };

		if (clock_mono_ms() >= until && cancelled)
			break;
		if (clock_mono_ms() >= until) {
			for (size_t i = 0; i < USB_PIPES; i++)
				port_cancel(t, (enum usb_pipe)i);
			cancelled = true;
			until += STOP_MS;
		}
		(void)libusb_handle_events_timeout_completed(t->usb, &slice,
							     NULL); /* time ends it */
	}
}

struct usb_transport *
usb_transport_free(struct usb_transport *t)
{
	if (t == NULL)
		return NULL;
	t->freeing = true;
	if (t->phase == PHASE_RESETTING)
		reset_join(t);
	if (t->handle != NULL)
		finish(t);
	if (any_busy(t)) {
		/* The kernel never gave a transfer back; its memory may not be freed. */
		log_err("usb %s: a transfer does not end", t->found.path);
		watch_stop(t);
		loop_timer_cancel(t->soon);
		loop_timer_cancel(t->again);
		loop_timer_cancel(t->usb_timer);
		loop_timer_cancel(t->device_timer);
		return NULL;
	}
	if (t->handle != NULL) {
		close_device(t);
		t->events.detached(t->events.ctx, t->device);
	}
	if (t->hotplug_set)
		libusb_hotplug_deregister_callback(t->usb, t->hotplug);
	if (t->usb != NULL) {
		watch_stop(t);
		libusb_exit(t->usb);
	}
	loop_timer_free(t->soon);
	loop_timer_free(t->again);
	loop_timer_free(t->usb_timer);
	loop_timer_free(t->device_timer);
	free(t);
	return NULL;
}

const struct usb_transport_counters *
usb_transport_counters(const struct usb_transport *t)
{
	return &t->counters;
}
