#ifndef LANED_TESTS_USB_URU_MODELS_H
#define LANED_TESTS_USB_URU_MODELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A test peer: what the readers of the U.are.U family say of themselves on the bus. Written after
 * descriptors of real readers; the layout of those that are part of a keyboard or a mouse is an
 * assumption (a HID interface first, the reader's after it).
 */
struct uru_model {
	uint16_t vendor, product, release;
	bool composite;    /* interface 0 is a keyboard, 1 the reader */
	bool wants_answer; /* powers up only after a challenge and its answer */
	bool upside_down;  /* the sensor sees the finger turned by 180 degrees */
	uint8_t idle_status;
	uint8_t power_2ma; /* of the bus, in units of 2 mA */
	uint8_t power_messages;
	const char *maker, *name;
	uint8_t version[16];
	uint8_t blocks[15][2]; /* how it sends its pictures: flags, rows */
};

#define URU_DEVICE_DESCRIPTOR_BYTES 18u
#define URU_CONFIG_DESCRIPTOR_MAX 64u
#define URU_STRING_DESCRIPTOR_MAX 254u
#define URU_STRINGS 3u /* maker, product, serial number */

extern const struct uru_model uru_models[];
extern const size_t uru_models_count;

/* NULL: no reader of the family. */
const struct uru_model *uru_model_find(uint16_t vendor, uint16_t product);

/* "05ba:000a"; NULL for anything else than such an id of the family. */
const struct uru_model *uru_model_named(const char *id);

unsigned uru_model_interface(const struct uru_model *m); /* the reader's */

void uru_device_descriptor(const struct uru_model *m,
			   uint8_t ret[URU_DEVICE_DESCRIPTOR_BYTES]);
size_t uru_config_descriptor(const struct uru_model *m,
			     uint8_t ret[URU_CONFIG_DESCRIPTOR_MAX]);
/* Index 0 is the list of languages. 0: there is no such string. */
size_t uru_string_descriptor(const struct uru_model *m, const char *serial,
			     unsigned index, uint8_t ret[URU_STRING_DESCRIPTOR_MAX]);
/* The keyboard's keys, for the host's HID driver. 0: not composite. */
size_t uru_hid_report_descriptor(const struct uru_model *m, const uint8_t **ret);

#endif
