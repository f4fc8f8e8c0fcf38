/*
 * Intel VT-d engine: root and context entries
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the root table as latched, the decoding of legacy root and context
 * entries (2.1) into VtdContext, and the cache of contexts: in each space one
 * for requests without PASID, and a few for those with one.  Cached contexts
 * are read without a lock and freed by defer_free;
 * VtdContexts.lock guards their publishing, so that entries read before an
 * invalidation are never published after it.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

void vtd_contexts_init(Vtd *v)
{
    qemu_mutex_init(&v->contexts.lock);
}

void vtd_contexts_destroy(Vtd *v)
{
    qemu_mutex_destroy(&v->contexts.lock);
}

void vtd_contexts_set_root(Vtd *v, uint64_t rtaddr)
{
    qatomic_store_release(&v->contexts.root, rtaddr);
}

void vtd_contexts_set_translating(Vtd *v, bool on)
{
    qatomic_store_release(&v->contexts.translating, on);
}

static bool vtd_root_scalable(const Vtd *v, uint64_t latched)
{
    return v->config.scalable_mode &&
           VTD_RTADDR_TTM(latched) == VTD_TTM_SCALABLE;
}

unsigned vtd_contexts_ttm(Vtd *v)
{
    return VTD_RTADDR_TTM(qatomic_load_acquire(&v->contexts.root));
}

bool vtd_scalable(Vtd *v)
{
    return vtd_root_scalable(v, qatomic_load_acquire(&v->contexts.root));
}

void vtd_contexts_reset(Vtd *v)
{
    vtd_contexts_set_translating(v, false);
    vtd_contexts_set_root(v, 0);
}

void vtd_contexts_save(Vtd *v, VtdSaved *saved)
{
    saved->root = qatomic_load_acquire(&v->contexts.root) & v->haw_mask;
    saved->dmar_enabled = vtd_translating(v);
}

void vtd_contexts_load(Vtd *v, const VtdSaved *saved)
{
    vtd_contexts_set_root(v, vtd_saved_latched(v, saved->root, VTD_REG_RTADDR,
                                               VTD_RTADDR_SCALABLE));
    vtd_contexts_set_translating(v, saved->dmar_enabled);
}

static bool vtd_context_fault(VtdFault *fault, VtdReason reason, bool fpd)
{
    fault->reason = reason;
    fault->fpd = fpd;
    return false;
}

/* Read an entry of 16 bytes once: the guest may write it meanwhile */
static bool vtd_read_entry128(Vtd *v, VtdStepKind kind, uint64_t table,
                              unsigned index, VtdFault *fault)
{
    uint64_t gpa = table + index * 2 * sizeof(uint64_t), entry[2];

    if (!v->ops->read(v->opaque, gpa, entry, sizeof(entry))) {
        vtd_note(fault, kind, gpa, NULL, 2);
        return false;
    }
    entry[0] = GUINT64_FROM_LE(entry[0]);
    entry[1] = GUINT64_FROM_LE(entry[1]);
    vtd_note(fault, kind, gpa, entry, 2);
    fault->lo = entry[0];
    fault->hi = entry[1];
    return true;
}

/*
 * An entry whose table cannot be read is invalid, and is not to be cached.  So
 * it is tried here, rather than by the first walk.
 */
static bool vtd_table_readable(Vtd *v, uint64_t table)
{
    uint64_t entry;

    return v->ops->read(v->opaque, table, &entry, sizeof(entry));
}

/* SSPTPTR is ignored in a pass-through entry alone (2.1) */
static bool vtd_context_reserved(Vtd *v, uint64_t lo, uint64_t hi)
{
    return (lo & VTD_CONTEXT_LO_RESERVED) || (hi & VTD_CONTEXT_HI_RESERVED) ||
           (VTD_CONTEXT_TT(lo) != VTD_TT_PASS_THROUGH &&
            (lo & VTD_PAGE_MASK & ~v->haw_mask));
}

static bool vtd_context_decode(Vtd *v, uint64_t lo, uint64_t hi,
                               VtdContext *context)
{
    unsigned tt = VTD_CONTEXT_TT(lo);
    unsigned aw = VTD_CONTEXT_AW(hi);

    context->fpd = lo & VTD_CONTEXT_FPD;
    context->pass_through = tt == VTD_TT_PASS_THROUGH;
    context->lo = lo;
    context->hi = hi;
    context->tables = (VtdTables) {
        .top = lo & VTD_PAGE_MASK,
        .did = VTD_CONTEXT_DID(hi),
        .levels = aw + 2,
        .format = &v->format,
        .marks_snooped = true,
    };

    if (!(v->cap & VTD_CAP_SAGAW_OF(aw))) {
        return false;
    }
    switch (tt) {
    case VTD_TT_DEVICE_TLB:
        if (!v->config.device_iotlb) {
            return false;
        }
        /* fall through */
    case VTD_TT_TABLES:
        return vtd_table_readable(v, context->tables.top);
    case VTD_TT_PASS_THROUGH:
        /* AW may be any that SAGAW has: some software takes the least */
        return v->config.pass_through;
    default:
        return false;
    }
}

static bool vtd_context_read_legacy(Vtd *v, uint64_t root, uint16_t sid,
                                    VtdContext *context, VtdFault *fault)
{
    uint8_t bus = sid >> 8, devfn = sid & 0xff;
    uint64_t lo, hi;
    bool fpd;

    if (!vtd_read_entry128(v, VTD_STEP_ROOT, root, bus, fault)) {
        return vtd_context_fault(fault, VTD_FAULT_ROOT_ACCESS, false);
    }
    lo = fault->lo;
    hi = fault->hi;
    if (!(lo & VTD_ROOT_P)) {
        trace_vtd_re_not_present(bus);
        return vtd_context_fault(fault, VTD_FAULT_ROOT_NOT_PRESENT, false);
    }
    if ((lo & VTD_ROOT_LO_RESERVED) || hi ||
        (lo & VTD_PAGE_MASK & ~v->haw_mask)) {
        return vtd_context_fault(fault, VTD_FAULT_ROOT_RESERVED, false);
    }
    if (!vtd_read_entry128(v, VTD_STEP_CONTEXT, lo & VTD_PAGE_MASK, devfn,
                           fault)) {
        return vtd_context_fault(fault, VTD_FAULT_CONTEXT_ACCESS, false);
    }
    lo = fault->lo;
    hi = fault->hi;
    fpd = lo & VTD_CONTEXT_FPD;
    if (!(lo & VTD_CONTEXT_P)) {
        trace_vtd_ce_not_present(bus, devfn);
        return vtd_context_fault(fault, VTD_FAULT_CONTEXT_NOT_PRESENT, fpd);
    }
    if (vtd_context_reserved(v, lo, hi)) {
        trace_vtd_ce_invalid(bus, devfn, hi, lo);
        return vtd_context_fault(fault, VTD_FAULT_CONTEXT_RESERVED, fpd);
    }
    *context = (VtdContext) {
        .request = { .sid = sid, .pasid = VTD_NO_PASID },
    };
    if (!vtd_context_decode(v, lo, hi, context)) {
        trace_vtd_ce_invalid(bus, devfn, hi, lo);
        return vtd_context_fault(fault, VTD_FAULT_CONTEXT_INVALID, fpd);
    }
    return true;
}

static bool vtd_context_read_entries(Vtd *v, const VtdRequest *request,
                                     VtdContext *context, VtdFault *fault)
{
    uint64_t latched = qatomic_load_acquire(&v->contexts.root);
    uint64_t root = latched & VTD_PAGE_MASK;

    fault->fpd = false;
    if (v->config.abort_dma && VTD_RTADDR_TTM(latched) == VTD_TTM_ABORT) {
        return vtd_context_fault(fault, VTD_FAULT_ABORT, false);
    }
    if (root & ~v->haw_mask) {
        return vtd_context_fault(fault, VTD_FAULT_RTADDR, false);
    }
    if (vtd_root_scalable(v, latched)) {
        return vtd_pasid_read(v, root, request, context, fault);
    }
    if (VTD_RTADDR_TTM(latched) != VTD_TTM_LEGACY) {
        return vtd_context_fault(fault, VTD_FAULT_RTADDR, false);
    }
    if (request->pasid != VTD_NO_PASID) {
        return vtd_context_fault(fault, VTD_FAULT_LEGACY_PASID, false);
    }
    return vtd_context_read_legacy(v, root, request->sid, context, fault);
}

bool vtd_context_read(Vtd *v, const VtdRequest *request, VtdContext *context,
                      VtdFault *fault)
{
    if (!vtd_context_read_entries(v, request, context, fault)) {
        return false;
    }
    context->key = vtd_iotlb_key(&context->tables);
    return true;
}

VtdView vtd_context_view(VtdSpace *space, VtdContext *context, bool *tables)
{
    Vtd *v = space->v;
    VtdRequest request = {
        .sid = v->ops->source_id(space->opaque), .pasid = VTD_NO_PASID,
    };
    VtdFault fault = { 0 };

    *tables = false;
    if (!vtd_translating(v)) {
        return VTD_VIEW_DIRECT;
    }
    if (!vtd_context_read(v, &request, context, &fault)) {
        return VTD_VIEW_TRANSLATED;
    }
    *tables = !context->pass_through;
    return *tables ? VTD_VIEW_TRANSLATED : VTD_VIEW_PASS_THROUGH;
}

/* The cache's lock is held; @slot is one of the space's */
static void vtd_context_publish(VtdSpace *space, VtdContext **slot,
                                VtdContext *context)
{
    VtdContext *old = qatomic_xchg(slot, context);

    if (old) {
        space->v->ops->defer_free(space->v->opaque, old, g_free);
    }
}

const VtdContext *vtd_context_load(VtdSpace *space, const VtdRequest *request,
                                   VtdFault *fault)
{
    Vtd *v = space->v;
    VtdContext **slot = vtd_context_slot(space, request->pasid);
    uint16_t sid = request->sid;
    VtdContext decoded, *context;
    uint64_t epoch;

    vtd_count(v, VTD_STAT_CONTEXT_MISSES);
    qemu_mutex_lock(&v->contexts.lock);
    epoch = v->contexts.epoch;
    qemu_mutex_unlock(&v->contexts.lock);

    if (!vtd_context_read(v, request, &decoded, fault)) {
        return NULL;
    }
    qatomic_add(&space->contexts_read, 1);
    context = g_new(VtdContext, 1);
    *context = decoded;
    context->epoch = epoch;

    qemu_mutex_lock(&v->contexts.lock);
    trace_vtd_iotlb_cc_update(sid >> 8, sid & 0xff, context->hi, context->lo,
                              epoch, v->contexts.epoch);
    if (v->contexts.epoch == epoch) {
        vtd_context_publish(space, slot, context);
    } else {
        /* Not cached, but right for this request: it came before */
        v->ops->defer_free(v->opaque, context, g_free);
    }
    qemu_mutex_unlock(&v->contexts.lock);
    return context;
}

/* The cache's lock is held */
static void vtd_context_drop_slot(VtdSpace *space, VtdContext **slot,
                                  VtdContextMatch *match, const void *key)
{
    VtdContext *context = qatomic_load_acquire(slot);

    if (context && (!match || match(context, key))) {
        vtd_context_publish(space, slot, NULL);
    }
}

/* The same, of a space */
static void vtd_context_drop_space(VtdSpace *space, VtdContextMatch *match,
                                   const void *key)
{
    vtd_context_drop_slot(space, &space->context, match, key);
    for (unsigned i = 0; i < VTD_PASIDS_CACHED; i++) {
        vtd_context_drop_slot(space, &space->pasid_context[i], match, key);
    }
}

void vtd_context_drop(Vtd *v, VtdContextMatch *match, const void *key)
{
    vtd_drain_owe(v);
    qemu_mutex_lock(&v->contexts.lock);
    v->contexts.epoch++;
    for (unsigned i = 0; i < v->spaces.all->len; i++) {
        vtd_context_drop_space(g_ptr_array_index(v->spaces.all, i), match,
                               key);
    }
    qemu_mutex_unlock(&v->contexts.lock);
}

void vtd_context_forget(VtdSpace *space)
{
    qemu_mutex_lock(&space->v->contexts.lock);
    vtd_context_drop_space(space, NULL, NULL);
    qemu_mutex_unlock(&space->v->contexts.lock);
}
