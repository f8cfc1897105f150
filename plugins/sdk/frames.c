#include "laned/sdk.h"

#include <string.h>

int
laned_framing_line(const uint8_t *p, size_t n, struct laned_frame *ret_frame)
{
	const uint8_t *end = memchr(p, '\n', n);

	ret_frame->begin = 0;
	ret_frame->n = end == NULL ? 0 : (size_t)(end - p);
	ret_frame->bytes = end == NULL ? 0 : ret_frame->n + 1;
	return end == NULL ? LANED_AGAIN : LANED_OK;
}

static int
length(const uint8_t *p, size_t n, size_t width, struct laned_frame *ret_frame)
{
	ret_frame->begin = width;
	ret_frame->n = ret_frame->bytes = 0;
	if (n < width)
		return LANED_AGAIN;
	for (size_t i = 0; i < width; i++)
		ret_frame->n = ret_frame->n << 8 | p[i];
	if (ret_frame->n > SIZE_MAX - width)
		return LANED_INVALID; /* where a size has four bytes */
	ret_frame->bytes = width + ret_frame->n;
	return n < ret_frame->bytes ? LANED_AGAIN : LANED_OK;
}

int
laned_framing_length2(const uint8_t *p, size_t n, struct laned_frame *ret_frame)
{
	return length(p, n, 2, ret_frame);
}

int
laned_framing_length4(const uint8_t *p, size_t n, struct laned_frame *ret_frame)
{
	return length(p, n, 4, ret_frame);
}

int
laned_length_put(uint8_t *head, size_t width, size_t n)
{
	if (n > (width == 2 ? UINT16_MAX : UINT32_MAX))
		return LANED_TOO_LARGE;
	for (size_t i = 0; i < width; i++)
		head[i] = (uint8_t)(n >> 8 * (width - 1 - i));
	return LANED_OK;
}

/*
 * An adapter's own framing may have mistakes: with them neither memory of others is read nor the same
 * bytes for ever.
 */
static int
is_here(const struct laned_inbox *in, const struct laned_frame *f)
{
	return f->bytes > 0 && f->bytes <= in->used && f->begin <= f->bytes &&
	       f->n <= f->bytes - f->begin;
}

int
laned_inbox_add(struct laned_inbox *in, const uint8_t *data, size_t n)
{
	if (n > in->bytes - in->used)
		return LANED_TOO_LARGE;
	if (n > 0)
		memcpy(in->p + in->used, data, n);
	in->used += n;
	return LANED_OK;
}

int
laned_inbox_next(const struct laned_inbox *in, struct laned_frame *ret_frame)
{
	int rc;

	if (in->used == 0)
		return LANED_AGAIN;
	rc = in->framing(in->p, in->used, ret_frame);
	if (rc == LANED_AGAIN && (ret_frame->bytes > in->bytes || in->used == in->bytes))
		return LANED_TOO_LARGE;
	if (rc == LANED_OK && !is_here(in, ret_frame))
		return LANED_INVALID;
	return rc;
}

void
laned_inbox_drop(struct laned_inbox *in, size_t bytes)
{
	if (bytes > in->used)
		bytes = in->used;
	in->used -= bytes;
	memmove(in->p, in->p + bytes, in->used);
}
