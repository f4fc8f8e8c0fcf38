/*
 * VT-d qtests: what QEMU says of a guest's mistakes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * That a mistake is on the standard error, once, in the words that scripts
 * look for; that more of them are for -d guest_errors, and few; and that
 * nothing is said of what the guest has not done.  The words for each cause
 * are the unit tests'.
 */

#include "qemu/osdep.h"
#include "vtd-edu.h"
#include "vtd-testdev.h"
#include "vtd-trace.h"

#define A                       QPCI_DEVFN(3, 0)

#define FAILURE \
    "vtd_iommu_translate: detected translation failure (dev=00:03:00,"
#define NO_ENTRY                "vtd_irte_get: detected non-present IRTE"

/* One line begins with @start, and goes on with @rest */
static void expect_line(TraceLog *log, const char *start, const char *rest)
{
    g_autofree char *line = trace_log_take(log, start);

    if (expect_true(line)) {
        g_assert_cmpstr(line + strlen(start), ==, rest);
    }
    log->read = 0;
    expect_eq(trace_log_count(log, start), 1);
}

static void expect_silence(TraceLog *log)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(log->path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "");
}

static void test_once(void)
{
    TraceLog log;
    EduPair p;

    trace_log_start_errors(&log);
    edu_pair_start(&p, "", ",intremap=on", log.args);
    qvtd_enable(&p.d);
    expect_silence(&log);

    qvtd_row("DMA");
    for (int i = 0; i < 10; i++) {
        edu_dma_read(&p.a, IOVA + i * QVTD_PAGE, 0, 8);
        edu_dma_write(&p.b, IOVA, 0, 8);
    }
    expect_line(&log, FAILURE, " iova=0x40000000)");

    qvtd_row("descriptor");
    for (int i = 0; i < 3; i++) {
        qvtd_queue_start(&p.d, 0);
        qvtd_queue_put(&p.d, QVTD_DESC(0xf, 0));
        qvtd_queue_kick(&p.d);
    }
    expect_line(&log, "vtd_process_inv_desc: invalid inv desc:",
                " hi=0, lo=f (unknown type)");

    qvtd_row("interrupt");
    qvtd_disable(&p.d);
    qvtd_queue_start(&p.d, 0);
    qvtd_remap_enable(&p.d, 7, 0);
    edu_msi_program(&p.a, QVTD_MSI_ADDR | QVTD_MSI_REMAP | QVTD_MSI_HANDLE(5),
                    0);
    for (int i = 0; i < 3; i++) {
        edu_msi_fire(&p.a);
    }
    expect_line(&log, NO_ENTRY, " (index=5, high=0x0, low=0x0)");

    qvtd_row("after a reset");
    edu_pair_reset(&p);
    qvtd_enable(&p.d);
    edu_dma_read(&p.a, IOVA, 0, 8);
    expect_eq(trace_log_count(&log, FAILURE), 0);
    edu_pair_stop(&p);
    trace_log_stop(&log);
}

/* The rest is for who asks, and a storm of it is few lines */
static void test_more(void)
{
    uint64_t seconds;
    unsigned lines;
    int64_t begin;
    TraceLog log;
    EduPair p;

    trace_log_start_guest_errors(&log);
    edu_pair_start(&p, "", "", log.args);
    qvtd_enable(&p.d);
    qvtd_row("100 faults");
    begin = g_get_monotonic_time();
    for (int i = 0; i < 100; i++) {
        edu_dma_read(&p.a, IOVA, 0, 8);
    }
    lines = trace_log_count(&log, FAILURE);
    seconds = (g_get_monotonic_time() - begin) / G_USEC_PER_SEC + 2;
    expect_true(lines >= 1);
    expect_true(lines <= seconds);
    edu_pair_stop(&p);
    trace_log_stop(&log);
}

/* Who asks what there is makes no mistake */
static void test_silence(void)
{
    g_autofree char *args = NULL;
    TraceLog log;
    QVtd d;
    Testdev t;

    trace_log_start_errors(&log);
    args = g_strconcat(TESTDEV_DEVICE("3"), " ", log.args, NULL);
    qvtd_start(&d, "", ",caching-mode=on", args);
    testdev_start(&t, &d, A);
    qvtd_enable(&d);
    qvtd_row("probes");
    expect_eq(testdev_probe(&t, IOVA).perm, 0);
    qvtd_row("replay");
    expect_eq(testdev_command(&t, TESTDEV_REPLAY, 0), TESTDEV_OK);
    qvtd_row("sync");
    qtest_writeq(d.qts, qvtd_context_entry(&d, A), 0xfff);
    qvtd_invalidate_all(&d);
    expect_silence(&log);
    qvtd_row("DMA");
    testdev_dma_write(&t, IOVA, 0);
    expect_line(&log, FAILURE, " iova=0x40000000)");
    testdev_stop(&t);
    qvtd_stop(&d);
    trace_log_stop(&log);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/log/once", test_once);
    qtest_add_func("/intel-iommu/log/more", test_more);
    qtest_add_func("/intel-iommu/log/silence", test_silence);
    return g_test_run();
}
