#include "bio/service_private.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "bio/storekey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOAD_BATCH 200u
#define PATH_BYTES_MAX 512u
#define ROLE_LANED 1u

/* ---- touches ------------------------------------------------------------ */

static void
expire_probes(void *ctx)
{
	struct service *s = ctx;
	int64_t left = probes_expire(s->probes, clock_mono_ms());

	if (left >= 0 && loop_timer_set(s->probe_timer, left) < 0)
		log_warn("probes cannot be timed; the next touch drops them");
}

static void
enrol_sample(struct service *s, const struct sample *sample)
{
	struct enrol_progress progress = { .outcome = ENROL_RETRY };
	int rc = finger_extract(s->extractor, sample, s->scratch);

	if (rc < 0) {
		progress.hints = s->scratch->hints;
		progress.why = "no usable finger in the image";
	} else {
		enrol_impression(s->enrol, s->gallery, s->scratch, &progress);
	}
	secret_zero(s->scratch, sizeof(*s->scratch));
	service_send_progress(s, &progress);
}

/*
 * A touch: laned hears of it at once and decides while we extract what to do with it.
 */
static void
touch_sample(struct service *s, const struct reader *r, const struct sample *sample)
{
	struct finger_features *slot;
	struct ulid id;
	int rc;

	if (rpc_client_peer(s->client) == NULL) {
		log_info("touch on %s dropped: laned is away", r->options->name);
		return;
	}
	if (crypto_ulid(clock_wall_ms(), &id) < 0) {
		log_err("no random numbers; touch dropped");
		return;
	}
	service_send_touch(s, id, r);
	slot = probes_put(s->probes, id, clock_mono_ms());
	rc = finger_extract(s->extractor, sample, slot);
	if (rc < 0) {
		slot->count = 0; /* identify answers retry, with the hints */
		log_info("touch on %s: %s", r->options->name,
			 rc == -ENODATA ? "no usable finger" : strerror(-rc));
	}
	expire_probes(s);
}

static void
on_touched(void *ctx, struct reader *r)
{
	(void)ctx;
	(void)r;
}

static void
on_lifted(void *ctx, struct reader *r)
{
	(void)ctx;
	(void)r;
}

static bool
on_sample(void *ctx, struct reader *r, struct sample *sample)
{
	struct service *s = ctx;

	if (sample->pad == PAD_FAIL)
		log_event(LOG_NOTICE, "presentation-attack", NULL,
			  "reader %s reports a presentation attack; sample dropped",
			  r->options->name);
	else if (s->enrol != NULL)
		enrol_sample(s, sample);
	else
		touch_sample(s, r, sample);
	sample_free(sample);
	return false;
}

static void
on_failed(void *ctx, struct reader *r, const char *why)
{
	(void)ctx;
	log_info("reader %s: %s", r->options->name, why == NULL ? "no image" : why);
}

static void
on_changed(void *ctx, struct reader *r)
{
	struct service *s = ctx;

	log_notice("reader %s: %s", r->options->name, reader_state_name(r->state));
	if (s->client != NULL)
		service_send_state(s);
}

/* ---- loading ------------------------------------------------------------ */

static void
add_reference(void *ctx, struct ulid subject, uint32_t finger, const uint8_t *data,
	      size_t bytes)
{
	struct service *s = ctx;
	int rc = gallery_add(s->gallery, subject, finger, data, bytes);

	if (rc == -ENOSPC)
		log_err("[bio] references_max is reached; the rest of the gallery is not "
			"searched");
	else if (rc < 0)
		s->loading.damaged++;
}

/* One batch a round, so that touches and the watchdog get their turn. */
static void
load_batch(void *ctx)
{
	struct service *s = ctx;
	int rc;

	if (s->closing)
		return;
	rc = store_read(s->store, &s->loading, LOAD_BATCH, add_reference, s);
	if (rc > 0) {
		rc = loop_defer(s->loop, load_batch, s);
		if (rc == 0)
			return;
	}
	if (rc < 0)
		log_err("gallery.db: reading stopped: %s", strerror(-rc));
	if (s->loading.damaged > 0)
		log_err("gallery.db: %llu references cannot be opened; those members "
			"enrol again",
			(unsigned long long)s->loading.damaged);
	s->searchable = rc == 0;
	log_notice("gallery: %llu references searchable",
		   (unsigned long long)gallery_stats(s->gallery).references);
	service_send_state(s);
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
	if (rc < 0)
		log_err("%s/gallery.db: %s", folder,
			why[0] != '\0' ? why : strerror(-rc));
	return rc;
}

static enum reader_setting
read_setting(const struct conf *c, const char *section, const char *name)
{
	const char *text = conf_str(c, section, name);

	if (strcmp(text, "default") == 0)
		return READER_DEFAULT;
	return strcmp(text, "yes") == 0 ? READER_YES : READER_NO;
}

/* 8 hex digits as a number. */
static int
read_hex32(const struct conf *c, const char *section, const char *name, uint32_t *ret_n)
{
	uint8_t bytes[4];

	if (hex_decode(bytes, sizeof(bytes), str_of(conf_str(c, section, name))) < 0) {
		log_err("%s: [%s] %s is not 8 hex digits", conf_origin(c, section, name),
			section, name);
		return -EINVAL;
	}
	*ret_n = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
		 (uint32_t)bytes[2] << 8 | bytes[3];
	return 0;
}

/* "auto" is 0. */
static uint32_t
read_baud(const struct conf *c, const char *section)
{
	int64_t baud = 0;

	(void)str_to_i64(str_of(conf_str(c, section, "baud")), &baud); /* auto: stays 0 */
	return (uint32_t)baud;
}

static int
read_reader(const struct conf *c, const char *section, const char *name,
	    struct reader_options *o)
{
	int rc;

	*o = (struct reader_options){
		.name = name,
		.folder = conf_str(c, section, "folder"),
		.port = conf_str(c, section, "port"),
		.serial = conf_str(c, section, "serial"),
		.device = conf_str(c, section, "device"),
		.baud = read_baud(c, section),
		.invert = read_setting(c, section, "invert"),
		.rotate = read_setting(c, section, "rotate"),
		.dpi = (uint32_t)conf_int(c, section, "dpi"),
		.test_environment =
			strcmp(conf_str(c, "lane", "environment"), "test") == 0,
	};
	if (o->dpi != 0 && o->dpi < SAMPLE_DPI_MIN) {
		log_err("%s: [%s] dpi is neither 0 nor %u to %u",
			conf_origin(c, section, "dpi"), section, SAMPLE_DPI_MIN,
			SAMPLE_DPI_MAX);
		return -EINVAL;
	}
	rc = read_hex32(c, section, "address", &o->address);
	if (rc == 0)
		rc = read_hex32(c, section, "password", &o->password);
	return rc;
}

static int
open_reader(struct service *s, const char *name)
{
	const struct reader_events events = { on_touched, on_sample,  on_failed,
					      on_lifted,  on_changed, s };
	struct reader_options *o = &s->reader_options[s->readers_count];
	char section[64];
	const struct reader_driver *driver;
	int rc;

	(void)snprintf(section, sizeof(section), "reader:%s", name); /* names are short */
	driver = reader_driver_find(conf_str(s->conf, section, "driver"));
	if (driver == NULL)
		return -ENODEV;
	rc = read_reader(s->conf, section, name, o);
	if (rc < 0)
		return rc;
	if (driver->test_only && !o->test_environment) {
		log_err("reader %s: driver %s exists in the test environment only", name,
			driver->name);
		return -EPERM;
	}
	rc = driver->open(s->loop, o, &events, &s->readers[s->readers_count]);
	if (rc < 0)
		log_err("reader %s: driver %s cannot start: %s", name, driver->name,
			strerror(-rc));
	else
		s->readers_count++;
	return rc;
}

static int
open_readers(struct service *s)
{
	const char *name;
	int rc = 0;

	for (size_t i = 0; rc == 0; i++) {
		name = conf_instance(s->conf, "reader:*", i);
		if (name == NULL)
			break;
		if (i == READERS_MAX) {
			log_err("more than %u readers are configured; the rest is not "
				"used",
				READERS_MAX);
			break;
		}
		rc = open_reader(s, name);
	}
	return rc;
}

static int
open_memory(struct service *s)
{
	s->gallery = gallery_new((uint64_t)conf_int(s->conf, "bio", "references_max"));
	s->extractor = finger_extractor_new();
	s->probes = probes_new();
	s->scratch = secret_region_new(sizeof(*s->scratch));
	s->out = json_out_new(MESSAGE_BYTES_MAX);
	if (s->gallery == NULL || s->extractor == NULL || s->probes == NULL ||
	    s->scratch == NULL || s->out == NULL)
		return -ENOMEM;
	return loop_timer_new(s->loop, expire_probes, s, &s->probe_timer);
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
	s->enrol = enrol_free(s->enrol); /* whoever wanted it cannot be told any more */
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
		rc = open_store(s);
	if (rc == 0)
		rc = open_readers(s);
	if (rc == 0)
		rc = connect_laned(s, fd);
	if (rc == 0)
		rc = loop_defer(l, load_batch, s);
	if (rc < 0) {
		(void)service_free(s);
		return rc;
	}
	*ret_service = s;
	return 0;
}

struct service *
service_free(struct service *s)
{
	if (s == NULL)
		return NULL;
	s->closing = true;
	s->client = rpc_client_free(s->client);
	for (size_t i = 0; i < s->readers_count; i++)
		s->readers[i] = s->readers[i]->driver->close(s->readers[i]);
	s->enrol = enrol_free(s->enrol);
	s->probe_timer = loop_timer_free(s->probe_timer);
	s->probes = probes_free(s->probes);
	secret_region_free(s->scratch, sizeof(*s->scratch));
	s->extractor = finger_extractor_free(s->extractor);
	s->gallery = gallery_free(s->gallery);
	s->store = store_close(s->store);
	s->key = secret_free(s->key);
	s->out = json_out_free(s->out);
	free(s);
	return NULL;
}
