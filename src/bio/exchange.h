#ifndef LANED_BIO_EXCHANGE_H
#define LANED_BIO_EXCHANGE_H

#include "bio/finger/fmr.h"
#include "bio/store.h"

#include <stdbool.h>

/*
 * Finger minutiae records of other systems, in and out: which references a record gives, and which
 * record a subject's references give. Pure; all of it is biometric data and stays in locked memory.
 */
#define EXCHANGE_FINGERS_MAX FMR_POSITION_MAX
#define EXCHANGE_BYTES_MAX 16384u /* of a record we write */
#define EXCHANGE_WHAT_BYTES 120u

/* A finger of a record, and the reference made of its views. */
struct exchange_finger {
	uint8_t position; /* 1..FMR_POSITION_MAX */
	uint8_t views;    /* of it in the record; one is kept byte by byte */
	uint8_t quality;  /* of the best view, 0..100 */
	uint16_t minutiae;
	uint16_t extended_bytes; /* that were left out */
	size_t bytes;
	uint8_t reference[REFERENCE_BYTES_MAX];
};

struct exchange {
	struct fmr_head head;
	unsigned views;
	size_t fingers_count;
	struct exchange_finger fingers[EXCHANGE_FINGERS_MAX]; /* in the record's order */
};

/* Why a record was refused. */
struct exchange_fault {
	bool at_byte; /* offset tells where */
	size_t offset;
	char what[EXCHANGE_WHAT_BYTES];
};

/*
 * Reads a record and makes one reference of each finger in it. position 1..FMR_POSITION_MAX names
 * the finger of a record that does not tell (all views of position 0); 0: none is named. Of more
 * than REFERENCE_IMPRESSIONS_MAX views of a finger the best are taken. 0; -EBADMSG, -ENOTSUP,
 * -EMSGSIZE the record is refused, as fmr_open; -EINVAL the fingers cannot be told; -ENODATA too
 * few minutiae or no view; -EXDEV views of different fingers under one position, or one finger
 * under two; -ENOMEM. *ret_fault says it for people, on failure only.
 */
int exchange_read(const uint8_t *data, size_t bytes, uint8_t position,
		  struct exchange *ret_exchange, struct exchange_fault *ret_fault);

/*
 * Writes the references of one subject as one record. format 0: as they were imported, where they
 * came of records with equal heads, else ISO. *ret_exact: every minutia stands there byte by byte
 * as it was imported. 0; -ENODATA no reference; -EBADMSG a reference that is none; -ERANGE more or
 * larger ones than a record holds; -ENOMEM.
 */
int exchange_write(const struct store_reference *references, size_t count,
		   unsigned format, uint8_t buf[EXCHANGE_BYTES_MAX], size_t *ret_bytes,
		   bool *ret_exact);

/* "iso" or "ansi" as an enum fmr_format; 0 for another name. And back. */
unsigned exchange_format(struct str name);
const char *exchange_format_name(enum fmr_format format);

#endif
