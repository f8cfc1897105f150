/* The same as test_glass with real prints, which are no part of this tree. */
#include "bio/glass.h"

#include "glass_kit.h"
#include "unit.h"

#include <dirent.h>

#define PRINTS_MAX 100u
#define FILE_BYTES_MAX (1u << 20)
#define CLEAN_TOUCHES 600u
#define FIRST_PEOPLE 100u

static const char *const sets[] = { "fvc2004_db2b", "fvc2002_db1b" };

static struct sample *prints[PRINTS_MAX];
static unsigned prints_count;
static struct glass glass;

/* The folder of a set; path holds 512 bytes. */
static char *
folder_of(char *path, const char *set)
{
	const char *data = getenv("DATA_FINGER"), *src = getenv("SRCDIR");

	if (data != NULL)
		(void)snprintf(path, 512, "%s/%s", data, set); /* cut, it is not found */
	else
		(void)snprintf(path, 512, "%s/../shared/data/finger/%s",
			       src == NULL ? "." : src, set);
	return path;
}

static void
load(const char *path)
{
	uint8_t *data = malloc(FILE_BYTES_MAX);
	FILE *f = fopen(path, "rbe");
	size_t n;

	ck_assert_ptr_nonnull(data);
	ck_assert_msg(f != NULL, "%s cannot be read", path);
	n = fread(data, 1, FILE_BYTES_MAX, f);
	(void)fclose(f); /* read only */
	ck_assert_int_eq(sample_decode(data, n, 500, &prints[prints_count], NULL), 0);
	prints_count++;
	free(data);
}

static void
load_all(const char *set)
{
	char folder[512], path[1024];
	DIR *d = opendir(folder_of(folder, set));
	struct dirent *e;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL && prints_count < PRINTS_MAX) {
		if (strstr(e->d_name, ".pgm") == NULL)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		load(path);
	}
	(void)closedir(d);
	ck_assert_uint_ge(prints_count, 20);
}

static void
touch_print(unsigned n, unsigned print, const struct smear *smear)
{
	const struct sample *p = prints[print];
	struct sample *s = NULL;

	ck_assert_int_eq(sample_new(p->width, p->height, p->dpi, &s), 0);
	memcpy(s->grey, p->grey, (size_t)p->width * p->height);
	if (smear != NULL)
		glass_kit_smear(s, smear);
	glass_kit_touch(&glass, n, s);
	sample_free(s);
}

/* Each impression stands for somebody else: ten fingers are not twenty people. */
START_TEST(real_prints_are_clean_and_smears_on_them_are_seen)
{
	static const struct smear smears[] = { { 60, 300, 40, 60 },
					       { 164, 182, 40, 80 },
					       { 270, 90, 50, 60 } };
	uint32_t seed = 1;
	unsigned n = 0;

	load_all(sets[_i]);
	memset(&glass, 0, sizeof(glass));
	for (unsigned i = 0; i < CLEAN_TOUCHES; i++) {
		touch_print(n++, glass_kit_random(&seed, prints_count), NULL);
		ck_assert_msg(!glass_is_dirty(&glass), "touch %u", i);
	}
	for (size_t k = 0; k < sizeof(smears) / sizeof(smears[0]); k++) {
		for (unsigned i = 0; i < 2 * GLASS_SUBJECTS; i++)
			touch_print(n++, glass_kit_random(&seed, prints_count),
				    &smears[k]);
		ck_assert_msg(glass_is_dirty(&glass), "smear %zu", k);
		for (unsigned i = 0; i < GLASS_SUBJECTS; i++)
			touch_print(n++, glass_kit_random(&seed, prints_count), NULL);
		ck_assert_msg(!glass_is_dirty(&glass), "wiped %zu", k);
	}
	for (size_t k = 0; k < sizeof(smears) / sizeof(smears[0]); k++) {
		memset(&glass, 0, sizeof(glass)); /* begun with it */
		for (unsigned i = 0; i <= GLASS_SUBJECTS; i++)
			touch_print(n++, glass_kit_random(&seed, prints_count),
				    &smears[k]);
		ck_assert_msg(glass_is_dirty(&glass), "from the first %zu", k);
	}
	/* The first people, many times over. */
	for (unsigned day = 0; day < FIRST_PEOPLE; day++) {
		memset(&glass, 0, sizeof(glass));
		for (unsigned i = 0; i <= GLASS_SUBJECTS; i++)
			touch_print(n++, glass_kit_random(&seed, prints_count), NULL);
		ck_assert_msg(!glass_is_dirty(&glass), "day %u", day);
	}
	for (unsigned i = 0; i < prints_count; i++)
		sample_free(prints[i]);
}
END_TEST

int
main(void)
{
	char path[512];
	SRunner *r;
	TCase *c;
	Suite *s;
	int failed;

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		DIR *d = opendir(folder_of(path, sets[i]));

		if (d == NULL) {
			printf("skipped: no prints in %s; set DATA_FINGER\n", path);
			return 77;
		}
		(void)closedir(d);
	}
	s = suite_create("glass_real");
	c = tcase_create("glass_real");
	tcase_set_timeout(c, 120);
	tcase_add_loop_test(c, real_prints_are_clean_and_smears_on_them_are_seen, 0, 2);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
