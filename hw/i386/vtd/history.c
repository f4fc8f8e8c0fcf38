/*
 * Intel VT-d engine: the faults that came last
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns VtdHistory, a ring for users who ask later.  A fault that is as the one
 * before it is counted there, so that a storm of it leaves the others.  Any
 * thread; VtdHistory.lock is held for a few instructions.
 */

#include "qemu/osdep.h"
#include "internal.h"

void vtd_history_init(Vtd *v)
{
    qemu_mutex_init(&v->history.lock);
    v->history.past = g_new0(VtdPast, VTD_HISTORY);
}

void vtd_history_destroy(Vtd *v)
{
    qemu_mutex_destroy(&v->history.lock);
    g_free(v->history.past);
}

static bool vtd_fault_as(const VtdFault *a, const VtdFault *b)
{
    return a->reason == b->reason && a->sid == b->sid &&
           a->pasid == b->pasid && a->read == b->read &&
           a->info == b->info && a->level == b->level;
}

/* VtdHistory.lock is held, and there is an @n-th last */
static VtdPast *vtd_past_locked(Vtd *v, unsigned n)
{
    return &v->history.past[(v->history.count - 1 - n) % VTD_HISTORY];
}

void vtd_history_add(Vtd *v, const VtdFault *fault, bool hidden)
{
    int64_t now = v->ops->now(v->opaque);
    VtdPast *past;

    qemu_mutex_lock(&v->history.lock);
    past = v->history.count ? vtd_past_locked(v, 0) : NULL;
    if (!past || !vtd_fault_as(&past->fault, fault)) {
        v->history.count++;
        past = vtd_past_locked(v, 0);
        past->count = 0;
    }
    past->fault = *fault;
    past->hidden = hidden;
    past->time = now;
    past->count++;
    qemu_mutex_unlock(&v->history.lock);
    v->ops->fault(v->opaque);
}

bool vtd_history_get(Vtd *v, unsigned n, VtdPast *past)
{
    bool there;

    qemu_mutex_lock(&v->history.lock);
    there = n < MIN(v->history.count, VTD_HISTORY);
    if (there) {
        *past = *vtd_past_locked(v, n);
    }
    qemu_mutex_unlock(&v->history.lock);
    return there;
}
