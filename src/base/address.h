#ifndef LANED_BASE_ADDRESS_H
#define LANED_BASE_ADDRESS_H

#include "base/plain/str.h"

#include <stdbool.h>
#include <stdint.h>

struct sockaddr;

/*
 * Where a connection goes to or is waited for, as a configuration writes it:
 *
 *	tcp://HOST:PORT[?allow=NET+NET]
 *	tls://HOST:PORT[?ca=C&crl=C&name=PEER&cert=C&key=C&allow=NET+NET&clients=any]
 *	serial:///dev/NAME[?9600,8N1[,rtscts]]
 *	unix:/path[?mode=0660]
 *
 * HOST is an IPv4 address, an IPv6 address in brackets, or a name. C is the name of a credential
 * ("system" as ca: the certificates of the distribution). NET is an address with or without
 * "/bits"; nothing else than whole nets is taken (10.1.2.3/8 is a mistake). No escapes.
 */
#define ADDRESS_BYTES_MAX 512u
#define ADDRESS_HOST_BYTES 254u
#define ADDRESS_PATH_BYTES 108u /* as in struct sockaddr_un, with the NUL */
#define ADDRESS_CREDENTIAL_BYTES 65u
#define ADDRESS_NETS_MAX 16u
#define ADDRESS_WHY_BYTES 160u

enum address_kind { ADDRESS_TCP, ADDRESS_TLS, ADDRESS_SERIAL, ADDRESS_UNIX };

struct address_net {
	uint8_t bytes[16]; /* network order; of IPv4 the first four */
	uint8_t bits;
	bool v6;
};

struct address {
	enum address_kind kind;
	/* tcp, tls */
	char host[ADDRESS_HOST_BYTES]; /* without brackets */
	uint16_t port;
	bool numeric; /* host is an address, no name */
	struct address_net nets[ADDRESS_NETS_MAX];
	uint32_t nets_count; /* 0: loopback peers only */
	/* tls; empty: not given */
	char name[ADDRESS_HOST_BYTES];
	char ca[ADDRESS_CREDENTIAL_BYTES], cert[ADDRESS_CREDENTIAL_BYTES],
		key[ADDRESS_CREDENTIAL_BYTES],
		crl[ADDRESS_CREDENTIAL_BYTES]; /* the peer's certificate must not be on it */
	bool any_client; /* a listener takes clients without a certificate */
	/* serial, unix */
	char path[ADDRESS_PATH_BYTES];
	uint32_t baud; /* 9600 8N1 when nothing is said */
	uint8_t data_bits, stop_bits;
	char parity; /* N, E, O */
	bool rtscts;
	uint16_t mode; /* of a Unix socket's file; 0600 when nothing is said */
};

/*
 * 0; -EINVAL and why says what is wrong and what would be right. Checks the text alone: what only
 * listening or only opening needs is checked by address_check.
 */
int address_parse(struct str text, struct address *ret_address,
		  char why[ADDRESS_WHY_BYTES]);
/* Can it be listened on, or opened? 0; -EINVAL and why. */
int address_check(const struct address *a, bool listen, char why[ADDRESS_WHY_BYTES]);

/* May this peer connect to a listener with that address? IPv4 in IPv6 counts as IPv4. */
bool address_allows(const struct address *a, const struct sockaddr *peer);

#endif
