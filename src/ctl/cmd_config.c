/* config check and show: without laned. */
#include "ctl/ctl.h"

#include "base/keys.h"

#include <stdlib.h>
#include <string.h>

static void
print_error(const struct conf_error *e, struct json_out *o)
{
	if (o == NULL) {
		conf_error_print(e, stdout);
		return;
	}
	json_open_object(o, NULL);
	json_cstr(o, "file", e->file);
	json_int(o, "line", e->line);
	json_cstr(o, "key", e->key);
	json_cstr(o, "what", e->what);
	json_close(o);
}

static void
put_warning(void *ctx, const char *origin, const char *section, const char *key,
	    const char *driver)
{
	json_open_object(ctx, NULL);
	json_cstr(ctx, "origin", origin);
	json_cstr(ctx, "section", section);
	json_cstr(ctx, "key", key);
	json_cstr(ctx, "driver", driver);
	json_close(ctx);
}

/* conf: NULL when there are errors. */
static int
print_errors(struct ctl *c, const struct conf_errors *errors, const struct conf *conf)
{
	struct json_out *o = NULL;
	struct str text;

	if (c->json) {
		o = ctl_params(c);
		if (o == NULL)
			return ctl_fail(CTL_INTERNAL, "out of memory");
		json_int(o, "errors_total", errors->total);
		json_open_array(o, "errors");
	}
	for (uint32_t i = 0; i < errors->count; i++)
		print_error(&errors->list[i], o);
	if (o == NULL) {
		if (errors->total > errors->count)
			printf("... and %u more\n",
			       (unsigned)(errors->total - errors->count));
		if (conf != NULL)
			keys_meaningless(conf, keys_print_meaningless, stdout);
		return CTL_OK;
	}
	json_close(o);
	json_open_array(o, "warnings");
	if (conf != NULL)
		keys_meaningless(conf, put_warning, o);
	json_close(o);
	json_close(o);
	if (json_out_text(o, &text) < 0)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	printf("%s\n", text.p);
	return CTL_OK;
}

static int
run_check(struct ctl *c, int argc, char **argv)
{
	struct conf_errors *errors;
	char file[KEYS_PATH_BYTES], dir[KEYS_PATH_BYTES];
	struct conf *conf = NULL;
	int rc;

	(void)argv;
	if (argc != 0)
		return ctl_fail(CTL_USAGE, "usage: lanectl config check");
	errors = calloc(1, sizeof(*errors));
	if (errors == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	keys_paths(c->conf_file, file, dir);
	rc = conf_load(keys_table, keys_count, file, dir[0] == '\0' ? NULL : dir, errors,
		       &conf);
	if (rc == 0)
		rc = keys_check_profile(conf, errors);
	if (rc == 0)
		rc = keys_check_zone(conf, errors);
	if (rc == 0 || errors->total > 0) {
		int printed = print_errors(c, errors, conf);

		if (rc == 0 && !c->json)
			printf("%s: fine\n", file);
		rc = printed != CTL_OK ? printed : (rc == 0 ? CTL_OK : CTL_CONFIG);
	} else {
		rc = ctl_fail(CTL_CONFIG, "%s: %s", file, strerror(-rc));
	}
	conf_free(conf);
	free(errors);
	return rc;
}

static void
show_key(void *ctx, const struct conf_key *key, const char *section, const char *value,
	 const char *origin)
{
	struct json_out *o = ctx;

	if (o == NULL) {
		printf("[%s] %s = %s    (%s)\n", section, key->name, value, origin);
		return;
	}
	json_open_object(o, NULL);
	json_cstr(o, "section", section);
	json_cstr(o, "key", key->name);
	json_cstr(o, "value", value);
	json_cstr(o, "origin", origin);
	json_close(o);
}

static int
run_show(struct ctl *c, int argc, char **argv)
{
	struct json_out *o;
	struct str text;
	int rc;

	(void)argv;
	if (argc != 0)
		return ctl_fail(CTL_USAGE, "usage: lanectl config show");
	rc = ctl_conf(c);
	if (rc != 0)
		return rc;
	if (!c->json) {
		conf_each(c->conf, show_key, NULL);
		return CTL_OK;
	}
	o = ctl_params(c);
	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	json_open_array(o, "keys");
	conf_each(c->conf, show_key, o);
	json_close(o);
	json_close(o);
	if (json_out_text(o, &text) < 0)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	printf("%s\n", text.p);
	return CTL_OK;
}

const struct ctl_command ctl_config_commands[] = {
	{ "config check", "", "check the configuration files", run_check },
	{ "config show", "", "every key, its value and where it comes from", run_show },
	{ NULL, NULL, NULL, NULL },
};
