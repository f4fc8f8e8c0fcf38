/*
 * VT-d tests: a plain walk of what the guest wrote
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what a device's address space is by the structures in guest memory,
 * found in the slowest way that is surely right: from root and context entry
 * down through each table, entry by entry, with every reserved bit.  It
 * shares nothing with the engine.  Section numbers are those of
 * docs/specs/intel-vtd.rst.  One thread.
 */

#ifndef TESTS_VTD_PLAIN_H
#define TESTS_VTD_PLAIN_H

#include "tests/vtd/port.h"
#include "tests/vtd/runs.h"

/* A unit, as far as it decides what entries mean */
typedef struct Plain {
    QVtdPort *port;
    unsigned aw_bits;
    unsigned haw_bits;          /* of physical addresses */
    bool pass_through;
    bool snoop_control;
    bool device_iotlb;
    bool stale_tm;
    /*
     * Pages that were read since the last plain_context(); NULL to read each
     * entry when it is looked at
     */
    GHashTable *pages;
} Plain;

/* What a context entry means for requests (2.1) */
typedef enum PlainKind {
    PLAIN_BLOCKED,              /* no request gets through */
    PLAIN_PASS_THROUGH,
    PLAIN_TABLES,
} PlainKind;

typedef struct PlainContext {
    PlainKind kind;
    unsigned reason;            /* of the fault, 0 for none */
    bool fpd;                   /* no fault is recorded */
    uint64_t top;               /* the top table */
    unsigned levels;
    uint16_t did;
} PlainContext;

/*
 * From now on read each page once in a look, as reading takes long; until
 * plain_end().
 */
void plain_keep_pages(Plain *p);
void plain_end(Plain *p);

/*
 * What the device @sid gets, by the root table at @rtaddr.  A new look
 * begins: what plain_keep_pages() kept is read anew.
 */
PlainContext plain_context(Plain *p, uint64_t rtaddr, uint16_t sid);

/* How a walk ends */
typedef struct PlainEnd {
    unsigned reason;            /* of the fault, 0 for none */
    bool denied;                /* by an entry that permits something else */
    Run leaf;                   /* if there is no fault, with what it permits */
} PlainEnd;

/* The walk for one address; @wanted are the permissions, as a run's */
PlainEnd plain_lookup(Plain *p, const PlainContext *context, uint64_t iova,
                      unsigned wanted);
/* The leaf at @iova; false if there is none */
bool plain_leaf(Plain *p, const PlainContext *context, uint64_t iova,
                Run *leaf);

/* All leaves of the tables, one run each; none without tables */
GArray *plain_leaves(Plain *p, const PlainContext *context);
/*
 * What of them a shadow has, joined: whole pages of one piece of RAM that
 * are not in the interrupt range
 */
GArray *plain_shadow(Plain *p, const GArray *leaves);
/* Both at once */
GArray *plain_mapped(Plain *p, const PlainContext *context);

#endif
