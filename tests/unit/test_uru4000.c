/* The driver of the U.are.U 4000 family against a model of the reader and a port of our own. */
#include "bio/usb/uru4000.h"

#include "bio/usb/uru4000_answer.h"
#include "usb/uru4000_model.h"

#include "unit.h"

#include <openssl/evp.h>

static const struct usb_device_options defaults = { .label = "uru4000 1-4" };
static const uint8_t usual_blocks[8][2] = { { 2, 72 }, { 0, 1 },  { 2, 49 }, { 1, 1 },
					    { 0, 1 },  { 2, 49 }, { 0, 1 },  { 2, 116 } };
static struct uru4000_model d;

static bool
aes_by_openssl(const uint8_t key[16], const uint8_t in[16], uint8_t out[32])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0;
	bool ok =
		c != NULL && EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, key, NULL) &&
		EVP_CIPHER_CTX_set_padding(c, 0) && EVP_EncryptUpdate(c, out, &n, in, 16);

	EVP_CIPHER_CTX_free(c);
	return ok && n == 16;
}

static bool
answer_ok(const uint8_t challenge[16], const uint8_t answer[16])
{
	static const uint8_t key[16] = { 0x79, 0xac, 0x91, 0x79, 0x5c, 0xa1, 0x47, 0x8e,
					 0x98, 0xe0, 0x0f, 0x3c, 0x59, 0x8f, 0x5f, 0x4b };
	uint8_t out[32];

	return aes_by_openssl(key, challenge, out) && memcmp(out, answer, 16) == 0;
}

static void
attach(uint16_t vendor, uint16_t product, const struct usb_device_options *o)
{
	memset(&d, 0, sizeof(d));
	d.status = 0x03;
	d.mode = 0x70;
	d.answer_ok = answer_ok;
	d.wants_answer = product == 0x00ca;
	d.m.seed = 0x51ea2124;
	memcpy(d.blocks, usual_blocks, sizeof(usual_blocks));
	model_paint(&d, 1);
	ck_assert_ptr_nonnull(mock_open(&d.m, &uru4000_driver, vendor, product, o));
	d.m.driver->start(d.m.device);
}

static void
attach_4500(void)
{
	attach(0x05ba, 0x000a, &defaults);
}

/* One presentation from finger on to finger off. */
static void
present(void)
{
	model_finger(&d, true);
	ck_assert(model_run(&d));
	model_finger(&d, false);
	ck_assert(model_run(&d));
}

static void
detach(void)
{
	ck_assert(mock_close(&d.m));
}

/* The last sample, turned and inverted back, is what the model says can be known. */
static void
check_sample(bool invert, bool rotate)
{
	size_t n = URU4000_PIXELS_MAX, wrong = 0;

	ck_assert_ptr_nonnull(d.m.last);
	ck_assert_uint_eq(d.m.last->width, 384);
	ck_assert_uint_eq(d.m.last->height, 290);
	for (size_t i = 0; i < n; i++) {
		uint8_t p = d.m.last->grey[rotate ? n - 1 - i : i];

		wrong += (invert ? (uint8_t)(255 - p) : p) != d.expected[i];
	}
	ck_assert_uint_eq(wrong, 0);
}

START_TEST(captures_one_presentation)
{
	attach_4500();
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.ready, 1);
	ck_assert_uint_eq(d.m.touched, 0);
	ck_assert_uint_eq(d.mode, 0x10);
	present();
	ck_assert_uint_eq(d.m.touched, 1);
	ck_assert_uint_eq(d.m.samples, 1);
	ck_assert_uint_eq(d.m.lifted, 1);
	ck_assert_uint_eq(d.m.failed + d.m.broken, 0);
	check_sample(true, true);
	ck_assert_uint_eq(d.m.last->dpi, 500);
	ck_assert_str_eq(d.m.last->device, "uru4000 1-4");
	ck_assert_uint_eq(d.mode, 0x10);
	present();
	ck_assert_uint_eq(d.m.samples, 2);
	detach();
	ck_assert_uint_eq(
		d.mode, 0x10); /* nobody ran the model: the write was only acknowledged */
}
END_TEST

START_TEST(switches_the_sensor_off_when_stopped)
{
	attach_4500();
	ck_assert(model_run(&d));
	d.m.driver->stop(d.m.device);
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.mode, 0x70);
	ck_assert_uint_eq(d.m.stopped, 1);
	ck_assert(!d.m.pipe[USB_INTERRUPT].busy);
	d.m.device = d.m.driver->free(d.m.device);
}
END_TEST

START_TEST(the_later_microsoft_reader_gets_its_answer)
{
	attach(0x045e, 0x00ca, &defaults);
	ck_assert(model_run(&d));
	ck_assert(d.answered);
	ck_assert_uint_eq(d.m.ready, 1);
	present();
	check_sample(true, false);
	detach();
}
END_TEST

START_TEST(every_id_of_the_table_has_its_quirks)
{
	static const struct {
		uint16_t vendor, product;
		bool rotate, answer;
	} ids[] = {
		{ 0x045e, 0x00bb, false, false }, { 0x045e, 0x00bc, false, false },
		{ 0x045e, 0x00bd, false, false }, { 0x045e, 0x00ca, false, true },
		{ 0x05ba, 0x0007, false, false }, { 0x05ba, 0x0008, false, false },
		{ 0x05ba, 0x000a, true, false },
	};

	ck_assert_uint_eq(uru4000_driver.models_count, sizeof(ids) / sizeof(ids[0]));
	attach(ids[_i].vendor, ids[_i].product, &defaults);
	d.wants_answer = ids[_i].answer;
	ck_assert(model_run(&d));
	present();
	ck_assert(d.answered == ids[_i].answer);
	check_sample(true, ids[_i].rotate);
	detach();
}
END_TEST

START_TEST(settings_win_over_the_table)
{
	static const struct {
		enum reader_setting invert, rotate;
		bool inverted, rotated;
	} t[] = {
		{ READER_NO, READER_NO, false, false },
		{ READER_NO, READER_YES, false, true },
		{ READER_YES, READER_NO, true, false },
		{ READER_DEFAULT, READER_DEFAULT, true, true },
	};
	struct usb_device_options o = defaults;

	o.invert = t[_i].invert;
	o.rotate = t[_i].rotate;
	o.dpi = 512;
	attach(0x05ba, 0x000a, &o);
	ck_assert(model_run(&d));
	present();
	check_sample(t[_i].inverted, t[_i].rotated);
	ck_assert_uint_eq(d.m.last->dpi, 512);
	detach();
}
END_TEST

START_TEST(an_impossible_resolution_is_refused)
{
	struct usb_device_options o = defaults;
	struct mock_port m = { 0 };

	o.dpi = SAMPLE_DPI_MIN - 1;
	ck_assert_ptr_null(mock_open(&m, &uru4000_driver, 0x05ba, 0x000a, &o));
	o.dpi = SAMPLE_DPI_MAX + 1;
	ck_assert_ptr_null(mock_open(&m, &uru4000_driver, 0x05ba, 0x000a, &o));
}
END_TEST

static const uint8_t layouts[][9][2] = {
	{ { 0, 100 }, { 0, 100 }, { 1, 1 }, { 0, 89 } },                    /* clear */
	{ { 0x02, 100 }, { 0x82, 100 }, { 1, 1 }, { 0, 1 }, { 0x82, 88 } }, /* new keys */
	{ { 2, 72 },
	  { 0x82, 100 },
	  { 4, 10 },
	  { 6, 5 },
	  { 1, 1 },
	  { 0x82, 52 },
	  { 2, 50 } },
	{ { 0, 40 }, { 2, 200 }, { 1, 1 }, { 2, 49 } }, /* clear first */
	{ { 2, 150 }, { 5, 1 }, { 2, 139 } },           /* key stands */
	{ { 0x81, 1 }, { 0x82, 250 }, { 0x82, 39 } },
};

START_TEST(every_block_list_is_decoded)
{
	attach_4500();
	memset(d.blocks, 0, sizeof(d.blocks));
	memcpy(d.blocks, layouts[_i], sizeof(layouts[_i]));
	d.key_index = 254; /* the indices wrap */
	ck_assert(model_run(&d));
	model_finger(&d, true);
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.samples, 1);
	check_sample(true, true);
	detach();
}
END_TEST

START_TEST(an_image_that_only_says_scrambled_is_taken_as_clear)
{
	struct uru4000_image im;
	const char *why = NULL;

	attach_4500();
	memset(d.blocks, 0, sizeof(d.blocks));
	memcpy(d.blocks, layouts[0], sizeof(layouts[0]));
	model_build(&d);
	for (size_t b = 0; b < 4; b++)
		d.wire[16 + 2 * b] |= 2;
	ck_assert_int_eq(uru4000_image_parse(d.wire, d.wire_bytes, &im, &why), 0);
	ck_assert_uint_eq(im.keys, 0);
	detach();
}
END_TEST

/* An exact copy on the heap, so that a sanitizer sees a read past what arrived. */
static int
parse_copy(const uint8_t *data, size_t n, const char **why)
{
	struct uru4000_image im = { 0 };
	uint8_t *copy = malloc(n + 1), *raster = calloc(1, URU4000_PIXELS_MAX);
	uint32_t keys[URU4000_BLOCKS_MAX + 1] = { 1 };
	int rc;

	ck_assert_ptr_nonnull(copy);
	ck_assert_ptr_nonnull(raster);
	memcpy(copy + 1, data, n);
	rc = uru4000_image_parse(copy + 1, n, &im, why);
	if (rc == 0)
		uru4000_image_decode(&im, keys, raster);
	free(raster);
	free(copy);
	return rc;
}

START_TEST(an_image_is_bounded_by_what_arrived)
{
	const char *why = NULL;
	size_t whole;

	attach_4500();
	model_build(&d);
	whole = d.wire_bytes;
	ck_assert_int_eq(parse_copy(d.wire, whole, &why), 0);
	ck_assert_int_eq(parse_copy(d.wire, sizeof(d.wire), &why), 0);
	for (size_t n = 0; n < whole; n += n < 70 || n + 70 > whole ? 1 : 70) {
		int rc;

		why = NULL;
		rc = parse_copy(d.wire, n, &why);
		if (n == 110976) /* exactly a picture without its header */
			continue;
		ck_assert_int_eq(rc, n < 64 ? -ENODATA : -EBADMSG);
		ck_assert_ptr_nonnull(why);
	}
	detach();
}
END_TEST

START_TEST(a_header_with_lies_is_refused)
{
	static const struct {
		uint8_t at, value;
	} lies[] = {
		{ 5, 0xff }, /* 65 313 rows */
		{ 4, 0x22 }, /* 290 */
		{ 17, 255 }, /* more rows in the list than sent */
		{ 23, 200 }, /* left-out rows beyond the picture */
		{ 5, 0 },    /* 33 rows only */
		{ 19, 0 },   /* the list ends after 72 rows */
		{ 22, 0 },   /* the row that is left out would be one too many */
	};
	const char *why = NULL;

	attach_4500();
	model_build(&d);
	d.wire[lies[_i].at] = lies[_i].value;
	ck_assert_int_eq(parse_copy(d.wire, d.wire_bytes, &why), -EBADMSG);
	ck_assert_ptr_nonnull(why);
	detach();
}
END_TEST

START_TEST(a_picture_without_header_or_list_is_clear)
{
	struct uru4000_image im;
	const char *why = NULL;
	uint8_t *raster = calloc(1, URU4000_PIXELS_MAX);

	attach_4500();
	ck_assert_ptr_nonnull(raster);
	ck_assert_int_eq(uru4000_image_parse(d.raster, 289 * 384, &im, &why), 0);
	ck_assert_uint_eq(im.rows, 289);
	ck_assert_uint_eq(im.keys, 0);
	uru4000_image_decode(&im, NULL, raster);
	ck_assert_mem_eq(raster, d.raster, 289 * 384);
	memset(d.wire, 0, 64);
	d.wire[4] = 0x21;
	d.wire[5] = 0x01;
	memcpy(d.wire + 64, d.raster, 289 * 384);
	ck_assert_int_eq(uru4000_image_parse(d.wire, 64 + 289 * 384, &im, &why), 0);
	memset(raster, 0, URU4000_PIXELS_MAX);
	uru4000_image_decode(&im, NULL, raster);
	ck_assert_mem_eq(raster, d.raster, 289 * 384);
	free(raster);
	detach();
}
END_TEST

START_TEST(empty_and_short_images_are_asked_for_again)
{
	attach_4500();
	ck_assert(model_run(&d));
	d.empty_images = (unsigned)_i & 1;
	d.short_images = (unsigned)_i >> 1;
	present();
	ck_assert_uint_eq(d.m.samples, 1);
	ck_assert_uint_eq(d.m.failed, 0);
	ck_assert_uint_eq(uru4000_driver.counters(d.m.device)->bad_images,
			  ((unsigned)_i & 1) + ((unsigned)_i >> 1));
	check_sample(true, true);
	detach();
}
END_TEST

START_TEST(a_presentation_without_image_is_told_and_the_next_one_works)
{
	attach_4500();
	ck_assert(model_run(&d));
	d.empty_images = URU4000_TRIES;
	present();
	ck_assert_uint_eq(d.m.samples, 0);
	ck_assert_uint_eq(d.m.failed, 1);
	ck_assert_str_eq(d.m.why, "image: empty");
	ck_assert_uint_eq(d.m.lifted, 1);
	present();
	ck_assert_uint_eq(d.m.samples, 1);
	detach();
}
END_TEST

START_TEST(many_presentations_without_image_break_the_reader)
{
	attach_4500();
	ck_assert(model_run(&d));
	d.short_images = 1000;
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(d.m.broken, 0);
		present();
	}
	ck_assert_uint_eq(d.m.failed, 5);
	ck_assert_uint_eq(d.m.broken, 1);
	ck_assert_uint_eq(d.m.gone, 0);
	detach();
}
END_TEST

START_TEST(an_image_that_never_ends_but_is_whole_counts)
{
	attach_4500();
	ck_assert(model_run(&d));
	model_finger(&d, true);
	while (!(d.mode == 0x20 && !d.m.pipe[USB_CONTROL].busy))
		ck_assert(model_step(&d));
	model_build(&d);
	d.mode = 0;
	mock_end(&d.m, USB_BULK, USB_TIMED_OUT, d.wire, d.wire_bytes);
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.samples, 1);
	check_sample(true, true);
	detach();
}
END_TEST

START_TEST(the_order_of_completions_does_not_matter)
{
	attach(0x045e, 0x00ca, &defaults);
	d.image_before_control = (_i & 1) != 0;
	d.message_before_control = (_i & 2) != 0;
	if ((_i & 4) != 0)
		model_finger(&d, true); /* already there at the start */
	ck_assert(model_run(&d));
	present();
	ck_assert_uint_eq(d.m.samples, 1);
	ck_assert_uint_eq(d.m.lifted, 1);
	check_sample(true, false);
	present();
	ck_assert_uint_eq(d.m.samples, 2);
	detach();
}
END_TEST

START_TEST(a_message_before_the_mode_is_acknowledged_counts)
{
	attach_4500();
	d.message_before_control = true;
	model_finger(&d, true);
	while (d.mode != 0x20)
		ck_assert(model_step(&d));
	d.finger = false; /* lifted while the picture is taken */
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.samples, 1);
	ck_assert_uint_eq(d.m.lifted, 1);
	ck_assert_uint_eq(d.mode, 0x10);
	detach();
}
END_TEST

START_TEST(more_frames_come_while_they_are_wanted)
{
	attach_4500();
	ck_assert(model_run(&d));
	d.m.frames_wanted = (unsigned)_i;
	present();
	ck_assert_uint_eq(d.m.touched, 1);
	ck_assert_uint_eq(d.m.samples, _i + 1 < (int)URU4000_FRAMES_MAX
					       ? (unsigned)_i + 1
					       : URU4000_FRAMES_MAX);
	ck_assert_uint_eq(d.m.lifted, 1);
	detach();
}
END_TEST

START_TEST(stale_and_doubled_messages_are_not_taken_for_new_ones)
{
	attach_4500();
	model_say(&d, 0x0101); /* of an earlier session */
	model_say(&d, 0x0200);
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.touched, 0);
	ck_assert_uint_eq(d.m.ready, 1);
	model_say(&d, 0x56aa); /* the second and third time */
	model_say(&d, 0x56aa);
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.ready, 1);
	model_finger(&d, true);
	model_say(&d, 0x0101);
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.samples, 1);
	model_finger(&d, false);
	model_say(&d, 0x0200);
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.lifted, 1);
	ck_assert_uint_eq(d.m.touched, 1);
	detach();
}
END_TEST

START_TEST(three_unexpected_messages_say_the_mode_again)
{
	attach_4500();
	ck_assert(model_run(&d));
	d.finger = true; /* its message was lost */
	for (unsigned i = 0; i < 2; i++)
		model_say(&d, 0x4711);
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.samples, 0);
	model_say(&d, 0x0200);
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.samples, 1);
	ck_assert_uint_ge(uru4000_driver.counters(d.m.device)->unexpected, 3);
	detach();
}
END_TEST

START_TEST(a_reader_that_only_chatters_is_given_up)
{
	attach_4500();
	for (unsigned i = 0; i < 1000 && d.m.broken == 0; i++) {
		model_say(&d, 0x4711);
		ck_assert(model_run(&d));
	}
	ck_assert_uint_eq(d.m.broken, 1);
	ck_assert_uint_eq(d.m.gone, 0);
	detach();
}
END_TEST

START_TEST(what_it_waits_for_is_said_again_after_a_while)
{
	unsigned before;

	attach_4500();
	ck_assert(model_run(&d));
	d.finger = true; /* silently */
	ck_assert(d.m.timer_set);
	ck_assert_uint_eq(d.m.timer_ms, 60000);
	mock_fire(&d.m);
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.samples, 1);
	before = d.m.started[USB_CONTROL];
	d.finger = false;
	ck_assert(d.m.timer_set);
	ck_assert_uint_eq(d.m.timer_ms, 5000);
	mock_fire(&d.m);
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.lifted, 1);
	ck_assert_uint_eq(d.m.started[USB_CONTROL], before + 2);
	detach();
}
END_TEST

START_TEST(a_bad_state_is_recovered_first)
{
	attach_4500();
	d.status = 0x85;
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.ready, 1);
	present();
	ck_assert_uint_eq(d.m.samples, 1);
	detach();
}
END_TEST

START_TEST(a_reader_that_never_gets_power_is_broken_in_the_end)
{
	attach(0x045e, 0x00ca, &defaults);
	if (_i == 0)
		d.no_power_message = true;
	else
		d.answer_ok = NULL; /* no answer pleases it */
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.ready, 0);
	ck_assert_uint_eq(d.m.broken, 1);
	ck_assert_uint_eq(d.m.gone, 0);
	detach();
}
END_TEST

/* How many transfers end in bring-up and one presentation. */
static unsigned
whole_conversation(uint16_t vendor, uint16_t product)
{
	unsigned n;

	attach(vendor, product, &defaults);
	ck_assert(model_run(&d));
	present();
	n = d.ended;
	ck_assert_uint_eq(d.m.samples, 1);
	detach();
	return n;
}

START_TEST(unplugging_at_every_transfer_ends_quietly)
{
	unsigned n = whole_conversation(0x045e, 0x00ca);

	ck_assert_uint_gt(n, 15);
	for (unsigned at = 1; at <= n; at++) {
		attach(0x045e, 0x00ca, &defaults);
		d.fault_at = at;
		d.fault = USB_GONE;
		(void)model_run(&d); /* the end is checked below */
		if (d.m.broken == 0) {
			model_finger(&d, true);
			(void)model_run(&d);
		}
		if (d.m.broken == 0) {
			model_finger(&d, false);
			(void)model_run(&d);
		}
		ck_assert_uint_eq(d.m.broken, 1);
		ck_assert_uint_eq(d.m.gone, 1);
		ck_assert(!d.m.timer_set);
		/* From then on nothing can be started either. */
		d.m.refuse = ENODEV;
		detach();
	}
}
END_TEST

START_TEST(a_single_fault_anywhere_costs_no_capture)
{
	static const enum usb_status faults[] = { USB_DONE /* half of it */,
						  USB_TIMED_OUT,
						  USB_STALLED,
						  USB_CANCELLED,
						  USB_OVERFLOWED,
						  USB_FAILED };
	unsigned n = whole_conversation(0x045e, 0x00ca);
	unsigned captured = 0, broken = 0;

	for (unsigned at = 1; at <= n; at++) {
		attach(0x045e, 0x00ca, &defaults);
		d.fault_at = at;
		d.fault = faults[_i];
		ck_assert(model_run(&d));
		for (unsigned i = 0; i < 3 && d.m.broken == 0; i++)
			present();
		captured += d.m.samples > 0;
		broken += d.m.broken > 0;
		ck_assert_uint_eq(d.m.gone, 0);
		ck_assert(d.m.samples > 0 || d.m.broken > 0);
		detach();
	}
	/* A stalled message or image endpoint needs a reset, the rest heals by itself. */
	if (faults[_i] == USB_STALLED)
		ck_assert_uint_gt(broken, 0);
	else
		ck_assert_uint_eq(captured, n);
}
END_TEST

START_TEST(a_register_that_stalls_once_is_asked_again)
{
	attach_4500();
	d.fault_at = 1;
	d.fault = USB_STALLED;
	ck_assert(model_run(&d));
	ck_assert_uint_eq(d.m.ready, 1);
	ck_assert_uint_eq(uru4000_driver.counters(d.m.device)->restarts, 0);
	ck_assert_uint_eq(uru4000_driver.counters(d.m.device)->errors, 1);
	detach();
}
END_TEST

START_TEST(a_fault_that_stays_is_given_up)
{
	static const enum usb_status faults[] = { USB_TIMED_OUT, USB_STALLED,
						  USB_OVERFLOWED, USB_FAILED };

	for (unsigned p = 0; p < USB_PIPES; p++) {
		attach_4500();
		model_finger(&d, true);
		for (unsigned i = 0; i < 3000 && d.m.broken == 0; i++) {
			if (d.m.pipe[p].busy && (p != USB_BULK || d.mode == 0x20))
				mock_end(&d.m, (enum usb_pipe)p, faults[_i], NULL, 0);
			else if (!model_step(&d) && d.mode == 0x12)
				model_finger(&d, false);
			else if (!d.finger && d.mode == 0x10)
				model_finger(&d, true);
		}
		ck_assert_uint_eq(d.m.broken, 1);
		ck_assert_uint_eq(d.m.gone, 0);
		detach();
	}
}
END_TEST

START_TEST(a_transfer_that_cannot_be_started_breaks_the_reader)
{
	unsigned n = whole_conversation(0x05ba, 0x000a);
	int refuse = _i == 0 ? ENODEV : ENOMEM;

	for (unsigned at = 0; at < n; at++) {
		attach_4500();
		model_finger(&d, true);
		for (unsigned i = 0; i < at && model_step(&d); i++)
			;
		d.m.refuse = refuse;
		for (unsigned i = 0; i < 50 && d.m.broken == 0; i++)
			if (!model_step(&d) && d.m.timer_set)
				mock_fire(&d.m);
		ck_assert_uint_eq(d.m.broken, 1);
		ck_assert_uint_eq(d.m.gone, _i == 0);
		detach();
	}
}
END_TEST

START_TEST(stopping_at_every_step_leaves_nothing_under_way)
{
	unsigned n = whole_conversation(0x045e, 0x00ca);

	for (unsigned at = 0; at < n + 10; at++) {
		attach(0x045e, 0x00ca, &defaults);
		model_finger(&d, true);
		for (unsigned i = 0; i < at && model_step(&d); i++)
			;
		d.m.driver->stop(d.m.device);
		ck_assert(model_run(&d));
		ck_assert_uint_eq(d.m.stopped, 1);
		ck_assert_uint_eq(d.mode, 0x70);
		ck_assert_uint_eq(d.m.broken, 0);
		ck_assert(!d.m.timer_set);
		detach();
	}
}
END_TEST

START_TEST(stopping_from_inside_an_event_works)
{
	attach_4500();
	d.m.stop_when_ready = _i == 0;
	d.m.stop_when_sampled = _i == 1;
	d.m.stop_when_failed = _i == 2;
	d.m.stop_when_lifted = _i == 3;
	d.empty_images = _i == 2 ? 3 : 0;
	ck_assert(model_run(&d));
	present();
	ck_assert_uint_eq(d.m.stopped, 1);
	ck_assert_uint_eq(d.mode, 0x70);
	ck_assert_uint_eq(d.m.broken, 0);
	detach();
}
END_TEST

START_TEST(answers_the_recorded_challenge)
{
	static const uint8_t challenge[16] = { 0x4d, 0xae, 0x5a, 0x0b, 0x12, 0x47,
					       0xa8, 0x6c, 0x9f, 0xbf, 0x29, 0xfd,
					       0xcc, 0x17, 0x8a, 0x74 };
	static const uint8_t answer[16] = { 0x32, 0x93, 0x51, 0x37, 0x1e, 0x4a,
					    0xdf, 0xb1, 0xf3, 0x5f, 0x09, 0xf3,
					    0x29, 0xc6, 0xab, 0x46 };
	uint8_t out[16];

	ck_assert_int_eq(uru4000_answer(challenge, out), 0);
	ck_assert_mem_eq(out, answer, 16);
}
END_TEST

static int
run(void)
{
	Suite *s = suite_create("uru4000");
	TCase *c = tcase_create("uru4000");
	SRunner *r;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_test(c, captures_one_presentation);
	tcase_add_test(c, switches_the_sensor_off_when_stopped);
	tcase_add_test(c, the_later_microsoft_reader_gets_its_answer);
	tcase_add_loop_test(c, every_id_of_the_table_has_its_quirks, 0, 7);
	tcase_add_loop_test(c, settings_win_over_the_table, 0, 4);
	tcase_add_test(c, an_impossible_resolution_is_refused);
	tcase_add_loop_test(c, every_block_list_is_decoded, 0, 6);
	tcase_add_test(c, an_image_that_only_says_scrambled_is_taken_as_clear);
	tcase_add_test(c, an_image_is_bounded_by_what_arrived);
	tcase_add_loop_test(c, a_header_with_lies_is_refused, 0, 7);
	tcase_add_test(c, a_picture_without_header_or_list_is_clear);
	tcase_add_loop_test(c, empty_and_short_images_are_asked_for_again, 0, 4);
	tcase_add_test(c, a_presentation_without_image_is_told_and_the_next_one_works);
	tcase_add_test(c, many_presentations_without_image_break_the_reader);
	tcase_add_test(c, an_image_that_never_ends_but_is_whole_counts);
	tcase_add_loop_test(c, the_order_of_completions_does_not_matter, 0, 8);
	tcase_add_test(c, a_message_before_the_mode_is_acknowledged_counts);
	tcase_add_loop_test(c, more_frames_come_while_they_are_wanted, 0, 12);
	tcase_add_test(c, stale_and_doubled_messages_are_not_taken_for_new_ones);
	tcase_add_test(c, three_unexpected_messages_say_the_mode_again);
	tcase_add_test(c, a_reader_that_only_chatters_is_given_up);
	tcase_add_test(c, what_it_waits_for_is_said_again_after_a_while);
	tcase_add_test(c, a_bad_state_is_recovered_first);
	tcase_add_loop_test(c, a_reader_that_never_gets_power_is_broken_in_the_end, 0, 2);
	tcase_add_test(c, unplugging_at_every_transfer_ends_quietly);
	tcase_add_loop_test(c, a_single_fault_anywhere_costs_no_capture, 0, 6);
	tcase_add_test(c, a_register_that_stalls_once_is_asked_again);
	tcase_add_loop_test(c, a_fault_that_stays_is_given_up, 0, 4);
	tcase_add_loop_test(c, a_transfer_that_cannot_be_started_breaks_the_reader, 0, 2);
	tcase_add_test(c, stopping_at_every_step_leaves_nothing_under_way);
	tcase_add_loop_test(c, stopping_from_inside_an_event_works, 0, 4);
	tcase_add_test(c, answers_the_recorded_challenge);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed;
}

int
main(void)
{
	return run() == 0 ? 0 : 1;
}
