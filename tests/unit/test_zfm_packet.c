/* The packets of ZFM modules and their pictures' geometry, without a conversation. */
#include "bio/serial/zfm_image.h"
#include "bio/serial/zfm_packet.h"

#include "synth/synth.h"
#include "unit.h"

/* VfyPwd with password 0 as the manuals print it, and the shortest acknowledge. */
static const uint8_t verify[] = { 0xef, 0x01, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00,
				  0x07, 0x13, 0x00, 0x00, 0x00, 0x00, 0x00, 0x1b };
static const uint8_t done[] = { 0xef, 0x01, 0xff, 0xff, 0xff, 0xff,
				0x07, 0x00, 0x03, 0x00, 0x00, 0x0a };

/* Everything at once; what does not fit is fed after what is found. */
static unsigned
decode_all(struct zfm_decoder *d, const uint8_t *bytes, size_t n, size_t cut)
{
	struct zfm_packet p;
	unsigned found = 0;

	while (n > 0) {
		size_t k = zfm_decoder_feed(d, bytes, n < cut ? n : cut);

		ck_assert_uint_gt(k, 0);
		bytes += k;
		n -= k;
		while (zfm_decoder_next(d, &p)) {
			ck_assert_uint_le(p.bytes, ZFM_PAYLOAD_BYTES_MAX);
			found++;
		}
	}
	return found;
}

START_TEST(writes_the_command_of_the_manual)
{
	const uint8_t payload[] = { 0x13, 0, 0, 0, 0 };
	const struct zfm_packet p = { 0xffffffffu, ZFM_COMMAND, payload,
				      sizeof(payload) };
	uint8_t out[ZFM_PACKET_BYTES_MAX];

	ck_assert_uint_eq(zfm_packet_write(out, &p), sizeof(verify));
	ck_assert_mem_eq(out, verify, sizeof(verify));
}
END_TEST

START_TEST(reads_what_it_wrote_at_every_length_and_cut)
{
	static struct zfm_decoder d;
	uint8_t payload[ZFM_PAYLOAD_BYTES_MAX], out[ZFM_PACKET_BYTES_MAX];
	struct zfm_packet p;

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 37 + 0xef);
	for (size_t n = 1; n <= sizeof(payload); n++) {
		const struct zfm_packet w = { 0x12345678u, ZFM_DATA, payload, n };
		size_t bytes = zfm_packet_write(out, &w);

		for (size_t at = 0; at < bytes; at++) {
			ck_assert(!zfm_decoder_next(&d, &p));
			ck_assert_uint_eq(zfm_decoder_feed(&d, out + at, 1), 1);
		}
		ck_assert(zfm_decoder_next(&d, &p));
		ck_assert_uint_eq(p.address, 0x12345678u);
		ck_assert_int_eq(p.kind, ZFM_DATA);
		ck_assert_uint_eq(p.bytes, n);
		ck_assert_mem_eq(p.payload, payload, n);
		ck_assert(!zfm_decoder_next(&d, &p));
	}
	ck_assert_uint_eq(d.bad_packets + d.noise_bytes, 0);
}
END_TEST

START_TEST(finds_packets_between_noise)
{
	static const uint8_t noise[] = { 0x55, 0x00, 0xef, 0xef, 0x02, 0x01, 0xef };
	uint8_t stream[8 * (sizeof(noise) + sizeof(done))];
	size_t n = 0;

	for (unsigned i = 0; i < 8; i++) {
		memcpy(stream + n, noise, i % sizeof(noise));
		n += i % sizeof(noise);
		memcpy(stream + n, done, sizeof(done));
		n += sizeof(done);
	}
	for (size_t cut = 1; cut <= n; cut++) {
		struct zfm_decoder d = { 0 };

		ck_assert_uint_eq(decode_all(&d, stream, n, cut), 8);
		ck_assert_uint_eq(d.noise_bytes, n - 8 * sizeof(done));
		ck_assert_uint_eq(d.bad_packets, 0);
	}
}
END_TEST

START_TEST(every_single_wrong_bit_is_noticed)
{
	for (size_t bit = 0; bit < 8 * sizeof(done); bit++) {
		struct zfm_decoder d = { 0 };
		uint8_t bad[sizeof(done)];
		struct zfm_packet p;

		memcpy(bad, done, sizeof(bad));
		bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_uint_eq(zfm_decoder_feed(&d, bad, sizeof(bad)), sizeof(bad));
		/* The address is not summed up: it shows when it is compared. */
		if (zfm_decoder_next(&d, &p))
			ck_assert_uint_ne(p.address, 0xffffffffu);
		/* Given up in the end, the line is clear for the next. */
		while (zfm_decoder_give_up(&d))
			(void)zfm_decoder_next(&d, &p); /* the one above, or none */
		ck_assert_uint_eq(decode_all(&d, done, sizeof(done), 64), 1);
	}
}
END_TEST

START_TEST(a_lying_length_hides_no_packet_behind_it)
{
	for (unsigned length = 0; length <= 0xffff; length += length < 300 ? 1 : 251) {
		struct zfm_decoder d = { 0 };
		uint8_t stream[3 * sizeof(done)];
		unsigned found;
		struct zfm_packet p;

		for (size_t i = 0; i < 3; i++)
			memcpy(stream + i * sizeof(done), done, sizeof(done));
		stream[7] = (uint8_t)(length >> 8);
		stream[8] = (uint8_t)length;
		found = decode_all(&d, stream, sizeof(stream), sizeof(stream));
		while (zfm_decoder_give_up(&d))
			while (zfm_decoder_next(&d, &p))
				found++;
		ck_assert_uint_eq(found, length == 3 ? 3 : 2);
	}
}
END_TEST

START_TEST(random_bytes_are_bounded_and_never_stick)
{
	static struct zfm_decoder d;
	uint8_t bytes[997];
	uint32_t r = 1;

	for (unsigned round = 0; round < 300; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			r = r * 1664525u + 1013904223u;
			bytes[i] = r >> 24 < 64    ? 0xef
				   : r >> 24 < 128 ? 1
						   : (uint8_t)(r >> 8);
		}
		(void)decode_all(&d, bytes, sizeof(bytes), 1 + round * 7 % 900);
		ck_assert_uint_le(d.used, ZFM_PACKET_BYTES_MAX);
	}
	zfm_decoder_reset(&d);
	ck_assert_uint_eq(d.used, 0);
	ck_assert_uint_eq(decode_all(&d, done, sizeof(done), 5), 1);
}
END_TEST

START_TEST(every_code_has_a_text)
{
	for (unsigned code = 0; code < 256; code++)
		ck_assert_ptr_nonnull(zfm_code_text((uint8_t)code));
	ck_assert_str_eq(zfm_code_text(0x13), "wrong password");
	ck_assert_str_eq(zfm_code_text(0x20), "wrong address");
	ck_assert_str_eq(zfm_code_text(0x14), "unknown code");
	ck_assert_str_eq(zfm_code_text(0xff), "unknown code");
}
END_TEST

START_TEST(only_known_sizes_are_pictures)
{
	uint8_t *data = calloc(1, ZFM_IMAGE_BYTES_MAX);
	unsigned known = 0;

	ck_assert_ptr_nonnull(data);
	for (size_t n = 0; n <= ZFM_IMAGE_BYTES_MAX; n++)
		known += zfm_image_geometry(data, n) != NULL;
	ck_assert_uint_eq(known, 5); /* six geometries, two of one size */
	free(data);
}
END_TEST

/* 36 864 bytes are 256 x 288 at 4 bits or 192 x 192 at 8: the ridges tell. */
START_TEST(fingers_of_the_ambiguous_size_are_told_apart)
{
	const struct synth_options large = { 256, 288, 60, 1 },
				   small = { 192, 192, 60, 1 };
	uint8_t *grey = calloc(1, 256 * 288), *wire = calloc(1, 256 * 288);
	const struct zfm_geometry *g;

	ck_assert(grey != NULL && wire != NULL);
	for (uint64_t seed = 0; seed < 8; seed++) {
		ck_assert_int_eq(synth_image(seed, 1, &large, grey), 0);
		for (size_t i = 0; i < 256 * 288 / 2; i++)
			wire[i] = (uint8_t)((grey[2 * i] & 0xf0) | grey[2 * i + 1] >> 4);
		g = zfm_image_geometry(wire, 256 * 288 / 2);
		ck_assert_uint_eq(g->bits, 4);
		ck_assert_uint_eq(g->width, 256);
		ck_assert_int_eq(synth_image(seed, 1, &small, grey), 0);
		g = zfm_image_geometry(grey, 192 * 192);
		ck_assert_uint_eq(g->bits, 8);
		ck_assert_uint_eq(g->width, 192);
	}
	free(grey);
	free(wire);
}
END_TEST

UNIT_MAIN("zfm_packet", writes_the_command_of_the_manual,
	  reads_what_it_wrote_at_every_length_and_cut, finds_packets_between_noise,
	  every_single_wrong_bit_is_noticed, a_lying_length_hides_no_packet_behind_it,
	  random_bytes_are_bounded_and_never_stick, every_code_has_a_text,
	  only_known_sizes_are_pictures, fingers_of_the_ambiguous_size_are_told_apart)
