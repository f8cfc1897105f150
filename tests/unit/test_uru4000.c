/* The driver of the U.are.U 4000 family against a model of the reader and a port of our own. */
#include "bio/usb/uru4000.h"

#include "bio/usb/uru4000_answer.h"
#include "bio/usb/uru4000_image.h"
#include "usb/mock_reader.h"

#include "unit.h"

static const struct usb_device_options defaults = { .label = "uru4000 1-4" };
static struct mock_reader r;

static void
attach(uint16_t vendor, uint16_t product, const struct usb_device_options *o)
{
	mock_reader_init(&r, vendor, product);
	r.d.delays = uru_delays_recorded;
	r.m.seed = 0x51ea2124;
	ck_assert_ptr_nonnull(mock_open(&r.m, &uru4000_driver, vendor, product, o));
	r.m.driver->start(r.m.device);
}

/* The next count occasions of a fault. */
static void
arm(enum uru_fault f, unsigned count)
{
	uru_device_arm(&r.d, f, -1, count, 0);
}

/* They come before the request that caused them has ended, as recorded of a 4500. */
static void
messages_at_once(void)
{
	r.d.delays.message_us = 0;
	r.d.delays.power_us = 0;
}

/* The image that the model would send now. */
static void
build(void)
{
	r.d.wire_bytes = uru_picture_wire(r.d.raster, (const uint8_t(*)[2])r.d.blocks,
					  r.d.key_index, r.d.wire, r.d.expected);
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
	mock_reader_finger(&r, true);
	ck_assert(mock_reader_run(&r));
	mock_reader_finger(&r, false);
	ck_assert(mock_reader_run(&r));
}

static void
detach(void)
{
	ck_assert(mock_close(&r.m));
}

/* The last sample, turned and inverted back, is what the model says can be known. */
static void
check_sample(bool invert, bool rotate)
{
	size_t n = URU4000_PIXELS_MAX, wrong = 0;

	ck_assert_ptr_nonnull(r.m.last);
	ck_assert_uint_eq(r.m.last->width, 384);
	ck_assert_uint_eq(r.m.last->height, 290);
	for (size_t i = 0; i < n; i++) {
		uint8_t p = r.m.last->grey[rotate ? n - 1 - i : i];

		wrong += (invert ? (uint8_t)(255 - p) : p) != r.d.expected[i];
	}
	ck_assert_uint_eq(wrong, 0);
}

START_TEST(captures_one_presentation)
{
	attach_4500();
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.ready, 1);
	ck_assert_uint_eq(r.m.touched, 0);
	ck_assert_uint_eq(r.d.mode, 0x10);
	present();
	ck_assert_uint_eq(r.m.touched, 1);
	ck_assert_uint_eq(r.m.samples, 1);
	ck_assert_uint_eq(r.m.lifted, 1);
	ck_assert_uint_eq(r.m.failed + r.m.broken, 0);
	check_sample(true, true);
	ck_assert_uint_eq(r.m.last->dpi, 500);
	ck_assert_str_eq(r.m.last->device, "uru4000 1-4");
	ck_assert_uint_eq(r.d.mode, 0x10);
	present();
	ck_assert_uint_eq(r.m.samples, 2);
	detach();
	ck_assert_uint_eq(
		r.d.mode,
		0x10); /* nobody ran the model: the write was only acknowledged */
}
END_TEST

START_TEST(switches_the_sensor_off_when_stopped)
{
	attach_4500();
	ck_assert(mock_reader_run(&r));
	r.m.driver->stop(r.m.device);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.d.mode, 0x70);
	ck_assert_uint_eq(r.m.stopped, 1);
	ck_assert(!r.m.pipe[USB_INTERRUPT].busy);
	r.m.device = r.m.driver->free(r.m.device);
}
END_TEST

START_TEST(the_later_microsoft_reader_gets_its_answer)
{
	attach(0x045e, 0x00ca, &defaults);
	ck_assert(mock_reader_run(&r));
	ck_assert(r.d.answered);
	ck_assert_uint_eq(r.m.ready, 1);
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
	ck_assert(mock_reader_run(&r));
	present();
	ck_assert(r.d.answered == ids[_i].answer);
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
	ck_assert(mock_reader_run(&r));
	present();
	check_sample(t[_i].inverted, t[_i].rotated);
	ck_assert_uint_eq(r.m.last->dpi, 512);
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
	memset(r.d.blocks, 0, sizeof(r.d.blocks));
	memcpy(r.d.blocks, layouts[_i], sizeof(layouts[_i]));
	r.d.key_index = 254; /* the indices wrap */
	ck_assert(mock_reader_run(&r));
	mock_reader_finger(&r, true);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.samples, 1);
	check_sample(true, true);
	detach();
}
END_TEST

START_TEST(an_image_that_only_says_scrambled_is_taken_as_clear)
{
	struct uru4000_image im;
	const char *why = NULL;

	attach_4500();
	memset(r.d.blocks, 0, sizeof(r.d.blocks));
	memcpy(r.d.blocks, layouts[0], sizeof(layouts[0]));
	build();
	for (size_t b = 0; b < 4; b++)
		r.d.wire[16 + 2 * b] |= 2;
	ck_assert_int_eq(uru4000_image_parse(r.d.wire, r.d.wire_bytes, &im, &why), 0);
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
	build();
	whole = r.d.wire_bytes;
	ck_assert_int_eq(parse_copy(r.d.wire, whole, &why), 0);
	ck_assert_int_eq(parse_copy(r.d.wire, sizeof(r.d.wire), &why), 0);
	for (size_t n = 0; n < whole; n += n < 70 || n + 70 > whole ? 1 : 70) {
		int rc;

		why = NULL;
		rc = parse_copy(r.d.wire, n, &why);
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
	build();
	r.d.wire[lies[_i].at] = lies[_i].value;
	ck_assert_int_eq(parse_copy(r.d.wire, r.d.wire_bytes, &why), -EBADMSG);
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
	ck_assert_int_eq(uru4000_image_parse(r.d.raster, 289 * 384, &im, &why), 0);
	ck_assert_uint_eq(im.rows, 289);
	ck_assert_uint_eq(im.keys, 0);
	uru4000_image_decode(&im, NULL, raster);
	ck_assert_mem_eq(raster, r.d.raster, 289 * 384);
	memset(r.d.wire, 0, 64);
	r.d.wire[4] = 0x21;
	r.d.wire[5] = 0x01;
	memcpy(r.d.wire + 64, r.d.raster, 289 * 384);
	ck_assert_int_eq(uru4000_image_parse(r.d.wire, 64 + 289 * 384, &im, &why), 0);
	memset(raster, 0, URU4000_PIXELS_MAX);
	uru4000_image_decode(&im, NULL, raster);
	ck_assert_mem_eq(raster, r.d.raster, 289 * 384);
	free(raster);
	detach();
}
END_TEST

START_TEST(empty_and_short_images_are_asked_for_again)
{
	attach_4500();
	ck_assert(mock_reader_run(&r));
	arm(URU_EMPTY_IMAGE, (unsigned)_i & 1);
	arm(URU_SHORT_IMAGE, (unsigned)_i >> 1);
	present();
	ck_assert_uint_eq(r.m.samples, 1);
	ck_assert_uint_eq(r.m.failed, 0);
	ck_assert_uint_eq(uru4000_driver.counters(r.m.device)->bad_images,
			  ((unsigned)_i & 1) + ((unsigned)_i >> 1));
	check_sample(true, true);
	detach();
}
END_TEST

START_TEST(a_presentation_without_image_is_told_and_the_next_one_works)
{
	attach_4500();
	ck_assert(mock_reader_run(&r));
	arm(URU_EMPTY_IMAGE, URU4000_TRIES);
	present();
	ck_assert_uint_eq(r.m.samples, 0);
	ck_assert_uint_eq(r.m.failed, 1);
	ck_assert_str_eq(r.m.why, "image: empty");
	ck_assert_uint_eq(r.m.lifted, 1);
	present();
	ck_assert_uint_eq(r.m.samples, 1);
	detach();
}
END_TEST

START_TEST(many_presentations_without_image_break_the_reader)
{
	attach_4500();
	ck_assert(mock_reader_run(&r));
	arm(URU_SHORT_IMAGE, 1000);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(r.m.broken, 0);
		present();
	}
	ck_assert_uint_eq(r.m.failed, 5);
	ck_assert_uint_eq(r.m.broken, 1);
	ck_assert_uint_eq(r.m.gone, 0);
	detach();
}
END_TEST

START_TEST(an_image_that_never_ends_but_is_whole_counts)
{
	attach_4500();
	ck_assert(mock_reader_run(&r));
	mock_reader_finger(&r, true);
	while (!(r.d.mode == 0x20 && !r.m.pipe[USB_CONTROL].busy))
		ck_assert(mock_reader_step(&r));
	build();
	r.d.mode = 0;
	mock_end(&r.m, USB_BULK, USB_TIMED_OUT, r.d.wire, r.d.wire_bytes);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.samples, 1);
	check_sample(true, true);
	detach();
}
END_TEST

START_TEST(the_order_of_completions_does_not_matter)
{
	attach(0x045e, 0x00ca, &defaults);
	if ((_i & 1) != 0)
		r.d.delays.image_us = 0;
	if ((_i & 2) != 0)
		messages_at_once();
	if ((_i & 4) != 0)
		mock_reader_finger(&r, true); /* already there at the start */
	ck_assert(mock_reader_run(&r));
	present();
	ck_assert_uint_eq(r.m.samples, 1);
	ck_assert_uint_eq(r.m.lifted, 1);
	check_sample(true, false);
	present();
	ck_assert_uint_eq(r.m.samples, 2);
	detach();
}
END_TEST

START_TEST(a_message_before_the_mode_is_acknowledged_counts)
{
	attach_4500();
	messages_at_once();
	mock_reader_finger(&r, true);
	while (r.d.mode != 0x20)
		ck_assert(mock_reader_step(&r));
	r.d.finger = false; /* lifted while the picture is taken */
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.samples, 1);
	ck_assert_uint_eq(r.m.lifted, 1);
	ck_assert_uint_eq(r.d.mode, 0x10);
	detach();
}
END_TEST

START_TEST(more_frames_come_while_they_are_wanted)
{
	attach_4500();
	ck_assert(mock_reader_run(&r));
	r.m.frames_wanted = (unsigned)_i;
	present();
	ck_assert_uint_eq(r.m.touched, 1);
	ck_assert_uint_eq(r.m.samples, _i + 1 < (int)URU4000_FRAMES_MAX
					       ? (unsigned)_i + 1
					       : URU4000_FRAMES_MAX);
	ck_assert_uint_eq(r.m.lifted, 1);
	detach();
}
END_TEST

START_TEST(stale_and_doubled_messages_are_not_taken_for_new_ones)
{
	attach_4500();
	uru_device_say(&r.d, 0x0101); /* of an earlier session */
	uru_device_say(&r.d, 0x0200);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.touched, 0);
	ck_assert_uint_eq(r.m.ready, 1);
	uru_device_say(&r.d, 0x56aa); /* the second and third time */
	uru_device_say(&r.d, 0x56aa);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.ready, 1);
	mock_reader_finger(&r, true);
	uru_device_say(&r.d, 0x0101);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.samples, 1);
	mock_reader_finger(&r, false);
	uru_device_say(&r.d, 0x0200);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.lifted, 1);
	ck_assert_uint_eq(r.m.touched, 1);
	detach();
}
END_TEST

START_TEST(three_unexpected_messages_say_the_mode_again)
{
	attach_4500();
	ck_assert(mock_reader_run(&r));
	r.d.finger = true; /* its message was lost */
	for (unsigned i = 0; i < 2; i++)
		uru_device_say(&r.d, 0x4711);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.samples, 0);
	uru_device_say(&r.d, 0x0200);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.samples, 1);
	ck_assert_uint_ge(uru4000_driver.counters(r.m.device)->unexpected, 3);
	detach();
}
END_TEST

START_TEST(a_reader_that_only_chatters_is_given_up)
{
	attach_4500();
	for (unsigned i = 0; i < 1000 && r.m.broken == 0; i++) {
		uru_device_say(&r.d, 0x4711);
		ck_assert(mock_reader_run(&r));
	}
	ck_assert_uint_eq(r.m.broken, 1);
	ck_assert_uint_eq(r.m.gone, 0);
	detach();
}
END_TEST

START_TEST(what_it_waits_for_is_said_again_after_a_while)
{
	unsigned before;

	attach_4500();
	ck_assert(mock_reader_run(&r));
	r.d.finger = true; /* silently */
	ck_assert(r.m.timer_set);
	ck_assert_uint_eq(r.m.timer_ms, 60000);
	mock_fire(&r.m);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.samples, 1);
	before = r.m.started[USB_CONTROL];
	r.d.finger = false;
	ck_assert(r.m.timer_set);
	ck_assert_uint_eq(r.m.timer_ms, 5000);
	mock_fire(&r.m);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.lifted, 1);
	ck_assert_uint_eq(r.m.started[USB_CONTROL], before + 2);
	detach();
}
END_TEST

START_TEST(a_bad_state_is_recovered_first)
{
	attach_4500();
	r.d.status = 0x85;
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.ready, 1);
	present();
	ck_assert_uint_eq(r.m.samples, 1);
	detach();
}
END_TEST

START_TEST(a_reader_that_never_gets_power_is_broken_in_the_end)
{
	attach(0x045e, 0x00ca, &defaults);
	if (_i == 0)
		arm(URU_NO_POWER, 1000);
	else
		arm(URU_REFUSE_ANSWER, 1000);
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.ready, 0);
	ck_assert_uint_eq(r.m.broken, 1);
	ck_assert_uint_eq(r.m.gone, 0);
	detach();
}
END_TEST

/* How many transfers end in bring-up and one presentation. */
static unsigned
whole_conversation(uint16_t vendor, uint16_t product)
{
	unsigned n;

	attach(vendor, product, &defaults);
	ck_assert(mock_reader_run(&r));
	present();
	n = r.ended;
	ck_assert_uint_eq(r.m.samples, 1);
	detach();
	return n;
}

START_TEST(unplugging_at_every_transfer_ends_quietly)
{
	unsigned n = whole_conversation(0x045e, 0x00ca);

	ck_assert_uint_gt(n, 15);
	for (unsigned at = 1; at <= n; at++) {
		attach(0x045e, 0x00ca, &defaults);
		r.fault_at = at;
		r.fault = USB_GONE;
		(void)mock_reader_run(&r); /* the end is checked below */
		if (r.m.broken == 0) {
			mock_reader_finger(&r, true);
			(void)mock_reader_run(&r);
		}
		if (r.m.broken == 0) {
			mock_reader_finger(&r, false);
			(void)mock_reader_run(&r);
		}
		ck_assert_uint_eq(r.m.broken, 1);
		ck_assert_uint_eq(r.m.gone, 1);
		ck_assert(!r.m.timer_set);
		/* From then on nothing can be started either. */
		r.m.refuse = ENODEV;
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
		r.fault_at = at;
		r.fault = faults[_i];
		ck_assert(mock_reader_run(&r));
		for (unsigned i = 0; i < 3 && r.m.broken == 0; i++)
			present();
		captured += r.m.samples > 0;
		broken += r.m.broken > 0;
		ck_assert_uint_eq(r.m.gone, 0);
		ck_assert(r.m.samples > 0 || r.m.broken > 0);
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
	r.fault_at = 1;
	r.fault = USB_STALLED;
	ck_assert(mock_reader_run(&r));
	ck_assert_uint_eq(r.m.ready, 1);
	ck_assert_uint_eq(uru4000_driver.counters(r.m.device)->restarts, 0);
	ck_assert_uint_eq(uru4000_driver.counters(r.m.device)->errors, 1);
	detach();
}
END_TEST

START_TEST(a_fault_that_stays_is_given_up)
{
	static const enum usb_status faults[] = { USB_TIMED_OUT, USB_STALLED,
						  USB_OVERFLOWED, USB_FAILED };

	for (unsigned p = 0; p < USB_PIPES; p++) {
		attach_4500();
		mock_reader_finger(&r, true);
		for (unsigned i = 0; i < 3000 && r.m.broken == 0; i++) {
			if (r.m.pipe[p].busy && (p != USB_BULK || r.d.mode == 0x20))
				mock_end(&r.m, (enum usb_pipe)p, faults[_i], NULL, 0);
			else if (!mock_reader_step(&r) && r.d.mode == 0x12)
				mock_reader_finger(&r, false);
			else if (!r.d.finger && r.d.mode == 0x10)
				mock_reader_finger(&r, true);
		}
		ck_assert_uint_eq(r.m.broken, 1);
		ck_assert_uint_eq(r.m.gone, 0);
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
		mock_reader_finger(&r, true);
		for (unsigned i = 0; i < at && mock_reader_step(&r); i++)
			;
		r.m.refuse = refuse;
		for (unsigned i = 0; i < 50 && r.m.broken == 0; i++)
			if (!mock_reader_step(&r) && r.m.timer_set)
				mock_fire(&r.m);
		ck_assert_uint_eq(r.m.broken, 1);
		ck_assert_uint_eq(r.m.gone, _i == 0);
		detach();
	}
}
END_TEST

START_TEST(stopping_at_every_step_leaves_nothing_under_way)
{
	unsigned n = whole_conversation(0x045e, 0x00ca);

	for (unsigned at = 0; at < n + 10; at++) {
		attach(0x045e, 0x00ca, &defaults);
		mock_reader_finger(&r, true);
		for (unsigned i = 0; i < at && mock_reader_step(&r); i++)
			;
		r.m.driver->stop(r.m.device);
		ck_assert(mock_reader_run(&r));
		ck_assert_uint_eq(r.m.stopped, 1);
		ck_assert_uint_eq(r.d.mode, 0x70);
		ck_assert_uint_eq(r.m.broken, 0);
		ck_assert(!r.m.timer_set);
		detach();
	}
}
END_TEST

START_TEST(stopping_from_inside_an_event_works)
{
	attach_4500();
	r.m.stop_when_ready = _i == 0;
	r.m.stop_when_sampled = _i == 1;
	r.m.stop_when_failed = _i == 2;
	r.m.stop_when_lifted = _i == 3;
	arm(URU_EMPTY_IMAGE, _i == 2 ? 3 : 0);
	ck_assert(mock_reader_run(&r));
	present();
	ck_assert_uint_eq(r.m.stopped, 1);
	ck_assert_uint_eq(r.d.mode, 0x70);
	ck_assert_uint_eq(r.m.broken, 0);
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
	SRunner *runner;
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
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed;
}

int
main(void)
{
	return run() == 0 ? 0 : 1;
}
