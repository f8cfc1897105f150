#ifndef LANED_LANE_CLOCK_WATCH_H
#define LANED_LANE_CLOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Is the wall clock to be believed? A clock that lies before the last durable record or before this
 * program was built is wrong; one that nobody has synchronised for more than a day may be. By a
 * doubted clock no token is paid with and nothing old is swept away.
 */
enum clock_doubt {
	CLOCK_TRUSTED,
	CLOCK_BEFORE_RECORD,
	CLOCK_BEFORE_BUILD,
	CLOCK_UNSYNCHRONISED
};

#define CLOCK_UNSYNCHRONISED_MS (INT64_C(24) * 3600 * 1000) /* for longer: doubted */

/* Wall times in ms of the Unix epoch, 0: not known. */
struct clock_facts {
	int64_t wall_ms, mono_ms;
	int64_t recorded_ms, built_ms;
	bool synchronised;
	/* When it was last seen synchronised (or, before that, first looked at), by both clocks. */
	int64_t synced_wall_ms, synced_mono_ms;
};

enum clock_doubt clock_watch_judge(const struct clock_facts *f);
/* What is wrong, and what would cure it: for people. Of CLOCK_TRUSTED "". */
const char *clock_watch_text(enum clock_doubt d);
const char *clock_watch_cure(enum clock_doubt d);

struct lane;
struct loop_timer;

struct clock_watch {
	struct loop_timer *timer;
	int64_t recorded_ms;
	int64_t synced_wall_ms, synced_mono_ms;
	int64_t written_ms; /* what the file "clock" of the state folder says */
	enum clock_doubt doubt;
};

/*
 * Begins: reads when the clock was last synchronised and looks at it, then every ten minutes. After
 * the journal was opened. 0 or negative errno.
 */
int clock_watch_open(struct lane *l);
void clock_watch_close(struct lane *l);
/* Looks now; tells the core (when there is one), log and watchers when the verdict is another. */
void clock_watch_look(struct lane *l);

#endif
