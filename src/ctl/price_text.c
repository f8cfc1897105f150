/* The price of the running checkout for people: lanectl status and watch. */
#include "ctl/ctl.h"

#include <string.h>

static void
print_quantity(const struct value *l)
{
	long long qty = (long long)ctl_int(l, "qty_milli");

	if (ctl_bool(l, "weighed") || qty % 1000 != 0)
		printf("%lld.%03lld", qty / 1000, qty % 1000);
	else
		printf("%lld", qty / 1000);
}

static void
print_line(const struct value *l, const char *currency)
{
	const struct value *list = NULL;

	printf("            %3lld  ", (long long)ctl_int(l, "line"));
	print_quantity(l);
	printf(" x %s  %s%s\n", ctl_text(l, "text"), ctl_money(l, "net", currency),
	       ctl_bool(l, "void") ? "  VOID" : "");
	if (value_get_array(l, "discounts", &list) < 0)
		return;
	for (const struct value *d = list->first; d != NULL; d = d->next)
		printf("                 -%s  %s\n", ctl_money(d, "amount", currency),
		       ctl_text(d, "text"));
}

static void
print_hint(const struct value *v, const char *currency)
{
	const struct value *hint = NULL;

	if (value_get_object(v, "hint", &hint) < 0)
		return;
	printf("            1 more of line %lld: %s, it comes cheaper by %s\n",
	       (long long)ctl_int(hint, "line"), ctl_text(hint, "text"),
	       ctl_money(hint, "saving", currency));
}

static void
print_points(const struct value *v, const char *currency)
{
	const struct value *points = NULL;

	if (value_get_object(v, "points", &points) < 0)
		return;
	printf("            points: %lld, this basket earns %lld",
	       (long long)ctl_int(points, "balance"),
	       (long long)ctl_int(points, "earned"));
	if (ctl_int(points, "could_burn") > 0)
		printf("; %lld of them could pay %s",
		       (long long)ctl_int(points, "could_burn"),
		       ctl_money(points, "worth", currency));
	printf("\n");
}

void
ctl_print_price(const struct value *v)
{
	const char *currency = ctl_text(v, "currency");
	const struct value *basket = NULL;

	if (ctl_int(v, "lines") == 0)
		return;
	if (value_get_array(v, "basket", &basket) == 0)
		for (const struct value *l = basket->first; l != NULL; l = l->next)
			print_line(l, currency);
	if (ctl_int(v, "member_saving") > 0)
		printf("            membership saves %s of it\n",
		       ctl_money(v, "member_saving", currency));
	if (ctl_int(v, "join_saving") > 0)
		printf("            joining now would save %s\n",
		       ctl_money(v, "join_saving", currency));
	if (value_member(v, "optimal") != NULL && !ctl_bool(v, "optimal"))
		printf("            not proven: nothing is cheaper by more than %s\n",
		       ctl_money(v, "gap", currency));
	print_points(v, currency);
	print_hint(v, currency);
}
