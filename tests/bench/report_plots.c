#include "report_plots.h"

#include "plot.h"
#include "report_anchors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
add_curve(struct plot *p, const char *label, const struct result *one)
{
	return one->known ? plot_line(p, label, one->det, one->det_count) : 0;
}

static int
add_anchors(struct plot *p, enum anchor_set which)
{
	int rc = 0;

	for (size_t k = 0; rc == 0 && k < anchors_count; k++) {
		const double *percent = anchors[k].percent[which];
		static const double fmr[RATES] = { 0, 1e-2, 1e-3, 1e-4 };
		struct plot_xy at[RATES];

		for (unsigned i = 0; i < RATES; i++)
			at[i] = (struct plot_xy){ i == EER ? percent[i] / 100 : fmr[i],
						  percent[i] / 100 };
		rc = plot_marks(p, anchors[k].system, at, RATES);
	}
	return rc;
}

static struct plot *
new_det(const char *name)
{
	static const struct plot_axis x = { "false match rate", 1e-5, 1, plot_percent };
	static const struct plot_axis y = { "false non-match rate", 1e-3, 1,
					    plot_percent };
	char title[PLOT_TEXT_MAX];

	(void)snprintf(title, sizeof(title), "DET curve, %s", name); /* cut is as good */
	return plot_new(title, &x, &y);
}

static int
finish(const struct sets *s, struct plot *p, const char *name)
{
	char *path = sets_path(s, name, ".svg");
	int rc = path == NULL ? -ENOMEM : plot_write(p, path);

	free(path);
	(void)plot_free(p); /* always NULL */
	return rc;
}

static int
plot_set(const struct sets *all, const struct set *s)
{
	bool inked = s->family == IMAGES_MINEX;
	struct plot *p =
		new_det(inked ? "MINEX; other systems with grades 3 to 5" : s->name);
	char name[SETS_NAME_BYTES + sizeof("det-")];
	int rc = p == NULL ? -ENOMEM : add_curve(p, "laned, one impression", &s->one);

	if (rc == 0)
		rc = add_curve(p, "laned, three impressions", &s->three);
	if (rc == 0)
		rc = add_curve(p, "laned, grades 3 to 5", &s->good);
	if (rc == 0)
		rc = add_curve(p, "laned, grades 4 and 5", &s->best);
	if (rc == 0 && strcmp(s->name, "fvc2004_db2b") == 0)
		rc = add_anchors(p, ANCHOR_UAREU);
	if (rc == 0 && inked)
		rc = add_anchors(p, ANCHOR_MINEX);
	if (rc < 0) {
		(void)plot_free(p);
		return rc;
	}
	(void)snprintf(name, sizeof(name), "det-%s", s->name); /* fits */
	return finish(all, p, name);
}

static int
plot_pool(const struct sets *s)
{
	struct plot *p = new_det("all optical sets together");
	int rc = p == NULL ? -ENOMEM
			   : add_curve(p, "laned, one impression", &s->pooled_one);

	if (rc == 0)
		rc = add_curve(p, "laned, three impressions", &s->pooled_three);
	if (rc == 0)
		rc = add_anchors(p, ANCHOR_POOLED);
	if (rc == 0)
		return finish(s, p, "det-optical");
	(void)plot_free(p);
	return rc;
}

static const double sizes[] = { 10000,  20000,  50000,  60000,
				100000, 200000, 500000, 1000000 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static int
add_times(struct plot *p, const struct sets *s, const char *kernel, const char *label)
{
	struct plot_xy at[SIZES];
	size_t n = 0;

	for (size_t i = 0; i < SIZES; i++) {
		char key[FIGURES_TEXT_MAX];

		(void)snprintf(key, sizeof(key), "search.%.0f.%s.median_ms", sizes[i],
			       kernel); /* fits */
		at[n].x = sizes[i];
		n += figures_get(s->figures, key, &at[n].y);
	}
	return n > 0 ? plot_line(p, label, at, n) : 0;
}

static int
plot_times(const struct sets *s)
{
	static const struct plot_axis x = { "references", 5e3, 2e6, plot_count };
	static const struct plot_axis y = { "identification with extraction, median", 1,
					    1e5, plot_ms };
	static const struct plot_xy must[] = { { 1e5, 150 }, { 1e6, 1000 } };
	static const char *const kernels[][2] = { { "avx512", "laned, AVX-512" },
						  { "avx2", "laned, AVX2" },
						  { "popcnt", "laned, popcnt" },
						  { "sse2", "laned, SSE2" } };
	struct plot *p = plot_new(
		"Time against size of gallery; two cores, other systems one", &x, &y);
	int rc = p == NULL ? -ENOMEM : 0;

	for (unsigned i = 0; rc == 0 && i < 4; i++)
		rc = add_times(p, s, kernels[i][0], kernels[i][1]);
	if (rc == 0)
		rc = plot_marks(p, "limits", must, 2);
	for (size_t k = 0; rc == 0 && k < anchor_times_count; k++) {
		const struct anchor_time *a = &anchor_times[k];
		const struct plot_xy at[] = { { 1e5, a->ms_100k }, { 1e6, a->ms_1m } };

		if (a->ms_100k > 0)
			rc = plot_marks(p, a->system, at, 2);
	}
	if (rc == 0)
		return finish(s, p, "time");
	(void)plot_free(p);
	return rc;
}

int
report_plots(const struct sets *s)
{
	int rc = s->pooled_one.known ? plot_pool(s) : 0;

	for (unsigned i = 0; rc == 0 && i < s->count; i++) {
		if (s->at[i].one.known)
			rc = plot_set(s, &s->at[i]);
	}
	return rc == 0 ? plot_times(s) : rc;
}
