/* Bytes of a serial line with the kernel's marks: the same in any pieces, and never more than came. */
#include "base/stream_private.h"

#include <stdlib.h>
#include <string.h>

#define BYTES_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
	uint8_t text[BYTES_MAX *
		     2]; /* bytes, and what came between them, as 0 and 1 and the byte */
	size_t n;
};

static void
add(struct heard *h, uint8_t kind, uint8_t byte)
{
	if (h->n + 2 > sizeof(h->text))
		abort(); /* more than came */
	h->text[h->n++] = kind;
	h->text[h->n++] = byte;
}

static void
on_data(void *ctx, const uint8_t *data, size_t n)
{
	if (n == 0)
		abort();
	for (size_t i = 0; i < n; i++)
		add(ctx, 0, data[i]);
}

static void
on_modem(void *ctx, unsigned lines)
{
	if ((lines & STREAM_BREAK) == 0)
		abort();
	add(ctx, 1, 0);
}

static void
hear(const uint8_t *data, size_t size, size_t piece, struct heard *h)
{
	static const struct stream_events events = { .data = on_data, .modem = on_modem };
	struct stream s = { .e = events, .ctx = h, .state = STREAM_OPEN, .serial = true };
	uint8_t copy[BYTES_MAX];

	h->n = 0;
	for (size_t at = 0; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		memcpy(copy, data + at, n);
		stream_serial_data(&s, copy, n);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct heard whole, parts;

	if (size < 2 || size > BYTES_MAX)
		return 0;
	hear(data + 1, size - 1, size - 1, &whole);
	hear(data + 1, size - 1, 1u + data[0] % 7u, &parts);
	if (whole.n != parts.n || memcmp(whole.text, parts.text, whole.n) != 0)
		abort();
	return 0;
}
