/*
 * Intel VT-d engine: a few pages that are as they were, or one that is not
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what glance.h declares.  vCPUs write the tables meanwhile; each entry
 * is read once.
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "copies.h"
#include "glance.h"

/* A last-level table of the guest's, and the block that was seen of it */
typedef struct VtdGlancePlace {
    VtdGib *gib;
    unsigned index;             /* of the block in it */
    const VtdBlock *block;
    const uint64_t *table;      /* in place */
} VtdGlancePlace;

/*
 * The last-level table for @first, in place, below levels with the permission
 * @upper; NULL if there is none, or other levels are above it
 */
static const uint64_t *vtd_glance_table(const VtdSeen *seen, uint64_t first,
                                        uint64_t upper)
{
    const VtdFormat *format = seen->format;
    uint64_t ref = seen->tables.top, permission = format->permission;
    VtdRam ram = { 0 };
    const uint64_t *table;

    for (unsigned level = seen->tables.levels; ; level--) {
        uint64_t entry;

        table = vtd_table_in_place(seen->config, &ram, ref);
        if (!table || level == 1) {
            break;
        }
        table += (first >> vtd_level_shift(level)) % VTD_ENTRIES;
        entry = GUINT64_FROM_LE(qatomic_read(table));
        if (vtd_format_kind(format, entry, level, &permission) !=
            VTD_ENTRY_TABLE) {
            return NULL;
        }
        ref = entry & format->address;
    }
    return permission == upper ? table : NULL;
}

/*
 * Where the 2 MiB around @first are.  False if they have no last-level table,
 * or had none, and where a sync does more than compare: it sets accessed bits,
 * and composes two stages.
 */
static bool vtd_glance_place(const VtdSeen *seen, uint64_t first,
                             VtdGlancePlace *at)
{
    if (seen->tables.accessed || seen->tables.second_levels) {
        return false;
    }
    at->gib = vtd_gib_find(seen, first & ~(VTD_GIB_SIZE - 1));
    if (!at->gib || !at->gib->block) {
        return false;
    }
    at->index = (first >> VTD_BLOCK_SHIFT) % VTD_ENTRIES;
    at->block = at->gib->block[at->index];
    if (!at->block || at->block->level > 1) {
        return false;
    }
    at->table = vtd_glance_table(seen, first, at->block->upper);
    return at->table;
}

/* Tell of the pages @from to @to of @block, which starts at @start */
static void vtd_glance_tell(const VtdSeen *seen, const VtdBlock *block,
                            uint64_t start, unsigned from, unsigned to,
                            VtdDiffFn *diff, void *opaque)
{
    for (unsigned i = from; i <= to + 1; i++) {
        VtdDiff kept = { VTD_DIFF_KEPT, 1 };

        if (i <= to && vtd_block_leaf(seen->format, block, i)) {
            continue;
        }
        if (from < i) {
            kept.first = start + ((uint64_t)from << VTD_PAGE_SHIFT);
            kept.last = start + ((uint64_t)i << VTD_PAGE_SHIFT) - 1;
            diff(opaque, &kept);
        }
        from = i + 1;
    }
}

bool vtd_glance(VtdSeen *seen, uint64_t first, uint64_t last, VtdDiffFn *diff,
                void *opaque)
{
    uint64_t start = first & ~(VTD_BLOCK_SIZE - 1);
    unsigned from = (first - start) >> VTD_PAGE_SHIFT;
    unsigned to = (last - start) >> VTD_PAGE_SHIFT;
    VtdGlancePlace at;

    /* A sync compares whole blocks quicker */
    if (last - start >= VTD_BLOCK_SIZE || to - from == VTD_ENTRIES - 1 ||
        !vtd_glance_place(seen, first, &at)) {
        return false;
    }
    for (unsigned i = from; i <= to; i++) {
        if (GUINT64_FROM_LE(qatomic_read(at.table + i)) !=
            vtd_block_entry(at.block, i)) {
            return false;
        }
    }
    seen->config->stats->compared += to - from + 1;
    seen->config->stats->unchanged += to - from + 1;
    vtd_glance_tell(seen, at.block, start, from, to, diff, opaque);
    return true;
}

/*
 * Whether the block can have @entry, which is leaf @now, as its entry @i, which
 * was leaf @was: in its form, below the limit, and without being empty then
 */
static bool vtd_glance_fits(const VtdSeen *seen, const VtdBlock *block,
                            unsigned i, uint64_t entry, uint64_t was,
                            uint64_t now)
{
    return vtd_block_has_form(block, &entry, i, i) &&
           seen->leaves < seen->config->max_leaves &&
           (now || !was || block->leaves > 1);
}

VtdGlance vtd_glance_page(VtdSeen *seen, uint64_t first, VtdDiff *diff)
{
    unsigned i = (first >> VTD_PAGE_SHIFT) % VTD_ENTRIES;
    const VtdFormat *format = seen->format;
    uint64_t entry, old, now, was;
    VtdGlancePlace at;

    if (!vtd_glance_place(seen, first, &at)) {
        return VTD_GLANCE_UNSURE;
    }
    entry = GUINT64_FROM_LE(qatomic_read(at.table + i));
    old = vtd_block_entry(at.block, i);
    was = now = vtd_format_leaf(format, old, 1, at.block->upper);
    if (entry != old) {
        now = vtd_format_leaf(format, entry, 1, at.block->upper);
        if (!vtd_glance_fits(seen, at.block, i, entry, was, now)) {
            return VTD_GLANCE_UNSURE;
        }
        vtd_gib_update_block(seen, at.gib, at.index, &entry, i, i);
    }
    seen->config->stats->compared++;
    seen->config->stats->unchanged += entry == old;
    *diff = (VtdDiff) {
        was == now ? VTD_DIFF_KEPT :
        !now ? VTD_DIFF_GONE :
        !was ? VTD_DIFF_FRESH : VTD_DIFF_CHANGED,
        1, first, first + VTD_PAGE_SIZE - 1, now, was,
    };
    return was || now ? VTD_GLANCE_PAGE : VTD_GLANCE_NOTHING;
}
