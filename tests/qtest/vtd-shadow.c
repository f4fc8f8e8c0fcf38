/*
 * VT-d qtests: is a device's shadow what it has to be?
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the judgement of tables and logs.
 */

#include "qemu/osdep.h"
#include "vtd-shadow.h"

#define PHYS_BITS               40      /* of the default CPU */

#define LOG(log, i)             g_array_index(log, TestdevLog, i)

void plain_init(Plain *p, QVtd *d, unsigned aw_bits)
{
    *p = (Plain) {
        .port = d->port,
        .aw_bits = aw_bits,
        .haw_bits = MAX(aw_bits, PHYS_BITS),
        .pass_through = true,
    };
    plain_keep_pages(p);
}

void shadow_resume(Shadow *s, Testdev *t, Plain *plain)
{
    *s = (Shadow) {
        .t = t,
        .plain = plain,
        .pages = runs_new(),
        .mappings = runs_new(),
        .unsent = runs_new(),
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
    g_array_set_size(s->mappings, 0);
    g_array_set_size(s->unsent, 0);
}

void shadow_stop(Shadow *s)
{
    g_array_free(s->pages, true);
    g_array_free(s->mappings, true);
    g_array_free(s->unsent, true);
}

/* The device's table; @mappings gets the same as it was sent */
static GArray *table_runs(Testdev *t, GArray **mappings)
{
    g_autoptr(GArray) table = testdev_table(t);
    GArray *runs = runs_new();

    *mappings = runs_new();
    for (unsigned i = 0; i < table->len; i++) {
        const TestdevMapping *m = &g_array_index(table, TestdevMapping, i);
        Run run = { m->iova, m->last, m->target, m->perm };

        g_array_append_val(*mappings, run);
        runs_add(runs, &run);
    }
    return runs;
}

/* What the judge knows of the device's log since the last look */
static GArray *read_log(Shadow *s, ShadowSteps *steps)
{
    g_autoptr(GArray) log = testdev_log(s->t, s->logged);
    GArray *records = g_array_new(false, false, sizeof(JudgeRecord));

    s->logged += log->len;
    for (unsigned i = 0; i < log->len; i++) {
        const TestdevLog *l = &LOG(log, i);
        JudgeRecord record = {
            { l->iova, l->last, l->target, l->perm },
            l->mappings, l->error != TESTDEV_NO_ERROR,
        };

        switch (l->kind) {
        case TESTDEV_MAP:
        case TESTDEV_UNMAP:
            g_array_append_val(records, record);
            break;
        case TESTDEV_SECTION:
        case TESTDEV_SECTION_GONE:
            /* All before it is forgotten */
            steps->sections++;
            break;
        case TESTDEV_REPLAY_MAP:
            break;
        default:
            expect_eq(l->kind, TESTDEV_MAP);
        }
    }
    for (unsigned i = 0; steps->sections && i < records->len; ) {
        if (g_array_index(records, JudgeRecord, i).run.perm) {
            i++;
        } else {
            g_array_remove_index(records, i);
        }
    }
    if (steps->sections) {
        shadow_restart(s);
    }
    return records;
}

static PlainContext context_of(const Shadow *s)
{
    return plain_context(s->plain, s->root ?: s->t->d->root, s->t->sid);
}

/* Pages of @may are as they were, or as they have to be */
static void expect_may(const GArray *before, const GArray *now,
                       const GArray *want, const GArray *may)
{
    g_autoptr(GArray) must_want = runs_subtract(want, may);
    g_autoptr(GArray) must_now = runs_subtract(now, may);
    g_autoptr(GArray) old = runs_common(now, before);
    g_autoptr(GArray) new = runs_common(now, want);
    g_autoptr(GArray) not_new = runs_subtract(now, new);
    g_autoptr(GArray) neither = runs_subtract(not_new, old);

    runs_expect_same("shadow where nothing may change", must_now, must_want);
    expect_eq(neither->len, 0);
}

/* What was unmapped had to be, and by the fewest UNMAPs */
static void judge_step(Shadow *s, const JudgeStep *step, ShadowSteps *steps)
{
    g_autoptr(Judgement) j = judge(step);

    if (j->wrong) {
        g_test_message("%s", j->wrong);
        expect_true(!j->wrong);
    }
    steps->maps = j->maps;
    steps->unmaps = j->unmaps;
    steps->remapped = j->remapped;
    if (!steps->sections) {
        /* Less, if the looks began at a device that had mappings */
        expect_true(j->passing <= 0);
    }
    if (!j->splits && !s->dirty && !s->unsent->len) {
        unsigned least = judge_fewest(j, j->first, j->last);

        if (j->unmaps_gone > least) {
            expect_eq(j->unmaps_gone, least);
        }
    }
}

static ShadowSteps look(Shadow *s, const GArray *may)
{
    ShadowSteps steps = { 0 };
    GArray *mappings;
    g_autoptr(GArray) now = table_runs(s->t, &mappings);
    g_autoptr(GArray) log = read_log(s, &steps);
    PlainContext context = context_of(s);
    g_autoptr(GArray) leaves = plain_leaves(s->plain, &context);
    g_autoptr(GArray) want = testdev_count(s->t, TESTDEV_SECTIONS)
                             ? plain_shadow(s->plain, leaves) : runs_new();

    testdev_expect_no_error(s->t);
    judge_step(s, &(JudgeStep) {
        .before = s->mappings,
        .after = mappings,
        .log = log,
        .plain = s->plain,
        .context = &context,
        .unsent = s->unsent,
        .dirty = s->dirty,
    }, &steps);
    if (may) {
        expect_may(s->pages, now, want, may);
    } else {
        runs_expect_same("shadow", now, want);
        g_array_free(s->unsent, true);
        s->unsent = runs_subtract(leaves, want);
    }
    g_array_free(s->pages, true);
    s->pages = g_steal_pointer(&now);
    g_array_free(s->mappings, true);
    s->mappings = mappings;
    return steps;
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
        const Run *l = &RUN(leaves, i);
        const uint64_t at[] = {
            l->first - QVTD_PAGE, l->first, l->first / 2 + l->last / 2,
            l->last, l->last + 1,
        };

        for (unsigned n = 0; n < ARRAY_SIZE(at); n++) {
            TestdevProbe probe = { .iova = at[n] };

            /* Elsewhere the unit translates nothing */
            if (at[n] >> aw_bits == 0 && !QVTD_IS_MSI(at[n])) {
                g_array_append_val(probes, probe);
            }
        }
    }
    return probes;
}

void shadow_expect_translation(Shadow *s)
{
    PlainContext context = context_of(s);
    g_autoptr(GArray) leaves = plain_leaves(s->plain, &context);
    g_autoptr(GArray) probes = probe_addresses(leaves, s->plain->aw_bits);
    TestdevProbe *p = (TestdevProbe *)probes->data;

    testdev_probe_all(s->t, p, probes->len, 0);
    expect_eq(testdev_count(s->t, TESTDEV_ERRORS_OF(PASID)), 0);
    for (unsigned i = 0; i < probes->len; i++) {
        const Run *l = runs_around(leaves, p[i].iova, p[i].iova);
        bool ok = expect_eq(p[i].perm, l ? l->perm : 0);

        if (l) {
            ok &= expect_eq(p[i].target, l->addr + (p[i].iova - l->first));
            ok &= expect_true(p[i].mask <= l->last - l->first);
        }
        if (!ok) {
            g_test_message("translation of 0x%" PRIx64, p[i].iova);
            break;
        }
    }
}
