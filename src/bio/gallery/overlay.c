#include "bio/gallery/overlay.h"

#include "bio/gallery/bare.h"
#include "bio/gallery/fixed.h"

#include <assert.h>
#include <string.h>

#define MEET_PX 15            /* two minutiae meet within this distance */
#define MEET_TURN 4096u       /* and 22.5 degrees */
#define DIRECTION_ARM_PX2 400 /* a direction counts like a point 20 px away */
#define WEIGHT_ONE 256

_Static_assert(KERNEL_NEAR_PX == MEET_PX && KERNEL_NEAR_TURN == MEET_TURN, "kernels");
_Static_assert(KERNEL_POINTS >= FINGER_MINUTIAE_MAX, "all minutiae fit");
_Static_assert(1u << KERNEL_FIELD_SHIFT == FINGER_CELL_PX &&
		       1u << KERNEL_FIELD_ROW_SHIFT == FINGER_CELLS_SIDE_MAX &&
		       KERNEL_CELLS >= FINGER_CELLS_SIDE_MAX * FINGER_CELLS_SIDE_MAX / 2,
	       "all cells fit");

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
	const uint64_t most = 1 << 22;
	uint64_t longer = (uint64_t)(x < 0 ? -x : x), other = (uint64_t)(y < 0 ? -y : y);
	int shift = 0;

	longer = longer > other ? longer : other;
	if (longer > most)
		shift = 41 - __builtin_clzll(longer);
	if (longer >> shift > most)
		shift++;
	return fixed_direction((int32_t)(x / ((int64_t)1 << shift)),
			       (int32_t)(y / ((int64_t)1 << shift)));
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
overlay_on_finger(const struct fine_field *field, int32_t x, int32_t y)
{
	if (x < 0 || y < 0 || x >= field->limit[0] || y >= field->limit[1])
		return false;
	return field->map[y >> KERNEL_FIELD_SHIFT << KERNEL_FIELD_ROW_SHIFT |
			  x >> KERNEL_FIELD_SHIFT] > UINT8_MAX;
}

/* A square of the distance of two minutiae that meet, and of their turn, both 0..256. */
static uint32_t
apart_within(uint32_t square, uint32_t turn)
{
	return square * WEIGHT_ONE / (MEET_PX * MEET_PX) +
	       (turn * turn >> 8) * WEIGHT_ONE / (MEET_TURN * MEET_TURN >> 8);
}

/* How far apart two minutiae are, 0 = the same place and direction; UINT32_MAX: do not meet. */
static uint32_t
apartness(int32_t x, int32_t y, uint16_t angle, const struct minutia *m)
{
	int32_t dx = x - m->x, dy = y - m->y;
	uint32_t turn = fixed_apart(angle, m->angle);

	if (dx > MEET_PX || dx < -MEET_PX || dy > MEET_PX || dy < -MEET_PX ||
	    turn > MEET_TURN || dx * dx + dy * dy > MEET_PX * MEET_PX)
		return UINT32_MAX;
	return apart_within((uint32_t)(dx * dx + dy * dy), turn);
}

/* The same for those that a kernel called near, without branches. */
static uint32_t
apartness_near(int32_t x, int32_t y, uint16_t angle, const struct minutia *m)
{
	uint32_t dx = (uint32_t)(x - m->x), dy = (uint32_t)(y - m->y);
	uint32_t apart = dx * dx + dy * dy, turn = fixed_apart(angle, m->angle);
	int far = (dx + MEET_PX > 2 * MEET_PX) | (dy + MEET_PX > 2 * MEET_PX) |
		  (apart > MEET_PX * MEET_PX);

	return far ? UINT32_MAX : apart_within(apart, turn);
}

struct meeting {
	uint32_t best_a[FINE_POINTS_MAX], best_b[FINE_POINTS_MAX];
	uint8_t mate_a[FINE_POINTS_MAX], mate_b[FINE_POINTS_MAX];
};

static void
start(struct meeting *m, unsigned a_count, unsigned b_count)
{
	assert(a_count <= FINE_POINTS_MAX && b_count <= FINE_POINTS_MAX);
	memset(m->best_a, 0xff, a_count * sizeof(m->best_a[0]));
	memset(m->best_b, 0xff, b_count * sizeof(m->best_b[0]));
	memset(m->mate_a, FINE_NONE, a_count);
}

/* Minutia i of a may meet minutia j of b. */
static void
may_meet(struct meeting *m, unsigned i, unsigned j, uint32_t apart)
{
	if (apart < m->best_a[i]) {
		m->best_a[i] = apart;
		m->mate_a[i] = (uint8_t)j;
	}
	if (apart < m->best_b[j]) {
		m->best_b[j] = apart;
		m->mate_b[j] = (uint8_t)i;
	}
}

/* Two minutiae meet when each is the other's nearest. */
static void
settle(struct meeting *m, unsigned a_count)
{
	for (unsigned i = 0; i < a_count; i++) {
		if (m->mate_a[i] != FINE_NONE && m->mate_b[m->mate_a[i]] != i)
			m->mate_a[i] = FINE_NONE;
	}
}

void
overlay_mates(const struct minutia *a, unsigned a_count, const struct fine_rows *b,
	      const struct fine_move *move, uint8_t ret_mate[FINE_POINTS_MAX])
{
	struct meeting m;

	start(&m, a_count, b->count);
	for (unsigned i = 0; i < a_count; i++) {
		uint16_t angle = (uint16_t)(a[i].angle + move->turn);
		int32_t x, y;
		unsigned last;

		fine_moved(move, a[i].x, a[i].y, &x, &y);
		last = b->start[kernel_strip(y + MEET_PX) + 1];
		for (unsigned k = b->start[kernel_strip(y - MEET_PX)]; k < last; k++) {
			unsigned j = b->index[k];

			may_meet(&m, i, j, apartness(x, y, angle, &b->at[j]));
		}
	}
	settle(&m, a_count);
	memcpy(ret_mate, m.mate_a, a_count);
}

/* As overlay_mates, by a kernel, and only for those near each other: how many these are. */
static unsigned
meet(const struct overlay *o, const struct fine_move *move, struct meeting *m)
{
	const struct fine_side *r = o->reference;
	const struct kernel_moved *moved = &o->work->moved;
	uint16_t *near = o->work->near;
	unsigned n;

	o->kernel->move(&o->probe->field.points, move, &o->work->moved);
	n = o->kernel->near(&r->field.crowd, moved, near);
	memset(m->best_a, 0xff, moved->count * sizeof(m->best_a[0]));
	memset(m->best_b, 0xff, r->features->count * sizeof(m->best_b[0]));
	for (unsigned k = 0; k < n; k++) {
		unsigned i = near[k] >> 8, j = r->rows.index[near[k] & 255u];

		near[k] = (uint16_t)(i << 8 | j);
		may_meet(m, i, j,
			 apartness_near(moved->x[i], moved->y[i], moved->angle[i],
					&r->features->minutiae[j]));
	}
	return n;
}

/* Minutiae of a that come to lie on the finger of b. */
static unsigned
in_common_area(const struct overlay *o, const struct fine_side *a,
	       const struct fine_side *b, const struct fine_move *move)
{
	unsigned n = 0, count = a->features->count;

	o->kernel->lay(a->field.points.at, count, move, b->field.limit, o->work->cell);
	for (unsigned i = 0; i < count; i++)
		n += b->field.map[o->work->cell[i]] > UINT8_MAX;
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
	struct fine_move back = overlay_inverse(move);
	unsigned in_a, in_b, met = 0, near;
	struct meeting m;

	near = meet(o, move, &m);
	evidence->matched = 0;
	evidence->similar = 0;
	for (unsigned k = 0; k < near; k++) {
		unsigned i = o->work->near[k] >> 8, j = o->work->near[k] & 255u;

		if (m.best_a[i] == UINT32_MAX || m.mate_a[i] != j || m.mate_b[j] != i)
			continue;
		o->met->a[met] = (uint8_t)i;
		o->met->b[met++] = (uint8_t)j;
		evidence->matched += WEIGHT_ONE - (int32_t)m.best_a[i] * 3 / 8;
		evidence->similar += similarity(o, i, j);
	}
	o->met->count = met;
	in_a = in_common_area(o, o->probe, o->reference, move);
	in_b = in_common_area(o, o->reference, o->probe, &back);
	evidence->met = (uint16_t)met;
	evidence->in_probe = (uint16_t)(in_a < met ? met : in_a);
	evidence->in_reference = (uint16_t)(in_b < met ? met : in_b);
}

void
overlay_orientation(const struct overlay *o, const struct fine_move *move,
		    struct fine_evidence *evidence)
{
	const struct fine_field *a = &o->probe->field, *b = &o->reference->field;
	struct fine_move back;
	int32_t sum[2];
	unsigned n;

	evidence->agreement = 0;
	evidence->common_cells = 0;
	if (evidence->maps == FINE_MAPS_NONE)
		return;
	if (o->reference->features->cells_x == 0) {
		a = &o->reference->field;
		b = &o->probe->field;
		back = overlay_inverse(move);
		move = &back;
	}
	o->kernel->lay(a->cells, a->cells_count, move, b->limit, o->work->cell);
	for (n = 0; n < a->cells_count; n++)
		o->work->flow[n] = b->map[o->work->cell[n]];
	for (; n % KERNEL_STEP != 0; n++)
		o->work->flow[n] = 0;
	o->kernel->agree(a->flow, o->work->flow, a->cells_count, (move->turn + 64u) >> 7,
			 sum);
	evidence->common_cells = sum[0];
	evidence->agreement = sum[1] / 64;
}

/* A row of the map; beyond the cells there are, anything. For the compiler to do in vectors. */
static void
fill_row(uint16_t map[FINGER_CELLS_SIDE_MAX], const uint8_t *orientation,
	 const uint8_t *coherence)
{
	uint16_t row[FINGER_CELLS_SIDE_MAX];

	for (unsigned cx = 0; cx < FINGER_CELLS_SIDE_MAX; cx++) {
		uint16_t flow = (uint16_t)(orientation[cx] | coherence[cx] << 8);

		row[cx] = coherence[cx] != 0 ? flow : 0;
	}
	memcpy(map, row, sizeof(row));
}

/* Lists every other cell, as on a chessboard: they tell as much as all. */
static void
fill_cells(struct fine_field *field, const struct finger_features *f)
{
	const int32_t half = (int32_t)FINGER_CELL_PX / 2;
	unsigned n = 0;

	for (unsigned cy = 0; cy < f->cells_y; cy++) {
		uint16_t *row = &field->map[cy << KERNEL_FIELD_ROW_SHIFT];

		fill_row(row, &f->orientation[cy * f->cells_x],
			 &f->coherence[cy * f->cells_x]);
		/* Without a branch: the background has ragged edges. */
		for (unsigned cx = cy % 2; cx < f->cells_x; cx += 2) {
			field->cells[n] =
				move_point((int32_t)(cx * FINGER_CELL_PX) + half,
					   (int32_t)(cy * FINGER_CELL_PX) + half);
			field->flow[n] = row[cx];
			n += row[cx] != 0;
		}
	}
	field->cells_count = n;
	for (; n % KERNEL_STEP != 0; n++)
		field->cells[n] = field->flow[n] = 0;
	field->map[KERNEL_OUTSIDE] = 0;
	field->limit[0] = f->cells_x * (int32_t)FINGER_CELL_PX;
	field->limit[1] = f->cells_y * (int32_t)FINGER_CELL_PX;
}

void
overlay_field(struct fine_field *field, const struct fine_rows *rows,
	      const struct finger_features *f)
{
	assert(f->count <= KERNEL_POINTS && rows->count == f->count);
	assert(f->cells_x <= FINGER_CELLS_SIDE_MAX &&
	       f->cells_y <= FINGER_CELLS_SIDE_MAX);
	memset(&field->points, 0, sizeof(field->points));
	memset(&field->crowd, 0, sizeof(field->crowd));
	field->points.count = field->crowd.count = f->count;
	for (unsigned i = 0; i < f->count; i++) {
		const struct minutia *m = &f->minutiae[rows->index[i]];

		field->points.at[i] = move_point(f->minutiae[i].x, f->minutiae[i].y);
		field->points.angle[i] = f->minutiae[i].angle;
		field->crowd.x[i] = m->x;
		field->crowd.y[i] = m->y;
		field->crowd.angle[i] = m->angle;
	}
	for (unsigned s = 0; s < KERNEL_STRIPS + 3; s++) {
		unsigned before = s < 1 ? 0 : s - 1;

		field->crowd.below[s] =
			rows->start[before < KERNEL_STRIPS ? before : KERNEL_STRIPS];
	}
	if (f->cells_x > 0)
		fill_cells(field, f);
	else
		bare_field(field, f);
}

struct fine_move
overlay_chain(const struct fine_move *first, const struct fine_move *then)
{
	int32_t x, y;

	fine_moved(then, first->x, first->y, &x, &y);
	return move_of((uint16_t)(first->turn + then->turn), 0, 0, x, y);
}
