#include "bio/gallery/reference_private.h"

#include "base/secret.h"
#include "bio/gallery/flow_code.h"
#include "bio/gallery/foreign.h"
#include "bio/gallery/merge.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/*
 * Layout of version 2, big-endian:
 *	0	version
 *	1	flags: bit 0 = an orientation map follows; bit 1 = of another system; bit 2 = a
 *		sketch follows; bit 3 = the map is coded; others 0
 *	2	with bit 2: 2 length of the sketch, and the sketch (sketch.h)
 * then with bit 1, and bits 0 and 3 not, a record of one view (foreign.h); otherwise:
 *	+0	quality 0..100
 *	+1	cells across, 1..255 (with a map: ..64); width is 16 px a cell
 *	+2	cells down
 *	+3	number of minutiae n, 0..100
 *	+4	n minutiae of 6 bytes by falling quality:
 *		2 type << 14 | x;  2 y;  1 direction, 1/256 turns;  1 quality 0..100
 *	+4+6n	map, row by row, one byte a cell: orientation, 1/32 half turns << 3 | coherence 1..7,
 *		or 0 outside the finger; with bit 3 as flow_code.h has it, where that is shorter
 * Unused bits are zero and nothing follows: features have one packed form only. Version 1 knew bits
 * 0 and 1 only; it is read.
 */
#define HEADER_BYTES 4u
#define MINUTIA_BYTES 6u
#define COHERENCE_MASK 7u
#define QUALITY_MAX 100u
#define POSITION_MAX 0x3fffu

_Static_assert(REFERENCE_LEAD_BYTES + HEADER_BYTES + MINUTIA_BYTES * MERGE_MINUTIAE_MAX +
			       MERGE_CELLS_MAX <=
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

/* The map at p; how many bytes, and whether it is coded. */
static size_t
pack_map(const struct finger_features *f, uint8_t *p, bool *ret_coded)
{
	size_t cells = (size_t)f->cells_x * f->cells_y, coded;
	uint8_t map[MERGE_CELLS_MAX];

	assert(cells <= MERGE_CELLS_MAX);
	for (size_t i = 0; i < cells; i++)
		map[i] = pack_cell(f->orientation[i], f->coherence[i]);
	coded = flow_code(map, f->cells_x, f->cells_y, p);
	if (coded == 0)
		memcpy(p, map, cells);
	secret_zero(map, sizeof(map));
	*ret_coded = coded > 0;
	return coded > 0 ? coded : cells;
}

size_t
reference_pack(const struct finger_features *f, uint8_t buf[REFERENCE_BYTES_MAX])
{
	uint8_t *p = buf + REFERENCE_LEAD_BYTES;
	bool coded = false;

	assert(f->count <= MERGE_MINUTIAE_MAX);
	*p++ = f->quality;
	*p++ = (uint8_t)(f->width / FINGER_CELL_PX);
	*p++ = (uint8_t)(f->height / FINGER_CELL_PX);
	*p++ = (uint8_t)f->count;
	for (unsigned i = 0; i < f->count; i++)
		p = pack_minutia(p, &f->minutiae[i]);
	if (f->cells_x > 0)
		p += pack_map(f, p, &coded);
	buf[0] = REFERENCE_VERSION;
	buf[1] = (uint8_t)((f->cells_x > 0 ? REFERENCE_MAP : 0) |
			   (coded ? REFERENCE_CODED : 0));
	return (size_t)(p - buf);
}

int
reference_make(const struct finger_features *const impressions[], size_t count,
	       uint8_t buf[REFERENCE_BYTES_MAX], size_t *ret_bytes)
{
	size_t work_bytes = merge_work_bytes();
	struct finger_features *merged = NULL;
	struct merge_work *work = NULL;
	size_t bytes;
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
	bytes = reference_pack(merged, buf);
	rc = reference_put_sketch(buf, &bytes);
	if (rc == 0)
		*ret_bytes = bytes;
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

int
reference_open(const uint8_t *data, size_t bytes, struct reference_parts *ret_parts)
{
	static const unsigned known[REFERENCE_VERSION + 1] = {
		[1] = REFERENCE_MAP | REFERENCE_FOREIGN,
		[2] = REFERENCE_MAP | REFERENCE_FOREIGN | REFERENCE_SKETCH |
		      REFERENCE_CODED,
	};
	struct reference_parts p = { 0 };

	if (bytes > 0 && data[0] > REFERENCE_VERSION)
		return -ENOTSUP;
	if (bytes < REFERENCE_LEAD_BYTES || bytes > REFERENCE_BYTES_MAX ||
	    (data[1] & ~known[data[0]]) != 0)
		return -EBADMSG;
	p.version = data[0];
	p.flags = data[1];
	p.body = data + REFERENCE_LEAD_BYTES;
	p.body_bytes = bytes - REFERENCE_LEAD_BYTES;
	if ((p.flags & REFERENCE_SKETCH) != 0) {
		if (p.body_bytes < REFERENCE_LENGTH_BYTES)
			return -EBADMSG;
		p.sketch = p.body + REFERENCE_LENGTH_BYTES;
		p.sketch_bytes = (size_t)(p.body[0] << 8 | p.body[1]);
		p.body_bytes -= REFERENCE_LENGTH_BYTES;
		if (p.sketch_bytes == 0 || p.sketch_bytes > p.body_bytes)
			return -EBADMSG;
		p.body = p.sketch + p.sketch_bytes;
		p.body_bytes -= p.sketch_bytes;
	}
	*ret_parts = p;
	return 0;
}

/* What the header says. */
struct shape {
	unsigned quality, cells_x, cells_y, count;
	bool map, coded;
	size_t cells;
	const uint8_t *minutiae, *map_at;
	size_t map_bytes;
};

static bool
read_shape(const struct reference_parts *p, struct shape *s)
{
	size_t bytes;

	if (p->body_bytes < HEADER_BYTES)
		return false;
	s->map = (p->flags & REFERENCE_MAP) != 0;
	s->coded = (p->flags & REFERENCE_CODED) != 0;
	s->quality = p->body[0];
	s->cells_x = p->body[1];
	s->cells_y = p->body[2];
	s->count = p->body[3];
	s->cells = s->map ? (size_t)s->cells_x * s->cells_y : 0;
	s->minutiae = p->body + HEADER_BYTES;
	if (s->quality > QUALITY_MAX || (s->coded && !s->map))
		return false;
	if (s->cells_x == 0 || s->cells_y == 0 || s->count > MERGE_MINUTIAE_MAX)
		return false;
	if (s->map &&
	    (s->cells_x > FINGER_CELLS_SIDE_MAX || s->cells_y > FINGER_CELLS_SIDE_MAX))
		return false;
	bytes = HEADER_BYTES + s->count * MINUTIA_BYTES;
	if (s->cells > MERGE_CELLS_MAX || p->body_bytes < bytes)
		return false;
	s->map_at = p->body + bytes;
	s->map_bytes = p->body_bytes - bytes;
	return s->coded || s->map_bytes == s->cells;
}

/* Do all minutiae keep the rules of the format? */
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
	return true;
}

/* The cells of the map, and whether they keep the rules. */
static bool
read_map(const struct shape *s, uint8_t map[MERGE_CELLS_MAX])
{
	if (s->coded) {
		if (!flow_decode(s->map_at, s->map_bytes, s->cells_x, s->cells_y, map))
			return false;
	} else if (s->cells > 0) {
		memcpy(map, s->map_at, s->cells);
	}
	for (size_t i = 0; i < s->cells; i++) {
		if (map[i] != 0 && (map[i] & COHERENCE_MASK) == 0)
			return false;
	}
	return true;
}

static void
fill(const struct shape *s, const uint8_t map[MERGE_CELLS_MAX], struct finger_features *f)
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
	for (size_t i = 0; i < s->cells; i++) {
		unpack_cell(map[i], &f->orientation[i], &f->coherence[i]);
		f->foreground_cells = (uint16_t)(f->foreground_cells + (map[i] != 0));
	}
}

static int
unpack_own(const struct reference_parts *parts, struct finger_features *ret_features)
{
	uint8_t map[MERGE_CELLS_MAX];
	struct shape shape;
	int rc = -EBADMSG;

	if (read_shape(parts, &shape) && is_strict(&shape) && read_map(&shape, map)) {
		fill(&shape, map, ret_features);
		rc = 0;
	}
	secret_zero(map, sizeof(map));
	return rc;
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
	struct reference_parts parts;
	int rc = reference_open(data, bytes, &parts);

	if (rc < 0)
		return rc;
	if ((parts.flags & REFERENCE_FOREIGN) != 0)
		return unpack_foreign(data, bytes, ret_features);
	return unpack_own(&parts, ret_features);
}
