/*
 * VT-d qtests: the invalidation queue
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each descriptor that is taken and each that is refused, queues of every
 * size, wait descriptors, each error and the ways out of it.  What the
 * invalidations do to the caches is in intel-iommu-cache-test.c.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "qemu/bswap.h"
#include "tests/vtd/rows.h"
#include "vtd-driver.h"

#define RAM_END                 0x8000000ull    /* 128 MiB */

/* The rows that the unit tests have too */
static void check_rows(const char *props,
                       void (*rows)(QVtd *d, bool device_iotlb),
                       bool device_iotlb)
{
    QVtd d;

    qvtd_start(&d, "", props, "");
    rows(&d, device_iotlb);
    qvtd_stop(&d);
}

static void test_descriptors(void)
{
    check_rows("", qvtd_rows_descriptors, false);
    check_rows(",device-iotlb=on", qvtd_rows_descriptors, true);
}

static void test_refused(void)
{
    check_rows("", qvtd_rows_refused, false);
    check_rows(",device-iotlb=on", qvtd_rows_refused, true);
}

static void test_types(void)
{
    QVtd d;

    for (unsigned on = 0; on < 3; on++) {
        qvtd_start(&d, "", on == 1 ? ",device-iotlb=on" :
                   on == 2 ? ",intremap=off" : "", "");
        qvtd_rows_types(&d, on == 1, on != 2);
        qvtd_stop(&d);
    }
}

static void test_reserved_bits(void)
{
    QVtd d;

    qvtd_start(&d, "", ",device-iotlb=on", "");
    qvtd_rows_reserved(&d);
    qvtd_stop(&d);
}

/* Errors of the queue itself */
static void test_queue_errors(void)
{
    static const struct {
        const char *name;
        uint64_t iqa;           /* 0 for a good queue of one page */
        uint32_t tail;
        uint32_t head;
        unsigned iqei;
    } rows[] = {
        { "tail at the end of the queue", 0, 0x1000, 0, QVTD_IQEI_TAIL },
        { "tail far beyond the queue", 0, 0x7fff0, 0, QVTD_IQEI_TAIL },
        { "queue in a hole", QVTD_HOLE, 0x10, 0, QVTD_IQEI_FETCH },
        { "queue half in RAM", (RAM_END - QVTD_PAGE) | 1, 0x1010, 0x1000,
          QVTD_IQEI_FETCH },
        { "256-bit descriptors without scalable mode",
          (RAM_END - QVTD_PAGE) | QVTD_IQA_DW, 0x20, 0, QVTD_IQEI_WIDTH },
    };
    QVtd d;

    qvtd_start(&d, "", "", "");
    /* Fences in the last page of memory, for the rows that go there */
    for (uint64_t at = RAM_END - QVTD_PAGE; at < RAM_END; at += 16) {
        qtest_writeq(d.qts, at, QVTD_WAIT(0, 0, 0).lo);
    }
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s", rows[i].name);
        qvtd_queue_start(&d, 0);
        expect_true(qvtd_queue_sync(&d));
        if (rows[i].iqa) {
            qvtd_queue_stop(&d);
            qvtd_write32(&d, QVTD_IQT, 0);
            qvtd_write64(&d, QVTD_IQA, rows[i].iqa);
            qvtd_command(&d, QVTD_QIE, true);
            qvtd_write32(&d, QVTD_IQT, rows[i].tail);
            qvtd_expect_stopped(&d, rows[i].head, rows[i].iqei);
        } else {
            qvtd_write32(&d, QVTD_IQT, rows[i].tail);
            qvtd_expect_stopped(&d, d.tail << 4, rows[i].iqei);
            qvtd_row("%s, right tail", rows[i].name);
            qvtd_queue_put(&d, QVTD_INV_IOTLB_GLOBAL);
            qvtd_queue_kick(&d);
            qvtd_write32(&d, QVTD_FSTS, QVTD_FSTS_IQE);
            qvtd_expect_done(&d);
            qvtd_write32(&d, QVTD_IQT, rows[i].tail);
        }
        qvtd_row("%s, queue off", rows[i].name);
        qvtd_queue_stop(&d);
        expect_eq(qvtd_read64(&d, QVTD_IQH), 0);
        qvtd_write32(&d, QVTD_FSTS, QVTD_FSTS_IQE);
        expect_eq(qvtd_read32(&d, QVTD_FSTS), 0);
    }
    qvtd_row("after all");
    qvtd_queue_start(&d, 0);
    expect_true(qvtd_queue_sync(&d));
    qvtd_expect_done(&d);
    qvtd_stop(&d);
}

/* Sizes and wrapping: a ring of fences, filled to the brim again and again */
static void test_sizes(void)
{
    QVtd d;

    qvtd_start(&d, "", "", "");
    for (unsigned order = 0; order <= 7; order++) {
        uint32_t entries = 256u << order;
        uint64_t (*ring)[2] = g_malloc0_n(entries, sizeof(*ring));

        qvtd_queue_start(&d, order);
        for (int i = 0; i < entries; i++) {
            ring[i][0] = cpu_to_le64(QVTD_WAIT(QVTD_WAIT_FN, 0, 0).lo);
        }
        qtest_memwrite(d.qts, d.queue, ring, entries * sizeof(*ring));
        g_free(ring);
        for (int round = 0; round < 3; round++) {
            uint64_t before = qvtd_stat(&d, "inv-wait");

            qvtd_row("%u descriptors, round %d", entries, round);
            d.tail = (d.tail + entries - 1) % d.entries;
            qvtd_queue_kick(&d);
            qvtd_expect_done(&d);
            expect_eq(qvtd_stat(&d, "inv-wait") - before, entries - 1);
        }
        qvtd_row("%u descriptors, tail written again", entries);
        qvtd_queue_kick(&d);
        qvtd_expect_done(&d);
        /* Over the end of the ring: three rounds have left the tail there */
        expect_eq(d.tail, entries - 3);
        for (int i = 0; i < 6; i++) {
            expect_true(qvtd_queue_sync(&d));
        }
        expect_eq(qvtd_read64(&d, QVTD_IQH), 3 * 16);
    }
    qvtd_stop(&d);
}

/* How the tail is written, and the queue turned on and off */
static void test_tail(void)
{
    QVtd d;

    qvtd_start(&d, "", "", "");
    qvtd_row("64-bit tail");
    qvtd_queue_start(&d, 0);
    qvtd_queue_put(&d, QVTD_INV_IOTLB_GLOBAL);
    qvtd_write64(&d, QVTD_IQT, d.tail << 4);
    qvtd_expect_done(&d);

    qvtd_row("upper half alone");
    qvtd_write32(&d, QVTD_IQT + 4, 0x20);
    qvtd_expect_done(&d);

    qvtd_row("descriptors that software did not give");
    qvtd_queue_put(&d, QVTD_WAIT(QVTD_WAIT_SW, 0x77, d.status));
    expect_eq(qvtd_read64(&d, QVTD_IQH), 0x10);
    expect_eq(qtest_readl(d.qts, d.status), 0);
    qvtd_queue_kick(&d);
    expect_eq(qtest_readl(d.qts, d.status), 0x77);
    qvtd_expect_done(&d);

    qvtd_row("off");
    qvtd_command(&d, QVTD_QIE, false);
    expect_eq(qvtd_read64(&d, QVTD_IQH), 0);
    qvtd_row("on again");
    qvtd_queue_start(&d, 1);
    expect_true(qvtd_queue_sync(&d));
    qvtd_expect_done(&d);
    qvtd_stop(&d);
}

/* Wait descriptors: the status, the flag, both, neither */
static void test_wait(void)
{
    static const struct {
        const char *name;
        uint64_t flags;
        uint32_t data;
        unsigned at;            /* in the page of statuses */
    } rows[] = {
        { "status", QVTD_WAIT_SW, 0x12345678, 0 },
        { "status of all ones", QVTD_WAIT_SW, 0xffffffff, 4 },
        { "status of zeros", QVTD_WAIT_SW, 0, 8 },
        { "status at the end of a page", QVTD_WAIT_SW, 0x55aa55aa, 0xffc },
        { "status and FN", QVTD_WAIT_SW | QVTD_WAIT_FN, 7, 12 },
        { "flag", QVTD_WAIT_IF, 0x1111, 16 },
        { "flag and FN", QVTD_WAIT_IF | QVTD_WAIT_FN, 0x1111, 16 },
        { "status and flag", QVTD_WAIT_SW | QVTD_WAIT_IF, 0x2222, 20 },
        { "neither", 0, 0x3333, 24 },
        { "FN alone", QVTD_WAIT_FN, 0x3333, 28 },
    };
    QVtd d;

    qvtd_start(&d, "", "", "");
    qvtd_queue_start(&d, 0);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        uint32_t want[QVTD_PAGE / 4], got[QVTD_PAGE / 4];

        qvtd_row("%s", rows[i].name);
        memset(want, 0xee, sizeof(want));
        qtest_memwrite(d.qts, d.status, want, sizeof(want));
        if (rows[i].flags & QVTD_WAIT_SW) {
            want[rows[i].at / 4] = cpu_to_le32(rows[i].data);
        }
        qvtd_queue_put(&d, QVTD_WAIT(rows[i].flags, rows[i].data,
                                     d.status + rows[i].at));
        qvtd_queue_kick(&d);
        qvtd_expect_done(&d);
        qtest_memread(d.qts, d.status, got, sizeof(got));
        expect_eq(memcmp(got, want, sizeof(got)), 0);
        expect_eq(qvtd_read32(&d, QVTD_ICS),
                  rows[i].flags & QVTD_WAIT_IF ? QVTD_ICS_IWC : 0);
        qvtd_write32(&d, QVTD_ICS, QVTD_ICS_IWC);
    }
    qvtd_stop(&d);
}

/* The queue goes on in the page at @addr, which is filled with fences */
static void queue_at(QVtd *d, uint64_t addr)
{
    qvtd_queue_start(d, 0);
    qvtd_queue_stop(d);
    for (unsigned at = 0; at < QVTD_PAGE; at += 16) {
        qtest_writeq(d->qts, addr + at, QVTD_WAIT(0, 0, 0).lo);
        qtest_writeq(d->qts, addr + at + 8, 0);
    }
    d->queue = addr;
    d->tail = 0;
    qvtd_write32(d, QVTD_IQT, 0);
    qvtd_write64(d, QVTD_IQA, addr);
    qvtd_command(d, QVTD_QIE, true);
}

/*
 * The status, or the queue, is in a BAR of RAM.  Where it was is nothing once
 * the BAR is elsewhere, however often it was used before.
 */
static void test_moves(void)
{
    const uint64_t far = 4 * 2 * 1024 * 1024;
    QPCIDevice *pci;
    uint64_t bar;
    QVtd d;

    qvtd_start(&d, "", "", "-object memory-backend-ram,id=shm,size=4M,share=on"
               " -device ivshmem-plain,memdev=shm,addr=5");
    pci = qpci_device_find(d.pci, QPCI_DEVFN(5, 0));
    g_assert_nonnull(pci);
    bar = qpci_iomap(pci, 2, NULL).addr;
    qpci_config_writew(pci, PCI_COMMAND, PCI_COMMAND_MEMORY);
    for (unsigned i = 0; i < 3; i++, bar += far) {
        uint64_t was = bar, is = bar + far;

        qvtd_row("status, %u", i);
        qvtd_queue_start(&d, 0);
        for (unsigned n = 1; n < 4; n++) {
            qvtd_queue_put(&d, QVTD_WAIT(QVTD_WAIT_SW, n, was));
            qvtd_queue_kick(&d);
            qvtd_expect_done(&d);
            expect_eq(qtest_readl(d.qts, was), n);
        }
        qpci_config_writel(pci, PCI_BASE_ADDRESS_2, is);
        qvtd_queue_put(&d, QVTD_WAIT(QVTD_WAIT_SW, 4, was));
        qvtd_queue_kick(&d);
        expect_eq(qvtd_read32(&d, QVTD_FSTS) & QVTD_FSTS_IQE, QVTD_FSTS_IQE);
        expect_eq(qtest_readl(d.qts, is), 3);
        qvtd_queue_start(&d, 0);
        qvtd_queue_put(&d, QVTD_WAIT(QVTD_WAIT_SW, 5, is));
        qvtd_queue_kick(&d);
        qvtd_expect_done(&d);
        expect_eq(qtest_readl(d.qts, is), 5);

        qvtd_row("queue, %u", i);
        queue_at(&d, is);
        for (d.tail = 1; d.tail < 4; d.tail++) {
            qvtd_queue_kick(&d);
            qvtd_expect_done(&d);
        }
        qpci_config_writel(pci, PCI_BASE_ADDRESS_2, was);
        qvtd_queue_kick(&d);
        qvtd_expect_queue(&d, 3, QVTD_IQEI_FETCH);
        qpci_config_writel(pci, PCI_BASE_ADDRESS_2, is);
        qvtd_write32(&d, QVTD_FSTS, QVTD_FSTS_IQE);
        qvtd_expect_done(&d);
        qvtd_queue_stop(&d);
    }
    g_free(pci);
    qvtd_stop(&d);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/queue/descriptors", test_descriptors);
    qtest_add_func("/intel-iommu/queue/refused", test_refused);
    qtest_add_func("/intel-iommu/queue/types", test_types);
    qtest_add_func("/intel-iommu/queue/reserved-bits", test_reserved_bits);
    qtest_add_func("/intel-iommu/queue/queue-errors", test_queue_errors);
    qtest_add_func("/intel-iommu/queue/sizes", test_sizes);
    qtest_add_func("/intel-iommu/queue/tail", test_tail);
    qtest_add_func("/intel-iommu/queue/wait", test_wait);
    qtest_add_func("/intel-iommu/queue/moves", test_moves);
    return g_test_run();
}
