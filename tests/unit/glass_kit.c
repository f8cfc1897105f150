#include "glass_kit.h"

#include <string.h>

unsigned
glass_kit_random(uint32_t *seed, unsigned n)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 8) % n;
}

void
glass_kit_smear(struct sample *s, const struct smear *smear)
{
	for (int y = -smear->radius; y <= smear->radius; y++) {
		for (int x = -smear->radius; x <= smear->radius; x++) {
			int px = smear->x + x, py = smear->y + y, grey;

			if (x * x + y * y > smear->radius * smear->radius || px < 0 ||
			    py < 0 || px >= (int)s->width || py >= (int)s->height)
				continue;
			grey = s->grey[(size_t)py * s->width + (size_t)px];
			grey -= smear->darker + (px * 7 + py * 13) % 11;
			s->grey[(size_t)py * s->width + (size_t)px] =
				(uint8_t)(grey < 0 ? 0 : grey);
		}
	}
}

void
glass_kit_touch(struct glass *g, unsigned n, const struct sample *s)
{
	struct ulid id = { { 0 } };
	struct glass_map map;

	n++; /* all zero is no name */
	memcpy(id.b, &n, sizeof(n));
	glass_map_of(s, &map);
	glass_touch(g, id, &map, false);
}
