/*
 * Intel VT-d engine: a unit's state as migration carries it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the way between the live state and VtdSaved, whose fields are those
 * of QEMU's stream, and the check of what comes in.  Caches and shadows are
 * not carried: they come from guest memory.  [host] calls only.
 *
 * What comes in may be hostile: whatever passes the check must be as safe as
 * what a guest can write to registers.
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

/* Properties that show in CAP and ECAP, which the guest has read already */
static const struct {
    const char *property;
    unsigned offset;
    uint64_t bits;
} vtd_agreed[] = {
    { "aw-bits", VTD_REG_CAP, VTD_CAP_MGAW_MASK },
    { "dma-translation", VTD_REG_CAP, VTD_CAP_SAGAW_39 },
    { "caching-mode", VTD_REG_CAP, VTD_CAP_CM },
    { "dma-drain", VTD_REG_CAP, VTD_CAP_DRD | VTD_CAP_DWD },
    { "intremap", VTD_REG_ECAP, VTD_ECAP_IR },
    { "eim", VTD_REG_ECAP, VTD_ECAP_EIM },
    { "device-iotlb", VTD_REG_ECAP, VTD_ECAP_DT },
    { "pt", VTD_REG_ECAP, VTD_ECAP_PT },
    { "snoop-control", VTD_REG_ECAP, VTD_ECAP_SC },
    { "x-scalable-mode", VTD_REG_ECAP, VTD_ECAP_SMTS },
};

static uint64_t vtd_saved_reg(const VtdSaved *saved, unsigned offset)
{
    uint64_t value;

    memcpy(&value, saved->csr + offset, sizeof(value));
    return GUINT64_FROM_LE(value);
}

bool vtd_saved_caching_mode(const VtdSaved *saved)
{
    return vtd_saved_reg(saved, VTD_REG_CAP) & VTD_CAP_CM;
}

/* How the unit that was saved was started, as far as ours was not so */
static char *vtd_saved_unlike(Vtd *v, const VtdSaved *saved)
{
    uint64_t cap = vtd_saved_reg(saved, VTD_REG_CAP);
    uint64_t ecap = vtd_saved_reg(saved, VTD_REG_ECAP);
    GString *unlike;

    if (cap == v->cap && ecap == v->ecap) {
        return NULL;
    }
    unlike = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(vtd_agreed); i++) {
        bool of_cap = vtd_agreed[i].offset == VTD_REG_CAP;
        uint64_t theirs = (of_cap ? cap : ecap) & vtd_agreed[i].bits;

        if (theirs == ((of_cap ? v->cap : v->ecap) & vtd_agreed[i].bits)) {
            continue;
        }
        if (vtd_agreed[i].bits == VTD_CAP_MGAW_MASK) {
            g_string_append_printf(unlike, ",aw-bits=%u",
                                   VTD_CAP_MGAW_BITS(cap));
        } else {
            g_string_append_printf(unlike, ",%s=%s", vtd_agreed[i].property,
                                   theirs ? "on" : "off");
        }
    }
    if (!unlike->len) {
        g_string_printf(unlike, "csr has CAP 0x%" PRIx64 ", ECAP 0x%" PRIx64
                        ", unlike this unit", cap, ecap);
    } else {
        g_string_prepend(unlike, "it is of -device intel-iommu");
        g_string_append(unlike, ", unlike this unit");
    }
    return g_string_free(unlike, FALSE);
}

static bool vtd_power_of_2(uint64_t n, uint64_t least, uint64_t most)
{
    return n >= least && n <= most && !(n & (n - 1));
}

/* What the engine relies on, by the name of the field that breaks it */
static char *vtd_saved_error(Vtd *v, const VtdSaved *saved)
{
    const struct {
        const char *name;
        uint64_t value;
        bool good;
    } fields[] = {
#define FIELD(name, good) { #name, saved->name, good }
        FIELD(root, !(saved->root & ~v->format.address)),
        FIELD(intr_root, !(saved->intr_root & ~v->format.address)),
        FIELD(iq, !(saved->iq & ~v->format.address)),
        /* Nothing latched yet is 0 */
        FIELD(intr_size, !saved->intr_size ||
                         vtd_power_of_2(saved->intr_size, 2, 65536)),
        FIELD(iq_size, saved->iq_size
                       ? vtd_power_of_2(saved->iq_size, 256, 32768)
                       : !saved->qi_enabled),
        FIELD(iq_head, !saved->iq_head || saved->iq_head < saved->iq_size),
        FIELD(iq_tail, saved->iq_tail <= VTD_IQT_INDEX(~0ull)),
        FIELD(next_frcd_reg, !saved->next_frcd_reg),
        FIELD(intr_enabled, !saved->intr_enabled || v->config.intr_remap),
        FIELD(intr_eime, !saved->intr_eime || v->config.eim),
#undef FIELD
    };

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (!fields[i].good) {
            return g_strdup_printf("%s cannot be 0x%" PRIx64, fields[i].name,
                                   fields[i].value);
        }
    }
    return NULL;
}

/*
 * What was latched from a register whose @bits alone are carried: the other
 * bits are still there, unless it was written since.
 */
static uint64_t vtd_latched(uint64_t saved, uint64_t reg, uint64_t bits)
{
    return (reg & bits) == saved ? reg : saved;
}

static uint32_t vtd_status_bit(bool on, uint32_t bit)
{
    return on ? bit : 0;
}

char *vtd_load(Vtd *v, const VtdSaved *saved)
{
    char *error = vtd_saved_unlike(v, saved) ?: vtd_saved_error(v, saved);
    uint64_t address = v->format.address;
    uint64_t root, irta, iq;
    uint32_t status;

    if (error) {
        return error;
    }
    pthread_mutex_lock(&v->lock);
    memcpy(v->csr, saved->csr, sizeof(v->csr));
    vtd_reg64_set_locked(v, VTD_REG_IQT, VTD_IQ_OFFSET(saved->iq_tail));
    vtd_reg64_set_locked(v, VTD_REG_IQH, VTD_IQ_OFFSET(saved->iq_head));
    status = vtd_reg32_locked(v, VTD_REG_GSTS) &
             ~(VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_IRE);
    status |= vtd_status_bit(saved->dmar_enabled, VTD_GCMD_TE) |
              vtd_status_bit(saved->qi_enabled, VTD_GCMD_QIE) |
              vtd_status_bit(saved->intr_enabled, VTD_GCMD_IRE);
    vtd_reg32_set_locked(v, VTD_REG_GSTS, status);
    root = vtd_latched(saved->root, vtd_reg64_locked(v, VTD_REG_RTADDR),
                       address);
    irta = vtd_latched(saved->intr_root, vtd_reg64_locked(v, VTD_REG_IRTA),
                       address) & VTD_PAGE_MASK;
    iq = vtd_latched(saved->iq, vtd_reg64_locked(v, VTD_REG_IQA), address);
    pthread_mutex_unlock(&v->lock);

    for (uint32_t n = saved->intr_size; n > 2; n >>= 1) {
        irta++;
    }
    irta |= saved->intr_eime ? VTD_IRTA_EIME : 0;
    v->queue.enabled = saved->qi_enabled;
    v->queue.base = iq & VTD_PAGE_MASK;
    v->queue.entries = saved->iq_size;
    v->queue.wide = iq & VTD_IQA_DW;
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
    /* Units may differ in when they go on after an error that was cleared */
    vtd_queue_run(v);
}
