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
    uint64_t top;       /* the top table's address | its levels */
    uint64_t did;
    uint64_t output;    /* address | SLOT_READ | SLOT_WRITE */
    uint64_t walked;    /* the epoch of the walk; 0 for a slot that is free */
} VtdIotlbSlot;

#define SLOT_READ               1
#define SLOT_WRITE              2

typedef struct VtdIotlbSet {
    VtdIotlbSlot slot[VTD_IOTLB_WAYS];
    unsigned victim;            /* lock: the next slot to lose */
} VtdIotlbSet;

struct VtdIotlb {
    QemuMutex lock;
    uint64_t now;               /* atomic: the epoch; begins with 1 */
    uint64_t global_epoch;      /* atomic: entries walked before are dead */
    uint64_t *domain_epoch;     /* atomic: the same, by domain id */
    uint64_t range_epoch;       /* lock: walks from before are not inserted */
    unsigned levels;            /* atomic: bit n: a page of level n is there */
    VtdIotlbSet set[VTD_IOTLB_SETS];
};

VtdIotlb *vtd_iotlb_new(void)
{
    VtdIotlb *iotlb = g_new0(VtdIotlb, 1);

    qemu_mutex_init(&iotlb->lock);
    iotlb->now = 1;
    iotlb->domain_epoch = g_new0(uint64_t, UINT16_MAX + 1);
    return iotlb;
}

void vtd_iotlb_free(VtdIotlb *iotlb)
{
    qemu_mutex_destroy(&iotlb->lock);
    g_free(iotlb->domain_epoch);
    g_free(iotlb);
}

uint64_t vtd_iotlb_epoch(VtdIotlb *iotlb)
{
    return qatomic_load_acquire(&iotlb->now);
}

/* By domain and page alone: to drop entries one does not know their tables */
static VtdIotlbSet *vtd_iotlb_set(VtdIotlb *iotlb, uint16_t did,
                                  uint64_t page)
{
    uint64_t hash = (page ^ ((uint64_t)did << 40)) * 0x9e3779b97f4a7c15ull;

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

static bool vtd_iotlb_alive(VtdIotlb *iotlb, uint64_t did, uint64_t walked)
{
    return walked && walked >= vtd_iotlb_word(&iotlb->global_epoch) &&
           walked >= vtd_iotlb_word(&iotlb->domain_epoch[did]);
}

/* The top table's address and the levels in one word */
static uint64_t vtd_iotlb_slot_top(const VtdTables *tables)
{
    return tables->top | tables->levels;
}

/* Without the lock look at seq again afterwards */
static bool vtd_iotlb_slot_has_tag(const VtdIotlbSlot *slot, uint64_t page,
                                   const VtdTables *tables)
{
    return vtd_iotlb_word(&slot->page) == page &&
           vtd_iotlb_word(&slot->top) == vtd_iotlb_slot_top(tables) &&
           vtd_iotlb_word(&slot->did) == tables->did;
}

bool vtd_iotlb_lookup(VtdIotlb *iotlb, const VtdTables *tables, uint64_t iova,
                      VtdIotlbEntry *entry)
{
    unsigned levels = qatomic_read(&iotlb->levels);

    for (unsigned level = 1; level <= VTD_IOTLB_LEVELS; level++) {
        uint64_t page = vtd_iotlb_page(iova, level);
        VtdIotlbSet *set;

        if (!(levels & VTD_BIT(level))) {
            continue;
        }
        set = vtd_iotlb_set(iotlb, tables->did, page);
        for (unsigned i = 0; i < VTD_IOTLB_WAYS; i++) {
            VtdIotlbSlot *slot = &set->slot[i];
            uint64_t seq = vtd_iotlb_word(&slot->seq);
            uint64_t output, walked;

            if ((seq & 1) || !vtd_iotlb_slot_has_tag(slot, page, tables)) {
                continue;
            }
            output = vtd_iotlb_word(&slot->output);
            walked = vtd_iotlb_word(&slot->walked);
            if (vtd_iotlb_word(&slot->seq) != seq ||
                !vtd_iotlb_alive(iotlb, tables->did, walked)) {
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
                                 uint64_t top, uint64_t did, uint64_t output,
                                 uint64_t walked)
{
    uint64_t seq = qatomic_read(&slot->seq);

    qatomic_set(&slot->seq, seq + 1);
    vtd_iotlb_set_word(&slot->page, page);
    vtd_iotlb_set_word(&slot->top, top);
    vtd_iotlb_set_word(&slot->did, did);
    vtd_iotlb_set_word(&slot->output, output);
    vtd_iotlb_set_word(&slot->walked, walked);
    vtd_iotlb_set_word(&slot->seq, seq + 2);
}

void vtd_iotlb_insert(VtdIotlb *iotlb, const VtdTables *tables, uint64_t iova,
                      const VtdIotlbEntry *entry, uint64_t now)
{
    uint64_t page = vtd_iotlb_page(iova, entry->level);
    VtdIotlbSet *set = vtd_iotlb_set(iotlb, tables->did, page);
    VtdIotlbSlot *slot = NULL;

    qemu_mutex_lock(&iotlb->lock);
    if (now >= iotlb->range_epoch) {
        for (unsigned i = 0; i < VTD_IOTLB_WAYS; i++) {
            VtdIotlbSlot *s = &set->slot[i];

            if (vtd_iotlb_slot_has_tag(s, page, tables)) {
                slot = s;
                break;
            }
            if (!slot && !vtd_iotlb_alive(iotlb, s->did, s->walked)) {
                slot = s;
            }
        }
        if (!slot) {
            slot = &set->slot[set->victim++ % VTD_IOTLB_WAYS];
        }
        vtd_iotlb_slot_write(slot, page, vtd_iotlb_slot_top(tables),
                             tables->did,
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

static void vtd_iotlb_drop_in_set(VtdIotlbSet *set, uint16_t did,
                                  unsigned level, uint64_t first,
                                  uint64_t last)
{
    for (unsigned i = 0; i < VTD_IOTLB_WAYS; i++) {
        VtdIotlbSlot *slot = &set->slot[i];
        uint64_t start = slot->page & VTD_PAGE_MASK;

        if (slot->walked && slot->did == did &&
            (slot->page & ~VTD_PAGE_MASK) == level && start <= last &&
            (start | vtd_level_mask(level)) >= first) {
            vtd_iotlb_slot_write(slot, 0, 0, 0, 0, 0);
        }
    }
}

void vtd_iotlb_drop_range(VtdIotlb *iotlb, uint16_t did, uint64_t first,
                          uint64_t last)
{
    qemu_mutex_lock(&iotlb->lock);
    iotlb->range_epoch = qatomic_fetch_add(&iotlb->now, 1) + 1;
    for (unsigned level = 1; level <= VTD_IOTLB_LEVELS; level++) {
        unsigned shift = vtd_level_shift(level);
        uint64_t pages = (last >> shift) - (first >> shift);

        if (!(qatomic_load_acquire(&iotlb->levels) & VTD_BIT(level))) {
            continue;
        }
        if (pages >= VTD_IOTLB_SETS) {
            for (unsigned i = 0; i < VTD_IOTLB_SETS; i++) {
                vtd_iotlb_drop_in_set(&iotlb->set[i], did, level, first,
                                      last);
            }
            continue;
        }
        for (uint64_t i = 0; i <= pages; i++) {
            uint64_t page = vtd_iotlb_page(first + (i << shift), level);

            vtd_iotlb_drop_in_set(vtd_iotlb_set(iotlb, did, page), did,
                                  level, first, last);
        }
    }
    qemu_mutex_unlock(&iotlb->lock);
}
