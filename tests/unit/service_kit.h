#ifndef LANED_TESTS_UNIT_SERVICE_KIT_H
#define LANED_TESTS_UNIT_SERVICE_KIT_H

/*
 * A whole service over a real gallery.db of its own, laned's end of its socket, and a gallery whose
 * searches can be held (hold_kit.h).
 */
#include "bio/service_private.h"
#include "bio/store_fetch.h"
#include "tempdir.h"

struct service_kit {
	char dir[TEMPDIR_BYTES];
	struct loop *loop;
	struct conf *conf;
	struct service *service;
	struct rpc_peer *laned;
	struct store_readers *readers; /* of the gallery that can be held */
};

/* more: of the configuration, after the folder. Returns when the service is searchable. */
void service_kit_start(struct service_kit *k, const char *more,
		       const struct rpc_hooks *laned);
void service_kit_finish(struct service_kit *k);

/* A member with one finger, as after an enrolment, while no errand runs. */
void service_kit_enrol(struct service_kit *k, struct ulid subject,
		       const struct finger_features *print);

/*
 * For what is made once before tests are forked, outside libcheck: renders and extracts the
 * impressions of a clean finger. grey: SYNTH_WIDTH * SYNTH_HEIGHT bytes for each, or NULL.
 */
void service_kit_prints(uint64_t seed, unsigned impressions, uint8_t *grey,
			struct finger_features *ret_prints);

#endif
