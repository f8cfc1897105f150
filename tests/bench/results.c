#include "results.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool
is_good(void *ctx, const char *image)
{
	const struct result_source *from = ctx;

	return images_grade(from->images, image) >= from->grade_min;
}

static int
load(struct scores *s, const struct result_source *from)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < from->count; i++) {
		FILE *f = fopen(from->paths[i], "re");
		uint64_t line = 0;

		if (f == NULL)
			return -errno;
		rc = scores_read(s, (unsigned)i, f, &line);
		if (rc == -EINVAL)
			(void)fprintf(stderr, "%s:%llu: not PROBE REFERENCE SCORE\n",
				      from->paths[i], (unsigned long long)line);
		(void)fclose(f); /* read only */
	}
	return rc;
}

static int
bounds_at(const struct scores *s, double threshold, struct bounds *ret,
	  size_t *ret_fingers)
{
	struct scores_cluster *clusters;
	int rc = scores_misses(s, threshold, &clusters, ret_fingers);

	if (rc < 0)
		return rc;
	*ret = bounds_clustered(clusters, *ret_fingers, NULL);
	free(clusters);
	return 0;
}

static int
fill_bounds(const struct scores *s, struct result *r)
{
	int rc = bounds_at(s, r->v.eer_threshold, &r->eer, &r->fingers);

	if (rc == 0)
		rc = bounds_at(s, r->v.zero_threshold, &r->zero, &r->fingers);
	for (int i = 0; rc == 0 && i < SCORES_POINTS; i++)
		rc = bounds_at(s, r->v.points[i].threshold, &r->at[i], &r->fingers);
	return rc;
}

static int
fill_det(const struct scores *s, struct result *r)
{
	struct scores_det *det;
	int rc = scores_det(s, &det, &r->det_count);

	if (rc < 0)
		return rc;
	r->det = calloc(r->det_count + 1, sizeof(*r->det));
	for (size_t i = 0; r->det != NULL && i < r->det_count; i++)
		r->det[i] = (struct plot_xy){ det[i].fmr, det[i].fnmr };
	free(det);
	return r->det == NULL ? -ENOMEM : 0;
}

int
result_of(const struct result_source *from, struct result *ret)
{
	struct result_source kept = *from;
	struct result r = { 0 };
	struct scores *s = scores_new(from->both_ways);
	int rc;

	*ret = r;
	if (s == NULL)
		return -ENOMEM;
	if (from->grade_min > 0)
		scores_keep(s, is_good, &kept);
	rc = load(s, from);
	if (rc == 0)
		rc = scores_verification(s, false, &r.v);
	if (rc == 0)
		rc = scores_identification(s, &r.id);
	if (rc == 0)
		rc = fill_bounds(s, &r);
	if (rc == 0)
		rc = fill_det(s, &r);
	r.known = rc == 0;
	if (rc == 0)
		*ret = r;
	else
		result_clear(&r);
	(void)scores_free(s); /* always NULL */
	return rc == -ENODATA || rc == -ENOENT ? 0 : rc;
}

void
result_clear(struct result *r)
{
	free(r->det);
	*r = (struct result){ 0 };
}

double
result_least(const struct result *r)
{
	return bounds_least((double)r->v.mated);
}
