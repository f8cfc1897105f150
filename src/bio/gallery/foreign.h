#ifndef LANED_BIO_GALLERY_FOREIGN_H
#define LANED_BIO_GALLERY_FOREIGN_H

#include "bio/finger/fmr.h"
#include "bio/gallery/reference.h"

/*
 * References of other systems: minutiae only, from a record of theirs (fmr.h). Packed, such a
 * reference is the record of one view itself, in its own units and order, so what is exported again
 * is what was imported. It is biometric data as every reference is.
 */
#define FOREIGN_MINUTIAE_MAX 250u /* of a view: no more fit REFERENCE_BYTES_MAX */

/*
 * Packs the reference of the finger at position 1..FMR_POSITION_MAX from count of the record's
 * views. One is kept byte by byte, but for extended data; several are consolidated as impressions
 * are, and the result is an ISO record at 500 dpi. 0; -EINVAL no view or more than
 * REFERENCE_IMPRESSIONS_MAX; -ENODATA too few minutiae to tell a finger; -EMSGSIZE more than
 * FOREIGN_MINUTIAE_MAX; -EXDEV the views are not of one finger; -ENOMEM.
 */
int foreign_make(const struct fmr *record, const unsigned views[], size_t count,
		 uint8_t position, uint8_t buf[REFERENCE_BYTES_MAX], size_t *ret_bytes);

/*
 * The record in a packed foreign reference, which it borrows. 0; -EBADMSG it is none, or not as
 * foreign_make packs.
 */
int foreign_open(const uint8_t *packed, size_t bytes, struct fmr *ret_record);

#endif
