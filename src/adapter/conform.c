/* The conformance kit's runner: each check in a process of its own, and the report. */
#include "adapter/conform_bench.h"

#include "base/json.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WHY_BYTES 512u
#define RESULTS_MAX 64u
#define REPORT_BYTES_MAX (1u << 20)

enum verdict { PASSED, FAILED, SKIPPED };

struct result {
	const struct conform_check *check;
	enum verdict verdict;
	char why[WHY_BYTES];
	int64_t ms;
};

static const struct conform_check *const parts[] = {
	conform_checks_table, conform_checks_requests, conform_checks_faults,
	conform_checks_peer,  conform_checks_conns,    conform_checks_pos,
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

/* The i-th check of all; NULL: no more. */
static const struct conform_check *
check_at(size_t i)
{
	for (size_t p = 0; p < PARTS; p++)
		for (const struct conform_check *c = parts[p]; c->name != NULL; c++)
			if (i-- == 0)
				return c;
	return NULL;
}

/* ---- one check --------------------------------------------------------------------------- */

__attribute__((noreturn)) static void
run_here(const struct conform_check *check, const struct conform_options *o, int out)
{
	struct bench *b;

	if (dup2(out, STDOUT_FILENO) < 0)
		_exit(2);
	(void)close(out); /* it is standard output now */
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		_exit(2);
	check->run(b, o);
	_exit(0);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads what the child says until it ends or its time is over. True: it ended. */
static bool
listen_to(int in, struct result *r, int64_t until_ms)
{
	size_t used = 0;

	for (;;) {
		struct pollfd p = { .fd = in, .events = POLLIN };
		int64_t left = until_ms - now_ms();
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return false;
		if (p.revents == 0)
			continue;
		n = read(in, r->why + used, sizeof(r->why) - 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		used += (size_t)n;
		r->why[used] = '\0';
		if (used == sizeof(r->why) - 1)
			return true;
	}
}

/* What the child's end says, together with what it said itself. */
static void
judge(struct result *r, int status)
{
	char kind = r->why[0];

	if (WIFSIGNALED(status)) {
		int signo = WTERMSIG(status);

		r->verdict = FAILED;
		(void)snprintf(r->why, sizeof(r->why), "%s",
			       signo == SIGSYS ? "it makes a system call of its own"
					       : "it crashes"); /* fits */
		if (signo != SIGSYS)
			(void)snprintf(r->why, sizeof(r->why), "it crashes: %s",
				       strsignal(signo)); /* as above */
		return;
	}
	memmove(r->why, r->why + (kind != '\0'), strlen(r->why + (kind != '\0')) + 1);
	if (kind == 'S')
		r->verdict = SKIPPED;
	else if (kind == 'F')
		r->verdict = FAILED;
	else if (WEXITSTATUS(status) == 0)
		r->verdict = PASSED;
	else {
		r->verdict = FAILED;
		(void)snprintf(r->why, sizeof(r->why), "it ends the process (%d)",
			       WEXITSTATUS(status)); /* fits */
	}
}

static int
run_check(const struct conform_check *check, const struct conform_options *o,
	  struct result *r)
{
	int limit_ms = o->limit_ms > 0 ? o->limit_ms : CONFORM_LIMIT_MS;
	int64_t start_ms = now_ms();
	int ends[2], status = 0;
	bool ended;
	pid_t child;

	*r = (struct result){ .check = check };
	if (pipe(ends) < 0)
		return -errno;
	(void)fflush(NULL); /* nothing of ours may be written twice */
	child = fork();
	if (child == 0) {
		(void)close(ends[0]); /* the parent's */
		run_here(check, o, ends[1]);
	}
	(void)close(ends[1]); /* the child's */
	if (child < 0) {
		(void)close(ends[0]); /* of no use now */
		return -errno;
	}
	ended = listen_to(ends[0], r, start_ms + limit_ms);
	if (!ended)
		(void)kill(child, SIGKILL); /* it is ours, and not yet waited for */
	(void)close(ends[0]);               /* read only */
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	r->ms = now_ms() - start_ms;
	if (ended) {
		judge(r, status);
	} else {
		r->verdict = FAILED;
		(void)snprintf(r->why, sizeof(r->why), "it hangs: ended after %d s",
			       limit_ms / 1000); /* fits */
	}
	return 0;
}

/* ---- reports ----------------------------------------------------------------------------- */

static const char *
verdict_name(enum verdict v)
{
	static const char *const names[] = { "pass", "fail", "skip" };

	return names[v];
}

static unsigned
count(const struct result *list, unsigned n, enum verdict v)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++)
		found += list[i].verdict == v;
	return found;
}

static void
say_text(FILE *out, const struct result *r)
{
	(void)fprintf(out, "%s  %-16s %s\n", verdict_name(r->verdict), r->check->name,
		      r->check->what);
	if (r->verdict != PASSED)
		(void)fprintf(out, "      %-16s -> %s\n", "", r->why);
	(void)fflush(
		out); /* a report that is read while it grows; errors show at its end */
}

static int
say_json(FILE *out, const struct conform_options *o, const struct result *list,
	 unsigned n)
{
	struct json_out *j = json_out_new(REPORT_BYTES_MAX);
	struct str text;
	int rc;

	json_open_object(j, NULL);
	json_cstr(j, "plugin", o->path);
	json_open_array(j, "checks");
	for (unsigned i = 0; i < n; i++) {
		json_open_object(j, NULL);
		json_cstr(j, "name", list[i].check->name);
		json_cstr(j, "what", list[i].check->what);
		json_cstr(j, "result", verdict_name(list[i].verdict));
		if (list[i].verdict != PASSED)
			json_cstr(j, "why", list[i].why);
		json_int(j, "ms", list[i].ms);
		json_close(j);
	}
	json_close(j);
	json_int(j, "passed", count(list, n, PASSED));
	json_int(j, "failed", count(list, n, FAILED));
	json_int(j, "skipped", count(list, n, SKIPPED));
	json_close(j);
	rc = json_out_text(j, &text);
	if (rc == 0)
		(void)fprintf(out, "%.*s\n", (int)text.n, text.p);
	json_out_free(j);
	return rc;
}

/* Text as XML wants it: what is no printable ASCII becomes '?'. */
static void
say_xml_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '<')
			(void)fputs("&lt;", out);
		else if (*text == '&')
			(void)fputs("&amp;", out);
		else if (*text == '"')
			(void)fputs("&quot;", out);
		else
			(void)fputc(*text >= ' ' && *text < 127 ? *text : '?', out);
	}
}

static void
say_junit(FILE *out, const struct conform_options *o, const struct result *list,
	  unsigned n)
{
	static const char *const tags[] = { NULL, "failure", "skipped" };

	(void)fprintf(out,
		      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"");
	say_xml_text(out, o->path);
	(void)fprintf(out, "\" tests=\"%u\" failures=\"%u\" skipped=\"%u\">\n", n,
		      count(list, n, FAILED), count(list, n, SKIPPED));
	for (unsigned i = 0; i < n; i++) {
		const struct result *r = &list[i];

		(void)fprintf(out,
			      "  <testcase classname=\"laned.conform\" name=\"%s\" "
			      "time=\"%lld.%03d\"",
			      r->check->name, (long long)(r->ms / 1000),
			      (int)(r->ms % 1000));
		if (r->verdict == PASSED) {
			(void)fputs("/>\n", out);
			continue;
		}
		(void)fprintf(out, ">\n    <%s message=\"", tags[r->verdict]);
		say_xml_text(out, r->why);
		(void)fputs("\"/>\n  </testcase>\n", out);
	}
	(void)fputs("</testsuite>\n", out);
}

/* ---- all --------------------------------------------------------------------------------- */

void
conform_list(FILE *out)
{
	const struct conform_check *c;

	for (size_t i = 0; (c = check_at(i)) != NULL; i++)
		(void)fprintf(out, "%-16s %s\n", c->name, c->what);
}

static bool
is_known(const char *only)
{
	const struct conform_check *c;

	for (size_t i = 0; (c = check_at(i)) != NULL; i++)
		if (strcmp(c->name, only) == 0)
			return true;
	return false;
}

int
conform_run(const struct conform_options *o, FILE *out)
{
	static const char all[] = "";
	const char *only = o->only == NULL ? all : o->only;
	const struct conform_check *c;
	struct result *list;
	unsigned n = 0;
	int rc = 0;

	if ((only != all && !is_known(only)) ||
	    (o->protocol != NULL && peer_find(o->protocol) == NULL))
		return -ENOENT;
	list = calloc(RESULTS_MAX, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && n < RESULTS_MAX && (c = check_at(i)) != NULL; i++) {
		if (only != all && strcmp(only, c->name) != 0)
			continue;
		rc = run_check(c, o, &list[n]);
		if (rc == 0 && o->form == CONFORM_TEXT)
			say_text(out, &list[n]);
		n++;
	}
	if (rc == 0 && o->form == CONFORM_JSON)
		rc = say_json(out, o, list, n);
	else if (rc == 0 && o->form == CONFORM_JUNIT)
		say_junit(out, o, list, n);
	else if (rc == 0)
		(void)fprintf(out, "%u passed, %u failed, %u skipped\n",
			      count(list, n, PASSED), count(list, n, FAILED),
			      count(list, n, SKIPPED));
	if (rc == 0 && fflush(out) != 0)
		rc = -errno;
	if (rc == 0)
		rc = count(list, n, FAILED) > 0;
	free(list);
	return rc;
}
