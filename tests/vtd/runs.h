/*
 * VT-d tests: lists of ranges
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns sorted lists of ranges without overlaps, each with a target and a
 * permission, and what can be asked of them.  Lists that runs_add() made are
 * joined where they can be, so that two are equal if all their pages are.
 */

#ifndef TESTS_VTD_RUNS_H
#define TESTS_VTD_RUNS_H

/* Pages that follow on evenly from @addr, and have one permission */
typedef struct Run {
    uint64_t first;
    uint64_t last;              /* inclusive */
    uint64_t addr;
    unsigned perm;              /* bit 0 read, bit 1 write */
} Run;

#define RUN(runs, i)            g_array_index(runs, Run, i)

GArray *runs_new(void);
/* Add a run behind the others, joined to the last one if it goes on evenly */
void runs_add(GArray *runs, const Run *run);
#define RUNS_ADD(runs, ...)     runs_add(runs, &(Run) { __VA_ARGS__ })
/* The run that has @iova, or else the first one behind it; NULL if none */
const Run *runs_find(const GArray *runs, uint64_t iova);
/* The run that has all of the range; NULL if none has */
const Run *runs_around(const GArray *runs, uint64_t first, uint64_t last);
/* Whether any of the range is in one */
bool runs_meet(const GArray *runs, uint64_t first, uint64_t last);
/* How many pages of 4 KiB of the range there are */
uint64_t runs_pages(const GArray *runs, uint64_t first, uint64_t last);

/* In a new list: all pages, whatever they are mapped to */
GArray *runs_cover(const GArray *runs);
/* The same of runs in any order, which may overlap */
GArray *runs_union(const GArray *runs);
/* The pages that both map alike, as they are mapped */
GArray *runs_common(const GArray *a, const GArray *b);
/* The pages of @runs that are not in @without */
GArray *runs_subtract(const GArray *runs, const GArray *without);

/*
 * Pages of two lists side by side: @was and @now are both even from @first to
 * @last.  As it begins, all but @next is zero.
 */
typedef struct RunPair {
    uint64_t next;              /* where to look from */
    bool at_end;
    uint64_t first;
    uint64_t last;
    uint64_t was;               /* address and permission, 0 for nothing */
    uint64_t now;
} RunPair;

/* The next pair with something in it; false at the end */
bool runs_pair(const GArray *before, const GArray *after, RunPair *pair);

/* Fail unless both are the same page for page; says where they first differ */
bool runs_expect_same(const char *what, const GArray *got,
                      const GArray *want);

#endif
