/*
 * The VT-d engine's shadows on a host that refuses
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is refused is tried again, nothing else is touched by that, and a
 * host that refuses all is not asked for all.
 */

#include "qemu/osdep.h"
#include "vtd-mirror.h"
#include "hw/i386/vtd/refused.h"

#define SID                     0x10

/* Refusals for want of room in one sync, the retries at its end included */
#define FEW                     8

static Mirror *start(void)
{
    return mirror_new(mirror_host(NULL), SID, 1, 0, 4);
}

static void stop(Mirror *m)
{
    Host *h = m->h;

    mirror_free(m);
    host_free(h);
}

static uint64_t refused_pages(const Mirror *m)
{
    return vtd_stat(m->h->v, VTD_STAT_REFUSED_PAGES);
}

/* What brings all of a shadow in step */

static void event_domain(Mirror *m)
{
    mirror_flush(m);
}

static void event_global(Mirror *m)
{
    inv_iotlb(m->h, QVTD_GLOBAL, 0, 0, 0);
}

static void event_pages(Mirror *m)
{
    inv_iotlb(m->h, QVTD_SELECT, m->did, GIB, 9);
}

static void event_context(Mirror *m)
{
    inv_context(m->h, QVTD_SELECT, m->did, m->d->sid, 0);
}

static void event_context_domain(Mirror *m)
{
    inv_context(m->h, QVTD_DOMAIN, m->did, 0, 0);
}

static void event_context_global(Mirror *m)
{
    inv_context(m->h, QVTD_GLOBAL, 0, 0, 0);
}

/* Somebody else's replay of the same space */
static void event_replay(Mirror *m)
{
    strict_free(strict_replay(m->d, 0, UINT64_MAX));
}

static void (*const events[])(Mirror *m) = {
    event_domain, event_global, event_pages, event_context,
    event_context_domain, event_context_global, event_replay,
};

static void test_tried_again(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(events); i++) {
        Mirror *m = start();

        m->s->table.limit = 100;
        mirror_map(m, GIB, 1, 512, TARGET | QVTD_RW);
        mirror_flush(m);
        g_assert_cmpuint(strict_count(m->s), ==, 100);
        g_assert_cmpuint(refused_pages(m), ==, 412);
        g_assert_cmpuint(m->h->refusals, >, 0);
        g_assert_cmpuint(m->h->refusals, <=, FEW);

        mirror_begin(m);
        m->h->refusals = 0;
        events[i](m);
        g_assert_cmpuint(strict_count(m->s), ==, 100);
        g_assert_cmpuint(m->h->refusals, <=, FEW);

        mirror_begin(m);
        m->s->table.limit = 0;
        events[i](m);
        assert_counts(m, 0, 412);
        g_assert_cmpuint(refused_pages(m), ==, 0);
        assert_step(m, 0);
        events[i](m);
        assert_quiet(m);
        stop(m);
    }
}

/* Only what an invalidation covers */
static void test_covered(void)
{
    Mirror *m = start();

    m->s->table.limit = 1;
    mirror_map(m, GIB, 1, 16, TARGET | QVTD_RW);
    mirror_map(m, 2 * GIB, 2, 1, TARGET | QVTD_RW);
    mirror_flush(m);
    m->s->table.limit = 0;
    mirror_begin(m);
    inv_iotlb(m->h, QVTD_SELECT, 1, GIB + 4 * QVTD_PAGE, 2);
    assert_counts(m, 0, 4);
    for (unsigned i = 4; i < 8; i++) {
        Run run;

        g_assert_true(strict_lookup(m->s, GIB + i * QVTD_PAGE, &run));
    }
    g_assert_cmpuint(refused_pages(m), ==, 11 + 512);
    mirror_flush(m);
    assert_exact(m);
    stop(m);
}

/* Sent as it is now, and no more if it is gone */
static void test_changed_meanwhile(void)
{
    Mirror *m = start();

    mirror_map(m, 0, 1, 1, TARGET | QVTD_RW);
    mirror_flush(m);
    m->s->table.limit = 1;
    mirror_map(m, GIB, 1, 8, TARGET | QVTD_RW);
    mirror_map(m, 2 * GIB, 2, 2, TARGET | QVTD_RW);
    mirror_map(m, 5 * GIB, 3, 1, TARGET | QVTD_RW);
    mirror_flush(m);
    g_assert_cmpuint(strict_count(m->s), ==, 1);

    /* A page gone, one changed, a superpage of small pages */
    mirror_begin(m);
    mirror_unmap(m, GIB + QVTD_PAGE, 1, 1);
    mirror_map(m, GIB + 3 * QVTD_PAGE, 1, 1, (TARGET + MIB) | QVTD_R);
    host_put(m->h, mirror_entry(m, 2 * GIB, 2), 0);
    mirror_map(m, 2 * GIB, 1, 512, TARGET | QVTD_RW);
    mirror_unmap(m, 2 * GIB + 7 * QVTD_PAGE, 1, 1);
    mirror_flush(m);
    g_assert_cmpuint(strict_unmaps(m->s), ==, 0);
    g_assert_cmpuint(strict_count(m->s), ==, 1);

    mirror_begin(m);
    m->s->table.limit = 0;
    mirror_flush(m);
    assert_counts(m, 0, 7 + 511 + 1 + 1);
    assert_step(m, 0);
    g_assert_cmpuint(vtd_stat(m->h->v, VTD_STAT_SPLITS), ==, 0);

    mirror_unmap(m, 2 * GIB, 1, 1);
    mirror_unmap(m, 2 * GIB + 2 * MIB, 2, 1);
    mirror_flush(m);
    assert_step(m, 0);
    stop(m);
}

/* What was mapped goes, or changes in place, on a host that is full */
static void test_full(void)
{
    for (unsigned dirty = 0; dirty < 2; dirty++) {
        Mirror *m = start();

        m->h->dirty_tracking = dirty;
        m->s->table.limit = 100;
        mirror_map(m, GIB, 1, 300, TARGET | QVTD_RW);
        mirror_flush(m);

        /* One for one, though pages before them are refused */
        mirror_begin(m);
        mirror_map(m, GIB + 90 * QVTD_PAGE, 1, 10, (TARGET + GIB) | QVTD_RW);
        mirror_map(m, 0, 1, 5, TARGET | QVTD_RW);
        mirror_flush(m);
        g_assert_cmpuint(strict_unmaps(m->s), ==, 10);
        g_assert_cmpuint(strict_count(m->s), ==, 100);

        /* Room is made behind what waits for it */
        mirror_unmap(m, GIB + 50 * QVTD_PAGE, 1, 50);
        mirror_unmap(m, GIB + 150 * QVTD_PAGE, 1, 150);
        mirror_flush(m);
        g_assert_cmpuint(strict_count(m->s), ==, 100);
        g_assert_cmpuint(refused_pages(m), ==, 5);
        mirror_unmap(m, GIB, 1, 50);
        mirror_flush(m);
        assert_exact(m);
        g_assert_cmpuint(refused_pages(m), ==, 0);
        stop(m);
    }
}

/* A superpage that must be split on a full host, and what is left of it */
static void test_split(void)
{
    Mirror *m = start();

    m->s->table.limit = 2;
    mirror_map(m, 2 * MIB, 2, 3, TARGET | QVTD_RW);
    mirror_flush(m);
    host_put(m->h, mirror_entry(m, 2 * MIB, 2), 0);
    mirror_map(m, 2 * MIB, 1, 511, TARGET | QVTD_RW);
    mirror_flush(m);
    g_assert_cmpuint(strict_count(m->s), ==, 2);
    m->s->table.limit = 0;
    mirror_flush(m);
    assert_exact(m);
    stop(m);
}

/*
 * Pages that the host can't map for what they are do not keep it from the
 * others; each has its turn.
 */
static void test_bad_pages(void)
{
    Mirror *m = start();

    m->s->bad = (Run) { GIB + QVTD_PAGE, GIB + 100 * QVTD_PAGE - 1 };
    mirror_map(m, GIB, 1, 512, TARGET | QVTD_RW);
    mirror_flush(m);
    g_assert_cmpuint(strict_count(m->s), ==, 512 - 99);
    g_assert_cmpuint(refused_pages(m), ==, 99);
    for (unsigned i = 0; i < 30; i++) {
        m->h->refusals = 0;
        mirror_flush(m);
        g_assert_cmpuint(m->h->refusals, <=, FEW);
    }
    /* All have been tried since */
    mirror_begin(m);
    m->s->bad = (Run) { GIB + QVTD_PAGE, GIB + 50 * QVTD_PAGE - 1 };
    for (unsigned i = 0; i < 30; i++) {
        mirror_flush(m);
    }
    g_assert_cmpuint(refused_pages(m), ==, 49);
    g_assert_cmpuint(strict_unmaps(m->s), ==, 0);
    m->s->bad = (Run) { 0 };
    mirror_flush(m);
    assert_exact(m);
    stop(m);
}

/* However many there are, a few are tried */
static void test_self_pointing(void)
{
    static const Run nothing;
    Mirror *m = start();

    for (unsigned bad = 0; bad < 2; bad++) {
        m->s->table.limit = bad ? 0 : 1000;
        m->s->bad = bad ? (Run) { GIB, BIT(48) - 1 } : nothing;
        for (unsigned j = 0; j < 512; j++) {
            host_put(m->h, m->table + j * 8, m->table | QVTD_RW);
        }
        for (unsigned i = 0; i < 3; i++) {
            mirror_begin(m);
            m->h->refusals = 0;
            mirror_flush(m);
            assert_strict(m->s);
            g_assert_cmpuint(m->h->refusals, <=,
                             bad && !i ? 256 + 64 + FEW : FEW);
        }
        for (unsigned j = 0; j < 512; j++) {
            host_put(m->h, m->table + j * 8, 0);
        }
        mirror_flush(m);
        assert_exact(m);
        g_assert_cmpuint(strict_count(m->s), ==, 0);
        g_assert_cmpuint(refused_pages(m), ==, 0);
    }
    stop(m);
}

/* A host that comes later, and is full then */
static void test_replay(void)
{
    Mirror *m = start();

    mirror_map(m, GIB, 1, 200, TARGET | QVTD_RW);
    mirror_map(m, 2 * GIB, 2, 200, TARGET | QVTD_RW);
    mirror_map(m, 4 * GIB, 3, 1, TARGET | QVTD_RW);
    mirror_flush(m);
    gcmd(m->h, QVTD_TE, false);
    m->s->table.limit = 100;
    m->h->refusals = 0;
    mirror_begin(m);
    gcmd(m->h, QVTD_TE, true);
    g_assert_cmpuint(strict_count(m->s), ==, 100);
    g_assert_cmpuint(m->h->refusals, <=, FEW);
    g_assert_cmpuint(strict_maps(m->s), <=, 100 + FEW);
    mirror_begin(m);
    m->s->table.limit = 0;
    mirror_flush(m);
    assert_counts(m, 0, 301);
    assert_step(m, 0);

    /* Gone, changed, and gone again while it is not mapped */
    gcmd(m->h, QVTD_TE, false);
    m->s->table.limit = 1;
    gcmd(m->h, QVTD_TE, true);
    mirror_unmap(m, 2 * GIB, 2, 100);
    mirror_map(m, GIB, 1, 100, (TARGET + GIB) | QVTD_RW);
    mirror_begin(m);
    mirror_flush(m);
    g_assert_cmpuint(strict_unmaps(m->s), <=, 1);
    m->s->table.limit = 0;
    mirror_flush(m);
    assert_exact(m);
    stop(m);
}

/* The set of ranges against an array of pages */

#define PAGES                   512

static void assert_set(const VtdRefused *refused, const bool *model)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < PAGES; i++) {
        uint64_t end = 0, wanted = i;
        uint64_t first = i * QVTD_PAGE, last = PAGES * QVTD_PAGE - 1;
        unsigned next = i;

        while (wanted < PAGES && model[wanted] == model[i]) {
            wanted++;
        }
        g_assert_true(vtd_refused_covers(refused, i * QVTD_PAGE,
                                         PAGES * QVTD_PAGE - 1, &end) ==
                      model[i]);
        g_assert_cmphex(end, ==, wanted * QVTD_PAGE - 1);
        while (next < PAGES && !model[next]) {
            next++;
        }
        g_assert_true(vtd_refused_find(refused, &first, &last) ==
                      (next < PAGES));
        if (next < PAGES) {
            g_assert_cmphex(first, ==, next * QVTD_PAGE);
        }
        bytes += model[i] ? QVTD_PAGE : 0;
    }
    g_assert_cmpuint(vtd_refused_bytes(refused), ==, bytes);
}

static void test_set(void)
{
    VtdRefused *refused = vtd_refused_new();
    bool model[PAGES] = { 0 };

    for (unsigned step = 0; step < 400; step++) {
        unsigned from = g_test_rand_int_range(0, PAGES);
        unsigned to = g_test_rand_int_range(from, PAGES);
        bool add = g_test_rand_bit();

        if (g_test_rand_bit()) {
            to = MIN(to, from + 3);
        }
        g_assert_cmpuint((add ? vtd_refused_add : vtd_refused_drop)(
                             refused, from * QVTD_PAGE,
                             to * QVTD_PAGE + QVTD_PAGE - 1), ==, 0);
        for (unsigned i = from; i <= to; i++) {
            model[i] = add;
        }
        assert_set(refused, model);
    }
    vtd_refused_free(refused);
}

/* A guest that scatters them does not choose how much memory that takes */
static void test_set_bounded(void)
{
    VtdRefused *refused = vtd_refused_new();
    const uint64_t bound = BIT(14);
    uint64_t end;

    for (uint64_t i = 0; i < bound; i++) {
        g_assert_cmpuint(vtd_refused_add(refused, i * 4 * QVTD_PAGE,
                                         (i * 4 + 3) * QVTD_PAGE - 1), ==, 0);
    }
    g_assert_cmpuint(vtd_refused_add(refused, bound * 4 * QVTD_PAGE,
                                     (bound * 4 + 1) * QVTD_PAGE - 1),
                     ==, QVTD_PAGE);
    g_assert_false(vtd_refused_covers(refused, bound * 4 * QVTD_PAGE,
                                      BIT(48) - 1, &end));
    /* What joins two makes room for one */
    g_assert_cmpuint(vtd_refused_add(refused, 3 * QVTD_PAGE, 4 * QVTD_PAGE - 1),
                     ==, 0);
    g_assert_cmpuint(vtd_refused_add(refused, bound * 4 * QVTD_PAGE,
                                     (bound * 4 + 1) * QVTD_PAGE - 1), ==, 0);
    /* The end of one that would be cut in two */
    g_assert_cmpuint(vtd_refused_drop(refused, 9 * QVTD_PAGE,
                                      10 * QVTD_PAGE - 1),
                     ==, QVTD_PAGE);
    g_assert_true(vtd_refused_covers(refused, 8 * QVTD_PAGE, 12 * QVTD_PAGE - 1,
                                     &end));
    g_assert_cmphex(end, ==, 9 * QVTD_PAGE - 1);
    g_assert_false(vtd_refused_covers(refused, 9 * QVTD_PAGE,
                                      12 * QVTD_PAGE - 1, &end));
    g_assert_cmphex(end, ==, 12 * QVTD_PAGE - 1);
    g_assert_cmpuint(vtd_refused_drop(refused, 0, BIT(48) - 1), ==, 0);
    g_assert_cmpuint(vtd_refused_bytes(refused), ==, 0);
    vtd_refused_free(refused);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/refused/set", test_set);
    g_test_add_func("/vtd/refused/set-bounded", test_set_bounded);
    g_test_add_func("/vtd/refused/tried-again", test_tried_again);
    g_test_add_func("/vtd/refused/covered", test_covered);
    g_test_add_func("/vtd/refused/changed-meanwhile",
                    test_changed_meanwhile);
    g_test_add_func("/vtd/refused/full", test_full);
    g_test_add_func("/vtd/refused/split", test_split);
    g_test_add_func("/vtd/refused/bad-pages", test_bad_pages);
    g_test_add_func("/vtd/refused/self-pointing", test_self_pointing);
    g_test_add_func("/vtd/refused/replay", test_replay);
    return g_test_run();
}
