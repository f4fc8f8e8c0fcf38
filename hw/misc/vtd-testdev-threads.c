/*
 * A PCI device that tests IOMMUs: its threads
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the thread that does DMA without a break, as an iothread would, and
 * the one that reads through the table of mappings.  Neither has the big
 * lock; what they count is guarded by table_lock.
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/lockable.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "system/dma.h"
#include "vtd-testdev-state.h"

static void worker_stop(TestdevWorker *w)
{
    if (w->created) {
        qatomic_set(&w->stop, true);
        qemu_thread_join(&w->thread);
        w->created = false;
    }
}

static void worker_start(VtdTestdev *s, TestdevWorker *w, const char *name,
                         void *(*run)(void *))
{
    memcpy(w->args, s->args, sizeof(w->args));
    w->created = true;
    w->stop = false;
    qemu_thread_create(&w->thread, name, run, s, QEMU_THREAD_JOINABLE);
}

MemTxResult testdev_dma(VtdTestdev *s, uint64_t iova, void *buf,
                        uint64_t len, bool write)
{
    AddressSpace *as = s->use_floor ? &s->floor_as
                                    : pci_get_address_space(PCI_DEVICE(s));

    return dma_memory_rw(as, iova, buf, len,
                         write ? DMA_DIRECTION_FROM_DEVICE
                               : DMA_DIRECTION_TO_DEVICE,
                         MEMTXATTRS_UNSPECIFIED);
}

static void *testdev_loop(void *opaque)
{
    VtdTestdev *s = opaque;
    const uint64_t *args = s->loop.args;
    const uint64_t iova = args[0], pages = args[1], stride = args[2] % pages;
    const uint64_t count = args[3], bytes = args[4], flags = args[5];
    uint64_t random = args[6] | 1;
    uint64_t page = 0, done, failures = 0;
    uint8_t buf[TESTDEV_BUFFER_BYTES] = { 0 };
    int64_t ns;

    rcu_register_thread();
    ns = -get_clock();
    for (done = 0; done < count && !qatomic_read(&s->loop.stop); done++) {
        if (flags & TESTDEV_LOOP_RANDOM) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            page = random % pages;
        }
        failures += testdev_dma(s, iova + page * TESTDEV_PAGE, buf, bytes,
                                flags & TESTDEV_LOOP_WRITE) != MEMTX_OK;
        page += stride;
        page -= page >= pages ? pages : 0;
    }
    ns += get_clock();
    rcu_unregister_thread();

    QEMU_LOCK_GUARD(&s->table_lock);
    s->counters[TESTDEV_LOOP_NS] = ns;
    s->counters[TESTDEV_LOOP_FAILURES] = failures;
    s->counters[TESTDEV_LOOP_DONE] = done;
    s->counters[TESTDEV_LOOP_RUNNING] = 0;
    return NULL;
}

/* Is the page mapped to its target, and can it be read there? */
static bool watch_hit(VtdTestdev *s, const TestdevWatch *watch)
{
    const TestdevExtent *e = testdev_table_find(&s->mappings, watch->iova);
    uint64_t offset;

    if (!e || e->iova > watch->iova || !(e->perm & IOMMU_RO)) {
        return false;
    }
    offset = watch->iova - e->iova;
    if (e->target + offset != watch->target) {
        return false;
    }
    /* volatile: to fault where it is not mapped, the byte has to be read */
    (void)*(volatile uint8_t *)(e->host + offset);
    return true;
}

static void *testdev_reader(void *opaque)
{
    VtdTestdev *s = opaque;

    while (!qatomic_read(&s->reader.stop)) {
        for (uint64_t i = 0; i < s->reader.args[1]; i++) {
            QEMU_LOCK_GUARD(&s->table_lock);
            s->counters[TESTDEV_READER_MISSES] += !watch_hit(s, &s->watch[i]);
        }
        QEMU_LOCK_GUARD(&s->table_lock);
        s->counters[TESTDEV_READER_PASSES]++;
        qemu_cond_broadcast(&s->pass_done);
    }
    return NULL;
}

void testdev_loop_start(VtdTestdev *s)
{
    s->counters[TESTDEV_LOOP_RUNNING] = 1;
    worker_start(s, &s->loop, "testdev-loop", testdev_loop);
}

void testdev_loop_stop(VtdTestdev *s)
{
    worker_stop(&s->loop);
}

void testdev_reader_start(VtdTestdev *s, TestdevWatch *watch)
{
    s->watch = watch;
    qemu_cond_init(&s->pass_done);
    worker_start(s, &s->reader, "testdev-reader", testdev_reader);
}

void testdev_reader_stop(VtdTestdev *s)
{
    if (s->reader.created) {
        worker_stop(&s->reader);
        qemu_cond_destroy(&s->pass_done);
        g_clear_pointer(&s->watch, g_free);
    }
}

void testdev_reader_pass(VtdTestdev *s)
{
    uint64_t enough;

    if (!s->reader.created || !s->reader.args[2]) {
        return;
    }
    QEMU_LOCK_GUARD(&s->table_lock);
    /* The pass that goes on now began before: it does not count */
    enough = s->counters[TESTDEV_READER_PASSES] + 2;
    while (s->counters[TESTDEV_READER_PASSES] < enough) {
        qemu_cond_wait(&s->pass_done, &s->table_lock);
    }
}
