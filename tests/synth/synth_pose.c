#include "synth_pose.h"
#include "synth_math.h"

#include <assert.h>

/*
 * Plastic distortion after Cappelli, Maio and Maltoni, Modelling plastic distortion in fingerprint
 * images (ICAPR 2001): skin in the middle of the contact sticks to the glass, skin further out
 * is pulled and twisted with the finger, with a smooth passage between.
 */
#define STICK_PX 45    /* radius of the part that does not move */
#define PASSAGE_PX 110 /* from there to the part that moves fully */
#define WOBBLE_CELL_PX 80

/* Mishaps: how many of a hundred touches at difficulty 100, and how bad. */
#define MISHAP_PERCENT 25
#define EDGE_MIN_PX 50 /* the side of the finger, instead of its middle */
#define EDGE_MAX_PX 110
#define MISHAP_PULL_Q8 (8 * 256)

enum stream { STREAM_POSE = 32, STREAM_WOBBLE_X, STREAM_WOBBLE_Y };

struct synth_options
synth_options_default(void)
{
	struct synth_options o = { SYNTH_WIDTH, SYNTH_HEIGHT, 60, 0 };

	return o;
}

int
synth_options_valid(const struct synth_options *o)
{
	return o->width >= SYNTH_SIDE_MIN && o->width <= SYNTH_SIDE_MAX &&
	       o->height >= SYNTH_SIDE_MIN && o->height <= SYNTH_SIDE_MAX &&
	       o->difficulty <= 100;
}

/* -max..max, values near 0 more often, scaled by the difficulty. */
static int32_t
draw(struct synth_rng *r, int32_t max, int32_t difficulty)
{
	int32_t v = synth_rng_range(r, -max, max) + synth_rng_range(r, -max, max);

	return v / 2 * difficulty / 100;
}

static void
mishap(struct synth_pose *p, struct synth_rng *r)
{
	int32_t percent = (p->difficulty - SYNTH_MISHAP_FROM) * MISHAP_PERCENT /
			  (100 - SYNTH_MISHAP_FROM);
	int32_t side = synth_rng_range(r, 0, 1) * 2 - 1;
	int32_t dx = synth_rng_range(r, EDGE_MIN_PX, EDGE_MAX_PX);

	if (synth_rng_range(r, 0, 99) >= percent)
		return;
	p->mishap = (enum synth_mishap)synth_rng_range(r, MISHAP_NONE + 1, MISHAPS - 1);
	if (p->mishap == MISHAP_EDGE) {
		p->contact_x += side * dx;
		p->middle_x += side * dx / 2;
	}
	if (p->mishap == MISHAP_TWIST) {
		p->pull_x_q8 = p->pull_x_q8 * 2 + side * MISHAP_PULL_Q8;
		p->pull_y_q8 = p->pull_y_q8 * 2 + MISHAP_PULL_Q8;
		p->twist = p->twist * 2 + side * SYNTH_DEGREES(6);
	}
}

struct synth_pose
synth_pose_make(uint64_t seed, uint32_t impression, const struct synth_options *o)
{
	struct synth_rng r =
		synth_rng_new(seed ^ synth_mix((uint64_t)impression + 1), STREAM_POSE);
	int32_t d = (int32_t)o->difficulty;
	struct synth_pose p = { .width = (int32_t)o->width,
				.height = (int32_t)o->height,
				.difficulty = d };

	assert(synth_options_valid(o));
	p.seed = synth_rng_next(&r);
	p.turn = (uint16_t)draw(&r, SYNTH_DEGREES(20), d);
	p.sine = synth_sin(p.turn);
	p.cosine = synth_cos(p.turn);
	p.middle_x = MASTER_WIDTH / 2 + draw(&r, 64, d);
	p.middle_y = MASTER_HEIGHT * 47 / 100 + draw(&r, 100, d);
	p.contact_x = MASTER_WIDTH / 2 + draw(&r, 42, d);
	p.contact_y = MASTER_HEIGHT * 47 / 100 + draw(&r, 54, d);
	p.radius_x = 168 - synth_rng_range(&r, 0, 58) * d / 100;
	p.radius_y = 235 - synth_rng_range(&r, 0, 85) * d / 100;
	p.pull_x_q8 = draw(&r, 17 * 256, d);
	p.pull_y_q8 = draw(&r, 17 * 256, d);
	p.twist = draw(&r, SYNTH_DEGREES(10), d);
	p.wobble_q8 = 3 * 256 * d / 100;
	mishap(&p, &r);
	return p;
}

/* 0 where the skin sticks, 1024 where it moves freely. */
static int32_t
freedom(int32_t dx_q8, int32_t dy_q8)
{
	uint64_t d2 = (uint64_t)((int64_t)dx_q8 * dx_q8 + (int64_t)dy_q8 * dy_q8);
	int32_t d = (int32_t)(synth_sqrt(d2) / 256) - STICK_PX;

	if (d <= 0)
		return 0;
	if (d >= PASSAGE_PX)
		return 1024;
	return 512 - synth_cos((uint16_t)(d * SYNTH_HALF_TURN / PASSAGE_PX)) / 64;
}

static struct synth_place
distort(const struct synth_pose *p, struct synth_place at)
{
	int32_t dx = at.x_q8 - p->contact_x * 256, dy = at.y_q8 - p->contact_y * 256;
	int32_t free = freedom(dx, dy);
	int64_t sine = synth_sin((uint16_t)p->twist),
		lost = 32768 - synth_cos((uint16_t)p->twist);
	uint64_t sx = synth_mix(p->seed + STREAM_WOBBLE_X);
	uint64_t sy = synth_mix(p->seed + STREAM_WOBBLE_Y);
	int32_t move_x = p->pull_x_q8 + (int32_t)((-dx * lost - dy * sine) / 32768);
	int32_t move_y = p->pull_y_q8 + (int32_t)((dx * sine - dy * lost) / 32768);

	move_x = (int32_t)((int64_t)move_x * free / 1024);
	move_y = (int32_t)((int64_t)move_y * free / 1024);
	move_x += synth_noise(sx, at.x_q8, at.y_q8, WOBBLE_CELL_PX) * p->wobble_q8 / 1024;
	move_y += synth_noise(sy, at.x_q8, at.y_q8, WOBBLE_CELL_PX) * p->wobble_q8 / 1024;
	at.x_q8 += move_x;
	at.y_q8 += move_y;
	return at;
}

struct synth_place
synth_pose_master(const struct synth_pose *p, int32_t x, int32_t y)
{
	int32_t dx = x - p->width / 2, dy = y - p->height / 2;
	struct synth_place at;

	/* The finger is turned counter-clockwise, y points down: turn the pixel back. */
	at.x_q8 = p->middle_x * 256 + (dx * p->cosine - dy * p->sine) / 128;
	at.y_q8 = p->middle_y * 256 + (dx * p->sine + dy * p->cosine) / 128;
	return distort(p, at);
}

struct synth_place
synth_pose_glass(const struct synth_pose *p, struct synth_place at)
{
	struct synth_place rigid = at, glass;
	int64_t dx, dy;

	/* The distortion moves little from pixel to pixel, so this converges quickly. */
	for (int i = 0; i < 3; i++) {
		struct synth_place moved = distort(p, rigid);

		rigid.x_q8 += at.x_q8 - moved.x_q8;
		rigid.y_q8 += at.y_q8 - moved.y_q8;
	}
	dx = rigid.x_q8 - p->middle_x * 256;
	dy = rigid.y_q8 - p->middle_y * 256;
	glass.x_q8 =
		p->width / 2 * 256 + (int32_t)((dx * p->cosine + dy * p->sine) / 32768);
	glass.y_q8 =
		p->height / 2 * 256 + (int32_t)((dy * p->cosine - dx * p->sine) / 32768);
	return glass;
}

int32_t
synth_pose_contact(const struct synth_pose *p, int32_t x, int32_t y)
{
	int64_t dx = x - p->contact_x, dy = y - p->contact_y;
	int64_t e = 1024 - dx * dx * 1024 / (p->radius_x * p->radius_x) -
		    dy * dy * 1024 / (p->radius_y * p->radius_y);

	return (int32_t)(e < -65536 ? -65536 : e);
}
