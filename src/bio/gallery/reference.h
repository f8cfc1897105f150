#ifndef LANED_BIO_GALLERY_REFERENCE_H
#define LANED_BIO_GALLERY_REFERENCE_H

#include "bio/finger/finger.h"
#include "bio/gallery/scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A reference: the consolidated template of one enrolled finger, packed with a version byte,
 * big-endian, no padding. What gallery.db stores (encrypted) and the gallery unpacks. Where it has
 * room it holds its sketch too: what the first stages of a search want of it, derived from the rest,
 * so that a gallery is loaded without making that again (sketch.h). It is biometric data: callers keep
 * it in locked memory.
 */
#define REFERENCE_BYTES_MAX 1536u
#define REFERENCE_VERSION 2u
#define REFERENCE_IMPRESSIONS_MAX 5u

/*
 * Flag in the second byte: the reference came from another system, minutiae only (foreign.h). It has
 * a calibration of its own, and an identification that rests on it alone does not pay.
 */
#define REFERENCE_FOREIGN 2u
bool reference_is_foreign(const uint8_t *data, size_t bytes);

/*
 * Consolidates 1..REFERENCE_IMPRESSIONS_MAX impressions of one finger into one reference:
 * impressions are aligned to the best one, minutiae seen in several are merged and strengthened.
 * *ret_bytes <= REFERENCE_BYTES_MAX. 0; -EINVAL no impression or too many; -ENODATA too few
 * minutiae to tell a finger; -EXDEV the impressions are not of one finger; -ENOMEM.
 */
int reference_make(const struct finger_features *const impressions[], size_t count,
		   uint8_t buf[REFERENCE_BYTES_MAX], size_t *ret_bytes);

/*
 * Reads a packed reference, of this version or an older one, back into features, with coarse orientation cells where the
 * impressions had them. Strict: every length and range is checked, but the sketch is passed over. 0;
 * -EBADMSG malformed; -ENOTSUP a newer version.
 */
int reference_unpack(const uint8_t *data, size_t bytes,
		     struct finger_features *ret_features);

/*
 * What the scan keeps of a packed reference: its sketch where that can be read, and then the rest is
 * not looked at; else made of its features, which are left in *scratch. Both come out the same. 0; 1 it
 * was made, and reference_renew gives a reference it can be read from; errors as reference_unpack.
 */
int reference_scan(const uint8_t *data, size_t bytes, struct finger_features *scratch,
		   struct scan_reference *ret_scan);

/* Leaves the sketch out, for who is never searched for. How many bytes are left. */
size_t reference_drop_sketch(uint8_t *data, size_t bytes);

/*
 * The same reference of this version with a sketch of this version, if it has room: of the same
 * features, bit by bit, and of another system's the same record. *ret_bytes <= REFERENCE_BYTES_MAX.
 * 0; as reference_unpack; -ENOMEM.
 */
int reference_renew(const uint8_t *data, size_t bytes, uint8_t buf[REFERENCE_BYTES_MAX],
		    size_t *ret_bytes);

#endif
