/*
 * The VT-d unit used by several threads at once
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Threads translate and ask for interrupts while the main one changes the
 * tables and invalidates.  Every entry that changes leads to a place that
 * tells its cell and the number of the change.  Once the invalidation of a
 * change is complete, Cell.settled says so, and a request that starts later
 * never meets an older one.  Nothing here depends on time: the threads go on
 * until each has done its share, however slow they are.
 *
 * Built with -Db_sanitize=thread it finds data races of the engine: the guest
 * memory of vtd-host.c orders nothing.
 */

#include "qemu/osdep.h"
#include <sched.h>
#include <stdatomic.h>
#include "vtd-host.h"

#define THREADS                 3
#define CHANGES                 3000
#define SHARE                   4000    /* requests that a thread does */

enum {
    CELL_CONSTANT,              /* a page that never changes */
    CELL_PAGE,
    CELL_FLICKER,               /* a page that is not present at times */
    CELL_LARGE,                 /* 2 MiB: a leaf, or a table of 4 KiB */
    CELL_CONTEXT,               /* a page of one or the other table */
    CELL_INTERRUPT,
};

/* By kind, in this order; each of its own domain, CELL_CONTEXT of two */
static const uint8_t counts[] = { 4, 16, 8, 4, 2, 16 };
#define CELLS                   50

typedef struct Cell {
    uint8_t kind;
    uint16_t index;             /* among all */
    Device *d;
    uint64_t iova;
    uint64_t tables[2];         /* of CELL_LARGE and CELL_CONTEXT, in turn */
    uint32_t change;            /* the main thread's */
    _Atomic uint32_t settled;
} Cell;

typedef struct Cells {
    Host *h;
    Device *d;                  /* of the cells in one table */
    uint64_t table;
    uint64_t irt;
    Cell cell[CELLS];
    _Atomic bool stop;
} Cells;

typedef struct Thread {
    Cells *w;
    GRand *rand;
    pthread_t id;
    _Atomic uint64_t requests;
    uint64_t passed;
} Thread;

#define DID                     1       /* of the one table */

/* Where a change leads to: aligned to 2 MiB */
static uint64_t place(const Cell *c, uint32_t change)
{
    return (uint64_t)c->index << 40 | (uint64_t)change << 21;
}

/* In any thread: at least as new as what was settled before */
static bool check_dma(const Cell *c, VtdAccess access, uint64_t offset)
{
    uint32_t settled = atomic_load_explicit(&c->settled,
                                            memory_order_acquire);
    uint64_t iova = c->iova + offset;
    VtdTranslation t;
    uint64_t addr;

    if (!device_translate(c->d, iova, access, &t)) {
        g_assert_true(c->kind == CELL_FLICKER || c->kind == CELL_CONTEXT);
        return false;
    }
    addr = t.addr | (iova & t.mask);
    g_assert_cmphex(addr >> 40, ==, c->index);
    g_assert_cmphex(addr & BITS(20, 0), ==, offset);
    if (c->kind == CELL_CONSTANT) {
        g_assert_cmphex(addr >> 21 & BITS(18, 0), ==, 0);
    }
    g_assert_cmphex(addr >> 21 & BITS(18, 0), >=, settled);
    g_assert_true(t.read && t.write);
    return true;
}

static bool check_interrupt(Cells *w, const Cell *c)
{
    uint32_t settled = atomic_load_explicit(&c->settled,
                                            memory_order_acquire);
    uint64_t addr = 0xfee00010 | c->index << 5;
    VtdInterrupt out;

    g_assert_cmpint(vtd_interrupt(w->h->v, 0, addr, 0, true, &out), ==,
                    VTD_INTERRUPT_REMAPPED);
    g_assert_cmphex(out.vector, ==, c->index);
    g_assert_cmphex(out.dest, >=, settled);
    return true;
}

static void *request(void *opaque)
{
    Thread *t = opaque;
    Cells *w = t->w;

    while (!atomic_load(&w->stop)) {
        Cell *c = &w->cell[g_rand_int_range(t->rand, 0, CELLS)];
        unsigned access = g_rand_int_range(t->rand, 0, 3);
        uint64_t offset = g_rand_int_range(t->rand, 0, QVTD_PAGE);

        if (c->kind == CELL_LARGE) {
            offset |= g_rand_int_range(t->rand, 0, 512) * QVTD_PAGE;
        }
        t->passed += c->kind == CELL_INTERRUPT ? check_interrupt(w, c)
                                               : check_dma(c, access, offset);
        atomic_fetch_add_explicit(&t->requests, 1, memory_order_relaxed);
    }
    return NULL;
}

static void invalidate(Cells *w, uint64_t iova, unsigned least)
{
    unsigned am = g_test_rand_int_range(least, 19);

    switch (g_test_rand_int_range(0, 8)) {
    case 0:
        inv_iotlb(w->h, QVTD_GLOBAL, 0, 0, 0);
        break;
    case 1:
        inv_iotlb(w->h, QVTD_DOMAIN, DID, 0, 0);
        break;
    default:
        inv_iotlb(w->h, QVTD_SELECT, DID, iova, am);
        break;
    }
}

static void change_large(Cells *w, Cell *c)
{
    uint64_t entry = table_entry(w->h, w->table, 4, c->iova, 2);
    uint64_t table = c->tables[c->change & 1];

    if (c->change % 3 == 0) {
        host_put(w->h, entry, place(c, c->change) | QVTD_PS | QVTD_RW);
    } else {
        for (unsigned i = 0; i < 512; i++) {
            host_put(w->h, table + i * 8,
                     place(c, c->change) | i * QVTD_PAGE | QVTD_RW);
        }
        host_put(w->h, entry, table | QVTD_RW);
    }
    invalidate(w, c->iova, 9);
}

/*
 * The table that nobody uses, and of which nothing is cached, changes; then
 * the context is changed to it.  Each table keeps its domain id.
 */
static void change_context(Cells *w, Cell *c)
{
    uint16_t old = 0x100 + c->index * 2 + !(c->change & 1);
    uint16_t new = old ^ 1;
    uint64_t table = c->tables[c->change & 1];

    host_put(w->h, table_entry(w->h, table, 4, c->iova, 1),
             place(c, c->change) | QVTD_RW);
    if (g_test_rand_int_range(0, 2)) {
        detach(c->d);
        inv_context(w->h, QVTD_SELECT, old, c->d->sid, 0);
        inv_iotlb(w->h, QVTD_DOMAIN, old, 0, 0);
        attach(c->d, table, 4, new);
    } else {
        /* In two words: an entry read between the two writes is neither */
        host_put(w->h, context_entry(w->h, c->d->sid), 0);
        inv_context(w->h, QVTD_GLOBAL, 0, 0, 0);
        attach(c->d, table, 4, new);
        inv_context(w->h, QVTD_DOMAIN, old, 0, 0);
        inv_iotlb(w->h, QVTD_GLOBAL, 0, 0, 0);
    }
}

static void put_irte(Cells *w, Cell *c)
{
    host_put(w->h, w->irt + c->index * 16,
             (uint64_t)c->change << 32 | c->index << 16 | QVTD_P);
}

static void change(Cells *w, Cell *c)
{
    uint64_t entry;

    c->change++;
    switch (c->kind) {
    case CELL_FLICKER:
        if (g_test_rand_int_range(0, 2)) {
            host_put(w->h, table_entry(w->h, w->table, 4, c->iova, 1), 0);
            invalidate(w, c->iova, 0);
        }
        /* fall through */
    case CELL_PAGE:
        entry = table_entry(w->h, w->table, 4, c->iova, 1);
        host_put(w->h, entry, place(c, c->change) | QVTD_RW);
        invalidate(w, c->iova, 0);
        break;
    case CELL_LARGE:
        change_large(w, c);
        break;
    case CELL_CONTEXT:
        change_context(w, c);
        break;
    case CELL_INTERRUPT:
        put_irte(w, c);
        if (g_test_rand_int_range(0, 4)) {
            inv_iec(w->h, false, c->index, g_test_rand_int_range(0, 6));
        } else {
            inv_iec(w->h, true, 0, 0);
        }
        break;
    }
    atomic_store_explicit(&c->settled, c->change, memory_order_release);
}

static void make_cell(Cells *w, Cell *c)
{
    Host *h = w->h;

    c->d = w->d;
    switch (c->kind) {
    case CELL_CONSTANT:
    case CELL_PAGE:
    case CELL_FLICKER:
        /* neighbours, in some places */
        c->iova =
            (c->index & 3) * QVTD_PAGE + ((uint64_t)(c->index >> 2) << 30);
        map(h, w->table, 4, c->iova, 1, place(c, 0) | QVTD_RW);
        break;
    case CELL_LARGE:
        c->iova = 1ull << 40 | (uint64_t)c->index << 21;
        c->tables[0] = host_pages(h, 1);
        c->tables[1] = host_pages(h, 1);
        map(h, w->table, 4, c->iova, 2, place(c, 0) | QVTD_RW);
        break;
    case CELL_CONTEXT:
        c->d = device_new(h, 0x0200 + c->index);
        c->iova = 0x5000;
        for (unsigned i = 0; i < 2; i++) {
            c->tables[i] = host_pages(h, 1);
            map(h, c->tables[i], 4, c->iova, 1, place(c, 0) | QVTD_RW);
        }
        attach(c->d, c->tables[0], 4, 0x100 + c->index * 2);
        break;
    case CELL_INTERRUPT:
        put_irte(w, c);
        break;
    }
}

static Cells *cells_new(void)
{
    Cells *w = g_new0(Cells, 1);
    unsigned n = 0;

    w->h = host_new(NULL);
    host_enable(w->h);
    queue_start(w->h, 0);
    w->d = device_new(w->h, 0x0100);
    w->table = host_pages(w->h, 1);
    w->irt = host_pages(w->h, 1);
    attach(w->d, w->table, 4, DID);
    for (unsigned kind = 0; kind < G_N_ELEMENTS(counts); kind++) {
        for (unsigned i = 0; i < counts[kind]; i++, n++) {
            w->cell[n].kind = kind;
            w->cell[n].index = n;
            make_cell(w, &w->cell[n]);
        }
    }
    g_assert_cmpuint(n, ==, CELLS);
    inv_context(w->h, QVTD_GLOBAL, 0, 0, 0);
    set_irta(w->h, w->irt | BIT(11) | 6);
    gcmd(w->h, QVTD_IRE, true);
    wr32(w->h, QVTD_FECTL, 0);
    w->h->concurrent = true;
    return w;
}

static void cells_free(Cells *w)
{
    for (unsigned i = 0; i < CELLS; i++) {
        if (w->cell[i].kind == CELL_CONTEXT) {
            device_free(w->cell[i].d);
        }
    }
    host_free(w->h);
    g_free(w);
}

static uint64_t least_requests(Thread *t)
{
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < THREADS; i++) {
        uint64_t requests = atomic_load(&t[i].requests);

        least = MIN(least, requests);
    }
    return least;
}

static void test_threads(void)
{
    Cells *w = cells_new();
    Thread t[THREADS] = { 0 };
    unsigned changes = 0;

    for (unsigned i = 0; i < THREADS; i++) {
        t[i].w = w;
        t[i].rand = g_rand_new_with_seed(g_test_rand_int());
        g_assert_cmpint(pthread_create(&t[i].id, NULL, request, &t[i]), ==,
                        0);
    }
    while (changes < CHANGES || least_requests(t) < SHARE) {
        Cell *c = &w->cell[g_test_rand_int_range(counts[0], CELLS)];

        change(w, c);
        changes++;
        if (changes % 128 == 0) {
            host_grace(w->h);
            sched_yield();
        }
        if (changes % 64 == 0) {
            /* as a driver's fault handler, and one that starts anew */
            wr32(w->h, QVTD_FRCD_HI + 4, BIT(31));
            wr32(w->h, QVTD_FSTS, QVTD_FSTS_PFO);
            gcmd(w->h, QVTD_SRTP, true);
            gcmd(w->h, QVTD_SIRTP, true);
        }
    }
    atomic_store(&w->stop, true);
    for (unsigned i = 0; i < THREADS; i++) {
        g_assert_cmpint(pthread_join(t[i].id, NULL), ==, 0);
        g_rand_free(t[i].rand);
        g_assert_cmpuint(t[i].passed, >, SHARE / 2);
        g_test_message("thread %u: %" PRIu64 " requests, %" PRIu64
                       " passed", i, atomic_load(&t[i].requests),
                       t[i].passed);
    }
    g_test_message("%u changes; IOTLB hits %" PRIu64 ", misses %" PRIu64,
                   changes, vtd_stat(w->h->v, VTD_STAT_IOTLB_HITS),
                   vtd_stat(w->h->v, VTD_STAT_IOTLB_MISSES));

    /* when all is quiet each cell has its last change */
    w->h->concurrent = false;
    wr32(w->h, QVTD_FRCD_HI + 4, BIT(31));
    wr32(w->h, QVTD_FSTS, QVTD_FSTS_PFO);
    for (unsigned i = 0; i < CELLS; i++) {
        Cell *c = &w->cell[i];

        if (c->kind != CELL_INTERRUPT) {
            assert_maps(c->d, c->iova, VTD_ACCESS_WRITE,
                        place(c, c->change));
        }
    }
    cells_free(w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/threads", test_threads);

    return g_test_run();
}
