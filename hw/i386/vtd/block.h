/*
 * Intel VT-d engine: blocks of last-seen entries
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the forms in which seen.c keeps what it saw, and how much memory they
 * take: a GTree of GiB, blocks of 2 MiB in a GiB, entries or a run in a
 * block.  Knows no guest memory and no differences.
 * [bql] calls only.
 */

#ifndef HW_I386_VTD_BLOCK_H
#define HW_I386_VTD_BLOCK_H

#include "seen.h"

#define VTD_GIB_SHIFT           30
#define VTD_BLOCK_SHIFT         21
#define VTD_BLOCK_SIZE          (1ull << VTD_BLOCK_SHIFT)
#define VTD_GIB_SIZE            (1ull << VTD_GIB_SHIFT)

typedef enum VtdForm {
    VTD_FORM_RUN,               /* entry i is base + i * 4 KiB */
    VTD_FORM_HOLES,             /* the same, or 0: a bit for each page */
    VTD_FORM_ENTRIES,           /* 512 entries */
} VtdForm;

#define VTD_BLOCK_WORDS         (VTD_ENTRIES / 64)

/*
 * 2 MiB of input addresses as last seen, in one of the forms above.  With
 * @level 1 these are the 512 last-level entries as the guest wrote them; the
 * effective permission of a page is that of its entry ANDed with @upper, the
 * permission of the levels above.  A superpage is a run with @level 2, or 3
 * for a part of a 1-GiB leaf, as if it were pages of 4 KiB.
 */
typedef struct VtdBlock {
    uint64_t base;              /* RUN, HOLES: entry 0, also if it is 0 */
    union {
        uint64_t *there;        /* HOLES: bit i is 1 if entry i is not 0 */
        uint64_t *entry;        /* ENTRIES */
    };
    uint16_t leaves;            /* pages that are mapped */
    uint8_t form;
    uint8_t level;
    uint8_t upper;
} VtdBlock;

/*
 * Nested alone: what a block was composed of.  While there is one, the block
 * is what these entries and the second stage's tables, as copied, make.
 */
typedef struct VtdSource {
    uint64_t ref;               /* see vtd_compose_table() */
    uint64_t uses;              /* VtdCopy.bit of all copies it depends on */
    uint8_t upper;
    bool split;                 /* of the second stage alone: no entries */
    uint64_t entry[];           /* VTD_ENTRIES of the first stage */
} VtdSource;

typedef struct VtdGib {
    uint64_t first;             /* the key */
    uint64_t leaf;              /* of 1 GiB; 0 if there are blocks instead */
    unsigned used;              /* how many of these are not NULL */
    VtdBlock **block;           /* VTD_ENTRIES, or NULL */
    VtdSource **source;         /* likewise */
} VtdGib;

struct VtdSeen {
    const VtdSeenConfig *config;
    const VtdFormat *format;
    VtdTables tables;
    GTree *gibs;
    uint64_t leaves;
    uint64_t pages;             /* of 4 KiB that these map */
    uint64_t bytes;             /* of memory that is taken */
    uint64_t promised;          /* more bytes that are set aside, see below */
    bool limited;               /* something was left out */
    /* Nested alone; see copies.h */
    GHashTable *copies;         /* VtdCopy, by address; or NULL */
    unsigned copies_made;
    bool copies_wanted;         /* the sync that runs looks at everything */
    bool copies_missing;        /* there was no room for one, since the last */
    uint64_t copied;            /* bytes that these and VtdSource take */
};

/*
 * What the heap takes for @size bytes, which is what max_bytes is spent on: a
 * header, and multiples of 16 (glibc on 64 bits; others differ little).
 */
#define VTD_HEAP(size)          ((MAX((size), 24) + 8 + 15) & ~(size_t)15)

/*
 * A block that is held has its bits or entries behind it, in one piece of
 * memory.  A page that did not change is never dropped for want of memory,
 * though the pages around it change.  So each run has the bits that it needs
 * once it has holes, and each leaf of 1 GiB has set aside all that 512 such
 * blocks take.
 */
#define VTD_SMALL_BLOCK         VTD_HEAP(sizeof(VtdBlock) + \
                                         VTD_BLOCK_WORDS * sizeof(uint64_t))
#define VTD_LARGE_BLOCK         VTD_HEAP(sizeof(VtdBlock) + \
                                         VTD_ENTRIES * sizeof(uint64_t))
#define VTD_GIB_BLOCKS          VTD_HEAP(VTD_ENTRIES * sizeof(VtdBlock *))
/* With its place in a GTree: four pointers and three small numbers */
#define VTD_GIB_NODE            (VTD_HEAP(sizeof(VtdGib)) + \
                                 VTD_HEAP(5 * sizeof(void *)))
#define VTD_GIB_LEAF \
    (VTD_GIB_BLOCKS + VTD_ENTRIES * VTD_SMALL_BLOCK)

/* Whether there is memory for @more bytes, which may be negative */
static inline bool vtd_seen_has_room(const VtdSeen *seen, int64_t more)
{
    return (int64_t)(seen->bytes + seen->promised) + more <=
           (int64_t)seen->config->max_bytes;
}

/* Set @more bytes aside, or, if negative, that many fewer */
static inline void vtd_seen_promise(VtdSeen *seen, int64_t more)
{
    seen->promised += more;
}

/* So many leaves were left out at a limit */
static inline void vtd_seen_leave_out(VtdSeen *seen, uint64_t leaves)
{
    seen->limited = true;
    seen->config->stats->over_limit += leaves;
}

static inline size_t vtd_form_bytes(VtdForm form)
{
    return form == VTD_FORM_ENTRIES ? VTD_LARGE_BLOCK : VTD_SMALL_BLOCK;
}

/* The memory that a block takes, or is promised; 0 for NULL */
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

/*
 * A leaf is an output address with VTD_RW as far as it is granted, 0 for
 * nothing, whatever the format that it was read from.  This is one for an
 * entry of @level; @upper are the permission bits of the levels above.
 */
static inline uint64_t vtd_format_leaf(const VtdFormat *format, uint64_t entry,
                                       unsigned level, uint64_t upper)
{
    uint8_t granted = format->rights[entry & upper & format->permission];

    if (!granted || (entry & format->leaf_reserved[level])) {
        return 0;
    }
    return (entry & format->leaf_address[level]) | granted;
}

/* A last-level entry that is this leaf, below levels that permit all */
static inline uint64_t vtd_format_entry(const VtdFormat *format, uint64_t leaf)
{
    return leaf ? leaf | format->plain : 0;
}

typedef enum VtdEntryKind {
    VTD_ENTRY_EMPTY,
    VTD_ENTRY_TABLE,
    VTD_ENTRY_LEAF,
} VtdEntryKind;

/*
 * What an entry above the last level leads to.  @upper is the permission of
 * the levels above, and becomes that for what is below.  Whatever would stop
 * a request's walk is empty.
 */
static inline VtdEntryKind vtd_format_kind(const VtdFormat *format,
                                           uint64_t entry, unsigned level,
                                           uint64_t *upper)
{
    *upper &= entry & format->permission;
    if (!format->rights[*upper]) {
        return VTD_ENTRY_EMPTY;
    }
    if (entry & format->leaf[level]) {
        return entry & format->leaf_reserved[level] ? VTD_ENTRY_EMPTY
                                                    : VTD_ENTRY_LEAF;
    }
    return entry & format->table_reserved[level] ? VTD_ENTRY_EMPTY
                                                 : VTD_ENTRY_TABLE;
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

/* Block @index of a leaf of 1 GiB, or a leaf of 2 MiB with @index 0 */
static inline VtdBlock vtd_block_of_leaf(const VtdFormat *format,
                                         uint64_t leaf, unsigned level,
                                         unsigned index)
{
    return (VtdBlock) {
        .base = vtd_format_entry(format, leaf) +
                ((uint64_t)index << VTD_BLOCK_SHIFT),
        .leaves = VTD_ENTRIES,
        .level = level,
        .upper = format->permission,
    };
}

/* Whether entries step by a page from @base on */
static inline bool vtd_entries_even(const uint64_t *entry, uint64_t base)
{
    /*
     * Compilers use no wide registers at -O2 unless they are told to, nor do
     * they write out the turns of a loop; for wider ones than each CPU has
     * they use memory.
     */
    typedef uint64_t Lanes __attribute__((vector_size(16)));
    const unsigned lanes = sizeof(Lanes) / sizeof(uint64_t);
    Lanes expected = { 0 }, now, wrong = { 0 };

    for (unsigned i = 0; i < lanes; i++) {
        expected[i] = base + i * VTD_PAGE_SIZE;
    }
#pragma GCC unroll 8
    for (unsigned i = 0; i < VTD_ENTRIES; i += lanes) {
        memcpy(&now, entry + i, sizeof(now));
        wrong |= now ^ expected;
        expected += lanes * VTD_PAGE_SIZE;
    }
    return !(wrong[0] | wrong[1]);
}

static inline size_t vtd_source_size(bool split)
{
    return sizeof(VtdSource) + (split ? 0 : VTD_ENTRIES * sizeof(uint64_t));
}

/* Whether that can take @more bytes, beside what is seen */
static inline bool vtd_seen_can_copy(const VtdSeen *seen, size_t more)
{
    return seen->copied + more <= seen->config->max_bytes;
}

/* The GiB at @first, a multiple of VTD_GIB_SIZE, or NULL */
VtdGib *vtd_gib_find(const VtdSeen *seen, uint64_t first);
/* The first GiB at or above @first, or NULL */
VtdGib *vtd_gib_next(const VtdSeen *seen, uint64_t first);
/* Add a GiB, where there is none */
VtdGib *vtd_gib_new(VtdSeen *seen, uint64_t first);
void vtd_gib_drop_if_empty(VtdSeen *seen, VtdGib *gib);
/*
 * Block @index of @gib, either of which can be NULL.  If @gib is one leaf,
 * the block is written to @part.
 */
const VtdBlock *vtd_gib_block(const VtdFormat *format, const VtdGib *gib,
                              unsigned index, VtdBlock *part);
/* The memory that the blocks of @gib (or NULL) take, with their array */
size_t vtd_gib_blocks_bytes(const VtdGib *gib);
/* Put a leaf of 1 GiB, or nothing (0), in the place of all that @gib held */
void vtd_gib_set_leaf(VtdSeen *seen, VtdGib *gib, uint64_t leaf);
/*
 * Remember, or forget (NULL), what block @index was composed of; a change of
 * the block forgets it.  Takes @source over, which is g_malloc()ed and of
 * vtd_source_size().
 */
void vtd_gib_set_source(VtdSeen *seen, VtdGib *gib, unsigned index,
                        VtdSource *source);
/*
 * Write to @to the smallest form of @from, with @there (VTD_BLOCK_WORDS) for
 * its bits if it has holes.  False if nothing is mapped.
 */
bool vtd_block_shrink(const VtdFormat *format, const VtdBlock *from,
                      VtdBlock *to, uint64_t *there);
/* Hold a copy of @from, or nothing (NULL); there is memory for it */
void vtd_gib_set_block(VtdSeen *seen, VtdGib *gib, unsigned index,
                       const VtdBlock *from);
/*
 * Whether @entry and what follows could be entries @from to @to of @block
 * without another form for it
 */
bool vtd_block_has_form(const VtdBlock *block, const uint64_t *entry,
                        unsigned from, unsigned to);
/*
 * Take them over in the block, whose upper did not change and whose form is
 * one for them
 */
void vtd_gib_update_block(VtdSeen *seen, VtdGib *gib, unsigned index,
                          const uint64_t *entry, unsigned from, unsigned to);

#endif
