#ifndef LANED_BIO_GALLERY_REFERENCE_PRIVATE_H
#define LANED_BIO_GALLERY_REFERENCE_PRIVATE_H

/* How a packed reference begins: what reference.c, reference_scan.c and foreign.c share. */
#include "bio/gallery/reference.h"

/* Flags in the second byte, beside REFERENCE_FOREIGN. */
#define REFERENCE_MAP 1u    /* an orientation map follows */
#define REFERENCE_SKETCH 4u /* two bytes of length and a sketch follow the flags */
#define REFERENCE_CODED 8u  /* the map is written as flow_code.h has it */
#define REFERENCE_LEAD_BYTES 2u
#define REFERENCE_LENGTH_BYTES 2u

/* A packed reference in its parts, borrowed. */
struct reference_parts {
	unsigned version, flags;
	const uint8_t *sketch; /* NULL: none */
	size_t sketch_bytes;
	const uint8_t *body; /* what the flags say, or another system's record */
	size_t body_bytes;
};

/* 0; -EBADMSG malformed, as far as this goes; -ENOTSUP a newer version. */
int reference_open(const uint8_t *data, size_t bytes, struct reference_parts *ret_parts);

/* Features in this version's form, without a sketch. Positions and sizes are those of a reference. */
size_t reference_pack(const struct finger_features *f, uint8_t buf[REFERENCE_BYTES_MAX]);

/* Puts the sketch into a reference without one, if it has room. 0; as reference_unpack; -ENOMEM. */
int reference_put_sketch(uint8_t buf[REFERENCE_BYTES_MAX], size_t *bytes);

#endif
