#include "scores.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pair {
	double score;
	uint64_t finger; /* of the probe: a hash of its set and name */
	bool mated;
	bool first; /* both are first impressions */
};

/* What one probe met; the probes are a hash table with open addressing. */
struct probe {
	char *name; /* NULL: free; owned */
	unsigned set;
	bool has_mated, has_unmated;
	double mated, unmated; /* best scores */
};

struct scores {
	bool both_ways;
	scores_keep_fn keep;
	void *keep_ctx;
	struct pair *pairs;
	size_t pairs_count, pairs_max;
	struct probe *probes;
	size_t probes_count, probes_max; /* max is a power of two */
};

#define PAIRS_FIRST 1024u
#define PROBES_FIRST 256u

struct scores *
scores_new(bool both_ways)
{
	struct scores *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->both_ways = both_ways;
	s->probes_max = PROBES_FIRST;
	s->probes = calloc(s->probes_max, sizeof(*s->probes));
	if (s->probes == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

struct scores *
scores_free(struct scores *s)
{
	if (s == NULL)
		return NULL;
	for (size_t i = 0; i < s->probes_max; i++)
		free(s->probes[i].name);
	free(s->probes);
	free(s->pairs);
	free(s);
	return NULL;
}

void
scores_keep(struct scores *s, scores_keep_fn keep, void *ctx)
{
	s->keep = keep;
	s->keep_ctx = ctx;
}

/* FNV-1a. */
static uint64_t
hash_of(unsigned set, const char *name, size_t chars)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ set;

	for (size_t i = 0; i < chars; i++)
		h = (h ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* The slot of a probe: its own, or the free one where it belongs. */
static struct probe *
slot_find(struct probe *table, size_t max, unsigned set, const char *name)
{
	uint64_t h = hash_of(set, name, strlen(name));
	size_t i;

	i = (size_t)(h ^ h >> 32) & (max - 1);
	while (table[i].name != NULL &&
	       (table[i].set != set || strcmp(table[i].name, name) != 0))
		i = (i + 1) & (max - 1);
	return &table[i];
}

static int
probes_grow(struct scores *s)
{
	size_t max = s->probes_max * 2;
	struct probe *table = calloc(max, sizeof(*table));

	if (table == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->probes_max; i++) {
		struct probe *p = &s->probes[i];

		if (p->name != NULL)
			*slot_find(table, max, p->set, p->name) = *p;
	}
	free(s->probes);
	s->probes = table;
	s->probes_max = max;
	return 0;
}

static int
probe_get(struct scores *s, unsigned set, const char *name, struct probe **ret)
{
	struct probe *p;

	if (s->probes_count * 2 >= s->probes_max && probes_grow(s) < 0)
		return -ENOMEM;
	p = slot_find(s->probes, s->probes_max, set, name);
	if (p->name == NULL) {
		p->name = strdup(name);
		if (p->name == NULL)
			return -ENOMEM;
		p->set = set;
		s->probes_count++;
	}
	*ret = p;
	return 0;
}

static int
pair_add(struct scores *s, struct pair pair)
{
	if (s->pairs_count == s->pairs_max) {
		size_t max = s->pairs_max == 0 ? PAIRS_FIRST : s->pairs_max * 2;
		struct pair *pairs = realloc(s->pairs, max * sizeof(*pairs));

		if (pairs == NULL)
			return -ENOMEM;
		s->pairs = pairs;
		s->pairs_max = max;
	}
	s->pairs[s->pairs_count++] = pair;
	return 0;
}

static int
probe_meets(struct scores *s, unsigned set, const char *name, const struct pair *pair)
{
	struct probe *p;
	double score = pair->score;
	bool mated = pair->mated;
	int rc = probe_get(s, set, name, &p);

	if (rc < 0)
		return rc;
	if (mated && (!p->has_mated || score > p->mated)) {
		p->has_mated = true;
		p->mated = score;
	}
	if (!mated && (!p->has_unmated || score > p->unmated)) {
		p->has_unmated = true;
		p->unmated = score;
	}
	return 0;
}

int
scores_add(struct scores *s, unsigned set, const char *probe, const char *reference,
	   double score)
{
	const char *a = strrchr(probe, '_'), *b = strrchr(reference, '_');
	struct pair pair = { .score = score };
	int rc;

	if (a == NULL || b == NULL || strlen(probe) > SCORES_NAME_MAX ||
	    strlen(reference) > SCORES_NAME_MAX || !isfinite(score))
		return -EINVAL;
	pair.mated = a - probe == b - reference &&
		     strncmp(probe, reference, (size_t)(a - probe)) == 0;
	if (pair.mated && strcmp(a, b) == 0)
		return 0;
	if (s->keep != NULL &&
	    (!s->keep(s->keep_ctx, probe) || !s->keep(s->keep_ctx, reference)))
		return 0;
	pair.finger = hash_of(set, probe, (size_t)(a - probe));
	pair.first = strcmp(a, "_1") == 0 && strcmp(b, "_1") == 0;
	rc = probe_meets(s, set, probe, &pair);
	if (rc == 0 && s->both_ways)
		rc = probe_meets(s, set, reference, &pair);
	return rc < 0 ? rc : pair_add(s, pair);
}

static int
line_add(struct scores *s, unsigned set, char *line)
{
	const char *blank = " \t\r\n";
	char *rest = NULL, *end = NULL;
	const char *probe = strtok_r(line, blank, &rest);
	const char *reference = strtok_r(NULL, blank, &rest);
	const char *number = strtok_r(NULL, blank, &rest);
	double score;

	if (probe == NULL)
		return 0; /* an empty line */
	if (number == NULL || strtok_r(NULL, blank, &rest) != NULL)
		return -EINVAL;
	score = strtod(number, &end);
	if (*end != '\0')
		return -EINVAL;
	return scores_add(s, set, probe, reference, score);
}

int
scores_read(struct scores *s, unsigned set, FILE *f, uint64_t *ret_line)
{
	char line[SCORES_LINE_MAX];
	uint64_t number = 0;
	int rc = 0;

	while (rc == 0 && fgets(line, sizeof(line), f) != NULL) {
		number++;
		rc = strchr(line, '\n') == NULL && !feof(f) ? -EINVAL
							    : line_add(s, set, line);
	}
	if (rc == 0 && ferror(f))
		rc = -EIO;
	if (rc < 0)
		*ret_line = number;
	return rc;
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Two sorted lists of scores: what should pass a threshold and what should not. */
struct lists {
	double *good, *bad;
	size_t good_count, bad_count;
};

static int
lists_new(struct lists *l, size_t max)
{
	l->good = malloc((max + 1) * sizeof(*l->good));
	l->bad = malloc((max + 1) * sizeof(*l->bad));
	l->good_count = l->bad_count = 0;
	return l->good == NULL || l->bad == NULL ? -ENOMEM : 0;
}

static void
lists_free(struct lists *l)
{
	free(l->good);
	free(l->bad);
}

static void
lists_sort(struct lists *l)
{
	qsort(l->good, l->good_count, sizeof(double), ascending);
	qsort(l->bad, l->bad_count, sizeof(double), ascending);
}

/* A threshold and the rates there; walks upward through all scores. */
struct step {
	size_t good_below, bad_below;
	double threshold, missed, passed;
};

/* The next higher threshold; false when the step before was above all scores. */
static bool
step_next(const struct lists *l, struct step *p)
{
	size_t g = p->good_below, b = p->bad_below;
	bool more_good = g < l->good_count, more_bad = b < l->bad_count;

	p->missed = (double)g / (double)l->good_count;
	p->passed = 1.0 - (double)b / (double)l->bad_count;
	if (more_good && (!more_bad || l->good[g] <= l->bad[b]))
		p->threshold = l->good[g];
	else if (more_bad)
		p->threshold = l->bad[b];
	else
		p->threshold += 1.0;
	while (p->good_below < l->good_count && l->good[p->good_below] <= p->threshold)
		p->good_below++;
	while (p->bad_below < l->bad_count && l->bad[p->bad_below] <= p->threshold)
		p->bad_below++;
	return more_good || more_bad;
}

/* Rates are compared with their limits up to the rounding of the division. */
#define RATE_ROUNDING 1e-12

static void
point_try(struct scores_point *point, const struct lists *l, const struct step *p)
{
	if (point->known || p->passed > point->limit + RATE_ROUNDING ||
	    point->limit * (double)l->bad_count < 0.99)
		return;
	point->known = true;
	point->rate = p->missed;
	point->threshold = p->threshold;
}

static void
verify(const struct lists *l, struct scores_verification *v)
{
	struct step p = { 0 };
	double closest = 2.0;
	bool more, zero = false;

	do {
		more = step_next(l, &p);
		if (fabs(p.passed - p.missed) < closest) {
			closest = fabs(p.passed - p.missed);
			v->eer = (p.passed + p.missed) / 2.0;
			v->eer_threshold = p.threshold;
		}
		for (int i = 0; i < SCORES_POINTS; i++)
			point_try(&v->points[i], l, &p);
		if (!zero && p.passed <= RATE_ROUNDING) {
			zero = true;
			v->zero_fmr = p.missed;
			v->zero_threshold = p.threshold;
		}
	} while (more);
}

/* All pairs, sorted. lists_free also after a failure. */
static int
lists_fill(struct lists *l, const struct scores *s, bool first_only)
{
	int rc = lists_new(l, s->pairs_count);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < s->pairs_count; i++) {
		const struct pair *p = &s->pairs[i];

		if (p->mated)
			l->good[l->good_count++] = p->score;
		else if (!first_only || p->first)
			l->bad[l->bad_count++] = p->score;
	}
	if (l->good_count == 0 || l->bad_count == 0)
		return -ENODATA;
	lists_sort(l);
	return 0;
}

int
scores_verification(const struct scores *s, bool first_only,
		    struct scores_verification *ret)
{
	static const double limits[SCORES_POINTS] = { 1e-2, 1e-3, 1e-4 };
	struct scores_verification v = { 0 };
	struct lists l = { 0 };
	int rc = lists_fill(&l, s, first_only);

	if (rc < 0)
		goto out;
	v.mated = l.good_count;
	v.unmated = l.bad_count;
	for (int i = 0; i < SCORES_POINTS; i++)
		v.points[i].limit = limits[i];
	verify(&l, &v);
	*ret = v;
out:
	lists_free(&l);
	return rc;
}

/* Rates of one curve's point and the next differ by so much at least, or FNMRs differ. */
#define DET_STEP 0.97

static bool
det_worth(const struct scores_det *last, const struct step *p)
{
	return p->missed > last->fnmr || p->passed < last->fmr * DET_STEP ||
	       p->passed <= RATE_ROUNDING;
}

int
scores_det(const struct scores *s, struct scores_det **ret, size_t *ret_count)
{
	struct scores_det *curve = NULL;
	struct lists l = { 0 };
	struct step p = { 0 };
	size_t count = 0;
	bool more = true;
	int rc = lists_fill(&l, s, false);

	if (rc < 0)
		goto out;
	curve = calloc(l.good_count + l.bad_count + 1, sizeof(*curve));
	if (curve == NULL) {
		rc = -ENOMEM;
		goto out;
	}
	while (more && (count == 0 || curve[count - 1].fmr > RATE_ROUNDING)) {
		more = step_next(&l, &p);
		if (count == 0 || det_worth(&curve[count - 1], &p))
			curve[count++] = (struct scores_det){
				p.threshold, p.passed > RATE_ROUNDING ? p.passed : 0.0,
				p.missed
			};
	}
	*ret = curve;
	*ret_count = count;
out:
	lists_free(&l);
	return rc;
}

/* Of a mated pair: whose finger, and whether it stays below. */
struct miss {
	uint64_t finger;
	bool missed;
};

static int
by_miss(const void *a, const void *b)
{
	const struct miss *x = a, *y = b;

	return x->finger < y->finger ? -1 : x->finger > y->finger;
}

int
scores_misses(const struct scores *s, double threshold, struct scores_cluster **ret,
	      size_t *ret_count)
{
	struct miss *misses = calloc(s->pairs_count + 1, sizeof(*misses));
	struct scores_cluster *clusters = calloc(s->pairs_count + 1, sizeof(*clusters));
	size_t n = 0, count = 0;
	int rc = misses == NULL || clusters == NULL ? -ENOMEM : 0;

	for (size_t i = 0; rc == 0 && i < s->pairs_count; i++) {
		const struct pair *p = &s->pairs[i];

		if (p->mated)
			misses[n++] = (struct miss){ p->finger, p->score < threshold };
	}
	if (rc == 0 && n == 0)
		rc = -ENODATA;
	if (rc < 0)
		goto out;
	qsort(misses, n, sizeof(*misses), by_miss);
	for (size_t i = 0; i < n; i++) {
		count += i == 0 || misses[i].finger != misses[i - 1].finger;
		clusters[count - 1].trials++;
		clusters[count - 1].errors += misses[i].missed;
	}
	*ret = clusters;
	*ret_count = count;
	clusters = NULL;
out:
	free(clusters);
	free(misses);
	return rc;
}

/* A mate behind a stranger counts as missed at every threshold: FNIR at rank 1. */
static double
search_score(const struct probe *p)
{
	return p->has_unmated && p->mated <= p->unmated ? -HUGE_VAL : p->mated;
}

static void
identify(const struct lists *l, struct scores_identification *id)
{
	struct step p = { 0 };
	bool more;

	do {
		more = step_next(l, &p);
		for (int i = 0; i < SCORES_SEARCH_POINTS; i++)
			point_try(&id->points[i], l, &p);
	} while (more);
}

int
scores_identification(const struct scores *s, struct scores_identification *ret)
{
	static const double limits[SCORES_SEARCH_POINTS] = { 1e-1, 1e-2, 1e-3 };
	struct scores_identification id = { 0 };
	struct lists l = { 0 };
	uint64_t first = 0;
	int rc = lists_new(&l, s->probes_max);

	if (rc < 0)
		goto out;
	for (size_t i = 0; i < s->probes_max; i++) {
		const struct probe *p = &s->probes[i];

		if (p->has_mated) {
			l.good[l.good_count++] = search_score(p);
			first += isfinite(search_score(p));
		}
		if (p->has_unmated)
			l.bad[l.bad_count++] = p->unmated;
	}
	rc = l.good_count == 0 || l.bad_count == 0 ? -ENODATA : 0;
	if (rc < 0)
		goto out;
	lists_sort(&l);
	id.searches = l.good_count;
	id.strangers = l.bad_count;
	id.rank1 = (double)first / (double)l.good_count;
	for (int i = 0; i < SCORES_SEARCH_POINTS; i++)
		id.points[i].limit = limits[i];
	identify(&l, &id);
	*ret = id;
out:
	lists_free(&l);
	return rc;
}

double
scores_upper_bound(double rate, uint64_t n)
{
	const double z = 1.645; /* one-sided 95 % */
	double m = (double)n, z2 = z * z;

	assert(n > 0 && rate >= 0.0 && rate <= 1.0);
	return (rate + z2 / (2.0 * m) +
		z * sqrt(rate * (1.0 - rate) / m + z2 / (4.0 * m * m))) /
	       (1.0 + z2 / m);
}
