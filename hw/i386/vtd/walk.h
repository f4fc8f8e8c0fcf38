/*
 * Intel VT-d engine: walking page tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the format of page tables as data, and one walk over it.  Knows no
 * registers, no contexts, no caches.
 */

#ifndef HW_I386_VTD_WALK_H
#define HW_I386_VTD_WALK_H

#include "spec.h"

#define VTD_LEVELS_MAX          5
#define VTD_LEVEL_BITS          9
#define VTD_ENTRIES             (1 << VTD_LEVEL_BITS)   /* of a table */

/* What a mapping permits, in the place where both stages have it */
#define VTD_READ                VTD_BIT(0)
#define VTD_WRITE               VTD_BIT(1)
#define VTD_RW                  (VTD_READ | VTD_WRITE)

/* Bits of an entry that decide on permissions are among the lowest three */
#define VTD_PERMISSIONS         8

/* Page-table format: which bits mean what at a level; [0] is not used */
typedef struct VtdFormat {
    uint64_t present;           /* an entry is present if it has one of them */
    uint64_t permission;        /* the bits that are ANDed over the levels, */
    uint8_t rights[VTD_PERMISSIONS];    /* what they permit: VTD_RW */
    uint64_t plain;             /* and what an entry wants beside VTD_RW */
    bool leaf_decides;          /* on permissions; else each level does */
    bool sign_extended;         /* input addresses are, from their top bit on */
    uint64_t address;           /* the bits of an entry that are an address */
    uint64_t leaf[VTD_LEVELS_MAX + 1];          /* a bit that makes it a leaf */
    uint64_t leaf_address[VTD_LEVELS_MAX + 1];
    uint64_t leaf_reserved[VTD_LEVELS_MAX + 1];
    uint64_t table_reserved[VTD_LEVELS_MAX + 1];
} VtdFormat;

/*
 * The tables that translate a request: where they are in memory, and the tag
 * of what is cached of them (7.1).
 */
typedef struct VtdTables {
    uint64_t top;               /* address of the top table */
    uint16_t did;               /* domain id */
    uint8_t levels;             /* of tables, the top one is this level */
    uint32_t pasid;             /* 0: requests without a PASID */
    const VtdFormat *format;
    const struct VtdTables *second;     /* NULL: no second stage below */
} VtdTables;

typedef enum VtdWalkEnd {
    VTD_WALK_LEAF,
    VTD_WALK_EMPTY,             /* an entry is not present */
    VTD_WALK_DENIED,            /* nothing is granted, or not what is wanted */
    VTD_WALK_RESERVED,          /* an entry with a reserved bit set */
    VTD_WALK_UNREADABLE,        /* an entry outside RAM */
} VtdWalkEnd;

/* Where a walk ended: @entry was read at @level (unless unreadable) */
typedef struct VtdWalk {
    VtdWalkEnd end;
    uint8_t level;
    uint64_t entry;
    uint8_t granted;            /* VTD_RW, of all levels so far */
} VtdWalk;

typedef bool VtdReadEntry(void *opaque, uint64_t gpa, uint64_t *entry);

/* The page offset bits of a leaf at @level; level 1 is 4 KiB */
static inline unsigned vtd_level_shift(unsigned level)
{
    return VTD_PAGE_SHIFT + VTD_LEVEL_BITS * (level - 1);
}

static inline uint64_t vtd_level_mask(unsigned level)
{
    return VTD_BIT(vtd_level_shift(level)) - 1;
}

/* The last input address that tables of @levels translate from 0 on */
static inline uint64_t vtd_format_last(const VtdFormat *format,
                                       unsigned levels)
{
    return vtd_level_mask(levels + 1) >> format->sign_extended;
}

/*
 * Second-stage entries (3.2) for a host address width of @haw_bits.
 * @snoop_control: the SNP bit is free in leaves.  @free_tm: bit 62 is free in
 * leaves (an older revision's TM).
 */
void vtd_format_second_stage(VtdFormat *format, unsigned haw_bits,
                             bool snoop_control, bool free_tm);

/* Whether two name the same memory, whatever their tags: so they map alike */
static inline bool vtd_tables_same(const VtdTables *a, const VtdTables *b)
{
    return a->top == b->top && a->levels == b->levels &&
           a->format == b->format && a->second == b->second;
}

/*
 * Walk @tables down to the leaf of @iova, which has no bits above their width.
 * Stops where not all of @wanted is granted (VTD_READ, VTD_WRITE, or 0), and
 * where nothing is.  Any thread; @read tells what it needs.
 */
VtdWalk vtd_walk(const VtdTables *tables, uint64_t iova, uint64_t wanted,
                 VtdReadEntry *read, void *opaque);

#endif
