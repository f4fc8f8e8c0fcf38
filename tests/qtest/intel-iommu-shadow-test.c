/*
 * VT-d qtests: the shadow of one device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a device with DMA outside of QEMU is notified of: leaves that change
 * in every way, the events that make the change count, what it may cost.
 * Each row is a change of tables and an invalidation; shadow_expect() says
 * what must hold after each.
 */

#include "qemu/osdep.h"
#include "vtd-world.h"

#define IOVA                    0x40000000ull
#define RAM                     WORLD_RAM
#define MIB2                    0x200000ull

/* The three to write first */

static void test_first_split(void)
{
    static const Row rows[] = {
        { "a 2-MiB leaf", { LEAVES(2, IOVA, RAM, 1) }, FLUSH_DOMAIN, 1, 0 },
        { "becomes 512 leaves to one page",
          { CLEAR(2, IOVA, 1), SAME_LEAVES(1, IOVA, RAM + MIB2, 512) },
          FLUSH_DOMAIN, 512, 1 },
        { "becomes a leaf to elsewhere", { LEAVES(2, IOVA, RAM, 1) },
          FLUSH_DOMAIN, 1, 1 },
        { "becomes 512 leaves to the same bytes",
          { CLEAR(2, IOVA, 1), LEAVES(1, IOVA, RAM, 512) },
          FLUSH_DOMAIN, 0, 0 },
        { "goes", { CLEAR(1, IOVA, 512) }, FLUSH_DOMAIN, 0, 1 },
    };
    World w;

    world_start_plain(&w);
    world_rows(&w, rows, ARRAY_SIZE(rows));
    world_stop(&w);
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
        { "level 1, bit 11 (SNP)", 1, VTD_SNP },
        { "level 1, bit 62 (TM)", 1, VTD_TM },
        { "level 2, bit 12", 2, 1ull << 12 },
        { "level 2, bit 20", 2, 1ull << 20 },
        { "level 2, bit 51", 2, 1ull << 51 },
        { "level 2, bit 11 (SNP)", 2, VTD_SNP },
        { "level 2, bit 62 (TM)", 2, VTD_TM },
        { "level 3, bit 12", 3, 1ull << 12 },
        { "level 3, bit 29", 3, 1ull << 29 },
        { "level 3, bit 62 (TM)", 3, VTD_TM },
    };
    World w;

    world_start_big(&w);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        /* Each in a place of its own, so that no other row is in the way */
        uint64_t iova = (i + 1) * WORLD_GIB;
        const Edit leaf[] = { LEAVES(rows[i].level, iova, WORLD_GIB, 1) };
        uint64_t entry;

        if (iova == 3 * WORLD_GIB) {
            iova += 0x100 * WORLD_GIB; /* not over the interrupt range */
        }
        vtd_row("%s, clear", rows[i].name);
        world_edit(&w.d, &w.domain, &(Edit) { leaf[0].level, iova,
                   leaf[0].value, 1 }, 1);
        vtd_invalidate(&w.d, FLUSH_DOMAIN);
        shadow_expect_steps(&w.sa, 1, 0);

        vtd_row("%s, set", rows[i].name);
        entry = vtd_entry(&w.d, &w.domain, iova, rows[i].level);
        qtest_writeq(w.d.qts, entry, leaf[0].value | rows[i].bits);
        vtd_invalidate(&w.d, FLUSH_DOMAIN);
        shadow_expect_steps(&w.sa, 0, 1);

        vtd_row("%s, clear again", rows[i].name);
        qtest_writeq(w.d.qts, entry, leaf[0].value);
        vtd_invalidate(&w.d, FLUSH_DOMAIN);
        shadow_expect_steps(&w.sa, 1, 0);
    }
    world_stop(&w);
}

/* A GiB with the interrupt range in it: what is left is ten pieces */
static void test_first_interrupts(void)
{
    static const Row rows[] = {
        { "a 1-GiB leaf over the interrupt range",
          { LEAVES(3, 3 * WORLD_GIB, WORLD_GIB, 1) }, FLUSH_DOMAIN, 10, 0 },
        { "a page-selective invalidation of it",
          { }, FLUSH_PAGES(3 * WORLD_GIB, 18), 0, 0 },
        { "it goes elsewhere",
          { LEAVES(3, 3 * WORLD_GIB, WORLD_GIB_2, 1) },
          FLUSH_PAGES(3 * WORLD_GIB, 18), 10, 10 },
        { "it goes, page-selective",
          { CLEAR(3, 3 * WORLD_GIB, 1) }, FLUSH_PAGES(3 * WORLD_GIB, 18),
          0, 10 },
        { "the same by a domain flush",
          { LEAVES(3, 3 * WORLD_GIB, WORLD_GIB, 1) }, FLUSH_DOMAIN, 10, 0 },
        { "it goes, by a domain flush",
          { CLEAR(3, 3 * WORLD_GIB, 1) }, FLUSH_DOMAIN, 0, 10 },
    };
    World w;

    world_start_big(&w);
    world_rows(&w, rows, ARRAY_SIZE(rows));
    world_stop(&w);
}

/* 1: every event that can change a mapping */

static void event_desc(World *w, VtdDesc desc)
{
    vtd_invalidate(&w->d, desc);
}

static void event_pages(World *w)
{
    vtd_queue_put(&w->d, FLUSH_PAGES(IOVA, 0));
    vtd_queue_put(&w->d, FLUSH_PAGES(IOVA + 0x3000, 0));
    vtd_queue_put(&w->d, FLUSH_PAGES(IOVA + 0x8000, 2));
    expect_true(vtd_queue_sync(&w->d));
}

static void event_pages_register(World *w)
{
    world_register_iotlb(w, VTD_IOTLB_IIRG(VTD_SELECT) | VTD_IOTLB_DID(1),
                         IOVA | 6);
}

static void event_root(World *w)
{
    uint64_t root = vtd_alloc(&w->d, 1);
    uint8_t page[VTD_PAGE];

    qtest_bufread(w->d.qts, w->d.root, page, sizeof(page));
    qtest_bufwrite(w->d.qts, root, page, sizeof(page));
    w->d.root = root;
    vtd_write64(&w->d, VTD_RTADDR, root);
    vtd_command(&w->d, VTD_SRTP, true);
}

static void event_translation(World *w)
{
    vtd_disable(&w->d);
    expect_eq(testdev_count(&w->a, TESTDEV_SECTIONS), 0);
    expect_eq(testdev_count(&w->a, TESTDEV_MAPPINGS), 0);
    expect_true(vtd_command(&w->d, VTD_TE, true) & VTD_TE);
}

static void event_register(World *w)
{
    /* MAP and UNMAP; what is mapped is forgotten, and comes by replay */
    testdev_command(&w->a, TESTDEV_REGISTER, 1, 3ull);
    shadow_restart(&w->sa);
}

static void event_flags(World *w)
{
    testdev_command(&w->a, TESTDEV_REGISTER, 1, 1ull);
    event_register(w);
}

static void event_replay(World *w)
{
    testdev_command(&w->a, TESTDEV_REPLAY, 0);
}

static const struct Event {
    const char *name;
    void (*run)(World *w);
    VtdDesc desc;
    bool all_anew;              /* all mappings come again, and may */
} events[] = {
    { "global IOTLB", NULL, VTD_INV_IOTLB_GLOBAL },
    { "domain IOTLB", NULL, VTD_INV_IOTLB_DOMAIN(1) },
    { "page IOTLB, each page", event_pages },
    { "page IOTLB, all at once", NULL, FLUSH_PAGES(IOVA, 9) },
    { "page IOTLB, IH", NULL, FLUSH_PAGES(IOVA, 9 | VTD_IOTLB_IH) },
    { "page IOTLB, address in the middle",
      NULL, FLUSH_PAGES(IOVA + 0x4000, 4) },
    { "global context", NULL, VTD_INV_CONTEXT_GLOBAL },
    { "domain context", NULL, VTD_INV_CONTEXT_DOMAIN(1) },
    { "device context", NULL, VTD_INV_CONTEXT_DEVICE(1, 0x18, 0) },
    { "device context, FM 1", NULL, VTD_INV_CONTEXT_DEVICE(1, 0x1c, 1) },
    { "device context, FM 2", NULL, VTD_INV_CONTEXT_DEVICE(1, 0x1e, 2) },
    { "device context, FM 3", NULL, VTD_INV_CONTEXT_DEVICE(1, 0x1f, 3) },
    { "IOTLB register, page", event_pages_register },
    { "root table", event_root },
    { "translation off and on", event_translation, .all_anew = true },
    { "registered anew", event_register, .all_anew = true },
    { "flags there and back", event_flags, .all_anew = true },
    { "replay", event_replay },
};

static const struct RegisterEvent {
    const char *name;
    bool context;
    uint64_t value;
} register_events[] = {
    { "IOTLB register, global", false, VTD_IOTLB_IIRG(VTD_GLOBAL) },
    { "IOTLB register, domain", false,
      VTD_IOTLB_IIRG(VTD_DOMAIN) | VTD_IOTLB_DID(1) },
    { "CCMD, global", true, VTD_CCMD_CIRG(VTD_GLOBAL) },
    { "CCMD, domain", true, VTD_CCMD_CIRG(VTD_DOMAIN) | VTD_CCMD_DID(1) },
    { "CCMD, device", true,
      VTD_CCMD_CIRG(VTD_SELECT) | VTD_CCMD_DID(1) | VTD_CCMD_SID(0x18) },
};

/* One page goes, one changes, one comes: and back */
static void change_three(World *w, bool back)
{
    if (back) {
        WORLD_EDIT(w, LEAVES(1, IOVA, RAM, 8), CLEAR(1, IOVA + 0x9000, 1));
    } else {
        WORLD_EDIT(w, CLEAR(1, IOVA, 1),
                   LEAVES(1, IOVA + 0x3000, RAM + MIB2, 1),
                   LEAVES(1, IOVA + 0x9000, RAM + 0x9000, 1));
    }
}

static void run_event(World *w, bool all_anew)
{
    ShadowSteps steps;

    if (all_anew) {
        shadow_expect(&w->sa);
        return;
    }
    steps = shadow_expect_steps(&w->sa, 2, 2);
    /* Nor may it be for nothing */
    expect_eq(steps.maps, 2);
    expect_eq(steps.unmaps, 2);
}

static void test_events(void)
{
    World w;

    world_start_plain(&w);
    change_three(&w, true);
    event_desc(&w, VTD_INV_IOTLB_GLOBAL);
    shadow_expect(&w.sa);
    for (int i = 0; i < ARRAY_SIZE(events) * 2; i++) {
        const struct Event *e = &events[i / 2];

        vtd_row("%s%s", e->name, i % 2 ? ", back" : "");
        change_three(&w, i % 2);
        if (e->run) {
            e->run(&w);
        } else {
            event_desc(&w, e->desc);
        }
        run_event(&w, e->all_anew);
        /* Not all of these reach the IOTLB */
        event_desc(&w, FLUSH_DOMAIN);
        shadow_expect_quiet(&w.sa);
        shadow_expect_translation(&w.sa);
    }
    for (int i = 0; i < ARRAY_SIZE(register_events) * 2; i++) {
        const struct RegisterEvent *e = &register_events[i / 2];

        vtd_row("%s%s", e->name, i % 2 ? ", back" : "");
        change_three(&w, i % 2);
        if (e->context) {
            world_register_context(&w, e->value);
        } else {
            world_register_iotlb(&w, e->value, 0);
        }
        run_event(&w, false);
    }
    world_stop(&w);
}

/* What does not cover a change may leave it, and what it says is no lie */
static void test_no_events(void)
{
    static const struct {
        const char *name;
        VtdDesc desc;
    } rows[] = {
        { "another domain", VTD_INV_IOTLB_DOMAIN(2) },
        { "another domain's pages", VTD_INV_IOTLB_PAGES(2, IOVA, 9) },
        { "other pages", FLUSH_PAGES(IOVA + MIB2, 9) },
        { "another device", VTD_INV_CONTEXT_DEVICE(1, 0x20, 0) },
        { "another domain's context", VTD_INV_CONTEXT_DOMAIN(2) },
        { "interrupt entries", VTD_INV_IEC_GLOBAL },
    };
    g_autoptr(GArray) may = g_array_new(false, false, sizeof(PlainRun));
    World w;

    world_start_plain(&w);
    plain_append(may, (PlainRun) { IOVA, IOVA + 0xffff });
    change_three(&w, true);
    event_desc(&w, VTD_INV_IOTLB_GLOBAL);
    shadow_expect(&w.sa);
    change_three(&w, false);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        vtd_row("%s", rows[i].name);
        event_desc(&w, rows[i].desc);
        shadow_expect_between(&w.sa, may);
    }
    world_stop(&w);
}

/* Reset ends translation: all mappings go with their sections */
static void test_reset(void)
{
    World w;

    world_start_plain(&w);
    change_three(&w, true);
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    shadow_stop(&w.sa);
    testdev_stop(&w.a);

    vtd_row("reset");
    vtd_reset(&w.d);
    testdev_start(&w.a, &w.d, 0x18);
    expect_eq(testdev_count(&w.a, TESTDEV_SECTIONS), 0);
    expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 0);
    testdev_expect_no_error(&w.a);

    vtd_row("translation on again, with other tables");
    vtd_enable(&w.d);
    w.domain = vtd_domain_new(&w.d, 1, 4);
    shadow_start(&w.sa, &w.a, &w.plain);
    WORLD_EDIT(&w, LEAVES(1, IOVA + MIB2, RAM, 16));
    vtd_attach(&w.d, 0x18, &w.domain);
    vtd_invalidate_all(&w.d);
    shadow_expect_steps(&w.sa, 17, 0);
    world_stop(&w);
}

/* 2: what did not change is not touched */
static void test_unchanged(void)
{
    World w;

    world_start_plain(&w);
    WORLD_EDIT(&w, LEAVES(1, IOVA, RAM, 2048),
               LEAVES(2, 2 * IOVA, RAM, 8),
               SAME_LEAVES(1, 0x100000000, RAM, 2048));
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    for (int i = 0; i < ARRAY_SIZE(events); i++) {
        vtd_row("%s", events[i].name);
        if (events[i].all_anew) {
            continue;
        }
        if (events[i].run) {
            events[i].run(&w);
        } else {
            event_desc(&w, events[i].desc);
        }
        shadow_expect_quiet(&w.sa);
    }
    for (int i = 0; i < ARRAY_SIZE(register_events); i++) {
        const struct RegisterEvent *e = &register_events[i];

        vtd_row("%s", e->name);
        if (e->context) {
            world_register_context(&w, e->value);
        } else {
            world_register_iotlb(&w, e->value, 0);
        }
        shadow_expect_quiet(&w.sa);
    }
    for (unsigned am = 0; am <= world_mamv(&w); am++) {
        uint64_t iova = 2 * IOVA & ~((VTD_PAGE << am) - 1);

        vtd_row("pages, AM %u", am);
        event_desc(&w, FLUSH_PAGES(iova, am));
        shadow_expect_quiet(&w.sa);
    }
    vtd_row("translation on when it is on");
    vtd_command(&w.d, VTD_TE, true);
    shadow_expect_quiet(&w.sa);
    world_stop(&w);
}

/* 3: changed in place, each page alone and back to back */
static void test_in_place(void)
{
    static const Row rows[] = {
        { "pages", { LEAVES(1, IOVA, RAM, 512) }, FLUSH_DOMAIN, 512, 0 },
        { "one page's target", { LEAVES(1, IOVA, RAM + MIB2, 1) },
          FLUSH_PAGES(IOVA, 0), 1, 1 },
        { "one page's write permission",
          { LEAVES_BITS(1, IOVA + 0x1000, RAM + 0x1000, 1, VTD_R) },
          FLUSH_DOMAIN, 1, 1 },
        { "one page's read permission",
          { LEAVES_BITS(1, IOVA + 0x1000, RAM + 0x1000, 1, VTD_W) },
          FLUSH_DOMAIN, 1, 1 },
        { "both permissions", { LEAVES(1, IOVA + 0x1000, RAM + 0x1000, 1) },
          FLUSH_PAGES(IOVA, 4), 1, 1 },
        { "ignored bits",
          { LEAVES_BITS(1, IOVA + 0x1000, RAM + 0x1000, 1,
                        VTD_RW | 0x3ull << 52 | 0x7fc | 1ull << 63) },
          FLUSH_DOMAIN, 0, 0 },
        { "three apart",
          { LEAVES(1, IOVA + 0x10000, RAM + MIB2, 1),
            LEAVES(1, IOVA + 0x12000, RAM + MIB2, 1),
            LEAVES(1, IOVA + 0x14000, RAM + MIB2, 1) }, FLUSH_DOMAIN, 3, 3 },
        { "two swapped",
          { LEAVES(1, IOVA + 0x20000, RAM + 0x21000, 1),
            LEAVES(1, IOVA + 0x21000, RAM + 0x20000, 1) },
          FLUSH_DOMAIN, 2, 2 },
        { "all, by a page",
          { LEAVES(1, IOVA, RAM + 0x400000 + 0x1000, 512) },
          FLUSH_DOMAIN, 512, 512 },
        { "one changes, one goes, one changes",
          { LEAVES(1, IOVA + 0x30000, RAM, 1), CLEAR(1, IOVA + 0x31000, 1),
            LEAVES(1, IOVA + 0x32000, RAM, 1) }, FLUSH_DOMAIN, 2, 3 },
        { "a 2-MiB leaf", { LEAVES(2, IOVA + MIB2, RAM, 1) },
          FLUSH_DOMAIN, 1, 0 },
        { "goes elsewhere", { LEAVES(2, IOVA + MIB2, RAM + MIB2, 1) },
          FLUSH_DOMAIN, 1, 1 },
        { "is read-only",
          { LEAVES_BITS(2, IOVA + MIB2, RAM + MIB2, 1, VTD_R) },
          FLUSH_PAGES(IOVA + MIB2, 9), 1, 1 },
        { "one page of it is invalidated",
          { LEAVES(2, IOVA + MIB2, RAM + MIB2, 1) },
          FLUSH_PAGES(IOVA + MIB2 + 0x5000, 0), 1, 1 },
    };
    World w;

    world_start_plain(&w);
    world_rows(&w, rows, ARRAY_SIZE(rows));
    world_stop(&w);
}

/* Permissions of tables: the AND counts, and changes what is below alone */
static void test_permissions(void)
{
    World w;

    world_start_plain(&w);
    WORLD_EDIT(&w, LEAVES(1, IOVA, RAM, 4),
               LEAVES_BITS(1, IOVA + MIB2, RAM, 2, VTD_R),
               LEAVES_BITS(1, IOVA + MIB2 + 0x2000, RAM, 2, VTD_W));
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    for (unsigned level = 2; level <= 4; level++) {
        uint64_t entry = vtd_entry(&w.d, &w.domain, IOVA, level);
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
            { "R", VTD_W, rw, rw + gone },
            { "W", VTD_R, rw + one, rw + gone },
            { "neither", VTD_RW, 0, rw + gone },
            { "both", 0, rw + 2 * one, 0 },
        };

        for (int i = 0; i < ARRAY_SIZE(rows); i++) {
            vtd_row("level %u grants %s", level, rows[i].name);
            qtest_writeq(w.d.qts, entry, value & ~rows[i].without);
            event_desc(&w, FLUSH_DOMAIN);
            shadow_expect_steps(&w.sa, rows[i].maps, rows[i].unmaps);
        }
    }
    world_stop(&w);
}

/* 4: what goes, goes in the fewest UNMAPs */

static void test_fewest_unmaps(void)
{
    static const Row rows[] = {
        { "2 MiB of pages", { LEAVES(1, IOVA, RAM, 512) },
          FLUSH_DOMAIN, 512, 0 },
        { "go", { CLEAR(1, IOVA, 512) }, FLUSH_DOMAIN, 0, 1 },
        { "2 MiB with every other page",
          { LEAVES(1, IOVA, RAM, 512), CLEAR(1, IOVA + 0x1000, 1),
            CLEAR(1, IOVA + 0x3000, 1), CLEAR(1, IOVA + 0x5000, 1) },
          FLUSH_DOMAIN, 509, 0 },
        { "go, over the holes", { CLEAR(1, IOVA, 512) }, FLUSH_DOMAIN, 0, 1 },
        { "2 MiB of pages again", { LEAVES(1, IOVA, RAM, 512) },
          FLUSH_DOMAIN, 512, 0 },
        { "all but the first go", { CLEAR(1, IOVA + 0x1000, 511) },
          FLUSH_DOMAIN, 0, 9 },
        { "they come back", { LEAVES(1, IOVA, RAM, 512) },
          FLUSH_DOMAIN, 511, 0 },
        { "all but one in the middle go",
          { CLEAR(1, IOVA, 256), CLEAR(1, IOVA + 0x101000, 255) },
          FLUSH_DOMAIN, 0, 9 },
        { "the table is unlinked", { CLEAR(2, IOVA, 1) }, FLUSH_DOMAIN, 0, 1 },
        { "a page at either end of 2 MiB",
          { LEAVES(1, IOVA, RAM, 1), LEAVES(1, IOVA + 0x1ff000, RAM, 1) },
          FLUSH_DOMAIN, 2, 0 },
        { "both go", { CLEAR(1, IOVA, 512) }, FLUSH_DOMAIN, 0, 1 },
        { "leaves of every size",
          { LEAVES(1, IOVA, RAM, 16), LEAVES(2, IOVA + MIB2, RAM, 3),
            LEAVES(1, IOVA + 4 * MIB2, RAM, 16) }, FLUSH_DOMAIN, 35, 0 },
        { "go", { CLEAR(3, IOVA, 1) }, FLUSH_DOMAIN, 0, 1 },
    };
    World w;

    world_start_plain(&w);
    world_rows(&w, rows, ARRAY_SIZE(rows));
    world_stop(&w);
}

static void test_cleared_gib(void)
{
    const unsigned tables = 512;
    World w;

    world_start_plain(&w);
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < tables; i++) {
            /* 32 MiB of targets, again and again */
            WORLD_EDIT(&w, LEAVES(1, IOVA + i * MIB2,
                                  RAM + i % 16 * MIB2, 512));
        }
        vtd_row("GiB of pages");
        event_desc(&w, FLUSH_DOMAIN);
        shadow_expect_steps(&w.sa, tables * 512, 0);
        for (unsigned i = 0; i < tables; i++) {
            WORLD_EDIT(&w, CLEAR(round ? 1 : 2, IOVA + i * MIB2,
                                 round ? 512 : 1));
        }
        vtd_row("GiB cleared at level %d", round ? 1 : 2);
        event_desc(&w, FLUSH_DOMAIN);
        shadow_expect_steps(&w.sa, 0, 1);
    }
    world_stop(&w);
}

/* While dirty pages are tracked each mapping goes alone, with its target */
static void test_dirty_tracking(void)
{
    g_autoptr(GArray) log = NULL;
    uint64_t from;
    World w;

    world_start_plain(&w);
    WORLD_EDIT(&w, LEAVES(1, IOVA, RAM, 8), LEAVES(2, IOVA + MIB2, RAM, 2));
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);

    vtd_row("dirty tracking");
    expect_eq(testdev_command(&w.a, TESTDEV_DIRTY, 1, 1ull), TESTDEV_OK);
    from = testdev_count(&w.a, TESTDEV_LOGGED);
    WORLD_EDIT(&w, CLEAR(1, IOVA, 8), CLEAR(2, IOVA + MIB2, 2));
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect_steps(&w.sa, 0, 10);
    log = testdev_log(&w.a, from);
    expect_eq(log->len, 10);
    for (unsigned i = 0; i < log->len; i++) {
        const TestdevLog *l = &g_array_index(log, TestdevLog, i);
        uint64_t base = l->iova < IOVA + MIB2 ? IOVA : IOVA + MIB2;

        expect_eq(l->mappings, 1);
        expect_eq(l->target, RAM + (l->iova - base));
    }

    vtd_row("dirty tracking, a page that changes");
    WORLD_EDIT(&w, LEAVES(1, IOVA, RAM, 1));
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect_steps(&w.sa, 1, 0);
    from = testdev_count(&w.a, TESTDEV_LOGGED);
    WORLD_EDIT(&w, LEAVES(1, IOVA, RAM + 0x5000, 1));
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect_steps(&w.sa, 1, 1);
    g_array_free(g_steal_pointer(&log), true);
    log = testdev_log(&w.a, from);
    if (expect_eq(log->len, 2)) {
        expect_eq(g_array_index(log, TestdevLog, 0).target, RAM);
    }

    vtd_row("no dirty tracking");
    expect_eq(testdev_command(&w.a, TESTDEV_DIRTY, 1, 0ull), TESTDEV_OK);
    WORLD_EDIT(&w, LEAVES(1, IOVA, RAM, 8));
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    WORLD_EDIT(&w, CLEAR(1, IOVA, 8));
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect_steps(&w.sa, 0, 1);
    world_stop(&w);
}

/* 5: as wide as the leaf, or the RAM that it has */

static void test_map_width(void)
{
    static const Row rows[] = {
        { "neighbours are not joined", { LEAVES(1, IOVA, RAM, 1024) },
          FLUSH_DOMAIN, 1024, 0 },
        { "a 2-MiB leaf is one", { LEAVES(2, IOVA + 4 * MIB2, RAM, 1) },
          FLUSH_DOMAIN, 1, 0 },
        { "two of them are two", { LEAVES(2, IOVA + 8 * MIB2, RAM, 2) },
          FLUSH_DOMAIN, 2, 0 },
        { "a 1-GiB leaf is one",
          { LEAVES(3, 2 * WORLD_GIB, WORLD_GIB, 1) }, FLUSH_DOMAIN, 1, 0 },
        { "all of it, by pages that lie in it",
          { LEAVES(3, 4 * WORLD_GIB, WORLD_GIB, 1) },
          FLUSH_PAGES(4 * WORLD_GIB + 0x12345000, 0), 1, 0 },
    };
    World w;

    world_start_big(&w);
    world_rows(&w, rows, ARRAY_SIZE(rows));
    expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 1024 + 5 + 1);
    world_stop(&w);
}

static void test_not_ram(void)
{
    /* Memory ends in the middle of a leaf: 129 MiB */
    static const Row rows[] = {
        { "pages on both sides of the end of RAM",
          { LEAVES(1, IOVA, 0x80fe000, 4) }, FLUSH_DOMAIN, 2, 0 },
        { "registers", { LEAVES(1, IOVA, VTD_BASE, 1) }, FLUSH_DOMAIN, 0, 1 },
        { "a hole", { LEAVES(1, IOVA, VTD_HOLE, 1) }, FLUSH_DOMAIN, 0, 1 },
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
          { LEAVES(3, 2 * WORLD_GIB, 0, 1) }, FLUSH_DOMAIN, 24, 0 },
        { "it goes, too", { CLEAR(3, 2 * WORLD_GIB, 1) },
          FLUSH_DOMAIN, 0, 1 },
    };
    World w;

    /* Without a VGA there is no hole below 1 MiB */
    world_start(&w, "", "", "-m 129M -device VGA,romfile=");
    w.plain.ram = 0x8100000;
    w.plain.hole = true;
    world_rows(&w, rows, ARRAY_SIZE(rows));
    vtd_row("what was not sent is counted");
    expect_true(vtd_stat(&w.d, "shadow-unsendable") > 0);
    world_stop(&w);
}

/* The smallest address width, and the last page of each */
static void test_widths(void)
{
    static const Row narrow[] = {
        { "39 bits: the ends",
          { LEAVES(1, 0, RAM, 1), LEAVES(1, 0x7ffffff000, RAM, 1) },
          FLUSH_DOMAIN, 2, 0 },
        { "39 bits: all, page-selective", { CLEAR(1, 0x7ffffff000, 1) },
          FLUSH_PAGES(0x7ffffff000, 0), 0, 1 },
        { "39 bits: all goes", { CLEAR(3, 0, 1) }, FLUSH_DOMAIN, 0, 10 },
    };
    static const Row wide[] = {
        { "48 bits: the ends",
          { LEAVES(1, 0, RAM, 1), LEAVES(1, 0xfffffffff000, RAM, 1),
            LEAVES(2, 0x7fffffe00000, RAM, 1),
            LEAVES(2, 0x800000000000, RAM, 1) }, FLUSH_DOMAIN, 4, 0 },
        { "48 bits: the last page", { CLEAR(1, 0xfffffffff000, 1) },
          FLUSH_PAGES(0xfffffffff000, 0), 0, 1 },
        { "48 bits: all goes",
          { CLEAR(4, 0, 1), CLEAR(4, 0x7fffffe00000, 1),
            CLEAR(4, 0x800000000000, 1) }, FLUSH_DOMAIN, 0, 12 },
    };
    World w;

    world_start(&w, ",aw-bits=39", "", "");
    world_rows(&w, narrow, ARRAY_SIZE(narrow));
    world_stop(&w);
    world_start_plain(&w);
    world_rows(&w, wide, ARRAY_SIZE(wide));
    world_stop(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/shadow/first/split", test_first_split);
    qtest_add_func("/intel-iommu/shadow/first/reserved", test_first_reserved);
    qtest_add_func("/intel-iommu/shadow/first/interrupts",
                   test_first_interrupts);
    qtest_add_func("/intel-iommu/shadow/1-events", test_events);
    qtest_add_func("/intel-iommu/shadow/1-no-events", test_no_events);
    qtest_add_func("/intel-iommu/shadow/1-reset", test_reset);
    qtest_add_func("/intel-iommu/shadow/2-unchanged", test_unchanged);
    qtest_add_func("/intel-iommu/shadow/3-in-place", test_in_place);
    qtest_add_func("/intel-iommu/shadow/3-permissions", test_permissions);
    qtest_add_func("/intel-iommu/shadow/4-fewest-unmaps", test_fewest_unmaps);
    qtest_add_func("/intel-iommu/shadow/4-cleared-gib", test_cleared_gib);
    qtest_add_func("/intel-iommu/shadow/4-dirty-tracking",
                   test_dirty_tracking);
    qtest_add_func("/intel-iommu/shadow/5-map-width", test_map_width);
    qtest_add_func("/intel-iommu/shadow/5-not-ram", test_not_ram);
    qtest_add_func("/intel-iommu/shadow/5-widths", test_widths);
    return g_test_run();
}
