/*
 * VT-d tests: what each invalidation drops, and what it leaves
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a row for each granularity, of the IOTLB and of the context cache, and
 * for each word on a request's way that comes or goes.  Tables change under
 * all that is cached, some of it is invalidated, and then it is looked where
 * requests go.
 */

#include "qemu/osdep.h"
#include "tests/vtd/rows.h"
#include "tests/vtd/words.h"

#define BASE                    0x8080000000ull
#define OLD                     0x01d01d01d01d01d0ull
#define NEW                     0x3e33e33e33e33e33ull

/* Of the domains of the first device and of the second */
#define A_ID                    5
#define B_ID                    6

static void invalidate(QVtd *d, bool by_register, QVtdDesc desc)
{
    if (by_register) {
        qvtd_invalidate_by_register(d, desc);
    } else {
        qvtd_invalidate(d, desc);
    }
}

/* The IOTLB */

/* Both devices' domains map these; @offset is where they are looked at */
typedef struct Item {
    uint64_t iova;
    unsigned level;
    uint64_t offset;
    uint64_t old_pa, new_pa;
} Item;

static const Item items[] = {
    { BASE + 0x0000, 1, 0, 0x5000000, 0x5001000 },
    { BASE + 0x1000, 1, 0, 0x5000000, 0x5001000 },
    { BASE + 0x2000, 1, 0, 0x5000000, 0x5001000 },
    { BASE + 0x3000, 1, 0, 0x5000000, 0x5001000 },
    { BASE + 0x4000, 1, 0, 0x5000000, 0x5001000 },
    { BASE + 0x5000, 1, 0, 0x5000000, 0x5001000 },
    { BASE + 0x6000, 1, 0, 0x5000000, 0x5001000 },
    { BASE + 0x7000, 1, 0, 0x5000000, 0x5001000 },
    { BASE + MIB2, 2, 0x12340, 0x6000000, 0x6200000 },
    { BASE + GIB, 3, 0x7000000, 0, GIB },
};

#define PAGES(first, last)      ((2u << (last)) - (1u << (first)))
#define SMALL                   PAGES(0, 7)
#define LARGE                   PAGES(8, 8)
#define HUGE_PAGE               PAGES(9, 9)
#define ALL                     PAGES(0, 9)
/* The same items of device b */
#define B(mask)                 ((mask) << 16)

typedef struct IotlbRow {
    const char *name;
    QVtdDesc desc;
    uint32_t changed;           /* who has to see the new leaves */
} IotlbRow;

static const IotlbRow iotlb_rows[] = {
    { "global", QVTD_INV_IOTLB_GLOBAL, ALL | B(ALL) },
    { "domain of a", QVTD_INV_IOTLB_DOMAIN(A_ID), ALL },
    { "domain of b", QVTD_INV_IOTLB_DOMAIN(B_ID), B(ALL) },
    { "domain of none", QVTD_INV_IOTLB_DOMAIN(7), 0 },
    { "domain 0", QVTD_INV_IOTLB_DOMAIN(0), 0 },
    { "first page", QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), PAGES(0, 0) },
    { "first page, IH",
      QVTD_INV_IOTLB_PAGES(A_ID, BASE | QVTD_IVA_IH, 0), PAGES(0, 0) },
    { "page 3", QVTD_INV_IOTLB_PAGES(A_ID, BASE + 0x3000, 0), PAGES(3, 3) },
    { "page 3 of b", QVTD_INV_IOTLB_PAGES(B_ID, BASE + 0x3000, 0),
      B(PAGES(3, 3)) },
    { "page 3 of none", QVTD_INV_IOTLB_PAGES(7, BASE + 0x3000, 0), 0 },
    { "2 pages", QVTD_INV_IOTLB_PAGES(A_ID, BASE + 0x2000, 1), PAGES(2, 3) },
    { "2 pages, address not aligned",
      QVTD_INV_IOTLB_PAGES(A_ID, BASE + 0x3000, 1), PAGES(2, 3) },
    { "4 pages", QVTD_INV_IOTLB_PAGES(A_ID, BASE + 0x4000, 2), PAGES(4, 7) },
    { "8 pages", QVTD_INV_IOTLB_PAGES(A_ID, BASE, 3), SMALL },
    { "2^9 pages", QVTD_INV_IOTLB_PAGES(A_ID, BASE, 9), SMALL },
    { "2^9 pages above", QVTD_INV_IOTLB_PAGES(A_ID, BASE + MIB2, 9), LARGE },
    { "2^10 pages", QVTD_INV_IOTLB_PAGES(A_ID, BASE, 10), SMALL | LARGE },
    { "a page in 2 MiB",
      QVTD_INV_IOTLB_PAGES(A_ID, BASE + MIB2 + 0x100000, 0), LARGE },
    { "8 pages at the end of 2 MiB",
      QVTD_INV_IOTLB_PAGES(A_ID, BASE + 2 * MIB2 - 0x8000, 3), LARGE },
    { "after 2 MiB", QVTD_INV_IOTLB_PAGES(A_ID, BASE + 2 * MIB2, 9), 0 },
    { "a page in 1 GiB",
      QVTD_INV_IOTLB_PAGES(A_ID, BASE + GIB + 0x3ffff000, 0), HUGE_PAGE },
    { "2^9 pages in 1 GiB",
      QVTD_INV_IOTLB_PAGES(A_ID, BASE + GIB + MIB2, 9), HUGE_PAGE },
    { "2^18 pages", QVTD_INV_IOTLB_PAGES(A_ID, BASE, 18), SMALL | LARGE },
    { "2^18 pages above", QVTD_INV_IOTLB_PAGES(A_ID, BASE + GIB, 18),
      HUGE_PAGE },
    { "elsewhere", QVTD_INV_IOTLB_PAGES(A_ID, 0, 18), 0 },
    /* Bits from MGAW up are ignored (1.9) */
    { "one page, with bit 48", QVTD_INV_IOTLB_PAGES(A_ID, BASE | 1ull << 48, 0),
      PAGES(0, 0) },
};

static void write_leaves(QVtd *d, const QVtdDomain *domain, bool new)
{
    for (int i = 0; i < ARRAY_SIZE(items); i++) {
        qvtd_map(d, domain, items[i].iova,
                 new ? items[i].new_pa : items[i].old_pa, items[i].level,
                 QVTD_RW);
    }
}

/* Which items @sid sees through new leaves */
static uint32_t seen_anew(QVtd *d, uint16_t sid)
{
    QVtdProbe probes[ARRAY_SIZE(items)];
    uint32_t changed = 0;

    for (int i = 0; i < ARRAY_SIZE(items); i++) {
        probes[i].iova = items[i].iova + items[i].offset;
    }
    d->port->probe(d->port, sid, probes, ARRAY_SIZE(probes));
    for (int i = 0; i < ARRAY_SIZE(items); i++) {
        bool new = probes[i].target == items[i].new_pa + items[i].offset;

        expect_true(new ||
                    probes[i].target == items[i].old_pa + items[i].offset);
        expect_eq(probes[i].perm, QVTD_RW);
        changed |= new << i;
    }
    return changed;
}

void qvtd_rows_iotlb(QVtd *d)
{
    QVtdDomain a = qvtd_domain_new(d, A_ID, 4);
    QVtdDomain b = qvtd_domain_new(d, B_ID, 4);

    qvtd_attach(d, QVTD_SID_A, &a);
    qvtd_attach(d, QVTD_SID_B, &b);
    qvtd_enable(d);
    for (int i = 0; i < ARRAY_SIZE(iotlb_rows) * 2; i++) {
        const IotlbRow *row = &iotlb_rows[i / 2];

        qvtd_row("%s, %s", row->name, i % 2 ? "registers" : "queue");
        write_leaves(d, &a, false);
        write_leaves(d, &b, false);
        qvtd_invalidate_all(d);
        expect_eq(seen_anew(d, QVTD_SID_A) | B(seen_anew(d, QVTD_SID_B)), 0);

        write_leaves(d, &a, true);
        write_leaves(d, &b, true);
        invalidate(d, i % 2, row->desc);
        expect_eq(seen_anew(d, QVTD_SID_A) | B(seen_anew(d, QVTD_SID_B)),
                  row->changed);
    }
    qvtd_expect_no_fault(d);
}

/* The context cache */

const uint16_t qvtd_context_sids[] = { 0x20, 0x21, 0x22, 0x24, 0x28, 0 };

#define DEVICES                 (ARRAY_SIZE(qvtd_context_sids) - 1)

/* What they all read, below 39 bits */
#define CONTEXT_IOVA            0x80000000ull

/* Bits of a mask of functions */
#define F40                     1
#define F41                     2
#define F42                     4
#define F44                     8
#define F50                     16

static const struct {
    const char *name;
    QVtdDesc desc;
    uint32_t changed;
} context_rows[] = {
    { "global", QVTD_INV_CONTEXT_GLOBAL, F40 | F41 | F42 | F44 | F50 },
    { "domain a", QVTD_INV_CONTEXT_DOMAIN(A_ID), F40 | F41 | F42 | F44 },
    { "domain b", QVTD_INV_CONTEXT_DOMAIN(B_ID), F50 },
    { "domain of none", QVTD_INV_CONTEXT_DOMAIN(7), 0 },
    { "04.0", QVTD_INV_CONTEXT_DEVICE(A_ID, 0x20, 0), F40 },
    { "04.0, FM 01", QVTD_INV_CONTEXT_DEVICE(A_ID, 0x20, 1), F40 | F44 },
    { "04.0, FM 10", QVTD_INV_CONTEXT_DEVICE(A_ID, 0x20, 2), F40 | F42 | F44 },
    { "04.0, FM 11", QVTD_INV_CONTEXT_DEVICE(A_ID, 0x20, 3),
      F40 | F41 | F42 | F44 },
    { "04.1", QVTD_INV_CONTEXT_DEVICE(A_ID, 0x21, 0), F41 },
    { "04.1, FM 01", QVTD_INV_CONTEXT_DEVICE(A_ID, 0x21, 1), F41 },
    { "04.4, FM 01", QVTD_INV_CONTEXT_DEVICE(A_ID, 0x24, 1), F40 | F44 },
    { "04.6, FM 10", QVTD_INV_CONTEXT_DEVICE(A_ID, 0x26, 2), F40 | F42 | F44 },
    { "04.7, FM 11", QVTD_INV_CONTEXT_DEVICE(A_ID, 0x27, 3),
      F40 | F41 | F42 | F44 },
    { "05.0", QVTD_INV_CONTEXT_DEVICE(B_ID, 0x28, 0), F50 },
    { "06.0", QVTD_INV_CONTEXT_DEVICE(A_ID, 0x30, 3), 0 },
    { "bus 1", QVTD_INV_CONTEXT_DEVICE(A_ID, 0x120, 3), 0 },
};

/* Which devices are in the new domain: all read a page of that or the old */
static uint32_t moved(QVtd *d, uint64_t old_page, uint64_t new_page)
{
    uint32_t changed = 0;

    for (int i = 0; i < DEVICES; i++) {
        QVtdProbe probe = { CONTEXT_IOVA };

        d->port->probe(d->port, qvtd_context_sids[i], &probe, 1);
        expect_true(probe.target == old_page || probe.target == new_page);
        changed |= (probe.target == new_page) << i;
    }
    return changed;
}

void qvtd_rows_contexts(QVtd *d)
{
    uint64_t old_page = qvtd_alloc(d, 1), new_page = qvtd_alloc(d, 1);
    QVtdDomain old_a = qvtd_domain_new(d, A_ID, 4);
    QVtdDomain old_b = qvtd_domain_new(d, B_ID, 4);
    QVtdDomain new = qvtd_domain_new(d, 9, 3);

    qvtd_map(d, &old_a, CONTEXT_IOVA, old_page, 1, QVTD_RW);
    qvtd_map(d, &old_b, CONTEXT_IOVA, old_page, 1, QVTD_RW);
    qvtd_map(d, &new, CONTEXT_IOVA, new_page, 1, QVTD_RW);
    qvtd_enable(d);
    for (int i = 0; i < ARRAY_SIZE(context_rows) * 2; i++) {
        qvtd_row("%s, %s", context_rows[i / 2].name,
                 i % 2 ? "registers" : "queue");
        for (int k = 0; k < DEVICES; k++) {
            qvtd_attach(d, qvtd_context_sids[k],
                        1 << k == F50 ? &old_b : &old_a);
        }
        qvtd_invalidate_all(d);
        expect_eq(moved(d, old_page, new_page), 0);

        for (int k = 0; k < DEVICES; k++) {
            qvtd_attach(d, qvtd_context_sids[k], &new);
        }
        invalidate(d, i % 2, context_rows[i / 2].desc);
        expect_eq(moved(d, old_page, new_page), context_rows[i / 2].changed);
    }
    qvtd_expect_no_fault(d);
}

/* Changes of one word, and what software has to do about each */

/* The first device with a page at BASE, and translation on */
static QVtdDomain start_words(QVtd *d, uint64_t *page)
{
    QVtdDomain domain = qvtd_domain_new(d, A_ID, 4);

    *page = qvtd_alloc(d, 1);
    qvtd_map(d, &domain, BASE, *page, 1, QVTD_RW);
    qvtd_attach(d, QVTD_SID_A, &domain);
    qvtd_enable(d);
    return domain;
}

/* A write of NEW over OLD: done, or blocked for @reason */
static void expect_write(QVtd *d, uint64_t page, uint8_t reason)
{
    uint64_t value = NEW;

    qvtd_put(d, page, OLD);
    expect_eq(d->port->dma(d->port, QVTD_SID_A, BASE, true, &value), !reason);
    expect_eq(qvtd_get(d, page), reason ? OLD : NEW);
    if (reason) {
        qvtd_expect_fault(d, reason, QVTD_SID_A, BASE, false);
    } else {
        qvtd_expect_no_fault(d);
    }
}

static const struct {
    const char *name;
    Word word;
    uint64_t clear;             /* before; then the word is as it should be */
    uint64_t set;
    uint8_t reason;             /* of a write, while the word is bad */
    QVtdDesc with_caching_mode[2];
} appearances[] = {
    { "root entry", ROOT_LO, 1, 0, QVTD_F_ROOT,
      { QVTD_INV_CONTEXT_GLOBAL, QVTD_INV_IOTLB_GLOBAL } },
    { "context entry", CONTEXT_LO, 1, 0, QVTD_F_CONTEXT,
      { QVTD_INV_CONTEXT_DEVICE(0, 0x18, 0), QVTD_INV_IOTLB_DOMAIN(A_ID) } },
    { "context entry, bad before", CONTEXT_LO, 0, 0x10, QVTD_F_CONTEXT_RESERVED,
      { QVTD_INV_CONTEXT_DEVICE(0, 0x18, 0), QVTD_INV_IOTLB_DOMAIN(A_ID) } },
    { "level 4", LEVEL_4, UINT64_MAX, 0, QVTD_F_WRITE,
      { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
    { "level 3", LEVEL_3, UINT64_MAX, 0, QVTD_F_WRITE,
      { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
    { "level 2", LEVEL_2, UINT64_MAX, 0, QVTD_F_WRITE,
      { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
    { "level 2, bad before", LEVEL_2, 0, QVTD_SNP, QVTD_F_RESERVED,
      { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
    { "leaf", LEVEL_1, UINT64_MAX, 0, QVTD_F_WRITE,
      { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
    { "leaf, IH", LEVEL_1, UINT64_MAX, 0, QVTD_F_WRITE,
      { QVTD_INV_IOTLB_PAGES(A_ID, BASE | QVTD_IVA_IH, 0),
        QVTD_WAIT(0, 0, 0) } },
    { "leaf, bad before", LEVEL_1, 0, QVTD_SNP, QVTD_F_RESERVED,
      { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
};

/*
 * What was not there, or bad, appears.  Without caching mode such entries
 * are in no cache, so nothing has to be invalidated.
 */
void qvtd_rows_appearances(QVtd *d, bool caching_mode)
{
    uint64_t page;
    QVtdDomain domain = start_words(d, &page);

    for (int i = 0; i < ARRAY_SIZE(appearances); i++) {
        uint64_t at = word_address(d, QVTD_SID_A, &domain, BASE,
                                   appearances[i].word);
        uint64_t good = qvtd_get(d, at);

        qvtd_row("%s%s", appearances[i].name,
                 caching_mode ? ", caching mode" : "");
        qvtd_put(d, at, (good & ~appearances[i].clear) | appearances[i].set);
        qvtd_invalidate_all(d);
        expect_write(d, page, appearances[i].reason);

        qvtd_put(d, at, good);
        if (caching_mode) {
            qvtd_invalidate(d, appearances[i].with_caching_mode[0]);
            qvtd_invalidate(d, appearances[i].with_caching_mode[1]);
        }
        expect_write(d, page, 0);
    }
}

/* What was there goes: after the invalidation nothing reaches the page */
void qvtd_rows_disappearances(QVtd *d)
{
    static const struct {
        const char *name;
        Word word;
        uint64_t clear;
        uint8_t reason;
        QVtdDesc desc[2];
    } rows[] = {
        { "leaf", LEVEL_1, UINT64_MAX, QVTD_F_WRITE,
          { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
        { "leaf's write permission", LEVEL_1, QVTD_W, QVTD_F_WRITE,
          { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
        { "level 2", LEVEL_2, UINT64_MAX, QVTD_F_WRITE,
          { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
        { "level 3's write permission", LEVEL_3, QVTD_W, QVTD_F_WRITE,
          { QVTD_INV_IOTLB_DOMAIN(A_ID), QVTD_WAIT(0, 0, 0) } },
        { "level 4", LEVEL_4, UINT64_MAX, QVTD_F_WRITE,
          { QVTD_INV_IOTLB_GLOBAL, QVTD_WAIT(0, 0, 0) } },
        { "context entry", CONTEXT_LO, UINT64_MAX, QVTD_F_CONTEXT,
          { QVTD_INV_CONTEXT_DEVICE(A_ID, 0x18, 0),
            QVTD_INV_IOTLB_DOMAIN(A_ID) } },
        { "root entry", ROOT_LO, UINT64_MAX, QVTD_F_ROOT,
          { QVTD_INV_CONTEXT_GLOBAL, QVTD_INV_IOTLB_GLOBAL } },
    };
    uint64_t page;
    QVtdDomain domain = start_words(d, &page);

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t at = word_address(d, QVTD_SID_A, &domain, BASE,
                                   rows[i].word);
        uint64_t good = qvtd_get(d, at);

        qvtd_row("%s goes", rows[i].name);
        expect_write(d, page, 0);

        qvtd_put(d, at, good & ~rows[i].clear);
        qvtd_invalidate(d, rows[i].desc[0]);
        qvtd_invalidate(d, rows[i].desc[1]);
        expect_write(d, page, rows[i].reason);

        qvtd_put(d, at, good);
        qvtd_invalidate_all(d);
    }
}
