/* The reader's control requests: the standard ones and the registers. */
#include "usb/uru_private.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define STATUS_LOW_POWER 0x80u
#define STATUS_WRONG 0x04u
#define STATUS_HEALTHY 0x01u
#define STATUS_BITS 0x0fu
#define RECOVERING_READS 2u
#define DARK 9 /* what the sensor sees without a finger */

#define TYPE_IN 0x80u
#define TYPE_KIND 0x60u
#define TYPE_STANDARD 0x00u
#define TYPE_CLASS 0x20u
#define TYPE_VENDOR 0x40u
#define REQUEST_REGISTER 0x04u

#define GET_STATUS 0u
#define CLEAR_FEATURE 1u
#define SET_FEATURE 3u
#define SET_ADDRESS 5u
#define GET_DESCRIPTOR 6u
#define GET_CONFIGURATION 8u
#define SET_CONFIGURATION 9u
#define SET_INTERFACE 11u
#define DESCRIPTOR_HID_REPORT 0x22u

/* ---- registers ----------------------------------------------------------------------------- */

/* The answer is the challenge, encrypted under a key that all of these readers share. */
static bool
answer_fits(const uint8_t challenge[16], const uint8_t answer[16])
{
	static const uint8_t key[16] = { 0x79, 0xac, 0x91, 0x79, 0x5c, 0xa1, 0x47, 0x8e,
					 0x98, 0xe0, 0x0f, 0x3c, 0x59, 0x8f, 0x5f, 0x4b };
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t out[32];
	int n = 0;
	bool ok = c != NULL &&
		  EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, key, NULL) == 1 &&
		  EVP_CIPHER_CTX_set_padding(c, 0) == 1 &&
		  EVP_EncryptUpdate(c, out, &n, challenge, 16) == 1 && n == 16 &&
		  memcmp(out, answer, 16) == 0;

	EVP_CIPHER_CTX_free(c);
	OPENSSL_thread_stop(); /* the bench's thread is not ours to end */
	return ok;
}

static void
powered(struct uru_device *d, int64_t now_us)
{
	d->told_powered = false;
	if (uru_hits(d, URU_NO_POWER, -1))
		return;
	for (unsigned i = 0; i < d->model->power_messages; i++)
		uru_schedule(d, URU_SAYS_POWERED,
			     now_us + d->delays.power_us +
				     i * (int64_t)d->delays.repeat_us);
}

static void
write_status(struct uru_device *d, uint8_t v, int64_t now_us)
{
	bool low = (d->status & STATUS_LOW_POWER) != 0;

	if ((v & STATUS_LOW_POWER) != 0) {
		d->status = v & (uint8_t)~STATUS_WRONG;
		d->answered = false;
	} else if (low && (d->status & STATUS_WRONG) != 0) {
		/* It has to find itself first, and does not say that it has power. */
		d->status = v & STATUS_BITS & (uint8_t)~STATUS_HEALTHY;
		d->recovering = RECOVERING_READS;
	} else if (!low) {
		d->status = v;
	} else if (!d->model->wants_answer || d->answered) {
		d->status = v & STATUS_BITS;
		powered(d, now_us);
	}
}

static uint8_t
read_status(struct uru_device *d)
{
	if (d->recovering > 0 && --d->recovering == 0)
		d->status = STATUS_HEALTHY;
	return d->status;
}

static void
write_mode(struct uru_device *d, uint8_t v, int64_t now_us)
{
	d->mode = v;
	if (v == URU_MODE_CAPTURE) {
		d->image_us = now_us + d->delays.image_us;
		if (d->finger)
			memcpy(d->exposed, d->raster, sizeof(d->exposed));
		else
			memset(d->exposed, DARK, sizeof(d->exposed));
		uru_tell(d, URU_TOLD_CAPTURING, 0);
	} else {
		d->image_us = URU_NEVER;
	}
	if (v == URU_MODE_FINGER_ON)
		uru_tell(d, URU_TOLD_WAITING, 0);
	else if (v == URU_MODE_FINGER_OFF)
		uru_tell(d, URU_TOLD_RESTING, 0);
	else if (v == URU_MODE_OFF)
		uru_tell(d, URU_TOLD_OFF, 0);
	uru_look(d, now_us);
}

static void
write_register(struct uru_device *d, unsigned reg, const uint8_t *data, size_t n,
	       int64_t now_us)
{
	if (reg == URU_REG_STATUS && n >= 1) {
		write_status(d, data[0], now_us);
	} else if (reg == URU_REG_MODE && n >= 1) {
		write_mode(d, data[0], now_us);
	} else if (reg == URU_REG_KEY && n >= 5) {
		d->asked_index = data[0];
		d->seed = (uint32_t)data[1] | (uint32_t)data[2] << 8 |
			  (uint32_t)data[3] << 16 | (uint32_t)data[4] << 24;
	} else if (reg == URU_REG_ANSWER && n >= 16) {
		d->answered = answer_fits(d->challenge, data) &&
			      !uru_hits(d, URU_REFUSE_ANSWER, -1);
	}
}

static void
read_key(struct uru_device *d, uint8_t *out, size_t n)
{
	uint32_t key = uru_picture_key(d->asked_index);

	if (uru_hits(d, URU_WRONG_KEY, -1))
		key ^= 0x5bd1e995; /* (~key would only give the negative) */
	for (size_t i = 0; i < 4 && i < n; i++)
		out[i] = (uint8_t)((key ^ d->seed) >> 8 * i);
}

static void
read_register(struct uru_device *d, unsigned reg, uint8_t *out, size_t n)
{
	memset(out, 0, n);
	if (reg == URU_REG_STATUS && n >= 1) {
		out[0] = read_status(d);
	} else if (reg == URU_REG_KEY_ANSWER) {
		read_key(d, out, n);
	} else if (reg == URU_REG_VERSION) {
		memcpy(out, d->model->version, n < 16 ? n : 16);
	} else if (reg == URU_REG_CHALLENGE) {
		for (unsigned i = 0; i < 16; i++) /* another one each time */
			d->challenge[i] = (uint8_t)(d->challenge[i] * 5 + 17 * i + 1);
		memcpy(out, d->challenge, n < 16 ? n : 16);
	}
}

static void
vendor_request(struct uru_device *d, struct uru_urb *u, int64_t now_us)
{
	unsigned reg = u->setup[2] | (unsigned)u->setup[3] << 8;
	bool in = (u->setup[0] & TYPE_IN) != 0;

	if (u->setup[1] != REQUEST_REGISTER || uru_hits(d, URU_STALL_CONTROL, (int)reg)) {
		u->status = -EPIPE;
		return;
	}
	u->actual = u->bytes;
	if (!in) {
		write_register(d, reg, u->data, u->bytes, now_us);
		return;
	}
	read_register(d, reg, u->data, u->bytes);
	if (uru_hits(d, URU_SHORT_REGISTER, (int)reg))
		u->actual = u->bytes / 2;
	else if (uru_hits(d, URU_EMPTY_REGISTER, (int)reg))
		u->actual = 0;
	else if (uru_hits(d, URU_LONG_REGISTER, (int)reg))
		u->status = -EOVERFLOW;
}

/* ---- standard requests --------------------------------------------------------------------- */

static void
answer(struct uru_urb *u, const uint8_t *bytes, size_t n)
{
	u->actual = n < u->bytes ? n : u->bytes;
	memcpy(u->data, bytes, u->actual);
}

static void
get_descriptor(struct uru_device *d, struct uru_urb *u)
{
	uint8_t out[URU_STRING_DESCRIPTOR_MAX];
	const uint8_t *report = out;
	size_t n = 0;

	_Static_assert(sizeof(out) >= URU_CONFIG_DESCRIPTOR_MAX &&
			       sizeof(out) >= URU_DEVICE_DESCRIPTOR_BYTES,
		       "all descriptors fit");
	switch (u->setup[3]) {
	case 1:
		uru_device_descriptor(d->model, out);
		n = URU_DEVICE_DESCRIPTOR_BYTES;
		break;
	case 2:
		n = uru_config_descriptor(d->model, out);
		break;
	case 3:
		n = uru_string_descriptor(d->model, d->serial, u->setup[2], out);
		break;
	case DESCRIPTOR_HID_REPORT:
		n = uru_hid_report_descriptor(d->model, &report);
		break;
	default:
		break;
	}
	if (n == 0)
		u->status = -EPIPE;
	else
		answer(u, report, n);
}

static void
standard_request(struct uru_device *d, struct uru_urb *u)
{
	static const uint8_t zeros[2];

	if (uru_hits(d, URU_STALL_STANDARD, -1)) {
		u->status = -EPIPE;
		return;
	}
	switch (u->setup[1]) {
	case GET_STATUS:
		answer(u, zeros, sizeof(zeros));
		break;
	case GET_DESCRIPTOR:
		get_descriptor(d, u);
		break;
	case GET_CONFIGURATION:
		answer(u, &d->configuration, 1);
		break;
	case SET_CONFIGURATION:
		d->configuration = u->setup[2];
		break;
	case CLEAR_FEATURE:
	case SET_FEATURE:
	case SET_ADDRESS:
	case SET_INTERFACE:
		break;
	default:
		u->status = -EPIPE;
		break;
	}
}

void
uru_control(struct uru_device *d, struct uru_urb *u, int64_t now_us)
{
	unsigned kind = u->setup[0] & TYPE_KIND;

	u->due_us = now_us + d->delays.control_us;
	if (kind == TYPE_VENDOR)
		vendor_request(d, u, now_us);
	else if (kind == TYPE_STANDARD)
		standard_request(d, u);
	else if (kind == TYPE_CLASS && d->model->composite)
		u->actual =
			(u->setup[0] & TYPE_IN) != 0 ? 0 : u->bytes; /* the keyboard's */
	else
		u->status = -EPIPE;
}
