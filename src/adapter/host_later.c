#include "adapter/host_later.h"

int
host_later_secret(struct laned_host *h, const char *name, uint8_t *buf, size_t *n)
{
	(void)h;
	(void)name;
	(void)buf;
	(void)n;
	return LANED_UNSUPPORTED;
}

int
host_later_conn_open(struct laned_host *h, const char *name,
		     const struct laned_conn_events *events, void *user,
		     uint64_t *ret_conn)
{
	(void)h;
	(void)name;
	(void)events;
	(void)user;
	(void)ret_conn;
	return LANED_UNSUPPORTED;
}

int
host_later_conn_send(struct laned_host *h, uint64_t conn, const uint8_t *data, size_t n)
{
	(void)h;
	(void)conn;
	(void)data;
	(void)n;
	return LANED_UNSUPPORTED;
}

void
host_later_conn_close(struct laned_host *h, uint64_t conn)
{
	(void)h;
	(void)conn;
}

int
host_later_conn_modem(struct laned_host *h, uint64_t conn, uint32_t mask, uint32_t lines)
{
	(void)h;
	(void)conn;
	(void)mask;
	(void)lines;
	return LANED_UNSUPPORTED;
}

int
host_later_splice(struct laned_host *h, uint64_t a, uint64_t b, const uint8_t *first,
		  size_t n)
{
	(void)h;
	(void)a;
	(void)b;
	(void)first;
	(void)n;
	return LANED_UNSUPPORTED;
}

int
host_later_type_start(struct laned_host *h, const char *name, struct laned_str text,
		      laned_typed_fn done, void *user)
{
	(void)h;
	(void)name;
	(void)text;
	(void)done;
	(void)user;
	return LANED_UNSUPPORTED;
}

int
host_later_type_cancel(struct laned_host *h, const char *name)
{
	(void)h;
	(void)name;
	return LANED_UNSUPPORTED;
}
