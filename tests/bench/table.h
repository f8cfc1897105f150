#ifndef LANED_TESTS_BENCH_TABLE_H
#define LANED_TESTS_BENCH_TABLE_H

#include <stdio.h>

/* A table that reads as Markdown and as plain text: cells are padded to one width a column. */
#define TABLE_COLUMNS_MAX 10u
#define TABLE_ROWS_MAX 64u
#define TABLE_CELL_MAX 96u

struct table {
	unsigned columns, rows;
	char cell[TABLE_ROWS_MAX][TABLE_COLUMNS_MAX][TABLE_CELL_MAX];
};

/* Empties the table; the first row is the heading. */
void table_begin(struct table *t, unsigned columns);

/* A new row of empty cells; beyond TABLE_ROWS_MAX the program ends. */
void table_row(struct table *t);

/* Writes a cell of the last row; ASCII, cut to TABLE_CELL_MAX - 1. */
__attribute__((format(printf, 3, 4))) void table_cell(struct table *t, unsigned column,
						      const char *format, ...);

void table_write(const struct table *t, FILE *f);

#endif
