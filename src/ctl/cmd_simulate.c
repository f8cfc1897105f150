/* offers simulate: what a campaign would have cost, and who would have gained. */
#include "base/clock.h"
#include "ctl/cards.h"
#include "ctl/cmd_offers.h"
#include "ctl/simulate_print.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAULTS_SHOWN 100u
#define TOP_DEFAULT 10
#define PROGRESS_MS 250
#define USAGE                                                                            \
	"usage: lanectl offers simulate --rules NEW [--against OLD] --baskets FILE... "  \
	"[--at TIME | --shift-days N] [--members FILE] [--csv] [--top N] "               \
	"[--language L] [--skip-bad] [--nodes N] and the options of baskets convert"

struct run {
	struct ctl *ctl;
	const char *path;
	struct simulation *simulation;
	struct cards *cards;
	struct baskets_options baskets;
	struct baskets_counts counts;
	struct simulate_print print;
	const char *currency;
	uint64_t bytes_total;
	int64_t said_ms;
	bool skip_bad, tty, fixed_time;
};

/* ---- baskets as they come ---------------------------------------------------------------------- */

static int
complain(struct run *r, uint64_t number, const char *place, const char *what)
{
	if (number < FAULTS_SHOWN)
		fprintf(stderr, "%s:%s %s\n", r->path, place, what);
	return 0;
}

static int
on_fault(void *ctx, const struct past_fault *f)
{
	struct run *r = ctx;
	char place[32];

	(void)snprintf(place, sizeof(place), "%u:%u:", (unsigned)f->line,
		       (unsigned)f->column); /* fits */
	return complain(r, r->print.faults++, place, f->what);
}

static int
refuse(struct run *r, const struct past_basket *b, const char *what)
{
	char place[256];

	(void)snprintf(place, sizeof(place),
		       " %.*s:", (int)(b->id.n < 200 ? b->id.n : 200),
		       b->id.p); /* fits */
	return complain(r, r->print.faults++, place, what);
}

/* Who the member is, where a file tells. */
static void
know_member(struct run *r, struct past_basket *b)
{
	const struct pricing_member *m;

	if (r->cards == NULL || b->member_number.n == 0)
		return;
	m = cards_find(r->cards, b->member_number);
	if (m == NULL) {
		b->member = (struct pricing_member){ .known = false };
		r->print.unknown++;
		return;
	}
	b->member = *m;
}

static int
on_basket(void *ctx, const struct past_basket *past)
{
	struct run *r = ctx;
	struct past_basket b = *past;
	int rc;

	if (b.currency[0] != '\0' && strcmp(b.currency, r->currency) != 0)
		return refuse(r, &b, "the basket has another currency than the rules");
	if (!b.has_at && !r->fixed_time)
		return refuse(r, &b, "the basket has no time; give one by --at");
	know_member(r, &b);
	rc = simulate_add(r->simulation, &b);
	if (rc == -EINVAL || rc == -ERANGE)
		return refuse(r, &b, "the basket is outside the ranges of the engine");
	if (rc == -EOVERFLOW)
		return ctl_fail(CTL_DATA, "%s: more money than can be added up", r->path);
	return rc < 0 ? ctl_fail(CTL_INTERNAL, "%s: %s", r->path, strerror(-rc)) : 0;
}

static void
on_progress(void *ctx, uint64_t bytes, uint64_t baskets)
{
	struct run *r = ctx;
	int64_t now = clock_mono_ms();

	if (now - r->said_ms < PROGRESS_MS)
		return;
	r->said_ms = now;
	fprintf(stderr, "\r%llu baskets", (unsigned long long)baskets);
	if (r->bytes_total > 0)
		fprintf(stderr, ", %llu %%",
			(unsigned long long)(bytes * 100 / r->bytes_total));
}

/* ---- the command ------------------------------------------------------------------------------------ */

static int
read_number(const char *name, const char *text, int64_t min, int64_t max, int64_t *value)
{
	if (text == NULL)
		return 0;
	if (str_to_i64(str_of(text), value) < 0 || *value < min || *value > max)
		return ctl_fail(CTL_USAGE, "%s: %lld to %lld", name, (long long)min,
				(long long)max);
	return 0;
}

static int
read_options(struct run *r, int *argc, char **argv, struct simulate_options *o)
{
	const char *at = ctl_option(argc, argv, "--at");
	const char *language = ctl_option(argc, argv, "--language");
	int64_t top = TOP_DEFAULT, shift = 0, nodes = 0;
	int rc = read_number("--top", ctl_option(argc, argv, "--top"), 0, 1000, &top);

	if (rc == 0)
		rc = read_number("--shift-days", ctl_option(argc, argv, "--shift-days"),
				 -36500, 36500, &shift);
	if (rc == 0)
		rc = read_number("--nodes", ctl_option(argc, argv, "--nodes"), 1,
				 INT64_C(1000000000), &nodes);
	if (rc == 0)
		rc = ctl_baskets_options(argc, argv, &r->baskets);
	if (rc == 0)
		rc = ctl_time("--at", at, r->baskets.timezone, &o->at);
	if (rc != 0)
		return rc;
	if (at != NULL && shift != 0)
		return ctl_fail(CTL_USAGE, "--at and --shift-days: keep one of them");
	o->has_at = r->fixed_time = at != NULL;
	o->shift_days = (int32_t)shift;
	o->nodes_max = (uint64_t)nodes;
	r->skip_bad = ctl_flag(argc, argv, "--skip-bad");
	r->print.form = ctl_flag(argc, argv, "--csv") ? SIMULATE_CSV
			: r->ctl->json                ? SIMULATE_JSON
						      : SIMULATE_TEXT;
	r->print.top = (uint32_t)top;
	r->print.language = str_of(language == NULL ? "en" : language);
	return 0;
}

static uint64_t
bytes_of(int count, char **paths)
{
	uint64_t sum = 0;
	struct stat st;

	for (int i = 0; i < count; i++)
		if (stat(paths[i], &st) == 0 && S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_size;
	return sum;
}

static int
read_all(struct run *r, int count, char **paths)
{
	struct past_sink sink = { on_basket, on_fault, r };
	int rc = 0;

	r->tty = isatty(STDERR_FILENO) != 0;
	if (r->tty) {
		r->bytes_total = bytes_of(count, paths);
		r->baskets.progress = on_progress;
		r->baskets.progress_ctx = r;
	}
	for (int i = 0; rc == 0 && i < count; i++) {
		r->path = paths[i];
		rc = baskets_read(paths[i], &r->baskets, &sink, &r->counts);
	}
	if (r->tty)
		fprintf(stderr, "\r%30s\r", "");
	if (rc == 0 && r->print.faults > 0 && !r->skip_bad)
		rc = ctl_fail(CTL_DATA,
			      "%llu baskets cannot be used; --skip-bad leaves them out",
			      (unsigned long long)r->print.faults);
	return rc;
}

static int
simulate(struct run *r, const struct simulate_options *o, int count, char **paths)
{
	int rc;

	r->currency = pricing_rules_currency(o->after->rules);
	if (o->before != NULL &&
	    strcmp(pricing_rules_currency(o->before->rules), r->currency) != 0)
		return ctl_fail(CTL_DATA, "%s and %s have different currencies",
				o->after->path, o->before->path);
	r->simulation = simulate_new(o);
	if (r->simulation == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	rc = read_all(r, count, paths);
	if (rc == 0)
		rc = simulate_print(r->simulation, &r->print);
	simulate_free(r->simulation);
	return rc;
}

int
cmd_simulate(struct ctl *c, int argc, char **argv)
{
	const char *rules = ctl_option(&argc, argv, "--rules");
	const char *against = ctl_option(&argc, argv, "--against");
	const char *members = ctl_option(&argc, argv, "--members");
	bool baskets =
		ctl_flag(&argc, argv, "--baskets"); /* the files are what is left */
	struct rulefile after = { .path = NULL }, before = { .path = NULL };
	struct simulate_options o = { .after = &after };
	struct run r = { .ctl = c };
	const char *currency = NULL; /* of rule files that name none */
	int rc = read_options(&r, &argc, argv, &o);

	if (rc != 0)
		return rc;
	if (rules == NULL || !baskets || argc < 1 || ctl_unknown_option(argc, argv))
		return ctl_fail(CTL_USAGE, USAGE);
	if (r.baskets.poslog.currency[0] != '\0')
		currency = r.baskets.poslog.currency;
	rc = rulefile_read(rules, NULL, currency, &after);
	if (rc == 0 && against != NULL) {
		rc = rulefile_read(against, NULL, currency, &before);
		o.before = &before;
	}
	if (rc == 0 && members != NULL)
		rc = cards_read(members, &r.cards);
	r.print.has_members = r.cards != NULL;
	if (rc == 0)
		rc = simulate(&r, &o, argc, argv);
	cards_free(r.cards);
	rulefile_free(&before);
	rulefile_free(&after);
	return rc;
}
