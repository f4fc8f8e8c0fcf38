/*
 * Intel VT-d engine: accesses that an invalidation must wait for
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns whether something was dropped since the last drain, and whether one is
 * under way.  A completion is shown when both are over: a device's thread may
 * have translated before the drop and write only now.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "internal.h"

bool vtd_drain(Vtd *v)
{
    if (v->drain.owed && !v->drain.waiting) {
        v->drain.owed = false;
        v->drain.waiting = !v->ops->drain(v->opaque);
    }
    return !v->drain.waiting;
}

void vtd_drain_reset(Vtd *v)
{
    v->drain = (VtdDrain) { 0 };
}
