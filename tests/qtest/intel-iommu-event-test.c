/*
 * VT-d qtests: fault records and the unit's own interrupts
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How a fault is recorded while others are, and when the fault event and
 * the invalidation event send their message, hold it or forget it.
 */

#include "qemu/osdep.h"
#include "vtd-edu.h"
#include "vtd-lapic.h"


/* Both devices have contexts with empty tables: each DMA is a fault */
static void start(EduPair *p)
{
    QVtdDomain domain;

    edu_pair_start(p, "", "", "-smp 2");
    domain = qvtd_domain_new(&p->d, 1, 4);
    qvtd_attach(&p->d, p->a.sid, &domain);
    qvtd_attach(&p->d, p->b.sid, &domain);
    qvtd_enable(&p->d);
}

static void fault(EduDevice *e)
{
    edu_dma_write(e, IOVA, 0, 8);
}

/* Records */

static void test_overflow(void)
{
    QVtdFault record;
    EduPair p;

    start(&p);
    qvtd_row("first fault");
    fault(&p.a);
    expect_eq(qvtd_read32(&p.d, QVTD_FSTS), QVTD_FSTS_PPF);

    qvtd_row("another device's fault finds no free record");
    fault(&p.b);
    expect_eq(qvtd_read32(&p.d, QVTD_FSTS), QVTD_FSTS_PPF | QVTD_FSTS_PFO);
    expect_eq((uint16_t)qvtd_read64(&p.d, QVTD_FRCD_HI), p.a.sid);
    expect_eq(qvtd_read64(&p.d, QVTD_FRCD_LO), IOVA);

    qvtd_row("PPF cannot be written");
    qvtd_write32(&p.d, QVTD_FSTS, QVTD_FSTS_PPF);
    expect_eq(qvtd_read32(&p.d, QVTD_FSTS), QVTD_FSTS_PPF | QVTD_FSTS_PFO);

    qvtd_row("PPF goes with the record");
    qvtd_write32(&p.d, QVTD_FRCD_HI + 4, QVTD_FRCD_F >> 32);
    expect_eq(qvtd_read32(&p.d, QVTD_FSTS), QVTD_FSTS_PFO);

    qvtd_row("nothing is recorded while PFO is set");
    fault(&p.b);
    expect_eq(qvtd_read32(&p.d, QVTD_FSTS), QVTD_FSTS_PFO);
    expect_true(!qvtd_take_fault(&p.d, &record));

    qvtd_row("recorded again after PFO is cleared");
    qvtd_write32(&p.d, QVTD_FSTS, QVTD_FSTS_PFO);
    expect_eq(qvtd_read32(&p.d, QVTD_FSTS), 0);
    fault(&p.b);
    expect_eq(qvtd_read32(&p.d, QVTD_FSTS), QVTD_FSTS_PPF);
    qvtd_expect_fault(&p.d, QVTD_F_WRITE, p.b.sid, IOVA, false);

    qvtd_row("PFO cleared first, the record stays");
    fault(&p.a);
    fault(&p.b);
    qvtd_write32(&p.d, QVTD_FSTS, QVTD_FSTS_PFO);
    expect_eq(qvtd_read32(&p.d, QVTD_FSTS), QVTD_FSTS_PPF);
    qvtd_expect_fault(&p.d, QVTD_F_WRITE, p.a.sid, IOVA, false);
    edu_pair_stop(&p);
}

static void test_record_writes(void)
{
    static const struct {
        const char *name;
        unsigned offset;
        unsigned bytes;
        uint64_t value;
        bool cleared;
    } rows[] = {
        { "zeros to the lower half", QVTD_FRCD_LO, 8, 0, false },
        { "ones to the lower half", QVTD_FRCD_LO, 8, UINT64_MAX, false },
        { "zeros to the upper half", QVTD_FRCD_HI, 8, 0, false },
        { "all but F", QVTD_FRCD_HI, 8, ~QVTD_FRCD_F, false },
        { "ones to the third word", QVTD_FRCD_HI, 4, UINT32_MAX, false },
        { "F in 64 bits", QVTD_FRCD_HI, 8, QVTD_FRCD_F, true },
        { "F in 32 bits", QVTD_FRCD_HI + 4, 4, QVTD_FRCD_F >> 32, true },
        { "ones to the upper half", QVTD_FRCD_HI, 8, UINT64_MAX, true },
    };
    EduPair p;

    start(&p);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t want = QVTD_FRCD_F | 0x05ull << 32 | p.a.sid;

        qvtd_row("%s", rows[i].name);
        fault(&p.a);
        expect_eq(qvtd_read64(&p.d, QVTD_FRCD_HI), want);
        expect_eq(qvtd_read64(&p.d, QVTD_FRCD_LO), IOVA);
        if (rows[i].bytes == 4) {
            qvtd_write32(&p.d, rows[i].offset, rows[i].value);
        } else {
            qvtd_write64(&p.d, rows[i].offset, rows[i].value);
        }
        if (rows[i].cleared) {
            expect_eq(qvtd_read64(&p.d, QVTD_FRCD_HI) & QVTD_FRCD_F, 0);
            expect_eq(qvtd_read32(&p.d, QVTD_FSTS), 0);
        } else {
            expect_eq(qvtd_read64(&p.d, QVTD_FRCD_HI), want);
            expect_eq(qvtd_read64(&p.d, QVTD_FRCD_LO), IOVA);
            expect_eq(qvtd_read32(&p.d, QVTD_FSTS), QVTD_FSTS_PPF);
            qvtd_expect_fault(&p.d, QVTD_F_WRITE, p.a.sid, IOVA, false);
        }
    }

    qvtd_row("translation off and on keeps the record");
    fault(&p.a);
    qvtd_disable(&p.d);
    qvtd_enable(&p.d);
    qvtd_expect_fault(&p.d, QVTD_F_WRITE, p.a.sid, IOVA, false);
    edu_pair_stop(&p);
}

/* Events */

/* The device's DMA is the cause, until its record is taken */
static void fault_trigger(EduPair *p)
{
    fault(&p->a);
}

static void fault_clear(EduPair *p)
{
    qvtd_expect_fault(&p->d, QVTD_F_WRITE, p->a.sid, IOVA, false);
}

/* A broken descriptor is the cause, until it is mended and IQE cleared */
static void queue_error_trigger(EduPair *p)
{
    qvtd_queue_put(&p->d, QVTD_DESC(0xf, 0));
    qvtd_queue_kick(&p->d);
}

static void queue_error_clear(EduPair *p)
{
    uint64_t at = p->d.queue + qvtd_read64(&p->d, QVTD_IQH);

    qtest_writeq(p->d.qts, at, QVTD_WAIT(0, 0, 0).lo);
    qvtd_write32(&p->d, QVTD_FSTS, QVTD_FSTS_IQE);
    expect_eq(qvtd_read64(&p->d, QVTD_IQH), p->d.tail << 4);
}

/* A wait descriptor's IF is the cause, until IWC is cleared */
static void completion_trigger(EduPair *p)
{
    qvtd_queue_put(&p->d, QVTD_WAIT(QVTD_WAIT_IF, 0, 0));
    qvtd_queue_kick(&p->d);
}

static void completion_clear(EduPair *p)
{
    expect_eq(qvtd_read32(&p->d, QVTD_ICS), QVTD_ICS_IWC);
    qvtd_write32(&p->d, QVTD_ICS, QVTD_ICS_IWC);
    expect_eq(qvtd_read32(&p->d, QVTD_ICS), 0);
}

typedef struct Event {
    const char *name;
    unsigned control, data, addr;
    void (*trigger)(EduPair *p);
    void (*clear)(EduPair *p);
    bool again;                 /* it can be triggered while not cleared */
} Event;

static const Event events[] = {
    { "fault", QVTD_FECTL, QVTD_FEDATA, QVTD_FEADDR,
      fault_trigger, fault_clear, true },
    { "queue error", QVTD_FECTL, QVTD_FEDATA, QVTD_FEADDR,
      queue_error_trigger, queue_error_clear, false },
    { "completion", QVTD_IECTL, QVTD_IEDATA, QVTD_IEADDR,
      completion_trigger, completion_clear, true },
};

static void check_event(const Event *event, EduPair *p, Lapic lapics[2],
                        int first_vector)
{
    int vector = first_vector;
    QVtd *d = &p->d;

    qvtd_row("%s: masked, held", event->name);
    qvtd_write32(d, event->addr, QVTD_MSI_ADDR);
    qvtd_write32(d, event->data, vector);
    event->trigger(p);
    expect_eq(qvtd_read32(d, event->control), QVTD_ECTL_IM | QVTD_ECTL_IP);
    expect_eq(lapic_take(&lapics[0]), LAPIC_NONE);

    qvtd_row("%s: sent on unmasking", event->name);
    qvtd_write32(d, event->control, 0);
    expect_eq(lapic_take(&lapics[0]), vector);
    expect_eq(qvtd_read32(d, event->control), 0);

    if (event->again) {
        qvtd_row("%s: once only while the cause stays", event->name);
        qvtd_write32(d, event->data, ++vector);
        event->trigger(p);
        expect_eq(lapic_take(&lapics[0]), LAPIC_NONE);
        expect_eq(qvtd_read32(d, event->control), 0);
    }

    qvtd_row("%s: masking and unmasking sends nothing", event->name);
    qvtd_write32(d, event->control, QVTD_ECTL_IM);
    expect_eq(qvtd_read32(d, event->control), QVTD_ECTL_IM);
    qvtd_write32(d, event->control, 0);
    expect_eq(lapic_take(&lapics[0]), LAPIC_NONE);
    event->clear(p);

    qvtd_row("%s: sent at once, to the other CPU", event->name);
    qvtd_write32(d, event->addr, QVTD_MSI_ADDR | QVTD_MSI_DEST(1));
    qvtd_write32(d, event->data, ++vector);
    event->trigger(p);
    expect_eq(lapic_take(&lapics[1]), vector);
    expect_eq(lapic_take(&lapics[0]), LAPIC_NONE);
    expect_eq(qvtd_read32(d, event->control), 0);
    event->clear(p);

    qvtd_row("%s: held, forgotten with the cause", event->name);
    qvtd_write32(d, event->control, QVTD_ECTL_IM);
    qvtd_write32(d, event->data, ++vector);
    event->trigger(p);
    expect_eq(qvtd_read32(d, event->control), QVTD_ECTL_IM | QVTD_ECTL_IP);
    event->clear(p);
    expect_eq(qvtd_read32(d, event->control), QVTD_ECTL_IM);
    qvtd_write32(d, event->control, 0);
    expect_eq(lapic_take(&lapics[1]), LAPIC_NONE);

    qvtd_row("%s: and sent again", event->name);
    event->trigger(p);
    expect_eq(lapic_take(&lapics[1]), vector);
    event->clear(p);
    qvtd_write32(d, event->control, QVTD_ECTL_IM);
}

static void test_events(void)
{
    Lapic lapics[2];
    EduPair p;

    start(&p);
    lapic_start(&lapics[0], p.d.qts, 0);
    lapic_start(&lapics[1], p.d.qts, 1);
    for (int i = 0; i < ARRAY_SIZE(events); i++) {
        check_event(&events[i], &p, lapics, 0x40 + i * 0x10);
    }
    edu_pair_stop(&p);
}

/* A second cause of the fault event is no new event while one is there */
static void test_two_causes(void)
{
    Lapic lapic;
    EduPair p;

    start(&p);
    lapic_start(&lapic, p.d.qts, 0);
    qvtd_write32(&p.d, QVTD_FEADDR, QVTD_MSI_ADDR);
    qvtd_write32(&p.d, QVTD_FECTL, 0);

    qvtd_row("a fault");
    qvtd_write32(&p.d, QVTD_FEDATA, 0x41);
    fault_trigger(&p);
    expect_eq(lapic_take(&lapic), 0x41);

    qvtd_row("then a queue error");
    qvtd_write32(&p.d, QVTD_FEDATA, 0x42);
    queue_error_trigger(&p);
    expect_eq(qvtd_read32(&p.d, QVTD_FSTS), QVTD_FSTS_PPF | QVTD_FSTS_IQE);
    expect_eq(lapic_take(&lapic), LAPIC_NONE);
    expect_eq(qvtd_read32(&p.d, QVTD_FECTL), 0);

    qvtd_row("the fault is taken, the error stays, another fault");
    fault_clear(&p);
    fault_trigger(&p);
    expect_eq(lapic_take(&lapic), LAPIC_NONE);

    qvtd_row("all taken, then a queue error");
    fault_clear(&p);
    queue_error_clear(&p);
    expect_eq(qvtd_read32(&p.d, QVTD_FSTS), 0);
    queue_error_trigger(&p);
    expect_eq(lapic_take(&lapic), 0x42);

    qvtd_row("two causes, masked: held until the last is gone");
    qvtd_write32(&p.d, QVTD_FECTL, QVTD_ECTL_IM);
    queue_error_clear(&p);
    queue_error_trigger(&p);
    fault_trigger(&p);
    expect_eq(qvtd_read32(&p.d, QVTD_FECTL), QVTD_ECTL_IM | QVTD_ECTL_IP);
    queue_error_clear(&p);
    expect_eq(qvtd_read32(&p.d, QVTD_FECTL), QVTD_ECTL_IM | QVTD_ECTL_IP);
    fault_clear(&p);
    expect_eq(qvtd_read32(&p.d, QVTD_FECTL), QVTD_ECTL_IM);
    edu_pair_stop(&p);
}

/* The unit's messages are not remapped, nor held back as compatible ones */
static void test_not_remapped(void)
{
    Lapic lapic;
    EduPair p;

    start(&p);
    lapic_start(&lapic, p.d.qts, 0);
    qvtd_remap_enable(&p.d, 7, 0);
    for (int i = 0; i < ARRAY_SIZE(events); i++) {
        qvtd_row("%s", events[i].name);
        qvtd_write32(&p.d, events[i].addr, QVTD_MSI_ADDR);
        qvtd_write32(&p.d, events[i].data, 0x50 + i);
        qvtd_write32(&p.d, events[i].control, 0);
        events[i].trigger(&p);
        expect_eq(lapic_take(&lapic), 0x50 + i);
        events[i].clear(&p);
        qvtd_expect_no_fault(&p.d);
    }
    edu_pair_stop(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/event/overflow", test_overflow);
    qtest_add_func("/intel-iommu/event/record-writes", test_record_writes);
    qtest_add_func("/intel-iommu/event/events", test_events);
    qtest_add_func("/intel-iommu/event/two-causes", test_two_causes);
    qtest_add_func("/intel-iommu/event/not-remapped", test_not_remapped);
    return g_test_run();
}
