/*
 * VT-d qtests: shadows when the layout of the guest's memory changes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The guest's tables stay as they are, and nothing is invalidated: RAM comes
 * and goes where leaves lead to, and a device with DMA outside of QEMU is
 * notified of that at once, and of no other page.  Or it comes and goes where
 * the tables are, while devices of QEMU's own are translated by them.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mem.h"
#include "libqos/libqos-malloc.h"
#include "libqos/virtio-pci.h"
#include "vtd-board.h"

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
    Board w;
    QPCIDevice *pci;
    uint64_t bar;

    board_start(&w, "", "", "-object memory-backend-ram,id=shm,size=4M,share=on"
                " -device ivshmem-plain,memdev=shm,addr=5");
    pci = qpci_device_find(w.d.pci, QPCI_DEVFN(5, 0));
    g_assert_nonnull(pci);
    bar = qpci_iomap(pci, 2, NULL).addr;
    expect_eq(bar & (2 * MIB2 - 1), 0);
    BOARD_EDIT(&w, LEAVES(1, IOVA, bar, 4), LEAVES(2, IOVA + MIB2, bar, 4));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1);
    testdev_clear(&w.a);

    for (unsigned i = 0; i < 3; i++) {
        qvtd_row("on, %u", i);
        qpci_config_writew(pci, PCI_COMMAND, PCI_COMMAND_MEMORY);
        expect_notified(&w.a, 4 + 2, 0);
        expect_eq(mapped_to(&w.a, bar, bar + 2 * MIB2 - 1), 4 + 2);
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        expect_notified(&w.a, 0, 0);

        qvtd_row("moved, %u", i);
        qpci_config_writel(pci, PCI_BASE_ADDRESS_2, bar + 2 * MIB2);
        expect_eq(mapped_to(&w.a, bar, bar + 2 * MIB2 - 1), 0);
        expect_eq(mapped_to(&w.a, bar + 2 * MIB2, bar + 4 * MIB2 - 1), 2);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1 + 2);
        testdev_expect_no_error(&w.a);
        testdev_clear(&w.a);

        qvtd_row("off, %u", i);
        qpci_config_writew(pci, PCI_COMMAND, 0);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPS), 0);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1);
        testdev_expect_no_error(&w.a);
        qpci_config_writel(pci, PCI_BASE_ADDRESS_2, bar);
        testdev_clear(&w.a);
    }
    g_free(pci);
    board_stop(&w);
}

/*
 * Another device's registers within a BAR of RAM leave one page of it RAM in
 * part.  That is none, and is not unmapped again when the rest goes: iommufd
 * would end a migration for an UNMAP of nothing.
 */
static void test_part_of_page(void)
{
    for (unsigned dirty = 0; dirty < 2; dirty++) {
        QPCIDevice *pci, *over;
        uint64_t bar, regs;
        Board w;

        qvtd_row("%s dirty tracking", dirty ? "with" : "without");
        board_start(&w, "", "",
                    "-object memory-backend-ram,id=shm,size=4M,share=on"
                    " -object memory-backend-ram,id=other,size=4M,share=on"
                    " -device ivshmem-plain,memdev=shm,addr=5"
                    " -device ivshmem-plain,memdev=other,addr=6");
        pci = qpci_device_find(w.d.pci, QPCI_DEVFN(5, 0));
        over = qpci_device_find(w.d.pci, QPCI_DEVFN(6, 0));
        g_assert_nonnull(pci);
        g_assert_nonnull(over);
        bar = qpci_iomap(pci, 2, NULL).addr;
        regs = qpci_iomap(over, 0, NULL).addr;
        qpci_config_writew(over, PCI_COMMAND, PCI_COMMAND_MEMORY);
        BOARD_EDIT(&w, LEAVES(1, IOVA, bar, 4));
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        expect_eq(testdev_command(&w.a, TESTDEV_DIRTY, 1, 0ull + dirty),
                  TESTDEV_OK);
        testdev_clear(&w.a);
        for (unsigned i = 0; i < 2; i++) {
            qpci_config_writew(pci, PCI_COMMAND, PCI_COMMAND_MEMORY);
            expect_notified(&w.a, 4, 0);
            qpci_config_writel(over, PCI_BASE_ADDRESS_0, bar + 0x1800);
            expect_notified(&w.a, 0, 1);
            qvtd_invalidate(&w.d, FLUSH_DOMAIN);
            expect_notified(&w.a, 0, 0);
            qpci_config_writew(pci, PCI_COMMAND, 0);
            expect_notified(&w.a, 0, dirty ? 3 : 2);
            expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1);
            qpci_config_writel(over, PCI_BASE_ADDRESS_0, regs);
            expect_notified(&w.a, 0, 0);
        }
        g_free(over);
        g_free(pci);
        board_stop(&w);
    }
}

/*
 * The table of leaves is in a BAR, which is switched on and off while a thread
 * does DMA: it is read while it is there, and never afterwards
 */
static void test_tables(void)
{
    QPCIDevice *pci;
    uint64_t bar, upper, value;
    Board w;

    board_start(&w, "", "", "-object memory-backend-ram,id=shm,size=4M,share=on"
                " -device ivshmem-plain,memdev=shm,addr=5");
    pci = qpci_device_find(w.d.pci, QPCI_DEVFN(5, 0));
    g_assert_nonnull(pci);
    bar = qpci_iomap(pci, 2, NULL).addr;
    upper = qvtd_entry(&w.d, &w.domain, IOVA + MIB2, 2);
    qpci_config_writew(pci, PCI_COMMAND, PCI_COMMAND_MEMORY);
    qtest_writeq(w.d.qts, bar, BOARD_RAM | QVTD_RW);
    qtest_writeq(w.d.qts, BOARD_RAM, 0x5a);
    qtest_writeq(w.d.qts, upper, bar | QVTD_RW);
    for (unsigned i = 0; i < 10; i++) {
        qvtd_row("round %u", i);
        qpci_config_writew(pci, PCI_COMMAND, PCI_COMMAND_MEMORY);
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        expect_true(testdev_dma_read(&w.a, IOVA + MIB2, &value));
        expect_eq(value, 0x5a);
        expect_eq(testdev_command(&w.a, TESTDEV_LOOP, 7, IOVA + MIB2, 1ull,
                                  0ull, 20000ull, 8ull, 0ull, 0ull),
                  TESTDEV_OK);
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        qpci_config_writew(pci, PCI_COMMAND, 0);
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        expect_true(!testdev_dma_read(&w.a, IOVA + MIB2, &value));
        /* It fails from then on, but it ends */
        while (testdev_count(&w.a, TESTDEV_LOOP_RUNNING)) {
            g_usleep(1000);
        }
    }
    expect_eq(testdev_count(&w.a, TESTDEV_LOOP_DONE), 20000);
    g_free(pci);
    board_stop(&w);
}

/* A DIMM that is plugged, and unplugged by the guest */
static void test_dimm(void)
{
    Board w;

    board_start(&w, "", "", "-m 128M,slots=2,maxmem=1G");
    BOARD_EDIT(&w, LEAVES(1, IOVA, DIMM, 8), LEAVES(2, IOVA + MIB2, DIMM, 2),
               LEAVES(3, 2 * IOVA, DIMM, 1));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1);
    testdev_clear(&w.a);
    for (unsigned i = 0; i < 2; i++) {
        qvtd_row("plugged, %u", i);
        qtest_qmp_assert_success(w.d.qts, "{ 'execute': 'object-add',"
                                 " 'arguments': { 'id': 'mem', 'size': %d,"
                                 " 'qom-type': 'memory-backend-ram' } }",
                                 (int)DIMM_BYTES);
        qtest_qmp_device_add(w.d.qts, "pc-dimm", "dimm",
                             "{'memdev': 'mem', 'slot': 0, 'addr': %lld}",
                             (long long)DIMM);
        expect_notified(&w.a, 8 + 2 + 1, 0);
        expect_eq(mapped_to(&w.a, DIMM, DIMM + DIMM_BYTES - 1), 11);
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        expect_notified(&w.a, 0, 0);

        qvtd_row("unplugged, %u", i);
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
    board_stop(&w);
}

/* The RAM around what changes is cut anew, and stays mapped as it was */
static void test_cut(void)
{
    QPCIDevice *bridge;
    Board w;

    board_start_plain(&w);
    bridge = qpci_device_find(w.d.pci, 0);
    BOARD_EDIT(&w, LEAVES(2, IOVA, 0, 2));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    for (unsigned i = 0; i < 4; i++) {
        g_autoptr(GArray) log = NULL;

        qvtd_row("%s", i & 1 ? "ROM" : "RAM");
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
    board_stop(&w);
}

/* A guest's driver of virtio-mem: it plugs and unplugs by blocks of 2 MiB */
typedef struct MemDriver {
    QTestState *qts;
    QVirtioPCIDevice *dev;
    QVirtQueue *queue;
    QGuestAllocator alloc;
    uint64_t request;           /* a page for requests and answers */
} MemDriver;

static void mem_start(MemDriver *m, Board *w)
{
    QPCIAddress address = { .devfn = QPCI_DEVFN(5, 0) };
    uint64_t heap = qvtd_alloc(&w->d, 64);
    QVirtioDevice *vdev;

    m->qts = w->d.qts;
    m->request = qvtd_alloc(&w->d, 1);
    alloc_init(&m->alloc, 0, heap, heap + 64 * QVTD_PAGE, QVTD_PAGE);
    m->dev = virtio_pci_new(w->d.pci, &address);
    g_assert_nonnull(m->dev);
    vdev = &m->dev->vdev;
    qvirtio_pci_device_enable(m->dev);
    qvirtio_start_device(vdev);
    qvirtio_set_features(vdev, qvirtio_get_features(vdev) &
                               (1ull << VIRTIO_F_VERSION_1 |
                                1ull << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE));
    m->queue = qvirtqueue_setup(vdev, &m->alloc, 0);
    qvirtio_set_driver_ok(vdev);
}

static void mem_ask(MemDriver *m, unsigned type, uint64_t addr,
                    unsigned blocks)
{
    const uint64_t answer = m->request + 64;
    uint32_t head;

    qtest_writeq(m->qts, m->request, type);
    qtest_writeq(m->qts, m->request + 8, addr);
    qtest_writeq(m->qts, m->request + 16, blocks);
    qtest_writeq(m->qts, answer, UINT64_MAX);
    head = qvirtqueue_add(m->qts, m->queue, m->request,
                          sizeof(struct virtio_mem_req), false, true);
    qvirtqueue_add(m->qts, m->queue, answer, sizeof(struct virtio_mem_resp),
                   true, false);
    qvirtqueue_kick(m->qts, &m->dev->vdev, m->queue, head);
    qvirtio_wait_used_elem(m->qts, &m->dev->vdev, m->queue, head, NULL,
                           10 * G_USEC_PER_SEC);
    expect_eq(qtest_readw(m->qts, answer), VIRTIO_MEM_RESP_ACK);
}

static void mem_stop(MemDriver *m)
{
    qvirtqueue_cleanup(m->dev->vdev.bus, m->queue, &m->alloc);
    qvirtio_pci_destructor(&m->dev->obj);
    g_free(m->dev);
    alloc_destroy(&m->alloc);
}

/* Memory that comes back after it was discarded */
static void test_discarded(void)
{
    MemDriver m;
    Board w;

    board_start(&w, "", "", "-m 128M,slots=2,maxmem=1G"
                " -object memory-backend-ram,id=mem,size=128M"
                " -device virtio-mem-pci,id=vmem,memdev=mem,addr=5,"
                "block-size=2M,requested-size=8M,memaddr=0x100000000");
    mem_start(&m, &w);
    BOARD_EDIT(&w, LEAVES(1, IOVA, DIMM, 4), LEAVES(2, IOVA + MIB2, DIMM, 3));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1);
    testdev_clear(&w.a);
    for (unsigned i = 0; i < 2; i++) {
        qvtd_row("the first block comes, %u", i);
        mem_ask(&m, VIRTIO_MEM_REQ_PLUG, DIMM, 1);
        expect_notified(&w.a, 4 + 1, 0);
        expect_eq(mapped_to(&w.a, DIMM, DIMM + MIB2 - 1), 4 + 1);
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        expect_notified(&w.a, 0, 0);

        qvtd_row("two more, %u", i);
        mem_ask(&m, VIRTIO_MEM_REQ_PLUG, DIMM + MIB2, 2);
        expect_notified(&w.a, 2, 0);
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        expect_notified(&w.a, 0, 0);

        qvtd_row("the one in the middle goes, %u", i);
        mem_ask(&m, VIRTIO_MEM_REQ_UNPLUG, DIMM + MIB2, 1);
        expect_notified(&w.a, 0, 1);
        expect_eq(mapped_to(&w.a, DIMM + MIB2, DIMM + 2 * MIB2 - 1), 0);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1 + 4 + 2);

        qvtd_row("all go, %u", i);
        mem_ask(&m, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPS), 0);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1);
        testdev_expect_no_error(&w.a);
        testdev_clear(&w.a);
    }
    mem_stop(&m);
    board_stop(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/shadow/memory-bar", test_bar);
    qtest_add_func("/intel-iommu/shadow/memory-part", test_part_of_page);
    qtest_add_func("/intel-iommu/shadow/memory-tables", test_tables);
    qtest_add_func("/intel-iommu/shadow/memory-dimm", test_dimm);
    qtest_add_func("/intel-iommu/shadow/memory-cut", test_cut);
    qtest_add_func("/intel-iommu/shadow/memory-discarded", test_discarded);
    return g_test_run();
}
