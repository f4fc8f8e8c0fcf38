/*
 * The VT-d engine's shadows: how much may be held
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Limits of mappings and of memory, and tables that are made to exceed them.
 */

#include "qemu/osdep.h"
#include "vtd-mirror.h"

#define SID                     0x10

static Mirror *limited(uint64_t max_mappings)
{
    VtdConfig config = mirror_config;

    config.max_mappings = max_mappings;
    return mirror_new(mirror_host(&config), SID, 1, 0, 4);
}

static void limited_free(Mirror *m)
{
    Host *h = m->h;

    mirror_free(m);
    host_free(h);
}

static void test_limit(void)
{
    Mirror *m = limited(1000);

    mirror_map(m, GIB, 1, 900, TARGET | QVTD_RW);
    mirror_flush(m);
    assert_counts(m, 0, 900);
    g_assert_cmpuint(m->h->over_limits, ==, 0);
    assert_step(m, 0);

    /* Below what is mapped, and behind it: none of that is touched */
    mirror_map(m, 0, 1, 300, TARGET | QVTD_RW);
    mirror_map(m, 2 * GIB, 1, 300, TARGET | QVTD_RW);
    mirror_map(m, 3 * GIB, 2, 4, TARGET | QVTD_RW);
    mirror_map(m, 4 * GIB, 3, 1, TARGET | QVTD_RW);
    mirror_flush(m);
    assert_counts(m, 0, 100);
    g_assert_cmpuint(m->h->over_limits, ==, 1);
    g_assert_cmpuint(vtd_stat(m->h->v, VTD_STAT_OVER_LIMIT), >, 0);
    mirror_flush(m);
    assert_counts(m, 0, 100);
    g_assert_cmpuint(m->h->over_limits, ==, 1);
    assert_maps(m->d, 2 * GIB + 299 * QVTD_PAGE, VTD_ACCESS_WRITE,
                TARGET + 299 * QVTD_PAGE);
    assert_maps(m->d, 5 * GIB - 1, VTD_ACCESS_READ, TARGET + GIB - 1);

    /* What changes and goes does so; there is room then */
    mirror_map(m, GIB, 1, 1, (TARGET + GIB) | QVTD_RW);
    mirror_unmap(m, GIB + QVTD_PAGE, 1, 510);
    mirror_flush(m);
    mirror_flush(m);
    mirror_unmap(m, 2 * GIB, 1, 10);
    mirror_flush(m);
    mirror_flush(m);
    assert_exact(m);
    g_assert_cmpuint(m->h->over_limits, ==, 1);
    limited_free(m);
}

/* The host has nothing but what the tables say, if not all of it */
static void assert_part(const Mirror *m)
{
    PlainContext context = { PLAIN_TABLES, 0, false, m->table, m->levels };
    Plain plain = plain_of(m->h);
    g_autoptr(GArray) truth = plain_mapped(&plain, &context);
    g_autoptr(GArray) held = strict_runs(m->s);
    RunPair pair = { 0 };

    assert_strict(m->s);
    while (runs_pair(held, truth, &pair)) {
        g_assert_true(!pair.was || pair.was == pair.now);
    }
}

/* A table of @level, all of whose entries are @entry plus so many @step */
static uint64_t full_table(Host *h, uint64_t entry, uint64_t step)
{
    uint64_t table = host_pages(h, 1);

    for (unsigned i = 0; i < 512; i++) {
        host_put(h, table + i * 8, entry + i * step);
    }
    return table;
}

/*
 * Large leaves become tables at the limit: pages that are what they were
 * stay, the others end and nothing more is mapped.
 */
static void test_limit_of_parts(void)
{
    for (unsigned level = 2; level <= 3; level++) {
        const uint64_t size = level == 2 ? 2 * MIB : GIB;
        const uint64_t first = 4 * GIB;
        Mirror *m = limited(8);
        uint64_t same = full_table(m->h, TARGET | QVTD_RW, QVTD_PAGE);
        uint64_t other = full_table(m->h, (TARGET + GIB) | QVTD_RW, QVTD_PAGE);
        uint64_t hole = full_table(m->h, TARGET | QVTD_RW, QVTD_PAGE);
        Run run;

        host_put(m->h, hole + 7 * 8, 0);
        for (unsigned i = 0; i < 8; i++) {
            mirror_map(m, first + i * size, level, 1, TARGET | QVTD_RW);
        }
        mirror_flush(m);
        assert_counts(m, 0, 8);
        assert_exact(m);
        if (level == 3) {
            const uint64_t entry = TARGET | QVTD_RW | QVTD_PS;
            uint64_t upper = full_table(m->h, entry, 2 * MIB);

            host_put(m->h, upper, same | QVTD_RW);
            same = upper;
            other = full_table(m->h, other | QVTD_RW, 0);
            upper = full_table(m->h, entry, 2 * MIB);
            host_put(m->h, upper, hole | QVTD_RW);
            hole = upper;
        }
        mirror_begin(m);
        host_put(m->h, mirror_entry(m, first, level), same | QVTD_RW);
        mirror_flush(m);
        assert_quiet(m);
        host_put(m->h, mirror_entry(m, first + size, level), other | QVTD_RW);
        mirror_flush(m);
        assert_notices(m, UNMAPS(first + size, size));
        host_put(m->h, mirror_entry(m, first + 2 * size, level),
                 hole | QVTD_RW);
        mirror_flush(m);
        assert_part(m);
        g_assert_true(strict_lookup(m->s, first + 2 * size + 6 * QVTD_PAGE,
                                    &run));
        g_assert_false(strict_lookup(m->s, first + 2 * size + 7 * QVTD_PAGE,
                                     &run));
        g_assert_true(strict_lookup(m->s, first + 3 * size - 1, &run));
        g_assert_cmpuint(m->h->over_limits, ==, 1);
        limited_free(m);
    }
}

/* Memory for one leaf in each of 2^16 tables; what is full may be cut then */
static void test_limit_of_tables(void)
{
    Mirror *m = limited(BIT(24));
    Host *h = m->h;
    uint64_t full = full_table(h, TARGET | QVTD_RW, QVTD_PAGE);
    uint64_t table = host_pages(h, 1), below = host_pages(h, 1);

    host_put(h, mirror_entry(m, 0, 2), full | QVTD_RW);
    mirror_map(m, BIT(22), 2, 1, TARGET | QVTD_RW);
    mirror_flush(m);
    host_put(h, below, TARGET | QVTD_RW);
    below = full_table(h, below | QVTD_RW, 0);
    for (unsigned i = 0; i < BIT(16) / 512; i++) {
        host_put(h, table + i * 8, below | QVTD_RW);
    }
    host_put(h, m->table + 8, table | QVTD_RW);
    mirror_flush(m);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_SHADOW_LEAVES), ==,
                     BIT(16) + 512 + 1);

    /* The same pages instead of a superpage */
    mirror_begin(m);
    host_put(h, mirror_entry(m, BIT(22), 2),
             full_table(h, TARGET | QVTD_RW, QVTD_PAGE) | QVTD_RW);
    mirror_flush(m);
    assert_quiet(m);
    g_assert_cmpuint(h->over_limits, ==, 0);

    mirror_begin(m);
    host_put(h, full + 5 * 8, 0);
    mirror_flush(m);
    assert_notices(m, UNMAPS(5 * QVTD_PAGE, QVTD_PAGE));
    g_assert_cmpuint(h->over_limits, ==, 0);
    limited_free(m);
}

/* Every address leads to something, by 512^4 ways through one page */
static void test_self_pointing(void)
{
    static const uint64_t limits[] = { 1000, BIT(18) };

    for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
        Mirror *m = limited(limits[i]);
        uint64_t compared;

        for (unsigned j = 0; j < 512; j++) {
            host_put(m->h, m->table + j * 8, m->table | QVTD_RW);
        }
        mirror_flush(m);
        assert_strict(m->s);
        g_assert_cmpuint(strict_count(m->s), ==, limits[i]);
        g_assert_cmpuint(m->h->over_limits, ==, 1);
        assert_maps(m->d, BIT(47) + 0x123456, VTD_ACCESS_WRITE,
                    m->table + 0x456);
        compared = vtd_stat(m->h->v, VTD_STAT_COMPARED);
        g_assert_cmpuint(compared, <=, BIT(28));
        mirror_begin(m);
        mirror_flush(m);
        assert_quiet(m);
        compared = vtd_stat(m->h->v, VTD_STAT_COMPARED) - compared;
        g_assert_cmpuint(compared, <=, BIT(28));

        host_put(m->h, m->table + 8, 0);
        mirror_flush(m);
        assert_strict(m->s);
        for (unsigned j = 0; j < 512; j++) {
            host_put(m->h, m->table + j * 8, 0);
        }
        mirror_flush(m);
        assert_exact(m);
        g_assert_cmpuint(strict_count(m->s), ==, 0);
        limited_free(m);
    }
}

/* 2^32 pages beyond RAM in 2^14 leaves: no work is done by the page */
static void test_many_large(void)
{
    Mirror *m = limited(BIT(26));
    uint64_t table = full_table(m->h, BIT(46) | QVTD_RW | QVTD_PS, GIB);

    for (unsigned i = 0; i < 32; i++) {
        host_put(m->h, m->table + i * 8, table | QVTD_RW);
    }
    for (unsigned change = 0; change < 2; change++) {
        Strict *s;

        mirror_flush(m);
        g_assert_cmpuint(vtd_stat(m->h->v, VTD_STAT_SHADOW_LEAVES), ==,
                         BIT(14));
        g_assert_cmpuint(vtd_stat(m->h->v, VTD_STAT_MAPS), ==, 0);
        s = strict_replay(m->d, 0, UINT64_MAX);
        g_assert_cmpuint(strict_count(s), ==, 0);
        strict_free(s);
        for (unsigned i = 0; i < 512; i++) {
            host_put(m->h, table + i * 8,
                     (BIT(45) + i * GIB) | QVTD_RW | QVTD_PS);
        }
    }
    host_put(m->h, table, TARGET | QVTD_RW | QVTD_PS);
    mirror_flush(m);
    g_assert_cmpuint(vtd_stat(m->h->v, VTD_STAT_MAPS), ==, 32);
    limited_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/shadow-limit/mappings", test_limit);
    g_test_add_func("/vtd/shadow-limit/parts", test_limit_of_parts);
    g_test_add_func("/vtd/shadow-limit/tables", test_limit_of_tables);
    g_test_add_func("/vtd/shadow-limit/many-large", test_many_large);
    g_test_add_func("/vtd/shadow-limit/self-pointing", test_self_pointing);

    return g_test_run();
}
