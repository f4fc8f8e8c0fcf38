/*
 * Intel VT-d engine: a block in step with the guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns how a sync brings one block of 2 MiB in step with the guest's tables.
 * [bql] calls only.
 */

#ifndef HW_I386_VTD_PLACE_H
#define HW_I386_VTD_PLACE_H

#include "diff.h"
#include "guest.h"

/* Where a block is, or would be */
typedef struct VtdPlace {
    VtdGib *gib;                /* NULL until something is held in it */
    uint64_t first;             /* address of the GiB */
    unsigned index;             /* of the block in it */
    const VtdBlock *held;       /* the block; NULL if the GiB is one leaf */
} VtdPlace;

static inline uint64_t vtd_place_address(const VtdPlace *place)
{
    return place->first + ((uint64_t)place->index << VTD_BLOCK_SHIFT);
}

/*
 * The block was @old (NULL for nothing), and the guest's entry of level 2 for
 * it is @entry, under levels that permit @upper; 0 for nothing
 */
void vtd_place_sync(VtdLook *look, VtdPlace *place, const VtdBlock *old,
                    uint64_t entry, uint64_t upper);
/* The same, and it is @new: a leaf of 2 MiB, or a part of one of 1 GiB */
void vtd_place_leaf(VtdLook *look, VtdPlace *place, const VtdBlock *old,
                    const VtdBlock *new);

#endif
