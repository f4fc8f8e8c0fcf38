/*
 * Intel VT-d engine: the way of one request, step by step
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns vtd_explain().  It goes the way of translate.c, by the same functions,
 * and writes down what they read; caches and shadows are looked at beside it.
 * [bql] calls only.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "look.h"
#include "send.h"

/* @opaque is NULL if nobody wants to know */
static void vtd_explain_note(void *opaque, const VtdStep *step)
{
    VtdExplained *out = opaque;

    if (out && out->steps < VTD_STEPS_MAX) {
        out->step[out->steps++] = *step;
    }
}

static VtdReason vtd_explain_tables(Vtd *v, const VtdContext *context,
                                    uint64_t iova, VtdAccess access,
                                    VtdExplained *out, VtdTranslation *to)
{
    VtdNotes notes = { vtd_explain_note, out };
    VtdFault fault = { .notes = &notes };

    return vtd_translate_uncached(v, context, iova, access, &fault, to);
}

/* What memory says, and grants, whatever the access is */
static bool vtd_explain_granted(Vtd *v, const VtdContext *context,
                                uint64_t iova, VtdTranslation *to)
{
    VtdTranslation other = { 0 };
    bool read = !vtd_explain_tables(v, context, iova, VTD_ACCESS_READ, NULL,
                                    to);
    bool write = !vtd_explain_tables(v, context, iova, VTD_ACCESS_WRITE, NULL,
                                     read ? &other : to);

    to->read = read;
    to->write = write;
    return read || write;
}

/* Whether two lead @iova to the same place */
static bool vtd_explain_same(const VtdTranslation *a, const VtdTranslation *b,
                             uint64_t iova)
{
    return a->addr + (iova - a->iova) == b->addr + (iova - b->iova);
}

static bool vtd_explain_context_same(const VtdContext *a, const VtdContext *b)
{
    return a->lo == b->lo && a->hi == b->hi &&
           vtd_tables_same(&a->tables, &b->tables);
}

/* What memory says of the way to a table of leaves */
typedef struct VtdExplainedWay {
    bool found;
    uint64_t table;
    uint64_t permission;
} VtdExplainedWay;

static void vtd_explain_way(void *opaque, const VtdStep *step)
{
    VtdExplainedWay *way = opaque;

    if (step->level > 1) {
        way->permission &= step->lo;
    } else {
        way->found = true;
        way->table = step->addr & VTD_PAGE_MASK;
    }
}

static bool vtd_explain_table_stale(Vtd *v, const VtdContext *context,
                                    uint64_t iova)
{
    VtdExplainedWay way = { .permission = UINT64_MAX };
    VtdNotes notes = { vtd_explain_way, &way };
    VtdFault fault = { .notes = &notes };
    VtdTranslation to;
    VtdLeafTable leaves;

    if (!vtd_paging_lookup(v->paging, &context->tables, iova, &leaves)) {
        return false;
    }
    vtd_translate_uncached(v, context, iova, VTD_ACCESS_PROBE, &fault, &to);
    return !way.found || way.table != leaves.addr ||
           (leaves.permission & ~way.permission);
}

static void vtd_explain_caches(VtdSpace *space, const VtdRequest *request,
                               const VtdContext *context, uint64_t iova,
                               VtdExplained *out)
{
    const VtdContext *cached = vtd_context_cached(space, *request);
    uint64_t entry;

    if (cached) {
        out->context_cached = true;
        out->context_stale = !context ||
                             !vtd_explain_context_same(cached, context);
        context = cached;
    }
    if (!context || context->pass_through) {
        return;
    }
    out->table_stale = vtd_explain_table_stale(space->v, context, iova);
    entry = vtd_iotlb_lookup(space->v->iotlb, &context->key, iova);
    out->iotlb_cached = entry;
    if (out->iotlb_cached) {
        uint64_t mask = vtd_level_mask(VTD_IOTLB_LEVEL(entry));

        out->iotlb = (VtdTranslation) {
            .iova = iova & ~mask,
            .addr = entry & VTD_PAGE_MASK,
            .mask = mask,
            .read = entry & VTD_IOTLB_READ,
            .write = entry & VTD_IOTLB_WRITE,
        };
    }
}

static void vtd_explain_seen(void *opaque, const VtdDiff *diff)
{
    uint64_t *leaf = opaque;

    *leaf = diff->leaf;
}

static void vtd_explain_shadow(VtdSpace *space, uint64_t iova,
                               VtdExplained *out)
{
    uint64_t page = iova & VTD_PAGE_MASK, leaf = 0, end;
    VtdExtent extent;

    out->shadowed = space->shadowed;
    if (!space->share || iova > vtd_width_last(space->v)) {
        return;
    }
    vtd_seen_compare(NULL, space->share->seen, page, page | ~VTD_PAGE_MASK,
                     false, vtd_explain_seen, &leaf);
    out->seen = leaf;
    out->refused = vtd_refused_covers(space->sent.refused, page,
                                      page | ~VTD_PAGE_MASK, &end);
    if (!out->seen) {
        return;
    }
    out->shadow = (VtdTranslation) {
        .iova = page,
        .addr = leaf & space->v->haw_mask,
        .mask = ~VTD_PAGE_MASK,
        .read = leaf & VTD_READ,
        .write = leaf & VTD_WRITE,
    };
    if (vtd_space_find_extent(space, page, page | ~VTD_PAGE_MASK, &extent)) {
        out->shadow.addr -= page - extent.first;
        out->shadow.iova = extent.first;
        out->shadow.mask = extent.last - extent.first;
    }
}

void vtd_explain(VtdSpace *space, uint32_t pasid, uint64_t iova,
                 VtdAccess access, VtdExplained *out)
{
    Vtd *v = space->v;
    VtdRequest request = {
        .sid = v->ops->source_id(space->opaque), .pasid = pasid,
    };
    VtdNotes notes = { vtd_explain_note, out };
    VtdFault fault = { .notes = &notes };
    VtdTranslation granted = { 0 };
    VtdContext context;
    bool known, mapped;

    *out = (VtdExplained) {
        .sid = request.sid,
        .translating = vtd_translating(v),
        .interrupt = pasid == VTD_NO_PASID && vtd_meets_interrupts(iova, iova),
    };
    if (out->interrupt || !out->translating) {
        return;
    }
    known = vtd_context_read(v, &request, &context, &fault);
    out->reason = fault.reason;
    if (known) {
        out->did = context.tables.did;
        out->pass_through = context.pass_through;
        out->nested = context.tables.second_levels;
        out->reason = vtd_explain_tables(v, &context, iova, access, out,
                                         &out->out);
    }
    vtd_explain_caches(space, &request, known ? &context : NULL, iova, out);
    if (pasid == VTD_NO_PASID) {
        vtd_explain_shadow(space, iova, out);
    }

    mapped = known && !context.pass_through &&
             vtd_explain_granted(v, &context, iova, &granted);
    out->iotlb_stale = out->iotlb_cached &&
                       (!mapped ||
                        !vtd_explain_same(&out->iotlb, &granted, iova) ||
                        (out->iotlb.read && !granted.read) ||
                        (out->iotlb.write && !granted.write));
    out->shadow_stale = out->shadowed &&
                        (out->seen != mapped ||
                         (mapped &&
                          (!vtd_explain_same(&out->shadow, &granted, iova) ||
                           out->shadow.read != granted.read ||
                           out->shadow.write != granted.write)));
}
