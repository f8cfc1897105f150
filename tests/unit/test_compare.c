#include "unit.h"

#include "bio/gallery/fine.h"
#include "bio/gallery/fixed.h"
#include "bio/gallery/gallery.h"
#include "bio/gallery/scan.h"
#include "bio/gallery/score.h"
#include "synth/synth.h"

#include <errno.h>
#include <math.h>

static struct finger_features left, right;

static void
take(struct finger_features *f, uint64_t seed, uint32_t impression)
{
	ck_assert_int_eq(synth_features(seed, impression, NULL, f), 0);
}

static int32_t
compare(const struct finger_features *a, const struct finger_features *b)
{
	int32_t score = -1;

	ck_assert_int_eq(finger_compare(a, b, &score), 0);
	ck_assert_int_ge(score, 0);
	ck_assert_int_le(score, GALLERY_SCORE_MAX);
	return score;
}

START_TEST(sine_is_within_two_units_of_libm)
{
	for (uint32_t a = 0; a < 65536; a += 13) {
		double exact = 16384.0 * sin(a * M_PI / 32768.0);

		ck_assert_double_le(fabs(fixed_sin((uint16_t)a) - exact), 2.0);
		ck_assert_int_eq(fixed_cos((uint16_t)a),
				 fixed_sin((uint16_t)(a + 16384)));
	}
}
END_TEST

START_TEST(direction_is_within_four_units_of_libm)
{
	for (int32_t x = -300; x <= 300; x += 7) {
		for (int32_t y = -300; y <= 300; y += 11) {
			double exact = atan2(-y, x) * 32768.0 / M_PI;
			double off = remainder(fixed_direction(x, y) - exact, 65536.0);

			ck_assert(fabs(off) <= 4.0);
		}
	}
	ck_assert_uint_eq(fixed_direction(0, 0), 0);
	ck_assert_uint_eq(fixed_direction(0, -5), 16384);
}
END_TEST

START_TEST(root_is_exact)
{
	for (uint64_t r = 0; r < 70000; r += 37) {
		ck_assert_uint_eq(fixed_root(r * r), r);
		ck_assert_uint_eq(fixed_root(r * r + 2 * r), r);
	}
	ck_assert_uint_eq(fixed_root(UINT64_MAX), UINT32_MAX);
	/* Around 2^52, where the way it is worked out changes. */
	for (uint64_t r = (1u << 26) - 50; r < (1u << 26) + 50; r++) {
		ck_assert_uint_eq(fixed_root(r * r), r);
		ck_assert_uint_eq(fixed_root(r * r - 1), r - 1);
		ck_assert_uint_eq(fixed_root(r * r + 2 * r), r);
	}
}
END_TEST

START_TEST(division_rounds_halves_away_from_zero)
{
	static const int64_t rows[][3] = {
		{ 7, 2, 4 },   { -7, 2, -4 }, { 6, 4, 2 },
		{ -6, 4, -2 }, { 0, 9, 0 },   { 4, 3, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_int_eq(fixed_divide(rows[i][0], rows[i][1]), rows[i][2]);
}
END_TEST

START_TEST(mates_score_above_strangers)
{
	unsigned above = 0, pairs = 0;

	for (uint64_t seed = 1; seed <= 30; seed++) {
		take(&left, seed, 0);
		take(&right, seed, 1);
		above += compare(&left, &right) >= 3000;
		pairs++;
		for (uint64_t other = 101; other <= 110; other++) {
			take(&right, other, 1);
			ck_assert_int_lt(compare(&left, &right), 6000);
		}
	}
	ck_assert_uint_ge(above * 10, pairs * 9);
}
END_TEST

START_TEST(finger_is_most_like_itself)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		take(&left, seed, 0);
		ck_assert_int_eq(compare(&left, &left), GALLERY_SCORE_MAX);
	}
}
END_TEST

/* Turns all minutiae about the middle and shifts them, as if the finger lay differently. */
static void
lay(struct finger_features *f, uint16_t turn, int dx, int dy)
{
	struct fine_move move = { fixed_sin(turn), fixed_cos(turn), dx, dy, turn };

	f->cells_x = f->cells_y = 0; /* the cells would not fit any more */
	for (unsigned i = 0; i < f->count; i++) {
		struct minutia *m = &f->minutiae[i];
		int32_t x, y;

		fine_moved(&move, m->x - 164, m->y - 182, &x, &y);
		m->x = (int16_t)(x + 300);
		m->y = (int16_t)(y + 300);
		m->angle = (uint16_t)(m->angle + turn);
	}
	f->width = f->height = 700;
}

START_TEST(turned_and_shifted_finger_is_the_same_finger)
{
	static const struct {
		uint16_t turn;
		int dx, dy;
	} rows[] = {
		{ 0, 40, -60 }, { 3000, 0, 0 }, { 8192, 20, 10 }, { 62000, -50, 70 }
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		take(&left, 4, 0);
		take(&right, 4, 0);
		lay(&left, 0, 0, 0);
		lay(&right, rows[i].turn, rows[i].dx, rows[i].dy);
		ck_assert_int_ge(compare(&left, &right), 8000);
	}
}
END_TEST

START_TEST(a_shift_is_told_in_pixels_and_only_of_one_finger)
{
	uint32_t px = 0;

	take(&left, 4, 0);
	take(&right, 4, 0);
	lay(&left, 0, 0, 0);
	lay(&right, 0, 0, 0);
	ck_assert_int_eq(finger_shift(&left, &right, &px), 0);
	ck_assert_uint_le(px, 1);
	take(&right, 4, 0);
	lay(&right, 0, 30, -40);
	ck_assert_int_eq(finger_shift(&left, &right, &px), 0);
	ck_assert_uint_ge(px, 48);
	ck_assert_uint_le(px, 52);
	take(&right, 5, 0);
	ck_assert_int_eq(finger_shift(&left, &right, &px), -ENODATA);
	right.count = 1;
	ck_assert_int_eq(finger_shift(&left, &right, &px), -ENODATA);
}
END_TEST

START_TEST(movement_found_is_the_one_that_was_made)
{
	static struct fine_side a, b;
	struct fine_work *work = malloc(fine_work_bytes());
	struct fine_evidence e;

	ck_assert_ptr_nonnull(work);
	take(&left, 4, 0);
	take(&right, 4, 0);
	lay(&left, 0, 0, 0);
	lay(&right, 4000, 30, -20);
	ck_assert(fine_prepare(&a, &left));
	ck_assert(fine_prepare(&b, &right));
	fine_compare(work, kernel_best(), &a, &b, &e);
	ck_assert_uint_le(fixed_apart(e.move.turn, 4000), 200);
	for (unsigned i = 0; i < left.count; i++) {
		int32_t x, y;

		fine_moved(&e.move, left.minutiae[i].x, left.minutiae[i].y, &x, &y);
		ck_assert_int_le(abs(x - right.minutiae[i].x), 3);
		ck_assert_int_le(abs(y - right.minutiae[i].y), 3);
	}
	free(work);
}
END_TEST

START_TEST(too_few_minutiae_are_no_finger)
{
	int32_t score = 77;

	take(&left, 1, 0);
	take(&right, 1, 1);
	for (uint16_t n = 0; n < 3; n++) {
		left.count = n;
		ck_assert_int_eq(finger_compare(&left, &right, &score), -ENODATA);
		ck_assert_int_eq(finger_compare(&right, &left, &score), -ENODATA);
		ck_assert_int_eq(score, 77);
	}
}
END_TEST

/* Fingers that no extractor finds, but a malformed template could hold. */
START_TEST(odd_constellations_of_minutiae_are_survived)
{
	for (int shape = 0; shape < 6; shape++) {
		memset(&left, 0, sizeof(left));
		left.width = left.height = 1000;
		left.count = FINGER_MINUTIAE_MAX;
		for (int i = 0; i < (int)FINGER_MINUTIAE_MAX; i++) {
			int x = shape == 0   ? 5
				: shape == 1 ? i
				: shape == 2 ? i * 7
					     : i % 12 * 40;
			int y = shape == 0   ? 5
				: shape == 1 ? 0
				: shape == 2 ? i * 7
					     : i / 12 * 40;

			left.minutiae[i] = (struct minutia){
				.x = (int16_t)(shape == 5 ? (x * 341 - 16000) : x),
				.y = (int16_t)(shape == 5 ? (y * 90 - 16000) : y),
				.angle = (uint16_t)(shape == 4 ? i * 512 : 0),
				.type = MINUTIA_OTHER,
			};
		}
		take(&right, 1, 0);
		if (finger_compare(&left, &left, &(int32_t){ 0 }) == 0) {
			(void)compare(&left, &right); /* only the range is checked */
			(void)compare(&right, &left);
		}
	}
}
END_TEST

/* What everything else relies on in a set of cylinders. */
static void
set_is_in_order(const struct mcc_set *s, const struct finger_features *f)
{
	bool seen[MCC_CYLINDERS_MAX] = { false };
	unsigned next = 0;

	for (unsigned i = 0; i < s->count; i++) {
		unsigned ones = 0, tally = 0;

		if (i > 0)
			ck_assert_uint_ge(s->angle[i], s->angle[i - 1]);
		ck_assert_uint_eq(s->angle[i], s->at[i].angle);
		for (unsigned k = 0; k < MCC_PLANES; k++) {
			ones += (unsigned)__builtin_popcountll(s->plane[k][i]);
			ck_assert_uint_eq(s->plane[k][i] & ~s->valid[i], 0);
		}
		for (unsigned k = 0; k < MCC_TALLIES; k++)
			tally += (unsigned)__builtin_popcountll(s->tally[k][i]) << k;
		ck_assert_uint_eq(tally, ones);
		ck_assert_uint_eq(s->ones[i], ones);
	}
	for (unsigned m = 0; m < f->count; m++) {
		unsigned slot = s->cylinder_of[m];

		if (slot == MCC_NONE)
			continue;
		ck_assert_uint_lt(slot, s->count);
		ck_assert(!seen[slot]);
		seen[slot] = true;
		ck_assert_mem_eq(&s->at[slot], &f->minutiae[m], sizeof(s->at[slot]));
		ck_assert_uint_eq(s->by_quality[next++], slot);
	}
	ck_assert_uint_eq(next, s->count);
	for (unsigned sector = 0; sector < 2 * MCC_SECTORS; sector++) {
		unsigned below = sector / MCC_SECTORS * s->count;

		for (unsigned i = 0; i < s->count; i++)
			below += s->angle[i] >> MCC_SECTOR_SHIFT < sector % MCC_SECTORS;
		ck_assert_uint_eq(s->below[sector], below);
	}
}

START_TEST(cylinders_lie_by_angle_and_are_found_by_quality)
{
	static struct mcc_set s;

	for (uint64_t seed = 1; seed <= 30; seed++) {
		take(&left, seed, 0);
		mcc_build(left.minutiae, left.count, &s);
		ck_assert_uint_gt(s.count, 0);
		set_is_in_order(&s, &left);
	}
}
END_TEST

/* Numbers that look random and are the same everywhere. */
static uint32_t
number(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Compares everything that a kernel says of cylinder i, worth and counts of those in range. */
static void
counts_agree(const struct kernel *k, const struct mcc_set *a, unsigned i,
	     const struct mcc_set *b)
{
	static const unsigned ranges[][2] = {
		{ 0, MCC_CYLINDERS_MAX },
		{ 8, 24 },
		{ 40, 48 },
		{ 3, 18 },
		{ 59, 93 },
		{ 70, 71 },
	};

	for (size_t r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++) {
		struct kernel_counts x, y;

		memset(&x, 0, sizeof(x));
		memset(&y, 0xa5,
		       sizeof(y)); /* what is not in the range counts for nothing */
		memset(y.worth, 0, sizeof(y.worth));
		kernel_at(0)->counts(a, i, b, ranges[r], &x);
		k->counts(a, i, b, ranges[r], &y);
		ck_assert_mem_eq(x.worth, y.worth, sizeof(x.worth));
		for (unsigned j = ranges[r][0]; j < ranges[r][1]; j++) {
			ck_assert_uint_eq(x.both[j], y.both[j]);
			ck_assert_uint_eq(x.left[j], y.left[j]);
			ck_assert_uint_eq(x.right[j], y.right[j]);
			ck_assert_uint_eq(x.cells[j], y.cells[j]);
		}
	}
}

/* The crowd in the order of its strips, as overlay_field has it. */
static void
sort_crowd(struct kernel_crowd *c)
{
	for (unsigned s = 0; s < KERNEL_STRIPS + 3; s++)
		c->below[s] = 0;
	for (unsigned i = 0; i < c->count; i++) {
		for (unsigned j = i;
		     j > 0 && kernel_strip(c->y[j - 1]) > kernel_strip(c->y[j]); j--) {
			int16_t x = c->x[j], y = c->y[j];
			uint16_t angle = c->angle[j];

			c->x[j] = c->x[j - 1];
			c->y[j] = c->y[j - 1];
			c->angle[j] = c->angle[j - 1];
			c->x[j - 1] = x;
			c->y[j - 1] = y;
			c->angle[j - 1] = angle;
		}
	}
	for (unsigned i = 0; i < c->count; i++) {
		for (unsigned s = kernel_strip(c->y[i]) + 2; s < KERNEL_STRIPS + 3; s++)
			c->below[s]++;
	}
}

/* Drops what only looks near: 65536 px off. */
static unsigned
only_near(const struct kernel_crowd *c, const struct kernel_moved *m, uint16_t *list,
	  unsigned n)
{
	unsigned kept = 0;

	for (unsigned k = 0; k < n; k++) {
		unsigned i = list[k] >> 8, j = list[k] & 255u;

		list[kept] = list[k];
		kept += abs(m->x[i] - c->x[j]) <= KERNEL_NEAR_PX &&
			abs(m->y[i] - c->y[j]) <= KERNEL_NEAR_PX;
	}
	return kept;
}

START_TEST(all_kernels_count_alike)
{
	static struct mcc_set a, b;

	ck_assert_str_eq(kernel_at(0)->name, "plain");
	take(&left, 1, 0);
	take(&right, 2, 0);
	mcc_build(left.minutiae, left.count, &a);
	mcc_build(right.minutiae, right.count, &b);
	for (unsigned k = 1; kernel_at(k) != NULL; k++) {
		for (unsigned i = 0; i < a.count; i++)
			counts_agree(kernel_at(k), &a, i, &b);
	}
	ck_assert_ptr_nonnull(kernel_best());
}
END_TEST

/* Full words in every place: the largest counts there can be. */
START_TEST(all_kernels_count_full_cylinders)
{
	static struct mcc_set full;
	const unsigned all[2] = { 0, MCC_CYLINDERS_MAX };
	const uint64_t disc = ((uint64_t)1 << MCC_CELLS) - 1;

	for (unsigned i = 0; i < MCC_CYLINDERS_MAX; i++) {
		for (unsigned p = 0; p < MCC_PLANES; p++)
			full.plane[p][i] = disc;
		full.tally[0][i] = full.tally[2][i] = disc; /* five */
		full.valid[i] = disc;
		full.ones[i] = MCC_BITS_MAX;
		full.cells[i] = MCC_CELLS;
		full.angle[i] = (uint16_t)(i * 700);
	}
	for (unsigned k = 0; kernel_at(k) != NULL; k++) {
		struct kernel_counts c;

		memset(&c, 0, sizeof(c));
		kernel_at(k)->counts(&full, 0, &full, all, &c);
		for (unsigned j = 0; j < MCC_CYLINDERS_MAX; j++) {
			uint64_t worth = c.worth[j / 64] >> j % 64 & 1;

			ck_assert_uint_eq(c.both[j], MCC_BITS_MAX);
			ck_assert_uint_eq(c.left[j], MCC_BITS_MAX);
			ck_assert_uint_eq(c.right[j], MCC_BITS_MAX);
			ck_assert_uint_eq(c.cells[j], MCC_CELLS);
			ck_assert_uint_eq(worth,
					  j * 700 <= KERNEL_TURN_MAX ||
						  j * 700 >= 65536 - KERNEL_TURN_MAX);
		}
	}
}
END_TEST

/* Coordinates as they come, and now and then the most there can be. */
static int32_t
coordinate(uint32_t *state)
{
	static const int32_t odd[] = { INT16_MIN, INT16_MAX, 0, -1, 16383, 4079 };
	uint32_t n = number(state);

	return n % 16 == 0 ? odd[n / 16 % 6] : (int32_t)(n % 500);
}

static struct fine_move
some_move(uint32_t *state)
{
	uint16_t turn = (uint16_t)number(state);

	return (struct fine_move){ fixed_sin(turn), fixed_cos(turn),
				   (int32_t)(number(state) % 400) - 200,
				   (int32_t)(number(state) % 400) - 200, turn };
}

START_TEST(all_kernels_vote_alike)
{
	static struct kernel_voters v;
	int32_t x[KERNEL_VOTERS], y[KERNEL_VOTERS];
	uint32_t state = 7;
	int64_t sum = 0;

	for (unsigned trial = 0; trial < 200; trial++) {
		struct fine_move m = some_move(&state);

		for (unsigned i = 0; i < KERNEL_VOTERS; i++) {
			int32_t px = coordinate(&state), py = coordinate(&state);

			v.a[i] = move_point(px, py);
			fine_moved(&m, px, py, &v.bx[i], &v.by[i]);
			v.bx[i] += (int32_t)(number(&state) % 50) - 25;
			v.by[i] += (int32_t)(number(&state) % 50) - 25;
			v.turn[i] = (uint16_t)(m.turn + number(&state) % 9000 - 4500);
			v.weight[i] = (int32_t)(number(&state) % 800);
		}
		sum += kernel_at(0)->votes(&v, &m, x);
		for (unsigned k = 1; kernel_at(k) != NULL; k++) {
			ck_assert_int_eq(kernel_at(k)->votes(&v, &m, y),
					 kernel_at(0)->votes(&v, &m, x));
			ck_assert_mem_eq(x, y, sizeof(x));
		}
	}
	ck_assert_int_gt(sum, 0);
}
END_TEST

START_TEST(all_kernels_know_the_same_kin)
{
	static struct kernel_pairs p;
	int32_t x[KERNEL_PAIRS], y[KERNEL_PAIRS];
	uint32_t state = 8;
	unsigned kin = 0;

	for (unsigned trial = 0; trial < 100; trial++) {
		for (unsigned i = 0; i < KERNEL_PAIRS; i++) {
			int32_t ax = coordinate(&state), ay = coordinate(&state);

			p.a[i] = move_point(ax, ay);
			p.b[i] = move_point(ax + (int32_t)(number(&state) % 30),
					    ay + (int32_t)(number(&state) % 30));
			p.turn[i] = (uint16_t)(number(&state) % 12000 - 6000);
		}
		for (unsigned t = 0; t < KERNEL_PAIRS; t++) {
			kernel_at(0)->kin(&p, t, t, x);
			for (unsigned k = 1; kernel_at(k) != NULL; k++) {
				kernel_at(k)->kin(&p, t, t, y);
				for (unsigned i = 0; i < t; i++) {
					ck_assert_int_eq(x[i] != 0, y[i] != 0);
					kin += x[i] != 0;
				}
			}
		}
	}
	ck_assert_uint_gt(kin, 0);
}
END_TEST

START_TEST(all_kernels_lay_points_into_the_same_cells)
{
	static int32_t points[KERNEL_CELLS], x[KERNEL_CELLS], y[KERNEL_CELLS];
	uint32_t state = 9;

	for (unsigned trial = 0; trial < 100; trial++) {
		struct fine_move m = some_move(&state);
		int32_t limit[2] = { (int32_t)(number(&state) % 1025),
				     (int32_t)(number(&state) % 1025) };
		unsigned n = number(&state) % KERNEL_CELLS;

		for (unsigned i = 0; i < KERNEL_CELLS; i++) {
			int32_t px = coordinate(&state);

			points[i] = move_point(px, coordinate(&state));
		}
		kernel_at(0)->lay(points, n, &m, limit, x);
		for (unsigned k = 1; kernel_at(k) != NULL; k++) {
			memset(y, 0xff, sizeof(y));
			kernel_at(k)->lay(points, n, &m, limit, y);
			ck_assert_mem_eq(x, y, n * sizeof(x[0]));
			for (unsigned i = 0; i < n; i++)
				ck_assert(y[i] >= 0 && y[i] <= KERNEL_OUTSIDE);
		}
	}
}
END_TEST

START_TEST(all_kernels_find_the_same_near)
{
	static uint16_t x[KERNEL_POINTS * KERNEL_POINTS + 1], y[sizeof(x) / sizeof(x[0])];
	static struct kernel_crowd c;
	static struct kernel_points p;
	uint32_t state = 10;
	unsigned most = 0;

	for (unsigned trial = 0; trial < 200; trial++) {
		static struct kernel_moved a, b;
		struct fine_move m = some_move(&state);
		unsigned wide = trial % 20 == 0 ? 1 : 60; /* a heap, or a finger */

		if (wide == 1)
			m.x = m.y = 0;
		c.count = number(&state) % (KERNEL_POINTS + 1);
		p.count = number(&state) % (KERNEL_POINTS + 1);
		for (unsigned i = 0; i < KERNEL_POINTS; i++) {
			p.at[i] = move_point(coordinate(&state) / 60 * (int32_t)wide,
					     coordinate(&state) / 60 * (int32_t)wide);
			p.angle[i] = (uint16_t)number(&state);
			c.x[i] = (int16_t)(coordinate(&state) / 60 * (int32_t)wide);
			c.y[i] = (int16_t)(coordinate(&state) / 60 * (int32_t)wide);
			c.angle[i] = (uint16_t)number(&state);
		}
		sort_crowd(&c);
		for (unsigned k = 0; kernel_at(k) != NULL; k++) {
			unsigned n, m_count;

			kernel_at(0)->move(&p, &m, &a);
			kernel_at(k)->move(&p, &m, &b);
			ck_assert_mem_eq(a.x, b.x, p.count * sizeof(a.x[0]));
			ck_assert_mem_eq(a.y, b.y, p.count * sizeof(a.y[0]));
			ck_assert_mem_eq(a.angle, b.angle, p.count * sizeof(a.angle[0]));
			n = only_near(&c, &a, x, kernel_at(0)->near(&c, &a, x));
			m_count = only_near(&c, &b, y, kernel_at(k)->near(&c, &b, y));
			ck_assert_uint_eq(n, m_count);
			ck_assert_mem_eq(x, y, n * sizeof(x[0]));
			most = n > most ? n : most;
		}
	}
	ck_assert_uint_gt(most, 100);
}
END_TEST

START_TEST(all_kernels_weigh_cells_alike)
{
	static int32_t a[KERNEL_CELLS], b[KERNEL_CELLS];
	uint32_t state = 11;

	for (unsigned trial = 0; trial < 100; trial++) {
		unsigned n = number(&state) % KERNEL_CELLS, turned = number(&state) % 513;

		for (unsigned i = 0; i < KERNEL_CELLS; i++) {
			a[i] = i < n ? (int32_t)(number(&state) & 0xffff) : 0;
			b[i] = i < n ? (int32_t)(number(&state) & 0xffff) : 0;
		}
		for (unsigned k = 1; kernel_at(k) != NULL; k++) {
			int32_t x[2], y[2];

			kernel_at(0)->agree(a, b, n, turned, x);
			kernel_at(k)->agree(a, b, n, turned, y);
			ck_assert_int_eq(x[0], y[0]);
			ck_assert_int_eq(x[1], y[1]);
		}
	}
}
END_TEST

/* Neighbours of minutia i as anyone would count them. */
static unsigned
neighbours_of(const struct kernel_crowd *c, unsigned i)
{
	unsigned n = 0;

	for (unsigned j = 0; j < c->count; j++) {
		int64_t dx = c->x[j] - c->x[i], dy = c->y[j] - c->y[i];

		n += i != j && dx * dx + dy * dy <= 98 * 98;
	}
	return n;
}

START_TEST(all_kernels_cut_the_same_cylinders)
{
	static struct kernel_crowd c;
	uint32_t state = 12;
	unsigned bits = 0;

	for (unsigned trial = 0; trial < 60; trial++) {
		unsigned wide = trial % 4 == 0 ? 40 : 500; /* a heap, or a finger */

		c.count = 1 + number(&state) % KERNEL_POINTS;
		for (unsigned i = 0; i < KERNEL_POINTS; i++) {
			c.x[i] = (int16_t)(coordinate(&state) * (int32_t)wide / 500);
			c.y[i] = (int16_t)(coordinate(&state) * (int32_t)wide / 500);
			c.angle[i] = (uint16_t)number(&state);
		}
		for (unsigned i = 0; i < c.count; i++) {
			int32_t unit =
				move_point(fixed_cos(c.angle[i]), fixed_sin(c.angle[i]));
			uint64_t x[MCC_PLANES], y[MCC_PLANES];
			unsigned n = kernel_at(0)->surround(&c, i, unit, x);

			ck_assert_uint_eq(n, neighbours_of(&c, i));
			for (unsigned k = 1; kernel_at(k) != NULL; k++) {
				ck_assert_uint_eq(kernel_at(k)->surround(&c, i, unit, y),
						  n);
				ck_assert_mem_eq(x, y, sizeof(x));
			}
			bits += (unsigned)__builtin_popcountll(x[0]);
		}
	}
	ck_assert_uint_gt(bits, 1000);
}
END_TEST

START_TEST(best_cylinders_are_those_of_the_set)
{
	static struct mcc_cylinder c[MCC_CYLINDERS_MAX];
	static struct mcc_set set;

	for (uint64_t seed = 1; seed <= 10; seed++) {
		take(&left, seed, 0);
		mcc_build(left.minutiae, left.count, &set);
		for (unsigned wanted = 0; wanted <= MCC_CYLINDERS_MAX; wanted += 24) {
			unsigned n = mcc_build_best(kernel_best(), left.minutiae,
						    left.count, wanted, c);

			ck_assert_uint_eq(n, wanted < set.count ? wanted : set.count);
			for (unsigned i = 0; i < n; i++) {
				unsigned slot = set.by_quality[i];

				ck_assert_uint_eq(set.cylinder_of[c[i].minutia], slot);
				ck_assert_uint_eq(set.valid[slot], c[i].valid);
				ck_assert_uint_eq(set.ones[slot], c[i].ones);
				ck_assert_uint_eq(set.cells[slot], c[i].cells);
				for (unsigned p = 0; p < MCC_PLANES; p++)
					ck_assert_uint_eq(set.plane[p][slot],
							  c[i].plane[p]);
			}
		}
	}
}
END_TEST

START_TEST(scores_do_not_depend_on_the_kernel)
{
	static struct fine_side a, b;
	static struct scan_reference r;
	static struct scan_probe p;
	struct fine_work *work = malloc(fine_work_bytes());

	ck_assert_ptr_nonnull(work);
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct fine_evidence first, other;

		take(&left, seed, 0);
		take(&right, seed % 2 == 0 ? seed : seed + 50, 1);
		ck_assert(fine_prepare(&a, &left));
		ck_assert(fine_prepare(&b, &right));
		scan_probe_fill(&p, kernel_at(0), &left);
		scan_reference_fill(&r, kernel_at(0), &right);
		fine_compare(work, kernel_at(0), &a, &b, &first);
		for (unsigned k = 1; kernel_at(k) != NULL; k++) {
			fine_compare(work, kernel_at(k), &a, &b, &other);
			ck_assert_int_eq(score_raw(&other), score_raw(&first));
			ck_assert_int_eq(other.move.x, first.move.x);
			ck_assert_int_eq(other.move.y, first.move.y);
			ck_assert_uint_eq(other.move.turn, first.move.turn);
			ck_assert_uint_eq(scan_score(kernel_at(k), &p, &r),
					  scan_score(kernel_at(0), &p, &r));
			ck_assert_uint_eq(scan_again(kernel_at(k), &p, &r),
					  scan_again(kernel_at(0), &p, &r));
		}
	}
	free(work);
}
END_TEST

START_TEST(calibration_is_monotone_and_within_limits)
{
	for (unsigned i = FINE_MAPS_NONE; i <= FINE_MAPS_BOTH; i++) {
		enum fine_maps maps = (enum fine_maps)i;
		int32_t last = 0;

		for (int32_t raw = -5000; raw < 20000; raw++) {
			int32_t s = score_calibrate(maps, raw);

			ck_assert_int_ge(s, last);
			ck_assert_int_le(s, GALLERY_SCORE_MAX);
			last = s;
		}
		ck_assert_int_eq(score_calibrate(maps, INT32_MIN), 0);
		ck_assert_int_eq(score_calibrate(maps, INT32_MAX), GALLERY_SCORE_MAX);
	}
}
END_TEST

UNIT_MAIN("compare", sine_is_within_two_units_of_libm,
	  direction_is_within_four_units_of_libm, root_is_exact,
	  division_rounds_halves_away_from_zero, mates_score_above_strangers,
	  finger_is_most_like_itself, turned_and_shifted_finger_is_the_same_finger,
	  a_shift_is_told_in_pixels_and_only_of_one_finger,
	  movement_found_is_the_one_that_was_made, too_few_minutiae_are_no_finger,
	  odd_constellations_of_minutiae_are_survived,
	  cylinders_lie_by_angle_and_are_found_by_quality, all_kernels_count_alike,
	  all_kernels_count_full_cylinders, all_kernels_vote_alike,
	  all_kernels_know_the_same_kin, all_kernels_lay_points_into_the_same_cells,
	  all_kernels_find_the_same_near, all_kernels_weigh_cells_alike,
	  all_kernels_cut_the_same_cylinders, best_cylinders_are_those_of_the_set,
	  scores_do_not_depend_on_the_kernel, calibration_is_monotone_and_within_limits)
