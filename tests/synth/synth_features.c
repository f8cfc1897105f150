#include "synth_field.h"
#include "synth_math.h"
#include "synth_pose.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Fingers as point processes. Where ridges spread or their period changes, new ridges must begin:
 * the curl of the wave vector is the density of the minutiae that face one way less those that
 * face the other (Larkin and Fletcher, A coherent framework for fingerprint analysis: are
 * fingerprints holograms?, Optics Express 15, 2007). The rest of the minutiae face either way.
 * Hence different fingers of a class are alike in places, which is what makes strangers score.
 */
#define FINGER_POINTS_MAX 110
#define SPACING_PX 8
#define BORDER_PX 8 /* extractors find nothing closer to the picture's edge */
#define TYPE_ENDING_PERCENT 50

/* Densities are counted per million pixels. */
#define DENSITY_MAX 1800
#define DENSITY_FREE 160  /* minutiae that the flow does not ask for */
#define FORCED_PERCENT 90 /* of those it asks for; elsewhere the ridges give way */
#define DENSITY_CELL_PX 60
#define DARTS (MASTER_WIDTH * MASTER_HEIGHT / 1000 * DENSITY_MAX / 1000)
#define SLOPE_PX 8 /* half the distance over which slopes are taken */

enum stream {
	STREAM_POINTS = 64,
	STREAM_DENSITY,
	STREAM_SEEN,
	STREAM_CLARITY,
	STREAM_CELLS
};

struct point {
	int32_t x, y; /* of the master plane */
	uint16_t angle;
	uint8_t type;
};

struct finger {
	struct synth_field field;
	struct point points[FINGER_POINTS_MAX];
	int32_t count;
};

/* How many more minutiae face along angle than against it: the curl of the wave vector. */
static int32_t
facing(const struct synth_field *f, int32_t x, int32_t y, uint16_t angle)
{
	/* Along the ridge, and across to its left; the image's y points down. */
	int32_t tx = synth_cos(angle) * SLOPE_PX / 32768;
	int32_t ty = -synth_sin(angle) * SLOPE_PX / 32768;
	int32_t turn = synth_field_orientation(f, x + ty, y - tx) -
		       synth_field_orientation(f, x - ty, y + tx);
	int32_t period = synth_field_period(f, x, y);
	int32_t before = synth_field_period(f, x - tx, y - ty);
	int32_t after = synth_field_period(f, x + tx, y + ty);

	turn = (turn + 3 * SYNTH_HALF_TURN / 2) % SYNTH_HALF_TURN - SYNTH_HALF_TURN / 2;
	/* 10^6 * 2 pi / 65536 * 256 / (2 SLOPE_PX), and the same for the ridges' number. */
	return turn * 1534 / period +
	       (int32_t)(INT64_C(16000000) * (before - after) / (before * after));
}

static int32_t
density(const struct synth_field *f, int32_t x, int32_t y, int32_t faced)
{
	uint64_t seed = synth_mix(f->seed + STREAM_DENSITY);
	int32_t noise = synth_noise(seed, x * 256, y * 256, DENSITY_CELL_PX);
	int32_t either = DENSITY_FREE + noise * DENSITY_FREE / 2048 - abs(faced) / 3;

	return synth_clamp(abs(faced) + synth_clamp(either, 50, DENSITY_MAX), 1,
			   DENSITY_MAX);
}

static int
too_close(const struct finger *f, int32_t x, int32_t y)
{
	for (int32_t i = 0; i < f->count; i++) {
		int32_t dx = x - f->points[i].x, dy = y - f->points[i].y;

		if (dx * dx + dy * dy < SPACING_PX * SPACING_PX)
			return 1;
	}
	return 0;
}

/* One throw: a minutia, if there is room for it. */
static void
dart(struct finger *f, struct synth_rng *r)
{
	struct point *p = &f->points[f->count];
	int32_t x = synth_rng_range(r, 0, MASTER_WIDTH - 1);
	int32_t y = synth_rng_range(r, 0, MASTER_HEIGHT - 1);
	int32_t chance = synth_rng_range(r, 0, DENSITY_MAX - 1), faced, dense;
	uint16_t angle;

	if (synth_field_inside(x, y) < 60 || too_close(f, x, y))
		return;
	angle = synth_field_orientation(&f->field, x, y);
	faced = facing(&f->field, x, y, angle) * FORCED_PERCENT / 100;
	dense = density(&f->field, x, y, faced);
	if (chance >= dense)
		return;
	if (synth_rng_range(r, -dense, dense) > faced)
		angle = (uint16_t)(angle + SYNTH_HALF_TURN);
	p->x = x;
	p->y = y;
	p->angle = angle;
	p->type = synth_rng_range(r, 0, 99) < TYPE_ENDING_PERCENT ? MINUTIA_ENDING
								  : MINUTIA_BIFURCATION;
	f->count++;
}

static void
finger_make(struct finger *f, uint64_t seed)
{
	struct synth_rng r = synth_rng_new(seed, STREAM_POINTS);
	int32_t darts = DARTS + synth_rng_normal(&r, DARTS / 8);

	f->field = synth_field_make(seed);
	f->count = 0;
	for (int32_t i = 0; i < darts && f->count < FINGER_POINTS_MAX; i++)
		dart(f, &r);
}

/* How well the skin prints at a place, 1..100. */
static int32_t
clarity(const struct synth_pose *p, int32_t x, int32_t y)
{
	uint64_t seed = synth_mix(p->seed + STREAM_CLARITY);
	int32_t rim = synth_pose_contact(p, x, y);
	int32_t noise = synth_noise(seed, x * 256, y * 256, 56);
	int32_t v = 94 - p->difficulty / 10 + noise * (8 + p->difficulty / 5) / 1024;

	if (rim < 300)
		v -= (300 - rim) / 6;
	return synth_clamp(v, 1, 100);
}

/* Adds what the extractor would have seen of a point, if it is on the glass at all. */
static void
see_point(const struct synth_pose *p, struct synth_rng *r, const struct point *point,
	  struct finger_features *features)
{
	struct synth_place at = { point->x * 256 + 128, point->y * 256 + 128 };
	int32_t clear = clarity(p, point->x, point->y), blur = 100 + (100 - clear) * 7;
	int32_t turn = (100 - clear) * SYNTH_DEGREES(1) / 7;
	struct minutia *m = &features->minutiae[features->count];
	struct synth_place glass = synth_pose_glass(p, at);
	int32_t x = (glass.x_q8 + synth_rng_normal(r, blur)) / 256;
	int32_t y = (glass.y_q8 + synth_rng_normal(r, blur)) / 256;
	int32_t angle = point->angle + p->turn + synth_rng_normal(r, turn);

	if (synth_pose_contact(p, point->x, point->y) < 30 || x < BORDER_PX ||
	    y < BORDER_PX || x >= p->width - BORDER_PX || y >= p->height - BORDER_PX ||
	    features->count == FINGER_MINUTIAE_MAX)
		return;
	m->x = (int16_t)x;
	m->y = (int16_t)y;
	m->angle = (uint16_t)angle;
	m->type = point->type;
	if (synth_rng_range(r, 0, 99) < 6 + (100 - clear) / 4)
		m->type = (uint8_t)(MINUTIA_ENDING + MINUTIA_BIFURCATION - point->type);
	m->quality = (uint8_t)synth_clamp(clear + synth_rng_normal(r, 8), 1, 100);
	features->count++;
}

static void
see_all(const struct finger *f, const struct synth_pose *p,
	struct finger_features *features)
{
	struct synth_rng r = synth_rng_new(p->seed, STREAM_SEEN);
	int32_t spurious = synth_rng_range(&r, 0, 6 + p->difficulty / 8);

	for (int32_t i = 0; i < f->count; i++) {
		int32_t clear = clarity(p, f->points[i].x, f->points[i].y);

		if (synth_rng_range(&r, 0, 99) >= 2 + (100 - clear) / 2)
			see_point(p, &r, &f->points[i], features);
	}
	for (int32_t i = 0; i < spurious; i++) {
		struct point p2 = { .type = i % 2 ? MINUTIA_BIFURCATION
						  : MINUTIA_ENDING };

		p2.x = p->contact_x + synth_rng_range(&r, -p->radius_x, p->radius_x);
		p2.y = p->contact_y + synth_rng_range(&r, -p->radius_y, p->radius_y);
		p2.angle = (uint16_t)(synth_field_orientation(&f->field, p2.x, p2.y) +
				      synth_rng_range(&r, 0, 1) * SYNTH_HALF_TURN);
		see_point(p, &r, &p2, features);
	}
}

static int
by_falling_quality(const void *a, const void *b)
{
	const struct minutia *m = a, *n = b;

	if (m->quality != n->quality)
		return n->quality - m->quality;
	if (m->y != n->y)
		return m->y - n->y;
	return m->x != n->x ? m->x - n->x : m->angle - n->angle;
}

static void
see_cells(const struct finger *f, const struct synth_pose *p,
	  struct finger_features *features)
{
	struct synth_rng r = synth_rng_new(p->seed, STREAM_CELLS);
	const int32_t cell = (int32_t)FINGER_CELL_PX;

	for (int32_t j = 0; j < features->cells_y; j++) {
		for (int32_t i = 0; i < features->cells_x; i++) {
			struct synth_place at = synth_pose_master(p, i * cell + cell / 2,
								  j * cell + cell / 2);
			int32_t x = at.x_q8 / 256, y = at.y_q8 / 256, o;
			int32_t k = j * features->cells_x + i;

			if (synth_pose_contact(p, x, y) < 20 ||
			    synth_field_inside(x, y) < 20)
				continue;
			o = synth_field_orientation(&f->field, x, y) + p->turn +
			    synth_rng_normal(&r, SYNTH_DEGREES(2) / 5);
			features->orientation[k] = (uint8_t)((uint32_t)o / 128 & 0xff);
			features->coherence[k] = (uint8_t)synth_clamp(
				clarity(p, x, y) * 60 / 100 + 196, 1, 255);
			features->foreground_cells++;
		}
	}
}

int
synth_features(uint64_t seed, uint32_t impression, const struct synth_options *o,
	       struct finger_features *features)
{
	struct synth_options standard = synth_options_default();
	struct synth_pose pose;
	struct finger f;
	uint32_t sum = 0;

	assert(features != NULL);
	if (o == NULL)
		o = &standard;
	if (!synth_options_valid(o))
		return -EINVAL;
	memset(features, 0, sizeof(*features));
	finger_make(&f, seed);
	pose = synth_pose_make(seed, impression, o);
	features->width = (uint16_t)o->width;
	features->height = (uint16_t)o->height;
	features->cells_x = (uint8_t)((o->width + FINGER_CELL_PX - 1) / FINGER_CELL_PX);
	features->cells_y = (uint8_t)((o->height + FINGER_CELL_PX - 1) / FINGER_CELL_PX);
	see_all(&f, &pose, features);
	qsort(features->minutiae, features->count, sizeof(features->minutiae[0]),
	      by_falling_quality);
	see_cells(&f, &pose, features);
	for (uint32_t i = 0; i < features->count; i++)
		sum += features->minutiae[i].quality;
	features->quality = (uint8_t)(features->count > 0 ? sum / features->count : 0);
	return 0;
}
