/*
 * Intel VT-d engine: commands by register
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what GCMD switches, with the values that it latches, and the
 * register-based invalidations, CCMD and IOTLB (1.6 to 1.9).  [bql] calls
 * only; the latched values are atomics that any thread reads.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

static void vtd_set_status(Vtd *v, uint32_t bit, bool on)
{
    vtd_reg32_change(v, VTD_REG_GSTS, bit, on ? bit : 0);
}

/* Whether shadows are in step, and accesses by what was dropped are over */
static bool vtd_commands_complete(Vtd *v)
{
    return !vtd_spaces_pending(v) && vtd_drain(v);
}

/* Software polls the bit: it changes when all that this means is done */
static void vtd_set_status_when_done(Vtd *v, uint32_t bit, bool on)
{
    v->commands.pending_on &= ~bit;
    v->commands.pending_off &= ~bit;
    if (vtd_commands_complete(v)) {
        vtd_set_status(v, bit, on);
    } else if (on) {
        v->commands.pending_on |= bit;
        /* It may be set since the last time, if it is RTPS */
        vtd_set_status(v, bit, false);
    } else {
        v->commands.pending_off |= bit;
    }
}

/*
 * The root table, or whether translation is on, has changed: nothing cached
 * before may serve a request from now on.  Views depend on both.
 */
static void vtd_translation_changed(Vtd *v)
{
    vtd_drop_translations(v);
    vtd_spaces_update(v, 0, 0);
}

static void vtd_latch_root(Vtd *v)
{
    uint64_t root = vtd_reg64(v, VTD_REG_RTADDR);

    trace_vtd_reg_dmar_root(root & VTD_PAGE_MASK,
                            VTD_RTADDR_TTM(root) != VTD_TTM_LEGACY);
    vtd_contexts_set_root(v, root);
    vtd_translation_changed(v);
    vtd_set_status_when_done(v, VTD_GCMD_SRTP, true);
}

static void vtd_enable_translation(Vtd *v, bool on)
{
    trace_vtd_dmar_enable(on);
    vtd_contexts_set_translating(v, on);
    vtd_translation_changed(v);
    vtd_set_status_when_done(v, VTD_GCMD_TE, on);
}

static void vtd_latch_irta(Vtd *v)
{
    uint64_t irta = vtd_reg64(v, VTD_REG_IRTA);

    trace_vtd_reg_ir_root(irta & VTD_PAGE_MASK, VTD_IRTA_ENTRIES(irta));
    vtd_interrupts_set_table(v, irta);
    vtd_drop_interrupts(v);
    vtd_set_status(v, VTD_GCMD_SIRTP, true);
}

static void vtd_enable_remapping(Vtd *v, bool on)
{
    trace_vtd_ir_enable(on);
    vtd_interrupts_set_remapping(v, on);
    vtd_drop_interrupts(v);
    vtd_set_status(v, VTD_GCMD_IRE, on);
}

static void vtd_enable_compatibility(Vtd *v, bool on)
{
    vtd_interrupts_set_compatibility(v, on);
    vtd_drop_interrupts(v);
    vtd_set_status(v, VTD_GCMD_CFI, on);
}

/*
 * All that the guest has written is visible at once here.  That it asks tells
 * when there may be new mappings of a first stage, which no invalidation
 * follows (7.9).
 */
static void vtd_flush_write_buffer(Vtd *v)
{
    if (v->cap & VTD_CAP_RWBF) {
        vtd_shares_sync_first(v);
        vtd_set_status(v, VTD_GCMD_WBF, vtd_spaces_pending(v));
    }
}

void vtd_gcmd_written(Vtd *v)
{
    uint32_t command = vtd_reg32(v, VTD_REG_GCMD);
    uint32_t status = (vtd_reg32(v, VTD_REG_GSTS) | v->commands.pending_on) &
                      ~v->commands.pending_off;
    uint32_t changed = command ^ status;

    trace_vtd_reg_write_gcmd(status, command);
    if (command & VTD_GCMD_SRTP) {
        vtd_latch_root(v);
    }
    if (command & VTD_GCMD_WBF) {
        vtd_flush_write_buffer(v);
    }
    if ((changed & VTD_GCMD_TE) && v->config.dma_translation) {
        vtd_enable_translation(v, command & VTD_GCMD_TE);
    }
    if (changed & VTD_GCMD_QIE) {
        vtd_set_status(v, VTD_GCMD_QIE, command & VTD_GCMD_QIE);
        vtd_queue_enable(v, command & VTD_GCMD_QIE);
    }
    if (!v->config.intr_remap) {
        return;
    }
    if (command & VTD_GCMD_SIRTP) {
        vtd_latch_irta(v);
    }
    if (changed & VTD_GCMD_IRE) {
        vtd_enable_remapping(v, command & VTD_GCMD_IRE);
    }
    if (changed & VTD_GCMD_CFI) {
        vtd_enable_compatibility(v, command & VTD_GCMD_CFI);
    }
}

/* ICC and IVT stay set until the shadows are in step as well */
static void vtd_ccmd_done(Vtd *v, uint64_t done)
{
    vtd_reg64_change(v, VTD_REG_CCMD, VTD_CCMD_ICC | VTD_CCMD_CAIG_MASK,
                     done << VTD_CCMD_CAIG_SHIFT);
}

static void vtd_iotlb_done(Vtd *v, uint64_t done)
{
    vtd_reg64_change(v, VTD_REG_IOTLB, VTD_IOTLB_IVT | VTD_IOTLB_IAIG_MASK,
                     done << VTD_IOTLB_IAIG_SHIFT);
}

/* What is done for a granularity that is asked for: maybe a wider one (1.9) */
static uint64_t vtd_iotlb_granularity(Vtd *v, uint64_t command)
{
    uint64_t granularity = VTD_IOTLB_IIRG(command);

    return granularity == VTD_GRANULARITY_SELECT &&
           VTD_IVA_AM(vtd_reg64(v, VTD_REG_IVA)) > VTD_CAP_MAMV_ORDER(v->cap)
           ? VTD_GRANULARITY_DOMAIN : granularity;
}

void vtd_ccmd_written(Vtd *v)
{
    uint64_t command = vtd_reg64(v, VTD_REG_CCMD);
    uint64_t done = VTD_CCMD_CIRG(command);

    if (!(command & VTD_CCMD_ICC)) {
        return;
    }
    if (v->queue.enabled) {
        done = 0;               /* nothing is, while the queue is on (1.8) */
        vtd_log_register_invalidation(v);
    }
    switch (done) {
    case VTD_GRANULARITY_GLOBAL:
        vtd_invalidate_context_global(v);
        break;
    case VTD_GRANULARITY_DOMAIN:
        vtd_invalidate_context_domain(v, VTD_CCMD_DID(command));
        break;
    case VTD_GRANULARITY_SELECT:
        vtd_invalidate_context_device(v, VTD_CCMD_DID(command),
                                      VTD_CCMD_SID(command),
                                      VTD_CCMD_FM(command));
        break;
    }
    if (done && !vtd_commands_complete(v)) {
        return;
    }
    vtd_ccmd_done(v, done);
}

static void vtd_iotlb_pages(Vtd *v, uint16_t did, uint64_t iva)
{
    VtdRange range = vtd_pages_range(v, iva & VTD_PAGE_MASK, VTD_IVA_AM(iva));

    vtd_count_bql(v, VTD_STAT_INV_IOTLB_PAGE, 1);
    trace_vtd_inv_desc_iotlb_pages(did, iva & VTD_PAGE_MASK, VTD_IVA_AM(iva));
    vtd_invalidate_iotlb_pages(v, did, &range, 1, iva & VTD_IVA_IH);
}

void vtd_iotlb_written(Vtd *v)
{
    uint64_t command = vtd_reg64(v, VTD_REG_IOTLB);
    uint64_t iva = vtd_reg64(v, VTD_REG_IVA);
    uint64_t done = vtd_iotlb_granularity(v, command);

    if (!(command & VTD_IOTLB_IVT)) {
        return;
    }
    if (v->queue.enabled) {
        done = 0;
        vtd_log_register_invalidation(v);
    }
    switch (done) {
    case VTD_GRANULARITY_GLOBAL:
        vtd_invalidate_iotlb_global(v);
        break;
    case VTD_GRANULARITY_DOMAIN:
        vtd_invalidate_iotlb_domain(v, VTD_IOTLB_DID(command));
        break;
    case VTD_GRANULARITY_SELECT:
        vtd_iotlb_pages(v, VTD_IOTLB_DID(command), iva);
        break;
    }
    if (done && !vtd_commands_complete(v)) {
        return;
    }
    vtd_iotlb_done(v, done);
}

void vtd_commands_reset(Vtd *v)
{
    v->commands = (VtdCommands) { 0 };
}

void vtd_commands_done(Vtd *v)
{
    uint64_t command = vtd_reg64(v, VTD_REG_CCMD);

    if (command & VTD_CCMD_ICC) {
        vtd_ccmd_done(v, VTD_CCMD_CIRG(command));
    }
    command = vtd_reg64(v, VTD_REG_IOTLB);
    if (command & VTD_IOTLB_IVT) {
        vtd_iotlb_done(v, vtd_iotlb_granularity(v, command));
    }
    vtd_set_status(v, VTD_GCMD_WBF, false);
    vtd_set_status(v, v->commands.pending_on, true);
    vtd_set_status(v, v->commands.pending_off, false);
    v->commands = (VtdCommands) { 0 };
}
