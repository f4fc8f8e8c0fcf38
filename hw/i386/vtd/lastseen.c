/*
 * Intel VT-d engine: what was last seen of a table
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See lastseen.h; the forms in which it is kept are block.h's.  vCPUs write
 * the guest's tables meanwhile: the quick comparison reads them in place and
 * decides nothing but "as before"; all else is decided on one copy of each
 * entry.
 */

#include "qemu/osdep.h"
#include "block.h"

/*
 * Tables that map little cost as much to look at and to keep as full ones:
 * so many blocks and GiB may be held, and so many new ones looked at in one
 * sync, whatever the limit of leaves, so that sharing a table a thousand
 * times does not multiply the work without bound.
 */
#define MIN_BLOCKS              (1u << 16)
#define MIN_GIBS                (1u << 14)

/* A walk of a sync, or of a comparison */
typedef struct VtdLook {
    VtdTable *table;
    const VtdFormat *format;
    uint64_t first, last;
    bool each;
    VtdDiffFn *diff;
    void *opaque;
    VtdRam ram;                 /* where the last table was */
    uint64_t *copy;             /* of a table of each level, or NULL */
    uint64_t new_blocks;        /* looked at and not held before */
    uint64_t new_gibs;
    GPtrArray *gibs;            /* held ones of the range, in order */
    unsigned next;              /* the first of them not passed */
} VtdLook;

/* Differences */

static void vtd_tell(VtdLook *look, VtdDiffKind kind, unsigned level,
                     uint64_t first, uint64_t last, uint64_t leaf,
                     uint64_t old)
{
    VtdDiff diff = { kind, level, first, last, leaf, old };

    look->diff(look->opaque, &diff);
}

static bool vtd_block_same(const VtdBlock *a, const VtdBlock *b)
{
    return a->upper == b->upper && !a->entry == !b->entry &&
           (a->entry ? !memcmp(a->entry, b->entry,
                               ENTRIES * sizeof(uint64_t))
                     : a->base == b->base);
}

/*
 * Tell what became of pages @from to @to of the block at @start.  One of the
 * blocks may be NULL.
 */
static void vtd_block_diff(VtdLook *look, uint64_t start, unsigned from,
                           unsigned to, const VtdBlock *old,
                           const VtdBlock *new)
{
    const VtdFormat *format = look->format;
    unsigned level = new ? new->level : 1;
    VtdDiff run = { 0 };
    bool running = false;

    if (from == 0 && to == ENTRIES - 1) {
        /* The cases that need no look at each page */
        uint64_t end = start + BLOCK_SIZE - 1;

        if (!new && !look->each && !vtd_meets_interrupts(start, end)) {
            vtd_tell(look, VTD_DIFF_GONE, old->level, start, end, 0, 0);
            return;
        }
        if (!old && level > 1) {
            vtd_tell(look, VTD_DIFF_FRESH, level, start, end, new->base, 0);
            return;
        }
        if (old && new && vtd_block_same(old, new)) {
            vtd_tell(look, VTD_DIFF_KEPT, level, start, end, 0, 0);
            return;
        }
        if (old && old->level > 1 && level > 1) {
            vtd_tell(look, VTD_DIFF_CHANGED, level, start, end, new->base,
                     old->base);
            return;
        }
    }

    for (unsigned i = from; i <= to; i++) {
        uint64_t was = vtd_block_leaf(format, old, i);
        uint64_t now = vtd_block_leaf(format, new, i);
        uint64_t first = start + ((uint64_t)i << VTD_PAGE_SHIFT);
        uint64_t offset = first - run.first;
        VtdDiffKind kind = was == now ? VTD_DIFF_KEPT :
                           !now ? VTD_DIFF_GONE :
                           !was ? VTD_DIFF_FRESH : VTD_DIFF_CHANGED;
        bool joins = running && kind == run.kind;

        if (!was && !now) {
            joins = false;
        } else if (kind == VTD_DIFF_GONE && look->each) {
            joins = joins && old->level > 1 && was == run.old + offset;
        } else if (kind == VTD_DIFF_FRESH || kind == VTD_DIFF_CHANGED) {
            joins = joins && level > 1 &&
                    (!look->each || !was || was == run.old + offset);
        }
        if (joins) {
            run.last = first + PAGE_SIZE - 1;
            continue;
        }
        if (running) {
            look->diff(look->opaque, &run);
        }
        running = was || now;
        run = (VtdDiff) {
            kind, kind == VTD_DIFF_GONE ? old->level : level,
            first, first + PAGE_SIZE - 1, now, was,
        };
    }
    if (running) {
        look->diff(look->opaque, &run);
    }
}

/* Guest memory */

/*
 * The table of @level at @gpa, to be read with vtd_read_once(), until the
 * next one of its level; NULL outside memory.  Memory that is there by calls
 * alone is copied.
 */
static const uint64_t *vtd_guest_table(VtdLook *look, uint64_t gpa,
                                       unsigned level)
{
    const VtdTableConfig *config = look->table->config;
    uint64_t *copy;

    if (!look->ram.last || gpa < look->ram.first || gpa > look->ram.last) {
        config->ram(config->host, gpa, &look->ram);
    }
    if (look->ram.data && look->ram.last - gpa >= PAGE_SIZE - 1) {
        return (const uint64_t *)(look->ram.data + (gpa - look->ram.first));
    }
    if (!look->copy) {
        look->copy = g_new(uint64_t, VTD_LEVELS_MAX * ENTRIES);
    }
    copy = look->copy + (level - 1) * ENTRIES;
    return config->read(config->host, gpa, copy, PAGE_SIZE) ? copy : NULL;
}

static uint64_t vtd_read_once(const uint64_t *entry)
{
    return GUINT64_FROM_LE(__atomic_load_n(entry, __ATOMIC_RELAXED));
}

typedef enum VtdEntryKind {
    VTD_ENTRY_EMPTY,
    VTD_ENTRY_TABLE,
    VTD_ENTRY_LEAF,
} VtdEntryKind;

/*
 * What an entry above the last level is.  @upper becomes the permission for
 * what is below.  All that would end a walk is empty.
 */
static VtdEntryKind vtd_entry_kind(const VtdFormat *format, uint64_t entry,
                                   unsigned level, uint64_t *upper)
{
    *upper &= entry & vtd_rw(format);
    if (!*upper) {
        return VTD_ENTRY_EMPTY;
    }
    if (entry & format->leaf[level]) {
        return entry & format->leaf_reserved[level] ? VTD_ENTRY_EMPTY
                                                    : VTD_ENTRY_LEAF;
    }
    return entry & format->table_reserved[level] ? VTD_ENTRY_EMPTY
                                                 : VTD_ENTRY_TABLE;
}

/* Blocks in step with the guest */

static uint64_t vtd_max_blocks(const VtdTable *table)
{
    return MAX(MIN_BLOCKS, table->config->max_leaves / (ENTRIES / 2));
}

static uint64_t vtd_max_gibs(const VtdTable *table)
{
    return MAX(MIN_GIBS, table->config->max_leaves >> 12);
}

static void vtd_over_limit(VtdTable *table, uint64_t leaves)
{
    table->limited = true;
    table->config->stats->over_limit += leaves;
}

/*
 * Take leaves out of @new until the table may hold the rest: only those that
 * were not mapped, or by a larger leaf and otherwise, so that nothing that
 * the guest did not change is touched.
 */
static void vtd_cut_to_limit(VtdLook *look, const VtdBlock *old,
                             VtdBlock *new, unsigned from, unsigned to)
{
    VtdTable *table = look->table;
    uint64_t held = table->leaves;
    uint64_t cut = 0;

    if (held + (to - from + 1) <= table->config->max_leaves) {
        return;
    }
    for (unsigned i = from; i <= to; i++) {
        uint64_t was = vtd_block_leaf(look->format, old, i);
        uint64_t now = vtd_block_leaf(look->format, new, i);

        if (now && (!was || (old->level > 1 && was != now))) {
            if (held >= table->config->max_leaves) {
                new->entry[i] = 0;
                cut++;
            } else {
                held++;
            }
        }
    }
    if (cut) {
        vtd_over_limit(table, cut);
    }
}

/*
 * Whether a block may be held where @old was.  That asks for memory also
 * where the block was a part of a larger leaf.
 */
static bool vtd_room_for_block(const VtdTable *table, const VtdBlock *old)
{
    if (!old) {
        return table->leaves < table->config->max_leaves;
    }
    return old->level < 3 || table->blocks < vtd_max_blocks(table);
}

/*
 * The same, of entries that may not be a run.  A full run always may end as
 * one: so many of them are bounded by their leaves.
 */
static bool vtd_room_for_entries(const VtdTable *table, const VtdBlock *old)
{
    return (old && old->level == 1 &&
            (old->entry || old->leaves == ENTRIES)) ||
           (table->copies < vtd_max_blocks(table) &&
            vtd_room_for_block(table, old));
}

typedef struct VtdPlace {
    VtdGib *gib;                /* NULL until something is held there */
    uint64_t first;             /* of the GiB */
    unsigned index;             /* of the block */
} VtdPlace;

static void vtd_place_store(VtdLook *look, VtdPlace *place,
                            const VtdBlock *content)
{
    VtdBlock *block = content ? vtd_block_keep(look->format, content) : NULL;

    if (!place->gib) {
        if (!block) {
            return;
        }
        place->gib = vtd_gib_new(look->table, place->first);
    }
    vtd_gib_set_block(look->table, place->gib, place->index, block);
}

/* The part of the range that lies in @size bytes from @start on */
static void vtd_clip(const VtdLook *look, uint64_t start, uint64_t size,
                     unsigned shift, unsigned *from, unsigned *to)
{
    uint64_t first = MAX(look->first, start);
    uint64_t last = MIN(look->last, start + size - 1);

    *from = (first - start) >> shift;
    *to = (last - start) >> shift;
}

/*
 * Some pages of a block, with other permission above than before: the others
 * stay as seen, so that all of it must be said as leaves.
 */
static void vtd_merge(VtdLook *look, VtdBlock *new, const VtdBlock *old,
                      unsigned from, unsigned to)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        new->entry[i] = vtd_block_leaf(look->format,
                                       i < from || i > to ? old : new, i);
    }
    new->upper = vtd_rw(look->format);
}

/* The quick answer to whether all of a table is as it was */
static bool vtd_as_seen(const VtdBlock *old, const uint64_t *guest,
                        uint64_t upper)
{
    if (G_BYTE_ORDER != G_LITTLE_ENDIAN) {
        return false;
    }
    if (!old) {
        return vtd_even(guest, 0, 0);
    }
    if (old->upper != upper || old->level > 1) {
        return false;
    }
    return old->entry ? !memcmp(guest, old->entry,
                                ENTRIES * sizeof(uint64_t))
                      : vtd_even(guest, old->base, PAGE_SIZE);
}

/* What is there can't be held, so that what was there ends */
static void vtd_sync_no_room(VtdLook *look, VtdPlace *place, uint64_t start,
                             const VtdBlock *old)
{
    vtd_over_limit(look->table, 1);
    if (old) {
        vtd_block_diff(look, start, 0, ENTRIES - 1, old, NULL);
        vtd_place_store(look, place, NULL);
    }
}

/* Pages @from to @to of the block's table, which is at @guest or nowhere */
static void vtd_sync_part(VtdLook *look, VtdPlace *place, uint64_t start,
                          const VtdBlock *old, const uint64_t *guest,
                          uint64_t upper, unsigned from, unsigned to)
{
    uint64_t entry[ENTRIES];
    VtdBlock new = { .entry = entry, .level = 1, .upper = upper };
    unsigned same = 0;

    for (unsigned i = from; i <= to; i++) {
        entry[i] = guest ? vtd_read_once(guest + i) : 0;
        same += entry[i] == (old ? vtd_block_entry(old, i) : 0);
    }
    /* The same pages as before, of a superpage that is split, are a run */
    if (!vtd_room_for_entries(look->table, old) &&
        !(old && old->level == 2 && vtd_even(entry, entry[0], PAGE_SIZE))) {
        vtd_sync_no_room(look, place, start, old);
        return;
    }
    look->table->config->stats->unchanged += same;
    vtd_cut_to_limit(look, old, &new, from, to);
    vtd_block_diff(look, start, from, to, old, &new);
    if (from == 0 && to == ENTRIES - 1) {
        vtd_place_store(look, place, &new);
    } else if (same == to - from + 1 && (!old || old->upper == upper)) {
        return;
    } else if (old && old->upper == upper) {
        vtd_gib_update_block(look->table, place->gib, place->index, entry,
                             from, to);
    } else {
        vtd_merge(look, &new, old, from, to);
        vtd_place_store(look, place, &new);
    }
}

/* The block's table, or nothing, is at @guest */
static void vtd_sync_table(VtdLook *look, VtdPlace *place, uint64_t start,
                           const VtdBlock *old, const uint64_t *guest,
                           uint64_t upper)
{
    VtdSeenStats *stats = look->table->config->stats;
    unsigned from = 0, to = ENTRIES - 1;

    if (!old && !guest) {
        return;
    }
    if (!old && look->new_blocks++ >= vtd_max_blocks(look->table)) {
        vtd_over_limit(look->table, 1);
        return;
    }
    /* A superpage that was here ends whole, whichever page is named */
    if (!old || old->level == 1) {
        vtd_clip(look, start, BLOCK_SIZE, VTD_PAGE_SHIFT, &from, &to);
    }
    stats->compared += to - from + 1;
    if (from == 0 && to == ENTRIES - 1) {
        if (guest && vtd_as_seen(old, guest, upper)) {
            stats->unchanged += ENTRIES;
            if (old) {
                vtd_tell(look, VTD_DIFF_KEPT, 1, start,
                         start + BLOCK_SIZE - 1, 0, 0);
            }
            return;
        }
        if (old && (!guest || vtd_even(guest, 0, 0))) {
            vtd_block_diff(look, start, from, to, old, NULL);
            vtd_place_store(look, place, NULL);
            return;
        }
    }
    vtd_sync_part(look, place, start, old, guest, upper, from, to);
}

/* The block is the leaf @now of 2 MiB */
static void vtd_sync_leaf(VtdLook *look, VtdPlace *place, uint64_t start,
                          const VtdBlock *old, uint64_t now)
{
    VtdBlock new = vtd_block_of_leaf(look->format, now, 2, 0);

    if (old && !old->entry && old->level == 2 && old->base == now) {
        vtd_tell(look, VTD_DIFF_KEPT, 2, start, start + BLOCK_SIZE - 1, 0, 0);
        return;
    }
    if (!vtd_room_for_block(look->table, old)) {
        vtd_sync_no_room(look, place, start, old);
        return;
    }
    vtd_block_diff(look, start, 0, ENTRIES - 1, old, &new);
    vtd_place_store(look, place, &new);
}

/* @entry of level 2 leads to the block, or to nothing (0) */
static void vtd_sync_block(VtdLook *look, VtdPlace *place,
                           const VtdBlock *old, uint64_t entry,
                           uint64_t upper)
{
    uint64_t start = place->first + ((uint64_t)place->index << BLOCK_SHIFT);

    switch (vtd_entry_kind(look->format, entry, 2, &upper)) {
    case VTD_ENTRY_LEAF:
        vtd_sync_leaf(look, place, start, old,
                      vtd_leaf(look->format, entry, 2, upper));
        break;
    case VTD_ENTRY_TABLE:
        vtd_sync_table(look, place, start, old,
                       vtd_guest_table(look, entry & look->format->address,
                                       1),
                       upper);
        break;
    case VTD_ENTRY_EMPTY:
        if (old) {
            vtd_sync_table(look, place, start, old, NULL, 0);
        }
        break;
    }
}

/* All of a GiB is the leaf @now */
static void vtd_sync_gib_leaf(VtdLook *look, VtdPlace *place, uint64_t now)
{
    VtdTable *table = look->table;
    VtdGib *gib = place->gib;

    if (gib && gib->leaf == now) {
        vtd_tell(look, VTD_DIFF_KEPT, 3, gib->first,
                 gib->first + GIB_SIZE - 1, 0, 0);
        return;
    }
    if (!gib && (table->leaves >= table->config->max_leaves ||
                 look->new_gibs++ >= vtd_max_gibs(table))) {
        vtd_over_limit(table, 1);
        return;
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        VtdBlock part;
        VtdBlock new = vtd_block_of_leaf(look->format, now, 3, i);

        vtd_block_diff(look, place->first + ((uint64_t)i << BLOCK_SHIFT), 0,
                       ENTRIES - 1,
                       vtd_gib_block(look->format, gib, i, &part), &new);
        if (gib && gib->block) {
            vtd_gib_set_block(table, gib, i, NULL);
        }
    }
    if (!gib) {
        gib = place->gib = vtd_gib_new(table, place->first);
    }
    table->leaves += !gib->leaf;
    gib->leaf = now;
}

/* A GiB under a table of level 2, or nothing (@guest is NULL) */
static void vtd_sync_gib_table(VtdLook *look, VtdPlace *place,
                               const uint64_t *guest, uint64_t upper)
{
    VtdTable *table = look->table;
    uint64_t leaf = place->gib ? place->gib->leaf : 0;
    unsigned from = 0, to = ENTRIES - 1;

    if (!guest && !place->gib) {
        return;
    }
    if (!place->gib && look->new_gibs++ >= vtd_max_gibs(table)) {
        vtd_over_limit(table, 1);
        return;
    }
    if (leaf) {
        /* Ends whole, and its parts are compared as they are passed */
        place->gib->leaf = 0;
        table->leaves--;
    } else {
        vtd_clip(look, place->first, GIB_SIZE, BLOCK_SHIFT, &from, &to);
    }
    for (unsigned i = from; i <= to; i++) {
        uint64_t entry = guest ? vtd_read_once(guest + i) : 0;
        VtdBlock part, *old = NULL;

        if (leaf) {
            part = vtd_block_of_leaf(look->format, leaf, 3, i);
            old = &part;
        } else if (place->gib && place->gib->block) {
            old = place->gib->block[i];
        }
        if (entry || old) {
            place->index = i;
            vtd_sync_block(look, place, old, entry, upper);
        }
    }
    if (place->gib) {
        vtd_gib_drop_if_empty(table, place->gib);
    }
}

/* The held GiB at @first, if there is one: GiB are passed in order */
static VtdGib *vtd_next_gib(VtdLook *look, uint64_t first)
{
    VtdGib *gib;

    if (look->next == look->gibs->len) {
        return NULL;
    }
    gib = g_ptr_array_index(look->gibs, look->next);
    if (gib->first != first) {
        return NULL;
    }
    look->next++;
    return gib;
}

static void vtd_sync_gib(VtdLook *look, uint64_t first, uint64_t entry,
                         uint64_t upper)
{
    VtdPlace place = { .gib = vtd_next_gib(look, first), .first = first };

    switch (vtd_entry_kind(look->format, entry, 3, &upper)) {
    case VTD_ENTRY_LEAF:
        vtd_sync_gib_leaf(look, &place,
                          vtd_leaf(look->format, entry, 3, upper));
        break;
    case VTD_ENTRY_TABLE:
        vtd_sync_gib_table(look, &place,
                           vtd_guest_table(look,
                                           entry & look->format->address,
                                           2),
                           upper);
        break;
    case VTD_ENTRY_EMPTY:
        vtd_sync_gib_table(look, &place, NULL, 0);
        break;
    }
}

/* The table at @guest maps nothing below level 3 from here up to @last */
static void vtd_sync_nothing(VtdLook *look, uint64_t last)
{
    while (look->next < look->gibs->len) {
        VtdGib *gib = g_ptr_array_index(look->gibs, look->next);

        if (gib->first > last) {
            break;
        }
        vtd_sync_gib(look, gib->first, 0, 0);
    }
}

/* The entries of a table of level 3 or above, for input from @start on */
static void vtd_sync_level(VtdLook *look, uint64_t gpa, unsigned level,
                           uint64_t start, uint64_t upper)
{
    unsigned shift = vtd_level_shift(level);
    uint64_t size = 1ull << shift;
    const uint64_t *guest = vtd_guest_table(look, gpa, level);
    unsigned from, to;

    vtd_clip(look, start, size << VTD_LEVEL_BITS, shift, &from, &to);
    for (unsigned i = from; i <= to; i++) {
        uint64_t first = start + i * size;
        uint64_t entry = guest ? vtd_read_once(guest + i) : 0;
        uint64_t below = upper;

        if (level == 3) {
            vtd_sync_gib(look, first, entry, upper);
        } else if (vtd_entry_kind(look->format, entry, level, &below) ==
                   VTD_ENTRY_TABLE) {
            vtd_sync_level(look, entry & look->format->address, level - 1,
                           first, below);
        } else {
            vtd_sync_nothing(look, first + size - 1);
        }
    }
}

typedef struct VtdCollect {
    GPtrArray *gibs;
    uint64_t first, last;
} VtdCollect;

static gboolean vtd_collect(gpointer key, gpointer value, gpointer opaque)
{
    VtdCollect *collect = opaque;
    VtdGib *gib = value;

    if (gib->first > collect->last) {
        return TRUE;
    }
    if (gib->first + (GIB_SIZE - 1) >= collect->first) {
        g_ptr_array_add(collect->gibs, gib);
    }
    return FALSE;
}

/* The nodes that the range meets; a range within one needs no traversal */
static void vtd_collect_gibs(const VtdTable *table, GPtrArray *gibs,
                             uint64_t first, uint64_t last)
{
    if (first >> GIB_SHIFT == last >> GIB_SHIFT) {
        VtdGib *gib = vtd_gib_find(table, first & ~(GIB_SIZE - 1));

        if (gib) {
            g_ptr_array_add(gibs, gib);
        }
    } else if (table) {
        VtdCollect collect = { gibs, first, last };

        g_tree_foreach(table->gibs, vtd_collect, &collect);
    }
}

void vtd_table_sync(VtdTable *table, uint64_t first, uint64_t last, bool each,
                    VtdDiffFn *diff, void *opaque)
{
    const VtdFormat *format = table->config->format;
    uint64_t end = (1ull << vtd_level_shift(table->levels + 1)) - 1;
    VtdLook look = {
        .table = table,
        .format = format,
        .first = first,
        .last = MIN(last, end),
        .each = each,
        .diff = diff,
        .opaque = opaque,
    };

    if (first > end) {
        return;
    }
    look.gibs = g_ptr_array_new();
    vtd_collect_gibs(table, look.gibs, first, look.last);
    vtd_sync_level(&look, table->root, table->levels, 0, vtd_rw(format));
    g_ptr_array_free(look.gibs, TRUE);
    g_free(look.copy);
}

static void vtd_compare_gib(VtdLook *look, uint64_t first, const VtdGib *old,
                            const VtdGib *new)
{
    unsigned from, to;

    vtd_clip(look, first, GIB_SIZE, BLOCK_SHIFT, &from, &to);
    for (unsigned i = from; i <= to; i++) {
        uint64_t start = first + ((uint64_t)i << BLOCK_SHIFT);
        VtdBlock old_part, new_part;
        const VtdBlock *was = vtd_gib_block(look->format, old, i, &old_part);
        const VtdBlock *now = vtd_gib_block(look->format, new, i, &new_part);
        unsigned page_from, page_to;

        if (was || now) {
            vtd_clip(look, start, BLOCK_SIZE, VTD_PAGE_SHIFT, &page_from,
                     &page_to);
            vtd_block_diff(look, start, page_from, page_to, was, now);
        }
    }
}

void vtd_table_compare(VtdTable *old, VtdTable *new, uint64_t first,
                       uint64_t last, bool each, VtdDiffFn *diff,
                       void *opaque)
{
    VtdTable *either = old ?: new;
    GPtrArray *before, *after;
    unsigned i = 0, j = 0;
    VtdLook look = {
        .first = first,
        .last = last,
        .each = each,
        .diff = diff,
        .opaque = opaque,
    };

    if (!either) {
        return;
    }
    look.format = either->config->format;
    before = g_ptr_array_new();
    after = g_ptr_array_new();
    vtd_collect_gibs(old, before, first, last);
    vtd_collect_gibs(new, after, first, last);
    while (i < before->len || j < after->len) {
        VtdGib *was = i < before->len ? g_ptr_array_index(before, i) : NULL;
        VtdGib *now = j < after->len ? g_ptr_array_index(after, j) : NULL;

        if (was && now && was->first < now->first) {
            now = NULL;
        } else if (was && now && now->first < was->first) {
            was = NULL;
        }
        vtd_compare_gib(&look, was ? was->first : now->first, was, now);
        i += !!was;
        j += !!now;
    }
    g_ptr_array_free(before, TRUE);
    g_ptr_array_free(after, TRUE);
}
