/*
 * The VT-d unit's shadows in scalable mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Through PASID entries, of a second stage and of a first one, whose mappings
 * the guest tells of by GCMD.WBF alone (7.9); and from one to the other.
 */

#include "qemu/osdep.h"
#include "vtd-mirror.h"

#define SID                     0x0310
#define FORGETS                 0x0318
#define DID                     7
#define IOVA                    0x40000000ull
#define USER                    (QVTD_FS_USER | QVTD_FS_A | QVTD_FS_D)

typedef struct Fixture {
    Host *h;
    QVtd *vtd;
    Mirror *m;
    QVtdDomain second;
    QVtdFirst first;
} Fixture;

static Fixture fixture_new(unsigned fs_levels, bool device_iotlb)
{
    VtdConfig config = mirror_config;
    Fixture f;

    config.aw_bits = fs_levels == 5 ? 57 : 48;
    config.haw_bits = MIN(config.aw_bits, 52);
    config.scalable_mode = true;
    config.first_stage = config.second_stage = true;
    config.fs_1g = true;
    config.snooped_walks = true;
    config.write_buffer = true;
    config.device_iotlb = device_iotlb;
    config.pasid_bits = device_iotlb ? 20 : 0;
    f.h = mirror_host(&config);
    f.vtd = &f.h->vtd;
    gcmd(f.h, QVTD_TE, false);
    qvtd_use_scalable(f.vtd);
    qvtd_enable(f.vtd);
    f.second = qvtd_domain_new(f.vtd, DID, 4);
    f.first = qvtd_first_new(f.vtd, DID, fs_levels, NULL);
    f.m = mirror_new(f.h, SID, 0, 0, 4);
    return f;
}

static void fixture_free(Fixture *f)
{
    mirror_free(f->m);
    host_free(f->h);
}

/* A PASID entry was written: what follows in caching mode (7.8) */
static void told(Fixture *f)
{
    qvtd_invalidate(f->vtd, QVTD_INV_PASID_CACHE_ONE(DID, 0));
    qvtd_invalidate(f->vtd, QVTD_INV_PASID_IOTLB_ALL(DID, 0));
    qvtd_invalidate(f->vtd, QVTD_INV_IOTLB_DOMAIN(DID));
}

static void attach_first(Fixture *f)
{
    qvtd_sm_attach_first(f->vtd, SID, &f->first);
    told(f);
}

static void test_second_stage(void)
{
    Fixture f = fixture_new(4, false);

    qvtd_map(f.vtd, &f.second, IOVA, TARGET, 1, QVTD_RW);
    qvtd_sm_attach_second(f.vtd, SID, &f.second);
    told(&f);
    assert_step(f.m, 0);

    qvtd_map(f.vtd, &f.second, IOVA + 0x1000, TARGET + 0x8000, 1, QVTD_R);
    qvtd_map(f.vtd, &f.second, IOVA + MIB2, TARGET + MIB2, 2, QVTD_RW);
    qvtd_invalidate(f.vtd, QVTD_INV_IOTLB_PAGES(DID, IOVA, 10));
    assert_notices(f.m, MAPS(IOVA + 0x1000, 0x1000, (TARGET + 0x8000) | QVTD_R),
                   MAPS(IOVA + MIB2, MIB2, (TARGET + MIB2) | QVTD_RW));
    assert_step(f.m, 0);

    qvtd_put(f.vtd, qvtd_entry(f.vtd, &f.second, IOVA, 1), 0);
    qvtd_invalidate(f.vtd, QVTD_INV_IOTLB_PAGES(DID, IOVA, 0));
    assert_notices(f.m, UNMAPS(IOVA, 0x1000));
    assert_step(f.m, 0);
    told(&f);
    assert_quiet(f.m);
    fixture_free(&f);
}

/* A mapping is there when WBFS reads 0; an idle flush says nothing */
static void test_first_stage(const void *levels)
{
    Fixture f = fixture_new(GPOINTER_TO_UINT(levels), false);
    QVtd *vtd = f.vtd;

    attach_first(&f);
    assert_step(f.m, 0);
    qvtd_first_map(vtd, &f.first, IOVA, TARGET, 1, USER);
    qvtd_first_map(vtd, &f.first, IOVA + MIB2, TARGET + MIB2, 2,
                   USER & ~QVTD_FS_RW);
    assert_quiet(f.m);
    g_assert_true(qvtd_flush_write_buffer(vtd));
    assert_notices(f.m, MAPS(IOVA, 0x1000, TARGET | QVTD_RW),
                   MAPS(IOVA + MIB2, MIB2, (TARGET + MIB2) | QVTD_R));
    assert_step(f.m, 0);
    g_assert_true(qvtd_flush_write_buffer(vtd));
    assert_quiet(f.m);

    /* what is no user's is not mapped, nor what is in the upper half */
    qvtd_first_map(vtd, &f.first, IOVA + 0x1000, TARGET, 1,
                   USER & ~QVTD_FS_US);
    qvtd_first_map(vtd, &f.first, UINT64_MAX << 40, TARGET, 1, USER);
    g_assert_true(qvtd_flush_write_buffer(vtd));
    assert_quiet(f.m);

    /* accessed and dirty bits are no change of a mapping */
    qvtd_first_map(vtd, &f.first, IOVA, TARGET, 1, QVTD_FS_USER | QVTD_FS_A);
    g_assert_true(qvtd_flush_write_buffer(vtd));
    assert_quiet(f.m);

    qvtd_put(vtd, qvtd_first_entry(vtd, &f.first, IOVA, 1), 0);
    qvtd_invalidate(vtd, QVTD_INV_PASID_IOTLB_PAGES(DID, 0, IOVA, 0));
    assert_notices(f.m, UNMAPS(IOVA, 0x1000));
    assert_step(f.m, 0);

    qvtd_first_map(vtd, &f.first, IOVA, TARGET, 1, USER);
    qvtd_put(vtd, qvtd_first_entry(vtd, &f.first, IOVA + MIB2, 2), 0);
    qvtd_invalidate(vtd, QVTD_INV_PASID_IOTLB_ALL(DID, 0));
    assert_step(f.m, 0);
    fixture_free(&f);
}

/* A device that goes from one kind of tables to the other, and off */
static void test_switches(void)
{
    Fixture f = fixture_new(4, false);

    qvtd_map(f.vtd, &f.second, IOVA, TARGET, 1, QVTD_RW);
    qvtd_map(f.vtd, &f.second, IOVA + 0x1000, TARGET + 0x1000, 1, QVTD_RW);
    qvtd_first_map(f.vtd, &f.first, IOVA, TARGET, 1, USER);
    qvtd_first_map(f.vtd, &f.first, IOVA + 0x1000, TARGET + 0x5000, 1, USER);
    for (unsigned i = 0; i < 3; i++) {
        qvtd_sm_attach_second(f.vtd, SID, &f.second);
        told(&f);
        assert_step(f.m, 0);
        attach_first(&f);
        assert_step(f.m, 0);
        qvtd_sm_attach_pass_through(f.vtd, SID, DID);
        told(&f);
        g_assert_cmpint(f.m->d->view, ==, VTD_VIEW_PASS_THROUGH);
        attach_first(&f);
        g_assert_cmpint(f.m->d->view, ==, VTD_VIEW_TRANSLATED);
        assert_exact(f.m);
        mirror_begin(f.m);
    }
    qvtd_put(f.vtd, qvtd_pasid_entry(f.vtd, SID, 0), 0);
    told(&f);
    assert_step(f.m, 0);
    fixture_free(&f);
}

/* While dirty pages are tracked: before the section goes, with the targets */
static void leave_while_tracked(bool first, bool off)
{
    Fixture f = fixture_new(4, false);

    qvtd_map(f.vtd, &f.second, IOVA, TARGET, 1, QVTD_RW);
    qvtd_map(f.vtd, &f.second, IOVA + MIB2, TARGET + MIB2, 2, QVTD_RW);
    qvtd_first_map(f.vtd, &f.first, IOVA, TARGET, 1, USER);
    qvtd_first_map(f.vtd, &f.first, IOVA + MIB2, TARGET + MIB2, 2, USER);
    if (first) {
        attach_first(&f);
    } else {
        qvtd_sm_attach_second(f.vtd, SID, &f.second);
        told(&f);
    }
    assert_step(f.m, 0);
    f.h->dirty_tracking = true;
    if (off) {
        gcmd(f.h, QVTD_TE, false);
    } else {
        qvtd_sm_attach_pass_through(f.vtd, SID, DID);
        told(&f);
    }
    g_assert_cmpint(f.m->d->view, !=, VTD_VIEW_TRANSLATED);
    assert_notices(f.m, { f.vtd->mailbox, f.vtd->mailbox + 0xfff,
                     f.vtd->mailbox },
                   { IOVA, IOVA + 0xfff, TARGET },
                   { IOVA + MIB2, IOVA + 2 * MIB2 - 1, TARGET + MIB2 });
    fixture_free(&f);
}

static void test_leave_while_tracked(void)
{
    for (unsigned i = 0; i < 4; i++) {
        g_test_message("%s stage, %s", i & 1 ? "first" : "second",
                       i & 2 ? "translation off" : "pass-through");
        leave_while_tracked(i & 1, i & 2);
    }
}

/* The only thing that a listener which forgets was told since, or nothing */
static void expect_forgets(Fixture *f, uint64_t first, uint64_t last,
                           bool device_tlb)
{
    GArray *forgets = f->h->forgets;
    unsigned told = 0;

    for (unsigned i = 0; i < forgets->len; i++) {
        const Forget *forget = &g_array_index(forgets, Forget, i);

        if (forget->sid == FORGETS) {   /* others are not attached */
            told++;
            g_assert_cmphex(forget->first, ==, first);
            g_assert_cmphex(forget->last, ==, last);
            g_assert_true(forget->device_tlb == device_tlb);
        }
    }
    g_assert_cmpuint(told, ==, !!last);
    g_array_set_size(forgets, 0);
}

/*
 * Who forgets, as vhost does, hears of its own PASID's invalidations, and of
 * device-TLBs without a PASID; of those with one it would make nothing.
 */
static void test_forgets(void)
{
    Fixture f = fixture_new(4, true);
    Device *d = device_new(f.h, FORGETS);
    Strict *s = strict_listen(d, false);
    uint64_t first = IOVA, last = IOVA + 0x3fff;

    qvtd_sm_attach_first(f.vtd, FORGETS, &f.first);
    told(&f);
    g_array_set_size(f.h->forgets, 0);

    qvtd_invalidate(f.vtd, QVTD_INV_PASID_IOTLB_ALL(DID, 0));
    expect_forgets(&f, 0, UINT64_MAX, false);
    qvtd_invalidate(f.vtd, QVTD_INV_PASID_IOTLB_PAGES(DID, 0, IOVA, 2));
    expect_forgets(&f, first, last, false);
    qvtd_invalidate(f.vtd, QVTD_INV_PASID_IOTLB_ALL(DID, 1));
    expect_forgets(&f, 0, 0, false);
    qvtd_invalidate(f.vtd, QVTD_INV_PASID_IOTLB_PAGES(DID + 1, 0, IOVA, 2));
    expect_forgets(&f, 0, 0, false);
    qvtd_invalidate(f.vtd, QVTD_INV_IOTLB_PAGES(DID, IOVA, 2));
    expect_forgets(&f, 0, UINT64_MAX, false);
    g_assert_true(qvtd_flush_write_buffer(f.vtd));
    expect_forgets(&f, 0, 0, false);

    qvtd_invalidate(f.vtd, QVTD_INV_DEVICE_TLB(FORGETS, IOVA));
    expect_forgets(&f, IOVA, IOVA + 0xfff, true);
    for (uint32_t pasid = 0; pasid < 2; pasid++) {
        qvtd_invalidate(f.vtd, QVTD_INV_PASID_DEVICE_TLB(FORGETS, pasid,
                                                         IOVA));
        expect_forgets(&f, 0, 0, false);
    }

    /* A second stage has no PASID in its tag (7.7) */
    qvtd_sm_attach_second(f.vtd, FORGETS, &f.second);
    told(&f);
    g_array_set_size(f.h->forgets, 0);
    qvtd_invalidate(f.vtd, QVTD_INV_PASID_IOTLB_ALL(DID, 0));
    expect_forgets(&f, 0, 0, false);
    qvtd_invalidate(f.vtd, QVTD_INV_IOTLB_PAGES(DID, IOVA, 2));
    expect_forgets(&f, first, last, false);
    strict_unlisten(s);
    device_free(d);
    fixture_free(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/scalable/shadow/second-stage", test_second_stage);
    g_test_add_data_func("/vtd/scalable/shadow/first-stage/4-levels",
                         GUINT_TO_POINTER(4), test_first_stage);
    g_test_add_data_func("/vtd/scalable/shadow/first-stage/5-levels",
                         GUINT_TO_POINTER(5), test_first_stage);
    g_test_add_func("/vtd/scalable/shadow/switches", test_switches);
    g_test_add_func("/vtd/scalable/shadow/leave-while-tracked",
                    test_leave_while_tracked);

    g_test_add_func("/vtd/scalable/shadow/forgets", test_forgets);
    return g_test_run();
}
