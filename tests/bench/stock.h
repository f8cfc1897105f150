#ifndef LANED_TESTS_BENCH_STOCK_H
#define LANED_TESTS_BENCH_STOCK_H

#include "base/plain/ids.h"
#include "bio/gallery/reference.h"

#include <stddef.h>
#include <stdint.h>

/*
 * A stock of packed references of synthetic fingers, STOCK_IMPRESSIONS impressions each, in a file:
 * a million takes two processors about ten minutes, and once is enough. Nobody's biometric data.
 */
#define STOCK_IMPRESSIONS 3u
#define STOCK_DIFFICULTY 100u /* of the fingers: where strangers score like real ones */
#define STOCK_SEED UINT64_C(77000000000) /* finger i of the stock is this one and i */
#define STOCK_MAX UINT64_C(4000000)

struct stock;

/*
 * Opens the file, or begins one, and makes what is missing of the first wanted references, by two
 * threads; progress goes to standard error. What is there stays, also when making is broken off;
 * but a file made by another version of the code is begun anew. 0; -E2BIG wanted is more than
 * STOCK_MAX; errno of files; -ENOMEM.
 */
int stock_open(const char *path, uint64_t wanted, struct stock **ret);
struct stock *stock_close(struct stock *s);

/* How many there are, at least the wanted ones. */
uint64_t stock_count(const struct stock *s);

/*
 * Reference i, valid as long as the stock. *ret_bytes 0: that finger's impressions cannot be
 * consolidated, and an enrolment desk would turn it away.
 */
const uint8_t *stock_at(const struct stock *s, uint64_t i, size_t *ret_bytes);

/*
 * Whom reference i belongs to: each made-up subject has two, of the two index fingers. Those from
 * STOCK_PICTURED on have one each, and not of the stock: see make_gallery.
 */
#define STOCK_PICTURED UINT64_C(0x7000000000000000)
struct ulid stock_subject(uint64_t i);
uint32_t stock_finger(uint64_t i);

/*
 * Impressions 0..STOCK_IMPRESSIONS - 1 of this picture finger, as clean as somebody helped with
 * them, are enrolled by make_gallery; touches are about as the U.are.U 4000 sees them.
 */
#define STOCK_TOUCH_DIFFICULTY 90u
#define STOCK_PICTURE_SEED UINT64_C(88000000000)

#endif
