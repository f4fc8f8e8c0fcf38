/*
 * VT-d tests: whether a shadow got from one state to the next as it had to
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the comparison of a device's mappings before and after a step, page for
 * page, with the notifications in between: what had to be touched, what was,
 * and the least number of UNMAPs that would have done.  That the mappings are
 * what the tables say is for the caller to see.
 */

#ifndef TESTS_VTD_JUDGE_H
#define TESTS_VTD_JUDGE_H

#include "tests/vtd/plain.h"

/* A MAP, or with no permission an UNMAP, as a host took it */
typedef struct JudgeRecord {
    Run run;
    uint64_t removed;           /* mappings, by an UNMAP */
    bool refused;               /* it changed nothing */
} JudgeRecord;

typedef struct JudgeStep {
    const GArray *before;       /* Run, one a mapping, as the next */
    const GArray *after;
    const GArray *log;          /* JudgeRecord */
    Plain *plain;
    /*
     * The device's tables, all of which were looked at in this step; NULL if
     * MAPs may be of what was seen of them earlier
     */
    const PlainContext *context;
    /*
     * A cover of where an UNMAP may remove nothing, since tables map what
     * was not RAM when it was to be sent; NULL for everywhere
     */
    const GArray *unsent;
    bool dirty;                 /* dirty pages are tracked */
} JudgeStep;

typedef struct Judgement {
    /* Pages, as covers */
    GArray *gone;
    GArray *stays;              /* mapped before and now, changed or not */
    unsigned changed;           /* runs of these that are not as before */
    unsigned fresh;             /* runs that were not mapped */
    uint64_t first, last;       /* around all that differs */

    /* Mappings of before */
    unsigned removed;
    unsigned splits;            /* of these, those that had to go in part */
    uint64_t remapped;          /* pages of these that did not change */
    unsigned kept_2m, kept_1g;  /* not removed, of that size or more */
    int passing;                /* made in this step and removed in it */

    /* Notifications */
    unsigned maps, unmaps;
    unsigned unmaps_gone;       /* over nothing that stays */
    char *wrong;                /* what must not happen, a line each, or NULL */
} Judgement;

/*
 * Wrong are
 *  - an UNMAP that takes a mapping of which every page is as before,
 *  - one that removes nothing, or reaches beyond the address width,
 *  - one over pages that are mapped before and now, unless they come back at
 *    once, and are of one mapping, the old or the new, or of one leaf,
 *  - a MAP that is not within one leaf.
 */
Judgement *judge(const JudgeStep *step);
void judgement_free(Judgement *j);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Judgement, judgement_free)

/*
 * The fewest UNMAPs, naturally aligned and within [@first, @last], for all
 * that is gone, over nothing that stays.
 */
unsigned judge_fewest(const Judgement *j, uint64_t first, uint64_t last);

#endif
