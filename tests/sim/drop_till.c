/* The till of the drop format: it writes into "in", looks into "out", and keeps no other word. */
#include "sim/drop_private.h"

#include "base/json.h"

#include <errno.h>
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
	size_t bad;         /* the byte that is not what it was, from 1 */
	unsigned posts;     /* messages under way that carry it */
	char text[];
};

static struct file *
file_new(struct drop_side *d, const char *stem, const char *kind, struct str text)
{
	struct file *f = drop_body_new(d, sizeof(*f) + text.n);
	struct strbuf name; /* fits */

	strbuf_init(&name, f->name, sizeof(f->name));
	strbuf_add(&name, str_of(stem));
	strbuf_add(&name, STR("."));
	strbuf_add(&name, str_of(kind));
	strbuf_add(&name, STR(".json"));
	memcpy(f->text, text.p, text.n);
	f->bytes = text.n;
	return f;
}

/* A till that does not rename into place: half of the file stands there for a moment. */
static void
write_file(struct drop_side *d, struct file *f, int64_t in_ms)
{
	struct world *w = d->w;
	struct message *m;

	if (world_fault(w, SIM_FAULT_DROPPED, 150))
		return;
	if (world_fault(w, SIM_FAULT_REORDERED, 60))
		in_ms += world_delay(w, 500, 30000); /* newer ones come before it */
	f->posts = 1;
	if (world_fault(w, SIM_FAULT_DOUBLED, 100)) {
		world_post(w, MSG_TILL_WRITES, in_ms + world_delay(w, 1, 60000))->body =
			f;
		f->posts++;
	}
	if (world_fault(w, SIM_FAULT_CORRUPTED, 80))
		f->bad = 1 + (size_t)(world_random(w) % f->bytes);
	if (f->bytes > 2 && world_fault(w, SIM_FAULT_PARTIAL, 40))
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
}

/* The till's one writer, at the beginning of a file. */
static struct json_out *
json_begin(struct drop_side *d)
{
	if (d->out == NULL)
		d->out = json_out_new(FILE_BYTES_MAX);
	if (d->out == NULL)
		abort();
	json_out_reset(d->out);
	json_open_object(d->out, NULL);
	json_int(d->out, "v", 1);
	return d->out;
}

/* A file as a tree, which is good until the next one; NULL: it is no JSON. */
static const struct value *
json_of(struct drop_side *d, const struct vhost_file *f)
{
	const struct value *v = NULL;

	if (d->tree == NULL)
		d->tree = arena_new(ARENA_BYTES);
	if (d->tree == NULL)
		abort();
	arena_reset(d->tree);
	if (json_parse(d->tree, (struct str){ f->data, f->bytes }, 0, &v, NULL) < 0)
		return NULL;
	return v;
}

/* What the till has written of the lines of a ticket: a basket goes out whole each time it grows. */
struct written_lines {
	struct basket_line lines[WORLD_LINES_MAX];
	size_t ends[WORLD_LINES_MAX]; /* where the text of each ends */
	uint32_t count;
	char text[FILE_BYTES_MAX];
};

static void
write_line(struct drop_side *d, const struct basket_line *l, struct strbuf *to)
{
	struct json_out *o = d->out;
	struct str text;

	json_out_reset(o);
	json_open_object(o, NULL);
	json_int(o, "line", l->line);
	json_cstr(o, "plu", l->code);
	json_int(o, "qty_milli", l->qty_milli);
	json_int(o, "unit_price", l->unit_price_minor);
	json_int(o, "amount", l->amount_minor);
	json_close(o);
	if (json_out_text(o, &text) < 0)
		abort();
	if (to->used > 0)
		strbuf_add(to, STR(","));
	strbuf_add(to, text);
}

/* The lines' text: what did not change since the last time is not made again. */
static struct str
lines_text(struct drop_side *d, const struct lane_basket *b)
{
	struct written_lines *w = d->written;
	struct strbuf to;
	uint32_t same = 0;

	if (w == NULL)
		w = d->written = calloc(1, sizeof(*w));
	if (w == NULL || b->lines_count > WORLD_LINES_MAX)
		abort();
	while (same < w->count && same < b->lines_count &&
	       memcmp(&w->lines[same], &b->lines[same], sizeof(b->lines[0])) == 0)
		same++;
	to = (struct strbuf){ .p = w->text,
			      .bytes = sizeof(w->text),
			      .used = same > 0 ? w->ends[same - 1] : 0 };
	for (w->count = same; w->count < b->lines_count; w->count++) {
		w->lines[w->count] = b->lines[w->count];
		write_line(d, &b->lines[w->count], &to);
		w->ends[w->count] = to.used;
	}
	if (to.truncated)
		abort();
	return (struct str){ w->text, to.used };
}

void
drop_write_basket(struct drop_side *d, const struct lane_basket *b)
{
	struct json_out *o = json_begin(d);
	char stem[LANE_TICKET_BYTES], text[FILE_BYTES_MAX];
	struct str head;
	struct strbuf all;

	drop_copy_text(stem, sizeof(stem), b->ticket);
	json_str(o, "ticket", b->ticket);
	json_int(o, "rev", b->rev);
	json_cstr(o, "currency", "EUR");
	json_close(o);
	if (json_out_text(o, &head) < 0)
		abort();
	strbuf_init(&all, text, sizeof(text));
	strbuf_add(&all, (struct str){ head.p, head.n - 1 }); /* the object goes on */
	strbuf_add(&all, STR(",\"lines\":["));
	strbuf_add(&all, lines_text(d, b));
	strbuf_add(&all, b->final ? STR("],\"final\":true") : STR("],\"final\":false"));
	strbuf_add(&all,
		   b->closed ? STR(",\"closed\":true}") : STR(",\"closed\":false}"));
	if (all.truncated)
		abort();
	write_file(d, file_new(d, stem, "basket", (struct str){ text, all.used }), 0);
}

void
drop_write_claim(struct drop_side *d, const char *ticket, enum claim_kind kind,
		 const char *value)
{
	struct json_out *o = json_begin(d);

	json_cstr(o, "ticket", ticket);
	json_cstr(o, "kind", claim_kind_name(kind));
	json_cstr(o, "value", value);
	write_json(d, ticket, "claim", o, 0);
}

void
drop_write_cancel(struct drop_side *d, const char *ticket)
{
	struct json_out *o = json_begin(d);

	json_cstr(o, "ticket", ticket);
	write_json(d, ticket, "cancel", o, 0);
}

void
drop_answer(struct drop_side *d, const struct message *answer, int64_t in_ms)
{
	struct json_out *o = json_begin(d);
	char hex[KEY128_TEXT_BYTES];
	bool end = answer->op == LANE_OP_CONFIRM || answer->op == LANE_OP_UNDO ||
		   answer->outcome == OUTCOME_UNDONE ||
		   answer->outcome == OUTCOME_CONFIRMED;

	key128_text(hex, answer->key);
	json_cstr(o, "key", hex);
	/* The format's words for the end of a payment are three; a shrug is no file. */
	if (end && answer->outcome != OUTCOME_UNDONE &&
	    answer->outcome != OUTCOME_CONFIRMED && answer->outcome != OUTCOME_NOT_FOUND)
		return;
	json_cstr(o, end ? "state" : "outcome", lane_outcome_name(answer->outcome));
	if (!end && answer->has_amount)
		json_int(o, "amount", answer->amount);
	write_json(d, hex, end ? "done" : "result", o, in_ms);
}

static void
till_writes(struct drop_side *d, struct file *f)
{
	struct str text = { f->text, f->torn > 0 ? f->torn : f->bytes };
	char was = f->bad > 0 ? f->text[f->bad - 1] : '\0';
	struct message *m;

	/* A byte that no text has: one that makes another good text of it nobody could see. */
	if (f->bad > 0)
		f->text[f->bad - 1] = (char)(0x80u | (unsigned char)was);

	if (vhost_put(d->host, "in", f->name, text) < 0)
		world_broken(d->w, INV_ALIVE "the folder is full");
	if (f->bad > 0)
		f->text[f->bad - 1] = was; /* a second copy may be whole */
	f->bad = 0;
	if (f->torn == 0) {
		if (--f->posts == 0)
			drop_body_free(d, f);
		return;
	}
	f->torn = 0;
	m = world_post(d->w, MSG_TILL_WRITES, world_delay(d->w, 1, 400));
	m->body = f;
}

/* What a payment asks for. 0; -EBADMSG the disk has eaten of it: no JSON. */
static int
read_pay(struct drop_side *d, const struct vhost_file *f, struct message *ret)
{
	const struct value *v = json_of(d, f);
	int64_t rev = 0;
	struct str s;

	if (v == NULL)
		return -EBADMSG;
	if (value_get_int(v, "amount", 1, INT64_MAX, &ret->amount) < 0 ||
	    (ret->op == LANE_OP_PAY &&
	     value_get_int(v, "rev", 0, UINT32_MAX, &rev) < 0) ||
	    (ret->op == LANE_OP_REFUND &&
	     (value_get_str(v, "original", KEY_HEX, &s) < 0 ||
	      key128_parse(s, &ret->original) < 0)) ||
	    value_get_str(v, "ticket", LANE_TICKET_BYTES - 1, &s) < 0)
		world_broken(d->w, INV_TOTAL "%s is not what the format wants", f->name);
	else
		drop_copy_text(ret->ticket, LANE_TICKET_BYTES, s);
	ret->rev = (uint32_t)rev;
	return 0;
}

/* An offer, unless the disk has eaten of it. */
static void
read_offer(struct drop_side *d, const struct vhost_file *f)
{
	const struct value *v = json_of(d, f), *list;
	char ticket[LANE_TICKET_BYTES];
	int64_t total = 0, rev = 0, off = 0, amount;
	struct str s;

	if (v == NULL)
		return;
	if (value_get_int(v, "total", INT64_MIN, INT64_MAX, &total) < 0 ||
	    value_get_int(v, "rev", 0, UINT32_MAX, &rev) < 0 ||
	    value_get_str(v, "ticket", LANE_TICKET_BYTES - 1, &s) < 0 ||
	    value_get_array(v, "discounts", &list) < 0) {
		world_broken(d->w, INV_TOTAL "%s is no offer", f->name);
		return;
	}
	for (const struct value *o = list->first; o != NULL; o = o->next) {
		if (value_get_int(o, "amount", INT64_MIN, INT64_MAX, &amount) < 0)
			world_broken(d->w, INV_TOTAL "%s: a discount without amount",
				     f->name);
		else
			off += amount;
	}
	drop_copy_text(ticket, sizeof(ticket), s);
	till_reads_offer(d->w, ticket, (uint32_t)rev, total, off);
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
		[LANE_OP_REFUND] = ".refund.json",
	};
	const char *dot = strchr(f->name, '.');
	char hex[KEY_HEX + 1] = "";

	if (dot == NULL || (size_t)(dot - f->name) != KEY_HEX)
		return false;
	memcpy(hex, f->name, KEY_HEX);
	memset(ret, 0, sizeof(*ret));
	if (key128_parse(str_of(hex), &ret->key) < 0)
		return false;
	for (unsigned op = LANE_OP_PAY; op <= LANE_OP_REFUND; op++)
		if (strcmp(dot, kinds[op]) == 0)
			ret->op = (enum lane_op)op;
	if ((ret->op == LANE_OP_PAY || ret->op == LANE_OP_REFUND) &&
	    read_pay(d, f, ret) < 0)
		return false;
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
		if (strstr(name, ".offer.json") != NULL)
			read_offer(d, f);
		else if (read_request(d, f, &request)) {
			till_asked(d->w, &request);
			/* It dies between its ledger and this file: the file is read again. */
			if (world_fault(d->w, SIM_FAULT_PEER_DIES, 60)) {
				(void)world_post(d->w, MSG_TILL_LOOK,
						 world_delay(d->w, 500, 30000));
				return;
			}
		}
		(void)vhost_remove(d->host, "out", name); /* it was there */
	}
}

/* Cut, or with zeros where its bytes should be, or gone. */
static void
damage(struct drop_side *d, const char *folder, const struct vhost_file *f)
{
	char name[LANED_NAME_BYTES_MAX + 1], *copy;
	size_t n = f->bytes;
	uint64_t how = world_random(d->w) % 3;

	memcpy(name, f->name, sizeof(name));
	copy = malloc(n + 1);
	if (copy == NULL)
		abort();
	memcpy(copy, f->data, n);
	if (how == 0 || n < 2) {
		(void)vhost_remove(d->host, folder, name); /* it was there */
	} else {
		size_t from = (size_t)(world_random(d->w) % n);

		memset(copy + from, 0, n - from);
		if (vhost_put(d->host, folder, name,
			      (struct str){ copy, how == 1 ? from : n }) < 0)
			world_broken(d->w, INV_ALIVE "the folder is full");
	}
	free(copy);
}

static void
damage_folder(struct drop_side *d, const char *folder, enum sim_fault f, uint32_t one_in)
{
	const struct vhost_file *file;

	for (size_t i = 0; (file = vhost_file_at(d->host, folder, i)) != NULL; i++)
		if (world_random(d->w) % one_in == 0) {
			world_hit(d->w, f);
			world_trace(d->w, "%s %s", sim_fault_name(f), file->name);
			if (strstr(file->name, ".offer.json") != NULL)
				d->w->tickets[d->w->tickets_count - 1].offered = false;
			damage(d, folder, file);
		}
}

void
drop_files_lose_power(struct drop_side *d)
{
	/* The till syncs nothing; what the host wrote is there, unless the disk lied. */
	damage_folder(d, "in", SIM_FAULT_TORN, 2);
	damage_folder(d, "out", SIM_FAULT_LIED, 3);
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
