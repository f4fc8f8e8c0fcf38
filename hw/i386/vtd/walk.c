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

static const VtdStageReasons vtd_reasons_legacy = {
    .address = VTD_FAULT_ADDRESS,
    .top_access = VTD_FAULT_CONTEXT_INVALID,
    .access = VTD_FAULT_TABLE_ACCESS,
    .reserved = VTD_FAULT_TABLE_RESERVED,
    .read = VTD_FAULT_READ,
    .write = VTD_FAULT_WRITE,
    .output = VTD_FAULT_OUTPUT,
};

static const VtdStageReasons vtd_reasons_second = {
    .address = VTD_FAULT_SM_ADDRESS,
    .top_access = VTD_FAULT_SM_SS_TOP_ACCESS,
    .access = VTD_FAULT_SM_SS_ACCESS,
    .empty = VTD_FAULT_SM_SS_EMPTY,
    .reserved = VTD_FAULT_SM_SS_RESERVED,
    .nothing = VTD_FAULT_SM_SS_EMPTY,
    .read = VTD_FAULT_SM_READ,
    .write = VTD_FAULT_SM_WRITE,
    .output = VTD_FAULT_SM_OUTPUT,
    .mark_snoop = VTD_FAULT_SM_SS_DIRTY_SNOOP,
    .mark_failed = VTD_FAULT_SM_SS_DIRTY_FAILED,
};

void vtd_format_second_stage(VtdFormat *format, unsigned haw_bits,
                             bool snoop_control, bool free_tm, bool scalable)
{
    uint64_t above = VTD_MASK(51, haw_bits);
    uint64_t table = above | VTD_SS_SNP | VTD_SS_TM;
    uint64_t leaf = above | (snoop_control ? 0 : VTD_SS_SNP) |
                    (free_tm ? 0 : VTD_SS_TM);

    *format = (VtdFormat) {
        .reason = scalable ? vtd_reasons_second : vtd_reasons_legacy,
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

void vtd_format_first_stage(VtdFormat *format, unsigned haw_bits, bool large,
                            bool supervisor, bool wpe)
{
    uint64_t above = VTD_MASK(51, haw_bits);
    uint64_t granted = VTD_FS_P | (supervisor ? 0 : VTD_FS_US);

    *format = (VtdFormat) {
        .reason = {
            .address = VTD_FAULT_FS_CANONICAL,
            .top_access = VTD_FAULT_FS_TOP_ACCESS,
            .access = VTD_FAULT_FS_ACCESS,
            .empty = VTD_FAULT_FS_NOT_PRESENT,
            .reserved = VTD_FAULT_FS_RESERVED,
            .nothing = VTD_FAULT_FS_USER,
            .write = VTD_FAULT_SM_WRITE,
            .output = VTD_FAULT_SM_OUTPUT,
            .mark_snoop = VTD_FAULT_FS_DIRTY_SNOOP,
            .mark_failed = VTD_FAULT_FS_DIRTY_FAILED,
        },
        .present = VTD_FS_P,
        .permission = VTD_FS_P | VTD_FS_RW | VTD_FS_US,
        .plain = VTD_FS_US,
        .leaf_decides = true,
        .sign_extended = true,
        .address = VTD_MASK(haw_bits - 1, VTD_PAGE_SHIFT),
    };
    for (unsigned bits = 0; bits < VTD_PERMISSIONS; bits++) {
        if ((bits & granted) == granted) {
            format->rights[bits] = VTD_READ |
                                   (bits & VTD_FS_RW || (supervisor && !wpe)
                                    ? VTD_WRITE : 0);
        }
    }
    for (unsigned level = 1; level <= VTD_LEVELS_MAX; level++) {
        uint64_t low = vtd_level_mask(level) & VTD_PAGE_MASK;
        bool leaf = level == 2 || (level == 3 && large);

        format->leaf[level] = leaf ? VTD_FS_PS : 0;
        format->leaf_address[level] = format->address & ~low;
        format->leaf_reserved[level] = above | (low & ~VTD_FS_PAT_LARGE);
        format->table_reserved[level] = above | (leaf ? 0 : VTD_FS_PS);
    }
}

VtdTables vtd_second_stage(const VtdTables *tables, const VtdFormat *format)
{
    return (VtdTables) {
        .top = tables->second_top,
        .levels = tables->second_levels,
        .did = tables->did,
        .format = format,
        .accessed = tables->second_dirty ? VTD_SS_A : 0,
        .dirty = tables->second_dirty ? VTD_SS_D : 0,
        .marks_snooped = tables->marks_snooped,
    };
}

bool vtd_canonical(const VtdTables *tables, uint64_t iova)
{
    unsigned top = vtd_level_shift(tables->levels + 1) - 1;
    int64_t sign = (int64_t)iova >> top;

    return sign == 0 || sign == -1;
}

VtdWalk vtd_walk(const VtdTables *tables, uint64_t iova, uint64_t wanted,
                 VtdReadEntry *read, VtdMarkEntry *mark, void *opaque)
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

        walk.at = table + index * sizeof(uint64_t);
        if (!read(opaque, walk.at, &walk.entry)) {
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
        walk.upper = permission;
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
        if (mark && (tables->accessed & ~walk.entry) &&
            !mark(opaque, walk.at, walk.entry, tables->accessed)) {
            walk.end = VTD_WALK_UNMARKED;
            return walk;
        }
        table = walk.entry & format->address;
    }
}
