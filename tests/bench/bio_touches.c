#include "bounds.h"
#include "images.h"
#include "stock.h"
#include "till.h"

#include "bio/enrol.h"
#include "bio/gallery/gallery.h"
#include "synth/drawer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * bio_touches: how often members of a gallery of N are recognised by one touch or two, with the
 * product's own enrolment, search, thresholds and decision. Members are made of the fingers of
 * image sets, two fingers each; synthetic references fill the gallery up to N.
 */
#define REFERENCES_DEFAULT 20000u
#define SETS_MAX 32u
#define MEMBERS_MAX 2000u
#define FINGERS 2u
#define IMPRESSIONS 3u
#define ROLLED 5u /* from the right hand's finger to the left hand's same one */

/* What one row counts. The first six are failures to recognise a member. */
enum row {
	IDENTIFY_ONE, /* a touch, N references */
	IDENTIFY_TWO, /* up to two touches of the same finger */
	IDENTIFY_OTHER, /* up to two touches, the second by the other finger: one enough, or both */
	VERIFY_ONE,
	VERIFY_TWO,
	VERIFY_OTHER,
	WRONG,          /* a member's touch taken for somebody else */
	STRANGER_ALIKE, /* a touch of somebody of the same set who is not enrolled */
	STRANGER_TWO,   /* two touches of two fingers of such a one */
	STRANGER_ELSE,  /* a touch of the other sets' people */
	IMPOSTOR,       /* a touch under somebody else's claim, same set */
	NOT_ENROLLED,   /* members whom the gate turned away for good */
	ROWS
};

static const struct {
	const char *key, *label;
} rows[ROWS] = {
	[IDENTIFY_ONE] = { "identify_one", "not identified, 1 touch" },
	[IDENTIFY_TWO] = { "identify_two", "not identified, 2 touches of a finger" },
	[IDENTIFY_OTHER] = { "identify_other", "not identified, 2 touches of 2 fingers" },
	[VERIFY_ONE] = { "verify_one", "not verified, claim + 1 touch" },
	[VERIFY_TWO] = { "verify_two", "not verified, claim + 2 touches of a finger" },
	[VERIFY_OTHER] = { "verify_other", "not verified, claim + 2 touches of 2" },
	[WRONG] = { "wrong", "identified as somebody else, 1 touch" },
	[STRANGER_ALIKE] = { "stranger_alike", "stranger of the same set identified" },
	[STRANGER_TWO] = { "stranger_two", "the same, by 2 touches of 2 fingers" },
	[STRANGER_ELSE] = { "stranger_else", "stranger of another set identified" },
	[IMPOSTOR] = { "impostor", "verified under another's claim, 1 touch" },
	[NOT_ENROLLED] = { "not_enrolled", "failures to enrol, members" },
};

/* Whose members: by how many impressions of a finger there are, and by grades. */
enum group { SEVERAL, SINGLE, SINGLE_GOOD, SINGLE_BEST, GROUPS };

static const struct {
	const char *key, *label;
	uint8_t grade_min;
} groups[GROUPS] = {
	[SEVERAL] = { "several", "two fingers x 3 impressions enrolled (FVC sets)", 0 },
	[SINGLE] = { "single", "two fingers x 1 impression (MINEX), all", 0 },
	[SINGLE_GOOD] = { "single_good", "the same, images of grade 3 to 5", 3 },
	[SINGLE_BEST] = { "single_best", "the same, images of grade 4 and 5", 4 },
};

/* Trials by finger or member: those of one depend on each other. */
struct tally {
	struct scores_cluster *at;
	uint64_t *id;
	size_t count, max;
};

/* What became of one image, its finger being enrolled. */
struct touch {
	struct till_touch till;
	uint8_t grade;
	bool identified, verified;
};

struct member {
	struct ulid subject;
	size_t first[FINGERS], images[FINGERS]; /* in the set's list */
	size_t enrolled[FINGERS]; /* images that went into, or were turned away */
	uint8_t grade;            /* the worst that was enrolled */
	bool is_enrolled;
	uint64_t key[FINGERS]; /* of the references, in the drawer */
	uint8_t packed[FINGERS][REFERENCE_BYTES_MAX];
	size_t bytes[FINGERS];
};

struct set {
	struct images images;
	bool several; /* impressions enough for IMPRESSIONS and some touches */
	struct member *members;
	size_t count;
};

struct bench {
	struct till till;
	uint64_t references;
	const char *stock_path, *figures;
	struct set sets[SETS_MAX];
	unsigned count;
	struct stock *stock;
	struct drawer *drawer;
	uint64_t fill; /* synthetic references in the gallery */
	struct tally tallies[GROUPS][ROWS];
};

static void
usage(FILE *f)
{
	(void)fputs(
		"usage: bio_touches [options] DIR...\n"
		"Enrols people whose fingers are those of the image folders DIR beside "
		"N\n"
		"synthetic references, and counts who is recognised, by one touch and "
		"by\n"
		"two, and which strangers are; with 95 % bounds.\n"
		"  --references N  of the gallery, all in (default 20000)\n"
		"  --stock FILE    where synthetic references are kept (default: stock)\n"
		"  --figures FILE  what was measured as \"KEY VALUE\" lines\n"
		"  --help          this text\n",
		f); /* nothing to do when even this cannot be written */
}

/* ---- counting -------------------------------------------------------------- */

/* Fingers take turns, but not many of them. */
#define CLUSTERS_BACK 4u

static struct scores_cluster *
cluster_of(struct tally *t, uint64_t id)
{
	for (size_t i = t->count; i > 0 && t->count - i < CLUSTERS_BACK; i--) {
		if (t->id[i - 1] == id)
			return &t->at[i - 1];
	}
	if (t->count == t->max) {
		size_t max = t->max == 0 ? 64 : 2 * t->max;
		struct scores_cluster *at = realloc(t->at, max * sizeof(*at));
		uint64_t *ids = realloc(t->id, max * sizeof(*ids));

		t->at = at != NULL ? at : t->at;
		t->id = ids != NULL ? ids : t->id;
		if (at == NULL || ids == NULL)
			return NULL;
		t->max = max;
	}
	t->at[t->count] = (struct scores_cluster){ 0, 0 };
	t->id[t->count] = id;
	return &t->at[t->count++];
}

static void
count(struct bench *b, enum group group, enum row row, uint64_t id, bool error)
{
	struct scores_cluster *c = cluster_of(&b->tallies[group][row], id);

	if (c == NULL)
		abort(); /* no memory: nothing of this can be right */
	c->trials++;
	c->errors += error;
}

/* Into every group that a transaction of images with this worst grade belongs to. */
static void
count_graded(struct bench *b, const struct set *s, uint8_t grade, enum row row,
	     uint64_t id, bool error)
{
	if (s->several) {
		count(b, SEVERAL, row, id, error);
		return;
	}
	for (enum group g = SINGLE; g < GROUPS; g++) {
		if (grade >= groups[g].grade_min)
			count(b, g, row, id, error);
	}
}

static uint64_t
id_of(const struct bench *b, const struct set *s, size_t image)
{
	return (uint64_t)(s - b->sets) << 32 | image;
}

static uint8_t
worse(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

/* ---- who is who ------------------------------------------------------------ */

static struct ulid
subject_of(uint64_t n)
{
	struct ulid u = { { 0 } };

	for (unsigned i = 0; i < 8; i++)
		u.b[15 - i] = (uint8_t)(n >> 8 * i);
	return u;
}

/* The image list's fingers: where each begins. */
static size_t
list_fingers(const struct images *list, size_t **ret_first)
{
	size_t *first = calloc(list->count + 1, sizeof(*first)), n = 0;

	if (first == NULL)
		return 0;
	for (size_t i = 0; i < list->count; i += images_of_finger(list, i))
		first[n++] = i;
	*ret_first = first;
	return n;
}

/* MINEX names are SSSFF: the same subject's finger of the other hand? */
static bool
is_other_hand(const struct image *a, const struct image *b)
{
	unsigned long right, left;

	if (a->finger_chars != b->finger_chars || a->finger_chars < 3 ||
	    memcmp(a->name, b->name, a->finger_chars - 2) != 0)
		return false;
	right = strtoul(a->name + a->finger_chars - 2, NULL, 10);
	left = strtoul(b->name + b->finger_chars - 2, NULL, 10);
	return right >= 1 && right <= ROLLED && left == right + ROLLED;
}

static void
add_member(struct set *s, uint64_t number, size_t first, size_t second)
{
	struct member *m = &s->members[s->count++];

	m->subject = subject_of(number);
	m->first[0] = first;
	m->first[1] = second;
	for (unsigned f = 0; f < FINGERS; f++)
		m->images[f] = images_of_finger(&s->images, m->first[f]);
}

/* Two fingers of different hands where the names tell, else each finger and the next one. */
static int
pair_fingers(struct bench *b, struct set *s)
{
	bool hands = images_family(s->images.dir) == IMAGES_MINEX;
	uint64_t number = UINT64_C(0x4000000000000000) + id_of(b, s, 0);
	size_t *first = NULL, n = list_fingers(&s->images, &first);

	s->members = calloc(n + 1, sizeof(*s->members));
	if (first == NULL || s->members == NULL) {
		free(first);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		size_t j = i + 1;

		if (!hands) {
			if (j < n)
				add_member(s, number + s->count, first[i++], first[j]);
			continue;
		}
		while (j < n &&
		       !is_other_hand(&s->images.at[first[i]], &s->images.at[first[j]]))
			j++;
		if (j < n)
			add_member(s, number + s->count, first[i], first[j]);
	}
	free(first);
	return 0;
}

static int
open_set(struct bench *b, const char *dir)
{
	struct set *s = &b->sets[b->count];
	int rc = b->count == SETS_MAX ? -E2BIG : images_list(dir, 0, &s->images);

	if (rc == 0)
		rc = images_extract(&s->images);
	if (rc < 0)
		return rc;
	b->count++;
	s->several = images_of_finger(&s->images, 0) > IMPRESSIONS;
	return pair_fingers(b, s);
}

/* ---- the gallery ----------------------------------------------------------- */

/* As many synthetic references as make N together with the set's members. */
static int
fill_to(struct bench *b, uint64_t wanted)
{
	uint64_t have = gallery_stats(b->till.gallery).references;

	while (have < wanted) {
		struct gallery_name name = { stock_subject(b->fill),
					     stock_finger(b->fill), 0 };
		size_t bytes;
		const uint8_t *packed = stock_at(b->stock, b->fill++, &bytes);
		int rc = bytes == 0 ? 0
				    : drawer_add(b->drawer, b->till.gallery, &name,
						 packed, bytes);

		if (rc < 0)
			return rc;
		have += bytes > 0;
		if (b->fill == stock_count(b->stock))
			return -ENODATA;
	}
	return 0;
}

static int
add_references(struct bench *b, struct member *m)
{
	int rc = 0;

	for (unsigned f = 0; rc == 0 && f < FINGERS; f++) {
		struct gallery_name name = { m->subject, 2 + 5 * f, m->key[f] };

		if (m->key[f] == 0)
			m->key[f] = name.key =
				drawer_put(b->drawer, name.subject, name.finger,
					   m->packed[f], m->bytes[f]);
		rc = gallery_add(b->till.gallery, &name, m->packed[f], m->bytes[f]);
	}
	return rc;
}

/* The first impression of a finger is looked for among all. */
static void
look_for(struct bench *b, struct enrol *e, struct enrol_progress *p)
{
	struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
	struct gallery_query q = { .probe = enrol_sought(e) };
	uint64_t references = gallery_stats(b->till.gallery).references;
	size_t count = 0;

	if (references > 0 && gallery_search(b->till.gallery, &q, found, &count) < 0)
		count = 0; /* too few minutiae */
	enrol_searched(e, enrol_is_duplicate(e, references, found, count), p);
}

/* Touches of one finger until its impressions are taken; the duplicate that is found ends it. */
static bool
enrol_finger(struct bench *b, struct set *s, struct member *m, struct enrol *e,
	     unsigned finger)
{
	unsigned wanted = finger, impression;

	while (wanted == finger && m->enrolled[finger] < m->images[finger]) {
		const struct image *image =
			&s->images.at[m->first[finger] + m->enrolled[finger]++];
		struct enrol_progress p;

		if (!image->usable)
			continue;
		if (!enrol_impression(e, &image->features, &p))
			look_for(b, e, &p);
		if (p.outcome == ENROL_DUPLICATE)
			return false;
		if (p.outcome == ENROL_TAKEN || p.outcome == ENROL_COMPLETE)
			m->grade = worse(m->grade, image->grade);
		if (p.outcome == ENROL_COMPLETE)
			return true;
		enrol_wanted(e, &wanted, &impression);
	}
	return wanted != finger;
}

static bool
enrol_member(struct bench *b, struct set *s, struct member *m)
{
	const struct store_consent consent = { .purposes = PURPOSE_IDENTIFY };
	const struct enrol_options o = {
		.fingers = FINGERS,
		.impressions = s->several ? IMPRESSIONS : 1,
		.quality_min = b->till.enrol_quality_min,
		.policy = &b->till.policy,
	};
	const struct finger_features *list[IMPRESSIONS];
	struct enrol *e = NULL;
	bool ok = enrol_new(&o, m->subject, m->subject, &consent, &e) == 0;

	m->grade = IMAGES_GRADE_MAX;
	for (unsigned f = 0; ok && f < FINGERS; f++)
		ok = enrol_finger(b, s, m, e, f);
	for (unsigned f = 0; ok && f < FINGERS; f++) {
		for (unsigned i = 0; i < o.impressions; i++)
			list[i] = enrol_taken(e, f * o.impressions + i);
		ok = reference_make(list, o.impressions, m->packed[f], &m->bytes[f]) == 0;
	}
	(void)enrol_free(e); /* always NULL */
	return ok && add_references(b, m) == 0;
}

/* ---- touches --------------------------------------------------------------- */

static const struct finger_features *
features_of(const struct image *image)
{
	return image->usable ? &image->features : NULL;
}

static bool
is_identified(const struct bench *b, const struct image *image)
{
	struct till_touch t;

	till_identify(&b->till, features_of(image), &t);
	return t.accepted;
}

static struct touch
touch_by(struct bench *b, const struct set *s, const struct member *m, unsigned finger,
	 size_t i)
{
	const struct image *image =
		&s->images.at[m->first[finger] + m->enrolled[finger] + i];
	struct touch t = { .grade = worse(m->grade, image->grade) };

	till_identify(&b->till, features_of(image), &t.till);
	t.identified = t.till.accepted && ulid_eq(t.till.subject, m->subject);
	t.verified = till_verify(&b->till, features_of(image), m->subject);
	return t;
}

/* Two touches of one finger: the second one is wanted where the first fails. */
static void
count_same(struct bench *b, const struct set *s, const struct touch pair[2], uint64_t id)
{
	uint8_t grade = worse(pair[0].grade, pair[1].grade);

	count_graded(b, s, grade, IDENTIFY_TWO, id,
		     !pair[0].identified && !pair[1].identified);
	count_graded(b, s, grade, VERIFY_TWO, id, !pair[0].verified && !pair[1].verified);
}

/* Two touches of two fingers: where neither is enough, both together may be. */
static void
count_other(struct bench *b, const struct set *s, const struct member *m,
	    const struct touch *first, const struct touch *second)
{
	uint8_t grade = worse(first->grade, second->grade);
	uint64_t id = id_of(b, s, m->first[0]);
	bool ok = first->identified || second->identified;
	struct ulid subject;

	if (!first->till.accepted && !second->till.accepted &&
	    till_both(&b->till, &first->till, &second->till, &subject))
		ok = ulid_eq(subject, m->subject);
	count_graded(b, s, grade, IDENTIFY_OTHER, id, !ok);
	count_graded(b, s, grade, VERIFY_OTHER, id,
		     !first->verified && !second->verified);
}

static void
count_touch(struct bench *b, const struct set *s, const struct touch *t, uint64_t id)
{
	count_graded(b, s, t->grade, IDENTIFY_ONE, id, !t->identified);
	count_graded(b, s, t->grade, VERIFY_ONE, id, !t->verified);
	count_graded(b, s, t->grade, WRONG, id, t->till.accepted && !t->identified);
}

static void
count_touches(struct bench *b, const struct set *s, const struct member *m)
{
	struct touch last[FINGERS] = { 0 };
	size_t left[FINGERS] = { m->images[0] - m->enrolled[0],
				 m->images[1] - m->enrolled[1] };

	for (size_t i = 0; i < left[0] || i < left[1]; i++) {
		for (unsigned f = 0; f < FINGERS; f++) {
			uint64_t id = id_of(b, s, m->first[f]);
			struct touch pair[2] = { last[f] };

			if (i >= left[f])
				continue;
			pair[1] = last[f] = touch_by(b, s, m, f, i);
			count_touch(b, s, &pair[1], id);
			if (i > 0)
				count_same(b, s, pair, id);
		}
		/* Either finger comes first in turn. */
		if (i < left[0] && i < left[1])
			count_other(b, s, m, &last[i % 2], &last[1 - i % 2]);
	}
}

/* All images of two fingers whose references are not in the gallery just now. */
static void
count_stranger(struct bench *b, const struct set *s, const struct member *m)
{
	for (size_t i = 0; i < m->images[0] || i < m->images[1]; i++) {
		struct till_touch touch[FINGERS] = { 0 };
		uint8_t grade = IMAGES_GRADE_MAX;
		bool any = false;
		struct ulid subject;

		for (unsigned f = 0; f < FINGERS; f++) {
			const struct image *image = &s->images.at[m->first[f] + i];

			if (i >= m->images[f])
				continue;
			till_identify(&b->till, features_of(image), &touch[f]);
			any = any || touch[f].accepted;
			grade = worse(grade, image->grade);
			count_graded(b, s, image->grade, STRANGER_ALIKE,
				     id_of(b, s, m->first[f]), touch[f].accepted);
		}
		if (i < m->images[0] && i < m->images[1])
			count_graded(b, s, grade, STRANGER_TWO, id_of(b, s, m->first[0]),
				     any || till_both(&b->till, &touch[i % 2],
						      &touch[1 - i % 2], &subject));
	}
}

/* Every touch after enrolment under the claims of all others of the set. */
static void
count_impostor(struct bench *b, const struct set *s, const struct member *m)
{
	for (unsigned f = 0; f < FINGERS; f++) {
		size_t first = s->several ? m->enrolled[f] : 0;

		for (size_t i = first; i < m->images[f]; i++) {
			const struct image *image = &s->images.at[m->first[f] + i];

			for (size_t k = 0; k < s->count; k++) {
				const struct member *claimed = &s->members[k];

				if (claimed == m || !claimed->is_enrolled)
					continue;
				count_graded(b, s, worse(image->grade, claimed->grade),
					     IMPOSTOR, id_of(b, s, m->first[f]),
					     till_verify(&b->till, features_of(image),
							 claimed->subject));
			}
		}
	}
}

static void
count_others(struct bench *b, const struct set *enrolled)
{
	for (unsigned k = 0; k < b->count; k++) {
		const struct set *s = &b->sets[k];

		for (size_t i = 0, first = 0; i < s->images.count; i++) {
			const struct image *image = &s->images.at[i];

			if (!images_same_finger(&s->images.at[first], image))
				first = i;
			if (s != enrolled)
				count(b, enrolled->several ? SEVERAL : SINGLE,
				      STRANGER_ELSE, id_of(b, s, first),
				      is_identified(b, image));
		}
	}
}

static int
run_set(struct bench *b, struct set *s)
{
	int rc = fill_to(b, b->references - FINGERS * s->count);

	for (size_t i = 0; rc == 0 && i < s->count; i++) {
		struct member *m = &s->members[i];

		m->is_enrolled = enrol_member(b, s, m);
		count_graded(b, s, m->is_enrolled ? m->grade : 0, NOT_ENROLLED,
			     id_of(b, s, m->first[0]), !m->is_enrolled);
	}
	for (size_t i = 0; rc == 0 && i < s->count; i++) {
		struct member *m = &s->members[i];

		if (!m->is_enrolled)
			continue;
		count_touches(b, s, m);
		count_impostor(b, s, m);
		(void)gallery_remove(b->till.gallery, m->subject); /* both, if any */
		count_stranger(b, s, m);
		rc = add_references(b, m);
	}
	if (rc == 0)
		count_others(b, s);
	for (size_t i = 0; i < s->count; i++)
		(void)gallery_remove(b->till.gallery, s->members[i].subject);
	return rc;
}

/* ---- what comes out -------------------------------------------------------- */

static struct scores_cluster
sum_of(const struct tally *t)
{
	struct scores_cluster sum = { 0 };

	for (size_t i = 0; i < t->count; i++) {
		sum.errors += t->at[i].errors;
		sum.trials += t->at[i].trials;
	}
	return sum;
}

static void
print_row(const struct tally *t, const char *label)
{
	struct scores_cluster sum = sum_of(t);
	double effective;
	struct bounds bound = bounds_clustered(t->at, t->count, &effective);

	if (sum.trials == 0)
		return;
	printf("  %-46s %6" PRIu64 " of %6" PRIu64 "  %6.2f %% [%.2f..%.2f]", label,
	       sum.errors, sum.trials, 100.0 * (double)sum.errors / (double)sum.trials,
	       100.0 * bound.low, 100.0 * bound.high);
	if (sum.errors == 0)
		printf(", none can mean up to %.2f %%",
		       100.0 * bounds_least((double)sum.trials));
	printf("\n");
}

static void
print_all(const struct bench *b)
{
	printf("gallery of %" PRIu64 " references; threshold %.1f dB for FPIR %g, %.1f "
	       "dB one to one\n",
	       b->references, decide_threshold(&b->till.policy, b->references) / 100.0,
	       b->till.policy.fpir_per_million / 1e6,
	       decide_verify_threshold(&b->till.policy, FINGERS) / 100.0);
	for (unsigned g = 0; g < GROUPS; g++) {
		if (sum_of(&b->tallies[g][NOT_ENROLLED]).trials == 0)
			continue;
		printf("%s\n", groups[g].label);
		for (unsigned r = 0; r < ROWS; r++)
			print_row(&b->tallies[g][r], rows[r].label);
	}
}

static int
write_figures(const struct bench *b)
{
	FILE *f = b->figures != NULL ? fopen(b->figures, "we") : NULL;
	bool bad;

	if (b->figures == NULL)
		return 0;
	if (f == NULL)
		return -errno;
	(void)fprintf(f, "touches.references %" PRIu64 "\n", b->references);
	for (unsigned i = 0; i < GROUPS * ROWS; i++) {
		const struct tally *t = &b->tallies[i / ROWS][i % ROWS];
		const char *group = groups[i / ROWS].key, *row = rows[i % ROWS].key;
		struct scores_cluster sum = sum_of(t);
		struct bounds bound = bounds_clustered(t->at, t->count, NULL);

		if (sum.trials == 0)
			continue;
		(void)fprintf(f,
			      "touches.%s.%s.errors %" PRIu64 "\n"
			      "touches.%s.%s.trials %" PRIu64 "\n"
			      "touches.%s.%s.low %.6f\ntouches.%s.%s.high %.6f\n",
			      group, row, sum.errors, group, row, sum.trials, group, row,
			      bound.low, group, row, bound.high);
	}
	bad = ferror(f) != 0;
	return fclose(f) != 0 || bad ? -EIO : 0;
}

/* ---- the program ----------------------------------------------------------- */

static int
parse_options(int argc, char **argv, struct bench *b)
{
	int i = 1;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		if (strcmp(argv[i], "--references") == 0)
			b->references = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--stock") == 0)
			b->stock_path = argv[i + 1];
		else if (strcmp(argv[i], "--figures") == 0)
			b->figures = argv[i + 1];
		else
			return 0;
	}
	return i < argc && argv[i][0] != '-' && b->references > 2 * FINGERS &&
			       b->references <= STOCK_MAX / 2
		       ? i
		       : 0;
}

static int
run(struct bench *b, char **dirs)
{
	const char *what = "";
	int rc = 0;

	for (; rc == 0 && *dirs != NULL; dirs++)
		rc = open_set(b, what = *dirs);
	/* Some more than wanted: a few of the stock are no references. */
	if (rc == 0)
		rc = stock_open(what = b->stock_path, b->references * 21 / 20, &b->stock);
	b->drawer = drawer_new();
	b->till.gallery = gallery_new(b->references + FINGERS * MEMBERS_MAX,
				      drawer_source(b->drawer));
	if (rc == 0 && b->till.gallery == NULL)
		rc = -ENOMEM;
	for (unsigned k = 0; rc == 0 && k < b->count; k++)
		rc = FINGERS * b->sets[k].count < b->references ? run_set(b, &b->sets[k])
								: -E2BIG;
	if (rc == 0) {
		print_all(b);
		rc = write_figures(b);
	}
	if (rc < 0)
		(void)fprintf(stderr, "bio_touches: %s: %s\n", what, strerror(-rc));
	return rc;
}

static void
release(struct bench *b)
{
	(void)gallery_free(b->till.gallery); /* these return NULL */
	(void)drawer_free(b->drawer);
	(void)stock_close(b->stock);
	for (unsigned k = 0; k < b->count; k++) {
		images_close(&b->sets[k].images);
		free(b->sets[k].members);
	}
	for (unsigned i = 0; i < GROUPS * ROWS; i++) {
		free(b->tallies[i / ROWS][i % ROWS].at);
		free(b->tallies[i / ROWS][i % ROWS].id);
	}
}

int
main(int argc, char **argv)
{
	static struct bench b = { .references = REFERENCES_DEFAULT,
				  .stock_path = "stock" };
	bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
	int first = help ? 0 : parse_options(argc, argv, &b), rc;

	if (first == 0) {
		usage(help ? stdout : stderr);
		return help ? EXIT_SUCCESS : 2;
	}
	till_defaults(&b.till);
	rc = run(&b, &argv[first]);
	release(&b);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
