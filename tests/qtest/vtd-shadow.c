/*
 * VT-d qtests: is a device's shadow what it has to be?
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the judgement of tables and logs.
 */

#include "qemu/osdep.h"
#include "vtd-shadow.h"

#define LOG(log, i)             g_array_index(log, TestdevLog, i)
#define SENT(sent, i)           g_array_index(sent, TestdevMapping, i)

/* All that is known when a step is judged */
typedef struct Step {
    Shadow *s;
    GArray *log;                /* TestdevLog of the step */
    GArray *leaves;             /* the guest's, now */
    GArray *same;               /* cover of the pages that did not change */
    GArray *mapped;             /* cover of the pages that are mapped now */
    ShadowSteps steps;
    unsigned complaints;
} Step;

/* What is printed of a step that is all wrong */
#define MAX_COMPLAINTS          4

static GArray *no_runs(void)
{
    return g_array_new(false, false, sizeof(PlainRun));
}

void shadow_resume(Shadow *s, Testdev *t, Plain *plain)
{
    *s = (Shadow) {
        .t = t,
        .plain = plain,
        .pages = no_runs(),
        .sent = g_array_new(false, false, sizeof(TestdevMapping)),
        .unsent = no_runs(),
    };
}

void shadow_start(Shadow *s, Testdev *t, Plain *plain)
{
    shadow_resume(s, t, plain);
    s->logged = testdev_count(t, TESTDEV_LOGGED);
    expect_eq(testdev_count(t, TESTDEV_MAPPINGS), 0);
}

void shadow_restart(Shadow *s)
{
    g_array_set_size(s->pages, 0);
    g_array_set_size(s->sent, 0);
    g_array_set_size(s->unsent, 0);
}

void shadow_stop(Shadow *s)
{
    g_array_free(s->pages, true);
    g_array_free(s->sent, true);
    g_array_free(s->unsent, true);
}

/* Fail for record @i of the log */
static void complain(Step *step, unsigned i, const char *what)
{
    const TestdevLog *l = &LOG(step->log, i);

    if (step->complaints++ >= MAX_COMPLAINTS) {
        return;
    }
    g_test_message("%s: record %u of %u, %s 0x%" PRIx64 "-0x%" PRIx64
                   " to 0x%" PRIx64, what, i, step->log->len,
                   l->kind == TESTDEV_MAP ? "MAP" : "UNMAP",
                   l->iova, l->last, l->target);
    expect_true(false);
}

/* The first mapping that was sent and ends at @iova or later */
static unsigned sent_find(const GArray *sent, uint64_t iova)
{
    unsigned low = 0, high = sent->len;

    while (low < high) {
        unsigned mid = (low + high) / 2;

        if (SENT(sent, mid).last < iova) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

/*
 * The pages of a notification that did not change: each in a mapping with
 * one that did, or it is wrong.
 */
static void judge_unchanged(Step *step, unsigned i)
{
    const TestdevLog *l = &LOG(step->log, i);
    const GArray *same = step->same, *sent = step->s->sent;

    for (unsigned n = plain_find(same, l->iova);
         n < same->len && PLAIN_RUN(same, n).iova <= l->last; n++) {
        uint64_t iova = MAX(PLAIN_RUN(same, n).iova, l->iova);
        uint64_t last = MIN(PLAIN_RUN(same, n).last, l->last);
        unsigned m;

        for (m = sent_find(sent, iova);
             m < sent->len && SENT(sent, m).iova <= last; m++) {
            if (plain_has_all(same, SENT(sent, m).iova, SENT(sent, m).last)) {
                complain(step, i, "over pages that did not change");
                return;
            }
        }
        if (l->kind == TESTDEV_UNMAP) {
            step->steps.remapped += (last - iova) / QVTD_PAGE + 1;
        }
    }
}

/* A MAP is a piece of a leaf */
static void judge_map(Step *step, unsigned i)
{
    const TestdevLog *l = &LOG(step->log, i);
    unsigned n = plain_find(step->leaves, l->iova);
    const PlainRun *leaf;

    step->steps.maps++;
    if (n == step->leaves->len) {
        complain(step, i, "of no leaf");
        return;
    }
    leaf = &PLAIN_RUN(step->leaves, n);
    if (leaf->iova > l->iova || leaf->last < l->last) {
        complain(step, i, "wider than a leaf");
    }
}

/* How many pages of the range were mapped before the step */
static uint64_t sent_pages(const GArray *sent, uint64_t iova, uint64_t last)
{
    uint64_t pages = 0;

    for (unsigned m = sent_find(sent, iova);
         m < sent->len && SENT(sent, m).iova <= last; m++) {
        pages += (MIN(last, SENT(sent, m).last) -
                  MAX(iova, SENT(sent, m).iova)) / QVTD_PAGE + 1;
    }
    return pages;
}

/* Is all of the range in one mapping that was sent? */
static bool sent_as_one(const GArray *sent, uint64_t iova, uint64_t last)
{
    unsigned m = sent_find(sent, iova);

    return m < sent->len && SENT(sent, m).iova <= iova &&
           SENT(sent, m).last >= last;
}

static bool in_one_leaf(const GArray *leaves, uint64_t iova, uint64_t last)
{
    unsigned n = plain_find(leaves, iova);

    return n < leaves->len && PLAIN_RUN(leaves, n).iova <= iova &&
           PLAIN_RUN(leaves, n).last >= last;
}

/*
 * What was mapped before an UNMAP and is mapped now comes back by the MAPs
 * right after it; and it is of one mapping, the old or the new, or of one
 * leaf that has several.  While dirty pages are tracked, it takes several
 * UNMAPs to make room for one leaf.
 */
static void judge_window(Step *step, unsigned i)
{
    const TestdevLog *l = &LOG(step->log, i);
    const GArray *sent = step->s->sent, *mapped = step->mapped;
    uint64_t missing = 0, first = UINT64_MAX, last = 0;
    bool one = false, came = false;

    for (unsigned n = plain_find(mapped, l->iova);
         n < mapped->len && PLAIN_RUN(mapped, n).iova <= l->last; n++) {
        uint64_t a = MAX(PLAIN_RUN(mapped, n).iova, l->iova);
        uint64_t b = MIN(PLAIN_RUN(mapped, n).last, l->last);

        if (sent_pages(sent, a, b)) {
            unsigned at = sent_find(sent, a);

            missing += sent_pages(sent, a, b);
            first = MIN(first, MAX(a, SENT(sent, at).iova));
            last = b;
        }
    }
    for (unsigned m = i + 1; missing && m < step->log->len; m++) {
        const TestdevLog *next = &LOG(step->log, m);
        bool beside = step->s->dirty &&
                      in_one_leaf(step->leaves, MIN(l->iova, next->iova),
                                  MAX(l->last, next->last));

        if (next->kind != TESTDEV_MAP) {
            if (beside && !came) {
                continue;
            }
            break;
        }
        came = true;
        if (next->iova > l->last || next->last < l->iova) {
            if (beside) {
                continue;
            }
            break;
        }
        missing -= sent_pages(sent, MAX(next->iova, l->iova),
                              MIN(next->last, l->last));
        one |= next->iova <= first && next->last >= last;
    }
    if (missing) {
        complain(step, i, "leaves a hole that is not closed at once");
    } else if (first < last && !one && !sent_as_one(sent, first, last) &&
               !in_one_leaf(step->leaves, first, last)) {
        complain(step, i, "opens holes in several mappings");
    }
}

/* An UNMAP is of what was sent last for its page: in this step, or before */
static bool names_target(Step *step, unsigned i)
{
    const TestdevLog *l = &LOG(step->log, i);
    unsigned m = sent_find(step->s->sent, l->iova);

    while (i-- > 0) {
        const TestdevLog *sent = &LOG(step->log, i);

        if (sent->kind == TESTDEV_MAP && sent->iova <= l->iova &&
            sent->last >= l->iova) {
            return sent->iova == l->iova && sent->target == l->target;
        }
    }
    return m == step->s->sent->len ||
           (SENT(step->s->sent, m).iova == l->iova &&
            SENT(step->s->sent, m).target == l->target);
}

static void judge_dirty(Step *step, unsigned i)
{
    const TestdevLog *l = &LOG(step->log, i);

    if (l->mappings > 1) {
        complain(step, i, "of several mappings");
    } else if (l->mappings && !names_target(step, i)) {
        complain(step, i, "that does not name its target");
    }
}

static void judge_unmap(Step *step, unsigned i)
{
    const TestdevLog *l = &LOG(step->log, i);

    step->steps.unmaps++;
    if (!l->mappings && !plain_has_any(step->s->unsent, l->iova, l->last)) {
        complain(step, i, "in vain");
    }
    if (l->last >> step->s->plain->aw_bits) {
        complain(step, i, "beyond the address width");
    }
    if (step->s->dirty) {
        judge_dirty(step, i);
    }
    judge_window(step, i);
}

static void judge_log(Step *step)
{
    for (unsigned i = 0; i < step->log->len; i++) {
        switch (LOG(step->log, i).kind) {
        case TESTDEV_MAP:
            judge_map(step, i);
            judge_unchanged(step, i);
            break;
        case TESTDEV_UNMAP:
            judge_unmap(step, i);
            judge_unchanged(step, i);
            break;
        case TESTDEV_REPLAY_MAP:
            break;
        default:
            complain(step, i, "of an unexpected kind");
        }
    }
}

/* The device's table as joined runs */
static GArray *as_pages(const GArray *sent)
{
    GArray *pages = no_runs();

    for (unsigned i = 0; i < sent->len; i++) {
        const TestdevMapping *m = &SENT(sent, i);

        plain_append(pages, (PlainRun) {
            m->iova, m->last, m->target, m->perm,
        });
    }
    return pages;
}

/* Sections that came or went mean that all before them is forgotten */
static void start_over(Step *step)
{
    for (unsigned i = 0; i < step->log->len; i++) {
        step->steps.sections += LOG(step->log, i).kind == TESTDEV_SECTION ||
            LOG(step->log, i).kind == TESTDEV_SECTION_GONE;
    }
    if (!step->steps.sections) {
        return;
    }
    for (unsigned i = 0; i < step->log->len; ) {
        if (LOG(step->log, i).kind == TESTDEV_MAP) {
            i++;
        } else {
            g_array_remove_index(step->log, i);
        }
    }
    shadow_restart(step->s);
}

/* The pages of @runs that are in none of @without */
static GArray *subtract(const GArray *runs, const GArray *without)
{
    GArray *rest = no_runs();

    for (unsigned i = 0; i < runs->len; i++) {
        const PlainRun *r = &PLAIN_RUN(runs, i);
        unsigned n = plain_find(without, r->iova);

        for (uint64_t iova = r->iova; ; n++) {
            const PlainRun *w = n < without->len ? &PLAIN_RUN(without, n)
                                                 : NULL;
            uint64_t last = w ? MIN(r->last, w->iova - 1) : r->last;

            if (!w || w->iova > iova) {
                plain_append(rest, (PlainRun) {
                    iova, last, r->target + (iova - r->iova), r->perm,
                });
            }
            if (!w || w->last >= r->last) {
                break;
            }
            iova = w->last + 1;
        }
    }
    return rest;
}

/* Pages of @may are as they were, or as they have to be */
static void expect_may(const GArray *before, const GArray *now,
                       const GArray *want, const GArray *may)
{
    g_autoptr(GArray) must_want = subtract(want, may);
    g_autoptr(GArray) must_now = subtract(now, may);
    g_autoptr(GArray) old = plain_common(now, before);
    g_autoptr(GArray) new = plain_common(now, want);
    g_autoptr(GArray) neither = NULL, not_new = NULL;
    g_autoptr(GArray) was = plain_cover(old), is = plain_cover(new);

    plain_expect_same("shadow where nothing may change", must_now, must_want);
    not_new = subtract(now, is);
    neither = subtract(not_new, was);
    expect_eq(plain_pages(neither), 0);
}

static ShadowSteps look(Shadow *s, const GArray *may)
{
    g_autoptr(GArray) sent = testdev_table(s->t);
    g_autoptr(GArray) now = as_pages(sent);
    g_autoptr(GArray) log = testdev_log(s->t, s->logged);
    g_autoptr(GArray) want = NULL, leaves = NULL;
    g_autoptr(GArray) common = NULL, same = NULL, mapped = plain_cover(now);
    Step step = { .s = s, .log = log, .mapped = mapped };
    PlainView view;

    s->logged += log->len;
    start_over(&step);

    step.leaves = leaves = plain_leaves(s->plain, s->t->sid, &view);
    want = testdev_count(s->t, TESTDEV_SECTIONS)
           ? plain_shadow(s->plain, leaves) : no_runs();
    common = plain_common(s->pages, now);
    step.same = same = plain_cover(common);

    testdev_expect_no_error(s->t);
    judge_log(&step);
    if (may) {
        expect_may(s->pages, now, want, may);
    } else {
        g_autoptr(GArray) all = plain_cover(leaves);
        g_autoptr(GArray) ram = plain_cover(want);

        plain_expect_same("shadow", now, want);
        g_array_free(s->unsent, true);
        s->unsent = subtract(all, ram);
    }
    g_array_free(s->pages, true);
    s->pages = g_steal_pointer(&now);
    g_array_free(s->sent, true);
    s->sent = g_steal_pointer(&sent);
    return step.steps;
}

ShadowSteps shadow_expect(Shadow *s)
{
    return look(s, NULL);
}

void shadow_expect_between(Shadow *s, const GArray *may)
{
    look(s, may);
}

ShadowSteps shadow_expect_steps(Shadow *s, uint64_t maps, uint64_t unmaps)
{
    ShadowSteps steps = look(s, NULL);

    if (steps.maps > maps) {
        expect_eq(steps.maps, maps);
    }
    if (steps.unmaps > unmaps) {
        expect_eq(steps.unmaps, unmaps);
    }
    expect_eq(steps.remapped, 0);
    expect_eq(steps.sections, 0);
    return steps;
}

void shadow_expect_quiet(Shadow *s)
{
    shadow_expect_steps(s, 0, 0);
}

/* Addresses to look at: at and around the ends of each leaf */
static GArray *probe_addresses(const GArray *leaves, unsigned aw_bits)
{
    GArray *probes = g_array_new(false, true, sizeof(TestdevProbe));

    for (unsigned i = 0; i < leaves->len; i++) {
        const PlainRun *l = &PLAIN_RUN(leaves, i);
        const uint64_t at[] = {
            l->iova - QVTD_PAGE, l->iova, l->iova / 2 + l->last / 2,
            l->last, l->last + 1,
        };

        for (unsigned n = 0; n < ARRAY_SIZE(at); n++) {
            TestdevProbe probe = { .iova = at[n] };

            /* Elsewhere the unit translates nothing */
            if (at[n] >> aw_bits == 0 && at[n] >> 20 != 0xfee) {
                g_array_append_val(probes, probe);
            }
        }
    }
    return probes;
}

void shadow_expect_translation(Shadow *s)
{
    PlainView view;
    g_autoptr(GArray) leaves = plain_leaves(s->plain, s->t->sid, &view);
    g_autoptr(GArray) probes = probe_addresses(leaves, s->plain->aw_bits);
    TestdevProbe *p = (TestdevProbe *)probes->data;

    testdev_probe_all(s->t, p, probes->len, 0);
    for (unsigned i = 0; i < probes->len; i++) {
        unsigned n = plain_find(leaves, p[i].iova);
        const PlainRun *l = n < leaves->len &&
                            PLAIN_RUN(leaves, n).iova <= p[i].iova
                            ? &PLAIN_RUN(leaves, n) : NULL;
        bool ok = expect_eq(p[i].perm, l ? l->perm : 0);

        if (l) {
            ok &= expect_eq(p[i].target, l->target + (p[i].iova - l->iova)) &
                  expect_true(p[i].mask <= l->last - l->iova);
        }
        if (!ok) {
            g_test_message("translation of 0x%" PRIx64, p[i].iova);
            break;
        }
    }
}
