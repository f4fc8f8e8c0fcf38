/*
 * The VT-d engine's shadows: what brings them in step
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every event that may, and that no other does; and what ends them.
 */

#include "qemu/osdep.h"
#include "vtd-mirror.h"

#define SID                     0x10
#define OTHER                   0x18

/* Every event that can change a mapping (by the queue, and by registers) */

typedef struct Event {
    const char *name;
    void (*happen)(Mirror *m);
} Event;

static void event_page(Mirror *m)
{
    inv_iotlb(m->h, QVTD_SELECT, m->did, GIB + 2 * QVTD_PAGE, 2);
}

static void event_domain(Mirror *m)
{
    inv_iotlb(m->h, QVTD_DOMAIN, m->did, 0, 0);
}

static void event_global(Mirror *m)
{
    inv_iotlb(m->h, QVTD_GLOBAL, 0, 0, 0);
}

static void event_context_global(Mirror *m)
{
    inv_context(m->h, QVTD_GLOBAL, 0, 0, 0);
}

static void event_context_domain(Mirror *m)
{
    inv_context(m->h, QVTD_DOMAIN, m->did, 0, 0);
}

static void event_context_device(Mirror *m)
{
    inv_context(m->h, QVTD_SELECT, m->did, SID, 0);
}

static void event_context_function(Mirror *m)
{
    inv_context(m->h, QVTD_SELECT, m->did, SID ^ 5, 3);
}

static void event_root_table(Mirror *m)
{
    set_root_table(m->h, m->h->vtd.root);
}

static void event_replay_of_sharer(Mirror *m)
{
    Device *d = device_new(m->h, OTHER);

    strict_free(strict_replay(d, 0, UINT64_MAX));
    device_free(d);
}

static void event_listener_of_sharer(Mirror *m)
{
    Device *d = device_new(m->h, OTHER);

    strict_unlisten(strict_listen(d, true));
    device_free(d);
}

static const Event events[] = {
    { "page", event_page },
    { "domain", event_domain },
    { "global", event_global },
    { "context-global", event_context_global },
    { "context-domain", event_context_domain },
    { "context-device", event_context_device },
    { "context-function", event_context_function },
    { "root-table", event_root_table },
    { "replay-of-sharer", event_replay_of_sharer },
    { "listener-of-sharer", event_listener_of_sharer },
};

static void test_event(Host *h, const Event *event)
{
    const uint64_t iova = GIB;
    Mirror *m = mirror_new(h, SID, 1, 0, 4);
    Device other = { .h = h, .sid = OTHER };

    g_test_message("%s", event->name);
    attach(&other, m->table, 4, 1);
    mirror_map(m, iova, 1, 3, TARGET | QVTD_RW);
    mirror_map(m, iova + 5 * QVTD_PAGE, 1, 1, TARGET | QVTD_RW);
    event_domain(m);
    assert_counts(m, 0, 4);
    assert_step(m, 0);

    mirror_map(m, iova + QVTD_PAGE, 1, 1, (TARGET + GIB) | QVTD_RW);
    mirror_map(m, iova + 2 * QVTD_PAGE, 1, 2, (TARGET + 2 * GIB) | QVTD_RW);
    host_put(h, mirror_entry(m, iova + 2 * QVTD_PAGE, 1), 0);
    event->happen(m);
    assert_notices(m, UNMAPS(iova + QVTD_PAGE, QVTD_PAGE),
                   MAPS(iova + QVTD_PAGE, QVTD_PAGE, (TARGET + GIB) | QVTD_RW),
                   UNMAPS(iova + 2 * QVTD_PAGE, 2 * QVTD_PAGE),
                   MAPS(iova + 3 * QVTD_PAGE, QVTD_PAGE,
                        (TARGET + 2 * GIB + QVTD_PAGE) | QVTD_RW));
    assert_step(m, 0);
    event->happen(m);
    assert_quiet(m);
    g_assert_cmpuint(m->d->switches, ==, 1);
    host_put(h, context_entry(h, OTHER), 0);
    detach(m->d);
    mirror_free(m);
}

static void test_events(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(events); i++) {
        Host *h = mirror_host(NULL);

        test_event(h, &events[i]);
        queue_start(h, 0);
        test_event(h, &events[i]);
        host_free(h);
    }
}

/* Others are not looked at */
static void test_event_of_others(void)
{
    Host *h = mirror_host(NULL);
    Mirror *m = mirror_new(h, SID, 1, 0, 4);

    mirror_map(m, GIB, 1, 8, TARGET | QVTD_RW);
    inv_iotlb(h, QVTD_DOMAIN, 2, 0, 0);
    inv_iotlb(h, QVTD_SELECT, 2, GIB, 0);
    inv_context(h, QVTD_SELECT, 1, OTHER, 0);
    assert_quiet(m);
    inv_iotlb(h, QVTD_SELECT, 1, GIB + QVTD_PAGE, 0);
    assert_notices(m,
                   MAPS(GIB + QVTD_PAGE, QVTD_PAGE,
                        (TARGET + QVTD_PAGE) | QVTD_RW));
    inv_iotlb(h, QVTD_SELECT, 1, GIB + 4 * QVTD_PAGE, 2);
    assert_counts(m, 0, 5);
    inv_iotlb(h, QVTD_DOMAIN, 1, 0, 0);
    assert_counts(m, 0, 8);
    assert_step(m, 0);
    mirror_free(m);
    host_free(h);
}

/* Up to the largest mask, the tables below unlinked already */
static void test_unlinked(void)
{
    Host *h = mirror_host(NULL);
    Mirror *m = mirror_new(h, SID, 1, 0, 4);
    uint64_t entry;

    for (unsigned i = 0; i < 16; i++) {
        mirror_map(m, GIB + i * 64 * MIB, 1, 4, TARGET | QVTD_RW);
    }
    mirror_flush(m);
    assert_counts(m, 0, 64);
    for (unsigned level = 2; level <= 4; level++) {
        entry = mirror_entry(m, GIB, level);
        mirror_begin(m);
        host_put(h, entry, 0);
        inv_iotlb(h, QVTD_SELECT, 1, GIB, 0);
        assert_notices(m, UNMAPS(GIB, QVTD_PAGE));
        inv_iotlb(h, QVTD_SELECT, 1, GIB, 9);
        inv_iotlb(h, QVTD_SELECT, 1, GIB, 18);
        assert_exact(m);
        inv_iotlb(h, QVTD_DOMAIN, 1, 0, 0);
        g_assert_cmpuint(strict_count(m->s), ==, level == 2 ? 60 : 0);
        mirror_map(m, GIB, 1, 4, TARGET | QVTD_RW);
        if (level > 2) {
            for (unsigned i = 1; i < 16; i++) {
                mirror_map(m, GIB + i * 64 * MIB, 1, 4, TARGET | QVTD_RW);
            }
        }
        mirror_flush(m);
        g_assert_cmpuint(strict_count(m->s), ==, 64);
    }
    host_put(h, mirror_entry(m, GIB, 3), 0);
    mirror_begin(m);
    inv_iotlb(h, QVTD_SELECT, 1, GIB + 77 * QVTD_PAGE, 18);
    assert_notices(m, UNMAPS(GIB, GIB));
    mirror_free(m);
    host_free(h);
}

/* What ends the translated view */

static void leave_by_context(Mirror *m)
{
    set_context(m->h, SID, QVTD_P | QVTD_TT(2), context_hi(4, 1));
    event_context_device(m);
}

static void leave_by_root_table(Mirror *m)
{
    m->h->vtd.root = 0;         /* a new one */
    set_context(m->h, SID, QVTD_P | QVTD_TT(2), context_hi(4, 1));
    set_root_table(m->h, m->h->vtd.root);
}

/* The bus gets another number, for which there is another context */
static void leave_by_number(Mirror *m)
{
    set_context(m->h, OTHER, QVTD_P | QVTD_TT(2), context_hi(4, 1));
    m->d->sid = OTHER;
    vtd_sources_changed(m->h->v);
}

static void leave_by_command(Mirror *m)
{
    gcmd(m->h, QVTD_TE, false);
}

static void leave_by_reset(Mirror *m)
{
    vtd_reset(m->h->v);
}

static const Event leaves[] = {
    { "pass-through", leave_by_context },
    { "another root table", leave_by_root_table },
    { "another number", leave_by_number },
    { "translation off", leave_by_command },
    { "reset", leave_by_reset },
};

/*
 * VFIO's own unmap of a section knows no targets, so that the pages that the
 * device wrote would be lost.  Each is told before, of one mapping.  (That the
 * section is not gone by then, and nothing is left in it, strict_switched()
 * sees.)
 */
static void test_leave_while_tracked(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(leaves); i++) {
        Host *h = mirror_host(NULL);
        Mirror *m = mirror_new(h, SID, 1, 0, 4);

        g_test_message("%s", leaves[i].name);
        mirror_map(m, 0, 1, 2, TARGET | QVTD_RW);
        mirror_map(m, 2 * MIB, 2, 1, (TARGET + 2 * MIB) | QVTD_R);
        mirror_map(m, 4 * MIB, 1, 1, (TARGET - MIB) | QVTD_RW); /* no RAM */
        mirror_map(m, GIB, 3, 1, (TARGET + GIB) | QVTD_RW);
        mirror_flush(m);
        g_assert_cmpuint(strict_count(m->s), ==, 4);
        h->dirty_tracking = true;
        mirror_begin(m);
        leaves[i].happen(m);
        g_assert_cmpint(m->d->view, !=, VTD_VIEW_TRANSLATED);
        assert_notices(m,
                       { 0, QVTD_PAGE - 1, TARGET },
                       { QVTD_PAGE, 2 * QVTD_PAGE - 1, TARGET + QVTD_PAGE },
                       { 2 * MIB, 4 * MIB - 1, TARGET + 2 * MIB },
                       { GIB, 2 * GIB - 1, TARGET + GIB });
        mirror_free(m);
        host_free(h);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/shadow-event/each", test_events);
    g_test_add_func("/vtd/shadow-event/of-others", test_event_of_others);
    g_test_add_func("/vtd/shadow-event/unlinked", test_unlinked);
    g_test_add_func("/vtd/shadow-event/leave-while-tracked",
                    test_leave_while_tracked);

    return g_test_run();
}
