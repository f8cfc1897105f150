#include "sim/sim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* lanesim: runs the simulator over many seeds; exit 0 all held, 1 an invariant broke, 2 usage. */

struct job {
	uint64_t seed, runs;
	uint32_t checkouts;
	bool json, trace, sqlite;
	enum sim_bug bug;
	enum sim_profile profile;
	enum sim_adapter adapter;
	char plugin[512]; /* "" none */
};

static int
usage(void)
{
	(void)fputs(
		"usage: lanesim [--runs N] [--seed S] [--checkouts N] [--json] [--trace] "
		"[--sqlite]"
		" [--bug NAME]"
		" [--profile touch-first|claim-first|by-seed]"
		" [--adapter drop|scripted|by-seed] [--plugin DROP.so]\n"
		"N checkouts follow one another in a run; seed S gives run S, S+1 ...\n"
		"bugs to plant: journal-lies unknown-is-no undo-forgotten"
		" send-without-ask sensor-stays-lit\n",
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
	if (strcmp(option, "--plugin") == 0)
		return str_copy(job->plugin, sizeof(job->plugin), str_of(value));
	return 1;
}

/* The plug-in that was built with this program. */
static void
find_plugin(const char *self, char *buf, size_t bytes)
{
	const char *slash = strrchr(self, '/');
	struct strbuf b;

	strbuf_init(&b, buf, bytes);
	strbuf_add(&b, (struct str){ self, slash == NULL ? 0 : (size_t)(slash - self) });
	strbuf_addf(&b, "%splugins/drop.so", slash == NULL ? "./" : "/");
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
}

static void
report_json(const struct job *job, const struct sim_result *s, uint64_t broken,
	    double took)
{
	(void)printf("{\"runs\":%" PRIu64 ",\"checkouts\":%u,\"steps\":%" PRIu64
		     ",\"paid_token\":%u,\"paid_other\":%u,\"cancelled\":%u,"
		     "\"declined\":%u,\"captures\":%u,\"undone\":%u,\"crashes\":%u,"
		     "\"failed_commits\":%u,\"adapter_restarts\":%u,\"alarms\":%u,"
		     "\"rule_swaps\":%u,\"frames_after_claim\":%u,\"ambiguous\":%u,"
		     "\"paid_by_two\":%u,"
		     "\"broken\":%" PRIu64 ",\"hash\":\"%016" PRIx64
		     "\",\"seconds\":%.2f}\n",
		     job->runs, s->checkouts, s->steps, s->paid_token, s->paid_other,
		     s->cancelled, s->declined, s->captures, s->undone, s->crashes,
		     s->failed_commits, s->adapter_restarts, s->alarms, s->swaps,
		     s->frames, s->greys, s->paid_by_two, broken, s->trace_hash, took);
}

static void
report(const struct job *job, const struct sim_result *s, uint64_t broken, double took)
{
	(void)printf("%" PRIu64 " runs, %u checkouts, %" PRIu64 " steps in %.2f s\n"
		     "%u paid by token, %u otherwise, %u void; %u declined, %u captured,"
		     " %u undone\n"
		     "%u crashes, %u failed commits, %u adapter restarts, %u alarms,"
		     " %u rule swaps\n"
		     "%u frames taken after a claim\n"
		     "%u ambiguous touches, %u payments by two fingers\n"
		     "%" PRIu64 " broken; hash %016" PRIx64 "\n",
		     job->runs, s->checkouts, s->steps, took, s->paid_token,
		     s->paid_other, s->cancelled, s->declined, s->captures, s->undone,
		     s->crashes, s->failed_commits, s->adapter_restarts, s->alarms,
		     s->swaps, s->frames, s->greys, s->paid_by_two, broken,
		     s->trace_hash);
}

int
main(int argc, char **argv)
{
	struct job job = { .seed = 1, .runs = 1000, .checkouts = 4 };
	struct sim_result sum = { 0 }, r;
	uint64_t broken = 0;
	struct timespec a, b;

	find_plugin(argv[0], job.plugin, sizeof(job.plugin));
	if (parse(argc, argv, &job) < 0)
		return usage();
	(void)clock_gettime(CLOCK_MONOTONIC, &a); /* cannot fail */
	for (uint64_t i = 0; i < job.runs; i++) {
		struct sim_options o = {
			.seed = job.seed + i,
			.checkouts = job.checkouts,
			.bug = job.bug,
			.profile = job.profile,
			.sqlite = job.sqlite,
			.adapter = job.adapter,
			.plugin = job.plugin[0] != '\0' ? job.plugin : NULL,
			.trace = job.trace ? stdout : NULL,
		};

		sim_run(&o, &r);
		add(&sum, &r);
		if (r.broken && ++broken <= 10)
			(void)fprintf(stderr, "seed %" PRIu64 ": %s\n", o.seed, r.what);
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &b); /* as above */
	(job.json ? report_json : report)(&job, &sum, broken,
					  (double)(b.tv_sec - a.tv_sec) +
						  (double)(b.tv_nsec - a.tv_nsec) / 1e9);
	return broken > 0;
}
