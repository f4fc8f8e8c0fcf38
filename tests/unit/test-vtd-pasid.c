/*
 * Requests with a PASID, and a unit that aborts them all
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * No device of QEMU 10.0 can make them, so they have no qtest.  Section
 * numbers are those of docs/specs/intel-vtd.rst.
 */

#include "qemu/osdep.h"
#include "vtd-host.h"
#include "hw/i386/vtd/look.h"

#define SID                     0x0110
#define PASID                   0x41
#define IOVA                    0x7000ull
#define PAGE                    QVTD_PAGE
#define ADDR                    0x600000ull
#define MSI                     0xfee00000ull
#define FRCD_HI                 0x228
#define SRE                     BIT(0)
#define WPE                     BIT(4)

static VtdConfig pasid_config(void)
{
    VtdConfig config = host_full_config(48);

    config.haw_bits = 46;
    config.caching_mode = true;
    config.abort_dma = true;
    return config;
}

typedef struct World {
    Host *h;
    QVtd *vtd;
    Device *d;
    QVtdFirst first;
} World;

/* PASIDE, and a directory of @pdts */
static void allow_pasids(World *w, bool on, unsigned pdts)
{
    uint64_t entry = qvtd_sm_context_entry(w->vtd, SID);

    qvtd_put(w->vtd, entry, (qvtd_get(w->vtd, entry) & ~0xe08ull) |
             pdts << 9 | (on ? BIT(3) : 0));
    qvtd_invalidate_all(w->vtd);
}

static void set_pasid(World *w, uint32_t pasid, unsigned pgtt, uint16_t did,
                      uint64_t word2)
{
    uint64_t entry = qvtd_pasid_entry(w->vtd, SID, pasid);

    qvtd_put(w->vtd, entry + 16, w->first.top | word2);
    qvtd_put(w->vtd, entry + 8, did | BIT(23));
    qvtd_put(w->vtd, entry, QVTD_PGTT(pgtt) | QVTD_P);
}

static World start(void)
{
    VtdConfig config = pasid_config();
    World w = { .h = host_new(&config) };

    w.vtd = &w.h->vtd;
    w.d = device_new(w.h, SID);
    qvtd_use_scalable(w.vtd);
    w.first = qvtd_first_new(w.vtd, 3, 4, NULL);
    qvtd_first_map(w.vtd, &w.first, IOVA, ADDR, 1, QVTD_FS_USER);
    qvtd_sm_attach_first(w.vtd, SID, &w.first);
    qvtd_enable(w.vtd);
    allow_pasids(&w, true, 0);
    set_pasid(&w, PASID, QVTD_PGTT_FIRST, 3, 0);
    qvtd_invalidate_all(w.vtd);
    return w;
}

static void stop(World *w)
{
    device_free(w->d);
    host_free(w->h);
}

static bool ask(World *w, uint32_t pasid, bool supervisor, uint64_t iova,
                VtdAccess access, VtdTranslation *t)
{
    return vtd_translate_pasid(w->d->space, pasid, supervisor, iova, access,
                               t);
}

static void expect_goes(World *w, uint32_t pasid, bool supervisor,
                        uint64_t iova, VtdAccess access, uint64_t addr)
{
    VtdTranslation t;

    g_assert_true(ask(w, pasid, supervisor, iova, access, &t));
    g_assert_cmphex(t.addr | (iova & t.mask), ==, addr);
    g_assert_true(qvtd_expect_no_fault(w->vtd));
}

/* The record tells of the PASID and of the privilege (1.10) */
static void expect_blocked(World *w, uint32_t pasid, bool supervisor,
                           uint64_t iova, VtdAccess access, unsigned reason)
{
    VtdTranslation t;
    uint64_t hi;

    g_assert_false(ask(w, pasid, supervisor, iova, VTD_ACCESS_PROBE, &t) &&
                   access == VTD_ACCESS_READ);
    g_assert_false(ask(w, pasid, supervisor, iova, access, &t));
    hi = qvtd_read64(w->vtd, FRCD_HI);
    g_assert_cmphex(hi >> 31 & 1, ==, 1);
    g_assert_cmphex(hi >> 29 & 1, ==, supervisor);
    g_assert_cmphex(hi >> 40 & 0xfffff, ==, pasid);
    g_assert_true(qvtd_expect_fault(w->vtd, reason, SID, iova & ~0xfffull,
                                    access == VTD_ACCESS_READ));
}

static void test_checks(void)
{
    World w = start();

    expect_goes(&w, PASID, false, IOVA, VTD_ACCESS_READ, ADDR);
    expect_goes(&w, PASID, false, IOVA, VTD_ACCESS_WRITE, ADDR);
    expect_blocked(&w, PASID + 1, false, IOVA, VTD_ACCESS_READ, 0x59);
    expect_blocked(&w, 1 << 13, false, IOVA, VTD_ACCESS_READ, 0x46);
    allow_pasids(&w, true, 7);
    expect_blocked(&w, 1 << 13, false, IOVA, VTD_ACCESS_READ, 0x51);
    allow_pasids(&w, false, 0);
    expect_blocked(&w, PASID, false, IOVA, VTD_ACCESS_READ, 0x45);
    stop(&w);
}

/* Requests without one have RID_PASID, which has to fit the directory, too */
static void test_rid_pasid(void)
{
    World w = start();
    uint64_t context = qvtd_sm_context_entry(w.vtd, SID);
    VtdTranslation t;

    set_pasid(&w, 0x55, QVTD_PGTT_PASS_THROUGH, 3, 0);
    qvtd_put(w.vtd, context + 8, 0x55);
    qvtd_invalidate_all(w.vtd);
    g_assert_true(device_translate(w.d, 0x123000, VTD_ACCESS_READ, &t));
    g_assert_cmphex(t.addr | (0x123000 & t.mask), ==, 0x123000);
    qvtd_put(w.vtd, context + 8, 1 << 13);
    qvtd_invalidate_all(w.vtd);
    g_assert_false(device_translate(w.d, 0x123000, VTD_ACCESS_READ, &t));
    g_assert_true(qvtd_expect_fault(w.vtd, 0x43, SID, 0x123000, true));
    stop(&w);
}

/* Privileged requests need SRE, no U/S, and RW only with WPE (4) */
static void test_supervisor(void)
{
    World w = start();
    uint64_t kernel = IOVA + PAGE;

    qvtd_first_map(w.vtd, &w.first, kernel, ADDR + PAGE, 1, QVTD_FS_P);
    expect_blocked(&w, PASID, true, kernel, VTD_ACCESS_READ, 0x5d);
    set_pasid(&w, PASID, QVTD_PGTT_FIRST, 3, SRE);
    qvtd_invalidate_all(w.vtd);
    expect_blocked(&w, PASID, false, kernel, VTD_ACCESS_READ, 0x81);
    expect_goes(&w, PASID, true, kernel, VTD_ACCESS_READ, ADDR + PAGE);
    expect_goes(&w, PASID, true, kernel, VTD_ACCESS_WRITE, ADDR + PAGE);
    expect_blocked(&w, PASID, false, kernel, VTD_ACCESS_READ, 0x81);
    expect_goes(&w, PASID, true, IOVA, VTD_ACCESS_WRITE, ADDR);

    set_pasid(&w, PASID, QVTD_PGTT_FIRST, 3, SRE | WPE);
    qvtd_invalidate_all(w.vtd);
    expect_goes(&w, PASID, true, kernel, VTD_ACCESS_READ, ADDR + PAGE);
    expect_blocked(&w, PASID, true, kernel, VTD_ACCESS_WRITE, 0x85);
    expect_goes(&w, PASID, true, IOVA, VTD_ACCESS_WRITE, ADDR);
    stop(&w);
}

/* With a PASID the interrupt range is input like any other (5.1) */
static void test_interrupt_range(void)
{
    World w = start();

    qvtd_first_map(w.vtd, &w.first, MSI, ADDR, 1, QVTD_FS_USER);
    expect_goes(&w, PASID, false, MSI, VTD_ACCESS_WRITE, ADDR);
    set_pasid(&w, PASID, QVTD_PGTT_PASS_THROUGH, 3, 0);
    qvtd_invalidate_all(w.vtd);
    expect_blocked(&w, PASID, false, MSI, VTD_ACCESS_WRITE, 0x87);
    expect_goes(&w, PASID, false, IOVA, VTD_ACCESS_WRITE, IOVA);
    expect_blocked(&w, PASID, false, BIT(46), VTD_ACCESS_READ, 0x83);
    stop(&w);
}

/* What is cached of each PASID ends with what names it (7.5, 7.7) */
static void test_cache(void)
{
    const QVtdDesc all[] = {
        QVTD_INV_PASID_CACHE(1, 4, 9), QVTD_INV_PASID_CACHE(0, 4, 0),
        QVTD_INV_PASID_CACHE(3, 0, 0),
    };
    World w = start();

    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        /* Their places in the cache are the same, or not */
        for (uint32_t pasid = 9; pasid <= 14; pasid += 4) {
            set_pasid(&w, pasid, QVTD_PGTT_FIRST, 4, 0);
        }
        qvtd_invalidate_all(w.vtd);
        for (unsigned n = 0; n < 3; n++) {
            expect_goes(&w, 13, false, IOVA, VTD_ACCESS_READ, ADDR);
            expect_goes(&w, 9, false, IOVA, VTD_ACCESS_READ, ADDR);
            expect_goes(&w, PASID, false, IOVA, VTD_ACCESS_READ, ADDR);
            expect_goes(&w, 9, false, IOVA, VTD_ACCESS_READ, ADDR);
        }
        set_pasid(&w, 9, QVTD_PGTT_PASS_THROUGH, 4, 0);
        expect_goes(&w, PASID, false, IOVA, VTD_ACCESS_READ, ADDR);
        qvtd_invalidate(w.vtd, all[i]);
        expect_goes(&w, 9, false, IOVA, VTD_ACCESS_READ, IOVA);
        expect_goes(&w, PASID, false, IOVA, VTD_ACCESS_READ, ADDR);
    }

    /* A page of one PASID is none of another's */
    qvtd_first_map(w.vtd, &w.first, IOVA, ADDR + PAGE, 1, QVTD_FS_USER);
    qvtd_invalidate(w.vtd, QVTD_INV_PASID_IOTLB_PAGES(3, PASID, IOVA, 0));
    expect_goes(&w, PASID, false, IOVA, VTD_ACCESS_READ, ADDR + PAGE);
    qvtd_first_map(w.vtd, &w.first, IOVA, ADDR, 1, QVTD_FS_USER);
    qvtd_invalidate(w.vtd, QVTD_INV_PASID_IOTLB_ALL(3, PASID));
    expect_goes(&w, PASID, false, IOVA, VTD_ACCESS_READ, ADDR);
    stop(&w);
}

/* Legacy mode has none (0x31); abort-DMA mode has nothing else (0x33) */
static void test_modes(void)
{
    World w = start();
    VtdTranslation t;

    qvtd_disable(w.vtd);
    qvtd_latch_root(w.vtd, host_pages(w.h, 1));
    qvtd_command(w.vtd, BIT(31), true);
    expect_blocked(&w, PASID, false, IOVA, VTD_ACCESS_READ, 0x31);

    qvtd_latch_root(w.vtd, w.vtd->root | 3 << 10);
    expect_blocked(&w, PASID, false, IOVA, VTD_ACCESS_WRITE, 0x33);
    g_assert_false(device_translate(w.d, IOVA, VTD_ACCESS_READ, &t));
    g_assert_true(qvtd_expect_fault(w.vtd, 0x33, SID, IOVA, true));
    g_assert_true(qvtd_queue_sync(w.vtd));

    /* The queue has no meaning for what is reserved (1.12) */
    qvtd_latch_root(w.vtd, w.vtd->root | 2 << 10);
    g_assert_false(device_translate(w.d, IOVA, VTD_ACCESS_READ, &t));
    g_assert_true(qvtd_expect_fault(w.vtd, 0x30, SID, IOVA, true));
    qvtd_queue_put(w.vtd, QVTD_INV_IOTLB_GLOBAL);
    qvtd_queue_kick(w.vtd);
    g_assert_cmphex(qvtd_read64(w.vtd, QVTD_IQERCD) & 15, ==, 7);
    stop(&w);
}

/* Of the modes that are not the legacy one, a unit has those it reports */
static void test_modes_absent(void)
{
    static const struct {
        unsigned ttm, reason;
    } rows[] = { { 0, 0x02 }, { 1, 0x30 }, { 2, 0x30 }, { 3, 0x33 } };

    for (unsigned abort = 0; abort < 2; abort++) {
        VtdConfig legacy = pasid_config();
        World w;

        legacy.scalable_mode = legacy.first_stage = false;
        legacy.second_stage = legacy.nested = false;
        legacy.abort_dma = abort;
        w.h = host_new(&legacy);
        w.vtd = &w.h->vtd;
        w.d = device_new(w.h, SID);
        g_assert_cmphex(qvtd_read64(w.vtd, QVTD_ECAP) >> 52 & 1, ==, abort);
        qvtd_enable(w.vtd);
        qvtd_put(w.vtd, w.vtd->root + (SID >> 8) * 16,
                 host_pages(w.h, 1) | QVTD_P);
        for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
            unsigned reason = !abort && rows[i].ttm == 3 ? 0x30
                                                         : rows[i].reason;
            VtdTranslation t;

            qvtd_latch_root(w.vtd, (w.vtd->root & ~0xfffull) |
                            rows[i].ttm << 10);
            qvtd_invalidate_all(w.vtd);
            g_assert_false(device_translate(w.d, IOVA, VTD_ACCESS_READ, &t));
            g_assert_true(qvtd_expect_fault(w.vtd, reason, SID, IOVA, true));
        }
        stop(&w);
    }
}

/* What vtd_explain() says of a request with a PASID */

static VtdExplained explain(World *w, uint32_t pasid, uint64_t iova,
                            VtdAccess access)
{
    VtdExplained e;

    vtd_explain(w->d->space, pasid, iova, access, &e);
    return e;
}

static void test_explain(void)
{
    World w = start();
    QVtdFirst other = qvtd_first_new(w.vtd, 3, 4, NULL);
    VtdExplained e = explain(&w, PASID, IOVA, VTD_ACCESS_READ);

    /* Root, context, directory, table, four levels */
    g_assert_cmphex(e.reason, ==, 0);
    g_assert_cmpuint(e.steps, ==, 8);
    g_assert_cmphex(e.out.addr | (IOVA & e.out.mask), ==, ADDR);
    g_assert_false(e.context_cached || e.iotlb_cached || e.seen);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_true(e.step[4 + i].first);
        g_assert_cmpuint(e.step[4 + i].level, ==, 4 - i);
    }
    g_assert_cmphex(explain(&w, PASID + 1, IOVA, VTD_ACCESS_READ).reason, ==,
                    0x59);
    g_assert_true(explain(&w, VTD_NO_PASID, MSI, VTD_ACCESS_WRITE).interrupt);
    e = explain(&w, PASID, MSI, VTD_ACCESS_WRITE);
    g_assert_false(e.interrupt);
    g_assert_cmphex(e.reason, !=, 0);
    g_assert_true(qvtd_expect_no_fault(w.vtd));

    /* A write, so that D is set and writes are cached */
    expect_goes(&w, PASID, false, IOVA, VTD_ACCESS_WRITE, ADDR);
    e = explain(&w, PASID, IOVA, VTD_ACCESS_READ);
    g_assert_true(e.context_cached && e.iotlb_cached);
    g_assert_false(e.context_stale || e.iotlb_stale);
    /* What is cached for one PASID is not for another, nor without one */
    g_assert_false(explain(&w, PASID + 1, IOVA, VTD_ACCESS_READ)
                   .context_cached);
    g_assert_false(explain(&w, VTD_NO_PASID, IOVA, VTD_ACCESS_READ)
                   .context_cached);

    g_assert_false(explain(&w, PASID + 4, IOVA, VTD_ACCESS_READ)
                   .context_cached);

    /* Memory says more, or less, or something else, than the caches */
    qvtd_first_map(w.vtd, &w.first, IOVA, ADDR, 1, QVTD_FS_P | BIT(2));
    e = explain(&w, PASID, IOVA, VTD_ACCESS_WRITE);
    g_assert_true(e.iotlb_stale && !e.context_stale && e.iotlb.write);
    qvtd_first_map(w.vtd, &w.first, IOVA, ADDR + PAGE, 1, QVTD_FS_USER);
    g_assert_true(explain(&w, PASID, IOVA, VTD_ACCESS_READ).iotlb_stale);
    qvtd_first_map(w.vtd, &w.first, IOVA, ADDR, 1, QVTD_FS_USER);
    g_assert_false(explain(&w, PASID, IOVA, VTD_ACCESS_READ).iotlb_stale);

    /* Other tables, no tables, a domain of another name */
    qvtd_first_map(w.vtd, &other, IOVA, ADDR, 1, QVTD_FS_USER);
    qvtd_put(w.vtd, qvtd_pasid_entry(w.vtd, SID, PASID) + 16, other.top);
    g_assert_true(explain(&w, PASID, IOVA, VTD_ACCESS_READ).context_stale);
    set_pasid(&w, PASID, QVTD_PGTT_PASS_THROUGH, 3, 0);
    e = explain(&w, PASID, IOVA, VTD_ACCESS_READ);
    g_assert_true(e.context_stale && e.pass_through && e.iotlb_stale);
    set_pasid(&w, PASID, QVTD_PGTT_FIRST, 4, 0);
    e = explain(&w, PASID, IOVA, VTD_ACCESS_READ);
    g_assert_true(e.context_stale);
    g_assert_cmpuint(e.did, ==, 4);
    stop(&w);
}

/* Each table of a nested first stage is found through the second */
static void test_explain_nested(void)
{
    World w = start();
    QVtdDomain second = qvtd_domain_new(w.vtd, 7, 4);
    QVtdFirst nested = qvtd_first_new(w.vtd, 7, 4, &second);
    uint64_t entry = qvtd_pasid_entry(w.vtd, SID, 0);
    VtdTranslation t;
    VtdExplained e;
    unsigned next = 4;

    qvtd_first_map(w.vtd, &nested, IOVA, ADDR, 1, QVTD_FS_USER);
    qvtd_sm_attach_first(w.vtd, SID, &nested);
    qvtd_invalidate_all(w.vtd);
    e = explain(&w, VTD_NO_PASID, IOVA, VTD_ACCESS_READ);
    g_assert_cmphex(e.reason, ==, 0);
    g_assert_cmphex(e.out.addr | (IOVA & e.out.mask), ==, ADDR);
    g_assert_cmpuint(e.steps, <=, VTD_STEPS_MAX);
    for (unsigned i = 0; i < e.steps; i++) {
        g_assert_true(e.step[i].readable);
    }
    /* Four tables, and the second stage of each, and of the page */
    g_assert_cmpuint(e.steps, ==, 4 + 4 + 5 * 4);
    for (unsigned first = 4; ; first--) {
        for (unsigned below = 4; below; below--, next++) {
            g_assert_false(e.step[next].first);
            g_assert_cmpuint(e.step[next].level, ==, below);
        }
        if (!first) {
            break;
        }
        g_assert_true(e.step[next].first);
        g_assert_cmpuint(e.step[next].level, ==, first);
        g_assert_cmphex(e.step[next].lo & 5, ==, 5);
        next++;
    }

    /* The first stage's tables stay, and those below it are others */
    g_assert_true(device_translate(w.d, IOVA, VTD_ACCESS_READ, &t));
    e = explain(&w, VTD_NO_PASID, IOVA, VTD_ACCESS_READ);
    g_assert_true(e.context_cached && !e.context_stale);
    qvtd_put(w.vtd, entry, (qvtd_get(w.vtd, entry) & 0xfffull) |
             qvtd_domain_new(w.vtd, 7, 4).top);
    e = explain(&w, VTD_NO_PASID, IOVA, VTD_ACCESS_READ);
    g_assert_true(e.context_stale);
    g_assert_cmphex(e.reason, !=, 0);
    g_assert_true(qvtd_expect_no_fault(w.vtd));
    stop(&w);
}

/* Faults are the same only with the same PASID */
static void test_history(void)
{
    World w = start();
    VtdTranslation t;
    VtdPastFault fault;

    for (unsigned i = 0; i < 2; i++) {
        g_assert_false(ask(&w, PASID + 1, false, IOVA, VTD_ACCESS_READ, &t));
    }
    g_assert_false(ask(&w, PASID + 2, false, IOVA, VTD_ACCESS_READ, &t));
    g_assert_true(vtd_look_fault(w.h->v, 0, &fault));
    g_assert_cmphex(fault.pasid, ==, PASID + 2);
    g_assert_cmpuint(fault.count, ==, 1);
    g_assert_true(vtd_look_fault(w.h->v, 1, &fault));
    g_assert_cmphex(fault.pasid, ==, PASID + 1);
    g_assert_cmpuint(fault.count, ==, 2);
    g_assert_false(vtd_look_fault(w.h->v, 2, &fault));
    stop(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/pasid/checks", test_checks);
    g_test_add_func("/vtd/pasid/rid-pasid", test_rid_pasid);
    g_test_add_func("/vtd/pasid/supervisor", test_supervisor);
    g_test_add_func("/vtd/pasid/interrupt-range", test_interrupt_range);
    g_test_add_func("/vtd/pasid/cache", test_cache);
    g_test_add_func("/vtd/pasid/modes", test_modes);
    g_test_add_func("/vtd/pasid/modes-absent", test_modes_absent);
    g_test_add_func("/vtd/pasid/explain", test_explain);
    g_test_add_func("/vtd/pasid/explain-nested", test_explain_nested);
    g_test_add_func("/vtd/pasid/history", test_history);
    return g_test_run();
}
