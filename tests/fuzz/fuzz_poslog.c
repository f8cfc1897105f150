/* A hostile log of a POS, whole and in pieces: the same baskets, and each of them can be priced. */
#include "ctl/poslog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	uint64_t baskets, lines, faults;
	int64_t read_minor;
};

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static int
on_basket(void *ctx, const struct past_basket *b)
{
	struct sum *s = ctx;

	s->baskets++;
	s->lines += b->basket.lines_count;
	s->read_minor ^= past_read_minor(b);
	require(b->basket.lines_count <= PRICING_LINES_MAX);
	for (size_t i = 0; i < b->basket.lines_count; i++) {
		const struct pricing_line *l = &b->basket.lines[i];

		require(l->line == i + 1 && l->qty_milli > 0 && l->amount_minor >= 0);
		require(l->unit_price_minor <= MONEY_MINOR_MAX * 1000);
		require(l->vat_bp <= BP_ONE);
		require(str_utf8_ok(l->code) && str_utf8_ok(l->category));
	}
	return 0;
}

static int
on_fault(void *ctx, const struct past_fault *f)
{
	struct sum *s = ctx;

	s->faults++;
	require(f->line > 0 && f->column > 0 && f->what[0] != '\0');
	return 0;
}

static int
read_log(const uint8_t *data, size_t size, size_t piece, struct sum *sum)
{
	static const struct poslog_options o = { .currency = "EUR" };
	struct past_sink sink = { on_basket, on_fault, sum };
	struct poslog *p = poslog_new(&o, &sink);
	struct past_fault fault = { 0 };
	size_t at = 0;
	int rc = 0;

	*sum = (struct sum){ 0 };
	if (p == NULL)
		return -ENOMEM;
	do {
		size_t n = size - at < piece ? size - at : piece;

		rc = poslog_feed(p, (struct str){ (const char *)data + at, n },
				 at + n == size, &fault);
		at += n;
	} while (rc == 0 && at < size);
	require(rc == 0 || rc == -ENOMEM || (rc == -EBADMSG && fault.what[0] != '\0'));
	poslog_free(p);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sum whole, pieces;
	int rc = read_log(data, size, size + 1, &whole);

	if (rc == -ENOMEM || read_log(data, size, 7, &pieces) == -ENOMEM)
		return 0;
	if (rc == 0)
		require(memcmp(&whole, &pieces, sizeof(whole)) == 0);
	return 0;
}
