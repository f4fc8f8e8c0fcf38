/*
 * Intel VT-d engine: faults
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns FSTS and the fault record.  Both live in the register image, guarded
 * by Vtd.lock: faults come from any thread.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

/* Faults that FPD does not hide (6.1, 6.2, 6.3) */
static bool vtd_fault_qualified(VtdReason reason)
{
    switch (reason) {
    case VTD_FAULT_ROOT_NOT_PRESENT:
    case VTD_FAULT_ROOT_ACCESS:
    case VTD_FAULT_CONTEXT_ACCESS:
    case VTD_FAULT_ROOT_RESERVED:
    case VTD_FAULT_IR_REQUEST_RESERVED:
    case VTD_FAULT_IR_INDEX:
    case VTD_FAULT_IR_ACCESS:
    case VTD_FAULT_IR_COMPATIBILITY:
    case VTD_FAULT_RTADDR:
    case VTD_FAULT_LEGACY_PASID:
    case VTD_FAULT_ABORT:
    case VTD_FAULT_SM_ROOT_ACCESS:
    case VTD_FAULT_SM_ROOT_NOT_PRESENT:
    case VTD_FAULT_SM_ROOT_RESERVED:
    case VTD_FAULT_SM_CONTEXT_ACCESS:
    case VTD_FAULT_PASID_DIR_ACCESS:
    case VTD_FAULT_PASID_ACCESS:
        return false;
    default:
        return true;
    }
}

/* Set bits of FSTS; no event if another cause is set already (6.4) */
static void vtd_fault_status_locked(Vtd *v, uint32_t status)
{
    uint32_t before = vtd_reg32_locked(v, VTD_REG_FSTS);

    vtd_reg32_set_locked(v, VTD_REG_FSTS, before | status);
    if ((status & VTD_FSTS_EVENTS) && !(before & VTD_FSTS_EVENTS)) {
        vtd_event_raise_locked(v, VTD_REG_FECTL);
    }
}

void vtd_fault_status(Vtd *v, uint32_t status)
{
    qemu_mutex_lock(&v->lock);
    vtd_fault_status_locked(v, status);
    qemu_mutex_unlock(&v->lock);
}

/*
 * PPF mirrors FRCD.F.  A write clears F under the lock, and PPF follows in
 * vtd_fault_written(): a fault that comes in between must settle PPF first,
 * or its event is lost.
 */
static void vtd_pending_settle_locked(Vtd *v)
{
    uint32_t status = vtd_reg32_locked(v, VTD_REG_FSTS);

    if ((status & VTD_FSTS_PPF) &&
        !(vtd_reg64_locked(v, VTD_REG_FRCD_HI) & VTD_FRCD_HI_F)) {
        trace_vtd_fsts_ppf(false);
        vtd_reg32_set_locked(v, VTD_REG_FSTS, status & ~VTD_FSTS_PPF);
    }
}

void vtd_fault_record(Vtd *v, const VtdFault *fault)
{
    bool hidden = fault->fpd && vtd_fault_qualified(fault->reason);
    uint64_t hi;

    if (!vtd_fault_of_interrupt(fault->reason)) {
        trace_vtd_dmar_fault(fault->sid, fault->reason, fault->addr,
                             !fault->read);
    } else {
        trace_vtd_ir_fault(fault->sid, fault->reason, fault->info >> 48);
    }
    vtd_history_add(v, fault, hidden);
    vtd_log_fault(v, fault);
    if (hidden) {
        trace_vtd_fault_disabled();
        return;
    }

    qemu_mutex_lock(&v->lock);
    hi = vtd_reg64_locked(v, VTD_REG_FRCD_HI);
    if (fault->life != qatomic_load_acquire(&v->life)) {
        /* The request came before a reset, which leaves nothing behind */
    } else if (vtd_reg32_locked(v, VTD_REG_FSTS) & VTD_FSTS_PFO) {
        vtd_count(v, VTD_STAT_FAULTS_LOST);
    } else if (hi & VTD_FRCD_HI_F) {
        vtd_count(v, VTD_STAT_FAULTS_LOST);
        /* A storm of one device's faults is one record, not an overflow */
        if ((uint16_t)hi != fault->sid) {
            vtd_fault_status_locked(v, VTD_FSTS_PFO);
        }
    } else {
        vtd_pending_settle_locked(v);
        hi = VTD_FRCD_HI_F | VTD_FRCD_HI_FR(fault->reason) |
             VTD_FRCD_HI_SID(fault->sid) |
             (fault->read ? VTD_FRCD_HI_T1_READ : 0);
        if (fault->pasid != VTD_NO_PASID) {
            hi |= VTD_FRCD_HI_PP | VTD_FRCD_HI_PASID(fault->pasid) |
                  (fault->supervisor ? VTD_FRCD_HI_PRIV : 0);
        }
        vtd_reg64_set_locked(v, VTD_REG_FRCD_LO, fault->info);
        vtd_reg64_set_locked(v, VTD_REG_FRCD_HI, hi);
        trace_vtd_frr_new(0, hi, fault->info);
        trace_vtd_fsts_ppf(true);
        vtd_count(v, VTD_STAT_FAULTS_RECORDED);
        vtd_fault_status_locked(v, VTD_FSTS_PPF);
    }
    qemu_mutex_unlock(&v->lock);
}

void vtd_fault_written(Vtd *v)
{
    qemu_mutex_lock(&v->lock);
    vtd_pending_settle_locked(v);
    vtd_event_settle_locked(v, VTD_REG_FECTL,
                            vtd_reg32_locked(v, VTD_REG_FSTS) &
                            VTD_FSTS_EVENTS);
    qemu_mutex_unlock(&v->lock);
}

/*
 * PPF follows from FRCD.F.  If F is set and FSTS shows no cause, its event was
 * not raised yet.  A queue that is off has no error (7.6).
 */
void vtd_fault_load_locked(Vtd *v, bool queued)
{
    uint32_t status = vtd_reg32_locked(v, VTD_REG_FSTS) &
                      ~(queued ? 0 : VTD_FSTS_IQE);
    bool pending = vtd_reg64_locked(v, VTD_REG_FRCD_HI) & VTD_FRCD_HI_F;

    if (pending && !(status & VTD_FSTS_EVENTS)) {
        vtd_reg32_set_locked(v, VTD_REG_FECTL, VTD_ECTL_IP |
                             vtd_reg32_locked(v, VTD_REG_FECTL));
    }
    vtd_reg32_set_locked(v, VTD_REG_FSTS, (status & ~VTD_FSTS_PPF) |
                                          (pending ? VTD_FSTS_PPF : 0));
}
