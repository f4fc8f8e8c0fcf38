/*
 * Intel VT-d engine: a few pages that are as they were, or one that is not
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the quick answer to the most frequent invalidations: that of a page or
 * of some neighbours which are mapped as before, and that of one page among
 * others, which a guest has just mapped or unmapped.  All else is left to a
 * sync.  [bql] calls only.
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

typedef enum VtdGlance {
    VTD_GLANCE_UNSURE,          /* not known at once: nothing was done */
    VTD_GLANCE_NOTHING,         /* nothing is mapped there, nor was before */
    VTD_GLANCE_PAGE,            /* what became of it is in VtdDiff */
} VtdGlance;

/*
 * Take over what the guest's tables say of the page at @first, if all around it
 * can stay as it is held: what vtd_seen_sync() would do and tell of it alone
 */
VtdGlance vtd_glance_page(VtdSeen *seen, uint64_t first, VtdDiff *diff);

#endif
