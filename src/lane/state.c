/*
 * The files of the state folder: opened at start, and tried again while one of them could not be. A
 * lane sells without any of them: without members and offers, without token payments, at the POS's
 * own prices.
 */
#include "lane/lane_private.h"

#include "base/clock.h"
#include "base/files.h"
#include "base/log.h"
#include "lane/cache.h"
#include "lane/journal_anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES_MAX 512u
#define MACHINE_ID "/etc/machine-id"
#define RETRY_MS (INT64_C(10) * 1000)
#define ANCHOR_NAME "journal.anchor"

/* ---- cache.db ------------------------------------------------------------------- */

/* Members born at this lane go back into a cache that was made anew. */
static int
put_back(void *ctx, struct ulid member, struct str json)
{
	struct lane *l = ctx;
	struct member_record record;
	char what[RECORD_WHAT_BYTES];
	const struct value *v = NULL;
	enum members_change change;
	int rc;

	arena_reset(l->arena);
	rc = json_parse(l->arena, json, 0, &v, NULL);
	if (rc == 0)
		rc = member_record_read(v, true, &record, what, NULL);
	if (rc == 0) {
		record.member = member;
		rc = members_put(l->cache, &record, member, &change);
	}
	if (rc < 0)
		log_err("a member born at this lane could not be put back: %s",
			strerror(-rc));
	return 0; /* the others all the same */
}

/* What a cache in the folder of sockets, in memory, leaves behind. */
static void
volatile_remove(const struct lane *l)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[PATH_BYTES_MAX];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (snprintf(path, sizeof(path), "%s/cache.db%s",
			     conf_str(l->conf, "paths", "run"),
			     ends[i]) < (int)sizeof(path))
			(void)unlink(path); /* may not be there */
	}
}

/* An empty one below /run, so that the lane can go on until the real one can be opened. */
static int
open_volatile(struct lane *l)
{
	const char *run = conf_str(l->conf, "paths", "run");
	char why[256];
	bool fresh = false;
	int rc = files_mkdir(run, 0755);

	volatile_remove(l);
	if (rc == 0)
		rc = cache_open(run, &l->cache, &fresh, why);
	if (rc < 0) {
		log_err("%s/cache.db: %s", run, strerror(-rc));
		return rc;
	}
	l->cache_volatile = true;
	log_event(LOG_ERR, "cache-failed", NULL,
		  "without members and offers until cache.db can be opened; the sale "
		  "goes on");
	return 0;
}

static int
open_cache(struct lane *l, bool *ret_fresh)
{
	const char *folder = conf_str(l->conf, "paths", "state");
	int rc = cache_open_in(folder, conf_str(l->conf, "lane", "environment"),
			       &l->cache, ret_fresh, l->cache_note);

	if (rc == 0) {
		if (l->cache_note[0] != '\0')
			log_warn("%s", l->cache_note);
		return 0;
	}
	if (l->cache_note[0] == '\0')
		(void)snprintf(l->cache_note, sizeof(l->cache_note), "%s", strerror(-rc));
	log_err("%s/cache.db: %s", folder, l->cache_note);
	return open_volatile(l);
}

static void
born_back(struct lane *l)
{
	int rc = journal_born(l->journal, put_back, l);

	if (rc < 0)
		log_err("journal.db: members born here: %s", strerror(-rc));
}

/* ---- journal.db ----------------------------------------------------------------- */

/* 0; -ENOENT there is no anchor, or it says nothing. */
static int
read_anchor(int dirfd, struct journal_anchor *ret_anchor)
{
	struct arena *arena = arena_new(1024);
	struct str text;
	int rc = arena == NULL ? -ENOMEM
			       : files_read(dirfd, ANCHOR_NAME, JOURNAL_ANCHOR_BYTES,
					    arena, &text);

	if (rc == 0)
		rc = journal_anchor_parse(text, ret_anchor);
	if (rc == -EBADMSG) {
		log_warn("%s is not readable: it is written anew", ANCHOR_NAME);
		rc = -ENOENT;
	}
	(void)arena_free(arena); /* gives NULL */
	return rc;
}

static int
open_state(const struct lane *l)
{
	return open(conf_str(l->conf, "paths", "state"),
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/*
 * The journal is older than it was when that was noted: a backup was put back, or the disk has lost what
 * it had acknowledged. Until somebody has seen to it the note stays as it is.
 */
static void
went_back(struct lane *l, const struct journal_anchor *a)
{
	static const char text[] = "the journal is older than it was: payments may be "
				   "missing, reconcile the days since";
	const struct lane_audit audit = { .what = "journal-went-back", .text = text };
	char when[RFC3339_BYTES];

	rfc3339_text(when, a->wall_ms);
	(void)snprintf(l->journal_behind, sizeof(l->journal_behind),
		       "journal.db is older than it was at %s: record %lld of its audit "
		       "is not there any more",
		       when, (long long)a->seq); /* fits */
	log_event(LOG_ERR, "journal-went-back", NULL, "%s; %s", l->journal_behind,
		  "payments that it does not know may stand at the payer: reconcile");
	if (journal_audit(l->journal, &audit, clock_wall_ms(), true) < 0)
		log_err("journal.db: that it went back could not be recorded");
}

static void
look_at_anchor(struct lane *l)
{
	struct journal_anchor a = { 0 };
	int dirfd = open_state(l), rc;

	l->journal_behind[0] = '\0';
	l->anchored_seq = -1;
	rc = dirfd < 0 ? -errno : read_anchor(dirfd, &a);
	if (dirfd >= 0)
		(void)close(dirfd); /* a folder */
	/* Set up anew, a lane begins anew. */
	if (rc == 0 && ulid_eq(a.lane, l->identity.lane) &&
	    journal_anchor_check(l->journal, &a) == -ESTALE)
		went_back(l, &a);
	state_anchor(l);
}

void
state_anchor(struct lane *l)
{
	char text[JOURNAL_ANCHOR_BYTES];
	struct journal_anchor a;
	int dirfd, rc;

	if (l->journal == NULL || l->journal_behind[0] != '\0')
		return;
	journal_anchor_take(l->journal, l->identity.lane, clock_wall_ms(), &a);
	if (a.seq == 0 || a.seq == l->anchored_seq)
		return;
	dirfd = open_state(l);
	if (dirfd < 0)
		return; /* there are louder complaints of a state folder that is gone */
	journal_anchor_text(&a, text);
	rc = files_put(dirfd, ANCHOR_NAME, str_of(text), 0600);
	(void)close(dirfd); /* a folder */
	if (rc == 0)
		l->anchored_seq = a.seq;
	else
		log_debug("how far the journal has come is not noted: %s", strerror(-rc));
}

/* A journal that cannot be opened costs the token payments, not the sale. */
static void
open_journal(struct lane *l)
{
	char path[PATH_BYTES_MAX], reserve[PATH_BYTES_MAX];
	struct journal_spec spec = { .path = path,
				     .reserve = reserve,
				     .environment =
					     conf_str(l->conf, "lane", "environment"),
				     .lane = l->identity.lane };
	int rc = -ENAMETOOLONG;
	bool again;

	if (snprintf(path, sizeof(path), "%s/journal.db",
		     conf_str(l->conf, "paths", "state")) < (int)sizeof(path) &&
	    snprintf(reserve, sizeof(reserve), "%s/journal.reserve",
		     conf_str(l->conf, "paths", "state")) < (int)sizeof(reserve))
		rc = journal_open(&spec, &l->journal, l->journal_note);
	again = l->journal_error != 0;
	l->journal_error = rc;
	if (rc == 0) {
		look_at_anchor(l);
		return;
	}
	if (l->journal_note[0] == '\0')
		(void)snprintf(l->journal_note, sizeof(l->journal_note), "%s",
			       strerror(-rc));
	if (again)
		return; /* said before */
	/* SQLite's own words name the file; errno's do not. */
	log_event(LOG_ERR, "journal-failed", NULL,
		  "%s%s%s; token payment is off, the sale goes on",
		  strstr(l->journal_note, path) != NULL ? "" : path,
		  strstr(l->journal_note, path) != NULL ? "" : ": ", l->journal_note);
}

/* Without its key the lane makes no receipt codes; the sale goes on. */
static void
open_receipts(struct lane *l)
{
	struct receipts_spec spec = {
		.folder = conf_str(l->conf, "paths", "state"),
		.list = conf_str(l->conf, "paths", "receipt_keys"),
		.name = l->name,
		.live = strcmp(conf_str(l->conf, "lane", "environment"), "live") == 0,
	};

	if (receipts_open(&spec, &l->receipts, l->receipts_note) < 0)
		log_err("%s; no receipt codes, and no returns by them", l->receipts_note);
}

/* What is swept is measured by what was recorded. */
static void
note_last_record(struct lane *l)
{
	int64_t last = 0;

	if (l->journal != NULL && journal_last_wall_ms(l->journal, &last) == 0)
		l->believed_wall_ms = last;
}

/* ---- at start, and again -------------------------------------------------------- */

/* Another lane's journal stays what it is: only what may come to be is tried again. */
static bool
is_missing(const struct lane *l)
{
	return l->cache_volatile ||
	       (l->journal == NULL && l->journal_error != -EXDEV &&
		l->journal_error != -EUCLEAN && l->journal_error != -EMEDIUMTYPE &&
		l->journal_error != -ENOTSUP);
}

static void
retry_later(struct lane *l)
{
	if (is_missing(l) && loop_timer_set(l->state_retry, RETRY_MS) < 0)
		log_err("timer: out of memory; the state folder is not tried again");
}

static bool
cache_again(struct lane *l)
{
	struct db *cache = NULL;
	bool fresh = false;
	char why[256];

	if (!l->cache_volatile || cache_open_in(conf_str(l->conf, "paths", "state"),
						conf_str(l->conf, "lane", "environment"),
						&cache, &fresh, why) < 0)
		return false;
	(void)db_close(l->cache); /* gives NULL */
	l->cache = cache;
	l->cache_volatile = false;
	l->cache_note[0] = '\0';
	volatile_remove(l);
	log_notice("cache.db is open: members and offers are back");
	if (fresh && l->journal != NULL)
		born_back(l);
	return true;
}

/* What the journal held is taken up as at a start; nothing was recorded since. */
static bool
journal_again(struct lane *l)
{
	struct timepoint now;

	if (l->journal != NULL)
		return false;
	open_journal(l);
	if (l->journal == NULL)
		return false;
	log_notice("journal.db is open again");
	note_last_record(l);
	clock_watch_look(l);
	if (l->receipts == NULL)
		open_receipts(l);
	effects_set_journal(l->effects, journal_ref(l->journal));
	lane_now(l, &now);
	if (effects_restore(l->effects, lane_find_member_cb, &now) < 0)
		log_err("journal.db: the last checkout could not be read");
	return true;
}

/* Between two checkouts only: what is under way goes on as it began. */
static void
on_retry(void *ctx)
{
	struct lane *l = ctx;
	bool cache = false, journal = false;

	if (lane_core_display(l->core)->phase == PHASE_IDLE &&
	    lane_core_payments_count(l->core) == 0) {
		cache = cache_again(l);
		journal = journal_again(l);
	}
	if (cache || journal) {
		lane_rules_changed(l);
		control_changed(l);
	}
	retry_later(l);
}

int
state_open(struct lane *l)
{
	const char *folder = conf_str(l->conf, "paths", "state");
	bool fresh = false;
	int rc = identity_load(folder, MACHINE_ID, &l->identity);

	if (rc < 0)
		log_err("%s/identity: %s", folder, strerror(-rc));
	else if (!l->identity.matches)
		log_event(LOG_ERR, "identity-mismatch", NULL,
			  "%s/identity: %s; no payments on this lane", folder,
			  l->identity.why);
	if (rc == 0)
		rc = open_cache(l, &fresh);
	if (rc == 0)
		rc = loop_timer_new(l->loop, on_retry, l, &l->state_retry);
	if (rc < 0)
		return rc;
	open_journal(l);
	open_receipts(l);
	note_last_record(l);
	rc = clock_watch_open(l);
	if (rc < 0)
		return rc;
	if (fresh && l->journal != NULL)
		born_back(l);
	retry_later(l);
	return 0;
}

void
state_close(struct lane *l)
{
	state_anchor(l);
	if (l->journal != NULL)
		l->journal = journal_close(l->journal);
	if (l->cache != NULL)
		l->cache = db_close(l->cache);
	if (l->cache_volatile)
		volatile_remove(l);
	l->state_retry = loop_timer_free(l->state_retry);
	clock_watch_close(l);
}
