/* The till of the drop format: it writes into "in", looks into "out", and keeps no other word. */
#include "sim/drop_private.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define KEY_HEX 32u
#define FILE_BYTES_MAX 16384u
#define ARENA_BYTES (256u << 10)

/* A file that the till is about to write. */
struct file {
	struct body body;
	char name[LANED_NAME_BYTES_MAX + 1];
	size_t bytes, torn; /* torn: only so many of them come first */
	char text[];
};

static struct file *
file_new(struct drop_side *d, const char *stem, const char *kind, struct str text)
{
	struct file *f = drop_body_new(d, sizeof(*f) + text.n);

	(void)snprintf(f->name, sizeof(f->name), "%s.%s.json", stem, kind); /* fits */
	memcpy(f->text, text.p, text.n);
	f->bytes = text.n;
	return f;
}

/* A till that does not rename into place: half of the file stands there for a moment. */
static void
write_file(struct drop_side *d, struct file *f, int64_t in_ms)
{
	struct message *m;

	if (f->bytes > 2 && world_fault(d->w, 40))
		f->torn = 1 + (size_t)(world_random(d->w) % (f->bytes - 1));
	m = world_post(d->w, MSG_TILL_WRITES, in_ms);
	m->body = f;
}

static void
write_json(struct drop_side *d, const char *stem, const char *kind, struct json_out *o,
	   int64_t in_ms)
{
	struct str text;

	json_close(o);
	if (json_out_text(o, &text) < 0)
		abort();
	write_file(d, file_new(d, stem, kind, text), in_ms);
	(void)json_out_free(o); /* gives NULL */
}

static struct json_out *
json_new(void)
{
	struct json_out *o = json_out_new(FILE_BYTES_MAX);

	if (o == NULL)
		abort();
	json_open_object(o, NULL);
	json_int(o, "v", 1);
	return o;
}

void
drop_write_basket(struct drop_side *d, const struct lane_basket *b)
{
	struct json_out *o = json_new();
	char stem[LANE_TICKET_BYTES];

	drop_copy_text(stem, sizeof(stem), b->ticket);
	json_str(o, "ticket", b->ticket);
	json_int(o, "rev", b->rev);
	json_cstr(o, "currency", "EUR");
	json_open_array(o, "lines");
	for (uint32_t i = 0; i < b->lines_count; i++) {
		json_open_object(o, NULL);
		json_int(o, "line", b->lines[i].line);
		json_cstr(o, "plu", b->lines[i].code);
		json_int(o, "qty_milli", b->lines[i].qty_milli);
		json_int(o, "unit_price", b->lines[i].unit_price_minor);
		json_int(o, "amount", b->lines[i].amount_minor);
		json_close(o);
	}
	json_close(o);
	json_bool(o, "final", b->final);
	json_bool(o, "closed", b->closed);
	write_json(d, stem, "basket", o, 0);
}

void
drop_write_claim(struct drop_side *d, const char *ticket, enum claim_kind kind,
		 const char *value)
{
	struct json_out *o = json_new();

	json_cstr(o, "ticket", ticket);
	json_cstr(o, "kind", claim_kind_name(kind));
	json_cstr(o, "value", value);
	write_json(d, ticket, "claim", o, 0);
}

void
drop_write_cancel(struct drop_side *d, const char *ticket)
{
	struct json_out *o = json_new();

	json_cstr(o, "ticket", ticket);
	write_json(d, ticket, "cancel", o, 0);
}

void
drop_answer(struct drop_side *d, const struct message *answer, int64_t in_ms)
{
	struct json_out *o = json_new();
	char hex[KEY128_TEXT_BYTES];
	bool end = answer->op == LANE_OP_CONFIRM || answer->op == LANE_OP_UNDO ||
		   answer->outcome == OUTCOME_UNDONE ||
		   answer->outcome == OUTCOME_CONFIRMED;

	key128_text(hex, answer->key);
	json_cstr(o, "key", hex);
	/* The format's words for the end of a payment are three; a shrug is no file. */
	if (end && answer->outcome != OUTCOME_UNDONE &&
	    answer->outcome != OUTCOME_CONFIRMED &&
	    answer->outcome != OUTCOME_NOT_FOUND) {
		(void)json_out_free(o); /* gives NULL */
		return;
	}
	json_cstr(o, end ? "state" : "outcome", lane_outcome_name(answer->outcome));
	if (!end && answer->has_amount)
		json_int(o, "amount", answer->amount);
	write_json(d, hex, end ? "done" : "result", o, in_ms);
}

static void
till_writes(struct drop_side *d, struct file *f)
{
	struct str text = { f->text, f->torn > 0 ? f->torn : f->bytes };
	struct message *m;

	if (vhost_put(d->host, "in", f->name, text) < 0)
		world_broken(d->w, "the folder is full");
	if (f->torn == 0)
		return;
	f->torn = 0;
	m = world_post(d->w, MSG_TILL_WRITES, world_delay(d->w, 1, 400));
	m->body = f;
}

static int64_t
amount_of(struct world *w, const struct vhost_file *f, char ticket[LANE_TICKET_BYTES])
{
	struct arena *arena = arena_new(ARENA_BYTES);
	const struct value *v = NULL;
	int64_t amount = 0;
	struct str s;

	if (arena == NULL ||
	    json_parse(arena, (struct str){ f->data, f->bytes }, 0, &v, NULL) < 0 ||
	    value_get_int(v, "amount", 1, INT64_MAX, &amount) < 0 ||
	    value_get_str(v, "ticket", LANE_TICKET_BYTES - 1, &s) < 0)
		world_broken(w, "%s is not what the format wants", f->name);
	else
		drop_copy_text(ticket, LANE_TICKET_BYTES, s);
	(void)arena_free(arena); /* gives NULL */
	return amount;
}

/* The till takes one file: what it asks for. False: an offer, which was looked at before. */
static bool
read_request(struct drop_side *d, const struct vhost_file *f, struct message *ret)
{
	static const char *const kinds[] = {
		[LANE_OP_OTHER] = "",
		[LANE_OP_OFFER] = "",
		[LANE_OP_PAY] = ".pay.json",
		[LANE_OP_QUERY] = ".query.json",
		[LANE_OP_CONFIRM] = ".confirm.json",
		[LANE_OP_UNDO] = ".undo.json",
	};
	const char *dot = strchr(f->name, '.');
	char hex[KEY_HEX + 1] = "";

	if (dot == NULL || (size_t)(dot - f->name) != KEY_HEX)
		return false;
	memcpy(hex, f->name, KEY_HEX);
	memset(ret, 0, sizeof(*ret));
	if (key128_parse(str_of(hex), &ret->key) < 0)
		return false;
	for (unsigned op = LANE_OP_PAY; op <= LANE_OP_UNDO; op++)
		if (strcmp(dot, kinds[op]) == 0)
			ret->op = (enum lane_op)op;
	if (ret->op == LANE_OP_PAY)
		ret->amount = amount_of(d->w, f, ret->ticket);
	return ret->op != LANE_OP_OTHER;
}

/* The oldest file first, so that a query never overtakes the payment that it asks about. */
static const struct vhost_file *
oldest(struct drop_side *d)
{
	const struct vhost_file *first = NULL, *f;

	for (size_t i = 0; (f = vhost_file_at(d->host, "out", i)) != NULL; i++)
		if (first == NULL || f->version < first->version)
			first = f;
	return first;
}

static void
till_looks(struct drop_side *d)
{
	const struct vhost_file *f;

	while ((f = oldest(d)) != NULL) {
		struct message request;
		char name[LANED_NAME_BYTES_MAX + 1];

		memcpy(name, f->name, sizeof(name));
		if (read_request(d, f, &request)) {
			till_asked(d->w, &request);
			/* It dies between its ledger and this file: the file is read again. */
			if (world_fault(d->w, 60)) {
				(void)world_post(d->w, MSG_TILL_LOOK,
						 world_delay(d->w, 500, 30000));
				return;
			}
		}
		(void)vhost_remove(d->host, "out", name); /* it was there */
	}
}

void
drop_till(struct drop_side *d, const struct message *m)
{
	struct file *f = (struct file *)m->body;

	if (m->kind == MSG_TILL_WRITES)
		till_writes(d, f);
	else
		till_looks(d);
}
