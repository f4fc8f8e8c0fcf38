/*
 * Intel VT-d engine: event messages
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns how the message of an event is masked, held and sent (6.4): that of
 * faults (FECTL) and that of completions (IECTL), each with its message
 * registers; and the completion event's cause, ICS (1.12).  All of it lives in
 * the register image, guarded by Vtd.lock: events come from any thread.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

/* The registers of an event, as offsets from its control register */
#define EVENT_DATA              0x4
#define EVENT_ADDR              0x8
#define EVENT_UADDR             0xc

/* Send the pending message of the event at @ctl, unless it is masked */
static void vtd_event_send_locked(Vtd *v, unsigned ctl)
{
    uint32_t control = vtd_reg32_locked(v, ctl);
    uint64_t addr;
    uint32_t data;

    if (!(control & VTD_ECTL_IP) || (control & VTD_ECTL_IM)) {
        return;
    }
    addr = vtd_reg32_locked(v, ctl + EVENT_ADDR) |
           (uint64_t)vtd_reg32_locked(v, ctl + EVENT_UADDR) << 32;
    data = vtd_reg32_locked(v, ctl + EVENT_DATA);
    if (!v->ops->inject(v->opaque, addr, data)) {
        return;                 /* pending until vtd_send_events() */
    }
    vtd_reg32_set_locked(v, ctl, control & ~VTD_ECTL_IP);
    trace_vtd_irq_generate(addr, data);
}

void vtd_send_events(Vtd *v)
{
    qemu_mutex_lock(&v->lock);
    vtd_event_send_locked(v, VTD_REG_FECTL);
    vtd_event_send_locked(v, VTD_REG_IECTL);
    qemu_mutex_unlock(&v->lock);
}

void vtd_event_raise_locked(Vtd *v, unsigned ctl)
{
    vtd_reg32_set_locked(v, ctl, vtd_reg32_locked(v, ctl) | VTD_ECTL_IP);
    vtd_event_send_locked(v, ctl);
}

void vtd_event_settle_locked(Vtd *v, unsigned ctl, bool caused)
{
    uint32_t control = vtd_reg32_locked(v, ctl);

    if (!caused && (control & VTD_ECTL_IP)) {
        if (ctl == VTD_REG_FECTL) {
            trace_vtd_fsts_clear_ip();
        } else {
            trace_vtd_reg_ics_clear_ip();
        }
        vtd_reg32_set_locked(v, ctl, control & ~VTD_ECTL_IP);
    }
    vtd_event_send_locked(v, ctl);
}

void vtd_completion_raise(Vtd *v)
{
    uint32_t status;

    qemu_mutex_lock(&v->lock);
    status = vtd_reg32_locked(v, VTD_REG_ICS);
    trace_vtd_inv_desc_wait_irq(
        status & VTD_ICS_IWC ? "completion event is pending already" :
        vtd_reg32_locked(v, VTD_REG_IECTL) & VTD_ECTL_IM ?
        "IM in IECTL_REG is set, new event not generated" :
        "completion event raised");
    if (!(status & VTD_ICS_IWC)) {
        vtd_reg32_set_locked(v, VTD_REG_ICS, status | VTD_ICS_IWC);
        vtd_event_raise_locked(v, VTD_REG_IECTL);
    }
    qemu_mutex_unlock(&v->lock);
}

void vtd_completion_written(Vtd *v)
{
    qemu_mutex_lock(&v->lock);
    vtd_event_settle_locked(v, VTD_REG_IECTL,
                            vtd_reg32_locked(v, VTD_REG_ICS) & VTD_ICS_IWC);
    qemu_mutex_unlock(&v->lock);
}
