/*
 * VT-d qtests: DMA faults
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every fault reason of legacy mode that a device's plain DMA can meet, what
 * the record says, and FPD.  Each row breaks a
 * good set of tables in one or two words, and mends it again: the device
 * has to reach its page before the next row.
 */

#include "qemu/osdep.h"
#include "vtd-edu.h"

#define IOVA                    0x8040201000ull /* index 1 at each level */
#define SECRET                  0x5ec2e75ec2e75ec2ull

/* Tables of device a: one good page at IOVA, with 4 levels */
typedef struct Fixture {
    EduPair p;
    QVtdDomain domain;
    uint64_t page;
} Fixture;

static void start(Fixture *f, const char *props)
{
    edu_pair_start(&f->p, "", props, "");
    f->domain = qvtd_domain_new(&f->p.d, 5, 4);
    f->page = qvtd_alloc(&f->p.d, 1);
    qvtd_map(&f->p.d, &f->domain, IOVA, f->page, 1, QVTD_RW);
    qvtd_attach(&f->p.d, f->p.a.sid, &f->domain);
    qvtd_enable(&f->p.d);
}

static void stop(Fixture *f)
{
    edu_pair_stop(&f->p);
}

/* Words that a row breaks */
typedef enum Word {
    NOWHERE,
    ROOT_LO, ROOT_HI, CONTEXT_LO, CONTEXT_HI,
    LEVEL_4, LEVEL_3, LEVEL_2, LEVEL_1,
} Word;

typedef struct Patch {
    Word word;
    uint64_t clear, set;
} Patch;

#define EVERYTHING              UINT64_MAX

typedef enum Accesses { READ = 1, WRITE = 2, BOTH = READ | WRITE } Accesses;

/* Width of the CPU's physical addresses */
#define PHYS_BITS(n)            "-cpu qemu64,phys-bits=" n

typedef struct Row {
    const char *name;
    Patch patches[2];
    uint64_t iova;              /* 0 for IOVA */
    Accesses accesses;
    uint8_t reason;
    bool qualified;             /* hidden by FPD in the context entry */
} Row;

#define N                       false
#define Q                       true

static const Row rows[] = {
    { "root entry not present",
      { { ROOT_LO, 1, 0 } }, 0, BOTH, 0x01, N },
    { "root entry not present, reserved bits set",
      { { ROOT_LO, 1, 0xffe }, { ROOT_HI, 0, EVERYTHING } },
      0, BOTH, 0x01, N },
    { "root entry zero",
      { { ROOT_LO, EVERYTHING, 0 } }, 0, BOTH, 0x01, N },
    { "root entry bit 1", { { ROOT_LO, 0, 1ull << 1 } }, 0, BOTH, 0x0a, N },
    { "root entry bit 11", { { ROOT_LO, 0, 1ull << 11 } }, 0, BOTH, 0x0a, N },
    { "root entry bit 48", { { ROOT_LO, 0, 1ull << 48 } }, 0, BOTH, 0x0a, N },
    { "root entry bit 63", { { ROOT_LO, 0, 1ull << 63 } }, 0, BOTH, 0x0a, N },
    { "root entry bit 64", { { ROOT_HI, 0, 1ull << 0 } }, 0, BOTH, 0x0a, N },
    { "root entry bit 127", { { ROOT_HI, 0, 1ull << 63 } }, 0, BOTH, 0x0a, N },
    { "context table in a hole",
      { { ROOT_LO, EVERYTHING, QVTD_HOLE | 1 } }, 0, BOTH, 0x09, N },

    { "context entry not present",
      { { CONTEXT_LO, 1, 0 } }, 0, BOTH, 0x02, Q },
    { "context entry not present, reserved bits set",
      { { CONTEXT_LO, 1, 0xff0 }, { CONTEXT_HI, 0, 0xffffffffff000080 } },
      0, BOTH, 0x02, Q },
    { "context entry bit 4",
      { { CONTEXT_LO, 0, 1ull << 4 } }, 0, BOTH, 0x0b, Q },
    { "context entry bit 11",
      { { CONTEXT_LO, 0, 1ull << 11 } }, 0, BOTH, 0x0b, Q },
    { "context entry bit 71",
      { { CONTEXT_HI, 0, 1ull << 7 } }, 0, BOTH, 0x0b, Q },
    { "context entry bit 88",
      { { CONTEXT_HI, 0, 1ull << 24 } }, 0, BOTH, 0x0b, Q },
    { "context entry bit 127",
      { { CONTEXT_HI, 0, 1ull << 63 } }, 0, BOTH, 0x0b, Q },
    { "top table at bit 48",
      { { CONTEXT_LO, 0, 1ull << 48 } }, 0, BOTH, 0x0b, Q },
    { "top table at bit 63",
      { { CONTEXT_LO, 0, 1ull << 63 } }, 0, BOTH, 0x0b, Q },
    { "TT 01 without device-IOTLB",
      { { CONTEXT_LO, 0, QVTD_TT(1) } }, 0, BOTH, 0x03, Q },
    { "TT 11",
      { { CONTEXT_LO, 0, QVTD_TT(3) } }, 0, BOTH, 0x03, Q },
    { "AW 000", { { CONTEXT_HI, 7, 0 } }, 0, BOTH, 0x03, Q },
    { "AW 011", { { CONTEXT_HI, 7, 3 } }, 0, BOTH, 0x03, Q },
    { "AW 100", { { CONTEXT_HI, 7, 4 } }, 0, BOTH, 0x03, Q },
    { "AW 111", { { CONTEXT_HI, 7, 7 } }, 0, BOTH, 0x03, Q },
    { "pass-through with an AW that is not there",
      { { CONTEXT_LO, 0, QVTD_TT(2) }, { CONTEXT_HI, 7, 3 } },
      0, BOTH, 0x03, Q },
    { "top table in a hole",
      { { CONTEXT_LO, EVERYTHING, QVTD_HOLE | 1 } }, 0, BOTH, 0x03, Q },

    { "above 39 bits", { { CONTEXT_HI, 7, QVTD_AW_39 } },
      1ull << 39, BOTH, 0x04, Q },
    { "at the end, above 39 bits", { { CONTEXT_HI, 7, QVTD_AW_39 } },
      0xfffffffffffff000, BOTH, 0x04, Q },
    { "above 48 bits", { }, 1ull << 48, BOTH, 0x04, Q },
    { "above 48 bits, low bits those of a page", { },
      IOVA | 1ull << 48, BOTH, 0x04, Q },
    { "bit 63", { }, IOVA | 1ull << 63, BOTH, 0x04, Q },

    { "leaf not present, write",
      { { LEVEL_1, QVTD_RW, 0 } }, 0, WRITE, 0x05, Q },
    { "leaf not present, read",
      { { LEVEL_1, QVTD_RW, 0 } }, 0, READ, 0x06, Q },
    { "leaf not present, reserved bits set, write",
      { { LEVEL_1, QVTD_RW, 0xfull << 48 | 1ull << 62 | QVTD_SNP } },
      0, WRITE, 0x05, Q },
    { "leaf not present, reserved bits set, read",
      { { LEVEL_1, QVTD_RW, 0xfull << 48 | 1ull << 62 | QVTD_SNP } },
      0, READ, 0x06, Q },
    { "leaf zero, write", { { LEVEL_1, EVERYTHING, 0 } }, 0, WRITE, 0x05, Q },
    { "level 2 zero, write",
      { { LEVEL_2, EVERYTHING, 0 } }, 0, WRITE, 0x05, Q },
    { "level 2 zero, read", { { LEVEL_2, EVERYTHING, 0 } }, 0, READ, 0x06, Q },
    { "level 3 zero, write",
      { { LEVEL_3, EVERYTHING, 0 } }, 0, WRITE, 0x05, Q },
    { "level 3 zero, read", { { LEVEL_3, EVERYTHING, 0 } }, 0, READ, 0x06, Q },
    { "level 4 zero, write",
      { { LEVEL_4, EVERYTHING, 0 } }, 0, WRITE, 0x05, Q },
    { "level 4 zero, read", { { LEVEL_4, EVERYTHING, 0 } }, 0, READ, 0x06, Q },
    { "read-only leaf", { { LEVEL_1, QVTD_W, 0 } }, 0, WRITE, 0x05, Q },
    { "write-only leaf", { { LEVEL_1, QVTD_R, 0 } }, 0, READ, 0x06, Q },
    { "read-only level 4", { { LEVEL_4, QVTD_W, 0 } }, 0, WRITE, 0x05, Q },
    { "write-only level 4", { { LEVEL_4, QVTD_R, 0 } }, 0, READ, 0x06, Q },

    { "level 3 table in a hole",
      { { LEVEL_4, EVERYTHING, QVTD_HOLE | QVTD_RW } }, 0, BOTH, 0x07, Q },
    { "level 2 table in a hole",
      { { LEVEL_3, EVERYTHING, QVTD_HOLE | QVTD_RW } }, 0, BOTH, 0x07, Q },
    { "level 1 table in a hole",
      { { LEVEL_2, EVERYTHING, QVTD_HOLE | QVTD_RW } }, 0, BOTH, 0x07, Q },

    { "leaf bit 11, no SC", { { LEVEL_1, 0, QVTD_SNP } }, 0, BOTH, 0x0c, Q },
    { "leaf bit 48", { { LEVEL_1, 0, 1ull << 48 } }, 0, BOTH, 0x0c, Q },
    { "leaf bit 51", { { LEVEL_1, 0, 1ull << 51 } }, 0, BOTH, 0x0c, Q },
    { "leaf bit 62", { { LEVEL_1, 0, 1ull << 62 } }, 0, BOTH, 0x0c, Q },
    { "read-only leaf, reserved bit",
      { { LEVEL_1, QVTD_W, 1ull << 51 } }, 0, BOTH, 0x0c, Q },
    { "level 2 bit 11", { { LEVEL_2, 0, 1ull << 11 } }, 0, BOTH, 0x0c, Q },
    { "level 2 bit 48", { { LEVEL_2, 0, 1ull << 48 } }, 0, BOTH, 0x0c, Q },
    { "level 2 bit 51", { { LEVEL_2, 0, 1ull << 51 } }, 0, BOTH, 0x0c, Q },
    { "level 2 bit 62", { { LEVEL_2, 0, 1ull << 62 } }, 0, BOTH, 0x0c, Q },
    { "level 3 bit 11", { { LEVEL_3, 0, 1ull << 11 } }, 0, BOTH, 0x0c, Q },
    { "level 3 bit 48", { { LEVEL_3, 0, 1ull << 48 } }, 0, BOTH, 0x0c, Q },
    { "level 3 bit 62", { { LEVEL_3, 0, 1ull << 62 } }, 0, BOTH, 0x0c, Q },
    { "level 4 bit 7", { { LEVEL_4, 0, QVTD_PS } }, 0, BOTH, 0x0c, Q },
    { "level 4 bit 11", { { LEVEL_4, 0, 1ull << 11 } }, 0, BOTH, 0x0c, Q },
    { "level 4 bit 48", { { LEVEL_4, 0, 1ull << 48 } }, 0, BOTH, 0x0c, Q },
    { "level 4 bit 62", { { LEVEL_4, 0, 1ull << 62 } }, 0, BOTH, 0x0c, Q },
    { "2 MiB, bit 12",
      { { LEVEL_2, EVERYTHING, 0x4001000 | QVTD_PS | QVTD_RW } },
      0, BOTH, 0x0c, Q },
    { "2 MiB, bit 20",
      { { LEVEL_2, EVERYTHING, 0x4100000 | QVTD_PS | QVTD_RW } },
      0, BOTH, 0x0c, Q },
    { "2 MiB, bit 11, no SC",
      { { LEVEL_2, EVERYTHING, 0x4000000 | QVTD_SNP | QVTD_PS | QVTD_RW } },
      0, BOTH, 0x0c, Q },
    { "1 GiB, bit 12",
      { { LEVEL_3, EVERYTHING, 0x1000 | QVTD_PS | QVTD_RW } },
      0, BOTH, 0x0c, Q },
    { "1 GiB, bit 29",
      { { LEVEL_3, EVERYTHING, 0x20000000 | QVTD_PS | QVTD_RW } },
      0, BOTH, 0x0c, Q },
    { "level 3 write-only above a reserved bit: first error wins",
      { { LEVEL_3, QVTD_R, 0 }, { LEVEL_1, 0, 1ull << 51 } },
      0, READ, 0x06, Q },

    { "leaf to the interrupt range",
      { { LEVEL_1, EVERYTHING, 0xfee00000 | QVTD_RW } }, 0, BOTH, 0x0e, Q },
    { "leaf to the end of the interrupt range",
      { { LEVEL_1, EVERYTHING, 0xfeeff000 | QVTD_RW } }, 0, BOTH, 0x0e, Q },
    { "2 MiB over the interrupt range",
      { { LEVEL_2, EVERYTHING, 0xfee00000 | QVTD_PS | QVTD_RW } },
      0, BOTH, 0x0e, Q },
    { "1 GiB over the interrupt range",
      { { LEVEL_3, EVERYTHING, 0xc0000000 | QVTD_PS | QVTD_RW } },
      IOVA - 0x201000 + 0x3ee34000, BOTH, 0x0e, Q },
};

static uint64_t word_address(Fixture *f, Word word)
{
    QVtd *d = &f->p.d;
    uint16_t sid = f->p.a.sid;

    switch (word) {
    case ROOT_LO:
        return qvtd_root_entry(d, sid);
    case ROOT_HI:
        return qvtd_root_entry(d, sid) + 8;
    case CONTEXT_LO:
        return qvtd_context_entry(d, sid);
    case CONTEXT_HI:
        return qvtd_context_entry(d, sid) + 8;
    default:
        return qvtd_entry(d, &f->domain, IOVA, LEVEL_1 - word + 1);
    }
}

/* The device's page is there, and nothing is left of an earlier fault */
static void expect_good(Fixture *f)
{
    edu_load(&f->p.a, 0, SECRET);
    qtest_writeq(f->p.d.qts, f->page, 0);
    edu_dma_write(&f->p.a, IOVA, 0, 8);
    expect_eq(qtest_readq(f->p.d.qts, f->page), SECRET);
    qvtd_expect_no_fault(&f->p.d);
    expect_eq(qvtd_read32(&f->p.d, QVTD_FSTS), 0);
}

/* One access of @row that has to be blocked; the buffer holds SECRET */
static void expect_blocked(Fixture *f, const Row *row, Accesses access,
                           bool hidden)
{
    EduPair *p = &f->p;
    uint64_t iova = row->iova ?: IOVA;

    qtest_writeq(p->d.qts, f->page, ~SECRET);
    if (access == READ) {
        edu_dma_read(&p->a, iova, 16, 8);
    } else {
        edu_dma_write(&p->a, iova, 0, 8);
    }
    expect_eq(qtest_readq(p->d.qts, f->page), ~SECRET);
    if (hidden) {
        qvtd_expect_no_fault(&p->d);
    } else {
        expect_eq(qvtd_read32(&p->d, QVTD_FSTS), QVTD_FSTS_PPF);
        qvtd_expect_fault(&p->d, row->reason, p->a.sid, iova & ~0xfffull,
                          access == READ);
    }
    expect_eq(qvtd_read32(&p->d, QVTD_FSTS), 0);
}

static void check_row(Fixture *f, const Row *row, bool fpd)
{
    QVtd *d = &f->p.d;
    uint64_t at[ARRAY_SIZE(row->patches)];
    uint64_t old[ARRAY_SIZE(row->patches)];
    uint64_t fpd_at = word_address(f, CONTEXT_LO);
    uint64_t fpd_old = qtest_readq(d->qts, fpd_at);
    int n;

    qvtd_row("%s%s", row->name, fpd ? ", FPD" : "");
    edu_load(&f->p.a, 0, SECRET);
    edu_load(&f->p.a, 16, 0);
    for (n = 0; n < ARRAY_SIZE(at) && row->patches[n].word; n++) {
        const Patch *patch = &row->patches[n];

        at[n] = word_address(f, patch->word);
        old[n] = qtest_readq(d->qts, at[n]);
        qtest_writeq(d->qts, at[n], (old[n] & ~patch->clear) | patch->set);
    }
    if (fpd) {
        qtest_writeq(d->qts, fpd_at,
                     qtest_readq(d->qts, fpd_at) | QVTD_FPD);
    }
    qvtd_invalidate_all(d);

    for (Accesses access = READ; access <= WRITE; access++) {
        if (row->accesses & access) {
            expect_blocked(f, row, access, fpd && row->qualified);
        }
    }

    qtest_writeq(d->qts, fpd_at, fpd_old);
    while (n--) {
        qtest_writeq(d->qts, at[n], old[n]);
    }
    qvtd_invalidate_all(d);
    expect_true(edu_peek(&f->p.a, 16) != ~SECRET);
    expect_good(f);
}

static void test_reasons(void)
{
    Fixture f;

    start(&f, "");
    qvtd_row("nothing broken");
    expect_good(&f);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        check_row(&f, &rows[i], false);
        check_row(&f, &rows[i], true);
    }
    stop(&f);
}

static void test_reasons_caching_mode(void)
{
    Fixture f;

    start(&f, ",caching-mode=on");
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        check_row(&f, &rows[i], false);
    }
    stop(&f);
}

/* What depends on a property */
static void test_reasons_properties(void)
{
    static const struct {
        const char *props;
        Row row;
    } cases[] = {
        { ",pt=off",
          { "pass-through without PT",
            { { CONTEXT_LO, 0, QVTD_TT(2) } }, 0, BOTH, 0x03, Q } },
        { ",device-iotlb=on",
          { "leaf bit 62 with device-IOTLB, no stale-tm",
            { { LEVEL_1, 0, QVTD_TM } }, 0, BOTH, 0x0c, Q } },
        { ",stale-tm=on",
          { "leaf bit 62 with stale-tm, no device-IOTLB",
            { { LEVEL_1, 0, QVTD_TM } }, 0, BOTH, 0x0c, Q } },
        { ",device-iotlb=on,stale-tm=on",
          { "level 2 bit 62 with stale-tm",
            { { LEVEL_2, 0, QVTD_TM } }, 0, BOTH, 0x0c, Q } },
        { ",snoop-control=on",
          { "level 2 table bit 11 with SC",
            { { LEVEL_2, 0, QVTD_SNP } }, 0, BOTH, 0x0c, Q } },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        Fixture f;

        start(&f, cases[i].props);
        check_row(&f, &cases[i].row, false);
        check_row(&f, &cases[i].row, true);
        stop(&f);
    }
}

/* The same with 39 bits of both kinds: other reserved bits, another limit */
static void test_reasons_39(void)
{
    static const struct {
        const char *name;
        unsigned level;         /* of the entry that gets the bits; or 0 */
        uint64_t bits;
        uint64_t aw;
        uint64_t iova;
        uint8_t reason;
    } cases[] = {
        { "leaf bit 39", 1, 1ull << 39, QVTD_AW_39, 0x1000, 0x0c },
        { "leaf bit 47", 1, 1ull << 47, QVTD_AW_39, 0x1000, 0x0c },
        { "level 2 bit 39", 2, 1ull << 39, QVTD_AW_39, 0x1000, 0x0c },
        { "level 3 bit 39", 3, 1ull << 39, QVTD_AW_39, 0x1000, 0x0c },
        { "AW of 48 bits", 0, 0, QVTD_AW_48, 0x1000, 0x03 },
        { "above 39 bits", 0, 0, QVTD_AW_39, 1ull << 39, 0x04 },
    };
    EduPair p;

    edu_pair_start(&p, "", ",aw-bits=39", PHYS_BITS("39"));
    qvtd_enable(&p.d);
    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        QVtdDomain domain = qvtd_domain_new(&p.d, i + 1, 3);

        qvtd_row("39 bits: %s", cases[i].name);
        qvtd_map(&p.d, &domain, 0x1000, qvtd_alloc(&p.d, 1), 1, QVTD_RW);
        if (cases[i].level) {
            uint64_t at = qvtd_entry(&p.d, &domain, 0x1000, cases[i].level);

            qtest_writeq(p.d.qts, at,
                         qtest_readq(p.d.qts, at) | cases[i].bits);
        }
        qvtd_attach(&p.d, p.a.sid, &domain);
        qtest_writeq(p.d.qts, qvtd_context_entry(&p.d, p.a.sid) + 8,
                     QVTD_CONTEXT_DID(domain.id) | cases[i].aw);
        qvtd_invalidate_all(&p.d);
        edu_dma_read(&p.a, cases[i].iova, 0, 8);
        qvtd_expect_fault(&p.d, cases[i].reason, p.a.sid, cases[i].iova, true);
    }
    edu_pair_stop(&p);
}

/* Pass-through reaches up to the host's address width and no further */
static void test_pass_through_limit(void)
{
    static const struct {
        const char *props, *args;
        uint64_t aw;
        unsigned bits;          /* that pass */
    } cases[] = {
        { ",aw-bits=48", "", QVTD_AW_48, 48 },
        { ",aw-bits=48", PHYS_BITS("52"), QVTD_AW_48, 52 },
        { ",aw-bits=39", PHYS_BITS("36"), QVTD_AW_39, 39 },
        { ",aw-bits=39", "", QVTD_AW_39, 40 },
        { ",aw-bits=39", PHYS_BITS("46"), QVTD_AW_39, 46 },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        const uint64_t above[] = { 1ull << cases[i].bits, 1ull << 63 };
        EduPair p;

        qvtd_row("pass-through%s %s", cases[i].props, cases[i].args);
        edu_pair_start(&p, "", cases[i].props, cases[i].args);
        qvtd_attach_pass_through(&p.d, p.a.sid, 1, cases[i].aw);
        qvtd_enable(&p.d);
        for (int j = 0; j < ARRAY_SIZE(above); j++) {
            edu_dma_write(&p.a, above[j], 0, 8);
            qvtd_expect_fault(&p.d, 0x04, p.a.sid, above[j], false);
            edu_dma_read(&p.a, above[j], 0, 8);
            qvtd_expect_fault(&p.d, 0x04, p.a.sid, above[j], true);
        }
        /* There is nothing below either, but that is no fault of the unit */
        edu_dma_read(&p.a, above[0] - 8, 0, 8);
        qvtd_expect_no_fault(&p.d);
        edu_pair_stop(&p);
    }
}

/*
 * A large leaf that leads to the interrupt range, among others: what was
 * translated beside the range opens no way into it.
 */
static void test_output_range(void)
{
    static const struct {
        unsigned level;
        uint64_t pa;
        uint64_t beside, within;        /* offsets in the leaf */
    } cases[] = {
        { 2, 0xfee00000, 0x100000, 0x0ff000 },
        { 2, 0xfee00000, 0x1ff000, 0x000000 },
        { 3, 0xc0000000, 0x000000, 0x3ee00000 },
        { 3, 0xc0000000, 0x3edff000, 0x3eeff000 },
        { 3, 0xc0000000, 0x3ef00000, 0x3ee80000 },
    };
    EduPair p;

    edu_pair_start(&p, "", "", "");
    qvtd_enable(&p.d);
    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        QVtdDomain domain = qvtd_domain_new(&p.d, i + 1, 4);
        uint64_t iova = 1ull << 40;

        qvtd_row("level %u, 0x%" PRIx64 " after 0x%" PRIx64, cases[i].level,
                 cases[i].within, cases[i].beside);
        qvtd_map(&p.d, &domain, iova, cases[i].pa, cases[i].level, QVTD_RW);
        qvtd_attach(&p.d, p.a.sid, &domain);
        qvtd_invalidate_all(&p.d);
        edu_dma_read(&p.a, iova + cases[i].beside, 0, 8);
        qvtd_expect_no_fault(&p.d);
        edu_dma_read(&p.a, iova + cases[i].within, 0, 8);
        qvtd_expect_fault(&p.d, 0x0e, p.a.sid, iova + cases[i].within,
                          true);
        edu_dma_write(&p.a, iova + cases[i].within, 0, 8);
        qvtd_expect_fault(&p.d, 0x0e, p.a.sid, iova + cases[i].within,
                          false);
    }
    edu_pair_stop(&p);
}

/* What RTADDR itself can be wrong in; nothing hides these */
static void test_root(void)
{
    static const struct {
        const char *name;
        uint64_t bits;          /* beside the address of the root table */
        uint64_t address;       /* instead of it */
        uint8_t reason;
    } cases[] = {
        { "root table in a hole", 0, QVTD_HOLE, 0x08 },
        { "TTM 10", 2 << 10, 0, 0x30 },
        { "TTM 01, no scalable mode", 1 << 10, 0, 0x30 },
        { "beyond the host's width", 1ull << 48, 0, 0x30 },
        { "bit 63", 1ull << 63, 0, 0x30 },
    };
    Fixture f;

    start(&f, "");
    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        qvtd_row("%s", cases[i].name);
        qvtd_set_root(&f.p.d, (cases[i].address ?: f.p.d.root) | cases[i].bits);
        edu_dma_write(&f.p.a, IOVA, 0, 8);
        qvtd_expect_fault(&f.p.d, cases[i].reason, f.p.a.sid, IOVA, false);
        edu_dma_read(&f.p.a, IOVA, 0, 8);
        qvtd_expect_fault(&f.p.d, cases[i].reason, f.p.a.sid, IOVA, true);
        qvtd_set_root(&f.p.d, f.p.d.root);
        expect_good(&f);
    }
    stop(&f);
}

/* RTADDR counts when it is latched, not when it is written */
static void test_root_latched(void)
{
    Fixture f;

    start(&f, "");
    qvtd_row("RTADDR written, not latched");
    qvtd_write64(&f.p.d, QVTD_RTADDR, QVTD_HOLE);
    qvtd_invalidate_all(&f.p.d);
    expect_good(&f);
    qvtd_row("latched");
    qvtd_set_root(&f.p.d, QVTD_HOLE);
    edu_dma_write(&f.p.a, IOVA, 0, 8);
    qvtd_expect_fault(&f.p.d, 0x08, f.p.a.sid, IOVA, false);
    stop(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/fault/reasons", test_reasons);
    qtest_add_func("/intel-iommu/fault/reasons-caching-mode",
                   test_reasons_caching_mode);
    qtest_add_func("/intel-iommu/fault/reasons-properties",
                   test_reasons_properties);
    qtest_add_func("/intel-iommu/fault/reasons-39", test_reasons_39);
    qtest_add_func("/intel-iommu/fault/pass-through-limit",
                   test_pass_through_limit);
    qtest_add_func("/intel-iommu/fault/output-range", test_output_range);
    qtest_add_func("/intel-iommu/fault/root", test_root);
    qtest_add_func("/intel-iommu/fault/root-latched", test_root_latched);
    return g_test_run();
}
