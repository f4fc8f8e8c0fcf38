/*
 * Intel VT-d engine: what was sent wider than a page
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what extents.h declares.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "block.h"
#include "extents.h"

#define VTD_BLOCK_WORDS                   (VTD_ENTRIES / 64)

typedef struct VtdExtentGib {
    uint64_t first;             /* the key */
    /* By block: those that are all in one extent, */
    uint64_t whole[VTD_BLOCK_WORDS];
    /* of these, those that are not its first, */
    uint64_t joined[VTD_BLOCK_WORDS];
    /* and those with extents that are smaller */
    uint64_t mixed[VTD_BLOCK_WORDS];
    uint64_t **page;            /* of a mixed block; by page, as joined[] */
} VtdExtentGib;

/* With its place in a GTree, as VTD_GIB_NODE */
#define EXTENT_NODE             (VTD_HEAP(sizeof(VtdExtentGib)) + \
                                 VTD_HEAP(5 * sizeof(void *)))
#define EXTENT_PAGES            VTD_HEAP(VTD_ENTRIES * sizeof(uint64_t *))
#define EXTENT_BLOCK            VTD_HEAP(VTD_BLOCK_WORDS * sizeof(uint64_t))

struct VtdExtents {
    GTree *gibs;
    uint64_t bytes;
    uint64_t max_bytes;
};

static gint vtd_extents_order(gconstpointer a, gconstpointer b, gpointer unused)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void vtd_extents_free_gib(gpointer data)
{
    VtdExtentGib *gib = data;

    for (unsigned i = 0; gib->page && i < VTD_ENTRIES; i++) {
        g_free(gib->page[i]);
    }
    g_free(gib->page);
    g_free(gib);
}

VtdExtents *vtd_extents_new(uint64_t max_bytes)
{
    VtdExtents *extents = g_new0(VtdExtents, 1);

    extents->gibs = g_tree_new_full(vtd_extents_order, NULL, NULL,
                                 vtd_extents_free_gib);
    extents->max_bytes = max_bytes;
    return extents;
}

void vtd_extents_free(VtdExtents *extents)
{
    g_tree_destroy(extents->gibs);
    g_free(extents);
}

uint64_t vtd_extents_bytes(const VtdExtents *extents)
{
    return extents->bytes;
}

static VtdExtentGib *vtd_extents_gib(const VtdExtents *extents, uint64_t addr)
{
    uint64_t first = addr & ~(VTD_GIB_SIZE - 1);

    return g_tree_lookup(extents->gibs, &first);
}

static unsigned vtd_extents_block(uint64_t addr)
{
    return (addr >> VTD_BLOCK_SHIFT) % VTD_ENTRIES;
}

static unsigned vtd_extents_page(uint64_t addr)
{
    return (addr >> VTD_PAGE_SHIFT) % VTD_ENTRIES;
}

bool vtd_extents_have_room(const VtdExtents *extents, uint64_t first,
                           uint64_t last)
{
    const VtdExtentGib *gib = vtd_extents_gib(extents, first);
    uint64_t more = gib ? 0 : EXTENT_NODE;

    if (last - first < VTD_BLOCK_SIZE - 1) {
        more += !gib || !gib->page ? EXTENT_PAGES : 0;
        more += !gib || !vtd_bits_test(gib->mixed, vtd_extents_block(first))
                ? EXTENT_BLOCK : 0;
    }
    return extents->bytes + more <= extents->max_bytes;
}

void vtd_extents_add(VtdExtents *extents, uint64_t first, uint64_t last)
{
    VtdExtentGib *gib = vtd_extents_gib(extents, first);
    unsigned block = vtd_extents_block(first);

    if (!gib) {
        gib = g_new0(VtdExtentGib, 1);
        gib->first = first & ~(VTD_GIB_SIZE - 1);
        g_tree_insert(extents->gibs, &gib->first, gib);
        extents->bytes += EXTENT_NODE;
    }
    if (last - first >= VTD_BLOCK_SIZE - 1) {
        for (unsigned i = block; i <= vtd_extents_block(last); i++) {
            vtd_bits_set(gib->whole, i, true);
            vtd_bits_set(gib->joined, i, i > block);
        }
        return;
    }
    if (!gib->page) {
        gib->page = g_new0(uint64_t *, VTD_ENTRIES);
        extents->bytes += EXTENT_PAGES;
    }
    if (!gib->page[block]) {
        gib->page[block] = g_new0(uint64_t, VTD_BLOCK_WORDS);
        extents->bytes += EXTENT_BLOCK;
        vtd_bits_set(gib->mixed, block, true);
    }
    for (unsigned i = vtd_extents_page(first) + 1;
         i <= vtd_extents_page(last); i++) {
        vtd_bits_set(gib->page[block], i, true);
    }
}

static bool vtd_extents_no_bits(const uint64_t *word)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < VTD_BLOCK_WORDS; i++) {
        any |= word[i];
    }
    return !any;
}

void vtd_extents_drop(VtdExtents *extents, uint64_t first, uint64_t last)
{
    VtdExtentGib *gib = vtd_extents_gib(extents, first);
    unsigned block = vtd_extents_block(first);

    if (last - first >= VTD_BLOCK_SIZE - 1) {
        for (unsigned i = block; i <= vtd_extents_block(last); i++) {
            vtd_bits_set(gib->whole, i, false);
            vtd_bits_set(gib->joined, i, false);
        }
    } else {
        for (unsigned i = vtd_extents_page(first);
             i <= vtd_extents_page(last); i++) {
            vtd_bits_set(gib->page[block], i, false);
        }
        if (vtd_extents_no_bits(gib->page[block])) {
            g_free(gib->page[block]);
            gib->page[block] = NULL;
            extents->bytes -= EXTENT_BLOCK;
            vtd_bits_set(gib->mixed, block, false);
        }
        if (vtd_extents_no_bits(gib->mixed)) {
            g_free(gib->page);
            gib->page = NULL;
            extents->bytes -= EXTENT_PAGES;
        }
    }
    if (!gib->page && vtd_extents_no_bits(gib->whole)) {
        extents->bytes -= EXTENT_NODE;
        g_tree_remove(extents->gibs, &gib->first);
    }
}

typedef struct VtdExtentSearch {
    uint64_t addr;
    VtdExtentGib *found;
} VtdExtentSearch;

static gint vtd_extents_search(gconstpointer key, gconstpointer opaque)
{
    VtdExtentSearch *search = (VtdExtentSearch *)opaque;
    VtdExtentGib *gib = (VtdExtentGib *)key;        /* its first member */

    if (gib->first + (VTD_GIB_SIZE - 1) < search->addr) {
        return 1;
    }
    search->found = gib;
    return gib->first <= search->addr ? 0 : -1;
}

/*
 * The extent that block or page @i is in: @from to @to.  A bit of @joined is 1
 * where the extent goes on from the one before.
 */
static void vtd_extents_around(const uint64_t *joined, unsigned i,
                               unsigned *from, unsigned *to)
{
    *from = *to = i;
    while (vtd_bits_test(joined, *from)) {
        --*from;
    }
    while (*to + 1 < VTD_ENTRIES && vtd_bits_test(joined, *to + 1)) {
        ++*to;
    }
}

/* The first extent in block @i that meets *first to *last */
static bool vtd_extents_in_block(const VtdExtentGib *gib, unsigned i,
                                 uint64_t *first, uint64_t *last)
{
    uint64_t start = gib->first + ((uint64_t)i << VTD_BLOCK_SHIFT);
    unsigned from, to, page, end;

    if (vtd_bits_test(gib->whole, i)) {
        vtd_extents_around(gib->joined, i, &from, &to);
        *first = gib->first + ((uint64_t)from << VTD_BLOCK_SHIFT);
        *last = gib->first + ((uint64_t)(to + 1) << VTD_BLOCK_SHIFT) - 1;
        return true;
    }
    if (!vtd_bits_test(gib->mixed, i)) {
        return false;
    }
    page = *first > start ? vtd_extents_page(*first) : 0;
    end = *last < start + VTD_BLOCK_SIZE ? vtd_extents_page(*last)
                                         : VTD_ENTRIES - 1;
    for (; page <= end; page++) {
        vtd_extents_around(gib->page[i], page, &from, &to);
        if (to > from) {
            *first = start + ((uint64_t)from << VTD_PAGE_SHIFT);
            *last = start + ((uint64_t)(to + 1) << VTD_PAGE_SHIFT) - 1;
            return true;
        }
    }
    return false;
}

bool vtd_extents_find(const VtdExtents *extents, uint64_t *first,
                      uint64_t *last)
{
    uint64_t addr = *first;

    for (;;) {
        VtdExtentSearch search = { .addr = addr };
        VtdExtentGib *gib;
        unsigned from, to;

        g_tree_search(extents->gibs, vtd_extents_search, &search);
        gib = search.found;
        if (!gib || gib->first > *last) {
            return false;
        }
        from = gib->first < *first ? vtd_extents_block(*first) : 0;
        to = *last - gib->first < VTD_GIB_SIZE ? vtd_extents_block(*last)
                                           : VTD_ENTRIES - 1;
        for (unsigned i = from; i <= to; i++) {
            if (i % 64 == 0 && !(gib->whole[i / 64] | gib->mixed[i / 64])) {
                i += 63;
            } else if (vtd_extents_in_block(gib, i, first, last)) {
                return true;
            }
        }
        addr = gib->first + VTD_GIB_SIZE;
    }
}
