#ifndef LANED_BIO_SERIAL_ZFM_PACKET_H
#define LANED_BIO_SERIAL_ZFM_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Packets of ZFM-20, R30x and R503 sensor modules; all numbers in them are big-endian. */
enum zfm_kind { ZFM_COMMAND = 1, ZFM_DATA = 2, ZFM_ANSWER = 7, ZFM_LAST_DATA = 8 };

#define ZFM_HEADER_BYTES 9u /* start, address, kind, length */
#define ZFM_FRAME_BYTES (ZFM_HEADER_BYTES + 2u)
#define ZFM_PAYLOAD_BYTES_MAX 256u
#define ZFM_PACKET_BYTES_MAX (ZFM_FRAME_BYTES + ZFM_PAYLOAD_BYTES_MAX)

struct zfm_packet {
	uint32_t address;
	enum zfm_kind kind;
	const uint8_t *payload; /* borrowed from the decoder until its next call */
	size_t bytes;
};

/* Writes the packet and gives its length. 1 to ZFM_PAYLOAD_BYTES_MAX bytes of payload. */
size_t zfm_packet_write(uint8_t out[ZFM_PACKET_BYTES_MAX], const struct zfm_packet *p);

/*
 * Finds packets in a stream of bytes. It holds parts of pictures, so it belongs into locked
 * memory. All zero is a fresh one.
 */
struct zfm_decoder {
	size_t used, given;   /* given: the packet handed out, dropped by the next call */
	uint64_t bad_packets; /* wrong checksum, kind or length */
	uint64_t noise_bytes; /* outside of packets */
	uint8_t bytes[ZFM_PACKET_BYTES_MAX];
};

/*
 * Takes some of the n > 0 bytes, as many as there is room for, and gives how many: at least one when
 * zfm_decoder_next has said false before.
 */
size_t zfm_decoder_feed(struct zfm_decoder *d, const uint8_t *bytes, size_t n);
/* The next whole packet, if there is one. What is no packet is passed over. */
bool zfm_decoder_next(struct zfm_decoder *d, struct zfm_packet *ret_packet);
/*
 * The rest of the packet that has begun does not come: passes over its start, so that one that
 * begins within it is found. False when nothing was waiting.
 */
bool zfm_decoder_give_up(struct zfm_decoder *d);
/* Forgets and zeroises what has arrived; the counters stay. */
void zfm_decoder_reset(struct zfm_decoder *d);

/* Confirmation codes: the first byte of an answer. */
enum zfm_code {
	ZFM_OK = 0x00,
	ZFM_PACKET_ERROR = 0x01,
	ZFM_NO_FINGER = 0x02,
	ZFM_NOT_TAKEN = 0x03,
	ZFM_NO_UPLOAD = 0x0f,
	ZFM_WRONG_PASSWORD = 0x13,
	ZFM_NO_IMAGE = 0x15,
	ZFM_WRONG_ADDRESS = 0x20,
	ZFM_NOT_VERIFIED = 0x21
};
/* What it means; "unknown code" for what no manual names. Static text. */
const char *zfm_code_text(uint8_t code);

#endif
