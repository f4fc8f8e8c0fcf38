/*
 * Intel VT-d engine: what a listener refused to map
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what refused.h declares.  The ranges are an IOVA tree in which each
 * address is its own target, so that neighbours are merged.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "qemu/iova-tree.h"
#include "refused.h"

/* Some 2 MiB of memory; only a guest that scatters pages has so many ranges */
#define MAX_RANGES              (1u << 14)

struct VtdRefused {
    IOVATree *ranges;
    unsigned count;
    uint64_t bytes;
};

/* The ranges that meet a range: how many, and from where to where */
typedef struct VtdOverlap {
    unsigned count;
    uint64_t bytes;
    uint64_t first;
    uint64_t last;
} VtdOverlap;

static bool vtd_refused_count_range(const DMAMap *map, void *opaque)
{
    VtdOverlap *overlap = opaque;

    if (!overlap->count++) {
        overlap->first = map->iova;
    }
    overlap->last = map->iova + map->size;
    overlap->bytes += map->size + 1;
    return false;
}

static VtdOverlap vtd_refused_overlap(const VtdRefused *refused, uint64_t first,
                                      uint64_t last)
{
    VtdOverlap overlap = { 0 };

    if (refused->count) {
        iova_tree_foreach_range(refused->ranges, first, last,
                                vtd_refused_count_range, &overlap);
    }
    return overlap;
}

static bool vtd_refused_stop_at_first(const DMAMap *map, void *opaque)
{
    return vtd_refused_count_range(map, opaque) || true;
}

VtdRefused *vtd_refused_new(void)
{
    VtdRefused *refused = g_new0(VtdRefused, 1);

    refused->ranges = iova_tree_new();
    return refused;
}

void vtd_refused_free(VtdRefused *refused)
{
    iova_tree_destroy(refused->ranges);
    g_free(refused);
}

uint64_t vtd_refused_bytes(const VtdRefused *refused)
{
    return refused->bytes;
}

uint64_t vtd_refused_add(VtdRefused *refused, uint64_t first, uint64_t last)
{
    /* With the neighbours; @last + 1 is no overflow: 57 bits at most */
    VtdOverlap overlap = vtd_refused_overlap(refused, first ? first - 1 : 0,
                                             last + 1);
    DMAMap map;

    if (!overlap.count && refused->count == MAX_RANGES) {
        return last - first + 1;
    }
    if (overlap.count) {
        first = MIN(first, overlap.first);
        last = MAX(last, overlap.last);
        iova_tree_remove_range(refused->ranges, first, last);
    }
    map = (DMAMap) {
        .iova = first,
        .size = last - first,
        .translated_addr = first,
        .perm = IOMMU_RW,
    };
    iova_tree_insert(refused->ranges, &map);
    refused->count += 1 - overlap.count;
    refused->bytes += last - first + 1 - overlap.bytes;
    return 0;
}

uint64_t vtd_refused_drop(VtdRefused *refused, uint64_t first, uint64_t last)
{
    VtdOverlap overlap = vtd_refused_overlap(refused, first, last);
    uint64_t forgotten = 0;

    if (!overlap.count) {
        return 0;
    }
    if (overlap.first < first && overlap.last > last &&
        refused->count == MAX_RANGES) {
        forgotten = overlap.last - last;
        last = overlap.last;
    }
    iova_tree_remove_range(refused->ranges, first, last);
    refused->count += (overlap.first < first) + (overlap.last > last);
    refused->count -= overlap.count;
    refused->bytes -= overlap.bytes;
    refused->bytes += overlap.first < first ? first - overlap.first : 0;
    refused->bytes += overlap.last > last ? overlap.last - last : 0;
    return forgotten;
}

bool vtd_refused_find(const VtdRefused *refused, uint64_t *first,
                      uint64_t *last)
{
    VtdOverlap overlap = { 0 };

    if (!refused->count ||
        !iova_tree_foreach_range(refused->ranges, *first, *last,
                                 vtd_refused_stop_at_first, &overlap)) {
        return false;
    }
    *first = MAX(*first, overlap.first);
    *last = MIN(*last, overlap.last);
    return true;
}

bool vtd_refused_covers(const VtdRefused *refused, uint64_t first,
                        uint64_t last, uint64_t *end)
{
    uint64_t from = first;

    *end = last;
    if (!vtd_refused_find(refused, &from, end)) {
        return false;
    }
    if (from == first) {
        return true;
    }
    *end = from - 1;
    return false;
}
