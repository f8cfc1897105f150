#include "bio/finger/fmr_private.h"

#include <assert.h>

/* Minutiae as records and cards pack them. */
static const struct {
	uint8_t bytes;
	uint16_t turn; /* units of direction in a full turn */
} layouts[] = {
	[FMR_LAYOUT_ISO] = { FMR_MINUTIA_BYTES, 256 },
	[FMR_LAYOUT_ANSI] = { FMR_MINUTIA_BYTES, 180 },
	[FMR_LAYOUT_NORMAL] = { FMR_CARD_NORMAL_MINUTIA_BYTES, 256 },
	[FMR_LAYOUT_COMPACT] = { FMR_CARD_COMPACT_MINUTIA_BYTES, 64 },
};

/* One minutia, its fields apart but in the units of its layout. */
struct fields {
	uint16_t x, y;
	uint8_t type, reserved, angle, quality;
};

static struct fields
fields_at(const struct fmr_list *l, unsigned index)
{
	const uint8_t *p = l->data + (size_t)index * layouts[l->frame.layout].bytes;

	if (l->frame.layout == FMR_LAYOUT_COMPACT) {
		return (struct fields){
			.x = p[0],
			.y = p[1],
			.type = p[2] >> 6,
			.angle = p[2] & 0x3f,
		};
	}
	return (struct fields){
		.x = fmr_get16(p) & FMR_XY_MAX,
		.y = fmr_get16(p + 2) & FMR_XY_MAX,
		.type = p[0] >> 6,
		.reserved = p[2] >> 6,
		.angle = p[4],
		.quality = layouts[l->frame.layout].bytes == FMR_MINUTIA_BYTES ? p[5] : 0,
	};
}

static struct minutia
minutia_at(const struct fmr_list *l, unsigned index)
{
	struct fields m = fields_at(l, index);
	uint32_t turn = layouts[l->frame.layout].turn;

	return (struct minutia){
		.x = (int16_t)fmr_rescale(m.x, l->frame.x_px_per_cm, FMR_PX_PER_CM),
		.y = (int16_t)fmr_rescale(m.y, l->frame.y_px_per_cm, FMR_PX_PER_CM),
		.angle = (uint16_t)((m.angle * 65536u + turn / 2) / turn),
		.type = m.type,
		.quality = m.quality,
	};
}

size_t
fmr_minutia_bytes(enum fmr_layout layout)
{
	return layouts[layout].bytes;
}

const char *
fmr_list_check(const struct fmr_list *l, size_t *ret_offset)
{
	size_t step = layouts[l->frame.layout].bytes, angle_at = step == 3 ? 2 : 4;

	for (unsigned i = 0; i < l->count; i++) {
		struct fields m = fields_at(l, i);
		const char *what = NULL;
		size_t at = 0;

		if (m.type > MINUTIA_BIFURCATION) {
			what = "unknown type of minutia";
			at = step == 3 ? 2 : 0;
		} else if (m.x >= l->frame.width) {
			what = "minutia right of the image";
		} else if (m.reserved != 0) {
			what = "reserved bits of a minutia are set";
			at = 2;
		} else if (m.y >= l->frame.height) {
			what = "minutia below the image";
			at = step == 3 ? 1 : 2;
		} else if (m.angle >= layouts[l->frame.layout].turn) {
			what = "direction of a full turn or more";
			at = angle_at;
		} else if (m.quality > FMR_QUALITY_MAX) {
			what = "quality of a minutia above 100";
			at = 5;
		}
		if (what != NULL) {
			*ret_offset = i * step + at;
			return what;
		}
	}
	return NULL;
}

struct centre {
	int32_t x, y;
};

static struct centre
centre_of(const struct fmr_list *l)
{
	struct centre c = { 0, 0 };

	for (unsigned i = 0; i < l->count; i++) {
		struct minutia m = minutia_at(l, i);

		c.x += m.x;
		c.y += m.y;
	}
	c.x /= (int32_t)l->count;
	c.y /= (int32_t)l->count;
	return c;
}

static int32_t
distance2(struct centre c, struct minutia m)
{
	return (m.x - c.x) * (m.x - c.x) + (m.y - c.y) * (m.y - c.y);
}

/* Marks the minutiae that FINGER_MINUTIAE_MAX leaves no room for. */
static void
leave_out(const struct fmr_list *l, bool out[FMR_STORED_MAX])
{
	struct centre centre = centre_of(l);

	for (unsigned left = l->count; left > FINGER_MINUTIAE_MAX; left--) {
		int32_t worst_distance = -1;
		uint8_t worst_quality = 0;
		unsigned worst = 0;

		for (unsigned i = 0; i < l->count; i++) {
			struct minutia m = minutia_at(l, i);
			int32_t d = distance2(centre, m);

			if (out[i] || (worst_distance >= 0 && m.quality > worst_quality))
				continue;
			if (worst_distance >= 0 && m.quality == worst_quality &&
			    d < worst_distance)
				continue;
			worst = i;
			worst_distance = d;
			worst_quality = m.quality;
		}
		out[worst] = true;
	}
}

void
fmr_list_unpack(const struct fmr_list *l, struct finger_features *f)
{
	bool out[FMR_STORED_MAX] = { false };

	assert(l->count <= FMR_STORED_MAX);
	if (l->count > FINGER_MINUTIAE_MAX)
		leave_out(l, out);
	f->count = 0;
	for (unsigned quality = FMR_QUALITY_MAX + 1; quality-- > 0;) {
		for (unsigned i = 0; i < l->count; i++) {
			if (!out[i] && fields_at(l, i).quality == quality)
				f->minutiae[f->count++] = minutia_at(l, i);
		}
	}
	assert(f->count <= FINGER_MINUTIAE_MAX);
}

/*
 * Scales v pixels at 500 dpi to an image of side pixels. Where those are finer, the centre of a
 * pixel that the image only begins lies beyond it: then its last pixel is meant. False: outside.
 */
static bool
scale_back(int16_t v, uint16_t side, uint16_t px_per_cm, uint32_t *ret_v)
{
	uint32_t end = side <= FMR_XY_MAX ? side : FMR_XY_MAX + 1;
	uint32_t scaled;

	if (v < 0 || (uint32_t)v >= fmr_side(end, px_per_cm))
		return false;
	scaled = fmr_rescale((uint32_t)v, FMR_PX_PER_CM, px_per_cm);
	*ret_v = scaled < end ? scaled : end - 1;
	return true;
}

bool
fmr_minutia_pack(const struct fmr_frame *frame, const struct minutia *m, uint8_t *p)
{
	uint32_t turn = layouts[frame->layout].turn;
	uint32_t angle = (m->angle * turn + 32768u) / 65536u % turn;
	uint32_t x, y;

	if (m->type > MINUTIA_BIFURCATION ||
	    !scale_back(m->x, frame->width, frame->x_px_per_cm, &x) ||
	    !scale_back(m->y, frame->height, frame->y_px_per_cm, &y))
		return false;
	if (frame->layout == FMR_LAYOUT_COMPACT) {
		p[0] = (uint8_t)x;
		p[1] = (uint8_t)y;
		p[2] = (uint8_t)((unsigned)m->type << 6 | angle);
		return true;
	}
	fmr_put16(p, (unsigned)m->type << FMR_TYPE_SHIFT | x);
	fmr_put16(p + 2, y);
	p[4] = (uint8_t)angle;
	if (layouts[frame->layout].bytes == FMR_MINUTIA_BYTES)
		p[5] = m->quality;
	return true;
}
