#include "bio/gallery/bare.h"

#include "bio/gallery/fixed.h"

#include <assert.h>

#define SIDES 16u       /* of the polygon around the minutiae */
#define MARGIN_PX 40    /* finger goes on beyond the outermost minutiae */
#define SURE (255 << 8) /* coherence of a direction that was recorded */
#define SIDE_MAX (FINGER_CELLS_SIDE_MAX * FINGER_CELL_PX)

_Static_assert(KERNEL_CELLS >= FINGER_MINUTIAE_MAX, "all minutiae fit");

/* How far p lies in the direction of a side, 1/16384 px. */
static int32_t
reach(unsigned side, int32_t x, int32_t y)
{
	uint16_t angle = (uint16_t)(side * (65536u / SIDES));

	return x * fixed_cos(angle) - y * fixed_sin(angle);
}

struct polygon {
	int32_t far[SIDES]; /* by side: a point inside reaches no farther */
};

static void
span(struct polygon *p, const struct finger_features *f)
{
	for (unsigned s = 0; s < SIDES; s++) {
		p->far[s] = INT32_MIN / 2;
		for (unsigned i = 0; i < f->count; i++) {
			int32_t r = reach(s, f->minutiae[i].x, f->minutiae[i].y);

			p->far[s] = r > p->far[s] ? r : p->far[s];
		}
		p->far[s] += MARGIN_PX * FIXED_ONE;
	}
}

/* v / d rounded down; d > 0. */
static int32_t
floor_div(int32_t v, int32_t d)
{
	return v >= 0 ? v / d : -((d - 1 - v) / d);
}

/* The pixels least..most of the row at y that lie inside; none when most is less. */
static void
row_inside(const struct polygon *p, int32_t y, int32_t *ret_least, int32_t *ret_most)
{
	int32_t least = 0, most = SIDE_MAX;

	for (unsigned s = 0; s < SIDES; s++) {
		int32_t step = reach(s, 1, 0), room = p->far[s] - reach(s, 0, y), at;

		if (step == 0 && room < 0)
			most = -1;
		if (step > 0) {
			at = floor_div(room, step);
			most = at < most ? at : most;
		} else if (step < 0) {
			at = -floor_div(room, -step);
			least = at > least ? at : least;
		}
	}
	*ret_least = least;
	*ret_most = most;
}

static int32_t
limit_of(uint16_t side)
{
	return side < SIDE_MAX ? side : (int32_t)SIDE_MAX;
}

void
bare_field(struct fine_field *field, const struct finger_features *f)
{
	const int32_t cell = (int32_t)FINGER_CELL_PX;
	struct polygon p;
	unsigned n;

	assert(f->cells_x == 0 && f->count <= FINGER_MINUTIAE_MAX);
	span(&p, f);
	field->limit[0] = limit_of(f->width);
	field->limit[1] = limit_of(f->height);
	for (int32_t y = 0; y < field->limit[1]; y += cell) {
		uint16_t *row = &field->map[y / cell << KERNEL_FIELD_ROW_SHIFT];
		int32_t least, most;

		row_inside(&p, y + cell / 2, &least, &most);
		for (int32_t x = 0; x < field->limit[0]; x += cell) {
			int32_t middle = x + cell / 2;

			row[x / cell] = middle >= least && middle <= most ? SURE : 0;
		}
	}
	field->map[KERNEL_OUTSIDE] = 0;
	for (n = 0; n < f->count; n++) {
		field->cells[n] = move_point(f->minutiae[n].x, f->minutiae[n].y);
		field->flow[n] = SURE | ((f->minutiae[n].angle + 64) >> 7 & 255);
	}
	field->cells_count = n;
	for (; n % KERNEL_STEP != 0; n++)
		field->cells[n] = field->flow[n] = 0;
}
