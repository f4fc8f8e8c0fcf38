/*
 * Intel VT-d engine: blocks of last-seen entries
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the forms in which lastseen.c keeps what it saw, and the counts of
 * them: a GTree of GiB for a table, blocks of 2 MiB in a GiB, entries or a
 * run in a block.  Knows no guest memory and no differences.  [host] calls
 * only.
 */

#ifndef HW_I386_VTD_BLOCK_H
#define HW_I386_VTD_BLOCK_H

#include "lastseen.h"

#define GIB_SHIFT               30
#define BLOCK_SHIFT             21
#define ENTRIES                 512
#define PAGE_SIZE               (1ull << VTD_PAGE_SHIFT)
#define BLOCK_SIZE              (1ull << BLOCK_SHIFT)
#define GIB_SIZE                (1ull << GIB_SHIFT)

/*
 * 512 entries of 4 KiB each, raw as the guest wrote them: @entry, or a run
 * (NULL) in which each is the one before it plus a page, from @base on.
 * A page's leaf is its entry's less what @upper, the permission of the
 * levels above, lacks.  Superpages are runs with @level 2, or 3 for a part
 * of a GiB, and @base is then a leaf already.
 */
typedef struct VtdBlock {
    uint64_t *entry;
    uint64_t base;
    uint16_t leaves;
    uint8_t level;
    uint8_t upper;
} VtdBlock;

typedef struct VtdGib {
    uint64_t first;             /* the key */
    uint64_t leaf;              /* of 1 GiB; then there are no blocks */
    unsigned used;
    VtdBlock **block;           /* ENTRIES of them, NULL for nothing */
} VtdGib;

struct VtdTable {
    const VtdTableConfig *config;
    uint64_t root;
    unsigned levels;
    GTree *gibs;
    uint64_t leaves;
    uint64_t blocks;
    uint64_t copies;
    bool limited;
};

static inline uint64_t vtd_rw(const VtdFormat *format)
{
    return format->read | format->write;
}

/* What an entry of @level maps, or 0: output address and permission */
static inline uint64_t vtd_leaf(const VtdFormat *format, uint64_t entry,
                                unsigned level, uint64_t upper)
{
    uint64_t granted = entry & upper & vtd_rw(format);

    if (!granted || (entry & format->leaf_reserved[level])) {
        return 0;
    }
    return (entry & format->address) | granted;
}

static inline uint64_t vtd_block_entry(const VtdBlock *block, unsigned i)
{
    return block->entry ? block->entry[i]
                        : block->base + ((uint64_t)i << VTD_PAGE_SHIFT);
}

static inline uint64_t vtd_block_leaf(const VtdFormat *format,
                                      const VtdBlock *block, unsigned i)
{
    return block ? vtd_leaf(format, vtd_block_entry(block, i), 1,
                            block->upper) : 0;
}

/* A superpage, or the part of one that a block covers */
static inline VtdBlock vtd_block_of_leaf(const VtdFormat *format,
                                         uint64_t leaf, unsigned level,
                                         unsigned index)
{
    return (VtdBlock) {
        .base = leaf + ((uint64_t)index << BLOCK_SHIFT),
        .leaves = ENTRIES,
        .level = level,
        .upper = vtd_rw(format),
    };
}

/* Whether entries step by @step from @base on */
static inline bool vtd_even(const uint64_t *entry, uint64_t base, uint64_t step)
{
    uint64_t wrong = 0;

    for (unsigned i = 0; i < ENTRIES; i++, base += step) {
        wrong |= entry[i] ^ base;
    }
    return !wrong;
}

/* The node at @first, a multiple of GIB_SIZE, or NULL */
VtdGib *vtd_gib_find(const VtdTable *table, uint64_t first);
/* A new node, where none is */
VtdGib *vtd_gib_new(VtdTable *table, uint64_t first);
void vtd_gib_drop_if_empty(VtdTable *table, VtdGib *gib);
/*
 * The block of @gib (or NULL) as a value to compare with, NULL for nothing.
 * @part is written for a block that is part of a leaf of a GiB.
 */
const VtdBlock *vtd_gib_block(const VtdFormat *format, const VtdGib *gib,
                              unsigned index, VtdBlock *part);
/* The smallest form that says what @from does, NULL for nothing mapped */
VtdBlock *vtd_block_keep(const VtdFormat *format, const VtdBlock *from);
/* Hold @block, which becomes the table's, or NULL for nothing */
void vtd_gib_set_block(VtdTable *table, VtdGib *gib, unsigned index,
                       VtdBlock *block);
/*
 * Take over @entry[@from] to @entry[@to] in place, with what is above as it
 * was; the block is there, and of pages of 4 KiB.
 */
void vtd_gib_update_block(VtdTable *table, VtdGib *gib, unsigned index,
                          const uint64_t *entry, unsigned from, unsigned to);

#endif
