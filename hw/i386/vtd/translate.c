/*
 * Intel VT-d engine: the way of one DMA request
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the order of the steps (5.1): context, IOTLB, stages, permission; and
 * the same without caches, for explain.c.  Runs in any thread and holds no
 * lock; what it calls takes its own for a moment.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

static bool vtd_iotlb_entry_grants(const VtdIotlbEntry *entry, VtdAccess access)
{
    return access == VTD_ACCESS_READ ? entry->read :
           access == VTD_ACCESS_WRITE ? entry->write :
           entry->read || entry->write;
}

static void vtd_translate_out(const VtdIotlbEntry *entry, uint64_t iova,
                              VtdTranslation *out)
{
    out->mask = vtd_level_mask(entry->level);
    out->iova = iova & ~out->mask;
    out->addr = entry->addr;
    out->read = entry->read;
    out->write = entry->write;
}

static VtdReason vtd_translate_tables(VtdSpace *space,
                                      const VtdContext *context,
                                      uint64_t now, uint64_t iova,
                                      VtdAccess access, VtdFault *fault,
                                      VtdTranslation *out)
{
    Vtd *v = space->v;
    const VtdTables *tables = &context->tables;
    VtdIotlbEntry entry = { 0 };

    /*
     * An entry that does not grant the access is no hit: the guest may have
     * added the permission, and the fault wants the walk's reason.
     */
    if (vtd_iotlb_lookup(v->iotlb, tables, iova, &entry) &&
        vtd_iotlb_entry_grants(&entry, access)) {
        qatomic_add(&space->hits, 1);
        trace_vtd_iotlb_page_hit(context->request.sid, iova, entry.addr |
                                 (entry.read ? VTD_READ : 0) |
                                 (entry.write ? VTD_WRITE : 0),
                                 tables->did);
    } else {
        bool cacheable;
        VtdReason reason = vtd_stages_walk(v, tables, iova, access, &entry,
                                           &cacheable, fault);

        vtd_count(v, VTD_STAT_IOTLB_MISSES);
        qatomic_add(&space->misses, 1);
        if (reason) {
            return reason;
        }
        if (cacheable) {
            vtd_iotlb_insert(v->iotlb, tables, iova, &entry, now);
            trace_vtd_iotlb_page_update(context->request.sid, iova, fault->lo,
                                        tables->did);
        }
    }

    vtd_translate_out(&entry, iova, out);
    return VTD_FAULT_NONE;
}

static void vtd_translate_unchanged(uint64_t iova, VtdTranslation *out)
{
    out->mask = vtd_level_mask(vtd_unchanged_level(iova));
    out->iova = out->addr = iova & ~out->mask;
    out->read = out->write = true;
}

static VtdReason vtd_translate_pass_through(Vtd *v, const VtdContext *context,
                                            uint64_t iova,
                                            VtdTranslation *out)
{
    if (iova >> v->config.haw_bits) {
        return context->scalable ? VTD_FAULT_SM_PASS_THROUGH
                                 : VTD_FAULT_ADDRESS;
    }
    if (vtd_meets_interrupts(iova, iova)) {
        return VTD_FAULT_SM_OUTPUT;
    }
    vtd_translate_unchanged(iova, out);
    return VTD_FAULT_NONE;
}

VtdReason vtd_translate_uncached(Vtd *v, const VtdContext *context,
                                 uint64_t iova, VtdAccess access,
                                 VtdFault *fault, VtdTranslation *out)
{
    VtdIotlbEntry entry;
    VtdReason reason;
    bool cacheable;

    if (context->pass_through) {
        return vtd_translate_pass_through(v, context, iova, out);
    }
    reason = vtd_stages_walk(v, &context->tables, iova, access, &entry,
                             &cacheable, fault);
    if (!reason) {
        vtd_translate_out(&entry, iova, out);
    }
    return reason;
}

static bool vtd_translate_request(VtdSpace *space, const VtdRequest *request,
                                  uint64_t iova, VtdAccess access,
                                  VtdTranslation *out)
{
    Vtd *v = space->v;
    uint16_t sid = request->sid;
    const VtdContext *context;
    uint64_t now;
    VtdFault fault = {
        .sid = sid,
        .pasid = request->pasid,
        .supervisor = request->supervisor,
        .life = qatomic_load_acquire(&v->life),
        .read = access != VTD_ACCESS_WRITE,
        .info = iova & VTD_PAGE_MASK,
        .addr = iova,
    };

    if (!vtd_translating(v)) {
        /* Translation is off by now, and the view is about to change */
        vtd_translate_unchanged(iova, out);
        return true;
    }

    /*
     * Before the context is read: what an old context leads to must not be
     * cached after an invalidation that came between the two.
     */
    now = vtd_iotlb_epoch(v->iotlb);
    context = vtd_context_get(space, request, &fault);
    if (context) {
        fault.fpd = context->fpd;
        if (context->pass_through) {
            vtd_count(v, VTD_STAT_PASS_THROUGH);
            trace_vtd_translate_pt(sid, iova);
            fault.reason = vtd_translate_pass_through(v, context, iova, out);
        } else {
            fault.reason = vtd_translate_tables(space, context, now, iova,
                                                access, &fault, out);
        }
    }
    if (fault.reason == VTD_FAULT_NONE) {
        trace_vtd_dmar_translate(sid >> 8, VTD_BITS(sid, 7, 3),
                                 VTD_BITS(sid, 2, 0), out->iova, out->addr,
                                 out->mask);
        return true;
    }
    if (access != VTD_ACCESS_PROBE) {
        qatomic_add(&space->faults, 1);
        vtd_fault_record(v, &fault);
    }
    return false;
}

bool vtd_translate(VtdSpace *space, uint64_t iova, VtdAccess access,
                   VtdTranslation *out)
{
    VtdRequest request = {
        .sid = space->v->ops->source_id(space->opaque),
        .pasid = VTD_NO_PASID,
    };

    /*
     * Writes to the interrupt range are interrupts, which go to
     * vtd_interrupt().  A read of it is aborted, and the specification does
     * not make that a fault.
     */
    return !vtd_meets_interrupts(iova, iova) &&
           vtd_translate_request(space, &request, iova, access, out);
}

bool vtd_translate_pasid(VtdSpace *space, uint32_t pasid, bool supervisor,
                         uint64_t iova, VtdAccess access,
                         VtdTranslation *out)
{
    VtdRequest request = {
        .sid = space->v->ops->source_id(space->opaque),
        .pasid = pasid,
        .supervisor = supervisor,
    };

    return vtd_translate_request(space, &request, iova, access, out);
}
