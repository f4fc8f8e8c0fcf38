/*
 * A unit in scalable mode and its plain twin, which answer the same requests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-twins.h.
 */

#include "qemu/osdep.h"
#include "vtd-twins.h"

/* Accessed and dirty bits of both stages */
#define MARKS                   (QVTD_FS_A | QVTD_FS_D | QVTD_FS_EA | \
                                 QVTD_SS_A | QVTD_SS_D)

static unsigned wanted_of(VtdAccess access)
{
    return access == VTD_ACCESS_READ ? QVTD_R :
           access == VTD_ACCESS_WRITE ? QVTD_W : 0;
}

PlainContext twins_context(Twins *w, const Device *d)
{
    return plain_context(&w->plain, w->h->vtd.root | QVTD_TTM_SCALABLE,
                         d->sid);
}

void twins_keep_contexts(Twins *w)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        w->old[i] = twins_context(w, w->d[i]);
    }
}

static Outcome plain_by(Twins *w, const PlainContext *context, uint64_t iova,
                        VtdAccess access, PlainAnswer *answer)
{
    bool caching_mode = w->h->config.caching_mode;
    Outcome o = { 0 };

    plain_sm_request(&w->plain, context, iova, wanted_of(access), answer);
    o.reason = answer->reason;
    o.context_cacheable = !context->reason || caching_mode;
    /*
     * Absent FS entries are never cached (7.1).  A cached context alone decides
     * on what addresses there are, whatever the tables say meanwhile.
     */
    o.cacheable = !o.reason || answer->denied ||
                  o.reason == QVTD_F_CANONICAL ||
                  o.reason == QVTD_F_PASS_THROUGH ||
                  (o.reason == QVTD_F_SM_ADDRESS && !context->fs_levels) ||
                  (caching_mode && o.reason != QVTD_F_FS);
    if (!o.reason) {
        o.result = answer->leaf.addr + (iova - answer->leaf.first);
        o.read = answer->leaf.perm & QVTD_R;
        o.write = answer->leaf.perm & QVTD_W &&
                  (access == VTD_ACCESS_WRITE || !answer->clean);
        if (!o.read && !o.write) {
            o.reason = SILENT;  /* a probe of what is still to be marked */
        }
    } else if (access == VTD_ACCESS_PROBE ||
               (context->fpd && plain_qualified(o.reason))) {
        o.reason = SILENT;
    }
    return o;
}

static Outcome plain(Twins *w, const Device *d, uint64_t iova,
                     VtdAccess access, PlainAnswer *answer)
{
    PlainContext context = twins_context(w, d);

    return plain_by(w, &context, iova, access, answer);
}

/* Reasons that may be given instead of @now, which is right */
static void add_others(Legal *legal, Outcome now, const PlainAnswer *answer)
{
    for (unsigned i = 0; now.reason != SILENT && i < answer->n_or_reasons;
         i++) {
        now.reason = answer->or_reason[i];
        legal_add_other(legal, &now);
    }
}

/*
 * Through a context that is still cached, tables are walked as they are now:
 * with bits that requests of other devices have set meanwhile.
 */
static void add_old_context(Twins *w, Query *q)
{
    PlainAnswer answer;
    Outcome o;

    for (unsigned i = 0; i < DEVICES; i++) {
        if (w->old_contexts && w->d[i] == q->d) {
            o = plain_by(w, &w->old[i], q->iova, q->access, &answer);
            legal_add_other(&q->legal, &o);
            add_others(&q->legal, o, &answer);
        }
    }
}

/* Tables that may be cached from now on, and what all those lead to now */
static void add_old_tables(Twins *w, Query *q)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        if (w->d[i] == q->d) {
            PlainContext now = twins_context(w, q->d);

            old_tables_see(&q->old, &w->plain, &now, q->iova);
            if (w->old_contexts) {
                old_tables_see(&q->old, &w->plain, &w->old[i], q->iova);
            }
        }
    }
    old_tables_add(&q->old, &w->plain, q->iova, q->access, &q->legal);
}

/* What the query may meet by what memory says now */
static void look(Twins *w, Query *q, bool context, PlainAnswer *answer)
{
    Outcome now = plain(w, q->d, q->iova, q->access, answer);

    if (!q->legal.n || !outcome_equal(&now, &q->legal.now)) {
        legal_add(&q->legal, now, context);
    }
    add_others(&q->legal, now, answer);
    add_old_context(w, q);
    add_old_tables(w, q);
}

void twins_look(Twins *w, bool context)
{
    PlainAnswer answer;

    for (unsigned i = 0; i < QUERIES; i++) {
        look(w, &w->query[i], context, &answer);
    }
}

void twins_edited(Twins *w, bool context)
{
    PlainAnswer answer;

    w->clean = false;
    w->old_contexts |= context;
    for (unsigned i = 0; i < QUERIES; i++) {
        Query *q = &w->query[i];

        legal_add(&q->legal, plain(w, q->d, q->iova, q->access, &answer),
                  context);
        add_others(&q->legal, q->legal.now, &answer);
        add_old_context(w, q);
        add_old_tables(w, q);
    }
}

/* Every page of a piece is translated as the piece says */
static void check_piece(Twins *w, const Query *q, const VtdTranslation *t)
{
    for (unsigned i = 0; i < 3; i++) {
        uint64_t offset = i == 0 ? 0 : i == 1 ? t->mask & ~0xfffull :
                          rnd64() & t->mask & ~0xfffull;
        PlainAnswer answer;
        Outcome o = plain(w, q->d, t->iova | offset, q->access, &answer);

        g_assert_false(QVTD_IS_MSI(t->iova | offset));
        g_assert_cmphex(o.reason, ==, 0);
        g_assert_cmphex(o.result, ==, t->addr | offset);
        g_assert_true(o.read == t->read);
        g_assert_true(o.write == t->write || q->access != VTD_ACCESS_WRITE);
    }
}

static void describe(Twins *w, const Query *q)
{
    PlainContext c = twins_context(w, q->d);

    g_test_message("source 0x%04x iova 0x%" PRIx64 " access %u: PGTT %u, "
                   "reason 0x%x, SS %u levels from 0x%" PRIx64 " marks %d, FS "
                   "%u levels from 0x%" PRIx64 " snooped %d, clean %d",
                   q->d->sid, q->iova, q->access, c.pgtt, c.reason, c.levels,
                   c.top, c.ss_marks, c.fs_levels, c.fs_top, c.snooped,
                   w->clean);
}

/* All that was set by a request are bits that the twin sets; whether any was */
static bool check_marks(Twins *w, const Query *q, const uint64_t *before,
                        const PlainAnswer *answer, bool all)
{
    bool marked = false;

    for (unsigned i = 0; i < WORDS; i++) {
        uint64_t surely = 0, may = 0;
        uint64_t set = host_get(w->h, w->word[i]) ^ before[i];

        if (!set && (!answer->n_marks || w->old_contexts)) {
            continue;
        }
        for (unsigned j = 0; j < answer->n_marks; j++) {
            const PlainMark *mark = &answer->marks[j];

            if (mark->gpa == w->word[i]) {
                *(mark->maybe ? &may : &surely) |= mark->bits;
            }
        }
        if (w->old_contexts) {
            may = MARKS;
        }
        if ((set & ~(surely | may)) || (all && surely & ~set)) {
            g_test_message("entry 0x%" PRIx64 " was 0x%" PRIx64 ": set 0x%"
                           PRIx64 ", expected 0x%" PRIx64 ", maybe 0x%" PRIx64,
                           w->word[i], before[i], set, surely, may);
            describe(w, q);
            g_test_fail();
            g_assert_not_reached();
        }
        w->marked += !!set;
        marked |= !!set;
    }
    return marked;
}

/*
 * Through an old context bits may have been set of which the twin does not
 * know, which let a read grant writes, too.
 */
static void take_old_write(const Query *q, Outcome *found)
{
    for (unsigned i = 0; i < q->legal.n; i++) {
        Outcome o = q->legal.outcome[i];

        o.write |= found->write && q->access != VTD_ACCESS_WRITE;
        if (outcome_equal(&o, found)) {
            *found = q->legal.outcome[i];
        }
    }
}

void twins_check(Twins *w, Query *q, bool fresh)
{
    uint64_t before[WORDS];
    Outcome found = { 0 };
    PlainAnswer answer, after;
    VtdTranslation t;

    look(w, q, false, &answer);
    for (unsigned i = 0; i < WORDS; i++) {
        before[i] = host_get(w->h, w->word[i]);
    }
    found.reason = outcome(q->d, q->iova, q->access, &t);
    /* The bits that it set itself may let it grant more */
    look(w, q, false, &after);
    if (!found.reason) {
        found.result = t.addr | (q->iova & t.mask);
        found.read = t.read;
        found.write = t.write;
        w->passed++;
    } else {
        w->blocked++;
        w->reasons[found.reason & 0xff] += found.reason != SILENT;
    }
    if (w->old_contexts) {
        take_old_write(q, &found);
    }
    if (!is_legal(&q->legal, &found)) {
        describe(w, q);
        g_test_fail();
        g_assert_not_reached();
    }
    w->stale += !outcome_equal(&q->legal.now, &found);
    if (check_marks(w, q, before, &answer, fresh)) {
        /* What is right by these bits may be cached by any other request */
        twins_look(w, false);
    }
    if (!found.reason && w->clean) {
        check_piece(w, q, &t);
    }
}

void twins_check_some(Twins *w, unsigned n)
{
    while (n--) {
        twins_check(w, &w->query[rnd(QUERIES)], false);
    }
}
