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

/* The fault reasons of a stage; 0: that of the access that was wanted */
typedef struct VtdStageReasons {
    uint8_t address;            /* the input is wider than the tables */
    uint8_t top_access;         /* an entry of the top table cannot be read */
    uint8_t access;             /* another cannot */
    uint8_t empty;              /* an entry is not present */
    uint8_t reserved;
    uint8_t nothing;            /* the levels together permit nothing */
    uint8_t read;
    uint8_t write;
    uint8_t output;             /* it leads to the interrupt range */
    uint8_t mark_snoop;         /* an accessed or dirty bit may not be set, */
    uint8_t mark_failed;        /* or could not */
} VtdStageReasons;

/* Page-table format: which bits mean what at a level; [0] is not used */
typedef struct VtdFormat {
    VtdStageReasons reason;
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
    bool first;                 /* of a first stage: the PASID is in the tag */
    bool supervisor;            /* for privileged requests */
    uint32_t pasid;
    const VtdFormat *format;
    /* Bits to be set in an entry that is used, and in a leaf for a write */
    uint64_t accessed;
    uint64_t dirty;
    bool marks_snooped;         /* those may be set */
    /*
     * Nested: addresses in the tables and what they lead to are input of a
     * second stage, which has @second_levels; else 0
     */
    uint64_t second_top;
    uint8_t second_levels;
    bool second_dirty;          /* its entries have such bits, too */
} VtdTables;

/*
 * What invalidations name, and caches are tagged with: the domain, and of a
 * first stage the PASID
 */
#define VTD_TAG_FIRST           VTD_BIT(16)

static inline uint64_t vtd_tag(uint16_t did, bool first, uint32_t pasid)
{
    return did | (first ? VTD_TAG_FIRST | (uint64_t)pasid << 17 : 0);
}

typedef enum VtdWalkEnd {
    VTD_WALK_LEAF,
    VTD_WALK_EMPTY,             /* an entry is not present */
    VTD_WALK_DENIED,            /* nothing is granted, or not what is wanted */
    VTD_WALK_RESERVED,          /* an entry with a reserved bit set */
    VTD_WALK_UNREADABLE,        /* an entry outside RAM */
    VTD_WALK_UNMARKED,          /* VtdTables.accessed could not be set in one */
} VtdWalkEnd;

/* Where a walk ended: @entry was read from @at, at @level, if readable */
typedef struct VtdWalk {
    VtdWalkEnd end;
    uint8_t level;
    uint64_t at;
    uint64_t entry;
    uint8_t upper;              /* permission bits of all levels above it */
    uint8_t granted;            /* VTD_RW, of all levels so far */
} VtdWalk;

/* A table whose entries are leaves of 4 KiB, and what led there */
typedef struct VtdLeafTable {
    uint64_t addr;
    uint8_t permission;         /* bits that are set at all levels above */
} VtdLeafTable;

/* So many leaves are in a cache line, read as cheaply as one of them */
#define VTD_LINE_LEAVES         8
/* So many are read ahead at most; a power of two */
#define VTD_AHEAD_LEAVES        32

/* A range of addresses, inclusive */
typedef struct VtdRange {
    uint64_t first;
    uint64_t last;
} VtdRange;

typedef bool VtdReadEntry(void *opaque, uint64_t gpa, uint64_t *entry);
/* Set @bits in the entry at @gpa, which was just read as @entry */
typedef bool VtdMarkEntry(void *opaque, uint64_t gpa, uint64_t entry,
                          uint64_t bits);

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
 * leaves (an older revision's TM).  @scalable: the reasons of scalable mode.
 */
void vtd_format_second_stage(VtdFormat *format, unsigned haw_bits,
                             bool snoop_control, bool free_tm, bool scalable);

/*
 * First-stage entries (4), for privileged requests if @supervisor, which may
 * write where others may not unless @wpe.  @large: leaves of 1 GiB.
 */
void vtd_format_first_stage(VtdFormat *format, unsigned haw_bits, bool large,
                            bool supervisor, bool wpe);

/*
 * Whether two name the same memory, whatever their tags, and want the same
 * bits set there: so they map alike
 */
static inline bool vtd_tables_same(const VtdTables *a, const VtdTables *b)
{
    return a->top == b->top && a->levels == b->levels &&
           a->format == b->format && a->second_top == b->second_top &&
           a->second_levels == b->second_levels &&
           a->accessed == b->accessed && a->dirty == b->dirty &&
           a->second_dirty == b->second_dirty &&
           a->marks_snooped == b->marks_snooped;
}

/* The second stage of nested @tables, as tables of their own */
VtdTables vtd_second_stage(const VtdTables *tables, const VtdFormat *format);

/*
 * Walk @tables down to the leaf of @iova, which has no bits above their width.
 * Stops where not all of @wanted is granted (VTD_READ, VTD_WRITE, or 0), and
 * where nothing is.  @mark sets VtdTables.accessed on the way, but not in the
 * leaf; it can be NULL.  A second stage is the business of @read and @mark.
 * Any thread; @read tells what it needs.
 */
VtdWalk vtd_walk(const VtdTables *tables, uint64_t iova, uint64_t wanted,
                 VtdReadEntry *read, VtdMarkEntry *mark, void *opaque);

/* Whether @iova is an input address of the first stage (4) */
bool vtd_canonical(const VtdTables *tables, uint64_t iova);

#endif
