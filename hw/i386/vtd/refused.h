/*
 * Intel VT-d engine: what a listener refused to map
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns, for one space, the pages that are to be mapped and are not, since the
 * listener refused: ranges of input addresses, inclusive, as few as can be,
 * and bounded.  Knows nothing of tables or of notifications.
 *
 * [bql] calls only.
 */

#ifndef HW_I386_VTD_REFUSED_H
#define HW_I386_VTD_REFUSED_H

#include <stdbool.h>
#include <stdint.h>

typedef struct VtdRefused VtdRefused;

VtdRefused *vtd_refused_new(void);
void vtd_refused_free(VtdRefused *refused);

/*
 * Add a range, or take one out; either may be there in part.  Both return
 * how many bytes had to be forgotten, since there are too many ranges.
 */
uint64_t vtd_refused_add(VtdRefused *refused, uint64_t first, uint64_t last);
uint64_t vtd_refused_drop(VtdRefused *refused, uint64_t first, uint64_t last);

/* The bytes of all ranges */
uint64_t vtd_refused_bytes(const VtdRefused *refused);

/*
 * Whether @first is in a range.  The answer is the same for all addresses up
 * to *@end, which is @last at most.
 */
bool vtd_refused_covers(const VtdRefused *refused, uint64_t first,
                        uint64_t last, uint64_t *end);
/* The first range that meets *@first to @last, cut to it, if there is one */
bool vtd_refused_find(const VtdRefused *refused, uint64_t *first,
                      uint64_t *last);

#endif
