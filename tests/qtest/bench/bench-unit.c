/*
 * VT-d benchmark: a machine, and what its unit's work costs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See bench-unit.h.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "bench-table.h"
#include "bench-unit.h"

#define QUEUE_ORDER             5
#define REST_US                 20000
#define PATIENCE                500
/* A mapping that is larger than this is the guest's memory */
#define GUEST_KIB               (1ull << 20)

/* Words of a descriptor: the unit is in legacy mode */
#define WORDS                   2

QEMU_BUILD_BUG_ON(BENCH_BATCH * WORDS * 8 >= QVTD_PAGE << QUEUE_ORDER);

/*
 * Have QEMU's main thread and this program share one CPU.  A command is a
 * switch between them there; to wake another CPU takes longer, and not always
 * equally long.
 */
static void share_cpu(pid_t qemu)
{
    cpu_set_t set;
    int cpu = CPU_SETSIZE - 1;

    g_assert_cmpint(sched_getaffinity(0, sizeof(set), &set), ==, 0);
    while (!CPU_ISSET(cpu, &set)) {
        cpu--;
    }
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    g_assert_cmpint(sched_setaffinity(0, sizeof(set), &set), ==, 0);
    g_assert_cmpint(sched_setaffinity(qemu, sizeof(set), &set), ==, 0);
}

void bench_unit_start(BenchUnit *u, const char *args)
{
    g_autofree char *heap_file = NULL;
    g_autofree char *all =
        g_strconcat("-m " BENCH_MEMORY TESTDEV_DEVICE("3")
                    ",record=off,table=off ", args, NULL);

    u->heap = g_file_open_tmp(NULL, &heap_file, NULL);
    g_assert_cmpint(u->heap, >=, 0);
    g_setenv("BENCH_HEAP_FILE", heap_file, true);
    qvtd_start(&u->d, "", ",caching-mode=on,aw-bits=48", all);
    unlink(heap_file);
    share_cpu(qtest_pid(u->d.qts));
    testdev_start(&u->listener, &u->d, QPCI_DEVFN(3, 0));
    qvtd_queue_start(&u->d, QUEUE_ORDER);
    g_assert_cmpint(clock_getcpuclockid(qtest_pid(u->d.qts), &u->clock), ==,
                    0);
}

void bench_unit_stop(BenchUnit *u)
{
    testdev_stop(&u->listener);
    qvtd_stop(&u->d);
    close(u->heap);
}

static double now(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void queue_fill(QVtd *d, const QVtdDesc *desc, unsigned n)
{
    g_autofree uint64_t *le = g_new(uint64_t, n * WORDS);
    unsigned room = d->entries - d->tail, first = MIN(n, room);

    for (unsigned i = 0; i < n; i++) {
        le[i * WORDS] = cpu_to_le64(desc[i].lo);
        le[i * WORDS + 1] = cpu_to_le64(desc[i].hi);
    }
    bench_write(d, d->queue + d->tail * WORDS * 8, le, first * WORDS * 8);
    bench_write(d, d->queue, le + first * WORDS, (n - first) * WORDS * 8);
    d->tail = (d->tail + n) % d->entries;
}

BenchCost bench_unit_run(BenchUnit *u, const QVtdDesc *desc, unsigned n)
{
    QVtd *d = &u->d;
    Testdev *t = &u->listener;
    BenchCost cost;
    int64_t cpu_ns, wall_ns;
    uint64_t own;

    queue_fill(d, desc, n);
    testdev_clear(t);

    cost.cpu_ns = -now(u->clock);
    cost.wall_ns = -now(CLOCK_MONOTONIC);
    qvtd_queue_kick(d);
    cost.wall_ns += now(CLOCK_MONOTONIC);
    cost.cpu_ns += now(u->clock);

    /* A unit may go on after the kick; the polling counts if it does */
    cpu_ns = -now(u->clock);
    wall_ns = -now(CLOCK_MONOTONIC);
    if (qvtd_read64(d, QVTD_IQH) >> 4 != d->tail) {
        do {
            g_assert_cmphex(qvtd_read32(d, QVTD_FSTS) & QVTD_FSTS_IQE, ==, 0);
        } while (qvtd_read64(d, QVTD_IQH) >> 4 != d->tail);
        cost.wall_ns += wall_ns + now(CLOCK_MONOTONIC);
        cost.cpu_ns += cpu_ns + now(u->clock);
    }
    g_assert_cmphex(qvtd_read32(d, QVTD_FSTS) & QVTD_FSTS_IQE, ==, 0);
    own = testdev_count(t, TESTDEV_OWN_NS);
    cost.cpu_ns -= own;
    cost.wall_ns -= own;
    cost.maps = testdev_count(t, TESTDEV_MAPS);
    cost.unmaps = testdev_count(t, TESTDEV_UNMAPS);
    return cost;
}

double bench_unit_trip(BenchUnit *u)
{
    double ns = -now(CLOCK_MONOTONIC);

    qtest_writel(u->d.qts, u->d.status, 0);
    return ns + now(CLOCK_MONOTONIC);
}

/* Anonymous memory of the process, the guest's not counted */
static uint64_t resident(const BenchUnit *u)
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

/* The preloaded library answers a signal (preload/heap.c) */
static uint64_t allocated(const BenchUnit *u)
{
    uint64_t bytes = 0;

    g_assert_cmpint(pwrite(u->heap, &bytes, sizeof(bytes), 0), ==,
                    sizeof(bytes));
    /* The command before has its answer, but may not be at rest yet */
    g_usleep(REST_US);
    g_assert_cmpint(kill(qtest_pid(u->d.qts), SIGURG), ==, 0);
    for (int i = 0; i < PATIENCE && !bytes; i++) {
        g_usleep(REST_US);
        g_assert_cmpint(pread(u->heap, &bytes, sizeof(bytes), 0), ==,
                        sizeof(bytes));
    }
    g_assert_cmpint(bytes, !=, 0);
    return bytes;
}

BenchMemory bench_unit_memory(const BenchUnit *u)
{
    return (BenchMemory) { allocated(u), resident(u) };
}

static int bench_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double bench_median(double *value, unsigned n)
{
    qsort(value, n, sizeof(*value), bench_order);
    return (value[n / 2] + value[(n - 1) / 2]) / 2;
}
