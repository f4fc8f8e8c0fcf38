/*
 * The VT-d engine's shadows: one page at a time
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A page that changes among others is sent without a sync of what is around
 * it.  So here it is alone, with all that can be around it, or stand in its
 * way; and what is known then has to be what a sync of everything finds.
 */

#include "qemu/osdep.h"
#include "vtd-mirror.h"

#define SID                     0x10
#define OTHER                   0x18
#define PAGE(n)                 (GIB + (n) * QVTD_PAGE)

static Mirror *start_with(const VtdConfig *config)
{
    return mirror_new(mirror_host(config), SID, 1, 0, 4);
}

static void stop(Mirror *m)
{
    Host *h = m->h;

    mirror_free(m);
    host_free(h);
}

/* Pages @n of GIB and on, one after the other; their targets are not */
static void map_scattered(Mirror *m, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        mirror_map(m, PAGE(i), 1, 1, (TARGET + (i ^ 3) * QVTD_PAGE) | QVTD_RW);
    }
    mirror_flush(m);
    assert_counts(m, 0, n);
    assert_step(m, 0);
}

static Mirror *start(void)
{
    Mirror *m = start_with(NULL);

    map_scattered(m, 8);
    return m;
}

static void flush_page(Mirror *m, uint64_t iova)
{
    inv_iotlb(m->h, QVTD_SELECT, m->did, iova, 0);
}

static uint64_t stat_of(const Mirror *m, VtdStat stat)
{
    return vtd_stat(m->h->v, stat);
}

/* The step is as it should be, and leaves nothing to be done */
static void assert_settled(Mirror *m, unsigned splits)
{
    assert_step(m, splits);
    mirror_flush(m);
    assert_quiet(m);
}

/* What becomes of a page, if its entry is @to; and how that is counted */
static void test_each(void)
{
    const uint64_t at = PAGE(5), was = TARGET + 6 * QVTD_PAGE;
    static const struct {
        uint64_t to;
        unsigned unmaps, maps;
    } rows[] = {
        { 0, 1, 0 },
        { 0, 0, 0 },
        { TARGET | QVTD_RW, 0, 1 },
        { TARGET | QVTD_RW, 0, 0 },
        { (TARGET + GIB) | QVTD_RW, 1, 1 },
        { (TARGET + GIB) | QVTD_R, 1, 1 },
        { (TARGET + GIB) | QVTD_R | BIT(52), 0, 0 },
        { (TARGET + GIB) | BIT(52), 1, 0 },
        { BIT(53), 0, 0 },
        { (TARGET + GIB) | QVTD_W | BIT(52), 0, 1 },
    };
    Mirror *m = start(), *other = mirror_new(m->h, OTHER, 1, m->table, 4);
    uint64_t entry = was | QVTD_RW;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t syncs = stat_of(m, VTD_STAT_SYNCS);
        uint64_t compared = stat_of(m, VTD_STAT_COMPARED);
        uint64_t unchanged = stat_of(m, VTD_STAT_UNCHANGED);

        host_put(m->h, mirror_entry(m, at, 1), rows[i].to);
        mirror_begin(m);
        mirror_begin(other);
        flush_page(m, at);
        g_test_message("row %u", i);
        g_assert_cmpuint(stat_of(m, VTD_STAT_SYNCS), ==, syncs + 1);
        g_assert_cmpuint(stat_of(m, VTD_STAT_COMPARED), ==, compared + 1);
        g_assert_cmpuint(stat_of(m, VTD_STAT_UNCHANGED), ==,
                         unchanged + (entry == rows[i].to));
        assert_counts(m, rows[i].unmaps, rows[i].maps);
        assert_counts(other, rows[i].unmaps, rows[i].maps);
        assert_step(other, 0);
        assert_settled(m, 0);
        entry = rows[i].to;
    }
    mirror_free(other);
    stop(m);
}

/* Every form that what was seen can have, and from each to the others */
static void test_forms(void)
{
    Mirror *m = start_with(NULL);
    uint64_t run = TARGET | QVTD_RW;

    mirror_map(m, GIB, 1, 512, run);
    mirror_flush(m);
    assert_step(m, 0);
    for (unsigned round = 0; round < 3; round++) {
        const uint64_t to[] = {
            0, run + 7 * QVTD_PAGE, (TARGET + GIB) | QVTD_RW, 0,
            (TARGET + GIB) | QVTD_RW, run + 7 * QVTD_PAGE,
        };

        for (unsigned i = 0; i < ARRAY_SIZE(to); i++) {
            host_put(m->h, mirror_entry(m, PAGE(7), 1), to[i]);
            flush_page(m, PAGE(7));
            assert_settled(m, 0);
        }
        /* Now with a hole, then with entries that are no run */
        host_put(m->h, mirror_entry(m, PAGE(9), 1),
                 round ? (TARGET + MIB) | QVTD_R : 0);
        flush_page(m, PAGE(9));
        assert_settled(m, 0);
    }
    stop(m);
}

/* The first page of its 2 MiB, and the last one, take and leave no memory */
static void test_alone(void)
{
    Mirror *m = start();
    uint64_t bytes = stat_of(m, VTD_STAT_SHADOW_BYTES);

    for (unsigned i = 0; i < 4; i++) {
        const uint64_t iova = i % 2 ? GIB + 2 * MIB : 5 * GIB;

        mirror_map(m, iova, 1, 1, TARGET | QVTD_RW);
        flush_page(m, iova);
        assert_counts(m, 0, 1);
        assert_settled(m, 0);
        g_assert_cmpuint(stat_of(m, VTD_STAT_SHADOW_LEAVES), ==, 9);
        g_assert_cmpuint(stat_of(m, VTD_STAT_SHADOW_BYTES), >, bytes);
        mirror_unmap(m, iova, 1, 1);
        flush_page(m, iova);
        g_assert_cmpuint(stat_of(m, VTD_STAT_SHADOW_LEAVES), ==, 8);
        g_assert_cmpuint(stat_of(m, VTD_STAT_SHADOW_BYTES), ==, bytes);
        assert_counts(m, 1, 0);
        assert_settled(m, 0);
    }
    stop(m);
}

/* A part of what was sent as one mapping takes all of that along */
static void test_extent(void)
{
    const uint64_t gone = PAGE(77), other = PAGE(512 + 3);
    Mirror *m = start_with(NULL);

    mirror_map(m, GIB, 2, 2, TARGET | QVTD_RW);
    mirror_flush(m);
    assert_counts(m, 0, 2);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t table = host_pages(m->h, 1);

        for (unsigned n = 0; n < 512; n++) {
            host_put(m->h, table + n * 8,
                     (TARGET + i * 2 * MIB + n * QVTD_PAGE) | QVTD_RW);
        }
        host_put(m->h, mirror_entry(m, GIB + i * 2 * MIB, 2),
                 table | QVTD_RW);
    }
    mirror_begin(m);
    mirror_flush(m);
    assert_quiet(m);

    mirror_unmap(m, gone, 1, 1);
    flush_page(m, gone);
    assert_counts(m, 1, 511);
    assert_settled(m, 1);
    mirror_map(m, other, 1, 1, (TARGET + GIB) | QVTD_RW);
    flush_page(m, other);
    assert_counts(m, 1, 512);
    assert_settled(m, 1);
    mirror_map(m, gone, 1, 1, TARGET | QVTD_RW);
    flush_page(m, gone);
    assert_notices(m, MAPS(gone, QVTD_PAGE, TARGET | QVTD_RW));
    assert_settled(m, 0);
    stop(m);
}

/* A superpage ends as a whole, whichever page of it is named */
static void test_demoted(void)
{
    Mirror *m = start_with(NULL);
    uint64_t table = host_pages(m->h, 1);

    mirror_map(m, GIB, 2, 1, TARGET | QVTD_RW);
    mirror_flush(m);
    for (unsigned n = 0; n < 512; n++) {
        host_put(m->h, table + n * 8, (TARGET + n * QVTD_PAGE) | QVTD_RW);
    }
    host_put(m->h, table + 7 * 8, 0);
    host_put(m->h, table + 9 * 8, (TARGET + GIB) | QVTD_RW);
    host_put(m->h, mirror_entry(m, GIB, 2), table | QVTD_RW);
    mirror_begin(m);
    flush_page(m, PAGE(7));
    assert_counts(m, 1, 511);
    assert_settled(m, 1);
    stop(m);
}

/* What a MAP that is refused is tried, by a flush of a page or of all */
static unsigned tries_of(bool page)
{
    Mirror *m = start();
    unsigned refusals;

    m->s->table.limit = 8;
    mirror_map(m, PAGE(8), 1, 1, TARGET | QVTD_RW);
    if (page) {
        flush_page(m, PAGE(8));
    } else {
        mirror_flush(m);
    }
    refusals = m->h->refusals;
    g_assert_cmpuint(stat_of(m, VTD_STAT_REFUSED_PAGES), ==, 1);
    stop(m);
    return refusals;
}

static void test_refused(void)
{
    Mirror *m = start();
    Run run;

    g_assert_cmpuint(tries_of(true), ==, tries_of(false));

    m->s->table.limit = 8;
    mirror_map(m, PAGE(8), 1, 2, TARGET | QVTD_RW);
    flush_page(m, PAGE(8));
    flush_page(m, PAGE(9));
    g_assert_cmpuint(strict_count(m->s), ==, 8);
    g_assert_cmpuint(stat_of(m, VTD_STAT_REFUSED_PAGES), ==, 2);

    /* There is room for one again: by a flush of it, though it is the same */
    mirror_unmap(m, PAGE(2), 1, 1);
    mirror_begin(m);
    flush_page(m, PAGE(2));
    assert_notices(m, UNMAPS(PAGE(2), QVTD_PAGE));
    mirror_begin(m);
    flush_page(m, PAGE(9));
    assert_notices(m, MAPS(PAGE(9), QVTD_PAGE,
                           (TARGET + QVTD_PAGE) | QVTD_RW));

    /* What was refused is not unmapped, whether it changes or goes */
    mirror_map(m, PAGE(8), 1, 1, (TARGET + GIB) | QVTD_RW);
    mirror_begin(m);
    flush_page(m, PAGE(8));
    g_assert_cmpuint(strict_unmaps(m->s), ==, 0);
    g_assert_false(strict_lookup(m->s, PAGE(8), &run));
    mirror_unmap(m, PAGE(8), 1, 1);
    mirror_begin(m);
    flush_page(m, PAGE(8));
    assert_quiet(m);
    g_assert_cmpuint(stat_of(m, VTD_STAT_REFUSED_PAGES), ==, 0);
    m->s->table.limit = 0;
    mirror_map(m, PAGE(8), 1, 1, (TARGET + GIB) | QVTD_RW);
    flush_page(m, PAGE(8));
    assert_exact(m);
    mirror_begin(m);
    assert_settled(m, 0);
    stop(m);
}

/* Whoever notes which pages were written is told what a page led to */
static void test_tracked(void)
{
    Mirror *m = start();

    m->h->dirty_tracking = true;
    mirror_unmap(m, PAGE(1), 1, 1);
    flush_page(m, PAGE(1));
    assert_notices(m, { PAGE(1), PAGE(2) - 1, TARGET + 2 * QVTD_PAGE });
    assert_settled(m, 0);
    mirror_map(m, PAGE(2), 1, 1, (TARGET + GIB) | QVTD_RW);
    flush_page(m, PAGE(2));
    assert_notices(m, { PAGE(2), PAGE(3) - 1, TARGET + QVTD_PAGE },
                   MAPS(PAGE(2), QVTD_PAGE, (TARGET + GIB) | QVTD_RW));
    assert_settled(m, 0);
    m->h->dirty_tracking = false;
    mirror_unmap(m, PAGE(2), 1, 1);
    flush_page(m, PAGE(2));
    assert_notices(m, UNMAPS(PAGE(2), QVTD_PAGE));
    assert_settled(m, 0);
    stop(m);
}

/* Of pages in the interrupt range nobody hears */
static void test_interrupts(void)
{
    static const struct {
        uint64_t iova;
        bool told;
    } rows[] = {
        { 0xfedff000, true }, { 0xfee00000, false }, { 0xfee42000, false },
        { 0xfeeff000, false }, { 0xfef00000, true },
    };
    Mirror *m = start_with(NULL);

    /* Others around it, which stay */
    mirror_map(m, 0xfedfe000, 1, 1, TARGET | QVTD_RW);
    mirror_map(m, 0xfee01000, 1, 2, TARGET | QVTD_RW);
    mirror_map(m, 0xfef01000, 1, 1, TARGET | QVTD_RW);
    mirror_flush(m);
    assert_counts(m, 0, 2);
    assert_step(m, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned n = 0; n < 3; n++) {
            unsigned unmaps = n > 0, maps = n < 2;

            host_put(m->h, mirror_entry(m, rows[i].iova, 1),
                     n < 2 ? (TARGET + n * MIB) | QVTD_RW : 0);
            flush_page(m, rows[i].iova);
            assert_counts(m, rows[i].told ? unmaps : 0,
                          rows[i].told ? maps : 0);
            assert_settled(m, 0);
        }
    }
    stop(m);
}

/* What leads to no RAM is not sent, but what was sent before ends */
static void test_not_ram(void)
{
    Mirror *m = start();

    mirror_map(m, PAGE(3), 1, 1, BIT(46) | QVTD_RW);
    flush_page(m, PAGE(3));
    assert_notices(m, UNMAPS(PAGE(3), QVTD_PAGE));
    assert_settled(m, 0);
    mirror_map(m, PAGE(3), 1, 1, TARGET | QVTD_RW);
    flush_page(m, PAGE(3));
    assert_exact(m);
    stop(m);
}

/* No page is taken at the limit; those that are there change, and go */
static void test_limit(void)
{
    VtdConfig config = mirror_config;
    Mirror *m;

    config.max_mappings = 8;
    m = start_with(&config);
    map_scattered(m, 8);
    mirror_map(m, PAGE(8), 1, 1, TARGET | QVTD_RW);
    mirror_begin(m);
    flush_page(m, PAGE(8));
    assert_quiet(m);
    g_assert_cmpuint(m->h->over_limits, ==, 1);
    g_assert_cmpuint(stat_of(m, VTD_STAT_SHADOW_LEAVES), ==, 8);
    mirror_map(m, PAGE(0), 1, 1, (TARGET + GIB) | QVTD_RW);
    flush_page(m, PAGE(0));
    assert_counts(m, 1, 1);
    mirror_unmap(m, PAGE(0), 1, 1);
    mirror_begin(m);
    flush_page(m, PAGE(0));
    assert_counts(m, 1, 0);
    mirror_begin(m);
    flush_page(m, PAGE(8));
    assert_counts(m, 0, 1);
    g_assert_cmpuint(stat_of(m, VTD_STAT_SHADOW_LEAVES), ==, 8);
    assert_settled(m, 0);
    stop(m);
}

/* Whatever became of the levels above, one page follows, and then the rest */
static void test_above(void)
{
    for (unsigned i = 0; i < 5; i++) {
        Mirror *m = start();
        uint64_t entry = mirror_entry(m, GIB, i < 3 ? 2 : 3);
        uint64_t table = host_pages(m->h, 1);
        const uint64_t to[] = {
            host_get(m->h, entry) & ~(uint64_t)QVTD_W,
            table | QVTD_RW,
            (TARGET + 2 * GIB) | QVTD_RW | QVTD_PS,
            0,
            host_get(m->h, entry) | BIT(51),    /* reserved */
        };
        Run run;

        host_put(m->h, table + 2 * 8, TARGET | QVTD_R);
        host_put(m->h, table + 4 * 8, (TARGET + 7 * QVTD_PAGE) | QVTD_RW);
        host_put(m->h, entry, to[i]);
        mirror_begin(m);
        flush_page(m, PAGE(2));
        switch (i) {
        case 0:
            assert_notices(m, UNMAPS(PAGE(2), QVTD_PAGE),
                           MAPS(PAGE(2), QVTD_PAGE,
                                (TARGET + QVTD_PAGE) | QVTD_R));
            break;
        case 1:
            assert_notices(m, UNMAPS(PAGE(2), QVTD_PAGE),
                           MAPS(PAGE(2), QVTD_PAGE, TARGET | QVTD_R));
            break;
        case 2:
            g_assert_true(strict_lookup(m->s, PAGE(300), &run));
            break;
        default:
            assert_notices(m, UNMAPS(PAGE(2), QVTD_PAGE));
            break;
        }
        assert_strict(m->s);
        mirror_flush(m);
        assert_exact(m);
        mirror_begin(m);
        assert_settled(m, 0);
        stop(m);
    }
}

/* Where tables and targets are is asked for anew by each invalidation */
static void test_memory_goes(void)
{
    Mirror *m = start();
    uint64_t table = mirror_entry(m, GIB, 1) & BITS(63, 12);

    flush_page(m, PAGE(1));
    assert_quiet(m);
    host_set_ram(m->h, table, false);
    flush_page(m, PAGE(1));
    assert_notices(m, UNMAPS(PAGE(1), QVTD_PAGE));
    host_set_ram(m->h, table, true);
    mirror_begin(m);
    flush_page(m, PAGE(1));
    assert_counts(m, 0, 1);
    assert_settled(m, 0);
    stop(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/shadow-page/each", test_each);
    g_test_add_func("/vtd/shadow-page/forms", test_forms);
    g_test_add_func("/vtd/shadow-page/alone", test_alone);
    g_test_add_func("/vtd/shadow-page/extent", test_extent);
    g_test_add_func("/vtd/shadow-page/demoted", test_demoted);
    g_test_add_func("/vtd/shadow-page/refused", test_refused);
    g_test_add_func("/vtd/shadow-page/tracked", test_tracked);
    g_test_add_func("/vtd/shadow-page/interrupts", test_interrupts);
    g_test_add_func("/vtd/shadow-page/not-ram", test_not_ram);
    g_test_add_func("/vtd/shadow-page/limit", test_limit);
    g_test_add_func("/vtd/shadow-page/above", test_above);
    g_test_add_func("/vtd/shadow-page/memory-goes", test_memory_goes);
    return g_test_run();
}
