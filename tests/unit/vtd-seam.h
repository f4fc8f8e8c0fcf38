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

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

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
int seam_lock(pthread_mutex_t *lock);
int seam_unlock(pthread_mutex_t *lock);

#ifdef __clang__
#define SEAM(name)              __c11_atomic_##name
#else
#define SEAM(name)              SEAM_GCC_##name
#define SEAM_GCC_load           __atomic_load_n
#define SEAM_GCC_store          __atomic_store_n
#define SEAM_GCC_exchange       __atomic_exchange_n
#define SEAM_GCC_fetch_add      __atomic_fetch_add
#define SEAM_GCC_fetch_or       __atomic_fetch_or
#endif

#undef atomic_load_explicit
#undef atomic_load
#undef atomic_store_explicit
#undef atomic_store
#undef atomic_exchange
#undef atomic_fetch_add_explicit
#undef atomic_fetch_add
#undef atomic_fetch_or

#define atomic_load_explicit(p, order) \
    (seam_atomic(order), SEAM(load)(p, order))
#define atomic_load(p) atomic_load_explicit(p, memory_order_seq_cst)
#define atomic_store_explicit(p, value, order) \
    (seam_atomic(order), SEAM(store)(p, value, order))
#define atomic_store(p, value) \
    atomic_store_explicit(p, value, memory_order_seq_cst)
#define atomic_exchange(p, value) \
    (seam_atomic(memory_order_seq_cst), \
     SEAM(exchange)(p, value, memory_order_seq_cst))
#define atomic_fetch_add_explicit(p, value, order) \
    SEAM(fetch_add)(p, value, order)    /* counters only */
#define atomic_fetch_add(p, value) \
    (seam_atomic(memory_order_seq_cst), \
     SEAM(fetch_add)(p, value, memory_order_seq_cst))
#define atomic_fetch_or(p, value) \
    (seam_atomic(memory_order_seq_cst), \
     SEAM(fetch_or)(p, value, memory_order_seq_cst))

#define pthread_mutex_lock(lock)        seam_lock(lock)
#define pthread_mutex_unlock(lock)      seam_unlock(lock)

#endif
