/*
 * VT-d qtests: the events that bring a shadow in step
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Everything after which what the guest's tables say must hold, also when
 * they say what they said before: then nothing is notified.
 */

#include "qemu/osdep.h"
#include "vtd-trace.h"
#include "vtd-board.h"

#define RAM                     BOARD_RAM

/* Rule "in step": every event that can change a mapping */

static void event_desc(Board *w, QVtdDesc desc)
{
    qvtd_invalidate(&w->d, desc);
}

static void event_pages(Board *w)
{
    qvtd_queue_put(&w->d, FLUSH_PAGES(IOVA, 0));
    qvtd_queue_put(&w->d, FLUSH_PAGES(IOVA + 0x3000, 0));
    qvtd_queue_put(&w->d, FLUSH_PAGES(IOVA + 0x8000, 2));
    expect_true(qvtd_queue_sync(&w->d));
}

static void event_pages_register(Board *w)
{
    qvtd_invalidate_by_register(&w->d, FLUSH_PAGES(IOVA, 6));
}

static void event_root(Board *w)
{
    uint64_t root = qvtd_alloc(&w->d, 1);
    uint8_t page[QVTD_PAGE];

    qtest_bufread(w->d.qts, w->d.root, page, sizeof(page));
    qtest_bufwrite(w->d.qts, root, page, sizeof(page));
    w->d.root = root;
    qvtd_write64(&w->d, QVTD_RTADDR, root);
    qvtd_command(&w->d, QVTD_SRTP, true);
}

static void event_translation(Board *w)
{
    qvtd_disable(&w->d);
    expect_eq(testdev_count(&w->a, TESTDEV_SECTIONS), 0);
    expect_eq(testdev_count(&w->a, TESTDEV_MAPPINGS), 0);
    expect_true(qvtd_command(&w->d, QVTD_TE, true) & QVTD_TE);
}

static void event_register(Board *w)
{
    /* MAP and UNMAP; what is mapped is forgotten, and comes by replay */
    testdev_command(&w->a, TESTDEV_REGISTER, 1, 3ull);
    shadow_restart(&w->sa);
}

static void event_flags(Board *w)
{
    testdev_command(&w->a, TESTDEV_REGISTER, 1, 1ull);
    event_register(w);
}

static void event_replay(Board *w)
{
    testdev_command(&w->a, TESTDEV_REPLAY, 0);
}

static const struct Event {
    const char *name;
    void (*run)(Board *w);
    QVtdDesc desc;
    bool all_anew;              /* all mappings come again, and may */
} events[] = {
    { "global IOTLB", NULL, QVTD_INV_IOTLB_GLOBAL },
    { "domain IOTLB", NULL, QVTD_INV_IOTLB_DOMAIN(1) },
    { "page IOTLB, each page", event_pages },
    { "page IOTLB, all at once", NULL, FLUSH_PAGES(IOVA, 9) },
    { "page IOTLB, IH", NULL, FLUSH_PAGES(IOVA, 9 | QVTD_IVA_IH) },
    { "page IOTLB, address in the middle",
      NULL, FLUSH_PAGES(IOVA + 0x4000, 4) },
    { "global context", NULL, QVTD_INV_CONTEXT_GLOBAL },
    { "domain context", NULL, QVTD_INV_CONTEXT_DOMAIN(1) },
    { "device context", NULL, QVTD_INV_CONTEXT_DEVICE(1, 0x18, 0) },
    { "device context, FM 1", NULL, QVTD_INV_CONTEXT_DEVICE(1, 0x1c, 1) },
    { "device context, FM 2", NULL, QVTD_INV_CONTEXT_DEVICE(1, 0x1e, 2) },
    { "device context, FM 3", NULL, QVTD_INV_CONTEXT_DEVICE(1, 0x1f, 3) },
    { "IOTLB register, page", event_pages_register },
    { "root table", event_root },
    { "translation off and on", event_translation, .all_anew = true },
    { "registered anew", event_register, .all_anew = true },
    { "flags there and back", event_flags, .all_anew = true },
    { "replay", event_replay },
};

static const struct RegisterEvent {
    const char *name;
    QVtdDesc desc;
} register_events[] = {
    { "IOTLB register, global", QVTD_INV_IOTLB_GLOBAL },
    { "IOTLB register, domain", QVTD_INV_IOTLB_DOMAIN(1) },
    { "CCMD, global", QVTD_INV_CONTEXT_GLOBAL },
    { "CCMD, domain", QVTD_INV_CONTEXT_DOMAIN(1) },
    { "CCMD, device", QVTD_INV_CONTEXT_DEVICE(1, 0x18, 0) },
};

/* One page goes, one changes, one comes: and back */
static void change_three(Board *w, bool back)
{
    if (back) {
        BOARD_EDIT(w, LEAVES(1, IOVA, RAM, 8), CLEAR(1, IOVA + 0x9000, 1));
    } else {
        BOARD_EDIT(w, CLEAR(1, IOVA, 1),
                   LEAVES(1, IOVA + 0x3000, RAM + MIB2, 1),
                   LEAVES(1, IOVA + 0x9000, RAM + 0x9000, 1));
    }
}

static void run_event(Board *w, bool all_anew)
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
    Board w;

    board_start_plain(&w);
    change_three(&w, true);
    event_desc(&w, QVTD_INV_IOTLB_GLOBAL);
    shadow_expect(&w.sa);
    for (int i = 0; i < ARRAY_SIZE(events) * 2; i++) {
        const struct Event *e = &events[i / 2];

        qvtd_row("%s%s", e->name, i % 2 ? ", back" : "");
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

        qvtd_row("%s%s", e->name, i % 2 ? ", back" : "");
        change_three(&w, i % 2);
        qvtd_invalidate_by_register(&w.d, e->desc);
        run_event(&w, false);
    }
    board_stop(&w);
}

static gint by_iova(gconstpointer a, gconstpointer b)
{
    const TestdevLog *x = a, *y = b;

    return x->iova < y->iova ? -1 : x->iova > y->iova;
}

/* A replay is one MAP for each that was sent, as it was sent */
static void expect_replayed(Board *w)
{
    uint64_t from = testdev_count(&w->a, TESTDEV_LOGGED);
    g_autoptr(GArray) table = testdev_table(&w->a);
    g_autoptr(GArray) log = NULL;

    expect_eq(testdev_command(&w->a, TESTDEV_REPLAY, 0), TESTDEV_OK);
    log = testdev_log(&w->a, from);
    g_array_sort(log, by_iova);
    expect_eq(log->len, table->len);
    for (unsigned i = 0; i < MIN(log->len, table->len); i++) {
        const TestdevLog *l = &g_array_index(log, TestdevLog, i);
        const TestdevMapping *m = &g_array_index(table, TestdevMapping, i);

        if (!(expect_eq(l->kind, TESTDEV_REPLAY_MAP) &&
              expect_eq(l->iova, m->iova) && expect_eq(l->last, m->last) &&
              expect_eq(l->target, m->target) &&
              expect_eq(l->perm, m->perm))) {
            break;
        }
    }
    shadow_expect_quiet(&w->sa);
}

static void test_replay(void)
{
    Board w;

    board_start_big(&w);
    qvtd_row("one page");
    expect_replayed(&w);
    qvtd_row("leaves of all kinds");
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 600),
               SAME_LEAVES(1, IOVA + 4 * MIB2, RAM, 512),
               LEAVES_BITS(1, IOVA + 6 * MIB2, RAM, 5, QVTD_R),
               LEAVES_BITS(1, IOVA + 7 * MIB2, RAM, 5, QVTD_W),
               LEAVES(2, IOVA + 8 * MIB2, RAM, 3),
               LEAVES_BITS(2, IOVA + 16 * MIB2, RAM, 1, QVTD_R),
               LEAVES(1, IOVA + 20 * MIB2, QVTD_HOLE, 3),
               LEAVES(3, 3 * BOARD_GIB, BOARD_GIB, 1),
               LEAVES(3, 8 * BOARD_GIB, BOARD_GIB_2, 1));
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    expect_replayed(&w);
    qvtd_row("what was sent as one, and is pages now");
    BOARD_EDIT(&w, CLEAR(2, IOVA + 8 * MIB2, 3),
               LEAVES(1, IOVA + 8 * MIB2, RAM, 3 * 512));
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect_quiet(&w.sa);
    expect_replayed(&w);
    qvtd_row("what was sent as one, and was split");
    BOARD_EDIT(&w, CLEAR(1, IOVA + 9 * MIB2 + 0x5000, 1));
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    expect_replayed(&w);
    qvtd_row("what was sent as pages, and is one now");
    BOARD_EDIT(&w, LEAVES(2, IOVA, RAM, 1));
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect_quiet(&w.sa);
    expect_replayed(&w);
    board_stop(&w);
}

/* What does not cover a change may leave it, and what it says is no lie */
static void test_no_events(void)
{
    static const struct {
        const char *name;
        QVtdDesc desc;
    } rows[] = {
        { "another domain", QVTD_INV_IOTLB_DOMAIN(2) },
        { "another domain's pages", QVTD_INV_IOTLB_PAGES(2, IOVA, 9) },
        { "other pages", FLUSH_PAGES(IOVA + MIB2, 9) },
        { "another device", QVTD_INV_CONTEXT_DEVICE(1, 0x20, 0) },
        { "another domain's context", QVTD_INV_CONTEXT_DOMAIN(2) },
        { "interrupt entries", QVTD_INV_IEC_GLOBAL },
    };
    g_autoptr(GArray) may = runs_new();
    Board w;

    board_start_plain(&w);
    RUNS_ADD(may, IOVA, IOVA + 0xffff);
    change_three(&w, true);
    event_desc(&w, QVTD_INV_IOTLB_GLOBAL);
    shadow_expect(&w.sa);
    change_three(&w, false);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s", rows[i].name);
        event_desc(&w, rows[i].desc);
        shadow_expect_between(&w.sa, may);
    }
    board_stop(&w);
}

/* Reset ends translation: all mappings go with their sections */
static void test_reset(void)
{
    Board w;

    board_start_plain(&w);
    change_three(&w, true);
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    shadow_stop(&w.sa);
    testdev_stop(&w.a);

    qvtd_row("reset");
    qvtd_reset(&w.d);
    testdev_start(&w.a, &w.d, 0x18);
    expect_eq(testdev_count(&w.a, TESTDEV_SECTIONS), 0);
    expect_eq(testdev_count(&w.a, TESTDEV_MAPPINGS), 0);
    testdev_expect_no_error(&w.a);

    qvtd_row("translation on again, with other tables");
    qvtd_enable(&w.d);
    w.domain = qvtd_domain_new(&w.d, 1, 4);
    shadow_start(&w.sa, &w.a, &w.plain);
    BOARD_EDIT(&w, LEAVES(1, IOVA + MIB2, RAM, 16));
    qvtd_attach(&w.d, 0x18, &w.domain);
    qvtd_invalidate_all(&w.d);
    shadow_expect_steps(&w.sa, 17, 0);
    board_stop(&w);
}

/* Rule "untouched": what did not change is not touched */
static void test_unchanged(void)
{
    Board w;

    board_start_plain(&w);
    BOARD_EDIT(&w, LEAVES(1, IOVA, RAM, 2048),
               LEAVES(2, 2 * IOVA, RAM, 8),
               SAME_LEAVES(1, 0x100000000, RAM, 2048));
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    for (int i = 0; i < ARRAY_SIZE(events); i++) {
        qvtd_row("%s", events[i].name);
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

        qvtd_row("%s", e->name);
        qvtd_invalidate_by_register(&w.d, e->desc);
        shadow_expect_quiet(&w.sa);
    }
    for (unsigned am = 0; am <= board_mamv(&w); am++) {
        uint64_t iova = 2 * IOVA & ~((QVTD_PAGE << am) - 1);

        qvtd_row("pages, AM %u", am);
        event_desc(&w, FLUSH_PAGES(iova, am));
        shadow_expect_quiet(&w.sa);
    }
    qvtd_row("translation on when it is on");
    qvtd_command(&w.d, QVTD_TE, true);
    shadow_expect_quiet(&w.sa);
    board_stop(&w);
}

/* The trace tells what was done, in which domain and why */

static void expect_trace(TraceLog *log, const char *event, const char *text)
{
    g_autofree char *line = trace_log_take(log, event);
    g_autofree char *want = g_strdup_printf("%s %s", event, text);

    if (!expect_true(!g_strcmp0(line, want))) {
        g_test_message("got \"%s\", want \"%s\"", line, want);
    }
}

/* The first sync that was traced since the last look is for that reason */
static void expect_why(TraceLog *log, const char *why)
{
    g_autofree char *line = trace_log_take(log, "vtd_shadow_sync");
    g_autofree char *want = g_strdup_printf("vtd_shadow_sync %s: domain 0x1 ",
                                            why);

    if (!expect_true(line && g_str_has_prefix(line, want))) {
        g_test_message("got \"%s\", want \"%s...\"", line, want);
    }
    trace_log_count(log, "vtd_shadow_sync");
}

static void test_trace(void)
{
    Board w;
    TraceLog log;
    g_autofree char *sync = NULL;
    uint64_t counted;

    trace_log_start(&log, "vtd_shadow_*");
    board_start(&w, "", "", log.args);
    change_three(&w, true);
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    trace_log_count(&log, "vtd_shadow_sync");
    counted = qvtd_stat(&w.d, "shadow-unmapped-pages");

    qvtd_row("one goes, one changes, one comes");
    change_three(&w, false);
    event_desc(&w, FLUSH_DOMAIN);
    shadow_expect(&w.sa);
    sync = g_strdup_printf("domain: domain 0x1 table 0x%" PRIx64 " from 0x0 "
                           "to 0xffffffffffff spaces 1", w.domain.top);
    expect_trace(&log, "vtd_shadow_sync", sync);
    expect_trace(&log, "vtd_shadow_unmap",
                 "domain: domain 0x1 from 0x40000000 to 0x40000fff");
    expect_trace(&log, "vtd_shadow_unmap",
                 "domain: domain 0x1 from 0x40003000 to 0x40003fff");
    expect_trace(&log, "vtd_shadow_map",
                 "domain: domain 0x1 from 0x40003000 to 0x40003fff "
                 "target 0x4200000 read 1 write 1");
    expect_trace(&log, "vtd_shadow_map",
                 "domain: domain 0x1 from 0x40009000 to 0x40009fff "
                 "target 0x4009000 read 1 write 1");
    /* A table that is as it was counts whole: the driver's own page's */
    expect_trace(&log, "vtd_shadow_skip",
                 "domain: domain 0x1 unchanged pages 0x206");

    expect_eq(qvtd_stat(&w.d, "shadow-unmapped-pages"), counted + 2);

    qvtd_row("reasons");
    event_desc(&w, FLUSH_PAGES(IOVA, 0));
    expect_why(&log, "pages");
    event_desc(&w, QVTD_INV_IOTLB_GLOBAL);
    expect_why(&log, "global");
    event_desc(&w, QVTD_INV_CONTEXT_GLOBAL);
    expect_why(&log, "context");
    event_replay(&w);
    expect_why(&log, "replay");
    event_register(&w);
    expect_why(&log, "listener");
    board_stop(&w);
    trace_log_stop(&log);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/shadow/1-events", test_events);
    qtest_add_func("/intel-iommu/shadow/1-no-events", test_no_events);
    qtest_add_func("/intel-iommu/shadow/1-replay", test_replay);
    qtest_add_func("/intel-iommu/shadow/1-reset", test_reset);
    qtest_add_func("/intel-iommu/shadow/2-unchanged", test_unchanged);
    qtest_add_func("/intel-iommu/shadow/trace", test_trace);
    return g_test_run();
}
