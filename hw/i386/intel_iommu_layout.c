/*
 * Intel IOMMU (VT-d) device: the layout of the guest's memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what is RAM and where, as the engine is told of it: when it asks, and
 * when that has changed.  What virtio-mem has discarded of a region is no RAM
 * for a device.  Everything runs under the big lock, but for reads in place:
 * they find a layout by RCU, and one that was replaced stays until they end.
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "system/address-spaces.h"
#include "system/ram-discard-manager.h"
#include "intel_iommu_internal.h"

/* What is RAM when the engine asks */

typedef struct IntelIOMMUFind {
    hwaddr gpa;
    VtdRam *ram;                /* starts as one hole, cut by each region */
    bool discards;              /* it can change without another layout */
} IntelIOMMUFind;

static hwaddr intel_iommu_range_last(Int128 start, Int128 len)
{
    return int128_get64(int128_sub(int128_add(start, len), int128_one()));
}

static MemoryRegionSection intel_iommu_section(MemoryRegion *mr, hwaddr offset,
                                               hwaddr first, hwaddr last)
{
    return (MemoryRegionSection) {
        .mr = mr,
        .offset_within_region = offset,
        .offset_within_address_space = first,
        .size = int128_make64(last - first + 1),
    };
}

/* Called in order for each populated part of the section */
static int intel_iommu_populated(MemoryRegionSection *section, void *opaque)
{
    IntelIOMMUFind *find = opaque;
    hwaddr first = section->offset_within_address_space;
    hwaddr last = first + int128_get64(section->size) - 1;

    if (find->gpa < first) {
        find->ram->last = MIN(find->ram->last, first - 1);
    } else if (find->gpa > last) {
        find->ram->first = last + 1;
    } else {
        find->ram->first = first;
        find->ram->last = last;
        find->ram->ram = true;
    }
    return 0;
}

/*
 * Cut @find->ram, all of a region with a RamDiscardManager, to the populated or
 * discarded part around @find->gpa.
 */
static void intel_iommu_find_populated(IntelIOMMUFind *find, MemoryRegion *mr,
                                       hwaddr offset)
{
    VtdRam *ram = find->ram;
    hwaddr start = ram->first;
    MemoryRegionSection section = intel_iommu_section(mr, offset, start,
                                                      ram->last);

    ram->ram = false;
    ram_discard_manager_replay_populated(
        memory_region_get_ram_discard_manager(mr), &section,
        intel_iommu_populated, find);
    if (ram->data) {
        ram->data += ram->first - start;
    }
}

static bool intel_iommu_find_ram(Int128 start, Int128 len,
                                 const MemoryRegion *mr,
                                 hwaddr offset, void *opaque)
{
    MemoryRegion *region = (MemoryRegion *)mr;
    IntelIOMMUFind *find = opaque;
    hwaddr first = int128_get64(start);
    hwaddr last = intel_iommu_range_last(start, len);

    if (find->gpa > last) {
        find->ram->first = last + 1;
        return false;
    }
    if (find->gpa < first) {
        find->ram->last = first - 1;
        return true;
    }
    *find->ram = (VtdRam) { first, last, memory_region_is_ram(region) };
    if (find->ram->ram && !memory_region_is_ram_device(region)) {
        find->ram->data = (uint8_t *)memory_region_get_ram_ptr(region) +
                          offset;
    }
    if (memory_region_has_ram_discard_manager(region)) {
        find->discards = true;
        intel_iommu_find_populated(find, region, offset);
    }
    return true;
}

/*
 * The pointer stays good while the caller holds the big lock: the layout
 * changes under that lock only.  The last answer is kept until it does, as
 * tables, queue and targets are mostly in one piece.
 */
void intel_iommu_ram(void *opaque, uint64_t gpa, VtdRam *ram)
{
    IntelIOMMUState *s = opaque;
    IntelIOMMUFind find = { .gpa = gpa, .ram = ram };

    if (s->ram.last && gpa >= s->ram.first && gpa <= s->ram.last) {
        *ram = s->ram;
        return;
    }
    RCU_READ_LOCK_GUARD();
    *ram = (VtdRam) { 0, UINT64_MAX };
    flatview_for_each_range(address_space_to_flatview(&address_space_memory),
                            intel_iommu_find_ram, &find);
    if (!find.discards) {
        s->ram = *ram;
    }
}

/*
 * The layout as lists of pieces of RAM, in whole pages: one that a piece begins
 * or ends in is never mapped.  When any RAM may have moved, the list of before
 * is compared to the one of now.
 */

typedef struct IntelIOMMUPiece {
    hwaddr first;
    hwaddr last;
    MemoryRegion *mr;           /* referenced, so that it stays this one */
    hwaddr offset;              /* of first in mr */
    const uint8_t *data;        /* of first; NULL: not to be read in place */
} IntelIOMMUPiece;

typedef struct IntelIOMMULayout {
    struct rcu_head rcu;
    GArray *pieces;             /* IntelIOMMUPiece, in order */
} IntelIOMMULayout;

static int intel_iommu_add_piece(MemoryRegionSection *section, void *opaque)
{
    GArray *pieces = opaque;
    hwaddr start = section->offset_within_address_space;
    hwaddr first = (start + ~VTD_PAGE_MASK) & VTD_PAGE_MASK;
    hwaddr end = (start + int128_get64(section->size)) & VTD_PAGE_MASK;
    IntelIOMMUPiece piece = {
        .first = first,
        .last = end - 1,
        .mr = section->mr,
        .offset = section->offset_within_region + (first - start),
    };

    if (first < end) {
        memory_region_ref(piece.mr);
        if (!memory_region_is_ram_device(piece.mr)) {
            piece.data = (uint8_t *)memory_region_get_ram_ptr(piece.mr) +
                         piece.offset;
        }
        g_array_append_val(pieces, piece);
    }
    return 0;
}

static bool intel_iommu_add_pieces(Int128 start, Int128 len,
                                   const MemoryRegion *mr, hwaddr offset,
                                   void *opaque)
{
    MemoryRegion *region = (MemoryRegion *)mr;
    MemoryRegionSection section = intel_iommu_section(
        region, offset, int128_get64(start),
        intel_iommu_range_last(start, len));

    if (memory_region_has_ram_discard_manager(region)) {
        ram_discard_manager_replay_populated(
            memory_region_get_ram_discard_manager(region), &section,
            intel_iommu_add_piece, opaque);
    } else if (memory_region_is_ram(region)) {
        intel_iommu_add_piece(&section, opaque);
    }
    return false;
}

static IntelIOMMULayout *intel_iommu_layout_new(void)
{
    IntelIOMMULayout *layout = g_new0(IntelIOMMULayout, 1);

    layout->pieces = g_array_new(false, false, sizeof(IntelIOMMUPiece));
    RCU_READ_LOCK_GUARD();
    flatview_for_each_range(address_space_to_flatview(&address_space_memory),
                            intel_iommu_add_pieces, layout->pieces);
    return layout;
}

static void intel_iommu_layout_free(IntelIOMMULayout *layout)
{
    GArray *pieces = layout->pieces;

    for (unsigned i = 0; i < pieces->len; i++) {
        memory_region_unref(g_array_index(pieces, IntelIOMMUPiece, i).mr);
    }
    g_array_free(pieces, true);
    g_free(layout);
}

bool intel_iommu_read_in_place(IntelIOMMUState *s, uint64_t gpa, void *buf,
                               size_t len)
{
    const IntelIOMMULayout *layout = qatomic_rcu_read(&s->layout);
    unsigned from = 0, to = layout ? layout->pieces->len : 0;
    const IntelIOMMUPiece *piece = NULL;
    const uint8_t *data;

    while (from < to) {
        unsigned middle = from + (to - from) / 2;

        piece = &g_array_index(layout->pieces, IntelIOMMUPiece, middle);
        if (gpa < piece->first) {
            to = middle;
        } else if (gpa > piece->last) {
            from = middle + 1;
        } else {
            break;
        }
    }
    if (from >= to || !piece->data || piece->last - gpa < len - 1) {
        return false;
    }
    data = piece->data + (gpa - piece->first);
    if ((gpa | len) % sizeof(uint64_t)) {
        memcpy(buf, data, len);
        return true;
    }
    /* Entries of tables, each of which another CPU may write as a whole */
    for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
        uint64_t entry = qatomic_read((const uint64_t *)(data + at));

        memcpy(buf + at, &entry, sizeof(entry));
    }
    return true;
}

/*
 * The piece at @gpa, or NULL.  *@last becomes the last address, of those up
 * to it, with the same answer; *@next is the first piece that may be there.
 */
static const IntelIOMMUPiece *intel_iommu_piece_at(const GArray *pieces,
                                                   unsigned *next,
                                                   hwaddr gpa, hwaddr *last)
{
    const IntelIOMMUPiece *piece;

    for (; *next < pieces->len; (*next)++) {
        piece = &g_array_index(pieces, IntelIOMMUPiece, *next);
        if (piece->last < gpa) {
            continue;
        }
        if (piece->first > gpa) {
            *last = MIN(*last, piece->first - 1);
            return NULL;
        }
        *last = MIN(*last, piece->last);
        return piece;
    }
    return NULL;
}

/*
 * Pieces are compared by address, not one to one: the same RAM may be cut into
 * other pieces than before, which is no change.
 */
static GArray *intel_iommu_compare(const GArray *old, const GArray *new)
{
    GArray *changes = g_array_new(false, false, sizeof(VtdRamChange));
    unsigned i = 0, j = 0;

    for (hwaddr gpa = 0, last; ; gpa = last + 1) {
        const IntelIOMMUPiece *was, *is;
        VtdRamChange change;

        last = UINT64_MAX;
        was = intel_iommu_piece_at(old, &i, gpa, &last);
        is = intel_iommu_piece_at(new, &j, gpa, &last);
        if (was && is ? was->mr != is->mr ||
                        gpa - was->first + was->offset !=
                        gpa - is->first + is->offset
                      : was || is) {
            change = (VtdRamChange) { gpa, last, was, is };
            g_array_append_val(changes, change);
        }
        if (last == UINT64_MAX) {
            return changes;
        }
    }
}

/* Listening */

static void intel_iommu_memory_moves(IntelIOMMUState *s, MemoryRegion *mr)
{
    s->memory_moves |= memory_region_is_ram(mr);
}

/*
 * Old RAM still exists when this is called, so UNMAPs may name it: it is freed
 * after the commit, and the old pieces hold references.
 */
static void intel_iommu_memory_moved(MemoryListener *listener)
{
    IntelIOMMUState *s = container_of(listener, IntelIOMMUState, memory);
    IntelIOMMULayout *old = s->layout, *new;
    GArray *changes;

    s->ram = (VtdRam) { 0 };
    intel_iommu_forget_written(s);
    if (!s->memory_moves) {
        return;
    }
    s->memory_moves = false;
    new = intel_iommu_layout_new();
    qatomic_rcu_set(&s->layout, new);
    changes = intel_iommu_compare(old->pieces, new->pieces);
    if (changes->len) {
        vtd_memory_changed(s->vtd, (VtdRamChange *)changes->data,
                           changes->len);
    }
    g_array_free(changes, true);
    call_rcu(old, intel_iommu_layout_free, rcu);
}

/*
 * Listeners are called before the manager's own record of populated memory
 * changes.  This bottom half reads the record afterwards.
 */
static void intel_iommu_memory_bh(void *opaque)
{
    IntelIOMMUState *s = opaque;

    s->memory_moves = true;
    intel_iommu_memory_moved(&s->memory);
}

typedef struct IntelIOMMUDiscards {
    RamDiscardListener listener;
    IntelIOMMUState *s;
    MemoryRegion *mr;
    hwaddr offset;              /* of the section in mr */
} IntelIOMMUDiscards;

static int intel_iommu_populates(RamDiscardListener *listener,
                                 MemoryRegionSection *section)
{
    IntelIOMMUDiscards *discards = container_of(listener, IntelIOMMUDiscards,
                                                listener);

    qemu_bh_schedule(discards->s->memory_bh);
    return 0;
}

static void intel_iommu_discards(RamDiscardListener *listener,
                                 MemoryRegionSection *section)
{
    intel_iommu_populates(listener, section);
}

static void intel_iommu_region_comes(MemoryListener *listener,
                                     MemoryRegionSection *section)
{
    IntelIOMMUState *s = container_of(listener, IntelIOMMUState, memory);
    IntelIOMMUDiscards *discards;

    intel_iommu_memory_moves(s, section->mr);
    if (!memory_region_has_ram_discard_manager(section->mr)) {
        return;
    }
    discards = g_new0(IntelIOMMUDiscards, 1);
    discards->s = s;
    discards->mr = section->mr;
    discards->offset = section->offset_within_region;
    ram_discard_listener_init(&discards->listener, intel_iommu_populates,
                              intel_iommu_discards, true);
    ram_discard_manager_register_listener(
        memory_region_get_ram_discard_manager(section->mr),
        &discards->listener, section);
    s->memory_discards = g_slist_prepend(s->memory_discards, discards);
}

static void intel_iommu_region_goes(MemoryListener *listener,
                                    MemoryRegionSection *section)
{
    IntelIOMMUState *s = container_of(listener, IntelIOMMUState, memory);

    intel_iommu_memory_moves(s, section->mr);
    for (GSList *link = s->memory_discards; link; link = link->next) {
        IntelIOMMUDiscards *discards = link->data;

        if (discards->mr == section->mr &&
            discards->offset == section->offset_within_region) {
            ram_discard_manager_unregister_listener(
                memory_region_get_ram_discard_manager(section->mr),
                &discards->listener);
            g_free(discards);
            s->memory_discards = g_slist_delete_link(s->memory_discards,
                                                     link);
            return;
        }
    }
}

void intel_iommu_watch_memory(IntelIOMMUState *s)
{
    s->memory_bh = qemu_bh_new_guarded(intel_iommu_memory_bh, s,
                                       &DEVICE(s)->mem_reentrancy_guard);
    qatomic_rcu_set(&s->layout, intel_iommu_layout_new());
    s->memory = (MemoryListener) {
        .name = TYPE_INTEL_IOMMU_DEVICE,
        .region_add = intel_iommu_region_comes,
        .region_del = intel_iommu_region_goes,
        .commit = intel_iommu_memory_moved,
    };
    memory_listener_register(&s->memory, &address_space_memory);
}
