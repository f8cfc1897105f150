/* The types of configuration values. */
#include "base/conf_private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define WHAT_BYTES 256u
#define RATE_ONE INT64_C(1000000000)
/* Longer names are not compared. */
#define NAME_CHARS_MAX 32u

static const struct {
	const char *unit;
	int64_t ms;
} units[] = { { "ms", 1 },
	      { "s", 1000 },
	      { "min", 60 * 1000 },
	      { "h", 3600 * 1000 },
	      { "d", 24 * 3600 * 1000 } };

/* Splits off the leading decimal digits. */
static struct str
digits_take(struct str *s)
{
	struct str digits = { s->p, 0 };

	while (digits.n < s->n && s->p[digits.n] >= '0' && s->p[digits.n] <= '9')
		digits.n++;
	s->p += digits.n;
	s->n -= digits.n;
	return digits;
}

static bool
char_take(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	s->p++;
	s->n--;
	return true;
}

static int
parse_bool(struct str s, int64_t *ret_number)
{
	if (!str_is(s, "yes") && !str_is(s, "no"))
		return -EINVAL;
	*ret_number = str_is(s, "yes");
	return 0;
}

static int
parse_enum(const struct conf_key *key, struct str s, int64_t *ret_number)
{
	const char *p = key->choices;

	for (int64_t i = 0; s.n > 0; i++) {
		size_t n = strcspn(p, "|");

		if (str_eq(s, (struct str){ p, n })) {
			*ret_number = i;
			return 0;
		}
		if (p[n] == '\0')
			break;
		p += n + 1;
	}
	return -EINVAL;
}

static int
parse_duration(struct str s, int64_t *ret_number)
{
	struct str digits = digits_take(&s);
	int64_t n;
	int rc = str_to_i64(digits, &n);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!str_is(s, units[i].unit))
			continue;
		if (n > INT64_MAX / units[i].ms)
			return -ERANGE;
		*ret_number = n * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

static int
parse_money(struct str s, int64_t *ret_number)
{
	bool negative = char_take(&s, '-');
	struct str whole = digits_take(&s), cents = STR("00");
	int64_t units_part = 0, cents_part = 0;
	int rc;

	if (char_take(&s, '.')) {
		cents = digits_take(&s);
		if (cents.n != 2)
			return -EINVAL;
	}
	rc = s.n > 0 ? -EINVAL : str_to_i64(whole, &units_part);
	if (rc == 0)
		rc = str_to_i64(cents, &cents_part);
	if (rc < 0)
		return rc;
	if (units_part > INT64_MAX / 100 - 1)
		return -ERANGE;
	units_part = units_part * 100 + cents_part;
	*ret_number = negative ? -units_part : units_part;
	return 0;
}

/* Digits with scale decimal places as parts per 10^9, exactly. */
static int
rate_scale(int64_t digits, int64_t scale, int64_t *ret_number)
{
	for (; scale < 9 && digits != 0; scale++) {
		if (digits > INT64_MAX / 10)
			return -ERANGE;
		digits *= 10;
	}
	for (; scale > 9 && digits != 0; scale--) {
		if (digits % 10 != 0)
			return -ERANGE; /* finer than 1e-9 */
		digits /= 10;
	}
	*ret_number = digits;
	return 0;
}

static int
parse_rate(struct str s, int64_t *ret_number)
{
	struct str whole = digits_take(&s), fraction = STR("");
	int64_t digits = 0, exponent = 0;

	if (char_take(&s, '.'))
		fraction = digits_take(&s);
	if (whole.n == 0 || whole.n + fraction.n > 18)
		return -EINVAL;
	if (char_take(&s, 'e') || char_take(&s, 'E')) {
		if (s.n > 4 || str_to_i64(s, &exponent) < 0)
			return -EINVAL;
	} else if (s.n > 0) {
		return -EINVAL;
	}
	for (size_t i = 0; i < whole.n; i++)
		digits = digits * 10 + (whole.p[i] - '0');
	for (size_t i = 0; i < fraction.n; i++)
		digits = digits * 10 + (fraction.p[i] - '0');
	return rate_scale(digits, (int64_t)fraction.n - exponent, ret_number);
}

static int
parse_text(const struct conf_key *key, struct str s, int64_t *ret_number)
{
	bool empty_is_fine = s.n == 0 && key->min <= 0;

	if (key->type == CONF_PATH && !empty_is_fine && (s.n == 0 || s.p[0] != '/'))
		return -EINVAL;
	*ret_number = (int64_t)s.n;
	return 0;
}

static int
parse_type(const struct conf_key *key, struct str s, int64_t *ret_number)
{
	switch (key->type) {
	case CONF_STRING:
	case CONF_PATH:
		return parse_text(key, s, ret_number);
	case CONF_INT:
		return str_to_i64(s, ret_number);
	case CONF_BOOL:
		return parse_bool(s, ret_number);
	case CONF_ENUM:
		return parse_enum(key, s, ret_number);
	case CONF_MONEY:
		return parse_money(s, ret_number);
	case CONF_DURATION:
		return parse_duration(s, ret_number);
	case CONF_RATE:
		return parse_rate(s, ret_number);
	}
	return -EINVAL; /* the table's own mistake: its default fails, too, and asserts */
}

static bool
has_range(const struct conf_key *key)
{
	if (key->type == CONF_BOOL || key->type == CONF_ENUM)
		return false;
	return (key->type != CONF_STRING && key->type != CONF_PATH) || key->max > 0;
}

/* The longest unit that says ms without a rest. */
static void
add_duration(struct strbuf *b, int64_t ms)
{
	size_t i = sizeof(units) / sizeof(units[0]) - 1;

	while (i > 0 && (ms == 0 || ms % units[i].ms != 0))
		i--;
	strbuf_addf(b, "%" PRId64 "%s", ms / units[i].ms, units[i].unit);
}

static void
add_number(struct strbuf *b, const struct conf_key *key, int64_t n)
{
	uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	int places = 9;

	switch (key->type) {
	case CONF_DURATION:
		add_duration(b, n);
		break;
	case CONF_MONEY:
		strbuf_addf(b, "%s%" PRIu64 ".%02" PRIu64, n < 0 ? "-" : "", size / 100,
			    size % 100);
		break;
	case CONF_RATE:
		strbuf_addf(b, "%" PRIu64, size / RATE_ONE);
		size %= RATE_ONE;
		while (size > 0 && size % 10 == 0) {
			size /= 10;
			places--;
		}
		if (size > 0)
			strbuf_addf(b, ".%0*" PRIu64, places, size);
		break;
	case CONF_STRING:
	case CONF_PATH:
	case CONF_INT:
	case CONF_BOOL:
	case CONF_ENUM:
		strbuf_addf(b, "%" PRId64, n);
		break;
	}
}

static void
add_choices(struct strbuf *b, const char *choices)
{
	for (const char *p = choices;; p++) {
		size_t n = strcspn(p, "|");

		strbuf_add(b, (struct str){ p, n });
		p += n;
		if (*p == '\0')
			return;
		strbuf_add(b, STR(", "));
	}
}

void
conf_value_allowed(const struct conf_key *key, char *buf, size_t bytes)
{
	static const char *const forms[] = {
		[CONF_STRING] = "text",
		[CONF_INT] = "a whole number",
		[CONF_BOOL] = "yes or no",
		[CONF_ENUM] = "one of ",
		[CONF_PATH] = "an absolute path",
		[CONF_MONEY] = "an amount like 50.00",
		[CONF_DURATION] = "a time with its unit (ms, s, min, h, d) like 15min",
		[CONF_RATE] = "a rate like 0.001 or 1e-3, no finer than 1e-9",
	};
	struct strbuf b;

	strbuf_init(&b, buf, bytes);
	strbuf_add(&b, str_of(forms[key->type]));
	if (key->type == CONF_ENUM)
		add_choices(&b, key->choices);
	if (!has_range(key))
		return;
	strbuf_add(&b, STR(", "));
	add_number(&b, key, key->min);
	strbuf_add(&b, STR(" to "));
	add_number(&b, key, key->max);
	if (key->type == CONF_STRING || key->type == CONF_PATH)
		strbuf_add(&b, STR(" bytes"));
}

int
conf_value_parse(const struct conf_key *key, const char *text, int64_t *ret_number,
		 char what[WHAT_BYTES])
{
	char allowed[160];
	int64_t n = 0;
	struct strbuf b;
	int rc = parse_type(key, str_of(text), &n);

	if (rc == 0 && (!has_range(key) || (n >= key->min && n <= key->max))) {
		*ret_number = n;
		return 0;
	}
	conf_value_allowed(key, allowed, sizeof(allowed));
	strbuf_init(&b, what, WHAT_BYTES);
	strbuf_addf(&b, "\"%.60s\" is %s; right is %s", text,
		    rc == -EINVAL ? "not understood" : "out of range", allowed);
	return -EINVAL;
}

bool
conf_is_pattern(const char *section)
{
	size_t n = strlen(section);

	return n > 2 && strcmp(section + n - 2, ":*") == 0;
}

unsigned
conf_distance(struct str a, struct str b)
{
	/* The edit distance of Wagner and Fischer, one row at a time. */
	unsigned row[NAME_CHARS_MAX + 1];

	if (a.n > NAME_CHARS_MAX || b.n > NAME_CHARS_MAX)
		return NAME_CHARS_MAX;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned best = diagonal + (a.p[i - 1] != b.p[j - 1]);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[b.n];
}
