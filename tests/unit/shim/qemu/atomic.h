/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit build only: those of QEMU's atomic accesses that our files use. */

#ifndef SHIM_QEMU_ATOMIC_H
#define SHIM_QEMU_ATOMIC_H

/* As strict on its argument as QEMU's */
#define qatomic_read(p) \
    ({ QEMU_BUILD_BUG_ON(sizeof(*p) > sizeof(uint64_t)); \
       __atomic_load_n(p, __ATOMIC_RELAXED); })
#define qatomic_set(p, v)           __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define qatomic_load_acquire(p)     __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define qatomic_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define qatomic_xchg(p, v)          __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define qatomic_fetch_add(p, n)     __atomic_fetch_add(p, n, __ATOMIC_SEQ_CST)
#define qatomic_fetch_or(p, n)      __atomic_fetch_or(p, n, __ATOMIC_SEQ_CST)
#define qatomic_add(p, n)           ((void)qatomic_fetch_add(p, n))

#endif
