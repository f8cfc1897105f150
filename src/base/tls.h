#ifndef LANED_BASE_TLS_H
#define LANED_BASE_TLS_H

#include "base/address.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * TLS 1.2 and 1.3 as a filter between the bytes of a program and those of a line; it does no I/O
 * itself. The peer's certificate, its issuer and its name are always checked, but for a listener's
 * clients where the address says clients=any. Whether it was revoked is asked of the lists that the address
 * names (crl), and of nobody else. There is no way on without TLS.
 */
#define TLS_WHY_BYTES 160u

struct tls_context; /* certificates, keys and rules of one address */
struct tls;         /* one connection */

/*
 * a: of kind ADDRESS_TLS, and address_check has passed it. server: for accepted connections. 0;
 * -ENOENT a credential is missing; -EPERM others may read the key; -EKEYREJECTED it is no
 * certificate or no key, or they do not fit; -ENOMEM. why says which.
 */
int tls_context_new(const char *credentials, const struct address *a, bool server,
		    struct tls_context **ret_context, char why[TLS_WHY_BYTES]);
/* Connections made from it live on. NULL is fine; returns NULL. */
struct tls_context *tls_context_free(struct tls_context *c);

/* 0 or -ENOMEM. */
int tls_new(struct tls_context *c, struct tls **ret_tls);
struct tls *tls_free(struct tls *t);

/* Bytes that came from the line. 0 or -ENOMEM. */
int tls_take(struct tls *t, const uint8_t *data, size_t n);
/* Bytes that are to go to the line, valid until the next call; how many. */
size_t tls_pending(struct tls *t, const uint8_t **ret_data);
/* So many of them went. */
void tls_sent(struct tls *t, size_t n);

/*
 * 0 the handshake is done and the peer is who it should be; -EAGAIN more bytes are wanted;
 * -EKEYREJECTED the peer's certificate is not right; -EPROTO. What is pending goes to the line
 * in each case.
 */
int tls_handshake(struct tls *t);
/* Bytes read into buf; 0 the peer has ended the connection; -EAGAIN; -EPROTO. */
ssize_t tls_read(struct tls *t, uint8_t *buf, size_t n);
/* All of n > 0. 0; -EPROTO; -EMSGSIZE. Only after the handshake. */
int tls_write(struct tls *t, const uint8_t *data, size_t n);
/* Tells the peer the end. */
void tls_end(struct tls *t);
/* What went wrong. */
const char *tls_why(const struct tls *t);

#endif
