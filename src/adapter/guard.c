#include "adapter/guard.h"

#include "base/plain/pan.h"

bool
guard_text(struct laned_str s)
{
	return s.n > 0 && pan_find((struct str){ s.p, s.n }, NULL, NULL);
}

static bool
is_card(struct laned_str article)
{
	return article.n > 0 && pan_find_article((struct str){ article.p, article.n });
}

bool
guard_basket(const struct laned_basket *b)
{
	for (uint32_t i = 0; i < b->lines_count; i++) {
		const struct laned_line *l = &b->lines[i];

		if (guard_text(l->text) || guard_text(l->category) ||
		    guard_text(l->brand) || is_card(l->gtin) || is_card(l->plu))
			return true;
	}
	return false;
}

unsigned
guard_result(struct laned_result *r)
{
	struct laned_str *const texts[] = { &r->auth, &r->code, &r->text };
	unsigned found = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!guard_text(*texts[i]))
			continue;
		*texts[i] = (struct laned_str){ NULL, 0 };
		found++;
	}
	return found;
}
