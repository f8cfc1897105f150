#include "fmr_kit.h"

#include <string.h>

struct out {
	uint8_t *p;
	size_t n;
};

static void
number(struct out *o, unsigned value, unsigned bytes)
{
	while (bytes-- > 0)
		o->p[o->n++] = (uint8_t)(value >> 8 * bytes & 0xff);
}

uint32_t
kit_draw(uint64_t *state, uint32_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)((*state >> 32) % below);
}

void
kit_plain(struct kit_record *r, bool ansi)
{
	memset(r, 0, sizeof(*r));
	r->ansi = ansi;
	r->width = 300;
	r->height = 400;
	r->x_resolution = r->y_resolution = 197;
	r->views = 1;
	r->view[0].position = 2;
}

static void
random_view(struct kit_record *r, struct kit_view *v, uint64_t *state)
{
	static const unsigned impressions[] = { 0, 1, 2, 3, 8, 9 };
	unsigned quality = 100;

	v->position = kit_draw(state, 11);
	v->impression = impressions[kit_draw(state, r->ansi ? 6 : 5)];
	v->quality = kit_draw(state, 101);
	v->count = kit_draw(state, 129);
	for (unsigned i = 0; i < v->count; i++) {
		if (kit_draw(state, 3) == 0 && quality > 0)
			quality -= kit_draw(state, quality < 9 ? quality + 1 : 9);
		v->minutiae[i] = (struct kit_minutia){
			.type = kit_draw(state, 3),
			.x = kit_draw(state, r->width),
			.y = kit_draw(state, r->height),
			.angle = kit_draw(state, r->ansi ? 180 : 256),
			.quality = quality,
		};
	}
}

void
kit_random(struct kit_record *r, bool ansi, uint64_t seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
	unsigned of[11] = { 0 };

	memset(r, 0, sizeof(*r));
	r->ansi = ansi;
	if (ansi) {
		r->owner = kit_draw(&state, 65536);
		r->product = kit_draw(&state, 65536);
	}
	r->device = kit_draw(&state, 4096) | kit_draw(&state, 2) << 15;
	r->x_resolution = 99 + kit_draw(&state, 99);
	r->y_resolution = 99 + kit_draw(&state, 99);
	r->width = 1 + kit_draw(&state, 1000);
	r->height = 1 + kit_draw(&state, 1000);
	r->views = kit_draw(&state, KIT_VIEWS_MAX + 1);
	for (unsigned i = 0; i < r->views; i++) {
		random_view(r, &r->view[i], &state);
		if (of[r->view[i].position] == 16)
			r->view[i].position = 0;
		if (r->view[i].position == 0)
			r->view[i].number = kit_draw(&state, 16);
		else
			r->view[i].number = of[r->view[i].position]++;
	}
}

static void
put_view(struct out *o, const struct kit_view *v)
{
	number(o, v->position, 1);
	number(o, v->number * 16 + v->impression, 1);
	number(o, v->quality, 1);
	number(o, v->count, 1);
	for (unsigned i = 0; i < v->count; i++) {
		const struct kit_minutia *m = &v->minutiae[i];

		number(o, m->type * 16384 + m->x, 2);
		number(o, m->y, 2);
		number(o, m->angle, 1);
		number(o, m->quality, 1);
	}
	number(o, (unsigned)v->extended_bytes, 2);
	if (v->extended_bytes > 0)
		memcpy(o->p + o->n, v->extended, v->extended_bytes);
	o->n += v->extended_bytes;
}

/* What both standards have between the length and the end. */
static void
put_rest(struct out *o, const struct kit_record *r)
{
	if (r->ansi) {
		number(o, r->owner, 2);
		number(o, r->product, 2);
	}
	number(o, r->device, 2);
	number(o, r->width, 2);
	number(o, r->height, 2);
	number(o, r->x_resolution, 2);
	number(o, r->y_resolution, 2);
	number(o, r->views, 1);
	number(o, 0, 1);
	for (unsigned i = 0; i < r->views; i++)
		put_view(o, &r->view[i]);
}

size_t
kit_build(const struct kit_record *r, uint8_t out[KIT_BYTES_MAX])
{
	struct out o = { out, 8 };
	size_t length_bytes = r->ansi ? 2 : 4;

	memcpy(out, "FMR\0 20\0", 8);
	o.n += length_bytes;
	put_rest(&o, r);
	if (r->ansi && o.n > 65535) {
		length_bytes = 6;
		o.n = 8 + length_bytes;
		put_rest(&o, r);
		number(&(struct out){ out, 8 }, 0, 2);
		number(&(struct out){ out, 10 }, (unsigned)o.n, 4);
	} else {
		number(&(struct out){ out, 8 }, (unsigned)o.n, (unsigned)length_bytes);
	}
	return o.n;
}
