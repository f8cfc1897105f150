#include "base/typing_setting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "uinput:"

bool
typing_setting_is(struct str text)
{
	size_t n = sizeof(PREFIX) - 1;

	return text.n >= n && memcmp(text.p, PREFIX, n) == 0;
}

static int
parse_pace(struct str text, uint32_t *ret_ms)
{
	static const char key[] = "pace=";
	size_t n = sizeof(key) - 1;
	int64_t ms;

	if (text.n <= n || memcmp(text.p, key, n) != 0)
		return -EINVAL;
	text.p += n;
	text.n -= n;
	if (!str_digits_ok(text, 4) || str_to_i64(text, &ms) < 0 || ms < 1 ||
	    ms > TYPING_PACE_MAX_MS)
		return -EINVAL;
	*ret_ms = (uint32_t)ms;
	return 0;
}

int
typing_setting_parse(struct str text, struct typing_setting *ret_setting,
		     char why[TYPING_WHY_BYTES])
{
	static const char *const names[TYPING_LAYOUTS] = { "us", "de", "fr", "keypad" };
	struct typing_setting s = { TYPING_US, TYPING_PACE_MS };
	struct str layout = text, query = { NULL, 0 };
	const char *mark;
	unsigned i = 0;

	(void)snprintf(why, TYPING_WHY_BYTES,
		       "uinput:LAYOUT is wanted: us, de, fr or keypad"); /* fits */
	if (!typing_setting_is(text))
		return -EINVAL;
	layout.p += sizeof(PREFIX) - 1;
	layout.n -= sizeof(PREFIX) - 1;
	mark = memchr(layout.p, '?', layout.n);
	if (mark != NULL) {
		query = (struct str){ mark + 1,
				      layout.n - (size_t)(mark - layout.p) - 1 };
		layout.n = (size_t)(mark - layout.p);
	}
	while (i < TYPING_LAYOUTS && !str_is(layout, names[i]))
		i++;
	if (i == TYPING_LAYOUTS)
		return -EINVAL;
	s.layout = (enum typing_layout)i;
	if (mark != NULL && parse_pace(query, &s.pace_ms) < 0) {
		(void)snprintf(why, TYPING_WHY_BYTES,
			       "behind the layout: ?pace=MS, 1 to %u",
			       TYPING_PACE_MAX_MS); /* fits */
		return -EINVAL;
	}
	*ret_setting = s;
	return 0;
}
