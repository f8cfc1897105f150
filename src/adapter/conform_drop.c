/*
 * The other side of drop format v1 as the conformance kit plays it: a POS with a ledger that takes
 * files from "out" and answers in "in". docs/adapter-drop.md has the format and the POS's rules.
 */
#include "adapter/conform_bench.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define KEY_HEX 32u
#define MESSAGE_BYTES 512u
#define ARENA_BYTES 65536u

static void
put_text(struct vhost *v, const char *name, const char *text)
{
	if (vhost_put(v, "in", name, str_of(text)) < 0)
		bench_fail("the folder \"in\" of the drop format is missing");
}

static void
put_answer(struct vhost *v, const struct laned_key *key, const char *kind,
	   const char *member, const char *word, int64_t amount)
{
	char name[64], text[MESSAGE_BYTES], hex[KEY_HEX + 1];
	struct strbuf b;

	(void)hex_encode(hex, sizeof(hex), key->b, sizeof(key->b)); /* fits */
	strbuf_init(&b, name, sizeof(name));
	strbuf_addf(&b, "%s.%s.json", hex, kind);
	strbuf_init(&b, text, sizeof(text));
	strbuf_addf(&b, "{\"v\":1,\"key\":\"%s\",\"%s\":\"%s\"", hex, member, word);
	if (amount >= 0)
		strbuf_addf(&b, ",\"amount\":%lld,\"auth\":\"A1\",\"ref\":\"R-%.8s\"",
			    (long long)amount, hex + 24);
	strbuf_addf(&b, "}");
	put_text(v, name, text);
}

static void
say(struct vhost *v, const struct laned_key *key, const char *outcome, int64_t amount)
{
	put_answer(v, key, "result", "outcome", outcome, amount);
}

static void
say_end(struct vhost *v, const struct laned_key *key, const char *word)
{
	put_answer(v, key, "done", "state", word, -1);
}

static int64_t
amount_of(const struct vhost_file *f)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	const struct value *v = NULL;
	int64_t amount = 0;

	if (arena == NULL ||
	    json_parse(arena, (struct str){ f->data, f->bytes }, 0, &v, NULL) < 0 ||
	    value_get_int(v, "amount", 1, INT64_MAX, &amount) < 0)
		bench_fail("%s is not what the format wants", f->name);
	arena_free(arena);
	return amount;
}

static void
take(struct peer *p, struct vhost *v, const struct vhost_file *f)
{
	const char *dot = strchr(f->name, '.');
	struct laned_key key;

	if (dot == NULL || (size_t)(dot - f->name) != KEY_HEX ||
	    hex_decode(key.b, sizeof(key.b), (struct str){ f->name, KEY_HEX }) < 0)
		return; /* an offer */
	if (strcmp(dot, ".pay.json") == 0 || strcmp(dot, ".refund.json") == 0)
		peer_take_pay(p, v, &key, amount_of(f));
	else if (strcmp(dot, ".query.json") == 0)
		peer_tell(p, v, peer_entry_make(p, &key));
	else if (strcmp(dot, ".confirm.json") == 0)
		peer_take_end(p, v, &key, false);
	else if (strcmp(dot, ".undo.json") == 0)
		peer_take_end(p, v, &key, true);
	else
		bench_fail("%s is no file of the format", f->name);
}

static void
serve(struct peer *p, struct vhost *v)
{
	const struct vhost_file *f;

	while ((f = vhost_file_at(v, "out", 0)) != NULL) {
		struct vhost_file copy = *f;

		take(p, v, f);
		(void)vhost_remove(v, "out", copy.name); /* it was there */
	}
}

static void
basket(struct vhost *v, unsigned ticket)
{
	char name[64], text[MESSAGE_BYTES];
	struct strbuf b;

	strbuf_init(&b, name, sizeof(name));
	strbuf_addf(&b, "%u.basket.json", ticket);
	strbuf_init(&b, text, sizeof(text));
	strbuf_addf(
		&b,
		"{\"v\":1,\"ticket\":\"%u\",\"rev\":1,\"currency\":\"EUR\",\"lines\":[{"
		"\"line\":1,\"plu\":\"4711\",\"text\":\"Milk\",\"qty_milli\":1000,"
		"\"unit_price\":1149,\"amount\":1149}],\"final\":true}",
		ticket);
	put_text(v, name, text);
}

/* Names that the format knows, with contents that it does not. */
static bool
noise(struct vhost *v, unsigned i, uint64_t random)
{
	static const char *const names[] = {
		"17.basket.json",
		"17.claim.json",
		"17.cancel.json",
		"000102030405060708090a0b0c0d0e0f.result.json",
		"000102030405060708090a0b0c0d0e0f.done.json",
		"4b000000000000000000000000000001.result.json",
		"x",
	};
	static const char *const texts[] = {
		"{\"v\":1,\"key\":\"4b000000000000000000000000000001\",\"outcome\":"
		"\"appr",
		"{\"v\":1,\"key\":\"4b000000000000000000000000000001\",\"outcome\":7}",
		"{\"v\":9,\"key\":\"4b000000000000000000000000000001\",\"outcome\":"
		"\"approved\",\"amount\":1149}",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
		"{\"v\":1,\"ticket\":\"17\",\"rev\":-1,\"lines\":[{}]}",
		"",
	};
	char bytes[64];

	if (i >= sizeof(names) / sizeof(names[0]))
		return false;
	if (random >> 62 == 0) {
		put_text(v, names[i],
			 texts[(random >> 32) % (sizeof(texts) / sizeof(texts[0]))]);
		return true;
	}
	for (size_t k = 0; k < sizeof(bytes); k++)
		bytes[k] = (char)(random >> (k % 8 * 8) ^ k * 37);
	if (vhost_put(v, "in", names[i],
		      (struct str){ bytes, (size_t)(random >> 40) % sizeof(bytes) }) < 0)
		bench_fail("the folder \"in\" of the drop format is missing");
	return true;
}

const struct peer_ops peer_drop = { "drop", serve, say, say_end, basket, noise };
