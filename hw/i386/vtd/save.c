/*
 * Intel VT-d engine: a unit's state as migration carries it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the way between the live state and VtdSaved, whose fields are those
 * of QEMU's stream, and the check of what comes in.  Caches and shadows are
 * not carried: they come from guest memory.  [host] calls only.
 */

#include "qemu/osdep.h"
#include "state.h"

void vtd_save(Vtd *v, VtdSaved *saved)
{
    uint64_t root = atomic_load(&v->root);
    uint64_t irta = atomic_load(&v->irta);

    memset(saved, 0, sizeof(*saved));
    pthread_mutex_lock(&v->lock);
    memcpy(saved->csr, v->csr, sizeof(saved->csr));
    saved->iq_tail = VTD_IQT_INDEX(vtd_reg64_locked(v, VTD_REG_IQT));
    pthread_mutex_unlock(&v->lock);
    saved->root = root & v->format.address;
    saved->intr_root = irta & v->format.address;
    saved->intr_size = VTD_IRTA_ENTRIES(irta);
    saved->intr_eime = irta & VTD_IRTA_EIME;
    saved->iq = v->queue.base & v->format.address;
    saved->iq_size = v->queue.entries;
    saved->iq_head = v->queue.head;
    saved->iq_last_desc_type = v->queue.last_type;
    saved->dmar_enabled = atomic_load(&v->translating);
    saved->qi_enabled = v->queue.enabled;
    saved->intr_enabled = atomic_load(&v->remapping);
}

static bool vtd_power_of_2(uint32_t n, uint32_t least, uint32_t most)
{
    return n >= least && n <= most && !(n & (n - 1));
}

/* What the engine relies on, by the name of the field that breaks it */
static const char *vtd_saved_error(Vtd *v, const VtdSaved *saved)
{
    if (saved->root & ~v->format.address) {
        return "root";
    }
    if (saved->intr_root & ~v->format.address) {
        return "intr_root";
    }
    if (saved->iq & ~v->format.address) {
        return "iq";
    }
    /* Nothing latched yet is 0 */
    if (saved->intr_size && !vtd_power_of_2(saved->intr_size, 2, 65536)) {
        return "intr_size";
    }
    if (saved->iq_size && !vtd_power_of_2(saved->iq_size, 256, 32768)) {
        return "iq_size";
    }
    if (saved->qi_enabled && !saved->iq_size) {
        return "qi_enabled";
    }
    if (saved->iq_head && saved->iq_head >= saved->iq_size) {
        return "iq_head";
    }
    if (saved->iq_tail > VTD_IQT_INDEX(~0ull)) {
        return "iq_tail";
    }
    if (saved->next_frcd_reg) {
        return "next_frcd_reg";
    }
    if (saved->intr_enabled && !v->config.intr_remap) {
        return "intr_enabled";
    }
    if (saved->intr_eime && !v->config.eim) {
        return "intr_eime";
    }
    return NULL;
}

static uint32_t vtd_status_bit(bool on, uint32_t bit)
{
    return on ? bit : 0;
}

const char *vtd_load(Vtd *v, const VtdSaved *saved)
{
    const char *error = vtd_saved_error(v, saved);
    uint64_t irta = saved->intr_root, root = saved->root;
    uint32_t status;

    if (error) {
        return error;
    }
    pthread_mutex_lock(&v->lock);
    memcpy(v->csr, saved->csr, sizeof(v->csr));
    /* The mode is latched with the root, and told by the register alone */
    root |= vtd_reg64_locked(v, VTD_REG_RTADDR) & VTD_MASK(11, 10);
    vtd_reg64_set_locked(v, VTD_REG_IQT, VTD_IQ_OFFSET(saved->iq_tail));
    vtd_reg64_set_locked(v, VTD_REG_IQH, VTD_IQ_OFFSET(saved->iq_head));
    status = vtd_reg32_locked(v, VTD_REG_GSTS) &
             ~(VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_IRE);
    status |= vtd_status_bit(saved->dmar_enabled, VTD_GCMD_TE) |
              vtd_status_bit(saved->qi_enabled, VTD_GCMD_QIE) |
              vtd_status_bit(saved->intr_enabled, VTD_GCMD_IRE);
    vtd_reg32_set_locked(v, VTD_REG_GSTS, status);
    v->queue.wide = vtd_reg64_locked(v, VTD_REG_IQA) & VTD_IQA_DW;
    pthread_mutex_unlock(&v->lock);

    for (uint32_t n = saved->intr_size; n > 2; n >>= 1) {
        irta++;
    }
    irta |= saved->intr_eime ? VTD_IRTA_EIME : 0;
    v->queue.enabled = saved->qi_enabled;
    v->queue.base = saved->iq;
    v->queue.entries = saved->iq_size;
    v->queue.head = saved->iq_head;
    v->queue.last_type = saved->iq_last_desc_type;
    atomic_store(&v->root, root);
    atomic_store(&v->irta, irta);
    atomic_store(&v->compatibility, status & VTD_GCMD_CFI);
    atomic_store(&v->remapping, saved->intr_enabled);
    atomic_store(&v->translating, saved->dmar_enabled);

    vtd_context_drop(v, NULL, NULL);
    vtd_iotlb_drop_global(v->iotlb);
    vtd_iec_drop(v, 0, UINT16_MAX);
    vtd_shadow_loaded(v);
    v->ops->iec_changed(v->host, true, 0, 0);
    return NULL;
}

void vtd_loaded(Vtd *v)
{
    vtd_shadow_update(v, 0, 0);
}
