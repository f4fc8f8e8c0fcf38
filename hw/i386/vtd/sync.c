/*
 * Intel VT-d engine: what was last seen, in step with the guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the walk of the guest's tables beside what was last seen of them (see
 * seen.h), and what is left out at a limit.  vCPUs write the tables meanwhile:
 * the quick comparison of whole tables decides nothing but "as before"; all
 * else is decided by entries that are read once.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/cutils.h"
#include "diff.h"
#include "glance.h"
#include "guest.h"

/* What of the next table is fetched ahead, and a line of the caches; bytes */
#define FETCHED                 256
#define LINE                    64

/*
 * Whether to stop before @at, since this call has done its work.  Never at the
 * address where it began, however much work the way there was: or a sync would
 * not get on.
 */
static bool vtd_sync_stops(VtdLook *look, uint64_t at)
{
    if (!look->resume && at > look->first &&
        look->work + look->guest->work >= look->seen->config->work) {
        look->resume = at;
    }
    return look->resume;
}

/*
 * Tables that are known to map nothing.  A guest can link a few of its pages
 * so that there are billions of ways through them, none of which ends at a
 * leaf; each such table is gone through once.
 */

static uint64_t *vtd_sync_empty_slot(VtdLook *look, uint64_t gpa)
{
    return &look->empty[(gpa >> VTD_PAGE_SHIFT) % VTD_LOOK_EMPTIES];
}

static bool vtd_sync_known_empty(VtdLook *look, uint64_t gpa, unsigned level)
{
    return *vtd_sync_empty_slot(look, gpa) == (gpa | level);
}

/*
 * The table was found to map nothing under @upper.  With more permission from
 * above it may map something: remember it only if @upper was all.
 */
static void vtd_sync_note_empty(VtdLook *look, uint64_t gpa, unsigned level,
                                uint64_t upper)
{
    if (upper == look->format->permission) {
        *vtd_sync_empty_slot(look, gpa) = gpa | level;
    }
}

/* Blocks in step with the guest */

static void vtd_sync_over_limit(VtdLook *look, uint64_t leaves)
{
    vtd_seen_leave_out(look->seen, leaves);
}

/* A new leaf was left out: do not look at tables that are new after it */
static void vtd_sync_no_room(VtdLook *look)
{
    look->full = true;
    vtd_sync_over_limit(look, 1);
}

/*
 * Drop new pages from @new until the limit holds: only pages that were
 * unmapped, or part of a superpage with another target.  What the guest left
 * alone stays.
 */
static void vtd_sync_cut_to_limit(VtdLook *look, const VtdBlock *old,
                                  VtdBlock *new, unsigned from, unsigned to)
{
    VtdSeen *seen = look->seen;
    uint64_t held = seen->leaves;
    uint64_t cut = 0;

    if (held + (to - from + 1) <= seen->config->max_leaves) {
        return;
    }
    for (unsigned i = from; i <= to; i++) {
        uint64_t was = vtd_block_leaf(look->format, old, i);
        uint64_t now = vtd_block_leaf(look->format, new, i);

        if (now && (!was || (old->level > 1 && was != now))) {
            if (held >= seen->config->max_leaves) {
                new->entry[i] = 0;
                cut++;
            } else {
                held++;
            }
        }
    }
    if (cut) {
        look->full = true;
        vtd_sync_over_limit(look, cut);
    }
}

/* Where a block is, or would be */
typedef struct VtdPlace {
    VtdGib *gib;                /* NULL until something is held in it */
    uint64_t first;             /* address of the GiB */
    unsigned index;             /* of the block in it */
    const VtdBlock *held;       /* the block; NULL if the GiB is one leaf */
} VtdPlace;

static uint64_t vtd_place_address(const VtdPlace *place)
{
    return place->first + ((uint64_t)place->index << VTD_BLOCK_SHIFT);
}

/* The memory of what a block needs around it, if that is not there yet */
static size_t vtd_place_bytes(const VtdPlace *place)
{
    return !place->gib ? VTD_GIB_NODE + VTD_GIB_BLOCKS :
           !place->gib->block ? VTD_GIB_BLOCKS : 0;
}

static bool vtd_place_has_room(const VtdLook *look, const VtdPlace *place,
                               const VtdBlock *old, VtdForm form)
{
    int64_t more = vtd_form_bytes(form);

    return (old || look->seen->leaves < look->seen->config->max_leaves) &&
           vtd_seen_has_room(look->seen, more + vtd_place_bytes(place) -
                                 vtd_block_bytes(place->held));
}

static void vtd_place_store(VtdLook *look, VtdPlace *place,
                            const VtdBlock *content)
{
    if (!place->gib) {
        if (!content) {
            return;
        }
        place->gib = vtd_gib_new(look->seen, place->first);
    }
    vtd_gib_set_block(look->seen, place->gib, place->index, content);
}

/* Whether the entries are those of a run where @there says so, 0 elsewhere */
static bool vtd_sync_holes_same(const uint64_t *entry, uint64_t base,
                                const uint64_t *there)
{
    uint64_t wrong = 0;

    for (unsigned i = 0; i < VTD_ENTRIES; i++, base += VTD_PAGE_SIZE) {
        wrong |= entry[i] ^ (vtd_bits_test(there, i) ? base : 0);
    }
    return !wrong;
}

/* Whether all of a table is as it was; false if that is not known at once */
static bool vtd_sync_as_seen(const VtdBlock *old, const uint64_t *guest,
                             uint64_t upper)
{
    if (G_BYTE_ORDER != G_LITTLE_ENDIAN) {
        return false;
    }
    if (!old) {
        return buffer_is_zero(guest, VTD_PAGE_SIZE);
    }
    if (old->upper != upper || old->level > 1) {
        return false;
    }
    switch (old->form) {
    case VTD_FORM_RUN:
        return vtd_entries_even(guest, old->base);
    case VTD_FORM_ENTRIES:
        return !memcmp(guest, old->entry, VTD_ENTRIES * sizeof(uint64_t));
    default:
        return vtd_sync_holes_same(guest, old->base, old->there);
    }
}

/*
 * There is no memory for @new in the place of @old.  Keep those pages of @old
 * that are the same in @new, which takes no more than is set aside; lose the
 * others.
 */
static void vtd_sync_coarse(VtdLook *look, VtdPlace *place, uint64_t start,
                            const VtdBlock *old, const VtdBlock *new,
                            unsigned from, unsigned to)
{
    uint64_t there[VTD_BLOCK_WORDS] = { 0 };
    VtdBlock coarse = *old, small;
    uint64_t lost = 0;
    bool any;

    coarse.level = 1;
    coarse.form = VTD_FORM_HOLES;
    coarse.there = there;
    for (unsigned i = 0; i < VTD_ENTRIES; i++) {
        uint64_t was = vtd_block_leaf(look->format, old, i);
        uint64_t now = vtd_block_leaf(look->format, new, i);

        vtd_bits_set(there, i, was && was == now);
        lost += now && was != now;
    }
    if (lost) {
        vtd_sync_over_limit(look, lost);
    }
    any = vtd_block_shrink(look->format, &coarse, &small, there);
    vtd_look_block(look, start, from, to, old, any ? &small : NULL);
    vtd_place_store(look, place, any ? &small : NULL);
}

/* Entry @i of @block, if the levels above it permitted all */
static uint64_t vtd_sync_leaf_entry(const VtdLook *look, const VtdBlock *block,
                                    unsigned i)
{
    return vtd_format_entry(look->format,
                            vtd_block_leaf(look->format, block, i));
}

/*
 * Fill in the entries of @new that were not read, @from to @to were, with
 * those of @old.  A block has one upper permission: where that has changed,
 * all entries become leaves with the permission that they have in effect.
 */
static void vtd_sync_complete(VtdLook *look, VtdBlock *new, const VtdBlock *old,
                              unsigned from, unsigned to)
{
    bool leaves = old && old->upper != new->upper;

    for (unsigned i = 0; i < VTD_ENTRIES; i++) {
        if (i < from || i > to) {
            new->entry[i] = !old ? 0 :
                            leaves ? vtd_sync_leaf_entry(look, old, i)
                                   : vtd_block_entry(old, i);
        } else if (leaves) {
            new->entry[i] = vtd_sync_leaf_entry(look, new, i);
        }
    }
    if (leaves) {
        new->upper = look->format->permission;
    }
}

/* Take over pages @from to @to of the table at @guest, or none (NULL) */
static void vtd_sync_part(VtdLook *look, VtdPlace *place, uint64_t start,
                          const VtdBlock *old, const uint64_t *guest,
                          uint64_t upper, unsigned from, unsigned to)
{
    bool whole = from == 0 && to == VTD_ENTRIES - 1;
    uint64_t entry[VTD_ENTRIES], there[VTD_BLOCK_WORDS];
    VtdBlock small, new = {
        .entry = entry, .form = VTD_FORM_ENTRIES, .level = 1, .upper = upper,
    };
    unsigned same = 0;
    bool any;

    for (unsigned i = from; i <= to; i++) {
        entry[i] = vtd_guest_entry(look->guest, guest, 1, i, upper);
        same += entry[i] == (old ? vtd_block_entry(old, i) : 0);
    }
    look->seen->config->stats->unchanged += same;
    if (!whole && (!old || old->upper == upper) && same == to - from + 1) {
        if (old) {
            vtd_look_block(look, start, from, to, old, old);
        }
        return;
    }
    vtd_sync_cut_to_limit(look, old, &new, from, to);
    if (!whole && old && old->upper == upper &&
        vtd_block_has_form(old, entry + from, from, to)) {
        vtd_look_block(look, start, from, to, old, &new);
        vtd_gib_update_block(look->seen, place->gib, place->index,
                             entry + from, from, to);
        return;
    }
    if (!whole) {
        vtd_sync_complete(look, &new, old, from, to);
    }
    any = vtd_block_shrink(look->format, &new, &small, there);
    if (!any || vtd_place_has_room(look, place, old, small.form)) {
        vtd_look_block(look, start, from, to, old, &new);
        vtd_place_store(look, place, any ? &small : NULL);
    } else if (old) {
        vtd_sync_coarse(look, place, start, old, &new, from, to);
    } else {
        vtd_sync_no_room(look);
    }
}

/* The block is the table at @guest, or nothing (NULL) */
static void vtd_sync_table(VtdLook *look, VtdPlace *place, uint64_t start,
                           const VtdBlock *old, const uint64_t *guest,
                           uint64_t upper)
{
    VtdSeenStats *stats = look->seen->config->stats;
    unsigned from = 0, to = VTD_ENTRIES - 1;

    /* A superpage that was here ends as a whole, whichever page is named */
    if (!old || old->level == 1) {
        vtd_look_clip(look, start, VTD_BLOCK_SIZE, VTD_PAGE_SHIFT, &from, &to);
    }
    stats->compared += to - from + 1;
    if (from == 0 && to == VTD_ENTRIES - 1) {
        if (old && guest && vtd_sync_as_seen(old, guest, upper)) {
            stats->unchanged += VTD_ENTRIES;
            vtd_look_report(look, VTD_DIFF_KEPT, 1, start,
                            start + VTD_BLOCK_SIZE - 1, 0, 0);
            return;
        }
        if (old && (!guest || buffer_is_zero(guest, VTD_PAGE_SIZE))) {
            vtd_look_block(look, start, from, to, old, NULL);
            vtd_place_store(look, place, NULL);
            return;
        }
    }
    vtd_sync_part(look, place, start, old, guest, upper, from, to);
}

/* The block, in which nothing was held, is the last-level table at @gpa */
static void vtd_sync_new_table(VtdLook *look, VtdPlace *place, uint64_t start,
                               uint64_t gpa, uint64_t upper)
{
    const uint64_t *guest;

    if (vtd_sync_known_empty(look, gpa, 1)) {
        return;
    }
    if (look->full) {
        look->found++;
        vtd_sync_over_limit(look, 1);
        return;
    }
    guest = vtd_guest_table(look->guest, gpa, 1, upper);
    if (!guest || vtd_sync_as_seen(NULL, guest, upper)) {
        look->seen->config->stats->compared += VTD_ENTRIES;
        look->seen->config->stats->unchanged += VTD_ENTRIES;
        /* Where two stages are composed, @upper may be what permits nothing */
        vtd_sync_note_empty(look, gpa, 1, look->seen->tables.second_levels
                                          ? upper : look->format->permission);
        return;
    }
    look->found++;
    vtd_sync_table(look, place, start, NULL, guest, upper);
}

/* The block is @new, a leaf of 2 MiB or a part of one of 1 GiB */
static void vtd_sync_leaf(VtdLook *look, VtdPlace *place, uint64_t start,
                          const VtdBlock *old, const VtdBlock *new)
{
    if (old && old->level > 1 && old->base == new->base) {
        vtd_look_report(look, VTD_DIFF_KEPT, new->level, start,
                        start + VTD_BLOCK_SIZE - 1, 0, 0);
        if (place->held) {
            return;
        }
    } else if (!old && (look->full ||
                        !vtd_place_has_room(look, place, old, new->form))) {
        vtd_sync_no_room(look);
        return;
    } else {
        vtd_look_block(look, start, 0, VTD_ENTRIES - 1, old, new);
    }
    vtd_place_store(look, place, new);
}

/*
 * The block is what the table at @ref was composed to, which is still what it
 * would be: nothing has changed
 */
static bool vtd_sync_composed_before(VtdLook *look, const VtdPlace *place,
                                     uint64_t start, uint64_t ref,
                                     uint64_t upper)
{
    VtdSeenStats *stats = look->seen->config->stats;
    VtdSource **sources = place->gib ? place->gib->source : NULL;

    if (!sources || !vtd_guest_as_before(look->guest, sources[place->index],
                                         ref, upper)) {
        return false;
    }
    stats->compared += VTD_ENTRIES;
    stats->unchanged += VTD_ENTRIES;
    vtd_look_report(look, VTD_DIFF_KEPT, 1, start, start + VTD_BLOCK_SIZE - 1,
                    0, 0);
    return true;
}

/* Remember what the table at @ref was composed of, if all of it was taken */
static void vtd_sync_keep_source(VtdLook *look, const VtdPlace *place,
                                 uint64_t ref, uint64_t upper)
{
    VtdGuest *guest = look->guest;
    VtdGib *gib = place->gib;
    const VtdBlock *held = gib && gib->block ? gib->block[place->index] : NULL;

    if (held && look->seen->copies_wanted &&
        vtd_sync_as_seen(held, guest->copy, upper)) {
        vtd_gib_set_source(look->seen, gib, place->index,
                           vtd_compose_source(&guest->compose, ref, upper));
    }
}

/* @entry of level 2 leads to the block, or to nothing (0) */
static void vtd_sync_block(VtdLook *look, VtdPlace *place,
                           const VtdBlock *old, uint64_t entry,
                           uint64_t upper)
{
    uint64_t start = vtd_place_address(place);
    uint64_t table = entry & look->format->address;
    VtdBlock new;

    look->work++;
    look->found += !!old;
    switch (vtd_format_kind(look->format, entry, 2, &upper)) {
    case VTD_ENTRY_LEAF:
        look->found++;
        new = vtd_block_of_leaf(look->format,
                                vtd_format_leaf(look->format, entry, 2, upper),
                                2, 0);
        vtd_sync_leaf(look, place, start, old, &new);
        break;
    case VTD_ENTRY_TABLE:
        if (vtd_sync_composed_before(look, place, start, table, upper)) {
            break;
        }
        if (old) {
            vtd_sync_table(look, place, start, old,
                           vtd_guest_table(look->guest, table, 1, upper),
                           upper);
        } else {
            vtd_sync_new_table(look, place, start, table, upper);
        }
        vtd_sync_keep_source(look, place, table, upper);
        break;
    case VTD_ENTRY_EMPTY:
        if (old) {
            vtd_sync_table(look, place, start, old, NULL, 0);
        }
        break;
    }
}

/*
 * All of a GiB is the leaf @now, which may come to need more memory than there
 * is: take over block by block what there is memory for
 */
static void vtd_sync_gib_parts(VtdLook *look, VtdPlace *place, uint64_t now)
{
    for (place->index = 0; place->index < VTD_ENTRIES; place->index++) {
        VtdBlock new = vtd_block_of_leaf(look->format, now, 3, place->index);

        place->held = place->gib && place->gib->block
                      ? place->gib->block[place->index] : NULL;
        vtd_sync_leaf(look, place, vtd_place_address(place), place->held, &new);
    }
}

/* All of a GiB is the leaf @now */
static void vtd_sync_gib_leaf(VtdLook *look, VtdPlace *place, uint64_t now)
{
    VtdSeen *seen = look->seen;
    VtdGib *gib = place->gib;

    if (gib && gib->leaf == now) {
        vtd_look_report(look, VTD_DIFF_KEPT, 3, gib->first,
                        gib->first + VTD_GIB_SIZE - 1, 0, 0);
        return;
    }
    if (!gib && (look->full ||
                 seen->leaves >= seen->config->max_leaves)) {
        vtd_sync_no_room(look);
        return;
    }
    if (!(gib && gib->leaf) &&
        !vtd_seen_has_room(seen, (int64_t)VTD_GIB_LEAF +
                                 (gib ? 0 : VTD_GIB_NODE) -
                                 vtd_gib_blocks_bytes(gib))) {
        vtd_sync_gib_parts(look, place, now);
        return;
    }
    for (unsigned i = 0; i < VTD_ENTRIES; i++) {
        VtdBlock part;
        VtdBlock new = vtd_block_of_leaf(look->format, now, 3, i);

        vtd_look_block(look, place->first + ((uint64_t)i << VTD_BLOCK_SHIFT), 0,
                       VTD_ENTRIES - 1,
                       vtd_gib_block(look->format, gib, i, &part), &new);
    }
    if (!gib) {
        gib = place->gib = vtd_gib_new(seen, place->first);
    }
    vtd_gib_set_leaf(seen, gib, now);
}

/*
 * A leaf of 1 GiB ends: what is there now is compared with its parts, block by
 * block.  What was set aside for the leaf stays set aside for the parts that
 * were not compared yet.
 */
static void vtd_sync_gib_split(VtdLook *look, VtdPlace *place,
                               const uint64_t *guest, uint64_t upper)
{
    VtdSeen *seen = look->seen;
    uint64_t leaf = place->gib->leaf;

    vtd_gib_set_leaf(seen, place->gib, 0);
    vtd_seen_promise(seen, VTD_GIB_LEAF);
    for (place->index = 0; place->index < VTD_ENTRIES; place->index++) {
        uint64_t entry = vtd_guest_entry(look->guest, guest, 2, place->index,
                                         upper);
        VtdBlock part = vtd_block_of_leaf(look->format, leaf, 3,
                                          place->index);

        vtd_seen_promise(seen, -(int64_t)VTD_SMALL_BLOCK);
        if (!place->gib->block) {
            vtd_seen_promise(seen, -(int64_t)VTD_GIB_BLOCKS);
        }
        vtd_sync_block(look, place, &part, entry, upper);
        if (!place->gib->block) {
            vtd_seen_promise(seen, VTD_GIB_BLOCKS);
        }
    }
    if (!place->gib->block) {
        vtd_seen_promise(seen, -(int64_t)VTD_GIB_BLOCKS);
    }
}

/*
 * Block @index is compared soon: have the begin of its table, and of what was
 * seen of it, on the way to the CPU's caches meanwhile.  The rest follows,
 * since CPUs see by themselves that memory is read in order.
 */
static void vtd_sync_fetch_ahead(const VtdLook *look, const VtdGib *gib,
                                 const uint64_t *guest, unsigned index)
{
    const VtdRam *ram = &look->guest->ram;
    uint64_t table;

    if (!gib || !gib->block || !guest) {
        return;
    }
    for (unsigned at = 0; gib->block[index] && at < FETCHED; at += LINE) {
        __builtin_prefetch((const uint8_t *)gib->block[index] + at);
    }
    table = GUINT64_FROM_LE(qatomic_read(guest + index)) &
            look->format->address;
    if (ram->data && table >= ram->first &&
        table <= ram->last - VTD_PAGE_SIZE) {
        for (unsigned at = 0; at < FETCHED; at += LINE) {
            __builtin_prefetch(ram->data + (table - ram->first) + at);
        }
    }
}

/* The GiB is the table of level 2 at @guest, or nothing (NULL) */
static void vtd_sync_gib_table(VtdLook *look, VtdPlace *place,
                               const uint64_t *guest, uint64_t upper)
{
    unsigned from, to;

    if (place->gib && place->gib->leaf) {
        vtd_sync_gib_split(look, place, guest, upper);
    } else {
        vtd_look_clip(look, place->first, VTD_GIB_SIZE, VTD_BLOCK_SHIFT,
                      &from, &to);
        for (unsigned i = from; i <= to; i++) {
            uint64_t entry = vtd_guest_entry(look->guest, guest, 2, i, upper);

            place->index = i;
            place->held = place->gib && place->gib->block
                          ? place->gib->block[i] : NULL;
            if (vtd_sync_stops(look, vtd_place_address(place))) {
                break;
            }
            if (i < to) {
                vtd_sync_fetch_ahead(look, place->gib, guest, i + 1);
            }
            if (entry || place->held) {
                vtd_sync_block(look, place, place->held, entry, upper);
            }
        }
    }
    if (place->gib) {
        vtd_gib_drop_if_empty(look->seen, place->gib);
    }
}

/* The GiB that is held at @first, or NULL; called in order of addresses */
static VtdGib *vtd_sync_held_gib(VtdLook *look, uint64_t first)
{
    VtdGib *gib;

    if (look->next == look->gibs.count) {
        return NULL;
    }
    gib = look->gibs.at[look->next];
    if (gib->first != first) {
        return NULL;
    }
    look->next++;
    return gib;
}

/* The GiB, in which nothing was held, is the table of level 2 at @gpa */
static void vtd_sync_new_gib(VtdLook *look, VtdPlace *place, uint64_t gpa,
                             uint64_t upper)
{
    uint64_t found = look->found;
    const uint64_t *guest;

    if (vtd_sync_known_empty(look, gpa, 2)) {
        return;
    }
    if (look->full) {
        look->found++;
        vtd_sync_over_limit(look, 1);
        return;
    }
    guest = vtd_guest_table(look->guest, gpa, 2, upper);
    if (guest) {
        vtd_sync_gib_table(look, place, guest, upper);
    }
    if (look->found == found && look->first <= place->first &&
        look->last >= place->first + (VTD_GIB_SIZE - 1)) {
        vtd_sync_note_empty(look, gpa, 2, upper);
    }
}

static void vtd_sync_gib(VtdLook *look, uint64_t first, uint64_t entry,
                         uint64_t upper)
{
    VtdPlace place = { .gib = vtd_sync_held_gib(look, first), .first = first };
    uint64_t table = entry & look->format->address;

    look->work += entry || place.gib;
    look->found += !!place.gib;
    switch (vtd_format_kind(look->format, entry, 3, &upper)) {
    case VTD_ENTRY_LEAF:
        look->found++;
        vtd_sync_gib_leaf(look, &place,
                          vtd_format_leaf(look->format, entry, 3, upper));
        break;
    case VTD_ENTRY_TABLE:
        if (place.gib) {
            vtd_sync_gib_table(look, &place,
                               vtd_guest_table(look->guest, table, 2, upper),
                               upper);
        } else {
            vtd_sync_new_gib(look, &place, table, upper);
        }
        break;
    case VTD_ENTRY_EMPTY:
        if (place.gib) {
            vtd_sync_gib_table(look, &place, NULL, 0);
        }
        break;
    }
}

/* Whether something is held from where the look is up to @last */
static bool vtd_sync_holds(const VtdLook *look, uint64_t last)
{
    return look->next < look->gibs.count &&
           look->gibs.at[look->next]->first <= last;
}

/* The tables map nothing from where the look is up to @last */
static void vtd_sync_nothing(VtdLook *look, uint64_t last)
{
    while (vtd_sync_holds(look, last)) {
        VtdGib *gib = look->gibs.at[look->next];

        if (vtd_sync_stops(look, gib->first)) {
            return;
        }
        vtd_sync_gib(look, gib->first, 0, 0);
    }
}

/* Look at the table of level 3 or above at @gpa, which maps from @start on */
static void vtd_sync_level(VtdLook *look, uint64_t gpa, unsigned level,
                           uint64_t start, uint64_t upper)
{
    unsigned shift = vtd_level_shift(level);
    uint64_t size = 1ull << shift;
    uint64_t end = start + (size << VTD_LEVEL_BITS) - 1;
    uint64_t found = look->found;
    const uint64_t *guest;
    unsigned from, to;

    if (vtd_sync_known_empty(look, gpa, level) && !vtd_sync_holds(look, end)) {
        return;
    }
    guest = vtd_guest_table(look->guest, gpa, level, upper);
    vtd_look_clip(look, start, size << VTD_LEVEL_BITS, shift, &from, &to);
    for (unsigned i = from; i <= to; i++) {
        uint64_t first = start + i * size;
        uint64_t entry = vtd_guest_entry(look->guest, guest, level, i, upper);
        uint64_t below = upper;

        if (vtd_sync_stops(look, MAX(first, look->first))) {
            return;
        }
        if (level == 3) {
            vtd_sync_gib(look, first, entry, upper);
        } else if (vtd_format_kind(look->format, entry, level, &below) ==
                   VTD_ENTRY_TABLE) {
            vtd_sync_level(look, entry & look->format->address, level - 1,
                           first, below);
        } else {
            vtd_sync_nothing(look, first + size - 1);
        }
    }
    if (look->found == found && look->first <= start && look->last >= end) {
        vtd_sync_note_empty(look, gpa, level, upper);
    }
}

void vtd_seen_begin(VtdSeen *seen, bool all)
{
    seen->copies_wanted = all && seen->tables.second_levels;
    if (seen->copies_wanted) {
        vtd_copies_refresh(seen);
    }
}

/* Take over the range, whatever is there; arguments as of vtd_seen_sync() */
static uint64_t vtd_sync_range(VtdSeen *seen, uint64_t first, uint64_t last,
                               bool each_leaf, VtdDiffFn *diff, void *opaque)
{
    const VtdFormat *format = seen->format;
    VtdGuest guest;
    VtdLook look = {
        .seen = seen,
        .guest = &guest,
        .was = format,
        .format = format,
        .first = first,
        .last = last,
        .each_leaf = each_leaf,
        .diff = diff,
        .opaque = opaque,
    };

    vtd_gibs_begin(&look.gibs, seen, first, last);
    vtd_guest_begin(&guest, seen);
    vtd_sync_level(&look, seen->tables.top, seen->tables.levels, 0,
                   format->permission);
    vtd_gibs_end(&look.gibs);
    vtd_guest_end(&guest);
    return look.resume;
}

uint64_t vtd_seen_sync(VtdSeen *seen, uint64_t first, uint64_t last,
                        bool each_leaf, VtdDiffFn *diff, void *opaque)
{
    uint64_t end = vtd_format_last(seen->format, seen->tables.levels);

    last = MIN(last, end);
    if (first > end || vtd_glance(seen, first, last, diff, opaque)) {
        return 0;
    }
    return vtd_sync_range(seen, first, last, each_leaf, diff, opaque);
}
