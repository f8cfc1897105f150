/*
 * What a paid checkout costs the disk: the real core, effects and SQLite journal, with a till and a
 * processor that answer at once; beside it, in the same run and folder, SQLite's own rate of commits
 * of one row with the same settings. Durable commits are the journal's own count; syncs are counted by
 * a shim over SQLite's default VFS. Arguments: FOLDER (the disk to measure) and how many checkouts.
 */
#include "bench/prompt.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECKOUTS_DEFAULT 500

static const char rules_text[] =
	"{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":["
	"{\"id\":\"ten\",\"kind\":\"percent\",\"scope\":{\"all\":true},"
	"\"params\":{\"percent_bp\":1000},\"who\":{\"member\":true}}]}";

struct world {
	struct prompt lane;
	unsigned done;
};

/* ---- syncs ------------------------------------------------------------------------------- */

#define KINDS 4 /* of files: with and without locks */

static uint64_t syncs;
static sqlite3_vfs counting;
static struct {
	const sqlite3_io_methods *under;
	sqlite3_io_methods methods;
} kinds[KINDS];

static int
count_sync(sqlite3_file *f, int flags)
{
	int k = 0;

	syncs++;
	while (&kinds[k].methods != f->pMethods)
		k++;
	return kinds[k].under->xSync(f, flags);
}

static int
open_counted(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	sqlite3_vfs *real = v->pAppData;
	int rc = real->xOpen(real, name, f, flags, ret_flags);
	int k = 0;

	if (rc != SQLITE_OK || f->pMethods == NULL)
		return rc;
	while (k < KINDS && kinds[k].under != NULL && kinds[k].under != f->pMethods)
		k++;
	if (k == KINDS)
		abort();
	if (kinds[k].under == NULL) {
		kinds[k].under = f->pMethods;
		kinds[k].methods = *f->pMethods;
		kinds[k].methods.xSync = count_sync;
	}
	f->pMethods = &kinds[k].methods;
	return rc;
}

static void
count_syncs(void)
{
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);

	counting = *real;
	counting.zName = "counting";
	counting.pAppData = real;
	counting.xOpen = open_counted;
	if (sqlite3_vfs_register(&counting, 0) != SQLITE_OK)
		abort();
}

/* ---- a till and a processor that answer at once ------------------------------------------ */

static int
on_adapter(void *ctx, const struct lane_effect *fx)
{
	struct world *w = ctx;
	struct lane_event *ev;

	if (fx->kind == FX_PAY) {
		ev = prompt_post(&w->lane, LANE_EV_JOURNAL_WANTED);
		ev->journal.key = fx->pay.payment->key;
		ev->journal.req = STR("1");
		ev->journal.blob = (const uint8_t *)"reference 0001";
		ev->journal.blob_bytes = 14;
		ev = prompt_post(&w->lane, LANE_EV_COMPLETION);
		ev->completion.key = fx->pay.payment->key;
		ev->completion.op = LANE_OP_PAY;
		ev->completion.outcome = OUTCOME_APPROVED;
		ev->completion.has_amount = true;
		ev->completion.amount_minor = fx->pay.payment->asked_minor;
	} else if (fx->kind == FX_CONFIRM) {
		ev = prompt_post(&w->lane, LANE_EV_COMPLETION);
		ev->completion.key = fx->payment->key;
		ev->completion.op = LANE_OP_CONFIRM;
		ev->completion.outcome = OUTCOME_CONFIRMED;
		w->done++;
	}
	return 0;
}

static void
on_journal_answer(void *ctx, const char *req, bool ok)
{
	(void)ctx;
	(void)req;
	if (!ok)
		abort();
}

static void
on_alarm(void *ctx, const struct lane_audit *a)
{
	(void)ctx;
	(void)fprintf(stderr, "alarm: %s\n", a->text);
	abort();
}

static void
on_journal_error(void *ctx, int error)
{
	(void)ctx;
	(void)fprintf(stderr, "journal: %s\n", strerror(-error));
	abort();
}

static const struct effects_ops ops = {
	.fresh = prompt_on_fresh,
	.bio = prompt_on_bio,
	.adapter = on_adapter,
	.journal_answer = on_journal_answer,
	.resolve = prompt_on_resolve,
	.show = prompt_on_show,
	.alarm = on_alarm,
	.journal_error = on_journal_error,
};

static void
must(struct prompt *p, const struct lane_event *ev, int rc)
{
	(void)p;
	if (rc == 0)
		return;
	(void)fprintf(stderr, "%s is refused: %s\n", lane_event_name(ev->kind),
		      strerror(-rc));
	exit(EXIT_FAILURE);
}

/* Twelve lines one by one, the total, and one touch that pays. */
static void
one_checkout(struct world *w, int n)
{
	char ticket[16];

	(void)snprintf(ticket, sizeof(ticket), "T%d", n); /* fits */
	w->lane.now.mono_ms += 3000; /* more shoppers than these cannot come */
	for (uint32_t i = 1; i <= PROMPT_LINES_MAX + 1; i++) {
		struct prompt_basket b = {
			.ticket = ticket,
			.rev = i,
			.count = i < PROMPT_LINES_MAX ? i : PROMPT_LINES_MAX,
			.final = i > PROMPT_LINES_MAX,
		};

		prompt_basket(&w->lane, &b);
	}
	prompt_touch(&w->lane, ticket);
}

struct measured {
	double bare, bare_syncs; /* SQLite's durable commits a second; syncs a commit */
	double rate, durable, others, syncs; /* checkouts a second; of each of them */
};

/* ---- measuring --------------------------------------------------------------------------- */

static double
now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
run_sql(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return;
	(void)fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
	exit(EXIT_FAILURE);
}

/* SQLite alone: one row a commit, as durable as the journal's. Commits a second. */
static double
bare_rate(const char *folder, int commits, uint64_t *ret_syncs)
{
	char path[512];
	sqlite3 *db;
	double start;

	(void)snprintf(path, sizeof(path), "%s/bare.db",
		       folder); /* else it cannot be opened */
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			    "counting") != SQLITE_OK) {
		(void)fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(db));
		exit(EXIT_FAILURE);
	}
	run_sql(db, "PRAGMA journal_mode=WAL");
	run_sql(db, "PRAGMA synchronous=FULL");
	run_sql(db, "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)");
	*ret_syncs = syncs;
	start = now_s();
	for (int i = 0; i < commits; i++)
		run_sql(db, "INSERT INTO t (text) VALUES ('a payment of some hundred "
			    "bytes')");
	*ret_syncs = syncs - *ret_syncs;
	start = now_s() - start;
	(void)sqlite3_close(db); /* removed next */
	(void)unlink(path);
	return commits / start;
}

static void
start(struct world *w, struct journal *j, const struct pricing_rules *rules)
{
	struct lane_event up = { .kind = LANE_EV_ADAPTER, .up = true };
	struct lane_event bio = { .kind = LANE_EV_BIO, .up = true };

	prompt_init(&w->lane);
	w->lane.stepped = must;
	prompt_open(&w->lane, rules, journal_ref(j), &ops);
	(void)effects_restore(w->lane.effects, NULL, &w->lane.now); /* it is empty */
	prompt_step(&w->lane, &up);
	prompt_step(&w->lane, &bio);
}

static void
remove_database(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char file[520];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		(void)snprintf(file, sizeof(file), "%s%s", path, suffixes[i]); /* fits */
		(void)unlink(file); /* not all of them are there */
	}
}

/* What was measured, for people and for programs. */
static void
report(const struct measured *m)
{
	printf("SQLite alone         %8.0f durable commits/s, %.2f syncs each\n", m->bare,
	       m->bare_syncs);
	printf("journalled checkouts %8.0f a second, all paid: %.2f durable commits, "
	       "%.2f "
	       "others and %.2f syncs each\n",
	       m->rate, m->durable, m->others, m->syncs);
	printf("                     %8.2f of SQLite's own rate of that many durable "
	       "commits\n",
	       m->rate * m->durable / m->bare);
	printf("{\"bench\":\"payments\",\"checkouts_per_s\":%.1f,\"bare_commits_per_s\":%"
	       ".1f,"
	       "\"durable_commits\":%.2f,\"syncs\":%.2f}\n",
	       m->rate, m->bare, m->durable, m->syncs);
}

int
main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : ".";
	int checkouts = argc > 2 ? atoi(argv[2]) : CHECKOUTS_DEFAULT;
	struct world *w = calloc(1, sizeof(*w));
	struct journal_spec spec = { .vfs = "counting",
				     .environment = "test",
				     .lane = { { 1 } } };
	struct pricing_rules *rules = prompt_rules(rules_text);
	const struct effects_counts *counts;
	struct effects_counts before;
	uint64_t bare_syncs, journal_syncs;
	struct measured m = { 0 };
	struct journal *j = NULL;
	char path[512], why[256] = "";
	double took;

	(void)snprintf(path, sizeof(path), "%s/bench-journal.db",
		       folder); /* else refused */
	spec.path = path;
	remove_database(path); /* of a run that was ended */
	count_syncs();
	m.bare = bare_rate(folder, 4 * checkouts, &bare_syncs);
	m.bare_syncs = (double)bare_syncs / (4.0 * checkouts);
	if (w == NULL || journal_open(&spec, &j, why) < 0) {
		(void)fprintf(stderr, "%s: %s\n", path, why);
		free(w);
		return EXIT_FAILURE;
	}
	start(w, j, rules);
	before = *effects_counts(w->lane.effects);
	journal_syncs = syncs;
	took = now_s();
	for (int i = 0; i < checkouts; i++)
		one_checkout(w, i);
	took = now_s() - took;
	journal_syncs = syncs - journal_syncs;
	counts = effects_counts(w->lane.effects);
	m.rate = checkouts / took;
	m.syncs = (double)journal_syncs / checkouts;
	m.durable =
		(double)(counts->durable_commits - before.durable_commits) / checkouts;
	m.others = (double)(counts->commits - before.commits) / checkouts - m.durable;
	report(&m);
	prompt_close(&w->lane);
	journal_close(j);
	remove_database(path);
	pricing_rules_free(rules);
	checkouts -= (int)w->done;
	free(w);
	return checkouts == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
