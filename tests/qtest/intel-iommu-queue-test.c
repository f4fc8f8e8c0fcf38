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
#include "qemu/bswap.h"
#include "vtd-driver.h"

#define RAM_END                 0x8000000ull    /* 128 MiB */

/* The queue has done all that software gave it, without an error */
static void expect_done(VtdDriver *d)
{
    expect_eq(vtd_read64(d, VTD_IQH), d->tail);
    expect_eq(vtd_read64(d, VTD_IQT), d->tail);
    expect_eq(vtd_read32(d, VTD_FSTS), 0);
}

/* It stopped at the descriptor at @head; @iqei is 0 where it is left open */
static void expect_stopped(VtdDriver *d, uint32_t head, unsigned iqei)
{
    expect_eq(vtd_read64(d, VTD_IQH), head);
    expect_eq(vtd_read32(d, VTD_FSTS), VTD_FSTS_IQE);
    if (iqei) {
        expect_eq(VTD_IQERCD_IQEI(vtd_read64(d, VTD_IQERCD)), iqei);
    }
}

/* Descriptors that are taken */

typedef struct Good {
    const char *name;
    VtdDesc desc;
    const char *stat;           /* counts it */
} Good;

#define LO(bits)                (1ull << (bits))

static const Good good[] = {
    { "context, global", VTD_INV_CONTEXT_GLOBAL, "inv-context-global" },
    { "context, domain", VTD_INV_CONTEXT_DOMAIN(5), "inv-context-domain" },
    { "context, domain 0xffff", VTD_INV_CONTEXT_DOMAIN(0xffff),
      "inv-context-domain" },
    { "context, device", VTD_INV_CONTEXT_DEVICE(5, 0x18, 0),
      "inv-context-device" },
    { "context, FM 01", VTD_INV_CONTEXT_DEVICE(5, 0x18, 1),
      "inv-context-device" },
    { "context, FM 11", VTD_INV_CONTEXT_DEVICE(0xffff, 0xffff, 3),
      "inv-context-device" },
    { "IOTLB, global", VTD_INV_IOTLB_GLOBAL, "inv-iotlb-global" },
    { "IOTLB, global, DW and DR",
      VTD_DESC(0x2 | LO(4) | LO(6) | LO(7), 0), "inv-iotlb-global" },
    { "IOTLB, domain", VTD_INV_IOTLB_DOMAIN(5), "inv-iotlb-domain" },
    { "IOTLB, page", VTD_INV_IOTLB_PAGES(5, 0x1000, 0), "inv-iotlb-page" },
    { "IOTLB, page, IH", VTD_INV_IOTLB_PAGES(5, 0x1000 | VTD_IOTLB_IH, 0),
      "inv-iotlb-page" },
    { "IOTLB, last page", VTD_INV_IOTLB_PAGES(5, 0xfffffffffffff000, 0),
      "inv-iotlb-page" },
    { "IOTLB, 2^9 pages", VTD_INV_IOTLB_PAGES(5, 0x200000, 9),
      "inv-iotlb-page" },
    { "IOTLB, 2^18 pages", VTD_INV_IOTLB_PAGES(5, 0, 18), "inv-iotlb-page" },
    { "IOTLB, 2^18 pages at the end",
      VTD_INV_IOTLB_PAGES(5, 0xfffffffffffff000, 18), "inv-iotlb-page" },
    { "IEC, global", VTD_INV_IEC_GLOBAL, "inv-iec-global" },
    { "IEC, one", VTD_INV_IEC_INDEX(7, 0), "inv-iec-index" },
    { "IEC, last", VTD_INV_IEC_INDEX(0xffff, 0), "inv-iec-index" },
    { "IEC, 2^15", VTD_INV_IEC_INDEX(0x8000, 15), "inv-iec-index" },
    { "fence", VTD_WAIT(0, 0, 0), "inv-wait" },
    { "fence, FN", VTD_WAIT(VTD_WAIT_FN, 0, 0), "inv-wait" },
};

static const Good good_device_tlb[] = {
    { "one page", VTD_INV_DEVICE_TLB(0x18, 0x1000), "inv-device-tlb" },
    { "S", VTD_INV_DEVICE_TLB(0x18, 0x1000 | 1), "inv-device-tlb" },
    { "everything", VTD_INV_DEVICE_TLB(0x18, 0x7ffffffffffff001),
      "inv-device-tlb" },
    { "MIP", VTD_DESC(0x3 | 0x1full << 16 | 0x18ull << 32, 0),
      "inv-device-tlb" },
};

static void check_good(const char *props, const Good *table, unsigned n)
{
    VtdDriver d;

    vtd_start(&d, "", props, "");
    vtd_queue_start(&d, 0);
    for (int i = 0; i < n; i++) {
        uint64_t before = vtd_stat(&d, table[i].stat);

        qvtd_row("%s", table[i].name);
        vtd_queue_put(&d, table[i].desc);
        vtd_queue_kick(&d);
        expect_done(&d);
        expect_eq(vtd_stat(&d, table[i].stat), before + 1);
    }
    expect_true(vtd_queue_sync(&d));
    vtd_stop(&d);
}

static void test_descriptors(void)
{
    check_good("", good, ARRAY_SIZE(good));
    check_good(",device-iotlb=on", good_device_tlb,
               ARRAY_SIZE(good_device_tlb));
}

/* Descriptors that are refused */

typedef struct Bad {
    const char *name;
    VtdDesc desc;
    unsigned iqei;              /* 0 where the code is left open */
} Bad;

#define IQEI_TAIL               1
#define IQEI_FETCH              2
#define IQEI_TYPE               3
#define IQEI_RESERVED           4
#define IQEI_WIDTH              5

#define CONTEXT(lo, hi)         VTD_DESC(0x11 | (lo), (hi))
#define IOTLB(lo, hi)           VTD_DESC(0x12 | (lo), (hi))
#define IEC(lo, hi)             VTD_DESC(0x4 | (lo), (hi))
#define WAIT(lo, hi)            VTD_DESC(0x5 | (lo), (hi))
#define DEVICE_TLB(lo, hi)      VTD_DESC(0x3 | (lo), (hi))

static const Bad bad[] = {
    { "type 0", VTD_DESC(0, 0), IQEI_TYPE },
    { "type 0xa", VTD_DESC(0xa, 0), IQEI_TYPE },
    { "type 0xb", VTD_DESC(0xb, 0), IQEI_TYPE },
    { "type 0xf", VTD_DESC(0xf, 0), IQEI_TYPE },
    { "type 0x11", CONTEXT(LO(9), 0), IQEI_TYPE },
    { "type 0x22", IOTLB(LO(10), 0), IQEI_TYPE },
    { "type 0x45", WAIT(LO(11), 0), IQEI_TYPE },
    { "type 6 in a 128-bit queue", VTD_DESC(0x26, 0), 0 },
    { "type 7 in a 128-bit queue", VTD_DESC(0x7, 0), 0 },
    { "type 8 in a 128-bit queue", VTD_DESC(0x8, 0), 0 },
    { "type 9 in a 128-bit queue", VTD_DESC(0x9, 0), 0 },
    { "device-TLB without DT", VTD_INV_DEVICE_TLB(0x18, 0), 0 },
    { "all ones", VTD_DESC(UINT64_MAX, UINT64_MAX), 0 },

    { "context, G 00", VTD_DESC(0x1, 0), IQEI_RESERVED },
    { "context, bit 6", CONTEXT(LO(6), 0), IQEI_RESERVED },
    { "context, bit 8", CONTEXT(LO(8), 0), IQEI_RESERVED },
    { "context, bit 12", CONTEXT(LO(12), 0), IQEI_RESERVED },
    { "context, bit 15", CONTEXT(LO(15), 0), IQEI_RESERVED },
    { "context, bit 50", CONTEXT(LO(50), 0), IQEI_RESERVED },
    { "context, bit 63", CONTEXT(LO(63), 0), IQEI_RESERVED },
    { "context, bit 64", CONTEXT(0, 1), IQEI_RESERVED },
    { "context, bit 127", CONTEXT(0, LO(63)), IQEI_RESERVED },

    { "IOTLB, G 00", VTD_DESC(0x2, 0), IQEI_RESERVED },
    { "IOTLB, bit 8", IOTLB(LO(8), 0), IQEI_RESERVED },
    { "IOTLB, bit 12", IOTLB(LO(12), 0), IQEI_RESERVED },
    { "IOTLB, bit 15", IOTLB(LO(15), 0), IQEI_RESERVED },
    { "IOTLB, bit 32", IOTLB(LO(32), 0), IQEI_RESERVED },
    { "IOTLB, bit 63", IOTLB(LO(63), 0), IQEI_RESERVED },
    { "IOTLB, bit 71", IOTLB(LO(5), LO(7)), IQEI_RESERVED },
    { "IOTLB, bit 75", IOTLB(LO(5), LO(11)), IQEI_RESERVED },
    { "IOTLB, AM 19", VTD_INV_IOTLB_PAGES(5, 0, 19), 0 },
    { "IOTLB, AM 63", VTD_INV_IOTLB_PAGES(5, 0, 63), 0 },

    { "IEC, bit 5", IEC(LO(5), 0), IQEI_RESERVED },
    { "IEC, bit 8", IEC(LO(8), 0), IQEI_RESERVED },
    { "IEC, bit 12", IEC(LO(12), 0), IQEI_RESERVED },
    { "IEC, bit 26", IEC(LO(26), 0), IQEI_RESERVED },
    { "IEC, bit 48", IEC(LO(48), 0), IQEI_RESERVED },
    { "IEC, bit 63", IEC(LO(63), 0), IQEI_RESERVED },
    { "IEC, bit 64", IEC(0, 1), IQEI_RESERVED },
    { "IEC, bit 127", IEC(0, LO(63)), IQEI_RESERVED },
    { "IEC, IM 16", VTD_INV_IEC_INDEX(0, 16), 0 },
    { "IEC, IM 31", VTD_INV_IEC_INDEX(0, 31), 0 },

    { "wait, PD without PDS", WAIT(LO(7), 0), IQEI_RESERVED },
    { "wait, bit 8", WAIT(LO(8), 0), IQEI_RESERVED },
    { "wait, bit 12", WAIT(LO(12), 0), IQEI_RESERVED },
    { "wait, bit 31", WAIT(LO(31), 0), IQEI_RESERVED },
    { "wait, bit 64", WAIT(0, LO(0)), IQEI_RESERVED },
    { "wait, bit 65", WAIT(0, LO(1)), IQEI_RESERVED },
};

static const Bad bad_device_tlb[] = {
    { "device-TLB, bit 4", DEVICE_TLB(LO(4), 0), IQEI_RESERVED },
    { "device-TLB, bit 8", DEVICE_TLB(LO(8), 0), IQEI_RESERVED },
    { "device-TLB, bit 21", DEVICE_TLB(LO(21), 0), IQEI_RESERVED },
    { "device-TLB, bit 31", DEVICE_TLB(LO(31), 0), IQEI_RESERVED },
    { "device-TLB, bit 48", DEVICE_TLB(LO(48), 0), IQEI_RESERVED },
    { "device-TLB, bit 51", DEVICE_TLB(LO(51), 0), IQEI_RESERVED },
    { "device-TLB, bit 65", DEVICE_TLB(0, LO(1)), IQEI_RESERVED },
    { "device-TLB, bit 75", DEVICE_TLB(0, LO(11)), IQEI_RESERVED },
};

/*
 * The bad descriptor between two waits: the first is complete, the second
 * waits until software has put another in its place and cleared the error,
 * or started the queue anew.
 */
static void check_bad_row(VtdDriver *d, const Bad *row)
{
    uint64_t before = d->status + 8, after = d->status + 16;
    uint32_t cookie = ++d->waits;
    uint32_t head;

    qvtd_row("%s", row->name);
    vtd_queue_put(d, VTD_INV_IOTLB_GLOBAL);
    vtd_queue_put(d, VTD_WAIT(VTD_WAIT_SW, cookie, before));
    head = d->tail;
    vtd_queue_put(d, row->desc);
    vtd_queue_put(d, VTD_WAIT(VTD_WAIT_SW, cookie, after));
    vtd_queue_kick(d);
    expect_stopped(d, head, row->iqei);
    expect_eq(qtest_readl(d->qts, before), cookie);
    expect_true(qtest_readl(d->qts, after) != cookie);

    qvtd_row("%s, more descriptors while stopped", row->name);
    vtd_queue_put(d, VTD_INV_CONTEXT_GLOBAL);
    vtd_queue_kick(d);
    expect_eq(vtd_read64(d, VTD_IQT), d->tail);
    expect_stopped(d, head, row->iqei);

    qvtd_row("%s, cleared but not mended", row->name);
    vtd_write32(d, VTD_FSTS, VTD_FSTS_IQE);
    expect_stopped(d, head, row->iqei);
    expect_true(qtest_readl(d->qts, after) != cookie);

    qvtd_row("%s, mended", row->name);
    qtest_writeq(d->qts, d->queue + head, VTD_WAIT(0, 0, 0).lo);
    qtest_writeq(d->qts, d->queue + head + 8, 0);
    vtd_queue_kick(d);
    expect_stopped(d, head, row->iqei);
    vtd_write32(d, VTD_FSTS, VTD_FSTS_IQE);
    expect_done(d);
    expect_eq(qtest_readl(d->qts, after), cookie);
}

static void check_bad(const char *props, const Bad *table, unsigned n)
{
    VtdDriver d;

    vtd_start(&d, "", props, "");
    vtd_queue_start(&d, 0);
    for (int i = 0; i < n; i++) {
        check_bad_row(&d, &table[i]);
        expect_true(vtd_queue_sync(&d));
    }
    expect_true(vtd_stat(&d, "inv-errors") >= n);
    vtd_stop(&d);
}

static void test_refused(void)
{
    check_bad("", bad, ARRAY_SIZE(bad));
    check_bad(",device-iotlb=on", bad_device_tlb, ARRAY_SIZE(bad_device_tlb));
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
        { "tail at the end of the queue", 0, 0x1000, 0, IQEI_TAIL },
        { "tail far beyond the queue", 0, 0x7fff0, 0, IQEI_TAIL },
        { "queue in a hole", VTD_HOLE, 0x10, 0, IQEI_FETCH },
        { "queue half in RAM", (RAM_END - VTD_PAGE) | 1, 0x1010, 0x1000,
          IQEI_FETCH },
        { "256-bit descriptors without scalable mode",
          (RAM_END - VTD_PAGE) | VTD_IQA_DW, 0x20, 0, IQEI_WIDTH },
    };
    VtdDriver d;

    vtd_start(&d, "", "", "");
    /* Fences in the last page of memory, for the rows that go there */
    for (uint64_t at = RAM_END - VTD_PAGE; at < RAM_END; at += 16) {
        qtest_writeq(d.qts, at, VTD_WAIT(0, 0, 0).lo);
    }
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s", rows[i].name);
        vtd_queue_start(&d, 0);
        expect_true(vtd_queue_sync(&d));
        if (rows[i].iqa) {
            vtd_queue_stop(&d);
            vtd_write32(&d, VTD_IQT, 0);
            vtd_write64(&d, VTD_IQA, rows[i].iqa);
            vtd_command(&d, VTD_QIE, true);
            vtd_write32(&d, VTD_IQT, rows[i].tail);
            expect_stopped(&d, rows[i].head, rows[i].iqei);
        } else {
            vtd_write32(&d, VTD_IQT, rows[i].tail);
            expect_stopped(&d, d.tail, rows[i].iqei);
            qvtd_row("%s, right tail", rows[i].name);
            vtd_queue_put(&d, VTD_INV_IOTLB_GLOBAL);
            vtd_queue_kick(&d);
            vtd_write32(&d, VTD_FSTS, VTD_FSTS_IQE);
            expect_done(&d);
            vtd_write32(&d, VTD_IQT, rows[i].tail);
        }
        qvtd_row("%s, queue off", rows[i].name);
        vtd_queue_stop(&d);
        expect_eq(vtd_read64(&d, VTD_IQH), 0);
        vtd_write32(&d, VTD_FSTS, VTD_FSTS_IQE);
        expect_eq(vtd_read32(&d, VTD_FSTS), 0);
    }
    qvtd_row("after all");
    vtd_queue_start(&d, 0);
    expect_true(vtd_queue_sync(&d));
    expect_done(&d);
    vtd_stop(&d);
}

/* Sizes and wrapping: a ring of fences, filled to the brim again and again */
static void test_sizes(void)
{
    VtdDriver d;

    vtd_start(&d, "", "", "");
    for (unsigned order = 0; order <= 7; order++) {
        uint32_t entries = 256u << order;
        VtdDesc *ring = g_new0(VtdDesc, entries);

        vtd_queue_start(&d, order);
        for (int i = 0; i < entries; i++) {
            ring[i].lo = cpu_to_le64(VTD_WAIT(VTD_WAIT_FN, 0, 0).lo);
        }
        qtest_memwrite(d.qts, d.queue, ring, entries * sizeof(*ring));
        g_free(ring);
        for (int round = 0; round < 3; round++) {
            uint64_t before = vtd_stat(&d, "inv-wait");

            qvtd_row("%u descriptors, round %d", entries, round);
            d.tail = (d.tail + (entries - 1) * 16) % d.queue_bytes;
            vtd_queue_kick(&d);
            expect_done(&d);
            expect_eq(vtd_stat(&d, "inv-wait") - before, entries - 1);
        }
        qvtd_row("%u descriptors, tail written again", entries);
        vtd_queue_kick(&d);
        expect_done(&d);
        /* Over the end of the ring: three rounds have left the tail there */
        expect_eq(d.tail, (entries - 3) * 16);
        for (int i = 0; i < 6; i++) {
            expect_true(vtd_queue_sync(&d));
        }
        expect_eq(vtd_read64(&d, VTD_IQH), 3 * 16);
    }
    vtd_stop(&d);
}

/* How the tail is written, and the queue turned on and off */
static void test_tail(void)
{
    VtdDriver d;

    vtd_start(&d, "", "", "");
    qvtd_row("64-bit tail");
    vtd_queue_start(&d, 0);
    vtd_queue_put(&d, VTD_INV_IOTLB_GLOBAL);
    vtd_write64(&d, VTD_IQT, d.tail);
    expect_done(&d);

    qvtd_row("upper half alone");
    vtd_write32(&d, VTD_IQT + 4, 0x20);
    expect_done(&d);

    qvtd_row("descriptors that software did not give");
    vtd_queue_put(&d, VTD_WAIT(VTD_WAIT_SW, 0x77, d.status));
    expect_eq(vtd_read64(&d, VTD_IQH), 0x10);
    expect_eq(qtest_readl(d.qts, d.status), 0);
    vtd_queue_kick(&d);
    expect_eq(qtest_readl(d.qts, d.status), 0x77);
    expect_done(&d);

    qvtd_row("off");
    vtd_command(&d, VTD_QIE, false);
    expect_eq(vtd_read64(&d, VTD_IQH), 0);
    qvtd_row("on again");
    vtd_queue_start(&d, 1);
    expect_true(vtd_queue_sync(&d));
    expect_done(&d);
    vtd_stop(&d);
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
        { "status", VTD_WAIT_SW, 0x12345678, 0 },
        { "status of all ones", VTD_WAIT_SW, 0xffffffff, 4 },
        { "status of zeros", VTD_WAIT_SW, 0, 8 },
        { "status at the end of a page", VTD_WAIT_SW, 0x55aa55aa, 0xffc },
        { "status and FN", VTD_WAIT_SW | VTD_WAIT_FN, 7, 12 },
        { "flag", VTD_WAIT_IF, 0x1111, 16 },
        { "flag and FN", VTD_WAIT_IF | VTD_WAIT_FN, 0x1111, 16 },
        { "status and flag", VTD_WAIT_SW | VTD_WAIT_IF, 0x2222, 20 },
        { "neither", 0, 0x3333, 24 },
        { "FN alone", VTD_WAIT_FN, 0x3333, 28 },
    };
    VtdDriver d;

    vtd_start(&d, "", "", "");
    vtd_queue_start(&d, 0);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        uint32_t want[VTD_PAGE / 4], got[VTD_PAGE / 4];

        qvtd_row("%s", rows[i].name);
        memset(want, 0xee, sizeof(want));
        qtest_memwrite(d.qts, d.status, want, sizeof(want));
        if (rows[i].flags & VTD_WAIT_SW) {
            want[rows[i].at / 4] = cpu_to_le32(rows[i].data);
        }
        vtd_queue_put(&d, VTD_WAIT(rows[i].flags, rows[i].data,
                                   d.status + rows[i].at));
        vtd_queue_kick(&d);
        expect_done(&d);
        qtest_memread(d.qts, d.status, got, sizeof(got));
        expect_eq(memcmp(got, want, sizeof(got)), 0);
        expect_eq(vtd_read32(&d, VTD_ICS),
                  rows[i].flags & VTD_WAIT_IF ? VTD_ICS_IWC : 0);
        vtd_write32(&d, VTD_ICS, VTD_ICS_IWC);
    }
    vtd_stop(&d);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/queue/descriptors", test_descriptors);
    qtest_add_func("/intel-iommu/queue/refused", test_refused);
    qtest_add_func("/intel-iommu/queue/queue-errors", test_queue_errors);
    qtest_add_func("/intel-iommu/queue/sizes", test_sizes);
    qtest_add_func("/intel-iommu/queue/tail", test_tail);
    qtest_add_func("/intel-iommu/queue/wait", test_wait);
    return g_test_run();
}
