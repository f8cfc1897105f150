#include "base/log_limit.h"

#include <string.h>

static bool
window_is_over(const struct log_limit_slot *s, int64_t mono_ms)
{
	return mono_ms - s->window_start_ms >= LOG_LIMIT_WINDOW_MS;
}

/* The slot of key, else a free one, else that with the oldest window. */
static struct log_limit_slot *
slot_of(struct log_limit *l, const char *key)
{
	struct log_limit_slot *best = &l->slots[0];

	for (unsigned i = 0; i < LOG_LIMIT_SLOTS; i++) {
		struct log_limit_slot *s = &l->slots[i];

		if (strcmp(s->key, key) == 0)
			return s;
		if (best->key[0] == '\0')
			continue;
		if (s->key[0] == '\0' || s->window_start_ms < best->window_start_ms)
			best = s;
	}
	return best;
}

bool
log_limit_take(struct log_limit *l, const char *key, int64_t mono_ms)
{
	char cut[LOG_LIMIT_KEY_BYTES];
	struct log_limit_slot *s;
	size_t n = strnlen(key, sizeof(cut) - 1);

	memcpy(cut, key, n);
	cut[n] = '\0';
	if (n == 0)
		return true;
	s = slot_of(l, cut);
	if (strcmp(s->key, cut) != 0) {
		*s = (struct log_limit_slot){ .window_start_ms = mono_ms };
		memcpy(s->key, cut, n + 1);
	}
	if (window_is_over(s, mono_ms)) {
		s->window_start_ms = mono_ms;
		s->passed = 0;
	}
	if (s->passed >= LOG_LIMIT_BURST) {
		s->suppressed++;
		return false;
	}
	s->passed++;
	return true;
}

bool
log_limit_report(struct log_limit *l, int64_t mono_ms, char ret_key[LOG_LIMIT_KEY_BYTES],
		 unsigned long *ret_suppressed)
{
	for (unsigned i = 0; i < LOG_LIMIT_SLOTS; i++) {
		struct log_limit_slot *s = &l->slots[i];

		if (s->suppressed == 0 || !window_is_over(s, mono_ms))
			continue;
		memcpy(ret_key, s->key, LOG_LIMIT_KEY_BYTES);
		*ret_suppressed = s->suppressed;
		*s = (struct log_limit_slot){ .key = "" };
		return true;
	}
	return false;
}
