/*
 * Seams in the VT-d engine, for its tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-seam.h.
 */

#include "qemu/osdep.h"
#include "vtd-seam.h"

bool seam_in_locks;
unsigned seam_relaxed;

static struct {
    SeamActor *other;           /* what happens at the seam */
    void *opaque;
    unsigned at, count;         /* which seam, and how many there were */
    bool inside;
    unsigned locked;
} seam;

void seam_step(void)
{
    if (!seam.other || seam.inside || (seam.locked && !seam_in_locks)) {
        return;
    }
    if (seam.count++ == seam.at) {
        seam.inside = true;
        seam.other(seam.opaque);
        seam.inside = false;
    }
}

void seam_atomic(int order)
{
    seam_relaxed += order == __ATOMIC_RELAXED;
    seam_step();
}

void seam_lock(QemuMutex *lock)
{
    seam_step();
    seam.locked++;
    (qemu_mutex_lock)(lock);
}

int seam_trylock(QemuMutex *lock)
{
    int busy;

    seam_step();
    busy = (qemu_mutex_trylock)(lock);
    seam.locked += !busy;
    return busy;
}

void seam_unlock(QemuMutex *lock)
{
    (qemu_mutex_unlock)(lock);
    seam.locked--;
    seam_step();
}

bool seam_interrupt(SeamActor *actor, SeamActor *other, void *opaque,
                    unsigned at)
{
    seam.opaque = opaque;
    seam.at = at;
    seam.count = 0;
    seam.other = other;
    actor(opaque);
    seam.other = NULL;
    return seam.count > at;
}
