#include "synth_field.h"
#include "synth_math.h"

#include <assert.h>

/*
 * The orientation field is the zero-pole model of Sherlock and Monro (A model for interpreting
 * fingerprint topology, Pattern Recognition 26, 1993): each core adds half the angle under which
 * it is seen, each delta takes it away. That model is too stiff far from the singularities;
 * where Vizcaya and Gerhardt (A nonlinear orientation model for global description of
 * fingerprints, Pattern Recognition 29, 1996) correct each angle piecewise, we add a smooth term
 * that lets ridges follow the outline of the fingertip, and a little random bending.
 */
#define BEND_CELL_PX 88
#define BEND_MAX SYNTH_DEGREES(10)
#define PERIOD_CELL_PX 72

enum stream { STREAM_CLASS = 1, STREAM_PLACE, STREAM_BEND, STREAM_PERIOD };

/* Per mille of the classes in a large population (Wilson et al., NIST, 1993). */
static enum synth_class
class_draw(uint64_t seed)
{
	static const struct {
		int32_t below;
		enum synth_class class;
	} table[] = { { 37, SYNTH_ARCH },
		      { 66, SYNTH_TENTED_ARCH },
		      { 404, SYNTH_LEFT_LOOP },
		      { 721, SYNTH_RIGHT_LOOP },
		      { 1000, SYNTH_WHORL } };
	struct synth_rng r = synth_rng_new(seed, STREAM_CLASS);
	int32_t draw = synth_rng_range(&r, 0, 999);
	int i = 0;

	while (draw >= table[i].below)
		i++;
	return table[i].class;
}

static void
singularity_add(struct synth_field *f, int32_t dx, int32_t dy, int32_t sign)
{
	struct field_singularity *s = &f->singularities[f->singularities_count];

	assert(f->singularities_count < FIELD_SINGULARITIES_MAX);
	s->x = f->core_x + dx;
	s->y = f->core_y + dy;
	s->sign = sign;
	f->singularities_count++;
}

static void
place_tented_arch(struct synth_field *f, struct synth_rng *r)
{
	int32_t dx = synth_rng_range(r, -8, 8), dy = synth_rng_range(r, 45, 85);

	singularity_add(f, 0, 0, 1);
	singularity_add(f, dx, dy, -1);
}

static void
place_loop(struct synth_field *f, struct synth_rng *r)
{
	int32_t side = f->class == SYNTH_RIGHT_LOOP ? -1 : 1;
	int32_t dx = synth_rng_range(r, 62, 112), dy = synth_rng_range(r, 90, 150);

	singularity_add(f, 0, 0, 1);
	singularity_add(f, side * dx, dy, -1);
	f->delta_y = f->core_y + dy;
	f->tilt = side * synth_rng_range(r, SYNTH_DEGREES(7), SYNTH_DEGREES(17));
}

static void
place_whorl(struct synth_field *f, struct synth_rng *r)
{
	int32_t gap = synth_rng_range(r, 14, 76),
		lean = synth_rng_range(r, -gap / 2, gap / 2);
	int32_t left = synth_rng_range(r, 84, 128), right = synth_rng_range(r, 84, 128);
	int32_t low = synth_rng_range(r, 95, 145), skew = synth_rng_range(r, -26, 26);

	singularity_add(f, -lean / 2, -gap / 2, 1);
	singularity_add(f, lean / 2, gap - gap / 2, 1);
	singularity_add(f, -left, low + skew, -1);
	singularity_add(f, right, low - skew, -1);
	f->delta_y = f->core_y + low;
}

struct synth_field
synth_field_make(uint64_t seed)
{
	struct synth_rng r = synth_rng_new(seed, STREAM_PLACE);
	struct synth_field f = { .class = class_draw(seed), .seed = seed };

	f.core_x = MASTER_WIDTH / 2 + synth_rng_range(&r, -18, 18);
	f.core_y = MASTER_HEIGHT * 42 / 100 + synth_rng_range(&r, -20, 20);
	f.delta_y = f.core_y + 110;
	f.arching = synth_rng_range(&r, SYNTH_DEGREES(18), SYNTH_DEGREES(30));
	f.tilt = synth_rng_range(&r, SYNTH_DEGREES(-5), SYNTH_DEGREES(5));
	f.period_q8 = synth_rng_range(&r, 8 * 256, 9 * 256 + 160);
	switch (f.class) {
	case SYNTH_ARCH:
		f.arching += SYNTH_DEGREES(17);
		f.delta_y = f.core_y + 190;
		break;
	case SYNTH_TENTED_ARCH:
		place_tented_arch(&f, &r);
		break;
	case SYNTH_LEFT_LOOP:
	case SYNTH_RIGHT_LOOP:
		place_loop(&f, &r);
		break;
	case SYNTH_WHORL:
		place_whorl(&f, &r);
		break;
	}
	return f;
}

/* 0 at the level of the deltas and below, 1024 from the core upward, smooth between. */
static int32_t
height_above(const struct synth_field *f, int32_t y)
{
	int32_t span = f->delta_y - f->core_y + 60;
	int32_t t = synth_clamp((f->delta_y + 20 - y) * 1024 / span, 0, 1024);

	return (int32_t)((int64_t)t * t * (3 * 1024 - 2 * t) >> 20);
}

/* How fast ridges turn from rising to falling when they pass over the core, pixels. */
#define CREST_PX_ARCH 85
#define CREST_PX_LOOP 40

/* The fall of the ridges towards both sides; steep close to the core of a loop. */
static int32_t
arch_over(const struct synth_field *f, int32_t x, int32_t y)
{
	int32_t loop = f->class == SYNTH_LEFT_LOOP || f->class == SYNTH_RIGHT_LOOP;
	int32_t dx = x - f->core_x, dy = y - f->core_y;
	int32_t crest = loop ? CREST_PX_LOOP : CREST_PX_ARCH;
	int64_t far = (int64_t)dx * dx + (int64_t)crest * crest + (loop ? dy * dy : 0);
	int32_t r = (int32_t)synth_sqrt((uint64_t)far);
	int32_t fall = (int32_t)((int64_t)f->arching * dx / r);

	return (int32_t)((int64_t)(f->tilt - fall) * height_above(f, y) / 1024);
}

uint16_t
synth_field_orientation(const struct synth_field *f, int32_t x, int32_t y)
{
	int32_t twice = 0, bend;
	uint64_t seed = synth_mix(f->seed + STREAM_BEND);

	for (int32_t i = 0; i < f->singularities_count; i++) {
		const struct field_singularity *s = &f->singularities[i];

		twice += s->sign *
			 (int32_t)synth_atan2(s->y * 4 + 1 - y * 4, x * 4 - s->x * 4 - 1);
	}
	bend = synth_noise(seed, x * 256, y * 256, BEND_CELL_PX) * BEND_MAX / 1024;
	twice = (int32_t)((uint32_t)twice &
			  0xffffu); /* a half then wraps at half a turn */
	return (uint16_t)((uint32_t)(twice / 2 + bend + arch_over(f, x, y)) &
			  (SYNTH_HALF_TURN - 1));
}

int32_t
synth_field_period(const struct synth_field *f, int32_t x, int32_t y)
{
	uint64_t seed = synth_mix(f->seed + STREAM_PERIOD);
	int32_t noise = synth_noise(seed, x * 256, y * 256, PERIOD_CELL_PX);
	int32_t low = 1024 - height_above(f, y); /* ridges are wider towards the crease */

	return f->period_q8 + f->period_q8 * noise / 1024 * 12 / 100 +
	       f->period_q8 * low / 1024 * 14 / 100;
}

int32_t
synth_field_inside(int32_t x, int32_t y)
{
	int32_t dx = x - MASTER_WIDTH / 2, dy = y - MASTER_HEIGHT / 2;
	int32_t rx = MASTER_WIDTH / 2 - 2, ry = MASTER_HEIGHT / 2 - 2;

	return 1024 - dx * dx * 1024 / (rx * rx) - dy * dy * 1024 / (ry * ry);
}
