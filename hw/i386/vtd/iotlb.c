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
#include "qemu/host-utils.h"
#include "qemu/thread.h"
#include "iotlb.h"

#define VTD_IOTLB_LINE          64      /* bytes of a cache line */
/* When more are lost than one in VTD_IOTLB_WAYS, so many times the slots */
#define VTD_IOTLB_GROWTH        4

/* A slot has a cache line of its own: a hit reads one */
typedef struct VtdIotlbSlot {
    uint64_t seq;
    uint64_t page;      /* input page number in its level, | level */
    uint64_t top;       /* the top table's address | its levels | SLOT_... */
    uint64_t second;    /* the same of a second stage below, or 0 */
    uint64_t tag;       /* see vtd_tag() */
    uint64_t output;    /* address | VTD_IOTLB_... */
    uint64_t walked;    /* the epoch of the walk; 0 for a slot that is free */
    uint64_t unused;
} VtdIotlbSlot;

#define SLOT_SUPERVISOR         VTD_BIT(8)

typedef struct VtdIotlbSlots {
    unsigned n;                 /* a power of two */
    VtdIotlbSlot *slot;         /* at the beginning of a cache line */
} VtdIotlbSlots;

struct VtdIotlb {
    VtdIotlbSlots *slots;       /* atomic, lock */
    unsigned levels;            /* atomic: bit n: a page of level n is there */
    uint64_t global_epoch;      /* atomic: entries walked before are dead */
    uint64_t *domain_epoch;     /* atomic: the same, by domain id, */
    uint64_t *first_epoch;      /* of a first stage alone, */
    uint64_t *pasid_epoch;      /* and by vtd_iotlb_pasid_index() */
    /*
     * What each page flush writes is not in the line that each hit reads, nor
     * what each insertion writes in the one that each miss reads.
     */
    uint8_t apart[VTD_IOTLB_LINE];
    uint64_t now;               /* atomic: the epoch; begins with 1 */
    uint8_t apart_too[VTD_IOTLB_LINE];
    QemuMutex lock;
    uint64_t range_epoch;       /* lock: walks from before are not inserted */
    unsigned lost;              /* lock: to others, since there are so many */
    VtdIotlbConfig config;
};

static VtdIotlbSlots *vtd_iotlb_slots_new(unsigned n)
{
    size_t head = ROUND_UP(sizeof(VtdIotlbSlots), VTD_IOTLB_LINE);
    VtdIotlbSlots *slots = g_malloc0(head + VTD_IOTLB_LINE +
                                     n * sizeof(VtdIotlbSlot));

    QEMU_BUILD_BUG_ON(sizeof(VtdIotlbSlot) != VTD_IOTLB_LINE);

    slots->n = n;
    slots->slot = (VtdIotlbSlot *)ROUND_UP((uintptr_t)slots + head,
                                           VTD_IOTLB_LINE);
    return slots;
}

VtdIotlb *vtd_iotlb_new(const VtdIotlbConfig *config)
{
    VtdIotlb *iotlb = g_new0(VtdIotlb, 1);

    qemu_mutex_init(&iotlb->lock);
    iotlb->config = *config;
    iotlb->now = 1;
    iotlb->slots = vtd_iotlb_slots_new(VTD_IOTLB_SLOTS_MIN);
    iotlb->domain_epoch = g_new0(uint64_t, UINT16_MAX + 1);
    if (config->pasids) {
        iotlb->first_epoch = g_new0(uint64_t, UINT16_MAX + 1);
        iotlb->pasid_epoch = g_new0(uint64_t, UINT16_MAX + 1);
    }
    return iotlb;
}

void vtd_iotlb_free(VtdIotlb *iotlb)
{
    qemu_mutex_destroy(&iotlb->lock);
    g_free(iotlb->slots);
    g_free(iotlb->domain_epoch);
    g_free(iotlb->first_epoch);
    g_free(iotlb->pasid_epoch);
    g_free(iotlb);
}

uint64_t vtd_iotlb_epoch(VtdIotlb *iotlb)
{
    return qatomic_load_acquire(&iotlb->now);
}

uint64_t vtd_iotlb_advance(VtdIotlb *iotlb)
{
    return qatomic_fetch_add(&iotlb->now, 1) + 1;
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

static uint64_t vtd_iotlb_spread(uint64_t tag)
{
    return tag * 0x9e3779b97f4a7c15ull >> 32;
}

VtdIotlbKey vtd_iotlb_key(const VtdTables *tables)
{
    uint64_t tag = vtd_tag(tables->did, tables->first, tables->pasid);

    return (VtdIotlbKey) {
        .tag = tag,
        .top = tables->top | tables->levels |
               (tables->supervisor ? SLOT_SUPERVISOR : 0),
        .second = tables->second_top | tables->second_levels,
        .spread = vtd_iotlb_spread(tag),
    };
}

static uint64_t vtd_iotlb_page(uint64_t iova, unsigned level)
{
    return (iova & ~vtd_level_mask(level)) | level;
}

/*
 * Where a page may be, by tag and page alone: to drop entries one does not
 * know their tables.  Its first way is found without a multiplication, and
 * neighbours have slots in a row there; the other ways are for those that
 * meet in one slot, and blocks of neighbours are apart in them.
 */
#define VTD_IOTLB_BLOCK         16
#define VTD_IOTLB_HASH_BITS     16      /* for each way */

static inline VtdIotlbSlot *vtd_iotlb_slot(const VtdIotlbSlots *slots,
                                           uint64_t spread, uint64_t page,
                                           unsigned way)
{
    unsigned level = page & ~VTD_PAGE_MASK;
    uint64_t number = (page >> vtd_level_shift(level)) + spread;

    if (way) {
        uint64_t hash = number / VTD_IOTLB_BLOCK * 0xd6e8feb86659fd93ull;

        number ^= (hash >> (64 - VTD_IOTLB_HASH_BITS * way)) *
                  VTD_IOTLB_BLOCK;
    }
    return &slots->slot[number & (slots->n - 1)];
}

static uint64_t vtd_iotlb_word(const uint64_t *p)
{
    return qatomic_load_acquire(p);
}

static void vtd_iotlb_set_word(uint64_t *p, uint64_t value)
{
    qatomic_store_release(p, value);
}

static inline bool vtd_iotlb_alive(VtdIotlb *iotlb, uint64_t tag,
                                   uint64_t walked)
{
    uint16_t did = vtd_iotlb_tag_did(tag);

    if (!walked || walked < vtd_iotlb_word(&iotlb->global_epoch) ||
        walked < vtd_iotlb_word(&iotlb->domain_epoch[did])) {
        return false;
    }
    return !(tag & VTD_TAG_FIRST) ||
           (walked >= vtd_iotlb_word(&iotlb->first_epoch[did]) &&
            walked >= vtd_iotlb_word(
                &iotlb->pasid_epoch[vtd_iotlb_pasid_index(tag)]));
}

/* Without the lock look at seq again afterwards */
static inline bool vtd_iotlb_slot_has_key(const VtdIotlbSlot *slot,
                                          uint64_t page,
                                          const VtdIotlbKey *key)
{
    return vtd_iotlb_word(&slot->page) == page &&
           vtd_iotlb_word(&slot->top) == key->top &&
           vtd_iotlb_word(&slot->second) == key->second &&
           vtd_iotlb_word(&slot->tag) == key->tag;
}

/* What @slot has of @page, and is not dead; or 0 */
static inline uint64_t vtd_iotlb_slot_read(VtdIotlb *iotlb,
                                           const VtdIotlbSlot *slot,
                                           uint64_t page,
                                           const VtdIotlbKey *key)
{
    uint64_t seq = vtd_iotlb_word(&slot->seq);
    uint64_t output, walked;

    if ((seq & 1) || !vtd_iotlb_slot_has_key(slot, page, key)) {
        return 0;
    }
    output = vtd_iotlb_word(&slot->output);
    walked = vtd_iotlb_word(&slot->walked);
    return vtd_iotlb_word(&slot->seq) == seq &&
           vtd_iotlb_alive(iotlb, key->tag, walked) ? output : 0;
}

/*
 * The same of all pages that @iova is in, whichever their level and way.  Not
 * inline: else each hit in the first way saves all registers that it needs.
 */
static __attribute__((noinline)) uint64_t
vtd_iotlb_lookup_all(VtdIotlb *iotlb, const VtdIotlbSlots *slots,
                     const VtdIotlbKey *key, uint64_t iova)
{
    for (unsigned levels = qatomic_read(&iotlb->levels); levels;
         levels &= levels - 1) {
        uint64_t page = vtd_iotlb_page(iova, ctz32(levels));

        for (unsigned way = 0; way < VTD_IOTLB_WAYS; way++) {
            uint64_t output = vtd_iotlb_slot_read(
                iotlb, vtd_iotlb_slot(slots, key->spread, page, way), page,
                key);

            if (output) {
                return output;
            }
        }
    }
    return 0;
}

uint64_t vtd_iotlb_lookup(VtdIotlb *iotlb, const VtdIotlbKey *key,
                          uint64_t iova)
{
    const VtdIotlbSlots *slots = qatomic_load_acquire(&iotlb->slots);
    uint64_t page = vtd_iotlb_page(iova, 1);

    /* Nearly always it is a small page in its first way */
    return vtd_iotlb_slot_read(iotlb,
                               vtd_iotlb_slot(slots, key->spread, page, 0),
                               page, key) ?:
           vtd_iotlb_lookup_all(iotlb, slots, key, iova);
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

/* lock: more slots, with all that is in those there are */
static void vtd_iotlb_grow(VtdIotlb *iotlb)
{
    VtdIotlbSlots *old = iotlb->slots;
    VtdIotlbSlots *new = vtd_iotlb_slots_new(old->n * VTD_IOTLB_GROWTH);

    for (unsigned i = 0; i < old->n; i++) {
        const VtdIotlbSlot *slot = &old->slot[i];
        uint64_t spread = vtd_iotlb_spread(slot->tag);

        for (unsigned way = 0; slot->walked && way < VTD_IOTLB_WAYS; way++) {
            if (vtd_iotlb_slot(old, spread, slot->page, way) == slot) {
                /* The same low bits of the number, so that no two meet */
                *vtd_iotlb_slot(new, spread, slot->page, way) = *slot;
                break;
            }
        }
    }
    iotlb->lost = 0;
    qatomic_store_release(&iotlb->slots, new);
    iotlb->config.defer_free(iotlb->config.opaque, old, g_free);
}

/* The slot of the page, else a free one; NULL: all are taken */
static VtdIotlbSlot *vtd_iotlb_room(VtdIotlb *iotlb,
                                    const VtdIotlbSlots *slots,
                                    const VtdIotlbKey *key, uint64_t page)
{
    VtdIotlbSlot *room = NULL;

    for (unsigned way = 0; way < VTD_IOTLB_WAYS; way++) {
        VtdIotlbSlot *slot = vtd_iotlb_slot(slots, key->spread, page, way);

        if (vtd_iotlb_slot_has_key(slot, page, key)) {
            return slot;
        }
        if (!room && !vtd_iotlb_alive(iotlb, vtd_iotlb_word(&slot->tag),
                                      vtd_iotlb_word(&slot->walked))) {
            room = slot;
        }
    }
    return room;
}

/* lock: what is alive and has the key */
static bool vtd_iotlb_slot_is(VtdIotlb *iotlb, const VtdIotlbSlot *slot,
                              uint64_t page, const VtdIotlbKey *key)
{
    return vtd_iotlb_slot_has_key(slot, page, key) &&
           vtd_iotlb_alive(iotlb, slot->tag, slot->walked);
}

/* lock */
static void vtd_iotlb_put(VtdIotlbSlot *slot, uint64_t page,
                          const VtdIotlbKey *key, const VtdIotlbEntry *entry,
                          uint64_t now)
{
    vtd_iotlb_slot_write(slot, page, key,
                         entry->addr | entry->level << VTD_IOTLB_LEVEL_SHIFT |
                         (entry->read ? VTD_IOTLB_READ : 0) |
                         (entry->write ? VTD_IOTLB_WRITE : 0), now);
}

/* lock: one that is lost */
static VtdIotlbSlot *vtd_iotlb_lose(VtdIotlb *iotlb, const VtdIotlbKey *key,
                                    uint64_t page, unsigned way)
{
    iotlb->lost++;
    return vtd_iotlb_slot(iotlb->slots, key->spread, page, way);
}

/* lock: after something was put into slots */
static void vtd_iotlb_put_done(VtdIotlb *iotlb, unsigned level)
{
    /* Each hit reads this line, so write it only if there is need to */
    if (!(iotlb->levels & VTD_BIT(level))) {
        qatomic_fetch_or(&iotlb->levels, VTD_BIT(level));
    }
    if (iotlb->lost > iotlb->slots->n / VTD_IOTLB_WAYS &&
        iotlb->slots->n < iotlb->config.slots_max) {
        vtd_iotlb_grow(iotlb);
    }
}

bool vtd_iotlb_crowded(VtdIotlb *iotlb, const VtdIotlbKey *key,
                       uint64_t iova, unsigned level)
{
    const VtdIotlbSlots *slots = qatomic_load_acquire(&iotlb->slots);

    return slots->n >= iotlb->config.slots_max &&
           !vtd_iotlb_room(iotlb, slots, key, vtd_iotlb_page(iova, level));
}

void vtd_iotlb_insert(VtdIotlb *iotlb, const VtdIotlbKey *key, uint64_t iova,
                      const VtdIotlbEntry *entry, uint64_t now)
{
    uint64_t page = vtd_iotlb_page(iova, entry->level);
    VtdIotlbSlot *slot;

    if (qemu_mutex_trylock(&iotlb->lock)) {
        return;
    }
    if (now >= iotlb->range_epoch) {
        slot = vtd_iotlb_room(iotlb, iotlb->slots, key, page) ?:
               vtd_iotlb_lose(iotlb, key, page, iotlb->lost % VTD_IOTLB_WAYS);
        vtd_iotlb_put(slot, page, key, entry, now);
        vtd_iotlb_put_done(iotlb, entry->level);
    }
    qemu_mutex_unlock(&iotlb->lock);
}

void vtd_iotlb_insert_ahead(VtdIotlb *iotlb, const VtdIotlbKey *key,
                            uint64_t iova, const VtdIotlbEntry *entry,
                            unsigned n, uint64_t now)
{
    uint64_t first = iova & ~(n * VTD_PAGE_SIZE - 1);
    uint64_t wanted = vtd_iotlb_page(iova, 1);
    bool crowded;

    if (qemu_mutex_trylock(&iotlb->lock)) {
        return;
    }
    /* Then so it is for its neighbours: looking at all ways is for nothing */
    crowded = !vtd_iotlb_room(iotlb, iotlb->slots, key, wanted);
    for (unsigned i = 0; now >= iotlb->range_epoch && i < n; i++) {
        uint64_t page = vtd_iotlb_page(first + i * VTD_PAGE_SIZE, 1);
        VtdIotlbSlot *slot = NULL;

        if (!entry[i].read && !entry[i].write) {
            continue;
        }
        if (!crowded) {
            slot = vtd_iotlb_room(iotlb, iotlb->slots, key, page);
        }
        /* Hits in the first way are the cheapest */
        slot = slot ?: vtd_iotlb_lose(iotlb, key, page, 0);
        if (page == wanted || !vtd_iotlb_slot_is(iotlb, slot, page, key)) {
            vtd_iotlb_put(slot, page, key, &entry[i], now);
        }
    }
    vtd_iotlb_put_done(iotlb, 1);
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
    uint64_t tag = vtd_tag(did, true, pasid);

    vtd_iotlb_set_word(&iotlb->pasid_epoch[vtd_iotlb_pasid_index(tag)],
                       qatomic_fetch_add(&iotlb->now, 1) + 1);
}

/* lock: empty @slot if it is one of @level that meets the range */
static void vtd_iotlb_drop_slot(VtdIotlbSlot *slot, uint64_t tag,
                                unsigned level, uint64_t first, uint64_t last)
{
    static const VtdIotlbKey none;
    uint64_t start = slot->page & VTD_PAGE_MASK;

    if (slot->walked && slot->tag == tag &&
        (slot->page & ~VTD_PAGE_MASK) == level && start <= last &&
        (start | vtd_level_mask(level)) >= first) {
        vtd_iotlb_slot_write(slot, 0, &none, 0, 0);
    }
}

/* Pages of @level alone; lock */
static void vtd_iotlb_drop_level(VtdIotlb *iotlb, uint64_t tag, unsigned level,
                                 uint64_t first, uint64_t last)
{
    const VtdIotlbSlots *slots = iotlb->slots;
    uint64_t spread = vtd_iotlb_spread(tag);
    unsigned shift = vtd_level_shift(level);
    uint64_t pages = (last >> shift) - (first >> shift);

    if (pages >= slots->n / VTD_IOTLB_WAYS) {
        for (unsigned i = 0; i < slots->n; i++) {
            vtd_iotlb_drop_slot(&slots->slot[i], tag, level, first, last);
        }
        return;
    }
    for (uint64_t i = 0; i <= pages; i++) {
        uint64_t page = vtd_iotlb_page(first + (i << shift), level);

        for (unsigned way = 0; way < VTD_IOTLB_WAYS; way++) {
            vtd_iotlb_drop_slot(vtd_iotlb_slot(slots, spread, page, way), tag,
                                level, first, last);
        }
    }
}

static void vtd_iotlb_drop_tag_ranges(VtdIotlb *iotlb, uint64_t tag,
                                      const VtdRange *range, unsigned n)
{
    qemu_mutex_lock(&iotlb->lock);
    iotlb->range_epoch = qatomic_fetch_add(&iotlb->now, 1) + 1;
    for (unsigned levels = qatomic_load_acquire(&iotlb->levels); levels;
         levels &= levels - 1) {
        for (unsigned i = 0; i < n; i++) {
            vtd_iotlb_drop_level(iotlb, tag, ctz32(levels), range[i].first,
                                 range[i].last);
        }
    }
    qemu_mutex_unlock(&iotlb->lock);
}

void vtd_iotlb_drop_ranges(VtdIotlb *iotlb, uint16_t did,
                           const VtdRange *range, unsigned n)
{
    vtd_iotlb_drop_tag_ranges(iotlb, vtd_tag(did, false, 0), range, n);
}

void vtd_iotlb_drop_pasid_range(VtdIotlb *iotlb, uint16_t did, uint32_t pasid,
                                uint64_t first, uint64_t last)
{
    VtdRange range = { first, last };

    vtd_iotlb_drop_tag_ranges(iotlb, vtd_tag(did, true, pasid), &range,
                              1);
}

unsigned vtd_iotlb_used(VtdIotlb *iotlb)
{
    unsigned used = 0;

    qemu_mutex_lock(&iotlb->lock);
    for (unsigned i = 0; i < iotlb->slots->n; i++) {
        const VtdIotlbSlot *slot = &iotlb->slots->slot[i];

        used += vtd_iotlb_alive(iotlb, slot->tag, slot->walked);
    }
    qemu_mutex_unlock(&iotlb->lock);
    return used;
}

unsigned vtd_iotlb_size(VtdIotlb *iotlb)
{
    unsigned n;

    qemu_mutex_lock(&iotlb->lock);
    n = iotlb->slots->n;
    qemu_mutex_unlock(&iotlb->lock);
    return n;
}
