/*
 * VT-d qtests: the IOMMU test device itself
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * That the device sees what it is to see: a notification that breaks a rule
 * of VFIO's is counted and changes nothing, the log and the table say what
 * came, and the reader misses a page that is gone.  The notifications come
 * from the device's own region (floor=on).
 */

#include "qemu/osdep.h"
#include "vtd-testdev.h"

#define UNMAP                   1ull
#define MAP                     2ull
#define DEVICE_UNMAP            4ull
#define RAM                     0x2000000ull
#define END_OF_RAM              0x8000000ull

typedef struct Bench {
    QVtd d;
    Testdev t;
} Bench;

static void bench_start(Bench *b, const char *props)
{
    g_autofree char *args =
        g_strconcat("-device vtd-testdev,addr=3,floor=on", props, NULL);

    qvtd_start(&b->d, "", "", args);
    testdev_start(&b->t, &b->d, QPCI_DEVFN(3, 0));
    testdev_clear(&b->t);
}

static void bench_stop(Bench *b)
{
    testdev_stop(&b->t);
    qvtd_stop(&b->d);
}

static uint64_t notify(Bench *b, uint64_t type, uint64_t iova, uint64_t mask,
                       uint64_t target, uint64_t perm)
{
    return testdev_command(&b->t, TESTDEV_NOTIFY, 5, type, iova, mask, target,
                           perm);
}

/* A notification, what it is counted as, and what is mapped after it */
static const struct {
    const char *name;
    uint64_t type, iova, mask, target, perm;
    unsigned error;
    unsigned mappings, pages;
} rules[] = {
    { "map", MAP, 0x200000, 0x1fffff, RAM, 3, 0, 1, 512 },
    { "map the same", MAP, 0x200000, 0x1fffff, RAM, 3,
      TESTDEV_ERROR_OVERLAP, 1, 512 },
    { "map its first page", MAP, 0x200000, 0xfff, RAM, 3,
      TESTDEV_ERROR_OVERLAP, 1, 512 },
    { "map its last page", MAP, 0x3ff000, 0xfff, RAM, 3,
      TESTDEV_ERROR_OVERLAP, 1, 512 },
    { "map around it", MAP, 0, 0x3fffffff, 0x40000000, 3,
      TESTDEV_ERROR_OVERLAP, 1, 512 },
    { "map below", MAP, 0x1ff000, 0xfff, RAM, 1, 0, 2, 513 },
    { "map above", MAP, 0x400000, 0xfff, RAM, 2, 0, 3, 514 },
    { "unmap its first page", UNMAP, 0x200000, 0xfff, 0, 0,
      TESTDEV_ERROR_SPLIT, 3, 514 },
    { "unmap its last page", UNMAP, 0x3ff000, 0xfff, 0, 0,
      TESTDEV_ERROR_SPLIT, 3, 514 },
    { "unmap its upper half", UNMAP, 0x300000, 0xfffff, 0, 0,
      TESTDEV_ERROR_SPLIT, 3, 514 },
    { "unmap what is not mapped", UNMAP, 0x800000, 0x7fffff, 0, 0, 0, 3, 514 },
    { "unmap it", UNMAP, 0x200000, 0x1fffff, 0, 0, 0, 2, 2 },
    { "unmap all around", UNMAP, 0, 0x3fffffff, 0, 0, 0, 0, 0 },
    { "not a power of two", MAP, 0x200000, 0x2fff, RAM, 3,
      TESTDEV_ERROR_ALIGN, 0, 0 },
    { "IOVA not aligned", MAP, 0x201000, 0x1fff, RAM, 3,
      TESTDEV_ERROR_ALIGN, 0, 0 },
    { "target not aligned", MAP, 0x200000, 0x1fff, RAM + 0x1000, 3,
      TESTDEV_ERROR_ALIGN, 0, 0 },
    { "less than a page", MAP, 0x200000, 0x7ff, RAM, 3,
      TESTDEV_ERROR_ALIGN, 0, 0 },
    { "unmap less than a page", UNMAP, 0x200000, 0x7ff, 0, 0,
      TESTDEV_ERROR_ALIGN, 0, 0 },
    { "unmap all that there is", UNMAP, 0, UINT64_MAX, 0, 0,
      TESTDEV_ERROR_ALIGN, 0, 0 },
    { "last page of RAM", MAP, 0x200000, 0xfff, END_OF_RAM - 0x1000, 3, 0,
      1, 1 },
    { "first page that is not RAM", MAP, 0x201000, 0xfff, END_OF_RAM, 3,
      TESTDEV_ERROR_TARGET, 1, 1 },
    { "over the end of RAM", MAP, 0x40000000, 0x3fffffff, 0, 3,
      TESTDEV_ERROR_TARGET, 1, 1 },
    { "registers", MAP, 0x300000, 0xfff, QVTD_BASE, 3, TESTDEV_ERROR_TARGET,
      1, 1 },
    { "the end of the IOVAs", MAP, -0x1000ull, 0xfff, RAM, 3, 0, 2, 2 },
};

static void test_rules(void)
{
    unsigned errors[TESTDEV_ERROR_END] = { 0 }, all = 0;
    GArray *log, *table;
    Bench b;

    bench_start(&b, "");
    for (int i = 0; i < ARRAY_SIZE(rules); i++) {
        qvtd_row("%s", rules[i].name);
        expect_eq(notify(&b, rules[i].type, rules[i].iova, rules[i].mask,
                         rules[i].target, rules[i].perm), TESTDEV_OK);
        if (rules[i].error) {
            errors[rules[i].error]++;
            all++;
        }
        expect_eq(testdev_count(&b.t, TESTDEV_ALL_ERRORS), all);
        expect_eq(testdev_count(&b.t, TESTDEV_MAPPINGS), rules[i].mappings);
        expect_eq(testdev_count(&b.t, TESTDEV_MAPPED_PAGES), rules[i].pages);
    }
    for (unsigned i = 1; i < TESTDEV_ERROR_END; i++) {
        qvtd_row("all rows, error %u", i);
        expect_eq(testdev_count(&b.t, TESTDEV_ALL_ERRORS + i), errors[i]);
    }

    log = testdev_log(&b.t, 0);
    qvtd_row("length of the log");
    g_assert_cmpuint(log->len, ==, ARRAY_SIZE(rules));
    for (int i = 0; i < log->len; i++) {
        TestdevLog *l = &g_array_index(log, TestdevLog, i);

        qvtd_row("log of %s", rules[i].name);
        expect_eq(l->kind, rules[i].type == MAP ? TESTDEV_MAP : TESTDEV_UNMAP);
        expect_eq(l->iova, rules[i].iova);
        expect_eq(l->last, rules[i].iova + rules[i].mask);
        expect_eq(l->target, rules[i].target);
        expect_eq(l->perm, rules[i].perm);
        expect_eq(l->error, rules[i].error);
        if (i) {
            expect_true(l->ns >= (l - 1)->ns);
        }
    }
    table = testdev_table(&b.t);
    g_assert_cmpuint(table->len, ==, 2);
    for (int i = 0; i < 2; i++) {
        TestdevMapping *m = &g_array_index(table, TestdevMapping, i);

        qvtd_row("mapping %d", i);
        expect_eq(m->iova, i ? -0x1000ull : 0x200000);
        expect_eq(m->last, i ? UINT64_MAX : 0x200fff);
        expect_eq(m->target, i ? RAM : END_OF_RAM - 0x1000);
        expect_eq(m->perm, 3);
    }
    g_array_free(table, true);
    g_array_free(log, true);
    bench_stop(&b);
}

/* More records than fit into one read */
static void test_bulk(void)
{
    const unsigned n = 40000;
    GArray *log, *table;
    Bench b;

    bench_start(&b, "");
    for (unsigned i = 0; i < n; i++) {
        notify(&b, MAP, (n - 1 - i) * 0x2000ull, 0xfff, RAM, 3);
    }
    table = testdev_table(&b.t);
    qvtd_row("table");
    expect_eq(table->len, n);
    for (unsigned i = 0; i < table->len; i++) {
        if (!expect_eq(g_array_index(table, TestdevMapping, i).iova,
                       i * 0x2000ull)) {
            break;
        }
    }
    log = testdev_log(&b.t, 1);
    qvtd_row("log but its first record");
    expect_eq(log->len, n - 1);
    for (unsigned i = 0; i < log->len; i++) {
        if (!expect_eq(g_array_index(log, TestdevLog, i).iova,
                       (n - 2 - i) * 0x2000ull)) {
            break;
        }
    }
    g_array_free(log, true);
    g_array_free(table, true);

    qvtd_row("one UNMAP for all");
    notify(&b, UNMAP, 0, 0x1fffffff, 0, 0);
    expect_eq(testdev_count(&b.t, TESTDEV_MAPPINGS), 0);
    expect_true(testdev_count(&b.t, TESTDEV_OWN_NS) > 0);
    testdev_expect_no_error(&b.t);
    bench_stop(&b);
}

/* Where a notification can be of a PASID, none is to be */
static void test_pasid(void)
{
    Bench b;

    bench_start(&b, "");
    qvtd_row("the first PASID");
    if (testdev_command(&b.t, TESTDEV_NOTIFY, 6, MAP, 0ull, 0xfffull, RAM,
                        3ull, 1ull) == TESTDEV_OK) {
        expect_eq(testdev_count(&b.t, TESTDEV_ERRORS_OF(PASID)), 1);
    } else {
        g_test_skip("no PASID in notifications of this QEMU");
    }
    expect_eq(testdev_count(&b.t, TESTDEV_MAPPINGS), 0);
    testdev_clear(&b.t);
    qvtd_row("no PASID");
    expect_eq(testdev_command(&b.t, TESTDEV_NOTIFY, 6, MAP, 0ull, 0xfffull,
                              RAM, 3ull, 0ull), TESTDEV_OK);
    expect_eq(testdev_count(&b.t, TESTDEV_MAPPINGS), 1);
    expect_eq(testdev_probe(&b.t, 0x1000).target, 0x1000);
    testdev_expect_no_error(&b.t);
    bench_stop(&b);
}

static void test_limits(void)
{
    Bench b;

    bench_start(&b, ",limit=2");
    for (unsigned i = 0; i < 3; i++) {
        notify(&b, MAP, i * 0x1000, 0xfff, RAM, 3);
    }
    qvtd_row("limit 2");
    expect_eq(testdev_count(&b.t, TESTDEV_MAPPINGS), 2);
    expect_eq(testdev_count(&b.t, TESTDEV_ERRORS_OF(LIMIT)), 1);

    qvtd_row("the second MAP fails");
    testdev_write_reg(&b.t, TESTDEV_LIMIT, 0);
    testdev_write_reg(&b.t, TESTDEV_FAIL_MAP, 2);
    for (unsigned i = 3; i < 6; i++) {
        notify(&b, MAP, i * 0x1000, 0xfff, RAM, 3);
    }
    expect_eq(testdev_count(&b.t, TESTDEV_ERRORS_OF(FORCED)), 1);
    expect_eq(testdev_count(&b.t, TESTDEV_MAPPINGS), 4);
    notify(&b, MAP, 0x4000, 0xfff, RAM, 3);
    expect_eq(testdev_count(&b.t, TESTDEV_MAPPINGS), 5);
    expect_eq(testdev_count(&b.t, TESTDEV_ALL_ERRORS), 2);
    bench_stop(&b);
}

/* While dirty pages are tracked, an UNMAP is of one mapping, by its target */
static void check_dirty(const char *props, bool iommufd)
{
    static const struct {
        const char *name;
        uint64_t iova, mask, target;
        unsigned errors, mappings;
    } rows[] = {
        { "of two mappings", 0x2000, 0x1fff, RAM, 1, 3 },
        { "wider than the mapping", 0x4000, 0x1fff, RAM + 0x2000, 2, 3 },
        { "without its target", 0x4000, 0xfff, 0, 3, 3 },
        { "by its target", 0x4000, 0xfff, RAM + 0x2000, 3, 2 },
    };
    Bench b;

    bench_start(&b, props);
    for (unsigned i = 0; i < 3; i++) {
        notify(&b, MAP, 0x2000 + i * 0x1000, 0xfff, RAM + i * 0x1000, 3);
    }
    testdev_command(&b.t, TESTDEV_DIRTY, 1, 1ull);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s", rows[i].name);
        notify(&b, UNMAP, rows[i].iova, rows[i].mask, rows[i].target, 0);
        expect_eq(testdev_count(&b.t, TESTDEV_ERRORS_OF(INEXACT)),
                  rows[i].errors);
        expect_eq(testdev_count(&b.t, TESTDEV_MAPPINGS), rows[i].mappings);
    }
    qvtd_row("%s: of nothing", props);
    notify(&b, UNMAP, 0x4000, 0xfff, RAM, 0);
    expect_eq(testdev_count(&b.t, TESTDEV_ERRORS_OF(INEXACT)), 3 + iommufd);
    qvtd_row("not tracked any more");
    testdev_command(&b.t, TESTDEV_DIRTY, 1, 0ull);
    notify(&b, UNMAP, 0x2000, 0x1fff, 0, 0);
    expect_eq(testdev_count(&b.t, TESTDEV_MAPPINGS), 0);
    expect_eq(testdev_count(&b.t, TESTDEV_ALL_ERRORS), 3 + iommufd);
    bench_stop(&b);
}

static void test_dirty(void)
{
    check_dirty("", false);
    check_dirty(",iommufd=on", true);
}

/* What a guest may write into the registers, and what comes of it */
static void test_refusals(void)
{
    static const struct {
        const char *name;
        unsigned command;
        uint64_t args[TESTDEV_ARGS];
        unsigned status;
    } rows[] = {
        { "command 0", 0, { }, TESTDEV_REFUSED },
        { "command 1000", 1000, { }, TESTDEV_REFUSED },
        { "log to a hole", TESTDEV_READ_LOG, { QVTD_HOLE, 0, 1 },
          TESTDEV_FAILED },
        { "log from behind its end", TESTDEV_READ_LOG, { RAM, 99, -1 },
          TESTDEV_OK },
        { "log to the device", TESTDEV_READ_LOG, { QVTD_BASE, 0, 1 },
          TESTDEV_FAILED },
        { "all of the table", TESTDEV_READ_TABLE, { RAM, 0, -1 }, TESTDEV_OK },
        { "flags that do not exist", TESTDEV_REGISTER, { 8 },
          TESTDEV_REFUSED },
        { "too many probes", TESTDEV_PROBE, { RAM, -1 }, TESTDEV_REFUSED },
        { "probes in a hole", TESTDEV_PROBE, { QVTD_HOLE, 1 },
          TESTDEV_REFUSED },
        { "probe for access 3", TESTDEV_PROBE, { RAM, 1, 3 },
          TESTDEV_REFUSED },
        { "probe for access 512", TESTDEV_PROBE, { RAM, 1, 512 },
          TESTDEV_REFUSED },
        { "DMA longer than the buffer", TESTDEV_DMA, { RAM, 4097 },
          TESTDEV_REFUSED },
        { "DMA to a hole", TESTDEV_DMA, { QVTD_HOLE, 8, 1 }, TESTDEV_FAILED },
        { "DMA", TESTDEV_DMA, { RAM, 4096, 1 }, TESTDEV_OK },
        { "loop over no page", TESTDEV_LOOP, { RAM, 0, 1, 1, 8 },
          TESTDEV_REFUSED },
        { "loop of too many bytes", TESTDEV_LOOP, { RAM, 1, 1, 1, 4097 },
          TESTDEV_REFUSED },
        { "too many pages to watch", TESTDEV_READER, { RAM, -1 },
          TESTDEV_REFUSED },
        { "pages to watch in a hole", TESTDEV_READER, { QVTD_HOLE, 1 },
          TESTDEV_REFUSED },
        { "event of two types", TESTDEV_NOTIFY, { 3, 0, 0xfff, 0, 0 },
          TESTDEV_REFUSED },
        { "event of type 0", TESTDEV_NOTIFY, { 0, 0, 0xfff, 0, 0 },
          TESTDEV_REFUSED },
        { "event of type 8", TESTDEV_NOTIFY, { 8, 0, 0xfff, 0, 0 },
          TESTDEV_REFUSED },
        { "event of a long type", TESTDEV_NOTIFY,
          { 1ull << 32, 0, 0xfff, 0, 0 }, TESTDEV_REFUSED },
        { "event that wraps", TESTDEV_NOTIFY,
          { UNMAP, -0x1000ull, 0x1fff, 0, 0 }, TESTDEV_REFUSED },
        { "UNMAP with permission", TESTDEV_NOTIFY,
          { UNMAP, 0, 0xfff, 0, 1 }, TESTDEV_REFUSED },
        { "MAP without permission", TESTDEV_NOTIFY,
          { MAP, 0, 0xfff, RAM, 0 }, TESTDEV_REFUSED },
    };
    Bench b;

    bench_start(&b, "");
    notify(&b, MAP, 0, 0xfff, RAM, 3);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s", rows[i].name);
        for (unsigned a = 0; a < TESTDEV_ARGS; a++) {
            testdev_write_reg(&b.t, TESTDEV_ARG(a), rows[i].args[a]);
        }
        expect_eq(testdev_command(&b.t, rows[i].command, 0), rows[i].status);
    }
    expect_eq(testdev_count(&b.t, TESTDEV_MAPPINGS), 1);
    bench_stop(&b);
}

/* vhost: all UNMAPs come, there are no rules, and no MAP comes */
static void test_unmap_only(void)
{
    static const struct {
        const char *props;
        uint64_t type, other;
        unsigned kind;
    } rows[] = {
        { ",unmap-only=on", UNMAP, DEVICE_UNMAP, TESTDEV_UNMAP },
        { ",device-tlb=on", DEVICE_UNMAP, UNMAP, TESTDEV_DEVICE_UNMAP },
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        GArray *log;
        Bench b;

        bench_start(&b, rows[i].props);
        qvtd_row("%s", rows[i].props);
        notify(&b, MAP, 0, 0xfff, RAM, 3);
        notify(&b, rows[i].other, 0, 0xfff, 0, 0);
        notify(&b, rows[i].type, 0x3000, 0x5fff, 0, 0);
        log = testdev_log(&b.t, 0);
        expect_eq(log->len, 1);
        if (log->len == 1) {
            TestdevLog *l = &g_array_index(log, TestdevLog, 0);

            expect_eq(l->kind, rows[i].kind);
            expect_eq(l->iova, 0x3000);
            expect_eq(l->last, 0x8fff);
        }
        g_array_free(log, true);
        testdev_expect_no_error(&b.t);

        qvtd_row("%s, flags swapped", rows[i].props);
        expect_eq(testdev_command(&b.t, TESTDEV_REGISTER, 1, rows[i].other),
                  TESTDEV_OK);
        testdev_clear(&b.t);
        notify(&b, rows[i].type, 0, 0xfff, 0, 0);
        expect_eq(testdev_count(&b.t, TESTDEV_LOGGED), 0);
        notify(&b, rows[i].other, 0, 0xfff, 0, 0);
        expect_eq(testdev_count(&b.t, TESTDEV_LOGGED), 1);
        bench_stop(&b);
    }
}

static void test_no_record(void)
{
    Bench b;

    bench_start(&b, ",record=off");
    qvtd_row("record=off");
    notify(&b, MAP, 0, 0xfff, RAM, 3);
    notify(&b, MAP, 0, 0xfff, RAM, 3);
    expect_eq(testdev_count(&b.t, TESTDEV_MAPS), 2);
    expect_eq(testdev_count(&b.t, TESTDEV_MAPPINGS), 1);
    expect_eq(testdev_count(&b.t, TESTDEV_ALL_ERRORS), 1);
    expect_eq(testdev_count(&b.t, TESTDEV_LOGGED), 0);
    bench_stop(&b);

    bench_start(&b, ",record=off,table=off");
    qvtd_row("record=off, table=off");
    notify(&b, MAP, 0, 0xfff, RAM, 3);
    notify(&b, MAP, 0, 0xfff, RAM, 3);
    expect_eq(testdev_count(&b.t, TESTDEV_MAPS), 2);
    expect_eq(testdev_count(&b.t, TESTDEV_MAPPINGS), 0);
    expect_eq(testdev_count(&b.t, TESTDEV_ALL_ERRORS), 0);
    expect_eq(testdev_count(&b.t, TESTDEV_LOGGED), 0);
    expect_eq(testdev_count(&b.t, TESTDEV_OWN_NS), 0);
    bench_stop(&b);
}

static void run_loop(Testdev *t, uint64_t iova, uint64_t pages,
                     uint64_t stride, uint64_t count, uint64_t flags)
{
    expect_eq(testdev_command(t, TESTDEV_LOOP, 7, iova, pages, stride, count,
                              8ull, flags, 5ull), TESTDEV_OK);
    while (testdev_count(t, TESTDEV_LOOP_RUNNING)) {
        g_usleep(100);
    }
}

/* How many of the @n pages the loop wrote to, which zeroes them */
static unsigned pages_written(Bench *b, uint64_t at, unsigned n)
{
    unsigned zero = 0;

    for (unsigned i = 0; i < n; i++) {
        zero += !qtest_readq(b->d.qts, at + i * QVTD_PAGE);
        qtest_writeq(b->d.qts, at + i * QVTD_PAGE, 1);
    }
    return zero;
}

static void test_loop(void)
{
    static const struct {
        const char *name;
        uint64_t pages, stride, count, flags;
        unsigned written;
    } rows[] = {
        { "reads", 8, 1, 100, 0, 0 },
        { "the same page", 1, 1, 100, TESTDEV_LOOP_WRITE, 1 },
        { "all pages but the last", 8, 1, 7, TESTDEV_LOOP_WRITE, 7 },
        { "stride 2", 8, 2, 100, TESTDEV_LOOP_WRITE, 4 },
        { "stride 3", 8, 3, 100, TESTDEV_LOOP_WRITE, 8 },
        { "random, all", 8, 0, 1000,
          TESTDEV_LOOP_WRITE | TESTDEV_LOOP_RANDOM, 8 },
    };
    Bench b;

    bench_start(&b, "");
    pages_written(&b, RAM, 8);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s", rows[i].name);
        run_loop(&b.t, RAM, rows[i].pages, rows[i].stride, rows[i].count,
                 rows[i].flags);
        expect_eq(testdev_count(&b.t, TESTDEV_LOOP_DONE), rows[i].count);
        expect_eq(testdev_count(&b.t, TESTDEV_LOOP_FAILURES), 0);
        expect_true(testdev_count(&b.t, TESTDEV_LOOP_NS) > 0);
        expect_eq(pages_written(&b, RAM, 8), rows[i].written);
    }
    qvtd_row("every other page is behind the end of RAM");
    run_loop(&b.t, END_OF_RAM - QVTD_PAGE, 2, 1, 100, TESTDEV_LOOP_WRITE);
    expect_eq(testdev_count(&b.t, TESTDEV_LOOP_FAILURES), 50);

    qvtd_row("a loop that is ended");
    testdev_command(&b.t, TESTDEV_LOOP, 5, RAM, 1ull, 1ull, UINT64_MAX, 8ull);
    expect_eq(testdev_count(&b.t, TESTDEV_LOOP_RUNNING), 1);
    testdev_command(&b.t, TESTDEV_LOOP, 4, RAM, 1ull, 1ull, 0ull);
    expect_eq(testdev_count(&b.t, TESTDEV_LOOP_RUNNING), 0);
    bench_stop(&b);
}

/* In lockstep the reader sees a hole however short it is open */
static void test_reader(void)
{
    const TestdevWatch watch[] = {
        { 0x1000, RAM }, { 0x200000, RAM + 0x400000 },
        { 0x3ff000, RAM + 0x5ff000 },
    };
    Bench b;

    bench_start(&b, "");
    notify(&b, MAP, 0x1000, 0xfff, RAM, 3);
    notify(&b, MAP, 0x200000, 0x1fffff, RAM + 0x400000, 1);

    qvtd_row("nothing happens, or elsewhere");
    testdev_reader_start(&b.t, watch, 3, true);
    testdev_reader_pass(&b.t);
    notify(&b, MAP, 0x2000, 0xfff, RAM, 3);
    notify(&b, UNMAP, 0x2000, 0xfff, 0, 0);
    expect_eq(testdev_reader_stop(&b.t), 0);

    qvtd_row("two pages go and come back at once");
    testdev_reader_start(&b.t, watch, 3, true);
    notify(&b, UNMAP, 0x200000, 0x1fffff, 0, 0);
    notify(&b, MAP, 0x200000, 0x1fffff, RAM + 0x400000, 1);
    expect_true(testdev_reader_stop(&b.t) >= 2);

    qvtd_row("a page goes elsewhere");
    testdev_clear(&b.t);
    testdev_reader_start(&b.t, watch, 3, true);
    notify(&b, UNMAP, 0x1000, 0xfff, 0, 0);
    notify(&b, MAP, 0x1000, 0xfff, RAM + 0x1000, 3);
    testdev_reader_pass(&b.t);
    expect_true(testdev_reader_stop(&b.t) >= 2);

    qvtd_row("a page that cannot be read, no lockstep");
    notify(&b, UNMAP, 0x1000, 0xfff, 0, 0);
    notify(&b, MAP, 0x1000, 0xfff, RAM, 2);
    testdev_clear(&b.t);
    testdev_reader_start(&b.t, watch, 3, false);
    testdev_reader_pass(&b.t);
    expect_true(testdev_reader_stop(&b.t) >= 1);
    testdev_expect_no_error(&b.t);
    bench_stop(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/vtd-testdev/rules", test_rules);
    qtest_add_func("/vtd-testdev/bulk", test_bulk);
    qtest_add_func("/vtd-testdev/pasid", test_pasid);
    qtest_add_func("/vtd-testdev/limits", test_limits);
    qtest_add_func("/vtd-testdev/dirty", test_dirty);
    qtest_add_func("/vtd-testdev/refusals", test_refusals);
    qtest_add_func("/vtd-testdev/unmap-only", test_unmap_only);
    qtest_add_func("/vtd-testdev/no-record", test_no_record);
    qtest_add_func("/vtd-testdev/loop", test_loop);
    qtest_add_func("/vtd-testdev/reader", test_reader);
    return g_test_run();
}
