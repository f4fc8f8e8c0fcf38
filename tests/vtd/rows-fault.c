/*
 * VT-d tests: ends of a request's way through the tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a row for each reason of legacy mode that a device's plain DMA can be
 * blocked for, what is recorded, and FPD.  A row breaks a good set of tables
 * in one or two words, and mends it again: the device has to reach its page
 * before the next row.
 */

#include "qemu/osdep.h"
#include "tests/vtd/rows.h"
#include "tests/vtd/words.h"

#define IOVA                    0x8040201000ull /* index 1 at each level */
#define SECRET                  0x5ec2e75ec2e75ec2ull
#define NARROW                  ",aw-bits=39"
#define EVERYTHING              UINT64_MAX

const char *const qvtd_fault_props[] = {
    "", ",caching-mode=on", ",pt=off", ",device-iotlb=on", ",stale-tm=on",
    ",device-iotlb=on,stale-tm=on", ",snoop-control=on", NARROW, NULL,
};

/* Tables of the device @sid: one good page at @iova */
typedef struct Way {
    QVtd *d;
    uint16_t sid;
    QVtdDomain domain;
    uint64_t iova;
    uint64_t page;
} Way;

typedef struct Patch {
    Word word;
    uint64_t clear, set;
} Patch;

typedef enum Accesses { READ = 1, WRITE = 2, BOTH = READ | WRITE } Accesses;

typedef struct Row {
    const char *name;
    Patch patches[2];
    uint64_t iova;              /* 0 for that of the page */
    Accesses accesses;
    uint8_t reason;
    bool qualified;             /* hidden by FPD in the context entry */
    const char *props;          /* that it is for, or NULL */
} Row;

#define N                       false
#define Q                       true

static const Row rows[] = {
    { "root entry not present",
      { { ROOT_LO, 1, 0 } }, 0, BOTH, QVTD_F_ROOT, N },
    { "root entry not present, reserved bits set",
      { { ROOT_LO, 1, 0xffe }, { ROOT_HI, 0, EVERYTHING } },
      0, BOTH, QVTD_F_ROOT, N },
    { "root entry zero",
      { { ROOT_LO, EVERYTHING, 0 } }, 0, BOTH, QVTD_F_ROOT, N },
    { "root entry bit 1",
      { { ROOT_LO, 0, 1ull << 1 } }, 0, BOTH, QVTD_F_ROOT_RESERVED, N },
    { "root entry bit 11",
      { { ROOT_LO, 0, 1ull << 11 } }, 0, BOTH, QVTD_F_ROOT_RESERVED, N },
    { "root entry bit 48",
      { { ROOT_LO, 0, 1ull << 48 } }, 0, BOTH, QVTD_F_ROOT_RESERVED, N },
    { "root entry bit 63",
      { { ROOT_LO, 0, 1ull << 63 } }, 0, BOTH, QVTD_F_ROOT_RESERVED, N },
    { "root entry bit 64",
      { { ROOT_HI, 0, 1ull << 0 } }, 0, BOTH, QVTD_F_ROOT_RESERVED, N },
    { "root entry bit 127",
      { { ROOT_HI, 0, 1ull << 63 } }, 0, BOTH, QVTD_F_ROOT_RESERVED, N },
    { "context table in a hole",
      { { ROOT_LO, EVERYTHING, QVTD_HOLE | 1 } },
      0, BOTH, QVTD_F_CONTEXT_ACCESS, N },

    { "context entry not present",
      { { CONTEXT_LO, 1, 0 } }, 0, BOTH, QVTD_F_CONTEXT, Q },
    { "context entry not present, reserved bits set",
      { { CONTEXT_LO, 1, 0xff0 }, { CONTEXT_HI, 0, 0xffffffffff000080 } },
      0, BOTH, QVTD_F_CONTEXT, Q },
    { "context entry bit 4",
      { { CONTEXT_LO, 0, 1ull << 4 } }, 0, BOTH, QVTD_F_CONTEXT_RESERVED, Q },
    { "context entry bit 11",
      { { CONTEXT_LO, 0, 1ull << 11 } }, 0, BOTH, QVTD_F_CONTEXT_RESERVED, Q },
    { "context entry bit 71",
      { { CONTEXT_HI, 0, 1ull << 7 } }, 0, BOTH, QVTD_F_CONTEXT_RESERVED, Q },
    { "context entry bit 88",
      { { CONTEXT_HI, 0, 1ull << 24 } }, 0, BOTH, QVTD_F_CONTEXT_RESERVED, Q },
    { "context entry bit 127",
      { { CONTEXT_HI, 0, 1ull << 63 } }, 0, BOTH, QVTD_F_CONTEXT_RESERVED, Q },
    { "top table at bit 48",
      { { CONTEXT_LO, 0, 1ull << 48 } }, 0, BOTH, QVTD_F_CONTEXT_RESERVED, Q },
    { "top table at bit 63",
      { { CONTEXT_LO, 0, 1ull << 63 } }, 0, BOTH, QVTD_F_CONTEXT_RESERVED, Q },
    { "TT 01 without device-IOTLB",
      { { CONTEXT_LO, 0, QVTD_TT(1) } }, 0, BOTH, QVTD_F_CONTEXT_INVALID, Q },
    { "TT 11",
      { { CONTEXT_LO, 0, QVTD_TT(3) } }, 0, BOTH, QVTD_F_CONTEXT_INVALID, Q },
    { "AW 000", { { CONTEXT_HI, 7, 0 } }, 0, BOTH, QVTD_F_CONTEXT_INVALID, Q },
    { "AW 011", { { CONTEXT_HI, 7, 3 } }, 0, BOTH, QVTD_F_CONTEXT_INVALID, Q },
    { "AW 100", { { CONTEXT_HI, 7, 4 } }, 0, BOTH, QVTD_F_CONTEXT_INVALID, Q },
    { "AW 111", { { CONTEXT_HI, 7, 7 } }, 0, BOTH, QVTD_F_CONTEXT_INVALID, Q },
    { "pass-through with an AW that is not there",
      { { CONTEXT_LO, 0, QVTD_TT(2) }, { CONTEXT_HI, 7, 3 } },
      0, BOTH, QVTD_F_CONTEXT_INVALID, Q },
    { "top table in a hole",
      { { CONTEXT_LO, EVERYTHING, QVTD_HOLE | 1 } },
      0, BOTH, QVTD_F_CONTEXT_INVALID, Q },

    { "above 39 bits",
      { { CONTEXT_HI, 7, QVTD_AW_39 } }, 1ull << 39, BOTH, QVTD_F_ADDRESS, Q },
    { "at the end, above 39 bits",
      { { CONTEXT_HI, 7, QVTD_AW_39 } },
      0xfffffffffffff000, BOTH, QVTD_F_ADDRESS, Q },
    { "above 48 bits", { }, 1ull << 48, BOTH, QVTD_F_ADDRESS, Q },
    { "above 48 bits, low bits those of a page",
      { }, IOVA | 1ull << 48, BOTH, QVTD_F_ADDRESS, Q },
    { "bit 63", { }, IOVA | 1ull << 63, BOTH, QVTD_F_ADDRESS, Q },

    { "leaf not present, write",
      { { LEVEL_1, QVTD_RW, 0 } }, 0, WRITE, QVTD_F_WRITE, Q },
    { "leaf not present, read",
      { { LEVEL_1, QVTD_RW, 0 } }, 0, READ, QVTD_F_READ, Q },
    { "leaf not present, reserved bits set, write",
      { { LEVEL_1, QVTD_RW, 0xfull << 48 | 1ull << 62 | QVTD_SNP } },
      0, WRITE, QVTD_F_WRITE, Q },
    { "leaf not present, reserved bits set, read",
      { { LEVEL_1, QVTD_RW, 0xfull << 48 | 1ull << 62 | QVTD_SNP } },
      0, READ, QVTD_F_READ, Q },
    { "leaf zero, write",
      { { LEVEL_1, EVERYTHING, 0 } }, 0, WRITE, QVTD_F_WRITE, Q },
    { "level 2 zero, write",
      { { LEVEL_2, EVERYTHING, 0 } }, 0, WRITE, QVTD_F_WRITE, Q },
    { "level 2 zero, read",
      { { LEVEL_2, EVERYTHING, 0 } }, 0, READ, QVTD_F_READ, Q },
    { "level 3 zero, write",
      { { LEVEL_3, EVERYTHING, 0 } }, 0, WRITE, QVTD_F_WRITE, Q },
    { "level 3 zero, read",
      { { LEVEL_3, EVERYTHING, 0 } }, 0, READ, QVTD_F_READ, Q },
    { "level 4 zero, write",
      { { LEVEL_4, EVERYTHING, 0 } }, 0, WRITE, QVTD_F_WRITE, Q },
    { "level 4 zero, read",
      { { LEVEL_4, EVERYTHING, 0 } }, 0, READ, QVTD_F_READ, Q },
    { "read-only leaf", { { LEVEL_1, QVTD_W, 0 } }, 0, WRITE, QVTD_F_WRITE, Q },
    { "write-only leaf", { { LEVEL_1, QVTD_R, 0 } }, 0, READ, QVTD_F_READ, Q },
    { "read-only level 4",
      { { LEVEL_4, QVTD_W, 0 } }, 0, WRITE, QVTD_F_WRITE, Q },
    { "write-only level 4",
      { { LEVEL_4, QVTD_R, 0 } }, 0, READ, QVTD_F_READ, Q },

    { "level 3 table in a hole",
      { { LEVEL_4, EVERYTHING, QVTD_HOLE | QVTD_RW } },
      0, BOTH, QVTD_F_TABLE_ACCESS, Q },
    { "level 2 table in a hole",
      { { LEVEL_3, EVERYTHING, QVTD_HOLE | QVTD_RW } },
      0, BOTH, QVTD_F_TABLE_ACCESS, Q },
    { "level 1 table in a hole",
      { { LEVEL_2, EVERYTHING, QVTD_HOLE | QVTD_RW } },
      0, BOTH, QVTD_F_TABLE_ACCESS, Q },

    { "leaf bit 11, no SC",
      { { LEVEL_1, 0, QVTD_SNP } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "leaf bit 48",
      { { LEVEL_1, 0, 1ull << 48 } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "leaf bit 51",
      { { LEVEL_1, 0, 1ull << 51 } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "leaf bit 62",
      { { LEVEL_1, 0, 1ull << 62 } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "read-only leaf, reserved bit",
      { { LEVEL_1, QVTD_W, 1ull << 51 } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "level 2 bit 11",
      { { LEVEL_2, 0, 1ull << 11 } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "level 2 bit 48",
      { { LEVEL_2, 0, 1ull << 48 } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "level 2 bit 51",
      { { LEVEL_2, 0, 1ull << 51 } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "level 2 bit 62",
      { { LEVEL_2, 0, 1ull << 62 } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "level 3 bit 11",
      { { LEVEL_3, 0, 1ull << 11 } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "level 3 bit 48",
      { { LEVEL_3, 0, 1ull << 48 } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "level 3 bit 62",
      { { LEVEL_3, 0, 1ull << 62 } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "level 4 bit 7",
      { { LEVEL_4, 0, QVTD_PS } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "level 4 bit 11",
      { { LEVEL_4, 0, 1ull << 11 } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "level 4 bit 48",
      { { LEVEL_4, 0, 1ull << 48 } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "level 4 bit 62",
      { { LEVEL_4, 0, 1ull << 62 } }, 0, BOTH, QVTD_F_RESERVED, Q },
    { "2 MiB, bit 12",
      { { LEVEL_2, EVERYTHING, 0x4001000 | QVTD_PS | QVTD_RW } },
      0, BOTH, QVTD_F_RESERVED, Q },
    { "2 MiB, bit 20",
      { { LEVEL_2, EVERYTHING, 0x4100000 | QVTD_PS | QVTD_RW } },
      0, BOTH, QVTD_F_RESERVED, Q },
    { "2 MiB, bit 11, no SC",
      { { LEVEL_2, EVERYTHING, 0x4000000 | QVTD_SNP | QVTD_PS | QVTD_RW } },
      0, BOTH, QVTD_F_RESERVED, Q },
    { "1 GiB, bit 12",
      { { LEVEL_3, EVERYTHING, 0x1000 | QVTD_PS | QVTD_RW } },
      0, BOTH, QVTD_F_RESERVED, Q },
    { "1 GiB, bit 29",
      { { LEVEL_3, EVERYTHING, 0x20000000 | QVTD_PS | QVTD_RW } },
      0, BOTH, QVTD_F_RESERVED, Q },
    { "level 3 write-only above a reserved bit: first error wins",
      { { LEVEL_3, QVTD_R, 0 }, { LEVEL_1, 0, 1ull << 51 } },
      0, READ, QVTD_F_READ, Q },

    { "leaf to the interrupt range",
      { { LEVEL_1, EVERYTHING, QVTD_MSI_ADDR | QVTD_RW } },
      0, BOTH, QVTD_F_OUTPUT, Q },
    { "leaf to the end of the interrupt range",
      { { LEVEL_1, EVERYTHING, 0xfeeff000 | QVTD_RW } },
      0, BOTH, QVTD_F_OUTPUT, Q },
    { "2 MiB over the interrupt range",
      { { LEVEL_2, EVERYTHING, QVTD_MSI_ADDR | QVTD_PS | QVTD_RW } },
      0, BOTH, QVTD_F_OUTPUT, Q },
    { "1 GiB over the interrupt range",
      { { LEVEL_3, EVERYTHING, 0xc0000000 | QVTD_PS | QVTD_RW } },
      IOVA - 0x201000 + 0x3ee34000, BOTH, QVTD_F_OUTPUT, Q },

    /* What depends on a property */
    { "pass-through without PT", { { CONTEXT_LO, 0, QVTD_TT(2) } },
      0, BOTH, QVTD_F_CONTEXT_INVALID, Q, ",pt=off" },
    { "leaf bit 62 with device-IOTLB, no stale-tm", { { LEVEL_1, 0, QVTD_TM } },
      0, BOTH, QVTD_F_RESERVED, Q, ",device-iotlb=on" },
    { "leaf bit 62 with stale-tm, no device-IOTLB", { { LEVEL_1, 0, QVTD_TM } },
      0, BOTH, QVTD_F_RESERVED, Q, ",stale-tm=on" },
    { "level 2 bit 62 with stale-tm", { { LEVEL_2, 0, QVTD_TM } },
      0, BOTH, QVTD_F_RESERVED, Q, ",device-iotlb=on,stale-tm=on" },
    { "level 2 table bit 11 with SC", { { LEVEL_2, 0, QVTD_SNP } },
      0, BOTH, QVTD_F_RESERVED, Q, ",snoop-control=on" },

    /* With 39 bits of both kinds: other reserved bits, another limit */
    { "leaf bit 39", { { LEVEL_1, 0, 1ull << 39 } },
      0, BOTH, QVTD_F_RESERVED, Q, NARROW },
    { "leaf bit 47", { { LEVEL_1, 0, 1ull << 47 } },
      0, BOTH, QVTD_F_RESERVED, Q, NARROW },
    { "level 2 bit 39", { { LEVEL_2, 0, 1ull << 39 } },
      0, BOTH, QVTD_F_RESERVED, Q, NARROW },
    { "level 3 bit 39", { { LEVEL_3, 0, 1ull << 39 } },
      0, BOTH, QVTD_F_RESERVED, Q, NARROW },
    { "AW of 48 bits", { { CONTEXT_HI, 7, QVTD_AW_48 } },
      0, BOTH, QVTD_F_CONTEXT_INVALID, Q, NARROW },
    { "above 39 bits", { }, 1ull << 39, BOTH, QVTD_F_ADDRESS, Q, NARROW },
};

static bool dma(Way *way, uint64_t iova, Accesses access, uint64_t *value)
{
    QVtdPort *port = way->d->port;

    return port->dma(port, way->sid, iova, access == WRITE, value);
}

/* The device's page is there, and nothing is left of an earlier fault */
static void expect_good(Way *way)
{
    uint64_t value = SECRET;

    qvtd_put(way->d, way->page, 0);
    expect_true(dma(way, way->iova, WRITE, &value));
    expect_eq(qvtd_get(way->d, way->page), SECRET);
    value = 0;
    expect_true(dma(way, way->iova, READ, &value));
    expect_eq(value, SECRET);
    qvtd_expect_no_fault(way->d);
    expect_eq(qvtd_read32(way->d, QVTD_FSTS), 0);
}

/* An access that is blocked for @reason, 0 if that is hidden */
static void expect_blocked(Way *way, uint64_t iova, Accesses access,
                           uint8_t reason)
{
    uint64_t value = SECRET;

    qvtd_put(way->d, way->page, ~SECRET);
    expect_true(!dma(way, iova, access, &value));
    expect_true(value != ~SECRET);
    expect_eq(qvtd_get(way->d, way->page), ~SECRET);
    if (!reason) {
        qvtd_expect_no_fault(way->d);
    } else {
        expect_eq(qvtd_read32(way->d, QVTD_FSTS), QVTD_FSTS_PPF);
        expect_eq(qvtd_read64(way->d, QVTD_FRCD_HI),
                  QVTD_FRCD_F | (access == READ ? QVTD_FRCD_READ : 0) |
                  QVTD_FRCD_REASON(reason) | way->sid);
        qvtd_expect_fault(way->d, reason, way->sid, iova & ~0xfffull,
                          access == READ);
    }
    expect_eq(qvtd_read32(way->d, QVTD_FSTS), 0);
}

static void check_row(Way *way, const Row *row, bool fpd)
{
    QVtd *d = way->d;
    uint64_t at[ARRAY_SIZE(row->patches)];
    uint64_t old[ARRAY_SIZE(row->patches)];
    uint64_t fpd_at = qvtd_context_entry(d, way->sid);
    uint64_t fpd_old = qvtd_get(d, fpd_at);
    int n;

    qvtd_row("%s%s", row->name, fpd ? ", FPD" : "");
    for (n = 0; n < ARRAY_SIZE(at) && row->patches[n].word; n++) {
        const Patch *patch = &row->patches[n];

        at[n] = word_address(d, way->sid, &way->domain, way->iova,
                             patch->word);
        old[n] = qvtd_get(d, at[n]);
        qvtd_put(d, at[n], (old[n] & ~patch->clear) | patch->set);
    }
    if (fpd) {
        qvtd_put(d, fpd_at, qvtd_get(d, fpd_at) | QVTD_FPD);
    }
    qvtd_invalidate_all(d);

    for (Accesses access = READ; access <= WRITE; access++) {
        if (row->accesses & access) {
            expect_blocked(way, row->iova ?: way->iova, access,
                           fpd && row->qualified ? 0 : row->reason);
        }
    }

    qvtd_put(d, fpd_at, fpd_old);
    while (n--) {
        qvtd_put(d, at[n], old[n]);
    }
    qvtd_invalidate_all(d);
    expect_good(way);
}

static Way way_new(QVtd *d, uint16_t sid, const char *props)
{
    bool narrow = g_str_equal(props, NARROW);
    Way way = {
        .d = d,
        .sid = sid,
        .domain = qvtd_domain_new(d, 5, narrow ? 3 : 4),
        .iova = narrow ? IOVA & QVTD_BITS(38, 0) : IOVA,
        .page = qvtd_alloc(d, 1),
    };

    qvtd_map(d, &way.domain, way.iova, way.page, 1, QVTD_RW);
    qvtd_attach(d, sid, &way.domain);
    qvtd_enable(d);
    qvtd_row("nothing broken%s", props);
    expect_good(&way);
    return way;
}

void qvtd_rows_faults(QVtd *d, uint16_t sid, const char *props)
{
    Way way = way_new(d, sid, props);

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        if (g_str_equal(rows[i].props ?: "", props) ||
            (!rows[i].props && g_str_equal(props, ",caching-mode=on"))) {
            check_row(&way, &rows[i], false);
            check_row(&way, &rows[i], true);
        }
    }
}

/* What RTADDR itself can be wrong in; nothing hides these */
void qvtd_rows_root(QVtd *d, uint16_t sid)
{
    static const struct {
        const char *name;
        uint64_t bits;          /* beside the address of the root table */
        uint64_t address;       /* instead of it */
        uint8_t reason;
    } roots[] = {
        { "root table in a hole", 0, QVTD_HOLE, QVTD_F_ROOT_ACCESS },
        { "TTM 10", 2 << 10, 0, QVTD_F_RTADDR },
        { "TTM 01, no scalable mode", 1 << 10, 0, QVTD_F_RTADDR },
        { "beyond the host's width", 1ull << 48, 0, QVTD_F_RTADDR },
        { "bit 63", 1ull << 63, 0, QVTD_F_RTADDR },
    };
    Way way = way_new(d, sid, "");

    for (int i = 0; i < ARRAY_SIZE(roots); i++) {
        qvtd_row("%s", roots[i].name);
        qvtd_set_root(d, (roots[i].address ?: d->root) | roots[i].bits);
        expect_blocked(&way, way.iova, WRITE, roots[i].reason);
        expect_blocked(&way, way.iova, READ, roots[i].reason);
        qvtd_set_root(d, d->root);
        expect_good(&way);
    }
    qvtd_row("RTADDR written, not latched");
    qvtd_write64(d, QVTD_RTADDR, QVTD_HOLE);
    qvtd_invalidate_all(d);
    expect_good(&way);
    qvtd_row("latched");
    qvtd_set_root(d, QVTD_HOLE);
    expect_blocked(&way, way.iova, WRITE, QVTD_F_ROOT_ACCESS);
}
