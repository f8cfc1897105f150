#ifndef LANED_ADAPTER_HOST_SECRET_H
#define LANED_ADAPTER_HOST_SECRET_H

#include "laned/adapter.h"

/*
 * Reads the credential that an option names, from $CREDENTIALS_DIRECTORY. *n: room in buf, then the
 * bytes that are there, also with LANED_TOO_LARGE. LANED_MISSING: there is none, and a line in the log
 * says what the unit lacks; LANED_INVALID; LANED_IO. adapter and option are for the log.
 */
int host_secret_read(const char *adapter, const char *option, const char *credential,
		     uint8_t *buf, size_t *n);

#endif
