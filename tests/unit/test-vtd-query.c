/*
 * What the VT-d engine tells of itself
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * That a look says what is there, costs no more than it may, and leaves
 * nothing behind.  Two more look elsewhere: each random request is explained
 * before it is made (test-vtd-random-dma), and each shadow that is held against
 * the tables is queried, too (vtd-mirror.c).
 */

#include "qemu/osdep.h"
#include "vtd-mirror.h"
#include "vtd-unit.h"
#include "hw/i386/vtd/look.h"
#include "hw/i386/vtd/words.h"

#define SID                     0x03fa
#define IOVA                    0x112233445678ull
#define PAGE_OF(iova)           ((iova) & ~0xfffull)
#define OUTPUT                  0x77000ull

/* Explained */

static Unit good_unit(void)
{
    Unit u = unit_new(NULL, SID, 4, 9);

    map(u.h, u.table, 4, IOVA, 1, OUTPUT | QVTD_RW);
    return u;
}

static VtdExplained explain(const Unit *u, uint64_t iova, VtdAccess access)
{
    VtdExplained e;

    vtd_explain(u->d->space, VTD_NO_PASID, iova, access, &e);
    return e;
}

static void test_steps(void)
{
    Unit u = good_unit();
    VtdExplained e = explain(&u, IOVA, VTD_ACCESS_READ);

    g_assert_cmphex(e.sid, ==, SID);
    g_assert_true(e.translating);
    g_assert_cmphex(e.reason, ==, 0);
    g_assert_cmphex(e.out.addr, ==, OUTPUT);
    g_assert_cmphex(e.out.mask, ==, 0xfff);
    g_assert_true(e.out.read && e.out.write);
    g_assert_cmpuint(e.did, ==, 9);
    g_assert_cmpuint(e.steps, ==, 6);
    g_assert_cmpint(e.step[0].kind, ==, VTD_STEP_ROOT);
    g_assert_cmphex(e.step[0].addr, ==, u.h->vtd.root + 3 * 16);
    g_assert_cmpint(e.step[1].kind, ==, VTD_STEP_CONTEXT);
    g_assert_cmphex(e.step[1].addr, ==, context_entry(u.h, SID));
    g_assert_cmphex(e.step[1].hi, ==, context_hi(4, 9));
    for (unsigned i = 0; i < 4; i++) {
        const VtdStep *step = &e.step[2 + i];

        g_assert_cmpint(step->kind, ==, VTD_STEP_PAGE);
        g_assert_cmpuint(step->level, ==, 4 - i);
        g_assert_true(step->readable);
        g_assert_cmphex(step->addr, ==,
                        table_entry(u.h, u.table, 4, IOVA, 4 - i));
        g_assert_cmphex(step->lo, ==, host_get(u.h, step->addr));
    }

    /* It ends where the walk ends */
    host_put(u.h, e.step[4].addr, 0);
    e = explain(&u, IOVA, VTD_ACCESS_WRITE);
    g_assert_cmphex(e.reason, ==, QVTD_F_WRITE);
    g_assert_cmpuint(e.steps, ==, 5);
    host_set_ram(u.h, PAGE_OF(e.step[3].addr), false);
    e = explain(&u, IOVA, VTD_ACCESS_WRITE);
    g_assert_cmphex(e.reason, ==, QVTD_F_TABLE_ACCESS);
    g_assert_cmpuint(e.steps, ==, 4);
    g_assert_false(e.step[3].readable);
    set_context(u.h, SID, 0, 0);
    e = explain(&u, IOVA, VTD_ACCESS_READ);
    g_assert_cmphex(e.reason, ==, QVTD_F_CONTEXT);
    g_assert_cmpuint(e.steps, ==, 2);
    host_put(u.h, e.step[0].addr, 0);
    e = explain(&u, IOVA, VTD_ACCESS_READ);
    g_assert_cmphex(e.reason, ==, QVTD_F_ROOT);
    g_assert_cmpuint(e.steps, ==, 1);

    e = explain(&u, QVTD_MSI_ADDR, VTD_ACCESS_WRITE);
    g_assert_true(e.interrupt);
    g_assert_cmpuint(e.steps, ==, 0);
    gcmd(u.h, QVTD_TE, false);
    e = explain(&u, IOVA, VTD_ACCESS_READ);
    g_assert_false(e.translating);
    host_free(u.h);
}

static void test_pass_through(void)
{
    Unit u = good_unit();
    VtdExplained e;

    set_context(u.h, SID, QVTD_P | QVTD_TT(2), context_hi(4, 9));
    inv_context(u.h, QVTD_GLOBAL, 0, 0, 0);
    e = explain(&u, IOVA, VTD_ACCESS_READ);
    g_assert_true(e.pass_through);
    g_assert_cmphex(e.reason, ==, 0);
    g_assert_cmphex(e.out.addr | (IOVA & e.out.mask), ==, IOVA);
    g_assert_cmphex(explain(&u, BIT(50), VTD_ACCESS_READ).reason, ==,
                    QVTD_F_ADDRESS);
    host_free(u.h);
}

/* All that a look could leave behind */
typedef struct Traces {
    uint64_t stats[VTD_STAT_COUNT];
    uint32_t fsts;
    unsigned lines, asked, messages, forgets;
    VtdUnitLook unit;
} Traces;

static void take_traces(Host *h, Traces *traces)
{
    memset(traces, 0, sizeof(*traces));
    for (VtdStat i = 0; i < VTD_STAT_COUNT; i++) {
        traces->stats[i] = vtd_stat(h->v, i);
    }
    traces->fsts = rd32(h, QVTD_FSTS);
    traces->lines = h->lines->len;
    traces->asked = h->log_asked;
    traces->messages = h->messages->len;
    traces->forgets = h->forgets->len;
    vtd_look_unit(h->v, &traces->unit);
}

static void look_at_all(Unit *u)
{
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(VtdMapped));
    VtdMappedLook look = { .last = UINT64_MAX, .limit = 9, .ranges = ranges };
    VtdPastFault fault;
    VtdSpaceLook space;

    for (VtdAccess access = VTD_ACCESS_PROBE; access <= VTD_ACCESS_WRITE;
         access++) {
        explain(u, IOVA, access);
        explain(u, IOVA + BIT(21), access);
        explain(u, IOVA | BIT(60), access);
    }
    vtd_look_space(u->d->space, &space);
    vtd_look_mapped(u->d->space, &look);
    g_assert_true(look.done);
    vtd_look_fault(u->h->v, 0, &fault);
}

/* No fault, no counter, no cache, whatever is found */
static void test_no_trace(void)
{
    for (unsigned i = 0; i < 8; i++) {
        Unit u = good_unit();
        Traces before, after;
        VtdPastFault fault;

        if (i & 1) {
            host_put(u.h, table_entry(u.h, u.table, 4, IOVA, 1), BIT(62) | 3);
        }
        if (i & 2) {
            set_context(u.h, SID, 0, 0);
        }
        if (i & 4) {
            set_root_table(u.h, u.h->vtd.root | 2 << 10);
        }
        u.h->log_more = true;
        take_traces(u.h, &before);
        look_at_all(&u);
        take_traces(u.h, &after);
        g_assert_cmpmem(&before, sizeof(before), &after, sizeof(after));
        g_assert_false(vtd_look_fault(u.h->v, 0, &fault));
        host_free(u.h);
    }
}

/* What caches have that memory has not is said */
static void test_stale(void)
{
    Unit u = good_unit();
    uint64_t leaf = table_entry(u.h, u.table, 4, IOVA, 1);
    VtdExplained e = explain(&u, IOVA, VTD_ACCESS_READ);

    g_assert_false(e.context_cached || e.iotlb_cached);
    assert_maps(u.d, IOVA, VTD_ACCESS_READ, OUTPUT | 0x678);
    e = explain(&u, IOVA, VTD_ACCESS_READ);
    g_assert_true(e.context_cached && e.iotlb_cached);
    g_assert_false(e.context_stale || e.iotlb_stale);
    g_assert_cmphex(e.iotlb.addr, ==, OUTPUT);

    host_put(u.h, leaf, (OUTPUT + QVTD_PAGE) | QVTD_RW);
    e = explain(&u, IOVA, VTD_ACCESS_READ);
    g_assert_true(e.iotlb_stale);
    g_assert_cmphex(e.iotlb.addr, ==, OUTPUT);
    g_assert_cmphex(e.out.addr, ==, OUTPUT + QVTD_PAGE);
    host_put(u.h, leaf, OUTPUT | QVTD_R);
    g_assert_true(explain(&u, IOVA, VTD_ACCESS_READ).iotlb_stale);
    host_put(u.h, leaf, 0);
    g_assert_true(explain(&u, IOVA, VTD_ACCESS_READ).iotlb_stale);
    inv_iotlb(u.h, QVTD_GLOBAL, 0, 0, 0);
    e = explain(&u, IOVA, VTD_ACCESS_READ);
    g_assert_false(e.iotlb_cached || e.iotlb_stale);

    set_context(u.h, SID, u.table | QVTD_P, context_hi(4, 8));
    g_assert_true(explain(&u, IOVA, VTD_ACCESS_READ).context_stale);
    set_context(u.h, SID, 0, 0);
    g_assert_true(explain(&u, IOVA, VTD_ACCESS_READ).context_stale);
    inv_context(u.h, QVTD_GLOBAL, 0, 0, 0);
    g_assert_false(explain(&u, IOVA, VTD_ACCESS_READ).context_cached);
    host_free(u.h);
}

static void test_shadow(void)
{
    Mirror *m = mirror_new(mirror_host(NULL), SID, 1, 0, 4);
    Host *h = m->h;
    VtdExplained e;

    mirror_map(m, GIB, 2, 1, TARGET | QVTD_PS | QVTD_RW);
    mirror_map(m, 2 * GIB, 1, 1, TARGET | QVTD_R);
    mirror_flush(m);
    vtd_explain(m->d->space, VTD_NO_PASID, GIB + 0x5000, VTD_ACCESS_READ, &e);
    g_assert_true(e.shadowed && e.seen);
    g_assert_false(e.shadow_stale || e.refused);
    g_assert_cmphex(e.shadow.iova, ==, GIB);
    g_assert_cmphex(e.shadow.addr, ==, TARGET);
    g_assert_cmphex(e.shadow.mask, ==, 0x1fffff);
    vtd_explain(m->d->space, VTD_NO_PASID, 2 * GIB, VTD_ACCESS_WRITE, &e);
    g_assert_cmphex(e.reason, ==, QVTD_F_WRITE);
    g_assert_true(e.seen && e.shadow.read && !e.shadow.write);
    g_assert_false(e.shadow_stale);

    /* Nothing is there, and nothing to be there */
    vtd_explain(m->d->space, VTD_NO_PASID, 3 * GIB, VTD_ACCESS_READ, &e);
    g_assert_false(e.seen || e.shadow_stale);
    vtd_explain(m->d->space, VTD_NO_PASID, BIT(50), VTD_ACCESS_READ, &e);
    g_assert_cmphex(e.reason, ==, QVTD_F_ADDRESS);
    g_assert_false(e.seen || e.shadow_stale);

    /* The guest has changed a page and not told of it */
    mirror_map(m, 2 * GIB, 1, 1, TARGET | QVTD_RW);
    vtd_explain(m->d->space, VTD_NO_PASID, 2 * GIB, VTD_ACCESS_READ, &e);
    g_assert_true(e.shadow_stale);
    mirror_map(m, 2 * GIB, 1, 1, TARGET | QVTD_W);
    vtd_explain(m->d->space, VTD_NO_PASID, 2 * GIB, VTD_ACCESS_READ, &e);
    g_assert_true(e.shadow_stale);
    mirror_map(m, 2 * GIB, 1, 1, (TARGET + QVTD_PAGE) | QVTD_R);
    vtd_explain(m->d->space, VTD_NO_PASID, 2 * GIB, VTD_ACCESS_READ, &e);
    g_assert_true(e.shadow_stale);
    mirror_unmap(m, 2 * GIB, 1, 1);
    vtd_explain(m->d->space, VTD_NO_PASID, 2 * GIB, VTD_ACCESS_READ, &e);
    g_assert_true(e.seen && e.shadow_stale);
    mirror_flush(m);
    mirror_map(m, 2 * GIB, 1, 1, TARGET | QVTD_R);
    vtd_explain(m->d->space, VTD_NO_PASID, 2 * GIB, VTD_ACCESS_READ, &e);
    g_assert_true(!e.seen && e.shadow_stale);

    m->s->bad = (Run) { 2 * GIB, 2 * GIB + 0xfff };
    mirror_flush(m);
    vtd_explain(m->d->space, VTD_NO_PASID, 2 * GIB, VTD_ACCESS_READ, &e);
    g_assert_true(e.seen && e.refused);
    g_assert_false(e.shadow_stale);
    m->s->bad = (Run) { 0 };
    mirror_flush(m);
    mirror_free(m);
    host_free(h);
}

/* Ranges */

/* Ranges as looked for in the end, in calls of @limit ranges each */
static GArray *look_mapped(Mirror *m, uint64_t first, uint64_t last,
                           unsigned limit, unsigned *calls)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(VtdMapped));
    bool more = true;

    *calls = 0;
    while (more) {
        g_autoptr(GArray) some = g_array_new(FALSE, FALSE, sizeof(VtdMapped));
        VtdMappedLook look = {
            .next = first, .last = last, .limit = limit, .ranges = some,
        };

        while (!look.done) {
            vtd_look_mapped(m->d->space, &look);
            g_assert_cmpuint(++*calls, <, 100000);
        }
        g_assert_cmpuint(some->len, <=, limit);
        g_array_append_vals(all, some->data, some->len);
        more = look.more;
        first = look.next;
    }
    return all;
}

static void assert_mapped(Mirror *m, uint64_t first, uint64_t last,
                          const VtdMapped *want, unsigned n)
{
    unsigned calls;

    for (unsigned limit = 1; limit <= n + 1; limit++) {
        g_autoptr(GArray) got = look_mapped(m, first, last, limit, &calls);

        g_assert_cmpuint(got->len, ==, n);
        for (unsigned i = 0; i < n; i++) {
            const VtdMapped *mapped = &g_array_index(got, VtdMapped, i);

            g_assert_cmphex(mapped->first, ==, want[i].first);
            g_assert_cmphex(mapped->last, ==, want[i].last);
            g_assert_cmphex(mapped->addr, ==, want[i].addr);
            g_assert_true(mapped->read == want[i].read &&
                          mapped->write == want[i].write &&
                          mapped->straight == want[i].straight);
        }
    }
}

#define MAPPED(m, first, last, ...) \
    assert_mapped(m, first, last, (VtdMapped[]) { __VA_ARGS__ }, \
                  sizeof((VtdMapped[]) { __VA_ARGS__ }) / sizeof(VtdMapped))

static void test_merged(void)
{
    Mirror *m = mirror_new(mirror_host(NULL), SID, 1, 0, 4);
    Host *h = m->h;

    assert_mapped(m, 0, UINT64_MAX, NULL, 0);
    /* A page, a superpage behind it, pages behind that: one line of memory */
    mirror_map(m, 4 * MIB - QVTD_PAGE, 1, 1,
               (TARGET + 2 * MIB - QVTD_PAGE) | QVTD_RW);
    mirror_map(m, 4 * MIB, 2, 1, (TARGET + 2 * MIB) | QVTD_PS | QVTD_RW);
    mirror_map(m, 6 * MIB, 1, 3, (TARGET + 4 * MIB) | QVTD_RW);
    /* Then one that leads elsewhere, one with less permission, a hole */
    mirror_map(m, 6 * MIB + 3 * QVTD_PAGE, 1, 1, TARGET | QVTD_RW);
    mirror_map(m, 6 * MIB + 4 * QVTD_PAGE, 1, 2, TARGET | QVTD_R);
    mirror_map(m, 6 * MIB + 7 * QVTD_PAGE, 1, 1, TARGET | QVTD_W);
    /* 1 GiB, far above */
    mirror_map(m, BIT(46), 3, 1, TARGET | QVTD_PS | QVTD_RW);
    mirror_flush(m);
    MAPPED(m, 0, UINT64_MAX,
           { 4 * MIB - QVTD_PAGE, 6 * MIB + 4 * QVTD_PAGE - 1,
             TARGET + 2 * MIB - QVTD_PAGE, true, true, false },
           { 6 * MIB + 4 * QVTD_PAGE, 6 * MIB + 6 * QVTD_PAGE - 1, TARGET,
             true, false, true },
           { 6 * MIB + 7 * QVTD_PAGE, 6 * MIB + 8 * QVTD_PAGE - 1, TARGET,
             false, true, true },
           { BIT(46), BIT(46) + GIB - 1, TARGET, true, true, true });
    /* Cut to what was asked for */
    MAPPED(m, 5 * MIB, BIT(46) + MIB - 1,
           { 5 * MIB, 6 * MIB + 4 * QVTD_PAGE - 1, TARGET + 3 * MIB, true,
             true, false },
           { 6 * MIB + 4 * QVTD_PAGE, 6 * MIB + 6 * QVTD_PAGE - 1, TARGET,
             true, false, true },
           { 6 * MIB + 7 * QVTD_PAGE, 6 * MIB + 8 * QVTD_PAGE - 1, TARGET,
             false, true, true },
           { BIT(46), BIT(46) + MIB - 1, TARGET, true, true, true });
    MAPPED(m, 4 * MIB, 6 * MIB + 3 * QVTD_PAGE - 1,
           { 4 * MIB, 6 * MIB + 3 * QVTD_PAGE - 1, TARGET + 2 * MIB, true,
             true, true });
    assert_mapped(m, 6 * MIB + 6 * QVTD_PAGE, 6 * MIB + 7 * QVTD_PAGE - 1,
                  NULL, 0);
    assert_mapped(m, 7, 6, NULL, 0);
    mirror_free(m);
    host_free(h);
}

/* Nothing is mapped for devices where requests are interrupts */
static void test_interrupt_range(void)
{
    Mirror *m = mirror_new(mirror_host(NULL), SID, 1, 0, 4);
    Host *h = m->h;

    mirror_map(m, 3 * GIB, 3, 1, TARGET | QVTD_PS | QVTD_RW);
    mirror_flush(m);
    MAPPED(m, 0, UINT64_MAX,
           { 3 * GIB, QVTD_MSI_ADDR - 1, TARGET, true, true, true },
           { QVTD_MSI_ADDR + MIB, 4 * GIB - 1,
             TARGET + (QVTD_MSI_ADDR + MIB - 3 * GIB), true, true, true });
    mirror_free(m);
    host_free(h);
}

static bool mapped_equal(const VtdMapped *a, const VtdMapped *b)
{
    return a->first == b->first && a->last == b->last && a->addr == b->addr &&
           a->read == b->read && a->write == b->write &&
           a->straight == b->straight;
}

/* However short the time is, a look gets on, and says the same */
static void test_pieces(void)
{
    Mirror *m = mirror_new(mirror_host(NULL), SID, 1, 0, 4);
    g_autoptr(GArray) whole = NULL, pieces = NULL;
    unsigned calls, few;
    Host *h = m->h;

    for (unsigned i = 0; i < 40; i++) {
        mirror_map(m, GIB * (i / 10) + 4 * MIB * i, 1, 2 + i,
                   (TARGET + i * QVTD_PAGE) | QVTD_RW);
    }
    mirror_flush(m);
    whole = look_mapped(m, 0, UINT64_MAX, 1000, &few);
    g_assert_cmpuint(whole->len, ==, 40);
    g_assert_cmpuint(few, ==, 1);
    h->tick = 1000 * 1000;
    pieces = look_mapped(m, 0, UINT64_MAX, 1000, &calls);
    g_assert_cmpuint(calls, >=, 40);
    g_assert_cmpuint(pieces->len, ==, whole->len);
    for (unsigned i = 0; i < whole->len; i++) {
        const VtdMapped *a = &g_array_index(pieces, VtdMapped, i);
        const VtdMapped *b = &g_array_index(whole, VtdMapped, i);

        g_assert_true(mapped_equal(a, b));
    }
    h->tick = 0;
    mirror_free(m);
    host_free(h);
}

/* Spaces */

static void test_space(void)
{
    Mirror *a = mirror_new(mirror_host(NULL), SID, 1, 0, 4), *b;
    Host *h = a->h;
    VtdSpaceLook look;
    uint64_t first = 0, last = UINT64_MAX;

    b = mirror_new(h, SID + 1, 2, a->table, 4);
    mirror_map(a, GIB, 2, 1, TARGET | QVTD_PS | QVTD_RW);
    mirror_map(a, 2 * GIB, 1, 3, TARGET | QVTD_RW);
    inv_iotlb(h, QVTD_GLOBAL, 0, 0, 0);
    vtd_look_space(a->d->space, &look);
    g_assert_cmphex(look.sid, ==, SID);
    g_assert_cmpint(look.view, ==, VTD_VIEW_TRANSLATED);
    g_assert_true(look.context && look.shadowed);
    g_assert_cmpuint(look.maps, ==, 4);
    g_assert_cmpuint(look.unmaps, ==, 0);
    g_assert_false(look.pass_through || look.fpd || look.pending ||
                   look.limited);
    g_assert_cmpuint(look.did, ==, 1);
    g_assert_cmphex(look.top, ==, a->table);
    g_assert_cmpuint(look.levels, ==, 4);
    g_assert_cmpuint(look.sharers, ==, 2);
    g_assert_cmpuint(look.pages, ==, 515);
    g_assert_cmpuint(look.refused_pages, ==, 0);
    g_assert_false(vtd_look_refused(a->d->space, &first, &last));

    a->s->bad = (Run) { 2 * GIB + 3 * QVTD_PAGE, 2 * GIB + 5 * QVTD_PAGE - 1 };
    mirror_map(a, 2 * GIB + 3 * QVTD_PAGE, 1, 3, TARGET | QVTD_RW);
    inv_iotlb(h, QVTD_GLOBAL, 0, 0, 0);
    vtd_look_space(a->d->space, &look);
    g_assert_cmpuint(look.pages, ==, 518);
    g_assert_cmpuint(look.refused_pages, ==, 2);
    g_assert_true(vtd_look_refused(a->d->space, &first, &last));
    g_assert_cmphex(first, ==, 2 * GIB + 3 * QVTD_PAGE);
    g_assert_cmphex(last, ==, 2 * GIB + 5 * QVTD_PAGE - 1);
    vtd_look_space(b->d->space, &look);
    g_assert_cmpuint(look.refused_pages, ==, 0);
    g_assert_cmpuint(look.did, ==, 2);

    set_context(h, SID, QVTD_P | QVTD_TT(2), context_hi(4, 9));
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    vtd_look_space(a->d->space, &look);
    g_assert_true(look.context && look.pass_through);
    g_assert_cmphex(look.top, ==, 0);
    set_context(h, SID, 0, 0);
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    vtd_look_space(a->d->space, &look);
    g_assert_false(look.context);
    g_assert_cmphex(look.reason, ==, QVTD_F_CONTEXT);
    g_assert_cmpuint(look.sharers, ==, 0);
    g_assert_cmpuint(look.pages, ==, 0);
    gcmd(h, QVTD_TE, false);
    vtd_look_space(b->d->space, &look);
    g_assert_cmpint(look.view, ==, VTD_VIEW_DIRECT);
    g_assert_cmphex(look.reason, ==, 0);
    mirror_free(b);
    mirror_free(a);
    host_free(h);
}

/* Units */

static bool has(const VtdBitName *names, uint64_t reg, const char *name)
{
    for (; names->name; names++) {
        if (!strcmp(names->name, name)) {
            return (reg & names->bits) == names->bits;
        }
    }
    g_assert_not_reached();
}

static void test_unit(void)
{
    Unit u = good_unit();
    VtdUnitLook look;

    vtd_look_unit(u.h->v, &look);
    g_assert_cmphex(look.cap, ==, rd64(u.h, QVTD_CAP));
    g_assert_cmphex(look.ecap, ==, rd64(u.h, QVTD_ECAP));
    g_assert_cmphex(look.rtaddr, ==, u.h->vtd.root);
    g_assert_cmpuint(look.queue_entries, ==, 0);
    g_assert_cmpuint(look.contexts + look.iotlb_used + look.iec_used, ==, 0);
    g_assert_true(has(vtd_cap_names, look.cap, "48-bit"));
    g_assert_false(has(vtd_cap_names, look.cap, "caching-mode"));
    g_assert_true(has(vtd_ecap_names, look.ecap, "interrupt-remapping"));
    g_assert_false(has(vtd_ecap_names, look.ecap, "device-tlb"));

    assert_maps(u.d, IOVA, VTD_ACCESS_READ, OUTPUT | 0x678);
    queue_start(u.h, 1);
    queue_put(u.h, 0xf, 0);
    queue_put(u.h, 0xf, 0);
    queue_kick(u.h);
    vtd_look_unit(u.h->v, &look);
    g_assert_cmpuint(look.contexts, ==, 1);
    g_assert_cmpuint(look.iotlb_used, ==, 1);
    g_assert_cmpuint(look.iotlb_size, ==, 4096);
    g_assert_cmpuint(look.queue_entries, ==, 512);
    g_assert_cmphex(look.queue_base, ==, u.h->vtd.queue);
    g_assert_cmpuint(look.queue_head, ==, 0);
    g_assert_cmpuint(look.queue_tail, ==, 2);
    g_assert_true(has(vtd_fsts_names, look.fsts, "queue-error"));
    g_assert_cmpuint(look.iqei, ==, 3);
    g_assert_cmpuint(u.h->stops, ==, 1);
    host_free(u.h);
}

/* Faults that were */

static void test_faults(void)
{
    Unit u = good_unit();
    VtdTranslation t;
    VtdPastFault fault;
    VtdSpaceLook space;
    VtdInterrupt out;

    g_assert_false(vtd_look_fault(u.h->v, 0, &fault));
    u.h->now = 5000;
    g_assert_false(device_translate(u.d, GIB, VTD_ACCESS_READ, &t));
    u.h->now = 7000;
    g_assert_false(device_translate(u.d, GIB, VTD_ACCESS_READ, &t));
    g_assert_false(device_translate(u.d, GIB, VTD_ACCESS_PROBE, &t));
    u.h->now = 8000;
    g_assert_false(device_translate(u.d, GIB, VTD_ACCESS_WRITE, &t));
    set_context(u.h, SID, u.table | QVTD_P | QVTD_FPD, context_hi(4, 9));
    inv_context(u.h, QVTD_GLOBAL, 0, 0, 0);
    g_assert_false(device_translate(u.d, IOVA + QVTD_PAGE, VTD_ACCESS_WRITE,
                                    &t));
    set_irta(u.h, host_pages(u.h, 1) | 7);
    gcmd(u.h, QVTD_IRE, true);
    vtd_interrupt(u.h->v, SID, QVTD_MSI_ADDR | 0x10 | 5 << 5, 0, true, &out);

    g_assert_true(vtd_look_fault(u.h->v, 0, &fault));
    g_assert_true(fault.interrupt);
    g_assert_cmphex(fault.reason, ==, 0x22);
    g_assert_cmpuint(fault.index, ==, 5);
    g_assert_true(vtd_look_fault(u.h->v, 1, &fault));
    g_assert_true(fault.hidden && !fault.read);
    g_assert_cmphex(fault.addr, ==, IOVA + QVTD_PAGE);
    g_assert_true(vtd_look_fault(u.h->v, 2, &fault));
    g_assert_cmphex(fault.reason, ==, QVTD_F_WRITE);
    g_assert_cmpint(fault.time, ==, 8000);
    g_assert_true(vtd_look_fault(u.h->v, 3, &fault));
    g_assert_cmphex(fault.reason, ==, QVTD_F_READ);
    g_assert_cmphex(fault.sid, ==, SID);
    g_assert_cmphex(fault.addr, ==, GIB);
    g_assert_cmpuint(fault.level, ==, 4);
    g_assert_cmpuint(fault.count, ==, 2);
    g_assert_cmpint(fault.time, ==, 7000);
    g_assert_true(fault.read && !fault.hidden && !fault.interrupt);
    g_assert_false(vtd_look_fault(u.h->v, 4, &fault));
    g_assert_cmpuint(u.h->faults, ==, 5);
    vtd_look_space(u.d->space, &space);
    g_assert_cmpuint(space.faults, ==, 4);
    g_assert_cmpuint(space.misses, ==, 5);

    /* The last are kept, and no more of them */
    for (unsigned i = 0; i < 1000; i++) {
        device_translate(u.d, GIB + i * QVTD_PAGE, VTD_ACCESS_READ, &t);
    }
    for (unsigned i = 0; i < VTD_PAST_FAULTS; i++) {
        g_assert_true(vtd_look_fault(u.h->v, i, &fault));
        g_assert_cmphex(fault.addr, ==, GIB + (999 - i) * QVTD_PAGE);
    }
    g_assert_false(vtd_look_fault(u.h->v, VTD_PAST_FAULTS, &fault));
    host_free(u.h);
}

/* Each reason has words of its own */
static void test_words(void)
{
    static const unsigned reasons[] = {
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
        0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x30, 0x31, 0x33,
        0x38, 0x39, 0x3a, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46,
        0x50, 0x51, 0x52, 0x58, 0x59, 0x5a, 0x5b, 0x5d,
        0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77,
        0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x80, 0x81, 0x83, 0x84,
        0x85, 0x86, 0x87, 0x90, 0x91, 0xff,
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(reasons); i++) {
        for (unsigned j = 0; j < i; j++) {
            g_assert_cmpstr(vtd_reason_words(reasons[i]), !=,
                            vtd_reason_words(reasons[j]));
        }
    }
    for (unsigned i = 0; i < 6; i++) {
        for (unsigned j = 0; j < i; j++) {
            g_assert_cmpstr(vtd_iqei_words(i), !=, vtd_iqei_words(j));
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/query/explain/steps", test_steps);
    g_test_add_func("/vtd/query/explain/pass-through", test_pass_through);
    g_test_add_func("/vtd/query/explain/stale", test_stale);
    g_test_add_func("/vtd/query/explain/shadow", test_shadow);
    g_test_add_func("/vtd/query/no-trace", test_no_trace);
    g_test_add_func("/vtd/query/ranges/merged", test_merged);
    g_test_add_func("/vtd/query/ranges/interrupts", test_interrupt_range);
    g_test_add_func("/vtd/query/ranges/pieces", test_pieces);
    g_test_add_func("/vtd/query/space", test_space);
    g_test_add_func("/vtd/query/unit", test_unit);
    g_test_add_func("/vtd/query/faults", test_faults);
    g_test_add_func("/vtd/query/words", test_words);
    return g_test_run();
}
