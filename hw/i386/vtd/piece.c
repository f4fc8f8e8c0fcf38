/*
 * Intel VT-d engine: work in pieces
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns how long one call may hold the BQL, and that the rest of what takes
 * longer is done soon.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "internal.h"

#define PIECE_NS                (20 * 1000 * 1000)

void vtd_piece_begin(Vtd *v)
{
    v->piece.end = 0;
}

/* Most calls are over before they look at the clock: it begins with that */
bool vtd_piece_over(Vtd *v)
{
    int64_t now = v->ops->now(v->opaque);

    v->piece.end = v->piece.end ?: now + PIECE_NS;
    return now >= v->piece.end;
}

void vtd_piece_schedule(Vtd *v)
{
    if (!v->piece.scheduled) {
        v->piece.scheduled = true;
        v->ops->schedule(v->opaque);
    }
}

void vtd_piece_resume(Vtd *v)
{
    v->piece.scheduled = false;
    v->piece.end = v->ops->now(v->opaque) + PIECE_NS;
}
