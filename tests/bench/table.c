#include "table.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

void
table_begin(struct table *t, unsigned columns)
{
	assert(columns >= 1 && columns <= TABLE_COLUMNS_MAX);
	memset(t, 0, sizeof(*t));
	t->columns = columns;
}

void
table_row(struct table *t)
{
	assert(t->rows < TABLE_ROWS_MAX);
	t->rows++;
}

void
table_cell(struct table *t, unsigned column, const char *format, ...)
{
	va_list args;

	assert(t->rows > 0 && column < t->columns);
	va_start(args, format);
	(void)vsnprintf(t->cell[t->rows - 1][column], TABLE_CELL_MAX, format,
			args); /* cut as the header says */
	va_end(args);
}

static unsigned
width_of(const struct table *t, unsigned column)
{
	size_t width = 1;

	for (unsigned r = 0; r < t->rows; r++) {
		size_t n = strlen(t->cell[r][column]);

		width = n > width ? n : width;
	}
	return (unsigned)width;
}

void
table_write(const struct table *t, FILE *f)
{
	for (unsigned r = 0; r < t->rows; r++) {
		for (unsigned c = 0; c < t->columns; c++)
			(void)fprintf(f, "| %-*s ", (int)width_of(t, c), t->cell[r][c]);
		(void)fputs("|\n", f); /* who closes the file learns of errors */
		for (unsigned c = 0; r == 0 && c < t->columns; c++) {
			(void)fputs("|", f);
			for (unsigned i = 0; i < width_of(t, c) + 2; i++)
				(void)fputc('-', f);
		}
		if (r == 0)
			(void)fputs("|\n", f);
	}
}
