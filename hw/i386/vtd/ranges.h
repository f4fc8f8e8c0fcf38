/*
 * Intel VT-d engine: what was last seen, as ranges for users
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns how pages that were last seen of a table become as few ranges as can
 * be, piece by piece.  Changes nothing.  [bql] calls only.
 */

#ifndef HW_I386_VTD_RANGES_H
#define HW_I386_VTD_RANGES_H

#include "seen.h"
#include "look.h"

/*
 * Go on with @look through @seen until @over(@opaque) says so, the limit is
 * reached, or the end; at least one block is looked at.
 */
void vtd_ranges_look(const VtdSeen *seen, VtdMappedLook *look,
                     bool (*over)(void *opaque), void *opaque);

#endif
