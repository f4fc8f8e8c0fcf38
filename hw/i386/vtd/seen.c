/*
 * Intel VT-d engine: blocks of last-seen entries
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what block.h declares: the memory of what was seen.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "block.h"

/* Memory, counted in VtdSeen.bytes; only GiB are counted elsewhere */

static void *vtd_seen_alloc(VtdSeen *seen, size_t size)
{
    seen->bytes += VTD_HEAP(size);
    return g_malloc0(size);
}

static void vtd_seen_release(VtdSeen *seen, void *ptr, size_t size)
{
    if (ptr) {
        seen->bytes -= VTD_HEAP(size);
        g_free(ptr);
    }
}

/* Blocks */

/* A block of this form, with its bits or entries */
static size_t vtd_form_size(VtdForm form)
{
    unsigned words = form == VTD_FORM_ENTRIES ? VTD_ENTRIES : VTD_BLOCK_WORDS;

    return sizeof(VtdBlock) + words * sizeof(uint64_t);
}

/* A copy of @from with memory of its own */
static VtdBlock *vtd_block_new(VtdSeen *seen, const VtdBlock *from)
{
    size_t size = vtd_form_size(from->form);
    VtdBlock *block = vtd_seen_alloc(seen, size);

    *block = *from;
    block->entry = (uint64_t *)(block + 1);
    if (from->form != VTD_FORM_RUN) {
        memcpy(block->entry, from->entry, size - sizeof(*block));
    }
    seen->leaves += block->level > 1 ? 1 : block->leaves;
    seen->pages += block->leaves;
    return block;
}

static void vtd_block_free(VtdSeen *seen, VtdBlock *block)
{
    seen->leaves -= block->level > 1 ? 1 : block->leaves;
    seen->pages -= block->leaves;
    vtd_seen_release(seen, block, vtd_form_size(block->form));
}

/* Whether the entries are a run with holes: its @base, and a bit for each */
static bool vtd_block_is_run(const uint64_t *entry, uint64_t *base,
                             uint64_t *there)
{
    unsigned i = 0;

    while (!entry[i]) {
        if (++i == VTD_ENTRIES) {
            return false;
        }
    }
    *base = entry[i] - i * VTD_PAGE_SIZE;
    memset(there, 0, VTD_BLOCK_WORDS * sizeof(uint64_t));
    for (; i < VTD_ENTRIES; i++) {
        if (entry[i]) {
            if (entry[i] != *base + i * VTD_PAGE_SIZE) {
                return false;
            }
            vtd_bits_set(there, i, true);
        }
    }
    return true;
}

bool vtd_block_shrink(const VtdFormat *format, const VtdBlock *from,
                      VtdBlock *to, uint64_t *there)
{
    *to = *from;
    if (from->level > 1) {
        return true;
    }
    to->leaves = 0;
    for (unsigned i = 0; i < VTD_ENTRIES; i++) {
        to->leaves += !!vtd_block_leaf(format, from, i);
    }
    if (from->form == VTD_FORM_ENTRIES) {
        if (vtd_entries_even(from->entry, from->entry[0])) {
            to->form = VTD_FORM_RUN;
            to->base = from->entry[0];
        } else if (vtd_block_is_run(from->entry, &to->base, there)) {
            to->form = VTD_FORM_HOLES;
            to->there = there;
        }
    } else if (to->leaves == VTD_ENTRIES) {
        to->form = VTD_FORM_RUN;
    }
    return to->leaves;
}

/* Nodes */

static gint vtd_gib_order(gconstpointer a, gconstpointer b, gpointer unused)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

VtdGib *vtd_gib_find(const VtdSeen *seen, uint64_t first)
{
    return seen ? g_tree_lookup(seen->gibs, &first) : NULL;
}

typedef struct VtdGibSearch {
    uint64_t first;
    gconstpointer key;          /* the best so far, or NULL */
} VtdGibSearch;

static gint vtd_gib_search(gconstpointer key, gconstpointer opaque)
{
    VtdGibSearch *search = (VtdGibSearch *)opaque;

    if (*(const uint64_t *)key < search->first) {
        return 1;
    }
    search->key = key;
    return -1;
}

VtdGib *vtd_gib_next(const VtdSeen *seen, uint64_t first)
{
    VtdGibSearch search = { .first = first };

    g_tree_search(seen->gibs, vtd_gib_search, &search);
    return search.key ? g_tree_lookup(seen->gibs, search.key) : NULL;
}

VtdGib *vtd_gib_new(VtdSeen *seen, uint64_t first)
{
    VtdGib *gib = g_new0(VtdGib, 1);

    seen->bytes += VTD_GIB_NODE;
    gib->first = first;
    g_tree_insert(seen->gibs, &gib->first, gib);
    return gib;
}

void vtd_gib_set_source(VtdSeen *seen, VtdGib *gib, unsigned index,
                        VtdSource *source)
{
    VtdSource *old = gib->source ? gib->source[index] : NULL;

    if (old) {
        seen->copied -= VTD_HEAP(vtd_source_size(old->split));
        g_free(old);
        gib->source[index] = NULL;
    }
    if (source) {
        if (!gib->source) {
            gib->source = g_new0(VtdSource *, VTD_ENTRIES);
            seen->copied += VTD_GIB_BLOCKS;
        }
        gib->source[index] = source;
        seen->copied += VTD_HEAP(vtd_source_size(source->split));
    }
}

static void vtd_gib_drop_blocks(VtdSeen *seen, VtdGib *gib)
{
    for (unsigned i = 0; gib->used; i++) {
        vtd_gib_set_block(seen, gib, i, NULL);
    }
    vtd_seen_release(seen, gib->block, VTD_ENTRIES * sizeof(VtdBlock *));
    gib->block = NULL;
    if (gib->source) {
        /* Each went with its block */
        seen->copied -= VTD_GIB_BLOCKS;
        g_free(gib->source);
        gib->source = NULL;
    }
}

void vtd_gib_drop_if_empty(VtdSeen *seen, VtdGib *gib)
{
    if (!gib->leaf && !gib->used) {
        vtd_gib_drop_blocks(seen, gib);
        seen->bytes -= VTD_GIB_NODE;
        g_tree_remove(seen->gibs, &gib->first);
    }
}

const VtdBlock *vtd_gib_block(const VtdFormat *format, const VtdGib *gib,
                              unsigned index, VtdBlock *part)
{
    if (!gib) {
        return NULL;
    }
    if (gib->leaf) {
        *part = vtd_block_of_leaf(format, gib->leaf, 3, index);
        return part;
    }
    return gib->block ? gib->block[index] : NULL;
}

size_t vtd_gib_blocks_bytes(const VtdGib *gib)
{
    size_t bytes = 0;

    if (gib && gib->block) {
        bytes = VTD_GIB_BLOCKS;
        for (unsigned i = 0; i < VTD_ENTRIES; i++) {
            bytes += vtd_block_bytes(gib->block[i]);
        }
    }
    return bytes;
}

void vtd_gib_set_leaf(VtdSeen *seen, VtdGib *gib, uint64_t leaf)
{
    int more = !!leaf - !!gib->leaf;

    vtd_gib_drop_blocks(seen, gib);
    seen->leaves += more;
    seen->pages += more * (int64_t)(VTD_GIB_SIZE / VTD_PAGE_SIZE);
    seen->promised += more * (int64_t)VTD_GIB_LEAF;
    gib->leaf = leaf;
}

void vtd_gib_set_block(VtdSeen *seen, VtdGib *gib, unsigned index,
                       const VtdBlock *from)
{
    VtdBlock *block = from ? vtd_block_new(seen, from) : NULL;

    vtd_gib_set_source(seen, gib, index, NULL);
    if (!gib->block) {
        if (!block) {
            return;
        }
        gib->block = vtd_seen_alloc(seen, VTD_ENTRIES * sizeof(VtdBlock *));
    }
    gib->used += !!block - !!gib->block[index];
    if (gib->block[index]) {
        vtd_block_free(seen, gib->block[index]);
    }
    gib->block[index] = block;
}

bool vtd_block_has_form(const VtdBlock *block, const uint64_t *entry,
                        unsigned from, unsigned to)
{
    for (unsigned i = from; block->form != VTD_FORM_ENTRIES && i <= to; i++) {
        uint64_t now = entry[i - from];

        if (now && now != block->base + i * VTD_PAGE_SIZE) {
            return false;
        }
    }
    return true;
}

void vtd_gib_update_block(VtdSeen *seen, VtdGib *gib, unsigned index,
                          const uint64_t *entry, unsigned from, unsigned to)
{
    const VtdFormat *format = seen->format;
    VtdBlock *block = gib->block[index];
    int more = 0;

    vtd_gib_set_source(seen, gib, index, NULL);
    if (block->form == VTD_FORM_RUN) {
        /* One with holes, of which there are none yet */
        memset(block->there, 0xff, VTD_BLOCK_WORDS * sizeof(uint64_t));
        block->form = VTD_FORM_HOLES;
    }
    for (unsigned i = from; i <= to; i++) {
        more -= !!vtd_block_leaf(format, block, i);
        if (block->form == VTD_FORM_ENTRIES) {
            block->entry[i] = entry[i - from];
        } else {
            vtd_bits_set(block->there, i, entry[i - from]);
        }
        more += !!vtd_block_leaf(format, block, i);
    }
    block->leaves += more;
    seen->leaves += more;
    seen->pages += more;
    if (!block->leaves) {
        vtd_gib_set_block(seen, gib, index, NULL);
    } else if (block->leaves == VTD_ENTRIES && block->form == VTD_FORM_HOLES) {
        block->form = VTD_FORM_RUN;
    } else if (block->leaves == VTD_ENTRIES &&
               block->entry[to] - block->entry[0] == to * VTD_PAGE_SIZE) {
        uint64_t there[VTD_BLOCK_WORDS];
        VtdBlock small;

        vtd_block_shrink(format, block, &small, there);
        if (small.form != block->form) {
            vtd_gib_set_block(seen, gib, index, &small);
        }
    }
}

/* Tables */

static void vtd_gib_free(gpointer data)
{
    g_free(data);
}

VtdSeen *vtd_seen_new(const VtdSeenConfig *config, const VtdTables *tables)
{
    VtdSeen *seen = g_new0(VtdSeen, 1);

    seen->config = config;
    seen->format = tables->second_levels ? config->composed : tables->format;
    seen->tables = *tables;
    seen->gibs = g_tree_new_full(vtd_gib_order, NULL, NULL, vtd_gib_free);
    seen->bytes = VTD_HEAP(sizeof(*seen));
    return seen;
}

static gboolean vtd_seen_copy_gib(gpointer key, gpointer value, gpointer opaque)
{
    const VtdGib *from = value;
    VtdSeen *seen = opaque;
    VtdGib *gib = vtd_gib_new(seen, from->first);

    vtd_gib_set_leaf(seen, gib, from->leaf);
    for (unsigned i = 0; from->block && i < VTD_ENTRIES; i++) {
        vtd_gib_set_block(seen, gib, i, from->block[i]);
    }
    return FALSE;
}

VtdSeen *vtd_seen_copy(const VtdSeen *from)
{
    VtdSeen *seen = vtd_seen_new(from->config, &from->tables);

    g_tree_foreach(from->gibs, vtd_seen_copy_gib, seen);
    return seen;
}

static gboolean vtd_seen_drop_gib(gpointer key, gpointer value, gpointer seen)
{
    vtd_gib_drop_blocks(seen, value);
    return FALSE;
}

void vtd_seen_free(VtdSeen *seen)
{
    g_tree_foreach(seen->gibs, vtd_seen_drop_gib, seen);
    g_tree_destroy(seen->gibs);
    if (seen->copies) {
        g_hash_table_destroy(seen->copies);
    }
    g_free(seen);
}

bool vtd_seen_limited(const VtdSeen *seen)
{
    return seen->limited;
}

void vtd_seen_size(const VtdSeen *seen, uint64_t *leaves, uint64_t *bytes)
{
    *leaves = seen->leaves;
    *bytes = seen->bytes + seen->copied;
}

uint64_t vtd_seen_pages(const VtdSeen *seen)
{
    return seen->pages;
}
