/*
 * Intel VT-d engine: the guest's tables, for a sync
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns how a sync reads tables: in place, as a copy where memory is there by
 * calls alone, or composed of two stages (compose.h).  Entries that a device
 * may use from now on get their accessed and dirty bits, as its accesses are
 * not seen.  [bql] calls only.
 */

#ifndef HW_I386_VTD_GUEST_H
#define HW_I386_VTD_GUEST_H

#include "qemu/atomic.h"
#include "compose.h"

typedef struct VtdGuest {
    const VtdSeenConfig *config;
    const VtdTables *tables;
    VtdRam ram;                 /* around the table that was read last */
    uint64_t *copy;             /* a table of each level; NULL before the 1st */
    uint64_t gpa[VTD_LEVELS_MAX + 1];   /* of the last table of each level */
    uint64_t work;              /* see VtdSeenConfig.work */
    VtdCompose compose;         /* nested alone */
} VtdGuest;

/* Of @seen; to be ended with vtd_guest_end() */
void vtd_guest_begin(VtdGuest *guest, VtdSeen *seen);
void vtd_guest_end(VtdGuest *guest);

/*
 * The table of @level at @ref, the address bits of the entry above it, below
 * levels with the permission bits @upper; NULL outside memory.  It is there
 * until the next one of its level.
 */
const uint64_t *vtd_guest_table(VtdGuest *guest, uint64_t ref, unsigned level,
                                uint64_t upper);

/*
 * Whether that table of level 1 would be what was composed of @source (or
 * NULL: not); false unless the tables are nested
 */
bool vtd_guest_as_before(VtdGuest *guest, const VtdSource *source,
                         uint64_t ref, uint64_t upper);

/* Set the bits that entry @i of such a table wants; what it is then */
uint64_t vtd_guest_mark(VtdGuest *guest, unsigned level, unsigned i,
                        uint64_t entry, uint64_t upper);

/*
 * Entry @i of @table, or 0 if that is NULL; @upper are the permission bits of
 * the levels above
 */
static inline uint64_t vtd_guest_entry(VtdGuest *guest, const uint64_t *table,
                                       unsigned level, unsigned i,
                                       uint64_t upper)
{
    uint64_t entry = table ? GUINT64_FROM_LE(qatomic_read(table + i)) : 0;

    if (entry && guest->tables->accessed && !guest->tables->second_levels) {
        return vtd_guest_mark(guest, level, i, entry, upper);
    }
    return entry;
}

#endif
