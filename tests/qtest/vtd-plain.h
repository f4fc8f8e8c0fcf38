/*
 * VT-d qtests: a plain walk of what the guest wrote
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what a device's address space is by the structures in guest memory,
 * found in the slowest way that is surely right: from root and context entry
 * down through each table, entry by entry, with every reserved bit.  Nothing
 * is cached from one look to the next.
 *
 * Ranges have inclusive ends.  A list of them is sorted and has no overlaps.
 */

#ifndef TESTS_VTD_PLAIN_H
#define TESTS_VTD_PLAIN_H

#include "vtd-driver.h"

/* Default memory is RAM or ROM below this, but for the hole of a VGA */
#define PLAIN_RAM               0x8000000ull
#define PLAIN_HIGH_RAM          0x100000000ull
#define PLAIN_PHYS_BITS         40          /* of the default CPU */
#define PLAIN_HOLE              0xa0000ull
#define PLAIN_HOLE_LAST         0xbffffull

typedef struct Plain {
    QVtd *d;
    uint64_t root;              /* root table */
    uint64_t ram;               /* end of RAM below 4 GiB */
    uint64_t high_ram;          /* end of RAM above that, if there is any */
    unsigned aw_bits;
    unsigned haw_bits;          /* of physical addresses */
    bool snoop_control;
    bool device_iotlb;
    bool hole;                  /* there is a VGA */
    GHashTable *pages;          /* read so far in this look */
} Plain;

typedef enum PlainView {
    PLAIN_BLOCKED,              /* no request gets through */
    PLAIN_TABLES,
    PLAIN_PASS,                 /* pass-through */
} PlainView;

/* One leaf, or pages that follow each other on both sides */
typedef struct PlainRun {
    uint64_t iova;
    uint64_t last;
    uint64_t target;
    uint8_t perm;               /* bit 0 read, bit 1 write */
} PlainRun;

/* Look with the unit's defaults: @root 0 is that of the driver. */
void plain_init(Plain *p, QVtd *d, unsigned aw_bits);
void plain_end(Plain *p);

/*
 * The leaves of the device @sid with their effective permissions, as
 * PlainRun in a new array; the tables are walked if they are what the
 * context entry says, else there are none.
 */
GArray *plain_leaves(Plain *p, uint16_t sid, PlainView *view);
/* The same for a tree of tables alone. */
GArray *plain_table_leaves(Plain *p, uint64_t top, unsigned levels);

/*
 * What of the leaves a shadow has: pages whose target is RAM and that are
 * not interrupts, joined as far as can be.
 */
GArray *plain_shadow(Plain *p, const GArray *leaves);

/* Append a run, joined with the last one if it follows it. */
void plain_append(GArray *runs, PlainRun run);
/* The pages that are mapped alike in both, as they are mapped. */
GArray *plain_common(const GArray *a, const GArray *b);
/* All pages of runs in any order, which may overlap; @runs is freed. */
GArray *plain_union(GArray *runs);
/* All pages, whatever they are mapped to: target and permission 0. */
GArray *plain_cover(const GArray *runs);
/* How many pages. */
uint64_t plain_pages(const GArray *runs);
/* The first run that ends at @iova or later; its index, or the length. */
unsigned plain_find(const GArray *runs, uint64_t iova);
/* Is all of the range in the (joined) runs; is any of it? */
bool plain_has_all(const GArray *runs, uint64_t iova, uint64_t last);
bool plain_has_any(const GArray *runs, uint64_t iova, uint64_t last);
/* Is a target in RAM, whole? */
bool plain_is_ram(const Plain *p, uint64_t pa, uint64_t bytes);

/*
 * Fail unless both are the same page for page; says where they differ
 * first.
 */
bool plain_expect_same(const char *what, const GArray *got,
                       const GArray *want);

#define PLAIN_RUN(runs, i)      g_array_index(runs, PlainRun, i)

#endif
