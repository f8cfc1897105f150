#ifndef LANED_TESTS_USB_USBIP_H
#define LANED_TESTS_USB_USBIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The messages of USB/IP, by which the kernel's vhci_hcd speaks with a device (Linux,
 * Documentation/usb/usbip_protocol). Without isochronous transfers, which no reader has. Pure
 * functions.
 */
#define USBIP_HEADER_BYTES 48u
#define USBIP_SETUP_BYTES 8u
#define USBIP_OUT_BYTES_MAX 4096u     /* that the host may send with a request */
#define USBIP_IN_BYTES_MAX (1u << 20) /* that it may ask for */

enum usbip_command {
	USBIP_SUBMIT = 1,
	USBIP_UNLINK = 2,
	USBIP_SUBMITTED = 3, /* the answers */
	USBIP_UNLINKED = 4
};

/* What the kernel says. */
struct usbip_request {
	enum usbip_command command;
	uint32_t number;   /* of this request; answers name it */
	uint32_t unlinked; /* USBIP_UNLINK: the number of the transfer */
	bool in;
	uint32_t endpoint; /* without its direction */
	size_t bytes;      /* USBIP_SUBMIT: asked for, or sent */
	uint8_t setup[USBIP_SETUP_BYTES];
	const uint8_t *data; /* sent; borrowed from what was decoded */
};

/*
 * The first request in n bytes. 0, and *ret_used bytes belong to it; -EAGAIN more must come first;
 * -EBADMSG it cannot be one.
 */
int usbip_decode(const uint8_t *bytes, size_t n, struct usbip_request *ret,
		 size_t *ret_used);

/* The answer to a transfer; when it was IN and worked, `actual` bytes of data follow it. */
void usbip_encode_submitted(uint32_t number, int status, size_t actual,
			    uint8_t ret[USBIP_HEADER_BYTES]);
/* status -ECONNRESET: the transfer is taken back; 0: it had ended, and its answer was sent. */
void usbip_encode_unlinked(uint32_t number, int status, uint8_t ret[USBIP_HEADER_BYTES]);

#endif
