#ifndef LANED_TESTS_CONFORM_SHIM_H
#define LANED_TESTS_CONFORM_SHIM_H

/*
 * What the faulty adapters share: a right adapter behind them, and a host table before it. The functions
 * here make no mistake; those that do stand in their place. A faulty adapter's struct begins with
 * struct shim_base.
 */
#include "laned/adapter.h"

#include <string.h>

struct shim_base {
	struct laned_host *real;
	const struct laned_host_api *api;
	const struct laned_adapter *adapter;
	void *inner;
	int fault; /* the number of its word in option "fault" */
};

/* Stands where the right adapter expects its host. */
static inline struct shim_base *
shim_of(struct laned_host *h)
{
	return (struct shim_base *)(void *)h;
}

/* ---- to the real host -------------------------------------------------------------------- */

static inline void
shim_log(struct laned_host *h, uint32_t level, struct laned_str text)
{
	shim_of(h)->api->log(shim_of(h)->real, level, text);
}

static inline void
shim_free(struct laned_host *h, void *p)
{
	shim_of(h)->api->free(shim_of(h)->real, p);
}

static inline void
shim_timer_cancel(struct laned_host *h, uint64_t timer)
{
	shim_of(h)->api->timer_cancel(shim_of(h)->real, timer);
}

static inline int
shim_option_str(struct laned_host *h, const char *name, struct laned_str *ret_value)
{
	return shim_of(h)->api->option_str(shim_of(h)->real, name, ret_value);
}

static inline int
shim_option_int(struct laned_host *h, const char *name, int64_t *ret_value)
{
	return shim_of(h)->api->option_int(shim_of(h)->real, name, ret_value);
}

static inline int
shim_pos_claim(struct laned_host *h, struct laned_str ticket, uint32_t kind,
	       struct laned_str value, laned_ack_fn ack, void *user)
{
	return shim_of(h)->api->pos_claim(shim_of(h)->real, ticket, kind, value, ack,
					  user);
}

static inline int
shim_pos_cancel(struct laned_host *h, struct laned_str ticket, laned_ack_fn ack,
		void *user)
{
	return shim_of(h)->api->pos_cancel(shim_of(h)->real, ticket, ack, user);
}

/* ---- to the right adapter ---------------------------------------------------------------- */

/* The number of its word in words, "none|hangs|..."; how many words there are when it is none. */
static inline int
shim_fault(struct laned_str word, const char *words)
{
	int fault = 0;

	for (; *words != '\0'; fault++) {
		size_t n = strcspn(words, "|");

		if (n == word.n && memcmp(words, word.p, n) == 0)
			break;
		words += n + (words[n] == '|');
	}
	return fault;
}

/* A struct of bytes, and the right adapter behind it. For create(). */
static inline int
shim_create(struct laned_host *h, const struct laned_host_api *api, size_t bytes,
	    const struct laned_adapter *adapter, const struct laned_host_api *shim_api,
	    const char *words, void **ret_instance)
{
	struct shim_base *s = api->alloc(h, bytes);
	struct laned_str word = { "", 0 };
	int rc;

	if (s == NULL)
		return LANED_NO_MEMORY;
	s->real = h;
	s->api = api;
	s->adapter = adapter;
	rc = api->option_str(h, "fault", &word);
	if (rc == LANED_OK) {
		s->fault = shim_fault(word, words);
		rc = adapter->create((struct laned_host *)(void *)s, shim_api, &s->inner);
	}
	if (rc == LANED_OK)
		*ret_instance = s;
	else
		api->free(h, s);
	return rc;
}

static inline void
shim_link(void *instance, int up)
{
	struct shim_base *s = instance;

	s->adapter->link(s->inner, up);
}

static inline void
shim_stop(void *instance)
{
	struct shim_base *s = instance;

	s->adapter->stop(s->inner);
}

#endif
