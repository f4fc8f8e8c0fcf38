/*
 * Intel VT-d engine: the IOTLB
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what iotlb.h declares.  Slots are written under VtdIotlb.lock and read
 * without it: VtdIotlbSlot.seq is odd while a slot is written, and a reader
 * that sees it odd or changed takes the slot for another's.  The words of a
 * slot are stored with release and loaded with acquire, which orders them
 * against seq without fences.
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/thread.h"
#include "iotlb.h"

#define VTD_IOTLB_LEVELS        3       /* a page of each size */

typedef struct VtdIotlbSlot {
    uint64_t seq;
    uint64_t page;      /* input page number in its level, | level */
    uint64_t top;       /* the top table's address | its levels | SLOT_... */
    uint64_t second;    /* the same of a second stage below, or 0 */
    uint64_t tag;       /* see vtd_iotlb_tag() */
    uint64_t output;    /* address | SLOT_READ | SLOT_WRITE */
    uint64_t walked;    /* the epoch of the walk; 0 for a slot that is free */
} VtdIotlbSlot;

#define SLOT_READ               1
#define SLOT_WRITE              2
#define SLOT_SUPERVISOR         VTD_BIT(8)

#define TAG_FIRST               VTD_BIT(16)

typedef struct VtdIotlbSet {
    VtdIotlbSlot slot[VTD_IOTLB_WAYS];
    unsigned victim;            /* lock: the next slot to lose */
} VtdIotlbSet;

struct VtdIotlb {
    QemuMutex lock;
    uint64_t now;               /* atomic: the epoch; begins with 1 */
    uint64_t global_epoch;      /* atomic: entries walked before are dead */
    uint64_t *domain_epoch;     /* atomic: the same, by domain id, */
    uint64_t *first_epoch;      /* of a first stage alone, */
    uint64_t *pasid_epoch;      /* and by vtd_iotlb_pasid_index() */
    uint64_t range_epoch;       /* lock: walks from before are not inserted */
    unsigned levels;            /* atomic: bit n: a page of level n is there */
    VtdIotlbSet set[VTD_IOTLB_SETS];
};

VtdIotlb *vtd_iotlb_new(bool pasids)
{
    VtdIotlb *iotlb = g_new0(VtdIotlb, 1);

    qemu_mutex_init(&iotlb->lock);
    iotlb->now = 1;
    iotlb->domain_epoch = g_new0(uint64_t, UINT16_MAX + 1);
    if (pasids) {
        iotlb->first_epoch = g_new0(uint64_t, UINT16_MAX + 1);
        iotlb->pasid_epoch = g_new0(uint64_t, UINT16_MAX + 1);
    }
    return iotlb;
}

void vtd_iotlb_free(VtdIotlb *iotlb)
{
    qemu_mutex_destroy(&iotlb->lock);
    g_free(iotlb->domain_epoch);
    g_free(iotlb->first_epoch);
    g_free(iotlb->pasid_epoch);
    g_free(iotlb);
}

uint64_t vtd_iotlb_epoch(VtdIotlb *iotlb)
{
    return qatomic_load_acquire(&iotlb->now);
}

/* What invalidations name: the domain, and of a first stage the PASID */
static uint64_t vtd_iotlb_tag(uint16_t did, bool first, uint32_t pasid)
{
    return did | (first ? TAG_FIRST | (uint64_t)pasid << 17 : 0);
}

static uint16_t vtd_iotlb_tag_did(uint64_t tag)
{
    return VTD_BITS(tag, 15, 0);
}

/* Two that have the same index are invalidated together */
static uint16_t vtd_iotlb_pasid_index(uint64_t tag)
{
    return tag * 0x9e3779b97f4a7c15ull >> 48;
}

/* By tag and page alone: to drop entries one does not know their tables */
static VtdIotlbSet *vtd_iotlb_set(VtdIotlb *iotlb, uint64_t tag, uint64_t page)
{
    uint64_t hash = (page ^ tag << 40 ^ tag >> 24) * 0x9e3779b97f4a7c15ull;

    return &iotlb->set[VTD_BITS(hash, 63, 32) % VTD_IOTLB_SETS];
}

static uint64_t vtd_iotlb_page(uint64_t iova, unsigned level)
{
    return (iova & ~vtd_level_mask(level)) | level;
}

static uint64_t vtd_iotlb_word(const uint64_t *p)
{
    return qatomic_load_acquire(p);
}

static void vtd_iotlb_set_word(uint64_t *p, uint64_t value)
{
    qatomic_store_release(p, value);
}

static bool vtd_iotlb_alive(VtdIotlb *iotlb, uint64_t tag, uint64_t walked)
{
    uint16_t did = vtd_iotlb_tag_did(tag);

    if (!walked || walked < vtd_iotlb_word(&iotlb->global_epoch) ||
        walked < vtd_iotlb_word(&iotlb->domain_epoch[did])) {
        return false;
    }
    return !(tag & TAG_FIRST) ||
           (walked >= vtd_iotlb_word(&iotlb->first_epoch[did]) &&
            walked >= vtd_iotlb_word(
                &iotlb->pasid_epoch[vtd_iotlb_pasid_index(tag)]));
}

/* What a lookup compares */
typedef struct VtdIotlbKey {
    uint64_t tag;
    uint64_t top;
    uint64_t second;
} VtdIotlbKey;

static VtdIotlbKey vtd_iotlb_key(const VtdTables *tables)
{
    return (VtdIotlbKey) {
        .tag = vtd_iotlb_tag(tables->did, tables->first, tables->pasid),
        .top = tables->top | tables->levels |
               (tables->supervisor ? SLOT_SUPERVISOR : 0),
        .second = tables->second_top | tables->second_levels,
    };
}

/* Without the lock look at seq again afterwards */
static bool vtd_iotlb_slot_has_key(const VtdIotlbSlot *slot, uint64_t page,
                                   const VtdIotlbKey *key)
{
    return vtd_iotlb_word(&slot->page) == page &&
           vtd_iotlb_word(&slot->top) == key->top &&
           vtd_iotlb_word(&slot->second) == key->second &&
           vtd_iotlb_word(&slot->tag) == key->tag;
}

bool vtd_iotlb_lookup(VtdIotlb *iotlb, const VtdTables *tables, uint64_t iova,
                      VtdIotlbEntry *entry)
{
    unsigned levels = qatomic_read(&iotlb->levels);
    VtdIotlbKey key = vtd_iotlb_key(tables);

    for (unsigned level = 1; level <= VTD_IOTLB_LEVELS; level++) {
        uint64_t page = vtd_iotlb_page(iova, level);
        VtdIotlbSet *set;

        if (!(levels & VTD_BIT(level))) {
            continue;
        }
        set = vtd_iotlb_set(iotlb, key.tag, page);
        for (unsigned i = 0; i < VTD_IOTLB_WAYS; i++) {
            VtdIotlbSlot *slot = &set->slot[i];
            uint64_t seq = vtd_iotlb_word(&slot->seq);
            uint64_t output, walked;

            if ((seq & 1) || !vtd_iotlb_slot_has_key(slot, page, &key)) {
                continue;
            }
            output = vtd_iotlb_word(&slot->output);
            walked = vtd_iotlb_word(&slot->walked);
            if (vtd_iotlb_word(&slot->seq) != seq ||
                !vtd_iotlb_alive(iotlb, key.tag, walked)) {
                continue;
            }
            *entry = (VtdIotlbEntry) {
                .addr = output & VTD_PAGE_MASK,
                .level = level,
                .read = output & SLOT_READ,
                .write = output & SLOT_WRITE,
            };
            return true;
        }
    }
    return false;
}

static void vtd_iotlb_slot_write(VtdIotlbSlot *slot, uint64_t page,
                                 const VtdIotlbKey *key, uint64_t output,
                                 uint64_t walked)
{
    uint64_t seq = qatomic_read(&slot->seq);

    qatomic_set(&slot->seq, seq + 1);
    vtd_iotlb_set_word(&slot->page, page);
    vtd_iotlb_set_word(&slot->top, key->top);
    vtd_iotlb_set_word(&slot->second, key->second);
    vtd_iotlb_set_word(&slot->tag, key->tag);
    vtd_iotlb_set_word(&slot->output, output);
    vtd_iotlb_set_word(&slot->walked, walked);
    vtd_iotlb_set_word(&slot->seq, seq + 2);
}

void vtd_iotlb_insert(VtdIotlb *iotlb, const VtdTables *tables, uint64_t iova,
                      const VtdIotlbEntry *entry, uint64_t now)
{
    uint64_t page = vtd_iotlb_page(iova, entry->level);
    VtdIotlbKey key = vtd_iotlb_key(tables);
    VtdIotlbSet *set = vtd_iotlb_set(iotlb, key.tag, page);
    VtdIotlbSlot *slot = NULL;

    qemu_mutex_lock(&iotlb->lock);
    if (now >= iotlb->range_epoch) {
        for (unsigned i = 0; i < VTD_IOTLB_WAYS; i++) {
            VtdIotlbSlot *s = &set->slot[i];

            if (vtd_iotlb_slot_has_key(s, page, &key)) {
                slot = s;
                break;
            }
            if (!slot && !vtd_iotlb_alive(iotlb, s->tag, s->walked)) {
                slot = s;
            }
        }
        if (!slot) {
            slot = &set->slot[set->victim++ % VTD_IOTLB_WAYS];
        }
        vtd_iotlb_slot_write(slot, page, &key,
                             entry->addr | (entry->read ? SLOT_READ : 0) |
                             (entry->write ? SLOT_WRITE : 0), now);
        qatomic_fetch_or(&iotlb->levels, VTD_BIT(entry->level));
    }
    qemu_mutex_unlock(&iotlb->lock);
}

void vtd_iotlb_drop_global(VtdIotlb *iotlb)
{
    qemu_mutex_lock(&iotlb->lock);
    vtd_iotlb_set_word(&iotlb->global_epoch,
                       qatomic_fetch_add(&iotlb->now, 1) + 1);
    /* The new epoch made every entry stale, so clearing this hides none */
    qatomic_store_release(&iotlb->levels, 0);
    qemu_mutex_unlock(&iotlb->lock);
}

void vtd_iotlb_drop_domain(VtdIotlb *iotlb, uint16_t did)
{
    vtd_iotlb_set_word(&iotlb->domain_epoch[did],
                       qatomic_fetch_add(&iotlb->now, 1) + 1);
}

void vtd_iotlb_drop_first(VtdIotlb *iotlb, uint16_t did)
{
    vtd_iotlb_set_word(&iotlb->first_epoch[did],
                       qatomic_fetch_add(&iotlb->now, 1) + 1);
}

void vtd_iotlb_drop_pasid(VtdIotlb *iotlb, uint16_t did, uint32_t pasid)
{
    uint64_t tag = vtd_iotlb_tag(did, true, pasid);

    vtd_iotlb_set_word(&iotlb->pasid_epoch[vtd_iotlb_pasid_index(tag)],
                       qatomic_fetch_add(&iotlb->now, 1) + 1);
}

static void vtd_iotlb_drop_in_set(VtdIotlbSet *set, uint64_t tag,
                                  unsigned level, uint64_t first,
                                  uint64_t last)
{
    static const VtdIotlbKey none;

    for (unsigned i = 0; i < VTD_IOTLB_WAYS; i++) {
        VtdIotlbSlot *slot = &set->slot[i];
        uint64_t start = slot->page & VTD_PAGE_MASK;

        if (slot->walked && slot->tag == tag &&
            (slot->page & ~VTD_PAGE_MASK) == level && start <= last &&
            (start | vtd_level_mask(level)) >= first) {
            vtd_iotlb_slot_write(slot, 0, &none, 0, 0);
        }
    }
}

/* Pages of @level alone; lock */
static void vtd_iotlb_drop_level(VtdIotlb *iotlb, uint64_t tag, unsigned level,
                                 uint64_t first, uint64_t last)
{
    unsigned shift = vtd_level_shift(level);
    uint64_t pages = (last >> shift) - (first >> shift);

    if (pages >= VTD_IOTLB_SETS) {
        for (unsigned i = 0; i < VTD_IOTLB_SETS; i++) {
            vtd_iotlb_drop_in_set(&iotlb->set[i], tag, level, first, last);
        }
        return;
    }
    for (uint64_t i = 0; i <= pages; i++) {
        uint64_t page = vtd_iotlb_page(first + (i << shift), level);

        vtd_iotlb_drop_in_set(vtd_iotlb_set(iotlb, tag, page), tag, level,
                              first, last);
    }
}

static void vtd_iotlb_drop_tag_ranges(VtdIotlb *iotlb, uint64_t tag,
                                      const VtdRange *range, unsigned n)
{
    unsigned levels;

    qemu_mutex_lock(&iotlb->lock);
    iotlb->range_epoch = qatomic_fetch_add(&iotlb->now, 1) + 1;
    levels = qatomic_load_acquire(&iotlb->levels);
    for (unsigned level = 1; level <= VTD_IOTLB_LEVELS; level++) {
        for (unsigned i = 0; (levels & VTD_BIT(level)) && i < n; i++) {
            vtd_iotlb_drop_level(iotlb, tag, level, range[i].first,
                                 range[i].last);
        }
    }
    qemu_mutex_unlock(&iotlb->lock);
}

void vtd_iotlb_drop_ranges(VtdIotlb *iotlb, uint16_t did,
                           const VtdRange *range, unsigned n)
{
    vtd_iotlb_drop_tag_ranges(iotlb, vtd_iotlb_tag(did, false, 0), range, n);
}

void vtd_iotlb_drop_pasid_range(VtdIotlb *iotlb, uint16_t did, uint32_t pasid,
                                uint64_t first, uint64_t last)
{
    VtdRange range = { first, last };

    vtd_iotlb_drop_tag_ranges(iotlb, vtd_iotlb_tag(did, true, pasid), &range,
                              1);
}

unsigned vtd_iotlb_used(VtdIotlb *iotlb)
{
    unsigned used = 0;

    qemu_mutex_lock(&iotlb->lock);
    for (unsigned i = 0; i < VTD_IOTLB_SETS; i++) {
        for (unsigned j = 0; j < VTD_IOTLB_WAYS; j++) {
            VtdIotlbSlot *slot = &iotlb->set[i].slot[j];

            used += vtd_iotlb_alive(iotlb, slot->tag, slot->walked);
        }
    }
    qemu_mutex_unlock(&iotlb->lock);
    return used;
}
