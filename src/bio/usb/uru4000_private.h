#ifndef LANED_BIO_USB_URU4000_PRIVATE_H
#define LANED_BIO_USB_URU4000_PRIVATE_H

/* Shared by the files of the driver only: uru4000.c has its outside, the others its parts. */
#include "base/secret.h"
#include "bio/usb/uru4000.h"
#include "bio/usb/uru4000_image.h"

#define STATUS_LOW_POWER 0x80u
#define MODE_OFF 0x70u
#define MESSAGE_BYTES 64u
#define RESTART_MS 100u
#define KEYS_MAX (URU4000_BLOCKS_MAX + 1)

enum uru4000_state {
	STATE_NEW,
	/* Those with a control transfer: see uru4000_step_of. */
	STATE_READ_STATUS,
	STATE_RECOVER,
	STATE_RECOVER_CHECK,
	STATE_POWER_DOWN,
	STATE_POWER_UP,
	STATE_POWER_CHECK,
	STATE_CHALLENGE,
	STATE_ANSWER,
	STATE_VERSION,
	STATE_STILL_POWERED,
	STATE_SET_FINGER_ON,
	STATE_SET_CAPTURE,
	STATE_KEY_WRITE,
	STATE_KEY_READ,
	STATE_SET_FINGER_OFF,
	STATE_SET_DARK,
	STATE_SET_OFF,
	STATE_STEPS, /* how many of them */
	/* Those that wait for the reader or the time. */
	STATE_RECOVER_PAUSE = STATE_STEPS,
	STATE_POWER_PAUSE,
	STATE_WAIT_POWERED,
	STATE_WAIT_FINGER_ON,
	STATE_WAIT_IMAGE,
	STATE_WAIT_FINGER_OFF,
	STATE_DARK,  /* nothing is to be looked at */
	STATE_DRAIN, /* restarting: for transfers that are cancelled */
	STATE_RESTART_PAUSE,
	STATE_CLOSING, /* switched off: for transfers that are cancelled */
	STATE_STOPPED,
	STATE_BROKEN
};

/* As it arrives, and what makes it readable. */
struct uru4000_picture {
	uint8_t transfer[URU4000_TRANSFER_BYTES];
	uint32_t keys[KEYS_MAX];
};

struct uru4000 {
	struct usb_port port;
	struct usb_device_events events;
	const struct usb_model *model;
	uint32_t dpi;
	bool invert, rotate;
	const char *label;
	enum uru4000_state state;
	bool busy[USB_PIPES];
	bool stopping;
	bool dark;          /* no finger is to be looked for */
	bool retried;       /* the control transfer of this step */
	bool powered;       /* the reader said so since it was told to power up */
	bool early_message; /* what is waited for came before the mode was acknowledged */
	bool presenting;    /* touched was told, and its end was not */
	uint8_t status;
	unsigned tries, rounds, failures, unexpected, said_again;
	unsigned rests; /* times that the lift was asked for again */
	unsigned bad_frames, frames, empty_presentations;
	enum usb_status image_status;
	size_t image_bytes;
	struct uru4000_image image;
	uint32_t seed, keys_known;
	struct usb_counters counters;
	uint8_t control[USB_CONTROL_BYTES_MAX];
	uint8_t message[MESSAGE_BYTES];
	struct secret *secret;
	struct uru4000_picture *picture; /* in secret */
};

/* What each step with a control transfer asks, and where it goes on. */
struct uru4000_step {
	uint16_t address;
	uint8_t bytes;
	bool write;
	void (*next)(struct uru4000 *u);
};
/* By the state: the first up to STATE_VERSION, the second from STATE_STILL_POWERED on. */
extern const struct uru4000_step uru4000_power_steps[STATE_STILL_POWERED];
extern const struct uru4000_step uru4000_touch_steps[STATE_STEPS];
const struct uru4000_step *uru4000_step_of(enum uru4000_state s);

/* uru4000_step.c: transfers, and what ends them. */
void uru4000_cancel(struct uru4000 *u, enum usb_pipe pipe);
void uru4000_switched_off(struct uru4000 *u);
void uru4000_broken(struct uru4000 *u, bool gone, const char *why);
void uru4000_set_timer(struct uru4000 *u, enum uru4000_state state, unsigned delay_ms);
void uru4000_forget_picture(struct uru4000 *u);
void uru4000_restart(struct uru4000 *u, const char *why);
void uru4000_trouble(struct uru4000 *u, const char *why);
void uru4000_refused(struct uru4000 *u, int rc);
bool uru4000_listen_for_messages(struct uru4000 *u);
void uru4000_submit_step(struct uru4000 *u);
void uru4000_enter(struct uru4000 *u, enum uru4000_state state);
void uru4000_enter_byte(struct uru4000 *u, enum uru4000_state state, unsigned byte);
void uru4000_switch_off_when_free(struct uru4000 *u);
void uru4000_stopped_when_quiet(struct uru4000 *u);

/* uru4000_power.c: from the plug until a finger may come. */
void uru4000_bring_up(struct uru4000 *u);
void uru4000_power_up(struct uru4000 *u);
void uru4000_not_powered(struct uru4000 *u);

/* uru4000_touch.c: presentations. */
void uru4000_set_finger_on(struct uru4000 *u);
void uru4000_set_finger_off(struct uru4000 *u);
void uru4000_go_dark(struct uru4000 *u);
void uru4000_touched(struct uru4000 *u);
void uru4000_lifted(struct uru4000 *u);
void uru4000_image_arrived(struct uru4000 *u);
void uru4000_look_at_power(struct uru4000 *u);
void uru4000_finger_rests(struct uru4000 *u);

#endif
