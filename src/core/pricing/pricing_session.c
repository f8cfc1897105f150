#include "core/pricing/pricing_session.h"
#include "core/pricing/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES ((size_t)64 << 10) /* kept from one pricing to the next */

/* What belongs to a line beside what the caller said, in one piece of memory. */
struct kept {
	uint64_t version;
	uint32_t rules_count;
	uint32_t rules[]; /* and the line's texts behind them */
};

struct pricing_session {
	const struct pricing_rules *rules;
	struct pricing_line *lines; /* by ascending number */
	struct kept **kept;         /* of each line */
	struct matched *matched;    /* scratch */
	uint32_t lines_count;
	uint64_t versions; /* given out so far */

	struct pricing_member *member; /* a copy in one piece */
	struct timepoint at;
	char *place; /* the bytes of store and lane */
	struct who who;

	struct workspace work;
	struct result *result;
};

/* ---- copies -------------------------------------------------------------- */

static struct str
copy_str(char **to, struct str s)
{
	struct str copy = { *to, s.n };

	if (s.n > 0)
		memcpy(*to, s.p, s.n);
	*to += s.n;
	return copy;
}

static size_t
strs_bytes(const struct str *list, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += sizeof(*list) + list[i].n;
	return bytes;
}

static const struct str *
copy_strs(struct str **at, char **to, const struct str *list, size_t count)
{
	struct str *copy = *at;

	for (size_t i = 0; i < count; i++)
		copy[i] = copy_str(to, list[i]);
	*at += count;
	return copy;
}

/* A member in one piece: itself, the uses, the lists, the bytes. NULL: no memory. */
static struct pricing_member *
copy_member(const struct pricing_member *from)
{
	size_t bytes = sizeof(*from) + from->uses_count * sizeof(*from->uses) +
		       strs_bytes(from->groups, from->groups_count) +
		       strs_bytes(from->coupons, from->coupons_count);
	struct pricing_member *m;
	struct pricing_use *uses;
	struct str *strs;
	char *to;

	for (size_t i = 0; i < from->uses_count; i++)
		bytes += from->uses[i].rule.n;
	m = malloc(bytes);
	if (m == NULL)
		return NULL;
	uses = (struct pricing_use *)(void *)(m + 1);
	strs = (struct str *)(void *)(uses + from->uses_count);
	to = (char *)(strs + from->groups_count + from->coupons_count);
	*m = *from;
	m->uses = uses;
	for (size_t i = 0; i < from->uses_count; i++) {
		uses[i] = from->uses[i];
		uses[i].rule = copy_str(&to, from->uses[i].rule);
	}
	m->groups = copy_strs(&strs, &to, from->groups, from->groups_count);
	m->coupons = copy_strs(&strs, &to, from->coupons, from->coupons_count);
	return m;
}

static bool
same_strs(const struct str *a, const struct str *b, size_t count)
{
	bool same = true;

	for (size_t i = 0; same && i < count; i++)
		same = str_eq(a[i], b[i]);
	return same;
}

static bool
same_use(const struct pricing_use *a, const struct pricing_use *b)
{
	return str_eq(a->rule, b->rule) && a->member_used == b->member_used &&
	       a->member_day_used == b->member_day_used &&
	       a->total_used == b->total_used &&
	       a->budget_used_minor == b->budget_used_minor;
}

static bool
same_member(const struct pricing_member *a, const struct pricing_member *b)
{
	bool same = a->known == b->known && a->first_purchase == b->first_purchase &&
		    a->uses_unknown == b->uses_unknown && a->points == b->points &&
		    a->groups_count == b->groups_count &&
		    a->coupons_count == b->coupons_count &&
		    a->uses_count == b->uses_count;

	for (size_t i = 0; same && i < a->uses_count; i++)
		same = same_use(&a->uses[i], &b->uses[i]);
	return same && same_strs(a->groups, b->groups, a->groups_count) &&
	       same_strs(a->coupons, b->coupons, a->coupons_count);
}

/* ---- lines --------------------------------------------------------------- */

/* Where a line is, or would be. */
static uint32_t
position(const struct pricing_session *s, uint32_t line)
{
	uint32_t low = 0, high = s->lines_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (s->lines[middle].line < line)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
holds(const struct pricing_session *s, uint32_t at, uint32_t line)
{
	return at < s->lines_count && s->lines[at].line == line;
}

static bool
same_line(const struct pricing_line *a, const struct pricing_line *b)
{
	return a->qty_milli == b->qty_milli && a->amount_minor == b->amount_minor &&
	       a->unit_price_minor == b->unit_price_minor &&
	       a->floor_minor == b->floor_minor && a->vat_bp == b->vat_bp &&
	       a->weighed == b->weighed && a->excluded == b->excluded &&
	       a->reduced == b->reduced && str_eq(a->code, b->code) &&
	       str_eq(a->category, b->category) && str_eq(a->brand, b->brand);
}

/* A line's rules and texts; *line is made to point to the copies. NULL: no memory. */
static struct kept *
keep(struct pricing_session *s, struct pricing_line *line)
{
	uint32_t n = meeting_find(s->rules, line, &s->work.marks);
	size_t bytes = sizeof(struct kept) + n * sizeof(uint32_t) + line->code.n +
		       line->category.n + line->brand.n;
	struct kept *k = malloc(bytes);
	char *to;

	if (k == NULL)
		return NULL;
	k->version = VERSION_OF(++s->versions);
	k->rules_count = n;
	if (n > 0)
		memcpy(k->rules, s->work.marks.found, n * sizeof(*k->rules));
	to = (char *)(k->rules + n);
	line->code = copy_str(&to, line->code);
	line->category = copy_str(&to, line->category);
	line->brand = copy_str(&to, line->brand);
	return k;
}

int
pricing_session_set_line(struct pricing_session *s, const struct pricing_line *line)
{
	uint32_t at = position(s, line->line);
	struct pricing_line copy = *line;
	bool held = holds(s, at, line->line);
	struct kept *kept;
	int rc = problem_check_line(line);

	if (rc < 0)
		return rc;
	if (held && same_line(&s->lines[at], line))
		return 0;
	if (!held && s->lines_count == PRICING_LINES_MAX)
		return -ENOSPC;
	kept = keep(s, &copy);
	if (kept == NULL)
		return -ENOMEM;
	if (held) {
		free(s->kept[at]);
	} else {
		uint32_t behind = s->lines_count++ - at;

		memmove(s->lines + at + 1, s->lines + at, behind * sizeof(*s->lines));
		memmove(s->kept + at + 1, s->kept + at, behind * sizeof(struct kept *));
	}
	s->lines[at] = copy;
	s->kept[at] = kept;
	return 0;
}

static void
remove_line(struct pricing_session *s, uint32_t at)
{
	uint32_t behind = --s->lines_count - at;

	free(s->kept[at]);
	memmove(s->lines + at, s->lines + at + 1, behind * sizeof(*s->lines));
	memmove(s->kept + at, s->kept + at + 1, behind * sizeof(struct kept *));
}

int
pricing_session_void_line(struct pricing_session *s, uint32_t line)
{
	uint32_t at = position(s, line);

	if (!holds(s, at, line))
		return -ENOENT;
	remove_line(s, at);
	return 0;
}

static int
number_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The numbers of lines, sorted; -EINVAL or -ERANGE what may not be in a basket together. */
static int
check_lines(const struct pricing_line *lines, size_t count, uint32_t *ret_numbers)
{
	bool sorted = true;

	if (count > PRICING_LINES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		int rc = problem_check_line(&lines[i]);

		if (rc < 0)
			return rc;
		ret_numbers[i] = lines[i].line;
		sorted = sorted && (i == 0 || lines[i - 1].line < lines[i].line);
	}
	if (!sorted)
		qsort(ret_numbers, count, sizeof(*ret_numbers), number_order);
	for (size_t i = 1; i < count; i++)
		if (ret_numbers[i] == ret_numbers[i - 1])
			return -EINVAL;
	return 0;
}

int
pricing_session_set_lines(struct pricing_session *s, const struct pricing_line *lines,
			  size_t count)
{
	uint32_t numbers[PRICING_LINES_MAX];
	int rc = check_lines(lines, count, numbers);

	if (rc < 0)
		return rc;
	for (uint32_t at = s->lines_count; at-- > 0;)
		if (bsearch(&s->lines[at].line, numbers, count, sizeof(numbers[0]),
			    number_order) == NULL)
			remove_line(s, at);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = pricing_session_set_line(s, &lines[i]);
	return rc;
}

const struct pricing_line *
pricing_session_lines(const struct pricing_session *s, size_t *ret_count)
{
	*ret_count = s->lines_count;
	return s->lines;
}

/* ---- who and when -------------------------------------------------------- */

int
pricing_session_set_member(struct pricing_session *s, const struct pricing_member *member)
{
	static const struct pricing_member nobody;
	struct pricing_member *copy;

	if (member == NULL)
		member = &nobody;
	if (s->member != NULL && same_member(s->member, member))
		return 0;
	copy = copy_member(member);
	if (copy == NULL)
		return -ENOMEM;
	free(s->member);
	s->member = copy;
	s->who = who_of(copy, &s->at, s->who.store, s->who.lane);
	known_forget(s->work.known);
	return 0;
}

void
pricing_session_set_time(struct pricing_session *s, const struct timepoint *at)
{
	s->at = *at;
	s->who = who_of(s->member, &s->at, s->who.store, s->who.lane);
}

/* ---- the session --------------------------------------------------------- */

static int
copy_place(struct pricing_session *s, struct str store, struct str lane)
{
	char *to = malloc(store.n + lane.n + 1);

	s->place = to;
	if (to == NULL)
		return -ENOMEM;
	s->who.store = copy_str(&to, store);
	s->who.lane = copy_str(&to, lane);
	return 0;
}

int
pricing_session_new(const struct pricing_rules *rules,
		    const struct pricing_member *member, const struct timepoint *at,
		    struct str store, struct str lane,
		    struct pricing_session **ret_session)
{
	struct pricing_session *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (s == NULL)
		return rc;
	s->rules = rules;
	s->at = *at;
	rc = workspace_init(&s->work, rules, ARENA_BYTES);
	if (rc == 0)
		rc = copy_place(s, store, lane);
	/* Room for the most, of which nobody looks beyond the lines that there are. */
	s->lines = malloc(PRICING_LINES_MAX * sizeof(*s->lines));
	s->kept = calloc(PRICING_LINES_MAX, sizeof(struct kept *));
	s->matched = malloc(PRICING_LINES_MAX * sizeof(*s->matched));
	s->work.known = known_new(PRICING_SESSION_BYTES_MAX);
	s->result = result_new(rules, PRICING_LINES_MAX);
	if (s->lines == NULL || s->kept == NULL || s->matched == NULL ||
	    s->work.known == NULL || s->result == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		rc = pricing_session_set_member(s, member);
	if (rc == 0)
		*ret_session = s;
	else
		pricing_session_free(s);
	return rc;
}

struct pricing_session *
pricing_session_free(struct pricing_session *s)
{
	if (s == NULL)
		return NULL;
	for (uint32_t i = 0; s->kept != NULL && i < s->lines_count; i++)
		free(s->kept[i]);
	free(s->lines);
	free(s->kept);
	free(s->matched);
	free(s->member);
	free(s->place);
	workspace_free(&s->work);
	result_free(s->result);
	free(s);
	return NULL;
}

int
pricing_session_price(struct pricing_session *s, const struct pricing_budget *budget,
		      const struct pricing_result **ret_result)
{
	struct request q = { .rules = s->rules,
			     .lines = s->matched,
			     .lines_count = s->lines_count,
			     .who = s->who,
			     .work = &s->work };
	int rc;

	for (uint32_t i = 0; i < s->lines_count; i++)
		s->matched[i] = (struct matched){ .line = &s->lines[i],
						  .rules = s->kept[i]->rules,
						  .rules_count = s->kept[i]->rules_count,
						  .original = i,
						  .version = s->kept[i]->version };
	result_reset(s->result);
	rc = answer(&q, budget, s->result);
	arena_reset(s->work.arena);
	if (rc == 0)
		*ret_result = &s->result->shown;
	return rc;
}
