#ifndef LANED_TESTS_BENCH_FIGURES_H
#define LANED_TESTS_BENCH_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * What a measuring program hands to the report: a file of "KEY VALUE" lines, KEY without blanks.
 * The last line of a key counts.
 */
struct figures;

#define FIGURES_TEXT_MAX 128u

/* An empty list. NULL: no memory. */
struct figures *figures_new(void);
struct figures *figures_free(struct figures *f);

/* Adds a file's lines, or none when there is no such file. 0; -EBADMSG; -ENOMEM; errno of reading. */
int figures_read(struct figures *f, const char *path);

/* As a number: false when it is missing or none. */
bool figures_get(const struct figures *f, const char *key, double *ret);

/* As it stands, NULL when it is missing. */
const char *figures_text(const struct figures *f, const char *key);

#endif
