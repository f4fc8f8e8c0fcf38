/*
 * VT-d qtests: what each invalidation takes out of the caches
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All caches are filled, all tables changed, then one invalidation done: a
 * device that still gets the old memory uses a cached translation.  Each row
 * says exactly who has to see the change, so that an invalidation which
 * takes too little fails as well as one which takes too much.
 */

#include "qemu/osdep.h"
#include "tests/vtd/rows.h"
#include "vtd-edu.h"
#include "vtd-testdev.h"

#define OLD                     0x01d01d01d01d01d0ull
#define NEW                     0x3e33e33e33e33e33ull

#define BASE                    0x8080000000ull
#define A_ID                    5
#define B_ID                    6

/* The rows that the unit tests have too */
static void check_rows(const char *props, void (*rows)(QVtd *d))
{
    Testdev a, b;
    QVtd d;

    qvtd_start(&d, "", props, TESTDEV_DEVICE("3") TESTDEV_DEVICE("4"));
    testdev_start(&a, &d, QVTD_SID_A);
    testdev_start(&b, &d, QVTD_SID_B);
    rows(&d);
    testdev_stop(&b);
    testdev_stop(&a);
    qvtd_stop(&d);
}

static void test_iotlb(void)
{
    check_rows("", qvtd_rows_iotlb);
}

static void rows_appearances(QVtd *d)
{
    qvtd_rows_appearances(d, false);
}

static void rows_appearances_caching_mode(QVtd *d)
{
    qvtd_rows_appearances(d, true);
}

static void test_appearances(void)
{
    check_rows("", rows_appearances);
}

static void test_appearances_caching_mode(void)
{
    check_rows(",caching-mode=on", rows_appearances_caching_mode);
}

static void test_disappearances(void)
{
    check_rows("", qvtd_rows_disappearances);
}

static void test_context(void)
{
    g_autoptr(GString) args = g_string_new("");
    Testdev devices[8];
    unsigned n = 0;
    QVtd d;

    for (const uint16_t *sid = qvtd_context_sids; *sid; sid++) {
        g_string_append_printf(args, TESTDEV_DEVICE("%x.%x%s"), *sid >> 3,
                               *sid & 7,
                               *sid & 7 ? "" : ",multifunction=on");
    }
    qvtd_start(&d, "", "", args->str);
    for (; qvtd_context_sids[n]; n++) {
        testdev_start(&devices[n], &d, qvtd_context_sids[n]);
    }
    qvtd_rows_contexts(&d);
    while (n--) {
        testdev_stop(&devices[n]);
    }
    qvtd_stop(&d);
}

/* The same tables under two domain ids are two things to the cache */
static void test_shared_tables(void)
{
    EduPair p;
    QVtdDomain a, b;
    uint64_t old_page, new_page;

    edu_pair_start(&p, "", "", "");
    old_page = qvtd_alloc(&p.d, 1);
    new_page = qvtd_alloc(&p.d, 1);
    qtest_writeq(p.d.qts, old_page, OLD);
    qtest_writeq(p.d.qts, new_page, NEW);
    a = qvtd_domain_new(&p.d, A_ID, 4);
    b = a;
    b.id = B_ID;
    qvtd_map(&p.d, &a, BASE, old_page, 1, QVTD_RW);
    qvtd_attach(&p.d, p.a.sid, &a);
    qvtd_attach(&p.d, p.b.sid, &b);
    qvtd_enable(&p.d);
    qvtd_row("before");
    expect_eq(edu_read64(&p.a, BASE), OLD);
    expect_eq(edu_read64(&p.b, BASE), OLD);

    qvtd_row("one id invalidated");
    qvtd_map(&p.d, &a, BASE, new_page, 1, QVTD_RW);
    qvtd_invalidate(&p.d, QVTD_INV_IOTLB_DOMAIN(A_ID));
    expect_eq(edu_read64(&p.a, BASE), NEW);
    expect_eq(edu_read64(&p.b, BASE), OLD);

    qvtd_row("the other id invalidated");
    qvtd_invalidate(&p.d, QVTD_INV_IOTLB_PAGES(B_ID, BASE, 0));
    expect_eq(edu_read64(&p.a, BASE), NEW);
    expect_eq(edu_read64(&p.b, BASE), NEW);
    edu_pair_stop(&p);
}

/* A translation is looked up in the tables once, however large its leaf */
static void test_hits(void)
{
    EduPair p;
    QVtdDomain domain;
    uint64_t misses;

    edu_pair_start(&p, "", "", "");
    domain = qvtd_domain_new(&p.d, A_ID, 4);
    qvtd_map_range(&p.d, &domain, BASE, BASE + 0xffff, 0x5000000, QVTD_RW);
    qvtd_map(&p.d, &domain, BASE + MIB2, 0x6000000, 2, QVTD_RW);
    qvtd_attach(&p.d, p.a.sid, &domain);
    qvtd_enable(&p.d);

    qvtd_row("16 pages and 2 MiB");
    for (int i = 0; i < 16; i++) {
        edu_dma_read(&p.a, BASE + i * QVTD_PAGE, 0, 8);
    }
    edu_dma_read(&p.a, BASE + MIB2, 0, 8);
    misses = qvtd_stat(&p.d, "iotlb-misses");
    /* the first, the second with its line, the next line, and 2 MiB */
    expect_eq(misses, 4);
    expect_eq(qvtd_stat(&p.d, "context-misses"), 1);

    qvtd_row("again, written to, and all over the 2 MiB");
    for (int i = 0; i < 16; i++) {
        edu_dma_write(&p.a, BASE + i * QVTD_PAGE, 0, 8);
        edu_dma_read(&p.a, BASE + MIB2 + i * 0x20000, 0, 8);
    }
    expect_eq(qvtd_stat(&p.d, "iotlb-misses"), misses);
    expect_true(qvtd_stat(&p.d, "iotlb-hits") >= 32);

    qvtd_row("one page invalidated");
    qvtd_invalidate(&p.d, QVTD_INV_IOTLB_PAGES(A_ID, BASE + 0x5000, 0));
    for (int i = 0; i < 16; i++) {
        edu_dma_read(&p.a, BASE + i * QVTD_PAGE, 0, 8);
    }
    expect_eq(qvtd_stat(&p.d, "iotlb-misses"), misses + 1);
    qvtd_expect_no_fault(&p.d);
    edu_pair_stop(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/cache/iotlb", test_iotlb);
    qtest_add_func("/intel-iommu/cache/shared-tables", test_shared_tables);
    qtest_add_func("/intel-iommu/cache/context", test_context);
    qtest_add_func("/intel-iommu/cache/appearances", test_appearances);
    qtest_add_func("/intel-iommu/cache/appearances-caching-mode",
                   test_appearances_caching_mode);
    qtest_add_func("/intel-iommu/cache/disappearances", test_disappearances);
    qtest_add_func("/intel-iommu/cache/hits", test_hits);
    return g_test_run();
}
