/*
 * Intel IOMMU (VT-d) device: what is asked for of scalable mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns which capabilities of scalable mode the properties amount to, and
 * which combinations are refused.  Options have two sets of names, those of
 * QEMU 10.0 and those of 11.1; messages have the one that the user took.  All
 * of it runs under the big lock, before the device is realized.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "intel_iommu_compat.h"
#include "intel_iommu_internal.h"

#define MAX_PASID_BITS  20

static bool intel_iommu_is_scalable(const IntelIOMMUState *s)
{
    return s->x_scalable_mode || s->scalable_mode;
}

static bool intel_iommu_has_first_stage_alone(const IntelIOMMUState *s)
{
    return s->x_first_stage || s->first_stage;
}

/* Options that say nothing without scalable mode */
static bool intel_iommu_check_needs(IntelIOMMUState *s, Error **errp)
{
    if (intel_iommu_is_scalable(s)) {
        return true;
    }
    if (intel_iommu_has_first_stage_alone(s)) {
        error_setg(errp, "%s is only available in scalable mode, use %s=on",
                   s->x_first_stage ? "x-flts" : "fsts",
                   s->x_first_stage ? "x-scalable-mode" : "scalable-mode");
    } else if (s->scalable_full) {
        error_setg(errp, "x-scalable-full is only available in scalable mode, "
                   "use x-scalable-mode=on");
    } else if (s->x_pasid_mode || s->pasid_bits) {
        error_setg(errp, "Need to set scalable mode for PASID (%s), use "
                   "%s=on", s->x_pasid_mode ? "x-pasid-mode" : "pasid-bits",
                   s->x_pasid_mode ? "x-scalable-mode" : "scalable-mode");
    } else {
        return true;
    }
    return false;
}

static bool intel_iommu_check_pasid(IntelIOMMUState *s, Error **errp)
{
    if (s->pasid_bits > MAX_PASID_BITS) {
        error_setg(errp, "PASID width %u exceeds Max PASID Width %u allowed "
                   "in PCI spec, use pasid-bits=%u", s->pasid_bits,
                   MAX_PASID_BITS, MAX_PASID_BITS);
        return false;
    }
    /* The older option means no invalidations of device TLBs by PASID */
    if (s->x_pasid_mode && !s->pasid_bits && !s->scalable_full &&
        X86_IOMMU_DEVICE(s)->dt_supported) {
        error_setg(errp, "x-pasid-mode=on excludes device-iotlb=on, use "
                   "pasid-bits=%u", MAX_PASID_BITS);
        return false;
    }
    return true;
}

/* Widths that QEMU's own unit has, and for both stages those of Linux */
static bool intel_iommu_check_width(IntelIOMMUState *s, Error **errp)
{
    if (s->scalable_full) {
        if (s->input_bits != 48 && s->input_bits != 57) {
            error_setg(errp, "aw-bits=%u is not supported with "
                       "x-scalable-full=on, use 48 or 57", s->input_bits);
            return false;
        }
    } else if (intel_iommu_has_first_stage_alone(s)) {
        if (s->input_bits != 48) {
            error_setg(errp, "aw-bits=%u is not supported with %s=on, use 48",
                       s->input_bits, s->x_first_stage ? "x-flts" : "fsts");
            return false;
        }
    } else if (s->input_bits != 39 && s->input_bits != 48) {
        error_setg(errp, "aw-bits=%u is not supported, use 39 or 48%s",
                   s->input_bits, s->input_bits != 57 ? "" :
                   ", or x-scalable-mode=on,x-scalable-full=on");
        return false;
    }
    return true;
}

bool intel_iommu_check_scalable(IntelIOMMUState *s, Error **errp)
{
    if (!intel_iommu_check_needs(s, errp)) {
        return false;
    }
    if (s->scalable_full && intel_iommu_has_first_stage_alone(s)) {
        const char *name = s->x_first_stage ? "x-flts" : "fsts";

        error_setg(errp, "%s=on leaves out the second stage, and "
                   "x-scalable-full=on has both, use %s=off", name, name);
        return false;
    }
    if (intel_iommu_is_scalable(s) && !s->dma_drain) {
        error_setg(errp, "Need to set dma drain for scalable mode, use "
                   "dma-drain=on");
        return false;
    }
    return intel_iommu_check_pasid(s, errp) && intel_iommu_check_width(s, errp);
}

static unsigned intel_iommu_pasid_bits(const IntelIOMMUState *s)
{
    if (s->pasid_bits) {
        return s->pasid_bits;
    }
    if (s->scalable_full) {
        return MAX_PASID_BITS;
    }
    return s->x_pasid_mode ? INTEL_IOMMU_X_PASID_BITS : 0;
}

void intel_iommu_set_scalable(const IntelIOMMUState *s, VtdConfig *config)
{
    bool full = s->scalable_full;

    if (!intel_iommu_is_scalable(s)) {
        return;
    }
    config->scalable_mode = true;
    config->first_stage = full || intel_iommu_has_first_stage_alone(s);
    config->second_stage = full || !config->first_stage;
    config->nested = full;
    config->fs_1g = config->first_stage && s->first_stage_1g;
    config->ss_dirty = full;
    config->snooped_walks = full;
    config->supervisor = config->second_stage;
    config->rid_pasid = full;
    config->extended_accessed = full;
    config->abort_dma = full;
    config->pasid_bits = intel_iommu_pasid_bits(s);
    config->write_buffer = config->first_stage && s->caching_mode;
}

unsigned intel_iommu_mapped_bits(const IntelIOMMUState *s)
{
    /*
     * Addresses of the first stage are canonical: the upper half of them is
     * from 2^63 on, where no host maps anything.
     */
    return s->input_bits - intel_iommu_has_first_stage_alone(s);
}
