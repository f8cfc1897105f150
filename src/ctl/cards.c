#include "ctl/cards.h"

#include "base/json.h"
#include "ctl/keyed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (512u << 20)
#define TREE_BYTES_MAX ((size_t)4 << 20) /* of one member */
#define TEXTS_BYTES_MAX ((size_t)1 << 30)
#define KEYS_MAX 8000000u
#define LIST_MAX 64u
#define FAULTS_SHOWN 100u

struct cards {
	struct keyed *keys; /* number or claim to a member's place */
	struct arena *arena;
	uint32_t members;
};

struct card {
	const struct pricing_member *member;
};

static int
keep_list(struct cards *c, const struct value *v, const char *name,
	  const struct str **ret_list, size_t *ret_count)
{
	const struct value *list = NULL;
	struct str *strs;
	size_t n = 0;
	int rc = value_get_array(v, name, &list);

	if (rc == -ENOENT)
		return 0;
	if (rc < 0 || list->count > LIST_MAX)
		return -EBADMSG;
	strs = arena_array(c->arena, list->count, sizeof(*strs));
	if (strs == NULL)
		return -ENOMEM;
	for (const struct value *e = list->first; e != NULL; e = e->next) {
		if (e->kind != VALUE_STRING)
			return -EBADMSG;
		strs[n].p = arena_strndup(c->arena, e->s.p, e->s.n);
		if (strs[n].p == NULL)
			return -ENOMEM;
		strs[n++].n = e->s.n;
	}
	*ret_list = strs;
	*ret_count = n;
	return 0;
}

static int
put_key(struct cards *c, struct str key, const struct pricing_member *m)
{
	struct card *card = keyed_get(c->keys, key);

	if (card == NULL)
		return -ENOMEM;
	card->member = m;
	return 0;
}

/* 0; -EBADMSG no member; -ENOMEM. */
static int
put_member(struct cards *c, const struct value *v)
{
	struct pricing_member *m = arena_alloc(c->arena, sizeof(*m));
	const struct value *claims = NULL;
	struct str text = { NULL, 0 };
	int rc;

	if (m == NULL)
		return -ENOMEM;
	m->known = true;
	if (value_get_str(v, "number", 64, &text) < 0 ||
	    value_get_bool(v, "first_purchase", &m->first_purchase) == -EPROTO)
		return -EBADMSG;
	rc = value_get_int(v, "points", 0, MONEY_MINOR_MAX, &m->points);
	if (rc < 0 && rc != -ENOENT)
		return -EBADMSG;
	rc = keep_list(c, v, "groups", &m->groups, &m->groups_count);
	if (rc == 0)
		rc = keep_list(c, v, "coupons", &m->coupons, &m->coupons_count);
	if (rc == 0)
		rc = put_key(c, text, m);
	if (rc < 0 || value_get_array(v, "claims", &claims) < 0)
		return rc;
	for (const struct value *e = claims->first; e != NULL && rc == 0; e = e->next)
		if (value_get_str(e, "value", 200, &text) == 0)
			rc = put_key(c, text, m);
	return rc;
}

static int
put_lines(struct cards *c, const char *path, struct str text)
{
	struct arena *tree = arena_new(TREE_BYTES_MAX);
	uint32_t line = 0, faults = 0;
	int rc = tree == NULL ? -ENOMEM : 0;

	while (rc == 0 && text.n > 0) {
		const char *nl = memchr(text.p, '\n', text.n);
		size_t n = nl == NULL ? text.n : (size_t)(nl - text.p);
		const struct value *v = NULL;
		struct json_error e = { 0, 1, "no member: a number and lists of texts" };

		line++;
		if (n > 0 && !(n == 1 && text.p[0] == '\r')) {
			arena_reset(tree);
			rc = json_parse_from(tree, (struct str){ text.p, n }, 0, line, &v,
					     &e);
			c->members += rc == 0;
			if (rc == 0)
				rc = put_member(c, v);
		}
		if (rc == -EBADMSG && faults++ < FAULTS_SHOWN)
			fprintf(stderr, "%s:%u:%u: %s\n", path, (unsigned)line,
				(unsigned)e.column, e.what);
		rc = rc == -EBADMSG ? 0 : rc;
		n += nl != NULL;
		text.p += n;
		text.n -= n;
	}
	arena_free(tree);
	if (rc < 0)
		return ctl_fail(CTL_INTERNAL, "%s: more members than fit into memory",
				path);
	return faults == 0 ? 0
			   : ctl_fail(CTL_DATA, "%s: %u errors", path, (unsigned)faults);
}

int
cards_read(const char *path, struct cards **ret_cards)
{
	struct cards *c;
	char *data = NULL;
	size_t bytes = 0;
	int rc = ctl_read_file(path, FILE_BYTES_MAX, &data, &bytes);

	if (rc != 0)
		return rc;
	c = calloc(1, sizeof(*c));
	if (c != NULL) {
		c->keys = keyed_new(sizeof(struct card), KEYS_MAX);
		c->arena = arena_new(TEXTS_BYTES_MAX);
	}
	if (c == NULL || c->keys == NULL || c->arena == NULL)
		rc = ctl_fail(CTL_INTERNAL, "out of memory");
	else
		rc = put_lines(c, path, (struct str){ data, bytes });
	free(data);
	if (rc != 0)
		cards_free(c);
	else
		*ret_cards = c;
	return rc;
}

const struct pricing_member *
cards_find(const struct cards *c, struct str number)
{
	const struct card *card = keyed_find(c->keys, number);

	return card == NULL ? NULL : card->member;
}

uint32_t
cards_count(const struct cards *c)
{
	return c->members;
}

struct cards *
cards_free(struct cards *c)
{
	if (c != NULL) {
		keyed_free(c->keys);
		arena_free(c->arena);
	}
	free(c);
	return NULL;
}
