#include "offer_log.h"

#include "ctl/poslog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASS_BYTES 64

struct reading {
	struct load_case *baskets;
	int count, room;
	char classes[LOAD_CLASSES_MAX][CLASS_BYTES];
	int classes_count;
};

static int
class_of(struct reading *r, const struct pricing_line *l)
{
	struct str name = l->category.n > 0 ? l->category : l->code;
	int n = (int)(name.n < CLASS_BYTES - 1 ? name.n : CLASS_BYTES - 1);

	for (int i = 0; i < r->classes_count; i++)
		if (strlen(r->classes[i]) == (size_t)n &&
		    memcmp(r->classes[i], name.p, (size_t)n) == 0)
			return i;
	if (r->classes_count == LOAD_CLASSES_MAX)
		return LOAD_CLASSES_MAX - 1;
	(void)snprintf(r->classes[r->classes_count], CLASS_BYTES, "%.*s", n, name.p);
	return r->classes_count++;
}

static void
add_line(struct reading *r, struct load_case *c, const struct pricing_line *l)
{
	bool measured = l->weighed || l->qty_milli % 1000 != 0;
	int64_t units = measured ? 1 : l->qty_milli / 1000;

	/* A line whose amount does not divide is two sorts of units; the peers know one. */
	if (l->qty_milli <= 0 || l->amount_minor <= 0 || l->amount_minor % units != 0 ||
	    c->lines_count == LOAD_LINES_MAX)
		return;
	c->lines[c->lines_count++] = (struct load_line){
		.class = class_of(r, l),
		.measured = measured,
		.units = units,
		.qty_milli = l->qty_milli,
		.price = measured ? l->unit_price_minor : l->amount_minor / units,
		.amount = l->amount_minor,
	};
}

static int
on_basket(void *ctx, const struct past_basket *b)
{
	struct reading *r = ctx;
	struct load_case *c;

	if (r->count == r->room) {
		r->room = r->room == 0 ? 64 : 2 * r->room;
		r->baskets = realloc(r->baskets, (size_t)r->room * sizeof(*r->baskets));
		if (r->baskets == NULL)
			abort();
	}
	c = &r->baskets[r->count];
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < b->basket.lines_count; i++)
		add_line(r, c, &b->basket.lines[i]);
	r->count += c->lines_count > 0;
	return 0;
}

static int
on_fault(void *ctx, const struct past_fault *f)
{
	(void)ctx;
	fprintf(stderr, "%u:%u: %s\n", f->line, f->column, f->what);
	return 0;
}

int
log_baskets(const char *path, struct load_case **ret_baskets, int *ret_classes)
{
	static struct reading r;
	struct past_sink sink = { on_basket, on_fault, &r };
	struct poslog_options options = { .currency = "" };
	struct poslog *p = poslog_new(&options, &sink);
	struct past_fault fault = { 0 };
	FILE *f = fopen(path, "re");
	char piece[65536];
	size_t n;
	int rc = p == NULL || f == NULL ? -EIO : 0;

	while (rc == 0 && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		rc = poslog_feed(p, (struct str){ piece, n }, false, &fault);
	if (rc == 0)
		rc = poslog_feed(p, (struct str){ "", 0 }, true, &fault);
	if (rc < 0) {
		fprintf(stderr, "%s:%u:%u: %s\n", path, fault.line, fault.column,
			fault.what[0] != '\0' ? fault.what : strerror(-rc));
		exit(1);
	}
	(void)fclose(f); /* read only: nothing to lose */
	poslog_free(p);
	*ret_baskets = r.baskets;
	*ret_classes = r.classes_count;
	return r.count;
}
