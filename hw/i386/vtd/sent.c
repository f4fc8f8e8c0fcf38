/*
 * Intel VT-d engine: what was sent wider than a page
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See sent.h.
 */

#include "qemu/osdep.h"
#include "block.h"
#include "sent.h"

#define WORDS                   (VTD_ENTRIES / 64)

typedef struct VtdSentGib {
    uint64_t first;             /* the key */
    uint64_t whole[WORDS];      /* blocks that are in one extent, */
    uint64_t joined[WORDS];     /* and of these those that are not its first */
    uint64_t mixed[WORDS];      /* blocks with smaller extents */
    uint64_t **page;            /* for these; by page as joined[] */
} VtdSentGib;

/* With its place in a GTree, as GIB_NODE */
#define SENT_NODE               (HEAP(sizeof(VtdSentGib)) + \
                                 HEAP(5 * sizeof(void *)))
#define SENT_PAGES              HEAP(VTD_ENTRIES * sizeof(uint64_t *))
#define SENT_BLOCK              HEAP(WORDS * sizeof(uint64_t))

struct VtdSent {
    GTree *gibs;
    uint64_t bytes;
    uint64_t max_bytes;
};

static gint vtd_sent_order(gconstpointer a, gconstpointer b, gpointer unused)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void vtd_sent_free_gib(gpointer data)
{
    VtdSentGib *gib = data;

    for (unsigned i = 0; gib->page && i < VTD_ENTRIES; i++) {
        g_free(gib->page[i]);
    }
    g_free(gib->page);
    g_free(gib);
}

VtdSent *vtd_sent_new(uint64_t max_bytes)
{
    VtdSent *sent = g_new0(VtdSent, 1);

    sent->gibs = g_tree_new_full(vtd_sent_order, NULL, NULL,
                                 vtd_sent_free_gib);
    sent->max_bytes = max_bytes;
    return sent;
}

void vtd_sent_free(VtdSent *sent)
{
    g_tree_destroy(sent->gibs);
    g_free(sent);
}

uint64_t vtd_sent_bytes(const VtdSent *sent)
{
    return sent->bytes;
}

static VtdSentGib *vtd_sent_gib(const VtdSent *sent, uint64_t addr)
{
    uint64_t first = addr & ~(VTD_GIB_SIZE - 1);

    return g_tree_lookup(sent->gibs, &first);
}

static unsigned vtd_block_of(uint64_t addr)
{
    return (addr >> VTD_BLOCK_SHIFT) % VTD_ENTRIES;
}

static unsigned vtd_page_of(uint64_t addr)
{
    return (addr >> VTD_PAGE_SHIFT) % VTD_ENTRIES;
}

bool vtd_sent_has_room(const VtdSent *sent, uint64_t first, uint64_t last)
{
    const VtdSentGib *gib = vtd_sent_gib(sent, first);
    uint64_t more = gib ? 0 : SENT_NODE;

    if (last - first < VTD_BLOCK_SIZE - 1) {
        more += !gib || !gib->page ? SENT_PAGES : 0;
        more += !gib || !vtd_is_there(gib->mixed, vtd_block_of(first))
                ? SENT_BLOCK : 0;
    }
    return sent->bytes + more <= sent->max_bytes;
}

void vtd_sent_add(VtdSent *sent, uint64_t first, uint64_t last)
{
    VtdSentGib *gib = vtd_sent_gib(sent, first);
    unsigned block = vtd_block_of(first);

    if (!gib) {
        gib = g_new0(VtdSentGib, 1);
        gib->first = first & ~(VTD_GIB_SIZE - 1);
        g_tree_insert(sent->gibs, &gib->first, gib);
        sent->bytes += SENT_NODE;
    }
    if (last - first >= VTD_BLOCK_SIZE - 1) {
        for (unsigned i = block; i <= vtd_block_of(last); i++) {
            vtd_set_there(gib->whole, i, true);
            vtd_set_there(gib->joined, i, i > block);
        }
        return;
    }
    if (!gib->page) {
        gib->page = g_new0(uint64_t *, VTD_ENTRIES);
        sent->bytes += SENT_PAGES;
    }
    if (!gib->page[block]) {
        gib->page[block] = g_new0(uint64_t, WORDS);
        sent->bytes += SENT_BLOCK;
        vtd_set_there(gib->mixed, block, true);
    }
    for (unsigned i = vtd_page_of(first) + 1; i <= vtd_page_of(last); i++) {
        vtd_set_there(gib->page[block], i, true);
    }
}

static bool vtd_no_bits(const uint64_t *word)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < WORDS; i++) {
        any |= word[i];
    }
    return !any;
}

void vtd_sent_drop(VtdSent *sent, uint64_t first, uint64_t last)
{
    VtdSentGib *gib = vtd_sent_gib(sent, first);
    unsigned block = vtd_block_of(first);

    if (last - first >= VTD_BLOCK_SIZE - 1) {
        for (unsigned i = block; i <= vtd_block_of(last); i++) {
            vtd_set_there(gib->whole, i, false);
            vtd_set_there(gib->joined, i, false);
        }
    } else {
        for (unsigned i = vtd_page_of(first); i <= vtd_page_of(last); i++) {
            vtd_set_there(gib->page[block], i, false);
        }
        if (vtd_no_bits(gib->page[block])) {
            g_free(gib->page[block]);
            gib->page[block] = NULL;
            sent->bytes -= SENT_BLOCK;
            vtd_set_there(gib->mixed, block, false);
        }
        if (vtd_no_bits(gib->mixed)) {
            g_free(gib->page);
            gib->page = NULL;
            sent->bytes -= SENT_PAGES;
        }
    }
    if (!gib->page && vtd_no_bits(gib->whole)) {
        sent->bytes -= SENT_NODE;
        g_tree_remove(sent->gibs, &gib->first);
    }
}

typedef struct VtdSentSearch {
    uint64_t addr;
    VtdSentGib *found;
} VtdSentSearch;

static gint vtd_sent_search(gconstpointer key, gconstpointer opaque)
{
    VtdSentSearch *search = (VtdSentSearch *)opaque;
    VtdSentGib *gib = (VtdSentGib *)key;        /* its first member */

    if (gib->first + (VTD_GIB_SIZE - 1) < search->addr) {
        return 1;
    }
    search->found = gib;
    return gib->first <= search->addr ? 0 : -1;
}

/*
 * The extent that @i is in, in units of blocks or pages, by the bits of those
 * that go on from the one before
 */
static void vtd_sent_around(const uint64_t *joined, unsigned i, unsigned *from,
                            unsigned *to)
{
    *from = *to = i;
    while (vtd_is_there(joined, *from)) {
        --*from;
    }
    while (*to + 1 < VTD_ENTRIES && vtd_is_there(joined, *to + 1)) {
        ++*to;
    }
}

/* The first extent in block @i that meets *first to *last */
static bool vtd_sent_in_block(const VtdSentGib *gib, unsigned i,
                              uint64_t *first, uint64_t *last)
{
    uint64_t start = gib->first + ((uint64_t)i << VTD_BLOCK_SHIFT);
    unsigned from, to, page, end;

    if (vtd_is_there(gib->whole, i)) {
        vtd_sent_around(gib->joined, i, &from, &to);
        *first = gib->first + ((uint64_t)from << VTD_BLOCK_SHIFT);
        *last = gib->first + ((uint64_t)(to + 1) << VTD_BLOCK_SHIFT) - 1;
        return true;
    }
    if (!vtd_is_there(gib->mixed, i)) {
        return false;
    }
    page = *first > start ? vtd_page_of(*first) : 0;
    end = *last < start + VTD_BLOCK_SIZE ? vtd_page_of(*last) : VTD_ENTRIES - 1;
    for (; page <= end; page++) {
        vtd_sent_around(gib->page[i], page, &from, &to);
        if (to > from) {
            *first = start + ((uint64_t)from << VTD_PAGE_SHIFT);
            *last = start + ((uint64_t)(to + 1) << VTD_PAGE_SHIFT) - 1;
            return true;
        }
    }
    return false;
}

bool vtd_sent_find(const VtdSent *sent, uint64_t *first, uint64_t *last)
{
    uint64_t addr = *first;

    for (;;) {
        VtdSentSearch search = { .addr = addr };
        VtdSentGib *gib;
        unsigned from, to;

        g_tree_search(sent->gibs, vtd_sent_search, &search);
        gib = search.found;
        if (!gib || gib->first > *last) {
            return false;
        }
        from = gib->first < *first ? vtd_block_of(*first) : 0;
        to = *last - gib->first < VTD_GIB_SIZE ? vtd_block_of(*last)
                                           : VTD_ENTRIES - 1;
        for (unsigned i = from; i <= to; i++) {
            if (i % 64 == 0 && !(gib->whole[i / 64] | gib->mixed[i / 64])) {
                i += 63;
            } else if (vtd_sent_in_block(gib, i, first, last)) {
                return true;
            }
        }
        addr = gib->first + VTD_GIB_SIZE;
    }
}
