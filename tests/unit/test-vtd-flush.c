/*
 * Page flushes that the VT-d engine carries out together
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Those of one domain that follow each other in the queue are one step for
 * the caches, and neighbours are one range.  Nothing of that may be seen but
 * fewer UNMAPs: what is behind them finds all of them done.
 */

#include "qemu/osdep.h"
#include "vtd-mirror.h"

#define SID                     0x10
#define OTHER                   0x18
#define BASE                    (GIB - 8 * QVTD_PAGE)   /* ends in the next */
#define PAGES                   1000
#define BLOCKS                  64

static void put_flush(Host *h, uint16_t did, uint64_t iova, unsigned am)
{
    queue_put(h, 2 | QVTD_SELECT << 4 | (uint64_t)did << 16, iova | am);
}

static void put_wait(Host *h, uint32_t data, uint64_t addr)
{
    queue_put(h, 5 | QVTD_WAIT_SW | (uint64_t)data << 32, addr);
}

/* Neighbours that go are one range: the fewest UNMAPs of all of them */
static void test_neighbours(void)
{
    Host *h = mirror_host(NULL);
    Mirror *m = mirror_new(h, SID, 1, 0, 4);
    uint64_t syncs;
    unsigned head;

    queue_start(h, 0);
    mirror_map(m, BASE, 1, 64, TARGET | QVTD_RW);
    mirror_flush(m);
    mirror_begin(m);
    syncs = vtd_stat(h->v, VTD_STAT_SYNCS);
    head = h->vtd.tail;
    for (unsigned i = 0; i < 16; i++) {
        mirror_unmap(m, BASE + i * QVTD_PAGE, 1, 1);
        put_flush(h, 1, BASE + i * QVTD_PAGE, 0);
    }
    put_wait(h, 77, h->vtd.status);
    queue_kick(h);
    assert_queue(h, head + 17, 0);
    g_assert_cmpuint(host_get(h, h->vtd.status), ==, 77);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_INV_IOTLB_PAGE), ==, 16);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_SYNCS), ==, syncs + 1);
    assert_notices(m, UNMAPS(BASE, 8 * QVTD_PAGE), UNMAPS(GIB, 8 * QVTD_PAGE));
    assert_step(m, 0);
    mirror_free(m);
    host_free(h);
}

/* What stops the queue finds those before it done, and none of those behind */
static void test_up_to_error(void)
{
    static const struct {
        const char *name;
        uint64_t lo, hi;
    } rows[] = {
        { "wait", 5 | QVTD_WAIT_SW, BIT(51) },
        { "reserved", 2 | QVTD_SELECT << 4 | 1 << 16, BASE | BIT(8) },
        { "mask", 2 | QVTD_SELECT << 4 | 1 << 16, BASE | 19 },
        { "type", 15, 0 },
    };

    for (unsigned row = 0; row < G_N_ELEMENTS(rows); row++) {
        Host *h = mirror_host(NULL);
        Mirror *m = mirror_new(h, SID, 1, 0, 4);
        unsigned head;

        g_test_message("%s", rows[row].name);
        queue_start(h, 0);
        mirror_map(m, BASE, 1, 8, TARGET | QVTD_RW);
        mirror_flush(m);
        mirror_begin(m);
        mirror_unmap(m, BASE, 1, 8);
        head = h->vtd.tail;
        put_flush(h, 1, BASE, 0);
        put_flush(h, 1, BASE + 3 * QVTD_PAGE, 0);
        queue_put(h, rows[row].lo, rows[row].hi);
        put_flush(h, 1, BASE + 4 * QVTD_PAGE, 0);
        queue_kick(h);
        g_assert_cmphex(rd64(h, QVTD_IQH), ==, (head + 2) << 4);
        g_assert_cmphex(rd32(h, QVTD_FSTS) & QVTD_FSTS_IQE, !=, 0);
        g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_INV_IOTLB_PAGE), ==, 2);
        assert_notices(m, UNMAPS(BASE, QVTD_PAGE),
                       UNMAPS(BASE + 3 * QVTD_PAGE, QVTD_PAGE));
        mirror_free(m);
        host_free(h);
    }
}

/* One that takes long holds up those behind it, but none before it */
static void test_pieces(void)
{
    VtdConfig config = mirror_config;
    uint64_t big = 4 * GIB, last;
    unsigned head;
    Host *h;
    Mirror *m;

    config.sync_work = 1000;
    h = mirror_host(&config);
    h->tick = 1000 * 1000 * 1000;
    m = mirror_new(h, SID, 1, 0, 4);
    queue_start(h, 0);
    mirror_map(m, BASE, 1, 2, TARGET | QVTD_RW);
    mirror_flush(m);
    mirror_begin(m);
    mirror_unmap(m, BASE, 1, 2);
    mirror_map(m, big, 1, 512, TARGET | QVTD_RW);
    last = mirror_entry(m, big, 1) & BITS(63, 12);
    for (unsigned i = 1; i < BLOCKS; i++) {
        host_put(h, mirror_entry(m, big + i * 2 * MIB, 2), last | QVTD_RW);
    }
    head = h->vtd.tail;
    put_flush(h, 1, BASE + QVTD_PAGE, 0);
    put_flush(h, 1, big, 18);
    put_flush(h, 1, BASE, 0);
    put_wait(h, 77, h->vtd.status);
    queue_kick(h);
    g_assert_true(h->scheduled);
    assert_queue(h, head + 1, 0);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_INV_IOTLB_PAGE), ==, 2);
    for (unsigned i = 0; i < m->s->log->len; i++) {
        g_assert_cmphex(g_array_index(m->s->log, Run, i).first, !=, BASE);
    }
    g_assert_cmpuint(host_pump(h), >, 4);
    assert_queue(h, head + 4, 0);
    g_assert_cmpuint(host_get(h, h->vtd.status), ==, 77);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_INV_IOTLB_PAGE), ==, 3);
    assert_exact(m);
    mirror_free(m);
    host_free(h);
}

/*
 * The queue is replaced while one that takes long is held up: nothing of the
 * old one is carried out any more, and all of the new one
 */
static void test_other_queue(void)
{
    VtdConfig config = mirror_config;
    uint64_t big = 4 * GIB, last, other;
    Host *h;
    Mirror *m;

    config.sync_work = 1000;
    h = mirror_host(&config);
    h->tick = 1000 * 1000 * 1000;
    m = mirror_new(h, SID, 1, 0, 4);
    mirror_map(m, big, 1, 512, TARGET | QVTD_RW);
    last = mirror_entry(m, big, 1) & BITS(63, 12);
    for (unsigned i = 1; i < BLOCKS; i++) {
        host_put(h, mirror_entry(m, big + i * 2 * MIB, 2), last | QVTD_RW);
    }
    other = host_pages(h, 1);
    queue_start(h, 0);
    put_flush(h, 1, big, 18);
    put_wait(h, 1, h->vtd.status);
    queue_kick(h);
    g_assert_true(h->scheduled);
    assert_queue(h, 0, 0);

    gcmd(h, QVTD_QIE, false);
    queue_start(h, 0);
    put_wait(h, 2, h->vtd.status);
    put_wait(h, 3, other);
    queue_kick(h);
    host_pump(h);
    assert_queue(h, 2, 0);
    g_assert_cmpuint((uint32_t)host_get(h, h->vtd.status), ==, 2);
    g_assert_cmpuint((uint32_t)host_get(h, other), ==, 3);
    assert_exact(m);
    mirror_free(m);
    host_free(h);
}

/*
 * What was read ahead is forgotten at an error, since software may then
 * replace it
 */
static void test_error_ahead(void)
{
    VtdConfig config = mirror_config;
    uint64_t big = 4 * GIB, last;
    Host *h;
    Mirror *m;

    config.sync_work = 1000;
    h = mirror_host(&config);
    h->tick = 1000 * 1000 * 1000;
    m = mirror_new(h, SID, 1, 0, 4);
    mirror_map(m, big, 1, 512, TARGET | QVTD_RW);
    last = mirror_entry(m, big, 1) & BITS(63, 12);
    for (unsigned i = 1; i < BLOCKS; i++) {
        host_put(h, mirror_entry(m, big + i * 2 * MIB, 2), last | QVTD_RW);
    }
    queue_start(h, 0);
    put_flush(h, 1, big, 18);
    put_wait(h, 1, h->vtd.status);
    queue_kick(h);
    g_assert_true(h->scheduled);
    wr64(h, QVTD_IQT, (uint64_t)h->vtd.entries << 4);
    host_pump(h);
    g_assert_cmphex(rd32(h, QVTD_FSTS) & QVTD_FSTS_IQE, !=, 0);
    assert_queue(h, 1, 1);

    queue_replace(h, 1, 5 | QVTD_WAIT_SW | 2ull << 32, h->vtd.status);
    queue_kick(h);
    wr32(h, QVTD_FSTS, QVTD_FSTS_IQE);
    host_pump(h);
    assert_queue(h, 2, 0);
    g_assert_cmpuint((uint32_t)host_get(h, h->vtd.status), ==, 2);
    assert_exact(m);
    mirror_free(m);
    host_free(h);
}

/* However many are carried out together, the time is looked at as often */
static void test_time(void)
{
    Host *h = mirror_host(NULL);
    Mirror *m = mirror_new(h, SID, 1, 0, 4);
    unsigned head, was;

    queue_start(h, 0);
    h->tick = 1000 * 1000 * 1000;
    for (unsigned i = 0; i < 200; i++) {
        put_flush(h, 1, BASE + 2 * i * QVTD_PAGE, 0);
    }
    queue_kick(h);
    g_assert_true(h->scheduled);
    was = rd64(h, QVTD_IQH) >> 4;
    g_assert_cmpuint(was, <=, 128);
    for (; h->scheduled; was = head) {
        h->scheduled = false;
        vtd_continue(h->v);
        head = rd64(h, QVTD_IQH) >> 4;
        g_assert_cmpuint(head - was, <=, 128);
    }
    assert_queue(h, 200, 0);
    mirror_free(m);
    host_free(h);
}

/* Page 0 is no neighbour of a range that is everything */
static void test_everything(void)
{
    VtdConfig config = host_full_config(48);
    Host *h = host_new(&config);
    Device *d = device_new(h, SID);
    uint64_t table = host_pages(h, 1);
    VtdTranslation out;

    map(h, table, 4, BASE, 1, TARGET | QVTD_RW);
    host_enable(h);
    attach(d, table, 4, 1);
    queue_start(h, 0);
    g_assert_true(device_translate(d, BASE, VTD_ACCESS_READ, &out));
    g_assert_cmphex(out.addr, ==, TARGET);
    map(h, table, 4, BASE, 1, (TARGET + QVTD_PAGE) | QVTD_RW);
    put_flush(h, 1, 0, 52);
    put_flush(h, 1, 0, 0);
    queue_kick(h);
    assert_queue(h, 2, 0);
    g_assert_true(device_translate(d, BASE, VTD_ACCESS_READ, &out));
    g_assert_cmphex(out.addr, ==, TARGET + QVTD_PAGE);
    host_free(h);
}

static void random_edit(Mirror *m, unsigned page, uint64_t leaf)
{
    uint64_t iova = BASE + page * QVTD_PAGE;

    if (leaf) {
        mirror_map(m, iova, 1, 1, leaf | QVTD_RW);
    } else {
        mirror_unmap(m, iova, 1, 1);
    }
    put_flush(m->h, m->did, iova, 0);
}

/*
 * Runs of neighbours and pages anywhere, of two domains, between waits; often
 * more of them than are carried out together, and across the queue's end
 */
static void test_random(void)
{
    Host *h = mirror_host(NULL);
    Mirror *m[2] = {
        mirror_new(h, SID, 1, 0, 4), mirror_new(h, OTHER, 2, 0, 3),
    };

    uint64_t flushes = 0;

    queue_start(h, 0);
    for (uint32_t round = 1; round <= 200; round++) {
        unsigned n = 0, room = h->vtd.entries - 2;

        mirror_begin(m[0]);
        mirror_begin(m[1]);
        while (n < room && g_test_rand_int_range(0, 30)) {
            unsigned i = g_test_rand_int_range(0, 2);
            unsigned page = g_test_rand_int_range(0, PAGES);
            unsigned run = g_test_rand_int_range(1, 40);
            uint64_t leaf = g_test_rand_int_range(0, 3)
                ? TARGET + g_test_rand_int_range(0, 4096) * QVTD_PAGE : 0;

            if (g_test_rand_int_range(0, 2)) {
                run = 1;
            }
            for (; run && n < room; run--, n++, page++, flushes++) {
                random_edit(m[i], page,
                            leaf ? leaf + page * QVTD_PAGE : 0);
            }
            if (n < room && !g_test_rand_int_range(0, 8)) {
                put_wait(h, 0, h->vtd.status);
                n++;
            }
        }
        put_wait(h, round, h->vtd.status);
        queue_kick(h);
        host_pump(h);
        assert_queue(h, h->vtd.tail, 0);
        g_assert_cmpuint((uint32_t)host_get(h, h->vtd.status), ==, round);
        g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_INV_IOTLB_PAGE), ==, flushes);
        assert_exact(m[0]);
        assert_exact(m[1]);
    }
    mirror_free(m[0]);
    mirror_free(m[1]);
    host_free(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/flush/fewest/neighbours", test_neighbours);
    g_test_add_func("/vtd/flush/in-step/up-to-error", test_up_to_error);
    g_test_add_func("/vtd/flush/in-step/pieces", test_pieces);
    g_test_add_func("/vtd/flush/in-step/other-queue", test_other_queue);
    g_test_add_func("/vtd/flush/error-ahead", test_error_ahead);
    g_test_add_func("/vtd/flush/time", test_time);
    g_test_add_func("/vtd/flush/everything", test_everything);
    g_test_add_func("/vtd/flush/in-step/random", test_random);
    return g_test_run();
}
