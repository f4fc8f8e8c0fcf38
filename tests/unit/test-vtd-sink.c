/*
 * What a sync of the VT-d engine holds back before it tells a host
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See notify.c: what waits is bounded, and what is known of memory ends with
 * each sync.
 */

#include "qemu/osdep.h"
#include "vtd-mirror.h"

#define SID                     0x10
#define BASE                    BIT(40)
#define WAITING                 65536   /* ranges of each kind */

static Mirror *sink_new(void)
{
    return mirror_new(mirror_host(NULL), SID, 1, 0, 4);
}

static void sink_free(Mirror *m)
{
    Host *h = m->h;

    mirror_free(m);
    host_free(h);
}

/* Page @n from BASE on */
static void put_page(Mirror *m, unsigned n, uint64_t leaf)
{
    mirror_map(m, BASE + n * QVTD_PAGE, 1, 1, leaf);
}

/*
 * In a full room the hole before a range that went goes with it.  Between
 * two pages that stay are @n ranges, and behind a hole one more; with room
 * for it, two UNMAPs that touch no hole would do.
 */
static unsigned unmaps_of_gone(unsigned n)
{
    Mirror *m = sink_new();
    unsigned unmaps;

    mirror_map(m, BASE - QVTD_PAGE, 1, 1, TARGET | QVTD_RW);
    for (unsigned i = 0; i < n; i++) {
        put_page(m, 2 * i, TARGET | QVTD_RW);
    }
    put_page(m, 2 * WAITING + 6, TARGET | QVTD_RW);
    put_page(m, 2 * WAITING + 7, TARGET | QVTD_RW);
    mirror_flush(m);
    assert_counts(m, 0, n + 3);
    mirror_begin(m);
    for (unsigned i = 0; i < n; i++) {
        put_page(m, 2 * i, 0);
        if (i % 256 == 0) {
            /* One comes, or its block would go whole */
            put_page(m, 2 * i + 1, TARGET | QVTD_RW);
        }
    }
    put_page(m, 2 * WAITING + 6, 0);
    mirror_flush(m);
    assert_exact(m);
    g_assert_cmpuint(strict_count(m->s), ==, 2 + 256);
    g_assert_cmpuint(strict_maps(m->s), ==, 256);
    unmaps = strict_unmaps(m->s);
    sink_free(m);
    return unmaps;
}

static void test_gone(void)
{
    /* 512 MiB, then the one page; or of 4 pages and 2 before it, too */
    g_assert_cmpuint(unmaps_of_gone(WAITING - 1), ==, 2);
    g_assert_cmpuint(unmaps_of_gone(WAITING), ==, 4);
}

/*
 * In a full room all that waits is sent, and no UNMAP reaches back.  A page
 * goes, @n come that cannot be sent as one, and another goes; with room for
 * all, one UNMAP covers them.
 */
static unsigned unmaps_of_fresh(unsigned n)
{
    Mirror *m = sink_new();
    unsigned unmaps;

    mirror_map(m, BASE - QVTD_PAGE, 1, 1, TARGET | QVTD_RW);
    put_page(m, 0, TARGET | QVTD_RW);
    put_page(m, WAITING + 2, TARGET | QVTD_RW);
    put_page(m, 2 * WAITING, TARGET | QVTD_RW);
    mirror_flush(m);
    assert_counts(m, 0, 4);
    mirror_begin(m);
    put_page(m, 0, 0);
    put_page(m, WAITING + 2, 0);
    for (unsigned i = 1; i <= n; i++) {
        put_page(m, i, (TARGET + (i & 1) * 2 * QVTD_PAGE) | QVTD_RW);
    }
    mirror_flush(m);
    assert_exact(m);
    g_assert_cmpuint(strict_count(m->s), ==, n + 2);
    g_assert_cmpuint(strict_maps(m->s), ==, n);
    unmaps = strict_unmaps(m->s);
    sink_free(m);
    return unmaps;
}

static void test_fresh(void)
{
    g_assert_cmpuint(unmaps_of_fresh(WAITING), ==, 1);
    g_assert_cmpuint(unmaps_of_fresh(WAITING + 1), ==, 2);
}

/* The targets of one sync are no RAM in the next, and the other way round */
static void test_targets_anew(void)
{
    Mirror *m = sink_new();
    VtdRam *ram = &g_array_index(m->h->regions, VtdRam, 0);

    put_page(m, 0, TARGET | QVTD_RW);
    mirror_flush(m);
    assert_notices(m, MAPS(BASE, QVTD_PAGE, TARGET | QVTD_RW));
    mirror_begin(m);

    ram->ram = false;
    put_page(m, 1, (TARGET + QVTD_PAGE) | QVTD_RW);
    mirror_flush(m);
    assert_quiet(m);

    ram->ram = true;
    put_page(m, 2, (TARGET + 2 * QVTD_PAGE) | QVTD_RW);
    mirror_flush(m);
    g_assert_true(strict_lookup(m->s, BASE + 2 * QVTD_PAGE, &(Run) { 0 }));
    assert_strict(m->s);
    sink_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/sink/gone", test_gone);
    g_test_add_func("/vtd/sink/fresh", test_fresh);
    g_test_add_func("/vtd/sink/targets-anew", test_targets_anew);
    return g_test_run();
}
