#ifndef LANED_BIO_STORE_RECORD_H
#define LANED_BIO_STORE_RECORD_H

#include "bio/guard.h"
#include "bio/record.h"
#include "bio/replay.h"
#include "bio/store.h"

/*
 * gallery.db's own record: decisions, histograms of scores, the guard's state and the sealed
 * captures. It survives the end of the process, not a loss of power: these commits are not synced.
 * Every call may block on disk.
 */
#define STORE_DECISIONS_MAX 20000u /* rows; the oldest go */
#define STORE_DECISIONS_MS (INT64_C(90) * 86400 * 1000)

/* One decision: what is kept of it, in one commit. */
struct store_decision {
	struct record_row row;
	const struct record_counts *add; /* NULL: no search */
	const struct guard *guard;       /* NULL: as it was */
	/* The capture of row.subject, taken into its captures; NULL: not accepted, or not watched. */
	const struct finger_features *capture;
	const struct finger_features
		*first_capture; /* of a touch before it; NULL: none */
};

/* 0 or a negative errno; then nothing of it was kept. */
int store_decision(struct store *s, const struct store_decision *d);

/*
 * Takes one more picture into the subject's captures. 0; -ENOENT no such subject; -EBADMSG its key
 * cannot be opened; a negative errno.
 */
int store_capture(struct store *s, struct ulid subject, const struct finger_features *f);

/* 0, the zeroed guard when none was kept, or a negative errno. */
int store_guard(struct store *s, struct guard *ret_guard);

/* The sums of the RECORD_PERIODS up to that of now_ms. */
int store_counts(struct store *s, int64_t now_ms, struct record_counts *ret_counts);

/*
 * How much speaks for the probe being one of the subject's captures (replay_evidence). 0; -ENOENT no
 * such subject; -EBADMSG its key cannot be opened; a negative errno. Captures that cannot be opened
 * count as none.
 */
int store_replay(struct store *s, struct ulid subject,
		 const struct finger_features *probe, int *ret_evidence);

#define STORE_QUALITIES 10u /* 0-9, 10-19, ... 90-100 */
struct store_summary {
	uint64_t decisions[RECORD_KINDS][DECIDE_WHYS];
	uint64_t quality
		[STORE_QUALITIES]; /* of fingers that could be read, each touch once */
};

/* The decisions not older than since_ms. What it does not know of is left out. */
int store_summary(struct store *s, int64_t since_ms, struct store_summary *ret_summary);

#endif
