#include "images.h"

#include "bio/sample.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_BYTES_MAX (4u << 20)
#define PATH_BYTES 4096u
#define LINE_BYTES 256u
#define IMPRESSION_MAX 1000u
#define IMAGES_FIRST 256u

/*
 * The sets by name in small letters and digits only. Resolutions: the competitions' own pages,
 * but for the U.are.U 4000, whose maker says 512.
 */
static const struct known_set {
	const char *prefix;
	enum images_family family;
	uint32_t dpi;
} known_sets[] = {
	{ "fvc2000db1", IMAGES_FVC_OPTICAL, 500 },
	{ "fvc2000db3", IMAGES_FVC_OPTICAL, 500 },
	{ "fvc2002db1", IMAGES_FVC_OPTICAL, 500 },
	{ "fvc2002db2", IMAGES_FVC_OPTICAL, 569 },
	{ "fvc2004db1", IMAGES_FVC_OPTICAL, 500 },
	{ "fvc2004db2", IMAGES_FVC_OPTICAL, 512 },
	{ "fvc2004db3", IMAGES_FVC_REST, 512 },
	{ "fvc", IMAGES_FVC_REST, 500 },
	{ "minex", IMAGES_MINEX, 500 },
	{ "", IMAGES_OTHER, IMAGES_DPI },
};

static const struct known_set *
known_set(const char *dir)
{
	char name[IMAGES_NAME_BYTES];
	const char *from = dir + strlen(dir), *end;
	size_t n = 0, i = 0;

	while (from > dir && from[-1] == '/')
		from--;
	end = from;
	while (from > dir && from[-1] != '/')
		from--;
	for (; from < end && n + 1 < sizeof(name); from++) {
		if (isalnum((unsigned char)*from))
			name[n++] = (char)tolower((unsigned char)*from);
	}
	name[n] = '\0';
	while (strncmp(name, known_sets[i].prefix, strlen(known_sets[i].prefix)) != 0)
		i++;
	return &known_sets[i];
}

enum images_family
images_family(const char *dir)
{
	return known_set(dir)->family;
}

double
images_cpu_us(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0)
		return 0;
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Splits NAME_IMPRESSION.pgm; false: another kind of file. */
static bool
parse_name(const char *file, struct image *image)
{
	const char *dot = strrchr(file, '.'), *bar = strrchr(file, '_');
	unsigned long n;
	char *end;

	if (dot == NULL || bar == NULL || strcmp(dot, ".pgm") != 0 || bar > dot)
		return false;
	if ((size_t)(dot - file) >= IMAGES_NAME_BYTES)
		return false;
	n = strtoul(bar + 1, &end, 10);
	if (end != dot || end == bar + 1 || n > IMPRESSION_MAX)
		return false;
	memcpy(image->name, file, (size_t)(dot - file));
	image->name[dot - file] = '\0';
	image->finger_chars = (unsigned)(bar - file);
	image->impression = (unsigned)n;
	return true;
}

bool
images_same_finger(const struct image *a, const struct image *b)
{
	return a->finger_chars == b->finger_chars &&
	       memcmp(a->name, b->name, a->finger_chars) == 0;
}

static int
by_finger(const void *a, const void *b)
{
	const struct image *x = a, *y = b;

	if (images_same_finger(x, y))
		return (x->impression > y->impression) - (x->impression < y->impression);
	return strcmp(x->name, y->name);
}

size_t
images_of_finger(const struct images *list, size_t first)
{
	size_t n = 1;

	while (first + n < list->count &&
	       images_same_finger(&list->at[first], &list->at[first + n]))
		n++;
	return n;
}

static struct image *
find(const struct images *list, const char *name)
{
	static struct image key; /* too large for a stack */
	char file[IMAGES_NAME_BYTES + sizeof(".pgm")];

	if ((size_t)snprintf(file, sizeof(file), "%s.pgm", name) >= sizeof(file) ||
	    !parse_name(file, &key))
		return NULL;
	return bsearch(&key, list->at, list->count, sizeof(key), by_finger);
}

uint8_t
images_grade(const struct images *list, const char *name)
{
	const struct image *image = find(list, name);

	return image != NULL ? image->grade : 0;
}

static int
append(struct images *list, const struct image *image, size_t *max)
{
	struct image *more;

	if (list->count == IMAGES_MAX)
		return -E2BIG;
	if (list->count == *max) {
		*max = *max == 0 ? IMAGES_FIRST : 2 * *max;
		more = realloc(list->at, *max * sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		list->at = more;
	}
	list->at[list->count++] = *image;
	return 0;
}

static int
read_folder(struct images *list)
{
	static struct image image; /* too large for a stack */
	DIR *d = opendir(list->dir);
	struct dirent *e;
	size_t max = 0;
	int rc = 0;

	if (d == NULL)
		return -errno;
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (parse_name(e->d_name, &image))
			rc = append(list, &image, &max);
	}
	(void)closedir(d); /* read only */
	if (rc == 0 && list->count == 0)
		rc = -ENOENT;
	if (rc == 0)
		qsort(list->at, list->count, sizeof(*list->at), by_finger);
	return rc;
}

/* A file beside the images, NULL with *ret_rc 0 when there is none. */
static FILE *
open_beside(const struct images *list, const char *name, int *ret_rc)
{
	char path[PATH_BYTES];
	FILE *f;

	*ret_rc = -ENAMETOOLONG;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", list->dir, name) >=
	    sizeof(path))
		return NULL;
	f = fopen(path, "rbe");
	*ret_rc = f != NULL || errno == ENOENT ? 0 : -errno;
	return f;
}

static int
read_dpi(struct images *list)
{
	unsigned value = 0;
	int rc;
	FILE *f = open_beside(list, "dpi", &rc);

	if (f == NULL) {
		list->dpi = known_set(list->dir)->dpi;
		return rc;
	}
	if (fscanf(f, "%4u", &value) != 1 || value < SAMPLE_DPI_MIN ||
	    value > SAMPLE_DPI_MAX)
		rc = -EBADMSG;
	(void)fclose(f); /* read only */
	list->dpi = value;
	return rc;
}

static int
read_grades(struct images *list)
{
	char line[LINE_BYTES], name[IMAGES_NAME_BYTES];
	unsigned grade;
	int rc;
	FILE *f = open_beside(list, "quality.txt", &rc);

	if (f == NULL)
		return rc;
	while (rc == 0 && fgets(line, sizeof(line), f) != NULL) {
		struct image *image;

		if (sscanf(line, "%63s %u", name, &grade) != 2 || grade < 1 ||
		    grade > IMAGES_GRADE_MAX) {
			rc = -EBADMSG;
			break;
		}
		image = find(list, name);
		if (image != NULL)
			image->grade = (uint8_t)grade;
	}
	(void)fclose(f); /* read only */
	return rc;
}

int
images_list(const char *dir, uint32_t dpi, struct images *ret)
{
	int rc;

	*ret = (struct images){ .dir = dir, .dpi = dpi };
	rc = read_folder(ret);
	if (rc == 0 && dpi == 0)
		rc = read_dpi(ret);
	return rc == 0 ? read_grades(ret) : rc;
}

static int
load(const struct images *list, const struct image *image, struct sample **ret_sample)
{
	static uint8_t bytes[FILE_BYTES_MAX];
	char path[PATH_BYTES];
	const char *why;
	size_t n;
	FILE *f;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s.pgm", list->dir, image->name) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	f = fopen(path, "rbe");
	if (f == NULL)
		return -errno;
	n = fread(bytes, 1, sizeof(bytes), f);
	(void)fclose(f); /* read only */
	return sample_decode(bytes, n, list->dpi, ret_sample, &why);
}

int
images_extract(struct images *list)
{
	struct finger_extractor *x = finger_extractor_new();
	int rc = x == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < list->count && rc == 0; i++) {
		struct image *image = &list->at[i];
		struct sample *s = NULL;
		double start;

		rc = load(list, image, &s);
		if (rc < 0)
			break;
		start = images_cpu_us();
		image->usable = finger_extract(x, s, &image->features) == 0 &&
				fine_prepare(&image->side, &image->features);
		list->extract_ms += (images_cpu_us() - start) / 1e3;
		list->unusable += !image->usable;
		sample_free(s);
	}
	finger_extractor_free(x);
	return rc;
}

void
images_close(struct images *list)
{
	free(list->at);
	*list = (struct images){ 0 };
}
