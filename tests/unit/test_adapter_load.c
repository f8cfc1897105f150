/* The loader against a good plug-in and against files that must never be mapped as code. */
#include "unit.h"

#include "adapter/adapter_conf.h"
#include "adapter/plugin_load.h"
#include "adapter/sandbox.h"

#include <elf.h>
#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#define SO_BYTES_MAX (8u * 1024u * 1024u)

static char root[] = "/tmp/laned-load-XXXXXX";
static char so_path[64];
static uint8_t *so;
static size_t so_bytes;

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
setup(void)
{
	const char *build = getenv("LANED_BUILD");
	char path[512];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/plugins/drop.so",
		       build == NULL ? "build" : build); /* a cut path fails below */
	f = fopen(path, "rbe");
	ck_assert_msg(f != NULL, "%s is missing: make it first", path);
	so = malloc(SO_BYTES_MAX);
	ck_assert_ptr_nonnull(so);
	so_bytes = fread(so, 1, SO_BYTES_MAX, f);
	(void)fclose(f); /* read only */
	memcpy(root, "/tmp/laned-load-XXXXXX", sizeof(root));
	ck_assert_ptr_nonnull(mkdtemp(root));
	(void)snprintf(so_path, sizeof(so_path), "%s/x.so", root); /* fits */
}

static void
teardown(void)
{
	free(so);
	ck_assert_int_eq(nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void
write_so(const uint8_t *data, size_t n)
{
	FILE *f;

	(void)unlink(so_path); /* may not be there */
	f = fopen(so_path, "wbe");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(data, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(so_path, 0644), 0);
}

static int
check(char why[PLUGIN_WHY_BYTES])
{
	struct plugin_elf elf;
	bool own;

	return plugin_check(so_path, &elf, &own, why);
}

START_TEST(a_good_plug_in_is_loaded_and_tells_what_it_is)
{
	char why[PLUGIN_WHY_BYTES] = "";
	struct plugin *p = NULL;

	setup();
	write_so(so, so_bytes);
	ck_assert_msg(plugin_load(so_path, &p, why) == 0, "%s", why);
	ck_assert_str_eq(plugin_table(p)->name, "drop");
	ck_assert_uint_eq(plugin_elf(p)->exported, 1);
	ck_assert_ptr_null(plugin_free(p));
	teardown();
}
END_TEST

static const struct {
	size_t offset;
	uint8_t value;
	int error;
	const char *why;
} header_bytes[] = {
	{ 0, 'E', -ENOEXEC, "no ELF" },
	{ EI_CLASS, ELFCLASS32, -ENOEXEC, "64 bit" },
	{ EI_DATA, ELFDATA2MSB, -ENOEXEC, "little-endian" },
	{ offsetof(Elf64_Ehdr, e_machine), 0x7f, -ENOEXEC, "machine" },
	{ offsetof(Elf64_Ehdr, e_type), ET_EXEC, -ENOEXEC, "shared object" },
	{ offsetof(Elf64_Ehdr, e_shentsize), 1, -ENOEXEC, "section headers" },
	{ offsetof(Elf64_Ehdr, e_shoff) + 6, 0xff, -ENOEXEC, "section headers" },
};

START_TEST(a_wrong_elf_header_is_refused)
{
	char why[PLUGIN_WHY_BYTES];

	setup();
	for (size_t i = 0; i < sizeof(header_bytes) / sizeof(header_bytes[0]); i++) {
		uint8_t kept = so[header_bytes[i].offset];

		so[header_bytes[i].offset] = header_bytes[i].value;
		write_so(so, so_bytes);
		ck_assert_int_eq(check(why), header_bytes[i].error);
		ck_assert_msg(strstr(why, header_bytes[i].why) != NULL, "%s", why);
		so[header_bytes[i].offset] = kept;
	}
	teardown();
}
END_TEST

START_TEST(a_file_without_the_entry_is_refused)
{
	static const char symbol[] = LANED_ADAPTER_SYMBOL;
	char why[PLUGIN_WHY_BYTES];
	struct plugin *p = NULL;
	unsigned changed = 0;

	setup();
	for (size_t i = 0; i + sizeof(symbol) <= so_bytes; i++) {
		if (memcmp(so + i, symbol, sizeof(symbol)) != 0)
			continue;
		so[i + sizeof(symbol) - 2] = '9'; /* laned_adapter_v9 */
		changed++;
	}
	ck_assert_uint_ge(changed, 1);
	write_so(so, so_bytes);
	ck_assert_int_eq(plugin_load(so_path, &p, why), -ENOENT);
	ck_assert_ptr_null(p);
	ck_assert_ptr_nonnull(strstr(why, "entry"));
	teardown();
}
END_TEST

START_TEST(no_truncated_or_garbled_file_is_taken_for_more_than_it_is)
{
	const char *why;
	struct plugin_elf elf;
	uint64_t state = 1;

	setup();
	for (size_t n = 0; n < so_bytes; n += n < 256 ? 1 : 211) {
		uint8_t *copy = malloc(n == 0 ? 1 : n); /* exact, for the sanitizers */

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, so, n);
		ck_assert_int_lt(
			plugin_elf_check(copy, n, LANED_ADAPTER_SYMBOL, &elf, &why), 0);
		free(copy);
	}
	for (unsigned i = 0; i < 2000; i++) {
		size_t at;

		/* Knuth's MMIX generator; the header and section table get most of it. */
		state = state * UINT64_C(6364136223846793005) +
			UINT64_C(1442695040888963407);
		at = (size_t)(state >> 33) % (i % 2 == 0 ? 64 : so_bytes);
		so[at] = (uint8_t)(state >> 20);
		(void)plugin_elf_check(so, so_bytes, LANED_ADAPTER_SYMBOL, &elf, &why);
	}
	teardown();
}
END_TEST

START_TEST(files_and_folders_that_others_can_write_are_refused)
{
	char why[PLUGIN_WHY_BYTES];

	setup();
	write_so(so, so_bytes);
	ck_assert_int_eq(chmod(so_path, 0664), 0);
	/* A user's own group may: umask 002 is common there. */
	ck_assert_int_eq(check(why), geteuid() == 0 ? -EPERM : 0);
	ck_assert_int_eq(chmod(so_path, 0646), 0);
	ck_assert_int_eq(check(why), -EPERM);
	ck_assert_int_eq(chmod(so_path, 0644), 0);
	ck_assert_int_eq(check(why), 0);
	ck_assert_int_eq(chmod(root, 0777), 0);
	ck_assert_int_eq(check(why), -EPERM);
	ck_assert_ptr_nonnull(strstr(why, "folder"));
	ck_assert_int_eq(chmod(root, 0700), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(so_path, 65534, 65534), 0);
		ck_assert_int_eq(check(why), -EPERM);
		ck_assert_ptr_nonnull(strstr(why, "65534"));
		ck_assert_int_eq(chown(so_path, 0, 0), 0);
		ck_assert_int_eq(chown(root, 65534, 65534), 0);
		ck_assert_int_eq(check(why), -EPERM);
		ck_assert_int_eq(chown(root, 0, 0), 0);
	}
	ck_assert_int_eq(check(why), 0);
	teardown();
}
END_TEST

START_TEST(links_folders_and_missing_files_are_refused)
{
	char why[PLUGIN_WHY_BYTES], real[80];
	struct plugin *p = NULL;

	setup();
	write_so(so, so_bytes);
	(void)snprintf(real, sizeof(real), "%s/real.so", root); /* fits */
	ck_assert_int_eq(rename(so_path, real), 0);
	ck_assert_int_eq(check(why), -ENOENT);
	ck_assert_int_eq(symlink(real, so_path), 0);
	ck_assert_int_eq(check(why), -ELOOP);
	ck_assert_int_eq(unlink(so_path), 0);
	ck_assert_int_eq(mkdir(so_path, 0700), 0);
	ck_assert_int_eq(check(why), -ENOEXEC);
	ck_assert_int_eq(rmdir(so_path), 0);
	write_so(so, 0);
	ck_assert_int_eq(check(why), -ENOEXEC);
	ck_assert_int_eq(plugin_load("drop.so", &p, why), -ENOENT);
	ck_assert_ptr_null(plugin_free(NULL));
	teardown();
}
END_TEST

/* ---- the configuration, which is read without loading anything ------------------------------ */

static void
write_text(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", root, name); /* fits */
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

#define OPTION(name, type, rest)                                                         \
	"{\"name\":\"" name "\",\"type\":\"" type                                        \
	"\",\"help\":\"h\",\"min\":0,\"max\":99" rest "}"
#define OPTIONS(list) "{\"v\":1,\"options\":[" list "]}"

static const struct {
	const char *options, *conf;
	int rc;
} confs[] = {
	{ OPTIONS(OPTION("size", "int", ",\"def\":\"7\"")), "[adapter:x]\n", 0 },
	{ OPTIONS(OPTION("size", "int", ",\"def\":\"7\"")), "[adapter:x]\nsize = 8\n",
	  0 },
	{ OPTIONS(OPTION("size", "int", ",\"def\":\"7\"")),
	  "[adapter:x]\nsize = 8\n[adapter:y]\nother = 1\n", 0 },
	{ OPTIONS(OPTION("size", "int", ",\"def\":\"7\"")), "[adapter:x]\nsize = 100\n",
	  -EBADMSG },
	{ OPTIONS(OPTION("size", "int", ",\"def\":\"7\"")), "[adapter:x]\nsiz = 1\n",
	  -EBADMSG },
	{ OPTIONS(OPTION("size", "int", "")), "[adapter:x]\n", -EBADMSG },
	{ OPTIONS(OPTION("size", "colour", "")), "[adapter:x]\n", -EPROTO },
	{ OPTIONS(OPTION("how", "enum", "")), "[adapter:x]\n", -EPROTO },
	{ OPTIONS(OPTION("how", "enum", ",\"choices\":\"a|b\",\"def\":\"a\"")),
	  "[adapter:x]\nhow = b\n", 0 },
	{ OPTIONS(OPTION("enabled", "bool", ",\"def\":\"no\"")), "[adapter:x]\n",
	  -EPROTO },
	{ OPTIONS(OPTION("to", "address", ",\"def\":\"\"")), "[adapter:x]\n", 0 },
	{ OPTIONS(OPTION("to", "address", ",\"def\":\"\"")),
	  "[adapter:x]\nto = tcp://127.0.0.1:1\n", 0 },
	{ OPTIONS(OPTION("to", "address", ",\"def\":\"\"")),
	  "[adapter:x]\nto = tcp://127.0.0.1:70000\n", -EBADMSG },
	{ "{\"v\":1,\"options\":[", "[adapter:x]\n", -EBADMSG },
	{ "{\"v\":2,\"options\":[]}", "[adapter:x]\n", -EPROTO },
};

START_TEST(configuration_is_checked_by_the_options_file)
{
	char conf_path[80];
	struct adapter_conf *c = NULL;
	struct adapter_conf_ask ask = { "x", conf_path, so_path };

	setup();
	(void)snprintf(conf_path, sizeof(conf_path), "%s/c.conf", root); /* fits */
	for (size_t i = 0; i < sizeof(confs) / sizeof(confs[0]); i++) {
		int rc;

		write_text("x.options.json", confs[i].options);
		write_text("c.conf", confs[i].conf);
		rc = adapter_conf_load(&ask, &c);
		ck_assert_msg(rc == confs[i].rc, "row %zu: %d", i, rc);
		c = rc == 0 ? adapter_conf_free(c) : NULL;
	}
	ask.name = "Not/a name";
	ck_assert_int_eq(adapter_conf_load(&ask, &c), -EINVAL);
	teardown();
}
END_TEST

START_TEST(the_sandbox_follows_the_addresses)
{
	static const struct {
		const char *line;
		unsigned needs;
	} rows[] = {
		{ "", 0 },
		{ "to = tcp://127.0.0.1:1\n", SANDBOX_INET | SANDBOX_LISTEN },
		{ "to = tls://[::1]:1?ca=c\n", SANDBOX_INET | SANDBOX_LISTEN },
		{ "to = tcp://host:1\n", SANDBOX_INET | SANDBOX_LISTEN | SANDBOX_NAMES },
		{ "to = serial:///dev/ttyS0\n", SANDBOX_SERIAL },
		{ "to = uinput:de\n", SANDBOX_TYPING },
		{ "to = unix:/x\n", SANDBOX_LISTEN },
		{ "to = unix:/x\npos = tcp://0.0.0.0:1\nterminal = serial:///dev/ttyS1\n",
		  SANDBOX_INET | SANDBOX_LISTEN | SANDBOX_SERIAL },
	};
	char conf_path[80], text[160];
	struct adapter_conf_ask ask = { "x", conf_path, so_path };
	struct adapter_conf *c = NULL;

	setup();
	(void)snprintf(conf_path, sizeof(conf_path), "%s/c.conf", root); /* fits */
	write_text("x.options.json", OPTIONS(OPTION("to", "address", ",\"def\":\"\"")));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text), "[adapter:x]\n%s", rows[i].line);
		write_text("c.conf", text);
		ck_assert_int_eq(adapter_conf_load(&ask, &c), 0);
		ck_assert_msg(sandbox_needs(c) == rows[i].needs, "%s: %u", text,
			      sandbox_needs(c));
		c = adapter_conf_free(c);
	}
	teardown();
}
END_TEST

START_TEST(configured_values_and_defaults_are_told)
{
	char conf_path[80];
	struct adapter_conf_ask ask = { "x", conf_path, so_path };
	struct adapter_conf *c = NULL;
	struct adapter_option o;

	setup();
	(void)snprintf(conf_path, sizeof(conf_path), "%s/c.conf", root); /* fits */
	write_text("x.options.json",
		   OPTIONS(OPTION("a", "int", ",\"def\":\"7\"") "," OPTION(
			   "b", "string", ",\"def\":\"t\"")));
	write_text("c.conf", "[paths]\nrun = /r\n[lane]\nenvironment = live\n"
			     "[adapter:x]\na = 9\nenabled = no\nseccomp = log\n");
	ck_assert_int_eq(adapter_conf_load(&ask, &c), 0);
	ck_assert_uint_eq(adapter_conf_options(c), 2);
	ck_assert_int_eq(adapter_conf_option(c, "a", &o), 0);
	ck_assert_int_eq(o.number, 9);
	ck_assert_int_eq(adapter_conf_option_at(c, 1, &o), 0);
	ck_assert_str_eq(o.text, "t");
	ck_assert_int_eq(adapter_conf_option(c, "enabled", &o), -ENOENT);
	ck_assert_int_eq(adapter_conf_option_at(c, 2, &o), -ENOENT);
	ck_assert(!adapter_conf_enabled(c));
	ck_assert_int_eq(adapter_conf_seccomp(c), ADAPTER_SECCOMP_LOG);
	ck_assert_str_eq(adapter_conf_environment(c), "live");
	ck_assert_str_eq(adapter_conf_socket_path(c), "/r/adapter-x.sock");
	adapter_conf_free(c);
	teardown();
}
END_TEST

UNIT_MAIN("adapter_load", a_good_plug_in_is_loaded_and_tells_what_it_is,
	  a_wrong_elf_header_is_refused, a_file_without_the_entry_is_refused,
	  no_truncated_or_garbled_file_is_taken_for_more_than_it_is,
	  files_and_folders_that_others_can_write_are_refused,
	  links_folders_and_missing_files_are_refused,
	  configuration_is_checked_by_the_options_file, the_sandbox_follows_the_addresses,
	  configured_values_and_defaults_are_told)
