/*
 * Intel VT-d engine: a unit's state as migration carries it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the check of what comes in, and the order in which the files save and
 * load their parts of VtdSaved, whose fields are those of QEMU's stream.
 * Caches and shadows are not carried: they come from guest memory.  [bql]
 * calls only.
 *
 * What comes in may be hostile: whatever passes the check must be as safe as
 * what a guest can write to registers.
 */

#include "qemu/osdep.h"
#include "internal.h"

/*
 * The stream cannot say that a sync is pending, or a drain.  Devices have ended
 * their accesses before the state is saved.  But guest memory has been sent by
 * then, so that a wait's status would be lost: the queue stays where it is.
 * The other end carries out the descriptor at the head once more; if the guest
 * goes on at this end, this one does.
 */
static void vtd_save_settle(Vtd *v)
{
    if (!vtd_spaces_pending(v) && !v->drain.waiting) {
        return;
    }
    vtd_drain_reset(v);
    while (vtd_spaces_pending(v)) {
        vtd_piece_resume(v);
        vtd_spaces_continue(v);
    }
    vtd_commands_done(v);
    vtd_piece_schedule(v);
}

void vtd_save(Vtd *v, VtdSaved *saved)
{
    vtd_save_settle(v);
    memset(saved, 0, sizeof(*saved));
    vtd_regs_save(v, saved);
    vtd_contexts_save(v, saved);
    vtd_interrupts_save(v, saved);
    vtd_queue_save(v, saved);
}

/*
 * Properties that show in CAP or ECAP: the guest has read them already.  Users
 * may know one by another name, see VtdOps.option_name.
 */
static const struct {
    const char *property;
    unsigned offset;
    uint64_t bits;
} vtd_saved_props[] = {
    { "aw-bits", VTD_REG_CAP, VTD_CAP_MGAW_MASK },
    { "dma-translation", VTD_REG_CAP, VTD_CAP_SAGAW_39 },
    { "caching-mode", VTD_REG_CAP, VTD_CAP_CM },
    { "dma-drain", VTD_REG_CAP, VTD_CAP_DRD | VTD_CAP_DWD },
    { "intremap", VTD_REG_ECAP, VTD_ECAP_IR },
    { "eim", VTD_REG_ECAP, VTD_ECAP_EIM },
    { "device-iotlb", VTD_REG_ECAP, VTD_ECAP_DT },
    { "pt", VTD_REG_ECAP, VTD_ECAP_PT },
    { "snoop-control", VTD_REG_ECAP, VTD_ECAP_SC },
    { "fs1gp", VTD_REG_CAP, VTD_CAP_FS1GP },
};

/*
 * What two units may differ in.  CAP.ESRTPS says what every unit does.  QEMU
 * 10.0's own unit does not tell the width of its PASIDs, and never has
 * CAP.RWBF: see vtd_misses_mappings().  The guest goes on with the source's.
 */
#define VTD_SAVED_CAP_FREE      (VTD_CAP_ESRTPS | VTD_CAP_RWBF)
#define VTD_SAVED_ECAP_FREE     VTD_ECAP_PSS_MASK

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

/* Options of scalable mode, as far as they decide which stages there are */
static void vtd_saved_stages(Vtd *v, uint64_t ecap, GString *unlike)
{
    const VtdOps *ops = v->ops;

    if (!((ecap ^ v->ecap) & (VTD_ECAP_SMTS | VTD_ECAP_NEST |
                              VTD_ECAP_FSTS | VTD_ECAP_SSTS))) {
        return;
    }
    g_string_append_printf(unlike, ",%s=%s",
                           ops->option_name(v->opaque, "scalable-mode"),
                           ecap & VTD_ECAP_SMTS ? "on" : "off");
    if (ecap & VTD_ECAP_NEST) {
        g_string_append(unlike, ",x-scalable-full=on");
    } else if (ecap & VTD_ECAP_SMTS) {
        g_string_append_printf(unlike, ",%s=%s",
                               ops->option_name(v->opaque, "fsts"),
                               ecap & VTD_ECAP_FSTS ? "on" : "off");
    }
}

static void vtd_saved_pasid(Vtd *v, uint64_t ecap, GString *unlike)
{
    if (!((ecap ^ v->ecap) & VTD_ECAP_PASID)) {
        return;
    }
    if (!(ecap & VTD_ECAP_PASID)) {
        g_string_append(unlike, ",pasid-bits=0");
    } else if (!(ecap & VTD_ECAP_PSS_MASK)) {
        g_string_append(unlike, ",x-pasid-mode=on");
    } else {
        g_string_append_printf(unlike, ",pasid-bits=%u",
                               VTD_ECAP_PSS_BITS(ecap));
    }
}

/* Properties in which the two ends differ, with the source's values */
static char *vtd_saved_unlike(Vtd *v, const VtdSaved *saved)
{
    uint64_t cap = vtd_saved_reg(saved, VTD_REG_CAP);
    uint64_t ecap = vtd_saved_reg(saved, VTD_REG_ECAP);
    GString *unlike;

    if (!((cap ^ v->cap) & ~VTD_SAVED_CAP_FREE) &&
        !((ecap ^ v->ecap) & ~VTD_SAVED_ECAP_FREE)) {
        return NULL;
    }
    unlike = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(vtd_saved_props); i++) {
        bool of_cap = vtd_saved_props[i].offset == VTD_REG_CAP;
        uint64_t theirs = (of_cap ? cap : ecap) & vtd_saved_props[i].bits;

        if (theirs == ((of_cap ? v->cap : v->ecap) & vtd_saved_props[i].bits)) {
            continue;
        }
        if (vtd_saved_props[i].bits == VTD_CAP_MGAW_MASK) {
            g_string_append_printf(unlike, ",aw-bits=%u",
                                   VTD_CAP_MGAW_BITS(cap));
        } else {
            g_string_append_printf(unlike, ",%s=%s",
                                   v->ops->option_name(
                                       v->opaque, vtd_saved_props[i].property),
                                   theirs ? "on" : "off");
        }
    }
    vtd_saved_stages(v, ecap, unlike);
    vtd_saved_pasid(v, ecap, unlike);
    if (!unlike->len) {
        g_string_printf(unlike, "csr has CAP 0x%" PRIx64 ", ECAP 0x%" PRIx64
                        ", unlike this unit", cap, ecap);
    } else {
        g_string_prepend(unlike, "it is of -device intel-iommu");
        g_string_append(unlike, ", unlike this unit");
    }
    return g_string_free(unlike, FALSE);
}

static bool vtd_saved_power_of_2(uint64_t n, uint64_t least, uint64_t most)
{
    return n >= least && n <= most && !(n & (n - 1));
}

/* The field whose value the engine cannot work with, or NULL */
static char *vtd_saved_error(Vtd *v, const VtdSaved *saved)
{
    /* In descriptors, of which wide ones fill the smallest queue sooner */
    unsigned smallest = v->config.scalable_mode ? 128 : 256;
    const struct {
        const char *name;
        uint64_t value;
        bool good;
    } fields[] = {
#define FIELD(name, good) { #name, saved->name, good }
        FIELD(root, !(saved->root & ~v->haw_mask)),
        FIELD(intr_root, !(saved->intr_root & ~v->haw_mask)),
        FIELD(iq, !(saved->iq & ~v->haw_mask)),
        /* 0 if nothing was latched yet */
        FIELD(intr_size, !saved->intr_size ||
                         vtd_saved_power_of_2(saved->intr_size, 2, 65536)),
        FIELD(iq_size, saved->iq_size
                       ? vtd_saved_power_of_2(saved->iq_size, smallest,
                                                   32768)
                       : !saved->qi_enabled),
        FIELD(iq_head, !saved->iq_head || saved->iq_head < saved->iq_size),
        FIELD(iq_tail, saved->iq_tail <= VTD_IQT_INDEX(~0ull, false)),
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

char *vtd_load(Vtd *v, const VtdSaved *saved)
{
    char *error = vtd_saved_unlike(v, saved) ?: vtd_saved_error(v, saved);

    if (error) {
        return error;
    }
    vtd_regs_load(v, saved);
    vtd_contexts_load(v, saved);
    vtd_interrupts_load(v, saved);
    vtd_queue_load(v, saved);

    vtd_drop_translations(v);
    vtd_spaces_load(v);
    vtd_drop_interrupts(v);
    return NULL;
}

bool vtd_misses_mappings(Vtd *v)
{
    return v->config.write_buffer &&
           !(vtd_reg64(v, VTD_REG_CAP) & VTD_CAP_RWBF);
}

void vtd_load_finish(Vtd *v)
{
    vtd_spaces_update(v, 0, 0);
    /* Send messages that are pending and not masked */
    vtd_fault_written(v);
    vtd_completion_written(v);
    /* The other unit may have waited for a write to IQT after an error */
    vtd_queue_run(v);
}
