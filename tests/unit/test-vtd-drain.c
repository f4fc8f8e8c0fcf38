/*
 * The VT-d engine: what is complete is over
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A completion is not shown before the host has said that accesses are over
 * which began before.  Then threads write by DMA while the main one takes the
 * pages away from them, one after the other, and uses each for something else
 * as soon as the wait descriptor is done.  Pages are plain memory:
 * -Db_sanitize=thread sees a write that comes too late as a race, and the
 * pattern in the page shows it to everybody.
 */

#include "qemu/osdep.h"
#include <sched.h>
#include <stdatomic.h>
#include "vtd-host.h"

#define SID                     0x10
#define DID                     1
#define FLUSH                   (2 | QVTD_DOMAIN << 4 | DID << 16)

/* What comes late: the host says when */

static void assert_waiting(Host *h, unsigned head, uint64_t status)
{
    assert_queue(h, head, 0);
    g_assert_cmphex(host_get(h, h->vtd.status), ==, status);
}

static void test_queue(void)
{
    Host *h = host_new(NULL);
    unsigned head;

    queue_start(h, 0);
    host_enable(h);
    submit_wait(h);
    host_put(h, h->vtd.status, 0);
    h->drains = 0;
    h->drains_later = true;
    head = h->vtd.tail;

    queue_put(h, FLUSH, 0);
    queue_put(h, 5 | QVTD_WAIT_SW | 77ull << 32, h->vtd.status);
    queue_put(h, 5 | QVTD_WAIT_SW | 78ull << 32, h->vtd.status);
    queue_kick(h);
    assert_waiting(h, head + 1, 0);
    g_assert_cmpuint(h->drains, ==, 1);

    /* Neither the tail once more nor what goes on else gets past it */
    queue_kick(h);
    vtd_continue(h->v);
    assert_waiting(h, head + 1, 0);
    g_assert_cmpuint(h->drains, ==, 1);

    /* Nothing was dropped since: the second wait needs no drain */
    vtd_drained(h->v);
    assert_queue(h, head + 3, 0);
    g_assert_cmphex(host_get(h, h->vtd.status), ==, 78);
    g_assert_cmpuint(h->drains, ==, 1);

    /* Nobody waits: it changes nothing */
    vtd_drained(h->v);
    assert_queue(h, head + 3, 0);
    host_free(h);
}

/* What is dropped while a drain is under way has one of its own */
static void test_twice(void)
{
    Host *h = host_new(NULL);
    unsigned head;

    queue_start(h, 0);
    host_enable(h);
    h->drains = 0;
    h->drains_later = true;
    head = h->vtd.tail;
    queue_put(h, FLUSH, 0);
    queue_put(h, 5 | QVTD_WAIT_SW | 77ull << 32, h->vtd.status);
    queue_kick(h);
    assert_waiting(h, head + 1, 0);

    wr32(h, QVTD_GCMD, QVTD_SRTP | QVTD_TE | QVTD_QIE);
    g_assert_cmphex(rd32(h, QVTD_GSTS) & QVTD_SRTP, ==, 0);
    vtd_drained(h->v);
    g_assert_cmpuint(h->drains, ==, 2);
    assert_waiting(h, head + 1, 0);
    g_assert_cmphex(rd32(h, QVTD_GSTS) & QVTD_SRTP, ==, 0);
    vtd_drained(h->v);
    assert_queue(h, head + 2, 0);
    g_assert_cmphex(host_get(h, h->vtd.status), ==, 77);
    g_assert_cmphex(rd32(h, QVTD_GSTS) & QVTD_SRTP, ==, QVTD_SRTP);
    host_free(h);
}

static void test_registers(void)
{
    Host *h = host_new(NULL);

    host_enable(h);
    h->drains_later = true;

    wr64(h, QVTD_IOTLB, QVTD_IOTLB_IVT | 1ull << 60);
    g_assert_cmphex(rd64(h, QVTD_IOTLB) & QVTD_IOTLB_IVT, ==, QVTD_IOTLB_IVT);
    vtd_drained(h->v);
    g_assert_cmphex(rd64(h, QVTD_IOTLB) & QVTD_IOTLB_IVT, ==, 0);

    wr64(h, QVTD_CCMD, QVTD_CCMD_ICC | 1ull << 61);
    g_assert_cmphex(rd64(h, QVTD_CCMD) & QVTD_CCMD_ICC, ==, QVTD_CCMD_ICC);
    vtd_drained(h->v);
    g_assert_cmphex(rd64(h, QVTD_CCMD) & QVTD_CCMD_ICC, ==, 0);
    host_free(h);
}

/* TES goes off when requests that were translated are over, and not before */
static void test_off(void)
{
    Host *h = host_new(NULL);
    Device *d;
    VtdTranslation out;

    host_enable(h);
    d = device_new(h, SID);
    h->drains_later = true;

    wr32(h, QVTD_GCMD, 0);
    g_assert_cmphex(rd32(h, QVTD_GSTS) & QVTD_TE, ==, QVTD_TE);
    /* It is off for all that begins now */
    g_assert_true(device_translate(d, 0x5000, VTD_ACCESS_READ, &out));
    /* Once more changes nothing: it does not begin again */
    h->drains = 0;
    wr32(h, QVTD_GCMD, 0);
    g_assert_cmphex(rd32(h, QVTD_GSTS) & QVTD_TE, ==, QVTD_TE);
    g_assert_cmpuint(h->drains, ==, 0);
    vtd_drained(h->v);
    g_assert_cmphex(rd32(h, QVTD_GSTS) & QVTD_TE, ==, 0);

    /* On before it was seen to be off, and off before it was seen on */
    wr32(h, QVTD_GCMD, QVTD_TE);
    vtd_drained(h->v);
    g_assert_cmphex(rd32(h, QVTD_GSTS) & QVTD_TE, ==, QVTD_TE);
    wr32(h, QVTD_GCMD, 0);
    wr32(h, QVTD_GCMD, QVTD_TE);
    g_assert_cmphex(rd32(h, QVTD_GSTS) & QVTD_TE, ==, 0);
    wr32(h, QVTD_GCMD, 0);
    g_assert_cmphex(rd32(h, QVTD_GSTS) & QVTD_TE, ==, 0);
    wr32(h, QVTD_GCMD, QVTD_TE);
    for (unsigned i = 0; i < 4; i++) {
        vtd_drained(h->v);
    }
    g_assert_cmphex(rd32(h, QVTD_GSTS) & QVTD_TE, ==, QVTD_TE);
    host_free(h);
}

/* The state is saved when devices have stopped; a reset ends the wait */
static void test_ends(void)
{
    for (unsigned reset = 0; reset < 2; reset++) {
        Host *h = host_new(NULL);
        g_autofree VtdSaved *saved = g_new(VtdSaved, 1);
        unsigned head;

        queue_start(h, 0);
        host_enable(h);
        h->drains_later = true;
        head = h->vtd.tail;
        queue_put(h, FLUSH, 0);
        queue_put(h, 5 | QVTD_WAIT_SW | 77ull << 32, h->vtd.status);
        queue_kick(h);
        assert_waiting(h, head + 1, 0);
        if (reset) {
            vtd_reset(h->v);
            vtd_drained(h->v);
            g_assert_cmphex(host_get(h, h->vtd.status), ==, 0);
        } else {
            vtd_save(h->v, saved);
            /* The other end writes the status: memory was sent before */
            g_assert_cmpuint(saved->iq_head, ==, head + 1);
            assert_waiting(h, head + 1, 0);
            vtd_drained(h->v);
            assert_waiting(h, head + 1, 0);
            /* and so does this end if it goes on */
            host_pump(h);
            assert_waiting(h, head + 2, 77);
        }
        host_free(h);
    }
}

/* Threads that write while pages are taken away from them */

#define THREADS                 2
#define IOVAS                   4       /* of each thread */
#define FRAMES                  (THREADS * IOVAS + 4)
#define WORDS                   16      /* of a frame that are written */
#define PATTERN                 (1ull << 63)    /* the main thread's */

typedef struct World {
    Host *h;
    Device *d;
    uint64_t table;
    _Atomic bool stop;
    uint64_t frame[FRAMES];     /* a ring: those that are free come first */
    uint64_t mapped[THREADS * IOVAS];
} World;

typedef struct Writer {
    World *w;
    unsigned index;
    pthread_t id;
    _Atomic uint64_t writes;
    uint64_t blocked;
} Writer;

static uint64_t iova_of(unsigned cell)
{
    return GIB + cell * QVTD_PAGE;
}

static void *writer(void *opaque)
{
    Writer *t = opaque;
    World *w = t->w;

    for (uint64_t i = 0; !atomic_load_explicit(&w->stop, memory_order_relaxed);
         i++) {
        VtdTranslation out;
        unsigned cell = t->index * IOVAS + i % IOVAS;

        device_begin(w->d);
        if (device_translate(w->d, iova_of(cell), VTD_ACCESS_WRITE, &out)) {
            for (unsigned k = 0; k < WORDS; k++) {
                w->h->ram[out.addr / 8 + k] = i;
            }
        } else {
            t->blocked++;
        }
        device_end(w->d);
        atomic_fetch_add_explicit(&t->writes, 1, memory_order_relaxed);
    }
    return NULL;
}

/* How many of the words that the main thread wrote were overwritten */
static unsigned overwritten(World *w, uint64_t frame, uint64_t pattern)
{
    unsigned n = 0;

    for (unsigned k = 0; k < WORDS; k++) {
        n += w->h->ram[frame / 8 + k] != pattern;
    }
    return n;
}

static void test_threads(void)
{
    const unsigned rounds = g_test_slow() ? 2000000 : 10000;
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    World w = { .h = host_new(NULL) };
    uint64_t pattern[FRAMES] = { 0 };
    Writer writers[THREADS];
    uint64_t writes = 0;

    w.h->concurrent = true;
    w.h->drains_sections = true;
    w.d = device_new(w.h, SID);
    w.table = host_pages(w.h, 1);
    for (unsigned i = 0; i < FRAMES; i++) {
        w.frame[i] = host_pages(w.h, 1);
    }
    for (unsigned cell = 0; cell < THREADS * IOVAS; cell++) {
        w.mapped[cell] = w.frame[FRAMES - 1 - cell];
        map(w.h, w.table, 4, iova_of(cell), 1, w.mapped[cell] | QVTD_RW);
    }
    queue_start(w.h, 0);
    host_enable(w.h);
    attach(w.d, w.table, 4, DID);
    inv_iotlb(w.h, QVTD_GLOBAL, 0, 0, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        writers[i] = (Writer) { .w = &w, .index = i };
        pthread_create(&writers[i].id, NULL, writer, &writers[i]);
    }

    /*
     * The frame that was taken away goes to the end of four free ones: it is
     * mapped again when a later drain has shown the threads what is in it.
     */
    for (unsigned round = 1; round <= rounds; round++) {
        unsigned cell = g_rand_int_range(rand, 0, THREADS * IOVAS);
        uint64_t old = w.mapped[cell], new = w.frame[round % 4];
        uint64_t entry = table_entry(w.h, w.table, 4, iova_of(cell), 1);

        /* That of the next round, before this one's drain */
        if (round > 3) {
            g_assert_cmpuint(overwritten(&w, w.frame[(round + 1) % 4],
                                         pattern[(round + 1) % 4]), ==, 0);
        }
        host_put(w.h, entry, new | QVTD_RW);
        w.mapped[cell] = new;
        switch (round % 16) {
        case 0:
            inv_iotlb(w.h, QVTD_GLOBAL, 0, 0, 0);
            break;
        case 1 ... 3:
            inv_iotlb(w.h, QVTD_DOMAIN, DID, 0, 0);
            break;
        default:
            inv_iotlb(w.h, QVTD_SELECT, DID, iova_of(cell), 0);
            break;
        }
        /* It is ours now */
        pattern[round % 4] = PATTERN | round;
        w.frame[round % 4] = old;
        for (unsigned k = 0; k < WORDS; k++) {
            w.h->ram[old / 8 + k] = pattern[round % 4];
        }
        if (round % 64 == 0) {
            sched_yield();
            host_grace(w.h);
        }
    }
    atomic_store(&w.stop, true);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(writers[i].id, NULL);
        g_assert_cmpuint(writers[i].blocked, ==, 0);
        writes += atomic_load(&writers[i].writes);
    }
    g_assert_cmpuint(writes, >, THREADS);
    g_assert_cmpuint(w.h->drains, >=, rounds);
    g_test_message("%u pages reused beside %" PRIu64 " writes", rounds,
                   writes);
    assert_no_fault(w.h);
    host_free(w.h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/drain/queue", test_queue);
    g_test_add_func("/vtd/drain/twice", test_twice);
    g_test_add_func("/vtd/drain/registers", test_registers);
    g_test_add_func("/vtd/drain/off", test_off);
    g_test_add_func("/vtd/drain/ends", test_ends);
    g_test_add_func("/vtd/drain/threads", test_threads);
    return g_test_run();
}
