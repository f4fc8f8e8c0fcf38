/*
 * A PCI device that tests IOMMUs: the table of mappings
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what a device can reach, mapping by mapping, and the rules that
 * VFIO's type1v2 has for it, or iommufd.  What breaks a rule changes nothing.
 * It needs GLib alone, so that the unit tests of the engine judge by the same
 * rules.
 *
 * The two differ in what they say.  Where an UNMAP cuts a mapping, which it is
 * in the midst of, as all ranges are aligned, type1 refuses it.  For iommufd
 * that is -ENOENT, as if nothing were mapped, and QEMU takes it for success:
 * the mapping stays, and nobody is told.  To unmap nothing breaks no rule of
 * either, unless dirty pages are tracked.
 * Callers serialise what they do to a table.
 */

#ifndef HW_MISC_VTD_TESTDEV_TABLE_H
#define HW_MISC_VTD_TESTDEV_TABLE_H

#include "hw/misc/vtd-testdev.h"

#define TESTDEV_PAGE            0x1000ull

/* A mapping, or a MAP or UNMAP of one; the end is inclusive */
typedef struct TestdevExtent {
    uint64_t iova;
    uint64_t last;
    uint64_t target;
    uint8_t *host;              /* of a mapping: where its target is */
    uint8_t perm;               /* bit 0 read, bit 1 write; 0: an UNMAP */
} TestdevExtent;

/* Where the target of a MAP is; NULL unless it is all in one piece of RAM */
typedef uint8_t *TestdevFindRam(void *opaque, const TestdevExtent *e);

typedef struct TestdevTable {
    GTree *extents;             /* TestdevExtent, by its range */
    uint64_t pages;             /* of 4 KiB, that are mapped */
    uint64_t limit;             /* of mappings; 0: none */
    bool iommufd;               /* by its rules, which are type1's and more */
    TestdevFindRam *find_ram;
    void *opaque;               /* of find_ram */
} TestdevTable;

/* An empty table; @t is zeroed but for its limit and whose rules it has. */
void testdev_table_init(TestdevTable *t, TestdevFindRam *find_ram,
                        void *opaque);
void testdev_table_destroy(TestdevTable *t);

/*
 * Carry out a MAP or an UNMAP, of which *@removed is how many mappings went.
 * While pages that devices write are tracked (@dirty), whoever unmaps asks
 * which pages of that one mapping were written, by its target; iommufd has no
 * answer where nothing is mapped.  Returns the rule that it breaks, or
 * TESTDEV_NO_ERROR.
 */
int testdev_table_update(TestdevTable *t, const TestdevExtent *e, bool dirty,
                         uint64_t *removed);
/* Drop all that lies in the range, and return how many that were. */
uint64_t testdev_table_forget(TestdevTable *t, uint64_t iova, uint64_t last);

/* The mapping at @iova, or else the first behind it; NULL if there is none. */
const TestdevExtent *testdev_table_find(const TestdevTable *t, uint64_t iova);
/* The mapping behind @e, which is one of the table. */
const TestdevExtent *testdev_table_next(const TestdevTable *t,
                                        const TestdevExtent *e);
uint64_t testdev_table_count(const TestdevTable *t);

/* What VFIO's ioctl returns for a MAP that breaks the rule: 0 or -errno. */
int testdev_error_result(int error);
/* The rule in words. */
const char *testdev_error_text(int error);

#endif
