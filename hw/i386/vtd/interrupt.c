/*
 * Intel VT-d engine: interrupt remapping
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the interrupt remapping table as latched, the decoding of interrupt
 * requests and of the table's entries (8), and the interrupt entry cache:
 * direct-mapped, its slots guarded by VtdInterrupts.lock.  Runs in any thread.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

void vtd_interrupts_init(Vtd *v)
{
    qemu_mutex_init(&v->interrupts.lock);
}

void vtd_interrupts_destroy(Vtd *v)
{
    qemu_mutex_destroy(&v->interrupts.lock);
}

void vtd_interrupts_set_table(Vtd *v, uint64_t irta)
{
    qatomic_store_release(&v->interrupts.irta, irta);
}

void vtd_interrupts_set_remapping(Vtd *v, bool on)
{
    qatomic_store_release(&v->interrupts.remapping, on);
}

void vtd_interrupts_set_compatibility(Vtd *v, bool on)
{
    qatomic_store_release(&v->interrupts.compatibility, on);
}

void vtd_interrupts_reset(Vtd *v)
{
    vtd_interrupts_set_remapping(v, false);
    vtd_interrupts_set_compatibility(v, false);
    vtd_interrupts_set_table(v, 0);
}

void vtd_interrupts_save(Vtd *v, VtdSaved *saved)
{
    uint64_t irta = qatomic_load_acquire(&v->interrupts.irta);

    saved->intr_root = irta & v->haw_mask;
    saved->intr_size = VTD_IRTA_ENTRIES(irta);
    saved->intr_eime = irta & VTD_IRTA_EIME;
    saved->intr_enabled = qatomic_load_acquire(&v->interrupts.remapping);
}

void vtd_interrupts_load(Vtd *v, const VtdSaved *saved)
{
    uint64_t irta = vtd_saved_latched(v, saved->intr_root, VTD_REG_IRTA, 0) &
                    VTD_PAGE_MASK;

    for (uint32_t n = saved->intr_size; n > 2; n >>= 1) {
        irta++;
    }
    irta |= saved->intr_eime ? VTD_IRTA_EIME : 0;
    vtd_interrupts_set_table(v, irta);
    vtd_interrupts_set_compatibility(v, vtd_reg32(v, VTD_REG_GSTS) &
                                        VTD_GCMD_CFI);
    vtd_interrupts_set_remapping(v, saved->intr_enabled);
}

/* A request, and the state of the unit when it came */
typedef struct VtdMessage {
    uint32_t sid;
    uint64_t addr;
    uint32_t data;
    uint64_t epoch;             /* of the cache, read before irta */
    uint64_t irta;
} VtdMessage;

typedef struct VtdIrte {
    uint64_t lo, hi;
    bool cached;
} VtdIrte;

static bool vtd_irte_get(Vtd *v, const VtdMessage *message, uint16_t index,
                         VtdIrte *irte)
{
    const VtdIecSlot *slot = &v->interrupts.slot[index % VTD_IEC_SLOTS];
    uint64_t entry[2];

    qemu_mutex_lock(&v->interrupts.lock);
    *irte = (VtdIrte) {
        .lo = slot->lo,
        .hi = slot->hi,
        .cached = slot->valid && slot->index == index,
    };
    qemu_mutex_unlock(&v->interrupts.lock);
    vtd_count(v, irte->cached ? VTD_STAT_IEC_HITS : VTD_STAT_IEC_MISSES);
    if (irte->cached) {
        return true;
    }

    if (!v->ops->read(v->opaque, (message->irta & VTD_PAGE_MASK) + index *
                      sizeof(entry), entry, sizeof(entry))) {
        return false;
    }
    irte->lo = GUINT64_FROM_LE(entry[0]);
    irte->hi = GUINT64_FROM_LE(entry[1]);
    trace_vtd_ir_irte_get(index, irte->lo, irte->hi);
    return true;
}

/*
 * Cache an entry that passed every check, and no other: software may make
 * one present, or mend it, without an invalidation (7.1).  An entry that was
 * read before an invalidation must not be cached after it, nor one of an older
 * table: the epoch was read before the table's address.
 */
static void vtd_irte_keep(Vtd *v, const VtdMessage *message, uint16_t index,
                          const VtdIrte *irte)
{
    if (irte->cached) {
        return;
    }
    qemu_mutex_lock(&v->interrupts.lock);
    if (qatomic_load_acquire(&v->interrupts.epoch) == message->epoch) {
        v->interrupts.slot[index % VTD_IEC_SLOTS] = (VtdIecSlot) {
            true, index, irte->lo, irte->hi
        };
    }
    qemu_mutex_unlock(&v->interrupts.lock);
}

unsigned vtd_iec_used(Vtd *v)
{
    unsigned used = 0;

    qemu_mutex_lock(&v->interrupts.lock);
    for (unsigned i = 0; i < VTD_IEC_SLOTS; i++) {
        used += v->interrupts.slot[i].valid;
    }
    qemu_mutex_unlock(&v->interrupts.lock);
    return used;
}

void vtd_iec_drop(Vtd *v, uint32_t first, uint32_t last)
{
    qemu_mutex_lock(&v->interrupts.lock);
    qatomic_fetch_add(&v->interrupts.epoch, 1);
    for (unsigned i = 0; i < VTD_IEC_SLOTS; i++) {
        VtdIecSlot *slot = &v->interrupts.slot[i];

        if (slot->index >= first && slot->index <= last) {
            slot->valid = false;
        }
    }
    qemu_mutex_unlock(&v->interrupts.lock);
}

static bool vtd_irte_reserved(const VtdIrte *irte, bool eime)
{
    unsigned mode = VTD_IRTE_DLM(irte->lo);

    return (irte->lo & VTD_IRTE_LO_RESERVED) ||
           (irte->lo & VTD_IRTE_IM) ||          /* no posting (CAP.PI) */
           (!eime && (irte->lo & VTD_IRTE_LO_RESERVED_XAPIC)) ||
           (irte->hi & VTD_IRTE_HI_RESERVED) || mode == 3 || mode == 6;
}

static bool vtd_irte_source_ok(const VtdIrte *irte, uint32_t sid)
{
    uint16_t named = VTD_IRTE_SID(irte->hi);

    if (sid & VTD_SID_UNVERIFIED) {
        return true;
    }
    switch (VTD_IRTE_SVT(irte->hi)) {
    case VTD_SVT_NONE:
        return true;
    case VTD_SVT_SID:
        return !((sid ^ named) & ~vtd_function_mask(VTD_IRTE_SQ(irte->hi)));
    case VTD_SVT_BUS:
        return sid >> 8 >= named >> 8 && sid >> 8 <= (named & 0xff);
    default:
        return false;
    }
}

/* Without a subhandle the data repeats parts of the entry, by an I/O APIC */
static void vtd_trace_request_kind(const VtdMessage *message, uint32_t index,
                                   const VtdInterrupt *out)
{
    bool shv = message->addr & VTD_MSI_SHV;
    unsigned vector = VTD_BITS(message->data, 7, 0);
    unsigned level = VTD_BITS(message->data, 15, 15);

    trace_vtd_ir_remap_type(shv ? "MSI" : "IOAPIC");
    if (!shv && vector != out->vector) {
        trace_vtd_warn_ir_vector(message->sid, index, vector, out->vector);
    }
    if (!shv && level != out->level) {
        trace_vtd_warn_ir_trigger(message->sid, index, level, out->level);
    }
}

/* The reason of a fault, with the entry in @fault, or VTD_FAULT_NONE */
static VtdReason vtd_interrupt_remap(Vtd *v, const VtdMessage *message,
                                     VtdFault *fault, uint32_t *index,
                                     VtdInterrupt *out)
{
    bool eime = message->irta & VTD_IRTA_EIME;
    bool shv = message->addr & VTD_MSI_SHV;
    VtdIrte irte;

    if (shv && (message->data & VTD_MSI_DATA_RESERVED)) {
        return VTD_FAULT_IR_REQUEST_RESERVED;
    }
    *index = VTD_MSI_HANDLE(message->addr) +
             (shv ? VTD_MSI_SUBHANDLE(message->data) : 0);
    if (*index >= VTD_IRTA_ENTRIES(message->irta)) {
        return VTD_FAULT_IR_INDEX;
    }
    if (!vtd_irte_get(v, message, *index, &irte)) {
        return VTD_FAULT_IR_ACCESS;
    }
    fault->lo = irte.lo;
    fault->hi = irte.hi;
    fault->fpd = irte.lo & VTD_IRTE_FPD;
    if (!(irte.lo & VTD_IRTE_P)) {
        return VTD_FAULT_IR_NOT_PRESENT;
    }
    if (vtd_irte_reserved(&irte, eime)) {
        return VTD_FAULT_IR_RESERVED;
    }
    if (!vtd_irte_source_ok(&irte, message->sid)) {
        return VTD_FAULT_IR_SOURCE;
    }
    vtd_irte_keep(v, message, *index, &irte);
    *out = (VtdInterrupt) {
        .dest = eime ? VTD_IRTE_DST_X2APIC(irte.lo)
                     : VTD_IRTE_DST_XAPIC(irte.lo),
        .vector = VTD_IRTE_VECTOR(irte.lo),
        .delivery_mode = VTD_IRTE_DLM(irte.lo),
        .logical = irte.lo & VTD_IRTE_DM,
        .redirection_hint = irte.lo & VTD_IRTE_RH,
        .level = irte.lo & VTD_IRTE_TM,
    };
    vtd_trace_request_kind(message, *index, out);
    trace_vtd_ir_remap(*index, out->level, out->vector, out->delivery_mode,
                       out->dest, out->logical);
    return VTD_FAULT_NONE;
}

VtdVerdict vtd_interrupt(Vtd *v, uint32_t sid, uint64_t addr, uint32_t data,
                         bool record, VtdInterrupt *out)
{
    VtdFault fault = {
        .pasid = VTD_NO_PASID,
        .sid = sid,
        .life = qatomic_load_acquire(&v->life),
        .addr = addr,
        .data = data,
    };
    VtdMessage message = { sid, addr, data };
    uint32_t index = 0;

    trace_vtd_ir_remap_msi_req(addr, data);
    if (!qatomic_load_acquire(&v->interrupts.remapping)) {
        vtd_count(v, VTD_STAT_INTERRUPTS_PASSED);
        return VTD_INTERRUPT_PASS;
    }
    message.epoch = qatomic_load_acquire(&v->interrupts.epoch);
    message.irta = qatomic_load_acquire(&v->interrupts.irta);
    if (addr & VTD_MSI_REMAPPABLE) {
        fault.reason = vtd_interrupt_remap(v, &message, &fault, &index, out);
    } else if (!qatomic_load_acquire(&v->interrupts.compatibility) ||
               (message.irta & VTD_IRTA_EIME)) {
        fault.reason = VTD_FAULT_IR_COMPATIBILITY;
    } else {
        vtd_count(v, VTD_STAT_INTERRUPTS_PASSED);
        return VTD_INTERRUPT_PASS;
    }
    if (fault.reason == VTD_FAULT_NONE) {
        vtd_count(v, VTD_STAT_INTERRUPTS_REMAPPED);
        return VTD_INTERRUPT_REMAPPED;
    }
    vtd_count(v, VTD_STAT_INTERRUPTS_BLOCKED);
    if (record) {
        fault.info = (uint64_t)index << 48;
        vtd_fault_record(v, &fault);
    }
    return VTD_INTERRUPT_BLOCKED;
}
