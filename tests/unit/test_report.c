/* What laned is told of the host, its plug-in and what that died of. */
#include "tempdir.h"
#include "unit.h"

#include "adapter/report.h"
#include "adapter/watch.h"
#include "laned/adapter.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[TEMPDIR_BYTES];

static struct crash_record *
open_record(void)
{
	struct crash_record *r = NULL;

	ck_assert_int_eq(crash_record_open(tempdir_path(dir, "record"), &r), 0);
	return r;
}

/* A process that dies in a payment. */
static void
die(void)
{
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		struct crash_record *r = open_record();

		crash_record_plugin(r, "zvt", "0.3", "4be1");
		if (watch_start(crash_record_life(r), WATCH_LIMIT_MS) == 0)
			(void)watch_enter(CRASH_SUBMIT, LANED_REQ_PAY);
		(void)raise(
			SIGKILL); /* no note: what it was doing is there all the same */
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

static char text[4096];

static const char *
written(const struct report *r)
{
	struct json_out *o = json_out_new(sizeof(text) - 1);
	struct str s;

	json_open_object(o, NULL);
	report_write(r, o);
	json_close(o);
	ck_assert_int_eq(json_out_text(o, &s), 0);
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	json_out_free(o);
	return text;
}

static unsigned notes;
static char last_method[32];

static void
on_send(void *ctx, const char *method, struct json_out *params)
{
	(void)params;
	notes++;
	(void)snprintf(last_method, sizeof(last_method), "%s", method);
	ck_assert_ptr_eq(ctx, &notes);
}

static struct report *
new_report(struct loop *l, const struct crash_record *record)
{
	static struct report_options o;
	struct report *r = NULL;

	o = (struct report_options){ .loop = l,
				     .record = record,
				     .name = "pay",
				     .environment = "test",
				     .fd = -1 };
	ck_assert_int_eq(report_new(&o, &r), 0);
	return r;
}

START_TEST(a_death_is_told_with_all_that_names_it)
{
	struct crash_record *record;
	struct report *r;
	struct loop *l = NULL;

	tempdir_make(dir);
	ck_assert_int_eq(loop_new(&l), 0);
	die();
	die();
	record = open_record();
	r = new_report(l, record);
	report_set_state(r, "waiting", "it died: killed in submit pay");
	(void)written(r);
	ck_assert_ptr_nonnull(strstr(text,
				     "\"name\":\"pay\",\"environment\":\"test\","
				     "\"state\":\"waiting\",\"why\":\"it died: killed "
				     "in submit pay\",\"bypass\":false,\"crash\":{"
				     "\"plugin\":\"zvt\",\"version\":\"0.3\","
				     "\"build_id\":\"4be1\",\"how\":\"killed\","
				     "\"doing\":\"submit pay\",\"at_ms\":"));
	ck_assert_ptr_nonnull(strstr(text, "\"deaths\":2}"));
	report_free(r);
	crash_record_close(record);
	loop_free(l);
	tempdir_remove(dir);
}
END_TEST

START_TEST(without_a_death_nothing_is_reproached)
{
	struct crash_record *record;
	struct report *r;
	struct loop *l = NULL;

	tempdir_make(dir);
	ck_assert_int_eq(loop_new(&l), 0);
	record = open_record();
	r = new_report(l, record);
	ck_assert_ptr_null(strstr(written(r), "crash"));
	report_free(r);
	crash_record_close(record);
	loop_free(l);
	tempdir_remove(dir);
}
END_TEST

START_TEST(each_change_is_told_over_the_way_there_is)
{
	struct crash_record *record;
	struct report *r;
	struct loop *l = NULL;
	char why[400];

	tempdir_make(dir);
	ck_assert_int_eq(loop_new(&l), 0);
	record = open_record();
	r = new_report(l, record);
	report_set_state(r, "waiting", NULL); /* nobody hears it */
	report_set_way(r, on_send, &notes);
	report_set_state(r, "loaded", "");
	ck_assert_uint_eq(notes, 1);
	ck_assert_str_eq(last_method, "adapter.report");
	memset(why, 'x', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	report_set_bypass(r, true, why);
	ck_assert_uint_eq(notes, 2);
	(void)written(r);
	ck_assert_ptr_nonnull(strstr(text, "\"bypass\":true,\"bypass_why\":\"xxx"));
	ck_assert_uint_lt(strlen(text), 300 + REPORT_WHY_BYTES);
	report_set_bypass(r, false, NULL);
	ck_assert_ptr_nonnull(strstr(written(r), "\"bypass\":false}"));
	report_set_way(r, NULL, NULL); /* no socket either: told to nobody, and no harm */
	report_set_state(r, "unloadable", "gone");
	ck_assert_uint_eq(notes, 3);
	report_free(r);
	crash_record_close(record);
	loop_free(l);
	tempdir_remove(dir);
}
END_TEST

UNIT_MAIN("report", a_death_is_told_with_all_that_names_it,
	  without_a_death_nothing_is_reproached,
	  each_change_is_told_over_the_way_there_is)
