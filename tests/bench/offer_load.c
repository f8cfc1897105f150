#include "offer_load.h"

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_BYTES ((size_t)8 << 20)
#define ARENA_BYTES ((size_t)256 << 20)
#define GOODS 400 /* different things that the shop sells */

uint64_t
load_next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

int
load_pick(uint64_t *state, int count)
{
	return (int)(load_next(state) % (uint64_t)count);
}

void
load_basket(struct load_case *c, const struct load_shape *shape, uint64_t *state)
{
	c->lines_count = shape->lines;
	for (int i = 0; i < shape->lines; i++) {
		int goods = load_pick(state, GOODS);
		bool several = load_pick(state, 4) == 0;
		int64_t units = 1 + several * load_pick(state, (int)shape->units);

		c->lines[i] = (struct load_line){
			.class = goods % shape->classes,
			.units = units,
			.qty_milli = 1000 * units,
			.price = 49 + 10 * (goods * 7919 % 120),
		};
		c->lines[i].amount = c->lines[i].price * units;
	}
}

static struct load_offer
random_offer(int class, uint64_t *s)
{
	int form = load_pick(s, 8), percent = 500 * (1 + load_pick(s, 8));
	struct load_offer o = { .class = class };

	switch (form) {
	case 0:
	case 1:
		o.kind = LOAD_PERCENT;
		o.bp = percent;
		o.max_units = form == 0 ? 0 : 2;
		break;
	case 2:
		o.kind = LOAD_AMOUNT;
		o.minor = 10 + load_pick(s, 60);
		break;
	case 3:
		o.kind = LOAD_FIXED;
		o.minor = 99 + load_pick(s, 800);
		break;
	case 4:
	case 5:
		o.kind = LOAD_N_FOR;
		o.buy = form - 2;
		o.minor = o.buy * (75 + load_pick(s, 450));
		break;
	default:
		o.kind = LOAD_BUY_GET;
		o.buy = form == 6 ? 2 : 1;
		o.get = 1;
		o.bp = form == 6 ? 10000 : 5000;
		break;
	}
	return o;
}

void
load_offers(struct load_case *c, const struct load_shape *shape, uint64_t *state)
{
	c->offers_count = shape->offers;
	for (int i = 0; i < shape->offers; i++) {
		int class = load_pick(state, shape->classes);

		if (shape->aimed)
			class = c->lines[load_pick(state, c->lines_count)].class;
		c->offers[i] = random_offer(class, state);
	}
}

static int
write_params(char *at, size_t bytes, const struct load_offer *o)
{
	static const char *const kinds[] = { "percent", "amount", "fixed_price",
					     "n_for_price", "buy_get" };
	int used = snprintf(at, bytes, "\"kind\":\"%s\",\"params\":{", kinds[o->kind]);
	size_t left = bytes - (size_t)used;

	at += used;
	switch (o->kind) {
	case LOAD_PERCENT:
		used += snprintf(at, left, "\"percent_bp\":%d", (int)o->bp);
		break;
	case LOAD_AMOUNT:
		used += snprintf(at, left, "\"amount_minor\":%d", (int)o->minor);
		break;
	case LOAD_FIXED:
		used += snprintf(at, left, "\"price_minor\":%d", (int)o->minor);
		break;
	case LOAD_N_FOR:
		used += snprintf(at, left, "\"units\":%d,\"price_minor\":%d", (int)o->buy,
				 (int)o->minor);
		break;
	case LOAD_BUY_GET:
		used += snprintf(at, left, "\"buy\":%d,\"get\":%d,\"percent_bp\":%d",
				 (int)o->buy, (int)o->get, (int)o->bp);
		break;
	}
	return used;
}

static size_t
write_offer(char *at, size_t bytes, const struct load_offer *o, int id)
{
	size_t n = (size_t)snprintf(at, bytes, "%s\n{\"id\":\"offer%05d\",",
				    id > 0 ? "," : "", id);

	n += (size_t)write_params(at + n, bytes - n, o);
	if (o->max_units > 0)
		n += (size_t)snprintf(at + n, bytes - n, ",\"max_units\":%d",
				      (int)o->max_units);
	n += (size_t)snprintf(at + n, bytes - n, "},\"scope\":{\"category\":[\"c%d\"]}}",
			      o->class);
	return n;
}

struct pricing_rules *
load_rules(const struct load_case *c)
{
	static struct pricing_errors errors;
	struct arena *arena = arena_new(ARENA_BYTES);
	struct pricing_rules *rules = NULL;
	const struct value *v;
	char *text = malloc(TEXT_BYTES);
	size_t used;

	if (text == NULL || arena == NULL)
		abort();
	used = (size_t)snprintf(text, TEXT_BYTES,
				"{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":[");
	for (int i = 0; i < c->offers_count; i++)
		used += write_offer(text + used, TEXT_BYTES - used, &c->offers[i], i);
	(void)snprintf(text + used, TEXT_BYTES - used, "]}"); /* fits: see TEXT_BYTES */
	if (json_parse(arena, str_of(text), 0, &v, NULL) < 0 ||
	    pricing_rules_compile(v, &errors, &rules) < 0) {
		fprintf(stderr, "rules: %s\n", errors.list[0].what);
		exit(1);
	}
	free(text);
	arena_free(arena);
	return rules;
}

struct pricing_line
load_line(const struct load_case *c, int line, char *text)
{
	const struct load_line *l = &c->lines[line];

	(void)snprintf(text, LOAD_TEXT_BYTES, "c%d", l->class); /* a small number */
	return (struct pricing_line){ .line = (uint32_t)line + 1,
				      .code = str_of(text),
				      .category = str_of(text),
				      .qty_milli = l->qty_milli,
				      .unit_price_minor = l->price,
				      .amount_minor = l->amount,
				      .vat_bp = 700,
				      .weighed = l->measured };
}
