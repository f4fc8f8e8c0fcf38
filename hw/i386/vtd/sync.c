/*
 * Intel VT-d engine: what was last seen, in step with the guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the walk of the guest's tables beside what was last seen of them (see
 * seen.h), down to blocks, which are place.c's.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "glance.h"
#include "place.h"

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
 * All of a GiB is the leaf @now, which may come to need more memory than there
 * is: take over block by block what there is memory for
 */
static void vtd_sync_gib_parts(VtdLook *look, VtdPlace *place, uint64_t now)
{
    for (place->index = 0; place->index < VTD_ENTRIES; place->index++) {
        VtdBlock new = vtd_block_of_leaf(look->format, now, 3, place->index);

        place->held = place->gib && place->gib->block
                      ? place->gib->block[place->index] : NULL;
        vtd_place_leaf(look, place, place->held, &new);
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
        vtd_look_no_room(look, 1);
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
        vtd_place_sync(look, place, &part, entry, upper);
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
                vtd_place_sync(look, place, place->held, entry, upper);
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

    if (vtd_look_known_empty(look, gpa, 2)) {
        return;
    }
    if (look->full) {
        look->found++;
        vtd_seen_leave_out(look->seen, 1);
        return;
    }
    guest = vtd_guest_table(look->guest, gpa, 2, upper);
    if (guest) {
        vtd_sync_gib_table(look, place, guest, upper);
    }
    if (look->found == found && look->first <= place->first &&
        look->last >= place->first + (VTD_GIB_SIZE - 1)) {
        vtd_look_note_empty(look, gpa, 2, upper);
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

    if (vtd_look_known_empty(look, gpa, level) && !vtd_sync_holds(look, end)) {
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
        vtd_look_note_empty(look, gpa, level, upper);
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
