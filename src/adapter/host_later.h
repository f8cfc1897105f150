#ifndef LANED_ADAPTER_HOST_LATER_H
#define LANED_ADAPTER_HOST_LATER_H

#include "laned/adapter.h"

/*
 * What the host's table declares and no host does yet: each answers LANED_UNSUPPORTED (conn_close
 * does nothing). The real host and the one in virtual time answer alike.
 */
int host_later_secret(struct laned_host *h, const char *name, uint8_t *buf, size_t *n);
int host_later_conn_open(struct laned_host *h, const char *name,
			 const struct laned_conn_events *events, void *user,
			 uint64_t *ret_conn);
int host_later_conn_send(struct laned_host *h, uint64_t conn, const uint8_t *data,
			 size_t n);
void host_later_conn_close(struct laned_host *h, uint64_t conn);
int host_later_conn_modem(struct laned_host *h, uint64_t conn, uint32_t mask,
			  uint32_t lines);
int host_later_splice(struct laned_host *h, uint64_t a, uint64_t b, const uint8_t *first,
		      size_t n);
int host_later_type_start(struct laned_host *h, const char *name, struct laned_str text,
			  laned_typed_fn done, void *user);
int host_later_type_cancel(struct laned_host *h, const char *name);

#endif
