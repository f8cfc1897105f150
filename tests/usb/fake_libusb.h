#ifndef LANED_TESTS_USB_FAKE_LIBUSB_H
#define LANED_TESTS_USB_FAKE_LIBUSB_H

/*
 * A libusb of our own, a test peer: a program that includes this defines the functions of libusb that
 * the transport uses, which the linker takes instead of the library's. The bus, its devices and what
 * goes wrong are in the tests' hands; closing a device from inside libusb ends the test, as it would
 * deadlock there. To be included by one file of a program.
 */
#include <errno.h>
#include <fcntl.h>
#include <libusb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DEVICES_MAX 4u
#define TRANSFERS_MAX 8u

struct libusb_device {
	uint16_t vendor, product;
	uint8_t port, address;
	bool present, keyboard_only;
	int open_error, claim_error;
	unsigned open_errors; /* how often; then it opens */
	bool hangs;           /* its transfers cannot be cancelled */
	int refs;
};

struct libusb_device_handle {
	struct libusb_device *dev;
	bool claimed;
	int fd; /* watched while it is open, as the kernel's */
};

static struct {
	struct libusb_device devices[DEVICES_MAX];
	int fd;
	bool inside; /* handle_events */
	int handles, transfers_alive, contexts;
	struct libusb_transfer *waiting[TRANSFERS_MAX];
	enum libusb_transfer_status ended_as[TRANSFERS_MAX];
	bool ended[TRANSFERS_MAX];
	unsigned handle_calls;
	struct {
		struct libusb_device *dev;
		libusb_hotplug_event event;
	} news[8];
	unsigned news_count;
	libusb_hotplug_callback_fn hotplug;
	void *hotplug_user;
	libusb_pollfd_added_cb added;
	libusb_pollfd_removed_cb removed;
	int watched;
	bool nodes_are_files; /* which epoll refuses */
	void *watch_user;
	atomic_int resets;
	int init_error;
} bus;

/* ---- libusb, as far as it is used ---------------------------------------------------------- */

int LIBUSB_CALL
libusb_init(libusb_context **ret_context)
{
	if (bus.init_error != 0)
		return bus.init_error;
	bus.contexts++;
	*ret_context = (libusb_context *)&bus;
	return 0;
}

void LIBUSB_CALL
libusb_exit(libusb_context *c)
{
	(void)c;
	bus.contexts--;
}

int LIBUSB_CALL
libusb_pollfds_handle_timeouts(libusb_context *c)
{
	(void)c;
	return 1;
}

int LIBUSB_CALL
libusb_get_next_timeout(libusb_context *c, struct timeval *tv)
{
	(void)c;
	(void)tv;
	return 0;
}

void LIBUSB_CALL
libusb_set_pollfd_notifiers(libusb_context *c, libusb_pollfd_added_cb added,
			    libusb_pollfd_removed_cb removed, void *user)
{
	(void)c;
	bus.added = added;
	bus.removed = removed;
	bus.watch_user = user;
}

const struct libusb_pollfd **LIBUSB_CALL
libusb_get_pollfds(libusb_context *c)
{
	static struct libusb_pollfd one;
	static const struct libusb_pollfd *list[2];

	(void)c;
	one = (struct libusb_pollfd){ bus.fd, POLLIN };
	list[0] = &one;
	return list;
}

void LIBUSB_CALL
libusb_free_pollfds(const struct libusb_pollfd **p)
{
	(void)p;
}

int LIBUSB_CALL
libusb_hotplug_register_callback(libusb_context *c, int events, int flags, int vendor,
				 int product, int class, libusb_hotplug_callback_fn fn,
				 void *user, libusb_hotplug_callback_handle *ret_handle)
{
	(void)c;
	(void)events;
	(void)flags;
	(void)vendor;
	(void)product;
	(void)class;
	bus.hotplug = fn;
	bus.hotplug_user = user;
	*ret_handle = 1;
	return 0;
}

void LIBUSB_CALL
libusb_hotplug_deregister_callback(libusb_context *c, libusb_hotplug_callback_handle h)
{
	(void)c;
	(void)h;
	bus.hotplug = NULL;
}

ssize_t LIBUSB_CALL
libusb_get_device_list(libusb_context *c, libusb_device ***ret_list)
{
	static libusb_device *list[DEVICES_MAX + 1];
	ssize_t n = 0;

	(void)c;
	for (size_t i = 0; i < DEVICES_MAX; i++)
		if (bus.devices[i].present)
			list[n++] = &bus.devices[i];
	list[n] = NULL;
	*ret_list = list;
	return n;
}

void LIBUSB_CALL
libusb_free_device_list(libusb_device **list, int unref)
{
	(void)list;
	(void)unref;
}

libusb_device *LIBUSB_CALL
libusb_ref_device(libusb_device *dev)
{
	dev->refs++;
	return dev;
}

void LIBUSB_CALL
libusb_unref_device(libusb_device *dev)
{
	dev->refs--;
}

uint8_t LIBUSB_CALL
libusb_get_bus_number(libusb_device *dev)
{
	(void)dev;
	return 1;
}

uint8_t LIBUSB_CALL
libusb_get_device_address(libusb_device *dev)
{
	return dev->address;
}

int LIBUSB_CALL
libusb_get_port_numbers(libusb_device *dev, uint8_t *ports, int n)
{
	ck_assert_int_ge(n, 7);
	ports[0] = 4;
	ports[1] = dev->port;
	return 2;
}

int LIBUSB_CALL
libusb_get_device_descriptor(libusb_device *dev, struct libusb_device_descriptor *d)
{
	memset(d, 0, sizeof(*d));
	d->idVendor = dev->vendor;
	d->idProduct = dev->product;
	return 0;
}

int LIBUSB_CALL
libusb_get_active_config_descriptor(libusb_device *dev,
				    struct libusb_config_descriptor **ret_config)
{
	/* A keyboard first, then the reader's interface with the number 3. */
	static const struct libusb_endpoint_descriptor ends[] = {
		{ .bEndpointAddress = 0x81 }, { .bEndpointAddress = 0x82 }
	};
	static const struct libusb_interface_descriptor keyboard = { .bInterfaceClass = 3,
								     .bNumEndpoints = 2,
								     .endpoint = ends };
	static const struct libusb_interface_descriptor reader = { .bInterfaceNumber = 3,
								   .bInterfaceClass =
									   0xff,
								   .bNumEndpoints = 2,
								   .endpoint = ends };
	static const struct libusb_interface list[] = { { &keyboard, 1 },
							{ &reader, 1 } };
	static struct libusb_config_descriptor config = { .interface = list };

	config.bNumInterfaces = dev->keyboard_only ? 1 : 2;
	*ret_config = &config;
	return 0;
}

void LIBUSB_CALL
libusb_free_config_descriptor(struct libusb_config_descriptor *c)
{
	(void)c;
}

int LIBUSB_CALL
libusb_open(libusb_device *dev, libusb_device_handle **ret_handle)
{
	if (dev->open_error != 0)
		return dev->open_error;
	if (dev->open_errors > 0) {
		dev->open_errors--;
		return LIBUSB_ERROR_ACCESS;
	}
	*ret_handle = calloc(1, sizeof(**ret_handle));
	ck_assert_ptr_nonnull(*ret_handle);
	(*ret_handle)->dev = dev;
	bus.handles++;
	(*ret_handle)->fd = bus.nodes_are_files
				    ? open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
				    : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_ge((*ret_handle)->fd, 0);
	bus.watched++;
	bus.added((*ret_handle)->fd, POLLIN, bus.watch_user);
	return 0;
}

static void
unwatch(libusb_device_handle *h)
{
	if (h->fd < 0)
		return;
	bus.watched--;
	if (bus.removed != NULL)
		bus.removed(h->fd, bus.watch_user);
	(void)close(h->fd); /* nothing was written */
	h->fd = -1;
}

void LIBUSB_CALL
libusb_close(libusb_device_handle *h)
{
	ck_assert_msg(!bus.inside, "closing from inside libusb deadlocks");
	for (size_t i = 0; i < TRANSFERS_MAX; i++)
		ck_assert_msg(bus.waiting[i] == NULL || bus.waiting[i]->dev_handle != h,
			      "closed with a transfer under way");
	unwatch(h);
	bus.handles--;
	free(h);
}

int LIBUSB_CALL
libusb_claim_interface(libusb_device_handle *h, int n)
{
	ck_assert_int_eq(n, 3);
	if (h->dev->claim_error != 0)
		return h->dev->claim_error;
	h->claimed = true;
	return 0;
}

int LIBUSB_CALL
libusb_release_interface(libusb_device_handle *h, int n)
{
	ck_assert(n == 3 || !h->claimed);
	h->claimed = false;
	return h->dev->present ? 0 : LIBUSB_ERROR_NO_DEVICE;
}

int LIBUSB_CALL
libusb_reset_device(libusb_device_handle *h)
{
	(void)h;
	atomic_fetch_add(&bus.resets, 1);
	return 0;
}

struct libusb_transfer *LIBUSB_CALL
libusb_alloc_transfer(int packets)
{
	struct libusb_transfer *t = calloc(1, sizeof(*t));

	ck_assert_int_eq(packets, 0);
	bus.transfers_alive++;
	return t;
}

void LIBUSB_CALL
libusb_free_transfer(struct libusb_transfer *t)
{
	bus.transfers_alive--;
	free(t);
}

const char *LIBUSB_CALL
libusb_error_name(int code)
{
	(void)code;
	return "error";
}

static void
wake(void)
{
	uint64_t one = 1;

	ck_assert_int_eq(write(bus.fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

int LIBUSB_CALL
libusb_submit_transfer(struct libusb_transfer *t)
{
	if (!t->dev_handle->dev->present)
		return LIBUSB_ERROR_NO_DEVICE;
	for (size_t i = 0; i < TRANSFERS_MAX; i++)
		if (bus.waiting[i] == NULL) {
			bus.waiting[i] = t;
			bus.ended[i] = false;
			return 0;
		}
	return LIBUSB_ERROR_NO_MEM;
}

static void
end_transfer(size_t i, enum libusb_transfer_status s)
{
	bus.ended[i] = true;
	bus.ended_as[i] = s;
	wake();
}

int LIBUSB_CALL
libusb_cancel_transfer(struct libusb_transfer *t)
{
	for (size_t i = 0; i < TRANSFERS_MAX; i++)
		if (bus.waiting[i] == t && !bus.ended[i]) {
			if (t->dev_handle->dev->hangs)
				return 0;
			end_transfer(i, LIBUSB_TRANSFER_CANCELLED);
			return 0;
		}
	return LIBUSB_ERROR_NOT_FOUND;
}

int LIBUSB_CALL
libusb_handle_events_timeout_completed(libusb_context *c, struct timeval *tv,
				       int *completed)
{
	uint64_t n;

	(void)c;
	(void)tv;
	(void)completed;
	ck_assert(!bus.inside);
	bus.inside = true;
	bus.handle_calls++;
	(void)!read(bus.fd, &n, sizeof(n)); /* nothing there is fine */
	for (size_t i = 0; i < TRANSFERS_MAX; i++) {
		struct libusb_transfer *t = bus.waiting[i];

		if (t == NULL || !bus.ended[i])
			continue;
		bus.waiting[i] = NULL;
		t->status = bus.ended_as[i];
		t->actual_length = t->status == LIBUSB_TRANSFER_COMPLETED ? 1 : 0;
		t->callback(t);
	}
	for (unsigned i = 0; i < bus.news_count; i++)
		if (bus.hotplug != NULL)
			(void)bus.hotplug(NULL, bus.news[i].dev, bus.news[i].event,
					  bus.hotplug_user); /* 0: it stays */
	bus.news_count = 0;
	bus.inside = false;
	return 0;
}

/* ---- the bus in the tests' hands ----------------------------------------------------------- */

static void
tell(struct libusb_device *dev, libusb_hotplug_event e)
{
	bus.news[bus.news_count].dev = dev;
	bus.news[bus.news_count++].event = e;
	wake();
}

static void
plug(unsigned i)
{
	bus.devices[i].present = true;
	bus.devices[i].address++;
	tell(&bus.devices[i], LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED);
}

/* What the kernel does to the reads of a device that it suspends; it stays on the bus. */
static void
suspend(unsigned i)
{
	for (size_t k = 0; k < TRANSFERS_MAX; k++)
		if (bus.waiting[k] != NULL &&
		    bus.waiting[k]->dev_handle->dev == &bus.devices[i])
			end_transfer(k, LIBUSB_TRANSFER_NO_DEVICE);
}

/* All that waits ends with NO_DEVICE, and the notice comes, in the order of the kernel. */
static void
unplug(unsigned i)
{
	bus.devices[i].present = false;
	suspend(i);
	tell(&bus.devices[i], LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT);
}

#endif
