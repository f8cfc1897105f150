#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BAUD_DEFAULT 9600u

static const struct {
	const char *prefix;
	enum address_kind kind;
} schemes[] = { { "tcp://", ADDRESS_TCP },
		{ "tls://", ADDRESS_TLS },
		{ "serial://", ADDRESS_SERIAL },
		{ "unix:", ADDRESS_UNIX } };

static const uint32_t bauds[] = { 300,   600,   1200,  2400,   4800,  9600,
				  19200, 38400, 57600, 115200, 230400 };

/* Says what is wrong; -EINVAL. */
__attribute__((format(printf, 2, 3))) static int
wrong(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, ADDRESS_WHY_BYTES, fmt, ap); /* for people: may be cut */
	va_end(ap);
	return -EINVAL;
}

/* ---- text -------------------------------------------------------------------------------- */

static struct str
skip(struct str s, size_t n)
{
	return (struct str){ s.p + n, s.n - n };
}

/* Cuts s before the first c, and *ret_rest is what stands behind it. False: there is no c. */
static bool
cut(struct str *s, char c, struct str *ret_rest)
{
	const char *at = s->n == 0 ? NULL : memchr(s->p, c, s->n);

	if (at == NULL)
		return false;
	*ret_rest = skip(*s, (size_t)(at - s->p) + 1);
	s->n = (size_t)(at - s->p);
	return true;
}

/* Printable ASCII without blanks: nothing else belongs into an address. */
static bool
is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

static bool
holds_only(struct str s, const char *chars)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr(chars, s.p[i]) == NULL)
			return false;
	return s.n > 0;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* The name of a file in one folder, and no way out of it. */
static bool
is_credential(struct str s)
{
	return s.n < ADDRESS_CREDENTIAL_BYTES && holds_only(s, LETTERS DIGITS "._-") &&
	       s.p[0] != '.';
}

static bool
is_host_name(struct str s)
{
	if (s.n >= ADDRESS_HOST_BYTES || !holds_only(s, LETTERS DIGITS ".-") ||
	    s.p[0] == '.' || s.p[0] == '-')
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] == '.' && s.p[i - 1] == '.')
			return false;
	/* A name that ends like a number is a mistyped address (RFC 1123, 2.1). */
	while (s.n > 0 && s.p[s.n - 1] != '.')
		if (strchr(DIGITS, s.p[--s.n]) == NULL)
			return true;
	return false;
}

/* ---- nets -------------------------------------------------------------------------------- */

/* No bit behind the first `bits` is set. */
static bool
is_whole_net(const struct address_net *n)
{
	for (unsigned i = n->bits; i < (n->v6 ? 128u : 32u); i++)
		if ((n->bytes[i / 8] >> (7 - i % 8) & 1) != 0)
			return false;
	return true;
}

static int
parse_net(struct str s, struct address_net *ret_net, char *why)
{
	struct address_net n = { .bits = 0 };
	struct str bits = { NULL, 0 }, whole = s;
	char text[INET6_ADDRSTRLEN];
	bool has_bits = cut(&s, '/', &bits);
	int64_t number = 0;

	if (str_copy(text, sizeof(text), s) == 0) {
		n.v6 = strchr(text, ':') != NULL;
		if (inet_pton(n.v6 ? AF_INET6 : AF_INET, text, n.bytes) != 1)
			text[0] = '\0';
	}
	if (text[0] == '\0')
		return wrong(why, "allow: \"%.*s\" is no address; 10.1.2.0/24, please",
			     (int)whole.n, whole.p);
	n.bits = n.v6 ? 128 : 32;
	if (has_bits &&
	    (!str_digits_ok(bits, 3) || str_to_i64(bits, &number) < 0 || number > n.bits))
		return wrong(why, "allow: \"%.*s\": 0 to %u bits, please", (int)whole.n,
			     whole.p, (unsigned)n.bits);
	if (has_bits)
		n.bits = (uint8_t)number;
	if (!is_whole_net(&n))
		return wrong(why, "allow: \"%.*s\": bits behind /%u are set",
			     (int)whole.n, whole.p, (unsigned)n.bits);
	*ret_net = n;
	return 0;
}

static int
parse_allow(struct address *a, struct str value, char *why)
{
	bool more = true;

	if (a->nets_count > 0)
		return wrong(why, "allow stands twice; join the nets by +");
	while (more) {
		struct str rest = { NULL, 0 };
		int rc;

		more = cut(&value, '+', &rest);
		if (a->nets_count == ADDRESS_NETS_MAX)
			return wrong(why, "allow: at most %u nets", ADDRESS_NETS_MAX);
		rc = parse_net(value, &a->nets[a->nets_count], why);
		if (rc < 0)
			return rc;
		a->nets_count++;
		value = rest;
	}
	return 0;
}

/* ---- parameters -------------------------------------------------------------------------- */

static int
set_credential(char *to, struct str key, struct str value, char *why)
{
	if (to[0] != '\0')
		return wrong(why, "%.*s stands twice", (int)key.n, key.p);
	if (!is_credential(value))
		return wrong(why,
			     "%.*s: the name of a credential, please: letters, "
			     "digits, '.', '_' and '-'",
			     (int)key.n, key.p);
	return str_copy(to, ADDRESS_CREDENTIAL_BYTES, value); /* it fits: checked */
}

static int
set_name(struct address *a, struct str value, char *why)
{
	unsigned char bytes[16];

	if (a->name[0] != '\0')
		return wrong(why, "name stands twice");
	if (value.n == 0 || str_copy(a->name, sizeof(a->name), value) < 0 ||
	    (!is_host_name(value) && inet_pton(AF_INET, a->name, bytes) != 1 &&
	     inet_pton(AF_INET6, a->name, bytes) != 1))
		return wrong(why, "name: the name in the peer's certificate, please");
	return 0;
}

static int
take_tls(struct address *a, struct str key, struct str value, char *why)
{
	if (str_is(key, "ca"))
		return set_credential(a->ca, key, value, why);
	if (str_is(key, "crl"))
		return set_credential(a->crl, key, value, why);
	if (str_is(key, "cert"))
		return set_credential(a->cert, key, value, why);
	if (str_is(key, "key"))
		return set_credential(a->key, key, value, why);
	if (str_is(key, "name"))
		return set_name(a, value, why);
	if (!str_is(key, "clients"))
		return wrong(why,
			     "no such parameter: \"%.*s\"; there are name, ca, crl, "
			     "cert, key, clients and allow",
			     (int)key.n, key.p);
	if (!str_is(value, "any"))
		return wrong(why, "clients: only \"any\" can be said");
	a->any_client = true;
	return 0;
}

/* What stands behind '?' of tcp and tls: key=value, joined by '&'. */
static int
parse_parameters(struct address *a, struct str s, char *why)
{
	bool more = true;
	int rc = 0;

	while (rc == 0 && more) {
		struct str rest = { NULL, 0 }, value = { NULL, 0 };

		more = cut(&s, '&', &rest);
		if (!cut(&s, '=', &value))
			return wrong(why, "parameter \"%.*s\": key=value, please",
				     (int)s.n, s.p);
		if (str_is(s, "allow"))
			rc = parse_allow(a, value, why);
		else if (a->kind == ADDRESS_TLS)
			rc = take_tls(a, s, value, why);
		else
			rc = wrong(why, "no such parameter: \"%.*s\"; tcp has allow",
				   (int)s.n, s.p);
		s = rest;
	}
	return rc;
}

/* ---- tcp, tls ---------------------------------------------------------------------------- */

/* HOST:PORT; an IPv6 address stands in brackets. */
static int
split_host(struct str s, struct str *ret_host, struct str *ret_port, bool *ret_v6)
{
	*ret_v6 = s.n > 0 && s.p[0] == '[';
	if (*ret_v6) {
		*ret_host = skip(s, 1);
		if (!cut(ret_host, ']', ret_port) || ret_port->n == 0 ||
		    ret_port->p[0] != ':')
			return -EINVAL;
		*ret_port = skip(*ret_port, 1);
		return 0;
	}
	*ret_host = s;
	return cut(ret_host, ':', ret_port) ? 0 : -EINVAL;
}

static int
parse_inet(struct address *a, struct str s, char *why)
{
	struct str host, port, parameters = { NULL, 0 };
	unsigned char bytes[16];
	int64_t number = 0;
	bool has_parameters = cut(&s, '?', &parameters), v6 = false;

	if (split_host(s, &host, &port, &v6) < 0)
		return wrong(why, "HOST:PORT, please; an IPv6 address in brackets");
	if (!str_digits_ok(port, 5) || str_to_i64(port, &number) < 0 || number > 65535)
		return wrong(why, "port \"%.*s\": 0 to 65535, please", (int)port.n,
			     port.p);
	a->port = (uint16_t)number;
	if (str_copy(a->host, sizeof(a->host), host) < 0)
		return wrong(why, "the host is longer than %u bytes",
			     ADDRESS_HOST_BYTES - 1);
	a->numeric = inet_pton(v6 ? AF_INET6 : AF_INET, a->host, bytes) == 1;
	if (!a->numeric && (v6 || !is_host_name(host)))
		return wrong(why, "host \"%.*s\" is neither an address nor a name",
			     (int)host.n, host.p);
	return has_parameters ? parse_parameters(a, parameters, why) : 0;
}

/* ---- serial, unix ------------------------------------------------------------------------ */

static int
parse_format(struct address *a, struct str s, char *why)
{
	if (s.n != 3 || (s.p[0] != '7' && s.p[0] != '8') ||
	    strchr("NEO", s.p[1]) == NULL || (s.p[2] != '1' && s.p[2] != '2'))
		return wrong(why,
			     "\"%.*s\": 8N1 and its like, please: 7 or 8 bits, N, E or "
			     "O for the parity, 1 or 2 stop bits",
			     (int)s.n, s.p);
	a->data_bits = (uint8_t)(s.p[0] - '0');
	a->parity = s.p[1];
	a->stop_bits = (uint8_t)(s.p[2] - '0');
	return 0;
}

static int
parse_baud(struct address *a, struct str s, char *why)
{
	int64_t number = 0;

	if (str_digits_ok(s, 7) && str_to_i64(s, &number) == 0)
		for (size_t i = 0; i < sizeof(bauds) / sizeof(bauds[0]); i++)
			if (number == bauds[i]) {
				a->baud = bauds[i];
				return 0;
			}
	return wrong(why, "\"%.*s\" baud: 300 to 230400, as ports have them, please",
		     (int)s.n, s.p);
}

/* A path from the root, without ".." that would hide where it leads. */
static int
parse_path(struct address *a, struct str s, const char *example, char *why)
{
	if (s.n < 2 || s.p[0] != '/' || str_copy(a->path, sizeof(a->path), s) < 0)
		return wrong(why, "a path from the root of at most %u bytes, please: %s",
			     ADDRESS_PATH_BYTES - 1, example);
	if (strstr(a->path, "/../") != NULL || a->path[s.n - 1] == '/')
		return wrong(why, "the path goes back or ends in '/'");
	return 0;
}

static int
parse_serial(struct address *a, struct str s, char *why)
{
	struct str line = { NULL, 0 }, format = { NULL, 0 }, flow = { NULL, 0 };
	bool has_line = cut(&s, '?', &line), has_format, has_flow;
	int rc = parse_path(a, s, "serial:///dev/ttyS0?9600,8N1", why);

	if (rc == 0 && strncmp(a->path, "/dev/", 5) != 0)
		rc = wrong(why, "a serial line is a device below /dev");
	if (rc < 0 || !has_line)
		return rc;
	has_format = cut(&line, ',', &format);
	has_flow = has_format && cut(&format, ',', &flow);
	rc = parse_baud(a, line, why);
	if (rc == 0 && has_format)
		rc = parse_format(a, format, why);
	if (rc == 0 && has_flow && !str_is(flow, "rtscts"))
		rc = wrong(why, "\"%.*s\": only rtscts can stand there", (int)flow.n,
			   flow.p);
	a->rtscts = has_flow;
	return rc;
}

static int
parse_unix(struct address *a, struct str s, char *why)
{
	struct str parameter = { NULL, 0 }, value = { NULL, 0 };
	bool has_parameter = cut(&s, '?', &parameter);
	int rc = parse_path(a, s, "unix:/run/pos/laned.sock", why);
	unsigned mode = 0;

	if (rc < 0 || !has_parameter)
		return rc;
	if (!cut(&parameter, '=', &value) || !str_is(parameter, "mode") || value.n != 4 ||
	    value.p[0] != '0' || !holds_only(value, "0246"))
		return wrong(why, "only mode=0600 to mode=0666 can stand behind '?'");
	for (size_t i = 0; i < value.n; i++)
		mode = mode * 8 + (unsigned)(value.p[i] - '0');
	a->mode = (uint16_t)mode;
	return 0;
}

/* ---- all --------------------------------------------------------------------------------- */

static int
parse_rest(struct address *a, struct str s, char *why)
{
	switch (a->kind) {
	case ADDRESS_TCP:
	case ADDRESS_TLS:
		return parse_inet(a, s, why);
	case ADDRESS_SERIAL:
		return parse_serial(a, s, why);
	case ADDRESS_UNIX:
		break;
	}
	return parse_unix(a, s, why);
}

int
address_parse(struct str text, struct address *ret_address, char why[ADDRESS_WHY_BYTES])
{
	struct address a = { .baud = BAUD_DEFAULT,
			     .data_bits = 8,
			     .stop_bits = 1,
			     .parity = 'N',
			     .mode = 0600 };
	size_t n = 0, i;
	int rc;

	why[0] = '\0';
	if (text.n == 0 || text.n > ADDRESS_BYTES_MAX || !is_plain(text))
		return wrong(why, "1 to %u characters without blanks, please",
			     ADDRESS_BYTES_MAX);
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		n = strlen(schemes[i].prefix);
		if (text.n >= n && memcmp(text.p, schemes[i].prefix, n) == 0)
			break;
	}
	if (i == sizeof(schemes) / sizeof(schemes[0]))
		return wrong(why, "it begins with tcp://, tls://, serial:// or unix:");
	a.kind = schemes[i].kind;
	rc = parse_rest(&a, skip(text, n), why);
	if (rc == 0)
		*ret_address = a;
	return rc;
}

static int
check_tls(const struct address *a, bool listen, char *why)
{
	if ((a->cert[0] == '\0') != (a->key[0] == '\0'))
		return wrong(why, "cert and key belong together");
	if (a->crl[0] != '\0' && a->ca[0] == '\0')
		return wrong(why, "crl means nothing without ca");
	if (listen && a->cert[0] == '\0')
		return wrong(why, "a listener needs cert and key");
	if (listen && (a->ca[0] == '\0') != a->any_client)
		return wrong(why, "a listener needs either ca, by which its clients are "
				  "known, or clients=any");
	if (listen && a->any_client && a->name[0] != '\0')
		return wrong(why, "name means nothing together with clients=any");
	if (!listen && a->ca[0] == '\0')
		return wrong(why, "ca is missing, by which the peer is known; ca=system: "
				  "any public one");
	if (!listen && a->any_client)
		return wrong(why, "clients is for listeners");
	return 0;
}

int
address_check(const struct address *a, bool listen, char why[ADDRESS_WHY_BYTES])
{
	bool inet = a->kind == ADDRESS_TCP || a->kind == ADDRESS_TLS;

	why[0] = '\0';
	if (inet && listen && !a->numeric)
		return wrong(why, "a listener needs an address, no name");
	if (inet && !listen && a->nets_count > 0)
		return wrong(why, "allow is for listeners");
	if (inet && !listen && a->port == 0)
		return wrong(why, "port 0 leads nowhere");
	return a->kind == ADDRESS_TLS ? check_tls(a, listen, why) : 0;
}

/* ---- who may connect --------------------------------------------------------------------- */

static bool
contains(const struct address_net *n, bool v6, const uint8_t *bytes)
{
	unsigned whole = n->bits / 8u, rest = n->bits % 8u;

	if (n->v6 != v6 || memcmp(n->bytes, bytes, whole) != 0)
		return false;
	return rest == 0 || (n->bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0;
}

bool
address_allows(const struct address *a, const struct sockaddr *peer)
{
	static const struct address_net loopback[] = {
		{ .bytes = { 127 }, .bits = 8 },
		{ .bytes = { [15] = 1 }, .bits = 128, .v6 = true },
	};
	const struct address_net *nets = a->nets_count > 0 ? a->nets : loopback;
	uint32_t count = a->nets_count > 0 ? a->nets_count : 2;
	uint8_t bytes[16] = { 0 };
	bool v6 = peer->sa_family == AF_INET6;

	if (v6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, peer, sizeof(in6));
		v6 = !IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr);
		memcpy(bytes, in6.sin6_addr.s6_addr + (v6 ? 0 : 12), v6 ? 16 : 4);
	} else if (peer->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, peer, sizeof(in));
		memcpy(bytes, &in.sin_addr, 4);
	} else {
		return false;
	}
	for (uint32_t i = 0; i < count; i++)
		if (contains(&nets[i], v6, bytes))
			return true;
	return false;
}
