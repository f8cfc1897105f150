#include "plot.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 860.0 /* of the picture, and where in it the axes cross */
#define HEIGHT 560.0
#define LEFT 92.0
#define RIGHT 590.0
#define TOP 50.0
#define BOTTOM 490.0
#define LEGEND_X 610.0
#define LEGEND_STEP 22.0
#define SHAPES 5u

struct series {
	char label[PLOT_TEXT_MAX];
	struct plot_xy *at;
	size_t count;
	bool line;
};

struct plot {
	char title[PLOT_TEXT_MAX], titles[2][PLOT_TEXT_MAX];
	struct plot_axis axis[2];
	struct series series[PLOT_SERIES_MAX];
	unsigned count;
};

static const char *const colours[] = { "#0072b2", "#d55e00", "#009e73", "#cc79a7",
				       "#000000", "#e69f00", "#56b4e9", "#7f7f00" };
#define COLOURS (sizeof(colours) / sizeof(colours[0]))
static const char *const dashes[] = { "", "8 3", "2 3", "8 3 2 3" };
#define DASHES (sizeof(dashes) / sizeof(dashes[0]))

static void
copy_text(char to[PLOT_TEXT_MAX], const char *from)
{
	(void)snprintf(to, PLOT_TEXT_MAX, "%s", from); /* cut as the header says */
}

void
plot_percent(double value, char ret[PLOT_TEXT_MAX])
{
	(void)snprintf(ret, PLOT_TEXT_MAX, "%g %%", 100.0 * value); /* fits */
}

void
plot_count(double value, char ret[PLOT_TEXT_MAX])
{
	if (value >= 1e6)
		(void)snprintf(ret, PLOT_TEXT_MAX, "%g M", value / 1e6); /* fits */
	else if (value >= 1e3)
		(void)snprintf(ret, PLOT_TEXT_MAX, "%g 000", value / 1e3);
	else
		(void)snprintf(ret, PLOT_TEXT_MAX, "%g", value);
}

void
plot_ms(double value, char ret[PLOT_TEXT_MAX])
{
	if (value >= 1e3)
		(void)snprintf(ret, PLOT_TEXT_MAX, "%g s", value / 1e3); /* fits */
	else
		(void)snprintf(ret, PLOT_TEXT_MAX, "%g ms", value);
}

struct plot *
plot_new(const char *title, const struct plot_axis *x, const struct plot_axis *y)
{
	struct plot *p = calloc(1, sizeof(*p));

	assert(x->low > 0 && x->low < x->high && y->low > 0 && y->low < y->high);
	if (p == NULL)
		return NULL;
	copy_text(p->title, title);
	p->axis[0] = *x;
	p->axis[1] = *y;
	for (int i = 0; i < 2; i++) {
		copy_text(p->titles[i], p->axis[i].title);
		p->axis[i].title = p->titles[i];
	}
	return p;
}

struct plot *
plot_free(struct plot *p)
{
	if (p == NULL)
		return NULL;
	for (unsigned i = 0; i < p->count; i++)
		free(p->series[i].at);
	free(p);
	return NULL;
}

static int
add(struct plot *p, const char *label, const struct plot_xy *at, size_t count, bool line)
{
	struct series *s = &p->series[p->count];

	if (p->count == PLOT_SERIES_MAX)
		return -ENOSPC;
	s->at = calloc(count + 1, sizeof(*s->at));
	if (s->at == NULL)
		return -ENOMEM;
	s->count = 0;
	for (size_t i = 0; i < count; i++) {
		if (at[i].x > 0 && at[i].y > 0)
			s->at[s->count++] = at[i];
	}
	copy_text(s->label, label);
	s->line = line;
	p->count++;
	return 0;
}

int
plot_line(struct plot *p, const char *label, const struct plot_xy *at, size_t count)
{
	return add(p, label, at, count, true);
}

int
plot_marks(struct plot *p, const char *label, const struct plot_xy *at, size_t count)
{
	return add(p, label, at, count, false);
}

/* ---- drawing: what cannot be written shows in ferror at the end ------------ */

static void
write_text(FILE *f, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '<')
			(void)fputs("&lt;", f);
		else if (*text == '>')
			(void)fputs("&gt;", f);
		else if (*text == '&')
			(void)fputs("&amp;", f);
		else
			(void)fputc(*text, f);
	}
}

/* anchor: start, middle or end. */
static void
write_label(FILE *f, struct plot_xy at, const char *anchor, const char *text)
{
	(void)fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", at.x, at.y,
		      anchor);
	write_text(f, text);
	(void)fputs("</text>\n", f);
}

static double
share(const struct plot_axis *a, double value)
{
	return log(value / a->low) / log(a->high / a->low);
}

static struct plot_xy
place(const struct plot *p, struct plot_xy at)
{
	return (struct plot_xy){
		LEFT + (RIGHT - LEFT) * share(&p->axis[0], at.x),
		BOTTOM - (BOTTOM - TOP) * share(&p->axis[1], at.y),
	};
}

static void
write_gridline(FILE *f, bool upright, double at, bool decade)
{
	const char *stroke = decade ? "#b0b0b0" : "#e4e4e4";

	if (upright)
		(void)fprintf(f,
			      "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
			      "stroke=\"%s\"/>\n",
			      at, TOP, at, BOTTOM, stroke);
	else
		(void)fprintf(f,
			      "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
			      "stroke=\"%s\"/>\n",
			      LEFT, at, RIGHT, at, stroke);
}

/* Lines at 1..9 of each decade, a text at each decade; on a short axis also at 2 and 5. */
static void
write_axis(FILE *f, const struct plot *p, bool upright)
{
	const struct plot_axis *a = &p->axis[upright ? 0 : 1];
	bool is_short = log10(a->high / a->low) < 2.5;
	char text[PLOT_TEXT_MAX];

	for (int decade = (int)floor(log10(a->low)); pow(10, decade) <= a->high * 1.001;
	     decade++) {
		for (int i = 1; i <= 9; i++) {
			double value = i * pow(10, decade);
			struct plot_xy at = place(p, (struct plot_xy){ value, value });

			if (value < a->low * 0.999 || value > a->high * 1.001)
				continue;
			write_gridline(f, upright, upright ? at.x : at.y, i == 1);
			if (i != 1 && !(is_short && (i == 2 || i == 5)))
				continue;
			a->tick(value, text);
			if (upright)
				write_label(f, (struct plot_xy){ at.x, BOTTOM + 18 },
					    "middle", text);
			else
				write_label(f, (struct plot_xy){ LEFT - 8, at.y + 4 },
					    "end", text);
		}
	}
}

static void
write_mark(FILE *f, struct plot_xy at, unsigned shape, const char *colour)
{
	static const char *const paths[SHAPES] = {
		"M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z", "M-4.5 -4.5h9v9h-9z",
		"M0 -6l6 10h-12z", "M0 -6l6 6l-6 6l-6 -6z", "M0 6l6 -10h-12z"
	};

	(void)fprintf(f,
		      "<path transform=\"translate(%.1f %.1f)\" d=\"%s\" fill=\"%s\" "
		      "fill-opacity=\"0.8\"/>\n",
		      at.x, at.y, paths[shape % SHAPES], colour);
}

static void
write_path(FILE *f, const struct plot_xy *at, size_t count, unsigned number)
{
	(void)fprintf(f,
		      "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" "
		      "stroke-dasharray=\"%s\" points=\"",
		      colours[number % COLOURS], dashes[number / 2 % DASHES]);
	for (size_t i = 0; i < count; i++)
		(void)fprintf(f, "%s%.1f,%.1f", i > 0 ? " " : "", at[i].x, at[i].y);
	(void)fputs("\"/>\n", f);
}

/* Curves of so few points show them: one alone would be no line. */
#define DOTS_MAX 16u

static void
write_dots(FILE *f, const struct plot_xy *at, size_t count, const char *colour)
{
	for (size_t i = 0; i < count && count <= DOTS_MAX; i++)
		(void)fprintf(f,
			      "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
			      at[i].x, at[i].y, colour);
}

static void
write_series(FILE *f, const struct plot *p, unsigned number)
{
	const struct series *s = &p->series[number];
	const char *colour = colours[number % COLOURS];
	double y = TOP + 8 + LEGEND_STEP * number;
	struct plot_xy sample[2] = { { LEGEND_X, y }, { LEGEND_X + 26, y } };
	struct plot_xy *at = calloc(s->count + 1, sizeof(*at));

	if (at == NULL)
		return; /* an incomplete picture, and the legend tells what is missing */
	for (size_t i = 0; i < s->count; i++)
		at[i] = place(p, s->at[i]);
	(void)fputs("<g clip-path=\"url(#area)\">\n", f);
	if (s->line) {
		write_path(f, at, s->count, number);
		write_dots(f, at, s->count, colour);
	}
	for (size_t i = 0; i < s->count && !s->line; i++)
		write_mark(f, at[i], number, colour);
	(void)fputs("</g>\n", f);
	if (s->line)
		write_path(f, sample, 2, number);
	else
		write_mark(f, (struct plot_xy){ LEGEND_X + 13, y }, number, colour);
	write_label(f, (struct plot_xy){ LEGEND_X + 34, y + 4 }, "start", s->label);
	free(at);
}

static void
write_frame(FILE *f, const struct plot *p)
{
	(void)fprintf(f,
		      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f "
		      "%.0f\" width=\"%.0f\" height=\"%.0f\" font-family=\"sans-serif\" "
		      "font-size=\"13\">\n<title>",
		      WIDTH, HEIGHT, WIDTH, HEIGHT);
	write_text(f, p->title);
	(void)fprintf(f,
		      "</title>\n<rect width=\"%.0f\" height=\"%.0f\" fill=\"white\"/>\n"
		      "<clipPath id=\"area\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
		      "height=\"%.1f\"/></clipPath>\n",
		      WIDTH, HEIGHT, LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP);
	write_label(f, (struct plot_xy){ LEFT, 28 }, "start", p->title);
	write_axis(f, p, true);
	write_axis(f, p, false);
	(void)fprintf(f,
		      "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
		      "fill=\"none\" stroke=\"#404040\"/>\n",
		      LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP);
	write_label(f, (struct plot_xy){ (LEFT + RIGHT) / 2, BOTTOM + 44 }, "middle",
		    p->titles[0]);
	(void)fprintf(f, "<g transform=\"translate(18 %.1f) rotate(-90)\">\n",
		      (TOP + BOTTOM) / 2);
	write_label(f, (struct plot_xy){ 0, 0 }, "middle", p->titles[1]);
	(void)fputs("</g>\n", f);
}

int
plot_write(const struct plot *p, const char *path)
{
	FILE *f = fopen(path, "we");
	bool bad;

	if (f == NULL)
		return -errno;
	write_frame(f, p);
	for (unsigned i = 0; i < p->count; i++)
		write_series(f, p, i);
	(void)fputs("</svg>\n", f); /* as above */
	bad = ferror(f) != 0;
	return fclose(f) != 0 || bad ? -EIO : 0;
}
