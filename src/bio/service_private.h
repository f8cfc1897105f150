#ifndef LANED_BIO_SERVICE_PRIVATE_H
#define LANED_BIO_SERVICE_PRIVATE_H

/* What service.c (state, readers, loading) and service_rpc.c (messages) share. */
#include "base/rpc.h"
#include "base/secret.h"
#include "bio/enrol.h"
#include "bio/probes.h"
#include "bio/reader.h"
#include "bio/service.h"

#define READERS_MAX 8u
#define MESSAGE_BYTES_MAX 65536u

struct service {
	struct loop *loop;
	const struct conf *conf;
	struct secret *key;
	struct store *store;
	struct gallery *gallery;
	struct finger_extractor *extractor;
	struct probes *probes;
	struct loop_timer *probe_timer;
	struct finger_features *scratch; /* locked: an enrolment's impression */
	struct reader *readers[READERS_MAX];
	struct reader_options reader_options[READERS_MAX];
	size_t readers_count;
	struct decide_policy policy;
	struct enrol *enrol; /* NULL: no session */
	struct rpc_hooks hooks;
	struct rpc_client *client;
	struct json_out *out; /* every message is built here */
	struct store_cursor loading;
	bool searchable; /* everything is loaded */
	bool closing;
};

extern const struct rpc_method service_methods[];
extern const size_t service_methods_count;

/* Messages to laned; dropped while it is away. */
void service_send_hello(struct service *s, struct rpc_peer *peer);
void service_send_state(struct service *s);
void service_send_touch(struct service *s, struct ulid probe, const struct reader *r);
void service_send_progress(struct service *s, const struct enrol_progress *p);

/* The index's reader's name and so on, and gallery figures, into an open object. */
void service_describe(const struct service *s, struct json_out *o);

#endif
