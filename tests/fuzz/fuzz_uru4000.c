/*
 * A whole conversation with a reader that may do anything at any time: the input says which of the
 * driver's transfers ends next, how, with how many bytes and which; what goes wrong in the device;
 * when the finger moves, the time is up, the sensor is to be dark or lit, or the service stops.
 * Whatever happens, the driver must end quietly when it is told to.
 */
#include "bio/usb/uru4000.h"

#include "bio/usb/uru4000_image.h"
#include "usb/mock_reader.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define GUARD(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNGUARD(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#endif
#endif
#ifndef GUARD
#define GUARD(p, n) ((void)(p), (void)(n))
#define UNGUARD(p, n) ((void)(p), (void)(n))
#endif

#define IMAGES_MAX 6u /* unscrambling is what takes the time */
#define OVERLAY_MAX 32u
#define TRANSFERS_MAX 4000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t n;
};

static struct mock_reader r, fresh;
static uint8_t *guarded; /* the driver's image buffer, once it is known */
static unsigned images;

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static unsigned
take(struct input *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

/* A picture with everything that a block list can say. */
static void
build_once(void)
{
	static const uint8_t blocks[URU_BLOCKS_MAX][2] = {
		{ 2, 72 }, { 0, 1 },  { 0x82, 49 }, { 1, 1 },     { 0, 1 },
		{ 4, 9 },  { 2, 40 }, { 0, 1 },     { 0x82, 116 }
	};

	if (fresh.d.wire_bytes != 0)
		return;
	mock_reader_init(&r, 0x05ba, 0x000a);
	r.d.wire_bytes = uru_picture_wire(r.d.raster, blocks, 0, r.d.wire, NULL);
	r.d.wire_given = true;
	fresh = r;
}

/* The bytes that did not arrive must not be looked at. */
static void
end_image(struct input *in, enum usb_status s)
{
	struct mock_transfer *t = &r.m.pipe[USB_BULK];
	size_t n = take(in) | (size_t)take(in) << 8, at = take(in), overlay = take(in);

	if (++images > IMAGES_MAX)
		n = 0;
	n = n == 0xffff ? fresh.d.wire_bytes : n * 2;
	n = n < t->bytes ? n : t->bytes;
	guarded = t->data;
	UNGUARD(t->data, t->bytes);
	memcpy(t->data, fresh.d.wire, n);
	overlay = overlay < OVERLAY_MAX ? overlay : 0;
	for (size_t i = 0; i < overlay && at + i < n && in->n > 0; i++)
		t->data[at + i] = (uint8_t)take(in);
	GUARD(t->data + n, t->bytes - n);
	mock_end(&r.m, USB_BULK, s, NULL, n);
}

static void
end_transfer(struct input *in, enum usb_pipe p)
{
	enum usb_status s = (enum usb_status)(take(in) % (USB_GONE + 1));
	uint8_t bytes[64];
	size_t n;

	if (!r.m.pipe[p].busy)
		return;
	if (p == USB_BULK) {
		end_image(in, s);
		return;
	}
	n = take(in) % 65;
	memset(bytes, (int)take(in), sizeof(bytes));
	for (size_t i = 0; i < n && i < 4 && in->n > 0; i++)
		bytes[i] = (uint8_t)take(in);
	mock_end(&r.m, p, s, bytes, n);
}

/* The device as it is and with its faults, but for images, which are rationed. */
static void
device_step(void)
{
	if (guarded != NULL)
		UNGUARD(guarded, URU4000_TRANSFER_BYTES);
	if (r.d.mode == URU_MODE_CAPTURE && r.m.pipe[USB_BULK].busy &&
	    ++images > IMAGES_MAX)
		uru_device_arm(&r.d, URU_EMPTY_IMAGE, -1, 1, 0);
	(void)mock_reader_step(&r); /* false: nothing to do */
}

static void
arm(struct input *in, unsigned fault)
{
	unsigned how = take(in);

	if (fault == URU_NEW_KEY_IMAGE || fault == URU_CLEAR_IMAGE)
		r.d.wire_given = false; /* these are the model's own */
	uru_device_arm(&r.d, (enum uru_fault)(fault % URU_FAULTS), -1, how & 7, how >> 3);
}

static void
one_event(struct input *in)
{
	unsigned op = take(in), argument = op >> 3;

	switch (op & 7) {
	case 0:
		for (unsigned i = 0; i <= argument; i++)
			device_step();
		break;
	case 1:
		mock_reader_finger(&r, argument % 2 == 0);
		break;
	case 2:
		end_transfer(in, USB_CONTROL);
		break;
	case 3:
		end_transfer(in, argument % 2 == 0 ? USB_BULK : USB_INTERRUPT);
		break;
	case 4:
		if (r.m.timer_set)
			mock_fire(&r.m);
		break;
	case 5:
		if (argument == 31)
			uru4000_driver.stop(r.m.device);
		else if (argument >= 29)
			uru4000_driver.arm(r.m.device, argument == 30);
		r.m.frames_wanted = argument;
		break;
	case 6:
		if (argument < 16)
			uru_device_say(&r.d, take(in) << 8 | take(in));
		else
			arm(in, take(in));
		break;
	default:
		r.m.refuse = argument == 1 ? ENODEV : argument == 2 ? ENOMEM : 0;
		break;
	}
}

static void
check(void)
{
	require(r.m.broken <= 1 && r.m.stopped <= 1 && r.m.gone <= r.m.broken);
	require(r.m.broken + r.m.stopped == 0 || !r.m.timer_set);
	if (r.m.last != NULL) {
		require(r.m.last->width == URU4000_COLUMNS);
		require(r.m.last->height <= URU4000_ROWS);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct usb_device_options o = { .label = "fuzz" };
	struct input in = { data, size };
	const struct usb_model *model;
	unsigned which;

	build_once();
	r = fresh;
	r.m.seed = take(&in) * 0x01010101u;
	which = take(&in);
	model = &uru4000_driver.models[which % uru4000_driver.models_count];
	r.d.model = uru_model_find(model->vendor, model->product);
	r.d.status = (uint8_t)take(&in);
	images = 0;
	guarded = NULL;
	require(r.d.model != NULL);
	require(mock_open(&r.m, &uru4000_driver, model->vendor, model->product, &o) !=
		NULL);
	if (which / uru4000_driver.models_count % 2 != 0)
		uru4000_driver.arm(r.m.device, false); /* from the start */
	uru4000_driver.start(r.m.device);
	while (in.n > 0 && r.ended < TRANSFERS_MAX) {
		one_event(&in);
		check();
	}
	if (guarded != NULL)
		UNGUARD(guarded, URU4000_TRANSFER_BYTES);
	require(mock_close(&r.m));
	return 0;
}
