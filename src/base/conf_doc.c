/* What people read about the keys: the template below /etc and the manual page. */
#include "base/conf_private.h"

#include <errno.h>
#include <string.h>

#define TEXT_COLUMNS 76

/* help as comment lines, broken between words. */
static void
write_wrapped(FILE *out, const char *text)
{
	while (*text != '\0') {
		size_t n = strlen(text);

		if (n > TEXT_COLUMNS) {
			n = TEXT_COLUMNS;
			while (n > 1 && text[n] != ' ')
				n--;
			if (n == 1)
				n = TEXT_COLUMNS;
		}
		(void)fprintf(out, "# %.*s\n", (int)n,
			      text); /* ferror tells at the end */
		text += n;
		while (*text == ' ')
			text++;
	}
}

static const char *
shown_default(const struct conf_key *key)
{
	if (key->def == NULL)
		return "must be set";
	return key->def[0] != '\0' ? key->def : "empty";
}

static bool
section_begins(const struct conf_key *table, size_t i)
{
	return i == 0 || strcmp(table[i].section, table[i - 1].section) != 0;
}

static void
template_key(const struct conf_key *key, FILE *out)
{
	char allowed[160];

	conf_value_allowed(key, allowed, sizeof(allowed));
	(void)fputs("\n", out); /* ferror tells at the end; so below */
	write_wrapped(out, key->help);
	(void)fprintf(out, "# (%s; default: %s%s)\n", allowed, shown_default(key),
		      key->reloadable ? "" : "; a change needs a restart");
	(void)fprintf(out, "#%s =%s%s\n", key->name, key->def && key->def[0] ? " " : "",
		      key->def != NULL ? key->def : "");
}

int
conf_write_template(const struct conf_key *table, size_t count, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		const char *section = table[i].section;

		if (section_begins(table, i) && conf_is_pattern(section))
			(void)fprintf(
				out,
				"%s# One section for each; NAME is up to %u of a-z 0-9 _ "
				"-\n#[%.*sNAME]\n",
				i == 0 ? "" : "\n", CONF_INSTANCE_CHARS_MAX,
				(int)strlen(section) - 1, section);
		else if (section_begins(table, i))
			(void)fprintf(out, "%s[%s]\n", i == 0 ? "" : "\n", section);
		template_key(&table[i], out);
	}
	return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}

/* Text for mdoc: no letter of it is markup. */
static void
write_roff(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		(void)fputs("\\&", out);
	for (; *text != '\0'; text++) {
		if (*text == '\\') {
			(void)fputs("\\e", out);
		} else if (text[0] == '.' && text[1] == ' ') { /* a sentence, a line */
			(void)fputs(".\n", out);
			text++;
		} else {
			(void)fputc(*text, out);
		}
	}
}

static void
mdoc_key(const struct conf_key *key, FILE *out)
{
	char allowed[160];

	conf_value_allowed(key, allowed, sizeof(allowed));
	(void)fprintf(out, ".It Cm %s\n", key->name);
	write_roff(out, key->help);
	(void)fputs("\nAllowed: ", out);
	write_roff(out, allowed);
	(void)fputs(".\nDefault: ", out);
	write_roff(out, shown_default(key));
	(void)fprintf(out, ".\n%s", key->reloadable ? "" : "A change needs a restart.\n");
}

int
conf_write_mdoc(const struct conf_key *table, size_t count, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		if (section_begins(table, i))
			(void)fprintf(out, "%s.Ss Section [%s]\n.Bl -tag -width Ds\n",
				      i == 0 ? "" : ".El\n", table[i].section);
		mdoc_key(&table[i], out);
	}
	(void)fputs(count > 0 ? ".El\n" : "", out);
	return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
