/*
 * VT-d qtests: who routes interrupts hears of what changes them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * KVM's routes are made of interrupt entries ahead of use, so they are made
 * again whenever one may have changed.  Here the calls are counted that say
 * so; intel-iommu-kvm-test looks at the routes themselves.
 */

#include "qemu/osdep.h"
#include "vtd-driver.h"
#include "vtd-trace.h"

#define EVENT                   "x86_iommu_iec_notify"

typedef struct Notice {
    bool global;
    uint32_t index, mask;
} Notice;

#define GLOBAL                  { true, 0, 0 }

/* The next notice is @want, and there is none behind it */
static void expect_notice(TraceLog *log, Notice want)
{
    g_autofree char *line = trace_log_take(log, EVENT);
    unsigned global, index, mask;

    if (!expect_true(line)) {
        return;
    }
    g_assert_cmpint(sscanf(line, EVENT " Notify IEC invalidation: global=%u "
                           "index=%u mask=%u", &global, &index, &mask), ==, 3);
    expect_eq(global, want.global);
    if (!want.global) {
        expect_eq(index, want.index);
        expect_eq(mask, want.mask);
    }
    expect_eq(trace_log_count(log, EVENT), 0);
}

/* What the guest does, one after the other */
typedef struct Step {
    const char *name;
    QVtdDesc desc;
    uint32_t command;           /* instead, if not 0 */
    bool set;
    bool quiet;
    Notice want;
} Step;

static const Step steps[] = {
    { "entry 0", QVTD_INV_IEC_INDEX(0, 0), .want = { false, 0, 0 } },
    { "entry 7", QVTD_INV_IEC_INDEX(7, 0), .want = { false, 7, 0 } },
    { "4 entries", QVTD_INV_IEC_INDEX(8, 2), .want = { false, 8, 2 } },
    { "the last entry", QVTD_INV_IEC_INDEX(0xffff, 0),
      .want = { false, 0xffff, 0 } },
    { "all entries", QVTD_INV_IEC_GLOBAL, .want = GLOBAL },
    { "table", .command = QVTD_SIRTP, .set = true, .want = GLOBAL },
    { "remapping on", .command = QVTD_IRE, .set = true, .want = GLOBAL },
    { "on again", .command = QVTD_IRE, .set = true, .quiet = true },
    { "entry 7, remapping on", QVTD_INV_IEC_INDEX(7, 0),
      .want = { false, 7, 0 } },
    { "table, remapping on", .command = QVTD_SIRTP, .set = true,
      .want = GLOBAL },
    { "compatibility format", .command = QVTD_CFI, .set = true,
      .want = GLOBAL },
    { "no compatibility format", .command = QVTD_CFI, .set = false,
      .want = GLOBAL },
    { "IOTLB", QVTD_INV_IOTLB_GLOBAL, .quiet = true },
    { "contexts", QVTD_INV_CONTEXT_GLOBAL, .quiet = true },
    { "translation on", .command = QVTD_TE, .set = true, .quiet = true },
    { "translation off", .command = QVTD_TE, .set = false, .quiet = true },
    { "remapping off", .command = QVTD_IRE, .set = false, .want = GLOBAL },
    { "off again", .command = QVTD_IRE, .set = false, .quiet = true },
};

static void test_notices(void)
{
    TraceLog log;
    QVtd d;

    trace_log_start(&log, EVENT);
    qvtd_start(&d, "", "", log.args);
    qvtd_queue_start(&d, 0);
    qvtd_write64(&d, QVTD_IRTA, qvtd_alloc(&d, 1) | 7);
    trace_log_count(&log, EVENT);
    for (int i = 0; i < ARRAY_SIZE(steps); i++) {
        const Step *step = &steps[i];

        qvtd_row("%s", step->name);
        if (step->command) {
            qvtd_command(&d, step->command, step->set);
        } else {
            qvtd_invalidate(&d, step->desc);
        }
        if (step->quiet) {
            expect_eq(trace_log_count(&log, EVENT), 0);
        } else {
            expect_notice(&log, step->want);
        }
    }
    qvtd_row("reset");
    qvtd_reset(&d);
    expect_notice(&log, (Notice) GLOBAL);
    qvtd_stop(&d);
    trace_log_stop(&log);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/iec/notices", test_notices);
    return g_test_run();
}
