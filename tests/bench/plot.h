#ifndef LANED_TESTS_BENCH_PLOT_H
#define LANED_TESTS_BENCH_PLOT_H

#include <stddef.h>

/*
 * Diagrams with two logarithmic axes as SVG files that need no program but a browser: no script,
 * no font, no style of elsewhere. Colours tell apart with any eyesight (the eight of Okabe and
 * Ito), dashes and shapes without colours.
 */
struct plot;

#define PLOT_TEXT_MAX 80u
#define PLOT_SERIES_MAX 24u

struct plot_xy {
	double x, y;
};

/* Writes what stands beside a tick, at most PLOT_TEXT_MAX - 1 bytes. */
typedef void (*plot_tick_fn)(double value, char ret[PLOT_TEXT_MAX]);

struct plot_axis {
	const char *title;
	double low, high; /* 0 < low < high */
	plot_tick_fn tick;
};

void plot_percent(double value, char ret[PLOT_TEXT_MAX]); /* 0.01: "1 %" */
void plot_count(double value, char ret[PLOT_TEXT_MAX]);   /* 1e5: "100 000" */
void plot_ms(double value, char ret[PLOT_TEXT_MAX]);      /* 2000: "2 s" */

/* Texts are copied, and cut at PLOT_TEXT_MAX - 1 bytes. NULL: no memory. */
struct plot *plot_new(const char *title, const struct plot_axis *x,
		      const struct plot_axis *y);
struct plot *plot_free(struct plot *p);

/*
 * Adds a curve, or single marks, in the next colour, with its label in the legend. Points without
 * place on a logarithmic axis (0 and less) are left out; those beyond the axes are cut off. 0;
 * -ENOSPC more than PLOT_SERIES_MAX; -ENOMEM.
 */
int plot_line(struct plot *p, const char *label, const struct plot_xy *at, size_t count);
int plot_marks(struct plot *p, const char *label, const struct plot_xy *at, size_t count);

/* Writes the file. 0; -EIO; errno of opening. */
int plot_write(const struct plot *p, const char *path);

#endif
