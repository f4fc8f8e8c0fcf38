/*
 * Intel VT-d engine: walking page tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what walk.h declares.  No state and no lock: guest memory may change
 * meanwhile, so each entry is read once and judged by that copy.
 */

#include "qemu/osdep.h"
#include "walk.h"

void vtd_format_second_stage(VtdFormat *format, unsigned haw_bits,
                             bool snoop_control, bool free_tm)
{
    uint64_t above = VTD_MASK(51, haw_bits);
    uint64_t table = above | VTD_SS_SNP | VTD_SS_TM;
    uint64_t leaf = above | (snoop_control ? 0 : VTD_SS_SNP) |
                    (free_tm ? 0 : VTD_SS_TM);

    *format = (VtdFormat) {
        .present = VTD_SS_R | VTD_SS_W,
        .permission = VTD_SS_R | VTD_SS_W,
        .address = VTD_MASK(haw_bits - 1, VTD_PAGE_SHIFT),
    };
    for (unsigned bits = 0; bits < VTD_PERMISSIONS; bits++) {
        format->rights[bits] = bits & VTD_RW;
    }
    for (unsigned level = 1; level <= VTD_LEVELS_MAX; level++) {
        uint64_t low = vtd_level_mask(level) & VTD_PAGE_MASK;

        format->leaf_address[level] = format->address;
        format->leaf_reserved[level] = leaf | low;
        format->table_reserved[level] = table;
        if (level == 2 || level == 3) {
            format->leaf[level] = VTD_SS_PS;
        } else if (level > 3) {
            format->table_reserved[level] |= VTD_SS_PS;
        }
    }
}

VtdWalk vtd_walk(const VtdTables *tables, uint64_t iova, uint64_t wanted,
                 VtdReadEntry *read, void *opaque)
{
    const VtdFormat *format = tables->format;
    VtdWalk walk = { .granted = VTD_RW };
    uint64_t permission = format->permission;
    uint64_t table = tables->top;

    for (walk.level = tables->levels; ; walk.level--) {
        unsigned shift = vtd_level_shift(walk.level);
        uint64_t index = VTD_BITS(iova, shift + VTD_LEVEL_BITS - 1, shift);
        uint64_t reserved;
        bool leaf;

        if (!read(opaque, table + index * sizeof(uint64_t), &walk.entry)) {
            walk.end = VTD_WALK_UNREADABLE;
            return walk;
        }
        if (!(walk.entry & format->present)) {
            walk.end = VTD_WALK_EMPTY;
            return walk;
        }
        leaf = walk.level == 1 || (walk.entry & format->leaf[walk.level]);
        reserved = leaf ? format->leaf_reserved[walk.level]
                        : format->table_reserved[walk.level];
        if (walk.entry & reserved) {
            walk.end = VTD_WALK_RESERVED;
            return walk;
        }
        permission &= walk.entry;
        walk.granted = format->rights[permission];
        if ((leaf || !format->leaf_decides) &&
            (!walk.granted || (wanted & ~walk.granted))) {
            walk.end = VTD_WALK_DENIED;
            return walk;
        }
        if (leaf) {
            walk.end = VTD_WALK_LEAF;
            return walk;
        }
        table = walk.entry & format->address;
    }
}
