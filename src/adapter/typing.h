#ifndef LANED_ADAPTER_TYPING_H
#define LANED_ADAPTER_TYPING_H

#include "base/typing_setting.h"

/*
 * Typing as a keyboard: which keys, in which order, at what pace. Pure: the host sends the events to
 * the kernel, the one in virtual time keeps the text.
 */
#define TYPING_TEXT_MAX 256u /* characters of one text */
#define TYPING_EVENTS_MAX 8u /* of one step */

/* An event for the kernel: a key goes down (1) or up (0), as in linux/input.h. */
struct typing_event {
	uint16_t code;
	uint8_t down;
};

struct typing_step {
	struct typing_event events[TYPING_EVENTS_MAX]; /* to be sent at once */
	unsigned count;
};

/* A text on its way. */
struct typing {
	struct typing_setting setting;
	char text[TYPING_TEXT_MAX];
	uint32_t length, typed;
	bool pressed; /* the key of text[typed] is down */
};

/*
 * Begins. 0; -EINVAL a character that the layout has no key for (only printable ASCII, tab, and CR or
 * LF, both Enter), or no text; -EMSGSIZE longer than TYPING_TEXT_MAX.
 */
int typing_begin(struct typing *t, const struct typing_setting *setting, struct str text);
/*
 * The next step; the one after it is due setting.pace_ms later. False: the text is typed, and
 * nothing is pressed.
 */
bool typing_next(struct typing *t, struct typing_step *ret_step);
/* What has to be let go when it ends in between; count 0: nothing. */
void typing_release(struct typing *t, struct typing_step *ret_step);
/* The keys that any layout uses, for the device: the i-th; 0: no more. */
uint16_t typing_key_at(unsigned i);

#endif
