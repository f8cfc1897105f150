#include "bio/gallery/scan_private.h"

#include "bio/gallery/fine.h"
#include "bio/gallery/fixed.h"
#include "bio/gallery/overlay.h"

#include <stdbool.h>
#include <string.h>

#define SEEDS 8u /* votes whose movements are tried, */
#define SEEDS_MAX (SEEDS + SEEDS / 2)
#define TRIES 2u /* and of these the best that differ, a second time */

/* ---- votes of every reference ---------------------------------------------- */

struct election {
	struct kernel_ballot ballot;
	uint8_t weight[64];          /* as in ballot */
	uint8_t probe[KERNEL_CODES]; /* whose vote it is */
	uint8_t reference[KERNEL_CODES];
	bool used[KERNEL_CODES]; /* agrees with a movement that was looked at */
};

static void
collect(const struct kernel *kernel, const struct scan_probe *p,
	const struct scan_reference *r, struct election *e)
{
	const struct kernel_code_list list = { r->code, r->ones, r->angle, r->cylinders };
	struct kernel_ballot *b = &e->ballot;
	int16_t best[KERNEL_CODES];
	unsigned n = 0;

	kernel->alike(&p->codes, &list, best);
	memset(e->weight, 0, sizeof(e->weight));
	for (unsigned i = 0; i < p->codes.count; i++) {
		unsigned j = (unsigned)best[i] & ((1u << KERNEL_ALIKE_SHIFT) - 1);
		uint8_t weight = p->weight[(unsigned)best[i] >> KERNEL_ALIKE_SHIFT];

		b->a[n] = p->at[i];
		b->b[n] = move_point(r->x[j] * SCAN_UNIT_PX, r->y[j] * SCAN_UNIT_PX);
		b->turn[n] = (uint8_t)(r->angle[j] - p->angle[i]);
		b->weight[n] = e->weight[n] = weight;
		e->probe[n] = (uint8_t)i;
		e->reference[n] = (uint8_t)j;
		n += weight != 0;
	}
	b->count = n;
	if (n < sizeof(e->weight))
		e->weight[n] = 0;
	for (; n < KERNEL_CODES; n++)
		b->a[n] = b->b[n] = b->turn[n] = b->weight[n] = 0;
}

/* In bytes: so the compiler counts sixteen at a time. */
static unsigned
count_from(const uint8_t weight[64], uint8_t least)
{
	uint8_t n = 0;

	for (unsigned i = 0; i < 64; i++)
		n = (uint8_t)(n + (weight[i] >= least));
	return n;
}

/* A weight that about SEEDS votes reach, no fewer where there are so many. */
static uint8_t
seed_weight(const struct election *e)
{
	uint8_t least = 1;

	if (e->ballot.count <= SEEDS)
		return least;
	for (unsigned step = 64; step >= 4; step /= 2) {
		if (count_from(e->weight, (uint8_t)(least + step)) >= SEEDS)
			least = (uint8_t)(least + step);
	}
	return least;
}

struct seed {
	uint32_t support;
	unsigned vote;
};

static uint32_t
support(const struct kernel *kernel, const struct scan_probe *p, const struct election *e,
	unsigned vote, int32_t ret_agreed[KERNEL_CODES])
{
	unsigned turn = (unsigned)e->ballot.turn[vote];
	const int16_t turned[2] = { p->sin[turn], p->cos[turn] };

	return kernel->support(&e->ballot, vote, turned, ret_agreed);
}

/* The movements with most votes, the best first; how many, at most as wanted. */
static unsigned
elect(const struct kernel *kernel, const struct scan_probe *p, const struct election *e,
      struct seed best[SEEDS_MAX], unsigned wanted)
{
	int32_t agreed[KERNEL_CODES];
	uint8_t least = seed_weight(e);
	unsigned n = 0, tried = 0;

	for (unsigned i = 0; i < e->ballot.count && tried < SEEDS_MAX; i++) {
		struct seed s;
		unsigned at;

		if (e->weight[i] < least)
			continue;
		tried++;
		s = (struct seed){ support(kernel, p, e, i, agreed), i };
		if (n == wanted && s.support <= best[n - 1].support)
			continue;
		at = n < wanted ? n++ : n - 1;
		for (; at > 0 && s.support > best[at - 1].support; at--)
			best[at] = best[at - 1];
		best[at] = s;
	}
	return n;
}

bool
scan_is_sparse(const struct scan_probe *probe, const struct scan_reference *reference)
{
	return probe->codes.count < SCAN_SPARSE || reference->cylinders < SCAN_SPARSE;
}

uint32_t
scan_score(const struct kernel *kernel, const struct scan_probe *probe,
	   const struct scan_reference *reference)
{
	struct seed best[SEEDS_MAX];
	struct election e;
	uint32_t score;

	collect(kernel, probe, reference, &e);
	if (elect(kernel, probe, &e, best, 1) == 0)
		return 0;
	score = best[0].support * probe->handicap[reference->cylinders] >> 8;
	return score < SCAN_SCORE_MAX ? score : SCAN_SCORE_MAX;
}

/* ---- the closer look --------------------------------------------------------- */

#define MEET_ONE 256
#define NEAR_MAX (SCAN_MINUTIAE_MAX * SCAN_MINUTIAE_MAX + 1)

/* A reference unpacked. */
struct unpacked {
	struct minutia m[SCAN_MINUTIAE_MAX];
	struct kernel_crowd crowd; /* strip by strip */
	int32_t half[SCAN_MINUTIAE_MAX];
	uint16_t map[SCAN_CELLS + 1];
	bool bare; /* no flow known */
};

/* What is found under one movement. */
struct look {
	uint32_t support, votes;  /* of votes that agree the weight; how many there are */
	uint32_t met;             /* weight of minutiae that meet, 256 each at best */
	uint32_t common;          /* minutiae of either side in the common area, 1/16 */
	int32_t agreement, cells; /* of the flow: 64 a cell, and how many */
	bool bare;                /* the reference has no flow */
};

static void
sort_into_strips(struct unpacked *u, const struct scan_reference *r)
{
	uint8_t start[KERNEL_STRIPS + 1] = { 0 };

	memset(&u->crowd, 0, sizeof(u->crowd)); /* kernels read beyond the last */
	for (unsigned i = 0; i < r->count; i++)
		start[kernel_strip(u->m[i].y) + 1]++;
	for (unsigned s = 0; s < KERNEL_STRIPS; s++)
		start[s + 1] = (uint8_t)(start[s + 1] + start[s]);
	for (unsigned s = 0; s < KERNEL_STRIPS + 3; s++) {
		unsigned before = s < 1 ? 0 : s - 1;

		u->crowd.below[s] =
			start[before < KERNEL_STRIPS ? before : KERNEL_STRIPS];
	}
	for (unsigned i = 0; i < r->count; i++) {
		unsigned to = start[kernel_strip(u->m[i].y)]++;

		u->crowd.x[to] = u->m[i].x;
		u->crowd.y[to] = u->m[i].y;
		u->crowd.angle[to] = u->m[i].angle;
	}
	u->crowd.count = r->count;
}

/* What the numbers of a reference's cells stand for. */
#define FLOW(n) (((n)-1) * 256 / SCAN_FLOWS | SCAN_FLOW_KNOWN)
static const uint16_t flow_of[16] = {
	0,         FLOW(1u),  FLOW(2u),  FLOW(3u),       FLOW(4u),  FLOW(5u),
	FLOW(6u),  FLOW(7u),  FLOW(8u),  FLOW(9u),       FLOW(10u), FLOW(11u),
	FLOW(12u), FLOW(13u), FLOW(14u), SCAN_ON_FINGER,
};
_Static_assert(SCAN_FLOWS == 14 && SCAN_FLOW_UNKNOWN == 15, "as many as the table has");

static void
unpack(struct unpacked *u, const struct scan_reference *r)
{
	for (unsigned i = 0; i < r->count; i++) {
		u->m[i] = (struct minutia){ .x = (int16_t)(r->x[i] * SCAN_UNIT_PX),
					    .y = (int16_t)(r->y[i] * SCAN_UNIT_PX),
					    .angle = (uint16_t)(r->angle[i] << 8) };
		u->half[i] = scan_half_point(&u->m[i]);
	}
	for (unsigned i = r->count; i < SCAN_MINUTIAE_MAX; i++)
		u->half[i] = 0;
	sort_into_strips(u, r);
	u->bare = false;
	for (unsigned i = 0; i < SCAN_CELLS / 2; i++) {
		u->bare |= r->flow[i] % 16 == SCAN_FLOW_UNKNOWN ||
			   r->flow[i] / 16 == SCAN_FLOW_UNKNOWN;
		u->map[2 * i] = flow_of[r->flow[i] & 15];
		u->map[2 * i + 1] = flow_of[r->flow[i] >> 4];
	}
	u->map[SCAN_CELLS] = 0;
}

/* What the map says where a point comes to lie, as lay answers it. */
static uint16_t
on_map(const uint16_t map[SCAN_CELLS + 1], int32_t cell)
{
	const unsigned row = (unsigned)cell >> KERNEL_FIELD_ROW_SHIFT;
	const unsigned column = (unsigned)cell & ((1u << KERNEL_FIELD_ROW_SHIFT) - 1);
	const unsigned inside = row * SCAN_CELLS_SIDE + column;

	/* Outside comes out beyond the last cell. */
	return map[inside < SCAN_CELLS ? inside : SCAN_CELLS];
}

static unsigned
lying_on(const struct kernel *kernel, const int32_t *half, unsigned count,
	 const struct fine_move *move, const uint16_t map[SCAN_CELLS + 1])
{
	const int32_t limit[2] = { SCAN_SIDE_UNITS, SCAN_SIDE_UNITS };
	int32_t cell[SCAN_MINUTIAE_MAX];
	unsigned n = 0;

	kernel->lay(half, count, move, limit, cell);
	for (unsigned i = 0; i < count; i++)
		n += on_map(map, cell[i]) != 0;
	return n;
}

static struct fine_move
halved(const struct fine_move *m)
{
	struct fine_move half = *m;

	half.x = m->x >> 1;
	half.y = m->y >> 1;
	return half;
}

/* Of two minutiae called near. */
static uint32_t
apart(const struct kernel_moved *moved, unsigned i, const struct kernel_crowd *c,
      unsigned j)
{
	int32_t dx = moved->x[i] - c->x[j], dy = moved->y[i] - c->y[j];
	uint32_t turn = fixed_apart(moved->angle[i], c->angle[j]);
	uint32_t square = (uint32_t)(dx * dx + dy * dy);

	if (square > KERNEL_NEAR_PX * KERNEL_NEAR_PX)
		return UINT32_MAX;
	return square * MEET_ONE / (KERNEL_NEAR_PX * KERNEL_NEAR_PX) +
	       (turn * turn >> 8) * MEET_ONE / (KERNEL_NEAR_TURN * KERNEL_NEAR_TURN >> 8);
}

/* Minutiae meet when each is the other's nearest. How many; *ret_met their weight. */
static unsigned
meet(const struct kernel *kernel, const struct scan_probe *p, const struct unpacked *u,
     const struct fine_move *move, uint32_t *ret_met)
{
	uint32_t best_a[SCAN_MINUTIAE_MAX], best_b[SCAN_MINUTIAE_MAX];
	uint8_t mate_a[SCAN_MINUTIAE_MAX], mate_b[SCAN_MINUTIAE_MAX];
	struct kernel_moved moved;
	uint16_t near[NEAR_MAX];
	unsigned n, met = 0;

	kernel->move(&p->points, move, &moved);
	n = kernel->near(&u->crowd, &moved, near);
	memset(best_a, 0xff, sizeof(best_a));
	memset(best_b, 0xff, sizeof(best_b));
	memset(mate_a, FINE_NONE, sizeof(mate_a));
	memset(mate_b, FINE_NONE, sizeof(mate_b));
	for (unsigned k = 0; k < n; k++) {
		unsigned i = near[k] >> 8, j = near[k] & 255u;
		uint32_t a = apart(&moved, i, &u->crowd, j);

		if (a < best_a[i]) {
			best_a[i] = a;
			mate_a[i] = (uint8_t)j;
		}
		if (a < best_b[j]) {
			best_b[j] = a;
			mate_b[j] = (uint8_t)i;
		}
	}
	*ret_met = 0;
	for (unsigned i = 0; i < p->points.count; i++) {
		if (mate_a[i] == FINE_NONE || mate_b[mate_a[i]] != i)
			continue;
		*ret_met += MEET_ONE - best_a[i] * 3 / 8;
		met++;
	}
	return met;
}

static void
compare_flow(const struct kernel *kernel, const struct scan_probe *p,
	     const struct unpacked *u, const struct fine_move *half, struct look *look)
{
	const int32_t limit[2] = { SCAN_SIDE_UNITS, SCAN_SIDE_UNITS };
	int32_t cell[SCAN_CELLS], flow[SCAN_CELLS], sum[2];
	unsigned n;

	kernel->lay(p->cells, p->cells_count, half, limit, cell);
	for (n = 0; n < p->cells_count; n++)
		flow[n] = on_map(u->map, cell[n]);
	for (; n % KERNEL_STEP != 0; n++)
		flow[n] = 0;
	kernel->agree(p->flow, flow, p->cells_count, (half->turn + 64u) >> 7, sum);
	look->cells = sum[0];
	look->agreement = sum[1];
}

static struct look
look_under(const struct kernel *kernel, const struct scan_probe *p,
	   const struct unpacked *u, const struct fine_move *move)
{
	struct fine_move half = halved(move), back = overlay_inverse(&half);
	struct look look = { 0 };
	unsigned in_a, in_b, met = meet(kernel, p, u, move, &look.met);

	in_a = lying_on(kernel, p->half.at, p->half.count, &half, u->map);
	in_b = lying_on(kernel, u->half, u->crowd.count, &back, p->map);
	in_a = in_a < met ? met : in_a;
	in_b = in_b < met ? met : in_b;
	look.common = fixed_root((uint64_t)in_a * in_b * 256u);
	compare_flow(kernel, p, u, &half, &look);
	return look;
}

/* The movement of all votes that agree with one; they are marked as used. */
static struct fine_move
movement_of(const struct kernel *kernel, const struct scan_probe *p,
	    const struct unpacked *u, struct election *e, unsigned seed)
{
	struct overlay_tie ties[KERNEL_CODES];
	int32_t agreed[KERNEL_CODES];
	unsigned n = 0;

	(void)support(kernel, p, e, seed, agreed); /* the sum is known */
	for (unsigned i = 0; i < e->ballot.count; i++) {
		e->used[i] |= agreed[i] != 0;
		ties[n] = (struct overlay_tie){ &p->minutiae[e->probe[i]],
						&u->m[e->reference[i]], agreed[i] };
		n += agreed[i] != 0;
	}
	return overlay_move(ties, n);
}

/*
 * Weights in 1/1000. Fitted so that mates come before the strangers of the same probe (a logistic
 * loss over each mate and the strangers that the votes let through) on one optical set, inked prints
 * and synthetic fingers; the set of another optical reader was kept to check.
 */
#define WEIGH_SUPPORT 3882
#define WEIGH_MET 2123
#define WEIGH_COMMON (-2818)
#define WEIGH_FLOW 5607
#define WEIGH_CELLS 970
#define WEIGH_BOTH                                                                       \
	4417 /* of the flow, times cells: much that agrees is more than all of little */
#define VOTES_FIRM 10 /* what agrees of fewer votes may agree by chance */
/*
 * What the flow is worth to the better strangers, for references that have none: so these are not
 * put back behind all others of the gallery.
 */
#define WEIGH_BARE 7000
#define CELLS_MORE 6     /* fewer cells are no evidence */
#define SCORE_ZERO 20000 /* below 0 after this is added: nothing in common */
#define SCORE_UNIT 20

static int32_t
weigh(const struct look *l)
{
	int64_t met = l->met, common = l->common, cells = l->cells, score = SCORE_ZERO;
	int64_t flow = WEIGH_FLOW + WEIGH_BOTH * cells / 64;

	score += WEIGH_SUPPORT * 48 * (int64_t)l->support /
		 (1024 * ((int64_t)l->votes + VOTES_FIRM));
	score += WEIGH_MET * met * met / ((common + 32) * 4096);
	score += WEIGH_COMMON * common / 256;
	score += flow * l->agreement / (64 * (cells + CELLS_MORE));
	score += WEIGH_CELLS * cells / 64;
	score += l->bare ? WEIGH_BARE : 0;
	score /= SCORE_UNIT;
	return score < 0                ? 0
	       : score < SCAN_SCORE_MAX ? (int32_t)score
					: (int32_t)SCAN_SCORE_MAX;
}

uint32_t
scan_again(const struct kernel *kernel, const struct scan_probe *probe,
	   const struct scan_reference *reference)
{
	struct seed best[SEEDS_MAX];
	struct election e;
	struct unpacked u;
	int32_t most = 0;
	unsigned n, tries = 0;

	collect(kernel, probe, reference, &e);
	n = elect(kernel, probe, &e, best, SEEDS_MAX);
	if (n == 0)
		return 0;
	unpack(&u, reference);
	memset(e.used, 0, sizeof(e.used));
	for (unsigned i = 0; i < n && tries < TRIES; i++) {
		struct fine_move move;
		struct look look;
		int32_t score;

		if (e.used[best[i].vote])
			continue;
		tries++;
		move = movement_of(kernel, probe, &u, &e, best[i].vote);
		look = look_under(kernel, probe, &u, &move);
		look.support = best[i].support;
		look.votes = e.ballot.count;
		look.bare = u.bare;
		score = weigh(&look);
		most = score > most ? score : most;
	}
	return (uint32_t)most;
}
