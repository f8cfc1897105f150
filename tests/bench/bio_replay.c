#include "bounds.h"
#include "images.h"

#include "bio/replay.h"
#include "bio/sample.h"
#include "synth/synth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * bio_replay: how well a picture that was here before is told from another touch of the same finger.
 * All pairs of impressions of one finger are false alarms when they are taken for one picture; each
 * image copied, that is moved, turned, cut and made noisy, is a miss when it is not.
 */
#define FILE_BYTES_MAX (4u << 20)
#define PATH_BYTES 4096u
#define BINS 211u /* evidence */
#define SETS_MAX 32u

struct copy {
	const char *name;
	double x, y, degrees; /* the most of each, drawn evenly */
	double keep;          /* of width and height, the rest is cut off */
	int noise;            /* grey levels at most */
};

static const struct copy copies[] = {
	{ "the same picture", 0, 0, 0, 1.0, 0 },
	{ "noise of 2", 0, 0, 0, 1.0, 2 },
	{ "noise of 6", 0, 0, 0, 1.0, 6 },
	{ "moved", 40, 40, 0, 1.0, 0 },
	{ "turned by 5 degrees", 0, 0, 5, 1.0, 0 },
	{ "turned by 30 degrees", 0, 0, 30, 1.0, 0 },
	{ "cut to 80 %", 0, 0, 0, 0.8, 0 },
	{ "moved, turned by 10, noise of 2", 20, 20, 10, 1.0, 2 },
	{ "moved, turned by 10, cut to 80 %, noise of 2", 20, 20, 10, 0.8, 2 },
};
#define COPIES (sizeof(copies) / sizeof(copies[0]))

struct tally {
	unsigned bins[BINS];
	unsigned count;
};

static struct {
	struct finger_extractor *x;
	struct tally live, copy[COPIES];
	uint64_t rng;
	double us;
	unsigned timed;
} bench;

static double
uniform(void)
{
	bench.rng =
		bench.rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(bench.rng >> 11) / 9007199254740992.0;
}

/* ---- pictures ------------------------------------------------------------- */

static int
load(const struct images *list, const struct image *image, struct sample **ret)
{
	static uint8_t data[FILE_BYTES_MAX];
	char path[PATH_BYTES];
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s.pgm", list->dir, image->name);
	f = fopen(path, "rb");
	if (f == NULL)
		return -1;
	n = fread(data, 1, sizeof(data), f);
	(void)fclose(f); /* read only */
	return sample_decode(data, n, list->dpi, ret, NULL);
}

static double
pixel(const struct sample *s, double x, double y)
{
	double fx = floor(x), fy = floor(y), sum = 0;

	for (int i = 0; i < 4; i++) {
		int px = (int)fx + (i & 1), py = (int)fy + (i >> 1);
		double wx = (i & 1) != 0 ? x - fx : 1 - (x - fx);
		double wy = (i >> 1) != 0 ? y - fy : 1 - (y - fy);

		px = px < 0 ? 0 : px >= (int)s->width ? (int)s->width - 1 : px;
		py = py < 0 ? 0 : py >= (int)s->height ? (int)s->height - 1 : py;
		sum += wx * wy * s->grey[(size_t)py * s->width + (size_t)px];
	}
	return sum;
}

/* Whole pixels of movement; a turn is about the middle, by linear interpolation. */
static int
copy_of(const struct sample *s, const struct copy *c, struct sample **ret)
{
	double angle = (2 * uniform() - 1) * c->degrees * M_PI / 180;
	double dx = floor((2 * uniform() - 1) * c->x),
	       dy = floor((2 * uniform() - 1) * c->y);
	uint32_t w = (uint32_t)(s->width * c->keep), h = (uint32_t)(s->height * c->keep);
	double cut_x = floor(uniform() * (s->width - w)),
	       cut_y = floor(uniform() * (s->height - h));
	double mx = s->width / 2.0, my = s->height / 2.0;
	int rc = sample_new(w, h, s->dpi, ret);

	for (uint32_t y = 0; rc == 0 && y < h; y++)
		for (uint32_t x = 0; x < w; x++) {
			double ux = x + cut_x - dx - mx, uy = y + cut_y - dy - my;
			double v = pixel(s, mx + cos(angle) * ux - sin(angle) * uy,
					 my + sin(angle) * ux + cos(angle) * uy);

			v += floor(uniform() * (2 * c->noise + 1)) - c->noise;
			(*ret)->grey[(size_t)y * w + x] =
				(uint8_t)(v < 0     ? 0
					  : v > 255 ? 255
						    : lround(v));
		}
	return rc;
}

/* ---- measuring ------------------------------------------------------------ */

static int
evidence_of(const struct finger_features *before, const struct finger_features *now)
{
	struct replay_set set = { 0 };
	double start;
	int evidence;

	replay_add(&set, before);
	start = images_cpu_us();
	evidence = replay_evidence(&set, now);
	bench.us += images_cpu_us() - start;
	bench.timed++;
	return evidence;
}

static void
count(struct tally *t, int evidence)
{
	t->bins[evidence < (int)BINS ? evidence : (int)BINS - 1]++;
	t->count++;
}

static void
measure_copies(const struct sample *s, const struct finger_features *f)
{
	for (size_t i = 0; i < COPIES; i++) {
		struct finger_features again;
		struct sample *c = NULL;

		if (copy_of(s, &copies[i], &c) < 0)
			continue;
		/* A copy that is too poor to be read cannot be taken for anybody. */
		if (finger_extract(bench.x, c, &again) == 0 &&
		    again.count >= REPLAY_POINTS_MIN)
			count(&bench.copy[i], evidence_of(f, &again));
		sample_free(c);
	}
}

static int
measure(const char *dir)
{
	struct images list;
	int rc = images_list(dir, 0, &list);

	for (size_t i = 0; rc == 0 && i < list.count; i++) {
		struct sample *s = NULL;

		rc = load(&list, &list.at[i], &s);
		if (rc == 0 && finger_extract(bench.x, s, &list.at[i].features) == 0) {
			list.at[i].usable = true;
			measure_copies(s, &list.at[i].features);
		}
		sample_free(s);
	}
	for (size_t i = 0; rc == 0 && i < list.count; i++)
		for (size_t k = 0; k < list.count; k++) {
			int evidence;

			if (i == k || !images_same_finger(&list.at[i], &list.at[k]) ||
			    !list.at[i].usable || !list.at[k].usable)
				continue;
			evidence =
				evidence_of(&list.at[i].features, &list.at[k].features);
			if (evidence >= REPLAY_SAME)
				printf("false alarm: %s %s, %d\n", list.at[i].name,
				       list.at[k].name, evidence);
			count(&bench.live, evidence);
		}
	images_close(&list);
	return rc;
}

static void
print_tally(const char *name, const struct tally *t, bool from_above)
{
	unsigned over = 0, sum = 0, half = 0, extreme = 0, rare = 0;
	struct bounds b;

	for (unsigned i = 0; i < BINS; i++) {
		unsigned at = from_above ? BINS - 1 - i : i;

		over += at >= REPLAY_SAME ? t->bins[at] : 0;
		sum += t->bins[at];
		if (sum > 0 && extreme == 0)
			extreme = at + 1;
		if (sum * 100 >= t->count && rare == 0)
			rare = at + 1;
		if (sum * 2 >= t->count && half == 0)
			half = at + 1;
	}
	if (t->count == 0)
		return;
	b = bounds_exact(over, t->count);
	printf("%-46s %6u  same %6.2f %% (%.2f-%.2f)  %s %u %%, 1%%: %u %%, half: %u "
	       "%%\n",
	       name, t->count, 100.0 * over / t->count, 100 * b.low, 100 * b.high,
	       from_above ? "most" : "least", extreme - 1, rare - 1, half - 1);
}

/*
 * Beyond what was seen the tail of the live is taken for an exponential one, from its last twentieth
 * on, with the 95 % bound of its slope (Epstein and Sobel, 1953: chi square; Wilson and Hilferty's
 * approximation of that).
 */
static void
print_tail(const struct tally *t)
{
	double sum = 0, n = 0, from = 0, k, scale;
	unsigned over = 0;

	for (unsigned i = BINS; i-- > 0 && over * 20 < t->count;) {
		over += t->bins[i];
		from = i;
	}
	for (unsigned i = (unsigned)from; i < BINS; i++) {
		sum += t->bins[i] * (i - from + 0.5);
		n += t->bins[i];
	}
	if (n < 10 || sum <= 0)
		return;
	k = 1 - 1 / (9 * n) - 1.645 * sqrt(1 / (9 * n));
	scale = sum / (n * k * k * k);
	printf("false alarms at %d: %.1e extrapolated, %.1e with the bound of the "
	       "slope\n",
	       REPLAY_SAME, n / t->count * exp(-(REPLAY_SAME - from) * n / sum),
	       n / t->count * exp(-(REPLAY_SAME - from) / scale));
}

int
main(int argc, char **argv)
{
	int rc = 0;

	bench.x = finger_extractor_new();
	bench.rng = 1;
	for (int i = 1; bench.x != NULL && rc == 0 && i < argc; i++)
		rc = measure(argv[i]);
	if (bench.x == NULL || rc < 0 || argc < 2) {
		(void)fprintf(stderr, "usage: bio_replay FOLDER...\n");
		return EXIT_FAILURE;
	}
	print_tally("another touch of the same finger", &bench.live, true);
	print_tail(&bench.live);
	for (size_t i = 0; i < COPIES; i++)
		print_tally(copies[i].name, &bench.copy[i], false);
	printf("%.0f us a capture\n", bench.us / bench.timed);
	finger_extractor_free(bench.x);
	return EXIT_SUCCESS;
}
