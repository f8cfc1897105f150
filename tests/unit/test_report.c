#include "unit.h"

#include "bench/figures.h"
#include "bench/images.h"
#include "bench/plot.h"
#include "bench/report_items.h"
#include "bench/table.h"
#include "tempdir.h"

#include <errno.h>

static void
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

/* The file as a text; the caller frees it. */
static char *
read_text(const char *path)
{
	char *text = calloc(1, 1u << 20);
	FILE *f = fopen(path, "re");
	size_t n;

	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, (1u << 20) - 1, f);
	text[n] = '\0';
	ck_assert_int_eq(fclose(f), 0);
	return text;
}

START_TEST(the_last_line_of_a_key_counts)
{
	char d[TEMPDIR_BYTES];
	struct figures *f = figures_new();
	const char *path;
	double v;

	tempdir_make(d);
	path = tempdir_path(d, "x.figures");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(figures_read(f, path), 0); /* no such file: no figures */
	ck_assert(!figures_get(f, "a", &v));
	write_text(path, "a 1\nb two words\n\na 2.5\n");
	ck_assert_int_eq(figures_read(f, path), 0);
	ck_assert(figures_get(f, "a", &v));
	ck_assert(v == 2.5);
	ck_assert(!figures_get(f, "b", &v));
	ck_assert_str_eq(figures_text(f, "b"), "two words");
	ck_assert_ptr_null(figures_text(f, "c"));
	write_text(path, "nothing\n");
	ck_assert_int_eq(figures_read(f, path), -EBADMSG);
	(void)figures_free(f);
	tempdir_remove(d);
}
END_TEST

START_TEST(a_verdict_says_no_more_than_the_data)
{
	static const struct {
		struct measured m;
		double limit;
		enum verdict want;
	} table[] = {
		{ { .known = false }, 5, NOT_MEASURED },
		{ { .too_few = true }, 5, CANNOT_BE_SHOWN },
		{ { .known = true, .value = 6 }, 5, NOT_MET },
		{ { .known = true, .value = 5 }, 5, MET },
		{ { true, false, 6, true, 4, 9, 1 }, 5, NOT_MET },
		{ { true, false, 4, true, 2, 9, 1 }, 5, MET },
		{ { true, false, 2, true, 1, 4, 1 }, 5, MET_SURELY },
		{ { true, false, 0, true, 0, 7, 6 }, 5, CANNOT_BE_SHOWN },
		{ { true, false, 9, true, 5, 20, 6 }, 5, NOT_MET },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		ck_assert_str_eq(verdict_name(item_verdict(&table[i].m, table[i].limit)),
				 verdict_name(table[i].want));
}
END_TEST

START_TEST(touches_become_a_rate_with_its_bounds)
{
	char d[TEMPDIR_BYTES];
	struct figures *f = figures_new();
	const char *path;
	struct measured m;

	tempdir_make(d);
	path = tempdir_path(d, "x.figures");
	write_text(path, "x.errors 1\nx.trials 50\nx.low 0.001\nx.high 0.1\n");
	ck_assert_int_eq(figures_read(f, path), 0);
	m = measured_touches(f, "x");
	ck_assert(m.known && m.bounded);
	ck_assert(m.value > 1.999 && m.value < 2.001);
	ck_assert(m.high > 9.99 && m.high < 10.01);
	ck_assert(m.least > 5.5 && m.least < 6.1);
	ck_assert(!measured_touches(f, "y").known);
	(void)figures_free(f);
	tempdir_remove(d);
}
END_TEST

START_TEST(a_table_is_markdown_with_even_columns)
{
	static struct table t;
	char d[TEMPDIR_BYTES];
	const char *path;
	FILE *f;
	char *text;

	tempdir_make(d);
	path = tempdir_path(d, "table.md");
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	table_begin(&t, 2);
	table_row(&t);
	table_cell(&t, 0, "what");
	table_row(&t);
	table_cell(&t, 1, "%d %%", 12);
	table_write(&t, f);
	ck_assert_int_eq(fclose(f), 0);
	text = read_text(path);
	ck_assert_str_eq(text, "| what |      |\n|------|------|\n|      | 12 % |\n");
	free(text);
	tempdir_remove(d);
}
END_TEST

static void
must_have(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "%s is missing", part);
}

START_TEST(a_plot_puts_decades_where_they_belong)
{
	static const struct plot_axis x = { "rate <&>", 1e-4, 1, plot_percent };
	static const struct plot_axis y = { "time", 1, 1e4, plot_ms };
	const struct plot_xy line[] = { { 1e-4, 1 }, { 0, 5 }, { 1, 1e4 } };
	const struct plot_xy mark[] = { { 1e-2, 100 } };
	char d[TEMPDIR_BYTES];
	const char *path;
	struct plot *p = plot_new("a & b", &x, &y);
	char *text;

	tempdir_make(d);
	path = tempdir_path(d, "x.svg");
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(plot_line(p, "line", line, 3), 0);
	ck_assert_int_eq(plot_marks(p, "mark", mark, 1), 0);
	for (unsigned i = 2; i < PLOT_SERIES_MAX; i++)
		ck_assert_int_eq(plot_marks(p, "none", NULL, 0), 0);
	ck_assert_int_eq(plot_line(p, "too many", line, 3), -ENOSPC);
	ck_assert_int_eq(plot_write(p, path), 0);
	text = read_text(path);
	must_have(text, "<title>a &amp; b</title>");
	must_have(text, "rate &lt;&amp;&gt;");
	must_have(text, ">0.01 %</text>");
	must_have(text, ">100 %</text>");
	must_have(text, ">10 s</text>");
	/* From corner to corner, without the point that has no logarithm; the mark in the middle. */
	must_have(text, "points=\"92.0,490.0 590.0,50.0\"");
	must_have(text, "translate(341.0 270.0)");
	must_have(text, "</svg>\n");
	ck_assert_int_eq(plot_write(p, tempdir_path(d, "no/where.svg")), -ENOENT);
	free(text);
	ck_assert_ptr_null(plot_free(p));
	tempdir_remove(d);
}
END_TEST

START_TEST(ticks_are_written_as_people_do)
{
	static const struct {
		plot_tick_fn tick;
		double value;
		const char *want;
	} table[] = {
		{ plot_percent, 1e-5, "0.001 %" }, { plot_count, 500, "500" },
		{ plot_count, 1e4, "10 000" },     { plot_count, 2e6, "2 M" },
		{ plot_ms, 0.1, "0.1 ms" },        { plot_ms, 1e3, "1 s" },
	};
	char text[PLOT_TEXT_MAX];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		table[i].tick(table[i].value, text);
		ck_assert_str_eq(text, table[i].want);
	}
}
END_TEST

START_TEST(a_folder_says_its_images_and_their_dpi)
{
	static const char *const names[] = { "12_10.pgm", "12_9.pgm", "1_1.pgm",
					     "1_x.pgm",   "a.pgm",    "2_1.png" };
	char d[TEMPDIR_BYTES];
	struct images list;

	tempdir_make(d);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		write_text(tempdir_path(d, names[i]), "P5 nothing\n");
	write_text(tempdir_path(d, "quality.txt"), "12_9 4\nzz_1 5\n");
	ck_assert_int_eq(images_list(d, 0, &list), 0);
	ck_assert_uint_eq(list.count, 3);
	ck_assert_uint_eq(list.dpi, IMAGES_DPI);
	ck_assert_str_eq(list.at[0].name, "12_9"); /* by number, not by letter */
	ck_assert_str_eq(list.at[1].name, "12_10");
	ck_assert_uint_eq(images_of_finger(&list, 0), 2);
	ck_assert_uint_eq(images_grade(&list, "12_9"), 4);
	ck_assert_uint_eq(images_grade(&list, "12_10"), 0);
	ck_assert_uint_eq(images_grade(&list, "zz_1"), 0);
	images_close(&list);
	write_text(tempdir_path(d, "dpi"), "569\n");
	ck_assert_int_eq(images_list(d, 0, &list), 0);
	ck_assert_uint_eq(list.dpi, 569);
	images_close(&list);
	ck_assert_int_eq(images_list(d, 400, &list), 0);
	ck_assert_uint_eq(list.dpi, 400);
	ck_assert_int_eq(images_extract(&list), -EBADMSG); /* P5 nothing */
	images_close(&list);
	write_text(tempdir_path(d, "dpi"), "many\n");
	ck_assert_int_eq(images_list(d, 0, &list), -EBADMSG);
	images_close(&list);
	tempdir_remove(d);
}
END_TEST

START_TEST(families_are_known_however_they_are_written)
{
	static const struct {
		const char *dir;
		enum images_family want;
	} table[] = {
		{ "/x/fvc2004_db2b", IMAGES_FVC_OPTICAL },
		{ "FVC2002_DB1_B/", IMAGES_FVC_OPTICAL },
		{ "fvc2000-db3b//", IMAGES_FVC_OPTICAL },
		{ "fvc2000_db2b", IMAGES_FVC_REST },
		{ "fvc2002_db4b", IMAGES_FVC_REST },
		{ "minex", IMAGES_MINEX },
		{ "minex3val", IMAGES_MINEX },
		{ "fvc2004_db2b/other", IMAGES_OTHER },
		{ "", IMAGES_OTHER },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		ck_assert_int_eq((int)images_family(table[i].dir), (int)table[i].want);
}
END_TEST

UNIT_MAIN("report", the_last_line_of_a_key_counts, a_verdict_says_no_more_than_the_data,
	  touches_become_a_rate_with_its_bounds, a_table_is_markdown_with_even_columns,
	  a_plot_puts_decades_where_they_belong, ticks_are_written_as_people_do,
	  a_folder_says_its_images_and_their_dpi,
	  families_are_known_however_they_are_written)
