/*
 * What became of a MAP notification of an IOMMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An IOMMU notifier returns nothing, so that who notifies cannot know that
 * a host refused to map.  A notifier that maps (VFIO's, vDPA's) notes it
 * here, and an IOMMU that wants to know looks at it behind the call.  The
 * big lock guards it.
 */

#ifndef HW_MISC_IOMMU_REFUSAL_H
#define HW_MISC_IOMMU_REFUSAL_H

/* By a notifier: 0, or -errno if it did not map what it was told to map */
void iommu_map_set_result(int result);
/* By who notified: the last of it, 0 if none was set since */
int iommu_map_take_result(void);

#endif
