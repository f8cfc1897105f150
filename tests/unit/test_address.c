/* Addresses as configurations write them. */
#include "unit.h"

#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct address
parsed(const char *text)
{
	char why[ADDRESS_WHY_BYTES];
	struct address a;

	ck_assert_msg(address_parse(str_of(text), &a, why) == 0, "%s: %s", text, why);
	ck_assert_str_eq(why, "");
	return a;
}

START_TEST(tcp_has_host_and_port)
{
	static const struct {
		const char *text, *host;
		unsigned port;
		bool numeric;
	} rows[] = {
		{ "tcp://127.0.0.1:20007", "127.0.0.1", 20007, true },
		{ "tcp://[::1]:0", "::1", 0, true },
		{ "tcp://[fe80::1]:65535", "fe80::1", 65535, true },
		{ "tcp://terminal-3.shop.example:80", "terminal-3.shop.example", 80,
		  false },
		{ "tcp://localhost:1", "localhost", 1, false },
		{ "tls://10.0.0.1:443", "10.0.0.1", 443, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address a = parsed(rows[i].text);

		ck_assert_str_eq(a.host, rows[i].host);
		ck_assert_uint_eq(a.port, rows[i].port);
		ck_assert_int_eq(a.numeric, rows[i].numeric);
		ck_assert_int_eq(a.kind,
				 rows[i].text[1] == 'c' ? ADDRESS_TCP : ADDRESS_TLS);
	}
}
END_TEST

START_TEST(tls_has_names_of_credentials)
{
	struct address a = parsed("tls://psp.example:443?name=pay.psp.example&ca=psp-ca."
				  "pem&cert=lane.crt&key=lane_key&crl=psp.crl");

	ck_assert_str_eq(a.name, "pay.psp.example");
	ck_assert_str_eq(a.ca, "psp-ca.pem");
	ck_assert_str_eq(a.cert, "lane.crt");
	ck_assert_str_eq(a.key, "lane_key");
	ck_assert_str_eq(a.crl, "psp.crl");
	ck_assert(!a.any_client);
	ck_assert(parsed("tls://0.0.0.0:1?clients=any").any_client);
	ck_assert_str_eq(parsed("tls://h:1?name=10.0.0.1").name, "10.0.0.1");
	ck_assert_str_eq(parsed("tls://h:1?name=fe80::1").name, "fe80::1");
}
END_TEST

START_TEST(serial_has_its_format)
{
	struct address a = parsed("serial:///dev/ttyS0");

	ck_assert_int_eq(a.kind, ADDRESS_SERIAL);
	ck_assert_str_eq(a.path, "/dev/ttyS0");
	ck_assert_uint_eq(a.baud, 9600);
	ck_assert_uint_eq(a.data_bits, 8);
	ck_assert_int_eq(a.parity, 'N');
	ck_assert_uint_eq(a.stop_bits, 1);
	ck_assert(!a.rtscts);
	a = parsed("serial:///dev/serial/by-id/usb-x?115200,7E2,rtscts");
	ck_assert_uint_eq(a.baud, 115200);
	ck_assert_uint_eq(a.data_bits, 7);
	ck_assert_int_eq(a.parity, 'E');
	ck_assert_uint_eq(a.stop_bits, 2);
	ck_assert(a.rtscts);
	ck_assert_uint_eq(parsed("serial:///dev/ttyS0?300").baud, 300);
}
END_TEST

START_TEST(unix_has_its_mode)
{
	ck_assert_str_eq(parsed("unix:/run/pos.sock").path, "/run/pos.sock");
	ck_assert_uint_eq(parsed("unix:/run/pos.sock").mode, 0600);
	ck_assert_uint_eq(parsed("unix:/run/pos.sock?mode=0666").mode, 0666);
}
END_TEST

START_TEST(what_is_wrong_is_said)
{
	static const struct {
		const char *text, *word;
	} rows[] = {
		{ "", "characters" },
		{ "tcp://a b:1", "blanks" },
		{ "tcp://\xc3\xa4:1", "blanks" },
		{ "http://x:1", "begins with" },
		{ "tcp:/x:1", "begins with" },
		{ "tcp://", "HOST:PORT" },
		{ "tcp://host", "HOST:PORT" },
		{ "tcp://host:", "port" },
		{ "tcp://host:65536", "port" },
		{ "tcp://host:+1", "port" },
		{ "tcp://host:123456", "port" },
		{ "tcp://::1:80", "port" },
		{ "tcp://[::1]80", "brackets" },
		{ "tcp://[::1", "brackets" },
		{ "tcp://[host]:1", "neither" },
		{ "tcp://:1", "neither" },
		{ "tcp://10.0.0.256:1", "neither" },
		{ "tcp://10.0.1:1", "neither" },
		{ "tcp://-x:1", "neither" },
		{ "tcp://a..b:1", "neither" },
		{ "tcp://a_b:1", "neither" },
		{ "tcp://h:1?", "key=value" },
		{ "tcp://h:1?allow", "key=value" },
		{ "tcp://h:1?ca=x", "tcp has allow" },
		{ "tcp://h:1?allow=", "no address" },
		{ "tcp://h:1?allow=10.0.0.0/33", "0 to 32" },
		{ "tcp://h:1?allow=10.0.0.0/", "0 to 32" },
		{ "tcp://h:1?allow=::/129", "0 to 128" },
		{ "tcp://h:1?allow=10.1.0.0/8", "are set" },
		{ "tcp://h:1?allow=host", "no address" },
		{ "tcp://h:1?allow=10.0.0.1+", "no address" },
		{ "tcp://h:1?allow=10.0.0.1&allow=10.0.0.2", "twice" },
		{ "tcp://"
		  "h:1?allow=1.1.1.1+1.1.1.1+1.1.1.1+1.1.1.1+1.1.1.1+1.1.1.1+1.1.1.1+"
		  "1.1.1.1+1.1.1.1+1.1.1.1+1.1.1.1+1.1.1.1+1.1.1.1+1.1.1.1+1.1.1.1+1.1.1."
		  "1+"
		  "1.1.1.1",
		  "at most" },
		{ "tls://h:1?ca=../x", "credential" },
		{ "tls://h:1?ca=.x", "credential" },
		{ "tls://h:1?ca=", "credential" },
		{ "tls://h:1?ca=a&ca=b", "twice" },
		{ "tls://h:1?crl=a&crl=b", "twice" },
		{ "tls://h:1?crl=a/b", "credential" },
		{ "tls://h:1?name=", "certificate" },
		{ "tls://h:1?name=a/b", "certificate" },
		{ "tls://h:1?name=a&name=b", "twice" },
		{ "tls://h:1?clients=some", "any" },
		{ "tls://h:1?verify=no", "no such parameter" },
		{ "serial://ttyS0", "root" },
		{ "serial:///etc/passwd", "/dev" },
		{ "serial:///dev/../etc/x", "back" },
		{ "serial:///dev/", "back" },
		{ "serial:///dev/ttyS0?", "baud" },
		{ "serial:///dev/ttyS0?9601", "baud" },
		{ "serial:///dev/ttyS0?9600,", "8N1" },
		{ "serial:///dev/ttyS0?9600,9N1", "8N1" },
		{ "serial:///dev/ttyS0?9600,8X1", "8N1" },
		{ "serial:///dev/ttyS0?9600,8N3", "8N1" },
		{ "serial:///dev/ttyS0?9600,8N1,xonxoff", "rtscts" },
		{ "serial:///dev/ttyS0?9600,8N1,rtscts,x", "rtscts" },
		{ "unix:", "root" },
		{ "unix:run/x", "root" },
		{ "unix:/run/x?mode=0777", "mode" },
		{ "unix:/run/x?mode=66", "mode" },
		{ "unix:/run/x?m", "mode" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char why[ADDRESS_WHY_BYTES] = "";
		struct address a = { .port = 4711 };

		ck_assert_msg(address_parse(str_of(rows[i].text), &a, why) == -EINVAL,
			      "taken: %s", rows[i].text);
		ck_assert_msg(strstr(why, rows[i].word) != NULL, "%s: %s", rows[i].text,
			      why);
		ck_assert_uint_eq(a.port, 4711);
	}
}
END_TEST

START_TEST(what_is_too_long_is_refused)
{
	char text[700], why[ADDRESS_WHY_BYTES];
	struct address a;

	for (size_t n = 0; n < sizeof(text) - 16; n++) {
		struct str s = { text, 0 };

		memset(text, 'a', sizeof(text));
		memcpy(text, "tcp://", 6);
		memcpy(text + 6 + n, ":1", 3);
		s.n = 6 + n + 2;
		ck_assert_int_eq(address_parse(s, &a, why) == 0,
				 n >= 1 && n < ADDRESS_HOST_BYTES);
		memcpy(text, "unix:/", 6);
		s.n = 6 + n;
		ck_assert_int_eq(address_parse(s, &a, why) == 0,
				 n >= 1 && n + 1 < ADDRESS_PATH_BYTES);
	}
}
END_TEST

START_TEST(what_listening_and_opening_need_is_checked)
{
	static const struct {
		const char *text;
		bool listen, open;
	} rows[] = {
		{ "tcp://127.0.0.1:1", true, true },
		{ "tcp://127.0.0.1:0", true, false },
		{ "tcp://host:1", false, true },
		{ "tcp://127.0.0.1:1?allow=10.0.0.1", true, false },
		{ "tls://127.0.0.1:1", false, false },
		{ "tls://host:1?ca=x", false, true },
		{ "tls://host:1?ca=x&crl=r", false, true },
		{ "tls://host:1?crl=r", false, false },
		{ "tls://127.0.0.1:1?cert=c&key=k&clients=any&crl=r", false, false },
		{ "tls://127.0.0.1:1?ca=x&cert=c&key=k", true, true },
		{ "tls://127.0.0.1:1?cert=c&key=k", false, false },
		{ "tls://127.0.0.1:1?cert=c&key=k&clients=any", true, false },
		{ "tls://127.0.0.1:1?ca=x&cert=c&key=k&clients=any", false, false },
		{ "tls://127.0.0.1:1?cert=c&key=k&clients=any&name=n", false, false },
		{ "tls://127.0.0.1:1?ca=x&cert=c", false, false },
		{ "tls://127.0.0.1:1?ca=x&key=c", false, false },
		{ "serial:///dev/ttyS0", true, true },
		{ "unix:/x", true, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address a = parsed(rows[i].text);
		char why[ADDRESS_WHY_BYTES];

		ck_assert_msg((address_check(&a, true, why) == 0) == rows[i].listen,
			      "listen %s: %s", rows[i].text, why);
		ck_assert_int_eq(why[0] == '\0', rows[i].listen);
		ck_assert_msg((address_check(&a, false, why) == 0) == rows[i].open,
			      "open %s: %s", rows[i].text, why);
		ck_assert_int_eq(why[0] == '\0', rows[i].open);
	}
}
END_TEST

static bool
allows(const struct address *a, const char *peer)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, peer, &in.sin_addr) == 1)
		return address_allows(a, (const struct sockaddr *)&in);
	ck_assert_int_eq(inet_pton(AF_INET6, peer, &in6.sin6_addr), 1);
	return address_allows(a, (const struct sockaddr *)&in6);
}

START_TEST(only_peers_of_the_nets_are_allowed)
{
	static const struct {
		const char *allow, *peer;
		bool yes;
	} rows[] = {
		{ "", "127.0.0.1", true },
		{ "", "127.255.1.1", true },
		{ "", "::1", true },
		{ "", "::ffff:127.0.0.1", true },
		{ "", "10.0.0.1", false },
		{ "", "::2", false },
		{ "", "::ffff:10.0.0.1", false },
		{ "?allow=10.1.2.3", "10.1.2.3", true },
		{ "?allow=10.1.2.3", "10.1.2.2", false },
		{ "?allow=10.1.2.3", "127.0.0.1", false },
		{ "?allow=10.1.2.0/23", "10.1.3.255", true },
		{ "?allow=10.1.2.0/23", "10.1.4.0", false },
		{ "?allow=10.1.2.0/23", "10.1.1.255", false },
		{ "?allow=0.0.0.0/0", "203.0.113.9", true },
		{ "?allow=0.0.0.0/0", "2001:db8::1", false },
		{ "?allow=::/0", "2001:db8::1", true },
		{ "?allow=::/0", "203.0.113.9", false },
		{ "?allow=2001:db8::/33", "2001:db8:7fff::1", true },
		{ "?allow=2001:db8::/33", "2001:db8:8000::1", false },
		{ "?allow=10.0.0.1+::1", "::1", true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[128];
		struct address a;

		(void)snprintf(text, sizeof(text), "tcp://0.0.0.0:1%s", rows[i].allow);
		a = parsed(text);
		ck_assert_msg(allows(&a, rows[i].peer) == rows[i].yes, "%s %s",
			      rows[i].allow, rows[i].peer);
	}
}
END_TEST

START_TEST(a_peer_of_another_kind_is_not_allowed)
{
	struct address a = parsed("tcp://0.0.0.0:1?allow=0.0.0.0/0+::/0");
	const struct sockaddr un = { .sa_family = AF_UNIX };

	ck_assert(!address_allows(&a, &un));
}
END_TEST

UNIT_MAIN("address", tcp_has_host_and_port, tls_has_names_of_credentials,
	  serial_has_its_format, unix_has_its_mode, what_is_wrong_is_said,
	  what_is_too_long_is_refused, what_listening_and_opening_need_is_checked,
	  only_peers_of_the_nets_are_allowed, a_peer_of_another_kind_is_not_allowed)
