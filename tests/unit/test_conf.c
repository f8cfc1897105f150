#include "base/conf.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIN INT64_C(60000)

static const struct conf_key table[] = {
	{ "lane", "number", CONF_INT, 1, 999, NULL, NULL, "The number of this lane.",
	  false },
	{ "lane", "currency", CONF_STRING, 3, 3, "EUR", NULL, "ISO 4217.", false },
	{ "lane", "training", CONF_BOOL, 0, 0, "no", NULL, "Starts in training.", true },
	{ "lane", "title", CONF_STRING, 0, 0, "", NULL, "Shown on the display.", true },
	{ "payment", "limit", CONF_MONEY, 0, 100000, "50.00", NULL,
	  "Above this amount a shopper is asked again. This sentence only makes the help "
	  "text "
	  "long enough to be broken into several lines of the template, as real ones "
	  "are.",
	  true },
	{ "payment", "timeout", CONF_DURATION, 250, 15 * MIN, "30s", NULL,
	  "How long a terminal may take.", true },
	{ "payment", "tax", CONF_ENUM, 0, 0, "eu", "us_strict|us_tx|eu", "Tax mode.",
	  false },
	{ "match", "fmr", CONF_RATE, 1, 100000000, "1e-6", NULL, "False match rate.",
	  true },
	{ "store", "path", CONF_PATH, 2, 150, "/var/lib/laned", NULL, "State.", false },
	{ "store", "extra", CONF_PATH, 0, 150, "", NULL, ".Starts with a dot.", false },
	{ "adapter:*", "module", CONF_STRING, 1, 32, NULL, NULL, "Which plug-in.",
	  false },
	{ "adapter:*", "retry", CONF_DURATION, 0, MIN, "1s", NULL, "Between tries.",
	  true },
};
#define COUNT (sizeof(table) / sizeof(table[0]))

static char dir[40], file[64], parts[64];
static struct conf_errors errors;

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void
put_part(const char *name, const char *text)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", parts, name);
	put(path, text);
}

static void
start(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/test_conf.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(file, sizeof(file), "%s/laned.conf", dir);
	(void)snprintf(parts, sizeof(parts), "%s/conf.d", dir);
}

static void
finish(void)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static struct conf *
load_ok(const char *text)
{
	struct conf *c = NULL;
	int rc;

	put(file, text);
	rc = conf_load(table, COUNT, file, parts, &errors, &c);
	ck_assert_msg(rc == 0, "%d: %s %s", rc, errors.list[0].key, errors.list[0].what);
	ck_assert_uint_eq(errors.total, 0);
	return c;
}

static void
load_fails(const char *text)
{
	struct conf *c = NULL;

	put(file, text);
	ck_assert_int_eq(conf_load(table, COUNT, file, parts, &errors, &c), -EBADMSG);
	ck_assert_ptr_null(c);
	ck_assert_uint_ge(errors.total, 1);
}

START_TEST(values_are_read_with_their_types_and_origins)
{
	char origin[80];
	struct conf *c;

	start();
	c = load_ok("\xef\xbb\xbf# a comment\r\n[lane]\r\nnumber = 7\r\n; "
		    "more\ntraining=yes ; or "
		    "no\ntitle = L\xc3\xa4ne = one\n\n \t\n[payment]\nlimit = "
		    "12.34\ntimeout = "
		    "15min\ntax = us_tx\n[match]\nfmr = 0.00025\n[store]\npath = /x y\n");
	ck_assert_int_eq(conf_int(c, "lane", "number"), 7);
	ck_assert_str_eq(conf_str(c, "lane", "number"), "7");
	ck_assert(conf_bool(c, "lane", "training"));
	ck_assert_str_eq(conf_str(c, "lane", "title"), "L\xc3\xa4ne = one");
	ck_assert_str_eq(conf_str(c, "lane", "currency"), "EUR");
	ck_assert_int_eq(conf_int(c, "payment", "limit"), 1234);
	ck_assert_int_eq(conf_int(c, "payment", "timeout"), 15 * MIN);
	ck_assert_str_eq(conf_str(c, "payment", "tax"), "us_tx");
	ck_assert_int_eq(conf_int(c, "payment", "tax"), 1);
	ck_assert_int_eq(conf_int(c, "match", "fmr"), 250000);
	ck_assert_str_eq(conf_str(c, "store", "path"), "/x y");
	ck_assert_str_eq(conf_str(c, "store", "extra"), "");
	(void)snprintf(origin, sizeof(origin), "%s:3", file);
	ck_assert_str_eq(conf_origin(c, "lane", "number"), origin);
	(void)snprintf(origin, sizeof(origin), "%s:12", file);
	ck_assert_str_eq(conf_origin(c, "payment", "tax"), origin);
	ck_assert_str_eq(conf_origin(c, "lane", "currency"), "default");
	conf_free(c);
	ck_assert_ptr_null(conf_free(NULL));
	finish();
}
END_TEST

struct value_case {
	const char *section, *line;
	bool ok;
	int64_t number;
};

START_TEST(every_type_takes_what_it_says_and_nothing_else)
{
	static const struct value_case cases[] = {
		{ "lane", "number = 1", true, 1 },
		{ "lane", "number = 999", true, 999 },
		{ "lane", "number = 0", false, 0 },
		{ "lane", "number = 1000", false, 0 },
		{ "lane", "number = 7x", false, 0 },
		{ "lane", "number = 99999999999999999999", false, 0 },
		{ "lane", "number =", false, 0 },
		{ "lane", "training = true", false, 0 },
		{ "lane", "training = Yes", false, 0 },
		{ "lane", "training = no", true, 0 },
		{ "lane", "currency = EURO", false, 0 },
		{ "lane", "currency = US", false, 0 },
		{ "payment", "limit = 0", true, 0 },
		{ "payment", "limit = 1000", true, 100000 },
		{ "payment", "limit = 1000.00", true, 100000 },
		{ "payment", "limit = 1000.01", false, 0 },
		{ "payment", "limit = 1.5", false, 0 },
		{ "payment", "limit = 1.500", false, 0 },
		{ "payment", "limit = .50", false, 0 },
		{ "payment", "limit = -0.01", false, 0 },
		{ "payment", "limit = 1,50", false, 0 },
		{ "payment", "limit = 99999999999999999999.00", false, 0 },
		{ "payment", "timeout = 250ms", true, 250 },
		{ "payment", "timeout = 249ms", false, 0 },
		{ "payment", "timeout = 900s", true, 15 * MIN },
		{ "payment", "timeout = 1h", false, 0 },
		{ "payment", "timeout = 5", false, 0 },
		{ "payment", "timeout = 5 s", false, 0 },
		{ "payment", "timeout = s", false, 0 },
		{ "payment", "timeout = -5s", false, 0 },
		{ "payment", "timeout = 9223372036854775807d", false, 0 },
		{ "payment", "tax = us_strict", true, 0 },
		{ "payment", "tax = us", false, 0 },
		{ "payment", "tax = us_strict|us_tx", false, 0 },
		{ "match", "fmr = 1e-9", true, 1 },
		{ "match", "fmr = 1e-10", false, 0 },
		{ "match", "fmr = 0.1", true, 100000000 },
		{ "match", "fmr = 1.5E-3", true, 1500000 },
		{ "match", "fmr = 0.0000000010", true, 1 },
		{ "match", "fmr = 0.0000000011", false, 0 },
		{ "match", "fmr = 1", false, 0 },
		{ "match", "fmr = 1e99", false, 0 },
		{ "match", "fmr = 1e", false, 0 },
		{ "match", "fmr = 1e-3x", false, 0 },
		{ "match", "fmr = e-3", false, 0 },
		{ "store", "path = relative", false, 0 },
		{ "store", "path =", false, 0 },
		{ "store", "path = /", false, 0 },
		{ "store", "extra =", true, 0 },
	};

	start();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct value_case *v = &cases[i];
		struct conf *c = NULL;
		char text[256], name[32];
		int rc;

		(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(v->line, " "),
			       v->line);
		(void)snprintf(text, sizeof(text), "%s[%s]\n%s\n",
			       strstr(v->line, "number") ? "" : "[lane]\nnumber=1\n",
			       v->section, v->line);
		put(file, text);
		rc = conf_load(table, COUNT, file, NULL, &errors, &c);
		ck_assert_msg(rc == (v->ok ? 0 : -EBADMSG), "%s: %d %s", v->line, rc,
			      errors.list[0].what);
		if (v->ok) {
			ck_assert_int_eq(conf_int(c, v->section, name), v->number);
		} else {
			ck_assert_str_ne(errors.list[0].what, "");
			ck_assert_ptr_nonnull(strstr(errors.list[0].what, "right is"));
		}
		conf_free(c);
	}
	finish();
}
END_TEST

START_TEST(an_error_names_file_line_key_and_what_would_be_right)
{
	static const struct {
		const char *text;
		uint32_t line;
		const char *key, *what;
	} cases[] = {
		{ "[lane]\nnumber = 1\nnumbr = 2\n", 3, "[lane] numbr",
		  "unknown key; did you mean \"number\"?" },
		{ "[lane]\nnumber = 1\nzzzzzzzz = 2\n", 3, "[lane] zzzzzzzz",
		  "unknown key; the manual page lists the known ones" },
		{ "[lane]\nnumber = 1\n\n[paymnt]\nlimit = 1\n", 4, "paymnt",
		  "unknown section; did you mean \"payment\"?" },
		{ "[lane]\nnumber = 1\n[Lane]\n", 3, "Lane",
		  "unknown section; did you mean \"lane\"?" },
		{ "[lane]\nnumber = 1\nnumber = 2\n", 3, "[lane] number",
		  "is set twice in this file (first at FILE:2)" },
		{ "number = 1\n[lane]\nnumber = 2\n", 1, "number",
		  "stands before the first [section]" },
		{ "[lane]\nnumber = 1\n\ttitle = x\n", 3, "",
		  "the line begins with a blank; every name stands at the start of its "
		  "line" },
		{ "[lane]\nnumber = 1\n  continued\n", 3, "",
		  "the line begins with a blank; every name stands at the start of its "
		  "line" },
		{ "[lane]\nnumber = 1\ntitle\n", 3, "",
		  "neither a section nor \"name = value\"" },
		{ "[lane]\nnumber = 1\ntitle: x\n", 3, "",
		  "neither a section nor \"name = value\"" },
		{ "[lane]\nnumber = 1\n= x\n", 3, "",
		  "neither a section nor \"name = value\"" },
		{ "[lane]\nnumber = 1\n[store\npath = /x\n", 3, "",
		  "a section is written [name] and alone on its line" },
		{ "[lane]\nnumber = 1\n[store] path = /x\n", 3, "",
		  "a section is written [name] and alone on its line" },
		{ "[lane]\nnumber = 1\ntitle = a\x01z\n", 3, "",
		  "the line holds control characters or is not UTF-8" },
		{ "[lane]\nnumber = 1\ntitle = \xe4\n", 3, "",
		  "the line holds control characters or is not UTF-8" },
		{ "[lane]\nnumber = 1000\n", 2, "[lane] number",
		  "\"1000\" is out of range; right is a whole number, 1 to 999" },
		{ "[lane]\nnumber = 1\n[payment]\ntimeout = soon\n", 4,
		  "[payment] timeout",
		  "\"soon\" is not understood; right is a time with its unit (ms, s, "
		  "min, h, d) "
		  "like 15min, 250ms to 15min" },
		{ "[lane]\nnumber = 1\n[payment]\ntax = uk\n", 4, "[payment] tax",
		  "\"uk\" is not understood; right is one of us_strict, us_tx, eu" },
		{ "[lane]\nnumber = 1\n[payment]\nlimit = 1000.01\n", 4,
		  "[payment] limit",
		  "\"1000.01\" is out of range; right is an amount like 50.00, 0.00 to "
		  "1000.00" },
		{ "[lane]\nnumber = 1\n[match]\nfmr = 0.2\n", 4, "[match] fmr",
		  "\"0.2\" is out of range; right is a rate like 0.001 or 1e-3, no finer "
		  "than "
		  "1e-9, 0.000000001 to 0.1" },
		{ "[lane]\n", 0, "[lane] number",
		  "must be set; right is a whole number, 1 to 999" },
		{ "[lane]\nnumber = 1\n[adapter:drop]\n", 0, "[adapter:drop] module",
		  "must be set; right is text, 1 to 32 bytes" },
		{ "[lane]\nnumber = 1\n[adapter:Drop]\n", 3, "adapter:Drop",
		  "unknown section; did you mean \"adapter:*\"?" },
		{ "[lane]\nnumber = 1\n[adapter:]\n", 3,
		  "adapter:", "unknown section; did you mean \"adapter:*\"?" },
		{ "[lane]\nnumber = 1\n[adapter:*]\n", 3, "adapter:*",
		  "unknown section; did you mean \"adapter:*\"?" },
	};

	start();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[256];
		const char *mark = strstr(cases[i].what, "FILE");

		load_fails(cases[i].text);
		ck_assert_uint_eq(errors.total, 1);
		ck_assert_str_eq(errors.list[0].file, file);
		ck_assert_uint_eq(errors.list[0].line, cases[i].line);
		ck_assert_str_eq(errors.list[0].key, cases[i].key);
		(void)snprintf(want, sizeof(want), "%.*s%s%s",
			       mark ? (int)(mark - cases[i].what) : 255, cases[i].what,
			       mark ? file : "", mark ? mark + 4 : "");
		ck_assert_str_eq(errors.list[0].what, want);
	}
	finish();
}
END_TEST

START_TEST(lines_up_to_the_limit_are_whole_and_longer_ones_refused)
{
	char text[512], *end;
	struct conf *c;

	start();
	for (size_t n = 175; n <= 260; n++) {
		(void)snprintf(text, sizeof(text), "[lane]\nnumber = 1\ntitle = ");
		end = text + strlen(text);
		memset(end, 't', n - 8);
		(void)snprintf(end + n - 8, 16, "\ntraining=yes\n");
		if (n > 180) {
			load_fails(text);
			ck_assert_uint_eq(errors.total, 1);
			ck_assert_uint_eq(errors.list[0].line, 3);
			ck_assert_str_eq(errors.list[0].what,
					 "the line is longer than 180 bytes");
			continue;
		}
		c = load_ok(text);
		ck_assert_uint_eq(strlen(conf_str(c, "lane", "title")), n - 8);
		ck_assert(conf_bool(c, "lane", "training"));
		conf_free(c);
	}
	finish();
}
END_TEST

START_TEST(all_errors_are_counted_and_the_first_fifty_kept)
{
	char text[2048] = "[lane]\nnumber = 1\n";

	start();
	for (int i = 0; i < 70; i++)
		(void)snprintf(text + strlen(text), 32, "bad%d = 1\n", i);
	load_fails(text);
	ck_assert_uint_eq(errors.total, 70);
	ck_assert_uint_eq(errors.count, CONF_ERRORS_MAX);
	ck_assert_str_eq(errors.list[49].key, "[lane] bad49");
	ck_assert_uint_eq(errors.list[49].line, 52);
	finish();
}
END_TEST

START_TEST(later_files_win_in_the_order_of_their_bytes)
{
	char origin[128];
	struct conf *c;

	start();
	ck_assert_int_eq(mkdir(parts, 0700), 0);
	put_part("b.conf", "[lane]\nnumber = 3\ntitle = b\n");
	put_part("a.conf", "[lane]\nnumber = 2\ncurrency = USD\n");
	put_part("B.conf", "[lane]\nnumber = 9\ncurrency = SEK\n");
	put_part(".hidden.conf", "nonsense\n");
	put_part("b.conf.bak", "nonsense\n");
	put_part("README", "nonsense\n");
	c = load_ok("[lane]\nnumber = 1\n");
	ck_assert_int_eq(conf_int(c, "lane", "number"), 3);
	ck_assert_str_eq(conf_str(c, "lane", "currency"), "USD");
	(void)snprintf(origin, sizeof(origin), "%s/b.conf:2", parts);
	ck_assert_str_eq(conf_origin(c, "lane", "number"), origin);
	conf_free(c);
	put_part("c.conf", "[lane]\nnumber = x\n");
	load_fails("[lane]\nnumber = 1\n");
	(void)snprintf(origin, sizeof(origin), "%s/c.conf", parts);
	ck_assert_str_eq(errors.list[0].file, origin);
	finish();
}
END_TEST

START_TEST(only_plain_files_are_read)
{
	char path[128];
	struct conf *c = NULL;

	start();
	ck_assert_int_eq(mkdir(parts, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/link.conf", parts);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	(void)snprintf(path, sizeof(path), "%s/pipe.conf", parts);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	(void)snprintf(path, sizeof(path), "%s/dir.conf", parts);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	load_fails("[lane]\nnumber = 1\n");
	ck_assert_uint_eq(errors.total, 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_str_eq(errors.list[i].what, "is no plain file");
	ck_assert_int_eq(conf_load(table, COUNT, dir, NULL, &errors, &c), -EINVAL);
	ck_assert_int_eq(conf_load(table, COUNT, "/no/such", NULL, &errors, &c), -ENOENT);
	finish();
}
END_TEST

START_TEST(instances_come_in_order_and_have_their_own_values)
{
	struct conf *c;

	start();
	ck_assert_int_eq(mkdir(parts, 0700), 0);
	put_part("x.conf", "[adapter:drop]\nretry = 2s\n[adapter:a-1_b]\nmodule = tcp\n");
	c = load_ok("[lane]\nnumber = 1\n[adapter:terminal]\nmodule = "
		    "zvt\n[adapter:drop]\nmodule "
		    "= drop\n[adapter:terminal]\nretry = 3s\n");
	ck_assert_str_eq(conf_instance(c, "adapter:*", 0), "terminal");
	ck_assert_str_eq(conf_instance(c, "adapter:*", 1), "drop");
	ck_assert_str_eq(conf_instance(c, "adapter:*", 2), "a-1_b");
	ck_assert_ptr_null(conf_instance(c, "adapter:*", 3));
	ck_assert_str_eq(conf_str(c, "adapter:terminal", "module"), "zvt");
	ck_assert_int_eq(conf_int(c, "adapter:terminal", "retry"), 3000);
	ck_assert_str_eq(conf_str(c, "adapter:drop", "module"), "drop");
	ck_assert_int_eq(conf_int(c, "adapter:drop", "retry"), 2000);
	ck_assert_int_eq(conf_int(c, "adapter:a-1_b", "retry"), 1000);
	ck_assert_str_eq(conf_origin(c, "adapter:a-1_b", "retry"), "default");
	/* One that no file names has the defaults. */
	ck_assert_int_eq(conf_int(c, "adapter:none", "retry"), 1000);
	ck_assert_str_eq(conf_str(c, "adapter:none", "module"), "");
	conf_free(c);
	finish();
}
END_TEST

START_TEST(too_many_instances_are_an_error)
{
	char text[4096] = "[lane]\nnumber = 1\n";

	start();
	for (int i = 0; i < 65; i++)
		(void)snprintf(text + strlen(text), 64, "[adapter:n%d]\nmodule = m\n", i);
	load_fails(text);
	ck_assert_uint_eq(errors.total, 1);
	ck_assert_str_eq(errors.list[0].key, "adapter:n64");
	finish();
}
END_TEST

static char changes[512];

static void
on_change(void *ctx, const struct conf_key *key, const char *section,
	  const char *old_value, const char *new_value)
{
	struct strbuf *b = ctx;

	strbuf_addf(b, "%s.%s %s>%s%s;", section, key->name, old_value ? old_value : "-",
		    new_value ? new_value : "-", key->reloadable ? "" : "!");
}

START_TEST(a_difference_names_every_changed_key)
{
	struct conf *a, *b;
	struct strbuf out;

	start();
	a = load_ok("[lane]\nnumber = 1\ntitle = x\n[adapter:a]\nmodule = m\n");
	b = load_ok("[lane]\nnumber = 2\ntitle = x\ntraining = yes\n[adapter:b]\nmodule "
		    "= m\n");
	strbuf_init(&out, changes, sizeof(changes));
	conf_diff(a, b, on_change, &out);
	ck_assert_str_eq(
		changes,
		"lane.number 1>2!;lane.training no>yes;adapter:a.module m>-!;"
		"adapter:a.retry 1s>-;adapter:b.module ->m!;adapter:b.retry ->1s;");
	strbuf_init(&out, changes, sizeof(changes));
	conf_diff(a, a, on_change, &out);
	ck_assert_str_eq(changes, "");
	conf_free(a);
	conf_free(b);
	finish();
}
END_TEST

static void
on_each(void *ctx, const struct conf_key *key, const char *section, const char *value,
	const char *origin)
{
	unsigned *count = ctx;

	ck_assert_ptr_nonnull(key);
	ck_assert_ptr_nonnull(value);
	ck_assert_ptr_nonnull(origin);
	ck_assert_ptr_null(strchr(section, '*'));
	(*count)++;
}

START_TEST(every_key_is_walked_instances_too)
{
	unsigned count = 0;
	struct conf *c;

	start();
	c = load_ok(
		"[lane]\nnumber = 1\n[adapter:a]\nmodule = m\n[adapter:b]\nmodule = m\n");
	conf_each(c, on_each, &count);
	ck_assert_uint_eq(count, COUNT - 2 + 2 * 2);
	conf_free(c);
	finish();
}
END_TEST

START_TEST(the_template_is_a_valid_file_of_comments_and_stays_so_when_used)
{
	char *text = NULL, *at, *out;
	size_t bytes = 0;
	struct conf *c;
	FILE *f = open_memstream(&text, &bytes);

	start();
	ck_assert_int_eq(conf_write_template(table, COUNT, f), 0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_ptr_nonnull(strstr(text, "\n#number =\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n#limit = 50.00\n"));
	ck_assert_ptr_nonnull(
		strstr(text, "# (a whole number, 1 to 999; default: must be set; a "
			     "change needs a restart)\n"));
	load_fails(text); /* only for the key that must be set */
	ck_assert_uint_eq(errors.total, 1);
	ck_assert_str_eq(errors.list[0].key, "[lane] number");
	/* Every "#name = default" and the section of instances without their '#'. */
	out = malloc(bytes + 64);
	out[0] = '\0';
	for (at = text; *at != '\0'; at += strcspn(at, "\n") + 1) {
		bool used = at[0] == '#' && at[1] != ' ';

		if (strncmp(at, "#number =", 9) == 0)
			strcat(out, "number = 5\n");
		else if (strncmp(at, "#module =", 9) == 0)
			strcat(out, "module = m\n");
		else if (strncmp(at, "#[adapter:NAME]", 15) == 0)
			strcat(out, "[adapter:name]\n");
		else
			strncat(out, at + used, strcspn(at, "\n") + 1 - used);
	}
	c = load_ok(out);
	ck_assert_int_eq(conf_int(c, "match", "fmr"), 1000);
	ck_assert_str_eq(conf_instance(c, "adapter:*", 0), "name");
	ck_assert_str_ne(conf_origin(c, "match", "fmr"), "default");
	conf_free(c);
	free(out);
	free(text);
	finish();
}
END_TEST

START_TEST(the_manual_lists_every_key_without_stray_markup)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *f = open_memstream(&text, &bytes);

	ck_assert_int_eq(conf_write_mdoc(table, COUNT, f), 0);
	ck_assert_int_eq(fclose(f), 0);
	for (size_t i = 0; i < COUNT; i++) {
		char item[64];

		(void)snprintf(item, sizeof(item), ".It Cm %s\n", table[i].name);
		ck_assert_ptr_nonnull(strstr(text, item));
	}
	ck_assert_ptr_nonnull(strstr(text, "\n\\&.Starts with a dot.\n"));
	ck_assert_ptr_nonnull(strstr(text, ".Ss Section [adapter:*]\n"));
	free(text);
}
END_TEST

START_TEST(an_error_is_printed_with_what_is_known_of_its_place)
{
	static const struct {
		struct conf_error error;
		const char *line;
	} rows[] = {
		{ { "/a", 7, "[lane] name", "wrong" }, "/a:7: [lane] name: wrong\n" },
		{ { "/a", 0, "[lane] name", "must be set" },
		  "/a: [lane] name: must be set\n" },
		{ { "/a", 7, "", "no line of ours" }, "/a:7: no line of ours\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = NULL;
		size_t bytes = 0;
		FILE *f = open_memstream(&text, &bytes);

		conf_error_print(&rows[i].error, f);
		ck_assert_int_eq(fclose(f), 0);
		ck_assert_str_eq(text, rows[i].line);
		free(text);
	}
}
END_TEST

UNIT_MAIN("conf", values_are_read_with_their_types_and_origins,
	  every_type_takes_what_it_says_and_nothing_else,
	  an_error_names_file_line_key_and_what_would_be_right,
	  an_error_is_printed_with_what_is_known_of_its_place,
	  lines_up_to_the_limit_are_whole_and_longer_ones_refused,
	  all_errors_are_counted_and_the_first_fifty_kept,
	  later_files_win_in_the_order_of_their_bytes, only_plain_files_are_read,
	  instances_come_in_order_and_have_their_own_values,
	  too_many_instances_are_an_error, a_difference_names_every_changed_key,
	  every_key_is_walked_instances_too,
	  the_template_is_a_valid_file_of_comments_and_stays_so_when_used,
	  the_manual_lists_every_key_without_stray_markup)
