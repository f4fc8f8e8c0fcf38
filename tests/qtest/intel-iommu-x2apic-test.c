/*
 * VT-d qtests: interrupt remapping as it is configured, and ids above 255
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the unit offers for each intremap= and eim=, and interrupts for a CPU
 * whose id has more than eight bits.
 */

#include "qemu/osdep.h"
#include "vtd-edu.h"
#include "vtd-lapic.h"


/* Without KVM, auto is on for intremap and off for eim */
static void test_matrix(void)
{
    static const struct {
        const char *props;
        uint64_t ecap;
    } rows[] = {
        { "", QVTD_ECAP_IR },
        { ",intremap=auto", QVTD_ECAP_IR },
        { ",intremap=auto,eim=auto", QVTD_ECAP_IR },
        { ",intremap=auto,eim=off", QVTD_ECAP_IR },
        { ",intremap=auto,eim=on", QVTD_ECAP_IR | QVTD_ECAP_EIM },
        { ",intremap=on", QVTD_ECAP_IR },
        { ",intremap=on,eim=auto", QVTD_ECAP_IR },
        { ",intremap=on,eim=off", QVTD_ECAP_IR },
        { ",intremap=on,eim=on", QVTD_ECAP_IR | QVTD_ECAP_EIM },
        { ",intremap=off", 0 },
        { ",intremap=off,eim=auto", 0 },
        { ",intremap=off,eim=off", 0 },
        /* intremap=off,eim=on is refused: see intel-iommu-props-test */
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        QVtd d;
        bool ir = rows[i].ecap & QVTD_ECAP_IR;
        bool eim = rows[i].ecap & QVTD_ECAP_EIM;
        uint64_t irta;

        qvtd_row("\"%s\"", rows[i].props);
        qvtd_start(&d, "", rows[i].props, "");
        expect_eq(qvtd_read64(&d, QVTD_ECAP) & (QVTD_ECAP_IR | QVTD_ECAP_EIM),
                  rows[i].ecap);
        irta = qvtd_alloc(&d, 1);
        qvtd_write64(&d, QVTD_IRTA, irta | QVTD_IRTA_EIME | 7);
        expect_eq(qvtd_read64(&d, QVTD_IRTA),
                  !ir ? 0 : irta | 7 | (eim ? QVTD_IRTA_EIME : 0));
        expect_eq(!!(qvtd_command(&d, QVTD_SIRTP, true) & QVTD_SIRTP), ir);
        expect_eq(!!(qvtd_command(&d, QVTD_IRE, true) & QVTD_IRE), ir);
        qvtd_stop(&d);
    }
}

/*
 * A hot-added CPU.  No CPU runs here, so its APIC is not in x2APIC mode, and
 * QEMU's then looks at the low eight bits of a destination alone; the whole
 * of it is in the trace.
 */
#define HIGH                    287

static void expect_destination(TraceLog *log, uint32_t want)
{
    g_autofree char *line = trace_log_take(log, "vtd_ir_remap");
    const char *at = line ? strstr(line, "destination ") : NULL;

    if (expect_true(at)) {
        expect_eq(g_ascii_strtoull(at + strlen("destination "), NULL, 0),
                  want);
    }
}

static void test_high_id(void)
{
    static const struct {
        const char *name;
        bool eime;
        uint64_t lo;            /* of the entry, beside P and the vector */
        uint32_t dest;
        int cpu;                /* 0, HIGH, or -1 */
    } rows[] = {
        { "CPU 0", true, QVTD_IRTE_DST_X2APIC(0), 0, 0 },
        { "CPU 287", true, QVTD_IRTE_DST_X2APIC(HIGH), HIGH, HIGH },
        { "CPU 287, level", true, QVTD_IRTE_DST_X2APIC(HIGH) | QVTD_IRTE_TM,
          HIGH, HIGH },
        { "none with that id", true, QVTD_IRTE_DST_X2APIC(HIGH - 1),
          HIGH - 1, -1 },
        { "all bits", true, QVTD_IRTE_DST_X2APIC(0xfedcba98), 0xfedcba98, -1 },
        { "xAPIC", false, QVTD_IRTE_DST(1), 1, -1 },
    };
    g_autofree char *args = NULL;
    Lapic lapics[2];
    TraceLog log;
    EduPair p;

    trace_log_start(&log, "vtd_ir_remap");
    args = g_strconcat("-cpu qemu64,+x2apic "
                       "-smp 1,maxcpus=288,sockets=288 ", log.args, NULL);
    edu_pair_start(&p, "", ",eim=on", args);
    qtest_qmp_device_add(p.d.qts, "qemu64-x86_64-cpu", "high",
                         "{'socket-id': %d, 'module-id': 0, 'die-id': 0,"
                         " 'core-id': 0, 'thread-id': 0}", HIGH);
    lapic_start(&lapics[0], p.d.qts, 0);
    lapic_start(&lapics[1], p.d.qts, HIGH);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        int vector = 0x40 + i;

        qvtd_row("%s", rows[i].name);
        qvtd_command(&p.d, QVTD_IRE, false);
        qvtd_remap_enable(&p.d, 7, rows[i].eime ? QVTD_IRTA_EIME : 0);
        qvtd_set_irte(&p.d, 5, QVTD_P | QVTD_IRTE_V(vector) | rows[i].lo,
                      0);
        edu_msi_program(&p.a, QVTD_MSI_ADDR | QVTD_MSI_REMAP |
                        QVTD_MSI_HANDLE(5), 0);
        edu_msi_fire(&p.a);
        expect_destination(&log, rows[i].dest);
        for (int j = 0; j < ARRAY_SIZE(lapics); j++) {
            expect_eq(lapic_take(&lapics[j]),
                      (int)lapics[j].id == rows[i].cpu ? vector : LAPIC_NONE);
        }
    }
    edu_pair_stop(&p);
    trace_log_stop(&log);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/x2apic/matrix", test_matrix);
    qtest_add_func("/intel-iommu/x2apic/high-id", test_high_id);
    return g_test_run();
}
