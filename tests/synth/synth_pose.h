#ifndef LANED_TESTS_SYNTH_SYNTH_POSE_H
#define LANED_TESTS_SYNTH_SYNTH_POSE_H

#include "synth_field.h"

/* What goes wrong with a touch now and then, at difficulties above SYNTH_MISHAP_FROM. */
enum synth_mishap {
	MISHAP_NONE,
	MISHAP_EDGE,
	MISHAP_TWIST,
	MISHAP_DRY,
	MISHAP_WET,
	MISHAPS
};
#define SYNTH_MISHAP_FROM 60

/*
 * How a finger lies on the glass in one impression: where, how turned, how much of it touches and
 * how the skin is pulled. Shared by pictures and by features without pictures.
 */
struct synth_pose {
	uint64_t seed;              /* of this impression's own noise */
	int32_t width, height;      /* the glass, pixels */
	int32_t sine, cosine;       /* Q15, of the turn of the finger counter-clockwise */
	uint16_t turn;              /* the same, 1/65536 turns */
	int32_t middle_x, middle_y; /* master pixel under the middle of the glass */
	/* Contact: an ellipse of the master plane. */
	int32_t contact_x, contact_y, radius_x, radius_y;
	/* Plastic distortion: pull in 1/256 px and twist in 1/65536 turns. */
	int32_t pull_x_q8, pull_y_q8, twist;
	int32_t wobble_q8;  /* random stretching, at most, 1/256 px */
	int32_t difficulty; /* 0..100 */
	enum synth_mishap mishap;
};

struct synth_pose synth_pose_make(uint64_t seed, uint32_t impression,
				  const struct synth_options *o);

/* 1 when the options are inside their limits. */
int synth_options_valid(const struct synth_options *o);

struct synth_place {
	int32_t x_q8, y_q8; /* 1/256 px */
};

/* The place of the master plane that is seen at a pixel of the glass. */
struct synth_place synth_pose_master(const struct synth_pose *p, int32_t x, int32_t y);

/* The inverse, to about a pixel: where on the glass a place of the master plane is seen. */
struct synth_place synth_pose_glass(const struct synth_pose *p, struct synth_place at);

/* 1024 in the middle of the contact, 0 on its rim, negative outside; master pixels. */
int32_t synth_pose_contact(const struct synth_pose *p, int32_t x, int32_t y);

#endif
