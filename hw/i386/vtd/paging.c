/*
 * Intel VT-d engine: the paging-structure cache
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what paging.h declares.  Slots are written under VtdPaging.lock and
 * read without it, as those of iotlb.c are: VtdPagingSlot.seq is odd while a
 * slot is written.
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/thread.h"
#include "paging.h"

/* A slot has a cache line of its own */
typedef struct VtdPagingSlot {
    uint64_t seq;
    uint64_t base;      /* the first input address */
    uint64_t top;       /* see vtd_paging_key() */
    uint64_t tag;
    uint64_t leaves;    /* address of the table | permission bits above it */
    uint64_t walked;    /* the epoch of the walk; 0 for a slot that is free */
    uint64_t unused[2];
} VtdPagingSlot;

/* Domains and PASIDs that have the same index are invalidated together */
#define VTD_PAGING_EPOCHS       1024

struct VtdPaging {
    uint64_t global_epoch;      /* atomic: slots walked before are dead, */
    uint64_t domain_epoch[VTD_PAGING_EPOCHS];   /* the same of a domain, */
    uint64_t first_epoch[VTD_PAGING_EPOCHS];    /* its first stages, */
    uint64_t pasid_epoch[VTD_PAGING_EPOCHS];    /* one PASID */
    QemuMutex lock;
    uint64_t range_epoch;       /* lock: walks from before are not inserted */
    VtdPagingSlot slot[VTD_PAGING_SLOTS];
};

VtdPaging *vtd_paging_new(void)
{
    VtdPaging *paging = g_new0(VtdPaging, 1);

    qemu_mutex_init(&paging->lock);
    return paging;
}

void vtd_paging_free(VtdPaging *paging)
{
    qemu_mutex_destroy(&paging->lock);
    g_free(paging);
}

static uint64_t vtd_paging_word(const uint64_t *p)
{
    return qatomic_load_acquire(p);
}

static void vtd_paging_set_word(uint64_t *p, uint64_t value)
{
    qatomic_store_release(p, value);
}

static unsigned vtd_paging_hash(uint64_t tag)
{
    return tag * 0x9e3779b97f4a7c15ull >> 54;
}

static unsigned vtd_paging_did_index(uint64_t tag)
{
    return tag % VTD_PAGING_EPOCHS;
}

/* What a lookup compares */
typedef struct VtdPagingKey {
    uint64_t base;
    uint64_t top;       /* the top table | bits set on the way | its levels */
    uint64_t tag;
} VtdPagingKey;

static VtdPagingKey vtd_paging_key(const VtdTables *tables, uint64_t iova)
{
    return (VtdPagingKey) {
        .base = iova & ~vtd_level_mask(2),
        .top = tables->top | tables->accessed | tables->levels,
        .tag = vtd_tag(tables->did, tables->first, tables->pasid),
    };
}

/*
 * By address and vtd_paging_hash() of the tag alone: to drop slots one does not
 * know their tables
 */
static VtdPagingSlot *vtd_paging_slot(VtdPaging *paging, unsigned hash,
                                      uint64_t iova)
{
    uint64_t number = iova >> vtd_level_shift(2);

    return &paging->slot[(number ^ hash) % VTD_PAGING_SLOTS];
}

static bool vtd_paging_alive(VtdPaging *paging, uint64_t tag, uint64_t walked)
{
    unsigned did = vtd_paging_did_index(tag);

    if (!walked || walked < vtd_paging_word(&paging->global_epoch) ||
        walked < vtd_paging_word(&paging->domain_epoch[did])) {
        return false;
    }
    return !(tag & VTD_TAG_FIRST) ||
           (walked >= vtd_paging_word(&paging->first_epoch[did]) &&
            walked >= vtd_paging_word(
                &paging->pasid_epoch[vtd_paging_hash(tag)]));
}

bool vtd_paging_lookup(VtdPaging *paging, const VtdTables *tables,
                       uint64_t iova, VtdLeafTable *leaves)
{
    VtdPagingKey key = vtd_paging_key(tables, iova);
    const VtdPagingSlot *slot = vtd_paging_slot(paging,
                                                vtd_paging_hash(key.tag),
                                                iova);
    uint64_t seq = vtd_paging_word(&slot->seq), word, walked;

    if ((seq & 1) || vtd_paging_word(&slot->base) != key.base ||
        vtd_paging_word(&slot->top) != key.top ||
        vtd_paging_word(&slot->tag) != key.tag) {
        return false;
    }
    word = vtd_paging_word(&slot->leaves);
    walked = vtd_paging_word(&slot->walked);
    if (vtd_paging_word(&slot->seq) != seq ||
        !vtd_paging_alive(paging, key.tag, walked)) {
        return false;
    }
    leaves->addr = word & VTD_PAGE_MASK;
    leaves->permission = word & (VTD_PERMISSIONS - 1);
    return true;
}

static void vtd_paging_slot_write(VtdPagingSlot *slot, const VtdPagingKey *key,
                                  uint64_t leaves, uint64_t walked)
{
    uint64_t seq = qatomic_read(&slot->seq);

    qatomic_set(&slot->seq, seq + 1);
    vtd_paging_set_word(&slot->base, key->base);
    vtd_paging_set_word(&slot->top, key->top);
    vtd_paging_set_word(&slot->tag, key->tag);
    vtd_paging_set_word(&slot->leaves, leaves);
    vtd_paging_set_word(&slot->walked, walked);
    vtd_paging_set_word(&slot->seq, seq + 2);
}

void vtd_paging_insert(VtdPaging *paging, const VtdTables *tables,
                       uint64_t iova, const VtdLeafTable *leaves,
                       uint64_t now)
{
    VtdPagingKey key = vtd_paging_key(tables, iova);

    qemu_mutex_lock(&paging->lock);
    if (now >= paging->range_epoch) {
        vtd_paging_slot_write(vtd_paging_slot(paging, vtd_paging_hash(key.tag),
                                              iova),
                              &key, leaves->addr | leaves->permission, now);
    }
    qemu_mutex_unlock(&paging->lock);
}

void vtd_paging_drop_global(VtdPaging *paging, uint64_t epoch)
{
    vtd_paging_set_word(&paging->global_epoch, epoch);
}

void vtd_paging_drop_domain(VtdPaging *paging, uint16_t did, uint64_t epoch)
{
    vtd_paging_set_word(&paging->domain_epoch[vtd_paging_did_index(did)],
                        epoch);
}

void vtd_paging_drop_first(VtdPaging *paging, uint16_t did, uint64_t epoch)
{
    vtd_paging_set_word(&paging->first_epoch[vtd_paging_did_index(did)],
                        epoch);
}

void vtd_paging_drop_pasid(VtdPaging *paging, uint16_t did, uint32_t pasid,
                           uint64_t epoch)
{
    uint64_t tag = vtd_tag(did, true, pasid);

    vtd_paging_set_word(&paging->pasid_epoch[vtd_paging_hash(tag)], epoch);
}

/* lock: what is for addresses in the range; @hash: of @tag */
static void vtd_paging_drop_range(VtdPaging *paging, uint64_t tag,
                                  unsigned hash, const VtdRange *range)
{
    static const VtdPagingKey none;
    uint64_t size = vtd_level_mask(2) + 1;
    uint64_t first = range->first & ~vtd_level_mask(2);
    uint64_t slots = (range->last - first) / size + 1;

    for (uint64_t i = 0; i < MIN(slots, VTD_PAGING_SLOTS); i++) {
        VtdPagingSlot *slot = vtd_paging_slot(paging, hash, first + i * size);

        /* Ranges of all slots and more meet each slot once */
        if (slot->walked && slot->tag == tag && slot->base >= first &&
            slot->base <= range->last) {
            vtd_paging_slot_write(slot, &none, 0, 0);
        }
    }
}

static void vtd_paging_drop_tag(VtdPaging *paging, uint64_t tag,
                                const VtdRange *range, unsigned n,
                                uint64_t epoch)
{
    unsigned hash = vtd_paging_hash(tag);

    qemu_mutex_lock(&paging->lock);
    paging->range_epoch = epoch;
    for (unsigned i = 0; i < n; i++) {
        vtd_paging_drop_range(paging, tag, hash, &range[i]);
    }
    qemu_mutex_unlock(&paging->lock);
}

void vtd_paging_drop_ranges(VtdPaging *paging, uint16_t did,
                            const VtdRange *range, unsigned n, uint64_t epoch)
{
    vtd_paging_drop_tag(paging, vtd_tag(did, false, 0), range, n,
                        epoch);
}

void vtd_paging_drop_pasid_range(VtdPaging *paging, uint16_t did,
                                 uint32_t pasid, const VtdRange *range,
                                 uint64_t epoch)
{
    vtd_paging_drop_tag(paging, vtd_tag(did, true, pasid), range, 1,
                        epoch);
}
