#include "bio/serial/zfm_packet.h"

#include "base/secret.h"

#include <assert.h>
#include <string.h>

#define START_1 0xefu
#define START_2 0x01u
#define AT_ADDRESS 2u
#define AT_KIND 6u
#define AT_LENGTH 7u
#define CHECKSUM_BYTES 2u

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Over kind, length and payload; the address is not in it. */
static unsigned
checksum(const uint8_t *packet, size_t payload_bytes)
{
	unsigned sum = 0;

	for (size_t i = AT_KIND; i < ZFM_HEADER_BYTES + payload_bytes; i++)
		sum += packet[i];
	return sum & 0xffffu;
}

size_t
zfm_packet_write(uint8_t out[ZFM_PACKET_BYTES_MAX], const struct zfm_packet *p)
{
	size_t length = p->bytes + CHECKSUM_BYTES;
	unsigned sum;

	assert(p->bytes > 0 && p->bytes <= ZFM_PAYLOAD_BYTES_MAX);
	out[0] = START_1;
	out[1] = START_2;
	for (size_t i = 0; i < 4; i++)
		out[AT_ADDRESS + i] = (uint8_t)(p->address >> (24 - 8 * i));
	out[AT_KIND] = (uint8_t)p->kind;
	out[AT_LENGTH] = (uint8_t)(length >> 8);
	out[AT_LENGTH + 1] = (uint8_t)length;
	memcpy(out + ZFM_HEADER_BYTES, p->payload, p->bytes);
	sum = checksum(out, p->bytes);
	out[ZFM_HEADER_BYTES + p->bytes] = (uint8_t)(sum >> 8);
	out[ZFM_HEADER_BYTES + p->bytes + 1] = (uint8_t)sum;
	return ZFM_FRAME_BYTES + p->bytes;
}

static void
drop(struct zfm_decoder *d, size_t n)
{
	assert(n <= d->used);
	d->used -= n;
	memmove(d->bytes, d->bytes + n, d->used);
}

/* Bytes before the first start of a packet, of which only one byte may be there yet. */
static size_t
noise_before_start(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == START_1 && (i + 1 == n || p[i + 1] == START_2))
			return i;
	return n;
}

static bool
header_ok(const uint8_t *p)
{
	unsigned kind = p[AT_KIND], length = get16(p + AT_LENGTH);

	return (kind == ZFM_COMMAND || kind == ZFM_DATA || kind == ZFM_ANSWER ||
		kind == ZFM_LAST_DATA) &&
	       length >= CHECKSUM_BYTES &&
	       length <= ZFM_PAYLOAD_BYTES_MAX + CHECKSUM_BYTES;
}

size_t
zfm_decoder_feed(struct zfm_decoder *d, const uint8_t *bytes, size_t n)
{
	drop(d, d->given);
	d->given = 0;
	if (n > sizeof(d->bytes) - d->used)
		n = sizeof(d->bytes) - d->used;
	memcpy(d->bytes + d->used, bytes, n);
	d->used += n;
	return n;
}

/* Looks at what begins now: false when more has to come; drops it when it is no packet. */
static bool
examine(struct zfm_decoder *d, struct zfm_packet *ret_packet)
{
	size_t payload, total;

	if (d->used < ZFM_HEADER_BYTES)
		return false;
	if (!header_ok(d->bytes)) {
		d->bad_packets++;
		drop(d, 1);
		return true;
	}
	payload = get16(d->bytes + AT_LENGTH) - CHECKSUM_BYTES;
	total = ZFM_FRAME_BYTES + payload;
	if (d->used < total)
		return false;
	if (checksum(d->bytes, payload) != get16(d->bytes + ZFM_HEADER_BYTES + payload)) {
		d->bad_packets++;
		drop(d, 1);
		return true;
	}
	*ret_packet = (struct zfm_packet){
		.address = (uint32_t)get16(d->bytes + AT_ADDRESS) << 16 |
			   get16(d->bytes + AT_ADDRESS + 2),
		.kind = (enum zfm_kind)d->bytes[AT_KIND],
		.payload = d->bytes + ZFM_HEADER_BYTES,
		.bytes = payload,
	};
	d->given = total;
	return true;
}

bool
zfm_decoder_next(struct zfm_decoder *d, struct zfm_packet *ret_packet)
{
	drop(d, d->given);
	d->given = 0;
	for (;;) {
		size_t noise = noise_before_start(d->bytes, d->used);

		d->noise_bytes += noise;
		drop(d, noise);
		if (!examine(d, ret_packet))
			return false;
		if (d->given > 0)
			return true;
	}
}

bool
zfm_decoder_give_up(struct zfm_decoder *d)
{
	drop(d, d->given);
	d->given = 0;
	if (d->used == 0)
		return false;
	d->bad_packets++;
	drop(d, 1);
	return true;
}

void
zfm_decoder_reset(struct zfm_decoder *d)
{
	d->used = 0;
	d->given = 0;
	secret_zero(d->bytes, sizeof(d->bytes));
}

const char *
zfm_code_text(uint8_t code)
{
	static const char *const texts[] = {
		[ZFM_OK] = "done",
		[ZFM_PACKET_ERROR] = "the module received a damaged packet",
		[ZFM_NO_FINGER] = "no finger",
		[ZFM_NOT_TAKEN] = "the picture was not taken",
		[0x06] = "the picture is too messy",
		[0x07] = "the picture shows too little",
		[0x08] = "no match",
		[0x09] = "not found",
		[0x0a] = "the pictures do not combine",
		[0x0b] = "the page is out of range",
		[0x0c] = "the template cannot be read",
		[0x0d] = "the template cannot be sent",
		[0x0e] = "the module cannot receive data",
		[ZFM_NO_UPLOAD] = "the picture cannot be sent",
		[0x10] = "deleting failed",
		[0x11] = "clearing failed",
		[ZFM_WRONG_PASSWORD] = "wrong password",
		[ZFM_NO_IMAGE] = "the module holds no picture",
		[0x18] = "the module's flash memory failed",
		[0x1a] = "no such register",
		[ZFM_WRONG_ADDRESS] = "wrong address",
		[ZFM_NOT_VERIFIED] = "the password must be given first",
	};

	if (code >= sizeof(texts) / sizeof(texts[0]) || texts[code] == NULL)
		return "unknown code";
	return texts[code];
}
