/*
 * Intel VT-d engine: tables, and the spaces that follow them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what was last seen of each table, which spaces follow it, and its
 * syncs, in pieces if they take long.  Tables are told from others by the
 * memory that they are in, never by a domain id: what is seen of one is kept
 * once, and a difference goes to all spaces that follow it, so that each
 * holds what was last seen.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "glance.h"
#include "notify.h"
#include "trace.h"

static void vtd_share_ram(void *opaque, uint64_t gpa, VtdRam *ram)
{
    *ram = vtd_ram_at(opaque, gpa)->ram;
}

static bool vtd_share_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
    Vtd *v = opaque;

    return v->ops->read(v->opaque, gpa, buf, len);
}

static bool vtd_share_swap(void *opaque, uint64_t gpa, uint64_t old,
                           uint64_t new)
{
    Vtd *v = opaque;

    return v->ops->swap(v->opaque, gpa, old, new);
}

void vtd_shadows_init(Vtd *v)
{
    v->shadows.shares = g_ptr_array_new();
    v->shadows.config = (VtdSeenConfig) {
        .second = &v->second,
        .composed = &v->composed,
        .ram = vtd_share_ram,
        .read = vtd_share_read,
        .swap = vtd_share_swap,
        .opaque = v,
        .max_leaves = v->config.max_mappings,
        .max_bytes = MAX(VTD_SEEN_BYTES_MIN,
                         MIN(v->config.max_mappings, VTD_BIT(58)) *
                         VTD_SEEN_BYTES_PER_MAPPING),
        .work = v->config.sync_work ?: VTD_SYNC_WORK,
        .stats = &v->shadows.stats,
    };
}

void vtd_shadows_destroy(Vtd *v)
{
    g_ptr_array_free(v->shadows.shares, TRUE);
}

void vtd_shadows_size(Vtd *v, uint64_t *leaves, uint64_t *bytes)
{
    *leaves = *bytes = 0;
    for (unsigned i = 0; i < v->shadows.shares->len; i++) {
        VtdShare *share = g_ptr_array_index(v->shadows.shares, i);
        uint64_t share_leaves, share_bytes;

        vtd_seen_size(share->seen, &share_leaves, &share_bytes);
        *leaves += share_leaves;
        *bytes += share_bytes;
    }
}

/* Tables and who follows them */

VtdShare *vtd_share_find(Vtd *v, const VtdTables *tables)
{
    for (unsigned i = 0; i < v->shadows.shares->len; i++) {
        VtdShare *share = g_ptr_array_index(v->shadows.shares, i);

        if (vtd_tables_same(&share->tables, tables)) {
            return share;
        }
    }
    return NULL;
}

static VtdShare *vtd_share_new(Vtd *v, const VtdTables *tables, VtdSeen *seen)
{
    VtdShare *share = g_new0(VtdShare, 1);

    share->v = v;
    share->tables = *tables;
    share->seen = seen;
    share->spaces = g_ptr_array_new();
    return share;
}

static VtdShare *vtd_share_get(Vtd *v, const VtdTables *tables)
{
    VtdShare *share = vtd_share_find(v, tables);

    if (!share) {
        share = vtd_share_new(v, tables, vtd_seen_new(&v->shadows.config,
                                                    tables));
        g_ptr_array_add(v->shadows.shares, share);
    }
    return share;
}

static void vtd_share_set_pending(VtdShare *share, bool pending)
{
    share->v->shadows.pending += pending - share->pending;
    share->pending = pending;
}

static void vtd_share_free(VtdShare *share)
{
    vtd_share_set_pending(share, false);
    g_ptr_array_remove(share->v->shadows.shares, share);
    vtd_seen_free(share->seen);
    g_ptr_array_free(share->spaces, TRUE);
    g_free(share);
}

static void vtd_share_remove(VtdShare *share, VtdSpace *space)
{
    g_ptr_array_remove(share->spaces, space);
    if (!share->spaces->len) {
        vtd_share_free(share);
    }
}

void vtd_share_leave(VtdSpace *space)
{
    if (space->share) {
        vtd_share_remove(space->share, space);
        space->share = NULL;
    }
}

void vtd_shares_drop_unused(Vtd *v)
{
    for (unsigned i = v->shadows.shares->len; i; i--) {
        VtdShare *share = g_ptr_array_index(v->shadows.shares, i - 1);

        if (!share->spaces->len) {
            vtd_share_free(share);
        }
    }
}

/* Syncs */

/*
 * A piece of a sync on its way to the spaces of a share.  Their sinks begin
 * with the first difference that is one: mostly there is none, and what
 * stays as it is need not be told to each.
 */
typedef struct VtdSyncPiece {
    VtdShare *share;
    uint64_t first;
    bool resumes;               /* it goes on with what the last one left */
    bool begun;                 /* the sinks take differences */
    uint64_t kept;              /* bytes that stay, before that */
    uint64_t kept_last;         /* the last of them */
} VtdSyncPiece;

static void vtd_share_begin_sinks(VtdSyncPiece *piece)
{
    VtdShare *share = piece->share;

    piece->begun = true;
    for (unsigned i = 0; i < share->spaces->len; i++) {
        VtdSpace *space = g_ptr_array_index(share->spaces, i);
        VtdSink *sink = piece->resumes
            ? vtd_sink_resume(space, share->reason, piece->first)
            : vtd_sink_begin(space, share->reason, piece->first, false);

        if (piece->kept) {
            vtd_sink_skip(sink, piece->kept, piece->kept_last);
        }
    }
}

static void vtd_share_push(void *opaque, const VtdDiff *diff)
{
    VtdSyncPiece *piece = opaque;
    GPtrArray *spaces = piece->share->spaces;

    if (!piece->begun && diff->kind == VTD_DIFF_KEPT) {
        piece->kept += diff->last - diff->first + 1;
        piece->kept_last = diff->last;
        return;
    }
    if (!piece->begun) {
        vtd_share_begin_sinks(piece);
    }
    for (unsigned i = 0; i < spaces->len; i++) {
        VtdSpace *space = g_ptr_array_index(spaces, i);

        vtd_sink_push(space->sent.sink, diff);
    }
}

/* Whether sinks have something to do though nothing has changed */
static bool vtd_share_has_more(const VtdSyncPiece *piece)
{
    GPtrArray *spaces = piece->share->spaces;

    if (piece->share->pending ||
        trace_event_get_state_backends(TRACE_VTD_SHADOW_SKIP)) {
        return true;
    }
    for (unsigned i = 0; i < spaces->len; i++) {
        VtdSpace *space = g_ptr_array_index(spaces, i);

        if (vtd_refused_bytes(space->sent.refused)) {
            return true;
        }
    }
    return false;
}

static void vtd_share_end_sinks(VtdSyncPiece *piece, uint64_t last)
{
    GPtrArray *spaces = piece->share->spaces;

    if (!piece->begun) {
        if (!vtd_share_has_more(piece)) {
            return;
        }
        vtd_share_begin_sinks(piece);
    }
    for (unsigned i = 0; i < spaces->len; i++) {
        VtdSpace *space = g_ptr_array_index(spaces, i);

        vtd_sink_end(space->sent.sink, last);
    }
}

/* Tell the user, once, that a table has more than is remembered of it */
static void vtd_share_check_limit(const VtdShare *share)
{
    Vtd *v = share->v;

    if (vtd_seen_limited(share->seen) && !v->shadows.limit_told) {
        v->shadows.limit_told = true;
        v->ops->over_limit(v->opaque);
    }
}

/*
 * Sync from share->next to share->last, until the time of this call is over
 * unless it is to be done @at_once.  Unless it is the @first piece, it goes on
 * with the tries that the last one left.
 */
static void vtd_share_sync_piece(VtdShare *share, bool first, bool at_once)
{
    Vtd *v = share->v;
    bool each_leaf = v->ops->dirty_tracking(v->opaque);
    VtdSyncPiece piece = {
        .share = share, .first = share->next, .resumes = !first,
    };

    vtd_rams_refresh(v);
    vtd_count_bql(v, VTD_STAT_SYNCS, 1);
    trace_vtd_shadow_sync(share->reason, share->did, share->tables.top,
                          share->next, share->last, share->spaces->len);
    do {
        share->next = vtd_seen_sync(share->seen, share->next, share->last,
                                    each_leaf, vtd_share_push, &piece);
    } while (share->next && (at_once || !vtd_piece_over(v)));
    vtd_share_set_pending(share, share->next);
    vtd_share_end_sinks(&piece, share->pending ? share->next - 1
                                               : share->last);
    vtd_share_check_limit(share);
    if (share->pending) {
        vtd_count(v, VTD_STAT_SYNC_PAUSES);
        trace_vtd_shadow_pause(share->reason, share->did, share->tables.top,
                               share->next, share->last);
        vtd_piece_schedule(v);
    }
}

/* The page at share->next alone; false, and nothing done, if it takes a sync */
static bool vtd_share_sync_page(VtdShare *share)
{
    Vtd *v = share->v;
    VtdSyncPiece piece = { .share = share, .first = share->next };
    VtdGlance glance;
    VtdDiff diff;

    vtd_rams_refresh(v);
    glance = vtd_glance_page(share->seen, share->next, &diff);
    if (glance == VTD_GLANCE_UNSURE) {
        return false;
    }
    vtd_count_bql(v, VTD_STAT_SYNCS, 1);
    trace_vtd_shadow_sync(share->reason, share->did, share->tables.top,
                          share->next, share->last, share->spaces->len);
    if (glance == VTD_GLANCE_NOTHING || diff.kind == VTD_DIFF_KEPT) {
        if (glance == VTD_GLANCE_PAGE) {
            vtd_share_push(&piece, &diff);
        }
        vtd_share_end_sinks(&piece, share->last);
        return true;
    }
    for (unsigned i = 0; i < share->spaces->len; i++) {
        vtd_sink_page(g_ptr_array_index(share->spaces, i), share->reason,
                      &diff);
    }
    return true;
}

/* A range of @share, of domain @did; what was still to be done is added */
static void vtd_share_sync_range(VtdShare *share, const char *reason,
                                 uint16_t did, uint64_t first, uint64_t last,
                                 bool at_once)
{
    uint64_t width_last = vtd_width_last(share->v);

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
    vtd_trace_sync(share->v, &share->tables, share->seen, first, last);
    vtd_seen_begin(share->seen, first == 0 && last == width_last);
    if (share->pending || last - first != ~VTD_PAGE_MASK ||
        !vtd_share_sync_page(share)) {
        vtd_share_sync_piece(share, true, at_once);
    }
}

void vtd_share_sync(VtdSpace *space, const char *reason)
{
    if (space->share && !space->share->pending) {
        vtd_share_sync_range(space->share, reason, space->did, 0, UINT64_MAX,
                             false);
    }
}

/* A space that follows @share and is in @scope, or NULL */
static VtdSpace *vtd_share_in_scope(const VtdShare *share,
                                    const VtdScope *scope)
{
    for (unsigned i = 0; i < share->spaces->len; i++) {
        VtdSpace *space = g_ptr_array_index(share->spaces, i);

        if (vtd_scope_has(scope, &share->tables, space->did, space->pasid)) {
            return space;
        }
    }
    return NULL;
}

void vtd_shares_sync_scope(Vtd *v, const VtdScope *scope)
{
    for (unsigned i = 0; i < v->shadows.shares->len; i++) {
        VtdShare *share = g_ptr_array_index(v->shadows.shares, i);
        VtdSpace *named = vtd_share_in_scope(share, scope);
        VtdRange range = vtd_scope_range(scope, &share->tables);

        if (named || !share->spaces->len) {
            /* A share without spaces has one that waits to follow it */
            vtd_share_sync_range(share, scope->reason,
                                 named ? named->did : scope->did, range.first,
                                 range.last, false);
        }
    }
}

void vtd_shares_sync_first(Vtd *v)
{
    for (unsigned i = 0; i < v->shadows.shares->len; i++) {
        VtdShare *share = g_ptr_array_index(v->shadows.shares, i);

        if (share->tables.first) {
            vtd_share_sync_range(share, "write buffer", share->tables.did, 0,
                                 UINT64_MAX, false);
        }
    }
}

bool vtd_syncs_continue(Vtd *v)
{
    for (unsigned i = 0; i < v->shadows.shares->len; i++) {
        VtdShare *share = g_ptr_array_index(v->shadows.shares, i);

        if (share->pending) {
            vtd_share_sync_piece(share, false, false);
        }
    }
    return !v->shadows.pending;
}

/* Who follows which */

VtdSpace *vtd_share_leaving(const VtdShare *share, VtdUpdate update)
{
    for (unsigned i = 0; i < share->spaces->len; i++) {
        VtdSpace *space = g_ptr_array_index(share->spaces, i);
        VtdContext context;
        bool tables;

        if (space->update == update) {
            vtd_context_view(space, &context, &tables);
            if (!tables || share != vtd_share_find(share->v, &context.tables)) {
                return space;
            }
        }
    }
    return NULL;
}

/*
 * Two spaces swap tables: those still to move get a private copy, one for all
 * of them, since the sync that follows changes the shared one.
 */
static void vtd_share_split_leaving(VtdShare *share)
{
    VtdShare *copy = NULL;
    VtdSpace *leaving;

    while ((leaving = vtd_share_leaving(share, VTD_UPDATE_RUNNING))) {
        if (!copy) {
            copy = vtd_share_new(share->v, &share->tables,
                                 vtd_seen_copy(share->seen));
        }
        g_ptr_array_remove(share->spaces, leaving);
        g_ptr_array_add(copy->spaces, leaving);
        leaving->share = copy;
    }
}

/* The share of the tables of @context, in step with them: once in an update */
static VtdShare *vtd_share_in_step(Vtd *v, const VtdContext *context,
                                   const char *reason, bool at_once)
{
    VtdShare *share = vtd_share_get(v, &context->tables);

    if (!v->spaces.updating || at_once ||
        share->generation != v->spaces.generation) {
        vtd_share_split_leaving(share);
        share->generation = v->spaces.generation;
        vtd_share_sync_range(share, reason, context->tables.did, 0,
                             UINT64_MAX, at_once);
    }
    return share;
}

static void vtd_share_compared(void *opaque, const VtdDiff *diff)
{
    vtd_sink_push(opaque, diff);
}

bool vtd_share_follow(VtdSpace *space, const VtdContext *context,
                      const char *reason, VtdFollow how)
{
    Vtd *v = space->v;
    VtdShare *old, *new = NULL;
    VtdSink *sink;

    if (context) {
        new = vtd_share_in_step(v, context, reason,
                                how == VTD_FOLLOW_AT_ONCE);
    }
    old = space->share;
    if (new && new != old && new->pending) {
        return false;
    }
    if (context) {
        space->did = context->tables.did;
        space->pasid = context->tables.pasid;
    }
    if (new == old) {
        return true;
    }
    trace_vtd_shadow_follow(v->ops->source_id(space->opaque), space->did,
                            old ? old->tables.top : 0,
                            new ? new->tables.top : 0);
    space->share = new;
    sink = vtd_sink_begin(space, reason, 0, how != VTD_FOLLOW_SEND);
    vtd_seen_compare(old ? old->seen : NULL, new ? new->seen : NULL, 0,
                     UINT64_MAX, v->ops->dirty_tracking(v->opaque),
                     vtd_share_compared, sink);
    vtd_sink_end(sink, vtd_width_last(v));
    if (new) {
        g_ptr_array_add(new->spaces, space);
    }
    if (old) {
        vtd_share_remove(old, space);
    }
    return true;
}
