/*
 * Intel VT-d engine: the address spaces of devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the life of spaces, which view each has, who watches it, and when it
 * changes to another view or to other tables.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "notify.h"
#include "send.h"
#include "trace.h"

static bool vtd_space_run_update(VtdSpace *space);

void vtd_spaces_init(Vtd *v)
{
    v->spaces.all = g_ptr_array_new();
    v->spaces.watched = g_ptr_array_new();
}

void vtd_spaces_destroy(Vtd *v)
{
    g_assert(v->spaces.all->len == 0);
    g_ptr_array_free(v->spaces.all, TRUE);
    g_ptr_array_free(v->spaces.watched, TRUE);
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

void vtd_spaces_load(Vtd *v)
{
    VtdView view = vtd_translating(v) ? VTD_VIEW_TRANSLATED
                                      : VTD_VIEW_DIRECT;

    for (unsigned i = 0; i < v->spaces.all->len; i++) {
        VtdSpace *space = g_ptr_array_index(v->spaces.all, i);

        if (space->view != view) {
            vtd_space_switch(space, view);
        }
    }
}

/* Updates */

static void vtd_space_set_update(VtdSpace *space, VtdUpdate update)
{
    space->v->spaces.pending += (update == VTD_UPDATE_PENDING) -
                                (space->update == VTD_UPDATE_PENDING);
    space->update = update;
}

/*
 * First move away the spaces that this update takes off the tables of
 * @context: the sync would notify them of mappings that they drop at once.
 * False if one of them has to wait for a sync that goes on in pieces; then
 * the space that comes has to wait, too.
 */
static bool vtd_spaces_move_leaving(Vtd *v, const VtdContext *context)
{
    VtdShare *share;
    VtdSpace *leaving;

    while ((share = vtd_share_find(v, &context->tables)) &&
           share->generation != v->spaces.generation &&
           (leaving = vtd_share_leaving(share, VTD_UPDATE_PENDING))) {
        if (!vtd_space_run_update(leaving)) {
            return false;
        }
    }
    return true;
}

/* False if a table is not in step yet: then the update is still pending */
static bool vtd_space_run_update(VtdSpace *space)
{
    Vtd *v = space->v;
    VtdContext context;
    bool tables;
    VtdView view = vtd_context_view(space, &context, &tables);

    vtd_space_set_update(space, VTD_UPDATE_RUNNING);
    if (tables && !vtd_spaces_move_leaving(v, &context)) {
        vtd_space_set_update(space, VTD_UPDATE_PENDING);
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
        !vtd_share_follow(space, tables ? &context : NULL, "context",
                          VTD_FOLLOW_SEND)) {
        vtd_space_set_update(space, VTD_UPDATE_PENDING);
        return false;
    }
    if (space->watched) {
        v->ops->invalidate(space->opaque, 0, UINT64_MAX, false);
    }
    if (space->view != view) {
        vtd_space_switch(space, view);
    }
    vtd_space_set_update(space, VTD_UPDATE_NONE);
    return true;
}

/* Forget tables that nobody follows; who waits to follow one keeps them all */
static void vtd_spaces_drop_unused_shares(Vtd *v)
{
    if (!v->spaces.pending) {
        vtd_shares_drop_unused(v);
    }
}

static void vtd_spaces_run_updates(Vtd *v)
{
    v->spaces.updating = true;
    /* Switching views may make new spaces, which come last */
    for (unsigned i = 0; i < v->spaces.all->len; i++) {
        VtdSpace *space = g_ptr_array_index(v->spaces.all, i);

        if (space->update == VTD_UPDATE_PENDING) {
            vtd_space_run_update(space);
        }
    }
    v->spaces.updating = false;
    vtd_spaces_drop_unused_shares(v);
}

void vtd_spaces_update(Vtd *v, uint16_t sid, uint16_t mask)
{
    v->spaces.generation++;
    for (unsigned i = 0; i < v->spaces.all->len; i++) {
        VtdSpace *space = g_ptr_array_index(v->spaces.all, i);

        if (!((v->ops->source_id(space->opaque) ^ sid) & mask)) {
            vtd_space_set_update(space, VTD_UPDATE_PENDING);
        }
    }
    vtd_spaces_run_updates(v);
}

void vtd_sources_changed(Vtd *v)
{
    vtd_spaces_update(v, 0, 0);
}

void vtd_spaces_continue(Vtd *v)
{
    if (vtd_syncs_continue(v)) {
        vtd_spaces_run_updates(v);
    }
}

/* Invalidations */

/* What of a space is in @scope, by the entry that is in memory */
static bool vtd_space_in_scope_now(VtdSpace *space, const VtdScope *scope,
                                   VtdRange *range)
{
    VtdContext context = { 0 };
    bool tables;

    if (vtd_context_view(space, &context, &tables) != VTD_VIEW_TRANSLATED) {
        *range = (VtdRange) { scope->first, scope->last };
        return scope->global;
    }
    *range = vtd_scope_range(scope, &context.tables);
    return !tables || vtd_scope_has(scope, &context.tables, context.tables.did,
                                    context.tables.pasid);
}

/* The same, by any entry that may be in use */
static bool vtd_space_in_scope(VtdSpace *space, const VtdScope *scope,
                               VtdRange *range)
{
    VtdContext *cached = qatomic_load_acquire(&space->context);

    if (cached && vtd_scope_has(scope, &cached->tables, cached->tables.did,
                                cached->tables.pasid)) {
        *range = vtd_scope_range(scope, &cached->tables);
        return true;
    }
    if (space->share) {
        const VtdTables *followed = &space->share->tables;

        *range = vtd_scope_range(scope, followed);
        return vtd_scope_has(scope, followed, space->did, space->pasid);
    }
    return vtd_space_in_scope_now(space, scope, range);
}

void vtd_spaces_invalidate(Vtd *v, const VtdScope *scope)
{
    for (unsigned i = 0; i < v->spaces.watched->len; i++) {
        VtdSpace *space = g_ptr_array_index(v->spaces.watched, i);
        VtdRange range;

        if (vtd_space_in_scope(space, scope, &range)) {
            v->ops->invalidate(space->opaque, range.first, range.last, false);
        }
    }
}

void vtd_spaces_device_tlb(Vtd *v, uint16_t sid, uint64_t first,
                           uint64_t last)
{
    for (unsigned i = 0; i < v->spaces.watched->len; i++) {
        VtdSpace *space = g_ptr_array_index(v->spaces.watched, i);

        if (v->ops->source_id(space->opaque) == sid) {
            v->ops->invalidate(space->opaque, first, last, true);
        }
    }
}

/* Listeners */

/* Forget what was sent: nobody holds it any more */
static void vtd_space_drop_shadow(VtdSpace *space)
{
    vtd_share_leave(space);
    vtd_sent_destroy(space);
    vtd_sent_init(space);
    space->shadowed = false;
}

/* The listener that comes is replayed to: it gets nothing before */
static void vtd_space_make_shadow(VtdSpace *space, const char *reason,
                                  VtdFollow how)
{
    VtdContext context;
    bool tables;

    space->shadowed = true;
    vtd_context_view(space, &context, &tables);
    if (!vtd_share_follow(space, tables ? &context : NULL, reason, how)) {
        vtd_space_set_update(space, VTD_UPDATE_PENDING);
    }
}

static void vtd_space_set_watched(VtdSpace *space, bool watched)
{
    if (watched && !space->watched) {
        g_ptr_array_add(space->v->spaces.watched, space);
    } else if (!watched && space->watched) {
        g_ptr_array_remove(space->v->spaces.watched, space);
    }
    space->watched = watched;
}

void vtd_space_watch(VtdSpace *space, bool map, bool any)
{
    vtd_space_set_watched(space, any);
    if (map && !space->shadowed) {
        vtd_space_make_shadow(space, "listener", VTD_FOLLOW_RECORD);
    } else if (!map && space->shadowed) {
        vtd_space_drop_shadow(space);
    }
}

static void vtd_trace_replay(VtdSpace *space)
{
    uint16_t sid = space->v->ops->source_id(space->opaque);
    uint8_t bus = sid >> 8;
    uint8_t dev = VTD_BITS(sid, 7, 3), fn = VTD_BITS(sid, 2, 0);
    VtdContext context;
    bool tables;

    vtd_context_view(space, &context, &tables);
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
        vtd_space_make_shadow(space, "replay", VTD_FOLLOW_AT_ONCE);
    } else {
        /* Those that listen already hear of what has changed since */
        vtd_share_sync(space, "replay");
    }
    vtd_notify_replay(space, first, last, notice, opaque);
    if (!shadowed) {
        vtd_space_drop_shadow(space);
    }
}

/* Life */

VtdSpace *vtd_space_new(Vtd *v, void *space_opaque)
{
    VtdSpace *space = g_new0(VtdSpace, 1);

    space->v = v;
    space->opaque = space_opaque;
    vtd_sent_init(space);
    g_ptr_array_add(v->spaces.all, space);
    vtd_space_run_update(space);
    return space;
}

void vtd_space_free(VtdSpace *space)
{
    Vtd *v = space->v;

    vtd_share_leave(space);
    vtd_sent_destroy(space);
    vtd_context_forget(space);
    vtd_space_set_watched(space, false);
    vtd_space_set_update(space, VTD_UPDATE_NONE);
    g_ptr_array_remove(v->spaces.all, space);
    qatomic_add(&v->stats[VTD_STAT_IOTLB_HITS], space->hits);
    qatomic_add(&v->stats[VTD_STAT_IOTLB_MISSES], space->misses);
    qatomic_add(&v->contexts.read, space->contexts_read);
    g_free(space);
    vtd_spaces_drop_unused_shares(v);
}
