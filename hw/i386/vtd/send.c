/*
 * Intel VT-d engine: sending MAPs and UNMAPs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns how a range is cut into what can be sent: aligned powers of two, of
 * RAM, around the interrupt range; what is noted of each piece that was sent,
 * or refused.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "send.h"
#include "trace.h"

uint64_t vtd_aligned_last(uint64_t first, uint64_t last)
{
    uint64_t size = first ? first & -first : 1ull << 63;

    while (size - 1 > last - first) {
        size >>= 1;
    }
    return first + (size - 1);
}

VtdNotice vtd_notice_map(const Vtd *v, uint64_t first, uint64_t last,
                         uint64_t leaf)
{
    return (VtdNotice) {
        .first = first,
        .last = last,
        .addr = leaf & v->haw_mask,
        .read = leaf & VTD_READ,
        .write = leaf & VTD_WRITE,
    };
}

void vtd_trace_notice(const VtdSpace *space, const VtdNotice *notice)
{
    trace_vtd_page_walk_one(space->did, notice->first, notice->addr,
                            notice->last - notice->first,
                            notice->read | notice->write << 1);
}

/* What was sent to a space, and what of it was refused */

void vtd_sink_make_arrays(VtdSink *sink)
{
    sink->changed = g_array_new(FALSE, FALSE, sizeof(VtdPages));
    sink->gone = g_array_new(FALSE, FALSE, sizeof(VtdRange));
    sink->fresh = g_array_new(FALSE, FALSE, sizeof(VtdPages));
    sink->split = g_array_new(FALSE, FALSE, sizeof(VtdExtent));
}

void vtd_sink_free_arrays(VtdSink *sink)
{
    g_array_free(sink->changed, TRUE);
    g_array_free(sink->gone, TRUE);
    g_array_free(sink->fresh, TRUE);
    g_array_free(sink->split, TRUE);
}

void vtd_sent_init(VtdSpace *space)
{
    uint64_t max_bytes = space->v->shadows.config.max_bytes / VTD_EXTENTS_PART;

    space->sent = (VtdSpaceSent) {
        .extents = vtd_extents_new(max_bytes),
        .refused = vtd_refused_new(),
        .sink = g_new0(VtdSink, 1),
    };
    space->sent.sink->space = space;
    vtd_sink_make_arrays(space->sent.sink);
}

void vtd_sent_destroy(VtdSpace *space)
{
    vtd_extents_free(space->sent.extents);
    vtd_refused_free(space->sent.refused);
    vtd_sink_free_arrays(space->sent.sink);
    g_free(space->sent.sink);
}

void vtd_space_set_refused(VtdSpace *space, uint64_t first, uint64_t last,
                           bool is)
{
    uint64_t lost = is ? vtd_refused_add(space->sent.refused, first, last)
                       : vtd_refused_drop(space->sent.refused, first, last);

    vtd_count_bql(space->v, VTD_STAT_REFUSED_LOST, lost >> VTD_PAGE_SHIFT);
}

/* Whether other MAPs fail as well.  vDPA knows no other error than EIO. */
static bool vtd_refused_for_room(int error)
{
    return error == -ENOSPC || error == -ENOMEM || error == -EIO;
}

void vtd_space_map_refused(VtdSpace *space, const char *reason,
                           const VtdNotice *notice, int error,
                           unsigned *tries)
{
    Vtd *v = space->v;

    vtd_count_bql(v, VTD_STAT_REFUSED, 1);
    trace_vtd_shadow_refused(reason, space->did, notice->first, notice->last,
                             notice->addr, -error);
    vtd_space_set_refused(space, notice->first, notice->last, true);
    v->ops->refused(space->opaque, notice, error);
    *tries = vtd_refused_for_room(error) ? *tries / 4 : *tries - 1;
    if (!*tries) {
        space->sent.retry_from = notice->last + 1;
    }
}

void vtd_send_unmap(VtdSink *sink, uint64_t first, uint64_t last,
                    uint64_t addr)
{
    Vtd *v = sink->space->v;

    if (!sink->tries && sink->tries_for_room) {
        sink->tries_for_room--;
        sink->tries = 1;
    }
    for (uint64_t end; ; first = end + 1) {
        end = vtd_aligned_last(first, last);
        if (!sink->record_only) {
            VtdNotice notice = { .first = first, .last = end, .addr = addr };

            vtd_count_bql(v, VTD_STAT_UNMAPS, 1);
            sink->space->unmaps++;
            vtd_count_bql(v, VTD_STAT_UNMAPPED_PAGES,
                           ((end - first) >> VTD_PAGE_SHIFT) + 1);
            trace_vtd_shadow_unmap(sink->reason, sink->space->did, first, end);
            vtd_trace_notice(sink->space, &notice);
            v->ops->notify(sink->space->opaque, &notice);
        }
        if (end == last) {
            return;
        }
        addr = addr ? addr + (end - first + 1) : 0;
    }
}

/* Targets */

/*
 * Leaves lead to @ram.  Past VTD_REACHED places the first one grows, which
 * costs a look too many in memory.c.
 */
static void vtd_target_note(Vtd *v, const VtdRam *ram)
{
    VtdRange *reached = v->targets.reached;
    unsigned count = v->targets.reached_count;

    for (unsigned i = 0; i < count; i++) {
        if (ram->first >= reached[i].first && ram->last <= reached[i].last) {
            return;
        }
    }
    if (count < VTD_REACHED) {
        reached[count] = (VtdRange) { ram->first, ram->last };
        v->targets.reached_count++;
        return;
    }
    reached[0].first = MIN(reached[0].first, ram->first);
    reached[0].last = MAX(reached[0].last, ram->last);
}

bool vtd_targets_reached(const Vtd *v, uint64_t first, uint64_t last)
{
    for (unsigned i = 0; i < v->targets.reached_count; i++) {
        if (first <= v->targets.reached[i].last &&
            last >= v->targets.reached[i].first) {
            return true;
        }
    }
    return false;
}

void vtd_targets_reset(Vtd *v)
{
    v->targets.reached_count = 0;
    vtd_rams_forget(v);
}

/* The RAM around @gpa, to which a leaf leads */
static const VtdRam *vtd_target_at(Vtd *v, uint64_t gpa)
{
    VtdRamPiece *piece = vtd_ram_at(v, gpa);

    if (!piece->noted) {
        vtd_target_note(v, &piece->ram);
        piece->noted = true;
    }
    return &piece->ram;
}

uint64_t vtd_target_piece(Vtd *v, uint64_t first, uint64_t last, uint64_t gpa,
                          bool *sendable)
{
    const VtdRam *target = vtd_target_at(v, gpa);
    uint64_t end;

    if (vtd_meets_interrupts(first, first)) {
        /* Requests to this range are interrupts, whatever the tables say */
        *sendable = false;
        return MIN(last, VTD_INTERRUPT_LAST);
    }
    if (vtd_meets_interrupts(first, last)) {
        last = VTD_INTERRUPT_FIRST - 1;
    }
    end = first + MIN(target->last - gpa, last - first);
    *sendable = target->ram && end - first >= ~VTD_PAGE_MASK;
    if (!*sendable) {
        return end | ~VTD_PAGE_MASK;
    }
    return vtd_aligned_last(first, ((end + 1) & VTD_PAGE_MASK) - 1);
}

/* MAP one piece; it is an extent unless it is refused, or a page */
static void vtd_send_piece(VtdSink *sink, const VtdNotice *notice)
{
    VtdSpace *space = sink->space;
    Vtd *v = space->v;

    if (!sink->record_only) {
        int error;

        if (!sink->tries) {
            vtd_space_set_refused(space, notice->first, notice->last, true);
            return;
        }
        vtd_count_bql(v, VTD_STAT_MAPS, 1);
        space->maps++;
        trace_vtd_shadow_map(sink->reason, space->did, notice->first,
                             notice->last, notice->addr, notice->read,
                             notice->write);
        vtd_trace_notice(space, notice);
        error = v->ops->notify(space->opaque, notice);
        if (error) {
            vtd_space_map_refused(space, sink->reason, notice, error,
                                  &sink->tries);
            return;
        }
    }
    vtd_space_set_refused(space, notice->first, notice->last, false);
    if (notice->last - notice->first > ~VTD_PAGE_MASK) {
        vtd_extents_add(space->sent.extents, notice->first, notice->last);
    }
}

void vtd_send_map(VtdSink *sink, uint64_t first, uint64_t last, uint64_t leaf)
{
    VtdSpace *space = sink->space;
    Vtd *v = space->v;

    for (uint64_t end; ; first = end + 1) {
        VtdNotice notice = vtd_notice_map(v, first, last, leaf);
        bool sendable;

        end = vtd_target_piece(v, first, last, notice.addr, &sendable);
        if (sendable && end - first > ~VTD_PAGE_MASK &&
            !vtd_extents_have_room(space->sent.extents, first, end)) {
            /* No extent can be remembered: send pages, which need not be */
            end = first | ~VTD_PAGE_MASK;
        }
        notice.last = end;
        if (sendable) {
            vtd_send_piece(sink, &notice);
        } else {
            vtd_count_bql(v, VTD_STAT_UNSENDABLE, 1);
            trace_vtd_shadow_unsendable(space->did, first, notice.addr);
            vtd_space_set_refused(space, first, end, false);
        }
        if (end == last) {
            return;
        }
        leaf += end - first + 1;
    }
}

bool vtd_space_find_extent(const VtdSpace *space, uint64_t first, uint64_t last,
                           VtdExtent *extent)
{
    *extent = (VtdExtent) { .first = first, .last = last };
    return vtd_extents_find(space->sent.extents, &extent->first, &extent->last);
}

void vtd_space_drop_extent(VtdSpace *space, const VtdExtent *extent)
{
    vtd_extents_drop(space->sent.extents, extent->first, extent->last);
}
