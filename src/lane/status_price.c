/* What the basket costs, line by line: a part of the checkout in lane.status and lane.changed. */
#include "lane/lane_private.h"

/* A message holds this many lines, the newest; all of them are in `lanectl checkouts show`. */
#define LINES_MAX 100u
#define DISCOUNTS_MAX 8u /* of one line */
#define RATES_MAX 16u

/* Lines of one tax rate. */
struct rate {
	uint32_t vat_bp;
	int64_t gross_minor, net_minor;
};

static void
put_hint(struct json_out *o, const struct lane_display *d)
{
	if (d->hint_rule[0] == '\0')
		return;
	json_open_object(o, "hint");
	json_cstr(o, "rule", d->hint_rule);
	json_cstr(o, "text", d->hint_text);
	json_int(o, "line", d->hint_line);
	json_int(o, "saving", d->hint_saving_minor);
	json_close(o);
}

static void
put_points(struct json_out *o, const struct lane_display *d)
{
	if (d->member != MEMBER_KNOWN)
		return;
	json_open_object(o, "points");
	json_int(o, "balance", d->points_balance);
	json_int(o, "earned", d->points_earned);
	if (d->burn_points > 0) {
		json_int(o, "could_burn", d->burn_points);
		json_int(o, "worth", d->burn_minor);
	}
	json_close(o);
}

static void
put_discounts(struct json_out *o, const struct lane_lines *all, uint32_t line)
{
	uint32_t put = 0;

	json_open_array(o, "discounts");
	for (uint32_t i = 0; i < all->discounts_count && put < DISCOUNTS_MAX; i++) {
		const struct lane_discount *d = &all->discounts[i];

		if (d->line != line)
			continue;
		json_open_object(o, NULL);
		json_str(o, "rule", d->rule);
		json_str(o, "text", d->text);
		json_int(o, "amount", d->amount_minor);
		json_close(o);
		put++;
	}
	json_close(o);
}

static void
put_line(struct json_out *o, const struct lane_lines *all, const struct basket_line *l)
{
	json_open_object(o, NULL);
	json_int(o, "line", l->line);
	json_cstr(o, "text", l->text[0] != '\0' ? l->text : l->code);
	json_int(o, "qty_milli", l->qty_milli);
	json_bool(o, "weighed", l->weighed);
	if (l->is_void)
		json_bool(o, "void", true);
	json_int(o, "amount", l->amount_minor);
	json_int(o, "net", l->net_minor);
	put_discounts(o, all, l->line);
	json_close(o);
}

/* Sums by tax rate, by ascending rate. */
static uint32_t
sum_rates(const struct lane_lines *all, struct rate rates[RATES_MAX])
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < all->count; i++) {
		const struct basket_line *l = &all->lines[i];
		uint32_t at = 0;

		if (l->is_void)
			continue;
		while (at < count && rates[at].vat_bp < l->vat_bp)
			at++;
		if (at < count && rates[at].vat_bp == l->vat_bp) {
			rates[at].gross_minor += l->amount_minor;
			rates[at].net_minor += l->net_minor;
			continue;
		}
		if (count == RATES_MAX)
			continue; /* no store has so many: the list says less, the total all */
		for (uint32_t k = count++; k > at; k--)
			rates[k] = rates[k - 1];
		rates[at] = (struct rate){ l->vat_bp, l->amount_minor, l->net_minor };
	}
	return count;
}

static void
put_rates(struct json_out *o, const struct lane_lines *all)
{
	struct rate rates[RATES_MAX];
	uint32_t count = sum_rates(all, rates);

	json_open_array(o, "rates");
	for (uint32_t i = 0; i < count; i++) {
		json_open_object(o, NULL);
		json_int(o, "vat_bp", rates[i].vat_bp);
		json_int(o, "gross", rates[i].gross_minor);
		json_int(o, "net", rates[i].net_minor);
		json_close(o);
	}
	json_close(o);
}

void
status_price(struct lane *l, struct json_out *o)
{
	const struct lane_display *d = lane_core_display(l->core);
	struct lane_lines all;

	lane_core_lines(l->core, &all);
	json_bool(o, "optimal", d->optimal);
	if (!d->optimal)
		json_int(o, "gap", d->gap_minor);
	json_int(o, "member_saving", d->member_saving_minor);
	if (d->join_saving_minor > 0)
		json_int(o, "join_saving", d->join_saving_minor);
	put_points(o, d);
	put_hint(o, d);
	put_rates(o, &all);
	json_open_array(o, "basket");
	for (uint32_t i = all.count > LINES_MAX ? all.count - LINES_MAX : 0;
	     i < all.count; i++)
		put_line(o, &all, &all.lines[i]);
	json_close(o);
}
