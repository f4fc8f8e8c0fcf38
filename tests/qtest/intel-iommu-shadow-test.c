/*
 * VT-d qtests: the shadow of one device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a device with DMA outside of QEMU is notified of when leaves change
 * in every way, and what it may cost.  Each row is a change of tables and an
 * invalidation; shadow_expect() says what must hold after each.
 */

#include "qemu/osdep.h"
#include "vtd-board.h"

#define RAM                     BOARD_RAM

static void flush(Board *w, QVtdDesc desc)
{
    qvtd_invalidate(&w->d, desc);
}

/* The rule above all others, in three cases */

static void test_first_split(void)
{
    Board w;

    board_start_plain(&w);
    board_rows_of(&w, "split");
    board_stop(&w);
}

static void test_first_reserved(void)
{
    static const struct {
        const char *name;
        unsigned level;
        uint64_t bits;
    } rows[] = {
        { "level 1, bit 48", 1, 1ull << 48 },
        { "level 1, bit 51", 1, 1ull << 51 },
        { "level 1, bit 11 (SNP)", 1, QVTD_SNP },
        { "level 1, bit 62 (TM)", 1, QVTD_TM },
        { "level 2, bit 12", 2, 1ull << 12 },
        { "level 2, bit 20", 2, 1ull << 20 },
        { "level 2, bit 51", 2, 1ull << 51 },
        { "level 2, bit 11 (SNP)", 2, QVTD_SNP },
        { "level 2, bit 62 (TM)", 2, QVTD_TM },
        { "level 3, bit 12", 3, 1ull << 12 },
        { "level 3, bit 29", 3, 1ull << 29 },
        { "level 3, bit 62 (TM)", 3, QVTD_TM },
    };
    Board w;

    board_start_big(&w);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        /* Each in a place of its own, so that no other row is in the way */
        uint64_t iova = (i + 1) * BOARD_GIB;
        const Edit leaf[] = { LEAVES(rows[i].level, iova, BOARD_GIB, 1) };
        uint64_t entry;

        if (iova == 3 * BOARD_GIB) {
            iova += 0x100 * BOARD_GIB; /* not over the interrupt range */
        }
        qvtd_row("%s, clear", rows[i].name);
        qvtd_edit(&w.d, &w.domain, &(Edit) { leaf[0].level, iova,
                  leaf[0].value, 1 }, 1);
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        shadow_expect_steps(&w.sa, 1, 0);

        qvtd_row("%s, set", rows[i].name);
        entry = qvtd_entry(&w.d, &w.domain, iova, rows[i].level);
        qtest_writeq(w.d.qts, entry, leaf[0].value | rows[i].bits);
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        shadow_expect_steps(&w.sa, 0, 1);

        qvtd_row("%s, clear again", rows[i].name);
        qtest_writeq(w.d.qts, entry, leaf[0].value);
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        shadow_expect_steps(&w.sa, 1, 0);
    }
    board_stop(&w);
}

/* A GiB with the interrupt range in it: what is left is ten pieces */
static void test_first_interrupts(void)
{
    Board w;

    board_start_big(&w);
    board_rows_of(&w, "interrupts");
    board_stop(&w);
}

/* Rule "in place": changed in place, each page alone and back to back */
static void test_in_place(void)
{
    Board w;

    board_start_plain(&w);
    board_rows_of(&w, "in-place");
    board_stop(&w);
}

/* Permissions of tables: the AND counts, and changes what is below alone */
static void test_permissions(void)
{
    Board w;

    board_start_plain(&w);
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 4),
               LEAVES_BITS(1, IOVA + MIB2, RAM, 2, QVTD_R),
               LEAVES_BITS(1, IOVA + MIB2 + 0x2000, RAM, 2, QVTD_W));
    flush(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    for (unsigned level = 2; level <= 4; level++) {
        uint64_t entry = qvtd_entry(&w.d, &w.domain, IOVA, level);
        uint64_t value = qtest_readq(w.d.qts, entry);
        /* The mailbox, in the first GiB, hangs on level 4 as well */
        unsigned rw = level == 4 ? 5 : 4;
        /* Pages that grant one thing alone; they go in one UNMAP */
        unsigned one = level > 2 ? 2 : 0, gone = level > 2;
        const struct {
            const char *name;
            uint64_t without;
            unsigned maps, unmaps;
        } rows[] = {
            { "R", QVTD_W, rw, rw + gone },
            { "W", QVTD_R, rw + one, rw + gone },
            { "neither", QVTD_RW, 0, rw + gone },
            { "both", 0, rw + 2 * one, 0 },
        };

        for (int i = 0; i < ARRAY_SIZE(rows); i++) {
            qvtd_row("level %u grants %s", level, rows[i].name);
            qtest_writeq(w.d.qts, entry, value & ~rows[i].without);
            flush(&w, FLUSH_DOMAIN);
            shadow_expect_steps(&w.sa, rows[i].maps, rows[i].unmaps);
        }
    }
    board_stop(&w);
}

/* Rule "fewest": what goes, goes in the fewest UNMAPs */

static void test_fewest_unmaps(void)
{
    Board w;

    board_start_plain(&w);
    board_rows_of(&w, "fewest");
    board_stop(&w);
}

static void test_cleared_gib(void)
{
    const unsigned tables = 512;
    Board w;

    board_start_plain(&w);
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < tables; i++) {
            /* 32 MiB of targets, again and again */
            BOARD_EDIT(&w, LEAVES(1, IOVA + i * MIB2,
                                  RAM + i % 16 * MIB2, 512));
        }
        qvtd_row("GiB of pages");
        flush(&w, FLUSH_DOMAIN);
        shadow_expect_steps(&w.sa, tables * 512, 0);
        for (unsigned i = 0; i < tables; i++) {
            BOARD_EDIT(&w, CLEAR(round ? 1 : 2, IOVA + i * MIB2,
                                 round ? 512 : 1));
        }
        qvtd_row("GiB cleared at level %d", round ? 1 : 2);
        flush(&w, FLUSH_DOMAIN);
        shadow_expect_steps(&w.sa, 0, 1);
    }
    board_stop(&w);
}

/* While dirty pages are tracked each mapping goes alone, with its target */
static void test_dirty_tracking(void)
{
    g_autoptr(GArray) log = NULL;
    uint64_t from;
    Board w;

    board_start_plain(&w);
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 8), LEAVES(2, IOVA + MIB2, RAM, 2));
    flush(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);

    qvtd_row("dirty tracking");
    expect_eq(testdev_command(&w.a, TESTDEV_DIRTY, 1, 1ull), TESTDEV_OK);
    w.sa.dirty = true;
    from = testdev_count(&w.a, TESTDEV_LOGGED);
    BOARD_EDIT(&w, CLEAR(1, IOVA, 8), CLEAR(2, IOVA + MIB2, 2));
    flush(&w, FLUSH_DOMAIN);
    shadow_expect_steps(&w.sa, 0, 10);
    log = testdev_log(&w.a, from);
    expect_eq(log->len, 10);
    for (unsigned i = 0; i < log->len; i++) {
        const TestdevLog *l = &g_array_index(log, TestdevLog, i);
        uint64_t base = l->iova < IOVA + MIB2 ? IOVA : IOVA + MIB2;

        expect_eq(l->mappings, 1);
        expect_eq(l->target, RAM + (l->iova - base));
    }

    qvtd_row("dirty tracking, a page that changes");
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 1));
    flush(&w, FLUSH_DOMAIN);
    shadow_expect_steps(&w.sa, 1, 0);
    from = testdev_count(&w.a, TESTDEV_LOGGED);
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM + 0x5000, 1));
    flush(&w, FLUSH_DOMAIN);
    shadow_expect_steps(&w.sa, 1, 1);
    g_array_free(g_steal_pointer(&log), true);
    log = testdev_log(&w.a, from);
    if (expect_eq(log->len, 2)) {
        expect_eq(g_array_index(log, TestdevLog, 0).target, RAM);
    }

    qvtd_row("no dirty tracking");
    expect_eq(testdev_command(&w.a, TESTDEV_DIRTY, 1, 0ull), TESTDEV_OK);
    w.sa.dirty = false;
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 8));
    flush(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    BOARD_EDIT(&w, CLEAR(1, IOVA, 8));
    flush(&w, FLUSH_DOMAIN);
    shadow_expect_steps(&w.sa, 0, 1);
    board_stop(&w);
}

/*
 * While dirty pages are tracked, nothing is left for the listener to unmap when
 * the translated view ends: it would not know the targets
 */
static void leave_while_tracked(const char *how)
{
    g_autoptr(GArray) log = NULL;
    unsigned unmaps = 0;
    Board w;

    board_start_plain(&w);
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 3), LEAVES(2, IOVA + MIB2, RAM, 2),
               LEAVES(1, IOVA + 4 * MIB2, QVTD_BASE, 1));
    flush(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    expect_eq(testdev_command(&w.a, TESTDEV_DIRTY, 1, 1ull), TESTDEV_OK);
    testdev_clear(&w.a);

    qvtd_row("%s", how);
    if (g_str_equal(how, "reset")) {
        testdev_stop(&w.b);
        testdev_stop(&w.a);
        qvtd_reset(&w.d);
        testdev_start(&w.a, &w.d, w.a.sid);
        testdev_start(&w.b, &w.d, w.b.sid);
    } else if (g_str_equal(how, "translation off")) {
        qvtd_disable(&w.d);
    } else {
        qvtd_attach_pass_through(&w.d, w.a.sid, 1, QVTD_AW_48);
        qvtd_invalidate_all(&w.d);
    }
    expect_eq(testdev_count(&w.a, TESTDEV_SECTIONS), 0);
    expect_eq(testdev_count(&w.a, TESTDEV_FORGOTTEN), 0);
    testdev_expect_no_error(&w.a);
    log = testdev_log(&w.a, 0);
    for (unsigned i = 0; i < log->len; i++) {
        const TestdevLog *l = &g_array_index(log, TestdevLog, i);
        uint64_t base = l->iova < IOVA + MIB2 ? IOVA : IOVA + MIB2;

        if (l->kind == TESTDEV_SECTION_GONE) {
            expect_eq(unmaps, 6);
        } else if (expect_eq(l->kind, TESTDEV_UNMAP)) {
            unmaps++;
            expect_eq(l->mappings, 1);
            expect_true(l->iova < IOVA ||
                        l->target == RAM + (l->iova - base));
        }
    }
    /* With that of the mailbox */
    expect_eq(unmaps, 6);
    expect_eq(testdev_command(&w.a, TESTDEV_DIRTY, 1, 0ull), TESTDEV_OK);
    board_stop(&w);
}

static void test_leave_while_tracked(void)
{
    leave_while_tracked("pass-through");
    leave_while_tracked("translation off");
    leave_while_tracked("reset");
}

/* Rule "width": as wide as the leaf, or the RAM that it has */

static void test_map_width(void)
{
    Board w;

    board_start_big(&w);
    board_rows_of(&w, "width");
    expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1024 + 5 + 1);
    board_stop(&w);
}

static void test_not_ram(void)
{
    /* Memory ends in the middle of a leaf: 129 MiB */
    static const EditRow rows[] = {
        { "pages on both sides of the end of RAM",
          { LEAVES(1, IOVA, 0x80fe000, 4) }, FLUSH_DOMAIN, 2, 0 },
        { "registers", { LEAVES(1, IOVA, QVTD_BASE, 1) }, FLUSH_DOMAIN, 0, 1 },
        { "a hole", { LEAVES(1, IOVA, QVTD_HOLE, 1) }, FLUSH_DOMAIN, 0, 1 },
        { "they go", { CLEAR(1, IOVA, 4) }, FLUSH_DOMAIN, 0, 1 },
        { "a 2-MiB leaf over the end of RAM",
          { LEAVES(2, IOVA, 0x8000000, 1) }, FLUSH_DOMAIN, 1, 0 },
        { "behind it", { LEAVES(2, IOVA, 0x8200000, 1) },
          FLUSH_DOMAIN, 0, 1 },
        { "over it again", { LEAVES(2, IOVA, 0x8000000, 1) },
          FLUSH_DOMAIN, 1, 1 },
        { "as pages, unchanged",
          { CLEAR(2, IOVA, 1), LEAVES(1, IOVA, 0x8000000, 512) },
          FLUSH_DOMAIN, 0, 0 },
        { "a 2-MiB leaf over the hole of PCs",
          { LEAVES(2, IOVA + MIB2, 0, 1) }, FLUSH_DOMAIN, 8, 0 },
        { "it goes", { CLEAR(2, IOVA + MIB2, 1) }, FLUSH_DOMAIN, 0, 1 },
        { "a 1-GiB leaf over all of that",
          { LEAVES(3, 2 * BOARD_GIB, 0, 1) }, FLUSH_DOMAIN, 24, 0 },
        { "it goes, too", { CLEAR(3, 2 * BOARD_GIB, 1) },
          FLUSH_DOMAIN, 0, 1 },
    };
    Board w;

    /* Without a VGA there is no hole below 1 MiB */
    board_start(&w, "", "", "-m 129M -device VGA,romfile=");
    qtest_port(w.d.port)->ram = 0x8100000;
    qtest_port(w.d.port)->vga = true;
    board_rows(&w, rows, ARRAY_SIZE(rows));
    qvtd_row("what was not sent is counted");
    expect_true(qvtd_stat(&w.d, "shadow-unsendable") > 0);
    board_stop(&w);
}

/* The smallest address width, and the last page of each */
static void test_widths(void)
{
    Board w;

    board_start(&w, ",aw-bits=39", "", "");
    board_rows_of(&w, "narrow");
    board_stop(&w);
    board_start_plain(&w);
    board_rows_of(&w, "wide");
    board_stop(&w);
}

/* Tables and targets in memory above the width of input addresses */
static void test_above_width(void)
{
    const uint64_t high = 0x9000000000, size = 128ull << 20;
    QVtdDomain domain;
    uint64_t direct;
    Board w;

    board_start(&w, ",aw-bits=39", "",
                "-machine pc-q35-9.1 -cpu qemu64,phys-bits=46 "
                "-m 128M,slots=1,maxmem=640G "
                "-object memory-backend-ram,id=high,size=128M "
                "-device pc-dimm,memdev=high,addr=0x9000000000");
    w.plain.haw_bits = 46;
    qtest_port(w.d.port)->high_ram = high + size;
    w.d.next_page = high;

    qvtd_row("targets");
    BOARD_EDIT(&w, LEAVES(1, 0x5000, high + size / 2, 3),
               LEAVES(2, 0x40000000, high + size / 2, 2));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    shadow_expect_steps(&w.sa, 5, 0);
    g_assert_cmpuint(testdev_count(&w.a, TESTDEV_MAPPED_PAGES), >=, 3 + 1024);

    qvtd_row("tables");
    domain = qvtd_domain_new(&w.d, 1, 3);
    g_assert_cmphex(domain.top, >=, high);
    qvtd_edit(&w.d, &domain, (const Edit[]) {
        LEAVES(1, 0x5000, high + size / 2, 3),
        LEAVES(2, 0x40000000, high + size / 2, 2),
    }, 2);
    qvtd_attach(&w.d, w.a.sid, &domain);
    qvtd_invalidate_all(&w.d);
    shadow_expect_quiet(&w.sa);

    qvtd_row("pass-through has all that there is without translation");
    qvtd_attach_pass_through(&w.d, w.a.sid, 1, QVTD_AW_39);
    qvtd_invalidate_all(&w.d);
    direct = testdev_count(&w.a, TESTDEV_DIRECT);
    qvtd_disable(&w.d);
    expect_eq(testdev_count(&w.a, TESTDEV_DIRECT), direct);
    shadow_expect(&w.sa);
    board_stop(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/shadow/first/split", test_first_split);
    qtest_add_func("/intel-iommu/shadow/first/reserved", test_first_reserved);
    qtest_add_func("/intel-iommu/shadow/first/interrupts",
                   test_first_interrupts);
    qtest_add_func("/intel-iommu/shadow/3-in-place", test_in_place);
    qtest_add_func("/intel-iommu/shadow/3-permissions", test_permissions);
    qtest_add_func("/intel-iommu/shadow/4-fewest-unmaps", test_fewest_unmaps);
    qtest_add_func("/intel-iommu/shadow/4-cleared-gib", test_cleared_gib);
    qtest_add_func("/intel-iommu/shadow/4-dirty-tracking",
                   test_dirty_tracking);
    qtest_add_func("/intel-iommu/shadow/4-leave-while-tracked",
                   test_leave_while_tracked);
    qtest_add_func("/intel-iommu/shadow/5-map-width", test_map_width);
    qtest_add_func("/intel-iommu/shadow/5-not-ram", test_not_ram);
    qtest_add_func("/intel-iommu/shadow/5-widths", test_widths);
    qtest_add_func("/intel-iommu/shadow/5-above-width", test_above_width);
    return g_test_run();
}
