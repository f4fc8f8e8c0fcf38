/*
 * Intel VT-d engine: a unit's life
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the making, reset and end of a unit, what it advertises (CAP, ECAP)
 * and its counters.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "compose.h"
#include "trace.h"

/* The bits are those of QEMU's own device: migration compares them (1.4) */
static uint64_t vtd_unit_cap(const VtdConfig *config)
{
    uint64_t cap = VTD_CAP_ND_16BIT | VTD_CAP_FRO(VTD_REG_FRCD_LO) |
                   VTD_CAP_MGAW(config->aw_bits) | VTD_CAP_SSLPS_2M |
                   VTD_CAP_SSLPS_1G | VTD_CAP_PSI;

    /*
     * Linux bounds no mask of the first stage, and has one of all addresses
     * if a program that nests domains invalidates all.
     */
    cap |= VTD_CAP_MAMV(config->nested ? VTD_MAMV_NESTED : VTD_MAMV);
    if (config->caching_mode) {
        cap |= VTD_CAP_CM;
    }
    if (config->dma_drain) {
        cap |= VTD_CAP_DRD | VTD_CAP_DWD;
    }
    if (config->esrtps) {
        cap |= VTD_CAP_ESRTPS;
    }
    if (config->dma_translation) {
        cap |= VTD_CAP_SAGAW_39;
        cap |= config->aw_bits >= 48 ? VTD_CAP_SAGAW_48 : 0;
        cap |= config->aw_bits >= 57 ? VTD_CAP_SAGAW_57 : 0;
    }
    if (config->first_stage) {
        cap |= config->fs_1g ? VTD_CAP_FS1GP : 0;
        cap |= config->aw_bits >= 57 ? VTD_CAP_FS5LP : 0;
    }
    if (config->write_buffer) {
        cap |= VTD_CAP_RWBF;
    }
    return cap;
}

static uint64_t vtd_unit_ecap_scalable(const VtdConfig *config)
{
    uint64_t ecap = config->scalable_mode ? VTD_ECAP_SMTS : 0;

    ecap |= config->first_stage ? VTD_ECAP_FSTS : 0;
    ecap |= config->second_stage ? VTD_ECAP_SSTS : 0;
    ecap |= config->nested ? VTD_ECAP_NEST : 0;
    ecap |= config->ss_dirty ? VTD_ECAP_SSADS : 0;
    ecap |= config->snooped_walks ? VTD_ECAP_SMPWCS : 0;
    ecap |= config->supervisor ? VTD_ECAP_SRS : 0;
    ecap |= config->rid_pasid ? VTD_ECAP_RPS : 0;
    ecap |= config->extended_accessed ? VTD_ECAP_EAFS : 0;
    ecap |= config->abort_dma ? VTD_ECAP_ADMS : 0;
    if (config->pasid_bits) {
        ecap |= VTD_ECAP_PASID | VTD_ECAP_PSS(config->pasid_bits);
    }
    return ecap;
}

static uint64_t vtd_unit_ecap(const VtdConfig *config)
{
    uint64_t ecap = VTD_ECAP_QI | VTD_ECAP_IRO(VTD_REG_IVA);

    if (config->intr_remap) {
        ecap |= VTD_ECAP_IR | VTD_ECAP_MHMV(VTD_MHMV);
    }
    if (config->eim) {
        ecap |= VTD_ECAP_EIM;
    }
    if (config->device_iotlb) {
        ecap |= VTD_ECAP_DT;
    }
    if (config->pass_through) {
        ecap |= VTD_ECAP_PT;
    }
    if (config->snoop_control) {
        ecap |= VTD_ECAP_SC;
    }
    return ecap | vtd_unit_ecap_scalable(config);
}

static void vtd_unit_formats(Vtd *v)
{
    const VtdConfig *config = &v->config;
    bool free_tm = config->device_iotlb && config->stale_tm;

    vtd_format_second_stage(&v->format, config->haw_bits,
                            config->snoop_control, free_tm, false);
    vtd_format_second_stage(&v->second, config->haw_bits,
                            config->snoop_control, free_tm, true);
    vtd_format_composed(&v->composed, config->haw_bits);
    for (unsigned i = 0; i < VTD_FIRST_COUNT; i++) {
        vtd_format_first_stage(&v->first[i], config->haw_bits, config->fs_1g,
                               i != VTD_FIRST_USER, i == VTD_FIRST_WPE);
    }
}

Vtd *vtd_new(const VtdConfig *config, const VtdOps *ops, void *opaque)
{
    Vtd *v = g_new0(Vtd, 1);

    v->ops = ops;
    v->opaque = opaque;
    v->config = *config;
    v->cap = vtd_unit_cap(config);
    v->ecap = vtd_unit_ecap(config);
    v->haw_mask = VTD_MASK(config->haw_bits - 1, VTD_PAGE_SHIFT);
    vtd_unit_formats(v);
    qemu_mutex_init(&v->lock);
    vtd_contexts_init(v);
    vtd_interrupts_init(v);
    vtd_history_init(v);
    v->iotlb = vtd_iotlb_new(&(VtdIotlbConfig) {
        .pasids = config->first_stage,
        .slots_max = VTD_IOTLB_SLOTS_MAX,
        .defer_free = ops->defer_free,
        .opaque = opaque,
    });
    v->paging = vtd_paging_new();
    vtd_spaces_init(v);
    vtd_shadows_init(v);
    vtd_regs_reset(v);
    return v;
}

void vtd_free(Vtd *v)
{
    vtd_shadows_destroy(v);
    vtd_spaces_destroy(v);
    vtd_paging_free(v->paging);
    vtd_iotlb_free(v->iotlb);
    vtd_history_destroy(v);
    vtd_interrupts_destroy(v);
    vtd_contexts_destroy(v);
    qemu_mutex_destroy(&v->lock);
    g_free(v);
}

void vtd_reset(Vtd *v)
{
    trace_vtd_reset_exit();
    vtd_contexts_reset(v);
    vtd_interrupts_reset(v);
    vtd_queue_reset(v);
    vtd_regs_reset(v);
    vtd_commands_reset(v);
    vtd_drain_reset(v);
    vtd_drop_translations(v);
    vtd_spaces_update(v, 0, 0);
    vtd_drop_interrupts(v);
}

void vtd_continue(Vtd *v)
{
    vtd_piece_resume(v);
    vtd_spaces_continue(v);
    if (!vtd_spaces_pending(v) && vtd_drain(v)) {
        vtd_commands_done(v);
        vtd_queue_run(v);
    }
}

void vtd_drained(Vtd *v)
{
    if (v->drain.waiting) {
        v->drain.waiting = false;
        vtd_continue(v);
    }
}

void vtd_use_caching_mode(Vtd *v)
{
    v->config.caching_mode = true;
    v->config.write_buffer = v->config.first_stage;
    v->cap = vtd_unit_cap(&v->config);
    vtd_regs_reset(v);
}

/* Some are counted elsewhere: by each space, or by what was seen of tables */
uint64_t vtd_stat(Vtd *v, VtdStat stat)
{
    uint64_t sum = qatomic_load_acquire(&v->stats[stat]);
    uint64_t leaves, bytes, all;

    switch (stat) {
    case VTD_STAT_TRANSLATIONS:
        return vtd_stat(v, VTD_STAT_IOTLB_HITS) +
               vtd_stat(v, VTD_STAT_IOTLB_MISSES) +
               vtd_stat(v, VTD_STAT_PASS_THROUGH);
    case VTD_STAT_IOTLB_HITS:
    case VTD_STAT_IOTLB_MISSES:
        for (unsigned i = 0; i < v->spaces.all->len; i++) {
            VtdSpace *space = g_ptr_array_index(v->spaces.all, i);

            sum += stat == VTD_STAT_IOTLB_HITS ? qatomic_read(&space->hits)
                                               : qatomic_read(&space->misses);
        }
        return sum;
    case VTD_STAT_CONTEXT_HITS:
        /* Each that was translated, but for those that had to read theirs */
        sum = qatomic_load_acquire(&v->contexts.read);
        for (unsigned i = 0; i < v->spaces.all->len; i++) {
            VtdSpace *space = g_ptr_array_index(v->spaces.all, i);

            sum += qatomic_load_acquire(&space->contexts_read);
        }
        /* A request that has read its own may not be counted yet, or be lost */
        all = vtd_stat(v, VTD_STAT_TRANSLATIONS);
        return all > sum ? all - sum : 0;
    case VTD_STAT_REFUSED_PAGES:
        for (unsigned i = 0; i < v->spaces.all->len; i++) {
            VtdSpace *space = g_ptr_array_index(v->spaces.all, i);

            sum += vtd_refused_bytes(space->sent.refused) >> VTD_PAGE_SHIFT;
        }
        return sum;
    case VTD_STAT_OVER_LIMIT:
        return v->shadows.stats.over_limit;
    case VTD_STAT_COMPARED:
        return v->shadows.stats.compared;
    case VTD_STAT_UNCHANGED:
        return v->shadows.stats.unchanged;
    case VTD_STAT_SHADOW_LEAVES:
        vtd_shadows_size(v, &leaves, &bytes);
        return leaves;
    case VTD_STAT_SHADOW_BYTES:
        vtd_shadows_size(v, &leaves, &bytes);
        for (unsigned i = 0; i < v->spaces.all->len; i++) {
            VtdSpace *space = g_ptr_array_index(v->spaces.all, i);

            bytes += vtd_extents_bytes(space->sent.extents);
        }
        return bytes;
    default:
        return sum;
    }
}

const char *vtd_stat_name(VtdStat stat)
{
    static const char *const names[] = {
        [VTD_STAT_TRANSLATIONS] = "translations",
        [VTD_STAT_PASS_THROUGH] = "pass-through",
        [VTD_STAT_IOTLB_HITS] = "iotlb-hits",
        [VTD_STAT_IOTLB_MISSES] = "iotlb-misses",
        [VTD_STAT_CONTEXT_HITS] = "context-hits",
        [VTD_STAT_CONTEXT_MISSES] = "context-misses",
        [VTD_STAT_VIEW_SWITCHES] = "view-switches",
        [VTD_STAT_FAULTS_RECORDED] = "faults-recorded",
        [VTD_STAT_FAULTS_LOST] = "faults-lost",
        [VTD_STAT_INV_CONTEXT_GLOBAL] = "inv-context-global",
        [VTD_STAT_INV_CONTEXT_DOMAIN] = "inv-context-domain",
        [VTD_STAT_INV_CONTEXT_DEVICE] = "inv-context-device",
        [VTD_STAT_INV_IOTLB_GLOBAL] = "inv-iotlb-global",
        [VTD_STAT_INV_IOTLB_DOMAIN] = "inv-iotlb-domain",
        [VTD_STAT_INV_IOTLB_PAGE] = "inv-iotlb-page",
        [VTD_STAT_INV_PASID_CACHE] = "inv-pasid-cache",
        [VTD_STAT_INV_PASID_IOTLB] = "inv-pasid-iotlb",
        [VTD_STAT_INV_PASID_IOTLB_PAGE] = "inv-pasid-iotlb-page",
        [VTD_STAT_INV_DEVICE_TLB] = "inv-device-tlb",
        [VTD_STAT_INV_IEC_GLOBAL] = "inv-iec-global",
        [VTD_STAT_INV_IEC_INDEX] = "inv-iec-index",
        [VTD_STAT_INV_WAIT] = "inv-wait",
        [VTD_STAT_INV_ERRORS] = "inv-errors",
        [VTD_STAT_INTERRUPTS_REMAPPED] = "interrupts-remapped",
        [VTD_STAT_INTERRUPTS_PASSED] = "interrupts-passed",
        [VTD_STAT_INTERRUPTS_BLOCKED] = "interrupts-blocked",
        [VTD_STAT_IEC_HITS] = "iec-hits",
        [VTD_STAT_IEC_MISSES] = "iec-misses",
        [VTD_STAT_SYNCS] = "shadow-syncs",
        [VTD_STAT_MAPS] = "shadow-maps",
        [VTD_STAT_UNMAPS] = "shadow-unmaps",
        [VTD_STAT_UNMAPPED_PAGES] = "shadow-unmapped-pages",
        [VTD_STAT_SPLITS] = "shadow-splits",
        [VTD_STAT_SYNC_PAUSES] = "shadow-sync-pauses",
        [VTD_STAT_UNSENDABLE] = "shadow-unsendable",
        [VTD_STAT_OVER_LIMIT] = "shadow-over-limit",
        [VTD_STAT_REFUSED] = "shadow-refused",
        [VTD_STAT_REFUSED_PAGES] = "shadow-refused-pages",
        [VTD_STAT_REFUSED_LOST] = "shadow-refused-lost",
        [VTD_STAT_LAYOUTS] = "shadow-layouts",
        [VTD_STAT_COMPARED] = "shadow-compared",
        [VTD_STAT_UNCHANGED] = "shadow-unchanged",
        [VTD_STAT_SHADOW_LEAVES] = "shadow-leaves",
        [VTD_STAT_SHADOW_BYTES] = "shadow-bytes",
    };

    QEMU_BUILD_BUG_ON(ARRAY_SIZE(names) != VTD_STAT_COUNT);

    return names[stat];
}
