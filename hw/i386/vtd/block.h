/*
 * Intel VT-d engine: blocks of last-seen entries
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the forms in which seen.c keeps what it saw, and the account of
 * what they take: a GTree of GiB for a table, blocks of 2 MiB in a GiB,
 * entries or a run in a block.  Knows no guest memory and no differences.
 * [bql] calls only.
 */

#ifndef HW_I386_VTD_BLOCK_H
#define HW_I386_VTD_BLOCK_H

#include "seen.h"

#define VTD_GIB_SHIFT           30
#define VTD_BLOCK_SHIFT         21
#define VTD_PAGE_SIZE           (1ull << VTD_PAGE_SHIFT)
#define VTD_BLOCK_SIZE          (1ull << VTD_BLOCK_SHIFT)
#define VTD_GIB_SIZE            (1ull << VTD_GIB_SHIFT)

typedef enum VtdForm {
    VTD_FORM_RUN,               /* each entry is the one before it + a page */
    VTD_FORM_HOLES,             /* a run in which some pages are missing */
    VTD_FORM_ENTRIES,           /* any entries */
} VtdForm;

#define VTD_BLOCK_WORDS         (VTD_ENTRIES / 64)

/*
 * 2 MiB of input addresses as last seen, in one of the forms above.  With
 * @level 1 these are the 512 last-level entries as the guest wrote them; the
 * effective permission of a page is that of its entry ANDed with @upper, the
 * permission of the levels above.  A superpage is a run with @level 2, or 3
 * for a part of a 1-GiB leaf: @base has its address and effective permission.
 */
typedef struct VtdBlock {
    uint64_t base;              /* the first entry of a run, there or not */
    union {
        uint64_t *there;        /* HOLES: a bit for each page that is */
        uint64_t *entry;        /* VTD_ENTRIES: all of them */
    };
    uint16_t leaves;
    uint8_t form;
    uint8_t level;
    uint8_t upper;
} VtdBlock;

typedef struct VtdGib {
    uint64_t first;             /* the key */
    uint64_t leaf;              /* of 1 GiB; then there are no blocks */
    unsigned used;
    VtdBlock **block;           /* VTD_ENTRIES of them, NULL for nothing */
} VtdGib;

struct VtdSeen {
    const VtdSeenConfig *config;
    uint64_t top;
    unsigned levels;
    GTree *gibs;
    uint64_t leaves;
    uint64_t bytes;             /* held */
    uint64_t promised;          /* bytes that may be held without asking */
    bool limited;
};

/*
 * The bytes that the heap takes for @size, which is what a budget is spent
 * on: a header, and multiples of 16 (glibc on 64 bits; others differ little).
 */
#define VTD_HEAP(size)          ((MAX((size), 24) + 8 + 15) & ~(size_t)15)

/*
 * What is promised to whatever is held, so that no page need go for want of
 * room: a run may become one with holes, a leaf of 1 GiB 512 of them.
 */
#define VTD_THERE_BYTES         VTD_HEAP(VTD_BLOCK_WORDS * sizeof(uint64_t))
#define VTD_SMALL_BLOCK         (VTD_HEAP(sizeof(VtdBlock)) + VTD_THERE_BYTES)
#define VTD_LARGE_BLOCK         (VTD_HEAP(sizeof(VtdBlock)) + \
                                 VTD_HEAP(VTD_ENTRIES * sizeof(uint64_t)))
#define VTD_GIB_BLOCKS          VTD_HEAP(VTD_ENTRIES * sizeof(VtdBlock *))
/* With its place in a GTree: four pointers and three small numbers */
#define VTD_GIB_NODE            (VTD_HEAP(sizeof(VtdGib)) + \
                                 VTD_HEAP(5 * sizeof(void *)))
#define VTD_GIB_LEAF \
    (VTD_GIB_BLOCKS + VTD_ENTRIES * VTD_SMALL_BLOCK)

/* Whether the budget has @more bytes, which may be less than none */
static inline bool vtd_seen_has_room(const VtdSeen *seen, int64_t more)
{
    return (int64_t)(seen->bytes + seen->promised) + more <=
           (int64_t)seen->config->max_bytes;
}

static inline size_t vtd_form_bytes(VtdForm form)
{
    return form == VTD_FORM_ENTRIES ? VTD_LARGE_BLOCK : VTD_SMALL_BLOCK;
}

/* What a block (NULL: 0) takes of the budget */
static inline size_t vtd_block_bytes(const VtdBlock *block)
{
    return block ? vtd_form_bytes(block->form) : 0;
}

static inline bool vtd_bits_test(const uint64_t *there, unsigned i)
{
    return there[i / 64] >> (i % 64) & 1;
}

static inline void vtd_bits_set(uint64_t *there, unsigned i, bool is)
{
    there[i / 64] = (there[i / 64] & ~(1ull << (i % 64))) |
                    (uint64_t)is << (i % 64);
}

static inline uint64_t vtd_format_rw(const VtdFormat *format)
{
    return format->read | format->write;
}

/* What an entry of @level maps, or 0: output address and permission */
static inline uint64_t vtd_format_leaf(const VtdFormat *format, uint64_t entry,
                                       unsigned level, uint64_t upper)
{
    uint64_t granted = entry & upper & vtd_format_rw(format);

    if (!granted || (entry & format->leaf_reserved[level])) {
        return 0;
    }
    return (entry & format->address) | granted;
}

static inline uint64_t vtd_block_entry(const VtdBlock *block, unsigned i)
{
    if (block->form == VTD_FORM_ENTRIES) {
        return block->entry[i];
    }
    if (block->form == VTD_FORM_HOLES && !vtd_bits_test(block->there, i)) {
        return 0;
    }
    return block->base + ((uint64_t)i << VTD_PAGE_SHIFT);
}

static inline uint64_t vtd_block_leaf(const VtdFormat *format,
                                      const VtdBlock *block, unsigned i)
{
    return block ? vtd_format_leaf(format, vtd_block_entry(block, i), 1,
                                   block->upper) : 0;
}

/* A superpage, or the part of one that a block covers */
static inline VtdBlock vtd_block_of_leaf(const VtdFormat *format,
                                         uint64_t leaf, unsigned level,
                                         unsigned index)
{
    return (VtdBlock) {
        .base = leaf + ((uint64_t)index << VTD_BLOCK_SHIFT),
        .leaves = VTD_ENTRIES,
        .level = level,
        .upper = vtd_format_rw(format),
    };
}

/* Whether entries step by a page from @base on */
static inline bool vtd_entries_even(const uint64_t *entry, uint64_t base)
{
    uint64_t wrong = 0;

    for (unsigned i = 0; i < VTD_ENTRIES; i++, base += VTD_PAGE_SIZE) {
        wrong |= entry[i] ^ base;
    }
    return !wrong;
}

/* The node at @first, a multiple of VTD_GIB_SIZE, or NULL */
VtdGib *vtd_gib_find(const VtdSeen *seen, uint64_t first);
/* A new node, where none is */
VtdGib *vtd_gib_new(VtdSeen *seen, uint64_t first);
void vtd_gib_drop_if_empty(VtdSeen *seen, VtdGib *gib);
/*
 * The block of @gib (or NULL) as a value to compare with, NULL for nothing.
 * @part is written for a block that is part of a leaf of a GiB.
 */
const VtdBlock *vtd_gib_block(const VtdFormat *format, const VtdGib *gib,
                              unsigned index, VtdBlock *part);
/* What the blocks of @gib (or NULL) take of the budget, with their array */
size_t vtd_gib_blocks_bytes(const VtdGib *gib);
/* The leaf @leaf in the place of all that @gib held; 0 for nothing */
void vtd_gib_set_leaf(VtdSeen *seen, VtdGib *gib, uint64_t leaf);
/*
 * Find the smallest form that says what @from does, a copy of it that has
 * @there to write to (VTD_BLOCK_WORDS).  False for nothing mapped.
 */
bool vtd_block_shrink(const VtdFormat *format, const VtdBlock *from,
                      VtdBlock *to, uint64_t *there);
/* Hold a copy of @from, as it is, or nothing (NULL); there is room */
void vtd_gib_set_block(VtdSeen *seen, VtdGib *gib, unsigned index,
                       const VtdBlock *from);
/* Whether @block, of pages of 4 KiB, has a form for these entries as well */
bool vtd_block_has_form(const VtdBlock *block, const uint64_t *entry,
                        unsigned from, unsigned to);
/*
 * Take over @entry[@from] to @entry[@to] in place, with what is above as it
 * was; the block is there, and has the form for it.
 */
void vtd_gib_update_block(VtdSeen *seen, VtdGib *gib, unsigned index,
                          const uint64_t *entry, unsigned from, unsigned to);

#endif
