#ifndef LANED_TESTS_UNIT_TEMPDIR_H
#define LANED_TESTS_UNIT_TEMPDIR_H

/* A folder for one test, and what tests do with files. Every failure fails the test. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEMPDIR_BYTES 64u
#define TEMPDIR_PATH_BYTES 160u

void tempdir_make(char dir[TEMPDIR_BYTES]);
/* Removes the folder and the files in it (no folders). */
void tempdir_remove(const char *dir);

/* DIR/name, in one of a few static buffers. */
const char *tempdir_path(const char *dir, const char *name);

/* The whole file, malloc'ed; an absent one is empty. */
uint8_t *tempdir_read(const char *dir, const char *name, size_t *ret_bytes);
void tempdir_write(const char *dir, const char *name, const void *data, size_t bytes);

/* Is needle anywhere in any file of the folder? */
bool tempdir_holds(const char *dir, const void *needle, size_t bytes);

#endif
