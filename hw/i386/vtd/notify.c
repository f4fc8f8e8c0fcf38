/*
 * Intel VT-d engine: from differences to notifications
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns VtdSpace.tries, and how a sink turns differences into MAPs and UNMAPs.
 * It holds pages that went away back until it meets a page that stays: then
 * the range in which none stays is as wide as it can be, and so are the
 * aligned UNMAPs that fit into it.  Fresh mappings that it meets meanwhile
 * wait for these UNMAPs.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "notify.h"
#include "send.h"
#include "trace.h"

/* How many ranges that went, and how many that are fresh, may wait */
#define WAITING                 (1u << 16)

/* MAPs that a listener without room gets after an UNMAP, one for each */
#define TRIES_FOR_ROOM          64
/* How many of those that were refused before may be refused again in a sync */
#define RETRIES                 4
/* Arrays of a sink are kept for the next sync up to this length */
#define KEPT_LENGTH             128
/* How far to look ahead among these, before those found so far are sent */
#define RETRY_STEP              (1ull << 30)

static void vtd_sink_append(VtdSink *sink, GArray *array, const void *element)
{
    sink->large |= array->len == KEPT_LENGTH;
    g_array_append_vals(array, element, 1);
}

/*
 * UNMAP the pages that went away, in ranges between sink->free_from and
 * @free_to, where no page stays mapped.  Take the largest aligned range there
 * around each such page: two of them are never partly in one another, so there
 * is no way with fewer.
 */
static void vtd_sink_flush_gone(VtdSink *sink, uint64_t free_to)
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
                 * that listeners' ranges, which end there, cut none.
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

static void vtd_sink_send_fresh(VtdSink *sink, const VtdPages *fresh)
{
    uint64_t offset = 0, size = fresh->last - fresh->first + 1;
    uint64_t step = fresh->small ? ~VTD_PAGE_MASK + 1 : size;

    for (; offset < size; offset += step) {
        vtd_send_map(sink, fresh->first + offset,
                     fresh->first + offset + step - 1, fresh->leaf + offset);
    }
}

static void vtd_sink_flush(VtdSink *sink, uint64_t free_to)
{
    if (sink->gone->len) {
        vtd_sink_flush_gone(sink, free_to);
    }
    if (sink->fresh->len) {
        for (unsigned i = 0; i < sink->fresh->len; i++) {
            VtdPages *fresh = &g_array_index(sink->fresh, VtdPages, i);

            vtd_sink_send_fresh(sink, fresh);
        }
        g_array_set_size(sink->fresh, 0);
    }
}

/* Pages from @first to @last stay mapped: send all that waits */
static void vtd_sink_stays(VtdSink *sink, uint64_t first, uint64_t last)
{
    vtd_sink_flush(sink, first - 1);
    sink->free_from = MAX(sink->free_from, last + 1);
}

/* Extents */

/* The old leaf of the page at @at, in a GONE or CHANGED range; 0 if unknown */
static uint64_t vtd_sink_old_at(const VtdSink *sink, const VtdDiff *diff,
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
 * A part of an extent goes.  VFIO's type1 cannot split a mapping, so all of it
 * is unmapped, and what stays is mapped anew.  That waits for the end of the
 * sync, when it is known what stays.
 */
static void vtd_sink_split(VtdSink *sink, VtdExtent *extent,
                           const VtdDiff *diff)
{
    uint64_t at = MAX(extent->first, diff->first);

    extent->addr = (vtd_sink_old_at(sink, diff, at) - (at - extent->first)) &
                   sink->space->v->haw_mask;
    trace_vtd_shadow_split(sink->space->did, extent->first, extent->last);
    vtd_count(sink->space->v, VTD_STAT_SPLITS);
    vtd_space_drop_extent(sink->space, extent);
    vtd_sink_append(sink, sink->split, extent);
    if (extent->last >= sink->free_from) {
        vtd_sink_stays(sink, MAX(extent->first, sink->free_from),
                       extent->last);
    }
}

/*
 * Send an UNMAP for each mapping that was sent, with its target.  Where there
 * is no extent, pages were sent one by one; what was refused, or is no RAM,
 * was not sent.  No UNMAP may be of that: asked for the pages that were
 * written where nothing is mapped, iommufd fails, and the migration with it.
 */
static void vtd_sink_unmap_exact(VtdSink *sink, uint64_t first, uint64_t last,
                                 uint64_t old)
{
    VtdSpace *space = sink->space;
    Vtd *v = space->v;
    uint64_t addr = old & v->haw_mask;

    for (uint64_t end; ; first = end + 1) {
        VtdExtent extent;
        bool sendable = true, one = false;

        if (!vtd_refused_covers(space->sent.refused, first, last, &end)) {
            if (vtd_space_find_extent(space, first, end, &extent)) {
                one = extent.first == first;
                end = one ? extent.last : extent.first - 1;
            }
            if (one) {
                vtd_space_drop_extent(space, &extent);
            } else {
                if (!sink->was_ram) {
                    end = vtd_target_piece(v, first, end, addr, &sendable);
                }
                end = sendable ? first | ~VTD_PAGE_MASK : end;
            }
            if (sendable) {
                vtd_send_unmap(sink, first, end, addr);
            }
        }
        if (end == last) {
            return;
        }
        addr += end - first + 1;
    }
}

/*
 * Find the next part of @diff, a GONE or CHANGED range, that can be unmapped
 * at once: from *first, moved past extents that are split, to *part_last.
 * False if there is none.  All extents in that part lie wholly in it, and are
 * forgotten here unless each is to be unmapped by itself.
 */
static bool vtd_sink_extents(VtdSink *sink, const VtdDiff *diff,
                             uint64_t *first, uint64_t *part_last)
{
    uint64_t last = diff->last;
    VtdSpace *space = sink->space;
    VtdExtent extent;

    if (sink->split->len) {
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
         vtd_space_find_extent(space, from, last, &extent);
         from = extent.last + 1) {
        if (extent.first >= *first && extent.last <= last) {
            if (!sink->exact) {
                vtd_space_drop_extent(space, &extent);
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

/* Have a range unmapped once it is known what stays around it */
static void vtd_sink_hold_gone(VtdSink *sink, uint64_t first, uint64_t last)
{
    VtdRange gone = { first, last }, *tail = NULL;

    if (sink->gone->len) {
        tail = &g_array_index(sink->gone, VtdRange, sink->gone->len - 1);
    }
    if (tail && (tail->last + 1 == first || sink->gone->len == WAITING)) {
        /*
         * The array is full: extend its last range over the gap.  To unmap
         * what was never mapped is harmless.
         */
        tail->last = last;
    } else {
        vtd_sink_append(sink, sink->gone, &gone);
    }
}

static void vtd_sink_take_gone(VtdSink *sink, uint64_t first, uint64_t last,
                               uint64_t old)
{
    VtdSpace *space = sink->space;

    if (sink->exact) {
        vtd_sink_unmap_exact(sink, first, last, old);
    } else {
        for (uint64_t from = first, end; ; from = end + 1) {
            if (!vtd_refused_covers(space->sent.refused, from, last, &end)) {
                vtd_sink_hold_gone(sink, from, end);
            }
            if (end == last) {
                break;
            }
        }
    }
    vtd_space_set_refused(space, first, last, false);
}

/* Waits even if nothing went so far: an UNMAP of what goes may cover it */
static void vtd_sink_take_fresh(VtdSink *sink, const VtdDiff *diff)
{
    VtdPages fresh = {
        diff->first, diff->last, diff->leaf, diff->level == 1,
    };

    if (sink->fresh->len) {
        VtdPages *tail = &g_array_index(sink->fresh, VtdPages,
                                        sink->fresh->len - 1);

        if (fresh.small && tail->small && tail->last + 1 == fresh.first &&
            tail->leaf + (fresh.first - tail->first) == fresh.leaf) {
            tail->last = fresh.last;
            return;
        }
    }
    if (sink->fresh->len == WAITING) {
        vtd_sink_stays(sink, diff->first, diff->first - 1);
    }
    vtd_sink_append(sink, sink->fresh, &fresh);
}

/* UNMAP what changed of a range that is going to be mapped as one */
static void vtd_sink_unmap_changed(VtdSink *sink, uint64_t first, uint64_t last)
{
    uint64_t end;

    if (vtd_refused_covers(sink->space->sent.refused, first, last, &end) &&
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
        vtd_sink_unmap_exact(sink, from, to,
                             changed->leaf + (from - changed->first));
    }
}

static void vtd_sink_take_changed(VtdSink *sink, uint64_t first, uint64_t last,
                                  uint64_t leaf)
{
    vtd_sink_stays(sink, first, last);
    /* UNMAP and MAP back to back: DMA of the device fails in between */
    for (uint64_t end; ; first = end + 1) {
        end = vtd_aligned_last(first, last);
        vtd_sink_unmap_changed(sink, first, end);
        vtd_send_map(sink, first, end, leaf);
        if (end == last) {
            return;
        }
        leaf += end - first + 1;
    }
}

static void vtd_sink_take(VtdSink *sink, const VtdDiff *diff);

/* Take a difference, but for the interrupt range in it */
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
        vtd_sink_take_fresh(sink, diff);
        break;
    case VTD_DIFF_GONE:
    case VTD_DIFF_CHANGED:
        while (vtd_sink_extents(sink, diff, &first, &last)) {
            uint64_t old = diff->old + (first - diff->first);
            uint64_t leaf = diff->leaf + (first - diff->first);

            if (diff->kind == VTD_DIFF_GONE) {
                vtd_sink_take_gone(sink, first, last, old);
            } else {
                vtd_sink_take_changed(sink, first, last, leaf);
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
 * Whether @diff goes on where sink->run ends.  Fresh and changed parts of one
 * large leaf are mapped as one.  What went is joined before extents are looked
 * up, since one extent can be of many leaves.
 */
static bool vtd_sink_joins(const VtdSink *sink, const VtdDiff *diff)
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

static void vtd_sink_note_changed(VtdSink *sink, const VtdDiff *diff)
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
    vtd_sink_append(sink, sink->changed, &changed);
}

void vtd_sink_push(VtdSink *sink, const VtdDiff *diff)
{
    if (diff->first < sink->free_from && !sink->running && !sink->told) {
        /* A superpage begins before the range that was asked for */
        sink->free_from = diff->first;
    }
    sink->told = diff->last;
    if (sink->running) {
        if (vtd_sink_joins(sink, diff)) {
            sink->run.last = diff->last;
            if (diff->kind == VTD_DIFF_CHANGED) {
                sink->run.kind = VTD_DIFF_CHANGED;
                vtd_sink_note_changed(sink, diff);
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
    g_array_set_size(sink->changed, 0);
    if (diff->kind == VTD_DIFF_CHANGED) {
        vtd_sink_note_changed(sink, diff);
    }
}

/* Send all that waits: from the last difference to @free_to nothing stays */
static void vtd_sink_settle(VtdSink *sink, uint64_t free_to)
{
    if (sink->running) {
        sink->running = false;
        vtd_sink_take(sink, &sink->run);
    }
    vtd_sink_flush(sink, free_to);
}

static void vtd_sink_push_fn(void *opaque, const VtdDiff *diff)
{
    vtd_sink_push(opaque, diff);
}

/* MAP all that the table has from @first to @last, where nothing is mapped */
static void vtd_sink_map_anew(VtdSink *sink, uint64_t first, uint64_t last)
{
    vtd_seen_compare(NULL, vtd_space_seen(sink->space), first, last, false,
                     vtd_sink_push_fn, sink);
    vtd_sink_settle(sink, last);
}

/* What was refused */

/* MAP what was refused in a range, as the table says it now */
static void vtd_sink_retry(VtdSink *sink, uint64_t first, uint64_t last)
{
    VtdSpace *space = sink->space;
    uint64_t to = last;

    while (sink->tries && vtd_refused_find(space->sent.refused, &first, &to)) {
        to = MIN(to, first | (RETRY_STEP - 1));
        vtd_sink_map_anew(sink, first, to);
        if (to == last) {
            return;
        }
        first = to + 1;
        to = last;
    }
}

/* Begin where the last retry was given up, so that each gets its turn */
static void vtd_sink_retry_all(VtdSink *sink, uint64_t last)
{
    VtdSpace *space = sink->space;
    uint64_t from = MAX(sink->first, MIN(space->sent.retry_from, last));

    space->tries.first = sink->tries;
    sink->tries = MIN(sink->tries, space->tries.again);
    vtd_sink_retry(sink, from, last);
    if (from > sink->first) {
        vtd_sink_retry(sink, sink->first, from - 1);
    }
    space->tries.again = sink->tries;
    space->tries.for_room = sink->tries_for_room;
}

VtdSink *vtd_sink_begin(VtdSpace *space, const char *reason, uint64_t first,
                        bool record_only)
{
    Vtd *v = space->v;
    VtdSink *sink = space->sent.sink;

    sink->reason = reason;
    sink->kept = 0;
    sink->record_only = record_only;
    sink->exact = v->ops->dirty_tracking(v->opaque);
    sink->was_ram = false;
    sink->tries = VTD_MAP_TRIES;
    sink->tries_for_room = TRIES_FOR_ROOM;
    sink->first = first;
    sink->free_from = first;
    sink->told = 0;
    space->tries.again = RETRIES;
    /* Guest memory may have moved since the last sync */
    vtd_rams_refresh(v);
    return sink;
}

void vtd_sink_skip(VtdSink *sink, uint64_t bytes, uint64_t last)
{
    sink->kept = bytes;
    sink->free_from = last + 1;
    sink->told = last;
}

void vtd_sink_was_ram(VtdSink *sink)
{
    sink->was_ram = true;
}

VtdSink *vtd_sink_resume(VtdSpace *space, const char *reason, uint64_t first)
{
    unsigned retries = space->tries.again;
    VtdSink *sink = vtd_sink_begin(space, reason, first, false);

    sink->tries = space->tries.first;
    sink->tries_for_room = space->tries.for_room;
    space->tries.again = retries;
    return sink;
}

void vtd_sink_end(VtdSink *sink, uint64_t last)
{
    vtd_sink_settle(sink, MAX(last, sink->told));
    for (unsigned i = 0; i < sink->split->len; i++) {
        VtdExtent *extent = &g_array_index(sink->split, VtdExtent, i);

        vtd_send_unmap(sink, extent->first, extent->last,
                       sink->exact ? extent->addr : 0);
        vtd_sink_map_anew(sink, extent->first, extent->last);
    }
    if (!sink->record_only) {
        vtd_sink_retry_all(sink, last);
    }
    if (sink->kept) {
        trace_vtd_shadow_skip(sink->reason, sink->space->did,
                              sink->kept >> VTD_PAGE_SHIFT);
    }
    g_array_set_size(sink->split, 0);
    if (sink->large) {
        vtd_sink_free_arrays(sink);
        vtd_sink_make_arrays(sink);
        sink->large = false;
    }
}

/* Whether nothing waits for the page, and nothing is around it */
static bool vtd_sink_page_alone(const VtdSink *sink, const VtdDiff *diff)
{
    const VtdSpace *space = sink->space;
    VtdExtent extent;

    return !sink->exact && !vtd_refused_bytes(space->sent.refused) &&
           !vtd_meets_interrupts(diff->first, diff->last) &&
           (diff->kind == VTD_DIFF_FRESH ||
            !vtd_space_find_extent(space, diff->first, diff->last, &extent));
}

void vtd_sink_page(VtdSpace *space, const char *reason, const VtdDiff *diff)
{
    VtdSink *sink = vtd_sink_begin(space, reason, diff->first, false);

    if (!vtd_sink_page_alone(sink, diff)) {
        vtd_sink_push(sink, diff);
        vtd_sink_end(sink, diff->last);
        return;
    }
    if (diff->kind != VTD_DIFF_FRESH) {
        vtd_send_unmap(sink, diff->first, diff->last, 0);
    }
    if (diff->kind != VTD_DIFF_GONE) {
        vtd_send_map(sink, diff->first, diff->last, diff->leaf);
    }
    if (vtd_refused_bytes(space->sent.refused)) {
        vtd_sink_retry_all(sink, diff->last);
    }
}
