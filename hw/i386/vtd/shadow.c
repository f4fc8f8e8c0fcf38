/*
 * Intel VT-d engine: shadows
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns which view each space has, which table its shadow follows, and who
 * follows one together.  Tables are told from others by the memory that they
 * are in, never by a domain id: what is seen of it is kept once, and a
 * difference brings all its spaces along, so that each holds what was last
 * seen.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "send.h"
#include "trace.h"

static bool vtd_space_update(VtdSpace *space, const char *reason);

/* What the tables say of a space now; @context is set if it has tables */
static VtdView vtd_space_look(VtdSpace *space, VtdContext *context,
                              bool *tables)
{
    Vtd *v = space->v;
    VtdFault fault;

    *tables = false;
    if (!vtd_translating(v)) {
        return VTD_VIEW_DIRECT;
    }
    if (!vtd_context_read(v, v->ops->source_id(space->opaque), context,
                          &fault)) {
        return VTD_VIEW_TRANSLATED;
    }
    *tables = !context->pass_through;
    return *tables ? VTD_VIEW_TRANSLATED : VTD_VIEW_PASS_THROUGH;
}

/* Tables and who follows them */

static VtdShare *vtd_share_find(Vtd *v, const VtdTables *tables)
{
    for (unsigned i = 0; i < v->shares->len; i++) {
        VtdShare *share = g_ptr_array_index(v->shares, i);

        if (vtd_tables_same(&share->tables, tables)) {
            return share;
        }
    }
    return NULL;
}

static VtdShare *vtd_share_new(const VtdTables *tables, VtdSeen *seen)
{
    VtdShare *share = g_new0(VtdShare, 1);

    share->tables = *tables;
    share->seen = seen;
    share->spaces = g_ptr_array_new();
    return share;
}

static VtdShare *vtd_share_get(Vtd *v, const VtdTables *tables)
{
    VtdShare *share = vtd_share_find(v, tables);

    if (!share) {
        share = vtd_share_new(tables, vtd_seen_new(&v->seen_config,
                                                    tables->top,
                                                    tables->levels));
        g_ptr_array_add(v->shares, share);
    }
    return share;
}

static void vtd_share_free(Vtd *v, VtdShare *share)
{
    g_ptr_array_remove(v->shares, share);
    vtd_seen_free(share->seen);
    g_ptr_array_free(share->spaces, TRUE);
    g_free(share);
}

static void vtd_share_leave(Vtd *v, VtdShare *share, VtdSpace *space)
{
    g_ptr_array_remove(share->spaces, space);
    if (!share->spaces->len) {
        vtd_share_free(v, share);
    }
}

/* Differences for all spaces of a share at once */
typedef struct VtdSinks {
    VtdSink **sink;
    unsigned count;
} VtdSinks;

static void vtd_sinks_push(void *opaque, const VtdDiff *diff)
{
    VtdSinks *sinks = opaque;

    for (unsigned i = 0; i < sinks->count; i++) {
        vtd_sink_push(sinks->sink[i], diff);
    }
}

static void vtd_sink_take_over(void *opaque, const VtdDiff *diff)
{
    vtd_sink_push(opaque, diff);
}

/* What the user should know of a table's size, once */
static void vtd_share_tell(Vtd *v, const VtdShare *share)
{
    if (vtd_seen_limited(share->seen) && !v->limit_told) {
        v->limit_told = true;
        v->ops->over_limit(v->opaque);
    }
}

/* Syncs, in pieces if they take long */

/*
 * Until it is done, or the time is over: then the rest waits.  Unless it is
 * the @first piece, it goes on with the tries that the last one left.
 */
static void vtd_share_go_on(Vtd *v, VtdShare *share, bool first)
{
    bool each_leaf = v->ops->dirty_tracking(v->opaque);
    VtdSinks sinks = { .count = share->spaces->len };

    sinks.sink = g_new(VtdSink *, sinks.count);
    for (unsigned i = 0; i < sinks.count; i++) {
        VtdSpace *space = g_ptr_array_index(share->spaces, i);

        sinks.sink[i] = first
            ? vtd_sink_begin(space, share->reason, share->next, false)
            : vtd_sink_resume(space, share->reason, share->next);
    }
    vtd_count(v, VTD_STAT_SYNCS);
    trace_vtd_shadow_sync(share->reason, share->did, share->tables.top,
                          share->next, share->last, sinks.count);
    do {
        share->next = vtd_seen_sync(share->seen, share->next, share->last,
                                     each_leaf, vtd_sinks_push, &sinks);
    } while (share->next && (v->unbounded || !vtd_piece_over(v)));
    share->pending = share->next;
    for (unsigned i = 0; i < sinks.count; i++) {
        vtd_sink_end(sinks.sink[i], share->pending ? share->next - 1
                                                   : share->last);
    }
    g_free(sinks.sink);
    vtd_share_tell(v, share);
    if (share->pending) {
        vtd_count(v, VTD_STAT_SYNC_PAUSES);
        trace_vtd_shadow_pause(share->reason, share->did, share->tables.top,
                               share->next, share->last);
        vtd_piece_schedule(v);
    }
}

/* @did and @reason are for traces */
static void vtd_share_sync(Vtd *v, VtdShare *share, const char *reason,
                           uint16_t did, uint64_t first, uint64_t last)
{
    uint64_t width_last = vtd_width_last(v);

    last = MIN(last, width_last);
    if (first > last) {
        return;
    }
    if (share->pending) {
        first = MIN(first, share->next);
        last = MAX(last, share->last);
    }
    share->reason = reason;
    share->did = did;
    share->next = first;
    share->last = last;
    vtd_trace_sync(v, &share->tables, share->seen, first, last);
    vtd_share_go_on(v, share, true);
}

/* A space, @due, that the running update is going to take from a share */
static VtdSpace *vtd_share_leaving(Vtd *v, const VtdShare *share,
                                   VtdUpdate update)
{
    for (unsigned i = 0; i < share->spaces->len; i++) {
        VtdSpace *space = g_ptr_array_index(share->spaces, i);
        VtdContext context;
        bool tables;

        if (space->update == update) {
            vtd_space_look(space, &context, &tables);
            if (!tables || share != vtd_share_find(v, &context.tables)) {
                return space;
            }
        }
    }
    return NULL;
}

/*
 * First move away the spaces that this update takes off the tables of
 * @context: the sync would notify them of mappings that they drop at once.
 * False if one of them has to wait for a sync that goes on in pieces; then
 * the space that comes has to wait, too.
 */
static bool vtd_move_leaving_first(Vtd *v, const VtdContext *context,
                                   const char *reason)
{
    VtdShare *share;
    VtdSpace *leaver;

    while ((share = vtd_share_find(v, &context->tables)) &&
           share->generation != v->generation &&
           (leaver = vtd_share_leaving(v, share, VTD_UPDATE_PENDING))) {
        if (!vtd_space_update(leaver, reason)) {
            return false;
        }
    }
    return true;
}

/*
 * Two spaces swap tables: those still to move get a private copy, one for all
 * of them, since the sync below changes the shared one.
 */
static void vtd_split_leaving(Vtd *v, VtdShare *share)
{
    VtdShare *parted = NULL;
    VtdSpace *leaver;

    while ((leaver = vtd_share_leaving(v, share, VTD_UPDATE_RUNNING))) {
        if (!parted) {
            parted = vtd_share_new(&share->tables,
                                   vtd_seen_copy(share->seen));
        }
        g_ptr_array_remove(share->spaces, leaver);
        g_ptr_array_add(parted->spaces, leaver);
        leaver->share = parted;
    }
}

/* The share of the tables of @context, in step with them: once in an update */
static VtdShare *vtd_share_in_step(Vtd *v, const VtdContext *context,
                                   const char *reason)
{
    VtdShare *share = vtd_share_get(v, &context->tables);

    if (!v->updating || v->unbounded || share->generation != v->generation) {
        vtd_split_leaving(v, share);
        share->generation = v->generation;
        vtd_share_sync(v, share, reason, context->tables.did, 0, UINT64_MAX);
    }
    return share;
}

/*
 * Let a space follow the tables of @context, NULL for none, and bring it
 * from what it holds to what they say.  False, and nothing done, if what is
 * known of them is not in step yet: what the space holds may be in the part
 * that was not looked at, and what nobody maps any more may be there as well.
 */
static bool vtd_follow(VtdSpace *space, const VtdContext *context,
                       const char *reason, bool record_only)
{
    Vtd *v = space->v;
    VtdShare *old, *new = NULL;
    VtdSink *sink;

    if (context) {
        new = vtd_share_in_step(v, context, reason);
    }
    old = space->share;
    if (new && new != old && new->pending) {
        return false;
    }
    if (context) {
        space->did = context->tables.did;
    }
    if (new == old) {
        return true;
    }
    trace_vtd_shadow_follow(v->ops->source_id(space->opaque), space->did,
                            old ? old->tables.top : 0,
                            new ? new->tables.top : 0);
    space->share = new;
    sink = vtd_sink_begin(space, reason, 0, record_only);
    vtd_seen_compare(old ? old->seen : NULL, new ? new->seen : NULL, 0,
                      UINT64_MAX, v->ops->dirty_tracking(v->opaque),
                      vtd_sink_take_over, sink);
    vtd_sink_end(sink, vtd_width_last(v));
    if (new) {
        g_ptr_array_add(new->spaces, space);
    }
    if (old) {
        vtd_share_leave(v, old, space);
    }
    return true;
}

/* Views */

static void vtd_space_switch(VtdSpace *space, VtdView view)
{
    Vtd *v = space->v;
    uint16_t sid = v->ops->source_id(space->opaque);

    space->view = view;
    vtd_count(v, VTD_STAT_VIEW_SWITCHES);
    trace_vtd_switch_address_space(sid >> 8, VTD_BITS(sid, 7, 3),
                                   VTD_BITS(sid, 2, 0),
                                   view == VTD_VIEW_TRANSLATED);
    if (view == VTD_VIEW_PASS_THROUGH) {
        trace_vtd_pt_enable_fast_path(sid, true);
    }
    v->ops->switch_to(space->opaque, view);
}

/* All that a listener had goes; the ranges of listeners end at interrupts */
static void vtd_trace_unmap_whole(VtdSpace *space)
{
    uint16_t sid = space->v->ops->source_id(space->opaque);

    trace_vtd_as_unmap_whole(sid >> 8, VTD_BITS(sid, 7, 3),
                             VTD_BITS(sid, 2, 0), 0, VTD_INTERRUPT_FIRST);
    trace_vtd_as_unmap_whole(sid >> 8, VTD_BITS(sid, 7, 3),
                             VTD_BITS(sid, 2, 0), VTD_INTERRUPT_LAST + 1,
                             vtd_width_last(space->v) - VTD_INTERRUPT_LAST);
}

/* False if it waits for a table to be in step: then it is due again */
static bool vtd_space_update(VtdSpace *space, const char *reason)
{
    Vtd *v = space->v;
    VtdContext context;
    bool tables;
    VtdView view = vtd_space_look(space, &context, &tables);

    space->update = VTD_UPDATE_RUNNING;
    if (tables && !vtd_move_leaving_first(v, &context, reason)) {
        space->update = VTD_UPDATE_PENDING;
        return false;
    }
    if (view == VTD_VIEW_TRANSLATED && space->view != view) {
        /*
         * The switch makes QEMU's listeners register and replay now, so it
         * comes before the shadow is updated.
         */
        vtd_space_switch(space, view);
    }
    if (trace_event_get_state_backends(TRACE_VTD_AS_UNMAP_WHOLE) &&
        space->watched && !(space->shadowed && (tables || !space->share))) {
        vtd_trace_unmap_whole(space);
    }
    if (space->shadowed &&
        !vtd_follow(space, tables ? &context : NULL, reason, false)) {
        space->update = VTD_UPDATE_PENDING;
        return false;
    }
    if (space->watched) {
        v->ops->invalidate(space->opaque, 0, UINT64_MAX, false);
    }
    if (space->view != view) {
        vtd_space_switch(space, view);
    }
    space->update = VTD_UPDATE_NONE;
    return true;
}

static bool vtd_any_update_pending(Vtd *v)
{
    for (unsigned i = 0; i < v->spaces->len; i++) {
        VtdSpace *space = g_ptr_array_index(v->spaces, i);

        if (space->update == VTD_UPDATE_PENDING) {
            return true;
        }
    }
    return false;
}

/* What nobody follows, nor waits for, goes */
static void vtd_shares_sweep(Vtd *v)
{
    if (vtd_any_update_pending(v)) {
        return;
    }
    for (unsigned i = v->shares->len; i; i--) {
        VtdShare *share = g_ptr_array_index(v->shares, i - 1);

        if (!share->spaces->len) {
            vtd_share_free(v, share);
        }
    }
}

static void vtd_update_pending(Vtd *v)
{
    v->updating = true;
    /* Switching views may make new spaces, which come last */
    for (unsigned i = 0; i < v->spaces->len; i++) {
        VtdSpace *space = g_ptr_array_index(v->spaces, i);

        if (space->update == VTD_UPDATE_PENDING) {
            vtd_space_update(space, "context");
        }
    }
    v->updating = false;
    vtd_shares_sweep(v);
}

void vtd_spaces_update(Vtd *v, uint16_t sid, uint16_t mask)
{
    v->generation++;
    for (unsigned i = 0; i < v->spaces->len; i++) {
        VtdSpace *space = g_ptr_array_index(v->spaces, i);

        if (!((v->ops->source_id(space->opaque) ^ sid) & mask)) {
            space->update = VTD_UPDATE_PENDING;
        }
    }
    vtd_update_pending(v);
}

bool vtd_shadow_pending(Vtd *v)
{
    for (unsigned i = 0; i < v->shares->len; i++) {
        VtdShare *share = g_ptr_array_index(v->shares, i);

        if (share->pending) {
            return true;
        }
    }
    return vtd_any_update_pending(v);
}

void vtd_shadow_continue(Vtd *v)
{
    bool pending = false;

    for (unsigned i = 0; i < v->shares->len; i++) {
        VtdShare *share = g_ptr_array_index(v->shares, i);

        if (share->pending) {
            vtd_share_go_on(v, share, false);
            pending |= share->pending;
        }
    }
    if (!pending) {
        vtd_update_pending(v);
    }
}

void vtd_sources_changed(Vtd *v)
{
    vtd_spaces_update(v, 0, 0);
}

void vtd_spaces_load(Vtd *v)
{
    VtdView view = vtd_translating(v) ? VTD_VIEW_TRANSLATED
                                                : VTD_VIEW_DIRECT;

    for (unsigned i = 0; i < v->spaces->len; i++) {
        VtdSpace *space = g_ptr_array_index(v->spaces, i);

        if (space->view != view) {
            vtd_space_switch(space, view);
        }
    }
}

/* Whether @did is the domain of a space, by any entry that may be in use */
static bool vtd_space_in_domain(VtdSpace *space, uint16_t did)
{
    VtdContext *cached = qatomic_load_acquire(&space->context);
    VtdContext context;
    bool tables;

    if (cached && cached->tables.did == did) {
        return true;
    }
    if (space->share) {
        return space->did == did;
    }
    return vtd_space_look(space, &context, &tables) ==
           VTD_VIEW_TRANSLATED && (!tables || context.tables.did == did);
}

void vtd_shadow_pages(Vtd *v, bool global, uint16_t did, uint64_t first,
                      uint64_t last)
{
    const char *reason = global ? "global" :
                         last - first == UINT64_MAX ? "domain" : "pages";

    for (unsigned i = 0; i < v->shares->len; i++) {
        VtdShare *share = g_ptr_array_index(v->shares, i);
        VtdSpace *named = NULL;

        for (unsigned j = 0; j < share->spaces->len && !named; j++) {
            VtdSpace *space = g_ptr_array_index(share->spaces, j);

            if (global || space->did == did) {
                named = space;
            }
        }
        if (named || !share->spaces->len) {
            /* Without any there is one that waits for it */
            vtd_share_sync(v, share, reason, named ? named->did : did, first,
                           last);
        }
    }
    for (unsigned i = 0; i < v->spaces->len; i++) {
        VtdSpace *space = g_ptr_array_index(v->spaces, i);

        if (space->watched && (global || vtd_space_in_domain(space, did))) {
            v->ops->invalidate(space->opaque, first, last, false);
        }
    }
}

void vtd_shadow_device_tlb(Vtd *v, uint16_t sid, uint64_t first,
                           uint64_t last)
{
    for (unsigned i = 0; i < v->spaces->len; i++) {
        VtdSpace *space = g_ptr_array_index(v->spaces, i);

        if (space->watched && v->ops->source_id(space->opaque) == sid) {
            v->ops->invalidate(space->opaque, first, last, true);
        }
    }
}

/* Forget what was sent: nobody holds it any more */
static void vtd_space_drop(VtdSpace *space)
{
    Vtd *v = space->v;

    if (space->share) {
        vtd_share_leave(v, space->share, space);
        space->share = NULL;
    }
    vtd_sent_destroy(space);
    vtd_sent_init(space);
    space->shadowed = false;
}

static void vtd_space_shadow(VtdSpace *space, const char *reason)
{
    VtdContext context;
    bool tables;

    space->shadowed = true;
    vtd_space_look(space, &context, &tables);
    if (!vtd_follow(space, tables ? &context : NULL, reason, true)) {
        space->update = VTD_UPDATE_PENDING;
    }
}

void vtd_space_watch(VtdSpace *space, bool map, bool any)
{
    space->watched = any;
    if (map && !space->shadowed) {
        vtd_space_shadow(space, "listener");
    } else if (!map && space->shadowed) {
        vtd_space_drop(space);
    }
}

static void vtd_trace_replay(VtdSpace *space)
{
    uint16_t sid = space->v->ops->source_id(space->opaque);
    uint8_t bus = sid >> 8;
    uint8_t dev = VTD_BITS(sid, 7, 3), fn = VTD_BITS(sid, 2, 0);
    VtdContext context;
    bool tables;

    vtd_space_look(space, &context, &tables);
    if (tables) {
        trace_vtd_replay_ce_valid("legacy mode", bus, dev, fn,
                                  context.tables.did, context.hi, context.lo);
    } else {
        trace_vtd_replay_ce_invalid(bus, dev, fn);
    }
}

void vtd_space_replay(VtdSpace *space, uint64_t first, uint64_t last,
                      VtdNoticeFn *notice, void *opaque)
{
    bool shadowed = space->shadowed;

    if (trace_event_get_state_backends(TRACE_VTD_REPLAY_CE_VALID) ||
        trace_event_get_state_backends(TRACE_VTD_REPLAY_CE_INVALID)) {
        vtd_trace_replay(space);
    }
    if (!shadowed) {
        /* Nobody is going to tell of the rest later */
        space->v->unbounded = true;
        vtd_space_shadow(space, "replay");
        space->v->unbounded = false;
    } else if (space->share && !space->share->pending) {
        /* Who was told before hears of what has changed since */
        vtd_share_sync(space->v, space->share, "replay", space->did, 0,
                       UINT64_MAX);
    }
    vtd_notify_replay(space, first, last, notice, opaque);
    if (!shadowed) {
        vtd_space_drop(space);
    }
}

VtdSpace *vtd_space_new(Vtd *v, void *space_opaque)
{
    VtdSpace *space = g_new0(VtdSpace, 1);

    space->v = v;
    space->opaque = space_opaque;
    vtd_sent_init(space);
    g_ptr_array_add(v->spaces, space);
    vtd_space_update(space, "device");
    return space;
}

void vtd_space_free(VtdSpace *space)
{
    Vtd *v = space->v;

    vtd_space_drop(space);
    vtd_sent_destroy(space);
    vtd_context_forget(space);
    g_ptr_array_remove(v->spaces, space);
    g_free(space);
    vtd_shares_sweep(v);
}
