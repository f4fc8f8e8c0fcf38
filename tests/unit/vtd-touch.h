/*
 * What one step did to a strict host
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the comparison of a host's mappings before and after, page for page,
 * with the notices in between: what had to be touched, what was, and the
 * least number of UNMAPs that would have done.  One thread.
 */

#ifndef TESTS_UNIT_VTD_TOUCH_H
#define TESTS_UNIT_VTD_TOUCH_H

#include "vtd-strict.h"

typedef struct Touch {
    /* Pages, as joined runs whose addresses mean nothing */
    GArray *gone;
    GArray *stays;              /* mapped before and now, changed or not */
    unsigned changed;           /* runs of these that are not as before */
    unsigned fresh;             /* runs that were not mapped */
    uint64_t first, last;       /* around all that differs */

    /* Mappings of before */
    unsigned removed;
    unsigned splits;            /* of these, those that had to go in part */
    unsigned kept_2m, kept_1g;  /* not removed, of that size or more */
    unsigned passing;           /* made in this step and removed in it */

    /* Notices */
    unsigned unmaps;            /* over nothing that stays */
    char *wrong;                /* what should not have happened, or NULL */
} Touch;

/*
 * From @before (Run, one a mapping) to what @s holds by its log.  Wrong are:
 * a mapping of which every page is as before unmapped, a page that changed not
 * mapped right after its UNMAP.
 */
Touch *touch_new(const GArray *before, const Strict *s);
void touch_free(Touch *touch);

/*
 * The fewest UNMAPs, naturally aligned and within [@first, @last], for all
 * that is gone, over nothing that stays.
 */
unsigned touch_fewest(const Touch *touch, uint64_t first, uint64_t last);

#endif
