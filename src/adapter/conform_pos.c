/*
 * Conformance: what an adapter that poses as a terminal tells its POS. The kit plays the POS of the test
 * adapter's protocol (tests/terminal): four bytes of length and one JSON object a message.
 */
#include "adapter/conform_bench.h"

#include "adapter/vhost_conns.h"
#include "base/json.h"

#include <string.h>

#define PLAYED "relay" /* by the plug-in's name */
#define HEAD_BYTES 4u
#define MESSAGE_BYTES 4096u
#define ARENA_BYTES 65536u

/* A message of the POS. */
static void
say(struct bench *b, uint64_t conn, const char *text)
{
	uint8_t bytes[HEAD_BYTES + MESSAGE_BYTES];
	size_t n = strlen(text);

	bytes[0] = bytes[1] = 0;
	bytes[2] = (uint8_t)(n >> 8);
	bytes[3] = (uint8_t)n;
	memcpy(bytes + HEAD_BYTES, text, n); /* they are short */
	if (vhost_conns_feed(b->host, conn, bytes, HEAD_BYTES + n, NULL) < 0)
		bench_fail("it has closed the connection of the POS");
	bench_run(b, BENCH_SETTLE_MS);
}

/* The member "name" of the answer that has come, "" none; the rest is thrown away. */
static void
hear(struct bench *b, uint64_t conn, const char *name, char *buf, size_t buf_bytes)
{
	uint8_t bytes[HEAD_BYTES + MESSAGE_BYTES];
	size_t n = vhost_conns_take(b->host, conn, bytes, sizeof(bytes));
	struct arena *arena = arena_new(ARENA_BYTES);
	const struct value *m = NULL;
	struct str s = { "", 0 };

	if (arena == NULL)
		bench_fail("out of memory");
	buf[0] = '\0';
	if (n > HEAD_BYTES &&
	    json_parse(arena,
		       (struct str){ (const char *)bytes + HEAD_BYTES, n - HEAD_BYTES },
		       0, &m, NULL) == 0 &&
	    value_get_str(m, name, buf_bytes - 1, &s) == 0)
		(void)str_copy(buf, buf_bytes, s); /* fits */
	arena_free(arena);
}

/* The POS has asked for money, and has the approval. */
static uint64_t
sell(struct bench *b)
{
	char outcome[16];
	uint64_t conn;

	b->policy.tenders = true;
	if (vhost_conns_connect(b->host, LANED_ENDPOINT_POS, 0, &conn) < 0)
		bench_fail("it does not listen for its POS");
	bench_run(b, BENCH_SETTLE_MS);
	say(b, conn,
	    "{\"type\":\"pay\",\"id\":\"7001\",\"ticket\":\"17\",\"rev\":0,"
	    "\"amount\":1149,\"currency\":\"EUR\"}");
	if (b->keys == 0)
		bench_fail("what the POS asks for is not told to laned");
	if (bench_submit(b, LANED_REQ_ANSWER, b->tender) == NULL)
		bench_fail("it does not take the answer");
	bench_run(b, BENCH_SETTLE_MS);
	hear(b, conn, "outcome", outcome, sizeof(outcome));
	if (strcmp(outcome, "approved") != 0)
		bench_fail("an approval reaches the POS as \"%s\"", outcome);
	return conn;
}

static void
begin(struct bench *b, const struct conform_options *o)
{
	bench_launch(b, o);
	if (!bench_can(b, LANED_CAP_TERMINAL))
		bench_skip("it poses as no terminal");
	if (strcmp(b->table->name, PLAYED) != 0)
		bench_skip("no POS is played for \"%s\"", b->table->name);
}

/* What laned could not store is not done, whatever the POS would like to hear. */
static void
check_words(struct bench *b, const struct conform_options *o)
{
	static const char *const words[] = { "abort", "undo", "done" };
	static const int statuses[] = { LANED_NOT_DURABLE, LANED_GONE, LANED_AGAIN,
					LANED_REFUSED, LANED_OK };
	char text[64], told[16];
	uint64_t conn;

	begin(b, o);
	conn = sell(b);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (size_t k = 0; k < sizeof(statuses) / sizeof(statuses[0]); k++) {
			b->words = 0;
			b->policy.word = statuses[k];
			(void)snprintf(text, sizeof(text),
				       "{\"type\":\"%s\",\"id\":\"7001\"}",
				       words[i]); /* fits */
			say(b, conn, text);
			hear(b, conn, "type", told, sizeof(told));
			if (b->words == 0)
				bench_fail("\"%s\" of the POS is not told to laned",
					   words[i]);
			if (statuses[k] != LANED_OK && strcmp(told, "ok") == 0)
				bench_fail("event() returns %d, and the POS is told that "
					   "its \"%s\" is done",
					   statuses[k], words[i]);
			if (statuses[k] == LANED_OK && strcmp(told, "ok") != 0)
				bench_fail("\"%s\" is stored, and the POS is told \"%s\"",
					   words[i], told);
		}
	}
	bench_end(b);
}

const struct conform_check conform_checks_pos[] = {
	{ "pos-words",
	  "the POS's abort, undo and done are acknowledged when they are stored",
	  check_words },
	{ NULL, NULL, NULL },
};
