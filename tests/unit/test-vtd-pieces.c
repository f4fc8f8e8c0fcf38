/*
 * The VT-d engine's syncs that take long
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * They stop, go on when the host calls again, and what waits for them waits:
 * the queue, the bits that software polls, a device that moves.  What may
 * happen in between does no harm.
 */

#include "qemu/osdep.h"
#include "vtd-mirror.h"

#define SID                     0x10
#define OTHER                   0x18
#define BLOCKS                  64      /* tables of pages in a map */

static Host *start_with(uint64_t max_mappings, unsigned work)
{
    VtdConfig config = mirror_config;
    Host *h;

    config.max_mappings = max_mappings;
    config.sync_work = work;
    h = mirror_host(&config);
    h->tick = 1000 * 1000 * 1000;
    return h;
}

static Host *start(void)
{
    /* 2 blocks of new pages, or 1000 old ones */
    return start_with(BIT(24), 1000);
}

static void stop(Host *h)
{
    g_assert_false(h->scheduled);
    host_free(h);
}

/* Many pages with few tables */
static void map_much(Mirror *m, uint64_t iova, uint64_t leaf)
{
    uint64_t last = mirror_entry(m, iova, 1) & BITS(63, 12);

    mirror_map(m, iova, 1, 512, leaf);
    for (unsigned i = 1; i < BLOCKS; i++) {
        host_put(m->h, mirror_entry(m, iova + i * 2 * MIB, 2), last | QVTD_RW);
    }
}

static uint64_t pauses(Host *h)
{
    return vtd_stat(h->v, VTD_STAT_SYNC_PAUSES);
}

#define FLUSH(did)              (2 | QVTD_DOMAIN << 4 | (did) << 16)

static void test_queue(void)
{
    Host *h = start();
    Mirror *m = mirror_new(h, SID, 1, 0, 4);

    queue_start(h, 0);
    map_much(m, GIB, TARGET | QVTD_RW);
    for (unsigned round = 0; round < 2; round++) {
        unsigned head = h->vtd.tail;
        uint64_t paused = pauses(h);

        mirror_begin(m);
        queue_put(h, FLUSH(1), 0);
        queue_put(h, 5 | QVTD_WAIT_SW | 77ull << 32, h->vtd.status);
        queue_kick(h);
        g_assert_true(h->scheduled);
        assert_queue(h, head, 0);
        g_assert_cmpuint(host_get(h, h->vtd.status), ==, 0);
        g_assert_cmpuint(m->s->log->len, >, 0);

        /* More descriptors, and the same tail again, wait as well */
        queue_put(h, FLUSH(2), 0);
        queue_kick(h);
        queue_kick(h);
        assert_queue(h, head, 0);

        g_assert_cmpuint(host_pump(h), >, 4);
        g_assert_cmpuint(pauses(h), >, paused + 4);
        assert_queue(h, h->vtd.tail, 0);
        g_assert_cmpuint(host_get(h, h->vtd.status), ==, 77);
        assert_step(m, 0);
        host_put(h, h->vtd.status, 0);
        map_much(m, GIB, (TARGET + GIB) | QVTD_RW);
    }
    mirror_free(m);
    stop(h);
}

/* Nothing of it with a little work, or enough time */
static void test_short(void)
{
    Host *h = start();
    Mirror *m = mirror_new(h, SID, 1, 0, 4);

    mirror_map(m, 0, 1, 100, TARGET | QVTD_RW);
    wr64(h, QVTD_IOTLB, BIT(63) | (uint64_t)QVTD_GLOBAL << 60);
    g_assert_false(h->scheduled);
    assert_step(m, 0);
    h->tick = 0;
    map_much(m, GIB, TARGET | QVTD_RW);
    wr64(h, QVTD_IOTLB, BIT(63) | (uint64_t)QVTD_GLOBAL << 60);
    g_assert_false(h->scheduled);
    assert_step(m, 0);
    g_assert_cmpuint(pauses(h), ==, 0);
    mirror_free(m);
    stop(h);
}

/* Each write has its own time, however long ago the last one was */
static void test_each_write(void)
{
    Host *h = start();

    h->tick = 0;
    queue_start(h, 0);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned n = 0; n < 200; n++) {
            queue_put(h, FLUSH(1), 0);
        }
        queue_kick(h);
        g_assert_false(h->scheduled);
        assert_queue(h, h->vtd.tail, 0);
        h->now += 1000 * 1000 * 1000;
    }
    stop(h);
}

/* To look at tables that are as they were is little, but not behind I/O */
static void test_copied(void)
{
    Host *h = start();
    Mirror *m = mirror_new(h, SID, 1, 0, 4);
    uint64_t paused;

    map_much(m, GIB, TARGET | QVTD_RW);
    wr64(h, QVTD_IOTLB, BIT(63) | (uint64_t)QVTD_GLOBAL << 60);
    host_pump(h);
    assert_step(m, 0);
    paused = pauses(h);
    wr64(h, QVTD_IOTLB, BIT(63) | (uint64_t)QVTD_GLOBAL << 60);
    g_assert_cmpuint(pauses(h), ==, paused);

    host_put_behind_io(h, mirror_entry(m, GIB, 1) & BITS(63, 12));
    wr64(h, QVTD_IOTLB, BIT(63) | (uint64_t)QVTD_GLOBAL << 60);
    g_assert_true(h->scheduled);
    host_pump(h);
    g_assert_cmpuint(pauses(h), >, paused + 4);
    assert_step(m, 0);
    mirror_free(m);
    stop(h);
}

/* Each piece gets on, however little may be done in one */
static void test_least(void)
{
    Host *h = start_with(BIT(24), 1);
    Mirror *m = mirror_new(h, SID, 1, 0, 4);

    map_much(m, GIB, TARGET | QVTD_RW);
    for (unsigned level = 1; level <= 4; level++) {
        host_put_behind_io(h, mirror_entry(m, GIB, level) & BITS(63, 12));
    }
    wr64(h, QVTD_IOTLB, BIT(63) | (uint64_t)QVTD_GLOBAL << 60);
    g_assert_true(h->scheduled);
    /* One for each entry above the last level, at most */
    g_assert_cmpuint(host_pump(h), <=, 3 * 512 + BLOCKS);
    assert_step(m, 0);
    mirror_free(m);
    stop(h);
}

/* IVT, ICC, TES and RTPS */
static void test_registers(void)
{
    Host *h = start();
    Mirror *m = mirror_new(h, SID, 1, 0, 4);

    map_much(m, GIB, TARGET | QVTD_RW);
    wr64(h, QVTD_IOTLB, BIT(63) | (uint64_t)QVTD_DOMAIN << 60 | 1ull << 32);
    g_assert_cmphex(rd64(h, QVTD_IOTLB) & BIT(63), !=, 0);
    host_pump(h);
    g_assert_cmphex(rd64(h, QVTD_IOTLB) & (BIT(63) | BITS(58, 57)), ==,
                    (uint64_t)QVTD_DOMAIN << 57);
    assert_step(m, 0);

    map_much(m, GIB, (TARGET + GIB) | QVTD_RW);
    wr64(h, QVTD_CCMD, BIT(63) | (uint64_t)QVTD_GLOBAL << 61);
    g_assert_cmphex(rd64(h, QVTD_CCMD) & BIT(63), !=, 0);
    host_pump(h);
    g_assert_cmphex(rd64(h, QVTD_CCMD) & (BIT(63) | BITS(60, 59)), ==,
                    (uint64_t)QVTD_GLOBAL << 59);
    assert_step(m, 0);

    map_much(m, GIB, TARGET | QVTD_RW);
    wr32(h, QVTD_GCMD, QVTD_TE | QVTD_SRTP);
    host_pump(h);
    g_assert_cmphex(rd32(h, QVTD_GSTS), ==, QVTD_TE | QVTD_SRTP);
    assert_step(m, 0);
    gcmd(h, QVTD_TE, false);
    wr32(h, QVTD_GCMD, QVTD_TE);
    g_assert_cmphex(rd32(h, QVTD_GSTS) & QVTD_TE, ==, 0);
    host_pump(h);
    g_assert_cmphex(rd32(h, QVTD_GSTS) & QVTD_TE, ==, QVTD_TE);
    assert_exact(m);
    wr32(h, QVTD_GCMD, 0);
    wr32(h, QVTD_GCMD, QVTD_TE);
    wr32(h, QVTD_GCMD, 0);
    host_pump(h);
    g_assert_cmphex(rd32(h, QVTD_GSTS) & QVTD_TE, ==, 0);
    mirror_free(m);
    stop(h);
}

/*
 * A device that moves stays where it is until the other table is in step:
 * what both map is not touched.  Two that change places do so as well.
 */
static void test_move(unsigned count)
{
    Host *h = start();
    Mirror *m[2];
    uint64_t table[2];

    queue_start(h, 0);
    for (unsigned i = 0; i < 2; i++) {
        table[i] = host_pages(h, 1);
        m[i] = mirror_new(h, SID + 8 * i, i < count ? 1 + i : 0, table[i], 4);
        map_much(m[i], GIB, TARGET | QVTD_RW);
        mirror_map(m[i], (7 + i) * GIB, 1, 1, TARGET | QVTD_RW);
    }
    inv_iotlb(h, QVTD_GLOBAL, 0, 0, 0);
    for (unsigned i = 0; i < count; i++) {
        assert_step(m[i], 0);
        map_much(m[i], 2 * GIB, (TARGET + GIB) | QVTD_RW);
    }
    for (unsigned i = 0; i < count; i++) {
        m[i]->table = table[1 - i];
        attach(m[i]->d, m[i]->table, 4, 5 + i);
    }
    queue_put(h, 1 | QVTD_GLOBAL << 4, 0);
    queue_kick(h);
    g_assert_true(h->scheduled);
    if (count == 1) {
        assert_quiet(m[0]);
    }
    host_pump(h);
    assert_queue(h, h->vtd.tail, 0);
    for (unsigned i = 0; i < count; i++) {
        g_assert_cmpuint(strict_unmaps(m[i]->s), ==, 1);
        assert_step(m[i], 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        mirror_free(m[i]);
    }
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_SHADOW_BYTES), ==, 0);
    stop(h);
}

static void test_moved(void)
{
    test_move(1);
}

static void test_changed_places(void)
{
    test_move(2);
}

/* What happens while a device waits for a table that nobody follows yet */

static void then_reset(Mirror **m)
{
    vtd_reset((*m)->h->v);
    g_assert_cmpuint(strict_count((*m)->s), ==, 0);
    set_root_table((*m)->h, (*m)->h->vtd.root);
    gcmd((*m)->h, QVTD_TE, true);
}

static void then_free(Mirror **m)
{
    Host *h = (*m)->h;

    mirror_free(*m);
    host_pump(h);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_SHADOW_BYTES), ==, 0);
    *m = mirror_new(h, SID, 0, 0, 4);
    set_context(h, SID, 0, 0);
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
}

static void then_unlisten(Mirror **m)
{
    strict_unlisten((*m)->s);
    host_pump((*m)->h);
    (*m)->s = strict_listen((*m)->d, true);
}

static void then_back(Mirror **m)
{
    attach((*m)->d, (*m)->table, 4, 1);
    inv_context((*m)->h, QVTD_GLOBAL, 0, 0, 0);
    assert_quiet(*m);
}

static void then_nothing(Mirror **m)
{
    detach((*m)->d);
    inv_context((*m)->h, QVTD_GLOBAL, 0, 0, 0);
}

static void then_translation_off(Mirror **m)
{
    gcmd((*m)->h, QVTD_TE, false);
    g_assert_cmpuint(strict_count((*m)->s), ==, 0);
    gcmd((*m)->h, QVTD_TE, true);
}

/* What the sync has passed changes again */
static void then_pages(Mirror **m)
{
    Mirror other = **m;

    other.table = (*m)->table + QVTD_PAGE;
    mirror_map(&other, GIB, 1, 3, (TARGET + 5 * GIB) | QVTD_RW);
    inv_iotlb((*m)->h, QVTD_SELECT, 9, GIB, 2);
}

static void then_save(Mirror **m)
{
    VtdSaved saved;

    vtd_save((*m)->h->v, &saved);
    g_assert_cmphex(GUINT64_FROM_LE(*(uint64_t *)(saved.csr + QVTD_CCMD)) &
                    BIT(63), ==, 0);
}

/* The queue stands still: memory was sent before the state */
static void test_save(void)
{
    Host *h = start();
    Mirror *m = mirror_new(h, SID, 1, 0, 4);
    g_autofree uint64_t *sent = g_malloc(RAM_SIZE);
    VtdSaved saved;

    queue_start(h, 0);
    map_much(m, GIB, TARGET | QVTD_RW);
    mirror_begin(m);
    queue_put(h, FLUSH(1), 0);
    queue_put(h, 5 | QVTD_WAIT_SW | 77ull << 32, h->vtd.status);
    queue_kick(h);
    g_assert_true(h->scheduled);
    assert_queue(h, 0, 0);
    memcpy(sent, h->ram, RAM_SIZE);
    vtd_save(h->v, &saved);
    g_assert_cmpint(memcmp(sent, h->ram, RAM_SIZE), ==, 0);
    g_assert_cmpuint(saved.iq_head, ==, 0);
    assert_exact(m);

    host_pump(h);
    assert_queue(h, 2, 0);
    g_assert_cmphex((uint32_t)host_get(h, h->vtd.status), ==, 77);
    mirror_free(m);
    stop(h);
}

static void then_replay(Mirror **m)
{
    Device *d = device_new((*m)->h, OTHER);
    uint64_t table = (*m)->table + QVTD_PAGE;
    Strict *s;

    attach(d, table, 4, 1);
    s = strict_replay(d, 0, UINT64_MAX);
    g_assert_cmpuint(strict_count(s), ==, BLOCKS * 512);
    strict_free(s);
    host_put(d->h, context_entry(d->h, OTHER), 0);
    device_free(d);
}

static void test_meanwhile(void)
{
    static void (*const then[])(Mirror **m) = {
        then_reset, then_free, then_unlisten, then_back, then_nothing,
        then_translation_off, then_pages, then_save, then_replay,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(then); i++) {
        Host *h = start();
        uint64_t table = host_pages(h, 2);
        Mirror *m = mirror_new(h, SID, 1, table, 4), other;

        g_test_message("%u", i);
        mirror_map(m, 0, 1, 10, TARGET | QVTD_RW);
        mirror_flush(m);
        other = *m;
        other.table = table + QVTD_PAGE;
        map_much(&other, GIB, TARGET | QVTD_RW);
        mirror_begin(m);
        attach(m->d, other.table, 4, 2);
        wr64(h, QVTD_CCMD, BIT(63) | (uint64_t)QVTD_GLOBAL << 61);
        g_assert_true(h->scheduled);
        assert_quiet(m);
        then[i](&m);
        host_pump(h);
        assert_exact(m);
        mirror_free(m);
        g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_SHADOW_BYTES), ==, 0);
        stop(h);
    }
}

/* A listener that comes hears of it all when it is known */
static void test_listener(void)
{
    Host *h = start();
    Mirror *m = mirror_new(h, SID, 1, 0, 4);

    map_much(m, GIB, TARGET | QVTD_RW);
    strict_unlisten(m->s);
    m->s = strict_listen(m->d, true);
    g_assert_true(h->scheduled);
    g_assert_cmpuint(strict_count(m->s), <, BLOCKS * 512);
    host_pump(h);
    assert_exact(m);
    mirror_free(m);
    stop(h);
}

/* Tables that loop, every way of which leads to something, and many of them */
static void test_loop(void)
{
    Host *h = start_with(2000, 1000);
    Mirror *m = mirror_new(h, SID, 1, 0, 4);

    for (unsigned i = 0; i < 512; i++) {
        host_put(h, m->table + i * 8, i == 7 ? 0 : m->table | QVTD_RW);
    }
    h->tick = 0;
    mirror_flush(m);
    g_assert_cmpuint(h->over_limits, ==, 1);
    h->tick = 1000 * 1000 * 1000;
    mirror_flush(m);
    g_assert_cmpuint(pauses(h), >, 10);
    mirror_free(m);
    stop(h);
}

/* A table that is as it was is work, and so is a GiB that goes */
static void test_work(void)
{
    Host *h = start_with(BIT(24), 100);
    Mirror *m = mirror_new(h, SID, 1, 0, 4);
    uint64_t paused, big = 512 * GIB, last;

    queue_start(h, 0);
    mirror_map(m, 0, 1, 512, TARGET | QVTD_RW);
    last = mirror_entry(m, 0, 1) & BITS(63, 12);
    for (unsigned i = 1; i < 512; i++) {
        host_put(h, mirror_entry(m, i * 2 * MIB, 2), last | QVTD_RW);
    }
    for (unsigned i = 0; i < 512; i++) {
        mirror_map(m, big + i * GIB, 3, 1, TARGET | QVTD_RW);
    }
    mirror_flush(m);
    host_pump(h);
    assert_exact(m);
    paused = pauses(h);
    queue_put(h, FLUSH(1), 0);
    queue_kick(h);
    host_pump(h);
    /* 512 blocks, and the 512 GiB that are leaves */
    g_assert_cmpuint(pauses(h) - paused, >=, 9);

    host_put(h, mirror_entry(m, 0, 4), 0);
    queue_put(h, FLUSH(1), 0);
    queue_kick(h);
    host_pump(h);
    assert_exact(m);
    paused = pauses(h);
    host_put(h, mirror_entry(m, big, 4), 0);
    queue_put(h, FLUSH(1), 0);
    queue_kick(h);
    host_pump(h);
    g_assert_cmpuint(pauses(h) - paused, >=, 4);
    assert_exact(m);
    mirror_free(m);
    stop(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/pieces/each-write", test_each_write);
    g_test_add_func("/vtd/pieces/queue", test_queue);
    g_test_add_func("/vtd/pieces/short", test_short);
    g_test_add_func("/vtd/pieces/copied", test_copied);
    g_test_add_func("/vtd/pieces/least", test_least);
    g_test_add_func("/vtd/pieces/registers", test_registers);
    g_test_add_func("/vtd/pieces/moved", test_moved);
    g_test_add_func("/vtd/pieces/changed-places", test_changed_places);
    g_test_add_func("/vtd/pieces/meanwhile", test_meanwhile);
    g_test_add_func("/vtd/pieces/save", test_save);
    g_test_add_func("/vtd/pieces/listener", test_listener);
    g_test_add_func("/vtd/pieces/loop", test_loop);
    g_test_add_func("/vtd/pieces/work", test_work);
    return g_test_run();
}
