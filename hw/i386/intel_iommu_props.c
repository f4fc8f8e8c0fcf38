/*
 * Intel IOMMU (VT-d) device: properties
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what a user can ask of the device, the words that explain it, and
 * what is refused.  All of it runs under the big lock, before the device is
 * realized.
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qapi/qapi-types-common.h"
#include "qapi/util.h"
#include "qapi/visitor-impl.h"
#include "hw/core/qdev-properties.h"
#include "kvm/kvm_i386.h"
#include "system/kvm.h"
#include "intel_iommu_compat.h"
#include "intel_iommu_internal.h"

/* 64 GiB in pages of 4 KiB, which take 130 MiB of QEMU's memory if scattered */
#define INTEL_IOMMU_MAX_MAPPINGS    (16 * MiB)

/*
 * Whether a value is a bool of JSON.  What comes from the command line is
 * a string, and so is an enumeration's value in JSON.  Only visitors of JSON
 * know of alternates; the others must not be asked.
 */
static bool intel_iommu_visit_kind(Visitor *v, const char *name,
                                   bool *is_bool, Error **errp)
{
    GenericAlternate *kind;

    *is_bool = false;
    if (!v->start_alternate) {
        return true;
    }
    if (!visit_start_alternate(v, name, &kind, sizeof(*kind), errp)) {
        return false;
    }
    *is_bool = kind->type == QTYPE_QBOOL;
    visit_end_alternate(v, (void **)&kind);
    g_free(kind);
    return true;
}

static void intel_iommu_set_caching_mode(Object *obj, Visitor *v,
                                         const char *name, void *opaque,
                                         Error **errp)
{
    IntelIOMMUState *s = INTEL_IOMMU_DEVICE(obj);
    g_autofree char *text = NULL;
    bool is_bool, on;

    if (!intel_iommu_visit_kind(v, name, &is_bool, errp)) {
        return;
    }
    if (is_bool) {
        if (!visit_type_bool(v, name, &on, errp)) {
            return;
        }
    } else {
        if (!visit_type_str(v, name, &text, errp)) {
            return;
        }
        if (!strcmp(text, "auto")) {
            s->caching_mode_option = ON_OFF_AUTO_AUTO;
            s->caching_mode = false;
            return;
        }
        if (!qapi_bool_parse(name, text, &on, NULL)) {
            error_setg(errp, "Parameter '%s' expects 'on', 'off' or 'auto'",
                       name);
            return;
        }
    }
    s->caching_mode_option = on ? ON_OFF_AUTO_ON : ON_OFF_AUTO_OFF;
    s->caching_mode = on;
}

/*
 * Reads give a bool, what auto was resolved to: the property was a bool
 * before it had auto, and tools expect one.
 */
static void intel_iommu_get_caching_mode(Object *obj, Visitor *v,
                                         const char *name, void *opaque,
                                         Error **errp)
{
    IntelIOMMUState *s = INTEL_IOMMU_DEVICE(obj);

    visit_type_bool(v, name, &s->caching_mode, errp);
}

/* No default is set: the zeroed field means auto */
static const PropertyInfo intel_iommu_prop_caching_mode = {
    .type = "bool",
    .get = intel_iommu_get_caching_mode,
    .set = intel_iommu_set_caching_mode,
};

static const Property intel_iommu_properties[] = {
    DEFINE_PROP_UINT32("version", IntelIOMMUState, version, 0),
    DEFINE_PROP_ON_OFF_AUTO("eim", IntelIOMMUState, eim, ON_OFF_AUTO_AUTO),
    DEFINE_PROP_BOOL("x-buggy-eim", IntelIOMMUState, buggy_eim, false),
    DEFINE_PROP_UINT8("aw-bits", IntelIOMMUState, input_bits, 48),
    { .name = "caching-mode", .info = &intel_iommu_prop_caching_mode },
    DEFINE_PROP_BOOL("x-scalable-mode", IntelIOMMUState, x_scalable_mode,
                     false),
    DEFINE_PROP_BOOL("scalable-mode", IntelIOMMUState, scalable_mode, false),
    DEFINE_PROP_BOOL("x-flts", IntelIOMMUState, x_first_stage, false),
    DEFINE_PROP_BOOL("fsts", IntelIOMMUState, first_stage, false),
    DEFINE_PROP_BOOL("snoop-control", IntelIOMMUState, snoop_control, false),
    DEFINE_PROP_BOOL("x-pasid-mode", IntelIOMMUState, x_pasid_mode, false),
    DEFINE_PROP_UINT8("pasid-bits", IntelIOMMUState, pasid_bits, 0),
    DEFINE_PROP_BOOL("svm", IntelIOMMUState, svm, false),
    DEFINE_PROP_BOOL("x-scalable-full", IntelIOMMUState, scalable_full, false),
    DEFINE_PROP_BOOL("dma-drain", IntelIOMMUState, dma_drain, true),
    /* Those of every IOMMU, in some versions of QEMU */
    DEFINE_PROP_BOOL("dma-translation", IntelIOMMUState, dma_translation,
                     true),
    DEFINE_PROP_BOOL("pt", IntelIOMMUState, pass_through, true),
    DEFINE_PROP_BOOL("stale-tm", IntelIOMMUState, stale_tm, false),
    DEFINE_PROP_BOOL("fs1gp", IntelIOMMUState, first_stage_1g, true),
    DEFINE_PROP_UINT64("max-mappings", IntelIOMMUState, max_mappings,
                       INTEL_IOMMU_MAX_MAPPINGS),
};

typedef struct VtdPropertyHelp {
    const char *name;
    const char *text;
} VtdPropertyHelp;

static const VtdPropertyHelp intel_iommu_help[] = {
    { "version", "ignored" },
    { "eim", "on/off/auto: interrupts to x2APIC ids above 255; auto is on "
      "with KVM and intremap=on" },
    { "x-buggy-eim", "on/off: eim=auto as machines before 2.8 had it" },
    { "aw-bits", "width of DMA addresses, 39 or 48, or 57 with "
      "x-scalable-full=on; the host's IOMMU must have it for assigned "
      "devices" },
    { "caching-mode", "on/off/auto: hear of new mappings, as assigned "
      "devices (vfio, vdpa) need; auto is on if there is one at the start "
      "(default: auto)" },
    { "x-scalable-mode", "on/off: offer scalable mode, with tables of the "
      "second stage" },
    { "scalable-mode", "on/off: x-scalable-mode as QEMU 11.1 calls it" },
    { "x-flts", "on/off: with x-scalable-mode=on, tables of the first stage "
      "instead of the second" },
    { "fsts", "on/off: x-flts as QEMU 11.1 calls it" },
    { "snoop-control", "on/off: let page tables ask for snooped accesses; "
      "excludes vfio" },
    { "x-pasid-mode", "on/off: with x-scalable-mode=on, requests with PASID; "
      "excludes device-iotlb" },
    { "pasid-bits", "with x-scalable-mode=on, width of PASIDs, up to 20; 0: "
      "none" },
    { "svm", "on/off: not supported" },
    { "x-scalable-full", "on/off: with x-scalable-mode=on, all that there is "
      "of it: both stages, nested too, 57 bits, PASIDs" },
    { "dma-drain", "on/off: say that invalidations wait for DMA under way" },
    { "dma-translation", "on/off: offer translation of DMA, beside that of "
      "interrupts" },
    { "stale-tm", "on/off: let page tables set the old bit TM, with "
      "device-iotlb=on" },
    { "fs1gp", "on/off: offer pages of 1 GiB in tables of the first stage" },
    { "max-mappings", "pages that can be mapped for an assigned device; "
      "16 bytes of memory for each at most, 16 MiB at least, for each set of "
      "page tables, and a sixteenth more for each device" },
    { "device-iotlb", "on/off: offer ATS, for virtio devices with ats=on" },
    { "intremap", "on/off/auto: remap interrupts; auto is off only with "
      "kernel-irqchip=on of KVM" },
    { "pt", "on/off: offer pass-through, the guest's iommu=pt" },
};

void intel_iommu_class_init_props(ObjectClass *klass)
{
    intel_iommu_class_add_props(klass, intel_iommu_properties,
                                ARRAY_SIZE(intel_iommu_properties));
    for (size_t i = 0; i < ARRAY_SIZE(intel_iommu_help); i++) {
        intel_iommu_class_describe(klass, intel_iommu_help[i].name,
                                   intel_iommu_help[i].text);
    }
}

bool intel_iommu_check_props(IntelIOMMUState *s, Error **errp)
{
    bool ir = x86_iommu_ir_supported(X86_IOMMU_DEVICE(s));

    if (s->svm) {
        error_setg(errp, "svm=on is not supported, use svm=off");
        return false;
    }
    if (s->eim == ON_OFF_AUTO_ON && !ir) {
        error_setg(errp, "eim=on cannot be selected without intremap=on");
        return false;
    }
    if (s->eim == ON_OFF_AUTO_AUTO) {
        s->eim = ir && (kvm_irqchip_in_kernel() || s->buggy_eim)
                 ? ON_OFF_AUTO_ON : ON_OFF_AUTO_OFF;
    }
    if (s->eim == ON_OFF_AUTO_ON && !s->buggy_eim &&
        kvm_irqchip_is_split() && !kvm_enable_x2apic()) {
        error_setg(errp, "eim=on requires support on the KVM side "
                   "(X2APIC_API, first shipped in v4.7), use eim=off");
        return false;
    }
    return intel_iommu_check_scalable(s, errp);
}
