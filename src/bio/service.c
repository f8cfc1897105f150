#include "bio/service_judge.h"
#include "bio/service_transfer.h"

#include "base/clock.h"
#include "base/log.h"
#include "bio/storekey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MACHINE_ID "/etc/machine-id"
#define PATH_BYTES_MAX 512u
#define ROLE_LANED 1u

void
service_expire_probes(void *ctx)
{
	struct service *s = ctx;
	int64_t left = probes_expire(s->probes, clock_mono_ms());

	if (left >= 0 && loop_timer_set(s->probe_timer, left) < 0)
		log_warn("probes cannot be timed; the next touch drops them");
	service_ask_follow(s);
}

/* ---- start and end ------------------------------------------------------ */

static void
read_policy(struct service *s)
{
	const struct conf *c = s->conf;

	s->policy = (struct decide_policy){
		.fpir_per_million = (uint32_t)(conf_int(c, "bio", "fpir") / 1000),
		.verify_fmr_per_million =
			(uint32_t)(conf_int(c, "bio", "verify_fmr") / 1000),
		.margin = (int32_t)conf_int(c, "bio", "margin_db") * 100,
		.quality_min = (uint8_t)conf_int(c, "bio", "quality_min"),
	};
	if (s->policy.fpir_per_million == 0)
		s->policy.fpir_per_million = 1;
	if (s->policy.verify_fmr_per_million == 0)
		s->policy.verify_fmr_per_million = 1;
}

static int
open_store(struct service *s)
{
	const char *folder = conf_str(s->conf, "paths", "bio_state");
	struct store_options o = { .folder = folder,
				   .environment =
					   conf_str(s->conf, "lane", "environment") };
	char why[256] = "";
	int rc = storekey_load(folder, &s->key);

	if (rc < 0) {
		log_err("%s/gallery.key: %s", folder,
			rc == -ENOKEY
				? "missing while gallery.db exists; restore it from the "
				  "backup"
				: strerror(-rc));
		return rc;
	}
	o.key = secret_bytes_const(s->key);
	rc = store_open(&o, &s->store, why);
	if (rc < 0) {
		log_err("%s/gallery.db: %s", folder,
			why[0] != '\0' ? why : strerror(-rc));
		return rc;
	}
	/* It opens no reference yet; and a key that is not the gallery's has been told as that. */
	rc = storekey_bind(folder, s->key, MACHINE_ID);
	if (rc < 0)
		log_err("%s/machine: %s", folder,
			rc == -EXDEV
				? "the gallery is another machine's: a cloned disk? "
				  "No reference is opened; enrol here anew, or remove "
				  "this file if the lane has moved"
				: strerror(-rc));
	return rc;
}

static int
open_memory(struct service *s)
{
	s->extractor = finger_extractor_new();
	s->probes = probes_new();
	s->scratch = secret_region_new(sizeof(*s->scratch));
	s->out = json_out_new(MESSAGE_BYTES_MAX);
	if (s->extractor == NULL || s->probes == NULL || s->scratch == NULL ||
	    s->out == NULL)
		return -ENOMEM;
	if (errands_new(s->loop, &s->errands) < 0 || service_ask_open(s) < 0 ||
	    service_enrol_open(s) < 0)
		return -ENOMEM;
	if (loop_timer_new(s->loop, service_expire_probes, s, &s->probe_timer) < 0)
		return -ENOMEM;
	return loop_timer_new(s->loop, service_touch_due, s, &s->seat_timer);
}

static void
on_connected(void *ctx, struct rpc_peer *peer)
{
	service_send_hello(ctx, peer);
}

static void
on_closed(void *ctx, struct rpc_peer *peer, int err)
{
	struct service *s = ctx;

	(void)peer;
	(void)err;
	log_notice("laned is away; reconnecting");
	/* Whoever wanted it cannot be told any more. */
	service_enrol_end(s);
	service_ask_off(s);
	service_arm_off(s);
}

static void
on_gone(void *ctx, int err)
{
	struct service *s = ctx;

	(void)err;
	log_notice("the socket given by --fd ended; stopping");
	loop_stop(s->loop);
}

static int
connect_laned(struct service *s, int fd)
{
	char path[PATH_BYTES_MAX];
	struct rpc_client_options o = { .path = fd >= 0 ? NULL : path,
					.fd_first = fd,
					.role = ROLE_LANED,
					.hooks = &s->hooks,
					.connected = on_connected,
					.gone = on_gone };

	s->hooks = (struct rpc_hooks){ .methods = service_methods,
				       .methods_count = service_methods_count,
				       .ctx = s,
				       .closed = on_closed };
	if (snprintf(path, sizeof(path), "%s/bio.sock",
		     conf_str(s->conf, "paths", "run")) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return rpc_client_new(s->loop, &o, &s->client);
}

int
service_new(struct loop *l, const struct conf *conf, int fd, struct service **ret_service)
{
	struct service *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return -ENOMEM;
	s->loop = l;
	s->conf = conf;
	read_policy(s);
	rc = open_memory(s);
	if (rc == 0)
		rc = service_arm_open(s);
	if (rc == 0)
		rc = open_store(s);
	if (rc == 0)
		rc = service_load_open(s);
	if (rc == 0)
		rc = service_transfer_open(s);
	if (rc == 0)
		service_judge_open(s);
	if (rc == 0)
		rc = service_readers_open(s);
	if (rc == 0)
		rc = connect_laned(s, fd);
	if (rc < 0) {
		(void)service_free(s);
		return rc;
	}
	service_load_begin(s);
	*ret_service = s;
	return 0;
}

struct service *
service_free(struct service *s)
{
	if (s == NULL)
		return NULL;
	s->closing = true;
	s->errands = errands_free(s->errands);
	s->client = rpc_client_free(s->client);
	service_readers_close(s);
	service_ask_close(s);
	service_enrol_close(s);
	service_changes_close(s);
	service_transfer_close(s);
	service_arm_close(s);
	s->seat_timer = loop_timer_free(s->seat_timer);
	s->probe_timer = loop_timer_free(s->probe_timer);
	s->probes = probes_free(s->probes);
	secret_region_free(s->scratch, sizeof(*s->scratch));
	s->extractor = finger_extractor_free(s->extractor);
	service_load_close(s);
	s->store = store_close(s->store);
	s->key = secret_free(s->key);
	s->out = json_out_free(s->out);
	free(s);
	return NULL;
}
