/*
 * What the peer of the template may say: one line. The sources of the plug-in are part of this program, so
 * that they are instrumented; who begins another adapter begins with this target, too.
 */
#include "../../plugins/sdk/text.c"
#define reader json_reader /* the template has another */
#include "../../plugins/sdk/json_in.c"
#undef reader
#include "../../plugins/sdk/json_out.c"
#include "../../plugins/sdk/json_fields.c"
#include "../../plugins/template/messages.c"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_BYTES 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything that a message points to lies in the line. */
static void
check_str(struct laned_str s, const char *text, size_t n)
{
	assert(s.n == 0 || (s.p >= text && s.p + s.n <= text + n));
	assert(laned_utf8_ok(s));
}

static void
check_basket(const struct laned_basket *b, const char *text, size_t n)
{
	assert(b->lines_count <= BASKET_LINES_MAX);
	check_str(b->ticket, text, n);
	check_str(b->currency, text, n);
	check_str(b->date, text, n);
	for (uint32_t i = 0; i < b->lines_count; i++) {
		check_str(b->lines[i].gtin, text, n);
		check_str(b->lines[i].text, text, n);
		check_str(b->lines[i].category, text, n);
	}
}

static void
check_message(const struct laned_said *m, const char *text, size_t n)
{
	if (m->kind == LANED_SAID_BASKET) {
		check_basket(&m->basket, text, n);
		return;
	}
	check_str(m->ticket, text, n);
	check_str(m->value, text, n);
	check_str(m->answer.auth, text, n);
	check_str(m->answer.ref, text, n);
	/* Nothing that is not an outcome is told to laned. */
	assert(m->kind != LANED_SAID_ANSWER || m->answer.outcome != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message_memory r;
	char *text = malloc(size == 0 ? 1 : size), answer[ANSWER_BYTES];
	struct laned_writing w = { .buf = answer, .bytes = sizeof(answer) };
	struct laned_said m = { .kind = LANED_SAID_NOTHING };
	int rc;

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	rc = message_read(&r, text, size, &m);
	assert(rc == LANED_OK || rc == LANED_INVALID);
	if (rc == LANED_OK)
		check_message(&m, text, size);
	/* Whatever its number is, it can be acknowledged in one line. */
	assert(message_acknowledge(&r, m.id, rc, &w) == LANED_OK);
	assert(w.text.n > 0 &&
	       memchr(w.text.p, '\n', w.text.n) == w.text.p + w.text.n - 1);
	free(text);
	return 0;
}
