#include "usb/uru_models.h"

#include <stdlib.h>
#include <string.h>

#define DESCRIPTOR_DEVICE 1u
#define DESCRIPTOR_CONFIG 2u
#define DESCRIPTOR_STRING 3u
#define DESCRIPTOR_INTERFACE 4u
#define DESCRIPTOR_ENDPOINT 5u
#define DESCRIPTOR_HID 0x21u

#define MAKER "DigitalPersona, Inc."
#define MICROSOFT "Microsoft"

/* As recorded of a 4500 and of a Microsoft reader v2; their relatives are taken to be like them. */
#define VERSION_4500                                                                     \
	{                                                                                \
		0x1a, 0x0a, 0x1a, 0x0a, 0x01, 0x15, 0, 0, 0, 0x20, 0, 0x10, 0x8b, 0x21,  \
			0x11, 0x30                                                       \
	}
#define VERSION_V2                                                                       \
	{                                                                                \
		0x50, 0x25, 0x50, 0x25, 0, 0x34, 0, 0, 0, 0x13, 0, 0x59, 0x67, 0x19,     \
			0x18, 0                                                          \
	}
#define BLOCKS_4500                                                                      \
	{                                                                                \
		{ 2, 72 }, { 0, 1 }, { 2, 49 }, { 1, 1 }, { 0, 1 }, { 2, 49 }, { 0, 1 }, \
		{                                                                        \
			2, 116                                                           \
		}                                                                        \
	}
#define BLOCKS_V2                                                                        \
	{                                                                                \
		{ 2, 67 }, { 0, 1 }, { 2, 49 }, { 1, 1 }, { 0, 1 }, { 2, 49 }, { 0, 1 }, \
		{                                                                        \
			2, 121                                                           \
		}                                                                        \
	}

const struct uru_model uru_models[] = {
	{ 0x045e, 0x00bb, 0x0100, true, false, false, 0x03, 130, 1, MICROSOFT,
	  "Microsoft Keyboard with Fingerprint Reader", VERSION_V2, BLOCKS_V2 },
	{ 0x045e, 0x00bc, 0x0100, true, false, false, 0x03, 130, 1, MICROSOFT,
	  "Microsoft IntelliMouse Explorer with Fingerprint Reader", VERSION_V2,
	  BLOCKS_V2 },
	{ 0x045e, 0x00bd, 0x0100, false, false, false, 0x03, 130, 1, MICROSOFT,
	  "Microsoft Fingerprint Reader", VERSION_V2, BLOCKS_V2 },
	{ 0x045e, 0x00ca, 0x0100, false, true, false, 0x03, 130, 1, MICROSOFT,
	  "Microsoft\xc2\xae Fingerprint Reader", VERSION_V2, BLOCKS_V2 },
	{ 0x05ba, 0x0007, 0x0103, false, false, false, 0x01, 100, 3, MAKER,
	  "U.are.U\xc2\xae 4000 Fingerprint Reader", VERSION_4500, BLOCKS_4500 },
	{ 0x05ba, 0x0008, 0x0103, true, false, false, 0x01, 100, 3, MAKER,
	  "U.are.U\xc2\xae Fingerprint Keyboard", VERSION_4500, BLOCKS_4500 },
	{ 0x05ba, 0x000a, 0x0103, false, false, true, 0x01, 100, 3, MAKER,
	  "U.are.U\xc2\xae 4500 Fingerprint Reader", VERSION_4500, BLOCKS_4500 },
};
const size_t uru_models_count = sizeof(uru_models) / sizeof(uru_models[0]);

/* Eight modifier keys, a byte that means nothing, six keys. */
static const uint8_t keyboard_report[] = {
	0x05, 0x01, 0x09, 0x06, 0xa1, 0x01,             /* a keyboard: */
	0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00, /* keys e0..e7, */
	0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02, /* one bit each; */
	0x75, 0x08, 0x95, 0x01, 0x81, 0x01,             /* nothing; */
	0x19, 0x00, 0x29, 0x65, 0x15, 0x00, 0x25, 0x65, /* keys 00..65, */
	0x75, 0x08, 0x95, 0x06, 0x81, 0x00, 0xc0        /* six of them */
};

const struct uru_model *
uru_model_find(uint16_t vendor, uint16_t product)
{
	for (size_t i = 0; i < uru_models_count; i++)
		if (uru_models[i].vendor == vendor && uru_models[i].product == product)
			return &uru_models[i];
	return NULL;
}

const struct uru_model *
uru_model_named(const char *id)
{
	char *end;
	unsigned long vendor, product;

	vendor = strtoul(id, &end, 16);
	if (end != id + 4 || *end != ':')
		return NULL;
	product = strtoul(id + 5, &end, 16);
	if (end != id + 9 || *end != '\0')
		return NULL;
	return uru_model_find((uint16_t)vendor, (uint16_t)product);
}

unsigned
uru_model_interface(const struct uru_model *m)
{
	return m->composite ? 1 : 0;
}

static uint8_t *
put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	return p + 2;
}

static uint8_t *
put(uint8_t *p, const void *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

void
uru_device_descriptor(const struct uru_model *m, uint8_t ret[URU_DEVICE_DESCRIPTOR_BYTES])
{
	uint8_t *p = ret;

	/* USB 2.0, the class is told by the interfaces, 64 bytes on endpoint 0. */
	p = put(p, (const uint8_t[]){ 18, DESCRIPTOR_DEVICE, 0, 2, 0, 0, 0, 64 }, 8);
	p = put16(p, m->vendor);
	p = put16(p, m->product);
	p = put16(p, m->release);
	(void)put(p, (const uint8_t[]){ 1, 2, 3, 1 }, 4); /* its end is known */
}

static uint8_t *
put_interface(uint8_t *p, unsigned number, unsigned endpoints, const uint8_t class[3])
{
	p = put(p,
		(const uint8_t[]){ 9, DESCRIPTOR_INTERFACE, (uint8_t)number, 0,
				   (uint8_t)endpoints },
		5);
	p = put(p, class, 3);
	return put(p, (const uint8_t[]){ 0 }, 1);
}

static uint8_t *
put_endpoint(uint8_t *p, unsigned address, unsigned kind, unsigned bytes,
	     unsigned interval)
{
	const uint8_t e[] = {
		7, DESCRIPTOR_ENDPOINT, (uint8_t)address, (uint8_t)kind, (uint8_t)bytes,
		0, (uint8_t)interval
	};

	return put(p, e, sizeof(e));
}

size_t
uru_config_descriptor(const struct uru_model *m, uint8_t ret[URU_CONFIG_DESCRIPTOR_MAX])
{
	static const uint8_t reader_class[3] = { 0xff, 0xff, 0xff };
	static const uint8_t keyboard_class[3] = { 3, 1, 1 };
	uint8_t *p = ret + 9;
	size_t n;

	if (m->composite) {
		const uint8_t hid[] = { 9,    DESCRIPTOR_HID,          0x10, 1, 0, 1,
					0x22, sizeof(keyboard_report), 0 };

		p = put_interface(p, 0, 1, keyboard_class);
		p = put(p, hid, sizeof(hid));
		p = put_endpoint(p, 0x83, 3, 8, 8);
	}
	p = put_interface(p, uru_model_interface(m), 2, reader_class);
	p = put_endpoint(p, 0x81, 3, 64, 8);
	p = put_endpoint(p, 0x82, 2, 64, 0);
	n = (size_t)(p - ret);
	p = put(ret, (const uint8_t[]){ 9, DESCRIPTOR_CONFIG }, 2);
	p = put16(p, (unsigned)n);
	/* One configuration, fed by the bus, unable to wake the host. */
	(void)put(p, (const uint8_t[]){ m->composite ? 2 : 1, 1, 0, 0x80, m->power_2ma },
		  5); /* its end is known */
	return n;
}

/* The next character of UTF-8 text of two bytes a character at most; 0 at its end. */
static unsigned
next_character(const char **text)
{
	const unsigned char *p = (const unsigned char *)*text;

	if (*p == '\0')
		return 0;
	if ((*p & 0xe0) == 0xc0 && (p[1] & 0xc0) == 0x80) {
		*text += 2;
		return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
	}
	(*text)++;
	return *p;
}

size_t
uru_string_descriptor(const struct uru_model *m, const char *serial, unsigned index,
		      uint8_t ret[URU_STRING_DESCRIPTOR_MAX])
{
	const char *const strings[URU_STRINGS + 1] = { "", m->maker, m->name, serial };
	const char *text;
	uint8_t *p = ret + 2;
	unsigned c;

	if (index > URU_STRINGS)
		return 0;
	text = strings[index];
	if (index == 0)
		p = put16(p, 0x0409); /* American English */
	while (p + 2 <= ret + URU_STRING_DESCRIPTOR_MAX &&
	       (c = next_character(&text)) != 0)
		p = put16(p, c);
	ret[0] = (uint8_t)(p - ret);
	ret[1] = DESCRIPTOR_STRING;
	return ret[0];
}

size_t
uru_hid_report_descriptor(const struct uru_model *m, const uint8_t **ret)
{
	if (!m->composite)
		return 0;
	*ret = keyboard_report;
	return sizeof(keyboard_report);
}
