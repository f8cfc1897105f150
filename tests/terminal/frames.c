#include "frames.h"

#include <string.h>

#define STX 0x02u
#define ETX 0x03u
#define DLE 0x10u
#define ZVT_LONG 0xffu
#define LENGTH4_MAX 65000u

/* CRC-16 of CCITT, reflected, as ZVT's serial line has it: over the APDU and ETX. */
static unsigned
crc_of(unsigned crc, uint8_t c)
{
	/* What four bits make of it. */
	static const uint16_t of_half[16] = { 0x0000, 0x1081, 0x2102, 0x3183,
					      0x4204, 0x5285, 0x6306, 0x7387,
					      0x8408, 0x9489, 0xa50a, 0xb58b,
					      0xc60c, 0xd68d, 0xe70e, 0xf78f };

	crc ^= c;
	crc = crc >> 4 ^ of_half[crc & 15];
	return crc >> 4 ^ of_half[crc & 15];
}

/* Of an APDU: the bytes before the body, and those of the body; 0: the head is not whole. */
static size_t
apdu_head(const uint8_t *data, size_t n, size_t *ret_body)
{
	if (n < 3 || (data[2] == ZVT_LONG && n < 5))
		return 0;
	*ret_body =
		data[2] != ZVT_LONG ? data[2] : (size_t)data[3] | (size_t)data[4] << 8;
	return data[2] != ZVT_LONG ? 3 : 5;
}

static size_t
put_apdu(unsigned head, const void *body, size_t n, uint8_t *out)
{
	size_t at = 3;

	out[0] = (uint8_t)(head >> 8);
	out[1] = (uint8_t)head;
	out[2] = (uint8_t)n;
	if (n >= ZVT_LONG) {
		out[2] = ZVT_LONG;
		out[3] = (uint8_t)n;
		out[4] = (uint8_t)(n >> 8);
		at = 5;
	}
	if (n > 0)
		memcpy(out + at, body, n);
	return at + n;
}

static void
find_zvt(const uint8_t *data, size_t n, struct frames_found *f)
{
	size_t body = 0, head = apdu_head(data, n, &body);
	uint8_t c = data[0];

	if (c != 0x04 && c != 0x05 && c != 0x06 && c != 0x08 && c != 0x0f && c != 0x80 &&
	    c != 0x84) {
		f->what = FRAMES_STRANGE;
		f->n = n;
	} else if (head > 0 && n >= head + body) {
		f->what = FRAMES_MESSAGE;
		f->n = head + body;
		f->head = (unsigned)data[0] << 8 | data[1];
	}
}

static void
find_length(const uint8_t *data, size_t n, size_t head, struct frames_found *f)
{
	size_t body = 0;

	if (n < head)
		return;
	for (size_t i = 0; i < head; i++)
		body = body << 8 | data[i];
	if (body > LENGTH4_MAX) {
		f->what = FRAMES_STRANGE;
		f->n = n;
	} else if (n >= head + body) {
		f->what = FRAMES_MESSAGE;
		f->n = head + body;
	}
}

/* From DLE STX on, to the check sum. */
static void
find_stuffed(const uint8_t *data, size_t n, struct frames_found *f)
{
	unsigned crc = 0;
	size_t count = 0;

	for (size_t i = 2; i < n; i++) {
		uint8_t c = data[i];

		if (c == DLE && i + 1 == n)
			return;
		if (c == DLE && data[i + 1] == ETX) {
			if (i + 4 > n)
				return;
			crc = crc_of(crc, ETX);
			f->n = i + 4;
			f->what = count >= 2 && data[i + 2] == (crc & 0xff) &&
						  data[i + 3] == crc >> 8
					  ? FRAMES_MESSAGE
					  : FRAMES_BROKEN;
			return;
		}
		if (c == DLE && data[i + 1] != DLE) { /* broken off, perhaps begun anew */
			f->what = FRAMES_NOISE;
			f->n = i;
			return;
		}
		i += c == DLE;
		if (count < 2)
			f->head = f->head << 8 | c;
		count++;
		crc = crc_of(crc, c);
	}
}

static void
find_serial(const uint8_t *data, size_t n, struct frames_found *f)
{
	f->n = 1;
	if (data[0] == FRAMES_ACK || data[0] == FRAMES_NAK)
		f->what = FRAMES_BYTE;
	else if (data[0] != DLE || (n > 1 && data[1] != STX))
		f->what = FRAMES_NOISE;
	else
		find_stuffed(data, n, f);
}

void
frames_find(enum frames_kind kind, const uint8_t *data, size_t n,
	    struct frames_found *ret)
{
	*ret = (struct frames_found){ .what = FRAMES_NONE };
	if (n == 0)
		return;
	switch (kind) {
	case FRAMES_LENGTH4:
		find_length(data, n, 4, ret);
		break;
	case FRAMES_LENGTH2:
		find_length(data, n, 2, ret);
		break;
	case FRAMES_ZVT:
		find_zvt(data, n, ret);
		break;
	case FRAMES_ZVT_SERIAL:
		find_serial(data, n, ret);
		break;
	}
}

/* The doubled bytes once, between DLE STX and DLE ETX. */
static size_t
unstuff(const uint8_t *frame, size_t n, uint8_t *out)
{
	size_t count = 0;

	for (size_t i = 2; i + 4 < n; i++) {
		out[count++] = frame[i];
		i += frame[i] == DLE;
	}
	return count;
}

size_t
frames_body(enum frames_kind kind, const uint8_t *frame, size_t n, uint8_t *body)
{
	size_t head = kind == FRAMES_LENGTH2 ? 2 : 4, count = 0;

	if (kind == FRAMES_ZVT || kind == FRAMES_ZVT_SERIAL) {
		if (kind == FRAMES_ZVT)
			memcpy(body, frame, n);
		else
			n = unstuff(frame, n, body);
		head = apdu_head(body, n, &count);
		if (head == 0 || head + count > n)
			return 0;
		memmove(body, body + head, count);
		return count;
	}
	memcpy(body, frame + head, n - head);
	return n - head;
}

static size_t
put_stuffed(unsigned head, const void *body, size_t n, uint8_t *out)
{
	size_t apdu, at = 0;
	uint8_t *last = out + FRAMES_ROOM(n);
	unsigned crc = 0;

	/* At the end of the room first, from where it is doubled to the front. */
	apdu = put_apdu(head, body, n, last - n - 5);
	last -= n + 5;
	out[at++] = DLE;
	out[at++] = STX;
	for (size_t i = 0; i < apdu; i++) {
		uint8_t c = last[i];

		crc = crc_of(crc, c);
		out[at++] = c;
		if (c == DLE)
			out[at++] = c;
	}
	crc = crc_of(crc, ETX);
	out[at++] = DLE;
	out[at++] = ETX;
	out[at++] = (uint8_t)crc;
	out[at++] = (uint8_t)(crc >> 8);
	return at;
}

size_t
frames_put(enum frames_kind kind, unsigned head, const void *body, size_t n, uint8_t *out)
{
	size_t bytes = kind == FRAMES_LENGTH2 ? 2 : 4;

	if (kind == FRAMES_ZVT)
		return put_apdu(head, body, n, out);
	if (kind == FRAMES_ZVT_SERIAL)
		return put_stuffed(head, body, n, out);
	for (size_t i = 0; i < bytes; i++)
		out[i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
	memcpy(out + bytes, body, n);
	return bytes + n;
}

enum frames_kind
frames_kind_of(const char *word, size_t n)
{
	static const char *const words[] = { "length4", "length2", "zvt", "zvt-serial" };

	for (int i = FRAMES_LENGTH4; i <= FRAMES_ZVT_SERIAL; i++)
		if (strlen(words[i]) == n && memcmp(words[i], word, n) == 0)
			return (enum frames_kind)i;
	return FRAMES_LENGTH4;
}
