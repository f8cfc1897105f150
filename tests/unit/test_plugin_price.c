/* `laned -t`: a price of ours is refused where no adapter of the lane can carry a saving to the POS. */
#include "base/plugin_options.h"

#include "base/keys.h"

#include "tempdir.h"
#include "unit.h"

#include <errno.h>

#define ADAPTERS_MAX 2u

/* What the adapters of a lane can do ("" is not installed), and what is said of each mode. */
static const struct {
	const char *caps[ADAPTERS_MAX]; /* NULL: no more of them */
	const char *enabled[ADAPTERS_MAX];
	int ours, pos;
} lanes[] = {
	{ { "\"basket-live\",\"discount-lines\"" }, { "yes" }, 0, 0 },
	{ { "\"basket-at-tender\",\"discount-amount\"" }, { "yes" }, 0, 0 },
	{ { "\"total\",\"coupon-out\"" }, { "yes" }, 0, 0 },
	{ { "\"total\",\"claim\"" }, { "yes" }, -EBADMSG, 0 },
	{ { "\"basket-live\",\"member-out\"" }, { "yes" }, -EBADMSG, 0 },
	{ { "\"basket-at-tender\",\"pay\"" }, { "yes" }, -EBADMSG, 0 },
	{ { "\"pay\",\"query\"" }, { "yes" }, 0, 0 }, /* no basket, no saving */
	{ { "\"total\"", "\"pay\",\"discount-lines\"" }, { "yes", "yes" }, 0, 0 },
	{ { "\"total\"", "\"pay\",\"discount-lines\"" }, { "yes", "no" }, -EBADMSG, 0 },
	{ { "\"discount-lines\"", "\"total\"" }, { "no", "yes" }, -EBADMSG, 0 },
	{ { "\"total\"" }, { "no" }, 0, 0 },
	{ { "\"total\"", "" }, { "yes", "yes" }, 0, 0 }, /* that one may */
	{ { NULL }, { NULL }, 0, 0 },
};

static int
check(const char *dir, size_t lane, const char *price)
{
	static const char *const names[ADAPTERS_MAX] = { "one", "two" };
	char text[1024], options[256], file[TEMPDIR_PATH_BYTES];
	struct conf *conf = NULL;
	struct strbuf b;
	int rc;

	strbuf_init(&b, text, sizeof(text));
	strbuf_addf(&b, "[paths]\nadapters = %s\n", dir);
	if (price != NULL)
		strbuf_addf(&b, "[pricing]\nprice = %s\n", price);
	for (size_t i = 0; i < ADAPTERS_MAX && lanes[lane].caps[i] != NULL; i++) {
		char path[64];

		strbuf_addf(&b, "[adapter:%s]\nenabled = %s\n", names[i],
			    lanes[lane].enabled[i]);
		if (lanes[lane].caps[i][0] == '\0')
			continue;
		(void)snprintf(path, sizeof(path), "%s.options.json",
			       names[i]); /* short */
		(void)snprintf(options, sizeof(options),
			       "{\"v\":1,\"caps\":[%s],\"options\":[]}",
			       lanes[lane].caps[i]); /* as above */
		tempdir_write(dir, path, options, strlen(options));
	}
	ck_assert(!b.truncated);
	tempdir_write(dir, "laned.conf", text, strlen(text));
	(void)snprintf(file, sizeof(file), "%s",
		       tempdir_path(dir, "laned.conf")); /* as above */
	ck_assert_int_eq(keys_load(file, &conf), 0);
	rc = plugin_options_check(conf, file);
	conf_free(conf);
	return rc;
}

START_TEST(a_price_of_ours_wants_an_adapter_that_carries_it)
{
	for (size_t i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++) {
		static const char *const prices[] = { NULL, "ours", "pos" };

		for (size_t k = 0; k < 3; k++) {
			char dir[TEMPDIR_BYTES];

			tempdir_make(dir);
			ck_assert_msg(check(dir, i, prices[k]) ==
					      (k == 2 ? lanes[i].pos : lanes[i].ours),
				      "lane %zu, price %s", i,
				      prices[k] == NULL ? "not set" : prices[k]);
			tempdir_remove(dir);
		}
	}
}
END_TEST

UNIT_MAIN("plugin_price", a_price_of_ours_wants_an_adapter_that_carries_it)
