/*
 * A whole conversation with a reader that may do anything at any time: the input says which of the
 * driver's transfers ends next, how, with how many bytes and which; when the finger moves, the time
 * is up or the service stops. Whatever happens, the driver must end quietly when it is told to.
 */
#include "bio/usb/uru4000.h"

#include "usb/uru4000_model.h"

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

#define IMAGES_MAX 12u /* unscrambling is what takes the time */
#define OVERLAY_MAX 32u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t n;
};

static struct uru4000_model d;
static uint8_t good_wire[URU4000_TRANSFER_BYTES];
static size_t good_bytes;
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

static void
build_once(void)
{
	static const uint8_t blocks[][2] = { { 2, 72 }, { 0, 1 }, { 0x82, 49 },
					     { 1, 1 },  { 0, 1 }, { 4, 9 },
					     { 2, 40 }, { 0, 1 }, { 0x82, 116 } };

	if (good_bytes != 0)
		return;
	memcpy(d.blocks, blocks, sizeof(blocks));
	model_paint(&d, 3);
	model_build(&d);
	memcpy(good_wire, d.wire, sizeof(good_wire));
	good_bytes = d.wire_bytes;
}

static bool
answer_taken(const uint8_t challenge[16], const uint8_t answer[16])
{
	return challenge[0] == 1 && answer[0] != 0;
}

/* The bytes that did not arrive must not be looked at. */
static void
end_image(struct input *in, enum usb_status s)
{
	struct mock_transfer *t = &d.m.pipe[USB_BULK];
	size_t n = take(in) | (size_t)take(in) << 8, at = take(in), overlay = take(in);

	if (++images > IMAGES_MAX)
		n = 0;
	n = n == 0xffff ? good_bytes : n * 2;
	n = n < t->bytes ? n : t->bytes;
	guarded = t->data;
	UNGUARD(t->data, t->bytes);
	memcpy(t->data, good_wire, n);
	overlay = overlay < OVERLAY_MAX ? overlay : 0;
	for (size_t i = 0; i < overlay && at + i < n && in->n > 0; i++)
		t->data[at + i] = (uint8_t)take(in);
	GUARD(t->data + n, t->bytes - n);
	mock_end(&d.m, USB_BULK, s, NULL, n);
}

static void
end_transfer(struct input *in, enum usb_pipe p)
{
	enum usb_status s = (enum usb_status)(take(in) % (USB_GONE + 1));
	uint8_t bytes[64];
	size_t n;

	if (!d.m.pipe[p].busy)
		return;
	if (p == USB_BULK) {
		end_image(in, s);
		return;
	}
	n = take(in) % 65;
	memset(bytes, (int)take(in), sizeof(bytes));
	for (size_t i = 0; i < n && i < 4 && in->n > 0; i++)
		bytes[i] = (uint8_t)take(in);
	mock_end(&d.m, p, s, bytes, n);
}

/* The model as it is, but for images, which are rationed. */
static void
honest_step(void)
{
	struct mock_transfer *t = &d.m.pipe[USB_BULK];

	if (guarded != NULL)
		UNGUARD(guarded, URU4000_TRANSFER_BYTES);
	if (t->busy && d.mode == 0x20 && ++images > IMAGES_MAX)
		d.empty_images = 1;
	(void)model_step(&d); /* false: nothing to do */
}

static void
one_event(struct input *in)
{
	unsigned op = take(in), argument = op >> 3;

	switch (op & 7) {
	case 0:
		for (unsigned i = 0; i <= argument; i++)
			honest_step();
		break;
	case 1:
		model_finger(&d, argument % 2 == 0);
		break;
	case 2:
		end_transfer(in, USB_CONTROL);
		break;
	case 3:
		end_transfer(in, argument % 2 == 0 ? USB_BULK : USB_INTERRUPT);
		break;
	case 4:
		if (d.m.timer_set)
			mock_fire(&d.m);
		break;
	case 5:
		if (argument == 31)
			uru4000_driver.stop(d.m.device);
		d.m.frames_wanted = argument;
		break;
	case 6:
		model_say(&d, take(in) << 8 | take(in));
		break;
	default:
		d.m.refuse = argument == 1 ? ENODEV : argument == 2 ? ENOMEM : 0;
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct usb_device_options o = { .label = "fuzz" };
	struct input in = { data, size };
	const struct usb_model *model;

	build_once();
	memset(&d.m, 0, sizeof(d.m));
	d.m.seed = take(&in) * 0x01010101u;
	model = &uru4000_driver.models[take(&in) % uru4000_driver.models_count];
	d.wants_answer = (model->quirks & URU4000_WANTS_ANSWER) != 0;
	d.answer_ok = answer_taken;
	d.answered = d.finger = false;
	d.status = (uint8_t)take(&in);
	d.messages_count = 0;
	d.mode = 0x70;
	d.prebuilt = true;
	d.key_index = 0;
	d.empty_images = d.short_images = 0;
	memcpy(d.wire, good_wire, sizeof(d.wire));
	d.wire_bytes = good_bytes;
	images = 0;
	guarded = NULL;
	require(mock_open(&d.m, &uru4000_driver, model->vendor, model->product, &o) !=
		NULL);
	uru4000_driver.start(d.m.device);
	while (in.n > 0) {
		one_event(&in);
		require(d.m.broken <= 1 && d.m.stopped <= 1 && d.m.gone <= d.m.broken);
		require(d.m.broken + d.m.stopped == 0 || !d.m.timer_set);
		if (d.m.last != NULL) {
			require(d.m.last->width == URU4000_COLUMNS);
			require(d.m.last->height <= URU4000_ROWS);
		}
	}
	if (guarded != NULL)
		UNGUARD(guarded, URU4000_TRANSFER_BYTES);
	require(mock_close(&d.m));
	return 0;
}
