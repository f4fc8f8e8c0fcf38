/*
 * What became of a MAP notification of an IOMMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See include/hw/misc/iommu-refusal.h.
 */

#include "qemu/osdep.h"
#include "hw/misc/iommu-refusal.h"

static int map_result;

void iommu_map_set_result(int result)
{
    map_result = result;
}

int iommu_map_take_result(void)
{
    int result = map_result;

    map_result = 0;
    return result;
}
