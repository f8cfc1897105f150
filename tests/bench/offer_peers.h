#ifndef LANED_TESTS_BENCH_OFFER_PEERS_H
#define LANED_TESTS_BENCH_OFFER_PEERS_H

#include "offer_load.h"

/*
 * How other systems price, under the same rules of combination (a unit is in one offer): offers in
 * the order of their list, each taking what it can; or always the application that saves most next.
 * Both answer what is saved.
 */
int64_t peers_list_order(const struct load_case *c);
int64_t peers_greedy(const struct load_case *c);

#endif
