/*
 * VT-d tests: the invalidation queue of scalable mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the types of descriptors of 256 bits, the reserved bits and values of
 * each, and rows of what is wrong with the queue itself (1.12, 7.4 to 7.6).
 */

#include "qemu/osdep.h"
#include "tests/vtd/rows.h"

#define BIT(n)                  (1ull << (n))

/* A queue of 2^@order pages, and the mode latched that it is for */
static void start(QVtd *d, unsigned order)
{
    qvtd_use_scalable(d);
    d->root = qvtd_alloc(d, 1);
    qvtd_latch_root(d, d->root | QVTD_TTM_SCALABLE);
    qvtd_queue_start(d, order);
}

/* What a descriptor of @type is taken with, if it is taken at all */
static QVtdDesc plain_desc(unsigned type)
{
    static const unsigned granularity[16] = {
        [1] = QVTD_GLOBAL, [2] = QVTD_GLOBAL, [6] = 2, [7] = 3,
    };
    unsigned g = type < 16 ? granularity[type] : 0;

    return QVTD_DESC((type & 15) | (type & ~15u) << 5 | QVTD_DESC_G(g), 0);
}

/* All 7 bits of the type (7.4) */
void qvtd_rows_sm_types(QVtd *d)
{
    uint64_t ecap = qvtd_read64(d, QVTD_ECAP);

    start(d, 0);
    for (unsigned type = 0; type < 128; type++) {
        bool valid = type == 1 || type == 2 || (type >= 5 && type <= 7) ||
                     ((type == 3 || type == 8) && ecap & QVTD_ECAP_DT) ||
                     (type == 4 && ecap & QVTD_ECAP_IR) ||
                     (type == 9 && ecap & QVTD_ECAP_PRS);

        qvtd_row("type 0x%x of 256 bits", type);
        expect_eq(qvtd_queue_error(d, plain_desc(type)),
                  valid ? 0 : QVTD_IQEI_TYPE);
    }
}

static const struct {
    const char *name;
    QVtdDesc desc;                      /* legal as it stands */
    uint64_t lo, hi;                    /* that are reserved */
    uint64_t skip_lo, skip_hi;          /* another type, G, or left open */
    uint64_t ecap;                      /* that it is there with */
} reserved[] = {
    { "context, global", QVTD_INV_CONTEXT_GLOBAL,
      QVTD_BITS(8, 6) | QVTD_BITS(15, 12) | QVTD_BITS(63, 50),
      QVTD_BITS(63, 0), 0x3f },
    { "IOTLB, global", QVTD_INV_IOTLB_GLOBAL,
      BIT(8) | QVTD_BITS(15, 12) | QVTD_BITS(63, 32), QVTD_BITS(11, 7),
      0x3f },
    { "IOTLB, pages", QVTD_INV_IOTLB_PAGES(0, 0, 0),
      BIT(8) | QVTD_BITS(15, 12) | QVTD_BITS(63, 32),
      QVTD_BITS(11, 7), 0x3f, QVTD_BITS(5, 0) },
    /* PFSID is among them: there is no DIT */
    { "device-TLB", QVTD_INV_DEVICE_TLB(0, 0),
      QVTD_BITS(8, 4) | QVTD_BITS(15, 12) | QVTD_BITS(31, 21) |
      QVTD_BITS(63, 48), QVTD_BITS(11, 1), 0xf, 0, QVTD_ECAP_DT },
    { "IEC, global", QVTD_INV_IEC_GLOBAL,
      QVTD_BITS(8, 5) | QVTD_BITS(26, 12) | QVTD_BITS(63, 48),
      QVTD_BITS(63, 0), 0xf, 0, QVTD_ECAP_IR },
    { "wait", QVTD_WAIT(0, 0, 0), QVTD_BITS(8, 7) | QVTD_BITS(31, 12),
      QVTD_BITS(1, 0), 0xf },
    { "PASID-based IOTLB, PASID", QVTD_INV_PASID_IOTLB_ALL(5, 7),
      QVTD_BITS(8, 6) | QVTD_BITS(15, 12) | QVTD_BITS(63, 52),
      QVTD_BITS(11, 7), 0x3f },
    /* what is no canonical address is left open; AM: see masks() */
    { "PASID-based IOTLB, pages", QVTD_INV_PASID_IOTLB_PAGES(5, 7, 0, 0),
      QVTD_BITS(8, 6) | QVTD_BITS(15, 12) | QVTD_BITS(63, 52),
      QVTD_BITS(11, 7), 0x3f, QVTD_BITS(63, 47) | QVTD_BITS(5, 0) },
    { "PASID-cache, PASID", QVTD_INV_PASID_CACHE_ONE(5, 7),
      QVTD_BITS(8, 6) | QVTD_BITS(15, 12) | QVTD_BITS(63, 52),
      QVTD_BITS(63, 0), 0x3f },
    { "PASID-based device-TLB", QVTD_INV_PASID_DEVICE_TLB(0, 0, 0),
      QVTD_BITS(15, 12) | QVTD_BITS(63, 52), QVTD_BITS(10, 1), 0xf, 0,
      QVTD_ECAP_DT },
};

/* Every bit of every descriptor: reserved ones are an error, no others */
void qvtd_rows_sm_reserved(QVtd *d)
{
    uint64_t ecap = qvtd_read64(d, QVTD_ECAP);

    start(d, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(reserved); i++) {
        uint64_t skip[4] = {
            reserved[i].skip_lo | QVTD_BITS(11, 9), reserved[i].skip_hi,
        };
        uint64_t found[4] = { 0 };

        if ((ecap & reserved[i].ecap) != reserved[i].ecap) {
            continue;
        }
        qvtd_row("%s of 256 bits", reserved[i].name);
        for (unsigned bit = 0; bit < 256; bit++) {
            QVtdDesc desc = reserved[i].desc;
            uint64_t *words[4] = {
                &desc.lo, &desc.hi, &desc.upper[0], &desc.upper[1],
            };
            unsigned iqei;

            if (skip[bit / 64] & BIT(bit % 64)) {
                continue;
            }
            *words[bit / 64] ^= BIT(bit % 64);
            iqei = qvtd_queue_error(d, desc);
            if (iqei) {
                found[bit / 64] |= BIT(bit % 64);
                expect_eq(iqei, QVTD_IQEI_RESERVED);
            }
        }
        expect_eq(found[0], reserved[i].lo);
        expect_eq(found[1], reserved[i].hi & ~reserved[i].skip_hi);
        expect_eq(found[2], UINT64_MAX);
        expect_eq(found[3], UINT64_MAX);
    }
}

/* Values, each of which makes a descriptor right or wrong */
static const struct {
    const char *name;
    QVtdDesc desc;
    unsigned iqei;
} values[] = {
    { "PASID-based IOTLB, G 0", QVTD_INV_PASID_IOTLB(0, 5, 7, 0),
      QVTD_IQEI_RESERVED },
    { "PASID-based IOTLB, G 1", QVTD_INV_PASID_IOTLB(1, 5, 7, 0),
      QVTD_IQEI_RESERVED },
    { "PASID-based IOTLB, last DID and PASID",
      QVTD_INV_PASID_IOTLB_ALL(0xffff, 0xfffff), 0 },
    { "PASID-based IOTLB, PASID, AM and IH ignored",
      QVTD_INV_PASID_IOTLB(2, 5, 7, 0x7fff & ~QVTD_BITS(11, 7)), 0 },
    { "PASID-based IOTLB, IH",
      QVTD_INV_PASID_IOTLB_PAGES(5, 7, 0x1000 | QVTD_IVA_IH, 0), 0 },
    { "PASID-based IOTLB, 2^18 pages, not aligned",
      QVTD_INV_PASID_IOTLB_PAGES(5, 7, 0x1000, 18), 0 },
    { "PASID-based IOTLB, upper half",
      QVTD_INV_PASID_IOTLB_PAGES(5, 7, 0xfffffffffffff000, 9), 0 },
    { "PASID-based IOTLB, AM 63", QVTD_INV_PASID_IOTLB_PAGES(5, 7, 0, 63),
      QVTD_IQEI_RESERVED },
    { "PASID-cache, domain", QVTD_INV_PASID_CACHE_DOMAIN(0xffff), 0 },
    { "PASID-cache, PASID", QVTD_INV_PASID_CACHE_ONE(5, 0xfffff), 0 },
    { "PASID-cache, G 2", QVTD_INV_PASID_CACHE(2, 0, 0), QVTD_IQEI_RESERVED },
    { "PASID-cache, global", QVTD_INV_PASID_CACHE_GLOBAL, 0 },
    { "PASID-cache, global, DID and PASID ignored",
      QVTD_INV_PASID_CACHE(3, 5, 7), 0 },
    { "IOTLB, domain", QVTD_INV_IOTLB_DOMAIN(5), 0 },
    { "context, domain", QVTD_INV_CONTEXT_DOMAIN(5), 0 },
    { "context, device", QVTD_INV_CONTEXT_DEVICE(5, 0x18, 3), 0 },
};

/* Each order of pages, up to the largest of CAP and beyond it */
static void masks(QVtd *d)
{
    unsigned mamv = QVTD_CAP_MAMV(qvtd_read64(d, QVTD_CAP));

    for (unsigned am = 0; am < 64; am++) {
        unsigned iqei = am <= mamv ? 0 : QVTD_IQEI_RESERVED;

        qvtd_row("AM %u, MAMV %u", am, mamv);
        expect_eq(qvtd_queue_error(d, QVTD_INV_IOTLB_PAGES(5, 0, am)), iqei);
        expect_eq(qvtd_queue_error(d, QVTD_INV_PASID_IOTLB_PAGES(5, 7, 0, am)),
                  iqei);
    }
}

/* The queue stopped for @iqei where it was, and goes on with @tail */
static void expect_tail(QVtd *d, uint32_t tail, unsigned iqei)
{
    unsigned head = d->tail;

    qvtd_write32(d, QVTD_IQT, tail);
    qvtd_expect_queue(d, head, iqei);
    qvtd_write32(d, QVTD_IQT, d->tail * qvtd_desc_size(d));
    qvtd_write32(d, QVTD_FSTS, QVTD_FSTS_IQE);
    expect_true(qvtd_queue_sync(d));
    qvtd_expect_done(d);
}

/* Latch @rtaddr: a wait then stops the queue for @iqei, until it is started */
static void expect_mode(QVtd *d, uint64_t rtaddr, unsigned iqei)
{
    qvtd_latch_root(d, rtaddr);
    qvtd_queue_put(d, QVTD_WAIT(0, 0, 0));
    qvtd_queue_kick(d);
    qvtd_expect_stopped(d, 0, iqei);
    qvtd_write32(d, QVTD_FSTS, QVTD_FSTS_IQE);
    qvtd_queue_stop(d);
    qvtd_write32(d, QVTD_FSTS, QVTD_FSTS_IQE);
    expect_eq(qvtd_read32(d, QVTD_FSTS), 0);
}

void qvtd_rows_sm_queue(QVtd *d)
{
    start(d, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
        qvtd_row("%s", values[i].name);
        expect_eq(qvtd_queue_error(d, values[i].desc), values[i].iqei);
    }

    masks(d);

    qvtd_row("tail not aligned");
    expect_tail(d, (d->tail + 1) % d->entries * 32 + 16, QVTD_IQEI_ALIGN);
    qvtd_row("tail beyond the end");
    expect_tail(d, QVTD_PAGE, QVTD_IQEI_TAIL);
    qvtd_row("around the end of a queue of 2 pages");
    qvtd_queue_start(d, 1);
    expect_eq(d->entries, 256);
    for (unsigned i = 0; i < 600; i++) {
        expect_true(qvtd_queue_sync(d));
        qvtd_expect_done(d);
    }

    qvtd_row("128 bits in scalable mode");
    d->wide = false;
    qvtd_queue_start(d, 0);
    expect_mode(d, d->root | QVTD_TTM_SCALABLE, QVTD_IQEI_WIDTH);
    qvtd_row("128 bits, TTM 2");
    qvtd_queue_start(d, 0);
    expect_mode(d, d->root | 2 << 10, QVTD_IQEI_TTM);
    qvtd_row("256 bits, TTM 2");
    d->wide = true;
    qvtd_queue_start(d, 0);
    expect_mode(d, d->root | 2 << 10, QVTD_IQEI_TTM);

    qvtd_row("256 bits in legacy mode");
    qvtd_latch_root(d, d->root);
    qvtd_queue_start(d, 0);
    qvtd_invalidate(d, QVTD_INV_CONTEXT_GLOBAL);
    qvtd_invalidate(d, QVTD_INV_IOTLB_GLOBAL);
    qvtd_expect_done(d);
    qvtd_row("128 bits in legacy mode");
    d->wide = false;
    qvtd_queue_start(d, 0);
    qvtd_invalidate(d, QVTD_INV_IOTLB_GLOBAL);
    qvtd_expect_done(d);
    qvtd_row("256 bits in a hole");
    d->wide = true;
    qvtd_queue_stop(d);
    qvtd_latch_root(d, d->root | QVTD_TTM_SCALABLE);
    qvtd_write32(d, QVTD_IQT, 0);
    qvtd_write64(d, QVTD_IQA, QVTD_HOLE | QVTD_IQA_DW);
    qvtd_command(d, QVTD_QIE, true);
    qvtd_write32(d, QVTD_IQT, 32);
    qvtd_expect_stopped(d, 0, QVTD_IQEI_FETCH);
}
