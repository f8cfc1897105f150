#ifndef LANED_BIO_SERVICE_PRIVATE_H
#define LANED_BIO_SERVICE_PRIVATE_H

/*
 * What service.c (state, loading), service_readers.c (readers opened, and opened again),
 * service_touch.c (presentations), service_arm.c (when the sensor is lit) and service_rpc.c (messages)
 * share.
 */
#include "base/rpc.h"
#include "base/secret.h"
#include "bio/capture.h"
#include "bio/enrol.h"
#include "bio/errands.h"
#include "bio/glass.h"
#include "bio/guard.h"
#include "bio/probes.h"
#include "bio/reader.h"
#include "bio/record.h"
#include "bio/service.h"

#define READERS_MAX 8u
#define ERASED_KEPT 16u
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
	enum pad_result pad; /* of the best frame */
};

/* Who was erased last: a search that began before does not find them. */
struct erased {
	struct ulid subjects[ERASED_KEPT];
	uint64_t count; /* ever; the next one is at count % ERASED_KEPT */
};

struct asks;
struct change;
struct service_search;

#define ARM_SUBJECTS_MAX 16u

/* When the sensor is lit, where the claim comes first. */
struct arming {
	bool claim_first;
	bool lit; /* as the readers were told */
	/* What is stored is opened by a claim, one person's at a time; nothing is searched. */
	bool by_claim;
	/* Who claimed: nobody else is compared with. */
	struct ulid subjects[ARM_SUBJECTS_MAX];
	size_t subjects_count;
	int64_t until_ms;       /* monotonic; 0: not armed for a claim */
	int64_t enrol_until_ms; /* 0: not armed for an enrolment */
	int64_t keys_until_ms;  /* 0: no key is open but while armed */
	struct loop_timer *timer;
};

/* What service_judge.c keeps: of gallery.db's record, and of touches that were accepted. */
struct judge {
	bool one_to_many; /* the profile lets an identification alone pay */
	bool guarded;     /* back-off, lock-out and replays: not in a test environment */
	bool refuted;     /* real searches contradict the calibration */
	bool lost;        /* what was kept of them could not be read */
	struct guard guard;
	struct record_counts counts;
	int64_t period;                   /* that counts are of */
	struct ulid captured[PROBES_MAX]; /* probes whose marks are kept already */
	size_t captured_next;
	int error; /* of the record, that was logged last */
};

struct service {
	struct loop *loop;
	const struct conf *conf;
	struct secret *key;
	struct store *store;
	struct gallery *gallery;
	struct errands *errands;
	struct finger_extractor *extractor;
	struct probes *probes;
	struct loop_timer *probe_timer, *seat_timer;
	struct finger_features *scratch; /* locked: one frame */
	struct seat seats[READERS_MAX];
	size_t seats_count;
	struct decide_policy policy;
	struct judge judge;
	struct asks *asks; /* of service_ask.c */
	struct service_search *ask_search;
	struct transfer_link *transfer; /* of service_transfer.c */
	struct enrol *enrol;            /* NULL: no session */
	struct service_search *enrol_search;
	struct ulid sought_session; /* what enrol_search is for */
	struct change *changes;     /* of service_change.c, under way */
	struct erased erased;
	struct rpc_hooks hooks;
	struct rpc_client *client;
	struct json_out *out;      /* every message is built here */
	struct loading *loading;   /* of service_load.c */
	struct renewing *renewing; /* of service_renew.c, or NULL */
	bool searchable;           /* everything is loaded */
	bool closing;
	struct arming arming;
};

/* service_rpc.c: the methods, and how their parameters are read. 0 or a negative errno. */
int service_get_ulid(const struct value *params, const char *name, struct ulid *ret_id);
extern const struct rpc_method service_methods[];
extern const size_t service_methods_count;

/*
 * service_load.c: makes the gallery; begins to load it; goes on, to be called after additions and
 * removals, where there was no room or is none any more; frees it, after errands were freed.
 */
int service_load_open(struct service *s);
void service_load_begin(struct service *s);
void service_load_more(struct service *s);
void service_load_close(struct service *s);
/* Not all is loaded, and not because there is no room. */
bool service_load_runs(const struct service *s);
/* The gallery's figures, an object of that name. */
void service_load_describe(const struct service *s, struct json_out *o);
/* To be called after a search: logs once when references were lost. */
void service_load_check(struct service *s);

/*
 * service_renew.c: when all that has room is loaded; so many references of an older form were among
 * them. Frees it when errands are freed, before service_load_close.
 */
struct store_readers;
void service_renew_begin(struct service *s, struct store_readers *readers,
			 uint64_t outdated);
void service_renew_close(struct service *s);

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
/* Nothing is kept of this subject's touches. */
void service_touch_erased(struct service *s, struct ulid subject);
/* Drops old probes and sets the timer for the next. */
void service_expire_probes(void *service);

/* The sensor goes dark: a presentation that is under way is forgotten; and may see a finger again. */
void service_touch_dark(struct seat *seat);
void service_touch_lit(struct seat *seat);

/* service_arm.c: zeroed, the sensor is always lit. */
int service_arm_open(struct service *s);
void service_arm_close(struct service *s);
bool service_is_lit(const struct service *s);
/* Lights the sensor or puts it out; to be called when an enrolment began or ended. */
void service_arm_follow(struct service *s);
/* No claim stands any more, as when laned is away. */
void service_arm_off(struct service *s);
void service_arm_erased(struct service *s, struct ulid subject);
/* Answers the call where no more than one-to-one is allowed. */
bool service_arm_forbids(const struct service *s, struct rpc_call *call);
/* Whether a probe may be compared with all of these. */
bool service_arm_covers(const struct service *s, const struct ulid *subjects,
			size_t count);
void service_arm_describe(const struct service *s, struct json_out *o);
void service_on_arm(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		    const struct value *params);
void service_on_disarm(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		       const struct value *params);

/*
 * service_ask.c: the questions about probes, one after another in the order they came; each is
 * answered when its search is done.
 */
int service_ask_open(struct service *s);
/* When errands are freed. */
void service_ask_close(struct service *s);
/* A probe was forgotten: a search for it ends early. */
void service_ask_follow(struct service *s);
/* Whoever asked is gone: nothing is answered, and nothing written down. */
void service_ask_off(struct service *s);
void service_on_identify(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
			 const struct value *params);
void service_on_decide(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		       const struct value *params);
void service_on_verify(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		       const struct value *params);

/* service_enrol.c */
int service_enrol_open(struct service *s);
/* Ends the session that is open, if any. */
void service_enrol_end(struct service *s);
/* When errands are freed. */
void service_enrol_close(struct service *s);
/* An impression was given to the session: begins the search it may want. */
void service_enrol_seek(struct service *s);
/* NULL, or what is wrong with the consent in params. */
/* A claim's 32 bytes, as 64 hex digits. 0 or -EINVAL. */
int service_get_claim(const struct value *v, uint8_t ret_claim[STORE_CLAIM_BYTES]);
const char *service_get_consent(const struct value *params, struct store_consent *c);
void service_on_enrol_begin(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
			    const struct value *params);
void service_on_enrol_commit(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
			     const struct value *params);
void service_on_enrol_cancel(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
			     const struct value *params);

/* service_tell.c: a message, an object that is open; to be closed by service_notify or before a reply. */
struct json_out *service_message(struct service *s);
void service_notify(struct service *s, const char *method);
void service_put_ulid(struct json_out *o, const char *name, struct ulid id);
void service_put_hints(struct json_out *o, uint16_t hints);

/* Messages to laned; dropped while it is away. */
void service_send_hello(struct service *s, struct rpc_peer *peer);
void service_send_state(struct service *s);
void service_send_touch(struct service *s, struct ulid probe, const struct reader *r,
			bool at_start, enum pad_result pad);
void service_send_progress(struct service *s, const struct enrol_progress *p);
/* An impression is being taken: the best frame so far. */
void service_send_hold(struct service *s, const struct finger_features *f);

/* Readers and gallery figures, into an open object. */
void service_describe(const struct service *s, struct json_out *o);
/* Devices that drivers see, used or not: an array. */
void service_describe_attached(const struct service *s, struct json_out *o);

#endif
