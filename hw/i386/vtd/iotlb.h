/*
 * Intel VT-d engine: the IOTLB
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the cached results of walks (7.1), tagged by domain and by table, and
 * what each invalidation does to them.  Bounded: VTD_IOTLB_SETS sets of
 * VTD_IOTLB_WAYS; a full set loses one entry, never more.
 *
 * A lookup takes no lock and waits for nobody.  An epoch counts
 * invalidations.  Those of a domain or of all cost the same however much is
 * cached: they note the epoch, and entries from before it are dead.  A request
 * takes vtd_iotlb_epoch() before it has its context or reads a table, and
 * hands it to vtd_iotlb_insert(): so what was read before an invalidation is
 * never found after it.
 */

#ifndef HW_I386_VTD_IOTLB_H
#define HW_I386_VTD_IOTLB_H

#include "walk.h"

#define VTD_IOTLB_SETS          1024
#define VTD_IOTLB_WAYS          4

typedef struct VtdIotlb VtdIotlb;

typedef struct VtdIotlbEntry {
    uint64_t addr;              /* output, aligned to the level's page */
    uint8_t level;              /* 1 to 3: 4 KiB, 2 MiB, 1 GiB */
    bool read;
    bool write;
} VtdIotlbEntry;

/* With @pasids, entries of a first stage can be inserted, too */
VtdIotlb *vtd_iotlb_new(bool pasids);
void vtd_iotlb_free(VtdIotlb *iotlb);

/* Any thread, no lock */
uint64_t vtd_iotlb_epoch(VtdIotlb *iotlb);
bool vtd_iotlb_lookup(VtdIotlb *iotlb, const VtdTables *tables, uint64_t iova,
                      VtdIotlbEntry *entry);

/* Any thread; these take VtdIotlb.lock, and no other in it */
void vtd_iotlb_insert(VtdIotlb *iotlb, const VtdTables *tables, uint64_t iova,
                      const VtdIotlbEntry *entry, uint64_t now);
void vtd_iotlb_drop_global(VtdIotlb *iotlb);
void vtd_iotlb_drop_domain(VtdIotlb *iotlb, uint16_t did);
/* Drop every page of @did that meets one of @n ranges; of no first stage */
void vtd_iotlb_drop_ranges(VtdIotlb *iotlb, uint16_t did,
                           const VtdRange *range, unsigned n);
/* What a first stage has a part in: all of @did */
void vtd_iotlb_drop_first(VtdIotlb *iotlb, uint16_t did);
/* All of @did and @pasid; others may go as well */
void vtd_iotlb_drop_pasid(VtdIotlb *iotlb, uint16_t did, uint32_t pasid);
/* Pages of both that meet @first to @last */
void vtd_iotlb_drop_pasid_range(VtdIotlb *iotlb, uint16_t did, uint32_t pasid,
                                uint64_t first, uint64_t last);
/* How many entries can be hit; looks at each slot */
unsigned vtd_iotlb_used(VtdIotlb *iotlb);

#endif
