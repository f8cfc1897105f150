#ifndef LANED_BIO_SERVICE_PRIVATE_H
#define LANED_BIO_SERVICE_PRIVATE_H

/*
 * What service.c (state, loading), service_readers.c (readers opened, and opened again),
 * service_touch.c (presentations) and service_rpc.c (messages) share.
 */
#include "base/rpc.h"
#include "base/secret.h"
#include "bio/capture.h"
#include "bio/enrol.h"
#include "bio/glass.h"
#include "bio/probes.h"
#include "bio/reader.h"
#include "bio/service.h"

#define READERS_MAX 8u
#define MESSAGE_BYTES_MAX 65536u

/* What is seen through one reader; locked. */
struct seat_view {
	struct capture capture;
	struct glass glass;
	struct glass_map map; /* of the best frame */
};

/* A configured reader, open or not. */
struct seat {
	struct service *service;
	struct reader_options options;
	const struct reader_driver *driver;
	struct reader *reader;  /* NULL: could not be opened, and is tried again */
	struct reader closed;   /* what is told of it meanwhile */
	int open_error;         /* that was logged last */
	int64_t open_again_ms;  /* monotonic */
	struct ulid session;    /* the enrolment a presentation began in; zero: none */
	enum reader_state told; /* the state that was logged last */
	const char *hint;       /* the hint that was told last, or NULL; static */
	struct seat_view *view;
};

struct service {
	struct loop *loop;
	const struct conf *conf;
	struct secret *key;
	struct store *store;
	struct gallery *gallery;
	struct finger_extractor *extractor;
	struct probes *probes;
	struct loop_timer *probe_timer, *seat_timer;
	struct finger_features *scratch; /* locked: one frame */
	struct seat seats[READERS_MAX];
	size_t seats_count;
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

/* Opens every configured reader; one that cannot be opened is tried again. 0 or -ENOMEM. */
int service_readers_open(struct service *s);
/* Tries those again whose time has come. */
void service_readers_again(struct service *s, int64_t now_ms);
void service_readers_close(struct service *s);
/* The reader, or what stands for it while it is not open. */
const struct reader *service_seat_reader(const struct seat *seat);

/* What a reader tells; ctx is its seat. */
extern const struct reader_events service_touch_events;
/* The reader has just been opened, in whatever state. */
void service_touch_opened(struct seat *seat);
/* What is due at any reader; and sets the timer for what is due next. */
void service_touch_due(void *service);
void service_touch_arm(struct service *s);
/* The touch called probe was decided as this subject. */
void service_touch_decided(struct service *s, struct ulid probe, struct ulid subject);
/* Drops old probes and sets the timer for the next. */
void service_expire_probes(void *service);

/* Messages to laned; dropped while it is away. */
void service_send_hello(struct service *s, struct rpc_peer *peer);
void service_send_state(struct service *s);
void service_send_touch(struct service *s, struct ulid probe, const struct reader *r,
			bool at_start);
void service_send_progress(struct service *s, const struct enrol_progress *p);
/* An impression is being taken: the best frame so far. */
void service_send_hold(struct service *s, const struct finger_features *f);

/* Readers and gallery figures, into an open object. */
void service_describe(const struct service *s, struct json_out *o);

#endif
