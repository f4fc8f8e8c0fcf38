/*
 * Intel VT-d engine: telling a new listener what is mapped
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the replay of what one space was sent, as it was sent.  [bql] calls
 * only.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "send.h"
#include "trace.h"

typedef struct VtdReplay {
    VtdSpace *space;
    uint64_t first;
    uint64_t last;
    unsigned tries;
    VtdNoticeFn *notice;
    void *opaque;
    uint64_t next;              /* behind the last extent that was told of */
} VtdReplay;

static void vtd_replay_one(VtdReplay *replay, const VtdNotice *notice)
{
    int error = 0;

    if (replay->tries) {
        vtd_trace_notice(replay->space, notice);
        error = replay->notice(replay->opaque, notice);
        if (error) {
            vtd_space_map_refused(replay->space, "replay", notice, error,
                                  &replay->tries);
        }
    } else {
        vtd_space_set_refused(replay->space, notice->first, notice->last, true);
    }
}

/* Tell of all of an extent; its page at @at has @leaf */
static void vtd_replay_extent(VtdReplay *replay, const VtdExtent *extent,
                              uint64_t at, uint64_t leaf)
{
    VtdSpace *space = replay->space;
    VtdNotice notice = vtd_notice_map(space->v, extent->first, extent->last,
                                      leaf - (at - extent->first));
    uint64_t end;

    vtd_replay_one(replay, &notice);
    if (vtd_refused_covers(space->sent.refused, extent->first, extent->last,
                           &end)) {
        /* It is refused now: the listener does not hold it */
        vtd_space_drop_extent(space, extent);
    }
    replay->next = extent->last + 1;
}

static void vtd_replay_pages(void *opaque, const VtdDiff *diff)
{
    VtdReplay *replay = opaque;
    VtdSpace *space = replay->space;
    Vtd *v = space->v;

    for (uint64_t page = MAX(diff->first, replay->next), end;
         page <= diff->last; page = end + 1) {
        uint64_t leaf = diff->leaf + (page - diff->first);
        VtdNotice notice = vtd_notice_map(v, page, page | ~VTD_PAGE_MASK,
                                          leaf);
        VtdExtent extent;
        bool sendable;

        if (vtd_refused_covers(space->sent.refused, page, diff->last, &end)) {
            continue;
        }
        if (vtd_space_find_extent(space, page, notice.last, &extent)) {
            vtd_replay_extent(replay, &extent, page, leaf);
            end = extent.last;
            continue;
        }
        /* A piece that is no RAM is passed at once, however large it is */
        end = vtd_target_piece(v, page, diff->last, notice.addr, &sendable);
        if (sendable) {
            end = notice.last;
            vtd_replay_one(replay, &notice);
        }
    }
}

void vtd_notify_replay(VtdSpace *space, uint64_t first, uint64_t last,
                       VtdNoticeFn *notice, void *opaque)
{
    VtdReplay replay = { space, first, last, VTD_MAP_TRIES, notice, opaque, 0 };

    vtd_rams_refresh(space->v);
    vtd_seen_compare(NULL, vtd_space_seen(space), first, last, false,
                      vtd_replay_pages, &replay);
}
