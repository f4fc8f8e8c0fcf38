/*
 * The VT-d engine's shadows when RAM comes and goes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Leaves that lead to a BAR that is switched on and off, to a DIMM that is
 * plugged, over the end of one: mapped as soon as it is RAM, until it is none,
 * and no other page is touched.
 */

#include "qemu/osdep.h"
#include "vtd-mirror.h"

#define SID                     0x10
#define OTHER                   0x18

/* Behind the RAM for targets */
#define BAR                     (64 * GIB)
#define BAR_LAST                (BAR + 4 * MIB - 1)

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

static uint64_t layouts(const Mirror *m)
{
    return vtd_stat(m->h->v, VTD_STAT_LAYOUTS);
}

static void test_comes_and_goes(void)
{
    for (unsigned dirty = 0; dirty < 2; dirty++) {
        Mirror *m = start();

        m->h->dirty_tracking = dirty;
        mirror_map(m, 0, 1, 4, TARGET | QVTD_RW);
        mirror_map(m, 8 * QVTD_PAGE, 1, 2, BAR | QVTD_RW);
        mirror_map(m, 10 * QVTD_PAGE, 1, 2, (TARGET + MIB) | QVTD_R);
        mirror_map(m, 2 * MIB, 2, 1, (BAR + 2 * MIB) | QVTD_R);
        mirror_map(m, 5 * GIB, 3, 1, BAR | QVTD_W);
        mirror_flush(m);
        assert_counts(m, 0, 6);
        assert_step(m, 0);
        for (unsigned i = 0; i < 3; i++) {
            host_change_ram(m->h, BAR, BAR_LAST, true);
            assert_notices(m, MAPS(8 * QVTD_PAGE, QVTD_PAGE, BAR | QVTD_RW),
                           MAPS(9 * QVTD_PAGE, QVTD_PAGE,
                                (BAR + QVTD_PAGE) | QVTD_RW),
                           MAPS(2 * MIB, 2 * MIB, (BAR + 2 * MIB) | QVTD_R),
                           MAPS(5 * GIB, 4 * MIB, BAR | QVTD_W));
            assert_step(m, 0);
            mirror_flush(m);
            assert_quiet(m);
            host_change_ram(m->h, BAR, BAR_LAST, false);
            assert_counts(m, dirty ? 4 : 3, 0);
            assert_step(m, 0);
            mirror_flush(m);
            assert_quiet(m);
        }
        stop(m);
    }
}

/* A superpage that only a part of leaves must be sent anew; none that grows */
static void test_part(void)
{
    for (unsigned dirty = 0; dirty < 2; dirty++) {
        const uint64_t hole = TARGET + GIB + 6 * MIB;
        Mirror *m = start();

        m->h->dirty_tracking = dirty;
        mirror_map(m, 5 * GIB, 3, 1, (TARGET + GIB) | QVTD_RW);
        mirror_map(m, 8 * GIB, 1, 16, (hole - 8 * QVTD_PAGE) | QVTD_RW);
        mirror_flush(m);
        assert_counts(m, 0, 17);
        assert_step(m, 0);

        host_change_ram(m->h, hole, hole + 4 * QVTD_PAGE - 1, false);
        g_assert_cmpuint(strict_unmaps(m->s), ==, dirty ? 5 : 2);
        /* 4 and 2 MiB; 16 KiB to 1 MiB; 8 to 512 MiB */
        g_assert_cmpuint(strict_maps(m->s), ==, 2 + 7 + 7);
        assert_step(m, 1);
        mirror_flush(m);
        assert_quiet(m);
        host_change_ram(m->h, hole + QVTD_PAGE, hole + 2 * QVTD_PAGE - 1, true);
        assert_notices(m, MAPS(5 * GIB + 6 * MIB + QVTD_PAGE, QVTD_PAGE,
                               (hole + QVTD_PAGE) | QVTD_RW),
                       MAPS(8 * GIB + 9 * QVTD_PAGE, QVTD_PAGE,
                            (hole + QVTD_PAGE) | QVTD_RW));
        assert_step(m, 0);
        host_change_ram(m->h, hole, hole + 4 * QVTD_PAGE - 1, true);
        assert_counts(m, 0, 2 + 3);
        assert_step(m, 0);
        stop(m);
    }
}

/* Bytes that are no whole pages */
static void test_bytes(void)
{
    Mirror *m = start();

    mirror_map(m, GIB, 1, 8, BAR | QVTD_RW);
    mirror_flush(m);
    host_change_ram(m->h, BAR + 0x800, BAR + 2 * QVTD_PAGE + 0x7ff, true);
    assert_notices(m,
                   MAPS(GIB + QVTD_PAGE, QVTD_PAGE,
                        (BAR + QVTD_PAGE) | QVTD_RW));
    assert_step(m, 0);
    host_change_ram(m->h, BAR, BAR + 0x7ff, true);
    assert_notices(m, MAPS(GIB, QVTD_PAGE, BAR | QVTD_RW));
    assert_step(m, 0);
    host_change_ram(m->h, BAR + QVTD_PAGE + 0xff0, BAR + QVTD_PAGE + 0xfff,
                    false);
    assert_notices(m, UNMAPS(GIB + QVTD_PAGE, QVTD_PAGE));
    assert_step(m, 0);
    stop(m);
}

/* Other RAM in its place: what the host has is of the old one */
static void test_replaced(void)
{
    const VtdRamChange change = {
        TARGET + 2 * MIB, TARGET + 4 * MIB - 1, true, true,
    };
    Mirror *m = start();

    mirror_map(m, 0, 1, 4, (TARGET + 2 * MIB) | QVTD_RW);
    mirror_map(m, 4 * QVTD_PAGE, 1, 4, TARGET | QVTD_RW);
    mirror_map(m, 2 * MIB, 2, 3, TARGET | QVTD_RW);
    mirror_flush(m);
    mirror_begin(m);
    vtd_memory_changed(m->h->v, &change, 1);
    assert_counts(m, 4 + 1, 4 + 1);
    assert_exact(m);
    stop(m);
}

/* A device that only hears what to forget has no part in it */
static void test_beside_another(void)
{
    const VtdRamChange change = {
        TARGET, TARGET + 2 * MIB - 1, true, true,
    };
    Mirror *m = start();
    Device *other = device_new(m->h, SID + 8);

    vtd_space_watch(other->space, false, true);
    vtd_space_watch(other->space, false, true);
    mirror_map(m, 0, 1, 4, TARGET | QVTD_RW);
    mirror_flush(m);
    mirror_begin(m);
    vtd_memory_changed(m->h->v, &change, 1);
    assert_counts(m, 4, 4);
    assert_exact(m);

    /* Who says again that it listens hears nothing again */
    mirror_begin(m);
    vtd_space_watch(m->d->space, true, true);
    assert_quiet(m);
    vtd_space_watch(other->space, false, false);
    vtd_space_watch(other->space, false, false);
    device_free(other);
    stop(m);
}

/* Nothing leads there, or did and no longer does */
static void test_nothing_there(void)
{
    Mirror *m = start();
    Device *other;
    Strict *s;

    host_change_ram(m->h, BAR, BAR_LAST, true);
    mirror_map(m, 0, 1, 4, TARGET | QVTD_RW);
    mirror_map(m, GIB, 3, 1, (TARGET + GIB) | QVTD_RW);
    mirror_flush(m);
    mirror_begin(m);
    for (unsigned i = 0; i < 4; i++) {
        host_change_ram(m->h, BAR, BAR_LAST, i & 1);
    }
    assert_quiet(m);
    g_assert_cmpuint(layouts(m), ==, 0);

    /* A leaf to the hole, of a device that nobody listens to */
    other = device_new(m->h, OTHER);
    attach(other, host_pages(m->h, 1), 4, 2);
    inv_context(m->h, QVTD_SELECT, 2, OTHER, 0);
    host_change_ram(m->h, BAR, BAR_LAST, true);
    host_change_ram(m->h, BAR, BAR_LAST, false);
    g_assert_cmpuint(layouts(m), ==, 0);
    s = strict_listen(other, true);
    strict_unlisten(s);
    device_free(other);

    mirror_map(m, 8 * QVTD_PAGE, 1, 1, BAR | QVTD_RW);
    mirror_flush(m);
    host_change_ram(m->h, BAR, BAR_LAST, true);
    g_assert_cmpuint(layouts(m), ==, 1);
    assert_step(m, 0);
    mirror_unmap(m, 8 * QVTD_PAGE, 1, 1);
    mirror_flush(m);
    mirror_begin(m);
    host_change_ram(m->h, BAR, BAR_LAST, false);
    assert_quiet(m);
    stop(m);
}

/* What was refused is tried while it is RAM, and no longer */
static void test_refused(void)
{
    Mirror *m = start();

    mirror_map(m, 0, 1, 8, BAR | QVTD_RW);
    mirror_flush(m);
    m->s->table.limit = 3;
    host_change_ram(m->h, BAR, BAR_LAST, true);
    g_assert_cmpuint(strict_count(m->s), ==, 3);
    g_assert_cmpuint(vtd_stat(m->h->v, VTD_STAT_REFUSED_PAGES), ==, 5);
    host_change_ram(m->h, BAR, BAR_LAST, false);
    assert_exact(m);
    g_assert_cmpuint(vtd_stat(m->h->v, VTD_STAT_REFUSED_PAGES), ==, 0);
    m->s->table.limit = 0;
    mirror_flush(m);
    assert_exact(m);
    host_change_ram(m->h, BAR, BAR_LAST, true);
    assert_exact(m);
    stop(m);
}

/* Two devices of one table, one of another: each by its own */
static void test_shared(void)
{
    Host *h = mirror_host(NULL);
    Mirror *a = mirror_new(h, SID, 1, 0, 4);
    Mirror *b = mirror_new(h, OTHER, 1, a->table, 4);
    Mirror *c = mirror_new(h, OTHER + 8, 2, 0, 3);

    mirror_map(a, GIB, 2, 2, BAR | QVTD_RW);
    mirror_map(c, 2 * GIB, 1, 2, BAR | QVTD_R);
    mirror_flush(a);
    mirror_flush(c);
    for (unsigned i = 0; i < 4; i++) {
        host_change_ram(h, BAR, BAR_LAST, !(i & 1));
        assert_exact(a);
        assert_exact(b);
        assert_exact(c);
        g_assert_cmpuint(strict_count(a->s), ==, i & 1 ? 0 : 2);
        g_assert_cmpuint(strict_count(b->s), ==, i & 1 ? 0 : 2);
        g_assert_cmpuint(strict_count(c->s), ==, i & 1 ? 0 : 2);
    }
    mirror_free(c);
    mirror_free(b);
    mirror_free(a);
    host_free(h);
}

/* Leaves of all sizes anywhere, RAM anywhere, by bytes or by pages */
static void test_random(void)
{
    for (unsigned round = 0; round < 20; round++) {
        Mirror *m = start();

        m->h->dirty_tracking = round & 1;
        for (unsigned step = 0; step < 60; step++) {
            unsigned level = g_test_rand_int_range(1, 4);
            uint64_t size = BIT(12 + 9 * (level - 1));
            uint64_t iova = g_test_rand_int_range(0, 8) * size +
                            level * 8 * GIB;
            uint64_t gpa = TARGET + g_test_rand_int_range(0, 8) * GIB +
                           g_test_rand_int_range(0, 8) * 2 * MIB +
                           g_test_rand_int_range(0, 8) * QVTD_PAGE;
            uint64_t bytes = (uint64_t)g_test_rand_int_range(1, 9)
                             << g_test_rand_int_range(round & 2 ? 12 : 11,
                                                      31);

            if (g_test_rand_bit()) {
                mirror_map(m, iova, level, 1, (gpa & -size) | QVTD_RW);
                mirror_flush(m);
            } else {
                mirror_begin(m);
                host_change_ram(m->h, gpa, gpa + bytes - 1,
                                g_test_rand_bit());
            }
            assert_exact(m);
        }
        stop(m);
    }
}

/* Nobody follows tables: nothing is looked at, as nothing was sent */
static void test_no_shadow(void)
{
    Host *h = host_new(NULL);
    VtdRamChange change = { TARGET, TARGET + MIB - 1, false, true };

    vtd_memory_changed(h->v, &change, 1);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_LAYOUTS), ==, 0);
    host_free(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/memory/comes-and-goes", test_comes_and_goes);
    g_test_add_func("/vtd/memory/part", test_part);
    g_test_add_func("/vtd/memory/no-shadow", test_no_shadow);
    g_test_add_func("/vtd/memory/beside-another", test_beside_another);
    g_test_add_func("/vtd/memory/bytes", test_bytes);
    g_test_add_func("/vtd/memory/replaced", test_replaced);
    g_test_add_func("/vtd/memory/nothing-there", test_nothing_there);
    g_test_add_func("/vtd/memory/refused", test_refused);
    g_test_add_func("/vtd/memory/shared", test_shared);
    g_test_add_func("/vtd/memory/random", test_random);
    return g_test_run();
}
