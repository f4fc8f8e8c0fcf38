/*
 * Seams in the VT-d engine, for its tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What threads read without a lock is right only by the order of a few loads
 * and stores, and chance seldom meets the moment that tells.  So here nothing
 * is left to chance: one actor runs up to a seam (an atomic, a lock, a read
 * of guest memory), all of what another does happens there, and the first
 * goes on; again for each seam, until there is none left.
 *
 * The build forces this into the files of the engine that these tests are
 * linked with.  No interleaving shows on every machine that an order is too
 * weak, so orders are counted.
 */

#ifndef TESTS_UNIT_VTD_SEAM_H
#define TESTS_UNIT_VTD_SEAM_H

#include <stdbool.h>
#include "qemu/thread.h"

typedef void SeamActor(void *opaque);

/* Run @actor; @other happens at seam @at.  False if there are fewer. */
bool seam_interrupt(SeamActor *actor, SeamActor *other, void *opaque,
                    unsigned at);
/* A seam that is not in the engine, such as a read of guest memory */
void seam_step(void);

/* The other takes no lock: it may happen while one is held */
extern bool seam_in_locks;
/* How many atomics there were that order nothing, counters aside */
extern unsigned seam_relaxed;

/* What the engine calls.  An atomic of @order comes next */
void seam_atomic(int order);
void seam_lock(QemuMutex *lock);
int seam_trylock(QemuMutex *lock);
void seam_unlock(QemuMutex *lock);

/* In place of the shim's qemu/atomic.h */
#define SHIM_QEMU_ATOMIC_H

#define qatomic_read(p) \
    (seam_atomic(__ATOMIC_RELAXED), __atomic_load_n(p, __ATOMIC_RELAXED))
#define qatomic_set(p, v) \
    (seam_atomic(__ATOMIC_RELAXED), __atomic_store_n(p, v, __ATOMIC_RELAXED))
#define qatomic_load_acquire(p) \
    (seam_atomic(__ATOMIC_ACQUIRE), __atomic_load_n(p, __ATOMIC_ACQUIRE))
#define qatomic_store_release(p, v) \
    (seam_atomic(__ATOMIC_RELEASE), __atomic_store_n(p, v, __ATOMIC_RELEASE))
#define qatomic_xchg(p, v) \
    (seam_atomic(__ATOMIC_SEQ_CST), __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST))
#define qatomic_fetch_add(p, n) \
    (seam_atomic(__ATOMIC_SEQ_CST), __atomic_fetch_add(p, n, __ATOMIC_SEQ_CST))
#define qatomic_fetch_or(p, n) \
    (seam_atomic(__ATOMIC_SEQ_CST), __atomic_fetch_or(p, n, __ATOMIC_SEQ_CST))
/* Counters only */
#define qatomic_add(p, n) \
    ((void)__atomic_fetch_add(p, n, __ATOMIC_SEQ_CST))

#define qemu_mutex_lock(lock)           seam_lock(lock)
#define qemu_mutex_trylock(lock)        seam_trylock(lock)
#define qemu_mutex_unlock(lock)         seam_unlock(lock)

#endif
