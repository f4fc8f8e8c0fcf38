/*
 * Intel VT-d engine: what was sent wider than a page
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns, for one space, which ranges a listener was told to map as one: aligned
 * powers of two, from 8 KiB to 1 GiB.  They are bits, two for 2 MiB, and one
 * for each page where an extent is smaller; the targets are in what was last
 * seen of the table.  Knows nothing of tables or of notifications.
 *
 * [bql] calls only.
 */

#ifndef HW_I386_VTD_EXTENTS_H
#define HW_I386_VTD_EXTENTS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct VtdExtents VtdExtents;

/* No extent yet; no more than @max_bytes of memory are going to be taken */
VtdExtents *vtd_extents_new(uint64_t max_bytes);
void vtd_extents_free(VtdExtents *extents);
/* The bytes of the heap that are held */
uint64_t vtd_extents_bytes(const VtdExtents *extents);

/* Whether an extent from @first to @last can be added */
bool vtd_extents_have_room(const VtdExtents *extents, uint64_t first,
                           uint64_t last);
/* Add an extent: there is room for it, and it meets no other */
void vtd_extents_add(VtdExtents *extents, uint64_t first, uint64_t last);
/* Forget the extent from @first to @last */
void vtd_extents_drop(VtdExtents *extents, uint64_t first, uint64_t last);
/* Find the first extent that meets the range *@first to *@last */
bool vtd_extents_find(const VtdExtents *extents, uint64_t *first,
                      uint64_t *last);

#endif
