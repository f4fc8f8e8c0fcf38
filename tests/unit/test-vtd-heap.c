/*
 * Whether the memory that shadows say they take is what they take
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Always built without sanitizers, which have a heap of their own.
 */

#include "qemu/osdep.h"
#include <malloc.h>
#include "vtd-host.h"

#define TARGET                  BIT(44)
#define SID                     0x10
#define DEVICES                 4

/* glibc's since 2.33, where a large block of memory is counted apart */
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
#define HAVE_HEAP true
static uint64_t heap(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}
#else
#define HAVE_HEAP false
static uint64_t heap(void)
{
    return 0;
}
#endif

static int silence(Device *d, const VtdNotice *notice)
{
    return 0;
}

static uint64_t full_table(Host *h, uint64_t entry, uint64_t step)
{
    uint64_t table = host_pages(h, 1);

    for (unsigned i = 0; i < 512; i++) {
        host_put(h, table + i * 8, entry + i * step);
    }
    return table;
}

/* Layouts: each fills GiB @i of the table */

static void scattered(Host *h, uint64_t table, unsigned i)
{
    uint64_t last = full_table(h, 0, 0);

    for (unsigned n = 0; n < 512; n++) {
        host_put(h, last + n * 8,
                 (TARGET + (n * 7 & 511) * QVTD_PAGE) | QVTD_RW);
    }
    host_put(h, table_entry(h, table, 4, i * GIB, 3),
             full_table(h, last | QVTD_RW, 0) | QVTD_RW);
}

static void contiguous(Host *h, uint64_t table, unsigned i)
{
    uint64_t last = full_table(h, TARGET | QVTD_RW, QVTD_PAGE);

    host_put(h, table_entry(h, table, 4, i * GIB, 3),
             full_table(h, last | QVTD_RW, 0) | QVTD_RW);
}

static void sparse(Host *h, uint64_t table, unsigned i)
{
    map(h, table, 4, i * GIB + 77 * QVTD_PAGE, 1, TARGET | QVTD_RW);
    map(h, table, 4, i * GIB + 80 * QVTD_PAGE, 1,
        (TARGET + 3 * QVTD_PAGE) | QVTD_RW);
    map(h, table, 4, i * GIB + 99 * 2 * MIB, 2, TARGET | QVTD_RW);
}

static void superpages(Host *h, uint64_t table, unsigned i)
{
    host_put(h, table_entry(h, table, 4, i * GIB, 3),
             full_table(h, TARGET | QVTD_RW | QVTD_PS, 2 * MIB) | QVTD_RW);
}

static void gibs(Host *h, uint64_t table, unsigned i)
{
    map(h, table, 4, i * GIB, 3, TARGET | QVTD_RW);
}

/* Pages of a superpage that are there already are not sent with it */
static void mixed(Host *h, uint64_t table, unsigned i)
{
    for (unsigned n = 0; n < 8; n++) {
        map(h, table, 4, i * GIB + n * 2 * MIB + 8 * QVTD_PAGE, 1,
            (TARGET + n * 2 * MIB + 8 * QVTD_PAGE) | QVTD_RW);
    }
}

static void mixed_after(Host *h, uint64_t table, unsigned i)
{
    superpages(h, table, i);
}

typedef void Layout(Host *h, uint64_t table, unsigned i);

static void check(const char *name, Layout *layout, Layout *after,
                  uint64_t max_mappings)
{
    VtdConfig config = host_config;
    Device *d[DEVICES];
    uint64_t before, held, said, table;
    Host *h;

    config.caching_mode = true;
    config.max_mappings = max_mappings;
    h = host_new(&config);
    host_add_region(h, TARGET, TARGET + GIB - 1, true);
    host_enable(h);
    table = host_pages(h, 1);
    for (unsigned i = 0; i < DEVICES; i++) {
        d[i] = device_new(h, SID + i);
        d[i]->notify = silence;
        attach(d[i], table, 4, 1);
        vtd_space_watch(d[i]->space, true, true);
    }
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    before = heap();
    for (unsigned i = 0; i < 200; i++) {
        layout(h, table, i);
    }
    inv_iotlb(h, QVTD_DOMAIN, 1, 0, 0);
    for (unsigned i = 0; i < 200 && after; i++) {
        after(h, table, i);
        inv_iotlb(h, QVTD_DOMAIN, 1, 0, 0);
    }
    held = heap() - before;
    said = vtd_stat(h->v, VTD_STAT_SHADOW_BYTES);
    g_test_message("%s: %" PRIu64 " bytes, said are %" PRIu64, name, held,
                   said);
    g_assert_cmpuint(said, <=, MAX(16 * MIB, 16 * max_mappings) *
                     (16 + DEVICES) / 16);
    g_assert_cmpuint(held, >, 10000);
    g_assert_cmpuint(said, >=, held - held / 10);
    g_assert_cmpuint(said, <=, held + held / 10);
    for (unsigned i = 0; i < DEVICES; i++) {
        vtd_space_watch(d[i]->space, false, false);
        device_free(d[i]);
    }
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_SHADOW_BYTES), ==, 0);
    host_free(h);
}

static void test_heap(void)
{
    if (!HAVE_HEAP) {
        g_test_skip("no mallinfo2() of glibc 2.33");
        return;
    }
    check("scattered", scattered, NULL, BIT(24));
    check("scattered, limited", scattered, NULL, BIT(20));
    check("contiguous", contiguous, NULL, BIT(24));
    check("sparse", sparse, NULL, BIT(24));
    check("superpages", superpages, NULL, BIT(24));
    check("superpages, limited", superpages, NULL, BIT(10));
    check("leaves of 1 GiB", gibs, NULL, BIT(24));
    check("mixed", mixed, mixed_after, BIT(24));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/heap/said-is-held", test_heap);
    return g_test_run();
}
