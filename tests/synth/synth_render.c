#include "synth_master.h"
#include "synth_math.h"
#include "synth_pose.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/*
 * One impression of a grown finger: the pose maps the glass to the skin, contact pressure and
 * moisture decide where skin wets the glass ("ink", 0..1024), and the reader turns that into grey.
 */
#define NODE_PX 8 /* smooth quantities are worked out on this grid and interpolated */
#define INK_FULL 1024
#define RIM_WIDTH 260 /* of the contact measure: where pressure fades */
#define OWN_CELL_PX 26
#define OWN_MAX_Q8 400 /* about 1.5 px */
#define VERY_DRY 640   /* pressure missing at a mishap */
#define VERY_WET 850
#define NO_CONTACT (-8000) /* pressure outside the contact */

enum stream {
	STREAM_INK = 48,
	STREAM_PRESSURE,
	STREAM_RIM,
	STREAM_GRAIN,
	STREAM_CLUMPS,
	STREAM_SHADE,
	STREAM_SENSOR,
	STREAM_OWN_X
};

struct node {
	int32_t x_q8, y_q8; /* place of the skin */
	int32_t pressure;   /* added to the skin's height */
};

struct ink_style {
	int32_t pressure; /* -: dry and light, +: wet and heavy */
	int32_t unevenness, grain, flaw, slope;
	int32_t contrast, paper; /* grey levels */
};

struct render {
	const struct synth_master *m;
	struct synth_pose pose;
	struct ink_style style;
	int32_t width, height, nodes_x, nodes_y;
	struct node *nodes;
	int16_t *grain, *clumps, *ink;
};

static struct ink_style
style_make(const struct synth_pose *p)
{
	struct synth_rng r = synth_rng_new(p->seed, STREAM_INK);
	int32_t d = p->difficulty * p->difficulty / 100; /* skin is mostly good */
	struct ink_style s;

	s.pressure = synth_rng_range(&r, -900, 1300);
	s.pressure += synth_rng_range(&r, -900, 1000);
	s.pressure = s.pressure / 2 * d / 100;
	if (p->mishap == MISHAP_DRY)
		s.pressure -= VERY_DRY;
	if (p->mishap == MISHAP_WET)
		s.pressure += VERY_WET;
	s.unevenness = 100 + synth_rng_range(&r, 120, 1150) * d / 100;
	s.grain = 220 + synth_rng_range(&r, 100, 1050) * d / 100;
	s.flaw = 4 + synth_rng_range(&r, 0, 6) * p->difficulty / 100;
	s.slope = synth_rng_range(&r, 560, 1100);
	s.contrast = 150 + s.pressure / 12 - synth_rng_range(&r, 0, 65) * d / 100;
	s.paper = synth_rng_range(&r, 192, 216);
	return s;
}

/* The pressure at a place: even in the middle, fading towards an irregular rim. */
static int32_t
pressure_at(const struct render *r, struct synth_place at)
{
	int32_t x = at.x_q8 / 256, y = at.y_q8 / 256, rim, p;
	uint64_t uneven = synth_mix(r->pose.seed + STREAM_PRESSURE);
	uint64_t ragged = synth_mix(r->pose.seed + STREAM_RIM);

	if (synth_field_inside(x, y) < 12)
		return NO_CONTACT;
	rim = synth_pose_contact(&r->pose, x, y);
	rim += synth_noise(ragged, at.x_q8, at.y_q8, 26) * 70 / 1024;
	p = r->style.pressure +
	    synth_noise(uneven, at.x_q8, at.y_q8, 52) * r->style.unevenness / 1024;
	if (rim < RIM_WIDTH)
		p -= (RIM_WIDTH - rim) * (rim < 0 ? 12 : 2);
	return p < NO_CONTACT ? NO_CONTACT : p;
}

/*
 * What makes a finger its own apart from its minutiae: ridges waver a little about the smooth
 * flow of their class, always at the same places.
 */
static struct synth_place
own_bends(const struct synth_master *m, struct synth_place at)
{
	uint64_t seed = synth_mix(m->seed + STREAM_OWN_X);
	int32_t x = synth_noise(seed, at.x_q8, at.y_q8, OWN_CELL_PX);
	int32_t y = synth_noise(seed + 1, at.x_q8, at.y_q8, OWN_CELL_PX);

	at.x_q8 += x * OWN_MAX_Q8 / 1024;
	at.y_q8 += y * OWN_MAX_Q8 / 1024;
	return at;
}

static void
nodes_fill(struct render *r)
{
	for (int32_t j = 0; j < r->nodes_y; j++) {
		for (int32_t i = 0; i < r->nodes_x; i++) {
			struct node *n = &r->nodes[j * r->nodes_x + i];
			struct synth_place at =
				synth_pose_master(&r->pose, i * NODE_PX, j * NODE_PX);

			at = own_bends(r->m, at);
			n->x_q8 = at.x_q8;
			n->y_q8 = at.y_q8;
			n->pressure = pressure_at(r, at);
		}
	}
}

static int32_t
mix4(int32_t a, int32_t b, int32_t c, int32_t d, int32_t tx, int32_t ty)
{
	int32_t top = a * (NODE_PX - tx) + b * tx, bottom = c * (NODE_PX - tx) + d * tx;

	return (top * (NODE_PX - ty) + bottom * ty) / (NODE_PX * NODE_PX);
}

static struct node
node_between(const struct render *r, int32_t x, int32_t y)
{
	const struct node *a = &r->nodes[y / NODE_PX * r->nodes_x + x / NODE_PX];
	const struct node *b = a + 1, *c = a + r->nodes_x, *d = c + 1;
	int32_t tx = x % NODE_PX, ty = y % NODE_PX;
	struct node n;

	n.x_q8 = mix4(a->x_q8, b->x_q8, c->x_q8, d->x_q8, tx, ty);
	n.y_q8 = mix4(a->y_q8, b->y_q8, c->y_q8, d->y_q8, tx, ty);
	n.pressure = mix4(a->pressure, b->pressure, c->pressure, d->pressure, tx, ty);
	return n;
}

/* Height of the skin less its flaws at a place between the pixels of the master. */
static int32_t
skin_height(const struct synth_master *m, int32_t x_q8, int32_t y_q8, int32_t flaw)
{
	int32_t x = synth_clamp(x_q8, 0, (MASTER_WIDTH - 2) * 256);
	int32_t y = synth_clamp(y_q8, 0, (MASTER_HEIGHT - 2) * 256);
	int32_t i = y / 256 * MASTER_WIDTH + x / 256, tx = x & 255, ty = y & 255;
	const int16_t *h = &m->ridges[i];
	const uint8_t *f = &m->flaws[i];
	int32_t top = (h[0] - f[0] * flaw) * (256 - tx) + (h[1] - f[1] * flaw) * tx;
	int32_t bottom = (h[MASTER_WIDTH] - f[MASTER_WIDTH] * flaw) * (256 - tx) +
			 (h[MASTER_WIDTH + 1] - f[MASTER_WIDTH + 1] * flaw) * tx;

	return (top / 256 * (256 - ty) + bottom / 256 * ty) / 256;
}

static void
ink_fill(struct render *r)
{
	for (int32_t y = 0; y < r->height; y++) {
		for (int32_t x = 0; x < r->width; x++) {
			struct node n = node_between(r, x, y);
			int32_t i = y * r->width + x, v = n.pressure;

			if (v > -3000) {
				v += skin_height(r->m, n.x_q8, n.y_q8, r->style.flaw);
				v += (r->grain[i] + r->clumps[i]) * r->style.grain / 1024;
			}
			v = v * r->style.slope / 1024 + INK_FULL / 2;
			r->ink[i] = (int16_t)synth_clamp(v, 0, INK_FULL);
		}
	}
}

/* The optics: a binomial blur of three pixels each way. */
static int32_t
ink_seen(const struct render *r, int32_t x, int32_t y)
{
	const int16_t *p = &r->ink[y * r->width + x];
	int32_t w = r->width;

	if (x == 0 || y == 0 || x == r->width - 1 || y == r->height - 1)
		return p[0];
	return (4 * p[0] + 2 * (p[-1] + p[1] + p[-w] + p[w]) + p[-w - 1] + p[-w + 1] +
		p[w - 1] + p[w + 1]) /
	       16;
}

/* The white corners of a keystone picture: the glass is seen at a slant. */
static int
off_glass(const struct render *r, int32_t x, int32_t y)
{
	int32_t margin = (r->height - 1 - y) * r->width * 13 / 100 / r->height;

	return x < margin || x > r->width - 1 - margin * 8 / 10;
}

static int
in_lamp_spot(const struct render *r, int32_t x, int32_t y)
{
	int32_t left = r->width * 42 / 100, top = r->height * 47 / 100;

	return x >= left && x < left + 46 && y >= top && y < top + 50;
}

static void
develop(const struct render *r, uint8_t plain_glass, uint8_t *grey)
{
	struct synth_rng rng = synth_rng_new(r->pose.seed, STREAM_SENSOR);
	uint64_t shade = synth_mix(r->pose.seed + STREAM_SHADE), bits = 0;

	for (int32_t y = 0; y < r->height; y++) {
		int32_t light = r->style.paper;

		for (int32_t x = 0; x < r->width; x++) {
			int32_t v, contrast = r->style.contrast;

			if (x % 16 == 0) {
				bits = synth_rng_next(&rng);
				light = r->style.paper +
					synth_noise(shade, x * 256, y * 256, 96) * 9 /
						1024;
			}
			v = light +
			    2 * ((int32_t)(bits & 3) + (int32_t)(bits >> 2 & 3) - 3);
			bits >>= 4;
			if (!plain_glass && in_lamp_spot(r, x, y)) {
				v -= 26;
				contrast = contrast * 7 / 10;
			}
			v -= ink_seen(r, x, y) * contrast / INK_FULL;
			if (!plain_glass && off_glass(r, x, y))
				v = 255;
			grey[y * r->width + x] = (uint8_t)synth_clamp(v, 0, 255);
		}
	}
}

int
synth_master_render(const struct synth_master *m, uint32_t impression,
		    const struct synth_options *o, uint8_t *grey)
{
	struct synth_options standard = synth_options_default();
	struct render r = { .m = m };
	size_t pixels;
	int rc = -ENOMEM;

	assert(m != NULL && grey != NULL);
	if (o == NULL)
		o = &standard;
	if (!synth_options_valid(o))
		return -EINVAL;
	r.width = (int32_t)o->width;
	r.height = (int32_t)o->height;
	r.nodes_x = r.width / NODE_PX + 2;
	r.nodes_y = r.height / NODE_PX + 2;
	r.pose = synth_pose_make(m->seed, impression, o);
	r.style = style_make(&r.pose);
	pixels = (size_t)r.width * (size_t)r.height;
	r.nodes = calloc((size_t)r.nodes_x * (size_t)r.nodes_y, sizeof(*r.nodes));
	r.grain = calloc(pixels, sizeof(*r.grain));
	r.clumps = calloc(pixels, sizeof(*r.clumps));
	r.ink = calloc(pixels, sizeof(*r.ink));
	if (r.nodes == NULL || r.grain == NULL || r.clumps == NULL || r.ink == NULL)
		goto out;
	synth_noise_fill(synth_mix(r.pose.seed + STREAM_GRAIN), 3, r.width, r.height,
			 r.grain);
	synth_noise_fill(synth_mix(r.pose.seed + STREAM_CLUMPS), 8, r.width, r.height,
			 r.clumps);
	nodes_fill(&r);
	ink_fill(&r);
	develop(&r, o->plain_glass, grey);
	rc = 0;
out:
	free(r.ink);
	free(r.clumps);
	free(r.grain);
	free(r.nodes);
	return rc;
}

int
synth_image(uint64_t seed, uint32_t impression, const struct synth_options *o,
	    uint8_t *grey)
{
	struct synth_master *m = synth_master_new(seed);
	int rc;

	if (m == NULL)
		return -ENOMEM;
	rc = synth_master_render(m, impression, o, grey);
	(void)synth_master_free(m); /* returns NULL */
	return rc;
}
