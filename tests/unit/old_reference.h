#ifndef LANED_TESTS_UNIT_OLD_REFERENCE_H
#define LANED_TESTS_UNIT_OLD_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

/*
 * A packed reference as programs before this one wrote it (version 1): the map byte by byte, and no
 * sketch. Written here once more, never to be changed: such references are out there. ret has room for
 * REFERENCE_BYTES_MAX. How many bytes.
 */
size_t old_reference(const uint8_t *packed, size_t bytes, uint8_t *ret);

#endif
