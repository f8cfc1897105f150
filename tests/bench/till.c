#include "till.h"

#include "base/keys.h"

#include <stdlib.h>
#include <string.h>

#define VIEWS_MAX (2 * TILL_NEAREST_MAX * GALLERY_FINGERS_MAX)

static double
default_of(const char *name)
{
	for (size_t i = 0; i < keys_count; i++) {
		if (strcmp(keys_table[i].section, "bio") == 0 &&
		    strcmp(keys_table[i].name, name) == 0)
			return strtod(keys_table[i].def, NULL);
	}
	abort(); /* the table of this very build has them all */
}

void
till_defaults(struct till *t)
{
	t->policy = (struct decide_policy){
		.fpir_per_million = (uint32_t)(default_of("fpir") * 1e6 + 0.5),
		.verify_fmr_per_million =
			(uint32_t)(default_of("verify_fmr") * 1e6 + 0.5),
		.margin = (int32_t)(default_of("margin_db") * 100),
		.quality_min = (uint8_t)default_of("quality_min"),
	};
	t->enrol_quality_min = (uint8_t)default_of("enrol_quality_min");
}

void
till_identify(const struct till *t, const struct finger_features *features,
	      struct till_touch *ret)
{
	struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
	struct gallery_query q = { .probe = features };
	enum decide_why why;
	size_t n = 0;

	memset(ret, 0, sizeof(*ret));
	if (features == NULL || gallery_search(t->gallery, &q, found, &n) < 0)
		return;
	why = decide_identify_why(&t->policy, gallery_stats(t->gallery).references,
				  features->quality, found, n);
	ret->features = features;
	ret->accepted = decide_outcome(why) == DECISION_ACCEPT;
	if (ret->accepted)
		ret->subject = found[0].subject;
	ret->ambiguous = why == WHY_GREY || why == WHY_MARGIN;
	for (size_t i = 0; i < n && i < TILL_NEAREST_MAX; i++)
		ret->nearest[ret->nearest_count++] = found[i].subject;
}

bool
till_verify(const struct till *t, const struct finger_features *features,
	    struct ulid subject)
{
	struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
	struct gallery_query q = {
		.probe = features, .subjects = &subject, .subjects_count = 1, .each = true
	};
	size_t n = 0;

	return features != NULL && gallery_search(t->gallery, &q, found, &n) == 0 &&
	       decide_verify(&t->policy, n, features->quality, n > 0 ? found : NULL) ==
		       DECISION_ACCEPT;
}

/* Both touches against each reference of a subject. How many views there are now. */
static size_t
view(const struct till *t, const struct finger_features *const touches[2],
     struct ulid subject, struct decide_view *views, size_t count)
{
	size_t first = count;

	for (unsigned k = 0; k < 2; k++) {
		struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
		struct gallery_query q = { .probe = touches[k],
					   .subjects = &subject,
					   .subjects_count = 1,
					   .each = true };
		size_t n = 0;

		if (gallery_search(t->gallery, &q, found, &n) < 0)
			return first;
		for (size_t i = 0; i < n; i++) {
			size_t at = first;

			while (at < count && views[at].finger != found[i].finger)
				at++;
			if (at == count)
				views[count++] = (struct decide_view){ subject,
								       found[i].finger,
								       { 0, 0 } };
			views[at].score[k] = found[i].score;
		}
	}
	return count;
}

static bool
is_among(const struct ulid *list, size_t count, struct ulid subject)
{
	for (size_t i = 0; i < count; i++) {
		if (ulid_eq(list[i], subject))
			return true;
	}
	return false;
}

bool
till_both(const struct till *t, const struct till_touch *first,
	  const struct till_touch *second, struct ulid *ret_subject)
{
	const struct finger_features *touches[2] = { first->features, second->features };
	struct decide_view views[VIEWS_MAX];
	size_t count = 0;

	if (!first->ambiguous || second->features == NULL)
		return false;
	for (size_t i = 0; i < first->nearest_count; i++)
		count = view(t, touches, first->nearest[i], views, count);
	for (size_t i = 0; i < second->nearest_count; i++)
		if (!is_among(first->nearest, first->nearest_count, second->nearest[i]))
			count = view(t, touches, second->nearest[i], views, count);
	return decide_two_why(&t->policy, gallery_stats(t->gallery).subjects, views,
			      count, ret_subject) == WHY_TWO_FINGERS;
}
