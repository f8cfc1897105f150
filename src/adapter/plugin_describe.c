#include "adapter/plugin_describe.h"

#include <errno.h>

static const char *const type_names[] = {
	[LANED_OPT_STRING] = "string",     [LANED_OPT_INT] = "int",
	[LANED_OPT_BOOL] = "bool",         [LANED_OPT_ENUM] = "enum",
	[LANED_OPT_DURATION] = "duration", [LANED_OPT_DIR] = "dir",
	[LANED_OPT_ADDRESS] = "address",   [LANED_OPT_SECRET] = "secret",
};

#define TYPES (sizeof(type_names) / sizeof(type_names[0]))

static const struct {
	uint64_t bit;
	const char *name;
} caps_names[] = {
	{ LANED_CAP_BASKET_LIVE, "basket-live" },
	{ LANED_CAP_BASKET_AT_TENDER, "basket-at-tender" },
	{ LANED_CAP_TOTAL, "total" },
	{ LANED_CAP_MEMBER_OUT, "member-out" },
	{ LANED_CAP_COUPON_OUT, "coupon-out" },
	{ LANED_CAP_DISCOUNT_LINES, "discount-lines" },
	{ LANED_CAP_DISCOUNT_AMOUNT, "discount-amount" },
	{ LANED_CAP_PAY, "pay" },
	{ LANED_CAP_PARTIAL, "partial" },
	{ LANED_CAP_QUERY, "query" },
	{ LANED_CAP_CONFIRM, "confirm" },
	{ LANED_CAP_UNDO, "undo" },
	{ LANED_CAP_REFUND, "refund" },
	{ LANED_CAP_TERMINAL, "terminal" },
	{ LANED_CAP_PASS_THROUGH, "pass-through" },
	{ LANED_CAP_CLAIM, "claim" },
	{ LANED_CAP_TRAINING, "training" },
	{ LANED_CAP_PRINT, "print" },
	{ LANED_CAP_DISPLAY, "display" },
	{ LANED_CAP_RECEIPT, "receipt" },
};

const char *
plugin_option_type_name(uint32_t type)
{
	return type < TYPES ? type_names[type] : NULL;
}

int
plugin_option_type_parse(struct str name, uint32_t *ret_type)
{
	for (uint32_t i = LANED_OPT_STRING; i < TYPES; i++) {
		if (!str_is(name, type_names[i]))
			continue;
		*ret_type = i;
		return 0;
	}
	return -EINVAL;
}

void
plugin_caps_write(struct json_out *o, uint64_t caps)
{
	for (size_t i = 0; i < sizeof(caps_names) / sizeof(caps_names[0]); i++)
		if ((caps & caps_names[i].bit) != 0)
			json_cstr(o, NULL, caps_names[i].name);
}

static void
describe_option(struct json_out *o, const struct laned_option *row)
{
	json_open_object(o, NULL);
	json_cstr(o, "name", row->name);
	json_cstr(o, "type", plugin_option_type_name(row->type));
	if (row->def != NULL)
		json_cstr(o, "def", row->def);
	if (row->choices != NULL)
		json_cstr(o, "choices", row->choices);
	json_int(o, "min", row->min);
	json_int(o, "max", row->max);
	json_cstr(o, "help", row->help);
	json_close(o);
}

void
plugin_describe(struct json_out *o, const struct laned_adapter *a)
{
	json_open_object(o, NULL);
	json_int(o, "v", 1);
	json_cstr(o, "name", a->name);
	json_cstr(o, "version", a->version);
	json_int(o, "abi_major", a->abi_major);
	json_int(o, "abi_minor", a->abi_minor);
	json_cstr(o, "license", a->license);
	json_cstr(o, "protocol", a->protocol);
	json_cstr(o, "evidence", a->evidence);
	json_open_array(o, "caps");
	plugin_caps_write(o, a->caps);
	json_close(o);
	json_open_array(o, "options");
	for (uint32_t i = 0; i < a->options_count; i++)
		describe_option(o, &a->options[i]);
	json_close(o);
	json_close(o);
}
