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

#include "../vtd-driver.h"

/* Descriptors in a batch, at most */
#define BENCH_BATCH             8000

typedef struct BenchUnit {
    VtdDriver d;
    QPCIDevice *pci;
    QPCIBar bar;
    clockid_t clock;            /* of the CPU time of QEMU's process */
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

/* @args are more arguments for QEMU */
void bench_unit_start(BenchUnit *u, const char *args);
void bench_unit_stop(BenchUnit *u);
/* The test device's source id */
uint16_t bench_unit_sid(const BenchUnit *u);

BenchCost bench_unit_run(BenchUnit *u, const VtdDesc *desc, unsigned n);

/* Anonymous memory of the process, the guest's not counted */
uint64_t bench_unit_memory(const BenchUnit *u);

#endif
