#include "adapter/plugin_elf.h"

#include "base/plain/str.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_NONE /* no plug-in is for it */
#endif

#define SECTIONS_MAX 4096u
#define BUILD_ID_BYTES_MAX 20u
#define RUNTIME_BYTES 8u /* of the C runtime's start files, in .data and in .bss */

struct image {
	const uint8_t *data;
	size_t n;
	Elf64_Ehdr header;
};

/* Copies bytes out at offset, so that nothing has to be aligned. False: outside the file. */
static bool
take(const struct image *m, uint64_t offset, void *to, size_t bytes)
{
	if (offset > m->n || bytes > m->n - offset)
		return false;
	memcpy(to, m->data + offset, bytes);
	return true;
}

static bool
take_section(const struct image *m, uint64_t index, Elf64_Shdr *ret_section)
{
	if (index >= m->header.e_shnum || m->header.e_shoff > m->n)
		return false;
	return take(m, m->header.e_shoff + index * sizeof(*ret_section), ret_section,
		    sizeof(*ret_section));
}

/* The string at index of a string table that is one whole section of the file. */
static bool
name_is(const struct image *m, const Elf64_Shdr *table, uint64_t index, const char *name)
{
	size_t n = strlen(name) + 1;

	if (table->sh_offset > m->n || table->sh_size > m->n - table->sh_offset)
		return false;
	if (index > table->sh_size || n > table->sh_size - index)
		return false;
	return memcmp(m->data + table->sh_offset + index, name, n) == 0;
}

static const char *
header_fault(const struct image *m)
{
	const Elf64_Ehdr *h = &m->header;

	if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
		return "it is no ELF file";
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB)
		return "it is not 64 bit, little-endian";
	if (h->e_machine != MACHINE)
		return "it is for another machine";
	if (h->e_type != ET_DYN)
		return "it is no shared object";
	if (h->e_shentsize != sizeof(Elf64_Shdr) || h->e_shnum == 0 ||
	    h->e_shnum > SECTIONS_MAX)
		return "its section headers are missing or strange";
	return NULL;
}

/* Walks the dynamic symbols: counts what is defined and looks for symbol. */
static bool
find_symbol(const struct image *m, const Elf64_Shdr *symbols, const char *symbol,
	    struct plugin_elf *elf)
{
	Elf64_Shdr strings;
	bool found = false;
	Elf64_Sym s;

	if (!take_section(m, symbols->sh_link, &strings) ||
	    strings.sh_type != SHT_STRTAB || symbols->sh_offset > m->n ||
	    symbols->sh_size > m->n - symbols->sh_offset)
		return false;
	for (uint64_t at = 0; at + sizeof(s) <= symbols->sh_size; at += sizeof(s)) {
		if (!take(m, symbols->sh_offset + at, &s, sizeof(s)))
			return false;
		if (s.st_shndx == SHN_UNDEF || ELF64_ST_BIND(s.st_info) != STB_GLOBAL)
			continue;
		elf->exported++;
		if (ELF64_ST_TYPE(s.st_info) == STT_FUNC &&
		    name_is(m, &strings, s.st_name, symbol))
			found = true;
	}
	return found;
}

static void
take_build_id(const struct image *m, const Elf64_Shdr *section, struct plugin_elf *elf)
{
	uint8_t id[BUILD_ID_BYTES_MAX];
	Elf64_Nhdr note;
	char owner[4];

	if (!take(m, section->sh_offset, &note, sizeof(note)) ||
	    note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof(owner) ||
	    note.n_descsz != sizeof(id))
		return;
	if (!take(m, section->sh_offset + sizeof(note), owner, sizeof(owner)) ||
	    memcmp(owner, "GNU", sizeof(owner)) != 0)
		return;
	if (take(m, section->sh_offset + sizeof(note) + sizeof(owner), id, sizeof(id)))
		(void)hex_encode(elf->build_id, sizeof(elf->build_id), id,
				 sizeof(id)); /* fits */
}

/* Whether the name of a section begins with one of those that the loader makes read-only again. */
static bool
is_relocated(const struct image *m, const Elf64_Shdr *section)
{
	static const char *const names[] = { ".data.rel.ro", ".got", ".dynamic" };
	Elf64_Shdr table;
	char name[16] = "";

	if (!take_section(m, m->header.e_shstrndx, &table) ||
	    section->sh_name > table.sh_size)
		return false;
	(void)take(m, table.sh_offset + section->sh_name, name,
		   sizeof(name) - 1); /* what lies outside is no such name */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void
count_writable(const struct image *m, const Elf64_Shdr *section, struct plugin_elf *elf)
{
	if ((section->sh_flags & SHF_WRITE) == 0)
		return;
	if (section->sh_type == SHT_INIT_ARRAY)
		elf->constructors += section->sh_size / sizeof(Elf64_Addr);
	if ((section->sh_type == SHT_PROGBITS || section->sh_type == SHT_NOBITS) &&
	    section->sh_size > RUNTIME_BYTES && section->sh_size <= UINT32_MAX &&
	    !is_relocated(m, section))
		elf->writable += section->sh_size - RUNTIME_BYTES;
}

int
plugin_elf_check(const uint8_t *data, size_t n, const char *symbol,
		 struct plugin_elf *ret_elf, const char **ret_why)
{
	struct image m = { .data = data, .n = n };
	struct plugin_elf elf = { .build_id = "" };
	bool found = false;
	Elf64_Shdr section;

	*ret_why = "it is too short";
	if (!take(&m, 0, &m.header, sizeof(m.header)))
		return -ENOEXEC;
	*ret_why = header_fault(&m);
	if (*ret_why != NULL)
		return -ENOEXEC;
	*ret_why = "its section headers lie outside";
	for (uint64_t i = 0; i < m.header.e_shnum; i++) {
		if (!take_section(&m, i, &section))
			return -ENOEXEC;
		count_writable(&m, &section, &elf);
		if (section.sh_type == SHT_DYNSYM)
			found = find_symbol(&m, &section, symbol, &elf) || found;
		else if (section.sh_type == SHT_NOTE)
			take_build_id(&m, &section, &elf);
	}
	*ret_why = "it does not define the entry of this ABI";
	if (!found)
		return -ENOENT;
	*ret_why = "";
	*ret_elf = elf;
	return 0;
}
