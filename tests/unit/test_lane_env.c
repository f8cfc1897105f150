/* From the configuration to the core: the defaults of the design, and each key where it belongs. */
#include "lane/lane_env.h"

#include "base/keys.h"

#include "tempdir.h"
#include "unit.h"

#include <stddef.h>

static struct lane_env
fresh(void)
{
	struct lane_env e;

	memset(&e, 0, sizeof(e));
	e.payment = (struct payment_rules)PAYMENT_RULES_DEFAULT;
	return e;
}

static struct conf *
conf_of(const char *text)
{
	char dir[TEMPDIR_BYTES];
	struct conf *conf = NULL;

	tempdir_make(dir);
	tempdir_write(dir, "laned.conf", text, strlen(text));
	ck_assert_int_eq(keys_load(tempdir_path(dir, "laned.conf"), &conf), 0);
	tempdir_remove(dir);
	return conf;
}

/* The figures of the design, spelt out: a default may not drift with its constant. */
START_TEST(without_a_configuration_the_design_s_defaults_hold)
{
	struct conf *conf = conf_of("");
	struct lane_env e = fresh();

	lane_env_read(conf, conf, &e);
	ck_assert_int_eq(e.payment.sending_ms, 60000);
	ck_assert_int_eq(e.payment.query_first_ms, 5000);
	ck_assert_int_eq(e.payment.query_max_ms, 60000);
	ck_assert_int_eq(e.payment.unknown_max_ms, 15 * 60000);
	ck_assert_int_eq(e.payment.not_taken_ms, 120000);
	ck_assert_uint_eq(e.payment.undo_alarm_tries, 10);
	ck_assert_int_eq(e.payment.undo_alarm_ms, 15 * 60000);
	ck_assert_int_eq(e.limits.idle_checkout_ms, 30 * 60000);
	ck_assert_int_eq(e.limits.check_in_ms, 60000);
	ck_assert_int_eq(e.limits.touch_checkout_minor, 5000);
	ck_assert_int_eq(e.limits.touch_day_minor, 10000);
	ck_assert_int_eq(conf_int(conf, "payment", "journal_keep"),
			 INT64_C(400) * 24 * 3600 * 1000);
	ck_assert(!e.price_pos);
	conf_free(conf);
}
END_TEST

/* Those of the tests of the core are the same. */
START_TEST(the_core_s_own_defaults_are_those_of_the_configuration)
{
	static const struct payment_rules rules = PAYMENT_RULES_DEFAULT;
	static const struct lane_limits limits = LANE_LIMITS_DEFAULT;
	struct conf *conf = conf_of("");
	struct lane_env e = fresh();

	lane_env_read(conf, conf, &e);
	ck_assert_int_eq(e.payment.sending_ms, rules.sending_ms);
	ck_assert_int_eq(e.payment.query_first_ms, rules.query_first_ms);
	ck_assert_int_eq(e.payment.query_max_ms, rules.query_max_ms);
	ck_assert_int_eq(e.payment.unknown_max_ms, rules.unknown_max_ms);
	ck_assert_int_eq(e.payment.not_taken_ms, rules.not_taken_ms);
	ck_assert_int_eq(e.payment.undo_alarm_ms, rules.undo_alarm_ms);
	ck_assert_uint_eq(e.payment.undo_alarm_tries, rules.undo_alarm_tries);
	ck_assert_int_eq(e.limits.touch_checkout_minor, limits.touch_checkout_minor);
	ck_assert_int_eq(e.limits.touch_day_minor, limits.touch_day_minor);
	ck_assert_int_eq(e.limits.check_in_ms, limits.check_in_ms);
	ck_assert_int_eq(e.limits.idle_checkout_ms, limits.idle_checkout_ms);
	ck_assert_int_eq(e.limits.tender_wait_ms, limits.tender_wait_ms);
	ck_assert_int_eq(e.limits.sensor_ms, limits.sensor_ms);
	conf_free(conf);
}
END_TEST

/* Every key has a value of its own, so that none can stand for another. */
static const struct {
	const char *section, *key, *text;
	size_t offset;
	int64_t want;
	bool narrow; /* uint32_t */
} keys[] = {
#define AT(member) offsetof(struct lane_env, member)
	{ "payment", "sending_max", "71s", AT(payment.sending_ms), 71000, false },
	{ "payment", "query_first", "3s", AT(payment.query_first_ms), 3000, false },
	{ "payment", "query_max", "72s", AT(payment.query_max_ms), 72000, false },
	{ "payment", "unknown_max", "73s", AT(payment.unknown_max_ms), 73000, false },
	{ "payment", "approved_max", "74s", AT(payment.not_taken_ms), 74000, false },
	{ "payment", "undo_alarm", "75s", AT(payment.undo_alarm_ms), 75000, false },
	{ "payment", "undo_alarm_tries", "7", AT(payment.undo_alarm_tries), 7, true },
	{ "payment", "touch_limit", "12.34", AT(limits.touch_checkout_minor), 1234,
	  false },
	{ "payment", "touch_day_limit", "56.78", AT(limits.touch_day_minor), 5678,
	  false },
	{ "payment", "tender_wait", "76s", AT(limits.tender_wait_ms), 76000, false },
	{ "checkout", "idle_max", "77s", AT(limits.idle_checkout_ms), 77000, false },
	{ "checkout", "checkin_max", "78s", AT(limits.check_in_ms), 78000, false },
	{ "privacy", "sensor_max", "79s", AT(limits.sensor_ms), 79000, false },
	{ "pricing", "nodes_max", "123456", AT(budget.nodes_max), 123456, false },
#undef AT
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

static int64_t
value_at(const struct lane_env *e, size_t i)
{
	const char *at = (const char *)e + keys[i].offset;
	uint32_t narrow;
	int64_t wide;

	memcpy(&narrow, at, sizeof(narrow));
	memcpy(&wide, at, sizeof(wide));
	return keys[i].narrow ? narrow : wide;
}

/* Each is within its range: the core must not refuse what laned -t has let pass. */
START_TEST(a_first_question_later_than_the_longest_wait_is_no_obstacle)
{
	struct conf *conf = conf_of("[payment]\nquery_first = 120s\n");
	struct lane_core *core = NULL;
	struct lane_env e = fresh();

	lane_env_read(conf, conf, &e);
	ck_assert_int_eq(e.payment.query_first_ms, 120000);
	ck_assert_int_eq(e.payment.query_max_ms, 120000);
	memcpy(e.currency, "EUR", 4);
	ck_assert_int_eq(lane_core_new(&e, &core), 0);
	lane_core_free(core);
	conf_free(conf);
}
END_TEST

START_TEST(each_key_changes_its_own_figure_and_no_other)
{
	struct conf *plain = conf_of("");
	struct lane_env before = fresh();

	lane_env_read(plain, plain, &before);
	for (size_t i = 0; i < KEYS; i++) {
		char text[128];
		struct conf *conf;
		struct lane_env e = fresh();

		(void)snprintf(text, sizeof(text), "[%s]\n%s = %s\n", keys[i].section,
			       keys[i].key, keys[i].text); /* short */
		conf = conf_of(text);
		lane_env_read(conf, conf, &e);
		for (size_t k = 0; k < KEYS; k++)
			ck_assert_msg(value_at(&e, k) == (k == i ? keys[i].want
								 : value_at(&before, k)),
				      "[%s] %s at %s", keys[i].section, keys[i].key,
				      keys[k].key);
		conf_free(conf);
	}
	conf_free(plain);
}
END_TEST

START_TEST(a_reload_changes_what_it_may_and_keeps_what_the_adapter_told)
{
	struct conf *start = conf_of("[pricing]\nprice = pos\n");
	struct conf *live = conf_of("[pricing]\nprice = ours\n[payment]\n"
				    "sending_max = 5s\n[privacy]\nsensor_max = 5s\n");
	struct lane_env e = fresh();

	e.payment.can_query = false;
	e.payment.partial_ok = true;
	e.can_pay = e.two_phase = true;
	lane_env_read(live, start, &e);
	ck_assert_int_eq(e.payment.sending_ms, 5000);
	ck_assert(e.price_pos); /* a restart changes it */
	ck_assert_int_eq(e.limits.sensor_ms, 60000);
	ck_assert(!e.payment.can_query && e.payment.partial_ok);
	ck_assert(e.can_pay && e.two_phase);
	conf_free(live);
	conf_free(start);
}
END_TEST

/* There is no stand-in for a processor that cannot be reached, and no key for one: floor limit 0. */
START_TEST(no_key_sets_a_floor_limit)
{
	for (size_t i = 0; i < keys_count; i++)
		ck_assert_ptr_null(strstr(keys_table[i].name, "floor"));
}
END_TEST

UNIT_MAIN("lane_env", without_a_configuration_the_design_s_defaults_hold,
	  the_core_s_own_defaults_are_those_of_the_configuration,
	  each_key_changes_its_own_figure_and_no_other,
	  a_first_question_later_than_the_longest_wait_is_no_obstacle,
	  a_reload_changes_what_it_may_and_keeps_what_the_adapter_told,
	  no_key_sets_a_floor_limit)
