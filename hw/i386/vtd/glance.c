/*
 * Intel VT-d engine: a few pages that are as they were
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

/* The block of last-level entries around @first, or NULL */
static const VtdBlock *vtd_glance_block(const VtdSeen *seen, uint64_t first)
{
    const VtdGib *gib = vtd_gib_find(seen, first & ~(VTD_GIB_SIZE - 1));
    const VtdBlock *block = gib && gib->block
        ? gib->block[(first >> VTD_BLOCK_SHIFT) % VTD_ENTRIES] : NULL;

    return block && block->level == 1 ? block : NULL;
}

/*
 * The last-level table for @first, in place, below levels with the permission
 * @upper; NULL if there is none, or other levels are above it
 */
static const uint64_t *vtd_glance_table(const VtdSeen *seen, uint64_t first,
                                        uint64_t upper)
{
    uint64_t ref = seen->tables.top, permission = seen->format->permission;
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
        if (vtd_format_kind(seen->format, entry, level, &permission) !=
            VTD_ENTRY_TABLE) {
            return NULL;
        }
        ref = entry & seen->format->address;
    }
    return permission == upper ? table : NULL;
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
    const VtdBlock *block;
    const uint64_t *table;

    /* A sync compares whole blocks quicker, and sets accessed bits */
    if (last - start >= VTD_BLOCK_SIZE || to - from == VTD_ENTRIES - 1 ||
        seen->tables.accessed || seen->tables.second_levels) {
        return false;
    }
    block = vtd_glance_block(seen, first);
    table = block ? vtd_glance_table(seen, first, block->upper) : NULL;
    if (!table) {
        return false;
    }
    for (unsigned i = from; i <= to; i++) {
        if (GUINT64_FROM_LE(qatomic_read(table + i)) !=
            vtd_block_entry(block, i)) {
            return false;
        }
    }
    seen->config->stats->compared += to - from + 1;
    seen->config->stats->unchanged += to - from + 1;
    vtd_glance_tell(seen, block, start, from, to, diff, opaque);
    return true;
}
