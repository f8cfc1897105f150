/* The messages between the virtual host controller and the readers of the virtual machine. */
#include "usb/usbip.h"

#include "unit.h"

#include <errno.h>

/* SUBMIT number 0x0102, device 1-1, IN, endpoint 2, 111424 bytes, no packets. */
static const uint8_t submit_in[USBIP_HEADER_BYTES] = {
	0, 0, 0, 1, 0, 0, 1,    2,    0, 1, 0, 1, 0,    0,    0,    1,    0, 0, 0, 2,
	0, 0, 2, 0, 0, 1, 0xb3, 0x40, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0
};
/* SUBMIT number 3, OUT, endpoint 0: writes 5 bytes to register 0x33. */
static const uint8_t submit_out[USBIP_HEADER_BYTES + 5] = {
	0, 0, 0, 1, 0,    0, 0,    3, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0,    0, 0,    0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0x40, 4, 0x33, 0, 0, 0, 5, 0, 1, 2, 3, 4, 5
};
/* UNLINK number 9 of transfer 0x0102. */
static const uint8_t unlink_it[USBIP_HEADER_BYTES] = {
	0, 0, 0, 2, 0, 0, 0, 9, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2
};

START_TEST(an_in_transfer_is_understood)
{
	struct usbip_request q;
	size_t used = 0;

	ck_assert_int_eq(usbip_decode(submit_in, sizeof(submit_in), &q, &used), 0);
	ck_assert_uint_eq(used, USBIP_HEADER_BYTES);
	ck_assert_int_eq(q.command, USBIP_SUBMIT);
	ck_assert_uint_eq(q.number, 0x0102);
	ck_assert(q.in);
	ck_assert_uint_eq(q.endpoint, 2);
	ck_assert_uint_eq(q.bytes, 111424);
	ck_assert_ptr_null(q.data);
}
END_TEST

START_TEST(an_out_transfer_brings_its_bytes)
{
	struct usbip_request q;
	size_t used = 0;

	ck_assert_int_eq(usbip_decode(submit_out, sizeof(submit_out), &q, &used), 0);
	ck_assert_uint_eq(used, sizeof(submit_out));
	ck_assert(!q.in);
	ck_assert_uint_eq(q.endpoint, 0);
	ck_assert_uint_eq(q.setup[0], 0x40);
	ck_assert_uint_eq(q.setup[2], 0x33);
	ck_assert_uint_eq(q.bytes, 5);
	ck_assert_mem_eq(q.data, "\1\2\3\4\5", 5);
}
END_TEST

START_TEST(an_unlink_names_its_transfer)
{
	struct usbip_request q;
	size_t used = 0;

	ck_assert_int_eq(usbip_decode(unlink_it, sizeof(unlink_it), &q, &used), 0);
	ck_assert_int_eq(q.command, USBIP_UNLINK);
	ck_assert_uint_eq(q.number, 9);
	ck_assert_uint_eq(q.unlinked, 0x0102);
	ck_assert_uint_eq(used, USBIP_HEADER_BYTES);
}
END_TEST

START_TEST(a_part_of_a_request_waits_for_the_rest)
{
	for (size_t n = 0; n < sizeof(submit_out); n++) {
		struct usbip_request q;
		uint8_t *copy = malloc(n + 1);
		size_t used = 77;

		ck_assert_ptr_nonnull(copy);
		memcpy(copy + 1, submit_out,
		       n); /* a sanitizer sees what is read past it */
		ck_assert_int_eq(usbip_decode(copy + 1, n, &q, &used), -EAGAIN);
		ck_assert_uint_eq(used, 77);
		free(copy);
	}
}
END_TEST

START_TEST(requests_are_taken_one_after_the_other)
{
	uint8_t both[sizeof(submit_out) + sizeof(unlink_it)];
	struct usbip_request q;
	size_t used = 0;

	memcpy(both, submit_out, sizeof(submit_out));
	memcpy(both + sizeof(submit_out), unlink_it, sizeof(unlink_it));
	ck_assert_int_eq(usbip_decode(both, sizeof(both), &q, &used), 0);
	ck_assert_int_eq(q.command, USBIP_SUBMIT);
	ck_assert_int_eq(usbip_decode(both + used, sizeof(both) - used, &q, &used), 0);
	ck_assert_int_eq(q.command, USBIP_UNLINK);
}
END_TEST

START_TEST(what_cannot_be_a_request_is_refused)
{
	static const struct {
		size_t at;
		uint8_t value;
	} t[] = {
		{ 3, 0 },     /* no command */
		{ 3, 3 },     /* an answer */
		{ 0, 1 },     /* nonsense */
		{ 15, 2 },    /* no direction */
		{ 19, 16 },   /* no endpoint */
		{ 24, 0x01 }, /* 16 MB and more */
		{ 35, 4 },    /* isochronous packets */
	};
	uint8_t bad[USBIP_HEADER_BYTES];
	struct usbip_request q;
	size_t used;

	memcpy(bad, submit_in, sizeof(bad));
	memset(bad + 32, 0, 4);
	ck_assert_int_eq(usbip_decode(bad, sizeof(bad), &q, &used), 0);
	bad[t[_i].at] = t[_i].value;
	ck_assert_int_eq(usbip_decode(bad, sizeof(bad), &q, &used), -EBADMSG);
}
END_TEST

START_TEST(an_out_transfer_has_a_limit)
{
	uint8_t big[USBIP_HEADER_BYTES];
	struct usbip_request q;
	size_t used;

	memcpy(big, submit_out, sizeof(big));
	big[26] = 0x10; /* 4096 + 5 */
	ck_assert_int_eq(usbip_decode(big, sizeof(big), &q, &used), -EBADMSG);
	big[27] = 0;
	ck_assert_int_eq(usbip_decode(big, sizeof(big), &q, &used), -EAGAIN);
}
END_TEST

START_TEST(answers_have_their_form)
{
	/* Transfer 0x0102 ended with EPIPE (-32 is ffffffe0) after 7 bytes. */
	static const uint8_t ended[USBIP_HEADER_BYTES] = {
		0, 0, 0, 3, 0, 0, 1,    2,    0,    0,    0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xe0, 0, 0, 0, 7
	};
	/* Request 9 was met: ECONNRESET (-104 is ffffff98). */
	static const uint8_t unlinked[USBIP_HEADER_BYTES] = {
		0, 0, 0, 4, 0, 0, 0, 9, 0,    0,    0,    0,
		0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x98
	};
	uint8_t out[USBIP_HEADER_BYTES];

	usbip_encode_submitted(0x0102, -EPIPE, 7, out);
	ck_assert_mem_eq(out, ended, sizeof(out));
	usbip_encode_unlinked(9, -ECONNRESET, out);
	ck_assert_mem_eq(out, unlinked, sizeof(out));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("usbip");
	TCase *c = tcase_create("usbip");
	SRunner *r;
	int failed;

	tcase_add_test(c, an_in_transfer_is_understood);
	tcase_add_test(c, an_out_transfer_brings_its_bytes);
	tcase_add_test(c, an_unlink_names_its_transfer);
	tcase_add_test(c, a_part_of_a_request_waits_for_the_rest);
	tcase_add_test(c, requests_are_taken_one_after_the_other);
	tcase_add_loop_test(c, what_cannot_be_a_request_is_refused, 0, 7);
	tcase_add_test(c, an_out_transfer_has_a_limit);
	tcase_add_test(c, answers_have_their_form);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
