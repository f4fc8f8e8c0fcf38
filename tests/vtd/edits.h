/*
 * VT-d tests: changes of page tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the edits that tests of shadows are made of, and the rows of them that
 * the unit tests and the qtests have in common (rows-edits.c).
 */

#ifndef TESTS_VTD_EDITS_H
#define TESTS_VTD_EDITS_H

#include "tests/vtd/driver.h"

/* RAM that nothing else uses, for targets: 64 MiB, and for large leaves */
#define EDIT_RAM                0x4000000ull
#define EDIT_GIB                0x40000000ull
#define EDIT_GIB_2              0x140000000ull

/* One change of a tree of page tables; a row of them ends at level 0 */
typedef struct Edit {
    unsigned level;
    uint64_t iova;
    uint64_t value;             /* of the first entry */
    unsigned n;                 /* entries in a row */
    uint64_t step;              /* from one to the next */
} Edit;

/* @n leaves in a row, with R and W or with these bits */
#define LEAVES(level, iova, target, n) \
    LEAVES_BITS(level, iova, target, n, QVTD_RW)
#define LEAVES_BITS(level, iova, target, n, bits) \
    { (level), (iova), (target) | (bits) | ((level) > 1 ? QVTD_PS : 0), (n), \
      QVTD_PAGE << 9 * ((level) - 1) }
/* @n leaves to one target */
#define SAME_LEAVES(level, iova, target, n) \
    { (level), (iova), (target) | QVTD_RW | ((level) > 1 ? QVTD_PS : 0), \
      (n), 0 }
#define ENTRY(level, iova, value)   { (level), (iova), (value), 1, 0 }
#define CLEAR(level, iova, n)       { (level), (iova), 0, (n), 0 }

void qvtd_edit(QVtd *d, const QVtdDomain *domain, const Edit *edits,
               unsigned max);

/* Edits, one invalidation, and the notifications that it may take */
typedef struct EditRow {
    const char *name;
    Edit edits[5];
    QVtdDesc flush;
    uint64_t maps, unmaps;
} EditRow;

#define FLUSH_DOMAIN            QVTD_INV_IOTLB_DOMAIN(1)
#define FLUSH_PAGES(iova, am)   QVTD_INV_IOTLB_PAGES(1, iova, am)

/* Looks at what the row before did: it took that many at most */
typedef void EditStep(void *opaque, uint64_t maps, uint64_t unmaps);

/* Carry rows out one after the other. */
void qvtd_edit_rows(QVtd *d, const QVtdDomain *domain, const EditRow *rows,
                    unsigned n, EditStep *step, void *opaque);
/*
 * The same with those of a name.  A domain that is new has 4 levels, or 3 for
 * "narrow"; the last name is NULL.
 */
extern const char *const qvtd_edit_names[];
void qvtd_edit_rows_of(QVtd *d, const QVtdDomain *domain, const char *name,
                       EditStep *step, void *opaque);

#endif
