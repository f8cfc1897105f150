#ifndef LANED_TESTS_SYNTH_CROWD_H
#define LANED_TESTS_SYNTH_CROWD_H

#include "synth.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A crowd of synthetic fingers without end: the features of any impression of the n-th finger, or
 * what an enrolment would make of several. From features without pictures, or, slowly, through
 * pictures and the extractor. One thread at a time per crowd.
 */
struct crowd;

struct crowd_options {
	uint64_t seed; /* another seed, another crowd */
	bool pictures; /* rendered and extracted */
	struct synth_options synth;
};

/* NULL: no memory. */
struct crowd *crowd_new(const struct crowd_options *o);
struct crowd *crowd_free(struct crowd *c);

/* 0; -ENODATA a failure to acquire; -ENOMEM; -EINVAL options. */
int crowd_impression(struct crowd *c, uint64_t finger, uint32_t impression,
		     struct finger_features *ret_features);

/*
 * The reference of impressions 0..count-1, packed and unpacked again as the gallery has it. When
 * they do not fit each other the last is left out, as an enrolment would ask for another touch.
 * 0; -ENODATA none is usable; -ENOMEM.
 */
int crowd_reference(struct crowd *c, uint64_t finger, unsigned count,
		    struct finger_features *ret_features);

/* The reference of given impressions by the same rule; those that are NULL are passed over. */
int crowd_consolidate(const struct finger_features *const impressions[], unsigned count,
		      struct finger_features *ret_features);

#endif
