#ifndef LANED_TESTS_BENCH_OFFER_LOG_H
#define LANED_TESTS_BENCH_OFFER_LOG_H

#include "offer_load.h"

/*
 * The baskets of a supermarket's POSLog, without offers: a class is a department, or the goods'
 * code where the log names none. Returns become no lines. *ret_baskets is the caller's to free;
 * ends the program when the file is no POSLog.
 */
int log_baskets(const char *path, struct load_case **ret_baskets, int *ret_classes);

#endif
