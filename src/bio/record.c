#include "bio/record.h"

#include <assert.h>
#include <math.h>

#define Z_95 1.959963984540054 /* two-sided */
#define ALPHA_BOUND 0.05
#define ALPHA_REFUTED 0.01
#define REFUTED_FACTOR 2.0 /* BIOMETRICS: agreement is within a factor of two */
#define TAIL_MIN 10u       /* searches beyond a score from which a slope is taken */
#define TAIL_FIRST_DB 5u   /* below, the best of many is no tail yet */
#define HALVINGS 200
#define EXACT_MAX 200u
#define Z_SHIFT 10.0

const char *
record_kind_name(enum record_kind k)
{
	static const char *const names[RECORD_KINDS] = { "identify", "decide", "verify" };

	assert((unsigned)k < RECORD_KINDS);
	return names[k];
}

static size_t
bin_of(int32_t score)
{
	if (score < 0)
		return 0;
	return score / 100 < (int32_t)RECORD_BINS ? (size_t)score / 100 : RECORD_BINS - 1;
}

/* 10 log10 of n in 1/100 dB. */
static int32_t
db_100(uint64_t n)
{
	return n <= 1 ? 0 : (int32_t)lround(1000.0 * log10((double)n));
}

void
record_search(struct record_counts *add, enum decide_why why, uint64_t references,
	      const struct gallery_candidate *candidates, size_t count)
{
	int32_t second = count > 1 ? candidates[1].score : 0;

	add->bins[RECORD_BEST][bin_of(count > 0 ? candidates[0].score : 0)]++;
	if (why != WHY_ABOVE && why != WHY_MARGIN)
		return;
	assert(count > 0);
	for (size_t i = 1; i < count; i++)
		add->bins[RECORD_IMPOSTOR][bin_of(candidates[i].score)]++;
	add->bins[RECORD_SEARCH][bin_of(second - db_100(references))]++;
}

struct record_rate
record_rate(uint64_t count, uint64_t of)
{
	struct record_rate r = { .count = count, .of = of, .high = 1.0 };
	double n = (double)of, p, mid, half;

	assert(count <= of);
	if (of == 0)
		return r;
	p = (double)count / n;
	mid = (p + Z_95 * Z_95 / (2 * n)) / (1 + Z_95 * Z_95 / n);
	half = Z_95 / (1 + Z_95 * Z_95 / n) *
	       sqrt(p * (1 - p) / n + Z_95 * Z_95 / (4 * n * n));
	r.rate = p;
	r.low = count == 0 || mid < half ? 0.0 : mid - half;
	r.high = count == of || mid + half > 1.0 ? 1.0 : mid + half;
	return r;
}

/* P(X <= count) of a Poisson variable. */
static double
poisson_below(uint64_t count, double mean)
{
	double sum = 0.0, term = -mean; /* the logarithm */

	if (mean <= 0.0)
		return 1.0;
	for (uint64_t i = 0; i <= count; i++) {
		sum += exp(term);
		term += log(mean) - log((double)(i + 1));
	}
	return sum < 1.0 ? sum : 1.0;
}

/* Bisection: the root of a falling f(context, x) = y between low and high. */
static double
root(double (*f)(uint64_t context, double x), uint64_t context, double y, double high)
{
	double low = 0.0;

	for (int i = 0; i < HALVINGS && high - low > 1e-12 * high; i++) {
		double mid = (low + high) / 2;

		if (f(context, mid) > y)
			low = mid;
		else
			high = mid;
	}
	return high;
}

/* The upper tail of the normal distribution, shifted by Z_SHIFT so that its argument is positive. */
static double
normal_above(uint64_t context, double shifted)
{
	(void)context;
	return 0.5 * erfc((shifted - Z_SHIFT) / sqrt(2.0));
}

/*
 * The mean at which P(X <= count) is p: it falls as the mean grows. Large counts by the cube root
 * of the chi-square distribution (Wilson and Hilferty, 1931), which is then right to five digits.
 */
static double
mean_at(uint64_t count, double p)
{
	double n = (double)count + 1.0, z, root_3;

	if (count <= EXACT_MAX)
		return root(poisson_below, count, p,
			    10.0 + 2.0 * (double)count + 10.0 * sqrt((double)count));
	z = root(normal_above, 0, p, 2 * Z_SHIFT) - Z_SHIFT;
	root_3 = 1.0 - 1.0 / (9.0 * n) + z / (3.0 * sqrt(n));
	return n * root_3 * root_3 * root_3;
}

double
record_most(uint64_t count, double probability)
{
	return mean_at(count, probability);
}

double
record_least(uint64_t count, double probability)
{
	return count == 0 ? 0.0 : mean_at(count - 1, 1.0 - probability);
}

static uint64_t
reaching(const uint64_t bins[RECORD_BINS], unsigned db)
{
	uint64_t n = 0;

	for (unsigned i = db; i < RECORD_BINS; i++)
		n += bins[i];
	return n;
}

/* Mean of what the searches that reach db have beyond it; a bin's content lies in its middle. */
static double
mean_excess(const uint64_t bins[RECORD_BINS], unsigned db, uint64_t count)
{
	double sum = 0.0;

	for (unsigned i = db; i < RECORD_BINS; i++)
		sum += (double)bins[i] * ((double)(i - db) + 0.5);
	return sum / (double)count;
}

/*
 * The bound at db from the searches that reach a lower score: an exponential tail whose mean excess,
 * a sum of exponential variables, is bounded by the chi-square distribution.
 */
static double
tail_bound(const uint64_t bins[RECORD_BINS], uint64_t searches, unsigned db)
{
	unsigned from = db;
	uint64_t count = 0;
	double mean;

	while (from > TAIL_FIRST_DB && (count = reaching(bins, from)) < TAIL_MIN)
		from--;
	if (count < TAIL_MIN)
		return 1.0;
	mean = mean_excess(bins, from, count) * (double)count /
	       record_least(count, ALPHA_BOUND);
	return record_most(count, ALPHA_BOUND) / (double)searches *
	       exp(-(double)(db - from) / mean);
}

static bool
is_refuted(const uint64_t bins[RECORD_BINS], uint64_t searches, unsigned db)
{
	double target = pow(10.0, -(double)db / 10.0), n = (double)searches;

	if (record_least(reaching(bins, db), ALPHA_REFUTED) > target * n)
		return true;
	for (unsigned below = 10; below <= 20 && below < db; below += 10) {
		double should = target * pow(10.0, below / 10.0);

		if (record_least(reaching(bins, db - below), ALPHA_REFUTED) >
		    REFUTED_FACTOR * should * n)
			return true;
	}
	return false;
}

struct record_fpir
record_fpir(const uint64_t search[RECORD_BINS], double target)
{
	struct record_fpir f = { .searches = reaching(search, 0), .bound = 1.0 };
	unsigned db = 0;
	double tail;

	/* The whole dB below: what falls between counts as reached. */
	while (db + 1 < RECORD_BINS &&
	       pow(10.0, -(double)(db + 1) / 10.0) >= target * (1 - 1e-9))
		db++;
	if (f.searches == 0)
		return f;
	f.reached = reaching(search, db);
	f.bound = record_most(f.reached, ALPHA_BOUND) / (double)f.searches;
	if (f.reached < TAIL_MIN) {
		tail = tail_bound(search, f.searches, db);
		f.extrapolated = tail < f.bound;
		f.bound = f.extrapolated ? tail : f.bound;
	}
	f.bound = f.bound < 1.0 ? f.bound : 1.0;
	f.refuted = is_refuted(search, f.searches, db);
	return f;
}
