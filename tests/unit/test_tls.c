/* TLS: who is let in and who is not, with certificates that are made here. */
#include "unit.h"

#include "base/stream.h"
#include "base/tls.h"
#include "cert_kit.h"
#include "tempdir.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS_MAX 20000
#define BIG_BYTES 300000u

static char dir[TEMPDIR_BYTES];

/* ---- two ends without a line between them ------------------------------------------------ */

static struct address
address(const char *text)
{
	char why[ADDRESS_WHY_BYTES];
	struct address a;

	ck_assert_msg(address_parse(str_of(text), &a, why) == 0, "%s: %s", text, why);
	return a;
}

static struct tls *
new_end(const char *text, bool server)
{
	struct address a = address(text);
	struct tls_context *c = NULL;
	struct tls *t = NULL;
	char why[TLS_WHY_BYTES];

	ck_assert_msg(tls_context_new(dir, &a, server, &c, why) == 0, "%s: %s", text,
		      why);
	ck_assert_int_eq(tls_new(c, &t), 0);
	tls_context_free(c);
	return t;
}

static void
carry(struct tls *from, struct tls *to)
{
	const uint8_t *data;
	size_t n = tls_pending(from, &data);

	ck_assert_int_eq(tls_take(to, data, n), 0);
	tls_sent(from, n);
}

/* Both shake hands; each one's last word. */
static void
shake(struct tls *client, struct tls *server, int *ret_client, int *ret_server)
{
	*ret_client = *ret_server = -EAGAIN;
	for (int i = 0; i < 20; i++) {
		if (*ret_client == -EAGAIN)
			*ret_client = tls_handshake(client);
		carry(client, server);
		if (*ret_server == -EAGAIN)
			*ret_server = tls_handshake(server);
		carry(server, client);
	}
}

#define ANY "&clients=any"

START_TEST(only_the_right_peer_is_taken)
{
	static const struct {
		const char *client, *server;
		int rc;
		const char *word;
	} rows[] = {
		{ "terminal.example:1?ca=ca", "cert=good.crt&key=good.key" ANY, 0, "" },
		{ "127.0.0.1:1?ca=ca", "cert=good.crt&key=good.key" ANY, 0, "" },
		{ "10.0.0.1:1?ca=ca&name=terminal.example",
		  "cert=good.crt&key=good.key" ANY, 0, "" },
		{ "wrong.example:1?ca=ca&name=127.0.0.1",
		  "cert=good.crt&key=good.key" ANY, 0, "" },
		{ "terminal.shop.example:1?ca=ca", "cert=wild.crt&key=wild.key" ANY, 0,
		  "" },
		{ "wrong.example:1?ca=ca", "cert=good.crt&key=good.key" ANY,
		  -EKEYREJECTED, "ostname" },
		{ "127.0.0.2:1?ca=ca", "cert=good.crt&key=good.key" ANY, -EKEYREJECTED,
		  "IP address" },
		{ "terminal.example:1?ca=ca&name=lane-3.example",
		  "cert=good.crt&key=good.key" ANY, -EKEYREJECTED, "ostname" },
		{ "terminal.shop.example:1?ca=ca", "cert=partial.crt&key=partial.key" ANY,
		  -EKEYREJECTED, "ostname" },
		{ "terminal.example:1?ca=ca", "cert=foreign.crt&key=foreign.key" ANY,
		  -EKEYREJECTED, "issuer" },
		{ "terminal.example:1?ca=otherca", "cert=good.crt&key=good.key" ANY,
		  -EKEYREJECTED, "issuer" },
		{ "terminal.example:1?ca=system", "cert=good.crt&key=good.key" ANY,
		  -EKEYREJECTED, "issuer" },
		{ "terminal.example:1?ca=ca", "cert=expired.crt&key=expired.key" ANY,
		  -EKEYREJECTED, "expired" },
		{ "terminal.example:1?ca=ca", "cert=early.crt&key=early.key" ANY,
		  -EKEYREJECTED, "not yet valid" },
		/* Revoked: by the list, when there is one; a list out of date, or of another, is none. */
		{ "terminal.example:1?ca=ca", "cert=revoked.crt&key=revoked.key" ANY, 0,
		  "" },
		{ "terminal.example:1?ca=ca&crl=ca.crl",
		  "cert=revoked.crt&key=revoked.key" ANY, -EKEYREJECTED, "revoked" },
		{ "terminal.example:1?ca=ca&crl=ca.crl", "cert=good.crt&key=good.key" ANY,
		  0, "" },
		{ "terminal.example:1?ca=ca&crl=old.crl",
		  "cert=good.crt&key=good.key" ANY, -EKEYREJECTED, "CRL has expired" },
		{ "terminal.example:1?ca=ca&crl=otherca.crl",
		  "cert=good.crt&key=good.key" ANY, -EKEYREJECTED,
		  "unable to get certificate CRL" },
	};

	tempdir_make(dir);
	cert_kit_make(dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char c[160], s[160];
		struct tls *client, *server;
		int rc, server_rc;

		(void)snprintf(c, sizeof(c), "tls://%s", rows[i].client);
		(void)snprintf(s, sizeof(s), "tls://127.0.0.1:1?%s", rows[i].server);
		client = new_end(c, false);
		server = new_end(s, true);
		shake(client, server, &rc, &server_rc);
		ck_assert_msg(rc == rows[i].rc, "%s %s: %d %s", c, s, rc,
			      tls_why(client));
		ck_assert_msg(strstr(tls_why(client), rows[i].word) != NULL, "%s %s: %s",
			      c, s, tls_why(client));
		ck_assert_int_eq(server_rc == 0, rc == 0);
		tls_free(client);
		tls_free(server);
	}
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_listener_takes_only_clients_that_it_knows)
{
	static const struct {
		const char *client, *server;
		bool taken;
	} rows[] = {
		{ "&cert=lane.crt&key=lane.key", "", true },
		{ "&cert=lane.crt&key=lane.key", "&name=lane-3.example", true },
		{ "&cert=lane.crt&key=lane.key", "&name=lane-4.example", false },
		{ "&cert=foreign.crt&key=foreign.key", "", false },
		{ "&cert=expired.crt&key=expired.key", "", false },
		{ "&cert=revoked.crt&key=revoked.key", "", true },
		{ "&cert=revoked.crt&key=revoked.key", "&crl=ca.crl", false },
		{ "&cert=lane.crt&key=lane.key", "&crl=ca.crl", true },
		{ "", "", false },
	};

	tempdir_make(dir);
	cert_kit_make(dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char c[160], s[160];
		struct tls *client, *server;
		int rc, server_rc;

		(void)snprintf(c, sizeof(c), "tls://127.0.0.1:1?ca=ca%s", rows[i].client);
		(void)snprintf(s, sizeof(s),
			       "tls://127.0.0.1:1?cert=good.crt&key=good.key&ca=ca%s",
			       rows[i].server);
		client = new_end(c, false);
		server = new_end(s, true);
		shake(client, server, &rc, &server_rc);
		ck_assert_msg((server_rc == 0) == rows[i].taken, "%s %s: %s", c, s,
			      tls_why(server));
		tls_free(client);
		tls_free(server);
	}
	tempdir_remove(dir);
}
END_TEST

static void
write_half_a_list(void)
{
	char text[4096];
	FILE *f = fopen(tempdir_path(dir, "ca.crl"), "r");
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof(text) / 2, f);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert(n > 100 && n < sizeof(text) / 2);
	memcpy(text + n, text, n);
	memset(text + n + n / 2, '*', 8);
	tempdir_write(dir, "half.crl", text, 2 * n);
	ck_assert_int_eq(chmod(tempdir_path(dir, "half.crl"), 0600), 0);
}

START_TEST(what_lies_in_the_credentials_is_checked)
{
	static const struct {
		const char *parameters;
		int rc;
		const char *word;
	} rows[] = {
		{ "ca=nowhere", -ENOENT, "LoadCredential=nowhere" },
		{ "ca=junk", -EKEYREJECTED, "certificate" },
		{ "ca=ca&crl=none", -ENOENT, "LoadCredential=none" },
		{ "ca=ca&crl=junk", -EKEYREJECTED, "list of revoked" },
		{ "ca=ca&crl=ca", -EKEYREJECTED, "list of revoked" },
		/* An older list, and the newer one of the same authority that cannot be read. */
		{ "ca=ca&crl=half.crl", -EKEYREJECTED, "list of revoked" },
		{ "ca=ca&cert=junk&key=good.key", -EKEYREJECTED, "certificate" },
		{ "ca=ca&cert=good.crt&key=junk", -EKEYREJECTED, "private key" },
		{ "ca=ca&cert=good.crt&key=lane.key", -EKEYREJECTED, "not the key" },
		{ "ca=ca&cert=good.crt&key=open.key", -EPERM, "open.key" },
	};

	tempdir_make(dir);
	cert_kit_make(dir);
	tempdir_write(dir, "open.key", "x", 1);
	ck_assert_int_eq(chmod(tempdir_path(dir, "open.key"), 0644), 0);
	ck_assert_int_eq(chmod(tempdir_path(dir, "junk"), 0600), 0);
	write_half_a_list();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tls_context *c = NULL;
		char text[160], why[TLS_WHY_BYTES];
		struct address a;

		(void)snprintf(text, sizeof(text), "tls://127.0.0.1:1?%s",
			       rows[i].parameters);
		a = address(text);
		ck_assert_msg(tls_context_new(dir, &a, false, &c, why) == rows[i].rc,
			      "%s: %s", text, why);
		ck_assert_msg(strstr(why, rows[i].word) != NULL, "%s: %s", text, why);
		ck_assert_ptr_null(c);
		ck_assert_int_eq(tls_context_new(NULL, &a, false, &c, why), -ENOENT);
	}
	tempdir_remove(dir);
}
END_TEST

/* A peer by OpenSSL itself, whose versions we may choose: its handshake with ours. */
static int
shake_with_raw(struct tls *ours, bool raw_is_server, int version)
{
	SSL_CTX *ctx =
		SSL_CTX_new(raw_is_server ? TLS_server_method() : TLS_client_method());
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	SSL *raw;
	int rc = -EAGAIN;

	SSL_CTX_set_security_level(ctx, 0);
	ck_assert_int_eq(SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION), 1);
	ck_assert_int_eq(SSL_CTX_set_max_proto_version(ctx, version), 1);
	if (raw_is_server) {
		ck_assert_int_eq(
			SSL_CTX_use_certificate_file(ctx, tempdir_path(dir, "good.crt"),
						     SSL_FILETYPE_PEM),
			1);
		ck_assert_int_eq(
			SSL_CTX_use_PrivateKey_file(ctx, tempdir_path(dir, "good.key"),
						    SSL_FILETYPE_PEM),
			1);
	}
	raw = SSL_new(ctx);
	SSL_set_bio(raw, in, out);
	if (raw_is_server)
		SSL_set_accept_state(raw);
	else
		SSL_set_connect_state(raw);
	for (int i = 0; i < 20; i++) {
		uint8_t buf[16384];
		const uint8_t *data;
		size_t n;
		int got;

		(void)SSL_do_handshake(raw); /* ours is judged */
		while ((got = BIO_read(out, buf, sizeof(buf))) > 0)
			ck_assert_int_eq(tls_take(ours, buf, (size_t)got), 0);
		if (rc == -EAGAIN)
			rc = tls_handshake(ours);
		n = tls_pending(ours, &data);
		if (n > 0)
			ck_assert_int_eq(BIO_write(in, data, (int)n), (int)n);
		tls_sent(ours, n);
	}
	SSL_free(raw);
	SSL_CTX_free(ctx);
	return rc;
}

START_TEST(old_versions_are_refused)
{
	static const struct {
		int version;
		bool taken;
	} rows[] = { { TLS1_VERSION, false },
		     { TLS1_1_VERSION, false },
		     { TLS1_2_VERSION, true },
		     { TLS1_3_VERSION, true } };

	tempdir_make(dir);
	cert_kit_make(dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tls *client = new_end("tls://127.0.0.1:1?ca=ca", false);
		struct tls *server =
			new_end("tls://127.0.0.1:1?cert=good.crt&key=good.key" ANY, true);
		int rc = shake_with_raw(client, true, rows[i].version);

		ck_assert_msg((rc == 0) == rows[i].taken, "client: %s", tls_why(client));
		rc = shake_with_raw(server, false, rows[i].version);
		ck_assert_msg((rc == 0) == rows[i].taken, "server: %s", tls_why(server));
		tls_free(client);
		tls_free(server);
	}
	tempdir_remove(dir);
}
END_TEST

START_TEST(what_is_no_tls_is_refused)
{
	static const char http[] = "GET / HTTP/1.0\r\n\r\n";
	struct tls *client, *server;

	tempdir_make(dir);
	cert_kit_make(dir);
	client = new_end("tls://127.0.0.1:1?ca=ca", false);
	server = new_end("tls://127.0.0.1:1?cert=good.crt&key=good.key" ANY, true);
	ck_assert_int_eq(tls_take(server, (const uint8_t *)http, sizeof(http) - 1), 0);
	ck_assert_int_eq(tls_handshake(server), -EPROTO);
	ck_assert_int_eq(tls_handshake(client), -EAGAIN);
	ck_assert_int_eq(tls_take(client, (const uint8_t *)http, sizeof(http) - 1), 0);
	ck_assert_int_eq(tls_handshake(client), -EPROTO);
	ck_assert_ptr_nonnull(strstr(tls_why(client), "TLS"));
	tls_free(client);
	tls_free(server);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_changed_byte_ends_the_connection)
{
	struct tls *client, *server;
	uint8_t buf[64], record[256];
	const uint8_t *data;
	int rc, server_rc;
	size_t n;

	tempdir_make(dir);
	cert_kit_make(dir);
	client = new_end("tls://127.0.0.1:1?ca=ca", false);
	server = new_end("tls://127.0.0.1:1?cert=good.crt&key=good.key" ANY, true);
	shake(client, server, &rc, &server_rc);
	ck_assert_int_eq(rc | server_rc, 0);
	ck_assert_int_eq(tls_write(client, (const uint8_t *)"amount", 6), 0);
	n = tls_pending(client, &data);
	ck_assert_uint_lt(n, sizeof(record));
	memcpy(record, data, n);
	record[n - 1] ^= 1;
	ck_assert_int_eq(tls_take(server, record, n), 0);
	ck_assert_int_eq(tls_read(server, buf, sizeof(buf)), -EPROTO);
	tls_free(client);
	tls_free(server);
	tempdir_remove(dir);
}
END_TEST

/* ---- over sockets ------------------------------------------------------------------------ */

struct end {
	struct stream *s;
	unsigned opened, closed;
	int err;
	uint8_t *data;
	size_t bytes;
};

static struct loop *loop;
static struct streams *streams;
static struct stream_listener *listener;
static struct end client, server;

static void
on_opened(void *ctx)
{
	((struct end *)ctx)->opened++;
}

static void
on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct end *e = ctx;

	ck_assert_uint_eq(e->opened, 1);
	ck_assert_uint_le(n, BIG_BYTES - e->bytes);
	memcpy(e->data + e->bytes, data, n);
	e->bytes += n;
}

static void
on_closed(void *ctx, int err)
{
	struct end *e = ctx;

	e->closed++;
	e->err = err;
}

static const struct stream_events events = { .opened = on_opened,
					     .data = on_data,
					     .closed = on_closed };

static void
on_accepted(void *ctx, struct stream *s)
{
	(void)ctx;
	server.s = s;
	stream_set_events(s, &events, &server);
}

static bool
reached(const unsigned *what)
{
	for (int i = 0; i < ROUNDS_MAX && *what == 0; i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	return *what > 0;
}

static bool
arrived(const struct end *e, size_t n)
{
	for (int i = 0; i < ROUNDS_MAX && e->bytes < n; i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	return e->bytes == n;
}

static void
setup(const char *scheme, const char *parameters)
{
	struct address a =
		address("tls://127.0.0.1:0?cert=good.crt&key=good.key&clients=any");
	struct stream_listen_options o = {
		.address = &a, .fd = -1, .peers_max = 4, .accepted = on_accepted
	};
	char text[160];

	tempdir_make(dir);
	cert_kit_make(dir);
	client = server = (struct end){ .s = NULL };
	client.data = malloc(BIG_BYTES);
	server.data = malloc(BIG_BYTES);
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(streams_new(loop, dir, &streams), 0);
	ck_assert_int_eq(stream_listen(streams, &o, &listener, NULL), 0);
	(void)snprintf(text, sizeof(text), "%s://127.0.0.1:%u%s", scheme,
		       (unsigned)stream_listener_port(listener), parameters);
	a = address(text);
	ck_assert_int_eq(stream_open(streams, &a, &events, &client, &client.s, NULL), 0);
}

static void
teardown(void)
{
	stream_free(client.s);
	stream_free(server.s);
	stream_listener_free(listener);
	streams_free(streams);
	loop_free(loop);
	free(client.data);
	free(server.data);
	tempdir_remove(dir);
}

START_TEST(streams_speak_tls)
{
	uint8_t big[BIG_BYTES];

	setup("tls", "?ca=ca");
	ck_assert(reached(&client.opened) && reached(&server.opened));
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7 + i / 251);
	stream_pause(server.s, true);
	ck_assert_int_eq(stream_send(client.s, big, sizeof(big)), 0);
	ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_uint_eq(server.bytes, 0);
	stream_pause(server.s, false);
	ck_assert(arrived(&server, sizeof(big)));
	ck_assert_mem_eq(server.data, big, sizeof(big));
	ck_assert_int_eq(stream_send(server.s, big, 1000), 0);
	stream_close(server.s);
	server.s = NULL;
	ck_assert(arrived(&client, 1000));
	ck_assert(reached(&client.closed));
	ck_assert_int_eq(client.err, 0);
	teardown();
}
END_TEST

START_TEST(a_cut_is_no_end)
{
	setup("tls", "?ca=ca");
	ck_assert(reached(&client.opened) && reached(&server.opened));
	server.s = stream_free(server.s);
	ck_assert(reached(&client.closed));
	ck_assert_int_eq(client.err, -ECONNRESET);
	teardown();
}
END_TEST

START_TEST(the_wrong_peer_gets_no_byte)
{
	setup("tls", "?ca=otherca");
	ck_assert(reached(&client.closed) && reached(&server.closed));
	ck_assert_uint_eq(client.opened, 0);
	ck_assert_int_eq(client.err, -EKEYREJECTED);
	ck_assert_ptr_nonnull(strstr(stream_why(client.s), "issuer"));
	ck_assert_uint_eq(server.bytes, 0);
	teardown();
}
END_TEST

START_TEST(a_peer_that_says_nothing_is_not_waited_for)
{
	setup("tcp", "");
	streams_set_limits(streams, 50, 50);
	ck_assert(reached(&client.opened));
	ck_assert(reached(&server.closed));
	ck_assert_uint_eq(server.opened, 0);
	ck_assert_int_eq(server.err, -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(stream_why(server.s), "TLS"));
	teardown();
}
END_TEST

START_TEST(plain_bytes_to_a_tls_listener_are_no_connection)
{
	setup("tcp", "");
	ck_assert(reached(&client.opened));
	ck_assert_int_eq(
		stream_send(client.s, (const uint8_t *)"hello, anybody there?", 21), 0);
	ck_assert(reached(&server.closed));
	ck_assert_uint_eq(server.opened, 0);
	ck_assert_int_eq(server.err, -EPROTO);
	teardown();
}
END_TEST

UNIT_MAIN("tls", only_the_right_peer_is_taken,
	  a_listener_takes_only_clients_that_it_knows,
	  what_lies_in_the_credentials_is_checked, old_versions_are_refused,
	  what_is_no_tls_is_refused, a_changed_byte_ends_the_connection,
	  streams_speak_tls, a_cut_is_no_end, a_peer_that_says_nothing_is_not_waited_for,
	  the_wrong_peer_gets_no_byte, plain_bytes_to_a_tls_listener_are_no_connection)
