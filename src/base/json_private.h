#ifndef LANED_BASE_JSON_PRIVATE_H
#define LANED_BASE_JSON_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What reader and writer of JSON have in common. */
#define JSON_INTEGER_MAX ((INT64_C(1) << 53) - 1)
/* cJSON 1.7 copies a number into 64 bytes and would split a longer one. */
#define JSON_NUMBER_BYTES_MAX 63u

/* The length of a JSON number at p[0..n), or 0; *ret_whole: no fraction and no exponent. */
size_t json_number_bytes(const char *p, size_t n, bool *ret_whole);

#endif
