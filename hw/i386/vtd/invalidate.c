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
    vtd_paging_drop_global(v->paging, vtd_iotlb_advance(v->iotlb));
    vtd_iotlb_drop_global(v->iotlb);
}

void vtd_iec_notify(Vtd *v)
{
    if (v->iec_change.any) {
        VtdIecChange change = v->iec_change;

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

/* Context entries of scalable mode have no domain id: all are meant (7.2) */
void vtd_invalidate_context_domain(Vtd *v, uint16_t did)
{
    vtd_count(v, VTD_STAT_INV_CONTEXT_DOMAIN);
    trace_vtd_inv_desc_cc_domain(did);
    vtd_context_drop(v, vtd_scalable(v) ? NULL : vtd_match_domain, &did);
    vtd_spaces_update(v, 0, 0);
}

void vtd_invalidate_pasid_cache_global(Vtd *v)
{
    vtd_count(v, VTD_STAT_INV_PASID_CACHE);
    trace_vtd_inv_desc_pasid_cache_global();
    vtd_context_drop(v, NULL, NULL);
    vtd_spaces_update(v, 0, 0);
}

void vtd_invalidate_pasid_cache_domain(Vtd *v, uint16_t did)
{
    vtd_count(v, VTD_STAT_INV_PASID_CACHE);
    trace_vtd_inv_desc_pasid_cache_domain(did);
    vtd_context_drop(v, vtd_match_domain, &did);
    vtd_spaces_update(v, 0, 0);
}

/* The domain id may be one that the entry has no more: it is not compared */
static bool vtd_match_pasid(const VtdContext *context, const void *key)
{
    return context->tables.pasid == *(const uint32_t *)key;
}

void vtd_invalidate_pasid_cache_pasid(Vtd *v, uint16_t did, uint32_t pasid)
{
    vtd_count(v, VTD_STAT_INV_PASID_CACHE);
    trace_vtd_inv_desc_pasid_cache_pasid(did, pasid);
    vtd_context_drop(v, vtd_match_pasid, &pasid);
    vtd_spaces_update(v, 0, 0);
}

typedef struct VtdSourceKey {
    uint16_t sid;
    uint16_t mask;
} VtdSourceKey;

static bool vtd_match_source(const VtdContext *context, const void *key)
{
    const VtdSourceKey *source = key;

    return !((context->request.sid ^ source->sid) & source->mask);
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

/* Shadows and what listeners cache, after the IOTLB */
static void vtd_invalidate_scope(Vtd *v, const VtdScope *scope)
{
    vtd_drain_owe(v);
    vtd_shares_sync_scope(v, scope);
    vtd_spaces_invalidate(v, scope);
}

void vtd_invalidate_iotlb_global(Vtd *v)
{
    VtdScope scope = {
        .reason = "global", .global = true, .last = UINT64_MAX,
    };

    vtd_count(v, VTD_STAT_INV_IOTLB_GLOBAL);
    trace_vtd_inv_desc_iotlb_global();
    trace_vtd_iotlb_reset("global invalidation");
    vtd_paging_drop_global(v->paging, vtd_iotlb_advance(v->iotlb));
    vtd_iotlb_drop_global(v->iotlb);
    vtd_invalidate_scope(v, &scope);
}

void vtd_invalidate_iotlb_domain(Vtd *v, uint16_t did)
{
    VtdScope scope = { .reason = "domain", .did = did, .last = UINT64_MAX };

    vtd_count(v, VTD_STAT_INV_IOTLB_DOMAIN);
    trace_vtd_inv_desc_iotlb_domain(did);
    vtd_paging_drop_domain(v->paging, did, vtd_iotlb_advance(v->iotlb));
    vtd_iotlb_drop_domain(v->iotlb, did);
    vtd_invalidate_scope(v, &scope);
}

unsigned vtd_invalidate_iotlb_pages(Vtd *v, uint16_t did,
                                    const VtdRange *range, unsigned n,
                                    bool leaves)
{
    VtdScope scope = { .reason = "pages", .did = did };
    unsigned done = 0;

    if (!leaves) {
        vtd_paging_drop_ranges(v->paging, did, range, n,
                               vtd_iotlb_advance(v->iotlb));
    }
    vtd_iotlb_drop_ranges(v->iotlb, did, range, n);
    if (v->config.first_stage) {
        vtd_paging_drop_first(v->paging, did, vtd_iotlb_advance(v->iotlb));
        vtd_iotlb_drop_first(v->iotlb, did);
    }
    vtd_drain_owe(v);
    if (!v->shadows.shares->len && !v->spaces.watched->len) {
        return n;
    }
    do {
        scope.first = range[done].first;
        scope.last = range[done].last;
        vtd_invalidate_scope(v, &scope);
    } while (++done < n && !vtd_spaces_pending(v));
    return done;
}

void vtd_invalidate_pasid_iotlb(Vtd *v, uint16_t did, uint32_t pasid)
{
    VtdScope scope = {
        .reason = "pasid", .did = did, .by_pasid = true, .pasid = pasid,
        .last = UINT64_MAX,
    };

    vtd_count(v, VTD_STAT_INV_PASID_IOTLB);
    trace_vtd_inv_desc_iotlb_pasid(did, pasid);
    if (v->config.first_stage) {
        vtd_paging_drop_pasid(v->paging, did, pasid,
                              vtd_iotlb_advance(v->iotlb));
        vtd_iotlb_drop_pasid(v->iotlb, did, pasid);
    }
    vtd_invalidate_scope(v, &scope);
}

void vtd_invalidate_pasid_iotlb_pages(Vtd *v, uint16_t did, uint32_t pasid,
                                      uint64_t addr, unsigned am,
                                      bool leaves)
{
    uint64_t mask = (VTD_BIT(am) << VTD_PAGE_SHIFT) - 1;
    VtdRange range = { addr & ~mask, addr | mask };
    VtdScope scope = {
        .reason = "pasid pages", .did = did, .by_pasid = true, .pasid = pasid,
        .first = range.first, .last = range.last,
    };

    vtd_count(v, VTD_STAT_INV_PASID_IOTLB_PAGE);
    trace_vtd_inv_desc_iotlb_pasid_pages(did, addr, am, pasid);
    if (v->config.first_stage && !leaves) {
        vtd_paging_drop_pasid_range(v->paging, did, pasid, &range,
                                    vtd_iotlb_advance(v->iotlb));
    }
    if (v->config.first_stage) {
        vtd_iotlb_drop_pasid_range(v->iotlb, did, pasid, scope.first,
                                   scope.last);
    }
    vtd_invalidate_scope(v, &scope);
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
