#include "bio/glass.h"

#include "base/secret.h"

#include <string.h>

#define UM_PER_INCH 25400u
/* The surroundings of a block: RING blocks to each side, without those up to INNER away. */
#define RING 3
#define INNER 1
/*
 * Less than this a finger laid on otherwise does too. With the next two limits 14 000 clean synthetic
 * presentations and 4 800 of real prints gave no alarm, and spots of 4 mm and 60 grey always did.
 */
#define DARKER_GREY 16
#define SUBJECTS_AGREE 16u
/*
 * So dark for so many different people is no sensor's own, whether or not it was ever clean here: 19 of
 * 20 were not in 18 000 draws of 20 clean prints, of which dead rows came nearest with 24 grey, while
 * spots of 4 mm and 60 grey gave 31 and more. Only away from the frame's edge, which may be dark.
 */
#define DARK_GREY 30
#define SUBJECTS_AGREE_DARK 19u
#define BLOCKS_DIRTY 2u
#define BLOCKS_STILL_DIRTY 1u
/* How fast the usual relief follows each person's: 1/64 of the way, and not more than a grey. */
#define USUAL_UNIT 128
#define FOLLOW_SHARE 64
#define FOLLOW_MAX (FOLLOW_SHARE * USUAL_UNIT)

static int
clamp(int v, int low, int high)
{
	if (v < low)
		return low;
	return v > high ? high : v;
}

static uint8_t
mean_of(const struct sample *s, uint32_t block, uint32_t bx, uint32_t by)
{
	const uint8_t *p = s->grey + (size_t)by * block * s->width + (size_t)bx * block;
	uint32_t sum = 0;

	for (uint32_t y = 0; y < block; y++)
		for (uint32_t x = 0; x < block; x++)
			sum += p[(size_t)y * s->width + x];
	return (uint8_t)(sum / (block * block));
}

/* How much lighter a block is than those around it. */
static int
relief_at(const struct glass_map *map, const uint8_t *mean, int bx, int by)
{
	int sum = 0, n = 0;

	for (int y = by - RING; y <= by + RING; y++) {
		for (int x = bx - RING; x <= bx + RING; x++) {
			bool near = x >= bx - INNER && x <= bx + INNER &&
				    y >= by - INNER && y <= by + INNER;

			if (near || x < 0 || y < 0 || x >= map->across || y >= map->down)
				continue;
			sum += mean[y * map->across + x];
			n++;
		}
	}
	return n == 0 ? 0 : mean[by * map->across + bx] - sum / n;
}

void
glass_map_of(const struct sample *s, struct glass_map *map)
{
	uint8_t mean[GLASS_BLOCKS_MAX];
	uint32_t longer = s->width > s->height ? s->width : s->height;
	uint32_t block = s->dpi * GLASS_BLOCK_UM / UM_PER_INCH;

	if (block * GLASS_SIDE_MAX < longer)
		block = (longer + GLASS_SIDE_MAX - 1) / GLASS_SIDE_MAX;
	memset(map, 0, sizeof(*map));
	map->width = s->width;
	map->height = s->height;
	map->dpi = s->dpi;
	map->across = (uint8_t)(s->width / block); /* a rest at the edge is left out */
	map->down = (uint8_t)(s->height / block);
	for (uint32_t y = 0; y < map->down; y++)
		for (uint32_t x = 0; x < map->across; x++)
			mean[y * map->across + x] = mean_of(s, block, x, y);
	for (int y = 0; y < map->down; y++)
		for (int x = 0; x < map->across; x++)
			map->relief[y * map->across + x] =
				(int8_t)clamp(relief_at(map, mean, x, y), -128, 127);
	secret_zero(mean, sizeof(mean));
}

/* The middle one of the last people's reliefs of block i. */
static int
median_of(const struct glass *g, size_t i)
{
	int8_t v[GLASS_SUBJECTS] = { 0 };

	for (size_t k = 0; k < GLASS_SUBJECTS; k++) {
		int8_t x = g->last[k].map.relief[i];
		size_t j = k;

		for (; j > 0 && v[j - 1] > x; j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
	return v[GLASS_SUBJECTS / 2];
}

static bool
is_inner(const struct glass_map *map, size_t i)
{
	size_t x = i % map->across, y = i / map->across;

	return x > 0 && y > 0 && x + 1u < map->across && y + 1u < map->down;
}

/* Dark whatever was usual. */
static bool
is_dark(const struct glass *g, size_t i)
{
	unsigned agree = 0;

	for (size_t k = 0; k < GLASS_SUBJECTS; k++)
		if (g->last[k].map.relief[i] <= -DARK_GREY)
			agree++;
	return agree >= SUBJECTS_AGREE_DARK && is_inner(&g->map, i);
}

/* Darker than usual. */
static bool
is_darker(const struct glass *g, size_t i)
{
	unsigned agree = 0;

	for (size_t k = 0; k < GLASS_SUBJECTS; k++)
		if ((g->last[k].map.relief[i] + DARKER_GREY) * USUAL_UNIT <= g->usual[i])
			agree++;
	return agree >= SUBJECTS_AGREE;
}

/*
 * With GLASS_SUBJECTS people; map is of the one who has just been here. Only somebody else than
 * before changes what is usual.
 */
static void
judge(struct glass *g, const struct glass_map *map, bool another)
{
	size_t blocks = (size_t)map->across * map->down;
	unsigned dirty = 0;

	for (size_t i = 0; i < blocks; i++) {
		int away = map->relief[i] * USUAL_UNIT - g->usual[i];
		bool is = (g->learned && is_darker(g, i)) || is_dark(g, i);

		if (is)
			dirty++;
		if (is || (g->learned && !another))
			away = 0; /* dirt does not become usual */
		else if (!g->learned)
			away = median_of(g, i) * USUAL_UNIT - g->usual[i];
		else
			away = clamp(away, -FOLLOW_MAX, FOLLOW_MAX) / FOLLOW_SHARE;
		g->usual[i] = (int16_t)(g->usual[i] + away);
	}
	g->learned = true;
	g->dirty = dirty >= (g->dirty ? BLOCKS_STILL_DIRTY : BLOCKS_DIRTY);
}

static struct glass_entry *
place_for(struct glass *g, struct ulid subject)
{
	size_t newest = (g->next + GLASS_SUBJECTS - 1) % GLASS_SUBJECTS;
	bool known = !ulid_is_zero(subject);
	struct glass_entry *e;

	for (size_t i = 0; known && i < GLASS_SUBJECTS; i++)
		if (ulid_eq(g->last[i].subject, subject))
			return &g->last[i];
	/* Tried again by the one who was here: told by the one touch or the other who it is. */
	if (g->again && g->count > 0 && (!known || ulid_is_zero(g->last[newest].subject)))
		return &g->last[newest];
	e = &g->last[g->next];
	e->subject = subject;
	g->next = (g->next + 1) % GLASS_SUBJECTS;
	if (g->count < GLASS_SUBJECTS)
		g->count++;
	return e;
}

/* The waiting touch is one of subject, zero: of somebody unknown. */
static void
take(struct glass *g, struct ulid subject)
{
	struct glass_entry *e;
	unsigned next = g->next;

	if (ulid_is_zero(g->probe))
		return;
	e = place_for(g, subject);
	if (!ulid_is_zero(subject))
		e->subject = subject;
	e->map = g->map;
	memset(&g->probe, 0, sizeof(g->probe));
	if (g->count == GLASS_SUBJECTS)
		judge(g, &e->map, g->next != next);
}

/* Of the same device nothing is known any more. */
static void
start_over(struct glass *g)
{
	struct reader_device device = g->device;

	glass_reset(g);
	g->device = device;
}

/* Takes entry i out of the ring; those after it move up. */
static void
drop(struct glass *g, size_t i)
{
	size_t newest = (g->next + GLASS_SUBJECTS - 1) % GLASS_SUBJECTS;

	for (; i != newest; i = (i + 1) % GLASS_SUBJECTS)
		g->last[i] = g->last[(i + 1) % GLASS_SUBJECTS];
	secret_zero(&g->last[newest], sizeof(g->last[newest]));
	g->next = (unsigned)newest;
	g->count--;
}

void
glass_touch(struct glass *g, struct ulid probe, const struct glass_map *map, bool again)
{
	static const struct ulid nobody;

	if (map->width != g->map.width || map->height != g->map.height ||
	    map->dpi != g->map.dpi)
		start_over(g);
	take(g, nobody);
	g->probe = probe;
	g->map = *map;
	g->again = again;
}

void
glass_decided(struct glass *g, struct ulid probe, struct ulid subject)
{
	if (!ulid_is_zero(probe) && ulid_eq(g->probe, probe))
		take(g, subject);
}

void
glass_device(struct glass *g, const struct reader_device *device)
{
	if (strcmp(g->device.id, device->id) != 0 ||
	    strcmp(g->device.port, device->port) != 0 ||
	    strcmp(g->device.serial, device->serial) != 0)
		glass_reset(g);
	g->device = *device;
}

void
glass_forget(struct glass *g, struct ulid subject)
{
	if (ulid_is_zero(g->probe)) /* else it is of a touch that nobody has decided */
		secret_zero(g->map.relief, sizeof(g->map.relief));
	for (size_t i = 0; !ulid_is_zero(subject) && i < GLASS_SUBJECTS; i++)
		if (ulid_eq(g->last[i].subject, subject)) {
			drop(g, i); /* nobody is in it twice */
			return;
		}
}

void
glass_reset(struct glass *g)
{
	secret_zero(g, sizeof(*g));
}

bool
glass_is_dirty(const struct glass *g)
{
	return g->dirty;
}
