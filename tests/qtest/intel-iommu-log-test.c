/*
 * VT-d qtests: what QEMU says of a guest's mistakes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * That a mistake is on the standard error, once, in the words that scripts
 * look for; that more of them are for -d guest_errors, and few; and that
 * nothing is said of what the guest has not done.  The words for each cause
 * are the unit tests'; those of descriptors are compared with QEMU's own
 * device here.
 */

#include "qemu/osdep.h"
#include "vtd-edu.h"
#include "vtd-migrate.h"
#include "vtd-testdev.h"
#include "vtd-trace.h"

#define A                       QPCI_DEVFN(3, 0)

#define FAILURE \
    "vtd_iommu_translate: detected translation failure (dev=00:03:00,"
/* What is told at once of one cause */
#define FEW                     5
#define NO_ENTRY                "vtd_irte_get: detected non-present IRTE"

/* One line begins with @start, and goes on with the pattern @rest */
static void expect_line(TraceLog *log, const char *start, const char *rest)
{
    g_autofree char *line = trace_log_take(log, start);

    if (expect_true(line) &&
        !g_pattern_match_simple(rest, line + strlen(start))) {
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
    expect_line(&log, FAILURE, " iova=0x40000000): read, reason 0x1: the "
                "root entry of the bus is not present, stopped at the root "
                "entry, hi=0x0, lo=0x0, device id 'nic0'");

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
    expect_line(&log, NO_ENTRY, " (index=5, high=0x0, low=0x0): "
                "dev=00:03:00, interrupt, reason 0x22: the interrupt entry is "
                "not present, device id 'nic0'");

    qvtd_row("after a reset");
    edu_pair_reset(&p);
    qvtd_enable(&p.d);
    edu_dma_read(&p.a, IOVA, 0, 8);
    expect_eq(trace_log_count(&log, FAILURE), 0);
    edu_pair_stop(&p);
    trace_log_stop(&log);
}

/* The rest is for who asks, and of a storm that is few lines and a count */
static void test_more(void)
{
    unsigned lines, faults, held = 0, counts = 0;
    int64_t begin, end;
    char *line;
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
    end = g_get_monotonic_time();
    faults = qvtd_stat(&p.d, "faults-recorded") +
             qvtd_stat(&p.d, "faults-lost");
    expect_true(faults >= 100);
    /* The first one is on stderr */
    lines = trace_log_count(&log, FAILURE);
    expect_true(lines >= FEW - 1);
    expect_true(lines <= FEW - 1 + FEW * ((end - begin) / G_USEC_PER_SEC));

    qvtd_row("the count, when a second is over");
    log.read = 0;
    while (1 + lines + held < faults &&
           g_get_monotonic_time() < end + 60 * G_USEC_PER_SEC) {
        g_usleep(10000);
        line = trace_log_take(&log, "vtd:");
        if (line) {
            held += g_ascii_strtoull(line + strlen("vtd: "), NULL, 10);
            expect_true(strstr(line, "more faults of reason 0x1: "));
            counts++;
        }
        g_free(line);
    }
    expect_eq(1 + lines + held, faults);
    expect_true(counts <= (g_get_monotonic_time() - begin) / G_USEC_PER_SEC);
    edu_pair_stop(&p);
    trace_log_stop(&log);
}

/* A thread without the big lock: its line waits for who knows the id */
static void test_thread(void)
{
    g_autofree char *args = NULL;
    TraceLog log;
    QVtd d;
    Testdev t;

    trace_log_start_errors(&log);
    args = g_strconcat(TESTDEV_DEVICE("3,id=disk0"), " ", log.args, NULL);
    qvtd_start(&d, "", "", args);
    testdev_start(&t, &d, A);
    qvtd_enable(&d);
    expect_eq(testdev_command(&t, TESTDEV_LOOP, 7, IOVA, 1ull, 0ull, 10000ull,
                              8ull, (uint64_t)TESTDEV_LOOP_WRITE, 1ull),
              TESTDEV_OK);
    while (testdev_count(&t, TESTDEV_LOOP_RUNNING)) {
        g_usleep(1000);
    }
    /* A bottom half runs before a later command is read */
    qtest_qmp_assert_success(d.qts, "{'execute': 'query-status'}");
    expect_line(&log, FAILURE, " iova=0x40000000): write, reason 0x1: the "
                "root entry of the bus is not present, stopped at the root "
                "entry, hi=0x0, lo=0x0, device id 'disk0'");
    testdev_stop(&t);
    qvtd_stop(&d);
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
    expect_line(&log, FAILURE, " iova=0x40000000): write, reason 0xb: *");
    testdev_stop(&t);
    qvtd_stop(&d);
    trace_log_stop(&log);
}

/* Bad descriptors of which QEMU's own device has words */
static const struct {
    QVtdDesc desc;
    bool wide;
} descriptors[] = {
    { { 0x0, 0 } },
    { { 0x1, 0 } },
    { { 0x1001, 0 } },
    { { 0x11, 1 } },
    { { 0x2, 0 } },
    { { 0x2, 0x80 } },
    { { 0x50032, 0x3f } },
    { { 0x50032, 0xbf } },
    { { 0x13, 0 } },
    { { 0x24, 0 } },
    { { 0x85, 0 } },
    { { 0x25, 2 } },
    { { 0x1, 0 }, true },
    { { 0x1001, 0 }, true },
    { { 0x2, 0 }, true },
    { { 0x12, 0, { 1 } }, true },
    { { 0x50032, 0x3f }, true },
    { { 0x3, 2 }, true },
    { { 0x14, 0, { 0, 1 } }, true },
    { { 0x85, 0 }, true },
    { { 0x6, 0 }, true },
    { { 0x16, 0 }, true },
    { { 0x6, 0x80 }, true },
    { { 0x50036, 0x13 }, true },
    { { 0x50036, 0x93 }, true },
    { { 0x8, 2 }, true },
    { { 0xa, 0 }, true },
};

/* What the device of @binary says of a descriptor */
static char *said_of(const char *binary, const QVtdDesc *desc, bool wide)
{
    g_autofree char *command_line = NULL, *text = NULL;
    TraceLog log;
    char *at;
    QVtd d;

    trace_log_start_errors(&log);
    command_line = qvtd_command_line(wide ? ",x-scalable-mode=on,"
                                            "device-iotlb=on"
                                          : ",device-iotlb=on,intremap=on",
                                     log.args);
    qvtd_take(&d, qtest_init_ext(binary, command_line, NULL, true));
    if (wide) {
        qvtd_use_scalable(&d);
        qvtd_write64(&d, QVTD_RTADDR, qvtd_alloc(&d, 1) | QVTD_TTM_SCALABLE);
        qvtd_command(&d, QVTD_SRTP, true);
    }
    qvtd_queue_start(&d, 0);
    qvtd_queue_put(&d, *desc);
    qvtd_queue_kick(&d);
    qvtd_stop(&d);
    g_assert_true(g_file_get_contents(log.path, &text, NULL, NULL));
    trace_log_stop(&log);
    at = strstr(text, "vtd_process_");
    return g_strndup(at ?: "", at ? strcspn(at, "\n") : 0);
}

/* Of a bad descriptor, what QEMU's own device says of it to the letter */
static void test_as_stock(void)
{
    if (!qvtd_has_words(QVTD_STOCK)) {
        g_test_skip("no QEMU 10.0 in " QVTD_STOCK);
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(descriptors); i++) {
        const QVtdDesc *desc = &descriptors[i].desc;
        bool wide = descriptors[i].wide;
        g_autofree char *stock = said_of(QVTD_STOCK, desc, wide);
        g_autofree char *ours = said_of(QVTD_OURS, desc, wide);

        g_assert_cmpstr(stock, !=, "");
        g_assert_cmpstr(ours, ==, stock);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/log/once", test_once);
    qtest_add_func("/intel-iommu/log/more", test_more);
    qtest_add_func("/intel-iommu/log/thread", test_thread);
    qtest_add_func("/intel-iommu/log/silence", test_silence);
    qtest_add_func("/intel-iommu/log/as-stock", test_as_stock);
    return g_test_run();
}
