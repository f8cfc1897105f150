#ifndef LANED_TESTS_UNIT_DROP_KIT_H
#define LANED_TESTS_UNIT_DROP_KIT_H

#include "laned/adapter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the tests of the drop adapter share: a host that is all made up (a folder in memory, timers
 * that go off when the test says so, a laned that does as it is told) and the handles to drive the
 * adapter with. Every call is on record.
 */
#define DROP_KIT_FILES_MAX 64u
#define DROP_KIT_TIMERS_MAX 64u
#define DROP_KIT_EVENTS_MAX 256u
#define KEY_A "000102030405060708090a0b0c0d0e0f"
#define KEY_B "0f0e0d0c0b0a09080706050403020100"

struct drop_kit_file {
	bool used;
	char dir[8], name[LANED_NAME_BYTES_MAX + 1];
	char *data;
	size_t n;
	uint64_t version;
};

struct drop_kit_timer {
	uint64_t id;
	uint32_t delay_ms;
	laned_timer_fn fn;
	void *user;
};

/* What the adapter did, in order. */
enum drop_kit_event_kind { PUT, REMOVE, ASIDE, JOURNAL, COMPLETE, BASKET, CLAIM, CANCEL };
struct drop_kit_event {
	enum drop_kit_event_kind kind;
	char name[96];
	uint32_t outcome;
	uint64_t req;
	int64_t amount;
	uint32_t flags;
};

struct laned_host {
	struct drop_kit_file files[DROP_KIT_FILES_MAX];
	struct drop_kit_timer timers[DROP_KIT_TIMERS_MAX];
	struct drop_kit_event events[DROP_KIT_EVENTS_MAX];
	unsigned events_count;
	uint64_t next;
	size_t allocated;
	unsigned fail_alloc_at; /* the n-th from now fails, 0 none */
	int journal_rc, complete_rc, pos_rc, put_rc, ack_status;
	laned_ack_fn ack;
	void *ack_user;
	laned_dir_fn changed;
	void *changed_user;
	char log[8192];
};

/* The host, the adapter's table and its object: made by drop_kit_launch. */
extern struct laned_host drop_kit_host;
extern const struct laned_adapter *drop_kit_table;
extern void *drop_kit_drop;

/* Creates and starts the adapter of this entry on an empty host; the link is still down. */
void drop_kit_launch(laned_adapter_fn entry);
/* As drop_kit_launch, then recovers nothing and brings the link up. */
void drop_kit_launch_up(laned_adapter_fn entry);
/* Stops and destroys it; fails the test when memory or a timer is left. */
void drop_kit_end(void);

/* Fires every timer of at most this delay that is armed now. */
void drop_kit_fire(uint32_t delay_ms);
/* laned's answer to the one call that waits for it; there must be one. */
void drop_kit_acknowledge(int status);
/* LANED_OK to all that wait, one after the other. */
void drop_kit_acknowledge_all(void);

/* Puts a file into the folder "in" or "out" and tells nobody. */
void drop_kit_put(const char *dir, const char *name, const char *text);
/* The POS writes a file into "in" and the folder tells. */
void drop_kit_pos_writes(const char *name, const char *text);
/* A file by name, NULL when it is not there; good until the folder changes. */
const struct drop_kit_file *drop_kit_find(const char *dir, const char *name);
bool drop_kit_in_folder(const char *dir, const char *name);

/* The last event of a kind, all zero when there was none; and how many there were. */
const struct drop_kit_event *drop_kit_last(enum drop_kit_event_kind kind);
unsigned drop_kit_count(enum drop_kit_event_kind kind);

/* A request for ticket 17 over 11.49 EUR; key is 32 hex digits. */
struct laned_request drop_kit_request(uint32_t type, uint64_t req, const char *key);
/* Submits one, which must be taken, and lets the adapter work on it. */
void drop_kit_submit_ok(uint32_t type, uint64_t req, const char *key);

/* What the POS writes. */
#define RESULT(key, outcome)                                                             \
	"{\"v\":1,\"key\":\"" key "\",\"outcome\":\"" outcome "\",\"amount\":1149}"
#define DONE(key, state) "{\"v\":1,\"key\":\"" key "\",\"state\":\"" state "\"}"
#define BASKET_1                                                                         \
	"{\"v\":1,\"ticket\":\"17\",\"rev\":3,\"currency\":\"EUR\",\"lines\":["          \
	"{\"line\":1,\"gtin\":2000000000015,\"text\":\"Milk\",\"qty_milli\":1000,"       \
	"\"unit_price\":119,\"amount\":119,\"vat_bp\":900,\"x\":{\"y\":[1.5,null]}}],"   \
	"\"final\":true,\"extra\":\"ignored\"}"

#endif
