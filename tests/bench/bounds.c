#include "bounds.h"

#include <assert.h>
#include <math.h>

#define TAIL 0.025  /* beyond each end */
#define NORMAL 1.96 /* the normal distribution's quantile there */
#define TINY 1e-300
#define FRACTION_TERMS 500
#define HALVINGS 80

/* Continued fraction of the incomplete beta function, by Lentz's method. */
static double
beta_fraction(double x, double a, double b)
{
	double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0), f;

	d = 1.0 / (fabs(d) < TINY ? TINY : d);
	f = d;
	for (int m = 1; m <= FRACTION_TERMS; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));

		for (int half = 0; half < 2; half++) {
			double t = half == 0 ? even : odd;

			d = 1.0 + t * d;
			c = 1.0 + t / c;
			d = 1.0 / (fabs(d) < TINY ? TINY : d);
			c = fabs(c) < TINY ? TINY : c;
			f *= c * d;
		}
		if (fabs(c * d - 1.0) < 1e-14)
			break;
	}
	return f;
}

/* The regularised incomplete beta function. */
static double
beta_below(double x, double a, double b)
{
	double front;

	if (x <= 0.0 || x >= 1.0)
		return x <= 0.0 ? 0.0 : 1.0;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1.0) / (a + b + 2.0))
		return front * beta_fraction(x, a, b) / a;
	return 1.0 - front * beta_fraction(1.0 - x, b, a) / b;
}

static double
beta_quantile(double p, double a, double b)
{
	double low = 0.0, high = 1.0;

	for (int i = 0; i < HALVINGS; i++) {
		double mid = (low + high) / 2.0;

		if (beta_below(mid, a, b) < p)
			low = mid;
		else
			high = mid;
	}
	return (low + high) / 2.0;
}

/* The quantile of Student's distribution that TAIL lies beyond. */
static double
student(double freedom)
{
	double x = beta_quantile(2.0 * TAIL, freedom / 2.0, 0.5);

	return sqrt(freedom * (1.0 - x) / x);
}

struct bounds
bounds_wilson(double errors, double trials)
{
	double p, z2 = NORMAL * NORMAL, mid, half;

	assert(trials > 0 && errors >= 0 && errors <= trials);
	p = errors / trials;
	mid = p + z2 / (2.0 * trials);
	half = NORMAL * sqrt(p * (1.0 - p) / trials + z2 / (4.0 * trials * trials));
	return (struct bounds){ fmax(0.0, (mid - half) / (1.0 + z2 / trials)),
				fmin(1.0, (mid + half) / (1.0 + z2 / trials)) };
}

struct bounds
bounds_exact(double errors, double trials)
{
	struct bounds b = { 0.0, 1.0 };

	assert(errors >= 0 && errors <= trials);
	if (errors > 0)
		b.low = beta_quantile(TAIL, errors, trials - errors + 1.0);
	if (errors < trials)
		b.high = beta_quantile(1.0 - TAIL, errors + 1.0, trials - errors);
	return b;
}

struct bounds
bounds_clustered(const struct scores_cluster *clusters, size_t count, double *ret_trials)
{
	double errors = 0, trials = 0, sum = 0, rate, variance, effective;

	for (size_t i = 0; i < count; i++) {
		errors += (double)clusters[i].errors;
		trials += (double)clusters[i].trials;
	}
	effective = trials;
	rate = trials > 0 ? errors / trials : 0.0;
	if (count > 1 && errors > 0 && errors < trials) {
		for (size_t i = 0; i < count; i++) {
			double off = (double)clusters[i].errors -
				     rate * (double)clusters[i].trials;

			sum += off * off;
		}
		variance = sum / (trials * trials) * (double)count / (double)(count - 1);
		effective = rate * (1.0 - rate) / variance;
		effective *= pow(student(trials - 1.0) / student((double)count - 1.0), 2);
		/* More than were made there cannot be. */
		effective = fmin(effective, trials);
	}
	if (ret_trials != NULL)
		*ret_trials = effective;
	return bounds_exact(rate * effective, effective);
}

double
bounds_least(double trials)
{
	return trials > 0 ? 1.0 - pow(2.0 * TAIL, 1.0 / trials) : 1.0;
}
