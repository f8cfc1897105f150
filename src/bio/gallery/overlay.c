#include "bio/gallery/overlay.h"

#include "bio/gallery/fixed.h"

#include <assert.h>
#include <string.h>

#define MEET_PX 15            /* two minutiae meet within this distance */
#define MEET_TURN 4096u       /* and 22.5 degrees */
#define DIRECTION_ARM_PX2 400 /* a direction counts like a point 20 px away */
#define WEIGHT_ONE 256
#define CELL_QUARTER 64u /* orientations: 1/256 of a half turn */

static struct fine_move
move_of(uint16_t turn, int32_t from_x, int32_t from_y, int32_t to_x, int32_t to_y)
{
	struct fine_move m = { fixed_sin(turn), fixed_cos(turn), 0, 0, turn };
	int32_t x, y;

	fine_moved(&m, from_x, from_y, &x, &y);
	m.x = to_x - x;
	m.y = to_y - y;
	return m;
}

/* Scales a vector of any size into what fixed_direction takes. */
static uint16_t
direction_of(int64_t x, int64_t y)
{
	while (x > 1 << 22 || x < -(1 << 22) || y > 1 << 22 || y < -(1 << 22)) {
		x /= 2;
		y /= 2;
	}
	return fixed_direction((int32_t)x, (int32_t)y);
}

struct centre {
	int32_t ax, ay, bx, by;
};

static struct centre
centre_of(const struct overlay_tie *ties, unsigned n)
{
	int64_t sum = 0, ax = 0, ay = 0, bx = 0, by = 0;

	for (unsigned i = 0; i < n; i++) {
		int64_t w = ties[i].weight;

		sum += w;
		ax += w * ties[i].a->x;
		ay += w * ties[i].a->y;
		bx += w * ties[i].b->x;
		by += w * ties[i].b->y;
	}
	return (struct centre){ (int32_t)fixed_divide(ax, sum),
				(int32_t)fixed_divide(ay, sum),
				(int32_t)fixed_divide(bx, sum),
				(int32_t)fixed_divide(by, sum) };
}

struct fine_move
overlay_move(const struct overlay_tie *ties, unsigned n)
{
	int64_t dot = 0, side = 0;
	struct centre c;

	assert(n > 0);
	c = centre_of(ties, n);
	for (unsigned i = 0; i < n; i++) {
		const struct minutia *p = ties[i].a, *q = ties[i].b;
		int64_t px = p->x - c.ax, py = p->y - c.ay;
		int64_t qx = q->x - c.bx, qy = q->y - c.by;
		uint16_t turn = (uint16_t)(q->angle - p->angle);
		int64_t w = ties[i].weight;

		assert(w > 0);
		dot += w * (px * qx + py * qy +
			    DIRECTION_ARM_PX2 * fixed_cos(turn) / FIXED_ONE);
		side += w * (py * qx - px * qy +
			     DIRECTION_ARM_PX2 * fixed_sin(turn) / FIXED_ONE);
	}
	return move_of(direction_of(dot, -side), c.ax, c.ay, c.bx, c.by);
}

struct fine_move
overlay_inverse(const struct fine_move *m)
{
	uint16_t turn = (uint16_t)(0u - m->turn);

	return move_of(turn, m->x, m->y, 0, 0);
}

bool
overlay_on_finger(const struct finger_features *f, int32_t x, int32_t y)
{
	unsigned cx, cy;

	if (x < 0 || y < 0)
		return false;
	if (f->cells_x == 0)
		return x < f->width && y < f->height;
	cx = (unsigned)x / FINGER_CELL_PX;
	cy = (unsigned)y / FINGER_CELL_PX;
	return cx < f->cells_x && cy < f->cells_y &&
	       f->coherence[cy * f->cells_x + cx] != 0;
}

/* How far apart two minutiae are, 0 = the same place and direction; UINT32_MAX: do not meet. */
static uint32_t
apartness(int32_t x, int32_t y, uint16_t angle, const struct minutia *m)
{
	int32_t dx = x - m->x, dy = y - m->y;
	uint32_t turn;

	if (dx > MEET_PX || dx < -MEET_PX || dy > MEET_PX || dy < -MEET_PX ||
	    dx * dx + dy * dy > MEET_PX * MEET_PX)
		return UINT32_MAX;
	turn = fixed_apart(angle, m->angle);
	if (turn > MEET_TURN)
		return UINT32_MAX;
	/* Both parts 0..256. */
	return (uint32_t)(dx * dx + dy * dy) * WEIGHT_ONE / (MEET_PX * MEET_PX) +
	       (turn * turn >> 8) * WEIGHT_ONE / (MEET_TURN * MEET_TURN >> 8);
}

struct meeting {
	uint32_t best_a[FINE_POINTS_MAX], best_b[FINE_POINTS_MAX];
	uint8_t mate_a[FINE_POINTS_MAX], mate_b[FINE_POINTS_MAX];
};

/* Finds the nearest of b to minutia i of a, and remembers i where it is the nearest to b's. */
static void
look_around(const struct minutia *a, unsigned i, const struct fine_rows *b,
	    const struct fine_move *move, struct meeting *m)
{
	uint16_t angle = (uint16_t)(a->angle + move->turn);
	int32_t x, y;
	unsigned last;

	fine_moved(move, a->x, a->y, &x, &y);
	last = b->start[fine_strip(y + MEET_PX) + 1];
	for (unsigned k = b->start[fine_strip(y - MEET_PX)]; k < last; k++) {
		unsigned j = b->index[k];
		uint32_t apart = apartness(x, y, angle, &b->at[j]);

		if (apart < m->best_a[i]) {
			m->best_a[i] = apart;
			m->mate_a[i] = (uint8_t)j;
		}
		if (apart < m->best_b[j]) {
			m->best_b[j] = apart;
			m->mate_b[j] = (uint8_t)i;
		}
	}
}

/* Nearest neighbours both ways; two minutiae meet when each is the other's nearest. */
static void
meet(const struct minutia *a, unsigned count, const struct fine_rows *b,
     const struct fine_move *move, struct meeting *m)
{
	assert(count <= FINE_POINTS_MAX);
	memset(m->best_a, 0xff, count * sizeof(m->best_a[0]));
	memset(m->best_b, 0xff, b->count * sizeof(m->best_b[0]));
	memset(m->mate_a, FINE_NONE, count);
	for (unsigned i = 0; i < count; i++)
		look_around(&a[i], i, b, move, m);
	for (unsigned i = 0; i < count; i++) {
		if (m->mate_a[i] != FINE_NONE && m->mate_b[m->mate_a[i]] != i)
			m->mate_a[i] = FINE_NONE;
	}
}

void
overlay_mates(const struct minutia *a, unsigned a_count, const struct fine_rows *b,
	      const struct fine_move *move, uint8_t ret_mate[FINE_POINTS_MAX])
{
	struct meeting m;

	meet(a, a_count, b, move, &m);
	memcpy(ret_mate, m.mate_a, a_count);
}

/* Minutiae of a that come to lie on the finger of b, or meet there. */
static unsigned
in_common_area(const struct finger_features *a, const struct finger_features *b,
	       const struct fine_move *move)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->count; i++) {
		int32_t x, y;

		fine_moved(move, a->minutiae[i].x, a->minutiae[i].y, &x, &y);
		n += overlay_on_finger(b, x, y);
	}
	return n;
}

/* Similarity of the cylinders of two minutiae; 0 where one has none. */
static int32_t
similarity(const struct overlay *o, unsigned i, unsigned j)
{
	unsigned a = o->probe->set.cylinder_of[i], b = o->reference->set.cylinder_of[j];

	return a == MCC_NONE || b == MCC_NONE ? 0 : o->gamma[a][b];
}

void
overlay_minutiae(const struct overlay *o, const struct fine_move *move,
		 struct fine_evidence *evidence)
{
	const struct finger_features *f = o->probe->features, *g = o->reference->features;
	struct fine_move back = overlay_inverse(move);
	unsigned in_a, in_b, met = 0;
	struct meeting m;

	meet(f->minutiae, f->count, &o->reference->rows, move, &m);
	evidence->matched = 0;
	evidence->similar = 0;
	for (unsigned i = 0; i < f->count; i++) {
		if (m.mate_a[i] == FINE_NONE)
			continue;
		met++;
		evidence->matched += WEIGHT_ONE - (int32_t)m.best_a[i] * 3 / 8;
		evidence->similar += similarity(o, i, m.mate_a[i]);
	}
	memcpy(o->mate, m.mate_a, f->count);
	in_a = in_common_area(f, g, move);
	in_b = in_common_area(g, f, &back);
	evidence->met = (uint16_t)met;
	evidence->in_probe = (uint16_t)(in_a < met ? met : in_a);
	evidence->in_reference = (uint16_t)(in_b < met ? met : in_b);
}

struct cell {
	uint8_t orientation, coherence;
};

/* One cell of the probe, turned, against the one it lies on. */
static void
compare_cells(struct cell a, struct cell b, struct fine_evidence *evidence)
{
	int32_t apart = (a.orientation - b.orientation) & 255;
	int32_t w = a.coherence < b.coherence ? a.coherence : b.coherence;

	apart = apart > 128 ? 256 - apart : apart;
	evidence->common_cells += w;
	evidence->agreement += w * ((int32_t)CELL_QUARTER - apart);
}

/* The cell at a point on the finger. */
static struct cell
cell_at(const struct finger_features *f, int32_t x, int32_t y)
{
	unsigned at =
		(unsigned)y / FINGER_CELL_PX * f->cells_x + (unsigned)x / FINGER_CELL_PX;

	return (struct cell){ f->orientation[at], f->coherence[at] };
}

void
overlay_orientation(const struct finger_features *probe,
		    const struct finger_features *reference, const struct fine_move *move,
		    struct fine_evidence *evidence)
{
	const int32_t half = (int32_t)FINGER_CELL_PX / 2;
	unsigned turned = (move->turn + 64u) >> 7; /* in the cells' units */

	evidence->agreement = 0;
	evidence->common_cells = 0;
	evidence->has_map = probe->cells_x > 0 && reference->cells_x > 0;
	/* Every other cell, as on a chessboard, tells as much. */
	for (unsigned cy = 0; evidence->has_map && cy < probe->cells_y; cy++) {
		for (unsigned cx = cy & 1; cx < probe->cells_x; cx += 2) {
			int32_t px = (int32_t)(cx * FINGER_CELL_PX) + half, x;
			int32_t py = (int32_t)(cy * FINGER_CELL_PX) + half, y;
			struct cell cell = cell_at(probe, px, py);

			if (cell.coherence == 0)
				continue;
			fine_moved(move, px, py, &x, &y);
			if (!overlay_on_finger(reference, x, y))
				continue;
			cell.orientation = (uint8_t)(cell.orientation + turned);
			compare_cells(cell, cell_at(reference, x, y), evidence);
		}
	}
	evidence->agreement /= (int32_t)CELL_QUARTER;
}

struct fine_move
overlay_chain(const struct fine_move *first, const struct fine_move *then)
{
	int32_t x, y;

	fine_moved(then, first->x, first->y, &x, &y);
	return move_of((uint16_t)(first->turn + then->turn), 0, 0, x, y);
}
