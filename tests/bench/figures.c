#include "figures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES (2 * FIGURES_TEXT_MAX)

struct figure {
	char key[FIGURES_TEXT_MAX], value[FIGURES_TEXT_MAX];
};

struct figures {
	struct figure *at;
	size_t count, max;
};

struct figures *
figures_new(void)
{
	return calloc(1, sizeof(struct figures));
}

struct figures *
figures_free(struct figures *f)
{
	if (f != NULL)
		free(f->at);
	free(f);
	return NULL;
}

static int
line_add(struct figures *f, char *line)
{
	char *blank = strchr(line, ' ');
	struct figure *one;

	line[strcspn(line, "\n")] = '\0';
	if (*line == '\0')
		return 0;
	if (blank == NULL || blank == line || blank - line >= FIGURES_TEXT_MAX ||
	    strlen(blank + 1) >= FIGURES_TEXT_MAX)
		return -EBADMSG;
	if (f->count == f->max) {
		size_t max = f->max == 0 ? 64 : 2 * f->max;
		struct figure *at = realloc(f->at, max * sizeof(*at));

		if (at == NULL)
			return -ENOMEM;
		f->at = at;
		f->max = max;
	}
	one = &f->at[f->count++];
	*blank = '\0';
	memcpy(one->key, line, strlen(line) + 1);
	memcpy(one->value, blank + 1, strlen(blank + 1) + 1);
	return 0;
}

int
figures_read(struct figures *f, const char *path)
{
	char line[LINE_BYTES];
	FILE *in = fopen(path, "re");
	int rc = 0;

	if (in == NULL)
		return errno == ENOENT ? 0 : -errno;
	while (rc == 0 && fgets(line, sizeof(line), in) != NULL)
		rc = strchr(line, '\n') == NULL ? -EBADMSG : line_add(f, line);
	if (rc == 0 && ferror(in))
		rc = -EIO;
	(void)fclose(in); /* read only */
	return rc;
}

const char *
figures_text(const struct figures *f, const char *key)
{
	for (size_t i = f->count; i-- > 0;) {
		if (strcmp(f->at[i].key, key) == 0)
			return f->at[i].value;
	}
	return NULL;
}

bool
figures_get(const struct figures *f, const char *key, double *ret)
{
	const char *text = figures_text(f, key);
	char *end;
	double v;

	if (text == NULL)
		return false;
	v = strtod(text, &end);
	if (end == text || *end != '\0')
		return false;
	*ret = v;
	return true;
}
