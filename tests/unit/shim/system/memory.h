/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit build only: the permission of an IOMMU mapping. */

#ifndef SHIM_SYSTEM_MEMORY_H
#define SHIM_SYSTEM_MEMORY_H

#include "exec/hwaddr.h"

typedef enum {
    IOMMU_NONE = 0,
    IOMMU_RO = 1,
    IOMMU_WO = 2,
    IOMMU_RW = IOMMU_RO | IOMMU_WO,
} IOMMUAccessFlags;

#endif
