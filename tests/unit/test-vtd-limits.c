/*
 * The VT-d engine's shadows at their limits: memory, and what stays then
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A few pages of guest tables that ask for as much as they can, and changes
 * of size where there is no room left.  Random ones, on the table alone:
 * test-vtd-limits-random.c.
 */

#include "qemu/osdep.h"
#include "vtd-mirror.h"

#define SID                     0x10

static Mirror *limited(uint64_t max_mappings)
{
    VtdConfig config = mirror_config;
    Mirror *m;

    config.max_mappings = max_mappings;
    m = mirror_new(mirror_host(&config), SID, 1, 0, 4);
    /* Targets for large leaves, far above those of others */
    host_add_region(m->h, BIT(44), BIT(45) - 1, true);
    return m;
}

static void limited_free(Mirror *m)
{
    Host *h = m->h;

    mirror_free(m);
    host_free(h);
}

/* Of one table, and of one device that is on it */
static uint64_t budget(const Mirror *m)
{
    uint64_t table = MAX(16 * MIB, 16 * m->h->config.max_mappings);

    return table + table / 16;
}

static void assert_within_budget(const Mirror *m)
{
    g_assert_cmpuint(vtd_stat(m->h->v, VTD_STAT_SHADOW_BYTES), <=,
                     budget(m));
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

/* @n GiB of leaves of 2 MiB from @iova on, all by one table */
static void map_many(Mirror *m, uint64_t iova, unsigned n)
{
    uint64_t table = full_table(m->h, TARGET | QVTD_RW | QVTD_PS, 2 * MIB);

    for (unsigned i = 0; i < n; i++) {
        host_put(m->h, mirror_entry(m, iova + i * GIB, 3), table | QVTD_RW);
    }
}

/*
 * 1 GiB becomes 512 leaves of 2 MiB with the same targets, then one of those
 * 512 pages, then some go: only those do.
 */
static void split_of_gib(Mirror *m)
{
    const uint64_t iova = 200 * GIB, target = BIT(44);
    uint64_t upper, same, maps;
    Run run;

    upper = full_table(m->h, target | QVTD_RW | QVTD_PS, 2 * MIB);
    same = full_table(m->h, (target + 2 * MIB) | QVTD_RW, QVTD_PAGE);
    mirror_begin(m);
    host_put(m->h, mirror_entry(m, iova, 3), upper | QVTD_RW);
    mirror_flush(m);
    assert_quiet(m);
    host_put(m->h, upper + 8, same | QVTD_RW);
    mirror_flush(m);
    assert_quiet(m);

    /* What goes may make room for something else */
    host_put(m->h, upper + 9 * 8, 0);
    maps = 510 + 512;
    mirror_flush(m);
    g_assert_cmpuint(strict_unmaps(m->s), ==, 1);
    g_assert_cmpuint(strict_maps(m->s), >=, maps);
    g_assert_cmpuint(strict_maps(m->s), <=, maps + 1);
    g_assert_cmpuint(vtd_stat(m->h->v, VTD_STAT_SPLITS), ==, 1);

    mirror_flush(m);
    mirror_begin(m);
    host_put(m->h, same + 5 * 8, 0);
    mirror_flush(m);
    assert_notices(m, UNMAPS(iova + 2 * MIB + 5 * QVTD_PAGE, QVTD_PAGE));
    for (uint64_t at = 0; at < GIB; at += QVTD_PAGE) {
        bool hole = at / (2 * MIB) == 9 || at == 2 * MIB + 5 * QVTD_PAGE;

        g_assert_cmpint(strict_lookup(m->s, iova + at, &run), ==, !hole);
    }
    mirror_begin(m);
    mirror_flush(m);
    assert_quiet(m);
    assert_within_budget(m);
}

static void test_gib_beside_many(void)
{
    Mirror *m = limited(BIT(24));

    mirror_map(m, 200 * GIB, 3, 1, BIT(44) | QVTD_RW);
    map_many(m, 0, 128);
    mirror_flush(m);
    g_assert_cmpuint(vtd_stat(m->h->v, VTD_STAT_SHADOW_LEAVES), ==,
                     BIT(16) + 1);
    split_of_gib(m);
    g_assert_cmpuint(m->h->over_limits, ==, 0);
    assert_exact(m);
    limited_free(m);
}

/* The same where nothing more can be held */
static void test_gib_without_room(void)
{
    for (unsigned limit = 0; limit < 2; limit++) {
        Mirror *m = limited(limit ? 1000 : BIT(20));

        mirror_map(m, 200 * GIB, 3, 1, BIT(44) | QVTD_RW);
        mirror_flush(m);
        map_many(m, 201 * GIB, 311);
        map_many(m, 0, 200);
        mirror_flush(m);
        g_assert_cmpuint(m->h->over_limits, ==, 1);
        split_of_gib(m);
        limited_free(m);
    }
}

/* Each of many leaves of 1 GiB, and as little room as can be */
static void test_many_gib(void)
{
    Mirror *m = limited(1000);
    uint64_t upper = full_table(m->h, BIT(44) | QVTD_RW | QVTD_PS, 2 * MIB);
    uint64_t last = full_table(m->h, BIT(44) | QVTD_RW, QVTD_PAGE), gibs = 0;
    Run run;

    for (unsigned i = 4; i < 512; i++) {
        mirror_map(m, i * GIB, 3, 1, BIT(44) | QVTD_RW);
    }
    mirror_flush(m);
    while (strict_lookup(m->s, (4 + gibs) * GIB, &run) &&
           run.last - run.first == GIB - 1) {
        gibs++;
    }
    g_assert_cmpuint(gibs, >, 200);
    g_assert_cmpuint(gibs, <, 508);
    mirror_begin(m);
    host_put(m->h, upper, last | QVTD_RW);
    for (unsigned i = 4; i < 512; i++) {
        host_put(m->h, mirror_entry(m, i * GIB, 3), upper | QVTD_RW);
    }
    mirror_flush(m);
    assert_quiet(m);
    assert_within_budget(m);
    for (unsigned i = 1; i < 512; i += 2) {
        host_put(m->h, last + i * 8, 0);
    }
    mirror_flush(m);
    assert_within_budget(m);
    for (unsigned i = 0; i < gibs; i++) {
        for (unsigned page = 0; page < 512; page++) {
            g_assert_cmpint(strict_lookup(m->s,
                                          (4 + i) * GIB + page * QVTD_PAGE,
                                          &run), ==, page % 2 == 0);
        }
        for (unsigned block = 1; block < 512; block++) {
            g_assert_true(strict_lookup(m->s, (4 + i) * GIB +
                                        block * 2 * MIB, &run));
            g_assert_cmpuint(run.last - run.first, ==, 2 * MIB - 1);
        }
    }
    limited_free(m);
}

/* Little guest memory that asks for much */

/* One leaf of 2 MiB in each GiB of 48 bits */
static void test_a_leaf_in_each_gib(void)
{
    Mirror *m = limited(BIT(24));
    uint64_t table = host_pages(m->h, 1);

    host_put(m->h, table, TARGET | QVTD_RW | QVTD_PS);
    table = full_table(m->h, table | QVTD_RW, 0);
    for (unsigned i = 0; i < 512; i++) {
        host_put(m->h, m->table + i * 8, table | QVTD_RW);
    }
    for (unsigned i = 0; i < 8; i++) {
        mirror_flush(m);
        assert_within_budget(m);
    }
    g_assert_cmpuint(vtd_stat(m->h->v, VTD_STAT_SHADOW_LEAVES), >, 1 << 15);
    g_assert_cmpuint(m->h->over_limits, ==, 1);
    limited_free(m);
}

/* 2^24 leaves of 2 MiB */
static void test_many_superpages(void)
{
    Mirror *m = limited(BIT(22));
    uint64_t table = full_table(m->h, TARGET | QVTD_RW | QVTD_PS, 2 * MIB);

    table = full_table(m->h, table | QVTD_RW, 0);
    for (unsigned i = 0; i < 64; i++) {
        host_put(m->h, m->table + i * 8, table | QVTD_RW);
    }
    mirror_flush(m);
    assert_within_budget(m);
    g_assert_cmpuint(vtd_stat(m->h->v, VTD_STAT_SHADOW_LEAVES), >, 1 << 18);
    g_assert_cmpuint(m->h->over_limits, ==, 1);
    limited_free(m);
}

/* Four tables that map nothing, by 512^3 ways */
static void test_endless_nothing(void)
{
    Mirror *m = limited(BIT(24));
    uint64_t table = host_pages(m->h, 1), last = table, compared;

    for (unsigned level = 2; level <= 3; level++) {
        table = full_table(m->h, table | QVTD_RW, 0);
    }
    for (unsigned i = 0; i < 512; i++) {
        host_put(m->h, m->table + i * 8, table | QVTD_RW);
    }
    mirror_flush(m);
    assert_quiet(m);
    compared = vtd_stat(m->h->v, VTD_STAT_COMPARED);
    g_assert_cmpuint(compared, ==, 512);
    g_assert_cmpuint(m->h->over_limits, ==, 0);

    /* What is held is looked at, though the table is known by other ways */
    for (unsigned way = 0; way < 2; way++) {
        uint64_t own = full_table(m->h, last | QVTD_RW, 0);

        host_put(m->h, m->table + 8,
                 full_table(m->h, own | QVTD_RW, 0) | QVTD_RW);
        host_put(m->h, own + 7 * 8, TARGET | QVTD_RW | QVTD_PS);
        mirror_flush(m);
        g_assert_cmpuint(strict_count(m->s), ==, 512);
        host_put(m->h, own + 7 * 8, last | QVTD_RW);
        mirror_flush(m);
        g_assert_cmpuint(strict_count(m->s), ==, 0);
    }

    host_put(m->h, m->table + 2 * 8, 0);
    mirror_map(m, 1029 * GIB, 2, 1, TARGET | QVTD_RW);
    mirror_flush(m);
    g_assert_cmpuint(strict_count(m->s), ==, 1);
    host_put(m->h, m->table + 2 * 8, table | QVTD_RW);
    mirror_flush(m);
    g_assert_cmpuint(strict_count(m->s), ==, 0);
    limited_free(m);
}

/* What maps nothing by one way, for want of permission, does so by another */
static void test_nothing_by_one_way(void)
{
    for (unsigned level = 2; level <= 3; level++) {
        Mirror *m = limited(BIT(24));
        uint64_t upper = mirror_entry(m, 0, level + 1);
        uint64_t table = host_pages(m->h, 1);

        host_put(m->h, table, TARGET | QVTD_W | QVTD_PS);
        host_put(m->h, upper, table | QVTD_R);
        host_put(m->h, upper + 8, table | QVTD_RW);
        mirror_flush(m);
        g_assert_cmpuint(strict_count(m->s), ==, 1);
        assert_step(m, 0);
        limited_free(m);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/limits/gib-beside-many", test_gib_beside_many);
    g_test_add_func("/vtd/limits/gib-without-room", test_gib_without_room);
    g_test_add_func("/vtd/limits/many-gib", test_many_gib);
    g_test_add_func("/vtd/limits/a-leaf-in-each-gib",
                    test_a_leaf_in_each_gib);
    g_test_add_func("/vtd/limits/many-superpages", test_many_superpages);
    g_test_add_func("/vtd/limits/endless-nothing", test_endless_nothing);
    g_test_add_func("/vtd/limits/nothing-by-one-way",
                    test_nothing_by_one_way);
    return g_test_run();
}
