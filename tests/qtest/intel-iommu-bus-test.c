/*
 * VT-d qtests: devices that are not on the first bus
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Software numbers the buses, long after the machine was made, and may do so
 * again: requests carry the numbers of the day.  A bridge to conventional
 * PCI puts its own source id into the requests of all that is behind it.
 */

#include "qemu/osdep.h"
#include "vtd-edu.h"
#include "vtd-lapic.h"
#include "vtd-board.h"

#define BRIDGE                  QPCI_DEVFN(5, 0)

static void expect_reaches(EduDevice *e, uint64_t pa, uint64_t value)
{
    edu_write64(e, IOVA, value);
    expect_eq(qtest_readq(e->d->qts, pa), value);
    expect_eq(edu_read64(e, IOVA), value);
    qvtd_expect_no_fault(e->d);
}

/* One bus, numbered again and again */
static void test_root_port(void)
{
    static const uint8_t numbers[] = { 1, 7, 255, 1 };
    QVtd d;

    qvtd_start(&d, "", "", "-device pcie-root-port,id=rp,addr=5 "
               "-device edu,dma_mask=0xffffffffffffffff,bus=rp");
    qvtd_enable(&d);
    for (int i = 0; i < ARRAY_SIZE(numbers); i++) {
        uint64_t page = qvtd_alloc(&d, 1);
        QVtdDomain domain = qvtd_domain_new(&d, i + 1, 4);
        EduDevice e;

        qvtd_row("bus %u", numbers[i]);
        board_number_bus(&d, BRIDGE, numbers[i], numbers[i]);
        edu_start(&e, &d, numbers[i] << 8);
        qtest_memset(d.qts, d.root, 0, QVTD_PAGE);
        qvtd_invalidate_all(&d);
        edu_dma_write(&e, IOVA, 0, 8);
        qvtd_expect_fault(&d, QVTD_F_ROOT, e.sid, IOVA, false);

        qvtd_map(&d, &domain, IOVA, page, 1, QVTD_RW);
        qvtd_attach(&d, e.sid, &domain);
        qvtd_invalidate_all(&d);
        expect_reaches(&e, page, 0x1111 * (i + 1));

        qvtd_row("bus %u, device invalidated", numbers[i]);
        qtest_writeq(d.qts, qvtd_context_entry(&d, e.sid), 0);
        qvtd_invalidate(&d, QVTD_INV_CONTEXT_DEVICE(domain.id, e.sid, 0));
        qvtd_invalidate(&d, QVTD_INV_IOTLB_DOMAIN(domain.id));
        edu_dma_write(&e, IOVA, 0, 8);
        qvtd_expect_fault(&d, QVTD_F_CONTEXT, e.sid, IOVA, false);
        edu_stop(&e);
    }
    qvtd_stop(&d);
}

/* The contexts of a bus are those of its number, whatever was cached before */
static void test_renumbered(void)
{
    QVtd d;
    uint64_t pages[2];
    EduDevice e;

    qvtd_start(&d, "", "", "-device pcie-root-port,id=rp,addr=5 "
               "-device edu,dma_mask=0xffffffffffffffff,bus=rp");
    for (int i = 0; i < 2; i++) {
        QVtdDomain domain = qvtd_domain_new(&d, i + 1, 4);

        pages[i] = qvtd_alloc(&d, 1);
        qvtd_map(&d, &domain, IOVA, pages[i], 1, QVTD_RW);
        qvtd_attach(&d, (i + 1) << 8, &domain);
    }
    qvtd_enable(&d);
    for (int round = 0; round < 4; round++) {
        uint8_t bus = round % 2 + 1;

        qvtd_row("bus %u, nothing invalidated, round %d", bus, round);
        board_number_bus(&d, BRIDGE, bus, bus);
        edu_start(&e, &d, bus << 8);
        expect_reaches(&e, pages[bus - 1], 0x1111 * (round + 1));
        edu_stop(&e);
    }
    qvtd_stop(&d);
}

/* Two devices behind a bridge to conventional PCI are one to the unit */
static void test_conventional(void)
{
    QVtd d;
    QVtdDomain domain;
    EduDevice a, b;
    uint64_t page;
    Lapic lapic;

    qvtd_start(&d, "", "", "-device pcie-pci-bridge,id=bridge,addr=5 "
               "-device edu,dma_mask=0xffffffffffffffff,bus=bridge,addr=2 "
               "-device edu,dma_mask=0xffffffffffffffff,bus=bridge,addr=3");
    lapic_start(&lapic, d.qts, 0);
    board_number_bus(&d, BRIDGE, 2, 2);
    edu_start(&a, &d, 2 << 8 | QPCI_DEVFN(2, 0));
    edu_start(&b, &d, 2 << 8 | QPCI_DEVFN(3, 0));
    a.sid = b.sid = 2 << 8;
    domain = qvtd_domain_new(&d, 1, 4);
    page = qvtd_alloc(&d, 1);
    qvtd_map(&d, &domain, IOVA, page, 1, QVTD_RW);
    qvtd_enable(&d);

    qvtd_row("no context");
    edu_dma_write(&a, IOVA, 0, 8);
    qvtd_expect_fault(&d, QVTD_F_ROOT, a.sid, IOVA, false);
    edu_dma_write(&b, IOVA, 0, 8);
    qvtd_expect_fault(&d, QVTD_F_ROOT, b.sid, IOVA, false);

    qvtd_row("one context for both");
    qvtd_attach(&d, a.sid, &domain);
    qvtd_invalidate_all(&d);
    expect_reaches(&a, page, 0x1111);
    expect_reaches(&b, page, 0x2222);

    qvtd_row("their interrupts too");
    qvtd_remap_enable(&d, 7, 0);
    qvtd_set_irte(&d, 3, QVTD_P | QVTD_IRTE_V(0x41),
                  QVTD_IRTE_SOURCE(1, 0, a.sid));
    edu_msi_program(&b, QVTD_MSI_ADDR | QVTD_MSI_REMAP | QVTD_MSI_HANDLE(3), 0);
    edu_msi_fire(&b);
    expect_eq(lapic_take(&lapic), 0x41);
    qvtd_expect_no_fault(&d);
    edu_stop(&a);
    edu_stop(&b);
    qvtd_stop(&d);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/bus/root-port", test_root_port);
    qtest_add_func("/intel-iommu/bus/renumbered", test_renumbered);
    qtest_add_func("/intel-iommu/bus/conventional", test_conventional);
    return g_test_run();
}
