#include "old_reference.h"

#include "bio/finger/fmr.h"
#include "bio/gallery/foreign.h"
#include "bio/gallery/reference.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *
old_minutia(uint8_t *p, const struct minutia *m)
{
	*p++ = (uint8_t)(m->type << 6 | m->x >> 8);
	*p++ = (uint8_t)m->x;
	*p++ = (uint8_t)(m->y >> 8);
	*p++ = (uint8_t)m->y;
	*p++ = (uint8_t)(m->angle >> 8);
	*p++ = m->quality;
	return p;
}

static size_t
old_foreign(const uint8_t *packed, size_t bytes, uint8_t *ret)
{
	struct fmr r;

	if (foreign_open(packed, bytes, &r) < 0)
		abort();
	ret[0] = 1;
	ret[1] = 2;
	memcpy(ret + 2, r.data, r.bytes);
	return 2 + r.bytes;
}

size_t
old_reference(const uint8_t *packed, size_t bytes, uint8_t *ret)
{
	static struct finger_features f;
	size_t cells;
	uint8_t *p = ret;

	if (reference_is_foreign(packed, bytes))
		return old_foreign(packed, bytes, ret);
	if (reference_unpack(packed, bytes, &f) < 0)
		abort();
	cells = (size_t)f.cells_x * f.cells_y;
	*p++ = 1;
	*p++ = cells > 0;
	*p++ = f.quality;
	*p++ = (uint8_t)(f.width / 16);
	*p++ = (uint8_t)(f.height / 16);
	*p++ = (uint8_t)f.count;
	for (unsigned i = 0; i < f.count; i++)
		p = old_minutia(p, &f.minutiae[i]);
	for (size_t i = 0; i < cells; i++)
		*p++ = (uint8_t)(f.orientation[i] | f.coherence[i] / 36);
	return (size_t)(p - ret);
}
