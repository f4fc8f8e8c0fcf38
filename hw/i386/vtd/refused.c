/*
 * Intel VT-d engine: what a listener refused to map
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See refused.h.  The ranges are an IOVA tree whose targets are the
 * addresses themselves, so that what is contiguous is merged.
 */

#include "qemu/osdep.h"
#include "qemu/iova-tree.h"
#include "refused.h"

/* Some 2 MiB; neighbours are merged, so only what a guest scatters is many */
#define MAX_RANGES              (1u << 14)

struct VtdRefused {
    IOVATree *ranges;
    unsigned count;
    uint64_t bytes;
};

/* The ranges that meet a range: how many, and from where to where */
typedef struct VtdMeet {
    unsigned count;
    uint64_t bytes;
    uint64_t first;
    uint64_t last;
} VtdMeet;

static bool vtd_refused_met(const DMAMap *map, void *opaque)
{
    VtdMeet *meet = opaque;

    if (!meet->count++) {
        meet->first = map->iova;
    }
    meet->last = map->iova + map->size;
    meet->bytes += map->size + 1;
    return false;
}

static VtdMeet vtd_refused_meet(const VtdRefused *refused, uint64_t first,
                                uint64_t last)
{
    VtdMeet meet = { 0 };

    if (refused->count) {
        iova_tree_foreach_range(refused->ranges, first, last,
                                vtd_refused_met, &meet);
    }
    return meet;
}

static bool vtd_refused_first(const DMAMap *map, void *opaque)
{
    return vtd_refused_met(map, opaque) || true;
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
    /* With the neighbours; addresses are no wider than 57 bits */
    VtdMeet meet = vtd_refused_meet(refused, first ? first - 1 : 0, last + 1);
    DMAMap map;

    if (!meet.count && refused->count == MAX_RANGES) {
        return last - first + 1;
    }
    if (meet.count) {
        first = MIN(first, meet.first);
        last = MAX(last, meet.last);
        iova_tree_remove_range(refused->ranges, first, last);
    }
    map = (DMAMap) {
        .iova = first,
        .size = last - first,
        .translated_addr = first,
        .perm = IOMMU_RW,
    };
    iova_tree_insert(refused->ranges, &map);
    refused->count += 1 - meet.count;
    refused->bytes += last - first + 1 - meet.bytes;
    return 0;
}

uint64_t vtd_refused_drop(VtdRefused *refused, uint64_t first, uint64_t last)
{
    VtdMeet meet = vtd_refused_meet(refused, first, last);
    uint64_t forgotten = 0;

    if (!meet.count) {
        return 0;
    }
    if (meet.first < first && meet.last > last &&
        refused->count == MAX_RANGES) {
        forgotten = meet.last - last;
        last = meet.last;
    }
    iova_tree_remove_range(refused->ranges, first, last);
    refused->count += (meet.first < first) + (meet.last > last);
    refused->count -= meet.count;
    refused->bytes -= meet.bytes;
    refused->bytes += meet.first < first ? first - meet.first : 0;
    refused->bytes += meet.last > last ? meet.last - last : 0;
    return forgotten;
}

bool vtd_refused_next(const VtdRefused *refused, uint64_t *first,
                      uint64_t *last)
{
    VtdMeet meet = { 0 };

    if (!refused->count ||
        !iova_tree_foreach_range(refused->ranges, *first, *last,
                                 vtd_refused_first, &meet)) {
        return false;
    }
    *first = MAX(*first, meet.first);
    *last = MIN(*last, meet.last);
    return true;
}

bool vtd_refused_at(const VtdRefused *refused, uint64_t first, uint64_t last,
                    uint64_t *end)
{
    uint64_t from = first;

    *end = last;
    if (!vtd_refused_next(refused, &from, end)) {
        return false;
    }
    if (from == first) {
        return true;
    }
    *end = from - 1;
    return false;
}
