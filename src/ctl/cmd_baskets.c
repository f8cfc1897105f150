/* baskets convert: logs of a POS become baskets that simulate and price take. */
#include "ctl/baskets.h"
#include "ctl/cmd_offers.h"

#include <string.h>

#define LINE_BYTES_MAX (8u << 20)
#define FAULTS_SHOWN 100u

struct converting {
	const char *path;
	struct json_out *out;
	uint64_t faults, differ;
	bool numbers; /* member numbers may stay */
	bool quiet;
};

static int
on_basket(void *ctx, const struct past_basket *b)
{
	struct converting *c = ctx;
	struct past_basket copy = *b;
	int64_t read = past_read_minor(b);
	struct str text;

	if (b->has_total && read != b->total_minor && c->differ++ < FAULTS_SHOWN)
		fprintf(stderr,
			"%s: %.*s: read %lld, but the log says %lld was paid: %lld %s\n",
			c->path, (int)b->id.n, b->id.p, (long long)read,
			(long long)b->total_minor,
			(long long)(read > b->total_minor ? read - b->total_minor
							  : b->total_minor - read),
			read > b->total_minor ? "too much" : "too little");
	if (!c->numbers)
		copy.member_number = (struct str){ NULL, 0 };
	if (baskets_write(&copy, c->out, &text) < 0)
		return ctl_fail(CTL_INTERNAL, "%.*s cannot be written", (int)b->id.n,
				b->id.p);
	if (fwrite(text.p, 1, text.n, stdout) != text.n || putchar('\n') == EOF)
		return ctl_fail(CTL_INTERNAL, "standard output takes no more");
	return 0;
}

static int
on_fault(void *ctx, const struct past_fault *f)
{
	struct converting *c = ctx;

	if (c->faults++ < FAULTS_SHOWN)
		fprintf(stderr, "%s:%u:%u: %s\n", c->path, (unsigned)f->line,
			(unsigned)f->column, f->what);
	return 0;
}

static int
conclude(const struct converting *c, const struct baskets_counts *n)
{
	if (!c->quiet)
		fprintf(stderr,
			"%llu baskets; %llu transactions passed over; %llu voids, %llu "
			"returns, %llu discounts; totals: %llu of %llu as the log has "
			"them\n",
			(unsigned long long)n->baskets,
			(unsigned long long)n->log.passed_over,
			(unsigned long long)n->log.voids,
			(unsigned long long)n->log.returns,
			(unsigned long long)n->log.discounts,
			(unsigned long long)(n->totals_told - n->totals_differ),
			(unsigned long long)n->totals_told);
	if (n->faults > 0)
		return ctl_fail(CTL_DATA,
				"%llu baskets could not be read and are missing",
				(unsigned long long)n->faults);
	return n->totals_differ > 0 ? CTL_NO : CTL_OK;
}

bool
ctl_unknown_option(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], "--", 2) == 0)
			return true;
	return false;
}

int
ctl_baskets_options(int *argc, char **argv, struct baskets_options *o)
{
	const char *currency = ctl_option(argc, argv, "--currency");
	const char *zone = ctl_option(argc, argv, "--timezone");

	o->format = ctl_option(argc, argv, "--format");
	o->timezone = zone == NULL ? "" : zone;
	o->poslog.before_discounts = ctl_flag(argc, argv, "--before-discounts");
	o->poslog.strip_zeros = ctl_flag(argc, argv, "--strip-zeros");
	if (currency != NULL && str_copy(o->poslog.currency, sizeof(o->poslog.currency),
					 str_of(currency)) < 0)
		return ctl_fail(CTL_USAGE, "--currency: three letters of ISO 4217");
	return 0;
}

int
cmd_baskets_convert(struct ctl *c, int argc, char **argv)
{
	struct baskets_options o = { .format = NULL };
	struct baskets_counts counts = { 0 };
	struct converting conv = { .quiet = c->json };
	struct past_sink sink = { on_basket, on_fault, &conv };
	int rc = ctl_baskets_options(&argc, argv, &o);

	conv.numbers = ctl_flag(&argc, argv, "--member-numbers");
	if (rc != 0)
		return rc;
	if (argc < 1 || ctl_unknown_option(argc, argv))
		return ctl_fail(CTL_USAGE,
				"usage: lanectl baskets convert FILE... [--format "
				"poslog|jsonl] [--currency C] [--timezone ZONE] "
				"[--before-discounts] [--strip-zeros] "
				"[--member-numbers]");
	conv.out = json_out_new(LINE_BYTES_MAX);
	if (conv.out == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	for (int i = 0; rc == 0 && i < argc; i++) {
		conv.path = argv[i];
		rc = baskets_read(argv[i], &o, &sink, &counts);
	}
	json_out_free(conv.out);
	return rc != 0 ? rc : conclude(&conv, &counts);
}
