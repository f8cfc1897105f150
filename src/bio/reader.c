#include "bio/reader.h"

#include "base/clock.h"
#include "bio/serial/reader_zfm.h"
#include "bio/usb/reader_usb.h"

#include <string.h>

const struct reader_driver *const reader_drivers[] = { &reader_file, &reader_usb,
						       &reader_zfm };
const size_t reader_drivers_count = sizeof(reader_drivers) / sizeof(reader_drivers[0]);

const char *
reader_state_name(enum reader_state s)
{
	static const char *const names[] = { "absent", "ready", "capturing", "faulty" };

	return names[s];
}

const struct reader_driver *
reader_driver_find(const char *name)
{
	for (size_t i = 0; i < reader_drivers_count; i++)
		if (strcmp(reader_drivers[i]->name, name) == 0)
			return reader_drivers[i];
	return NULL;
}

const struct reader_refusal *
reader_refusal(const struct reader_refusal table[], int error)
{
	while (table->error != 0 && table->error != error)
		table++;
	return table;
}

void
reader_set_state(struct reader *r, enum reader_state state)
{
	if (r->state == state && r->since_wall_ms != 0)
		return;
	r->state = state;
	r->since_wall_ms = clock_wall_ms();
	if (r->events.changed != NULL)
		r->events.changed(r->events.ctx, r);
}
