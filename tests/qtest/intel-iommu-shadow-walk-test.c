/*
 * VT-d qtests: the shadow when sizes change, and when a walk stops
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Leaves that become others of another size, on a host that refuses what
 * VFIO refuses; everything that ends a walk; the interrupt range; how far an
 * invalidation by pages reaches.
 */

#include "qemu/osdep.h"
#include "vtd-board.h"

#define RAM                     BOARD_RAM

static void domain_flush(Board *w)
{
    qvtd_invalidate(&w->d, FLUSH_DOMAIN);
}

/* Rule "resized": sizes that change; the mapping stays where the bytes do */

static void test_sizes(void)
{
    Board w;

    board_start_big(&w);
    board_rows_of(&w, "sizes-2m");
    board_rows_of(&w, "sizes-1g");
    board_stop(&w);
}

/*
 * A page of what was sent as one goes: that one superpage is remapped, once,
 * and from then on in smaller pieces.
 */
static void test_split(void)
{
    static const struct {
        const char *name;
        uint64_t iova;          /* of the page */
        uint64_t value;         /* its entry now */
        uint64_t maps, unmaps, remapped;
    } rows[] = {
        { "the first page goes", IOVA, 0, 511, 1, 511 },
        { "another one goes", IOVA + 0x10000, 0, 0, 1, 0 },
        { "it comes back", IOVA + 0x10000, (RAM + 0x10000) | QVTD_RW,
          1, 0, 0 },
        { "a page of the next superpage changes",
          IOVA + MIB2 + 0x5000, RAM | QVTD_RW, 512, 1, 511 },
        { "the last page loses permission", IOVA + 3 * MIB2 - 0x1000,
          (RAM + 3 * MIB2 - 0x1000) | QVTD_R, 512, 1, 511 },
    };
    uint64_t splits;
    Board w;

    board_start_plain(&w);
    BOARD_EDIT(&w, LEAVES(2, IOVA, RAM, 4));
    domain_flush(&w);
    shadow_expect_steps(&w.sa, 4, 0);
    qvtd_row("as pages");
    BOARD_EDIT(&w, CLEAR(2, IOVA, 4), LEAVES(1, IOVA, RAM, 4 * 512));
    domain_flush(&w);
    shadow_expect_quiet(&w.sa);

    splits = qvtd_stat(&w.d, "shadow-splits");
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        ShadowSteps steps;

        qvtd_row("%s", rows[i].name);
        BOARD_EDIT(&w, ENTRY(1, rows[i].iova, rows[i].value));
        qvtd_invalidate(&w.d, FLUSH_PAGES(rows[i].iova, 0));
        steps = shadow_expect(&w.sa);
        expect_eq(steps.maps, rows[i].maps);
        expect_eq(steps.unmaps, rows[i].unmaps);
        expect_eq(steps.remapped, rows[i].remapped);
        splits += rows[i].remapped != 0;
        expect_eq(qvtd_stat(&w.d, "shadow-splits"), splits);
        shadow_expect_translation(&w.sa);
    }
    qvtd_row("the fourth was left alone");
    BOARD_EDIT(&w, LEAVES(2, IOVA + 3 * MIB2, RAM + 3 * MIB2, 1));
    domain_flush(&w);
    shadow_expect_quiet(&w.sa);
    board_stop(&w);
}

/* A GiB of which a part changes size */
static void test_split_gib(void)
{
    Board w;
    ShadowSteps steps;

    board_start_big(&w);
    BOARD_EDIT(&w, LEAVES(3, 5 * BOARD_GIB, BOARD_GIB, 1));
    domain_flush(&w);
    shadow_expect_steps(&w.sa, 1, 0);

    qvtd_row("2-MiB leaves but the third");
    BOARD_EDIT(&w, CLEAR(3, 5 * BOARD_GIB, 1),
               LEAVES(2, 5 * BOARD_GIB, BOARD_GIB, 512),
               CLEAR(2, 5 * BOARD_GIB + 2 * MIB2, 1));
    domain_flush(&w);
    steps = shadow_expect(&w.sa);
    expect_eq(steps.unmaps, 1);
    expect_eq(steps.maps, 511);

    qvtd_row("it comes back");
    BOARD_EDIT(&w, LEAVES(2, 5 * BOARD_GIB + 2 * MIB2,
                          BOARD_GIB + 2 * MIB2, 1));
    domain_flush(&w);
    shadow_expect_steps(&w.sa, 1, 0);

    qvtd_row("all of it as one, unchanged");
    BOARD_EDIT(&w, LEAVES(3, 5 * BOARD_GIB, BOARD_GIB, 1));
    domain_flush(&w);
    shadow_expect_quiet(&w.sa);
    board_stop(&w);
}

/* Rule "stopped": whatever stops a walk ends the mappings below it */

static void test_broken_entries(void)
{
    static const struct {
        const char *name;
        unsigned level;
        uint64_t without, with; /* bits of the entry */
    } rows[] = {
        { "not present", 1, QVTD_RW, 0 },
        { "not present", 2, QVTD_RW, 0 },
        { "not present", 3, QVTD_RW, 0 },
        { "not present", 4, QVTD_RW, 0 },
        { "zero", 2, UINT64_MAX, 0 },
        { "zero", 3, UINT64_MAX, 0 },
        { "zero", 4, UINT64_MAX, 0 },
        { "bit 48", 1, 0, 1ull << 48 },
        { "bit 48", 2, 0, 1ull << 48 },
        { "bit 48", 3, 0, 1ull << 48 },
        { "bit 48", 4, 0, 1ull << 48 },
        { "bit 51", 2, 0, 1ull << 51 },
        { "bit 51", 4, 0, 1ull << 51 },
        { "bit 62", 2, 0, QVTD_TM },
        { "bit 62", 3, 0, QVTD_TM },
        { "bit 62", 4, 0, QVTD_TM },
        { "bit 11", 2, 0, QVTD_SNP },
        { "bit 11", 3, 0, QVTD_SNP },
        { "bit 11", 4, 0, QVTD_SNP },
        { "PS", 4, 0, QVTD_PS },
        { "PS, not aligned", 3, QVTD_ADDR_MASK, QVTD_PS | 0x1000 },
        { "PS, not aligned", 2, QVTD_ADDR_MASK, QVTD_PS | 0x1000 },
        { "table in a hole", 2, QVTD_ADDR_MASK, QVTD_HOLE },
        { "table in a hole", 3, QVTD_ADDR_MASK, QVTD_HOLE },
        { "table in a hole", 4, QVTD_ADDR_MASK, QVTD_HOLE },
        { "table in registers", 2, QVTD_ADDR_MASK, QVTD_BASE },
        { "table in registers", 3, QVTD_ADDR_MASK, QVTD_BASE },
        { "table in registers", 4, QVTD_ADDR_MASK, QVTD_BASE },
        { "table in the interrupt range", 2, QVTD_ADDR_MASK, QVTD_MSI_ADDR },
        { "table at the end of RAM", 2, QVTD_ADDR_MASK, BOARD_END_OF_RAM },
    };
    Board w;

    board_start_plain(&w);
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 512));
    domain_flush(&w);
    shadow_expect_steps(&w.sa, 512, 0);
    for (int i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
        unsigned n = i / 2;
        uint64_t entry = qvtd_entry(&w.d, &w.domain, IOVA, rows[n].level);
        uint64_t value = qtest_readq(w.d.qts, entry);
        QVtdDesc flush = i % 2 ? QVTD_INV_IOTLB_PAGES(1, IOVA, 9)
                              : QVTD_INV_IOTLB_DOMAIN(1);
        ShadowSteps steps;

        qvtd_row("level %u, %s%s", rows[n].level, rows[n].name,
                 i % 2 ? ", page-selective" : "");
        qtest_writeq(w.d.qts, entry, (value & ~rows[n].without) |
                     rows[n].with);
        qvtd_invalidate(&w.d, flush);
        if (rows[n].level == 4 && i % 2) {
            /* The mailbox has gone as well, but was not asked for */
            domain_flush(&w);
        }
        steps = shadow_expect(&w.sa);
        expect_true(steps.unmaps >= 1 && steps.unmaps <= 2);
        expect_eq(steps.maps, 0);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS),
                  rows[n].level == 4 ? 0 : rows[n].level == 1 ? 512 : 1);
        shadow_expect_translation(&w.sa);

        qvtd_row("level %u, %s, repaired", rows[n].level, rows[n].name);
        qtest_writeq(w.d.qts, entry, value);
        domain_flush(&w);
        shadow_expect(&w.sa);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 513);
    }
    board_stop(&w);
}

/* A context entry or root entry that became invalid in any way */
static void test_broken_contexts(void)
{
    static const struct {
        const char *name;
        bool root;
        uint64_t lo_without, lo, hi_without, hi;
    } rows[] = {
        { "not present", false, 1, 0, 0, 0 },
        { "zero", false, UINT64_MAX, 0, UINT64_MAX, 0 },
        { "TT 1 without device-TLB", false, 0, QVTD_TT(1), 0, 0 },
        { "TT 3", false, 0, QVTD_TT(3), 0, 0 },
        { "AW 0", false, 0, 0, 7, 0 },
        { "AW 3", false, 0, 0, 7, 3 },
        { "AW 4", false, 0, 0, 7, 4 },
        { "AW 7", false, 0, 0, 7, 7 },
        { "bit 4", false, 0, 1 << 4, 0, 0 },
        { "bit 11", false, 0, 1 << 11, 0, 0 },
        { "bit 48", false, 0, 1ull << 48, 0, 0 },
        { "bit 63", false, 0, 1ull << 63, 0, 0 },
        { "bit 71", false, 0, 0, 0, 1 << 7 },
        { "bit 88", false, 0, 0, 0, 1 << 24 },
        { "bit 127", false, 0, 0, 0, 1ull << 63 },
        { "tables in a hole", false, QVTD_ADDR_MASK, QVTD_HOLE, 0, 0 },
        { "tables in registers", false, QVTD_ADDR_MASK, QVTD_BASE, 0, 0 },
        { "root not present", true, 1, 0, 0, 0 },
        { "root, bit 1", true, 0, 2, 0, 0 },
        { "root, bit 11", true, 0, 1 << 11, 0, 0 },
        { "root, bit 48", true, 0, 1ull << 48, 0, 0 },
        { "root, bit 64", true, 0, 0, 0, 1 },
        { "root, bit 127", true, 0, 0, 0, 1ull << 63 },
        { "root, context table in a hole", true, QVTD_ADDR_MASK, QVTD_HOLE,
          0, 0 },
        { "root, context table in registers", true, QVTD_ADDR_MASK, QVTD_BASE,
          0, 0 },
    };
    static const struct {
        const char *name;
        QVtdDesc desc;
    } flushes[] = {
        { "global", QVTD_INV_CONTEXT_GLOBAL },
        { "domain", QVTD_INV_CONTEXT_DOMAIN(1) },
        { "device", QVTD_INV_CONTEXT_DEVICE(1, 0x18, 0) },
    };
    Board w;

    board_start_plain(&w);
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 512));
    domain_flush(&w);
    shadow_expect(&w.sa);
    for (int i = 0; i < ARRAY_SIZE(rows) * ARRAY_SIZE(flushes); i++) {
        unsigned n = i / ARRAY_SIZE(flushes), f = i % ARRAY_SIZE(flushes);
        uint64_t entry = rows[n].root ? qvtd_root_entry(&w.d, w.a.sid)
                                      : qvtd_context_entry(&w.d, w.a.sid);
        uint64_t lo = qtest_readq(w.d.qts, entry);
        uint64_t hi = qtest_readq(w.d.qts, entry + 8);
        ShadowSteps steps;

        qvtd_row("%s, %s", rows[n].name, flushes[f].name);
        qtest_writeq(w.d.qts, entry, (lo & ~rows[n].lo_without) | rows[n].lo);
        qtest_writeq(w.d.qts, entry + 8,
                     (hi & ~rows[n].hi_without) | rows[n].hi);
        qvtd_invalidate(&w.d, flushes[f].desc);
        steps = shadow_expect(&w.sa);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 0);
        expect_eq(steps.sections, 0);
        expect_true(steps.unmaps >= 1 && steps.unmaps <= 2);
        qvtd_invalidate(&w.d, QVTD_INV_IOTLB_DOMAIN(1));
        shadow_expect_translation(&w.sa);

        qvtd_row("%s, %s, repaired", rows[n].name, flushes[f].name);
        qtest_writeq(w.d.qts, entry + 8, hi);
        qtest_writeq(w.d.qts, entry, lo);
        qvtd_invalidate_all(&w.d);
        shadow_expect(&w.sa);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 513);
    }

    for (int i = 0; i < 2; i++) {
        qvtd_row("root table in %s", i ? "registers" : "a hole");
        w.sa.root = i ? QVTD_BASE : QVTD_HOLE;
        qvtd_write64(&w.d, QVTD_RTADDR, w.sa.root);
        qvtd_command(&w.d, QVTD_SRTP, true);
        shadow_expect(&w.sa);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 0);
        qvtd_row("root table in %s, and back", i ? "registers" : "a hole");
        w.sa.root = 0;
        qvtd_set_root(&w.d, w.d.root);
        shadow_expect(&w.sa);
        expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 513);
    }
    board_stop(&w);
}

/* A context entry that is read another way: fewer levels, other tables */
static void test_other_levels(void)
{
    uint64_t entry, hi;
    Board w;

    board_start_plain(&w);
    /* Level 4 as it is read by three levels: the GiB at 0 is a table */
    BOARD_EDIT(&w, LEAVES(1, 0x2000, RAM, 4));
    domain_flush(&w);
    shadow_expect(&w.sa);
    entry = qvtd_context_entry(&w.d, w.a.sid);
    hi = qtest_readq(w.d.qts, entry + 8);
    for (int i = 0; i < 2; i++) {
        qvtd_row(i ? "48 bits again" : "39 bits");
        qtest_writeq(w.d.qts, entry + 8, i ? hi : (hi & ~7ull) | QVTD_AW_39);
        qvtd_invalidate(&w.d, QVTD_INV_CONTEXT_GLOBAL);
        shadow_expect(&w.sa);
        domain_flush(&w);
        shadow_expect_quiet(&w.sa);
        shadow_expect_translation(&w.sa);
    }
    board_stop(&w);
}

/* Rule "interrupts": the interrupt range */

static void test_interrupt_range(void)
{
    static const EditRow rows[] = {
        { "a 2-MiB leaf, its upper half",
          { LEAVES(2, QVTD_MSI_ADDR, RAM, 1) }, FLUSH_DOMAIN, 1, 0 },
        { "it goes elsewhere", { LEAVES(2, QVTD_MSI_ADDR, RAM + MIB2, 1) },
          FLUSH_PAGES(QVTD_MSI_ADDR, 9), 1, 1 },
        { "as pages, same bytes",
          { CLEAR(2, QVTD_MSI_ADDR, 1),
            LEAVES(1, QVTD_MSI_ADDR, RAM + MIB2, 512) }, FLUSH_DOMAIN, 0, 0 },
        { "a page in the range changes",
          { LEAVES(1, 0xfee01000, RAM, 1) }, FLUSH_PAGES(0xfee01000, 0),
          0, 0 },
        { "pages on both sides",
          { LEAVES(1, 0xfedff000, RAM, 1) }, FLUSH_PAGES(0xfedff000, 0),
          1, 0 },
        { "a page in the range goes", { CLEAR(1, QVTD_MSI_ADDR, 1) },
          FLUSH_DOMAIN, 0, 0 },
        { "the first behind it changes",
          { CLEAR(1, 0xfef00000, 1) }, FLUSH_PAGES(QVTD_MSI_ADDR, 9), 255, 1 },
        { "all go", { CLEAR(2, QVTD_MSI_ADDR, 1), CLEAR(1, 0xfedff000, 1) },
          FLUSH_PAGES(0xc0000000, 18), 0, 2 },
        { "pages in the range alone",
          { LEAVES(1, QVTD_MSI_ADDR, RAM, 256) }, FLUSH_DOMAIN, 0, 0 },
        { "they go", { CLEAR(1, QVTD_MSI_ADDR, 256) }, FLUSH_DOMAIN, 0, 0 },
        { "pages around it",
          { LEAVES(1, 0xfede0000, RAM, 0x140) }, FLUSH_DOMAIN, 0x40, 0 },
        { "they go, and the range with them",
          { CLEAR(1, 0xfede0000, 0x140) }, FLUSH_PAGES(0xfec00000, 10),
          0, 2 },
    };
    Board w;

    board_start_plain(&w);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s", rows[i].name);
        qvtd_edit(&w.d, &w.domain, rows[i].edits,
                   ARRAY_SIZE(rows[i].edits));
        qvtd_invalidate(&w.d, rows[i].flush);
        if (i == 6) {
            /* What was one MAP is split */
            expect_eq(shadow_expect(&w.sa).remapped, 255);
        } else {
            shadow_expect_steps(&w.sa, rows[i].maps, rows[i].unmaps);
        }
    }
    for (unsigned am = 0; am <= board_mamv(&w); am++) {
        uint64_t mask = (QVTD_PAGE << am) - 1;

        qvtd_row("invalidation across, AM %u", am);
        qvtd_invalidate(&w.d, FLUSH_PAGES(QVTD_MSI_ADDR & ~mask, am));
        shadow_expect_quiet(&w.sa);
    }
    board_stop(&w);
}

/*
 * Rule "range": up to the largest mask, also when the tables are unlinked
 */

static void test_page_selective(void)
{
    Board w;

    board_start_big(&w);
    for (unsigned am = 0; am <= board_mamv(&w); am++) {
        /* Aligned to the largest mask, above the first look's pages */
        uint64_t iova = 1ull << 41 | 1ull << 40;
        uint64_t bytes = QVTD_PAGE << am, last = iova + bytes - QVTD_PAGE;
        ShadowSteps steps;

        qvtd_row("AM %u, pages at both ends", am);
        BOARD_EDIT(&w, LEAVES(1, iova, RAM, 1),
                   LEAVES(1, last, RAM + (last - iova) % MIB2, 1));
        qvtd_invalidate(&w.d, FLUSH_PAGES(iova, am));
        shadow_expect_steps(&w.sa, 2, 0);

        qvtd_row("AM %u, one changes, by an address in the middle", am);
        BOARD_EDIT(&w, LEAVES(1, last, RAM + MIB2, 1));
        qvtd_invalidate(&w.d, FLUSH_PAGES(iova + (bytes / 2 & -QVTD_PAGE), am));
        shadow_expect_steps(&w.sa, 1, 1);

        qvtd_row("AM %u, the tables are unlinked", am);
        BOARD_EDIT(&w, CLEAR(4, iova, 1));
        qvtd_invalidate(&w.d, FLUSH_PAGES(iova, am));
        steps = shadow_expect(&w.sa);
        expect_true(steps.unmaps >= 1 && steps.unmaps <= 2);

        if (am < 9) {
            continue;
        }
        qvtd_row("AM %u, 2-MiB leaves at both ends", am);
        BOARD_EDIT(&w, LEAVES(2, iova, RAM, 1),
                   LEAVES(2, iova + bytes - MIB2, RAM, 1));
        qvtd_invalidate(&w.d, FLUSH_PAGES(iova, am));
        shadow_expect_steps(&w.sa, 2, 0);
        qvtd_row("AM %u, 2-MiB leaves, unlinked", am);
        BOARD_EDIT(&w, CLEAR(4, iova, 1));
        qvtd_invalidate(&w.d, FLUSH_PAGES(iova, am));
        shadow_expect(&w.sa);
    }

    qvtd_row("one page of a 1-GiB leaf that is unlinked");
    BOARD_EDIT(&w, LEAVES(3, 1ull << 41, BOARD_GIB, 1));
    domain_flush(&w);
    shadow_expect_steps(&w.sa, 1, 0);
    BOARD_EDIT(&w, CLEAR(4, 1ull << 41, 1));
    qvtd_invalidate(&w.d, FLUSH_PAGES((1ull << 41) + 0x12345000, 0));
    shadow_expect_steps(&w.sa, 0, 1);
    board_stop(&w);
}

/* A mask that is too large is refused, and nothing happens */
static void test_mask_too_large(void)
{
    Board w;

    board_start_plain(&w);
    qvtd_row("AM above MAMV");
    qvtd_queue_put(&w.d, FLUSH_PAGES(0, board_mamv(&w) + 1));
    qvtd_queue_kick(&w.d);
    expect_true(qvtd_read32(&w.d, QVTD_FSTS) & QVTD_FSTS_IQE);
    shadow_expect_quiet(&w.sa);
    board_stop(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/shadow/6-sizes", test_sizes);
    qtest_add_func("/intel-iommu/shadow/6-split", test_split);
    qtest_add_func("/intel-iommu/shadow/6-split-gib", test_split_gib);
    qtest_add_func("/intel-iommu/shadow/7-broken-entries",
                   test_broken_entries);
    qtest_add_func("/intel-iommu/shadow/7-broken-contexts",
                   test_broken_contexts);
    qtest_add_func("/intel-iommu/shadow/7-other-levels", test_other_levels);
    qtest_add_func("/intel-iommu/shadow/8-interrupt-range",
                   test_interrupt_range);
    qtest_add_func("/intel-iommu/shadow/9-page-selective",
                   test_page_selective);
    qtest_add_func("/intel-iommu/shadow/9-mask-too-large",
                   test_mask_too_large);
    return g_test_run();
}
