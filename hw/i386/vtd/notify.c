/*
 * Intel VT-d engine: from differences to notifications
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See notify.h.  A sink holds the pages that went away back until it meets
 * a page that stays: the range without any that stay is as wide as can be
 * then, and so are the aligned UNMAPs that fit into it.  Fresh mappings
 * met meanwhile wait behind them.
 */

#include "qemu/osdep.h"
#include "state.h"
#include "notify.h"
#include "trace.h"

/* What waits is bounded: so many ranges of each kind */
#define WAITING                 (1u << 16)

/*
 * So many MAPs may the host refuse in one sync, each with a message of its
 * own; what comes after them is not tried.  A host that has no room at all
 * is told of a few only.  An UNMAP makes room for one more, so many times.
 */
#define TRIES                   256
#define TRIES_FOR_ROOM          64
/* The same of those that were refused before */
#define RETRIES                 4
/* And of them so much is looked at before it is known how it goes */
#define RETRY_STEP              (1ull << 30)

typedef struct VtdRange {
    uint64_t first;
    uint64_t last;
} VtdRange;

/* Pages that follow on evenly from @leaf */
typedef struct VtdPages {
    uint64_t first;
    uint64_t last;
    uint64_t leaf;
} VtdPages;

typedef struct VtdExtent {
    uint64_t first;
    uint64_t last;
    uint64_t addr;
} VtdExtent;

struct VtdSink {
    VtdSpace *space;
    const char *why;
    uint64_t kept;              /* bytes that stay as they are */
    bool silent;
    bool exact;                 /* one UNMAP a mapping, with what it was */
    bool was_ram;               /* all that goes, whatever is there now */
    unsigned tries;             /* MAPs that may still be refused */
    unsigned tries_for_room;    /* and if none, when an UNMAP made room */
    uint64_t first;             /* of the range that is looked at */
    uint64_t free_from;         /* nothing from here on stays mapped */
    uint64_t told;              /* the last address told of */
    VtdDiff run;                /* what the next difference may join */
    bool running;
    GArray *changed;            /* VtdPages: of a run, with what it was */
    GArray *gone;               /* VtdRange; NULL before the first */
    GArray *fresh;              /* VtdPages; NULL before the first */
    GArray *split;              /* VtdExtent: to be sent anew; as above */
};

/* The last byte of the largest aligned power of two at @first */
static uint64_t vtd_aligned_last(uint64_t first, uint64_t last)
{
    uint64_t size = first ? first & -first : 1ull << 63;

    while (size - 1 > last - first) {
        size >>= 1;
    }
    return first + (size - 1);
}

static VtdNotice vtd_notice_map(const Vtd *v, uint64_t first, uint64_t last,
                                uint64_t leaf)
{
    return (VtdNotice) {
        .first = first,
        .last = last,
        .addr = leaf & v->format.address,
        .read = leaf & v->format.read,
        .write = leaf & v->format.write,
    };
}

static void vtd_trace_one(const VtdSpace *space, const VtdNotice *notice)
{
    trace_vtd_page_walk_one(space->did, notice->first, notice->addr,
                            notice->last - notice->first,
                            notice->read | notice->write << 1);
}

/* Refusals */

static void vtd_set_refused(VtdSpace *space, uint64_t first, uint64_t last,
                            bool is)
{
    uint64_t lost = is ? vtd_refused_add(space->refused, first, last)
                       : vtd_refused_drop(space->refused, first, last);

    vtd_count_more(space->v, VTD_STAT_REFUSED_LOST, lost >> VTD_PAGE_SHIFT);
}

/* Not for this page alone.  vDPA knows no other error than EIO. */
static bool vtd_out_of_room(int error)
{
    return error == -ENOSPC || error == -ENOMEM || error == -EIO;
}

/*
 * A MAP was refused.  It is remembered, and not tried again before the next
 * sync; @tries is how many more may be.
 */
static void vtd_map_refused(VtdSpace *space, const char *why,
                            const VtdNotice *notice, int error,
                            unsigned *tries)
{
    Vtd *v = space->v;

    vtd_count(v, VTD_STAT_REFUSED);
    trace_vtd_shadow_refused(why, space->did, notice->first, notice->last,
                             notice->addr, -error);
    v->ops->refused(v->host, error);
    vtd_set_refused(space, notice->first, notice->last, true);
    *tries = vtd_out_of_room(error) ? *tries / 4 : *tries - 1;
    if (!*tries) {
        space->retry_from = notice->last + 1;
    }
}

static void vtd_send_unmap(VtdSink *sink, uint64_t first, uint64_t last,
                           uint64_t addr)
{
    Vtd *v = sink->space->v;

    if (!sink->tries && sink->tries_for_room) {
        sink->tries_for_room--;
        sink->tries = 1;
    }
    for (uint64_t end; ; first = end + 1) {
        end = vtd_aligned_last(first, last);
        if (!sink->silent) {
            VtdNotice notice = { .first = first, .last = end, .addr = addr };

            vtd_count(v, VTD_STAT_UNMAPS);
            vtd_count_more(v, VTD_STAT_UNMAPPED_PAGES,
                           ((end - first) >> VTD_PAGE_SHIFT) + 1);
            trace_vtd_shadow_unmap(sink->why, sink->space->did, first, end);
            vtd_trace_one(sink->space, &notice);
            v->ops->notify(sink->space->host, &notice);
        }
        if (end == last) {
            return;
        }
        addr = addr ? addr + (end - first + 1) : 0;
    }
}

/* A leaf leads to here: past so many places, to all between two of them */
static void vtd_note_reached(Vtd *v, const VtdRam *ram)
{
    VtdReached *reached = v->reached;

    for (unsigned i = 0; i < v->reached_count; i++) {
        if (ram->first >= reached[i].first && ram->last <= reached[i].last) {
            return;
        }
    }
    if (v->reached_count < VTD_REACHED) {
        reached[v->reached_count++] = (VtdReached) { ram->first, ram->last };
        return;
    }
    reached[0].first = MIN(reached[0].first, ram->first);
    reached[0].last = MAX(reached[0].last, ram->last);
}

/* What is around @gpa; targets are few regions, met in any order */
static const VtdRam *vtd_target(Vtd *v, uint64_t gpa)
{
    VtdRam *ram = v->target;

    for (unsigned i = 0; i < VTD_TARGETS; i++, ram++) {
        if (ram->last && gpa >= ram->first && gpa <= ram->last) {
            return ram;
        }
    }
    ram = &v->target[v->next_target++ % VTD_TARGETS];
    v->ops->ram(v->host, gpa, ram);
    vtd_note_reached(v, ram);
    return ram;
}

/*
 * The end of the piece at @first, of a range with target @gpa, that can be
 * sent as one, or as one cannot be sent: what is no RAM cannot.
 */
static uint64_t vtd_target_piece(Vtd *v, uint64_t first, uint64_t last,
                                 uint64_t gpa, bool *sendable)
{
    const VtdRam *target = vtd_target(v, gpa);
    uint64_t end;

    if (vtd_meets_interrupts(first, first)) {
        /* Whatever the tables say, requests to this are no DMA */
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

/* MAP one piece; what is refused is no extent, since it was not sent */
static void vtd_send_piece(VtdSink *sink, const VtdNotice *notice)
{
    VtdSpace *space = sink->space;
    Vtd *v = space->v;

    if (!sink->silent) {
        int error;

        if (!sink->tries) {
            vtd_set_refused(space, notice->first, notice->last, true);
            return;
        }
        vtd_count(v, VTD_STAT_MAPS);
        trace_vtd_shadow_map(sink->why, space->did, notice->first,
                             notice->last, notice->addr, notice->read,
                             notice->write);
        vtd_trace_one(space, notice);
        error = v->ops->notify(space->host, notice);
        if (error) {
            vtd_map_refused(space, sink->why, notice, error, &sink->tries);
            return;
        }
    }
    vtd_set_refused(space, notice->first, notice->last, false);
    if (notice->last - notice->first > ~VTD_PAGE_MASK) {
        vtd_sent_add(space->sent, notice->first, notice->last);
    }
}

/* MAP a range within one leaf in the aligned pieces of it that are RAM */
static void vtd_send_map(VtdSink *sink, uint64_t first, uint64_t last,
                         uint64_t leaf)
{
    VtdSpace *space = sink->space;
    Vtd *v = space->v;

    for (uint64_t end; ; first = end + 1) {
        VtdNotice notice = vtd_notice_map(v, first, last, leaf);
        bool sendable;

        end = vtd_target_piece(v, first, last, notice.addr, &sendable);
        if (sendable && end - first > ~VTD_PAGE_MASK &&
            !vtd_sent_has_room(space->sent, first, end)) {
            /* What is sent by the page need not be remembered */
            end = first | ~VTD_PAGE_MASK;
        }
        notice.last = end;
        if (sendable) {
            vtd_send_piece(sink, &notice);
        } else {
            vtd_count(v, VTD_STAT_UNSENDABLE);
            trace_vtd_shadow_unsendable(space->did, first, notice.addr);
            vtd_set_refused(space, first, end, false);
        }
        if (end == last) {
            return;
        }
        leaf += end - first + 1;
    }
}

/*
 * UNMAP the pages that went away, now that nothing from free_from to
 * @free_to stays mapped.  The largest aligned ranges inside cannot overlap,
 * so those that hold a page that went away are the fewest.
 */
static void vtd_flush_gone(VtdSink *sink, uint64_t free_to)
{
    uint64_t done = 0;
    bool any = false;

    for (unsigned i = 0; i < sink->gone->len; i++) {
        VtdRange *gone = &g_array_index(sink->gone, VtdRange, i);
        uint64_t from = any && done >= gone->first ? done + 1 : gone->first;

        while (!(any && done >= gone->last)) {
            uint64_t first = from, last = from | ~VTD_PAGE_MASK;

            if (vtd_meets_interrupts(first, last)) {
                /*
                 * Nothing was sent there.  Nor does an UNMAP go across, so
                 * that the host's notifiers, which end there, cut none.
                 */
                done = VTD_INTERRUPT_LAST;
                any = true;
                from = done + 1;
                continue;
            }
            for (uint64_t mask = ~VTD_PAGE_MASK; ;
                 mask = mask << 1 | 1) {
                uint64_t wider_first = from & ~mask;
                uint64_t wider_last = from | mask;

                if (wider_first < sink->free_from || wider_last > free_to ||
                    (any && wider_first <= done) ||
                    vtd_meets_interrupts(wider_first, wider_last)) {
                    break;
                }
                first = wider_first;
                last = wider_last;
                if (mask >> 63) {
                    break;
                }
            }
            vtd_send_unmap(sink, first, last, 0);
            done = last;
            any = true;
            from = last + 1;
        }
    }
    g_array_set_size(sink->gone, 0);
}

static void vtd_sink_flush(VtdSink *sink, uint64_t free_to)
{
    if (sink->gone && sink->gone->len) {
        vtd_flush_gone(sink, free_to);
    }
    if (sink->fresh && sink->fresh->len) {
        for (unsigned i = 0; i < sink->fresh->len; i++) {
            VtdPages *fresh = &g_array_index(sink->fresh, VtdPages, i);

            vtd_send_map(sink, fresh->first, fresh->last, fresh->leaf);
        }
        g_array_set_size(sink->fresh, 0);
    }
}

/* Nothing before @first needs to wait for what comes; @last stays mapped */
static void vtd_sink_stays(VtdSink *sink, uint64_t first, uint64_t last)
{
    vtd_sink_flush(sink, first - 1);
    sink->free_from = MAX(sink->free_from, last + 1);
}

/* Extents */

/* The first extent that meets a range */
static bool vtd_extent_find(const VtdSpace *space, uint64_t first,
                            uint64_t last, VtdExtent *extent)
{
    *extent = (VtdExtent) { .first = first, .last = last };
    return vtd_sent_find(space->sent, &extent->first, &extent->last);
}

static void vtd_extent_remove(VtdSpace *space, const VtdExtent *extent)
{
    vtd_sent_drop(space->sent, extent->first, extent->last);
}

/* What page @at of a difference that goes or changes was, if that is known */
static uint64_t vtd_old_at(const VtdSink *sink, const VtdDiff *diff,
                           uint64_t at)
{
    if (diff->kind == VTD_DIFF_GONE) {
        return diff->old + (at - diff->first);
    }
    for (unsigned i = 0; i < sink->changed->len; i++) {
        VtdPages *changed = &g_array_index(sink->changed, VtdPages, i);

        if (at >= changed->first && at <= changed->last) {
            return changed->leaf + (at - changed->first);
        }
    }
    return 0;
}

/*
 * Part of what was sent as one goes: all of it must, and what stays be sent
 * again (VFIO's type1 cannot split a mapping).  That waits for the end of
 * the sync, when all of it is known.
 */
static void vtd_sink_split(VtdSink *sink, VtdExtent *extent,
                           const VtdDiff *diff)
{
    uint64_t at = MAX(extent->first, diff->first);

    extent->addr = (vtd_old_at(sink, diff, at) - (at - extent->first)) &
                   sink->space->v->format.address;
    trace_vtd_shadow_split(sink->space->did, extent->first, extent->last);
    vtd_count(sink->space->v, VTD_STAT_SPLITS);
    vtd_extent_remove(sink->space, extent);
    if (!sink->split) {
        sink->split = g_array_new(FALSE, FALSE, sizeof(VtdExtent));
    }
    g_array_append_val(sink->split, *extent);
    if (extent->last >= sink->free_from) {
        vtd_sink_stays(sink, MAX(extent->first, sink->free_from),
                       extent->last);
    }
}

/*
 * One UNMAP a mapping, with what it was.  Between extents pages were sent
 * alone; what was refused or is no RAM was not.
 */
static void vtd_send_unmap_exact(VtdSink *sink, uint64_t first, uint64_t last,
                                 uint64_t old)
{
    VtdSpace *space = sink->space;
    Vtd *v = space->v;
    uint64_t addr = old & v->format.address;

    for (uint64_t end; ; first = end + 1) {
        VtdExtent extent;
        bool sendable = true, one = false;

        if (!vtd_refused_at(space->refused, first, last, &end)) {
            if (vtd_extent_find(space, first, end, &extent)) {
                one = extent.first == first;
                end = one ? extent.last : extent.first - 1;
            }
            if (one) {
                vtd_extent_remove(space, &extent);
            } else {
                if (!sink->was_ram) {
                    end = vtd_target_piece(v, first, end, addr, &sendable);
                }
                end = sendable ? first | ~VTD_PAGE_MASK : end;
            }
            vtd_send_unmap(sink, first, end, sendable ? addr : 0);
        }
        if (end == last) {
            return;
        }
        addr += end - first + 1;
    }
}

/*
 * Take from the front of what is left of @diff, which goes or changes, from
 * *first on, what the end of the sync deals with.  False if nothing is left.
 * Then the part up to *part_last has whole extents only, which are forgotten,
 * unless they are to be unmapped one by one.
 */
static bool vtd_sink_extents(VtdSink *sink, const VtdDiff *diff,
                             uint64_t *first, uint64_t *part_last)
{
    uint64_t last = diff->last;
    VtdSpace *space = sink->space;
    VtdExtent extent;

    if (sink->split) {
        extent = g_array_index(sink->split, VtdExtent, sink->split->len - 1);
        if (*first <= extent.last && last >= extent.first) {
            if (last <= extent.last) {
                return false;
            }
            *first = extent.last + 1;
        }
    }
    *part_last = last;
    for (uint64_t from = *first;
         vtd_extent_find(space, from, last, &extent);
         from = extent.last + 1) {
        if (extent.first >= *first && extent.last <= last) {
            if (!sink->exact) {
                vtd_extent_remove(space, &extent);
            }
        } else if (extent.first <= *first) {
            vtd_sink_split(sink, &extent, diff);
            if (last <= extent.last) {
                return false;
            }
            *first = extent.last + 1;
        } else {
            *part_last = extent.first - 1;
            return true;
        }
        if (extent.last >= last) {
            break;
        }
    }
    return true;
}

/* To be unmapped, when it is known what stays around it */
static void vtd_gone_waits(VtdSink *sink, uint64_t first, uint64_t last)
{
    VtdRange gone = { first, last }, *tail = NULL;

    if (!sink->gone) {
        sink->gone = g_array_new(FALSE, FALSE, sizeof(VtdRange));
    }
    if (sink->gone->len) {
        tail = &g_array_index(sink->gone, VtdRange, sink->gone->len - 1);
    }
    if (tail && (tail->last + 1 == first || sink->gone->len == WAITING)) {
        /* In a full room the hole goes with it: maybe an UNMAP too many */
        tail->last = last;
    } else {
        g_array_append_val(sink->gone, gone);
    }
}

static void vtd_sink_gone(VtdSink *sink, uint64_t first, uint64_t last,
                          uint64_t old)
{
    VtdSpace *space = sink->space;

    if (sink->exact) {
        vtd_send_unmap_exact(sink, first, last, old);
    } else {
        for (uint64_t from = first, end; ; from = end + 1) {
            if (!vtd_refused_at(space->refused, from, last, &end)) {
                vtd_gone_waits(sink, from, end);
            }
            if (end == last) {
                break;
            }
        }
    }
    vtd_set_refused(space, first, last, false);
}

/* Waits even if nothing is gone so far: one UNMAP may cover both */
static void vtd_sink_fresh(VtdSink *sink, const VtdDiff *diff)
{
    VtdPages fresh = { diff->first, diff->last, diff->leaf };

    if (!sink->fresh) {
        sink->fresh = g_array_new(FALSE, FALSE, sizeof(VtdPages));
    } else if (sink->fresh->len == WAITING) {
        vtd_sink_stays(sink, diff->first, diff->first - 1);
    }
    g_array_append_val(sink->fresh, fresh);
}

/* UNMAP what has changed of a part that is sent as one */
static void vtd_unmap_changed(VtdSink *sink, uint64_t first, uint64_t last)
{
    uint64_t end;

    if (vtd_refused_at(sink->space->refused, first, last, &end) &&
        end == last) {
        return;
    }
    for (unsigned i = 0; i < sink->changed->len; i++) {
        VtdPages *changed = &g_array_index(sink->changed, VtdPages, i);
        uint64_t from = MAX(first, changed->first);
        uint64_t to = MIN(last, changed->last);

        if (from > to) {
            continue;
        }
        if (!sink->exact) {
            vtd_send_unmap(sink, first, last, 0);
            return;
        }
        vtd_send_unmap_exact(sink, from, to,
                             changed->leaf + (from - changed->first));
    }
}

static void vtd_sink_changed(VtdSink *sink, uint64_t first, uint64_t last,
                             uint64_t leaf)
{
    vtd_sink_stays(sink, first, last);
    /* Back to back: for the device the pages are gone in between */
    for (uint64_t end; ; first = end + 1) {
        end = vtd_aligned_last(first, last);
        vtd_unmap_changed(sink, first, end);
        vtd_send_map(sink, first, end, leaf);
        if (end == last) {
            return;
        }
        leaf += end - first + 1;
    }
}

static void vtd_sink_take(VtdSink *sink, const VtdDiff *diff);

/* What is left of a difference without the interrupt range */
static void vtd_sink_take_around(VtdSink *sink, const VtdDiff *diff)
{
    VtdDiff part = *diff;

    if (diff->first < VTD_INTERRUPT_FIRST) {
        part.last = VTD_INTERRUPT_FIRST - 1;
        vtd_sink_take(sink, &part);
    }
    if (diff->last > VTD_INTERRUPT_LAST) {
        uint64_t offset = VTD_INTERRUPT_LAST + 1 - diff->first;

        part.first = VTD_INTERRUPT_LAST + 1;
        part.last = diff->last;
        part.leaf += offset;
        part.old += offset;
        vtd_sink_take(sink, &part);
    }
}

static void vtd_sink_take(VtdSink *sink, const VtdDiff *diff)
{
    uint64_t first = diff->first, last;

    if (diff->kind != VTD_DIFF_KEPT &&
        vtd_meets_interrupts(diff->first, diff->last)) {
        vtd_sink_take_around(sink, diff);
        return;
    }
    switch (diff->kind) {
    case VTD_DIFF_KEPT:
        sink->kept += diff->last - diff->first + 1;
        vtd_sink_stays(sink, diff->first, diff->last);
        break;
    case VTD_DIFF_FRESH:
        vtd_sink_fresh(sink, diff);
        break;
    case VTD_DIFF_GONE:
    case VTD_DIFF_CHANGED:
        while (vtd_sink_extents(sink, diff, &first, &last)) {
            uint64_t old = diff->old + (first - diff->first);
            uint64_t leaf = diff->leaf + (first - diff->first);

            if (diff->kind == VTD_DIFF_GONE) {
                vtd_sink_gone(sink, first, last, old);
            } else {
                vtd_sink_changed(sink, first, last, leaf);
            }
            if (last == diff->last) {
                break;
            }
            first = last + 1;
        }
        break;
    }
}

/*
 * Parts of one large leaf, fresh ones and others, are sent as one.  What
 * went away is joined before it is compared to what was sent, which may be
 * one for many leaves.
 */
static bool vtd_joins(const VtdSink *sink, const VtdDiff *diff)
{
    const VtdDiff *run = &sink->run;

    if (run->last + 1 != diff->first || diff->kind == VTD_DIFF_KEPT ||
        run->kind == VTD_DIFF_KEPT) {
        return false;
    }
    if (diff->kind == VTD_DIFF_GONE || run->kind == VTD_DIFF_GONE) {
        return diff->kind == run->kind &&
               (!sink->exact ||
                diff->old == run->old + (diff->first - run->first));
    }
    return diff->level == run->level && diff->level > 1 &&
           (run->first ^ diff->first) <= vtd_level_mask(diff->level);
}

static void vtd_note_changed(VtdSink *sink, const VtdDiff *diff)
{
    VtdPages changed = { diff->first, diff->last, diff->old }, *tail;

    if (sink->changed->len) {
        tail = &g_array_index(sink->changed, VtdPages, sink->changed->len - 1);
        if (tail->last + 1 == diff->first &&
            (!sink->exact ||
             diff->old == tail->leaf + (diff->first - tail->first))) {
            tail->last = diff->last;
            return;
        }
    }
    g_array_append_val(sink->changed, changed);
}

void vtd_sink_push(VtdSink *sink, const VtdDiff *diff)
{
    if (diff->first < sink->free_from && !sink->running && !sink->told) {
        /* A superpage reaches out of the range */
        sink->free_from = diff->first;
    }
    sink->told = diff->last;
    if (sink->running) {
        if (vtd_joins(sink, diff)) {
            sink->run.last = diff->last;
            if (diff->kind == VTD_DIFF_CHANGED) {
                sink->run.kind = VTD_DIFF_CHANGED;
                vtd_note_changed(sink, diff);
            }
            return;
        }
        vtd_sink_take(sink, &sink->run);
        sink->running = false;
    }
    if (diff->kind == VTD_DIFF_KEPT ||
        (diff->kind == VTD_DIFF_FRESH && diff->level == 1)) {
        vtd_sink_take(sink, diff);
        return;
    }
    sink->run = *diff;
    sink->running = true;
    if (!sink->changed) {
        sink->changed = g_array_new(FALSE, FALSE, sizeof(VtdPages));
    }
    g_array_set_size(sink->changed, 0);
    if (diff->kind == VTD_DIFF_CHANGED) {
        vtd_note_changed(sink, diff);
    }
}

/* Send what waits: nothing behind the last difference to @free_to stays */
static void vtd_sink_settle(VtdSink *sink, uint64_t free_to)
{
    if (sink->running) {
        sink->running = false;
        vtd_sink_take(sink, &sink->run);
    }
    vtd_sink_flush(sink, free_to);
}

static void vtd_resend(void *opaque, const VtdDiff *diff)
{
    vtd_send_map(opaque, diff->first, diff->last, diff->leaf);
}

/* What was refused */

static void vtd_retry_push(void *opaque, const VtdDiff *diff)
{
    vtd_sink_push(opaque, diff);
}

/* MAP what was refused in a range, as the table says it now */
static void vtd_retry(VtdSink *sink, uint64_t first, uint64_t last)
{
    VtdSpace *space = sink->space;
    uint64_t to = last;

    while (sink->tries && vtd_refused_next(space->refused, &first, &to)) {
        to = MIN(to, first | (RETRY_STEP - 1));
        vtd_table_compare(NULL, vtd_space_table(space), first, to, false,
                          vtd_retry_push, sink);
        vtd_sink_settle(sink, to);
        if (to == last) {
            return;
        }
        first = to + 1;
        to = last;
    }
}

/* Each in turn: on from where the last retry was given up */
static void vtd_retry_all(VtdSink *sink, uint64_t last)
{
    VtdSpace *space = sink->space;
    uint64_t from = MAX(sink->first, MIN(space->retry_from, last));

    space->tries = sink->tries;
    sink->tries = MIN(sink->tries, space->retries);
    vtd_retry(sink, from, last);
    if (from > sink->first) {
        vtd_retry(sink, sink->first, from - 1);
    }
    space->retries = sink->tries;
    space->tries_for_room = sink->tries_for_room;
}

VtdSink *vtd_sink_begin(VtdSpace *space, const char *why, uint64_t first,
                        bool silent)
{
    Vtd *v = space->v;
    VtdSink *sink = g_new0(VtdSink, 1);

    sink->space = space;
    sink->why = why;
    sink->silent = silent;
    sink->exact = v->ops->dirty_tracking(v->host);
    sink->tries = TRIES;
    sink->tries_for_room = TRIES_FOR_ROOM;
    sink->first = first;
    sink->free_from = first;
    space->retries = RETRIES;
    /* The guest's memory may have moved since the last one */
    memset(v->target, 0, sizeof(v->target));
    return sink;
}

void vtd_sink_was_ram(VtdSink *sink)
{
    sink->was_ram = true;
}

VtdSink *vtd_sink_resume(VtdSpace *space, const char *why, uint64_t first)
{
    unsigned retries = space->retries;
    VtdSink *sink = vtd_sink_begin(space, why, first, false);

    sink->tries = space->tries;
    sink->tries_for_room = space->tries_for_room;
    space->retries = retries;
    return sink;
}

void vtd_sink_end(VtdSink *sink, uint64_t last)
{
    vtd_sink_settle(sink, MAX(last, sink->told));
    for (unsigned i = 0; sink->split && i < sink->split->len; i++) {
        VtdExtent *extent = &g_array_index(sink->split, VtdExtent, i);

        vtd_send_unmap(sink, extent->first, extent->last,
                       sink->exact ? extent->addr : 0);
        vtd_table_compare(NULL, vtd_space_table(sink->space), extent->first,
                          extent->last, false, vtd_resend, sink);
    }
    if (!sink->silent) {
        vtd_retry_all(sink, last);
    }
    if (sink->kept) {
        trace_vtd_shadow_skip(sink->why, sink->space->did,
                              sink->kept >> VTD_PAGE_SHIFT);
    }
    if (sink->changed) {
        g_array_free(sink->changed, TRUE);
    }
    if (sink->gone) {
        g_array_free(sink->gone, TRUE);
    }
    if (sink->fresh) {
        g_array_free(sink->fresh, TRUE);
    }
    if (sink->split) {
        g_array_free(sink->split, TRUE);
    }
    g_free(sink);
}

/* Replay */

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
        vtd_trace_one(replay->space, notice);
        error = replay->notice(replay->opaque, notice);
        if (error) {
            vtd_map_refused(replay->space, "replay", notice, error,
                            &replay->tries);
        }
    } else {
        vtd_set_refused(replay->space, notice->first, notice->last, true);
    }
}

/* An extent that has page @at with @leaf, whole */
static void vtd_replay_extent(VtdReplay *replay, const VtdExtent *extent,
                              uint64_t at, uint64_t leaf)
{
    VtdSpace *space = replay->space;
    VtdNotice notice = vtd_notice_map(space->v, extent->first, extent->last,
                                      leaf - (at - extent->first));
    uint64_t end;

    vtd_replay_one(replay, &notice);
    if (vtd_refused_at(space->refused, extent->first, extent->last, &end)) {
        /* What was refused was not sent */
        vtd_extent_remove(space, extent);
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

        if (vtd_refused_at(space->refused, page, diff->last, &end)) {
            continue;
        }
        if (vtd_extent_find(space, page, notice.last, &extent)) {
            vtd_replay_extent(replay, &extent, page, leaf);
            end = extent.last;
            continue;
        }
        /* Of a GiB beyond RAM there are many, and nothing to tell */
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
    VtdReplay replay = { space, first, last, TRIES, notice, opaque, 0 };

    memset(space->v->target, 0, sizeof(space->v->target));
    vtd_table_compare(NULL, vtd_space_table(space), first, last, false,
                      vtd_replay_pages, &replay);
}
