#include "bio/finger/work.h"

#include <string.h>

/*
 * The ridge period by the autocorrelation of flow across the ridges, in windows of two by two
 * blocks, then smoothed over the print with the height of the peak as the weight.
 */
#define WINDOW_PX 16
#define LAG_STEP_16TH 16
#define CONFIDENCE_ONE 256
#define CONFIDENCE_MIN 40
#define SMOOTH_ROUNDS 3

static void
correlate(const struct finger_extractor *x, int cx, int cy, int orientation,
	  int64_t r[LAG_MAX])
{
	const struct kernels *k = &x->kernels;

	memset(r, 0, LAG_MAX * sizeof(r[0]));
	for (int y = 0; y < WINDOW_PX; y += 2) {
		const int16_t *p = x->flow + plane_at(x, cx, cy + y);

		for (int n = 0; n < LAG_MAX; n++) {
			const int16_t *q = p + k->lag_dy[orientation][n] * x->stride +
					   k->lag_dx[orientation][n];
			int32_t sum = 0;

			for (int i = 0; i < WINDOW_PX; i += 2)
				sum += p[i] * q[i];
			r[n] += sum;
		}
	}
}

/* The top of the parabola through three neighbours, in 1/16 of their distance from the middle. */
static int
parabola_top(int64_t left, int64_t middle, int64_t right)
{
	int64_t curve = left - 2 * middle + right;

	if (curve == 0)
		return 0;
	return clamp_int((int)((left - right) * 8 / curve), -16, 16);
}

/* The period in 1/16 px and how far it is to be believed; 0 when there is none. */
static int
period_of(const int64_t r[LAG_MAX], int *ret_confidence)
{
	int low = 1, high;
	int64_t height;

	while (low < LAG_MAX - 2 && (r[low] > r[low + 1] || r[low] >= r[low - 1]))
		low++;
	if (r[0] <= 0 || r[low] >= 0 || low < 2)
		return 0;
	high = low + 1;
	while (high < LAG_MAX - 1 && r[high + 1] > r[high])
		high++;
	if (high >= LAG_MAX - 1)
		return 0;
	height = r[high] * CONFIDENCE_ONE / r[0];
	if (height < CONFIDENCE_MIN)
		return 0;
	*ret_confidence = (int)height;
	return 16 * high + parabola_top(r[high - 1], r[high], r[high + 1]);
}

/* Grids at scratch[0] and [1]: confidence times period, and confidence; one entry a window. */
static void
measure(struct finger_extractor *x, int nx, int ny)
{
	for (int cy = 0; cy < ny; cy++) {
		for (int cx = 0; cx < nx; cx++) {
			size_t at = block_at(x, 2 * cx, 2 * cy);
			int64_t r[LAG_MAX];
			int confidence = 0, period = 0;

			if (x->active[at]) {
				correlate(x, cx * WINDOW_PX, cy * WINDOW_PX,
					  orientation_index(x->angle[at]), r);
				period = period_of(r, &confidence);
			}
			if (period < PERIOD_HALF_MIN * 8 || period > PERIOD_HALF_MAX * 8)
				confidence = 0;
			x->scratch[0][cy * nx + cx] = period * confidence * 16;
			x->scratch[1][cy * nx + cx] = confidence * 16;
		}
	}
}

/* One binomial pass over the rows or columns of a grid, in place. */
static void
smooth_line(int32_t *grid, int count, int step)
{
	int32_t last = 0;

	for (int i = 0; i < count; i++) {
		int32_t here = grid[i * step];
		int32_t next = i + 1 < count ? grid[(i + 1) * step] : 0;

		grid[i * step] = last / 4 + here / 2 + next / 4;
		last = here;
	}
}

void
period_estimate(struct finger_extractor *x)
{
	int nx = (x->blocks_x + 1) / 2, ny = (x->blocks_y + 1) / 2;

	measure(x, nx, ny);
	for (int round = 0; round < SMOOTH_ROUNDS; round++) {
		for (int g = 0; g < 2; g++) {
			for (int cy = 0; cy < ny; cy++)
				smooth_line(x->scratch[g] + cy * nx, nx, 1);
			for (int cx = 0; cx < nx; cx++)
				smooth_line(x->scratch[g] + cx, ny, nx);
		}
	}
	for (int by = 0; by < x->blocks_y; by++) {
		for (int bx = 0; bx < x->blocks_x; bx++) {
			int c = by / 2 * nx + bx / 2;
			int32_t weight = x->scratch[1][c];

			x->period_16th[block_at(x, bx, by)] =
				(uint16_t)(weight > 4 ? x->scratch[0][c] / weight
						      : PERIOD_DEFAULT_16TH);
		}
	}
}
