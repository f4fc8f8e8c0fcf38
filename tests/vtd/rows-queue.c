/*
 * VT-d tests: descriptors that are taken, and such that are not
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a row for each kind of descriptor and for each error in one, and the
 * bits of each that are reserved.  What invalidations do to the caches is
 * not seen here.
 */

#include "qemu/osdep.h"
#include "tests/vtd/rows.h"

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
    { "IOTLB, domain 0xffff, DW and DR",
      QVTD_DESC(0x22 | LO(6) | LO(7) | 0xffffull << 16, 0),
      "inv-iotlb-domain" },
    { "IOTLB, page", QVTD_INV_IOTLB_PAGES(5, 0x1000, 0), "inv-iotlb-page" },
    { "IOTLB, page, IH", QVTD_INV_IOTLB_PAGES(5, 0x1000 | QVTD_IVA_IH, 0),
      "inv-iotlb-page" },
    { "IOTLB, last page, IH",
      QVTD_INV_IOTLB_PAGES(5, 0xfffffffffffff000 | QVTD_IVA_IH, 0),
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
    { "IEC, 2^15, 0", QVTD_INV_IEC_INDEX(0, 15), "inv-iec-index" },
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

static void check_good(QVtd *d, const Good *table, unsigned n)
{
    qvtd_queue_start(d, 0);
    for (int i = 0; i < n; i++) {
        uint64_t before = qvtd_stat(d, table[i].stat);

        qvtd_row("%s", table[i].name);
        qvtd_queue_put(d, table[i].desc);
        qvtd_queue_kick(d);
        qvtd_expect_done(d);
        expect_eq(qvtd_stat(d, table[i].stat), before + 1);
    }
    expect_true(qvtd_queue_sync(d));
}

void qvtd_rows_descriptors(QVtd *d, bool device_iotlb)
{
    if (device_iotlb) {
        check_good(d, good_device_tlb, ARRAY_SIZE(good_device_tlb));
    } else {
        check_good(d, good, ARRAY_SIZE(good));
    }
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
    { "IOTLB, AM 19", QVTD_INV_IOTLB_PAGES(5, 0, 19), QVTD_IQEI_RESERVED },
    { "IOTLB, AM 32", QVTD_INV_IOTLB_PAGES(5, 0, 32), QVTD_IQEI_RESERVED },
    { "IOTLB, AM 63", QVTD_INV_IOTLB_PAGES(5, 0, 63), QVTD_IQEI_RESERVED },

    { "IEC, bit 5", IEC(LO(5), 0), QVTD_IQEI_RESERVED },
    { "IEC, bit 8", IEC(LO(8), 0), QVTD_IQEI_RESERVED },
    { "IEC, bit 12", IEC(LO(12), 0), QVTD_IQEI_RESERVED },
    { "IEC, bit 26", IEC(LO(26), 0), QVTD_IQEI_RESERVED },
    { "IEC, bit 48", IEC(LO(48), 0), QVTD_IQEI_RESERVED },
    { "IEC, bit 63", IEC(LO(63), 0), QVTD_IQEI_RESERVED },
    { "IEC, bit 64", IEC(0, 1), QVTD_IQEI_RESERVED },
    { "IEC, bit 127", IEC(0, LO(63)), QVTD_IQEI_RESERVED },
    { "IEC, IM 16", QVTD_INV_IEC_INDEX(0, 16), QVTD_IQEI_RESERVED },
    { "IEC, IM 31", QVTD_INV_IEC_INDEX(0, 31), QVTD_IQEI_RESERVED },

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
    head = d->tail * qvtd_desc_size(d);
    qvtd_queue_put(d, row->desc);
    qvtd_queue_put(d, QVTD_WAIT(QVTD_WAIT_SW, cookie, after));
    qvtd_queue_kick(d);
    qvtd_expect_stopped(d, head, row->iqei);
    expect_eq(qvtd_get32(d, before), cookie);
    expect_true(qvtd_get32(d, after) != cookie);

    qvtd_row("%s, more descriptors while stopped", row->name);
    qvtd_queue_put(d, QVTD_INV_CONTEXT_GLOBAL);
    qvtd_queue_kick(d);
    expect_eq(qvtd_read64(d, QVTD_IQT), d->tail * qvtd_desc_size(d));
    qvtd_expect_stopped(d, head, row->iqei);

    qvtd_row("%s, cleared but not mended", row->name);
    qvtd_write32(d, QVTD_FSTS, QVTD_FSTS_IQE);
    qvtd_expect_stopped(d, head, row->iqei);
    expect_true(qvtd_get32(d, after) != cookie);

    qvtd_row("%s, mended", row->name);
    qvtd_put(d, d->queue + head, QVTD_WAIT(0, 0, 0).lo);
    qvtd_put(d, d->queue + head + 8, 0);
    qvtd_queue_kick(d);
    qvtd_expect_stopped(d, head, row->iqei);
    qvtd_write32(d, QVTD_FSTS, QVTD_FSTS_IQE);
    qvtd_expect_done(d);
    expect_eq(qvtd_get32(d, after), cookie);
}

static void check_bad(QVtd *d, const Bad *table, unsigned n)
{
    qvtd_queue_start(d, 0);
    for (int i = 0; i < n; i++) {
        check_bad_row(d, &table[i]);
        expect_true(qvtd_queue_sync(d));
    }
    expect_true(qvtd_stat(d, "inv-errors") >= n);
}

void qvtd_rows_refused(QVtd *d, bool device_iotlb)
{
    if (device_iotlb) {
        check_bad(d, bad_device_tlb, ARRAY_SIZE(bad_device_tlb));
    } else {
        check_bad(d, bad, ARRAY_SIZE(bad));
    }
}

/* All 7 bits of the type (7.4) */
void qvtd_rows_types(QVtd *d, bool device_iotlb, bool intr_remap)
{
    qvtd_queue_start(d, 0);
    for (unsigned type = 0; type < 128; type++) {
        bool valid = type == 1 || type == 2 || type == 5 ||
                     (type == 3 && device_iotlb) ||
                     (type == 4 && intr_remap);
        unsigned g = type == 1 || type == 2 ? QVTD_GLOBAL : 0;
        unsigned iqei;

        qvtd_row("type 0x%x", type);
        iqei = qvtd_queue_error(d, QVTD_DESC((type & 15) | (type & ~15u) << 5 |
                                     QVTD_DESC_G(g), 0));
        /* of a 256-bit queue: 3 or 5, not defined which (7.6) */
        if (type >= 6 && type <= 9 && iqei == QVTD_IQEI_WIDTH) {
            iqei = QVTD_IQEI_TYPE;
        }
        expect_eq(iqei, valid ? 0 : QVTD_IQEI_TYPE);
    }
}

/* Every bit of every descriptor: reserved ones are an error, no others */
static const struct {
    const char *name;
    QVtdDesc desc;                      /* legal as it stands */
    uint64_t lo, hi;                    /* that are reserved */
    uint64_t skip;                      /* of lo: another type, or G */
} reserved[] = {
    { "context, global", QVTD_INV_CONTEXT_GLOBAL,
      QVTD_BITS(8, 6) | QVTD_BITS(15, 12) | QVTD_BITS(63, 50),
      QVTD_BITS(63, 0), 0x3f },
    { "context, device", QVTD_INV_CONTEXT_DEVICE(0, 0, 0),
      QVTD_BITS(8, 6) | QVTD_BITS(15, 12) | QVTD_BITS(63, 50),
      QVTD_BITS(63, 0), 0x3f },
    { "IOTLB, global", QVTD_INV_IOTLB_GLOBAL,
      LO(8) | QVTD_BITS(15, 12) | QVTD_BITS(63, 32), QVTD_BITS(11, 7),
      0x3f },
    /* bit 5 is an AM of 32 */
    { "IOTLB, pages", QVTD_INV_IOTLB_PAGES(0, 0, 0),
      LO(8) | QVTD_BITS(15, 12) | QVTD_BITS(63, 32),
      QVTD_BITS(11, 7) | LO(5), 0x3f },
    /* PFSID is among them: there is no DIT */
    { "device-TLB", QVTD_INV_DEVICE_TLB(0, 0),
      QVTD_BITS(8, 4) | QVTD_BITS(15, 12) | QVTD_BITS(31, 21) |
      QVTD_BITS(63, 48), QVTD_BITS(11, 1), 0xf },
    { "IEC, global", QVTD_INV_IEC_GLOBAL,
      QVTD_BITS(8, 5) | QVTD_BITS(26, 12) | QVTD_BITS(63, 48),
      QVTD_BITS(63, 0), 0xf },
    /* bit 31 is an IM of 16 */
    { "IEC, index", QVTD_INV_IEC_INDEX(0, 0),
      QVTD_BITS(8, 5) | QVTD_BITS(26, 12) | QVTD_BITS(63, 48),
      QVTD_BITS(63, 0), 0xf | LO(31) },
    { "wait", QVTD_WAIT(0, 0, 0), QVTD_BITS(8, 7) | QVTD_BITS(31, 12),
      QVTD_BITS(1, 0), 0xf },
};

void qvtd_rows_reserved(QVtd *d)
{
    qvtd_queue_start(d, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(reserved); i++) {
        uint64_t skip = reserved[i].skip | QVTD_BITS(11, 9);
        uint64_t found[2] = { 0 };

        qvtd_row("%s", reserved[i].name);
        for (unsigned bit = 0; bit < 128; bit++) {
            QVtdDesc desc = reserved[i].desc;
            unsigned iqei;

            if (bit < 64 && (skip & LO(bit))) {
                continue;
            }
            *(bit < 64 ? &desc.lo : &desc.hi) ^= LO(bit % 64);
            iqei = qvtd_queue_error(d, desc);
            if (iqei) {
                found[bit / 64] |= LO(bit % 64);
                expect_eq(iqei, QVTD_IQEI_RESERVED);
            }
        }
        expect_eq(found[0], reserved[i].lo);
        expect_eq(found[1], reserved[i].hi);
    }
}
