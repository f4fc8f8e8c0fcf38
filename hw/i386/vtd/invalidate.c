/*
 * Intel VT-d engine: what an invalidation does to each cache
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the order in which caches hear of an invalidation, from whichever
 * interface it came (7.1, 7.3).  [bql] calls only; each cache takes its own
 * lock.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

void vtd_drop_translations(Vtd *v)
{
    trace_vtd_context_cache_reset();
    trace_vtd_iotlb_reset("translation changed");
    vtd_context_drop(v, NULL, NULL);
    vtd_iotlb_drop_global(v->iotlb);
}

void vtd_iec_notify(Vtd *v)
{
    VtdIecChange change = v->iec_change;

    if (change.any) {
        v->iec_change.any = false;
        v->ops->iec_changed(v->opaque, change.global, change.index,
                            change.order);
    }
}

/* Remember what the embedder is to be told: one range, or else everything */
static void vtd_iec_note(Vtd *v, bool global, uint32_t index, uint32_t order)
{
    VtdIecChange *change = &v->iec_change;

    if (!change->any) {
        change->any = true;
        change->global = global;
        change->index = index;
        change->order = order;
    } else if (global || change->index != index || change->order != order) {
        change->global = true;
        change->index = change->order = 0;
    }
}

void vtd_drop_interrupts(Vtd *v)
{
    vtd_iec_drop(v, 0, UINT16_MAX);
    vtd_iec_note(v, true, 0, 0);
    vtd_iec_notify(v);
}

void vtd_invalidate_context_global(Vtd *v)
{
    vtd_count(v, VTD_STAT_INV_CONTEXT_GLOBAL);
    trace_vtd_inv_desc_cc_global();
    vtd_context_drop(v, NULL, NULL);
    vtd_spaces_update(v, 0, 0);
}

static bool vtd_match_domain(const VtdContext *context, const void *key)
{
    return context->tables.did == *(const uint16_t *)key;
}

void vtd_invalidate_context_domain(Vtd *v, uint16_t did)
{
    vtd_count(v, VTD_STAT_INV_CONTEXT_DOMAIN);
    trace_vtd_inv_desc_cc_domain(did);
    vtd_context_drop(v, vtd_match_domain, &did);
    vtd_spaces_update(v, 0, 0);
}

typedef struct VtdSourceKey {
    uint16_t sid;
    uint16_t mask;
} VtdSourceKey;

static bool vtd_match_source(const VtdContext *context, const void *key)
{
    const VtdSourceKey *source = key;

    return !((context->sid ^ source->sid) & source->mask);
}

static void vtd_trace_devices(Vtd *v, const VtdSourceKey *key)
{
    for (unsigned i = 0; i < v->spaces.all->len; i++) {
        VtdSpace *space = g_ptr_array_index(v->spaces.all, i);
        uint16_t sid = v->ops->source_id(space->opaque);

        if (!((sid ^ key->sid) & key->mask)) {
            trace_vtd_inv_desc_cc_device(sid >> 8, VTD_BITS(sid, 7, 3),
                                         VTD_BITS(sid, 2, 0));
        }
    }
}

/*
 * The domain id is not compared: it may be the one before or the one after
 * the change, and dropping more than asked for is allowed.
 */
void vtd_invalidate_context_device(Vtd *v, uint16_t did, uint16_t sid,
                                   unsigned fm)
{
    VtdSourceKey key = { sid, ~vtd_function_mask(fm) };

    vtd_count(v, VTD_STAT_INV_CONTEXT_DEVICE);
    trace_vtd_inv_desc_cc_devices(sid, fm);
    if (trace_event_get_state_backends(TRACE_VTD_INV_DESC_CC_DEVICE)) {
        vtd_trace_devices(v, &key);
    }
    vtd_context_drop(v, vtd_match_source, &key);
    vtd_spaces_update(v, key.sid, key.mask);
}

void vtd_invalidate_iotlb_global(Vtd *v)
{
    vtd_count(v, VTD_STAT_INV_IOTLB_GLOBAL);
    trace_vtd_inv_desc_iotlb_global();
    trace_vtd_iotlb_reset("global invalidation");
    vtd_iotlb_drop_global(v->iotlb);
    vtd_shares_sync_pages(v, true, 0, 0, UINT64_MAX);
    vtd_spaces_invalidate(v, true, 0, 0, UINT64_MAX);
}

void vtd_invalidate_iotlb_domain(Vtd *v, uint16_t did)
{
    vtd_count(v, VTD_STAT_INV_IOTLB_DOMAIN);
    trace_vtd_inv_desc_iotlb_domain(did);
    vtd_iotlb_drop_domain(v->iotlb, did);
    vtd_shares_sync_pages(v, false, did, 0, UINT64_MAX);
    vtd_spaces_invalidate(v, false, did, 0, UINT64_MAX);
}

/*
 * The first byte of the range around @addr, whose size is @mask + 1.  No
 * request with bits above the width is translated, so they are not looked at
 * (1.9); a wider range is all of it.
 */
static uint64_t vtd_range_first(const Vtd *v, uint64_t addr, uint64_t mask)
{
    return addr & ~mask & (VTD_BIT(v->config.aw_bits) - 1);
}

void vtd_invalidate_iotlb_pages(Vtd *v, uint16_t did, uint64_t addr,
                                unsigned am)
{
    uint64_t mask = (VTD_BIT(am) << VTD_PAGE_SHIFT) - 1;
    uint64_t first = vtd_range_first(v, addr, mask);

    vtd_count(v, VTD_STAT_INV_IOTLB_PAGE);
    trace_vtd_inv_desc_iotlb_pages(did, addr, am);
    vtd_iotlb_drop_range(v->iotlb, did, first, first | mask);
    vtd_shares_sync_pages(v, false, did, first, first | mask);
    vtd_spaces_invalidate(v, false, did, first, first | mask);
}

/* With @sized the lowest 0 bit of @addr, from bit 12 on, is half the size */
void vtd_invalidate_device_tlb(Vtd *v, uint16_t sid, uint64_t addr,
                               bool sized)
{
    uint64_t mask = ~VTD_PAGE_MASK, first;

    if (sized) {
        uint64_t ones = addr | mask;

        mask = ones ^ (ones + 1);
    }
    vtd_count(v, VTD_STAT_INV_DEVICE_TLB);
    trace_vtd_inv_desc_device_tlb(sid, addr & ~mask, addr | mask);
    first = vtd_range_first(v, addr, mask);
    vtd_spaces_device_tlb(v, sid, first, first | mask);
}

void vtd_invalidate_iec_global(Vtd *v)
{
    vtd_count(v, VTD_STAT_INV_IEC_GLOBAL);
    trace_vtd_inv_desc_iec(0, 0, 0);
    vtd_iec_drop(v, 0, UINT16_MAX);
    vtd_iec_note(v, true, 0, 0);
}

void vtd_invalidate_iec_index(Vtd *v, uint32_t index, unsigned im)
{
    uint32_t mask = VTD_BIT(im) - 1;

    vtd_count(v, VTD_STAT_INV_IEC_INDEX);
    trace_vtd_inv_desc_iec(1, index, im);
    vtd_iec_drop(v, index & ~mask, index | mask);
    vtd_iec_note(v, false, index, im);
}
