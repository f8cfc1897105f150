/*
 * A receipt's code as it comes from a scanner, its payload as if it were signed, and a list of public
 * keys: what is read is written again the same, and nothing else is.
 */
#include "core/receipt.h"
#include "core/returns.h"
#include "lane/receipts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool fact)
{
	if (!fact)
		abort();
}

/* Parts of a line give back what was paid, cut anywhere. */
static void
check_refunds(const struct receipt_line *l)
{
	int64_t one = 0, rest = 0;

	if (l->net_minor < 0)
		return;
	require(returns_refund(&(struct returns_step){ l->net_minor, l->parts, 0, 1 },
			       &one) == 0);
	require(returns_refund(
			&(struct returns_step){ l->net_minor, l->parts, 1, l->parts - 1 },
			&rest) == 0);
	require(one >= 0 && rest >= 0 && one + rest == l->net_minor);
}

static void
take_payload(const uint8_t *payload, size_t n)
{
	uint8_t again[RECEIPT_PAYLOAD_MAX];
	struct receipt *r = malloc(sizeof(*r));
	struct receipt_source s;
	struct receipt_writer w = { 0 };
	size_t n_again = 0;

	require(r != NULL);
	if (receipt_read(payload, n, r) == 0) {
		s = (struct receipt_source){ r->head, r->lines, r->lines_count };
		w.part = r->head.part - 1;
		w.parts = r->head.parts;
		require(receipt_write(&s, &w, again, &n_again) == 0);
		require(n_again == n && memcmp(again, payload, n) == 0);
		for (uint32_t i = 0; i < r->lines_count; i++)
			check_refunds(&r->lines[i]);
	}
	free(r);
}

static void
take_text(struct str text)
{
	uint8_t bytes[RECEIPT_BYTES_MAX];
	char again[RECEIPT_CODE_BYTES];
	size_t n = 0;

	if (receipt_parse(text, bytes, &n) < 0)
		return;
	require(n <= sizeof(bytes));
	receipt_text(again, bytes, n);
	require(str_eq(str_of(again), text));
	if (n > RECEIPT_SIGNATURE_BYTES)
		take_payload(bytes, n - RECEIPT_SIGNATURE_BYTES);
}

static int
take_key(void *ctx, const struct receipts_key *k)
{
	uint32_t *count = ctx;

	require(k->origin == RECEIPTS_LISTED && memchr(k->name, 0, sizeof(k->name)));
	++*count;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct receipts_fault fault = { 0, NULL };
	uint32_t keys = 0;

	take_text(text);
	take_payload(data, size);
	if (receipts_list(text, take_key, &keys, &fault) < 0)
		require(fault.line > 0 && fault.what != NULL);
	return 0;
}
