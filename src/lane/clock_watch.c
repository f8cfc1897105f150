#include "lane/clock_watch.h"

#include "base/clock.h"
#include "base/files.h"
#include "base/log.h"
#include "base/loop.h"
#include "config.h"
#include "lane/lane_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS (10 * 60 * 1000)
#define WRITE_MS (INT64_C(3600) * 1000) /* so often the file is written at most */
#define FILE_NAME "clock"
#define FILE_BYTES_MAX 32u

enum clock_doubt
clock_watch_judge(const struct clock_facts *f)
{
	bool long_ago = f->mono_ms - f->synced_mono_ms > CLOCK_UNSYNCHRONISED_MS ||
			(f->synced_wall_ms != 0 &&
			 f->wall_ms - f->synced_wall_ms > CLOCK_UNSYNCHRONISED_MS);

	if (f->wall_ms < f->recorded_ms)
		return CLOCK_BEFORE_RECORD;
	if (f->wall_ms < f->built_ms)
		return CLOCK_BEFORE_BUILD;
	return !f->synchronised && long_ago ? CLOCK_UNSYNCHRONISED : CLOCK_TRUSTED;
}

static const struct {
	const char *text, *cure;
} words[] = {
	[CLOCK_TRUSTED] = { "", "" },
	[CLOCK_BEFORE_RECORD] = { "the clock lies before the last record",
				  "set the clock; token payment is off meanwhile" },
	[CLOCK_BEFORE_BUILD] = { "the clock lies before the time this program was built",
				 "set the clock; token payment is off meanwhile" },
	[CLOCK_UNSYNCHRONISED] = { "the clock was not synchronised for more than a day",
				   "start systemd-timesyncd or chrony and see that they "
				   "reach their server; token payment is off meanwhile" },
};

const char *
clock_watch_text(enum clock_doubt d)
{
	assert((size_t)d < sizeof(words) / sizeof(words[0]));
	return words[d].text;
}

const char *
clock_watch_cure(enum clock_doubt d)
{
	assert((size_t)d < sizeof(words) / sizeof(words[0]));
	return words[d].cure;
}

/* ---- the file: digits, the wall time at which the clock was last synchronised -------------- */

static int
open_folder(const struct lane *l)
{
	return open(conf_str(l->conf, "paths", "state"),
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* 0: it is not there, or says nothing that could be true. */
static int64_t
read_file(struct lane *l)
{
	struct arena *arena = arena_new(256);
	int dirfd = open_folder(l);
	struct str text;
	int64_t ms = 0;

	if (arena != NULL && dirfd >= 0 &&
	    files_read(dirfd, FILE_NAME, FILE_BYTES_MAX, arena, &text) == 0) {
		if (text.n > 0 && text.p[text.n - 1] == '\n')
			text.n--;
		if (str_to_i64(text, &ms) < 0 || ms < 0)
			ms = 0;
	}
	if (dirfd >= 0)
		(void)close(dirfd); /* a folder */
	arena_free(arena);
	return ms;
}

static void
write_file(struct lane *l, int64_t wall_ms)
{
	char text[FILE_BYTES_MAX];
	int n = snprintf(text, sizeof(text), "%lld\n", (long long)wall_ms);
	int dirfd = open_folder(l), rc;

	if (dirfd < 0)
		return; /* there are louder complaints of a state folder that is gone */
	rc = files_put(dirfd, FILE_NAME, (struct str){ text, (size_t)n }, 0600);
	(void)close(dirfd); /* a folder */
	l->clock.written_ms = wall_ms;
	if (rc < 0)
		log_debug("the time of the clock's synchronisation is not kept: %s",
			  strerror(-rc));
}

/* ---- looking ------------------------------------------------------------------------------ */

static void
gather(struct lane *l, struct clock_facts *f)
{
	struct clock_watch *w = &l->clock;
	int64_t last = 0;

	if (l->journal != NULL && journal_last_wall_ms(l->journal, &last) == 0 &&
	    last > w->recorded_ms)
		w->recorded_ms = last;
	*f = (struct clock_facts){
		.wall_ms = clock_wall_ms(),
		.mono_ms = clock_mono_ms(),
		.recorded_ms = w->recorded_ms,
		.built_ms = LANED_BUILT_S * INT64_C(1000),
		.synchronised = clock_is_synchronised(),
		.synced_wall_ms = w->synced_wall_ms,
		.synced_mono_ms = w->synced_mono_ms,
	};
}

/* A clock that is right now, or was never looked at before, is remembered as of now. */
static void
remember(struct lane *l, const struct clock_facts *f)
{
	struct clock_watch *w = &l->clock;

	if (!f->synchronised && w->synced_wall_ms != 0)
		return;
	w->synced_wall_ms = f->wall_ms;
	w->synced_mono_ms = f->mono_ms;
	if (w->written_ms == 0 || f->wall_ms - w->written_ms >= WRITE_MS ||
	    f->wall_ms < w->written_ms)
		write_file(l, f->wall_ms);
}

static void
tell(struct lane *l, enum clock_doubt before)
{
	struct lane_event ev = { .kind = LANE_EV_CLOCK, .up = !l->clock_doubted };

	if (l->clock_doubted)
		log_event(LOG_ERR, "clock-doubted", NULL, "%s; %s",
			  clock_watch_text(l->clock.doubt),
			  clock_watch_cure(l->clock.doubt));
	else if (before != CLOCK_TRUSTED)
		log_notice("the clock is believed again");
	if (l->effects == NULL)
		return;          /* told when there is a core */
	(void)lane_step(l, &ev); /* a fault flag: the core takes it in every state */
	control_changed(l);
}

void
clock_watch_look(struct lane *l)
{
	struct clock_watch *w = &l->clock;
	enum clock_doubt before = w->doubt;
	struct clock_facts f;

	gather(l, &f);
	w->doubt = clock_watch_judge(&f);
	l->clock_doubted = w->doubt != CLOCK_TRUSTED;
	if (w->doubt != CLOCK_BEFORE_RECORD && w->doubt != CLOCK_BEFORE_BUILD)
		remember(l, &f);
	if (w->doubt != before)
		tell(l, before);
}

static void
on_timer(void *ctx)
{
	struct lane *l = ctx;

	clock_watch_look(l);
	state_anchor(l); /* as often is enough */
	if (loop_timer_set(l->clock.timer, LOOK_MS) < 0)
		log_err("timer: out of memory; the clock is not watched any more");
}

int
clock_watch_open(struct lane *l)
{
	struct clock_watch *w = &l->clock;
	int rc = loop_timer_new(l->loop, on_timer, l, &w->timer);

	if (rc < 0)
		return rc;
	w->synced_wall_ms = w->written_ms = read_file(l);
	w->synced_mono_ms = clock_mono_ms();
	clock_watch_look(l);
	return loop_timer_set(w->timer, LOOK_MS);
}

void
clock_watch_close(struct lane *l)
{
	l->clock.timer = loop_timer_free(l->clock.timer);
}
