#include "synth_master.h"
#include "synth_math.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * Ridge growth after Cappelli, Erol, Maio and Maltoni, Synthetic fingerprint-image generation
 * (ICPR 2000; "SFinGe"): a plane of a few random spots is filtered again and again with Gabor
 * filters turned to the local orientation and tuned to the local ridge period. Ridges grow from
 * the spots; where growing fronts meet out of phase, endings and bifurcations remain.
 */
#define KERNEL_RADIUS 11
#define KERNEL_ROWS (2 * KERNEL_RADIUS + 1)
#define KERNEL_COLUMNS 24 /* padded with a zero column for even vectors */
#define KERNEL_ANGLES 64
#define KERNEL_PERIODS 12
#define PERIOD_MIN_Q8 (6 * 256 + 128)
#define PERIOD_STEP_Q8 128
#define KERNEL_SUM 2048 /* of absolute taps: the filter's gain */

#define PAD (KERNEL_RADIUS + 1)
#define PLANE_WIDTH (MASTER_WIDTH + 2 * PAD)
#define PLANE_HEIGHT (MASTER_HEIGHT + 2 * PAD)
#define GROWTH_ROUNDS 9
#define SPOT_CELL_PX 32
#define CREST 1024

#define PORES_MAX 4000
#define CREASES_MAX 4

enum stream { STREAM_SPOTS = 16, STREAM_PORES, STREAM_CREASES, STREAM_ROUGH };

#define KERNEL_TAPS (KERNEL_ROWS * KERNEL_COLUMNS)

struct kernel {
	int16_t taps[KERNEL_TAPS];
};

#define CHOICE_OUTSIDE UINT16_MAX

/*
 * Where ridges spread, new ones must begin, unless those that are there grow wider; skin does some
 * of both. So ridge periods give way: the logarithm of their number u, one value each
 * STRETCH_PX, follows from a few rounds of descent on the squares of (its slope along the ridge
 * + how fast ridges spread), which is what forces minutiae (see synth_features.c).
 */
#define STRETCH_PX 8
#define STRETCH_COLUMNS (MASTER_WIDTH / STRETCH_PX)
#define STRETCH_ROWS (MASTER_HEIGHT / STRETCH_PX)
#define STRETCH_NODES (STRETCH_COLUMNS * STRETCH_ROWS)
#define STRETCH_ROUNDS 60
#define STRETCH_MAX (65536 * 20 / 100) /* of u, Q16 */
#define SPREAD_MAX 22000               /* a node, Q16: singularities are not cured */
#define SPREAD_PERCENT 85              /* that ridges give way to */

struct stretch {
	int16_t tx[STRETCH_NODES], ty[STRETCH_NODES]; /* along the ridge, Q14 */
	int32_t spread[STRETCH_NODES];                /* Q16 a node */
	int32_t u[STRETCH_NODES];                     /* Q16 */
	int32_t pull_x[STRETCH_NODES], pull_y[STRETCH_NODES];
};

struct growth {
	struct kernel bank[KERNEL_PERIODS][KERNEL_ANGLES];
	uint16_t choice[MASTER_HEIGHT / 2]
		       [MASTER_WIDTH / 2]; /* kernel of each 2x2 block */
	int16_t plane[2][PLANE_HEIGHT][PLANE_WIDTH];
	struct stretch stretch;
};

/* One even Gabor tap in Q14: a wave across the ridge under a round Gaussian. */
static int32_t
gabor_tap(int32_t dx, int32_t dy, uint16_t angle, int32_t period_q8)
{
	/* Across the ridge; the image's y points down. */
	int32_t across =
		(dx * synth_sin(angle) + dy * synth_cos(angle)) / 128; /* Q8 px */
	int32_t wave = synth_cos((uint16_t)((int64_t)across * 65536 / period_q8));
	/* sigma = 0.42 period: the Gaussian has fallen to 0.2 % at one and a half periods. */
	int64_t two_sigma2 = (int64_t)period_q8 * period_q8 * 3528 / 10000; /* Q16 */
	uint32_t x = (uint32_t)(((int64_t)(dx * dx + dy * dy) << 32) / two_sigma2);

	if (dx * dx + dy * dy > KERNEL_RADIUS * KERNEL_RADIUS)
		return 0;
	return (int32_t)((int64_t)wave * synth_exp_neg(x) >> 17);
}

/* Removes the mean (no response to flat skin) and scales the taps. */
static void
kernel_normalise(int32_t raw[KERNEL_TAPS], struct kernel *k)
{
	int64_t sum = 0, magnitude = 0;
	int32_t used = 0;

	for (int32_t i = 0; i < KERNEL_TAPS; i++) {
		sum += raw[i];
		used += raw[i] != 0;
	}
	assert(used > 0);
	for (int32_t i = 0; i < KERNEL_TAPS; i++) {
		if (raw[i] != 0)
			raw[i] -= (int32_t)(sum / used);
		magnitude += abs(raw[i]);
	}
	assert(magnitude > 0);
	for (int32_t i = 0; i < KERNEL_TAPS; i++)
		k->taps[i] = (int16_t)((int64_t)raw[i] * KERNEL_SUM / magnitude);
}

static void
kernel_make(struct kernel *k, uint16_t angle, int32_t period_q8)
{
	int32_t raw[KERNEL_TAPS] = { 0 };

	for (int32_t dy = -KERNEL_RADIUS; dy <= KERNEL_RADIUS; dy++) {
		for (int32_t dx = -KERNEL_RADIUS; dx <= KERNEL_RADIUS; dx++)
			raw[(dy + KERNEL_RADIUS) * KERNEL_COLUMNS + dx + KERNEL_RADIUS] =
				gabor_tap(dx, dy, angle, period_q8);
	}
	kernel_normalise(raw, k);
}

static void
bank_make(struct growth *g)
{
	for (int32_t p = 0; p < KERNEL_PERIODS; p++) {
		for (int32_t a = 0; a < KERNEL_ANGLES; a++)
			kernel_make(&g->bank[p][a],
				    (uint16_t)(a * SYNTH_HALF_TURN / KERNEL_ANGLES),
				    PERIOD_MIN_Q8 + p * PERIOD_STEP_Q8);
	}
}

static void
stretch_start(struct stretch *s, const struct synth_field *f)
{
	memset(s->u, 0, sizeof(s->u));
	for (int32_t k = 0; k < STRETCH_NODES; k++) {
		int32_t x = k % STRETCH_COLUMNS * STRETCH_PX + STRETCH_PX / 2;
		int32_t y = k / STRETCH_COLUMNS * STRETCH_PX + STRETCH_PX / 2;
		uint16_t angle = synth_field_orientation(f, x, y);
		int32_t tx = synth_cos(angle), ty = -synth_sin(angle), turn;
		int32_t dx = tx * STRETCH_PX / 32768, dy = ty * STRETCH_PX / 32768;

		turn = synth_field_orientation(f, x + dy, y - dx) -
		       synth_field_orientation(f, x - dy, y + dx);
		turn = (turn + 3 * SYNTH_HALF_TURN / 2) % SYNTH_HALF_TURN -
		       SYNTH_HALF_TURN / 2;
		s->tx[k] = (int16_t)(tx / 2);
		s->ty[k] = (int16_t)(ty / 2);
		/* Over two nodes, in turns: half of it by 2 pi. */
		s->spread[k] = synth_clamp(turn * 201 / 64, -SPREAD_MAX, SPREAD_MAX) *
			       SPREAD_PERCENT / 100;
	}
}

/* One round: what is left of the spread pulls at u. */
static void
stretch_round(struct stretch *s)
{
	const int32_t w = STRETCH_COLUMNS;

	for (int32_t k = w; k < STRETCH_NODES - w; k++) {
		int32_t along = (s->tx[k] * ((s->u[k + 1] - s->u[k - 1]) / 4) +
				 s->ty[k] * ((s->u[k + w] - s->u[k - w]) / 4)) /
				8192;
		int32_t left = synth_clamp(along + s->spread[k], -SPREAD_MAX, SPREAD_MAX);

		s->pull_x[k] = s->tx[k] * left / 16384;
		s->pull_y[k] = s->ty[k] * left / 16384;
	}
	for (int32_t k = w; k < STRETCH_NODES - w; k++) {
		int32_t smooth = s->u[k + 1] + s->u[k - 1] + s->u[k + w] + s->u[k - w] -
				 4 * s->u[k];

		if (k % w == 0 || k % w == w - 1)
			continue;
		s->u[k] += (s->pull_x[k + 1] - s->pull_x[k - 1] + s->pull_y[k + w] -
			    s->pull_y[k - w]) /
				   2 +
			   smooth / 16 - s->u[k] / 256;
		s->u[k] = synth_clamp(s->u[k], -STRETCH_MAX, STRETCH_MAX);
	}
}

/* The ridge period at a place after its ridges gave way, 1/256 px. */
static int32_t
stretched_period(const struct stretch *s, const struct synth_field *f, int32_t x,
		 int32_t y)
{
	int32_t k = y / STRETCH_PX * STRETCH_COLUMNS + x / STRETCH_PX;
	int64_t wider = 65536 - s->u[k] + (int64_t)s->u[k] * s->u[k] / 131072;

	return (int32_t)(synth_field_period(f, x, y) * wider / 65536);
}

static void
choose_kernels(struct growth *g, const struct synth_field *f)
{
	const int32_t step = SYNTH_HALF_TURN / KERNEL_ANGLES;

	for (int32_t j = 0; j < MASTER_HEIGHT / 2; j++) {
		for (int32_t i = 0; i < MASTER_WIDTH / 2; i++) {
			int32_t a = synth_field_orientation(f, 2 * i, 2 * j);
			int32_t p = stretched_period(&g->stretch, f, 2 * i, 2 * j) -
				    PERIOD_MIN_Q8;

			a = (a + step / 2) / step % KERNEL_ANGLES;
			p = (p + PERIOD_STEP_Q8 / 2) / PERIOD_STEP_Q8;
			p = synth_clamp(p, 0, KERNEL_PERIODS - 1);
			g->choice[j][i] = synth_field_inside(2 * i, 2 * j) < 0
						  ? CHOICE_OUTSIDE
						  : (uint16_t)(p * KERNEL_ANGLES + a);
		}
	}
}

/* The sum of products of a kernel and the plane's part below it; corner is its top left. */
static int32_t
respond(const int16_t *corner, const int16_t *taps)
{
#ifdef __SSE2__
	__m128i sum = _mm_setzero_si128();
	int32_t lanes[4];

	for (int32_t row = 0; row < KERNEL_ROWS; row++) {
		for (int32_t c = 0; c < KERNEL_COLUMNS; c += 8) {
			__m128i a, b;

			memcpy(&a, corner + row * PLANE_WIDTH + c, sizeof(a));
			memcpy(&b, taps + row * KERNEL_COLUMNS + c, sizeof(b));
			sum = _mm_add_epi32(sum, _mm_madd_epi16(a, b));
		}
	}
	memcpy(lanes, &sum, sizeof(lanes));
	return lanes[0] + lanes[1] + lanes[2] + lanes[3];
#else
	int32_t sum = 0;

	for (int32_t row = 0; row < KERNEL_ROWS; row++) {
		for (int32_t c = 0; c < KERNEL_COLUMNS; c++)
			sum += corner[row * PLANE_WIDTH + c] *
			       taps[row * KERNEL_COLUMNS + c];
	}
	return sum;
#endif
}

/* One round from one plane into the other; gain 256 keeps a full-grown pattern as it is. */
static void
grow_once(struct growth *g, int from, int32_t gain)
{
	const int16_t *in = g->plane[from][0];
	int16_t *out = g->plane[1 - from][0];

	for (int32_t y = 0; y < MASTER_HEIGHT; y++) {
		for (int32_t x = 0; x < MASTER_WIDTH; x++) {
			uint16_t choice = g->choice[y / 2][x / 2];
			int32_t corner = (y + PAD - KERNEL_RADIUS) * PLANE_WIDTH + x +
					 PAD - KERNEL_RADIUS;
			int32_t v;

			if (choice == CHOICE_OUTSIDE)
				continue;
			v = respond(
				in + corner,
				g->bank[choice / KERNEL_ANGLES][choice % KERNEL_ANGLES]
					.taps);
			out[(y + PAD) * PLANE_WIDTH + x + PAD] = (int16_t)synth_clamp(
				v / KERNEL_SUM * gain / 256, -CREST, CREST);
		}
	}
}

/* One spot in each cell of a grid, anywhere in it. */
static void
sow(struct growth *g, uint64_t seed)
{
	struct synth_rng r = synth_rng_new(seed, STREAM_SPOTS);

	for (int32_t y = 0; y + SPOT_CELL_PX <= MASTER_HEIGHT; y += SPOT_CELL_PX) {
		for (int32_t x = 0; x + SPOT_CELL_PX <= MASTER_WIDTH; x += SPOT_CELL_PX) {
			int32_t dx = synth_rng_range(&r, 0, SPOT_CELL_PX - 1);
			int32_t dy = synth_rng_range(&r, 0, SPOT_CELL_PX - 1);

			if (synth_field_inside(x + dx, y + dy) >= 0)
				g->plane[0][y + dy + PAD][x + dx + PAD] = CREST;
		}
	}
}

static void
grow(struct growth *g, struct synth_master *m)
{
	int from = 0;

	bank_make(g);
	stretch_start(&g->stretch, &m->field);
	for (int round = 0; round < STRETCH_ROUNDS; round++)
		stretch_round(&g->stretch);
	choose_kernels(g, &m->field);
	sow(g, m->seed);
	for (int round = 0; round < GROWTH_ROUNDS; round++) {
		grow_once(g, from, 1024);
		from = 1 - from;
	}
	grow_once(g, from, 300);
	from = 1 - from;
	for (int32_t y = 0; y < MASTER_HEIGHT; y++)
		memcpy(&m->ridges[y * MASTER_WIDTH], &g->plane[from][y + PAD][PAD],
		       MASTER_WIDTH * sizeof(int16_t));
}

static void
flaw_add(struct synth_master *m, int32_t x, int32_t y, int32_t amount)
{
	int32_t i = y * MASTER_WIDTH + x;

	if (x < 0 || y < 0 || x >= MASTER_WIDTH || y >= MASTER_HEIGHT)
		return;
	m->flaws[i] = (uint8_t)synth_clamp(m->flaws[i] + amount, 0, 255);
}

/* Sweat pores: small holes in the ridges' crests. */
static void
pores(struct synth_master *m)
{
	struct synth_rng r = synth_rng_new(m->seed, STREAM_PORES);

	for (int i = 0; i < PORES_MAX; i++) {
		int32_t x = synth_rng_range(&r, 1, MASTER_WIDTH - 2);
		int32_t y = synth_rng_range(&r, 1, MASTER_HEIGHT - 2);
		int32_t depth = synth_rng_range(&r, 40, 170);

		if (m->ridges[y * MASTER_WIDTH + x] < 600)
			continue;
		for (int32_t dy = -1; dy <= 1; dy++) {
			for (int32_t dx = -1; dx <= 1; dx++)
				flaw_add(m, x + dx, y + dy, depth >> (abs(dx) + abs(dy)));
		}
	}
}

/* A crease: a bent white line across the ridges, walked in quarter pixels. */
static void
crease(struct synth_master *m, struct synth_rng *r)
{
	int32_t x = synth_rng_range(r, 0, MASTER_WIDTH) * 256;
	int32_t y = synth_rng_range(r, 0, MASTER_HEIGHT) * 256;
	int32_t angle = synth_rng_range(r, 0, 65535), bend = synth_rng_range(r, -24, 24);
	int32_t length = synth_rng_range(r, 60, 600), width = synth_rng_range(r, 1, 5);

	for (int32_t i = 0; i < length; i++) {
		int32_t dx = synth_cos((uint16_t)angle), dy = synth_sin((uint16_t)angle);

		for (int32_t side = -width; side <= width; side++)
			flaw_add(m, (x - dy * side / 256) / 256,
				 (y + dx * side / 256) / 256, 44);
		x += dx / 512;
		y += dy / 512;
		angle += bend;
	}
}

static void
flaws(struct synth_master *m)
{
	struct synth_rng r = synth_rng_new(m->seed, STREAM_CREASES);
	int32_t count = synth_rng_range(&r, -3, CREASES_MAX);
	uint64_t rough = synth_mix(m->seed + STREAM_ROUGH);

	for (int32_t y = 0; y < MASTER_HEIGHT; y++) {
		for (int32_t x = 0; x < MASTER_WIDTH; x++)
			flaw_add(m, x, y,
				 (synth_noise(rough, x * 256, y * 256, 5) + 1024) / 40);
	}
	pores(m);
	for (int32_t i = 0; i < count; i++)
		crease(m, &r);
}

struct synth_master *
synth_master_new(uint64_t seed)
{
	struct synth_master *m = calloc(1, sizeof(*m));
	struct growth *g = calloc(1, sizeof(*g));

	if (m == NULL || g == NULL) {
		free(g);
		free(m);
		return NULL;
	}
	m->seed = seed;
	m->field = synth_field_make(seed);
	grow(g, m);
	flaws(m);
	free(g);
	return m;
}

struct synth_master *
synth_master_free(struct synth_master *m)
{
	free(m);
	return NULL;
}

enum synth_class
synth_master_class(const struct synth_master *m)
{
	return m->field.class;
}
