/*
 * Intel VT-d engine: a block in step with the guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what place.h declares: what a last-level table, or a leaf above it,
 * makes of a block, and what is left out of it at a limit.  vCPUs write the
 * tables meanwhile: the quick comparison of whole tables decides nothing but
 * "as before"; all else is decided by entries that are read once.  [bql] calls
 * only.
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "place.h"

/*
 * Drop new pages from @new until the limit holds: only pages that were
 * unmapped, or part of a superpage with another target.  What the guest left
 * alone stays.
 */
static void vtd_place_cut_to_limit(VtdLook *look, const VtdBlock *old,
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
        vtd_look_no_room(look, cut);
    }
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
static bool vtd_place_holes_same(const uint64_t *entry, uint64_t base,
                                 const uint64_t *there)
{
    uint64_t wrong = 0;

    for (unsigned i = 0; i < VTD_ENTRIES; i++, base += VTD_PAGE_SIZE) {
        wrong |= entry[i] ^ (vtd_bits_test(there, i) ? base : 0);
    }
    return !wrong;
}

/* Whether all of a table is as it was; false if that is not known at once */
static bool vtd_place_as_seen(const VtdBlock *old, const uint64_t *guest,
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
        return vtd_place_holes_same(guest, old->base, old->there);
    }
}

/*
 * There is no memory for @new in the place of @old.  Keep those pages of @old
 * that are the same in @new, which takes no more than is set aside; lose the
 * others.
 */
static void vtd_place_coarse(VtdLook *look, VtdPlace *place, uint64_t start,
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
        vtd_seen_leave_out(look->seen, lost);
    }
    any = vtd_block_shrink(look->format, &coarse, &small, there);
    vtd_look_block(look, start, from, to, old, any ? &small : NULL);
    vtd_place_store(look, place, any ? &small : NULL);
}

/* Entry @i of @block, if the levels above it permitted all */
static uint64_t vtd_place_leaf_entry(const VtdLook *look, const VtdBlock *block,
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
static void vtd_place_complete(VtdLook *look, VtdBlock *new,
                               const VtdBlock *old, unsigned from,
                               unsigned to)
{
    bool leaves = old && old->upper != new->upper;

    for (unsigned i = 0; i < VTD_ENTRIES; i++) {
        if (i < from || i > to) {
            new->entry[i] = !old ? 0 :
                            leaves ? vtd_place_leaf_entry(look, old, i)
                                   : vtd_block_entry(old, i);
        } else if (leaves) {
            new->entry[i] = vtd_place_leaf_entry(look, new, i);
        }
    }
    if (leaves) {
        new->upper = look->format->permission;
    }
}

/* Take over pages @from to @to of the table at @guest, or none (NULL) */
static void vtd_place_part(VtdLook *look, VtdPlace *place, uint64_t start,
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
    vtd_place_cut_to_limit(look, old, &new, from, to);
    if (!whole && old && old->upper == upper &&
        vtd_block_has_form(old, entry + from, from, to)) {
        vtd_look_block(look, start, from, to, old, &new);
        vtd_gib_update_block(look->seen, place->gib, place->index,
                             entry + from, from, to);
        return;
    }
    if (!whole) {
        vtd_place_complete(look, &new, old, from, to);
    }
    any = vtd_block_shrink(look->format, &new, &small, there);
    if (!any || vtd_place_has_room(look, place, old, small.form)) {
        vtd_look_block(look, start, from, to, old, &new);
        vtd_place_store(look, place, any ? &small : NULL);
    } else if (old) {
        vtd_place_coarse(look, place, start, old, &new, from, to);
    } else {
        vtd_look_no_room(look, 1);
    }
}

/* The block is the table at @guest, or nothing (NULL) */
static void vtd_place_table(VtdLook *look, VtdPlace *place, uint64_t start,
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
        if (old && guest && vtd_place_as_seen(old, guest, upper)) {
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
    vtd_place_part(look, place, start, old, guest, upper, from, to);
}

/* The block, in which nothing was held, is the last-level table at @gpa */
static void vtd_place_new_table(VtdLook *look, VtdPlace *place, uint64_t start,
                                uint64_t gpa, uint64_t upper)
{
    const uint64_t *guest;

    if (vtd_look_known_empty(look, gpa, 1)) {
        return;
    }
    if (look->full) {
        look->found++;
        vtd_seen_leave_out(look->seen, 1);
        return;
    }
    guest = vtd_guest_table(look->guest, gpa, 1, upper);
    if (!guest || vtd_place_as_seen(NULL, guest, upper)) {
        look->seen->config->stats->compared += VTD_ENTRIES;
        look->seen->config->stats->unchanged += VTD_ENTRIES;
        /* Where two stages are composed, @upper may be what permits nothing */
        vtd_look_note_empty(look, gpa, 1, look->seen->tables.second_levels
                                          ? upper : look->format->permission);
        return;
    }
    look->found++;
    vtd_place_table(look, place, start, NULL, guest, upper);
}

void vtd_place_leaf(VtdLook *look, VtdPlace *place, const VtdBlock *old,
                    const VtdBlock *new)
{
    uint64_t start = vtd_place_address(place);

    if (old && old->level > 1 && old->base == new->base) {
        vtd_look_report(look, VTD_DIFF_KEPT, new->level, start,
                        start + VTD_BLOCK_SIZE - 1, 0, 0);
        if (place->held) {
            return;
        }
    } else if (!old && (look->full ||
                        !vtd_place_has_room(look, place, old, new->form))) {
        vtd_look_no_room(look, 1);
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
static bool vtd_place_composed_before(VtdLook *look, const VtdPlace *place,
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
static void vtd_place_keep_source(VtdLook *look, const VtdPlace *place,
                                  uint64_t ref, uint64_t upper)
{
    VtdGuest *guest = look->guest;
    VtdGib *gib = place->gib;
    const VtdBlock *held = gib && gib->block ? gib->block[place->index] : NULL;

    if (held && look->seen->copies_wanted &&
        vtd_place_as_seen(held, guest->copy, upper)) {
        vtd_gib_set_source(look->seen, gib, place->index,
                           vtd_compose_source(&guest->compose, ref, upper));
    }
}

void vtd_place_sync(VtdLook *look, VtdPlace *place, const VtdBlock *old,
                    uint64_t entry, uint64_t upper)
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
        vtd_place_leaf(look, place, old, &new);
        break;
    case VTD_ENTRY_TABLE:
        if (vtd_place_composed_before(look, place, start, table, upper)) {
            break;
        }
        if (old) {
            vtd_place_table(look, place, start, old,
                            vtd_guest_table(look->guest, table, 1, upper),
                            upper);
        } else {
            vtd_place_new_table(look, place, start, table, upper);
        }
        vtd_place_keep_source(look, place, table, upper);
        break;
    case VTD_ENTRY_EMPTY:
        if (old) {
            vtd_place_table(look, place, start, old, NULL, 0);
        }
        break;
    }
}
