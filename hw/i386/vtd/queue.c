/*
 * Intel VT-d engine: the invalidation queue
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns IQH, IQERCD and the decoding of descriptors (1.12, 7.4 to 7.6): one
 * table, one row a type.  [bql] calls only.  A run ends at the tail that it
 * saw when it began, so the queue's size bounds it.  IQH stays at a descriptor
 * whose syncs are pending, and moves when shadows are in step; it stays at a
 * wait until the drain before it is over.
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "internal.h"
#include "trace.h"

/* After so many descriptors the time is looked at */
#define STEPS_PER_LOOK          64
/* No IQEI: the descriptor at the head has to wait for a drain */
#define QUEUE_DRAINING          (~0u)
#define IOTLB_HI_RESERVED       VTD_MASK(11, 7)

typedef struct VtdDescriptor {
    const char *name;
    uint64_t needs;             /* of ECAP, or the type is invalid */
    bool scalable;              /* valid in scalable mode alone */
    uint64_t lo_reserved;
    uint64_t hi_reserved;
    /* Carry it out.  0, or what to put into IQERCD.IQEI */
    unsigned (*run)(Vtd *v, uint64_t lo, uint64_t hi);
} VtdDescriptor;

static unsigned vtd_run_context(Vtd *v, uint64_t lo, uint64_t hi)
{
    switch (VTD_DESC_G(lo)) {
    case VTD_GRANULARITY_GLOBAL:
        vtd_invalidate_context_global(v);
        return 0;
    case VTD_GRANULARITY_DOMAIN:
        vtd_invalidate_context_domain(v, VTD_DESC_DID(lo));
        return 0;
    case VTD_GRANULARITY_SELECT:
        vtd_invalidate_context_device(v, VTD_DESC_DID(lo), VTD_DESC_SID(lo),
                                      VTD_DESC_FM(lo));
        return 0;
    default:
        return VTD_IQEI_RESERVED;
    }
}

static uint16_t vtd_queue_next(const Vtd *v, uint16_t index)
{
    return index + 1 == v->queue.entries ? 0 : index + 1;
}

/* Read the descriptor at @index, each word once */
static bool vtd_queue_read(Vtd *v, uint16_t index, uint64_t entry[4])
{
    uint64_t offset = VTD_IQ_OFFSET(index, v->queue.wide);

    trace_vtd_inv_qi_fetch();
    entry[2] = entry[3] = 0;
    if (v->rams.queue) {
        const uint64_t *from = (const uint64_t *)(v->rams.queue + offset);

        entry[0] = qatomic_read(&from[0]);
        entry[1] = qatomic_read(&from[1]);
        if (v->queue.wide) {
            entry[2] = qatomic_read(&from[2]);
            entry[3] = qatomic_read(&from[3]);
        }
    } else if (!v->ops->read(v->opaque, v->queue.base + offset, entry,
                             VTD_IQ_OFFSET(1, v->queue.wide))) {
        return false;
    }
    entry[0] = GUINT64_FROM_LE(entry[0]);
    entry[1] = GUINT64_FROM_LE(entry[1]);
    return true;
}

/*
 * Whether the descriptor at @at can be carried out together with that of @lo.
 * If not, what was read of it is kept for its own turn.
 */
static bool vtd_queue_is_like(Vtd *v, uint16_t at, uint64_t lo, uint64_t *hi)
{
    VtdQueueAhead *ahead = &v->queue.ahead;
    uint64_t entry[4];
    bool readable;

    if (at == v->queue.tail) {
        return false;
    }
    readable = vtd_queue_read(v, at, entry);
    *hi = entry[1];
    if (readable && entry[0] == lo && !(entry[2] | entry[3]) &&
        !(*hi & IOTLB_HI_RESERVED) &&
        VTD_DESC_AM(*hi) <= VTD_CAP_MAMV_ORDER(v->cap)) {
        return true;
    }
    ahead->valid = true;
    ahead->readable = readable;
    ahead->index = at;
    memcpy(ahead->entry, entry, sizeof(entry));
    return false;
}

/* The descriptor at the head */
static bool vtd_queue_fetch(Vtd *v, uint64_t entry[4])
{
    VtdQueueAhead *ahead = &v->queue.ahead;

    if (ahead->valid && ahead->index == v->queue.head) {
        ahead->valid = false;
        memcpy(entry, ahead->entry, sizeof(ahead->entry));
        return ahead->readable;
    }
    return vtd_queue_read(v, v->queue.head, entry);
}

/*
 * Carry out the page-selective invalidation at the head, and those of its
 * domain that follow: caches are locked once for all of them, and neighbours
 * are one range.  The head moves to the last that is over.
 */
static unsigned vtd_run_pages(Vtd *v, uint64_t lo, uint64_t hi)
{
    uint16_t did = VTD_DESC_DID(lo), head = v->queue.head, at = head;
    VtdRange *range = v->queue.range;
    uint16_t *end = v->queue.end;
    bool leaves = true;
    unsigned n = 0;

    if (VTD_DESC_AM(hi) > VTD_CAP_MAMV_ORDER(v->cap)) {
        return VTD_IQEI_RESERVED;
    }
    do {
        VtdRange pages = vtd_pages_range(v, hi & VTD_PAGE_MASK,
                                         VTD_DESC_AM(hi));

        if (n && pages.first && pages.first == range[n - 1].last + 1) {
            range[n - 1].last = pages.last;
        } else if (n < VTD_PAGES_TOGETHER) {
            range[n++] = pages;
        } else {
            break;
        }
        trace_vtd_inv_desc_iotlb_pages(did, hi & VTD_PAGE_MASK,
                                       VTD_DESC_AM(hi));
        leaves &= !!(hi & VTD_IVA_IH);
        end[n - 1] = at;
        at = vtd_queue_next(v, at);
    } while (vtd_queue_is_like(v, at, lo, &hi));
    n = vtd_invalidate_iotlb_pages(v, did, range, n, leaves);
    v->queue.head = end[n - 1];
    v->queue.steps += n - 1;
    vtd_count_bql(v, VTD_STAT_INV_IOTLB_PAGE,
                  (end[n - 1] + v->queue.entries - head) %
                  v->queue.entries + 1);
    return 0;
}

static unsigned vtd_run_iotlb(Vtd *v, uint64_t lo, uint64_t hi)
{
    switch (VTD_DESC_G(lo)) {
    case VTD_GRANULARITY_GLOBAL:
        vtd_invalidate_iotlb_global(v);
        return 0;
    case VTD_GRANULARITY_DOMAIN:
        vtd_invalidate_iotlb_domain(v, VTD_DESC_DID(lo));
        return 0;
    case VTD_GRANULARITY_SELECT:
        return vtd_run_pages(v, lo, hi);
    default:
        return VTD_IQEI_RESERVED;
    }
}

static unsigned vtd_run_device_tlb(Vtd *v, uint64_t lo, uint64_t hi)
{
    vtd_invalidate_device_tlb(v, VTD_DESC_SID(lo), hi & VTD_PAGE_MASK,
                              hi & VTD_DESC_DEVICE_S);
    return 0;
}

static unsigned vtd_run_pasid_iotlb(Vtd *v, uint64_t lo, uint64_t hi)
{
    switch (VTD_DESC_G(lo)) {
    case VTD_GRANULARITY_DOMAIN:
        vtd_invalidate_pasid_iotlb(v, VTD_DESC_DID(lo), VTD_DESC_PASID(lo));
        return 0;
    case VTD_GRANULARITY_SELECT:
        if (VTD_DESC_AM(hi) > VTD_CAP_MAMV_ORDER(v->cap)) {
            return VTD_IQEI_RESERVED;
        }
        vtd_invalidate_pasid_iotlb_pages(v, VTD_DESC_DID(lo),
                                         VTD_DESC_PASID(lo),
                                         hi & VTD_PAGE_MASK, VTD_DESC_AM(hi),
                                         hi & VTD_IVA_IH);
        return 0;
    default:
        return VTD_IQEI_RESERVED;
    }
}

static unsigned vtd_run_pasid_cache(Vtd *v, uint64_t lo, uint64_t hi)
{
    switch (VTD_DESC_G(lo)) {
    case VTD_PASID_CACHE_DOMAIN:
        vtd_invalidate_pasid_cache_domain(v, VTD_DESC_DID(lo));
        return 0;
    case VTD_PASID_CACHE_SELECT:
        vtd_invalidate_pasid_cache_pasid(v, VTD_DESC_DID(lo),
                                         VTD_DESC_PASID(lo));
        return 0;
    case VTD_PASID_CACHE_GLOBAL:
        vtd_invalidate_pasid_cache_global(v);
        return 0;
    default:
        return VTD_IQEI_RESERVED;
    }
}

/*
 * Caches in devices that are filled for a PASID: no device has such, and what
 * listens to those of requests without one is not to hear of them.
 */
static unsigned vtd_run_pasid_device_tlb(Vtd *v, uint64_t lo, uint64_t hi)
{
    vtd_count(v, VTD_STAT_INV_DEVICE_TLB);
    return 0;
}

static unsigned vtd_run_iec(Vtd *v, uint64_t lo, uint64_t hi)
{
    if (!(lo & VTD_DESC_IEC_G)) {
        vtd_invalidate_iec_global(v);
    } else if (VTD_DESC_IEC_IM(lo) > VTD_MHMV) {
        return VTD_IQEI_RESERVED;
    } else {
        vtd_invalidate_iec_index(v, VTD_DESC_IEC_IIDX(lo),
                                 VTD_DESC_IEC_IM(lo));
    }
    return 0;
}

static unsigned vtd_run_wait(Vtd *v, uint64_t lo, uint64_t hi)
{
    if (!vtd_drain(v)) {
        return QUEUE_DRAINING;
    }
    vtd_count_bql(v, VTD_STAT_INV_WAIT, 1);
    vtd_iec_notify(v);
    if (lo & VTD_DESC_WAIT_SW) {
        uint32_t data = GUINT32_TO_LE(VTD_DESC_WAIT_DATA(lo));
        uint64_t addr = VTD_DESC_WAIT_ADDR(hi);

        trace_vtd_inv_desc_wait_sw(addr, VTD_DESC_WAIT_DATA(lo));
        if (!v->ops->write(v->opaque, addr, &data, sizeof(data))) {
            trace_vtd_inv_desc_wait_write_fail(hi, lo);
            vtd_log_status(v, lo, hi);
            return VTD_IQEI_NO_CODE;
        }
    }
    if (lo & VTD_DESC_WAIT_IF) {
        vtd_completion_raise(v);
    }
    return 0;
}

static const VtdDescriptor vtd_descriptors[] = {
    [VTD_DESC_CONTEXT] = {
        "context-cache", 0, false,
        VTD_MASK(8, 6) | VTD_MASK(15, 12) | VTD_MASK(63, 50), ~0ull,
        vtd_run_context },
    [VTD_DESC_IOTLB] = {
        "iotlb", 0, false,
        VTD_BIT(8) | VTD_MASK(15, 12) | VTD_MASK(63, 32), IOTLB_HI_RESERVED,
        vtd_run_iotlb },
    [VTD_DESC_DEVICE_TLB] = {
        "device-tlb", VTD_ECAP_DT, false,
        /* PFSID as well, which needs ECAP.DIT */
        VTD_MASK(8, 4) | VTD_MASK(15, 12) | VTD_MASK(31, 21) |
        VTD_MASK(63, 48),
        VTD_MASK(11, 1), vtd_run_device_tlb },
    [VTD_DESC_IEC] = {
        "iec", VTD_ECAP_IR, false,
        VTD_MASK(8, 5) | VTD_MASK(26, 12) | VTD_MASK(63, 48), ~0ull,
        vtd_run_iec },
    [VTD_DESC_WAIT] = {
        "wait", 0, false,
        VTD_MASK(8, 7) | VTD_MASK(31, 12), VTD_MASK(1, 0), vtd_run_wait },
    [VTD_DESC_PASID_IOTLB] = {
        "pasid-iotlb", VTD_ECAP_SMTS, true,
        VTD_MASK(8, 6) | VTD_MASK(15, 12) | VTD_MASK(63, 52),
        VTD_MASK(11, 7), vtd_run_pasid_iotlb },
    [VTD_DESC_PASID_CACHE] = {
        "pasid-cache", VTD_ECAP_SMTS, true,
        VTD_MASK(8, 6) | VTD_MASK(15, 12) | VTD_MASK(63, 52), ~0ull,
        vtd_run_pasid_cache },
    [VTD_DESC_PASID_DEVICE_TLB] = {
        "pasid-device-tlb", VTD_ECAP_SMTS | VTD_ECAP_DT, true,
        /* PFSID as well, as above */
        VTD_MASK(15, 12) | VTD_MASK(63, 52), VTD_MASK(10, 1),
        vtd_run_pasid_device_tlb },
};

/* Whether descriptors have the width that the mode wants (1.12, 7.6) */
static unsigned vtd_queue_width_error(Vtd *v)
{
    unsigned ttm = vtd_contexts_ttm(v);

    if (v->queue.too_wide) {
        return VTD_IQEI_WIDTH;
    }
    if (v->config.scalable_mode && ttm != VTD_TTM_LEGACY) {
        return ttm == VTD_TTM_SCALABLE ? v->queue.wide ? 0 : VTD_IQEI_WIDTH :
               ttm == VTD_TTM_ABORT && v->config.abort_dma ? 0
                                                           : VTD_IQEI_TTM;
    }
    return 0;
}

/*
 * Carry out the descriptor at the head, which goes to @read.  0, or what to
 * put into IQERCD.IQEI.
 */
static unsigned vtd_queue_step(Vtd *v, VtdDescriptorRead *read)
{
    const VtdDescriptor *row;
    const uint64_t *entry = read->entry;
    uint64_t lo, hi, type;
    unsigned error = vtd_queue_width_error(v);

    if (error) {
        return error;
    }
    if (!vtd_queue_fetch(v, read->entry)) {
        return VTD_IQEI_FETCH;
    }
    lo = entry[0];
    hi = entry[1];
    type = VTD_DESC_TYPE(lo);
    row = type < G_N_ELEMENTS(vtd_descriptors) ? &vtd_descriptors[type]
                                               : NULL;
    if (!row || !row->run || (v->ecap & row->needs) != row->needs ||
        (row->scalable && !vtd_scalable(v))) {
        trace_vtd_inv_desc("invalid", hi, lo);
        return VTD_IQEI_TYPE;
    }
    trace_vtd_inv_desc(row->name, hi, lo);
    if ((lo & row->lo_reserved) || (hi & row->hi_reserved) ||
        entry[2] || entry[3]) {
        read->reserved = true;
        return VTD_IQEI_RESERVED;
    }
    error = row->run(v, lo, hi);
    if (!error) {
        v->queue.last_type = type;
    }
    return error;
}

static void vtd_queue_error(Vtd *v, unsigned iqei)
{
    v->queue.ahead.valid = false;       /* software may replace it */
    vtd_iec_notify(v);
    vtd_count(v, VTD_STAT_INV_ERRORS);
    trace_vtd_inv_qi_error(iqei, v->queue.head);
    vtd_reg64_change(v, VTD_REG_IQERCD, VTD_MASK(3, 0),
                     iqei & VTD_MASK(3, 0));
    vtd_fault_status(v, VTD_FSTS_IQE);
    v->ops->queue_stopped(v->opaque);
}

static void vtd_queue_show_head(Vtd *v)
{
    vtd_reg64_change(v, VTD_REG_IQH, ~0ull,
                     VTD_IQ_OFFSET(v->queue.head, v->queue.wide));
}

static void vtd_queue_set_head(Vtd *v, uint16_t head)
{
    v->queue.head = head;
    trace_vtd_inv_qi_head(head);
}

/* As far as it goes; @read and what is returned as of vtd_queue_step() */
static unsigned vtd_queue_steps(Vtd *v, VtdDescriptorRead *read)
{
    while (v->queue.head != v->queue.tail) {
        unsigned error = vtd_queue_step(v, read);

        if (error) {
            return error == QUEUE_DRAINING ? 0 : error;
        }
        if (vtd_spaces_pending(v)) {
            v->queue.held = true;
            return 0;
        }
        vtd_queue_set_head(v, vtd_queue_next(v, v->queue.head));
        if (++v->queue.steps >= STEPS_PER_LOOK) {
            v->queue.steps = 0;
            if (vtd_piece_over(v)) {
                vtd_piece_schedule(v);
                return 0;
            }
        }
    }
    return 0;
}

static void vtd_queue_run_to_tail(Vtd *v)
{
    VtdDescriptorRead read = { 0 };
    uint64_t iqt, iqercd;
    uint32_t tail, fsts;
    unsigned error;

    qemu_mutex_lock(&v->lock);
    iqt = vtd_reg64_locked(v, VTD_REG_IQT);
    iqercd = vtd_reg64_locked(v, VTD_REG_IQERCD);
    fsts = vtd_reg32_locked(v, VTD_REG_FSTS);
    qemu_mutex_unlock(&v->lock);
    tail = VTD_IQT_INDEX(iqt, v->queue.wide);
    trace_vtd_inv_qi_tail(tail);
    if (!v->queue.enabled || (fsts & VTD_FSTS_IQE) ||
        vtd_spaces_pending(v) || v->drain.waiting) {
        return;
    }
    if (v->queue.held) {
        v->queue.held = false;
        vtd_queue_set_head(v, vtd_queue_next(v, v->queue.head));
        vtd_queue_show_head(v);
    }
    if (iqercd) {
        vtd_reg64_change(v, VTD_REG_IQERCD, VTD_MASK(3, 0), 0);
    }
    if (tail >= v->queue.entries) {
        trace_vtd_warn_invalid_qi_tail(tail);
        vtd_log_tail(v, tail);
        vtd_queue_error(v, VTD_IQEI_TAIL);
        return;
    }
    if (v->queue.wide && (iqt & VTD_IQT_ODD)) {
        vtd_log_tail(v, tail);
        vtd_queue_error(v, VTD_IQEI_ALIGN);
        return;
    }
    v->queue.tail = tail;
    vtd_rams_keep(v, true);
    v->rams.queue = vtd_ram_data(v, v->queue.base,
                                 VTD_IQ_OFFSET(v->queue.entries,
                                               v->queue.wide));
    error = vtd_queue_steps(v, &read);
    vtd_rams_keep(v, false);
    /* Software reads the head under the BQL, which this run has held */
    vtd_queue_show_head(v);
    if (error) {
        vtd_log_descriptor(v, error, &read);
        vtd_queue_error(v, error);
    }
}

void vtd_queue_run(Vtd *v)
{
    vtd_queue_run_to_tail(v);
    vtd_iec_notify(v);
}

bool vtd_queue_takes_wide(const Vtd *v)
{
    return v->ecap & (VTD_ECAP_SMTS | VTD_ECAP_ADMS);
}

static void vtd_queue_set_width(Vtd *v, uint64_t iqa)
{
    bool supported = vtd_queue_takes_wide(v);

    v->queue.wide = (iqa & VTD_IQA_DW) && supported;
    v->queue.too_wide = (iqa & VTD_IQA_DW) && !supported;
}

void vtd_queue_enable(Vtd *v, bool enable)
{
    uint64_t iqa = vtd_reg64(v, VTD_REG_IQA);

    trace_vtd_inv_qi_enable(enable);
    v->queue.enabled = enable;
    v->queue.held = false;
    v->queue.ahead.valid = false;
    vtd_queue_set_width(v, iqa);
    vtd_queue_set_head(v, 0);
    vtd_queue_show_head(v);
    if (!enable) {
        /* The other way out of an error (7.6) */
        vtd_reg32_change(v, VTD_REG_FSTS, VTD_FSTS_IQE, 0);
        vtd_fault_written(v);
        return;
    }
    v->queue.base = iqa & VTD_PAGE_MASK;
    v->queue.entries = 1u << (VTD_IQA_QS(iqa) + 8 - v->queue.wide);
    trace_vtd_inv_qi_setup(v->queue.base, v->queue.entries);
    vtd_queue_run(v);
}

void vtd_queue_reset(Vtd *v)
{
    memset(&v->queue, 0, sizeof(v->queue));
}

void vtd_queue_save(Vtd *v, VtdSaved *saved)
{
    saved->iq = v->queue.base & v->haw_mask;
    saved->iq_size = v->queue.entries;
    saved->iq_head = v->queue.head;
    saved->iq_tail = VTD_IQT_INDEX(vtd_reg64(v, VTD_REG_IQT),
                                   v->queue.wide);
    saved->iq_last_desc_type = v->queue.last_type;
    saved->qi_enabled = v->queue.enabled;
}

void vtd_queue_load(Vtd *v, const VtdSaved *saved)
{
    uint64_t iq = vtd_saved_latched(v, saved->iq, VTD_REG_IQA, VTD_IQA_DW);

    v->queue = (VtdQueue) {
        .enabled = saved->qi_enabled,
        .base = iq & VTD_PAGE_MASK,
        .entries = saved->iq_size,
        .head = saved->iq_head,
        .last_type = saved->iq_last_desc_type,
    };
    vtd_queue_set_width(v, iq);
}
