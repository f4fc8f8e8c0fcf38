/*
 * VT-d qtests: reset of the machine and of devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A reset comes when everything is in use: shadows with small and large
 * mappings, DMA under way, a fault and an error of the queue pending,
 * interrupts remapped.  Afterwards nothing of it is left, and all of it can
 * be had again.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "vtd-edu.h"
#include "vtd-lapic.h"
#include "vtd-board.h"

#define RAM                     BOARD_RAM
#define PORT                    QPCI_DEVFN(5, 0)
#define ROOT_PORT               " -device pcie-root-port,id=rp,addr=5"
#define A                       QPCI_DEVFN(3, 0)
#define B                       QPCI_DEVFN(4, 0)

/* Small pages and a large one, and what goes with them */
static void fill(Board *w)
{
    BOARD_EDIT(w, LEAVES(1, IOVA, RAM, 300), LEAVES(2, IOVA + MIB2, RAM, 4),
               SAME_LEAVES(1, 2 * IOVA, RAM, 40));
    qvtd_invalidate(&w->d, QVTD_INV_IOTLB_DOMAIN(w->domain.id));
}

static void expect_bare(Testdev *t)
{
    expect_eq(testdev_count(t, TESTDEV_SECTIONS), 0);
    expect_eq(testdev_count(t, TESTDEV_MAPPINGS), 0);
    testdev_expect_no_error(t);
}

static void test_machine(void)
{
    Board w;

    board_start(&w, "", "", ROOT_PORT " -device vtd-testdev,bus=rp");
    for (int round = 0; round < 4; round++) {
        Testdev behind;
        uint64_t value = 0;
        uint8_t bus = round + 1;

        qvtd_row("use, round %d", round);
        board_number_bus(&w.d, PORT, bus, bus);
        testdev_start(&behind, &w.d, bus << 8);
        qvtd_attach(&w.d, bus << 8, &w.domain);
        board_attach_b(&w);
        fill(&w);
        shadow_expect(&w.sa);
        shadow_expect(&w.sb);
        expect_true(qvtd_stat(&w.d, "shadow-leaves") >= 344);
        expect_true(testdev_dma_read(&behind, IOVA, &value));
        expect_true(!testdev_dma_read(&behind, IOVA - 8, &value));
        expect_eq(testdev_command(&w.a, TESTDEV_LOOP, 7, IOVA, 300ull, 7ull,
                                  100000ull, 8ull, 0ull, 0ull), TESTDEV_OK);
        if (round % 2) {
            /* No such descriptor: the queue stops */
            qvtd_queue_put(&w.d, QVTD_DESC(0, 0));
            qvtd_queue_kick(&w.d);
            expect_eq(qvtd_read32(&w.d, QVTD_FSTS) & QVTD_FSTS_IQE,
                      QVTD_FSTS_IQE);
        }
        shadow_stop(&w.sa);
        shadow_stop(&w.sb);
        w.sb.t = NULL;
        testdev_stop(&behind);
        testdev_stop(&w.a);
        testdev_stop(&w.b);

        qvtd_row("reset, round %d", round);
        qvtd_reset(&w.d);
        expect_eq(qvtd_read32(&w.d, QVTD_GSTS), 0);
        expect_eq(qvtd_read32(&w.d, QVTD_FSTS), 0);
        qvtd_expect_no_fault(&w.d);
        expect_eq(qvtd_stat(&w.d, "shadow-leaves"), 0);
        testdev_start(&w.a, &w.d, A);
        testdev_start(&w.b, &w.d, B);
        /* It fails from the reset on, but it ends */
        while (testdev_count(&w.a, TESTDEV_LOOP_RUNNING)) {
            g_usleep(1000);
        }
        expect_eq(testdev_count(&w.a, TESTDEV_LOOP_DONE), 100000);
        expect_bare(&w.a);
        expect_bare(&w.b);
        qtest_writeq(w.d.qts, RAM, 0x77);
        expect_true(testdev_dma_read(&w.a, RAM, &value));
        expect_eq(value, 0x77);

        qvtd_row("on again, round %d", round);
        qvtd_enable(&w.d);
        w.domain = qvtd_domain_new(&w.d, 2 + round, 4);
        shadow_start(&w.sa, &w.a, &w.plain);
        qvtd_attach(&w.d, A, &w.domain);
        qvtd_invalidate_all(&w.d);
        shadow_expect(&w.sa);
        shadow_expect_translation(&w.sa);
    }
    board_stop(&w);
}

/* Twice in a row, and before anything was used */
static void test_idle(void)
{
    QVtd d;
    uint64_t cap, views;

    qvtd_start(&d, "", "", "-device edu");
    cap = qvtd_read64(&d, QVTD_CAP);
    views = qvtd_stat(&d, "view-switches");
    for (int i = 0; i < 3; i++) {
        qvtd_row("reset %d", i);
        qvtd_reset(&d);
        expect_eq(qvtd_read64(&d, QVTD_CAP), cap);
        expect_eq(qvtd_stat(&d, "view-switches"), views);
    }
    qvtd_stop(&d);
}

/* No cached interrupt entry is used after a reset, nor is the old table */
static void test_interrupts(void)
{
    EduPair p;
    Lapic lapic;

    edu_pair_start(&p, "", "", "");
    for (int round = 0; round < 3; round++) {
        uint8_t vector = 0x40 + round;

        qvtd_row("round %d", round);
        lapic_start(&lapic, p.d.qts, 0);
        qvtd_remap_enable(&p.d, 7, 0);
        if (round) {
            /* The entry is not present in the new table */
            edu_msi_program(&p.a, QVTD_MSI_ADDR | QVTD_MSI_REMAP |
                            QVTD_MSI_HANDLE(3), 0);
            edu_msi_fire(&p.a);
            expect_eq(lapic_take(&lapic), LAPIC_NONE);
            qvtd_expect_fault(&p.d, QVTD_F_IR_ENTRY, p.a.sid, 3ull << 48,
                              false);
        }
        qvtd_set_irte(&p.d, 3, QVTD_P | QVTD_IRTE_V(vector), 0);
        edu_msi_program(&p.a, QVTD_MSI_ADDR | QVTD_MSI_REMAP |
                        QVTD_MSI_HANDLE(3), 0);
        edu_msi_fire(&p.a);
        expect_eq(lapic_take(&lapic), vector);

        edu_pair_reset(&p);
        lapic_start(&lapic, p.d.qts, 0);
        edu_msi_program(&p.a, QVTD_MSI_ADDR, 0x60 + round);
        edu_msi_fire(&p.a);
        expect_eq(lapic_take(&lapic), 0x60 + round);
        qvtd_expect_no_fault(&p.d);
        edu_pair_reset(&p);
    }
    edu_pair_stop(&p);
}

/* The reset of a device, by its bus, leaves its mappings alone */
static void test_device(void)
{
    const uint16_t sid = 1 << 8;
    QPCIDevice *port;
    Testdev t;
    Board w;

    board_start(&w, "", "", ROOT_PORT " -device vtd-testdev,bus=rp");
    board_number_bus(&w.d, PORT, 1, 1);
    port = qpci_device_find(w.d.pci, PORT);
    qvtd_attach(&w.d, sid, &w.domain);
    fill(&w);
    qvtd_invalidate_all(&w.d);
    shadow_expect(&w.sa);
    for (int round = 0; round < 3; round++) {
        uint64_t mappings, value;

        qvtd_row("round %d", round);
        testdev_start(&t, &w.d, sid);
        expect_true(testdev_dma_read(&t, IOVA, &value));
        mappings = testdev_count(&t, TESTDEV_MAPPINGS);
        expect_true(mappings > 340);
        qpci_config_writew(port, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
        qpci_config_writew(port, PCI_BRIDGE_CONTROL, 0);
        testdev_stop(&t);
        shadow_expect_quiet(&w.sa);

        testdev_start(&t, &w.d, sid);
        expect_eq(testdev_count(&t, TESTDEV_MAPPINGS), mappings);
        expect_true(testdev_dma_read(&t, IOVA, &value));
        testdev_expect_no_error(&t);
        testdev_stop(&t);
    }
    g_free(port);
    board_stop(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/reset/machine", test_machine);
    qtest_add_func("/intel-iommu/reset/idle", test_idle);
    qtest_add_func("/intel-iommu/reset/interrupts", test_interrupts);
    qtest_add_func("/intel-iommu/reset/device", test_device);
    return g_test_run();
}
