/*
 * Intel IOMMU (VT-d) device: interrupts
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the way from what the VT-d engine says of an interrupt to the APIC:
 * messages of devices, routes of KVM, the unit's own events.  All of it runs
 * under the big lock, but for intel_iommu_inject(), which any thread calls.
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "hw/i386/apic-msidef.h"
#include "hw/i386/apic_internal.h"
#include "intel_iommu_internal.h"
#include "vtd/trace.h"

static void intel_iommu_send_msi(MSIMessage *msi)
{
    APICCommonClass *apic = apic_get_class(&error_abort);

    apic->send_msi(msi);
}

static void intel_iommu_events_bh(void *opaque)
{
    IntelIOMMUState *s = opaque;

    vtd_send_events(s->vtd);
}

/*
 * The APIC needs the big lock, and the thread of a faulting DMA may not hold
 * it.  Then a bottom half sends the message.  Until that runs, the unit's
 * registers hold it as pending: a reset ends it, and migration carries it.
 */
bool intel_iommu_inject(void *opaque, uint64_t addr, uint32_t data)
{
    IntelIOMMUState *s = opaque;
    MSIMessage msi = { .address = addr, .data = data };

    if (!bql_locked()) {
        qemu_bh_schedule(s->events_bh);
        return false;
    }
    intel_iommu_send_msi(&msi);
    return true;
}

void intel_iommu_init_interrupts(IntelIOMMUState *s)
{
    s->events_bh = qemu_bh_new_guarded(intel_iommu_events_bh, s,
                                       &DEVICE(s)->mem_reentrancy_guard);
}

/* The message to deliver for @in, or false for one that is blocked */
static bool intel_iommu_remap(IntelIOMMUState *s, uint32_t sid, bool record,
                              const MSIMessage *in, MSIMessage *out)
{
    VtdInterrupt remapped;
    X86IOMMUIrq irq;

    switch (vtd_interrupt(s->vtd, sid, in->address, in->data, record,
                          &remapped)) {
    case VTD_INTERRUPT_PASS:
        *out = *in;
        return true;
    case VTD_INTERRUPT_REMAPPED:
        irq = (X86IOMMUIrq) {
            .trigger_mode = remapped.level,
            .vector = remapped.vector,
            .delivery_mode = remapped.delivery_mode,
            .dest = remapped.dest,
            .dest_mode = remapped.logical,
            .redir_hint = remapped.redirection_hint,
            .msi_addr_last_bits = in->address & 3,
        };
        x86_iommu_irq_to_msi_message(&irq, out);
        return true;
    default:
        return false;
    }
}

/* A message that no CPU takes: no CPU is part of logical destination 0 */
static const MSIMessage intel_iommu_nobody = {
    .address = APIC_DEFAULT_ADDRESS | 1 << MSI_ADDR_DEST_MODE_SHIFT,
};

/*
 * For KVM's routes and the split I/O APIC.  Routes are set up ahead of use, so
 * a blocked one is not recorded as a fault of the guest's.  Nor may the call
 * fail for it: KVM would keep the old route, and deliver what is blocked now.
 */
int intel_iommu_int_remap(X86IOMMUState *iommu, MSIMessage *src,
                          MSIMessage *dst, uint16_t sid)
{
    uint32_t source = sid == X86_IOMMU_SID_INVALID ? VTD_SID_UNVERIFIED : sid;

    if (!intel_iommu_remap(INTEL_IOMMU_DEVICE(iommu), source, false, src,
                           dst)) {
        *dst = intel_iommu_nobody;
    }
    trace_vtd_ir_remap_msi(src->address, src->data, dst->address, dst->data);
    return 0;
}

MemTxResult intel_iommu_interrupt(IntelIOMMUState *s, uint32_t sid,
                                  uint64_t addr, uint32_t data)
{
    MSIMessage in = { addr, data };
    MSIMessage out;

    if (!intel_iommu_remap(s, sid, true, &in, &out)) {
        return MEMTX_ERROR;
    }
    trace_vtd_ir_remap_msi(in.address, in.data, out.address, out.data);
    intel_iommu_send_msi(&out);
    return MEMTX_OK;
}
