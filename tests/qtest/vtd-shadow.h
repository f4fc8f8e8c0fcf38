/*
 * VT-d qtests: is a device's shadow what it has to be?
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns, for one test device that is notified of MAP and UNMAP, what its
 * table was at the last look, and holds it against the guest's tables now
 * (tests/vtd/plain.h): page for page the same, and got there in steps that
 * were allowed, by the device's log (tests/vtd/judge.h).
 */

#ifndef TESTS_VTD_SHADOW_H
#define TESTS_VTD_SHADOW_H

#include "tests/vtd/judge.h"
#include "vtd-testdev.h"

typedef struct Shadow {
    Testdev *t;
    Plain *plain;
    uint64_t root;              /* table, where it is not the driver's */
    GArray *mappings;           /* Run, as of the last look */
    GArray *pages;              /* the same, joined */
    GArray *unsent;             /* leaves' pages that are no RAM */
    uint64_t logged;
    bool dirty;                 /* dirty pages are tracked meanwhile */
} Shadow;

/* What one step took */
typedef struct ShadowSteps {
    uint64_t maps, unmaps;
    uint64_t remapped;          /* unchanged pages, for the sake of a split */
    uint64_t sections;          /* that came or went */
} ShadowSteps;

/* A unit with the defaults; plain_end() frees what it keeps. */
void plain_init(Plain *p, QVtd *d, unsigned aw_bits);

/* From an empty table on, also at what a device forgot on its own. */
void shadow_start(Shadow *s, Testdev *t, Plain *plain);
void shadow_restart(Shadow *s);
/* The same for a device that may have been notified, since it came. */
void shadow_resume(Shadow *s, Testdev *t, Plain *plain);
void shadow_stop(Shadow *s);

/*
 * The table is exactly what the guest's tables say, no rule of VFIO's was
 * broken, and since the last look all was as tests/vtd/judge.h has it.  What is
 * gone took the fewest UNMAPs, and nothing was mapped and unmapped again.
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
