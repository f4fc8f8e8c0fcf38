/*
 * Intel IOMMU (VT-d) device: what differs from one QEMU to another
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each difference is bridged by asking what this QEMU has, and not which
 * version it is, where it can be asked.  Headers that got another name are the
 * business of scripts/wire-qemu.
 */

#ifndef HW_I386_INTEL_IOMMU_COMPAT_H
#define HW_I386_INTEL_IOMMU_COMPAT_H

#include "qapi/error.h"
#include "qom/object.h"
#include "hw/core/qdev-properties.h"

/*
 * Whether QEMU's own unit has CAP.ESRTPS, so that the same command line means
 * the same capabilities.  No interface tells.
 */
#define INTEL_IOMMU_ESRTPS \
    (QEMU_VERSION_MAJOR * 100 + QEMU_VERSION_MINOR >= 1002)

/*
 * How wide PASIDs are with x-pasid-mode, by ECAP.PSS of QEMU's own unit: that
 * of 10.0 does not say.  No interface tells.
 */
#define INTEL_IOMMU_X_PASID_BITS \
    (QEMU_VERSION_MAJOR * 100 + QEMU_VERSION_MINOR >= 1002 ? 8 : 1)

/*
 * What users of this QEMU call an option of its own unit that the newest ones
 * call @name.  Both names are understood, so that the parser cannot tell.
 */
static inline const char *intel_iommu_option_name(const char *name)
{
    static const char *const older[][2] = {
        { "scalable-mode", "x-scalable-mode" },
        { "fsts", "x-flts" },
    };

    if (QEMU_VERSION_MAJOR * 100 + QEMU_VERSION_MINOR >= 1101) {
        return name;
    }
    for (size_t i = 0; i < ARRAY_SIZE(older); i++) {
        if (g_str_equal(older[i][0], name)) {
            return older[i][1];
        }
    }
    return name;
}

/*
 * In an IOMMUTLBEntry: that it is of requests without PASID, where it can say
 * so.  No interface tells.
 */
#if QEMU_VERSION_MAJOR * 100 + QEMU_VERSION_MINOR >= 1001
#define INTEL_IOMMU_NO_PASID    .pasid = PCI_NO_PASID,
#else
#define INTEL_IOMMU_NO_PASID
#endif

/* What class_init gets besides the class: a pointer, const or not */
typedef typeof_field(TypeInfo, class_data) IntelIOMMUClassData;

/*
 * Give the class those of @count properties that its parent has not; QEMU
 * aborts where a class defines one anew.  Which they are differs, and for
 * how many versions they have been there: read them by name.
 */
static inline void intel_iommu_class_add_props(ObjectClass *klass,
                                               const Property *props,
                                               size_t count)
{
    ObjectClass *parent = object_class_get_parent(klass);
    Property *own = g_new0(Property, count);    /* the class's, for ever */
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (!object_class_property_find(parent, props[i].name)) {
            own[n++] = props[i];
        }
    }
    device_class_set_props_n(DEVICE_CLASS(klass), own, n);
}

/* Explain a property of the class or of one that it inherits from. */
static inline void intel_iommu_class_describe(ObjectClass *klass,
                                              const char *name,
                                              const char *text)
{
    while (object_class_property_find(object_class_get_parent(klass), name)) {
        klass = object_class_get_parent(klass);
    }
    object_class_property_set_description(klass, name, text);
}

#endif
