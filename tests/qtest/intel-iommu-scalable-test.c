/*
 * VT-d qtests: scalable mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rows that the unit tests have, too (tests/vtd/rows-sm*.c), through
 * QEMU's memory core: each end of a request's way, the queue, and what each
 * invalidation drops, with the options that a user has.
 */

#include "qemu/osdep.h"
#include "tests/vtd/rows.h"
#include "vtd-testdev.h"

#define SID                     QPCI_DEVFN(3, 0)
#define FULL                    ",x-scalable-mode=on,x-scalable-full=on"

/* What users can have of it, with the width of physical addresses */
static const struct {
    const char *props;
    unsigned haw;
} units[] = {
    { FULL ",aw-bits=57", 52 },
    { FULL ",aw-bits=48", 48 },
    { ",x-scalable-mode=on,aw-bits=48", 48 },
    { ",x-scalable-mode=on,x-flts=on,aw-bits=48", 48 },
};

typedef void Rows(QVtd *d, uint16_t sid, unsigned haw);

static void run(const char *props, unsigned haw, Rows *rows)
{
    Testdev t;
    QVtd d;

    g_test_message("intel-iommu%s", props);
    qvtd_start(&d, "", props, TESTDEV_DEVICE("3"));
    testdev_start(&t, &d, SID);
    rows(&d, SID, haw);
    testdev_stop(&t);
    qvtd_stop(&d);
}

static void test_rows(const void *rows)
{
    for (unsigned i = 0; i < ARRAY_SIZE(units); i++) {
        run(units[i].props, units[i].haw, (Rows *)rows);
    }
}

static void test_changes(const void *rows)
{
    run(units[0].props, units[0].haw, (Rows *)rows);
    run(FULL ",aw-bits=57,caching-mode=on", units[0].haw, (Rows *)rows);
}

/* With the devices of qvtd_context_sids */
static void run_with(const char *props, void (*rows)(QVtd *d))
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
    qvtd_start(&d, "", props, args->str);
    for (; qvtd_context_sids[n]; n++) {
        testdev_start(&devices[n], &d, qvtd_context_sids[n]);
    }
    rows(&d);
    while (n--) {
        testdev_stop(&devices[n]);
    }
    qvtd_stop(&d);
}

static void test_cache(const void *rows)
{
    run_with(units[0].props, (void (*)(QVtd *d))rows);
}

static void test_queue(const void *rows)
{
    run_with(units[0].props, (void (*)(QVtd *d))rows);
    run_with(FULL ",device-iotlb=on", (void (*)(QVtd *d))rows);
    run_with(",x-scalable-mode=on", (void (*)(QVtd *d))rows);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_data_func("/intel-iommu/scalable/entries", qvtd_rows_sm_entries,
                        test_rows);
    qtest_add_data_func("/intel-iommu/scalable/second-stage",
                        qvtd_rows_sm_second, test_rows);
    qtest_add_data_func("/intel-iommu/scalable/first-stage",
                        qvtd_rows_sm_first, test_rows);
    qtest_add_data_func("/intel-iommu/scalable/nested", qvtd_rows_sm_nested,
                        test_rows);
    qtest_add_data_func("/intel-iommu/scalable/marks", qvtd_rows_sm_marks,
                        test_rows);
    qtest_add_data_func("/intel-iommu/scalable/pass-through",
                        qvtd_rows_sm_pass_through, test_rows);
    qtest_add_data_func("/intel-iommu/scalable/queue/types",
                        qvtd_rows_sm_types, test_queue);
    qtest_add_data_func("/intel-iommu/scalable/queue/reserved-bits",
                        qvtd_rows_sm_reserved, test_queue);
    qtest_add_data_func("/intel-iommu/scalable/queue/values",
                        qvtd_rows_sm_queue, test_queue);
    qtest_add_data_func("/intel-iommu/scalable/cache/iotlb",
                        qvtd_rows_sm_iotlb, test_cache);
    qtest_add_data_func("/intel-iommu/scalable/cache/pasids",
                        qvtd_rows_sm_pasids, test_cache);
    qtest_add_data_func("/intel-iommu/scalable/cache/appearances",
                        qvtd_rows_sm_appearances, test_changes);
    qtest_add_data_func("/intel-iommu/scalable/cache/disappearances",
                        qvtd_rows_sm_disappearances, test_changes);
    return g_test_run();
}
