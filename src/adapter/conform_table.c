/* Conformance: the file, its table, its options, its life without any work. */
#include "adapter/conform_bench.h"

#include "adapter/sandbox.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define LIVES 50
#define LONG_TEXT_BYTES 400u

static void
check_file(struct bench *b, const struct conform_options *o)
{
	char why[PLUGIN_WHY_BYTES] = "";
	struct plugin_elf elf;
	bool own;

	(void)b;
	if (plugin_check(o->path, &elf, &own, why) < 0)
		bench_fail("%s", why);
	if (sandbox_is_sanitized())
		bench_skip("a sanitizer's own data stands in the file");
	if (elf.exported != 1)
		bench_fail("it exports %u symbols; %s alone is wanted", elf.exported,
			   LANED_ADAPTER_SYMBOL);
	if (elf.writable > 0)
		bench_fail("it holds %llu bytes of writable static data",
			   (unsigned long long)elf.writable);
	if (elf.constructors > 1)
		bench_fail("it has %llu constructors, which run before anybody asked",
			   (unsigned long long)(elf.constructors - 1));
}

static void
check_table(struct bench *b, const struct conform_options *o)
{
	const struct laned_adapter *t;

	bench_load(b, o);
	t = b->table;
	if (t->name[0] == '\0' || t->version[0] == '\0' || t->license[0] == '\0' ||
	    t->protocol[0] == '\0' || t->evidence[0] == '\0')
		bench_fail("name, version, license, protocol or evidence is empty");
	for (uint32_t i = 0; i < t->options_count; i++)
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(t->options[i].name, t->options[k].name) == 0)
				bench_fail("option %s stands twice", t->options[i].name);
	for (uint32_t i = 0; i < t->options_count; i++)
		if (t->options[i].min > t->options[i].max)
			bench_fail("option %s: min is above max", t->options[i].name);
	if (bench_can(b, LANED_CAP_PAY) && !bench_can(b, LANED_CAP_UNDO))
		bench_fail(
			"it pays and cannot undo: a payment that nobody waits for would "
			"stay");
	if (bench_can(b, LANED_CAP_CONFIRM) && !bench_can(b, LANED_CAP_UNDO))
		bench_fail("it confirms and cannot undo: two phases need both");
	bench_host(b, 1);
}

/* ---- options ----------------------------------------------------------------------------- */

/* A life with one value; create may refuse it, and must leave nothing either way. */
static void
try_value(struct bench *b, const struct laned_option *row, const char *text)
{
	bench_host(b, 1);
	if (vhost_set_option(b->host, row->name, text) < 0)
		return;       /* the row does not allow it: /etc is refused before */
	(void)bench_start(b); /* a refusal is an answer */
	bench_end(b);
}

static void
try_number(struct bench *b, const struct laned_option *row, int64_t n)
{
	char text[64];

	(void)snprintf(text, sizeof(text),
		       row->type == LANED_OPT_DURATION ? "%lldms" : "%lld",
		       (long long)n); /* fits */
	try_value(b, row, text);
}

static void
try_texts(struct bench *b, const struct laned_option *row)
{
	static const char *const odd[] = { "x", "/", "%n%s", "\xc3\xa4", "tcp://[::]:0" };
	char text[LONG_TEXT_BYTES + 1];

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		try_value(b, row, odd[i]);
	memset(text, 'a', LONG_TEXT_BYTES);
	text[LONG_TEXT_BYTES] = '\0';
	try_value(b, row, text);
	text[0] = '/';
	try_value(b, row, text);
}

static void
try_choices(struct bench *b, const struct laned_option *row)
{
	const char *at = row->choices;
	char text[64];

	while (*at != '\0') {
		size_t n = strcspn(at, "|");

		if (str_copy(text, sizeof(text), (struct str){ at, n }) < 0)
			bench_fail("option %s: a choice is too long", row->name);
		try_value(b, row, text);
		at += n + (at[n] == '|');
	}
}

static void
check_settings(struct bench *b, const struct conform_options *o)
{
	bench_load(b, o);
	for (uint32_t i = 0; i < b->table->options_count; i++) {
		const struct laned_option *row = &b->table->options[i];

		if (row->type == LANED_OPT_INT || row->type == LANED_OPT_DURATION) {
			try_number(b, row, row->min);
			try_number(b, row, row->min / 2 + row->max / 2);
			try_number(b, row, row->max);
		} else if (row->type == LANED_OPT_BOOL) {
			try_value(b, row, "yes");
			try_value(b, row, "no");
		} else if (row->type == LANED_OPT_ENUM) {
			try_choices(b, row);
		} else {
			try_texts(b, row);
		}
	}
}

/* ---- life -------------------------------------------------------------------------------- */

static void
check_vectors(struct bench *b, const struct conform_options *o)
{
	char text[LANED_NOTE_BYTES];
	int rc;

	bench_launch(b, o);
	memset(text, 'x', sizeof(text));
	rc = b->table->selftest(b->instance, 0, text);
	if (memchr(text, '\0', sizeof(text)) == NULL)
		bench_fail("the text of self-test 0 has no end");
	if (rc == LANED_UNSUPPORTED)
		bench_skip("it has no codec vectors: %s", text);
	if (rc != LANED_OK)
		bench_fail("self-test 0 fails (%d): %s", rc, text);
	bench_end(b);
}

static void
check_life(struct bench *b, const struct conform_options *o)
{
	bench_load(b, o);
	for (uint64_t i = 0; i < LIVES; i++) {
		bench_host(b, i);
		if (bench_start(b) != LANED_OK)
			bench_fail("start %u with its defaults fails", (unsigned)i);
		if (i % 5 > 0)
			bench_up(b, NULL, 0);
		if (i % 5 > 1)
			bench_run(b, BENCH_SETTLE_MS);
		if (i % 5 > 2)
			bench_down(b);
		if (i % 5 > 3) {
			bench_run(b, BENCH_SETTLE_MS);
			bench_up(b, NULL, 0);
		}
		bench_end(b);
	}
	if (b->known_count > 0 || b->late > 0)
		bench_fail("it completes something although nothing was asked");
}

static void
look_at_health(struct bench *b, const char *when)
{
	struct laned_health h;

	memset(&h, 0x55, sizeof(h));
	h.size = sizeof(h);
	b->table->health(b->instance, &h);
	if (h.state > LANED_HEALTH_UP)
		bench_fail("health %s: state %u is none", when, h.state);
	if (memchr(h.note, '\0', sizeof(h.note)) == NULL)
		bench_fail("health %s: the note has no end", when);
	if (h.size != sizeof(h))
		bench_fail("health %s: it changes the size", when);
}

static void
check_health(struct bench *b, const struct conform_options *o)
{
	bench_load(b, o);
	bench_host(b, 1);
	if (bench_start(b) != LANED_OK)
		bench_fail("it does not start");
	look_at_health(b, "before the link");
	bench_up(b, NULL, 0);
	look_at_health(b, "with the link");
	bench_down(b);
	look_at_health(b, "without it");
	bench_end(b);
}

/* ---- the operating system ---------------------------------------------------------------- */

static unsigned
count_entries(const char *folder)
{
	DIR *list = opendir(folder);
	unsigned n = 0;

	if (list == NULL)
		bench_skip("%s cannot be read", folder);
	while (readdir(list) != NULL)
		n++;
	(void)closedir(list); /* read only */
	return n;
}

/* Something of everything, without a peer. */
static void
live_a_little(struct bench *b)
{
	bench_up(b, NULL, 0);
	bench_run(b, BENCH_SETTLE_MS);
	if (bench_can(b, LANED_CAP_PAY))
		(void)bench_submit(b, LANED_REQ_PAY, bench_key(b)); /* or refused */
	bench_run(b, 2 * (int64_t)BENCH_PAY_MS);
	bench_end(b);
}

static void
check_descriptors(struct bench *b, const struct conform_options *o)
{
	unsigned open_before, threads_before;

	bench_load(b, o);
	bench_host(b, 1);
	open_before = count_entries("/proc/self/fd");
	threads_before = count_entries("/proc/self/task");
	for (int i = 0; i < 4; i++) {
		bench_host(b, 1);
		if (bench_start(b) != LANED_OK)
			bench_fail("it does not start");
		live_a_little(b);
		if (count_entries("/proc/self/task") != threads_before)
			bench_fail("it starts a thread");
	}
	if (count_entries("/proc/self/fd") != open_before)
		bench_fail("it leaves descriptors open");
}

static void
check_system_calls(struct bench *b, const struct conform_options *o)
{
	if (sandbox_is_sanitized())
		bench_skip("a sanitizer makes system calls of its own");
	bench_load(b, o);
	bench_host(b, 1);
	/* From here on any call but for memory and the report ends this process by SIGSYS. */
	if (sandbox_memory_only() < 0)
		bench_skip("this kernel has no seccomp");
	if (bench_start(b) != LANED_OK)
		bench_fail("it does not start");
	live_a_little(b);
}

const struct conform_check conform_checks_table[] = {
	{ "file", "one exported symbol, no writable statics, no constructors",
	  check_file },
	{ "table", "names, options and capabilities agree with each other", check_table },
	{ "settings", "every allowed value of every option starts or is refused, cleanly",
	  check_settings },
	{ "vectors", "self-test 0: the codec's own vectors", check_vectors },
	{ "life", "create to destroy, fifty times in five ways, leaves nothing",
	  check_life },
	{ "health", "health is told at every stage, with an end to its note",
	  check_health },
	{ "descriptors", "no descriptor and no thread is left or made",
	  check_descriptors },
	{ "system-calls", "it makes no system call of its own", check_system_calls },
	{ NULL, NULL, NULL },
};
