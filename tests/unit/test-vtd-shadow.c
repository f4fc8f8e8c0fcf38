/*
 * The VT-d engine's shadow of one device: which notices a change makes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each test changes the guest's tables in one way, invalidates, and looks at
 * the notices, and at what a strict host then holds.  Sharing, limits and
 * views: test-vtd-shadow-share.c and its neighbours.
 */

#include "qemu/osdep.h"
#include "tests/vtd/edits.h"
#include "vtd-mirror.h"

#define SID                     0x10

typedef struct Fixture {
    Host *h;
    Mirror *m;
} Fixture;

static Fixture start(void)
{
    Host *h = mirror_host(NULL);

    return (Fixture) { h, mirror_new(h, SID, 1, 0, 4) };
}

static void stop(Fixture f)
{
    mirror_free(f.m);
    host_free(f.h);
}

/* Sizes of leaves */

/* The last table above @iova: a new one, that a leaf of @level led to */
static uint64_t demote(Mirror *m, uint64_t iova, unsigned level)
{
    uint64_t entry = mirror_entry(m, iova, level);
    uint64_t table = host_pages(m->h, 1);

    host_put(m->h, entry, table | QVTD_RW);
    return table;
}

static void fill(Mirror *m, uint64_t table, uint64_t leaf, uint64_t step)
{
    for (unsigned i = 0; i < 512; i++) {
        host_put(m->h, table + i * 8, leaf + i * step);
    }
}

static void test_2m_to_4k(void)
{
    Fixture f = start();
    uint64_t table;

    mirror_map(f.m, 2 * MIB, 2, 1, TARGET | QVTD_RW);
    mirror_flush(f.m);
    assert_notices(f.m, MAPS(2 * MIB, 2 * MIB, TARGET | QVTD_RW));
    assert_step(f.m, 0);

    table = demote(f.m, 2 * MIB, 2);
    for (unsigned i = 0; i < 512; i++) {
        host_put(f.h, table + i * 8,
                 (TARGET + (i * 7 & 511) * QVTD_PAGE) | QVTD_RW);
    }
    mirror_flush(f.m);
    assert_step(f.m, 1);        /* page 0 is as it was */
    stop(f);
}

/* Over equal bytes nothing happens, until one page goes */
static void test_sizes_of_equal_bytes(void)
{
    const uint64_t iova = GIB;
    Fixture f = start();
    uint64_t l2, l1;

    mirror_map(f.m, iova, 3, 1, TARGET | QVTD_RW);
    mirror_flush(f.m);
    assert_notices(f.m, MAPS(iova, GIB, TARGET | QVTD_RW));
    assert_step(f.m, 0);

    l2 = demote(f.m, iova, 3);
    fill(f.m, l2, TARGET | QVTD_RW | QVTD_PS, 2 * MIB);
    mirror_flush(f.m);
    assert_quiet(f.m);
    l1 = demote(f.m, iova + 6 * MIB, 2);
    fill(f.m, l1, (TARGET + 6 * MIB) | QVTD_RW, QVTD_PAGE);
    mirror_flush(f.m);
    assert_quiet(f.m);
    host_put(f.h, l2 + 3 * 8, (TARGET + 6 * MIB) | QVTD_RW | QVTD_PS);
    mirror_flush(f.m);
    assert_quiet(f.m);
    host_put(f.h, l2 + 3 * 8, l1 | QVTD_RW);
    mirror_flush(f.m);
    assert_quiet(f.m);

    /* Now the mapping of 1 GiB must end: 511 of 2 MiB, 511 of 4 KiB */
    host_put(f.h, l1 + 5 * 8, 0);
    mirror_flush(f.m);
    assert_counts(f.m, 1, 511 + 511);
    g_assert_cmpuint(vtd_stat(f.h->v, VTD_STAT_SPLITS), ==, 1);
    assert_step(f.m, 1);

    /* No mapping is wide enough any more to be split */
    host_put(f.h, l1 + 9 * 8, 0);
    mirror_flush(f.m);
    assert_notices(f.m, UNMAPS(iova + 6 * MIB + 9 * QVTD_PAGE, QVTD_PAGE));
    assert_step(f.m, 0);
    stop(f);
}

static void test_sizes_of_other_bytes(void)
{
    const uint64_t iova = GIB;
    Fixture f = start();
    uint64_t l2, l1;

    l1 = mirror_entry(f.m, iova, 1) & BITS(63, 12);
    l2 = mirror_entry(f.m, iova, 2) & BITS(63, 12);
    fill(f.m, l1, TARGET | QVTD_RW, QVTD_PAGE);
    mirror_flush(f.m);
    assert_counts(f.m, 0, 512);
    assert_step(f.m, 0);

    /* 4 KiB to 2 MiB, each page otherwise */
    host_put(f.h, l2, (TARGET + 2 * MIB) | QVTD_RW | QVTD_PS);
    mirror_flush(f.m);
    assert_notices(f.m, UNMAPS(iova, 2 * MIB),
                   MAPS(iova, 2 * MIB, (TARGET + 2 * MIB) | QVTD_RW));
    assert_step(f.m, 0);

    /* 2 MiB to 1 GiB */
    host_put(f.h, mirror_entry(f.m, iova, 3),
             (TARGET + GIB) | QVTD_RW | QVTD_PS);
    mirror_flush(f.m);
    assert_counts(f.m, 1, 1);
    assert_step(f.m, 0);

    /* 1 GiB to 2 MiB, and 4 KiB */
    host_put(f.h, mirror_entry(f.m, iova, 3), l2 | QVTD_RW);
    host_put(f.h, l2 + 8, l1 | QVTD_RW);
    mirror_flush(f.m);
    assert_counts(f.m, 1, 1 + 512);
    assert_step(f.m, 0);

    /* 1 GiB again, of which the first 2 MiB are what they were */
    host_put(f.h, l2 + 8, 0);
    mirror_flush(f.m);
    mirror_begin(f.m);
    host_put(f.h, mirror_entry(f.m, iova, 3), TARGET | QVTD_RW | QVTD_PS);
    host_put(f.h, l2, TARGET | QVTD_RW | QVTD_PS);
    host_put(f.h, mirror_entry(f.m, iova, 3), l2 | QVTD_RW);
    mirror_flush(f.m);
    assert_step(f.m, 0);
    host_put(f.h, mirror_entry(f.m, iova, 3), TARGET | QVTD_RW | QVTD_PS);
    mirror_flush(f.m);
    assert_counts(f.m, 0, 9);   /* 2 MiB to 512 MiB */
    assert_step(f.m, 0);
    stop(f);
}

/* Only one page is named, but a superpage comes and goes whole */
static void test_size_by_page(void)
{
    Fixture f = start();
    uint64_t table = mirror_entry(f.m, 2 * MIB, 1) & BITS(63, 12);
    uint64_t entry = mirror_entry(f.m, 2 * MIB, 2);

    fill(f.m, table, TARGET | QVTD_RW, QVTD_PAGE);
    mirror_flush(f.m);
    mirror_begin(f.m);
    host_put(f.h, entry, (TARGET + 2 * MIB) | QVTD_RW | QVTD_PS);
    inv_iotlb(f.h, QVTD_SELECT, 1, 3 * MIB, 0);
    assert_counts(f.m, 1, 1);
    assert_step(f.m, 0);
    host_put(f.h, entry, table | QVTD_RW);
    inv_iotlb(f.h, QVTD_SELECT, 1, 3 * MIB, 0);
    assert_counts(f.m, 1, 512);
    assert_step(f.m, 0);
    stop(f);
}

/* One page becomes what @leaf says, and is invalidated alone */
static void change_page(Fixture *f, uint64_t iova, uint64_t leaf)
{
    mirror_map(f->m, iova, 1, 1, leaf);
    inv_iotlb(f->h, QVTD_SELECT, 1, iova, 0);
}

static uint64_t shadow_bytes(const Fixture *f)
{
    return vtd_stat(f->h->v, VTD_STAT_SHADOW_BYTES);
}

/*
 * Pages in order take little memory, also when one of them was gone or
 * elsewhere for a while
 */
static void test_out_of_order_by_page(void)
{
    const uint64_t middle = 7 * QVTD_PAGE, end = 511 * QVTD_PAGE;
    Fixture f = start();
    uint64_t bytes;

    mirror_map(f.m, 0, 1, 512, TARGET | QVTD_RW);
    mirror_flush(f.m);
    assert_step(f.m, 0);
    bytes = shadow_bytes(&f);

    change_page(&f, middle, 0);
    assert_notices(f.m, UNMAPS(middle, QVTD_PAGE));
    assert_step(f.m, 0);
    g_assert_cmpuint(shadow_bytes(&f), ==, bytes);
    change_page(&f, middle, (TARGET + middle) | QVTD_RW);
    assert_notices(f.m, MAPS(middle, QVTD_PAGE, (TARGET + middle) | QVTD_RW));
    assert_step(f.m, 0);
    g_assert_cmpuint(shadow_bytes(&f), ==, bytes);

    change_page(&f, end, (TARGET + GIB) | QVTD_RW);
    assert_notices(f.m, UNMAPS(end, QVTD_PAGE),
                   MAPS(end, QVTD_PAGE, (TARGET + GIB) | QVTD_RW));
    assert_step(f.m, 0);
    g_assert_cmpuint(shadow_bytes(&f), >, bytes);
    change_page(&f, end, (TARGET + end) | QVTD_RW);
    assert_notices(f.m, UNMAPS(end, QVTD_PAGE),
                   MAPS(end, QVTD_PAGE, (TARGET + end) | QVTD_RW));
    assert_step(f.m, 0);
    g_assert_cmpuint(shadow_bytes(&f), ==, bytes);
    stop(f);
}

/* What ends a walk ends the mappings below */

typedef struct Stop {
    unsigned level;             /* of the entry; what it leads to goes */
    unsigned leaf;              /* level of the leaf */
    uint64_t flip;
} Stop;

static const Stop stops[] = {
    { 1, 1, QVTD_R | QVTD_W }, { 1, 1, BIT(11) }, { 1, 1, BIT(62) },
    { 1, 1, BIT(48) }, { 1, 1, BIT(51) },
    { 2, 2, QVTD_R | QVTD_W }, { 2, 2, BIT(11) }, { 2, 2, BIT(62) },
    { 2, 2, BIT(48) }, { 2, 2, BIT(12) }, { 2, 2, BIT(20) },
    { 3, 3, QVTD_R | QVTD_W }, { 3, 3, BIT(11) }, { 3, 3, BIT(62) },
    { 3, 3, BIT(51) }, { 3, 3, BIT(12) }, { 3, 3, BIT(29) },
    { 2, 1, QVTD_R | QVTD_W }, { 2, 1, BIT(11) }, { 2, 1, BIT(62) },
    { 2, 1, BIT(50) },
    { 3, 1, QVTD_R | QVTD_W }, { 3, 1, BIT(11) }, { 3, 1, BIT(62) },
    { 3, 1, BIT(49) },
    { 4, 1, QVTD_R | QVTD_W }, { 4, 1, BIT(11) }, { 4, 1, BIT(62) },
    { 4, 1, BIT(51) },
    { 4, 1, BIT(7) }, { 4, 3, BIT(7) },
    /* A table beyond RAM */
    { 2, 1, BIT(30) }, { 3, 1, BIT(30) }, { 4, 1, BIT(30) },
    { 2, 1, BIT(47) }, { 3, 2, BIT(47) }, { 4, 3, BIT(47) },
};

static void test_stops(void)
{
    const uint64_t iova = 5 * BIT(39) + 3 * GIB + 8 * MIB + 4 * QVTD_PAGE;

    for (unsigned i = 0; i < ARRAY_SIZE(stops); i++) {
        const Stop *stop_at = &stops[i];
        Fixture f = start();
        uint64_t size = BIT(12 + 9 * (stop_at->leaf - 1));
        uint64_t first = iova & ~(size - 1), entry, value;

        /* A neighbour stays, and is not told of */
        mirror_map(f.m, BIT(39), 1, 1, TARGET | QVTD_RW);
        mirror_map(f.m, first, stop_at->leaf, 1, TARGET | QVTD_RW);
        mirror_flush(f.m);
        assert_counts(f.m, 0, 2);
        assert_step(f.m, 0);

        entry = mirror_entry(f.m, iova, stop_at->level);
        value = host_get(f.h, entry);
        host_put(f.h, entry, value ^ stop_at->flip);
        mirror_flush(f.m);
        assert_counts(f.m, 1, 0);
        g_assert_cmpuint(strict_count(f.m->s), ==, 1);
        assert_step(f.m, 0);

        host_put(f.h, entry, value);
        mirror_flush(f.m);
        assert_notices(f.m, MAPS(first, size, TARGET | QVTD_RW));
        assert_step(f.m, 0);
        stop(f);
    }
}

static void test_table_becomes_unreadable(void)
{
    for (unsigned level = 1; level <= 4; level++) {
        Fixture f = start();
        uint64_t table = mirror_entry(f.m, GIB, level) & BITS(63, 12);

        mirror_map(f.m, GIB, 1, 3, TARGET | QVTD_RW);
        mirror_flush(f.m);
        assert_counts(f.m, 0, 3);
        assert_step(f.m, 0);
        host_set_ram(f.h, table, false);
        mirror_flush(f.m);
        assert_counts(f.m, 1, 0);
        assert_step(f.m, 0);
        host_set_ram(f.h, table, true);
        mirror_flush(f.m);
        assert_counts(f.m, 0, 3);
        assert_step(f.m, 0);
        stop(f);
    }
}

/* Permissions are what all levels grant */
/* Each table in memory that is not readable in place, alone and all of them */
static void test_tables_behind_io(void)
{
    const uint64_t iova = 5 * GIB + 4 * MIB;

    for (unsigned which = 1; which <= 5; which++) {
        Fixture f = start();

        mirror_map(f.m, iova, 1, 3, TARGET | QVTD_RW);
        mirror_map(f.m, iova + 2 * MIB, 2, 1, (TARGET + 2 * MIB) | QVTD_RW);
        for (unsigned level = 1; level <= 4; level++) {
            if (which == level || which == 5) {
                host_put_behind_io(f.h, mirror_entry(f.m, iova, level) &
                                        BITS(63, 12));
            }
        }
        mirror_flush(f.m);
        assert_notices(f.m, MAPS(iova, QVTD_PAGE, TARGET | QVTD_RW),
                       MAPS(iova + QVTD_PAGE, QVTD_PAGE,
                            (TARGET + QVTD_PAGE) | QVTD_RW),
                       MAPS(iova + 2 * QVTD_PAGE, QVTD_PAGE,
                            (TARGET + 2 * QVTD_PAGE) | QVTD_RW),
                       MAPS(iova + 2 * MIB, 2 * MIB,
                            (TARGET + 2 * MIB) | QVTD_RW));
        assert_step(f.m, 0);
        mirror_flush(f.m);
        assert_quiet(f.m);

        mirror_unmap(f.m, iova + QVTD_PAGE, 1, 1);
        inv_iotlb(f.h, QVTD_SELECT, f.m->did, iova + QVTD_PAGE, 0);
        assert_notices(f.m, UNMAPS(iova + QVTD_PAGE, QVTD_PAGE));
        assert_step(f.m, 0);

        host_set_ram(f.h, mirror_entry(f.m, iova, 1) & BITS(63, 12), false);
        mirror_flush(f.m);
        assert_counts(f.m, 1, 0);
        assert_step(f.m, 0);
        stop(f);
    }
}

/* Tables and targets above the width of input addresses */
static void test_high(void)
{
    const uint64_t iova = 5 * GIB, high = BIT(45), target = BIT(39) + GIB;
    VtdConfig config = mirror_config;
    Host *h;
    Mirror *m;

    config.aw_bits = 39;
    config.haw_bits = 46;
    h = mirror_host(&config);
    host_add_region(h, target, target + GIB - 1, true);
    host_add_alias(h, high);
    m = mirror_new(h, SID, 1, 0, 3);
    mirror_map(m, iova, 1, 1, target | QVTD_RW);
    mirror_map(m, iova + 2 * MIB, 2, 1, (target + 2 * MIB) | QVTD_RW);
    for (unsigned level = 2; level <= 3; level++) {
        uint64_t entry = mirror_entry(m, iova, level);

        host_put(h, entry, host_get(h, entry) | high);
    }
    mirror_flush(m);
    assert_notices(m, MAPS(iova, QVTD_PAGE, target | QVTD_RW),
                   MAPS(iova + 2 * MIB, 2 * MIB, (target + 2 * MIB) | QVTD_RW));
    mirror_begin(m);
    m->table |= high;
    mirror_attach(m);
    assert_quiet(m);
    mirror_free(m);
    host_free(h);
}

/* A page is meant whatever its address says above the width (1.9) */
static void test_ignored_bits(void)
{
    const uint64_t iova = GIB;

    for (unsigned queue = 0; queue < 2; queue++) {
        Fixture f = start();

        if (queue) {
            queue_start(f.h, 0);
        }
        mirror_map(f.m, iova, 1, 1, TARGET | QVTD_RW);
        inv_iotlb(f.h, QVTD_SELECT, f.m->did, iova | BITS(63, 48), 0);
        assert_notices(f.m, MAPS(iova, QVTD_PAGE, TARGET | QVTD_RW));
        assert_step(f.m, 0);
        mirror_unmap(f.m, iova, 1, 1);
        inv_iotlb(f.h, QVTD_SELECT, f.m->did, iova | BIT(48), 9);
        assert_notices(f.m, UNMAPS(iova, 2 * MIB));
        assert_step(f.m, 0);
        stop(f);
    }
}

static void test_permissions(void)
{
    static const struct {
        uint64_t upper, leaf, granted;
    } cases[] = {
        { QVTD_RW, QVTD_R, QVTD_R }, { QVTD_RW, QVTD_W, QVTD_W },
        { QVTD_R, QVTD_RW, QVTD_R }, { QVTD_W, QVTD_RW, QVTD_W },
        { QVTD_R, QVTD_R, QVTD_R }, { QVTD_R, QVTD_W, 0 },
        { QVTD_W, QVTD_R, 0 }, { QVTD_RW, QVTD_RW, QVTD_RW },
    };

    for (unsigned level = 2; level <= 4; level++) {
        Fixture f = start();
        uint64_t entry = mirror_entry(f.m, 0, level);
        uint64_t table = mirror_entry(f.m, 0, level - 1) & BITS(63, 12);

        for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
            mirror_map(f.m, 0, 1, 1, TARGET | cases[i].leaf);
            mirror_map(f.m, 8 * QVTD_PAGE, 1, 1,
                       (TARGET + QVTD_PAGE) | QVTD_RW);
            host_put(f.h, entry, table | cases[i].upper);
            mirror_flush(f.m);
            assert_step(f.m, 0);
            for (unsigned j = 0; j < 2; j++) {
                uint64_t granted = cases[i].granted;
                Run run = { 0 };

                if (j) {
                    granted = cases[i].upper;
                }
                g_assert_cmpint(strict_lookup(f.m->s, j * 8 * QVTD_PAGE, &run),
                                ==, granted != 0);
                g_assert_cmpuint(run.perm, ==, granted);
            }
        }
        /* Bits that mean nothing */
        mirror_map(f.m, 0, 1, 1, TARGET | QVTD_RW | BIT(2) | BIT(6) | BIT(10) |
                   BIT(52) | BIT(63));
        mirror_flush(f.m);
        assert_quiet(f.m);
        stop(f);
    }
}

/* The level above changes, and one page is named: the others are as seen */
static void test_permission_above_a_page(void)
{
    static const uint64_t uppers[] = {
        QVTD_R, QVTD_RW, QVTD_W, QVTD_RW, QVTD_R, QVTD_W,
    };
    Fixture f = start();
    uint64_t entry = mirror_entry(f.m, GIB, 2);
    uint64_t table = mirror_entry(f.m, GIB, 1) & BITS(63, 12);

    for (unsigned contiguous = 0; contiguous < 2; contiguous++) {
        for (unsigned i = 0; i < 512; i++) {
            unsigned page = contiguous ? i : i * 7 & 511;

            host_put(f.h, table + i * 8, (TARGET + page * QVTD_PAGE) | QVTD_RW);
        }
        mirror_flush(f.m);
        mirror_begin(f.m);
        for (unsigned i = 0; i < ARRAY_SIZE(uppers); i++) {
            unsigned page = contiguous ? 5 : 35;
            bool comes_or_goes = i >= 4;

            host_put(f.h, entry, table | uppers[i]);
            inv_iotlb(f.h, QVTD_SELECT, 1, GIB + 5 * QVTD_PAGE, 0);
            assert_notices(f.m, UNMAPS(GIB + 5 * QVTD_PAGE, QVTD_PAGE),
                           MAPS(GIB + 5 * QVTD_PAGE, QVTD_PAGE,
                                (TARGET + page * QVTD_PAGE) | uppers[i]));
            mirror_begin(f.m);
            inv_iotlb(f.h, QVTD_SELECT, 1, GIB + 5 * QVTD_PAGE, 0);
            assert_quiet(f.m);
            if (comes_or_goes) {
                host_put(f.h, table + 9 * 8,
                         i == 4 ? 0 : (TARGET + MIB) | QVTD_W);
                inv_iotlb(f.h, QVTD_SELECT, 1, GIB + 9 * QVTD_PAGE, 0);
            }
            mirror_flush(f.m);
            assert_step(f.m, 0);
        }
        host_put(f.h, entry, table | QVTD_RW);
    }
    stop(f);
}

/* A page that changes in place */
static void test_changed_in_place(void)
{
    Fixture f = start();

    mirror_map(f.m, 0, 1, 4, TARGET | QVTD_RW);
    mirror_map(f.m, 2 * MIB, 2, 2, TARGET | QVTD_RW);
    mirror_flush(f.m);
    mirror_begin(f.m);
    mirror_map(f.m, QVTD_PAGE, 1, 2, (TARGET + MIB) | QVTD_RW);
    mirror_map(f.m, 2 * MIB, 2, 1, TARGET | QVTD_R);
    mirror_flush(f.m);
    assert_notices(f.m, UNMAPS(QVTD_PAGE, QVTD_PAGE),
                   MAPS(QVTD_PAGE, QVTD_PAGE, (TARGET + MIB) | QVTD_RW),
                   UNMAPS(2 * QVTD_PAGE, QVTD_PAGE),
                   MAPS(2 * QVTD_PAGE, QVTD_PAGE,
                        (TARGET + MIB + QVTD_PAGE) | QVTD_RW),
                   UNMAPS(2 * MIB, 2 * MIB),
                   MAPS(2 * MIB, 2 * MIB, TARGET | QVTD_R));
    assert_step(f.m, 0);
    stop(f);
}

/* The fewest UNMAPs */

#define UNIVERSE                8

typedef enum PageFate { EMPTY, GONE, KEPT, CHANGED, FRESH, FATES } PageFate;

/* All ways to cover what is gone, by trying each */
static unsigned cover(const PageFate *fate, unsigned from)
{
    unsigned least = UINT_MAX;

    while (from < UNIVERSE && fate[from] != GONE) {
        from++;
    }
    if (from == UNIVERSE) {
        return 0;
    }
    for (unsigned size = 1; size <= UNIVERSE; size *= 2) {
        unsigned start = from & ~(size - 1);
        bool stays = false;

        for (unsigned i = start; i < start + size; i++) {
            stays |= fate[i] == KEPT || fate[i] == CHANGED;
        }
        if (!stays) {
            unsigned more = 1 + cover(fate, start + size);

            least = MIN(least, more);
        }
    }
    return least;
}

static void try_fates(Fixture f, uint64_t table, const PageFate *fate)
{
    static const uint64_t was[] = { 0, QVTD_RW, QVTD_RW, QVTD_RW, 0 };
    static const uint64_t is[] = { 0, 0, QVTD_RW, QVTD_R, QVTD_RW };
    unsigned maps = 0, unmaps = cover(fate, 0);

    for (unsigned i = 0; i < UNIVERSE; i++) {
        uint64_t leaf = TARGET + i * QVTD_PAGE;

        host_put(f.h, table + i * 8, was[fate[i]] ? leaf | was[fate[i]] : 0);
    }
    inv_iotlb(f.h, QVTD_SELECT, 1, 0, 3);
    strict_clear_log(f.m->s);
    for (unsigned i = 0; i < UNIVERSE; i++) {
        uint64_t leaf = TARGET + i * QVTD_PAGE;

        host_put(f.h, table + i * 8, is[fate[i]] ? leaf | is[fate[i]] : 0);
        maps += fate[i] == CHANGED || fate[i] == FRESH;
        unmaps += fate[i] == CHANGED;
    }
    inv_iotlb(f.h, QVTD_SELECT, 1, 0, 3);
    assert_strict(f.m->s);
    assert_counts(f.m, unmaps, maps);
    for (unsigned i = 0; i < UNIVERSE; i++) {
        Run run = { 0 };

        strict_lookup(f.m->s, i * QVTD_PAGE, &run);
        g_assert_cmpuint(run.perm, ==, is[fate[i]]);
    }
}

/* Six pages in each place of eight, with each of their fates */
static void test_fewest(void)
{
    Fixture f = start();
    uint64_t table = mirror_entry(f.m, 0, 1) & BITS(63, 12);

    for (unsigned place = 0; place <= 2; place++) {
        for (unsigned n = 0; n < 15625; n++) {
            PageFate fate[UNIVERSE] = { 0 };

            for (unsigned i = 0, rest = n; i < 6; i++, rest /= FATES) {
                fate[place + i] = rest % FATES;
            }
            try_fates(f, table, fate);
        }
    }
    stop(f);
}

/* All tables of a GiB are one and the same; pages scattered in it */
static void test_cleared_gib(void)
{
    Fixture f = start();
    uint64_t l1 = mirror_entry(f.m, GIB, 1) & BITS(63, 12);

    for (unsigned i = 0; i < 512; i++) {
        host_put(f.h, mirror_entry(f.m, GIB + i * 2 * MIB, 2), l1 | QVTD_RW);
        host_put(f.h, l1 + i * 8,
                 (TARGET + (i * 5 & 511) * QVTD_PAGE) | QVTD_RW);
    }
    mirror_map(f.m, GIB - QVTD_PAGE, 1, 1, TARGET | QVTD_RW);
    mirror_flush(f.m);
    assert_counts(f.m, 0, 512 * 512 + 1);
    assert_exact(f.m);
    mirror_begin(f.m);
    fill(f.m, l1, 0, 0);
    mirror_flush(f.m);
    assert_notices(f.m, UNMAPS(GIB, GIB));
    assert_step(f.m, 0);

    /* The same with one that stays in each of two blocks */
    mirror_map(f.m, GIB, 1, 512, TARGET | QVTD_RW);
    mirror_flush(f.m);
    mirror_begin(f.m);
    fill(f.m, l1, 0, 0);
    mirror_unmap(f.m, GIB + 4 * MIB, 2, 508);
    mirror_map(f.m, GIB + 77 * QVTD_PAGE, 1, 1,
               (TARGET + 77 * QVTD_PAGE) | QVTD_RW);
    mirror_flush(f.m);
    assert_step(f.m, 0);
    stop(f);
}

/* Two superpages sent as one each, and small pages around them */
static void test_fewest_of_all_sizes(void)
{
    Fixture f = start();

    mirror_map(f.m, 0, 3, 2, TARGET | QVTD_RW);
    mirror_map(f.m, 2 * GIB, 2, 512, TARGET | QVTD_RW);
    mirror_map(f.m, 3 * GIB + 5 * QVTD_PAGE, 1, 7, TARGET | QVTD_RW);
    mirror_flush(f.m);
    assert_counts(f.m, 0, 2 + 512 + 7);
    assert_step(f.m, 0);
    for (unsigned i = 0; i < 4; i++) {
        host_put(f.h, mirror_entry(f.m, i * GIB, 3), 0);
    }
    mirror_flush(f.m);
    assert_step(f.m, 0);
    g_assert_cmpuint(strict_count(f.m->s), ==, 0);
    stop(f);
}

static void test_dirty_tracking(void)
{
    Fixture f = start();
    uint64_t l1;

    mirror_map(f.m, 0, 1, 3, TARGET | QVTD_RW);
    mirror_map(f.m, 2 * MIB, 2, 2, (TARGET + 2 * MIB) | QVTD_R);
    mirror_map(f.m, GIB, 3, 1, (TARGET + GIB) | QVTD_RW);
    mirror_flush(f.m);
    assert_step(f.m, 0);
    f.h->dirty_tracking = true;
    mirror_flush(f.m);
    assert_quiet(f.m);

    mirror_unmap(f.m, 0, 1, 2);
    mirror_unmap(f.m, 2 * MIB, 2, 2);
    mirror_map(f.m, 2 * QVTD_PAGE, 1, 1, (TARGET + MIB) | QVTD_RW);
    host_put(f.h, mirror_entry(f.m, GIB, 3), 0);
    mirror_flush(f.m);
    assert_notices(f.m,
                   { 0, QVTD_PAGE - 1, TARGET },
                   { QVTD_PAGE, 2 * QVTD_PAGE - 1, TARGET + QVTD_PAGE },
                   { 2 * QVTD_PAGE, 3 * QVTD_PAGE - 1, TARGET + 2 * QVTD_PAGE },
                   MAPS(2 * QVTD_PAGE, QVTD_PAGE, (TARGET + MIB) | QVTD_RW),
                   { 2 * MIB, 4 * MIB - 1, TARGET + 2 * MIB },
                   { 4 * MIB, 6 * MIB - 1, TARGET + 4 * MIB },
                   { GIB, 2 * GIB - 1, TARGET + GIB });
    assert_step(f.m, 0);

    /* Sent as one, then kept as many, then gone: what was sent counts */
    mirror_map(f.m, GIB, 2, 1, TARGET | QVTD_RW);
    mirror_flush(f.m);
    l1 = demote(f.m, GIB, 2);
    fill(f.m, l1, TARGET | QVTD_RW, QVTD_PAGE);
    mirror_flush(f.m);
    mirror_begin(f.m);
    fill(f.m, l1, 0, 0);
    mirror_flush(f.m);
    assert_notices(f.m, { GIB, GIB + 2 * MIB - 1, TARGET });
    assert_step(f.m, 0);
    stop(f);
}

/* What can be sent */

/* Neighbours are not sent as one, however they fit */
static void test_no_wider_than_the_leaf(void)
{
    Fixture f = start();

    mirror_map(f.m, 0, 1, 512, TARGET | QVTD_RW);
    mirror_map(f.m, 2 * MIB, 2, 7, (TARGET + 2 * MIB) | QVTD_RW);
    mirror_flush(f.m);
    assert_counts(f.m, 0, 512 + 7);
    assert_step(f.m, 0);
    stop(f);
}

static void test_target_not_all_ram(void)
{
    const uint64_t base = TARGET + TARGET_SIZE + GIB;
    Fixture f = start();

    /* Ends in the midst of a page; MMIO; two pieces of RAM side by side */
    host_add_region(f.h, base, base + 2 * MIB + 6 * QVTD_PAGE + 0x7ff, true);
    host_add_region(f.h, base + 4 * MIB, base + 6 * MIB - 1, false);
    host_add_region(f.h, base + 6 * MIB, base + 6 * MIB + 3 * QVTD_PAGE - 1,
                    true);
    host_add_region(f.h, base + 6 * MIB + 3 * QVTD_PAGE, base + 8 * MIB - 1,
                    true);
    mirror_map(f.m, 0, 2, 4, base | QVTD_RW);
    mirror_flush(f.m);
    assert_notices(f.m,
                   MAPS(0, 2 * MIB, base | QVTD_RW),
                   MAPS(2 * MIB, 4 * QVTD_PAGE, (base + 2 * MIB) | QVTD_RW),
                   MAPS(2 * MIB + 4 * QVTD_PAGE, 2 * QVTD_PAGE,
                        (base + 2 * MIB + 4 * QVTD_PAGE) | QVTD_RW),
                   MAPS(6 * MIB, 2 * QVTD_PAGE, (base + 6 * MIB) | QVTD_RW),
                   MAPS(6 * MIB + 2 * QVTD_PAGE, QVTD_PAGE,
                        (base + 6 * MIB + 2 * QVTD_PAGE) | QVTD_RW),
                   MAPS(6 * MIB + 3 * QVTD_PAGE, QVTD_PAGE,
                        (base + 6 * MIB + 3 * QVTD_PAGE) | QVTD_RW),
                   MAPS(6 * MIB + 4 * QVTD_PAGE, 4 * QVTD_PAGE,
                        (base + 6 * MIB + 4 * QVTD_PAGE) | QVTD_RW),
                   MAPS(6 * MIB + 8 * QVTD_PAGE, 8 * QVTD_PAGE,
                        (base + 6 * MIB + 8 * QVTD_PAGE) | QVTD_RW),
                   MAPS(6 * MIB + 64 * KIB, 64 * KIB,
                        (base + 6 * MIB + 64 * KIB) | QVTD_RW),
                   MAPS(6 * MIB + 128 * KIB, 128 * KIB,
                        (base + 6 * MIB + 128 * KIB) | QVTD_RW),
                   MAPS(6 * MIB + 256 * KIB, 256 * KIB,
                        (base + 6 * MIB + 256 * KIB) | QVTD_RW),
                   MAPS(6 * MIB + 512 * KIB, 512 * KIB,
                        (base + 6 * MIB + 512 * KIB) | QVTD_RW),
                   MAPS(7 * MIB, MIB, (base + 7 * MIB) | QVTD_RW));
    g_assert_cmpuint(vtd_stat(f.h->v, VTD_STAT_UNSENDABLE), >=, 2);
    assert_exact(f.m);
    mirror_flush(f.m);
    mirror_begin(f.m);

    /* A GiB with all of that in it, and then something else in its place */
    mirror_unmap(f.m, 0, 2, 4);
    mirror_map(f.m, GIB, 3, 1, base | QVTD_RW);
    mirror_flush(f.m);
    assert_exact(f.m);
    mirror_map(f.m, GIB, 3, 1, TARGET | QVTD_RW);
    mirror_flush(f.m);
    assert_exact(f.m);
    f.h->dirty_tracking = true;
    mirror_map(f.m, GIB, 3, 1, base | QVTD_RW);
    mirror_flush(f.m);
    assert_exact(f.m);
    host_put(f.h, mirror_entry(f.m, GIB, 3), 0);
    mirror_flush(f.m);
    assert_exact(f.m);
    stop(f);
}

/* The interrupt range is not mapped, whatever lies over it */
static void test_interrupt_range(void)
{
    const uint64_t iova = 3 * GIB;
    Fixture f = start();

    mirror_map(f.m, iova, 3, 1, (TARGET + GIB) | QVTD_RW);
    mirror_flush(f.m);
    assert_counts(f.m, 0, 10);  /* 512 MiB to 2 MiB; 1 and 16 behind it */
    assert_step(f.m, 0);
    inv_iotlb(f.h, QVTD_SELECT, 1, iova, 18);
    inv_iotlb(f.h, QVTD_SELECT, 1, QVTD_MSI_ADDR, 0);
    inv_iotlb(f.h, QVTD_GLOBAL, 0, 0, 0);
    assert_quiet(f.m);

    host_put(f.h, mirror_entry(f.m, iova, 3), 0);
    inv_iotlb(f.h, QVTD_SELECT, 1, iova, 18);
    assert_step(f.m, 0);
    g_assert_cmpuint(strict_count(f.m->s), ==, 0);

    host_put(f.h, mirror_entry(f.m, iova, 3), host_pages(f.h, 1) | QVTD_RW);
    mirror_map(f.m, QVTD_MSI_ADDR, 2, 1, TARGET | QVTD_RW);
    mirror_flush(f.m);
    assert_notices(f.m, MAPS(0xfef00000, MIB, (TARGET + MIB) | QVTD_RW));
    assert_step(f.m, 0);
    host_put(f.h, mirror_entry(f.m, QVTD_MSI_ADDR, 2), 0);
    mirror_map(f.m, 0xfedff000, 1, 258, TARGET | QVTD_RW);
    mirror_flush(f.m);
    assert_notices(f.m, MAPS(0xfedff000, QVTD_PAGE, TARGET | QVTD_RW),
                   UNMAPS(0xfef00000, MIB),
                   MAPS(0xfef00000, QVTD_PAGE,
                        (TARGET + MIB + QVTD_PAGE) | QVTD_RW));
    assert_exact(f.m);
    stop(f);
}

/* The rows that the qtests have too */

static void look(void *opaque, uint64_t maps, uint64_t unmaps)
{
    Mirror *m = opaque;

    g_assert_cmpuint(strict_maps(m->s), <=, maps);
    g_assert_cmpuint(strict_unmaps(m->s), <=, unmaps);
    assert_step(m, 0);
}

static void test_rows(const void *name)
{
    VtdConfig config = mirror_config;
    QVtdDomain domain;
    Mirror *m;
    Host *h;

    config.aw_bits = g_str_equal(name, "narrow") ? 39 : 48;
    h = host_new(&config);
    host_add_region(h, EDIT_RAM, 2 * EDIT_GIB - 1, true);
    host_add_region(h, 4 * EDIT_GIB, 6 * EDIT_GIB - 1, true);
    host_enable(h);
    domain = qvtd_domain_new(&h->vtd, 1, config.aw_bits == 39 ? 3 : 4);
    m = mirror_new(h, SID, domain.id, domain.top, domain.levels);
    qvtd_edit_rows_of(&h->vtd, &domain, name, look, m);
    mirror_free(m);
    host_free(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/shadow/2m-to-4k", test_2m_to_4k);
    g_test_add_func("/vtd/shadow/stops", test_stops);
    g_test_add_func("/vtd/shadow/interrupt-range", test_interrupt_range);
    g_test_add_func("/vtd/shadow/sizes-of-equal-bytes",
                    test_sizes_of_equal_bytes);
    g_test_add_func("/vtd/shadow/sizes-of-other-bytes",
                    test_sizes_of_other_bytes);
    g_test_add_func("/vtd/shadow/size-by-page", test_size_by_page);
    g_test_add_func("/vtd/shadow/out-of-order-by-page",
                    test_out_of_order_by_page);
    g_test_add_func("/vtd/shadow/table-becomes-unreadable",
                    test_table_becomes_unreadable);
    g_test_add_func("/vtd/shadow/tables-behind-io", test_tables_behind_io);
    g_test_add_func("/vtd/shadow/high", test_high);
    g_test_add_func("/vtd/shadow/ignored-bits", test_ignored_bits);
    g_test_add_func("/vtd/shadow/permissions", test_permissions);
    g_test_add_func("/vtd/shadow/permission-above-a-page",
                    test_permission_above_a_page);
    g_test_add_func("/vtd/shadow/changed-in-place", test_changed_in_place);
    g_test_add_func("/vtd/shadow/fewest", test_fewest);
    g_test_add_func("/vtd/shadow/cleared-gib", test_cleared_gib);
    g_test_add_func("/vtd/shadow/fewest-of-all-sizes",
                    test_fewest_of_all_sizes);
    g_test_add_func("/vtd/shadow/dirty-tracking", test_dirty_tracking);
    g_test_add_func("/vtd/shadow/no-wider-than-the-leaf",
                    test_no_wider_than_the_leaf);
    g_test_add_func("/vtd/shadow/target-not-all-ram",
                    test_target_not_all_ram);
    for (unsigned i = 0; qvtd_edit_names[i]; i++) {
        g_autofree char *path = g_strconcat("/vtd/shadow/rows/",
                                            qvtd_edit_names[i], NULL);

        g_test_add_data_func(path, qvtd_edit_names[i], test_rows);
    }

    return g_test_run();
}
