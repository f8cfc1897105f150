#include "core/pricing/index.h"
#include "core/pricing/eligible.h"
#include "core/pricing/meeting.h"
#include "core/pricing/regions.h"

#include <errno.h>

uint32_t
index_hash(struct str s)
{
	uint32_t h = UINT32_C(2166136261); /* FNV-1a */

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT32_C(16777619);
	return h ^ h >> 15;
}

static struct index_slot *
slot_of(const struct index *x, enum index_tag tag, struct str key)
{
	uint32_t hash = index_hash(key) + (uint32_t)tag * UINT32_C(0x9e3779b9);
	uint32_t at = hash & (x->slots_count - 1);

	while (x->slots[at].tag != INDEX_NONE &&
	       (x->slots[at].hash != hash || x->slots[at].tag != tag ||
		!str_eq(x->slots[at].key, key)))
		at = (at + 1) & (x->slots_count - 1);
	x->slots[at].hash = hash;
	return &x->slots[at];
}

/* A key counts once a rule, or puts the rule into its postings. */
static void
enter(struct index *x, enum index_tag tag, struct strs keys, uint32_t rule, bool fill)
{
	for (uint32_t i = 0; i < keys.count; i++) {
		struct index_slot *slot = slot_of(x, tag, keys.at[i]);

		slot->tag = tag;
		slot->key = keys.at[i];
		if (fill)
			x->postings[slot->first + slot->count] = rule;
		slot->count++;
	}
}

/* A bundle of everything is found by its components: most goods are in none of them. */
static bool
by_parts(const struct rule *r)
{
	return r->scope.all && r->parts_count > 0;
}

static void
enter_lists(struct index *x, struct strs sku, struct strs category, struct strs brand,
	    uint32_t rule, bool fill)
{
	enter(x, INDEX_SKU, sku, rule, fill);
	enter(x, INDEX_CATEGORY, category, rule, fill);
	enter(x, INDEX_BRAND, brand, rule, fill);
}

static void
enter_all(struct pricing_rules *r, bool fill)
{
	for (uint32_t i = 0; i < r->count; i++) {
		const struct rule *rule = &r->rules[i];
		const struct scope *s = &rule->scope;

		enter_lists(&r->index, s->sku, s->category, s->brand, i, fill);
		for (uint32_t c = 0; c < rule->parts_count && by_parts(rule); c++)
			enter_lists(&r->index, rule->parts[c].sku,
				    rule->parts[c].category, rule->parts[c].brand, i,
				    fill);
	}
}

int
index_build(struct pricing_rules *r)
{
	struct index *x = &r->index;
	size_t keys = 0;
	uint32_t first = 0;

	for (uint32_t i = 0; i < r->count; i++) {
		const struct scope *s = &r->rules[i].scope;

		keys += (size_t)s->sku.count + s->category.count + s->brand.count;
		for (uint32_t c = 0; c < r->rules[i].parts_count; c++) {
			const struct goods *g = &r->rules[i].parts[c];

			keys += (size_t)g->sku.count + g->category.count + g->brand.count;
		}
	}
	x->slots_count = 8;
	while (x->slots_count < 2 * keys)
		x->slots_count *= 2;
	x->slots = arena_array(r->arena, x->slots_count, sizeof(*x->slots));
	x->postings = arena_array(r->arena, keys, sizeof(*x->postings));
	x->all = arena_array(r->arena, r->count, sizeof(*x->all));
	x->easy = arena_array(r->arena, r->count, sizeof(*x->easy));
	if (x->slots == NULL || x->postings == NULL || x->all == NULL || x->easy == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->count; i++)
		x->wide = x->wide || regions_whole_basket(&r->rules[i]);
	for (uint32_t i = 0; i < r->count; i++)
		x->easy[i] = meeting_ease(&r->rules[i]) |
			     (who_is_easy(&r->rules[i]) ? EASY_WHO : 0);
	enter_all(r, false);
	for (uint32_t i = 0; i < x->slots_count; i++) {
		x->slots[i].first = first;
		first += x->slots[i].count;
		x->slots[i].count = 0;
	}
	enter_all(r, true);
	for (uint32_t i = 0; i < r->count; i++)
		if (r->rules[i].scope.all && !by_parts(&r->rules[i]))
			x->all[x->all_count++] = i;
	return 0;
}

const uint32_t *
index_find(const struct index *x, enum index_tag tag, struct str key, uint32_t *ret_count)
{
	uint32_t hash = index_hash(key) + (uint32_t)tag * UINT32_C(0x9e3779b9);
	uint32_t at = hash & (x->slots_count - 1);

	for (; x->slots[at].tag != INDEX_NONE; at = (at + 1) & (x->slots_count - 1)) {
		const struct index_slot *slot = &x->slots[at];

		if (slot->hash == hash && slot->tag == tag && str_eq(slot->key, key)) {
			*ret_count = slot->count;
			return x->postings + slot->first;
		}
	}
	*ret_count = 0;
	return NULL;
}
