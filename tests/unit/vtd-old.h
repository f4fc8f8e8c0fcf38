/*
 * Tables of old that a paging-structure cache may lead to
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Such a cache holds where a walk found its table of leaves, and what the
 * levels above permit (7.1).  Until that is invalidated a request may meet
 * the table of then with what is in it now.  Owns which tables those are for
 * one address, and what they lead to.  A table leads to a leaf or is no answer:
 * what a request is denied is looked up anew.
 */

#ifndef TESTS_UNIT_VTD_OLD_H
#define TESTS_UNIT_VTD_OLD_H

#include "vtd-host.h"
#include "vtd-legal.h"
#include "tests/vtd/plain.h"

#define OLD_TABLES              40

typedef struct OldTable {
    PlainContext context;       /* of the walk */
    uint64_t gpa;
    uint64_t upper;             /* the bits that all entries above have */
} OldTable;

typedef struct OldTables {
    OldTable table[OLD_TABLES];
    unsigned n;
} OldTables;

/* A walk by @context may be made now; nested ones are not cached */
void old_tables_see(OldTables *old, Plain *p, const PlainContext *context,
                    uint64_t iova);
/* What the tables lead @iova to now is legal, too */
void old_tables_add(const OldTables *old, Plain *p, uint64_t iova,
                    VtdAccess access, Legal *legal);

#endif
