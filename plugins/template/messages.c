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

static const struct laned_word outcomes[] = {
	{ "approved", LANED_OUT_APPROVED },       { "partial", LANED_OUT_PARTIAL },
	{ "confirmed", LANED_OUT_CONFIRMED },     { "undone", LANED_OUT_UNDONE },
	{ "declined", LANED_OUT_DECLINED },       { "cancelled", LANED_OUT_CANCELLED },
	{ "not-found", LANED_OUT_NOT_FOUND },     { "unknown", LANED_OUT_UNKNOWN },
	{ "in-progress", LANED_OUT_IN_PROGRESS }, { NULL, 0 },
};
static const struct laned_word claim_kinds[] = {
	{ "card", LANED_CLAIM_CARD },
	{ "phone", LANED_CLAIM_PHONE },
	{ "digits", LANED_CLAIM_DIGITS },
	{ "qr", LANED_CLAIM_QR },
	{ NULL, 0 },
};
static const struct laned_word kinds[] = {
	{ "basket", LANED_SAID_BASKET },
	{ "claim", LANED_SAID_CLAIM },
	{ "cancel", LANED_SAID_CANCEL },
	{ "answer", LANED_SAID_ANSWER },
	{ NULL, 0 },
};

/* ---- reading ------------------------------------------------------------------------------ */

static struct laned_line
read_line(struct laned_fields *f)
{
	return (struct laned_line){
		.size = sizeof(struct laned_line),
		.flags = laned_field_bool(f, "void") ? LANED_LINE_VOID : 0,
		.line = laned_field_must_int(f, "line"),
		.gtin = laned_field_str(f, "gtin", 0),
		.text = laned_field_str(f, "text", 0),
		.category = laned_field_str(f, "category", 0),
		.qty_milli = laned_field_must_int(f, "qty_milli"),
		.unit_price = laned_field_must_int(f, "unit_price"),
		.amount = laned_field_must_int(f, "amount"),
		.vat_bp = (int32_t)laned_field_int(f, "vat_bp", -1),
	};
}

static void
read_basket(struct laned_fields *f, struct message_memory *r, struct laned_basket *b)
{
	const struct laned_json_node *n = laned_json_member(f->json, f->object, "lines");

	b->size = sizeof(*b);
	b->ticket = laned_field_str(f, "ticket", 1);
	b->rev = laned_field_must_int(f, "rev");
	b->currency = laned_field_str(f, "currency", 1);
	b->flags = (laned_field_bool(f, "final") ? LANED_BASKET_FINAL : 0u) |
		   (laned_field_bool(f, "closed") ? LANED_BASKET_CLOSED : 0u) |
		   (laned_field_bool(f, "training") ? LANED_BASKET_TRAINING : 0u);
	b->date = laned_field_str(f, "date", 0);
	b->lines = r->lines;
	if (n == NULL || n->kind != LANED_JSON_ARRAY || n->count > BASKET_LINES_MAX) {
		f->ok = 0;
		return;
	}
	for (n = laned_json_first(f->json, n); n != NULL;
	     n = laned_json_next(f->json, n)) {
		struct laned_fields line = laned_fields_of(f->json, n);

		r->lines[b->lines_count++] = read_line(&line);
		f->ok = f->ok && line.ok;
	}
}

/* An amount that the peer does not tell is not known: never put the one that was asked for. */
static void
read_answer(struct laned_fields *f, struct laned_result *a)
{
	a->size = sizeof(*a);
	a->outcome = laned_field_word(f, "is", outcomes);
	a->amount = laned_field_int(f, "amount", -1);
	a->auth = laned_field_str(f, "auth", 0);
	a->ref = laned_field_str(f, "ref", 0);
	if (laned_key_parse(laned_field_str(f, "key", 1), &a->key) != LANED_OK)
		f->ok = 0;
}

int
message_read(void *memory, char *text, size_t n, struct laned_said *m)
{
	struct message_memory *r = memory;
	struct laned_json json = { .nodes = r->nodes, .nodes_max = NODES_MAX };
	struct laned_fields f;

	if (laned_json_parse(&json, text, n) != LANED_OK)
		return LANED_INVALID;
	f = laned_fields_of(&json, &r->nodes[0]);
	m->id = laned_field_must_int(&f, "id");
	m->kind = (enum laned_said_kind)laned_field_word(&f, "do", kinds);
	if (!f.ok)
		return LANED_INVALID;
	if (m->kind == LANED_SAID_BASKET)
		read_basket(&f, r, &m->basket);
	else if (m->kind == LANED_SAID_ANSWER)
		read_answer(&f, &m->answer);
	else
		m->ticket = laned_field_str(&f, "ticket", 1);
	if (m->kind == LANED_SAID_CLAIM) {
		m->claim_kind = laned_field_word(&f, "kind", claim_kinds);
		m->value = laned_field_str(&f, "value", 1);
	}
	return f.ok ? LANED_OK : LANED_INVALID;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void
write_offer(struct laned_json_out *o, const struct laned_request *q)
{
	laned_json_str(o, "ticket", q->ticket);
	laned_json_int(o, "rev", q->rev);
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

static void
write_pay(struct laned_json_out *o, const struct laned_request *q)
{
	laned_json_str(o, "ticket", q->ticket);
	laned_json_int(o, "rev", q->rev);
	laned_json_int(o, "amount", q->amount);
	laned_json_str(o, "currency", q->currency);
	laned_json_str(o, "token", q->token);
}

/*
 * To adapt: ids of your protocol's own, by which it can be asked about a payment later, go into w->blob.
 * This one is asked by our key.
 */
int
message_write(void *memory, const struct laned_request *q, struct laned_writing *w)
{
	static const char *const words[] = {
		[LANED_REQ_OFFER] = "offer", [LANED_REQ_PAY] = "pay",
		[LANED_REQ_QUERY] = "query", [LANED_REQ_CONFIRM] = "confirm",
		[LANED_REQ_UNDO] = "undo",
	};
	char hex[LANED_KEY_HEX_BYTES];
	struct laned_json_out o;

	(void)memory; /* nothing is remembered from one to the next */
	if (q->type >= sizeof(words) / sizeof(words[0]) || words[q->type] == NULL)
		return LANED_UNSUPPORTED;
	laned_json_out_init(&o, w->buf, w->bytes);
	laned_json_open(&o, NULL, '{');
	laned_json_str(&o, "do", laned_str_of(words[q->type]));
	if (q->type != LANED_REQ_OFFER) {
		laned_key_hex(hex, &q->key);
		laned_json_str(&o, "key", laned_str_of(hex));
	}
	if (q->type == LANED_REQ_OFFER)
		write_offer(&o, q);
	if (q->type == LANED_REQ_PAY)
		write_pay(&o, q);
	laned_json_close(&o);
	return laned_json_line(&o, &w->text);
}

int
message_acknowledge(void *memory, int64_t id, int status, struct laned_writing *w)
{
	struct laned_json_out o;

	(void)memory; /* as above */
	laned_json_out_init(&o, w->buf, w->bytes);
	laned_json_open(&o, NULL, '{');
	laned_json_int(&o, "ack", id);
	laned_json_bool(&o, "ok", status == LANED_OK);
	laned_json_close(&o);
	return laned_json_line(&o, &w->text);
}
