#include "unit.h"

#include "base/clock.h"
#include "base/plain/pan.h"
#include "core/returns.h"
#include "lane/receipts.h"
#include "lane_kit.h"
#include "receipt_kit.h"
#include "tempdir.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* The keys of receipt codes: whose codes are believed, and which are not. */
#define CODES_MAX 16u

static char dir[TEMPDIR_BYTES], why[RECEIPTS_WHY_BYTES];
static struct receipts *mine;
static struct receipt_line lines[RECEIPT_LINES_MAX];
static struct receipt receipt;
static char codes[CODES_MAX][RECEIPT_CODE_BYTES];
static uint32_t codes_count;

static int
open_as(bool live, struct receipts **ret)
{
	char list[TEMPDIR_PATH_BYTES];
	struct receipts_spec spec = {
		.folder = dir, .list = list, .name = "lane-1", .live = live
	};

	(void)snprintf(list, sizeof(list), "%s", tempdir_path(dir, "receipt.keys"));
	return receipts_open(&spec, ret, why);
}

static void
begin(void)
{
	tempdir_make(dir);
	ck_assert_msg(open_as(false, &mine) == 0, "%s", why);
}

static void
end(void)
{
	mine = receipts_close(mine);
	tempdir_remove(dir);
}

static int
keep(void *ctx, const char *code)
{
	(void)ctx;
	ck_assert_uint_lt(codes_count, CODES_MAX);
	ck_assert_int_eq(str_copy(codes[codes_count++], RECEIPT_CODE_BYTES, str_of(code)),
			 0);
	return 0;
}

/* Codes of count lines, into codes. */
static void
write_by(const struct receipts *r, uint32_t count)
{
	struct receipt_source s = { .head = kit_receipt_head(),
				    .lines = lines,
				    .lines_count = count };

	kit_receipt_lines(lines, count);
	codes_count = 0;
	ck_assert_int_eq(receipts_write(r, &s, keep, NULL), 0);
}

static int
read_code(const char *code)
{
	return receipts_read(mine, str_of(code), &receipt, why);
}

START_TEST(own_codes_are_believed_also_after_a_restart)
{
	struct stat st;

	begin();
	write_by(mine, 3);
	ck_assert_uint_eq(codes_count, 1);
	mine = receipts_close(mine);
	ck_assert_int_eq(stat(tempdir_path(dir, "receipt.key"), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(open_as(false, &mine), 0);
	ck_assert_int_eq(read_code(codes[0]), 0);
	ck_assert_uint_eq(receipt.lines_count, 3);
	ck_assert_str_eq(receipt.head.lane, "lane-1");
	ck_assert(!receipt.head.live);
	end();
}
END_TEST

START_TEST(the_same_receipt_has_the_same_code)
{
	char first[RECEIPT_CODE_BYTES];

	begin();
	write_by(mine, 3);
	memcpy(first, codes[0], sizeof(first));
	write_by(mine, 3);
	ck_assert_str_eq(first, codes[0]);
	end();
}
END_TEST

START_TEST(every_changed_bit_of_a_code_is_refused)
{
	char code[RECEIPT_CODE_BYTES];

	begin();
	write_by(mine, 5);
	memcpy(code, codes[0], sizeof(code));
	for (size_t bit = 0; bit < 8 * strlen(codes[0]); bit++) {
		code[bit / 8] = (char)(code[bit / 8] ^ (1 << bit % 8));
		ck_assert_msg(read_code(code) < 0, "bit %zu of %s", bit, codes[0]);
		ck_assert_int_gt(strlen(why), 0);
		code[bit / 8] = codes[0][bit / 8];
	}
	ck_assert_int_eq(read_code(code), 0);
	end();
}
END_TEST

START_TEST(every_cut_of_a_code_is_refused)
{
	char code[RECEIPT_CODE_BYTES];

	begin();
	write_by(mine, 5);
	for (size_t n = 0; n < strlen(codes[0]); n++) {
		memcpy(code, codes[0], n);
		code[n] = '\0';
		ck_assert_int_lt(read_code(code), 0);
	}
	end();
}
END_TEST

START_TEST(a_foreign_key_is_named_and_not_believed)
{
	begin();
	write_by(mine, 2);
	mine = receipts_close(mine);
	ck_assert_int_eq(unlink(tempdir_path(dir, "receipt.key")), 0);
	ck_assert_int_eq(open_as(false, &mine), 0); /* as another lane */
	ck_assert_int_eq(read_code(codes[0]), -ENOKEY);
	ck_assert_ptr_nonnull(strstr(why, "not known here"));
	ck_assert_ptr_nonnull(strstr(why, "receipt.keys"));
	end();
}
END_TEST

struct own {
	char line[RECEIPTS_NAME_BYTES + 80];
};

static int
take_own(void *ctx, const struct receipts_key *k)
{
	struct own *own = ctx;
	char hex[2 * CRYPTO_PUBLIC_BYTES + 1];

	ck_assert_int_eq(hex_encode(hex, sizeof(hex), k->public_key, CRYPTO_PUBLIC_BYTES),
			 0);
	(void)snprintf(own->line, sizeof(own->line), "%s %s %s\n",
		       k->live ? "live" : "test", hex, k->name);
	return 1;
}

START_TEST(a_listed_key_is_believed_and_an_error_ends_the_list)
{
	struct own own;
	char list[512];

	begin();
	write_by(mine, 2);
	ck_assert_int_eq(receipts_keys(mine, take_own, &own, why), 1);
	mine = receipts_close(mine);
	ck_assert_int_eq(unlink(tempdir_path(dir, "receipt.key")), 0);
	ck_assert_int_eq(open_as(false, &mine), 0);
	(void)snprintf(list, sizeof(list), "# lanes\n\n  %s\r\n", own.line);
	tempdir_write(dir, "receipt.keys", list, strlen(list));
	ck_assert_int_eq(read_code(codes[0]), 0);
	(void)snprintf(list, sizeof(list), "test 12\n%s", own.line);
	tempdir_write(dir, "receipt.keys", list, strlen(list));
	ck_assert_int_eq(read_code(codes[0]), -ENOKEY);
	ck_assert_ptr_nonnull(strstr(why, "receipt.keys:1: "));
	end();
}
END_TEST

START_TEST(a_key_of_the_same_id_is_no_signature)
{
	struct own own;
	char list[512];

	begin();
	write_by(mine, 2);
	ck_assert_int_eq(receipts_keys(mine, take_own, &own, why), 1);
	codes[0][40] = codes[0][40] == '0' ? '1' : '0';
	(void)snprintf(list, sizeof(list), "%s%s", own.line, own.line);
	tempdir_write(dir, "receipt.keys", list, strlen(list));
	ck_assert_int_eq(read_code(codes[0]), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(why, "misread or forged"));
	end();
}
END_TEST

START_TEST(environments_never_mix)
{
	struct receipts *live = NULL;
	struct own own;

	begin();
	/* The key is stamped. */
	ck_assert_int_eq(open_as(true, &live), -EXDEV);
	ck_assert_ptr_nonnull(strstr(why, "other environment"));
	/* And the code: also where the key is listed by mistake. */
	mine = receipts_close(mine);
	ck_assert_int_eq(unlink(tempdir_path(dir, "receipt.key")), 0);
	ck_assert_int_eq(open_as(true, &live), 0);
	write_by(live, 2);
	ck_assert_int_eq(receipts_keys(live, take_own, &own, why), 1);
	live = receipts_close(live);
	ck_assert_int_eq(unlink(tempdir_path(dir, "receipt.key")), 0);
	ck_assert_int_eq(open_as(false, &mine), 0);
	memcpy(own.line, "test", 4);
	tempdir_write(dir, "receipt.keys", own.line, strlen(own.line));
	ck_assert_int_eq(read_code(codes[0]), -EXDEV);
	end();
}
END_TEST

START_TEST(rotation_keeps_the_old_codes_and_distrust_does_not)
{
	char old[RECEIPT_CODE_BYTES];

	begin();
	write_by(mine, 2);
	memcpy(old, codes[0], sizeof(old));
	ck_assert_int_eq(receipts_rotate(mine, false, why), 0);
	write_by(mine, 2);
	ck_assert_str_ne(old, codes[0]);
	ck_assert_int_eq(read_code(old), 0);
	ck_assert_int_eq(read_code(codes[0]), 0);
	ck_assert_int_eq(receipts_rotate(mine, true, why), 0);
	ck_assert_int_eq(read_code(old), 0);
	ck_assert_int_eq(read_code(codes[0]), -ENOKEY);
	mine = receipts_close(mine);
	ck_assert_int_eq(open_as(false, &mine), 0);
	ck_assert_int_eq(read_code(old), 0);
	ck_assert_int_eq(read_code(codes[0]), -ENOKEY);
	end();
}
END_TEST

/* The list that all lanes get has this lane's key as well: distrust is stronger. */
START_TEST(a_distrusted_key_is_refused_though_the_list_has_it)
{
	struct own own;
	uint8_t id[RECEIPT_KEY_ID_BYTES];

	begin();
	write_by(mine, 2);
	ck_assert_int_eq(read_code(codes[0]), 0);
	memcpy(id, receipt.head.key_id, sizeof(id));
	ck_assert_int_eq(receipts_keys(mine, take_own, &own, why), 1);
	tempdir_write(dir, "receipt.keys", own.line, strlen(own.line));
	ck_assert_int_eq(receipts_rotate(mine, true, why), 0);
	ck_assert_int_eq(read_code(codes[0]), -ENOKEY);
	mine = receipts_close(mine);
	ck_assert_int_eq(open_as(false, &mine), 0);
	ck_assert_int_eq(read_code(codes[0]), -ENOKEY);
	ck_assert(receipts_is_own(mine, id)); /* it was */
	id[0] ^= 1;
	ck_assert(!receipts_is_own(mine, id));
	write_by(mine, 2);
	ck_assert_int_eq(read_code(codes[0]), 0);
	end();
}
END_TEST

/* A file that was changed a moment ago may change again with the same stamp. */
static void
wait_until_settled(const char *name)
{
	struct stat st;

	ck_assert_int_eq(stat(tempdir_path(dir, name), &st), 0);
	while (clock_wall_ms() - st.st_ctim.tv_sec * INT64_C(1000) < 1200)
		;
}

START_TEST(lists_are_read_once_a_change)
{
	uint64_t before;

	begin();
	tempdir_write(dir, "receipt.keys", "# nobody\n", 9);
	wait_until_settled("receipt.keys");
	write_by(mine, 2);
	ck_assert_int_eq(receipts_rotate(mine, true, why), 0);
	wait_until_settled("receipt.distrusted");
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(read_code(codes[0]), -ENOKEY);
	before = receipts_lists_read(mine);
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(read_code(codes[0]), -ENOKEY);
	ck_assert_uint_eq(receipts_lists_read(mine), before);
	tempdir_write(dir, "receipt.keys", "rubbish\n", 8);
	ck_assert_int_eq(read_code(codes[0]), -ENOKEY);
	ck_assert_ptr_nonnull(strstr(why, "receipt.keys:1:"));
	ck_assert_uint_gt(receipts_lists_read(mine), before);
	ck_assert_int_eq(unlink(tempdir_path(dir, "receipt.keys")), 0);
	ck_assert_int_eq(read_code(codes[0]), -ENOKEY);
	ck_assert_ptr_null(strstr(why, "receipt.keys:1:"));
	end();
}
END_TEST

START_TEST(a_key_that_others_can_read_or_that_is_none_is_refused)
{
	struct receipts *other = NULL;

	begin();
	ck_assert_int_eq(chmod(tempdir_path(dir, "receipt.key"), 0644), 0);
	ck_assert_int_eq(open_as(false, &other), -EPERM);
	ck_assert_ptr_nonnull(strstr(why, "0600"));
	tempdir_write(dir, "receipt.key", "short", 5);
	ck_assert_int_eq(chmod(tempdir_path(dir, "receipt.key"), 0600), 0);
	ck_assert_int_eq(open_as(false, &other), -EBADMSG);
	ck_assert_ptr_null(other);
	end();
}
END_TEST

START_TEST(a_credential_comes_first_and_is_not_rotated)
{
	char credentials[TEMPDIR_BYTES];
	uint8_t *key;
	size_t n = 0;

	begin();
	write_by(mine, 2);
	mine = receipts_close(mine);
	key = tempdir_read(dir, "receipt.key", &n);
	tempdir_make(credentials);
	tempdir_write(credentials, "receipt.key", key, n);
	free(key);
	ck_assert_int_eq(unlink(tempdir_path(dir, "receipt.key")), 0);
	ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", credentials, 1), 0);
	ck_assert_int_eq(open_as(false, &mine), 0);
	ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	ck_assert_int_eq(read_code(codes[0]), 0);
	ck_assert_int_eq(receipts_rotate(mine, false, why), -EROFS);
	ck_assert_ptr_nonnull(strstr(why, "credential"));
	ck_assert_int_ne(access(tempdir_path(dir, "receipt.key"), F_OK), 0);
	tempdir_remove(credentials);
	end();
}
END_TEST

static const struct {
	const char *text;
	uint32_t line; /* of the error, 0 none */
	uint32_t keys;
} lists[] = {
#define K "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
	{ "", 0, 0 },
	{ "\n\n# nothing\n", 0, 0 },
	{ "live " K, 0, 1 },
	{ "live " K "\ntest\t" K "  Lane 4 of Tallinn 2 \r\n", 0, 2 },
	{ "live", 1, 0 },
	{ "Live " K, 1, 0 },
	{ "live " K "0", 1, 0 },
	{ "# x\nlive " K "\nlive 00", 3, 1 },
	{ "live g" K, 1, 0 },
	{ "live " K " \x01", 1, 0 },
	{ "live " K " \xff", 1, 0 },
	{ "live " K " 12345678901234567890123456789012345678901234567890123456789012345",
	  1, 0 },
};

static int
count_key(void *ctx, const struct receipts_key *k)
{
	ck_assert_int_eq(k->public_key[1], 0x11);
	++*(uint32_t *)ctx;
	return 0;
}

START_TEST(a_list_is_read_or_its_wrong_line_named)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct receipts_fault fault = { 0, "" };
		uint32_t keys = 0;
		int rc = receipts_list(str_of(lists[i].text), count_key, &keys, &fault);

		ck_assert_int_eq(rc, lists[i].line == 0 ? 0 : -EBADMSG);
		ck_assert_uint_eq(fault.line, lists[i].line);
		ck_assert_uint_eq(keys, lists[i].keys);
	}
}
END_TEST

/* The digit's value in the code's alphabet: decimal digits are themselves. */
static void
put_digits(uint8_t *bytes, size_t bit, const char *text)
{
	for (; *text != '\0'; text++)
		for (int k = 4; k >= 0; k--, bit++) {
			uint8_t mask = (uint8_t)(0x80u >> bit % 8);

			if (((*text - '0') >> k & 1) != 0)
				bytes[bit / 8] |= mask;
			else
				bytes[bit / 8] &= (uint8_t)~mask;
		}
}

/* A payment's key whose digits in the code are a card's number: the code is written otherwise. */
START_TEST(no_code_looks_like_a_card_number)
{
	struct receipt_source s = { .head = kit_receipt_head(),
				    .lines = lines,
				    .lines_count = 2 };
	struct receipt_writer w = { .parts = 1 };
	uint8_t payload[RECEIPT_PAYLOAD_MAX];
	char pan[KIT_PAN_BYTES], plain[RECEIPT_CODE_BYTES];
	size_t n = 0, at = 0, bit;

	begin();
	kit_pan(pan);
	kit_receipt_lines(lines, 2);
	memset(s.head.key.b, 0xee, sizeof(s.head.key.b));
	ck_assert_int_eq(receipt_write(&s, &w, payload, &n), 0);
	while (memcmp(payload + at, s.head.key.b, sizeof(s.head.key.b)) != 0)
		at++;
	/* Digits stand at multiples of five bits; leave the first ones of the key alone. */
	bit = (8 * at + 4) / 5 * 5 + 5;
	put_digits(payload, bit, pan);
	receipt_text(plain, payload, n);
	ck_assert(pan_find(str_of(plain), NULL, NULL));
	memcpy(s.head.key.b, payload + at, sizeof(s.head.key.b));
	codes_count = 0;
	ck_assert_int_eq(receipts_write(mine, &s, keep, NULL), 0);
	ck_assert(!pan_find(str_of(codes[0]), NULL, NULL));
	ck_assert_int_eq(read_code(codes[0]), 0);
	ck_assert_uint_gt(receipt.head.shift, 0);
	ck_assert(key128_eq(receipt.head.key, s.head.key));
	end();
}
END_TEST

START_TEST(parts_are_each_signed_by_themselves)
{
	uint32_t seen = 0;

	begin();
	write_by(mine, RECEIPT_LINES_MAX);
	ck_assert_uint_gt(codes_count, 3);
	for (uint32_t i = codes_count; i-- > 0;) {
		ck_assert_int_eq(read_code(codes[i]), 0);
		ck_assert_uint_eq(receipt.head.part, i + 1);
		ck_assert_uint_eq(receipt.head.parts, codes_count);
		seen += receipt.lines_count;
	}
	ck_assert_uint_eq(seen, RECEIPT_LINES_MAX);
	end();
}
END_TEST

UNIT_MAIN("receipts", own_codes_are_believed_also_after_a_restart,
	  the_same_receipt_has_the_same_code, every_changed_bit_of_a_code_is_refused,
	  every_cut_of_a_code_is_refused, a_foreign_key_is_named_and_not_believed,
	  a_listed_key_is_believed_and_an_error_ends_the_list,
	  a_key_of_the_same_id_is_no_signature, environments_never_mix,
	  rotation_keeps_the_old_codes_and_distrust_does_not,
	  a_distrusted_key_is_refused_though_the_list_has_it,
	  lists_are_read_once_a_change,
	  a_key_that_others_can_read_or_that_is_none_is_refused,
	  a_credential_comes_first_and_is_not_rotated,
	  a_list_is_read_or_its_wrong_line_named, no_code_looks_like_a_card_number,
	  parts_are_each_signed_by_themselves)
