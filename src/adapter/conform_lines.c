/*
 * The other side of the template's protocol (plugins/template/messages.c) as the conformance kit plays
 * it: a point of sale with a ledger, over the connection that the plug-in opens by its option "peer".
 * It says one thing after the other and repeats what was not acknowledged, as the protocol wants it.
 */
#include "adapter/conform_bench.h"
#include "adapter/vhost_conns.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define OPTION "peer"
#define LINE_BYTES_MAX 65536u
#define ARENA_BYTES (4u * LINE_BYTES_MAX)
#define MESSAGE_BYTES 512u
#define KEY_HEX 32u

static void
feed(struct vhost *v, const char *text, size_t n)
{
	uint64_t conn = vhost_conns_of(v, OPTION);

	if (conn != 0)
		(void)vhost_conns_feed(v, conn, text, n, NULL); /* it may be ending */
}

static void
say_about(struct vhost *v, const struct laned_key *key, const char *word, int64_t amount)
{
	char text[MESSAGE_BYTES], hex[KEY_HEX + 1];
	struct strbuf b;

	(void)hex_encode(hex, sizeof(hex), key->b, sizeof(key->b)); /* fits */
	strbuf_init(&b, text, sizeof(text));
	strbuf_addf(&b, "{\"id\":1,\"do\":\"answer\",\"key\":\"%s\",\"is\":\"%s\"", hex,
		    word);
	if (amount >= 0)
		strbuf_addf(&b, ",\"amount\":%lld,\"auth\":\"A1\",\"ref\":\"R-%.8s\"",
			    (long long)amount, hex + 24);
	strbuf_addf(&b, "}\n");
	feed(v, text, b.used);
}

static void
say_end(struct vhost *v, const struct laned_key *key, const char *word)
{
	say_about(v, key, word, -1);
}

/* One line of the plug-in; an acknowledgement and an offer want nothing. */
static void
take(struct peer *p, struct vhost *v, struct str line)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	const struct value *m = NULL;
	struct str what, hex;
	struct laned_key key;
	int64_t amount = 0;

	if (arena == NULL || json_parse(arena, line, 0, &m, NULL) < 0)
		bench_fail("it sends what is no line of JSON");
	if (value_get_str(m, "do", 16, &what) < 0 || str_is(what, "offer"))
		goto out;
	if (value_get_str(m, "key", KEY_HEX, &hex) < 0 || hex.n != KEY_HEX ||
	    hex_decode(key.b, sizeof(key.b), hex) < 0)
		bench_fail("it sends \"%.*s\" without a key", (int)what.n, what.p);
	if (str_is(what, "pay") && value_get_int(m, "amount", 1, INT64_MAX, &amount) == 0)
		peer_take_pay(p, v, &key, amount);
	else if (str_is(what, "query"))
		peer_tell(p, v, peer_entry_make(p, &key));
	else if (str_is(what, "confirm") || str_is(what, "undo"))
		peer_take_end(p, v, &key, str_is(what, "undo"));
	else
		bench_fail("it sends \"%.*s\", which is not of the protocol", (int)what.n,
			   what.p);
out:
	arena_free(arena);
}

/* The plug-in sends whole lines in one piece each, so none is taken in parts. */
static void
serve(struct peer *p, struct vhost *v)
{
	struct vhost_conn c;

	for (size_t i = 0; vhost_conns_at(v, i, &c); i++) {
		char *bytes = malloc(c.sent + 1);
		size_t n, begin = 0;

		if (bytes == NULL)
			bench_fail("out of memory");
		n = vhost_conns_take(v, c.id, (uint8_t *)bytes, c.sent);
		for (size_t k = 0; k < n; k++) {
			if (bytes[k] != '\n')
				continue;
			take(p, v, (struct str){ bytes + begin, k - begin });
			begin = k + 1;
		}
		free(bytes);
	}
}

static void
basket(struct vhost *v, unsigned ticket)
{
	char text[MESSAGE_BYTES];
	struct strbuf b;

	strbuf_init(&b, text, sizeof(text));
	strbuf_addf(
		&b,
		"{\"id\":1,\"do\":\"basket\",\"ticket\":\"%u\",\"rev\":1,\"currency\":"
		"\"EUR\",\"lines\":[{\"line\":1,\"text\":\"Milk\",\"qty_milli\":1000,"
		"\"unit_price\":1149,\"amount\":1149}],\"final\":true}\n",
		ticket);
	feed(v, text, b.used);
}

static bool
noise(struct vhost *v, unsigned i, uint64_t random)
{
	static const char *const texts[] = {
		"{\"id\":1,\"do\":\"answer\",\"key\":"
		"\"4b000000000000000000000000000001\"}\n",
		"{\"id\":1,\"do\":\"answer\",\"key\":"
		"\"4b000000000000000000000000000001\","
		"\"is\":7}\n",
		"{\"id\":1,\"do\":\"answer\",\"is\":\"appr",
		"{\"id\":1,\"do\":\"basket\",\"ticket\":\"17\",\"rev\":-1,\"lines\":[{}]}"
		"\n",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
		"{\"id\":-9223372036854775808}\n\n",
	};
	char bytes[64];

	if (i >= sizeof(texts) / sizeof(texts[0]))
		return false;
	if (random >> 62 != 0) {
		feed(v, texts[i], strlen(texts[i]));
		return true;
	}
	for (size_t k = 0; k < sizeof(bytes); k++)
		bytes[k] = (char)(random >> (k % 8 * 8) ^ k * 37);
	feed(v, bytes, (size_t)(random >> 40) % sizeof(bytes));
	return true;
}

const struct peer_ops peer_lines = {
	"template", serve, say_about, say_end, basket, noise
};
