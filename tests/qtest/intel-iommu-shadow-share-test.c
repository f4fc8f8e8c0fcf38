/*
 * VT-d qtests: shadows of several devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Devices that share tables or a domain id, that move, come and go; views
 * that switch; and a thread that reads through the shadow all the while.
 */

#include "qemu/osdep.h"
#include "vtd-board.h"

#define RAM                     BOARD_RAM
#define A                       QPCI_DEVFN(3, 0)
#define B                       QPCI_DEVFN(4, 0)
#define PORT                    QPCI_DEVFN(5, 0)

static void flush(Board *w, QVtdDesc desc)
{
    qvtd_invalidate(&w->d, desc);
}

/* 2048 pages in a domain, beside the mailbox */
static void fill(QVtd *d, const QVtdDomain *domain)
{
    const Edit edits[] = { LEAVES(1, IOVA, RAM, 2048) };

    qvtd_edit(d, domain, edits, 1);
}

/* Rule "shared": one table, two devices */

static void test_one_domain(void)
{
    static const struct {
        const char *name;
        QVtdDesc desc;
    } rows[] = {
        { "device-selective, the first", QVTD_INV_CONTEXT_DEVICE(1, A, 0) },
        { "device-selective, the second", QVTD_INV_CONTEXT_DEVICE(1, B, 0) },
        { "domain, contexts", QVTD_INV_CONTEXT_DOMAIN(1) },
        { "domain", QVTD_INV_IOTLB_DOMAIN(1) },
        { "pages", QVTD_INV_IOTLB_PAGES(1, IOVA, 9) },
        { "global", QVTD_INV_IOTLB_GLOBAL },
    };
    Board w;
    uint64_t leaves;

    board_start_plain(&w);
    fill(&w.d, &w.domain);
    flush(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    leaves = qvtd_stat(&w.d, "shadow-leaves");
    board_attach_b(&w);
    qvtd_row("a table is kept once");
    expect_eq(qvtd_stat(&w.d, "shadow-leaves"), leaves);

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s, one changes, one goes, one comes", rows[i].name);
        BOARD_EDIT(&w, LEAVES(1, IOVA + i * 0x1000, RAM + MIB2, 1),
                   CLEAR(1, IOVA + 0x10000 + i * 0x1000, 1),
                   LEAVES(1, IOVA + 4 * MIB2 + i * 0x1000, RAM, 1));
        if (i == 4) {
            /* What comes lies elsewhere */
            qvtd_queue_put(&w.d, QVTD_INV_IOTLB_PAGES(1, IOVA + 4 * MIB2, 9));
        }
        flush(&w, rows[i].desc);
        shadow_expect_steps(&w.sa, 2, 2);
        shadow_expect_steps(&w.sb, 2, 2);
        qvtd_row("%s, and a domain flush", rows[i].name);
        flush(&w, FLUSH_DOMAIN);
        shadow_expect_quiet(&w.sa);
        shadow_expect_quiet(&w.sb);
        shadow_expect_translation(&w.sa);
        shadow_expect_translation(&w.sb);
    }
    board_stop(&w);
}

/* The same tables under two domain ids */
static void test_two_ids(void)
{
    Board w;
    QVtdDomain other;

    board_start_plain(&w);
    fill(&w.d, &w.domain);
    flush(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    other = w.domain;
    other.id = 2;
    shadow_start(&w.sb, &w.b, &w.plain);
    qvtd_attach(&w.d, B, &other);
    qvtd_invalidate_all(&w.d);
    shadow_expect(&w.sb);
    for (unsigned did = 1; did <= 2; did++) {
        qvtd_row("flush of domain %u", did);
        BOARD_EDIT(&w, LEAVES(1, IOVA, RAM + did * MIB2, 1));
        flush(&w, QVTD_INV_IOTLB_DOMAIN(did));
        shadow_expect_steps(&w.sa, 1, 1);
        shadow_expect_steps(&w.sb, 1, 1);
        qvtd_row("pages of domain %u", did);
        BOARD_EDIT(&w, CLEAR(1, IOVA + did * 0x1000, 1));
        flush(&w, QVTD_INV_IOTLB_PAGES(did, IOVA + did * 0x1000, 0));
        shadow_expect_steps(&w.sa, 0, 1);
        shadow_expect_steps(&w.sb, 0, 1);
    }
    board_stop(&w);
}

/* One domain id with two roots: the second tables are others */
static void test_two_roots(void)
{
    static const struct {
        const char *name;
        QVtdDesc desc;
    } rows[] = {
        { "domain", QVTD_INV_IOTLB_DOMAIN(1) },
        { "pages", QVTD_INV_IOTLB_PAGES(1, IOVA, 9) },
        { "domain, contexts", QVTD_INV_CONTEXT_DOMAIN(1) },
    };
    Board w;
    QVtdDomain other;

    board_start_plain(&w);
    fill(&w.d, &w.domain);
    flush(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    other = qvtd_domain_new(&w.d, 1, 4);
    shadow_start(&w.sb, &w.b, &w.plain);
    qvtd_attach(&w.d, B, &other);
    qvtd_invalidate_all(&w.d);
    shadow_expect_steps(&w.sb, 1, 0);
    shadow_expect_quiet(&w.sa);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        const Edit edits[] = { LEAVES(1, IOVA + i * 0x2000, RAM, 2) };

        qvtd_row("%s", rows[i].name);
        BOARD_EDIT(&w, CLEAR(1, IOVA + i * 0x1000, 1));
        qvtd_edit(&w.d, &other, edits, 1);
        flush(&w, rows[i].desc);
        shadow_expect_steps(&w.sa, 0, 1);
        shadow_expect_steps(&w.sb, 2, 0);
    }
    board_stop(&w);
}

/* A device that moves gets the difference between the two tables */
static void test_moved(void)
{
    static const struct {
        const char *name;
        unsigned id;            /* of the domain that it moves to */
        QVtdDesc desc;
    } rows[] = {
        { "device-selective", 2, QVTD_INV_CONTEXT_DEVICE(1, A, 0) },
        { "and back", 1, QVTD_INV_CONTEXT_DEVICE(2, A, 0) },
        { "global", 2, QVTD_INV_CONTEXT_GLOBAL },
        { "and back, by domain", 1, QVTD_INV_CONTEXT_DOMAIN(2) },
    };
    Board w;
    QVtdDomain other;

    board_start_plain(&w);
    fill(&w.d, &w.domain);
    flush(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    board_attach_b(&w);

    /* Its own tables; the same but for 20 of 2048 pages, in two runs */
    other = qvtd_domain_new(&w.d, 2, 4);
    fill(&w.d, &other);
    qvtd_edit(&w.d, &other, (const Edit[]) {
        LEAVES(1, IOVA + MIB2, RAM + 0x1000, 8),
        CLEAR(1, IOVA + 2 * MIB2, 8),
        LEAVES(1, IOVA + 8 * MIB2, RAM, 4),
    }, 3);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        bool to = rows[i].id == 2;

        qvtd_row("%s", rows[i].name);
        qvtd_attach(&w.d, A, to ? &other : &w.domain);
        flush(&w, rows[i].desc);
        /* Eight change, eight go or come, four come or go */
        shadow_expect_steps(&w.sa, to ? 12 : 16, 9);
        shadow_expect_quiet(&w.sb);
        qvtd_row("%s, and IOTLB flushes", rows[i].name);
        flush(&w, QVTD_INV_IOTLB_DOMAIN(1));
        flush(&w, QVTD_INV_IOTLB_DOMAIN(2));
        shadow_expect_quiet(&w.sa);
        shadow_expect_quiet(&w.sb);
        shadow_expect_translation(&w.sa);
    }

    qvtd_row("moves while the tables change");
    qvtd_attach(&w.d, A, &other);
    qvtd_edit(&w.d, &other, (const Edit[]) {
        LEAVES(1, IOVA + MIB2, RAM + 0x2000, 8),
    }, 1);
    BOARD_EDIT(&w, CLEAR(1, IOVA, 4));
    flush(&w, QVTD_INV_CONTEXT_GLOBAL);
    shadow_expect(&w.sa);
    flush(&w, QVTD_INV_IOTLB_GLOBAL);
    shadow_expect_quiet(&w.sa);
    shadow_expect(&w.sb);

    qvtd_row("leaves and comes back");
    qtest_writeq(w.d.qts, qvtd_context_entry(&w.d, A), 0);
    flush(&w, QVTD_INV_CONTEXT_DEVICE(2, A, 0));
    shadow_expect(&w.sa);
    expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 0);
    shadow_expect_quiet(&w.sb);
    qvtd_attach(&w.d, A, &w.domain);
    flush(&w, QVTD_INV_CONTEXT_DEVICE(0, A, 0));
    shadow_expect(&w.sa);
    expect_true(testdev_count(&w.a, TESTDEV_MAPPINGS) > 2000);
    board_stop(&w);
}

/* Two devices in one address space: behind a bridge they are one */
static void bridge_start(QVtd *d, Testdev t[2])
{
    qvtd_start(d, "", ",caching-mode=on",
               "-device pcie-pci-bridge,id=bridge,addr=5 "
               "-device vtd-testdev,bus=bridge,addr=2 "
               "-device vtd-testdev,bus=bridge,addr=3");
    board_number_bus(d, PORT, 2, 2);
    for (int i = 0; i < 2; i++) {
        testdev_start(&t[i], d, 2 << 8 | QPCI_DEVFN(2 + i, 0));
        t[i].sid = 2 << 8;
    }
    qvtd_enable(d);
}

static void test_one_space(void)
{
    QVtd d;
    QVtdDomain domain;
    Plain plain;
    Testdev t[2];
    Shadow s[2];

    bridge_start(&d, t);
    plain_init(&plain, &d, 48);
    domain = qvtd_domain_new(&d, 1, 4);
    fill(&d, &domain);
    qvtd_attach(&d, 2 << 8, &domain);
    for (int i = 0; i < 2; i++) {
        shadow_start(&s[i], &t[i], &plain);
    }
    qvtd_row("two devices behind a bridge");
    qvtd_invalidate_all(&d);
    for (int i = 0; i < 2; i++) {
        shadow_expect_steps(&s[i], 2049, 0);
    }
    qvtd_row("one of them comes later");
    testdev_command(&t[1], TESTDEV_REGISTER, 1, 0ull);
    expect_eq(testdev_count(&t[1], TESTDEV_MAPPINGS), 0);
    qvtd_edit(&d, &domain, (const Edit[]) { CLEAR(1, IOVA, 8) }, 1);
    qvtd_invalidate(&d, FLUSH_DOMAIN);
    shadow_expect_steps(&s[0], 0, 1);
    shadow_restart(&s[1]);
    testdev_command(&t[1], TESTDEV_REGISTER, 1, 3ull);
    shadow_expect_steps(&s[1], 2041, 0);
    shadow_expect_quiet(&s[0]);
    for (int i = 0; i < 2; i++) {
        shadow_stop(&s[i]);
        testdev_stop(&t[i]);
    }
    plain_end(&plain);
    qvtd_stop(&d);
}

/*
 * One of two in a space refuses, whichever was told first; the other is told
 * again for its sake, and says -EEXIST, which is no refusal and hides none
 */
static void test_one_refuses(void)
{
    QVtd d;
    QVtdDomain domain;
    Testdev t[2];

    bridge_start(&d, t);
    domain = qvtd_domain_new(&d, 1, 4);
    qvtd_attach(&d, 2 << 8, &domain);
    qvtd_invalidate_all(&d);
    for (int i = 0; i < 2; i++) {
        uint64_t mappings = testdev_count(&t[i], TESTDEV_MAPPINGS);
        uint64_t refused = qvtd_stat(&d, "shadow-refused"), told_again = 0;

        testdev_write_reg(&t[i], TESTDEV_LIMIT, mappings);
        qvtd_edit(&d, &domain, (const Edit[]) {
                      LEAVES(1, IOVA + i * 0x1000, RAM, 1) }, 1);
        for (int n = 0; n < 2; n++) {
            qvtd_row("device %d refuses, flush %d", i, n);
            qvtd_invalidate(&d, FLUSH_DOMAIN);
            expect_true(qvtd_stat(&d, "shadow-refused") > refused);
            refused = qvtd_stat(&d, "shadow-refused");
            expect_eq(testdev_count(&t[i], TESTDEV_MAPPINGS), mappings);
            expect_eq(testdev_count(&t[!i], TESTDEV_MAPPINGS), mappings + 1);
            expect_true(testdev_count(&t[!i], TESTDEV_ERRORS_OF(OVERLAP)) >
                        told_again);
            told_again = testdev_count(&t[!i], TESTDEV_ERRORS_OF(OVERLAP));
        }
        testdev_write_reg(&t[i], TESTDEV_LIMIT, 0);
        for (int n = 0; n < 2; n++) {
            qvtd_row("and then it does not, device %d, flush %d", i, n);
            qvtd_invalidate(&d, FLUSH_DOMAIN);
            expect_eq(qvtd_stat(&d, "shadow-refused"), refused);
            expect_eq(testdev_count(&t[i], TESTDEV_MAPPINGS), mappings + 1);
            expect_eq(testdev_count(&t[!i], TESTDEV_ERRORS_OF(OVERLAP)),
                      told_again + 1);
        }
        testdev_clear(&t[!i]);
    }
    for (int i = 0; i < 2; i++) {
        testdev_stop(&t[i]);
    }
    qvtd_stop(&d);
}

static void test_hotplug(void)
{
    const uint16_t sid = 1 << 8;
    Board w;

    board_start(&w, "", "", "-device pcie-root-port,id=rp,addr=5 "
                "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off");
    board_number_bus(&w.d, PORT, 1, 1);
    fill(&w.d, &w.domain);
    flush(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    for (int round = 0; round < 4; round++) {
        /* Is it attached before it comes? */
        bool early = round % 2;
        Testdev hot;
        Shadow s;

        qvtd_row("device comes, round %d", round);
        if (early) {
            qvtd_attach(&w.d, sid, &w.domain);
            qvtd_invalidate_all(&w.d);
        }
        board_slot_power(&w.d, PORT, true);
        qtest_qmp_device_add(w.d.qts, "vtd-testdev", "hot", "{'bus': 'rp'}");
        testdev_start(&hot, &w.d, sid);
        if (!early) {
            shadow_start(&s, &hot, &w.plain);
            qvtd_attach(&w.d, sid, &w.domain);
            qvtd_invalidate_all(&w.d);
        } else {
            /* What is mapped by now came after its section */
            shadow_resume(&s, &hot, &w.plain);
        }
        expect_eq(shadow_expect(&s).maps, 2049 - 8 * round);
        expect_eq(testdev_count(&hot, TESTDEV_UNMAPS), 0);
        shadow_expect_quiet(&w.sa);

        qvtd_row("tables change, round %d", round);
        BOARD_EDIT(&w, CLEAR(1, IOVA + round * 0x8000, 8));
        flush(&w, FLUSH_DOMAIN);
        shadow_expect_steps(&s, 0, 1);
        shadow_expect_steps(&w.sa, 0, 1);
        shadow_stop(&s);
        testdev_stop(&hot);

        qvtd_row("device goes, round %d", round);
        qtest_qmp_device_del_send(w.d.qts, "hot");
        board_slot_power(&w.d, PORT, false);
        qtest_qmp_eventwait(w.d.qts, "DEVICE_DELETED");
        flush(&w, FLUSH_DOMAIN);
        shadow_expect_quiet(&w.sa);
        qvtd_row("tables change without it, round %d", round);
        BOARD_EDIT(&w, LEAVES(1, IOVA + MIB2, RAM + round * MIB2, 1));
        flush(&w, FLUSH_DOMAIN);
        shadow_expect(&w.sa);
        if (early) {
            qtest_writeq(w.d.qts, qvtd_context_entry(&w.d, sid), 0);
            qvtd_invalidate_all(&w.d);
            shadow_expect_quiet(&w.sa);
        }
    }
    board_stop(&w);
}

/* Rule "views": views that switch */

static void test_views(void)
{
    enum { TABLES, PASS, OFF } views[] = {
        TABLES, PASS, TABLES, OFF, TABLES, PASS, OFF, PASS, TABLES,
    };
    Board w;

    board_start_plain(&w);
    fill(&w.d, &w.domain);
    flush(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    board_attach_b(&w);
    for (int i = 1; i < ARRAY_SIZE(views); i++) {
        bool was_direct = views[i - 1] != TABLES, direct = views[i] != TABLES;
        ShadowSteps steps;

        qvtd_row("view %d, then %d (step %d)", views[i - 1], views[i], i);
        if (views[i - 1] == OFF) {
            expect_true(qvtd_command(&w.d, QVTD_TE, true) & QVTD_TE);
        }
        if (views[i] == OFF) {
            qvtd_disable(&w.d);
        } else if (views[i] == PASS) {
            qvtd_attach_pass_through(&w.d, A, 1, QVTD_AW_48);
        } else {
            qvtd_attach(&w.d, A, &w.domain);
        }
        qvtd_invalidate_all(&w.d);
        steps = shadow_expect(&w.sa);
        expect_eq(testdev_count(&w.a, TESTDEV_SECTIONS), direct ? 0 : 2);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), direct ? 0 : 2049);
        expect_eq(testdev_count(&w.a, TESTDEV_DIRECT) > 0, direct);
        if (views[i - 1] != OFF && views[i] != OFF) {
            /* The other device has nothing to do with it */
            expect_eq(steps.sections, was_direct != direct ? 2 : 0);
            shadow_expect_quiet(&w.sb);
        } else {
            shadow_expect(&w.sb);
        }

        qvtd_row("view %d, nothing changes (step %d)", views[i], i);
        qvtd_invalidate_all(&w.d);
        flush(&w, QVTD_INV_CONTEXT_DEVICE(1, A, 0));
        shadow_expect_quiet(&w.sa);
        shadow_expect_quiet(&w.sb);
    }
    testdev_expect_no_error(&w.a);
    testdev_expect_no_error(&w.b);
    board_stop(&w);
}

/* A thread that reads unchanged pages never misses one */

#define WATCHED                 256
#define SUPERPAGES              8

/* What happens to the pages in between */
static void disturb(Board *w, QVtdDomain *other, GRand *random)
{
    static const QVtdDesc flushes[] = {
        QVTD_INV_IOTLB_GLOBAL,
        QVTD_INV_IOTLB_DOMAIN(1),
        QVTD_INV_IOTLB_DOMAIN(2),
        QVTD_INV_IOTLB_PAGES(1, IOVA, 9),
        QVTD_INV_IOTLB_PAGES(1, IOVA, 18),
        QVTD_INV_IOTLB_PAGES(2, IOVA, 18),
        QVTD_INV_CONTEXT_GLOBAL,
        QVTD_INV_CONTEXT_DOMAIN(1),
        QVTD_INV_CONTEXT_DOMAIN(2),
        QVTD_INV_CONTEXT_DEVICE(1, A, 0),
        QVTD_INV_CONTEXT_DEVICE(2, A, 0),
        QVTD_INV_CONTEXT_DEVICE(1, A ^ 4, 1),
        QVTD_INV_CONTEXT_DEVICE(1, A ^ 6, 2),
        QVTD_INV_CONTEXT_DEVICE(1, A ^ 7, 3),
        QVTD_INV_IOTLB_PAGES(1, IOVA, 18 | QVTD_IVA_IH),
        QVTD_INV_DEVICE_TLB(A, ~0ull >> 1 & ~0xfffull),
    };
    unsigned n = g_rand_int_range(random, 0, WATCHED);
    QVtdDomain *domain = g_rand_boolean(random) ? other : &w->domain;
    uint64_t iova = IOVA + n * 2 * QVTD_PAGE + QVTD_PAGE;
    uint64_t far = IOVA + (8 + n % 8) * MIB2;
    Edit edits[3] = { };

    switch (g_rand_int_range(random, 0, 6)) {
    case 0:                     /* between two watched pages, it comes */
        edits[0] = (Edit) LEAVES(1, iova, RAM + n * QVTD_PAGE, 1);
        break;
    case 1:                     /* it goes */
        edits[0] = (Edit) CLEAR(1, iova, 1);
        break;
    case 2:                     /* a superpage beside them */
        edits[0] = (Edit) LEAVES(2, far, RAM + n % 2 * MIB2, 1);
        break;
    case 3:                     /* pages instead */
        edits[0] = (Edit) CLEAR(2, far, 1);
        edits[1] = (Edit) LEAVES(1, far, RAM + n % 2 * MIB2, 512);
        break;
    case 4:                     /* nothing instead */
        edits[0] = (Edit) CLEAR(2, far, 1);
        break;
    case 5:                     /* the device moves; a root table of its own */
        qvtd_attach(&w->d, A, domain);
        break;
    }
    qvtd_edit(&w->d, domain, edits, ARRAY_SIZE(edits));
    switch (g_rand_int_range(random, 0, 32)) {
    case 0:
        qvtd_write64(&w->d, QVTD_RTADDR, w->d.root);
        qvtd_command(&w->d, QVTD_SRTP, true);
        break;
    case 1:
        testdev_command(&w->a, TESTDEV_REPLAY, 0);
        break;
    case 2:
        qvtd_invalidate_by_register(&w->d, QVTD_INV_IOTLB_GLOBAL);
        break;
    case 3:
        qvtd_invalidate_by_register(&w->d, FLUSH_DOMAIN);
        break;
    case 4:
        qvtd_invalidate_by_register(&w->d, FLUSH_PAGES(IOVA, 9));
        break;
    case 5:
        qvtd_invalidate_by_register(&w->d, QVTD_INV_CONTEXT_GLOBAL);
        break;
    case 6:
        qvtd_invalidate_by_register(&w->d,
                                    QVTD_INV_CONTEXT_DEVICE(1, A, 0));
        break;
    default:
        flush(w, flushes[g_rand_int_range(random, 0, ARRAY_SIZE(flushes))]);
        break;
    }
}

/* The pages that stay as they are, in both domains */
static void map_watched(Board *w, QVtdDomain *other, TestdevWatch *watch)
{
    for (unsigned n = 0; n < 2; n++) {
        QVtdDomain *domain = n ? other : &w->domain;

        for (unsigned i = 0; i < WATCHED; i++) {
            /* Every other page */
            watch[i] = (TestdevWatch) {
                IOVA + i * 2 * QVTD_PAGE, RAM + i * 2 * QVTD_PAGE,
            };
            qvtd_edit(&w->d, domain, (const Edit[]) {
                LEAVES(1, watch[i].iova, watch[i].target, 1),
            }, 1);
        }
        for (unsigned i = 0; i < SUPERPAGES; i++) {
            /* A page in each of some superpages, whose neighbours change */
            uint64_t iova = IOVA + (16 + i) * MIB2;

            watch[WATCHED + i] = (TestdevWatch) {
                iova + i * QVTD_PAGE, RAM + i * QVTD_PAGE,
            };
            qvtd_edit(&w->d, domain, (const Edit[]) {
                LEAVES(2, iova, RAM, 1),
            }, 1);
        }
    }
    flush(w, FLUSH_DOMAIN);
}

static void test_reader(void)
{
    TestdevWatch watch[WATCHED + SUPERPAGES];
    GRand *random = g_rand_new_with_seed(0x5eed);
    QVtdDomain other;
    Board w;

    board_start(&w, ",device-iotlb=on", "", "");
    other = qvtd_domain_new(&w.d, 2, 4);
    map_watched(&w, &other, watch);
    shadow_expect(&w.sa);

    for (int lockstep = 1; lockstep >= 0; lockstep--) {
        qvtd_row(lockstep ? "in lockstep" : "free");
        testdev_clear(&w.a);
        testdev_reader_start(&w.a, watch, ARRAY_SIZE(watch), lockstep);
        for (int i = 0; i < 300; i++) {
            disturb(&w, &other, random);
            if (i % 16 == 0) {
                testdev_reader_pass(&w.a);
            }
        }
        /* It did happen, while it read */
        expect_true(testdev_count(&w.a, TESTDEV_MAPS) > 100);
        expect_true(testdev_count(&w.a, TESTDEV_UNMAPS) > 20);
        expect_eq(testdev_reader_stop(&w.a), 0);
        testdev_expect_no_error(&w.a);
    }

    qvtd_row("a page that does change is missed");
    testdev_clear(&w.a);
    testdev_reader_start(&w.a, watch, ARRAY_SIZE(watch), true);
    qvtd_attach(&w.d, A, &w.domain);
    BOARD_EDIT(&w, LEAVES(1, watch[7].iova, RAM + MIB2 + 0x1000, 1));
    flush(&w, QVTD_INV_CONTEXT_GLOBAL);
    flush(&w, FLUSH_DOMAIN);
    expect_true(testdev_reader_stop(&w.a) > 0);
    g_rand_free(random);
    board_stop(&w);
}

/* Nor does one that does DMA to them through the unit */
static void test_dma_loop(void)
{
    TestdevWatch watch[WATCHED + SUPERPAGES];
    GRand *random = g_rand_new_with_seed(0x5eed);
    QVtdDomain other;
    Board w;

    board_start(&w, ",device-iotlb=on", "", "");
    other = qvtd_domain_new(&w.d, 2, 4);
    map_watched(&w, &other, watch);
    for (int write = 0; write < 2; write++) {
        uint64_t before = qvtd_stat(&w.d, "translations");

        qvtd_row(write ? "writes" : "reads");
        /* Every other page, until it is told to end */
        expect_eq(testdev_command(&w.a, TESTDEV_LOOP, 7, IOVA,
                                  (uint64_t)WATCHED * 2, 2ull, UINT64_MAX,
                                  8ull, (uint64_t)write, 0ull), TESTDEV_OK);
        /* On a busy host its thread may come late */
        while (qvtd_stat(&w.d, "translations") == before) {
            g_usleep(1000);
        }
        for (int i = 0; i < 300; i++) {
            disturb(&w, &other, random);
        }
        expect_eq(testdev_count(&w.a, TESTDEV_LOOP_RUNNING), 1);
        testdev_command(&w.a, TESTDEV_LOOP, 4, 0ull, 0ull, 0ull, 0ull);
        expect_true(testdev_count(&w.a, TESTDEV_LOOP_DONE) > 0);
        expect_eq(testdev_count(&w.a, TESTDEV_LOOP_FAILURES), 0);
        qvtd_expect_no_fault(&w.d);
    }
    g_rand_free(random);
    board_stop(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/shadow/10-one-domain", test_one_domain);
    qtest_add_func("/intel-iommu/shadow/10-two-ids", test_two_ids);
    qtest_add_func("/intel-iommu/shadow/10-two-roots", test_two_roots);
    qtest_add_func("/intel-iommu/shadow/10-moved", test_moved);
    qtest_add_func("/intel-iommu/shadow/10-one-space", test_one_space);
    qtest_add_func("/intel-iommu/shadow/10-one-refuses", test_one_refuses);
    qtest_add_func("/intel-iommu/shadow/10-hotplug", test_hotplug);
    qtest_add_func("/intel-iommu/shadow/11-views", test_views);
    qtest_add_func("/intel-iommu/shadow/reader", test_reader);
    qtest_add_func("/intel-iommu/shadow/dma-loop", test_dma_loop);
    return g_test_run();
}
