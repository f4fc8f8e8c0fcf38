/*
 * VT-d qtests: what each invalidation takes out of the caches
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All caches are filled, all tables changed, then one invalidation done: a
 * device that still gets the old memory uses a cached translation.  Each row
 * says exactly who has to see the change, so that an invalidation which
 * takes too little fails as well as one which takes too much.
 */

#include "qemu/osdep.h"
#include "vtd-edu.h"

#define OLD                     0x01d01d01d01d01d0ull
#define NEW                     0x3e33e33e33e33e33ull

/* How an invalidation is asked for */
typedef enum Interface { QUEUE, REGISTERS } Interface;

static void invalidate(QVtd *d, Interface interface, QVtdDesc desc)
{
    if (interface == QUEUE) {
        qvtd_invalidate(d, desc);
    } else {
        qvtd_invalidate_by_register(d, desc);
    }
}

static const char *interface_name(Interface interface)
{
    return interface == QUEUE ? "queue" : "registers";
}

/* The IOTLB */

/*
 * Both devices' domains map these.  The probe at @offset reads OLD through
 * the old leaf and NEW through the new one.
 */
#define BASE                    0x8080000000ull
#define MIB2                    0x200000ull
#define GIB                     0x40000000ull

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

#define A_ID                    5
#define B_ID                    6

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

/* Which items @e sees through new leaves */
static uint32_t probe(EduDevice *e)
{
    uint32_t changed = 0;

    for (int i = 0; i < ARRAY_SIZE(items); i++) {
        uint64_t got = edu_read64(e, items[i].iova + items[i].offset);

        expect_true(got == OLD || got == NEW);
        changed |= (got == NEW) << i;
    }
    return changed;
}

static void test_iotlb(void)
{
    EduPair p;
    QVtdDomain a, b;

    edu_pair_start(&p, "", "", "-m 3G");
    for (int i = 0; i < ARRAY_SIZE(items); i++) {
        qtest_writeq(p.d.qts, items[i].old_pa + items[i].offset, OLD);
        qtest_writeq(p.d.qts, items[i].new_pa + items[i].offset, NEW);
    }
    a = qvtd_domain_new(&p.d, A_ID, 4);
    b = qvtd_domain_new(&p.d, B_ID, 4);
    qvtd_attach(&p.d, p.a.sid, &a);
    qvtd_attach(&p.d, p.b.sid, &b);
    qvtd_enable(&p.d);
    for (int i = 0; i < ARRAY_SIZE(iotlb_rows) * 2; i++) {
        const IotlbRow *row = &iotlb_rows[i / 2];
        Interface interface = i % 2 ? REGISTERS : QUEUE;

        qvtd_row("%s, %s", row->name, interface_name(interface));
        write_leaves(&p.d, &a, false);
        write_leaves(&p.d, &b, false);
        qvtd_invalidate_all(&p.d);
        expect_eq(probe(&p.a) | B(probe(&p.b)), 0);

        write_leaves(&p.d, &a, true);
        write_leaves(&p.d, &b, true);
        invalidate(&p.d, interface, row->desc);
        expect_eq(probe(&p.a) | B(probe(&p.b)), row->changed);
    }
    qvtd_expect_no_fault(&p.d);
    edu_pair_stop(&p);
}

/* The same tables under two domain ids are two things to the cache */
static void test_shared_tables(void)
{
    EduPair p;
    QVtdDomain a, b;
    uint64_t old_page, new_page;

    edu_pair_start(&p, "", "", "");
    old_page = qvtd_alloc(&p.d, 1);
    new_page = qvtd_alloc(&p.d, 1);
    qtest_writeq(p.d.qts, old_page, OLD);
    qtest_writeq(p.d.qts, new_page, NEW);
    a = qvtd_domain_new(&p.d, A_ID, 4);
    b = a;
    b.id = B_ID;
    qvtd_map(&p.d, &a, BASE, old_page, 1, QVTD_RW);
    qvtd_attach(&p.d, p.a.sid, &a);
    qvtd_attach(&p.d, p.b.sid, &b);
    qvtd_enable(&p.d);
    qvtd_row("before");
    expect_eq(edu_read64(&p.a, BASE), OLD);
    expect_eq(edu_read64(&p.b, BASE), OLD);

    qvtd_row("one id invalidated");
    qvtd_map(&p.d, &a, BASE, new_page, 1, QVTD_RW);
    qvtd_invalidate(&p.d, QVTD_INV_IOTLB_DOMAIN(A_ID));
    expect_eq(edu_read64(&p.a, BASE), NEW);
    expect_eq(edu_read64(&p.b, BASE), OLD);

    qvtd_row("the other id invalidated");
    qvtd_invalidate(&p.d, QVTD_INV_IOTLB_PAGES(B_ID, BASE, 0));
    expect_eq(edu_read64(&p.a, BASE), NEW);
    expect_eq(edu_read64(&p.b, BASE), NEW);
    edu_pair_stop(&p);
}

/* The context cache */

static const struct {
    const char *qemu;
    uint16_t sid;
    uint16_t did;
} functions[] = {
    { EDU_MULTIFUNCTION("4.0"), QPCI_DEVFN(4, 0), A_ID },
    { EDU_DEVICE("4.1"), QPCI_DEVFN(4, 1), A_ID },
    { EDU_DEVICE("4.2"), QPCI_DEVFN(4, 2), A_ID },
    { EDU_DEVICE("4.4"), QPCI_DEVFN(4, 4), A_ID },
    { EDU_DEVICE("5.0"), QPCI_DEVFN(5, 0), B_ID },
};

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

static void test_context(void)
{
    g_autoptr(GString) args = g_string_new("");
    EduDevice devices[ARRAY_SIZE(functions)];
    QVtdDomain old_a, old_b, new;
    uint64_t old_page, new_page;
    QVtd d;

    for (int i = 0; i < ARRAY_SIZE(functions); i++) {
        g_string_append(args, functions[i].qemu);
    }
    qvtd_start(&d, "", "", args->str);
    old_page = qvtd_alloc(&d, 1);
    new_page = qvtd_alloc(&d, 1);
    qtest_writeq(d.qts, old_page, OLD);
    qtest_writeq(d.qts, new_page, NEW);
    old_a = qvtd_domain_new(&d, A_ID, 4);
    old_b = qvtd_domain_new(&d, B_ID, 4);
    new = qvtd_domain_new(&d, 9, 3);
    qvtd_map(&d, &old_a, CONTEXT_IOVA, old_page, 1, QVTD_RW);
    qvtd_map(&d, &old_b, CONTEXT_IOVA, old_page, 1, QVTD_RW);
    qvtd_map(&d, &new, CONTEXT_IOVA, new_page, 1, QVTD_RW);
    for (int i = 0; i < ARRAY_SIZE(functions); i++) {
        edu_start(&devices[i], &d, functions[i].sid);
    }
    qvtd_enable(&d);

    for (int i = 0; i < ARRAY_SIZE(context_rows) * 2; i++) {
        Interface interface = i % 2 ? REGISTERS : QUEUE;
        uint32_t changed = 0;

        qvtd_row("%s, %s", context_rows[i / 2].name,
                 interface_name(interface));
        for (int f = 0; f < ARRAY_SIZE(functions); f++) {
            qvtd_attach(&d, devices[f].sid,
                        functions[f].did == A_ID ? &old_a : &old_b);
        }
        qvtd_invalidate_all(&d);
        for (int f = 0; f < ARRAY_SIZE(functions); f++) {
            expect_eq(edu_read64(&devices[f], CONTEXT_IOVA), OLD);
        }
        for (int f = 0; f < ARRAY_SIZE(functions); f++) {
            qvtd_attach(&d, devices[f].sid, &new);
        }
        invalidate(&d, interface, context_rows[i / 2].desc);
        for (int f = 0; f < ARRAY_SIZE(functions); f++) {
            uint64_t got = edu_read64(&devices[f], CONTEXT_IOVA);

            expect_true(got == OLD || got == NEW);
            changed |= (got == NEW) << f;
        }
        expect_eq(changed, context_rows[i / 2].changed);
    }
    qvtd_expect_no_fault(&d);
    for (int f = 0; f < ARRAY_SIZE(functions); f++) {
        edu_stop(&devices[f]);
    }
    qvtd_stop(&d);
}

/* Changes of one word, and what software has to do about each */

typedef enum Word { ROOT, CONTEXT, LEVEL_4, LEVEL_3, LEVEL_2, LEVEL_1 } Word;

static uint64_t word_address(QVtd *d, uint16_t sid,
                             const QVtdDomain *domain, Word word)
{
    switch (word) {
    case ROOT:
        return qvtd_root_entry(d, sid);
    case CONTEXT:
        return qvtd_context_entry(d, sid);
    default:
        return qvtd_entry(d, domain, BASE, LEVEL_1 - word + 1);
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
    { "root entry", ROOT, 1, 0, 0x01,
      { QVTD_INV_CONTEXT_GLOBAL, QVTD_INV_IOTLB_GLOBAL } },
    { "context entry", CONTEXT, 1, 0, 0x02,
      { QVTD_INV_CONTEXT_DEVICE(0, 0x18, 0), QVTD_INV_IOTLB_DOMAIN(A_ID) } },
    { "context entry, bad before", CONTEXT, 0, 0x10, 0x0b,
      { QVTD_INV_CONTEXT_DEVICE(0, 0x18, 0), QVTD_INV_IOTLB_DOMAIN(A_ID) } },
    { "level 4", LEVEL_4, UINT64_MAX, 0, 0x05,
      { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
    { "level 3", LEVEL_3, UINT64_MAX, 0, 0x05,
      { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
    { "level 2", LEVEL_2, UINT64_MAX, 0, 0x05,
      { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
    { "level 2, bad before", LEVEL_2, 0, QVTD_SNP, 0x0c,
      { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
    { "leaf", LEVEL_1, UINT64_MAX, 0, 0x05,
      { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
    { "leaf, IH", LEVEL_1, UINT64_MAX, 0, 0x05,
      { QVTD_INV_IOTLB_PAGES(A_ID, BASE | QVTD_IVA_IH, 0),
        QVTD_WAIT(0, 0, 0) } },
    { "leaf, bad before", LEVEL_1, 0, QVTD_SNP, 0x0c,
      { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
};

/*
 * What was not there, or bad, appears.  Without caching mode such entries
 * are in no cache, so nothing has to be invalidated.
 */
static void check_appearances(const char *props, bool caching_mode)
{
    EduPair p;
    QVtdDomain domain;
    uint64_t page;

    edu_pair_start(&p, "", props, "");
    domain = qvtd_domain_new(&p.d, A_ID, 4);
    page = qvtd_alloc(&p.d, 1);
    qvtd_map(&p.d, &domain, BASE, page, 1, QVTD_RW);
    qvtd_attach(&p.d, p.a.sid, &domain);
    qvtd_enable(&p.d);
    for (int i = 0; i < ARRAY_SIZE(appearances); i++) {
        uint64_t at = word_address(&p.d, p.a.sid, &domain,
                                   appearances[i].word);
        uint64_t good = qtest_readq(p.d.qts, at);

        qvtd_row("%s%s", appearances[i].name, props);
        edu_load(&p.a, 0, NEW);
        qtest_writeq(p.d.qts, page, OLD);
        qtest_writeq(p.d.qts, at,
                     (good & ~appearances[i].clear) | appearances[i].set);
        qvtd_invalidate_all(&p.d);
        edu_dma_write(&p.a, BASE, 0, 8);
        qvtd_expect_fault(&p.d, appearances[i].reason, p.a.sid, BASE, false);
        expect_eq(qtest_readq(p.d.qts, page), OLD);

        qtest_writeq(p.d.qts, at, good);
        if (caching_mode) {
            qvtd_invalidate(&p.d, appearances[i].with_caching_mode[0]);
            qvtd_invalidate(&p.d, appearances[i].with_caching_mode[1]);
        }
        edu_dma_write(&p.a, BASE, 0, 8);
        qvtd_expect_no_fault(&p.d);
        expect_eq(qtest_readq(p.d.qts, page), NEW);
    }
    edu_pair_stop(&p);
}

static void test_appearances(void)
{
    check_appearances("", false);
}

static void test_appearances_caching_mode(void)
{
    check_appearances(",caching-mode=on", true);
}

/* What was there goes: after the invalidation nothing reaches the page */
static void test_disappearances(void)
{
    static const struct {
        const char *name;
        Word word;
        uint64_t clear;
        uint8_t reason;
        QVtdDesc desc[2];
    } rows[] = {
        { "leaf", LEVEL_1, UINT64_MAX, 0x05,
          { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
        { "leaf's write permission", LEVEL_1, QVTD_W, 0x05,
          { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
        { "level 2", LEVEL_2, UINT64_MAX, 0x05,
          { QVTD_INV_IOTLB_PAGES(A_ID, BASE, 0), QVTD_WAIT(0, 0, 0) } },
        { "level 3's write permission", LEVEL_3, QVTD_W, 0x05,
          { QVTD_INV_IOTLB_DOMAIN(A_ID), QVTD_WAIT(0, 0, 0) } },
        { "level 4", LEVEL_4, UINT64_MAX, 0x05,
          { QVTD_INV_IOTLB_GLOBAL, QVTD_WAIT(0, 0, 0) } },
        { "context entry", CONTEXT, UINT64_MAX, 0x02,
          { QVTD_INV_CONTEXT_DEVICE(A_ID, 0x18, 0),
            QVTD_INV_IOTLB_DOMAIN(A_ID) } },
        { "root entry", ROOT, UINT64_MAX, 0x01,
          { QVTD_INV_CONTEXT_GLOBAL, QVTD_INV_IOTLB_GLOBAL } },
    };
    EduPair p;
    QVtdDomain domain;
    uint64_t page;

    edu_pair_start(&p, "", "", "");
    domain = qvtd_domain_new(&p.d, A_ID, 4);
    page = qvtd_alloc(&p.d, 1);
    qvtd_map(&p.d, &domain, BASE, page, 1, QVTD_RW);
    qvtd_attach(&p.d, p.a.sid, &domain);
    qvtd_enable(&p.d);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t at = word_address(&p.d, p.a.sid, &domain, rows[i].word);
        uint64_t good = qtest_readq(p.d.qts, at);

        qvtd_row("%s goes", rows[i].name);
        edu_write64(&p.a, BASE, NEW);
        expect_eq(qtest_readq(p.d.qts, page), NEW);
        qvtd_expect_no_fault(&p.d);

        qtest_writeq(p.d.qts, at, good & ~rows[i].clear);
        qvtd_invalidate(&p.d, rows[i].desc[0]);
        qvtd_invalidate(&p.d, rows[i].desc[1]);
        qtest_writeq(p.d.qts, page, OLD);
        edu_dma_write(&p.a, BASE, 0, 8);
        qvtd_expect_fault(&p.d, rows[i].reason, p.a.sid, BASE, false);
        expect_eq(qtest_readq(p.d.qts, page), OLD);

        qtest_writeq(p.d.qts, at, good);
        qvtd_invalidate_all(&p.d);
    }
    edu_pair_stop(&p);
}

/* A translation is looked up in the tables once, however large its leaf */
static void test_hits(void)
{
    EduPair p;
    QVtdDomain domain;
    uint64_t misses;

    edu_pair_start(&p, "", "", "");
    domain = qvtd_domain_new(&p.d, A_ID, 4);
    qvtd_map_range(&p.d, &domain, BASE, BASE + 0xffff, 0x5000000, QVTD_RW);
    qvtd_map(&p.d, &domain, BASE + MIB2, 0x6000000, 2, QVTD_RW);
    qvtd_attach(&p.d, p.a.sid, &domain);
    qvtd_enable(&p.d);

    qvtd_row("16 pages and 2 MiB");
    for (int i = 0; i < 16; i++) {
        edu_dma_read(&p.a, BASE + i * QVTD_PAGE, 0, 8);
    }
    edu_dma_read(&p.a, BASE + MIB2, 0, 8);
    misses = qvtd_stat(&p.d, "iotlb-misses");
    expect_eq(misses, 17);
    expect_eq(qvtd_stat(&p.d, "context-misses"), 1);

    qvtd_row("again, written to, and all over the 2 MiB");
    for (int i = 0; i < 16; i++) {
        edu_dma_write(&p.a, BASE + i * QVTD_PAGE, 0, 8);
        edu_dma_read(&p.a, BASE + MIB2 + i * 0x20000, 0, 8);
    }
    expect_eq(qvtd_stat(&p.d, "iotlb-misses"), misses);
    expect_true(qvtd_stat(&p.d, "iotlb-hits") >= 32);

    qvtd_row("one page invalidated");
    qvtd_invalidate(&p.d, QVTD_INV_IOTLB_PAGES(A_ID, BASE + 0x5000, 0));
    for (int i = 0; i < 16; i++) {
        edu_dma_read(&p.a, BASE + i * QVTD_PAGE, 0, 8);
    }
    expect_eq(qvtd_stat(&p.d, "iotlb-misses"), misses + 1);
    qvtd_expect_no_fault(&p.d);
    edu_pair_stop(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/cache/iotlb", test_iotlb);
    qtest_add_func("/intel-iommu/cache/shared-tables", test_shared_tables);
    qtest_add_func("/intel-iommu/cache/context", test_context);
    qtest_add_func("/intel-iommu/cache/appearances", test_appearances);
    qtest_add_func("/intel-iommu/cache/appearances-caching-mode",
                   test_appearances_caching_mode);
    qtest_add_func("/intel-iommu/cache/disappearances", test_disappearances);
    qtest_add_func("/intel-iommu/cache/hits", test_hits);
    return g_test_run();
}
