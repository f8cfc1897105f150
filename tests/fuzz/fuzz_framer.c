/*
 * Framers on any bytes of both sides. In every cut they say the same: fed byte by byte, and in the pieces
 * that the input asks for, a transaction ends at the same places; nothing is taken that was not there,
 * and what is lost stays lost. Input: the framing, then pieces: side and length in one byte, bytes.
 */
#include "adapter/framer.h"

#include <stdlib.h>
#include <string.h>

#define ENDS_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* After how many bytes of the whole input transactions ended. */
struct ends {
	size_t at[ENDS_MAX];
	size_t n;
};

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static void
feed(struct framer *f, enum framer_side side, const uint8_t *data, size_t n, size_t base,
     struct ends *ends)
{
	size_t at = 0;

	while (at < n) {
		enum framer_state was = f->state;
		bool ended;
		size_t took = framer_feed(f, side, data + at, n - at, &ended);

		require(took <= n - at);
		require(took == n - at || ended);
		require(!ended || f->state == FRAMER_IDLE);
		require(was != FRAMER_LOST || f->state == FRAMER_LOST);
		at += took;
		if (ended && ends->n < ENDS_MAX)
			ends->at[ends->n++] = base + at;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ends pieces, bytes;
	struct framer a, b;
	enum framing framing;

	if (size == 0)
		return 0;
	framing = (enum framing)(data[0] % 5);
	framer_init(&a, framing);
	framer_init(&b, framing);
	pieces.n = bytes.n = 0;
	for (size_t at = 1; at < size;) {
		enum framer_side side =
			(data[at] & 0x80) != 0 ? FRAMER_TERMINAL : FRAMER_POS;
		size_t n = data[at] & 0x7f;

		at++;
		if (n > size - at)
			n = size - at;
		feed(&a, side, data + at, n, at, &pieces);
		for (size_t i = 0; i < n; i++)
			feed(&b, side, data + at + i, 1, at + i, &bytes);
		require(a.state == b.state);
		at += n;
	}
	require(pieces.n == bytes.n);
	require(memcmp(pieces.at, bytes.at, pieces.n * sizeof(pieces.at[0])) == 0);
	return 0;
}
