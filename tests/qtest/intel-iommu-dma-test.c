/*
 * VT-d qtests: DMA through second-stage tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a device's DMA meets: leaves of each size, permissions, ignored bits,
 * pass-through, several devices and domains, translation on and off.
 */

#include "qemu/osdep.h"
#include "vtd-edu.h"


/* A value that no other address has */
static uint64_t signature(uint64_t pa)
{
    return 0x5a00000000000000 | pa;
}

/* The device reads and writes the memory at @pa when it says @iova */
static void expect_reaches(EduDevice *e, uint64_t iova, uint64_t pa)
{
    QTestState *qts = e->d->qts;

    qtest_writeq(qts, pa, signature(pa));
    expect_eq(edu_read64(e, iova), signature(pa));
    edu_write64(e, iova, ~signature(pa));
    expect_eq(qtest_readq(qts, pa), ~signature(pa));
    qvtd_expect_no_fault(e->d);
}

/* It reaches nothing there: both accesses are blocked, for these reasons */
static void expect_blocked(EduDevice *e, uint64_t iova, uint64_t pa,
                           uint8_t read_reason, uint8_t write_reason)
{
    QTestState *qts = e->d->qts;

    qtest_writeq(qts, pa, signature(pa));
    edu_dma_read(e, iova, 0, 8);
    qvtd_expect_fault(e->d, read_reason, e->sid, iova & ~0xfffull, true);
    edu_dma_write(e, iova, 0, 8);
    qvtd_expect_fault(e->d, write_reason, e->sid, iova & ~0xfffull, false);
    expect_eq(qtest_readq(qts, pa), signature(pa));
}

/* Give @e the domain, whatever it had before */
static void attach(EduDevice *e, const QVtdDomain *domain)
{
    qvtd_attach(e->d, e->sid, domain);
    qvtd_invalidate_all(e->d);
}

/* Leaves */

typedef struct Leaf {
    unsigned levels;
    unsigned level;
    uint64_t iova;
} Leaf;

static const Leaf leaves[] = {
    { 3, 1, 0x0000000000 },
    { 3, 1, 0x0012345000 },
    { 3, 1, 0x00feddf000 },
    { 3, 1, 0x00fed90000 },     /* where the unit's registers are */
    { 3, 1, 0x00fedff000 },     /* below and above the interrupt range */
    { 3, 1, 0x00fef00000 },
    { 3, 1, 0x0100000000 },
    { 3, 1, 0x7ffffff000 },
    { 3, 2, 0x0000200000 },
    { 3, 2, 0x3fffe00000 },
    { 3, 2, 0x7fffe00000 },
    { 3, 3, 0x0040000000 },
    { 3, 3, 0x7fc0000000 },
    { 4, 1, 0x000000000000 },
    { 4, 1, 0x000012345000 },
    { 4, 1, 0x007ffffff000 },
    { 4, 1, 0x008000000000 },
    { 4, 1, 0x800000000000 },   /* not canonical for a CPU */
    { 4, 1, 0xfffffffff000 },
    { 4, 2, 0x000000200000 },
    { 4, 2, 0xffffffe00000 },
    { 4, 3, 0x000040000000 },
    { 4, 3, 0xffffc0000000 },
};

/* Where a leaf of each level goes to, and what is looked at: all in RAM */
static const struct {
    uint64_t pa;
    uint64_t offsets[3];
} targets[] = {
    [1] = { 0x4000000, { 0, 0x800, 0xff8 } },
    [2] = { 0x4200000, { 0, 0xfedc8, 0x1ffff8 } },
    [3] = { 0, { 0x4000000, 0x5a5a5a8, 0x7fffff8 } },
};

static void check_leaves(const char *props, unsigned max_levels)
{
    EduPair p;

    edu_pair_start(&p, "", props, "");
    qvtd_enable(&p.d);
    for (int i = 0; i < ARRAY_SIZE(leaves); i++) {
        const Leaf *leaf = &leaves[i];
        QVtdDomain domain;

        if (leaf->levels > max_levels) {
            continue;
        }
        domain = qvtd_domain_new(&p.d, i + 1, leaf->levels);
        qvtd_map(&p.d, &domain, leaf->iova, targets[leaf->level].pa,
                 leaf->level, QVTD_RW);
        attach(&p.a, &domain);
        for (int n = 0; n < 3; n++) {
            uint64_t offset = targets[leaf->level].offsets[n];

            /* An offset below the leaf's size, or a bug of this table's */
            g_assert_cmphex(offset >> (12 + 9 * (leaf->level - 1)), ==, 0);
            qvtd_row("%s %u levels, leaf of level %u at 0x%" PRIx64
                     " + 0x%" PRIx64, props, leaf->levels, leaf->level,
                     leaf->iova, offset);
            expect_reaches(&p.a, leaf->iova + offset,
                           targets[leaf->level].pa + offset);
        }
    }
    edu_pair_stop(&p);
}

static void test_leaves_48(void)
{
    check_leaves("", 4);
}

static void test_leaves_39(void)
{
    check_leaves(",aw-bits=39", 3);
}

static void test_leaves_caching_mode(void)
{
    check_leaves(",caching-mode=on", 4);
}

/* Tables and targets above 4 GiB: no address is cut to 32 bits */
static void test_high_memory(void)
{
    static const struct {
        unsigned level;
        uint64_t pa;
        uint64_t offset;
    } rows[] = {
        { 1, 0x123456000, 0xff8 },
        { 2, 0x120000000, 0x1ffff8 },
        { 3, 0x100000000, 0x3ffffff8 },
    };
    EduPair p;

    edu_pair_start(&p, "", "", "-m 3G");
    p.d.next_page = 0x110000000;
    qvtd_enable(&p.d);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        QVtdDomain domain = qvtd_domain_new(&p.d, i + 1, 4);

        qvtd_row("leaf of level %u", rows[i].level);
        qvtd_map(&p.d, &domain, IOVA, rows[i].pa, rows[i].level, QVTD_RW);
        attach(&p.a, &domain);
        expect_reaches(&p.a, IOVA + rows[i].offset,
                       rows[i].pa + rows[i].offset);
    }
    edu_pair_stop(&p);
}

/* A large leaf around the interrupt range is good for DMA on both sides */
static void test_around_interrupts(void)
{
    static const struct {
        unsigned level;
        uint64_t iova;          /* of the leaf */
        uint64_t pa;
        uint64_t offset;
    } rows[] = {
        { 2, QVTD_MSI_ADDR, 0x4000000, 0x100000 },
        { 2, QVTD_MSI_ADDR, 0x4000000, 0x1ffff8 },
        { 3, 0xc0000000, 0, 0x3edffff8 },
        { 3, 0xc0000000, 0, 0x3ef00000 },
        { 3, 0xc0000000, 0, 0x4000000 },
        { 3, 0xc0000000, 0, 0x3ffffff8 },
    };
    EduPair p;

    edu_pair_start(&p, "", "", "-m 1G");
    qvtd_enable(&p.d);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        QVtdDomain domain = qvtd_domain_new(&p.d, i + 1, 4);
        uint64_t covered = rows[i].pa + QVTD_MSI_ADDR - rows[i].iova;

        qvtd_row("leaf of level %u at 0x%" PRIx64 " + 0x%" PRIx64,
                 rows[i].level, rows[i].iova, rows[i].offset);
        qvtd_map(&p.d, &domain, rows[i].iova, rows[i].pa, rows[i].level,
                 QVTD_RW);
        attach(&p.a, &domain);
        expect_reaches(&p.a, rows[i].iova + rows[i].offset,
                       rows[i].pa + rows[i].offset);

        qvtd_row("leaf of level %u at 0x%" PRIx64 ", the range", rows[i].level,
                 rows[i].iova);
        qtest_writeq(p.d.qts, covered, signature(covered));
        edu_dma_write(&p.a, QVTD_MSI_ADDR, 0, 8);
        expect_eq(qtest_readq(p.d.qts, covered), signature(covered));
        qvtd_take_fault(&p.d, &(QVtdFault) { });
    }
    edu_pair_stop(&p);
}

/* Permissions: the AND of those of all levels */
static void test_permissions(void)
{
    static const struct {
        const char *name;
        uint64_t bits[5];       /* by level; 0 stands for R and W */
        bool read, write;
    } rows[] = {
        { "all", { }, true, true },
        { "leaf R", { [1] = QVTD_R }, true, false },
        { "leaf W", { [1] = QVTD_W }, false, true },
        { "level 2 R", { [2] = QVTD_R }, true, false },
        { "level 2 W", { [2] = QVTD_W }, false, true },
        { "level 3 R", { [3] = QVTD_R }, true, false },
        { "level 3 W", { [3] = QVTD_W }, false, true },
        { "level 4 R", { [4] = QVTD_R }, true, false },
        { "level 4 W", { [4] = QVTD_W }, false, true },
        { "level 3 W, level 2 R", { [3] = QVTD_W, [2] = QVTD_R }, false,
          false },
        { "level 4 R, leaf W", { [4] = QVTD_R, [1] = QVTD_W }, false, false },
        { "all R", { [4] = QVTD_R, [3] = QVTD_R, [2] = QVTD_R, [1] = QVTD_R },
          true, false },
        { "all again", { }, true, true },
    };
    const uint64_t iova = IOVA | 1ull << 40;    /* the mailbox is elsewhere */
    EduPair p;
    QVtdDomain domain;
    uint64_t page;

    edu_pair_start(&p, "", "", "");
    qvtd_enable(&p.d);
    page = qvtd_alloc(&p.d, 1);
    domain = qvtd_domain_new(&p.d, 1, 4);
    qvtd_map(&p.d, &domain, iova, page, 1, QVTD_RW);
    attach(&p.a, &domain);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s", rows[i].name);
        for (int level = 1; level <= 4; level++) {
            uint64_t entry = qvtd_entry(&p.d, &domain, iova, level);
            uint64_t bits = rows[i].bits[level] ?: QVTD_RW;

            qtest_writeq(p.d.qts, entry,
                         (qtest_readq(p.d.qts, entry) & ~QVTD_RW) | bits);
        }
        qvtd_invalidate(&p.d, QVTD_INV_IOTLB_DOMAIN(1));

        edu_load(&p.a, 8, ~signature(page));
        edu_load(&p.a, 0, 0);
        qtest_writeq(p.d.qts, page, signature(page));
        edu_dma_read(&p.a, iova, 0, 8);
        if (rows[i].read) {
            qvtd_expect_no_fault(&p.d);
        } else {
            qvtd_expect_fault(&p.d, QVTD_F_READ, p.a.sid, iova, true);
        }
        expect_eq(edu_peek(&p.a, 0) == signature(page), rows[i].read);

        edu_dma_write(&p.a, iova, 8, 8);
        if (rows[i].write) {
            qvtd_expect_no_fault(&p.d);
        } else {
            qvtd_expect_fault(&p.d, QVTD_F_WRITE, p.a.sid, iova, false);
        }
        expect_eq(qtest_readq(p.d.qts, page),
                  rows[i].write ? ~signature(page) : signature(page));
    }
    edu_pair_stop(&p);
}

/* Bits that the hardware ignores do not change where a DMA goes */
static void test_ignored_bits(void)
{
    static const uint64_t ignored = 0xbff000000000077c;
    static const struct {
        const char *name;
        const char *props;
        unsigned leaf;
        unsigned level;
        uint64_t bits;
    } rows[] = {
        { "4-KiB leaf", "", 1, 1, ignored },
        { "4-KiB leaf, PS", "", 1, 1, QVTD_PS },
        { "2-MiB leaf", "", 2, 2, ignored },
        { "1-GiB leaf", "", 3, 3, ignored },
        { "level 2 table", "", 1, 2, ignored },
        { "level 3 table", "", 1, 3, ignored },
        { "level 4 table", "", 1, 4, ignored },
        { "SNP, snoop control", ",snoop-control=on", 1, 1, QVTD_SNP },
        { "SNP in 2 MiB, snoop control", ",snoop-control=on", 2, 2, QVTD_SNP },
        { "SNP in 1 GiB, snoop control", ",snoop-control=on", 3, 3, QVTD_SNP },
        { "TM, stale-tm", ",device-iotlb=on,stale-tm=on", 1, 1, QVTD_TM },
    };
    const char *props = NULL;
    EduPair p;

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        QVtdDomain domain;
        uint64_t entry;

        qvtd_row("%s", rows[i].name);
        if (props != rows[i].props) {
            if (props) {
                edu_pair_stop(&p);
            }
            props = rows[i].props;
            edu_pair_start(&p, "", props, "");
            qvtd_enable(&p.d);
        }
        domain = qvtd_domain_new(&p.d, i + 1, 4);
        qvtd_map(&p.d, &domain, IOVA, targets[rows[i].leaf].pa, rows[i].leaf,
                 QVTD_RW);
        entry = qvtd_entry(&p.d, &domain, IOVA, rows[i].level);
        qtest_writeq(p.d.qts, entry,
                     qtest_readq(p.d.qts, entry) | rows[i].bits);
        attach(&p.a, &domain);
        expect_reaches(&p.a, IOVA + targets[rows[i].leaf].offsets[0],
                       targets[rows[i].leaf].pa +
                       targets[rows[i].leaf].offsets[0]);
    }
    edu_pair_stop(&p);
}

/* One DMA over pages that do not follow each other in memory */
static void test_crossing(void)
{
    uint8_t want[EDU_BUFFER_BYTES], got[EDU_BUFFER_BYTES];
    EduPair p;
    QVtdDomain domain;
    uint64_t first, second;

    edu_pair_start(&p, "", "", "");
    qvtd_enable(&p.d);
    domain = qvtd_domain_new(&p.d, 1, 4);
    second = qvtd_alloc(&p.d, 1);
    first = qvtd_alloc(&p.d, 1);
    qvtd_map(&p.d, &domain, IOVA, first, 1, QVTD_RW);
    qvtd_map(&p.d, &domain, IOVA + QVTD_PAGE, second, 1, QVTD_RW);
    attach(&p.a, &domain);

    for (int i = 0; i < sizeof(want); i++) {
        want[i] = i * 7 + (i >> 8);
    }
    qtest_memwrite(p.d.qts, p.d.mailbox, want, sizeof(want));
    edu_dma_read(&p.a, p.d.mailbox, 0, sizeof(want));

    qvtd_row("write over two pages");
    edu_dma_write(&p.a, IOVA + 0x123, 0, sizeof(want));
    qtest_memread(p.d.qts, first + 0x123, got, 0x1000 - 0x123);
    qtest_memread(p.d.qts, second, got + 0x1000 - 0x123, 0x123);
    expect_eq(memcmp(got, want, sizeof(want)), 0);
    qvtd_expect_no_fault(&p.d);

    qvtd_row("read over two pages");
    qtest_memset(p.d.qts, p.d.mailbox, 0, sizeof(want));
    edu_dma_read(&p.a, p.d.mailbox, 0, sizeof(want));
    edu_dma_read(&p.a, IOVA + 0x123, 0, sizeof(want));
    edu_dma_write(&p.a, p.d.mailbox, 0, sizeof(want));
    qtest_memread(p.d.qts, p.d.mailbox, got, sizeof(got));
    expect_eq(memcmp(got, want, sizeof(want)), 0);
    qvtd_expect_no_fault(&p.d);

    qvtd_row("write into a page that is not there");
    edu_dma_write(&p.a, IOVA + 2 * QVTD_PAGE - 8, 0, 16);
    qtest_memread(p.d.qts, second + QVTD_PAGE - 8, got, 8);
    expect_eq(memcmp(got, want, 8), 0);
    qvtd_expect_fault(&p.d, QVTD_F_WRITE, p.a.sid, IOVA + 2 * QVTD_PAGE, false);
    edu_pair_stop(&p);
}

/* Devices and domains */
static void test_domains(void)
{
    EduPair p;
    QVtdDomain one, two;
    uint64_t page1, page2;

    edu_pair_start(&p, "", "", "");
    page1 = qvtd_alloc(&p.d, 1);
    page2 = qvtd_alloc(&p.d, 1);
    one = qvtd_domain_new(&p.d, 1, 4);
    two = qvtd_domain_new(&p.d, 0xffff, 3);
    qvtd_map(&p.d, &one, IOVA, page1, 1, QVTD_RW);
    qvtd_map(&p.d, &two, IOVA, page2, 1, QVTD_RW);
    qvtd_attach(&p.d, p.a.sid, &one);
    qvtd_enable(&p.d);

    qvtd_row("one device has no domain");
    expect_reaches(&p.a, IOVA, page1);
    expect_blocked(&p.b, IOVA, page2, 0x02, 0x02);

    qvtd_row("two devices, two domains");
    attach(&p.b, &two);
    expect_reaches(&p.a, IOVA, page1);
    expect_reaches(&p.b, IOVA, page2);
    expect_reaches(&p.a, IOVA, page1);

    qvtd_row("two devices, one domain");
    attach(&p.b, &one);
    expect_reaches(&p.a, IOVA, page1);
    expect_reaches(&p.b, IOVA, page1);

    qvtd_row("domains exchanged");
    qvtd_attach(&p.d, p.a.sid, &two);
    attach(&p.b, &one);
    expect_reaches(&p.a, IOVA, page2);
    expect_reaches(&p.b, IOVA, page1);
    edu_pair_stop(&p);
}

/* Translation on and off, and reset in between */
static void test_on_off(void)
{
    static const struct {
        const char *name;
        enum { ON, OFF, RESET } then;
    } rows[] = {
        { "on", ON }, { "off", OFF }, { "on again", ON }, { "reset", RESET },
        { "on after reset", ON }, { "reset again", RESET }, { "last", ON },
    };
    EduPair p;

    edu_pair_start(&p, "", "", "");
    qvtd_row("before");
    expect_reaches(&p.a, IOVA / 16, IOVA / 16);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        QVtdDomain domain;
        uint64_t page;

        qvtd_row("%s", rows[i].name);
        switch (rows[i].then) {
        case ON:
            page = qvtd_alloc(&p.d, 1);
            domain = qvtd_domain_new(&p.d, i + 1, 4);
            qvtd_map(&p.d, &domain, IOVA / 16, page, 1, QVTD_RW);
            qvtd_attach(&p.d, p.a.sid, &domain);
            qvtd_enable(&p.d);
            expect_reaches(&p.a, IOVA / 16, page);
            continue;
        case OFF:
            qvtd_disable(&p.d);
            break;
        case RESET:
            edu_pair_reset(&p);
            break;
        }
        expect_reaches(&p.a, IOVA / 16, IOVA / 16);
    }
    edu_pair_stop(&p);
}

/* A pass-through context, in and out of it, beside a translated device */
static void test_pass_through(void)
{
    static const struct {
        const char *props;
        uint64_t aw;
        unsigned levels;
    } rows[] = {
        { "", QVTD_AW_48, 4 },
        { "", QVTD_AW_39, 4 },
        { ",aw-bits=39", QVTD_AW_39, 3 },
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        EduPair p;
        QVtdDomain domain;
        uint64_t page, identity;

        edu_pair_start(&p, "", rows[i].props, "");
        page = qvtd_alloc(&p.d, 1);
        identity = qvtd_alloc(&p.d, 1);
        domain = qvtd_domain_new(&p.d, 1, rows[i].levels);
        qvtd_map(&p.d, &domain, identity, page, 1, QVTD_RW);
        qvtd_attach(&p.d, p.b.sid, &domain);
        qvtd_attach_pass_through(&p.d, p.a.sid, 2, rows[i].aw);
        qvtd_enable(&p.d);
        for (int round = 0; round < 2; round++) {
            qvtd_row("%s pass-through, round %d", rows[i].props, round);
            expect_reaches(&p.a, identity, identity);
            expect_reaches(&p.b, identity, page);

            qvtd_row("%s tables, round %d", rows[i].props, round);
            attach(&p.a, &domain);
            expect_reaches(&p.a, identity, page);

            qvtd_row("%s nothing, round %d", rows[i].props, round);
            qtest_writeq(p.d.qts, qvtd_context_entry(&p.d, p.a.sid), 0);
            qvtd_invalidate_all(&p.d);
            expect_blocked(&p.a, identity, page, 0x02, 0x02);

            qvtd_attach_pass_through(&p.d, p.a.sid, 2, rows[i].aw);
            qvtd_invalidate_all(&p.d);
        }
        edu_pair_stop(&p);
    }
}

/*
 * Memory above the width of input addresses, as a machine of an older type
 * has it: pass-through reaches it, and all of the unit's structures may lie
 * there.
 */
static void test_above_width(void)
{
    const uint64_t high = 0x9000000000;
    EduPair p;
    QVtdDomain domain;
    uint64_t page;

    edu_pair_start(&p, "", "",
                   "-machine pc-q35-9.1 -cpu qemu64,phys-bits=46 "
                   "-m 256M,slots=1,maxmem=640G "
                   "-object memory-backend-ram,id=high,size=128M "
                   "-device pc-dimm,memdev=high,addr=0x9000000000");
    g_assert_cmpuint((qvtd_read64(&p.d, QVTD_CAP) >> 16 & 0x3f) + 1, ==, 39);
    qtest_port(p.d.port)->high_ram = high + (128ull << 20);
    p.d.next_page = high;

    qvtd_row("pass-through");
    qvtd_attach_pass_through(&p.d, p.a.sid, 2, QVTD_AW_39);
    qvtd_enable(&p.d);
    g_assert_cmphex(p.d.root, >=, high);
    g_assert_cmphex(p.d.queue, >=, high);
    page = qvtd_alloc(&p.d, 1);
    expect_reaches(&p.a, page, page);

    qvtd_row("tables");
    domain = qvtd_domain_new(&p.d, 1, 3);
    g_assert_cmphex(domain.top, >=, high);
    qvtd_map(&p.d, &domain, IOVA, page, 1, QVTD_RW);
    attach(&p.a, &domain);
    expect_reaches(&p.a, IOVA, page);

    qvtd_row("wait status");
    p.d.status = qvtd_alloc(&p.d, 1);
    expect_true(qvtd_queue_sync(&p.d));
    edu_pair_stop(&p);
}

/* Contexts that are legal and look odd */
static void test_contexts(void)
{
    static const struct {
        const char *name;
        const char *props;
        uint64_t lo, hi;        /* set beside what vtd_attach() writes */
    } rows[] = {
        { "bits 70:67 are software's", "", 0, 0x78 },
        { "FPD", "", QVTD_FPD, 0 },
        { "TT 01 with device-IOTLB", ",device-iotlb=on", QVTD_TT(1),
          0 },
        { "domain 0", "", 0, 0 },
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        EduPair p;
        QVtdDomain domain;
        uint64_t page, entry;

        qvtd_row("%s", rows[i].name);
        edu_pair_start(&p, "", rows[i].props, "");
        page = qvtd_alloc(&p.d, 1);
        domain = qvtd_domain_new(&p.d, 0, 4);
        qvtd_map(&p.d, &domain, IOVA, page, 1, QVTD_RW);
        qvtd_attach(&p.d, p.a.sid, &domain);
        entry = qvtd_context_entry(&p.d, p.a.sid);
        qtest_writeq(p.d.qts, entry,
                     qtest_readq(p.d.qts, entry) | rows[i].lo);
        qtest_writeq(p.d.qts, entry + 8,
                     qtest_readq(p.d.qts, entry + 8) | rows[i].hi);
        qvtd_enable(&p.d);
        expect_reaches(&p.a, IOVA, page);
        edu_pair_stop(&p);
    }
}

/* A bus that the user takes out of translation */
static void test_bypass(void)
{
    EduPair p;

    edu_pair_start(&p, ",default-bus-bypass-iommu=on", "", "");
    qvtd_enable(&p.d);
    expect_reaches(&p.a, 0x4000000, 0x4000000);
    expect_eq(qvtd_stat(&p.d, "translations"), 0);
    edu_pair_stop(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/dma/leaves-48", test_leaves_48);
    qtest_add_func("/intel-iommu/dma/leaves-39", test_leaves_39);
    qtest_add_func("/intel-iommu/dma/leaves-caching-mode",
                   test_leaves_caching_mode);
    qtest_add_func("/intel-iommu/dma/high-memory", test_high_memory);
    qtest_add_func("/intel-iommu/dma/around-interrupts",
                   test_around_interrupts);
    qtest_add_func("/intel-iommu/dma/permissions", test_permissions);
    qtest_add_func("/intel-iommu/dma/ignored-bits", test_ignored_bits);
    qtest_add_func("/intel-iommu/dma/crossing", test_crossing);
    qtest_add_func("/intel-iommu/dma/domains", test_domains);
    qtest_add_func("/intel-iommu/dma/on-off", test_on_off);
    qtest_add_func("/intel-iommu/dma/pass-through", test_pass_through);
    qtest_add_func("/intel-iommu/dma/above-width", test_above_width);
    qtest_add_func("/intel-iommu/dma/contexts", test_contexts);
    qtest_add_func("/intel-iommu/dma/bypass", test_bypass);
    return g_test_run();
}
