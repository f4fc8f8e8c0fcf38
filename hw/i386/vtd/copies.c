/*
 * Intel VT-d engine: copies of a second stage's tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what copies.h declares.
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "copies.h"

/* No more copies than are compared in some milliseconds */
#define COPIES_MAX              8192
/* With its place in a GHashTable: two pointers and a hash, half of it empty */
#define COPY_BYTES              (VTD_HEAP(sizeof(VtdCopy)) + 48)

bool vtd_copy_table(const VtdSeenConfig *config, VtdRam *ram, uint64_t gpa,
                    uint64_t *to)
{
    const uint64_t *table = vtd_table_in_place(config, ram, gpa);

    if (!table) {
        return config->read(config->opaque, gpa, to, VTD_PAGE_SIZE);
    }
    for (unsigned i = 0; i < VTD_ENTRIES; i++) {
        to[i] = qatomic_read(table + i);
    }
    return true;
}

bool vtd_copy_is_table(const VtdSeenConfig *config, VtdRam *ram, uint64_t gpa,
                       const uint64_t *entry)
{
    const uint64_t *table = vtd_table_in_place(config, ram, gpa);
    uint64_t now[VTD_ENTRIES];

    if (!table) {
        table = now;
        if (!config->read(config->opaque, gpa, now, sizeof(now))) {
            return false;
        }
    }
    return !memcmp(table, entry, VTD_PAGE_SIZE);
}

VtdCopy *vtd_copies_get(VtdSeen *seen, VtdRam *ram, uint64_t gpa)
{
    VtdCopy *copy;

    if (!seen->copies) {
        seen->copies = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL,
                                             g_free);
    }
    copy = g_hash_table_lookup(seen->copies, &gpa);
    if (copy) {
        return copy;
    }
    if (g_hash_table_size(seen->copies) >= COPIES_MAX ||
        !vtd_seen_can_copy(seen, COPY_BYTES)) {
        seen->copies_missing = true;
        return NULL;
    }
    copy = g_new(VtdCopy, 1);
    copy->gpa = gpa;
    copy->bit = VTD_BIT(seen->copies_made++ % 64);
    if (!vtd_copy_table(seen->config, ram, gpa, copy->entry)) {
        memset(copy->entry, 0, sizeof(copy->entry));
    }
    g_hash_table_insert(seen->copies, &copy->gpa, copy);
    seen->copied += COPY_BYTES;
    return copy;
}

typedef struct VtdRefresh {
    VtdSeen *seen;
    VtdRam ram;
    uint64_t changed;           /* VtdCopy.bit of those that did */
} VtdRefresh;

static gboolean vtd_copy_refresh(gpointer key, gpointer value, gpointer opaque)
{
    VtdCopy *copy = value;
    VtdRefresh *refresh = opaque;
    VtdSeen *seen = refresh->seen;

    /* One that could not be read is to be read again */
    if (!seen->copies_missing &&
        vtd_copy_is_table(seen->config, &refresh->ram, copy->gpa,
                          copy->entry)) {
        return FALSE;
    }
    refresh->changed |= copy->bit;
    seen->copied -= COPY_BYTES;
    return TRUE;
}

static gboolean vtd_copies_drop_sources(gpointer key, gpointer value,
                                        gpointer opaque)
{
    VtdGib *gib = value;
    const VtdRefresh *refresh = opaque;

    for (unsigned i = 0; gib->source && i < VTD_ENTRIES; i++) {
        if (gib->source[i] && (gib->source[i]->uses & refresh->changed)) {
            vtd_gib_set_source(refresh->seen, gib, i, NULL);
        }
    }
    return FALSE;
}

void vtd_copies_refresh(VtdSeen *seen)
{
    VtdRefresh refresh = { .seen = seen };

    if (!seen->copies) {
        return;
    }
    /* If there was no room for all, some may be of no use any more */
    g_hash_table_foreach_remove(seen->copies, vtd_copy_refresh, &refresh);
    seen->copies_missing = false;
    if (refresh.changed) {
        g_tree_foreach(seen->gibs, vtd_copies_drop_sources, &refresh);
    }
}
