#include "report_items.h"

#include <stdio.h>

enum verdict
item_verdict(const struct measured *m, double limit)
{
	if (!m->known)
		return m->too_few ? CANNOT_BE_SHOWN : NOT_MEASURED;
	if (m->value > limit)
		return NOT_MET;
	if (!m->bounded)
		return MET;
	if (m->high <= limit)
		return MET_SURELY;
	return m->least > limit ? CANNOT_BE_SHOWN : MET;
}

const char *
verdict_name(enum verdict v)
{
	static const char *const names[] = {
		[NOT_MEASURED] = "not measured",       [NOT_MET] = "NOT MET",
		[CANNOT_BE_SHOWN] = "cannot be shown", [MET] = "met",
		[MET_SURELY] = "met, bound too",
	};

	return names[v];
}

struct measured
measured_rate(double rate, struct bounds b, double least)
{
	return (struct measured){ .known = true,
				  .value = 100.0 * rate,
				  .bounded = true,
				  .low = 100.0 * b.low,
				  .high = 100.0 * b.high,
				  .least = 100.0 * least };
}

struct measured
measured_figure(const struct figures *f, const char *key)
{
	struct measured m = { 0 };

	m.known = figures_get(f, key, &m.value);
	return m;
}

struct measured
measured_touches(const struct figures *f, const char *key)
{
	char name[FIGURES_TEXT_MAX];
	static const char *const parts[] = { "errors", "trials", "low", "high" };
	double v[4];

	for (int i = 0; i < 4; i++) {
		(void)snprintf(name, sizeof(name), "%s.%s", key, parts[i]); /* fits */
		if (!figures_get(f, name, &v[i]))
			return (struct measured){ 0 };
	}
	if (v[1] <= 0)
		return (struct measured){ 0 };
	return measured_rate(v[0] / v[1], (struct bounds){ v[2], v[3] },
			     bounds_least(v[1]));
}
