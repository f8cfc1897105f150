#include "report_anchors.h"
#include "report_items.h"
#include "report_plots.h"
#include "report_sets.h"
#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * bio_report: what the other programs here have left in a folder, as one table beside what was to
 * be reached and to be beaten, and as diagrams.
 */
#define POOL_SETS 4u /* the limits for the optical sets together are meant for so many */

struct report {
	struct sets sets;
	struct table table;
};

static void
usage(FILE *f)
{
	(void)fputs(
		"usage: bio_report --out OUT DIR...\n"
		"For the image folders DIR: reads OUT/NAME.scores, "
		"OUT/NAME-enrol3.scores,\n"
		"OUT/NAME-iso.scores and OUT/NAME.figures of bio_scores, and the "
		"figures\n"
		"of bio_touches, bench_search and bio_tail (OUT/touches.figures, search\n"
		"and tail), as far as they are there. Prints the report, and writes it "
		"to\n"
		"OUT/report.md, and OUT/det-NAME.svg and OUT/time.svg.\n"
		"  --help  this text\n",
		f); /* nothing to do when even this cannot be written */
}

/* ---- what is to be reached --------------------------------------------------- */

static struct measured
set_rate(const struct report *r, const char *name, enum rate rate)
{
	const struct set *s = sets_named(&r->sets, name);

	return s != NULL ? sets_rate(&s->one, rate) : (struct measured){ 0 };
}

static const struct result *
good_minex(const struct report *r)
{
	static const struct result none;
	const struct set *s = sets_of_family(&r->sets, IMAGES_MINEX);

	return s != NULL ? &s->good : &none;
}

static void
cell_measured(struct table *t, unsigned column, const struct measured *m,
	      const struct item *item)
{
	bool rest = item->rest;

	if (!m->known)
		table_cell(t, column, "-");
	else
		table_cell(t, column, m->value >= 1000 ? "%.0f %s" : "%.3g %s",
			   rest ? 100.0 - m->value : m->value, item->unit);
	if (m->known && m->bounded)
		table_cell(t, column + 1, "%.2f .. %.2f", rest ? 100.0 - m->high : m->low,
			   rest ? 100.0 - m->low : m->high);
}

static void
row_item(struct report *r, const struct item *item, struct measured m)
{
	struct table *t = &r->table;
	const char *sign = item->rest ? ">=" : "<=";
	double limit[2] = { item->must, item->goal };

	table_row(t);
	table_cell(t, 0, "%s", item->label);
	cell_measured(t, 1, &m, item);
	for (unsigned i = 0; i < 2; i++) {
		if (limit[i] <= 0)
			continue;
		table_cell(t, 3 + 2 * i, "%s %g %s", sign,
			   item->rest ? 100.0 - limit[i] : limit[i], item->unit);
		table_cell(t, 4 + 2 * i, "%s", verdict_name(item_verdict(&m, limit[i])));
	}
}

static void
items_of_rates(struct report *r)
{
	struct measured m[] = {
		set_rate(r, "fvc2002_db1b", EER),
		set_rate(r, "fvc2002_db1b", AT_1E3),
		set_rate(r, "fvc2004_db2b", EER),
		set_rate(r, "fvc2004_db2b", AT_1E3),
		sets_rate(good_minex(r), AT_1E4),
		sets_rate(&r->sets.pooled_one, EER),
		sets_rate(&r->sets.pooled_one, AT_1E3),
		sets_rate(&r->sets.pooled_three, EER),
		sets_rate(&r->sets.pooled_three, AT_1E3),
	};
	static const struct item items[] = {
		{ "FVC2002 DB1_B, one impression enrolled: EER", "%", 2.4, 1.5, false },
		{ "FVC2002 DB1_B: FNMR at FMR 1e-3", "%", 5.5, 3, false },
		{ "U.are.U 4000 (FVC2004 DB2_B): EER", "%", 10, 7, false },
		{ "U.are.U 4000: FNMR at FMR 1e-3", "%", 20, 14, false },
		{ "MINEX grades 3-5: FNMR at FMR 1e-4", "%", 6.5, 4, false },
		{ "optical sets pooled, one impression: EER", "%", 5.5, 4, false },
		{ "optical sets pooled, one: FNMR at FMR 1e-3", "%", 11, 8, false },
		{ "optical sets pooled, three impressions: EER", "%", 2.5, 1.5, false },
		{ "optical sets pooled, three: FNMR at FMR 1e-3", "%", 4, 2.5, false },
	};

	for (unsigned i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		row_item(r, &items[i], m[i]);
}

/* Of the largest gallery that was measured. */
static struct measured
bytes_per_reference(const struct report *r)
{
	static const char *const keys[] = { "search.1000000.bytes_per_reference",
					    "search.100000.bytes_per_reference",
					    "search.60000.bytes_per_reference" };
	struct measured m = { 0 };

	for (unsigned i = 0; !m.known && i < sizeof(keys) / sizeof(keys[0]); i++)
		m = measured_figure(r->sets.figures, keys[i]);
	return m;
}

static void
items_of_times(struct report *r)
{
	static const struct {
		struct item item;
		const char *key;
	} items[] = {
		{ { "identify among 100 000, extraction included", "ms", 150, 30, false },
		  "search.100000.best.median_ms" },
		{ { "identify among 1 000 000, extraction included", "ms", 1000, 200,
		    false },
		  "search.1000000.best.median_ms" },
		{ { "lane class: 60 000 references by SSE2", "ms", 300, 150, false },
		  "search.60000.sse2.median_ms" },
		{ { "lane class: memory", "MB", 128, 0, false }, "search.60000.rss_mb" },
		{ { "loading 1 000 000 references", "s", 5, 0, false },
		  "search.1000000.load_s" },
	};
	static const struct item memory = { "memory of a reference in the scan, all in",
					    "B", 1200, 900, false };
	static const struct {
		struct item item;
		const char *key;
	} losses[] = {
		{ { "mates of 30 dB lost by the scan, real, one enrolled", "%", 0.5, 0.2,
		    false },
		  "loss.one" },
		{ { "the same, of the set that loses most", "%", 0.5, 0.2, false },
		  "loss.one_worst" },
		{ { "three impressions enrolled", "%", 0.5, 0.2, false }, "loss.three" },
		{ { "the same, of the set that loses most", "%", 0.5, 0.2, false },
		  "loss.three_worst" },
		{ { "mates of 40 dB lost, synthetic fingers among 100 000", "%", 0.5, 0.2,
		    false },
		  "search.100000.loss" },
	};
	static const struct item extraction = { "extraction, 328x364 (CPU time)", "ms", 8,
						4, false };
	static const struct item comparison = { "1:1 fine comparison (CPU time)", "us",
						10, 3, false };
	const struct set *s = sets_named(&r->sets, "fvc2004_db2b");

	if (s != NULL) {
		row_item(r, &extraction, measured_figure(s->figures, "extraction_ms"));
		row_item(r, &comparison, measured_figure(s->figures, "comparison_us"));
	}
	for (unsigned i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		row_item(r, &items[i].item,
			 measured_figure(r->sets.figures, items[i].key));
	row_item(r, &memory, bytes_per_reference(r));
	for (unsigned i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
		row_item(r, &losses[i].item,
			 measured_touches(r->sets.figures, losses[i].key));
}

/* How many times more or less often synthetic strangers pass a threshold than real ones. */
static void
items_of_tail(struct report *r)
{
	static const struct {
		struct item item;
		const char *key;
	} items[] = {
		{ { "impostors, synthetic : real, at FMR 1e-2 off by", "x", 2, 0, false },
		  "tail.ratio.1e-2" },
		{ { "impostors, synthetic : real, at FMR 1e-3 off by", "x", 2, 0, false },
		  "tail.ratio.1e-3" },
		{ { "impostors, synthetic : real, at FMR 1e-4 off by", "x", 2, 0, false },
		  "tail.ratio.1e-4" },
	};

	for (unsigned i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		struct measured m = measured_figure(r->sets.figures, items[i].key);

		if (m.known && m.value > 0 && m.value < 1)
			m.value = 1 / m.value;
		row_item(r, &items[i].item, m);
	}
}

static void
items_of_product(struct report *r)
{
	static const struct {
		struct item item;
		const char *key;
	} items[] = {
		{ { "identified in 2 touches of a finger, 2 x 3 enrolled, N 20 000", "%",
		    2, 0.5, true },
		  "touches.several.identify_two" },
		{ { "identified in 2 touches, the second by the other finger", "%", 2,
		    0.5, true },
		  "touches.several.identify_other" },
		{ { "claim + up to 2 touches of a finger, 2 x 3 enrolled", "%", 1, 0.2,
		    true },
		  "touches.several.verify_two" },
		{ { "claim + up to 2 touches, the second by the other finger", "%", 1,
		    0.2, true },
		  "touches.several.verify_other" },
		{ { "strangers of the same set identified (FPIR)", "%", 0.1, 0, false },
		  "touches.several.stranger_alike" },
		{ { "strangers, 2 touches of 2 fingers, identified", "%", 0.1, 0, false },
		  "touches.several.stranger_two" },
		{ { "strangers of other sets identified (FPIR)", "%", 0.1, 0, false },
		  "touches.several.stranger_else" },
		{ { "single impression, 2 fingers (MINEX): identified", "%", 0, 0, true },
		  "touches.single.identify_other" },
		{ { "the same, grades 3-5", "%", 0, 0, true },
		  "touches.single_good.identify_other" },
		{ { "the same, grades 4-5", "%", 0, 0, true },
		  "touches.single_best.identify_other" },
		{ { "single impression, 2 fingers (MINEX): claim + touch", "%", 0, 0,
		    true },
		  "touches.single.verify_other" },
		{ { "the same, grades 3-5", "%", 0, 0, true },
		  "touches.single_good.verify_other" },
		{ { "the same, grades 4-5", "%", 0, 0, true },
		  "touches.single_best.verify_other" },
	};

	for (unsigned i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		row_item(r, &items[i].item,
			 measured_touches(r->sets.figures, items[i].key));
}

static void
begin_items(struct report *r)
{
	static const char *const heads[] = { "what", "measured", "95 % bounds",
					     "must", "",         "goal",
					     "" };

	table_begin(&r->table, 7);
	table_row(&r->table);
	for (unsigned i = 0; i < 7; i++)
		table_cell(&r->table, i, "%s", heads[i]);
}

static void
write_items(struct report *r, FILE *f)
{
	(void)fputs("## What was to be reached\n\n", f);
	begin_items(r);
	items_of_rates(r);
	table_write(&r->table, f);
	(void)fprintf(
		f,
		"\n%u optical set%s pooled; the limits are meant for %u. *Cannot be "
		"shown*: within the limit, but without a single error these data "
		"would leave it open as well. *Bound too*: the upper end of the "
		"95 %% interval is within the limit.\n\n",
		r->sets.optical, r->sets.optical == 1 ? "" : "s", POOL_SETS);
	begin_items(r);
	items_of_times(r);
	items_of_tail(r);
	table_write(&r->table, f);
	(void)fputs("\n", f);
	begin_items(r);
	items_of_product(r);
	table_write(&r->table, f);
	(void)fputs("\nThe limits are those of three impressions enrolled; the MINEX "
		    "rows, of "
		    "one, stand beside.\n\n",
		    f);
}

/* ---- what is to be beaten ------------------------------------------------------ */

static void
write_beside(struct report *r, FILE *f, enum anchor_set which, const struct result *ours)
{
	static const char *const names[ANCHOR_SETS] = {
		[ANCHOR_UAREU] = "U.are.U 4000 (FVC2004 DB2_B)",
		[ANCHOR_POOLED] = "optical sets pooled",
		[ANCHOR_MINEX] = "MINEX, grades 3 to 5"
	};
	static const char *const heads[] = { "EER", "FNMR at FMR 1e-2", "1e-3", "1e-4" };
	struct table *t = &r->table;

	table_begin(t, 1 + RATES);
	table_row(t);
	table_cell(t, 0, "%s", names[which]);
	for (unsigned i = 0; i < RATES; i++)
		table_cell(t, 1 + i, "%s", heads[i]);
	for (size_t k = 0; k < anchors_count; k++) {
		table_row(t);
		table_cell(t, 0, "%s", anchors[k].system);
		for (unsigned i = 0; i < RATES; i++)
			if (anchors[k].percent[which][i] > 0)
				table_cell(t, 1 + i, "%.3g",
					   anchors[k].percent[which][i]);
	}
	table_row(t);
	table_cell(t, 0, "laned");
	for (unsigned i = 0; i < RATES; i++) {
		struct measured m = sets_rate(ours, (enum rate)i);

		if (m.known)
			table_cell(t, 1 + i, "%.3g [%.2f .. %.2f]", m.value, m.low,
				   m.high);
	}
	table_write(t, f);
	(void)fputs("\n", f);
}

static void
write_times(struct report *r, FILE *f)
{
	static const char *const heads[] = { "system",        "extraction",
					     "1:1",           "1 : 100 000",
					     "1 : 1 000 000", "memory of a reference" };
	const struct set *s = sets_named(&r->sets, "fvc2004_db2b");
	struct table *t = &r->table;
	double v;

	table_begin(t, 6);
	table_row(t);
	for (unsigned i = 0; i < 6; i++)
		table_cell(t, i, "%s", heads[i]);
	for (size_t k = 0; k < anchor_times_count; k++) {
		const struct anchor_time *a = &anchor_times[k];

		table_row(t);
		table_cell(t, 0, "%s", a->system);
		table_cell(t, 1, "%s", a->extraction);
		table_cell(t, 2, "%s", a->comparison);
		table_cell(t, 3, "%s", a->in_100k);
		table_cell(t, 4, "%s", a->in_1m);
		table_cell(t, 5, "%s", a->memory);
	}
	table_row(t);
	table_cell(t, 0, "laned");
	if (s != NULL && figures_get(s->figures, "extraction_ms", &v))
		table_cell(t, 1, "%.1f ms", v);
	if (s != NULL && figures_get(s->figures, "comparison_us", &v))
		table_cell(t, 2, "%.1f us", v);
	if (figures_get(r->sets.figures, "search.100000.best.median_ms", &v))
		table_cell(t, 3, "%.1f ms", v);
	if (figures_get(r->sets.figures, "search.1000000.best.median_ms", &v))
		table_cell(t, 4, "%.0f ms", v);
	if (bytes_per_reference(r).known)
		table_cell(t, 5, "%.0f B", bytes_per_reference(r).value);
	table_write(t, f);
	(void)fputs("\n", f);
}

/* What each processor's instructions make of it. */
static void
write_kernels(struct report *r, FILE *f)
{
	static const char *const kernels[][2] = { { "sse2", "SSE2" },
						  { "popcnt", "SSE2, popcnt" },
						  { "avx2", "AVX2" },
						  { "avx512", "AVX-512" } };
	static const struct {
		const char *head, *before, *after;
	} columns[] = { { "scan of one, us", "kernel.", ".scan_us" },
			{ "1:1, us", "kernel.", ".compare_us" },
			{ "10 000, ms", "search.10000.", ".median_ms" },
			{ "60 000, ms", "search.60000.", ".median_ms" },
			{ "100 000, ms", "search.100000.", ".median_ms" },
			{ "CPU of both", "search.100000.", ".cpu_ms" },
			{ "1 000 000, ms", "search.1000000.", ".median_ms" },
			{ "CPU of both", "search.1000000.", ".cpu_ms" } };
	struct table *t = &r->table;

	table_begin(t, 9);
	table_row(t);
	table_cell(t, 0, "instructions");
	for (unsigned c = 0; c < 8; c++)
		table_cell(t, c + 1, "%s", columns[c].head);
	for (unsigned k = 0; k < 4; k++) {
		table_row(t);
		table_cell(t, 0, "%s", kernels[k][1]);
		for (unsigned c = 0; c < 8; c++) {
			char key[FIGURES_TEXT_MAX];
			double v;

			(void)snprintf(key, sizeof(key), "%s%s%s", columns[c].before,
				       kernels[k][0], columns[c].after); /* fits */
			if (figures_get(r->sets.figures, key, &v))
				table_cell(t, c + 1, v >= 1000 ? "%.0f" : "%.3g", v);
		}
	}
	(void)fputs(
		"By instructions: the scan of one reference, one comparison of prepared "
		"sides, and the median of an identification, extraction included.\n\n",
		f);
	table_write(t, f);
	(void)fputs("\n", f);
}

static void
write_beaten(struct report *r, FILE *f)
{
	static const struct result none;
	const struct set *uareu = sets_named(&r->sets, "fvc2004_db2b");

	(void)fputs("## Beside other systems\n\nFalse non-match rates in percent; in "
		    "brackets the 95 % bounds. All pairs of different fingers are "
		    "impostors.\n\n",
		    f);
	write_beside(r, f, ANCHOR_UAREU, uareu != NULL ? &uareu->one : &none);
	write_beside(r, f, ANCHOR_POOLED, &r->sets.pooled_one);
	write_beside(r, f, ANCHOR_MINEX, good_minex(r));
	(void)fputs(
		"Times of one core with AVX-512; identification of laned on two, with "
		"extraction.\n\n",
		f);
	write_times(r, f);
	write_kernels(r, f);
}

/* ---- every set ------------------------------------------------------------------ */

static void
row_result(struct table *t, const char *name, const char *what, const struct result *one)
{
	if (!one->known)
		return;
	table_row(t);
	table_cell(t, 0, "%s", name);
	table_cell(t, 1, "%s", what);
	table_cell(t, 2, "%" PRIu64 " of %zu", one->v.mated, one->fingers);
	table_cell(t, 3, "%" PRIu64, one->v.unmated);
	for (unsigned i = 0; i < RATES; i++) {
		struct measured m = sets_rate(one, (enum rate)i);

		if (m.known)
			table_cell(t, 4 + i, "%.2f [%.1f..%.1f]", m.value, m.low, m.high);
	}
	table_cell(t, 8, "%.2f", 100.0 * one->v.zero_fmr);
}

/* Every image as a search of all references of its set. */
static void
row_searches(struct table *t, const char *name, const char *what,
	     const struct result *one)
{
	const struct scores_identification *id = &one->id;
	double n = (double)id->searches;

	if (!one->known)
		return;
	table_row(t);
	table_cell(t, 0, "%s", name);
	table_cell(t, 1, "%s", what);
	table_cell(t, 2, "%" PRIu64, id->searches);
	table_cell(t, 3, "%" PRIu64, id->strangers);
	table_cell(t, 4, "%.2f", 100.0 * id->rank1);
	for (unsigned i = 0; i < SCORES_SEARCH_POINTS; i++) {
		const struct scores_point *p = &id->points[i];
		struct bounds b = bounds_exact(p->rate * n, n);

		if (p->known)
			table_cell(t, 5 + i, "%.2f [%.1f..%.1f]", 100.0 * p->rate,
				   100.0 * b.low, 100.0 * b.high);
	}
}

typedef void (*row_fn)(struct table *t, const char *name, const char *what,
		       const struct result *one);

static void
rows_of_sets(struct report *r, row_fn row)
{
	struct table *t = &r->table;

	for (unsigned i = 0; i < r->sets.count; i++) {
		const struct set *s = &r->sets.at[i];

		row(t, s->name, "one", &s->one);
		row(t, s->name, "three", &s->three);
		row(t, s->name, "one, as ISO minutiae", &s->iso);
		row(t, s->name, "one, grades 3-5", &s->good);
		row(t, s->name, "one, grades 4-5", &s->best);
	}
	row(t, "optical, pooled", "one", &r->sets.pooled_one);
	row(t, "optical, pooled", "three", &r->sets.pooled_three);
}

static void
begin_heads(struct table *t, const char *const *heads, unsigned count)
{
	table_begin(t, count);
	table_row(t);
	for (unsigned i = 0; i < count; i++)
		table_cell(t, i, "%s", heads[i]);
}

static void
write_sets(struct report *r, FILE *f)
{
	static const char *const heads[] = { "set",     "enrolled", "mated, of fingers",
					     "unmated", "EER",      "FNMR at 1e-2",
					     "1e-3",    "1e-4",     "ZeroFMR" };
	static const char *const searches[] = { "set",       "enrolled",
						"searches",  "strangers",
						"rank 1, %", "FNIR at FPIR 1e-1",
						"1e-2",      "1e-3" };
	double dpi, unusable;

	(void)fputs("## Every set\n\nIn percent; in brackets the 95 % bounds.\n\n", f);
	begin_heads(&r->table, heads, 9);
	rows_of_sets(r, row_result);
	table_write(&r->table, f);
	(void)fputs(
		"\nThe same as searches of the set's own references, one to many; every "
		"stranger searches without his mates.\n\n",
		f);
	begin_heads(&r->table, searches, 8);
	rows_of_sets(r, row_searches);
	table_write(&r->table, f);
	(void)fputs("\n", f);
	for (unsigned i = 0; i < r->sets.count; i++) {
		const struct set *s = &r->sets.at[i];

		if (figures_get(s->figures, "dpi", &dpi) &&
		    figures_get(s->figures, "unusable", &unusable))
			(void)fprintf(f,
				      "- %s: %zu images of %.0f dpi, %.0f without usable "
				      "features (they count as not alike)\n",
				      s->name, s->images.count, dpi, unusable);
	}
	(void)fputs("\n", f);
}

static void
write_limits(struct report *r, FILE *f)
{
	(void)fputs("## What these data cannot show\n\n"
		    "Less than this without a single error (95 %, were all pairs "
		    "independent; pairs of one finger are not, so that the bounds above "
		    "take fingers as clusters):\n\n",
		    f);
	for (unsigned i = 0; i < r->sets.count; i++) {
		const struct set *s = &r->sets.at[i];

		if (s->one.known)
			(void)fprintf(f,
				      "- %s: FNMR below %.2f %% (%" PRIu64
				      " mated pairs of %zu fingers), FMR below %.1e\n",
				      s->name, 100.0 * result_least(&s->one),
				      s->one.v.mated, s->one.fingers,
				      bounds_least((double)s->one.v.unmated));
	}
	(void)fputs("\nWhat lies beyond, the score's calibration alone says: it "
		    "extrapolates, "
		    "and was checked on synthetic fingers only.\n\n",
		    f);
}

/* ---- the program ----------------------------------------------------------------- */

static void
write_report(struct report *r, FILE *f)
{
	(void)fputs(
		"# Identification: what was measured\n\n"
		"Terms of ISO/IEC 19795-1. `docs/biometrics.md` says what is measured "
		"and how.\n\n",
		f);
	write_items(r, f);
	write_beaten(r, f);
	write_sets(r, f);
	write_limits(r, f);
}

static int
write_file(struct report *r)
{
	char *path = sets_path(&r->sets, "report", ".md");
	FILE *f = path != NULL ? fopen(path, "we") : NULL;
	bool bad;

	free(path);
	if (f == NULL)
		return path != NULL ? -errno : -ENOMEM;
	write_report(r, f);
	bad = ferror(f) != 0;
	return fclose(f) != 0 || bad ? -EIO : 0;
}

int
main(int argc, char **argv)
{
	static struct report r;
	const char *what = "";
	bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
	int rc;

	if (help || argc < 4 || strcmp(argv[1], "--out") != 0) {
		usage(help ? stdout : stderr);
		return help ? EXIT_SUCCESS : 2;
	}
	rc = sets_open(&r.sets, argv[2], &argv[3], &what);
	if (rc == 0)
		rc = report_plots(&r.sets);
	if (rc == 0)
		rc = write_file(&r);
	if (rc == 0)
		write_report(&r, stdout);
	else
		(void)fprintf(stderr, "bio_report: %s: %s\n", what, strerror(-rc));
	sets_close(&r.sets);
	return rc < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
