/*
 * The protocol: one JSON object a line. To adapt: this file is where another protocol goes.
 *
 * The peer sends   {"id":1,"do":"basket","ticket":"17","rev":1,"currency":"EUR","lines":[...],
 *                   "final":true,"closed":false,"training":false}
 *                  {"id":2,"do":"claim","ticket":"17","kind":"card","value":"..."}
 *                  {"id":3,"do":"cancel","ticket":"17"}
 *                  {"id":4,"do":"answer","key":"...","is":"approved","amount":781,"auth":"...","ref":"..."}
 * and we answer    {"ack":1,"ok":true}, or false when laned does not want it. It waits for that before it
 *                  says the next thing; what was not acknowledged, it says again when we have connected.
 * We send          {"do":"offer",...}, {"do":"pay",...}, {"do":"query","key":"..."}, confirm, undo.
 */
#include "template.h"

#include <string.h>

struct word {
	const char *text;
	uint32_t value;
};

static const struct word outcomes[] = {
	{ "approved", LANED_OUT_APPROVED },       { "partial", LANED_OUT_PARTIAL },
	{ "confirmed", LANED_OUT_CONFIRMED },     { "undone", LANED_OUT_UNDONE },
	{ "declined", LANED_OUT_DECLINED },       { "cancelled", LANED_OUT_CANCELLED },
	{ "not-found", LANED_OUT_NOT_FOUND },     { "unknown", LANED_OUT_UNKNOWN },
	{ "in-progress", LANED_OUT_IN_PROGRESS }, { NULL, 0 },
};
static const struct word claim_kinds[] = {
	{ "card", LANED_CLAIM_CARD },
	{ "phone", LANED_CLAIM_PHONE },
	{ "digits", LANED_CLAIM_DIGITS },
	{ "qr", LANED_CLAIM_QR },
	{ NULL, 0 },
};
static const struct word kinds[] = {
	{ "basket", MSG_BASKET },
	{ "claim", MSG_CLAIM },
	{ "cancel", MSG_CANCEL },
	{ "answer", MSG_ANSWER },
	{ NULL, 0 },
};

/* ---- reading ------------------------------------------------------------------------------ */

/* A member of an object, and whether all asked for so far were right. */
struct object {
	const struct laned_json *json;
	const struct laned_json_node *node;
	int ok;
};

static struct laned_str
get_str(struct object *o, const char *name, int must)
{
	const struct laned_json_node *n = laned_json_member(o->json, o->node, name);

	if (n != NULL && n->kind == LANED_JSON_STRING)
		return n->text;
	o->ok = o->ok && n == NULL && !must;
	return (struct laned_str){ NULL, 0 };
}

static int64_t
get_int(struct object *o, const char *name, int must, int64_t otherwise)
{
	const struct laned_json_node *n = laned_json_member(o->json, o->node, name);

	if (n != NULL && (n->kind == LANED_JSON_INT || n->kind == LANED_JSON_BOOL))
		return n->i;
	o->ok = o->ok && n == NULL && !must;
	return otherwise;
}

static uint32_t
get_word(struct object *o, const char *name, const struct word *words)
{
	struct laned_str text = get_str(o, name, 1);

	for (; words->text != NULL; words++)
		if (laned_str_is(text, words->text))
			return words->value;
	o->ok = 0;
	return 0;
}

static void
read_line(struct object *o, struct laned_line *l)
{
	memset(l, 0, sizeof(*l));
	l->size = sizeof(*l);
	l->line = get_int(o, "line", 1, 0);
	l->gtin = get_str(o, "gtin", 0);
	l->text = get_str(o, "text", 0);
	l->category = get_str(o, "category", 0);
	l->qty_milli = get_int(o, "qty_milli", 1, 0);
	l->unit_price = get_int(o, "unit_price", 1, 0);
	l->amount = get_int(o, "amount", 1, 0);
	l->vat_bp = (int32_t)get_int(o, "vat_bp", 0, -1);
	l->flags = get_int(o, "void", 0, 0) != 0 ? LANED_LINE_VOID : 0;
}

static void
read_basket(struct object *o, struct reader *r, struct laned_basket *b)
{
	const struct laned_json_node *lines =
		laned_json_member(o->json, o->node, "lines");

	b->size = sizeof(*b);
	b->ticket = get_str(o, "ticket", 1);
	b->rev = get_int(o, "rev", 1, 0);
	b->currency = get_str(o, "currency", 1);
	b->flags = (get_int(o, "final", 0, 0) != 0 ? LANED_BASKET_FINAL : 0u) |
		   (get_int(o, "closed", 0, 0) != 0 ? LANED_BASKET_CLOSED : 0u) |
		   (get_int(o, "training", 0, 0) != 0 ? LANED_BASKET_TRAINING : 0u);
	b->date = get_str(o, "date", 0);
	b->lines = r->lines;
	if (lines == NULL || lines->kind != LANED_JSON_ARRAY ||
	    lines->count > BASKET_LINES_MAX) {
		o->ok = 0;
		return;
	}
	for (const struct laned_json_node *n = laned_json_first(o->json, lines);
	     n != NULL; n = laned_json_next(o->json, n)) {
		struct object line = { o->json, n, n->kind == LANED_JSON_OBJECT };

		if (line.ok)
			read_line(&line, &r->lines[b->lines_count++]);
		o->ok = o->ok && line.ok;
	}
}

/* An amount that the peer does not tell is not known: never put the one that was asked for. */
static void
read_answer(struct object *o, struct laned_result *a)
{
	a->size = sizeof(*a);
	a->outcome = get_word(o, "is", outcomes);
	a->amount = get_int(o, "amount", 0, -1);
	a->auth = get_str(o, "auth", 0);
	a->ref = get_str(o, "ref", 0);
	if (laned_key_parse(get_str(o, "key", 1), &a->key) != LANED_OK)
		o->ok = 0;
}

int
message_read(struct reader *r, char *text, size_t n, struct message *m)
{
	struct laned_json json = { .nodes = r->nodes, .nodes_max = NODES_MAX };
	struct object o = { &json, &r->nodes[0], 1 };

	memset(m, 0, sizeof(*m));
	if (laned_json_parse(&json, text, n) != LANED_OK ||
	    r->nodes[0].kind != LANED_JSON_OBJECT)
		return LANED_INVALID;
	m->id = get_int(&o, "id", 1, 0);
	m->kind = (enum message_kind)get_word(&o, "do", kinds);
	if (!o.ok)
		return LANED_INVALID;
	if (m->kind == MSG_BASKET)
		read_basket(&o, r, &m->basket);
	else if (m->kind == MSG_ANSWER)
		read_answer(&o, &m->answer);
	else
		m->ticket = get_str(&o, "ticket", 1);
	if (m->kind == MSG_CLAIM) {
		m->claim_kind = get_word(&o, "kind", claim_kinds);
		m->value = get_str(&o, "value", 1);
	}
	return o.ok ? LANED_OK : LANED_INVALID;
}

/* ---- writing ------------------------------------------------------------------------------ */

static int
end_line(struct laned_json_out *o, char *buf, size_t bytes, struct laned_str *ret_line)
{
	int rc;

	laned_json_close(o);
	rc = laned_json_done(o, ret_line);
	if (rc == LANED_OK && ret_line->n + 1 >= bytes)
		rc = LANED_TOO_LARGE;
	if (rc == LANED_OK)
		buf[ret_line->n++] = '\n'; /* the text begins where buf does */
	return rc;
}

static void
write_offer(struct laned_json_out *o, const struct laned_request *q)
{
	if (q->member_no.n > 0)
		laned_json_str(o, "member_no", q->member_no);
	laned_json_open(o, "discounts", '[');
	for (uint32_t i = 0; i < q->discounts_count; i++) {
		laned_json_open(o, NULL, '{');
		laned_json_int(o, "line", q->discounts[i].line);
		laned_json_int(o, "amount", q->discounts[i].amount);
		laned_json_str(o, "text", q->discounts[i].text);
		laned_json_close(o);
	}
	laned_json_close(o);
	laned_json_int(o, "total", q->total);
}

int
message_write(char *buf, size_t bytes, const struct laned_request *q,
	      struct laned_str *ret_line)
{
	static const char *const words[] = {
		[LANED_REQ_OFFER] = "offer", [LANED_REQ_PAY] = "pay",
		[LANED_REQ_QUERY] = "query", [LANED_REQ_CONFIRM] = "confirm",
		[LANED_REQ_UNDO] = "undo",
	};
	char hex[LANED_KEY_HEX_BYTES];
	struct laned_json_out o;

	if (q->type >= sizeof(words) / sizeof(words[0]) || words[q->type] == NULL)
		return LANED_UNSUPPORTED;
	laned_json_out_init(&o, buf, bytes);
	laned_json_open(&o, NULL, '{');
	laned_json_str(&o, "do", laned_str_of(words[q->type]));
	if (q->type != LANED_REQ_OFFER) {
		laned_key_hex(hex, &q->key);
		laned_json_str(&o, "key", laned_str_of(hex));
	}
	if (q->type == LANED_REQ_OFFER || q->type == LANED_REQ_PAY) {
		laned_json_str(&o, "ticket", q->ticket);
		laned_json_int(&o, "rev", q->rev);
	}
	if (q->type == LANED_REQ_OFFER)
		write_offer(&o, q);
	if (q->type == LANED_REQ_PAY) {
		laned_json_int(&o, "amount", q->amount);
		laned_json_str(&o, "currency", q->currency);
		laned_json_str(&o, "token", q->token);
	}
	return end_line(&o, buf, bytes, ret_line);
}

int
message_write_ack(char *buf, size_t bytes, int64_t id, int status,
		  struct laned_str *ret_line)
{
	struct laned_json_out o;

	laned_json_out_init(&o, buf, bytes);
	laned_json_open(&o, NULL, '{');
	laned_json_int(&o, "ack", id);
	laned_json_bool(&o, "ok", status == LANED_OK);
	return end_line(&o, buf, bytes, ret_line);
}
