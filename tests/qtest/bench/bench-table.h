/*
 * VT-d benchmark: page tables that are written in bulk
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a domain with leaves of 4 KiB in a row of input addresses, and the
 * driver's copy of them.  Nothing here touches the unit.
 */

#ifndef TESTS_BENCH_TABLE_H
#define TESTS_BENCH_TABLE_H

#include "../vtd-driver.h"

/* The memory that a machine of the benchmark has, and where targets are */
#define BENCH_MEMORY            "8G"
#define BENCH_TARGET            0x100000000ull
#define BENCH_TARGET_PAGES      (1u << 20)

/* The first input address */
#define BENCH_IOVA              0x1000000000ull

/* Much guest memory at once */
void bench_write(QVtd *d, uint64_t addr, const void *data, size_t bytes);

typedef struct BenchTable {
    QVtd *d;
    QVtdDomain domain;
    unsigned pages;             /* a multiple of 512 */
    uint64_t *leaf;             /* as bench_table_write() writes them */
    uint64_t area;              /* address of the tables of leaves */
    unsigned *place;            /* which page of the area each one is */
} BenchTable;

/*
 * Tables for @pages leaves.  With @random, targets and tables of leaves lie
 * in random order; without, each is behind the one before.  Nothing is
 * mapped before bench_table_write() and bench_table_link().
 */
void bench_table_init(BenchTable *t, QVtd *d, uint16_t did,
                      unsigned pages, GRand *random);
void bench_table_free(BenchTable *t);

/* The address of a page's entry, and the page's input address */
uint64_t bench_table_entry(const BenchTable *t, unsigned page);
uint64_t bench_table_iova(unsigned page);

/* The numbers below @n, in order, or in random order; free them */
unsigned *bench_sequence(unsigned n, GRand *random);

/* A target anywhere, with permissions */
uint64_t bench_table_random_leaf(GRand *random);

/* All leaves to guest memory; zeros there; the tables above them */
void bench_table_write(BenchTable *t);
void bench_table_clear(BenchTable *t);
void bench_table_link(BenchTable *t);

#endif
