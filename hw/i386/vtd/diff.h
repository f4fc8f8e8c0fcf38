/*
 * Intel VT-d engine: differences
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the state of a walk over what was last seen, which a sync and a
 * comparison of two tables share.  [bql] calls only.
 */

#ifndef HW_I386_VTD_DIFF_H
#define HW_I386_VTD_DIFF_H

#include "block.h"

#define VTD_LOOK_EMPTIES        32      /* a power of two */

/* A walk of a sync, or of a comparison */
typedef struct VtdLook {
    VtdSeen *seen;
    const VtdFormat *format;
    uint64_t first, last;
    bool each_leaf;
    VtdDiffFn *diff;
    void *opaque;
    VtdRam ram;                 /* where the last table was */
    uint64_t *copy;             /* of a table of each level, or NULL */
    bool full;                  /* something new was not taken */
    uint64_t work;              /* so far, as WORK counts it */
    uint64_t resume;            /* where it stopped; 0 for not */
    uint64_t found;             /* blocks that were not empty so far */
    /* Tables known to map nothing: address | level */
    uint64_t empty[VTD_LOOK_EMPTIES];
    GPtrArray *gibs;            /* held ones of the range, in order */
    unsigned next;              /* the first of them not passed */
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
/* Which units of 2^@shift of the @size bytes from @start are in the range */
void vtd_look_clip(const VtdLook *look, uint64_t start, uint64_t size,
                   unsigned shift, unsigned *from, unsigned *to);
/* The nodes of @table (or NULL) that a range meets, in order, into @gibs */
void vtd_gibs_collect(const VtdSeen *seen, GPtrArray *gibs, uint64_t first,
                      uint64_t last);

#endif
