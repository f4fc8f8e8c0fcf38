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

/* One of so many misses may cost another page its slot */
#define VTD_MISSES_INSERTED     8

static void vtd_translate_out(const VtdIotlbEntry *entry, uint64_t iova,
                              VtdTranslation *out)
{
    out->mask = vtd_level_mask(entry->level);
    out->iova = iova & ~out->mask;
    out->addr = entry->addr;
    out->read = entry->read;
    out->write = entry->write;
}

/*
 * An entry that does not grant the access is no hit: the guest may have added
 * the permission, and the fault wants the walk's reason.
 */
static inline QEMU_ALWAYS_INLINE bool
vtd_translate_hit(VtdSpace *space, const VtdContext *context, uint64_t iova,
                  VtdAccess access, VtdTranslation *out)
{
    uint64_t wanted = access == VTD_ACCESS_READ ? VTD_IOTLB_READ :
                      access == VTD_ACCESS_WRITE ? VTD_IOTLB_WRITE :
                      VTD_IOTLB_READ | VTD_IOTLB_WRITE;
    uint64_t entry;

    if (context->pass_through) {
        return false;
    }
    entry = vtd_iotlb_lookup(space->v->iotlb, &context->key, iova);
    if (!(entry & wanted)) {
        return false;
    }
    qatomic_set(&space->hits, qatomic_read(&space->hits) + 1);
    out->mask = vtd_level_mask(VTD_IOTLB_LEVEL(entry));
    out->iova = iova & ~out->mask;
    out->addr = entry & VTD_PAGE_MASK;
    out->read = entry & VTD_IOTLB_READ;
    out->write = entry & VTD_IOTLB_WRITE;
    trace_vtd_iotlb_page_hit(context->request.sid, iova, out->addr |
                             (out->read ? VTD_READ : 0) |
                             (out->write ? VTD_WRITE : 0),
                             context->tables.did);
    return true;
}

/* Read and cache @n pages around @iova */
static bool vtd_translate_around(VtdSpace *space, const VtdContext *context,
                                 uint64_t now, uint64_t iova, unsigned n)
{
    VtdIotlbEntry entry[VTD_AHEAD_LEAVES];

    if (!vtd_stages_ahead(space->v, &context->tables, iova, n, entry)) {
        return false;
    }
    vtd_iotlb_insert_ahead(space->v->iotlb, &context->key, iova, entry, n,
                           now);
    return true;
}

/*
 * Requests that go through pages in order miss beside their last miss.  The
 * entries of the next few pages are in the same cache line, so read them too;
 * and more of them, if what was read so was of use: the next miss is behind.
 */
static bool vtd_translate_ahead(VtdSpace *space, const VtdContext *context,
                                uint64_t now, uint64_t iova)
{
    uint64_t page = iova >> VTD_PAGE_SHIFT;
    uint64_t missed = qatomic_read(&space->missed);
    uint64_t far = page > missed ? page - missed : missed - page;

    qatomic_set(&space->missed, page);
    return far <= VTD_AHEAD_LEAVES &&
           vtd_translate_around(space, context, now, iova,
                                far < VTD_LINE_LEAVES ? VTD_LINE_LEAVES
                                                      : VTD_AHEAD_LEAVES);
}

/*
 * When more pages are in use than the IOTLB has room for, each slot that a
 * miss takes makes another miss, and threads would write all the time what
 * others read: a few of them do as well.
 */
static void vtd_translate_insert(VtdSpace *space, const VtdContext *context,
                                 uint64_t now, uint64_t iova,
                                 const VtdIotlbEntry *entry)
{
    VtdIotlb *iotlb = space->v->iotlb;

    if (!vtd_translate_ahead(space, context, now, iova) &&
        (qatomic_read(&space->misses) % VTD_MISSES_INSERTED == 0 ||
         !vtd_iotlb_crowded(iotlb, &context->key, iova, entry->level))) {
        vtd_iotlb_insert(iotlb, &context->key, iova, entry, now);
    }
}

static VtdReason vtd_translate_tables(VtdSpace *space,
                                      const VtdContext *context,
                                      uint64_t now, uint64_t iova,
                                      VtdAccess access, VtdFault *fault,
                                      VtdTranslation *out)
{
    Vtd *v = space->v;
    const VtdTables *tables = &context->tables;
    VtdIotlbEntry entry;
    bool cacheable;
    VtdReason reason = vtd_stages_walk(v, tables, iova, access, now, &entry,
                                       &cacheable, fault);

    qatomic_set(&space->misses, qatomic_read(&space->misses) + 1);
    if (reason) {
        return reason;
    }
    if (cacheable) {
        vtd_translate_insert(space, context, now, iova, &entry);
        trace_vtd_iotlb_page_update(context->request.sid, iova, fault->lo,
                                    tables->did);
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
    reason = vtd_stages_walk(v, &context->tables, iova, access, 0, &entry,
                             &cacheable, fault);
    if (!reason) {
        vtd_translate_out(&entry, iova, out);
    }
    return reason;
}

static inline void vtd_trace_translated(uint16_t sid,
                                        const VtdTranslation *out)
{
    trace_vtd_dmar_translate(sid >> 8, VTD_BITS(sid, 7, 3),
                             VTD_BITS(sid, 2, 0), out->iova, out->addr,
                             out->mask);
}

/* What the caches did not answer */
static bool vtd_translate_missed(VtdSpace *space, VtdRequest request,
                                 uint64_t life, uint64_t iova,
                                 VtdAccess access, VtdTranslation *out)
{
    Vtd *v = space->v;
    uint16_t sid = request.sid;
    const VtdContext *context;
    uint64_t now;
    VtdFault fault = {
        .sid = sid,
        .pasid = request.pasid,
        .supervisor = request.supervisor,
        .life = life,
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
    context = vtd_context_cached(space, request);
    if (!context) {
        context = vtd_context_load(space, &request, &fault);
        if (context && vtd_translate_hit(space, context, iova, access, out)) {
            vtd_trace_translated(sid, out);
            return true;
        }
    }
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
        vtd_trace_translated(sid, out);
        return true;
    }
    if (access != VTD_ACCESS_PROBE) {
        qatomic_add(&space->faults, 1);
        vtd_fault_record(v, &fault);
    }
    return false;
}

static inline QEMU_ALWAYS_INLINE bool
vtd_translate_request(VtdSpace *space, VtdRequest request,
                      uint64_t iova, VtdAccess access, VtdTranslation *out)
{
    /* Of the request: what a reset overtakes from here on leaves no trace */
    uint64_t life = qatomic_load_acquire(&space->v->life);
    const VtdContext *context = vtd_context_cached(space, request);
    uint16_t sid = request.sid;

    if (context && vtd_translating(space->v)) {
        trace_vtd_iotlb_cc_hit(sid >> 8, sid & 0xff, context->hi, context->lo,
                               context->epoch);
        if (vtd_translate_hit(space, context, iova, access, out)) {
            vtd_trace_translated(sid, out);
            return true;
        }
    }
    return vtd_translate_missed(space, request, life, iova, access, out);
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
           vtd_translate_request(space, request, iova, access, out);
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

    return vtd_translate_request(space, request, iova, access, out);
}
