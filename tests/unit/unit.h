#ifndef LANED_TESTS_UNIT_UNIT_H
#define LANED_TESTS_UNIT_UNIT_H

/* What every unit test program shares: a table of test cases and one main(). */
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * UNIT_MAIN(name, test...) makes the program. (A static array of tests would not compile: libcheck's
 * tests are constants of an address, which C11 does not take as static initializers.)
 *
 *	UNIT_MAIN("money", adds_amounts, refuses_overflow)
 */
#define UNIT_MAIN(name, ...)                                                             \
	int main(void)                                                                   \
	{                                                                                \
		const TTest *const list[] = { __VA_ARGS__ };                             \
                                                                                         \
		return unit_run(name, list, sizeof(list) / sizeof(list[0]));             \
	}

/* Runs the cases with libcheck; 0 when all passed. Prints libcheck's summary line. */
int unit_run(const char *name, const TTest *const tests[], size_t count);

#endif
