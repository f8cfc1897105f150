#include "bio/probes.h"

#include "base/secret.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

struct slot {
	struct ulid id; /* zero: free */
	int64_t since_ms;
	struct finger_features features;
	struct ulid noted[PROBES_NOTED_MAX];
	size_t noted_count;
};

struct probes {
	struct slot slots[PROBES_MAX];
};

struct probes *
probes_new(void)
{
	return secret_region_new(sizeof(struct probes));
}

struct probes *
probes_free(struct probes *p)
{
	secret_region_free(p, sizeof(*p));
	return NULL;
}

static struct slot *
find(struct probes *p, struct ulid id)
{
	for (size_t i = 0; i < PROBES_MAX; i++)
		if (!ulid_is_zero(p->slots[i].id) && ulid_eq(p->slots[i].id, id))
			return &p->slots[i];
	return NULL;
}

/* A free slot, or the oldest one. */
static struct slot *
victim(struct probes *p)
{
	struct slot *oldest = &p->slots[0];

	for (size_t i = 0; i < PROBES_MAX; i++) {
		if (ulid_is_zero(p->slots[i].id))
			return &p->slots[i];
		if (p->slots[i].since_ms < oldest->since_ms)
			oldest = &p->slots[i];
	}
	return oldest;
}

struct finger_features *
probes_put(struct probes *p, struct ulid id, int64_t now_mono_ms)
{
	struct slot *s = victim(p);

	secret_zero(s, sizeof(*s));
	s->id = id;
	s->since_ms = now_mono_ms;
	return &s->features;
}

const struct finger_features *
probes_find(struct probes *p, struct ulid id, int64_t now_mono_ms)
{
	struct slot *s = find(p, id);

	if (s == NULL || now_mono_ms - s->since_ms >= PROBE_KEEP_MS)
		return NULL;
	return &s->features;
}

void
probes_note(struct probes *p, struct ulid id, const struct ulid *subjects, size_t count)
{
	struct slot *s = find(p, id);

	assert(count <= PROBES_NOTED_MAX);
	if (s == NULL)
		return;
	memcpy(s->noted, subjects, count * sizeof(s->noted[0]));
	s->noted_count = count;
}

const struct ulid *
probes_noted(struct probes *p, struct ulid id, int64_t now_mono_ms, size_t *ret_count)
{
	const struct slot *s = find(p, id);

	*ret_count = 0;
	if (s == NULL || now_mono_ms - s->since_ms >= PROBE_KEEP_MS ||
	    s->noted_count == 0)
		return NULL;
	*ret_count = s->noted_count;
	return s->noted;
}

const struct finger_features *
probes_at(struct probes *p, size_t i, int64_t now_mono_ms)
{
	const struct slot *s = &p->slots[i];

	assert(i < PROBES_MAX);
	if (ulid_is_zero(s->id) || now_mono_ms - s->since_ms >= PROBE_KEEP_MS)
		return NULL;
	return &s->features;
}

void
probes_drop(struct probes *p, struct ulid id)
{
	struct slot *s = find(p, id);

	if (s != NULL)
		secret_zero(s, sizeof(*s));
}

int64_t
probes_expire(struct probes *p, int64_t now_mono_ms)
{
	int64_t next = -1;

	for (size_t i = 0; i < PROBES_MAX; i++) {
		struct slot *s = &p->slots[i];
		int64_t left = s->since_ms + PROBE_KEEP_MS - now_mono_ms;

		if (ulid_is_zero(s->id))
			continue;
		if (left <= 0)
			secret_zero(s, sizeof(*s));
		else if (next < 0 || left < next)
			next = left;
	}
	return next;
}
