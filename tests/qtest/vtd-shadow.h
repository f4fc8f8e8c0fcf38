/*
 * VT-d qtests: is a device's shadow what it has to be?
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns, for one test device that is notified of MAP and UNMAP, what its
 * table was at the last look, and holds it against the guest's tables now
 * (vtd-plain.h): page for page the same, and got there in steps that were
 * allowed, by the device's log.
 */

#ifndef TESTS_VTD_SHADOW_H
#define TESTS_VTD_SHADOW_H

#include "vtd-plain.h"
#include "vtd-testdev.h"

typedef struct Shadow {
    Testdev *t;
    Plain *plain;
    GArray *pages;              /* joined PlainRun of the last look */
    GArray *sent;               /* TestdevMapping of the last look */
    GArray *unsent;             /* cover of mapped pages that are no RAM */
    uint64_t logged;
    bool dirty;                 /* dirty pages are tracked meanwhile */
} Shadow;

/* What one step took */
typedef struct ShadowSteps {
    uint64_t maps, unmaps;
    uint64_t remapped;          /* unchanged pages, for the sake of a split */
    uint64_t sections;          /* that came or went */
} ShadowSteps;

/* From an empty table on, also at what a device forgot on its own. */
void shadow_start(Shadow *s, Testdev *t, Plain *plain);
void shadow_restart(Shadow *s);
/* The same for a device that may have been notified, since it came. */
void shadow_resume(Shadow *s, Testdev *t, Plain *plain);
void shadow_stop(Shadow *s);

/*
 * The table is exactly what the guest's tables say, and since the last look
 *  - no rule of VFIO's was broken,
 *  - no UNMAP was in vain (but for a page that was not RAM: what RAM is may
 *    have been otherwise when it was mapped), beyond the address width, or
 *    over a page that did not change, but where it shared a mapping with one
 *    that did,
 *  - no MAP was wider than the leaf that it is of,
 *  - what an UNMAP took from pages that are mapped now came back at once,
 *  - while dirty pages are tracked, an UNMAP was of one mapping, and named
 *    its target.
 * Where a section came, all before it is forgotten.
 */
ShadowSteps shadow_expect(Shadow *s);
/* Besides, nothing at all was notified. */
void shadow_expect_quiet(Shadow *s);
/* Besides, it took that many notifications at most, and remapped nothing. */
ShadowSteps shadow_expect_steps(Shadow *s, uint64_t maps, uint64_t unmaps);

/*
 * For a look in between: pages of which @may has any may have changed or
 * not, all others have not.
 */
void shadow_expect_between(Shadow *s, const GArray *may);

/*
 * What a probe finds agrees with the guest's tables, at some pages of each
 * mapping and around it.
 */
void shadow_expect_translation(Shadow *s);

#endif
