/*
 * Intel VT-d engine: accessed and dirty bits ahead of use
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the setting of such bits by a sync: accesses of a device that has a
 * shadow are not seen, so what it may use is marked as used (3.4, 4.1).
 * [bql] calls only.
 */

#ifndef HW_I386_VTD_MARK_H
#define HW_I386_VTD_MARK_H

#include "seen.h"

/*
 * The bits that @entry of @level wants and does not have; @upper are the
 * permission bits of the levels above
 */
uint64_t vtd_tables_marks(const VtdTables *tables, unsigned level,
                          uint64_t entry, uint64_t upper);

/*
 * Set them in *@entry at @gpa, which may be another entry by now.  False if
 * that cannot be done: then a request would be blocked.
 */
bool vtd_mark_entry(const VtdSeenConfig *config, const VtdTables *tables,
                    uint64_t gpa, unsigned level, uint64_t upper,
                    uint64_t *entry);

#endif
