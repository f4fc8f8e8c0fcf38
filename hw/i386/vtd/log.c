/*
 * Intel VT-d engine: what users are told of a guest's mistakes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the lines, and that each cause has one when it is first seen, later
 * ones only if the embedder wants more: a few, then their count once a second,
 * so that a guest cannot fill a disk.  Scripts look for the messages of QEMU
 * 10.0's own device: where it has one it is in the line, its prefix with the
 * name of a function too.  Any thread, no lock: VtdLog is atomic; but for
 * vtd_log_held(), which runs under the big lock.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "words.h"

/* Causes, each with lines of its own: reasons of faults, and behind them: */
typedef enum VtdCause {
    VTD_CAUSE_DESCRIPTOR = VTD_REASONS,         /* + its type */
    VTD_CAUSE_TYPE = VTD_CAUSE_DESCRIPTOR + VTD_DESC_PASID_DEVICE_TLB + 1,
    VTD_CAUSE_FETCH,
    VTD_CAUSE_TAIL,
    VTD_CAUSE_WIDTH,
    VTD_CAUSE_STATUS,
    VTD_CAUSE_REGISTER,
    VTD_CAUSE_END,
} VtdCause;

QEMU_BUILD_BUG_ON(VTD_CAUSE_END > VTD_LOG_CAUSES);

/* The lines of one cause that are told before they are counted instead */
#define VTD_LOG_FEW             5

/* In about a second, count what was held back until then */
static void vtd_log_later(Vtd *v)
{
    if (!qatomic_read(&v->log.due) && !qatomic_xchg(&v->log.due, true)) {
        v->ops->log_later(v->opaque);
    }
}

/* Whether to tell of this, and whether it is the first of its cause */
static bool vtd_log_wanted(Vtd *v, unsigned cause, bool *first)
{
    unsigned n;

    *first = !qatomic_read(&v->log.told[cause]) &&
             !qatomic_xchg(&v->log.told[cause], true);
    if (!v->ops->log_more(v->opaque)) {
        return *first;
    }
    n = qatomic_fetch_add(&v->log.lines[cause], 1);
    vtd_log_later(v);
    return *first || n < VTD_LOG_FEW;
}

static void G_GNUC_PRINTF(3, 4) vtd_log(Vtd *v, unsigned cause,
                                        const char *fmt, ...)
{
    bool first;
    char *line;
    va_list ap;

    if (!vtd_log_wanted(v, cause, &first)) {
        return;
    }
    va_start(ap, fmt);
    line = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    v->ops->log(v->opaque, first, VTD_LOG_NO_SID, line);
    g_free(line);
}

static const char *vtd_cause_words(unsigned cause)
{
    static const char *const words[] = {
        [VTD_CAUSE_TYPE] = "descriptors of an unknown type",
        [VTD_CAUSE_FETCH] = "queues that are not in memory",
        [VTD_CAUSE_TAIL] = "tails beyond the queue",
        [VTD_CAUSE_WIDTH] = "descriptors of the other width",
        [VTD_CAUSE_STATUS] = "statuses that cannot be written",
        [VTD_CAUSE_REGISTER] = "invalidations by register",
    };

    return cause < VTD_CAUSE_TYPE ? "invalid descriptors" : words[cause];
}

/*
 * Of a cause that was held back nothing but the count is told from then on,
 * until a second goes by without it.
 */
void vtd_log_held(Vtd *v)
{
    bool again = false;

    qatomic_store_release(&v->log.due, false);
    for (unsigned cause = 0; cause < VTD_CAUSE_END; cause++) {
        unsigned lines = qatomic_read(&v->log.lines[cause]);
        unsigned held = lines > VTD_LOG_FEW ? lines - VTD_LOG_FEW : 0;
        g_autofree char *line = NULL;

        if (!lines) {
            continue;
        }
        qatomic_fetch_add(&v->log.lines[cause], -(held ?: lines));
        if (!held) {
            continue;
        }
        again = true;
        if (cause < VTD_REASONS) {
            line = g_strdup_printf("vtd: %u more faults of reason 0x%x: %s",
                                   held, cause, vtd_reason_words(cause));
        } else {
            line = g_strdup_printf("vtd: %u more %s", held,
                                   vtd_cause_words(cause));
        }
        v->ops->log(v->opaque, false, VTD_LOG_NO_SID, line);
    }
    if (again) {
        vtd_log_later(v);
    }
}

/* Reason 0x3: the context entry is wrong, or its top table cannot be read */
static char *vtd_detail_context(Vtd *v, const VtdFault *fault)
{
    bool walked = fault->level;
    unsigned tt = walked ? VTD_TT_TABLES : VTD_CONTEXT_TT(fault->lo);
    unsigned aw = VTD_CONTEXT_AW(fault->hi);

    if (!walked && !(v->cap & VTD_CAP_SAGAW_OF(aw))) {
        return g_strdup_printf("vtd_dev_to_context_entry: invalid context "
                               "entry: hi=%" PRIx64 ", lo=%" PRIx64
                               " (level %u not supported)", fault->hi,
                               fault->lo, aw + 2);
    }
    if (tt == VTD_TT_DEVICE_TLB && !v->config.device_iotlb) {
        return g_strdup("vtd_ce_type_check: DT specified but not supported");
    }
    if (tt == VTD_TT_PASS_THROUGH && !v->config.pass_through) {
        return g_strdup("vtd_ce_type_check: PT specified but not supported");
    }
    if (tt > VTD_TT_PASS_THROUGH) {
        return g_strdup_printf("vtd_ce_type_check: unknown ce type: %u",
                               tt << 2);
    }
    return g_strdup_printf("vtd_iova_to_slpte: detected read error on "
                           "DMAR slpte (iova=0x%" PRIx64
                           ", pasid=0xffffffff)", fault->addr);
}

static char *vtd_detail_source(const VtdFault *fault, unsigned index)
{
    unsigned named = VTD_IRTE_SID(fault->hi);

    switch (VTD_IRTE_SVT(fault->hi)) {
    case VTD_SVT_SID:
        return g_strdup_printf("vtd_irte_get: invalid IRTE SID (index=%u, "
                               "sid=%u, source_id=%u)", index, fault->sid,
                               named);
    case VTD_SVT_BUS:
        return g_strdup_printf("vtd_irte_get: invalid SVT_BUS (index=%u, "
                               "bus=%u, min=%u, max=%u)", index,
                               fault->sid >> 8, named >> 8, named & 0xff);
    default:
        return g_strdup_printf("vtd_irte_get: detected invalid IRTE SVT "
                               "(index=%u, type=%u)", index,
                               (unsigned)VTD_IRTE_SVT(fault->hi));
    }
}

/* What QEMU 10.0's own device says of an interrupt fault */
static char *vtd_detail_interrupt(Vtd *v, const VtdFault *fault)
{
    unsigned index = fault->info >> 48;
    uint64_t table = qatomic_load_acquire(&v->interrupts.irta) & VTD_PAGE_MASK;

    switch (fault->reason) {
    case VTD_FAULT_IR_INDEX:
        return g_strdup_printf("vtd_irte_get: index too large: ind=0x%x",
                               index);
    case VTD_FAULT_IR_NOT_PRESENT:
        return g_strdup_printf("vtd_irte_get: detected non-present IRTE "
                               "(index=%u, high=0x%" PRIx64 ", low=0x%" PRIx64
                               ")", index, fault->hi, fault->lo);
    case VTD_FAULT_IR_ACCESS:
        return g_strdup_printf("vtd_irte_get: read failed: ind=0x%x "
                               "addr=0x%" PRIx64, index,
                               table + index * VTD_IRTE_BYTES);
    case VTD_FAULT_IR_RESERVED:
        return g_strdup_printf("vtd_irte_get: detected non-zero reserved "
                               "IRTE (index=%u, high=0x%" PRIx64 ", low=0x%"
                               PRIx64 ")", index, fault->hi, fault->lo);
    case VTD_FAULT_IR_SOURCE:
        return vtd_detail_source(fault, index);
    default:
        return g_strdup_printf("vtd_interrupt_remap_msi: invalid IR MSI "
                               "(sid=%u, address=0x%" PRIx64 ", data=0x%x)",
                               fault->sid, fault->addr, fault->data);
    }
}

/* The same of DMA in legacy mode; NULL where that has no other line */
static char *vtd_detail_dma(Vtd *v, const VtdFault *fault)
{
    switch (fault->reason) {
    case VTD_FAULT_ROOT_RESERVED:
        return g_strdup_printf("vtd_root_entry_rsvd_bits_check: invalid "
                               "root entry: hi=0x%" PRIx64 ", lo=0x%" PRIx64,
                               fault->hi, fault->lo);
    case VTD_FAULT_CONTEXT_RESERVED:
        return g_strdup_printf("vtd_context_entry_rsvd_bits_check: "
                               "invalid context entry: hi=%" PRIx64 ", lo=%"
                               PRIx64 " (reserved nonzero)",
                               fault->hi, fault->lo);
    case VTD_FAULT_CONTEXT_INVALID:
        return vtd_detail_context(v, fault);
    case VTD_FAULT_ADDRESS:
        return g_strdup_printf("vtd_iova_to_slpte: detected IOVA overflow "
                               "(iova=0x%" PRIx64 ",pasid=0xffffffff)",
                               fault->addr);
    case VTD_FAULT_WRITE:
    case VTD_FAULT_READ:
        return g_strdup_printf("vtd_iova_to_slpte: detected slpte "
                               "permission error (iova=0x%" PRIx64
                               ", level=0x%x, slpte=0x%" PRIx64
                               ", write=%d, pasid=0xffffffff)", fault->addr,
                               fault->level, fault->lo, !fault->read);
    case VTD_FAULT_TABLE_ACCESS:
        return g_strdup_printf("vtd_iova_to_slpte: detected read error on "
                               "DMAR slpte (iova=0x%" PRIx64
                               ", pasid=0xffffffff)", fault->addr);
    case VTD_FAULT_TABLE_RESERVED:
        return g_strdup_printf("vtd_iova_to_slpte: detected splte reserve "
                               "non-zero iova=0x%" PRIx64
                               ", level=0x%xslpte=0x%" PRIx64
                               ", pasid=0xFFFFFFFF)", fault->addr,
                               fault->level, fault->lo);
    case VTD_FAULT_OUTPUT:
        return g_strdup_printf("vtd_do_iommu_translate: xlat address is "
                               "in interrupt range (iova=0x%" PRIx64
                               ", level=0x%x, pte=0x%" PRIx64 ", write=%d, "
                               "xlat=0x%" PRIx64 ", size=0x%" PRIx64
                               ", pasid=0xffffffff)", fault->addr,
                               fault->level, fault->lo, !fault->read,
                               fault->lo & v->haw_mask,
                               vtd_level_mask(fault->level) + 1);
    default:
        return NULL;
    }
}

/* Where the walk stopped, and what it read there */
static void vtd_line_place(GString *line, const VtdFault *fault)
{
    const char *place = vtd_reason_place(fault->reason);

    if (fault->level) {
        g_string_append_printf(line, ", stopped at level %u", fault->level);
        /* The top table of a context that was cached is gone since then */
        if (!vtd_reason_unread(fault->reason) &&
            fault->reason != VTD_FAULT_CONTEXT_INVALID) {
            g_string_append_printf(line, ", entry 0x%" PRIx64, fault->lo);
        }
    } else if (place) {
        g_string_append_printf(line, ", stopped at the %s", place);
        if (!vtd_reason_unread(fault->reason)) {
            g_string_append_printf(line, ", hi=0x%" PRIx64 ", lo=0x%" PRIx64,
                                   fault->hi, fault->lo);
        }
    }
}

static char *vtd_line_dma(Vtd *v, const VtdFault *fault)
{
    g_autofree char *detail = vtd_detail_dma(v, fault);
    GString *line = g_string_new(NULL);

    g_string_printf(line, "vtd_iommu_translate: detected translation "
                    "failure (dev=%02x:%02x:%02x, iova=0x%" PRIx64 "): ",
                    fault->sid >> 8, (unsigned)VTD_BITS(fault->sid, 7, 3),
                    (unsigned)VTD_BITS(fault->sid, 2, 0), fault->addr);
    if (fault->pasid != VTD_NO_PASID) {
        g_string_append_printf(line, "pasid=0x%x%s, ", fault->pasid,
                               fault->supervisor ? ", privileged" : "");
    }
    g_string_append_printf(line, "%s, reason 0x%x: %s",
                           fault->read ? "read" : "write", fault->reason,
                           vtd_reason_words(fault->reason));
    vtd_line_place(line, fault);
    if (detail) {
        g_string_append_printf(line, "; %s", detail);
    }
    return g_string_free(line, FALSE);
}

static char *vtd_line_interrupt(Vtd *v, const VtdFault *fault)
{
    g_autofree char *detail = vtd_detail_interrupt(v, fault);

    return g_strdup_printf("%s: dev=%02x:%02x:%02x, interrupt, reason 0x%x: "
                           "%s", detail, fault->sid >> 8,
                           (unsigned)VTD_BITS(fault->sid, 7, 3),
                           (unsigned)VTD_BITS(fault->sid, 2, 0),
                           fault->reason, vtd_reason_words(fault->reason));
}

void vtd_log_fault(Vtd *v, const VtdFault *fault)
{
    g_autofree char *line = NULL;
    bool first;

    if (vtd_log_wanted(v, fault->reason, &first)) {
        line = vtd_fault_of_interrupt(fault->reason)
               ? vtd_line_interrupt(v, fault) : vtd_line_dma(v, fault);
        v->ops->log(v->opaque, first, fault->sid, line);
    }
}

static const char *vtd_descriptor_words(unsigned type)
{
    static const char *const words[] = {
        [VTD_DESC_CONTEXT] = "vtd_process_context_cache_desc: invalid cc inv",
        [VTD_DESC_IOTLB] = "vtd_process_iotlb_desc: invalid iotlb inv",
        [VTD_DESC_DEVICE_TLB] =
            "vtd_process_device_iotlb_desc: invalid dev-iotlb inv",
        [VTD_DESC_IEC] = "vtd_process_inv_iec_desc: invalid iec inv",
        [VTD_DESC_WAIT] = "vtd_process_wait_desc: invalid wait",
        [VTD_DESC_PASID_IOTLB] = "vtd_process_piotlb_desc: invalid piotlb inv",
        [VTD_DESC_PASID_CACHE] = "invalid PASID-cache inv",
        [VTD_DESC_PASID_DEVICE_TLB] =
            "vtd_process_device_piotlb_desc: invalid device piotlb inv",
    };

    return words[type];
}

/* A reserved bit is set; of descriptors of 256 bits all four words are told */
static void vtd_log_reserved(Vtd *v, const VtdDescriptorRead *read)
{
    const uint64_t *entry = read->entry;
    unsigned type = VTD_DESC_TYPE(entry[0]);
    const char *words = vtd_descriptor_words(type);

    if (v->queue.wide) {
        vtd_log(v, VTD_CAUSE_DESCRIPTOR + type, "%s desc val[3]: 0x%" PRIx64
                " val[2]: 0x%" PRIx64 " val[1]=0x%" PRIx64 " val[0]=0x%"
                PRIx64 " (reserved nonzero)", words, entry[3], entry[2],
                entry[1], entry[0]);
    } else {
        vtd_log(v, VTD_CAUSE_DESCRIPTOR + type, "%s desc: hi=%" PRIx64
                ", lo=%" PRIx64 " (reserved nonzero)", words, entry[1],
                entry[0]);
    }
}

/* A field has a reserved value */
static void vtd_log_value(Vtd *v, const VtdDescriptorRead *read)
{
    uint64_t lo = read->entry[0], hi = read->entry[1];
    unsigned type = VTD_DESC_TYPE(lo), cause = VTD_CAUSE_DESCRIPTOR + type;
    const char *words = vtd_descriptor_words(type);

    if (type == VTD_DESC_CONTEXT) {
        vtd_log(v, cause, "%s desc: hi=%" PRIx64 ", lo=%" PRIx64
                " (invalid type)", words, hi, lo);
    } else if (type == VTD_DESC_IEC) {
        vtd_log(v, cause, "%s desc: hi=0x%" PRIx64 ", lo=0x%" PRIx64
                " (im=%u > VTD_MHMV=%u)", words, hi, lo,
                (unsigned)VTD_DESC_IEC_IM(lo), VTD_MHMV);
    } else if (type != VTD_DESC_PASID_CACHE &&
               VTD_DESC_G(lo) == VTD_GRANULARITY_SELECT) {
        vtd_log(v, cause, "%s desc: hi=0x%" PRIx64 ", lo=0x%" PRIx64
                " (am=%u > VTD_MAMV=%u)", words, hi, lo,
                (unsigned)VTD_DESC_AM(hi),
                (unsigned)VTD_CAP_MAMV_ORDER(v->cap));
    } else {
        vtd_log(v, cause, "%s desc: hi=0x%" PRIx64 ", lo=0x%" PRIx64
                " (type mismatch: 0x%x)", words, hi, lo,
                (unsigned)VTD_DESC_G(lo) << 4);
    }
}

void vtd_log_descriptor(Vtd *v, unsigned iqei, const VtdDescriptorRead *read)
{
    switch (iqei) {
    case VTD_IQEI_TYPE:
        vtd_log(v, VTD_CAUSE_TYPE, "vtd_process_inv_desc: invalid inv desc: "
                "hi=%" PRIx64 ", lo=%" PRIx64 " (unknown type)",
                read->entry[1], read->entry[0]);
        break;
    case VTD_IQEI_RESERVED:
        if (read->reserved) {
            vtd_log_reserved(v, read);
        } else {
            vtd_log_value(v, read);
        }
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
