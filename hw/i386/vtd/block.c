/*
 * Intel VT-d engine: blocks of last-seen entries
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See block.h.
 */

#include "qemu/osdep.h"
#include "block.h"

static void vtd_block_free(VtdTable *table, VtdBlock *block)
{
    table->leaves -= block->level > 1 ? 1 : block->leaves;
    table->blocks--;
    table->copies -= !!block->entry;
    g_free(block->entry);
    g_free(block);
}

VtdBlock *vtd_block_keep(const VtdFormat *format, const VtdBlock *from)
{
    VtdBlock *block;
    unsigned leaves = ENTRIES;

    if (from->level == 1) {
        leaves = 0;
        for (unsigned i = 0; i < ENTRIES; i++) {
            leaves += !!vtd_block_leaf(format, from, i);
        }
        if (!leaves) {
            return NULL;
        }
    }
    block = g_new(VtdBlock, 1);
    *block = *from;
    block->leaves = leaves;
    if (from->entry) {
        block->base = from->entry[0];
        block->entry = NULL;
        if (!vtd_even(from->entry, block->base, PAGE_SIZE)) {
            block->entry = g_new(uint64_t, ENTRIES);
            memcpy(block->entry, from->entry, ENTRIES * sizeof(uint64_t));
        }
    }
    return block;
}

static gint vtd_gib_order(gconstpointer a, gconstpointer b, gpointer unused)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

VtdGib *vtd_gib_find(const VtdTable *table, uint64_t first)
{
    return table ? g_tree_lookup(table->gibs, &first) : NULL;
}

VtdGib *vtd_gib_new(VtdTable *table, uint64_t first)
{
    VtdGib *gib = g_new0(VtdGib, 1);

    gib->first = first;
    g_tree_insert(table->gibs, &gib->first, gib);
    return gib;
}

void vtd_gib_drop_if_empty(VtdTable *table, VtdGib *gib)
{
    if (!gib->leaf && !gib->used) {
        g_tree_remove(table->gibs, &gib->first);
    }
}

static void vtd_gib_free(gpointer data)
{
    VtdGib *gib = data;

    g_free(gib->block);
    g_free(gib);
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

void vtd_gib_set_block(VtdTable *table, VtdGib *gib, unsigned index,
                       VtdBlock *block)
{
    if (!gib->block) {
        gib->block = g_new0(VtdBlock *, ENTRIES);
    }
    gib->used += !!block - !!gib->block[index];
    if (gib->block[index]) {
        vtd_block_free(table, gib->block[index]);
    }
    gib->block[index] = block;
    if (block) {
        table->leaves += block->level > 1 ? 1 : block->leaves;
        table->blocks++;
        table->copies += !!block->entry;
    }
}

void vtd_gib_update_block(VtdTable *table, VtdGib *gib, unsigned index,
                          const uint64_t *entry, unsigned from, unsigned to)
{
    const VtdFormat *format = table->config->format;
    VtdBlock *block = gib->block[index];
    int more = 0;

    if (!block->entry) {
        block->entry = g_new(uint64_t, ENTRIES);
        for (unsigned i = 0; i < ENTRIES; i++) {
            block->entry[i] = block->base + ((uint64_t)i << VTD_PAGE_SHIFT);
        }
        table->copies++;
    }
    for (unsigned i = from; i <= to; i++) {
        more -= !!vtd_block_leaf(format, block, i);
        block->entry[i] = entry[i];
        more += !!vtd_block_leaf(format, block, i);
    }
    block->leaves += more;
    table->leaves += more;
    if (!block->leaves) {
        vtd_gib_set_block(table, gib, index, NULL);
    } else if (block->leaves == ENTRIES &&
               block->entry[to] - block->entry[0] == to * PAGE_SIZE &&
               vtd_even(block->entry, block->entry[0], PAGE_SIZE)) {
        block->base = block->entry[0];
        g_free(block->entry);
        block->entry = NULL;
        table->copies--;
    }
}

VtdTable *vtd_table_new(const VtdTableConfig *config, uint64_t root,
                        unsigned levels)
{
    VtdTable *table = g_new0(VtdTable, 1);

    table->config = config;
    table->root = root;
    table->levels = levels;
    table->gibs = g_tree_new_full(vtd_gib_order, NULL, NULL, vtd_gib_free);
    return table;
}

static gboolean vtd_copy_gib(gpointer key, gpointer value, gpointer opaque)
{
    const VtdGib *from = value;
    VtdTable *table = opaque;
    VtdGib *gib = vtd_gib_new(table, from->first);

    gib->leaf = from->leaf;
    table->leaves += !!gib->leaf;
    for (unsigned i = 0; from->block && i < ENTRIES; i++) {
        if (from->block[i]) {
            vtd_gib_set_block(table, gib, i,
                              vtd_block_keep(table->config->format,
                                             from->block[i]));
        }
    }
    return FALSE;
}

VtdTable *vtd_table_copy(const VtdTable *from)
{
    VtdTable *table = vtd_table_new(from->config, from->root, from->levels);

    g_tree_foreach(from->gibs, vtd_copy_gib, table);
    return table;
}

static gboolean vtd_free_blocks(gpointer key, gpointer value, gpointer opaque)
{
    VtdGib *gib = value;

    for (unsigned i = 0; gib->block && i < ENTRIES; i++) {
        vtd_gib_set_block(opaque, gib, i, NULL);
    }
    return FALSE;
}

void vtd_table_free(VtdTable *table)
{
    g_tree_foreach(table->gibs, vtd_free_blocks, table);
    g_tree_destroy(table->gibs);
    g_free(table);
}

bool vtd_table_limited(const VtdTable *table)
{
    return table->limited;
}

void vtd_table_size(const VtdTable *table, uint64_t *leaves, uint64_t *bytes)
{
    *leaves = table->leaves;
    *bytes = sizeof(*table) + table->blocks * sizeof(VtdBlock) +
             table->copies * ENTRIES * sizeof(uint64_t) +
             (uint64_t)g_tree_nnodes(table->gibs) *
             (sizeof(VtdGib) + ENTRIES * sizeof(VtdBlock *));
}
