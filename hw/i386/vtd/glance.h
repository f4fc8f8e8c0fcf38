/*
 * Intel VT-d engine: a few pages that are as they were
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the quick answer to the most frequent invalidation, that of a page or
 * of some neighbours which are mapped as before.  It changes nothing, and
 * decides nothing but "as before": all else is left to a sync.  [bql] calls
 * only.
 */

#ifndef HW_I386_VTD_GLANCE_H
#define HW_I386_VTD_GLANCE_H

#include "block.h"

/*
 * Whether the guest's tables say of @first to @last, which its tables can
 * translate, what @seen has.  If so @diff was told of all that is mapped there,
 * as by vtd_seen_sync().  False, and @diff was told nothing, if anything
 * differs, or if that is not known at once.
 */
bool vtd_glance(VtdSeen *seen, uint64_t first, uint64_t last, VtdDiffFn *diff,
                void *opaque);

#endif
