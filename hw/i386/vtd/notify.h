/*
 * Intel VT-d engine: from differences to notifications
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns, for one space, what was sent wider than a page (its extents), and
 * how the differences of a sync become MAP and UNMAP: as few as can be, no
 * MAP wider than the guest's leaf or than its target is RAM, no UNMAP over a
 * page that did not change or through what was sent as one.  What the
 * listener refuses to map is remembered (refused.h), and sent again by the
 * next sync that covers it.
 *
 * [bql] calls only.
 */

#ifndef HW_I386_VTD_NOTIFY_H
#define HW_I386_VTD_NOTIFY_H

#include "seen.h"

typedef struct VtdSink VtdSink;

/*
 * Take differences from @first on for @space.  With @record_only nothing is
 * sent, but recorded as if it had been.  @reason is for traces: a constant.
 */
VtdSink *vtd_sink_begin(VtdSpace *space, const char *reason, uint64_t first,
                        bool record_only);
/*
 * Of what goes or changes each page was RAM, whatever is there now: the
 * layout of memory has changed.
 */
void vtd_sink_was_ram(VtdSink *sink);
/* The same where a sync goes on, with the tries that its last piece left */
VtdSink *vtd_sink_resume(VtdSpace *space, const char *reason, uint64_t first);
/* The next difference, in the order of the addresses */
void vtd_sink_push(VtdSink *sink, const VtdDiff *diff);
/* All up to @last is told; send what is left and free the sink */
void vtd_sink_end(VtdSink *sink, uint64_t last);

/*
 * Tell @notice of each mapping between @first and @last that @space was
 * sent, as it was sent, whole.  What is refused now counts as refused.
 */
void vtd_notify_replay(VtdSpace *space, uint64_t first, uint64_t last,
                       VtdNoticeFn *notice, void *opaque);

#endif
