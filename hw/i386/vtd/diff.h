/*
 * Intel VT-d engine: differences
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the state of a look: one pass over what was seen of a table, for a
 * sync with the guest's tables or a comparison with what was seen of another.
 * [bql] calls only.
 */

#ifndef HW_I386_VTD_DIFF_H
#define HW_I386_VTD_DIFF_H

#include "block.h"

#define VTD_LOOK_EMPTIES        32      /* a power of two */

/* The GiB that are held in a range, in order; one alone takes no memory */
typedef struct VtdGibs {
    VtdGib **at;
    unsigned count;
    VtdGib *one;
    GPtrArray *many;
} VtdGibs;

typedef struct VtdLook {
    const VtdFormat *was;       /* of what was seen before */
    const VtdFormat *format;    /* of what is now */
    uint64_t first, last;
    bool each_leaf;
    VtdDiffFn *diff;
    void *opaque;
    uint64_t work;              /* so far, see VtdSeenConfig.work */
    /* For a sync alone: */
    VtdSeen *seen;
    struct VtdGuest *guest;     /* its tables */
    bool full;                  /* something new was left out */
    uint64_t resume;            /* where it stopped; 0 if it did not */
    uint64_t found;             /* how many GiB and blocks were not empty */
    /* Tables known to map nothing: address | level */
    uint64_t empty[VTD_LOOK_EMPTIES];
    VtdGibs gibs;               /* that are held in the range */
    unsigned next;              /* of these, the first not passed yet */
} VtdLook;

/* Tell of a range with one fate */
void vtd_look_report(VtdLook *look, VtdDiffKind kind, unsigned level,
                     uint64_t first, uint64_t last, uint64_t leaf,
                     uint64_t old);
/*
 * Tell what became of pages @from to @to of the block at @start.  One of the
 * blocks may be NULL.
 */
void vtd_look_block(VtdLook *look, uint64_t start, unsigned from, unsigned to,
                    const VtdBlock *old, const VtdBlock *new);
/*
 * Tables that are known to map nothing.  A guest can link a few of its pages
 * so that there are billions of ways through them, none of which ends at a
 * leaf; each such table is gone through once.
 */
bool vtd_look_known_empty(VtdLook *look, uint64_t gpa, unsigned level);
/* The table was found to map nothing under @upper */
void vtd_look_note_empty(VtdLook *look, uint64_t gpa, unsigned level,
                         uint64_t upper);
/* So many new leaves were left out: do not look at new tables after them */
void vtd_look_no_room(VtdLook *look, uint64_t leaves);
/* Which units of 2^@shift of the @size bytes from @start are in the range */
void vtd_look_clip(const VtdLook *look, uint64_t start, uint64_t size,
                   unsigned shift, unsigned *from, unsigned *to);
/* The GiB of @seen (or NULL) that a range meets; to be ended */
void vtd_gibs_begin(VtdGibs *gibs, const VtdSeen *seen, uint64_t first,
                    uint64_t last);
void vtd_gibs_end(VtdGibs *gibs);

#endif
