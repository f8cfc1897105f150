#include "lane/lane_env.h"

#include "base/keys.h"

#include <string.h>

/* Milliseconds and minor units are what the reader keeps of times and amounts. */
static void
read_payment(const struct conf *c, struct payment_rules *r)
{
	r->sending_ms = conf_int(c, "payment", "sending_max");
	r->query_first_ms = conf_int(c, "payment", "query_first");
	r->query_max_ms = conf_int(c, "payment", "query_max");
	if (r->query_max_ms < r->query_first_ms) /* each is within its own range */
		r->query_max_ms = r->query_first_ms;
	r->unknown_max_ms = conf_int(c, "payment", "unknown_max");
	r->not_taken_ms = conf_int(c, "payment", "approved_max");
	r->undo_alarm_ms = conf_int(c, "payment", "undo_alarm");
	r->undo_alarm_tries = (uint32_t)conf_int(c, "payment", "undo_alarm_tries");
}

void
lane_env_read(const struct conf *live, const struct conf *start, struct lane_env *e)
{
	e->limits = (struct lane_limits)LANE_LIMITS_DEFAULT;
	e->limits.touch_checkout_minor = conf_int(live, "payment", "touch_limit");
	e->limits.touch_day_minor = conf_int(live, "payment", "touch_day_limit");
	e->limits.tender_wait_ms = conf_int(live, "payment", "tender_wait");
	e->limits.check_in_ms = conf_int(live, "checkout", "checkin_max");
	e->limits.idle_checkout_ms = conf_int(live, "checkout", "idle_max");
	e->limits.sensor_ms = conf_int(start, "privacy", "sensor_max");
	read_payment(live, &e->payment);
	e->budget.nodes_max = (uint64_t)conf_int(live, "pricing", "nodes_max");
	e->claim_first = keys_claim_first(start);
	e->price_pos = strcmp(conf_str(start, "pricing", "price"), "pos") == 0;
}
