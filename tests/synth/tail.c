#include "tail.h"

#include "bio/gallery/score.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const char *const trait_names[TAIL_TRAITS] = { "relaxed/1024", "similar/64",
						      "matched/256",  "agreement %",
						      "common cells", "in probe",
						      "in reference", "cylinders" };

static unsigned
bin_of(int32_t raw)
{
	int64_t bin = (int64_t)raw - TAIL_RAW_MIN;

	return bin < 0 ? 0 : bin >= (int64_t)TAIL_BINS ? TAIL_BINS - 1 : (unsigned)bin;
}

void
tail_add(struct tail *t, const struct fine_evidence *e)
{
	const double cells = e->common_cells > 0 ? e->common_cells : 1;
	const double traits[TAIL_TRAITS] = {
		e->relaxed / 1024.0, e->similar / 64.0,
		e->matched / 256.0,  100.0 * e->agreement / cells,
		e->common_cells,     e->in_probe,
		e->in_reference,     e->cylinders,
	};
	int32_t raw = score_raw(e);
	bool top = score_of(e) >= 100 * TAIL_TOP_DB;

	t->pairs++;
	t->top_pairs += top;
	t->bins[bin_of(raw)]++;
	for (unsigned i = 0; i < TAIL_TRAITS; i++) {
		t->traits[0][i] += traits[i];
		t->traits[1][i] += top ? traits[i] : 0;
	}
}

void
tail_sum(struct tail *t, const struct tail *other)
{
	t->pairs += other->pairs;
	t->top_pairs += other->top_pairs;
	for (unsigned i = 0; i < TAIL_BINS; i++)
		t->bins[i] += other->bins[i];
	for (unsigned i = 0; i < TAIL_TRAITS; i++) {
		t->traits[0][i] += other->traits[0][i];
		t->traits[1][i] += other->traits[1][i];
	}
}

static uint64_t
count_from(const struct tail *t, int32_t raw)
{
	uint64_t n = 0;

	for (unsigned i = bin_of(raw); i < TAIL_BINS; i++)
		n += t->bins[i];
	return n;
}

double
tail_share(const struct tail *t, int32_t raw)
{
	return t->pairs > 0 ? (double)count_from(t, raw) / (double)t->pairs : 0;
}

int32_t
tail_quantile(const struct tail *t, double share)
{
	uint64_t n = 0;
	unsigned i = TAIL_BINS;

	while (i > 0 && (double)(n + t->bins[i - 1]) <= share * (double)t->pairs)
		n += t->bins[--i];
	return (int32_t)i + TAIL_RAW_MIN;
}

double
tail_ratio(const struct tail *t, const struct tail *other, double rate)
{
	int32_t raw = tail_quantile(other, rate);

	return tail_share(t, raw) / tail_share(other, raw);
}

struct tail_slope
tail_slope(const struct tail *t, int32_t from)
{
	struct tail_slope s = { 0 };
	double sum = 0;

	for (unsigned i = bin_of(from); i < TAIL_BINS; i++) {
		double excess = (double)i + TAIL_RAW_MIN - from + 0.5;

		sum += excess * (double)t->bins[i];
		s.pairs += t->bins[i];
	}
	if (s.pairs < 2)
		return s;
	s.decade = sum / (double)s.pairs * log(10.0);
	s.upper = s.decade * (1.0 + 1.645 / sqrt((double)s.pairs));
	return s;
}

static double
decibels(double share)
{
	return share > 0 ? -10.0 * log10(share) : 99.9;
}

static void
print_head(const char *what, const struct tail_column *c, unsigned count)
{
	printf("\n%-22s", what);
	for (unsigned i = 0; i < count; i++)
		printf(" %13.13s", c[i].name);
	printf("\n");
}

/* Raw scores at given rates. */
static void
print_quantiles(const struct tail_column *c, unsigned count)
{
	static const double rates[] = { 0.5, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7 };

	print_head("raw score at FMR", c, count);
	for (unsigned k = 0; k < sizeof(rates) / sizeof(rates[0]); k++) {
		printf("%-22g", rates[k]);
		for (unsigned i = 0; i < count; i++) {
			if (rates[k] * (double)c[i].tail->pairs >= 2)
				printf(" %13" PRId32, tail_quantile(c[i].tail, rates[k]));
			else
				printf(" %13s", "-");
		}
		printf("\n");
	}
}

/* How often each column reaches the score that the next to last one reaches with given rates. */
static void
print_ratios(const struct tail_column *c, unsigned count)
{
	static const double rates[] = { 1e-1, 1e-2, 1e-3, 1e-4 };
	const struct tail *pooled;

	if (count < 2)
		return;
	pooled = c[count - 2].tail;
	print_head("FMR over all real's", c, count);
	for (unsigned k = 0; k < sizeof(rates) / sizeof(rates[0]); k++) {
		int32_t raw = tail_quantile(pooled, rates[k]);

		printf("at %-19g", rates[k]);
		for (unsigned i = 0; i < count; i++)
			printf(" %13.2f",
			       tail_share(c[i].tail, raw) / tail_share(pooled, raw));
		printf("\n");
	}
	printf("(synthetic)/(column) at the column's own rates\n");
	for (unsigned k = 1; k < sizeof(rates) / sizeof(rates[0]); k++) {
		printf("at %-19g", rates[k]);
		for (unsigned i = 0; i < count; i++)
			printf(" %13.2f",
			       tail_ratio(c[count - 1].tail, c[i].tail, rates[k]));
		printf("\n");
	}
}

/* The raw score from which on a score is claimed. */
static int32_t
raw_of_claim(int32_t score)
{
	int32_t raw = TAIL_RAW_MIN;

	while (raw < TAIL_RAW_MIN + (int32_t)TAIL_BINS - 1 &&
	       score_calibrate(FINE_MAPS_BOTH, raw) < score)
		raw++;
	return raw;
}

static void
print_claims(const struct tail_column *c, unsigned count)
{
	print_head("dB claimed: dB (pairs)", c, count);
	for (int32_t db = 5; db <= 80; db += 5) {
		int32_t raw = raw_of_claim(100 * db);

		printf("%-22" PRId32, db);
		for (unsigned i = 0; i < count; i++)
			printf(" %5.1f%8.8" PRIu64, decibels(tail_share(c[i].tail, raw)),
			       count_from(c[i].tail, raw));
		printf("\n");
	}
}

static void
print_traits(const struct tail_column *c, unsigned count)
{
	for (unsigned top = 0; top < 2; top++) {
		print_head(top ? "means from 20 dB on" : "means of all pairs", c, count);
		for (unsigned k = 0; k < TAIL_TRAITS; k++) {
			printf("%-22s", trait_names[k]);
			for (unsigned i = 0; i < count; i++) {
				const struct tail *t = c[i].tail;
				uint64_t n = top ? t->top_pairs : t->pairs;

				printf(" %13.2f",
				       n > 0 ? t->traits[top][k] / (double)n : 0.0);
			}
			printf("\n");
		}
	}
}

static void
print_slopes(const struct tail_column *c, unsigned count)
{
	static const double rates[] = { 1e-2, 1e-3, 1e-4, 1e-5, 1e-6 };

	print_head("raw a decade (95 %)", c, count);
	for (unsigned k = 0; k < sizeof(rates) / sizeof(rates[0]); k++) {
		printf("beyond %-15g", rates[k]);
		for (unsigned i = 0; i < count; i++) {
			const struct tail *t = c[i].tail;
			struct tail_slope s = tail_slope(t, tail_quantile(t, rates[k]));

			if (s.pairs >= 5)
				printf("   %4.0f (%4.0f)", s.decade, s.upper);
			else
				printf(" %13s", "-");
		}
		printf("\n");
	}
}

void
tail_print(const struct tail_column *columns, unsigned count)
{
	printf("%-22s", "pairs of strangers");
	for (unsigned i = 0; i < count; i++)
		printf(" %13.13s", columns[i].name);
	printf("\n%-22s", "");
	for (unsigned i = 0; i < count; i++)
		printf(" %13" PRIu64, columns[i].tail->pairs);
	printf("\n");
	print_quantiles(columns, count);
	print_ratios(columns, count);
	print_claims(columns, count);
	print_slopes(columns, count);
	print_traits(columns, count);
}

/* Fewer pairs than this beyond a score do not show its rate. */
#define SHOWN_PAIRS 30
/* Up to here real pairs count, beyond only how synthetic ones thin out. */
#define BODY_DB 30.0
#define SCORE_MAX_DB 90.0
#define TAIL_STEP_DB 5.0

static double
share_of(double db)
{
	return pow(10.0, -db / 10.0);
}

/* The slope that a tail may still have: the largest upper end seen at several depths. */
static double
slope_bound(const struct tail *t, double from_db, double to_db)
{
	double most = 0;

	for (double db = from_db; db <= to_db; db += 10.0) {
		struct tail_slope s = tail_slope(t, tail_quantile(t, share_of(db)));

		if (s.pairs >= SHOWN_PAIRS && s.upper > most)
			most = s.upper;
	}
	return most;
}

/* By how much slower real scores thin out where both are seen; 1 where they do not. */
static double
stretch_of(const struct tail *real, const struct tail *synthetic)
{
	double share = share_of(BODY_DB);
	struct tail_slope r = tail_slope(real, tail_quantile(real, share));
	struct tail_slope s = tail_slope(synthetic, tail_quantile(synthetic, share));

	return r.decade > s.decade && s.decade > 0 ? r.decade / s.decade : 1.0;
}

void
tail_print_calibration(const struct tail *real, const struct tail *synthetic)
{
	static const double body[] = {
		0.46, 3.01, 6.02, 10.0, 15.23, 20.0, 25.23, BODY_DB
	};
	double join = tail_quantile(real, share_of(BODY_DB));
	int32_t from = tail_quantile(synthetic, share_of(BODY_DB));
	double stretch = stretch_of(real, synthetic), shown = BODY_DB, raw = join, slope;

	printf("\nknots {raw, 1/100 dB}: real pairs to %.0f dB, then as synthetic ones, "
	       "times %.3f\n\t{ %" PRId32 ", 0 },",
	       BODY_DB, stretch, tail_quantile(real, 0.99));
	for (unsigned i = 0; i < sizeof(body) / sizeof(body[0]); i++)
		printf(" { %" PRId32 ", %.0f },", tail_quantile(real, share_of(body[i])),
		       100.0 * body[i]);
	while (shown + TAIL_STEP_DB < SCORE_MAX_DB &&
	       share_of(shown + TAIL_STEP_DB) * (double)synthetic->pairs >= SHOWN_PAIRS) {
		shown += TAIL_STEP_DB;
		raw = join + stretch * (tail_quantile(synthetic, share_of(shown)) - from);
		printf(" { %.0f, %.0f },", raw, 100.0 * shown);
	}
	slope = stretch * slope_bound(synthetic, BODY_DB, shown);
	printf(" { %.0f, %.0f },\n", raw + slope * (SCORE_MAX_DB - shown) / 10.0,
	       100.0 * SCORE_MAX_DB);
	printf("observed to %.0f dB, beyond extrapolated with %.0f a decade\n", shown,
	       slope);
}
