#include "bio/replay.h"

#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COORD_BITS 10u
#define COORD_MAX ((1 << COORD_BITS) - 1)
#define DIRECTION_BITS 4u
#define PROBE_POINTS_MAX 64u /* the best: noise may change their order a little */
#define MET_PX 1.5           /* a point that was moved, turned and found anew */
#define NEAR_PX 3.0
#define OFF_PX 5.0
#define LEVER_PX 40.0       /* two points nearer than that tell no angle */
#define LENGTH_PX 2.0       /* that a distance may differ by */
#define DIRECTION_NEAR 5000 /* of 65 536: a sixteenth of a turn, and a little */
#define MET_MIN 5u          /* points that meet, to look closer */
#define TRIES_MAX 6000u     /* motions looked at for one capture */
#define LENGTHS_MAX 1450u   /* the diagonal, and a little */
#define PAIRS_MAX (PROBE_POINTS_MAX * (PROBE_POINTS_MAX - 1) / 2)
#define GRID_PX 8
#define GRID_SIDE ((COORD_MAX + 1) / GRID_PX)
#define NONE UINT8_MAX

struct point {
	double x, y;
	uint16_t angle; /* 1/65536 turns */
};

/* The probe, indexed by place and by the length of its pairs. Zeroised after use. */
struct view {
	struct point points[PROBE_POINTS_MAX];
	unsigned count;
	uint8_t grid[GRID_SIDE][GRID_SIDE], next[PROBE_POINTS_MAX];
	uint16_t first[LENGTHS_MAX + 1]; /* pairs of that length begin there */
	uint8_t pairs[PAIRS_MAX][2];
};

/* Turns by an angle about the origin, then moves. */
struct motion {
	double cos, sin, x, y;
	uint16_t angle;
};

/* ---- points --------------------------------------------------------------- */

static void
pack(const struct minutia *m, uint8_t out[REPLAY_POINT_BYTES])
{
	uint32_t half = 1u << (16 - DIRECTION_BITS - 1);
	uint32_t x = m->x < 0 ? 0 : m->x > COORD_MAX ? COORD_MAX : (uint32_t)m->x;
	uint32_t y = m->y < 0 ? 0 : m->y > COORD_MAX ? COORD_MAX : (uint32_t)m->y;
	uint32_t direction = ((m->angle + half) & 0xffffu) >> (16 - DIRECTION_BITS);
	uint32_t all =
		x << (COORD_BITS + DIRECTION_BITS) | y << DIRECTION_BITS | direction;

	out[0] = (uint8_t)(all >> 16);
	out[1] = (uint8_t)(all >> 8);
	out[2] = (uint8_t)all;
}

static struct point
unpack(const uint8_t in[REPLAY_POINT_BYTES])
{
	uint32_t all = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];

	return (struct point){
		.x = all >> (COORD_BITS + DIRECTION_BITS),
		.y = all >> DIRECTION_BITS & (uint32_t)COORD_MAX,
		.angle = (uint16_t)(all << (16 - DIRECTION_BITS)),
	};
}

static bool
directions_agree(uint16_t a, uint16_t b)
{
	uint16_t d = (uint16_t)(a - b);

	return d <= DIRECTION_NEAR || d >= 65536 - DIRECTION_NEAR;
}

/* 1/65536 turns counter-clockwise, y being downward, as the minutiae's angles. */
static uint16_t
angle_of(double dx, double dy)
{
	double turns = atan2(-dy, dx) / (2 * M_PI);

	return (uint16_t)(int32_t)lround((turns < 0 ? turns + 1 : turns) * 65536);
}

static double
distance(const struct point *a, const struct point *b)
{
	return sqrt((a->x - b->x) * (a->x - b->x) + (a->y - b->y) * (a->y - b->y));
}

/* ---- the probe ------------------------------------------------------------ */

static unsigned
length_of(const struct view *v, unsigned i, unsigned k)
{
	double d = distance(&v->points[i], &v->points[k]);

	return d < LENGTHS_MAX ? (unsigned)d : LENGTHS_MAX - 1;
}

static void
index_places(struct view *v)
{
	memset(v->grid, NONE, sizeof(v->grid));
	for (unsigned i = 0; i < v->count; i++) {
		const struct point *p = &v->points[i];
		uint8_t *cell = &v->grid[(int)p->y / GRID_PX][(int)p->x / GRID_PX];

		v->next[i] = *cell;
		*cell = (uint8_t)i;
	}
}

/* All pairs sorted by their length in whole pixels: counted, then laid down. */
static void
index_pairs(struct view *v)
{
	uint16_t at[LENGTHS_MAX];

	memset(v->first, 0, sizeof(v->first));
	for (unsigned i = 0; i < v->count; i++)
		for (unsigned k = i + 1; k < v->count; k++)
			v->first[length_of(v, i, k) + 1]++;
	for (unsigned d = 0; d < LENGTHS_MAX; d++) {
		v->first[d + 1] = (uint16_t)(v->first[d + 1] + v->first[d]);
		at[d] = v->first[d];
	}
	for (unsigned i = 0; i < v->count; i++)
		for (unsigned k = i + 1; k < v->count; k++) {
			uint8_t *pair = v->pairs[at[length_of(v, i, k)]++];

			pair[0] = (uint8_t)i;
			pair[1] = (uint8_t)k;
		}
}

static void
view_make(struct view *v, const struct finger_features *probe)
{
	v->count = probe->count < PROBE_POINTS_MAX ? probe->count : PROBE_POINTS_MAX;
	for (unsigned i = 0; i < v->count; i++) {
		const struct minutia *m = &probe->minutiae[i];

		v->points[i].x = m->x < 0 ? 0 : m->x > COORD_MAX ? COORD_MAX : m->x;
		v->points[i].y = m->y < 0 ? 0 : m->y > COORD_MAX ? COORD_MAX : m->y;
		v->points[i].angle = m->angle;
	}
	index_places(v);
	index_pairs(v);
}

/* The probe's point that is nearest to a moved one, within px; *ret_px how near. Or NULL. */
static const struct point *
find(const struct view *v, const struct point *p, double px, double *ret_px)
{
	int x0 = (int)floor((p->x - px) / GRID_PX),
	    x1 = (int)floor((p->x + px) / GRID_PX);
	int y0 = (int)floor((p->y - px) / GRID_PX),
	    y1 = (int)floor((p->y + px) / GRID_PX);
	const struct point *best = NULL;

	for (int y = y0 < 0 ? 0 : y0; y <= y1 && y < GRID_SIDE; y++)
		for (int x = x0 < 0 ? 0 : x0; x <= x1 && x < GRID_SIDE; x++)
			for (uint8_t i = v->grid[y][x]; i != NONE; i = v->next[i]) {
				double d = distance(&v->points[i], p);

				if (d > px ||
				    !directions_agree(v->points[i].angle, p->angle))
					continue;
				best = &v->points[i];
				px = d;
			}
	*ret_px = px;
	return best;
}

/* ---- motions -------------------------------------------------------------- */

/* The motion that brings the line a0-a1 onto the line b0-b1, the middle onto the middle. */
static struct motion
motion_of(const struct point a[2], const struct point *b0, const struct point *b1)
{
	double ax = a[1].x - a[0].x, ay = a[1].y - a[0].y;
	double bx = b1->x - b0->x, by = b1->y - b0->y;
	double scale = sqrt((ax * ax + ay * ay) * (bx * bx + by * by));
	struct motion m = { .cos = (ax * bx + ay * by) / scale,
			    .sin = (ax * by - ay * bx) / scale,
			    .angle = (uint16_t)(angle_of(bx, by) - angle_of(ax, ay)) };
	double x = (a[0].x + a[1].x) / 2, y = (a[0].y + a[1].y) / 2;

	m.x = (b0->x + b1->x) / 2 - (m.cos * x - m.sin * y);
	m.y = (b0->y + b1->y) / 2 - (m.sin * x + m.cos * y);
	return m;
}

static struct point
moved(const struct motion *m, const struct point *p)
{
	return (struct point){ m->cos * p->x - m->sin * p->y + m->x,
			       m->sin * p->x + m->cos * p->y + m->y,
			       (uint16_t)(p->angle + m->angle) };
}

/* The motion of least squares over the points that meet under one that is nearly right. */
static struct motion
refine(const struct view *v, const struct point *points, unsigned count,
       const struct motion *m)
{
	double ax = 0, ay = 0, bx = 0, by = 0, n = 0, dot = 0, cross = 0, scale, px;
	const struct point *met[REPLAY_POINTS];
	struct motion better = *m;

	for (unsigned i = 0; i < count; i++) {
		struct point p = moved(m, &points[i]);

		met[i] = find(v, &p, MET_PX, &px);
		if (met[i] == NULL)
			continue;
		ax += points[i].x;
		ay += points[i].y;
		bx += met[i]->x;
		by += met[i]->y;
		n++;
	}
	for (unsigned i = 0; i < count; i++) {
		double dx, dy, ex, ey;

		if (met[i] == NULL)
			continue;
		dx = points[i].x - ax / n;
		dy = points[i].y - ay / n;
		ex = met[i]->x - bx / n;
		ey = met[i]->y - by / n;
		dot += dx * ex + dy * ey;
		cross += dx * ey - dy * ex;
	}
	scale = sqrt(dot * dot + cross * cross);
	if (scale <= 0)
		return *m;
	better.cos = dot / scale;
	better.sin = cross / scale;
	better.x = bx / n - (better.cos * ax - better.sin * ay) / n;
	better.y = by / n - (better.sin * ax + better.cos * ay) / n;
	return better;
}

static unsigned
count_met(const struct view *v, const struct point *points, unsigned count,
	  const struct motion *m)
{
	unsigned met = 0;
	double px;

	for (unsigned i = 0; i < count; i++) {
		struct point p = moved(m, &points[i]);

		met += find(v, &p, MET_PX, &px) != NULL;
	}
	return met;
}

static int
evidence_of(const struct view *v, const struct point *points, unsigned count,
	    const struct motion *m)
{
	int evidence = 0;
	double px;

	for (unsigned i = 0; i < count; i++) {
		struct point p = moved(m, &points[i]);

		if (find(v, &p, OFF_PX, &px) != NULL)
			evidence += px <= MET_PX    ? REPLAY_EVIDENCE_MET
				    : px <= NEAR_PX ? REPLAY_EVIDENCE_NEAR
						    : REPLAY_EVIDENCE_OFF;
	}
	return evidence;
}

/* Tries to lay the line of two points over all lines of the probe that are as long. */
static int
try_line(const struct view *v, const struct point *points, unsigned count,
	 const struct point line[2], unsigned *tries)
{
	double length = distance(&line[0], &line[1]);
	unsigned from = (unsigned)(length - LENGTH_PX);
	unsigned to = (unsigned)(length + LENGTH_PX) + 1;
	int best = 0;

	if (to > LENGTHS_MAX)
		to = LENGTHS_MAX;
	for (unsigned i = v->first[from]; i < v->first[to] && *tries < TRIES_MAX; i++)
		for (unsigned way = 0; way < 2; way++) {
			const struct point *b0 = &v->points[v->pairs[i][way]];
			const struct point *b1 = &v->points[v->pairs[i][1 - way]];
			struct motion m = motion_of(line, b0, b1);
			int evidence;

			if (!directions_agree((uint16_t)(line[0].angle + m.angle),
					      b0->angle) ||
			    !directions_agree((uint16_t)(line[1].angle + m.angle),
					      b1->angle))
				continue;
			++*tries;
			if (count_met(v, points, count, &m) < MET_MIN)
				continue;
			m = refine(v, points, count, &m);
			evidence = evidence_of(v, points, count, &m);
			best = evidence > best ? evidence : best;
		}
	return best;
}

static int
evidence_for(const struct view *v, const struct replay_capture *c)
{
	struct point points[REPLAY_POINTS], line[2];
	unsigned tries = 0;
	int best = 0;

	if (c->count < REPLAY_POINTS_MIN || v->count < REPLAY_POINTS_MIN)
		return 0;
	for (unsigned i = 0; i < c->count; i++)
		points[i] = unpack(c->points[i]);
	for (unsigned i = 0; i < c->count; i++)
		for (unsigned k = i + 1; k < c->count && best < REPLAY_SAME; k++) {
			int evidence;

			line[0] = points[i];
			line[1] = points[k];
			if (distance(&line[0], &line[1]) < LEVER_PX)
				continue;
			evidence = try_line(v, points, c->count, line, &tries);
			best = evidence > best ? evidence : best;
		}
	secret_zero(points, sizeof(points));
	return best;
}

/* ---- the set -------------------------------------------------------------- */

int
replay_check(const struct replay_set *set)
{
	if (set->count > REPLAY_CAPTURES || set->next >= REPLAY_CAPTURES ||
	    set->next > set->count)
		return -EBADMSG;
	for (unsigned i = 0; i < set->count; i++)
		if (set->captures[i].count > REPLAY_POINTS)
			return -EBADMSG;
	return 0;
}

int
replay_evidence(const struct replay_set *set, const struct finger_features *probe)
{
	struct view v;
	int best = 0;

	view_make(&v, probe);
	for (unsigned i = 0; i < set->count && best < REPLAY_SAME; i++) {
		int evidence = evidence_for(&v, &set->captures[i]);

		best = evidence > best ? evidence : best;
	}
	secret_zero(&v, sizeof(v));
	return best;
}

void
replay_add(struct replay_set *set, const struct finger_features *probe)
{
	struct replay_capture *c = &set->captures[set->next];

	memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < probe->count && i < REPLAY_POINTS; i++)
		pack(&probe->minutiae[i], c->points[c->count++]);
	set->next = (uint16_t)((set->next + 1) % REPLAY_CAPTURES);
	if (set->count < REPLAY_CAPTURES)
		set->count++;
}
