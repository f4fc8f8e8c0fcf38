/*
 * Intel VT-d engine: the paging-structure cache
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns where requests found tables of leaves (7.1), tagged by domain and by
 * the table that the walk began at, and what each invalidation does to that:
 * a request that the IOTLB does not answer reads one entry.  It is bounded:
 * each 2 MiB of addresses has one slot of VTD_PAGING_SLOTS.
 *
 * A lookup takes no lock and writes nothing.  Epochs are those of iotlb.h.  An
 * invalidation that drops something here does it before it advances the IOTLB:
 * what a request found by a table of old is then too old for the IOTLB.
 */

#ifndef HW_I386_VTD_PAGING_H
#define HW_I386_VTD_PAGING_H

#include "walk.h"

#define VTD_PAGING_SLOTS        1024

typedef struct VtdPaging VtdPaging;

VtdPaging *vtd_paging_new(void);
void vtd_paging_free(VtdPaging *paging);

/* Any thread, no lock */
bool vtd_paging_lookup(VtdPaging *paging, const VtdTables *tables,
                       uint64_t iova, VtdLeafTable *leaves);

/*
 * Any thread; takes VtdPaging.lock, and no other in it.  @now: the epoch from
 * before the request had its context.
 */
void vtd_paging_insert(VtdPaging *paging, const VtdTables *tables,
                       uint64_t iova, const VtdLeafTable *leaves,
                       uint64_t now);

/*
 * One thread at a time.  @epoch: a new one, not yet the IOTLB's for the same
 * invalidation.  Others may be dropped as well.
 */
void vtd_paging_drop_global(VtdPaging *paging, uint64_t epoch);
void vtd_paging_drop_domain(VtdPaging *paging, uint16_t did, uint64_t epoch);
/* Tables of first stages: of a domain, or of a PASID in it */
void vtd_paging_drop_first(VtdPaging *paging, uint16_t did, uint64_t epoch);
void vtd_paging_drop_pasid(VtdPaging *paging, uint16_t did, uint32_t pasid,
                           uint64_t epoch);
/* Those for addresses in @n ranges: of a domain's second stage, */
void vtd_paging_drop_ranges(VtdPaging *paging, uint16_t did,
                            const VtdRange *range, unsigned n,
                            uint64_t epoch);
/* or of a PASID's first stage */
void vtd_paging_drop_pasid_range(VtdPaging *paging, uint16_t did,
                                 uint32_t pasid, const VtdRange *range,
                                 uint64_t epoch);

#endif
