/* A real supermarket's log, which is no part of this tree: every sale of it adds up to the cent. */
#include "core/pricing/pricing.h"
#include "ctl/poslog.h"

#include "unit.h"

#define FILE_BYTES_MAX (64u << 20)
#define SALES 42u
#define LINES 552u

static const char *const files[] = { "POSLog.xml", "SMALL.xml" };

struct sum {
	uint64_t baskets, differ, weighed, reduced, taxed, members, lines;
	int64_t apart_minor;
};

/* The path of a file of the log; path holds 512 bytes. */
static char *
path_of(char *path, const char *name)
{
	const char *data = getenv("DATA_POSLOG"), *src = getenv("SRCDIR");

	if (data != NULL)
		(void)snprintf(path, 512, "%s/%s", data, name); /* cut, it is not found */
	else
		(void)snprintf(path, 512, "%s/../shared/data/pos/poslog/%s",
			       src == NULL ? "." : src, name);
	return path;
}

static int
on_basket(void *ctx, const struct past_basket *b)
{
	struct sum *s = ctx;

	s->baskets++;
	s->lines += b->basket.lines_count;
	s->members += b->member.known;
	s->apart_minor += b->apart_minor;
	ck_assert(b->has_total && b->has_at);
	ck_assert_str_eq(b->currency, "USD");
	if (past_read_minor(b) != b->total_minor) {
		s->differ++;
		fprintf(stderr, "%.*s: read %lld, the log has %lld\n", (int)b->id.n,
			b->id.p, (long long)past_read_minor(b),
			(long long)b->total_minor);
	}
	for (size_t i = 0; i < b->basket.lines_count; i++) {
		const struct pricing_line *l = &b->basket.lines[i];

		s->weighed += l->weighed;
		s->reduced += l->reduced;
		s->taxed += l->vat_bp > 0;
		ck_assert_uint_gt(l->code.n, 0);
		ck_assert_uint_gt(l->category.n, 0);
		ck_assert(l->weighed || l->qty_milli % 1000 == 0);
	}
	return 0;
}

static int
on_fault(void *ctx, const struct past_fault *f)
{
	(void)ctx;
	ck_abort_msg("%u:%u: %s", (unsigned)f->line, (unsigned)f->column, f->what);
	return -1;
}

static struct poslog_counts
read_log(const char *name, struct sum *sum, bool before_discounts)
{
	struct poslog_options o = { .before_discounts = before_discounts };
	struct past_sink sink = { on_basket, on_fault, sum };
	struct poslog *p = poslog_new(&o, &sink);
	struct poslog_counts counts;
	struct past_fault fault = { 0 };
	char path[512], *data = malloc(FILE_BYTES_MAX);
	FILE *f = fopen(path_of(path, name), "rbe");
	size_t n;

	ck_assert(p != NULL && data != NULL && f != NULL);
	n = fread(data, 1, FILE_BYTES_MAX, f);
	(void)fclose(f); /* read only */
	ck_assert_msg(poslog_feed(p, (struct str){ data, n }, true, &fault) == 0,
		      "%u:%u: %s", fault.line, fault.column, fault.what);
	counts = *poslog_counts(p);
	poslog_free(p);
	free(data);
	return counts;
}

START_TEST(every_sale_adds_up_to_the_logs_own_total)
{
	struct sum s = { 0 };
	struct poslog_counts c = read_log("POSLog.xml", &s, false);

	ck_assert_uint_eq(c.transactions, 51);
	ck_assert_uint_eq(c.sales, SALES);
	ck_assert_uint_eq(c.passed_over, 9);
	ck_assert_uint_eq(c.lines, LINES);
	ck_assert_uint_eq(c.voids, 4);
	ck_assert_uint_eq(s.baskets, SALES);
	ck_assert_uint_eq(s.differ, 0);
	/* Four voids undo four lines, and a bottle came back for 2.00. */
	ck_assert_uint_eq(s.lines, LINES - 4 - 4 - 1);
	ck_assert_int_eq(s.apart_minor, -200);
	ck_assert_uint_eq(s.members, 4);
	ck_assert_uint_gt(s.weighed, 150);
	ck_assert_uint_gt(s.reduced, 200);
	ck_assert_uint_gt(s.taxed, 50);
}
END_TEST

START_TEST(the_stores_discounts_can_be_left_out)
{
	struct sum s = { 0 };

	(void)read_log("POSLog.xml", &s, true);
	ck_assert_uint_eq(s.differ, 0);
	ck_assert_uint_eq(s.reduced, 0);
}
END_TEST

START_TEST(a_log_of_one_sale_is_read_too)
{
	struct sum s = { 0 };
	struct poslog_counts c = read_log("SMALL.xml", &s, false);

	ck_assert_uint_eq(c.transactions, 2);
	ck_assert_uint_eq(s.baskets, 1);
	ck_assert_uint_eq(s.differ, 0);
}
END_TEST

int
main(void)
{
	const TTest *const list[] = { every_sale_adds_up_to_the_logs_own_total,
				      the_stores_discounts_can_be_left_out,
				      a_log_of_one_sale_is_read_too };
	char path[512];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		FILE *f = fopen(path_of(path, files[i]), "rbe");

		if (f == NULL) {
			printf("skipped: no log at %s; set DATA_POSLOG\n", path);
			return 77;
		}
		(void)fclose(f); /* read only */
	}
	return unit_run("poslog_real", list, sizeof(list) / sizeof(list[0]));
}
