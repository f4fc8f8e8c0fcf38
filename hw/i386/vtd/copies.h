/*
 * Intel VT-d engine: copies of a second stage's tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns copies of the tables of the second stage that nested tables were
 * composed of, and what depends on which of them.  Blocks are composed of the
 * copies, never of the tables beside them: so a table that equals its copy is
 * one that no block has to be composed anew for, whatever vCPUs wrote to it
 * meanwhile.
 *
 * A sync of all of the tables begins with a comparison of each copy.  One of
 * a few pages has no use for copies: they would cost it more than they spare.
 * [bql] calls only.
 */

#ifndef HW_I386_VTD_COPIES_H
#define HW_I386_VTD_COPIES_H

#include "block.h"

typedef struct VtdCopy {
    uint64_t gpa;               /* the key: of the table */
    uint64_t bit;               /* of 64, which other copies have as well */
    uint64_t entry[VTD_ENTRIES];        /* in the guest's byte order */
} VtdCopy;

/*
 * The table at @gpa where it is in memory, or NULL; @ram is what was last known
 * of memory, zeroed before the first call.
 */
static inline const uint64_t *vtd_table_in_place(const VtdSeenConfig *config,
                                                 VtdRam *ram, uint64_t gpa)
{
    if (!ram->last || gpa < ram->first || gpa > ram->last) {
        config->ram(config->opaque, gpa, ram);
    }
    return ram->data && ram->last - gpa >= VTD_PAGE_SIZE - 1
           ? (const uint64_t *)(ram->data + (gpa - ram->first)) : NULL;
}

/*
 * Read the table at @gpa into @to, each entry at once, in the guest's byte
 * order.  False if it cannot be read.
 */
bool vtd_copy_table(const VtdSeenConfig *config, VtdRam *ram, uint64_t gpa,
                    uint64_t *to);
/* Whether the table at @gpa can be read, and is @entry */
bool vtd_copy_is_table(const VtdSeenConfig *config, VtdRam *ram, uint64_t gpa,
                       const uint64_t *entry);

/*
 * The copy of the table at @gpa, which maps nothing if it cannot be read; NULL
 * if there is no room.  It is there until the next vtd_copies_refresh().
 */
VtdCopy *vtd_copies_get(VtdSeen *seen, VtdRam *ram, uint64_t gpa);

/*
 * Forget each copy whose table has changed, with the sources that depend on
 * it.
 */
void vtd_copies_refresh(VtdSeen *seen);

#endif
