#include "bio/gallery/reference.h"

#include "base/secret.h"
#include "bio/gallery/foreign.h"
#include "bio/gallery/merge.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/*
 * Layout of version 1, big-endian:
 *	0	version
 *	1	flags: bit 0 = an orientation map follows; bit 1 = of another system; others 0
 *	2	quality 0..100
 *	3	cells across, 1..255 (with a map: ..64); width is 16 px a cell
 *	4	cells down
 *	5	number of minutiae n, 0..100
 *	6	n minutiae of 6 bytes by falling quality:
 *		2 type << 14 | x;  2 y;  1 direction, 1/256 turns;  1 quality 0..100
 *	6+6n	map, row by row, one byte a cell: orientation, 1/32 half turns << 3 | coherence 1..7,
 *		or 0 outside the finger
 * With bit 1, and bit 0 not, a record of one view follows the flags (foreign.h).
 * Unused bits are zero and nothing follows: features have one packed form only.
 */
#define HEADER_BYTES 6u
#define MINUTIA_BYTES 6u
#define FLAG_MAP 1u
#define COHERENCE_MASK 7u
#define QUALITY_MAX 100u
#define POSITION_MAX 0x3fffu

_Static_assert(HEADER_BYTES + MINUTIA_BYTES * MERGE_MINUTIAE_MAX + MERGE_CELLS_MAX <=
		       REFERENCE_BYTES_MAX,
	       "the largest reference fits");
_Static_assert(MERGE_MINUTIAE_MAX <= FINGER_MINUTIAE_MAX, "a reference unpacks");
_Static_assert(MERGE_CELLS_MAX <= FINGER_CELLS_SIDE_MAX * FINGER_CELLS_SIDE_MAX,
	       "a map unpacks");

static uint8_t
pack_cell(uint8_t orientation, uint8_t coherence)
{
	if (coherence == 0)
		return 0;
	return (uint8_t)(((orientation + 4u) >> 3 & 31u) << 3 |
			 (coherence < 32 ? 1u : coherence >> 5));
}

static void
unpack_cell(uint8_t cell, uint8_t *ret_orientation, uint8_t *ret_coherence)
{
	*ret_orientation = (uint8_t)(cell & ~COHERENCE_MASK);
	*ret_coherence = (uint8_t)((cell & COHERENCE_MASK) * 36u);
}

static uint8_t *
pack_minutia(uint8_t *p, const struct minutia *m)
{
	unsigned direction = (m->angle + 128u) >> 8 & 255u;

	assert(m->x >= 0 && m->y >= 0);
	assert((unsigned)m->x <= POSITION_MAX && (unsigned)m->y <= POSITION_MAX);
	*p++ = (uint8_t)(m->type << 6 | m->x >> 8);
	*p++ = (uint8_t)m->x;
	*p++ = (uint8_t)(m->y >> 8);
	*p++ = (uint8_t)m->y;
	*p++ = (uint8_t)direction;
	*p++ = m->quality;
	return p;
}

static size_t
pack(const struct finger_features *f, uint8_t buf[REFERENCE_BYTES_MAX])
{
	size_t cells = (size_t)f->cells_x * f->cells_y;
	uint8_t *p = buf;

	assert(f->count <= MERGE_MINUTIAE_MAX);
	assert(cells <= MERGE_CELLS_MAX);
	*p++ = REFERENCE_VERSION;
	*p++ = (uint8_t)(f->cells_x == 0 ? 0 : FLAG_MAP);
	*p++ = f->quality;
	*p++ = (uint8_t)(f->width / FINGER_CELL_PX);
	*p++ = (uint8_t)(f->height / FINGER_CELL_PX);
	*p++ = (uint8_t)f->count;
	for (unsigned i = 0; i < f->count; i++)
		p = pack_minutia(p, &f->minutiae[i]);
	for (size_t i = 0; i < cells; i++)
		*p++ = pack_cell(f->orientation[i], f->coherence[i]);
	return (size_t)(p - buf);
}

int
reference_make(const struct finger_features *const impressions[], size_t count,
	       uint8_t buf[REFERENCE_BYTES_MAX], size_t *ret_bytes)
{
	size_t work_bytes = merge_work_bytes();
	struct finger_features *merged = NULL;
	struct merge_work *work = NULL;
	int rc;

	if (count < 1 || count > REFERENCE_IMPRESSIONS_MAX)
		return -EINVAL;
	work = secret_region_new(work_bytes);
	merged = secret_region_new(sizeof(*merged));
	rc = -ENOMEM;
	if (work == NULL || merged == NULL)
		goto out;
	rc = merge_impressions(work, impressions, count, merged);
	if (rc < 0)
		goto out;
	*ret_bytes = pack(merged, buf);
out:
	secret_region_free(merged, sizeof(*merged));
	secret_region_free(work, work_bytes);
	return rc;
}

static struct minutia
unpack_minutia(const uint8_t *p)
{
	return (struct minutia){
		.x = (int16_t)((p[0] & 0x3f) << 8 | p[1]),
		.y = (int16_t)(p[2] << 8 | p[3]),
		.angle = (uint16_t)(p[4] << 8),
		.type = p[0] >> 6,
		.quality = p[5],
	};
}

/* What the header says. */
struct shape {
	unsigned quality, cells_x, cells_y, count;
	bool map;
	size_t map_bytes;
	const uint8_t *minutiae, *cells;
};

static bool
read_shape(const uint8_t *data, size_t bytes, struct shape *s)
{
	s->map = (data[1] & FLAG_MAP) != 0;
	s->quality = data[2];
	s->cells_x = data[3];
	s->cells_y = data[4];
	s->count = data[5];
	s->map_bytes = s->map ? (size_t)s->cells_x * s->cells_y : 0;
	s->minutiae = data + HEADER_BYTES;
	if ((data[1] & ~FLAG_MAP) != 0 || s->quality > QUALITY_MAX)
		return false;
	if (s->cells_x == 0 || s->cells_y == 0 || s->count > MERGE_MINUTIAE_MAX)
		return false;
	if (s->map &&
	    (s->cells_x > FINGER_CELLS_SIDE_MAX || s->cells_y > FINGER_CELLS_SIDE_MAX))
		return false;
	if (s->map_bytes > MERGE_CELLS_MAX ||
	    bytes != HEADER_BYTES + s->count * MINUTIA_BYTES + s->map_bytes)
		return false;
	s->cells = s->minutiae + s->count * MINUTIA_BYTES;
	return true;
}

/* Do all minutiae and cells keep the rules of the format? */
static bool
is_strict(const struct shape *s)
{
	unsigned quality = QUALITY_MAX;

	for (unsigned i = 0; i < s->count; i++) {
		const uint8_t *p = s->minutiae + i * MINUTIA_BYTES;
		unsigned x = (unsigned)(p[0] & 0x3f) << 8 | p[1],
			 y = (unsigned)p[2] << 8 | p[3];

		if (p[0] >> 6 > MINUTIA_BIFURCATION || p[5] > quality)
			return false;
		if (x >= s->cells_x * FINGER_CELL_PX || y >= s->cells_y * FINGER_CELL_PX)
			return false;
		quality = p[5];
	}
	for (size_t i = 0; i < s->map_bytes; i++) {
		if (s->cells[i] != 0 && (s->cells[i] & COHERENCE_MASK) == 0)
			return false;
	}
	return true;
}

static void
fill(const struct shape *s, struct finger_features *f)
{
	memset(f, 0, sizeof(*f));
	f->quality = (uint8_t)s->quality;
	f->width = (uint16_t)(s->cells_x * FINGER_CELL_PX);
	f->height = (uint16_t)(s->cells_y * FINGER_CELL_PX);
	f->count = (uint16_t)s->count;
	for (unsigned i = 0; i < s->count; i++)
		f->minutiae[i] = unpack_minutia(s->minutiae + i * MINUTIA_BYTES);
	if (!s->map)
		return;
	f->cells_x = (uint8_t)s->cells_x;
	f->cells_y = (uint8_t)s->cells_y;
	for (size_t i = 0; i < s->map_bytes; i++) {
		unpack_cell(s->cells[i], &f->orientation[i], &f->coherence[i]);
		f->foreground_cells =
			(uint16_t)(f->foreground_cells + (s->cells[i] != 0));
	}
}

static int
unpack_foreign(const uint8_t *data, size_t bytes, struct finger_features *ret_features)
{
	struct fmr record;
	int rc = foreign_open(data, bytes, &record);

	if (rc == 0)
		fmr_features(&record, 0, ret_features);
	return rc;
}

bool
reference_is_foreign(const uint8_t *data, size_t bytes)
{
	return bytes > 1 && (data[1] & REFERENCE_FOREIGN) != 0;
}

int
reference_unpack(const uint8_t *data, size_t bytes, struct finger_features *ret_features)
{
	struct shape shape;

	if (bytes > 0 && data[0] > REFERENCE_VERSION)
		return -ENOTSUP;
	if (bytes < HEADER_BYTES || bytes > REFERENCE_BYTES_MAX ||
	    data[0] != REFERENCE_VERSION)
		return -EBADMSG;
	if (reference_is_foreign(data, bytes))
		return unpack_foreign(data, bytes, ret_features);
	if (!read_shape(data, bytes, &shape) || !is_strict(&shape))
		return -EBADMSG;
	fill(&shape, ret_features);
	return 0;
}
