/*
 * VT-d qtests: UNMAP-only devices, device-TLBs, limits
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What vhost is notified of, with and without ATS; what the unit refuses to
 * notify of; and how much it takes on for a guest that maps without end.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "vtd-board.h"

#define RAM                     BOARD_RAM
#define A                       QPCI_DEVFN(3, 0)
#define B                       QPCI_DEVFN(4, 0)
#define WIDTH_LAST              0xffffffffffffull
#define INTERRUPTS              ((uint64_t)QVTD_MSI_ADDR)
#define INTERRUPTS_LAST         0xfeefffffull

/* What the records since @from say, all of one kind; a cover, the caller's */
static GArray *told(Testdev *t, uint64_t *from, unsigned kind,
                    unsigned *records)
{
    g_autoptr(GArray) log = testdev_log(t, *from), all = runs_new();

    *from += log->len;
    *records = log->len;
    for (unsigned i = 0; i < log->len; i++) {
        const TestdevLog *l = &g_array_index(log, TestdevLog, i);
        Run run = { l->iova, l->last };

        expect_eq(l->kind, kind);
        expect_eq(l->perm, 0);
        expect_eq(l->error, TESTDEV_NO_ERROR);
        g_array_append_val(all, run);
    }
    return runs_union(all);
}

/* A cover of [@iova, @last] without the interrupt range */
static GArray *but_interrupts(uint64_t iova, uint64_t last)
{
    g_autoptr(GArray) all = runs_new(), hole = runs_new();

    if (iova <= last) {
        RUNS_ADD(all, iova, last, iova, 3);
    }
    RUNS_ADD(hole, INTERRUPTS, INTERRUPTS_LAST);
    return runs_subtract(all, hole);
}

/* Told of exactly that range, in @max records at most */
static void expect_told(Testdev *t, uint64_t *from, unsigned kind,
                        uint64_t iova, uint64_t last, unsigned max)
{
    unsigned records;
    g_autoptr(GArray) got = told(t, from, kind, &records);
    g_autoptr(GArray) want = but_interrupts(iova, last);

    runs_expect_same("what the device is told to forget", got, want);
    expect_true(records <= max);
    testdev_expect_no_error(t);
}

static void expect_not_told(Testdev *t, uint64_t *from)
{
    expect_eq(testdev_count(t, TESTDEV_LOGGED), *from);
    *from = testdev_count(t, TESTDEV_LOGGED);
}

/* Told of all addresses that can be mapped; more does no harm */
static void expect_told_all(Testdev *t, uint64_t *from, unsigned kind)
{
    unsigned records;
    g_autoptr(GArray) got = told(t, from, kind, &records);

    expect_true(runs_around(got, 0, INTERRUPTS - 1));
    expect_true(runs_around(got, INTERRUPTS_LAST + 1, WIDTH_LAST));
    expect_true(!runs_meet(got, INTERRUPTS, INTERRUPTS_LAST));
    expect_true(!runs_meet(got, WIDTH_LAST + 1, UINT64_MAX));
    /* One below the interrupt range, one above it */
    expect_eq(records, 2);
    testdev_expect_no_error(t);
}

/* A machine in which the second device alone is attached, to domain 2 */
static QVtdDomain start_vhost(Board *w, const char *props, const char *b)
{
    QVtdDomain domain;

    board_start(w, props, b, "");
    qtest_writeq(w->d.qts, qvtd_context_entry(&w->d, A), 0);
    domain = qvtd_domain_new(&w->d, 2, w->domain.levels);
    qvtd_attach(&w->d, B, &domain);
    qvtd_edit(&w->d, &domain, (const Edit[]) {
        LEAVES(1, IOVA, RAM, 512),
    }, 1);
    qvtd_invalidate_all(&w->d);
    testdev_clear(&w->b);
    return domain;
}

/*
 * Rule "range": UNMAP-only notifiers get what is invalidated, with no walk
 */

static void test_unmap_only(void)
{
    static const struct {
        const char *name;
        QVtdDesc desc;
        bool told;
    } rows[] = {
        { "global", QVTD_INV_IOTLB_GLOBAL, true },
        { "domain", QVTD_INV_IOTLB_DOMAIN(2), true },
        { "another domain", QVTD_INV_IOTLB_DOMAIN(3), false },
        { "another domain's pages", QVTD_INV_IOTLB_PAGES(3, IOVA, 9), false },
        { "global context", QVTD_INV_CONTEXT_GLOBAL, true },
        { "domain context", QVTD_INV_CONTEXT_DOMAIN(2), true },
        { "device context", QVTD_INV_CONTEXT_DEVICE(2, B, 0), true },
        { "another device's context", QVTD_INV_CONTEXT_DEVICE(2, A, 0),
          false },
        { "device-TLB, which it has not", QVTD_INV_DEVICE_TLB(B, IOVA),
          false },
    };
    uint64_t from = 0, syncs, compared;
    Board w;

    start_vhost(&w, ",device-iotlb=on", ",unmap-only=on");
    syncs = qvtd_stat(&w.d, "shadow-syncs");
    compared = qvtd_stat(&w.d, "shadow-compared");
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s", rows[i].name);
        qvtd_invalidate(&w.d, rows[i].desc);
        if (rows[i].told) {
            expect_told_all(&w.b, &from, TESTDEV_UNMAP);
        } else {
            expect_not_told(&w.b, &from);
        }
    }
    for (unsigned am = 0; am <= board_mamv(&w); am++) {
        static const uint64_t at[] = {
            0, IOVA, INTERRUPTS - 0x1000, INTERRUPTS, INTERRUPTS_LAST + 1,
            WIDTH_LAST - 0xfff,
        };

        for (int i = 0; i < ARRAY_SIZE(at); i++) {
            uint64_t bytes = QVTD_PAGE << am, iova = at[i] & -bytes;

            qvtd_row("page 0x%" PRIx64 ", AM %u", at[i], am);
            qvtd_invalidate(&w.d, QVTD_INV_IOTLB_PAGES(2, at[i], am));
            expect_told(&w.b, &from, TESTDEV_UNMAP, iova, iova + bytes - 1,
                        2);
        }
    }
    qvtd_row("with no walk");
    expect_eq(qvtd_stat(&w.d, "shadow-syncs"), syncs);
    expect_eq(qvtd_stat(&w.d, "shadow-compared"), compared);

    qvtd_row("root table");
    qvtd_write64(&w.d, QVTD_RTADDR, w.d.root);
    qvtd_command(&w.d, QVTD_SRTP, true);
    expect_told_all(&w.b, &from, TESTDEV_UNMAP);
    qvtd_row("translation off");
    testdev_clear(&w.b);
    qvtd_disable(&w.d);
    /* By the end of its sections it would know as well */
    expect_eq(testdev_count(&w.b, TESTDEV_SECTIONS_GONE), 2);
    testdev_expect_no_error(&w.b);
    board_stop(&w);
}

/* MAP and UNMAP for one device, UNMAP for the other: both on one domain */
static void test_both_kinds(void)
{
    uint64_t from = 0;
    Board w;

    board_start(&w, "", ",unmap-only=on", "");
    qvtd_attach(&w.d, B, &w.domain);
    qvtd_invalidate_all(&w.d);
    testdev_clear(&w.b);
    qvtd_row("pages come");
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 512));
    qvtd_invalidate(&w.d, FLUSH_PAGES(IOVA, 9));
    shadow_expect_steps(&w.sa, 512, 0);
    expect_told(&w.b, &from, TESTDEV_UNMAP, IOVA, IOVA + MIB2 - 1, 1);
    qvtd_row("a page changes");
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM + MIB2, 1));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    shadow_expect_steps(&w.sa, 1, 1);
    expect_told_all(&w.b, &from, TESTDEV_UNMAP);
    board_stop(&w);
}

/*
 * Rule "device-TLB": descriptors of every size
 */

static void test_device_tlb(void)
{
    static const struct {
        const char *name;
        QVtdDesc desc;
    } others[] = {
        { "global", QVTD_INV_IOTLB_GLOBAL },
        { "domain", QVTD_INV_IOTLB_DOMAIN(2) },
        { "pages", QVTD_INV_IOTLB_PAGES(2, IOVA, 9) },
        { "another device", QVTD_INV_DEVICE_TLB(A, IOVA) },
        { "a device that does not exist", QVTD_INV_DEVICE_TLB(0x1234, IOVA) },
    };
    uint64_t from = 0;
    Board w;

    start_vhost(&w, ",device-iotlb=on", ",device-tlb=on");
    qvtd_row("one page");
    qvtd_invalidate(&w.d, QVTD_INV_DEVICE_TLB(B, IOVA));
    expect_told(&w.b, &from, TESTDEV_DEVICE_UNMAP, IOVA, IOVA + 0xfff, 1);
    qvtd_row("the last page");
    qvtd_invalidate(&w.d, QVTD_INV_DEVICE_TLB(B, WIDTH_LAST - 0xfff));
    expect_told(&w.b, &from, TESTDEV_DEVICE_UNMAP, WIDTH_LAST - 0xfff,
                WIDTH_LAST, 1);
    qvtd_row("an interrupt's page");
    qvtd_invalidate(&w.d, QVTD_INV_DEVICE_TLB(B, INTERRUPTS));
    expect_not_told(&w.b, &from);

    /* S: the lowest 0 from bit 12 up, at bit k, says 2^(k + 1) bytes */
    for (unsigned k = 12; k <= 62; k++) {
        static const uint64_t at[] = {
            0, IOVA, INTERRUPTS, 0xff0000000000,
        };

        for (int i = 0; i < ARRAY_SIZE(at); i++) {
            uint64_t below = (1ull << k) - 1;
            uint64_t iova = at[i] & ~(below << 1 | 1);
            uint64_t addr = iova | (below & -QVTD_PAGE) | 1;

            qvtd_row("0x%" PRIx64 ", %u bits", at[i], k + 1);
            qvtd_invalidate(&w.d, QVTD_INV_DEVICE_TLB(B, addr));
            if (k < 47) {
                expect_told(&w.b, &from, TESTDEV_DEVICE_UNMAP, iova,
                            iova + (below << 1 | 1), 2);
            } else {
                /* All there is */
                expect_told_all(&w.b, &from, TESTDEV_DEVICE_UNMAP);
            }
        }
    }
    qvtd_row("all addresses");
    qvtd_invalidate(&w.d, QVTD_INV_DEVICE_TLB(B, (~(1ull << 63) & -QVTD_PAGE) |
                                              1));
    expect_told_all(&w.b, &from, TESTDEV_DEVICE_UNMAP);

    for (int i = 0; i < ARRAY_SIZE(others); i++) {
        qvtd_row("%s", others[i].name);
        qvtd_invalidate(&w.d, others[i].desc);
        expect_not_told(&w.b, &from);
    }
    expect_eq(testdev_count(&w.a, TESTDEV_DEVICE_UNMAPS), 0);
    board_stop(&w);
}

/*
 * What a cache got before there was translation can lie above the width of
 * input addresses, and is forgotten, too.
 */
static void test_above_width(void)
{
    uint64_t from;
    Board w;

    start_vhost(&w, ",aw-bits=39 -cpu qemu64,phys-bits=46",
                ",unmap-only=on");
    testdev_clear(&w.b);
    from = 0;
    qvtd_invalidate(&w.d, QVTD_INV_CONTEXT_GLOBAL);
    expect_told(&w.b, &from, TESTDEV_UNMAP, 0, (1ull << 46) - 1, 2);
    board_stop(&w);
}

/* The guest turns ATS off and on: vhost registers for the other kind */
static void test_ats_toggled(void)
{
    uint64_t from;
    Board w;

    start_vhost(&w, ",device-iotlb=on", ",device-tlb=on");
    for (int i = 0; i < 4; i++) {
        bool ats = i % 2;

        qvtd_row("ATS %s", ats ? "on" : "off");
        expect_eq(testdev_command(&w.b, TESTDEV_REGISTER, 1,
                                  ats ? 4ull : 1ull), TESTDEV_OK);
        testdev_clear(&w.b);
        from = 0;
        qvtd_invalidate(&w.d, QVTD_INV_IOTLB_PAGES(2, IOVA, 3));
        if (ats) {
            expect_not_told(&w.b, &from);
        } else {
            expect_told(&w.b, &from, TESTDEV_UNMAP, IOVA, IOVA + 0x7fff, 1);
        }
        qvtd_invalidate(&w.d, QVTD_INV_DEVICE_TLB(B, IOVA | 0x3000 | 1));
        if (ats) {
            expect_told(&w.b, &from, TESTDEV_DEVICE_UNMAP, IOVA,
                        IOVA + 0x7fff, 1);
        } else {
            expect_not_told(&w.b, &from);
        }
    }
    expect_eq(testdev_count(&w.b, TESTDEV_NOT_REGISTERED), 0);
    board_stop(&w);
}

/*
 * ATS that the guest switches on in a device though the unit has no
 * device-TLBs: vhost registers for their events alone, and would end QEMU if
 * that were refused.  It hears of all that an UNMAP-only device hears of.
 */
static void test_ats_unsupported(void)
{
    uint64_t from;
    Board w;

    start_vhost(&w, "", ",unmap-only=on");
    for (int i = 0; i < 4; i++) {
        bool ats = i % 2 == 0;
        unsigned kind = ats ? TESTDEV_DEVICE_UNMAP : TESTDEV_UNMAP;

        qvtd_row("ATS %s", ats ? "on" : "off");
        expect_eq(testdev_command(&w.b, TESTDEV_REGISTER, 1,
                                  ats ? 4ull : 1ull), TESTDEV_OK);
        expect_eq(testdev_count(&w.b, TESTDEV_NOT_REGISTERED), 0);
        testdev_clear(&w.b);
        from = 0;
        qvtd_invalidate(&w.d, QVTD_INV_IOTLB_PAGES(2, IOVA, 3));
        expect_told(&w.b, &from, kind, IOVA, IOVA + 0x7fff, 1);
        qvtd_invalidate(&w.d, QVTD_INV_IOTLB_DOMAIN(2));
        expect_told_all(&w.b, &from, kind);
        qvtd_invalidate(&w.d, QVTD_INV_CONTEXT_GLOBAL);
        expect_told_all(&w.b, &from, kind);
        qvtd_invalidate(&w.d, QVTD_INV_IOTLB_DOMAIN(3));
        expect_not_told(&w.b, &from);
    }
    board_stop(&w);
}

/* What vhost asks for when it misses: with TT 0 and with TT 1 */
static void test_translation_requests(void)
{
    static const struct {
        const char *name;
        uint64_t iova;
        unsigned access;        /* 1 read, 2 write */
        uint64_t target, mask;
        bool ok;
    } rows[] = {
        { "page, read", IOVA + 0x123, 1, RAM + 0x123, 0xfff, true },
        { "page, write", IOVA + 0x1fffff, 2, RAM + 0x1fffff, 0xfff, true },
        { "no page, read", IOVA + MIB2, 1, 0, 0, false },
        { "no page, write", IOVA + MIB2, 2, 0, 0, false },
        { "2 MiB", IOVA + 2 * MIB2 + 0x54321, 2, RAM + MIB2 + 0x54321,
          0x1fffff, true },
        { "read-only, read", IOVA + 3 * MIB2, 1, RAM, 0xfff, true },
        { "read-only, write", IOVA + 3 * MIB2, 2, 0, 0, false },
    };
    QVtdDomain domain;
    Board w;

    domain = start_vhost(&w, ",device-iotlb=on", ",device-tlb=on");
    qvtd_edit(&w.d, &domain, (const Edit[]) {
        LEAVES(2, IOVA + 2 * MIB2, RAM + MIB2, 1),
        LEAVES_BITS(1, IOVA + 3 * MIB2, RAM, 1, QVTD_R),
    }, 2);
    for (int tt = 0; tt < 2; tt++) {
        uint64_t entry = qvtd_context_entry(&w.d, B);

        qtest_writeq(w.d.qts, entry, qtest_readq(w.d.qts, entry) |
                     QVTD_TT(tt));
        qvtd_invalidate_all(&w.d);
        for (int i = 0; i < ARRAY_SIZE(rows); i++) {
            TestdevProbe p = { .iova = rows[i].iova };

            qvtd_row("TT %d, %s", tt, rows[i].name);
            testdev_probe_all(&w.b, &p, 1, rows[i].access);
            expect_eq(p.perm != 0, rows[i].ok);
            if (rows[i].ok) {
                expect_eq(p.target, rows[i].target);
                /* No page beside the leaf's may be promised */
                expect_true(p.mask <= rows[i].mask && p.mask >= 0xfff);
            }
        }
        QVtdFault fault;
        while (qvtd_take_fault(&w.d, &fault)) {
            expect_eq(fault.sid, B);
        }
    }
    board_stop(&w);
}

/*
 * An access of which more is said than read or write is one all the same:
 * newer versions of QEMU have bits for execution, privilege and others.
 */
static void test_access_bits(void)
{
    static const struct {
        const char *name;
        uint64_t iova;
        unsigned flags;
        bool ok, fault;
    } rows[] = {
        { "read", IOVA, 1, true, false },
        { "write", IOVA + QVTD_PAGE, 2, true, false },
        { "neither, of no page", IOVA + MIB2, 0, false, false },
        { "read of a page to write", IOVA + QVTD_PAGE, 1, false, true },
        { "write to a page to read", IOVA, 2, false, true },
    };
    QVtdFault fault;
    Board w;

    board_start_plain(&w);
    BOARD_EDIT(&w, LEAVES_BITS(1, IOVA, RAM, 1, QVTD_R),
               LEAVES_BITS(1, IOVA + QVTD_PAGE, RAM, 1, QVTD_W));
    qvtd_invalidate_all(&w.d);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned bit = 2; bit < 8; bit++) {
            TestdevProbe p = { .iova = rows[i].iova };

            qvtd_row("%s, bit %u", rows[i].name, bit);
            testdev_probe_all(&w.a, &p, 1, TESTDEV_PROBE_FLAGS | 1u << bit |
                              rows[i].flags);
            expect_eq(p.perm != 0, rows[i].ok);
            expect_eq(qvtd_take_fault(&w.d, &fault), rows[i].fault);
            if (rows[i].fault) {
                expect_eq(fault.sid, w.a.sid);
            }
        }
    }
    board_stop(&w);
}

/*
 * What the unit does not notify of.  Sections come by what the guest does, so
 * nothing is refused here to a device for which that is fatal: vhost asks for
 * no MAP, and a device of the host without caching mode is refused before.
 */
static void test_not_registered(void)
{
    static const struct {
        const char *props, *device;
        unsigned refused;
    } rows[] = {
        { "", "", 2 },
        { ",caching-mode=on", "", 0 },
        { "", ",unmap-only=on", 0 },
        { ",caching-mode=on", ",unmap-only=on", 0 },
        { ",caching-mode=on", ",device-tlb=on", 0 },
        { ",device-iotlb=on", ",device-tlb=on", 0 },
        { ",device-iotlb=on", "", 2 },
        { ",caching-mode=on,snoop-control=on", "", 0 },
        { ",snoop-control=on", ",unmap-only=on", 0 },
        { ",snoop-control=on", ",device-tlb=on", 0 },
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *args = g_strconcat(TESTDEV_DEVICE("3"),
                                            rows[i].device, NULL);
        QVtd d;
        Testdev t;

        qvtd_row("intel-iommu%s, vtd-testdev%s", rows[i].props,
                 rows[i].device);
        qvtd_start(&d, "", rows[i].props, args);
        testdev_start(&t, &d, A);
        qvtd_enable(&d);
        expect_eq(testdev_count(&t, TESTDEV_SECTIONS), 2);
        expect_eq(testdev_count(&t, TESTDEV_NOT_REGISTERED),
                  rows[i].refused);
        testdev_stop(&t);
        qvtd_stop(&d);
    }
}

/* Refusals of one sync for want of room: each is a message of VFIO's */
#define FEW_REFUSALS            8

/* A MAP that the host refuses is tried again, and no other page is touched */
static void test_host_fails(void)
{
    const QVtdDesc flushes[] = {
        FLUSH_DOMAIN,
        FLUSH_PAGES(IOVA, 9),
        QVTD_INV_IOTLB_GLOBAL,
        QVTD_INV_CONTEXT_DEVICE(1, A, 0),
        QVTD_INV_CONTEXT_GLOBAL,
    };
    uint64_t refused;
    Board w;

    board_start_plain(&w);
    testdev_write_reg(&w.a, TESTDEV_FAIL_MAP, 100);
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 512));
    qvtd_row("the 100th MAP fails");
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    expect_eq(testdev_count(&w.a, TESTDEV_ERRORS_OF(FORCED)), 1);
    expect_eq(testdev_count(&w.a, TESTDEV_ALL_ERRORS), 1);
    expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 513);

    for (unsigned i = 0; i < ARRAY_SIZE(flushes); i++) {
        qvtd_row("a host with room for 100, flush %u", i);
        testdev_write_reg(&w.a, TESTDEV_LIMIT, 100);
        BOARD_EDIT(&w, CLEAR(1, IOVA, 512));
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1);
        testdev_clear(&w.a);
        BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 512));
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 100);
        refused = testdev_count(&w.a, TESTDEV_ERRORS_OF(LIMIT));
        expect_true(refused > 0 && refused <= FEW_REFUSALS);
        expect_eq(testdev_count(&w.a, TESTDEV_ALL_ERRORS), refused);
        qvtd_invalidate(&w.d, flushes[i]);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 100);

        qvtd_row("and then for more, flush %u", i);
        testdev_write_reg(&w.a, TESTDEV_LIMIT, 0);
        testdev_clear(&w.a);
        shadow_resume(&w.sa, &w.a, &w.plain);
        qvtd_invalidate(&w.d, flushes[i]);
        shadow_expect_steps(&w.sa, 413, 0);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 513);
    }
    board_stop(&w);
}

/* One page of tables, more mappings than the host takes: a few are tried */
static void test_host_is_full(void)
{
    QVtdDomain domain;
    Board w;

    board_start(&w, ",max-mappings=65536", "", "");
    testdev_write_reg(&w.a, TESTDEV_LIMIT, 1000);
    domain = qvtd_domain_new(&w.d, 2, 4);
    for (unsigned i = 0; i < 512; i++) {
        qtest_writeq(w.d.qts, domain.top + i * 8, domain.top | QVTD_RW);
    }
    qvtd_attach(&w.d, A, &domain);
    for (unsigned i = 0; i < 3; i++) {
        qvtd_row("a table that points to itself, %u", i);
        testdev_clear(&w.a);
        qvtd_invalidate_all(&w.d);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1000);
        expect_true(testdev_count(&w.a, TESTDEV_ALL_ERRORS) <= FEW_REFUSALS);
        expect_true(testdev_count(&w.a, TESTDEV_ALL_ERRORS) > 0);
    }
    board_stop(&w);
}

/* Rule "limit": the limit of mappings */

/* All that is mapped is right, and what was mapped before still is */
static void expect_partly(Board *w, GArray **before, uint64_t limit)
{
    PlainContext context = plain_context(&w->plain, w->d.root, A);
    g_autoptr(GArray) want = plain_mapped(&w->plain, &context);
    g_autoptr(GArray) sent = testdev_table(&w->a);
    g_autoptr(GArray) now = runs_new();
    g_autoptr(GArray) right = NULL, kept = NULL, stay = NULL;

    for (unsigned i = 0; i < sent->len; i++) {
        const TestdevMapping *m = &g_array_index(sent, TestdevMapping, i);

        RUNS_ADD(now, m->iova, m->last, m->target, m->perm);
    }
    right = runs_common(now, want);
    runs_expect_same("mapped as it has to be", right, now);
    stay = runs_common(*before, want);
    kept = runs_common(stay, now);
    runs_expect_same("mapped before, and still", kept, stay);
    expect_true(sent->len <= limit);
    testdev_expect_no_error(&w->a);
    g_array_free(*before, true);
    *before = g_steal_pointer(&now);
}

static void test_limit(void)
{
    const uint64_t limit = 1024;
    GArray *before = runs_new();
    uint64_t from, counted;
    Board w;

    board_start(&w, ",max-mappings=1024", "", "");
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 600));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    qvtd_row("below the limit");
    shadow_expect_steps(&w.sa, 600, 0);
    expect_partly(&w, &before, limit);
    expect_eq(qvtd_stat(&w.d, "shadow-over-limit"), 0);

    qvtd_row("past it");
    from = testdev_count(&w.a, TESTDEV_UNMAPS);
    BOARD_EDIT(&w, LEAVES(1, IOVA + 8 * MIB2, RAM, 600));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    expect_partly(&w, &before, limit);
    expect_eq(testdev_count(&w.a, TESTDEV_UNMAPS), from);
    counted = qvtd_stat(&w.d, "shadow-over-limit");
    expect_true(counted > 0);
    shadow_expect_translation(&w.sa);

    qvtd_row("pages in front of all");
    BOARD_EDIT(&w, LEAVES(1, 0x2000000, RAM, 600));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    expect_partly(&w, &before, limit);
    expect_eq(testdev_count(&w.a, TESTDEV_UNMAPS), from);
    expect_true(qvtd_stat(&w.d, "shadow-over-limit") > counted);
    shadow_expect_translation(&w.sa);

    qvtd_row("one that is mapped changes");
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM + 0x8000, 1));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    expect_partly(&w, &before, limit);
    expect_eq(testdev_count(&w.a, TESTDEV_UNMAPS), from + 1);

    qvtd_row("all go but 100");
    BOARD_EDIT(&w, CLEAR(2, IOVA, 1), CLEAR(2, IOVA + MIB2, 1),
               CLEAR(2, IOVA + 8 * MIB2, 1), CLEAR(2, IOVA + 9 * MIB2, 1),
               CLEAR(1, 0x2000000 + 100 * QVTD_PAGE, 500));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    expect_partly(&w, &before, limit);

    qvtd_row("one leaf for all");
    BOARD_EDIT(&w, CLEAR(1, 0x2000000, 100), CLEAR(1, IOVA, 512));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    BOARD_EDIT(&w, LEAVES(2, IOVA, RAM, 4));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    expect_partly(&w, &before, limit);
    g_array_free(before, true);
    board_stop(&w);
}

/* One sharer of two is past nothing that the other is not */
static void test_limit_shared(void)
{
    g_autoptr(GArray) a = NULL;
    g_autoptr(GArray) b = NULL;
    Board w;

    board_start(&w, ",max-mappings=1024", "", "");
    board_attach_b(&w);
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 2048));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    a = testdev_table(&w.a);
    b = testdev_table(&w.b);
    qvtd_row("two devices past the limit");
    expect_true(a->len > 0 && a->len <= 1024);
    expect_eq(b->len, a->len);
    for (unsigned i = 0; i < MIN(a->len, b->len); i++) {
        if (!expect_true(!memcmp(&g_array_index(a, TestdevMapping, i),
                                 &g_array_index(b, TestdevMapping, i),
                                 sizeof(TestdevMapping)))) {
            break;
        }
    }
    testdev_expect_no_error(&w.a);
    testdev_expect_no_error(&w.b);
    board_stop(&w);
}

/*
 * Tables that a plain walk would never be through with.  Nothing is timed:
 * without a bound this test would not end.
 */
static void test_endless_tables(void)
{
    static const struct {
        const char *name;
        bool loop;              /* all entries point to the table itself */
        bool leaves;            /* the last table has leaves */
    } rows[] = {
        { "a table that points to itself", true, false },
        { "tables that are shared, with leaves", false, true },
        { "tables that are shared, empty", false, false },
    };
    const QVtdDesc flushes[] = {
        QVTD_INV_CONTEXT_GLOBAL, QVTD_INV_IOTLB_DOMAIN(1),
        QVTD_INV_IOTLB_GLOBAL, QVTD_INV_IOTLB_PAGES(1, 0, 0),
        QVTD_INV_IOTLB_PAGES(1, 0, 18),
        QVTD_INV_CONTEXT_DEVICE(1, A, 0), QVTD_INV_IOTLB_DOMAIN(1),
    };
    uint64_t top, value;
    Board w;

    board_start(&w, ",max-mappings=4096", "", "");
    value = qtest_readq(w.d.qts, qvtd_context_entry(&w.d, A));
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree uint64_t *entries = g_new(uint64_t, 512);
        uint64_t below = 0;

        qvtd_row("%s", rows[i].name);
        for (unsigned level = 1; level <= 4; level++) {
            top = level == 1 || !rows[i].loop ? qvtd_alloc(&w.d, 1) : top;
            for (unsigned n = 0; n < 512; n++) {
                entries[n] = rows[i].loop ? top | QVTD_RW :
                             level > 1 ? below | QVTD_RW :
                             rows[i].leaves ? RAM | QVTD_RW : 0;
                entries[n] = cpu_to_le64(entries[n]);
            }
            qtest_bufwrite(w.d.qts, top, entries, QVTD_PAGE);
            below = top;
        }
        qtest_writeq(w.d.qts, qvtd_context_entry(&w.d, A),
                     (value & ~QVTD_ADDR_MASK) | top);
        for (int n = 0; n < ARRAY_SIZE(flushes); n++) {
            uint64_t compared = qvtd_stat(&w.d, "shadow-compared");

            qvtd_invalidate(&w.d, flushes[n]);
            /* Without a bound these would be hundreds of billions */
            expect_true(qvtd_stat(&w.d, "shadow-compared") - compared <
                        512000000);
        }
        expect_true(testdev_count(&w.a, TESTDEV_MAPPINGS) <= 4096);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS) > 0,
                  rows[i].loop || rows[i].leaves);
        expect_true(qvtd_stat(&w.d, "shadow-bytes") < 4 * 1024 * 1024);
        testdev_expect_no_error(&w.a);

        qvtd_row("%s: it translates all the same", rows[i].name);
        expect_eq(testdev_probe(&w.a, 0x7fffdeadb000).perm,
                  rows[i].loop || rows[i].leaves ? 3 : 0);
    }
    qvtd_row("and after that");
    qtest_writeq(w.d.qts, qvtd_context_entry(&w.d, A), value);
    qvtd_invalidate_all(&w.d);
    expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1);
    testdev_expect_no_error(&w.a);
    board_stop(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/shadow/9-unmap-only", test_unmap_only);
    qtest_add_func("/intel-iommu/shadow/9-both-kinds", test_both_kinds);
    qtest_add_func("/intel-iommu/shadow/12-limit", test_limit);
    qtest_add_func("/intel-iommu/shadow/12-limit-shared", test_limit_shared);
    qtest_add_func("/intel-iommu/shadow/12-endless-tables",
                   test_endless_tables);
    qtest_add_func("/intel-iommu/shadow/12-host-fails", test_host_fails);
    qtest_add_func("/intel-iommu/shadow/12-host-is-full", test_host_is_full);
    qtest_add_func("/intel-iommu/shadow/13-device-tlb", test_device_tlb);
    qtest_add_func("/intel-iommu/shadow/13-above-width", test_above_width);
    qtest_add_func("/intel-iommu/shadow/13-ats-toggled", test_ats_toggled);
    qtest_add_func("/intel-iommu/shadow/13-ats-unsupported",
                   test_ats_unsupported);
    qtest_add_func("/intel-iommu/shadow/13-translation-requests",
                   test_translation_requests);
    qtest_add_func("/intel-iommu/shadow/13-access-bits", test_access_bits);
    qtest_add_func("/intel-iommu/shadow/13-not-registered",
                   test_not_registered);
    return g_test_run();
}
