/*
 * Intel VT-d engine: what was last seen of a table
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns, for one top table and those below it, a copy of the leaves as of the
 * last look, and finds what differs from the guest's tables now, or from the
 * copy of another table.  Knows nothing of devices: differences go to a
 * function.
 *
 * A GTree holds a node for each GiB of input addresses in which something is
 * mapped; a node holds 512 blocks of 2 MiB, a block the 512 entries of a
 * table as the guest wrote them, so that an unchanged table costs one
 * comparison of memory.  A block whose entries step evenly, or that is a
 * superpage, is a run: its first entry alone, with a bit for each page where
 * some are missing.
 *
 * Memory is bounded.  What is new is not taken once there is no room, and
 * what changed goes, but a page that is as it was always stays: for each
 * superpage and run that is held, room is kept to remember which of its
 * pages are still there.
 *
 * [bql] calls only.
 */

#ifndef HW_I386_VTD_SEEN_H
#define HW_I386_VTD_SEEN_H

#include "vtd.h"
#include "walk.h"

typedef struct VtdSeen VtdSeen;

typedef enum VtdDiffKind {
    VTD_DIFF_KEPT,              /* mapped, and the same before */
    VTD_DIFF_GONE,
    VTD_DIFF_FRESH,             /* nothing was mapped before */
    VTD_DIFF_CHANGED,           /* mapped, and otherwise before */
} VtdDiffKind;

/*
 * A range of pages with one fate, input addresses inclusive.  @leaf is the
 * output address and permission of the first page now (not for GONE), @old
 * what it was (for GONE and CHANGED); the pages after it follow on evenly.
 * Do not use @leaf and @old of KEPT, nor of GONE unless @each_leaf was given:
 * such a range may span several of the guest's leaves.
 */
typedef struct VtdDiff {
    VtdDiffKind kind;
    uint8_t level;              /* of the leaf that the range lies in */
    uint64_t first;
    uint64_t last;
    uint64_t leaf;
    uint64_t old;
} VtdDiff;

/* Called in the order of the addresses */
typedef void VtdDiffFn(void *opaque, const VtdDiff *diff);

/* Counters, of all that was seen with one VtdSeenConfig */
typedef struct VtdSeenStats {
    uint64_t compared;          /* entries for 4 KiB looked at */
    uint64_t unchanged;         /* of these, found as they were */
    uint64_t over_limit;        /* leaves not taken for want of room */
} VtdSeenStats;

typedef struct VtdSeenConfig {
    const VtdFormat *second;    /* of second stages below a first, */
    const VtdFormat *composed;  /* and of both as one */
    VtdRamFn *ram;
    VtdReadFn *read;
    VtdSwapFn *swap;
    void *opaque;
    uint64_t max_leaves;        /* what is held: no new leaf past this, */
    uint64_t max_bytes;         /* and no memory past this */
    /*
     * A sync stops after so much work.  A last-level table or a GiB that is
     * looked at counts as 1, which is up to a microsecond; a difference that
     * may be a MAP as 8.
     */
    uint64_t work;
    VtdSeenStats *stats;
} VtdSeenConfig;

/* Nothing is seen yet of @tables.  @config is not copied */
VtdSeen *vtd_seen_new(const VtdSeenConfig *config, const VtdTables *tables);
/* A copy of what was seen so far */
VtdSeen *vtd_seen_copy(const VtdSeen *from);
void vtd_seen_free(VtdSeen *seen);

/* True once there was something that the limits left out */
bool vtd_seen_limited(const VtdSeen *seen);
/* How many leaves are held, and the bytes of memory that they take */
void vtd_seen_size(const VtdSeen *seen, uint64_t *leaves,
                    uint64_t *bytes);
/* How many pages of 4 KiB these map */
uint64_t vtd_seen_pages(const VtdSeen *seen);

/*
 * A sync begins, in one or several calls of vtd_seen_sync(); of all input
 * addresses, or of some
 */
void vtd_seen_begin(VtdSeen *seen, bool all);

/*
 * Take over what the guest's tables say from @first to @last, and beyond as
 * far as a superpage that is there, or was, reaches; tell @diff of all that
 * is or was mapped there.  With @each_leaf, a GONE range is one old leaf.  The
 * work of one call is bounded: returns the address to go on from, or 0 if all
 * of the range was looked at.
 */
uint64_t vtd_seen_sync(VtdSeen *seen, uint64_t first, uint64_t last,
                        bool each_leaf, VtdDiffFn *diff, void *opaque);

/*
 * Tell @diff what becomes of a range if @new comes in the place of @old, as
 * both were last seen; NULL maps nothing.  @each_leaf as above.
 */
void vtd_seen_compare(VtdSeen *old, VtdSeen *new, uint64_t first,
                       uint64_t last, bool each_leaf, VtdDiffFn *diff,
                       void *opaque);

#endif
