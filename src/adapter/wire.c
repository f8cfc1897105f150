#include "adapter/wire.h"

#include "base/plain/ids.h"

#include <errno.h>
#include <string.h>

#define TEXT_BYTES_MAX 4096u
#define TICKET_BYTES_MAX 64u
#define TIMEOUT_MS_MAX 3600000
#define INT_MAX_EXACT INT64_C(9007199254740991)

struct word {
	uint32_t value;
	const char *name;
};

#define WORDS_END                                                                        \
	{                                                                                \
		0, NULL                                                                  \
	}

static const struct word outcomes[] = {
	{ LANED_OUT_APPROVED, "approved" },
	{ LANED_OUT_PARTIAL, "partial" },
	{ LANED_OUT_CONFIRMED, "confirmed" },
	{ LANED_OUT_UNDONE, "undone" },
	{ LANED_OUT_DONE, "done" },
	{ LANED_OUT_DECLINED, "declined" },
	{ LANED_OUT_CANCELLED, "cancelled" },
	{ LANED_OUT_NOT_SENT, "not-sent" },
	{ LANED_OUT_NOT_FOUND, "not-found" },
	{ LANED_OUT_UNKNOWN, "unknown" },
	{ LANED_OUT_IN_PROGRESS, "in-progress" },
	{ LANED_OUT_PASS, "pass" },
	WORDS_END,
};

static const struct word types[] = {
	{ LANED_REQ_OFFER, "offer" },
	{ LANED_REQ_PAY, "pay" },
	{ LANED_REQ_QUERY, "query" },
	{ LANED_REQ_CONFIRM, "confirm" },
	{ LANED_REQ_UNDO, "undo" },
	{ LANED_REQ_RECEIPT, "receipt" },
	{ LANED_REQ_REFUND, "refund" },
	{ LANED_REQ_ANSWER, "answer" },
	WORDS_END,
};

static const struct word states[] = {
	{ LANED_J_SENDING, "sending" },   { LANED_J_ANSWER_SENDING, "answer-sending" },
	{ LANED_J_UNKNOWN, "unknown" },   { LANED_J_APPROVED, "approved" },
	{ LANED_J_APPROVED, "partial" },  { LANED_J_UNDO_QUEUED, "undo-queued" },
	{ LANED_J_RESOLVED, "resolved" }, WORDS_END,
};

static const struct word events[] = {
	{ LANED_EV_LINK_UP, "link-up" },
	{ LANED_EV_LINK_DOWN, "link-down" },
	{ LANED_EV_TENDER_WANTED, "tender-wanted" },
	{ LANED_EV_TENDER_ABORT, "tender-abort" },
	{ LANED_EV_TENDER_CONFIRMED, "tender-confirmed" },
	{ LANED_EV_TENDER_UNDO, "tender-undo" },
	{ LANED_EV_REPEAT_WANTED, "repeat-wanted" },
	{ LANED_EV_NOTE, "note" },
	WORDS_END,
};

static const struct word claims[] = {
	{ LANED_CLAIM_CARD, "card" },
	{ LANED_CLAIM_PHONE, "phone" },
	{ LANED_CLAIM_DIGITS, "digits" },
	{ LANED_CLAIM_QR, "qr" },
	WORDS_END,
};

static const struct word healths[] = {
	{ LANED_HEALTH_DOWN, "down" },
	{ LANED_HEALTH_DEGRADED, "degraded" },
	{ LANED_HEALTH_UP, "up" },
	WORDS_END,
};

static const char *
name_of(const struct word *w, uint32_t value)
{
	for (; w->name != NULL; w++)
		if (w->value == value)
			return w->name;
	return NULL;
}

static int
value_of(const struct word *w, struct str name, uint32_t *ret_value)
{
	for (; w->name != NULL; w++) {
		if (!str_is(name, w->name))
			continue;
		*ret_value = w->value;
		return 0;
	}
	return -EPROTO;
}

const char *
wire_outcome_name(uint32_t outcome)
{
	return name_of(outcomes, outcome);
}

const char *
wire_journal_state_name(uint32_t state)
{
	return name_of(states, state);
}

const char *
wire_event_name(uint32_t type)
{
	return name_of(events, type);
}

const char *
wire_claim_name(uint32_t kind)
{
	return name_of(claims, kind);
}

const char *
wire_health_name(uint32_t state)
{
	return name_of(healths, state);
}

/* ---- reading ----------------------------------------------------------------------------- */

/* Reads members in turn; the first that is wrong is kept by its name. */
struct members {
	const struct value *v;
	const char *wrong;
};

static int64_t
need_int(struct members *m, const char *name, int64_t min, int64_t max)
{
	int64_t value = 0;

	if (value_get_int(m->v, name, min, max, &value) < 0 && m->wrong == NULL)
		m->wrong = name;
	return value;
}

static struct laned_str
get_str(struct members *m, const char *name, size_t n_max, bool needed)
{
	struct str s = { "", 0 };
	int rc = value_get_str(m->v, name, n_max, &s);

	if ((rc < 0 && (needed || rc != -ENOENT)) && m->wrong == NULL)
		m->wrong = name;
	return (struct laned_str){ s.p, s.n };
}

static void
need_key(struct members *m, struct laned_key *ret_key)
{
	if (wire_read_key(m->v, ret_key) < 0 && m->wrong == NULL)
		m->wrong = "key";
}

static int
read_key(const struct value *v, const char *name, struct laned_key *ret_key)
{
	struct key128 key;
	struct str s;

	if (value_get_str(v, name, KEY128_TEXT_BYTES - 1, &s) < 0 ||
	    key128_parse(s, &key) < 0)
		return -EPROTO;
	_Static_assert(sizeof(key) == sizeof(*ret_key), "a key is a key");
	memcpy(ret_key, &key, sizeof(key));
	return 0;
}

int
wire_read_key(const struct value *v, struct laned_key *ret_key)
{
	return read_key(v, "key", ret_key);
}

static void
need_req(struct members *m, struct host_wire_req *ret_req)
{
	const struct value *v = value_member(m->v, "req");

	*ret_req = (struct host_wire_req){ .is_int = false };
	if (v != NULL && v->kind == VALUE_INT) {
		ret_req->is_int = true;
		ret_req->i = v->i;
	} else if (v == NULL || v->kind != VALUE_STRING || v->s.n == 0 ||
		   str_copy(ret_req->text, sizeof(ret_req->text), v->s) < 0) {
		if (m->wrong == NULL)
			m->wrong = "req";
	}
}

/* The optional member "blob", hex, decoded into arena. 0 or -ENOMEM. */
static int
get_blob(struct members *m, struct arena *arena, struct laned_str *ret_blob)
{
	struct laned_str hex = get_str(m, "blob", 2 * LANED_BLOB_BYTES_MAX, false);
	char *bytes;

	*ret_blob = (struct laned_str){ NULL, 0 };
	if (hex.n == 0)
		return 0;
	bytes = arena_alloc(arena, hex.n / 2);
	if (bytes == NULL)
		return -ENOMEM;
	if (hex_decode(bytes, hex.n / 2, (struct str){ hex.p, hex.n }) < 0) {
		if (m->wrong == NULL)
			m->wrong = "blob";
		return 0;
	}
	*ret_blob = (struct laned_str){ bytes, hex.n / 2 };
	return 0;
}

static int
read_discounts(struct members *m, struct arena *arena, struct laned_request *q)
{
	const struct value *list;
	struct laned_discount *d;

	if (value_get_array(m->v, "discounts", &list) < 0 ||
	    list->count > WIRE_DISCOUNTS_MAX) {
		if (m->wrong == NULL)
			m->wrong = "discounts";
		return 0;
	}
	d = arena_array(arena, list->count, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	q->discounts = d;
	q->discounts_count = list->count;
	for (const struct value *v = list->first; v != NULL; v = v->next, d++) {
		struct members row = { v, NULL };

		d->size = sizeof(*d);
		d->line = (uint32_t)need_int(&row, "line", 0, UINT32_MAX);
		d->amount = need_int(&row, "amount", -INT_MAX_EXACT, INT_MAX_EXACT);
		d->text = get_str(&row, "text", TEXT_BYTES_MAX, false);
		if (row.wrong != NULL && m->wrong == NULL)
			m->wrong = "discounts";
	}
	return 0;
}

static int
read_offer(struct members *m, struct arena *arena, struct laned_request *q)
{
	q->rev = need_int(m, "rev", 0, INT_MAX_EXACT);
	q->member_no = get_str(m, "member_no", 64, false);
	q->total = need_int(m, "total", -INT_MAX_EXACT, INT_MAX_EXACT);
	if (value_get_int(m->v, "saving", -INT_MAX_EXACT, INT_MAX_EXACT, &q->saving) <
		    0 &&
	    value_member(m->v, "saving") != NULL && m->wrong == NULL)
		m->wrong = "saving";
	return read_discounts(m, arena, q);
}

static void
read_pay(struct members *m, struct laned_request *q)
{
	int64_t timeout_ms = 0;

	need_key(m, &q->key);
	q->rev = need_int(m, "rev", 0, INT_MAX_EXACT);
	q->amount = need_int(m, "amount", 1, INT_MAX_EXACT);
	q->currency = get_str(m, "currency", 3, true);
	q->token = get_str(m, "token", TEXT_BYTES_MAX, true);
	if (value_get_int(m->v, "timeout_ms", 1, TIMEOUT_MS_MAX, &timeout_ms) < 0 &&
	    value_member(m->v, "timeout_ms") != NULL && m->wrong == NULL)
		m->wrong = "timeout_ms";
	q->timeout_ms = (uint32_t)timeout_ms;
}

static int
read_receipts(struct members *m, struct arena *arena, struct laned_request *q)
{
	const struct value *list;
	struct laned_str *codes;

	if (value_member(m->v, "receipt") == NULL)
		return 0;
	if (value_get_array(m->v, "receipt", &list) < 0 ||
	    list->count > WIRE_RECEIPTS_MAX) {
		if (m->wrong == NULL)
			m->wrong = "receipt";
		return 0;
	}
	codes = arena_array(arena, list->count, sizeof(*codes));
	if (codes == NULL)
		return -ENOMEM;
	q->receipts = codes;
	q->receipts_count = list->count;
	for (const struct value *v = list->first; v != NULL; v = v->next) {
		if ((v->kind != VALUE_STRING || v->s.n > TEXT_BYTES_MAX) &&
		    m->wrong == NULL)
			m->wrong = "receipt";
		if (v->kind == VALUE_STRING)
			*codes++ = (struct laned_str){ v->s.p, v->s.n };
	}
	return 0;
}

/* What is given back of is told by the payment's key, by its reference (ref), or by both. */
static void
read_refund(struct members *m, struct laned_request *q)
{
	need_key(m, &q->key);
	if (value_member(m->v, "original") != NULL &&
	    read_key(m->v, "original", &q->original) < 0 && m->wrong == NULL)
		m->wrong = "original";
	if (value_member(m->v, "original") == NULL && q->ref.n == 0 && m->wrong == NULL)
		m->wrong = "original";
	q->amount = need_int(m, "amount", 1, INT_MAX_EXACT);
	q->currency = get_str(m, "currency", 3, true);
	q->timeout_ms = (uint32_t)need_int(m, "timeout_ms", 0, TIMEOUT_MS_MAX);
}

/* To the POS that asked for money. */
static void
read_answer(struct members *m, struct laned_request *q)
{
	struct laned_str outcome = get_str(m, "outcome", 32, true);

	need_key(m, &q->key);
	if (value_of(outcomes, (struct str){ outcome.p, outcome.n }, &q->outcome) < 0 &&
	    m->wrong == NULL)
		m->wrong = "outcome";
	q->rev = need_int(m, "rev", 0, INT_MAX_EXACT);
	q->amount = need_int(m, "amount", 0, INT_MAX_EXACT);
	q->currency = get_str(m, "currency", 3, true);
	q->auth = get_str(m, "auth", TEXT_BYTES_MAX, false);
	q->text = get_str(m, "text", TEXT_BYTES_MAX, false);
}

int
wire_read_submit(struct arena *arena, const struct value *params,
		 struct host_wire_req *ret_req, struct laned_request *ret_request,
		 const char **ret_what)
{
	struct members m = { params, NULL };
	struct laned_request q = { .size = sizeof(q) };
	struct laned_str type = get_str(&m, "type", 32, true);
	bool keyed;
	int rc = 0;

	need_req(&m, ret_req);
	if (value_of(types, (struct str){ type.p, type.n }, &q.type) < 0 &&
	    m.wrong == NULL)
		m.wrong = "type";
	keyed = q.type == LANED_REQ_QUERY || q.type == LANED_REQ_CONFIRM ||
		q.type == LANED_REQ_UNDO;
	q.ticket = get_str(&m, "ticket", TICKET_BYTES_MAX, !keyed);
	q.ref = get_str(&m, "ref", TEXT_BYTES_MAX, false);
	rc = get_blob(&m, arena, &q.blob);
	if (rc == 0 && q.type == LANED_REQ_OFFER)
		rc = read_offer(&m, arena, &q);
	else if (q.type == LANED_REQ_PAY)
		read_pay(&m, &q);
	else if (q.type == LANED_REQ_REFUND)
		read_refund(&m, &q);
	else if (q.type == LANED_REQ_ANSWER)
		read_answer(&m, &q);
	else if (keyed)
		need_key(&m, &q.key);
	if (q.type == LANED_REQ_RECEIPT)
		q.rev = need_int(&m, "rev", 0, INT_MAX_EXACT);
	if (rc == 0 && (q.type == LANED_REQ_CONFIRM || q.type == LANED_REQ_RECEIPT))
		rc = read_receipts(&m, arena, &q);
	if (rc == 0 && m.wrong != NULL)
		rc = -EPROTO;
	*ret_what = m.wrong == NULL ? "" : m.wrong;
	if (rc == 0)
		*ret_request = q;
	return rc;
}

int
wire_read_entry(struct arena *arena, const struct value *entry,
		struct host_wire_req *ret_req, struct laned_entry *ret_entry)
{
	struct members m = { entry, NULL };
	struct laned_entry e = { .size = sizeof(e) };
	struct laned_str state = get_str(&m, "state", 32, true);
	int rc;

	if (ret_req != NULL)
		need_req(&m, ret_req);
	need_key(&m, &e.key);
	e.ticket = get_str(&m, "ticket", TICKET_BYTES_MAX, false);
	e.amount = need_int(&m, "amount", -INT_MAX_EXACT, INT_MAX_EXACT);
	e.currency = get_str(&m, "currency", 3, true);
	e.ref = get_str(&m, "ref", TEXT_BYTES_MAX, false);
	/* A state of a later version of laned is one that is over. */
	if (value_of(states, (struct str){ state.p, state.n }, &e.state) < 0)
		e.state = LANED_J_RESOLVED;
	rc = get_blob(&m, arena, &e.blob);
	if (rc == 0 && m.wrong != NULL)
		rc = -EPROTO;
	if (value_member(entry, "original") != NULL ||
	    value_member(entry, "original_ref") != NULL)
		e.flags |= LANED_ENTRY_REFUND;
	if (rc == 0)
		*ret_entry = e;
	return rc;
}

/* ---- writing ----------------------------------------------------------------------------- */

static void
put_str(struct json_out *o, const char *name, struct laned_str s)
{
	if (s.n > 0)
		json_str(o, name, (struct str){ s.p, s.n });
}

void
wire_write_req(struct json_out *o, const struct host_wire_req *req)
{
	if (req->is_int)
		json_int(o, "req", req->i);
	else
		json_cstr(o, "req", req->text);
}

void
wire_write_key(struct json_out *o, const struct laned_key *key)
{
	char hex[KEY128_TEXT_BYTES];
	struct key128 k;

	memcpy(&k, key, sizeof(k));
	if (key128_is_zero(k))
		return;
	key128_text(hex, k);
	json_cstr(o, "key", hex);
}

void
wire_write_blob(struct json_out *o, struct laned_str blob)
{
	char hex[2 * LANED_BLOB_BYTES_MAX + 1];

	if (blob.n > 0 && hex_encode(hex, sizeof(hex), blob.p, blob.n) == 0)
		json_cstr(o, "blob", hex);
}

static void
write_line(struct json_out *o, const struct laned_line *l)
{
	json_open_object(o, NULL);
	json_int(o, "line", l->line);
	put_str(o, "gtin", l->gtin);
	put_str(o, "plu", l->plu);
	put_str(o, "text", l->text);
	put_str(o, "category", l->category);
	put_str(o, "brand", l->brand);
	json_int(o, "qty_milli", l->qty_milli);
	json_int(o, "unit_price", l->unit_price);
	json_int(o, "amount", l->amount);
	if (l->vat_bp >= 0)
		json_int(o, "vat_bp", l->vat_bp);
	if ((l->flags & LANED_LINE_VOID) != 0)
		json_bool(o, "void", true);
	if ((l->flags & LANED_LINE_WEIGHED) != 0)
		json_bool(o, "weighed", true);
	if ((l->flags & LANED_LINE_EXCLUDED) != 0)
		json_bool(o, "excluded", true);
	if ((l->flags & LANED_LINE_REDUCED) != 0)
		json_bool(o, "reduced", true);
	if (l->floor > 0)
		json_int(o, "floor", l->floor);
	json_close(o);
}

void
wire_write_basket(struct json_out *o, const struct laned_basket *b)
{
	json_str(o, "ticket", (struct str){ b->ticket.p, b->ticket.n });
	json_int(o, "rev", b->rev);
	json_str(o, "currency", (struct str){ b->currency.p, b->currency.n });
	json_bool(o, "final", (b->flags & LANED_BASKET_FINAL) != 0);
	if ((b->flags & LANED_BASKET_CLOSED) != 0)
		json_bool(o, "closed", true);
	if ((b->flags & LANED_BASKET_TRAINING) != 0)
		json_bool(o, "training", true);
	if (b->size >= offsetof(struct laned_basket, date) + sizeof(b->date) &&
	    b->date.n > 0)
		json_str(o, "date", (struct str){ b->date.p, b->date.n });
	json_open_array(o, "lines");
	for (uint32_t i = 0; i < b->lines_count; i++)
		write_line(o, &b->lines[i]);
	json_close(o);
}

void
wire_write_result(struct json_out *o, const struct laned_result *r)
{
	const char *outcome = wire_outcome_name(r->outcome);

	wire_write_key(o, &r->key);
	json_cstr(o, "outcome", outcome == NULL ? "unknown" : outcome);
	if (r->amount >= 0)
		json_int(o, "amount", r->amount);
	put_str(o, "currency", r->currency);
	put_str(o, "auth", r->auth);
	put_str(o, "ref", r->ref);
	put_str(o, "code", r->code);
	put_str(o, "text", r->text);
}

void
wire_write_event(struct json_out *o, const struct laned_event *ev)
{
	const char *type = wire_event_name(ev->type);

	json_cstr(o, "type", type == NULL ? "note" : type);
	put_str(o, "ticket", ev->ticket);
	wire_write_key(o, &ev->key);
	if (ev->amount >= 0)
		json_int(o, "amount", ev->amount);
	put_str(o, "ref", ev->ref);
	put_str(o, "text", ev->text);
	if (ev->size < sizeof(*ev))
		return; /* as it was before minor 3 */
	put_str(o, "currency", ev->currency);
	wire_write_blob(o, ev->blob);
	if (ev->rev > 0)
		json_int(o, "rev", ev->rev);
}

void
wire_write_claim(struct json_out *o, struct laned_str ticket, uint32_t kind,
		 struct laned_str value)
{
	const char *word = wire_claim_name(kind);

	put_str(o, "ticket", ticket);
	json_cstr(o, "kind", word == NULL ? "card" : word);
	json_str(o, "value", (struct str){ value.p, value.n });
}
