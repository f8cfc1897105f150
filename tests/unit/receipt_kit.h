#ifndef LANED_TESTS_UNIT_RECEIPT_KIT_H
#define LANED_TESTS_UNIT_RECEIPT_KIT_H

/* Receipts for tests of their code. */
#include "core/receipt.h"

/* A head as a small shop would have it, paid by token under a key. */
struct receipt_head kit_receipt_head(void);

/* Lines with numbers 1..count, one unit each of 100 + number minor units at 22 %. */
void kit_receipt_lines(struct receipt_line *lines, uint32_t count);

#endif
