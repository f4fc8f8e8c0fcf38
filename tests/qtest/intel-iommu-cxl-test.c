/*
 * VT-d qtests: the unit's structures in memory of CXL
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * To a guest it is memory as any other, once firmware has set the decoders;
 * QEMU models the window that leads to it as I/O.  Registers are modelled as
 * I/O, too, and the unit must not touch them.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "vtd-board.h"

#define A                       QPCI_DEVFN(3, 0)
#define RAM                     BOARD_RAM

/* Behind the registers of the host bridges, which are above all RAM */
#define WINDOW                  0x110000000ull
#define WINDOW_BYTES            0x10000000ull
/* In the window, but in no decoder */
#define UNDECODED               0x200000000ull

#define CXL_MACHINE \
    "-M cxl-fmw.0.targets.0=cxl,cxl-fmw.0.size=4G " \
    "-device pxb-cxl,id=cxl,bus=pcie.0,addr=10,bus_nr=52 " \
    "-device cxl-rp,id=rp,bus=cxl,chassis=0,slot=0,addr=0 " \
    "-object memory-backend-ram,id=cxl-memory,size=256M " \
    "-device cxl-type3,bus=rp,volatile-memdev=cxl-memory "

#define PORT                    (52 << 8)
#define BUS                     53

/* The component's registers: an array of capabilities, one of the decoders */
#define CAPABILITIES            0x1000
#define CAP_ID(header)          ((header) & 0xffff)
#define CAP_OFFSET(header)      ((header) >> 20)
#define CAP_DECODERS            5
#define DECODER_BASE            0x10
#define DECODER_SIZE            0x18
#define DECODER_CTRL            0x20
#define DECODER_COMMIT          (1u << 9)
#define DECODER_COMMITTED       (1u << 10)

/* What firmware does: the window leads to the device's memory */
static void commit_decoder(QVtd *d)
{
    QPCIDevice *dev;
    QPCIBar bar;
    uint64_t at = 0;

    board_number_bus(d, PORT, BUS, BUS);
    dev = qpci_device_find(d->pci, BUS << 8);
    g_assert_nonnull(dev);
    bar = qpci_iomap(dev, 0, NULL);
    /* It has no I/O ports, which qpci_device_enable() wants */
    qpci_config_writew(dev, PCI_COMMAND,
                       PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    for (unsigned i = 1; i < 16 && !at; i++) {
        uint32_t header = qpci_io_readl(dev, bar, CAPABILITIES + i * 4);

        if (CAP_ID(header) == CAP_DECODERS) {
            at = CAPABILITIES + CAP_OFFSET(header);
        }
    }
    g_assert_cmphex(at, !=, 0);
    qpci_io_writel(dev, bar, at + DECODER_BASE, (uint32_t)WINDOW);
    qpci_io_writel(dev, bar, at + DECODER_BASE + 4, WINDOW >> 32);
    qpci_io_writel(dev, bar, at + DECODER_SIZE, WINDOW_BYTES);
    qpci_io_writel(dev, bar, at + DECODER_SIZE + 4, 0);
    qpci_io_writel(dev, bar, at + DECODER_CTRL, DECODER_COMMIT);
    g_assert_cmphex(qpci_io_readl(dev, bar, at + DECODER_CTRL) &
                    DECODER_COMMITTED, !=, 0);
    g_free(dev);
    qtest_writeq(d->qts, WINDOW + 0x1000, 0x5a5a);
    g_assert_cmphex(qtest_readq(d->qts, WINDOW + 0x1000), ==, 0x5a5a);
}

static void expect_reaches(Testdev *t, uint64_t iova, uint64_t pa)
{
    expect_true(testdev_dma_write(t, iova, pa | 5));
    expect_eq(qtest_readq(t->d->qts, pa), pa | 5);
    qvtd_expect_no_fault(t->d);
}

static void test_structures(void)
{
    uint64_t entry;
    QVtdDomain domain;
    Board w;

    board_start(&w, "", "", "-machine cxl=on " CXL_MACHINE);
    commit_decoder(&w.d);
    qtest_port(w.d.port)->high_ram = WINDOW + WINDOW_BYTES;
    w.d.next_page = WINDOW;

    qvtd_row("last table");
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 3));
    entry = qvtd_entry(&w.d, &w.domain, IOVA, 1);
    g_assert_cmphex(entry, >=, WINDOW);
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    shadow_expect_steps(&w.sa, 3, 0);
    expect_reaches(&w.a, IOVA, RAM);

    qvtd_row("a page goes, page-selective");
    qtest_writeq(w.d.qts, entry + 8, 0);
    qvtd_invalidate(&w.d, FLUSH_PAGES(IOVA + QVTD_PAGE, 0));
    shadow_expect_steps(&w.sa, 0, 1);
    expect_true(!testdev_dma_write(&w.a, IOVA + QVTD_PAGE, 1));
    qvtd_expect_fault(&w.d, QVTD_F_WRITE, A, IOVA + QVTD_PAGE, false);

    qvtd_row("unchanged");
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    shadow_expect_quiet(&w.sa);

    qvtd_row("all tables");
    domain = qvtd_domain_new(&w.d, 1, 4);
    qvtd_edit(&w.d, &domain, (const Edit[]) { LEAVES(1, IOVA, RAM, 3) }, 1);
    g_assert_cmphex(domain.top, >=, WINDOW);
    qvtd_attach(&w.d, A, &domain);
    qvtd_invalidate_all(&w.d);
    shadow_expect_steps(&w.sa, 1, 0);
    expect_reaches(&w.a, IOVA + QVTD_PAGE, RAM + QVTD_PAGE);

    qvtd_row("context and root tables");
    w.d.root = qvtd_alloc(&w.d, 1);
    g_assert_cmphex(w.d.root, >=, WINDOW);
    qvtd_attach(&w.d, A, &domain);
    qvtd_set_root(&w.d, w.d.root);
    shadow_expect_quiet(&w.sa);
    expect_reaches(&w.a, IOVA, RAM);

    qvtd_row("queue and wait status");
    qvtd_queue_start(&w.d, 0);
    g_assert_cmphex(w.d.queue, >=, WINDOW);
    w.d.status = qvtd_alloc(&w.d, 1);
    expect_true(qvtd_queue_sync(&w.d));
    board_stop(&w);
}

/* A table pointer that leads to no memory: it is a fault, and nothing else */
static void test_no_memory(void)
{
    static const struct {
        const char *name;
        uint64_t at;
    } rows[] = {
        { "no decoder", UNDECODED },
        { "the unit's registers", QVTD_BASE },
        { "the host bridge's registers", 0x100000000 },
    };
    Board w;

    board_start(&w, "", "", "-machine cxl=on " CXL_MACHINE);
    commit_decoder(&w.d);
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 1));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    shadow_expect_steps(&w.sa, 1, 0);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s", rows[i].name);
        BOARD_EDIT(&w, ENTRY(2, IOVA, rows[i].at | QVTD_RW));
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        expect_true(!testdev_dma_write(&w.a, IOVA, 1));
        qvtd_expect_fault(&w.d, QVTD_F_TABLE_ACCESS, A, IOVA, false);
        shadow_expect(&w.sa);
    }
    board_stop(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/cxl/structures", test_structures);
    qtest_add_func("/intel-iommu/cxl/no-memory", test_no_memory);
    return g_test_run();
}
