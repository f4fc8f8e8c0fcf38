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
static void expect_done(QVtd *d)
{
    expect_eq(qvtd_read64(d, QVTD_IQH), d->tail << 4);
    expect_eq(qvtd_read64(d, QVTD_IQT), d->tail << 4);
    expect_eq(qvtd_read32(d, QVTD_FSTS), 0);
}

/* It stopped at the descriptor at @head; @iqei is 0 where it is left open */
static void expect_stopped(QVtd *d, uint32_t head, unsigned iqei)
{
    expect_eq(qvtd_read64(d, QVTD_IQH), head);
    expect_eq(qvtd_read32(d, QVTD_FSTS), QVTD_FSTS_IQE);
    if (iqei) {
        expect_eq(qvtd_read64(d, QVTD_IQERCD), iqei);
    }
}

/* Descriptors that are taken */

typedef struct Good {
    const char *name;
    QVtdDesc desc;
    const char *stat;           /* counts it */
} Good;

#define LO(bits)                (1ull << (bits))

static const Good good[] = {
    { "context, global", QVTD_INV_CONTEXT_GLOBAL, "inv-context-global" },
    { "context, domain", QVTD_INV_CONTEXT_DOMAIN(5), "inv-context-domain" },
    { "context, domain 0xffff", QVTD_INV_CONTEXT_DOMAIN(0xffff),
      "inv-context-domain" },
    { "context, device", QVTD_INV_CONTEXT_DEVICE(5, 0x18, 0),
      "inv-context-device" },
    { "context, FM 01", QVTD_INV_CONTEXT_DEVICE(5, 0x18, 1),
      "inv-context-device" },
    { "context, FM 11", QVTD_INV_CONTEXT_DEVICE(0xffff, 0xffff, 3),
      "inv-context-device" },
    { "IOTLB, global", QVTD_INV_IOTLB_GLOBAL, "inv-iotlb-global" },
    { "IOTLB, global, DW and DR",
      QVTD_DESC(0x2 | LO(4) | LO(6) | LO(7), 0), "inv-iotlb-global" },
    { "IOTLB, domain", QVTD_INV_IOTLB_DOMAIN(5), "inv-iotlb-domain" },
    { "IOTLB, page", QVTD_INV_IOTLB_PAGES(5, 0x1000, 0), "inv-iotlb-page" },
    { "IOTLB, page, IH", QVTD_INV_IOTLB_PAGES(5, 0x1000 | QVTD_IVA_IH, 0),
      "inv-iotlb-page" },
    { "IOTLB, last page", QVTD_INV_IOTLB_PAGES(5, 0xfffffffffffff000, 0),
      "inv-iotlb-page" },
    { "IOTLB, 2^9 pages", QVTD_INV_IOTLB_PAGES(5, 0x200000, 9),
      "inv-iotlb-page" },
    { "IOTLB, 2^18 pages", QVTD_INV_IOTLB_PAGES(5, 0, 18), "inv-iotlb-page" },
    { "IOTLB, 2^18 pages at the end",
      QVTD_INV_IOTLB_PAGES(5, 0xfffffffffffff000, 18), "inv-iotlb-page" },
    { "IEC, global", QVTD_INV_IEC_GLOBAL, "inv-iec-global" },
    { "IEC, one", QVTD_INV_IEC_INDEX(7, 0), "inv-iec-index" },
    { "IEC, last", QVTD_INV_IEC_INDEX(0xffff, 0), "inv-iec-index" },
    { "IEC, 2^15", QVTD_INV_IEC_INDEX(0x8000, 15), "inv-iec-index" },
    { "fence", QVTD_WAIT(0, 0, 0), "inv-wait" },
    { "fence, FN", QVTD_WAIT(QVTD_WAIT_FN, 0, 0), "inv-wait" },
};

static const Good good_device_tlb[] = {
    { "one page", QVTD_INV_DEVICE_TLB(0x18, 0x1000), "inv-device-tlb" },
    { "S", QVTD_INV_DEVICE_TLB(0x18, 0x1000 | 1), "inv-device-tlb" },
    { "everything", QVTD_INV_DEVICE_TLB(0x18, 0x7ffffffffffff001),
      "inv-device-tlb" },
    { "MIP", QVTD_DESC(0x3 | 0x1full << 16 | 0x18ull << 32, 0),
      "inv-device-tlb" },
};

static void check_good(const char *props, const Good *table, unsigned n)
{
    QVtd d;

    qvtd_start(&d, "", props, "");
    qvtd_queue_start(&d, 0);
    for (int i = 0; i < n; i++) {
        uint64_t before = qvtd_stat(&d, table[i].stat);

        qvtd_row("%s", table[i].name);
        qvtd_queue_put(&d, table[i].desc);
        qvtd_queue_kick(&d);
        expect_done(&d);
        expect_eq(qvtd_stat(&d, table[i].stat), before + 1);
    }
    expect_true(qvtd_queue_sync(&d));
    qvtd_stop(&d);
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
    QVtdDesc desc;
    unsigned iqei;              /* 0 where the code is left open */
} Bad;


#define CONTEXT(lo, hi)         QVTD_DESC(0x11 | (lo), (hi))
#define IOTLB(lo, hi)           QVTD_DESC(0x12 | (lo), (hi))
#define IEC(lo, hi)             QVTD_DESC(0x4 | (lo), (hi))
#define WAIT(lo, hi)            QVTD_DESC(0x5 | (lo), (hi))
#define DEVICE_TLB(lo, hi)      QVTD_DESC(0x3 | (lo), (hi))

static const Bad bad[] = {
    { "type 0", QVTD_DESC(0, 0), QVTD_IQEI_TYPE },
    { "type 0xa", QVTD_DESC(0xa, 0), QVTD_IQEI_TYPE },
    { "type 0xb", QVTD_DESC(0xb, 0), QVTD_IQEI_TYPE },
    { "type 0xf", QVTD_DESC(0xf, 0), QVTD_IQEI_TYPE },
    { "type 0x11", CONTEXT(LO(9), 0), QVTD_IQEI_TYPE },
    { "type 0x22", IOTLB(LO(10), 0), QVTD_IQEI_TYPE },
    { "type 0x45", WAIT(LO(11), 0), QVTD_IQEI_TYPE },
    { "type 6 in a 128-bit queue", QVTD_DESC(0x26, 0), 0 },
    { "type 7 in a 128-bit queue", QVTD_DESC(0x7, 0), 0 },
    { "type 8 in a 128-bit queue", QVTD_DESC(0x8, 0), 0 },
    { "type 9 in a 128-bit queue", QVTD_DESC(0x9, 0), 0 },
    { "device-TLB without DT", QVTD_INV_DEVICE_TLB(0x18, 0), 0 },
    { "all ones", QVTD_DESC(UINT64_MAX, UINT64_MAX), 0 },

    { "context, G 00", QVTD_DESC(0x1, 0), QVTD_IQEI_RESERVED },
    { "context, bit 6", CONTEXT(LO(6), 0), QVTD_IQEI_RESERVED },
    { "context, bit 8", CONTEXT(LO(8), 0), QVTD_IQEI_RESERVED },
    { "context, bit 12", CONTEXT(LO(12), 0), QVTD_IQEI_RESERVED },
    { "context, bit 15", CONTEXT(LO(15), 0), QVTD_IQEI_RESERVED },
    { "context, bit 50", CONTEXT(LO(50), 0), QVTD_IQEI_RESERVED },
    { "context, bit 63", CONTEXT(LO(63), 0), QVTD_IQEI_RESERVED },
    { "context, bit 64", CONTEXT(0, 1), QVTD_IQEI_RESERVED },
    { "context, bit 127", CONTEXT(0, LO(63)), QVTD_IQEI_RESERVED },

    { "IOTLB, G 00", QVTD_DESC(0x2, 0), QVTD_IQEI_RESERVED },
    { "IOTLB, bit 8", IOTLB(LO(8), 0), QVTD_IQEI_RESERVED },
    { "IOTLB, bit 12", IOTLB(LO(12), 0), QVTD_IQEI_RESERVED },
    { "IOTLB, bit 15", IOTLB(LO(15), 0), QVTD_IQEI_RESERVED },
    { "IOTLB, bit 32", IOTLB(LO(32), 0), QVTD_IQEI_RESERVED },
    { "IOTLB, bit 63", IOTLB(LO(63), 0), QVTD_IQEI_RESERVED },
    { "IOTLB, bit 71", IOTLB(LO(5), LO(7)), QVTD_IQEI_RESERVED },
    { "IOTLB, bit 75", IOTLB(LO(5), LO(11)), QVTD_IQEI_RESERVED },
    { "IOTLB, AM 19", QVTD_INV_IOTLB_PAGES(5, 0, 19), 0 },
    { "IOTLB, AM 63", QVTD_INV_IOTLB_PAGES(5, 0, 63), 0 },

    { "IEC, bit 5", IEC(LO(5), 0), QVTD_IQEI_RESERVED },
    { "IEC, bit 8", IEC(LO(8), 0), QVTD_IQEI_RESERVED },
    { "IEC, bit 12", IEC(LO(12), 0), QVTD_IQEI_RESERVED },
    { "IEC, bit 26", IEC(LO(26), 0), QVTD_IQEI_RESERVED },
    { "IEC, bit 48", IEC(LO(48), 0), QVTD_IQEI_RESERVED },
    { "IEC, bit 63", IEC(LO(63), 0), QVTD_IQEI_RESERVED },
    { "IEC, bit 64", IEC(0, 1), QVTD_IQEI_RESERVED },
    { "IEC, bit 127", IEC(0, LO(63)), QVTD_IQEI_RESERVED },
    { "IEC, IM 16", QVTD_INV_IEC_INDEX(0, 16), 0 },
    { "IEC, IM 31", QVTD_INV_IEC_INDEX(0, 31), 0 },

    { "wait, PD without PDS", WAIT(LO(7), 0), QVTD_IQEI_RESERVED },
    { "wait, bit 8", WAIT(LO(8), 0), QVTD_IQEI_RESERVED },
    { "wait, bit 12", WAIT(LO(12), 0), QVTD_IQEI_RESERVED },
    { "wait, bit 31", WAIT(LO(31), 0), QVTD_IQEI_RESERVED },
    { "wait, bit 64", WAIT(0, LO(0)), QVTD_IQEI_RESERVED },
    { "wait, bit 65", WAIT(0, LO(1)), QVTD_IQEI_RESERVED },
};

static const Bad bad_device_tlb[] = {
    { "device-TLB, bit 4", DEVICE_TLB(LO(4), 0), QVTD_IQEI_RESERVED },
    { "device-TLB, bit 8", DEVICE_TLB(LO(8), 0), QVTD_IQEI_RESERVED },
    { "device-TLB, bit 21", DEVICE_TLB(LO(21), 0), QVTD_IQEI_RESERVED },
    { "device-TLB, bit 31", DEVICE_TLB(LO(31), 0), QVTD_IQEI_RESERVED },
    { "device-TLB, bit 48", DEVICE_TLB(LO(48), 0), QVTD_IQEI_RESERVED },
    { "device-TLB, bit 51", DEVICE_TLB(LO(51), 0), QVTD_IQEI_RESERVED },
    { "device-TLB, bit 65", DEVICE_TLB(0, LO(1)), QVTD_IQEI_RESERVED },
    { "device-TLB, bit 75", DEVICE_TLB(0, LO(11)), QVTD_IQEI_RESERVED },
};

/*
 * The bad descriptor between two waits: the first is complete, the second
 * waits until software has put another in its place and cleared the error,
 * or started the queue anew.
 */
static void check_bad_row(QVtd *d, const Bad *row)
{
    uint64_t before = d->status + 8, after = d->status + 16;
    uint32_t cookie = ++d->waits;
    uint32_t head;

    qvtd_row("%s", row->name);
    qvtd_queue_put(d, QVTD_INV_IOTLB_GLOBAL);
    qvtd_queue_put(d, QVTD_WAIT(QVTD_WAIT_SW, cookie, before));
    head = d->tail << 4;
    qvtd_queue_put(d, row->desc);
    qvtd_queue_put(d, QVTD_WAIT(QVTD_WAIT_SW, cookie, after));
    qvtd_queue_kick(d);
    expect_stopped(d, head, row->iqei);
    expect_eq(qtest_readl(d->qts, before), cookie);
    expect_true(qtest_readl(d->qts, after) != cookie);

    qvtd_row("%s, more descriptors while stopped", row->name);
    qvtd_queue_put(d, QVTD_INV_CONTEXT_GLOBAL);
    qvtd_queue_kick(d);
    expect_eq(qvtd_read64(d, QVTD_IQT), d->tail << 4);
    expect_stopped(d, head, row->iqei);

    qvtd_row("%s, cleared but not mended", row->name);
    qvtd_write32(d, QVTD_FSTS, QVTD_FSTS_IQE);
    expect_stopped(d, head, row->iqei);
    expect_true(qtest_readl(d->qts, after) != cookie);

    qvtd_row("%s, mended", row->name);
    qtest_writeq(d->qts, d->queue + head, QVTD_WAIT(0, 0, 0).lo);
    qtest_writeq(d->qts, d->queue + head + 8, 0);
    qvtd_queue_kick(d);
    expect_stopped(d, head, row->iqei);
    qvtd_write32(d, QVTD_FSTS, QVTD_FSTS_IQE);
    expect_done(d);
    expect_eq(qtest_readl(d->qts, after), cookie);
}

static void check_bad(const char *props, const Bad *table, unsigned n)
{
    QVtd d;

    qvtd_start(&d, "", props, "");
    qvtd_queue_start(&d, 0);
    for (int i = 0; i < n; i++) {
        check_bad_row(&d, &table[i]);
        expect_true(qvtd_queue_sync(&d));
    }
    expect_true(qvtd_stat(&d, "inv-errors") >= n);
    qvtd_stop(&d);
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
            expect_stopped(&d, rows[i].head, rows[i].iqei);
        } else {
            qvtd_write32(&d, QVTD_IQT, rows[i].tail);
            expect_stopped(&d, d.tail << 4, rows[i].iqei);
            qvtd_row("%s, right tail", rows[i].name);
            qvtd_queue_put(&d, QVTD_INV_IOTLB_GLOBAL);
            qvtd_queue_kick(&d);
            qvtd_write32(&d, QVTD_FSTS, QVTD_FSTS_IQE);
            expect_done(&d);
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
    expect_done(&d);
    qvtd_stop(&d);
}

/* Sizes and wrapping: a ring of fences, filled to the brim again and again */
static void test_sizes(void)
{
    QVtd d;

    qvtd_start(&d, "", "", "");
    for (unsigned order = 0; order <= 7; order++) {
        uint32_t entries = 256u << order;
        QVtdDesc *ring = g_new0(QVtdDesc, entries);

        qvtd_queue_start(&d, order);
        for (int i = 0; i < entries; i++) {
            ring[i].lo = cpu_to_le64(QVTD_WAIT(QVTD_WAIT_FN, 0, 0).lo);
        }
        qtest_memwrite(d.qts, d.queue, ring, entries * sizeof(*ring));
        g_free(ring);
        for (int round = 0; round < 3; round++) {
            uint64_t before = qvtd_stat(&d, "inv-wait");

            qvtd_row("%u descriptors, round %d", entries, round);
            d.tail = (d.tail + entries - 1) % d.entries;
            qvtd_queue_kick(&d);
            expect_done(&d);
            expect_eq(qvtd_stat(&d, "inv-wait") - before, entries - 1);
        }
        qvtd_row("%u descriptors, tail written again", entries);
        qvtd_queue_kick(&d);
        expect_done(&d);
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
    expect_done(&d);

    qvtd_row("upper half alone");
    qvtd_write32(&d, QVTD_IQT + 4, 0x20);
    expect_done(&d);

    qvtd_row("descriptors that software did not give");
    qvtd_queue_put(&d, QVTD_WAIT(QVTD_WAIT_SW, 0x77, d.status));
    expect_eq(qvtd_read64(&d, QVTD_IQH), 0x10);
    expect_eq(qtest_readl(d.qts, d.status), 0);
    qvtd_queue_kick(&d);
    expect_eq(qtest_readl(d.qts, d.status), 0x77);
    expect_done(&d);

    qvtd_row("off");
    qvtd_command(&d, QVTD_QIE, false);
    expect_eq(qvtd_read64(&d, QVTD_IQH), 0);
    qvtd_row("on again");
    qvtd_queue_start(&d, 1);
    expect_true(qvtd_queue_sync(&d));
    expect_done(&d);
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
        expect_done(&d);
        qtest_memread(d.qts, d.status, got, sizeof(got));
        expect_eq(memcmp(got, want, sizeof(got)), 0);
        expect_eq(qvtd_read32(&d, QVTD_ICS),
                  rows[i].flags & QVTD_WAIT_IF ? QVTD_ICS_IWC : 0);
        qvtd_write32(&d, QVTD_ICS, QVTD_ICS_IWC);
    }
    qvtd_stop(&d);
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
