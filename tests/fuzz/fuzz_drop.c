/*
 * What a POS may leave in the folder: the first byte chooses the kind of file, the rest is its
 * content. The sources of the plug-in are part of this program, so that they are instrumented.
 */
#include "../../plugins/sdk/text.c"
#include "../../plugins/sdk/json_in.c"
#include "../../plugins/sdk/json_out.c"
#include "../../plugins/drop/messages.c"

#include <assert.h>
#include <stdlib.h>

#define NODES 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
guard_nothing(void *ctx, struct laned_str text)
{
	size_t *seen = ctx;

	*seen += text.n;
	return LANED_OK;
}

/* Everything that a message points to lies in the text. */
static void
check_str(struct laned_str s, const char *text, size_t n)
{
	assert(s.n == 0 || (s.p >= text && s.p + s.n <= text + n));
	assert(laned_utf8_ok(s));
}

static void
check_message(const struct drop_message *m, const char *text, size_t n)
{
	check_str(m->result.auth, text, n);
	check_str(m->result.ref, text, n);
	check_str(m->basket.ticket, text, n);
	check_str(m->basket.currency, text, n);
	check_str(m->claim.value, text, n);
	assert(m->basket.lines_count <= DROP_LINES_MAX);
	for (uint32_t i = 0; i < m->basket.lines_count; i++) {
		const struct laned_line *l = &m->basket.lines[i];

		check_str(l->gtin, text, n);
		check_str(l->plu, text, n);
		check_str(l->text, text, n);
		check_str(l->category, text, n);
		check_str(l->brand, text, n);
		assert(l->amount <= AMOUNT_MAX && l->amount >= -AMOUNT_MAX);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct laned_json_node nodes[NODES];
	static struct laned_line lines[DROP_LINES_MAX];
	static const char *const stems[] = { "17", "000102030405060708090a0b0c0d0e0f" };
	size_t guarded = 0, n = size == 0 ? 0 : size - 1;
	struct drop_reader r = { .json = { .nodes = nodes, .nodes_max = NODES },
				 .lines = lines,
				 .lines_max = DROP_LINES_MAX,
				 .guard = guard_nothing,
				 .guard_ctx = &guarded };
	struct laned_str stem, kept;
	struct drop_message m;
	enum drop_kind kind;
	char *text;
	int rc;

	if (size == 0)
		return 0;
	/* A name of any bytes, too. */
	(void)drop_name_kind((struct laned_str){ (const char *)data, size }, &kept);
	kind = (enum drop_kind)(DROP_RESULT + data[0] % 5);
	stem = laned_str_of(stems[kind == DROP_RESULT || kind == DROP_DONE]);
	text = malloc(n == 0 ? 1 : n); /* exact: a read past it is seen */
	if (text == NULL)
		return 0;
	memcpy(text, data + 1, n);
	rc = drop_read(&r, kind, stem, text, n, &m);
	if (rc == LANED_OK)
		check_message(&m, text, n);
	else
		assert(r.what != NULL && r.line > 0 && r.column > 0);
	free(text);
	return 0;
}
