/*
 * Intel VT-d engine: what it tells of itself to those who ask
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the looks of look.h at a unit, its spaces, mappings and faults.
 * [bql] calls only.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "look.h"
#include "ranges.h"

/* How long one call looks for ranges: listeners and vCPUs wait meanwhile */
#define LOOK_NS                 (200 * 1000)

QEMU_BUILD_BUG_ON(VTD_PAST_FAULTS != VTD_HISTORY);

static unsigned vtd_contexts_used(Vtd *v)
{
    unsigned used = 0;

    for (unsigned i = 0; i < v->spaces.all->len; i++) {
        VtdSpace *space = g_ptr_array_index(v->spaces.all, i);

        used += !!qatomic_load_acquire(&space->context);
    }
    return used;
}

void vtd_look_unit(Vtd *v, VtdUnitLook *out)
{
    *out = (VtdUnitLook) {
        .cap = vtd_reg64(v, VTD_REG_CAP),
        .ecap = vtd_reg64(v, VTD_REG_ECAP),
        .gsts = vtd_reg32(v, VTD_REG_GSTS),
        .fsts = vtd_reg32(v, VTD_REG_FSTS),
        .rtaddr = qatomic_load_acquire(&v->contexts.root),
        .irta = qatomic_load_acquire(&v->interrupts.irta),
        .aw_bits = v->config.aw_bits,
        .haw_bits = v->config.haw_bits,
        .iqei = VTD_BITS(vtd_reg64(v, VTD_REG_IQERCD), 3, 0),
        .pending = vtd_spaces_pending(v),
        .contexts = vtd_contexts_used(v),
        .iotlb_used = vtd_iotlb_used(v->iotlb),
        .iotlb_size = vtd_iotlb_size(v->iotlb),
        .iec_used = vtd_iec_used(v),
        .iec_size = VTD_IEC_SLOTS,
    };
    if (v->queue.enabled) {
        out->queue_base = v->queue.base;
        out->queue_entries = v->queue.entries;
        out->queue_head = v->queue.head;
        out->queue_tail = VTD_IQT_INDEX(vtd_reg64(v, VTD_REG_IQT),
                                        v->queue.wide);
    }
}

void vtd_look_space(VtdSpace *space, VtdSpaceLook *out)
{
    Vtd *v = space->v;
    VtdRequest request = {
        .sid = v->ops->source_id(space->opaque), .pasid = VTD_NO_PASID,
    };
    VtdFault fault = { 0 };
    VtdContext context;

    *out = (VtdSpaceLook) {
        .sid = request.sid,
        .view = space->view,
        .hits = qatomic_read(&space->hits),
        .misses = qatomic_read(&space->misses),
        .faults = qatomic_read(&space->faults),
        .maps = space->maps,
        .unmaps = space->unmaps,
        .shadowed = space->shadowed,
        .pending = space->update != VTD_UPDATE_NONE,
        .refused_pages = vtd_refused_bytes(space->sent.refused) >>
                         VTD_PAGE_SHIFT,
    };
    if (vtd_translating(v)) {
        out->context = vtd_context_read(v, &request, &context, &fault);
        out->reason = fault.reason;
    }
    if (out->context) {
        out->pass_through = context.pass_through;
        out->fpd = context.fpd;
        out->did = context.tables.did;
    }
    if (out->context && !context.pass_through) {
        out->top = context.tables.top;
        out->levels = context.tables.levels;
        out->first = context.tables.first;
        out->nested = context.tables.second_levels;
    }
    if (space->share) {
        out->pending |= space->share->pending;
        out->limited = vtd_seen_limited(space->share->seen);
        out->sharers = space->share->spaces->len;
        out->pages = vtd_seen_pages(space->share->seen);
    }
}

/* A time by VtdOps.now */
typedef struct VtdUntil {
    Vtd *v;
    int64_t end;
} VtdUntil;

static bool vtd_until_over(void *opaque)
{
    VtdUntil *until = opaque;

    return until->v->ops->now(until->v->opaque) >= until->end;
}

void vtd_look_mapped(VtdSpace *space, VtdMappedLook *look)
{
    Vtd *v = space->v;
    VtdUntil until = { v, v->ops->now(v->opaque) + LOOK_NS };

    look->done = !space->share;
    if (space->share) {
        vtd_ranges_look(space->share->seen, look, vtd_until_over, &until);
    }
}

bool vtd_look_refused(VtdSpace *space, uint64_t *first, uint64_t *last)
{
    return vtd_refused_find(space->sent.refused, first, last);
}

bool vtd_look_fault(Vtd *v, unsigned n, VtdPastFault *out)
{
    VtdPast past;
    bool there = vtd_history_get(v, n, &past);

    if (there) {
        *out = (VtdPastFault) {
            .reason = past.fault.reason,
            .sid = past.fault.sid,
            .pasid = past.fault.pasid,
            .interrupt = vtd_fault_of_interrupt(past.fault.reason),
            .read = past.fault.read,
            .hidden = past.hidden,
            .addr = past.fault.addr,
            .index = past.fault.info >> 48,
            .level = past.fault.level,
            .entry = past.fault.lo,
            .time = past.time,
            .count = past.count,
        };
    }
    return there;
}
