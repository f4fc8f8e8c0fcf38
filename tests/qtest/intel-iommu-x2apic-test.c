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

#define ECAP_IR                 (1ull << 3)
#define ECAP_EIM                (1ull << 4)

/* Without KVM, auto is on for intremap and off for eim */
static void test_matrix(void)
{
    static const struct {
        const char *props;
        uint64_t ecap;
    } rows[] = {
        { "", ECAP_IR },
        { ",intremap=auto", ECAP_IR },
        { ",intremap=auto,eim=auto", ECAP_IR },
        { ",intremap=auto,eim=off", ECAP_IR },
        { ",intremap=auto,eim=on", ECAP_IR | ECAP_EIM },
        { ",intremap=on", ECAP_IR },
        { ",intremap=on,eim=auto", ECAP_IR },
        { ",intremap=on,eim=off", ECAP_IR },
        { ",intremap=on,eim=on", ECAP_IR | ECAP_EIM },
        { ",intremap=off", 0 },
        { ",intremap=off,eim=auto", 0 },
        { ",intremap=off,eim=off", 0 },
        /* intremap=off,eim=on is refused: see intel-iommu-props-test */
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        VtdDriver d;
        bool ir = rows[i].ecap & ECAP_IR, eim = rows[i].ecap & ECAP_EIM;
        uint64_t irta;

        qvtd_row("\"%s\"", rows[i].props);
        vtd_start(&d, "", rows[i].props, "");
        expect_eq(vtd_read64(&d, VTD_ECAP) & (ECAP_IR | ECAP_EIM),
                  rows[i].ecap);
        irta = vtd_alloc(&d, 1);
        vtd_write64(&d, VTD_IRTA, irta | VTD_IRTA_EIME | 7);
        expect_eq(vtd_read64(&d, VTD_IRTA),
                  !ir ? 0 : irta | 7 | (eim ? VTD_IRTA_EIME : 0));
        expect_eq(!!(vtd_command(&d, VTD_SIRTP, true) & VTD_SIRTP), ir);
        expect_eq(!!(vtd_command(&d, VTD_IRE, true) & VTD_IRE), ir);
        vtd_stop(&d);
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
        { "CPU 0", true, VTD_IRTE_DST_X2APIC(0), 0, 0 },
        { "CPU 287", true, VTD_IRTE_DST_X2APIC(HIGH), HIGH, HIGH },
        { "CPU 287, level", true, VTD_IRTE_DST_X2APIC(HIGH) | VTD_IRTE_TM,
          HIGH, HIGH },
        { "none with that id", true, VTD_IRTE_DST_X2APIC(HIGH - 1),
          HIGH - 1, -1 },
        { "all bits", true, VTD_IRTE_DST_X2APIC(0xfedcba98), 0xfedcba98, -1 },
        { "xAPIC", false, VTD_IRTE_DST(1), 1, -1 },
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
        vtd_command(&p.d, VTD_IRE, false);
        vtd_remap_enable(&p.d, 7, rows[i].eime ? VTD_IRTA_EIME : 0);
        vtd_set_irte(&p.d, 5, VTD_IRTE_P | VTD_IRTE_V(vector) | rows[i].lo,
                     0);
        edu_msi_program(&p.a, VTD_MSI_ADDR | VTD_MSI_REMAP |
                        VTD_MSI_HANDLE(5), 0);
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
