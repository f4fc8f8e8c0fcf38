/*
 * VT-d benchmark: page tables that are written in bulk
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See bench-table.h.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "bench-table.h"

#define ENTRIES                 512u
/* What one command carries: QEMU's own buffers for it are to stay small */
#define CHUNK                   (16u << 10)

void bench_write(QVtd *d, uint64_t addr, const void *data, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += CHUNK) {
        qtest_bufwrite(d->qts, addr + at, (const uint8_t *)data + at,
                       MIN(CHUNK, bytes - at));
    }
}

static uint64_t leaf_of_target(unsigned page)
{
    return (BENCH_TARGET + page * QVTD_PAGE) | QVTD_RW;
}

/* 0 to @n - 1, in random order if @random */
unsigned *bench_sequence(unsigned n, GRand *random)
{
    unsigned *at = g_new(unsigned, n);

    for (unsigned i = 0; i < n; i++) {
        at[i] = i;
    }
    for (unsigned i = n - 1; random && i > 0; i--) {
        unsigned j = g_rand_int_range(random, 0, i + 1);
        unsigned swap = at[i];

        at[i] = at[j];
        at[j] = swap;
    }
    return at;
}

void bench_table_init(BenchTable *t, QVtd *d, uint16_t did,
                      unsigned pages, GRand *random)
{
    g_autofree unsigned *target = bench_sequence(BENCH_TARGET_PAGES, random);
    unsigned tables = pages / ENTRIES;

    *t = (BenchTable) {
        .d = d,
        .domain = { .id = did, .levels = 4, .top = qvtd_alloc(d, 1) },
        .pages = pages,
        .leaf = g_new(uint64_t, pages),
        .area = qvtd_alloc(d, 1),
        .place = bench_sequence(tables, random),
    };
    for (unsigned i = 1; i < tables; i++) {
        /* One by one, as above; they come in a row */
        qvtd_alloc(d, 1);
    }
    for (unsigned i = 0; i < pages; i++) {
        t->leaf[i] = leaf_of_target(target[i % BENCH_TARGET_PAGES]);
    }
}

void bench_table_free(BenchTable *t)
{
    g_free(t->leaf);
    g_free(t->place);
}

uint64_t bench_table_entry(const BenchTable *t, unsigned page)
{
    return t->area + t->place[page / ENTRIES] * QVTD_PAGE +
           page % ENTRIES * sizeof(uint64_t);
}

uint64_t bench_table_iova(unsigned page)
{
    return BENCH_IOVA + page * QVTD_PAGE;
}

uint64_t bench_table_random_leaf(GRand *random)
{
    return leaf_of_target(g_rand_int_range(random, 0, BENCH_TARGET_PAGES));
}

void bench_table_write(BenchTable *t)
{
    size_t bytes = t->pages * sizeof(uint64_t);
    g_autofree uint64_t *image = g_malloc(bytes);

    for (unsigned i = 0; i < t->pages; i++) {
        image[(bench_table_entry(t, i) - t->area) / sizeof(uint64_t)] =
            cpu_to_le64(t->leaf[i]);
    }
    bench_write(t->d, t->area, image, bytes);
}

void bench_table_clear(BenchTable *t)
{
    for (uint64_t at = 0; at < t->pages * sizeof(uint64_t); at += QVTD_PAGE) {
        qtest_memset(t->d->qts, t->area + at, 0, QVTD_PAGE);
    }
}

void bench_table_link(BenchTable *t)
{
    for (unsigned i = 0; i < t->pages; i += ENTRIES) {
        /* From below: a table is whole when the one above points to it */
        qtest_writeq(t->d->qts,
                     qvtd_entry(t->d, &t->domain, bench_table_iova(i), 2),
                     bench_table_entry(t, i) | QVTD_RW);
    }
}
