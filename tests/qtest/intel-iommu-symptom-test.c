/*
 * VT-d qtests: what QEMU says where a device does not work
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The symptoms of docs/system/devices/intel-iommu-symptoms.rst that have no
 * test elsewhere: each is made to happen, and its words and its remedy are on
 * the standard error.
 */

#include "qemu/osdep.h"
#include "vtd-board.h"
#include "vtd-trace.h"

#define A                       QPCI_DEVFN(3, 0)

#define REFUSED \
    "intel-iommu: the host refuses to map what the guest maps for a device:"

/* One line on the standard error has all of this, up to NULL */
static void expect_said(TraceLog *log, const char *start,
                        const char *const *words)
{
    g_autofree char *line = trace_log_take(log, start);

    if (!expect_true(line)) {
        g_test_message("no line with '%s'", start);
        return;
    }
    for (; *words; words++) {
        if (!expect_true(strstr(line, *words))) {
            g_test_message("no '%s' in: %s", *words, line);
        }
    }
}

static void test_refused(void)
{
    static const struct {
        int error;
        const char *words[4];
    } rows[] = {
        { ENOMEM, { "Cannot allocate memory; raise the limit of locked memory",
                    "ulimit -l", "(device 00:03.0, disk0; see info vtd)" } },
        { ENOSPC, { "No space left on device; raise dma_entry_limit of the "
                    "host's module vfio_iommu_type1, or use hugepages" } },
        { EINVAL, { "Invalid argument (device 00:03.0, disk0; see info "
                    "vtd)" } },
        { EIO, { "Input/output error; vDPA tells no reason; perhaps raise the "
                 "limit of locked memory" } },
        { EEXIST, { "File exists (device 00:03.0, disk0; see info vtd)" } },
    };

    const Edit edits[] = { SAME_LEAVES(1, BOARD_GIB, BOARD_RAM, 1) };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *args = NULL;
        QVtdDomain domain;
        TraceLog log;
        Testdev t;
        QVtd d;

        qvtd_row("%s", strerror(rows[i].error));
        trace_log_start_errors(&log);
        args = g_strconcat(TESTDEV_DEVICE("3,id=disk0"), " ", log.args, NULL);
        qvtd_start(&d, "", ",caching-mode=on", args);
        testdev_start(&t, &d, A);
        qvtd_enable(&d);
        domain = qvtd_domain_new(&d, 1, 4);
        qvtd_attach(&d, A, &domain);
        testdev_write_reg(&t, TESTDEV_FAIL_MAP,
                          TESTDEV_FAIL_ERRNO(rows[i].error) | 1);
        qvtd_edit(&d, &domain, edits, ARRAY_SIZE(edits));
        qvtd_invalidate_all(&d);
        expect_said(&log, REFUSED, rows[i].words);
        expect_eq(qvtd_stat(&d, "shadow-refused"), 1);
        /* It was tried again; the driver has one page more */
        expect_eq(testdev_count(&t, TESTDEV_MAPPINGS), 2);
        testdev_stop(&t);
        qvtd_stop(&d);
        trace_log_stop(&log);
    }
}

/* More pages than are remembered for a device */
static void test_limit(void)
{
    static const char *const words[] = {
        "more than max-mappings=8 pages for a device; the device cannot reach "
        "the rest", NULL,
    };
    TraceLog log;
    Board w;

    trace_log_start_errors(&log);
    board_start(&w, ",max-mappings=8", "", log.args);
    BOARD_EDIT(&w, LEAVES(1, BOARD_GIB, BOARD_RAM, 9));
    qvtd_invalidate_all(&w.d);
    expect_said(&log, "intel-iommu: the guest maps", words);
    board_stop(&w);
    trace_log_stop(&log);
}

/* A guest that uses ATS, with a unit that does not offer it */
static void test_ats(void)
{
    static const char *const words[] = {
        "ATS of device 03.0, which wants -device intel-iommu,device-iotlb=on",
        NULL,
    };
    g_autofree char *args = NULL;
    TraceLog log;
    Testdev t;
    QVtd d;

    trace_log_start_errors(&log);
    args = g_strconcat(TESTDEV_DEVICE("3,unmap-only=on"), " ", log.args, NULL);
    qvtd_start(&d, "", "", args);
    testdev_start(&t, &d, A);
    qvtd_enable(&d);
    expect_eq(testdev_command(&t, TESTDEV_REGISTER, 1, 4ull), TESTDEV_OK);
    expect_said(&log, "intel-iommu: the guest uses", words);
    testdev_stop(&t);
    qvtd_stop(&d);
    trace_log_stop(&log);
}

/* A queue that stops, which Linux takes for a broken IOMMU */
static void test_queue(void)
{
    static const char *const words[] = { "hi=0, lo=f (unknown type)", NULL };
    TraceLog log;
    QVtd d;

    trace_log_start_errors(&log);
    qvtd_start(&d, "", "", log.args);
    qvtd_queue_start(&d, 0);
    qvtd_queue_put(&d, QVTD_DESC(0xf, 0));
    qvtd_queue_kick(&d);
    expect_said(&log, "vtd_process_inv_desc: invalid inv desc:", words);
    expect_true(qvtd_read32(&d, QVTD_FSTS) & QVTD_FSTS_IQE);
    qvtd_stop(&d);
    trace_log_stop(&log);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/symptom/refused", test_refused);
    qtest_add_func("/intel-iommu/symptom/limit", test_limit);
    qtest_add_func("/intel-iommu/symptom/ats", test_ats);
    qtest_add_func("/intel-iommu/symptom/queue", test_queue);
    return g_test_run();
}
