#ifndef LANED_CORE_RECEIPT_H
#define LANED_CORE_RECEIPT_H

#include "base/plain/ids.h"
#include "base/plain/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The receipt code: what of a checkout a lane must know to take goods back, in a text that prints
 * and scans well. No card number, no member, no article. docs/returns.md has the format. Pure: the
 * signature is made and checked by whoever has the keys, over receipt_payload bytes.
 *
 * A basket that is too large for one code becomes several parts. Each one is signed by itself and
 * good by itself for the lines in it.
 */
#define RECEIPT_PREFIX "LR1" /* and base 32 of payload and signature */
#define RECEIPT_PREFIX_CHARS 3u
#define RECEIPT_KEY_ID_BYTES 4u
#define RECEIPT_SIGNATURE_BYTES 64u
#define RECEIPT_BYTES_MAX 560u /* of one part with its signature */
#define RECEIPT_PAYLOAD_MAX (RECEIPT_BYTES_MAX - RECEIPT_SIGNATURE_BYTES)
/* 896 digits of five bits: in a QR code of version 20 with error correction M (97 modules). */
#define RECEIPT_CODE_CHARS_MAX (RECEIPT_PREFIX_CHARS + RECEIPT_BYTES_MAX * 8u / 5u)
#define RECEIPT_CODE_BYTES (RECEIPT_CODE_CHARS_MAX + 1u) /* with a NUL */
#define RECEIPT_PARTS_MAX 64u
#define RECEIPT_LINES_MAX 999u
#define RECEIPT_PART_LINES_MAX 256u
#define RECEIPT_RATES_MAX 16u /* of one part; more begin another part */
#define RECEIPT_SHIFT_MAX 4u
#define RECEIPT_NAME_BYTES 33
#define RECEIPT_REF_BYTES 65

enum receipt_tender {
	RECEIPT_TENDER_OUTSIDE, /* the POS's own tenders: its own record has them */
	RECEIPT_TENDER_KEY, /* paid by token; the key is what POS and processor know it by */
	RECEIPT_TENDER_REF /* the same, and the processor gave a reference */
};

struct receipt_line {
	uint32_t line;   /* the POS's number, > 0 or 0; ascending */
	uint32_t vat_bp; /* at most 100 000 */
	bool measured;   /* parts are grams or thousandths, else units */
	int64_t parts;   /* 1..RETURNS_PARTS_MAX */
	int64_t net_minor; /* what it cost after all offers; below zero: it gave money back */
};

/* All of a receipt but its lines. */
struct receipt_head {
	uint8_t key_id[RECEIPT_KEY_ID_BYTES];
	bool live; /* the environment */
	struct ulid checkout;
	int32_t business_day; /* yyyymmdd, 0 unknown */
	char currency[4];
	char store[RECEIPT_NAME_BYTES], lane[RECEIPT_NAME_BYTES];
	int64_t total_minor; /* of all lines of all parts */
	enum receipt_tender tender;
	int64_t token_minor;         /* paid by token; 0 with RECEIPT_TENDER_OUTSIDE */
	struct key128 key;           /* RECEIPT_TENDER_KEY */
	char ref[RECEIPT_REF_BYTES]; /* RECEIPT_TENDER_REF, not empty */
	uint32_t part, parts;        /* from 1 */
	/*
	 * 0..4 bytes of nothing before all that varies, so that a code that happens to hold what looks
	 * like a payment card's number can be written otherwise.
	 */
	uint32_t shift;
};

/* One part, as it is read. */
struct receipt {
	struct receipt_head head;
	struct receipt_line lines[RECEIPT_PART_LINES_MAX];
	uint32_t lines_count;
};

/* What is to be written: the lines of all parts, by ascending number. */
struct receipt_source {
	struct receipt_head head; /* part and parts are filled in */
	const struct receipt_line *lines;
	uint32_t lines_count; /* 1..RECEIPT_LINES_MAX */
};

/*
 * How many parts it takes. 0; -EINVAL: something is outside its range or the lines do not ascend;
 * -E2BIG more than RECEIPT_PARTS_MAX.
 */
int receipt_parts(const struct receipt_source *s, uint32_t *ret_parts);

/* Where the writing of parts stands; begin with zeros and the number of receipt_parts. */
struct receipt_writer {
	uint32_t part, parts, line;
};
/*
 * Writes the payload of the next part. *ret_bytes 0: there is no further one. Errors as
 * receipt_parts.
 */
int receipt_write(const struct receipt_source *s, struct receipt_writer *w,
		  uint8_t payload[RECEIPT_PAYLOAD_MAX], size_t *ret_bytes);

/*
 * Reads a payload whose signature is known to be good; strict all the same: nothing is taken that
 * receipt_write would not write. 0; -EBADMSG; -ENOTSUP a later version.
 */
int receipt_read(const uint8_t *payload, size_t n, struct receipt *ret_receipt);

/* The key id of a payload that was not checked yet. 0; -EBADMSG; -ENOTSUP as above. */
int receipt_key_id(const uint8_t *payload, size_t n,
		   uint8_t ret_id[RECEIPT_KEY_ID_BYTES]);

/* The code of n <= RECEIPT_BYTES_MAX bytes. */
void receipt_text(char code[RECEIPT_CODE_BYTES], const uint8_t *data, size_t n);
/*
 * And back, exactly: capitals and digits only. 0; -EBADMSG no receipt code, cut off or misread;
 * -ENOTSUP one of another version.
 */
int receipt_parse(struct str code, uint8_t data[RECEIPT_BYTES_MAX], size_t *ret_bytes);

#endif
