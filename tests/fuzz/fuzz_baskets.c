/* A hostile file of past baskets: what is read can be written, and read again it is the same. */
#include "ctl/baskets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_BYTES_MAX ((size_t)1 << 20)

struct written {
	struct json_out *out;
	char *text;
	size_t used;
	uint64_t baskets;
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
	struct written *w = ctx;
	struct str text;
	int rc = baskets_write(b, w->out, &text);

	require(rc == 0 || rc == -EMSGSIZE || rc == -ENOMEM);
	require(b->basket.lines_count <= PRICING_LINES_MAX);
	if (rc < 0 || text.n + 1 > TEXT_BYTES_MAX - w->used)
		return 0;
	memcpy(w->text + w->used, text.p, text.n);
	w->text[w->used + text.n] = '\n';
	w->used += text.n + 1;
	w->baskets++;
	return 0;
}

static int
on_fault(void *ctx, const struct past_fault *f)
{
	(void)ctx;
	require(f->line > 0 && f->column > 0 && f->what[0] != '\0');
	return 0;
}

static void
read_all(const void *data, size_t size, struct written *w)
{
	static const struct baskets_options o = { .timezone = "" };
	struct past_sink sink = { on_basket, on_fault, w };
	struct baskets_counts counts = { 0 };
	void *copy = malloc(size + 1);
	FILE *f;

	require(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	f = fmemopen(copy, size > 0 ? size : 1, "rb");
	require(f != NULL);
	if (size > 0)
		require(baskets_read_stream(f, "x", "jsonl", &o, &sink, &counts) == 0);
	(void)fclose(f); /* read only */
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct written first = { .out = json_out_new(TEXT_BYTES_MAX),
				 .text = malloc(TEXT_BYTES_MAX) };
	struct written second = { .out = json_out_new(TEXT_BYTES_MAX),
				  .text = malloc(TEXT_BYTES_MAX) };

	require(first.out != NULL && first.text != NULL && second.out != NULL &&
		second.text != NULL);
	read_all(data, size, &first);
	read_all(first.text, first.used, &second);
	require(first.used == second.used && first.baskets == second.baskets &&
		memcmp(first.text, second.text, first.used) == 0);
	json_out_free(first.out);
	json_out_free(second.out);
	free(first.text);
	free(second.text);
	return 0;
}
