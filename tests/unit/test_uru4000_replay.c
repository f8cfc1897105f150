/*
 * Replays recordings of real readers to the driver: each transfer that the recorded host started
 * must be started by ours, in the same order with the same bytes, and the picture must be the
 * published one. The recordings are not part of the project: DATA_USB names their folder.
 */
#include "bio/usb/uru4000.h"

#include "base/crypto.h"
#include "bio/usb/uru4000_image.h"
#include "usb/mock_port.h"

#include "unit.h"

#include <unistd.h>

#define FILE_BYTES_MAX (1u << 20)
#define PCAPNG_ENHANCED_PACKET 6u
#define USBMON_HEADER_BYTES 64u
#define SUBMITTED 'S'
#define COMPLETED 'C'
/* The seed of the recorded host, whose generator was set to a constant. */
#define RECORDED_SEED 0x51ea2124u

enum recorded_kind { RECORDED_INTERRUPT = 1, RECORDED_CONTROL = 2, RECORDED_BULK = 3 };

struct recording {
	const char *folder;
	uint16_t vendor, product;
	unsigned events; /* that belong to the driver */
	bool rotated;
	const char *raster_sha256;
};
static const struct recording recordings[] = {
	{ "uru4000-4500", 0x05ba, 0x000a, 36, true,
	  "84da9a2776f8ca1a51fac72da3d6cf8ed2d61c4d1f599df8b057e6fd8684a0f1" },
	{ "uru4000-msv2", 0x045e, 0x00ca, 40, false,
	  "eaba724adf0db02e73c04605cd61bad1262567722cabd849f023e08b996c98ae" },
};

struct event {
	char type;
	uint8_t kind, endpoint;
	int32_t status;
	uint32_t bytes, captured;
	const uint8_t *setup, *data;
};

static struct mock_port m;
static unsigned checked[USB_PIPES]; /* recorded submissions that ours have matched */

static uint32_t
le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static const char *
data_path(char *buf, size_t bytes, const char *folder, const char *file)
{
	const char *data = getenv("DATA_USB"), *src = getenv("SRCDIR");
	int n;

	if (data != NULL)
		n = snprintf(buf, bytes, "%s/%s/%s", data, folder, file);
	else
		n = snprintf(buf, bytes, "%s/../shared/data/usb/%s/%s",
			     src == NULL ? "." : src, folder, file);
	if (n < 0 || (size_t)n >= bytes)
		abort(); /* also called outside of tests, where nothing can be asserted */
	return buf;
}

static uint8_t *
load(const char *folder, const char *file, size_t *ret_bytes)
{
	char path[1024];
	uint8_t *p = malloc(FILE_BYTES_MAX);
	FILE *f = fopen(data_path(path, sizeof(path), folder, file), "rbe");

	ck_assert_ptr_nonnull(p);
	ck_assert_msg(f != NULL, "%s cannot be read", path);
	*ret_bytes = fread(p, 1, FILE_BYTES_MAX, f);
	(void)fclose(f); /* read only */
	return p;
}

/* The next packet of a pcapng file of usbmon's; false at its end. */
static bool
next_event(const uint8_t *file, size_t bytes, size_t *at, struct event *e)
{
	while (bytes - *at >= 12) {
		const uint8_t *block = file + *at, *p = block + 28;
		uint32_t length = le32(block + 4);

		ck_assert(length >= 12 && length % 4 == 0 && length <= bytes - *at);
		*at += length;
		if (le32(block) != PCAPNG_ENHANCED_PACKET)
			continue;
		ck_assert_uint_ge(length, 28 + USBMON_HEADER_BYTES);
		*e = (struct event){ .type = (char)p[8],
				     .kind = p[9],
				     .endpoint = p[10],
				     .status = (int32_t)le32(p + 28),
				     .bytes = le32(p + 32),
				     .captured = le32(p + 36),
				     .setup = p + 40,
				     .data = p + USBMON_HEADER_BYTES };
		ck_assert_uint_le(e->captured, length - 28 - USBMON_HEADER_BYTES);
		return true;
	}
	return false;
}

static enum usb_pipe
pipe_of(const struct event *e)
{
	return e->kind == RECORDED_CONTROL ? USB_CONTROL
	       : e->kind == RECORDED_BULK  ? USB_BULK
					   : USB_INTERRUPT;
}

/* What was submitted then has been started by ours, at the latest after a pause. */
static void
check_submitted(const struct event *e)
{
	enum usb_pipe p = pipe_of(e);
	const struct mock_transfer *t = &m.pipe[p];

	if (m.started[p] == checked[p] && m.timer_set)
		mock_fire(&m);
	ck_assert_uint_eq(m.started[p], ++checked[p]);
	ck_assert(t->busy);
	ck_assert_uint_eq(t->bytes, e->bytes);
	if (p == USB_CONTROL) {
		ck_assert_uint_eq(t->q.type, e->setup[0]);
		ck_assert_uint_eq(t->q.request, e->setup[1]);
		ck_assert_uint_eq(t->q.value, e->setup[2] | (unsigned)e->setup[3] << 8);
		ck_assert_uint_eq(e->setup[4] | (unsigned)e->setup[5] << 8, 0);
		ck_assert_uint_eq(t->bytes, e->setup[6] | (unsigned)e->setup[7] << 8);
		if ((e->setup[0] & 0x80) == 0)
			ck_assert_mem_eq(t->data, e->data, e->captured);
	} else {
		ck_assert_uint_eq(e->endpoint, p == USB_BULK
						       ? uru4000_driver.bulk_in
						       : uru4000_driver.interrupt_in);
	}
}

static void
complete(const struct event *e)
{
	enum usb_pipe p = pipe_of(e);
	bool out = (e->endpoint & 0x80) == 0;

	ck_assert(m.pipe[p].busy);
	if (e->status == -ENOENT) {
		ck_assert(m.pipe[p].cancelled);
		mock_end(&m, p, USB_CANCELLED, NULL, 0);
		return;
	}
	ck_assert_int_eq(e->status, 0);
	ck_assert(out || e->captured == e->bytes);
	mock_end(&m, p, USB_DONE, out ? NULL : e->data, e->bytes);
}

/* Feeds the whole file; the events that concern the driver. */
static unsigned
replay(const struct recording *r, const struct usb_device_options *o)
{
	size_t bytes, at = 0;
	uint8_t *file = load(r->folder, "capture.pcapng", &bytes);
	unsigned events = 0;
	struct event e;

	memset(&m, 0, sizeof(m));
	memset(checked, 0, sizeof(checked));
	m.seed = RECORDED_SEED;
	m.stop_when_lifted = true;
	ck_assert_ptr_nonnull(mock_open(&m, &uru4000_driver, r->vendor, r->product, o));
	while (next_event(file, bytes, &at, &e)) {
		/* Before the driver, the recorded host read descriptors. */
		if (events == 0 && e.kind == RECORDED_CONTROL)
			continue;
		if (events++ == 0)
			uru4000_driver.start(m.device);
		if (e.type == SUBMITTED)
			check_submitted(&e);
		else
			complete(&e);
	}
	free(file);
	return events;
}

static void
check_end(const struct recording *r, unsigned events)
{
	ck_assert_uint_eq(events, r->events);
	ck_assert_uint_eq(m.ready, 1);
	ck_assert_uint_eq(m.samples, 1);
	ck_assert_uint_eq(m.lifted, 1);
	ck_assert_uint_eq(m.stopped, 1);
	ck_assert_uint_eq(m.broken + m.failed, 0);
	for (unsigned p = 0; p < USB_PIPES; p++) {
		ck_assert_uint_eq(m.started[p], checked[p]);
		ck_assert(!m.pipe[p].busy);
	}
	ck_assert_uint_eq(m.last->width, URU4000_COLUMNS);
	ck_assert_uint_eq(m.last->height, URU4000_ROWS);
}

static void
finish(void)
{
	m.device = uru4000_driver.free(m.device);
	m.last = sample_free(m.last);
}

START_TEST(the_recording_replays_to_the_last_event)
{
	const struct recording *r = &recordings[_i];
	const struct usb_device_options o = { .invert = READER_NO,
					      .rotate = READER_NO,
					      .label = "replay" };
	uint8_t digest[CRYPTO_SHA256_BYTES];
	char hex[2 * CRYPTO_SHA256_BYTES + 1];
	size_t bytes, equal = 0;
	uint8_t *pgm;

	check_end(r, replay(r, &o));
	pgm = load(r->folder, "decoded.pgm", &bytes);
	ck_assert_uint_gt(bytes, URU4000_PIXELS_MAX);
	for (size_t i = 0; i < URU4000_PIXELS_MAX; i++)
		equal += pgm[bytes - URU4000_PIXELS_MAX + i] == m.last->grey[i];
	ck_assert_uint_eq(equal, 111360);
	ck_assert_int_eq(crypto_sha256(m.last->grey, URU4000_PIXELS_MAX, digest), 0);
	ck_assert_int_eq(hex_encode(hex, sizeof(hex), digest, sizeof(digest)), 0);
	ck_assert_str_eq(hex, r->raster_sha256);
	free(pgm);
	finish();
}
END_TEST

START_TEST(the_sample_is_the_published_picture)
{
	const struct recording *r = &recordings[_i];
	const struct usb_device_options o = { .label = "replay" };
	struct sample *png = NULL;
	size_t bytes, equal = 0;
	uint8_t *file;

	check_end(r, replay(r, &o));
	file = load(r->folder, "capture.png", &bytes);
	ck_assert_int_eq(sample_decode(file, bytes, 500, &png, NULL), 0);
	ck_assert_uint_eq(png->width, URU4000_COLUMNS);
	ck_assert_uint_eq(png->height, URU4000_ROWS);
	for (size_t i = 0; i < URU4000_PIXELS_MAX; i++)
		equal += png->grey[i] == m.last->grey[i];
	ck_assert_uint_eq(equal, 111360);
	sample_free(png);
	free(file);
	finish();
}
END_TEST

int
main(void)
{
	char path[1024];
	SRunner *r;
	TCase *c;
	Suite *s;
	int failed;

	for (size_t i = 0; i < sizeof(recordings) / sizeof(recordings[0]); i++)
		if (access(data_path(path, sizeof(path), recordings[i].folder,
				     "capture.pcapng"),
			   R_OK) != 0) {
			printf("skipped: no recording %s; set DATA_USB\n", path);
			return 77;
		}
	s = suite_create("uru4000_replay");
	c = tcase_create("uru4000_replay");
	tcase_add_loop_test(c, the_recording_replays_to_the_last_event, 0, 2);
	tcase_add_loop_test(c, the_sample_is_the_published_picture, 0, 2);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
