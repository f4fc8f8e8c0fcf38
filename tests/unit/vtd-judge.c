/*
 * The sweep's judge: what a refusal may change, and what it may not
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-replay.h.  Requests are compared to what they met when nothing was
 * refused, to what a unit with empty caches makes of them, and to what was
 * right before; shadows to a plain walk (tests/vtd/plain.h).  Section numbers
 * are those of docs/specs/intel-vtd.rst.
 */

#include "qemu/osdep.h"
#include "vtd-replay.h"
#include "hw/i386/vtd/internal.h"


/* Addresses that are asked for when all is in step again */
#define SAMPLE                  64

/* What a request met that was right then */
typedef struct Prior {
    uint16_t sid;
    uint16_t did;
    const Act *act;
    Met met;
} Prior;

void wrong(Replay *r, const char *format, ...)
{
    va_list args;

    if (!r->wrong) {
        va_start(args, format);
        r->wrong = g_strdup_vprintf(format, args);
        va_end(args);
    }
}

/* A unit with empty caches, of the same registers, in the same memory */

static bool fresh_inject(void *host, uint64_t addr, uint32_t data)
{
    return true;
}

static void fresh_switch(void *space_host, VtdView view)
{
}

static void fresh_iec_changed(void *host, bool global, uint32_t index,
                              uint32_t mask)
{
}

static int64_t fresh_now(void *host)
{
    return 0;
}

static void fresh_log(void *host, bool first, uint32_t sid, const char *line)
{
}

static bool fresh_log_more(void *host)
{
    return false;
}

static void fresh_log_later(void *host)
{
}

static VtdOps fresh_ops;

static void fresh_begin(Replay *r)
{
    Vtd *v = r->h->v, *fresh = r->fresh;

    vtd_contexts_set_root(fresh, v->contexts.root);
    vtd_contexts_set_translating(fresh, v->contexts.translating);
    vtd_interrupts_set_table(fresh, v->interrupts.irta);
    vtd_interrupts_set_remapping(fresh, v->interrupts.remapping);
    vtd_interrupts_set_compatibility(fresh, v->interrupts.compatibility);
    vtd_drop_translations(fresh);
    vtd_iec_drop(fresh, 0, UINT16_MAX);
    r->quiet = true;
}

static void fresh_end(Replay *r, Met *met)
{
    uint64_t fault = vtd_mmio_read(r->fresh, QVTD_FRCD_HI, 8);

    r->quiet = false;
    met->recorded = fault & QVTD_FRCD_F;
    met->reason = met->recorded ? fault >> 32 & 0xff : 0;
    vtd_mmio_write(r->fresh, QVTD_FRCD_HI + 4, BIT(31), 4);
    host_grace(r->h);
}

/* @cached: with the context that the device's space has cached */
static Met fresh_translate(Replay *r, Device *d, uint64_t iova,
                           VtdAccess access, bool cached)
{
    VtdContext *context = d->space->context;
    bool quiet = r->quiet;
    VtdSpace *space;
    Met met = { 0 };

    fresh_begin(r);
    space = vtd_space_new(r->fresh, d);
    if (cached && context) {
        space->context = sweep_copy(context, sizeof(*context));
    }
    met.passed = vtd_translate(space, iova, access, &met.t);
    if (!met.passed) {
        met.t = (VtdTranslation) { 0 };
    }
    vtd_space_free(space);
    fresh_end(r, &met);
    r->quiet = quiet;
    return met;
}

static Met fresh_interrupt(Replay *r, const Act *act)
{
    bool quiet = r->quiet;
    Met met = { 0 };

    fresh_begin(r);
    met.verdict = vtd_interrupt(r->fresh, act->requester, act->addr,
                                act->data, act->record, &met.interrupt);
    met.passed = met.verdict != VTD_INTERRUPT_BLOCKED;
    fresh_end(r, &met);
    r->quiet = quiet;
    return met;
}

void replay_judge_new(Replay *r)
{
    fresh_ops = *r->ops;
    fresh_ops.inject = fresh_inject;
    fresh_ops.switch_to = fresh_switch;
    fresh_ops.iec_changed = fresh_iec_changed;
    fresh_ops.now = fresh_now;
    fresh_ops.log = fresh_log;
    fresh_ops.log_more = fresh_log_more;
    fresh_ops.log_later = fresh_log_later;
    r->fresh = vtd_new(&r->q->config, &fresh_ops, r->h);
    r->met = g_array_new(FALSE, FALSE, sizeof(Prior));
    r->before = g_new0(GArray *, r->q->devices + 1);
    r->switches = g_new0(unsigned, r->q->devices + 1);
}

/* Requests */

static bool translation_equal(const VtdTranslation *a, const VtdTranslation *b)
{
    return a->iova == b->iova && a->addr == b->addr && a->mask == b->mask &&
           a->read == b->read && a->write == b->write;
}

static bool interrupt_equal(const Met *a, const Met *b)
{
    return a->verdict == b->verdict &&
           (a->verdict != VTD_INTERRUPT_REMAPPED ||
            (a->interrupt.dest == b->interrupt.dest &&
             a->interrupt.vector == b->interrupt.vector &&
             a->interrupt.delivery_mode == b->interrupt.delivery_mode &&
             a->interrupt.logical == b->interrupt.logical &&
             a->interrupt.redirection_hint ==
             b->interrupt.redirection_hint &&
             a->interrupt.level == b->interrupt.level));
}

/*
 * In scalable mode a translation that was cached before a dirty bit was set
 * permits less than one that is made now: a write asks again.
 */
static bool translation_alike(const Replay *r, const VtdTranslation *a,
                              const VtdTranslation *b)
{
    VtdTranslation now = *b;

    if (r->q->config.scalable_mode) {
        now.read = a->read;
        now.write = a->write;
    }
    return translation_equal(a, &now);
}

/* Whether what was @met may be, where @right was */
static bool met_equal(const Replay *r, const Met *met, const Met *right)
{
    if (met->passed != right->passed ||
        (met->recorded && met->reason != right->reason)) {
        return false;
    }
    return interrupt_equal(met, right) &&
           translation_alike(r, &met->t, &right->t);
}

static bool prior_equal(const Prior *prior, const Prior *is)
{
    if (prior->act->kind != is->act->kind || !prior->met.passed) {
        return false;
    }
    if (is->act->kind == ACT_INTERRUPT) {
        return prior->act->addr == is->act->addr &&
               prior->act->data == is->act->data &&
               interrupt_equal(&prior->met, &is->met);
    }
    return (prior->sid == is->sid || prior->did == is->did) &&
           translation_equal(&prior->met.t, &is->met.t);
}

static bool was_right_before(Replay *r, const Prior *is)
{
    for (unsigned i = r->met->len; is->met.passed && i; i--) {
        if (prior_equal(&g_array_index(r->met, Prior, i - 1), is)) {
            return true;
        }
    }
    return false;
}

static void met_wrong(Replay *r, const Act *act, const Met *met,
                      const Met *right)
{
    if (act->kind == ACT_INTERRUPT) {
        wrong(r, "interrupt 0x%" PRIx64 " 0x%x: verdict %d, reason 0x%x, "
              "not %d, 0x%x", act->addr, act->data, met->verdict, met->reason,
              right->verdict, right->reason);
        return;
    }
    wrong(r, "request to 0x%" PRIx64 ": 0x%" PRIx64 " to 0x%" PRIx64 "+0x%"
          PRIx64 " %d%d, reason 0x%x, not to 0x%" PRIx64 "+0x%" PRIx64
          " %d%d, 0x%x", act->addr, met->t.iova, met->t.addr, met->t.mask,
          met->t.read, met->t.write, met->reason, right->t.addr,
          right->t.mask, right->t.read, right->t.write, right->reason);
}

void judge_request(Replay *r, const Act *act, const Met *met,
                   const Met *seen)
{
    Device *d = act->kind == ACT_TRANSLATE ? r->device[act->device] : NULL;
    Prior is = { .act = act, .met = *met };
    Met right = *seen;

    if (r->refused && r->kind == REFUSE_READ && !r->after) {
        return;                 /* see judge_refused() */
    }
    if (d) {
        is.sid = d->sid;
        is.did = d->space->context ? d->space->context->tables.did : 0;
    }
    if (!r->n) {
        /* Only the act itself knows of a fault that it recorded */
        if (!r->q->interrupted && (met->passed != seen->passed ||
                                   !interrupt_equal(met, seen) ||
                                   !translation_equal(&met->t, &seen->t))) {
            met_wrong(r, act, met, seen);
        }
    } else if (!met_equal(r, met, seen) && !was_right_before(r, &is)) {
        right = d ? fresh_translate(r, d, act->addr, act->access, true)
                  : fresh_interrupt(r, act);
        if (!met_equal(r, met, &right)) {
            right = d ? fresh_translate(r, d, act->addr, act->access, false)
                      : right;
        }
        if (!met_equal(r, met, &right)) {
            met_wrong(r, act, met, &right);
        }
    }
    g_array_append_val(r->met, is);
}

/* Whether the context entry that serves @d hides qualified faults */
static bool hides_faults(Replay *r, Device *d)
{
    Host *h = r->h;
    uint64_t root = (h->v->contexts.root & BITS(63, 12)) +
                    (d->sid >> 8) * 16;
    uint64_t context = root < RAM_SIZE ? (host_get(h, root) & BITS(63, 12)) +
                                         (d->sid & 0xff) * 16 : RAM_SIZE;

    if (!r->entries128) {
        return d->space->context && d->space->context->fpd;
    }
    return context < RAM_SIZE && (host_get(h, context) & QVTD_FPD);
}

/*
 * The same in scalable mode, where the plain walk knows all reasons: of
 * memory in which the page that was not readable is none.
 */
static void judge_blocked_scalable(Replay *r, const Act *act, const Met *met)
{
    Host *h = r->h;
    Plain plain = plain_of(h);
    bool *hole = &h->hole[r->gpa / QVTD_PAGE % (RAM_SIZE / QVTD_PAGE)];
    bool was_hole = *hole, hidden;
    PlainContext context;
    PlainAnswer answer;

    *hole |= r->gpa < RAM_SIZE;
    context = plain_context(&plain, h->v->contexts.root,
                            r->device[act->device]->sid);
    plain_sm_request(&plain, &context, act->addr,
                     act->access == VTD_ACCESS_READ ? QVTD_R :
                     act->access == VTD_ACCESS_WRITE ? QVTD_W : 0, &answer);
    *hole = was_hole;
    hidden = act->access == VTD_ACCESS_PROBE ||
             (context.fpd && plain_qualified(answer.reason));
    if (met->passed) {
        wrong(r, "a request to 0x%" PRIx64 " passed", act->addr);
    } else if (met->recorded &&
               (!plain_answer_is(&answer, met->reason) || hidden)) {
        wrong(r, "the reason is 0x%x, not 0x%x", met->reason, answer.reason);
    } else if (!met->recorded && !hidden &&
               !(r->fsts & (QVTD_FSTS_PPF | QVTD_FSTS_PFO))) {
        wrong(r, "there is no fault for reason 0x%x", answer.reason);
    }
}

/*
 * Whether the walk that met a refusal is the request's second try, after one
 * entry of a table of leaves that was known: a walk begins at the top.
 */
static bool second_try(const Replay *r, const Act *act)
{
    const VtdContext *context = r->device[act->device]->space->context;
    unsigned first = !!r->entries128;   /* the context's table was tried */

    return context && r->entries > first &&
           (r->entry_at[first] & BITS(63, 12)) != context->tables.top;
}

/* A request that met a read that was refused */
static void judge_blocked(Replay *r, const Act *act, const Met *met)
{
    bool request = act->kind == ACT_TRANSLATE;
    unsigned before = !!r->entries128 + (request && second_try(r, act));
    unsigned reason = !request ? QVTD_F_IR_ACCESS :
                      r->len == 16 ? (r->entries128 ? QVTD_F_CONTEXT_ACCESS
                                                    : QVTD_F_ROOT_ACCESS) :
                      r->entries > before ? QVTD_F_TABLE_ACCESS
                                          : QVTD_F_CONTEXT_INVALID;
    bool hidden = request && (reason == QVTD_F_TABLE_ACCESS ||
                              reason == QVTD_F_CONTEXT_INVALID) &&
                  hides_faults(r, r->device[act->device]);
    bool probe = request ? act->access == VTD_ACCESS_PROBE : !act->record;

    if (met->passed) {
        wrong(r, "a request to 0x%" PRIx64 " passed", act->addr);
    } else if (met->recorded && (met->reason != reason || hidden || probe)) {
        wrong(r, "the reason is 0x%x, not 0x%x", met->reason, reason);
    } else if (!met->recorded && !hidden && !probe &&
               !(r->fsts & (QVTD_FSTS_PPF | QVTD_FSTS_PFO))) {
        wrong(r, "there is no fault for reason 0x%x", reason);
    }
}

/* The queue */

static bool in_queue(const Replay *r)
{
    const VtdQueue *queue = &r->h->v->queue;
    unsigned size = queue->wide ? 32 : 16;

    return r->len == size && r->gpa - queue->base < queue->entries * size;
}

/* The error that the refusal made; it is cleared, and the queue goes on */
static void judge_queue(Replay *r)
{
    Vtd *v = r->h->v;
    unsigned code = r->kind == REFUSE_WRITE ? 0 : QVTD_IQEI_FETCH;
    unsigned fsts = vtd_mmio_read(v, QVTD_FSTS, 4);
    uint64_t iqercd = vtd_mmio_read(v, QVTD_IQERCD, 8);

    if (r->kind == REFUSE_READ && r->h->scheduled && !(fsts & QVTD_FSTS_IQE)) {
        return;             /* read before its turn, and again when it comes */
    }
    if (!(fsts & QVTD_FSTS_IQE) || (iqercd & 15) != code) {
        wrong(r, "FSTS is 0x%x, IQERCD is 0x%" PRIx64, fsts, iqercd);
    }
    r->refused = false;
    vtd_mmio_write(v, QVTD_FSTS, QVTD_FSTS_IQE, 4);
    replay_pump(r);
    r->refused = true;
}

/* Shadows */

/* What a device should have mapped; @hole: without the page there */
static GArray *truth(Replay *r, unsigned device, uint64_t hole)
{
    Host *h = r->h;
    Device *d = r->device[device];
    PlainContext context = { .kind = PLAIN_BLOCKED };
    Plain plain = plain_of(h);
    bool *is_hole = &h->hole[hole / QVTD_PAGE % (RAM_SIZE / QVTD_PAGE)];
    bool was_hole = *is_hole;
    GArray *runs;

    *is_hole |= hole < RAM_SIZE;
    if (d->view == VTD_VIEW_TRANSLATED && h->v->contexts.translating) {
        context = plain_context(&plain, h->v->contexts.root, d->sid);
    }
    runs = context.kind == PLAIN_TABLES
           ? plain_mapped(&plain, &context) : runs_new();
    *is_hole = was_hole;
    return runs;
}

/*
 * What the tables say that the device's shadow follows.  They are others than
 * those of its context entry until that is invalidated.
 */
static GArray *followed(Replay *r, unsigned device)
{
    const VtdShare *share = r->device[device]->space->share;
    Plain plain = plain_of(r->h);
    PlainContext context = { .kind = PLAIN_TABLES };

    if (!share) {
        return runs_new();
    }
    context.top = share->tables.top;
    context.levels = share->tables.levels;
    if (vtd_scalable(r->h->v)) {
        const VtdTables *tables = &share->tables;

        context.snooped = tables->marks_snooped;
        context.pgtt = QVTD_PGTT_SECOND;
        context.ss_marks = tables->accessed;
        if (tables->first) {
            context.pgtt = tables->second_levels ? QVTD_PGTT_NESTED
                                                 : QVTD_PGTT_FIRST;
            context.fs_top = tables->top;
            context.fs_levels = tables->levels;
            context.ea = tables->accessed & BIT(10);
            context.top = tables->second_top;
            context.levels = tables->second_levels;
            context.ss_marks = tables->second_dirty;
        }
    }
    return plain_mapped(&plain, &context);
}

/* What is at @from, and so on evenly up to *@last, which it cuts */
static uint64_t run_at(const GArray *runs, uint64_t from, uint64_t *last)
{
    const Run *run = runs_find(runs, from);

    if (!run) {
        return 0;
    }
    if (run->first > from) {
        *last = MIN(*last, run->first - 1);
        return 0;
    }
    *last = MIN(*last, run->last);
    return (run->addr + (from - run->first)) | run->perm;
}

static bool same_in(const GArray *a, const GArray *b, const Run *range)
{
    uint64_t from = range->first, last;

    for (;; from = last + 1) {
        last = range->last;
        if (run_at(a, from, &last) != run_at(b, from, &last)) {
            return false;
        }
        if (last == range->last) {
            return true;
        }
    }
}

static bool limited(Replay *r)
{
    return vtd_stat(r->h->v, VTD_STAT_OVER_LIMIT) || r->alias;
}

static GArray *joined(const GArray *mappings)
{
    GArray *runs = runs_new();

    for (unsigned i = 0; i < mappings->len; i++) {
        runs_add(runs, &g_array_index(mappings, Run, i));
    }
    return runs;
}

static bool shadowed(Replay *r, unsigned i)
{
    return r->strict[i] && r->device[i]->notify;
}

void judge_begin(Replay *r)
{
    r->fsts = vtd_mmio_read(r->h->v, QVTD_FSTS, 4);
    for (unsigned i = 0; i < r->q->devices; i++) {
        if (r->device[i] && shadowed(r, i)) {
            r->before[i] = strict_mappings(r->strict[i]);
            strict_clear_log(r->strict[i]);
            r->switches[i] = r->device[i]->switches;
        }
    }
}

/* The pages that a refusal concerns are as the others, or as before, or gone */
static void judge_pages(Replay *r, const GArray *before, const GArray *after,
                        const GArray *right, const GArray *less,
                        const GArray *stale)
{
    uint64_t from = 0, last;

    for (;; from = last + 1) {
        uint64_t was, is, now, without, old;
        bool of_map;

        last = UINT64_MAX;
        was = run_at(before, from, &last);
        is = run_at(after, from, &last);
        now = run_at(right, from, &last);
        without = run_at(less, from, &last);
        old = run_at(stale, from, &last);
        if (from < r->notice.first) {
            last = MIN(last, r->notice.first - 1);
        } else if (from <= r->notice.last) {
            last = MIN(last, r->notice.last);
        }
        of_map = r->notice.last && from >= r->notice.first &&
                 from <= r->notice.last;
        if (is != was && is != now && is != without && is != old &&
            (is || !of_map)) {
            wrong(r, "0x%" PRIx64 " to 0x%" PRIx64 " is 0x%" PRIx64
                  ", was 0x%" PRIx64 ", the tables say 0x%" PRIx64, from,
                  last, is, was, now);
        }
        if (last == UINT64_MAX) {
            return;
        }
    }
}

/* A mapping that is as before, and was readable, is never unmapped */
static void judge_untouched(Replay *r, const Strict *s, const GArray *mappings,
                            const GArray *after, const GArray *right,
                            const GArray *less)
{
    unsigned next = 0;

    for (unsigned i = 0; i < s->log->len && !r->wrong; i++) {
        const Run *notice = &g_array_index(s->log, JudgeRecord, i).run;

        if (notice->perm) {
            continue;
        }
        while (next && g_array_index(mappings, Run, next - 1).first >=
                       notice->first) {
            next--;
        }
        for (; next < mappings->len; next++) {
            const Run *run = &g_array_index(mappings, Run, next);
            GArray *alone;

            if (run->last < notice->first) {
                continue;
            }
            if (run->first > notice->last) {
                break;
            }
            alone = runs_new();
            runs_add(alone, run);
            if (same_in(alone, after, run) && same_in(right, less, run)) {
                wrong(r, "0x%" PRIx64 " to 0x%" PRIx64 " was unmapped with 0x%"
                      PRIx64 " to 0x%" PRIx64 ", and mapped again", run->first,
                      run->last, notice->first, notice->last);
            }
            g_array_free(alone, TRUE);
        }
    }
}

static void judge_shadow(Replay *r, const Act *act, unsigned i)
{
    Strict *s = r->strict[i];
    GArray *before = joined(r->before[i]), *after = strict_runs(s);
    GArray *right = truth(r, i, UINT64_MAX);
    GArray *less = truth(r, i, r->kind == REFUSE_READ ? r->gpa : UINT64_MAX);
    GArray *stale = followed(r, i);

    judge_pages(r, before, after, right, less, stale);
    if (r->kind != REFUSE_RAM && r->kind != REFUSE_PAGE &&
        r->kind != REFUSE_ROOM && act->kind != ACT_MEMORY_CHANGED &&
        r->switches[i] == r->device[i]->switches) {
        judge_untouched(r, s, r->before[i], after, right, less);
    }
    g_array_free(before, TRUE);
    g_array_free(after, TRUE);
    g_array_free(right, TRUE);
    g_array_free(less, TRUE);
    g_array_free(stale, TRUE);
}

void judge_refused(Replay *r, const Act *act, const Met *met)
{
    if (act->kind == ACT_TRANSLATE || act->kind == ACT_INTERRUPT) {
        if (r->kind != REFUSE_READ || r->after) {
            return;             /* judge_request() had it, as any other */
        }
        if (act->kind == ACT_TRANSLATE && vtd_scalable(r->h->v)) {
            judge_blocked_scalable(r, act, met);
        } else {
            judge_blocked(r, act, met);
        }
        return;
    }
    /* In pieces a shadow has what the tables said when a piece looked */
    for (unsigned i = 0; i < r->q->devices && !r->h->tick; i++) {
        if (r->device[i] && r->before[i] && shadowed(r, i) && !limited(r)) {
            judge_shadow(r, act, i);
        }
    }
    if (r->kind == REFUSE_WRITE ||
        (r->kind == REFUSE_READ && in_queue(r))) {
        judge_queue(r);
    }
}

void judge_step(Replay *r)
{
    for (unsigned i = 0; i < r->q->devices; i++) {
        Strict *s = r->strict[i];

        if (s && s->error) {
            wrong(r, "device %u: %s", i, s->error);
        }
    }
}

/* In the end */

/* Registers do nothing in scalable mode: a queue, in the last page */
static void settle_by_queue(Replay *r, uint32_t gsts)
{
    static const QVtdDesc descs[] = {
        QVTD_INV_CONTEXT_GLOBAL, QVTD_INV_PASID_CACHE_GLOBAL,
        QVTD_INV_IOTLB_GLOBAL,
    };
    const uint64_t base = RAM_SIZE - QVTD_PAGE;
    Vtd *v = r->h->v;

    for (unsigned i = 0; i < G_N_ELEMENTS(descs); i++) {
        host_put(r->h, base + i * 32, descs[i].lo);
        host_put(r->h, base + i * 32 + 8, descs[i].hi);
    }
    vtd_mmio_write(v, QVTD_FSTS, QVTD_FSTS_IQE, 4);
    vtd_mmio_write(v, QVTD_IQT, 0, 4);
    vtd_mmio_write(v, QVTD_IQA, base | QVTD_IQA_DW, 8);
    vtd_mmio_write(v, QVTD_GCMD, gsts | QVTD_QIE, 4);
    vtd_mmio_write(v, QVTD_IQT, G_N_ELEMENTS(descs) * 32, 4);
    replay_pump(r);
    if (vtd_mmio_read(v, QVTD_IQH, 8) != G_N_ELEMENTS(descs) * 32) {
        wrong(r, "an invalidation does not end");
    }
}

static void settle(Replay *r)
{
    Vtd *v = r->h->v;
    uint32_t gsts;

    replay_pump(r);
    /* Without the queue, whatever state it is in */
    gsts = vtd_mmio_read(v, QVTD_GSTS, 4) & QVTD_GCMD_LEVELS;
    vtd_mmio_write(v, QVTD_GCMD, gsts & ~QVTD_QIE, 4);
    replay_pump(r);
    if (vtd_scalable(v)) {
        settle_by_queue(r, gsts);
        return;
    }
    vtd_mmio_write(v, QVTD_CCMD, BIT(63) | BIT(61), 8);
    replay_pump(r);
    vtd_mmio_write(v, QVTD_IOTLB, BIT(63) | BIT(60), 8);
    replay_pump(r);
    if (vtd_mmio_read(v, QVTD_CCMD, 8) & BIT(63) ||
        vtd_mmio_read(v, QVTD_IOTLB, 8) & BIT(63)) {
        wrong(r, "an invalidation does not end");
    }
    if (vtd_mmio_read(v, QVTD_IRTA, 8) == v->interrupts.irta) {
        vtd_mmio_write(v, QVTD_GCMD, (gsts & ~QVTD_QIE) | QVTD_SIRTP, 4);
    }
}

static void judge_view(Replay *r, unsigned i)
{
    Device *d = r->device[i];
    Vtd *v = r->h->v;
    VtdView right = VTD_VIEW_DIRECT;
    Plain plain = plain_of(r->h);

    if (v->contexts.translating) {
        right = plain_context(&plain, v->contexts.root, d->sid).kind ==
                PLAIN_PASS_THROUGH ? VTD_VIEW_PASS_THROUGH
                                   : VTD_VIEW_TRANSLATED;
    }
    if (d->view != right && !r->alias) {
        wrong(r, "the view of device %u is %d, not %d", i, d->view, right);
    }
}

/* Each mapping is what a request meets, at its ends */
static void judge_mappings(Replay *r, unsigned i, const GArray *held)
{
    for (unsigned j = 0; j < held->len && j < SAMPLE; j++) {
        const Run *run = &g_array_index(held, Run, j);

        for (unsigned k = 0; k < 2; k++) {
            uint64_t iova = k ? run->last : run->first;
            Met met = fresh_translate(r, r->device[i], iova,
                                      VTD_ACCESS_PROBE, false);
            uint64_t addr = met.t.addr | (iova & met.t.mask);

            if (addr != run->addr + (iova - run->first) ||
                met.t.read != !!(run->perm & QVTD_R) ||
                met.t.write != !!(run->perm & QVTD_W)) {
                wrong(r, "0x%" PRIx64 " is mapped, and is not", iova);
            }
        }
    }
}

static void judge_exact(Replay *r, unsigned i)
{
    GArray *held = strict_runs(r->strict[i]), *right;
    RunPair pair = { 0 };

    if (limited(r)) {
        judge_mappings(r, i, held);
    } else {
        right = truth(r, i, UINT64_MAX);
        while (runs_pair(held, right, &pair)) {
            if (pair.was != pair.now) {
                wrong(r, "in the end 0x%" PRIx64 " to 0x%" PRIx64 " is 0x%"
                      PRIx64 ", the tables say 0x%" PRIx64, pair.first,
                      pair.last, pair.was, pair.now);
            }
        }
        g_array_free(right, TRUE);
    }
    g_array_free(held, TRUE);
}

static void judge_caches(Replay *r)
{
    const GArray *acts = r->q->acts;
    unsigned asked = 0;

    for (unsigned i = acts->len; i && asked < SAMPLE && !r->wrong; i--) {
        const Act *act = &g_array_index(acts, Act, i - 1);
        Met met = { 0 }, right;

        if (act->kind == ACT_TRANSLATE && r->device[act->device]) {
            Device *d = r->device[act->device];

            asked++;
            met.passed = device_translate(d, act->addr, act->access, &met.t);
            right = fresh_translate(r, d, act->addr, act->access, false);
            if (met.passed != right.passed ||
                (met.passed && !translation_alike(r, &met.t, &right.t))) {
                met_wrong(r, act, &met, &right);
            }
        } else if (act->kind == ACT_INTERRUPT &&
                   vtd_mmio_read(r->h->v, QVTD_IRTA, 8) ==
                   r->h->v->interrupts.irta) {
            asked++;
            met.verdict = vtd_interrupt(r->h->v, act->requester, act->addr,
                                        act->data, false, &met.interrupt);
            right = fresh_interrupt(r, act);
            if (!interrupt_equal(&met, &right)) {
                met_wrong(r, act, &met, &right);
            }
        }
    }
}

void judge_settled(Replay *r)
{
    settle(r);
    judge_step(r);
    for (unsigned i = 0; i < r->q->devices && !r->wrong; i++) {
        if (r->device[i]) {
            judge_view(r, i);
            if (shadowed(r, i)) {
                judge_exact(r, i);
            }
        }
    }
    if (vtd_stat(r->h->v, VTD_STAT_REFUSED_PAGES)) {
        wrong(r, "%" PRIu64 " pages are refused still",
              vtd_stat(r->h->v, VTD_STAT_REFUSED_PAGES));
    }
    judge_caches(r);
}

void judge_end(Replay *r)
{
    if (vtd_stat(r->h->v, VTD_STAT_SHADOW_BYTES) ||
        vtd_stat(r->h->v, VTD_STAT_SHADOW_LEAVES)) {
        wrong(r, "a table is remembered that nobody follows");
    }
    for (unsigned i = 0; i < r->q->devices; i++) {
        if (r->before[i]) {
            g_array_free(r->before[i], TRUE);
        }
    }
    g_free(r->before);
    g_free(r->switches);
    g_array_free(r->met, TRUE);
    vtd_free(r->fresh);
    host_grace(r->h);
}
