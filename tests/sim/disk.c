/*
 * The journal's disk, where it lies: at a power loss the last commits that it had acknowledged may be
 * gone, or the journal cannot be read at all until somebody puts an older one back. What went is noted
 * (lost.h): of that less is promised, and books.c looks that all of it is found.
 */
#include "sim/lost.h"
#include "sim/twin_journal.h"
#include "sim/virtual/virtual.h"
#include "sim/world.h"

#include <string.h>

#define FEW_COMMITS 4u
#define MANY_COMMITS 24u
#define BACKUP_COMMITS 12u

static bool
lies(const struct world *w)
{
	uint64_t turn = w->opt.seed * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	if (w->opt.calm || w->opt.bug != SIM_BUG_NONE)
		return false;
	if (w->opt.disk != SIM_DISK_BY_SEED)
		return w->opt.disk == SIM_DISK_LYING;
	return turn % (w->absurd ? 4 : 16) == 0;
}

void
disk_begin(struct world *w)
{
	if (!lies(w))
		return;
	w->lost = lost_new();
	if (w->twin == NULL)
		mem_journal_remember(w->journal);
	else
		twin_journal_lies(w->twin);
}

struct journal_ref
disk_journal(const struct world *w)
{
	return w->journal_gone ? (struct journal_ref){ NULL, NULL } : w->store;
}

/* ---- what goes ------------------------------------------------------------------------------ */

static void
lost_payment(void *ctx, const struct payment *was)
{
	struct world *w = ctx;

	world_trace(w, "lost: %s of %s", payment_state_name(was->state), was->ticket);
	lost_add_key(w->lost, was->key);
	lost_add_paid(w->lost, was->ticket);
	if (was->kind == PAYMENT_REFUND)
		lost_add_key(w->lost, was->original);
}

static void
lost_checkout(void *ctx, const struct checkout_record *was, uint32_t uses)
{
	struct world *w = ctx;

	world_trace(w, "lost: %s %s", was->ticket, checkout_phase_name(was->phase));
	lost_add_ticket(w->lost, was->ticket);
	lost_add_uses(w->lost, uses);
}

/* The journal was this; it is an older one now. */
static void
note_lost(struct world *w, const struct mem_journal *was)
{
	const struct mem_differs tell = { lost_payment, lost_checkout, w };

	mem_journal_compare(was, w->journal, &tell);
}

static bool
take_back(struct world *w, uint32_t commits)
{
	struct mem_journal *was = mem_journal_copy(w->journal);
	uint32_t n = mem_journal_take_back(w->journal, commits);

	note_lost(w, was);
	(void)mem_journal_free(was); /* gives NULL */
	if (n > 0)
		world_trace(w, "%u commits are gone", n);
	return n > 0;
}

static void
journal_goes(struct world *w)
{
	world_hit(w, SIM_FAULT_JOURNAL_GONE);
	world_trace(w, "the journal cannot be read");
	w->journal_gone = true;
	/* The one that the till is at: what was told and asked for it, laned will not know. */
	if (w->tickets_count > 0)
		w->tickets[w->tickets_count - 1].blind = true;
	(void)world_post(w, MSG_BACKUP, world_delay(w, 60000, 1800000));
}

void
disk_lost_power(struct world *w)
{
	uint32_t many = world_random(w) % 4 == 0 ? MANY_COMMITS : FEW_COMMITS;

	if (w->lost == NULL || w->journal_gone || w->quiet)
		return;
	if (w->twin != NULL) {
		struct mem_journal *was = NULL;
		enum twin_state state = twin_journal_state(w->twin, &was);

		if (state == TWIN_OLDER) {
			world_hit(w, SIM_FAULT_COMMITS_LOST);
			note_lost(w, was);
		} else if (state == TWIN_UNREADABLE) {
			journal_goes(w);
		}
		return;
	}
	if (world_random(w) % 2 == 0 &&
	    take_back(w, 1 + (uint32_t)(world_random(w) % many)))
		world_hit(w, SIM_FAULT_COMMITS_LOST);
	if (world_random(w) % 4 == 0)
		journal_goes(w);
}

/* laned is stopped, the backup put in the place of what could not be read, and laned started again. */
void
disk_restores(struct world *w)
{
	struct mem_journal *was = NULL;

	world_trace(w, "an older journal is put back");
	if (!w->down) {
		w->crashed = true;
		if (w->bridged)
			virtual_kill(VIRTUAL_LANED);
		world_look_at_laned(w);
	}
	w->journal_gone = false;
	if (w->twin == NULL) {
		(void)take_back(w, (uint32_t)(world_random(w) %
					      BACKUP_COMMITS)); /* none is fine */
		return;
	}
	twin_journal_restore(w->twin, world_random(w), &was);
	note_lost(w, was);
}
