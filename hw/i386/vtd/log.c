/*
 * Intel VT-d engine: what users are told of a guest's mistakes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the lines, and that each cause has one when it is first seen, later
 * ones only if the embedder wants more.  Scripts look for the messages of QEMU
 * 10.0's own device: where it has one, the line is the same, its prefix with
 * the name of a function too.  Any thread, no lock: Vtd.logged is atomic.
 */

#include "qemu/osdep.h"
#include "internal.h"

/* Causes, each with a first line: reasons of faults, and behind them others */
typedef enum VtdCause {
    VTD_CAUSE_DMA = VTD_FAULT_NONE,             /* any fault of DMA */
    VTD_CAUSE_DESCRIPTOR = VTD_FAULT_RTADDR + 1,        /* + its type */
    VTD_CAUSE_TYPE = VTD_CAUSE_DESCRIPTOR + VTD_DESC_PASID_DEVICE_TLB + 1,
    VTD_CAUSE_FETCH,
    VTD_CAUSE_TAIL,
    VTD_CAUSE_WIDTH,
    VTD_CAUSE_STATUS,
    VTD_CAUSE_REGISTER,
    VTD_CAUSE_END,
} VtdCause;

QEMU_BUILD_BUG_ON(VTD_CAUSE_END > VTD_LOG_CAUSES);
QEMU_BUILD_BUG_ON(VTD_LOG_CAUSES > 64);         /* bits of Vtd.logged */

static bool vtd_log_first(Vtd *v, unsigned cause)
{
    uint64_t bit = VTD_BIT(cause);

    return !(qatomic_read(&v->logged) & bit) &&
           !(qatomic_fetch_or(&v->logged, bit) & bit);
}

static void G_GNUC_PRINTF(3, 4) vtd_log(Vtd *v, unsigned cause,
                                        const char *fmt, ...)
{
    bool first = vtd_log_first(v, cause);
    char *line;
    va_list ap;

    if (!first && !v->ops->log_more(v->opaque, cause)) {
        return;
    }
    va_start(ap, fmt);
    line = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    v->ops->log(v->opaque, first, line);
    g_free(line);
}

/* Reason 0x3: the context entry is wrong, or its top table cannot be read */
static void vtd_log_context(Vtd *v, const VtdFault *fault)
{
    bool walked = fault->level;
    unsigned tt = walked ? VTD_TT_TABLES : VTD_CONTEXT_TT(fault->lo);
    unsigned aw = VTD_CONTEXT_AW(fault->hi);

    if (!walked && !(v->cap & VTD_CAP_SAGAW_OF(aw))) {
        vtd_log(v, fault->reason, "vtd_dev_to_context_entry: invalid context "
                "entry: hi=%" PRIx64 ", lo=%" PRIx64 " (level %u not "
                "supported)", fault->hi, fault->lo, aw + 2);
    } else if (tt == VTD_TT_DEVICE_TLB && !v->config.device_iotlb) {
        vtd_log(v, fault->reason,
                "vtd_ce_type_check: DT specified but not supported");
    } else if (tt == VTD_TT_PASS_THROUGH && !v->config.pass_through) {
        vtd_log(v, fault->reason,
                "vtd_ce_type_check: PT specified but not supported");
    } else if (tt > VTD_TT_PASS_THROUGH) {
        vtd_log(v, fault->reason, "vtd_ce_type_check: unknown ce type: %u",
                tt << 2);
    } else {
        vtd_log(v, fault->reason, "vtd_iova_to_slpte: detected read error on "
                "DMAR slpte (iova=0x%" PRIx64 ", pasid=0xffffffff)",
                fault->addr);
    }
}

static void vtd_log_source(Vtd *v, const VtdFault *fault, unsigned index)
{
    unsigned named = VTD_IRTE_SID(fault->hi);

    switch (VTD_IRTE_SVT(fault->hi)) {
    case VTD_SVT_SID:
        vtd_log(v, fault->reason, "vtd_irte_get: invalid IRTE SID (index=%u, "
                "sid=%u, source_id=%u)", index, fault->sid, named);
        break;
    case VTD_SVT_BUS:
        vtd_log(v, fault->reason, "vtd_irte_get: invalid SVT_BUS (index=%u, "
                "bus=%u, min=%u, max=%u)", index, fault->sid >> 8, named >> 8,
                named & 0xff);
        break;
    default:
        vtd_log(v, fault->reason, "vtd_irte_get: detected invalid IRTE SVT "
                "(index=%u, type=%u)", index,
                (unsigned)VTD_IRTE_SVT(fault->hi));
    }
}

/* A line for a reason; for one that has none, VTD_CAUSE_DMA's is enough */
static void vtd_log_reason(Vtd *v, const VtdFault *fault)
{
    unsigned index = fault->info >> 48;         /* of an interrupt entry */
    uint64_t table = qatomic_load_acquire(&v->interrupts.irta) & VTD_PAGE_MASK;

    switch (fault->reason) {
    case VTD_FAULT_ROOT_RESERVED:
        vtd_log(v, fault->reason, "vtd_root_entry_rsvd_bits_check: invalid "
                "root entry: hi=0x%" PRIx64 ", lo=0x%" PRIx64,
                fault->hi, fault->lo);
        break;
    case VTD_FAULT_CONTEXT_RESERVED:
        vtd_log(v, fault->reason, "vtd_context_entry_rsvd_bits_check: "
                "invalid context entry: hi=%" PRIx64 ", lo=%" PRIx64
                " (reserved nonzero)", fault->hi, fault->lo);
        break;
    case VTD_FAULT_CONTEXT_INVALID:
        vtd_log_context(v, fault);
        break;
    case VTD_FAULT_ADDRESS:
        vtd_log(v, fault->reason, "vtd_iova_to_slpte: detected IOVA overflow "
                "(iova=0x%" PRIx64 ",pasid=0xffffffff)", fault->addr);
        break;
    case VTD_FAULT_WRITE:
    case VTD_FAULT_READ:
        vtd_log(v, fault->reason, "vtd_iova_to_slpte: detected slpte "
                "permission error (iova=0x%" PRIx64 ", level=0x%x, slpte=0x%"
                PRIx64 ", write=%d, pasid=0xffffffff)", fault->addr,
                fault->level, fault->lo, !fault->read);
        break;
    case VTD_FAULT_TABLE_ACCESS:
        vtd_log(v, fault->reason, "vtd_iova_to_slpte: detected read error on "
                "DMAR slpte (iova=0x%" PRIx64 ", pasid=0xffffffff)",
                fault->addr);
        break;
    case VTD_FAULT_TABLE_RESERVED:
        vtd_log(v, fault->reason, "vtd_iova_to_slpte: detected splte reserve "
                "non-zero iova=0x%" PRIx64 ", level=0x%xslpte=0x%" PRIx64
                ", pasid=0xFFFFFFFF)", fault->addr, fault->level, fault->lo);
        break;
    case VTD_FAULT_OUTPUT:
        vtd_log(v, fault->reason, "vtd_do_iommu_translate: xlat address is "
                "in interrupt range (iova=0x%" PRIx64 ", level=0x%x, pte=0x%"
                PRIx64 ", write=%d, xlat=0x%" PRIx64 ", size=0x%" PRIx64
                ", pasid=0xffffffff)", fault->addr, fault->level, fault->lo,
                !fault->read, fault->lo & v->haw_mask,
                vtd_level_mask(fault->level) + 1);
        break;
    case VTD_FAULT_IR_REQUEST_RESERVED:
    case VTD_FAULT_IR_COMPATIBILITY:
        vtd_log(v, fault->reason, "vtd_interrupt_remap_msi: invalid IR MSI "
                "(sid=%u, address=0x%" PRIx64 ", data=0x%x)", fault->sid,
                fault->addr, fault->data);
        break;
    case VTD_FAULT_IR_INDEX:
        vtd_log(v, fault->reason, "vtd_irte_get: index too large: ind=0x%x",
                index);
        break;
    case VTD_FAULT_IR_NOT_PRESENT:
        vtd_log(v, fault->reason, "vtd_irte_get: detected non-present IRTE "
                "(index=%u, high=0x%" PRIx64 ", low=0x%" PRIx64 ")", index,
                fault->hi, fault->lo);
        break;
    case VTD_FAULT_IR_ACCESS:
        vtd_log(v, fault->reason, "vtd_irte_get: read failed: ind=0x%x "
                "addr=0x%" PRIx64, index,
                table + index * VTD_IRTE_BYTES);
        break;
    case VTD_FAULT_IR_RESERVED:
        vtd_log(v, fault->reason, "vtd_irte_get: detected non-zero reserved "
                "IRTE (index=%u, high=0x%" PRIx64 ", low=0x%" PRIx64 ")",
                index, fault->hi, fault->lo);
        break;
    case VTD_FAULT_IR_SOURCE:
        vtd_log_source(v, fault, index);
        break;
    default:
        break;
    }
}

void vtd_log_fault(Vtd *v, const VtdFault *fault)
{
    vtd_log_reason(v, fault);
    if (!vtd_fault_of_interrupt(fault->reason)) {
        vtd_log(v, VTD_CAUSE_DMA, "vtd_iommu_translate: detected translation "
                "failure (dev=%02x:%02x:%02x, iova=0x%" PRIx64 ")",
                fault->sid >> 8, (unsigned)VTD_BITS(fault->sid, 7, 3),
                (unsigned)VTD_BITS(fault->sid, 2, 0), fault->addr);
    }
}

static void vtd_log_reserved(Vtd *v, uint64_t lo, uint64_t hi)
{
    static const char *const words[] = {
        [VTD_DESC_CONTEXT] = "vtd_process_context_cache_desc: invalid cc inv",
        [VTD_DESC_IOTLB] = "vtd_process_iotlb_desc: invalid iotlb inv",
        [VTD_DESC_DEVICE_TLB] =
            "vtd_process_device_iotlb_desc: invalid dev-iotlb inv",
        [VTD_DESC_IEC] = "vtd_process_inv_iec_desc: invalid iec inv",
        [VTD_DESC_WAIT] = "vtd_process_wait_desc: invalid wait",
        [VTD_DESC_PASID_IOTLB] = "invalid PASID-based iotlb inv",
        [VTD_DESC_PASID_CACHE] = "invalid PASID-cache inv",
        [VTD_DESC_PASID_DEVICE_TLB] = "invalid PASID-based dev-iotlb inv",
    };
    unsigned type = VTD_DESC_TYPE(lo), cause = VTD_CAUSE_DESCRIPTOR + type;
    unsigned g = VTD_DESC_G(lo), am = VTD_DESC_AM(hi);

    if (type == VTD_DESC_IOTLB && !g) {
        vtd_log(v, cause, "%s desc: hi=0x%" PRIx64 ", lo=0x%" PRIx64
                " (type mismatch: 0x%x)", words[type], hi, lo, g);
    } else if (type == VTD_DESC_IOTLB && g == VTD_GRANULARITY_SELECT &&
               am > VTD_MAMV) {
        vtd_log(v, cause, "%s desc: hi=0x%" PRIx64 ", lo=0x%" PRIx64
                " (am=%u > VTD_MAMV=%u)", words[type], hi, lo, am, VTD_MAMV);
    } else {
        vtd_log(v, cause, "%s desc: hi=%" PRIx64 ", lo=%" PRIx64 " (%s)",
                words[type], hi, lo, type == VTD_DESC_CONTEXT && !g
                ? "invalid type" : "reserved nonzero");
    }
}

void vtd_log_descriptor(Vtd *v, unsigned iqei, uint64_t lo, uint64_t hi)
{
    switch (iqei) {
    case VTD_IQEI_TYPE:
        vtd_log(v, VTD_CAUSE_TYPE, "vtd_process_inv_desc: invalid inv desc: "
                "hi=%" PRIx64 ", lo=%" PRIx64 " (unknown type)", hi, lo);
        break;
    case VTD_IQEI_RESERVED:
        vtd_log_reserved(v, lo, hi);
        break;
    case VTD_IQEI_FETCH:
        vtd_log(v, VTD_CAUSE_FETCH, "vtd_fetch_inv_desc: the queue is not in "
                "memory (addr=0x%" PRIx64 ", head=0x%x)", v->queue.base,
                v->queue.head);
        break;
    case VTD_IQEI_WIDTH:
        vtd_log(v, VTD_CAUSE_WIDTH, "vtd_fetch_inv_desc: 256-bit descriptors "
                "are wanted in scalable mode, and in no other unit");
        break;
    }
}

void vtd_log_tail(Vtd *v, uint32_t tail)
{
    vtd_log(v, VTD_CAUSE_TAIL, "vtd_fetch_inv_desc: detected invalid QI tail "
            "(tail=0x%x, size=0x%x)", tail, v->queue.entries);
}

void vtd_log_status(Vtd *v, uint64_t lo, uint64_t hi)
{
    vtd_log(v, VTD_CAUSE_STATUS, "vtd_process_wait_desc: the status cannot "
            "be written: hi=%" PRIx64 ", lo=%" PRIx64, hi, lo);
}

void vtd_log_register_invalidation(Vtd *v)
{
    vtd_log(v, VTD_CAUSE_REGISTER, "Queued Invalidation enabled, should not "
            "use register-based invalidation");
}
