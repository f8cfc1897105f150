#ifndef LANED_TESTS_SERIAL_ZFM_MODULE_H
#define LANED_TESTS_SERIAL_ZFM_MODULE_H

/*
 * A test peer: a ZFM-20/R30x/R503 module written from the protocol's description alone, sharing no
 * code with the driver, and with faults that a real one has only now and then. Bytes go in and come
 * out; a test carries them, over a port in virtual time or over a pseudo-terminal. In a header, since
 * unit tests and fuzz targets are linked from different things.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MODULE_PIXELS_MAX (256u * 288u)
#define MODULE_OUT_BYTES_MAX (1u << 18)
#define MODULE_NEVER UINT64_MAX
#define MODULE_CODES 16u

struct zfm_module {
	/* What it is. */
	uint32_t address, password, baud;
	uint32_t width, height, bits;
	unsigned packet_code; /* 0..3: 32 to 256 bytes of data */
	uint16_t system_id;
	bool wants_password; /* refuses everything before VfyPwd with 21 */
	bool tells_address;  /* answers 20 to another address; else it is silent */
	bool rate_sticks;    /* says yes to another rate and keeps the old one */
	/* What happens to it. */
	bool finger;
	bool dead; /* takes everything and says nothing */
	/* Faults; each at an octet or a packet of all that it ever sends, MODULE_NEVER for none. */
	uint64_t silent_from;   /* octet */
	uint64_t corrupt_at;    /* octet */
	uint64_t lose_octet;    /* octet */
	uint64_t lose_packet;   /* packet, counted from 0 */
	uint64_t double_packet; /* packet */
	uint64_t wrong_sum;     /* packet */
	uint64_t wrong_length;  /* packet */
	int length_lie;         /* what is added to its length */
	bool no_last;         /* the last data packet is said to be one like the others */
	size_t picture_bytes; /* sends so many instead of the whole picture; 0: the whole */
	uint8_t codes
		[MODULE_CODES]; /* the next answers' codes instead of the right ones */
	size_t codes_count;
	uint8_t codes_for; /* the command they answer */
	/* Its state. */
	uint32_t line_baud; /* of the host; another one is noise */
	bool verified, image_held;
	uint8_t in[64];
	size_t in_used;
	uint64_t octets, packets; /* sent so far */
	unsigned takes, uploads, verifies, reads, rate_changes, garbage;
	size_t out_from, out_to;
	/* What a reset leaves alone. */
	uint8_t source[MODULE_PIXELS_MAX]; /* 8 bits a pixel */
	uint8_t packed[2 * MODULE_PIXELS_MAX];
	uint8_t out[MODULE_OUT_BYTES_MAX];
};

/* A picture of its own for each seed, with rows that resemble each other, as ridges do. */
static inline void
module_paint(struct zfm_module *m, unsigned seed)
{
	for (uint32_t y = 0; y < m->height; y++)
		for (uint32_t x = 0; x < m->width; x++) {
			unsigned ridge = (x * 3 + y / 2 + seed * 7) % 27;
			unsigned blob = (x / 32 + y / 40 + seed) % 4;

			m->source[(size_t)y * m->width + x] =
				(uint8_t)(ridge * 8 + blob * 11 + (x ^ y) % 3);
		}
}

/* A module of this size with nothing painted anew. */
static inline void
module_reset(struct zfm_module *m, uint32_t width, uint32_t height, uint32_t bits)
{
	memset(m, 0, offsetof(struct zfm_module, source));
	m->address = 0xffffffffu;
	m->baud = 57600;
	m->width = width;
	m->height = height;
	m->bits = bits;
	m->packet_code = 2;
	m->system_id = 9;
	m->wants_password = true;
	m->silent_from = m->corrupt_at = m->lose_octet = MODULE_NEVER;
	m->lose_packet = m->double_packet = m->wrong_sum = m->wrong_length = MODULE_NEVER;
	m->line_baud = 57600;
}

static inline void
module_init(struct zfm_module *m, uint32_t width, uint32_t height, uint32_t bits)
{
	module_reset(m, width, height, bits);
	module_paint(m, 1);
}

/* Takes power away and gives it back; what is in flash stays. */
static inline void
module_power_cycle(struct zfm_module *m)
{
	m->verified = m->image_held = false;
	m->in_used = 0;
	m->out_from = m->out_to = 0;
}

static inline void
module_octet(struct zfm_module *m, uint8_t octet)
{
	uint64_t n = m->octets++;

	if (n >= m->silent_from || n == m->lose_octet)
		return;
	if (n == m->corrupt_at)
		octet ^= 0x40;
	if (m->out_to == sizeof(m->out)) {
		memmove(m->out, m->out + m->out_from, m->out_to - m->out_from);
		m->out_to -= m->out_from;
		m->out_from = 0;
	}
	if (m->out_to == sizeof(m->out))
		abort(); /* the test never reads */
	m->out[m->out_to++] = octet;
}

static inline void
module_packet_once(struct zfm_module *m, uint8_t kind, const uint8_t *payload, size_t n)
{
	uint64_t number = m->packets++;
	unsigned length = (unsigned)n + 2, sum;

	if (number == m->lose_packet)
		return;
	if (number == m->wrong_length)
		length += (unsigned)m->length_lie;
	sum = kind + (length >> 8 & 255) + (length & 255);
	module_octet(m, 0xef);
	module_octet(m, 0x01);
	for (unsigned shift = 32; shift > 0; shift -= 8)
		module_octet(m, (uint8_t)(m->address >> (shift - 8)));
	module_octet(m, kind);
	module_octet(m, (uint8_t)(length >> 8));
	module_octet(m, (uint8_t)length);
	for (size_t i = 0; i < n; i++) {
		sum += payload[i];
		module_octet(m, payload[i]);
	}
	if (number == m->wrong_sum)
		sum++;
	module_octet(m, (uint8_t)(sum >> 8));
	module_octet(m, (uint8_t)sum);
}

static inline void
module_packet(struct zfm_module *m, uint8_t kind, const uint8_t *payload, size_t n)
{
	bool twice = m->packets == m->double_packet;

	module_packet_once(m, kind, payload, n);
	if (twice)
		module_packet_once(m, kind, payload, n);
}

static inline void
module_answer(struct zfm_module *m, uint8_t code)
{
	module_packet(m, 7, &code, 1);
}

/* The picture as it goes over the line. */
static inline size_t
module_pack(struct zfm_module *m)
{
	size_t n = (size_t)m->width * m->height;
	uint8_t *packed = m->packed;

	if (m->bits == 8) {
		memcpy(packed, m->source, n);
		return n;
	}
	for (size_t i = 0; i < n / 2; i++)
		packed[i] = (uint8_t)((m->source[2 * i] & 0xf0) |
				      (m->source[2 * i + 1] >> 4));
	return n / 2;
}

/* What the driver has to make of pixel i. */
static inline uint8_t
module_expected(const struct zfm_module *m, size_t i)
{
	return m->bits == 8 ? m->source[i] : (uint8_t)((m->source[i] >> 4) * 17);
}

static inline void
module_send_picture(struct zfm_module *m)
{
	size_t chunk = (size_t)32 << m->packet_code, n = module_pack(m);

	if (m->picture_bytes != 0)
		n = m->picture_bytes;
	for (size_t at = 0; at < n; at += chunk) {
		bool last = at + chunk >= n;

		module_packet(m, last && !m->no_last ? 8 : 2, m->packed + at,
			      last ? n - at : chunk);
	}
}

static inline void
module_parameters(struct zfm_module *m)
{
	uint8_t p[17] = { 0 };

	m->reads++;
	p[3] = (uint8_t)(m->system_id >> 8);
	p[4] = (uint8_t)m->system_id;
	p[6] = 200; /* capacity */
	p[8] = 3;   /* security */
	for (unsigned i = 0; i < 4; i++)
		p[9 + i] = (uint8_t)(m->address >> (24 - 8 * i));
	p[14] = (uint8_t)m->packet_code;
	p[16] = (uint8_t)(m->baud / 9600);
	module_packet(m, 7, p, sizeof(p));
}

static inline void
module_set_parameter(struct zfm_module *m, uint8_t number, uint8_t value)
{
	if (number != 4 || value < 1 || value > 12) {
		module_answer(m, 0x1a);
		return;
	}
	module_answer(m, 0);
	m->rate_changes++;
	if (!m->rate_sticks)
		m->baud = 9600u * value;
}

static inline void
module_verify(struct zfm_module *m, const uint8_t *p)
{
	uint32_t password =
		(uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];

	m->verifies++;
	m->verified = password == m->password;
	module_answer(m, m->verified ? 0 : 0x13);
}

static inline void
module_command(struct zfm_module *m, const uint8_t *p, size_t n)
{
	uint8_t code = 0;
	bool forced = m->codes_count > 0 && p[0] == m->codes_for;

	if (forced) {
		code = m->codes[0];
		memmove(m->codes, m->codes + 1, --m->codes_count);
	}
	if (forced && code != 0) {
		module_answer(m, code);
	} else if (p[0] == 0x13 && n == 5) {
		module_verify(m, p);
	} else if (m->wants_password && !m->verified) {
		module_answer(m, 0x21);
	} else if (p[0] == 0x0f && n == 1) {
		module_parameters(m);
	} else if (p[0] == 0x01 && n == 1) {
		m->takes++;
		m->image_held = m->finger || m->image_held;
		module_answer(m, m->finger ? 0 : 2);
	} else if (p[0] == 0x0a && n == 1) {
		m->uploads++;
		module_answer(m, m->image_held ? 0 : 0x15);
		if (m->image_held)
			module_send_picture(m);
	} else if (p[0] == 0x0e && n == 3) {
		module_set_parameter(m, p[1], p[2]);
	} else {
		module_answer(m, 1);
	}
}

/* Whole commands in what has arrived; false when more has to come. */
static inline bool
module_parse(struct zfm_module *m)
{
	const uint8_t *b = m->in;
	unsigned length, sum = 0;
	size_t skip = 0;

	while (skip < m->in_used &&
	       !(b[skip] == 0xef && (skip + 1 == m->in_used || b[skip + 1] == 0x01)))
		skip++;
	m->garbage += skip > 0;
	m->in_used -= skip;
	memmove(m->in, m->in + skip, m->in_used);
	if (m->in_used < 9)
		return false;
	length = (unsigned)b[7] << 8 | b[8];
	if (length < 3 || length + 9 > sizeof(m->in)) {
		m->in_used = 0;
		return false;
	}
	if (m->in_used < length + 9)
		return false;
	for (unsigned i = 6; i < length + 7; i++)
		sum += b[i];
	if ((sum & 0xffff) != ((unsigned)b[length + 7] << 8 | b[length + 8])) {
		module_answer(m, 1);
	} else if (((uint32_t)b[2] << 24 | (uint32_t)b[3] << 16 | (uint32_t)b[4] << 8 |
		    b[5]) != m->address) {
		if (m->tells_address)
			module_answer(m, 0x20);
	} else if (b[6] == 1) {
		module_command(m, b + 9, length - 2);
	}
	m->in_used -= length + 9;
	memmove(m->in, m->in + length + 9, m->in_used);
	return true;
}

/* Bytes from the host. */
static inline void
module_input(struct zfm_module *m, const uint8_t *bytes, size_t n)
{
	if (m->dead || m->line_baud != m->baud)
		return;
	for (size_t i = 0; i < n; i++) {
		if (m->in_used == sizeof(m->in))
			m->in_used = 0;
		m->in[m->in_used++] = bytes[i];
		while (module_parse(m))
			;
	}
}

/* Up to n bytes for the host; gives how many. */
static inline size_t
module_output(struct zfm_module *m, uint8_t *bytes, size_t n)
{
	if (n > m->out_to - m->out_from)
		n = m->out_to - m->out_from;
	memcpy(bytes, m->out + m->out_from, n);
	m->out_from += n;
	if (m->out_from == m->out_to)
		m->out_from = m->out_to = 0;
	return n;
}

#endif
