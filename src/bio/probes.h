#ifndef LANED_BIO_PROBES_H
#define LANED_BIO_PROBES_H

#include "base/plain/ids.h"
#include "bio/finger/finger.h"

#include <stddef.h>

/*
 * Probes: the features of the last touches, kept PROBE_KEEP_MS for identify, decide and verify,
 * in locked memory, zeroised when dropped. A fixed number; the oldest gives way.
 */
#define PROBES_MAX 8u
#define PROBE_KEEP_MS 30000

struct probes;

struct probes *probes_new(void);
struct probes *probes_free(struct probes *p);

/*
 * A zeroed slot for the probe called id, valid until it is dropped, replaced or expired.
 */
struct finger_features *probes_put(struct probes *p, struct ulid id, int64_t now_mono_ms);
/* The features of id, or NULL when it is unknown or older than PROBE_KEEP_MS. */
const struct finger_features *probes_find(struct probes *p, struct ulid id,
					  int64_t now_mono_ms);
/*
 * Whom a touch was nearest to, when it was not enough: kept with its probe for the next touch. Nothing
 * is noted when the probe is gone. What was noted, best first, or NULL and 0.
 */
#define PROBES_NOTED_MAX 8u
void probes_note(struct probes *p, struct ulid id, const struct ulid *subjects,
		 size_t count);
const struct ulid *probes_noted(struct probes *p, struct ulid id, int64_t now_mono_ms,
				size_t *ret_count);
/* The features in slot i below PROBES_MAX, or NULL. */
const struct finger_features *probes_at(struct probes *p, size_t i, int64_t now_mono_ms);
void probes_drop(struct probes *p, struct ulid id);

/* Drops the expired; milliseconds until the next one expires, or -1 when there is none. */
int64_t probes_expire(struct probes *p, int64_t now_mono_ms);

#endif
