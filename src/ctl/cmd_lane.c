/* status, doctor, watch and the cashier's keys. */
#include "ctl/ctl.h"

#include <string.h>

static int
wrong_usage(const char *what)
{
	return ctl_fail(CTL_USAGE, "usage: lanectl %s", what);
}

static const struct {
	const char *message, *text;
} told[] = {
	{ "clean-the-glass", "clean the glass of the reader" },
	{ "finger-rests", "something lies on the reader; take it away" },
	{ "no-reader", "no reader is configured: card or number" },
	{ "reader-absent", "the reader is not there: card or number" },
	{ "reader-faulty", "the reader does not work: card or number" },
	{ "bio-away", "laned-bio is away: card or number" },
};

/* What E4 asks of the shopper. */
static void
print_ask(const struct value *v)
{
	const struct value *list = NULL;

	if (value_get_array(v, "ask", &list) < 0)
		return;
	printf("            shopper is asked for: ");
	for (const struct value *m = list->first; m != NULL; m = m->next)
		if (m->kind == VALUE_STRING)
			printf("%s%s", m == list->first ? "" : ", or ",
			       str_is(m->s, "other-finger") ? "a touch by another finger"
			       : str_is(m->s, "digits") ? "the last digits of the phone"
							: m->s.p);
	printf("\n");
}

/* A message for the cashier, in words; one that is not known here as it is. */
static void
print_told(const char *message)
{
	const char *text = message;

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (strcmp(message, told[i].message) == 0)
			text = told[i].text;
	printf("            cashier: %s\n", text);
}

static void
print_cashier(const struct value *v)
{
	const struct value *list = NULL;

	if (value_member(v, "reason") != NULL)
		printf("            shopper is told: %s\n", ctl_text(v, "reason"));
	print_ask(v);
	if (value_member(v, "service") != NULL)
		print_told(ctl_text(v, "service"));
	if (value_get_array(v, "cashier", &list) < 0)
		return;
	for (const struct value *m = list->first; m != NULL; m = m->next)
		if (m->kind == VALUE_STRING)
			print_told(m->s.p);
}

static void
print_checkout(const struct value *v)
{
	const char *currency = ctl_text(v, "currency");

	printf("checkout    %s (%s, member %s)%s\n", ctl_text(v, "phase"),
	       ctl_text(v, "row"), ctl_text(v, "member_state"),
	       ctl_bool(v, "training") ? "  TRAINING" : "");
	if (ctl_int(v, "lines") > 0)
		printf("            ticket %s, %lld lines, total %s, saving %s\n",
		       ctl_text(v, "ticket"), (long long)ctl_int(v, "lines"),
		       ctl_money(v, "total", currency), ctl_money(v, "saving", currency));
	ctl_print_price(v);
	print_cashier(v);
}

static void
print_gallery(const struct value *gallery)
{
	printf("            %lld subjects, %lld references",
	       (long long)ctl_int(gallery, "subjects"),
	       (long long)ctl_int(gallery, "references"));
	if (ctl_int(gallery, "foreign") > 0)
		printf(" (%lld of another system)",
		       (long long)ctl_int(gallery, "foreign"));
	if (ctl_bool(gallery, "limited"))
		printf(" of %lld (MEMORY LIMIT: a claim is wanted)",
		       (long long)ctl_int(gallery, "stored"));
	else if (!ctl_bool(gallery, "searchable"))
		printf(" of %lld (loading)", (long long)ctl_int(gallery, "stored"));
	if (ctl_int(gallery, "damaged") > 0)
		printf(", %lld cannot be opened", (long long)ctl_int(gallery, "damaged"));
	printf("\n");
}

static void
print_bio(const struct value *bio)
{
	const struct value *state = NULL, *readers = NULL, *gallery = NULL;

	printf("laned-bio   %s\n",
	       ctl_bool(bio, "connected") ? "connected" : "NOT CONNECTED");
	if (value_get_object(bio, "state", &state) < 0)
		return;
	if (value_get_object(state, "gallery", &gallery) == 0)
		print_gallery(gallery);
	if (value_get_array(state, "readers", &readers) == 0)
		for (const struct value *r = readers->first; r != NULL; r = r->next)
			printf("            reader %s (%s): %s since %s, %lld "
			       "captures%s%s\n",
			       ctl_text(r, "name"), ctl_text(r, "driver"),
			       ctl_text(r, "state"), ctl_text(r, "since"),
			       (long long)ctl_int(r, "captures"),
			       value_member(r, "hint") == NULL ? "" : ", ",
			       value_member(r, "hint") == NULL ? ""
							       : ctl_text(r, "hint"));
}

static void
print_crash(const struct value *c)
{
	printf("            plug-in %s %s (build %s) died: %s in %s, %s; %lld deaths "
	       "known\n",
	       ctl_text(c, "plugin"), ctl_text(c, "version"), ctl_text(c, "build_id"),
	       ctl_text(c, value_member(c, "signal") == NULL ? "how" : "signal"),
	       ctl_text(c, "doing"), ctl_text(c, "at"), (long long)ctl_int(c, "deaths"));
}

static void
print_adapter(const struct value *a)
{
	const struct value *crash = NULL, *odd = NULL;

	printf("adapter     %s (%s): %s%s%s\n", ctl_text(a, "name"),
	       ctl_text(a, "plugin"),
	       ctl_bool(a, "connected") ? "connected" : "NOT CONNECTED",
	       ctl_bool(a, "payer") ? ", charges tokens" : "",
	       ctl_bool(a, "terminal") ? ", the POS asks through it" : "");
	if (ctl_bool(a, "bypass"))
		printf("            BYPASSED: %s\n", ctl_text(a, "bypass_why"));
	if (!ctl_bool(a, "connected") && value_member(a, "plugin_state") != NULL)
		printf("            plug-in not loaded (%s): %s\n",
		       ctl_text(a, "plugin_state"), ctl_text(a, "why"));
	if (value_get_object(a, "crash", &crash) == 0)
		print_crash(crash);
	if (value_get_object(a, "odd", &odd) == 0)
		printf("            plug-in %s %s MISBEHAVES: %s, %s\n",
		       ctl_text(odd, "plugin"), ctl_text(odd, "version"),
		       ctl_text(odd, "what"), ctl_text(odd, "at"));
}

static void
print_status(const struct value *v)
{
	const struct value *part = NULL;

	printf("lane        %s of %s, environment %s, laned %s\n", ctl_text(v, "lane"),
	       ctl_text(v, "store"), ctl_text(v, "environment"), ctl_text(v, "version"));
	if (!ctl_bool(v, "protected"))
		printf("            unprotected: started by hand, one user for all "
		       "programs\n");
	if (value_get_object(v, "checkout", &part) == 0)
		print_checkout(part);
	if (value_get_object(v, "bio", &part) == 0)
		print_bio(part);
	if (value_get_array(v, "adapters", &part) == 0)
		for (const struct value *a = part->first; a != NULL; a = a->next)
			print_adapter(a);
	if (value_get_object(v, "cache", &part) == 0)
		printf("cache       %lld members, %lld offers\n",
		       (long long)ctl_int(part, "members"),
		       (long long)ctl_int(part, "offers"));
	if (value_get_object(v, "journal", &part) == 0) {
		printf("journal     %s, %lld checkouts, %lld payments, %lld of them "
		       "open\n",
		       ctl_bool(part, "open") ? "open" : "NOT OPEN",
		       (long long)ctl_int(part, "checkouts"),
		       (long long)ctl_int(part, "payments"),
		       (long long)ctl_int(part, "payments_open"));
		if (value_member(part, "behind") != NULL)
			printf("            WENT BACK: %s\n", ctl_text(part, "behind"));
	}
}

static int
run_status(struct ctl *c, int argc, char **argv)
{
	const struct value *v = NULL;
	int rc;

	(void)argv;
	if (argc != 0)
		return wrong_usage("status");
	rc = ctl_ask(c, "lane.status", NULL, &v);
	if (rc != 0)
		return rc;
	if (c->json)
		return ctl_print_json(c, v);
	print_status(v);
	return CTL_OK;
}

static int
run_doctor(struct ctl *c, int argc, char **argv)
{
	const struct value *v = NULL, *checks = NULL;
	bool failed = false;
	int rc;

	(void)argv;
	if (argc != 0)
		return wrong_usage("doctor");
	rc = ctl_ask(c, "lane.doctor", NULL, &v);
	if (rc != 0)
		return rc;
	if (value_get_array(v, "checks", &checks) < 0)
		return ctl_fail(CTL_INTERNAL, "laned's answer has no checks");
	for (const struct value *k = checks->first; k != NULL; k = k->next)
		failed = failed || strcmp(ctl_text(k, "state"), "fail") == 0;
	if (c->json) {
		rc = ctl_print_json(c, v);
		return rc != 0 ? rc : (failed ? CTL_NO : CTL_OK);
	}
	for (const struct value *k = checks->first; k != NULL; k = k->next) {
		printf("%-5s %-12s %s\n", ctl_text(k, "state"), ctl_text(k, "name"),
		       ctl_text(k, "text"));
		if (value_member(k, "advice") != NULL)
			printf("                   -> %s\n", ctl_text(k, "advice"));
	}
	return failed ? CTL_NO : CTL_OK;
}

/* A method without parameters and without an answer worth printing. */
static int
simple(struct ctl *c, const char *method)
{
	const struct value *v = NULL;
	int rc = ctl_ask(c, method, NULL, &v);

	if (rc == 0 && c->json)
		return ctl_print_json(c, v);
	return rc;
}

static void
print_names(const struct value *v, const char *name, const char *what)
{
	const struct value *list = NULL;

	if (value_get_array(v, name, &list) < 0)
		return;
	for (const struct value *e = list->first; e != NULL; e = e->next)
		printf("%.*s %s\n", (int)e->s.n, e->s.p, what);
}

static int
run_reload(struct ctl *c, int argc, char **argv)
{
	const struct value *v = NULL;
	int rc;

	(void)argv;
	if (argc != 0)
		return wrong_usage("reload");
	rc = ctl_ask(c, "lane.reload", NULL, &v);
	if (rc != 0)
		return rc;
	if (c->json)
		return ctl_print_json(c, v);
	print_names(v, "changed", "changed");
	print_names(v, "restart", "changed; restart laned for it");
	return CTL_OK;
}

static int
run_other_tender(struct ctl *c, int argc, char **argv)
{
	(void)argv;
	return argc != 0 ? wrong_usage("other-tender") : simple(c, "lane.other_tender");
}

static int
run_remove_member(struct ctl *c, int argc, char **argv)
{
	(void)argv;
	return argc != 0 ? wrong_usage("remove-member") : simple(c, "lane.remove_member");
}

static int
run_training(struct ctl *c, int argc, char **argv)
{
	const struct value *v = NULL;
	struct json_out *o;
	bool on;
	int rc;

	if (argc != 1 || (strcmp(argv[0], "on") != 0 && strcmp(argv[0], "off") != 0))
		return wrong_usage("training on|off");
	on = strcmp(argv[0], "on") == 0;
	o = ctl_params(c);
	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	json_bool(o, "on", on);
	rc = ctl_ask(c, "lane.training", o, &v);
	if (rc == 0 && c->json)
		return ctl_print_json(c, v);
	return rc;
}

static void
on_changed(void *ctx, const char *method, const struct value *params)
{
	struct ctl *c = ctx;

	if (strcmp(method, "lane.changed") != 0)
		return;
	if (c->json)
		(void)ctl_print_json(c, params); /* a closed terminal ends us by itself */
	else
		print_checkout(params);
	(void)fflush(stdout);
}

static bool
never(void *ctx)
{
	(void)ctx;
	return ferror(stdout) != 0;
}

static int
run_watch(struct ctl *c, int argc, char **argv)
{
	const struct value *v = NULL;
	int rc;

	(void)argv;
	if (argc != 0)
		return wrong_usage("watch");
	c->on_notify = on_changed;
	c->notify_ctx = c;
	rc = ctl_ask(c, "lane.watch", NULL, &v);
	return rc != 0 ? rc : ctl_wait(c, never);
}

const struct ctl_command ctl_lane_commands[] = {
	{ "status", "", "the state of the lane", run_status },
	{ "doctor", "", "what is wrong, and what to do about it", run_doctor },
	{ "watch", "", "the checkout, at every change", run_watch },
	{ "reload", "", "read the configuration again", run_reload },
	{ "other-tender", "", "the cashier takes another tender", run_other_tender },
	{ "remove-member", "", "\"not you?\": the checkout goes on without the member",
	  run_remove_member },
	{ "training", "on|off", "nothing is sent, counted or kept", run_training },
	{ NULL, NULL, NULL, NULL },
};
