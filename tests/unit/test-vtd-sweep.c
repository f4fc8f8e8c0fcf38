/*
 * The sweep of the VT-d engine's unit tests: it fails when it should
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each case runs in a process of its own, since the sweep fails the case whose
 * unit is freed: a sequence that is right, one that did what a replay cannot
 * know of, and one whose shadow cannot be right in the end.
 */

#include "qemu/osdep.h"
#include "vtd-mirror.h"

#define SID                     0x10
#define IOVA                    GIB

static Mirror *start(void)
{
    Mirror *m = mirror_new(mirror_host(NULL), SID, 1, 0, 4);

    mirror_map(m, IOVA, 1, 3, TARGET | QVTD_RW);
    mirror_flush(m);
    assert_step(m, 0);
    return m;
}

static void stop(Mirror *m)
{
    Host *h = m->h;

    mirror_free(m);
    host_free(h);
}

static void test_right(void)
{
    if (g_test_subprocess()) {
        stop(start());
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stdout("*sweep: 1 sequences*, 0 left out*read*");
}

/* Guest memory that was not written by the guest */
static void test_unknown_memory(void)
{
    if (g_test_subprocess()) {
        Mirror *m = start();

        m->h->ram[host_pages(m->h, 1) / 8] = 1;
        stop(m);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*nothing 0*memory is not as the test left it*");
}

/* RAM that comes without vtd_memory_changed() */
static void test_untold_ram(void)
{
    if (g_test_subprocess()) {
        Mirror *m = start();
        VtdRam *ram = &g_array_index(m->h->regions, VtdRam, 0);

        ram->ram = false;
        mirror_map(m, IOVA + 3 * QVTD_PAGE, 1, 1, TARGET | QVTD_RW);
        mirror_flush(m);
        ram->ram = true;
        mirror_flush(m);
        stop(m);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*in the end 0x40003000*the tables say*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/sweep/right", test_right);
    g_test_add_func("/vtd/sweep/unknown-memory", test_unknown_memory);
    g_test_add_func("/vtd/sweep/untold-ram", test_untold_ram);
    return g_test_run();
}
