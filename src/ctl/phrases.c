#include "ctl/phrases.h"

#include <string.h>

static const struct phrases languages[] = {
	{
		.language = "en",
		.to_pay = "To pay: {} {}",
		.saved = " instead of {}: {} saved",
		.nothing_saved = ". No offer takes anything off",
		.proven = "No other combination of these offers is cheaper: proven.",
		.not_proven =
			"The best one found in the time given; another one could be "
			"cheaper by {} at most.",
		.by_membership = "{} of the saving is there because the shopper is a "
				 "member.",
		.applied = "Applied",
		.not_applied = "Not applied",
		.almost = "Almost",
		.off = "{} off",
		.times = ", applied {} times",
		.units = "{} of line {} ({}): {} off",
		.weighed = "{} kg of line {} ({}): {} off",
		.one_more = "one more of line {} ({}) saves {}",
		.points = "{} points",
		.earned = "The member earns {} points.",
		.burn = "{} of the member's points can pay {} of it.",
		.why_scope = "nothing in the basket is meant by it",
		.why_member = "for members only",
		.why_saving = "it would take nothing off",
		.why_beaten = "other offers together make this basket cheaper",
		.why_condition = "its condition is not met",
		.why_group = "the member is not in its group",
		.why_coupon = "its coupon was not presented",
		.why_time = "it is not valid at this time",
		.why_place = "it is not valid in this store or at this lane",
		.why_limit = "it is used up",
		.all_goods = "all goods",
		.excluding = "without",
		.not_reduced = "nothing reduced already",
		.at_least_units = "from {} units on",
		.at_least_spend = "from {} on",
		.over_spend = "over {}",
		.from = "from {}",
		.to = "to {}",
		.stores = "in store {}",
		.lanes = "at lane {}",
		.members = "members",
		.first_purchase = "first purchase",
		.groups = "members of {}",
		.coupon = "with coupon {}",
		.per_basket = "{} times a basket",
		.per_member = "{} times a member",
		.per_day = "{} times a member and day",
		.total = "{} times in all",
		.budget = "{} in all",
		.contains = "together with {}",
		.days = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" },
	},
	{
		.language = "de",
		.to_pay = "Zu zahlen: {} {}",
		.saved = " statt {}: {} gespart",
		.nothing_saved = ". Kein Angebot macht es billiger",
		.proven =
			"Keine andere Verbindung dieser Angebote ist billiger: bewiesen.",
		.not_proven = "Das Beste, was in der Zeit zu finden war; etwas anderes "
			      "w\xc3\xa4re h\xc3\xb6"
			      "chstens {} billiger.",
		.by_membership = "{} davon gespart, weil der Kunde Mitglied ist.",
		.applied = "Angewendet",
		.not_applied = "Nicht angewendet",
		.almost = "Beinahe",
		.off = "{} weniger",
		.times = ", {}-mal",
		.units = "{} von Zeile {} ({}): {} weniger",
		.weighed = "{} kg von Zeile {} ({}): {} weniger",
		.one_more = "eins mehr von Zeile {} ({}) spart {}",
		.points = "{} Punkte",
		.earned = "Das Mitglied bekommt {} Punkte.",
		.burn = "{} Punkte des Mitglieds k\xc3\xb6nnen {} davon bezahlen.",
		.why_scope = "nichts im Korb ist gemeint",
		.why_member = "nur f\xc3\xbcr Mitglieder",
		.why_saving = "es w\xc3\xa4re nicht billiger",
		.why_beaten = "andere Angebote zusammen machen diesen Korb billiger",
		.why_condition = "die Bedingung ist nicht erf\xc3\xbcllt",
		.why_group = "das Mitglied ist nicht in der Gruppe",
		.why_coupon = "der Gutschein wurde nicht vorgelegt",
		.why_time = "zu dieser Zeit nicht g\xc3\xbcltig",
		.why_place = "in diesem Markt oder an dieser Kasse nicht g\xc3\xbcltig",
		.why_limit = "aufgebraucht",
		.all_goods = "alle Waren",
		.excluding = "ohne",
		.not_reduced = "nichts schon Reduziertes",
		.at_least_units = "ab {} St\xc3\xbc"
				  "ck",
		.at_least_spend = "ab {}",
		.over_spend = "\xc3\xbc"
			      "ber {}",
		.from = "ab {}",
		.to = "bis {}",
		.stores = "im Markt {}",
		.lanes = "an Kasse {}",
		.members = "Mitglieder",
		.first_purchase = "erster Einkauf",
		.groups = "Mitglieder von {}",
		.coupon = "mit Gutschein {}",
		.per_basket = "{}-mal je Korb",
		.per_member = "{}-mal je Mitglied",
		.per_day = "{}-mal je Mitglied und Tag",
		.total = "{}-mal insgesamt",
		.budget = "{} insgesamt",
		.contains = "zusammen mit {}",
		.days = { "Mo", "Di", "Mi", "Do", "Fr", "Sa", "So" },
	},
};

const struct phrases *
phrases_of(struct str language)
{
	for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++) {
		const char *name = languages[i].language;
		size_t n = strlen(name);

		if (language.n >= n && memcmp(language.p, name, n) == 0 &&
		    (language.n == n || language.p[n] == '-'))
			return &languages[i];
	}
	return &languages[0];
}

void
phrase_put(struct strbuf *b, const char *phrase, const char *const *values)
{
	const char *hole;

	while ((hole = strstr(phrase, "{}")) != NULL) {
		strbuf_add(b, (struct str){ phrase, (size_t)(hole - phrase) });
		strbuf_add(b, str_of(*values++));
		phrase = hole + 2;
	}
	strbuf_add(b, str_of(phrase));
}
