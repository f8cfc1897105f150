#include "core/pricing/meeting.h"
#include "core/pricing/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64u

int
marks_init(struct marks *m, const struct pricing_rules *rules)
{
	size_t n = (size_t)rules->count + 1;

	/* From calloc, so that a large rule set's pages are only touched where a basket is. */
	*m = (struct marks){ .words = rules->count / WORD_BITS + 1 };
	m->found = calloc(n, sizeof(*m->found));
	m->seen = calloc(n, sizeof(*m->seen));
	m->lines = calloc(n, sizeof(*m->lines));
	m->bits = calloc(m->words, sizeof(*m->bits));
	return m->found == NULL || m->seen == NULL || m->lines == NULL || m->bits == NULL
		       ? -ENOMEM
		       : 0;
}

void
marks_free(struct marks *m)
{
	free(m->found);
	free(m->seen);
	free(m->lines);
	free(m->bits);
}

void
marks_set(struct marks *m, uint32_t rule)
{
	m->bits[rule / WORD_BITS] |= UINT64_C(1) << rule % WORD_BITS;
}

bool
marks_take(struct marks *m, uint32_t *word, uint32_t *ret_rule)
{
	while (*word < m->words && m->bits[*word] == 0)
		++*word;
	if (*word == m->words)
		return false;
	*ret_rule = *word * WORD_BITS + (uint32_t)__builtin_ctzll(m->bits[*word]);
	m->bits[*word] &= m->bits[*word] - 1;
	return true;
}

bool
line_measured(const struct pricing_line *line)
{
	return line->weighed || line->qty_milli % 1000 != 0;
}

static bool
among(struct strs list, struct str s)
{
	for (uint32_t i = 0; i < list.count; i++)
		if (str_eq(list.at[i], s))
			return true;
	return false;
}

/* Whether category is one of the list's or lies below one of them. */
static bool
below(struct strs list, struct str category)
{
	for (uint32_t i = 0; i < list.count; i++) {
		struct str top = list.at[i];

		if (category.n >= top.n && memcmp(category.p, top.p, top.n) == 0 &&
		    (category.n == top.n || category.p[top.n] == '/'))
			return true;
	}
	return false;
}

bool
goods_name(const struct goods *goods, const struct pricing_line *line)
{
	return among(goods->sku, line->code) || among(goods->brand, line->brand) ||
	       below(goods->category, line->category);
}

/* Whether a kind takes what is weighed, or what is counted. */
static bool
kind_takes(const struct rule *r, bool measured)
{
	return measured ? !r->unweighed : !r->weighed_only;
}

/* Whether a line serves some component of a bundle, or has the code that a set asks for. */
static bool
shape_takes(const struct rule *r, const struct pricing_line *line)
{
	bool fits = r->shape != SHAPE_BUNDLE;

	for (uint32_t c = 0; c < r->parts_count && !fits; c++)
		fits = goods_name(&r->parts[c], line);
	return fits && (r->shape != SHAPE_SET || line->code.n > 0);
}

/* The part of a scope that the index does not know. */
static bool
in_scope(const struct rule *rule, const struct pricing_line *line)
{
	const struct scope *s = &rule->scope;

	if (line->unit_price_minor < s->price_min ||
	    line->unit_price_minor > s->price_max ||
	    (s->exclude_reduced && line->reduced))
		return false;
	if (!kind_takes(rule, line_measured(line)))
		return false;
	return !among(s->not_sku, line->code) && !among(s->not_brand, line->brand) &&
	       !below(s->not_category, line->category);
}

bool
meeting_counts(const struct rule *rule, const struct pricing_line *line)
{
	const struct scope *s = &rule->scope;

	if (line->excluded ||
	    (!s->all && !among(s->sku, line->code) && !among(s->brand, line->brand) &&
	     !below(s->category, line->category)))
		return false;
	return in_scope(rule, line);
}

uint8_t
meeting_ease(const struct rule *r)
{
	const struct scope *s = &r->scope;

	if (s->price_min > 0 || s->price_max < MONEY_MINOR_MAX || s->exclude_reduced ||
	    s->not_sku.count > 0 || s->not_brand.count > 0 || s->not_category.count > 0 ||
	    r->shape == SHAPE_BUNDLE || r->shape == SHAPE_SET)
		return 0;
	return (uint8_t)((kind_takes(r, false) ? EASY_COUNTED : 0) |
			 (kind_takes(r, true) ? EASY_MEASURED : 0));
}

static void
meet(const struct pricing_rules *set, struct marks *m, const struct pricing_line *line,
     const uint32_t *rules, uint32_t count)
{
	uint8_t easy = line_measured(line) ? EASY_MEASURED : EASY_COUNTED;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t rule = rules[i];

		if (m->seen[rule] == m->stamp)
			continue;
		m->seen[rule] = m->stamp;
		if ((set->index.easy[rule] & easy) != 0 ||
		    (in_scope(&set->rules[rule], line) &&
		     shape_takes(&set->rules[rule], line)))
			m->found[m->found_count++] = rule;
	}
}

uint32_t
meeting_find(const struct pricing_rules *rules, const struct pricing_line *line,
	     struct marks *m)
{
	const struct index *x = &rules->index;
	const uint32_t *found;
	uint32_t n;

	m->found_count = 0;
	if (line->excluded)
		return 0;
	if (++m->stamp == 0) { /* not in the life of a checkout, but in a simulation's */
		memset(m->seen, 0, rules->count * sizeof(*m->seen));
		m->stamp = 1;
	}
	meet(rules, m, line, x->all, x->all_count);
	found = index_find(x, INDEX_SKU, line->code, &n);
	meet(rules, m, line, found, n);
	found = index_find(x, INDEX_BRAND, line->brand, &n);
	meet(rules, m, line, found, n);
	for (size_t end = 1; end <= line->category.n; end++) {
		if (end < line->category.n && line->category.p[end] != '/')
			continue;
		found = index_find(x, INDEX_CATEGORY,
				   (struct str){ line->category.p, end }, &n);
		meet(rules, m, line, found, n);
	}
	return m->found_count;
}
