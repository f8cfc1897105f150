#include "sim/sim.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* lanesim: runs the simulator over many seeds; exit 0 all held, 1 an invariant broke, 2 usage. */

struct job {
	uint64_t seed, runs, stop; /* stop after so many broken runs; 0: never */
	uint32_t checkouts;
	bool json, trace, sqlite;
	enum sim_bug bug;
	enum sim_profile profile;
	enum sim_adapter adapter;
	enum sim_rates rates;
	enum sim_disk disk;
	char plugin[512], relay[512]; /* "" none */
};

#define PROGRESS_S 10.0
#define TOLD_MAX 100u /* broken runs */

static int
usage(void)
{
	(void)fputs(
		"usage: lanesim [--runs N] [--seed S] [--checkouts N] [--stop BROKEN] "
		"[--json] "
		"[--trace] "
		"[--sqlite]"
		" [--bug NAME]"
		" [--profile touch-first|claim-first|by-seed]"
		" [--adapter drop|bridge|scripted|terminal|relay|by-seed] [--plugin "
		"DROP.so]"
		" [--disk honest|lying|by-seed]"
		" [--rates realistic|absurd|by-seed]\n"
		"N checkouts follow one another in a run; seed S gives run S, S+1 ...\n"
		"bugs to plant: journal-lies unknown-is-no undo-forgotten"
		" send-without-ask sensor-stays-lit finger-untold touches-mixed\n",
		stderr);
	return 2;
}

static int
number(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno != 0 || *end != '\0' || end == text ? -EINVAL : 0;
}

static int
bug_named(const char *name, enum sim_bug *ret)
{
	for (unsigned b = 0; b < SIM_BUGS; b++) {
		if (strcmp(name, sim_bug_name((enum sim_bug)b)) == 0) {
			*ret = (enum sim_bug)b;
			return 0;
		}
	}
	return -EINVAL;
}

static int
profile_named(const char *name, enum sim_profile *ret)
{
	for (unsigned p = 0; p < SIM_PROFILES; p++) {
		if (strcmp(name, sim_profile_name((enum sim_profile)p)) == 0) {
			*ret = (enum sim_profile)p;
			return 0;
		}
	}
	return -EINVAL;
}

static int
adapter_named(const char *name, enum sim_adapter *ret)
{
	for (unsigned a = 0; a < SIM_ADAPTERS; a++) {
		if (strcmp(name, sim_adapter_name((enum sim_adapter)a)) == 0) {
			*ret = (enum sim_adapter)a;
			return 0;
		}
	}
	return -EINVAL;
}

static int
rates_named(const char *name, enum sim_rates *ret)
{
	for (unsigned r = 0; r < SIM_RATES; r++) {
		if (strcmp(name, sim_rates_name((enum sim_rates)r)) == 0) {
			*ret = (enum sim_rates)r;
			return 0;
		}
	}
	return -EINVAL;
}

static int
disk_named(const char *name, enum sim_disk *ret)
{
	for (unsigned d = 0; d < SIM_DISKS; d++) {
		if (strcmp(name, sim_disk_name((enum sim_disk)d)) == 0) {
			*ret = (enum sim_disk)d;
			return 0;
		}
	}
	return -EINVAL;
}

/* The options that are words. 0; -EINVAL; 1 it is none of them. */
static int
parse_word(const char *option, const char *value, struct job *job)
{
	if (strcmp(option, "--bug") == 0)
		return bug_named(value, &job->bug);
	if (strcmp(option, "--profile") == 0)
		return profile_named(value, &job->profile);
	if (strcmp(option, "--adapter") == 0)
		return adapter_named(value, &job->adapter);
	if (strcmp(option, "--rates") == 0)
		return rates_named(value, &job->rates);
	if (strcmp(option, "--disk") == 0)
		return disk_named(value, &job->disk);
	if (strcmp(option, "--plugin") == 0)
		return str_copy(job->plugin, sizeof(job->plugin), str_of(value));
	return 1;
}

/* A plug-in that was built with this program. */
static void
find_plugin(const char *self, const char *name, char *buf, size_t bytes)
{
	const char *slash = strrchr(self, '/');
	struct strbuf b;

	strbuf_init(&b, buf, bytes);
	strbuf_add(&b, (struct str){ self, slash == NULL ? 0 : (size_t)(slash - self) });
	strbuf_addf(&b, "%s%s", slash == NULL ? "./" : "/", name);
	if (access(buf, R_OK) < 0)
		buf[0] = '\0';
}

static int
parse(int argc, char **argv, struct job *job)
{
	for (int i = 1; i < argc; i++) {
		uint64_t n = 0;
		int rc;
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--json") == 0) {
			job->json = true;
			continue;
		}
		if (strcmp(argv[i], "--sqlite") == 0) {
			job->sqlite = true;
			continue;
		}
		if (strcmp(argv[i], "--trace") == 0) {
			job->trace = true;
			continue;
		}
		i++;
		rc = parse_word(argv[i - 1], value, job);
		if (rc < 0)
			return rc;
		if (rc == 0)
			continue;
		if (number(value, &n) < 0)
			return -EINVAL;
		if (strcmp(argv[i - 1], "--runs") == 0)
			job->runs = n;
		else if (strcmp(argv[i - 1], "--seed") == 0)
			job->seed = n;
		else if (strcmp(argv[i - 1], "--stop") == 0)
			job->stop = n;
		else if (strcmp(argv[i - 1], "--checkouts") == 0 && n >= 1 && n <= 50)
			job->checkouts = (uint32_t)n;
		else
			return -EINVAL;
	}
	return 0;
}

static void
add(struct sim_result *sum, const struct sim_result *r)
{
	sum->trace_hash = sum->trace_hash * UINT64_C(1099511628211) ^ r->trace_hash;
	sum->steps += r->steps;
	sum->checkouts += r->checkouts;
	sum->crashes += r->crashes;
	sum->captures += r->captures;
	sum->frames += r->frames;
	sum->greys += r->greys;
	sum->paid_by_two += r->paid_by_two;
	sum->undone += r->undone;
	sum->paid_token += r->paid_token;
	sum->paid_other += r->paid_other;
	sum->cancelled += r->cancelled;
	sum->declined += r->declined;
	sum->unknowns += r->unknowns;
	sum->alarms += r->alarms;
	sum->failed_commits += r->failed_commits;
	sum->adapter_restarts += r->adapter_restarts;
	sum->swaps += r->swaps;
	sum->returns += r->returns;
	sum->refunded += r->refunded;
	sum->hit += r->hit;
	sum->lines += r->lines;
	sum->bridged += r->bridged;
	sum->dropped += r->dropped;
	sum->asked += r->asked;
	sum->relayed += r->relayed;
	sum->passed += r->passed;
	sum->relay_paid += r->relay_paid;
	sum->pushed_back += r->pushed_back;
	sum->journalled += r->journalled;
	sum->named += r->named;
	sum->forgotten += r->forgotten;
	sum->without += r->without;
	sum->reconciled += r->reconciled;
	sum->mistakes += r->mistakes;
	sum->sent_bytes += r->sent_bytes;
	for (unsigned f = 0; f < SIM_FAULTS; f++)
		sum->faults[f] += r->faults[f];
}

/* One row of the summary: a word, and a number of the sum. */
struct row {
	const char *name;
	size_t at;
	bool is_wide;
};

#define ROW(name, member)                                                                \
	{                                                                                \
		name, offsetof(struct sim_result, member),                               \
			sizeof(((struct sim_result *)0)->member) == sizeof(uint64_t)     \
	}

static const struct row rows[] = {
	ROW("checkouts", checkouts),
	ROW("with_a_fault", hit),
	ROW("over_the_bridge", bridged),
	ROW("over_drop_alone", dropped),
	ROW("asked_by_the_pos", asked),
	ROW("past_a_terminal", relayed),
	ROW("passed_to_it", passed),
	ROW("paid_before_it", relay_paid),
	ROW("lines_full", pushed_back),
	ROW("with_sqlite", journalled),
	ROW("lost_by_the_disk", forgotten),
	ROW("without_a_journal", without),
	ROW("named_by_the_books", named),
	ROW("runs_reconciled", reconciled),
	ROW("mistakes_planted", mistakes),
	ROW("steps", steps),
	ROW("lines", lines),
	ROW("bridge_bytes", sent_bytes),
	ROW("paid_token", paid_token),
	ROW("paid_other", paid_other),
	ROW("cancelled", cancelled),
	ROW("declined", declined),
	ROW("captures", captures),
	ROW("undone", undone),
	ROW("returns", returns),
	ROW("refunded", refunded),
	ROW("unknowns", unknowns),
	ROW("alarms", alarms),
	ROW("crashes", crashes),
	ROW("adapter_restarts", adapter_restarts),
	ROW("failed_commits", failed_commits),
	ROW("rule_swaps", swaps),
	ROW("frames_after_claim", frames),
	ROW("ambiguous", greys),
	ROW("paid_by_two", paid_by_two),
};

static uint64_t
value_of(const struct sim_result *s, const struct row *r)
{
	const char *p = (const char *)s + r->at;

	return r->is_wide ? *(const uint64_t *)(const void *)p
			  : *(const uint32_t *)(const void *)p;
}

/* What a campaign took: on the wall, and of a processor. */
struct took {
	double wall_s, cpu_s;
};

static void
report_json(const struct job *job, const struct sim_result *s, uint64_t broken,
	    const struct took *took)
{
	(void)printf("{\"runs\":%" PRIu64 ",\"seed\":%" PRIu64 ",\"rates\":\"%s\"",
		     job->runs, job->seed, sim_rates_name(job->rates));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		(void)printf(",\"%s\":%" PRIu64, rows[i].name, value_of(s, &rows[i]));
	(void)printf(",\"faults\":{");
	for (unsigned f = 0; f < SIM_FAULTS; f++)
		(void)printf("%s\"%s\":%" PRIu64, f == 0 ? "" : ",",
			     sim_fault_name((enum sim_fault)f), s->faults[f]);
	(void)printf("},\"broken\":%" PRIu64 ",\"hash\":\"%016" PRIx64
		     "\",\"seconds\":%.2f,\"cpu_seconds\":%.2f}\n",
		     broken, s->trace_hash, took->wall_s, took->cpu_s);
}

static void
report(const struct job *job, const struct sim_result *s, uint64_t broken,
       const struct took *took)
{
	double share = s->checkouts == 0 ? 0 : 100.0 * s->hit / s->checkouts;

	(void)printf("%" PRIu64 " runs from seed %" PRIu64 ", rates %s\n", job->runs,
		     job->seed, sim_rates_name(job->rates));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		(void)printf("  %-22s %12" PRIu64 "%s", rows[i].name,
			     value_of(s, &rows[i]), i % 2 == 1 ? "\n" : "");
	(void)printf("\nfaults\n");
	for (unsigned f = 0; f < SIM_FAULTS; f++)
		(void)printf("  %-22s %12" PRIu64 "%s", sim_fault_name((enum sim_fault)f),
			     s->faults[f], f % 2 == 1 ? "\n" : "");
	(void)printf("\n%.1f %% of the checkouts saw a fault; %.1f s, %.0f checkouts a "
		     "second of a processor\n"
		     "%" PRIu64 " broken; hash %016" PRIx64 "\n",
		     share, took->wall_s,
		     took->cpu_s > 0 ? s->checkouts / took->cpu_s : 0, broken,
		     s->trace_hash);
}

static double
seconds_of(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t); /* cannot fail for the two that are asked for */
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Every ten seconds: how far, how fast, how long yet. */
static void
progress(const struct job *job, uint64_t done, const struct sim_result *sum,
	 double *next_s, double began_s)
{
	double now_s = seconds_of(CLOCK_MONOTONIC), took_s = now_s - began_s;

	if (job->trace || now_s < *next_s || done == 0)
		return;
	*next_s = now_s + PROGRESS_S;
	(void)fprintf(stderr,
		      "%" PRIu64 " of %" PRIu64
		      " runs, %u checkouts, %.0f a second, %.0f s to go\n",
		      done, job->runs, sum->checkouts, sum->checkouts / took_s,
		      took_s / (double)done * (double)(job->runs - done));
}

int
main(int argc, char **argv)
{
	struct job job = { .seed = 1, .runs = 1000, .checkouts = 4 };
	struct sim_result sum = { 0 }, r;
	uint64_t broken = 0;
	struct took took;
	double began_s, next_s, cpu_s;

	find_plugin(argv[0], "plugins/drop.so", job.plugin, sizeof(job.plugin));
	find_plugin(argv[0], "terminal/relay.so", job.relay, sizeof(job.relay));
	if (parse(argc, argv, &job) < 0 ||
	    (job.adapter == SIM_ADAPTER_RELAY && job.relay[0] == '\0'))
		return usage();
	began_s = seconds_of(CLOCK_MONOTONIC);
	cpu_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
	next_s = began_s + PROGRESS_S;
	for (uint64_t i = 0; i < job.runs; i++) {
		struct sim_options o = {
			.seed = job.seed + i,
			.checkouts = job.checkouts,
			.bug = job.bug,
			.profile = job.profile,
			.sqlite = job.sqlite,
			.adapter = job.adapter,
			.rates = job.rates,
			.disk = job.disk,
			.plugin = job.plugin[0] != '\0' ? job.plugin : NULL,
			.relay = job.relay[0] != '\0' ? job.relay : NULL,
			.trace = job.trace ? stdout : NULL,
		};

		sim_run(&o, &r);
		add(&sum, &r);
		if (r.broken && ++broken <= TOLD_MAX)
			(void)fprintf(stderr, "seed %" PRIu64 ": %s\n", o.seed, r.what);
		progress(&job, i + 1, &sum, &next_s, began_s);
		if (job.stop > 0 && broken >= job.stop)
			break;
	}
	took.wall_s = seconds_of(CLOCK_MONOTONIC) - began_s;
	took.cpu_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_s;
	(job.json ? report_json : report)(&job, &sum, broken, &took);
	return broken > 0;
}
