#ifndef LANED_BASE_TYPING_SETTING_H
#define LANED_BASE_TYPING_SETTING_H

#include "base/plain/str.h"

/*
 * A keyboard to type on, as a configuration writes it where a plug-in has an option of type address:
 *
 *	uinput:LAYOUT[?pace=MS]
 *
 * LAYOUT is that of the POS's session: us, de, fr; or keypad: digits, + - * / of the numeric keypad,
 * whatever the layout, with Num Lock on. Keys are positions: with the wrong layout the wrong characters
 * come out.
 */
#define TYPING_PACE_MS 4u /* from key to key, and from press to release */
#define TYPING_PACE_MAX_MS 1000u
#define TYPING_WHY_BYTES 120u

enum typing_layout { TYPING_US, TYPING_DE, TYPING_FR, TYPING_KEYPAD, TYPING_LAYOUTS };

struct typing_setting {
	enum typing_layout layout;
	uint32_t pace_ms;
};

/* True when text begins as one of these. */
bool typing_setting_is(struct str text);
/* 0; -EINVAL and why says what is wrong. */
int typing_setting_parse(struct str text, struct typing_setting *ret_setting,
			 char why[TYPING_WHY_BYTES]);

#endif
