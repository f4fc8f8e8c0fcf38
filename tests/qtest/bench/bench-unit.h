/*
 * VT-d benchmark: a machine, and what its unit's work costs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a QEMU with a unit and the test device as its one listener, and the
 * clocks.  Work is a batch of invalidation descriptors that one write of
 * the queue's tail sets off: the unit is through with them when the write
 * returns, so that the way of qtest's command is paid once a batch.
 */

#ifndef TESTS_BENCH_UNIT_H
#define TESTS_BENCH_UNIT_H

#include "../vtd-testdev.h"

/* Descriptors in a batch, at most */
#define BENCH_BATCH             8000

typedef struct BenchUnit {
    QVtd d;
    Testdev listener;
    clockid_t clock;            /* of the CPU time of QEMU's process */
    int heap;                   /* what the preloaded library writes to */
} BenchUnit;

/*
 * What a batch cost.  CPU time is what QEMU's process was given: on a busy
 * machine the time that passed says more about the others.
 */
typedef struct BenchCost {
    double cpu_ns;              /* without the listener's own */
    double wall_ns;
    double maps;
    double unmaps;
} BenchCost;

/*
 * @args are more arguments for QEMU.  $LD_PRELOAD is to name the library of
 * preload/heap.c.
 */
void bench_unit_start(BenchUnit *u, const char *args);
void bench_unit_stop(BenchUnit *u);

/* Let the unit go through @n descriptors, BENCH_BATCH at most. */
BenchCost bench_unit_run(BenchUnit *u, const QVtdDesc *desc, unsigned n);

/* How long, in ns, a write to the guest's RAM takes, as a kick is written */
double bench_unit_trip(BenchUnit *u);

/* Bytes of QEMU's own, the guest's memory not counted */
typedef struct BenchMemory {
    uint64_t allocated;         /* from the heap */
    uint64_t resident;          /* and freed memory that is kept */
} BenchMemory;

BenchMemory bench_unit_memory(const BenchUnit *u);

/* Sorts them */
double bench_median(double *value, unsigned n);

#endif
