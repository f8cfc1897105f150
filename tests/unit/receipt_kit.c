#include "receipt_kit.h"

#include <string.h>

struct receipt_head
kit_receipt_head(void)
{
	struct receipt_head h = {
		.key_id = { 1, 2, 3, 4 },
		.checkout = { { 1, 0x9d, 0x3e, 0x4f, 5, 6, 7, 8, 9 } },
		.business_day = 20261122,
		.currency = "EUR",
		.store = "store-1",
		.lane = "lane-1",
		.total_minor = 12345,
		.tender = RECEIPT_TENDER_KEY,
		.token_minor = 12345,
		.key = { { 0xaa, 0xbb } },
	};

	return h;
}

void
kit_receipt_lines(struct receipt_line *lines, uint32_t count)
{
	memset(lines, 0, count * sizeof(*lines));
	for (uint32_t i = 0; i < count; i++) {
		lines[i].line = i + 1;
		lines[i].parts = 1;
		lines[i].net_minor = 100 + (int64_t)i;
		lines[i].vat_bp = 2200;
	}
}
