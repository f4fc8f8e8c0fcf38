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
    const char *at = line ? strstr(line, " dest ") : NULL;

    if (expect_true(at)) {
        expect_eq(g_ascii_strtoull(at + strlen(" dest "), NULL, 0),
                  want);
    }
}

static void high_start(EduPair *p, Lapic *lapics, const char *args)
{
    g_autofree char *all = g_strconcat(
        "-cpu qemu64,+x2apic -smp 1,maxcpus=288,sockets=288 ", args, NULL);

    edu_pair_start(p, "", ",eim=on", all);
    qtest_qmp_device_add(p->d.qts, "qemu64-x86_64-cpu", "high",
                         "{'socket-id': %d, 'module-id': 0, 'die-id': 0,"
                         " 'core-id': 0, 'thread-id': 0}", HIGH);
    lapic_start(&lapics[0], p->d.qts, 0);
    lapic_start(&lapics[1], p->d.qts, HIGH);
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
    Lapic lapics[2];
    TraceLog log;
    EduPair p;

    trace_log_start(&log, "vtd_ir_remap");
    high_start(&p, lapics, log.args);
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

/* The address of the interrupt that the unit has sent */
static uint64_t address_sent(TraceLog *log)
{
    g_autofree char *line = trace_log_take(log, "vtd_irq_generate");
    const char *at = line ? strstr(line, "addr ") : NULL;

    return at ? g_ascii_strtoull(at + strlen("addr "), NULL, 0) : 0;
}

/*
 * The unit's own interrupt for a fault, which is not remapped.  An APIC that
 * is not in x2APIC mode takes it by the lower bits, too, so the trace counts.
 */
static void test_high_event(void)
{
    Lapic lapics[2];
    TraceLog log;
    EduPair p;

    trace_log_start(&log, "vtd_irq_generate");
    high_start(&p, lapics, log.args);
    qvtd_remap_enable(&p.d, 7, QVTD_IRTA_EIME);
    for (int i = 0; i < ARRAY_SIZE(lapics); i++) {
        uint32_t id = lapics[i].id, low = QVTD_MSI_ADDR | (id & 0xff) << 12;
        int vector = 0x50 + i;

        qvtd_row("CPU %u", id);
        qvtd_write32(&p.d, QVTD_FEDATA, vector);
        qvtd_write32(&p.d, QVTD_FEADDR, low);
        qvtd_write32(&p.d, QVTD_FEUADDR, id & ~0xff);
        qvtd_write32(&p.d, QVTD_FECTL, 0);
        qvtd_enable(&p.d);
        edu_dma_read(&p.a, IOVA, 0, 8);
        qvtd_write32(&p.d, QVTD_FRCD_HI + 4, QVTD_FRCD_F >> 32);
        expect_eq(address_sent(&log), (uint64_t)(id & ~0xff) << 32 | low);
        for (int j = 0; j < ARRAY_SIZE(lapics); j++) {
            expect_eq(lapic_take(&lapics[j]), j == i ? vector : LAPIC_NONE);
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
    qtest_add_func("/intel-iommu/x2apic/high-event", test_high_event);
    return g_test_run();
}
