#ifndef LANED_TESTS_BENCH_IMAGES_H
#define LANED_TESTS_BENCH_IMAGES_H

#include "bio/finger/finger.h"
#include "bio/gallery/fine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A folder of finger images for measuring: every FINGER_IMPRESSION.pgm with its features. Other
 * files are left alone, but for two that may lie beside the images: `dpi`, the resolution in
 * digits, and `quality.txt`, lines "NAME GRADE" with grades 1 (poor) to 5 as NIST gives them.
 */
#define IMAGES_NAME_BYTES 64u
#define IMAGES_MAX 20000u
#define IMAGES_DPI 500u /* where nothing says otherwise */
#define IMAGES_GRADE_MAX 5u

struct image {
	char name[IMAGES_NAME_BYTES]; /* FINGER_IMPRESSION */
	unsigned finger_chars;        /* of the name, before the last _ */
	unsigned impression;
	uint8_t grade; /* 0: none given */
	bool usable;   /* false: a failure to acquire, or not yet extracted */
	struct finger_features features;
	struct fine_side side; /* of the features above */
};

struct images {
	const char *dir; /* borrowed */
	uint32_t dpi;
	struct image *at; /* by finger, then by impression */
	size_t count, unusable;
	double extract_ms; /* CPU time of all extractions, preparation included */
};

/* What the families of public sets are; none of their images is in this tree. */
enum images_family {
	IMAGES_OTHER,
	IMAGES_FVC_OPTICAL, /* the optical sets of FVC2000, FVC2002, FVC2004 */
	IMAGES_FVC_REST,    /* their capacitive, thermal and synthetic sets */
	IMAGES_MINEX        /* inked plain prints of NIST's MINEX III validation */
};

/* By the last part of a path, such as fvc2004_db2b or FVC2004/DB2_B written as one. */
enum images_family images_family(const char *dir);

/*
 * Lists a folder. dpi 0: what its file `dpi` says, else what is known of the family. 0; -ENOENT
 * no image; -E2BIG more than IMAGES_MAX; -EBADMSG a file beside the images is malformed; errno of
 * reading; -ENOMEM. Release with images_close also after a failure.
 */
int images_list(const char *dir, uint32_t dpi, struct images *ret);

/* Extracts the features of all. 0; -EBADMSG or -EINVAL a file is no such picture; -ENOMEM. */
int images_extract(struct images *list);

void images_close(struct images *list);

bool images_same_finger(const struct image *a, const struct image *b);

/* How many images of one finger there are from the first on. */
size_t images_of_finger(const struct images *list, size_t first);

/* The grade of an image, 0 when there is none of this name. */
uint8_t images_grade(const struct images *list, const char *name);

/* CPU time of the process in microseconds: what others on the machine do is not in it. */
double images_cpu_us(void);

#endif
