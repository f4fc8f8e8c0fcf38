/*
 * VT-d benchmark: a machine, and what its unit's work costs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See bench-unit.h.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/misc/vtd-testdev.h"
#include "bench-table.h"
#include "bench-unit.h"

#define QUEUE_ORDER             5
#define DEVICE_SLOT             3
/* A mapping that is larger than this is the guest's memory */
#define GUEST_KIB               (1ull << 20)

QEMU_BUILD_BUG_ON(BENCH_BATCH * sizeof(VtdDesc) >= VTD_PAGE << QUEUE_ORDER);

void bench_unit_start(BenchUnit *u, const char *args)
{
    g_autofree char *all =
        g_strdup_printf("-m " BENCH_MEMORY " -device " TYPE_VTD_TESTDEV
                        ",record=off,table=off,addr=%x %s", DEVICE_SLOT, args);

    vtd_start(&u->d, "", ",caching-mode=on,aw-bits=48", all);
    u->pci = qpci_device_find(u->d.pci, bench_unit_sid(u));
    g_assert_nonnull(u->pci);
    u->bar = qpci_iomap(u->pci, 0, NULL);
    qpci_device_enable(u->pci);
    vtd_queue_start(&u->d, QUEUE_ORDER);
    g_assert_cmpint(clock_getcpuclockid(qtest_pid(u->d.qts), &u->clock), ==,
                    0);
}

void bench_unit_stop(BenchUnit *u)
{
    g_free(u->pci);
    vtd_stop(&u->d);
}

uint16_t bench_unit_sid(const BenchUnit *u)
{
    return QPCI_DEVFN(DEVICE_SLOT, 0);
}

static uint64_t counter(BenchUnit *u, unsigned n)
{
    return qpci_io_readq(u->pci, u->bar, TESTDEV_COUNTER(n));
}

static double now(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void queue_fill(VtdDriver *d, const VtdDesc *desc, unsigned n)
{
    g_autofree VtdDesc *le = g_new(VtdDesc, n);
    unsigned room = (d->queue_bytes - d->tail) / sizeof(VtdDesc);
    unsigned first = MIN(n, room);

    for (unsigned i = 0; i < n; i++) {
        le[i] = VTD_DESC(cpu_to_le64(desc[i].lo), cpu_to_le64(desc[i].hi));
    }
    bench_write(d, d->queue + d->tail, le, first * sizeof(VtdDesc));
    bench_write(d, d->queue, le + first, (n - first) * sizeof(VtdDesc));
    d->tail = (d->tail + n * sizeof(VtdDesc)) % d->queue_bytes;
}

BenchCost bench_unit_run(BenchUnit *u, const VtdDesc *desc, unsigned n)
{
    VtdDriver *d = &u->d;
    BenchCost cost;

    queue_fill(d, desc, n);
    qpci_io_writeq(u->pci, u->bar, TESTDEV_COMMAND, TESTDEV_CLEAR);

    cost.cpu_ns = -now(u->clock);
    cost.wall_ns = -now(CLOCK_MONOTONIC);
    vtd_queue_kick(d);
    cost.wall_ns += now(CLOCK_MONOTONIC);
    cost.cpu_ns += now(u->clock);

    g_assert_cmphex(vtd_read64(d, VTD_IQH), ==, d->tail);
    g_assert_cmphex(vtd_read32(d, VTD_FSTS) & VTD_FSTS_IQE, ==, 0);
    cost.cpu_ns -= counter(u, TESTDEV_OWN_NS);
    cost.wall_ns -= counter(u, TESTDEV_OWN_NS);
    cost.maps = counter(u, TESTDEV_MAPS);
    cost.unmaps = counter(u, TESTDEV_UNMAPS);
    return cost;
}

uint64_t bench_unit_memory(const BenchUnit *u)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/smaps",
                                            (int)qtest_pid(u->d.qts));
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned long long kib, size = 0, sum = 0;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i]; i++) {
        if (sscanf(lines[i], "Size: %llu kB", &kib) == 1) {
            size = kib;
        } else if (sscanf(lines[i], "Anonymous: %llu kB", &kib) == 1 &&
                   size <= GUEST_KIB) {
            sum += kib;
        }
    }
    return sum * 1024;
}
