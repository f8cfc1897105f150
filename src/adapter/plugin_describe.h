#ifndef LANED_ADAPTER_PLUGIN_DESCRIBE_H
#define LANED_ADAPTER_PLUGIN_DESCRIBE_H

#include "base/json.h"
#include "laned/adapter.h"

/* The word of an option's type ("dir"), or NULL; back: 0 or -EINVAL. */
const char *plugin_option_type_name(uint32_t type);
int plugin_option_type_parse(struct str name, uint32_t *ret_type);

/* Writes the names of the capability bits as elements of the open array. */
void plugin_caps_write(struct json_out *o, uint64_t caps);

/* Writes what NAME.options.json holds: the table of an adapter as JSON. */
void plugin_describe(struct json_out *o, const struct laned_adapter *a);

#endif
