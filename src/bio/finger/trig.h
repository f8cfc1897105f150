#ifndef LANED_BIO_FINGER_TRIG_H
#define LANED_BIO_FINGER_TRIG_H

#include <stdint.h>

/*
 * Integer trigonometry: the same bits on every CPU and with every libm. Angles are 1/65536
 * turns, counter-clockwise.
 */
#define TRIG_ONE 16384 /* 1.0 of sine and cosine */

/* Sine and cosine in 1/TRIG_ONE, within 2 units. */
int32_t trig_sin(uint16_t angle);
int32_t trig_cos(uint16_t angle);

/* The direction of (x, y), y upward; 0 for (0, 0). Within 4 units. Any values. */
uint16_t trig_atan2(int64_t y, int64_t x);

/* The whole part of the square root. */
uint32_t trig_sqrt(uint64_t v);

/* a - b as the short way round, in -32768..32767. */
int32_t trig_diff(uint16_t a, uint16_t b);

#endif
