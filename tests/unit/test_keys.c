#include "base/keys.h"

#include "base/plain/str.h"

#include "tempdir.h"
#include "unit.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[TEMPDIR_BYTES];

static int
load(const char *text, struct conf **ret_conf)
{
	tempdir_write(dir, "laned.conf", text, strlen(text));
	return keys_load(tempdir_path(dir, "laned.conf"), ret_conf);
}

START_TEST(every_key_has_help_and_a_default_that_is_valid)
{
	struct conf *conf = NULL;

	tempdir_make(dir);
	for (size_t i = 0; i < keys_count; i++) {
		ck_assert_ptr_nonnull(keys_table[i].help);
		ck_assert_uint_gt(strlen(keys_table[i].help), 10);
		ck_assert_ptr_nonnull(keys_table[i].def);
		for (size_t k = 0; k < i; k++)
			ck_assert_msg(strcmp(keys_table[i].section,
					     keys_table[k].section) != 0 ||
					      strcmp(keys_table[i].name,
						     keys_table[k].name) != 0,
				      "[%s] %s is there twice", keys_table[i].section,
				      keys_table[i].name);
	}
	/* With nothing set but the instances, everything has its default. */
	ck_assert_int_eq(load("[reader:a]\n[adapter:b]\n", &conf), 0);
	ck_assert_str_eq(conf_str(conf, "reader:a", "driver"), "file");
	ck_assert_str_eq(conf_str(conf, "privacy", "profile"), "unset");
	ck_assert_str_eq(conf_str(conf, "lane", "environment"), "test");
	ck_assert_int_eq(conf_int(conf, "payment", "touch_limit"), 5000);
	ck_assert_int_eq(conf_int(conf, "payment", "sending_max"), 60000);
	ck_assert_int_eq(conf_int(conf, "bio", "fpir"), 1000000);
	conf_free(conf);
	tempdir_remove(dir);
}
END_TEST

START_TEST(wrong_values_are_refused)
{
	static const char *const texts[] = {
		"[lane]\nname = 123456789012345678901234567890123\n",
		"[lane]\nenvironment = production\n",
		"[lane]\nenvironment = TEST\n",
		"[lane]\nbusiness_day_start = 1440\n",
		"[lane]\nbusiness_day_start = -1\n",
		"[lane]\nnaem = x\n",
		"[lnae]\nname = x\n",
		"[paths]\nrun = relative\n",
		"[log]\nlevel = loud\n",
		"[privacy]\nprofile = bipa\n",
		"[bio]\nreferences_max = many\n",
		"[bio]\nfpir = 0\n",
		"[bio]\nfpir = 0.2\n",
		"[bio]\nenrol_fingers = 5\n",
		"[payment]\ntouch_limit = 50,00\n",
		"[payment]\ntouch_limit = -1\n",
		"[payment]\nsending_max = 0\n",
		"[payment]\nsending_max = 60 parsecs\n",
		"[reader:a]\ndriver = ouija\n",
		"[reader:a]\ndpi = 1201\n",
		"[adapter:a]\nseccomp = maybe\n",
		"[adapter:]\nplugin = x\n",
		"name = x\n",
	};
	struct conf *conf = NULL;

	tempdir_make(dir);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(load(texts[i], &conf) == -EBADMSG, "%s", texts[i]);
	ck_assert_ptr_null(conf);
	tempdir_remove(dir);
}
END_TEST

/* What each profile refuses, and the loosest that it takes. */
static const struct {
	const char *profile, *loose, *right;
} maxima[] = {
	{ "us_strict", "[privacy]\nsensor = always\n", "[privacy]\nsensor = claim\n" },
	{ "us_tx", "[privacy]\nsensor = always\n", "[privacy]\nsensor = auto\n" },
	{ "eu", "[privacy]\nsensor = always\n", "[privacy]\nsensor = claim\n" },
	{ "us_strict", "[privacy]\nsensor_max = 121s\n",
	  "[privacy]\nsensor_max = 2min\n" },
	{ "us_tx", "[privacy]\nsensor_max = 10min\n", "[privacy]\nsensor_max = 1s\n" },
	{ "eu", "[privacy]\nsensor_max = 61s\n", "[privacy]\nsensor_max = 60s\n" },
	{ "us_strict", "[bio]\nverify_fmr = 2e-3\n", "[bio]\nverify_fmr = 1e-3\n" },
	{ "us_tx", "[bio]\nverify_fmr = 2e-3\n", "[bio]\nverify_fmr = 1e-3\n" },
	{ "eu", "[bio]\nverify_fmr = 1e-3\n", "[bio]\nverify_fmr = 1e-4\n" },
	{ "us_other", "[bio]\nverify_fmr = 2e-2\n", "[bio]\nverify_fmr = 1e-2\n" },
	{ "us_other", "[bio]\nfpir = 2e-2\n", "[bio]\nfpir = 1e-2\n" },
};

START_TEST(a_value_looser_than_the_profile_allows_is_refused)
{
	char text[200];

	tempdir_make(dir);
	for (size_t i = 0; i < sizeof(maxima) / sizeof(maxima[0]); i++) {
		struct conf *conf = NULL;

		for (int right = 0; right < 2; right++) {
			(void)snprintf(text, sizeof(text), "[privacy]\nprofile = %s\n%s",
				       maxima[i].profile,
				       right ? maxima[i].right : maxima[i].loose);
			ck_assert_msg(load(text, &conf) == (right ? 0 : -EBADMSG), "%s",
				      text);
			ck_assert((conf != NULL) == right);
		}
		conf_free(conf);
		/* What another law forbids is no error where none is named. */
		ck_assert_int_eq(load(maxima[i].loose, &conf), 0);
		conf_free(conf);
	}
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_time_zone_that_the_machine_has_not_is_an_error_of_its_line)
{
	static const struct {
		const char *text;
		uint32_t line; /* 0: it is right */
	} rows[] = {
		{ "[lane]\nname = x\n", 0 },
		{ "[lane]\ntimezone = Europe/Tallinn\n", 0 },
		{ "[lane]\ntimezone = Europe/Tallin\n", 2 },
		{ "[lane]\nname = x\ntimezone = ../../../etc/passwd\n", 3 },
	};
	struct conf_errors *errors = calloc(1, sizeof(*errors));

	tempdir_make(dir);
	ck_assert_ptr_nonnull(errors);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *conf = NULL;

		memset(errors, 0, sizeof(*errors));
		/* The lane itself sells on without it. */
		ck_assert_int_eq(load(rows[i].text, &conf), 0);
		ck_assert_int_eq(keys_check_zone(conf, errors),
				 rows[i].line == 0 ? 0 : -EBADMSG);
		ck_assert_uint_eq(errors->total, rows[i].line == 0 ? 0 : 1);
		ck_assert_uint_eq(errors->list[0].line, rows[i].line);
		conf_free(conf);
	}
	free(errors);
	tempdir_remove(dir);
}
END_TEST

START_TEST(the_claim_comes_first_where_the_profile_or_the_lane_wants_it)
{
	static const struct {
		const char *text;
		bool first;
	} rows[] = {
		{ "profile = us_strict\n", true },
		{ "profile = us_tx\n", true },
		{ "profile = eu\n", true },
		{ "profile = us_other\n", false },
		{ "profile = us_other\nsensor = always\n", false },
		{ "profile = us_other\nsensor = claim\n", true },
		{ "profile = none\n", false },
	};
	char text[200];

	tempdir_make(dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *conf = NULL;

		(void)snprintf(text, sizeof(text), "[privacy]\n%s", rows[i].text);
		ck_assert_int_eq(load(text, &conf), 0);
		ck_assert_msg(keys_claim_first(conf) == rows[i].first, "%s", text);
		conf_free(conf);
	}
	tempdir_remove(dir);
}
END_TEST

START_TEST(an_adapter_takes_any_option_of_its_plugin)
{
	struct conf *conf = NULL;

	tempdir_make(dir);
	ck_assert_int_eq(load("[adapter:drop]\nin = /a\nwhatever = 1\n", &conf), 0);
	ck_assert_str_eq(conf_instance(conf, "adapter:*", 0), "drop");
	conf_free(conf);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_missing_file_is_an_error)
{
	struct conf *conf = NULL;

	ck_assert_int_eq(keys_load("/nonexistent/laned.conf", &conf), -ENOENT);
	ck_assert_ptr_null(conf);
}
END_TEST

START_TEST(the_paths_come_from_option_environment_and_default)
{
	static const struct {
		const char *given, *env_file, *env_dir, *file,
			*dir; /* NULL: the default */
	} rows[] = {
		{ NULL, NULL, NULL, NULL, NULL }, { "/a", NULL, NULL, "/a", "" },
		{ "/a", "/b", NULL, "/a", "" },   { "/a", "/b", "/c", "/a", "/c" },
		{ NULL, "/b", NULL, "/b", "" },   { NULL, "/b", "/c", "/b", "/c" },
		{ NULL, NULL, "/c", NULL, "/c" },
	};
	char file[KEYS_PATH_BYTES], folder[KEYS_PATH_BYTES];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(unsetenv("LANED_CONF"), 0);
		ck_assert_int_eq(unsetenv("LANED_CONF_DIR"), 0);
		if (rows[i].env_file != NULL)
			ck_assert_int_eq(setenv("LANED_CONF", rows[i].env_file, 1), 0);
		if (rows[i].env_dir != NULL)
			ck_assert_int_eq(setenv("LANED_CONF_DIR", rows[i].env_dir, 1), 0);
		keys_paths(rows[i].given, file, folder);
		if (rows[i].file != NULL)
			ck_assert_str_eq(file, rows[i].file);
		else
			ck_assert_ptr_nonnull(strstr(file, "/laned.conf"));
		if (rows[i].dir != NULL)
			ck_assert_str_eq(folder, rows[i].dir);
		else
			ck_assert_ptr_nonnull(strstr(folder, "/conf.d"));
	}
}
END_TEST

START_TEST(a_path_that_is_too_long_is_no_path)
{
	char longest[KEYS_PATH_BYTES + 10], file[KEYS_PATH_BYTES],
		folder[KEYS_PATH_BYTES];
	struct conf *conf = NULL;

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	keys_paths(longest, file, folder);
	ck_assert_str_eq(file, "");
	ck_assert_int_lt(keys_load(longest, &conf), 0);
	ck_assert_ptr_null(conf);
}
END_TEST

static void
count_meaningless(void *ctx, const char *origin, const char *section, const char *key,
		  const char *driver)
{
	char(*found)[256] = ctx;
	size_t n = strlen(*found);

	ck_assert_ptr_nonnull(strstr(origin, "laned.conf:"));
	(void)snprintf(*found + n, sizeof(*found) - n, "%s %s %s;", section, key, driver);
}

START_TEST(a_key_that_the_driver_does_not_look_at_is_told)
{
	static const struct {
		const char *text, *told;
	} rows[] = {
		{ "[reader:a]\nfolder = /x\n", "" }, /* file is the default */
		{ "[reader:a]\ndriver = usb\nport = 1-4\nserial = x\ndpi = 500\n", "" },
		{ "[reader:a]\ndriver = zfm\ndevice = /d\nbaud = 9600\ninvert = yes\n",
		  "" },
		{ "[reader:a]\ndriver = usb\nfolder = /x\n", "reader:a folder usb;" },
		{ "[reader:a]\nport = 1-4\n[reader:b]\ndriver = usb\naddress = "
		  "ffffffff\n",
		  "reader:a port file;reader:b address usb;" },
		{ "[reader:a]\ndriver = zfm\nserial = x\nfolder = /x\n",
		  "reader:a folder zfm;reader:a serial zfm;" },
		{ "[reader:a]\nrotate = no\n", "reader:a rotate file;" },
		{ "[adapter:drop]\nfolder = /x\n", "" },
	};
	struct conf *conf = NULL;

	tempdir_make(dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char found[256] = "";

		ck_assert_int_eq(load(rows[i].text, &conf), 0);
		keys_meaningless(conf, count_meaningless, &found);
		ck_assert_str_eq(found, rows[i].told);
		conf = conf_free(conf);
	}
	tempdir_remove(dir);
}
END_TEST

UNIT_MAIN("keys", a_key_that_the_driver_does_not_look_at_is_told,
	  every_key_has_help_and_a_default_that_is_valid, wrong_values_are_refused,
	  a_value_looser_than_the_profile_allows_is_refused,
	  a_time_zone_that_the_machine_has_not_is_an_error_of_its_line,
	  the_claim_comes_first_where_the_profile_or_the_lane_wants_it,
	  an_adapter_takes_any_option_of_its_plugin, a_missing_file_is_an_error,
	  the_paths_come_from_option_environment_and_default,
	  a_path_that_is_too_long_is_no_path)
