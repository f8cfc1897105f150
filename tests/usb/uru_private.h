#ifndef LANED_TESTS_USB_URU_PRIVATE_H
#define LANED_TESTS_USB_URU_PRIVATE_H

/* What the files of the reader's model share: uru_device.c and uru_control.c. */
#include "usb/uru_device.h"

void uru_tell(struct uru_device *d, enum uru_event e, unsigned number);
/* Whether an armed fault strikes at this occasion, which it counts. */
bool uru_hits(struct uru_device *d, enum uru_fault f, int reg);
/* Says type at that time, as its faults allow. */
void uru_schedule(struct uru_device *d, unsigned type, int64_t at_us);
/* Says whether a finger is there, when the mode asks for that. */
void uru_look(struct uru_device *d, int64_t now_us);
/* A request's effect shows at once; its answer stands in u until u->due_us. */
void uru_control(struct uru_device *d, struct uru_urb *u, int64_t now_us);

#endif
