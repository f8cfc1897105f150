#include "usb/usbip.h"

#include <errno.h>
#include <string.h>

/* Places in the header; all numbers are of 32 bits, big-endian. */
#define AT_COMMAND 0u
#define AT_NUMBER 4u
#define AT_DIRECTION 12u
#define AT_ENDPOINT 16u
#define AT_BYTES 24u /* USBIP_SUBMIT */
#define AT_PACKETS 32u
#define AT_SETUP 40u
#define AT_UNLINKED 20u /* USBIP_UNLINK */
#define AT_STATUS 20u   /* answers */
#define AT_ACTUAL 24u

#define ENDPOINT_MAX 15u
#define NO_PACKETS 0xffffffffu /* not isochronous; 0 is said, too */

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static int
decode_submit(const uint8_t *p, size_t n, struct usbip_request *r, size_t *ret_used)
{
	uint32_t bytes = get32(p + AT_BYTES), packets = get32(p + AT_PACKETS);

	if ((packets != 0 && packets != NO_PACKETS) ||
	    bytes > (r->in ? USBIP_IN_BYTES_MAX : USBIP_OUT_BYTES_MAX))
		return -EBADMSG;
	memcpy(r->setup, p + AT_SETUP, USBIP_SETUP_BYTES);
	r->bytes = bytes;
	if (r->in)
		return 0;
	if (n - USBIP_HEADER_BYTES < bytes)
		return -EAGAIN;
	r->data = p + USBIP_HEADER_BYTES;
	*ret_used += bytes;
	return 0;
}

int
usbip_decode(const uint8_t *bytes, size_t n, struct usbip_request *ret, size_t *ret_used)
{
	struct usbip_request r = { 0 };
	size_t used = USBIP_HEADER_BYTES;
	uint32_t command, direction;
	int rc = 0;

	if (n < USBIP_HEADER_BYTES)
		return -EAGAIN;
	command = get32(bytes + AT_COMMAND);
	direction = get32(bytes + AT_DIRECTION);
	r.number = get32(bytes + AT_NUMBER);
	r.endpoint = get32(bytes + AT_ENDPOINT);
	r.in = direction == 1;
	if ((command != USBIP_SUBMIT && command != USBIP_UNLINK) || direction > 1 ||
	    r.endpoint > ENDPOINT_MAX)
		return -EBADMSG;
	r.command = (enum usbip_command)command;
	if (r.command == USBIP_UNLINK)
		r.unlinked = get32(bytes + AT_UNLINKED);
	else
		rc = decode_submit(bytes, n, &r, &used);
	if (rc < 0)
		return rc;
	*ret = r;
	*ret_used = used;
	return 0;
}

static void
encode(enum usbip_command command, uint32_t number, int status,
       uint8_t ret[USBIP_HEADER_BYTES])
{
	memset(ret, 0, USBIP_HEADER_BYTES);
	put32(ret + AT_COMMAND, command);
	put32(ret + AT_NUMBER, number);
	put32(ret + AT_STATUS, (uint32_t)status);
}

void
usbip_encode_submitted(uint32_t number, int status, size_t actual,
		       uint8_t ret[USBIP_HEADER_BYTES])
{
	encode(USBIP_SUBMITTED, number, status, ret);
	put32(ret + AT_ACTUAL, (uint32_t)actual);
}

void
usbip_encode_unlinked(uint32_t number, int status, uint8_t ret[USBIP_HEADER_BYTES])
{
	encode(USBIP_UNLINKED, number, status, ret);
}
