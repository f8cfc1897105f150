/* The transport over a bus in the tests' hands, see fake_libusb.h. */
#include "bio/usb/usb_transport.h"

#include "base/clock.h"

#include "unit.h"
#include "usb/fake_libusb.h"

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
		/* From before it breaks: a busy machine may see the end of it late. */
		int64_t broken = clock_mono_ms();

		toy_stop(seen.toy);
		ck_assert(wait_for(&seen.detached, i));
		ck_assert(wait_for(&seen.attached, i + 1));
		ck_assert_int_ge(clock_mono_ms() - broken, (75 << (i - 1)) - 1);
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
