/*
 * Intel IOMMU (VT-d) device: accesses that an invalidation waits for
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the list of threads that translate without the big lock, and the wait
 * until each has left the RCU read section that it is in.  QEMU's memory core
 * translates and accesses RAM in one such section, so an access is over when
 * its section is.  rcu_reader_data.ctr tells of the section: it is 0 outside,
 * and rcu_read_lock() orders its store before all that the section reads.  So
 * an access pays for no mark of its own.
 *
 * A thread that translates with the big lock has ended its access before
 * anybody else can hold that lock, and is not on the list.
 *
 * All but intel_iommu_note_translation() runs under the big lock.
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "intel_iommu_internal.h"
#include "vtd/trace.h"

/*
 * So long the big lock is held for accesses to end; most write some KiB of
 * RAM.  One that takes longer may itself want the lock, for a register of
 * another device, or its thread may have no CPU.
 */
#define DRAIN_SPIN_NS           (20 * 1000)
/* After so long it is looked at again */
#define DRAIN_LOOK_NS           (50 * 1000)

typedef struct IntelIOMMUThread {
    const unsigned long *section;       /* rcu_reader_data.ctr */
    unsigned long began;        /* bql: the section at the drain's begin, */
    bool owed;                  /* bql: which it has not been seen to leave */
    Notifier exit;
    QLIST_ENTRY(IntelIOMMUThread) next;
} IntelIOMMUThread;

struct IntelIOMMUDrain {
    QEMUTimer *timer;
    struct rcu_head rcu;
    bool rcu_called;
};

static struct {
    QemuMutex lock;             /* of the list */
    QLIST_HEAD(, IntelIOMMUThread) list;
    unsigned n;                 /* atomic */
} threads;

__thread bool intel_iommu_thread_noted;

static void intel_iommu_thread_exit(Notifier *notifier, void *data)
{
    IntelIOMMUThread *t = container_of(notifier, IntelIOMMUThread, exit);

    qemu_mutex_lock(&threads.lock);
    QLIST_REMOVE(t, next);
    qatomic_dec(&threads.n);
    qemu_mutex_unlock(&threads.lock);
    g_free(t);
}

void intel_iommu_note_thread(void)
{
    IntelIOMMUThread *t;

    if (bql_locked()) {
        return;
    }
    t = g_new0(IntelIOMMUThread, 1);
    t->section = &get_ptr_rcu_reader()->ctr;
    t->exit.notify = intel_iommu_thread_exit;
    intel_iommu_thread_noted = true;

    qemu_mutex_lock(&threads.lock);
    QLIST_INSERT_HEAD(&threads.list, t, next);
    /* A full barrier: whoever sees 0 has dropped all that is read later */
    qatomic_inc(&threads.n);
    qemu_mutex_unlock(&threads.lock);
    qemu_thread_atexit_add(&t->exit);
}

/* Whether all threads have left their sections */
static bool intel_iommu_drain_look(void)
{
    bool over = true;
    IntelIOMMUThread *t;

    QEMU_LOCK_GUARD(&threads.lock);
    QLIST_FOREACH(t, &threads.list, next) {
        if (t->owed) {
            /* Acquire: what the section wrote is seen by who goes on */
            unsigned long now = qatomic_load_acquire(t->section);

            t->owed = now && now == t->began;
            over &= !t->owed;
        }
    }
    return over;
}

static bool intel_iommu_drain_spin(void)
{
    int64_t end = get_clock() + DRAIN_SPIN_NS;

    while (!intel_iommu_drain_look()) {
        if (get_clock() >= end) {
            return false;
        }
        cpu_relax();
    }
    return true;
}

static void intel_iommu_drain_grace(struct rcu_head *head)
{
    struct IntelIOMMUDrain *drain = container_of(head, struct IntelIOMMUDrain,
                                                 rcu);

    drain->rcu_called = false;
}

static void intel_iommu_drain_later(IntelIOMMUState *s)
{
    struct IntelIOMMUDrain *drain = s->drain;

    timer_mod_ns(drain->timer,
                 qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + DRAIN_LOOK_NS);
    /*
     * A thread that goes from one section to the next at once looks as if it
     * had not left, until a grace period gives sections another number.
     */
    if (!drain->rcu_called) {
        drain->rcu_called = true;
        call_rcu1(&drain->rcu, intel_iommu_drain_grace);
    }
}

static void intel_iommu_drain_timer(void *opaque)
{
    IntelIOMMUState *s = opaque;

    if (intel_iommu_drain_spin()) {
        /* As intel_iommu_continue() does; not before: that waits for others */
        RCU_READ_LOCK_GUARD();

        trace_vtd_drain_over();
        vtd_drained(s->vtd);
    } else {
        intel_iommu_drain_later(s);
    }
}

/*
 * The caller's own access, if it is one, is that which has led here: a write
 * to the unit's registers.
 */
bool intel_iommu_drain(void *opaque)
{
    IntelIOMMUState *s = opaque;
    const unsigned long *own = &get_ptr_rcu_reader()->ctr;
    IntelIOMMUThread *t;

    /* What was dropped before who translates: pairs with qatomic_inc() */
    smp_mb();
    if (!qatomic_read(&threads.n)) {
        return true;
    }
    /* The same before the sections: pairs with rcu_read_lock() */
    smp_mb_global();
    WITH_QEMU_LOCK_GUARD(&threads.lock) {
        QLIST_FOREACH(t, &threads.list, next) {
            t->began = qatomic_load_acquire(t->section);
            t->owed = t->began && t->section != own;
        }
    }
    if (intel_iommu_drain_spin()) {
        return true;
    }
    trace_vtd_drain_later();
    intel_iommu_drain_later(s);
    return false;
}

void intel_iommu_init_drain(IntelIOMMUState *s)
{
    s->drain = g_new0(struct IntelIOMMUDrain, 1);
    s->drain->timer = timer_new_ns(QEMU_CLOCK_REALTIME,
                                   intel_iommu_drain_timer, s);
    qemu_mutex_init(&threads.lock);
}
