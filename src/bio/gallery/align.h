#ifndef LANED_BIO_GALLERY_ALIGN_H
#define LANED_BIO_GALLERY_ALIGN_H

#include "bio/gallery/relax.h"

/*
 * Movements that many alike pairs of cylinders agree on: each strong pair proposes its movement,
 * all pairs vote.
 */
#define ALIGN_MOVES_MAX 5u

/*
 * Distinct movements, the best supported first; none where no pair is more alike than those of
 * strangers. work as relax_sides left it.
 */
unsigned align_propose(const struct relax_work *work, const struct kernel *kernel,
		       const struct mcc_set *a, const struct mcc_set *b,
		       struct fine_move ret_moves[ALIGN_MOVES_MAX]);

#endif
