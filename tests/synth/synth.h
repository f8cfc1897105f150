#ifndef LANED_TESTS_SYNTH_SYNTH_H
#define LANED_TESTS_SYNTH_SYNTH_H

#include "bio/finger/finger.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Synthetic fingers for tests, benches and the demonstration: nobody's biometric data. A finger
 * is a 64-bit seed, an impression a number; the same pair gives the same bytes on every machine
 * (integer arithmetic only, see synth_math.h). Nothing here does I/O or keeps global state.
 */

/* The natural pattern classes. */
enum synth_class {
	SYNTH_ARCH,
	SYNTH_TENTED_ARCH,
	SYNTH_LEFT_LOOP,
	SYNTH_RIGHT_LOOP,
	SYNTH_WHORL
};

#define SYNTH_WIDTH 328u /* pixels at 500 dpi: the optical reader we imitate */
#define SYNTH_HEIGHT 364u
#define SYNTH_SIDE_MIN 64u
#define SYNTH_SIDE_MAX 1000u
#define SYNTH_DPI 500u

/* What an impression looks like. A NULL pointer to it means synth_options_default(). */
struct synth_options {
	uint32_t width, height; /* pixels, SYNTH_SIDE_MIN..SYNTH_SIDE_MAX */
	/*
	 * How badly fingers are laid on: 0 every impression straight, centred and clean, 100 as
	 * people do it at a till (+-20 degrees, partial, dry or wet, distorted; one touch in four
	 * goes badly wrong in one of these ways). Error rates are then near those of the
	 * hardest public optical set; at 60 and below every touch is usable.
	 */
	uint32_t difficulty;
	/* True: without the white corners and the lamp's spot of the optical reader. */
	uint8_t plain_glass;
};

struct synth_options synth_options_default(void);

/* The grown ridge pattern of one finger, made once for all its impressions. */
struct synth_master;

/* The finger of a seed: about 50 ms of one core. NULL: no memory. */
struct synth_master *synth_master_new(uint64_t seed);
struct synth_master *synth_master_free(struct synth_master *m);
enum synth_class synth_master_class(const struct synth_master *m);

/*
 * Renders an impression, ridges dark on light, into grey[width * height]: about 5 ms. 0; -EINVAL
 * options outside their limits; -ENOMEM. Several threads may render from one master.
 */
int synth_master_render(const struct synth_master *m, uint32_t impression,
			const struct synth_options *o, uint8_t *grey);

/* Both steps in one, for a single picture of a finger. Errors as above. */
int synth_image(uint64_t seed, uint32_t impression, const struct synth_options *o,
		uint8_t *grey);

/*
 * Features without a picture, about 0.2 ms: for galleries of 10 000 fingers and more. Minutiae are
 * a point process with the spacing, density, direction and polarity of real prints over the
 * orientation field of the finger's class; an impression moves, distorts, loses and adds some.
 * The fingers are not those of synth_image. Unmated pairs score like real prints at difficulty
 * 100 (bio_tail and bio_traits show how nearly): calibrate with these. Unmated pictures reach
 * a score about twice as often.
 * 0; -EINVAL options outside their limits.
 */
int synth_features(uint64_t seed, uint32_t impression, const struct synth_options *o,
		   struct finger_features *features);

#endif
