/*
 * The transport over a libusb of our own: this program defines the functions of libusb that it uses,
 * which the linker takes instead of the library's. The bus, its devices and what goes wrong are in
 * the tests' hands; closing a device from inside libusb ends the test, as it would deadlock there.
 */
#include "bio/usb/usb_transport.h"

#include "base/clock.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <libusb.h>
#include <poll.h>
#include <stdatomic.h>
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

/* ---- a driver that does next to nothing ---------------------------------------------------- */

struct toy {
	struct usb_port port;
	bool busy[USB_PIPES], stopping, stopped;
	uint8_t control[1], message[8];
};

static struct loop *loop;
static struct usb_transport *transport;
static struct {
	unsigned attached, detached, unusable, nothing, done, gone, timeouts;
	int error;
	char unusable_path[USB_PORT_PATH_BYTES];
	uint8_t address;
	char path[USB_PORT_PATH_BYTES];
	struct toy *toy;
	bool reset; /* what release is told */
	int refuse; /* errno for attached */
	uint8_t answer;
} seen;

static void
toy_stop(void *device)
{
	struct toy *y = device;

	y->stopping = true;
	for (unsigned p = 0; p < USB_PIPES; p++)
		if (y->busy[p])
			y->port.ops->cancel(y->port.ctx, (enum usb_pipe)p);
	if (!y->busy[USB_CONTROL] && !y->busy[USB_INTERRUPT] && !y->stopped) {
		y->stopped = true;
		usb_transport_release(transport, seen.reset);
	}
}

static void
toy_start(void *device)
{
	static const struct usb_request q = { 0xc0, 4, 7 };
	struct toy *y = device;

	y->busy[USB_INTERRUPT] = y->port.ops->interrupt_in(y->port.ctx, y->message,
							   sizeof(y->message)) == 0;
	y->busy[USB_CONTROL] =
		y->port.ops->control(y->port.ctx, q, y->control, 1, 100) == 0;
	if (!y->busy[USB_CONTROL])
		toy_stop(y);
}

static void
toy_done(void *device, enum usb_pipe p, enum usb_status s, size_t actual)
{
	struct toy *y = device;

	ck_assert(y->busy[p]);
	y->busy[p] = false;
	seen.done++;
	seen.gone += s == USB_GONE;
	if (p == USB_CONTROL && s == USB_DONE && actual == 1)
		seen.answer = y->control[0];
	if (s == USB_GONE || y->stopping)
		toy_stop(y);
}

static void
toy_timeout(void *device)
{
	(void)device;
	seen.timeouts++;
}

static const struct usb_model toy_models[] = { { 0x05ba, 0x000a, 0, "toy" } };
static const struct usb_device_driver toy_driver = { .name = "toy",
						     .models = toy_models,
						     .models_count = 1,
						     .bulk_in = 0x82,
						     .interrupt_in = 0x81,
						     .start = toy_start,
						     .stop = toy_stop,
						     .done = toy_done,
						     .timeout = toy_timeout };
static const struct usb_device_driver *const toy_drivers[] = { &toy_driver };

static int
on_attached(void *ctx, const struct usb_found *found, struct usb_port port,
	    void **ret_device)
{
	(void)ctx;
	if (seen.refuse != 0)
		return -seen.refuse;
	seen.attached++;
	ck_assert_uint_eq(seen.attached, seen.detached + 1);
	memcpy(seen.path, found->path, sizeof(seen.path));
	seen.address = found->address;
	seen.toy = calloc(1, sizeof(*seen.toy));
	ck_assert_ptr_nonnull(seen.toy);
	seen.toy->port = port;
	*ret_device = seen.toy;
	return 0;
}

static void
on_detached(void *ctx, void *device)
{
	(void)ctx;
	ck_assert_ptr_eq(device, seen.toy);
	ck_assert(!bus.inside);
	seen.detached++;
	free(seen.toy);
	seen.toy = NULL;
}

static void
on_unusable(void *ctx, const struct usb_found *found, int error)
{
	(void)ctx;
	seen.unusable++;
	seen.error = error;
	memcpy(seen.unusable_path, found->path, sizeof(seen.unusable_path));
}

static void
on_nothing(void *ctx)
{
	(void)ctx;
	seen.nothing++;
}

static struct usb_transport_options options;

static void
begin(void)
{
	const struct usb_transport_events e = { on_attached, on_detached, on_unusable,
						on_nothing, NULL };

	memset(&seen, 0, sizeof(seen));
	options.drivers = toy_drivers;
	options.drivers_count = 1;
	ck_assert_int_eq(usb_transport_new(loop, &options, &e, &transport), 0);
}

static void
setup(void)
{
	memset(&bus, 0, sizeof(bus));
	memset(&options, 0, sizeof(options));
	bus.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_ge(bus.fd, 0);
	ck_assert_int_eq(loop_new(&loop), 0);
	for (unsigned i = 0; i < DEVICES_MAX; i++)
		bus.devices[i] = (struct libusb_device){ .vendor = 0x05ba,
							 .product = 0x000a,
							 .port = (uint8_t)(i + 1) };
}

/* Closes, and nothing is left of anything. */
static void
teardown(void)
{
	transport = usb_transport_free(transport);
	ck_assert_int_eq(bus.handles, 0);
	ck_assert_int_eq(bus.transfers_alive, 0);
	ck_assert_int_eq(bus.contexts, 0);
	for (unsigned i = 0; i < DEVICES_MAX; i++)
		ck_assert_int_eq(bus.devices[i].refs, 0);
	ck_assert_uint_eq(seen.attached, seen.detached);
	loop = loop_free(loop);
	(void)close(bus.fd); /* an eventfd */
}

/* What is due now. */
static void
settle(void)
{
	for (unsigned i = 0; i < 12; i++)
		ck_assert_int_eq(loop_once(loop, 0), 0);
}

/* Waits for something that comes by a timer; false when it never does. */
static bool
wait_for(const unsigned *counter, unsigned at_least)
{
	for (unsigned i = 0; i < 2000 && *counter < at_least; i++)
		ck_assert_int_eq(loop_once(loop, 10), 0);
	return *counter >= at_least;
}

START_TEST(a_device_that_is_there_at_the_start_is_opened)
{
	bus.devices[1].present = true;
	begin();
	settle();
	ck_assert_uint_eq(seen.attached, 1);
	ck_assert_str_eq(seen.path, "1-4.2");
	ck_assert(seen.toy->busy[USB_CONTROL] && seen.toy->busy[USB_INTERRUPT]);
}
END_TEST

START_TEST(other_devices_are_left_alone)
{
	bus.devices[0].present = true;
	bus.devices[0].product = 0x0042;
	begin();
	settle();
	ck_assert_uint_eq(seen.attached + seen.unusable, 0);
	ck_assert_uint_eq(seen.nothing, 1);
}
END_TEST

START_TEST(it_comes_back_after_every_unplugging)
{
	begin();
	for (unsigned i = 1; i <= 200; i++) {
		plug(i % DEVICES_MAX);
		settle();
		ck_assert_uint_eq(seen.attached, i);
		unplug(i % DEVICES_MAX);
		settle();
		ck_assert_uint_eq(seen.detached, i);
		ck_assert_int_eq(bus.handles, 0);
		ck_assert_int_eq(bus.transfers_alive, 0);
	}
	ck_assert_uint_eq(seen.gone, 400);
	ck_assert_uint_eq(seen.unusable, 0);
}
END_TEST

START_TEST(leaving_without_an_ended_transfer_is_noticed_too)
{
	plug(0);
	begin();
	settle();
	ck_assert_uint_eq(seen.attached, 1);
	bus.devices[0].present = false;
	tell(&bus.devices[0], LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT);
	settle();
	ck_assert_uint_eq(seen.detached, 1);
	plug(0);
	settle();
	ck_assert_uint_eq(seen.attached, 2);
}
END_TEST

START_TEST(a_device_that_leaves_before_it_is_opened_does_no_harm)
{
	begin();
	settle();
	plug(0);
	bus.devices[0].open_error = LIBUSB_ERROR_NO_DEVICE;
	settle();
	ck_assert_uint_eq(usb_transport_counters(transport)->open_failures, 1);
	ck_assert_uint_eq(seen.unusable, 0);
	unplug(0);
	settle();
	bus.devices[0].open_error = 0;
	plug(0);
	settle();
	ck_assert_uint_eq(seen.attached, 1);
}
END_TEST

START_TEST(a_device_that_stays_closed_is_told_and_tried_again)
{
	static const struct {
		int open_error, claim_error;
		bool keyboard_only, node_is_file;
		int error;
	} t[] = { { LIBUSB_ERROR_ACCESS, 0, false, false, -EACCES },
		  { 0, LIBUSB_ERROR_BUSY, false, false, -EBUSY },
		  { 0, 0, true, false, -ENXIO },
		  { 0, 0, false, true, -EPERM },
		  { LIBUSB_ERROR_OTHER, 0, false, false, -EIO } };

	bus.devices[1] = (struct libusb_device){ .vendor = 0x05ba,
						 .product = 0x000a,
						 .port = 2,
						 .present = true,
						 .open_error = t[_i].open_error,
						 .claim_error = t[_i].claim_error,
						 .keyboard_only = t[_i].keyboard_only };
	bus.nodes_are_files = t[_i].node_is_file;
	begin();
	ck_assert(wait_for(&seen.unusable, 1));
	ck_assert_int_eq(seen.error, t[_i].error);
	ck_assert_str_eq(seen.unusable_path, "1-4.2");
	ck_assert_uint_eq(seen.attached, 0);
	ck_assert_int_eq(bus.handles, 0);
	ck_assert_int_eq(bus.watched, 0);
	bus.devices[1].open_error = bus.devices[1].claim_error = 0;
	bus.devices[1].keyboard_only = bus.nodes_are_files = false;
	ck_assert(wait_for(&seen.attached, 1));
	ck_assert_uint_ge(usb_transport_counters(transport)->open_failures,
			  seen.unusable + 2);
}
END_TEST

START_TEST(trouble_right_after_the_arrival_is_told_to_nobody)
{
	begin();
	settle();
	bus.devices[0].open_errors = 2; /* udev has not given it to us yet */
	plug(0);
	ck_assert(wait_for(&seen.attached, 1));
	ck_assert_uint_eq(seen.unusable, 0);
	ck_assert_uint_eq(usb_transport_counters(transport)->open_failures, 2);
}
END_TEST

START_TEST(a_suspended_device_is_opened_again_without_having_left)
{
	uint8_t address;

	bus.devices[0].present = true;
	begin();
	settle();
	address = seen.address;
	for (unsigned i = 2; i < 5; i++) {
		suspend(0);
		ck_assert(wait_for(&seen.detached, i - 1));
		ck_assert(wait_for(&seen.attached, i));
		ck_assert_uint_eq(seen.address, address);
	}
	ck_assert_int_eq(atomic_load(&bus.resets), 0);
	ck_assert_uint_eq(seen.unusable + seen.nothing, 0);
}
END_TEST

/* Waking up takes the bus a while, in which the device is there and cannot be opened. */
START_TEST(a_device_that_wakes_up_slowly_is_waited_for)
{
	bus.devices[0].present = true;
	begin();
	settle();
	bus.devices[0].open_error = LIBUSB_ERROR_NO_DEVICE;
	suspend(0);
	ck_assert(wait_for(&seen.unusable, 1));
	ck_assert_int_eq(seen.error, -ENODEV);
	bus.devices[0].open_error = 0;
	ck_assert(wait_for(&seen.attached, 2));
}
END_TEST

/* It says that it is gone, and has never left the bus. */
START_TEST(a_device_that_never_comes_up_is_given_longer_pauses)
{
	int64_t begun, least = 0;

	bus.devices[0].present = true;
	begin();
	settle();
	begun = clock_mono_ms();
	for (unsigned i = 1; i <= 4; i++) {
		suspend(0);
		ck_assert(wait_for(&seen.attached, i + 1));
		least += (75 << (i - 1)) - 1;
	}
	ck_assert_int_ge(clock_mono_ms() - begun, least);
}
END_TEST

/* Each pause is at least three quarters of 0.1 s, 0.2 s, 0.4 s and so on. */
START_TEST(a_device_that_breaks_again_and_again_is_given_longer_pauses)
{
	bus.devices[0].present = true;
	begin();
	settle();
	seen.reset = true;
	for (unsigned i = 1; i <= 4; i++) {
		int64_t closed;

		toy_stop(seen.toy);
		ck_assert(wait_for(&seen.detached, i));
		closed = clock_mono_ms();
		ck_assert(wait_for(&seen.attached, i + 1));
		ck_assert_int_ge(clock_mono_ms() - closed, (75 << (i - 1)) - 1);
	}
	usb_transport_works(transport);
	ck_assert_uint_eq(usb_transport_counters(transport)->resets, 4);
}
END_TEST

START_TEST(a_broken_device_that_is_plugged_anew_need_not_wait)
{
	bus.devices[0].present = true;
	begin();
	settle();
	seen.reset = true;
	toy_stop(seen.toy);
	bus.devices[0].present = false; /* pulled before the reset */
	tell(&bus.devices[0], LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT);
	settle();
	ck_assert_uint_eq(seen.detached, 1);
	ck_assert_int_eq(atomic_load(&bus.resets), 0);
	plug(0);
	settle(); /* no timer runs in here */
	ck_assert_uint_eq(seen.attached, 2);
}
END_TEST

/* libusb's own descriptors and that of each open device wake the loop, and only while they exist. */
START_TEST(every_descriptor_is_watched_while_it_is_open)
{
	struct libusb_device_handle *h = NULL;
	uint64_t one = 1;
	unsigned calls;

	bus.devices[0].present = true;
	begin();
	settle();
	for (size_t i = 0; i < TRANSFERS_MAX && h == NULL; i++)
		if (bus.waiting[i] != NULL)
			h = bus.waiting[i]->dev_handle;
	ck_assert_ptr_nonnull(h);
	calls = bus.handle_calls;
	ck_assert_int_eq(write(h->fd, &one, sizeof(one)), (ssize_t)sizeof(one));
	ck_assert_int_eq(loop_once(loop, 1000), 0);
	ck_assert_uint_gt(bus.handle_calls, calls);
	unwatch(h); /* as libusb does when the kernel hangs up */
	ck_assert_int_eq(loop_once(loop, 0), 0);
	calls = bus.handle_calls;
	ck_assert_int_eq(loop_once(loop, 20), 0);
	ck_assert_uint_eq(bus.handle_calls, calls);
	unplug(0);
	settle();
	ck_assert_uint_eq(seen.detached, 1);
	ck_assert_int_eq(bus.watched, 0);
}
END_TEST

START_TEST(a_device_in_use_leaves_the_next_one)
{
	bus.devices[0].present = bus.devices[2].present = true;
	bus.devices[0].claim_error = LIBUSB_ERROR_BUSY;
	begin();
	settle();
	ck_assert_uint_eq(seen.attached, 1);
	ck_assert_str_eq(seen.path, "1-4.3");
	ck_assert_uint_eq(seen.unusable, 0);
	ck_assert_int_eq(bus.handles, 1);
}
END_TEST

START_TEST(only_the_port_that_was_named_is_taken)
{
	options.port = "1-4.4";
	bus.devices[0].present = true;
	begin();
	settle();
	ck_assert_uint_eq(seen.attached, 0);
	plug(3);
	settle();
	ck_assert_uint_eq(seen.attached, 1);
	ck_assert_str_eq(seen.path, "1-4.4");
}
END_TEST

START_TEST(a_serial_number_that_nobody_has_matches_nothing)
{
	options.serial = "no such serial number";
	bus.devices[0].present = true;
	begin();
	settle();
	ck_assert_uint_eq(seen.attached + seen.unusable, 0);
}
END_TEST

START_TEST(a_broken_device_is_reset_and_opened_again)
{
	bus.devices[0].present = true;
	begin();
	settle();
	seen.reset = true;
	toy_stop(seen.toy);
	ck_assert(wait_for(&seen.detached, 1));
	ck_assert_int_eq(atomic_load(&bus.resets), 1);
	ck_assert(wait_for(&seen.attached, 2));
	ck_assert_uint_eq(usb_transport_counters(transport)->resets, 1);
}
END_TEST

START_TEST(a_device_that_left_is_not_reset)
{
	bus.devices[0].present = true;
	begin();
	settle();
	seen.reset = true;
	unplug(0);
	settle();
	ck_assert_uint_eq(seen.detached, 1);
	ck_assert_int_eq(atomic_load(&bus.resets), 0);
	plug(0);
	ck_assert(wait_for(&seen.attached, 2));
}
END_TEST

START_TEST(an_answer_reaches_the_driver)
{
	bus.devices[0].present = true;
	begin();
	settle();
	for (size_t i = 0; i < TRANSFERS_MAX; i++)
		if (bus.waiting[i] != NULL &&
		    bus.waiting[i]->type == LIBUSB_TRANSFER_TYPE_CONTROL) {
			ck_assert_uint_eq(bus.waiting[i]->buffer[0], 0xc0);
			ck_assert_uint_eq(bus.waiting[i]->buffer[2], 7);
			ck_assert_uint_eq(bus.waiting[i]->timeout, 100);
			bus.waiting[i]->buffer[8] = 0x5a;
			end_transfer(i, LIBUSB_TRANSFER_COMPLETED);
		}
	settle();
	ck_assert_uint_eq(seen.answer, 0x5a);
	ck_assert_uint_eq(seen.done, 1);
}
END_TEST

START_TEST(a_refused_device_is_closed_again)
{
	bus.devices[0].present = true;
	begin();
	seen.refuse = ENOMEM;
	ck_assert(wait_for(&seen.unusable, 1));
	ck_assert_int_eq(seen.error, -ENOMEM);
	ck_assert_int_eq(bus.handles, 0);
	seen.refuse = 0;
	ck_assert(wait_for(&seen.attached, 1));
}
END_TEST

START_TEST(waiting_wakes_nobody)
{
	unsigned calls;

	bus.devices[0].present = _i == 1;
	begin();
	settle();
	calls = bus.handle_calls;
	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(loop_once(loop, 30), 0);
	ck_assert_uint_eq(bus.handle_calls, calls);
	ck_assert_uint_eq(seen.attached, (unsigned)_i);
}
END_TEST

/* Teardown checks that each of these is left without a trace. */
START_TEST(it_can_be_closed_at_any_time)
{
	bus.devices[0].present = _i > 0;
	begin();
	if (_i > 1)
		settle();
	seen.reset = _i == 3;
	if (_i == 2 || _i == 3)
		toy_stop(seen.toy);
	if (_i == 3)
		settle();
	if (_i == 4)
		unplug(0);
	if (_i == 5) {
		unplug(0);
		ck_assert_int_eq(loop_once(loop, 0), 0);
	}
}
END_TEST

/* The kernel never gives its transfers back: what they use stays, and nothing calls it any more. */
START_TEST(a_transfer_that_never_ends_leaves_no_timer_behind)
{
	bus.devices[0].present = true;
	begin();
	settle();
	bus.devices[0].hangs = true;
	ck_assert_int_eq(seen.toy->port.ops->timer(seen.toy->port.ctx, 2500), 0);
	ck_assert_ptr_null(usb_transport_free(transport));
	ck_assert_uint_eq(seen.detached, 0);
	for (unsigned i = 0; i < 60; i++)
		ck_assert_int_eq(loop_once(loop, 20), 0);
	ck_assert_uint_eq(seen.timeouts, 0);
	bus.devices[0].hangs = false; /* and teardown frees what was left */
}
END_TEST

START_TEST(a_libusb_that_does_not_start_is_an_error)
{
	const struct usb_transport_events e = { on_attached, on_detached, on_unusable,
						on_nothing, NULL };

	memset(&seen, 0, sizeof(seen));
	bus.init_error = LIBUSB_ERROR_OTHER;
	ck_assert_int_eq(usb_transport_new(loop, &options, &e, &transport), -EIO);
	bus.init_error = LIBUSB_ERROR_NO_MEM;
	ck_assert_int_eq(usb_transport_new(loop, &options, &e, &transport), -ENOMEM);
	ck_assert_ptr_null(usb_transport_free(NULL));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("usb_transport");
	TCase *c = tcase_create("usb_transport");
	SRunner *r;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_device_that_is_there_at_the_start_is_opened);
	tcase_add_test(c, other_devices_are_left_alone);
	tcase_add_test(c, it_comes_back_after_every_unplugging);
	tcase_add_test(c, leaving_without_an_ended_transfer_is_noticed_too);
	tcase_add_test(c, a_device_that_leaves_before_it_is_opened_does_no_harm);
	tcase_add_loop_test(c, a_device_that_stays_closed_is_told_and_tried_again, 0, 5);
	tcase_add_test(c, trouble_right_after_the_arrival_is_told_to_nobody);
	tcase_add_test(c, a_suspended_device_is_opened_again_without_having_left);
	tcase_add_test(c, a_device_that_wakes_up_slowly_is_waited_for);
	tcase_add_test(c, a_device_that_never_comes_up_is_given_longer_pauses);
	tcase_add_test(c, a_device_that_breaks_again_and_again_is_given_longer_pauses);
	tcase_add_test(c, a_broken_device_that_is_plugged_anew_need_not_wait);
	tcase_add_test(c, every_descriptor_is_watched_while_it_is_open);
	tcase_add_test(c, a_device_in_use_leaves_the_next_one);
	tcase_add_test(c, only_the_port_that_was_named_is_taken);
	tcase_add_test(c, a_serial_number_that_nobody_has_matches_nothing);
	tcase_add_test(c, a_broken_device_is_reset_and_opened_again);
	tcase_add_test(c, a_device_that_left_is_not_reset);
	tcase_add_test(c, an_answer_reaches_the_driver);
	tcase_add_test(c, a_refused_device_is_closed_again);
	tcase_add_loop_test(c, waiting_wakes_nobody, 0, 2);
	tcase_add_loop_test(c, it_can_be_closed_at_any_time, 0, 6);
	tcase_add_test(c, a_transfer_that_never_ends_leaves_no_timer_behind);
	tcase_add_test(c, a_libusb_that_does_not_start_is_an_error);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
