/*
 * Intel IOMMU (VT-d) device: the layout of the guest's memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what is RAM and where, as the engine is told of it: when it asks, and
 * when that has changed.  Everything runs under the big lock.
 */

#include "qemu/osdep.h"
#include "qemu/rcu.h"
#include "exec/address-spaces.h"
#include "intel_iommu_internal.h"

/* What is RAM when the engine asks */

typedef struct IntelIOMMUFind {
    hwaddr gpa;
    VtdRam *ram;                /* so far: the hole behind what was passed */
} IntelIOMMUFind;

static hwaddr intel_iommu_range_last(Int128 start, Int128 len)
{
    return int128_get64(int128_sub(int128_add(start, len), int128_one()));
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
    return true;
}

/* In place while the big lock is held: only that changes the layout */
void intel_iommu_ram(void *host, uint64_t gpa, VtdRam *ram)
{
    IntelIOMMUFind find = { .gpa = gpa, .ram = ram };

    RCU_READ_LOCK_GUARD();
    *ram = (VtdRam) { 0, UINT64_MAX };
    flatview_for_each_range(address_space_to_flatview(&address_space_memory),
                            intel_iommu_find_ram, &find);
}

/* What was RAM, and is: all of it is compared when any of it may have moved */

typedef struct IntelIOMMUPiece {
    hwaddr first;
    hwaddr last;
    MemoryRegion *mr;           /* referenced, so that it stays this one */
    hwaddr offset;              /* of first in mr */
} IntelIOMMUPiece;

static bool intel_iommu_add_piece(Int128 start, Int128 len,
                                  const MemoryRegion *mr, hwaddr offset,
                                  void *opaque)
{
    GArray *pieces = opaque;
    IntelIOMMUPiece piece = {
        .first = int128_get64(start),
        .last = intel_iommu_range_last(start, len),
        .mr = (MemoryRegion *)mr,
        .offset = offset,
    };

    if (memory_region_is_ram(piece.mr)) {
        memory_region_ref(piece.mr);
        g_array_append_val(pieces, piece);
    }
    return false;
}

static GArray *intel_iommu_pieces(void)
{
    GArray *pieces = g_array_new(false, false, sizeof(IntelIOMMUPiece));

    RCU_READ_LOCK_GUARD();
    flatview_for_each_range(address_space_to_flatview(&address_space_memory),
                            intel_iommu_add_piece, pieces);
    return pieces;
}

static void intel_iommu_free_pieces(GArray *pieces)
{
    for (unsigned i = 0; i < pieces->len; i++) {
        memory_region_unref(g_array_index(pieces, IntelIOMMUPiece, i).mr);
    }
    g_array_free(pieces, true);
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

/* The same RAM may be cut at other places than before: that is no change */
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

static void intel_iommu_memory_moves(MemoryListener *listener,
                                     MemoryRegionSection *section)
{
    IntelIOMMUState *s = container_of(listener, IntelIOMMUState, memory);

    s->memory_moves |= memory_region_is_ram(section->mr);
}

/*
 * The old RAM is there still: whoever takes it out of the map lets go of it
 * after this, and the old pieces are referenced.
 */
static void intel_iommu_memory_moved(MemoryListener *listener)
{
    IntelIOMMUState *s = container_of(listener, IntelIOMMUState, memory);
    GArray *old = s->memory_pieces, *changes;

    if (!s->memory_moves) {
        return;
    }
    s->memory_moves = false;
    s->memory_pieces = intel_iommu_pieces();
    changes = intel_iommu_compare(old, s->memory_pieces);
    if (changes->len) {
        vtd_memory_changed(s->vtd, (VtdRamChange *)changes->data,
                           changes->len);
    }
    g_array_free(changes, true);
    intel_iommu_free_pieces(old);
}

void intel_iommu_watch_memory(IntelIOMMUState *s)
{
    s->memory_pieces = intel_iommu_pieces();
    s->memory = (MemoryListener) {
        .name = TYPE_INTEL_IOMMU_DEVICE,
        .region_add = intel_iommu_memory_moves,
        .region_del = intel_iommu_memory_moves,
        .commit = intel_iommu_memory_moved,
    };
    memory_listener_register(&s->memory, &address_space_memory);
}
