/*
 * Intel VT-d engine: shadows when the layout of memory changes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns how a change of the layout of memory becomes differences of shadows:
 * the guest's tables are as they were, but a leaf that leads to where RAM came
 * can be mapped now, and one to where it went no longer.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "send.h"

/* The changes of memory, and the shadow that they are told to */
typedef struct VtdMove {
    VtdSink *sink;
    uint64_t address;           /* the address bits of a leaf */
    const VtdRamChange *changes;
    unsigned n;
    bool stays;                 /* a range that did not change waits: */
    uint64_t from;
    uint64_t to;
} VtdMove;

/* Whether any leaf ever led to where something has changed */
static bool vtd_memory_reached(const Vtd *v, const VtdRamChange *changes,
                               unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (vtd_targets_reached(v, changes[i].first, changes[i].last)) {
            return true;
        }
    }
    return false;
}

/* The first change that ends at @gpa or behind it, or NULL */
static const VtdRamChange *vtd_memory_change_at(const VtdMove *move,
                                                uint64_t gpa)
{
    unsigned from = 0, to = move->n;

    while (from < to) {
        unsigned middle = from + (to - from) / 2;

        if (move->changes[middle].last < gpa) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < move->n ? &move->changes[from] : NULL;
}

static void vtd_move_tell_kept(VtdMove *move)
{
    VtdDiff kept = { VTD_DIFF_KEPT, 1, move->from, move->to };

    if (move->stays) {
        vtd_sink_push(move->sink, &kept);
        move->stays = false;
    }
}

/* Pages that lead to where @change is, or, if it is NULL, to no change */
static void vtd_move_part(VtdMove *move, const VtdDiff *part,
                          const VtdRamChange *change)
{
    VtdDiff diff = *part;

    if (!change) {
        if (move->stays && move->to + 1 == part->first) {
            move->to = part->last;
            return;
        }
        vtd_move_tell_kept(move);
        move->from = part->first;
        move->to = part->last;
        move->stays = true;
        return;
    }
    vtd_move_tell_kept(move);
    diff.kind = !change->was ? VTD_DIFF_FRESH :
                change->is ? VTD_DIFF_CHANGED : VTD_DIFF_GONE;
    diff.old = diff.leaf;
    vtd_sink_push(move->sink, &diff);
}

/* A range that the table maps, as vtd_seen_compare() tells of it */
static void vtd_move_diff(void *opaque, const VtdDiff *diff)
{
    VtdMove *move = opaque;
    VtdDiff part = *diff;
    uint64_t gpa = diff->leaf & move->address;

    for (;;) {
        const VtdRamChange *change = vtd_memory_change_at(move, gpa);
        uint64_t rest = diff->last - part.first;
        bool here = change && change->first <= gpa;
        uint64_t length = !change ? rest : here ? change->last - gpa
                                                : change->first - 1 - gpa;

        part.last = part.first + MIN(rest, length);
        vtd_move_part(move, &part, here ? change : NULL);
        if (part.last == diff->last) {
            return;
        }
        length = part.last - part.first + 1;
        gpa += length;
        part.leaf += length;
        part.first += length;
    }
}

static void vtd_memory_move_space(VtdSpace *space, const VtdRamChange *changes,
                                  unsigned n)
{
    Vtd *v = space->v;
    VtdMove move = {
        .sink = vtd_sink_begin(space, "memory", 0, false),
        .address = v->haw_mask,
        .changes = changes,
        .n = n,
    };

    vtd_sink_was_ram(move.sink);
    vtd_seen_compare(NULL, vtd_space_seen(space), 0, UINT64_MAX, false,
                      vtd_move_diff, &move);
    vtd_move_tell_kept(&move);
    vtd_sink_end(move.sink, vtd_width_last(v));
}

void vtd_memory_changed(Vtd *v, const VtdRamChange *changes, unsigned n)
{
    vtd_rams_forget(v);
    if (!v->shadows.shares->len) {
        vtd_targets_reset(v);
        return;
    }
    if (vtd_memory_reached(v, changes, n)) {
        vtd_count(v, VTD_STAT_LAYOUTS);
        for (unsigned i = 0; i < v->spaces.all->len; i++) {
            VtdSpace *space = g_ptr_array_index(v->spaces.all, i);

            if (space->share) {
                vtd_memory_move_space(space, changes, n);
            }
        }
    }
}
