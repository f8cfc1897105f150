#include "ctl/baskets.h"

#include "base/clock.h"
#include "base/json.h"
#include "core/pricing/pricing_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES 65536u
#define TREE_FACTOR 24u
#define ID_BYTES_MAX 200u
#define PROGRESS_EVERY 256u /* baskets */

struct reading {
	const char *path;
	const struct baskets_options *options;
	const struct past_sink *sink;
	struct baskets_counts *counts;
	/* Of JSON Lines. */
	char *line;
	size_t used, room;
	bool too_long;
	uint32_t number;
	struct arena *tree, *lists;
	char id[32]; /* of a basket that has none */
};

/* ---- what both formats have ---------------------------------------------------------------- */

/* Local time to the time it was, and where the store's clock stood then. */
static void
place_in_time(const struct reading *r, struct past_basket *b)
{
	const char *zone = r->options->timezone;
	int32_t offset_s = 0;
	int64_t utc_ms = b->at.wall_ms;

	if (!b->has_at)
		return;
	/* An unknown zone was refused before: these cannot fail. */
	(void)clock_zone_offset(zone, utc_ms, &offset_s);
	if (!b->zoned) {
		utc_ms -= (int64_t)offset_s * 1000;
		(void)clock_zone_offset(zone, utc_ms, &offset_s);
		utc_ms = b->at.wall_ms - (int64_t)offset_s * 1000;
	}
	b->at.wall_ms = utc_ms;
	b->at.local_offset_s = offset_s;
	if (b->at.business_day == 0)
		b->at.business_day = civil_yyyymmdd(utc_ms, offset_s);
}

static int
hand_over(struct reading *r, struct past_basket *b)
{
	struct baskets_counts *c = r->counts;

	place_in_time(r, b);
	c->baskets++;
	if (b->has_total) {
		c->totals_told++;
		c->totals_differ += past_read_minor(b) != b->total_minor;
	}
	if (r->options->progress != NULL && c->baskets % PROGRESS_EVERY == 0)
		r->options->progress(r->options->progress_ctx, c->bytes, c->baskets);
	return r->sink->basket(r->sink->ctx, b);
}

static int
refuse(struct reading *r, const struct past_fault *f)
{
	r->counts->faults++;
	return r->sink->fault(r->sink->ctx, f);
}

/* ---- POSLog ----------------------------------------------------------------------------------- */

static int
on_basket(void *ctx, const struct past_basket *b)
{
	struct past_basket copy = *b;

	return hand_over(ctx, &copy);
}

static int
on_fault(void *ctx, const struct past_fault *f)
{
	return refuse(ctx, f);
}

static void
add_counts(struct poslog_counts *sum, const struct poslog_counts *c)
{
	sum->transactions += c->transactions;
	sum->sales += c->sales;
	sum->passed_over += c->passed_over;
	sum->lines += c->lines;
	sum->voids += c->voids;
	sum->returns += c->returns;
	sum->discounts += c->discounts;
}

static int
read_poslog(struct reading *r, FILE *f)
{
	struct past_sink sink = { on_basket, on_fault, r };
	struct poslog *p = poslog_new(&r->options->poslog, &sink);
	struct past_fault fault = { 0 };
	char buf[READ_BYTES];
	bool last = false;
	int rc = p == NULL ? -ENOMEM : 0;

	while (rc == 0 && !last) {
		size_t n = fread(buf, 1, sizeof(buf), f);

		last = n < sizeof(buf);
		r->counts->bytes += n;
		rc = poslog_feed(p, (struct str){ buf, n }, last, &fault);
	}
	if (rc == -EBADMSG)
		rc = ctl_fail(CTL_DATA, "%s:%u:%u: %s", r->path, (unsigned)fault.line,
			      (unsigned)fault.column, fault.what);
	if (p != NULL)
		add_counts(&r->counts->log, poslog_counts(p));
	poslog_free(p);
	return rc;
}

/* ---- JSON Lines -------------------------------------------------------------------------------- */

static int
wrong(struct reading *r, uint32_t column, const char *what)
{
	struct past_fault f = { .line = r->number, .column = column };

	(void)str_copy(f.what, sizeof(f.what), str_of(what)); /* longer than any */
	return refuse(r, &f);
}

/* The members beside the basket itself. NULL, or what is wrong. */
static const char *
read_rest(struct reading *r, const struct value *v, struct past_basket *b)
{
	struct str text = { NULL, 0 };
	int zoned = 0, rc;

	(void)snprintf(r->id, sizeof(r->id), "line %u", (unsigned)r->number);
	b->id = str_of(r->id);
	if (value_get_str(v, "id", ID_BYTES_MAX, &b->id) == -EPROTO)
		return "id must be a text";
	rc = value_get_str(v, "at", SIZE_MAX, &text);
	if (rc == -EPROTO || (rc == 0 && rfc3339_parse(text, &b->at.wall_ms, &zoned) < 0))
		return "at must be a time such as 2026-11-21T17:30";
	b->has_at = rc == 0;
	b->zoned = zoned != 0;
	rc = value_get_str(v, "currency", SIZE_MAX, &text);
	if (rc == -EPROTO ||
	    (rc == 0 && str_copy(b->currency, sizeof(b->currency), text) < 0))
		return "currency must be three letters of ISO 4217";
	if (value_get_str(v, "member_number", ID_BYTES_MAX, &b->member_number) == -EPROTO)
		return "member_number must be a text";
	rc = value_get_int(v, "paid_minor", -MONEY_MINOR_MAX, MONEY_MINOR_MAX,
			   &b->total_minor);
	b->has_total = rc == 0;
	if ((rc < 0 && rc != -ENOENT) ||
	    value_get_int(v, "tax_minor", -MONEY_MINOR_MAX, MONEY_MINOR_MAX,
			  &b->tax_minor) == -EPROTO ||
	    value_get_int(v, "apart_minor", -MONEY_MINOR_MAX, MONEY_MINOR_MAX,
			  &b->apart_minor) == -EPROTO ||
	    value_get_int(v, "given_minor", -MONEY_MINOR_MAX, MONEY_MINOR_MAX,
			  &b->given_minor) == -EPROTO)
		return "amounts must be whole numbers";
	return NULL;
}

static int
json_line(struct reading *r)
{
	struct str text = { r->line, r->used };
	const struct value *v = NULL, *member;
	struct past_basket b = { 0 };
	struct pricing_error error = { 0 };
	struct json_error e = { 0 };
	const char *what;
	int rc;

	arena_reset(r->tree);
	arena_reset(r->lists);
	rc = json_parse_from(r->tree, text, 0, r->number, &v, &e);
	if (rc == -EBADMSG)
		return wrong(r, e.column, e.what);
	if (rc == -ENOMEM)
		return wrong(r, 1, "more values than a basket has");
	if (rc == 0)
		rc = pricing_basket_from_value(v, r->lists, &b.basket, &error);
	member = value_member(v, "member");
	if (rc == 0 && member != NULL && member->kind != VALUE_NULL)
		rc = pricing_member_from_value(member, r->lists, &b.member, &error);
	if (rc == -EBADMSG)
		return wrong(r, error.column, error.what);
	if (rc < 0)
		return rc;
	what = read_rest(r, v, &b);
	if (what != NULL)
		return wrong(r, v->column, what);
	if (member == NULL)
		b.member.known = b.member_number.n > 0;
	return hand_over(r, &b);
}

static int
end_line(struct reading *r)
{
	int rc = 0;

	r->number++;
	if (r->used > 0 && r->line[r->used - 1] == '\r')
		r->used--;
	if (r->too_long)
		rc = wrong(r, 1, "the line is too long for a basket");
	else if (r->used > 0)
		rc = json_line(r);
	r->used = 0;
	r->too_long = false;
	return rc;
}

static int
keep(struct reading *r, const char *p, size_t n)
{
	if (n == 0)
		return 0;
	if (r->too_long || n > BASKETS_LINE_BYTES_MAX - r->used) {
		r->too_long = true;
		return 0;
	}
	if (r->used + n > r->room) {
		size_t room = (r->used + n) * 2;
		char *more = realloc(r->line, room);

		if (more == NULL)
			return -ENOMEM;
		r->line = more;
		r->room = room;
	}
	memcpy(r->line + r->used, p, n);
	r->used += n;
	return 0;
}

static int
read_lines(struct reading *r, FILE *f)
{
	char buf[READ_BYTES];
	size_t n;
	int rc = 0;

	r->tree = arena_new((size_t)BASKETS_LINE_BYTES_MAX * TREE_FACTOR);
	r->lists = arena_new((size_t)BASKETS_LINE_BYTES_MAX * 4);
	if (r->tree == NULL || r->lists == NULL)
		return -ENOMEM;
	while (rc == 0 && (n = fread(buf, 1, sizeof(buf), f)) > 0) {
		const char *p = buf;

		while (rc == 0 && n > 0) {
			const char *nl = memchr(p, '\n', n);
			size_t len = nl == NULL ? n : (size_t)(nl - p);

			rc = keep(r, p, len);
			len += nl != NULL;
			r->counts->bytes += len;
			if (rc == 0 && nl != NULL)
				rc = end_line(r);
			p += len;
			n -= len;
		}
	}
	if (rc == 0 && (r->used > 0 || r->too_long))
		rc = end_line(r);
	return rc;
}

/* ---- files --------------------------------------------------------------------------------------- */

static const char *
format_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	if (dot != NULL && strcmp(dot, ".xml") == 0)
		return "poslog";
	return dot != NULL && (strcmp(dot, ".jsonl") == 0 || strcmp(dot, ".ndjson") == 0)
		       ? "jsonl"
		       : NULL;
}

int
baskets_read_stream(FILE *f, const char *path, const char *format,
		    const struct baskets_options *o, const struct past_sink *sink,
		    struct baskets_counts *counts)
{
	struct reading r = { .path = path, .options = o, .sink = sink, .counts = counts };
	int rc = strcmp(format, "poslog") == 0 ? read_poslog(&r, f) : read_lines(&r, f);

	if (rc == 0 && ferror(f))
		rc = ctl_fail(CTL_DATA, "%s: it cannot be read to its end", path);
	if (rc == -ENOMEM)
		rc = ctl_fail(CTL_INTERNAL, "out of memory");
	arena_free(r.tree);
	arena_free(r.lists);
	free(r.line);
	return rc;
}

int
baskets_read(const char *path, const struct baskets_options *o,
	     const struct past_sink *sink, struct baskets_counts *counts)
{
	const char *format = o->format != NULL ? o->format : format_of(path);
	int32_t offset_s;
	FILE *f;
	int rc;

	if (format == NULL ||
	    (strcmp(format, "poslog") != 0 && strcmp(format, "jsonl") != 0))
		return ctl_fail(CTL_USAGE, "%s: is it poslog or jsonl? Use --format",
				path);
	if (clock_zone_offset(o->timezone, 0, &offset_s) < 0)
		return ctl_fail(CTL_USAGE, "%s is no time zone", o->timezone);
	f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
	if (f == NULL)
		return ctl_fail(CTL_DATA, "%s: %s", path, strerror(errno));
	rc = baskets_read_stream(f, path, format, o, sink, counts);
	if (f != stdin)
		(void)fclose(f); /* read only */
	return rc;
}

static void
write_line(struct json_out *o, const struct pricing_line *l)
{
	json_open_object(o, NULL);
	json_int(o, "line", l->line);
	if (l->code.n > 0)
		json_str(o, "code", l->code);
	if (l->category.n > 0)
		json_str(o, "category", l->category);
	if (l->brand.n > 0)
		json_str(o, "brand", l->brand);
	json_int(o, "qty_milli", l->qty_milli);
	json_int(o, "unit_price_minor", l->unit_price_minor);
	json_int(o, "amount_minor", l->amount_minor);
	if (l->floor_minor > 0)
		json_int(o, "floor_minor", l->floor_minor);
	if (l->vat_bp > 0)
		json_int(o, "vat_bp", l->vat_bp);
	if (l->weighed)
		json_bool(o, "weighed", true);
	if (l->excluded)
		json_bool(o, "excluded", true);
	if (l->reduced)
		json_bool(o, "reduced", true);
	json_close(o);
}

static void
write_member(struct json_out *o, const struct pricing_member *m)
{
	json_open_object(o, "member");
	json_bool(o, "known", m->known);
	if (m->first_purchase)
		json_bool(o, "first_purchase", true);
	if (m->points > 0)
		json_int(o, "points", m->points);
	json_open_array(o, "groups");
	for (size_t i = 0; i < m->groups_count; i++)
		json_str(o, NULL, m->groups[i]);
	json_close(o);
	json_open_array(o, "coupons");
	for (size_t i = 0; i < m->coupons_count; i++)
		json_str(o, NULL, m->coupons[i]);
	json_close(o);
	json_close(o);
}

/* The time as it was on the store's clock, with its zone. */
static void
write_time(struct json_out *o, const struct past_basket *b)
{
	struct civil c = civil_of(b->at.wall_ms, b->at.local_offset_s);
	int minutes = b->at.local_offset_s / 60;
	char text[64];

	(void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d",
		       (int)c.year, c.month, c.day, c.hour, c.minute, c.second,
		       minutes < 0 ? '-' : '+', abs(minutes) / 60,
		       abs(minutes) % 60); /* fits */
	json_cstr(o, "at", text);
}

int
baskets_write(const struct past_basket *b, struct json_out *o, struct str *ret_text)
{
	json_out_reset(o);
	json_open_object(o, NULL);
	json_str(o, "id", b->id);
	if (b->has_at)
		write_time(o, b);
	if (b->currency[0] != '\0')
		json_cstr(o, "currency", b->currency);
	if (b->has_total)
		json_int(o, "paid_minor", b->total_minor);
	if (b->tax_minor != 0)
		json_int(o, "tax_minor", b->tax_minor);
	if (b->apart_minor != 0)
		json_int(o, "apart_minor", b->apart_minor);
	if (b->given_minor != 0)
		json_int(o, "given_minor", b->given_minor);
	if (b->member.known || b->member.coupons_count > 0 || b->member.points > 0)
		write_member(o, &b->member);
	if (b->member_number.n > 0)
		json_str(o, "member_number", b->member_number);
	if (b->basket.store.n > 0)
		json_str(o, "store", b->basket.store);
	if (b->basket.lane.n > 0)
		json_str(o, "lane", b->basket.lane);
	json_open_array(o, "lines");
	for (size_t i = 0; i < b->basket.lines_count; i++)
		write_line(o, &b->basket.lines[i]);
	json_close(o);
	json_close(o);
	return json_out_text(o, ret_text);
}
