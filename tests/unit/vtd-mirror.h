/*
 * A device with a shadow, for tests that change tables and look at notices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a device, the strict host that mirrors its tables, and what that host
 * held when the step began.  One thread.
 */

#ifndef TESTS_UNIT_VTD_MIRROR_H
#define TESTS_UNIT_VTD_MIRROR_H

#include "vtd-strict.h"


/* RAM for targets of mappings */
#define TARGET                  (4 * GIB)
#define TARGET_SIZE             (8 * GIB)

typedef struct Mirror {
    Host *h;
    Device *d;
    Strict *s;
    uint64_t table;             /* the top one, as the next */
    unsigned levels;
    uint16_t did;
    GArray *before;             /* Run: the mappings at mirror_begin() */
} Mirror;

/* Caching mode on, no snoop control */
extern const VtdConfig mirror_config;

/* A unit that translates, with an empty root table and the RAM above */
Host *mirror_host(const VtdConfig *config);     /* NULL: mirror_config */

/*
 * A device that follows @levels levels of tables from @table (0 for new ones)
 * in domain @did; without that (0) it has no context.
 */
Mirror *mirror_new(Host *h, uint16_t sid, uint16_t did, uint64_t table,
                   unsigned levels);
void mirror_free(Mirror *m);
/* The context as its fields say, told to the unit */
void mirror_attach(Mirror *m);

/* @n leaves of @level from @iova on, of which each goes on from the last */
void mirror_map(Mirror *m, uint64_t iova, unsigned level, unsigned n,
                uint64_t leaf);
void mirror_unmap(Mirror *m, uint64_t iova, unsigned level, unsigned n);
/* The entry of @level for @iova */
uint64_t mirror_entry(Mirror *m, uint64_t iova, unsigned level);

/* Forget the notices so far; what follows is one step */
void mirror_begin(Mirror *m);
/* All of the domain */
void mirror_flush(Mirror *m);

/*
 * The host holds what the tables say, page for page; the step touched no
 * page that is as it was but where that cannot be, as @splits mappings; what
 * is gone took the fewest UNMAPs.  Then a new step begins.
 */
void assert_step(Mirror *m, unsigned splits);
/* Only the first part of that */
void assert_exact(const Mirror *m);

/* The notices of the step, in order, and no other */
void assert_told(const Mirror *m, const Run *notices, unsigned n);
#define assert_notices(m, ...) \
    assert_told(m, (Run[]) { __VA_ARGS__ }, \
                sizeof((Run[]) { __VA_ARGS__ }) / sizeof(Run))
#define assert_quiet(m)         assert_told(m, NULL, 0)
#define MAPS(iova, size, target) \
    { (iova), (iova) + (size) - 1, (target) & BITS(63, 12), \
      (target) & QVTD_RW }
#define UNMAPS(iova, size)      { (iova), (iova) + (size) - 1, 0, 0 }
/* How many of each the step had */
void assert_counts(const Mirror *m, unsigned unmaps, unsigned maps);

#endif
