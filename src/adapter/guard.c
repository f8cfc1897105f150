#include "adapter/guard.h"

#include "base/plain/pan.h"

#include <stddef.h>

bool
guard_text(struct laned_str s)
{
	return s.n > 0 && pan_find((struct str){ s.p, s.n }, NULL, NULL);
}

bool
guard_blob(struct laned_str s)
{
	return s.n > 0 && pan_find_blob((struct str){ s.p, s.n });
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

/* Of a plug-in of minor 3; one before has no such member. */
static struct laned_str
blob_of(const struct laned_event *ev)
{
	bool has = ev->size >= offsetof(struct laned_event, blob) + sizeof(ev->blob);

	return has ? ev->blob : (struct laned_str){ NULL, 0 };
}

bool
guard_event(const struct laned_event *ev)
{
	return guard_text(ev->text) || guard_blob(blob_of(ev));
}

bool
guard_event_size(const struct laned_event *ev)
{
	return blob_of(ev).n > LANED_BLOB_BYTES_MAX;
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
