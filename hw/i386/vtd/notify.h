/*
 * Intel VT-d engine: from differences to notifications
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns, for one space, how the differences of a sync become MAPs and UNMAPs:
 * as few as can be, no MAP wider than the guest's leaf or than the RAM behind
 * it, no UNMAP over a page that did not change or over a part of an extent.
 * What a listener refuses to map is remembered (refused.h), and sent again by
 * the next sync that covers it.
 *
 * [bql] calls only.
 */

#ifndef HW_I386_VTD_NOTIFY_H
#define HW_I386_VTD_NOTIFY_H

#include "seen.h"

typedef struct VtdSink VtdSink;

/*
 * Take differences from @first on for @space, until vtd_sink_end().  With
 * @record_only nothing is sent, but recorded as if it had been.  @reason is for
 * traces: a constant.
 */
VtdSink *vtd_sink_begin(VtdSpace *space, const char *reason, uint64_t first,
                        bool record_only);
/*
 * Before the first difference: @bytes up to @last were found as they are, and
 * @last is one of them
 */
void vtd_sink_skip(VtdSink *sink, uint64_t bytes, uint64_t last);
/*
 * The layout of memory has changed: what goes or changes was RAM before,
 * whatever is there now
 */
void vtd_sink_was_ram(VtdSink *sink);
/* The next piece of a sync begins, with the tries that its last one left */
VtdSink *vtd_sink_resume(VtdSpace *space, const char *reason, uint64_t first);
/* The next difference, in the order of the addresses */
void vtd_sink_push(VtdSink *sink, const VtdDiff *diff);
/* No difference is left up to @last: send what waits */
void vtd_sink_end(VtdSink *sink, uint64_t last);
/*
 * All of that for @diff, which is all that a sync of its one page of level 1
 * has found, and which is not KEPT
 */
void vtd_sink_page(VtdSpace *space, const char *reason, const VtdDiff *diff);

/*
 * Tell @notice of each mapping between @first and @last that @space was
 * sent, as it was sent, whole.  What is refused now counts as refused.
 */
void vtd_notify_replay(VtdSpace *space, uint64_t first, uint64_t last,
                       VtdNoticeFn *notice, void *opaque);

#endif
