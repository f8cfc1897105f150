#include "report_sets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
sets_path(const struct sets *s, const char *name, const char *suffix)
{
	char *path;

	return asprintf(&path, "%s/%s%s", s->out, name, suffix) < 0 ? NULL : path;
}

static int
read_figures(const struct sets *s, const char *name, struct figures *into)
{
	char *path = sets_path(s, name, ".figures");
	int rc = path == NULL ? -ENOMEM : figures_read(into, path);

	free(path);
	return rc;
}

static int
name_of(char name[SETS_NAME_BYTES], const char *dir)
{
	const char *end = dir + strlen(dir), *from;

	while (end > dir && end[-1] == '/')
		end--;
	for (from = end; from > dir && from[-1] != '/'; from--)
		;
	if (from == end || end - from >= SETS_NAME_BYTES)
		return -ENAMETOOLONG;
	memcpy(name, from, (size_t)(end - from));
	name[end - from] = '\0';
	return 0;
}

static int
evaluate(struct set *s)
{
	const char *one = s->scores, *three = s->enrolled, *iso = s->foreign;
	struct result_source from = { &one, 1, true, &s->images, 0 };
	struct result_source enrolled = { &three, 1, false, &s->images, 0 };
	struct result_source bare = { &iso, 1, false, &s->images, 0 };
	int rc = result_of(&from, &s->one);

	if (rc == 0)
		rc = result_of(&enrolled, &s->three);
	if (rc == 0)
		rc = result_of(&bare, &s->iso);
	if (rc < 0 || s->images.at[0].grade == 0)
		return rc;
	from.grade_min = 3;
	rc = result_of(&from, &s->good);
	from.grade_min = 4;
	return rc < 0 ? rc : result_of(&from, &s->best);
}

static int
open_set(struct sets *all, const char *dir)
{
	struct set *s = &all->at[all->count];
	int rc;

	if (all->count == SETS_MAX)
		return -E2BIG;
	all->count++;
	s->family = images_family(dir);
	s->figures = figures_new();
	rc = s->figures == NULL ? -ENOMEM : name_of(s->name, dir);
	if (rc == 0)
		rc = images_list(dir, 0, &s->images);
	if (rc == 0)
		rc = read_figures(all, s->name, s->figures);
	if (rc < 0)
		return rc;
	s->scores = sets_path(all, s->name, ".scores");
	s->enrolled = sets_path(all, s->name, "-enrol3.scores");
	s->foreign = sets_path(all, s->name, "-iso.scores");
	if (s->scores == NULL || s->enrolled == NULL || s->foreign == NULL)
		return -ENOMEM;
	return evaluate(s);
}

/* All optical sets under one threshold, as if one reader had taken them. */
static int
pool(struct sets *all)
{
	const char *one[SETS_MAX], *three[SETS_MAX];
	struct result_source from = { one, 0, true, NULL, 0 };
	struct result_source enrolled = { three, 0, false, NULL, 0 };
	int rc;

	for (unsigned i = 0; i < all->count; i++) {
		const struct set *s = &all->at[i];

		if (s->family != IMAGES_FVC_OPTICAL || !s->one.known)
			continue;
		one[from.count++] = s->scores;
		if (s->three.known)
			three[enrolled.count++] = s->enrolled;
	}
	all->optical = (unsigned)from.count;
	rc = result_of(&from, &all->pooled_one);
	return rc < 0 ? rc : result_of(&enrolled, &all->pooled_three);
}

int
sets_open(struct sets *s, const char *out, char **dirs, const char **ret_what)
{
	static const char *const others[] = { "touches", "search", "tail", "kernels",
					      "loss" };
	int rc = 0;

	memset(s, 0, sizeof(*s));
	s->out = out;
	for (; rc == 0 && *dirs != NULL; dirs++)
		rc = open_set(s, *ret_what = *dirs);
	if (rc == 0)
		rc = pool(s);
	if (rc < 0)
		return rc;
	*ret_what = out;
	s->figures = figures_new();
	rc = s->figures == NULL ? -ENOMEM : 0;
	for (unsigned i = 0; rc == 0 && i < sizeof(others) / sizeof(others[0]); i++)
		rc = read_figures(s, others[i], s->figures);
	return rc;
}

void
sets_close(struct sets *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		struct set *one = &s->at[i];

		images_close(&one->images);
		free(one->scores);
		free(one->enrolled);
		free(one->foreign);
		result_clear(&one->one);
		result_clear(&one->three);
		result_clear(&one->iso);
		result_clear(&one->good);
		result_clear(&one->best);
		(void)figures_free(one->figures); /* always NULL */
	}
	result_clear(&s->pooled_one);
	result_clear(&s->pooled_three);
	(void)figures_free(s->figures);
}

struct measured
sets_rate(const struct result *r, enum rate rate)
{
	const struct scores_point *p;

	if (!r->known)
		return (struct measured){ 0 };
	if (rate == EER)
		return measured_rate(r->v.eer, r->eer, result_least(r));
	p = &r->v.points[rate - AT_1E2];
	if (!p->known)
		return (struct measured){ .too_few = true };
	return measured_rate(p->rate, r->at[rate - AT_1E2], result_least(r));
}

const struct set *
sets_named(const struct sets *s, const char *name)
{
	for (unsigned i = 0; i < s->count; i++) {
		if (strcmp(s->at[i].name, name) == 0)
			return &s->at[i];
	}
	return NULL;
}

const struct set *
sets_of_family(const struct sets *s, enum images_family family)
{
	for (unsigned i = 0; i < s->count; i++) {
		if (s->at[i].family == family)
			return &s->at[i];
	}
	return NULL;
}
