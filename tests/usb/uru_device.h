#ifndef LANED_TESTS_USB_URU_DEVICE_H
#define LANED_TESTS_USB_URU_DEVICE_H

#include "usb/uru_picture.h"

/*
 * A test peer: a reader of the U.are.U family as the host sees it, transfer by transfer. A pure
 * state machine: a transport submits transfers, moves the time and is told of their ends. One model
 * for all: unit tests and fuzzing over a mock port, the live bench under umockdev, vhci in a virtual
 * machine.
 *
 * Times are microseconds of a clock of the transport's, and never go back. Not thread safe.
 */
#define URU_MESSAGES 0x81u /* endpoint addresses */
#define URU_IMAGES 0x82u
#define URU_NEVER INT64_MAX

/* Registers and modes; the tests look at them too. */
#define URU_REG_STATUS 0x07u
#define URU_REG_KEY 0x33u
#define URU_REG_KEY_ANSWER 0x34u
#define URU_REG_MODE 0x4eu
#define URU_REG_VERSION 0xf0u
#define URU_REG_ANSWER 0x2000u
#define URU_REG_CHALLENGE 0x2010u
#define URU_MODE_FINGER_ON 0x10u
#define URU_MODE_FINGER_OFF 0x12u
#define URU_MODE_CAPTURE 0x20u
#define URU_MODE_OFF 0x70u

#define URU_SAYS_POWERED 0x56aau
#define URU_SAYS_FINGER_ON 0x0101u
#define URU_SAYS_FINGER_OFF 0x0200u
#define URU_SAYS_WILL_FAIL 0x0800u

/* One transfer; its owner is the transport, from submit until it is told of the end. */
struct uru_urb {
	uint8_t endpoint; /* 0 control, URU_MESSAGES, URU_IMAGES, another: never answered */
	uint8_t setup[8]; /* of endpoint 0 */
	uint8_t *data;    /* without the setup packet */
	size_t bytes;     /* asked for, or sent */
	void *owner;      /* the transport's own */
	/* The answer. */
	int status;      /* 0 or a negative errno, as the kernel has it */
	size_t actual;   /* bytes in data */
	unsigned number; /* since plug, from 1 */
	/* The device's. */
	struct uru_urb *next;
	int64_t due_us;
};

enum uru_fault {
	URU_STALL_CONTROL,
	URU_STALL_STANDARD,
	URU_SHORT_REGISTER,
	URU_LONG_REGISTER,
	URU_EMPTY_REGISTER,
	URU_STALL_IMAGE,
	URU_EMPTY_IMAGE,
	URU_SHORT_IMAGE,
	URU_LONG_IMAGE,
	URU_NO_IMAGE,
	URU_HEADERLESS_IMAGE,
	URU_LYING_ROWS,
	URU_LYING_BLOCKS,
	URU_CLEAR_IMAGE,
	URU_NEW_KEY_IMAGE,
	URU_WRONG_KEY,
	URU_STALL_MESSAGE,
	URU_LATE_MESSAGE,
	URU_LOST_MESSAGE,
	URU_DOUBLE_MESSAGE,
	URU_LONG_MESSAGE,
	URU_SHORT_MESSAGE,
	URU_STALE_MESSAGE,
	URU_NOISE_MESSAGE,
	URU_NO_POWER,
	URU_REFUSE_ANSWER,
	URU_WRONG_STATE,
	URU_SILENT,
	URU_DISCONNECT,
	URU_DISCONNECT_END,
	URU_FAULTS
};
const char *uru_fault_name(enum uru_fault f);
/* URU_FAULTS: there is none of that name. */
enum uru_fault uru_fault_named(const char *name);

enum uru_event {
	URU_TOLD_POWERED,
	URU_TOLD_WAITING,   /* the host asked for a finger */
	URU_TOLD_TOUCHED,   /* and was told of one */
	URU_TOLD_CAPTURING, /* the host asked for an image */
	URU_TOLD_CAPTURED,  /* and has it; number is its bytes */
	URU_TOLD_RESTING,   /* the host asked to hear of the lifting */
	URU_TOLD_LIFTED,
	URU_TOLD_OFF,
	URU_TOLD_HIT,          /* a fault struck; number is which */
	URU_TOLD_DISCONNECTED, /* by a fault; number is the transfer's; the transport unplugs */
	URU_EVENTS
};
const char *uru_event_name(enum uru_event e);

/* Neither may submit or step; told comes from any call, ended from all but submit. */
struct uru_listener {
	void (*ended)(void *ctx, struct uru_urb *u);
	void (*told)(void *ctx, enum uru_event e, unsigned number);
	void *ctx;
};

struct uru_delays {
	unsigned control_us, power_us, repeat_us, message_us, image_us;
};
extern const struct uru_delays uru_delays_recorded, uru_delays_none;

#define URU_QUEUE_MAX 3u     /* messages that wait for the host; newer ones are lost */
#define URU_SCHEDULED_MAX 8u /* messages that wait for their time */

struct uru_armed {
	unsigned skip, count;
	int reg; /* only of this register; -1 any */
};

struct uru_counters {
	unsigned submitted, ended; /* since plug */
	unsigned images, messages, faults, plugs;
};

/* Public for the tests, which may look at everything and preset the state that is marked. */
struct uru_device {
	const struct uru_model *model;
	const char *serial; /* borrowed */
	struct uru_listener listener;
	struct uru_delays delays; /* preset */
	struct uru_armed armed[URU_FAULTS];
	struct uru_counters counters;
	bool plugged, silent, gone;
	bool told_powered; /* since the last power-up */
	/* Registers. */
	uint8_t status; /* preset after plug */
	uint8_t mode;
	uint8_t configuration;
	bool answered;
	unsigned recovering; /* reads of the status until it is healthy; 0 it is */
	uint8_t key_index;   /* preset: of the next image */
	uint8_t asked_index;
	uint32_t seed;
	uint8_t challenge[16];
	/* Messages. */
	unsigned queue[URU_QUEUE_MAX];
	size_t queued;
	struct {
		unsigned type;
		int64_t at_us;
	} scheduled[URU_SCHEDULED_MAX];
	size_t scheduled_count;
	/* The glass. */
	bool finger;
	uint8_t raster[URU_RASTER_BYTES];
	uint8_t blocks[URU_BLOCKS_MAX][2]; /* preset after plug: how images are sent */
	/* The image under way. */
	int64_t image_us;
	uint8_t exposed
		[URU_RASTER_BYTES]; /* what lay on the glass when it was asked for */
	bool wire_given;            /* preset: wire and wire_bytes are sent as they are */
	size_t wire_bytes;
	uint8_t wire[URU_WIRE_BYTES];
	uint8_t expected[URU_RASTER_BYTES]; /* what may be known of the last image */
	/* Transfers under way. */
	struct uru_urb *controls, *images, *messages, *others;
};

/* An unplugged reader without a finger; m, serial and the listener's ctx are borrowed. */
void uru_device_init(struct uru_device *d, const struct uru_model *m, const char *serial,
		     const struct uru_listener *l);

/* Comes to the bus, as after power was switched on. Finger and armed faults stand. */
void uru_device_plug(struct uru_device *d, int64_t now_us);
/* Leaves the bus: what is under way ends with -ESHUTDOWN. */
void uru_device_unplug(struct uru_device *d);
/*
 * The host sleeps and wakes: what is under way ends with status, the registers are lost, the device
 * stays on the bus.
 */
void uru_device_suspend(struct uru_device *d, int status);
/* The host resets its port. */
void uru_device_reset(struct uru_device *d, int64_t now_us);

void uru_device_submit(struct uru_device *d, struct uru_urb *u, int64_t now_us);
/* Ends u with -ENOENT; false: it is not under way. */
bool uru_device_cancel(struct uru_device *d, struct uru_urb *u);
/* Forgets u without a word. */
void uru_device_forget(struct uru_device *d, struct uru_urb *u);

/* Does the first thing that is due by now; false: there is none. */
bool uru_device_step(struct uru_device *d, int64_t now_us);
/* When something is due; URU_NEVER. */
int64_t uru_device_next(const struct uru_device *d);

/* A finger with this picture (a raster as the sensor sees it) is laid on the glass. */
void uru_device_finger(struct uru_device *d, const uint8_t raster[URU_RASTER_BYTES],
		       int64_t now_us);
void uru_device_lift(struct uru_device *d, int64_t now_us);

/* A message of any type, at once. */
void uru_device_say(struct uru_device *d, unsigned type);

/* Lets skip occasions pass, then strikes count times (0 disarms). reg -1: any register. */
void uru_device_arm(struct uru_device *d, enum uru_fault f, int reg, unsigned count,
		    unsigned skip);
void uru_device_disarm(struct uru_device *d);

#endif
