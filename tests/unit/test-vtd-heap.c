/*
 * Whether the memory that shadows say they take is what they take, and
 * whether page flushes do without any
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Always built without sanitizers, which have a heap of their own.
 */

#include "qemu/osdep.h"
#include <malloc.h>
#include "vtd-host.h"

#define TARGET                  BIT(44)
#define SID                     0x10
#define DEVICES                 4

/* glibc's since 2.33, where a large block of memory is counted apart */
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
#define HAVE_HEAP true
static uint64_t heap(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}
#else
#define HAVE_HEAP false
static uint64_t heap(void)
{
    return 0;
}
#endif

/* Calls of the heap so far; glibc has its functions by other names as well */
static unsigned heap_calls;

#ifdef __GLIBC__
#define HAVE_CALLS true
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *ptr, size_t size);

void *malloc(size_t size)
{
    heap_calls++;
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    heap_calls++;
    return __libc_calloc(n, size);
}

void *realloc(void *ptr, size_t size)
{
    heap_calls++;
    return __libc_realloc(ptr, size);
}
#else
#define HAVE_CALLS false
#endif

static int silence(Device *d, const VtdNotice *notice)
{
    return 0;
}

static uint64_t full_table(Host *h, uint64_t entry, uint64_t step)
{
    uint64_t table = host_pages(h, 1);

    for (unsigned i = 0; i < 512; i++) {
        host_put(h, table + i * 8, entry + i * step);
    }
    return table;
}

/* Layouts: each fills GiB @i of the table */

static void scattered(Host *h, uint64_t table, unsigned i)
{
    uint64_t last = full_table(h, 0, 0);

    for (unsigned n = 0; n < 512; n++) {
        host_put(h, last + n * 8,
                 (TARGET + (n * 7 & 511) * QVTD_PAGE) | QVTD_RW);
    }
    host_put(h, table_entry(h, table, 4, i * GIB, 3),
             full_table(h, last | QVTD_RW, 0) | QVTD_RW);
}

static void contiguous(Host *h, uint64_t table, unsigned i)
{
    uint64_t last = full_table(h, TARGET | QVTD_RW, QVTD_PAGE);

    host_put(h, table_entry(h, table, 4, i * GIB, 3),
             full_table(h, last | QVTD_RW, 0) | QVTD_RW);
}

static void sparse(Host *h, uint64_t table, unsigned i)
{
    map(h, table, 4, i * GIB + 77 * QVTD_PAGE, 1, TARGET | QVTD_RW);
    map(h, table, 4, i * GIB + 80 * QVTD_PAGE, 1,
        (TARGET + 3 * QVTD_PAGE) | QVTD_RW);
    map(h, table, 4, i * GIB + 99 * 2 * MIB, 2, TARGET | QVTD_RW);
}

static void superpages(Host *h, uint64_t table, unsigned i)
{
    host_put(h, table_entry(h, table, 4, i * GIB, 3),
             full_table(h, TARGET | QVTD_RW | QVTD_PS, 2 * MIB) | QVTD_RW);
}

static void gibs(Host *h, uint64_t table, unsigned i)
{
    map(h, table, 4, i * GIB, 3, TARGET | QVTD_RW);
}

/* Pages of a superpage that are there already are not sent with it */
static void mixed(Host *h, uint64_t table, unsigned i)
{
    for (unsigned n = 0; n < 8; n++) {
        map(h, table, 4, i * GIB + n * 2 * MIB + 8 * QVTD_PAGE, 1,
            (TARGET + n * 2 * MIB + 8 * QVTD_PAGE) | QVTD_RW);
    }
}

static void mixed_after(Host *h, uint64_t table, unsigned i)
{
    superpages(h, table, i);
}

typedef void Layout(Host *h, uint64_t table, unsigned i);

static void check(const char *name, Layout *layout, Layout *after,
                  uint64_t max_mappings)
{
    VtdConfig config = host_config;
    Device *d[DEVICES];
    uint64_t before, held, said, table;
    Host *h;

    config.caching_mode = true;
    config.max_mappings = max_mappings;
    h = host_new(&config);
    host_add_region(h, TARGET, TARGET + GIB - 1, true);
    host_enable(h);
    table = host_pages(h, 1);
    for (unsigned i = 0; i < DEVICES; i++) {
        d[i] = device_new(h, SID + i);
        d[i]->notify = silence;
        attach(d[i], table, 4, 1);
        vtd_space_watch(d[i]->space, true, true);
    }
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    before = heap();
    for (unsigned i = 0; i < 200; i++) {
        layout(h, table, i);
    }
    inv_iotlb(h, QVTD_DOMAIN, 1, 0, 0);
    for (unsigned i = 0; i < 200 && after; i++) {
        after(h, table, i);
        inv_iotlb(h, QVTD_DOMAIN, 1, 0, 0);
    }
    held = heap() - before;
    said = vtd_stat(h->v, VTD_STAT_SHADOW_BYTES);
    g_test_message("%s: %" PRIu64 " bytes, said are %" PRIu64, name, held,
                   said);
    g_assert_cmpuint(said, <=, MAX(16 * MIB, 16 * max_mappings) *
                     (16 + DEVICES) / 16);
    g_assert_cmpuint(held, >, 10000);
    g_assert_cmpuint(said, >=, held - held / 10);
    g_assert_cmpuint(said, <=, held + held / 10);
    for (unsigned i = 0; i < DEVICES; i++) {
        vtd_space_watch(d[i]->space, false, false);
        device_free(d[i]);
    }
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_SHADOW_BYTES), ==, 0);
    host_free(h);
}

/* Page flushes without the heap */

#define PAGES                   4096
#define FLUSHES                 100     /* fewer than a block has pages */

typedef struct Flushes {
    const char *name;
    unsigned stride;            /* of targets; they are contiguous with 1 */
    unsigned step;              /* from one page to the next that is flushed */
    bool waits;                 /* a wait descriptor is behind each */
} Flushes;

static void write_pages(Host *h, uint64_t table, const Flushes *f, unsigned n,
                        bool present)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t page = n == PAGES ? i : i * f->step;
        uint64_t target = TARGET + page * f->stride % PAGES * QVTD_PAGE;

        map(h, table, 4, page * QVTD_PAGE, 1, present ? target | QVTD_RW : 0);
    }
}

/* Calls of the heap meanwhile */
static unsigned flush_pages(Host *h, const Flushes *f)
{
    unsigned before;

    for (unsigned i = 0; i < FLUSHES; i++) {
        queue_put(h, 2 | QVTD_SELECT << 4 | 1 << 16, i * f->step * QVTD_PAGE);
        if (f->waits) {
            queue_put(h, 5 | QVTD_WAIT_SW, h->vtd.status);
        }
    }
    /* The host's own list of what it heard grows no further */
    g_array_set_size(h->forgets, 0);
    before = heap_calls;
    queue_kick(h);
    before = heap_calls - before;
    assert_queue(h, h->vtd.tail, 0);
    return before;
}

static void check_flushes(const Flushes *f)
{
    VtdConfig config = host_config;
    uint64_t table, maps, unmaps;
    unsigned calls = 0;
    Device *d[DEVICES];
    Host *h;

    config.caching_mode = true;
    config.max_mappings = BIT(24);
    h = host_new(&config);
    host_add_region(h, TARGET, TARGET + GIB - 1, true);
    host_enable(h);
    queue_start(h, 0);
    table = host_pages(h, 1);
    for (unsigned i = 0; i < DEVICES; i++) {
        d[i] = device_new(h, SID + i);
        d[i]->notify = silence;
        attach(d[i], table, 4, 1);
        vtd_space_watch(d[i]->space, true, true);
    }
    write_pages(h, table, f, PAGES, true);
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    maps = vtd_stat(h->v, VTD_STAT_MAPS);
    unmaps = vtd_stat(h->v, VTD_STAT_UNMAPPED_PAGES);
    for (unsigned round = 0; round < 4; round++) {
        unsigned now = flush_pages(h, f);

        write_pages(h, table, f, FLUSHES, false);
        now += flush_pages(h, f);
        write_pages(h, table, f, FLUSHES, true);
        now += flush_pages(h, f);
        /* In the first round arrays grow, which are kept */
        calls += round ? now : 0;
    }
    g_test_message("%s: %u calls of the heap", f->name, calls);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_MAPS) - maps, ==,
                     4 * DEVICES * FLUSHES);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_UNMAPPED_PAGES) - unmaps, ==,
                     4 * DEVICES * FLUSHES);
    g_assert_cmpuint(calls, ==, 0);
    for (unsigned i = 0; i < DEVICES; i++) {
        vtd_space_watch(d[i]->space, false, false);
        device_free(d[i]);
    }
    host_free(h);
}

static void test_flushes(void)
{
    static const Flushes rows[] = {
        { "neighbours, contiguous", 1, 1, false },
        { "neighbours, scattered", 7, 1, false },
        { "each with a wait, contiguous", 1, 1, true },
        { "each with a wait, scattered", 7, 1, true },
        { "apart, contiguous", 1, 40, false },
        { "apart, scattered", 7, 40, false },
    };
    void *volatile some;        /* or the compiler leaves the call out */
    unsigned before = heap_calls;

    if (!HAVE_CALLS) {
        g_test_skip("not glibc");
        return;
    }
    some = g_malloc(1);
    g_free(some);
    g_assert_cmpuint(heap_calls, ==, before + 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        check_flushes(&rows[i]);
    }
}

static void test_heap(void)
{
    if (!HAVE_HEAP) {
        g_test_skip("no mallinfo2() of glibc 2.33");
        return;
    }
    check("scattered", scattered, NULL, BIT(24));
    check("scattered, limited", scattered, NULL, BIT(20));
    check("contiguous", contiguous, NULL, BIT(24));
    check("sparse", sparse, NULL, BIT(24));
    check("superpages", superpages, NULL, BIT(24));
    check("superpages, limited", superpages, NULL, BIT(10));
    check("leaves of 1 GiB", gibs, NULL, BIT(24));
    check("mixed", mixed, mixed_after, BIT(24));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/heap/said-is-held", test_heap);
    g_test_add_func("/vtd/heap/page-flushes-take-none", test_flushes);
    return g_test_run();
}
