/* checkouts and payments, as the journal has them. */
#include "ctl/ctl.h"

#include <string.h>

/* The common options of lists. 0 or an exit code; *ret_o is the open parameters. */
static int
list_params(struct ctl *c, int *argc, char **argv, struct json_out **ret_o)
{
	const char *limit = ctl_option(argc, argv, "--limit");
	const char *after = ctl_option(argc, argv, "--after");
	struct json_out *o = ctl_params(c);
	int64_t n;

	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	if (limit != NULL) {
		if (str_to_i64(str_of(limit), &n) < 0)
			return ctl_fail(CTL_USAGE, "--limit: a number is wanted");
		json_int(o, "limit", n);
	}
	if (after != NULL)
		json_cstr(o, "after", after);
	*ret_o = o;
	return 0;
}

static void
print_checkout(const struct value *v)
{
	const char *currency = ctl_text(v, "currency");

	printf("%s  %s  %-10s ticket %-10s total %12s  saving %10s  paid %12s\n",
	       ctl_text(v, "checkout"), ctl_text(v, "opened"), ctl_text(v, "phase"),
	       ctl_text(v, "ticket"), ctl_money(v, "total", currency),
	       ctl_money(v, "saving", currency), ctl_money(v, "paid", currency));
}

static void
print_payment(const struct value *v)
{
	bool refund = strcmp(ctl_text(v, "kind"), "refund") == 0;
	char state[32];

	(void)snprintf(state, sizeof(state), "%s%s",
		       refund && strcmp(ctl_text(v, "state"), "refunded") != 0 ? "refund "
									       : "",
		       ctl_text(v, "state")); /* fits: they are our words */
	printf("%s  %-14s ticket %-10s %12s  since %s%s", ctl_text(v, "key"), state,
	       ctl_text(v, "ticket"), ctl_money(v, "amount", ctl_text(v, "currency")),
	       ctl_text(v, "since"), ctl_bool(v, "alarm") ? "  ALARM" : "");
	if (refund)
		printf("  of payment %s", value_member(v, "original") != NULL
						  ? ctl_text(v, "original")
						  : ctl_text(v, "original_ref"));
	if (value_member(v, "asked_by") != NULL)
		printf("  asked by %s%s", ctl_text(v, "asked_by"),
		       ctl_bool(v, "passed") ? ", passed to the terminal" : "");
	(void)putchar('\n'); /* a closed pipe shows at the end */
}

static void
print_each(const struct value *v, const char *name, void (*print)(const struct value *v))
{
	const struct value *list = NULL;

	if (value_get_array(v, name, &list) == 0)
		for (const struct value *e = list->first; e != NULL; e = e->next)
			print(e);
}

static int
run_checkouts_list(struct ctl *c, int argc, char **argv)
{
	const struct value *v = NULL;
	struct json_out *o = NULL;
	int rc = list_params(c, &argc, argv, &o);

	if (rc == 0 && argc != 0)
		rc = ctl_fail(CTL_USAGE,
			      "usage: lanectl checkouts list [--limit N] [--after ID]");
	if (rc == 0)
		rc = ctl_ask(c, "checkout.list", o, &v);
	if (rc != 0)
		return rc;
	if (c->json)
		return ctl_print_json(c, v);
	print_each(v, "checkouts", print_checkout);
	return CTL_OK;
}

static void
print_line(const struct value *v)
{
	printf("  line %-4lld %-14s %-24s %8.3f  amount %lld",
	       (long long)ctl_int(v, "line"), ctl_text(v, "code"), ctl_text(v, "text"),
	       (double)ctl_int(v, "qty_milli") / 1000.0, (long long)ctl_int(v, "amount"));
	if (value_member(v, "net") != NULL && ctl_int(v, "net") != ctl_int(v, "amount"))
		printf("  net %lld", (long long)ctl_int(v, "net"));
	printf("%s\n", ctl_bool(v, "void") ? "  void" : "");
}

static void
print_time(const struct value *v)
{
	printf("  %s  %s%s%s\n", ctl_text(v, "time"), ctl_text(v, "what"),
	       value_member(v, "text") != NULL ? ": " : "",
	       value_member(v, "text") != NULL ? ctl_text(v, "text") : "");
}

/* The codes to print again, for a shopper whose receipt is lost. */
static void
print_receipt(const struct value *v)
{
	const struct value *list = NULL;

	if (value_get_array(v, "receipt", &list) == 0)
		for (const struct value *e = list->first; e != NULL; e = e->next)
			printf("  receipt %.*s\n", (int)e->s.n, e->s.p);
}

static int
run_checkouts_show(struct ctl *c, int argc, char **argv)
{
	const struct value *v = NULL, *checkout = NULL;
	struct json_out *o;
	int rc;

	if (argc != 1)
		return ctl_fail(CTL_USAGE, "usage: lanectl checkouts show ID");
	o = ctl_params(c);
	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	json_cstr(o, "checkout", argv[0]);
	rc = ctl_ask(c, "checkout.show", o, &v);
	if (rc != 0)
		return rc;
	if (c->json)
		return ctl_print_json(c, v);
	if (value_get_object(v, "checkout", &checkout) == 0)
		print_checkout(checkout);
	print_each(v, "lines", print_line);
	print_each(v, "payments", print_payment);
	print_each(v, "timeline", print_time);
	print_receipt(v);
	return CTL_OK;
}

static int
run_payments(struct ctl *c, int argc, char **argv)
{
	bool open = ctl_flag(&argc, argv, "--open");
	const struct value *v = NULL;
	struct json_out *o = NULL;
	int rc = list_params(c, &argc, argv, &o);

	if (rc == 0 && argc != 0)
		rc = ctl_fail(CTL_USAGE, "usage: lanectl payments [--open] [--limit N]");
	if (rc != 0)
		return rc;
	if (open)
		json_bool(o, "open", true);
	rc = ctl_ask(c, "payment.list", o, &v);
	if (rc != 0)
		return rc;
	if (c->json)
		return ctl_print_json(c, v);
	print_each(v, "payments", print_payment);
	return CTL_OK;
}

const struct ctl_command ctl_record_commands[] = {
	{ "checkouts list", "[--limit N] [--after ID]", "the last checkouts",
	  run_checkouts_list },
	{ "checkouts show", "ID", "one checkout: lines, payments, timeline",
	  run_checkouts_show },
	{ "payments", "[--open] [--limit N]", "the last payments, or the open ones",
	  run_payments },
	{ NULL, NULL, NULL, NULL },
};
