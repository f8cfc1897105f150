#ifndef LANED_ADAPTER_PLACE_H
#define LANED_ADAPTER_PLACE_H

#include "adapter/adapter_conf.h"

#define ADAPTER_PLACE_BYTES 17u

/*
 * Where an adapter leads to: 16 hex digits that are another's when its endpoints, addresses or folders
 * are. By it laned tells two adapters apart whose names were swapped. Empty when there is no digest.
 */
void adapter_place(const struct adapter_conf *c, char ret_hex[ADAPTER_PLACE_BYTES]);

#endif
