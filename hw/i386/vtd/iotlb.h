/*
 * Intel VT-d engine: the IOTLB
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the cached results of walks (7.1), tagged by domain and by table, and
 * what each invalidation does to them.  It grows with what is used, up to
 * VTD_IOTLB_SLOTS_MAX entries; an entry has a choice of VTD_IOTLB_WAYS slots,
 * and if all are taken, one of those is lost, never more.
 *
 * A lookup takes no lock and writes nothing.  An epoch counts invalidations.
 * Those of a domain or of all cost the same however much is cached: they note
 * the epoch, and entries from before it are dead.  A request takes
 * vtd_iotlb_epoch() before it has its context or reads a table, and hands it
 * to vtd_iotlb_insert(): so what was read before an invalidation is never
 * found after it.
 */

#ifndef HW_I386_VTD_IOTLB_H
#define HW_I386_VTD_IOTLB_H

#include "walk.h"

#define VTD_IOTLB_SLOTS_MIN     (4u << 10)
#define VTD_IOTLB_SLOTS_MAX     (16u << 10)     /* 1 MiB */
#define VTD_IOTLB_WAYS          4

typedef struct VtdIotlb VtdIotlb;

/* What tells a page of one table and one tag from the same page of others */
typedef struct VtdIotlbKey {
    uint64_t tag;               /* what invalidations name */
    uint64_t top;               /* the top table, its levels, who may use it */
    uint64_t second;            /* the same of a second stage below, or 0 */
    uint64_t spread;            /* of the tag: where its pages begin */
} VtdIotlbKey;

typedef struct VtdIotlbEntry {
    uint64_t addr;              /* output, aligned to the level's page */
    uint8_t level;              /* 1 to 3: 4 KiB, 2 MiB, 1 GiB */
    bool read;
    bool write;
} VtdIotlbEntry;

/* An entry in one word: its address and these; 0 is none */
#define VTD_IOTLB_READ          1
#define VTD_IOTLB_WRITE         2
#define VTD_IOTLB_LEVEL(word)   VTD_BITS(word, 3, 2)
#define VTD_IOTLB_LEVEL_SHIFT   2

typedef struct VtdIotlbConfig {
    bool pasids;                /* entries of a first stage can be inserted */
    unsigned slots_max;         /* VTD_IOTLB_SLOTS_MIN times a power of two */
    /* As that of VtdOps, for slots that were replaced by more of them */
    void (*defer_free)(void *opaque, void *ptr, void (*free_fn)(void *));
    void *opaque;
} VtdIotlbConfig;

VtdIotlb *vtd_iotlb_new(const VtdIotlbConfig *config);
void vtd_iotlb_free(VtdIotlb *iotlb);

VtdIotlbKey vtd_iotlb_key(const VtdTables *tables);

/* Any thread, no lock */
uint64_t vtd_iotlb_epoch(VtdIotlb *iotlb);
/* A new one, for what other caches drop */
uint64_t vtd_iotlb_advance(VtdIotlb *iotlb);
/* The entry in a word.  Inside a read section */
uint64_t vtd_iotlb_lookup(VtdIotlb *iotlb, const VtdIotlbKey *key,
                          uint64_t iova);
/* Whether the page's entry would cost another page its own.  As the lookup */
bool vtd_iotlb_crowded(VtdIotlb *iotlb, const VtdIotlbKey *key,
                       uint64_t iova, unsigned level);
/* Inserts nothing if another thread just does, for nobody shall wait */
void vtd_iotlb_insert(VtdIotlb *iotlb, const VtdIotlbKey *key, uint64_t iova,
                      const VtdIotlbEntry *entry, uint64_t now);
/*
 * The same for @n small pages around @iova, as vtd_stages_ahead() has them;
 * pages beside that of @iova stay as they are if they are there
 */
void vtd_iotlb_insert_ahead(VtdIotlb *iotlb, const VtdIotlbKey *key,
                            uint64_t iova, const VtdIotlbEntry *entry,
                            unsigned n, uint64_t now);

/* Any thread; these take VtdIotlb.lock, and no other in it */
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
/* How many entries can be hit, and for how many there is room by now */
unsigned vtd_iotlb_used(VtdIotlb *iotlb);
unsigned vtd_iotlb_size(VtdIotlb *iotlb);

#endif
