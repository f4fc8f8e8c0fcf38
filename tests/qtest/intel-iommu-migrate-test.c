/*
 * VT-d qtests: migration
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A machine in each state that counts is moved, between two of our QEMUs and,
 * if QTEST_STOCK_BINARY names one, between ours and one with QEMU's own
 * device, both ways.  After each move all registers read as before, and the
 * unit goes on as if nothing had been.
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "qobject/qdict.h"
#include "vtd-lapic.h"
#include "vtd-migrate.h"
#include "vtd-board.h"

#define IOVA_LARGE              0x80000000ull
#define INDEX                   10
#define BRIDGE                  QPCI_DEVFN(5, 0)
#define BUS                     7
#define CAP_RWBF                (1ull << 4)

/* Ways and ends */

typedef struct Route {
    const char *name;
    QVtdWay way;
    const char *from, *to;
    unsigned states;            /* how many of them take it; 0 for all */
} Route;

static const Route routes[] = {
    { "file", QVTD_WAY_FILE, QVTD_OURS, QVTD_OURS },
    { "socket", QVTD_WAY_SOCKET, QVTD_OURS, QVTD_OURS, 1 },
    { "snapshot", QVTD_WAY_SNAPSHOT, QVTD_OURS, QVTD_OURS },
    { "to-stock", QVTD_WAY_FILE, QVTD_OURS, QVTD_STOCK },
    { "from-stock", QVTD_WAY_FILE, QVTD_STOCK, QVTD_OURS },
};

/* A move of a machine in some state */
typedef struct Moving {
    QVtd d;
    Testdev t;
    QVtdDomain domain;
    QVtdFirst first;
    uint64_t page, other;
    bool to_ours;
} Moving;

typedef struct State {
    const char *name;
    const char *props;
    const char *args;           /* of the machine, instead of PLAIN */
    uint16_t sid;               /* of the test device */
    void (*before)(Moving *m);
    void (*after)(Moving *m);
} State;

#define PLAIN                   TESTDEV_DEVICE("3")
#define PLAIN_SID               QPCI_DEVFN(3, 0)

static void expect_write(Moving *m, uint64_t iova, uint64_t pa)
{
    static uint64_t value;

    expect_true(testdev_dma_write(&m->t, iova, ++value));
    expect_eq(qtest_readq(m->d.qts, pa), value);
    qvtd_expect_no_fault(&m->d);
}

static void expect_read_fault(Moving *m, uint64_t iova, uint8_t reason)
{
    uint64_t value;

    expect_true(!testdev_dma_read(&m->t, iova, &value));
    qvtd_expect_fault(&m->d, reason, m->t.sid, iova, true);
}

static void start_mapped(Moving *m)
{
    m->domain = qvtd_domain_new(&m->d, 1, 4);
    qvtd_map(&m->d, &m->domain, IOVA, m->page, 1, QVTD_RW);
    qvtd_map(&m->d, &m->domain, IOVA_LARGE, BOARD_RAM, 2, QVTD_RW);
    qvtd_attach(&m->d, m->t.sid, &m->domain);
    qvtd_enable(&m->d);
    expect_write(m, IOVA, m->page);
}

/* The queue works, and what is mapped from now on is translated */
static void expect_goes_on(Moving *m)
{
    uint64_t page = qvtd_alloc(&m->d, 1);

    qvtd_map(&m->d, &m->domain, IOVA + 0x10000, page, 1, QVTD_RW);
    qvtd_invalidate(&m->d, QVTD_INV_IOTLB_DOMAIN(1));
    expect_write(m, IOVA + 0x10000, page);
}

/* Mappings that are alive; what is cached does not come along */

static void before_mapped(Moving *m)
{
    start_mapped(m);
    qvtd_map(&m->d, &m->domain, IOVA, m->other, 1, QVTD_RW);
}

static void after_mapped(Moving *m)
{
    expect_write(m, IOVA, m->other);
    expect_write(m, IOVA_LARGE + MIB2 - 8, BOARD_RAM + MIB2 - 8);
    expect_read_fault(m, IOVA + 0x1000, 0x06);
    expect_goes_on(m);
}

/* A queue that an error has stopped half way */

static void before_queue_error(Moving *m)
{
    start_mapped(m);
    qvtd_queue_put(&m->d, QVTD_DESC(0, 0));
    qvtd_queue_put(&m->d, QVTD_WAIT(QVTD_WAIT_SW, 0x77, m->d.status));
    qvtd_queue_kick(&m->d);
    expect_true(qvtd_read32(&m->d, QVTD_FSTS) & QVTD_FSTS_IQE);
    expect_eq(qvtd_read64(&m->d, QVTD_IQT) - qvtd_read64(&m->d, QVTD_IQH),
              0x20);
}

static void after_queue_error(Moving *m)
{
    uint64_t bad = m->d.queue + qvtd_read64(&m->d, QVTD_IQH);

    expect_write(m, IOVA, m->page);
    qtest_writeq(m->d.qts, bad, QVTD_INV_IOTLB_GLOBAL.lo);
    expect_true(qtest_readl(m->d.qts, m->d.status) != 0x77);
    qvtd_write32(&m->d, QVTD_FSTS, QVTD_FSTS_IQE);
    qvtd_queue_kick(&m->d);
    expect_eq(qtest_readl(m->d.qts, m->d.status), 0x77);
    expect_eq(qvtd_read64(&m->d, QVTD_IQH), qvtd_read64(&m->d, QVTD_IQT));
    expect_goes_on(m);
}

/* A fault that nobody has taken, and its event is masked */

static void before_fault(Moving *m)
{
    uint64_t value;

    start_mapped(m);
    qvtd_write32(&m->d, QVTD_FEDATA, 0x61);
    qvtd_write32(&m->d, QVTD_FEADDR, QVTD_MSI_ADDR);
    expect_true(!testdev_dma_read(&m->t, IOVA + 0x5000, &value));
    expect_eq(qvtd_read32(&m->d, QVTD_FSTS) & QVTD_FSTS_PPF, QVTD_FSTS_PPF);
    expect_eq(qvtd_read32(&m->d, QVTD_FECTL), QVTD_ECTL_IM | QVTD_ECTL_IP);
}

static void after_fault(Moving *m)
{
    Lapic lapic;

    lapic_start(&lapic, m->d.qts, 0);
    qvtd_write32(&m->d, QVTD_FECTL, 0);
    expect_eq(lapic_take(&lapic), 0x61);
    qvtd_expect_fault(&m->d, QVTD_F_READ, m->t.sid, IOVA + 0x5000, true);
    expect_read_fault(m, IOVA + 0x6000, 0x06);
    expect_write(m, IOVA, m->page);
    expect_goes_on(m);
}

/* The same for the event of a wait descriptor */

static void before_completion(Moving *m)
{
    start_mapped(m);
    qvtd_write32(&m->d, QVTD_IEDATA, 0x63);
    qvtd_write32(&m->d, QVTD_IEADDR, QVTD_MSI_ADDR);
    qvtd_invalidate(&m->d, QVTD_WAIT(QVTD_WAIT_IF, 0, 0));
    expect_eq(qvtd_read32(&m->d, QVTD_ICS), QVTD_ICS_IWC);
    expect_eq(qvtd_read32(&m->d, QVTD_IECTL), QVTD_ECTL_IM | QVTD_ECTL_IP);
}

static void after_completion(Moving *m)
{
    Lapic lapic;

    lapic_start(&lapic, m->d.qts, 0);
    qvtd_write32(&m->d, QVTD_IECTL, 0);
    expect_eq(lapic_take(&lapic), 0x63);
    expect_eq(qvtd_read32(&m->d, QVTD_ICS), QVTD_ICS_IWC);
    qvtd_write32(&m->d, QVTD_ICS, QVTD_ICS_IWC);
    expect_eq(qvtd_read32(&m->d, QVTD_ICS), 0);
    expect_goes_on(m);
}

/* Interrupt remapping, an entry cached; and the same in x2APIC mode */

static void send_message(Moving *m)
{
    testdev_write_reg(&m->t, TESTDEV_BUFFER, 0);
    expect_eq(testdev_command(&m->t, TESTDEV_DMA, 3,
                              (uint64_t)(QVTD_MSI_ADDR | QVTD_MSI_REMAP |
                                         QVTD_MSI_HANDLE(INDEX)),
                              4ull, 1ull), TESTDEV_OK);
}

static void start_remapping(Moving *m, unsigned s, uint64_t flags)
{
    Lapic lapic;

    start_mapped(m);
    qvtd_remap_enable(&m->d, s, flags);
    qvtd_set_irte(&m->d, INDEX, QVTD_P | QVTD_IRTE_V(0x51), 0);
    lapic_start(&lapic, m->d.qts, 0);
    send_message(m);
    expect_eq(lapic_take(&lapic), 0x51);
    qvtd_set_irte(&m->d, INDEX, QVTD_P | QVTD_IRTE_V(0x52), 0);
}

static void before_interrupts(Moving *m)
{
    start_remapping(m, 7, 0);
}

static void before_x2apic(Moving *m)
{
    start_remapping(m, 15, QVTD_IRTA_EIME);
}

static void expect_remaps(Moving *m)
{
    Lapic lapic;

    lapic_start(&lapic, m->d.qts, 0);
    send_message(m);
    expect_eq(lapic_take(&lapic), 0x52);
    qvtd_set_irte(&m->d, INDEX, QVTD_P | QVTD_IRTE_V(0x53), 0);
    qvtd_invalidate(&m->d, QVTD_INV_IEC_INDEX(INDEX, 0));
    send_message(m);
    expect_eq(lapic_take(&lapic), 0x53);
    qvtd_expect_no_fault(&m->d);
}

static void after_interrupts(Moving *m)
{
    expect_remaps(m);
    expect_goes_on(m);
}

/* What x2APIC mode reads of an entry is reserved without it */
static void after_x2apic(Moving *m)
{
    expect_remaps(m);
    qvtd_set_irte(&m->d, INDEX, QVTD_P | QVTD_IRTE_V(0x54) |
                  QVTD_IRTE_DST_X2APIC(0x01000000), 0);
    qvtd_invalidate(&m->d, QVTD_INV_IEC_INDEX(INDEX, 0));
    send_message(m);
    qvtd_expect_no_fault(&m->d);
    expect_goes_on(m);
}

/* Pass-through */

static void before_pass_through(Moving *m)
{
    qvtd_attach_pass_through(&m->d, m->t.sid, 1, QVTD_AW_48);
    qvtd_enable(&m->d);
    expect_write(m, m->page, m->page);
}

static void after_pass_through(Moving *m)
{
    expect_write(m, m->page, m->page);
    if (m->to_ours) {
        expect_true(testdev_count(&m->t, TESTDEV_DIRECT) > 0);
        expect_eq(testdev_count(&m->t, TESTDEV_SECTIONS), 0);
    }
    m->domain = qvtd_domain_new(&m->d, 1, 4);
    qvtd_attach(&m->d, m->t.sid, &m->domain);
    qvtd_invalidate_all(&m->d);
    expect_goes_on(m);
    expect_read_fault(m, m->page, 0x06);
}

/* A shadow, which comes from memory; on the first bus and behind a port */

static void before_shadow(Moving *m)
{
    start_mapped(m);
    qvtd_map_range(&m->d, &m->domain, IOVA + 0x100000, IOVA + 0x10ffff,
                   BOARD_RAM + MIB2, QVTD_RW);
    qvtd_invalidate(&m->d, QVTD_INV_IOTLB_DOMAIN(1));
    expect_write(m, IOVA + 0x10f000, BOARD_RAM + MIB2 + 0xf000);
    expect_true(testdev_count(&m->t, TESTDEV_MAPPINGS) > 0);
}

static void after_shadow(Moving *m)
{
    Plain plain;
    Shadow shadow;

    expect_write(m, IOVA + 0x10f000, BOARD_RAM + MIB2 + 0xf000);
    expect_write(m, IOVA, m->page);
    if (m->to_ours) {
        plain_init(&plain, &m->d, 48);
        shadow_resume(&shadow, &m->t, &plain);
        shadow_expect(&shadow);
        qvtd_map(&m->d, &m->domain, IOVA + 0x100000, 0, 1, 0);
        qvtd_invalidate(&m->d, QVTD_INV_IOTLB_PAGES(1, IOVA + 0x100000, 0));
        shadow_expect_steps(&shadow, 0, 1);
        expect_goes_on(m);
        shadow_expect(&shadow);
        shadow_expect_translation(&shadow);
        testdev_expect_no_error(&m->t);
        shadow_stop(&shadow);
        plain_end(&plain);
    }
}

/* Registers that were written and not latched since */

static void before_unlatched(Moving *m)
{
    start_mapped(m);
    qvtd_write64(&m->d, QVTD_RTADDR, 0x123000);
    qvtd_write64(&m->d, QVTD_IRTA, 0x456000 | 15);
    qvtd_write64(&m->d, QVTD_IVA, 0x789000);
}

static void after_unlatched(Moving *m)
{
    expect_write(m, IOVA, m->page);
    expect_goes_on(m);
    qvtd_set_root(&m->d, 0x123000);
    expect_read_fault(m, IOVA, 0x01);
}

/* All is off, and some of it is prepared */

static void before_off(Moving *m)
{
    m->domain = qvtd_domain_new(&m->d, 1, 4);
    qvtd_map(&m->d, &m->domain, IOVA, m->page, 1, QVTD_RW);
    qvtd_attach(&m->d, m->t.sid, &m->domain);
    m->d.queue = qvtd_alloc(&m->d, 1);
    m->d.entries = QVTD_PAGE / 16;
    qvtd_write64(&m->d, QVTD_RTADDR, m->d.root);
    qvtd_write64(&m->d, QVTD_IQA, m->d.queue);
    qvtd_queue_put(&m->d, QVTD_WAIT(QVTD_WAIT_SW, 0x88, m->d.status));
    qvtd_write64(&m->d, QVTD_IQT, m->d.tail << 4);
    qvtd_write32(&m->d, QVTD_IECTL, 0);
    qvtd_write32(&m->d, QVTD_IEDATA, 0x62);
    qvtd_write32(&m->d, QVTD_IEADDR, QVTD_MSI_ADDR);
}

static void after_off(Moving *m)
{
    Lapic lapic;

    expect_write(m, m->page, m->page);
    expect_eq(qtest_readl(m->d.qts, m->d.status), 0);
    qvtd_command(&m->d, QVTD_QIE, true);
    qvtd_queue_kick(&m->d);
    expect_eq(qtest_readl(m->d.qts, m->d.status), 0x88);
    lapic_start(&lapic, m->d.qts, 0);
    qvtd_invalidate(&m->d, QVTD_WAIT(QVTD_WAIT_IF, 0, 0));
    expect_eq(lapic_take(&lapic), 0x62);
    qvtd_enable(&m->d);
    expect_write(m, IOVA, m->page);
    expect_goes_on(m);
}

/* Scalable mode, in each stage; what QEMU's own unit says of faults differs */

#define FIRST_LEAF              (QVTD_FS_USER | QVTD_FS_A | QVTD_FS_D)

static void expect_scalable_fault(Moving *m, uint64_t iova, uint8_t reason)
{
    uint64_t value;

    expect_true(!testdev_dma_read(&m->t, iova, &value));
    if (m->to_ours) {
        qvtd_expect_fault(&m->d, reason, m->t.sid, iova, true);
    } else {
        qvtd_write64(&m->d, QVTD_FRCD_HI, QVTD_FRCD_F);
    }
}

/* QEMU's own unit wants a width in each entry, as Linux writes it */
static void set_width(Moving *m, uint64_t aw)
{
    uint64_t entry = qvtd_pasid_entry(&m->d, m->t.sid, 0);

    qvtd_put(&m->d, entry, qvtd_get(&m->d, entry) | QVTD_PE_AW(aw));
}

static void start_second(Moving *m)
{
    qvtd_use_scalable(&m->d);
    m->domain = qvtd_domain_new(&m->d, 1, 4);
    qvtd_map(&m->d, &m->domain, IOVA, m->page, 1, QVTD_RW);
    qvtd_map(&m->d, &m->domain, IOVA_LARGE, BOARD_RAM, 2, QVTD_RW);
    qvtd_sm_attach_second(&m->d, m->t.sid, &m->domain);
    qvtd_enable(&m->d);
    expect_write(m, IOVA, m->page);
}

static void before_second(Moving *m)
{
    start_second(m);
    qvtd_map(&m->d, &m->domain, IOVA, m->other, 1, QVTD_RW);
    for (int i = 0; i < 100; i++) {     /* a tail that has another unit */
        qvtd_invalidate(&m->d, QVTD_INV_PASID_CACHE_ONE(9, 0));
    }
}

static void after_second(Moving *m)
{
    expect_write(m, IOVA, m->other);
    expect_write(m, IOVA_LARGE + MIB2 - 8, BOARD_RAM + MIB2 - 8);
    expect_scalable_fault(m, IOVA + 0x1000, QVTD_F_SS);
    expect_goes_on(m);
}

/* RTADDR has been written, and SRTP has not */

static void before_second_unlatched(Moving *m)
{
    start_second(m);
    qvtd_write64(&m->d, QVTD_RTADDR, 0x123000 | QVTD_TTM_SCALABLE);
}

static void after_second_unlatched(Moving *m)
{
    expect_write(m, IOVA, m->page);
    expect_goes_on(m);
}

static void start_first(Moving *m, unsigned levels, const QVtdDomain *under)
{
    m->first = qvtd_first_new(&m->d, 2, levels, under);
    qvtd_first_map(&m->d, &m->first, IOVA, m->page, 1, FIRST_LEAF);
    qvtd_first_map(&m->d, &m->first, IOVA_LARGE, BOARD_RAM, 2, FIRST_LEAF);
    qvtd_sm_attach_first(&m->d, m->t.sid, &m->first);
    if (!under) {
        set_width(m, QVTD_AW_48);
    }
    qvtd_enable(&m->d);
    expect_write(m, IOVA, m->page);
    qvtd_first_map(&m->d, &m->first, IOVA, m->other, 1, FIRST_LEAF);
}

static void before_first(Moving *m)
{
    qvtd_use_scalable(&m->d);
    start_first(m, 4, NULL);
}

static void after_first(Moving *m)
{
    uint64_t page = qvtd_alloc(&m->d, 1);

    expect_write(m, IOVA, m->other);
    expect_write(m, IOVA_LARGE + MIB2 - 8, BOARD_RAM + MIB2 - 8);
    expect_scalable_fault(m, IOVA + 0x1000, QVTD_F_FS);
    qvtd_first_map(&m->d, &m->first, IOVA, page, 1, FIRST_LEAF);
    qvtd_invalidate(&m->d, QVTD_INV_PASID_IOTLB_ALL(2, 0));
    expect_write(m, IOVA, page);
}

static void before_nested(Moving *m)
{
    qvtd_use_scalable(&m->d);
    m->domain = qvtd_domain_new(&m->d, 2, 5);
    start_first(m, 5, &m->domain);
}

static void before_scalable_through(Moving *m)
{
    qvtd_use_scalable(&m->d);
    qvtd_sm_attach_pass_through(&m->d, m->t.sid, 1);
    set_width(m, QVTD_AW_48);
    qvtd_enable(&m->d);
    expect_write(m, m->page, m->page);
}

static void after_scalable_through(Moving *m)
{
    expect_write(m, m->page, m->page);
    m->domain = qvtd_domain_new(&m->d, 1, 4);
    qvtd_map(&m->d, &m->domain, IOVA, m->other, 1, QVTD_RW);
    qvtd_sm_attach_second(&m->d, m->t.sid, &m->domain);
    qvtd_invalidate_all(&m->d);
    expect_write(m, IOVA, m->other);
    expect_goes_on(m);
}

#define SCALABLE                ",x-scalable-mode=on"
#define FULL                    SCALABLE ",x-scalable-full=on,aw-bits=57"

static const State states[] = {
    { "mapped", "", PLAIN, PLAIN_SID, before_mapped, after_mapped },
    { "options", ",dma-drain=off,device-iotlb=on,pt=off,intremap=off", PLAIN,
      PLAIN_SID, before_mapped, after_mapped },
    { "queue-error", "", PLAIN, PLAIN_SID, before_queue_error,
      after_queue_error },
    { "fault", "", PLAIN, PLAIN_SID, before_fault, after_fault },
    { "completion", "", PLAIN, PLAIN_SID, before_completion,
      after_completion },
    { "interrupts", "", PLAIN, PLAIN_SID, before_interrupts,
      after_interrupts },
    { "x2apic", ",eim=on", PLAIN, PLAIN_SID, before_x2apic, after_x2apic },
    { "pass-through", "", PLAIN, PLAIN_SID, before_pass_through,
      after_pass_through },
    { "shadow", ",caching-mode=on", PLAIN, PLAIN_SID, before_shadow,
      after_shadow },
    { "bridge", ",caching-mode=on",
      "-device pcie-root-port,id=rp,addr=5 -device vtd-testdev,bus=rp",
      BUS << 8, before_shadow, after_shadow },
    { "unlatched", "", PLAIN, PLAIN_SID, before_unlatched, after_unlatched },
    { "off", "", PLAIN, PLAIN_SID, before_off, after_off },
    { "scalable/second", SCALABLE, PLAIN, PLAIN_SID, before_second,
      after_second },
    { "scalable/unlatched", SCALABLE, PLAIN, PLAIN_SID,
      before_second_unlatched, after_second_unlatched },
    { "scalable/first", SCALABLE ",x-flts=on", PLAIN, PLAIN_SID,
      before_first, after_first },
    { "scalable/pass-through", SCALABLE, PLAIN, PLAIN_SID,
      before_scalable_through, after_scalable_through },
    { "scalable/legacy", SCALABLE ",device-iotlb=on", PLAIN, PLAIN_SID,
      before_mapped, after_mapped },
    { "scalable/full/second", FULL, PLAIN, PLAIN_SID, before_second,
      after_second },
    { "scalable/full/nested", FULL, PLAIN, PLAIN_SID, before_nested,
      after_first },
};

/* A case: a state on a route */

typedef struct Case {
    const State *state;
    const Route *route;
} Case;

static void read_registers(QVtd *d, uint32_t regs[QVTD_SIZE / 4])
{
    for (unsigned i = 0; i < QVTD_SIZE / 4; i++) {
        regs[i] = qvtd_read32(d, i * 4);
    }
}

/* Of QEMU's own device, IQA reads as what was latched last */
static void expect_same_registers(const uint32_t before[QVTD_SIZE / 4],
                                  const uint32_t after[QVTD_SIZE / 4],
                                  bool both_ours)
{
    for (unsigned i = 0; i < QVTD_SIZE / 4; i++) {
        if (after[i] != before[i] &&
            (both_ours || (i * 4 & ~4u) != QVTD_IQA)) {
            qvtd_row("register 0x%03x", i * 4);
            expect_eq(after[i], before[i]);
        }
    }
}

static void test_state(gconstpointer data)
{
    const Case *c = data;
    const State *state = c->state;
    const Route *route = c->route;
    g_autofree char *dir = g_dir_make_tmp("vtd-migrate-XXXXXX", NULL);
    g_autofree char *drive = route->way == QVTD_WAY_SNAPSHOT
                             ? qvtd_snapshot_drive(dir) : NULL;
    g_autofree char *args = g_strconcat(state->args, drive, NULL);
    g_autofree char *command_line = qvtd_command_line(state->props, args);
    uint32_t before[QVTD_SIZE / 4], after[QVTD_SIZE / 4];
    Moving m = { .to_ours = g_str_equal(route->to, QVTD_OURS) };

    qvtd_row("before");
    qvtd_take(&m.d, qtest_init_ext(route->from, command_line, NULL, true));
    if (state->sid >> 8) {
        board_number_bus(&m.d, BRIDGE, state->sid >> 8, state->sid >> 8);
    }
    testdev_start(&m.t, &m.d, state->sid);
    m.page = qvtd_alloc(&m.d, 1);
    m.other = qvtd_alloc(&m.d, 1);
    state->before(&m);
    read_registers(&m.d, before);
    testdev_stop(&m.t);

    qvtd_move(&m.d, route->way, route->to, command_line, dir);

    read_registers(&m.d, after);
    expect_same_registers(before, after, m.to_ours &&
                          g_str_equal(route->from, QVTD_OURS));
    qvtd_row("after");
    testdev_start(&m.t, &m.d, state->sid);
    state->after(&m);
    testdev_stop(&m.t);
    qvtd_stop(&m.d);
    if (drive) {
        g_unlink(strstr(drive, dir));
    }
    g_rmdir(dir);
}

/* What cannot go together */

static bool loads(const char *from, const char *from_props,
                  const char *to, const char *to_props, char **errors)
{
    g_autofree char *dir = g_dir_make_tmp("vtd-migrate-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "state", NULL);
    g_autofree char *log = g_build_filename(dir, "errors", NULL);
    g_autofree char *uri = g_strconcat("file:", file, NULL);
    g_autofree char *from_line = qvtd_command_line(from_props, "");
    g_autofree char *to_line = qvtd_command_line(to_props, "");
    QTestState *qts = qtest_init_ext(from, from_line, NULL, true);
    bool ok;

    qvtd_save_state(qts, uri);
    qtest_quit(qts);
    qts = qvtd_wait_for_state(to, to_line, log);
    ok = qvtd_take_state(qts, uri);
    qtest_quit(qts);
    g_assert_true(g_file_get_contents(log, errors, NULL, NULL));
    g_unlink(log);
    g_unlink(file);
    g_rmdir(dir);
    return ok;
}

typedef struct Unlike {
    const char *from, *to;      /* properties */
    const char *words;          /* of the message; NULL if it loads */
} Unlike;

static const Unlike unlike[] = {
    { ",caching-mode=on", ",caching-mode=off", "caching-mode=on" },
    { ",caching-mode=off", ",caching-mode=on", "caching-mode=off" },
    /* Settled by a device that was there, and is not any more */
    { ",caching-mode=on", "", NULL },
    { ",caching-mode=off", "", NULL },
    { ",aw-bits=39", ",aw-bits=48", "aw-bits=39" },
    { ",aw-bits=48", ",aw-bits=39", "aw-bits=48" },
    { ",intremap=off", "", "intremap=off" },
    { ",eim=on", ",eim=off", "eim=on" },
    { ",pt=off", "", "pt=off" },
    { ",device-iotlb=on", "", "device-iotlb=on" },
    { ",snoop-control=on", "", "snoop-control=on" },
    { ",dma-drain=off", "", "dma-drain=off" },
    { ",dma-translation=off", "", "dma-translation=off" },
    { ",max-mappings=1000,stale-tm=on", "", NULL },
    { ",x-scalable-mode=on", "", "-mode=on" },
    { ",x-scalable-mode=on,x-scalable-full=on", ",x-scalable-mode=on",
      "x-scalable-full=on" },
    { ",x-scalable-mode=on,x-scalable-full=on,aw-bits=57",
      ",x-scalable-mode=on,x-scalable-full=on", "aw-bits=57" },
    { ",x-scalable-mode=on,x-scalable-full=on",
      ",scalable-mode=on,x-scalable-full=on,pasid-bits=9", NULL },
    { ",x-scalable-mode=on,x-flts=on,fs1gp=off",
      ",x-scalable-mode=on,x-flts=on", "fs1gp=off" },
    { ",x-scalable-mode=on,x-pasid-mode=on",
      ",x-scalable-mode=on,pasid-bits=20", NULL },
    { ",x-scalable-mode=on", ",x-scalable-mode=on,pasid-bits=20",
      "pasid-bits=0" },
    /* The width of physical addresses is in no register */
    { ",aw-bits=39 -cpu qemu64,phys-bits=46", ",aw-bits=39", NULL },
    { ",aw-bits=39", ",aw-bits=39 -cpu qemu64,phys-bits=46", NULL },
};

static void check_unlike(const char *from, const char *to,
                         const Unlike *rows, unsigned n)
{
    for (int i = 0; i < n; i++) {
        g_autofree char *errors = NULL;

        qvtd_row("\"%s\" to \"%s\"", rows[i].from, rows[i].to);
        expect_eq(loads(from, rows[i].from, to, rows[i].to, &errors),
                  !rows[i].words);
        if (rows[i].words) {
            expect_mentions(errors, "intel-iommu:");
            expect_mentions(errors, rows[i].words);
        }
    }
}

static void test_unlike(void)
{
    check_unlike(QVTD_OURS, QVTD_OURS, unlike, ARRAY_SIZE(unlike));
}

static void test_unlike_stock(void)
{
    /* The names that QEMU's own unit has are those in messages, too */
    static const Unlike rows[][3] = { {
        { ",x-scalable-mode=on", "", ",x-scalable-mode=on" },
        { ",x-scalable-mode=on,x-flts=on,aw-bits=48", "",
          ",x-scalable-mode=on" },
        { ",caching-mode=on", ",caching-mode=off", "caching-mode=on" },
    }, {
        { ",scalable-mode=on", "", ",scalable-mode=on" },
        { ",scalable-mode=on,fsts=on,aw-bits=48", "", ",scalable-mode=on" },
        { ",caching-mode=on", ",caching-mode=off", "caching-mode=on" },
    } };
    bool newer = qvtd_has_option(QVTD_STOCK, "intel-iommu", "scalable-mode");

    check_unlike(QVTD_STOCK, QVTD_OURS, rows[newer], ARRAY_SIZE(rows[newer]));
}

static bool plug(QVtd *d, const char *words)
{
    QDict *response =
        qtest_qmp(d->qts, "{ 'execute': 'device_add', 'arguments': {"
                  " 'driver': 'vtd-testdev', 'id': 'hot', 'bus': 'rp',"
                  " 'host-aw-bits': 48 } }");
    QDict *error = qdict_get_qdict(response, "error");
    bool refused = error;

    if (error) {
        expect_mentions(qdict_get_str(error, "desc"), words);
    }
    qobject_unref(response);
    return !refused;
}

/*
 * QEMU's own unit does not ask for write-buffer flushes, so that its guest
 * does not tell of what it maps in the first stage until it is reset
 */
static void test_untold(void)
{
    g_autofree char *dir = g_dir_make_tmp("vtd-migrate-XXXXXX", NULL);
    g_autofree char *line = qvtd_command_line(
        ",x-scalable-mode=on,x-flts=on,caching-mode=on",
        "-device pcie-root-port,id=rp");
    QVtd d;

    qvtd_take(&d, qtest_init_ext(QVTD_STOCK, line, NULL, true));
    expect_true(!(qvtd_read64(&d, QVTD_CAP) & CAP_RWBF));
    qvtd_move(&d, QVTD_WAY_FILE, QVTD_OURS, line, dir);
    expect_true(!(qvtd_read64(&d, QVTD_CAP) & CAP_RWBF));
    expect_true(!plug(&d, "does not tell of its mappings"));
    qtest_system_reset(d.qts);
    expect_true(qvtd_read64(&d, QVTD_CAP) & CAP_RWBF);
    expect_true(plug(&d, ""));
    qvtd_stop(&d);
    g_rmdir(dir);
}

/* A status that is written when its page was saved already goes along */
static void test_status(void)
{
    g_autofree char *dir = g_dir_make_tmp("vtd-migrate-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "state", NULL);
    g_autofree char *uri = g_strconcat("file:", file, NULL);
    g_autofree char *line = qvtd_command_line("", "");
    QTestState *to = qvtd_wait_for_state(QVTD_OURS, line, NULL);
    uint64_t page;
    QVtd d;

    qvtd_take(&d, qtest_init_ext(QVTD_OURS, line, NULL, true));
    qvtd_queue_start(&d, 0);
    page = qvtd_alloc(&d, 3);
    qvtd_save_memory(d.qts, uri);
    for (unsigned i = 0; i < 3; i++) {
        qvtd_queue_put(&d, QVTD_WAIT(QVTD_WAIT_SW, i + 1,
                                     page + i * QVTD_PAGE));
        qvtd_queue_kick(&d);
        qvtd_expect_done(&d);
    }
    qvtd_save_rest(d.qts);
    g_assert_true(qvtd_take_state(to, uri));
    for (unsigned i = 0; i < 3; i++) {
        qvtd_row("status %u", i);
        expect_eq(qtest_readl(to, page + i * QVTD_PAGE), i + 1);
    }
    g_unlink(file);
    g_rmdir(dir);
    qtest_quit(to);
    qvtd_stop(&d);
}

/* What a guest has read of the one must be what it reads of the other */
static void check_capabilities(const char *line)
{
    uint32_t ours[QVTD_SIZE / 4], theirs[QVTD_SIZE / 4];
    QVtd d = { };

    qvtd_row("%s", line);
    qvtd_connect(&d, qtest_init_ext(QVTD_STOCK, line, NULL, true));
    read_registers(&d, theirs);
    qtest_quit(d.qts);
    qvtd_connect(&d, qtest_init_ext(QVTD_OURS, line, NULL, true));
    read_registers(&d, ours);
    qtest_quit(d.qts);
    expect_same_registers(theirs, ours, false);
}

static void test_capabilities(void)
{
    static const char *const lines[] = {
        "-machine q35 -device intel-iommu",
        "-machine q35 -device intel-iommu,caching-mode=on,device-iotlb=on",
        "-machine q35 -device intel-iommu,aw-bits=39,pt=off,intremap=off",
        "-machine q35 -device intel-iommu,eim=on,snoop-control=on",
        "-machine q35 -device intel-iommu,dma-drain=off,dma-translation=off",
        "-machine q35 -device intel-iommu,x-scalable-mode=on",
        "-machine q35 -device intel-iommu,x-scalable-mode=on,aw-bits=39,"
            "caching-mode=on,device-iotlb=on,snoop-control=on",
        "-machine q35 -device intel-iommu,x-scalable-mode=on,pt=off,"
            "x-pasid-mode=on,eim=on",
        "-machine q35 -device intel-iommu,x-scalable-mode=on,x-flts=on",
        "-machine q35 -device intel-iommu,x-scalable-mode=on,x-flts=on,"
            "fs1gp=off,x-pasid-mode=on,intremap=off",
        "-machine pc-q35-9.1 -device intel-iommu",
        "-machine pc-q35-8.2 -device intel-iommu,caching-mode=on",
    };

    for (int i = 0; i < ARRAY_SIZE(lines); i++) {
        check_capabilities(lines[i]);
    }
}

static void test_old_capabilities(gconstpointer data)
{
    const char *machine = data;
    g_autofree char *line = g_strdup_printf("-machine %s -device intel-iommu",
                                            machine);

    if (!qtest_has_machine(machine)) {
        g_test_skip("this QEMU has no such machine");
        return;
    }
    check_capabilities(line);
}

/* The description of the section, as QEMU gives it: fields and their sizes */
static char *section_description(const char *binary)
{
    g_autofree char *file = NULL;
    g_autofree char *text = NULL;
    g_autofree char *command = NULL;
    char *start, *end;
    int fd = g_file_open_tmp("vtd-vmstate-XXXXXX", &file, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    command = g_strdup_printf("%s -machine q35 -dump-vmstate %s",
                              g_getenv(binary), file);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_unlink(file);
    start = strstr(text, "  \"intel-iommu\": {\n");
    g_assert_nonnull(start);
    end = strstr(start, "\n  }");
    g_assert_nonnull(end);
    return g_strndup(start, end - start);
}

static void test_description(void)
{
    g_autofree char *ours = section_description(QVTD_OURS);
    g_autofree char *theirs = section_description(QVTD_STOCK);

    g_assert_nonnull(strstr(ours, "\"iq_last_desc_type\""));
    g_assert_cmpstr(ours, ==, theirs);
}

static bool is_possible(const Route *route, const State *state)
{
    bool ours_alone = strstr(state->props, "x-scalable-full");

    return g_getenv(route->from) && g_getenv(route->to) &&
           (!ours_alone || (g_str_equal(route->from, QVTD_OURS) &&
                            g_str_equal(route->to, QVTD_OURS))) &&
           (route->way != QVTD_WAY_SNAPSHOT || g_getenv("QTEST_QEMU_IMG"));
}

int main(int argc, char **argv)
{
    static const char *const old[] = {
        "pc-q35-6.2", "pc-q35-4.0", "pc-q35-3.1", "pc-q35-2.9", "pc-q35-2.7",
    };

    g_test_init(&argc, &argv, NULL);
    for (int r = 0; r < ARRAY_SIZE(routes); r++) {
        for (int i = 0; i < (routes[r].states ?: ARRAY_SIZE(states)); i++) {
            g_autofree char *path = g_strdup_printf(
                "/intel-iommu/migrate/%s/%s", routes[r].name, states[i].name);
            Case *c;

            if (is_possible(&routes[r], &states[i])) {
                c = g_new(Case, 1);
                *c = (Case) { &states[i], &routes[r] };
                qtest_add_data_func_full(path, c, test_state, g_free);
            }
        }
    }
    qtest_add_func("/intel-iommu/migrate/status", test_status);
    qtest_add_func("/intel-iommu/migrate/unlike", test_unlike);
    if (g_getenv(QVTD_STOCK)) {
        qtest_add_func("/intel-iommu/migrate/unlike-stock",
                       test_unlike_stock);
        qtest_add_func("/intel-iommu/migrate/untold", test_untold);
        qtest_add_func("/intel-iommu/migrate/capabilities",
                       test_capabilities);
        for (int i = 0; i < ARRAY_SIZE(old); i++) {
            g_autofree char *path = g_strdup_printf(
                "/intel-iommu/migrate/capabilities/%s", old[i]);

            qtest_add_data_func(path, old[i], test_old_capabilities);
        }
        qtest_add_func("/intel-iommu/migrate/description", test_description);
    }
    return g_test_run();
}
