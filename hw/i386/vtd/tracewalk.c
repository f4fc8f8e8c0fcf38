/*
 * Intel VT-d engine: the trace of a sync as a walk
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * QEMU 10.0's own device syncs a shadow by a walk that looks at each entry,
 * and traces it; a sync of ours compares whole tables.  Owns that walk: it is
 * made for those who trace it, before the sync, changes nothing, and tells
 * what they know: the tables that there are, and entries for which there is
 * nothing to do.  What is done is traced where it is sent.
 *
 * [bql] calls only.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

/* Guests can share tables without end; so many are looked at */
#define MAX_TABLES              (1u << 16)

typedef struct VtdTraceWalk {
    Vtd *v;
    const VtdFormat *format;
    VtdSeen *held;
    uint64_t first, last;
    unsigned tables;
} VtdTraceWalk;

static void vtd_first_held(void *opaque, const VtdDiff *diff)
{
    uint64_t *leaf = opaque;

    *leaf = *leaf ?: diff->leaf;
}

/* What was last seen mapped first in the range, 0 for nothing */
static uint64_t vtd_trace_held(VtdTraceWalk *walk, uint64_t first,
                               uint64_t last)
{
    uint64_t leaf = 0;

    vtd_seen_compare(NULL, walk->held, first, last, false, vtd_first_held,
                      &leaf);
    return leaf;
}

/* A leaf, or what maps nothing: @granted is 0 */
static void vtd_trace_leaf(VtdTraceWalk *walk, uint64_t entry, unsigned level,
                           uint64_t granted, uint64_t first)
{
    uint64_t mask = vtd_level_mask(level);
    uint64_t addr = entry & walk->format->leaf_address[level];
    uint64_t held = vtd_trace_held(walk, first, first | mask);

    if (!granted && !held) {
        trace_vtd_page_walk_one_skip_unmap(first, mask);
    } else if (granted && held == (addr | granted)) {
        trace_vtd_page_walk_one_skip_map(first, mask, addr);
    }
}

static void vtd_trace_table(VtdTraceWalk *walk, uint64_t gpa, unsigned level,
                            uint64_t start, uint64_t upper)
{
    Vtd *v = walk->v;
    const VtdFormat *format = walk->format;
    unsigned shift = vtd_level_shift(level);
    uint64_t mask = vtd_level_mask(level);
    uint64_t first = MAX(start, walk->first);
    uint64_t last = start | vtd_level_mask(level + 1);
    uint64_t entry[VTD_ENTRIES];

    last = MIN(last, walk->last);
    if (walk->tables++ >= MAX_TABLES) {
        return;
    }
    trace_vtd_page_walk_level(gpa, level, first, last + 1);
    if (!v->ops->read(v->opaque, gpa, entry, sizeof(entry))) {
        trace_vtd_page_walk_skip_read(first, last + 1);
        return;
    }
    for (unsigned i = (first - start) >> shift;
         i <= (last - start) >> shift; i++) {
        uint64_t iova = start + ((uint64_t)i << shift);
        uint64_t value = GUINT64_FROM_LE(entry[i]);
        uint64_t below = value & upper & format->permission;
        uint64_t granted = format->rights[below];
        bool leaf = level == 1 || (value & format->leaf[level]);

        if (granted && (value & (leaf ? format->leaf_reserved[level]
                                      : format->table_reserved[level]))) {
            trace_vtd_page_walk_skip_reserve(iova, iova + mask + 1);
        } else if (leaf || !granted) {
            vtd_trace_leaf(walk, value, level, granted, iova);
        } else {
            vtd_trace_table(walk, value & format->address, level - 1, iova,
                            below);
        }
    }
}

void vtd_trace_sync(Vtd *v, const VtdTables *tables, VtdSeen *held,
                    uint64_t first, uint64_t last)
{
    uint64_t end = vtd_format_last(tables->format, tables->levels);
    VtdTraceWalk walk = {
        .v = v,
        .format = tables->format,
        .held = held,
        .first = first,
        .last = MIN(last, end),
    };

    /* QEMU's own has no nested tables, and no events for them */
    if (first <= walk.last && !tables->second_levels &&
        (trace_event_get_state_backends(TRACE_VTD_PAGE_WALK_LEVEL) ||
         trace_event_get_state_backends(TRACE_VTD_PAGE_WALK_SKIP_READ) ||
         trace_event_get_state_backends(TRACE_VTD_PAGE_WALK_SKIP_RESERVE) ||
         trace_event_get_state_backends(TRACE_VTD_PAGE_WALK_ONE_SKIP_MAP) ||
         trace_event_get_state_backends(TRACE_VTD_PAGE_WALK_ONE_SKIP_UNMAP))) {
        vtd_trace_table(&walk, tables->top, tables->levels, 0,
                        tables->format->permission);
    }
}
