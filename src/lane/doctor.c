/* lane.doctor: what is wrong with this lane, and what to do about it. */
#include "lane/lane_private.h"

#include "base/clock.h"

#include <pwd.h>
#include <stdio.h>
#include <sys/statvfs.h>

#define DISK_FREE_MIN (UINT64_C(64) << 20)

void
doctor_put(struct json_out *o, const char *name, enum health h, const char *text,
	   const char *advice)
{
	static const char *const words[] = { "ok", "warn", "fail" };

	json_open_object(o, NULL);
	json_cstr(o, "name", name);
	json_cstr(o, "state", words[h]);
	json_cstr(o, "text", text);
	if (h != HEALTH_OK && advice != NULL)
		json_cstr(o, "advice", advice);
	json_close(o);
}

static void
check_bio(struct lane *l, struct json_out *o)
{
	if (l->bio.peer == NULL)
		doctor_put(
			o, "biometrics", HEALTH_WARN, "laned-bio is not connected",
			"systemctl status laned-bio; is [privacy] profile set? Members "
			"use card, phone or QR meanwhile");
	else
		doctor_put(o, "biometrics", HEALTH_OK, "laned-bio is connected", NULL);
}

static void
check_adapters(struct lane *l, struct json_out *o)
{
	char text[128];

	if (l->adapters_count == 0)
		doctor_put(o, "adapter", HEALTH_FAIL, "no adapter is configured",
			   "add a section [adapter:drop]; see docs/adapters.md");
	for (size_t i = 0; i < l->adapters_count; i++) {
		const struct adapter_link *a = &l->adapters[i];

		(void)snprintf(text, sizeof(text), "adapter %s is %sconnected", a->name,
			       a->greeted ? "" : "not "); /* names are short */
		doctor_put(
			o, "adapter", a->greeted ? HEALTH_OK : HEALTH_FAIL, text,
			"systemctl status 'laned-adapter@*'; the POS goes on without us");
		adapter_report_doctor(a, o);
	}
}

static void
check_databases(struct lane *l, struct json_out *o)
{
	doctor_put(o, "cache", l->cache_note[0] == '\0' ? HEALTH_OK : HEALTH_WARN,
		   l->cache_note[0] == '\0' ? "cache.db is open" : l->cache_note,
		   "import members and offers again");
	if (l->journal != NULL && l->journal_behind[0] != '\0')
		doctor_put(o, "journal", HEALTH_FAIL, l->journal_behind,
			   "reconcile each day since with the processor's settlement "
			   "(lanectl payments reconcile), give back by hand what is not "
			   "here; then remove journal.anchor from the state folder and "
			   "restart laned");
	else if (l->journal != NULL)
		doctor_put(o, "journal", HEALTH_OK, "journal.db is open", NULL);
	else
		doctor_put(o, "journal", HEALTH_FAIL, l->journal_note,
			   "token payment is off; free the disk or restore journal.db "
			   "from the "
			   "backup, then restart laned");
	if (l->rules == NULL)
		doctor_put(o, "offers", HEALTH_WARN, "no offers are loaded",
			   "lanectl offers import FILE");
	else
		doctor_put(o, "offers", HEALTH_OK, "offers are loaded", NULL);
}

static int
count_key(void *ctx, const struct receipts_key *k)
{
	(void)k;
	++*(unsigned *)ctx;
	return 0;
}

/* The keys by which receipts' codes are made and believed. */
static void
check_receipts(struct lane *l, struct json_out *o)
{
	char why[RECEIPTS_WHY_BYTES] = "", text[64];
	unsigned keys = 0;

	if (l->receipts == NULL) {
		doctor_put(o, "receipts", HEALTH_FAIL, l->receipts_note,
			   "no receipt codes and no returns by them meanwhile; put the "
			   "file right and restart laned");
		return;
	}
	(void)receipts_keys(l->receipts, count_key, &keys, why); /* why says it */
	(void)snprintf(text, sizeof(text), "receipts of %u keys are believed", keys);
	if (why[0] != '\0')
		doctor_put(o, "receipts", HEALTH_WARN, why,
			   "put the line right: what stands behind it is not read");
	else
		doctor_put(o, "receipts", HEALTH_OK, text, NULL);
}

static void
check_clock(struct lane *l, struct json_out *o)
{
	const char *zone = conf_str(l->conf, "lane", "timezone");
	int32_t offset_s;

	if (clock_zone_offset(zone, 0, &offset_s) < 0)
		doctor_put(o, "time zone", HEALTH_FAIL,
			   "[lane] timezone is none of this machine's: UTC is used, for "
			   "the business day, too",
			   "put a name below /usr/share/zoneinfo, or install tzdata; "
			   "then restart laned");
	if (l->clock_doubted)
		doctor_put(o, "clock", HEALTH_FAIL, clock_watch_text(l->clock.doubt),
			   clock_watch_cure(l->clock.doubt));
	else if (!clock_is_synchronised())
		doctor_put(o, "clock", HEALTH_WARN, "the clock is not synchronised",
			   "start systemd-timesyncd or chrony");
	else
		doctor_put(o, "clock", HEALTH_OK, "the clock is synchronised", NULL);
}

static void
check_place(struct lane *l, struct json_out *o)
{
	struct statvfs s;

	if (l->identity.matches)
		doctor_put(o, "identity", HEALTH_OK,
			   "this is the machine it was set up on", NULL);
	else
		doctor_put(
			o, "identity", HEALTH_FAIL, l->identity.why,
			"provision this lane anew: remove the identity file of its state "
			"folder and journal.db");
	if (statvfs(conf_str(l->conf, "paths", "state"), &s) == 0 &&
	    (uint64_t)s.f_bavail * s.f_frsize < DISK_FREE_MIN)
		doctor_put(
			o, "disk", HEALTH_WARN, "less than 64 MiB are free",
			"free some space: new token payments stop when the disk is full");
	else
		doctor_put(o, "disk", HEALTH_OK, "there is room on the disk", NULL);
	if (getpwnam("laned-bio") == NULL)
		doctor_put(o, "protection", HEALTH_WARN,
			   "started by hand: all programs run under one user",
			   "fine for a trial; install the package for a real lane");
	else
		doctor_put(o, "protection", HEALTH_OK, "each program has its own user",
			   NULL);
}

void
doctor_write(struct lane *l, struct json_out *o, const struct value *bio)
{
	json_open_array(o, "checks");
	check_bio(l, o);
	doctor_readers(l, o, bio);
	check_adapters(l, o);
	check_databases(l, o);
	check_receipts(l, o);
	check_clock(l, o);
	check_place(l, o);
	json_close(o);
}
