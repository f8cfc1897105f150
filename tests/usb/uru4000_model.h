#ifndef LANED_TESTS_USB_URU4000_MODEL_H
#define LANED_TESTS_USB_URU4000_MODEL_H

/*
 * How a reader of the U.are.U 4000 family behaves, over a mock_port: registers, power, challenge,
 * messages, finger, scrambled images. The key stream is written here once more, bit by bit.
 */
#include "usb/mock_port.h"

#include "bio/usb/uru4000_image.h"

#define MODEL_MESSAGES_MAX 3u
#define MODEL_BLOCKS_MAX 16u

struct uru4000_model {
	struct mock_port m;
	bool wants_answer, answered, finger;
	/* Somebody else's word on the answer; needed only with wants_answer. */
	bool (*answer_ok)(const uint8_t challenge[16], const uint8_t answer[16]);
	uint8_t status, mode, key_index;
	uint32_t seed;
	unsigned messages[MODEL_MESSAGES_MAX];
	unsigned messages_count;
	/* The picture, and how it is sent. */
	uint8_t blocks[MODEL_BLOCKS_MAX][2];
	uint8_t raster[URU4000_PIXELS_MAX];   /* what the sensor sees */
	uint8_t expected[URU4000_PIXELS_MAX]; /* what may be known of it afterwards */
	uint8_t wire[URU4000_TRANSFER_BYTES];
	size_t wire_bytes;
	bool prebuilt; /* wire stands already */
	/* What goes wrong. */
	bool no_power_message, image_before_control, message_before_control;
	bool written; /* what is under way has had its effect */
	unsigned empty_images, short_images;
	unsigned fault_at; /* the number of the transfer that ends with fault; 0 none */
	enum usb_status fault;
	unsigned ended;
};

static inline uint32_t
model_key(unsigned index)
{
	return 0x9e3779b9u * (index + 7u) ^ 0x544409d6u;
}

static inline uint32_t
model_key_step(uint32_t k)
{
	static const unsigned taps[] = { 0, 2, 3, 6, 10, 12, 19, 22, 25, 28, 31 };
	uint32_t f = 0;

	for (size_t i = 0; i < sizeof(taps) / sizeof(taps[0]); i++)
		f ^= k >> taps[i] & 1;
	return k >> 1 | f << 31;
}

static inline uint8_t
model_key_byte(uint32_t k)
{
	static const unsigned bits[] = { 4, 8, 11, 14, 18, 21, 24, 29 };
	unsigned x = 0;

	for (unsigned i = 0; i < 8; i++)
		x |= (k >> bits[i] & 1) << i;
	return (uint8_t)x;
}

/* A soft pattern of stripes with dark edges, different for each seed. */
static inline void
model_paint(struct uru4000_model *d, unsigned seed)
{
	for (unsigned y = 0; y < URU4000_ROWS; y++)
		for (unsigned x = 0; x < URU4000_COLUMNS; x++) {
			unsigned wave = (x * (2 + seed % 3) + y * 5 + seed * 31) % 64;
			bool edge = y < 2 || x < 20 || x >= 364; /* outside the glass */

			d->raster[y * URU4000_COLUMNS + x] =
				(uint8_t)(edge ? 9
					       : 90 + (wave < 32 ? wave : 63 - wave) * 2);
		}
}

/* The transfer for the block list, and what can be decoded of it. */
static inline void
model_build(struct uru4000_model *d)
{
	uint8_t index = d->key_index;
	uint32_t key = model_key(index);
	size_t row = 0, sent = 0;

	memset(d->wire, 0x77, sizeof(d->wire));
	memcpy(d->expected, d->raster, sizeof(d->expected));
	d->wire[6] = index;
	for (size_t b = 0; b < 15 && d->blocks[b][1] > 0; b++) {
		unsigned flags = d->blocks[b][0];
		size_t rows = d->blocks[b][1], n = rows * URU4000_COLUMNS;
		const uint8_t *in = d->raster + row * URU4000_COLUMNS;
		uint8_t *out = d->wire + URU4000_HEADER_BYTES + sent * URU4000_COLUMNS;

		if ((flags & 0x80) != 0)
			key = model_key(++index);
		if ((flags & 0x01) != 0)
			for (size_t i = 0; i < rows; i++)
				memcpy(d->expected + (row + i) * URU4000_COLUMNS,
				       d->raster + (row + rows) * URU4000_COLUMNS,
				       URU4000_COLUMNS);
		for (size_t i = 0; i < n; i++) {
			if ((flags & 0x07) == 0x02 && i + 1 < n)
				out[i + 1] = in[i] ^ model_key_byte(key);
			else if ((flags & 0x07) == 0x02)
				d->expected[row * URU4000_COLUMNS + i] = 0;
			else if ((flags & 0x01) == 0)
				out[i] = in[i];
			if ((flags & 0x04) == 0)
				key = model_key_step(key);
		}
		row += rows;
		sent += (flags & 0x01) == 0 ? rows : 0;
	}
	memcpy(d->wire, "\x10\x40\x80\x01", 4);
	d->wire[4] = (uint8_t)sent;
	d->wire[5] = (uint8_t)(sent >> 8);
	memset(d->wire + 16, 0, 30);
	memcpy(d->wire + 16, d->blocks, 30);
	d->wire_bytes = URU4000_HEADER_BYTES + sent * URU4000_COLUMNS;
}

static inline void
model_say(struct uru4000_model *d, unsigned type)
{
	if (d->messages_count < MODEL_MESSAGES_MAX)
		d->messages[d->messages_count++] = type; /* newer ones are dropped */
}

static inline void
model_finger(struct uru4000_model *d, bool on)
{
	d->finger = on;
	if (on && d->mode == 0x10)
		model_say(d, 0x0101);
	if (!on && d->mode == 0x12)
		model_say(d, 0x0200);
}

static inline void
model_write_status(struct uru4000_model *d, uint8_t v)
{
	if ((v & 0x80) != 0) {
		d->status = v;
		d->answered = false;
	} else if ((d->status & 0x80) == 0) {
		d->status = v;
	} else if (!d->wants_answer || d->answered) {
		d->status = v & 0x0f;
		if (!d->no_power_message)
			model_say(d, 0x56aa);
	}
}

static inline void
model_write(struct uru4000_model *d, uint16_t address, const uint8_t *data)
{
	static const uint8_t challenge[16] = { 1, 2, 3, 4, 5, 6, 7 };

	if (address == 0x07) {
		model_write_status(d, data[0]);
	} else if (address == 0x4e) {
		d->mode = data[0];
		model_finger(d, d->finger);
	} else if (address == 0x33) {
		d->key_index = data[0];
		d->seed = (uint32_t)data[1] | (uint32_t)data[2] << 8 |
			  (uint32_t)data[3] << 16 | (uint32_t)data[4] << 24;
	} else if (address == 0x2000) {
		d->answered = d->answer_ok != NULL && d->answer_ok(challenge, data);
	}
}

static inline void
model_read(struct uru4000_model *d, uint16_t address, uint8_t out[64])
{
	uint32_t masked = model_key(d->key_index) ^ d->seed;

	memset(out, 0, 64);
	if (address == 0x07)
		out[0] = d->status;
	else if (address == 0x34)
		for (unsigned i = 0; i < 4; i++)
			out[i] = (uint8_t)(masked >> 8 * i);
	else if (address == 0x2010)
		memcpy(out, "\1\2\3\4\5\6\7", 7);
	else if (address == 0xf0)
		memcpy(out, "version", 7);
}

/* Ends a transfer as it would, or with the fault when its turn has come. */
static inline void
model_end(struct uru4000_model *d, enum usb_pipe p, const void *data, size_t bytes)
{
	if (++d->ended == d->fault_at)
		mock_end(&d->m, p, d->fault, data, d->fault == USB_DONE ? bytes / 2 : 0);
	else
		mock_end(&d->m, p, USB_DONE, data, bytes);
}

static inline void
model_control(struct uru4000_model *d)
{
	struct mock_transfer *t = &d->m.pipe[USB_CONTROL];
	uint8_t out[64];

	if ((t->q.type & 0x80) == 0) {
		if (!d->written)
			model_write(d, t->q.value, t->data);
		d->written = false;
		model_end(d, USB_CONTROL, NULL, t->bytes);
	} else {
		model_read(d, t->q.value, out);
		model_end(d, USB_CONTROL, out, t->bytes);
	}
}

static inline void
model_message(struct uru4000_model *d)
{
	uint8_t out[64];

	memset(out, 0x55, sizeof(out)); /* stale */
	out[0] = (uint8_t)(d->messages[0] >> 8);
	out[1] = (uint8_t)d->messages[0];
	d->messages_count--;
	for (unsigned i = 0; i < d->messages_count; i++)
		d->messages[i] = d->messages[i + 1];
	model_end(d, USB_INTERRUPT, out, sizeof(out));
}

static inline void
model_image(struct uru4000_model *d)
{
	size_t bytes;

	if (!d->prebuilt)
		model_build(d);
	bytes = d->wire_bytes;
	d->mode = 0;
	if (d->empty_images > 0) {
		d->empty_images--;
		bytes = 0;
	} else if (d->short_images > 0) {
		d->short_images--;
		bytes /= 2;
	}
	model_end(d, USB_BULK, d->wire, bytes);
}

/* One thing happens; false when everybody waits for a finger, or for nothing at all. */
static inline bool
model_step(struct uru4000_model *d)
{
	struct mock_port *m = &d->m;
	bool message = m->pipe[USB_INTERRUPT].busy && d->messages_count > 0;
	bool image = m->pipe[USB_BULK].busy && d->mode == 0x20;

	if (mock_reap(m))
		return true;
	if (m->pipe[USB_CONTROL].busy && d->message_before_control && !d->written &&
	    (m->pipe[USB_CONTROL].q.type & 0x80) == 0) {
		/* Its effect shows before its end is reported. */
		model_write(d, m->pipe[USB_CONTROL].q.value, m->pipe[USB_CONTROL].data);
		d->written = true;
	} else if (image && d->image_before_control && m->pipe[USB_CONTROL].busy) {
		model_image(d);
	} else if (m->pipe[USB_CONTROL].busy && !(message && d->message_before_control)) {
		bool capture = m->pipe[USB_CONTROL].q.value == 0x4e &&
			       m->pipe[USB_CONTROL].data[0] == 0x20;

		if (d->image_before_control && capture && m->pipe[USB_BULK].busy)
			model_image(d);
		else
			model_control(d);
	} else if (message) {
		model_message(d);
	} else if (image) {
		model_image(d);
	} else if (m->pipe[USB_BULK].busy) {
		model_end(d, USB_BULK, NULL, 0); /* empty: it was not asked for */
	} else if (m->timer_set && m->timer_ms < 5000) {
		mock_fire(m);
	} else {
		return false;
	}
	return true;
}

/* Until nothing happens any more; false after a number of steps that no conversation takes. */
static inline bool
model_run(struct uru4000_model *d)
{
	for (unsigned i = 0; i < 2000; i++)
		if (!model_step(d))
			return true;
	return false;
}

#endif
