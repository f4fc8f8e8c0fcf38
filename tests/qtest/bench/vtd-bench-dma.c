/*
 * VT-d benchmark: what a translation costs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Threads of the test device, as iothreads would, read 4 bytes at a time
 * through the unit, and in turns through an IOMMU that answers at once (the
 * floor): what is above the floor is the unit's.  Prints a line of JSON for
 * each row: nanoseconds for one read, of the samples that other work on the
 * machine disturbed least.
 */

#include "qemu/osdep.h"
#include "bench-table.h"
#include "bench-unit.h"

#define READ_BYTES              4ull
/* Threads, each with a device and a domain of its own */
#define THREADS                 2
#define TABLE_PAGES             (256u << 10)
/* Flushes that run beside are of pages from here on */
#define FLUSHED_PAGE            4096
#define POLL_US                 200

typedef enum RowKind {
    ROW_IN_ORDER,
    ROW_RANDOM,
    ROW_FLUSHES,                /* in order, while others are flushed */
    ROW_WRITES,                 /* in order, writes */
} RowKind;

typedef struct Row {
    const char *name;
    unsigned pages;
    RowKind kind;
    unsigned threads;
} Row;

static const Row rows[] = {
    { "dma-64", 64, ROW_IN_ORDER, 1 },
    { "dma-512", 512, ROW_IN_ORDER, 1 },
    { "dma-4096", 4096, ROW_IN_ORDER, 1 },
    { "dma-32768", 32768, ROW_IN_ORDER, 1 },
    { "dma-random-4096", 4096, ROW_RANDOM, 1 },
    { "dma-random-65536", 65536, ROW_RANDOM, 1 },
    { "dma-262144", 262144, ROW_IN_ORDER, 1 },
    { "dma-random-262144", 262144, ROW_RANDOM, 1 },
    { "dma-64-threads", 64, ROW_IN_ORDER, THREADS },
    { "dma-random-65536-threads", 65536, ROW_RANDOM, THREADS },
    { "dma-64-flushes", 64, ROW_FLUSHES, 1 },
};

static const Row whole = { "", TABLE_PAGES, ROW_WRITES, 1 };

typedef struct BenchDma {
    QVtd d;
    Testdev device[THREADS], floor[THREADS];
    BenchTable table[THREADS];
} BenchDma;

/* The whole ring, which flush_others() goes through half by half */
static void fill_with_flushes(BenchDma *b)
{
    QVtd *d = &b->d;

    for (unsigned i = 0; i < d->entries - 1; i++) {
        qvtd_queue_put(d, QVTD_INV_IOTLB_PAGES(
            b->table[0].domain.id, bench_table_iova(FLUSHED_PAGE + i), 0));
    }
    qvtd_queue_kick(d);
    qvtd_queue_put(d, QVTD_INV_IOTLB_PAGES(
        b->table[0].domain.id, bench_table_iova(FLUSHED_PAGE), 0));
    qvtd_queue_kick(d);
}

static void flush_others(BenchDma *b)
{
    b->d.tail = (b->d.tail + b->d.entries / 2) % b->d.entries;
    qvtd_queue_kick(&b->d);
}

/* Nanoseconds of one read; the mean of the threads */
static double run(BenchDma *b, const Row *row, Testdev *device, uint64_t iova,
                  unsigned count)
{
    uint64_t flags = row->kind == ROW_RANDOM ? TESTDEV_LOOP_RANDOM :
                     row->kind == ROW_WRITES ? TESTDEV_LOOP_WRITE : 0;
    double ns = 0;

    for (unsigned i = 0; i < row->threads; i++) {
        g_assert_cmpint(testdev_command(&device[i], TESTDEV_LOOP, 7, iova,
                                        (uint64_t)row->pages, UINT64_C(1),
                                        (uint64_t)count, READ_BYTES,
                                        flags, (uint64_t)i + 5), ==,
                        TESTDEV_OK);
    }
    for (unsigned i = 0; i < row->threads; i++) {
        while (testdev_count(&device[i], TESTDEV_LOOP_RUNNING)) {
            if (row->kind == ROW_FLUSHES) {
                flush_others(b);
            } else {
                g_usleep(POLL_US);
            }
        }
        g_assert_cmpint(testdev_count(&device[i], TESTDEV_LOOP_FAILURES), ==,
                        0);
        ns += (double)testdev_count(&device[i], TESTDEV_LOOP_NS) / count;
    }
    return ns / row->threads;
}

static void measure(BenchDma *b, const Row *row, unsigned samples,
                    unsigned count)
{
    double floor = G_MAXDOUBLE, ns = G_MAXDOUBLE;

    if (row->kind == ROW_FLUSHES) {
        fill_with_flushes(b);
    }
    /* The first time through fills the caches */
    run(b, row, b->device, BENCH_IOVA, MAX(count, 2 * row->pages));
    for (unsigned i = 0; i < samples; i++) {
        double there = run(b, row, b->floor, BENCH_TARGET, count);
        double here = run(b, row, b->device, BENCH_IOVA, count);

        floor = MIN(floor, there);
        ns = MIN(ns, here);
    }
    printf("{\"op\": \"%s\", \"floor\": %.2f, \"ns\": %.2f, "
           "\"above\": %.2f}\n", row->name, floor, ns, ns - floor);
}

/* The row of that name; all of them for NULL */
static void measure_named(BenchDma *b, const char *name, unsigned samples,
                          unsigned count)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (!name || !strcmp(name, rows[i].name)) {
            measure(b, &rows[i], samples, count);
            fflush(stdout);
        }
    }
}

static void set_up(BenchDma *b, const char *args)
{
    static const uint8_t slot[THREADS] = { 3, 5 }, floor[THREADS] = { 4, 6 };
    g_autoptr(GString) line = g_string_new("-m " BENCH_MEMORY);

    for (unsigned i = 0; i < THREADS; i++) {
        g_string_append_printf(
            line, TESTDEV_DEVICE("%u") ",record=off,table=off"
            TESTDEV_DEVICE("%u") ",record=off,table=off,floor=on",
            slot[i], floor[i]);
    }
    g_string_append_printf(line, " %s", args);
    qvtd_start(&b->d, "", ",caching-mode=off", line->str);
    qvtd_queue_start(&b->d, 6);
    for (unsigned i = 0; i < THREADS; i++) {
        BenchTable *t = &b->table[i];

        testdev_start(&b->device[i], &b->d, QPCI_DEVFN(slot[i], 0));
        testdev_start(&b->floor[i], &b->d, QPCI_DEVFN(floor[i], 0));
        /* In order, so that the floor reads the same memory */
        bench_table_init(t, &b->d, i + 1, TABLE_PAGES, NULL);
        bench_table_write(t);
        bench_table_link(t);
        qvtd_attach(&b->d, QPCI_DEVFN(slot[i], 0), &t->domain);
    }
    qvtd_enable(&b->d);
    qvtd_invalidate_all(&b->d);
    /* Memory that was never written would be one page of zeros for all */
    run(b, &whole, b->floor, BENCH_TARGET, TABLE_PAGES);
}

int main(int argc, char **argv)
{
    int samples = 9, count = 200000;
    gboolean ask = FALSE;
    g_autofree char *args = NULL, *only = NULL;
    GOptionEntry options[] = {
        { "samples", 0, 0, G_OPTION_ARG_INT, &samples, "of each row", "N" },
        { "count", 0, 0, G_OPTION_ARG_INT, &count, "reads in a sample", "N" },
        { "only", 0, 0, G_OPTION_ARG_STRING, &only, "this row alone", "ROW" },
        { "ask", 0, 0, G_OPTION_ARG_NONE, &ask,
          "rows are named on standard input; an empty line ends each", NULL },
        { "args", 0, 0, G_OPTION_ARG_STRING, &args, "for QEMU", "ARGS" },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    BenchDma b;

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        g_printerr("vtd-bench-dma: %s\n", error->message);
        return 2;
    }
    if (samples < 1 || count < 1) {
        g_printerr("vtd-bench-dma: nothing to measure\n");
        return 2;
    }
    set_up(&b, args ?: "");
    if (ask) {
        char name[64];

        while (scanf("%63s", name) == 1) {
            measure_named(&b, name, samples, count);
            printf("\n");
            fflush(stdout);
        }
    } else {
        measure_named(&b, only, samples, count);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        testdev_stop(&b.device[i]);
        testdev_stop(&b.floor[i]);
        bench_table_free(&b.table[i]);
    }
    qvtd_stop(&b.d);
    return 0;
}
