#include "bench/images.h"
#include "synth/crowd.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * bio_traits: what prints are like, real and synthetic side by side: the numbers that synthetic
 * fingers are fitted by. Of each trait its 10 %, 50 % and 90 % points.
 */
#define SETS_MAX 8u
#define COLUMNS_MAX (SETS_MAX + 3u)
#define ENROL_MAX 5u
#define AROUND_PX 70 /* the surroundings of a minutia: a cylinder's radius */
#define CLOSE_PX 40  /* minutiae this near share the flow's bend */
#define ZONES 5      /* of the finger each way, three cells a zone */
#define ZONE_CELLS 3

enum trait {
	TRAIT_MINUTIAE,
	TRAIT_CYLINDERS,
	TRAIT_QUALITY,
	TRAIT_CELLS,
	TRAIT_WIDE,
	TRAIT_HIGH,
	TRAIT_FILLED,
	TRAIT_DENSITY,
	TRAIT_M_QUALITY,
	TRAIT_M_NEAREST,
	TRAIT_M_AROUND,
	TRAIT_M_TURN,
	TRAIT_M_FACING,
	TRAIT_M_ENDING,
	TRAIT_C_COHERENCE,
	TRAIT_C_BEND,
	TRAITS
};

static const char *const names[TRAITS] = {
	"minutiae",
	"cylinders",
	"image quality",
	"cells of finger",
	"cells wide",
	"cells high",
	"% of the box filled",
	"minutiae / 1000 cells",
	"minutia: quality",
	"minutia: nearest, px",
	"minutia: within 70 px",
	"minutia: off flow, deg",
	"minutia: % faces alike",
	"minutia: % endings",
	"cell: coherence",
	"cell: bend, deg",
};

struct list {
	double *at;
	size_t count, max;
};

/* All there is to say of a set of prints. */
struct column {
	const char *name;
	size_t prints;
	struct list traits[TRAITS];
	double flow[ZONES][ZONES]
		   [3]; /* sums of cos, sin and weight of doubled directions */
	int rc;
};

static void
note(struct column *c, enum trait t, double v)
{
	struct list *l = &c->traits[t];

	if (l->count == l->max) {
		size_t max = l->max == 0 ? 256 : 2 * l->max;
		double *more = realloc(l->at, max * sizeof(*more));

		if (more == NULL) {
			c->rc = -ENOMEM;
			return;
		}
		l->at = more;
		l->max = max;
	}
	l->at[l->count++] = v;
}

static double
degrees(int turns, int half)
{
	turns = (turns % half + half) % half;
	return 360.0 / 65536.0 * (turns > half / 2 ? half - turns : turns);
}

/* What a minutia has around it. */
static void
note_surroundings(struct column *c, const struct finger_features *f, unsigned i)
{
	const struct minutia *m = &f->minutiae[i];
	unsigned around = 0, close = 0, alike = 0;
	double nearest = HUGE_VAL;

	for (unsigned j = 0; j < f->count; j++) {
		double d = hypot(f->minutiae[j].x - m->x, f->minutiae[j].y - m->y);

		if (i == j)
			continue;
		nearest = d < nearest ? d : nearest;
		around += d <= AROUND_PX;
		close += d <= CLOSE_PX;
		alike += d <= CLOSE_PX &&
			 degrees(f->minutiae[j].angle - m->angle, 65536) < 90;
	}
	if (isfinite(nearest))
		note(c, TRAIT_M_NEAREST, nearest);
	note(c, TRAIT_M_AROUND, around);
	if (close > 0)
		note(c, TRAIT_M_FACING, 100.0 * alike / close);
}

static void
note_minutia(struct column *c, const struct finger_features *f, unsigned i)
{
	const struct minutia *m = &f->minutiae[i];
	unsigned cell = (unsigned)m->y / FINGER_CELL_PX * f->cells_x +
			(unsigned)m->x / FINGER_CELL_PX;

	note(c, TRAIT_M_QUALITY, m->quality);
	if (m->type != MINUTIA_OTHER)
		note(c, TRAIT_M_ENDING, m->type == MINUTIA_ENDING ? 100 : 0);
	if (f->cells_x > 0 && f->coherence[cell] > 0)
		note(c, TRAIT_M_TURN,
		     degrees(m->angle - (f->orientation[cell] << 7), 32768));
	note_surroundings(c, f, i);
}

/* The box around the finger, in cells. */
struct box {
	int x0, y0, x1, y1, cells;
	double x, y; /* sums */
};

static struct box
note_cells(struct column *c, const struct finger_features *f)
{
	struct box b = { f->cells_x, f->cells_y, -1, -1, 0, 0, 0 };

	for (int y = 0; y < f->cells_y; y++) {
		for (int x = 0; x < f->cells_x; x++) {
			int k = y * f->cells_x + x, o = f->orientation[k] << 7;

			if (f->coherence[k] == 0)
				continue;
			note(c, TRAIT_C_COHERENCE, f->coherence[k]);
			if (x + 1 < f->cells_x && f->coherence[k + 1] > 0)
				note(c, TRAIT_C_BEND,
				     degrees((f->orientation[k + 1] << 7) - o, 32768));
			b.x0 = x < b.x0 ? x : b.x0;
			b.x1 = x > b.x1 ? x : b.x1;
			b.y0 = y < b.y0 ? y : b.y0;
			b.y1 = y > b.y1 ? y : b.y1;
			b.x += x;
			b.y += y;
			b.cells++;
		}
	}
	return b;
}

/* Sums up the flow by zones about the middle of the finger. */
static void
note_flow(struct column *c, const struct finger_features *f, const struct box *b)
{
	int mid_x = (int)(b->x / b->cells), mid_y = (int)(b->y / b->cells);

	for (int y = 0; y < f->cells_y; y++) {
		for (int x = 0; x < f->cells_x; x++) {
			int k = y * f->cells_x + x;
			int i = (x - mid_x + ZONES * ZONE_CELLS / 2) / ZONE_CELLS;
			int j = (y - mid_y + ZONES * ZONE_CELLS / 2) / ZONE_CELLS;
			double turn = f->orientation[k] * 2 * M_PI / 256;

			if (f->coherence[k] == 0 || i < 0 || j < 0 || i >= ZONES ||
			    j >= ZONES)
				continue;
			c->flow[j][i][0] += cos(turn);
			c->flow[j][i][1] += sin(turn);
			c->flow[j][i][2] += 1;
		}
	}
}

static void
note_print(struct column *c, const struct finger_features *f)
{
	static struct fine_side side;
	struct box b = note_cells(c, f);
	int w = b.x1 - b.x0 + 1, h = b.y1 - b.y0 + 1;

	c->prints++;
	(void)fine_prepare(&side, f); /* too few cylinders are a number as well */
	note(c, TRAIT_MINUTIAE, f->count);
	note(c, TRAIT_CYLINDERS, side.set.count);
	note(c, TRAIT_QUALITY, f->quality);
	for (unsigned i = 0; i < f->count; i++)
		note_minutia(c, f, i);
	if (b.cells == 0)
		return;
	note(c, TRAIT_CELLS, b.cells);
	note(c, TRAIT_WIDE, w);
	note(c, TRAIT_HIGH, h);
	note(c, TRAIT_FILLED, 100.0 * b.cells / (w * h));
	note(c, TRAIT_DENSITY, 1000.0 * f->count / b.cells);
	note_flow(c, f, &b);
}

/* ---- where prints come from ------------------------------------------------ */

static int
real(struct column *c, const char *dir, unsigned enrol)
{
	const struct finger_features *list[ENROL_MAX];
	struct finger_features merged;
	struct images images = { 0 };
	int rc = images_list(dir, 0, &images);

	if (rc == 0)
		rc = images_extract(&images);
	for (size_t i = 0; rc == 0 && i < images.count; i++) {
		if (enrol == 0 && images.at[i].usable)
			note_print(c, &images.at[i].features);
	}
	for (size_t i = 0; rc == 0 && enrol > 0 && i < images.count;) {
		size_t n = images_of_finger(&images, i);

		for (unsigned k = 0; k < enrol; k++)
			list[k] = k < n && images.at[i + k].usable
					  ? &images.at[i + k].features
					  : NULL;
		if (crowd_consolidate(list, enrol, &merged) == 0)
			note_print(c, &merged);
		i += n;
	}
	images_close(&images);
	return rc < 0 ? rc : c->rc;
}

static int
synthetic(struct column *c, const struct crowd_options *o, uint64_t prints,
	  unsigned enrol)
{
	struct crowd *crowd = crowd_new(o);
	struct finger_features f;
	int rc = crowd == NULL ? -ENOMEM : 0;

	for (uint64_t i = 0; rc == 0 && i < prints; i++) {
		rc = enrol > 0 ? crowd_reference(crowd, i, enrol, &f)
			       : crowd_impression(crowd, i, 1, &f);
		if (rc == 0)
			note_print(c, &f);
		rc = rc == -ENODATA ? 0 : rc;
	}
	crowd_free(crowd);
	return rc < 0 ? rc : c->rc;
}

/* ---- tables ---------------------------------------------------------------- */

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* How nearly all prints flow alike, 0..100, mean over the zones. */
static double
flow_alike(const struct column *c)
{
	double sum = 0, weight = 0;

	for (int j = 0; j < ZONES; j++) {
		for (int i = 0; i < ZONES; i++) {
			sum += hypot(c->flow[j][i][0], c->flow[j][i][1]);
			weight += c->flow[j][i][2];
		}
	}
	return weight > 0 ? 100.0 * sum / weight : 0;
}

static void
print(struct column *columns, unsigned count)
{
	printf("%-24s", "");
	for (unsigned i = 0; i < count; i++)
		printf(" %16.16s", columns[i].name);
	printf("\n%-24s", "prints");
	for (unsigned i = 0; i < count; i++)
		printf(" %16zu", columns[i].prints);
	printf("\n");
	for (unsigned t = 0; t < TRAITS; t++) {
		printf("%-24s", names[t]);
		for (unsigned i = 0; i < count; i++) {
			struct list *l = &columns[i].traits[t];
			double mean = 0;

			for (size_t k = 0; k < l->count; k++)
				mean += l->at[k] / (double)l->count;
			if (l->count > 0)
				qsort(l->at, l->count, sizeof(*l->at), ascending);
			if (l->count == 0)
				printf(" %16s", "-");
			else if (t == TRAIT_M_ENDING)
				printf(" %16.1f", mean);
			else
				printf(" %5.4g%6.4g%5.4g", rint(l->at[l->count / 10]),
				       rint(l->at[l->count / 2]),
				       rint(l->at[l->count * 9 / 10]));
		}
		printf("\n");
	}
	printf("%-24s", "zones that flow alike, %");
	for (unsigned i = 0; i < count; i++)
		printf(" %16.1f", flow_alike(&columns[i]));
	printf("\n");
}

static void
usage(FILE *f)
{
	(void)fputs(
		"usage: bio_traits [--enrol K] [--prints N] [--pictures N]\n"
		"                  [--difficulty D]... [DIR...]\n"
		"Traits of the images of each DIR, of N synthetic prints at each\n"
		"difficulty (default 400, 0: none), and of N rendered ones (default 0).\n"
		"--enrol K: of references of K impressions.\n",
		f); /* nothing to do when even this cannot be written */
}

struct options {
	uint64_t enrol, prints, pictures, difficulty[2];
	unsigned difficulties, columns;
	struct column column[COLUMNS_MAX];
};

static bool
number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	*ret = strtoull(text, &end, 10);
	return *end == '\0' && *ret <= max;
}

static bool
option(struct options *o, const char *name, const char *value)
{
	if (strcmp(name, "--enrol") == 0)
		return number(value, ENROL_MAX, &o->enrol);
	if (strcmp(name, "--prints") == 0)
		return number(value, 1000000, &o->prints);
	if (strcmp(name, "--pictures") == 0)
		return number(value, 100000, &o->pictures);
	if (strcmp(name, "--difficulty") == 0 && o->difficulties < 2)
		return number(value, 100, &o->difficulty[o->difficulties++]);
	return false;
}

static int
make_columns(struct options *o)
{
	static char labels[4][24];
	struct crowd_options crowd = { .seed = 1, .synth = synth_options_default() };
	int rc = 0;

	if (o->difficulties == 0)
		o->difficulty[o->difficulties++] = 100;
	for (unsigned k = 0; rc == 0 && k < 2 * o->difficulties; k++) {
		struct column *c = &o->column[o->columns];
		uint64_t prints = k % 2 == 0 ? o->prints : o->pictures;

		if (prints == 0)
			continue;
		crowd.pictures = k % 2 != 0;
		crowd.synth.difficulty = (uint32_t)o->difficulty[k / 2];
		(void)snprintf(labels[k], sizeof(labels[k]), "%s %" PRIu32,
			       k % 2 == 0 ? "features" : "pictures",
			       crowd.synth.difficulty); /* fits */
		c->name = labels[k];
		o->columns++;
		rc = synthetic(c, &crowd, prints, (unsigned)o->enrol);
	}
	return rc;
}

int
main(int argc, char **argv)
{
	static struct options o = { .prints = 400 };
	const char *dirs[SETS_MAX];
	unsigned n = 0;
	int rc = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			usage(stdout);
			return EXIT_SUCCESS;
		}
		if (strncmp(argv[i], "--", 2) != 0 && n < SETS_MAX) {
			dirs[n++] = argv[i];
		} else if (i + 1 < argc && option(&o, argv[i], argv[i + 1])) {
			i++;
		} else {
			usage(stderr);
			return 2;
		}
	}
	for (unsigned i = 0; rc == 0 && i < n; i++) {
		const char *slash = strrchr(dirs[i], '/');
		struct column *c = &o.column[o.columns++];

		c->name = slash != NULL ? slash + 1 : dirs[i];
		rc = real(c, dirs[i], (unsigned)o.enrol);
	}
	if (rc == 0)
		rc = make_columns(&o);
	if (rc == 0)
		print(o.column, o.columns);
	else
		(void)fprintf(stderr, "bio_traits: %s\n", strerror(-rc));
	for (unsigned i = 0; i < o.columns; i++) {
		for (unsigned t = 0; t < TRAITS; t++)
			free(o.column[i].traits[t].at);
	}
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
