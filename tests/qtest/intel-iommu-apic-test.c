/*
 * VT-d qtests: interrupt remapping as the APICs see it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The whole message that each kind of entry makes, with destinations and
 * delivery modes that leave no mark in a request register, and the I/O APIC
 * as a source of messages.
 */

#include "qemu/osdep.h"
#include "vtd-edu.h"
#include "vtd-lapic.h"

#define INDEX                   10
#define DELIVER(mode)           QVTD_IRTE_DLM(mode)
#define LOGICAL                 (1ull << 2)

/* Messages */

typedef struct Row {
    const char *name;
    uint64_t lo;                /* of the entry, beside P and the vector */
    LapicMessage want;
} Row;

/* Destination, logical, delivery mode, vector, level */
static const Row rows[] = {
    { "physical, fixed, edge", 0, { 0, false, 0, 0x31, false } },
    { "destination 0x5a", QVTD_IRTE_DST(0x5a),
      { 0x5a, false, 0, 0x32, false } },
    { "destination 0xff", QVTD_IRTE_DST(0xff),
      { 0xff, false, 0, 0x33, false } },
    { "logical", QVTD_IRTE_DST(0x81) | LOGICAL,
      { 0x81, true, 0, 0x34, false } },
    { "level", QVTD_IRTE_TM, { 0, false, 0, 0x35, true } },
    { "lowest priority", DELIVER(1), { 0, false, 1, 0x36, false } },
    { "SMI", DELIVER(2), { 0, false, 2, 0x37, false } },
    { "NMI", DELIVER(4), { 0, false, 4, 0x38, false } },
    { "INIT", DELIVER(5) | QVTD_IRTE_DST(1), { 1, false, 5, 0x39, false } },
    { "ExtINT", DELIVER(7), { 0, false, 7, 0x3a, false } },
    { "vector 0xff", 0, { 0, false, 0, 0xff, false } },
    { "everything", QVTD_IRTE_DST(3) | LOGICAL | QVTD_IRTE_TM | DELIVER(1),
      { 3, true, 1, 0x3b, true } },
};

/* With EIME: the low eight bits of the destination are elsewhere */
static const Row rows_x2apic[] = {
    { "id 0", 0, { 0, false, 0, 0x31, false } },
    { "id 1", QVTD_IRTE_DST_X2APIC(1), { 1, false, 0, 0x32, false } },
    { "id 0x5a", QVTD_IRTE_DST_X2APIC(0x5a), { 0x5a, false, 0, 0x33, false } },
    { "id 0xff", QVTD_IRTE_DST_X2APIC(0xff), { 0xff, false, 0, 0x34, false } },
    { "logical cluster 0", QVTD_IRTE_DST_X2APIC(3) | LOGICAL,
      { 3, true, 0, 0x35, false } },
};

static void check_messages(const char *props, uint64_t irta,
                           const Row *table, unsigned n)
{
    LapicMessage got;
    LapicLog log;
    EduPair p;

    lapic_log_start(&log);
    edu_pair_start(&p, "", props, log.args);
    qvtd_remap_enable(&p.d, 7, irta);
    /* Data of its own shows where the entry's vector would be missing */
    edu_msi_program(&p.a, QVTD_MSI_ADDR | QVTD_MSI_REMAP |
                    QVTD_MSI_HANDLE(INDEX), 0x1234);
    /* The machine's own, from when it was started */
    while (lapic_log_take(&log, &got)) {
        continue;
    }
    for (int i = 0; i < n; i++) {
        const LapicMessage *want = &table[i].want;

        qvtd_row("%s%s", table[i].name, props);
        qvtd_set_irte(&p.d, INDEX, QVTD_P | QVTD_IRTE_V(want->vector) |
                      table[i].lo, 0);
        qvtd_invalidate(&p.d, QVTD_INV_IEC_INDEX(INDEX, 0));
        edu_msi_fire(&p.a);
        if (!expect_true(lapic_log_take(&log, &got))) {
            continue;
        }
        expect_eq(got.dest, want->dest);
        expect_eq(got.logical, want->logical);
        expect_eq(got.delivery_mode, want->delivery_mode);
        expect_eq(got.vector, want->vector);
        expect_eq(got.level, want->level);
        expect_true(!lapic_log_take(&log, &got));
        qvtd_expect_no_fault(&p.d);
    }
    edu_pair_stop(&p);
    lapic_log_stop(&log);
}

static void test_messages(void)
{
    check_messages("", 0, rows, ARRAY_SIZE(rows));
}

static void test_messages_x2apic(void)
{
    check_messages(",eim=on", QVTD_IRTA_EIME, rows_x2apic,
                   ARRAY_SIZE(rows_x2apic));
}

/* The I/O APIC */

#define IOAPIC_SELECT           0xfec00000ull
#define IOAPIC_WINDOW           0xfec00010ull
#define IOAPIC_ENTRY(pin)       (0x10 + 2 * (pin))

/* What the DMAR table names it: bus 0xff, function 00.0 */
#define SID_IOAPIC              0xff00

#define RTE_LEVEL               (1ull << 15)
#define RTE_REMOTE_IRR          (1ull << 14)
#define RTE_INDEX(index) \
    (1ull << 48 | ((uint64_t)(index) & 0x7fff) << 49 | \
     ((uint64_t)(index) >> 15) << 11)
#define RTE_DEST(id)            ((uint64_t)(id) << 56)

static void write_rte(QVtd *d, unsigned pin, uint64_t value)
{
    qtest_writel(d->qts, IOAPIC_SELECT, IOAPIC_ENTRY(pin) + 1);
    qtest_writel(d->qts, IOAPIC_WINDOW, value >> 32);
    qtest_writel(d->qts, IOAPIC_SELECT, IOAPIC_ENTRY(pin));
    qtest_writel(d->qts, IOAPIC_WINDOW, value);
}

static uint32_t read_rte(QVtd *d, unsigned pin)
{
    qtest_writel(d->qts, IOAPIC_SELECT, IOAPIC_ENTRY(pin));
    return qtest_readl(d->qts, IOAPIC_WINDOW);
}

static void set_pin(QVtd *d, unsigned pin, int level)
{
    qtest_set_irq_in(d->qts, "ioapic", NULL, pin, level);
}

typedef struct Pin {
    const char *name;
    bool remapping, cfi;
    uint64_t rte;               /* beside the vector, which is in both */
    unsigned index;
    uint64_t lo, hi;            /* of the entry, beside P and the vector */
    unsigned cpu;               /* that gets it, unless there is a reason */
    uint8_t reason;             /* to block it */
    int fault_index;            /* as recorded, or -1 */
} Pin;

static const Pin pins[] = {
    { "remapping off", false, false, RTE_DEST(1), .cpu = 1 },
    { "remapped", true, false, RTE_INDEX(INDEX), INDEX, .cpu = 0 },
    { "remapped to the other CPU", true, false, RTE_INDEX(INDEX), INDEX,
      QVTD_IRTE_DST(1), .cpu = 1 },
    { "its source", true, false, RTE_INDEX(INDEX), INDEX, 0,
      QVTD_IRTE_SOURCE(1, 0, SID_IOAPIC), .cpu = 0 },
    { "its bus", true, false, RTE_INDEX(INDEX), INDEX, 0,
      QVTD_IRTE_SOURCE(2, 0, 0xffff), .cpu = 0 },
    { "index 0x8001", true, false, RTE_INDEX(0x8001), 0x8001, .cpu = 0 },
    { "level", true, false, RTE_INDEX(INDEX) | RTE_LEVEL, INDEX, QVTD_IRTE_TM,
      .cpu = 0 },
    { "compatibility format, CFI", true, true, RTE_DEST(1), .cpu = 1 },
    { "compatibility format", true, false, RTE_DEST(1),
      .reason = QVTD_F_IR_COMPATIBLE, .fault_index = -1 },
    /* Nobody's device: suites name the device behind the pin */
    { "another source", true, false, RTE_INDEX(INDEX), INDEX, 0,
      QVTD_IRTE_SOURCE(1, 0, 0x18), .cpu = 0 },
    { "another bus", true, false, RTE_INDEX(INDEX), INDEX, 0,
      QVTD_IRTE_SOURCE(2, 0, 0x0010), .cpu = 0 },
    { "no kind of source", true, false, RTE_INDEX(INDEX), INDEX, 0,
      QVTD_IRTE_SOURCE(3, 0, SID_IOAPIC), .cpu = 0 },
    { "no entry", true, false, RTE_INDEX(INDEX + 1), INDEX,
      .reason = QVTD_F_IR_ENTRY, .fault_index = INDEX + 1 },
};

/* One edge of a pin, with a vector that the row has for itself */
static void check_pin(EduPair *p, Lapic cpus[2], const Pin *row,
                      unsigned pin, int vector)
{
    QVtd *d = &p->d;
    QVtdFault fault;

    qvtd_row("%s", row->name);
    qvtd_command(d, QVTD_IRE, false);
    if (row->remapping) {
        qvtd_remap_enable(d, 15, 0);
        qvtd_set_irte(d, row->index, QVTD_P | QVTD_IRTE_V(vector) | row->lo,
                      row->hi);
    }
    qvtd_command(d, QVTD_CFI, row->cfi);
    write_rte(d, pin, vector | row->rte);
    set_pin(d, pin, 1);
    for (int i = 0; i < 2; i++) {
        expect_eq(lapic_take(&cpus[i]),
                  !row->reason && row->cpu == i ? vector : LAPIC_NONE);
    }
    if (row->reason) {
        if (expect_true(qvtd_take_fault(d, &fault))) {
            expect_eq(fault.reason, row->reason);
            expect_eq(fault.sid, SID_IOAPIC);
            if (row->fault_index >= 0) {
                expect_eq(fault.info, (uint64_t)row->fault_index << 48);
            }
        }
    } else {
        expect_eq(cpus[row->cpu].level, !!(row->rte & RTE_LEVEL));
        qvtd_expect_no_fault(d);
    }
    expect_eq(read_rte(d, pin) & RTE_REMOTE_IRR,
              row->rte & RTE_LEVEL ? RTE_REMOTE_IRR : 0);
    set_pin(d, pin, 0);
}

static void test_ioapic(void)
{
    Lapic cpus[2];
    EduPair p;

    edu_pair_start(&p, "", "", "-smp 2");
    lapic_start(&cpus[0], p.d.qts, 0);
    lapic_start(&cpus[1], p.d.qts, 1);
    for (int i = 0; i < ARRAY_SIZE(pins); i++) {
        check_pin(&p, cpus, &pins[i], 4 + i, 0x60 + i);
    }
    edu_pair_stop(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/apic/messages", test_messages);
    qtest_add_func("/intel-iommu/apic/messages-x2apic", test_messages_x2apic);
    qtest_add_func("/intel-iommu/apic/ioapic", test_ioapic);
    return g_test_run();
}
