#include "images.h"

#include "bio/decide.h"
#include "bio/gallery/score.h"

#include "base/secret.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * bio_pairs: whether the scores of two fingers add as decide_pair_score says. Of sets with several
 * fingers of a person, strangers' pairs: two different fingers of one person against two different
 * ones of another, the first with the first and the second with the second. The share that reaches a
 * score s is to be 10^(-s/10) at most; more tells that the fingers of a person are not independent.
 */
#define IMAGES 2000u
#define LEVELS 9u
#define STEP 500        /* 1/100 dB */
#define PERSON_CHARS 3u /* MINEX names: SSSFF_I */

static int16_t score[IMAGES][IMAGES];

struct tally {
	double pairs, over[LEVELS];
};

static int
compare_all(const struct images *list)
{
	struct fine_work *work = secret_region_new(fine_work_bytes());
	const struct kernel *kernel = kernel_best();
	struct fine_evidence *evidence = malloc(sizeof(*evidence));

	if (work == NULL || evidence == NULL)
		return -1;
	for (size_t i = 0; i < list->count; i++)
		for (size_t k = 0; k < list->count; k++) {
			if (!list->at[i].usable || !list->at[k].usable)
				continue;
			fine_compare(work, kernel, &list->at[i].side, &list->at[k].side,
				     evidence);
			score[i][k] = (int16_t)score_of(evidence);
		}
	free(evidence);
	secret_region_free(work, fine_work_bytes());
	return 0;
}

static bool
same_person(const struct image *a, const struct image *b)
{
	return strncmp(a->name, b->name, PERSON_CHARS) == 0;
}

static void
count(struct tally *t, int32_t worth)
{
	t->pairs++;
	for (unsigned n = 0; n < LEVELS; n++) {
		t->over[n] += worth >= (int32_t)n * STEP;
	}
}

/* Two fingers of one person, i and j, against two of another, k and l. */
static void
count_pairs(const struct images *list, size_t i, size_t k, struct tally *t)
{
	for (size_t j = 0; j < list->count; j++) {
		if (!same_person(&list->at[i], &list->at[j]) ||
		    images_same_finger(&list->at[i], &list->at[j]) || !list->at[j].usable)
			continue;
		for (size_t l = 0; l < list->count; l++) {
			if (!same_person(&list->at[k], &list->at[l]) ||
			    images_same_finger(&list->at[k], &list->at[l]) ||
			    !list->at[l].usable)
				continue;
			count(t, decide_pair_score(score[i][k], score[j][l]));
		}
	}
}

int
main(int argc, char **argv)
{
	struct images list;
	struct tally pairs = { 0 }, single = { 0 };

	if (argc != 2 || images_list(argv[1], 0, &list) < 0 || list.count > IMAGES ||
	    images_extract(&list) < 0 || compare_all(&list) < 0) {
		(void)fprintf(stderr, "usage: bio_pairs FOLDER (of names SSSFF_I)\n");
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < list.count; i++)
		for (size_t k = 0; k < list.count; k++) {
			if (!list.at[i].usable || !list.at[k].usable ||
			    same_person(&list.at[i], &list.at[k]))
				continue;
			count(&single, score[i][k]);
			count_pairs(&list, i, k, &pairs);
		}
	printf("%10s %14s %14s %14s\n", "score, dB", "as it says", "one finger",
	       "two fingers");
	for (unsigned n = 0; n < LEVELS; n++)
		printf("%10.0f %14.2e %14.2e %14.2e\n", n * STEP / 100.0,
		       pow(10.0, -(double)n * STEP / 1000.0),
		       single.over[n] / single.pairs, pairs.over[n] / pairs.pairs);
	printf("%.0f comparisons, %.0f pairs of them\n", single.pairs, pairs.pairs);
	images_close(&list);
	return EXIT_SUCCESS;
}
