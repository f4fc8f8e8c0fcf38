/*
 * VT-d qtests: shadows when the layout of the guest's memory changes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The guest's tables stay as they are, and nothing is invalidated: RAM comes
 * and goes where leaves lead to, and a device with DMA outside of QEMU is
 * notified of that at once, and of no other page.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "vtd-world.h"

#define IOVA                    0x40000000ull
#define MIB2                    0x200000ull
#define DIMM                    0x100000000ull
#define DIMM_BYTES              0x8000000ull

/* The host bridge's registers that make ROM areas RAM; 0xc0000 to 0xc7fff */
#define PAM1                    0x91
/* The ACPI registers of DIMMs */
#define DIMM_SELECT             0xa00
#define DIMM_FLAGS              0xa14
#define DIMM_EJECT              8

/* The device's mappings of which @first is the target, or follows it */
static unsigned mapped_to(Testdev *t, uint64_t first, uint64_t last)
{
    g_autoptr(GArray) table = testdev_table(t);
    unsigned n = 0;

    for (unsigned i = 0; i < table->len; i++) {
        const TestdevMapping *m = &g_array_index(table, TestdevMapping, i);

        n += m->target >= first && m->target <= last;
    }
    return n;
}

/* What came since the last look: that many, and none in vain */
static void expect_notified(Testdev *t, uint64_t maps, uint64_t unmaps)
{
    g_autoptr(GArray) log = testdev_log(t, 0);

    expect_eq(testdev_count(t, TESTDEV_MAPS), maps);
    expect_eq(testdev_count(t, TESTDEV_UNMAPS), unmaps);
    for (unsigned i = 0; i < log->len; i++) {
        const TestdevLog *l = &g_array_index(log, TestdevLog, i);

        expect_true(l->kind != TESTDEV_UNMAP || l->mappings);
    }
    testdev_expect_no_error(t);
    testdev_clear(t);
}

/* A BAR of RAM, switched on, moved, and off */
static void test_bar(void)
{
    World w;
    QPCIDevice *pci;
    uint64_t bar;

    world_start(&w, "", "", "-object memory-backend-ram,id=shm,size=4M,share=on"
                " -device ivshmem-plain,memdev=shm,addr=5");
    pci = qpci_device_find(w.d.pci, QPCI_DEVFN(5, 0));
    g_assert_nonnull(pci);
    bar = qpci_iomap(pci, 2, NULL).addr;
    expect_eq(bar & (2 * MIB2 - 1), 0);
    WORLD_EDIT(&w, LEAVES(1, IOVA, bar, 4), LEAVES(2, IOVA + MIB2, bar, 4));
    vtd_invalidate(&w.d, FLUSH_DOMAIN);
    expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1);
    testdev_clear(&w.a);

    for (unsigned i = 0; i < 3; i++) {
        vtd_row("on, %u", i);
        qpci_config_writew(pci, PCI_COMMAND, PCI_COMMAND_MEMORY);
        expect_notified(&w.a, 4 + 2, 0);
        expect_eq(mapped_to(&w.a, bar, bar + 2 * MIB2 - 1), 4 + 2);
        vtd_invalidate(&w.d, FLUSH_DOMAIN);
        expect_notified(&w.a, 0, 0);

        vtd_row("moved, %u", i);
        qpci_config_writel(pci, PCI_BASE_ADDRESS_2, bar + 2 * MIB2);
        expect_eq(mapped_to(&w.a, bar, bar + 2 * MIB2 - 1), 0);
        expect_eq(mapped_to(&w.a, bar + 2 * MIB2, bar + 4 * MIB2 - 1), 2);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1 + 2);
        testdev_expect_no_error(&w.a);
        testdev_clear(&w.a);

        vtd_row("off, %u", i);
        qpci_config_writew(pci, PCI_COMMAND, 0);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPS), 0);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1);
        testdev_expect_no_error(&w.a);
        qpci_config_writel(pci, PCI_BASE_ADDRESS_2, bar);
        testdev_clear(&w.a);
    }
    g_free(pci);
    world_stop(&w);
}

/* A DIMM that is plugged, and unplugged by the guest */
static void test_dimm(void)
{
    World w;

    world_start(&w, "", "", "-m 128M,slots=2,maxmem=1G");
    WORLD_EDIT(&w, LEAVES(1, IOVA, DIMM, 8), LEAVES(2, IOVA + MIB2, DIMM, 2),
               LEAVES(3, 2 * IOVA, DIMM, 1));
    vtd_invalidate(&w.d, FLUSH_DOMAIN);
    expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1);
    testdev_clear(&w.a);
    for (unsigned i = 0; i < 2; i++) {
        vtd_row("plugged, %u", i);
        qtest_qmp_assert_success(w.d.qts, "{ 'execute': 'object-add',"
                                 " 'arguments': { 'id': 'mem', 'size': %d,"
                                 " 'qom-type': 'memory-backend-ram' } }",
                                 (int)DIMM_BYTES);
        qtest_qmp_device_add(w.d.qts, "pc-dimm", "dimm",
                             "{'memdev': 'mem', 'slot': 0, 'addr': %lld}",
                             (long long)DIMM);
        expect_notified(&w.a, 8 + 2 + 1, 0);
        expect_eq(mapped_to(&w.a, DIMM, DIMM + DIMM_BYTES - 1), 11);
        vtd_invalidate(&w.d, FLUSH_DOMAIN);
        expect_notified(&w.a, 0, 0);

        vtd_row("unplugged, %u", i);
        qtest_qmp_device_del_send(w.d.qts, "dimm");
        qtest_outl(w.d.qts, DIMM_SELECT, 0);
        qtest_outb(w.d.qts, DIMM_FLAGS, DIMM_EJECT);
        qtest_qmp_eventwait(w.d.qts, "DEVICE_DELETED");
        expect_eq(mapped_to(&w.a, DIMM, DIMM + DIMM_BYTES - 1), 0);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPS), 0);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1);
        testdev_expect_no_error(&w.a);
        testdev_clear(&w.a);
        qtest_qmp_assert_success(w.d.qts, "{ 'execute': 'object-del',"
                                 " 'arguments': { 'id': 'mem' } }");
    }
    world_stop(&w);
}

/* The RAM around what changes is cut anew, and stays mapped as it was */
static void test_cut(void)
{
    QPCIDevice *bridge;
    World w;

    world_start_plain(&w);
    bridge = qpci_device_find(w.d.pci, 0);
    WORLD_EDIT(&w, LEAVES(2, IOVA, 0, 2));
    vtd_invalidate(&w.d, FLUSH_DOMAIN);
    for (unsigned i = 0; i < 4; i++) {
        g_autoptr(GArray) log = NULL;

        vtd_row("%s", i & 1 ? "ROM" : "RAM");
        testdev_clear(&w.a);
        qpci_config_writeb(bridge, PAM1, i & 1 ? 0 : 0x33);
        log = testdev_log(&w.a, 0);
        for (unsigned j = 0; j < log->len; j++) {
            const TestdevLog *l = &g_array_index(log, TestdevLog, j);

            expect_true(l->iova >= IOVA + 0xc0000);
            expect_true(l->last <= IOVA + 0xfffff);
        }
        expect_true(log->len > 0);
        expect_true(mapped_to(&w.a, 0x100000, 2 * MIB2 - 1) > 0);
        testdev_expect_no_error(&w.a);
    }
    g_free(bridge);
    world_stop(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/shadow/memory-bar", test_bar);
    qtest_add_func("/intel-iommu/shadow/memory-dimm", test_dimm);
    qtest_add_func("/intel-iommu/shadow/memory-cut", test_cut);
    return g_test_run();
}
